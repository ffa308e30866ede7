/*
 * Identifiers in SQL, what a table looks like, and values on their way between
 * JSON and SQLite.
 *
 *	null			NULL
 *	true, false		1, 0
 *	integer, number, text	the same
 *	list, map		their JSON text
 */
#ifndef STORE_TABLE_H
#define STORE_TABLE_H

#include <jansson.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "store/fault.h"
#include "store/stores.h"

enum { IDENT_MAX = 255 };

/* A name of a table or column can be any text without control characters, at most IDENT_MAX bytes. */
bool ident_good(const char *name);
/* The name as SQL, in quotes. */
void sql_ident(struct buf *sql, const char *name);
void sql_table(struct buf *sql, const char *store, const char *table);

/* What SQLite turns a value into when it is stored in a column. */
enum affinity { AFFINITY_NONE, AFFINITY_TEXT, AFFINITY_NUMBER };

struct column {
	char *name;
	enum affinity affinity;
	char *type; /* as declared */
};

struct store_table {
	char *store, *name;
	bool exists, is_view, without_rowid;
	struct column *column;
	size_t n, room;
};

/* Look it up; *t is to be released also on failure.  A table that is not there is no failure. */
bool store_table_look(struct store_table *t, struct session *s, const char *store, const char *name, struct fault *f);
void store_table_release(struct store_table *t);
/* Complain that it is not there, with the nearest name. */
bool store_table_need(const struct store_table *t, struct session *s, struct fault *f);
/* NULL if it has none of that name (in any case). */
const struct column *store_table_column(const struct store_table *t, const char *name);
/* The same with a complaint and the nearest name; where begins the message. */
const struct column *store_table_need_column(const struct store_table *t, const char *name, const char *where,
				       struct fault *f);
/* Remember a column that was added. */
void store_table_add_column(struct store_table *t, const char *name, const char *type);

/* Bind v as parameter i.  Text is borrowed from v until the statement is reset. */
bool value_bind(sqlite3_stmt *st, int i, const json_t *v);
/*
 * The same for a column: text that looks like a number but would not come back as it is
 * ("007") cannot go into a column of numbers.
 */
bool value_bind_column(sqlite3_stmt *st, int i, const json_t *v, const struct column *c, struct fault *f);
/* Column i of the current row; NULL with a complaint if JSON cannot hold it. */
json_t *value_read(sqlite3_stmt *st, int i, struct fault *f);
/* All rows from here on, each as a map. */
json_t *rows_read(struct session *s, sqlite3_stmt *st, struct fault *f);

/* The declared type that fits a value; "" for null. */
const char *value_type(const json_t *v);

#endif
