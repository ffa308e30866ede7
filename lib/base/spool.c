#include "base/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"

void spool_init(struct spool *s, const char *dir)
{
	*s = (struct spool){.tail = BUF_INIT, .dir = xstrdup(dir), .fd = -1};
}

void spool_release(struct spool *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->dir);
	buf_release(&s->tail);
	*s = (struct spool){.tail = BUF_INIT, .fd = -1};
}

static bool has_file(struct spool *s)
{
	if (s->fd < 0 && !s->no_file) {
		s->fd = open(s->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		s->no_file = s->fd < 0;
	}
	return !s->no_file;
}

void spool_file(struct spool *s)
{
	if (s->lost)
		buf_reset(&s->tail);
	if (s->lost || !has_file(s))
		return;
	s->lost = fd_write_all(s->fd, s->tail.data, s->tail.len) < 0;
	s->filed += s->tail.len;
	buf_reset(&s->tail);
}

uint64_t spool_len(const struct spool *s)
{
	return s->filed + s->tail.len;
}

static ssize_t read_at(int fd, void *piece, size_t len, uint64_t at)
{
	ssize_t n;

	do
		n = pread(fd, piece, len, (off_t)at);
	while (n < 0 && errno == EINTR);
	if (!n)
		errno = EIO; /* it was longer */
	return n;
}

bool spool_each(const struct spool *s, bool (*take)(void *ctx, const void *data, size_t len), void *ctx)
{
	enum { PIECE_BYTES = 256 * 1024 };
	char *piece = s->filed ? xmalloc(PIECE_BYTES) : NULL;
	bool good = !s->lost;

	for (uint64_t at = 0; good && at < s->filed;) {
		ssize_t n = read_at(s->fd, piece, PIECE_BYTES, at);

		good = n > 0 && take(ctx, piece, (size_t)n);
		at += n > 0 ? (uint64_t)n : 0;
	}
	free(piece);
	return good && (!s->tail.len || take(ctx, s->tail.data, s->tail.len));
}
