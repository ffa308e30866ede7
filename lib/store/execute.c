#include "store/execute.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bug.h"
#include "base/span.h"
#include "store/params.h"
#include "store/table.h"
#include "store/wal.h"

/* ---- words of SQL ---- */

static bool is_word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* Behind blanks and comments. */
static const char *skip_blanks(const char *p)
{
	for (;;) {
		p += strspn(p, " \t\r\n\f");
		if (p[0] == '-' && p[1] == '-') {
			p += strcspn(p, "\n");
		} else if (p[0] == '/' && p[1] == '*') {
			const char *end = strstr(p + 2, "*/");

			p = end ? end + 2 : p + strlen(p);
		} else {
			return p;
		}
	}
}

/* Behind a text or name in quotes that begins at p. */
static const char *skip_quoted(const char *p)
{
	char quote = *p == '[' ? ']' : *p;

	for (p++; *p; p++) {
		if (*p != quote)
			continue;
		if (quote == ']' || p[1] != quote)
			return p + 1;
		p++;
	}
	return p;
}

/* The next token: a word, something in quotes, or one character; empty at the end. */
static struct span next_token(const char **p)
{
	const char *start = skip_blanks(*p), *end = start;

	if (is_word_char(*start))
		while (is_word_char(*end))
			end++;
	else if (*start && strchr("'\"`[", *start))
		end = skip_quoted(start);
	else if (*start)
		end++;
	*p = end;
	return (struct span){start, (size_t)(end - start)};
}

static bool token_is(struct span t, const char *word)
{
	return strlen(word) == t.len && !strncasecmp(t.at, word, t.len);
}

/* A name as written or in quotes. */
static bool token_names(struct span t, const char *name)
{
	if (t.len > 2 && strchr("\"`[", t.at[0]))
		t = (struct span){t.at + 1, t.len - 2};
	return token_is(t, name);
}

bool sql_names_store(const char *p, const char *name)
{
	bool after_dot = false;

	for (struct span t = next_token(&p); t.len; t = next_token(&p)) {
		bool is_dot = token_is(t, ".");

		if (!after_dot && token_names(t, name) && *skip_blanks(p) == '.')
			return true;
		after_dot = is_dot;
	}
	return false;
}

/* ---- CREATE OR REPLACE ---- */

struct replacing {
	bool is_view, is_table;
	struct span name;  /* with its store, as written */
	const char *rest;  /* behind `CREATE OR REPLACE` */
	const char *body;  /* behind the name */
};

/* `store.name` or `name`. */
static struct span take_name(const char **p)
{
	struct span name = next_token(p);
	const char *look = *p;

	if (!token_is(next_token(&look), "."))
		return name;
	name.len = (size_t)(look - name.at);
	*p = look;
	(void)next_token(p);
	return (struct span){name.at, (size_t)(*p - name.at)};
}

/* False if the text does not begin so. */
static bool replacing_read(struct replacing *r, const char *sql)
{
	const char *p = sql;
	struct span kind;

	*r = (struct replacing){0};
	if (!token_is(next_token(&p), "create") || !token_is(next_token(&p), "or") ||
	    !token_is(next_token(&p), "replace"))
		return false;
	r->rest = p;
	kind = next_token(&p);
	r->is_view = token_is(kind, "view");
	r->is_table = token_is(kind, "table");
	r->name = take_name(&p);
	r->body = p;
	return r->is_view || r->is_table;
}

/* ---- what a statement may do ---- */

struct guard {
	const char *store;	/* the one to write to, or NULL */
	const char *sql;
	struct session *session;
	struct buf why;		/* the first refusal */
};

static int refuse(struct guard *g, const char *fmt, const char *a, const char *b)
{
	if (!g->why.len)
		buf_addf(&g->why, fmt, a, b);
	return SQLITE_DENY;
}

/* Something in db is to be changed. */
static int check_target(struct guard *g, const char *db)
{
	if (!db || !strcasecmp(db, "temp"))
		return SQLITE_OK;
	if (!strcasecmp(db, "main"))
		db = g->session->name[0];
	if (g->store && strcasecmp(db, g->store) != 0)
		return refuse(g, "it writes to store '%s', but its dataset is '%s': put the store in front of the name",
			      db, g->store);
	if (!g->store && g->session->n > 1 && !sql_names_store(g->sql, db))
		return refuse(g, "it would write to store '%s': say which one, by 'dataset' or as %s.NAME", db, db);
	return SQLITE_OK;
}

static bool is_log(const char *name)
{
	return name && !strncasecmp(name, WAL_TABLE, strlen(WAL_TABLE));
}

