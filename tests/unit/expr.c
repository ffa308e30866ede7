/* Expressions: each line of a table is an expression and what comes of it. */
#include "job/expr.h"

#include "check.h"

#include "base/bug.h"
#include "doc/json.h"

/* --- the world --------------------------------------------------------------------------------------- */

static const char world_text[] =
	"{\"params\": {\"date\": \"2026-01-31\", \"branch\": \"main\", \"n\": 3, \"f\": 2.5, \"flag\": true, \"none\": null,"
	"  \"empty\": \"\", \"list\": [1, 2, 3], \"words\": [\"a\", \"b\"], \"map\": {\"a\": 1, \"b\": {\"c\": 2}},"
	"  \"like-this\": 4, \"big\": 9223372036854775807, \"quote\": \"it's\", \"accents\": \"h\\u00e4\\u00df\","
	"  \"evil\": \"${{ params.n }}\", \"pattern\": \"^m\", \"badpattern\": \"(\"},"
	" \"vars\": {\"commit\": \"abc123\"},"
	" \"env\": {\"HOME\": \"/home/me\"},"
	" \"secrets\": {\"key\": \"hunter2\"},"
	" \"steps\": {\"plan\": {\"exit\": 9}, \"plan.compile\": {\"items\": [{\"plan\": 7}], \"exit\": 0},"
	"  \"a-b\": {\"exit\": 1}},"
	" \"needs\": {\"up.stream\": {\"state\": \"succeeded\"}},"
	" \"consumes\": {\"snap.ref\": \"r1\", \"plain\": 5},"
	" \"matrix\": {\"account\": \"acct1\"},"
	" \"foreach\": {\"item\": {\"id\": 1}},"
	" \"payload\": [10, {\"x\": 20}],"
	" \"run\": {\"id\": \"r\", \"attempt\": 1},"
	" \"total\": 4, \"succeeded\": 3, \"failed\": 1, \"skipped\": 0}";

struct world {
	json_t *root;
	bool canceled;
	size_t asked;
};

static const char *const root_words[] = {
#define ROOT(id, word, sentence) [ROOT_##id] = word,
	EXPR_ROOTS(ROOT)
#undef ROOT
};

static const json_t *world_get(void *ctx, enum expr_root root, const char *key)
{
	struct world *w = ctx;
	const json_t *all = json_object_get(w->root, root_words[root]);

	w->asked++;
	return key[0] ? json_object_get(all, key) : all;
}

static bool world_status(void *ctx, enum expr_status what)
{
	struct world *w = ctx;

	return what == STATUS_CANCELED ? w->canceled : what != STATUS_FAILED;
}

static json_t *world_glob(void *ctx, const char *pattern)
{
	(void)ctx;
	return !strcmp(pattern, "*.csv") ? json_pack("[s, s]", "a.csv", "b.csv") : json_array();
}

static bool world_exists(void *ctx, const char *path)
{
	(void)ctx;
	return !strcmp(path, "there");
}

static json_t *world_hash(void *ctx, const char *path)
{
	(void)ctx;
	return !strcmp(path, "there") ? json_string("c0ffee") : json_null();
}

static int64_t world_now(void *ctx)
{
	(void)ctx;
	return 1767323045678; /* 2026-01-02T03:04:05.678Z */
}

static json_t *json_of(const char *text)
{
	struct buf err = BUF_INIT;
	json_t *v = json_parse(text, strlen(text), &err);

	if (!v)
		fail_msg("%s: %s", text, err.data);
	buf_release(&err);
	return v;
}

static struct world the_world;

static const struct expr_world see = {
	.ctx = &the_world,
	.get = world_get,
	.status = world_status,
	.glob = world_glob,
	.exists = world_exists,
	.hash = world_hash,
	.now = world_now,
};

static int open_world(void **state)
{
	(void)state;
	the_world = (struct world){.root = json_of(world_text)};
	return 0;
}

static int close_world(void **state)
{
	(void)state;
	json_decref(the_world.root);
	return 0;
}

/* --- one expression ------------------------------------------------------------------------------------ */

struct parsed {
	struct arena *a;
	struct diags *d;
	struct source *s;
	struct expr *e;
};

/* As if `when: TEXT` stood in a Jobfile. */
static void parse(struct parsed *p, const char *text)
{
	char *line = xasprintf("when: %s\n", text);

	p->a = arena_new();
	p->d = diags_new();
	p->s = source_from("Jobfile", line, strlen(line));
	p->e = expr_parse(p->a, text, source_mark(p->s, 6, strlen(text)), p->d);
	CHECK(!p->e == (diags_errors(p->d) > 0));
	free(line);
}

static void drop(struct parsed *p)
{
	arena_free(p->a);
	diags_free(p->d);
	source_free(p->s);
}

/*
 * What comes of an expression, as one line: its value as JSON; `! message` for an error of the evaluation;
 * `COL+LEN message (hint)` for the first error at load.
 */
static void outcome(struct buf *out, const struct expr_world *w, const char *text)
{
	struct buf err = BUF_INIT;
	struct parsed p;
	const struct diag *d;
	json_t *v;

	parse(&p, text);
	if (!p.e) {
		d = diags_at(p.d, 0);
		buf_addf(out, "%u+%u %s", (unsigned)d->mark.col - 6, (unsigned)d->mark.len, d->text);
		for (size_t i = 1; i < diags_count(p.d) && diags_at(p.d, i)->kind == DIAG_HINT; i++)
			buf_addf(out, " (%s)", diags_at(p.d, i)->text);
		drop(&p);
		return;
	}
	v = expr_eval(p.e, w, &err);
	CHECK(!v == (err.len > 0));
	if (v)
		json_text(out, v, JSON_TIGHT);
	else
		buf_addf(out, "! %s", err.data);
	json_decref(v);
	buf_release(&err);
	drop(&p);
}

struct line {
	const char *expr, *want;
};

static void check_lines(const struct line *line, size_t n)
{
	struct buf got = BUF_INIT;
	size_t bad = 0;

	for (size_t i = 0; i < n; i++) {
		buf_reset(&got);
		outcome(&got, &see, line[i].expr);
		if (!strcmp(got.data, line[i].want))
			continue;
		bad++;
		print_error("%s\n   gives %s\n     not %s\n", line[i].expr, got.data, line[i].want);
	}
	buf_release(&got);
	CHECK_INT(bad, 0);
}

#define CHECK_LINES(lines) check_lines(lines, ARRAY_LEN(lines))

/* --- values and operators ------------------------------------------------------------------------------- */

static void literals_are_json_and_single_quotes(void **state)
{
	static const struct line lines[] = {
		{"1", "1"},
		{"-1", "-1"},
		{"- 1", "-1"},
		{"0", "0"},
		{"-9223372036854775808", "-9223372036854775808"},
		{"1.5e3", "1500.0"},
		{"1E-2", "0.01"},
		{"true", "true"},
		{"false", "false"},
		{"null", "null"},
		{"'it''s'", "\"it's\""},
		{"''", "\"\""},
		{"''''", "\"'\""},
		{"'\\n'", "\"\\\\n\""},
		{"\"a\\n\\u00e9\\\"\"", "\"a\\né\\\"\""},
		{"\"\\ud83d\\ude00\"", "\"😀\""},
		{"\"it's\"", "\"it's\""},
		{"[]", "[]"},
		{"[1, 'a', [null], params.n]", "[1,\"a\",[null],3]"},
		{"{}", "{}"},
		{"{'a': 1, \"b\": {'c': [params.n]}}", "{\"a\":1,\"b\":{\"c\":[3]}}"},
		{"{'a':{'b':{}}}", "{\"a\":{\"b\":{}}}"},
		{"/a\\/b/i", "\"/a\\\\/b/i\""},
		{" \t( 1 )\n", "1"},
		{"9223372036854775808", "1+19 the number 9223372036854775808 is too large"},
		{"1e999", "1+5 the number 1e999 is too large"},
		{"012", "1+3 '012' has a leading zero (quote it if it is text)"},
		{"0x10", "1+4 '0x10' is no number, and no name can begin with a digit (quote it if it is text)"},
		{"2fa", "1+3 '2fa' is no number, and no name can begin with a digit (quote it if it is text)"},
		{"1.", "3+0 the expression ends where a name is missing"},
		{"'abc", "1+4 ''abc' is a text that has no end (a quote inside is written twice: '')"},
		{"\"abc\\\"", "1+6 '\"abc\\\"' is a text that has no end"},
		{"params.n + \"\\x\"", "12+4 unknown escape '\\x' in a string (a backslash itself is written \\\\)"},
		{"\"\\u0000\"", "1+8 a text cannot hold NUL"},
		{"[1,]", "4+1 expected a value, not ']'"},
		{"[1 2]", "4+1 expected ',' or ']', not '2'"},
		{"[1", "3+0 the expression ends where ',' or ']' is missing"},
		{"{a: 1}", "2+1 expected a key in quotes, not 'a' (write 'a')"},
		{"{'a' 1}", "6+1 expected ':', not '1'"},
		{"{'a': 1,}", "9+1 expected a key in quotes, not '}'"},
		{"{'a': 1 'b'}", "9+3 expected ',' or '}', not ''b''"},
		{"{'a': 1, \"a\": 2}", "10+3 the key \"a\" stands twice in a map"},
		{"/abc", "1+4 '/abc' is a pattern that has no end (a slash inside is written \\/)"},
	};

	(void)state;
	CHECK_LINES(lines);
}

