/* Each rule of the schedule, one small run each. */
#include "base/bug.h"
#include "run/schedule_impl.h"
#include "schedule_case.h"

/* --- needs ------------------------------------------------------------------------------------------ */

static void a_step_starts_when_its_need_has_succeeded(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), b = step(t, 0, "b");

	(void)state;
	need(t, b, a, COND_OK);
	run(t, 2);
	EXPECT(t, 0, "start a#1");
	CHECK(!schedule_done(t->s));
	ended(t, 5, a, true);
	EXPECT(t, 5, "a succeeded, start b#1");
	ended(t, 9, b, true);
	EXPECT(t, 9, "b succeeded, run succeeded");
	CHECK(schedule_done(t->s));
	case_free(t);
}

static void a_step_is_blocked_when_its_need_has_failed(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), b = step(t, 0, "b"), c = step(t, 0, "c"), cause;

	(void)state;
	need(t, b, a, COND_OK);
	need(t, c, b, COND_OK);
	run(t, 2);
	EXPECT(t, 0, "start a#1");
	ended(t, 5, a, false);
	EXPECT(t, 5, "a failed, b blocked (need-failed a), c blocked (need-failed b), run failed (member-failed a)");
	CHECK_INT(schedule_reason(t->s, c, &cause), REASON_NEED_FAILED);
	CHECK_INT(cause, b);
	case_free(t);
}

/* What each condition makes of each end: s start, b blocked. */
static void conditions_accept_what_they_say(void **state)
{
	static const struct {
		enum state end;
		const char *ok_done_failed_skipped_any;
	} row[] = {
		{STATE_SUCCEEDED, "ssbbs"}, {STATE_FAILED, "bssbs"},	  {STATE_TIMED_OUT, "bssbs"},
		{STATE_SKIPPED, "ssbss"},   {STATE_INTERRUPTED, "bssbs"}, {STATE_LOST, "bssbs"},
		{STATE_CANCELED, "bsbbs"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct test_case *t = case_new();
		uint32_t a = step(t, 0, "a"), user[COND_OPEN];

		for (int c = COND_OK; c <= COND_ANY; c++) {
			user[c] = step(t, 0, "user");
			need(t, user[c], a, (enum cond)c);
		}
		run(t, 8);
		EXPECT(t, 0, "start a#1");
		ended_as(t, 1, a, row[i].end);
		for (struct action x; schedule_next(t->s, 1, &x);)
			schedule_check(t->s);
		for (int c = COND_OK; c <= COND_ANY; c++)
			CHECK_INT(schedule_state(t->s, user[c]),
				  row[i].ok_done_failed_skipped_any[c] == 's' ? STATE_RUNNING : STATE_BLOCKED);
		case_free(t);
	}
}

static void a_need_for_order_only_never_blocks(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), b = step(t, 0, "b");

	(void)state;
	graph_add_need(t->b, b, a, COND_OK, true);
	run(t, 2);
	EXPECT(t, 0, "start a#1");
	ended(t, 5, a, false);
	EXPECT(t, 5, "a failed, start b#1");
	case_free(t);
}

static void with_a_rule_so_many_needs_suffice(void **state)
{
	struct test_case *t = case_new();
	uint32_t a[3] = {step(t, 0, "a0"), step(t, 0, "a1"), step(t, 0, "a2")}, b = step(t, 0, "b");

	(void)state;
	for (int i = 0; i < 3; i++)
		need(t, b, a[i], COND_OK);
	unit(t, b)->rule = 2;
	run(t, 9);
	EXPECT(t, 0, "start a0#1, start a1#1, start a2#1");
	ended(t, 1, a[2], true);
	EXPECT(t, 1, "a2 succeeded");
	ended(t, 2, a[0], false);
	EXPECT(t, 2, "a0 failed");
	ended(t, 3, a[1], true);
	EXPECT(t, 3, "a1 succeeded, start b#1");
	case_free(t);
}

static void with_a_rule_a_step_does_not_wait_for_the_rest(void **state)
{
	struct test_case *t = case_new();
	uint32_t a[3] = {step(t, 0, "a0"), step(t, 0, "a1"), step(t, 0, "a2")}, b = step(t, 0, "b");
	uint32_t before = step(t, 0, "before");

	(void)state;
	for (int i = 0; i < 3; i++)
		need(t, b, a[i], COND_OK);
	graph_add_need(t->b, b, before, COND_ANY, true);
	unit(t, b)->rule = 1;
	run(t, 9);
	EXPECT(t, 0, "start a0#1, start a1#1, start a2#1, start before#1");
	ended(t, 1, a[1], true);
	EXPECT(t, 1, "a1 succeeded");
	ended(t, 2, before, true); /* order is kept all the same */
	EXPECT(t, 2, "before succeeded, start b#1");
	ended(t, 3, a[0], false);
	EXPECT(t, 3, "a0 failed");
	case_free(t);
}

static void with_a_rule_a_step_is_blocked_as_soon_as_too_few_can_hold(void **state)
{
	struct test_case *t = case_new();
	uint32_t a[3] = {step(t, 0, "a0"), step(t, 0, "a1"), step(t, 0, "a2")}, b = step(t, 0, "b");

	(void)state;
	for (int i = 0; i < 3; i++)
		need(t, b, a[i], COND_OK);
	unit(t, b)->rule = 2;
	run(t, 9);
	EXPECT(t, 0, "start a0#1, start a1#1, start a2#1");
	ended(t, 1, a[1], false);
	EXPECT(t, 1, "a1 failed");
	ended(t, 2, a[0], false);
	EXPECT(t, 2, "a0 failed, b blocked (need-failed a1)");
	case_free(t);
}

static void a_rule_beyond_the_needs_means_all(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), b = step(t, 0, "b");

	(void)state;
	need(t, b, a, COND_OK);
	unit(t, b)->rule = 7;
	run(t, 9);
	EXPECT(t, 0, "start a#1");
	ended(t, 1, a, true);
	EXPECT(t, 1, "a succeeded, start b#1");
	case_free(t);
}

/* --- questions ---------------------------------------------------------------------------------------- */

static void a_step_with_conditions_is_asked_before_it_starts(void **state)
{
	static const struct {
		enum answer answer;
		enum reason why;
		const char *then;
	} row[] = {
		{ANSWER_RUN, REASON_ASKED, "start a#1"},
		{ANSWER_SKIP, REASON_WHEN_FALSE, "a skipped (when-false), run succeeded, start b#1"},
		{ANSWER_CACHED, REASON_FRESH, "a cached (fresh), run succeeded, start b#1"},
		{ANSWER_FAIL, REASON_REQUIRE_FALSE,
		 "a failed (require-false), run failed (member-failed a), b blocked (need-failed a)"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct test_case *t = case_new();
		uint32_t a = step(t, 0, "a"), b = graph_add_unit(t->b, unit(t, a));

		t->name[b] = "b"; /* wanted by nobody */
		unit(t, a)->flags |= UNIT_ASKS;
		need(t, b, a, COND_OK);
		run(t, 2);
		EXPECT(t, 0, "ask a");
		CHECK_INT(schedule_state(t->s, a), STATE_WAITING);
		answer(t, a, row[i].answer, row[i].why);
		EXPECT(t, 0, row[i].then);
		answer(t, a, ANSWER_FAIL, REASON_EXIT); /* once is enough */
		EXPECT(t, 0, "");
		case_free(t);
	}
}

static void a_step_that_asks_for_a_status_is_asked_although_a_need_did_not_hold(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), b = step(t, 0, "b"), c = step(t, 0, "c");

	(void)state;
	need(t, b, a, COND_OK);
	need(t, b, c, COND_OK);
	unit(t, b)->flags |= UNIT_ASKS_STATUS;
	run(t, 2);
	EXPECT(t, 0, "start a#1, start c#1");
	ended(t, 1, a, false);
	EXPECT(t, 1, "a failed"); /* not before all have ended */
	ended(t, 2, c, true);
	EXPECT(t, 2, "c succeeded, ask b!");
	answer(t, b, ANSWER_RUN, REASON_NONE);
	EXPECT(t, 2, "start b#1");
	case_free(t);
}

static void an_instant_step_starts_nothing(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), b = step(t, 0, "b"), c = step(t, 0, "c");

	(void)state;
	unit(t, a)->flags |= UNIT_INSTANT;
	unit(t, c)->flags |= UNIT_INSTANT | UNIT_ASKS;
	need(t, b, a, COND_OK);
	run(t, 1);
	EXPECT(t, 0, "a succeeded, ask c, start b#1");
	answer(t, c, ANSWER_RUN, REASON_ASKED);
	EXPECT(t, 0, "c succeeded (asked)");
	CHECK_INT(schedule_attempt(t->s, a), 0);
	case_free(t);
}

/* --- policies ------------------------------------------------------------------------------------------- */

static void abort_lets_nothing_new_of_its_job_start(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "J"), a = step(t, j, "a"), b = step(t, j, "b"), c = step(t, j, "c");
	uint32_t other = step(t, 0, "other");

	(void)state;
	need(t, c, a, COND_OK);
	run(t, 2);
	EXPECT(t, 0, "start a#1, start b#1");
	ended(t, 1, a, false);
	EXPECT(t, 1, "a failed, c aborted (policy-abort a), start other#1");
	ended(t, 2, b, true); /* what runs ends */
	EXPECT(t, 2, "b succeeded, J failed (member-failed a)");
	ended(t, 3, other, true);
	EXPECT(t, 3, "other succeeded, run failed (member-failed J)");
	case_free(t);
}

static void what_runs_when_its_group_is_aborted_is_not_tried_again(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "J"), a = step(t, j, "a"), b = step(t, j, "b"), c = step(t, j, "c");
	uint16_t twice = graph_add_retry(t->b, &(struct retry_pace){.max = 3, .delay_ms = 10, .backoff = 1});

	(void)state;
	unit(t, b)->retry = twice;
	unit(t, c)->retry = twice;
	run(t, 3);
	EXPECT(t, 0, "start a#1, start b#1, start c#1");
	ended_as(t, 1, c, STATE_TIMED_OUT);
	EXPECT(t, 1, "c waits #2 +10");
	ended(t, 2, a, false); /* the pause ends at once, as the attempt before it did */
	EXPECT(t, 2, "a failed, c timed_out");
	CHECK_INT(schedule_due(t->s), INT64_MAX);
	ended(t, 3, b, false);
	EXPECT(t, 3, "b failed, J failed (member-failed a), run failed (member-failed J)");
	case_free(t);
}

static void skip_dependents_lets_the_others_go_on(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "J"), a = step(t, j, "a"), b = step(t, j, "b"), c = step(t, j, "c");

	(void)state;
	policy(t, a, ON_FAILURE_SKIP_DEPENDENTS);
	need(t, b, a, COND_OK);
	run(t, 1);
	EXPECT(t, 0, "start a#1");
	ended(t, 1, a, false);
	EXPECT(t, 1, "a failed, b blocked (need-failed a), start c#1");
	ended(t, 2, c, true);
	EXPECT(t, 2, "c succeeded, J failed (member-failed a), run failed (member-failed J)");
	case_free(t);
}

static void continue_releases_dependents_and_yet_fails_the_job(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "J"), a = step(t, j, "a"), b = step(t, j, "b");

	(void)state;
	policy(t, a, ON_FAILURE_CONTINUE);
	need(t, b, a, COND_OK);
	run(t, 1);
	EXPECT(t, 0, "start a#1");
	ended(t, 1, a, false);
	EXPECT(t, 1, "a failed, start b#1");
	ended(t, 2, b, true);
	EXPECT(t, 2, "b succeeded, J failed (member-failed a), run failed (member-failed J)");
	CHECK(!schedule_is_degraded(t->s, a));
	case_free(t);
}

static void a_failure_that_is_not_critical_degrades_its_groups(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "J"), a = step(t, j, "a"), b = step(t, j, "b"), c = step(t, j, "c");
	struct tally tally;

	(void)state;
	unit(t, a)->flags = 0; /* under abort, which then means skip_dependents */
	need(t, b, a, COND_OK);
	run(t, 1);
	EXPECT(t, 0, "start a#1");
	ended(t, 1, a, false);
	EXPECT(t, 1, "a failed, b blocked (need-failed a), start c#1");
	ended(t, 2, c, true);
	EXPECT(t, 2, "c succeeded, J succeeded, run succeeded");
	CHECK(schedule_is_degraded(t->s, a));
	CHECK(schedule_is_degraded(t->s, end_of(t, j)));
	CHECK(schedule_is_degraded(t->s, end_of(t, 0)));
	schedule_tally(t->s, j, &tally);
	CHECK_INT(tally.total, 3);
	CHECK_INT(tally.succeeded, 1);
	CHECK_INT(tally.failed, 1);
	CHECK_INT(tally.degraded, 1);
	CHECK_INT(tally.skipped, 1);
	case_free(t);
}

static void a_step_blocked_by_another_jobs_failure_fails_its_own_job(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "J"), k = job(t, "K"), a = step(t, j, "a"), b = step(t, j, "b"), c = step(t, k, "c");

	(void)state;
	need(t, c, b, COND_OK); /* b is aborted: no evidence either */
	need(t, b, a, COND_OK);
	run(t, 1);
	EXPECT(t, 0, "start a#1");
	ended(t, 1, a, false);
	EXPECT(t, 1, "a failed, b aborted (policy-abort a), J failed (member-failed a), c blocked (need-failed b), "
		     "K failed (member-failed c), run failed (member-failed J)");
	case_free(t);
}

static void a_case_that_did_not_come_is_no_failure(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), b = step(t, 0, "b"), c = step(t, 0, "c"), d = step(t, 0, "d");

	(void)state;
	need(t, b, a, COND_FAILED);
	need(t, c, a, COND_SKIPPED);
	need(t, d, b, COND_OK);
	run(t, 1);
	EXPECT(t, 0, "start a#1");
	ended(t, 1, a, true);
	EXPECT(t, 1, "a succeeded, b blocked (need-failed a), c blocked (need-failed a), d blocked (need-failed b), "
		     "run succeeded");
	CHECK(!schedule_is_degraded(t->s, end_of(t, 0)));
	case_free(t);
}

static void ignored_failures_release_dependents_and_spoil_nothing(void **state)
{
	struct test_case *t = case_new_with((struct group){.stop_at_once = true});
	uint32_t j = job(t, "J"), a = step(t, j, "a"), b = step(t, j, "b"), c = step(t, j, "c");

	(void)state;
	policy(t, a, ON_FAILURE_FALLBACK);
	unit(t, a)->stand_in = c;
	need(t, b, a, COND_OK);
	run_with(t, (struct schedule_options){.slots = 2, .ignore_failures = true});
	EXPECT(t, 0, "start a#1");
	ended(t, 1, a, false);
	EXPECT(t, 1, "a failed, c skipped (stand-in-idle a), start b#1");
	ended(t, 2, b, false);
	EXPECT(t, 2, "b failed, J succeeded, run succeeded");
	CHECK(schedule_is_degraded(t->s, end_of(t, 0)));
	case_free(t);
}

/* --- stand-ins ------------------------------------------------------------------------------------------ */

struct stand_in_case {
	struct test_case *t;
	uint32_t job, primary, stand_in, user, after;
};

static struct stand_in_case stand_in_case(void)
{
	struct test_case *t = case_new();
	struct stand_in_case c = {.t = t, .job = job(t, "J")};

	c.primary = step(t, c.job, "p");
	c.stand_in = step(t, c.job, "s");
	c.user = step(t, c.job, "user");
	c.after = step(t, c.job, "after");
	policy(t, c.primary, ON_FAILURE_FALLBACK);
	unit(t, c.primary)->stand_in = c.stand_in;
	need(t, c.user, c.primary, COND_OK);
	need(t, c.after, c.primary, COND_FAILED);
	return c;
}

static void a_stand_in_is_skipped_when_its_primary_is_well(void **state)
{
	struct stand_in_case c = stand_in_case();

	(void)state;
	run(c.t, 2);
	EXPECT(c.t, 0, "start p#1");
	ended(c.t, 1, c.primary, true);
	EXPECT(c.t, 1, "p succeeded, s skipped (stand-in-idle p), after blocked (need-failed p), start user#1");
	ended(c.t, 2, c.user, true);
	EXPECT(c.t, 2, "user succeeded, J succeeded, run succeeded");
	case_free(c.t);
}

