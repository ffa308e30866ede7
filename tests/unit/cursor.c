#include "doc/cursor.h"

#include <dirent.h>
#include <time.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "check.h"
#include "doc/json.h"

struct world {
	struct source *source;
	struct diags *diags;
	struct arena *arena;
	struct node *root;
	struct buf out;
};

static struct world read_bytes(const char *name, const char *text, size_t len, enum doc_format format)
{
	struct world w = {.source = source_from(name, text, len),
			  .diags = diags_new(),
			  .arena = arena_new(),
			  .out = BUF_INIT};

	w.root = doc_read(w.source, format, w.arena, w.diags);
	return w;
}

static struct world read_text(const char *text, enum doc_format format)
{
	return read_bytes("x", text, strlen(text), format);
}

static void world_release(struct world *w)
{
	diags_free(w->diags);
	arena_free(w->arena);
	source_free(w->source);
	buf_release(&w->out);
}

/* The document as tight JSON, or its first error as `line:col text`. */
static void reads_as(const char *text, enum doc_format format, const char *want)
{
	struct world w = read_text(text, format);
	json_t *v = w.root ? node_to_json(w.root, w.diags) : NULL;

	if (v) {
		json_text(&w.out, v, JSON_TIGHT);
	} else {
		const struct diag *g = diags_at(w.diags, 0);

		buf_addf(&w.out, "%u:%u %s", (unsigned)g->mark.line, (unsigned)g->mark.col, g->text);
	}
	if (strcmp(w.out.data, want))
		fail_msg("%s\nis %s, not %s", text, w.out.data, want);
	json_decref(v);
	world_release(&w);
}

static void yaml(const char *text, const char *want)
{
	reads_as(text, DOC_YAML, want);
}

static void json(const char *text, const char *want)
{
	reads_as(text, DOC_JSON, want);
}

/* ---- the events ---- */

static const char *event_word(enum doc_event e)
{
	static const char *const word[] = {
		[DOC_SCALAR] = "scalar", [DOC_LIST] = "[", [DOC_MAP] = "{", [DOC_END] = "end",
		[DOC_FINISHED] = "finished", [DOC_BAD] = "bad",
	};

	return word[e];
}

/* All events with their places, peeking at each first. */
static void events_are(const char *text, enum doc_format format, const char *want)
{
	struct source *s = source_from("x", text, strlen(text));
	struct diags *d = diags_new();
	struct cursor *c = cursor_open(s, format, d);
	struct buf b = BUF_INIT;
	enum doc_event e;

	do {
		const struct node *n = NULL;
		enum doc_event peeked = cursor_peek(c);
		struct mark m = cursor_mark(c);

		e = cursor_next(c, &n);
		CHECK_INT(peeked, e);
		buf_addf(&b, "%s%u:%u+%u ", b.len ? " " : "", (unsigned)m.line, (unsigned)m.col,
			 (unsigned)m.len);
		if (e == DOC_SCALAR)
			buf_addf(&b, "%s%s", n->style == STYLE_PLAIN ? "" : "'", n->text);
		else
			buf_puts(&b, event_word(e));
	} while (e != DOC_FINISHED && e != DOC_BAD);
	CHECK_INT(cursor_next(c, NULL), e);
	CHECK_INT(cursor_peek(c), e);
	CHECK_STR(b.data, want);
	buf_release(&b);
	cursor_free(c);
	diags_free(d);
	source_free(s);
}

static void both_formats_tell_the_same_events(void **state)
{
	static const char text[] = "{\"a\": [1, \"x\"],\n \"b\": {}}";
	static const char want[] = "1:1+1 { 1:2+3 'a 1:7+1 [ 1:8+1 1 1:11+3 'x 1:14+1 end "
				   "2:2+3 'b 2:7+1 { 2:8+1 end 2:9+1 end 2:10+0 finished";

	(void)state;
	events_are(text, DOC_JSON, want);
	events_are(text, DOC_YAML, want);
}

