/*
 * Every tests/cases/jobfile/NAME.yml beside what must come of it: NAME.expect, the
 * exact text of its diagnostics; NAME.json, its model as a document.  Warnings alone have both.
 * Every folder of tests/cases/namespace/ has a Jobfile that includes what is beside it, and the same of that.
 * TEST_CASES names the folder of cases, else it is below srcdir.
 * TEST_CASES_UPDATE=1 writes what comes of each instead; look at the difference.
 */
#include <dirent.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/vec.h"
#include "check.h"
#include "doc/json.h"
#include "job/jobfile.h"

enum { CASE_MAX = 1 << 20 };

struct names {
	char **at;
	size_t n, room;
};

/* What came of a case. */
struct outcome {
	struct buf said;  /* diagnostics */
	struct buf model; /* empty: it was refused */
};

static char *cases_dir(const char *kind)
{
	const char *cases = getenv("TEST_CASES"), *srcdir = getenv("srcdir");

	return cases ? xasprintf("%s/%s", cases, kind) : xasprintf("%s/tests/cases/%s", srcdir ? srcdir : ".", kind);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Those whose names end so, without that. */
static void list_cases(const char *dir, const char *ending, struct names *names)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	if (!d)
		fail_msg("cannot read the folder %s (set TEST_CASES or srcdir)", dir);
	while ((e = readdir(d))) {
		size_t n = strlen(e->d_name), end = strlen(ending);

		if (n > end && e->d_name[0] != '.' && !strcmp(e->d_name + n - end, ending))
			VEC_PUSH(names->at, names->n, names->room, xstrndup(e->d_name, n - end));
	}
	closedir(d);
	qsort(names->at, names->n, sizeof(*names->at), by_name);
}

/* text: NULL for the file of that name. */
static void load(const char *name, const struct buf *text, struct outcome *o)
{
	static const char *const verbs[] = {"run", "list", "show", "graph", "plan"};
	struct sources sources = {0};
	struct jobfile_where w = {.path = &name, .n_paths = !text, .verb = verbs, .n_verbs = ARRAY_LEN(verbs),
				  .sources = &sources};
	struct diags *d = diags_new();
	struct jobfile *jf = text ? jobfile_load_text_with(&w, name, text->data, text->len, "/project", d)
				  : jobfile_load(&w, d, NULL);

	buf_init(&o->said);
	buf_init(&o->model);
	diags_format(d, &o->said, false);
	CHECK((jf != NULL) == (diags_errors(d) == 0));
	if (jf) {
		json_t *doc = jobfile_to_json(jf, NULL, 0);

		json_text(&o->model, doc, JSON_INDENTED);
		buf_putc(&o->model, '\n');
		json_decref(doc);
	}
	jobfile_free(jf);
	diags_free(d);
	sources_release(&sources);
}

static void outcome_release(struct outcome *o)
{
	buf_release(&o->said);
	buf_release(&o->model);
}

/* The first line in which got differs from want. */
static void show_difference(const char *name, const char *ending, const char *want, const char *got)
{
	size_t line = 1, n, m;

	for (;; line++, want += n + (want[n] == '\n'), got += m + (got[m] == '\n')) {
		n = strcspn(want, "\n");
		m = strcspn(got, "\n");
		if (n != m || memcmp(want, got, n) || !want[n] || !got[m])
			break;
	}
	print_error("%s%s:%zu: want '%.*s'\n%s%s:%zu: got  '%.*s'\n", name, ending, line, (int)n, want,
		    name, ending, line, (int)m, got);
}

/* got against the file dir/NAME.ending; an absent file stands for an empty text. */
static bool same_as_file(const char *dir, const char *name, const char *ending, const struct buf *got)
{
	char *path = xasprintf("%s/%s%s", dir, name, ending);
	struct buf want = BUF_INIT;
	bool same;

	if (getenv("TEST_CASES_UPDATE")) {
		if (got->len)
			CHECK_INT(file_write_atomic(path, got->data, got->len, 0644), 0);
		else
			(void)unlink(path);
	}
	(void)file_read(path, &want, CASE_MAX);
	same = !strcmp(want.data, got->data);
	if (!same)
		show_difference(name, ending, want.data, got->data);
	buf_release(&want);
	free(path);
	return same;
}

/* The model as a document is a Jobfile too, and says the same. */
static bool loads_back(const char *name, const struct buf *model)
{
	struct outcome again;
	bool same;

	load("model.json", model, &again);
	same = !strcmp(again.model.data, model->data);
	if (!same)
		print_error("%s: its model loads back as\n%s%s----\n", name, again.said.data,
			    again.model.data);
	outcome_release(&again);
	return same;
}

