/* Values: what a node with ${{ }} in it means, is worth, and looked like. */
#include "job/expr.h"

#include "check.h"

#include "base/bug.h"
#include "doc/cursor.h"
#include "doc/json.h"

/* --- the world --------------------------------------------------------------------------------------- */

static const char world_text[] = "{\"n\": 3, \"text\": \"x y\", \"list\": [1, \"a\"], \"map\": {\"k\": null}, \"none\": null,"
				 " \"yes\": true, \"evil\": \"${{ params.n }}\", \"evil_key\": {\"${{ params.n }}\": 1}}";

static const json_t *world_get(void *ctx, enum expr_root root, const char *key)
{
	if (root != ROOT_PARAMS)
		return NULL;
	return key[0] ? json_object_get(ctx, key) : ctx;
}

static struct expr_world see = {.get = world_get};

static int open_world(void **state)
{
	struct buf err = BUF_INIT;

	(void)state;
	see.ctx = json_parse(world_text, strlen(world_text), &err);
	CHECK(see.ctx);
	return 0;
}

static int close_world(void **state)
{
	(void)state;
	json_decref(see.ctx);
	return 0;
}

/* --- one value ----------------------------------------------------------------------------------------- */

struct made {
	struct arena *a;
	struct diags *d;
	struct source *s;
	struct value *v;
};

static void make(struct made *m, const char *doc)
{
	struct node *n;

	m->a = arena_new();
	m->d = diags_new();
	m->s = source_from("Jobfile", doc, strlen(doc));
	n = doc_read(m->s, doc_format_of(m->s), m->a, m->d);
	m->v = n ? value_from_node(m->a, n, m->d) : NULL;
	CHECK(!m->v == (diags_errors(m->d) > 0));
}

static void drop(struct made *m)
{
	arena_free(m->a);
	diags_free(m->d);
	source_free(m->s);
}

static void show(struct buf *out, json_t *v, const struct buf *err)
{
	if (v)
		json_text(out, v, JSON_TIGHT);
	else
		buf_addf(out, "! %s", err->data);
	json_decref(v);
}

/* The value as JSON, `! message`, or the diagnostics. */
static void outcome(struct buf *out, const char *doc)
{
	struct buf err = BUF_INIT;
	struct made m;

	make(&m, doc);
	if (m.v)
		show(out, value_eval(m.v, &see, &err), &err);
	else
		diags_format(m.d, out, false);
	buf_release(&err);
	drop(&m);
}

struct line {
	const char *doc, *want;
};

static void check_lines(const struct line *line, size_t n)
{
	struct buf got = BUF_INIT;
	size_t bad = 0;

	for (size_t i = 0; i < n; i++) {
		buf_reset(&got);
		outcome(&got, line[i].doc);
		if (!strcmp(got.data, line[i].want))
			continue;
		bad++;
		print_error("%s\n   gives %s\n     not %s\n", line[i].doc, got.data, line[i].want);
	}
	buf_release(&got);
	CHECK_INT(bad, 0);
}

#define CHECK_LINES(lines) check_lines(lines, ARRAY_LEN(lines))

/* --- what it is worth ------------------------------------------------------------------------------------ */

static void scalars_without_an_expression_are_as_yaml_says(void **state)
{
	static const struct line lines[] = {
		{"5", "5"},
		{"'5'", "\"5\""},
		{"true", "true"},
		{"~", "null"},
		{"1.5", "1.5"},
		{"0x1f", "31"},
		{"plain text", "\"plain text\""},
		{"$HOME ${HOME} $ {{ }} }}", "\"$HOME ${HOME} $ {{ }} }}\""},
		{"[1, {a: b}, []]", "[1,{\"a\":\"b\"},[]]"},
		{"{\"a\": [1.0, null]}", "{\"a\":[1.0,null]}"},
		{"017",
		 "Jobfile:1:1: error: '017' has a leading zero: quote it if it is text\n    1 | 017\n      | ^~~\n"},
	};

	(void)state;
	CHECK_LINES(lines);
}