static void arithmetic_is_exact_or_an_error(void **state)
{
	static const struct line lines[] = {
		{"1 + 2 * 3 - 4", "3"},
		{"(1 + 2) * 3", "9"},
		{"10 - 2 - 3", "5"},
		{"2 * 3 % 4", "2"},
		{"7 / 2", "3"},
		{"-7 / 2", "-3"},
		{"7.0 / 2", "3.5"},
		{"float(7) / 2", "3.5"},
		{"-7 % 3", "-1"},
		{"7 % -3", "1"},
		{"params.n % 2 == 1", "true"},
		{"1 + 0.5", "1.5"},
		{"-params.n", "-3"},
		{"--params.n", "3"},
		{"-params.f", "-2.5"},
		{"-(-9223372036854775807 - 1)", "1+27 the result is beyond 64 bits: 0 - -9223372036854775808"},
		{"params.big + 1", "! the result is beyond 64 bits: 9223372036854775807 + 1"},
		{"-params.big - 2", "! the result is beyond 64 bits: -9223372036854775807 - 2"},
		{"params.big * 2", "! the result is beyond 64 bits: 9223372036854775807 * 2"},
		{"(-params.big - 1) / -1", "! the result is beyond 64 bits: -9223372036854775808 / -1"},
		{"(-params.big - 1) % -1", "0"},
		{"params.n / 0", "! division by zero: 3 / 0"},
		{"params.n % 0", "! division by zero: 3 % 0"},
		{"params.f / 0.0", "! division by zero: 2.5 / 0.0"},
		{"params.f % 2", "! '%' needs two integers: 2.5 % 2"},
		{"params.f * 1e308", "! the result is too large: 2.5 * 1e+308"},
		{"1 / 0", "1+5 division by zero: 1 / 0"},
		{"1 + 9223372036854775807", "1+23 the result is beyond 64 bits: 1 + 9223372036854775807"},
		{"'a' + 'b' + params.branch", "\"abmain\""},
		{"[1] + params.list + []", "[1,1,2,3]"},
		{"'a' + 1",
		 "1+7 '+' joins two numbers, two texts or two lists, not text and a number (json(x) makes text of a number)"},
		{"params.n + params.branch",
		 "! '+' joins two numbers, two texts or two lists, not a number and text: 3 + 'main' (json(x) makes text of a "
		 "number)"},
		{"params.map + {}",
		 "1+15 '+' joins two numbers, two texts or two lists, not a map (json(x) makes text of a number)"},
		{"params.flag + params.flag",
		 "! '+' joins two numbers, two texts or two lists, not true or false and true or false: true + true (json(x) "
		 "makes text of a number)"},
		{"params.branch - 1", "! '-' needs two numbers, not text and a number: 'main' - 1"},
		{"params.branch * 2", "! '*' needs two numbers, not text and a number: 'main' * 2"},
		{"-params.branch", "! '-' needs a number, not text: 'main'"},
		{"-'a'", "1+4 '-' needs a number, not text"},
		{"null + 1",
		 "1+8 '+' joins two numbers, two texts or two lists, not null and a number (json(x) makes text of a number)"},
		{"params.like-this", "13+4 unknown name 'this' ('-' subtracts; a key with a dash is written ['like-this'])"},
		{"params.dry-run",
		 "1+14 '-' needs two numbers, not a map ('-' subtracts; a key with a dash is written ['like-this'])"},
	};

	(void)state;
	CHECK_LINES(lines);
}

static void equal_things_are_of_one_type(void **state)
{
	static const struct line lines[] = {
		{"params.n == 3", "true"},
		{"params.n == 3.0", "true"},
		{"params.n != 3.5", "true"},
		{"params.big == 9223372036854775807.0", "false"},
		{"params.big < 9223372036854775807.0", "true"},
		{"params.branch == 'main'", "true"},
		{"params.branch != 'main'", "false"},
		{"params.flag == true", "true"},
		{"params.flag == false", "false"},
		{"params.none == null", "true"},
		{"params.n == null", "false"},
		{"null != params.list", "true"},
		{"params.list == [1, 2.0, 3]", "true"},
		{"params.list == [1, 2]", "false"},
		{"params.list == [1, 2, '3']", "false"},
		{"params.map == {'b': {'c': 2}, 'a': 1.0}", "true"},
		{"params.map == {'a': 1}", "false"},
		{"params.map == {'a': 1, 'x': {'c': 2}}", "false"},
		{"params.n == 'x'", "! cannot compare a number with text: 3 == 'x'"},
		{"params.branch != 1", "! cannot compare text with a number: 'main' != 1"},
		{"params.flag == 'true'", "! cannot compare true or false with text: true == 'true'"},
		{"params.flag == 1", "! cannot compare true or false with a number: true == 1"},
		{"params.list == params.map", "! cannot compare a list with a map: [1,2,3] == {\"a\":1,\"b\":{\"c\":2}}"},
		{"params.quote == 1", "! cannot compare text with a number: 'it''s' == 1"},
		{"'a' == 1", "1+8 impossible condition: cannot compare text with a number"},
		{"len(params.list) == '3'", "1+23 impossible condition: cannot compare a number with text"},
		{"failed == 'no'", "1+14 impossible condition: cannot compare a number with text"},
		{"(params.n > 1) == 'yes'", "1+23 impossible condition: cannot compare true or false with text"},
		{"env.HOME == 1",
		 "1+13 impossible condition: cannot compare text with a number (what the environment has is text: compare with "
		 "'1', or use int(...))"},
		{"1 == env.HOME",
		 "1+13 impossible condition: cannot compare a number with text (what the environment has is text: compare with "
		 "'1', or use int(...))"},
		{"env.HOME == null", "false"},
		{"env.HOME? == null", "false"},
	};

	(void)state;
	CHECK_LINES(lines);
}

static void order_is_of_two_numbers_or_two_texts(void **state)
{
	static const struct line lines[] = {
		{"params.n < 4", "true"},
		{"params.n <= 3", "true"},
		{"params.n > 2.5", "true"},
		{"params.n >= 3.1", "false"},
		{"params.f < 3", "true"},
		{"params.big > 1e30", "false"},
		{"params.big > -1e30", "true"},
		{"params.f < params.f", "false"},
		{"params.date < '2026-02-01'", "true"},
		{"params.branch > 'mai'", "true"},
		{"params.branch >= 'main'", "true"},
		{"params.accents > 'hz'", "true"},
		{"params.n < 'x'", "! cannot compare a number with text: 3 < 'x'"},
		{"params.none < 1", "! '<' compares two numbers or two texts, not null with a number: null < 1"},
		{"params.list < params.list",
		 "! '<' compares two numbers or two texts, not a list with a list: [1,2,3] < [1,2,3]"},
		{"1 < null", "1+8 impossible condition: '<' compares two numbers or two texts, not a number with null"},
		{"params.n < [1]", "1+14 impossible condition: '<' compares two numbers or two texts, not a list"},
		{"3 < 'x'", "1+7 impossible condition: cannot compare a number with text"},
		{"1 < params.n < 5", "14+1 comparisons cannot be chained (write 1 < params.n && params.n < ...)"},
		{"1 == 1 == true", "8+2 comparisons cannot be chained (write a < b && b < c)"},
		{"(1 < params.n) == true", "true"},
	};

	(void)state;
	CHECK_LINES(lines);
}

static void in_looks_into_lists_maps_and_texts(void **state)
{
	static const struct line lines[] = {
		{"2 in params.list", "true"},
		{"2.0 in params.list", "true"},
		{"9 in params.list", "false"},
		{"'a' in params.words", "true"},
		{"null in params.list", "false"},
		{"null in [params.none]", "true"},
		{"[1] in [[1], 2]", "true"},
		{"params.branch in ['main', 'next']", "true"},
		{"params.n in ['x', 3]", "true"},
		{"params.n in ['x', 4]", "false"},
		{"params.n in []", "false"},
		{"'a' in params.map", "true"},
		{"'z' in params.map", "false"},
		{"'ai' in params.branch", "true"},
		{"'' in params.branch", "true"},
		{"'x' in params.empty", "false"},
		{"!('x' in params.words)", "true"},
		{"'2' in params.list", "! cannot compare text with a number: '2' in [1,2,3]"},
		{"1 in params.words", "! cannot compare a number with text: 1 in [\"a\",\"b\"]"},
		{"1 in params.map", "! 'in' looks for a value in a list, or for text in a map or text, not a number in a map: 1 in "
				    "{\"a\":1,\"b\":{\"c\":2}}"},
		{"1 in params.branch",
		 "! 'in' looks for a value in a list, or for text in a map or text, not a number in text: 1 in 'main'"},
		{"1 in 2", "1+6 impossible condition: 'in' looks for a value in a list, or for text in a map or text, not a "
			   "number in a number"},
		{"in", "1+2 unknown name 'in' (text is quoted: 'in')"},
		{"params.in?", "null"},
	};

	(void)state;
	CHECK_LINES(lines);
}

