/*
 * A broken invariant or no memory: nothing useful can follow, so the program
 * ends with the place.  Out of memory is handled here and nowhere else: the x
 * functions never return NULL.
 */
#ifndef BASE_BUG_H
#define BASE_BUG_H

#include <stddef.h>

#define BUG(...) bug_stop(__FILE__, __LINE__, __VA_ARGS__)
#define BUG_UNLESS(cond)                                                                           \
	do {                                                                                       \
		if (!(cond))                                                                       \
			BUG("not true: %s", #cond);                                                \
	} while (0)

/* Number of elements of an array (not of a pointer). */
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

_Noreturn void bug_stop(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Ends the program: for libraries that only say that there was none. */
_Noreturn void bug_no_memory(size_t size);

void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xreallocarray(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);

/* Printed into fresh memory; the caller frees. */
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