static void a_stand_in_that_succeeds_makes_good_for_its_primary(void **state)
{
	struct stand_in_case c = stand_in_case();
	struct tally tally;

	(void)state;
	run(c.t, 2);
	EXPECT(c.t, 0, "start p#1");
	ended(c.t, 1, c.primary, false);
	EXPECT(c.t, 1, "p failed, start s#1, start after#1"); /* who wants `failed` need not wait */
	ended(c.t, 2, c.after, true);
	EXPECT(c.t, 2, "after succeeded");
	ended(c.t, 3, c.stand_in, true);
	EXPECT(c.t, 3, "s succeeded, start user#1");
	ended(c.t, 4, c.user, true);
	EXPECT(c.t, 4, "user succeeded, J succeeded, run succeeded");
	schedule_tally(c.t->s, c.job, &tally);
	CHECK_INT(tally.succeeded, 4);
	CHECK(schedule_is_degraded(c.t->s, c.primary));
	CHECK(!schedule_is_degraded(c.t->s, end_of(c.t, c.job)));
	case_free(c.t);
}

static void a_stand_in_that_fails_applies_its_own_policy(void **state)
{
	struct stand_in_case c = stand_in_case();
	uint32_t last = step(c.t, c.job, "last");

	(void)state;
	unit(c.t, last)->priority = -1;
	run(c.t, 1);
	EXPECT(c.t, 0, "start p#1");
	ended(c.t, 1, c.primary, false);
	EXPECT(c.t, 1, "p failed, start s#1");
	ended(c.t, 2, c.stand_in, false);
	EXPECT(c.t, 2, "s failed, user aborted (policy-abort s), after aborted (policy-abort s), "
		       "last aborted (policy-abort s), J failed (member-failed s), run failed (member-failed J)");
	case_free(c.t);
}

static void a_stand_in_that_says_no_leaves_the_failure_standing(void **state)
{
	struct stand_in_case c = stand_in_case();

	(void)state;
	unit(c.t, c.stand_in)->flags |= UNIT_ASKS;
	run(c.t, 1);
	EXPECT(c.t, 0, "start p#1");
	ended(c.t, 1, c.primary, false);
	EXPECT(c.t, 1, "p failed, ask s, start after#1");
	answer(c.t, c.stand_in, ANSWER_SKIP, REASON_WHEN_FALSE);
	EXPECT(c.t, 1, "s skipped (when-false), user blocked (need-failed p)");
	ended(c.t, 2, c.after, true);
	EXPECT(c.t, 2, "after succeeded, J failed (member-failed p), run failed (member-failed J)");
	case_free(c.t);
}

static void a_stand_in_that_is_blocked_leaves_the_failure_standing(void **state)
{
	struct stand_in_case c = stand_in_case();
	uint32_t x = step(c.t, 0, "x");

	(void)state;
	need(c.t, c.stand_in, x, COND_OK);
	need(c.t, c.stand_in, c.primary, COND_OK); /* which it never can be: harmless */
	run(c.t, 9);
	EXPECT(c.t, 0, "start p#1, start x#1");
	ended(c.t, 1, x, true);
	EXPECT(c.t, 1, "x succeeded");
	ended(c.t, 2, c.primary, false);
	EXPECT(c.t, 2, "p failed, s blocked (need-failed p), user blocked (need-failed p), start after#1");
	case_free(c.t);
}

static void a_stand_in_may_have_a_stand_in_and_serve_two(void **state)
{
	struct test_case *t = case_new();
	uint32_t p = step(t, 0, "p"), q = step(t, 0, "q"), s = step(t, 0, "s"), r = step(t, 0, "r");
	uint32_t user = step(t, 0, "user");

	(void)state;
	for (const uint32_t *x = (uint32_t[]){p, q, s, UNIT_NONE}; *x != UNIT_NONE; x++) {
		policy(t, *x, ON_FAILURE_FALLBACK);
		unit(t, *x)->stand_in = *x == s ? r : s;
	}
	need(t, user, p, COND_OK);
	need(t, user, q, COND_OK);
	run(t, 9);
	EXPECT(t, 0, "start p#1, start q#1");
	ended(t, 1, p, false);
	EXPECT(t, 1, "p failed");
	ended(t, 2, q, false);
	EXPECT(t, 2, "q failed, start s#1");
	ended(t, 3, s, false);
	EXPECT(t, 3, "s failed, start r#1");
	ended(t, 4, r, true);
	EXPECT(t, 4, "r succeeded, start user#1");
	ended(t, 5, user, true);
	EXPECT(t, 5, "user succeeded, run succeeded");
	case_free(t);
}

static void a_stand_in_that_serves_two_is_called_by_either(void **state)
{
	(void)state;
	for (int second = 0; second < 2; second++) {
		struct test_case *t = case_new();
		uint32_t s = step(t, 0, "s"), p[2] = {step(t, 0, "p"), step(t, 0, "q")};

		for (int i = 0; i < 2; i++) {
			policy(t, p[i], ON_FAILURE_FALLBACK);
			unit(t, p[i])->stand_in = s;
		}
		run(t, 9);
		EXPECT(t, 0, "start p#1, start q#1");
		ended(t, 1, p[0], second);
		EXPECT(t, 1, second ? "p succeeded" : "p failed");
		ended(t, 2, p[1], !second);
		EXPECT(t, 2, second ? "q failed, start s#1" : "q succeeded, start s#1");
		ended(t, 3, s, true);
		EXPECT(t, 3, "s succeeded, run succeeded");
		case_free(t);
	}
}

/* What the stand-in made good is no news to who comes after it: for that one the primary failed, and stays so. */
static void a_stand_ins_stand_in_that_needs_the_primary_has_seen_it_fail(void **state)
{
	struct test_case *t = case_new();
	uint32_t p = step(t, 0, "p"), s = step(t, 0, "s"), r = step(t, 0, "r"), x = step(t, 0, "x");

	(void)state;
	policy(t, p, ON_FAILURE_FALLBACK);
	unit(t, p)->stand_in = s;
	policy(t, s, ON_FAILURE_FALLBACK);
	unit(t, s)->stand_in = r;
	need(t, r, p, COND_OK);
	need(t, r, x, COND_ANY);
	run(t, 9);
	EXPECT(t, 0, "start p#1, start x#1");
	ended(t, 1, p, false);
	EXPECT(t, 1, "p failed, start s#1");
	ended(t, 2, s, true);
	EXPECT(t, 2, "s succeeded");
	ended(t, 3, x, true);
	EXPECT(t, 3, "x succeeded, r skipped (stand-in-idle s), run succeeded");
	case_free(t);
}

static void a_group_may_stand_in(void **state)
{
	struct test_case *t = case_new();
	uint32_t p = step(t, 0, "p"), j = job(t, "J"), a = step(t, j, "a"), k = job(t, "K"), b = step(t, k, "b");

	(void)state;
	policy(t, p, ON_FAILURE_FALLBACK);
	unit(t, p)->stand_in = end_of(t, j);
	policy(t, end_of(t, j), ON_FAILURE_FALLBACK);
	unit(t, end_of(t, j))->stand_in = end_of(t, k);
	run(t, 9);
	EXPECT(t, 0, "start p#1");
	ended(t, 1, p, false);
	EXPECT(t, 1, "p failed, start a#1");
	ended(t, 2, a, false);
	EXPECT(t, 2, "a failed, J failed (member-failed a), start b#1");
	ended(t, 3, b, true);
	EXPECT(t, 3, "b succeeded, K succeeded, run succeeded");
	case_free(t);
}

static void a_group_that_stands_in_is_skipped_as_a_whole(void **state)
{
	struct test_case *t = case_new();
	uint32_t p = step(t, 0, "p"), j = job(t, "J"), a = step(t, j, "a"), idle = step(t, 0, "idle");

	(void)state;
	(void)a;
	policy(t, p, ON_FAILURE_FALLBACK);
	unit(t, p)->stand_in = end_of(t, j);
	unit(t, idle)->flags |= UNIT_STAND_IN; /* for nobody who is in this run */
	run(t, 9);
	EXPECT(t, 0, "idle skipped (stand-in-idle), start p#1");
	ended(t, 1, p, true);
	EXPECT(t, 1, "p succeeded, a skipped (stand-in-idle p), J skipped (stand-in-idle p), run succeeded");
	case_free(t);
}

static void without_a_stand_in_the_policy_fallback_is_skip_dependents(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "J"), a = step(t, j, "a"), b = step(t, j, "b"), c = step(t, j, "c");

	(void)state;
	policy(t, a, ON_FAILURE_FALLBACK);
	need(t, b, a, COND_OK);
	run(t, 1);
	EXPECT(t, 0, "start a#1");
	ended(t, 1, a, false);
	EXPECT(t, 1, "a failed, b blocked (need-failed a), start c#1");
	ended(t, 2, c, true);
	EXPECT(t, 2, "c succeeded, J failed (member-failed a), run failed (member-failed J)");
	case_free(t);
}

static void a_primary_that_fails_after_an_abort_has_no_stand_in_any_more(void **state)
{
	struct stand_in_case c = stand_in_case();
	uint32_t x = step(c.t, c.job, "x");

	(void)state;
	run(c.t, 9);
	EXPECT(c.t, 0, "start p#1, start x#1");
	ended(c.t, 1, x, false);
	EXPECT(c.t, 1, "x failed, s aborted (policy-abort x), user aborted (policy-abort x), "
		       "after aborted (policy-abort x)");
	ended(c.t, 2, c.primary, false);
	EXPECT(c.t, 2, "p failed, J failed (member-failed x), run failed (member-failed J)");
	case_free(c.t);
}

/* --- groups --------------------------------------------------------------------------------------------- */

static void a_phase_runs_all_its_children_and_then_reports(void **state)
{
	struct test_case *t = case_new();
	uint32_t all = group_in(t, 0, "all", (struct group){.stop_on_failure = true});
	uint32_t p[3] = {group_in(t, all, "ingest", (struct group){0}), group_in(t, all, "canonize", (struct group){0}),
			 group_in(t, all, "project", (struct group){0})};
	uint32_t a = step(t, p[0], "a"), b = step(t, p[0], "b"), c = step(t, p[1], "c"), d = step(t, p[2], "d"), gate;
	struct tally tally;

	(void)state;
	(void)c;
	(void)d;
	gate = stage(t, all, COND_DONE, &(uint32_t){end_of(t, p[0])}, 1);
	need(t, begin_of(t, p[1]), gate, COND_OPEN);
	gate = stage(t, all, COND_DONE, &(uint32_t){end_of(t, p[1])}, 1);
	need(t, begin_of(t, p[2]), gate, COND_OPEN);
	run(t, 1);
	EXPECT(t, 0, "start a#1");
	ended(t, 1, a, false);
	EXPECT(t, 1, "a failed, start b#1"); /* not yet started, and it still runs */
	ended(t, 2, b, true);
	EXPECT(t, 2, "b succeeded, ingest failed (member-failed a), c aborted (stage-stop ingest), "
		     "d aborted (stage-stop ingest), canonize aborted (stage-stop ingest), "
		     "project aborted (stage-stop ingest), all failed (member-failed ingest), "
		     "run failed (member-failed all)");
	schedule_tally(t->s, all, &tally);
	CHECK_INT(tally.total, 3);
	CHECK_INT(tally.failed, 1);
	CHECK_INT(tally.skipped, 2);
	case_free(t);
}

static void without_stop_on_failure_the_next_stage_opens(void **state)
{
	struct test_case *t = case_new();
	uint32_t all = group_in(t, 0, "all", (struct group){0});
	uint32_t a = step(t, all, "a"), b = step(t, all, "b"), gate = stage(t, all, COND_DONE, &a, 1);

	(void)state;
	need(t, b, gate, COND_OPEN);
	run(t, 1);
	EXPECT(t, 0, "start a#1");
	ended(t, 1, a, false);
	EXPECT(t, 1, "a failed, start b#1");
	case_free(t);
}

static void a_stage_that_opens_on_ok_stays_shut_after_a_failure(void **state)
{
	struct test_case *t = case_new();
	uint32_t all = group_in(t, 0, "all", (struct group){0});
	uint32_t a[2] = {step(t, all, "a0"), step(t, all, "a1")}, b = step(t, all, "b"), c = step(t, all, "c");
	uint32_t gate = stage(t, all, COND_OK, a, 2), last;

	(void)state;
	need(t, b, gate, COND_OPEN);
	last = stage(t, all, COND_OK, &b, 1);
	need(t, last, gate, COND_OPEN);
	need(t, c, last, COND_OPEN);
	t->name[gate] = "gate";
	t->name[last] = "last";
	run(t, 1);
	EXPECT(t, 0, "start a0#1");
	ended(t, 1, a[0], false);
	EXPECT(t, 1, "a0 failed, start a1#1");
	ended(t, 2, a[1], true);
	EXPECT(t, 2, "a1 succeeded, gate blocked (need-failed a0), b blocked (need-failed a0), "
		     "c blocked (need-failed a0), last blocked (need-failed a0), all failed (member-failed a0), "
		     "run failed (member-failed all)");
	case_free(t);
}

static void a_run_that_stops_at_once_starts_nothing_new_at_all(void **state)
{
	struct test_case *t = case_new_with((struct group){.stop_at_once = true});
	uint32_t j = job(t, "J"), k = job(t, "K"), a = step(t, j, "a"), b = step(t, k, "b"), c = step(t, k, "c");
	uint32_t l = job(t, "L"), d = step(t, l, "d");

	(void)state;
	(void)d;
	need(t, c, b, COND_OK);
	run(t, 2);
	EXPECT(t, 0, "start b#1, start a#1");
	ended(t, 1, a, false);
	EXPECT(t, 1, "a failed, c aborted (policy-abort a), d aborted (policy-abort a), J failed (member-failed a), "
		     "L aborted (policy-abort a)");
	ended(t, 2, b, true);
	EXPECT(t, 2, "b succeeded, K failed (policy-abort a), run failed (member-failed J)");
	case_free(t);
}

static void a_job_that_aborts_stops_the_run_before_its_last_step_has_ended(void **state)
{
	struct test_case *t = case_new_with((struct group){.stop_at_once = true});
	uint32_t j = job(t, "J"), a = step(t, j, "a"), b = step(t, j, "b"), c = step(t, 0, "c");

	(void)state;
	(void)c;
	run(t, 2);
	EXPECT(t, 0, "start a#1, start b#1");
	ended(t, 1, a, false);
	EXPECT(t, 1, "a failed, c aborted (policy-abort a)");
	ended(t, 2, b, true);
	EXPECT(t, 2, "b succeeded, J failed (member-failed a), run failed (member-failed J)");
	case_free(t);
}

static void a_job_whose_failure_is_not_final_does_not_stop_the_run_early(void **state)
{
	(void)state;
	for (int variant = 0; variant < 3; variant++) {
		struct test_case *t = case_new_with((struct group){.stop_at_once = true});
		uint32_t j = job(t, "J"), a = step(t, j, "a"), b = step(t, j, "b"), c = step(t, 0, "c");
		uint32_t s = step(t, 0, "s");

		(void)b;
		if (variant == 0) {
			graph_group(t->b, j)->asks_end = true;
		} else if (variant == 1) {
			unit(t, end_of(t, j))->flags = 0;
		} else {
			policy(t, end_of(t, j), ON_FAILURE_FALLBACK);
			unit(t, end_of(t, j))->stand_in = s;
		}
		unit(t, s)->flags |= UNIT_STAND_IN;
		unit(t, c)->priority = -1;
		run(t, 2);
		for (struct action x; schedule_next(t->s, 0, &x);)
			schedule_check(t->s);
		ended(t, 1, a, false);
		EXPECT(t, 1, "a failed, start c#1");
		case_free(t);
	}
}

