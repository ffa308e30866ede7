/* Jobfiles: finding and including documents, what applies where, settings, selecting, large ones. */
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "check.h"
#include "job/jobfile.h"

/* A folder of its own that the test works in. */
struct place {
	char dir[32];
	char *before;
};

static int set_up(void **state)
{
	struct place *p = xcalloc(1, sizeof(*p));

	strcpy(p->dir, "/tmp/jobfile-test-XXXXXX");
	if (!mkdtemp(p->dir))
		return -1;
	p->before = getcwd(NULL, 0);
	if (!p->before || chdir(p->dir) < 0)
		return -1;
	*state = p;
	return dirs_make(".git", 0777); /* the search ends here */
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static int tear_down(void **state)
{
	struct place *p = *state;
	int rc = chdir(p->before);

	rc |= nftw(p->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(p->before);
	free(p);
	return rc;
}

static void write_file(const char *path, const char *text)
{
	char *dir = path_dir(path);

	CHECK_INT(dirs_make(dir, 0777), 0);
	CHECK_INT(file_write_atomic(path, text, strlen(text), 0644), 0);
	free(dir);
}

/* A load and all it came with. */
struct loaded {
	struct jobfile *jf;
	struct diags *d;
	struct sources sources;
	struct buf said;
	bool none;
};

static void load(struct loaded *l, struct jobfile_where w)
{
	*l = (struct loaded){.d = diags_new()};
	buf_init(&l->said);
	w.sources = &l->sources;
	l->jf = jobfile_load(&w, l->d, &l->none);
	diags_format(l->d, &l->said, false);
}

static void release(struct loaded *l)
{
	jobfile_free(l->jf);
	diags_free(l->d);
	sources_release(&l->sources);
	buf_release(&l->said);
}

/* The names of the jobs, with blanks between. */
static void expect_jobs(const struct loaded *l, const char *want)
{
	struct buf names = BUF_INIT;

	if (!l->jf)
		fail_msg("not loaded:\n%s", l->said.data);
	for (size_t i = 0; i < l->jf->n_jobs; i++)
		buf_addf(&names, "%s%s", i ? " " : "", l->jf->job[i]->name);
	CHECK_STR(names.data, want);
	buf_release(&names);
}

static void expect_said(const struct loaded *l, const char *part)
{
	if (!strstr(l->said.data, part))
		fail_msg("'%s' is not in:\n%s", part, l->said.data);
}

#define FROM(...) ((struct jobfile_where){.path = (const char *const[]){__VA_ARGS__},              \
					  .n_paths = ARRAY_LEN(((const char *const[]){__VA_ARGS__}))})
#define FOUND ((struct jobfile_where){0})

/* --- finding ---------------------------------------------------------------------------------- */

static void the_jobfile_and_all_below_jobfiles_are_read_in_order(void **state)
{
	struct loaded l;

	(void)state;
	write_file("Jobfile", "jobfile: 1\njobs: {main: {noop: true}}\n");
	write_file("Jobfile.yml", "not even read\n");
	write_file("jobfiles/b.yaml", "jobfile: 1\njobs: {b: {noop: true}}\n");
	write_file("jobfiles/a/z.json", "{\"jobfile\": 1, \"jobs\": {\"z\": {\"noop\": true}}}");
	write_file("jobfiles/README.md", "# not a document\n");
	write_file("jobfiles/.hidden.yml", "junk: [\n");
	load(&l, FOUND);
	expect_jobs(&l, "main z b");
	CHECK_STR(l.jf->root, ".");
	release(&l);
}

static void the_search_goes_up_to_the_top_of_the_repository(void **state)
{
	struct loaded l;

	(void)state;
	write_file("Jobfile.yaml", "jobfile: 1\njobs: {up: {noop: true}}\n");
	write_file("a/b/c.txt", "");
	CHECK_INT(chdir("a/b"), 0);
	load(&l, FOUND);
	expect_jobs(&l, "up");
	CHECK_STR(l.jf->root, "../..");
	release(&l);
}

