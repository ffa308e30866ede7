#include "store/stores.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/spell.h"
#include "base/vec.h"
#include "doc/json.h"
#include "store/params.h"
#include "store/table.h"

enum { CACHE_KIB = 64 * 1024 };

/* ---- names ---- */

const struct store *stores_add(struct stores *s, const char *name, const char *path)
{
	struct store *one = xcalloc(1, sizeof(*one));

	one->name = xstrdup(name);
	one->path = xstrdup(path);
	VEC_PUSH(s->store, s->n, s->room, one);
	return one;
}

void stores_release(struct stores *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->store[i]->name);
		free(s->store[i]->path);
		free(s->store[i]);
	}
	free(s->store);
	*s = (struct stores)STORES_INIT;
}

static bool read_one(struct stores *s, const char *name, const json_t *path, struct fault *f)
{
	if (!ident_good(name))
		return fault_usage(f, "ORCHMAKE_STORES: a store cannot be called '%s'", name);
	if (!strcasecmp(name, "main") || !strcasecmp(name, "temp"))
		return fault_usage(f, "ORCHMAKE_STORES: SQLite keeps the name '%s' for itself", name);
	if (!json_is_string(path) || !json_string_length(path))
		return fault_usage(f, "ORCHMAKE_STORES: the path of store '%s' has to be text, not %s", name,
				   json_is_string(path) ? "empty" : json_kind(path));
	if (stores_find(s, name))
		return fault_usage(f, "ORCHMAKE_STORES: two stores are called '%s' but for the case", name);
	stores_add(s, name, json_string_value(path));
	return true;
}

bool stores_read(struct stores *s, const char *json, struct fault *f)
{
	struct buf err = BUF_INIT;
	const char *name;
	json_t *map, *path;
	bool good = true;

	if (!json || !*json)
		return true;
	map = json_parse(json, strlen(json), &err);
	if (!json_is_object(map))
		good = fault_usage(f, "ORCHMAKE_STORES is not a JSON map%s%s", err.len ? ": " : "", err.data);
	else
		json_object_foreach(map, name, path)
			good = read_one(s, name, path, f) && good;
	json_decref(map);
	buf_release(&err);
	return good;
}

const struct store *stores_find(const struct stores *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcasecmp(s->store[i]->name, name))
			return s->store[i];
	return NULL;
}

const struct store *stores_need(const struct stores *s, const char *name, const char *where,
				struct fault *f)
{
	const struct store *found = stores_find(s, name);
	struct buf hint = BUF_INIT;
	struct spell near;

	if (found)
		return found;
	spell_init(&near, name);
	for (size_t i = 0; i < s->n; i++)
		spell_try(&near, s->store[i]->name);
	if (s->n)
		fault_usage(f, "%s: no store is called '%s'%s", where, name, did_you_mean(&near, &hint));
	else
		fault_usage(f, "%s: no store is called '%s', the Jobfile declares none", where, name);
	buf_release(&hint);
	return NULL;
}

bool store_set_add(struct store_set *set, const struct store *s, struct fault *f)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->store[i] == s)
			return true;
	if (set->n == STORES_MAX)
		return fault_usage(f, "more than %d stores at once are beyond SQLite", STORES_MAX);
	set->store[set->n++] = s;
	return true;
}

/* ---- sessions ---- */

static int by_name(const void *a, const void *b)
{
	return strcasecmp((*(const struct store *const *)a)->name, (*(const struct store *const *)b)->name);
}

sqlite3_stmt *session_prepare(struct session *s, const char *sql, struct fault *f)
{
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) == SQLITE_OK)
		return st;
	fault_sqlite(f, s->db, "SQLite refuses a statement");
	return NULL;
}

bool session_run(struct session *s, const char *sql, struct fault *f)
{
	sqlite3_stmt *st = session_prepare(s, sql, f);

	if (!st)
		return false;
	while (sqlite3_step(st) == SQLITE_ROW)
		;
	if (sqlite3_finalize(st) == SQLITE_OK) /* says what the last step said */
		return true;
	return fault_sqlite(f, s->db, "cannot change the store");
}

/* What keeps a statement of a user inside its files, and a misspelt column an error instead of a text. */
static void harden(sqlite3 *db)
{
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
}

static bool make_room(const struct store *st, struct fault *f)
{
	char *dir = path_dir(st->path);
	bool good = dirs_make(dir, 0777) == 0;

	if (!good)
		fault_errno(f, "cannot make the folder '%s' of store '%s'", dir, st->name);
	free(dir);
	return good;
}

static bool be_there(const struct store *st, enum session_mode mode, struct fault *f)
{
	if (mode == SESSION_WRITE)
		return make_room(st, f);
	if (file_exists(st->path))
		return true;
	return fault_set(f, CODE_STORAGE, "store '%s' has no file yet: '%s' is made by the first plan that writes to it",
			 st->name, st->path);
}

static bool open_main(struct session *s, const struct store *st, struct fault *f)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;

	if (s->mode == SESSION_WRITE)
		flags |= SQLITE_OPEN_CREATE;
	/*
	 * Reading may have to undo what a killed process left, hence not read-only if it can be
	 * helped: SQLite itself falls back to that.
	 */
	if (sqlite3_open_v2(st->path, &s->db, flags, NULL) != SQLITE_OK)
		return fault_sqlite(f, s->db, "cannot open store '%s' ('%s')", st->name, st->path);
	sqlite3_extended_result_codes(s->db, 1);
	harden(s->db);
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_MAINDBNAME, st->name);
	return true;
}

