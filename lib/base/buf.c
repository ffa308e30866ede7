#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

char buf_empty[1];

void buf_init(struct buf *b)
{
	*b = (struct buf)BUF_INIT;
}

void buf_release(struct buf *b)
{
	if (b->room)
		free(b->data);
	buf_init(b);
}

void buf_reset(struct buf *b)
{
	buf_cut(b, 0);
}

static void grow(struct buf *b, size_t want)
{
	enum { FIRST = 64 };
	size_t room = b->room ? b->room : FIRST;

	while (room < want)
		room += room / 2;
	b->data = xreallocarray(b->room ? b->data : NULL, room, 1);
	b->data[b->len] = 0;
	b->room = room;
}

char *buf_reserve(struct buf *b, size_t n)
{
	size_t want = b->len + n + 1;

	BUG_UNLESS(want > n);
	if (want > b->room)
		grow(b, want);
	return b->data + b->len;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	if (!len)
		return;
	memcpy(buf_reserve(b, len), data, len);
	b->len += len;
	b->data[b->len] = 0;
}

void buf_puts(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
	*buf_reserve(b, 1) = c;
	b->data[++b->len] = 0;
}

void buf_pad(struct buf *b, char c, size_t n)
{
	memset(buf_reserve(b, n), c, n);
	b->len += n;
	b->data[b->len] = 0;
}

void buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
	enum { USUAL = 64 }; /* what is no longer is formatted once */
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(buf_reserve(b, USUAL), USUAL, fmt, ap);
	BUG_UNLESS(n >= 0);
	if (n >= USUAL)
		vsnprintf(buf_reserve(b, (size_t)n), (size_t)n + 1, fmt, again);
	va_end(again);
	b->len += (size_t)n;
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(b, fmt, ap);
	va_end(ap);
}

void buf_cut(struct buf *b, size_t len)
{
	BUG_UNLESS(len <= b->len);
	b->len = len;
	if (b->room)
		b->data[len] = 0;
}

char *buf_detach(struct buf *b)
{
	char *s = b->room ? b->data : xstrdup("");

	buf_init(b);
	return s;
}
