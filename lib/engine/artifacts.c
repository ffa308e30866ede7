/* Artifacts: files that an attempt made, kept beside its log under the names they have in the project. */
#include "engine/artifacts.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "engine/engine_impl.h"

struct keeper {
	struct engine *e;
	uint32_t unit;
	char *folder; /* where they go */
	struct buf *err;
};

static bool cannot(struct keeper *k, const char *name)
{
	buf_addf(k->err, "artifact '%s' cannot be kept: %s", name, strerror(errno));
	return false;
}

/* --- one file ---------------------------------------------------------------------------------------- */

static int copy_bytes(int from, int to)
{
	enum { AT_ONCE = 1 << 30 };
	ssize_t n;

	while ((n = copy_file_range(from, NULL, to, NULL, AT_ONCE, 0)) > 0)
		;
	return n < 0 ? -1 : 0;
}

/* A clone shares the bytes and no change; a copy costs their time. */
static int clone_or_copy(int from, const char *path)
{
	int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), rc, saved;

	if (to < 0)
		return -1;
	rc = ioctl(to, FICLONE, from) < 0 ? copy_bytes(from, to) : 0;
	saved = errno;
	if (close(to) < 0 && !rc)
		return -1;
	errno = saved;
	return rc;
}

static int place(const char *from, const char *to)
{
	char *folder = path_dir(to);
	int fd = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), rc = -1, saved;

	if (fd >= 0 && dirs_make(folder, 0700) == 0 && (unlink(to) == 0 || errno == ENOENT))
		rc = clone_or_copy(fd, to);
	saved = errno;
	if (fd >= 0)
		close(fd);
	free(folder);
	errno = saved;
	return rc;
}

/* As the project calls it: relative to its folder, or absolute. */
static const char *name_of(const struct keeper *k, const char *path)
{
	size_t n = strlen(k->e->root);

	return !strncmp(path, k->e->root, n) && path[n] == '/' ? path + n + 1 : path;
}

static bool keep_file(struct keeper *k, const char *path, const struct stat *st)
{
	const char *name = name_of(k, path);
	char *to = path_join(k->folder, name[0] == '/' ? name + 1 : name);
	bool good = place(path, to) == 0;

	if (!good)
		(void)cannot(k, name);
	else if (k->e->ledger)
		ledger_artifact(k->e->ledger, k->e->run_no, k->unit,
				&(struct ledger_artifact){.name = name, .kind = "file", .path = to, .size_bytes = st->st_size});
	free(to);
	return good;
}

/* --- what a pattern names ------------------------------------------------------------------------------ */

static bool keep_entry(struct keeper *k, FTS *walk, FTSENT *at)
{
	switch (at->fts_info) {
	case FTS_D:
		/* Not our own folder, into which all this goes. */
		if (!strcmp(at->fts_path, k->e->paths.state_dir))
			(void)fts_set(walk, at, FTS_SKIP);
		return true;
	case FTS_F:
		return keep_file(k, at->fts_path, at->fts_statp);
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		errno = at->fts_errno;
		return errno == ENOENT || cannot(k, name_of(k, at->fts_path));
	default:
		return true; /* a link, a FIFO, a device: not a file of bytes */
	}
}

/* A file, or all files below a folder; links are followed only where they are named. */
static bool keep_below(struct keeper *k, char *path)
{
	char *paths[] = {path, NULL};
	FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
	FTSENT *at;
	bool good = true;

	if (!walk)
		return cannot(k, name_of(k, path));
	while (good && (at = fts_read(walk)))
		good = keep_entry(k, walk, at);
	fts_close(walk);
	return good;
}

static bool leaves_folder(const char *pattern)
{
	for (const char *p = pattern; p; p = strchr(p, '/')) {
		p += *p == '/';
		if (!strncmp(p, "..", 2) && (!p[2] || p[2] == '/'))
			return true;
	}
	return false;
}

static bool keep_matching(struct keeper *k, struct unit_world *w, const char *pattern)
{
	json_t *found, *name;
	bool good = true;
	size_t i;

	if (leaves_folder(pattern)) {
		buf_addf(k->err, "artifacts: '%s' holds '..'", pattern);
		return false;
	}
	found = world_glob(w, pattern);
	if (!found)
		return cannot(k, pattern);
	json_array_foreach (found, i, name) {
		char *path = path_join(k->e->root, json_string_value(name));

		good = good && keep_below(k, path);
		free(path);
	}
	json_decref(found);
	return good;
}

static char *folder_of(struct engine *e, uint32_t unit)
{
	struct buf path = BUF_INIT, name = BUF_INIT;

	expansion_unit_name(e->x, unit, &name);
	buf_addf(&path, "%s/artifacts/%04" PRIu32 "-", e->paths.logs, unit);
	path_safe(&path, name.data);
	buf_release(&name);
	return buf_detach(&path);
}

bool artifacts_keep(struct engine *e, uint32_t unit, struct buf *err)
{
	const struct value_list *globs = &e->x->place[unit].step->t.policy->artifact;
	struct keeper k = {.e = e, .unit = unit, .err = err};
	struct buf pattern = BUF_INIT;
	struct unit_world w;
	struct expr_world xw;
	bool good = true;

	if (!globs->n)
		return true;
	k.folder = folder_of(e, unit);
	unit_world_init(&w, e, unit);
	xw = unit_world_expr(&w);
	for (size_t i = 0; good && i < globs->n; i++) {
		buf_reset(&pattern);
		good = value_text(globs->value[i], &xw, &pattern, err) && keep_matching(&k, &w, pattern.data);
	}
	unit_world_release(&w);
	buf_release(&pattern);
	free(k.folder);
	return good;
}
