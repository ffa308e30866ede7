#include "base/file_glob.h"

#include <errno.h>
#include <fnmatch.h>
#include <fts.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/vec.h"

/* --- by the text -------------------------------------------------------------------------------------------- */

static bool is_deep_part(const char *part)
{
	return part[0] == '*' && part[1] == '*' && (part[2] == '/' || !part[2]);
}

bool file_glob_is_deep(const char *pattern)
{
	for (const char *part = pattern; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
		if (is_deep_part(part))
			return true;
	return false;
}

/* What comes behind the part at p; at the end: the end. */
static const char *next_part(const char *p)
{
	p = strchrnul(p, '/');
	return *p ? p + 1 : p;
}

static bool part_matches(const char *pattern, const char *name)
{
	char *p = xstrndup(pattern, strcspn(pattern, "/")), *n = xstrndup(name, strcspn(name, "/"));
	bool hit = !fnmatch(p, n, FNM_PERIOD);

	free(p);
	free(n);
	return hit;
}

/* Names go part by part; where one does not match, the last ** takes one more of them, unless it is hidden. */
static bool parts_match(const char *p, const char *name)
{
	const char *again = NULL, *taken = NULL;

	while (*name) {
		if (*p && is_deep_part(p)) {
			again = next_part(p);
			taken = name;
			p = again;
			if (*p)
				continue;
		} else if (*p && part_matches(p, name)) {
			p = next_part(p);
			name = next_part(name);
			continue;
		}
		if (!again || *taken == '.')
			return false;
		name = taken = next_part(taken);
		p = again;
	}
	return !*p;
}

bool file_glob_match(const char *pattern, const char *name)
{
	return file_glob_is_deep(pattern) ? parts_match(pattern, name)
					  : !fnmatch(pattern, name, FNM_PATHNAME | FNM_PERIOD);
}

/* --- on the disk --------------------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add(struct file_matches *m, const char *name)
{
	VEC_PUSH(m->at, m->n, m->room, xstrdup(name));
}

static int note_error(const char *path, int error)
{
	(void)path;
	return error != ENOENT && error != ENOTDIR;
}

/* A folder's name is no pattern, whatever is in it. */
static char *quoted(const char *dir)
{
	char *out = xmalloc(2 * strlen(dir) + 1), *p = out;

	for (; *dir; dir++) {
		if (strchr("*?[]\\", *dir))
			*p++ = '\\';
		*p++ = *dir;
	}
	*p = '\0';
	return out;
}

static int find_flat(const char *dir, const char *pattern, struct file_matches *ret)
{
	char *own = quoted(dir), *path = path_join(own, pattern), *plain = path_join(dir, pattern);
	size_t skip = strlen(plain) - strlen(pattern);
	glob_t g;
	int error = glob(path, 0, note_error, &g);

	for (size_t i = 0; !error && i < g.gl_pathc; i++)
		add(ret, g.gl_pathv[i] + skip);
	globfree(&g);
	free(own);
	free(path);
	free(plain);
	return !error || error == GLOB_NOMATCH ? 0 : error == GLOB_NOSPACE ? ENOMEM : EACCES;
}

/* What stands in front of the first part with a wild card. */
static char *fixed_part(const char *pattern)
{
	size_t n = strcspn(pattern, "*?[");

	while (n && pattern[n - 1] != '/')
		n--;
	return xstrndup(pattern, n);
}

static bool is_folder(const FTSENT *ent)
{
	struct stat st;

	return ent->fts_info == FTS_SL && !stat(ent->fts_accpath, &st) && S_ISDIR(st.st_mode);
}

/* `x/.git` and the like: folders that no wild card stands for are looked into all the same. */
static bool names_hidden(const char *pattern)
{
	return pattern[0] == '.' || strstr(pattern, "/.");
}

/* False: fts need not go on below. */
static bool look(const FTSENT *ent, const char *pattern, size_t skip, struct file_matches *ret, int *error)
{
	switch (ent->fts_info) {
	case FTS_D:
		return ent->fts_level == 0 || ent->fts_name[0] != '.' || names_hidden(pattern);
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		if (ent->fts_errno != ENOENT && ent->fts_errno != ENOTDIR)
			*error = ent->fts_errno;
		break;
	case FTS_DP:
	case FTS_DC:
		break;
	default:
		if (strlen(ent->fts_path) > skip && parts_match(pattern, ent->fts_path + skip) && !is_folder(ent))
			add(ret, ent->fts_path + skip);
	}
	return true;
}

static int find_deep(const char *dir, const char *pattern, struct file_matches *ret)
{
	char *fixed = fixed_part(pattern), *whole = path_join(dir, fixed), *start = whole[0] ? whole : xstrdup(".");
	char *const paths[] = {start, NULL};
	size_t skip = whole[0] ? strlen(whole) - strlen(fixed) : 2; /* "./" */
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW, NULL);
	FTSENT *ent;
	int error = fts ? 0 : errno;

	while (fts && (ent = fts_read(fts)))
		if (!look(ent, pattern, skip, ret, &error))
			(void)fts_set(fts, ent, FTS_SKIP);
	if (fts)
		fts_close(fts);
	if (start != whole)
		free(start);
	free(whole);
	free(fixed);
	return error;
}

/* app/[id].tsx is a file, and finds none as a pattern. */
static void find_itself(const char *dir, const char *pattern, struct file_matches *ret)
{
	char *path = path_join(dir, pattern);
	struct stat st;

	if (!lstat(path, &st))
		VEC_PUSH(ret->at, ret->n, ret->room, xstrdup(pattern));
	free(path);
}

int file_glob(const char *dir, const char *pattern, struct file_matches *ret)
{
	int error = (file_glob_is_deep(pattern) ? find_deep : find_flat)(dir, pattern, ret);

	if (!ret->n && !error)
		find_itself(dir, pattern, ret);
	if (ret->n)
		qsort(ret->at, ret->n, sizeof(*ret->at), by_text);
	return error;
}

void file_matches_release(struct file_matches *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->at[i]);
	free(m->at);
	*m = (struct file_matches){0};
}
