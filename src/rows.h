/* The answer to a statement, row by row, in the form that --format asks for. */
#ifndef SRC_ROWS_H
#define SRC_ROWS_H

#include "cmd.h"
#include "report/table.h"

struct rows {
	FILE *out;
	enum format format;
	size_t n_columns, n; /* rows so far */
	char **name;
	struct table table;
};

void rows_begin(struct rows *r, FILE *out, enum format format);
/* For ledger_sql(). */
bool rows_head(void *rows, size_t n, const char *const *name);
bool rows_row(void *rows, size_t n, const struct ledger_value *value);
/* Print what has been kept back; nothing where the statement failed before its head. */
void rows_end(struct rows *r);

/* The rows as a JSON list of maps, for ledger_sql() with ctx = struct rows_json. */
struct rows_json {
	char **name;
	size_t n_columns;
	json_t *list;
};
void rows_json_begin(struct rows_json *r);
bool rows_json_head(void *rows_json, size_t n, const char *const *name);
bool rows_json_row(void *rows_json, size_t n, const struct ledger_value *value);
json_t *rows_json_end(struct rows_json *r); /* new reference */

#endif
