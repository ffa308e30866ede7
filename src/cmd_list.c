/* list: the jobs there are. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "base/vec.h"
#include "cmd.h"
#include "job/expand.h"
#include "report/table.h"

enum { RUNS = 20 };

/* How long a job with members took in the latest runs in which it ended well. */
struct times {
	size_t n;
	int64_t ms[RUNS];
};

/* What the ledger remembers of jobs, by name: the state of the latest run that had it. */
struct remembered {
	struct map state; /* name -> word */
	struct map times; /* name -> struct times *, ours */
	struct map family; /* of the run that is being read: name of a job with instances -> the worst of theirs, as a number above 0 */
	struct ledger_durations durations; /* of steps */
	struct ledger *ledger;
	bool resumed; /* the run that is read goes on with another, and has done only some of each job */
};

static void remember_time(struct remembered *m, const struct ledger_job_row *r)
{
	struct times *t = map_get(&m->times, r->name);

	if (!t) {
		t = xcalloc(1, sizeof(*t));
		map_put(&m->times, r->name, t);
	}
	if (t->n < RUNS)
		t->ms[t->n++] = r->duration_ms;
}

/* What somebody wants to know first. */
static int weight(enum state s)
{
	if (state_is_failure(s))
		return 3;
	return s == STATE_CACHED || s == STATE_SKIPPED ? 0 : s == STATE_SUCCEEDED ? 1 : 2;
}

static void remember_instance(struct remembered *m, const char *name, size_t n, enum state s)
{
	char *family = xstrndup(name, n);
	uintptr_t worst = (uintptr_t)map_get(&m->family, family);

	if (!worst || weight(s) > weight((enum state)(worst - 1)))
		(void)map_put(&m->family, family, (void *)((uintptr_t)s + 1));
	free(family);
}

static void remember_state(struct remembered *m, const char *name, enum state s)
{
	size_t n = strcspn(name, "[/");
	const char *end = name[n] == '[' ? label_end(name + n) : NULL;

	if (!state_is_final(s))
		return;
	if (end && !end[1])
		remember_instance(m, name, n, s);
	else if (!map_has(&m->state, name))
		map_put(&m->state, name, (void *)state_word(s));
}

static bool remember_job(void *ctx, const struct ledger_job_row *r)
{
	struct remembered *m = ctx;

	remember_state(m, r->name, r->state);
	if (r->state == STATE_SUCCEEDED && r->duration_ms > 0 && !m->resumed)
		remember_time(m, r);
	return true;
}

static bool remember_step(void *ctx, const struct ledger_step_row *r)
{
	remember_state(ctx, r->name, r->state);
	return true;
}

static void remember_families(struct remembered *m)
{
	for (size_t i = 0; i < m->family.n; i++)
		if (!map_has(&m->state, m->family.entry[i].key))
			(void)map_put(&m->state, m->family.entry[i].key,
				      (void *)state_word((enum state)((uintptr_t)m->family.entry[i].value - 1)));
	map_release(&m->family);
	m->family = (struct map)MAP_INIT;
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

	bool good;

	m->resumed = r->resumes != NULL;
	good = ledger_jobs(m->ledger, r->no, remember_job, m) && ledger_steps(m->ledger, r->no, NULL, remember_step, m);
	remember_families(m);
	return good;
}

/* Quietly: a folder without a ledger has jobs too. */
static void remember(struct cli *c, const struct jobfile *jf, struct remembered *m)
{
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
	for (size_t i = 0; i < m->times.n; i++)
		free(m->times.entry[i].value);
	map_release(&m->times);
}

