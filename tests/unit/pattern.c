/* Patterns: their text, what they find, and that no text makes them run for long. */
#include "job/pattern.h"

#include "check.h"

#include "base/bug.h"

static struct pattern *made(const char *text)
{
	struct buf err = BUF_INIT;
	struct pattern *p = pattern_new(text, &err);

	if (!p)
		fail_msg("'%s' is no pattern: %s", text, err.data);
	buf_release(&err);
	return p;
}

static enum pattern_result found(const char *pattern, const char *subject)
{
	struct pattern *p = made(pattern);
	enum pattern_result r = pattern_match(p, span_of(subject));

	pattern_free(p);
	return r;
}

static void a_pattern_is_searched_for_anywhere(void **state)
{
	static const struct {
		const char *pattern, *subject;
		bool yes;
	} cases[] = {
		{"b+", "abbc", true},
		{"^b", "abbc", false},
		{"/B/", "abc", false},
		{"/B/i", "abc", true},
		{"/^b$/m", "a\nb\nc", true},
		{"/^b$/", "a\nb\nc", false},
		{"/a.b/s", "a\nb", true},
		{"/a.b/", "a\nb", false},
		{"/a b # a comment/x", "ab", true},
		{"/É/i", "é", true},
		{"^.$", "é", true},
		{"/a\\/b/", "a/b", true},
		{"/[/]/", "a/b", true},
		{"/[]/]/", "/", true},
		{"/[[:alpha:]/]$/", "/", true},
		{"/[^\\]/]x/", "ax", true},
		{"a/b", "a/b", true},
		{"[A-Za-z0-9._/-]+$", "feature/x", true},
		{"x", "", false},
		{"x*", "", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (found(cases[i].pattern, cases[i].subject) != (cases[i].yes ? PATTERN_YES : PATTERN_NO))
			fail_msg("%s on '%s'", cases[i].pattern, cases[i].subject);
}

static void what_is_no_pattern_is_refused_with_the_reason(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"(", "missing closing parenthesis at offset 1"},
		{"/(/", "missing closing parenthesis at offset 2"},
		{"", "it is empty"},
		{"//", "it is empty"},
		{"/abc", "it begins with '/' and has no closing one (to search for a slash write \\/)"},
		{"/", "it begins with '/' and has no closing one (to search for a slash write \\/)"},
		{"/a/b/", "after the closing '/' at offset 2 only the flags i, m, s, x may follow (a slash inside is "
			  "written \\/)"},
		{"/a/g", "after the closing '/' at offset 2 only the flags i, m, s, x may follow (a slash inside is "
			 "written \\/)"},
		{"a\\Cb", NULL},
		{"\xff", NULL},
	};
	struct buf err = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pattern *p = pattern_new(cases[i].text, &err);

		if (p)
			fail_msg("'%s' is taken", cases[i].text);
		CHECK(err.len);
		if (cases[i].why)
			CHECK_STR(err.data, cases[i].why);
		buf_reset(&err);
	}
	buf_release(&err);
}

static void a_pattern_has_at_most_4_kB(void **state)
{
	struct buf text = BUF_INIT, err = BUF_INIT;

	(void)state;
	buf_pad(&text, 'a', PATTERN_TEXT_MAX);
	pattern_free(made(text.data));
	buf_putc(&text, 'a');
	CHECK(!pattern_new(text.data, &err));
	CHECK_STR(err.data, "it is longer than 4096 bytes");
	buf_release(&text);
	buf_release(&err);
}

static void its_text_is_as_written(void **state)
{
	struct pattern *p = made("/a+/im");

	(void)state;
	CHECK_STR(pattern_text(p), "/a+/im");
	pattern_free(p);
	pattern_free(NULL);
}

static void check_last(const char *pattern, struct span subject, enum pattern_result r, const char *want)
{
	struct pattern *p = made(pattern);
	struct span got = {NULL, 0};

	CHECK_INT(pattern_last(p, subject, &got), r);
	if (want) {
		CHECK_INT(got.len, strlen(want));
		CHECK(!memcmp(got.at, want, got.len));
		CHECK(got.at >= subject.at && got.at + got.len <= subject.at + subject.len);
	} else {
		CHECK(!got.at);
	}
	pattern_free(p);
}

static void the_last_match_gives_its_first_group(void **state)
{
	(void)state;
	check_last("/^ERROR: (.+)$/m", span_of("ERROR: one\nfine\nERROR: two\n"), PATTERN_YES, "two");
	check_last("o.", span_of("one two on"), PATTERN_YES, "on");
	check_last("x", span_of("abc"), PATTERN_NO, NULL);
	check_last("b(x)?", span_of("abc"), PATTERN_YES, "b");
	check_last("(x*)", span_of("xxa"), PATTERN_YES, "");
	check_last("(a+)", (struct span){NULL, 0}, PATTERN_NO, NULL);
}

