#include "run_name.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "job/expand.h"

static bool stop_at_first(void *ctx, const struct ledger_step_row *r)
{
	(void)r;
	*(bool *)ctx = true;
	return false;
}

static bool has_step(struct ledger *l, int64_t run, const char *name)
{
	bool found = false;

	(void)ledger_steps(l, run, name, stop_at_first, &found);
	return found;
}

struct sought {
	const char *name;
	bool found;
};

static bool compare_job(void *ctx, const struct ledger_job_row *r)
{
	struct sought *s = ctx;

	s->found = !strcmp(r->name, s->name);
	return !s->found;
}

static bool has_step_or_job(struct ledger *l, int64_t run, const char *name)
{
	struct sought s = {.name = name, .found = has_step(l, run, name)};

	if (!s.found)
		(void)ledger_jobs(l, run, compare_job, &s);
	return s.found;
}

static bool no_head(void *ctx, size_t n, const char *const *name)
{
	(void)ctx, (void)n, (void)name;
	return true;
}

static bool keep_text(void *ctx, size_t n, const struct ledger_value *value)
{
	(void)n;
	buf_add(ctx, value->text, value->len);
	return true;
}

/* The run that had it last, if any did. */
static void hint_run(struct ledger *l, const char *step)
{
	const struct ledger_query q = {
		.sql = "SELECT substr(run, 1, 10) FROM (SELECT run FROM v_steps WHERE step = ?1"
		       " UNION ALL SELECT run FROM v_jobs WHERE job = ?1) ORDER BY run DESC LIMIT 1",
		.arg = &step, .n_args = 1};
	struct buf run = BUF_INIT;

	if (ledger_sql(l, &q, no_head, keep_text, &run) && run.len)
		cli_hint("the last run that has it is %s: %s/%s", run.data, run.data, step);
	buf_release(&run);
}

/* err says why the name is none of a run. */
static void say_not_found(struct ledger *l, int64_t last, const char *text, const char *err)
{
	if (last < 0 || !strncmp(text, "last", 4) || *text == '@') {
		cli_error("%s", err);
		return;
	}
	cli_error("the last run has no step '%s', and %s", text, err);
	hint_run(l, text);
}

/* The slash that ends the run, or a job: none in the label of an instance, which may be a file's name. */
static const char *first_slash(const char *text)
{
	const char *p = text + strcspn(text, "/[");

	if (*p == '[' && label_end(p))
		p = strchr(label_end(p), '/');
	return p && *p == '/' ? p : NULL;
}

typedef bool has_name(struct ledger *l, int64_t run, const char *name);

static bool find(struct run_name *n, struct ledger *l, const char *text, has_name *has)
{
	const char *slash = first_slash(text);
	char *run = slash ? xstrndup(text, (size_t)(slash - text)) : xstrdup(text);
	struct buf err = BUF_INIT, ignored = BUF_INIT;
	int64_t last = -1;
	bool good = true;

	*n = (struct run_name){.run = -1};
	if (ledger_run_find(l, run, NULL, &n->run, &err) == LEDGER_FOUND) {
		n->step = slash ? xstrdup(slash + 1) : NULL;
	} else if (ledger_run_find(l, "last", NULL, &last, &ignored) == LEDGER_FOUND && has(l, last, text)) {
		n->run = last;
		n->step = xstrdup(text);
	} else {
		say_not_found(l, last, text, err.data);
		good = false;
	}
	if (good && n->step && !has(l, n->run, n->step)) {
		cli_error("that run has no step '%s'", n->step);
		cli_hint("`orchmake show %s` lists them", slash ? run : "last");
		good = false;
	}
	buf_release(&err);
	buf_release(&ignored);
	free(run);
	return good;
}

bool run_name_find(struct run_name *n, struct ledger *l, const char *text)
{
	return find(n, l, text, has_step);
}

bool run_name_find_job(struct run_name *n, struct ledger *l, const char *text)
{
	return find(n, l, text, has_step_or_job);
}

void run_name_release(struct run_name *n)
{
	free(n->step);
}