static void patterns_are_searched_for(void **state)
{
	static const struct line lines[] = {
		{"params.branch =~ /^MA/i", "true"},
		{"params.branch =~ '^ma'", "true"},
		{"params.branch =~ \"/^MA/i\"", "true"},
		{"params.branch !~ 'x'", "true"},
		{"params.branch !~ /a/", "false"},
		{"params.branch =~ params.pattern", "true"},
		{"params.branch =~ /[/]|it's|}}/", "false"},
		{"6 / 2 / 3", "1"},
		{"params.n / 1", "3"},
		{"params.list[0] / 1", "1"},
		{"(params.n) / 3", "1"},
		{"params.branch =~ '('", "18+3 '(' is no pattern: missing closing parenthesis at offset 1"},
		{"params.branch =~ /a/g",
		 "18+4 '/a/g' is no pattern: after the closing '/' at offset 2 only the flags i, m, s, x may follow (a slash "
		 "inside is written \\/)"},
		{"params.branch =~ params.badpattern", "! '(' is no pattern: missing closing parenthesis at offset 1"},
		{"params.n =~ 'x'", "! '=~' needs text and a pattern, not a number with text: 3 =~ 'x'"},
		{"params.branch =~ params.n", "! '=~' needs text and a pattern, not text with a number: 'main' =~ 3"},
		{"params.none !~ 'x'", "! '!~' needs text and a pattern, not null with text: null !~ 'x'"},
		{"3 =~ 'x'", "1+8 impossible condition: '=~' needs text and a pattern, not a number with text"},
		{"join([params.branch, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'], 'a') =~ /^main(a+)+$/",
		 "! the pattern /^main(a+)+$/ is too costly, or the text too long: "
		 "'mainaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'"},
		{"match('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!', '^(a+)+$')",
		 "1+66 the pattern ^(a+)+$ is too costly, or the text too long: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'"},
	};

	(void)state;
	CHECK_LINES(lines);
}

static void logic_gives_true_or_false_and_stops_early(void **state)
{
	static const struct line lines[] = {
		{"params.n && params.branch", "true"},
		{"params.empty || params.none", "false"},
		{"params.empty || params.n", "true"},
		{"!params.empty", "true"},
		{"!!params.n", "true"},
		{"![] && !{} && !0 && !0.0 && !'' && !null && !false", "true"},
		{"[0] && {'a': 0} && '0' && 0.1 && true", "true"},
		{"false && params.nope", "false"},
		{"true || params.nope", "true"},
		{"params.n && params.nope", "! params has no 'nope'; did you mean 'none'?"},
		{"true || false && false", "true"},
		{"params.n == 3 && params.branch == 'main' || failed()", "true"},
		{"params.n > 1 ? 'many' : 'one'", "\"many\""},
		{"params.empty ? 1 : params.none ? 2 : 3", "3"},
		{"true ? 1 : params.nope", "1"},
		{"params.n?1:2", "1"},
		{"params.n ?-1:2", "-1"},
		{"params.n ? !true : 2", "false"},
		{"params.n ? [1] : 2", "[1]"},
		{"params.n == 3 ? 'y'",
		 "20+0 the expression ends where ':' is missing (a choice is `a ? b : c`; a name that may be absent has its '?' "
		 "right before an operator or the end)"},
	};

	(void)state;
	CHECK_LINES(lines);
}

/* --- names ----------------------------------------------------------------------------------------------- */

static void names_lead_along_keys_and_indices(void **state)
{
	static const struct line lines[] = {
		{"params.map.b.c", "2"},
		{"params['map']['b'].c", "2"},
		{"params.list[0]", "1"},
		{"params.list[len(params.list) - 1]", "3"},
		{"params[matrix.account]?", "null"},
		{"params['da' + 'te']", "\"2026-01-31\""},
		{"params[params.words[0] + 'x'] ?? 7", "7"},
		{"params['like-this']", "4"},
		{"vars.commit", "\"abc123\""},
		{"payload[1].x", "20"},
		{"payload[0]", "10"},
		{"foreach.item.id", "1"},
		{"total - succeeded == failed + skipped", "true"},
		{"run.id", "\"r\""},
		{"[1, 2][1]", "2"},
		{"{'a': {'b': 5}}.a.b", "5"},
		{"from_json('[1]')[0]", "1"},
		{"(params.map).a", "1"},
		{"params . map . a", "1"},
		{"match(params.branch, '(.)n')[1]", "\"i\""},
		{"params.dat", "! params has no 'dat'; did you mean 'date'?"},
		{"params.map.z", "! params.map has no 'z'; it has 'a', 'b' (write params.map.z? if it may be absent)"},
		{"params.map.zzzzzz", "! params.map has no 'zzzzzz'; it has 'a', 'b' (write params.map.zzzzzz? if it may be absent)"},
		{"params.map['zzz' + 'zzz']",
		 "! params.map has no 'zzzzzz'; it has 'a', 'b' (write params.map['zzz' + 'zzz']? if it may be absent)"},
		{"env.NOWHERE_NEAR", "! env has no 'NOWHERE_NEAR'; it has 'HOME' (write env.NOWHERE_NEAR? if it may be absent)"},
		{"(params.map).zzzzzz", "! (params.map) has no 'zzzzzz'; it has 'a', 'b' (write (params.map).zzzzzz? if it may be absent)"},
		{"( params.nope)", "! params has no 'nope'; did you mean 'none'?"},
		{"params.list[3]", "! params.list has no [3]: it has 3 elements, from [0] on"},
		{"params.list[-1]", "! params.list has no [-1]: it has 3 elements, from [0] on"},
		{"[][0]", "! [] has no [0]: it is an empty list"},
		{"params.list.x", "! params.list is a list, whose elements are [0], [1], ..., and has no 'x'"},
		{"params.map[0]", "! params.map is a map, whose keys are text, and has no 0"},
		{"params.n.x", "! params.n is a number, which has no 'x'"},
		{"params.branch[0]", "! params.branch is text, which has no 0"},
		{"params.none.x", "! params.none is null, which has no 'x'"},
		{"params.list[params.f]", "! a key is text and an index is an integer, not 2.5"},
		{"params.list[null]", "13+4 a key is text and an index is an integer, not null"},
		{"params.list[[0]]", "13+3 a key is text and an index is an integer, not a list"},
		{"total.x", "1+7 a number has no keys or elements"},
		{"env.HOME.x", "1+10 text has no keys or elements"},
		{"ctx", "! 'ctx' has no value here"},
		{"ctx.x", "! ctx has no 'x' (write ctx.x? if it may be absent)"},
		{"param.x", "1+5 unknown name 'param' (did you mean 'params'?)"},
		{"qqqqqqqq", "1+8 unknown name 'qqqqqqqq' (text is quoted: 'qqqqqqqq')"},
		{"True", "1+4 unknown name 'True' ('True' is written true)"},
		{"not params.n", "1+3 unknown name 'not' ('not' is written !)"},
		{"params.n and true", "10+3 expected an operator or the end, not 'and' ('and' is written &&)"},
		{"always", "1+6 unknown name 'always' (a function is called with parentheses: always())"},
		{"params.", "8+0 the expression ends where a name is missing"},
		{"params.'x'", "8+3 expected a name, not ''x''"},
		{"params.é", "8+2 'é' means nothing here (a key of other characters than letters, digits and _ is written ['key'])"},
		{"params[]", "8+1 expected a value, not ']'"},
		{"params['x'", "11+0 the expression ends where ']' is missing"},
	};

	(void)state;
	CHECK_LINES(lines);
}

