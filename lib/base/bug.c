#include "base/bug.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bug_stop(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "orchmake: internal error at %s:%d: ", file, line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	abort();
}

void bug_no_memory(size_t size)
{
	if (size)
		fprintf(stderr, "orchmake: out of memory (%zu bytes)\n", size);
	else
		fputs("orchmake: out of memory\n", stderr);
	exit(5);
}

static void *or_stop(void *p, size_t size)
{
	if (!p && size)
		bug_no_memory(size);
	return p;
}

void *xmalloc(size_t size)
{
	return or_stop(malloc(size ? size : 1), size);
}

void *xcalloc(size_t n, size_t size)
{
	return or_stop(calloc(n ? n : 1, size ? size : 1), n * size);
}

void *xreallocarray(void *p, size_t n, size_t size)
{
	if (!n || !size)
		n = size = 1;
	return or_stop(reallocarray(p, n, size), n * size);
}

char *xstrdup(const char *s)
{
	return or_stop(strdup(s), strlen(s) + 1);
}

char *xstrndup(const char *s, size_t n)
{
	return or_stop(strndup(s, n), n + 1);
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	return or_stop(s, 1);
}
