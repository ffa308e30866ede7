/* What an attempt's end means by the step's own rules. */
#include <errno.h>
#include <signal.h>

#include "engine/engine_impl.h"
#include "engine/search.h"
#include "step_case.h"

struct end {
	enum attempt_end end;
	int status;
	const char *log, *out, *output; /* contents; NULL: none */
	int error;
	const char *stage, *missing;
	enum stopped_for stopped;
};

enum { EXIT_SHIFT = 8 };
#define EXITED(code) .end = END_EXITED, .status = (code) << EXIT_SHIFT

/* "state reason [exit/signal][ again]: text" */
static void is_judged(const char *keys, struct end e, const char *want)
{
	struct step_case c = step_case_new(keys);
	struct attempt a = {.timeout_ms = 90000, .stopped = e.stopped};
	const struct attempt_ended ended = {
		.end = e.end, .status = e.status, .error = e.error, .stage = e.stage, .missing = e.missing, .serial = 1};
	struct buf got = BUF_INIT;
	struct verdict v;

	a.log = step_case_file(&c, "log", e.log, e.log ? strlen(e.log) : 0);
	a.out = e.out ? step_case_file(&c, "out", e.out, strlen(e.out)) : NULL;
	a.output = step_case_file(&c, "output", e.output, e.output ? strlen(e.output) : 0);
	judge_attempt(c.step, &ended, &a, c.dir, &v);
	buf_addf(&got, "%s %s", state_word(v.state), reason_word(v.reason));
	if (v.exit_code >= 0)
		buf_addf(&got, " %d", v.exit_code);
	if (v.signal)
		buf_addf(&got, " SIG%d", v.signal);
	if (v.again)
		buf_puts(&got, " again");
	if (v.error.len)
		buf_addf(&got, ": %s", v.error.data);
	CHECK_STR(got.data, want);
	verdict_release(&v);
	buf_release(&got);
	free(a.log);
	free(a.out);
	free(a.output);
	step_case_release(&c);
}

/* --- exit codes ---------------------------------------------------------------------------------------- */

static void zero_is_a_success_and_anything_else_a_failure(void **state)
{
	(void)state;
	is_judged("", (struct end){EXITED(0), .log = "all well\n"}, "succeeded none 0");
	is_judged("", (struct end){EXITED(3), .log = "one\nno such host\n\n"}, "failed exit 3: exit 3: no such host");
	is_judged("", (struct end){EXITED(3)}, "failed exit 3: exit 3");
	is_judged("", (struct end){EXITED(1), .log = " \n\t\n"}, "failed exit 1: exit 1");
}

static void ok_exit_and_skip_exit_say_what_codes_mean(void **state)
{
	(void)state;
	is_judged("ok_exit: [0, 3]", (struct end){EXITED(3)}, "succeeded none 3");
	is_judged("ok_exit: [3]", (struct end){EXITED(0)}, "failed exit 0: exit 0");
	is_judged("skip_exit: [78]", (struct end){EXITED(78)}, "skipped skip-exit 78: 78");
	is_judged("skip_exit: [9]", (struct end){.end = END_EXITED, .status = SIGKILL},
		  "failed exit SIG9: killed by SIGKILL");
}

static void a_signal_is_named(void **state)
{
	(void)state;
	is_judged("", (struct end){.end = END_EXITED, .status = SIGSEGV | 0x80, .log = "bad\n"},
		  "failed exit SIG11: killed by SIGSEGV (core dumped): bad");
	is_judged("", (struct end){.end = END_EXITED, .status = 40}, "failed exit SIG40: killed by signal 40");
}

static void fail_if_finds_failures_that_exit_well(void **state)
{
	const char *keys = "fail_if: {stdout: \"/ERROR/\", stderr: \"/WARN/\"}";

	(void)state;
	is_judged(keys, (struct end){EXITED(0), .out = "fine\n", .log = "fine\n"}, "succeeded none 0");
	is_judged(keys, (struct end){EXITED(0), .out = "an ERROR\n", .log = ""},
		  "failed exit 0: its output matches /ERROR/ (fail_if)");
	is_judged(keys, (struct end){EXITED(0), .out = "", .log = "a WARNing\n"},
		  "failed exit 0: its error output matches /WARN/ (fail_if)");
}