static void one_expression_alone_keeps_its_type(void **state)
{
	static const struct line lines[] = {
		{"${{ params.n }}", "3"},
		{"'${{ params.n }}'", "3"},
		{"${{params.n}}", "3"},
		{"${{ params.list }}", "[1,\"a\"]"},
		{"${{ params.none }}", "null"},
		{"${{ params.yes }}", "true"},
		{"${{ params.text }}", "\"x y\""},
		{"'${{ params.n }} '", "\"3 \""},
		{"' ${{ params.n }}'", "\" 3\""},
		{"|\n  ${{ params.n }}\n", "\"3\\n\""},
		{"|-\n  ${{ params.n }}\n", "3"},
		{"'${{ {\"a\": {\"b\": 1}} }}'", "{\"a\":{\"b\":1}}"},
		{"\"${{ {'a':{'b':1}}}}\"", "{\"a\":{\"b\":1}}"},
		{"\"${{ 'x }} y' }}\"", "\"x }} y\""},
		{"\"${{ params.text =~ /}}|it's/ }}\"", "false"},
		{"- ${{ params.n }}\n- a: ${{ params.list }}\n", "[3,{\"a\":[1,\"a\"]}]"},
		{"[\"${{ params.n }}\"]", "[3]"},
	};

	(void)state;
	CHECK_LINES(lines);
}

static void within_text_it_becomes_text(void **state)
{
	static const struct line lines[] = {
		{"n=${{ params.n }}", "\"n=3\""},
		{"${{ params.n }}${{ params.n }}", "\"33\""},
		{"a ${{ params.text }} b ${{ params.yes }} c", "\"a x y b true c\""},
		{"x${{ params.none }}y", "\"xy\""},
		{"x${{ params.list }}", "\"x[1,\\\"a\\\"]\""},
		{"x${{ params.map }}", "\"x{\\\"k\\\":null}\""},
		{"x${{ 1.0 }}", "\"x1.0\""},
		{"x${{ params.n }}}", "\"x3}\""},
		{"x${{ params.nope }}", "! params has no 'nope'; did you mean 'none'?"},
		{"[1, \"${{ params.nope }}\"]", "! params has no 'nope'; did you mean 'none'?"},
		{"{\"a\": \"${{ params.nope }}\"}", "! params has no 'nope'; did you mean 'none'?"},
	};

	(void)state;
	CHECK_LINES(lines);
}

static void a_dollar_keeps_the_braces_as_text(void **state)
{
	static const struct line lines[] = {
		{"$${{ params.n }}", "\"${{ params.n }}\""},
		{"$$${{ params.n }}", "\"$${{ params.n }}\""},
		{"a $${{ b", "\"a ${{ b\""},
		{"${{ params.n }}$${{ params.n }}", "\"3${{ params.n }}\""},
		{"$${{ ${{ params.n }}", "\"${{ 3\""},
		{"$${{$${{", "\"${{${{\""},
		{"{\"$${{ k }}\": 1, \"a\": \"${{ params.n }}\"}", "{\"${{ k }}\":1,\"a\":3}"},
	};

	(void)state;
	CHECK_LINES(lines);
}

static void what_an_expression_gives_is_never_looked_at_again(void **state)
{
	static const struct line lines[] = {
		{"${{ params.evil }}", "\"${{ params.n }}\""},
		{"<${{ params.evil }}>", "\"<${{ params.n }}>\""},
		{"${{ params.evil_key }}", "{\"${{ params.n }}\":1}"},
		{"${{ '$' + '{{ params.n }}' }}", "\"${{ params.n }}\""},
	};
	struct arena *a = arena_new();
	struct buf out = BUF_INIT, err = BUF_INIT;
	json_t *data = json_pack("{s:s}", "${{ k }}", "${{ params.n }}");
	struct value *v = value_from_json(a, data);

	(void)state;
	CHECK_LINES(lines);
	json_decref(data);
	CHECK(value_const(v));
	show(&out, value_eval(v, &see, &err), &err);
	CHECK_STR(out.data, "{\"${{ k }}\":\"${{ params.n }}\"}");
	buf_release(&out);
	arena_free(a);
}

/* --- what is wrong with it --------------------------------------------------------------------------------- */

