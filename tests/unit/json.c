#include "doc/json.h"

#include <locale.h>
#include <math.h>

#include "base/bug.h"
#include "check.h"

static json_t *parsed(const char *text)
{
	struct buf err = BUF_INIT;
	json_t *v = json_parse(text, strlen(text), &err);

	if (!v)
		fail_msg("%s: %s", text, err.data);
	CHECK_STR(err.data, "");
	return v;
}

static void canonical_is(const char *text, const char *tight, const char *spaced)
{
	json_t *v = parsed(text);
	struct buf b = BUF_INIT;

	json_canonical(&b, v, JSON_TIGHT);
	CHECK_STR(b.data, tight);
	buf_reset(&b);
	json_canonical(&b, v, JSON_SPACED);
	CHECK_STR(b.data, spaced);
	buf_release(&b);
	json_decref(v);
}

static void keys_are_sorted_at_every_level(void **state)
{
	(void)state;
	canonical_is("{}", "{}", "{}");
	canonical_is("{\"b\": 2, \"a\": {\"d\": 1, \"c\": [3, {\"y\": 1, \"x\": 0}]}}",
		     "{\"a\":{\"c\":[3,{\"x\":0,\"y\":1}],\"d\":1},\"b\":2}",
		     "{\"a\": {\"c\": [3, {\"x\": 0, \"y\": 1}], \"d\": 1}, \"b\": 2}");
	canonical_is("[[], {}, null, true, false]", "[[],{},null,true,false]",
		     "[[], {}, null, true, false]");
}

/* U+FFFF sorts before U+1F600, though its surrogates would not. */
static void keys_sort_by_code_point_and_a_prefix_first(void **state)
{
	(void)state;
	canonical_is("{\"\\uffff\": 1, \"\\ud83d\\ude00\": 2, \"ab\": 3, \"a\": 4, \"\": 5}",
		     "{\"\":5,\"a\":4,\"ab\":3,\"\\uffff\":1,\"\\ud83d\\ude00\":2}",
		     "{\"\": 5, \"a\": 4, \"ab\": 3, \"\\uffff\": 1, \"\\ud83d\\ude00\": 2}");
}

static void canonical_text_is_ascii(void **state)
{
	(void)state;
	canonical_is("[\"é 😀 a\\tb\\n\\u0001 \\\"\\\\/ \\b\\f\\r \\u007f \\u00a0 \\u2028\"]",
		     "[\"\\u00e9 \\ud83d\\ude00 a\\tb\\n\\u0001 \\\"\\\\/ \\b\\f\\r \\u007f \\u00a0 \\u2028\"]",
		     "[\"\\u00e9 \\ud83d\\ude00 a\\tb\\n\\u0001 \\\"\\\\/ \\b\\f\\r \\u007f \\u00a0 \\u2028\"]");
}

static void real_is(double value, const char *want)
{
	struct buf b = BUF_INIT;

	json_real_text(&b, value);
	CHECK_STR(b.data, want);
	buf_release(&b);
}

static void floats_are_written_as_python_writes_them(void **state)
{
	(void)state;
	real_is(1.0, "1.0");
	real_is(1.5, "1.5");
	real_is(1e20, "1e+20");
	real_is(1e-7, "1e-07");
	real_is(0.1, "0.1");
	real_is(-0.0, "-0.0");
	real_is(0.0, "0.0");
	real_is(1e16, "1e+16");
	real_is(1e15, "1000000000000000.0");
	real_is(9999999999999998.0, "9999999999999998.0");
	real_is(0.0001, "0.0001");
	real_is(0.00001, "1e-05");
	real_is(123456789012345680.0, "1.2345678901234568e+17");
	real_is(-1.25e-300, "-1.25e-300");
	real_is(5e-324, "5e-324");
	real_is(1.7976931348623157e308, "1.7976931348623157e+308");
	real_is(0.1 + 0.2, "0.30000000000000004");
	real_is(1.0 / 3, "0.3333333333333333");
	real_is(100.0, "100.0");
	real_is(12.75, "12.75");
}

