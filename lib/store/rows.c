#include "store/rows.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bug.h"
#include "base/map.h"
#include "store/columns.h"
#include "store/params.h"
#include "store/wal.h"

/* A statement for the rows that have the same columns in the same order. */
struct shape {
	sqlite3_stmt *st;
	struct column *column; /* in order; the names are borrowed from the table */
	char **key;	       /* as the rows write them */
	size_t n;
};

struct writer {
	struct session *session;
	struct fault *fault;
	const struct upsert *u; /* NULL: insert only */
	struct store_table table;
	struct map shapes; /* the columns' names -> struct shape */
	struct shape *last;
	struct buf name; /* of a shape, while it is looked for */
	struct rows_written got;
};

/* ---- statements ---- */

static bool list_has(const json_t *names, const char *name)
{
	json_t *v;
	size_t i;

	json_array_foreach(names, i, v)
		if (!strcasecmp(json_string_value(v), name))
			return true;
	return false;
}

static void add_assignments(const struct writer *w, const struct shape *sh, struct buf *sql)
{
	struct buf differs = BUF_INIT;
	const char *between = " SET ";

	for (size_t i = 0; i < sh->n; i++) {
		const char *name = sh->column[i].name;

		if (list_has(w->u->keys, name) || list_has(w->u->skips, name))
			continue;
		buf_puts(sql, between);
		sql_ident(sql, name);
		buf_puts(sql, " = excluded.");
		sql_ident(sql, name);
		buf_puts(&differs, differs.len ? " OR " : " WHERE ");
		sql_ident(&differs, w->table.name);
		buf_putc(&differs, '.');
		sql_ident(&differs, name);
		buf_puts(&differs, " IS NOT excluded.");
		sql_ident(&differs, name);
		between = ", ";
	}
	buf_add(sql, differs.data, differs.len);
	buf_release(&differs);
}

static bool changes_nothing(const struct writer *w, const struct shape *sh)
{
	for (size_t i = 0; i < sh->n; i++)
		if (!list_has(w->u->keys, sh->column[i].name) && !list_has(w->u->skips, sh->column[i].name))
			return false;
	return true;
}

static void add_conflict(const struct writer *w, const struct shape *sh, struct buf *sql)
{
	json_t *key;
	size_t i;

	json_array_foreach(w->u->keys, i, key) {
		buf_puts(sql, i ? ", " : " ON CONFLICT (");
		sql_ident(sql, json_string_value(key));
	}
	if (changes_nothing(w, sh)) {
		buf_puts(sql, ") DO NOTHING");
		return;
	}
	buf_puts(sql, ") DO UPDATE");
	add_assignments(w, sh, sql);
}

static sqlite3_stmt *shape_prepare(struct writer *w, const struct shape *sh)
{
	struct buf sql = BUF_INIT;
	sqlite3_stmt *st;

	buf_puts(&sql, "INSERT INTO ");
	sql_table(&sql, w->table.store, w->table.name);
	for (size_t i = 0; i < sh->n; i++) {
		buf_puts(&sql, i ? ", " : " (");
		sql_ident(&sql, sh->column[i].name);
	}
	for (size_t i = 0; i < sh->n; i++)
		buf_addf(&sql, "%s?%zu", i ? ", " : ") VALUES (", i + 1);
	buf_putc(&sql, ')');
	if (w->u)
		add_conflict(w, sh, &sql);
	st = session_prepare(w->session, sql.data, w->fault);
	buf_release(&sql);
	return st;
}

/* ---- shapes ---- */

static void shape_free(struct shape *sh)
{
	sqlite3_finalize(sh->st);
	for (size_t i = 0; i < sh->n; i++)
		free(sh->key[i]);
	free(sh->key);
	free(sh->column);
	free(sh);
}

static bool shape_fits(const struct shape *sh, const json_t *row)
{
	json_t *r = (json_t *)row;
	void *it = json_object_iter(r);
	size_t i = 0;

	for (; it && i < sh->n; it = json_object_iter_next(r, it), i++)
		if (strcmp(json_object_iter_key(it), sh->key[i]) != 0)
			return false;
	return !it && i == sh->n;
}

static struct shape *shape_new(struct writer *w, const json_t *row)
{
	struct shape *sh = xcalloc(1, sizeof(*sh));
	const char *key;
	json_t *v;

	sh->column = xcalloc(json_object_size(row), sizeof(*sh->column));
	sh->key = xcalloc(json_object_size(row), sizeof(*sh->key));
	json_object_foreach((json_t *)row, key, v) {
		const struct column *c = store_table_column(&w->table, key);

		BUG_UNLESS(c != NULL);
		sh->column[sh->n] = *c;
		sh->key[sh->n++] = xstrdup(key);
	}
	sh->st = shape_prepare(w, sh);
	if (sh->st)
		return sh;
	shape_free(sh);
	return NULL;
}

