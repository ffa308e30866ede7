/* The user's own statements: whatever they say, they only read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bug.h"
#include "base/spell.h"
#include "base/stamp.h"
#include "ledger/ledger_impl.h"

static bool fail_sql(struct ledger *l, const char *text, int offset)
{
	struct buf *b = &l->error.text;

	l->error.fault = LEDGER_BAD_SQL;
	buf_reset(b);
	buf_puts(b, text);
	if (offset >= 0)
		buf_addf(b, " (at character %d)", offset + 1);
	return false;
}

/* What PRAGMAs may be read; with an argument only those that name a thing by it. */
static int may_pragma(const char *name, const char *arg)
{
	static const char *const of_a_thing[] = {"table_info", "table_xinfo", "table_list", "index_list",
						 "index_info", "index_xinfo"};
	static const char *const plain[] = {"user_version", "application_id", "data_version",
					    "function_list", "page_count", "page_size", "table_list"};

	for (size_t i = 0; i < ARRAY_LEN(of_a_thing); i++)
		if (!strcasecmp(name, of_a_thing[i]))
			return SQLITE_OK;
	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		if (!arg && !strcasecmp(name, plain[i]))
			return SQLITE_OK;
	return SQLITE_DENY;
}

static int judge(int action, const char *a, const char *b)
{
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_RECURSIVE:
		return SQLITE_OK;
	case SQLITE_FUNCTION:
		return strcasecmp(b, "load_extension") && strcasecmp(b, "fts3_tokenizer") ? SQLITE_OK
											  : SQLITE_DENY;
	case SQLITE_PRAGMA:
		return may_pragma(a, b);
	case SQLITE_UPDATE:
		/* How pragma_table_info() and its like come into being; it is no right to update it. */
		return !strcmp(a, "sqlite_master") ? SQLITE_OK : SQLITE_DENY;
	}
	return SQLITE_DENY;
}

static int authorize(void *ctx, int action, const char *a, const char *b, const char *database,
		     const char *trigger)
{
	bool *denied = ctx;
	int verdict = judge(action, a, b);

	(void)database;
	(void)trigger;
	if (verdict != SQLITE_OK)
		*denied = true;
	return verdict;
}

struct patience {
	int64_t until_ns; /* 0: for ever */
	const volatile sig_atomic_t *stop;
};

static bool is_stopped(const struct patience *p)
{
	return p->stop && *p->stop;
}

static int out_of_time(void *ctx)
{
	const struct patience *p = ctx;

	return is_stopped(p) || (p->until_ns && stamp_mono_ns() > p->until_ns);
}

/* True if there is nothing but blanks, comments and semicolons. */
static bool is_empty_sql(sqlite3 *db, const char *tail)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(db, tail, -1, &st, NULL);

	sqlite3_finalize(st);
	return !rc && !st;
}

/* Whether what was asked is wrong, rather than the file or the machine. */
static bool is_of_the_question(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_ERROR:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
		return true;
	}
	return false;
}

static bool fail_statement(struct ledger *l, int rc, const struct patience *p)
{
	if (rc == SQLITE_INTERRUPT)
		return fail_sql(l, is_stopped(p) ? "interrupted" : "it took longer than it may", -1);
	if (is_of_the_question(rc))
		return fail_sql(l, sqlite3_errmsg(l->db), sqlite3_error_offset(l->db));
	return ledger_fail(l, rc, "cannot read");
}

/* NULL after a failure. */
static sqlite3_stmt *prepare(struct ledger *l, const char *sql, const bool *denied, const struct patience *p)
{
	const char *tail = "";
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(l->db, sql, -1, &st, &tail);

	if (rc && *denied)
		fail_sql(l, "only what reads is allowed here", -1);
	else if (rc)
		fail_statement(l, rc, p);
	else if (!st)
		fail_sql(l, "there is no statement", -1);
	else if (!sqlite3_stmt_readonly(st))
		fail_sql(l, "only what reads is allowed here", -1);
	else if (!is_empty_sql(l->db, tail))
		fail_sql(l, "one statement at a time", -1);
	else
		return st;
	sqlite3_finalize(st);
	return NULL;
}

