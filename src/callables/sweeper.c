/*
 * sweeper: files of a projection whose row is gone are removed.
 *
 *	folder	where the projection writes; only files in it are looked at, none below
 *	begins	how a file of the projection begins: no other file is touched
 *	keep	items {path, ...}: what the projection has now
 *
 * A folder that is not there has nothing to sweep.  Answers items {path} of what was removed.
 */
#include "callables/callable.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/map.h"
#include "doc/json.h"

struct sweep {
	const char *folder, *begins;
	struct map keep;
	json_t *removed;
	size_t n_seen;
	struct buf *err;
};

/* Through no symbolic link: what a link shows is somebody else's. */
static bool is_ours(const struct sweep *s, int dir, const char *name)
{
	size_t len = strlen(s->begins), got = 0;
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char *start = xmalloc(len + 1);
	bool ours;

	while (fd >= 0 && got < len) {
		ssize_t n = read(fd, start + got, len - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	ours = got == len && !memcmp(start, s->begins, len);
	free(start);
	if (fd >= 0)
		close(fd);
	return ours;
}

static bool sweep_file(struct sweep *s, int dir, const char *name)
{
	char *path;
	bool good = true;

	path = path_join(s->folder, name);
	s->n_seen++;
	if (!map_has(&s->keep, path) && is_ours(s, dir, name)) {
		good = unlinkat(dir, name, 0) == 0 || errno == ENOENT;
		if (good)
			json_array_append_new(s->removed, json_pack("{s:s}", "path", path));
		else
			buf_addf(s->err, "cannot remove '%s': %s", path, strerror(errno));
	}
	free(path);
	return good;
}

static bool sweep_folder(struct sweep *s)
{
	DIR *d = opendir(s->folder);
	struct dirent *e;
	bool good = true;

	if (!d && errno == ENOENT)
		return true;
	if (!d) {
		buf_addf(s->err, "cannot read the folder '%s': %s", s->folder, strerror(errno));
		return false;
	}
	while (good && (errno = 0, e = readdir(d)))
		if (e->d_name[0] != '.')
			good = sweep_file(s, dirfd(d), e->d_name);
	if (good && errno) {
		buf_addf(s->err, "cannot read the folder '%s': %s", s->folder, strerror(errno));
		good = false;
	}
	closedir(d);
	return good;
}

static bool read_keep(struct sweep *s, const json_t *items)
{
	const json_t *item;
	size_t i;

	json_array_foreach((json_t *)items, i, item) {
		const char *path = json_str(item, "path");

		if (!path) {
			buf_addf(s->err, "parameter 'keep[%zu]' has no 'path'", i);
			return false;
		}
		map_put(&s->keep, path, NULL);
	}
	return true;
}

bool sweeper(const json_t *in, json_t *ret, struct buf *err)
{
	static const char *const words[] = {"folder", "begins", "keep", NULL};
	const json_t *keep = input_list(in, "keep", err);
	struct sweep s = {.removed = json_array(), .err = err};
	bool good = keep && (s.folder = input_text(in, "folder", err)) && (s.begins = input_text(in, "begins", err)) &&
		    inputs_known(in, words, err) && read_keep(&s, keep) && sweep_folder(&s);
	json_t *stats;

	if (good) {
		stats = json_object();
		stats_rows(stats, s.n_seen, json_array_size(s.removed));
		json_object_set(ret, "items", s.removed);
		json_object_set_new(ret, "stats", stats);
	}
	json_decref(s.removed);
	map_release(&s.keep);
	return good;
}