static void without_any_document_it_says_so_and_what_to_do(void **state)
{
	struct loaded l;

	(void)state;
	load(&l, FOUND);
	CHECK(!l.jf && l.none);
	CHECK_STR(l.said.data, "orchmake: error: no Jobfile here or in a folder above\n"
			       "      = `orchmake init` writes one; -f FILE names another\n");
	release(&l);
}

static void files_and_folders_can_be_named(void **state)
{
	struct loaded l;

	(void)state;
	write_file("x/one.yml", "jobfile: 1\njobs: {one: {noop: true}}\n");
	write_file("x/deep/two.yml", "jobfile: 1\njobs: {two: {noop: true}}\n");
	write_file("three", "jobfile: 1\njobs: {three: {noop: true}}\n");
	load(&l, FROM("x", "three"));
	expect_jobs(&l, "two one three");
	CHECK_STR(l.jf->root, "x");
	release(&l);
	load(&l, FROM("x/one.yml", "./x/one.yml"));
	expect_jobs(&l, "one");
	release(&l);
}

static void what_cannot_be_read_is_an_error(void **state)
{
	struct loaded l;

	(void)state;
	write_file("empty/readme.txt", "");
	load(&l, FROM("nowhere.yml", "empty"));
	CHECK(!l.jf && !l.none);
	expect_said(&l, "error: 'empty' is a folder, with no document below it\n");
	release(&l);
	load(&l, FROM("nowhere.yml"));
	expect_said(&l, "error: 'nowhere.yml' not found\n");
	release(&l);
}

static void a_document_of_something_else_is_not_passed_over(void **state)
{
	struct loaded l;

	(void)state;
	write_file("Jobfile", "jobfile: 1\njobs: {a: {noop: true}}\n");
	write_file("jobfiles/ci.yml", "on: push\n");
	load(&l, FOUND);
	CHECK(!l.jf);
	expect_said(&l,
		    "jobfiles/ci.yml:1:1: error: this is no Jobfile: it does not say `jobfile: 1`\n");
	release(&l);
}

/* --- including -------------------------------------------------------------------------------- */

static void includes_are_relative_to_their_file_and_read_once(void **state)
{
	struct loaded l;

	(void)state;
	write_file("Jobfile",
		   "jobfile: 1\ninclude: [sub/a.yml, \"sub/*.yml\", {file: gone.yml, optional: true}]\n"
			      "jobs: {main: {noop: true}}\n");
	write_file("sub/a.yml", "jobfile: 1\ninclude: [b.yml]\njobs: {a: {noop: true}}\n");
	write_file("sub/b.yml", "jobfile: 1\njobs: {b: {noop: true}}\n");
	load(&l, FOUND);
	expect_jobs(&l, "main a b");
	release(&l);
}

static void folders_for_includes_are_tried_next(void **state)
{
	struct jobfile_where w = {.include_dir = (const char *const[]){"lib"}, .n_include_dirs = 1};
	struct loaded l;

	(void)state;
	write_file("Jobfile", "jobfile: 1\ninclude: [common.yml]\njobs: {main: {noop: true}}\n");
	write_file("lib/common.yml", "jobfile: 1\njobs: {common: {noop: true}}\n");
	load(&l, w);
	expect_jobs(&l, "main common");
	release(&l);
}

static void a_circle_of_includes_is_an_error(void **state)
{
	struct loaded l;

	(void)state;
	write_file("Jobfile", "jobfile: 1\ninclude: [a.yml]\njobs: {main: {noop: true}}\n");
	write_file("a.yml", "jobfile: 1\ninclude: [b.yml]\n");
	write_file("b.yml", "jobfile: 1\ninclude: [a.yml]\n");
	load(&l, FOUND);
	CHECK(!l.jf);
	expect_said(&l, "b.yml:2:11: error: 'a.yml' includes itself\n");
	release(&l);
}