static struct ledger_value value_at(sqlite3_stmt *st, int i)
{
	struct ledger_value v = {.type = LEDGER_NULL};

	switch (sqlite3_column_type(st, i)) {
	case SQLITE_INTEGER:
		v.type = LEDGER_INTEGER;
		v.integer = sqlite3_column_int64(st, i);
		break;
	case SQLITE_FLOAT:
		v.type = LEDGER_REAL;
		v.real = sqlite3_column_double(st, i);
		break;
	case SQLITE_TEXT:
		v.type = LEDGER_TEXT;
		v.text = col_name(st, i);
		v.len = (size_t)sqlite3_column_bytes(st, i);
		break;
	case SQLITE_BLOB:
		v.type = LEDGER_BLOB;
		v.text = sqlite3_column_blob(st, i);
		v.len = (size_t)sqlite3_column_bytes(st, i);
		break;
	}
	return v;
}

struct telling {
	bool (*head)(void *ctx, size_t n, const char *const *name);
	bool (*row)(void *ctx, size_t n, const struct ledger_value *value);
	void *ctx;
};

static bool tell_head(sqlite3_stmt *st, const struct telling *t)
{
	size_t n = (size_t)sqlite3_column_count(st);
	const char **name = xcalloc(n, sizeof(*name));
	bool on;

	for (size_t i = 0; i < n; i++)
		name[i] = sqlite3_column_name(st, (int)i);
	on = !t->head || t->head(t->ctx, n, name);
	free(name);
	return on;
}

/* A SQLite code: SQLITE_DONE when all is well. */
static int tell_rows(sqlite3_stmt *st, const struct telling *t, uint64_t limit)
{
	size_t n = (size_t)sqlite3_column_count(st);
	struct ledger_value *value = xcalloc(n, sizeof(*value));
	uint64_t told = 0;
	int rc = SQLITE_DONE;

	while ((!limit || told < limit) && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		for (size_t i = 0; i < n; i++)
			value[i] = value_at(st, (int)i);
		told++;
		if (!t->row(t->ctx, n, value))
			break;
	}
	free(value);
	return rc == SQLITE_ROW ? SQLITE_DONE : rc;
}

/* --- arguments ------------------------------------------------------------------------------------- */

/* A number that is written as one, and only so: 007 and 1e3 are text. */
static bool is_integer(const char *text, int64_t *ret)
{
	char *end, back[32];
	long long n = strtoll(text, &end, 10);

	snprintf(back, sizeof(back), "%lld", n);
	*ret = n;
	return !*end && !strcmp(back, text);
}

static bool is_decimal(const char *text, double *ret)
{
	size_t sign = *text == '-', whole = strspn(text + sign, "0123456789");
	const char *point = text + sign + whole;
	size_t part = *point == '.' ? strspn(point + 1, "0123456789") : 0;

	*ret = strtod(text, NULL);
	return whole && part && !point[1 + part];
}

static int bind_arg(sqlite3_stmt *st, int at, const char *text)
{
	int64_t integer;
	double real;

	if (is_integer(text, &integer))
		return sqlite3_bind_int64(st, at, integer);
	if (is_decimal(text, &real))
		return sqlite3_bind_double(st, at, real);
	return sqlite3_bind_text(st, at, text, -1, SQLITE_STATIC);
}

/* NULL if nobody said it. */
static const char *arg_of(const struct ledger_query *q, const char *name)
{
	const char *text = NULL;

	for (size_t i = 0; i < q->n_named; i++)
		if (!strcmp(q->named[i].name, name))
			text = q->named[i].text;
	return text;
}

static bool has_parameter(sqlite3_stmt *st, const char *name)
{
	for (int i = 1; i <= sqlite3_bind_parameter_count(st); i++) {
		const char *is = sqlite3_bind_parameter_name(st, i);

		if (is && is[0] != '?' && !strcmp(is + 1, name))
			return true;
	}
	return false;
}

