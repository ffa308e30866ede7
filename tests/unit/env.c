/* Environments: dotenv files, and who wins. */
#include "engine/engine_impl.h"
#include "step_case.h"

/* --- lists --------------------------------------------------------------------------------------------- */

/* What a process would get, sorted, without the PATH, which always is there. */
static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void dump(const struct env_list *l, struct buf *out)
{
	const char **text = xcalloc(l->n + (l->base ? l->base->n : 0), sizeof(*text));
	size_t n = env_texts(l, text);

	qsort(text, n, sizeof(*text), by_text);
	for (size_t i = 0; i < n; i++)
		if (strncmp(text[i], "PATH=", 5))
			buf_addf(out, "%s%s", out->len ? "|" : "", text[i]);
	free(text);
}

static void later_settings_win_and_null_unsets(void **state)
{
	struct env_list l = {0}, near = {0};
	struct buf got = BUF_INIT;

	(void)state;
	env_set(&l, "A", "1");
	env_set(&l, "B", "");
	env_set(&l, "A", "2");
	env_set(&l, "C", "3");
	env_set(&l, "C", NULL);
	env_set(&l, "NEVER", NULL);
	CHECK_STR(env_get(&l, "A"), "2");
	CHECK_STR(env_get(&l, "B"), "");
	CHECK(!env_get(&l, "C"));
	CHECK(!env_get(&l, "NOT"));
	env_set(&l, "D", "4");
	near.base = &l;
	env_set(&near, "A", "near");
	env_set(&near, "D", NULL);
	env_set(&near, "E", "5");
	CHECK_STR(env_get(&near, "A"), "near");
	CHECK_STR(env_get(&near, "B"), "");
	CHECK(!env_get(&near, "D"));
	CHECK_STR(env_get(&l, "A"), "2");
	dump(&near, &got);
	CHECK_STR(got.data, "A=near|B=|E=5");
	buf_release(&got);
	env_release(&near);
	env_release(&l);
}

/* --- dotenv -------------------------------------------------------------------------------------------- */

/* The settings with | between, or what is wrong. */
static void reads_len(const char *text, size_t len, const char *want)
{
	struct step_case c = step_case_new("");
	char *path = step_case_file(&c, ".env", text, len);
	struct env_list l = {0};
	struct buf got = BUF_INIT, err = BUF_INIT;
	size_t n = strlen(c.dir) + 1;

	if (env_read_dotenv(&l, path, false, &err))
		dump(&l, &got);
	else
		buf_puts(&got, strncmp(err.data, c.dir, n - 1) ? err.data : err.data + n);
	CHECK_STR(got.data, want);
	buf_release(&got);
	buf_release(&err);
	env_release(&l);
	free(path);
	step_case_release(&c);
}

static void reads(const char *text, const char *want)
{
	reads_len(text, strlen(text), want);
}

static void a_dotenv_file_has_a_setting_on_each_line(void **state)
{
	(void)state;
	reads("", "");
	reads("A=1\nB_2=x=y\n\n# no\n  # no\n\t C=3", "A=1|B_2=x=y|C=3");
	reads("export A=1\nexport\tB=2\n  export   C=3\nexported=4\n", "A=1|B=2|C=3|exported=4");
	reads("A=1\nA=2\n", "A=2");
	reads("A=\nB= \n", "A=|B=");
	reads("A=1\r\n\r\nB=\"2\"\r\n", "A=1|B=2");
}

static void a_bare_value_ends_at_a_comment_and_has_no_blanks_around_it(void **state)
{
	(void)state;
	reads("A= x y \t\nB=a#b\nC=a #b\nD=a\t#b\nE=#x\nF= # x\n", "A=x y|B=a#b|C=a|D=a|E=#x|F=");
	reads("A=it's\nB=$HOME\n", "A=it's|B=$HOME");
}

static void quotes_keep_everything_and_double_ones_know_escapes(void **state)
{
	(void)state;
	reads("A=\" x # y \"\nB=' \\n \" '\nC=\"\" # none\nD = 1\n", ".env:4: not NAME=VALUE");
	reads("A=\" x # y \"\nB=' \\n \" '\nC=\"\" # none\n", "A= x # y |B= \\n \" |C=");
	reads("A=\"one\\ntwo \\\"q\\\" \\\\ \\$x \\`y\"\n", "A=one\ntwo \"q\" \\ $x `y");
	reads("A=\"C:\\temp\\dir\"\n", "A=C:\\temp\\dir");
	reads("A=\"x\\\\\"\n", "A=x\\");
}

static void what_is_wrong_in_a_dotenv_file_is_said_with_its_line(void **state)
{
	(void)state;
	reads("A=1\nhello\n", ".env:2: not NAME=VALUE");
	reads("A=1\n\n=x\n", ".env:3: not NAME=VALUE");
	reads("2A=1\n", ".env:1: not NAME=VALUE");
	reads("A-B=1\n", ".env:1: not NAME=VALUE");
	reads("A=\"x\n", ".env:1: a quote is not closed");
	reads("A='x\\'y'\n", ".env:1: there is text behind the closing quote");
	reads("A=\"x\\\"\n", ".env:1: a quote is not closed");
	reads("export\n", ".env:1: not NAME=VALUE");
}

static void a_dotenv_file_holds_text(void **state)
{
	struct step_case c = step_case_new("");
	char *path = step_case_file(&c, ".env", "A=1\0B=2\n", 8), *want;
	struct env_list l = {0};
	struct buf err = BUF_INIT;

	(void)state;
	CHECK(!env_read_dotenv(&l, path, false, &err));
	want = xasprintf("the dotenv file '%s' holds a NUL character", path);
	CHECK_STR(err.data, want);
	buf_release(&err);
	env_release(&l);
	free(want);
	free(path);
	step_case_release(&c);
}