static void block_yaml_has_places_too(void **state)
{
	(void)state;
	events_are("a:\n  - é\n  - 'y z'\nb: |\n  t\nc:\n", DOC_YAML,
		   "1:1+0 { 1:1+1 a 2:3+0 [ 2:5+2 é 3:5+5 'y z 4:1+0 end 4:1+1 b 4:4+1 't\n "
		   "6:1+1 c 6:3+0  7:1+0 end 7:1+0 finished");
}

static void an_empty_document_is_null(void **state)
{
	(void)state;
	events_are("", DOC_YAML, "1:1+0  1:1+0 finished");
	events_are("# only\n", DOC_YAML, "2:1+0  2:1+0 finished");
	events_are("---\n", DOC_YAML, "2:1+0  2:1+0 finished");
	yaml("", "null");
	json("", "1:1 a value is missing: the text ends here");
}

static void what_is_skipped_is_checked_all_the_same(void **state)
{
	static const char text[] = "[[1, 2 3]]";
	struct source *s = source_from("x", text, strlen(text));
	struct diags *d = diags_new();
	struct cursor *c = cursor_open(s, DOC_JSON, d);

	(void)state;
	CHECK(!cursor_skip(c));
	CHECK(!cursor_skip(c));
	CHECK_INT(diags_errors(d), 1);
	cursor_free(c);
	diags_free(d);
	source_free(s);
}

static void a_bad_document_stays_bad(void **state)
{
	(void)state;
	events_are("[1 2]", DOC_JSON, "1:1+1 [ 1:2+1 1 1:4+1 bad");
	events_are("a\xff", DOC_YAML, "1:2+1 bad");
}

static void a_reader_takes_what_it_wants_whole_and_skips_the_rest(void **state)
{
	static const char text[] = "a: {x: [1, 2]}\nb: [3, {y: 4}]\nc: 5\n";
	struct source *s = source_from("x", text, strlen(text));
	struct diags *d = diags_new();
	struct arena *a = arena_new();
	struct cursor *c = cursor_open(s, DOC_YAML, d);
	const struct node *n;

	(void)state;
	CHECK_INT(cursor_next(c, NULL), DOC_MAP);
	CHECK_INT(cursor_next(c, &n), DOC_SCALAR);
	CHECK(cursor_skip(c));
	CHECK_INT(cursor_next(c, &n), DOC_SCALAR);
	CHECK_STR(n->text, "b");
	CHECK_STR(node_get(cursor_tree(c, a)->item[1], "y")->text, "4");
	CHECK_INT(cursor_next(c, &n), DOC_SCALAR);
	CHECK_STR(n->text, "c");
	CHECK_STR(cursor_tree(c, a)->text, "5");
	CHECK_INT(cursor_next(c, NULL), DOC_END);
	CHECK_INT(cursor_next(c, NULL), DOC_FINISHED);
	cursor_free(c);
	arena_free(a);
	diags_free(d);
	source_free(s);
	cursor_free(NULL);
}

static void the_format_is_told_by_name_and_first_characters(void **state)
{
	static const struct {
		const char *name, *text;
		enum doc_format want;
	} cases[] = {
		{"a.json", "{\"a\": b}", DOC_JSON},	{"a.json", "  [", DOC_JSON},
		{"a.json", "// c\n{}", DOC_JSON},	{"a.json", "a: 1", DOC_YAML},
		{"a.json", "", DOC_YAML},		{"a.yml", "[1]", DOC_YAML},
		{"a.yml", "{\"a\": 1}", DOC_JSON},	{"-", "\n {}\n", DOC_JSON},
		{"-", "{\"a\\\"b\" : [", DOC_JSON},	{"-", "{\"a\": b}", DOC_YAML},
		{"-", "{a: 1}", DOC_YAML},		{"-", "{\"a\"", DOC_YAML},
		{"-", "{\"a\\", DOC_YAML},		{"-", "{", DOC_YAML},
		{"-", "{\"a\" b}", DOC_YAML},		{"-", "{\"a\nb\": 1}", DOC_YAML},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct source *s =
			source_from(cases[i].name, cases[i].text, strlen(cases[i].text));

		if (doc_format_of(s) != cases[i].want)
			fail_msg("%s of %s", cases[i].text, cases[i].name);
		source_free(s);
	}
}