static void an_error_is_shown_where_it_is(void **state)
{
	static const struct line lines[] = {
		{"a: x ${{ lenn(1) }}",
		 "Jobfile:1:10: error: unknown function 'lenn'\n"
		 "    1 | a: x ${{ lenn(1) }}\n"
		 "      |          ^~~~\n"
		 "      = did you mean 'len'?\n"},
		{"a: 'it''s ${{ lenn(1) }}'",
		 "Jobfile:1:5: error: unknown function 'lenn'\n"
		 "    1 | a: 'it''s ${{ lenn(1) }}'\n"
		 "      |     ^~~~~~~~~~~~~~~~~~~~\n"
		 "      = did you mean 'len'?\n"},
		{"a: \"${{ 'a' == 1 }}\"",
		 "Jobfile:1:9: error: impossible condition: cannot compare text with a number\n"
		 "    1 | a: \"${{ 'a' == 1 }}\"\n"
		 "      |         ^~~~~~~~\n"},
		{"{\"a\": [\"é ${{ 1 + }}\"]}",
		 "Jobfile:1:20: error: the expression ends where a value is missing\n"
		 "    1 | {\"a\": [\"é ${{ 1 + }}\"]}\n"
		 "      |                   ^\n"},
		{"a: |\n  x ${{ lenn(1) }}\n",
		 "Jobfile:1:4: error: unknown function 'lenn'\n"
		 "    1 | a: |\n"
		 "      |    ^\n"
		 "      = did you mean 'len'?\n"},
		{"a: b ${{ 1",
		 "Jobfile:1:6: error: the '${{' is never closed by a '}}'\n"
		 "    1 | a: b ${{ 1\n"
		 "      |      ^~~\n"
		 "      = write $${{ for a ${{ that is text\n"},
		{"a: b ${{ 1 }",
		 "Jobfile:1:6: error: the '${{' is never closed by a '}}'\n"
		 "    1 | a: b ${{ 1 }\n"
		 "      |      ^~~\n"
		 "      = write $${{ for a ${{ that is text\n"},
		{"a: ${{ it's }} b",
		 "Jobfile:1:4: error: the '${{' is never closed by a '}}'\n"
		 "    1 | a: ${{ it's }} b\n"
		 "      |    ^~~\n"
		 "Jobfile:1:10: note: what begins here has no end\n"
		 "    1 | a: ${{ it's }} b\n"
		 "      |          ^\n"
		 "      = write $${{ for a ${{ that is text\n"},
		{"a: ${{ }}",
		 "Jobfile:1:7: error: the expression is empty\n"
		 "    1 | a: ${{ }}\n"
		 "      |       ^\n"},
		{"\"k ${{ params.n }}\": 1",
		 "Jobfile:1:1: error: the key 'k ${{ params.n }}' has a '${{': keys are plain text\n"
		 "    1 | \"k ${{ params.n }}\": 1\n"
		 "      | ^~~~~~~~~~~~~~~~~~~\n"
		 "      = write $${{ for a ${{ that is text\n"},
	};

	(void)state;
	CHECK_LINES(lines);
}

static void all_errors_are_found_at_once(void **state)
{
	struct made m;

	(void)state;
	make(&m, "a: ${{ x }}\nb: [017, \"${{ 1 + }}\"]\n\"${{ k }}\": ${{ y }}\nc: ${{ params.n }}${{ z }}\nd: 1\n");
	CHECK(!m.v);
	CHECK_INT(diags_errors(m.d), 6);
	drop(&m);
}

/* --- constants ---------------------------------------------------------------------------------------------- */

static void check_const(const char *doc, const char *want)
{
	struct buf out = BUF_INIT;
	struct made m;

	make(&m, doc);
	CHECK(m.v);
	if (value_const(m.v))
		json_text(&out, value_const(m.v), JSON_TIGHT);
	CHECK_STR(out.data, want ? want : "");
	buf_release(&out);
	drop(&m);
}

static void what_needs_no_name_is_a_constant(void **state)
{
	(void)state;
	check_const("5", "5");
	check_const("[1, a]", "[1,\"a\"]");
	check_const("${{ 1 + 2 }}", "3");
	check_const("n = ${{ 1 + 2 }}", "\"n = 3\"");
	check_const("$${{ x", "\"${{ x\"");
	check_const("[1, \"${{ 2 }}\", {\"a\": \"${{ null }}\"}]", "[1,2,{\"a\":null}]");
	check_const("${{ params.n }}", NULL);
	check_const("n = ${{ params.n }}", NULL);
	check_const("[1, \"${{ params.n }}\"]", NULL);
	check_const("{\"a\": 1, \"b\": [\"${{ params.n }}\"]}", NULL);
	check_const("${{ today() }}", NULL);
}

/* --- as text -------------------------------------------------------------------------------------------------- */

static void check_text(const char *doc, bool good, const char *want)
{
	struct buf out = BUF_INIT, err = BUF_INIT;
	struct made m;

	make(&m, doc);
	buf_puts(&out, "=");
	CHECK_INT(value_text(m.v, &see, &out, &err), good);
	CHECK_STR(good ? out.data : err.data, want);
	if (!good)
		CHECK_STR(out.data, "=");
	buf_release(&out);
	buf_release(&err);
	drop(&m);
}