static void what_is_absent_can_be_allowed_for(void **state)
{
	static const struct line lines[] = {
		{"params.nope?", "null"},
		{"params.n?", "3"},
		{"params.nope? == null", "true"},
		{"params.nope ?? 'y'", "\"y\""},
		{"params.n ?? 'y'", "3"},
		{"params.none ?? 'y'", "\"y\""},
		{"params.empty ?? 'y'", "\"\""},
		{"params.nope ?? params.nada ?? 5", "5"},
		{"params.nope ?? params.nada?", "null"},
		{"params.nope ?? params.nada", "! params has no 'nada' (write params.nada? if it may be absent)"},
		{"params.nope?.x.y", "null"},
		{"params.none?.x.y", "null"},
		{"params.nope.x.y?", "null"},
		{"params.map.x?.y", "null"},
		{"params.map?.zzzzzz",
		 "! params.map? has no 'zzzzzz'; it has 'a', 'b' (write params.map?.zzzzzz? if it may be absent)"},
		{"params.list?[0]", "1"},
		{"params.nope?[0]", "null"},
		{"params.list[9] ?? 'none'", "\"none\""},
		{"[1, 2][9] ?? 'none'", "\"none\""},
		{"params.none.x ?? 'none'", "\"none\""},
		{"params.n.x ?? 'wrong'", "! params.n is a number, which has no 'x'"},
		{"params.nope? ? 1 : 2", "2"},
		{"params.nope? && true", "false"},
		{"params.nope? in [null]", "true"},
		{"[params.nope?, params.n?]", "[null,3]"},
		{"(params.nope?)", "null"},
		{"(params.nope)?", "null"},
		{"ctx?", "null"},
		{"ctx?.a", "null"},
		{"match(params.branch, 'x')?[0]", "null"},
		{"defined(params.nope)", "false"},
		{"defined(params.none)", "true"},
		{"defined(params.map.b.c)", "true"},
		{"defined(ctx)", "false"},
		{"default(params.nope, 1)", "1"},
		{"default(params.none, 1)", "1"},
		{"default(params.n, params.nope)", "3"},
		{"(1 ?? 2) + (null ?? 3)", "4"},
		{"upper(params.nope) ?? 'x'", "! params has no 'nope'; did you mean 'none'?"},
		{"defined(3)", "9+1 defined() asks about a name, such as params.x"},
		{"defined(params.x?)", "9+9 defined() asks about a name without '?'"},
		{"default('a', 'b')", "9+3 default() asks about a name, such as params.x"},
	};

	(void)state;
	CHECK_LINES(lines);
}

static void ids_with_dots_are_the_longest_that_exist(void **state)
{
	static const struct line lines[] = {
		{"steps.plan.compile.items[0].plan", "7"},
		{"steps.plan.compile.exit", "0"},
		{"steps['plan.compile'].exit", "0"},
		{"steps.plan.exit", "9"},
		{"steps['a-b'].exit", "1"},
		{"steps['a' + '-b'].exit", "1"},
		{"needs.up.stream.state", "\"succeeded\""},
		{"consumes.snap.ref", "\"r1\""},
		{"consumes.plain", "5"},
		{"steps.plan.compile.nope?", "null"},
		{"steps.zz?.exit", "null"},
		{"steps.zz.yy.exit?", "null"},
		{"steps.zz.exit", "! steps has no 'zz'; it has 'plan', 'plan.compile', 'a-b' (write steps.zz? if it may be absent)"},
		{"steps.plam.exit", "! steps has no 'plam'; did you mean 'plan'?"},
		{"steps.plan.compile.itemz", "! steps.plan.compile has no 'itemz'; did you mean 'items'?"},
		{"params.map.b.c", "2"},
	};

	(void)state;
	CHECK_LINES(lines);
}

/* What is said of the names in text. */
static void check_saw(const char *text, const char *wanted)
{
	struct buf saw = BUF_INIT;
	struct parsed p;

	parse(&p, text);
	CHECK(p.e);
	expr_saw(p.e, &see, &saw);
	CHECK_STR(saw.data, wanted);
	buf_release(&saw);
	drop(&p);
}

static void the_names_are_told_each_once_with_what_they_were(void **state)
{
	(void)state;
	check_saw("1 < 2", "");
	check_saw("params.n > 2 && params.n < 9 || params.date == ''", "params.n is 3, params.date is '2026-01-31'");
	check_saw("params.none == null", "params.none is not there");
	check_saw("params.nope? == null", "params.nope is not there");
	check_saw("len(params.words) + params.list[1]", "params.words is [\"a\",\"b\"], params.list[1] is 2");
	check_saw("steps.plan.compile.exit == 0", "steps.plan.compile.exit is 0");
	check_saw("params.flag ? vars.commit : run.id", "params.flag is true, vars.commit is 'abc123', run.id is 'r'");
}

static void of_the_environment_and_of_secrets_no_value_is_told(void **state)
{
	(void)state;
	check_saw("env.HOME == '' && env.NOPE? == null", "env.HOME is set, env.NOPE is not set");
	check_saw("secrets.key == 'x'", "secrets.key is (a secret)");
	check_saw("len(env) > 3 && len(secrets) > 1", "env is set, secrets is (a secret)");
}

static void a_secret_is_not_shown_in_messages(void **state)
{
	static const char *const lines[] = {
		"secrets.key == 1", "secrets.key + params.n", "secrets.key.x", "int(secrets.key)", "upper([secrets.key])",
		"params.list + [secrets.key] == params.n", "secrets.key =~ params.badpattern", "params.branch =~ secrets.key + '('",
		"from_json(secrets.key)", "[1] + secrets.key", "split(secrets.key, '') ", "date_add(secrets.key, '1d')",
		"params.map[secrets.key]", "min([secrets.key, 1])", "len(-(params.n) + int(secrets.key))",
		"replace('x', 'x', secrets.key + '$9')", "replace('x', 'x', '${' + secrets.key + '}')", "params.n in [secrets.key]",
	};
	struct buf got = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		buf_reset(&got);
		outcome(&got, &see, lines[i]);
		if (strstr(got.data, "hunter2") || got.data[0] == '"')
			fail_msg("%s: %s", lines[i], got.data);
	}
	buf_reset(&got);
	outcome(&got, &see, "int(secrets.key)");
	CHECK_STR(got.data, "! int() needs text that is an integer, not: (a secret)");
	buf_release(&got);
}

/* --- functions --------------------------------------------------------------------------------------------- */

static void functions_about_the_run(void **state)
{
	static const struct line lines[] = {
		{"ok()", "true"},
		{"failed()", "false"},
		{"done()", "true"},
		{"canceled()", "false"},
		{"always()", "true"},
		{"today()", "\"2026-01-02\""},
		{"now()", "\"2026-01-02T03:04:05.678Z\""},
		{"glob('*.csv')", "[\"a.csv\",\"b.csv\"]"},
		{"len(glob('none'))", "0"},
		{"exists('there')", "true"},
		{"exists('not')", "false"},
		{"hash('there')", "\"c0ffee\""},
		{"hash('not')", "null"},
		{"!canceled() && failed == 1", "true"},
		{"ok(1)", "1+5 ok() takes no argument (ok(): what the step needs has ended well)"},
		{"glob(1)", "6+1 glob() takes text, not a number"},
		{"glob(params.n)", "! glob() takes text, not a number: 3"},
	};

	(void)state;
	CHECK_LINES(lines);
}

static void functions_on_lists_and_maps(void **state)
{
	static const struct line lines[] = {
		{"len(params.list)", "3"},
		{"len(params.map)", "2"},
		{"len(params.accents)", "3"},
		{"len('')", "0"},
		{"len(params.n)", "! len() takes text, a list or a map, not a number: 3"},
		{"len(null)", "5+4 len() takes text, a list or a map, not null"},
		{"keys(params.map)", "[\"a\",\"b\"]"},
		{"values(params.map)", "[1,{\"c\":2}]"},
		{"keys({})", "[]"},
		{"join(params.words, ', ')", "\"a, b\""},
		{"join(params.list + [null, 'x', true, [1, 'y']], '-')", "\"1-2-3--x-true-[1,\\\"y\\\"]\""},
		{"join([], ',')", "\"\""},
		{"join(params.words)", "1+18 join() takes 2 arguments, not 1 (join(list, between): one text of the elements, with the other text between them)"},
		{"split('a,b,,c,', ',')", "[\"a\",\"b\",\"\",\"c\",\"\"]"},
		{"split(',', ',')", "[\"\",\"\"]"},
		{"split('', ',')", "[]"},
		{"split('a--b', '--')", "[\"a\",\"b\"]"},
		{"split(' a\tb\n c ')", "[\"a\",\"b\",\"c\"]"},
		{"split('')", "[]"},
		{"split()", "1+7 split() takes 1 or 2 arguments, not 0 (split(text, between): the parts of a text: between "
			    "blanks and line ends, or between each occurrence of the other text; none of an empty one)"},
		{"split('a', '')", "1+14 split() needs something to split at, not: ''"},
		{"min(3, 1.5, 2)", "1.5"},
		{"max(3, 1.5, 2)", "3"},
		{"max(params.list)", "3"},
		{"min('b', 'a')", "\"a\""},
		{"min(params.words)", "\"a\""},
		{"min([])", "1+7 min() needs at least one value: []"},
		{"max(params.n)", "! max() of one value needs a list, not: 3"},
		{"max(1, 'a')", "1+11 max() takes numbers, or texts, but not both or others"},
		{"max([[1]])", "1+10 max() takes numbers, or texts, but not both or others"},
		{"max()", "1+5 max() takes at least one argument (max(list), max(a, b, ...): the greatest of some numbers, or of some texts)"},
		{"sum(params.list)", "6"},
		{"sum([])", "0"},
		{"sum([1, 0.5])", "1.5"},
		{"sum([params.big, 1])", "! the result is beyond 64 bits: 9223372036854775807 + 1"},
		{"sum(params.words)", "! sum() takes a list of numbers, not: [\"a\",\"b\"]"},
	};

	(void)state;
	CHECK_LINES(lines);
}

