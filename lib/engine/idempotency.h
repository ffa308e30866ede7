/*
 * The key under which a step's writes happen once: the process of the step has it in
 * $ORCHMAKE_IDEMPOTENCY_KEY, the ledger with the attempt, a store beside what was written.
 */
#ifndef ENGINE_IDEMPOTENCY_H
#define ENGINE_IDEMPOTENCY_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "job/jobfile.h"

/*
 * `<run>:<step>`, `semantic:<value>` or `explicit:<value>`, and with payload_hash `:` and 16 hex digits of the hash
 * of with.  key is what the step's own key is now, or NULL.  False and why.
 */
bool idempotency_text(const struct idempotency *i, const char *run, const char *step, const json_t *with,
		      const char *key, struct buf *out, struct buf *why);

#endif