/* Powers of two, below which numbers lie closer: the nearest 16 digits do not always read back. */
static void a_power_of_two_takes_no_more_digits_than_it_needs(void **state)
{
	(void)state;
	real_is(0x1p-44, "5.684341886080802e-14");
	real_is(0x1p-1022, "2.2250738585072014e-308");
	real_is(9007199254740992.0, "9007199254740992.0");
}

static void every_float_reads_back(void **state)
{
	unsigned seed = check_seed();

	(void)state;
	srand(seed);
	for (int i = 0; i < 20000; i++) {
		union {
			uint64_t bits;
			double value;
		} u = {.bits = (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand()};
		struct buf b = BUF_INIT;
		double back;

		if (!isfinite(u.value))
			continue;
		json_real_text(&b, u.value);
		CHECK(json_real_parse(b.data, &back));
		CHECK(back == u.value);
		buf_release(&b);
	}
}

static void a_number_must_be_all_there_is_of_its_text(void **state)
{
	double v = 7;

	(void)state;
	CHECK(json_real_parse("-1.5e3", &v));
	CHECK(v == -1500);
	CHECK(!json_real_parse("", &v));
	CHECK(!json_real_parse("1.5x", &v));
	CHECK(!json_real_parse("1,5", &v));
	CHECK(!json_real_parse("1e999", &v));
	CHECK(!json_real_parse("inf", &v));
	CHECK(!json_real_parse("nan", &v));
	CHECK(v == -1500);
}

static void a_locale_with_a_decimal_comma_changes_nothing(void **state)
{
	double v;

	(void)state;
	if (!setlocale(LC_NUMERIC, "de_DE.UTF-8"))
		SKIP_HERE();
	real_is(1.5, "1.5");
	CHECK(json_real_parse("1.5", &v));
	CHECK(v == 1.5);
	setlocale(LC_NUMERIC, "C");
}

static void text_keeps_order_and_characters(void **state)
{
	json_t *v = parsed("{\"b\": \"é\\u007f\\u009b\\u202e\", \"a\": [1, {}], \"c\": []}");
	struct buf b = BUF_INIT;

	(void)state;
	json_text(&b, v, JSON_TIGHT);
	CHECK_STR(b.data, "{\"b\":\"é\\u007f\\u009b\\u202e\",\"a\":[1,{}],\"c\":[]}");
	buf_reset(&b);
	json_text(&b, v, JSON_INDENTED);
	CHECK_STR(b.data, "{\n  \"b\": \"é\\u007f\\u009b\\u202e\",\n  \"a\": [\n    1,\n    {}\n  ],\n"
			  "  \"c\": []\n}");
	buf_release(&b);
	json_decref(v);
}

static void quoting_mends_what_is_not_utf8(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	json_quote(&b, "a\"\\\n\x1b\xff" "é\0z", 10);
	CHECK_STR(b.data, "\"a\\\"\\\\\\n\\u001b\xef\xbf\xbdé\\u0000z\"");
	buf_release(&b);
}

static void equal_values_have_equal_digests(void **state)
{
	json_t *a = parsed("{\"b\": 2, \"a\": 1}"), *b = parsed("{ \"a\":1,\"b\":2 }");
	struct digest da, db;

	(void)state;
	json_digest(&da, a);
	json_digest(&db, b);
	CHECK_STR(da.hex, db.hex);
	CHECK_STR(da.hex, "43258cff783fe7036d8a43033f830adfc60ec037382473548ac742b888292777");
	json_decref(a);
	json_decref(b);
}

static void refused(const char *text, size_t len, const char *want)
{
	struct buf err = BUF_INIT;

	CHECK(!json_parse(text, len, &err));
	CHECK_STR(err.data, want);
	buf_release(&err);
}

static void a_text_that_is_no_json_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"", "1:1: a value is missing: the text ends here"},
		{"{\n \"a\": 1,\n \"a\": 2}", "3:2: duplicate key 'a' (the first is here, at 2:2)"},
		{"[1,]", "1:3: a trailing comma, which JSON does not have (remove it)"},
		{"[99999999999999999999]", "1:2: the integer 99999999999999999999 is beyond 64 bits (quote it)"},
		{"[-9223372036854775809]", "1:2: the integer -9223372036854775809 is beyond 64 bits (quote it)"},
		{"{\"a\": 1e400}", "1:7: the number 1e400 is too large"},
		{"[\"a\\u0000\"]", "1:4: a text cannot hold NUL"},
		{"[\"\\ud800\"]", "1:3: '\\ud800' is half of a surrogate pair"},
		{"[1] 2", "1:5: text after the end of the document"},
		{"[\"\xff\"]", "1:3: byte 0xff is not UTF-8"},
		{"{\"a\": [{\"b\": 1", "1:8: this '{' is never closed"},
		{"{\"a\": {\"b\": x}}",
		 "1:13: unknown word 'x' (text needs double quotes)"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		refused(cases[i].text, strlen(cases[i].text), cases[i].want);
	refused("[\0]", 3, "1:2: a NUL byte in the text");
}