static void defaults_and_env_hold_for_the_file_and_what_it_includes(void **state)
{
	struct loaded l;
	const struct traits *t;

	(void)state;
	write_file("Jobfile", "jobfile: 1\ninclude: [a.yml]\ndefaults: {timeout: 1m, grace: 1s}\n"
			      "env: {A: top, B: top}\ndotenv: [top.env]\njobs: {main: {noop: true}}\n");
	write_file("a.yml",
		   "jobfile: 1\ndefaults: {timeout: 2m}\nenv: {B: a}\njobs: {a: {noop: true}}\n");
	write_file("jobfiles/other.yml", "jobfile: 1\njobs: {other: {noop: true}}\n");
	load(&l, FOUND);
	expect_jobs(&l, "main other a");
	t = &job_find(l.jf, "a")->step[0].t;
	CHECK_INT(t->policy->timeout_ms, 120000);
	CHECK_INT(t->policy->grace_ms, 1000);
	CHECK_INT(t->policy->env.n, 2);
	CHECK_STR(json_string_value(value_const(t->policy->env.value[0])), "top");
	CHECK_STR(json_string_value(value_const(t->policy->env.value[1])), "a");
	CHECK_STR(t->policy->dotenv.text[0], "top.env");
	t = &job_find(l.jf, "other")->step[0].t;
	CHECK_INT(t->policy->timeout_ms, 0);
	CHECK_INT(t->policy->env.n, 0);
	release(&l);
}

static void steps_that_say_the_same_share_it(void **state)
{
	struct loaded l;
	const struct step *st;

	(void)state;
	write_file("Jobfile", "jobfile: 1\ndefaults: {retry: 2}\njobs:\n  j:\n    cwd: sub\n    steps:\n"
			      "      a: {noop: true, timeout: 9s, env: {A: a}}\n"
			      "      b: {noop: true, timeout: 9s}\n"
			      "      c: {noop: true, timeout: 9s, inputs: [x]}\n"
			      "      d: {noop: true, timeout: 8s}\n"
			      "      e: {argv: [x]}\n"
			      "      f: {noop: true, timeout: 9s}\n");
	load(&l, FOUND);
	expect_jobs(&l, "j");
	st = job_find(l.jf, "j")->step;
	CHECK(st[1].t.policy == st[5].t.policy);
	CHECK(st[0].t.policy != st[1].t.policy && st[3].t.policy != st[1].t.policy);
	CHECK(st[0].t.act == st[3].t.act && st[0].t.act->kind == ACT_NOOP);
	CHECK(st[4].t.act->kind == ACT_ARGV);
	CHECK(st[0].t.flow == st[4].t.flow && st[2].t.flow->input.n == 1);
	CHECK(!st[0].t.flow->input.n);
	CHECK_INT(st[0].t.policy->timeout_ms, 9000);
	CHECK_INT(st[0].t.policy->env.n, 1);
	CHECK_INT(st[1].t.policy->env.n, 0);
	CHECK_INT(st[3].t.policy->timeout_ms, 8000);
	CHECK_INT(st[4].t.policy->timeout_ms, 0);
	for (int i = 0; i < 6; i++) {
		CHECK_INT(st[i].t.policy->retry->pace.max, 2);
		CHECK(st[i].t.policy->cwd && !st[i].t.policy->open && !st[i].t.act->open && !st[i].t.flow->open);
	}
	release(&l);
}

static void keys_of_a_job_count_wherever_they_stand(void **state)
{
	struct loaded l;
	const struct job *j;

	(void)state;
	write_file("Jobfile", "jobfile: 1\ntemplates: {t: {timeout: 5s}}\njobs:\n  j:\n    grace: 1s\n    steps:\n"
			      "      - {id: a, noop: true}\n      - {noop: true, extends: t}\n"
			      "    extends: t\n    priority: 3\n    finally: [{run: x}]\n");
	load(&l, FOUND);
	expect_jobs(&l, "j");
	j = job_find(l.jf, "j");
	CHECK_INT(j->n_steps, 3);
	CHECK(j->in_order && j->step[2].finally);
	CHECK_STR(j->step[1].id, "step2");
	for (size_t i = 0; i < j->n_steps; i++) {
		CHECK(j->step[i].job == j && j->step[i].no == i);
		CHECK_INT(j->step[i].t.policy->grace_ms, 1000);
		CHECK_INT(j->step[i].t.policy->timeout_ms, 5000);
		CHECK_INT(j->step[i].t.policy->priority, 3);
	}
	release(&l);
}

