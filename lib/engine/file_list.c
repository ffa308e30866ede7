#include "engine/fresh.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/file_glob.h"
#include "base/stamp.h"
#include "base/vec.h"

enum { LINK_MAX = 4096, TRIES = 3 };

void file_list_release(struct file_list *l)
{
	free(l->at);
	free(l->missing);
	*l = (struct file_list){0};
}

/* --- looking ----------------------------------------------------------------------------------------- */

struct looking {
	struct file_table *t;
	struct file_list *l;
	const struct map *without;
};

static bool is_left_out(const struct looking *k, const char *path)
{
	for (size_t i = 0; k->without && i < k->without->n; i++)
		if (file_means(path, k->without->entry[i].key))
			return true;
	return false;
}

static void add_seen(struct looking *k, const char *path, const struct stat *st)
{
	struct seen_file s = {.file = file_table_get(k->t, path), .mode = st->st_mode};

	file_id_of(st, &s.id);
	s.settled = file_id_settled(&s.id);
	sights_add(k->t->sights, S_ISLNK(st->st_mode) ? SIGHT_LINK : SIGHT_FILE, path, st);
	VEC_PUSH(k->l->at, k->l->n, k->l->room, s);
}

static void fail(struct looking *k, const char *name, int error)
{
	sights_spoil(k->t->sights, "a file was missing");
	if (k->l->missing)
		return;
	k->l->missing = xstrdup(name);
	k->l->error = error == ENOENT || error == ENOTDIR ? 0 : error;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void add_entry(struct looking *k, FTS *fts, FTSENT *ent)
{
	struct buf path = BUF_INIT;

	path_clean(&path, k->t->root, ent->fts_path);
	switch (ent->fts_info) {
	case FTS_D:
		/* What orchmake writes itself is nobody's input. */
		if (!strcmp(path.data, ".orchmake") || !strcmp(ent->fts_name, ".git"))
			(void)fts_set(fts, ent, FTS_SKIP);
		else
			sights_add(k->t->sights, SIGHT_FILE, path.data, ent->fts_statp);
		break;
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		fail(k, path.data, ent->fts_errno);
		break;
	case FTS_DP:
		break;
	default:
		if (!is_left_out(k, path.data))
			add_seen(k, path.data, ent->fts_statp);
	}
	buf_release(&path);
}

/* Everything below a folder, in the order of names; links are not followed. */
static void look_below(struct looking *k, const char *name)
{
	char *path = path_join(k->t->root, name);
	char *const paths[] = {path, NULL};
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW, by_name);
	FTSENT *ent;

	if (!fts)
		fail(k, name, errno);
	while (fts && (ent = fts_read(fts)))
		add_entry(k, fts, ent);
	if (fts)
		fts_close(fts);
	free(path);
}

static void look_at(struct looking *k, const char *name)
{
	struct stat st;

	if (fstatat(k->t->root_fd, name, &st, 0) < 0)
		fail(k, name, errno);
	else if (S_ISDIR(st.st_mode))
		look_below(k, name);
	else
		add_seen(k, name, &st);
}

static void look_at_matches(struct looking *k, const char *pattern)
{
	struct file_matches found = {0};
	struct buf name = BUF_INIT;
	int error;

	sights_match(k->t->sights, k->t->root, pattern);
	error = file_glob(k->t->root, pattern, &found);

	if (error)
		fail(k, pattern, error);
	for (size_t i = 0; i < found.n; i++) {
		buf_reset(&name);
		path_clean(&name, k->t->root, found.at[i]);
		if (!is_left_out(k, name.data))
			look_at(k, name.data);
	}
	buf_release(&name);
	file_matches_release(&found);
}

const char file_of_depfile[] = "";

/* What is gone is one name less, so the list is another one. */
static void look_at_found(struct looking *k, const char *name)
{
	struct stat st;

	if (fstatat(k->t->root_fd, name, &st, 0) < 0)
		sights_look(k->t->sights, k->t->root, name);
	else if (!is_left_out(k, name))
		add_seen(k, name, &st);
}

void file_list_look(struct file_table *t, struct file_list *l, const struct map *names, const struct map *without)
{
	struct looking k = {t, l, without};

	for (size_t i = 0; i < names->n; i++)
		if (names->entry[i].value == file_of_depfile)
			look_at_found(&k, names->entry[i].key);
		else
			(is_file_glob(names->entry[i].key) ? look_at_matches : look_at)(&k, names->entry[i].key);
}