static void what_stops_a_job_stops_nobody_beside_it(void **state)
{
	struct test_case *t = case_new();
	uint32_t k = group_in(t, 0, "K", (struct group){.stop_at_once = true}), j = job(t, "J");
	uint32_t c = step(t, k, "c"), a = step(t, j, "a"), b = step(t, j, "b"), d = step(t, k, "d");

	(void)state;
	need(t, d, c, COND_OK);
	run(t, 4);
	EXPECT(t, 0, "start c#1, start a#1, start b#1");
	ended(t, 1, a, false); /* while b goes on, J has stopped and not ended */
	EXPECT(t, 1, "a failed");
	ended(t, 2, c, true);
	EXPECT(t, 2, "c succeeded, start d#1");
	ended(t, 3, b, true);
	EXPECT(t, 3, "b succeeded, J failed (member-failed a)");
	case_free(t);
}

/* An aborted group in which anything ran has failed, be it what starts nothing or what is in a group inside. */
static void what_ran_makes_an_aborted_group_a_failed_one(void **state)
{
	static const char *const then[] = {
		"a failed, b aborted (policy-abort a), J aborted (policy-abort a), run failed (member-failed a)",
		"a failed, b aborted (policy-abort a), J failed (policy-abort a), run failed (member-failed a)",
		"a failed, b aborted (policy-abort a), J failed (policy-abort a), run failed (member-failed a)",
	};

	(void)state;
	for (int which = 0; which < 3; which++) {
		struct test_case *t = case_new_with((struct group){.stop_at_once = true});
		uint32_t a = step(t, 0, "a"), j = group_in(t, 0, "J", (struct group){0}), b = step(t, j, "b");

		need(t, b, a, COND_OK);
		if (which) {
			uint32_t i = step(t, which == 2 ? group_in(t, j, "inside", (struct group){0}) : j, "i");

			unit(t, i)->flags |= UNIT_INSTANT;
		}
		run(t, 1);
		EXPECT(t, 0, which == 2 ? "i succeeded, inside succeeded, start a#1"
			     : which	? "i succeeded, start a#1"
					: "start a#1");
		ended(t, 1, a, false);
		EXPECT(t, 1, then[which]);
		case_free(t);
	}
}

static void a_canceled_job_counts_as_failed_if_anything_of_it_ran(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "J"), k = job(t, "K"), a = step(t, j, "a"), b = step(t, j, "b"), c = step(t, k, "c");
	struct tally tally;

	(void)state;
	need(t, b, a, COND_OK);
	need(t, c, b, COND_OK);
	run(t, 1);
	EXPECT(t, 0, "start a#1");
	ended(t, 1, a, true);
	EXPECT(t, 1, "a succeeded, start b#1");
	schedule_not_now(t->s, b, REASON_LOCKED);
	schedule_cancel(t->s, REASON_CANCELED);
	EXPECT(t, 2, "b canceled (canceled), c canceled (canceled), J canceled (canceled), K canceled (canceled), "
		     "run canceled (canceled)");
	schedule_tally(t->s, 0, &tally);
	CHECK_INT(tally.failed, 1);
	CHECK_INT(tally.skipped, 1);
	case_free(t);
}

static void a_limit_of_failures_stops_the_run(void **state)
{
	struct test_case *t = case_new_with((struct group){.fail_limit = 2});
	uint32_t a = step(t, 0, "a"), b = step(t, 0, "b"), c = step(t, 0, "c");

	(void)state;
	need(t, c, b, COND_DONE);
	run(t, 1);
	EXPECT(t, 0, "start b#1");
	ended(t, 1, b, false);
	EXPECT(t, 1, "b failed, start a#1");
	ended(t, 2, a, false);
	EXPECT(t, 2, "a failed, c aborted (fail-limit a), run failed (member-failed b)");
	case_free(t);
}

static void abort_of_a_one_step_job_is_its_own_failure_only(void **state)
{
	struct test_case *t = case_new();
	uint32_t phase = group_in(t, 0, "phase", (struct group){0}), a = step(t, phase, "a"), b = step(t, phase, "b");

	(void)state;
	(void)b;
	run(t, 1);
	EXPECT(t, 0, "start a#1");
	ended(t, 1, a, false);
	EXPECT(t, 1, "a failed, start b#1");
	case_free(t);
}

static void abort_reaches_the_job_through_the_family_of_a_step(void **state)
{
	(void)state;
	for (int by_unit = 0; by_unit < 2; by_unit++) {
		struct test_case *t = case_new();
		uint32_t j = job(t, "J"), family = group_in(t, j, "f", (struct group){0});
		uint32_t a = step(t, family, "f[a]"), b = step(t, family, "f[b]"), c = step(t, j, "c");

		(void)c;
		unit(t, c)->priority = -1;
		unit(t, a)->group = by_unit ? j : GROUP_NONE;
		run(t, 2);
		EXPECT(t, 0, "start f[a]#1, start f[b]#1");
		ended(t, 1, a, false);
		EXPECT(t, 1, by_unit ? "f[a] failed, c aborted (policy-abort f[a])" : "f[a] failed, start c#1");
		ended(t, 2, b, true);
		if (by_unit) {
			EXPECT(t, 2, "f[b] succeeded, f failed (member-failed f[a]), J failed (member-failed f), "
				     "run failed (member-failed J)");
		} else {
			EXPECT(t, 2, "f[b] succeeded, f failed (member-failed f[a])");
		}
		case_free(t);
	}
}

static void a_family_that_fails_fast_stops_its_job_too(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "J"), family = group_in(t, j, "f", (struct group){.stop_at_once = true});
	uint32_t a = step(t, family, "f[a]"), b = step(t, family, "f[b]"), c = step(t, j, "c");

	(void)state;
	(void)b;
	(void)c;
	run(t, 1);
	EXPECT(t, 0, "start f[a]#1");
	ended(t, 1, a, false);
	EXPECT(t, 1, "f[a] failed, f[b] aborted (policy-abort f[a]), c aborted (policy-abort f[a]), "
		     "f failed (member-failed f[a]), J failed (member-failed f), run failed (member-failed J)");
	case_free(t);
}

static void what_another_group_still_wants_is_not_aborted(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = group_in(t, 0, "J", (struct group){.stop_at_once = true}), k = group_in(t, 0, "K", (struct group){0});
	uint32_t a = step(t, j, "a"), b = step(t, j, "b"), c = step(t, k, "c"), shared = job(t, "S");
	uint32_t s = step(t, shared, "s");

	(void)state;
	(void)b;
	graph_add_member(t->b, j, end_of(t, shared));
	graph_add_member(t->b, k, end_of(t, shared));
	unit(t, c)->priority = -1;
	run(t, 1);
	EXPECT(t, 0, "start a#1");
	ended(t, 1, a, false);
	EXPECT(t, 1, "a failed, b aborted (policy-abort a), start s#1");
	ended(t, 2, s, true);
	EXPECT(t, 2, "s succeeded, S succeeded, J failed (member-failed a), start c#1");
	case_free(t);
}

static void what_every_group_has_given_up_is_aborted(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = graph_add_group(t->b, &(struct group){.stop_at_once = true});
	uint32_t k = graph_add_group(t->b, &(struct group){.stop_at_once = true});
	uint32_t a = step(t, j, "a"), b = step(t, k, "b"), shared = graph_add_group(t->b, &(struct group){0});
	uint32_t s = step(t, shared, "s");

	(void)state;
	need(t, s, b, COND_ANY);
	graph_add_member(t->b, j, end_of(t, shared));
	graph_add_member(t->b, k, end_of(t, shared));
	graph_add_member(t->b, 0, end_of(t, j));
	graph_add_member(t->b, 0, end_of(t, k));
	run(t, 2);
	EXPECT(t, 0, "start b#1, start a#1");
	ended(t, 1, a, false);
	EXPECT(t, 1, "a failed");
	ended(t, 2, b, false);
	EXPECT(t, 2, "b failed, s aborted (policy-abort b), run succeeded");
	CHECK_INT(schedule_state(t->s, t->g->group[shared].end), STATE_ABORTED);
	CHECK(schedule_is_degraded(t->s, t->g->group[0].end)); /* their ENDs were not critical */
	case_free(t);
}

static void a_job_whose_needs_failed_is_blocked_with_all_it_has(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), j = job(t, "J"), b = step(t, j, "b"), f = step(t, j, "f");
	uint32_t kid = group_in(t, j, "kid", (struct group){0}), c = step(t, kid, "c"), user = step(t, 0, "user");

	(void)state;
	(void)b;
	(void)c;
	unit(t, f)->flags |= UNIT_ALWAYS;
	need(t, begin_of(t, j), a, COND_OK);
	need(t, user, end_of(t, j), COND_OK);
	run(t, 1);
	EXPECT(t, 0, "start a#1");
	ended(t, 1, a, false);
	EXPECT(t, 1, "a failed, b blocked (need-failed a), c blocked (need-failed a), kid blocked (need-failed a), "
		     "f blocked (need-failed a), J blocked (need-failed a), user blocked (need-failed J), "
		     "run failed (member-failed a)");
	case_free(t);
}

static void a_job_whose_condition_says_no_is_skipped_or_fails_as_a_whole(void **state)
{
	static const struct {
		enum answer answer;
		enum reason why;
		const char *then;
	} row[] = {
		{ANSWER_RUN, REASON_NONE, "start a#1, start b#1"},
		{ANSWER_SKIP, REASON_WHEN_FALSE,
		 "a skipped (when-false), b skipped (when-false), f skipped (when-false), J skipped (when-false), "
		 "run succeeded"},
		{ANSWER_CACHED, REASON_FRESH, "a cached (fresh), b cached (fresh), f cached (fresh), J cached (fresh), "
					      "run succeeded"},
		{ANSWER_FAIL, REASON_REQUIRE_FALSE,
		 "a blocked (need-failed ?), b blocked (need-failed ?), f blocked (require-false), "
		 "J failed (require-false), run failed (member-failed J)"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct test_case *t = case_new();
		uint32_t j = job(t, "J"), a = step(t, j, "a"), b = step(t, j, "b"), f = step(t, j, "f");
		struct action ask;

		(void)a;
		(void)b;
		unit(t, begin_of(t, j))->flags |= UNIT_ASKS;
		unit(t, f)->flags |= UNIT_ALWAYS;
		run(t, 4);
		while (schedule_next(t->s, 0, &ask) && ask.kind != ACTION_ASK)
			;
		CHECK_INT(ask.unit, begin_of(t, j));
		answer(t, ask.unit, row[i].answer, row[i].why);
		EXPECT(t, 0, row[i].then);
		case_free(t);
	}
}

/* One that is no member of the gate's group hears of it by the gate alone. */
static void whoever_waits_at_the_gate_of_another_group_is_blocked_with_it(void **state)
{
	static const struct {
		bool need_fails;
		enum answer answer;
		const char *then;
	} row[] = {
		{false, ANSWER_RUN, "opening succeeded (asked), start x#1, start in#1"},
		{false, ANSWER_SKIP, "opening skipped (asked), in skipped (asked), J skipped (asked), start x#1"},
		{false, ANSWER_FAIL, "opening failed (asked), in blocked (need-failed opening), "
				     "x blocked (need-failed opening), J failed (asked), run failed (member-failed x)"},
		{true, ANSWER_RUN, "a failed, opening blocked (need-failed a), in blocked (need-failed a), "
				   "x blocked (need-failed opening), J blocked (need-failed a), run failed (member-failed x)"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct test_case *t = case_new();
		uint32_t a = graph_add_unit(t->b, &(struct unit){.kind = UNIT_STEP, .flags = UNIT_CRITICAL, .pool = POOL_NONE,
								.group = GROUP_NONE, .stand_in = UNIT_NONE});
		uint32_t j = graph_add_group(t->b, &(struct group){0}), x = step(t, 0, "x");

		t->name[a] = "a", t->name[begin_of(t, j)] = "opening", t->name[end_of(t, j)] = "J";
		step(t, j, "in");
		unit(t, begin_of(t, j))->flags |= UNIT_ASKS;
		need(t, begin_of(t, j), a, COND_OK);
		need(t, x, begin_of(t, j), COND_OPEN);
		run(t, 4);
		EXPECT(t, 0, "start a#1");
		ended(t, 1, a, !row[i].need_fails);
		if (!row[i].need_fails) {
			EXPECT(t, 1, "a succeeded, ask opening");
			answer(t, begin_of(t, j), row[i].answer, REASON_ASKED);
		}
		EXPECT(t, 1, row[i].then);
		case_free(t);
	}
}

/* What nobody else counts is counted through the job that it blocks. */
static void a_job_that_is_blocked_fails_the_run(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = graph_add_unit(t->b, &(struct unit){.kind = UNIT_STEP, .flags = UNIT_CRITICAL, .pool = POOL_NONE,
							.group = GROUP_NONE, .stand_in = UNIT_NONE});
	uint32_t j = job(t, "J"), x = step(t, 0, "x"), gate;

	(void)state;
	t->name[a] = "a";
	step(t, j, "in");
	need(t, begin_of(t, j), a, COND_OK);
	gate = stage(t, 0, COND_OK, &a, 1);
	t->name[gate] = "gate";
	(void)x;
	run(t, 4);
	EXPECT(t, 0, "start a#1, start x#1");
	ended(t, 1, x, true);
	ended(t, 2, a, false);
	EXPECT(t, 2, "x succeeded, a failed, gate blocked (need-failed a), in blocked (need-failed a), "
		     "J blocked (need-failed a), run failed (member-failed J)");
	case_free(t);
}

/* What K still wants keeps the END of J open, and with it what J's own end will mean for those above. */
static void a_job_that_said_no_stops_others_only_once_it_has_ended(void **state)
{
	static const struct {
		enum answer answer;
		const char *at_once, *then;
	} row[] = {
		{ANSWER_FAIL, "opening failed (require-false), a blocked (need-failed opening), start s#1",
		 "s succeeded, J failed (require-false), c aborted (policy-abort J), P failed (member-failed J)"},
		{ANSWER_SKIP, "opening skipped (when-false), a skipped (when-false), start s#1",
		 "s succeeded, J skipped (when-false)"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct test_case *t = case_new();
		uint32_t p = group_in(t, 0, "P", (struct group){.stop_at_once = true});
		uint32_t j = group_in(t, p, "J", (struct group){0}), k = group_in(t, 0, "K", (struct group){0});
		uint32_t s = step(t, k, "s"), x = step(t, k, "x"), c = step(t, p, "c");

		step(t, j, "a");
		graph_add_member(t->b, j, s);
		t->name[begin_of(t, j)] = "opening";
		unit(t, begin_of(t, j))->flags |= UNIT_ASKS;
		need(t, c, x, COND_DONE);
		run(t, 4);
		EXPECT(t, 0, "ask opening, start x#1");
		answer(t, begin_of(t, j), row[i].answer, row[i].answer == ANSWER_FAIL ? REASON_REQUIRE_FALSE : REASON_WHEN_FALSE);
		EXPECT(t, 1, row[i].at_once);
		ended(t, 2, s, true);
		EXPECT(t, 2, row[i].then);
		CHECK_INT(schedule_state(t->s, c), row[i].answer == ANSWER_FAIL ? STATE_ABORTED : STATE_PENDING);
		case_free(t);
	}
}

static void the_engine_may_judge_the_end_of_a_group(void **state)
{
	static const struct {
		bool well;
		enum answer answer;
		const char *then;
	} row[] = {
		{true, ANSWER_RUN, "J succeeded, run succeeded"},
		{false, ANSWER_RUN, "J succeeded, run succeeded"},
		{true, ANSWER_FAIL, "J failed (success-false), run failed (member-failed J)"},
		{false, ANSWER_FAIL, "J failed (success-false a), run failed (member-failed J)"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct test_case *t = case_new();
		uint32_t j = group_in(t, 0, "J", (struct group){.asks_end = true}), a = step(t, j, "a");

		run(t, 4);
		EXPECT(t, 0, "start a#1");
		ended(t, 1, a, row[i].well);
		EXPECT(t, 1, row[i].well ? "a succeeded, ask J" : "a failed, ask J");
		answer(t, end_of(t, j), row[i].answer,
		       row[i].answer == ANSWER_FAIL ? REASON_SUCCESS_FALSE : REASON_NONE);
		EXPECT(t, 1, row[i].then);
		CHECK(schedule_is_degraded(t->s, end_of(t, 0)) == (!row[i].well && row[i].answer == ANSWER_RUN));
		case_free(t);
	}
}

static void a_group_is_not_judged_after_a_cancel_or_an_abort_from_outside(void **state)
{
	(void)state;
	for (int cancel = 0; cancel < 2; cancel++) {
		struct test_case *t = case_new_with((struct group){.stop_at_once = true});
		uint32_t a = step(t, 0, "a"), j = group_in(t, 0, "J", (struct group){.asks_end = true}), b = step(t, j, "b");

		need(t, b, a, COND_ANY);
		run(t, 4);
		EXPECT(t, 0, "start a#1");
		if (cancel) {
			schedule_cancel(t->s, REASON_CANCELED);
			EXPECT(t, 1, "stop a (canceled), b canceled (canceled), J canceled (canceled)");
		} else {
			ended(t, 1, a, false);
			EXPECT(t, 1, "a failed, b aborted (policy-abort a), J aborted (policy-abort a), "
				     "run failed (member-failed a)");
		}
		case_free(t);
	}
}

/* --- finally -------------------------------------------------------------------------------------------- */

static void finally_runs_after_the_others_whatever_became_of_them(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "J"), a = step(t, j, "a"), b = step(t, j, "b"), f = step(t, j, "f"), cause;

	(void)state;
	need(t, b, a, COND_OK);
	unit(t, f)->flags |= UNIT_ALWAYS;
	run(t, 4);
	EXPECT(t, 0, "start a#1");
	CHECK_INT(schedule_reason(t->s, f, &cause), REASON_NEEDS_OPEN);
	CHECK_INT(cause, a);
	ended(t, 1, a, false);
	EXPECT(t, 1, "a failed, b aborted (policy-abort a), start f#1");
	ended(t, 2, f, true);
	EXPECT(t, 2, "f succeeded, J failed (member-failed a), run failed (member-failed J)");
	case_free(t);
}

static void a_finally_that_fails_fails_its_job(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "J"), a = step(t, j, "a"), f = step(t, j, "f"), h = step(t, j, "h");

	(void)state;
	unit(t, f)->flags |= UNIT_ALWAYS;
	unit(t, h)->flags |= UNIT_ALWAYS;
	need(t, h, f, COND_OK);
	run(t, 4);
	EXPECT(t, 0, "start a#1");
	ended(t, 1, a, true);
	EXPECT(t, 1, "a succeeded, start f#1");
	ended(t, 2, f, false);
	EXPECT(t, 2, "f failed, start h#1"); /* always is always */
	ended(t, 3, h, true);
	EXPECT(t, 3, "h succeeded, J failed (member-failed f), run failed (member-failed J)");
	case_free(t);
}

static void a_finally_may_be_a_group(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "J"), a = step(t, j, "a"), f = group_in(t, j, "F", (struct group){.heeds_abort = true});
	uint32_t b = step(t, f, "b"), c = step(t, f, "c");

	(void)state;
	unit(t, end_of(t, f))->flags |= UNIT_ALWAYS;
	need(t, c, b, COND_OK);
	run(t, 4);
	EXPECT(t, 0, "start a#1");
	schedule_cancel(t->s, REASON_CANCELED);
	EXPECT(t, 1, "stop a (canceled)");
	ended_as(t, 2, a, STATE_CANCELED);
	EXPECT(t, 2, "a canceled, start b#1");
	ended(t, 3, b, true);
	EXPECT(t, 3, "b succeeded, start c#1");
	ended(t, 4, c, true);
	EXPECT(t, 4, "c succeeded, F succeeded, J canceled (canceled), run canceled (canceled)");
	case_free(t);
}

static void a_finally_of_a_job_of_nothing_else_runs_too(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "J"), f = step(t, j, "f");

	(void)state;
	unit(t, f)->flags |= UNIT_ALWAYS;
	run(t, 4);
	EXPECT(t, 0, "start f#1");
	case_free(t);
}

