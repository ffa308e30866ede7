/* What a step leaves for others, and what it is told if that is not there. */
#include "doc/json.h"
#include "engine/outputs.h"
#include "step_case.h"

struct left {
	const char *out, *output, *file; /* contents; NULL: no such file */
	size_t out_len, output_len;      /* 0: strlen */
};

/* The result as JSON, or `why`. */
static void leaves(const char *keys, struct left l, const char *want)
{
	struct step_case c = step_case_new(keys);
	char *out = step_case_file(&c, "out", l.out, l.out ? l.out_len ? l.out_len : strlen(l.out) : 0);
	char *output = step_case_file(&c, "output", l.output,
				      l.output ? l.output_len ? l.output_len : strlen(l.output) : 0);
	char *file = step_case_file(&c, "file", l.file, l.file ? strlen(l.file) : 0);
	struct buf why = BUF_INIT, got = BUF_INIT;
	json_t *v = NULL;
	bool good = outputs_collect(c.step, out, output, c.dir, &v, &why);

	CHECK_INT(good, !why.len);
	CHECK(good || !v);
	if (good)
		json_text(&got, v ? v : json_null(), JSON_TIGHT);
	else
		buf_puts(&got, why.data);
	CHECK_STR(got.data, want);
	json_decref(v);
	buf_release(&why);
	buf_release(&got);
	free(out);
	free(output);
	free(file);
	step_case_release(&c);
}

#define OUT(...) "provides: {v: {" __VA_ARGS__ "}}"

static void a_step_that_promises_nothing_leaves_nothing(void **state)
{
	(void)state;
	leaves("", (struct left){.out = "x", .output = "a=b\n"}, "null");
}

static void lines_of_the_output_file_are_values(void **state)
{
	(void)state;
	leaves("provides: [a, b]", (struct left){.output = "a=1\n\nb=x=y \r\n"}, "{\"a\":\"1\",\"b\":\"x=y \"}");
	leaves("provides: [a]", (struct left){.output = "a=1\na=2"}, "{\"a\":\"2\"}");
	leaves("provides: [a]", (struct left){.output = "a=\n"}, "{\"a\":\"\"}");
	leaves("provides: [a]", (struct left){.output = "b=1\n"},
	       "it promises 'a' but wrote no line a=... to $ORCHMAKE_OUTPUT");
	leaves("provides: [a]", (struct left){0}, "it promises 'a' but wrote no line a=... to $ORCHMAKE_OUTPUT");
	leaves("provides: [a]", (struct left){.output = "hello\n"},
	       "$ORCHMAKE_OUTPUT: 'hello' is not name=value");
	leaves("provides: [a]", (struct left){.output = "a=\0b", .output_len = 4},
	       "$ORCHMAKE_OUTPUT holds a NUL character");
}

static void a_heredoc_is_a_value_of_several_lines(void **state)
{
	(void)state;
	leaves("provides: [a, b]", (struct left){.output = "a<<EOF\none=1\r\n\n two<<x\nEOF\nb=2\n"},
	       "{\"a\":\"one=1\\n\\n two<<x\",\"b\":\"2\"}");
	leaves("provides: [a]", (struct left){.output = "a<<EOF\nEOF"}, "{\"a\":\"\"}");
	leaves("provides: [a]", (struct left){.output = "a=x<<EOF\n"}, "{\"a\":\"x<<EOF\"}");
	leaves("provides: [a]", (struct left){.output = "a<<EOF\none\nEOF x\n"},
	       "$ORCHMAKE_OUTPUT: 'a<<EOF' is not closed");
}

static void stdout_is_a_value_without_its_last_line_ends(void **state)
{
	(void)state;
	leaves(OUT("stdout: true"), (struct left){.out = " a\nb \r\n\n"}, "{\"v\":\" a\\nb \"}");
	leaves(OUT("stdout: true"), (struct left){.out = ""}, "{\"v\":\"\"}");
	leaves(OUT("stdout: true"), (struct left){0}, "cannot read its output: No such file or directory");
	leaves(OUT("stdout: true"), (struct left){.out = "a\0b", .out_len = 3}, "'v' holds a NUL character");
	leaves(OUT("stdout: true"), (struct left){.out = "\xff\xfe"}, "'v' is not valid UTF-8");
	/* and does not change for the next who looks */
	leaves("provides: {t: {stdout: true}, j: {json: .a}}", (struct left){.out = "{\"a\": 1}\n"},
	       "{\"t\":\"{\\\"a\\\": 1}\",\"j\":1}");
}

