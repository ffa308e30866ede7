/*
 * Circuit breakers: what keeps failing is left alone for a while.  Every change is one
 * statement, so runs that share a ledger count together.
 */
#include "ledger/ledger_impl.h"

void ledger_breaker_failed(struct ledger *l, const char *name, const struct ledger_breaker_rule *r,
			   int64_t wall_ms)
{
	queue_op(l, STMT_BREAKER_FAILED);
	queue_text(l, name);
	queue_int(l, wall_ms);
	queue_int(l, r->failures);
	queue_int(l, r->window_ms);
	queue_int(l, r->cooldown_ms);
}

void ledger_breaker_succeeded(struct ledger *l, const char *name, int64_t wall_ms)
{
	queue_op(l, STMT_BREAKER_SUCCEEDED);
	queue_text(l, name);
	queue_int(l, wall_ms);
}

void ledger_breaker_reset(struct ledger *l, const char *name)
{
	queue_op(l, STMT_BREAKER_RESET);
	queue_text(l, name);
}

struct asking {
	const char *name;
	int64_t wall_ms;
	bool may;
};

static bool is_open(struct ledger *l, const char *name, bool *ret)
{
	sqlite3_stmt *st = stmt_use(l, STMT_BREAKER_IS_OPEN);
	int rc;

	if (!st)
		return false;
	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	rc = stmt_row(l, st);
	*ret = rc > 0 && sqlite3_column_int(st, 0);
	return stmt_done(l, STMT_BREAKER_IS_OPEN, st, rc >= 0);
}

/* Of all who ask once it has cooled down, the one whose update changes the row may try. */
static bool probe(struct ledger *l, void *ctx)
{
	struct asking *a = ctx;
	sqlite3_stmt *st = stmt_use(l, STMT_BREAKER_PROBE);
	bool open;

	if (!st)
		return false;
	sqlite3_bind_text(st, 1, a->name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, a->wall_ms);
	if (!stmt_write(l, STMT_BREAKER_PROBE, st))
		return false;
	a->may = sqlite3_changes(l->db) == 1;
	if (a->may)
		return true;
	if (!is_open(l, a->name, &open))
		return false;
	a->may = !open;
	return true;
}

bool ledger_breaker_ask(struct ledger *l, const char *name, int64_t wall_ms, bool *ret_may)
{
	struct asking a = {.name = name, .wall_ms = wall_ms};
	bool open;

	/* Nearly always it is closed: then nothing is written. */
	if (!is_open(l, name, &open))
		return false;
	if (!open) {
		*ret_may = true;
		return true;
	}
	if (!ledger_transact(l, probe, &a))
		return false;
	*ret_may = a.may;
	return true;
}
