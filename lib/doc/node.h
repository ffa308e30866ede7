/*
 * The located tree: scalar, list, map.  Scalars keep their raw text and style;
 * what they mean is the reader's business, because formats differ (YAML 1.1
 * says NO is false; a Jobfile does not).  A tree lives in the arena it was read
 * into.
 */
#ifndef DOC_NODE_H
#define DOC_NODE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "doc/diag.h"
#include "doc/source.h"

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };
enum node_style { STYLE_PLAIN, STYLE_QUOTED, STYLE_BLOCK }; /* plain; '…' "…"; | and > */

struct node {
	enum node_kind kind;
	enum node_style style; /* of a scalar */
	struct mark mark;
	const char *text;	/* of a scalar: NUL-terminated, holds no NUL */
	size_t n;		/* length of the text, elements of a list, pairs of a map */
	struct node **item;	/* list: its elements; map: its values */
	struct node **key;	/* map: its keys, all scalars, no two alike */
};

/* The word for messages: "a list", "a map", "text", "nothing". */
const char *node_kind_word(const struct node *n);

/* The value under key in a map, or NULL. */
struct node *node_get(const struct node *map, const char *key);

/* Scalars by the core types of YAML 1.2 (jobfile.md): quoted is always text. */
enum scalar_type { SCALAR_NULL, SCALAR_BOOL, SCALAR_INT, SCALAR_FLOAT, SCALAR_TEXT, SCALAR_BAD };
/*
 * What a scalar is.  SCALAR_BAD: a leading zero, an octal number, infinity, or a number too large;
 * *ret_why (if not NULL) then says so and how to mend it, as what follows the quoted text in a
 * message: "'017' " + "has a leading zero: quote it if it is text".
 * The value goes to *ret (a new reference) unless ret is NULL or the scalar is bad.
 */
enum scalar_type scalar_resolve(const struct node *n, json_t **ret, const char **ret_why);

/* Infinity or not a number, as YAML writes them: no JSON number is that. */
bool scalar_is_endless(const char *text);

/* The whole tree as a JSON value by those rules; NULL after diagnostics. */
json_t *node_to_json(const struct node *n, struct diags *d);

#endif
