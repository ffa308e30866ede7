/*
 * What is held ahead.  Cases a person can read; and random graphs and events on two schedules, one of which holds
 * ahead: whoever begins what is held does what is done for the warden, and both have to do the same things in the same
 * order.
 */
#include "base/bug.h"
#include "base/vec.h"
#include "check.h"
#include "run/schedule.h"
#include "schedule_case.h"
#include "schedule_graphs.h"

/* --- cases ------------------------------------------------------------------------------------------- */

static uint32_t plain_step(struct test_case *t, uint32_t group, const char *name)
{
	uint32_t u = step(t, group, name);

	unit(t, u)->flags |= UNIT_PLAIN;
	return u;
}

static void run_ahead(struct test_case *t, uint32_t slots)
{
	run_with(t, (struct schedule_options){.slots = slots, .ahead = true});
}

/* As the warden does at a clean end. */
static void relay(struct test_case *t, uint32_t from, uint32_t to)
{
	schedule_ended(t->s, 0, from, STATE_SUCCEEDED, true, REASON_EXIT);
	schedule_begun(t->s, to);
	schedule_check(t->s);
}

static void give_back(struct test_case *t, uint32_t unit)
{
	schedule_returned(t->s, unit, false);
	schedule_check(t->s);
}

static void what_comes_next_is_held_while_the_slots_are_taken(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "j"), a = plain_step(t, j, "a"), c;

	(void)state;
	(void)plain_step(t, j, "b");
	c = plain_step(t, j, "c");
	(void)plain_step(t, j, "d");
	(void)plain_step(t, j, "e");
	run_ahead(t, 2);
	EXPECT(t, 0, "start a#1, start b#1, hold c#1, hold d#1, hold e#1");
	CHECK_INT(schedule_state(t->s, c), STATE_WAITING);
	CHECK_INT(schedule_reason(t->s, c, NULL), REASON_NO_SLOT);
	relay(t, a, c);
	CHECK_INT(schedule_state(t->s, c), STATE_RUNNING);
	EXPECT(t, 0, "a succeeded");
	case_free(t);
}

static void so_many_are_held_for_each_whose_place_may_be_taken(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "j"), a = step(t, j, "a"), b, c;

	(void)state;
	b = plain_step(t, j, "b");
	c = plain_step(t, j, "c");
	for (const char *const *p = (const char *const[]){"d", "e", "f", "g", "h", "i", "k", "l", NULL}; *p; p++)
		(void)plain_step(t, j, *p);
	run_ahead(t, 2);
	EXPECT(t, 0, "start a#1, start b#1, hold c#1, hold d#1, hold e#1, hold f#1, hold g#1, hold h#1, hold i#1, "
		     "hold k#1"); /* for b: a is not plain */
	relay(t, b, c);
	EXPECT(t, 0, "b succeeded, hold l#1");
	ended(t, 0, a, true);
	EXPECT(t, 0, "recall, a succeeded");
	case_free(t);
}

static void a_failure_returns_them_and_nothing_starts(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "j"), a = plain_step(t, j, "a"), b = plain_step(t, j, "b");

	(void)state;
	run_ahead(t, 1);
	EXPECT(t, 0, "start a#1, hold b#1");
	ended(t, 0, a, false);
	give_back(t, b);
	EXPECT(t, 0, "a failed, b aborted (policy-abort a), j failed (member-failed a), run failed (member-failed j)");
	CHECK_INT(schedule_attempt(t->s, b), 0);
	case_free(t);
}

/* The news of its return comes after that of the end: what is next waits for it. */
static void one_that_is_outstanding_is_called_back_and_comes_first(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "j"), a = plain_step(t, j, "a"), b = plain_step(t, j, "b");

	(void)state;
	(void)step(t, j, "c");
	run_ahead(t, 1);
	EXPECT(t, 0, "start a#1, hold b#1");
	ended(t, 0, a, true);
	EXPECT(t, 0, "recall, a succeeded");
	EXPECT(t, 0, "");
	give_back(t, b);
	EXPECT(t, 0, "start b#1");
	case_free(t);
}

