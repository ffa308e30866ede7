/*
 * The schedule's guards: what a caller must not do, and what must hold inside, ends the program when it is
 * broken.  Every test relies on them (EXPECT checks after each event), so each is broken here on purpose.
 */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bug.h"
#include "run/schedule_impl.h"
#include "schedule_case.h"

/* --- queues ----------------------------------------------------------------------------------------------- */

static void queue_expect(struct queue *q, uint32_t from, uint32_t to)
{
	uint32_t got;

	for (uint32_t i = from; i < to; i++) {
		CHECK(queue_pop(q, &got));
		CHECK_INT(got, i);
	}
}

static void queue_fill(struct queue *q, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		queue_push(q, i);
}

static void a_queue_that_is_half_empty_moves_up_instead_of_growing(void **state)
{
	static const struct {
		uint32_t popped, room, head, n;
	} row[] = {{3, 16, 3, 9}, {4, 8, 0, 5}, {5, 8, 0, 4}, {8, 8, 0, 1}};
	uint32_t none;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct queue q = {0};

		queue_fill(&q, 0, 8);
		CHECK_INT(q.room, 8);
		queue_expect(&q, 0, row[i].popped);
		queue_push(&q, 8);
		CHECK_INT(q.room, row[i].room);
		CHECK_INT(q.head, row[i].head);
		CHECK_INT(q.n, row[i].n);
		queue_expect(&q, row[i].popped, 9);
		CHECK(!queue_pop(&q, &none));
		free(q.at);
	}
}

static void a_queue_that_has_room_stays_where_it_is(void **state)
{
	struct queue q = {0};

	(void)state;
	queue_fill(&q, 0, 6);
	queue_expect(&q, 0, 5);
	queue_push(&q, 6);
	CHECK_INT(q.head, 5);
	CHECK_INT(q.n, 7);
	queue_expect(&q, 5, 7);
	free(q.at);
}

/* --- a run in the middle ---------------------------------------------------------------------------------- */

/* Of everything one: see scene_new. */
struct scene {
	struct test_case *t;
	struct schedule *s;
	struct note *note;
	uint32_t group;
	uint32_t running, pooled, lone, done, excused, late, stand_in, paused[2], parked, asked, waits, unmet, ready[3],
		aborted, fails, end;
	uint16_t full, free;
};

static uint32_t eager(struct test_case *t, uint32_t group, const char *name, int16_t priority)
{
	uint32_t u = step(t, group, name);

	unit(t, u)->priority = priority;
	return u;
}

/* Wanted by no group, so that nobody looks at it before its own turn. */
static uint32_t single(struct test_case *t, const char *name, int16_t priority)
{
	uint32_t u = graph_add_unit(t->b, &(struct unit){.kind = UNIT_STEP, .flags = UNIT_CRITICAL, .pool = POOL_NONE,
							.group = GROUP_NONE, .priority = priority,
							.stand_in = UNIT_NONE});

	t->name[u] = name;
	return u;
}

