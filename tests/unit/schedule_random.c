/*
 * Random graphs, policies and orders of events.  After every event the schedule checks
 * itself, and a second opinion, which knows only the graph and what it was told, says whether
 * each action was allowed.  The same seed must give the same actions.
 */
#include "base/bug.h"
#include "check.h"
#include "run/schedule.h"
#include "schedule_graphs.h"

enum { ROUNDS = 4000 };

/* --- the second opinion ---------------------------------------------------------------------------------- */

struct opinion {
	struct graph *g;
	const struct schedule *s;
	bool settled[MAX_UNITS], running[MAX_UNITS], asked[MAX_UNITS], parked[MAX_UNITS], paused[MAX_UNITS];
	bool expired[MAX_UNITS]; /* its time was up before it had settled */
	uint8_t state[MAX_UNITS];
	uint32_t attempt[MAX_UNITS], taken[MAX_UNITS];
	uint32_t slots, n_settled, n_running;
	bool ignore, canceled, extended, stopped_above;
	uint64_t hash;
};

/* Its own time is up, or that of each group that wants it. */
static bool op_is_expired(const struct opinion *o, uint32_t u)
{
	const struct graph *g = o->g;
	bool all = g->want_at[u] < g->want_at[u + 1] && !(g->unit[u].flags & UNIT_ALWAYS);

	for (uint32_t i = g->want_at[u]; i < g->want_at[u + 1]; i++)
		all = all && op_is_expired(o, g->group[g->want[i]].end);
	return o->expired[u] || all;
}

static bool op_failed_for_good(const struct opinion *o, uint32_t u)
{
	return o->settled[u] && state_is_failure(o->state[u]);
}

static bool op_is_ok(const struct opinion *o, uint32_t u)
{
	const struct unit *x = &o->g->unit[u];

	if (!o->settled[u])
		return false;
	if (state_is_ok(o->state[u]))
		return true;
	if (!state_is_failure(o->state[u]))
		return false;
	if (o->ignore || x->on_failure == ON_FAILURE_CONTINUE)
		return true;
	return x->on_failure == ON_FAILURE_FALLBACK && x->stand_in != UNIT_NONE &&
	       op_is_ok(o, x->stand_in) && o->state[x->stand_in] != STATE_SKIPPED;
}

static bool op_is_hard(const struct opinion *o, uint32_t u)
{
	const struct unit *x = &o->g->unit[u];

	if (!op_failed_for_good(o, u) || o->ignore || !(x->flags & UNIT_CRITICAL))
		return false;
	return x->on_failure != ON_FAILURE_FALLBACK ||
	       (x->stand_in != UNIT_NONE && o->settled[x->stand_in] && !op_is_ok(o, u) &&
		o->g->unit[x->stand_in].on_failure != ON_FAILURE_FALLBACK);
}

/* The group has a member whose failure must have stopped it. */
static bool op_must_stop(const struct opinion *o, uint32_t group)
{
	const struct graph *g = o->g;

	for (uint32_t i = g->member_at[group]; i < g->member_at[group + 1]; i++) {
		uint32_t m = g->member[i];

		if (op_is_hard(o, m) && (g->group[group].stop_at_once ||
					 (g->group[group].heeds_abort && g->unit[m].on_failure == ON_FAILURE_ABORT)))
			return true;
	}
	return false;
}

/* Some group may still want it: along no way up is one that must have stopped. */
static bool op_may_start(const struct opinion *o, uint32_t u)
{
	const struct graph *g = o->g;

	if (g->unit[u].flags & UNIT_ALWAYS)
		return true;
	if (g->want_at[u] == g->want_at[u + 1])
		return !o->canceled;
	for (uint32_t i = g->want_at[u]; i < g->want_at[u + 1]; i++) {
		uint32_t group = g->want[i];

		if (!op_must_stop(o, group) && op_may_start(o, g->group[group].end))
			return true;
	}
	return false;
}