static void what_its_users_would_overtake_is_not_held(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "j"), a = plain_step(t, j, "a"), b = plain_step(t, j, "b"), c = plain_step(t, j, "c");

	(void)state;
	need(t, c, a, COND_OK);
	unit(t, a)->cost_ms = 1;
	unit(t, b)->cost_ms = 5;
	unit(t, c)->cost_ms = 9;
	run_ahead(t, 1);
	EXPECT(t, 0, "start a#1");
	ended(t, 0, a, true);
	EXPECT(t, 0, "a succeeded, start c#1, hold b#1"); /* what c lets begin is nothing */
	case_free(t);
}

/* One that is held will end as well before what is held behind it begins. */
static void nor_what_the_users_of_one_that_is_held_would(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "j"), a = plain_step(t, j, "a"), b = plain_step(t, j, "b"), c = plain_step(t, j, "c"), d, e, f;

	(void)state;
	d = plain_step(t, j, "d");
	e = plain_step(t, j, "e");
	f = plain_step(t, j, "f");
	need(t, f, c, COND_OK);
	unit(t, a)->cost_ms = unit(t, b)->cost_ms = 90;
	unit(t, c)->cost_ms = 40;
	unit(t, d)->cost_ms = 30;
	unit(t, e)->cost_ms = 20;
	unit(t, f)->cost_ms = 35;
	run_ahead(t, 2);
	EXPECT(t, 0, "start a#1, start b#1, hold c#1");
	relay(t, a, c);
	EXPECT(t, 0, "a succeeded");
	case_free(t);
}

static void a_unit_of_a_lower_priority_is_not_held(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "j"), late;

	(void)state;
	(void)plain_step(t, j, "a");
	(void)plain_step(t, j, "b");
	late = plain_step(t, j, "c");
	unit(t, late)->priority = -1;
	run_ahead(t, 2);
	EXPECT(t, 0, "start a#1, start b#1");
	case_free(t);
}

static void one_whose_success_raises_a_question_is_not_plain(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "j"), k = job(t, "k"), a = plain_step(t, j, "a"), asker, other;
	struct action x;

	(void)state;
	other = plain_step(t, k, "b");
	asker = plain_step(t, k, "c");
	unit(t, asker)->flags |= UNIT_ASKS;
	need(t, asker, end_of(t, j), COND_OK);
	run_ahead(t, 2);
	CHECK(schedule_next(t->s, 0, &x) && schedule_next(t->s, 0, &x));
	while (x.kind != ACTION_START)
		CHECK(schedule_next(t->s, 0, &x));
	CHECK_INT(x.unit, a);
	CHECK(!x.plain); /* through the END of its job */
	CHECK(schedule_next(t->s, 0, &x));
	CHECK_INT(x.unit, other);
	CHECK(x.plain);
	case_free(t);
}

static void nothing_is_held_beside_what_is_no_plain_slot(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct test_case *t = case_new();
		uint32_t j = job(t, "j"), a = plain_step(t, j, "a"), b, c, pool = graph_add_pool(t->b, "p", 5);

		b = plain_step(t, j, "b");
		c = plain_step(t, j, "c");
		unit(t, a)->cost_ms = 100; /* it goes first */
		unit(t, b)->cost_ms = 90;
		unit(t, c)->cost_ms = 80;
		if (i == 0) {
			unit(t, a)->pool = (uint16_t)pool;
		} else if (i == 1) {
			unit(t, a)->slots = 2;
		} else if (i == 2) {
			unit(t, a)->flags &= (uint8_t)~UNIT_PLAIN; /* nobody begins it then */
			unit(t, b)->flags &= (uint8_t)~UNIT_PLAIN;
		} else {
			unit(t, a)->flags |= UNIT_ALWAYS;
			unit(t, a)->group = j;
		}
		run_ahead(t, 2);
		EXPECT(t, 0, i == 1 ? "start a#1" : i == 3 ? "start b#1, start c#1" : "start a#1, start b#1");
		case_free(t);
	}
}

static void fewer_slots_and_more_call_back(void **state)
{
	(void)state;
	for (uint32_t slots = 1; slots < 4; slots += 2) {
		struct test_case *t = case_new();
		uint32_t j = job(t, "j"), c;

		(void)plain_step(t, j, "a");
		(void)plain_step(t, j, "b");
		c = plain_step(t, j, "c");
		run_ahead(t, 2);
		EXPECT(t, 0, "start a#1, start b#1, hold c#1");
		schedule_set_slots(t->s, slots);
		EXPECT(t, 0, "recall");
		give_back(t, c);
		EXPECT(t, 0, slots == 1 ? "" : "start c#1");
		case_free(t);
	}
}

