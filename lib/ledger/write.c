#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "ledger/ledger_impl.h"

static void queue_state(struct ledger *l, enum state s)
{
	BUG_UNLESS(s < STATE_COUNT);
	queue_int(l, l->words.state[s]);
}

static void queue_reason(struct ledger *l, enum reason r)
{
	BUG_UNLESS(r < REASON_COUNT);
	queue_int(l, l->words.reason[r]);
}

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

/* --- steps --------------------------------------------------------------------------------------- */

enum { KNOWN_BITS = 64 };

/* Remember that unit of run has a row. */
static void know(struct ledger *l, int64_t run, uint32_t unit)
{
	size_t word = unit / KNOWN_BITS;

	if (l->known_run != run) {
		l->known_run = run;
		l->n_known = 0;
	}
	if (word >= l->n_known) {
		size_t n = word < 64 ? 128 : 2 * word;

		l->known = xreallocarray(l->known, n, sizeof(*l->known));
		memset(l->known + l->n_known, 0, (n - l->n_known) * sizeof(*l->known));
		l->n_known = n;
	}
	l->known[word] |= (uint64_t)1 << unit % KNOWN_BITS;
}

static bool is_known(const struct ledger *l, int64_t run, uint32_t unit)
{
	size_t word = unit / KNOWN_BITS;

	return run == l->known_run && word < l->n_known &&
	       (l->known[word] & (uint64_t)1 << unit % KNOWN_BITS);
}

static void queue_step_end(struct ledger *l, const struct ledger_step_end *e)
{
	queue_state(l, e->state);
	queue_reason(l, e->reason);
	queue_text(l, e->cause);
	queue_text(l, e->error);
	queue_int(l, e->degraded);
	queue_int_or(l, e->exit_code, -1);
	queue_int_or(l, e->signal, 0);
	queue_int(l, e->attempts);
	queue_int_or(l, e->wall_ms, -1);
	queue_int_or(l, e->duration_ms, -1);
	queue_text(l, e->result);
	queue_text(l, e->fingerprint);
}

static void keep_fingerprint(struct ledger *l, int64_t run, uint32_t unit, const struct ledger_step_end *e)
{
	if (!e->fingerprint || e->state != STATE_SUCCEEDED)
		return;
	queue_op(l, STMT_FINGERPRINT_OF_STEP);
	queue_int(l, id_of(run, unit));
	queue_text(l, e->fingerprint);
	queue_int(l, e->wall_ms);
}

void ledger_step(struct ledger *l, int64_t run, const struct ledger_step *s)
{
	static const struct ledger_step_end pending = {.state = STATE_PENDING, .reason = REASON_NONE, .exit_code = -1,
						       .wall_ms = -1, .duration_ms = -1};
	const struct ledger_step_end *end = s->end ? s->end : &pending;

	/* Only for a step that no run had before: queue_run(). */
	queue_op(l, STMT_INSTANCE_ADD);
	queue_text(l, s->key);
	queue_text(l, s->name);
	queue_text(l, s->job);
	queue_text(l, s->step);
	queue_text(l, s->cell);

	queue_op(l, STMT_STEP_ADD);
	queue_int(l, id_of(run, s->unit));
	queue_int_or(l, s->group, GROUP_NONE);
	queue_int(l, s->critical);
	queue_instance(l);
	queue_step_end(l, end);
	keep_fingerprint(l, run, s->unit, end);
	know(l, run, s->unit);
}

static void queue_range(struct ledger *l, int64_t run, const struct ledger_range *r, uint32_t at, uint32_t n)
{
	queue_op(l, STMT_STEPS_ADD);
	queue_int(l, id_of(run, r->unit + at));
	queue_int(l, n);
	queue_int_or(l, r->group, GROUP_NONE);
	queue_int(l, r->critical);
	queue_int(l, r->instance + at);
	queue_state(l, r->state);
	queue_reason(l, r->reason);
	queue_int(l, r->wall_ms);

	queue_op(l, STMT_EVENTS_ADD);
	queue_int(l, id_of(run, r->seq + at));
	queue_int(l, n);
	queue_int(l, l->words.event[r->kind]);
	queue_int(l, r->wall_ms);
	queue_int(l, r->mono_ns);
	queue_int(l, r->unit + at);
	queue_state(l, r->state);
	queue_reason(l, r->reason);
}

