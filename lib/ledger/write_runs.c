/* What is queued of runs and of their jobs. */
#include <string.h>

#include "base/bug.h"
#include "ledger/ledger_impl.h"

static void queue_counts(struct ledger *l, const struct ledger_counts *n)
{
	queue_int(l, n->total);
	queue_int(l, n->settled);
	queue_int(l, n->running);
	queue_int(l, n->succeeded);
	queue_int(l, n->failed);
	queue_int(l, n->skipped);
}

/* --- runs ---------------------------------------------------------------------------------------- */

static void queue_definition(struct ledger *l, const struct ledger_run *r, struct digest *ret)
{
	digest_of(ret, r->definition, strlen(r->definition));
	queue_op(l, STMT_DEFINITION_ADD);
	queue_text(l, ret->hex);
	queue_text_lent(l, r->definition);
	if (!r->origin)
		return;
	queue_op(l, STMT_ORIGIN_ADD);
	queue_text(l, r->origin);
	queue_text(l, ret->hex);
}

bool ledger_definition_of(struct ledger *l, const char *origin, struct digest *ret)
{
	sqlite3_stmt *st = stmt_use(l, STMT_ORIGIN_FIND);
	bool found;

	if (!st)
		return false;
	sqlite3_bind_text(st, 1, origin, -1, SQLITE_STATIC);
	found = stmt_row(l, st) > 0 && sqlite3_column_bytes(st, 0) == DIGEST_HEX;
	if (found)
		memcpy(ret->hex, col_text(st, 0), sizeof(ret->hex));
	return stmt_done(l, STMT_ORIGIN_FIND, st, found);
}

static void queue_run_row(struct ledger *l, const struct ledger_run *r)
{
	queue_op(l, STMT_RUN_ADD);
	queue_text(l, r->id);
	queue_text(l, r->target);
	queue_text(l, r->title);
	queue_state(l, STATE_PENDING);
	queue_int(l, r->wall_ms);
	queue_int(l, r->mono_ns);
	queue_int(l, r->slots);
	queue_text(l, r->resumes);
	queue_text(l, r->parent);
}

static void queue_run_texts(struct ledger *l, const struct ledger_run *r, const char *sha)
{
	const char *before[] = {r->id, sha, r->format, r->source, r->command, r->root, r->journal};
	const char *after[] = {r->host, r->user, r->version, r->params, r->payload, r->ctx, r->options};

	queue_op(l, STMT_RUN_TEXTS_ADD);
	for (size_t i = 0; i < ARRAY_LEN(before); i++)
		queue_text(l, before[i]);
	queue_int(l, (int64_t)r->nonce);
	queue_text(l, r->log_dir);
	queue_text(l, r->boot_id);
	queue_int(l, r->pid);
	queue_int(l, (int64_t)r->pid_start);
	for (size_t i = 0; i < ARRAY_LEN(after); i++)
		queue_text(l, after[i]);
}

static void queue_plan(struct ledger *l, const struct ledger_run *r)
{
	if (!r->plan)
		return;
	queue_op(l, STMT_RUN_PLAN_ADD);
	queue_text(l, r->id);
	queue_text(l, r->plan);
}

static bool may_resume(struct ledger *l, const struct ledger_run *r)
{
	int64_t other = r->resumes ? stmt_number(l, STMT_RUN_RESUMER, r->resumes) : 0;

	return other <= 0 ? !other : ledger_fail_text(l, LEDGER_MOVED, "run %s is gone on with already", r->resumes);
}

static bool is_on_newest(struct ledger *l, const struct ledger_run *r)
{
	int64_t newest = r->on_newest ? stmt_number(l, STMT_RUN_NEWEST, NULL) : r->newest;

	if (newest >= 0 && newest != r->newest)
		ledger_fail_text(l, LEDGER_MOVED, "another run has begun since");
	return newest == r->newest;
}