const char *file_list_moved(struct file_table *t, const struct file_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct seen_file *s = &l->at[i];
		struct file_id now;
		struct stat st;

		if (fstatat(t->root_fd, s->file->path, &st, S_ISLNK(s->mode) ? AT_SYMLINK_NOFOLLOW : 0) < 0)
			return s->file->path;
		file_id_of(&st, &now);
		if (!file_id_same(&now, &s->id))
			return s->file->path;
	}
	return NULL;
}

/* --- hashing ------------------------------------------------------------------------------------------ */

static bool is_known(const struct seen_file *s)
{
	const struct known_file *k = s->file;

	return k->pinned ? k->known : k->known && k->settled && file_id_same(&k->id, &s->id);
}

/* A link inside a folder is where it points to; pipes, sockets and devices have no content to look at. */
static bool hash_special(const struct file_table *t, const struct seen_file *s, uint64_t *ret)
{
	char text[LINK_MAX];
	ssize_t n;

	if (S_ISREG(s->mode))
		return false;
	*ret = hash_text(1, "special");
	if (S_ISLNK(s->mode)) {
		n = readlinkat(t->root_fd, s->file->path, text, sizeof(text));
		*ret = hash_join(2, hash_of(text, n > 0 ? (size_t)n : 0));
	}
	return true;
}

static bool fail_reading(struct file_cursor *c, const struct seen_file *s)
{
	c->error = errno;
	c->failed = s->file->path;
	file_cursor_release(c);
	return true;
}

/* The content that is being read is what this stat says, both before and after. */
static bool open_content(struct file_cursor *c, const struct file_table *t, struct seen_file *s)
{
	c->id = s->id;
	c->settled = file_id_settled(&s->id);
	c->hasher = file_hasher_open(t->root_fd, s->file->path);
	return c->hasher != NULL;
}

static void close_content(struct file_cursor *c, struct file_table *t, struct seen_file *s, uint64_t hash)
{
	struct stat st;
	struct file_id now = {0};

	file_hasher_free(c->hasher);
	c->hasher = NULL;
	if (!fstatat(t->root_fd, s->file->path, &st, 0))
		file_id_of(&st, &now);
	s->hash = hash;
	s->hashed = true;
	file_table_learn(t, s->file, &c->id, hash, c->settled && file_id_same(&now, &c->id));
}

/* True when the hash of s is there (or cannot be had). */
static bool content_go(struct file_cursor *c, struct file_table *t, struct seen_file *s, int64_t until)
{
	uint64_t hash;

	if (!c->hasher && !open_content(c, t, s))
		return fail_reading(c, s);
	do {
		switch (file_hasher_go(c->hasher, &hash)) {
		case HASHING_FAILED:
			return fail_reading(c, s);
		case HASHING_DONE:
			close_content(c, t, s, hash);
			return true;
		case HASHING_MORE:
			break;
		}
	} while (stamp_mono_ns() < until);
	return false;
}

static bool seen_go(struct file_cursor *c, struct file_table *t, struct seen_file *s, int64_t until)
{
	if (s->hashed)
		return true;
	if (is_known(s)) {
		s->hash = s->file->hash;
		s->hashed = true;
	} else if (hash_special(t, s, &s->hash)) {
		s->hashed = true;
	} else {
		return content_go(c, t, s, until);
	}
	return true;
}

bool file_cursor_go(struct file_cursor *c, struct file_table *t, struct file_list *l, int64_t since_ms,
		    int64_t until_mono_ns)
{
	for (; c->at < l->n && !c->error; c->at++) {
		struct seen_file *s = &l->at[c->at];

		if (c->only_unsettled && s->settled)
			continue;
		if (!seen_go(c, t, s, until_mono_ns))
			return false;
		if (!c->changed && since_ms && s->file->since_wall_ms > since_ms)
			c->changed = s->file->path;
		c->hash = hash_join(hash_text(c->hash, s->file->path), s->hash);
		if (c->at % 256 == 255 && stamp_mono_ns() >= until_mono_ns) {
			c->at++;
			return false;
		}
	}
	return true;
}

void file_cursor_release(struct file_cursor *c)
{
	file_hasher_free(c->hasher);
	c->hasher = NULL;
}
