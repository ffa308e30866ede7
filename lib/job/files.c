#include "job/files.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/file_glob.h"
#include "base/vec.h"

struct file_list {
	struct file_glob *at;
	size_t n, room;
};

/* An output's name (borrowed from the index) and its number. */
struct file_glob {
	const char *name;
	uint32_t number;
};

static const char *const words[] = {
#define FRESH(id, word, sentence) word,
	FRESH_KINDS(FRESH)
#undef FRESH
};

const char *fresh_word(enum fresh_kind k)
{
	return words[k];
}

bool makes_files(const struct traits *t)
{
	return t->flow->output.n || t->flow->depfile;
}

enum fresh_kind fresh_kind_of(const struct traits *t)
{
	if (t->policy->fresh.kind != FRESH_DEFAULT)
		return t->policy->fresh.kind;
	return t->flow->input.n || makes_files(t) ? FRESH_HASH : FRESH_ALWAYS;
}

bool asks_fresh(const struct traits *t)
{
	return fresh_kind_of(t) != FRESH_ALWAYS || t->flow->input.n;
}

void file_name_clean(struct buf *out, const char *root, const char *name)
{
	char *real = name[0] == '/' ? realpath(root, NULL) : NULL; /* root may be `.` */

	path_clean(out, real ? real : root, name);
	free(real);
}

bool is_file_glob(const char *name)
{
	return strpbrk(name, "*?[") != NULL;
}

/* --- adding ---------------------------------------------------------------------------------------- */

static void add_below(struct file_index *x, const char *name, uint32_t number)
{
	struct file_list *list;
	char *dir = xstrdup(name), *slash;

	while ((slash = strrchr(dir, '/')) && slash > dir) {
		*slash = 0;
		list = map_get(&x->below, dir);
		if (!list) {
			list = xcalloc(1, sizeof(*list));
			(void)map_put(&x->below, dir, list);
		}
		VEC_PUSH(list->at, list->n, list->room, ((struct file_glob){name, number}));
	}
	free(dir);
}

uint32_t file_index_add(struct file_index *x, const char *name, uint32_t number)
{
	uintptr_t known = (uintptr_t)map_get(&x->literal, name);
	const char *own;

	if (known)
		return (uint32_t)(known - 1);
	own = map_intern(&x->literal, name);
	(void)map_put(&x->literal, name, (void *)((uintptr_t)number + 1));
	if (is_file_glob(name))
		VEC_PUSH(x->glob, x->n_globs, x->room_globs, ((struct file_glob){own, number}));
	add_below(x, own, number); /* a glob too: it lies in a folder, and may be the name of a file */
	return FILE_NONE;
}

/* --- finding --------------------------------------------------------------------------------------- */

struct finding {
	void (*found)(void *ctx, uint32_t number);
	void *ctx;
};

/* Outputs that are name, or a folder above it; the last part of name may be a glob's. */
static void find_upwards(const struct file_index *x, const char *name, const struct finding *f)
{
	char *dir = xstrdup(name), *slash;
	uintptr_t hit;

	for (;;) {
		hit = (uintptr_t)map_get(&x->literal, dir);
		if (hit)
			f->found(f->ctx, (uint32_t)(hit - 1));
		slash = strrchr(dir, '/');
		if (!slash || slash == dir)
			break;
		*slash = 0;
	}
	free(dir);
}

/* The folder that a glob's matches lie below: the part before the one with the first wild card. */
static char *fixed_part(const char *glob)
{
	size_t n = strcspn(glob, "*?[");

	while (n && glob[n - 1] != '/')
		n--;
	return n > 1 ? xstrndup(glob, n - 1) : xstrdup("");
}

static void find_glob(const struct file_index *x, const char *glob, const struct finding *f)
{
	char *dir = fixed_part(glob);
	const struct file_list *list = dir[0] ? map_get(&x->below, dir) : NULL;

	for (size_t i = 0; list && i < list->n; i++)
		if (file_glob_match(glob, list->at[i].name))
			f->found(f->ctx, list->at[i].number);
	for (size_t i = 0; !dir[0] && i < x->literal.n; i++)
		if (file_glob_match(glob, x->literal.entry[i].key))
			f->found(f->ctx, (uint32_t)((uintptr_t)x->literal.entry[i].value - 1));
	free(dir);
}

static void find_literal(const struct file_index *x, const char *name, const struct finding *f)
{
	const struct file_list *list = map_get(&x->below, name);

	for (size_t i = 0; list && i < list->n; i++)
		f->found(f->ctx, list->at[i].number);
	for (size_t i = 0; i < x->n_globs; i++)
		if (file_glob_match(x->glob[i].name, name))
			f->found(f->ctx, x->glob[i].number);
}

void file_index_find(const struct file_index *x, const char *input, void (*found)(void *ctx, uint32_t number),
		     void *ctx)
{
	const struct finding f = {found, ctx};

	find_upwards(x, input, &f);
	if (is_file_glob(input))
		find_glob(x, input, &f);
	else
		find_literal(x, input, &f);
}

static void note_found(void *ctx, uint32_t number)
{
	(void)number;
	*(bool *)ctx = true;
}

bool file_means(const char *input, const char *output)
{
	struct file_index x = {0};
	bool hit = false;

	(void)file_index_add(&x, output, 0);
	file_index_find(&x, input, note_found, &hit);
	file_index_release(&x);
	return hit;
}

void file_index_release(struct file_index *x)
{
	for (size_t i = 0; i < x->below.n; i++) {
		free(((struct file_list *)x->below.entry[i].value)->at);
		free(x->below.entry[i].value);
	}
	map_release(&x->literal);
	map_release(&x->below);
	free(x->glob);
	*x = (struct file_index){0};
}