static void text_is_the_text_of_the_value(void **state)
{
	(void)state;
	check_text("5", true, "=5");
	check_text("abc", true, "=abc");
	check_text("~", true, "=");
	check_text("${{ params.text }}", true, "=x y");
	check_text("${{ params.none }}", true, "=");
	check_text("${{ params.list }}", true, "=[1,\"a\"]");
	check_text("-${{ params.n }}-", true, "=-3-");
	check_text("[1, \"${{ params.n }}\"]", true, "=[1,3]");
	check_text("${{ params.nope }}", false, "params has no 'nope'; did you mean 'none'?");
	check_text("-${{ params.n }}-${{ params.nope }}", false,
		   "params has no 'nope'; did you mean 'none'?");
}

static void text_that_is_put_together_has_at_most_1_MB(void **state)
{
	static const char *const docs[] = {"${{ params.big }}${{ params.big }}", "${{ params.big }}x${{ params.big }}",
					   "${{ [params.big, params.big] }}x"};
	struct expr_world big = see;
	struct buf text = BUF_INIT, out = BUF_INIT, err = BUF_INIT;
	struct made m;

	(void)state;
	buf_pad(&text, 'a', EXPR_RESULT_MAX / 2);
	big.ctx = json_pack("{s:s}", "big", text.data);
	for (size_t i = 0; i < ARRAY_LEN(docs); i++) {
		buf_reset(&err);
		make(&m, docs[i]);
		CHECK_INT(value_text(m.v, &big, &out, &err), i == 0);
		if (i) {
			CHECK_STR(err.data, "the text would be longer than 1048576 bytes");
			CHECK(!value_eval(m.v, &big, &err));
		} else {
			CHECK_INT(out.len, EXPR_RESULT_MAX);
			buf_reset(&out);
		}
		drop(&m);
	}
	json_decref(big.ctx);
	buf_release(&text);
	buf_release(&out);
	buf_release(&err);
}

/* --- names and places -------------------------------------------------------------------------------------------- */

static void note_name(void *ctx, enum expr_root root, const char *const *path, size_t n, struct mark m)
{
	buf_addf(ctx, "%d/%s@%u:%u+%u ", (int)root, n ? path[0] : "", (unsigned)m.line, (unsigned)m.col, (unsigned)m.len);
}

static void its_names_are_told_with_their_places(void **state)
{
	struct buf got = BUF_INIT, want = BUF_INIT;
	struct made m;

	(void)state;
	make(&m, "a: [1, \"${{ params.x }} and ${{ vars.y }}\"]\nb:\n  c: ${{ params.z }}\n  d: 5\n");
	value_names(m.v, note_name, &got);
	buf_addf(&want, "%d/x@1:13+8 %d/y@1:33+6 %d/z@3:10+8 ", ROOT_PARAMS, ROOT_VARS, ROOT_PARAMS);
	CHECK_STR(got.data, want.data);
	CHECK_INT(value_mark(m.v).line, 1);
	drop(&m);
	buf_release(&got);
	buf_release(&want);
}

/* --- as written ---------------------------------------------------------------------------------------------------- */

static void check_source(const char *doc, const char *want)
{
	struct buf out = BUF_INIT, err = BUF_INIT;
	struct made m;

	make(&m, doc);
	CHECK(m.v);
	show(&out, value_source(m.v), &err);
	CHECK_STR(out.data, want);
	buf_release(&out);
	drop(&m);
}

static void its_source_is_as_written(void **state)
{
	(void)state;
	check_source("5", "5");
	check_source("${{ 1 + 2 }}", "\"${{ 1 + 2 }}\"");
	check_source("a ${{ params.n }}", "\"a ${{ params.n }}\"");
	check_source("a $${{ b", "\"a $${{ b\"");
	check_source("[1, \"${{ 2 }}\", {\"a\": \"$${{\", \"b\": null}]", "[1,\"${{ 2 }}\",{\"a\":\"$${{\",\"b\":null}]");
	check_source("{\"$${{\": 1}", "{\"$${{\":1}");
	check_source("{\"$${{\": \"${{ params.n }}\"}", "{\"$${{\":\"${{ params.n }}\"}");
}