void ledger_range(struct ledger *l, int64_t run, const struct ledger_range *r)
{
	uint32_t n;

	BUG_UNLESS(r->state < STATE_COUNT && state_is_final(r->state) && state_is_ok(r->state) && r->kind < EVENT_COUNT);
	for (uint32_t at = 0; at < r->n; at += n) {
		n = RANGE_MOST - (uint32_t)((r->instance + at) % RANGE_MOST);
		n = n < r->n - at ? n : r->n - at;
		queue_range(l, run, r, at, n);
	}
}

void ledger_step_key(struct ledger *l, int64_t run, uint32_t unit, const char *key)
{
	queue_op(l, STMT_INSTANCE_RENAME);
	queue_int(l, id_of(run, unit));
	queue_text(l, key);
	queue_op(l, STMT_STEP_KEY);
	queue_int(l, id_of(run, unit));
	queue_text(l, key);
}

void ledger_step_state(struct ledger *l, int64_t run, uint32_t unit, enum state state,
		       enum reason reason, const char *cause)
{
	BUG_UNLESS(state < STATE_COUNT && !state_is_final(state));
	queue_op(l, STMT_STEP_STATE);
	queue_int(l, id_of(run, unit));
	queue_state(l, state);
	queue_reason(l, reason);
	queue_text(l, cause);
}

void ledger_step_settled(struct ledger *l, int64_t run, uint32_t unit, const struct ledger_step_end *e)
{
	BUG_UNLESS(e->state < STATE_COUNT && state_is_final(e->state));
	queue_op(l, STMT_STEP_END);
	queue_int(l, id_of(run, unit));
	queue_step_end(l, e);
	keep_fingerprint(l, run, unit, e);
}

void ledger_fingerprint(struct ledger *l, const char *key, const char *fingerprint, int64_t wall_ms)
{
	if (!fingerprint) {
		queue_op(l, STMT_FINGERPRINT_CLEAR);
		queue_text(l, key);
		return;
	}
	queue_op(l, STMT_FINGERPRINT_SET);
	queue_text(l, key);
	queue_text(l, fingerprint);
	queue_int(l, wall_ms);
}

void ledger_step_fingerprint(struct ledger *l, int64_t run, uint32_t unit, const char *fingerprint,
			     int64_t wall_ms)
{
	queue_op(l, STMT_FINGERPRINT_STEP);
	queue_int(l, id_of(run, unit));
	queue_text(l, fingerprint);
	queue_op(l, STMT_FINGERPRINT_OF_STEP);
	queue_int(l, id_of(run, unit));
	queue_text(l, fingerprint);
	queue_int(l, wall_ms);
}

void ledger_step_mark(struct ledger *l, int64_t run, uint32_t unit, const char *mark)
{
	queue_op(l, STMT_STEP_MARK);
	queue_int(l, id_of(run, unit));
	queue_text(l, mark);
}

void ledger_file(struct ledger *l, const struct ledger_file *f)
{
	queue_op(l, STMT_FILE_SET);
	queue_text(l, f->path);
	queue_int(l, (int64_t)f->id.device);
	queue_int(l, (int64_t)f->id.inode);
	queue_int(l, f->id.size_bytes);
	queue_int(l, f->id.mtime_ns);
	queue_int(l, f->id.ctime_ns);
	queue_int(l, (int64_t)f->hash);
	queue_int(l, f->since_wall_ms);
}

/* --- attempts ------------------------------------------------------------------------------------ */

void ledger_attempt_intent(struct ledger *l, int64_t run, uint32_t serial, uint32_t unit, uint32_t number,
			   const char *mark)
{
	queue_op(l, STMT_ATTEMPT_ADD);
	queue_int(l, id_of(run, serial));
	queue_int(l, id_of(run, unit));
	queue_int(l, number);
	queue_text(l, mark);
}

void ledger_attempt_mark(struct ledger *l, int64_t run, uint32_t serial, const char *mark)
{
	queue_op(l, STMT_ATTEMPT_MARK);
	queue_int(l, id_of(run, serial));
	queue_text(l, mark);
}

