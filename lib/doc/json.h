/*
 * JSON values at run time (json_t of jansson): canonical text and small helpers.
 * Canonical: keys sorted by code point at every level, ASCII only with lower-case
 * \uXXXX (surrogate pairs), floats as the shortest that reads back (1.0, 1e+20, 1e-07, -0.0).
 * Values here are what json_parse and the readers make: valid UTF-8, finite numbers.
 */
#ifndef DOC_JSON_H
#define DOC_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"

enum json_spacing { JSON_TIGHT, JSON_SPACED, JSON_INDENTED }; /* `,` `:` — `, ` `: ` — for people */

void json_canonical(struct buf *out, const json_t *v, enum json_spacing spacing);
/* As it is (keys in their order, UTF-8 kept): for results and logs. */
void json_text(struct buf *out, const json_t *v, enum json_spacing spacing);
void json_digest(struct digest *d, const json_t *v); /* SHA-256 of the tight canonical text */

/*
 * A list or map whose elements are made one by one while it is written, so that a million of them are never a tree:
 * in the tree stands an empty one, `in`, instead.
 */
struct json_late;
/*
 * Element number i: a new reference, or NULL if there is none of that number.  *ret_key: its name in a map, valid until
 * the next call; in canonical text they come in order.  *ret_inner: what of it is late in turn.
 */
typedef json_t *json_late_fn(const struct json_late *l, uint32_t i, const char **ret_key, struct json_late *ret_inner);
struct json_late {
	const json_t *in; /* NULL: nothing is late */
	uint32_t n;
	void *ctx;
	uint32_t of; /* whose elements; as ctx, of its maker alone */
	json_late_fn *make;
};
void json_canonical_late(struct buf *out, const json_t *v, enum json_spacing spacing, const struct json_late *late);
void json_text_late(struct buf *out, const json_t *v, enum json_spacing spacing, const struct json_late *late);
/* Put the elements where they belong after all. */
void json_complete(const struct json_late *late);

/*
 * Strict: one value, no duplicate keys, no NUL in a string, depth at most 100, integers of 64 bits.
 * Returns a new reference; NULL and a message that begins with line:column in err (appended).
 */
json_t *json_parse(const char *text, size_t len, struct buf *err);

/* The same for JSON lines: a list of the values of all lines that are not empty. */
json_t *json_parse_lines(const char *text, size_t len, struct buf *err);

/* A JSON string of UTF-8 text with its quotes; a byte that is no UTF-8 becomes U+FFFD. */
void json_quote(struct buf *out, const char *text, size_t len);

/* The shortest text that reads back as this finite number, as Python writes it. */
void json_real_text(struct buf *out, double value);

/*
 * The number that a JSON or YAML core float's text says, whatever the locale; false if text is
 * none or too large for a double.
 */
bool json_real_parse(const char *text, double *ret);

/* The text a value has where text is wanted: a string as it is, null as "", else tight JSON. */
void json_as_text(struct buf *out, const json_t *v);

/* The string under key, or NULL. */
const char *json_str(const json_t *map, const char *key);

#endif
