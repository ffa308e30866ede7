#include "sys/lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include "base/fdio.h"

static int take(const char *path, enum lock_mode mode, int how)
{
	/* O_NONBLOCK: a FIFO planted at path must not stop us. */
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);

	if (fd < 0 || !flock(fd, (mode == LOCK_ALONE ? LOCK_EX : LOCK_SH) | how))
		return fd;
	fd_close(fd);
	return -1;
}

int lock_take(const char *path, enum lock_mode mode)
{
	return take(path, mode, LOCK_NB);
}

int lock_wait(const char *path, enum lock_mode mode)
{
	return take(path, mode, 0);
}