static void a_finally_that_no_group_wants_has_nothing_to_wait_for(void **state)
{
	struct test_case *t = case_new();
	uint32_t f = graph_add_unit(t->b, &(struct unit){.kind = UNIT_STEP, .flags = UNIT_ALWAYS, .pool = POOL_NONE,
							.group = GROUP_NONE, .stand_in = UNIT_NONE});

	(void)state;
	t->name[f] = "f";
	run(t, 1);
	EXPECT(t, 0, "run succeeded, start f#1");
	case_free(t);
}

/* --- time that is up ------------------------------------------------------------------------------------ */

static void what_runs_waits_or_pauses_expires(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), b = step(t, 0, "b"), c = step(t, 0, "c"), d = step(t, 0, "d");

	(void)state;
	unit(t, c)->retry = unit(t, a)->retry = graph_add_retry(t->b, &(struct retry_pace){.max = 9, .delay_ms = 100});
	need(t, b, a, COND_OK);
	need(t, d, a, COND_DONE);
	run(t, 4);
	EXPECT(t, 0, "start a#1, start c#1");
	ended(t, 1, c, false);
	EXPECT(t, 1, "c waits #2 +100");
	schedule_expire(t->s, a, REASON_DEADLINE);
	schedule_expire(t->s, a, REASON_DEADLINE); /* once is enough */
	schedule_expire(t->s, b, REASON_DEADLINE);
	schedule_expire(t->s, c, REASON_UNTIL_TIMEOUT);
	EXPECT(t, 2, "stop a (deadline), b timed_out (deadline), c timed_out (until-timeout)");
	ended_as(t, 3, a, STATE_TIMED_OUT); /* has attempts left, and is not tried again */
	EXPECT(t, 3, "a timed_out, start d#1");
	schedule_expire(t->s, a, REASON_DEADLINE);
	EXPECT(t, 4, "");
	ended(t, 5, d, true);
	EXPECT(t, 5, "d succeeded, run failed (member-failed b)");
	case_free(t);
}

static void what_ends_well_before_it_is_stopped_has_ended_well(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), b = step(t, 0, "b");

	(void)state;
	run(t, 4);
	EXPECT(t, 0, "start a#1, start b#1");
	schedule_expire(t->s, a, REASON_DEADLINE);
	ended(t, 1, a, true);
	schedule_expire(t->s, b, REASON_DEADLINE);
	schedule_not_now(t->s, b, REASON_LOCKED); /* it did not start after all */
	EXPECT(t, 2, "a succeeded, b timed_out (deadline), run failed (member-failed b)");
	case_free(t);
}

static void a_group_expires_but_its_finally_and_what_others_want(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "J"), a = step(t, j, "a"), b = step(t, j, "b"), f = step(t, j, "f"), s = step(t, j, "s");
	uint32_t k = job(t, "K"), c = step(t, k, "c");

	(void)state;
	unit(t, f)->flags |= UNIT_ALWAYS;
	graph_add_member(t->b, k, s);
	need(t, b, a, COND_OK);
	run(t, 4);
	EXPECT(t, 0, "start a#1, start s#1, start c#1");
	schedule_expire(t->s, end_of(t, j), REASON_DEADLINE);
	schedule_expire(t->s, end_of(t, j), REASON_DEADLINE);
	EXPECT(t, 1, "stop a (deadline), b aborted (deadline)");
	ended_as(t, 2, a, STATE_TIMED_OUT);
	ended(t, 2, s, true);
	ended(t, 2, c, true);
	EXPECT(t, 2, "a timed_out, s succeeded, c succeeded, K succeeded, start f#1");
	ended(t, 3, f, true);
	EXPECT(t, 3, "f succeeded, J timed_out (deadline), run failed (member-failed J)");
	case_free(t);
}

static void what_was_stopped_already_is_stopped_once_and_for_the_first_reason(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "J"), a = step(t, j, "a"), b = step(t, j, "b");

	(void)state;
	(void)b;
	run(t, 4);
	EXPECT(t, 0, "start a#1, start b#1");
	schedule_expire(t->s, a, REASON_UNTIL_TIMEOUT);
	schedule_expire(t->s, end_of(t, j), REASON_DEADLINE);
	EXPECT(t, 1, "stop a (until-timeout), stop b (deadline)");
	case_free(t);
}

static void a_group_that_has_not_begun_expires(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), j = job(t, "J"), k = group_in(t, j, "K", (struct group){0}), b = step(t, k, "b");

	(void)state;
	(void)b;
	need(t, begin_of(t, j), a, COND_OK);
	run(t, 4);
	EXPECT(t, 0, "start a#1");
	schedule_expire(t->s, end_of(t, j), REASON_DEADLINE);
	EXPECT(t, 1, "b aborted (deadline), K aborted (deadline), J timed_out (deadline)");
	ended(t, 2, a, true);
	EXPECT(t, 2, "a succeeded, run failed (member-failed J)");
	case_free(t);
}

/* --- cancel --------------------------------------------------------------------------------------------- */

static void cancel_stops_what_runs_and_starts_only_finally(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "J"), a = step(t, j, "a"), b = step(t, j, "b"), f = step(t, j, "f");
	uint32_t k = job(t, "K"), c = step(t, k, "c"), g = step(t, k, "g");

	(void)state;
	(void)c;
	unit(t, f)->flags |= UNIT_ALWAYS;
	unit(t, g)->flags |= UNIT_ALWAYS;
	need(t, b, a, COND_OK);
	need(t, begin_of(t, k), end_of(t, j), COND_OK);
	run(t, 4);
	EXPECT(t, 0, "start a#1");
	schedule_cancel(t->s, REASON_CANCELED);
	schedule_cancel(t->s, REASON_RUN_TIMEOUT); /* once is enough */
	EXPECT(t, 1, "stop a (canceled), b canceled (canceled), c canceled (canceled), g canceled (canceled), "
		     "K canceled (canceled)");
	ended_as(t, 2, a, STATE_CANCELED);
	EXPECT(t, 2, "a canceled, start f#1");
	ended(t, 3, f, true);
	EXPECT(t, 3, "f succeeded, J canceled (canceled), run canceled (canceled)");
	case_free(t);
}

static void a_finally_that_runs_is_not_stopped_by_a_cancel(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "J"), f = step(t, j, "f");

	(void)state;
	unit(t, f)->flags |= UNIT_ALWAYS;
	unit(t, f)->retry = graph_add_retry(t->b, &(struct retry_pace){.max = 1});
	run(t, 4);
	EXPECT(t, 0, "start f#1");
	schedule_cancel(t->s, REASON_CANCELED);
	EXPECT(t, 1, "");
	ended(t, 2, f, false);
	EXPECT(t, 2, "f waits #2 +0, start f#2");
	ended(t, 3, f, true);
	EXPECT(t, 3, "f succeeded, J succeeded, run succeeded"); /* there was nothing left to cancel */
	case_free(t);
}

static void cancel_ends_pauses_and_questions_and_what_is_parked(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), b = step(t, 0, "b"), c = step(t, 0, "c"), d = step(t, 0, "d");
	uint32_t lone = graph_add_unit(t->b, unit(t, d));

	(void)state;
	t->name[lone] = "lone"; /* wanted by no group */
	unit(t, a)->retry = graph_add_retry(t->b, &(struct retry_pace){.max = 1, .delay_ms = 50});
	unit(t, b)->flags |= UNIT_ASKS;
	run(t, 4);
	EXPECT(t, 0, "ask b, start a#1, start c#1, start d#1, start lone#1");
	ended(t, 1, a, false);
	schedule_not_now(t->s, c, REASON_LOCKED);
	schedule_check(t->s);
	CHECK_INT(schedule_reason(t->s, c, NULL), REASON_LOCKED);
	CHECK_INT(schedule_attempt(t->s, c), 0);
	EXPECT(t, 1, "a waits #2 +50");
	schedule_cancel(t->s, REASON_CANCELED);
	ended(t, 2, d, true); /* it was quicker */
	EXPECT(t, 2, "stop lone (canceled), a canceled (canceled), b canceled (canceled), c canceled (canceled), d succeeded, "
		     "run canceled (canceled)");
	answer(t, b, ANSWER_RUN, REASON_NONE);
	schedule_wake(t->s, c);
	EXPECT(t, 99, "");
	ended_as(t, 99, lone, STATE_FAILED);
	EXPECT(t, 99, "lone failed");
	CHECK(schedule_done(t->s));
	case_free(t);
}

/* Units of a graph in which a step comes first, which case_new() never makes. */
static void cancel_reaches_steps_that_no_group_wants(void **state)
{
	struct test_case *t = calloc(1, sizeof(*t));
	struct unit lone = {.kind = UNIT_STEP, .flags = UNIT_CRITICAL, .pool = POOL_NONE, .group = GROUP_NONE,
			    .stand_in = UNIT_NONE};
	uint32_t first, ready, open, parked, apart;

	(void)state;
	t->b = graph_builder_new();
	first = graph_add_unit(t->b, &lone);
	parked = graph_add_unit(t->b, &lone);
	ready = graph_add_unit(t->b, &lone);
	open = graph_add_unit(t->b, &lone);
	graph_set_root(t->b, graph_add_group(t->b, &(struct group){0}));
	apart = graph_add_group(t->b, &(struct group){0}); /* whose END nobody wants either */
	need(t, step(t, apart, "member"), open, COND_OK);
	t->name[first] = "first", t->name[ready] = "ready", t->name[open] = "open", t->name[parked] = "parked";
	need(t, open, first, COND_OK);
	run(t, 2);
	EXPECT(t, 0, "start first#1, start parked#1");
	schedule_not_now(t->s, parked, REASON_LOCKED);
	schedule_set_slots(t->s, 1);
	schedule_cancel(t->s, REASON_CANCELED);
	schedule_check(t->s);
	EXPECT(t, 1, "stop first (canceled), parked canceled (canceled), ready canceled (canceled), "
		     "open canceled (canceled), member canceled (canceled)");
	ended_as(t, 2, first, STATE_CANCELED);
	EXPECT(t, 2, "first canceled");
	CHECK(schedule_done(t->s));
	case_free(t);
}

static void the_first_unit_of_all_is_canceled_too(void **state)
{
	struct test_case *t = calloc(1, sizeof(*t));
	uint32_t first;

	(void)state;
	t->b = graph_builder_new();
	first = graph_add_unit(t->b, &(struct unit){.kind = UNIT_STEP, .pool = POOL_NONE, .group = GROUP_NONE,
						    .stand_in = UNIT_NONE});
	graph_set_root(t->b, graph_add_group(t->b, &(struct group){0}));
	t->name[first] = "first";
	run(t, 1);
	schedule_cancel(t->s, REASON_CANCELED);
	EXPECT(t, 1, "first canceled (canceled)");
	case_free(t);
}

static void a_group_with_an_aborted_member_is_not_judged_after_a_cancel(void **state)
{
	struct test_case *t = case_new_with((struct group){.asks_end = true});
	uint32_t a = step(t, 0, "a"), f = step(t, 0, "f");

	(void)state;
	unit(t, f)->flags |= UNIT_ALWAYS;
	run(t, 1);
	schedule_preset(t->s, a, STATE_ABORTED, REASON_POLICY_ABORT);
	EXPECT(t, 0, "a aborted (policy-abort), start f#1");
	schedule_cancel(t->s, REASON_CANCELED);
	ended(t, 1, f, true);
	EXPECT(t, 1, "f succeeded, run failed (policy-abort)");
	case_free(t);
}

static void a_step_that_was_canceled_by_itself_leaves_its_group_canceled(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), b = step(t, 0, "b"), c = step(t, 0, "c");
	struct tally tally;

	(void)state;
	need(t, c, a, COND_DONE);
	need(t, b, a, COND_FAILED);
	run(t, 4);
	EXPECT(t, 0, "start a#1");
	schedule_ended(t->s, 1, a, STATE_CANCELED, true, REASON_CANCELED);
	EXPECT(t, 1, "a canceled (canceled), b blocked (need-failed a), start c#1");
	ended(t, 2, c, true);
	EXPECT(t, 2, "c succeeded, run canceled (canceled)");
	schedule_tally(t->s, 0, &tally);
	CHECK_INT(tally.failed, 1);
	schedule_free(NULL);
	case_free(t);
}

static void a_run_may_be_canceled_before_it_begins(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a");

	(void)state;
	(void)a;
	run(t, 4);
	schedule_cancel(t->s, REASON_CANCELED);
	EXPECT(t, 0, "a canceled (canceled), run canceled (canceled)");
	case_free(t);
}

