/*
 * The ledger's tables, as numbered upgrades.  A new ledger gets all of them, an older one
 * those it lacks; user_version is the number of the last.
 */
#ifndef LEDGER_SCHEMA_H
#define LEDGER_SCHEMA_H

#include <stddef.h>

#include <sqlite3.h>

enum { SCHEMA_APPLICATION_ID = 0x6f726368 }; /* "orch" */

struct schema_upgrade {
	int version;
	const char *sql;
	/* The same as temporary ones, where it is only views, new tables and columns with a default: what a reader of an older
	 * ledger does for itself. */
	const char *temp_sql; /* or NULL */
};

/* Made from schema/NNN_*.sql by scripts/embed-sql. */
extern const struct schema_upgrade schema_upgrades[];
extern const size_t schema_n_upgrades;

/* A SQLite code each.  All of them want to be inside a transaction. */
int schema_apply(sqlite3 *db, int from_version, const struct schema_upgrade *up, size_t n);
/* Have in this connection alone what an older ledger lacks; SQLITE_MISMATCH if it lacks more than that. */
int schema_apply_temp(sqlite3 *db, int from_version, const struct schema_upgrade *up, size_t n);
/* Add the words of state.def, reason.def and event.def that are not there yet. */
int schema_fill_words(sqlite3 *db);

/* An integer that a PRAGMA or a SELECT without parameters answers; 0 or a SQLite code. */
int schema_integer(sqlite3 *db, const char *sql, long long *ret);

#endif
