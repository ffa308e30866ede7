#include "store/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bug.h"
#include "base/spell.h"
#include "base/vec.h"
#include "doc/json.h"
#include "doc/utf8.h"
#include "store/params.h"

/* ---- identifiers ---- */

bool ident_good(const char *name)
{
	size_t len = strlen(name);

	if (!len || len > IDENT_MAX || utf8_check(name, len) != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
			return false;
	return true;
}

void sql_ident(struct buf *sql, const char *name)
{
	buf_putc(sql, '"');
	for (; *name; name++) {
		if (*name == '"')
			buf_putc(sql, '"');
		buf_putc(sql, *name);
	}
	buf_putc(sql, '"');
}

void sql_table(struct buf *sql, const char *store, const char *table)
{
	sql_ident(sql, store);
	buf_putc(sql, '.');
	sql_ident(sql, table);
}

/* ---- tables ---- */

/* By SQLite's own rules, https://sqlite.org/datatype3.html section 3.1. */
static enum affinity affinity_of(const char *type)
{
	static const struct {
		const char *part;
		enum affinity affinity;
	} rules[] = {
		{"int", AFFINITY_NUMBER}, {"char", AFFINITY_TEXT}, {"clob", AFFINITY_TEXT},
		{"text", AFFINITY_TEXT},  {"blob", AFFINITY_NONE},
	};

	if (!*type)
		return AFFINITY_NONE;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (strcasestr(type, rules[i].part))
			return rules[i].affinity;
	return AFFINITY_NUMBER;
}

void store_table_add_column(struct store_table *t, const char *name, const char *type)
{
	struct column c = {xstrdup(name), affinity_of(type), xstrdup(type)};

	VEC_PUSH(t->column, t->n, t->room, c);
}

void store_table_release(struct store_table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->column[i].name);
		free(t->column[i].type);
	}
	free(t->column);
	free(t->store);
	free(t->name);
	*t = (struct store_table){0};
}

static const char TABLE_KIND[] =
	"SELECT type, wr, name FROM pragma_table_list WHERE schema = ?1 COLLATE NOCASE AND name = ?2 COLLATE NOCASE";
static const char TABLE_COLUMNS[] = "SELECT name, type FROM pragma_table_xinfo(?2, ?1) WHERE hidden <> 1";
static const char TABLE_NAMES[] =
	"SELECT name FROM pragma_table_list WHERE schema = ?1 COLLATE NOCASE AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
	" AND type IN ('table', 'view', 'virtual')";

static sqlite3_stmt *ask(struct session *s, const char *sql, const struct store_table *t, struct fault *f)
{
	sqlite3_stmt *q = session_prepare(s, sql, f);

	if (!q)
		return NULL;
	sqlite3_bind_text(q, 1, t->store, -1, SQLITE_STATIC);
	if (sqlite3_bind_parameter_count(q) > 1)
		sqlite3_bind_text(q, 2, t->name, -1, SQLITE_STATIC);
	return q;
}