static void scene_build(struct scene *c, struct test_case *t)
{
	uint16_t slow = graph_add_retry(t->b, &(struct retry_pace){.max = 1, .delay_ms = 10});
	uint16_t slower = graph_add_retry(t->b, &(struct retry_pace){.max = 1, .delay_ms = 20});

	c->full = graph_add_pool(t->b, "full", 2);
	c->free = graph_add_pool(t->b, "free", 1);
	c->running = eager(t, 0, "running", 9);
	unit(t, c->running)->pool = c->full;
	unit(t, c->running)->pool_weight = 2;
	c->pooled = step(t, 0, "pooled");
	unit(t, c->pooled)->pool = c->full;
	c->done = single(t, "done", 8);
	c->excused = eager(t, 0, "excused", 8);
	policy(t, c->excused, ON_FAILURE_CONTINUE);
	c->late = single(t, "late", 8);
	c->stand_in = single(t, "stand-in", 9);
	policy(t, c->late, ON_FAILURE_FALLBACK);
	unit(t, c->late)->stand_in = c->stand_in;
	for (int i = 0; i < 2; i++)
		c->paused[i] = eager(t, 0, "paused", 8);
	unit(t, c->paused[0])->retry = slow;
	unit(t, c->paused[1])->retry = slower;
	c->parked = eager(t, 0, "parked", 8);
	c->asked = step(t, 0, "asked");
	unit(t, c->asked)->flags |= UNIT_ASKS;
	c->waits = step(t, 0, "waits");
	need(t, c->waits, c->running, COND_OK);
	c->unmet = step(t, 0, "unmet");
	unit(t, c->unmet)->flags |= UNIT_ASKS_STATUS;
	need(t, c->unmet, c->running, COND_OK);
	need(t, c->unmet, c->done, COND_FAILED);
	for (int i = 0; i < 3; i++)
		c->ready[i] = eager(t, 0, "ready", (int16_t)(3 - i));
	unit(t, c->ready[2])->pool = c->free;
	c->lone = single(t, "lone", 0);
	need(t, c->lone, c->running, COND_OK);
	c->group = group_in(t, 0, "group", (struct group){.stop_at_once = true, .fail_limit = 2});
	c->end = end_of(t, c->group);
	c->aborted = step(t, c->group, "aborted");
	c->fails = eager(t, c->group, "fails", 8);
}

static struct scene scene_new(void)
{
	struct test_case *t = case_new();
	struct scene c = {.t = t};

	scene_build(&c, t);
	run(t, 8);
	EXPECT(t, 0, "ask asked, start running#1, start done#1, start late#1, start excused#1, start paused#1, "
		     "start paused#1, start parked#1, start fails#1");
	schedule_not_now(t->s, c.parked, REASON_LOCKED);
	ended(t, 1, c.paused[0], false);
	ended(t, 1, c.paused[1], false);
	ended(t, 1, c.done, true);
	ended(t, 1, c.excused, false);
	ended(t, 1, c.late, false);
	ended(t, 1, c.fails, false);
	schedule_set_slots(t->s, 2);
	EXPECT(t, 1, "done succeeded, excused failed, late failed, fails failed, aborted aborted (policy-abort fails), "
		     "group failed (member-failed fails), paused waits #2 +10, paused waits #2 +20, start stand-in#1");
	c.s = t->s;
	c.note = t->s->note;
	return c;
}

/* --- what ends the program -------------------------------------------------------------------------------- */

/* Carry out the which-th deed in a process of its own, up to a broken rule; false if there are not so many. */
typedef bool deed(struct scene *c, int which);

static int in_a_child(deed *what, struct scene *c, int which, char *ret_said, size_t size)
{
	int pipe_fd[2], status;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	CHECK(!pipe(pipe_fd));
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		signal(SIGABRT, SIG_DFL);
		setrlimit(RLIMIT_CORE, &(struct rlimit){0});
		dup2(pipe_fd[1], STDERR_FILENO);
		_exit(what(c, which) ? 0 : 1);
	}
	close(pipe_fd[1]);
	while (n < size - 1 && (got = read(pipe_fd[0], ret_said + n, size - 1 - n)) > 0)
		n += (size_t)got;
	ret_said[n] = '\0';
	close(pipe_fd[0]);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	return status;
}

static void extend_an_ended_group(struct scene *c)
{
	c->t->b = graph_extend(c->t->g);
	step(c->t, c->group, "new");
	schedule_extend(c->s, case_seal(c->t));
}

