#include "store/base_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/span.h"
#include "base/vec.h"

enum { FOLDER_FLAGS = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

/* ---- the way to a file ---- */

static bool path_stays(const char *path, struct fault *f)
{
	if (path[0] == '/')
		return fault_set(f, CODE_STORAGE, "'%s' is absolute: paths begin below the base folder", path);
	for (const char *p = path; *p; p += *p == '/') {
		size_t n = strcspn(p, "/");

		if (span_is((struct span){p, n}, ".."))
			return fault_set(f, CODE_STORAGE, "'%s' could leave the base folder: '..' is refused", path);
		p += n;
	}
	return true;
}

static int complain(struct fault *f, const char *path, const char *part)
{
	if (errno == ELOOP || errno == ENOTDIR)
		fault_set(f, CODE_STORAGE, "'%s': '%s' is no folder, or a symbolic link, which is refused", path, part);
	else
		fault_errno(f, "'%s': cannot open the folder '%s'", path, part);
	return -1;
}

/* A folder in dir; with s it is made if it is missing. */
static int open_folder(int dir, const char *name, struct staged_files *s, bool *ret_made)
{
	int fd = openat(dir, name, FOLDER_FLAGS);

	if (fd >= 0 || errno != ENOENT || !s)
		return fd;
	if (!mkdirat(dir, name, 0777))
		*ret_made = true;
	else if (errno != EEXIST)
		return -1;
	return openat(dir, name, FOLDER_FLAGS);
}

/*
 * The folder of path, opened part by part from base; with s the missing ones are made and
 * remembered.  *ret_name is the last part, inside path.  With ret_missing a folder that is not
 * there is no complaint.
 */
static int walk(int base, const char *path, struct staged_files *s, const char **ret_name, bool *ret_missing,
		struct fault *f)
{
	int dir = fcntl(base, F_DUPFD_CLOEXEC, 0);
	const char *p = path;

	for (const char *slash; dir >= 0 && (slash = strchr(p, '/')); p = slash + 1) {
		char *part = xstrndup(p, (size_t)(slash - p));
		bool made = false;
		int next = -1;

		if (*part && strcmp(part, ".")) {
			next = open_folder(dir, part, s, &made);
			if (next < 0 && errno == ENOENT && ret_missing)
				*ret_missing = true;
			else if (next < 0)
				complain(f, path, part);
			if (made)
				VEC_PUSH(s->made, s->n_made, s->room_made, xstrndup(path, (size_t)(slash - path)));
			close(dir);
			dir = next;
		}
		free(part);
	}
	*ret_name = p;
	return dir;
}

/* What is there now under the name: absent or a plain file, else a complaint. */
static bool target_good(int dir, const char *name, const char *path, bool *ret_exists, struct fault *f)
{
	struct stat st;

	*ret_exists = false;
	if (!*name || !strcmp(name, "."))
		return fault_set(f, CODE_STORAGE, "'%s' names a folder, not a file", path);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT || fault_errno(f, "cannot look at '%s'", path);
	if (S_ISLNK(st.st_mode))
		return fault_set(f, CODE_STORAGE, "'%s' is a symbolic link, which is refused", path);
	if (!S_ISREG(st.st_mode))
		return fault_set(f, CODE_STORAGE, "'%s' is there already, and is no plain file", path);
	*ret_exists = true;
	return true;
}

static int open_base(const char *base, struct fault *f)
{
	int fd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		fault_errno(f, "cannot open the base folder '%s'", base);
	return fd;
}

/* ---- reading ---- */

bool base_read(const char *base, const char *path, struct buf *out, size_t max, struct fault *f)
{
	int root, dir = -1, fd = -1;
	const char *name;
	bool exists, good = false;

	if (!path_stays(path, f))
		return false;
	root = open_base(base, f);
	if (root >= 0)
		dir = walk(root, path, NULL, &name, NULL, f);
	if (dir >= 0 && target_good(dir, name, path, &exists, f)) {
		/* NONBLOCK: should a pipe have taken the place since. */
		fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		good = fd >= 0 && fd_read_all(fd, out, max) == 0;
		if (!good)
			fault_errno(f, "cannot read '%s'", path);
	}
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
	if (root >= 0)
		close(root);
	return good;
}

char *base_sqlite_path(const char *base, const char *path, struct fault *f)
{
	const char *name;
	int root, dir = -1;
	char *whole = NULL;
	bool exists, missing = false;

	if (!path_stays(path, f))
		return NULL;
	root = open_base(base, f);
	if (root >= 0)
		dir = walk(root, path, NULL, &name, &missing, f);
	if (missing || (dir >= 0 && target_good(dir, name, path, &exists, f)))
		whole = path_join(base, path);
	if (dir >= 0)
		close(dir);
	if (root >= 0)
		close(root);
	return whole;
}

/* ---- writing ---- */

bool staged_open(struct staged_files *s, const char *base, struct fault *f)
{
	*s = (struct staged_files){.base = open_base(base, f)};
	return s->base >= 0;
}

static bool content_is(int dir, const char *name, const void *data, size_t len)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct buf b = BUF_INIT;
	struct stat st;
	bool same;