static void a_start_that_meets_a_cancel_or_an_abort_halfway_is_dropped(void **state)
{
	(void)state;
	for (int cancel = 0; cancel < 2; cancel++) {
		struct test_case *t = case_new_with((struct group){.stop_at_once = true});
		uint32_t a = step(t, 0, "a"), b = step(t, 0, "b");

		run(t, 4);
		EXPECT(t, 0, "start a#1, start b#1");
		if (cancel)
			schedule_cancel(t->s, REASON_CANCELED);
		else
			ended(t, 1, a, false);
		schedule_not_now(t->s, b, REASON_LOCKED);
		EXPECT(t, 1, cancel ? "stop a (canceled), b canceled (canceled)"
				    : "a failed, b aborted (policy-abort a), run failed (member-failed a)");
		case_free(t);
	}
}

/* --- slots, pools, order ---------------------------------------------------------------------------------- */

static void no_more_start_than_there_are_slots(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), b = step(t, 0, "b"), c = step(t, 0, "c");
	struct schedule_counts n;

	(void)state;
	(void)b;
	run(t, 0); /* counts as 1 */
	EXPECT(t, 0, "start a#1");
	CHECK_INT(schedule_reason(t->s, c, NULL), REASON_NO_SLOT);
	schedule_set_slots(t->s, 2);
	EXPECT(t, 1, "start b#1");
	schedule_set_slots(t->s, 0);
	ended(t, 2, a, true);
	EXPECT(t, 2, "a succeeded");
	schedule_counts(t->s, &n);
	CHECK_INT(n.slots, 0);
	CHECK_INT(n.slots_used, 1);
	CHECK_INT(n.ready, 1);
	CHECK_INT(n.by_state[STATE_RUNNING], 1);
	CHECK_INT(n.by_state[STATE_SUCCEEDED], 1);
	CHECK_INT(n.by_state[STATE_WAITING], 1);
	schedule_set_slots(t->s, 2);
	EXPECT(t, 2, "start c#1");
	case_free(t);
}

/* A job server: slots are ours only as far as somebody gave them. */
static void what_starts_needs_as_many_slots_as_are_at_hand(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), heavy = step(t, 0, "heavy"), last = step(t, 0, "last");

	(void)state;
	unit(t, heavy)->slots = 2;
	unit(t, last)->slots = SLOTS_ALL;
	run(t, 3);
	CHECK_INT(schedule_wants(t->s), 0); /* nothing is ready */
	schedule_allow(t->s, 0);
	EXPECT(t, 0, "");
	CHECK_INT(schedule_wants(t->s), 1);
	schedule_allow(t->s, 1);
	EXPECT(t, 0, "start a#1");
	CHECK_INT(schedule_wants(t->s), 3); /* a, and two for the heavy one */
	schedule_allow(t->s, 2);
	EXPECT(t, 0, "");
	schedule_allow(t->s, 3);
	EXPECT(t, 0, "start heavy#1");
	CHECK_INT(schedule_wants(t->s), 0); /* the last one waits for what is ours */
	ended(t, 1, a, true);
	ended(t, 1, heavy, true);
	EXPECT(t, 1, "a succeeded, heavy succeeded, start last#1");
	CHECK_INT(schedule_wants(t->s), 0);
	case_free(t);
}

static void what_is_heavy_waits_for_its_slots_and_is_not_overtaken(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), heavy = step(t, 0, "heavy"), b = step(t, 0, "b"), most = step(t, 0, "most");

	(void)state;
	unit(t, heavy)->slots = 2;
	unit(t, most)->slots = 9; /* more than there are: all */
	run(t, 2);
	EXPECT(t, 0, "start a#1"); /* b would fit, but heavy is before it */
	ended(t, 1, a, true);
	EXPECT(t, 1, "a succeeded, start heavy#1");
	ended(t, 2, heavy, true);
	EXPECT(t, 2, "heavy succeeded, start b#1");
	ended(t, 3, b, true);
	EXPECT(t, 3, "b succeeded, start most#1");
	case_free(t);
}

static void what_runs_alone_runs_alone(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), alone = step(t, 0, "alone"), b = step(t, 0, "b");

	(void)state;
	(void)b;
	unit(t, alone)->slots = SLOTS_ALL;
	run(t, 3);
	EXPECT(t, 0, "start a#1");
	ended(t, 1, a, true);
	EXPECT(t, 1, "a succeeded, start alone#1");
	schedule_set_slots(t->s, 9);
	EXPECT(t, 2, "");
	ended(t, 3, alone, true);
	EXPECT(t, 3, "alone succeeded, start b#1");
	case_free(t);
}

static void a_pool_holds_back_only_its_own(void **state)
{
	struct test_case *t = case_new();
	uint16_t net = graph_add_pool(t->b, "net", 3);
	uint32_t a = step(t, 0, "a"), b = step(t, 0, "b"), c = step(t, 0, "c"), d = step(t, 0, "d");

	(void)state;
	for (const uint32_t *x = (uint32_t[]){a, b, c, UNIT_NONE}; *x != UNIT_NONE; x++)
		unit(t, *x)->pool = net;
	unit(t, a)->pool_weight = 2;
	unit(t, b)->pool_weight = 7; /* more than it has: all of it */
	run(t, 9);
	EXPECT(t, 0, "start a#1, start d#1"); /* c would fit, but b is before it */
	CHECK_INT(schedule_reason(t->s, b, NULL), REASON_POOL_FULL);
	ended(t, 1, a, true);
	EXPECT(t, 1, "a succeeded, start b#1");
	ended(t, 2, b, true);
	EXPECT(t, 2, "b succeeded, start c#1");
	(void)d;
	case_free(t);
}

static void a_higher_priority_goes_first_then_the_longer_path_then_the_file(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), b = step(t, 0, "b"), c = step(t, 0, "c"), d = step(t, 0, "d");
	uint32_t behind_c = step(t, 0, "behind");

	(void)state;
	need(t, behind_c, c, COND_OK);
	unit(t, behind_c)->cost_ms = 100;
	unit(t, d)->priority = 1;
	unit(t, b)->cost_ms = 50;
	unit(t, a)->cost_ms = 10;
	run(t, 1);
	EXPECT(t, 0, "start d#1");
	ended(t, 1, d, true);
	EXPECT(t, 1, "d succeeded, start c#1");
	ended(t, 2, c, true);
	EXPECT(t, 2, "c succeeded, start behind#1");
	ended(t, 3, behind_c, true);
	EXPECT(t, 3, "behind succeeded, start b#1");
	ended(t, 4, b, true);
	EXPECT(t, 4, "b succeeded, start a#1");
	(void)a;
	case_free(t);
}

static void what_is_unknown_takes_as_long_as_its_siblings(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), b = step(t, 0, "b"), c = step(t, 0, "c"), d = step(t, 0, "d");

	(void)state;
	unit(t, a)->cost_ms = 10;
	unit(t, b)->cost_ms = 40;
	unit(t, c)->cost_ms = 30; /* d: 30, and the file has it behind c */
	run(t, 1);
	EXPECT(t, 0, "start b#1");
	ended(t, 1, b, true);
	EXPECT(t, 1, "b succeeded, start c#1");
	ended(t, 2, c, true);
	EXPECT(t, 2, "c succeeded, start d#1");
	ended(t, 3, d, true);
	EXPECT(t, 3, "d succeeded, start a#1");
	case_free(t);
}

static void what_is_learnt_before_the_begin_is_heeded(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), b = step(t, 0, "b"), nothing = step(t, 0, "noop"), c = step(t, 0, "c");

	(void)state;
	need(t, c, nothing, COND_OK); /* which takes no time itself */
	unit(t, nothing)->flags |= UNIT_INSTANT;
	run(t, 1);
	t->g->unit[a].cost_ms = 5;
	t->g->unit[b].cost_ms = 9;
	t->g->unit[c].cost_ms = 8;
	schedule_rank(t->s);
	EXPECT(t, 0, "noop succeeded, start b#1");
	ended(t, 1, b, true);
	EXPECT(t, 1, "b succeeded, start c#1");
	case_free(t);
}

static void shuffling_depends_on_nothing_but_the_seed(void **state)
{
	uint32_t first[3][20];

	(void)state;
	for (int k = 0; k < 3; k++) {
		struct test_case *t = case_new();
		struct action a;
		int n = 0;

		for (int i = 0; i < 20; i++)
			unit(t, step(t, 0, "x"))->priority = (int16_t)i;
		run_with(t, (struct schedule_options){.slots = 20, .shuffle = true, .seed = k == 2});
		while (schedule_next(t->s, 0, &a))
			if (a.kind == ACTION_START)
				first[k][n++] = a.unit;
		CHECK_INT(n, 20);
		case_free(t);
	}
	CHECK(!memcmp(first[0], first[1], sizeof(first[0])));
	CHECK(memcmp(first[0], first[2], sizeof(first[0])));
}

static void peeking_names_what_will_start_next_and_changes_nothing(void **state)
{
	struct test_case *t = case_new();
	uint16_t net = graph_add_pool(t->b, "net", 2);
	uint32_t u[40], next[40], running = step(t, 0, "running");
	size_t n;

	(void)state;
	unit(t, running)->priority = 9;
	for (int i = 0; i < 40; i++) {
		u[i] = step(t, 0, "x");
		unit(t, u[i])->cost_ms = (float)(1 + (i * 7) % 40);
		unit(t, u[i])->pool = i % 10 == 3 ? net : POOL_NONE;
	}
	run(t, 1);
	EXPECT(t, 0, "start running#1");
	CHECK_INT(schedule_peek(t->s, next, 0), 0);
	n = schedule_peek(t->s, next, 40);
	CHECK_INT(n, 38); /* two of the four in the pool must wait for the others */
	CHECK_INT(schedule_peek(t->s, next, 7), 7);
	schedule_check(t->s);
	ended(t, 1, running, true);
	for (size_t i = 0; i < 7; i++) {
		struct action a;

		while (schedule_next(t->s, 1, &a) && a.kind != ACTION_START)
			;
		CHECK_INT(a.unit, next[i]);
		ended(t, 1, a.unit, true);
	}
	case_free(t);
}

static void peeking_stops_where_a_pool_would_hold_back(void **state)
{
	struct test_case *t = case_new();
	uint16_t two = graph_add_pool(t->b, "two", 2);
	uint32_t a = step(t, 0, "a"), heavy = step(t, 0, "heavy"), b = step(t, 0, "b"), free = step(t, 0, "free"), next[4];

	(void)state;
	for (const uint32_t *x = (uint32_t[]){a, heavy, b, UNIT_NONE}; *x != UNIT_NONE; x++)
		unit(t, *x)->pool = two;
	unit(t, heavy)->pool_weight = 2;
	unit(t, free)->priority = -1;
	run(t, 1);
	schedule_set_slots(t->s, 0);
	EXPECT(t, 0, "");
	CHECK_INT(schedule_peek(t->s, next, 4), 2); /* b would fit, but heavy is before it */
	CHECK_INT(next[0], a);
	CHECK_INT(next[1], free);
	case_free(t);
}

static void extend(struct test_case *t)
{
	schedule_extend(t->s, case_seal(t));
	schedule_check(t->s);
}

/* --- what it waits for, and what comes next ------------------------------------------------------------------- */

static void waits_for(struct test_case *t, uint32_t u, enum reason why, uint32_t what)
{
	uint32_t cause;

	CHECK_STR(reason_word(schedule_reason(t->s, u, &cause)), reason_word(why));
	CHECK_INT(cause, what);
}

static void a_step_waits_for_the_first_need_that_is_open(void **state)
{
	struct test_case *t = case_new();
	uint32_t x = step(t, 0, "x"), a = step(t, 0, "a"), b = step(t, 0, "b"), c = step(t, 0, "c");

	(void)state;
	(void)x; /* open all the time, and nobody waits for it */
	need(t, c, a, COND_OK);
	need(t, c, b, COND_OK);
	run(t, 3);
	waits_for(t, begin_of(t, 0), REASON_NEEDS_OPEN, UNIT_NONE);
	EXPECT(t, 0, "start a#1, start b#1, start x#1");
	waits_for(t, c, REASON_NEEDS_OPEN, a);
	ended(t, 1, a, true);
	waits_for(t, c, REASON_NEEDS_OPEN, b);
	case_free(t);
}

/* Of all groups that want it, and of none that happens to be beside them. */
static void a_finally_waits_for_the_first_of_the_others_that_is_open(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "J"), beside = job(t, "beside"), k = job(t, "K");
	uint32_t f = step(t, j, "f"), a = step(t, j, "a"), z = step(t, beside, "z"), b = step(t, k, "b"), c = step(t, k, "c");

	(void)state;
	unit(t, f)->flags |= UNIT_ALWAYS;
	graph_add_member(t->b, k, f);
	run(t, 9);
	EXPECT(t, 0, "start a#1, start z#1, start b#1, start c#1");
	waits_for(t, f, REASON_NEEDS_OPEN, a);
	ended(t, 1, a, true);
	waits_for(t, f, REASON_NEEDS_OPEN, b);
	ended(t, 2, b, true);
	waits_for(t, f, REASON_NEEDS_OPEN, c);
	ended(t, 3, z, true);
	ended(t, 4, c, true);
	EXPECT(t, 4, "a succeeded, b succeeded, z succeeded, beside succeeded, c succeeded, start f#1");
	case_free(t);
}

static void what_just_fits_into_its_pool_waits_for_a_slot(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), b = step(t, 0, "b"), c = step(t, 0, "c");

	(void)state;
	unit(t, a)->pool = unit(t, b)->pool = unit(t, c)->pool = graph_add_pool(t->b, "p", 2);
	unit(t, c)->pool_weight = 2;
	run(t, 1);
	EXPECT(t, 0, "start a#1");
	waits_for(t, b, REASON_NO_SLOT, UNIT_NONE);
	waits_for(t, c, REASON_POOL_FULL, UNIT_NONE);
	case_free(t);
}

static void a_failure_degrades_once_its_stand_in_is_known_to_help(void **state)
{
	struct stand_in_case c = stand_in_case();

	(void)state;
	run(c.t, 1);
	EXPECT(c.t, 0, "start p#1");
	ended(c.t, 1, c.primary, false);
	EXPECT(c.t, 1, "p failed, start s#1");
	CHECK(!schedule_is_degraded(c.t->s, c.primary));
	ended(c.t, 2, c.stand_in, true);
	CHECK(schedule_is_degraded(c.t->s, c.primary));
	case_free(c.t);
}

/* More pools than a heap has ways, and more in each than there are. */
static void what_comes_next_is_told_across_all_pools(void **state)
{
	enum { POOLS = 20, EACH = 12 };
	struct test_case *t = case_new();
	uint32_t u[POOLS * EACH], next[POOLS * EACH];

	(void)state;
	for (uint32_t i = 0; i < POOLS; i++) {
		uint16_t pool = graph_add_pool(t->b, "p", EACH);

		for (uint32_t k = 0; k < EACH; k++) {
			uint32_t place = k * POOLS + (i * 7) % POOLS;

			u[place] = step(t, 0, "x");
			unit(t, u[place])->pool = pool;
			unit(t, u[place])->priority = (int16_t)(POOLS * EACH - place);
		}
	}
	run(t, POOLS * EACH);
	while (!schedule_peek(t->s, next, 1)) { /* what opens the run is told first */
		struct action a;

		CHECK(schedule_next(t->s, 0, &a));
		CHECK(a.kind == ACTION_SETTLED);
	}
	CHECK_INT(schedule_peek(t->s, next, POOLS * EACH), POOLS * EACH);
	for (uint32_t i = 0; i < POOLS * EACH; i++)
		CHECK_INT(next[i], u[i]);
	case_free(t);
}