static void deep_values_are_refused(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	buf_pad(&b, '[', 101);
	refused(b.data, b.len, "1:101: nested deeper than 100 levels");
	buf_release(&b);
}

static void every_kind_of_value_is_parsed(void **state)
{
	json_t *v = parsed("{\"a\":[9223372036854775807,-9223372036854775808,-0,-0.0,1E2,true,false,"
			   "null,\"\",{}],\"\":\"x\"}");
	struct buf b = BUF_INIT;

	(void)state;
	json_text(&b, v, JSON_TIGHT);
	CHECK_STR(b.data, "{\"a\":[9223372036854775807,-9223372036854775808,0,-0.0,100.0,true,false,"
			  "null,\"\",{}],\"\":\"x\"}");
	buf_release(&b);
	json_decref(v);
	v = parsed(" 5 ");
	CHECK_INT(json_integer_value(v), 5);
	json_decref(v);
}

static void every_cut_of_a_text_is_refused_or_read(void **state)
{
	static const char text[] = "{\"a\": [1, -2.5e3, \"x\\u00e9\\ud83d\\ude00\", {\"b\": null}], \"c\": true}";

	(void)state;
	for (size_t len = 0; len < strlen(text); len++) {
		struct buf err = BUF_INIT;

		CHECK(!json_parse(text, len, &err));
		CHECK(err.len);
		buf_release(&err);
	}
	json_decref(parsed(text));
}

static void as_text_is(const char *text, const char *want)
{
	json_t *v = parsed(text);
	struct buf b = BUF_INIT;

	json_as_text(&b, v);
	CHECK_STR(b.data, want);
	buf_release(&b);
	json_decref(v);
}

static void a_value_has_a_text_where_text_is_wanted(void **state)
{
	(void)state;
	as_text_is("\"a b\"", "a b");
	as_text_is("null", "");
	as_text_is("5", "5");
	as_text_is("1.50", "1.5");
	as_text_is("true", "true");
	as_text_is("[1, {\"b\": 2, \"a\": \"é\"}]", "[1,{\"b\":2,\"a\":\"é\"}]");
}

static void a_string_is_found_under_its_key(void **state)
{
	json_t *v = parsed("{\"a\": \"x\", \"b\": 1}");

	(void)state;
	CHECK_STR(json_str(v, "a"), "x");
	CHECK(!json_str(v, "b"));
	CHECK(!json_str(v, "c"));
	CHECK(!json_str(NULL, "c"));
	json_decref(v);
}

