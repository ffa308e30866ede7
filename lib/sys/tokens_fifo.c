/* Tokens that are bytes in a FIFO: GNU make's job server, as its client and as the server. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/vec.h"
#include "sys/tokens.h"

/*
 * A pipe has 16 pages, and of the first and the last in use not all may be: what is in 15 of them always finds room
 * again, so that no child is stopped where it gives back.
 */
enum { FIFO_ROOM = 15 * 4096, BLOCK = 512, TOKEN = '+', PATH_FD_MAX = 32 };

struct fifo {
	struct tokens base;
	int in, out;	       /* private, non-blocking */
	int pair_in, pair_out; /* for children; of a server its own, of a client those it came with */
	uint32_t most;
	uint32_t issued; /* of a server: tokens that there are, ours and others'; those above `most` are owed */
	char *bytes; /* read and not written back: each goes back as it came */
	size_t n_bytes, room_bytes;
	char *path; /* of the FIFO that is served; NULL: a client */
};

static struct fifo *fifo_of(const struct tokens *t)
{
	return (struct fifo *)(uintptr_t)t;
}

static int take(struct tokens *t)
{
	struct fifo *f = fifo_of(t);
	ssize_t n;
	char byte;

	if (t->held >= f->most || (t->held && tokens_owed(t)))
		return 0;
	if (t->held) {
		do
			n = read(f->in, &byte, 1);
		while (n < 0 && errno == EINTR);
		if (n != 1) /* no end of file: the other end is open here, too */
			return errno == EAGAIN ? 0 : -1;
		VEC_PUSH(f->bytes, f->n_bytes, f->room_bytes, byte);
	}
	t->held++;
	return 1;
}

static int give(struct tokens *t)
{
	struct fifo *f = fifo_of(t);
	ssize_t n;

	BUG_UNLESS(t->held);
	if (--t->held == 0)
		return 0;
	if (f->issued > f->most) {
		f->issued--;
		f->n_bytes--;
		return 0;
	}
	do
		n = write(f->out, &f->bytes[f->n_bytes - 1], 1);
	while (n < 0 && errno == EINTR);
	f->n_bytes--;
	return n < 0 ? -1 : 0;
}

static int watch_fd(const struct tokens *t)
{
	return fifo_of(t)->in;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void release(struct tokens *t)
{
	struct fifo *f = fifo_of(t);
	int saved = errno;

	(void)tokens_give_all(t);
	close_fd(f->in);
	if (f->out != f->in)
		close_fd(f->out);
	if (f->path) {
		close_fd(f->pair_in);
		close_fd(f->pair_out);
		(void)unlink(f->path);
	}
	free(f->path);
	free(f->bytes);
	free(f);
	errno = saved;
}

/* How many of n there was room for.  Block by block only into an empty pipe: a block that is cut takes a new page. */
static uint32_t put_tokens(int fd, uint32_t n, uint32_t block)
{
	uint32_t left = n;
	char bytes[BLOCK];

	memset(bytes, TOKEN, sizeof(bytes));
	while (left) {
		ssize_t put = write(fd, bytes, left < block ? left : block);

		if (put < 0 && errno != EINTR)
			break;
		left -= put > 0 ? (uint32_t)put : 0;
	}
	return n - left;
}

static int resize(struct tokens *t, uint32_t n)
{
	struct fifo *f = fifo_of(t);

	if (!f->path) {
		errno = EPERM;
		return -1;
	}
	f->most = n < FIFO_ROOM ? n : FIFO_ROOM;
	if (f->most > f->issued) {
		f->issued += put_tokens(f->in, f->most - f->issued, 1);
		f->most = f->issued;
	}
	(void)tokens_owed(t);
	return 0;
}

static const struct tokens_ops fifo_ops = {take, give, watch_fd, release, resize};

static struct fifo *fifo_new(uint32_t most)
{
	struct fifo *f = xcalloc(1, sizeof(*f));

	BUG_UNLESS(most > 0);
	*f = (struct fifo){
		.base = {.ops = &fifo_ops}, .in = -1, .out = -1, .pair_in = -1, .pair_out = -1, .most = most,
		.issued = most};
	return f;
}

static bool is_fifo(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	if (!S_ISFIFO(st.st_mode))
		errno = EINVAL;
	return S_ISFIFO(st.st_mode);
}

/* The pipe behind fd once more, with flags that are only ours. */
static int open_again(int fd, int mode)
{
	char path[PATH_FD_MAX];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, mode | O_NONBLOCK | O_CLOEXEC);
}

