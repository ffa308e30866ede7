/*
 * A document read piece by piece: YAML (libyaml) or strict JSON (RFC 8259) as the
 * same located events.  A reader walks the outer maps and lists itself and takes
 * small subtrees whole, so that a document of 100 MB is never one tree.
 *
 * Refused with a place and a reason: duplicate keys (with the place of the
 * first), depth beyond 100, alias cycles and expansion beyond a bound, NUL, bad UTF-8, a
 * second document, tabs, unknown tags, and what people stumble over (an unquoted @x or *.c, a
 * ${{ }} inside [ ] or { }, !canceled() read as a tag).
 *
 * After a duplicate key, an unknown tag or an unknown alias the cursor goes on, as if the pair were
 * not there or the text had been quoted, so that a reader finds the other errors too.  A document is
 * good only if diags_errors() has not grown; doc_read looks at that itself.
 *
 * Aliases and `<<` are already carried out in what a cursor tells: what `<<` brings comes
 * after the map's own keys, which win.
 */
#ifndef DOC_CURSOR_H
#define DOC_CURSOR_H

#include "doc/node.h"

struct cursor;

/* The version of libyaml that is in use; static text. */
const char *cursor_yaml_library(void);

enum doc_format { DOC_YAML, DOC_JSON };

/*
 * Chosen by the first character that is not blank: '{' or '[' (or '/', a comment, which JSON then
 * refuses) with a .json name, or a text that starts with '{', a "key" and a value that JSON may
 * have, is JSON; everything else is YAML.
 */
enum doc_format doc_format_of(const struct source *s);

/* Borrows both. */
struct cursor *cursor_open(const struct source *s, enum doc_format format, struct diags *d);
struct compiled;
/*
 * The same of a document that has a compiled form (NULL: it has none), which is read instead if it is known and made
 * if not; borrowed.
 */
struct cursor *cursor_open_compiled(const struct source *s, enum doc_format format, struct diags *d, struct compiled *k);
void cursor_free(struct cursor *c);

enum doc_event {
	DOC_SCALAR,
	DOC_LIST,     /* its elements follow, then DOC_END */
	DOC_MAP,      /* pairs follow: a key (DOC_SCALAR), then its value; then DOC_END */
	DOC_END,      /* of the innermost list or map */
	DOC_FINISHED, /* the document is over and nothing follows it */
	DOC_BAD,      /* a diagnostic has been given; every further call says the same */
};

/* What comes next, without taking it. */
enum doc_event cursor_peek(struct cursor *c);
struct mark cursor_mark(const struct cursor *c); /* of what cursor_peek last told */

/*
 * Take one event.  For DOC_SCALAR *ret (if not NULL) is a scalar node, valid until the next call,
 * peek included.
 */
enum doc_event cursor_next(struct cursor *c, const struct node **ret);

/*
 * Take the whole value that comes next as a tree in a; NULL once the document is DOC_BAD.  There
 * must be a value: asking at a DOC_END or after the end is a bug of the caller's.
 */
struct node *cursor_tree(struct cursor *c, struct arena *a);

/* Take the value that comes next and drop it (still checked); false after diagnostics. */
bool cursor_skip(struct cursor *c);

/* The whole document as one tree, for small ones; NULL after diagnostics. */
struct node *doc_read(const struct source *s, enum doc_format format, struct arena *a, struct diags *d);

#endif
