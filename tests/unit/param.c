/* Parameters: texts and JSON values as values of their type. */
#include "check.h"
#include "doc/json.h"
#include "job/jobfile.h"

/* What param_from_text (or _json, if as_json) makes of text: canonical JSON, or "! " and the message. */
static const char *got(const struct param *p, const char *text, bool as_json, struct buf *out)
{
	struct buf err = BUF_INIT;
	json_t *v = NULL, *given;

	buf_reset(out);
	if (as_json) {
		given = json_parse(text, strlen(text), &err);
		CHECK(given);
		v = param_from_json(p, given, &err);
		json_decref(given);
	} else {
		v = param_from_text(p, text, &err);
	}
	CHECK((v == NULL) == (err.len > 0));
	if (v)
		json_canonical(out, v, JSON_TIGHT);
	else
		buf_addf(out, "! %s", err.data);
	json_decref(v);
	buf_release(&err);
	return out->data;
}

static void expect(const struct param *p, const char *text, const char *want)
{
	struct buf out = BUF_INIT;

	CHECK_STR(got(p, text, false, &out), want);
	buf_release(&out);
}

static void expect_json(const struct param *p, const char *text, const char *want)
{
	struct buf out = BUF_INIT;

	CHECK_STR(got(p, text, true, &out), want);
	buf_release(&out);
}

static struct param of(enum param_type type)
{
	return (struct param){.name = "x", .type = type};
}

static void numbers_are_read_strictly(void **state)
{
	struct param n = of(PARAM_INT), f = of(PARAM_FLOAT);

	(void)state;
	expect(&n, "42", "42");
	expect(&n, "-7", "-7");
	expect(&n, "", "! 'x' must be a whole number, not ''");
	expect(&n, "4x", "! 'x' must be a whole number, not '4x'");
	expect(&n, " 4", "! 'x' must be a whole number, not ' 4'");
	expect(&n, "1.5", "! 'x' must be a whole number, not '1.5'");
	expect(&n, "9223372036854775807", "9223372036854775807");
	expect(&n, "9223372036854775808", "! 'x' must be a whole number, not '9223372036854775808'");
	expect(&f, "1.5", "1.5");
	expect(&f, "1e3", "1000.0");
	expect(&f, "2", "2.0");
	expect(&f, "nan", "! 'x' must be a number, not 'nan'");
	expect(&f, "1e999", "! 'x' must be a number, not '1e999'");
	expect_json(&n, "3.0", "3");
	expect_json(&n, "\"3\"", "! 'x' must be a whole number, not '3'");
	expect_json(&n, "null", "! 'x' must be a whole number, not null");
}

static void texts_and_truth(void **state)
{
	struct param s = of(PARAM_STRING), b = of(PARAM_BOOL), p = of(PARAM_PATH);

	(void)state;
	expect(&s, "", "\"\"");
	expect(&s, "true", "\"true\"");
	expect_json(&s, "5", "\"5\"");
	expect_json(&s, "[1]", "! 'x' must be text, not '[1]'");
	expect(&p, "a b/c", "\"a b/c\"");
	expect(&b, "true", "true");
	expect(&b, "yes", "! 'x' must be true or false, not 'yes'");
	expect(&s, "\xff", "! 'x' is not valid UTF-8");
}

static void dates_exist(void **state)
{
	struct param d = of(PARAM_DATE);

	(void)state;
	expect(&d, "2024-02-29", "\"2024-02-29\"");
	expect(&d, "2000-02-29", "\"2000-02-29\"");
	expect(&d, "2023-02-29", "! 'x' must be a date, YYYY-MM-DD, not '2023-02-29'");
	expect(&d, "1900-02-29", "! 'x' must be a date, YYYY-MM-DD, not '1900-02-29'");
	expect(&d, "2024-13-01", "! 'x' must be a date, YYYY-MM-DD, not '2024-13-01'");
	expect(&d, "2024-1-01", "! 'x' must be a date, YYYY-MM-DD, not '2024-1-01'");
	expect(&d, "24-01-01", "! 'x' must be a date, YYYY-MM-DD, not '24-01-01'");
	expect(&d, "2024-04-31", "! 'x' must be a date, YYYY-MM-DD, not '2024-04-31'");
}