void ledger_attempt_started(struct ledger *l, int64_t run, uint32_t serial,
			    const struct ledger_attempt_start *s)
{
	queue_op(l, STMT_ATTEMPT_START);
	queue_int(l, id_of(run, serial));
	queue_int(l, s->wall_ms);
	queue_int(l, s->mono_ns);
	queue_int_or(l, s->pid, 0);
	queue_text(l, s->command);
	queue_text(l, s->log);
	queue_int_or(l, s->log_offset, 0);
	queue_text(l, s->out);
	queue_int_or(l, s->timeout_ms, 0);
	queue_int_or(l, s->grace_ms, 0);
	queue_text(l, s->policy);
	queue_text(l, s->provides);
	queue_text(l, s->consumes);
	queue_text(l, s->idempotency_key);
	queue_start_known(l, id_of(run, serial));
}

void ledger_attempt_pid(struct ledger *l, int64_t run, uint32_t serial, pid_t pid)
{
	queue_start_forget(l, id_of(run, serial));
	queue_op(l, STMT_ATTEMPT_PID);
	queue_int(l, id_of(run, serial));
	queue_int(l, pid);
}

void queue_attempt_end(struct ledger *l, const struct ledger_attempt_end *e)
{
	BUG_UNLESS(e->state < STATE_COUNT && state_is_final(e->state));
	queue_state(l, e->state);
	queue_reason(l, e->reason);
	queue_text(l, e->error);
	queue_int_or(l, e->exit_code, -1);
	queue_int_or(l, e->signal, 0);
	queue_int_or(l, e->start_errno, 0);
	queue_text(l, e->stage);
	queue_int(l, e->wall_ms);
	queue_int_or(l, e->duration_us, -1);
	queue_int(l, e->user_us);
	queue_int(l, e->system_us);
	queue_int(l, e->max_rss_kib);
	queue_int(l, e->leftovers);
	queue_int_or(l, e->log_bytes, -1);
	queue_text(l, e->class);
}

void queue_duration(struct ledger *l, int64_t run, uint32_t serial, const struct ledger_attempt_end *e)
{
	if (e->state != STATE_SUCCEEDED || e->duration_us < 0)
		return;
	queue_op(l, STMT_DURATION_ADD);
	queue_int(l, id_of(run, serial));
	queue_int(l, e->duration_us);
}

void ledger_attempt_ended(struct ledger *l, int64_t run, uint32_t serial,
			  const struct ledger_attempt_end *e)
{
	int64_t id = id_of(run, serial);

	if (!queue_start_join(l, id, STMT_ATTEMPT_RAN)) {
		queue_op(l, STMT_ATTEMPT_END);
		queue_int(l, id);
	}
	queue_attempt_end(l, e);
	queue_duration(l, run, serial, e);
}

void ledger_attempt_unused(struct ledger *l, int64_t run, uint32_t serial)
{
	queue_op(l, STMT_ATTEMPT_UNUSED);
	queue_int(l, id_of(run, serial));
}

/* --- the rest ------------------------------------------------------------------------------------ */

void ledger_event(struct ledger *l, int64_t run, const struct run_event *e)
{
	BUG_UNLESS(e->kind < EVENT_COUNT);
	queue_op(l, STMT_EVENT_ADD);
	queue_int(l, id_of(run, e->seq));
	queue_int(l, l->words.event[e->kind]);
	queue_int(l, e->wall_ms);
	queue_int(l, e->mono_ns);
	queue_int_or(l, e->unit, UNIT_NONE);
	queue_int_or(l, e->attempt, 0);
	queue_state(l, e->state);
	queue_reason(l, e->reason);
	queue_int_or(l, e->exit_code, -1);
	queue_int_or(l, e->signal, 0);
	queue_int_or(l, e->duration_ms, -1);
	queue_int_or(l, e->due_ms, -1);
	queue_text(l, e->cause);
	queue_text(l, e->error);
	queue_text(l, is_known(l, run, e->unit) ? NULL : e->step);
}

void ledger_artifact(struct ledger *l, int64_t run, uint32_t unit, const struct ledger_artifact *a)
{
	queue_op(l, STMT_ARTIFACT_ADD);
	queue_int(l, id_of(run, unit));
	queue_text(l, a->name);
	queue_text(l, a->kind);
	queue_text(l, a->path);
	queue_text(l, a->value);
	queue_text(l, a->digest);
	queue_int_or(l, a->size_bytes, -1);
}

void ledger_approval(struct ledger *l, int64_t run, uint32_t unit, bool approved, const char *by,
		     const char *note, int64_t wall_ms)
{
	queue_op(l, STMT_APPROVAL_ADD);
	queue_int(l, id_of(run, unit));
	queue_int(l, approved);
	queue_text(l, by);
	queue_text(l, note);
	queue_int(l, wall_ms);
}