static bool misuse(struct scene *c, int which)
{
	struct schedule *s = c->s;
	const uint32_t none = s->n_units;
	struct need odd = {.unit = c->done, .cond = COND_OPEN + 1};
	uint32_t cause;

	/* A note that looks right, behind the last one. */
	c->note = s->note = xreallocarray(s->note, (size_t)none + 1, sizeof(*s->note));
	c->note[none] = (struct note){.phase = PHASE_RUNNING};
	switch (which) {
	case 0: schedule_answer(s, none, ANSWER_RUN, REASON_NONE); break;
	case 1: c->note[c->end].phase = PHASE_ASKED; schedule_answer(s, c->end, ANSWER_SKIP, REASON_EXIT); break;
	case 2: c->note[c->end].phase = PHASE_ASKED; schedule_answer(s, c->end, ANSWER_CACHED, REASON_EXIT); break;
	case 3: schedule_ended(s, 2, none, STATE_SUCCEEDED, false, REASON_EXIT); break;
	case 4: schedule_ended(s, 2, c->ready[0], STATE_SUCCEEDED, false, REASON_EXIT); break;
	case 5: schedule_ended(s, 2, c->running, STATE_RUNNING, false, REASON_EXIT); break;
	case 6: schedule_ended(s, 2, c->running, STATE_BLOCKED, false, REASON_EXIT); break;
	case 7: schedule_ended(s, 2, c->running, STATE_CACHED, false, REASON_EXIT); break;
	case 8: schedule_not_now(s, none, REASON_LOCKED); break;
	case 9: schedule_not_now(s, c->ready[0], REASON_LOCKED); break;
	case 10: schedule_wake(s, none); break;
	case 11: schedule_expire(s, none, REASON_DEADLINE); break;
	case 12: schedule_preset(s, c->waits, STATE_CACHED, REASON_FRESH); break; /* it has begun */
	case 13: schedule_rank(s); break;
	case 14: schedule_state(s, none); break;
	case 15: schedule_attempt(s, none); break;
	case 16: schedule_reason(s, none, &cause); break;
	case 17: schedule_is_degraded(s, none); break;
	case 18: schedule_tally(s, s->n_groups, &(struct tally){0}); break;
	case 19: schedule_settle(s, c->done, STATE_FAILED, REASON_EXIT, UNIT_NONE); break;
	case 20: schedule_settle(s, c->waits, STATE_RUNNING, REASON_EXIT, UNIT_NONE); break;
	case 21: schedule_weigh(s, c->waits, &odd, &c->note[c->waits].wait); break;
	case 22: state_word(STATE_COUNT); break;
	case 23: reason_word(REASON_COUNT); break;
	case 24: reason_sentence(REASON_COUNT); break;
	case 25: schedule_begun(s, none); break;
	case 26: schedule_begun(s, c->ready[0]); break;
	case 27: schedule_returned(s, none, false); break;
	case 28: schedule_returned(s, c->ready[0], false); break;
	case 29: extend_an_ended_group(c); break;
	default: return false;
	}
	return true;
}

static bool misuse_before_the_begin(struct scene *c, int which)
{
	switch (which) {
	case 0: schedule_preset(c->s, c->s->n_units, STATE_CACHED, REASON_FRESH); break;
	case 1: schedule_preset(c->s, c->waits, STATE_WAITING, REASON_FRESH); break;
	case 2: schedule_preset(c->s, c->end, STATE_FAILED, REASON_EXIT); break;
	default: return false;
	}
	return true;
}

/* A line before the message of the end, if there is one, is a piece of that message. */
static void check_said(char *said)
{
	char *message = strchr(said, '\n');

	CHECK(message != NULL);
	*message++ = '\0';
	if (*message && !strstr(message, said))
		fail_msg("it is said '%s' and not '%s'", message, said);
}

static void check_each_aborts(deed *what, struct scene *c, int at_least)
{
	char said[512];
	int which = 0, status;

	while ((status = in_a_child(what, c, which, said, sizeof(said)), !WIFEXITED(status) || !WEXITSTATUS(status))) {
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
			fail_msg("number %d was let through: %s", which, said);
		check_said(said);
		which++;
	}
	CHECK_INT(WEXITSTATUS(status), 1);
	CHECK(which >= at_least);
}

static void what_a_caller_must_not_do_ends_the_program(void **state)
{
	struct scene c = scene_new();

	(void)state;
	check_each_aborts(misuse, &c, 26);
	case_free(c.t);
	c.t = case_new();
	scene_build(&c, c.t);
	run(c.t, 1);
	c.s = c.t->s;
	check_each_aborts(misuse_before_the_begin, &c, 3);
	case_free(c.t);
}