static void slots_that_others_have_keep_it_from_being_held(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "j"), b;

	(void)state;
	(void)plain_step(t, j, "a");
	b = plain_step(t, j, "b");
	run_ahead(t, 2);
	schedule_allow(t->s, 1);
	EXPECT(t, 0, "start a#1"); /* b waits for a slot, which is to be had from somebody */
	CHECK_INT(schedule_wants(t->s), 2);
	CHECK_INT(schedule_state(t->s, b), STATE_WAITING);
	case_free(t);
}

/* It had begun before that was known to who holds it. */
static void one_that_begins_in_a_cancel_is_stopped(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "j"), a = plain_step(t, j, "a"), b = plain_step(t, j, "b");

	(void)state;
	run_ahead(t, 1);
	EXPECT(t, 0, "start a#1, hold b#1");
	schedule_cancel(t->s, REASON_CANCELED);
	EXPECT(t, 0, "recall, stop a (canceled)");
	relay(t, a, b);
	EXPECT(t, 0, "stop b (canceled), a succeeded");
	ended_as(t, 0, b, STATE_CANCELED);
	EXPECT(t, 0, "b canceled, j canceled (canceled), run canceled (canceled)");
	case_free(t);
}

static void one_that_is_returned_in_a_cancel_never_ran(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "j"), a = plain_step(t, j, "a"), b = plain_step(t, j, "b");

	(void)state;
	run_ahead(t, 1);
	EXPECT(t, 0, "start a#1, hold b#1");
	schedule_cancel(t->s, REASON_CANCELED);
	EXPECT(t, 0, "recall, stop a (canceled)");
	give_back(t, b);
	EXPECT(t, 0, "b canceled (canceled)");
	CHECK_INT(schedule_attempt(t->s, b), 0);
	ended_as(t, 0, a, STATE_CANCELED);
	EXPECT(t, 0, "a canceled, j canceled (canceled), run canceled (canceled)");
	case_free(t);
}

static void its_time_may_be_up_while_it_is_held(void **state)
{
	(void)state;
	for (int begins = 0; begins < 2; begins++) {
		struct test_case *t = case_new();
		uint32_t j = job(t, "j"), a = plain_step(t, j, "a"), b = plain_step(t, j, "b");

		policy(t, b, ON_FAILURE_CONTINUE);
		run_ahead(t, 1);
		EXPECT(t, 0, "start a#1, hold b#1");
		schedule_expire(t->s, b, REASON_DEADLINE);
		EXPECT(t, 0, "recall");
		if (begins) {
			relay(t, a, b);
			EXPECT(t, 0, "stop b (deadline), a succeeded");
		} else {
			give_back(t, b);
			EXPECT(t, 0, "b timed_out (deadline)");
		}
		case_free(t);
	}
}

/* Nor is anything behind it, which is not to come before it. */
static void one_that_is_unfit_starts_in_its_turn(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "j"), a = plain_step(t, j, "a"), b = plain_step(t, j, "b");
	struct action x;

	(void)state;
	(void)plain_step(t, j, "c");
	run_ahead(t, 1);
	do
		CHECK(schedule_next(t->s, 0, &x));
	while (x.kind != ACTION_HOLD);
	CHECK_INT(x.unit, b);
	schedule_returned(t->s, b, true);
	EXPECT(t, 0, "");
	ended(t, 0, a, true);
	EXPECT(t, 0, "a succeeded, start b#1, hold c#1");
	case_free(t);
}

/* --- two schedules ------------------------------------------------------------------------------------ */

enum { ROUNDS = 6000 };

struct trace {
	struct action *at;
	size_t n, room;
};

struct side {
	struct schedule *s;
	struct trace did;
	uint32_t held[MAX_UNITS], n_held; /* the oldest first */
	bool plain[MAX_UNITS], recalled;
};