/* By the longest way to the end, also through what was there before. */
static void what_is_added_has_its_place_among_what_waits(void **state)
{
	struct test_case *t = case_new();
	uint32_t list = step(t, 0, "list"), loop = group_in(t, 0, "loop", (struct group){0});
	uint32_t user = step(t, 0, "user"), other = step(t, 0, "other"), one, two, three, four;

	(void)state;
	t->name[begin_of(t, loop)] = "opening";
	unit(t, begin_of(t, loop))->flags |= UNIT_ASKS;
	need(t, begin_of(t, loop), list, COND_OK);
	need(t, user, end_of(t, loop), COND_OK);
	unit(t, user)->cost_ms = 1000;
	unit(t, other)->cost_ms = 1050;
	unit(t, list)->cost_ms = 2000;
	run(t, 1);
	EXPECT(t, 0, "start list#1");
	t->b = graph_extend(t->g);
	one = step(t, loop, "one");
	two = step(t, loop, "two");
	three = step(t, loop, "three");
	four = step(t, 0, "four");
	unit(t, one)->cost_ms = 10;
	unit(t, two)->cost_ms = 30;
	unit(t, three)->cost_ms = 35;
	unit(t, four)->cost_ms = 1;
	need(t, three, one, COND_OK);
	need(t, four, two, COND_OK);
	extend(t);
	ended(t, 1, list, true);
	EXPECT(t, 1, "list succeeded, ask opening, start other#1");
	answer(t, begin_of(t, loop), ANSWER_RUN, REASON_NONE);
	ended(t, 2, other, true);
	EXPECT(t, 2, "opening succeeded, other succeeded, start one#1");
	ended(t, 3, one, true);
	EXPECT(t, 3, "one succeeded, start three#1");
	ended(t, 4, three, true);
	EXPECT(t, 4, "three succeeded, start two#1");
	(void)user;
	case_free(t);
}

/* --- how long things take -------------------------------------------------------------------------------------- */

static uint32_t timed(struct test_case *t, uint32_t group, float ms)
{
	uint32_t u = step(t, group, "x");

	unit(t, u)->cost_ms = ms;
	return u;
}

/* One that no group wants. */
static uint32_t loose(struct test_case *t, float ms)
{
	return graph_add_unit(t->b, &(struct unit){.kind = UNIT_STEP, .pool = POOL_NONE, .group = GROUP_NONE,
						   .stand_in = UNIT_NONE, .cost_ms = ms});
}

static void takes(struct test_case *t, uint32_t u, uint32_t first, float want)
{
	float *ms = schedule_costs(t->s, first);

	if (ms[u - first] < want || ms[u - first] > want)
		fail_msg("unit %u takes %f ms, not %f", u, (double)ms[u - first], (double)want);
	free(ms);
}

static void what_is_not_known_takes_as_long_as_its_siblings_or_as_most(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "J"), k = job(t, "K"), l = job(t, "L"), known = timed(t, j, 90), instant = timed(t, l, 1000);
	uint32_t in_j = timed(t, j, 0), in_k = timed(t, k, 0), alone = loose(t, 0), in_l;

	(void)state;
	unit(t, instant)->flags |= UNIT_INSTANT;
	(void)timed(t, j, 1);
	(void)timed(t, j, 10);
	(void)timed(t, j, 20);
	(void)timed(t, k, 15);
	(void)timed(t, k, 4);
	(void)loose(t, 0.5f);
	in_l = timed(t, l, 0);
	run(t, 1);
	takes(t, known, 0, 90);
	takes(t, instant, 0, 0);
	takes(t, begin_of(t, j), 0, 0);
	takes(t, in_j, 0, 15);
	takes(t, in_k, 0, 9.5f);
	takes(t, alone, 0, 0.5f);
	takes(t, in_l, 0, 10); /* the median of all */
	takes(t, in_l, in_l, 10); /* which is remembered */
	case_free(t);
}

static void a_short_time_that_is_known_counts_and_none_is_one_millisecond(void **state)
{
	static const float row[][2] = {{0.25f, 0.25f}, {0, 1}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct test_case *t = case_new();
		uint32_t j = job(t, "J"), one = timed(t, j, row[i][0]), other = timed(t, 0, 0);

		run(t, 1);
		takes(t, one, 0, row[i][1]);
		takes(t, other, 0, row[i][1]);
		case_free(t);
	}
}

/* --- whatever the order in which a graph was built --------------------------------------------------------- */

/* Its primaries are found among its own needs, not only where the END of an earlier group needs them too. */
static void a_stand_in_of_two_hears_of_the_second_in_a_later_group(void **state)
{
	struct test_case *t = case_new();
	uint32_t s = step(t, 0, "s"), p1 = step(t, 0, "p1"), late = job(t, "late"), p2 = step(t, late, "p2");

	(void)state;
	policy(t, p1, ON_FAILURE_FALLBACK);
	policy(t, p2, ON_FAILURE_FALLBACK);
	unit(t, p1)->stand_in = unit(t, p2)->stand_in = s;
	run(t, 2);
	EXPECT(t, 0, "start p1#1, start p2#1");
	ended(t, 1, p1, true);
	EXPECT(t, 1, "p1 succeeded");
	ended(t, 2, p2, false);
	EXPECT(t, 2, "p2 failed, start s#1");
	ended(t, 3, s, true);
	EXPECT(t, 3, "s succeeded, late succeeded, run succeeded");
	case_free(t);
}

static void who_is_wanted_elsewhere_runs_though_the_second_that_wants_it_never_opens(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), j = job(t, "J"), x = step(t, 0, "x");

	(void)state;
	unit(t, a)->flags = 0;
	graph_add_member(t->b, j, x);
	need(t, begin_of(t, j), a, COND_OK);
	run(t, 1);
	EXPECT(t, 0, "start a#1");
	ended(t, 1, a, false);
	EXPECT(t, 1, "a failed, start x#1");
	ended(t, 2, x, true);
	EXPECT(t, 2, "x succeeded, J blocked (need-failed a), run succeeded");
	case_free(t);
}

/* The group that both want it in comes second in its list. */
static void a_job_that_stops_stops_the_second_group_that_wants_it(void **state)
{
	struct test_case *t = case_new();
	uint32_t outer = group_in(t, 0, "outer", (struct group){.stop_at_once = true});
	uint32_t j = job(t, "J"), a = step(t, j, "a"), b = step(t, j, "b"), c = step(t, outer, "c");

	(void)state;
	graph_add_member(t->b, outer, end_of(t, j));
	unit(t, c)->priority = -1;
	run(t, 2);
	EXPECT(t, 0, "start a#1, start b#1");
	ended(t, 1, a, false);
	EXPECT(t, 1, "a failed, c aborted (policy-abort a)");
	ended(t, 2, b, true);
	EXPECT(t, 2, "b succeeded, J failed (member-failed a), outer failed (member-failed J), run failed (member-failed J)");
	case_free(t);
}

/* --- what is soft stays soft, however it spreads ------------------------------------------------------------- */

static void a_step_that_is_asked_for_is_not_therefore_critical(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a");

	(void)state;
	unit(t, a)->flags = UNIT_ASKS;
	run(t, 1);
	EXPECT(t, 0, "ask a");
	answer(t, a, ANSWER_RUN, REASON_NONE);
	EXPECT(t, 0, "start a#1");
	ended(t, 1, a, false);
	EXPECT(t, 1, "a failed, run succeeded");
	CHECK(schedule_is_degraded(t->s, end_of(t, 0)));
	case_free(t);
}

/* A need that failed softly blocks a job with a stage and a job inside: all of it counts for as little. */
static void what_a_soft_failure_blocks_degrades_and_fails_nothing(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), j = job(t, "J"), b = step(t, j, "b"), kid = group_in(t, j, "kid", (struct group){0});
	uint32_t c = step(t, kid, "c"), gate = stage(t, j, COND_OK, &b, 1), behind = step(t, j, "behind");
	uint32_t user = step(t, 0, "user"), outside = step(t, 0, "outside");

	(void)state;
	(void)c;
	unit(t, a)->flags = 0;
	need(t, begin_of(t, j), a, COND_OK);
	need(t, behind, gate, COND_OPEN);
	need(t, user, end_of(t, j), COND_OK);
	need(t, outside, gate, COND_OPEN);
	run(t, 1);
	EXPECT(t, 0, "start a#1");
	ended(t, 1, a, false);
	EXPECT(t, 1, "a failed, b blocked (need-failed a), behind blocked (need-failed a), c blocked (need-failed a), "
		     "kid blocked (need-failed a), outside blocked (need-failed ?), J blocked (need-failed a), "
		     "user blocked (need-failed J), run succeeded");
	CHECK(schedule_is_degraded(t->s, end_of(t, j)));
	CHECK(schedule_is_degraded(t->s, end_of(t, kid)));
	CHECK(schedule_is_degraded(t->s, end_of(t, 0)));
	case_free(t);
}

static void a_job_inside_counts_for_as_little_as_what_blocked_both(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), j = job(t, "J"), kid = group_in(t, j, "kid", (struct group){0});

	(void)state;
	(void)step(t, kid, "c");
	unit(t, a)->flags = 0;
	need(t, begin_of(t, j), a, COND_OK);
	run(t, 1);
	EXPECT(t, 0, "start a#1");
	ended(t, 1, a, false);
	EXPECT(t, 1, "a failed, c blocked (need-failed a), kid blocked (need-failed a), J blocked (need-failed a), run succeeded");
	CHECK(schedule_is_degraded(t->s, end_of(t, j)));
	case_free(t);
}

static void what_a_hard_failure_blocks_through_a_stage_is_as_hard(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), j = group_in(t, 0, "J", (struct group){0}), b = step(t, j, "b");
	uint32_t gate = stage(t, j, COND_OK, &b, 1), outside = step(t, 0, "outside");

	(void)state;
	policy(t, a, ON_FAILURE_SKIP_DEPENDENTS);
	need(t, begin_of(t, j), a, COND_OK);
	need(t, outside, gate, COND_OPEN);
	run(t, 1);
	EXPECT(t, 0, "start a#1");
	ended(t, 1, a, false);
	EXPECT(t, 1, "a failed, b blocked (need-failed a), J blocked (need-failed a), outside blocked (need-failed ?), "
		     "run failed (member-failed a)");
	CHECK(!schedule_is_degraded(t->s, end_of(t, 0)));
	case_free(t);
}

static void a_job_that_may_fail_takes_its_clean_up_with_it_softly(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "J"), f = step(t, j, "f");

	(void)state;
	t->name[begin_of(t, j)] = "opening";
	unit(t, begin_of(t, j))->flags |= UNIT_ASKS;
	unit(t, end_of(t, j))->flags = 0;
	unit(t, f)->flags = UNIT_ALWAYS;
	run(t, 1);
	EXPECT(t, 0, "ask opening");
	answer(t, begin_of(t, j), ANSWER_FAIL, REASON_REQUIRE_FALSE);
	EXPECT(t, 0, "opening failed (require-false), f blocked (require-false), J failed (require-false), run succeeded");
	CHECK(schedule_is_degraded(t->s, end_of(t, j)));
	case_free(t);
}

/* --- gates and their time -------------------------------------------------------------------------------------- */

static void a_stage_says_that_it_opened_and_why_not(void **state)
{
	static const struct {
		bool well;
		const char *then;
	} row[] = {
		{true, "a succeeded, gate succeeded, start b#1"},
		{false, "a failed, gate blocked (need-failed a), b blocked (need-failed a)"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct test_case *t = case_new();
		uint32_t j = group_in(t, 0, "J", (struct group){0}), a = step(t, j, "a"), long_one = step(t, j, "long");
		uint32_t gate = stage(t, j, COND_OK, &a, 1), b = step(t, j, "b");

		(void)long_one;
		t->name[gate] = "gate";
		policy(t, a, ON_FAILURE_SKIP_DEPENDENTS);
		need(t, b, gate, COND_OPEN);
		run(t, 2);
		EXPECT(t, 0, "start a#1, start long#1");
		ended(t, 1, a, row[i].well);
		EXPECT(t, 1, row[i].then);
		case_free(t);
	}
}

/* Only a failure of its own lets a group stop those above before it has ended: a stage that does not open is none. */
static void a_stage_that_does_not_open_stops_nothing_above_yet(void **state)
{
	struct test_case *t = case_new_with((struct group){.stop_at_once = true});
	uint32_t j = group_in(t, 0, "J", (struct group){0}), a = step(t, j, "a"), last = step(t, j, "last");
	uint32_t gate = stage(t, j, COND_OK, &a, 1), b = step(t, j, "b"), other = step(t, 0, "other");

	(void)state;
	unit(t, a)->flags = 0;
	need(t, b, gate, COND_OPEN);
	unit(t, other)->priority = -1;
	run(t, 2);
	EXPECT(t, 0, "start a#1, start last#1");
	ended(t, 1, a, false);
	EXPECT(t, 1, "a failed, b blocked (need-failed a), start other#1");
	ended(t, 2, last, true);
	EXPECT(t, 2, "last succeeded, J succeeded");
	ended(t, 3, other, true);
	EXPECT(t, 3, "other succeeded, run succeeded");
	case_free(t);
}

/* Nor is a time that is up. */
static void a_job_whose_time_is_up_stops_those_above_when_it_has_ended(void **state)
{
	struct test_case *t = case_new_with((struct group){.stop_at_once = true});
	uint32_t j = job(t, "J"), kid = group_in(t, j, "kid", (struct group){0}), a = step(t, kid, "a");
	uint32_t other = step(t, 0, "other");

	(void)state;
	unit(t, other)->priority = -1;
	run(t, 1);
	EXPECT(t, 0, "start a#1");
	schedule_expire(t->s, end_of(t, j), REASON_DEADLINE);
	EXPECT(t, 1, "stop a (deadline)");
	schedule_expire(t->s, end_of(t, j), REASON_DEADLINE);
	EXPECT(t, 2, "");
	ended(t, 3, a, false);
	EXPECT(t, 3, "a failed, kid failed (member-failed a), J timed_out (deadline), other aborted (policy-abort J), "
		     "run failed (member-failed J)");
	case_free(t);
}

static void a_job_whose_time_is_up_before_the_run_begins_has_ended_by_then(void **state)
{
	struct test_case *t = case_new();
	uint32_t j = job(t, "J"), a = step(t, j, "a");

	(void)state;
	(void)a;
	t->name[begin_of(t, 0)] = "opening";
	run(t, 1);
	schedule_expire(t->s, end_of(t, j), REASON_DEADLINE);
	EXPECT(t, 0, "a aborted (deadline), J timed_out (deadline), opening succeeded, run failed (member-failed J)");
	case_free(t);
}

static void what_is_added_after_a_cancel_is_canceled_too(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), g;

	(void)state;
	run(t, 1);
	EXPECT(t, 0, "start a#1");
	schedule_cancel(t->s, REASON_CANCELED);
	EXPECT(t, 1, "stop a (canceled)");
	t->b = graph_extend(t->g);
	g = graph_add_group(t->b, &(struct group){0});
	t->name[end_of(t, g)] = "more";
	extend(t);
	EXPECT(t, 1, "more canceled (canceled)");
	ended_as(t, 2, a, STATE_CANCELED);
	EXPECT(t, 2, "a canceled, run canceled (canceled)");
	case_free(t);
}

/* A member that has ended before it joins is counted at once; its group's `finally` still waits for its own need. */
static void who_joins_after_its_end_hurries_no_finally(void **state)
{
	struct test_case *t = case_new();
	uint32_t x = step(t, 0, "x"), over = step(t, 0, "over"), j = job(t, "J"), a = step(t, j, "a"), f = step(t, j, "f");

	(void)state;
	unit(t, f)->flags |= UNIT_ALWAYS;
	graph_add_need(t->b, f, x, COND_ANY, true);
	run(t, 3);
	EXPECT(t, 0, "start x#1, start over#1, start a#1");
	ended(t, 1, over, true);
	ended(t, 1, a, true);
	EXPECT(t, 1, "over succeeded, a succeeded");
	t->b = graph_extend(t->g);
	graph_add_member(t->b, j, over);
	extend(t);
	EXPECT(t, 2, "");
	ended(t, 3, x, true);
	EXPECT(t, 3, "x succeeded, start f#1");
	case_free(t);
}

/* The answer's reason is told with the start: why it runs. */
static void what_was_asked_for_starts_with_the_reason_of_the_answer(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a");
	struct action x;

	(void)state;
	unit(t, a)->flags |= UNIT_ASKS;
	run(t, 1);
	EXPECT(t, 0, "ask a");
	answer(t, a, ANSWER_RUN, REASON_INPUT_CHANGED);
	CHECK(schedule_next(t->s, 0, &x));
	CHECK_INT(x.kind, ACTION_START);
	CHECK_INT(x.reason, REASON_INPUT_CHANGED);
	case_free(t);
}

