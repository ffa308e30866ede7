#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"
#include "ledger/ledger_impl.h"
#include "ledger/ledger_repair.h"

enum { EXIT_OF_DEAD = 128 + 9 }; /* nobody got an exit code: what a shell would have seen */
enum { QUEUE_ROWS = 10000 };	 /* at once, so that a million steps need no memory */

bool ledger_open_runs(struct ledger *l, bool (*row)(void *ctx, const struct ledger_run_row *r),
		      void *ctx)
{
	sqlite3_stmt *st = stmt_use(l, STMT_RUNS_OPEN);

	return st && stmt_each(l, STMT_RUNS_OPEN, st, run_row, &(struct run_rows){row, ctx});
}

/* An attempt that was found under way, by its step. */
struct repaired {
	uint32_t unit, number;
	const struct ledger_outcome *outcome; /* NULL: lost */
};

struct repair {
	int64_t run, wall_ms, start_wall_ms;
	const struct ledger_outcome **outcome; /* by serial */
	size_t n_outcomes;
	struct repaired *repaired; /* by unit, then number */
	size_t n_repaired, room_repaired;
	uint64_t seq;
	bool applied;
};

/* What is queued so far goes into the transaction that is open. */
static bool spill(struct ledger *l, size_t more_than)
{
	bool ok;

	if (l->n_queued <= more_than)
		return true;
	ok = queue_run(l);
	ledger_drop(l);
	return ok;
}

static enum rows spill_rows(struct ledger *l)
{
	return spill(l, QUEUE_ROWS) ? ROWS_MORE : ROWS_FAILED;
}

/* --- attempts ------------------------------------------------------------------------------------ */

static int by_serial(const void *a, const void *b)
{
	const struct ledger_outcome *x = *(const struct ledger_outcome *const *)a;
	const struct ledger_outcome *y = *(const struct ledger_outcome *const *)b;

	return (x->serial > y->serial) - (x->serial < y->serial);
}