/* ---- anchors, aliases, << ---- */

static void an_alias_stands_for_the_value_with_its_anchor(void **state)
{
	(void)state;
	yaml("a: &x [1, {b: &y z}]\nb: *x\nc: *y\n",
	     "{\"a\":[1,{\"b\":\"z\"}],\"b\":[1,{\"b\":\"z\"}],\"c\":\"z\"}");
	yaml("a: &x 1\nb: &x 2\nc: *x\n", "{\"a\":1,\"b\":2,\"c\":2}");
	yaml("- &a {p: 1}\n- &b {q: *a, r: [*a]}\n- *b\n",
	     "[{\"p\":1},{\"q\":{\"p\":1},\"r\":[{\"p\":1}]},{\"q\":{\"p\":1},\"r\":[{\"p\":1}]}]");
	yaml("a: &k b\n*k : c\n", "{\"a\":\"b\",\"b\":\"c\"}");
	yaml("- &e\n- *e\n- &t !!str 5\n- *t\n", "[null,null,\"5\",\"5\"]");
}

static void a_merge_brings_the_pairs_that_a_map_does_not_have(void **state)
{
	(void)state;
	yaml("- &b {x: 1, y: [2]}\n- {<<: *b, y: 3, z: 4}\n",
	     "[{\"x\":1,\"y\":[2]},{\"y\":3,\"z\":4,\"x\":1}]");
	yaml("- &b {x: 1}\n- {x: 2, <<: *b}\n", "[{\"x\":1},{\"x\":2}]");
	yaml("- &b {x: 1}\n- {<<: [*b, {x: 2, w: 5}], v: 6}\n",
	     "[{\"x\":1},{\"v\":6,\"x\":1,\"w\":5}]");
	yaml("{<<: {a: 1, <<: {b: 2}}, c: 3}", "{\"c\":3,\"a\":1,\"b\":2}");
	yaml("- &l [{a: 1}, {b: 2}]\n- {<<: *l}\n", "[[{\"a\":1},{\"b\":2}],{\"a\":1,\"b\":2}]");
	yaml("{<<: [], a: 1}", "{\"a\":1}");
	yaml("{<<: {}}", "{}");
}

static void what_a_merged_map_merges_comes_before_the_next_one(void **state)
{
	(void)state;
	yaml("- &n {a: 1}\n- &m {<<: *n}\n- {<<: [*m, {a: 2, b: 3}]}\n",
	     "[{\"a\":1},{\"a\":1},{\"a\":1,\"b\":3}]");
}

static void a_merged_map_can_be_an_anchor_itself(void **state)
{
	(void)state;
	yaml("- &b {x: 1}\n- &c {<<: *b, q: 2}\n- *c\n- {<<: *c, x: 3}\n",
	     "[{\"x\":1},{\"q\":2,\"x\":1},{\"q\":2,\"x\":1},{\"x\":3,\"q\":2}]");
	yaml("- {<<: &i {x: 1}, y: 2}\n- *i\n", "[{\"y\":2,\"x\":1},{\"x\":1}]");
	yaml("- &k <<\n- {*k : {a: 1}, b: 2}\n- &m {c: &d {*k : {e: 1}}}\n- *m\n- *d\n",
	     "[\"<<\",{\"b\":2,\"a\":1},{\"c\":{\"e\":1}},{\"c\":{\"e\":1}},{\"e\":1}]");
}

static void a_quoted_merge_key_is_a_key(void **state)
{
	(void)state;
	yaml("{'<<': 1}", "{\"<<\":1}");
	yaml("{!!str <<: 1}", "{\"<<\":1}");
}

static void a_merged_map_is_checked_as_any_other(void **state)
{
	(void)state;
	yaml("{<<: {a: 1, a: 2}}", "1:13 duplicate key 'a'");
	yaml("{<<: {a: !no x}}", "1:10 unknown tag '!no'");
	yaml("{<<: [{a: 1}, 5]}", "1:2 '<<' takes a map or a list of maps");
	yaml("- &s x\n- {<<: *s}\n", "2:4 '<<' takes a map or a list of maps");
}