static void bytes_that_are_no_utf8_do_not_hide_the_rest(void **state)
{
	static const char log[] = "\xff\xfe ERROR: caf\xc3\xa9 \x80 broken\n\xc3";
	struct pattern *p = made("/ERROR: (.*)$/m");
	struct span got = {NULL, 0};

	(void)state;
	CHECK_INT(pattern_last(p, (struct span){log, sizeof(log) - 1}, &got), PATTERN_YES);
	CHECK(span_is(got, "caf\xc3\xa9 \x80 broken"));
	pattern_free(p);
	CHECK_INT(found("^.$", "\xff"), PATTERN_YES);
	CHECK_INT(found("\\?", "\xff"), PATTERN_NO);
}

static void the_first_match_gives_all_groups(void **state)
{
	struct pattern *p = made("(a)(x)?(b*)");
	struct span got[4];

	(void)state;
	CHECK_INT(pattern_spans(p), 4);
	CHECK_INT(pattern_first(p, span_of("-abb ab"), got), PATTERN_YES);
	CHECK(span_is(got[0], "abb"));
	CHECK(span_is(got[1], "a"));
	CHECK(!got[2].at);
	CHECK(span_is(got[3], "bb"));
	CHECK_INT(pattern_first(p, span_of("-"), got), PATTERN_NO);
	pattern_free(p);
}

static void every_match_is_replaced(void **state)
{
	static const struct {
		const char *pattern, *subject, *with, *want;
	} cases[] = {
		{"b", "abcb", "X", "aXcX"},
		{"x", "abc", "Y", "abc"},
		{"(\\w)-(\\w)", "a-b c-d", "$2-$1", "b-a d-c"},
		{"(?<first>.)b", "ab", "${first}!", "a!"},
		{"b", "abc", "[$0]", "a[b]c"},
		{"b", "abc", "${0}1", "ab1c"},
		{"b", "abc", "$$1", "a$1c"},
		{"b", "abc", "$", "a$c"},
		{"b", "abc", "${", "a${c"},
		{"b", "abc", "$x", "a$xc"},
		{"x*", "abc", "-", "-a-b-c-"},
		{"x*", "axb", "-", "-a--b-"},
		{"$", "ab", "!", "ab!"},
		{"^", "é", "-", "-é"},
		{"(a)|(b)", "ab", "<$1$2>", "<a><b>"},
		{"/b/i", "aBb", "", "a"},
	};
	struct buf out = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pattern *p;
		bool changes;

		p = made(cases[i].pattern);
		changes = strcmp(cases[i].subject, cases[i].want) != 0;
		CHECK(pattern_check_with(p, cases[i].with, &out));
		CHECK_INT(pattern_replace(p, span_of(cases[i].subject), cases[i].with, 100, &out),
			  changes ? PATTERN_YES : PATTERN_NO);
		CHECK_STR(out.data, cases[i].want);
		buf_reset(&out);
		pattern_free(p);
	}
	buf_release(&out);
}

static void a_replacement_can_only_use_groups_that_exist(void **state)
{
	static const char *const bad[] = {"$2", "a${name}", "${}", "$99999999999999999999", "${1x}"};
	struct pattern *p = made("(a)");
	struct buf err = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(!pattern_check_with(p, bad[i], &err));
	buf_reset(&err);
	CHECK(!pattern_check_with(p, "$2", &err));
	CHECK_STR(err.data, "the pattern (a) has no group '2' (a dollar is written $$)");
	CHECK(pattern_check_with(p, "$1 ${1} $0 $$2 $", &err));
	pattern_free(p);
	buf_release(&err);
}

static void a_replacement_that_grows_too_long_is_given_up(void **state)
{
	struct pattern *p = made("a");
	struct buf out = BUF_INIT;

	(void)state;
	CHECK_INT(pattern_replace(p, span_of("aaaa"), "12345", 20, &out), PATTERN_YES);
	CHECK_INT(out.len, 20);
	CHECK_INT(pattern_replace(p, span_of("aaaa"), "12345", 19, &out), PATTERN_LIMIT);
	CHECK(out.len - 20 > 19);
	CHECK_INT(pattern_replace(p, span_of("bbbb"), "", 3, &out), PATTERN_LIMIT);
	pattern_free(p);
	buf_release(&out);
}

/* --- limits ------------------------------------------------------------------------------------------- */

