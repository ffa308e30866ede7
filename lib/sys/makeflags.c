#include "sys/makeflags.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

/* A number and nothing else up to end. */
static bool read_number(const char *at, const char *end, long *ret)
{
	char *stop;

	*ret = strtol(at, &stop, 10);
	return stop == end && stop > at && *ret >= INT_MIN && *ret <= INT_MAX;
}

static void read_pair(struct makeflags *m, const char *at, const char *end)
{
	const char *comma = memchr(at, ',', (size_t)(end - at));
	long r, w;

	m->auth = AUTH_BAD;
	if (!comma || !read_number(at, comma, &r) || !read_number(comma + 1, end, &w))
		return;
	m->auth = r < 0 || w < 0 ? AUTH_NONE : AUTH_PAIR;
	m->read_fd = (int)r;
	m->write_fd = (int)w;
}

/* make writes a blank within a word, and a backslash, behind a backslash. */
static char *unescaped(const char *at, const char *end)
{
	char *text = xcalloc(1, (size_t)(end - at) + 1), *to = text;

	for (; at < end; at++) {
		at += *at == '\\' && at + 1 < end;
		*to++ = *at;
	}
	return text;
}

static void read_auth(struct makeflags *m, const char *at, const char *end)
{
	static const char fifo[] = "fifo:";
	size_t n = strlen(fifo);

	free(m->path);
	m->path = NULL;
	if (strncmp(at, fifo, n)) {
		read_pair(m, at, end);
		return;
	}
	m->auth = at + n < end ? AUTH_FIFO : AUTH_BAD;
	m->path = unescaped(at + n, end);
}

/* A later one counts, and one without a number takes the limit away. */
static void read_load(struct makeflags *m, const char *at, const char *end)
{
	char *stop;
	double load = strtod(at, &stop);

	m->load_limited = stop == end && stop > at && load >= 0;
	m->load = m->load_limited ? load : 0;
}

static void read_word(struct makeflags *m, const char *at, const char *end)
{
	static const char *const names[] = {"--jobserver-auth=", "--jobserver-fds="};
	long jobs;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strncmp(at, names[i], strlen(names[i])))
			read_auth(m, at + strlen(names[i]), end);
	if (!strncmp(at, "-j", 2) && read_number(at + 2, end, &jobs) && jobs > 0)
		m->jobs = (uint32_t)jobs;
	if (!strncmp(at, "-l", 2))
		read_load(m, at + 2, end);
}

static const char *end_of_word(const char *at)
{
	for (; *at && *at != ' '; at++)
		at += *at == '\\' && at[1];
	return at;
}

void makeflags_parse(struct makeflags *m, const char *text)
{
	const char *at = text ? text : "", *end;

	*m = (struct makeflags){.read_fd = -1, .write_fd = -1};
	/* The letters come first and without a dash; where there are none the text begins with a blank. */
	if (*at && *at != ' ' && *at != '-') {
		end = end_of_word(at);
		m->dry_run = memchr(at, 'n', (size_t)(end - at)) && !memchr(at, '=', (size_t)(end - at));
		at = end;
	}
	while (*(at += strspn(at, " "))) {
		end = end_of_word(at);
		if (end - at == 2 && !strncmp(at, "--", 2))
			return; /* settings of variables follow */
		read_word(m, at, end);
		at = end;
	}
}

void makeflags_release(struct makeflags *m)
{
	free(m->path);
	*m = (struct makeflags){.read_fd = -1, .write_fd = -1};
}

void makeflags_write(struct buf *out, uint32_t jobs, int read_fd, int write_fd, const char *path)
{
	buf_addf(out, " -j%u --jobserver-auth=", jobs);
	if (!path) {
		buf_addf(out, "%d,%d", read_fd, write_fd);
		return;
	}
	buf_puts(out, "fifo:");
	for (; *path; path++)
		buf_addf(out, "%s%c", *path == ' ' || *path == '\\' ? "\\" : "", *path);
}