/* ---- tags ---- */

static void core_tags_say_what_a_scalar_is(void **state)
{
	(void)state;
	yaml("[!!str 5, !!str , !!int '5', !!float 1, !!float 1.5, !!bool 'true', !!null '']",
	     "[\"5\",\"\",5,1.0,1.5,true,null]");
	yaml("{a: !!map {}, b: !!seq []}", "{\"a\":{},\"b\":[]}");
	yaml("a: !!str |\n  t\n", "{\"a\":\"t\\n\"}");
	yaml("!!int 1.5", "1:1 '1.5' is no value of '!!int'");
	yaml("!!float 0x10", "1:1 '0x10' is no value of '!!float'");
	yaml("!!map []", "1:1 '!!map' does not fit what follows it");
	yaml("!t []", "1:1 unknown tag '!t'");
}

/* ---- what is refused ---- */

static void all_duplicate_keys_are_found(void **state)
{
	struct world w = read_text("a: 1\nb: {x: 1, x: 2}\na: {y: 1, y: 2}\nb: !t z\n", DOC_YAML);

	(void)state;
	CHECK(!w.root);
	CHECK_INT(diags_errors(w.diags), 5);
	CHECK_INT(diags_at(w.diags, 1)->kind, DIAG_NOTE);
	world_release(&w);
}

static void a_tree_with_a_duplicate_key_is_as_if_it_were_not_there(void **state)
{
	static const char text[] = "{\"a\": 1, \"a\": [2, {\"b\": 3}], \"c\": 4}";

	(void)state;
	for (int format = DOC_YAML; format <= DOC_JSON; format++) {
		struct source *s = source_from("x", text, strlen(text));
		struct diags *d = diags_new();
		struct arena *a = arena_new();
		struct cursor *c = cursor_open(s, (enum doc_format)format, d);
		struct node *n = cursor_tree(c, a);

		CHECK_INT(n->n, 2);
		CHECK_STR(node_get(n, "a")->text, "1");
		CHECK_STR(node_get(n, "c")->text, "4");
		CHECK_INT(diags_errors(d), 1);
		cursor_free(c);
		arena_free(a);
		diags_free(d);
		source_free(s);
	}
}

static void a_document_of_errors_is_given_up(void **state)
{
	struct buf b = BUF_INIT;
	struct world w;

	(void)state;
	for (int i = 0; i < 5000; i++)
		buf_puts(&b, "a: *x\n");
	w = read_text(b.data, DOC_YAML);
	CHECK(diags_errors(w.diags) <= 102);
	CHECK_STR(diags_at(w.diags, diags_count(w.diags) - 1)->text,
		  "too many errors: the rest of the document is not read");
	world_release(&w);
	buf_release(&b);
}

static void keys_are_distinct_by_their_text(void **state)
{
	(void)state;
	yaml("{1: a, '1': b}", "1:8 duplicate key '1'");
	yaml("{a: {a: {a: 1}}, b: {a: 1}}", "{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":1}}");
	json("{\"\\u0061\": 1, \"a\": 2}", "1:15 duplicate key 'a'");
	json("{\"a\": 1, \"\\u0061\": 2}", "1:10 duplicate key 'a'");
	json("{\"\": 1, \"\": 2}", "1:9 duplicate key ''");
}

static void bytes_are_refused(const char *text, size_t len, const char *want)
{
	for (int format = DOC_YAML; format <= DOC_JSON; format++) {
		struct world w = read_bytes("x", text, len, (enum doc_format)format);

		CHECK(!w.root);
		CHECK_INT(diags_errors(w.diags), 1);
		buf_addf(&w.out, "%u:%u %s", (unsigned)diags_at(w.diags, 0)->mark.line,
			 (unsigned)diags_at(w.diags, 0)->mark.col, diags_at(w.diags, 0)->text);
		CHECK_STR(w.out.data, want);
		world_release(&w);
	}
}