/* What makes a backtracking search take time that grows by the square, the cube or the power of the length. */
static const struct {
	const char *pattern, *unit, *tail;
} costly[] = {
	{"^(a+)+$", "a", "!"},
	{"(a+)+[^a!]", "a", "!"},
	{"^(a|a)*$", "a", "!"},
	{"^(a|aa)+$", "a", "!"},
	{"^(.*a){12}$", "a", "!"},
	{"(x+x+)+y?[^x!]", "x", "!"},
	{"^(\\w+\\s?)*$", "ab ", "!"},
	{"^([a-zA-Z0-9._-]+)*@", "a", "!"},
	{"(.*)*[^!a]$", "a", "!"},
	{"^((a*)*)*b?c?[^!a]", "a", "!"},
	{"a*[bc]", "a", "!"},
	{"a*a*a*a*[bc]", "a", "!"},
	{".*.*=.*[;]", "a=", "!"},
	{"(?=(a+))a*b\\1[xy]", "a", "b!"},
	{"^(?:(?:a?){20}){20}[bc]", "a", "!"},
	{"(a*)\\1[bc]", "a", "!"},
	{"(?:(?=a+)a)+[bc]", "a", "!"},
	{"(\\d+)*[^\\d!]", "1", "!"},
	{"^(([a-z])+.)+[A-Z]([a-z])+$", "a", "!"},
	{"(?R)?a[bc]", "a", "!"},
};

static double ms_of(size_t i, size_t n)
{
	struct pattern *p = made(costly[i].pattern);
	struct buf text = BUF_INIT;
	struct timespec from, to;
	enum pattern_result r;
	double ms;

	while (text.len < n)
		buf_puts(&text, costly[i].unit);
	buf_puts(&text, costly[i].tail);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	r = pattern_match(p, (struct span){text.data, text.len});
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	ms = (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6;
	if (getenv("TEST_VERBOSE"))
		print_message("%-32s %8zu bytes: %s %.1f ms\n", costly[i].pattern, text.len,
			      r == PATTERN_LIMIT ? "limit" : r == PATTERN_YES ? "yes" : "no", ms);
	if (r == PATTERN_YES)
		fail_msg("%s has a match", costly[i].pattern);
	pattern_free(p);
	buf_release(&text);
	return ms;
}

/* Milliseconds, but under valgrind on a busy machine seconds; without limits it is hours. */
static void a_costly_pattern_ends_soon(void **state)
{
	static const size_t sizes[] = {30, 5000, PATTERN_SUBJECT_MAX - 10};
	const double bound_ms = 30000;

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
		/* Not all of them at full length, where each takes a fifth of a second. */
		size_t stride = sizes[k] > 100000 ? 5 : 1;

		for (size_t i = 0; i < ARRAY_LEN(costly); i += stride) {
			double ms = ms_of(i, sizes[k]);

			if (ms > bound_ms)
				fail_msg("%s takes %.0f ms on %zu bytes", costly[i].pattern, ms, sizes[k]);
		}
	}
}

static void a_limit_is_not_taken_for_no_match(void **state)
{
	static const char text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!";
	struct pattern *p = made("^(a+)+$");
	struct span group[2];
	struct buf out = BUF_INIT;

	(void)state;
	CHECK_INT(pattern_match(p, span_of(text)), PATTERN_LIMIT);
	CHECK_INT(pattern_last(p, span_of(text), group), PATTERN_LIMIT);
	CHECK_INT(pattern_first(p, span_of(text), group), PATTERN_LIMIT);
	buf_puts(&out, "before");
	CHECK_INT(pattern_replace(p, span_of(text), "", 1000, &out), PATTERN_LIMIT);
	CHECK_STR(out.data, "before");
	buf_release(&out);
	pattern_free(p);
}

static void a_subject_of_more_than_1_MB_is_a_limit(void **state)
{
	struct pattern *p = made("b");
	struct buf text = BUF_INIT;
	struct span got;

	(void)state;
	buf_pad(&text, 'a', PATTERN_SUBJECT_MAX);
	CHECK_INT(pattern_match(p, (struct span){text.data, text.len}), PATTERN_NO);
	buf_putc(&text, 'a');
	CHECK_INT(pattern_match(p, (struct span){text.data, text.len}), PATTERN_LIMIT);
	CHECK_INT(pattern_last(p, (struct span){text.data, text.len}, &got), PATTERN_LIMIT);
	CHECK_INT(pattern_replace(p, (struct span){text.data, text.len}, "", 10, &text), PATTERN_LIMIT);
	buf_release(&text);
	pattern_free(p);
}

/* A log of 1 MB with many matches is ordinary work: far from the limits. */
static void a_long_log_is_searched_to_its_end(void **state)
{
	static const char *const patterns[] = {"/^ERROR: (.+)$/m", "ERROR: (\\w+)", "(?i)error: (.*)", "/^.*ERROR: (.*)$/m"};
	struct buf log = BUF_INIT;

	(void)state;
	for (int i = 0; log.len < PATTERN_SUBJECT_MAX - 200; i++)
		buf_addf(&log, "%s line %d of the log, which says nothing of note\n", i % 3 ? "info:" : "ERROR: x", i);
	buf_puts(&log, "ERROR: last\n");
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++)
		check_last(patterns[i], (struct span){log.data, log.len}, PATTERN_YES, "last");
	buf_release(&log);
}