static void functions_on_text(void **state)
{
	static const struct line lines[] = {
		{"lower('ÀBc')", "\"Àbc\""},
		{"upper('aßz')", "\"AßZ\""},
		{"replace('a-b c-d', /(\\w)-(\\w)/, '$2-$1')", "\"b-a d-c\""},
		{"replace(params.branch, 'x', 'y')", "\"main\""},
		{"replace(params.branch, params.pattern, 'M')", "\"Main\""},
		{"replace(params.branch, 'm', '$1')", "29+4 the pattern m has no group '1' (a dollar is written $$)"},
		{"replace(params.branch, 'm', '$' + params.branch)", "\"$mainain\""},
		{"replace(params.branch, 'm', '$' + json(params.n))", "! the pattern m has no group '3' (a dollar is written $$)"},
		{"replace(params.branch, '(', '')", "24+3 '(' is no pattern: missing closing parenthesis at offset 1"},
		{"match(params.branch, '(a)(x)?')", "[\"a\",\"a\",null]"},
		{"match(params.branch, 'x')", "null"},
		{"match(params.branch, '(.)n')[1] == 'i'", "true"},
		{"match(params.branch, params.badpattern)", "! '(' is no pattern: missing closing parenthesis at offset 1"},
		{"basename('/a/b.c')", "\"b.c\""},
		{"basename('a/b/')", "\"b\""},
		{"basename('a')", "\"a\""},
		{"basename('/')", "\"/\""},
		{"basename('//')", "\"/\""},
		{"basename('')", "\"\""},
		{"dirname('/a/b.c')", "\"/a\""},
		{"dirname('a/b/')", "\"a\""},
		{"dirname('a')", "\".\""},
		{"dirname('/a')", "\"/\""},
		{"dirname('/')", "\"/\""},
		{"dirname('')", "\".\""},
		{"dirname('a//b')", "\"a\""},
		{"json(params.map)", "\"{\\\"a\\\":1,\\\"b\\\":{\\\"c\\\":2}}\""},
		{"json('a')", "\"\\\"a\\\"\""},
		{"json(params.n)", "\"3\""},
		{"from_json('{\"a\": [1, 2.0, null]}')", "{\"a\":[1,2.0,null]}"},
		{"from_json(json(params.map)) == params.map", "true"},
		{"from_json(params.branch)", "! from_json() at 1:1: unknown word 'main' (text needs double quotes)"},
		{"int('42')", "42"},
		{"int('-08')", "-8"},
		{"int('+7')", "7"},
		{"int(2.9)", "2"},
		{"int(-2.9)", "-2"},
		{"int(true) + int(false)", "1"},
		{"int(params.n)", "3"},
		{"int('4x')", "1+9 int() needs text that is an integer, not: '4x'"},
		{"int('')", "1+7 int() needs text that is an integer, not: ''"},
		{"int(' 1')", "1+9 int() needs text that is an integer, not: ' 1'"},
		{"int('9223372036854775808')", "1+26 int() has only 64 bits: '9223372036854775808'"},
		{"int(1e19)", "1+9 int() has only 64 bits: 1e+19"},
		{"int(-9223372036854775808.0)", "-9223372036854775808"},
		{"int(null)", "5+4 int() takes true or false, a number or text, not null"},
		{"float('1.5')", "1.5"},
		{"float('1e2')", "100.0"},
		{"float(3)", "3.0"},
		{"float('inf')", "1+12 float() needs text that is a number, not: 'inf'"},
		{"float('0x1')", "1+12 float() needs text that is a number, not: '0x1'"},
		{"float('')", "1+9 float() needs text that is a number, not: ''"},
		{"float('1e999')", "1+14 float() needs text that is a number, not: '1e999'"},
		{"lenn([1])", "1+4 unknown function 'lenn' (did you mean 'len'?)"},
		{"xyzzyxyzzy(1)", "1+10 unknown function 'xyzzyxyzzy'"},
		{"len([1]", "8+0 the expression ends where ',' or ')' is missing"},
		{"len(1 2)", "7+1 expected ',' or ')', not '2'"},
	};

	(void)state;
	CHECK_LINES(lines);
}

static void dates_are_added_to(void **state)
{
	static const struct line lines[] = {
		{"date_add(params.date, '1d')", "\"2026-02-01\""},
		{"date_add('2026-01-31', '-31d')", "\"2025-12-31\""},
		{"date_add('2026-01-31', '1mo')", "\"2026-02-28\""},
		{"date_add('2024-01-31', '+1mo')", "\"2024-02-29\""},
		{"date_add('2026-01-31', '-2mo')", "\"2025-11-30\""},
		{"date_add('2024-02-29', '1y')", "\"2025-02-28\""},
		{"date_add('2024-02-29', '4y')", "\"2028-02-29\""},
		{"date_add('2026-01-31', '-2w')", "\"2026-01-17\""},
		{"date_add('2026-03-01', '-1d')", "\"2026-02-28\""},
		{"date_add('2000-03-01', '-1d')", "\"2000-02-29\""},
		{"date_add('1900-03-01', '-1d')", "\"1900-02-28\""},
		{"date_add('0001-01-01', '3652058d')", "\"9999-12-31\""},
		{"date_add('9999-12-31', '-3652058d')", "\"0001-01-01\""},
		{"date_add('2026-01-31', '0d')", "\"2026-01-31\""},
		{"date_add(today(), '7d')", "\"2026-01-09\""},
		{"date_add('0001-01-01', '-1d')", "1+29 the date is outside of the years 1 to 9999: '0001-01-01', '-1d'"},
		{"date_add('9999-12-31', '1mo')", "1+29 the date is outside of the years 1 to 9999: '9999-12-31', '1mo'"},
		{"date_add('2026-02-30', '1d')", "1+28 '2026-02-30' is no date such as 2026-01-31"},
		{"date_add('2026-13-01', '1d')", "1+28 '2026-13-01' is no date such as 2026-01-31"},
		{"date_add('0000-01-01', '1d')", "1+28 '0000-01-01' is no date such as 2026-01-31"},
		{"date_add('2026-1-1', '1d')", "1+26 '2026-1-1' is no date such as 2026-01-31"},
		{"date_add('2026-01-31', '1')", "1+27 '1' is no amount such as 1d, -2w, 1mo or 1y"},
		{"date_add('2026-01-31', '1h')", "1+28 '1h' is no amount such as 1d, -2w, 1mo or 1y"},
		{"date_add('2026-01-31', 'd')", "1+27 'd' is no amount such as 1d, -2w, 1mo or 1y"},
		{"date_add('2026-01-31', '99999999d')", "1+35 '99999999d' is no amount such as 1d, -2w, 1mo or 1y"},
	};

	(void)state;
	CHECK_LINES(lines);
}

/* Every day of some centuries: one more is the next one, one less the one before. */
static void days_follow_each_other(void **state)
{
	char date[16] = "1999-12-30", next[16];
	struct buf expr = BUF_INIT, got = BUF_INIT;

	(void)state;
	for (int i = 0; i < 900; i++) {
		buf_reset(&expr);
		buf_reset(&got);
		buf_addf(&expr, "date_add('%s', '1d')", date);
		outcome(&got, &see, expr.data);
		CHECK_INT(got.len, 12);
		snprintf(next, sizeof(next), "%.10s", got.data + 1);
		CHECK(strcmp(date, next) < 0);
		buf_reset(&expr);
		buf_reset(&got);
		buf_addf(&expr, "date_add('%s', '-1d') == '%s'", next, date);
		outcome(&got, &see, expr.data);
		CHECK_STR(got.data, "true");
		memcpy(date, next, sizeof(date));
	}
	CHECK_STR(date, "2002-06-17");
	buf_release(&expr);
	buf_release(&got);
}

/* --- a world that lacks something ------------------------------------------------------------------------- */

static void what_the_world_does_not_have_is_an_error(void **state)
{
	static const struct expr_world nothing = {0};
	static const struct line lines[] = {
		{"params.x", "! 'params' cannot be used here"},
		{"params.x ?? 1", "! 'params' cannot be used here"},
		{"ok()", "! ok() cannot be used here"},
		{"glob('x')", "! glob() cannot be used here"},
		{"exists('x')", "! exists() cannot be used here"},
		{"hash('x')", "! hash() cannot be used here"},
		{"today()", "! today() cannot be used here"},
		{"always()", "true"},
	};
	struct buf got = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		buf_reset(&got);
		outcome(&got, &nothing, lines[i].expr);
		CHECK_STR(got.data, lines[i].want);
	}
	buf_reset(&got);
	outcome(&got, NULL, "today()");
	CHECK_STR(got.data, "! today() cannot be used here");
	buf_release(&got);
}

/* --- other words --------------------------------------------------------------------------------------------- */