struct round {
	struct graph *g;
	struct side ahead, other;
	bool running[MAX_UNITS], asked[MAX_UNITS], parked[MAX_UNITS];
	uint64_t *r;
	int64_t now_ms;
	bool late; /* what is called back does not come at once; then the other side says nothing */
	bool stopped; /* what settles with others settles in another order, and the first of them is the cause */
	uint32_t n_begun;
};

static void took(struct round *k, struct side *x, const struct action *a)
{
	VEC_PUSH(x->did.at, x->did.n, x->did.room, *a);
	if (x != &k->ahead)
		return;
	if (a->kind == ACTION_START) {
		CHECK(!x->n_held && !k->running[a->unit]);
		k->running[a->unit] = true;
		x->plain[a->unit] = a->plain;
	} else if (a->kind == ACTION_ASK) {
		k->asked[a->unit] = true;
	} else if (a->kind == ACTION_SETTLED) {
		CHECK(!k->running[a->unit]);
		k->asked[a->unit] = k->parked[a->unit] = false;
	}
}

static void return_all(struct side *x, bool unfit)
{
	while (x->n_held) {
		schedule_returned(x->s, x->held[--x->n_held], unfit);
		schedule_check(x->s);
	}
	x->recalled = false;
}

static void hold(struct round *k, struct side *x, const struct action *a)
{
	CHECK(!x->recalled);
	x->plain[a->unit] = a->plain;
	if (one_in(k->r, 20)) {
		schedule_returned(x->s, a->unit, true);
		return;
	}
	x->held[x->n_held++] = a->unit;
}

static void drain(struct round *k, struct side *x)
{
	struct action a;

	while (schedule_next(x->s, k->now_ms, &a)) {
		schedule_check(x->s);
		if (a.kind == ACTION_HOLD) {
			hold(k, x, &a);
		} else if (a.kind == ACTION_RECALL) {
			x->recalled = true;
			if (!k->late)
				return_all(x, false);
		} else {
			took(k, x, &a);
		}
	}
}

static int by_unit(const void *a, const void *b)
{
	const struct action *x = a, *y = b;

	return x->kind != ACTION_SETTLED || y->kind != ACTION_SETTLED ? 0 : (x->unit > y->unit) - (x->unit < y->unit);
}

/* What is canceled settles a little later if it has to come back first. */
static void sort_settled(struct trace *t)
{
	for (size_t i = 0, end; i < t->n; i = end) {
		for (end = i + 1; end < t->n && t->at[i].kind == ACTION_SETTLED && t->at[end].kind == ACTION_SETTLED; end++)
			;
		qsort(t->at + i, end - i, sizeof(*t->at), by_unit);
	}
}

/* What both did is the same; what the one began by itself stands where the other started it. */
static void compare(struct round *k)
{
	struct trace *x = &k->ahead.did, *y = &k->other.did;

	sort_settled(x);
	sort_settled(y);
	CHECK_INT(x->n, y->n);
	for (size_t i = 0; i < x->n; i++) {
		CHECK_INT(x->at[i].kind, y->at[i].kind);
		CHECK_INT(x->at[i].unit, y->at[i].unit);
		CHECK_INT(x->at[i].attempt, y->at[i].attempt);
		CHECK_INT(x->at[i].state, y->at[i].state);
		if (!k->stopped) { /* then what came back may be left out by the second of two that stop it */
			CHECK_INT(x->at[i].reason, y->at[i].reason);
			CHECK_INT(x->at[i].cause, y->at[i].cause);
		}
		CHECK_INT(x->at[i].pause_ms, y->at[i].pause_ms);
	}
	x->n = y->n = 0;
}

static void carry_out(struct round *k)
{
	drain(k, &k->ahead);
	if (k->late)
		return;
	drain(k, &k->other);
	compare(k);
}

/* The oldest takes the place of what has just ended. */
static void begin_oldest(struct round *k)
{
	struct side *x = &k->ahead;
	uint32_t unit = x->held[0];
	struct action a;

	memmove(x->held, x->held + 1, --x->n_held * sizeof(*x->held));
	if (!x->n_held)
		x->recalled = false;
	schedule_begun(x->s, unit);
	schedule_check(x->s);
	while (schedule_news(x->s, &a))
		took(k, x, &a);
	k->n_begun++;
	k->running[unit] = true;
	a = (struct action){.kind = ACTION_START, .unit = unit, .attempt = schedule_attempt(x->s, unit),
			    .state = STATE_RUNNING, .reason = schedule_reason(x->s, unit, &a.cause), .cause = UNIT_NONE};
	VEC_PUSH(x->did.at, x->did.n, x->did.room, a);
}