/* Rows of one batch mostly look alike, so the last shape is tried first. */
static struct shape *shape_of(struct writer *w, const json_t *row)
{
	const char *key;
	json_t *v;

	if (w->last && shape_fits(w->last, row))
		return w->last;
	buf_reset(&w->name);
	json_object_foreach((json_t *)row, key, v)
		buf_addf(&w->name, "%s\n", key);
	w->last = map_get(&w->shapes, w->name.data);
	if (!w->last) {
		w->last = shape_new(w, row);
		if (w->last)
			map_put(&w->shapes, w->name.data, w->last);
	}
	return w->last;
}

static void writer_release(struct writer *w)
{
	for (size_t i = 0; i < w->shapes.n; i++)
		shape_free(w->shapes.entry[i].value);
	map_release(&w->shapes);
	store_table_release(&w->table);
	buf_release(&w->name);
}

/* ---- rows ---- */

/* Which of the two an upsert did shows in the row id that only an insert sets. */
static const sqlite3_int64 NO_ROWID = INT64_MIN;

static void count(struct writer *w, bool changed)
{
	if (!changed)
		w->got.unchanged++;
	else if (sqlite3_last_insert_rowid(w->session->db) != NO_ROWID)
		w->got.inserted++;
	else
		w->got.updated++;
}

static bool write_step(struct writer *w, const struct shape *sh)
{
	sqlite3 *db = w->session->db;
	sqlite3_int64 before = sqlite3_total_changes64(db);
	int rc;

	sqlite3_set_last_insert_rowid(db, NO_ROWID);
	(void)sqlite3_step(sh->st);
	rc = sqlite3_reset(sh->st);
	if (rc != SQLITE_OK)
		return fault_sqlite(w->fault, db, "SQLite refuses it");
	count(w, sqlite3_total_changes64(db) != before);
	return true;
}

static bool has_keys(struct writer *w, const json_t *row)
{
	json_t *key;
	size_t i;

	json_array_foreach(w->u->keys, i, key) {
		const json_t *v = json_object_get(row, json_string_value(key));

		if (!v || json_is_null(v))
			return fault_set(w->fault, CODE_STORAGE, "key column '%s' is %s", json_string_value(key),
					 v ? "null" : "missing");
	}
	return true;
}

static bool write_map(struct writer *w, const json_t *row)
{
	const struct shape *sh;
	const char *key;
	json_t *v;
	int i = 0;

	if (w->u && !has_keys(w, row))
		return false;
	sh = shape_of(w, row);
	if (!sh)
		return false;
	json_object_foreach((json_t *)row, key, v) {
		i++;
		if (!value_bind_column(sh->st, i, v, &sh->column[i - 1], w->fault))
			return false;
	}
	return write_step(w, sh);
}

static bool write_rows(struct writer *w, const json_t *rows)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		if (json_object_size(row) == 0 ? fault_set(w->fault, CODE_STORAGE, "it has no columns")
					       : write_map(w, row))
			continue;
		fault_within(w->fault, "row %zu", i + 1);
		return false;
	}
	return true;
}

/* ---- upsert ---- */

static bool is_ours(const char *table, struct fault *f)
{
	if (!ident_good(table))
		return fault_usage(f, "'%.80s' cannot be the name of a table", table);
	if (!strcasecmp(table, WAL_TABLE))
		return fault_set(f, CODE_STORAGE, "the log of events is append-only: use wal.append");
	if (!strncasecmp(table, "sqlite_", strlen("sqlite_")))
		return fault_set(f, CODE_STORAGE, "SQLite keeps names like '%s' for itself", table);
	return true;
}

static bool is_table(const struct store_table *t, struct fault *f)
{
	return !t->is_view || fault_set(f, CODE_STORAGE, "%s.%s is a view", t->store, t->name);
}

static bool names_known(struct writer *w, const json_t *names, const char *what)
{
	json_t *v;
	size_t i;

	json_array_foreach(names, i, v)
		if (!store_table_need_column(&w->table, json_string_value(v), what, w->fault))
			return false;
	return true;
}

