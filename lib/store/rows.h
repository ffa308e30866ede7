/*
 * Rows into tables.  Tables and columns that are missing are made, with the
 * types of the first values.
 */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include <stdint.h>

#include "store/op.h"
#include "store/table.h"

struct rows_written {
	int64_t inserted, updated, unchanged;
};

struct upsert {
	const char *store, *table;
	const json_t *keys;  /* names of the columns that tell rows apart */
	const json_t *skips; /* names of those that are only ever inserted, or NULL */
	const json_t *rows;  /* maps; a column that a row does not have stays as it is */
};

/* Insert each row, or update the one with the same keys where it differs. */
bool rows_upsert(struct session *s, const struct upsert *u, struct rows_written *ret, struct fault *f);

struct replace {
	const char *store, *table;
	const json_t *columns; /* names, or NULL for those of the rows */
	const json_t *rows;    /* maps, or lists of as many values as columns */
};

/* The table has these rows and no others.  Its indexes stay if its columns do. */
bool rows_replace(struct session *s, const struct replace *r, struct rows_written *ret, struct fault *f);

#endif
