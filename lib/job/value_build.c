/* From nodes to values: text is taken apart, and what is constant becomes one JSON value. */
#include "job/value_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

/* --- building --------------------------------------------------------------------------------------- */

struct builder {
	struct arena *a;
	struct diags *d;
};

/* A constant (a reference) or a value; neither after diagnostics. */
struct built {
	json_t *constant;
	struct value *value;
};

static void drop_json(void *v)
{
	json_decref(v);
}

/* Takes over v. */
static void set_constant(struct arena *a, struct value *value, json_t *v)
{
	value->constant = v;
	arena_on_free(a, drop_json, v);
}

static struct value *value_new(struct arena *a, enum value_shape shape, struct mark m)
{
	struct value *v = ARENA_NEW(a, struct value);

	v->shape = shape;
	v->mark = m;
	return v;
}

/* Takes over v. */
static struct value *constant_value(struct arena *a, json_t *v, struct mark m)
{
	struct value *value = value_new(a, SHAPE_CONST, m);

	set_constant(a, value, v);
	return value;
}

static struct value *value_of(struct arena *a, struct built x, struct mark m)
{
	return x.constant ? constant_value(a, x.constant, m) : x.value;
}

/* --- text with ${{ }} ------------------------------------------------------------------------------- */

/* A text that is being taken apart. */
struct cutter {
	struct builder *b;
	const struct node *n;
	struct mark first; /* of its first character */
	size_t places;	   /* how much of it stands in the source as it is */
	struct buf text;   /* before the next expression, without the `$` that keep a `${{` */
	struct part *part;
	size_t n_parts;
	bool bad;
};

/* Where the first character stands: behind the quote. */
static struct mark first_mark(const struct node *n)
{
	size_t len = n->mark.len;

	if (n->style != STYLE_QUOTED || !n->mark.source)
		return n->mark;
	return mark_of(n->mark.source, n->mark.line, n->mark.col + 1, len > 2 ? len - 2 : 0);
}

static struct mark mark_at(const struct cutter *c, size_t at, size_t len)
{
	return expr_place(c->first, c->places, at, len);
}

static struct part *add_part(struct cutter *c, struct expr *e)
{
	struct part *more;

	if (!(c->n_parts & (c->n_parts - 1))) {
		more = arena_array(c->b->a, c->n_parts ? c->n_parts * 2 : 1, sizeof(*more));
		if (c->n_parts)
			memcpy(more, c->part, c->n_parts * sizeof(*more));
		c->part = more;
	}
	more = &c->part[c->n_parts++];
	more->text = (struct span){arena_strndup(c->b->a, c->text.data, c->text.len), c->text.len};
	more->expr = e;
	buf_reset(&c->text);
	return more;
}

static void refuse_unclosed(struct cutter *c, size_t at, size_t open)
{
	struct diags *d = c->b->d;

	diag_error(d, mark_at(c, at, OPENING_LEN), "the '${{' is never closed by a '}}'");
	if (open < c->n->n)
		diag_note(d, mark_at(c, open, 1), "what begins here has no end");
	diag_hint(d, "write $${{ for a ${{ that is text");
	c->bad = true;
}

/* The expression that begins at `at`; returns where the text goes on. */
static size_t cut_expr(struct cutter *c, size_t at)
{
	struct span text = {c->n->text, c->n->n};
	size_t from = at + OPENING_LEN, end;
	char *inner;
	struct expr *e;

	if (!expr_scan(text, from, &end)) {
		refuse_unclosed(c, at, end);
		return text.len;
	}
	inner = xstrndup(text.at + from, end - from);
	e = expr_parse(c->b->a, inner, mark_at(c, from, end - from), c->b->d);
	free(inner);
	if (e)
		add_part(c, e);
	c->bad |= !e;
	return end + CLOSING_LEN;
}

static void cut(struct cutter *c)
{
	const char *text = c->n->text, *found;
	size_t at = 0, next;

	while ((found = memmem(text + at, c->n->n - at, VALUE_OPENING, OPENING_LEN))) {
		next = (size_t)(found - text);
		if (next > at && text[next - 1] == '$') {
			buf_add(&c->text, text + at, next - 1 - at);
			buf_puts(&c->text, VALUE_OPENING);
			at = next + OPENING_LEN;
		} else {
			buf_add(&c->text, text + at, next - at);
			at = cut_expr(c, next);
		}
	}
	buf_add(&c->text, text + at, c->n->n - at);
}

/* The text that the parts make, if all are constants. */
static void fold_parts(struct arena *a, struct value *v)
{
	struct buf text = BUF_INIT;
	bool good = true;

	for (size_t i = 0; good && i < v->n; i++) {
		const json_t *constant = v->part[i].expr ? expr_const(v->part[i].expr) : NULL;

		buf_add(&text, v->part[i].text.at, v->part[i].text.len);
		good = (constant || !v->part[i].expr) && text.len <= EXPR_RESULT_MAX;
		if (good && constant)
			good = json_as_text_within(&text, constant, EXPR_RESULT_MAX - text.len);
	}
	if (good)
		set_constant(a, v, json_stringn_nocheck(text.data, text.len));
	buf_release(&text);
}

static struct value *cut_value(struct cutter *c)
{
	struct arena *a = c->b->a;
	struct value *v;

	/* One expression, and nothing before, behind or beside it: the value is of its type. */
	if (c->n_parts == 1 && !c->part[0].text.len && !c->text.len) {
		v = value_new(a, SHAPE_EXPR, c->n->mark);
		v->expr = c->part[0].expr;
		if (expr_const(v->expr))
			set_constant(a, v, json_incref((json_t *)expr_const(v->expr)));
	} else {
		if (c->text.len)
			add_part(c, NULL);
		v = value_new(a, SHAPE_TEXT, c->n->mark);
		v->n = c->n_parts;
		v->part = c->part;
		fold_parts(a, v);
	}
	v->written = arena_strndup(a, c->n->text, c->n->n);
	return v;
}