/* --- what must hold --------------------------------------------------------------------------------------- */

static void swap(uint32_t *a, uint32_t *b)
{
	uint32_t was = *a;

	*a = *b;
	*b = was;
}

/* The group is as if its failure had not shut it. */
static void reopen(struct scene *c)
{
	c->s->crowd[c->group].state = STATE_PENDING;
	c->note[c->aborted].wanted++;
	c->note[c->fails].wanted++;
}

/* One thing that is kept up to date is wrong.  Gives a piece of the invariant that says so, NULL if there are no more. */
static const char *corrupt_unit(struct scene *c, int which)
{
	struct schedule *s = c->s;
	struct note *note = c->note;
	struct wait *waits = &note[c->waits].wait, *unmet = &note[c->unmet].wait;

	switch (which) {
	case 0: return note[c->running].wanted++, "n->wanted == wanted";
	case 1: return note[c->waits].flags |= NOTE_EXPIRED, "!(n->flags & NOTE_EXPIRED)";
	case 2: return note[c->waits].state = STATE_WAITING, "n->state == state_of_phase(n->phase)";
	case 3: return swap(&note[c->ready[0]].place, &note[c->ready[1]].place), "ready.at[n->place] == unit";
	case 4: return swap(&note[c->paused[0]].place, &note[c->paused[1]].place), "s->pauses.at[n->place] == unit";
	case 5: return note[c->paused[0]].attempts = 0, "&& n->attempts";
	case 6: return s->canceled = true, "true: n->phase == PHASE_RUNNING";
	case 7: return note[c->done].state = STATE_RUNNING, "state_is_final(n->state)";
	case 8: return note[c->done].reason = REASON_COUNT, "n->reason < REASON_COUNT";
	case 9: return note[c->excused].reason = REASON_NONE, "n->reason != REASON_NONE";
	case 10: return note[c->done].flags &= (uint8_t)~NOTE_CONCLUDED, "(n->flags & NOTE_LATE)";
	case 11: return note[c->stand_in].flags |= NOTE_CONCLUDED, "(n->flags & NOTE_LATE)";
	case 12: return waits->firm++, "w->firm == again.firm";
	case 13: return waits->want++, "w->want == again.want";
	case 14: return waits->slack++, "w->slack == again.slack";
	case 15: return waits->unmet = true, "w->unmet == again.unmet";
	case 16: return unmet->cause = UNIT_NONE, "w->cause != UNIT_NONE";
	case 17:
		note[c->ready[0]].phase = PHASE_NEEDS;
		note[c->ready[0]].state = STATE_PENDING;
		return "w->firm || (w->want && !w->unmet)";
	case 18: return c->t->g->unit[c->unmet].flags = 0, "!w->unmet || waits_for_all(s->g, unit)";
	}
	return NULL;
}

static const char *corrupt_lane(struct scene *c, int which)
{
	struct schedule *s = c->s;
	struct note *note = c->note;
	struct lane *own = &s->lane[0], *full = &s->lane[c->full + 1], *free_lane = &s->lane[c->free + 1];
	static const char order[] = "before(s, h->at[(i - 1) / HEAP_WAYS], h->at[i])";

	switch (which) {
	case 0:
		swap(&own->ready.at[0], &own->ready.at[1]);
		return swap(&note[c->ready[0]].place, &note[c->ready[1]].place), order;
	case 1: return swap(&s->lanes.at[0], &s->lanes.at[1]), swap(&own->place, &free_lane->place), order;
	case 2:
		swap(&s->pauses.at[0], &s->pauses.at[1]);
		return swap(&note[c->paused[0]].place, &note[c->paused[1]].place), order;
	case 3: return full->used++, "l->used <= l->capacity";
	case 4: return own->peeked = 1, "!l->peeked";
	case 5: return own->place = HEAP_NOWHERE, "fits == (l->place != HEAP_NOWHERE)";
	case 6: return full->place = 0, "fits == (l->place != HEAP_NOWHERE)";
	case 7: return swap(&own->place, &free_lane->place), "s->lanes.at[l->place] == i";
	case 8: return s->n_ready++, "ready == s->n_ready";
	}
	return NULL;
}