static void what_means_nothing_is_explained(void **state)
{
	static const struct line lines[] = {
		{"", "1+0 the expression is empty"},
		{" \n\t", "1+1 the expression is empty"},
		{"params.n = 3", "10+1 '=' means nothing here (equal is written ==)"},
		{"params.n === 3", "12+1 '=' means nothing here (equal is written ==)"},
		{"true & false", "6+1 '&' means nothing here (and is written &&)"},
		{"true | false", "6+1 '|' means nothing here (or is written ||)"},
		{"$HOME", "1+1 '$' means nothing here (a variable of the environment is written env.NAME)"},
		{"${{ 1 }}", "1+3 '${{' means nothing here (an expression has no other one in it: leave the ${{ }} out)"},
		{"1; 2", "2+1 ';' means nothing here (an expression is one value)"},
		{"1 # one", "3+1 '#' means nothing here (an expression has no comments)"},
		{"1 2", "3+1 expected an operator or the end, not '2'"},
		{"1 +", "4+0 the expression ends where a value is missing"},
		{"* 2", "1+1 expected a value, not '*'"},
		{"(1", "3+0 the expression ends where ')' is missing"},
		{"1)", "2+1 expected an operator or the end, not ')'"},
		{"()", "2+1 expected a value, not ')'"},
		{"1 <> 2", "4+1 expected a value, not '>'"},
		{"1 : 2", "3+1 expected an operator or the end, not ':'"},
		{"\xff", "1+1 the expression is not valid UTF-8"},
	};

	(void)state;
	CHECK_LINES(lines);
}

static void one_expression_can_have_several_errors(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, "parms.x == lenn(1) && abc");
	CHECK_INT(diags_errors(p.d), 3);
	drop(&p);
}

static void a_constant_condition_that_never_holds_is_warned_of(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, "params.n == 3 && 'a' == 'b'");
	CHECK(p.e);
	CHECK_INT(diags_warnings(p.d), 1);
	CHECK_STR(diags_at(p.d, 0)->text, "impossible condition: 'a' == 'b' is never true");
	CHECK_INT(diags_at(p.d, 0)->mark.col, 6 + 18);
	CHECK_INT(diags_at(p.d, 0)->mark.len, 10);
	drop(&p);
	parse(&p, "params.n == 3 && 'a' != 'b'");
	CHECK_INT(diags_count(p.d), 0);
	drop(&p);
}

/* --- places --------------------------------------------------------------------------------------------------- */

static void an_error_is_shown_below_its_word(void **state)
{
	static const char doc[] = "jobs:\n  a:\n    when: \"x\\ty == params.n\"\n    run: 'lenn(2)'\n";
	struct source *s = source_from("Jobfile", doc, sizeof(doc) - 1);
	struct arena *a = arena_new();
	struct diags *d = diags_new();
	struct buf out = BUF_INIT;
	size_t at = (size_t)(strstr(doc, "lenn") - doc);

	(void)state;
	CHECK(!expr_parse(a, "lenn(2)", source_mark(s, at, 7), d));
	diags_format(d, &out, false);
	CHECK_STR(out.data, "Jobfile:4:11: error: unknown function 'lenn'\n"
			    "    4 |     run: 'lenn(2)'\n"
			    "      |           ^~~~\n"
			    "      = did you mean 'len'?\n");
	/* Behind an escape the text is not as it stands in the file: then the whole is the place. */
	at = (size_t)(strstr(doc, "x\\t") - doc);
	CHECK(!expr_parse(a, "x\ty == params.n", source_mark(s, at, 16), d));
	CHECK_INT(diags_at(d, 2)->mark.line, 3);
	CHECK_INT(diags_at(d, 2)->mark.col, 12);
	CHECK_INT(diags_at(d, 2)->mark.len, 1);
	CHECK_INT(diags_at(d, diags_count(d) - 1)->mark.col, 12);
	CHECK_INT(diags_at(d, diags_count(d) - 1)->mark.len, 16);
	buf_release(&out);
	diags_free(d);
	arena_free(a);
	source_free(s);
}

static void without_a_source_there_is_no_place(void **state)
{
	struct arena *a = arena_new();
	struct diags *d = diags_new();

	(void)state;
	CHECK(!expr_parse(a, "1 +", MARK_NONE, d));
	CHECK_INT(diags_at(d, 0)->mark.line, 0);
	diags_free(d);
	arena_free(a);
}

/* --- names of an expression ------------------------------------------------------------------------------------ */

static void note_name(void *ctx, enum expr_root root, const char *const *path, size_t n, struct mark m)
{
	struct buf *b = ctx;

	buf_addf(b, "%s", root_words[root]);
	for (size_t i = 0; i < n; i++)
		buf_addf(b, "/%s", path[i]);
	buf_addf(b, "@%u+%u ", (unsigned)m.col - 6, (unsigned)m.len);
}

static void its_names_are_told_in_order(void **state)
{
	static const struct line lines[] = {
		{"1 + 2", ""},
		{"params.n", "params/n@1+8 "},
		{"steps.plan.compile.items[0].plan == 1", "steps/plan/compile/items@1+32 "},
		{"steps['a-b'].exit", "steps/a-b/exit@1+17 "},
		{"params[matrix.x].y", "params@1+18 matrix/x@8+8 "},
		{"ok() && (params.a? ?? [vars.b, {'k': env.C}])", "params/a@10+9 vars/b@24+6 env/C@38+5 "},
		{"len(needs.x.y) > total ? 1 : ctx", "needs/x/y@5+9 total@18+5 ctx@30+3 "},
		{"defined(consumes.v) || match(params.t, '(a)')[run.id]", "consumes/v@9+10 params/t@30+8 run/id@47+6 "},
		{"!(-payload)", "payload@4+7 "},
	};
	struct buf got = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct parsed p;

		buf_reset(&got);
		parse(&p, lines[i].expr);
		CHECK(p.e);
		expr_names(p.e, note_name, &got);
		CHECK_STR(got.data, lines[i].want);
		CHECK_STR(expr_text(p.e), lines[i].expr);
		CHECK_INT(expr_mark(p.e).col, 7);
		drop(&p);
	}
	buf_release(&got);
}

static void it_says_whether_it_asks_for_the_status(void **state)
{
	static const char *const yes[] = {"ok()", "params.n == 1 || failed()", "!canceled()", "[done()]", "always()"};
	static const char *const no[] = {"true", "failed > 0", "exists('x')", "'ok()'"};
	struct parsed p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		parse(&p, yes[i]);
		CHECK(expr_asks_status(p.e));
		drop(&p);
	}
	for (size_t i = 0; i < ARRAY_LEN(no); i++) {
		parse(&p, no[i]);
		CHECK(!expr_asks_status(p.e));
		drop(&p);
	}
}

static void a_test_is_yes_no_or_an_error(void **state)
{
	struct buf err = BUF_INIT;
	struct parsed p;

	(void)state;
	parse(&p, "params.list");
	CHECK_INT(expr_test(p.e, &see, &err), 1);
	drop(&p);
	parse(&p, "params.empty");
	CHECK_INT(expr_test(p.e, &see, &err), 0);
	CHECK_STR(err.data, "");
	drop(&p);
	parse(&p, "params.nope");
	CHECK_INT(expr_test(p.e, &see, &err), -1);
	CHECK_STR(err.data, "params has no 'nope'; did you mean 'none'?");
	drop(&p);
	buf_release(&err);
}

/* A message is added to what err has; success leaves it alone, also where something absent was allowed for. */
static void what_err_has_is_kept(void **state)
{
	struct buf err = BUF_INIT;
	struct parsed p;
	json_t *v;

	(void)state;
	buf_puts(&err, "before: ");
	parse(&p, "params.nope ?? params.nada? ?? defined(ctx.x)");
	v = expr_eval(p.e, &see, &err);
	CHECK(json_is_false(v));
	CHECK_STR(err.data, "before: ");
	drop(&p);
	parse(&p, "params.nope");
	CHECK(!expr_eval(p.e, &see, &err));
	CHECK_STR(err.data, "before: params has no 'nope'; did you mean 'none'?");
	drop(&p);
	json_decref(v);
	buf_release(&err);
}

/* --- limits ------------------------------------------------------------------------------------------------- */

static void repeat(struct buf *b, const char *text, size_t n)
{
	while (n--)
		buf_puts(b, text);
}

static void check_nested(const char *open, size_t n, const char *middle, const char *close, bool good)
{
	struct buf text = BUF_INIT;
	struct parsed p;

	repeat(&text, open, n);
	buf_puts(&text, middle);
	repeat(&text, close, n);
	parse(&p, text.data);
	if (!p.e != !good)
		fail_msg("%zu of %s are %s", n, open, good ? "refused" : "taken");
	if (!good)
		CHECK_STR(diags_at(p.d, 0)->text, "the expression is nested more than 64 deep");
	drop(&p);
	buf_release(&text);
}

