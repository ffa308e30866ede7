/*
 * What goes to a terminal or a log: lines that stay, and below them a moving part that is drawn over.  Each call is one
 * write, so that nothing is seen half done, and of the moving part only the rows that changed are written.
 *
 * The cursor rests at the beginning of the last row.  When a terminal becomes narrower it breaks rows that are too long
 * for it; where they stand then is worked out as terminals do that keep the text (tmux, VTE, kitty and others).
 */
#ifndef REPORT_FRAME_H
#define REPORT_FRAME_H

#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/span.h"

struct frame {
	FILE *out; /* borrowed */
	/* Columns and rows; NULL: of the terminal behind out. */
	void (*size)(void *ctx, unsigned *ret_columns, unsigned *ret_rows);
	void *size_ctx;
	struct buf text;  /* being made */
	struct buf rows;  /* the moving part, with \n between its rows; plain text, no colours */
	bool shown;	  /* it is on the terminal */
	unsigned columns; /* of the terminal when it was drawn */
	bool midline;	  /* what was written last has no end of line */
};

void frame_init(struct frame *f, FILE *out);
void frame_release(struct frame *f);

void frame_size(const struct frame *f, unsigned *ret_columns, unsigned *ret_rows);

/* Lines that stay, above the moving part; begun on a line of their own. */
void frame_say(struct frame *f, struct span lines);
/* Text that stays, as it comes: it may end, and the next begin, within a line.  Not with a moving part. */
void frame_stream(struct frame *f, struct span text);

/* The moving part from now on; every row has to be narrower than the terminal. */
void frame_draw(struct frame *f, struct span rows);
/* Take it away. */
void frame_clear(struct frame *f);

#endif