static bool attach(struct session *s, const struct store *st, struct fault *f)
{
	sqlite3_stmt *q = session_prepare(s, "ATTACH ?1 AS ?2", f);
	bool good;

	if (!q)
		return false;
	sqlite3_bind_text(q, 1, st->path, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 2, st->name, -1, SQLITE_STATIC);
	good = sqlite3_step(q) == SQLITE_DONE;
	if (!good)
		fault_sqlite(f, s->db, "cannot open store '%s' ('%s')", st->name, st->path);
	sqlite3_finalize(q);
	return good;
}

/* The journal mode of a store that is written with others. */
static bool commits_together(struct session *s, const struct store *st, struct fault *f)
{
	struct buf sql = BUF_INIT;
	sqlite3_stmt *q;
	bool good = true;

	buf_puts(&sql, "PRAGMA ");
	sql_ident(&sql, st->name);
	buf_puts(&sql, ".journal_mode");
	q = session_prepare(s, sql.data, f);
	buf_release(&sql);
	if (!q)
		return false;
	if (sqlite3_step(q) != SQLITE_ROW)
		good = fault_sqlite(f, s->db, "cannot read store '%s' ('%s')", st->name, st->path);
	else if (!strcmp((const char *)sqlite3_column_text(q, 0), "wal"))
		good = fault_set(f, CODE_STORAGE,
				 "the plan writes to several stores, and '%s' is in WAL mode, which SQLite cannot commit "
				 "together with another file: run `sqlite3 %s 'PRAGMA journal_mode=DELETE'` once, or submit one "
				 "plan per store", st->name, st->path);
	sqlite3_finalize(q);
	return good;
}

/*
 * Room for the pages of a plan of 100,000 rows; taken only as it is used.  It is also the first
 * look into the file, so what is wrong with it shows here.
 */
static bool widen_cache(struct session *s, const struct store *st, struct fault *f)
{
	struct buf sql = BUF_INIT;
	bool good;

	buf_puts(&sql, "PRAGMA ");
	sql_ident(&sql, st->name);
	buf_addf(&sql, ".cache_size = -%d", CACHE_KIB);
	good = sqlite3_exec(s->db, sql.data, NULL, NULL, NULL) == SQLITE_OK;
	if (!good)
		fault_sqlite(f, s->db, "cannot open store '%s' ('%s')", st->name, st->path);
	buf_release(&sql);
	return good;
}

/*
 * Spilling pages before the commit would lock readers out early, and with several stores
 * let a reader and a writer wait for each other.
 */
static bool begin(struct session *s, const struct store_set *set, struct fault *f)
{
	const char *how = s->mode == SESSION_WRITE ? "BEGIN IMMEDIATE" : "BEGIN";
	const struct store *first = set->store[0];

	if (!session_run(s, "PRAGMA cache_spill = OFF", f))
		return false;
	if (s->mode == SESSION_READ && !session_run(s, "PRAGMA query_only = ON", f))
		return false;
	if (sqlite3_exec(s->db, how, NULL, NULL, NULL) == SQLITE_OK)
		return true;
	if (s->n == 1)
		return fault_sqlite(f, s->db, "cannot %s store '%s' ('%s')",
				    s->mode == SESSION_WRITE ? "write to" : "read", first->name, first->path);
	return fault_sqlite(f, s->db, "cannot write to the plan's %zu stores at once ('%s' ...)", s->n,
			    first->name);
}

static bool open_all(struct session *s, struct store_set *set, int busy_ms, struct fault *f)
{
	for (size_t i = 0; i < set->n; i++)
		if (!be_there(set->store[i], s->mode, f))
			return false;
	if (!open_main(s, set->store[0], f))
		return false;
	sqlite3_busy_timeout(s->db, busy_ms);
	for (size_t i = 0; i < set->n; i++)
		if ((i && !attach(s, set->store[i], f)) || !widen_cache(s, set->store[i], f))
			return false;
	for (size_t i = 0; s->mode == SESSION_WRITE && set->n > 1 && i < set->n; i++)
		if (!commits_together(s, set->store[i], f))
			return false;
	return begin(s, set, f);
}

bool session_begin(struct session *s, struct store_set *set, enum session_mode mode, int busy_ms,
		   struct fault *f)
{
	BUG_UNLESS(set->n > 0);
	*s = (struct session){.mode = mode, .n = set->n};
	qsort(set->store, set->n, sizeof(set->store[0]), by_name);
	for (size_t i = 0; i < set->n; i++)
		s->name[i] = set->store[i]->name;
	if (open_all(s, set, busy_ms, f))
		return true;
	session_end(s);
	return false;
}

bool session_commit(struct session *s, struct fault *f)
{
	if (sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
		return true;
	return fault_sqlite(f, s->db, "cannot commit, nothing was applied");
}

void session_end(struct session *s)
{
	if (!s->db)
		return;
	if (!sqlite3_get_autocommit(s->db))
		(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	BUG_UNLESS(sqlite3_close(s->db) == SQLITE_OK); /* busy: a statement of ours was not finalized */
	s->db = NULL;
}
