/* Rows of text in columns as wide as they need; the last one is cut where a terminal ends. */
#ifndef REPORT_TABLE_H
#define REPORT_TABLE_H

#include <stddef.h>
#include <stdio.h>

#include "base/buf.h"

struct table {
	const char *const *head;
	size_t columns;
	char **cell; /* row by row */
	size_t n, room;
};

/* head: columns of them, copied. */
void table_init(struct table *t, const char *const *head, size_t columns);
void table_cell(struct table *t, const char *text); /* copied, cleaned */
void table_print(const struct table *t, FILE *out);
void table_release(struct table *t);

#endif
