#include "words.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "named_query.h"
#include "reader.h"

enum { RUNS_OFFERED = 50 };

/* --- of the Jobfile ------------------------------------------------------------------------------------------- */

static void each_job(struct cli *c, void (*one)(const struct job *j, struct buf *out), struct buf *out)
{
	struct diags *d = diags_new();
	struct jobfile *jf = cli_load_into(c, d);

	for (size_t i = 0; jf && i < jf->n_jobs; i++)
		if (!jf->job[i]->t.policy->private)
			one(jf->job[i], out);
	jobfile_free(jf);
	diags_free(d);
}

static void add_job(const struct job *j, struct buf *out)
{
	buf_addf(out, "%s\n", j->name);
	for (size_t i = 0; i < j->n_aliases; i++)
		buf_addf(out, "%s\n", j->alias[i].name);
}

static void jobs(struct cli *c, struct buf *out)
{
	each_job(c, add_job, out);
}

static void add_param(struct buf *out, const char *name)
{
	char *line = xasprintf("\n%s=\n", name), *all = xasprintf("\n%s", out->data);

	if (!strstr(all, line))
		buf_puts(out, line + 1);
	free(line);
	free(all);
}

static void params(struct cli *c, struct buf *out)
{
	struct diags *d = diags_new();
	struct jobfile *jf = cli_load_into(c, d);

	for (size_t i = 0; jf && i < jf->params.n; i++)
		add_param(out, jf->params.at[i].name);
	for (size_t i = 0; jf && i < jf->n_jobs; i++)
		for (size_t k = 0; k < jf->job[i]->params.n; k++)
			add_param(out, jf->job[i]->params.at[k].name);
	jobfile_free(jf);
	diags_free(d);
}

/* --- of the ledger -------------------------------------------------------------------------------------------- */

static struct ledger *open_quietly(struct cli *c)
{
	const struct ledger_options o = {.mode = LEDGER_LOOK};
	struct ledger_error err = LEDGER_ERROR_INIT;
	char *path = cli_ledger_path(c);
	struct ledger *l = path ? ledger_open(path, &o, &err) : NULL;

	ledger_error_release(&err);
	free(path);
	return l;
}

static bool add_run(void *ctx, const struct ledger_run_row *r)
{
	buf_addf(ctx, "%s\n", r->id);
	return true;
}

static void runs(struct cli *c, struct buf *out)
{
	struct ledger *l = open_quietly(c);

	if (!l)
		return;
	buf_puts(out, "last\nlast-failed\n");
	(void)ledger_runs(l, &(struct ledger_run_filter){.limit = RUNS_OFFERED}, add_run, out);
	ledger_close(l);
}

static bool add_step(void *ctx, const struct ledger_step_row *r)
{
	buf_addf(ctx, "%s\nlast/%s\n", r->name, r->name);
	return true;
}

/* Of the last run. */
static void steps(struct cli *c, struct buf *out)
{
	struct ledger *l = open_quietly(c);
	struct buf ignored = BUF_INIT;
	int64_t run;

	if (l && ledger_run_find(l, "last", NULL, &run, &ignored) == LEDGER_FOUND)
		(void)ledger_steps(l, run, NULL, add_step, out);
	ledger_close(l);
	buf_release(&ignored);
}

static void queries(struct cli *c, struct buf *out)
{
	struct named_queries l;

	if (named_queries_find(&l, c))
		for (size_t i = 0; i < l.n; i++)
			buf_addf(out, "%s\n", l.at[i].name);
	named_queries_release(&l);
}

bool words_of(struct cli *c, const char *kind, struct buf *out)
{
	static const struct {
		const char *kind;
		void (*add)(struct cli *c, struct buf *out);
	} kinds[] = {
		{"jobs", jobs}, {"runs", runs}, {"steps", steps}, {"queries", queries}, {"stores", reader_stores},
		{"params", params},
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(kinds[i].kind, kind))
			continue;
		kinds[i].add(c, out);
		return true;
	}
	return false;
}

/* --- of a verb's arguments ------------------------------------------------------------------------------------- */

static const char *kind_of(const char *word)
{
	static const struct {
		const char *word, *kind;
	} kinds[] = {
		{"TARGET", "jobs"}, {"JOB", "jobs"}, {"GLOB", "jobs"}, {"RUN", "runs"}, {"STEP", "steps"}, {"NAME", "queries"},
		{"STORE", "stores"}, {"FILE", "files"},
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!strcmp(kinds[i].word, word))
			return kinds[i].kind;
	return NULL;
}

void words_of_args(const char *args, void (*one)(void *ctx, const char *word, const char *kind), void *ctx)
{
	while (*args) {
		size_t n = strspn(args, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-");
		char *word = xstrndup(args, n);

		if (n && (kind_of(word) || islower((unsigned char)*word)))
			one(ctx, word, kind_of(word));
		free(word);
		args += n ? n : 1;
	}
}