static void a_name_is_taken_in_all_files(void **state)
{
	struct loaded l;

	(void)state;
	write_file("Jobfile", "jobfile: 1\ndefault: a\nvars: {v: 1}\njobs: {a: {noop: true}}\n");
	write_file("jobfiles/b.yml", "jobfile: 1\ndefault: a\nvars: {v: 2}\njobs: {a: {noop: true}}\n");
	load(&l, FOUND);
	CHECK(!l.jf);
	expect_said(&l, "jobfiles/b.yml:2:10: error: 'default' is said twice\n");
	expect_said(&l, "jobfiles/b.yml:3:8: error: variable 'v' is declared twice\n");
	expect_said(&l, "jobfiles/b.yml:4:8: error: job 'a' is declared twice\n");
	expect_said(&l, "Jobfile:4:8: note: the first is here\n");
	release(&l);
}

/* --- settings --------------------------------------------------------------------------------- */

static void load_with_settings(struct loaded *l, const char *const *set, size_t n)
{
	write_file("Jobfile",
		   "jobfile: 1\nvars: {x: 1}\npools: {net: 4}\ndefaults: {timeout: 1m, grace: 3s}\n"
			      "env: {A: a}\njobs: {j: {noop: true, pool: {name: net, weight: 2}}, k: {noop: true, timeout: 9s}}\n");
	load(l, (struct jobfile_where){.set = set, .n_sets = n});
}

#define WITH(l, ...)                                                                               \
	load_with_settings(l, (const char *const[]){__VA_ARGS__},                                  \
			   ARRAY_LEN(((const char *const[]){__VA_ARGS__})))

static void settings_change_what_the_file_says(void **state)
{
	struct loaded l;
	const struct traits *t;

	(void)state;
	WITH(&l, "defaults.timeout=5m", "pools.net=2", "env.A=b", "env.B=c=d", "vars.x=[1, 2]",
	     "defaults.ok_exit=[0, 3]");
	expect_jobs(&l, "j k");
	t = &job_find(l.jf, "j")->step[0].t;
	CHECK_INT(t->policy->timeout_ms, 300000);
	CHECK_INT(t->policy->grace_ms, 3000);
	CHECK(exit_set_has(&t->policy->ok_exit, 3));
	CHECK_INT(job_find(l.jf, "k")->step[0].t.policy->timeout_ms, 9000);
	CHECK_INT(l.jf->pool[0].slots, 2);
	CHECK_STR(json_string_value(value_const(t->policy->env.value[0])), "b");
	CHECK_STR(json_string_value(value_const(t->policy->env.value[1])), "c=d");
	CHECK_INT(json_array_size(value_const(l.jf->var[0].value)), 2);
	release(&l);
}

static void wrong_settings_are_refused_like_a_wrong_file(void **state)
{
	struct loaded l;

	(void)state;
	WITH(&l, "defaults.tiemout=5m", "defaults.timeout=soon", "pools.nte=1", "pools.net=1",
	     "vars.y=1",
	     "jobs.x=1", "nonsense", "vars.x=[1");
	CHECK(!l.jf);
	expect_said(&l, "--set:1:10: error: unknown key 'tiemout' in --set defaults\n"
			"    1 | defaults.tiemout=5m\n"
			"      |          ^~~~~~~\n"
			"      = did you mean 'timeout'?\n");
	expect_said(&l, "--set:1:18: error: 'timeout' must be a duration");
	expect_said(&l, "--set:1:7: error: --set: no pool 'nte'\n");
	expect_said(&l, "Jobfile:6:37: error: pool 'net' has 1 slots, so a weight of 2 never fits\n");
	expect_said(&l, "--set:1:6: error: --set: no variable 'y'\n");
	expect_said(&l,
		    "--set:1:1: error: --set can change defaults, env, pools and vars, not 'jobs'\n");
	expect_said(&l, "--set:1:1: error: --set wants SECTION.NAME=VALUE\n");
	release(&l);
}

