/* What of a plan has moved: two documents in, sentences out. */
#include <jansson.h>

#include "base/buf.h"
#include "doc/json.h"
#include "report/changes.h"
#include "report/moved.h"
#include "check.h"

static json_t *doc_of(const char *text)
{
	struct buf err = BUF_INIT;
	json_t *doc = json_parse(text, strlen(text), &err);

	if (!doc)
		fail_msg("%s: %s", text, err.data);
	return doc;
}

static void add(void *ctx, const char *what, const char *text)
{
	struct buf *b = ctx;

	buf_addf(b, "%s%s: %s", b->len ? "\n" : "", what, text);
}

static void check_moved(const char *was, const char *is, const char *want)
{
	json_t *a = doc_of(was), *b = doc_of(is);
	struct buf got = BUF_INIT;

	CHECK_INT(moved_list(a, b, add, &got), *want != 0);
	CHECK_STR(got.data, want);
	json_decref(a);
	json_decref(b);
	buf_release(&got);
}

static void nothing_has_moved(void **state)
{
	(void)state;
	check_moved("{}", "{}", "");
	check_moved("{\"plan\":1,\"steps\":{\"a\":{\"would\":\"run\"}}}", "{\"steps\":{\"a\":{\"would\":\"run\"}},\"plan\":1}", "");
}

static void what_only_explains_does_not_count(void **state)
{
	(void)state;
	check_moved("{\"hash\":\"x\",\"sources\":{\"J\":\"1\"},\"difference\":{},\"order\":[]}",
		    "{\"hash\":\"y\",\"sources\":{\"J\":\"2\"},\"difference\":{\"added\":[1]},\"order\":[\"a\"]}", "");
}

static void what_is_not_known_here_is_told_all_the_same(void **state)
{
	(void)state;
	check_moved("{\"later_field\":1}", "{\"later_field\":2}", "plan: 'later_field' of the plan is 2, and was 1");
	check_moved("{\"values\":{\"mood\":{\"a\":1}}}", "{\"values\":{\"mood\":{\"a\":2}}}",
		    "plan: 'values' of the plan is another one");
	check_moved("{\"steps\":{\"a\":{\"mood\":1}}}", "{\"steps\":{\"a\":{\"mood\":2}}}", "step: 'mood' of 'a' is 2, and was 1");
	check_moved("{\"steps\":{\"a\":{}}}", "{\"steps\":{\"a\":{\"inputs\":{}}}}", "step: 'a' is another one");
	check_moved("{\"steps\":{\"a\":1}}", "{\"steps\":{\"a\":2}}", "step: 'a' is another one");
	check_moved("{\"steps\":1}", "{}", "plan: 'steps' of the plan is another one");
}

static void parameters_and_variables(void **state)
{
	(void)state;
	check_moved("{\"values\":{\"param\":{\"n\":{\"from\":\"default\",\"value\":3}}}}",
		    "{\"values\":{\"param\":{\"n\":{\"from\":\"default\",\"value\":4}}}}", "parameter: parameter 'n' is 4, and was 3");
	check_moved("{\"values\":{\"param\":{\"n\":{\"from\":\"default\",\"value\":3}}}}",
		    "{\"values\":{\"param\":{\"n\":{\"from\":\"$N\",\"value\":3}}}}",
		    "parameter: parameter 'n' comes from '$N', and came from 'default'");
	check_moved("{\"values\":{\"var\":{\"v\":{\"from\":\"J\",\"value\":\"a\"}}}}", "{\"values\":{\"var\":{}}}",
		    "variable: variable 'v' is not there, and was \"a\"");
	check_moved("{\"values\":{\"secret\":{\"s\":{\"from\":\"$A\"}}}}", "{\"values\":{\"secret\":{\"s\":{\"from\":\"$B\"}}}}",
		    "secret: secret 's' comes from '$B', and came from '$A'");
	check_moved("{\"params\":{\"job\":{\"n\":1}}}", "{\"params\":{\"job\":{\"n\":2}}}",
		    "parameter: parameter 'n' of 'job' is 2, and was 1");
}

static void files(void **state)
{
	(void)state;
	check_moved("{\"dotenv\":{\".env\":\"aa\"}}", "{\"dotenv\":{\".env\":null}}", "dotenv: dotenv file '.env' is gone");
	check_moved("{\"steps\":{\"a\":{\"inputs\":{\"x\":\"1\",\"y\":\"1\",\"z\":\"1\"}}}}",
		    "{\"steps\":{\"a\":{\"inputs\":{\"x\":\"2\",\"w\":\"1\",\"z\":{\"by\":\"b\"}}}}}",
		    "input: input 'x' of 'a' has another content\n"
		    "input: input 'y' of 'a' is gone\n"
		    "input: input 'z' of 'a' is made by 'b' first\n"
		    "input: input 'w' of 'a' is new");
}