static bool look_kind(struct store_table *t, struct session *s, struct fault *f)
{
	sqlite3_stmt *q = ask(s, TABLE_KIND, t, f);
	int rc;

	if (!q)
		return false;
	rc = sqlite3_step(q);
	if (rc == SQLITE_ROW) {
		t->exists = true;
		t->is_view = !strcmp((const char *)sqlite3_column_text(q, 0), "view");
		t->without_rowid = sqlite3_column_int(q, 1);
	} else if (rc != SQLITE_DONE) {
		fault_sqlite(f, s->db, "cannot read store '%s'", t->store);
	}
	sqlite3_finalize(q);
	return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

static bool look_columns(struct store_table *t, struct session *s, struct fault *f)
{
	sqlite3_stmt *q = ask(s, TABLE_COLUMNS, t, f);
	int rc = SQLITE_ERROR;

	while (q && (rc = sqlite3_step(q)) == SQLITE_ROW) {
		const char *type = (const char *)sqlite3_column_text(q, 1);

		store_table_add_column(t, (const char *)sqlite3_column_text(q, 0), type ? type : "");
	}
	if (q && rc != SQLITE_DONE)
		fault_sqlite(f, s->db, "cannot read the columns of %s.%s", t->store, t->name);
	sqlite3_finalize(q);
	return rc == SQLITE_DONE;
}

bool store_table_look(struct store_table *t, struct session *s, const char *store, const char *name, struct fault *f)
{
	*t = (struct store_table){.store = xstrdup(store), .name = xstrdup(name)};
	return look_kind(t, s, f) && (!t->exists || look_columns(t, s, f));
}

bool store_table_need(const struct store_table *t, struct session *s, struct fault *f)
{
	struct buf hint = BUF_INIT;
	struct spell near;
	char *best = NULL;
	sqlite3_stmt *q;

	if (t->exists)
		return true;
	q = ask(s, TABLE_NAMES, t, f);
	if (!q)
		return false;
	spell_init(&near, t->name);
	while (sqlite3_step(q) == SQLITE_ROW) {
		char *name = xstrdup((const char *)sqlite3_column_text(q, 0));

		spell_try(&near, name);
		if (near.best == name) {
			free(best);
			best = name;
		} else {
			free(name);
		}
	}
	sqlite3_finalize(q);
	fault_set(f, CODE_STORAGE, "store '%s' has no table '%s'%s", t->store, t->name, did_you_mean(&near, &hint));
	buf_release(&hint);
	free(best);
	return false;
}

const struct column *store_table_column(const struct store_table *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (!strcasecmp(t->column[i].name, name))
			return &t->column[i];
	return NULL;
}

const struct column *store_table_need_column(const struct store_table *t, const char *name, const char *where,
				       struct fault *f)
{
	const struct column *c = store_table_column(t, name);
	struct buf hint = BUF_INIT;
	struct spell near;

	if (c)
		return c;
	spell_init(&near, name);
	for (size_t i = 0; i < t->n; i++)
		spell_try(&near, t->column[i].name);
	fault_usage(f, "%s: table %s.%s has no column '%s'%s", where, t->store, t->name, name,
		    did_you_mean(&near, &hint));
	buf_release(&hint);
	return NULL;
}

/* ---- values ---- */

bool value_bind(sqlite3_stmt *st, int i, const json_t *v)
{
	struct buf text = BUF_INIT;
	int rc = SQLITE_ERROR;

	switch (json_typeof(v)) {
	case JSON_NULL:
		rc = sqlite3_bind_null(st, i);
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		rc = sqlite3_bind_int(st, i, json_is_true(v));
		break;
	case JSON_INTEGER:
		rc = sqlite3_bind_int64(st, i, json_integer_value(v));
		break;
	case JSON_REAL:
		rc = sqlite3_bind_double(st, i, json_real_value(v));
		break;
	case JSON_STRING:
		rc = sqlite3_bind_text64(st, i, json_string_value(v), json_string_length(v), SQLITE_STATIC,
					 SQLITE_UTF8);
		break;
	case JSON_OBJECT:
	case JSON_ARRAY:
		json_text(&text, v, JSON_TIGHT);
		rc = sqlite3_bind_text64(st, i, text.data, text.len, SQLITE_TRANSIENT, SQLITE_UTF8);
		buf_release(&text);
		break;
	}
	return rc == SQLITE_OK;
}

/* Whether a column of numbers would store this text as a number that reads otherwise. */
static bool would_change(const char *text)
{
	size_t blanks = strspn(text, " \t\n\v\f\r");
	struct buf back = BUF_INIT;
	char *end;
	bool changed;

	if (!text[blanks] || !strchr("0123456789+-.", text[blanks]))
		return false;
	(void)strtod(text, &end);
	if (end == text || end[strspn(end, " \t\n\v\f\r")] || strpbrk(text, "xX"))
		return false; /* SQLite sees no number either */
	buf_addf(&back, "%lld", strtoll(text, NULL, 10));
	changed = strcmp(back.data, text) != 0;
	buf_release(&back);
	return changed;
}

bool value_bind_column(sqlite3_stmt *st, int i, const json_t *v, const struct column *c, struct fault *f)
{
	if (c->affinity == AFFINITY_NUMBER && json_is_string(v) && would_change(json_string_value(v)))
		return fault_set(f, CODE_STORAGE,
				 "column '%s' is declared %s, which would turn the text '%.40s' into a number", c->name,
				 c->type, json_string_value(v));
	if (value_bind(st, i, v))
		return true;
	return fault_sqlite(f, sqlite3_db_handle(st), "column '%s'", c->name);
}

static json_t *text_read(sqlite3_stmt *st, int i, struct fault *f)
{
	const char *text = (const char *)sqlite3_column_text(st, i);
	size_t len = (size_t)sqlite3_column_bytes(st, i);

	if (!text)
		fault_set(f, CODE_STORAGE, "no memory for a text of column '%s'", sqlite3_column_name(st, i));
	else if (utf8_check(text, len) != len)
		fault_set(f, CODE_STORAGE, "column '%s' holds text that is not UTF-8", sqlite3_column_name(st, i));
	else if (memchr(text, 0, len))
		fault_set(f, CODE_STORAGE, "column '%s' holds a NUL character", sqlite3_column_name(st, i));
	else
		return json_stringn_nocheck(text, len);
	return NULL;
}

json_t *value_read(sqlite3_stmt *st, int i, struct fault *f)
{
	double number;

	switch (sqlite3_column_type(st, i)) {
	case SQLITE_NULL:
		return json_null();
	case SQLITE_INTEGER:
		return json_integer(sqlite3_column_int64(st, i));
	case SQLITE_TEXT:
		return text_read(st, i, f);
	case SQLITE_FLOAT:
		number = sqlite3_column_double(st, i);
		if (isfinite(number))
			return json_real(number);
		fault_set(f, CODE_STORAGE, "column '%s' holds an infinite number, which JSON cannot say",
			  sqlite3_column_name(st, i));
		return NULL;
	}
	fault_set(f, CODE_STORAGE, "column '%s' holds a blob, which JSON cannot say: make a view with hex(%s)",
		  sqlite3_column_name(st, i), sqlite3_column_name(st, i));
	return NULL;
}

/* The current row as a map. */
static json_t *row_read(sqlite3_stmt *st, struct fault *f)
{
	json_t *row = json_object();

	for (int i = 0; i < sqlite3_column_count(st); i++) {
		json_t *v = value_read(st, i, f);

		if (!v) {
			json_decref(row);
			return NULL;
		}
		json_object_set_new_nocheck(row, sqlite3_column_name(st, i), v);
	}
	return row;
}

json_t *rows_read(struct session *s, sqlite3_stmt *st, struct fault *f)
{
	json_t *rows = json_array();
	int rc;

	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		json_t *row = row_read(st, f);

		if (!row) {
			fault_within(f, "row %zu", json_array_size(rows) + 1);
			goto fail;
		}
		json_array_append_new(rows, row);
	}
	if (rc == SQLITE_DONE)
		return rows;
	fault_sqlite(f, s->db, "cannot read the rows");
fail:
	json_decref(rows);
	return NULL;
}

const char *value_type(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_TRUE:
	case JSON_FALSE:
	case JSON_INTEGER:
		return "INTEGER";
	case JSON_REAL:
		return "REAL";
	case JSON_STRING:
	case JSON_OBJECT:
	case JSON_ARRAY:
		return "TEXT";
	case JSON_NULL:
		break;
	}
	return "";
}