static void nesting_is_limited(void **state)
{
	static const struct {
		const char *open, *middle, *close;
	} cases[] = {
		{"(", "1", ")"},	       {"[", "", "]"},	       {"!", "true", ""},
		{"- ", "(1)", ""},	       {"len(", "'a'", ")"},   {"params[", "'a'", "]"},
		{"{'a': ", "1", "}"},	       {"1 ? ", "1", " : 2"},  {"1 ? 2 : ", "1", ""},
	};

	(void)state;
	check_nested("(", EXPR_DEPTH_MAX - 1, "1", ")", true);
	check_nested("(", EXPR_DEPTH_MAX, "1", ")", false);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_nested(cases[i].open, 1000, cases[i].middle, cases[i].close, false);
}

static void a_long_chain_is_not_deep(void **state)
{
	static const struct {
		const char *first, *more, *want;
	} cases[] = {
		{"params.n", " + 1", "4003"},	  {"params.n", " && true", "true"}, {"params.x?", " ?? null", "null"},
		{"params.n", " * 1", "3"},	  {"false", " || params.none", "false"},
	};
	struct buf text = BUF_INIT, got = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		buf_reset(&text);
		buf_reset(&got);
		buf_puts(&text, cases[i].first);
		repeat(&text, cases[i].more, 4000);
		outcome(&got, &see, text.data);
		CHECK_STR(got.data, cases[i].want);
	}
	buf_release(&text);
	buf_release(&got);
}

static void the_text_is_limited(void **state)
{
	struct buf text = BUF_INIT, got = BUF_INIT;

	(void)state;
	buf_puts(&text, "params.n ");
	buf_pad(&text, ' ', EXPR_TEXT_MAX - text.len);
	outcome(&got, &see, text.data);
	CHECK_STR(got.data, "3");
	buf_putc(&text, ' ');
	buf_reset(&got);
	outcome(&got, &see, text.data);
	CHECK(strstr(got.data, "the expression is longer than 65536 bytes"));
	buf_release(&text);
	buf_release(&got);
}

static void operations_are_limited(void **state)
{
	struct buf text = BUF_INIT, got = BUF_INIT;

	(void)state;
	buf_puts(&text, "params.n");
	repeat(&text, "+params.n", EXPR_OPS_MAX / 2);
	outcome(&got, &see, text.data);
	CHECK_STR(got.data, "! the expression needs more than 10000 operations");
	/* Constants are worked out at load, and have the same limit there. */
	buf_reset(&text);
	buf_reset(&got);
	buf_putc(&text, '1');
	repeat(&text, "+1", EXPR_OPS_MAX);
	outcome(&got, &see, text.data);
	CHECK(strstr(got.data, "the expression needs more than 10000 operations"));
	buf_release(&text);
	buf_release(&got);
}

static void searches_count_as_many_operations(void **state)
{
	struct buf text = BUF_INIT, got = BUF_INIT;

	(void)state;
	buf_puts(&text, "false");
	repeat(&text, " || params.branch !~ 'm'", 300);
	outcome(&got, &see, text.data);
	CHECK_STR(got.data, "! the expression needs more than 10000 operations");
	buf_release(&text);
	buf_release(&got);
}

static void a_text_that_is_made_has_at_most_1_MB(void **state)
{
	static const struct line lines[] = {
		{"len(payload + payload)", "1048576"},
		{"len(payload + payload + 'x')", "! the text would be longer than 1048576 bytes"},
		{"len(join([payload, payload], ''))", "1048576"},
		{"join([payload, payload], ',')", "! the text would be longer than 1048576 bytes"},
		{"json([payload, payload])", "! the text would be longer than 1048576 bytes"},
		{"len(replace(payload, 'a', 'bb'))", "1048576"},
		{"len(replace(payload, 'a', 'bbb'))", "! the text would be longer than 1048576 bytes"},
		{"replace(payload, 'a', '$0$0$0')", "! the text would be longer than 1048576 bytes"},
		{"len(upper(payload))", "524288"},
		{"len(split(payload, 'a')) - 1", "524288"},
	};
	struct world w = {0};
	struct expr_world big = see;
	struct buf text = BUF_INIT, got = BUF_INIT;

	(void)state;
	buf_pad(&text, 'a', EXPR_RESULT_MAX / 2);
	w.root = json_pack("{s:s}", "payload", text.data);
	big.ctx = &w;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		buf_reset(&got);
		outcome(&got, &big, lines[i].expr);
		if (strcmp(got.data, lines[i].want))
			fail_msg("%s gives %.200s", lines[i].expr, got.data);
	}
	json_decref(w.root);
	buf_release(&text);
	buf_release(&got);
}

/* Lists that hold each other twice: small in memory, longer than any memory as text. */
static void a_value_that_would_be_endless_as_text_is_refused(void **state)
{
	static const struct line lines[] = {
		{"json(payload)", "! the text would be longer than 1048576 bytes"},
		{"join(payload, '')", "! the text would be longer than 1048576 bytes"},
		{"payload == ctx", "! the expression needs more than 10000 operations"},
		{"payload in [ctx]", "! the expression needs more than 10000 operations"},
		{"payload + 1", "! '+' joins two numbers, two texts or two lists, not a list and a number: [a list of 2] + 1 "
				"(json(x) makes text of a number)"},
		{"payload == payload", "true"},
	};
	struct world w = {0};
	struct expr_world big = see;
	struct buf got = BUF_INIT;
	json_t *a = json_pack("[i]", 1), *b = json_pack("[i]", 1);

	(void)state;
	for (int i = 0; i < 60; i++) {
		a = json_pack("[o, O]", a, a);
		b = json_pack("[o, O]", b, b);
	}
	w.root = json_pack("{s:o, s:o}", "payload", a, "ctx", b);
	big.ctx = &w;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		buf_reset(&got);
		outcome(&got, &big, lines[i].expr);
		CHECK_STR(got.data, lines[i].want);
	}
	json_decref(w.root);
	buf_release(&got);
}

static void going_through_much_data_counts_as_many_operations(void **state)
{
	static const char *const exprs[] = {
		"sum(payload)",	 "min(payload)",   "payload + []",	"join(payload, '')", "1 in payload",
		"len(ctx)",	 "split(ctx)",	   "upper(ctx)",	"'x' in ctx",	     "ctx + ''",
		"ctx == vars",	 "from_json(ctx)", "join([ctx], '')",	"json(ctx)",
	};
	enum { ELEMENTS = 2600000, BYTES = 42000000 };
	struct world w = {.root = json_object()};
	struct expr_world big = see;
	struct buf text = BUF_INIT, got = BUF_INIT;
	json_t *list = json_array();

	(void)state;
	for (int i = 0; i < ELEMENTS; i++)
		json_array_append_new(list, json_true());
	buf_pad(&text, 'a', BYTES);
	json_object_set_new(w.root, "payload", list);
	json_object_set_new(w.root, "ctx", json_stringn_nocheck(text.data, text.len));
	json_object_set_new(w.root, "vars", json_stringn_nocheck(text.data, text.len));
	big.ctx = &w;
	for (size_t i = 0; i < ARRAY_LEN(exprs); i++) {
		buf_reset(&got);
		outcome(&got, &big, exprs[i]);
		if (!strstr(got.data, "! the expression needs more than 10000 operations") &&
		    !strstr(got.data, "! the text would be longer than 1048576 bytes"))
			fail_msg("%s gives %.200s", exprs[i], got.data);
	}
	json_decref(w.root);
	buf_release(&text);
	buf_release(&got);
}

static void what_is_nested_too_deep_is_not_compared(void **state)
{
	static const struct line lines[] = {
		{"payload == ctx", "! the values are nested too deep to be compared"},
		{"json(payload)", "! the text would be longer than 1048576 bytes"},
		{"payload == payload", "true"},
	};
	struct world w = {0};
	struct expr_world deep = see;
	struct buf got = BUF_INIT;
	json_t *a = json_array(), *b = json_array();

	(void)state;
	for (int i = 0; i < 300; i++) {
		a = json_pack("[o]", a);
		b = json_pack("[o]", b);
	}
	w.root = json_pack("{s:o, s:o}", "payload", a, "ctx", b);
	deep.ctx = &w;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		buf_reset(&got);
		outcome(&got, &deep, lines[i].expr);
		CHECK_STR(got.data, lines[i].want);
	}
	json_decref(w.root);
	buf_release(&got);
}

static void a_list_of_100000_is_ordinary(void **state)
{
	static const struct line lines[] = {
		{"len(payload)", "100000"},	      {"sum(payload)", "4999950000"},   {"max(payload)", "99999"},
		{"99999 in payload", "true"},	      {"len(payload + [1])", "100001"}, {"payload == payload + []", "true"},
		{"len(join(payload, ' '))", "588889"}, {"payload[99999]", "99999"},
	};
	struct world w = {.root = json_object()};
	struct expr_world big = see;
	struct buf got = BUF_INIT;
	json_t *list = json_array();

	(void)state;
	for (int i = 0; i < 100000; i++)
		json_array_append_new(list, json_integer(i));
	json_object_set_new(w.root, "payload", list);
	big.ctx = &w;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		buf_reset(&got);
		outcome(&got, &big, lines[i].expr);
		CHECK_STR(got.data, lines[i].want);
	}
	json_decref(w.root);
	buf_release(&got);
}

