/* Words, patterns with a %, and files on the disk. */
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/vec.h"
#include "import/make.h"

void mk_words_add(struct mk_words *w, const char *name, struct mark mark)
{
	VEC_PUSH(w->at, w->n, w->room, ((struct mk_word){name, mark}));
}

bool mk_match(const char *pattern, const char *name, struct span *ret_stem)
{
	const char *percent = strchr(pattern, '%');
	size_t before = percent ? (size_t)(percent - pattern) : 0, behind = percent ? strlen(percent + 1) : 0, n = strlen(name);

	if (!percent) {
		*ret_stem = (struct span){name, 0};
		return !strcmp(pattern, name);
	}
	if (n < before + behind || memcmp(pattern, name, before) || strcmp(percent + 1, name + n - behind))
		return false;
	*ret_stem = (struct span){name + before, n - before - behind};
	return true;
}

void mk_fill(struct buf *out, const char *pattern, struct span stem)
{
	const char *percent = strchr(pattern, '%');

	if (!percent) {
		buf_puts(out, pattern);
		return;
	}
	buf_add(out, pattern, (size_t)(percent - pattern));
	buf_add(out, stem.at, stem.len);
	buf_puts(out, percent + 1);
}

static bool look(const struct mk *m, const char *name, struct stat *st)
{
	char *path = path_join(m->where->dir, name);
	bool there = !stat(path, st);

	free(path);
	return there;
}

bool mk_is_there(const struct mk *m, const char *name)
{
	struct stat st;

	return look(m, name, &st);
}

bool mk_is_folder(const struct mk *m, const char *name)
{
	struct stat st;

	return look(m, name, &st) && S_ISDIR(st.st_mode);
}

void mk_glob(const struct mk *m, const char *pattern, struct mk_words *ret, struct mark mark)
{
	char *path = path_join(m->where->dir, pattern);
	size_t skip = pattern[0] == '/' ? 0 : strlen(path) - strlen(pattern);
	glob_t g;

	if (!glob(path, 0, NULL, &g)) {
		for (size_t i = 0; i < g.gl_pathc; i++)
			mk_words_add(ret, arena_strdup(m->a, g.gl_pathv[i] + skip), mark);
		globfree(&g);
	}
	free(path);
}