/* f, or NULL after a failure. */
static struct tokens *made(struct fifo *f, bool good)
{
	if (good)
		return &f->base;
	release(&f->base);
	return NULL;
}

struct tokens *tokens_from_pair(int read_fd, int write_fd, uint32_t most)
{
	struct fifo *f = fifo_new(most);
	bool good = is_fifo(read_fd) && is_fifo(write_fd);

	if (good) {
		f->in = open_again(read_fd, O_RDONLY);
		f->out = open_again(write_fd, O_WRONLY);
	}
	f->pair_in = read_fd;
	f->pair_out = write_fd;
	return made(f, good && f->in >= 0 && f->out >= 0);
}

struct tokens *tokens_from_fifo(const char *path, uint32_t most)
{
	struct fifo *f = fifo_new(most);

	/* Both ends: nobody is waited for, and the pool is there even if its server has gone. */
	f->in = f->out = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return made(f, f->in >= 0 && is_fifo(f->in));
}

struct tokens *tokens_serve(const char *path, uint32_t n)
{
	struct fifo *f = fifo_new(n < FIFO_ROOM ? n : FIFO_ROOM);
	bool good = !mkfifo(path, S_IRUSR | S_IWUSR);

	if (good) {
		f->path = xstrdup(path);
		f->in = f->out = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		/* Blocking, as make's own are, and each one way. */
		f->pair_in = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		f->pair_out = open(path, O_WRONLY | O_CLOEXEC);
		good = f->in >= 0 && f->pair_in >= 0 && f->pair_out >= 0 && !fcntl(f->pair_in, F_SETFL, 0) &&
		       put_tokens(f->in, f->most - 1, BLOCK) == f->most - 1;
	}
	return made(f, good);
}

void tokens_pair(const struct tokens *t, int *ret_read, int *ret_write)
{
	bool any = t->ops == &fifo_ops;

	*ret_read = any ? fifo_of(t)->pair_in : -1;
	*ret_write = any ? fifo_of(t)->pair_out : -1;
}

uint32_t tokens_debt(const struct tokens *t, int *ret_fd)
{
	bool any = t->ops == &fifo_ops;

	*ret_fd = any ? fifo_of(t)->out : -1;
	return any ? (uint32_t)fifo_of(t)->n_bytes : 0;
}

uint32_t tokens_size(const struct tokens *t)
{
	return t->ops == &fifo_ops ? fifo_of(t)->most : 0;
}

uint32_t tokens_owed(struct tokens *t)
{
	struct fifo *f = fifo_of(t);
	char byte;

	if (t->ops != &fifo_ops)
		return 0;
	while (f->issued > f->most && read(f->in, &byte, 1) == 1)
		f->issued--;
	return f->issued - f->most;
}

static bool drop_tokens(int fd, int n)
{
	char byte;

	for (; n > 0; n--)
		if (read(fd, &byte, 1) != 1)
			return false;
	return true;
}

int tokens_mend(struct tokens *t)
{
	struct fifo *f = fifo_of(t);
	int there, missing;

	if (t->ops != &fifo_ops || !f->path)
		return 0;
	if (ioctl(f->in, FIONREAD, &there) < 0)
		return TOKENS_BROKEN;
	missing = (int)(f->issued - 1 - f->n_bytes) - there;
	if (missing > 0 ? put_tokens(f->in, (uint32_t)missing, 1) != (uint32_t)missing : !drop_tokens(f->in, -missing))
		return TOKENS_BROKEN;
	(void)tokens_owed(t);
	return missing;
}