static bool op_holds(const struct opinion *o, const struct need *n)
{
	switch ((enum cond)n->cond) {
	case COND_OK:
		return op_is_ok(o, n->unit);
	case COND_FAILED:
		return state_is_failure(o->state[n->unit]);
	case COND_SKIPPED:
		return o->state[n->unit] == STATE_SKIPPED;
	case COND_DONE:
	case COND_ANY:
	case COND_OPEN:
		return true;
	}
	return false;
}

/* Nothing starts before its needs hold. */
static void op_check_needs(const struct opinion *o, uint32_t u)
{
	const struct graph *g = o->g;
	const struct unit *x = &g->unit[u];
	uint32_t countable = 0, held = 0;
	bool for_all = !x->rule || (x->flags & (UNIT_ASKS_STATUS | UNIT_ALWAYS | UNIT_STAND_IN));

	for (uint32_t i = g->need_at[u]; i < g->need_at[u + 1]; i++) {
		const struct need *n = &g->need[i];
		bool counts = !n->order_only && n->cond != COND_OPEN;

		countable += counts;
		held += counts && o->settled[n->unit] && op_holds(o, n);
		if (for_all || !counts)
			CHECK(o->settled[n->unit]);
	}
	if (x->flags & (UNIT_ASKS_STATUS | UNIT_ALWAYS))
		return;
	CHECK(held >= (x->rule && x->rule < countable ? x->rule : countable));
}

static void op_check_finally(const struct opinion *o, uint32_t u)
{
	const struct graph *g = o->g;

	for (uint32_t i = g->want_at[u]; i < g->want_at[u + 1]; i++)
		for (uint32_t k = g->member_at[g->want[i]]; k < g->member_at[g->want[i] + 1]; k++)
			CHECK(o->settled[g->member[k]] || (g->unit[g->member[k]].flags & UNIT_ALWAYS));
}

static void op_check_room(const struct opinion *o, uint32_t u)
{
	const struct graph *g = o->g;
	uint32_t slots = 0, pool = 0;

	for (uint32_t v = 0; v < g->n_units; v++) {
		if (!o->running[v])
			continue;
		slots += o->taken[v];
		CHECK(v == u || (g->unit[v].slots != SLOTS_ALL && g->unit[u].slots != SLOTS_ALL));
		if (g->unit[u].pool != POOL_NONE && g->unit[v].pool == g->unit[u].pool) {
			uint32_t all = g->pool[g->unit[u].pool].slots, w = g->unit[v].pool_weight;

			pool += !w ? 1 : w > all ? all : w;
			CHECK(pool <= all);
		}
	}
	CHECK(slots <= o->slots);
}

static void op_start(struct opinion *o, const struct action *a)
{
	const struct unit *x = &o->g->unit[a->unit];
	uint32_t weight = x->slots ? x->slots : 1;

	CHECK(x->kind == UNIT_STEP && !(x->flags & UNIT_INSTANT));
	CHECK(!o->settled[a->unit] && !o->running[a->unit] && !o->asked[a->unit] && !o->parked[a->unit]);
	CHECK_INT(a->attempt, o->attempt[a->unit] + 1);
	if (a->attempt == 1) {
		op_check_needs(o, a->unit);
		if ((x->flags & UNIT_ALWAYS) && !o->extended) /* one that is ready is not called back */
			op_check_finally(o, a->unit);
	}
	CHECK(op_may_start(o, a->unit));
	CHECK(!op_is_expired(o, a->unit));
	o->paused[a->unit] = false;
	o->running[a->unit] = true;
	o->n_running++;
	o->taken[a->unit] = weight < o->slots ? weight : o->slots;
	o->attempt[a->unit]++;
	op_check_room(o, a->unit);
}