static int authorize(void *data, int action, const char *a, const char *b, const char *db, const char *trigger)
{
	struct guard *g = data;

	switch (action) {
	case SQLITE_ATTACH:
	case SQLITE_DETACH:
		return refuse(g, "%s is refused: a plan writes to its stores only%s",
			      action == SQLITE_ATTACH ? "ATTACH" : "DETACH", "");
	case SQLITE_PRAGMA:
		return refuse(g, "PRAGMA %s is refused%s", a, "");
	case SQLITE_TRANSACTION:
	case SQLITE_SAVEPOINT:
		return refuse(g, "%s is refused: the whole plan is one transaction%s", a, "");
	case SQLITE_CREATE_TEMP_INDEX:
	case SQLITE_CREATE_TEMP_TABLE:
	case SQLITE_CREATE_TEMP_TRIGGER:
	case SQLITE_CREATE_TEMP_VIEW:
		return refuse(g, "'%s' would be temporary and gone with the step%s", a, "");
	case SQLITE_INSERT:
	case SQLITE_UPDATE:
	case SQLITE_DELETE:
		if (is_log(a))
			return refuse(g, "table '%s' is append-only: use wal.append%s", a, "");
		return trigger ? SQLITE_OK : check_target(g, db); /* a trigger writes where it lies */
	case SQLITE_DROP_TABLE:
	case SQLITE_DROP_INDEX:
	case SQLITE_DROP_TRIGGER:
	case SQLITE_CREATE_TRIGGER:
	case SQLITE_CREATE_INDEX:
	case SQLITE_CREATE_TABLE:
	case SQLITE_CREATE_VIEW:
	case SQLITE_DROP_VIEW:
	case SQLITE_CREATE_VTABLE:
	case SQLITE_DROP_VTABLE:
		if (is_log(a) || is_log(b))
			return refuse(g, "table '%s' is append-only: use wal.append%s", WAL_TABLE, "");
		return check_target(g, db);
	case SQLITE_ALTER_TABLE: /* here a is the store and b the table */
		if (is_log(b))
			return refuse(g, "table '%s' is append-only: use wal.append%s", b, "");
		return check_target(g, a);
	}
	return SQLITE_OK;
}

/* ---- parameters ---- */

static bool bind_list(sqlite3_stmt *st, const json_t *values, struct fault *f)
{
	size_t wanted = (size_t)sqlite3_bind_parameter_count(st);
	json_t *v;
	size_t i;

	if (json_array_size(values) != wanted)
		return fault_usage(f, "the statement has %zu parameters, and 'params' has %zu values", wanted,
				   json_array_size(values));
	json_array_foreach(values, i, v)
		if (!value_bind(st, (int)i + 1, v))
			return fault_sqlite(f, sqlite3_db_handle(st), "params[%zu]", i);
	return true;
}

/* Named ones: `:name`, `@name` or `$name` in the statement, `name` in the map. */
static bool bind_map(sqlite3_stmt *st, const json_t *values, struct fault *f)
{
	size_t wanted = (size_t)sqlite3_bind_parameter_count(st);

	for (size_t i = 1; i <= wanted; i++) {
		const char *name = sqlite3_bind_parameter_name(st, (int)i);
		const json_t *v = name ? json_object_get(values, name + 1) : NULL;

		if (!name)
			return fault_usage(f, "parameter %zu of the statement has no name: give 'params' as a list", i);
		if (!v)
			return fault_usage(f, "'params' has no value for '%s'", name);
		if (!value_bind(st, (int)i, v))
			return fault_sqlite(f, sqlite3_db_handle(st), "params.%s", name + 1);
	}
	if (json_object_size(values) > wanted)
		return fault_usage(f, "'params' has %zu values, but the statement has only %zu parameters",
				   json_object_size(values), wanted);
	return true;
}

static bool bind_params(sqlite3_stmt *st, const json_t *values, struct fault *f)
{
	if (json_is_object(values))
		return bind_map(st, values, f);
	if (values && !json_is_array(values))
		return fault_usage(f, "'params' has to be a list or a map, not %s", json_kind(values));
	return bind_list(st, values, f);
}

/* ---- running ---- */

/*
 * A view keeps its text, and a program that opens the file by itself does not know our name
 * for the store: SQLite would call the whole file malformed.
 */
