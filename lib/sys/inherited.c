#include "sys/inherited.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/vec.h"

/* /dev/null under the lowest free number, which is fd, as those below have been seen to. */
static int open_null(int fd)
{
	int got = open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY);

	if (got == fd || got < 0)
		return got < 0 ? -1 : 0;
	close(got);
	errno = EBADF;
	return -1;
}

static void note(struct inherited *in, size_t *room, int fd)
{
	int flags = fcntl(fd, F_GETFD);

	if (flags < 0)
		return;
	(void)fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
	VEC_PUSH(in->fd, in->n, *room, fd);
}

static int by_number(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void note_listed(struct inherited *in, DIR *dir)
{
	size_t room = 0;

	for (struct dirent *d; (d = readdir(dir));) {
		int fd = atoi(d->d_name); /* "." and ".." are 0 */

		if (fd > STDERR_FILENO && fd != dirfd(dir))
			note(in, &room, fd);
	}
	if (in->n)
		qsort(in->fd, in->n, sizeof(*in->fd), by_number);
}

int inherited_check(struct inherited *in)
{
	enum { WITHOUT_PROC = 1024 };
	DIR *dir;

	*in = (struct inherited){0};
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		if (open_null(fd) < 0)
			return -1;
		in->was_closed |= 1u << fd;
	}
	dir = opendir("/proc/self/fd");
	if (dir) {
		note_listed(in, dir);
		closedir(dir);
	} else {
		size_t room = 0;

		for (int fd = STDERR_FILENO + 1; fd < WITHOUT_PROC; fd++)
			note(in, &room, fd);
	}
	return 0;
}

void inherited_release(struct inherited *in)
{
	free(in->fd);
	*in = (struct inherited){0};
}

bool inherited_fifo(const struct inherited *in, int fd, int mode)
{
	struct stat st;
	int flags;

	if (!in->n || !bsearch(&fd, in->fd, in->n, sizeof(*in->fd), by_number))
		return false;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode))
		return false;
	flags &= O_ACCMODE;
	return flags == mode || flags == O_RDWR;
}
