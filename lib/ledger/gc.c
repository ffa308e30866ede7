#include <stdlib.h>

#include "base/bug.h"
#include "base/vec.h"
#include "ledger/ledger_impl.h"
#include "ledger/ledger_repair.h"

struct sweep {
	bool (*gone)(void *ctx, const struct ledger_run_row *r);
	void *ctx;
	int64_t *run;
	size_t n, room;
};

static bool choose(void *ctx, const struct ledger_run_row *r)
{
	struct sweep *s = ctx;

	if (!s->gone || s->gone(s->ctx, r))
		VEC_PUSH(s->run, s->n, s->room, r->no);
	return true;
}

static bool choose_all(struct ledger *l, const struct ledger_keep *keep, struct sweep *s)
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
	return stmt_each(l, STMT_GC_RUNS, st, run_row, &(struct run_rows){choose, s});
}

static void queue_removal(struct ledger *l, int64_t run)
{
	static const enum stmt of_ids[] = {STMT_GC_EVENTS, STMT_GC_ARTIFACTS, STMT_GC_APPROVALS,
					   STMT_GC_ATTEMPTS, STMT_GC_STEPS, STMT_GC_JOBS,
					   STMT_GC_FRAGMENTS};
	static const enum stmt of_run[] = {STMT_GC_VARS, STMT_GC_TEXTS, STMT_GC_RUN};

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

/* A transaction for each run: others must not wait for a year's runs to go. */
static bool remove_all(struct ledger *l, const struct sweep *s)
{
	for (size_t i = 0; i < s->n; i++) {
		queue_removal(l, s->run[i]);
		if (!ledger_commit(l)) {
			ledger_drop(l);
			return false;
		}
	}
	if (!s->n)
		return true;
	queue_op(l, STMT_GC_DEFINITIONS);
	queue_op(l, STMT_GC_ORIGINS);
	if (ledger_commit(l))
		return true;
	ledger_drop(l);
	return false;
}

bool ledger_gc(struct ledger *l, const struct ledger_keep *keep,
	       bool (*gone)(void *ctx, const struct ledger_run_row *r), void *ctx, size_t *ret_runs)
{
	struct sweep s = {.gone = gone, .ctx = ctx};
	bool ok;

	BUG_UNLESS(!l->n_queued);
	ok = choose_all(l, keep, &s) && remove_all(l, &s);
	if (ok)
		*ret_runs = s.n;
	free(s.run);
	return ok;
}
