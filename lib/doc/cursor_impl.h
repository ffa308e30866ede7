/*
 * Inside of the cursor: what the two readers (yaml_read.c, json_read.c) and
 * cursor.c share.  A reader puts the next event into c->event.
 */
#ifndef DOC_CURSOR_IMPL_H
#define DOC_CURSOR_IMPL_H

#include "base/buf.h"
#include "base/span.h"
#include "doc/cursor.h"
#include "doc/keyset.h"

enum {
	DEPTH_MAX = 100,
	/* Errors after which a cursor goes on; with one more it gives up. */
	RECOVER_MAX = 100,
};

struct event {
	enum doc_event kind;
	enum node_style style; /* of a scalar */
	struct mark mark;
	struct span text; /* of a scalar; valid until the next event is read */
};

struct reader {
	void *(*open)(struct cursor *c);
	void (*read)(struct cursor *c); /* never again once it was DOC_FINISHED or DOC_BAD */
	void (*free)(void *state);
};

extern const struct reader yaml_reader, json_reader, compiled_reader;

struct cursor {
	const struct source *source;
	struct span text;
	struct diags *diags;
	const struct reader *reader;
	void *state; /* the reader's */
	struct event event;
	struct compiled *compiled; /* read, or put down as it is read; NULL: neither */
	bool peeked; /* event has been read and not yet taken */
	unsigned recovered;
	struct keyset keys;
	struct node node; /* what cursor_next shows */
	struct buf shown; /* its text */
};

/* The event is DOC_BAD at m from now on; the diagnostic has been given. */
void cursor_bad(struct cursor *c, struct mark m);

/* An error was given that reading can go on after; false if that were too many (then it is DOC_BAD). */
bool cursor_recover(struct cursor *c, struct mark m);

/* The error about a key that comes twice, with a note at the first; as cursor_recover. */
bool cursor_duplicate(struct cursor *c, struct span key, struct mark m, size_t first);

/* The error about nesting; DOC_BAD. */
void cursor_too_deep(struct cursor *c, struct mark m);

/*
 * Explain libyaml's refusal: p has failed; at, context and open are the byte offsets of its problem,
 * of what it was reading, and of the innermost list or map that is open (0 if none is).
 */
struct yaml_parser_s;
void yaml_explain(struct cursor *c, const struct yaml_parser_s *p, size_t at, size_t context,
		  size_t open);

/*
 * The hint that the value around the byte offset must be quoted, showing it so.  in_flow: the line
 * is inside of [ ] or { } that begin before it.
 */
void yaml_hint_quote(struct cursor *c, size_t at, bool in_flow);

#endif
