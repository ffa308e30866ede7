#include "base/fdio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/span.h"

int fd_read_all(int fd, struct buf *b, size_t max)
{
	size_t start = b->len;

	for (;;) {
		enum { CHUNK = 64 * 1024 };
		ssize_t n = read(fd, buf_reserve(b, CHUNK), CHUNK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		b->len += (size_t)n;
		b->data[b->len] = 0;
		if (b->len - start > max) {
			errno = EFBIG;
			return -1;
		}
	}
}

void fd_close(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
}

int file_read(const char *path, struct buf *b, size_t max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return -1;
	rc = fd_read_all(fd, b, max);
	fd_close(fd);
	return rc;
}

int file_read_regular(const char *path, struct buf *b, size_t max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = -1;
	struct stat st;

	if (fd < 0)
		return -1;
	if (!fstat(fd, &st) && !S_ISREG(st.st_mode))
		errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
	else
		rc = fd_read_all(fd, b, max);
	fd_close(fd);
	return rc;
}

int fd_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int file_make_atomic(const char *path, mode_t mode, int (*put)(void *ctx, int fd), void *ctx)
{
	char *tmp = xasprintf("%s.tmp.%d", path, (int)getpid());
	int saved, fd;

	(void)unlink(tmp);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		goto free_name;
	if (put(ctx, fd) < 0) {
		saved = errno;
		close(fd);
		goto remove;
	}
	if (close(fd) < 0 || rename(tmp, path) < 0) {
		saved = errno;
		goto remove;
	}
	free(tmp);
	return 0;

remove:
	(void)unlink(tmp);
	errno = saved;
free_name:
	free(tmp);
	return -1;
}

static int put_span(void *ctx, int fd)
{
	const struct span *s = ctx;

	return fd_write_all(fd, s->at, s->len);
}

int file_write_atomic(const char *path, const void *data, size_t len, mode_t mode)
{
	return file_make_atomic(path, mode, put_span, &(struct span){data, len});
}

static int write_into(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), rc, saved;

	if (fd < 0)
		return -1;
	rc = fd_write_all(fd, data, len);
	saved = errno;
	if (close(fd) == 0)
		errno = saved;
	else
		rc = -1;
	return rc;
}

int file_write_to(const char *path, const void *data, size_t len, mode_t mode)
{
	char *real = realpath(path, NULL);
	struct stat st;
	int rc;

	if (real && !stat(real, &st) && !S_ISREG(st.st_mode))
		rc = write_into(real, data, len);
	else
		rc = file_write_atomic(real ? real : path, data, len, mode);
	free(real);
	return rc;
}

int dirs_make(const char *path, mode_t mode)
{
	char *copy;
	int rc = 0;
	struct stat st;

	if (!mkdir(path, mode) || (errno == EEXIST && !stat(path, &st) && S_ISDIR(st.st_mode)))
		return 0;
	if (errno != ENOENT)
		return -1;
	copy = xstrdup(path);
	for (char *p = copy + 1; !rc && *p; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			rc = -1;
		*p = '/';
	}
	free(copy);
	if (!rc && mkdir(path, mode) < 0 && errno != EEXIST)
		rc = -1;
	return rc;
}

bool file_exists(const char *path)
{
	return !access(path, F_OK);
}

char *path_join(const char *dir, const char *name)
{
	if (name[0] == '/' || !dir[0] || !strcmp(dir, "."))
		return xstrdup(name);
	return xasprintf("%s%s%s", dir, dir[strlen(dir) - 1] == '/' ? "" : "/", name);
}

char *path_dir(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int file_read_own(const char *path, struct buf *b, size_t max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY), rc = -1;
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		;
	else if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_mode & (S_IWGRP | S_IWOTH))
		errno = EPERM;
	else
		rc = fd_read_all(fd, b, max);
	fd_close(fd);
	return rc;
}

int folder_sync(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc, saved;

	if (fd < 0)
		return -1;
	rc = fsync(fd) < 0 && errno != EINVAL ? -1 : 0;
	saved = errno;
	close(fd);
	errno = saved;
	return rc;
}

int file_open_beneath(const char *folder, const char *path)
{
	const struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC), fd;

	if (dir < 0)
		return -1;
	fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	fd_close(dir);
	return fd;
}

/* Take the last part off what has been written since `from`; `..` stays where there is none. */
static bool drop_part(struct buf *out, size_t from)
{
	size_t len = out->len;

	while (len > from && out->data[len - 1] != '/')
		len--;
	if (out->len == from || !strcmp(out->data + len, ".."))
		return false;
	buf_cut(out, len > from + (out->data[from] == '/') ? len - 1 : len);
	return true;
}

static void add_part(struct buf *out, size_t from, const char *part, size_t len)
{
	if (!len || (len == 1 && part[0] == '.'))
		return;
	if (len == 2 && !memcmp(part, "..", 2) && (drop_part(out, from) || out->data[from] == '/'))
		return;
	if (out->len > from && out->data[out->len - 1] != '/')
		buf_putc(out, '/');
	buf_add(out, part, len);
}

/* Relative, and there is nothing to take out of it. */
static bool is_clean(const char *path)
{
	for (const char *part = path;; part++) {
		const char *end = strchrnul(part, '/');

		if (end == part || (*part == '.' && (end == part + 1 || (part[1] == '.' && end == part + 2))))
			return false;
		if (!*end)
			return true;
		part = end;
	}
}

void path_clean(struct buf *out, const char *root, const char *path)
{
	size_t from = out->len, n;

	if (is_clean(path)) {
		buf_puts(out, path);
		return;
	}
	n = strlen(root);
	if (path[0] == '/' && !strncmp(path, root, n) && (path[n] == '/' || !path[n]))
		path += n;
	else if (path[0] == '/')
		buf_putc(out, '/');
	for (size_t len; *path; path += len) {
		path += strspn(path, "/");
		len = strcspn(path, "/");
		add_part(out, from, path, len);
	}
	if (out->len == from)
		buf_putc(out, '.');
}
