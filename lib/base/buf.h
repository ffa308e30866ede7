/*
 * Bytes that grow.  data is always a C string: data[len] is NUL, also when the
 * buffer is empty and nothing has been allocated.  Bytes may themselves hold NUL.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

struct buf {
	char *data;
	size_t len;
	size_t room; /* 0: data is the shared empty string */
};

extern char buf_empty[];
#define BUF_INIT {.data = buf_empty}

void buf_init(struct buf *b);
void buf_release(struct buf *b); /* frees, and is as after buf_init */
void buf_reset(struct buf *b);	 /* empties, keeps the memory */

void buf_add(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3), nonnull));
void buf_vaddf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0), nonnull(1, 2)));
void buf_pad(struct buf *b, char c, size_t n);
void buf_cut(struct buf *b, size_t len); /* shorten to len */

/* Room for n more bytes behind data + len; the caller adds to len what it used. */
char *buf_reserve(struct buf *b, size_t n);

/* The string itself, which the caller frees; the buffer is empty afterwards. */
char *buf_detach(struct buf *b);

#endif
