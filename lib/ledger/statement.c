#include "base/bug.h"
#include "ledger/ledger_impl.h"

static const struct {
	const char *sql;
	int changes;
} stmts[] = {
#define STMT(id, changes, sql) [STMT_##id] = {sql, changes},
#include "ledger/stmt.def"
#undef STMT
};

const char *stmt_sql(enum stmt id)
{
	return stmts[id].sql;
}

static sqlite3_stmt *prepare(struct ledger *l, enum stmt id, unsigned flags)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v3(l->db, stmts[id].sql, -1, flags, &st, NULL);

	if (!rc)
		return st;
	ledger_fail(l, rc, "cannot read its tables");
	return NULL;
}

sqlite3_stmt *stmt_use(struct ledger *l, enum stmt id)
{
	sqlite3_stmt **kept = &l->stmt[id];

	if (!*kept)
		return *kept = prepare(l, id, SQLITE_PREPARE_PERSISTENT);
	if (sqlite3_stmt_busy(*kept)) /* somebody asks again while he is given rows */
		return prepare(l, id, 0);
	return *kept;
}

bool stmt_done(struct ledger *l, enum stmt id, sqlite3_stmt *st, bool ok)
{
	if (st == l->stmt[id])
		sqlite3_reset(st);
	else
		sqlite3_finalize(st);
	return alone_so_far(l, ok);
}

int stmt_row(struct ledger *l, sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	ledger_fail(l, rc, "cannot read");
	return -1;
}

bool stmt_each(struct ledger *l, enum stmt id, sqlite3_stmt *st,
	       enum rows (*one)(struct ledger *l, sqlite3_stmt *st, void *ctx), void *ctx)
{
	enum rows go = ROWS_MORE;

	while (go == ROWS_MORE) {
		int rc = stmt_row(l, st);

		if (rc <= 0)
			return stmt_done(l, id, st, rc == 0);
		go = one(l, st, ctx);
	}
	return stmt_done(l, id, st, go == ROWS_STOP);
}

bool stmt_write(struct ledger *l, enum stmt id, sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);

	if (rc != SQLITE_DONE) {
		ledger_fail(l, rc, "cannot write");
		sqlite3_reset(st);
		return false;
	}
	sqlite3_reset(st);
	if (stmts[id].changes == CHANGES_ANY || sqlite3_changes(l->db) == stmts[id].changes)
		return true;
	return ledger_fail_text(l, LEDGER_BROKEN, "a row that had to be there was not: %.60s ...",
				stmts[id].sql);
}

const char *col_text(sqlite3_stmt *st, int i)
{
	return (const char *)sqlite3_column_text(st, i);
}

const char *col_name(sqlite3_stmt *st, int i)
{
	const char *s = col_text(st, i);

	return s ? s : "";
}

int64_t col_int(sqlite3_stmt *st, int i, int64_t none)
{
	return sqlite3_column_type(st, i) == SQLITE_NULL ? none : sqlite3_column_int64(st, i);
}

uint32_t col_u32(sqlite3_stmt *st, int i)
{
	return (uint32_t)sqlite3_column_int64(st, i);
}

void bind_run(sqlite3_stmt *st, int64_t run)
{
	sqlite3_bind_int64(st, 1, id_of(run, 0));
	sqlite3_bind_int64(st, 2, id_of(run, UINT32_MAX));
}

void bind_limit(sqlite3_stmt *st, int i, uint32_t limit)
{
	sqlite3_bind_int64(st, i, limit ? (int64_t)limit : -1);
}

int64_t stmt_number(struct ledger *l, enum stmt id, const char *text)
{
	sqlite3_stmt *st = stmt_use(l, id);
	int64_t no = -1;

	if (!st)
		return -1;
	if (text)
		sqlite3_bind_text(st, 1, text, -1, SQLITE_STATIC);
	if (stmt_row(l, st) > 0)
		no = sqlite3_column_int64(st, 0);
	stmt_done(l, id, st, true);
	return no;
}
