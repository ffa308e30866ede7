#include "doc/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/buf.h"
#include "base/fdio.h"

enum { BLOCK = 16 * 1024 };

static const char BOM[] = "\xef\xbb\xbf";

enum { REST_MIN = 1024 * 1024 };

struct body {
	char *bytes; /* what was allocated: text with a byte order mark before it, perhaps */
	struct span text;
	bool rests;
	struct digest digest; /* empty until it is wanted */
};

struct source {
	char *name;
	char *path; /* to read it again; NULL: it cannot be */
	struct body *body;
	/*
	 * How many lines end before each block of the text.  A full table of line starts would
	 * cost a third of the text itself where lines are short.
	 */
	uint32_t *ended;
	size_t n_blocks;
};

/* Bytes of w that are LF, added up bytewise into lanes. */
static inline uint64_t newline_lanes(uint64_t w)
{
	const uint64_t low7 = 0x7f7f7f7f7f7f7f7fu, ones = 0x0101010101010101u;
	uint64_t x = w ^ ones * '\n';

	return (~(((x & low7) + low7) | x | low7) >> 7) & ones;
}

static uint32_t sum_lanes(uint64_t lanes)
{
	uint32_t sum = 0;

	for (; lanes; lanes >>= 8)
		sum += lanes & 0xff;
	return sum;
}

static uint32_t count_newlines(const char *s, size_t len)
{
	enum { LANE_MAX = 255 };
	uint32_t n = 0;
	size_t i = 0;

	while (len - i >= sizeof(uint64_t)) {
		uint64_t lanes = 0, w;

		for (int k = 0; k < LANE_MAX && len - i >= sizeof(w); k++, i += sizeof(w)) {
			memcpy(&w, s + i, sizeof(w));
			lanes += newline_lanes(w);
		}
		n += sum_lanes(lanes);
	}
	for (; i < len; i++)
		n += s[i] == '\n';
	return n;
}

static void count_lines(struct source *s)
{
	const struct span text = s->body->text;
	uint32_t n = 0;

	s->n_blocks = text.len / BLOCK + 1;
	s->ended = xcalloc(s->n_blocks, sizeof(*s->ended));
	for (size_t i = 0; i < s->n_blocks; i++) {
		size_t at = i * BLOCK, rest = text.len - at;

		s->ended[i] = n;
		n += count_newlines(text.at + at, rest < BLOCK ? rest : BLOCK);
	}
}

/* Takes over bytes, which has SOURCE_PAD NULs behind len. */
static struct source *source_new(const char *name, char *bytes, size_t len)
{
	struct source *s = xcalloc(1, sizeof(*s));
	bool bom = len >= strlen(BOM) && !memcmp(bytes, BOM, strlen(BOM));

	s->name = xstrdup(name);
	s->body = xcalloc(1, sizeof(*s->body));
	s->body->bytes = bytes;
	s->body->text = (struct span){bytes, len};
	if (bom)
		s->body->text = (struct span){bytes + strlen(BOM), len - strlen(BOM)};
	count_lines(s);
	return s;
}

struct source *source_open_fd(int fd, const char *name)
{
	struct buf b = BUF_INIT;
	size_t len;
	char *bytes;

	if (fd_read_all(fd, &b, SOURCE_MAX) < 0) {
		int saved = errno;

		buf_release(&b);
		errno = saved;
		return NULL;
	}
	len = b.len;
	buf_pad(&b, 0, SOURCE_PAD);
	bytes = buf_detach(&b);
	return source_new(name, xreallocarray(bytes, len + SOURCE_PAD, 1), len);
}

struct source *source_open(const char *path, const char *name)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct source *s;
	struct stat st;

	if (fd < 0)
		return NULL;
	s = source_open_fd(fd, name);
	if (s && !fstat(fd, &st) && S_ISREG(st.st_mode))
		s->path = xstrdup(path);
	fd_close(fd);
	return s;
}

struct source *source_from(const char *name, const char *text, size_t len)
{
	char *bytes;

