/* list: the jobs there are. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "cmd.h"
#include "report/table.h"

/* What the ledger remembers of jobs, by name: the state of the latest run that had it. */
struct remembered {
	struct map state; /* name -> word */
	struct ledger_durations durations;
	struct ledger *ledger;
};

static bool remember_job(void *ctx, const struct ledger_job_row *r)
{
	struct remembered *m = ctx;

	if (state_is_final(r->state) && !map_has(&m->state, r->name))
		map_put(&m->state, r->name, (void *)state_word(r->state));
	return true;
}

static bool remember_step(void *ctx, const struct ledger_step_row *r)
{
	struct remembered *m = ctx;

	if (state_is_final(r->state) && !map_has(&m->state, r->name))
		map_put(&m->state, r->name, (void *)state_word(r->state));
	return true;
}

/* Its breaker is open, or one of its steps'. */
static bool remember_breaker(void *ctx, const struct ledger_breaker_row *r)
{
	struct remembered *m = ctx;
	struct buf job = BUF_INIT;

	buf_add(&job, r->name, strcspn(r->name, "/"));
	if (r->open)
		(void)map_put(&m->state, job.data, (void *)"quarantined");
	buf_release(&job);
	return true;
}

static bool remember_run(void *ctx, const struct ledger_run_row *r)
{
	struct remembered *m = ctx;

	return ledger_jobs(m->ledger, r->no, remember_job, m) && ledger_steps(m->ledger, r->no, NULL, remember_step, m);
}

/* Quietly: a folder without a ledger has jobs too. */
static void remember(struct cli *c, const struct jobfile *jf, struct remembered *m)
{
	enum { RUNS = 20 };
	const struct run_options o = {.ledger = c->ledger};
	const struct ledger_options lo = {.mode = LEDGER_LOOK};
	const struct ledger_run_filter f = {.limit = RUNS};
	struct ledger_error err = LEDGER_ERROR_INIT;
	char *path = engine_ledger_path(jf, &o);

	*m = (struct remembered){0};
	m->ledger = ledger_open(path, &lo, &err);
	if (m->ledger) {
		(void)ledger_runs(m->ledger, &f, remember_run, m);
		(void)ledger_breakers(m->ledger, remember_breaker, m);
		(void)ledger_durations(m->ledger, LEDGER_BY_NAME, &m->durations);
	}
	ledger_error_release(&err);
	free(path);
}

static void forget(struct remembered *m)
{
	ledger_durations_release(&m->durations);
	ledger_close(m->ledger);
	map_release(&m->state);
}

/* The part of a path from here to the next slash, without its ending, is word. */
static bool is_part(const char *part, const char *word)
{
	size_t n = strlen(word);

	return !strncmp(part, word, n) && (!part[n] || part[n] == '/' || part[n] == '.');
}

/* A folder the job's document is in, or the document itself: jobs/ingest/a.yaml and jobfiles/ingest.yml are `ingest`. */
static bool is_from(const struct job *j, const char *root, const char *word)
{
	const char *path = source_name(j->file->source);
	size_t n = strlen(root);

	if (!strncmp(path, root, n) && path[n] == '/')
		path += n + 1; /* what the project's own folder is called says nothing */
	for (; path; path = strchr(path, '/') ? strchr(path, '/') + 1 : NULL)
		if (is_part(path, word))
			return true;
	return false;
}

/* `ingest` begins ingest_acct1 and ingest.all, but not ingestion. */
static bool begins(const char *name, const char *word)
{
	size_t n = strlen(word);

	return n && !strncmp(name, word, n) && (!isalnum((unsigned char)name[n]) || !isalnum((unsigned char)word[n - 1]));
}

static bool is_type(const struct job *j, const char *root, const char *word)
{
	return (j->t.policy->group && !strcmp(j->t.policy->group, word)) || begins(j->name, word) || is_from(j, root, word);
}

static bool is_wanted(const struct cli *c, const struct job *j, const char *root)
{
	if (j->t.policy->private && !c->all)
		return false;
	if (c->type && !is_type(j, root, c->type))
		return false;
	return !c->words.n || glob_match(c->words.at[0], j->name);
}

static const char *kind_word(const struct job *j)
{
	switch (j->kind) {
	case JOB_ACTION:
		return "action";
	case JOB_STEPS:
		return "steps";
	case JOB_COMPOSITE:
		break;
	}
	return "composite";
}

static json_t *job_json(const struct job *j, const struct remembered *m)
{
	const char *state = map_get(&m->state, j->name);
	double ms = ledger_durations_ms(&m->durations, j->name);
	json_t *o = json_pack("{s:s, s:s, s:s*, s:s*, s:s}", "name", j->name, "kind", kind_word(j), "description",
			      j->t.description, "group", j->t.policy->group, "file", source_name(j->file->source));

	json_object_set_new(o, "last_state", state ? json_string(state) : json_null());
	json_object_set_new(o, "expected_ms", ms > 0 ? json_real(ms) : json_null());
	return o;
}

static void job_row(struct table *t, const struct job *j, const struct remembered *m)
{
	const char *state = map_get(&m->state, j->name);
	double ms = ledger_durations_ms(&m->durations, j->name);
	struct buf time = BUF_INIT;

	if (ms > 0)
		duration_human(&time, (int64_t)ms);
	table_cell(t, j->name);
	table_cell(t, state ? state : "");
	table_cell(t, time.data);
	table_cell(t, j->t.description ? j->t.description : "");
	buf_release(&time);
}

int cmd_list(struct cli *c)
{
	struct jobfile *jf = cli_load(c);
	struct remembered m;
	struct table t;
	json_t *list = json_array();
	size_t n = 0;

	if (!jf) {
		json_decref(list);
		return EXIT_USAGE_ERROR;
	}
	remember(c, jf, &m);
	table_init(&t, (const char *const[]){"job", "last", "takes", "description"}, 4);
	for (size_t i = 0; i < jf->n_jobs; i++) {
		if (!is_wanted(c, jf->job[i], jf->root))
			continue;
		n++;
		job_row(&t, jf->job[i], &m);
		json_array_append_new(list, job_json(jf->job[i], &m));
	}
	if (c->format == FORMAT_JSON)
		cli_print_json(list);
	else
		table_print(&t, stdout);
	table_release(&t);
	json_decref(list);
	forget(&m);
	jobfile_free(jf);
	if (!n && c->words.n)
		cli_error("no job is called '%s'", c->words.at[0]);
	else if (!n && c->type)
		cli_error("no job is of the type '%s': no group, document or folder, and no name begins so", c->type);
	return n || !(c->words.n || c->type) ? EXIT_DONE : EXIT_USAGE_ERROR;
}
