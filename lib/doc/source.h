/*
 * A text, its name, where its lines start; and a place in it.  A source is
 * immutable once made and outlives every mark that points into it.  Lines end
 * with LF or CR LF.  A byte order mark at the start is dropped.
 */
#ifndef DOC_SOURCE_H
#define DOC_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/span.h"

struct source;

enum {
	SOURCE_MAX = 0x7fffffff, /* bytes of the largest text */
	SOURCE_PAD = 8,		 /* NUL bytes behind the text, so that eight may be read at once */
	MARK_LINE_BITS = 26,
	MARK_COL_BITS = 28, /* a plan of 200 MB may well be one line */
	MARK_LEN_BITS = 10,
	MARK_LINE_MAX = (1 << MARK_LINE_BITS) - 1,
	MARK_COL_MAX = (1 << MARK_COL_BITS) - 1,
	MARK_LEN_MAX = (1 << MARK_LEN_BITS) - 1,
};

/*
 * A place: line and column count from 1, column and length in bytes; each stays at its largest
 * value when there is more.  line 0 = the file as a whole.
 */
struct mark {
	const struct source *source; /* NULL: no place (the command line, a default) */
	uint64_t line : MARK_LINE_BITS;
	uint64_t col : MARK_COL_BITS;
	uint64_t len : MARK_LEN_BITS; /* what a caret line underlines; 0 = one column */
};

#define MARK_NONE ((struct mark){0})

/* The same where the source is known: of what there are a million. */
struct spot {
	uint64_t line : MARK_LINE_BITS;
	uint64_t col : MARK_COL_BITS;
	uint64_t len : MARK_LEN_BITS;
};

static inline struct spot spot_of(struct mark m)
{
	return (struct spot){m.line, m.col, m.len};
}

static inline struct mark spot_mark(const struct source *s, struct spot at)
{
	return (struct mark){s, at.line, at.col, at.len};
}

/*
 * Read the file at path; NULL and errno (EFBIG beyond SOURCE_MAX).  name is what messages call it
 * (usually path).
 */
struct source *source_open(const char *path, const char *name);
/* The same from a descriptor, up to its end; the caller closes it. */
struct source *source_open_fd(int fd, const char *name);
/* A copy of text, which is at most SOURCE_MAX long. */
struct source *source_from(const char *name, const char *text, size_t len);
void source_free(struct source *s); /* NULL is fine */

const char *source_name(const struct source *s);
struct span source_text(const struct source *s);
/*
 * The text has been read: a long one of a file gives its memory back.  Whoever asks for it, or for a line, once more
 * makes it be read again; if the file is another by then, it is empty.
 */
void source_rest(struct source *s);
/* Of the text; worked out when it is first asked for. */
const struct digest *source_digest(const struct source *s);
/* Line number line (from 1) without its end; empty if there is none. */
struct span source_line(const struct source *s, uint32_t line);
/* The mark of a byte offset; len is cut at the end of the line. */
struct mark source_mark(const struct source *s, size_t offset, size_t len);
/* The byte offset of a mark with a line, at most the length of the text. */
size_t source_offset(const struct source *s, struct mark m);

/* A mark from its parts, none of which may overflow. */
static inline struct mark mark_of(const struct source *s, size_t line, size_t col, size_t len)
{
	return (struct mark){
		.source = s,
		.line = line < MARK_LINE_MAX ? line : MARK_LINE_MAX,
		.col = col < MARK_COL_MAX ? col : MARK_COL_MAX,
		.len = len < MARK_LEN_MAX ? len : MARK_LEN_MAX,
	};
}

#endif
