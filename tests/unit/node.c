#include "doc/node.h"

#include "check.h"
#include "doc/cursor.h"
#include "doc/json.h"

static struct node plain(const char *text)
{
	return (struct node){.kind = NODE_SCALAR, .text = text, .n = strlen(text)};
}

/* What a plain scalar is, as JSON; "bad: ..." if it is none. */
static void resolves(const char *text, const char *want)
{
	struct node n = plain(text);
	struct buf b = BUF_INIT;
	json_t *v = NULL;
	const char *why = NULL;
	enum scalar_type type = scalar_resolve(&n, &v, &why);

	CHECK_INT(scalar_resolve(&n, NULL, NULL), type);
	if (type == SCALAR_BAD) {
		CHECK(!v && why);
		buf_addf(&b, "bad: %s", why);
	} else {
		json_canonical(&b, v, JSON_TIGHT);
	}
	if (strcmp(b.data, want))
		fail_msg("'%s' is %s, not %s", text, b.data, want);
	json_decref(v);
	buf_release(&b);
}

static void null_is_three_spellings_and_no_more(void **state)
{
	(void)state;
	resolves("", "null");
	resolves("~", "null");
	resolves("null", "null");
	resolves("Null", "\"Null\"");
	resolves("NULL", "\"NULL\"");
}

static void booleans_are_true_and_false_only(void **state)
{
	static const char *const text[] = {"yes", "no", "on", "off", "Yes", "NO", "y", "True", "FALSE"};

	(void)state;
	resolves("true", "true");
	resolves("false", "false");
	for (size_t i = 0; i < sizeof(text) / sizeof(*text); i++) {
		struct node n = plain(text[i]);

		CHECK_INT(scalar_resolve(&n, NULL, NULL), SCALAR_TEXT);
	}
}

static void integers_are_decimal_or_hexadecimal(void **state)
{
	(void)state;
	resolves("0", "0");
	resolves("-0", "0");
	resolves("+5", "5");
	resolves("-12", "-12");
	resolves("0x1F", "31");
	resolves("-0x10", "-16");
	resolves("9223372036854775807", "9223372036854775807");
	resolves("-9223372036854775808", "-9223372036854775808");
	resolves("0x7fffffffffffffff", "9223372036854775807");
	resolves("1_000", "\"1_000\"");
	resolves("1:30", "\"1:30\"");
	resolves("0x", "\"0x\"");
	resolves("0xfg", "\"0xfg\"");
	resolves("0b11", "\"0b11\"");
	resolves("2026-01-02", "\"2026-01-02\"");
	resolves("+", "\"+\"");
	resolves("-", "\"-\"");
	resolves("12a", "\"12a\"");
	resolves("0049 30", "\"0049 30\"");
}

static void floats_are_those_of_yaml_1_2(void **state)
{
	(void)state;
	resolves("1.5", "1.5");
	resolves("1e3", "1000.0");
	resolves("1E+3", "1000.0");
	resolves("-0.0", "-0.0");
	resolves(".5", "0.5");
	resolves("-.5", "-0.5");
	resolves("1.", "1.0");
	resolves("0.5", "0.5");
	resolves("0e1", "0.0");
	resolves("1e-999", "0.0");
	resolves("1e", "\"1e\"");
	resolves("1e+", "\"1e+\"");
	resolves(".", "\".\"");
	resolves("1.2.3", "\"1.2.3\"");
	resolves("...", "\"...\"");
	resolves(".e1", "\".e1\"");
	resolves("inf", "\"inf\"");
	resolves("nan", "\"nan\"");
	resolves("0x1p3", "\"0x1p3\"");
}

static void what_could_mean_two_things_asks_for_quotes(void **state)
{
	(void)state;
	resolves("017", "bad: has a leading zero: quote it if it is text");
	resolves("-01", "bad: has a leading zero: quote it if it is text");
	resolves("00", "bad: has a leading zero: quote it if it is text");
	resolves("007.5", "bad: has a leading zero: quote it if it is text");
	resolves("0o17", "bad: is an octal number: write it in decimal or as 0x..., or quote it if it "
			 "is text");
	resolves("9223372036854775808", "bad: is an integer beyond 64 bits: quote it if it is text");
	resolves("-9223372036854775809", "bad: is an integer beyond 64 bits: quote it if it is text");
	resolves("0xffffffffffffffff", "bad: is an integer beyond 64 bits: quote it if it is text");
	resolves("1e999", "bad: is a number too large: quote it if it is text");
	resolves(".inf", "bad: is no number that JSON has: quote it if it is text");
	resolves("-.Inf", "bad: is no number that JSON has: quote it if it is text");
	resolves(".NaN", "bad: is no number that JSON has: quote it if it is text");
	resolves("-.nan", "\"-.nan\"");
}

