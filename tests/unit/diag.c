#include "doc/diag.h"

#include <jansson.h>

#include "check.h"

struct world {
	struct source *source;
	struct diags *diags;
	struct buf out;
};

static struct world world_of(const char *text)
{
	struct world w = {.source = source_from("Jobfile", text, strlen(text)),
			  .diags = diags_new(),
			  .out = BUF_INIT};

	return w;
}

static void world_release(struct world *w)
{
	buf_release(&w->out);
	diags_free(w->diags);
	source_free(w->source);
}

static const char *shown(struct world *w)
{
	buf_reset(&w->out);
	diags_format(w->diags, &w->out, false);
	return w->out.data;
}

/* One error at a place of a text, and how it is shown. */
static void error_shows(const char *text, size_t at, size_t len, const char *want)
{
	struct world w = world_of(text);

	diag_error(w.diags, source_mark(w.source, at, len), "wrong");
	CHECK_STR(shown(&w), want);
	world_release(&w);
}

static void an_error_shows_its_line_with_a_caret_and_a_hint(void **state)
{
	struct world w = world_of("a: 1\n\n    tmeout: 30s\n");

	(void)state;
	diag_error(w.diags, source_mark(w.source, 10, 6), "unknown key '%s' in step '%s'", "tmeout",
		   "pull");
	diag_hint(w.diags, "did you mean '%s'?", "timeout");
	CHECK_STR(shown(&w), "Jobfile:3:5: error: unknown key 'tmeout' in step 'pull'\n"
			     "    3 |     tmeout: 30s\n"
			     "      |     ^~~~~~\n"
			     "      = did you mean 'timeout'?\n");
	world_release(&w);
}

static void errors_and_warnings_are_counted_in_the_order_given(void **state)
{
	struct world w = world_of("x\n");

	(void)state;
	diag_warn(w.diags, MARK_NONE, "first");
	diag_error(w.diags, (struct mark){.source = w.source}, "second");
	diag_note(w.diags, source_mark(w.source, 0, 1), "third");
	CHECK_INT(diags_errors(w.diags), 1);
	CHECK_INT(diags_warnings(w.diags), 1);
	CHECK_INT(diags_count(w.diags), 3);
	CHECK_INT(diags_at(w.diags, 2)->kind, DIAG_NOTE);
	CHECK_STR(shown(&w), "orchmake: warning: first\n"
			     "Jobfile: error: second\n"
			     "Jobfile:1:1: note: third\n"
			     "    1 | x\n"
			     "      | ^\n");
	world_release(&w);
}

static void a_tab_stays_a_tab_on_both_lines(void **state)
{
	(void)state;
	error_shows("\tab\tcd\n", 4, 2,
		    "Jobfile:1:5: error: wrong\n    1 | \tab\tcd\n      | \t  \t^~\n");
	error_shows("a\tb\n", 1, 1, "Jobfile:1:2: error: wrong\n    1 | a\tb\n      |  ^\n");
}

static void the_caret_stands_below_wide_and_combining_characters(void **state)
{
	(void)state;
	error_shows("日本 x\n", 7, 1, "Jobfile:1:8: error: wrong\n    1 | 日本 x\n      |      ^\n");
	error_shows("e\xcc\x81 x\n", 4, 1,
		    "Jobfile:1:5: error: wrong\n    1 | e\xcc\x81 x\n      |   ^\n");
	error_shows("x 😀y\n", 2, 4, "Jobfile:1:3: error: wrong\n    1 | x 😀y\n      |   ^~\n");
}

static void what_a_terminal_would_obey_is_made_visible(void **state)
{
	struct world w = world_of("a \033]0;x\007 b\n");

	(void)state;
	diag_error(w.diags, source_mark(w.source, 9, 1), "no '\033[2J\n\t\xff\xe2\x80\xae\xc2\x9b'");
	CHECK_STR(shown(&w), "Jobfile:1:10: error: no '\\x1b[2J\\n\\t\\xff<U+202E><U+009B>'\n"
			     "    1 | a \\x1b]0;x\\x07 b\n"
			     "      |                ^\n");
	world_release(&w);
}

static void every_byte_is_shown_without_a_control_character(void **state)
{
	char text[256];
	unsigned seed = check_seed();

	(void)state;
	srand(seed);
	for (int round = 0; round < 2000; round++) {
		size_t n = (size_t)(rand() % 255);
		struct world w;

		for (size_t i = 0; i < n; i++)
			text[i] = (char)(rand() % 256 ? rand() % 256 : 1);
		for (size_t i = 0; i < n; i++)
			text[i] = text[i] ? text[i] : 'x';
		text[n] = 0;
		w = world_of(text);
		diag_error(w.diags, source_mark(w.source, n ? (size_t)rand() % n : 0, 3), "%s", text);
		for (const char *p = shown(&w); *p; p++)
			CHECK(*p == '\n' || *p == '\t' || ((unsigned char)*p >= 0x20 && *p != 0x7f));
		world_release(&w);
	}
}