	if (fd < 0)
		return false;
	same = !fstat(fd, &st) && S_ISREG(st.st_mode) && (size_t)st.st_size == len &&
	       !fd_read_all(fd, &b, len) && b.len == len && !memcmp(b.data, data, len);
	close(fd);
	buf_release(&b);
	return same;
}

/* A new file in the folder, nameless where the file system can do that. */
static int new_file(struct staged_file *file, size_t number)
{
	/* Through /proc, as a folder that was opened for its path alone cannot be the file's. */
	char *folder = xasprintf("/proc/self/fd/%d", file->dir);
	int fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);

	free(folder);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
		return fd;
	file->tmp = xasprintf(".%.100s.%d.%zu.orchmake", file->name, (int)getpid(), number);
	return openat(file->dir, file->tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
}

/* A file that is replaced keeps its mode. */
static void keep_mode(const struct staged_file *file)
{
	struct stat st;

	if (!fstatat(file->dir, file->name, &st, AT_SYMLINK_NOFOLLOW))
		(void)fchmod(file->fd, st.st_mode & 0777);
}

static bool fill(struct staged_file *file, size_t number, const void *data, size_t len, struct fault *f)
{
	bool exists;

	if (!target_good(file->dir, file->name, file->path, &exists, f))
		return false;
	file->size = len;
	if (exists && content_is(file->dir, file->name, data, len)) {
		file->unchanged = true;
		return true;
	}
	file->fd = new_file(file, number);
	if (file->fd < 0 || fd_write_all(file->fd, data, len) < 0)
		return fault_errno(f, "cannot write '%s'", file->path);
	if (exists)
		keep_mode(file);
	return true;
}

static bool same_folder(const char *a, const char *b)
{
	size_t n = (size_t)(path_base(a) - a);

	return n == (size_t)(path_base(b) - b) && !memcmp(a, b, n);
}

bool staged_add(struct staged_files *s, const char *path, const void *data, size_t len, struct fault *f)
{
	struct staged_file file = {.fd = -1, .dir = -1};
	const char *name = path_base(path);

	if (!path_stays(path, f))
		return false;
	if (map_has(&s->paths, path))
		return fault_set(f, CODE_STORAGE, "'%s' is written twice by one submission", path);
	if (s->n && same_folder(s->file[s->n - 1].path, path)) {
		file.dir = s->file[s->n - 1].dir;
		file.shares_dir = true;
	} else {
		file.dir = walk(s->base, path, s, &name, NULL, f);
	}
	if (file.dir < 0)
		return false;
	map_put(&s->paths, path, NULL);
	file.path = xstrdup(path);
	file.name = xstrdup(name);
	VEC_PUSH(s->file, s->n, s->room, file);
	return fill(&s->file[s->n - 1], s->n, data, len, f);
}

/* Give the nameless file a temporary name. */
static bool give_name(struct staged_file *file, size_t number)
{
	char *from;
	bool good;

	if (file->tmp)
		return true;
	from = xasprintf("/proc/self/fd/%d", file->fd);
	file->tmp = xasprintf(".%.100s.%d.%zu.orchmake", file->name, (int)getpid(), number);
	good = linkat(AT_FDCWD, from, file->dir, file->tmp, AT_SYMLINK_FOLLOW) == 0;
	if (!good) {
		free(file->tmp);
		file->tmp = NULL;
	}
	free(from);
	return good;
}

bool staged_publish(struct staged_files *s, struct fault *f)
{
	for (size_t i = 0; i < s->n; i++) {
		struct staged_file *file = &s->file[i];

		if (file->unchanged)
			continue;
		if (!give_name(file, i) || renameat(file->dir, file->tmp, file->dir, file->name) < 0)
			return fault_errno(f, "cannot put '%s' in its place", file->path);
		free(file->tmp);
		file->tmp = NULL;
	}
	return true;
}

void staged_release(struct staged_files *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct staged_file *file = &s->file[i];

		if (file->tmp)
			(void)unlinkat(file->dir, file->tmp, 0);
		if (file->fd >= 0)
			close(file->fd);
		if (!file->shares_dir)
			close(file->dir);
		free(file->tmp);
		free(file->path);
		free(file->name);
	}
	while (s->n_made) {
		char *made = s->made[--s->n_made];

		(void)unlinkat(s->base, made, AT_REMOVEDIR); /* only if it is still empty */
		free(made);
	}
	map_release(&s->paths);
	free(s->made);
	free(s->file);
	if (s->base >= 0)
		close(s->base);
	*s = (struct staged_files){.base = -1};
}
