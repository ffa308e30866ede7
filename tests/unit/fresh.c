/* The decision whether a step has something to do, and the text that the ledger keeps of a success. */
#include "base/bug.h"
#include "check.h"
#include "run/fresh.h"

static const struct fresh_mark MARK = {0x1, 0xffffffffffffffff, 0, 0xabc};

/* A step that was made from MARK and still is. */
static struct fresh_facts same(enum fresh_kind kind)
{
	return (struct fresh_facts){
		.rule = {.kind = kind, .ttl_ms = 1000}, .then = {.known = true, .mark = MARK, .wall_ms = 5000}, .now = MARK,
		.looked = true, .now_wall_ms = 5500, .newest_input = {"in", 10}, .oldest_output = {"out", 10},
	};
}

static void says(const struct fresh_facts *f, const char *want)
{
	static const char *const answer[] = {"run", "done", "look"};
	struct fresh_verdict v = fresh_judge(f);
	char *got = xasprintf("%s %s%s%s", answer[v.answer], reason_word(v.why), v.cause ? " " : "",
			      v.cause ? v.cause : "");

	CHECK_STR(got, want);
	free(got);
}

static void what_is_as_it_was_is_fresh_by_every_rule(void **state)
{
	static const enum fresh_kind kinds[] = {FRESH_HASH, FRESH_MTIME, FRESH_TTL, FRESH_ONCE};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct fresh_facts f = same(kinds[i]);

		says(&f, "done fresh");
	}
}

static void what_runs_by_whatever_rule(void **state)
{
	static const enum fresh_kind kinds[] = {FRESH_HASH, FRESH_MTIME, FRESH_TTL, FRESH_ONCE};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct fresh_facts f = same(kinds[i]);

		f.now.values++;
		says(&f, "run value-changed");
		f.now.command++;
		says(&f, "run command-changed");
		f.then.known = false;
		f.then.moved = "in";
		says(&f, "run input-moved in");
		f.then.moved = NULL;
		f.then.begun = true;
		says(&f, "run no-success");
		f.missing = "out";
		says(&f, "run output-missing out");
		f.what_if = "x";
		says(&f, "run what-if x");
		f.always = true;
		says(&f, "run always-make");
	}
}

static void contents_are_asked_for_only_where_they_decide(void **state)
{
	struct fresh_facts f = same(FRESH_HASH);

	(void)state;
	f.looked = false;
	says(&f, "look none");
	f.then.known = false;
	says(&f, "run no-record");
}

static void a_content_that_is_another_is_named_where_it_is_known(void **state)
{
	struct fresh_facts f = same(FRESH_HASH);

	(void)state;
	f.now.outputs++;
	says(&f, "run output-list");
	f.changed_output = "out";
	says(&f, "run output-changed out");
	f.now.inputs++;
	says(&f, "run input-list");
	f.changed_input = "in";
	says(&f, "run input-changed in");
}

static void by_time_newer_is_more_than_as_old(void **state)
{
	struct fresh_facts f = same(FRESH_MTIME);

	(void)state;
	f.newest_input.mtime_ns = 11;
	says(&f, "run input-newer in");
	f.newest_input.mtime_ns = 10;
	f.then.known = false;
	says(&f, "done fresh");
	f.newest_input.name = NULL; /* it has none */
	says(&f, "done fresh");
}

static void by_time_without_outputs_the_last_success_is_what_counts(void **state)
{
	struct fresh_facts f = same(FRESH_MTIME);

	(void)state;
	f.oldest_output.name = NULL;
	f.newest_input.mtime_ns = (int64_t)5000 * 1000000;
	says(&f, "done fresh");
	f.newest_input.mtime_ns++;
	says(&f, "run input-newer in");
	f.then.known = false;
	says(&f, "run no-record");
}

static void a_success_is_fresh_for_less_than_its_time(void **state)
{
	struct fresh_facts f = same(FRESH_TTL);

	(void)state;
	f.now_wall_ms = 5999;
	says(&f, "done fresh");
	f.now_wall_ms = 6000;
	says(&f, "run ttl-over");
	f.now_wall_ms = 5000; /* this very moment */
	says(&f, "done fresh");
	f.now_wall_ms = 4999; /* the clock was set back */
	says(&f, "run ttl-over");
	f.then.known = false;
	says(&f, "run no-record");
}

