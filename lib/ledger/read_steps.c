#include <string.h>

#include "base/bug.h"
#include "ledger/ledger_impl.h"

/* A number that is NULL for none. */
static uint32_t col_or(sqlite3_stmt *st, int i, uint32_t none)
{
	return (uint32_t)col_int(st, i, none);
}

static bool read_state(struct ledger *l, sqlite3_stmt *st, int i, enum state none, enum state *ret)
{
	if (sqlite3_column_type(st, i) != SQLITE_NULL)
		return word_state(l, sqlite3_column_int64(st, i), ret);
	*ret = none;
	return true;
}

static bool read_reason(struct ledger *l, sqlite3_stmt *st, int i, enum reason *ret)
{
	if (sqlite3_column_type(st, i) != SQLITE_NULL)
		return word_reason(l, sqlite3_column_int64(st, i), ret);
	*ret = REASON_NONE;
	return true;
}

/* --- jobs ---------------------------------------------------------------------------------------- */

struct job_rows {
	bool (*row)(void *ctx, const struct ledger_job_row *r);
	void *ctx;
};

static enum rows job_row(struct ledger *l, sqlite3_stmt *st, void *ctx)
{
	const struct job_rows *to = ctx;
	struct ledger_job_row r = {
		.group = id_number(sqlite3_column_int64(st, 0)),
		.parent = col_or(st, 1, GROUP_NONE),
		.name = col_name(st, 2),
		.job = col_text(st, 3),
		.kind = col_name(st, 4),
		.params = col_text(st, 5),
		.result = col_text(st, 6),
		.cause = col_text(st, 7),
		.error = col_text(st, 8),
		.degraded = sqlite3_column_int(st, 11),
		.end_wall_ms = col_int(st, 12, -1),
		.duration_ms = col_int(st, 13, -1),
		.total = col_u32(st, 14),
		.succeeded = col_u32(st, 15),
		.failed = col_u32(st, 16),
		.skipped = col_u32(st, 17),
	};

	if (!read_state(l, st, 9, STATE_PENDING, &r.state) || !read_reason(l, st, 10, &r.reason))
		return ROWS_FAILED;
	return rows_go(to->row(to->ctx, &r));
}

bool ledger_jobs(struct ledger *l, int64_t run,
		 bool (*row)(void *ctx, const struct ledger_job_row *r), void *ctx)
{
	sqlite3_stmt *st = stmt_use(l, STMT_JOBS);

	if (!st)
		return false;
	bind_run(st, run);
	return stmt_each(l, STMT_JOBS, st, job_row, &(struct job_rows){row, ctx});
}

/* --- steps --------------------------------------------------------------------------------------- */

struct step_rows {
	bool (*row)(void *ctx, const struct ledger_step_row *r);
	void *ctx;
	size_t n; /* given */
};

static enum rows step_row(struct ledger *l, sqlite3_stmt *st, void *ctx)
{
	struct step_rows *to = ctx;
	struct ledger_step_row r = {
		.run = id_run(sqlite3_column_int64(st, 0)),
		.unit = id_number(sqlite3_column_int64(st, 0)),
		.run_id = col_name(st, 1),
		.group = col_or(st, 2, GROUP_NONE),
		.key = col_name(st, 3),
		.name = col_name(st, 4),
		.job = col_text(st, 5),
		.step = col_text(st, 6),
		.cell = col_text(st, 7),
		.cause = col_text(st, 8),
		.error = col_text(st, 9),
		.fingerprint = col_text(st, 10),
		.result = col_text(st, 11),
		.critical = sqlite3_column_int(st, 14),
		.degraded = sqlite3_column_int(st, 15),
		.exit_code = (int)col_int(st, 16, -1),
		.signal = (int)col_int(st, 17, 0),
		.attempts = col_u32(st, 18),
		.end_wall_ms = col_int(st, 19, -1),
		.duration_ms = col_int(st, 20, -1),
	};

	if (!read_state(l, st, 12, STATE_PENDING, &r.state) || !read_reason(l, st, 13, &r.reason))
		return ROWS_FAILED;
	to->n++;
	return rows_go(to->row(to->ctx, &r));
}

static bool steps_by(struct ledger *l, enum stmt id, int64_t run, const char *name, struct step_rows *to)
{
	sqlite3_stmt *st = stmt_use(l, id);

	if (!st)
		return false;
	bind_run(st, run);
	if (name)
		sqlite3_bind_text(st, 3, name, -1, SQLITE_STATIC);
	return stmt_each(l, id, st, step_row, to);
}

