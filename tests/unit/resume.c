/* The decision whether what a step did in an earlier run stands, and what the ledger keeps for it. */
#include "base/bug.h"
#include "check.h"
#include "run/resume.h"

static const struct fresh_mark MARK = {.command = 0x1, .values = 0xfffffffffffffffe};

/* A success of the second run of a chain that still is what it was. */
static struct resume_facts same(void)
{
	return (struct resume_facts){
		.known = true, .row = {2, STATE_SUCCEEDED, REASON_NONE, 1}, .marked = true, .then = MARK, .now = MARK,
		.has_values = true, .needs_age = 2,
	};
}

static void says(const struct resume_facts *f, const char *want)
{
	static const char *const answer[] = {"reuse", "run", "fail", "ask"};
	struct resume_verdict v = resume_judge(f);
	char *got = xasprintf("%s %s%s%s", answer[v.answer], reason_word(v.why), v.cause ? " " : "",
			      v.cause ? v.cause : "");

	CHECK_STR(got, want);
	free(got);
}

static void a_success_that_is_as_it_was_stands(void **state)
{
	struct resume_facts f = same();

	(void)state;
	says(&f, "reuse resumed");
	f.row = (struct resume_row){2, STATE_CACHED, REASON_RESUMED, 0};
	says(&f, "reuse resumed");
}

static void a_success_is_undone_by_what_changed(void **state)
{
	struct resume_facts f;

	(void)state;
	f = same(), f.now.command++;
	says(&f, "run command-changed");
	f = same(), f.now.values++;
	says(&f, "run value-changed");
	f = same(), f.needs_age = 3;
	says(&f, "run need-ran");
	f = same(), f.missing = "out";
	says(&f, "run output-missing out");
	f = same(), f.newer = "in";
	says(&f, "run input-newer in");
	f = same(), f.has_values = false;
	says(&f, "run values-gone");
	f = same(), f.marked = false;
	says(&f, "run no-record");
	f = same(), f.now.inputs = f.now.outputs = 7; /* are no part of a start */
	says(&f, "reuse resumed");
}

static void what_the_command_line_says_comes_first(void **state)
{
	struct resume_facts f = same();

	(void)state;
	f.what_if = "x";
	says(&f, "run what-if x");
	f.always = true;
	says(&f, "run always-make");
	f.again = true;
	says(&f, "run retried");
}

static void what_did_not_succeed_runs(void **state)
{
	static const enum state states[] = {STATE_PENDING, STATE_WAITING, STATE_RUNNING, STATE_FAILED, STATE_TIMED_OUT,
					    STATE_CANCELED, STATE_SKIPPED, STATE_BLOCKED, STATE_ABORTED, STATE_INTERRUPTED};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		struct resume_facts f = same();

		f.row.state = states[i];
		says(&f, "run unfinished");
	}
}

static void what_the_chain_does_not_have_runs(void **state)
{
	struct resume_facts f = {.has_values = true};

	(void)state;
	says(&f, "run new-step");
	f.renamed = true;
	says(&f, "run command-changed");
}

static void what_was_lost_is_what_its_step_says(void **state)
{
	struct resume_facts f = same();

	(void)state;
	f.row.state = STATE_LOST;
	says(&f, "fail lost-before");
	f.on_lost = ON_LOST_RETRY;
	says(&f, "run unfinished");
	f.on_lost = ON_LOST_ASK;
	says(&f, "ask lost-before");
	f.again = true;
	says(&f, "run retried");
}

static void a_row_decides_if_the_step_was_tried_or_settled_by_itself(void **state)
{
	static const struct {
		struct resume_row row;
		bool decides, refers;
	} rows[] = {
		{{1, STATE_SUCCEEDED, REASON_NONE, 1}, true, false},
		{{1, STATE_SUCCEEDED, REASON_NONE, 0}, true, false},
		{{1, STATE_FAILED, REASON_REQUIRE_FALSE, 0}, true, false},
		{{1, STATE_FAILED, REASON_LOST_BEFORE, 0}, false, false},
		{{1, STATE_LOST, REASON_NOBODY_SAW, 1}, true, false},
		{{1, STATE_CACHED, REASON_FRESH, 0}, true, false},
		{{1, STATE_CACHED, REASON_RESUMED, 0}, false, true},
		{{1, STATE_RUNNING, REASON_NONE, 0}, true, false},
		{{1, STATE_CANCELED, REASON_CANCELED, 1}, true, false},
		{{1, STATE_CANCELED, REASON_CANCELED, 0}, false, false},
		{{1, STATE_ABORTED, REASON_DRIVER_DIED, 0}, false, false},
		{{1, STATE_BLOCKED, REASON_NEED_FAILED, 0}, false, false},
		{{1, STATE_PENDING, REASON_NONE, 0}, false, false},
		{{1, STATE_SKIPPED, REASON_RESTRICTED, 0}, false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CHECK_INT(resume_row_decides(&rows[i].row), rows[i].decides);
		CHECK_INT(resume_row_refers(&rows[i].row), rows[i].refers);
	}
}

static void a_mark_survives_being_text(void **state)
{
	struct buf text = BUF_INIT;
	struct fresh_mark back;

	(void)state;
	resume_mark_format(&text, &MARK);
	CHECK_STR(text.data, "start 1 0000000000000001 fffffffffffffffe");
	CHECK_INT(resume_mark_parse(&back, text.data), true);
	CHECK_INT(back.command == MARK.command && back.values == MARK.values, true);
	buf_release(&text);
}

static void what_is_no_mark_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "start 1 ", "start 2 0000000000000001 fffffffffffffffe", "start 1 0000000000000001",
		"start 1 0000000000000001 fffffffffffffffe ", "start 1 000000000000001 ffffffffffffffff",
		"start 1 0000000000000001 fffffffffffffffg", "start 1 -000000000000001 fffffffffffffffe", "1 begun",
		"1 0000000000000001 0000000000000001 0000000000000001 0000000000000001",
	};
	struct fresh_mark m = {.command = 5};

	(void)state;
	CHECK_INT(resume_mark_parse(&m, NULL), false);
	CHECK_INT(m.command, 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK_INT(resume_mark_parse(&m, bad[i]), false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_success_that_is_as_it_was_stands),
		cmocka_unit_test(a_success_is_undone_by_what_changed),
		cmocka_unit_test(what_the_command_line_says_comes_first),
		cmocka_unit_test(what_did_not_succeed_runs),
		cmocka_unit_test(what_the_chain_does_not_have_runs),
		cmocka_unit_test(what_was_lost_is_what_its_step_says),
		cmocka_unit_test(a_row_decides_if_the_step_was_tried_or_settled_by_itself),
		cmocka_unit_test(a_mark_survives_being_text),
		cmocka_unit_test(what_is_no_mark_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