static void end_one(struct round *k, uint32_t u)
{
	static const enum state ends[] = {STATE_SUCCEEDED, STATE_SUCCEEDED, STATE_SUCCEEDED, STATE_SUCCEEDED, STATE_SUCCEEDED,
					  STATE_SUCCEEDED, STATE_SUCCEEDED, STATE_SUCCEEDED, STATE_SUCCEEDED, STATE_FAILED,
					  STATE_SKIPPED};
	enum state end = ends[draw(k->r, ARRAY_LEN(ends))];
	bool again = one_in(k->r, 2);

	bool clean = end == STATE_SUCCEEDED && k->ahead.plain[u];

	k->running[u] = false;
	if (!clean) {
		k->stopped |= k->ahead.n_held > 0;
		return_all(&k->ahead, false);
	}
	schedule_ended(k->ahead.s, k->now_ms, u, end, again, REASON_EXIT);
	if (!k->late)
		schedule_ended(k->other.s, k->now_ms, u, end, again, REASON_EXIT);
	if (clean && k->ahead.n_held)
		begin_oldest(k);
}

#define BOTH(k, call, ...)                                                                         \
	do {                                                                                       \
		call((k)->ahead.s, __VA_ARGS__);                                                   \
		if (!(k)->late)                                                                    \
			call((k)->other.s, __VA_ARGS__);                                           \
	} while (0)

static uint32_t any_of(struct round *k, const bool *set)
{
	uint32_t from = draw(k->r, k->g->n_units);

	for (uint32_t i = 0; i < k->g->n_units; i++)
		if (set[(from + i) % k->g->n_units])
			return (from + i) % k->g->n_units;
	return UNIT_NONE;
}

static void answer_one(struct round *k, uint32_t u)
{
	enum answer a = one_in(k->r, 2) ? ANSWER_RUN : (enum answer)draw(k->r, 4);

	if (k->g->unit[u].kind == UNIT_END && a != ANSWER_RUN)
		a = ANSWER_FAIL;
	k->asked[u] = false;
	BOTH(k, schedule_answer, u, a, a == ANSWER_RUN ? REASON_NONE : REASON_WHEN_FALSE);
}

static void change_slots(struct round *k)
{
	uint32_t n = 1 + draw(k->r, 5), allowed = 1 + draw(k->r, 6);

	BOTH(k, schedule_set_slots, n);
	if (one_in(k->r, 2))
		BOTH(k, schedule_allow, allowed);
}

static void rarely(struct round *k)
{
	uint32_t u = draw(k->r, k->g->n_units);

	switch (draw(k->r, 6)) {
	case 0:
		k->stopped = true;
		BOTH(k, schedule_cancel, REASON_CANCELED);
		break;
	case 1:
		k->stopped = true;
		if (k->g->unit[u].kind == UNIT_STEP || k->g->unit[u].kind == UNIT_END)
			BOTH(k, schedule_expire, u, REASON_DEADLINE);
		break;
	default:
		change_slots(k);
		break;
	}
}

static void park(struct round *k, uint32_t u)
{
	k->running[u] = false;
	k->parked[u] = true;
	BOTH(k, schedule_not_now, u, REASON_LOCKED);
}

static void something_happens(struct round *k)
{
	uint32_t what = draw(k->r, 40), u = any_of(k, what < 28 ? k->running : what < 33 ? k->asked : k->parked);

	if (what < 36 && u == UNIT_NONE)
		return;
	if (what < 27) {
		end_one(k, u);
	} else if (what < 28) {
		if (one_in(k->r, 4))
			park(k, u);
	} else if (what < 33) {
		answer_one(k, u);
	} else if (what < 36) {
		k->parked[u] = false;
		BOTH(k, schedule_wake, u);
	} else if (what < 38) {
		k->now_ms += draw(k->r, 40);
	} else if (what < 39) {
		if (k->ahead.recalled)
			return_all(&k->ahead, false);
	} else if (one_in(k->r, 3)) {
		rarely(k);
	}
}