static int by_length(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Milliseconds; 0: nobody knows. */
static double takes(const struct remembered *m, const char *name)
{
	double ms = ledger_durations_ms(&m->durations, name);
	struct times *t = map_get(&m->times, name);

	if (ms > 0 || !t)
		return ms;
	qsort(t->ms, t->n, sizeof(*t->ms), by_length);
	return (double)t->ms[t->n / 2];
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
	const struct text_list *labels = &j->t.policy->labels;

	for (size_t i = 0; i < labels->n; i++)
		if (!strcmp(labels->text[i], word))
			return true;
	return (j->t.policy->group && !strcmp(j->t.policy->group, word)) || begins(j->name, word) || is_from(j, root, word);
}

static bool is_called(const char *glob, const struct job *j)
{
	for (size_t i = 0; i < j->n_aliases; i++)
		if (glob_match(glob, j->alias[i].name))
			return true;
	return glob_match(glob, j->name);
}

static bool is_wanted(const struct cli *c, const struct job *j, const char *root)
{
	if (j->t.policy->private && !c->all)
		return false;
	if (c->type && !is_type(j, root, c->type))
		return false;
	return !c->words.n || is_called(c->words.at[0], j);
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
	double ms = takes(m, j->name);
	json_t *aliases = json_array();
	json_t *o = json_pack("{s:s, s:s, s:s*, s:s*, s:s}", "name", j->name, "kind", kind_word(j), "description",
			      j->t.description, "group", j->t.policy->group, "file", source_name(j->file->source));

	for (size_t i = 0; i < j->n_aliases; i++)
		json_array_append_new(aliases, json_string(j->alias[i].name));
	json_object_set_new(o, "aliases", aliases);
	json_object_set_new(o, "labels", text_list_json(&j->t.policy->labels));
	json_object_set_new(o, "last_state", state ? json_string(state) : json_null());
	json_object_set_new(o, "expected_ms", ms > 0 ? json_real(ms) : json_null());
	return o;
}

static void job_row(struct table *t, const struct job *j, const struct remembered *m)
{
	const char *state = map_get(&m->state, j->name);
	double ms = takes(m, j->name);
	struct buf time = BUF_INIT, also = BUF_INIT, says = BUF_INIT;

	if (ms > 0)
		duration_human(&time, (int64_t)ms);
	for (size_t i = 0; i < j->n_aliases; i++)
		buf_addf(&also, "%s%s", i ? ", " : "also ", j->alias[i].name);
	if (j->t.description)
		buf_addf(&says, also.len ? "%s (%s)" : "%s", j->t.description, also.data);
	table_cell(t, j->name);
	table_cell(t, state ? state : "");
	table_cell(t, time.data);
	table_cell(t, says.len ? says.data : also.data);
	buf_release(&time);
	buf_release(&says);
	buf_release(&also);
}

/* The group that j is shown in, "" the one without a name. */
static const char *group_of(const struct job *j)
{
	return j->t.policy->group ? j->t.policy->group : "";
}

/* Headings as they first come, behind the jobs that have none. */
static void list_groups(const struct job *const *job, size_t n, struct words *ret)
{
	VEC_PUSH(ret->at, ret->n, ret->room, "");
	for (size_t i = 0; i < n; i++) {
		bool known = false;

		for (size_t k = 0; k < ret->n && !known; k++)
			known = !strcmp(ret->at[k], group_of(job[i]));
		if (!known)
			VEC_PUSH(ret->at, ret->n, ret->room, group_of(job[i]));
	}
}

static void heading_row(struct table *t, const char *group)
{
	char *text = xasprintf("%s:", group);

	for (size_t i = 0; i < t->columns; i++)
		table_cell(t, "");
	table_cell(t, text);
	for (size_t i = 1; i < t->columns; i++)
		table_cell(t, "");
	free(text);
}

static void print_table(const struct job *const *job, size_t n, const struct remembered *m)
{
	struct words groups = {0};
	struct table t;

	table_init(&t, (const char *const[]){"job", "last", "takes", "description"}, 4);
	list_groups(job, n, &groups);
	for (size_t g = 0; g < groups.n; g++) {
		if (g)
			heading_row(&t, groups.at[g]);
		for (size_t i = 0; i < n; i++)
			if (!strcmp(group_of(job[i]), groups.at[g]))
				job_row(&t, job[i], m);
	}
	table_print(&t, stdout);
	table_release(&t);
	free(groups.at);
}

static void print_json(const struct job *const *job, size_t n, const struct remembered *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, job_json(job[i], m));
	cli_print_json(list);
	json_decref(list);
}

int cmd_list(struct cli *c)
{
	struct jobfile *jf = cli_load(c);
	const struct job **job;
	struct remembered m;
	size_t n = 0;

	if (!jf)
		return EXIT_USAGE_ERROR;
	job = xcalloc(jf->n_jobs + 1, sizeof(*job));
	for (size_t i = 0; i < jf->n_jobs; i++)
		if (is_wanted(c, jf->job[i], jf->root))
			job[n++] = jf->job[i];
	remember(c, jf, &m);
	if (c->format == FORMAT_JSON)
		print_json(job, n, &m);
	else
		print_table(job, n, &m);
	forget(&m);
	free(job);
	jobfile_free(jf);
	if (!n && c->words.n)
		cli_error("no job is called '%s'", c->words.at[0]);
	else if (!n && c->type)
		cli_error("no job is of the type '%s': no group, document or folder, and no name begins so", c->type);
	return n || !(c->words.n || c->type) ? EXIT_DONE : EXIT_USAGE_ERROR;
}
