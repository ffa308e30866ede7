/*
 * Inside of the YAML reader: what is read off the text (yaml_live.c), and what becomes of it when aliases and `<<` are
 * carried out (yaml_read.c).
 */
#ifndef DOC_YAML_IMPL_H
#define DOC_YAML_IMPL_H

#include <yaml.h>

#include "base/arena.h"
#include "base/map.h"
#include "doc/cursor_impl.h"

enum { ANCHOR_NONE = -1 };

enum raw_kind {
	RAW_SCALAR,
	RAW_LIST,
	RAW_MAP,
	RAW_END,
	RAW_ALIAS,
	RAW_DONE,   /* of the document */
	RAW_MERGED, /* the pairs of one `<<` source are over */
	RAW_BAD,    /* the event is DOC_BAD */
};

struct raw {
	enum raw_kind kind;
	enum node_style style;
	bool tagged;
	struct mark mark;
	size_t place;
	struct span text;
	size_t anchor; /* of an alias: its number */
};

/* An anchored value: where it is on the tape. */
struct anchor {
	size_t start, end;
	bool open; /* not read to its end yet */
};

/* A stretch of the tape that is being played. */
struct frame {
	size_t at, end;
	bool merge; /* pairs of a `<<` source; its end is told */
};

struct range {
	size_t start, end;
};

/* A list or map that is open. */
struct level {
	bool is_map, want_key, merging;
	size_t place; /* where it begins */
	ptrdiff_t anchor;     /* that ends with it; ANCHOR_NONE if none */
	struct mark merge_mark; /* of `<<`; line 0 if there was none */
	size_t merge_place;
	struct mark end_mark;
	struct range *source; /* maps whose pairs `<<` brings; a stack, the next one is last */
	size_t n_sources, room_sources;
};

struct yaml {
	yaml_parser_t parser;
	yaml_event_t event; /* the last from libyaml; raw.text may point into it */
	bool has_event, started;
	bool ascii;	    /* then characters, which libyaml counts, are bytes */

	/* Characters to bytes: a place whose both numbers are known. */
	size_t known_chars, known_bytes;
	/* Bytes to lines: lines are counted up to `counted`. */
	size_t counted, line_start;
	uint32_t line;

	struct arena *arena; /* texts on the tape */
	struct raw *tape;
	size_t n_tape, room_tape;
	unsigned taping; /* how many stretches are being recorded */
	struct map anchor_of; /* name -> number + 1 */
	struct anchor *anchor;
	size_t n_anchors, room_anchors;

	struct frame *frame;
	size_t n_frames, room_frames;
	size_t n_live, n_played;
	struct mark alias_mark; /* of the outermost alias or `<<` that is being played */

	struct level level[DEPTH_MAX];
	size_t depth;
	bool root_done;
	struct mark end_mark; /* of the document, once it has ended */
	struct buf remade; /* a text that is not quite what libyaml said */
};

/* libyaml at the beginning of c's text. */
void yaml_live_begin(struct cursor *c, struct yaml *y);
void yaml_live_end(struct yaml *y);

/*
 * The next event of the text itself, put on the tape where an anchored value is being read.  r->kind is RAW_BAD after a
 * diagnostic.  r->text is valid until the next one.  *ret_anchor: the anchor that it opens, or ANCHOR_NONE.
 */
void yaml_live(struct cursor *c, struct yaml *y, struct raw *r, ptrdiff_t *ret_anchor);

/* The anchored value has been read to its end. */
void yaml_close_anchor(struct yaml *y, size_t number);

#endif