	BUG_UNLESS(len <= SOURCE_MAX);
	bytes = xmalloc(len + SOURCE_PAD);
	if (len)
		memcpy(bytes, text, len);
	memset(bytes + len, 0, SOURCE_PAD);
	return source_new(name, bytes, len);
}

void source_free(struct source *s)
{
	if (!s)
		return;
	free(s->name);
	free(s->path);
	free(s->body->bytes);
	free(s->body);
	free(s->ended);
	free(s);
}

const char *source_name(const struct source *s)
{
	return s->name;
}

const struct digest *source_digest(const struct source *s)
{
	struct body *b = s->body;

	if (!b->digest.hex[0])
		digest_of(&b->digest, b->text.at, b->text.len);
	return &b->digest;
}

void source_rest(struct source *s)
{
	struct body *b = s->body;

	if (!s->path || b->text.len < REST_MIN)
		return;
	(void)source_digest(s);
	free(b->bytes);
	b->bytes = NULL;
	b->text = (struct span){"", 0};
	b->rests = true;
}

static void wake(const struct source *s)
{
	struct body *b = s->body;
	struct source *now = source_open(s->path, s->name);

	b->rests = false;
	if (now && !strcmp(source_digest(now)->hex, b->digest.hex)) {
		b->bytes = now->body->bytes;
		b->text = now->body->text;
		now->body->bytes = NULL;
	}
	source_free(now);
}

struct span source_text(const struct source *s)
{
	if (s->body->rests)
		wake(s);
	return s->body->text;
}

/* The last block before which fewer than line lines have ended: the line starts in it, or before it. */
static size_t block_of_line(const struct source *s, uint32_t line)
{
	size_t low = 0, high = s->n_blocks;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (s->ended[mid] < line - 1)
			low = mid;
		else
			high = mid;
	}
	return low;
}

/* Where the line starts; false if there are fewer lines. */
static bool line_start(const struct source *s, uint32_t line, size_t *ret)
{
	const struct span text = source_text(s);
	size_t block, at;

	if (!line || !text.len)
		return false;
	block = block_of_line(s, line);
	at = block * BLOCK;
	for (uint32_t n = s->ended[block]; n < line - 1; n++) {
		const char *end = memchr(text.at + at, '\n', text.len - at);

		if (!end)
			return false;
		at = (size_t)(end - text.at) + 1;
	}
	*ret = line == 1 ? 0 : at;
	return true;
}

/* What is left of the line from at on, without its end. */
static size_t rest_of_line(const struct source *s, size_t at)
{
	const struct span text = source_text(s);
	const char *from = text.at + at;
	const char *end = memchr(from, '\n', text.len - at);
	size_t len = end ? (size_t)(end - from) : text.len - at;

	return end && len && from[len - 1] == '\r' ? len - 1 : len;
}

struct span source_line(const struct source *s, uint32_t line)
{
	size_t at;

	if (!line_start(s, line, &at))
		return (struct span){"", 0};
	return (struct span){source_text(s).at + at, rest_of_line(s, at)};
}

struct mark source_mark(const struct source *s, size_t offset, size_t len)
{
	const struct span text = source_text(s);
	size_t block, start, rest;
	uint32_t ended;
	const char *before;

	if (offset > text.len)
		offset = text.len;
	block = offset / BLOCK;
	ended = s->ended[block] + count_newlines(text.at + block * BLOCK, offset % BLOCK);
	before = memrchr(text.at, '\n', offset);
	start = before ? (size_t)(before - text.at) + 1 : 0;
	rest = rest_of_line(s, offset);
	return mark_of(s, (size_t)ended + 1, offset - start + 1, len < rest ? len : rest);
}

size_t source_offset(const struct source *s, struct mark m)
{
	size_t at, col = m.col ? m.col - 1 : 0;

	if (!line_start(s, (uint32_t)m.line, &at))
		return source_text(s).len;
	return col < source_text(s).len - at ? at + col : source_text(s).len;
}
