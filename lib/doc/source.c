#include "doc/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/buf.h"
#include "base/fdio.h"

enum { BLOCK = 16 * 1024 };

static const char BOM[] = "\xef\xbb\xbf";

struct source {
	char *name;
	char *bytes; /* what was allocated: text with a byte order mark before it, perhaps */
	struct span text;
	/*
	 * How many lines end before each block of the text.  A full table of line starts would
	 * cost a third of the text itself where lines are short.
	 */
	uint32_t *ended;
	size_t n_blocks;
	struct digest *digest; /* empty until it is wanted */
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
	uint32_t n = 0;

	s->n_blocks = s->text.len / BLOCK + 1;
	s->ended = xcalloc(s->n_blocks, sizeof(*s->ended));
	for (size_t i = 0; i < s->n_blocks; i++) {
		size_t at = i * BLOCK, rest = s->text.len - at;

		s->ended[i] = n;
		n += count_newlines(s->text.at + at, rest < BLOCK ? rest : BLOCK);
	}
}

/* Takes over bytes, which has SOURCE_PAD NULs behind len. */
static struct source *source_new(const char *name, char *bytes, size_t len)
{
	struct source *s = xcalloc(1, sizeof(*s));
	bool bom = len >= strlen(BOM) && !memcmp(bytes, BOM, strlen(BOM));

	s->name = xstrdup(name);
	s->bytes = bytes;
	s->digest = xcalloc(1, sizeof(*s->digest));
	s->text = (struct span){bytes, len};
	if (bom)
		s->text = (struct span){bytes + strlen(BOM), len - strlen(BOM)};
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
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), saved;
	struct source *s;

	if (fd < 0)
		return NULL;
	s = source_open_fd(fd, name);
	saved = errno;
	close(fd);
	errno = saved;
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
	free(s->bytes);
	free(s->ended);
	free(s->digest);
	free(s);
}

const char *source_name(const struct source *s)
{
	return s->name;
}

struct span source_text(const struct source *s)
{
	return s->text;
}

const struct digest *source_digest(const struct source *s)
{
	if (!s->digest->hex[0])
		digest_of(s->digest, s->text.at, s->text.len);
	return s->digest;
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
	size_t block, at;

	if (!line)
		return false;
	block = block_of_line(s, line);
	at = block * BLOCK;
	for (uint32_t n = s->ended[block]; n < line - 1; n++) {
		const char *end = memchr(s->text.at + at, '\n', s->text.len - at);

		if (!end)
			return false;
		at = (size_t)(end - s->text.at) + 1;
	}
	*ret = line == 1 ? 0 : at;
	return true;
}

/* What is left of the line from at on, without its end. */
static size_t rest_of_line(const struct source *s, size_t at)
{
	const char *from = s->text.at + at;
	const char *end = memchr(from, '\n', s->text.len - at);
	size_t len = end ? (size_t)(end - from) : s->text.len - at;

	return end && len && from[len - 1] == '\r' ? len - 1 : len;
}

struct span source_line(const struct source *s, uint32_t line)
{
	size_t at;

	if (!line_start(s, line, &at))
		return (struct span){"", 0};
	return (struct span){s->text.at + at, rest_of_line(s, at)};
}

struct mark source_mark(const struct source *s, size_t offset, size_t len)
{
	size_t block, start, rest;
	uint32_t ended;
	const char *before;

	if (offset > s->text.len)
		offset = s->text.len;
	block = offset / BLOCK;
	ended = s->ended[block] + count_newlines(s->text.at + block * BLOCK, offset % BLOCK);
	before = memrchr(s->text.at, '\n', offset);
	start = before ? (size_t)(before - s->text.at) + 1 : 0;
	rest = rest_of_line(s, offset);
	return mark_of(s, (size_t)ended + 1, offset - start + 1, len < rest ? len : rest);
}

size_t source_offset(const struct source *s, struct mark m)
{
	size_t at, col = m.col ? m.col - 1 : 0;

	if (!line_start(s, (uint32_t)m.line, &at))
		return s->text.len;
	return col < s->text.len - at ? at + col : s->text.len;
}