static void nul_and_bad_utf8_are_refused_with_their_place(void **state)
{
	(void)state;
	bytes_are_refused("[1,\n 2\0]", 8, "2:3 a NUL byte in the text");
	bytes_are_refused("[\"a\xff\"]", 6, "1:4 byte 0xff is not UTF-8");
	bytes_are_refused("[\"\xc0\x80\"]", 6, "1:3 byte 0xc0 is not UTF-8");
	bytes_are_refused("[\"\xed\xa0\x80\"]", 7, "1:3 byte 0xed is not UTF-8");
	bytes_are_refused("[\"\xf4\x90\x80\x80\"]", 8, "1:3 byte 0xf4 is not UTF-8");
	bytes_are_refused("\"\xe2\x82", 3, "1:2 byte 0xe2 is not UTF-8");
	bytes_are_refused("\xff\xfe[\0]\0", 6, "1:1 the text is UTF-16");
}

static void a_byte_order_mark_and_crlf_are_fine(void **state)
{
	struct world w;

	(void)state;
	yaml("\xef\xbb\xbf" "a: 1\r\nb: |\r\n  x\r\n  y\r\n", "{\"a\":1,\"b\":\"x\\ny\\n\"}");
	json("\xef\xbb\xbf" "{\"a\":\r\n1}\r\n", "{\"a\":1}");
	w = read_text("a: 1\r\nb: @x\r\n", DOC_YAML);
	diags_format(w.diags, &w.out, false);
	CHECK_STR(w.out.data, "x:2:4: error: a text cannot start with '@'\n"
			      "    2 | b: @x\n"
			      "      |    ^~\n"
			      "      = references must be quoted: \"@x\"\n");
	world_release(&w);
}

static void nest(struct buf *b, const char *open, int n, const char *middle, const char *close)
{
	buf_reset(b);
	for (int i = 0; i < n; i++)
		buf_puts(b, open);
	buf_puts(b, middle);
	for (int i = 0; i < n; i++)
		buf_puts(b, close);
}

static void a_hundred_levels_are_allowed_and_no_more(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	for (int format = DOC_YAML; format <= DOC_JSON; format++) {
		for (int n = 99; n <= 102; n++) {
			struct world w;

			nest(&b, n % 2 ? "[" : "{\"a\":", n, "1", n % 2 ? "]" : "}");
			w = read_text(b.data, (enum doc_format)format);
			CHECK_INT(w.root != NULL, n <= 100);
			world_release(&w);
		}
	}
	buf_release(&b);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Refused, and quickly: even under a checker a fraction of a second. */
static void is_refused_soon(const char *text, enum doc_format format, const char *want)
{
	double start = seconds();
	struct world w = read_text(text, format);

	CHECK(!w.root);
	CHECK_STR(diags_at(w.diags, 0)->text, want);
	CHECK(seconds() - start < 1.0);
	world_release(&w);
}

static void deep_nesting_is_refused_in_milliseconds(void **state)
{
	static const char *const open[] = {"[", "{a: ", "- ", "? ", "[{a: ", "{\"a\":[", "!!seq [", "&a ["};
	struct buf b = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(open); i++) {
		nest(&b, open[i], 100000, "", "");
		is_refused_soon(b.data, DOC_YAML,
				i == 3 ? "a key must be text, not a map" : "nested deeper than 100 levels");
	}
	nest(&b, "[", 100000, "", "");
	is_refused_soon(b.data, DOC_JSON, "nested deeper than 100 levels");
	nest(&b, "{\"a\":", 100000, "", "");
	is_refused_soon(b.data, DOC_JSON, "nested deeper than 100 levels");
	buf_release(&b);
}

/* Seven lines, ten million leaves and more. */
static void laughs(struct buf *b, const char *element)
{
	buf_reset(b);
	buf_addf(b, "a0: &a0 %s\n", element);
	for (int i = 1; i < 9; i++) {
		buf_addf(b, "a%d: &a%d [", i, i);
		for (int k = 0; k < 10; k++)
			buf_addf(b, "*a%d,", i - 1);
		buf_puts(b, "]\n");
	}
}

static void alias_bombs_are_refused(void **state)
{
	struct buf b = BUF_INIT;
	struct world w;

	(void)state;
	laughs(&b, "[x, x, x]");
	w = read_text(b.data, DOC_YAML);
	CHECK(!w.root);
	CHECK_STR(diags_at(w.diags, 0)->text, "alias expansion too large");
	CHECK_INT(diags_at(w.diags, 0)->mark.line, 7);
	world_release(&w);
	buf_release(&b);
}

