/* The one record of something that happened in a run. */
#ifndef RUN_EVENT_H
#define RUN_EVENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "run/schedule.h"

enum event_kind {
#define EVENT(id, word, sentence) EVENT_##id,
#include "run/event.def"
#undef EVENT
	EVENT_COUNT,
};

const char *event_word(enum event_kind k);

/* Borrowed texts; whoever keeps an event copies it. */
struct run_event {
	uint64_t seq; /* from 1 within the run, in the order told */
	int64_t wall_ms;
	int64_t mono_ns;
	enum event_kind kind;
	const char *run;   /* its id */
	uint32_t unit;	   /* UNIT_NONE: about the run */
	const char *step;  /* name of the step or job as people see it: job, job[a], job/step; NULL: the run */
	uint32_t attempt;  /* 0: none */
	enum state state;
	enum reason reason;
	const char *cause; /* what the reason's %s stands for, or NULL */
	const char *error; /* the failure's text, or NULL */
	int exit_code;	   /* -1: none */
	int signal;	   /* 0: none */
	int64_t duration_ms; /* -1: none */
	int64_t due_ms;	   /* STEP_RETRY: pause in ms; STEP_SLOW: what it should have taken; -1 */
	const char *log;   /* path of the attempt's log, or NULL */
	const char *command; /* STEP_STARTED: as one could paste it, or NULL; for the screen, not kept */
	uint32_t n_total;  /* steps of the run at this instant; for the screen, not kept */
	uint32_t n_settled; /* of them, where not each that settles is told; 0: each is; not kept */
};

/* As one JSON object: {run, seq, time, event, step?, attempt?, state?, ...}, the same while it happens and
 * later from the ledger.  New reference. */
json_t *event_to_json(const struct run_event *e);

#endif
