/*
 * The cases of tests/cases/store: each file is a story of steps on fresh stores.
 *
 *	{"case": sentence, "stores": [names], "steps": [
 *		{"op", "with", "answer"}	succeeds; the answer has at least this
 *		{"op", "with", "fails": type, "says": text}
 *	]}
 *
 * A string `@2.plan` in `with` is that field of step 2's answer.
 */
#include <dirent.h>

#include "store_world.h"

static const char *cases_folder(void)
{
	static char path[512];
	const char *srcdir = getenv("srcdir");

	snprintf(path, sizeof(path), "%s/tests/cases/store", srcdir ? srcdir : ".");
	return path;
}

/* Whether got has everything that want has; lists are compared whole. */
static bool covers(const json_t *got, const json_t *want)
{
	const char *key;
	json_t *v;
	size_t i;

	if (!got || json_typeof(got) != json_typeof(want))
		return false;
	if (json_is_object(want)) {
		json_object_foreach((json_t *)want, key, v)
			if (!covers(json_object_get(got, key), v))
				return false;
		return true;
	}
	if (!json_is_array(want))
		return json_equal(got, want);
	if (json_array_size(got) != json_array_size(want))
		return false;
	json_array_foreach(want, i, v)
		if (!covers(json_array_get(got, i), v))
			return false;
	return true;
}

/* with, whose `@N.field` texts are taken from the answers. */
static json_t *resolved(const json_t *with, const json_t *answers)
{
	json_t *copy = json_deep_copy(with), *v;
	const char *key;
	void *next;

	json_object_foreach_safe(copy, next, key, v) {
		const char *text = json_string_value(v);
		char field[64];
		int step;

		if (text && sscanf(text, "@%d.%63s", &step, field) == 2)
			json_object_set(copy, key, json_object_get(json_array_get(answers, (size_t)step - 1), field));
	}
	return copy;
}

/* The text with the folder's name, which is another each time, as FOLDER. */
static char *placed(const struct world *w, const char *text)
{
	const char *at = strstr(text, w->folder);

	if (!at)
		return xstrdup(text);
	return xasprintf("%.*sFOLDER%s", (int)(at - text), text, at + strlen(w->folder));
}

static void check_failure(const struct world *w, const char *where, const json_t *step, const json_t *answer,
			  const struct fault *f)
{
	json_t *told, *error;
	char *says = placed(w, f->text.data);

	if (answer)
		fail_msg("%s: should have failed", where);
	told = fault_json(f);
	error = json_object_get(told, "error");
	if (strcmp(json_str(error, "type"), json_str(step, "fails")) != 0)
		fail_msg("%s: fails as %s: %s", where, json_str(error, "type"), f->text.data);
	if (strcmp(says, json_str(step, "says")) != 0)
		fail_msg("%s: says\n  %s\nnot\n  %s", where, says, json_str(step, "says"));
	if (json_object_get(step, "error") && !covers(error, json_object_get(step, "error")))
		fail_msg("%s: another error map", where);
	free(says);
	json_decref(told);
}

static void check_answer(const char *where, const json_t *step, const json_t *answer, const struct fault *f)
{
	const json_t *want = json_object_get(step, "answer");
	struct buf got = BUF_INIT;

	if (!answer)
		fail_msg("%s: failed: %s", where, f->text.data);
	json_text(&got, answer, JSON_TIGHT);
	if (want && !covers(answer, want))
		fail_msg("%s: answers %s", where, got.data);
	buf_release(&got);
}

static void run_step(struct world *w, const char *where, const json_t *step, json_t *answers)
{
	struct fault f = FAULT_INIT;
	json_t *with = resolved(json_object_get(step, "with"), answers);
	json_t *answer = world_try(w, json_str(step, "op"), with, &f);

	if (json_object_get(step, "fails"))
		check_failure(w, where, step, answer, &f);
	else
		check_answer(where, step, answer, &f);
	json_array_append_new(answers, answer ? answer : json_null());
	json_decref(with);
	fault_release(&f);
}

static void run_file(const char *name, const json_t *story)
{
	json_t *answers = json_array(), *v;
	struct buf stores = BUF_INIT;
	struct world w;
	size_t i;

	json_array_foreach(json_object_get(story, "stores"), i, v)
		buf_addf(&stores, "%s ", json_string_value(v));
	world_open(&w, stores.data);
	w.op.log_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	json_array_foreach(json_object_get(story, "steps"), i, v) {
		char *where = xasprintf("%s, step %zu (%s)", name, i + 1, json_str(v, "op"));

		run_step(&w, where, v, answers);
		free(where);
	}
	close(w.op.log_fd);
	world_close(&w);
	json_decref(answers);
	buf_release(&stores);
}

static void every_case_goes_as_it_says(void **state)
{
	DIR *dir = opendir(cases_folder());
	int n = 0;

	(void)state;
	CHECK(dir != NULL);
	for (struct dirent *e; (e = readdir(dir));) {
		struct buf text = BUF_INIT, err = BUF_INIT;
		char *path = path_join(cases_folder(), e->d_name);
		json_t *story;

		if (e->d_name[0] != '.' && strstr(e->d_name, ".json")) {
			CHECK_INT(file_read(path, &text, 1 << 20), 0);
			story = json_parse(text.data, text.len, &err);
			if (!story)
				fail_msg("%s:%s", path, err.data);
			run_file(e->d_name, story);
			json_decref(story);
			n++;
		}
		free(path);
		buf_release(&text);
		buf_release(&err);
	}
	closedir(dir);
	CHECK(n >= 10);
}

static void every_row_of_the_list_has_an_operation(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(op_words); i++)
		CHECK(op_exists(op_words[i].name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_of_the_list_has_an_operation),
		cmocka_unit_test(every_case_goes_as_it_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
