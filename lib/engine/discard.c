/* What a step that failed leaves half-made goes: the files it wrote, and no others. */
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/file_glob.h"
#include "base/stamp.h"
#include "engine/fresh.h"

/* Files are stamped with a clock that is behind by up to a hundredth of a second. */
enum { CLOCK_BEHIND_MS = 10 };

static bool is_changed(const struct stat *st, int64_t start_wall_ms)
{
	struct file_id id;

	file_id_of(st, &id);
	return id.ctime_ns / NS_PER_MS + CLOCK_BEHIND_MS >= start_wall_ms;
}

/* Deepest first; a folder goes if nothing is left in it and it is as new as what was in it. */
static void discard_below(const char *path, int64_t start_wall_ms)
{
	char *const paths[] = {(char *)path, NULL};
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *ent;

	while (fts && (ent = fts_read(fts))) {
		if (ent->fts_info == FTS_DP) {
			if (is_changed(ent->fts_statp, start_wall_ms))
				(void)rmdir(ent->fts_accpath);
		} else if (ent->fts_info != FTS_D && is_changed(ent->fts_statp, start_wall_ms)) {
			(void)unlink(ent->fts_accpath);
		}
	}
	if (fts)
		fts_close(fts);
}

/* Of a link it is the file behind it that counts, and the link that goes. */
static void discard_one(const char *path, int64_t start_wall_ms)
{
	struct stat st, own;

	if (lstat(path, &own) < 0)
		return;
	if (S_ISDIR(own.st_mode)) {
		discard_below(path, start_wall_ms);
		return;
	}
	if (is_changed(&own, start_wall_ms) || (!stat(path, &st) && !S_ISDIR(st.st_mode) &&
						is_changed(&st, start_wall_ms)))
		(void)unlink(path);
}

static void discard_matches(const char *root, const char *pattern, int64_t start_wall_ms)
{
	struct file_matches found = {0};

	(void)file_glob(root, pattern, &found);
	for (size_t i = 0; i < found.n; i++) {
		char *path = path_join(root, found.at[i]);

		discard_one(path, start_wall_ms);
		free(path);
	}
	file_matches_release(&found);
}

void discard_outputs(const char *root, const struct map *names, int64_t start_wall_ms)
{
	for (size_t i = 0; i < names->n; i++) {
		char *path = path_join(root, names->entry[i].key);

		if (is_file_glob(names->entry[i].key))
			discard_matches(root, names->entry[i].key, start_wall_ms);
		else
			discard_one(path, start_wall_ms);
		free(path);
	}
}

static void add_const(const struct value *v, const char *root, struct map *ret)
{
	const json_t *name = value_const(v);
	struct buf path = BUF_INIT;

	if (name && json_is_string(name)) {
		path_clean(&path, root, json_string_value(name));
		(void)map_intern(ret, path.data);
	}
	buf_release(&path);
}

void discard_names(const struct step *st, const char *root, const char *list, struct map *ret)
{
	enum { LIST_MAX = 64 << 20 };
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < st->t.flow->output.n; i++)
		add_const(st->t.flow->output.value[i], root, ret);
	if (st->t.flow->depfile)
		add_const(st->t.flow->depfile, root, ret);
	if (list && !file_read(list, &text, LIST_MAX))
		for (size_t at = 0; at < text.len; at += strlen(text.data + at) + 1)
			if (text.data[at])
				(void)map_intern(ret, text.data + at);
	buf_release(&text);
}