/* What a group came to, from what its members came to. */
static void op_check_end(const struct opinion *o, uint32_t u)
{
	const struct graph *g = o->g;
	uint32_t group = g->unit[u].group, not_ok = 0, hard = 0, cut = 0;

	for (uint32_t i = g->member_at[group]; i < g->member_at[group + 1]; i++) {
		uint32_t m = g->member[i];

		CHECK(o->settled[m]);
		not_ok += !state_is_ok(o->state[m]);
		hard += op_is_hard(o, m);
		cut += o->state[m] == STATE_ABORTED || o->state[m] == STATE_CANCELED;
	}
	if (g->group[group].asks_end)
		return;
	if (o->state[u] == STATE_SUCCEEDED)
		CHECK(!hard && !cut);
	if (o->state[u] == STATE_FAILED && o->state[g->group[group].begin] == STATE_SUCCEEDED)
		CHECK(not_ok);
	if (o->state[u] == STATE_TIMED_OUT)
		CHECK(o->expired[u]);
	else if (o->state[g->group[group].begin] == STATE_SUCCEEDED && hard)
		CHECK_INT(o->state[u], STATE_FAILED);
}

/* A `finally` is only left out where nothing had begun. */
static void op_check_left_out(const struct opinion *o, uint32_t u)
{
	const struct graph *g = o->g;

	for (uint32_t i = g->want_at[u]; i < g->want_at[u + 1]; i++)
		CHECK(o->state[g->group[g->want[i]].begin] != STATE_SUCCEEDED);
}

static void op_settled(struct opinion *o, const struct action *a)
{
	CHECK(!o->settled[a->unit] && !o->running[a->unit]);
	CHECK(state_is_final(a->state));
	CHECK(a->reason != REASON_NONE && a->reason < REASON_COUNT);
	o->settled[a->unit] = true;
	o->asked[a->unit] = o->parked[a->unit] = o->paused[a->unit] = false;
	o->state[a->unit] = a->state;
	o->n_settled++;
	CHECK_INT(schedule_state(o->s, a->unit), a->state);
	if (a->state == STATE_ABORTED || a->state == STATE_BLOCKED)
		CHECK_INT(o->attempt[a->unit], 0);
	if ((o->g->unit[a->unit].flags & UNIT_ALWAYS) && o->g->unit[a->unit].kind == UNIT_STEP &&
	    (a->state == STATE_ABORTED || a->state == STATE_BLOCKED))
		op_check_left_out(o, a->unit);
	if (a->state == STATE_BLOCKED)
		CHECK(a->cause != UNIT_NONE || a->reason != REASON_NEED_FAILED);
	if (o->g->unit[a->unit].kind == UNIT_END)
		op_check_end(o, a->unit);
}

static void op_action(struct opinion *o, const struct action *a)
{
	o->hash = (o->hash ^ ((uint64_t)a->kind << 56 ^ (uint64_t)a->unit << 24 ^ (uint64_t)a->attempt << 16 ^
			      (uint64_t)a->state << 8 ^ (uint64_t)a->reason)) * UINT64_C(0x100000001b3);
	switch (a->kind) {
	case ACTION_ASK:
		CHECK(!o->settled[a->unit] && !o->asked[a->unit]);
		o->asked[a->unit] = true;
		break;
	case ACTION_START:
		op_start(o, a);
		break;
	case ACTION_STOP:
		CHECK(o->running[a->unit]);
		CHECK((o->canceled && !(o->g->unit[a->unit].flags & UNIT_ALWAYS)) || o->stopped_above ||
		      op_is_expired(o, a->unit));
		break;
	case ACTION_SETTLED:
		op_settled(o, a);
		break;
	case ACTION_WAITS:
		CHECK(!o->running[a->unit] && !o->settled[a->unit]);
		o->paused[a->unit] = true;
		break;
	case ACTION_HOLD:
	case ACTION_RECALL:
		CHECK(false); /* not asked for: schedule_ahead.c */
	}
}

/* --- runs --------------------------------------------------------------------------------------------------- */

struct round {
	struct opinion o;
	struct schedule *s;
	uint64_t *r;
	int64_t now_ms;
};