static int by_unit(const void *a, const void *b)
{
	const struct repaired *x = a, *y = b;

	if (x->unit != y->unit)
		return x->unit < y->unit ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

static const struct ledger_outcome *outcome_of(const struct repair *r, uint32_t serial)
{
	const struct ledger_outcome key = {.serial = serial}, *at = &key;
	const struct ledger_outcome **found =
		r->n_outcomes ? bsearch(&at, r->outcome, r->n_outcomes, sizeof(at), by_serial) : NULL;

	return found ? *found : NULL;
}

static void queue_outcome(struct ledger *l, struct repair *r, uint32_t serial,
			  const struct ledger_outcome *o)
{
	const struct ledger_attempt_end lost = {
		.state = STATE_LOST,
		.reason = REASON_NOBODY_SAW,
		.exit_code = -1,
		.wall_ms = r->wall_ms,
		.duration_us = -1,
		.log_bytes = -1,
	};
	const struct ledger_attempt_end *end = o ? &o->end : &lost;

	queue_op(l, STMT_REPAIR_ATTEMPT);
	queue_int(l, id_of(r->run, serial));
	queue_attempt_end(l, end);
	queue_int_or(l, o ? o->start_wall_ms : 0, 0);
	queue_int_or(l, o ? o->pid : 0, 0);
	queue_text(l, o ? o->log : NULL);
	queue_duration(l, r->run, serial, end);
}

static enum rows repair_attempt(struct ledger *l, sqlite3_stmt *st, void *ctx)
{
	struct repair *r = ctx;
	uint32_t serial = id_number(sqlite3_column_int64(st, 0));
	const struct ledger_outcome *o = outcome_of(r, serial);
	struct repaired found = {
		.unit = id_number(sqlite3_column_int64(st, 1)),
		.number = col_u32(st, 2),
		.outcome = o,
	};

	if (!o && sqlite3_column_int(st, 3) == ATTEMPT_INTENT) {
		ledger_attempt_unused(l, r->run, serial);
	} else {
		queue_outcome(l, r, serial, o);
		VEC_PUSH(r->repaired, r->n_repaired, r->room_repaired, found);
	}
	return spill_rows(l);
}

static bool repair_attempts(struct ledger *l, struct repair *r)
{
	sqlite3_stmt *st = stmt_use(l, STMT_REPAIR_ATTEMPTS);

	if (!st)
		return false;
	bind_run(st, r->run);
	if (!stmt_each(l, STMT_REPAIR_ATTEMPTS, st, repair_attempt, r) || !spill(l, 0))
		return false;
	if (r->n_repaired)
		qsort(r->repaired, r->n_repaired, sizeof(*r->repaired), by_unit);
	return true;
}

/* --- steps --------------------------------------------------------------------------------------- */

/* The last attempt of a step that had ended or just was repaired, as the ledger has it now. */
struct last_attempt {
	uint32_t number; /* 0: it never began */
	enum state state;
	int exit_code, signal;
	const char *error;
	int64_t start_wall_ms; /* of the first; -1 */
	const struct ledger_outcome *outcome; /* of this repair, or NULL */
};

/* The outcome just applied to this attempt, if it was one of those. */
static const struct ledger_outcome *just_applied(const struct repair *r, uint32_t unit, uint32_t number)
{
	const struct repaired key = {.unit = unit, .number = number};
	const struct repaired *found =
		r->n_repaired ? bsearch(&key, r->repaired, r->n_repaired, sizeof(key), by_unit) : NULL;

	return found ? found->outcome : NULL;
}

static void stands(struct ledger_step_end *e, enum state state, enum reason reason, const char *cause)
{
	e->state = state;
	e->reason = reason;
	e->cause = cause;
}

/*
 * Where a step stands that was under way.  Only its own good end is taken for granted; of
 * a bad one somebody who knows the rules must have said that it settles.
 */
static void judge_step(const struct last_attempt *a, struct ledger_step_end *e)
{
	const struct ledger_outcome *o = a->outcome;

	if (!a->number)
		stands(e, STATE_ABORTED, REASON_DRIVER_DIED, NULL);
	else if (o && o->settles)
		stands(e, o->end.state, o->end.reason, NULL);
	else if (a->state == STATE_SUCCEEDED)
		stands(e, STATE_SUCCEEDED, REASON_NONE, NULL);
	else if (a->state == STATE_LOST)
		stands(e, STATE_LOST, REASON_NOBODY_SAW, NULL);
	else if (a->state == STATE_SKIPPED)
		stands(e, STATE_SKIPPED, REASON_SKIP_EXIT, NULL);
	else
		stands(e, STATE_INTERRUPTED, REASON_DRIVER_DIED, NULL); /* another attempt was due */
}

static enum event_kind kind_of(enum state s)
{
	if (state_is_failure(s))
		return EVENT_STEP_FAILED;
	if (s == STATE_CANCELED)
		return EVENT_STEP_CANCELED;
	if (s == STATE_SKIPPED)
		return EVENT_STEP_SKIPPED;
	return state_is_ok(s) ? EVENT_STEP_SUCCEEDED : EVENT_STEP_BLOCKED;
}

static void queue_step(struct ledger *l, struct repair *r, uint32_t unit, const struct last_attempt *a)
{
	struct ledger_step_end e = {
		.error = a->error,
		.exit_code = a->exit_code,
		.signal = a->signal,
		.attempts = a->number,
		.wall_ms = r->wall_ms,
		.duration_ms = a->number && a->start_wall_ms >= 0 ? r->wall_ms - a->start_wall_ms : -1,
		.result = a->outcome ? a->outcome->result : NULL,
		.fingerprint = a->outcome ? a->outcome->fingerprint : NULL,
	};
	struct run_event ev = {
		.seq = ++r->seq,
		.wall_ms = r->wall_ms,
		.unit = unit,
		.attempt = a->number,
		.error = e.error,
		.exit_code = e.exit_code,
		.signal = e.signal,
		.duration_ms = -1,
		.due_ms = -1,
	};

	judge_step(a, &e);
	if (a->outcome && a->outcome->end.duration_us >= 0)
		e.duration_ms = a->outcome->end.duration_us / 1000;
	if (e.state != STATE_SUCCEEDED)
		e.fingerprint = NULL;
	ledger_step_settled(l, r->run, unit, &e);
	ev.kind = kind_of(e.state);
	ev.state = e.state;
	ev.reason = e.reason;
	ev.cause = e.cause;
	ev.duration_ms = e.duration_ms;
	ledger_event(l, r->run, &ev);
}

static enum rows repair_step(struct ledger *l, sqlite3_stmt *st, void *ctx)
{
	struct repair *r = ctx;
	uint32_t unit = id_number(sqlite3_column_int64(st, 0));
	struct last_attempt a = {
		.number = (uint32_t)col_int(st, 2, 0),
		.start_wall_ms = col_int(st, 4, -1),
		.exit_code = (int)col_int(st, 5, -1),
		.signal = (int)col_int(st, 6, 0),
		.error = col_text(st, 7),
	};

	if (a.number) {
		if (!word_state(l, col_int(st, 3, 0), &a.state))
			return ROWS_FAILED;
		a.outcome = just_applied(r, unit, a.number);
	}
	queue_step(l, r, unit, &a);
	return spill_rows(l);
}

static bool read_last_seq(struct ledger *l, struct repair *r)
{
	sqlite3_stmt *st = stmt_use(l, STMT_REPAIR_SEQ);
	int rc;

	if (!st)
		return false;
	bind_run(st, r->run);
	rc = stmt_row(l, st);
	r->seq = rc > 0 ? id_number(col_int(st, 0, 0)) : 0;
	return stmt_done(l, STMT_REPAIR_SEQ, st, rc >= 0);
}

static bool repair_steps(struct ledger *l, struct repair *r)
{
	sqlite3_stmt *st;

	if (!read_last_seq(l, r))
		return false;
	st = stmt_use(l, STMT_REPAIR_STEPS);
	if (!st)
		return false;
	bind_run(st, r->run);
	return stmt_each(l, STMT_REPAIR_STEPS, st, repair_step, r) && spill(l, 0);
}

/* --- jobs and the run ----------------------------------------------------------------------------- */

static void queue_jobs(struct ledger *l, const struct repair *r)
{
	queue_op(l, STMT_REPAIR_JOBS);
	queue_int(l, id_of(r->run, 0));
	queue_int(l, id_of(r->run, UINT32_MAX));
	queue_int(l, l->words.state[STATE_INTERRUPTED]);
	queue_int(l, l->words.reason[REASON_DRIVER_DIED]);
	queue_int(l, r->wall_ms);
}

static bool count_steps(struct ledger *l, const struct repair *r, struct ledger_counts *ret)
{
	sqlite3_stmt *st = stmt_use(l, STMT_REPAIR_COUNTS);
	int rc;

	if (!st)
		return false;
	bind_run(st, r->run);
	rc = stmt_row(l, st);
	if (rc > 0)
		*ret = (struct ledger_counts){
			.total = col_u32(st, 0),
			.settled = col_u32(st, 1),
			.failed = col_u32(st, 2),
			.succeeded = col_u32(st, 3),
			.skipped = col_u32(st, 4),
		};
	return stmt_done(l, STMT_REPAIR_COUNTS, st, rc >= 0);
}

static bool repair_end(struct ledger *l, struct repair *r)
{
	struct run_event ev = {
		.seq = ++r->seq,
		.wall_ms = r->wall_ms,
		.kind = EVENT_RUN_INTERRUPTED,
		.unit = UNIT_NONE,
		.state = STATE_INTERRUPTED,
		.reason = REASON_DRIVER_DIED,
		.exit_code = -1,
		.duration_ms = r->wall_ms - r->start_wall_ms,
		.due_ms = -1,
	};
	struct ledger_run_end end = {
		.state = STATE_INTERRUPTED,
		.exit_code = EXIT_OF_DEAD,
		.error = "orchmake died while it ran",
		.wall_ms = r->wall_ms,
		.duration_ms = ev.duration_ms,
	};

	if (!count_steps(l, r, &end.n))
		return false;
	queue_jobs(l, r);
	ledger_event(l, r->run, &ev);
	ledger_run_ended(l, r->run, &end);
	return spill(l, 0);
}

/* Asked inside the transaction: another process may have been quicker. */
static bool is_open(struct ledger *l, struct repair *r, bool *ret)
{
	sqlite3_stmt *st = stmt_use(l, STMT_RUN_IS_OPEN);
	int rc;

	if (!st)
		return false;
	sqlite3_bind_int64(st, 1, r->run);
	rc = stmt_row(l, st);
	*ret = rc > 0 && sqlite3_column_int(st, 0);
	if (*ret)
		r->start_wall_ms = sqlite3_column_int64(st, 1);
	return stmt_done(l, STMT_RUN_IS_OPEN, st, rc >= 0);
}

static bool repair_all(struct ledger *l, void *ctx)
{
	struct repair *r = ctx;
	bool open, ok;

	r->n_repaired = 0; /* of a first try that found the disk full */
	if (!is_open(l, r, &open))
		return false;
	if (!open)
		return true;
	ok = repair_attempts(l, r) && repair_steps(l, r) && repair_end(l, r);
	if (!ok)
		ledger_drop(l);
	r->applied = ok;
	return ok;
}

bool ledger_repair_run(struct ledger *l, int64_t run, const struct ledger_outcome *outcome, size_t n,
		       int64_t wall_ms, bool *ret_applied)
{
	struct repair r = {.run = run, .wall_ms = wall_ms, .n_outcomes = n};
	bool ok;

	BUG_UNLESS(!l->n_queued); /* the queue is used for what is repaired */
	r.outcome = xcalloc(n ? n : 1, sizeof(struct ledger_outcome *));
	for (size_t i = 0; i < n; i++)
		r.outcome[i] = &outcome[i];
	if (n)
		qsort(r.outcome, n, sizeof(struct ledger_outcome *), by_serial);
	ok = ledger_transact(l, repair_all, &r);
	if (ok)
		*ret_applied = r.applied;
	free(r.repaired);
	free(r.outcome);
	return ok;
}
