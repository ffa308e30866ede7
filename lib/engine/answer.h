/*
 * What a callable says on its standard output.  When all went well:
 *
 *	{"schema_version": "1.0", "items": [...], "stats": {...}, ...}
 *
 * with exactly one of items and items_ref; other fields are the callable's own, and kept.  items_ref names a
 * file below the base folder that holds the items, as a JSON list or as JSON lines.  When it failed:
 *
 *	{"error": {"message": "...", "type": "transient" or "permanent"}}
 */
#ifndef ENGINE_ANSWER_H
#define ENGINE_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Items in a file of up to this size are put into the answer; those of a larger one stay where they are. */
enum { ITEMS_REF_MAX = 16 << 20 };

/*
 * The answer of a declared callable, complete: schema_version and stats are there, and items unless they are
 * too many.  A new reference, or NULL and why.
 */
json_t *answer_read(const char *text, size_t len, const char *callable, const char *root, struct buf *why);

/* The answer of a built-in operation: any map. */
json_t *answer_read_map(const char *text, size_t len, const char *callable, struct buf *why);

enum failure_class {
	CLASS_UNKNOWN,
	CLASS_TRANSIENT, /* it may work later */
	CLASS_PERMANENT, /* it would fail again */
};

/* transient, permanent, or NULL. */
const char *failure_class_word(enum failure_class class);

/* The error that the output in the file at path speaks of: its class, and its message in text; else UNKNOWN and nothing. */
enum failure_class answer_failure(const char *path, struct buf *text);

#endif