/* Data that looks like an expression comes back from its source as the same data. */
static void the_source_of_data_is_not_an_expression(void **state)
{
	static const char data_text[] = "{\"${{ k }}\": [\"${{ params.n }}\", \"$${{ x }}\", \"$$ ${{${{\", 1, null]}";
	struct buf err = BUF_INIT, text = BUF_INIT;
	json_t *data = json_parse(data_text, strlen(data_text), &err), *source, *again;
	struct arena *a = arena_new();
	struct made m;

	(void)state;
	source = value_source(value_from_json(a, data));
	json_text(&text, source, JSON_TIGHT);
	CHECK_STR(text.data, "{\"$${{ k }}\":[\"$${{ params.n }}\",\"$$${{ x }}\",\"$$ $${{$${{\",1,null]}");
	make(&m, text.data);
	CHECK(m.v);
	again = value_eval(m.v, &see, &err);
	CHECK(json_equal(data, again));
	json_decref(again);
	json_decref(source);
	json_decref(data);
	drop(&m);
	arena_free(a);
	buf_release(&text);
	buf_release(&err);
}

/* --- many ---------------------------------------------------------------------------------------------------------- */

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Seconds would mean that something is made anew, or looked through, for each of them. */
static void a_hundred_thousand_values_are_cheap(void **state)
{
	enum { MANY = 100000 };
	struct buf doc = BUF_INIT, err = BUF_INIT;
	double from, built, done;
	struct made m;
	json_t *all;

	(void)state;
	for (int i = 0; i < MANY; i++)
		buf_puts(&doc, i % 2 ? "- --n=${{ params.n + 1 }}\n" : "- --plain\n");
	from = cpu_ms();
	make(&m, doc.data);
	built = cpu_ms();
	all = value_eval(m.v, &see, &err);
	done = cpu_ms();
	if (getenv("TEST_VERBOSE"))
		print_message("read and built in %.0f ms, %zu bytes each; evaluated in %.0f ms\n", built - from,
			      arena_used(m.a) / MANY, done - built);
	CHECK_INT(json_array_size(all), MANY);
	CHECK_STR(json_string_value(json_array_get(all, MANY - 1)), "--n=4");
	CHECK(done - from < 20000);
	json_decref(all);
	drop(&m);
	buf_release(&doc);
	buf_release(&err);
}

/* --- garbage ------------------------------------------------------------------------------------------------------- */

static void random_texts_give_a_value_or_an_error(void **state)
{
	static const char *const parts[] = {"${{", "}}", "$", "{", "}", "'", "\"", " ", "params.n", "/", "a", "$${{", "[", "]",
					    ":", "=~", "\\", "é", "}} ", "${{ params.n }}"};
	struct buf text = BUF_INIT, err = BUF_INIT, out = BUF_INIT;

	(void)state;
	srand(check_seed());
	for (int round = 0; round < 5000; round++) {
		struct arena *a = arena_new();
		struct diags *d = diags_new();
		struct node n = {.kind = NODE_SCALAR, .style = STYLE_QUOTED};
		struct value *v;
		json_t *got;

		buf_reset(&text);
		buf_reset(&err);
		buf_reset(&out);
		for (int k = rand() % 12; k >= 0; k--)
			buf_puts(&text, parts[(size_t)rand() % ARRAY_LEN(parts)]);
		n.text = text.data;
		n.n = text.len;
		v = value_from_node(a, &n, d);
		CHECK(!v == (diags_errors(d) > 0));
		if (v) {
			got = value_eval(v, &see, &err);
			CHECK(!got == (err.len > 0));
			json_decref(got);
			buf_reset(&err);
			CHECK(value_text(v, &see, &out, &err) == (err.len == 0));
			got = value_source(v);
			CHECK_STR(json_string_value(got), text.data);
			json_decref(got);
		}
		diags_free(d);
		arena_free(a);
	}
	buf_release(&text);
	buf_release(&err);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars_without_an_expression_are_as_yaml_says),
		cmocka_unit_test(one_expression_alone_keeps_its_type),
		cmocka_unit_test(within_text_it_becomes_text),
		cmocka_unit_test(a_dollar_keeps_the_braces_as_text),
		cmocka_unit_test(what_an_expression_gives_is_never_looked_at_again),
		cmocka_unit_test(an_error_is_shown_where_it_is),
		cmocka_unit_test(all_errors_are_found_at_once),
		cmocka_unit_test(what_needs_no_name_is_a_constant),
		cmocka_unit_test(text_is_the_text_of_the_value),
		cmocka_unit_test(text_that_is_put_together_has_at_most_1_MB),
		cmocka_unit_test(its_names_are_told_with_their_places),
		cmocka_unit_test(its_source_is_as_written),
		cmocka_unit_test(the_source_of_data_is_not_an_expression),
		cmocka_unit_test(a_hundred_thousand_values_are_cheap),
		cmocka_unit_test(random_texts_give_a_value_or_an_error),
	};

	return cmocka_run_group_tests(tests, open_world, close_world);
}
