/*
 * Names in full: once all documents are read, `params.date` of a document in a namespace is known to be the
 * parameter `db.date`, and becomes one key of its root.  Messages go on quoting what was written.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"
#include "job/value_impl.h"

/* A part of the text that is replaced. */
struct edit {
	size_t at, end;
	const char *key; /* the name in full */
};

struct filling {
	struct arena *a;
	struct expr *e;
	expr_full_fn *full;
	void *ctx;
	struct edit *edit;
	size_t n, room;
};

/* --- the tree ---------------------------------------------------------------------------------- */

/* Where the root's word ends, and the `?` behind it. */
static size_t end_of_root(const struct expr *e, const struct term *t)
{
	size_t at = t->at;

	while (strchr("( \t\r\n", e->text[at]))
		at++;
	at += strlen(expr_root_word(t->root));
	return t->maybe ? (size_t)(strchr(e->text + at, '?') + 1 - e->text) : at;
}

static void replace_keys(struct filling *f, struct term *t, const char *key, size_t taken)
{
	struct access *last = &t->access[taken - 1];

	VEC_PUSH(f->edit, f->n, f->room,
		 ((struct edit){end_of_root(f->e, t), last->end - (last->maybe ? 1 : 0), key}));
	for (size_t i = 0; i + 1 < taken; i++)
		last->maybe |= t->access[i].maybe;
	last->key = key;
	last->index = NULL;
	t->n_access -= (uint32_t)(taken - 1);
	memmove(t->access, last, t->n_access * sizeof(*t->access));
}

static void fill_name(struct filling *f, struct term *t)
{
	const char **path = xcalloc(t->n_access + 1, sizeof(*path)), *key;
	size_t n = 0, taken;

	for (; n < t->n_access && t->access[n].key; n++)
		path[n] = t->access[n].key;
	key = n ? f->full(f->ctx, t->root, path, n, f->e->mark, &taken) : NULL;
	if (key)
		replace_keys(f, t, key, taken);
	free(path);
}

/* As deep as the tree, which is bounded. */
static void fill_term(struct filling *f, struct term *t)
{
	if (t->kind == TERM_PATH && t->root != ROOT_COUNT)
		fill_name(f, t);
	for (uint32_t i = 0; i < t->n; i++)
		fill_term(f, t->kid[i]);
	for (uint32_t i = 0; t->kind == TERM_PATH && i < t->n_access; i++)
		if (t->access[i].index)
			fill_term(f, t->access[i].index);
}

/* --- the text ---------------------------------------------------------------------------------- */

/* Whether a dot and key is read as the same keys. */
static bool is_plain(const char *key)
{
	for (const char *p = key; *p; p++) {
		bool first = p == key || p[-1] == '.';

		if (first ? !isalpha((unsigned char)*p) && *p != '_' : !isalnum((unsigned char)*p) && *p != '_' && *p != '.')
			return false;
	}
	return key[strlen(key) - 1] != '.';
}

static int by_place(const void *x, const void *y)
{
	const struct edit *a = x, *b = y;

	return (a->at > b->at) - (a->at < b->at);
}

static const char *edited(struct filling *f)
{
	struct buf text = BUF_INIT;
	const char *kept;
	size_t at = 0;

	qsort(f->edit, f->n, sizeof(*f->edit), by_place);
	for (size_t i = 0; i < f->n; i++) {
		const struct edit *x = &f->edit[i];

		buf_add(&text, f->e->text + at, x->at - at);
		buf_addf(&text, is_plain(x->key) ? ".%s" : "['%s']", x->key);
		at = x->end;
	}
	buf_puts(&text, f->e->text + at);
	kept = arena_strdup(f->a, text.data);
	buf_release(&text);
	return kept;
}

bool expr_fill(struct arena *a, struct expr *e, expr_full_fn *full, void *ctx)
{
	struct filling f = {.a = a, .e = e, .full = full, .ctx = ctx};

	if (e->filled)
		return false;
	e->filled = true;
	fill_term(&f, e->top);
	if (f.n)
		e->source = edited(&f);
	free(f.edit);
	return f.n > 0;
}

const char *expr_source(const struct expr *e)
{
	return e->source ? e->source : e->text;
}

/* --- values ------------------------------------------------------------------------------------ */

static void add_part(struct buf *b, const struct part *p)
{
	json_t *text = value_kept_text(p->text.at, p->text.len);

	buf_puts(b, json_string_value(text));
	json_decref(text);
	if (p->expr)
		buf_addf(b, VALUE_OPENING "%s" VALUE_CLOSING, expr_source(p->expr));
}

static void fill_parts(struct arena *a, struct value *v, expr_full_fn *full, void *ctx)
{
	struct buf b = BUF_INIT;
	bool any = false;

	for (size_t i = 0; i < v->n; i++)
		any |= v->part[i].expr && expr_fill(a, v->part[i].expr, full, ctx);
	for (size_t i = 0; any && i < v->n; i++)
		add_part(&b, &v->part[i]);
	if (any)
		v->written = arena_strdup(a, b.data);
	buf_release(&b);
}

void value_fill(struct arena *a, struct value *v, expr_full_fn *full, void *ctx)
{
	switch (v->shape) {
	case SHAPE_EXPR:
		if (expr_fill(a, v->expr, full, ctx))
			v->written = arena_printf(a, VALUE_OPENING "%s" VALUE_CLOSING, expr_source(v->expr));
		break;
	case SHAPE_TEXT:
		fill_parts(a, v, full, ctx);
		break;
	case SHAPE_LIST:
	case SHAPE_MAP:
		for (size_t i = 0; i < v->n; i++)
			value_fill(a, v->item[i], full, ctx);
		break;
	case SHAPE_CONST:
		break;
	}
}