static void a_line_is_counted_from_either_end(void **state)
{
	(void)state;
	leaves(OUT("line: 1"), (struct left){.out = "  one\ntwo\nthree\n\n"}, "{\"v\":\"  one\"}");
	leaves(OUT("line: 2"), (struct left){.out = "\ntwo\r\nthree\n"}, "{\"v\":\"two\"}");
	leaves(OUT("line: -1"), (struct left){.out = "one\nthree\n"}, "{\"v\":\"three\"}");
	leaves(OUT("line: -2"), (struct left){.out = "one\nthree\n"}, "{\"v\":\"one\"}");
	leaves(OUT("line: 3"), (struct left){.out = "one\ntwo\n"}, "it promises 'v' but its output has no line 3");
	leaves(OUT("line: -3"), (struct left){.out = "one\ntwo\n"}, "it promises 'v' but its output has no line -3");
	leaves(OUT("line: 1"), (struct left){.out = "\n"}, "it promises 'v' but its output has no line 1");
}

static void a_pattern_gives_the_first_group_of_its_last_match(void **state)
{
	(void)state;
	leaves(OUT("regex: \"/rows=([0-9]+)/\", type: int"), (struct left){.out = "rows=1\nrows=22\n"}, "{\"v\":22}");
	leaves(OUT("regex: \"/rows=([0-9]+)/\""), (struct left){.out = "none\n"},
	       "it promises 'v' but its output does not match /rows=([0-9]+)/");
	leaves(OUT("regex: \"/.+/s\""), (struct left){.out = "a\0b", .out_len = 3}, "'v' holds a NUL character");
}

static void a_file_gives_its_text(void **state)
{
	(void)state;
	leaves(OUT("file: file"), (struct left){.file = "text\n"}, "{\"v\":\"text\"}");
	leaves(OUT("file: nofile"), (struct left){0},
	       "it promises 'v' from the file 'nofile': No such file or directory");
	leaves(OUT("file: ."), (struct left){0}, "it promises 'v' from the file '.': Is a directory");
}

static void a_fifo_is_no_file_to_wait_for(void **state)
{
	struct step_case c = step_case_new(OUT("file: file"));
	char *path = path_join(c.dir, "file");
	struct buf why = BUF_INIT;
	json_t *v;

	(void)state;
	CHECK(!mkfifo(path, 0600));
	CHECK(!outputs_collect(c.step, path, NULL, c.dir, &v, &why));
	CHECK_STR(why.data, "it promises 'v' from the file 'file': Invalid argument");
	buf_release(&why);
	free(path);
	step_case_release(&c);
}

static void a_json_path_keeps_the_type_or_has_the_one_that_is_wanted(void **state)
{
	static const char doc[] = "{\"a\": {\"b\": [10, \"x\", {\"c\": true}]}, \"n\": null}\n";

	(void)state;
	leaves(OUT("json: \".a.b[0]\""), (struct left){.out = doc}, "{\"v\":10}");
	leaves(OUT("json: \".a.b[-1].c\""), (struct left){.out = doc}, "{\"v\":true}");
	leaves(OUT("json: \".a.b.[1]\""), (struct left){.out = doc}, "{\"v\":\"x\"}");
	leaves(OUT("json: .n"), (struct left){.out = doc}, "{\"v\":null}");
	leaves(OUT("json: ., type: json"), (struct left){.out = "[1]"}, "{\"v\":[1]}");
	leaves(OUT("json: \".a.b[0]\", type: text"), (struct left){.out = doc}, "{\"v\":\"10\"}");
	leaves(OUT("json: \".a.b[0]\", type: float"), (struct left){.out = doc}, "{\"v\":10.0}");
	leaves(OUT("json: \".a.b[1]\", type: int"), (struct left){.out = doc}, "'v' is to be a whole number: \"x\"");
	leaves(OUT("json: .n, type: bool"), (struct left){.out = doc}, "'v' is to be true or false: \"\"");
	leaves(OUT("json: .x.y"), (struct left){.out = doc}, "there is nothing at .x.y in its output");
	leaves(OUT("json: \".a.b[]\""), (struct left){.out = doc}, "there is nothing at .a.b[] in its output");
	leaves(OUT("json: \".a.b[3]\""), (struct left){.out = doc}, "there is nothing at .a.b[3] in its output");
	leaves(OUT("json: \".a.b[-4]\""), (struct left){.out = doc}, "there is nothing at .a.b[-4] in its output");
	leaves(OUT("json: .a"), (struct left){.out = "oops"},
	       "it promises 'v' but what it wrote is not JSON: 1:1: unknown word 'oops' (text needs double quotes)");
}

