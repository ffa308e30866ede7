#include "sys/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

static int close_with(int fd, int error)
{
	close(fd);
	errno = error;
	return -1;
}

/* O_NONBLOCK: a FIFO planted at path must not stop us. */
static int open_lock(const char *path, int flags)
{
	return open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
}

int lock_take(struct lock *l, const char *path, pid_t *ret_holder)
{
	struct flock want = {.l_type = F_WRLCK, .l_whence = SEEK_SET}, held = want;
	int fd = open_lock(path, O_RDWR | O_CREAT);

	if (fd < 0)
		return -1;
	if (fcntl(fd, F_SETLK, &want) == 0) {
		l->fd = fd;
		return 0;
	}
	if (errno != EAGAIN && errno != EACCES)
		return close_with(fd, errno);
	if (fcntl(fd, F_GETLK, &held) < 0)
		return close_with(fd, errno);
	*ret_holder = held.l_type == F_UNLCK || held.l_pid < 0 ? 0 : held.l_pid;
	return close_with(fd, EAGAIN);
}

void lock_drop(struct lock *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

pid_t lock_holder(const char *path)
{
	struct flock held = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open_lock(path, O_RDONLY);

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (fcntl(fd, F_GETLK, &held) < 0)
		return close_with(fd, errno);
	close(fd);
	return held.l_type == F_UNLCK ? 0 : held.l_pid;
}

static int handle(const char *path, enum handle_mode mode, int how)
{
	int fd = open_lock(path, O_RDWR | O_CREAT);

	if (fd < 0)
		return -1;
	if (flock(fd, (mode == HANDLE_ALONE ? LOCK_EX : LOCK_SH) | how) < 0)
		return close_with(fd, errno);
	return fd;
}

int handle_take(const char *path, enum handle_mode mode)
{
	return handle(path, mode, LOCK_NB);
}

int handle_wait(const char *path, enum handle_mode mode)
{
	return handle(path, mode, 0);
}

int handle_held(const char *path)
{
	int fd = open_lock(path, O_RDONLY);
	int held;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	held = flock(fd, LOCK_SH | LOCK_NB) < 0;
	if (held && errno != EWOULDBLOCK)
		return close_with(fd, errno);
	close(fd); /* and the shared lock with it */
	return held;
}
