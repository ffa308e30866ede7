/*
 * A run without processes: durations in, makespan out.  The schedule is the real one; what
 * would be started ends after the time that the caller names.
 */
#ifndef RUN_SIMULATE_H
#define RUN_SIMULATE_H

#include <stdint.h>

#include "run/schedule.h"

struct simulation {
	struct schedule_options schedule;
	/* How long an attempt takes; NULL: the unit's cost_ms, or 1. */
	int64_t (*duration_ms)(void *ctx, uint32_t unit, uint32_t attempt);
	/* How it ends; NULL: succeeded.  A failure may be tried again as the unit's retries say. */
	enum state (*outcome)(void *ctx, uint32_t unit, uint32_t attempt);
	/* After every event, may be NULL: schedule_check, or a look at what has happened. */
	void (*watch)(void *ctx, const struct schedule *s);
	void *ctx;
};

struct simulated {
	int64_t makespan_ms;
	int64_t busy_ms;	/* of all attempts together */
	uint64_t n_starts, n_actions;
	uint32_t max_running;
	enum state state;	/* of the root's END */
	struct tally tally;	/* of the root */
	uint32_t by_state[STATE_COUNT]; /* of steps */
};

/* Questions are answered by yes. */
void simulate(const struct graph *g, const struct simulation *how, struct simulated *ret);

#endif