static void values_have_their_type_or_the_step_has_failed(void **state)
{
	(void)state;
	leaves(OUT("stdout: true, type: int"), (struct left){.out = "-12\n"}, "{\"v\":-12}");
	leaves(OUT("stdout: true, type: int"), (struct left){.out = "12 apples\n"},
	       "'v' is to be a whole number: \"12 apples\"");
	leaves(OUT("stdout: true, type: int"), (struct left){.out = "99999999999999999999\n"},
	       "'v' is to be a whole number: \"99999999999999999999\"");
	leaves(OUT("stdout: true, type: float"), (struct left){.out = "1.5e3\n"}, "{\"v\":1500.0}");
	leaves(OUT("stdout: true, type: float"), (struct left){.out = "inf\n"}, "'v' is to be a number: \"inf\"");
	leaves(OUT("stdout: true, type: float"), (struct left){.out = "nan\n"}, "'v' is to be a number: \"nan\"");
	leaves(OUT("stdout: true, type: bool"), (struct left){.out = "true\n"}, "{\"v\":true}");
	leaves(OUT("stdout: true, type: bool"), (struct left){.out = "yes\n"}, "'v' is to be true or false: \"yes\"");
	leaves(OUT("stdout: true, type: json"), (struct left){.out = "{\"a\": []}\n"}, "{\"v\":{\"a\":[]}}");
}

#define WHOLE ",\"stats\":{},\"schema_version\":\"1.0\"}"

static void a_callable_answers_with_a_map(void **state)
{
	(void)state;
	leaves("call: ask", (struct left){.out = "{\"items\": [1], \"diff\": \"d\"}\n"}, "{\"items\":[1],\"diff\":\"d\"" WHOLE);
	leaves("call: ask, provides: {n: {json: \".items[0]\"}}", (struct left){.out = "{\"items\": [1]}\n"},
	       "{\"items\":[1],\"stats\":{},\"schema_version\":\"1.0\",\"n\":1}");
	leaves("call: ask", (struct left){.out = "[1]"}, "callable 'ask' did not answer with a JSON map");
	leaves("call: ask", (struct left){.out = ""},
	       "callable 'ask' did not answer with a JSON map: 1:1: a value is missing: the text ends here");
	leaves("call: ask", (struct left){0}, "cannot read its output: No such file or directory");
}

static void an_answer_has_exactly_one_of_items_and_items_ref(void **state)
{
	static const char neither[] = "callable 'ask': its answer has neither items nor items_ref (an empty list is `\"items\": []`)";

	(void)state;
	leaves("call: ask", (struct left){.out = "{\"items\": [], \"items_ref\": \"x\"}"},
	       "callable 'ask': it answered with both items and items_ref");
	leaves("call: ask", (struct left){.out = "{\"items\": [], \"items_ref\": null, \"stats\": null}"}, "{\"items\":[]" WHOLE);
	leaves("call: ask", (struct left){.out = "{\"items\": null}"}, neither);
	leaves("call: ask", (struct left){.out = "{}"}, neither);
	leaves("call: ask", (struct left){.out = "{\"stats\": {}}"}, neither);
	leaves("call: log.dump", (struct left){.out = "{\"items_count\": 2}"}, "{\"items_count\":2}");
}

static void the_parts_of_an_answer_are_of_their_kind(void **state)
{
	(void)state;
	leaves("call: ask", (struct left){.out = "{\"items\": \"notalist\"}"}, "callable 'ask': its items have to be a list");
	leaves("call: ask", (struct left){.out = "{\"items\": [], \"stats\": []}"}, "callable 'ask': its stats have to be a map");
	leaves("call: ask", (struct left){.out = "{\"items\": [], \"schema_version\": \"2.0\"}"},
	       "callable 'ask': its schema_version is \"2.0\", and only \"1.0\" is known");
	leaves("call: ask", (struct left){.out = "{\"items\": [], \"schema_version\": 1.0}"},
	       "callable 'ask': its schema_version is 1.0, and only \"1.0\" is known");
}

/* The file that holds the items is `file` in the base folder. */
static void ref_gives(const char *more, const char *file, const char *want)
{
	char out[200];

	snprintf(out, sizeof(out), "{\"items_ref\": \"file\"%s}", more);
	leaves("call: ask", (struct left){.out = out, .file = file}, want);
}