/* Megabytes of good lines before and behind the bad one, which windows must not cut in two. */
static void fail_if_looks_at_all_of_the_output(void **state)
{
	enum { LINES = 200000, STEP = 19 };
	struct buf text = BUF_INIT;
	size_t bad = 0;

	(void)state;
	for (size_t round = 0; round < 3; round++) {
		buf_reset(&text);
		bad = LINES / 4 * (round + 1) + STEP;
		for (size_t i = 0; i < LINES; i++)
			buf_puts(&text, i == bad ? "first ERROR\nsecond\n" : "nothing to see here\n");
		is_judged("fail_if: {stdout: \"/ERROR\\nsecond/\"}",
			  (struct end){EXITED(0), .out = text.data, .log = ""},
			  "failed exit 0: its output matches /ERROR\nsecond/ (fail_if)");
	}
	buf_reset(&text);
	for (size_t i = 0; i < LINES; i++)
		buf_puts(&text, "nothing to see here\n");
	is_judged("fail_if: {stdout: \"/ERROR/\"}", (struct end){EXITED(0), .out = text.data, .log = ""},
		  "succeeded none 0");
	buf_release(&text);
}

/* A match across the border of two windows: the border is moved over it byte by byte. */
static void no_window_cuts_a_match(void **state)
{
	enum { BEFORE = 1 << 20, AROUND = 12 };
	struct step_case c = step_case_new("fail_if: {stdout: \"/needle/\"}");
	struct buf text = BUF_INIT;

	(void)state;
	for (size_t at = BEFORE - AROUND; at < BEFORE + AROUND; at++) {
		char *path;

		buf_reset(&text);
		while (text.len < at)
			buf_puts(&text, "x");
		buf_puts(&text, "needle");
		while (text.len < 2 * BEFORE)
			buf_puts(&text, "y");
		path = step_case_file(&c, "out", text.data, text.len);
		CHECK_INT(file_search(path, c.step->t.policy->fail_if.out), PATTERN_YES);
		free(path);
	}
	buf_release(&text);
	step_case_release(&c);
}

static void a_promise_that_is_not_kept_is_a_failure(void **state)
{
	(void)state;
	is_judged("provides: [a]", (struct end){EXITED(0), .output = "a=1\n"}, "succeeded none 0");
	is_judged("provides: [a]", (struct end){EXITED(0), .log = "hm\n"},
		  "failed exit 0: it promises 'a' but wrote no line a=... to $ORCHMAKE_OUTPUT");
}

/* As in a recovery, when orchmake died before the ledger knew where the output went. */
static void what_is_not_known_is_no_success(void **state)
{
	static const char *const keys[] = {"fail_if: {stdout: x}", "fail_if: {stderr: x}",
					   "provides: {v: {stdout: true}}", "call: ask"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		struct step_case c = step_case_new(keys[i]);
		const struct attempt_ended ended = {.end = END_EXITED};
		struct verdict v;

		judge_attempt(c.step, &ended, &(struct attempt){0}, c.dir, &v);
		CHECK_INT(v.state, STATE_FAILED);
		CHECK(v.error.len > 0);
		verdict_release(&v);
		step_case_release(&c);
	}
}

/* --- the failure's text -------------------------------------------------------------------------------- */

static void the_step_says_itself_what_went_wrong(void **state)
{
	const char *keys = "error: \"/^ERROR: (.*)$/m\"";

	(void)state;
	is_judged(keys, (struct end){EXITED(1), .log = "ERROR: first\nERROR: disk full \nbye\n"},
		  "failed exit 1: disk full");
	is_judged(keys, (struct end){EXITED(1), .log = "bye\n"}, "failed exit 1: exit 1: bye");
	is_judged(keys, (struct end){EXITED(1), .log = "ERROR: \nbye\n"}, "failed exit 1: exit 1: bye");
	is_judged("call: ask", (struct end){EXITED(1), .log = "noise\nerror: no such store\n"},
		  "failed exit 1: no such store");
	is_judged("", (struct end){EXITED(1), .log = "error: x\n"}, "failed exit 1: exit 1: error: x");
}