static void durations_are_milliseconds_and_sizes_bytes(void **state)
{
	struct param d = of(PARAM_DURATION), s = of(PARAM_SIZE);

	(void)state;
	expect(&d, "1h30m", "5400000");
	expect(&d, "30", "! 'x' must be a duration such as 90s or 1h30m, not '30'");
	expect_json(&d, "1500", "1500");
	expect_json(&d, "-1", "! 'x' must be a duration such as 90s or 1h30m, not '-1'");
	expect(&s, "512M", "536870912");
	expect(&s, "4q", "! 'x' must be a size such as 512M, not '4q'");
}

static void an_enum_takes_what_it_lists_and_suggests_the_nearest(void **state)
{
	struct param e = of(PARAM_ENUM);
	json_t *allowed = json_pack("[s, s, i]", "red", "green", 3);

	(void)state;
	e.of = allowed;
	expect(&e, "red", "\"red\"");
	expect(&e, "3", "3");
	expect_json(&e, "3", "3");
	expect(&e, "grean", "! 'x' must be red, green or 3, not 'grean'; did you mean 'green'?");
	expect(&e, "violet", "! 'x' must be red, green or 3, not 'violet'");
	json_decref(allowed);
}

static void lists_are_written_with_commas_or_as_json(void **state)
{
	struct param l = of(PARAM_LIST), j = of(PARAM_JSON);

	(void)state;
	expect(&l, "a,b", "[\"a\",\"b\"]");
	expect(&l, "", "[]");
	expect(&l, "a,,", "[\"a\",\"\",\"\"]");
	expect(&l, "[1, \"x\"]", "[1,\"x\"]");
	expect_json(&l, "5", "! 'x' must be a list, not '5'");
	expect(&j, "{\"a\": [1]}", "{\"a\":[1]}");
	expect(&j, "null", "null");
}

static void bad_json_says_where(void **state)
{
	struct param j = of(PARAM_JSON);
	struct buf out = BUF_INIT;

	(void)state;
	CHECK(!strncmp(got(&j, "{", false, &out), "! 'x' must be any JSON value: ", 30));
	buf_release(&out);
}

static void limits_hold(void **state)
{
	struct param n = of(PARAM_INT), d = of(PARAM_DURATION), day = of(PARAM_DATE), s = of(PARAM_STRING);
	json_t *three = json_integer(3), *minute = json_integer(60000), *when = json_string("2024-01-01");
	struct buf err = BUF_INIT;
	struct pattern *word = pattern_new("^[a-z]+$", &err);

	(void)state;
	n.min = three;
	d.max = minute;
	day.min = when;
	s.match = word;
	expect(&n, "3", "3");
	expect(&n, "2", "! 'x' must be at least 3, not '2'");
	expect(&d, "1m", "60000");
	expect(&d, "61s", "! 'x' must be at most 1m, not '61s'");
	expect(&day, "2023-12-31", "! 'x' must be at least 2024-01-01, not '2023-12-31'");
	expect(&s, "abc", "\"abc\"");
	expect(&s, "a1", "! 'x' must be text that matches ^[a-z]+$, not 'a1'");
	json_decref(three);
	json_decref(minute);
	json_decref(when);
	pattern_free(word);
	buf_release(&err);
}

static void a_multiple_param_is_a_list_of_its_type(void **state)
{
	struct param n = of(PARAM_INT), s = of(PARAM_STRING);

	(void)state;
	n.multiple = s.multiple = true;
	expect(&n, "5", "[5]");
	expect(&n, "[1,2]", "[1,2]");
	expect(&n, "x", "! 'x' must be a whole number, not 'x'");
	expect(&n, "[1,\"x\"]", "! 'x' must be a whole number, not 'x'");
	expect_json(&n, "7", "[7]");
	expect_json(&n, "[]", "[]");
	expect_json(&n, "[1,null,2]", "! 'x' must be a whole number, not null");
	expect(&s, "a,b", "[\"a,b\"]");
}

static void params_are_found_by_name(void **state)
{
	struct param at[] = {{.name = "a"}, {.name = "b"}};
	struct param_list l = {at, 2};

	(void)state;
	CHECK(param_find(&l, "b") == &at[1]);
	CHECK(!param_find(&l, "c"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_strictly),
		cmocka_unit_test(texts_and_truth),
		cmocka_unit_test(dates_exist),
		cmocka_unit_test(durations_are_milliseconds_and_sizes_bytes),
		cmocka_unit_test(an_enum_takes_what_it_lists_and_suggests_the_nearest),
		cmocka_unit_test(lists_are_written_with_commas_or_as_json),
		cmocka_unit_test(bad_json_says_where),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(a_multiple_param_is_a_list_of_its_type),
		cmocka_unit_test(params_are_found_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