static void items_ref_names_a_file_that_holds_the_items(void **state)
{
	(void)state;
	ref_gives(", \"items_format\": \"json\"", "[1, {\"a\": 2}]\n",
		  "{\"items_ref\":\"file\",\"items_format\":\"json\",\"stats\":{},\"schema_version\":\"1.0\",\"items\":[1,{\"a\":2}]}");
	ref_gives(", \"content_type\": \"application/x-ndjson; charset=utf-8\"", "1\n\n {\"a\": 2} \r\n",
		  "{\"items_ref\":\"file\",\"content_type\":\"application/x-ndjson; charset=utf-8\",\"stats\":{},"
		  "\"schema_version\":\"1.0\",\"items\":[1,{\"a\":2}]}");
	ref_gives(", \"items_format\": \"jsonl\"", "",
		  "{\"items_ref\":\"file\",\"items_format\":\"jsonl\",\"stats\":{},\"schema_version\":\"1.0\",\"items\":[]}");
	ref_gives(", \"items_format\": \"json\"", "{}", "callable 'ask': its items_ref: file: holds no JSON list (one item a line is the form jsonl)");
	ref_gives(", \"items_format\": \"jsonl\"", "1\n\n[2,]\n", "callable 'ask': its items_ref: file:3:3: a trailing comma, which JSON does not have (remove it)");
	ref_gives("", "[]", "callable 'ask': it is not known how the items lie in its items_ref 'file': let it end in .json or"
			    " .jsonl, or say items_format: json or jsonl");
	ref_gives(", \"items_format\": \"json\"", NULL,
		  "callable 'ask': its items_ref 'file' cannot be read: No such file or directory");
}

static void items_ref_stays_below_the_base_folder(void **state)
{
	(void)state;
	leaves("call: ask", (struct left){.out = "{\"items_ref\": \"/etc/passwd.json\"}"},
	       "callable 'ask': its items_ref '/etc/passwd.json' cannot be read: it leaves the base folder, or a symbolic link is on the way");
	leaves("call: ask", (struct left){.out = "{\"items_ref\": \"../x.json\"}"},
	       "callable 'ask': its items_ref '../x.json' cannot be read: it leaves the base folder, or a symbolic link is on the way");
	leaves("call: ask", (struct left){.out = "{\"items_ref\": \"..json\"}"},
	       "callable 'ask': its items_ref '..json' cannot be read: No such file or directory");
	leaves("call: ask", (struct left){.out = "{\"items_ref\": 3}"}, "callable 'ask': its items_ref has to be the name of a file");
	leaves("call: ask", (struct left){.out = "{\"items_ref\": \".\", \"items_format\": \"json\"}"},
	       "callable 'ask': its items_ref '.' is no plain file");
}

static void many_items_stay_where_they_are(void **state)
{
	enum { SIZE = 17 << 20 };
	struct buf text = BUF_INIT;

	(void)state;
	buf_puts(&text, "[1");
	buf_pad(&text, ' ', SIZE);
	buf_puts(&text, "]");
	ref_gives(", \"items_format\": \"json\"", text.data,
		  "{\"items_ref\":\"file\",\"items_format\":\"json\",\"stats\":{},\"schema_version\":\"1.0\"}");
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_step_that_promises_nothing_leaves_nothing),
		cmocka_unit_test(lines_of_the_output_file_are_values),
		cmocka_unit_test(a_heredoc_is_a_value_of_several_lines),
		cmocka_unit_test(stdout_is_a_value_without_its_last_line_ends),
		cmocka_unit_test(a_line_is_counted_from_either_end),
		cmocka_unit_test(a_pattern_gives_the_first_group_of_its_last_match),
		cmocka_unit_test(a_file_gives_its_text),
		cmocka_unit_test(a_fifo_is_no_file_to_wait_for),
		cmocka_unit_test(a_json_path_keeps_the_type_or_has_the_one_that_is_wanted),
		cmocka_unit_test(values_have_their_type_or_the_step_has_failed),
		cmocka_unit_test(a_callable_answers_with_a_map),
		cmocka_unit_test(an_answer_has_exactly_one_of_items_and_items_ref),
		cmocka_unit_test(the_parts_of_an_answer_are_of_their_kind),
		cmocka_unit_test(items_ref_names_a_file_that_holds_the_items),
		cmocka_unit_test(items_ref_stays_below_the_base_folder),
		cmocka_unit_test(many_items_stay_where_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