static void the_text_is_one_short_line_of_utf8(void **state)
{
	struct buf log = BUF_INIT, want = BUF_INIT;

	(void)state;
	is_judged("", (struct end){EXITED(1), .log = "a\x1b[31m\xff\xfe" "b\tc\n"},
		  "failed exit 1: exit 1: a\xef\xbf\xbd\xef\xbf\xbd" "b c");
	buf_puts(&want, "failed exit 1: exit 1: ");
	for (int i = 0; i < 400; i++) {
		buf_puts(&log, "\xc3\xa9");
		if (i < 250)
			buf_puts(&want, "\xc3\xa9");
	}
	is_judged("", (struct end){EXITED(1), .log = log.data}, want.data);
	buf_release(&log);
	buf_release(&want);
}

static void ten_megabytes_of_log_are_seen_from_their_end(void **state)
{
	enum { SIZE = 10 << 20 };
	struct buf log = BUF_INIT;

	(void)state;
	while (log.len < SIZE)
		buf_puts(&log, "some line that says nothing\n");
	buf_puts(&log, "ERROR: the last\n");
	is_judged("error: \"/^ERROR: (.*)$/m\"", (struct end){EXITED(1), .log = log.data}, "failed exit 1: the last");
	is_judged("", (struct end){EXITED(1), .log = log.data}, "failed exit 1: exit 1: ERROR: the last");
	buf_release(&log);
}

/* --- other ends ---------------------------------------------------------------------------------------- */

static void every_other_end_has_its_state_and_its_text(void **state)
{
	(void)state;
	is_judged("", (struct end){.end = END_TIMED_OUT, .status = SIGTERM},
		  "timed_out exit SIG15: timed out after 1m30s");
	is_judged("", (struct end){.end = END_TIMED_OUT, .status = 0}, "timed_out exit 0: timed out after 1m30s");
	is_judged("", (struct end){.end = END_STOPPED, .status = SIGTERM}, "canceled canceled");
	is_judged("stall: 90s, retry: 1", (struct end){.end = END_STOPPED, .status = SIGTERM, .stopped = STOPPED_STALL},
		  "timed_out stalled SIG15 again: it printed nothing for too long: 1m30s");
	is_judged("stall: 90s, retry: {max: 1, when: [stall]}",
		  (struct end){.end = END_STOPPED, .status = SIGTERM, .stopped = STOPPED_STALL},
		  "timed_out stalled SIG15 again: it printed nothing for too long: 1m30s");
	is_judged("stall: 90s, retry: {max: 1, when: [timeout]}",
		  (struct end){.end = END_STOPPED, .status = SIGTERM, .stopped = STOPPED_STALL},
		  "timed_out stalled SIG15: it printed nothing for too long: 1m30s");
	is_judged("timeout: 90s, retry: {max: 1, when: [stall]}", (struct end){.end = END_TIMED_OUT, .status = SIGTERM},
		  "timed_out exit SIG15: timed out after 1m30s");
	is_judged("retry: 1", (struct end){.end = END_STOPPED, .status = SIGTERM, .stopped = STOPPED_DEADLINE},
		  "timed_out deadline SIG15: its deadline passed");
	is_judged("stall: 1s, retry: 1", (struct end){EXITED(0), .stopped = STOPPED_STALL}, "succeeded none 0");
	is_judged("", (struct end){.end = END_ORPHANED},
		  "interrupted driver-died: killed because orchmake died");
	is_judged("", (struct end){.end = END_LOST}, "lost nobody-saw: nobody saw how it ended");
	is_judged("", (struct end){.end = END_NOT_STARTED, .error = ENOENT, .stage = "exec"},
		  "failed not-started: cannot start: exec: No such file or directory; the program is there, but not what its"
		  " first line (#!) or its loader asks for");
	is_judged("", (struct end){.end = END_NOT_STARTED, .error = ENOENT, .stage = "exec", .missing = "bin/pull"},
		  "failed not-started: cannot start 'bin/pull': No such file or directory");
	is_judged("", (struct end){.end = END_NOT_STARTED, .error = ENOENT, .stage = "exec", .missing = "pull"},
		  "failed not-started: cannot start 'pull': no folder of PATH has it");
	is_judged("", (struct end){.end = END_NOT_STARTED, .error = EACCES, .stage = "chdir", .missing = "data/in"},
		  "failed not-started: cannot start in 'data/in': Permission denied");
	is_judged("", (struct end){.end = END_NOT_STARTED, .error = ENOENT, .stage = "open stdin"},
		  "failed not-started: cannot start: open stdin: No such file or directory");
	is_judged("retry: 3", (struct end){.end = END_NOT_STARTED, .error = ECANCELED, .stage = "queue"},
		  "canceled canceled");
	is_judged("", (struct end){.end = END_NOT_STARTED, .error = ECANCELED, .stage = "queue", .stopped = STOPPED_DEADLINE},
		  "timed_out deadline: its deadline passed");
}