static void a_caret_may_stand_behind_the_line(void **state)
{
	(void)state;
	error_shows("ab", 2, 0, "Jobfile:1:3: error: wrong\n    1 | ab\n      |   ^\n");
	error_shows("", 0, 0, "Jobfile:1:1: error: wrong\n    1 | \n      | ^\n");
}

static void underlining_ends_with_the_line(void **state)
{
	struct world w = world_of("ab\ncd\n");

	(void)state;
	diag_error(w.diags, mark_of(w.source, 1, 2, 50), "wrong");
	CHECK_STR(shown(&w), "Jobfile:1:2: error: wrong\n    1 | ab\n      |  ^\n");
	world_release(&w);
}

/* The shown line and the one below it, without what stands left of them. */
static void parts(const char *out, char *line, char *under, size_t size)
{
	const char *l = strchr(out, '|') + 2, *u = strchr(strchr(l, '\n'), '|') + 2;

	snprintf(line, size, "%.*s", (int)strcspn(l, "\n"), l);
	snprintf(under, size, "%.*s", (int)strcspn(u, "\n"), u);
}

static void a_long_line_is_cut_around_the_caret(void **state)
{
	enum { LEN = 100000, SIZE = 400 };
	char *text = malloc(LEN + 1), line[SIZE], under[SIZE];

	(void)state;
	memset(text, '.', LEN);
	text[LEN] = 0;
	for (size_t at = 0; at < LEN; at += at < 300 || at > LEN - 300 ? 1 : 997) {
		struct world w;

		text[at] = '#';
		w = world_of(text);
		diag_error(w.diags, source_mark(w.source, at, 1), "wrong");
		parts(shown(&w), line, under, SIZE);
		CHECK(strlen(line) <= 120);
		CHECK(strlen(line) >= 100);
		CHECK_INT(strchr(under, '^') - under, strchr(line, '#') - line);
		CHECK((at > 60) == !strncmp(line, "...", 3) || at < 3 || line[0] == '.');
		text[at] = '.';
		world_release(&w);
	}
	free(text);
}

static void colour_is_given_when_asked_for(void **state)
{
	struct world w = world_of("x\n");

	(void)state;
	diag_error(w.diags, source_mark(w.source, 0, 1), "wrong");
	diag_hint(w.diags, "mend it");
	diags_format(w.diags, &w.out, true);
	CHECK_STR(w.out.data, "\033[1mJobfile:1:1: \033[1;31merror:\033[0m wrong\n"
			      "    1 | x\n"
			      "      | \033[1;32m^\033[0m\n"
			      "      \033[1;36m=\033[0m mend it\n");
	world_release(&w);
}

static void the_json_form_groups_notes_and_hints_with_their_error(void **state)
{
	struct world w = world_of("ab\n");
	json_error_t e;
	json_t *v;

	(void)state;
	diag_error(w.diags, source_mark(w.source, 1, 1), "bad \"quote\" \xff\033");
	diag_note(w.diags, source_mark(w.source, 0, 1), "first here");
	diag_hint(w.diags, "one");
	diag_hint(w.diags, "two");
	diag_warn(w.diags, MARK_NONE, "odd");
	diags_format_json(w.diags, &w.out);
	v = json_loadb(w.out.data, w.out.len, 0, &e);
	CHECK(v != NULL);
	CHECK_INT(json_array_size(v), 2);
	CHECK_STR(json_string_value(json_object_get(json_array_get(v, 0), "text")),
		  "bad \"quote\" \xef\xbf\xbd\033");
	CHECK_INT(json_integer_value(json_object_get(json_array_get(v, 0), "col")), 2);
	CHECK_INT(json_array_size(json_object_get(json_array_get(v, 0), "hints")), 2);
	CHECK_INT(json_array_size(json_object_get(json_array_get(v, 0), "notes")), 1);
	CHECK(json_is_null(json_object_get(json_array_get(v, 1), "file")));
	CHECK_STR(json_string_value(json_object_get(json_array_get(v, 1), "kind")), "warning");
	json_decref(v);
	world_release(&w);
}

static void no_diagnostics_are_an_empty_list(void **state)
{
	struct world w = world_of("");

	(void)state;
	diags_format_json(w.diags, &w.out);
	CHECK_STR(w.out.data, "[]\n");
	CHECK_STR(shown(&w), "");
	world_release(&w);
	diags_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_shows_its_line_with_a_caret_and_a_hint),
		cmocka_unit_test(errors_and_warnings_are_counted_in_the_order_given),
		cmocka_unit_test(a_tab_stays_a_tab_on_both_lines),
		cmocka_unit_test(the_caret_stands_below_wide_and_combining_characters),
		cmocka_unit_test(what_a_terminal_would_obey_is_made_visible),
		cmocka_unit_test(every_byte_is_shown_without_a_control_character),
		cmocka_unit_test(a_caret_may_stand_behind_the_line),
		cmocka_unit_test(underlining_ends_with_the_line),
		cmocka_unit_test(a_long_line_is_cut_around_the_caret),
		cmocka_unit_test(colour_is_given_when_asked_for),
		cmocka_unit_test(the_json_form_groups_notes_and_hints_with_their_error),
		cmocka_unit_test(no_diagnostics_are_an_empty_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