static bool may_begin(struct ledger *l, void *ctx)
{
	return may_resume(l, ctx) && is_on_newest(l, ctx);
}

int64_t ledger_run_begin(struct ledger *l, const struct ledger_run *r)
{
	struct queue_mark before = queue_mark(l);
	struct digest sha;

	if (r->definition)
		queue_definition(l, r, &sha);
	queue_run_row(l, r);
	queue_run_texts(l, r, r->definition ? sha.hex : r->definition_sha);
	queue_plan(l, r);
	if (!queue_commit_if(l, may_begin, (void *)r)) {
		queue_cut(l, before);
		return -1;
	}
	return stmt_number(l, STMT_RUN_NO, r->id);
}

void ledger_run_started(struct ledger *l, int64_t run)
{
	queue_op(l, STMT_RUN_STATE);
	queue_int(l, run);
	queue_state(l, STATE_RUNNING);
}

void ledger_run_slots(struct ledger *l, int64_t run, uint32_t slots)
{
	queue_op(l, STMT_RUN_SLOTS);
	queue_int(l, run);
	queue_int(l, slots);
}

void ledger_run_progress(struct ledger *l, int64_t run, const struct ledger_counts *n)
{
	queue_op(l, STMT_RUN_PROGRESS);
	queue_int(l, run);
	queue_counts(l, n);
}

void ledger_run_ended(struct ledger *l, int64_t run, const struct ledger_run_end *e)
{
	queue_op(l, STMT_RUN_END);
	queue_int(l, run);
	queue_state(l, e->state);
	queue_int(l, e->degraded);
	queue_int(l, e->quarantined);
	queue_int(l, e->exit_code);
	queue_text(l, e->error);
	queue_int(l, e->wall_ms);
	queue_int_or(l, e->duration_ms, -1);
	queue_counts(l, &e->n);
	if (!e->result)
		return;
	queue_op(l, STMT_RUN_RESULT);
	queue_int(l, run);
	queue_text_taken(l, e->result);
}

void ledger_var(struct ledger *l, int64_t run, const char *name, const char *value)
{
	queue_op(l, STMT_VAR_ADD);
	queue_int(l, run);
	queue_text(l, name);
	queue_text(l, value);
}

void ledger_fragment(struct ledger *l, int64_t run, uint32_t no, const char *json)
{
	queue_op(l, STMT_FRAGMENT_ADD);
	queue_int(l, id_of(run, no));
	queue_text(l, json);
}

/* --- jobs ---------------------------------------------------------------------------------------- */

void ledger_job(struct ledger *l, int64_t run, const struct ledger_job *j)
{
	queue_op(l, STMT_JOB_ADD);
	queue_int(l, id_of(run, j->group));
	queue_int_or(l, j->parent, GROUP_NONE);
	queue_text(l, j->name);
	queue_text(l, j->job);
	queue_text(l, j->kind);
	queue_text(l, j->params);
	queue_state(l, STATE_PENDING);
	queue_reason(l, REASON_NONE);
}

void ledger_job_params(struct ledger *l, int64_t run, uint32_t group, const char *params)
{
	queue_op(l, STMT_JOB_PARAMS);
	queue_int(l, id_of(run, group));
	queue_text(l, params);
}

void ledger_job_finished(struct ledger *l, int64_t run, uint32_t group, const struct ledger_job_end *e)
{
	queue_op(l, STMT_JOB_END);
	queue_int(l, id_of(run, group));
	queue_state(l, e->state);
	queue_reason(l, e->reason);
	queue_text(l, e->cause);
	queue_text(l, e->error);
	queue_int(l, e->degraded);
	queue_text_taken(l, e->result);
	queue_int(l, e->wall_ms);
	queue_int_or(l, e->duration_ms, -1);
	queue_int(l, e->total);
	queue_int(l, e->succeeded);
	queue_int(l, e->failed);
	queue_int(l, e->skipped);
}