static void merge_bombs_are_refused(void **state)
{
	struct buf b = BUF_INIT;
	struct world w;

	(void)state;
	/* Every map merges a long list of maps that are long to skip. */
	buf_puts(&b, "- &big {k: [");
	for (int i = 0; i < 2000; i++)
		buf_puts(&b, "1,");
	buf_puts(&b, "]}\n- &l [");
	for (int i = 0; i < 2000; i++)
		buf_puts(&b, "*big,");
	buf_puts(&b, "]\n");
	for (int i = 0; i < 200; i++)
		buf_puts(&b, "- {k: 1, <<: *l}\n");
	w = read_text(b.data, DOC_YAML);
	CHECK(!w.root);
	CHECK_STR(diags_at(w.diags, 0)->text, "alias expansion too large");
	world_release(&w);
	buf_release(&b);
}

static void many_uses_of_one_template_are_fine(void **state)
{
	struct buf b = BUF_INIT;
	struct world w;

	(void)state;
	buf_puts(&b, "t: &t {a: 1, b: {c: 2}}\n");
	for (int i = 0; i < 20000; i++)
		buf_addf(&b, "j%d: {<<: *t, a: %d}\n", i, i);
	w = read_text(b.data, DOC_YAML);
	CHECK(w.root != NULL);
	CHECK_INT(w.root->n, 20001);
	CHECK_STR(node_get(node_get(w.root->item[20000], "b"), "c")->text, "2");
	world_release(&w);
	buf_release(&b);
}

static void a_map_of_many_keys_takes_linear_time(void **state)
{
	enum { KEYS = 200000 };
	struct buf b = BUF_INIT;
	struct world w;

	(void)state;
	buf_putc(&b, '{');
	for (int i = 0; i < KEYS; i++)
		buf_addf(&b, "\"k%d\":{\"a\":%d},", i, i);
	buf_puts(&b, "\"k77\":1}");
	w = read_text(b.data, DOC_JSON);
	CHECK_INT(diags_errors(w.diags), 1);
	CHECK_STR(diags_at(w.diags, 0)->text, "duplicate key 'k77'");
	world_release(&w);
	buf_release(&b);
}

/* ---- the wrong documents ---- */

static char *cases_dir(void)
{
	const char *srcdir = getenv("srcdir");

	return path_join(srcdir ? srcdir : ".", "tests/cases/doc");
}

static void check_case(const char *dir, const char *name)
{
	char *path = path_join(dir, name), *expect;
	struct source *s = source_open(path, name);
	struct diags *d = diags_new();
	struct arena *a = arena_new();
	struct buf want = BUF_INIT, got = BUF_INIT;
	struct node *n;

	CHECK(s != NULL);
	n = doc_read(s, doc_format_of(s), a, d);
	if (n)
		json_decref(node_to_json(n, d));
	diags_format(d, &got, false);
	expect = xasprintf("%.*s.expect", (int)(strrchr(path, '.') - path), path);
	CHECK_INT(file_read(expect, &want, 1 << 20), 0);
	if (strcmp(got.data, want.data))
		fail_msg("%s:\n%s\nnot\n%s", name, got.data, want.data);
	free(expect);
	buf_release(&want);
	buf_release(&got);
	arena_free(a);
	diags_free(d);
	source_free(s);
	free(path);
}

static void every_wrong_document_gives_its_message(void **state)
{
	char *dir = cases_dir();
	DIR *d = opendir(dir);
	int n = 0;

	(void)state;
	CHECK(d != NULL);
	for (struct dirent *e; (e = readdir(d));) {
		const char *dot = strrchr(e->d_name, '.');

		if (e->d_name[0] == '.' || !dot || !strcmp(dot, ".expect"))
			continue;
		check_case(dir, e->d_name);
		n++;
	}
	closedir(d);
	free(dir);
	CHECK(n > 100);
}

/* ---- random documents ---- */

