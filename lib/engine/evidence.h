/* What the warden recorded of an attempt, in the words of an executor. */
#ifndef ENGINE_EVIDENCE_H
#define ENGINE_EVIDENCE_H

#include "engine/executor.h"
#include "warden/journal.h"

/*
 * Evidence, not an outcome: LOST is what has begun and nobody saw end.  Monotonic times are 0, as they mean
 * nothing beyond the process that took them.
 */
struct attempt_ended evidence_end(const struct journal_attempt *a);

#endif