/* --- texts ------------------------------------------------------------------------------------ */

static void without_a_keeper_of_texts_messages_still_say_where(void **state)
{
	static const char text[] = "jobfile: 1\njobs: {a: {rum: x}}\n";
	struct diags *d = diags_new();
	struct buf said = BUF_INIT;

	(void)state;
	CHECK(!jobfile_load_text("J", text, strlen(text), ".", d));
	diags_format(d, &said, false);
	CHECK_STR(said.data,
		  "orchmake: error: J:2:12: unknown key 'rum' in job 'a'\n      = did you mean 'run'?\n");
	diags_free(d);
	buf_release(&said);
}

static void without_a_keeper_of_texts_warnings_of_a_good_one_have_their_place(void **state)
{
	static const char text[] = "jobfile: 1\njobs:\n  a: {noop: true}\n  b:\n    run: echo a #b\n";
	struct diags *d = diags_new();
	struct jobfile *jf = jobfile_load_text("J", text, strlen(text), ".", d);

	(void)state;
	CHECK(jf);
	CHECK_INT(diags_warnings(d), 1);
	CHECK_INT(diags_at(d, 0)->mark.line, 5);
	jobfile_free(jf);
	diags_free(d);
}

static void what_is_left_of_a_broken_document_is_not_judged(void **state)
{
	static const char text[] = "jobfile: 1\njobs:\n  a: {needs: [b], noop: true}\n  b: {noop: [}\n";
	struct diags *d = diags_new();

	(void)state;
	CHECK(!jobfile_load_text("J", text, strlen(text), ".", d));
	CHECK_INT(diags_errors(d), 1);
	diags_free(d);
}

/* --- looking ---------------------------------------------------------------------------------- */

static size_t selected(const struct jobfile *jf, const char *pattern, const char **ret_first)
{
	const struct job **jobs;
	size_t n = job_select(jf, NULL, pattern, &jobs);

	*ret_first = n ? jobs[0]->name : "";
	free(jobs);
	return n;
}

static void jobs_are_selected_by_name_glob_and_pattern(void **state)
{
	struct loaded l;
	const char *first;

	(void)state;
	write_file("Jobfile",
		   "jobfile: 1\njobs: {in.a: {noop: true}, in.b: {noop: true}, out: {noop: true}}\n");
	load(&l, FOUND);
	CHECK_INT(selected(l.jf, "in.b", &first), 1);
	CHECK_STR(first, "in.b");
	CHECK_INT(selected(l.jf, "in.*", &first), 2);
	CHECK_STR(first, "in.a");
	CHECK_INT(selected(l.jf, "/^o|b$/", &first), 2);
	CHECK_STR(first, "in.b");
	CHECK_INT(selected(l.jf, "in", &first), 0);
	CHECK_INT(selected(l.jf, "/(/", &first), 0);
	CHECK_STR(job_suggest(l.jf, NULL, "in.bb"), "in.b");
	CHECK(!job_suggest(l.jf, NULL, "completely else"));
	CHECK(!job_find(l.jf, "in"));
	release(&l);
}