static const char *corrupt_total(struct scene *c, int which)
{
	struct schedule *s = c->s;
	struct unit *graph_units = c->t->g->unit;

	switch (which) {
	case 0: return s->spread.n++, "s->spread.head == s->spread.n";
	case 1: return s->shut.n++, "s->shut.head == s->shut.n";
	case 2: return s->verdicts.n++, "s->verdicts.head == s->verdicts.n";
	case 3: return s->slots_used++, "slots == s->slots_used";
	case 4: return s->lane[0].used++, "used == pools";
	case 5: return s->n_final++, "final == s->n_final";
	case 6: return c->note[c->running].attempts = 0, "true: n->attempts";
	case 7: return s->alone = true, "s->alone == (alone == 1)";
	case 8: return s->alone = true, graph_units[c->running].slots = SLOTS_ALL, "!s->alone || by_state[STATE_RUNNING]";
	case 9: return graph_units[c->running].slots = graph_units[c->stand_in].slots = SLOTS_ALL, "alone <= 1";
	case 10: return s->by_state[STATE_LOST]++, "!memcmp(by_state, s->by_state";
	case 11: return s->n_held++, "held == s->n_held";
	case 12: return s->n_unsure++, "unsure == s->n_unsure";
	case 13: return s->recalled = true, "(held || !s->recalled)";
	case 14: return s->busy[c->note[c->running].place].unit++, "b->unit == unit";
	}
	return NULL;
}

static const char *corrupt_crowd(struct scene *c, int which)
{
	struct crowd *root = &c->s->crowd[0], *group = &c->s->crowd[c->group];
	struct group *in_graph = &c->t->g->group[c->group];

	switch (which) {
	case 0: return root->others++, "others == c->others";
	case 1: return root->n_failed++, "failed == c->n_failed";
	case 2: return root->hard = false, "(hard > 0) == c->hard";
	case 3: return root->aborted = true, "(aborted > 0) == c->aborted";
	case 4: return group->aborted = false, "(aborted > 0) == c->aborted";
	case 5: return root->tally.total++, "c->tally.total == c->adopted";
	case 6: return root->tally.succeeded++, "+ open == c->tally.total";
	case 7: return reopen(c), "!g->group[group].stop_at_once";
	case 8: return reopen(c), in_graph->stop_at_once = false, in_graph->fail_limit = 1, "!g->group[group].fail_limit";
	case 9: return root->expired = true, "!c->expired";
	case 10:
		c->note[in_graph->begin].phase = PHASE_ASKED;
		c->note[in_graph->begin].state = STATE_WAITING;
		return "!open && s->note[g->group[group].begin].phase == PHASE_FINAL";
	}
	return NULL;
}

typedef const char *corruption(struct scene *c, int which);

/* Carries out the corruption with this number, counted through all lists; says what is to be said. */
static bool corrupt(struct scene *c, int which)
{
	static corruption *const lists[] = {corrupt_unit, corrupt_lane, corrupt_total, corrupt_crowd};
	static const int sizes[] = {19, 9, 11, 11};
	const char *says = NULL;

	for (size_t i = 0; i < ARRAY_LEN(lists) && !says; which -= sizes[i++])
		if (which < sizes[i])
			says = lists[i](c, which);
	if (!says)
		return false;
	fprintf(stderr, "%s\n", says);
	schedule_check(c->s);
	return true;
}

static void whatever_is_kept_wrong_is_noticed(void **state)
{
	struct scene c = scene_new();

	(void)state;
	schedule_check(c.s);
	check_each_aborts(corrupt, &c, 50);
	case_free(c.t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_queue_that_is_half_empty_moves_up_instead_of_growing),
		cmocka_unit_test(a_queue_that_has_room_stays_where_it_is),
		cmocka_unit_test(what_a_caller_must_not_do_ends_the_program),
		cmocka_unit_test(whatever_is_kept_wrong_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
