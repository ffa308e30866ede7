/* JSON values with expressions in them: their value, their names, how they were written. */
#include "job/value_impl.h"

#include <string.h>

#include "base/bug.h"

/* --- evaluation ---------------------------------------------------------------------------------------- */

static bool too_long(struct buf *err)
{
	buf_addf(err, "the text would be longer than %d bytes", (int)EXPR_RESULT_MAX);
	return false;
}

static bool add_part_text(const struct part *p, const struct expr_world *w, size_t room, struct buf *out,
			  struct buf *err)
{
	json_t *v;
	bool good;

	if (p->text.len > room)
		return too_long(err);
	buf_add(out, p->text.at, p->text.len);
	if (!p->expr)
		return true;
	v = expr_eval(p->expr, w, err);
	if (!v)
		return false;
	good = json_as_text_within(out, v, room - p->text.len) || too_long(err);
	json_decref(v);
	return good;
}

static bool parts_text(const struct value *v, const struct expr_world *w, struct buf *out, struct buf *err)
{
	size_t before = out->len;

	for (size_t i = 0; i < v->n; i++) {
		if (out->len - before > EXPR_RESULT_MAX)
			return too_long(err);
		if (!add_part_text(&v->part[i], w, EXPR_RESULT_MAX - (out->len - before), out, err))
			return false;
	}
	return true;
}

static json_t *eval_parts(const struct value *v, const struct expr_world *w, struct buf *err)
{
	struct buf text = BUF_INIT;
	json_t *s = parts_text(v, w, &text, err) ? json_stringn_nocheck(text.data, text.len) : NULL;

	buf_release(&text);
	return s;
}

static json_t *eval_items(const struct value *v, const struct expr_world *w, struct buf *err)
{
	json_t *all = v->key ? json_object() : json_array();

	for (size_t i = 0; i < v->n; i++) {
		json_t *item = value_eval(v->item[i], w, err);

		if (!item) {
			json_decref(all);
			return NULL;
		}
		if (v->key)
			json_object_set_new_nocheck(all, v->key[i], item);
		else
			json_array_append_new(all, item);
	}
	return all;
}

json_t *value_eval(const struct value *v, const struct expr_world *w, struct buf *err)
{
	if (v->constant)
		return json_incref(v->constant);
	switch (v->shape) {
	case SHAPE_EXPR:
		return expr_eval(v->expr, w, err);
	case SHAPE_TEXT:
		return eval_parts(v, w, err);
	case SHAPE_LIST:
	case SHAPE_MAP:
		return eval_items(v, w, err);
	case SHAPE_CONST:
		break;
	}
	BUG("a constant without a value");
}

bool value_text(const struct value *v, const struct expr_world *w, struct buf *out, struct buf *err)
{
	size_t before = out->len;
	json_t *whole;
	bool good;

	if (v->shape == SHAPE_TEXT && !v->constant) {
		good = parts_text(v, w, out, err);
	} else {
		whole = value_eval(v, w, err);
		/* A text that is there already is taken as it is, however long. */
		good = whole && (json_as_text_within(out, whole, json_is_string(whole) ? SIZE_MAX : EXPR_RESULT_MAX) ||
				 too_long(err));
		json_decref(whole);
	}
	if (!good)
		buf_cut(out, before);
	return good;
}

const json_t *value_const(const struct value *v)
{
	return v->constant;
}

struct mark value_mark(const struct value *v)
{
	return v->mark;
}

void value_names(const struct value *v, expr_name_fn *use, void *ctx)
{
	switch (v->shape) {
	case SHAPE_EXPR:
		expr_names(v->expr, use, ctx);
		break;
	case SHAPE_TEXT:
		for (size_t i = 0; i < v->n; i++)
			if (v->part[i].expr)
				expr_names(v->part[i].expr, use, ctx);
		break;
	case SHAPE_LIST:
	case SHAPE_MAP:
		for (size_t i = 0; i < v->n; i++)
			value_names(v->item[i], use, ctx);
		break;
	case SHAPE_CONST:
		break;
	}
}

void value_leaves(const struct value *v, void (*use)(void *ctx, const struct value *leaf), void *ctx)
{
	if (v->constant)
		return;
	if (v->shape == SHAPE_EXPR || v->shape == SHAPE_TEXT)
		use(ctx, v);
	else
		for (size_t i = 0; i < v->n; i++)
			value_leaves(v->item[i], use, ctx);
}

/* --- as written ----------------------------------------------------------------------------------------- */

json_t *value_kept_text(const char *text, size_t len)
{
	struct buf b = BUF_INIT;
	const char *end = text + len, *found;
	json_t *v;

	while ((found = memmem(text, (size_t)(end - text), VALUE_OPENING, OPENING_LEN))) {
		buf_add(&b, text, (size_t)(found - text));
		buf_puts(&b, "$${{");
		text = found + OPENING_LEN;
	}
	buf_add(&b, text, (size_t)(end - text));
	v = json_stringn_nocheck(b.data, b.len);
	buf_release(&b);
	return v;
}

static void put_kept(json_t *map, const char *key, json_t *v)
{
	json_t *name = value_kept_text(key, strlen(key));

	json_object_set_new_nocheck(map, json_string_value(name), v);
	json_decref(name);
}

/* The constant as one would have to write it; v itself if that is the same. */
static json_t *kept(json_t *v)
{
	const char *key;
	json_t *all, *part;
	size_t i;

	if (json_is_string(v))
		return memmem(json_string_value(v), json_string_length(v), VALUE_OPENING, OPENING_LEN)
			       ? value_kept_text(json_string_value(v), json_string_length(v))
			       : json_incref(v);
	if (!json_is_array(v) && !json_is_object(v))
		return json_incref(v);
	all = json_is_array(v) ? json_array() : json_object();
	json_array_foreach (v, i, part)
		json_array_append_new(all, kept(part));
	json_object_foreach (v, key, part)
		put_kept(all, key, kept(part));
	return all;
}

json_t *value_source(const struct value *v)
{
	json_t *all;

	switch (v->shape) {
	case SHAPE_EXPR:
	case SHAPE_TEXT:
		return json_string_nocheck(v->written);
	case SHAPE_CONST:
		return kept(v->constant);
	case SHAPE_LIST:
	case SHAPE_MAP:
		break;
	}
	all = v->key ? json_object() : json_array();
	for (size_t i = 0; i < v->n; i++) {
		json_t *part = value_source(v->item[i]);

		if (v->key)
			put_kept(all, v->key[i], part);
		else
			json_array_append_new(all, part);
	}
	return all;
}