static int below(int n)
{
	return rand() % n;
}

static json_t *random_text(void)
{
	static const char *const piece[] = {"a",  "b c", "\"", "\\", "\n", "\t", "é",	"日本", "😀", ": ",
					    " #", "- ",	 "",   "'",  "{}", "0",	 "true", "\x01", "/",	"x"};
	struct buf b = BUF_INIT;
	json_t *v;

	for (int i = below(6); i >= 0; i--)
		buf_puts(&b, piece[below((int)ARRAY_LEN(piece))]);
	if (!below(40))
		buf_pad(&b, 'y', (size_t)below(20000));
	v = json_stringn(b.data, b.len);
	buf_release(&b);
	return v;
}

static json_t *random_scalar(void)
{
	union {
		uint64_t bits;
		double value;
	} real;

	switch (below(6)) {
	case 0:
		return json_null();
	case 1:
		return json_boolean(below(2));
	case 2:
		return json_integer(below(3) ? below(1000) - 500 :
					       (json_int_t)((uint64_t)rand() << 33 ^ (uint64_t)rand()));
	case 3:
		do
			real.bits = (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();
		while (real.value != real.value || real.value - real.value != 0);
		return json_real(below(2) ? real.value : below(100) / 8.0);
	default:
		return random_text();
	}
}

static json_t *random_value(int depth)
{
	json_t *v;

	if (!depth || !below(3))
		return random_scalar();
	v = below(2) ? json_array() : json_object();
	for (int i = below(!below(20) ? 60 : 5); i > 0; i--) {
		if (json_is_array(v)) {
			json_array_append_new(v, random_value(depth - 1));
		} else {
			json_t *key = random_text();

			json_object_set_new(v, json_string_length(key) > 500 ? "k" : json_string_value(key),
					    random_value(depth - 1));
			json_decref(key);
		}
	}
	return v;
}

static void trees_are_equal(const struct node *a, const struct node *b)
{
	CHECK_INT(a->kind, b->kind);
	CHECK_INT(a->n, b->n);
	CHECK_INT(a->mark.line, b->mark.line);
	CHECK_INT(a->mark.col, b->mark.col);
	CHECK_INT(a->mark.len, b->mark.len);
	if (a->kind == NODE_SCALAR) {
		CHECK_INT(a->style, b->style);
		CHECK_STR(a->text, b->text);
		return;
	}
	for (size_t i = 0; i < a->n; i++) {
		if (a->kind == NODE_MAP)
			trees_are_equal(a->key[i], b->key[i]);
		trees_are_equal(a->item[i], b->item[i]);
	}
}

/* Value to text to tree to value; and YAML, of which such text is a part, sees the same tree. */
static void a_random_value_comes_back_from_its_text(void **state)
{
	unsigned seed = check_seed();

	(void)state;
	srand(seed);
	for (int i = 0; i < 400; i++) {
		json_t *v = random_value(5), *back;
		struct buf text = BUF_INIT;
		struct world j, y;

		json_text(&text, v, (enum json_spacing)below(3));
		j = read_text(text.data, DOC_JSON);
		y = read_text(text.data, DOC_YAML);
		if (!j.root || !y.root)
			fail_msg("%s: %s", text.data,
				 diags_at(j.root ? y.diags : j.diags, 0)->text);
		back = node_to_json(j.root, j.diags);
		if (!json_equal(v, back))
			fail_msg("%s", text.data);
		trees_are_equal(j.root, y.root);
		json_decref(back);
		json_decref(v);
		world_release(&j);
		world_release(&y);
		buf_release(&text);
	}
}

/* libyaml counts characters and reads in pieces: marks must hold over many of them. */
static void the_mark_of_a_plain_scalar_is_where_its_text_is(void **state)
{
	static const char *const word[] = {"alpha", "é", "日本", "😀x", "ü-ö"};
	unsigned seed = check_seed();
	struct buf b = BUF_INIT;
	struct world w;

	(void)state;
	srand(seed);
	for (int i = 0; i < 20000; i++) {
		buf_addf(&b, "%s%d: %s%s\n", word[below(5)], i, word[below(5)], below(9) ? "" : " # ü\n");
	}
	w = read_text(b.data, DOC_YAML);
	CHECK(w.root != NULL);
	for (size_t i = 0; i < w.root->n; i++) {
		const struct node *part[] = {w.root->key[i], w.root->item[i]};

		for (int k = 0; k < 2; k++) {
			size_t at = source_offset(w.source, part[k]->mark);

			CHECK_INT(part[k]->mark.len, part[k]->n);
			CHECK(!memcmp(source_text(w.source).at + at, part[k]->text, part[k]->n));
		}
	}
	world_release(&w);
	buf_release(&b);
}

/* Whatever the bytes: an answer or a diagnostic, and no undefined behaviour (run under a checker). */
static void damaged_documents_are_answered_or_refused(void **state)
{
	static const char start[] = "a: &x [1, \"b\\u00e9\", {c: 'd'}]\n<<: {e: !!str 5}\n"
				    "f: |\n  text\n  more\ng: *x\nh: ${{ x }}\n- é\n? k\n: v\n";
	static const char spice[] = "[]{}:,-?&*!|>'\"%@`#\\ \n\t\r<.0aé$~";
	char text[sizeof(start)];
	unsigned seed = check_seed();

	(void)state;
	srand(seed);
	for (int i = 0; i < 6000; i++) {
		size_t len = (size_t)below((int)sizeof(start));
		struct world w;

		memcpy(text, start, sizeof(start));
		for (int k = below(8); k > 0; k--)
			text[below((int)sizeof(start))] = spice[below((int)sizeof(spice) - 1)];
		w = read_bytes("x", text, len, below(4) ? DOC_YAML : DOC_JSON);
		CHECK(w.root || diags_errors(w.diags));
		if (w.root)
			json_decref(node_to_json(w.root, w.diags));
		diags_format(w.diags, &w.out, false);
		world_release(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_formats_tell_the_same_events),
		cmocka_unit_test(block_yaml_has_places_too),
		cmocka_unit_test(an_empty_document_is_null),
		cmocka_unit_test(what_is_skipped_is_checked_all_the_same),
		cmocka_unit_test(a_bad_document_stays_bad),
		cmocka_unit_test(a_reader_takes_what_it_wants_whole_and_skips_the_rest),
		cmocka_unit_test(the_format_is_told_by_name_and_first_characters),
		cmocka_unit_test(an_alias_stands_for_the_value_with_its_anchor),
		cmocka_unit_test(a_merge_brings_the_pairs_that_a_map_does_not_have),
		cmocka_unit_test(what_a_merged_map_merges_comes_before_the_next_one),
		cmocka_unit_test(a_merged_map_can_be_an_anchor_itself),
		cmocka_unit_test(a_quoted_merge_key_is_a_key),
		cmocka_unit_test(a_merged_map_is_checked_as_any_other),
		cmocka_unit_test(core_tags_say_what_a_scalar_is),
		cmocka_unit_test(all_duplicate_keys_are_found),
		cmocka_unit_test(a_tree_with_a_duplicate_key_is_as_if_it_were_not_there),
		cmocka_unit_test(a_document_of_errors_is_given_up),
		cmocka_unit_test(keys_are_distinct_by_their_text),
		cmocka_unit_test(nul_and_bad_utf8_are_refused_with_their_place),
		cmocka_unit_test(a_byte_order_mark_and_crlf_are_fine),
		cmocka_unit_test(a_hundred_levels_are_allowed_and_no_more),
		cmocka_unit_test(deep_nesting_is_refused_in_milliseconds),
		cmocka_unit_test(alias_bombs_are_refused),
		cmocka_unit_test(merge_bombs_are_refused),
		cmocka_unit_test(many_uses_of_one_template_are_fine),
		cmocka_unit_test(a_map_of_many_keys_takes_linear_time),
		cmocka_unit_test(every_wrong_document_gives_its_message),
		cmocka_unit_test(a_random_value_comes_back_from_its_text),
		cmocka_unit_test(the_mark_of_a_plain_scalar_is_where_its_text_is),
		cmocka_unit_test(damaged_documents_are_answered_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