bool ledger_steps(struct ledger *l, int64_t run, const char *name,
		  bool (*row)(void *ctx, const struct ledger_step_row *r), void *ctx)
{
	struct step_rows to = {row, ctx, 0};

	if (!name)
		return steps_by(l, STMT_STEPS, run, NULL, &to);
	/* Names may hold brackets: one that is there is found as it is, and quickly. */
	if (!steps_by(l, STMT_STEPS_EXACT, run, name, &to))
		return false;
	return to.n || steps_by(l, STMT_STEPS_NAMED, run, name, &to);
}

bool ledger_step_past(struct ledger *l, const char *key, uint32_t limit,
		      bool (*row)(void *ctx, const struct ledger_step_row *r), void *ctx)
{
	sqlite3_stmt *st = stmt_use(l, STMT_STEP_PAST);

	if (!st)
		return false;
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	bind_limit(st, 2, limit);
	return stmt_each(l, STMT_STEP_PAST, st, step_row, &(struct step_rows){row, ctx, 0});
}

/* --- attempts ------------------------------------------------------------------------------------ */

struct attempt_rows {
	bool (*row)(void *ctx, const struct ledger_attempt_row *r);
	void *ctx;
};

static void read_attempt(sqlite3_stmt *st, struct ledger_attempt_row *r)
{
	*r = (struct ledger_attempt_row){
		.serial = id_number(sqlite3_column_int64(st, 0)),
		.unit = id_number(sqlite3_column_int64(st, 1)),
		.number = col_u32(st, 2),
		.name = col_name(st, 3),
		.error = col_text(st, 7),
		.stage = col_text(st, 8),
		.command = col_text(st, 9),
		.log = col_text(st, 10),
		.out = col_text(st, 11),
		.policy = col_text(st, 12),
		.provides = col_text(st, 13),
		.consumes = col_text(st, 14),
		.exit_code = (int)col_int(st, 15, -1),
		.signal = (int)col_int(st, 16, 0),
		.start_errno = (int)col_int(st, 17, 0),
		.pid = (pid_t)col_int(st, 18, 0),
		.log_offset = col_int(st, 19, 0),
		.log_bytes = col_int(st, 20, -1),
		.start_wall_ms = col_int(st, 21, -1),
		.start_mono_ns = col_int(st, 22, -1),
		.end_wall_ms = col_int(st, 23, -1),
		.duration_us = col_int(st, 24, -1),
		.user_us = col_int(st, 25, 0),
		.system_us = col_int(st, 26, 0),
		.max_rss_kib = col_int(st, 27, 0),
		.timeout_ms = col_int(st, 28, 0),
		.grace_ms = col_int(st, 29, 0),
		.leftovers = col_u32(st, 30),
	};
}

static enum rows attempt_row(struct ledger *l, sqlite3_stmt *st, void *ctx)
{
	const struct attempt_rows *to = ctx;
	struct ledger_attempt_row r;
	int64_t phase = sqlite3_column_int64(st, 4);
	enum state under_way = phase == ATTEMPT_RUNNING ? STATE_RUNNING : STATE_PENDING;

	read_attempt(st, &r);
	if (phase < ATTEMPT_INTENT || phase > ATTEMPT_UNUSED) {
		ledger_fail_text(l, LEDGER_DAMAGED, "attempt %u has the phase %lld, which there is not",
				 r.serial, (long long)phase);
		return ROWS_FAILED;
	}
	r.phase = (enum ledger_attempt_phase)phase;
	if (!read_state(l, st, 5, under_way, &r.state) || !read_reason(l, st, 6, &r.reason))
		return ROWS_FAILED;
	return rows_go(to->row(to->ctx, &r));
}

bool ledger_attempts(struct ledger *l, int64_t run, uint32_t unit,
		     bool (*row)(void *ctx, const struct ledger_attempt_row *r), void *ctx)
{
	enum stmt id = unit == LEDGER_ANY ? STMT_ATTEMPTS : STMT_ATTEMPTS_OF_STEP;
	sqlite3_stmt *st = stmt_use(l, id);

	if (!st)
		return false;
	if (unit == LEDGER_ANY)
		bind_run(st, run);
	else
		sqlite3_bind_int64(st, 1, id_of(run, unit));
	return stmt_each(l, id, st, attempt_row, &(struct attempt_rows){row, ctx});
}

