#include "base/bug.h"
#include "ledger/ledger_impl.h"
#include "ledger/ledger_repair.h"

bool ledger_old_runs(struct ledger *l, const struct ledger_keep *keep,
		     bool (*told)(void *ctx, const struct ledger_run_row *r), void *ctx)
{
	sqlite3_stmt *st;

	/* Nothing said is: keep everything. */
	if (!keep->runs && !keep->since_ms)
		return true;
	st = stmt_use(l, STMT_GC_RUNS);
	if (!st)
		return false;
	sqlite3_bind_int64(st, 1, keep->since_ms);
	sqlite3_bind_int64(st, 2, keep->runs);
	return stmt_each(l, STMT_GC_RUNS, st, run_row, &(struct run_rows){told, ctx});
}

static void queue_removal(struct ledger *l, int64_t run)
{
	static const enum stmt of_ids[] = {STMT_GC_EVENTS, STMT_GC_ARTIFACTS, STMT_GC_APPROVALS,
					   STMT_GC_ATTEMPTS, STMT_GC_STEPS, STMT_GC_JOBS,
					   STMT_GC_FRAGMENTS};
	static const enum stmt of_run[] = {STMT_GC_VARS, STMT_GC_TEXTS, STMT_GC_PLAN, STMT_GC_RUN};

	for (size_t i = 0; i < ARRAY_LEN(of_ids); i++) {
		queue_op(l, of_ids[i]);
		queue_int(l, id_of(run, 0));
		queue_int(l, id_of(run, UINT32_MAX));
	}
	for (size_t i = 0; i < ARRAY_LEN(of_run); i++) {
		queue_op(l, of_run[i]);
		queue_int(l, run);
	}
}

static bool commit_or_drop(struct ledger *l)
{
	if (ledger_commit(l))
		return true;
	ledger_drop(l);
	return false;
}

bool ledger_forget(struct ledger *l, int64_t run)
{
	BUG_UNLESS(!l->n_queued);
	queue_removal(l, run);
	return commit_or_drop(l);
}

bool ledger_forget_definitions(struct ledger *l)
{
	BUG_UNLESS(!l->n_queued);
	queue_op(l, STMT_GC_DEFINITIONS);
	queue_op(l, STMT_GC_ORIGINS);
	return commit_or_drop(l);
}

bool ledger_optimize(struct ledger *l)
{
	int rc = sqlite3_exec(l->db, "PRAGMA analysis_limit = 1000; PRAGMA optimize", NULL, NULL, NULL);

	return !rc || ledger_fail(l, rc, "cannot look at how it has grown");
}