static void what_is_not_so_when_time_is_up_did_not_come_true(void **state)
{
	static const enum stopped_for nobody = 0;

	(void)state;
	is_judged("until: {run: x}", (struct end){EXITED(3), .stopped = nobody}, "failed exit 3 again: exit 3");
	is_judged("until: {run: x}", (struct end){EXITED(3), .stopped = STOPPED_UNTIL},
		  "timed_out until-timeout 3: it did not come true in time");
	is_judged("until: {run: x}", (struct end){EXITED(3), .stopped = STOPPED_DEADLINE},
		  "timed_out deadline 3: its deadline passed");
	is_judged("until: {run: x}", (struct end){EXITED(0), .stopped = STOPPED_UNTIL}, "succeeded none 0");
	is_judged("", (struct end){EXITED(3), .stopped = STOPPED_DEADLINE}, "failed exit 3: exit 3");
	is_judged("until: {run: x}", (struct end){.end = END_STOPPED, .status = SIGTERM, .stopped = STOPPED_UNTIL},
		  "timed_out until-timeout SIG15: it did not come true in time");
}

/* --- retry --------------------------------------------------------------------------------------------- */

static void without_rules_every_failure_is_tried_again(void **state)
{
	(void)state;
	is_judged("retry: 3", (struct end){EXITED(1)}, "failed exit 1 again: exit 1");
	is_judged("retry: 3", (struct end){EXITED(0)}, "succeeded none 0");
	is_judged("retry: 3", (struct end){.end = END_STOPPED}, "canceled canceled");
	is_judged("retry: 3", (struct end){.end = END_LOST}, "lost nobody-saw: nobody saw how it ended");
	is_judged("retry: 3", (struct end){.end = END_ORPHANED}, "interrupted driver-died: killed because orchmake died");
	is_judged("retry: 3", (struct end){.end = END_TIMED_OUT, .status = SIGTERM},
		  "timed_out exit SIG15 again: timed out after 1m30s");
}

/* What a callable says on its standard output when it fails. */
#define TELLS(type) "{\"error\": {\"type\": \"" type "\", \"message\": \"no luck\"}}"

static void a_callable_says_whether_it_would_fail_again(void **state)
{
	static const char boolean[] = "{\"error\": {\"transient\": false, \"message\": \"never\"}}";

	(void)state;
	is_judged("call: ask, retry: 3", (struct end){EXITED(1), .out = TELLS("transient"), .log = "x\n"},
		  "failed exit 1 again: no luck");
	is_judged("call: ask, retry: 3", (struct end){EXITED(1), .out = TELLS("permanent"), .log = "x\n"},
		  "failed exit 1: no luck");
	is_judged("call: ask, retry: 3", (struct end){EXITED(1), .out = TELLS("PermanentError")}, "failed exit 1: no luck");
	is_judged("call: ask, retry: 3", (struct end){EXITED(1), .out = TELLS("KeyError")}, "failed exit 1 again: no luck");
	is_judged("call: ask, retry: 3", (struct end){EXITED(1), .out = boolean}, "failed exit 1: never");
	is_judged("call: ask, retry: 3", (struct end){EXITED(1), .out = "{\"items\": []}", .log = "x\n"},
		  "failed exit 1 again: exit 1: x");
	is_judged("call: ask, retry: {max: 3, when: [transient]}", (struct end){EXITED(1), .out = TELLS("transient")},
		  "failed exit 1 again: no luck");
	is_judged("call: ask, retry: {max: 3, when: [transient]}", (struct end){EXITED(75)}, "failed exit 75 again: exit 75");
	is_judged("call: ask, retry: {max: 3, when: [transient]}", (struct end){EXITED(1)}, "failed exit 1: exit 1");
	is_judged("call: ask, retry: {max: 3, when: [permanent]}", (struct end){EXITED(1), .out = TELLS("permanent")},
		  "failed exit 1 again: no luck");
	is_judged("call: ask, retry: {max: 3, not_when: [transient]}", (struct end){EXITED(75)}, "failed exit 75: exit 75");
	/* only a callable speaks so */
	is_judged("retry: 3, provides: {v: {stdout: true}}", (struct end){EXITED(1), .out = TELLS("permanent")},
		  "failed exit 1 again: exit 1");
}

