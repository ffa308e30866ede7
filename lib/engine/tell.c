/* What the sinks are told apart from events: the beginning, the state of things, the end. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "base/vec.h"
#include "engine/engine_impl.h"

enum { PID_AFTER_NS = 1000000000 }; /* only attempts that last have their pid in the ledger while they run */

void engine_begin(struct engine *e)
{
	const struct run_info info = {
		.run = e->id.text, .target = e->target_text, .root = e->root, .log_dir = e->paths.logs,
		.slots = e->slots, .start_wall_ms = e->start_wall_ms, .start_mono_ns = e->start_mono_ns,
		.expansion = e->x,
	};

	sinks_begin(e->sinks, &info);
}

static int by_start(const void *a, const void *b)
{
	const struct running *x = a, *y = b;

	return (x->start_mono_ns > y->start_mono_ns) - (x->start_mono_ns < y->start_mono_ns);
}

static void note_pids(struct engine *e, int64_t now)
{
	for (size_t i = 0; e->ledger && i < e->n_running; i++) {
		struct attempt *a = attempt_of(e, e->running[i]);

		if (a->pid_known || !a->pid || now - a->start_mono_ns < PID_AFTER_NS)
			continue;
		ledger_attempt_pid(e->ledger, e->run_no, e->running[i], a->pid);
		a->pid_known = true;
	}
}

void engine_tick(struct engine *e)
{
	struct running *r = xcalloc(e->n_running, sizeof(*r));
	struct schedule_counts c;
	struct run_status st = {.mono_ns = stamp_mono_ns(), .n_running = (uint32_t)e->n_running, .running = r};
	struct buf name = BUF_INIT, held = BUF_INIT;

	slots_held(e, &held);
	st.held = held.len ? held.data : NULL;
	for (size_t i = 0; i < e->n_running; i++) {
		const struct attempt *a = attempt_of(e, e->running[i]);

		buf_reset(&name);
		expansion_unit_name(e->x, a->unit, &name);
		r[i] = (struct running){
			.name = xstrdup(name.data), .unit = a->unit, .attempt = a->number,
			.start_mono_ns = a->start_mono_ns, .timeout_ms = a->timeout_ms,
			.expected_ms = (int64_t)e->x->graph->unit[a->unit].cost_ms};
	}
	qsort(r, e->n_running, sizeof(*r), by_start);
	schedule_counts(e->s, &c);
	for (int s = 0; s < STATE_COUNT; s++) {
		st.n_total += c.by_state[s];
		st.n_settled += state_is_final((enum state)s) ? c.by_state[s] : 0;
		st.n_failed += state_is_failure((enum state)s) ? c.by_state[s] : 0;
	}
	st.eta_ms = expect_eta_ms(e, st.mono_ns);
	note_pids(e, st.mono_ns);
	sinks_tick(e->sinks, &st);
	for (size_t i = 0; i < e->n_running; i++)
		free((char *)r[i].name);
	free(r);
	buf_release(&name);
	buf_release(&held);
}

/* --- the end ------------------------------------------------------------------------------------------ */

static struct run_failure *collect_failures(struct engine *e, uint32_t *ret_n)
{
	struct run_failure *f = NULL;
	size_t n = 0, room = 0;
	struct buf name = BUF_INIT;

	for (uint32_t u = 0; u < e->x->graph->n_units; u++) {
		enum state s = schedule_state(e->s, u);

		/* Or the gate of a group that could not begin: no step of it says why. */
		if ((e->x->graph->unit[u].kind != UNIT_STEP && e->x->graph->unit[u].kind != UNIT_BEGIN) ||
		    !state_is_failure(s))
			continue;
		buf_reset(&name);
		expansion_unit_name(e->x, u, &name);
		VEC_PUSH(f, n, room, ((struct run_failure){
			.name = xstrdup(name.data), .error = e->note[u].error,
			.log = e->note[u].serial ? engine_log_path(e, u, e->note[u].serial) : NULL,
			.state = s}));
	}
	buf_release(&name);
	*ret_n = (uint32_t)n;
	return f;
}

void engine_summary(struct engine *e, enum state state)
{
	struct schedule_counts c;
	struct run_summary sum = {
		.run = e->id.text, .target = e->target_text, .state = state,
		.degraded = schedule_is_degraded(e->s, e->x->graph->group[e->x->graph->root].end),
		.duration_ms = (stamp_mono_ns() - e->start_mono_ns) / NS_PER_MS,
		.has_ledger = e->ledger != NULL,
	};
	struct run_failure *f = collect_failures(e, &sum.n_failures);

	schedule_counts(e->s, &c);
	memcpy(sum.by_state, c.by_state, sizeof(sum.by_state));
	sum.failure = f;
	sinks_end(e->sinks, &sum);
	for (uint32_t i = 0; i < sum.n_failures; i++) {
		free((char *)f[i].name);
		free((char *)f[i].log);
	}
	free(f);
}