/* --- retries ---------------------------------------------------------------------------------------------- */

/* The first numbers of splitmix64 from this seed, as its authors and others have them. */
static const uint64_t drawn_seed = 1234567;
static const uint64_t drawn[] = {6457827717110365317u, 3203168211198807973u, 9817491932198370423u,
				 4593380528125082431u, 16408922859458223821u};

static void chance_is_splitmix64(void **state)
{
	uint64_t at = drawn_seed;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(drawn); i++)
		CHECK(schedule_draw(&at) == drawn[i]);
}

/* Each pause with jitter takes the next number, any other none. */
static void a_pause_is_as_long_as_the_next_number_says(void **state)
{
	struct test_case *t = case_new();
	uint32_t none = step(t, 0, "none"), a = step(t, 0, "a");

	(void)state;
	unit(t, none)->retry = graph_add_retry(t->b, &(struct retry_pace){.max = 1, .delay_ms = 1, .backoff = 1});
	unit(t, a)->retry = graph_add_retry(t->b, &(struct retry_pace){
		.max = 9, .delay_ms = 1000000000, .backoff = 1, .jitter = 0.25});
	run_with(t, (struct schedule_options){.slots = 1, .seed = drawn_seed});
	EXPECT(t, 0, "start none#1");
	ended(t, 0, none, false);
	EXPECT(t, 0, "none waits #2 +1, start a#1");
	for (size_t i = 0; i < ARRAY_LEN(drawn); i++) {
		double fraction = (double)(drawn[i] >> 11) / 9007199254740992.0; /* 2^53 */
		struct action x;
		int64_t pause = 0;

		ended(t, 2, a, false);
		while (schedule_next(t->s, 2, &x))
			if (x.kind == ACTION_WAITS)
				pause = x.pause_ms;
			else if (x.kind == ACTION_START && x.unit == none)
				ended(t, 2, none, true);
		CHECK_INT(pause, (int64_t)(1000000000 * (0.75 + 0.5 * fraction)));
		while (schedule_next(t->s, 2 + pause, &x))
			;
	}
	case_free(t);
}

static void pauses_grow_by_their_factor_and_never_shrink(void **state)
{
	static const struct {
		double backoff;
		int64_t delay_ms, pause_ms[5];
	} row[] = {
		{3, 100, {100, 300, 900, 2700, 8100}}, {1, 100, {100, 100, 100, 100, 100}},
		{0.5, 100, {100, 100, 100, 100, 100}}, {1e200, 0, {0, 0, 0, 0, 0}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct test_case *t = case_new();
		uint32_t a = step(t, 0, "a");
		int64_t now = 1000;
		struct action x;

		unit(t, a)->retry = graph_add_retry(t->b, &(struct retry_pace){
			.max = 9, .delay_ms = row[i].delay_ms, .backoff = row[i].backoff});
		run(t, 1);
		EXPECT(t, now, "start a#1");
		for (size_t k = 0; k < ARRAY_LEN(row[i].pause_ms); k++) {
			ended(t, now, a, false);
			CHECK_INT(schedule_due(t->s) - now, row[i].pause_ms[k]);
			now += row[i].pause_ms[k];
			while (schedule_next(t->s, now, &x))
				;
		}
		case_free(t);
	}
}

static void a_failed_step_is_tried_again_after_its_pause(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), b = step(t, 0, "b");

	(void)state;
	unit(t, a)->retry = graph_add_retry(t->b, &(struct retry_pace){
		.max = 3, .delay_ms = 100, .backoff = 2, .max_delay_ms = 300});
	run(t, 1);
	EXPECT(t, 0, "start a#1");
	ended(t, 10, a, false);
	EXPECT(t, 10, "a waits #2 +100, start b#1"); /* the pause holds no slot */
	CHECK_INT(schedule_due(t->s), 110);
	CHECK_INT(schedule_reason(t->s, a, NULL), REASON_RETRY_PAUSE);
	ended(t, 20, b, true);
	EXPECT(t, 109, "b succeeded");
	EXPECT(t, 110, "start a#2");
	ended(t, 120, a, false);
	EXPECT(t, 120, "a waits #3 +200");
	EXPECT(t, 320, "start a#3");
	ended(t, 330, a, false);
	EXPECT(t, 330, "a waits #4 +300"); /* 400, but for the cap */
	EXPECT(t, 630, "start a#4");
	ended(t, 640, a, false);
	EXPECT(t, 640, "a failed, run failed (member-failed a)");
	CHECK_INT(schedule_attempt(t->s, a), 4);
	case_free(t);
}

static void a_step_is_not_tried_again_against_its_rules(void **state)
{
	struct test_case *t = case_new();
	struct tally tally;
	uint32_t a = step(t, 0, "a"), b = step(t, 0, "b"), c = step(t, 0, "c");

	(void)state;
	unit(t, a)->retry = unit(t, b)->retry = graph_add_retry(t->b, &(struct retry_pace){.max = 3});
	run(t, 3);
	EXPECT(t, 0, "start a#1, start b#1, start c#1");
	schedule_ended(t->s, 1, a, STATE_FAILED, false, REASON_EXIT);
	EXPECT(t, 1, "a failed");
	schedule_ended(t->s, 1, b, STATE_SKIPPED, true, REASON_SKIP_EXIT);
	EXPECT(t, 1, "b skipped (skip-exit)");
	schedule_ended(t->s, 1, c, STATE_LOST, true, REASON_NOBODY_SAW);
	EXPECT(t, 1, "c lost (nobody-saw), run failed (member-failed a)");
	schedule_tally(t->s, 0, &tally);
	CHECK_INT(tally.failed, 2);
	CHECK_INT(tally.skipped, 1); /* although it had begun */
	case_free(t);
}

static void pauses_are_drawn_around_their_length(void **state)
{
	int64_t low = INT64_MAX, high = 0;

	(void)state;
	for (unsigned seed = 0; seed < 50; seed++) {
		struct test_case *t = case_new();
		uint32_t a = step(t, 0, "a");
		int64_t due;

		unit(t, a)->retry = graph_add_retry(t->b, &(struct retry_pace){
			.max = 1, .delay_ms = 1000, .backoff = 1, .jitter = 0.2, .max_delay_ms = 1150});
		run_with(t, (struct schedule_options){.slots = 1, .seed = seed});
		EXPECT(t, 0, "start a#1");
		ended(t, 0, a, false);
		due = schedule_due(t->s);
		CHECK(due >= 800 && due <= 1150);
		low = due < low ? due : low;
		high = due > high ? due : high;
		case_free(t);
	}
	CHECK(low < 900);
	CHECK_INT(high, 1150);
}

static void a_pause_that_grows_for_ever_stays_a_number(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a");
	int64_t now = 0;

	(void)state;
	unit(t, a)->retry = graph_add_retry(t->b, &(struct retry_pace){.max = UINT32_MAX, .delay_ms = 1, .backoff = 1e9});
	run(t, 1);
	EXPECT(t, 0, "start a#1");
	for (int i = 0; i < 100; i++) {
		struct action x;

		ended(t, now, a, false);
		CHECK(schedule_due(t->s) > now && schedule_due(t->s) - now <= 1000000000000000);
		now = schedule_due(t->s);
		while (schedule_next(t->s, now, &x))
			;
	}
	case_free(t);
}

static void what_could_not_start_is_parked_until_it_is_woken(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), b = step(t, 0, "b");

	(void)state;
	unit(t, a)->retry = graph_add_retry(t->b, &(struct retry_pace){.max = 1});
	run(t, 1);
	EXPECT(t, 0, "start a#1");
	schedule_not_now(t->s, a, REASON_LOCKED);
	EXPECT(t, 0, "start b#1");
	schedule_wake(t->s, a);
	schedule_wake(t->s, a);
	EXPECT(t, 0, "");
	ended(t, 1, b, true);
	EXPECT(t, 1, "b succeeded, start a#1");
	ended(t, 2, a, false);
	EXPECT(t, 2, "a waits #2 +0, start a#2");
	schedule_not_now(t->s, a, REASON_LOCKED);
	EXPECT(t, 3, "");
	CHECK_INT(schedule_state(t->s, a), STATE_WAITING);
	schedule_wake(t->s, a);
	EXPECT(t, 4, "start a#2");
	case_free(t);
}

static void a_pause_or_question_that_an_abort_overtakes_is_never_told(void **state)
{
	struct test_case *t = case_new_with((struct group){.stop_at_once = true});
	uint32_t a = step(t, 0, "a"), b = step(t, 0, "b"), c = step(t, 0, "c"), q = step(t, 0, "q");

	(void)state;
	unit(t, a)->retry = graph_add_retry(t->b, &(struct retry_pace){.max = 1, .delay_ms = 5});
	unit(t, q)->flags |= UNIT_ASKS;
	need(t, q, c, COND_OK);
	run(t, 3);
	EXPECT(t, 0, "start c#1, start a#1, start b#1");
	ended(t, 1, c, true); /* q is to be asked */
	ended(t, 1, a, false); /* and a pauses */
	ended(t, 1, b, false);
	EXPECT(t, 1, "c succeeded, b failed, a failed, q aborted (policy-abort b), run failed (member-failed b)");
	case_free(t);
}

static void parked_between_attempts_an_abort_leaves_the_last_end(void **state)
{
	struct test_case *t = case_new_with((struct group){.stop_at_once = true});
	uint32_t a = step(t, 0, "a"), b = step(t, 0, "b");

	(void)state;
	unit(t, a)->retry = graph_add_retry(t->b, &(struct retry_pace){.max = 1});
	run(t, 2);
	EXPECT(t, 0, "start a#1, start b#1");
	ended_as(t, 1, a, STATE_TIMED_OUT);
	EXPECT(t, 1, "a waits #2 +0, start a#2");
	schedule_not_now(t->s, a, REASON_LOCKED);
	ended(t, 2, b, false);
	EXPECT(t, 2, "b failed, a timed_out, run failed (member-failed b)");
	CHECK_INT(schedule_reason(t->s, a, NULL), REASON_EXIT);
	case_free(t);
}

/* --- leaving out, extending --------------------------------------------------------------------------------- */

static void what_is_preset_is_settled_without_being_asked(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), b = step(t, 0, "b"), j = job(t, "J"), c = step(t, j, "c"), k = job(t, "K");
	uint32_t d = step(t, k, "d");

	(void)state;
	(void)c;
	(void)d;
	unit(t, a)->flags |= UNIT_ASKS;
	need(t, b, a, COND_OK);
	run(t, 1);
	schedule_preset(t->s, a, STATE_CACHED, REASON_FRESH);
	schedule_preset(t->s, a, STATE_SKIPPED, REASON_RESTRICTED); /* the first one stands */
	schedule_preset(t->s, end_of(t, j), STATE_SUCCEEDED, REASON_FRESH);
	schedule_preset(t->s, begin_of(t, k), STATE_SKIPPED, REASON_RESTRICTED);
	EXPECT(t, 0, "a cached (fresh), c cached (fresh), d skipped (restricted), J cached (fresh), "
		     "K skipped (restricted), start b#1");
	case_free(t);
}

static void a_preset_failure_counts_like_any_other(void **state)
{
	struct test_case *t = case_new_with((struct group){.stop_at_once = true});
	uint32_t a = step(t, 0, "a"), b = step(t, 0, "b");

	(void)state;
	(void)b;
	t->name[begin_of(t, 0)] = "opening"; /* nothing begins after it */
	run(t, 1);
	schedule_preset(t->s, a, STATE_FAILED, REASON_EXIT);
	EXPECT(t, 0, "a failed, opening aborted (policy-abort a), b aborted (policy-abort a), run failed (member-failed a)");
	case_free(t);
}

static void an_aborted_member_without_a_failure_is_told_by_its_own_reason(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a");

	(void)state;
	run(t, 1);
	schedule_preset(t->s, a, STATE_ABORTED, REASON_POLICY_ABORT);
	EXPECT(t, 0, "a aborted (policy-abort), run aborted (policy-abort)");
	case_free(t);
}

/* A loop over a result: its group is there, and gets its members when its BEGIN is asked. */
struct loop_case {
	struct test_case *t;
	uint32_t list, group, user;
};

static struct loop_case loop_case(void)
{
	struct test_case *t = case_new_with((struct group){.stop_at_once = true});
	struct loop_case c = {.t = t, .list = step(t, 0, "list")};

	c.group = group_in(t, 0, "loop", (struct group){0});
	t->name[begin_of(t, c.group)] = "opening";
	unit(t, begin_of(t, c.group))->flags |= UNIT_ASKS;
	need(t, begin_of(t, c.group), c.list, COND_OK);
	c.user = step(t, 0, "user");
	need(t, c.user, end_of(t, c.group), COND_OK);
	return c;
}

static void a_loop_gets_its_members_while_the_run_goes_on(void **state)
{
	struct loop_case c = loop_case();
	struct test_case *t = c.t;
	uint32_t item[3];
	uint16_t two;

	(void)state;
	run(t, 4);
	EXPECT(t, 0, "start list#1");
	ended(t, 1, c.list, true);
	EXPECT(t, 1, "list succeeded, ask opening");
	t->b = graph_extend(t->g);
	two = graph_add_pool(t->b, "loop", 2);
	for (int i = 0; i < 3; i++) {
		item[i] = step(t, c.group, (const char *[]){"i0", "i1", "i2"}[i]);
		unit(t, item[i])->pool = two;
		need(t, item[i], c.list, COND_OK); /* which has ended long ago */
	}
	extend(t);
	answer(t, begin_of(t, c.group), ANSWER_RUN, REASON_NONE);
	EXPECT(t, 2, "opening succeeded, start i0#1, start i1#1");
	ended(t, 3, item[0], true);
	EXPECT(t, 3, "i0 succeeded, start i2#1");
	ended(t, 4, item[1], true);
	ended(t, 5, item[2], true);
	EXPECT(t, 5, "i1 succeeded, i2 succeeded, loop succeeded, start user#1");
	case_free(t);
}

static void new_members_of_a_group_that_was_stopped_settle_like_the_others(void **state)
{
	(void)state;
	for (int cancel = 0; cancel < 2; cancel++) {
		struct loop_case c = loop_case();
		struct test_case *t = c.t;
		uint32_t x = step(t, c.group, "x"), g, lone;

		run(t, 4);
		EXPECT(t, 0, "start list#1");
		ended(t, 1, c.list, true);
		EXPECT(t, 1, "list succeeded, ask opening");
		answer(t, begin_of(t, c.group), ANSWER_RUN, REASON_ASKED);
		EXPECT(t, 1, "opening succeeded (asked), start x#1");
		if (cancel) {
			schedule_cancel(t->s, REASON_CANCELED);
			EXPECT(t, 2, "stop x (canceled), user canceled (canceled)");
		}
		t->b = graph_extend(t->g);
		step(t, c.group, "late");
		g = group_in(t, c.group, "G", (struct group){0});
		step(t, g, "inner");
		if (cancel) {
			lone = graph_add_unit(t->b, unit(t, x));
			t->name[lone] = "lone";
		}
		extend(t);
		if (cancel) {
			EXPECT(t, 2, "late canceled (canceled), lone canceled (canceled), inner canceled (canceled), "
				     "G canceled (canceled)");
			ended_as(t, 3, x, STATE_CANCELED);
			EXPECT(t, 3, "x canceled, loop canceled (canceled), run canceled (canceled)");
		} else {
			EXPECT(t, 2, "start late#1, start inner#1");
		}
		case_free(t);
	}
}

static void a_new_group_may_want_what_has_long_ended(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), b = step(t, 0, "b"), f = step(t, 0, "f"), j, c;
	struct tally tally;

	(void)state;
	unit(t, f)->flags |= UNIT_ALWAYS;
	policy(t, a, ON_FAILURE_CONTINUE);
	run(t, 2);
	EXPECT(t, 0, "start a#1, start b#1");
	ended(t, 1, a, false);
	EXPECT(t, 1, "a failed");
	t->b = graph_extend(t->g);
	j = group_in(t, 0, "J", (struct group){0});
	graph_add_member(t->b, j, a);
	graph_add_member(t->b, j, b);
	c = step(t, j, "c");
	need(t, c, a, COND_OK);
	extend(t);
	EXPECT(t, 1, "start c#1");
	ended(t, 2, c, true);
	ended(t, 3, b, true);
	EXPECT(t, 3, "c succeeded, b succeeded, J failed (member-failed a), start f#1");
	schedule_tally(t->s, j, &tally);
	CHECK_INT(tally.failed, 1);
	CHECK_INT(tally.succeeded, 2);
	case_free(t);
}

