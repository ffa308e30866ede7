/* The stored definition of a run loads back, whatever the run leaves out. */
#include "base/bug.h"
#include "base/buf.h"
#include "check.h"
#include "engine/definition.h"

/* The jobs in the definition of a run of target, as read again; or what is wrong. */
static void keeps(const char *text, const char *target, const char *want)
{
	struct run_options o = {.slots = 1, .no_ledger = true, .libexec = "/L", .targets = {&target, 1}};
	struct diags *d = diags_new();
	struct jobfile *jf = jobfile_load_text("J", text, strlen(text), "/", d), *again;
	struct engine *e = jf ? engine_new(jf, &o, d) : NULL;
	struct buf stored = BUF_INIT, got = BUF_INIT;

	CHECK(e != NULL);
	definition_text(e, &stored);
	again = definition_load(stored.data, stored.len, d);
	for (size_t i = 0; again && i < again->n_jobs; i++)
		buf_addf(&got, "%s%s", i ? " " : "", again->job[i]->name);
	for (size_t i = 0; i < diags_count(d); i++)
		buf_puts(&got, diags_at(d, i)->text);
	CHECK_STR(got.data, want);
	jobfile_free(again);
	engine_free(e);
	jobfile_free(jf);
	diags_free(d);
	buf_release(&stored);
	buf_release(&got);
}

static void jobs_that_take_part_are_kept(void **state)
{
	static const char text[] =
		"jobfile: 1\ndefault: a\njobs:\n  a: {run: x}\n  b: {run: x, needs: [a]}\n"
		"  c: {steps: {s: {job: k}}}\n  k: {run: x, consumes: [v]}\n  q: {run: x, provides: [v]}\n"
		"  f1: {run: x, matrix: {m: [1, 2]}}\n  f2: {run: x}\n  p: {stages: [{name: s, jobs: [\"f*\"]}]}\n";

	(void)state;
	keeps(text, "a", "a");
	keeps(text, "b", "a b");
	keeps(text, "c", "c k q");
	keeps(text, "p", "f1 f2 p");
	keeps(text, "f1[2]", "f1");
}

static void jobs_that_are_only_named_are_kept_with_what_they_name(void **state)
{
	(void)state;
	keeps("jobfile: 1\njobs:\n  z: {run: x}\n  a: {run: x, after: [b]}\n  b: {run: x, needs: [c]}\n  c: {run: x}\n",
	      "a", "a b c");
	keeps("jobfile: 1\njobs:\n  a: {steps: {s: {run: x, after: [\"f[1]\"]}}}\n  f: {run: x, matrix: {m: [1]}}\n", "a",
	      "a f");
}

static void what_is_no_definition_is_refused(void **state)
{
	static const char *const bad[] = {"", "{", "[]", "{}", "{\"jobfile\": 1}", "{\"jobfile\": {\"jobfile\": 2}}"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct diags *d = diags_new();

		CHECK(!definition_load(bad[i], strlen(bad[i]), d));
		CHECK(diags_errors(d) > 0);
		diags_free(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs_that_take_part_are_kept),
		cmocka_unit_test(jobs_that_are_only_named_are_kept_with_what_they_name),
		cmocka_unit_test(what_is_no_definition_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
