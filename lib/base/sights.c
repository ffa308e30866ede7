#include "base/sights.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/file_glob.h"
#include "base/vec.h"

static const char WILD[] = "*?[\\";

void sights_release(struct sights *l)
{
	free(l->at);
	buf_release(&l->names);
	*l = (struct sights)SIGHTS_INIT;
}

/* --- putting down ------------------------------------------------------------------------------------------ */

void sights_spoil(struct sights *l, const char *why)
{
	if (!l || l->spoilt)
		return;
	sights_release(l);
	l->spoilt = why;
}

static void put(struct sights *l, enum sight_kind kind, const char *name, const struct file_id *id)
{
	if (l->names.len + strlen(name) >= UINT32_MAX) {
		sights_spoil(l, "it is about more names than an image holds");
		return;
	}
	VEC_PUSH(l->at, l->n, l->room, ((struct sight){.id = *id, .name = (uint32_t)l->names.len, .kind = kind}));
	buf_add(&l->names, name, strlen(name) + 1);
}

void sights_add(struct sights *l, enum sight_kind kind, const char *name, const struct stat *st)
{
	struct file_id id;

	if (!l || l->spoilt)
		return;
	file_id_of(st, &id);
	if (file_id_settled(&id))
		put(l, kind, name, &id);
	else
		sights_spoil(l, "a file was changed so lately that another change might not show");
}

/* list: its entries count, if it is a folder. */
static void look(struct sights *l, const char *folder, const char *name, bool list)
{
	static const struct file_id none;
	char *path = path_join(folder, name);
	struct stat st;
	bool there = !stat(path, &st);

	if (there && S_ISDIR(st.st_mode) && !list)
		put(l, SIGHT_FOLDER, name, &none);
	else if (there)
		sights_add(l, SIGHT_FILE, name, &st);
	else if (errno == ENOENT || errno == ENOTDIR)
		put(l, SIGHT_NOTHING, name, &none);
	else
		sights_spoil(l, "something cannot be looked at");
	free(path);
}

void sights_look(struct sights *l, const char *folder, const char *name)
{
	if (l && !l->spoilt)
		look(l, folder, name, false);
}

void sights_list(struct sights *l, const char *folder, const char *name)
{
	if (l && !l->spoilt)
		look(l, folder, name, true);
}

void sights_match(struct sights *l, const char *folder, const char *pattern)
{
	const char *last = path_base(pattern);
	char *above;

	if (!l || l->spoilt)
		return;
	if (strcspn(pattern, WILD) < (size_t)(last - pattern) || file_glob_is_deep(pattern)) {
		sights_spoil(l, "files are looked for in folders that a pattern stands for");
		return;
	}
	above = path_dir(pattern);
	look(l, folder, above, true);
	free(above);
}

/* --- order ---------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b, void *names)
{
	const struct sight *x = a, *y = b;
	int order = strcmp((const char *)names + x->name, (const char *)names + y->name);

	if (!order)
		order = memcmp(&x->id, &y->id, sizeof(x->id));
	return order ? order : (x->kind > y->kind) - (x->kind < y->kind);
}

static bool same(const struct sights *l, const struct sight *a, const struct sight *b)
{
	return a->kind == b->kind && file_id_same(&a->id, &b->id) &&
	       !strcmp(l->names.data + a->name, l->names.data + b->name);
}

void sights_sort(struct sights *l)
{
	size_t n = 0;

	if (l->n)
		qsort_r(l->at, l->n, sizeof(*l->at), by_name, l->names.data);
	for (size_t i = 0; i < l->n; i++)
		if (!n || !same(l, &l->at[n - 1], &l->at[i]))
			l->at[n++] = l->at[i];
	l->n = n;
}

/* --- looking again -------------------------------------------------------------------------------------------- */

static bool holds(const struct sight *s, const char *name, int dir)
{
	struct file_id now;
	struct stat st;
	bool there = !fstatat(dir, name, &st, s->kind == SIGHT_LINK ? AT_SYMLINK_NOFOLLOW : 0);

	switch ((enum sight_kind)s->kind) {
	case SIGHT_FILE:
	case SIGHT_LINK:
		if (there)
			file_id_of(&st, &now);
		return there && file_id_same(&now, &s->id);
	case SIGHT_FOLDER:
		return there && S_ISDIR(st.st_mode);
	case SIGHT_NOTHING:
		return !there && (errno == ENOENT || errno == ENOTDIR);
	case SIGHT_KINDS:
		break;
	}
	return false;
}

const char *sights_differ(const struct sight *at, size_t n, const char *names, int dir)
{
	for (size_t i = 0; i < n; i++)
		if (!holds(&at[i], names + at[i].name, dir))
			return names + at[i].name;
	return NULL;
}