static void quoted_and_block_scalars_are_text(void **state)
{
	static const char *const text[] = {"017", "true", "", "null", "1.5", "~", ".inf"};

	(void)state;
	for (size_t i = 0; i < sizeof(text) / sizeof(*text); i++) {
		struct node n = plain(text[i]);
		json_t *v = NULL;

		n.style = i % 2 ? STYLE_QUOTED : STYLE_BLOCK;
		CHECK_INT(scalar_resolve(&n, &v, NULL), SCALAR_TEXT);
		CHECK_STR(json_string_value(v), text[i]);
		json_decref(v);
	}
}

struct world {
	struct source *source;
	struct diags *diags;
	struct arena *arena;
	struct node *root;
};

static struct world read_text(const char *text)
{
	struct world w = {.source = source_from("x", text, strlen(text)),
			  .diags = diags_new(),
			  .arena = arena_new()};

	w.root = doc_read(w.source, DOC_YAML, w.arena, w.diags);
	return w;
}

static void world_release(struct world *w)
{
	diags_free(w->diags);
	arena_free(w->arena);
	source_free(w->source);
}

static void a_map_gives_the_value_of_a_key(void **state)
{
	struct world w = read_text("a: 1\nb: [x]\n'': 3\n");

	(void)state;
	CHECK_STR(node_get(w.root, "a")->text, "1");
	CHECK_INT(node_get(w.root, "b")->n, 1);
	CHECK_STR(node_get(w.root, "")->text, "3");
	CHECK(!node_get(w.root, "c"));
	world_release(&w);
}

static void a_node_has_a_word_for_messages(void **state)
{
	struct world w = read_text("[[], {}, x, ~, '', 5, 017]");

	(void)state;
	CHECK_STR(node_kind_word(w.root->item[0]), "a list");
	CHECK_STR(node_kind_word(w.root->item[1]), "a map");
	CHECK_STR(node_kind_word(w.root->item[2]), "text");
	CHECK_STR(node_kind_word(w.root->item[3]), "nothing");
	CHECK_STR(node_kind_word(w.root->item[4]), "text");
	CHECK_STR(node_kind_word(w.root->item[5]), "text");
	CHECK_STR(node_kind_word(w.root->item[6]), "text");
	world_release(&w);
}

static void a_tree_becomes_a_value(void **state)
{
	struct world w = read_text("a: [1, 1.0, '1', yes, ~]\nb: {c: true}\n");
	struct buf b = BUF_INIT;
	json_t *v = node_to_json(w.root, w.diags);

	(void)state;
	json_canonical(&b, v, JSON_TIGHT);
	CHECK_STR(b.data, "{\"a\":[1,1.0,\"1\",\"yes\",null],\"b\":{\"c\":true}}");
	json_decref(v);
	buf_release(&b);
	world_release(&w);
}

static void every_bad_scalar_of_a_tree_is_reported(void **state)
{
	struct world w = read_text("a: [017, 1]\nb: {c: 1e999}\n");

	(void)state;
	CHECK(!node_to_json(w.root, w.diags));
	CHECK_INT(diags_errors(w.diags), 2);
	CHECK_STR(diags_at(w.diags, 0)->text, "'017' has a leading zero: quote it if it is text");
	CHECK_INT(diags_at(w.diags, 1)->mark.line, 2);
	world_release(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(null_is_three_spellings_and_no_more),
		cmocka_unit_test(booleans_are_true_and_false_only),
		cmocka_unit_test(integers_are_decimal_or_hexadecimal),
		cmocka_unit_test(floats_are_those_of_yaml_1_2),
		cmocka_unit_test(what_could_mean_two_things_asks_for_quotes),
		cmocka_unit_test(quoted_and_block_scalars_are_text),
		cmocka_unit_test(a_map_gives_the_value_of_a_key),
		cmocka_unit_test(a_node_has_a_word_for_messages),
		cmocka_unit_test(a_tree_becomes_a_value),
		cmocka_unit_test(every_bad_scalar_of_a_tree_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
