/* Inside of values: what building (value_build.c) makes and value.c reads. */
#ifndef JOB_VALUE_IMPL_H
#define JOB_VALUE_IMPL_H

#include "job/expr_impl.h"

#define VALUE_OPENING "${{"
#define VALUE_CLOSING "}}"
enum { OPENING_LEN = 3, CLOSING_LEN = 2 };

enum value_shape {
	SHAPE_CONST, /* written as it is */
	SHAPE_EXPR,  /* exactly one ${{ }} */
	SHAPE_TEXT,  /* parts */
	SHAPE_LIST,
	SHAPE_MAP,
};

struct part {
	struct span text;  /* in front of the expression */
	struct expr *expr; /* NULL: the last part has none */
};

struct value {
	enum value_shape shape;
	struct mark mark;
	/* What it always is; NULL if that depends on names.  One with ${{ }} may have one too. */
	json_t *constant;
	const char *written; /* EXPR and TEXT */
	size_t n;
	union {
		struct expr *expr;
		struct part *part;
		struct value **item; /* of LIST and MAP */
	};
	const char **key; /* MAP */
};

/* With a `$` before every `${{`.  New reference. */
json_t *value_kept_text(const char *text, size_t len);

#endif