static void never_runs_only_by_force_and_always_always(void **state)
{
	struct fresh_facts f = same(FRESH_NEVER);

	(void)state;
	f.missing = "out";
	says(&f, "done never");
	f.what_if = "x";
	says(&f, "run what-if x");
	f = same(FRESH_ALWAYS);
	says(&f, "run none");
}

static void reads(const char *text, bool known, bool begun, const char *moved)
{
	struct fresh_record r;

	fresh_record_parse(&r, text, 7);
	CHECK_INT(r.known, known);
	CHECK_INT(r.begun, begun);
	CHECK_INT(r.wall_ms, 7);
	if (moved)
		CHECK_STR(r.moved, moved);
	else
		CHECK(!r.moved);
}

static void a_record_is_read_as_it_was_written(void **state)
{
	struct buf text = BUF_INIT;
	struct fresh_record r;

	(void)state;
	fresh_mark_format(&text, &MARK);
	CHECK_STR(text.data, "1 0000000000000001 ffffffffffffffff 0000000000000000 0000000000000abc");
	reads(text.data, true, false, NULL);
	fresh_record_parse(&r, text.data, 0);
	assert_memory_equal(&r.mark, &MARK, sizeof(MARK));
	fresh_record_parse(&r, "1 0123456789abcdef 0000000000000002 0000000000000003 0000000000000004", 0);
	CHECK(r.known);
	CHECK(r.mark.command == 0x0123456789abcdef);
	buf_reset(&text);
	fresh_moved_format(&text, "a b/c");
	reads(text.data, true, false, "a b/c");
	reads(fresh_begun, false, true, NULL);
	buf_release(&text);
}

static void a_record_of_another_version_is_none(void **state)
{
	static const char *const odd[] = {"", "1", "1 ", "2 1 2 3 4", "1 1 2 3", "1 1 2 3 4 5", "1 x", "begun", "moved",
		"2 0000000000000001 0000000000000002 0000000000000003 0000000000000004", "1 0000000000000001 x", "1 0000000000000001 0000000000000002 x",
		"1 0000000000000001 0000000000000002 0000000000000003 x",
		"1 0000000000000001 0000000000000002 0000000000000003 0000000000000004x",
		"1 0000000000000001 0000000000000002 0000000000000003 0000000000000004 ",
		"1 0000000000000001 0000000000000002 0000000000000003 00000000000000040",
		"1 00000000000000010 0000000000000002 0000000000000003 0000000000000004",
		"1 0000000000000001000000000000000200000000000000030000000000000004",
		"1 000000000000000g 0000000000000002 0000000000000003 0000000000000004",
		"1 000000000000000: 0000000000000002 0000000000000003 0000000000000004",
		"1 000000000000000` 0000000000000002 0000000000000003 0000000000000004",
		"1 000000000000000/ 0000000000000002 0000000000000003 0000000000000004"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(odd); i++)
		reads(odd[i], false, false, NULL);
}

static void once_is_once_somebody_has_seen_it(void **state)
{
	struct fresh_facts f = same(FRESH_ONCE);

	(void)state;
	f.then.known = false;
	says(&f, "run no-record");
}

static void the_probe_alone_decides_but_for_a_missing_output(void **state)
{
	struct fresh_facts f = same(FRESH_PROBE);

	(void)state;
	f.then.begun = true;
	f.now.command++;
	says(&f, "look none");
	f.probe = PROBE_DONE;
	says(&f, "done probe-done");
	f.probe = PROBE_TODO;
	f.probe_end = "exit 3";
	says(&f, "run probe-todo exit 3");
	f.probe = PROBE_SILENT;
	f.missing = "out";
	says(&f, "run output-missing out");
	f.always = true;
	says(&f, "run always-make");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_as_it_was_is_fresh_by_every_rule),
		cmocka_unit_test(what_runs_by_whatever_rule),
		cmocka_unit_test(once_is_once_somebody_has_seen_it),
		cmocka_unit_test(the_probe_alone_decides_but_for_a_missing_output),
		cmocka_unit_test(contents_are_asked_for_only_where_they_decide),
		cmocka_unit_test(a_content_that_is_another_is_named_where_it_is_known),
		cmocka_unit_test(by_time_newer_is_more_than_as_old),
		cmocka_unit_test(by_time_without_outputs_the_last_success_is_what_counts),
		cmocka_unit_test(a_success_is_fresh_for_less_than_its_time),
		cmocka_unit_test(never_runs_only_by_force_and_always_always),
		cmocka_unit_test(a_record_is_read_as_it_was_written),
		cmocka_unit_test(a_record_of_another_version_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
