/*
 * Texts that must not be shown, and their replacement by `***` in what goes by: whole, or piece by piece
 * when it streams.  Of several that begin at one place the longest counts.
 */
#ifndef BASE_MASK_H
#define BASE_MASK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/span.h"

struct mask {
	struct buf text; /* the hidden ones, each with a NUL behind it */
	size_t longest;
	bool begins[256]; /* by first byte */
};

#define MASK_INIT {.text = BUF_INIT}

/* Hide text from now on; an empty one, and one that is hidden already, change nothing. */
void mask_add(struct mask *m, const char *text);
void mask_release(struct mask *m); /* wipes what it held */

/* Whether any of them occurs in text. */
bool mask_finds(const struct mask *m, struct span text);

/*
 * Append text to out with the hidden ones replaced, as far as it can be told: unless it is the last, what
 * may be the beginning of one stays.  How many bytes of text have been dealt with.
 */
size_t mask_filter(const struct mask *m, struct span text, bool last, struct buf *out);

#endif
