#include "sys/tokens.h"

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

/*
 * A pipe has 16 pages, and of the first and the last in use not all may be: what is in 15 of them always finds room
 * again, so that no child is stopped where it gives back.
 */
enum { FIFO_ROOM = 15 * 4096, BLOCK = 512, TOKEN = '+', PATH_FD_MAX = 32 };

struct tokens {
	uint32_t held;	       /* taken and not given back */
	int in, out;	       /* private, non-blocking */
	int pair_in, pair_out; /* for children; of a server its own, of a client those it came with */
	uint32_t most;
	uint32_t issued; /* of a server: tokens that there are, ours and others'; those above `most` are owed */
	char *bytes; /* read and not written back: each goes back as it came */
	size_t n_bytes, room_bytes;
	char *path; /* of the FIFO that is served; NULL: a client */
};

int tokens_take(struct tokens *t)
{
	ssize_t n;
	char byte;

	if (t->held >= t->most || (t->held && tokens_owed(t)))
		return 0;
	if (t->held) {
		do
			n = read(t->in, &byte, 1);
		while (n < 0 && errno == EINTR);
		if (n != 1) /* no end of file: the other end is open here, too */
			return errno == EAGAIN ? 0 : -1;
		VEC_PUSH(t->bytes, t->n_bytes, t->room_bytes, byte);
	}
	t->held++;
	return 1;
}

int tokens_give(struct tokens *t)
{
	ssize_t n;

	BUG_UNLESS(t->held);
	if (--t->held == 0)
		return 0;
	if (t->issued > t->most) {
		t->issued--;
		t->n_bytes--;
		return 0;
	}
	do
		n = write(t->out, &t->bytes[t->n_bytes - 1], 1);
	while (n < 0 && errno == EINTR);
	t->n_bytes--;
	return n < 0 ? -1 : 0;
}

int tokens_give_all(struct tokens *t)
{
	int error = 0;

	while (t->held)
		if (tokens_give(t) < 0 && !error)
			error = errno;
	if (!error)
		return 0;
	errno = error;
	return -1;
}

uint32_t tokens_held(const struct tokens *t)
{
	return t->held;
}

int tokens_watch_fd(const struct tokens *t)
{
	return t->in;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void tokens_free(struct tokens *t)
{
	int saved = errno;

	if (!t)
		return;
	(void)tokens_give_all(t);
	close_fd(t->in);
	if (t->out != t->in)
		close_fd(t->out);
	if (t->path) {
		close_fd(t->pair_in);
		close_fd(t->pair_out);
		(void)unlink(t->path);
	}
	free(t->path);
	free(t->bytes);
	free(t);
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

int tokens_resize(struct tokens *t, uint32_t n)
{
	BUG_UNLESS(n > 0);
	if (!t->path) {
		errno = EPERM;
		return -1;
	}
	t->most = n < FIFO_ROOM ? n : FIFO_ROOM;
	if (t->most > t->issued) {
		t->issued += put_tokens(t->in, t->most - t->issued, 1);
		t->most = t->issued;
	}
	(void)tokens_owed(t);
	return 0;
}

static struct tokens *new_pool(uint32_t most)
{
	struct tokens *t = xcalloc(1, sizeof(*t));

	BUG_UNLESS(most > 0);
	*t = (struct tokens){.in = -1, .out = -1, .pair_in = -1, .pair_out = -1, .most = most, .issued = most};
	return t;
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

/* t, or NULL after a failure. */
static struct tokens *made(struct tokens *t, bool good)
{
	if (good)
		return t;
	tokens_free(t);
	return NULL;
}

struct tokens *tokens_from_pair(int read_fd, int write_fd, uint32_t most)
{
	struct tokens *t = new_pool(most);
	bool good = is_fifo(read_fd) && is_fifo(write_fd);

	if (good) {
		t->in = open_again(read_fd, O_RDONLY);
		t->out = open_again(write_fd, O_WRONLY);
	}
	t->pair_in = read_fd;
	t->pair_out = write_fd;
	return made(t, good && t->in >= 0 && t->out >= 0);
}

struct tokens *tokens_from_fifo(const char *path, uint32_t most)
{
	struct tokens *t = new_pool(most);

	/* Both ends: nobody is waited for, and the pool is there even if its server has gone. */
	t->in = t->out = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return made(t, t->in >= 0 && is_fifo(t->in));
}

struct tokens *tokens_serve(const char *path, uint32_t n)
{
	struct tokens *t = new_pool(n < FIFO_ROOM ? n : FIFO_ROOM);
	bool good = !mkfifo(path, S_IRUSR | S_IWUSR);

	if (good) {
		t->path = xstrdup(path);
		t->in = t->out = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		/* Blocking, as make's own are, and each one way. */
		t->pair_in = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		t->pair_out = open(path, O_WRONLY | O_CLOEXEC);
		good = t->in >= 0 && t->pair_in >= 0 && t->pair_out >= 0 && !fcntl(t->pair_in, F_SETFL, 0) &&
		       put_tokens(t->in, t->most - 1, BLOCK) == t->most - 1;
	}
	return made(t, good);
}

void tokens_pair(const struct tokens *t, int *ret_read, int *ret_write)
{
	*ret_read = t->pair_in;
	*ret_write = t->pair_out;
}

uint32_t tokens_debt(const struct tokens *t, int *ret_fd)
{
	*ret_fd = t->out;
	return (uint32_t)t->n_bytes;
}

uint32_t tokens_size(const struct tokens *t)
{
	return t->most;
}

uint32_t tokens_owed(struct tokens *t)
{
	char byte;

	while (t->issued > t->most && read(t->in, &byte, 1) == 1)
		t->issued--;
	return t->issued - t->most;
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
	int there, missing;

	if (!t->path)
		return 0;
	if (ioctl(t->in, FIONREAD, &there) < 0)
		return TOKENS_BROKEN;
	missing = (int)(t->issued - 1 - t->n_bytes) - there;
	if (missing > 0 ? put_tokens(t->in, (uint32_t)missing, 1) != (uint32_t)missing : !drop_tokens(t->in, -missing))
		return TOKENS_BROKEN;
	(void)tokens_owed(t);
	return missing;
}
