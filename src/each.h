/* --each NAME=FROM..TO: one run per value, a backfill. */
#ifndef SRC_EACH_H
#define SRC_EACH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct each {
	char *name;
	int64_t from, to; /* both run; days since 1970 if dates */
	bool dates;
};

/* False and what is wrong with text, in why. */
bool each_parse(struct each *e, const char *text, struct buf *why);
/* The value at `at`, from e->from to e->to, as text. */
void each_text(const struct each *e, int64_t at, struct buf *out);
void each_release(struct each *e);

#endif
