/*
 * bq.execute: one statement that writes or changes the schema, in the user's own
 * SQL.  It cannot reach a file that is no store, leave the transaction, change
 * settings, or touch the append-only log.
 *
 * SQLite has no CREATE OR REPLACE; it is understood for views and tables, as a
 * DROP IF EXISTS and a CREATE of the same transaction.
 */
#ifndef STORE_EXECUTE_H
#define STORE_EXECUTE_H

#include <stdint.h>

#include "store/op.h"

struct execute {
	const char *sql;
	const json_t *params;  /* a list, or a map of named ones, or NULL */
	const char *store;     /* the one it has to write to, or NULL: one that it names */
};

bool execute_sql(struct session *s, const struct execute *e, int64_t *ret_rows, struct fault *f);

/* Whether name occurs in the text as a word that a dot follows: `raw.events`. */
bool sql_names_store(const char *p, const char *name);

#endif