static bool view_opens_alone(const struct session *s, const char *sql, struct fault *f)
{
	const char *p = sql;
	struct span first = next_token(&p), kind = next_token(&p);

	if (!token_is(first, "create") || !(token_is(kind, "view") || token_is(kind, "trigger")))
		return true;
	if (token_is(kind, "view")) {
		struct span look;
		const char *q = p;

		look = next_token(&q);
		if (token_is(look, "if")) { /* IF NOT EXISTS */
			(void)next_token(&q);
			(void)next_token(&q);
			p = q;
		}
		(void)take_name(&p);
	} else {
		(void)take_name(&p);
	}
	for (size_t i = 0; i < s->n; i++)
		if (sql_names_store(p, s->name[i]))
			return fault_set(f, CODE_STORAGE,
					 "a view or trigger sees its own store only, and names its tables without the store: "
					 "write NAME, not %s.NAME (or make a table of it)", s->name[i]);
	return true;
}

/* DROP ... IF EXISTS changes nothing where there is nothing, and is a write all the same. */
static bool only_reads(sqlite3_stmt *st, const char *sql)
{
	return sqlite3_stmt_isexplain(st) ||
	       (sqlite3_stmt_readonly(st) && !token_is(next_token(&sql), "drop"));
}

/* Exactly one statement, which writes; NULL after a complaint. */
static sqlite3_stmt *prepare_one(struct session *s, struct guard *g, const char *sql, struct fault *f)
{
	const char *tail = NULL;
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, &tail);

	if (g->why.len)
		fault_set(f, CODE_STORAGE, "%s", g->why.data);
	else if (rc != SQLITE_OK)
		fault_sqlite(f, s->db, "SQLite refuses the statement");
	else if (!st)
		fault_usage(f, "the statement is empty");
	else if (tail[strspn(tail, "; \t\r\n")] && *skip_blanks(tail))
		fault_usage(f, "there is more than one statement; give each an operation of its own");
	else if (only_reads(st, sql))
		fault_usage(f, "the statement only reads: use storacle.query");
	else
		return st;
	sqlite3_finalize(st);
	return NULL;
}

static bool run_one(struct session *s, struct guard *g, const char *sql, const json_t *params, int64_t *ret_rows,
		    struct fault *f)
{
	sqlite3_int64 before = sqlite3_total_changes64(s->db);
	sqlite3_stmt *st = prepare_one(s, g, sql, f);
	bool good;

	if (!st)
		return false;
	good = bind_params(st, params, f);
	if (good) {
		while (sqlite3_step(st) == SQLITE_ROW)
			;
		good = sqlite3_reset(st) == SQLITE_OK;
		if (!good)
			fault_sqlite(f, s->db, "SQLite refuses the statement");
	}
	sqlite3_finalize(st);
	if (good) /* the schema's changes are not rows */
		*ret_rows = sqlite3_total_changes64(s->db) == before ? 0 : sqlite3_changes64(s->db);
	return good;
}

/* What has the name now goes first; a view does not stand in for a table, nor a table for a view. */
static bool drop_old(struct session *s, struct guard *g, const struct replacing *r, struct fault *f)
{
	struct buf sql = BUF_INIT;
	bool good;

	buf_addf(&sql, "DROP %s IF EXISTS %.*s", r->is_view ? "VIEW" : "TABLE", (int)r->name.len, r->name.at);
	good = sqlite3_exec(s->db, sql.data, NULL, NULL, NULL) == SQLITE_OK;
	if (!good && g->why.len)
		fault_set(f, CODE_STORAGE, "%s", g->why.data);
	else if (!good)
		fault_sqlite(f, s->db, "cannot replace %.*s", (int)r->name.len, r->name.at);
	buf_release(&sql);
	return good;
}

static bool run_text(struct session *s, struct guard *g, const struct execute *e, int64_t *ret_rows,
		     struct fault *f)
{
	struct replacing r;
	struct buf sql = BUF_INIT;
	bool good = true;

	if (replacing_read(&r, e->sql)) {
		good = drop_old(s, g, &r, f);
		buf_puts(&sql, "CREATE");
		buf_puts(&sql, r.rest);
	} else {
		buf_puts(&sql, e->sql);
	}
	good = good && view_opens_alone(s, sql.data, f) && run_one(s, g, sql.data, e->params, ret_rows, f);
	buf_release(&sql);
	return good;
}

bool execute_sql(struct session *s, const struct execute *e, int64_t *ret_rows, struct fault *f)
{
	struct guard g = {.store = e->store, .sql = e->sql, .session = s, .why = BUF_INIT};
	bool good;

	sqlite3_set_authorizer(s->db, authorize, &g);
	good = run_text(s, &g, e, ret_rows, f);
	sqlite3_set_authorizer(s->db, NULL, NULL);
	buf_release(&g.why);
	return good;
}