static bool fail_unknown(struct ledger *l, sqlite3_stmt *st, const char *name)
{
	struct spell sp;
	struct buf text = BUF_INIT;

	spell_init(&sp, name);
	for (int i = 1; i <= sqlite3_bind_parameter_count(st); i++) {
		const char *is = sqlite3_bind_parameter_name(st, i);

		if (is && is[0] != '?')
			spell_try(&sp, is + 1);
	}
	buf_addf(&text, "the statement has no parameter '%s'", name);
	if (sp.best)
		buf_addf(&text, "; did you mean '%s'?", sp.best);
	fail_sql(l, text.data, -1);
	buf_release(&text);
	return false;
}

static bool fail_missing(struct ledger *l, const char *name)
{
	struct buf text = BUF_INIT;

	buf_addf(&text, "the parameter '%s' has no value: give it as %s=VALUE", name, name);
	fail_sql(l, text.data, -1);
	buf_release(&text);
	return false;
}

static bool bind_named(struct ledger *l, sqlite3_stmt *st, const struct ledger_query *q)
{
	for (size_t i = 0; i < q->n_named; i++)
		if (!has_parameter(st, q->named[i].name))
			return fail_unknown(l, st, q->named[i].name);
	for (int i = 1; i <= sqlite3_bind_parameter_count(st); i++) {
		const char *is = sqlite3_bind_parameter_name(st, i), *text;

		if (!is || is[0] == '?')
			continue;
		text = arg_of(q, is + 1);
		if (!text)
			return fail_missing(l, is + 1);
		bind_arg(st, i, text);
	}
	return true;
}

static bool bind_all(struct ledger *l, sqlite3_stmt *st, const struct ledger_query *q)
{
	for (size_t i = 0; i < q->n_args; i++)
		if (sqlite3_bind_text(st, (int)i + 1, q->arg[i], -1, SQLITE_STATIC))
			return fail_sql(l, "there are more arguments than ?s for them", -1);
	return bind_named(l, st, q);
}

/* --- running it -------------------------------------------------------------------------------------- */

static bool run_sql(struct ledger *l, const struct ledger_query *q, const bool *denied,
		    const struct patience *p, const struct telling *t)
{
	sqlite3_stmt *st = prepare(l, q->sql, denied, p);
	bool ok = st && bind_all(l, st, q);

	if (ok && tell_head(st, t)) {
		int rc = tell_rows(st, t, q->limit_rows);

		if (rc != SQLITE_DONE)
			ok = fail_statement(l, rc, p);
	}
	sqlite3_finalize(st);
	return alone_so_far(l, ok);
}

bool only_reads(struct ledger *l, bool on)
{
	int rc = sqlite3_exec(l->db, on ? "PRAGMA query_only = ON" : "PRAGMA query_only = OFF", NULL, NULL, NULL);

	if (rc)
		return ledger_fail(l, rc, "cannot switch to reading");
	return true;
}

bool ledger_sql(struct ledger *l, const struct ledger_query *q,
		bool (*head)(void *ctx, size_t n, const char *const *name),
		bool (*row)(void *ctx, size_t n, const struct ledger_value *value), void *ctx)
{
	enum { INSTRUCTIONS_BETWEEN_LOOKS = 10000 };
	struct patience p = {q->limit_ms > 0 ? stamp_mono_ns() + q->limit_ms * NS_PER_MS : 0, q->stop};
	bool denied = false, ok;

	if (!only_reads(l, true))
		return false;
	sqlite3_set_authorizer(l->db, authorize, &denied);
	sqlite3_progress_handler(l->db, INSTRUCTIONS_BETWEEN_LOOKS, out_of_time, &p);
	ok = run_sql(l, q, &denied, &p, &(struct telling){head, row, ctx});
	sqlite3_progress_handler(l->db, 0, NULL, NULL);
	sqlite3_set_authorizer(l->db, NULL, NULL);
	return (l->o.mode != LEDGER_WRITE || only_reads(l, false)) && ok;
}

bool ledger_sql_complete(const char *text)
{
	return sqlite3_complete(text);
}