static bool run_case(const char *dir, const char *name)
{
	char *path = xasprintf("%s/%s.yml", dir, name), *shown = xasprintf("%s.yml", name);
	struct buf text = BUF_INIT;
	struct outcome o;
	bool good;

	CHECK_INT(file_read(path, &text, CASE_MAX), 0);
	load(shown, &text, &o);
	good = same_as_file(dir, name, ".expect", &o.said);
	good &= same_as_file(dir, name, ".json", &o.model);
	if (o.model.len)
		good &= loads_back(name, &o.model);
	buf_release(&text);
	outcome_release(&o);
	free(path);
	free(shown);
	return good;
}

/* In the folder of the case, so that messages name files as they are included. */
static bool run_folder(const char *dir, const char *name)
{
	char *path = xasprintf("%s/%s", dir, name), *back = getcwd(NULL, 0);
	struct outcome o;
	bool good;

	CHECK_INT(chdir(path), 0);
	load("Jobfile", NULL, &o);
	good = same_as_file(".", "Jobfile", ".expect", &o.said);
	good &= same_as_file(".", "Jobfile", ".model", &o.model);
	if (o.model.len)
		good &= loads_back(name, &o.model);
	if (!good)
		print_error("(in %s)\n", name);
	CHECK_INT(chdir(back), 0);
	outcome_release(&o);
	free(path);
	free(back);
	return good;
}

static void every_folder_of_included_documents_gives_what_stands_in_it(void **state)
{
	char *dir = cases_dir("namespace");
	struct names names = {0};
	size_t bad = 0;

	(void)state;
	list_cases(dir, "", &names);
	CHECK(names.n >= 8);
	for (size_t i = 0; i < names.n; i++) {
		bad += !run_folder(dir, names.at[i]);
		free(names.at[i]);
	}
	free(names.at);
	free(dir);
	CHECK_INT(bad, 0);
}

static void every_case_gives_exactly_what_stands_beside_it(void **state)
{
	char *dir = cases_dir("jobfile");
	struct names names = {0};
	size_t bad = 0;

	(void)state;
	list_cases(dir, ".yml", &names);
	CHECK(names.n > 50);
	for (size_t i = 0; i < names.n; i++) {
		bad += !run_case(dir, names.at[i]);
		free(names.at[i]);
	}
	free(names.at);
	free(dir);
	CHECK_INT(bad, 0);
}

/* Some bytes of text become others, go, or come twice. */
static void damage(struct buf *text, unsigned *seed)
{
	static const char likely[] = "{}[]:,-#&*!|>'\"%@`$ \n\t0a~?";

	for (int times = rand_r(seed) % 4 + 1; times && text->len; times--) {
		size_t at = (size_t)rand_r(seed) % text->len;

		switch (rand_r(seed) % 4) {
		case 0:
			text->data[at] = likely[(size_t)rand_r(seed) % (sizeof(likely) - 1)];
			break;
		case 1:
			text->data[at] = (char)rand_r(seed);
			break;
		case 2:
			memmove(text->data + at, text->data + at + 1, text->len - at);
			text->len--;
			break;
		default:
			buf_cut(text, at);
		}
	}
}

static void damaged_documents_are_refused_or_load_back(void **state)
{
	enum { ROUNDS = 4 };
	unsigned seed = check_seed();
	char *dir = cases_dir("jobfile");
	struct names names = {0};

	(void)state;
	list_cases(dir, ".yml", &names);
	for (size_t i = 0; i < names.n * ROUNDS; i++) {
		char *path = xasprintf("%s/%s.yml", dir, names.at[i / ROUNDS]);
		struct buf text = BUF_INIT;
		struct outcome o;

		CHECK_INT(file_read(path, &text, CASE_MAX), 0);
		damage(&text, &seed);
		load("damaged.yml", &text, &o);
		if (o.model.len)
			CHECK(loads_back(path, &o.model));
		outcome_release(&o);
		buf_release(&text);
		free(path);
	}
	for (size_t i = 0; i < names.n; i++)
		free(names.at[i]);
	free(names.at);
	free(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_case_gives_exactly_what_stands_beside_it),
		cmocka_unit_test(every_folder_of_included_documents_gives_what_stands_in_it),
		cmocka_unit_test(damaged_documents_are_refused_or_load_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