static void a_one_action_job_has_one_step_with_its_traits(void **state)
{
	struct loaded l;
	const struct job *j;

	(void)state;
	write_file("Jobfile", "jobfile: 1\njobs:\n  a: {run: x, critical: false, provides: [v]}\n"
			      "  b: {run: x, critical: false, finally: [{run: y}]}\n  c: {needs: [a], noop: true}\n");
	load(&l, FOUND);
	expect_jobs(&l, "a b c");
	j = job_find(l.jf, "a");
	CHECK_INT(j->kind, JOB_ACTION);
	CHECK_INT(j->n_steps, 1);
	CHECK_STR(j->step[0].id, "");
	CHECK(j->step[0].job == j && !j->step[0].t.policy->critical);
	CHECK(artifact_provider(l.jf, NULL, "v") == j);
	CHECK(!artifact_provider(l.jf, NULL, "w"));
	j = job_find(l.jf, "b");
	CHECK_INT(j->kind, JOB_STEPS);
	CHECK_STR(j->step[0].id, "main");
	CHECK_INT(j->step[0].t.act->kind, ACT_RUN);
	CHECK(j->step[0].t.policy->critical && !j->t.policy->critical); /* the job's own */
	CHECK_INT(j->t.act->kind, ACT_NONE);
	CHECK(j->step[1].finally && j->step[1].no == 1);
	CHECK(step_find(j, "finally1") == &j->step[1]);
	CHECK(traits_has(&job_find(l.jf, "c")->t, KEY_needs));
	release(&l);
}

/* --- large ones ------------------------------------------------------------------------------- */

static void twenty_thousand_jobs_and_steps_load_at_once(void **state)
{
	enum { MANY = 20000 };
	struct buf text = BUF_INIT;
	struct diags *d = diags_new();
	struct jobfile *jf;

	(void)state;
	buf_puts(&text, "jobfile: 1\nenv: {A: b}\njobs:\n  j0: {run: ':'}\n");
	for (int i = 1; i < MANY; i++)
		buf_addf(&text, "  j%d: {run: ':', needs: [j%d]}\n", i, i - 1);
	buf_puts(&text, "  all:\n    steps:\n      s0: {noop: true}\n");
	for (int i = 1; i < MANY; i++)
		buf_addf(&text, "      s%d: {argv: [\"${{ steps.s%d.exit }}\"], needs: [s%d]}\n", i,
			 i - 1, i - 1);
	jf = jobfile_load_text("J", text.data, text.len, ".", d);
	CHECK(jf);
	CHECK_INT(jf->n_jobs, MANY + 1);
	CHECK_INT(step_find(job_find(jf, "all"), "s19999")->no, MANY - 1);
	jobfile_free(jf);
	diags_free(d);
	buf_release(&text);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(the_jobfile_and_all_below_jobfiles_are_read_in_order),
		IN_PLACE(the_search_goes_up_to_the_top_of_the_repository),
		IN_PLACE(without_any_document_it_says_so_and_what_to_do),
		IN_PLACE(files_and_folders_can_be_named),
		IN_PLACE(what_cannot_be_read_is_an_error),
		IN_PLACE(a_document_of_something_else_is_not_passed_over),
		IN_PLACE(includes_are_relative_to_their_file_and_read_once),
		IN_PLACE(folders_for_includes_are_tried_next),
		IN_PLACE(a_circle_of_includes_is_an_error),
		IN_PLACE(defaults_and_env_hold_for_the_file_and_what_it_includes),
		IN_PLACE(a_name_is_taken_in_all_files),
		IN_PLACE(settings_change_what_the_file_says),
		IN_PLACE(wrong_settings_are_refused_like_a_wrong_file),
		cmocka_unit_test(without_a_keeper_of_texts_messages_still_say_where),
		cmocka_unit_test(without_a_keeper_of_texts_warnings_of_a_good_one_have_their_place),
		cmocka_unit_test(what_is_left_of_a_broken_document_is_not_judged),
		cmocka_unit_test(steps_that_say_the_same_share_it),
		cmocka_unit_test(keys_of_a_job_count_wherever_they_stand),
		IN_PLACE(jobs_are_selected_by_name_glob_and_pattern),
		IN_PLACE(a_one_action_job_has_one_step_with_its_traits),
		cmocka_unit_test(twenty_thousand_jobs_and_steps_load_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