static void what_many_steps_have_in_common_is_said_once(void **state)
{
	(void)state;
	check_moved("{\"steps\":{\"a\":{\"do\":{\"env\":{\"E\":\"1\"}},\"inputs\":{\"f\":\"1\"}},"
		    "\"b\":{\"do\":{\"env\":{\"E\":\"1\"}},\"inputs\":{\"f\":\"1\"}}}}",
		    "{\"steps\":{\"a\":{\"do\":{\"env\":{\"E\":\"2\"}},\"inputs\":{\"f\":\"2\"}},"
		    "\"b\":{\"do\":{\"env\":{\"E\":\"2\"}},\"inputs\":{\"f\":\"2\"}}}}",
		    "environment: environment variable 'E' is \"2\", and was \"1\" (of 'a')\n"
		    "input: input 'f' of 'a' has another content");
}

static void commands_and_conditions(void **state)
{
	(void)state;
	check_moved("{\"steps\":{\"a\":{\"do\":{\"argv\":[\"x\"]},\"conditions\":{\"when\":{\"env.E\":true}}}}}",
		    "{\"steps\":{\"a\":{\"do\":{\"argv\":[\"y\"]},\"conditions\":{\"when\":{\"env.E\":null}}}}}",
		    "command: 'argv' of 'a' is [\"y\"], and was [\"x\"]\n"
		    "condition: condition `env.E` of 'a' is null, and was true");
	check_moved("{\"steps\":{\"a\":{\"do\":{\"cwd\":{\"later\":\"${{ x }}\"}}}}}", "{\"steps\":{\"a\":{\"do\":{\"cwd\":\"d\"}}}}",
		    "command: 'cwd' of 'a' is \"d\", and was known only when it runs");
}

static void long_values_are_cut(void **state)
{
	char was[600], want[600], text[400];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	snprintf(was, sizeof(was), "{\"given\":\"%s\"}", text);
	snprintf(want, sizeof(want), "plan: 'given' of the plan is 1, and was \"%.119s...", text);
	check_moved(was, "{\"given\":1}", want);
}

static void steps_and_what_they_would_do(void **state)
{
	(void)state;
	check_moved("{\"steps\":{\"a\":{\"would\":\"run\",\"why\":\"w\",\"inputs\":{\"f\":\"1\"},\"last\":null}}}",
		    "{\"steps\":{\"a\":{\"would\":\"nothing\",\"why\":\"nothing changed\",\"record\":\"r\"}}}",
		    "step: 'a' has nothing to do now, because nothing changed; in the plan it would run");
	check_moved("{\"steps\":{\"a\":{\"would\":\"maybe\",\"why\":\"v\"}}}", "{\"steps\":{\"a\":{\"would\":\"left out\",\"why\":\"\"}}}",
		    "step: 'a' is left out now; in the plan it would run if what it reads changes");
	check_moved("{\"steps\":{\"a\":{\"would\":\"run\",\"why\":\"v\"}}}", "{\"steps\":{\"a\":{\"would\":\"run\",\"why\":\"w\"}}}",
		    "step: 'a' would run for another reason: 'w', and it was 'v'");
	check_moved("{\"steps\":{\"a\":{\"key\":\"a#1\"},\"b\":{}}}", "{\"steps\":{\"a\":{\"key\":\"a#2\"},\"c\":{}}}",
		    "parameter: 'a' has other parameters\nstep: 'b' is gone\nstep: 'c' is new");
}