static void a_group_whose_member_failed_for_another_before_it_began_fails(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), b = step(t, 0, "b"), j;

	(void)state;
	run(t, 2);
	EXPECT(t, 0, "start a#1, start b#1");
	t->b = graph_extend(t->g);
	j = group_in(t, 0, "J", (struct group){.stop_at_once = true});
	need(t, begin_of(t, j), b, COND_OK);
	graph_add_member(t->b, j, a);
	step(t, j, "c");
	extend(t);
	ended(t, 1, a, false);
	EXPECT(t, 1, "a failed, c aborted (policy-abort a), J failed (member-failed a)");
	ended(t, 2, b, true);
	EXPECT(t, 2, "b succeeded, run failed (member-failed a)");
	case_free(t);
}

static void a_stage_opens_by_the_verdict_of_a_stand_in(void **state)
{
	struct test_case *t = case_new();
	uint32_t all = group_in(t, 0, "all", (struct group){.stop_on_failure = true}), p = step(t, all, "p");
	uint32_t s = step(t, 0, "s"), next = step(t, all, "next"), gate = stage(t, all, COND_DONE, &p, 1);

	(void)state;
	policy(t, p, ON_FAILURE_FALLBACK);
	unit(t, p)->stand_in = s;
	need(t, next, gate, COND_OPEN);
	run(t, 2);
	EXPECT(t, 0, "start p#1");
	ended(t, 1, p, false);
	EXPECT(t, 1, "p failed, start s#1");
	ended(t, 2, s, true);
	EXPECT(t, 2, "s succeeded, start next#1");
	case_free(t);
}

static void a_stage_stays_shut_if_the_stand_in_failed_too(void **state)
{
	struct test_case *t = case_new();
	uint32_t all = group_in(t, 0, "all", (struct group){.stop_on_failure = true}), p = step(t, all, "p");
	uint32_t s = step(t, 0, "s"), next = step(t, all, "next"), gate = stage(t, all, COND_DONE, &p, 1);

	(void)state;
	policy(t, p, ON_FAILURE_FALLBACK);
	unit(t, p)->stand_in = s;
	need(t, next, gate, COND_OPEN);
	run(t, 2);
	EXPECT(t, 0, "start p#1");
	ended(t, 1, p, false);
	EXPECT(t, 1, "p failed, start s#1");
	ended(t, 2, s, false);
	EXPECT(t, 2, "s failed, next aborted (stage-stop p), all failed (member-failed p), run failed (member-failed s)");
	case_free(t);
}

static void a_finally_waits_for_the_stand_ins_of_the_others(void **state)
{
	struct stand_in_case c = stand_in_case();
	uint32_t f = step(c.t, c.job, "f");

	(void)state;
	unit(c.t, f)->flags |= UNIT_ALWAYS;
	policy(c.t, c.stand_in, ON_FAILURE_FALLBACK);
	unit(c.t, c.stand_in)->stand_in = step(c.t, c.job, "last");
	unit(c.t, unit(c.t, c.stand_in)->stand_in)->group = GROUP_NONE;
	run(c.t, 9);
	EXPECT(c.t, 0, "start p#1");
	ended(c.t, 1, c.primary, true);
	EXPECT(c.t, 1, "p succeeded, s skipped (stand-in-idle p), after blocked (need-failed p), "
		       "last skipped (stand-in-idle s), start user#1");
	ended(c.t, 2, c.user, true);
	EXPECT(c.t, 2, "user succeeded, start f#1");
	case_free(c.t);
}

static void a_graph_may_be_extended_before_the_run_begins(void **state)
{
	struct test_case *t = case_new();
	uint32_t a = step(t, 0, "a"), b;

	(void)state;
	run(t, 1);
	t->b = graph_extend(t->g);
	b = step(t, 0, "b");
	need(t, b, a, COND_OK);
	extend(t);
	EXPECT(t, 0, "start a#1");
	ended(t, 1, a, true);
	EXPECT(t, 1, "a succeeded, start b#1");
	case_free(t);
}

/* --- words ------------------------------------------------------------------------------------------------- */

static void every_state_and_reason_has_a_word_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < STATE_COUNT; i++) {
		for (int k = 0; k < i; k++)
			CHECK(strcmp(state_word((enum state)i), state_word((enum state)k)) != 0);
		CHECK(!state_is_ok((enum state)i) || state_is_final((enum state)i));
		CHECK(!(state_is_ok((enum state)i) && state_is_failure((enum state)i)));
	}
	for (int i = 0; i < REASON_COUNT; i++) {
		for (int k = 0; k < i; k++)
			CHECK(strcmp(reason_word((enum reason)i), reason_word((enum reason)k)) != 0);
		CHECK(i == REASON_NONE || *reason_sentence((enum reason)i));
	}
	CHECK(!state_is_final(STATE_COUNT) && !state_is_ok(STATE_COUNT) && !state_is_failure(STATE_COUNT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_step_starts_when_its_need_has_succeeded),
		cmocka_unit_test(a_step_is_blocked_when_its_need_has_failed),
		cmocka_unit_test(conditions_accept_what_they_say),
		cmocka_unit_test(a_need_for_order_only_never_blocks),
		cmocka_unit_test(with_a_rule_so_many_needs_suffice),
		cmocka_unit_test(with_a_rule_a_step_does_not_wait_for_the_rest),
		cmocka_unit_test(with_a_rule_a_step_is_blocked_as_soon_as_too_few_can_hold),
		cmocka_unit_test(a_rule_beyond_the_needs_means_all),
		cmocka_unit_test(a_step_with_conditions_is_asked_before_it_starts),
		cmocka_unit_test(a_step_that_asks_for_a_status_is_asked_although_a_need_did_not_hold),
		cmocka_unit_test(an_instant_step_starts_nothing),
		cmocka_unit_test(abort_lets_nothing_new_of_its_job_start),
		cmocka_unit_test(what_runs_when_its_group_is_aborted_is_not_tried_again),
		cmocka_unit_test(skip_dependents_lets_the_others_go_on),
		cmocka_unit_test(continue_releases_dependents_and_yet_fails_the_job),
		cmocka_unit_test(a_failure_that_is_not_critical_degrades_its_groups),
		cmocka_unit_test(a_step_blocked_by_another_jobs_failure_fails_its_own_job),
		cmocka_unit_test(a_case_that_did_not_come_is_no_failure),
		cmocka_unit_test(ignored_failures_release_dependents_and_spoil_nothing),
		cmocka_unit_test(a_stand_in_is_skipped_when_its_primary_is_well),
		cmocka_unit_test(a_stand_in_that_succeeds_makes_good_for_its_primary),
		cmocka_unit_test(a_stand_in_that_fails_applies_its_own_policy),
		cmocka_unit_test(a_stand_in_that_says_no_leaves_the_failure_standing),
		cmocka_unit_test(a_stand_in_that_is_blocked_leaves_the_failure_standing),
		cmocka_unit_test(a_stand_in_may_have_a_stand_in_and_serve_two),
		cmocka_unit_test(a_stand_in_that_serves_two_is_called_by_either),
		cmocka_unit_test(a_stand_ins_stand_in_that_needs_the_primary_has_seen_it_fail),
		cmocka_unit_test(a_group_may_stand_in),
		cmocka_unit_test(a_group_that_stands_in_is_skipped_as_a_whole),
		cmocka_unit_test(without_a_stand_in_the_policy_fallback_is_skip_dependents),
		cmocka_unit_test(a_primary_that_fails_after_an_abort_has_no_stand_in_any_more),
		cmocka_unit_test(a_phase_runs_all_its_children_and_then_reports),
		cmocka_unit_test(without_stop_on_failure_the_next_stage_opens),
		cmocka_unit_test(a_stage_that_opens_on_ok_stays_shut_after_a_failure),
		cmocka_unit_test(a_run_that_stops_at_once_starts_nothing_new_at_all),
		cmocka_unit_test(a_job_that_aborts_stops_the_run_before_its_last_step_has_ended),
		cmocka_unit_test(a_job_whose_failure_is_not_final_does_not_stop_the_run_early),
		cmocka_unit_test(what_stops_a_job_stops_nobody_beside_it),
		cmocka_unit_test(what_ran_makes_an_aborted_group_a_failed_one),
		cmocka_unit_test(a_canceled_job_counts_as_failed_if_anything_of_it_ran),
		cmocka_unit_test(a_limit_of_failures_stops_the_run),
		cmocka_unit_test(abort_of_a_one_step_job_is_its_own_failure_only),
		cmocka_unit_test(abort_reaches_the_job_through_the_family_of_a_step),
		cmocka_unit_test(a_family_that_fails_fast_stops_its_job_too),
		cmocka_unit_test(what_another_group_still_wants_is_not_aborted),
		cmocka_unit_test(what_every_group_has_given_up_is_aborted),
		cmocka_unit_test(a_job_whose_needs_failed_is_blocked_with_all_it_has),
		cmocka_unit_test(a_job_whose_condition_says_no_is_skipped_or_fails_as_a_whole),
		cmocka_unit_test(a_job_that_said_no_stops_others_only_once_it_has_ended),
		cmocka_unit_test(whoever_waits_at_the_gate_of_another_group_is_blocked_with_it),
		cmocka_unit_test(a_job_that_is_blocked_fails_the_run),
		cmocka_unit_test(the_engine_may_judge_the_end_of_a_group),
		cmocka_unit_test(a_group_is_not_judged_after_a_cancel_or_an_abort_from_outside),
		cmocka_unit_test(finally_runs_after_the_others_whatever_became_of_them),
		cmocka_unit_test(a_finally_that_fails_fails_its_job),
		cmocka_unit_test(a_finally_may_be_a_group),
		cmocka_unit_test(a_finally_of_a_job_of_nothing_else_runs_too),
		cmocka_unit_test(a_finally_that_no_group_wants_has_nothing_to_wait_for),
		cmocka_unit_test(what_runs_waits_or_pauses_expires),
		cmocka_unit_test(what_ends_well_before_it_is_stopped_has_ended_well),
		cmocka_unit_test(a_group_expires_but_its_finally_and_what_others_want),
		cmocka_unit_test(what_was_stopped_already_is_stopped_once_and_for_the_first_reason),
		cmocka_unit_test(a_group_that_has_not_begun_expires),
		cmocka_unit_test(cancel_stops_what_runs_and_starts_only_finally),
		cmocka_unit_test(a_finally_that_runs_is_not_stopped_by_a_cancel),
		cmocka_unit_test(cancel_ends_pauses_and_questions_and_what_is_parked),
		cmocka_unit_test(a_step_that_was_canceled_by_itself_leaves_its_group_canceled),
		cmocka_unit_test(a_run_may_be_canceled_before_it_begins),
		cmocka_unit_test(cancel_reaches_steps_that_no_group_wants),
		cmocka_unit_test(the_first_unit_of_all_is_canceled_too),
		cmocka_unit_test(a_group_with_an_aborted_member_is_not_judged_after_a_cancel),
		cmocka_unit_test(a_start_that_meets_a_cancel_or_an_abort_halfway_is_dropped),
		cmocka_unit_test(no_more_start_than_there_are_slots),
		cmocka_unit_test(what_starts_needs_as_many_slots_as_are_at_hand),
		cmocka_unit_test(what_is_heavy_waits_for_its_slots_and_is_not_overtaken),
		cmocka_unit_test(what_runs_alone_runs_alone),
		cmocka_unit_test(a_pool_holds_back_only_its_own),
		cmocka_unit_test(a_higher_priority_goes_first_then_the_longer_path_then_the_file),
		cmocka_unit_test(what_is_unknown_takes_as_long_as_its_siblings),
		cmocka_unit_test(what_is_learnt_before_the_begin_is_heeded),
		cmocka_unit_test(shuffling_depends_on_nothing_but_the_seed),
		cmocka_unit_test(peeking_names_what_will_start_next_and_changes_nothing),
		cmocka_unit_test(peeking_stops_where_a_pool_would_hold_back),
		cmocka_unit_test(a_step_waits_for_the_first_need_that_is_open),
		cmocka_unit_test(a_finally_waits_for_the_first_of_the_others_that_is_open),
		cmocka_unit_test(what_just_fits_into_its_pool_waits_for_a_slot),
		cmocka_unit_test(a_failure_degrades_once_its_stand_in_is_known_to_help),
		cmocka_unit_test(what_comes_next_is_told_across_all_pools),
		cmocka_unit_test(what_is_added_has_its_place_among_what_waits),
		cmocka_unit_test(what_is_not_known_takes_as_long_as_its_siblings_or_as_most),
		cmocka_unit_test(a_short_time_that_is_known_counts_and_none_is_one_millisecond),
		cmocka_unit_test(a_stand_in_of_two_hears_of_the_second_in_a_later_group),
		cmocka_unit_test(who_is_wanted_elsewhere_runs_though_the_second_that_wants_it_never_opens),
		cmocka_unit_test(a_job_that_stops_stops_the_second_group_that_wants_it),
		cmocka_unit_test(a_step_that_is_asked_for_is_not_therefore_critical),
		cmocka_unit_test(what_a_soft_failure_blocks_degrades_and_fails_nothing),
		cmocka_unit_test(a_job_inside_counts_for_as_little_as_what_blocked_both),
		cmocka_unit_test(what_a_hard_failure_blocks_through_a_stage_is_as_hard),
		cmocka_unit_test(a_job_that_may_fail_takes_its_clean_up_with_it_softly),
		cmocka_unit_test(a_stage_says_that_it_opened_and_why_not),
		cmocka_unit_test(a_stage_that_does_not_open_stops_nothing_above_yet),
		cmocka_unit_test(a_job_whose_time_is_up_stops_those_above_when_it_has_ended),
		cmocka_unit_test(a_job_whose_time_is_up_before_the_run_begins_has_ended_by_then),
		cmocka_unit_test(what_is_added_after_a_cancel_is_canceled_too),
		cmocka_unit_test(who_joins_after_its_end_hurries_no_finally),
		cmocka_unit_test(what_was_asked_for_starts_with_the_reason_of_the_answer),
		cmocka_unit_test(chance_is_splitmix64),
		cmocka_unit_test(a_pause_is_as_long_as_the_next_number_says),
		cmocka_unit_test(pauses_grow_by_their_factor_and_never_shrink),
		cmocka_unit_test(a_failed_step_is_tried_again_after_its_pause),
		cmocka_unit_test(a_step_is_not_tried_again_against_its_rules),
		cmocka_unit_test(pauses_are_drawn_around_their_length),
		cmocka_unit_test(a_pause_that_grows_for_ever_stays_a_number),
		cmocka_unit_test(what_could_not_start_is_parked_until_it_is_woken),
		cmocka_unit_test(parked_between_attempts_an_abort_leaves_the_last_end),
		cmocka_unit_test(a_pause_or_question_that_an_abort_overtakes_is_never_told),
		cmocka_unit_test(what_is_preset_is_settled_without_being_asked),
		cmocka_unit_test(a_preset_failure_counts_like_any_other),
		cmocka_unit_test(an_aborted_member_without_a_failure_is_told_by_its_own_reason),
		cmocka_unit_test(a_loop_gets_its_members_while_the_run_goes_on),
		cmocka_unit_test(new_members_of_a_group_that_was_stopped_settle_like_the_others),
		cmocka_unit_test(a_new_group_may_want_what_has_long_ended),
		cmocka_unit_test(a_group_whose_member_failed_for_another_before_it_began_fails),
		cmocka_unit_test(a_stage_opens_by_the_verdict_of_a_stand_in),
		cmocka_unit_test(a_stage_stays_shut_if_the_stand_in_failed_too),
		cmocka_unit_test(a_finally_waits_for_the_stand_ins_of_the_others),
		cmocka_unit_test(a_graph_may_be_extended_before_the_run_begins),
		cmocka_unit_test(every_state_and_reason_has_a_word_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