/* --- properties ------------------------------------------------------------------------------------------------- */

static void a_value_is_never_parsed_again(void **state)
{
	static const struct line lines[] = {
		{"params.evil", "\"${{ params.n }}\""},
		{"'<' + params.evil + '>'", "\"<${{ params.n }}>\""},
		{"replace(params.evil, 'n }', 'f }')", "\"${{ params.f }}\""},
		{"params[params.evil]?", "null"},
		{"[params.evil]", "[\"${{ params.n }}\"]"},
	};

	(void)state;
	CHECK_LINES(lines);
}

static const char *const words[] = {
	"params",   ".n",	 ".list",  ".map",  ".nope", "?",     "[",	  "]",	  "[0]",	"(",	 ")",	"{",
	"}",	    "'a'",	 "\"b\"",  ":",	    ",",     " == ",  " < ",	  " =~ ", "/a+/",	" in ",	 " + ", " - ",
	" * ",	    " / ",	 " % ",	   " && ",  " || ",  " ?? ",  " ? ",	  "!",	  "-",		"1",	 "2.5", "true",
	"null",	    "len(",	 "ok()",   "min(",  "join(", "json(", "split(",	  "steps", ".plan.compile", "'it''s'", "[1, 2]",
	"{'a': 1}", "date_add(", "match(", "replace(", "'$1'", "secrets.key", "é",	  "\\",	  "\n",		"'",	 "\"",	"$",
};

static void make_garbage(struct buf *text)
{
	buf_reset(text);
	for (int n = rand() % 14; n >= 0; n--)
		buf_puts(text, words[(size_t)rand() % ARRAY_LEN(words)]);
	if (rand() % 8 == 0 && text->len) {
		text->data[(size_t)rand() % text->len] = (char)(1 + rand() % 255);
	}
}

static void garbage_gives_a_value_or_an_error_and_always_the_same(void **state)
{
	struct buf text = BUF_INIT, got = BUF_INIT, again = BUF_INIT;

	(void)state;
	srand(check_seed());
	for (int i = 0; i < 5000; i++) {
		make_garbage(&text);
		buf_reset(&got);
		buf_reset(&again);
		outcome(&got, &see, text.data);
		outcome(&again, &see, text.data);
		if (strcmp(got.data, again.data))
			fail_msg("'%s': %s, then %s", text.data, got.data, again.data);
	}
	buf_release(&text);
	buf_release(&got);
	buf_release(&again);
}

/* A tree that is surely right, as text, of constants and names. */
static void make_expr(struct buf *b, int depth)
{
	static const char *const leaf[] = {"1", "2.5", "params.n", "params.f", "7", "len(params.list)", "params.map.a"};
	static const char *const op[] = {" + ", " - ", " * ", " + -"};

	if (depth <= 0 || rand() % 4 == 0) {
		buf_puts(b, leaf[(size_t)rand() % ARRAY_LEN(leaf)]);
		return;
	}
	switch (rand() % 4) {
	case 0:
		buf_putc(b, '(');
		make_expr(b, depth - 1);
		buf_putc(b, ')');
		break;
	case 1:
		buf_puts(b, "max(");
		make_expr(b, depth - 1);
		buf_puts(b, ", ");
		make_expr(b, depth - 1);
		buf_putc(b, ')');
		break;
	case 2:
		buf_puts(b, "(params.n > ");
		make_expr(b, depth - 1);
		buf_puts(b, " ? ");
		make_expr(b, depth - 1);
		buf_puts(b, " : ");
		make_expr(b, depth - 1);
		buf_putc(b, ')');
		break;
	default:
		make_expr(b, depth - 1);
		buf_puts(b, op[(size_t)rand() % ARRAY_LEN(op)]);
		make_expr(b, depth - 1);
	}
}

static void parentheses_and_repetition_change_nothing(void **state)
{
	struct buf text = BUF_INIT, wrapped = BUF_INIT, got = BUF_INIT, again = BUF_INIT;

	(void)state;
	srand(check_seed());
	for (int i = 0; i < 2000; i++) {
		buf_reset(&text);
		buf_reset(&wrapped);
		buf_reset(&got);
		buf_reset(&again);
		make_expr(&text, 4);
		buf_addf(&wrapped, "[(%s)][0]", text.data);
		outcome(&got, &see, text.data);
		outcome(&again, &see, wrapped.data);
		if (strcmp(got.data, again.data))
			fail_msg("%s: %s, then %s", text.data, got.data, again.data);
	}
	buf_release(&text);
	buf_release(&wrapped);
	buf_release(&got);
	buf_release(&again);
}

static void evaluating_twice_is_the_same_and_changes_nothing(void **state)
{
	struct buf before = BUF_INIT, after = BUF_INIT, err = BUF_INIT;
	struct parsed p;
	json_t *a, *b;

	(void)state;
	json_canonical(&before, the_world.root, JSON_TIGHT);
	parse(&p, "[params.list + [1], params.map, keys(params.map), {'a': params.words}, split('a b'), [1, 2]]");
	a = expr_eval(p.e, &see, &err);
	b = expr_eval(p.e, &see, &err);
	CHECK(a && b && json_equal(a, b));
	json_decref(a);
	json_decref(b);
	drop(&p);
	json_canonical(&after, the_world.root, JSON_TIGHT);
	CHECK_STR(after.data, before.data);
	buf_release(&before);
	buf_release(&after);
	buf_release(&err);
}

/* A value outlives the expression it came from. */
static void a_value_is_a_reference_of_its_own(void **state)
{
	struct buf err = BUF_INIT, text = BUF_INIT;
	struct parsed p;
	json_t *v;

	(void)state;
	parse(&p, "['a' + 'b', /x/]");
	v = expr_eval(p.e, &see, &err);
	drop(&p);
	json_text(&text, v, JSON_TIGHT);
	CHECK_STR(text.data, "[\"ab\",\"/x/\"]");
	json_decref(v);
	buf_release(&err);
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(literals_are_json_and_single_quotes),
		cmocka_unit_test(arithmetic_is_exact_or_an_error),
		cmocka_unit_test(equal_things_are_of_one_type),
		cmocka_unit_test(order_is_of_two_numbers_or_two_texts),
		cmocka_unit_test(in_looks_into_lists_maps_and_texts),
		cmocka_unit_test(patterns_are_searched_for),
		cmocka_unit_test(logic_gives_true_or_false_and_stops_early),
		cmocka_unit_test(names_lead_along_keys_and_indices),
		cmocka_unit_test(the_names_are_told_each_once_with_what_they_were),
		cmocka_unit_test(of_the_environment_and_of_secrets_no_value_is_told),
		cmocka_unit_test(what_is_absent_can_be_allowed_for),
		cmocka_unit_test(ids_with_dots_are_the_longest_that_exist),
		cmocka_unit_test(a_secret_is_not_shown_in_messages),
		cmocka_unit_test(functions_about_the_run),
		cmocka_unit_test(functions_on_lists_and_maps),
		cmocka_unit_test(functions_on_text),
		cmocka_unit_test(dates_are_added_to),
		cmocka_unit_test(days_follow_each_other),
		cmocka_unit_test(what_the_world_does_not_have_is_an_error),
		cmocka_unit_test(what_means_nothing_is_explained),
		cmocka_unit_test(one_expression_can_have_several_errors),
		cmocka_unit_test(a_constant_condition_that_never_holds_is_warned_of),
		cmocka_unit_test(an_error_is_shown_below_its_word),
		cmocka_unit_test(without_a_source_there_is_no_place),
		cmocka_unit_test(its_names_are_told_in_order),
		cmocka_unit_test(it_says_whether_it_asks_for_the_status),
		cmocka_unit_test(a_test_is_yes_no_or_an_error),
		cmocka_unit_test(what_err_has_is_kept),
		cmocka_unit_test(nesting_is_limited),
		cmocka_unit_test(a_long_chain_is_not_deep),
		cmocka_unit_test(the_text_is_limited),
		cmocka_unit_test(operations_are_limited),
		cmocka_unit_test(searches_count_as_many_operations),
		cmocka_unit_test(a_text_that_is_made_has_at_most_1_MB),
		cmocka_unit_test(a_value_that_would_be_endless_as_text_is_refused),
		cmocka_unit_test(going_through_much_data_counts_as_many_operations),
		cmocka_unit_test(what_is_nested_too_deep_is_not_compared),
		cmocka_unit_test(a_list_of_100000_is_ordinary),
		cmocka_unit_test(a_value_is_never_parsed_again),
		cmocka_unit_test(garbage_gives_a_value_or_an_error_and_always_the_same),
		cmocka_unit_test(parentheses_and_repetition_change_nothing),
		cmocka_unit_test(evaluating_twice_is_the_same_and_changes_nothing),
		cmocka_unit_test(a_value_is_a_reference_of_its_own),
	};

	return cmocka_run_group_tests(tests, open_world, close_world);
}