static void the_ledger(void **state)
{
	(void)state;
	check_moved("{\"ledger\":{\"last\":null,\"success\":null}}",
		    "{\"ledger\":{\"last\":{\"id\":\"R1\",\"state\":\"succeeded\"},\"success\":{\"id\":\"R1\"}}}",
		    "ledger: run R1 has been made since (succeeded)");
	check_moved("{\"ledger\":{\"last\":{\"id\":\"R1\",\"state\":\"running\"}}}", "{\"ledger\":{\"last\":{\"id\":\"R1\",\"state\":\"failed\"}}}",
		    "ledger: run R1 is failed, and was running");
	check_moved("{\"ledger\":{\"last\":{\"id\":\"R1\"}}}", "{\"ledger\":{\"last\":null}}",
		    "ledger: run R1 is no longer in the ledger");
	check_moved("{\"ledger\":{\"success\":{\"id\":\"R1\"}}}", "{\"ledger\":{\"success\":{\"id\":\"R2\"}}}",
		    "ledger: the last run that succeeded is another one");
	check_moved("{\"ledger\":{\"resumes\":\"R1\"}}", "{\"ledger\":{\"resumes\":\"R2\"}}",
		    "ledger: the run that is gone on with is \"R2\", and was \"R1\"");
	check_moved("{\"steps\":{\"a\":{\"last\":null}}}", "{\"steps\":{\"a\":{\"last\":{\"run\":\"R1\",\"state\":\"failed\"}}}}",
		    "ledger: 'a' has been tried since, in run R1 (failed)");
	check_moved("{\"steps\":{\"a\":{\"last\":{\"run\":\"R1\",\"state\":\"failed\"}}}}", "{\"steps\":{\"a\":{\"last\":null}}}",
		    "ledger: the last run of 'a' is no longer in the ledger");
	check_moved("{\"steps\":{\"a\":{\"record\":\"1\"}}}", "{\"steps\":{\"a\":{\"record\":\"2\"}}}",
		    "ledger: the last success of 'a' is another one");
	check_moved("{\"steps\":{\"a\":{\"answer\":{\"by\":\"x\"}}}}", "{\"steps\":{\"a\":{}}}",
		    "approval: 'answer' of 'a' is not there, and was {\"by\":\"x\"}");
}

/* --- definitions ---------------------------------------------------------------------------------------------- */

static void add_change(void *ctx, enum change_kind kind, const char *part, const char *what)
{
	static const char *const sign[] = {"~", "+", "-"};
	struct buf *b = ctx;

	buf_addf(b, "%s%s%s:%s", b->len ? " " : "", sign[kind], part, what ? what : "");
}

static void check_changes(const char *was, const char *is, const char *want)
{
	json_t *a = doc_of(was), *b = doc_of(is);
	struct buf got = BUF_INIT;

	changes_of_definition(a, b, add_change, &got);
	CHECK_STR(got.data, want);
	json_decref(a);
	json_decref(b);
	buf_release(&got);
}

static void changes_of_lists_of_steps(void **state)
{
	(void)state;
	check_changes("{\"jobs\":{\"j\":{\"steps\":[{\"id\":\"a\",\"run\":\"x\"},{\"id\":\"b\",\"run\":\"y\"}]}}}",
		      "{\"jobs\":{\"j\":{\"steps\":[{\"id\":\"a\",\"run\":\"z\",\"timeout\":\"1s\"},{\"id\":\"b\",\"run\":\"y\"}]}}}",
		      "~j/a:run ~j/a:timeout");
	check_changes("{\"jobs\":{\"j\":{\"steps\":[{\"id\":\"a\"},{\"id\":\"b\"}]}}}",
		      "{\"jobs\":{\"j\":{\"steps\":[{\"id\":\"b\"},{\"id\":\"a\"}]}}}", "~j:steps");
}

static void changes_of_maps_of_steps_jobs_and_the_file(void **state)
{
	(void)state;
	check_changes("{\"jobs\":{\"j\":{\"steps\":{\"a\":{\"run\":\"x\"}}}}}", "{\"jobs\":{\"j\":{\"steps\":{\"b\":{\"run\":\"x\"}}}}}",
		      "-j/a: +j/b:");
	check_changes("{\"pools\":{\"n\":1},\"jobs\":{\"j\":{\"run\":\"x\"}}}", "{\"jobs\":{\"k\":{\"run\":\"x\"}}}",
		      "~:pools -j: +k:");
	check_changes("{\"jobs\":{\"j\":{\"run\":\"x\",\"env\":{\"A\":\"1\"}}}}", "{\"jobs\":{\"j\":{\"env\":{\"A\":\"1\"},\"run\":\"x\"}}}", "");
	check_changes("1", "{\"jobs\":[1]}", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_has_moved),
		cmocka_unit_test(what_only_explains_does_not_count),
		cmocka_unit_test(what_is_not_known_here_is_told_all_the_same),
		cmocka_unit_test(parameters_and_variables),
		cmocka_unit_test(files),
		cmocka_unit_test(what_many_steps_have_in_common_is_said_once),
		cmocka_unit_test(commands_and_conditions),
		cmocka_unit_test(long_values_are_cut),
		cmocka_unit_test(steps_and_what_they_would_do),
		cmocka_unit_test(the_ledger),
		cmocka_unit_test(changes_of_lists_of_steps),
		cmocka_unit_test(changes_of_maps_of_steps_jobs_and_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