/* A random one for which set[] is true, or UNIT_NONE. */
static uint32_t any_of(struct round *k, const bool *set)
{
	uint32_t from = draw(k->r, k->o.g->n_units);

	for (uint32_t i = 0; i < k->o.g->n_units; i++)
		if (set[(from + i) % k->o.g->n_units])
			return (from + i) % k->o.g->n_units;
	return UNIT_NONE;
}

static void end_one(struct round *k, uint32_t u)
{
	static const enum state ends[] = {STATE_SUCCEEDED, STATE_SUCCEEDED, STATE_SUCCEEDED, STATE_FAILED,
					  STATE_FAILED,	   STATE_TIMED_OUT, STATE_SKIPPED,   STATE_LOST};
	enum state end = ends[draw(k->r, ARRAY_LEN(ends))];

	if (k->o.canceled && one_in(k->r, 2))
		end = STATE_CANCELED;
	k->o.running[u] = false;
	k->o.n_running--;
	if (one_in(k->r, 12)) {
		k->o.attempt[u]--;
		k->o.parked[u] = true;
		schedule_not_now(k->s, u, REASON_LOCKED);
		return;
	}
	schedule_ended(k->s, k->now_ms, u, end, one_in(k->r, 2), REASON_EXIT);
}

static void answer_one(struct round *k, uint32_t u)
{
	enum answer a = (enum answer)draw(k->r, 4);

	if (one_in(k->r, 2))
		a = ANSWER_RUN;
	if (k->o.g->unit[u].kind == UNIT_END && a != ANSWER_RUN)
		a = ANSWER_FAIL;
	k->o.asked[u] = false;
	schedule_answer(k->s, u, a, a == ANSWER_RUN ? REASON_NONE : REASON_WHEN_FALSE);
}

/* Add to groups that are still open, if what was drawn fits. */
static void extend(struct round *k)
{
	struct graph *g = k->o.g;
	struct shape h = {.b = graph_extend(g), .r = k->r, .n_pools = g->n_pools, .always = 6};
	uint32_t *cycle;
	size_t n;

	for (uint32_t j = 0; j < g->n_groups && h.n_groups < 4; j++)
		if (schedule_state(k->s, g->group[j].end) == STATE_PENDING)
			h.group[h.n_groups++] = j;
	for (uint32_t u = 0; u < g->n_units; u++)
		if (g->unit[u].kind == UNIT_STEP && g->unit[u].stand_in == UNIT_NONE)
			h.member[h.n_members++] = u;
	h.group[h.n_groups++] = graph_add_group(h.b, &(struct group){.heeds_abort = true});
	if (h.n_groups > 1) {
		uint32_t end = graph_group(h.b, h.group[h.n_groups - 1])->end;

		graph_add_member(h.b, h.group[0], end);
		if (h.n_members && one_in(k->r, 2))
			graph_add_member(h.b, h.group[h.n_groups - 1], h.member[draw(k->r, h.n_members)]);
		for (uint32_t i = 1 + draw(k->r, 4); i; i--) {
			/* no stand-in for what is there: it never changes */
			uint32_t unit = graph_add_unit(h.b, &(struct unit){
				.kind = UNIT_STEP, .pool = POOL_NONE, .stand_in = UNIT_NONE, .group = GROUP_NONE,
				.flags = (uint8_t)(UNIT_CRITICAL | (one_in(k->r, 6) ? UNIT_ALWAYS : 0))});

			add_needs(&h, unit);
			join_groups(&h, unit, h.n_groups);
			h.member[h.n_members++] = unit;
		}
	}
	if (!graph_seal(h.b, &cycle, &n)) {
		free(cycle);
		graph_builder_free(h.b);
		return;
	}
	CHECK(g->n_units <= MAX_UNITS);
	k->o.extended = true;
	schedule_extend(k->s, g);
}

/* A gate other than an END has no time of its own. */
static void expire_one(struct round *k, uint32_t u)
{
	enum unit_kind kind = (enum unit_kind)k->o.g->unit[u].kind;

	if (kind != UNIT_STEP && kind != UNIT_END)
		return;
	k->o.expired[u] |= !k->o.settled[u] && (kind == UNIT_STEP || !k->o.asked[u]);
	k->o.stopped_above |= kind == UNIT_END;
	schedule_expire(k->s, u, REASON_DEADLINE);
}