static void random_patterns_never_crash(void **state)
{
	static const char *const parts[] = {"a", "b", ".", "*", "+", "?", "(", ")", "(?:", "(?=", "[", "]", "^", "$", "|",
					    "\\", "/", "{2}", "{,3}", "\\1", "\\b", "[a-z]", "(?R)", "é", "(?i)", "\\K",
					    "(*SKIP)", "(*FAIL)", "(?<n>", "\\Q", "-", "\xff"};
	struct buf text = BUF_INIT, err = BUF_INIT, out = BUF_INIT;
	struct span got;

	(void)state;
	srand(check_seed());
	for (int round = 0; round < 3000; round++) {
		struct pattern *p;

		buf_reset(&text);
		buf_reset(&err);
		buf_reset(&out);
		for (int n = rand() % 9; n >= 0; n--)
			buf_puts(&text, parts[(size_t)rand() % ARRAY_LEN(parts)]);
		p = pattern_new(text.data, &err);
		CHECK(!p == (err.len > 0));
		if (!p)
			continue;
		(void)pattern_last(p, span_of("aabab/\xff\xc3\xa9 baaab"), &got);
		(void)pattern_replace(p, span_of("aab\xff\xc3\xa9 baaab"), "<$0>", 100, &out);
		pattern_free(p);
	}
	buf_release(&text);
	buf_release(&err);
	buf_release(&out);
}

/* --- globs ----------------------------------------------------------------------------------------------- */

static void a_glob_matches_the_whole_name(void **state)
{
	static const struct {
		const char *glob, *text;
		bool yes;
	} cases[] = {
		{"ingest_*", "ingest_gmail", true},
		{"ingest_*", "ingest_", true},
		{"ingest_*", "pre_ingest_x", false},
		{"*", "", true},
		{"*", "a/b.c", true},
		{"", "", true},
		{"", "a", false},
		{"a?c", "abc", true},
		{"a?c", "aéc", true},
		{"a??c", "aéc", false},
		{"*??", "€", false},
		{"*?", "€", true},
		{"[abc]x", "bx", true},
		{"[a-c]x", "dx", false},
		{"[!a-c]x", "dx", true},
		{"[^a-c]x", "ax", false},
		{"[]]", "]", true},
		{"[]-]", "-", true},
		{"[a-]", "-", true},
		{"[é-ü]", "ö", true},
		{"[a", "[a", true},
		{"a\\*b", "a*b", true},
		{"a\\*b", "axb", false},
		{"[\\]]", "]", true},
		{"a\\", "a\\", true},
		{"*.daily_*", "pipeline.daily_all", true},
		{"*a*b*c", "xxaxxbxxc", true},
		{"*a*b*c", "xxaxxbxx", false},
		{"**a", "ba", true},
		{"?", "", false},
		{"[a]", "", false},
		{"*\xff", "a\xff", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (glob_match(cases[i].glob, cases[i].text) != cases[i].yes)
			fail_msg("%s on '%s'", cases[i].glob, cases[i].text);
}

static void many_stars_take_no_longer(void **state)
{
	char text[2001], glob[401];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	for (size_t i = 0; i + 1 < sizeof(glob); i += 2)
		memcpy(glob + i, "*a", 2);
	glob[sizeof(glob) - 1] = 0;
	CHECK(glob_match(glob, text));
	glob[sizeof(glob) - 2] = 'b';
	CHECK(!glob_match(glob, text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pattern_is_searched_for_anywhere),
		cmocka_unit_test(what_is_no_pattern_is_refused_with_the_reason),
		cmocka_unit_test(a_pattern_has_at_most_4_kB),
		cmocka_unit_test(its_text_is_as_written),
		cmocka_unit_test(the_last_match_gives_its_first_group),
		cmocka_unit_test(bytes_that_are_no_utf8_do_not_hide_the_rest),
		cmocka_unit_test(the_first_match_gives_all_groups),
		cmocka_unit_test(every_match_is_replaced),
		cmocka_unit_test(a_replacement_can_only_use_groups_that_exist),
		cmocka_unit_test(a_replacement_that_grows_too_long_is_given_up),
		cmocka_unit_test(a_costly_pattern_ends_soon),
		cmocka_unit_test(a_limit_is_not_taken_for_no_match),
		cmocka_unit_test(a_subject_of_more_than_1_MB_is_a_limit),
		cmocka_unit_test(a_long_log_is_searched_to_its_end),
		cmocka_unit_test(random_patterns_never_crash),
		cmocka_unit_test(a_glob_matches_the_whole_name),
		cmocka_unit_test(many_stars_take_no_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
