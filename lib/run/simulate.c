#include "run/simulate.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "run/heap.h"

struct world {
	const struct graph *g;
	const struct simulation *how;
	struct schedule *s;
	struct heap running; /* units, the first to end first */
	int64_t *end_ms;     /* of each unit's attempt */
	int64_t now_ms;
	struct simulated *ret;
};

static bool ends_before(const void *owner, uint32_t a, uint32_t b)
{
	const struct world *w = owner;

	return w->end_ms[a] != w->end_ms[b] ? w->end_ms[a] < w->end_ms[b] : a < b;
}

static void running_moved(void *owner, uint32_t item, uint32_t place)
{
	(void)owner;
	(void)item;
	(void)place;
}

static const struct heap_rule by_end = {ends_before, running_moved};

static int64_t duration_of(const struct world *w, uint32_t unit, uint32_t attempt)
{
	int64_t ms;

	if (w->how->duration_ms) {
		ms = w->how->duration_ms(w->how->ctx, unit, attempt);
		return ms > 0 ? ms : 0;
	}
	ms = (int64_t)w->g->unit[unit].cost_ms;
	return ms > 0 ? ms : 1;
}

static void start(struct world *w, uint32_t unit, uint32_t attempt)
{
	int64_t ms = duration_of(w, unit, attempt);

	w->end_ms[unit] = w->now_ms + ms;
	heap_push(&w->running, &by_end, w, unit);
	w->ret->n_starts++;
	w->ret->busy_ms += ms;
	if (w->running.n > w->ret->max_running)
		w->ret->max_running = w->running.n;
}

static void watch(const struct world *w)
{
	if (w->how->watch)
		w->how->watch(w->how->ctx, w->s);
}

static void carry_out(struct world *w)
{
	struct action a;

	while (schedule_next(w->s, w->now_ms, &a)) {
		w->ret->n_actions++;
		if (a.kind == ACTION_START)
			start(w, a.unit, a.attempt);
		else if (a.kind == ACTION_ASK)
			schedule_answer(w->s, a.unit, ANSWER_RUN, REASON_NONE);
		watch(w);
	}
}

static void end_one(struct world *w)
{
	uint32_t unit = w->running.at[0];
	enum state state = STATE_SUCCEEDED;

	heap_remove(&w->running, &by_end, w, 0);
	w->now_ms = w->end_ms[unit];
	if (w->how->outcome)
		state = w->how->outcome(w->how->ctx, unit, schedule_attempt(w->s, unit));
	schedule_ended(w->s, w->now_ms, unit, state, true, REASON_EXIT);
	watch(w);
}

void simulate(const struct graph *g, const struct simulation *how, struct simulated *ret)
{
	struct world w = {.g = g, .how = how, .s = schedule_new(g, &how->schedule), .ret = ret};
	struct schedule_counts counts;

	*ret = (struct simulated){0};
	w.end_ms = xcalloc((size_t)g->n_units + 1, sizeof(*w.end_ms));
	carry_out(&w);
	while (!schedule_done(w.s)) {
		int64_t due = schedule_due(w.s);

		if (w.running.n && w.end_ms[w.running.at[0]] <= due)
			end_one(&w);
		else
			w.now_ms = due;
		BUG_UNLESS(w.now_ms < INT64_MAX); /* nothing runs, nothing is due, and not all has settled */
		carry_out(&w);
	}
	ret->makespan_ms = w.now_ms;
	ret->state = schedule_state(w.s, g->group[g->root].end);
	schedule_tally(w.s, g->root, &ret->tally);
	schedule_counts(w.s, &counts);
	memcpy(ret->by_state, counts.by_state, sizeof(ret->by_state));
	heap_release(&w.running);
	free(w.end_ms);
	schedule_free(w.s);
}