static void rules_say_after_what(void **state)
{
	static const struct {
		const char *rule;
		struct end e;
		bool again;
	} cases[] = {
		{"timeout", {.end = END_TIMED_OUT, .status = SIGTERM}, true},
		{"timeout", {EXITED(1)}, false},
		{"signal", {.end = END_EXITED, .status = SIGSEGV}, true},
		{"signal", {.end = END_TIMED_OUT, .status = SIGTERM}, false},
		{"signal", {EXITED(1)}, false},
		{"\"signal:SEGV\"", {.end = END_EXITED, .status = SIGSEGV}, true},
		{"\"signal:TERM\"", {.end = END_EXITED, .status = SIGSEGV}, false},
		{"\"exit:75\"", {EXITED(75)}, true},
		{"\"exit:75\"", {EXITED(1)}, false},
		{"not_started", {.end = END_NOT_STARTED, .error = ENOENT, .stage = "exec"}, true},
		{"not_started", {EXITED(1)}, false},
		{"any", {EXITED(1)}, true},
		{"\"stderr:/reset/\"", {EXITED(1), .log = "connection reset\n"}, true},
		{"\"stderr:/reset/\"", {EXITED(1), .log = "no route\n"}, false},
		{"\"stdout:/busy/\"", {EXITED(1), .out = "busy\n", .log = "x"}, true},
		{"\"stdout:/busy/\"", {EXITED(1), .out = "x", .log = "busy\n"}, false},
		{"\"stdout:/busy/\"", {EXITED(1), .log = "busy\n"}, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases) * 2; i++) {
		const struct end *e = &cases[i / 2].e;
		bool not_when = i % 2, again = cases[i / 2].again != not_when;
		char keys[100];
		struct step_case c;
		struct verdict v;
		struct attempt a = {0};
		const struct attempt_ended ended = {.end = e->end, .status = e->status, .error = e->error,
						    .stage = e->stage};

		snprintf(keys, sizeof(keys), "retry: {max: 2, %s: [%s]}", not_when ? "not_when" : "when",
			 cases[i / 2].rule);
		c = step_case_new(keys);
		a.log = step_case_file(&c, "log", e->log, e->log ? strlen(e->log) : 0);
		a.out = e->out ? step_case_file(&c, "out", e->out, strlen(e->out)) : NULL;
		judge_attempt(c.step, &ended, &a, c.dir, &v);
		if (v.again != again)
			fail_msg("%s: again is %d", keys, v.again);
		verdict_release(&v);
		free(a.log);
		free(a.out);
		step_case_release(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zero_is_a_success_and_anything_else_a_failure),
		cmocka_unit_test(ok_exit_and_skip_exit_say_what_codes_mean),
		cmocka_unit_test(a_signal_is_named),
		cmocka_unit_test(fail_if_finds_failures_that_exit_well),
		cmocka_unit_test(fail_if_looks_at_all_of_the_output),
		cmocka_unit_test(no_window_cuts_a_match),
		cmocka_unit_test(a_promise_that_is_not_kept_is_a_failure),
		cmocka_unit_test(what_is_not_known_is_no_success),
		cmocka_unit_test(the_step_says_itself_what_went_wrong),
		cmocka_unit_test(the_text_is_one_short_line_of_utf8),
		cmocka_unit_test(ten_megabytes_of_log_are_seen_from_their_end),
		cmocka_unit_test(every_other_end_has_its_state_and_its_text),
		cmocka_unit_test(what_is_not_so_when_time_is_up_did_not_come_true),
		cmocka_unit_test(without_rules_every_failure_is_tried_again),
		cmocka_unit_test(a_callable_says_whether_it_would_fail_again),
		cmocka_unit_test(rules_say_after_what),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
