#include "engine/evidence.h"

#include "warden/request.h"

static enum attempt_end end_of(const struct journal_attempt *a)
{
	if (a->last == JOURNAL_FAILED)
		return END_NOT_STARTED;
	if (a->last != JOURNAL_END)
		return END_LOST;
	switch (a->why) {
	case WHY_EXITED:
		return END_EXITED;
	case WHY_TIMED_OUT:
		return END_TIMED_OUT;
	case WHY_STOPPED:
		return END_STOPPED;
	case WHY_DRIVER_GONE:
		return END_ORPHANED;
	}
	return END_LOST;
}

struct attempt_ended evidence_end(const struct journal_attempt *a)
{
	enum attempt_end end = end_of(a);

	return (struct attempt_ended){
		.serial = a->serial,
		.end = end,
		.status = a->status,
		.error = a->error,
		.stage = end == END_NOT_STARTED ? stage_word(a->stage) : NULL,
		.pid = a->pid,
		.user_us = a->user_ms * 1000,
		.system_us = a->system_ms * 1000,
		.max_rss_kib = a->max_rss_kib,
		.leftovers = a->leftovers,
	};
}
