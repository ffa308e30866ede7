/*
 * The catalogue of project work, pm.def, as tables, and how to read a field or a
 * reference of it.
 */
#ifndef STORE_PM_H
#define STORE_PM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

struct pm_aggregate {
	const char *word, *prefix, *plural, *status;
};

struct pm_op {
	const char *name;
	const char *aggregate, *event; /* the event is AGGREGATE.EVENT */
	const char *becomes;
	const char *fields, *refs;
};

/* The tables, n rows each. */
const struct pm_aggregate *pm_aggregates(size_t *ret_n);
const struct pm_op *pm_ops(size_t *ret_n);

const struct pm_aggregate *pm_aggregate_find(const char *word);
const struct pm_op *pm_op_find(const char *name);
/* The words of an enum, or NULL if there is none of that name. */
const char *pm_enum_find(struct span name);

/* A field as an operation has it. */
struct pm_field {
	struct span name, type; /* type is empty for text */
	bool required;
};

/* The next one of *fields, which is moved behind it; false at the end. */
bool pm_field_next(const char **fields, struct pm_field *ret);
/* False if the operation has no such field. */
bool pm_field_find(const char *fields, const char *name, struct pm_field *ret);

/* What a field refers to. */
struct pm_ref {
	struct span field;
	struct span aggregate; /* empty if by_field says it */
	struct span by_field;
};

bool pm_ref_next(const char **refs, struct pm_ref *ret);

#endif