/* --- events -------------------------------------------------------------------------------------- */

struct event_rows {
	bool (*row)(void *ctx, const struct run_event *e);
	void *ctx;
};

static enum rows event_row(struct ledger *l, sqlite3_stmt *st, void *ctx)
{
	const struct event_rows *to = ctx;
	struct run_event e = {
		.seq = id_number(sqlite3_column_int64(st, 0)),
		.wall_ms = sqlite3_column_int64(st, 2),
		.mono_ns = sqlite3_column_int64(st, 3),
		.unit = col_or(st, 4, UNIT_NONE),
		.attempt = col_or(st, 5, 0),
		.exit_code = (int)col_int(st, 8, -1),
		.signal = (int)col_int(st, 9, 0),
		.duration_ms = col_int(st, 10, -1),
		.due_ms = col_int(st, 11, -1),
		.cause = col_text(st, 12),
		.error = col_text(st, 13),
		.step = col_text(st, 14),
		.run = col_name(st, 15),
		.log = col_text(st, 16),
	};

	if (!word_event(l, sqlite3_column_int64(st, 1), &e.kind) ||
	    !read_state(l, st, 6, STATE_PENDING, &e.state) || !read_reason(l, st, 7, &e.reason))
		return ROWS_FAILED;
	return rows_go(to->row(to->ctx, &e));
}

bool ledger_events(struct ledger *l, int64_t run, uint64_t from_seq, uint32_t limit,
		   bool (*row)(void *ctx, const struct run_event *e), void *ctx)
{
	sqlite3_stmt *st;

	if (from_seq > UINT32_MAX)
		return true; /* there are no more */
	st = stmt_use(l, STMT_EVENTS);
	if (!st)
		return false;
	sqlite3_bind_int64(st, 1, id_of(run, from_seq));
	sqlite3_bind_int64(st, 2, id_of(run, UINT32_MAX));
	bind_limit(st, 3, limit);
	return stmt_each(l, STMT_EVENTS, st, event_row, &(struct event_rows){row, ctx});
}

/* --- artifacts, approvals ------------------------------------------------------------------------- */

struct artifact_rows {
	bool (*row)(void *ctx, const struct ledger_artifact_row *r);
	void *ctx;
};

static enum rows artifact_row(struct ledger *l, sqlite3_stmt *st, void *ctx)
{
	const struct artifact_rows *to = ctx;
	struct ledger_artifact_row r = {
		.unit = id_number(sqlite3_column_int64(st, 0)),
		.step = col_name(st, 1),
		.artifact = {
			.name = col_name(st, 2),
			.kind = col_text(st, 3),
			.path = col_text(st, 4),
			.value = col_text(st, 5),
			.digest = col_text(st, 6),
			.size_bytes = col_int(st, 7, -1),
		},
	};

	(void)l;
	return rows_go(to->row(to->ctx, &r));
}

bool ledger_artifacts(struct ledger *l, int64_t run,
		      bool (*row)(void *ctx, const struct ledger_artifact_row *r), void *ctx)
{
	sqlite3_stmt *st = stmt_use(l, STMT_ARTIFACTS);

	if (!st)
		return false;
	bind_run(st, run);
	return stmt_each(l, STMT_ARTIFACTS, st, artifact_row, &(struct artifact_rows){row, ctx});
}

struct approval_rows {
	bool (*row)(void *ctx, const struct ledger_approval_row *r);
	void *ctx;
};

static enum rows approval_row(struct ledger *l, sqlite3_stmt *st, void *ctx)
{
	const struct approval_rows *to = ctx;
	struct ledger_approval_row r = {
		.unit = id_number(sqlite3_column_int64(st, 0)),
		.approved = sqlite3_column_int(st, 1),
		.by = col_text(st, 2),
		.note = col_text(st, 3),
		.wall_ms = sqlite3_column_int64(st, 4),
	};

	(void)l;
	return rows_go(to->row(to->ctx, &r));
}

bool ledger_approvals(struct ledger *l, int64_t run,
		      bool (*row)(void *ctx, const struct ledger_approval_row *r), void *ctx)
{
	sqlite3_stmt *st = stmt_use(l, STMT_APPROVALS);

	if (!st)
		return false;
	bind_run(st, run);
	return stmt_each(l, STMT_APPROVALS, st, approval_row, &(struct approval_rows){row, ctx});
}