static void a_dotenv_file_may_be_absent_only_if_that_is_said(void **state)
{
	struct env_list l = {0};
	struct buf err = BUF_INIT;

	(void)state;
	CHECK(env_read_dotenv(&l, "/nonexistent/.env", true, &err));
	CHECK_STR(err.data, "");
	CHECK(!env_read_dotenv(&l, "/nonexistent/.env", false, &err));
	CHECK_STR(err.data, "cannot read the dotenv file '/nonexistent/.env': No such file or directory");
	buf_reset(&err);
	CHECK(!env_read_dotenv(&l, "/", true, &err));
	CHECK_STR(err.data, "cannot read the dotenv file '/': Is a directory");
	buf_release(&err);
	env_release(&l);
}

/* --- layers -------------------------------------------------------------------------------------------- */

struct layers {
	struct step_case c;
	struct run_options o;
	struct engine *e;
};

/* A run of the first job of text, in a folder with a dotenv file; NULL engine: what went wrong is in said. */
static void layers_init(struct layers *y, const char *text, const char *dotenv, const char *const *environ, struct buf *said)
{
	*y = (struct layers){.c = step_case_new("")};
	free(step_case_file(&y->c, ".env", dotenv, strlen(dotenv)));
	jobfile_free(y->c.jf);
	y->c.jf = jobfile_load_text("J", text, strlen(text), y->c.dir, y->c.d);
	y->o = (struct run_options){.slots = 1, .no_ledger = true, .environ = environ, .libexec = "/L"};
	if (y->c.jf)
		y->e = engine_new(y->c.jf, &y->o, y->c.d);
	for (size_t i = 0; i < diags_count(y->c.d); i++)
		buf_puts(said, diags_at(y->c.d, i)->text);
}

static void layers_release(struct layers *y)
{
	engine_free(y->e);
	step_case_release(&y->c);
}

/* What the first step gets. */
static void step_gets(const char *text, const char *dotenv, const char *const *environ, const char *want)
{
	struct buf got = BUF_INIT;
	struct layers y;
	struct env_list l = {0};

	layers_init(&y, text, dotenv, environ, &got);
	for (uint32_t u = 0; y.e && u < y.e->x->graph->n_units; u++) {
		struct unit_world w;

		if (y.e->x->graph->unit[u].kind != UNIT_STEP)
			continue;
		unit_world_init(&w, y.e, u);
		if (engine_step_env(y.e, &w, &l, ENV_ALL, &got))
			dump(&l, &got);
		unit_world_release(&w);
		break;
	}
	CHECK_STR(got.data, want);
	env_release(&l);
	buf_release(&got);
	layers_release(&y);
}

static void the_nearest_setting_wins(void **state)
{
	static const char *const environ[] = {"A=process", "B=process", "C=process", "D=process", "E=process",
					      "GONE=process", NULL};

	(void)state;
	step_gets("jobfile: 1\ndotenv: [.env]\nenv: {C: file, D: file, E: file}\njobs:\n"
		  "  j: {env: {D: job, E: job}, steps: [{run: x, env: {E: step, GONE: null}}]}\n",
		  "B=dotenv\nC=dotenv\nD=dotenv\nE=dotenv\n", environ, "A=process|B=dotenv|C=file|D=job|E=step");
}

static void a_value_sees_what_was_set_before_it(void **state)
{
	static const char *const environ[] = {"HOME=/home/me", NULL};

	(void)state;
	step_gets("jobfile: 1\nenv: {BASE: \"${{ env.HOME }}/work\"}\njobs:\n"
		  "  j: {run: x, env: {DIR: \"${{ env.BASE }}/x\", N: 7}}\n", "", environ,
		  "BASE=/home/me/work|DIR=/home/me/work/x|HOME=/home/me|N=7");
}

static void what_a_make_above_us_meant_for_itself_is_left_out(void **state)
{
	static const char *const environ[] = {"MAKEFLAGS=-j3", "MFLAGS=-j", "MAKELEVEL=1", "ORCHMAKE_RUN=x",
					      "ORCHMAKE=kept", "=odd", "odd", "A=", NULL};

	(void)state;
	step_gets("jobfile: 1\njobs: {j: {run: x}}\n", "", environ, "A=|ORCHMAKE=kept");
}

static void a_value_that_cannot_be_made_is_named(void **state)
{
	(void)state;
	step_gets("jobfile: 1\njobs: {j: {run: x, params: {p: {type: json, default: [1]}}, "
		  "env: {A: \"${{ params.p - 1 }}\"}}}\n", "", NULL, "'-' needs two numbers, not a list and a number: [1] - 1 (in env.A)");
	step_gets("jobfile: 1\njobs: {j: {run: x, dotenv: [\".env\", \"none?\"]}}\n", "A=1\n", NULL, "A=1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(later_settings_win_and_null_unsets),
		cmocka_unit_test(a_dotenv_file_has_a_setting_on_each_line),
		cmocka_unit_test(a_bare_value_ends_at_a_comment_and_has_no_blanks_around_it),
		cmocka_unit_test(quotes_keep_everything_and_double_ones_know_escapes),
		cmocka_unit_test(what_is_wrong_in_a_dotenv_file_is_said_with_its_line),
		cmocka_unit_test(a_dotenv_file_holds_text),
		cmocka_unit_test(a_dotenv_file_may_be_absent_only_if_that_is_said),
		cmocka_unit_test(the_nearest_setting_wins),
		cmocka_unit_test(a_value_sees_what_was_set_before_it),
		cmocka_unit_test(what_a_make_above_us_meant_for_itself_is_left_out),
		cmocka_unit_test(a_value_that_cannot_be_made_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