/* Mostly graphs in which something may be held: a failure is the end of that. */
static void make_plain(struct graph *g, uint64_t *r)
{
	bool tame = !one_in(r, 4);

	for (uint32_t u = 0; u < g->n_units; u++) {
		struct unit *x = &g->unit[u];

		if (tame)
			x->flags &= (uint8_t)~(UNIT_ASKS | UNIT_ASKS_STATUS);
		if (tame && x->kind == UNIT_STEP && !one_in(r, 8))
			x->pool = POOL_NONE, x->slots = 1, x->priority = 0;
		if (x->kind == UNIT_STEP && x->pool == POOL_NONE && x->slots <= 1 && !one_in(r, 6))
			x->flags |= UNIT_PLAIN;
	}
	for (uint32_t i = 0; tame && i < g->n_groups; i++)
		g->group[i].asks_end = false;
}

static uint32_t one_run(uint64_t seed, bool late)
{
	uint32_t cycles = 0, quiet = 0;
	struct round k = {.r = &seed, .late = late, .g = random_graph(&seed, &cycles)};
	struct schedule_options o = {.slots = 1 + draw(&seed, 4), .seed = seed, .shuffle = one_in(&seed, 10),
				     .ignore_failures = one_in(&seed, 10)};

	make_plain(k.g, &seed);
	k.other.s = schedule_new(k.g, &o);
	o.ahead = true;
	k.ahead.s = schedule_new(k.g, &o);
	carry_out(&k);
	while (!schedule_done(k.ahead.s)) {
		something_happens(&k);
		schedule_check(k.ahead.s);
		carry_out(&k);
		CHECK(++quiet < 100000); /* it would hang */
	}
	CHECK_INT(k.ahead.n_held, 0);
	schedule_free(k.ahead.s);
	schedule_free(k.other.s);
	free(k.ahead.did.at);
	free(k.other.did.at);
	graph_free(k.g);
	return k.n_begun;
}

static void to_hold_ahead_changes_nothing_but_who_begins(void **state)
{
	uint64_t seed = check_seed();
	uint32_t begun = 0;

	(void)state;
	for (uint32_t i = 0; i < ROUNDS; i++)
		begun += one_run((seed + i) * UINT64_C(0x9e3779b97f4a7c15) | 1, false);
	print_message("%u began in the place of another\n", begun);
	CHECK(begun > ROUNDS / 20);
}

static void what_comes_back_late_comes_back(void **state)
{
	uint64_t seed = check_seed();
	uint32_t begun = 0;

	(void)state;
	for (uint32_t i = 0; i < ROUNDS / 2; i++)
		begun += one_run((seed + i) * UINT64_C(0x9e3779b97f4a7c15) | 1, true);
	print_message("%u began in the place of another\n", begun);
	CHECK(begun > ROUNDS / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_comes_next_is_held_while_the_slots_are_taken),
		cmocka_unit_test(so_many_are_held_for_each_whose_place_may_be_taken),
		cmocka_unit_test(a_failure_returns_them_and_nothing_starts),
		cmocka_unit_test(one_that_is_outstanding_is_called_back_and_comes_first),
		cmocka_unit_test(what_its_users_would_overtake_is_not_held),
		cmocka_unit_test(nor_what_the_users_of_one_that_is_held_would),
		cmocka_unit_test(a_unit_of_a_lower_priority_is_not_held),
		cmocka_unit_test(one_whose_success_raises_a_question_is_not_plain),
		cmocka_unit_test(nothing_is_held_beside_what_is_no_plain_slot),
		cmocka_unit_test(fewer_slots_and_more_call_back),
		cmocka_unit_test(slots_that_others_have_keep_it_from_being_held),
		cmocka_unit_test(one_that_begins_in_a_cancel_is_stopped),
		cmocka_unit_test(one_that_is_returned_in_a_cancel_never_ran),
		cmocka_unit_test(its_time_may_be_up_while_it_is_held),
		cmocka_unit_test(one_that_is_unfit_starts_in_its_turn),
		cmocka_unit_test(to_hold_ahead_changes_nothing_but_who_begins),
		cmocka_unit_test(what_comes_back_late_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