/* ON CONFLICT needs an index that says the keys are unique; a table of somebody else's may have none. */
static bool keys_unique(struct writer *w)
{
	struct buf name = BUF_INIT, sql = BUF_INIT;
	json_t *key;
	size_t i;
	bool good;

	buf_addf(&name, "%s_by", w->table.name);
	json_array_foreach(w->u->keys, i, key)
		buf_addf(&name, "_%s", json_string_value(key));
	buf_puts(&sql, "CREATE UNIQUE INDEX IF NOT EXISTS ");
	sql_table(&sql, w->table.store, name.data);
	buf_puts(&sql, " ON ");
	sql_ident(&sql, w->table.name);
	json_array_foreach(w->u->keys, i, key) {
		buf_puts(&sql, i ? ", " : " (");
		sql_ident(&sql, json_string_value(key));
	}
	buf_putc(&sql, ')');
	good = sqlite3_exec(w->session->db, sql.data, NULL, NULL, NULL) == SQLITE_OK;
	if (!good)
		fault_sqlite(w->fault, w->session->db, "it has rows that 'key_columns' do not tell apart");
	buf_release(&name);
	buf_release(&sql);
	return good;
}

/* Whether the table has a primary key or unique index on exactly the keys. */
static bool has_unique(struct writer *w, bool *ret)
{
	static const char sql[] =
		"SELECT count(*) FROM pragma_index_list(?1, ?2) AS l WHERE l.\"unique\" AND l.partial = 0 AND"
		" (SELECT count(*) FROM pragma_index_info(l.name, ?2)) = json_array_length(?3) AND NOT EXISTS"
		" (SELECT 1 FROM pragma_index_info(l.name, ?2) AS i WHERE i.name IS NULL OR lower(i.name) NOT IN"
		" (SELECT lower(value) FROM json_each(?3)))";
	sqlite3_stmt *st = session_prepare(w->session, sql, w->fault);
	int rc;

	if (!st)
		return false;
	sqlite3_bind_text(st, 1, w->table.name, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, w->table.store, -1, SQLITE_STATIC);
	value_bind(st, 3, w->u->keys);
	rc = sqlite3_step(st);
	*ret = rc == SQLITE_ROW && sqlite3_column_int(st, 0) > 0;
	if (rc != SQLITE_ROW)
		fault_sqlite(w->fault, w->session->db, "cannot read the indexes of %s.%s", w->table.store, w->table.name);
	sqlite3_finalize(st);
	return rc == SQLITE_ROW;
}

/* An INTEGER PRIMARY KEY is no index of its own. */
static bool is_rowid_key(struct writer *w)
{
	static const char sql[] = "SELECT count(*), max(type = 'INTEGER' COLLATE NOCASE AND name = ?3 COLLATE NOCASE)"
				  " FROM pragma_table_xinfo(?1, ?2) WHERE pk > 0";
	sqlite3_stmt *st;
	bool is;

	if (w->table.without_rowid || json_array_size(w->u->keys) != 1)
		return false;
	st = session_prepare(w->session, sql, w->fault);
	if (!st)
		return false;
	sqlite3_bind_text(st, 1, w->table.name, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, w->table.store, -1, SQLITE_STATIC);
	value_bind(st, 3, json_array_get(w->u->keys, 0));
	is = sqlite3_step(st) == SQLITE_ROW && sqlite3_column_int(st, 0) == 1 && sqlite3_column_int(st, 1) == 1;
	sqlite3_finalize(st);
	return is;
}

static bool ready_table(struct writer *w, const struct columns *c)
{
	json_t *key;
	size_t i;
	bool unique;

	json_array_foreach(w->u->keys, i, key)
		if (!w->table.exists && !map_has(&c->at, json_string_value(key)))
			return fault_set(w->fault, CODE_STORAGE, "no row has the key column '%s'", json_string_value(key));
	if (!w->table.exists)
		return columns_make_table(c, w->session, &w->table, w->u->keys, w->fault);
	if (!is_table(&w->table, w->fault) || !columns_extend_table(c, w->session, &w->table, w->fault) ||
	    !names_known(w, w->u->keys, "key_columns") || !has_unique(w, &unique))
		return false;
	return unique || is_rowid_key(w) || (w->fault->kind == FAULT_NONE && keys_unique(w));
}

/* Rows of such a table have no id that would show an insert. */
static bool count_rows(struct writer *w, int64_t *ret)
{
	struct buf sql = BUF_INIT;
	sqlite3_stmt *st;
	bool good;

	buf_puts(&sql, "SELECT count(*) FROM ");
	sql_table(&sql, w->table.store, w->table.name);
	st = session_prepare(w->session, sql.data, w->fault);
	good = st && sqlite3_step(st) == SQLITE_ROW;
	if (good)
		*ret = sqlite3_column_int64(st, 0);
	else if (st)
		fault_sqlite(w->fault, w->session->db, "cannot count the rows of %s.%s", w->table.store, w->table.name);
	sqlite3_finalize(st);
	buf_release(&sql);
	return good;
}

