/*
 * The data programs that the shipped Jobfiles call: JSON in, JSON out.  One binary,
 * orchmake-data NAME, reads its parameters from standard input and writes the answer
 * of a callable: {"schema_version", "items", "stats", ...}.
 *
 * A callable gets its parameters and fills `ret`, a map that holds nothing yet.  False
 * and a text in err (one line, no full stop) when it cannot: nothing is answered then but
 * ret.error, if the callable has put a map there for programs.
 */
#ifndef CALLABLES_CALLABLE_H
#define CALLABLES_CALLABLE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"

typedef bool callable_fn(const json_t *in, json_t *ret, struct buf *err);

callable_fn injest, canonizer, finalform, projectionist, sweeper, validator, verdict, workman, compile_intent;

/* A parameter of that type, borrowed; NULL and err if it is missing or something else. */
const char *input_text(const json_t *in, const char *key, struct buf *err);
const json_t *input_list(const json_t *in, const char *key, struct buf *err);
const json_t *input_map(const json_t *in, const char *key, struct buf *err);

/* False and err if `in` has a key that is none of words (NULL-terminated). */
bool inputs_known(const json_t *in, const char *const words[], struct buf *err);

/* A JSON file's map, a new reference; NULL and err, which then names the file. */
json_t *definition_read(const char *path, struct buf *err);

/*
 * The value under a key, or at a path of keys with dots between them, borrowed; NULL if there is
 * none or it is null.
 */
const json_t *value_at(const json_t *map, const char *path);

/* The text of a scalar (a string as it is), "" for null and NULL, appended; false for a list or map. */
bool scalar_text(struct buf *out, const json_t *v);

/* Its text as a new JSON string. */
json_t *string_of(const struct buf *b);
/* v as compact JSON text in a new JSON string; null stays null. */
json_t *json_text_of(const json_t *v);

/* stats.rows_read and stats.rows_written, which every answer has. */
void stats_rows(json_t *stats, size_t n_read, size_t n_written);

#endif