/* 0, 1, 3: there is no 2.  Number 3 is a map, itself late. */
static json_t *make_late(const struct json_late *l, uint32_t i, const char **ret_key, struct json_late *ret_inner)
{
	static const char *const keys[] = {"a", "b", "c", "d"};
	json_t *v;

	*ret_key = keys[i];
	if (i == 2)
		return NULL;
	if (i < 3 || l->of)
		return json_integer(i);
	v = json_pack("{s:{}, s:i}", "in", "é", 1);
	*ret_inner = (struct json_late){.in = json_object_get(v, "in"), .n = 4, .of = 1, .make = make_late};
	return v;
}

static void late_is(const char *list, bool canonical, enum json_spacing spacing, const char *text)
{
	struct buf out = BUF_INIT, whole = BUF_INIT;
	json_t *doc = json_pack("{s:i, s:o, s:[]}", "x", 1, "late", parsed(list), "none");
	const struct json_late late = {.in = json_object_get(doc, "late"), .n = 4, .make = make_late};

	(canonical ? json_canonical_late : json_text_late)(&out, doc, spacing, &late);
	CHECK_STR(out.data, text);
	json_complete(&late);
	(canonical ? json_canonical : json_text)(&whole, doc, spacing);
	CHECK_STR(whole.data, text);
	json_decref(doc);
	buf_release(&out);
	buf_release(&whole);
}

static void what_is_late_is_written_as_if_it_had_been_there(void **state)
{
	(void)state;
	late_is("[]", false, JSON_TIGHT, "{\"x\":1,\"late\":[0,1,{\"in\":{\"a\":0,\"b\":1,\"d\":3},\"é\":1}],\"none\":[]}");
	late_is("{}", true, JSON_TIGHT,
		"{\"late\":{\"a\":0,\"b\":1,\"d\":{\"in\":{\"a\":0,\"b\":1,\"d\":3},\"\\u00e9\":1}},\"none\":[],\"x\":1}");
	late_is("[]", false, JSON_INDENTED,
		"{\n  \"x\": 1,\n  \"late\": [\n    0,\n    1,\n    {\n      \"in\": {\n        \"a\": 0,\n        \"b\": 1,\n"
		"        \"d\": 3\n      },\n      \"é\": 1\n    }\n  ],\n  \"none\": []\n}");
}

static json_t *make_none(const struct json_late *l, uint32_t i, const char **ret_key, struct json_late *ret_inner)
{
	(void)l;
	(void)i;
	(void)ret_key;
	(void)ret_inner;
	return NULL;
}

static void nothing_that_is_late_is_an_empty_list(void **state)
{
	json_t *doc = json_array();
	struct json_late late = {.in = doc, .n = 3, .make = make_none};
	struct buf out = BUF_INIT;

	(void)state;
	json_text_late(&out, doc, JSON_INDENTED, &late);
	CHECK_STR(out.data, "[]");
	json_decref(doc);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_sorted_at_every_level),
		cmocka_unit_test(keys_sort_by_code_point_and_a_prefix_first),
		cmocka_unit_test(canonical_text_is_ascii),
		cmocka_unit_test(floats_are_written_as_python_writes_them),
		cmocka_unit_test(a_power_of_two_takes_no_more_digits_than_it_needs),
		cmocka_unit_test(every_float_reads_back),
		cmocka_unit_test(a_number_must_be_all_there_is_of_its_text),
		cmocka_unit_test(a_locale_with_a_decimal_comma_changes_nothing),
		cmocka_unit_test(text_keeps_order_and_characters),
		cmocka_unit_test(quoting_mends_what_is_not_utf8),
		cmocka_unit_test(equal_values_have_equal_digests),
		cmocka_unit_test(a_text_that_is_no_json_is_refused_with_its_place),
		cmocka_unit_test(deep_values_are_refused),
		cmocka_unit_test(every_kind_of_value_is_parsed),
		cmocka_unit_test(every_cut_of_a_text_is_refused_or_read),
		cmocka_unit_test(a_value_has_a_text_where_text_is_wanted),
		cmocka_unit_test(a_string_is_found_under_its_key),
		cmocka_unit_test(what_is_late_is_written_as_if_it_had_been_there),
		cmocka_unit_test(nothing_that_is_late_is_an_empty_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