static bool upsert_rows(struct writer *w, const json_t *rows)
{
	int64_t before = 0, after = 0;

	if (!w->table.without_rowid)
		return write_rows(w, rows);
	if (!count_rows(w, &before) || !write_rows(w, rows) || !count_rows(w, &after))
		return false;
	w->got.updated = w->got.inserted + w->got.updated - (after - before);
	w->got.inserted = after - before;
	return true;
}

bool rows_upsert(struct session *s, const struct upsert *u, struct rows_written *ret, struct fault *f)
{
	struct writer w = {.session = s, .fault = f, .u = u, .name = BUF_INIT};
	struct columns c = COLUMNS_INIT;
	bool good = is_ours(u->table, f) && columns_of_rows(&c, u->rows, f);

	if (good && json_array_size(u->rows)) {
		good = store_table_look(&w.table, s, u->store, u->table, f) && ready_table(&w, &c) &&
		       names_known(&w, u->skips, "skip_update_columns") && upsert_rows(&w, u->rows);
		writer_release(&w);
	}
	columns_release(&c);
	if (!good) {
		fault_within(f, "%s.%s", u->store, u->table);
		return false;
	}
	*ret = w.got;
	return true;
}

/* ---- replace ---- */

static bool same_columns(const struct store_table *t, const struct columns *c)
{
	if (t->n != c->at.n)
		return false;
	for (size_t i = 0; i < t->n; i++)
		if (!store_table_column(t, c->at.entry[i].key))
			return false;
	return true;
}

/* "DELETE FROM" or "DROP TABLE" it. */
static bool clear(struct writer *w, const char *how)
{
	struct buf sql = BUF_INIT;
	bool good;

	buf_puts(&sql, how);
	sql_table(&sql, w->table.store, w->table.name);
	good = session_run(w->session, sql.data, w->fault);
	buf_release(&sql);
	return good;
}

static bool empty_table(struct writer *w, const struct columns *c)
{
	const char *store = w->table.store, *name = w->table.name;
	struct store_table fresh = {.store = xstrdup(store), .name = xstrdup(name)};

	if (w->table.exists && (!c->at.n || same_columns(&w->table, c))) {
		store_table_release(&fresh);
		return is_table(&w->table, w->fault) && clear(w, "DELETE FROM ");
	}
	if (w->table.exists && (!is_table(&w->table, w->fault) || !clear(w, "DROP TABLE "))) {
		store_table_release(&fresh);
		return false;
	}
	store_table_release(&w->table);
	w->table = fresh;
	return !c->at.n || columns_make_table(c, w->session, &w->table, NULL, w->fault);
}

/* A row that is a list, as a map.  A new reference. */
static json_t *named(const json_t *names, const json_t *row)
{
	json_t *map = json_object(), *name;
	size_t i;

	json_array_foreach(names, i, name)
		json_object_set(map, json_string_value(name), json_array_get(row, i));
	return map;
}

static bool write_lists(struct writer *w, const json_t *names, const json_t *rows)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		json_t *map = named(names, row);
		bool good = write_map(w, map);

		json_decref(map);
		if (good)
			continue;
		fault_within(w->fault, "row %zu", i + 1);
		return false;
	}
	return true;
}

/* Every column that a row has is one of those named. */
static bool only_named(const struct replace *r, const struct columns *c, size_t n_named, struct fault *f)
{
	if (!r->columns || c->at.n == n_named)
		return true;
	return fault_set(f, CODE_STORAGE, "a row has a column '%s', which 'columns' does not name",
			 c->at.entry[n_named].key);
}

static bool replace_rows(struct writer *w, const struct replace *r, struct columns *c)
{
	bool lists = json_is_array(json_array_get(r->rows, 0));
	json_t *none = json_array();
	bool good;

	if (lists && !r->columns)
		good = fault_usage(w->fault, "rows that are lists need 'columns'");
	else
		good = columns_of_lists(c, r->columns ? r->columns : none, lists ? r->rows : none, w->fault);
	json_decref(none);
	if (good && !lists) {
		size_t n_named = c->at.n;

		good = columns_of_rows(c, r->rows, w->fault) && only_named(r, c, n_named, w->fault);
	}
	if (!good || !empty_table(w, c))
		return false;
	return lists ? write_lists(w, r->columns, r->rows) : write_rows(w, r->rows);
}

bool rows_replace(struct session *s, const struct replace *r, struct rows_written *ret, struct fault *f)
{
	struct writer w = {.session = s, .fault = f, .name = BUF_INIT};
	struct columns c = COLUMNS_INIT;
	bool good = is_ours(r->table, f) && store_table_look(&w.table, s, r->store, r->table, f) &&
		    replace_rows(&w, r, &c);

	columns_release(&c);
	writer_release(&w);
	if (!good) {
		fault_within(f, "%s.%s", r->store, r->table);
		return false;
	}
	*ret = w.got;
	return true;
}
