#include "base/arena.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

enum {
	/* An arena of which little is used touches few pages: each block is twice the one before. */
	BLOCK_FIRST = 4 * 1024 - 64,
	BLOCK_LAST = 64 * 1024,
	ALIGNMENT = _Alignof(int64_t), /* nothing that is kept here wants more */
};

struct block {
	struct block *next;
	size_t size, used;
	_Alignas(max_align_t) char bytes[];
};

struct cleanup {
	struct cleanup *next;
	void (*done)(void *);
	void *thing;
};

struct arena {
	struct block *blocks; /* the one being filled is first */
	struct cleanup *cleanups;
	size_t used, block_size; /* of the next one */
};

struct arena *arena_new(void)
{
	struct arena *a = xcalloc(1, sizeof(*a));

	a->block_size = BLOCK_FIRST;
	return a;
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	for (struct cleanup *c = a->cleanups; c; c = c->next)
		c->done(c->thing);
	for (struct block *b = a->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
}

static struct block *block_new(struct arena *a, size_t need)
{
	bool big = need > a->block_size / 4;
	size_t size = big ? need : a->block_size;
	struct block *b = xcalloc(1, sizeof(*b) + size);

	b->size = size;
	if (a->blocks && big) {
		/* It goes behind, so that the open block keeps its room. */
		b->next = a->blocks->next;
		a->blocks->next = b;
	} else {
		b->next = a->blocks;
		a->blocks = b;
	}
	if (a->block_size <= BLOCK_LAST / 2)
		a->block_size *= 2;
	return b;
}

static void *take(struct arena *a, size_t size, size_t align)
{
	struct block *b = a->blocks;
	size_t pad = b ? -b->used & (align - 1) : 0;
	void *p;

	BUG_UNLESS(size + pad >= size);
	if (!b || b->size - b->used < size + pad) {
		b = block_new(a, size);
		pad = 0;
	}
	p = b->bytes + b->used + pad;
	b->used += size + pad;
	a->used += size + pad;
	return p;
}

void *arena_alloc(struct arena *a, size_t size)
{
	return take(a, size, ALIGNMENT);
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	BUG_UNLESS(!size || n <= SIZE_MAX / size);
	return arena_alloc(a, n * size);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = take(a, n + 1, 1);

	memcpy(p, s, n);
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	int n;
	char *p;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	BUG_UNLESS(n >= 0);
	p = take(a, (size_t)n + 1, 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}

void arena_on_free(struct arena *a, void (*done)(void *), void *thing)
{
	struct cleanup *c = ARENA_NEW(a, struct cleanup);

	*c = (struct cleanup){.next = a->cleanups, .done = done, .thing = thing};
	a->cleanups = c;
}

size_t arena_used(const struct arena *a)
{
	return a->used;
}