static struct built build_text(struct builder *b, const struct node *n)
{
	struct cutter c = {.b = b, .n = n, .first = first_mark(n), .text = BUF_INIT};
	struct built x = {0};

	c.places = expr_places(c.first, (struct span){n->text, n->n});
	cut(&c);
	if (!c.bad)
		x.value = cut_value(&c);
	buf_release(&c.text);
	return x;
}

static struct built build_scalar(struct builder *b, const struct node *n)
{
	struct built x = {0};
	const char *why;

	if (n->n >= OPENING_LEN && memmem(n->text, n->n, VALUE_OPENING, OPENING_LEN))
		return build_text(b, n);
	if (scalar_resolve(n, &x.constant, &why) == SCALAR_BAD)
		diag_error(b->d, n->mark, "'%s' %s", n->text, why);
	return x;
}

/* --- lists and maps ----------------------------------------------------------------------------------- */

/*
 * A key without the `$` that keep a `${{`; NULL after a diagnostic.  No two keys become alike, since
 * one with a `${{` of its own is refused.
 */
static const char *build_key(struct builder *b, const struct node *key)
{
	struct buf text = BUF_INIT;
	const char *p = key->text, *found, *name;

	if (!strstr(p, VALUE_OPENING))
		return key->text;
	while ((found = strstr(p, VALUE_OPENING)) && found > p && found[-1] == '$') {
		buf_add(&text, p, (size_t)(found - 1 - p));
		buf_puts(&text, VALUE_OPENING);
		p = found + OPENING_LEN;
	}
	buf_puts(&text, p);
	name = found ? NULL : arena_strndup(b->a, text.data, text.len);
	buf_release(&text);
	if (!found)
		return name;
	diag_error(b->d, key->mark, "the key '%s' has a '${{': keys are plain text", key->text);
	diag_hint(b->d, "write $${{ for a ${{ that is text");
	return NULL;
}

/* What a list or map is made of while it is being read. */
struct gather {
	json_t *plain;	     /* while all parts are constants, written as they are */
	struct value **item; /* from the first that is not on */
	const char **key;    /* of a map */
	bool bad;
};

static struct built build(struct builder *b, const struct node *n);

/* The first part that is no plain constant: those before it become values. */
static void gather_values(struct builder *b, struct gather *g, const struct node *n, size_t so_far)
{
	g->item = arena_array(b->a, n->n, sizeof(struct value *));
	for (size_t i = 0; i < so_far; i++) {
		json_t *v = g->key ? json_object_get(g->plain, g->key[i]) : json_array_get(g->plain, i);

		g->item[i] = v ? constant_value(b->a, json_incref(v), n->item[i]->mark) : NULL;
	}
	json_decref(g->plain);
	g->plain = NULL;
}

static void gather_part(struct builder *b, struct gather *g, const struct node *n, size_t i)
{
	const char *key = NULL;
	struct built x;

	if (g->key) {
		key = g->key[i] = build_key(b, n->key[i]);
		g->bad |= !key;
	}
	x = build(b, n->item[i]);
	g->bad |= !x.constant && !x.value;
	if (g->bad) {
		json_decref(x.constant); /* the rest is read for its errors only */
		return;
	}
	if (x.value && !g->item)
		gather_values(b, g, n, i);
	if (g->item)
		g->item[i] = value_of(b->a, x, n->item[i]->mark);
	else if (key)
		json_object_set_new_nocheck(g->plain, key, x.constant);
	else
		json_array_append_new(g->plain, x.constant);
}

/* The constant that the items make, if all are constants. */
static void fold_items(struct arena *a, struct value *v)
{
	json_t *all;

	for (size_t i = 0; i < v->n; i++)
		if (!v->item[i]->constant)
			return;
	all = v->key ? json_object() : json_array();
	for (size_t i = 0; i < v->n; i++) {
		if (v->key)
			json_object_set_nocheck(all, v->key[i], v->item[i]->constant);
		else
			json_array_append(all, v->item[i]->constant);
	}
	set_constant(a, v, all);
}

static struct built build_parts(struct builder *b, const struct node *n)
{
	bool is_map = n->kind == NODE_MAP;
	struct gather g = {.plain = is_map ? json_object() : json_array()};
	struct built x = {0};

	if (is_map)
		g.key = arena_array(b->a, n->n, sizeof(char *));
	for (size_t i = 0; i < n->n; i++)
		gather_part(b, &g, n, i);
	if (g.bad) {
		json_decref(g.plain);
		return x;
	}
	x.constant = g.plain;
	if (!g.item)
		return x;
	x.value = value_new(b->a, is_map ? SHAPE_MAP : SHAPE_LIST, n->mark);
	x.value->n = n->n;
	x.value->item = g.item;
	x.value->key = g.key;
	for (size_t i = 0; is_map && i < n->n; i++)
		g.key[i] = arena_strdup(b->a, g.key[i]); /* the node does not live as long */
	fold_items(b->a, x.value);
	return x;
}

/* Recursion goes as deep as cursors let documents be. */
static struct built build(struct builder *b, const struct node *n)
{
	return n->kind == NODE_SCALAR ? build_scalar(b, n) : build_parts(b, n);
}

struct value *value_from_node(struct arena *a, const struct node *n, struct diags *d)
{
	struct builder b = {a, d};

	return value_of(a, build(&b, n), n->mark);
}

struct value *value_from_json(struct arena *a, json_t *v)
{
	return constant_value(a, json_incref(v), MARK_NONE);
}