static void something_happens(struct round *k)
{
	uint32_t u;

	switch (draw(k->r, 13)) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
		u = any_of(k, k->o.running);
		if (u != UNIT_NONE)
			end_one(k, u);
		break;
	case 5:
	case 6:
	case 7:
		u = any_of(k, k->o.asked);
		if (u != UNIT_NONE)
			answer_one(k, u);
		break;
	case 8:
		u = any_of(k, k->o.parked);
		if (u != UNIT_NONE) {
			k->o.parked[u] = false;
			schedule_wake(k->s, u);
		}
		break;
	case 12:
		if (one_in(k->r, 10))
			expire_one(k, draw(k->r, k->o.g->n_units));
		break;
	case 9:
		k->now_ms += draw(k->r, 40);
		break;
	case 10:
		if (one_in(k->r, 30)) {
			k->o.canceled = true;
			schedule_cancel(k->s, REASON_CANCELED);
		}
		if (one_in(k->r, 10) && k->o.g->n_units + 20 < MAX_UNITS)
			extend(k);
		break;
	case 11:
		if (one_in(k->r, 4)) {
			k->o.slots = 1 + draw(k->r, 6);
			schedule_set_slots(k->s, k->o.slots);
		}
		break;
	}
}

static void look(struct round *k)
{
	uint32_t next[8], cause;
	size_t n = schedule_peek(k->s, next, draw(k->r, 9));

	for (size_t i = 0; i < n; i++) {
		CHECK(!k->o.running[next[i]] && !k->o.settled[next[i]]);
		(void)schedule_reason(k->s, next[i], &cause);
	}
	(void)schedule_reason(k->s, draw(k->r, k->o.g->n_units), &cause);
	schedule_check(k->s);
}

static uint64_t one_run(struct graph *g, uint64_t seed)
{
	struct round k = {.r = &seed, .o = {.g = g, .hash = 14695981039346656037u}};
	uint32_t quiet = 0;

	k.o.slots = 1 + draw(&seed, 5);
	k.o.ignore = one_in(&seed, 10);
	k.s = schedule_new(g, &(struct schedule_options){.slots = k.o.slots, .seed = seed,
							  .shuffle = one_in(&seed, 4),
							  .ignore_failures = k.o.ignore});
	k.o.s = k.s;
	for (uint32_t u = 0; u < g->n_units; u++)
		if (one_in(&seed, 60) && g->unit[u].kind == UNIT_STEP)
			schedule_preset(k.s, u, one_in(&seed, 2) ? STATE_CACHED : STATE_SKIPPED, REASON_FRESH);
	while (!schedule_done(k.s)) {
		struct action a;

		for (uint32_t n = draw(&seed, 20); n && schedule_next(k.s, k.now_ms, &a); n--) {
			op_action(&k.o, &a);
			schedule_check(k.s);
			quiet = 0;
		}
		something_happens(&k);
		look(&k);
		CHECK(++quiet < 5000); /* it would hang */
	}
	CHECK_INT(k.o.n_settled, g->n_units);
	CHECK_INT(k.o.n_running, 0);
	schedule_free(k.s);
	return k.o.hash;
}

static void random_runs_keep_every_rule(void **state)
{
	uint64_t seed = check_seed();
	uint32_t cycles = 0;

	(void)state;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint64_t r = (seed + i) * UINT64_C(0x9e3779b97f4a7c15) | 1, again = r;
		struct graph *g = random_graph(&r, &cycles), *same;
		uint64_t run = r, first;

		first = one_run(g, run);
		if (i % 4 == 0) {
			same = random_graph(&again, &cycles);
			CHECK(first == one_run(same, run));
			graph_free(same);
		}
		graph_free(g);
	}
	print_message("%u runs; %u graphs had a cycle\n", (unsigned)ROUNDS, cycles);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_runs_keep_every_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
