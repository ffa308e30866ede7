/* Names: from a root along keys and indices; what is absent, and what that means. */
#include "job/expr_impl.h"

#include <string.h>

#include "base/spell.h"

enum {
	DOTTED_MAX = 64, /* keys that are tried as one id with dots */
	LISTED_MAX = 6,	 /* keys that a message lists */
	TRIED_MAX = 1000, /* keys among which the one that was meant is looked for */
	SHOWN_MAX = 60,	 /* bytes of a path in a message */
};

/* --- messages ---------------------------------------------------------------------------------------- */

/* The path up to its access i, as it was written; without what opens before a name in parentheses. */
static struct span path_text(const struct evaluation *ev, const struct term *t, size_t i)
{
	struct span s = {ev->e->text + t->at, t->len};
	size_t end;

	while (t->root != ROOT_COUNT && s.len && strchr("( \t\r\n", s.at[0]))
		s.at++, s.len--;
	if (i)
		end = t->access[i - 1].end;
	else if (t->root != ROOT_COUNT)
		end = (size_t)(s.at - ev->e->text) + strlen(expr_root_word(t->root));
	else
		end = (size_t)t->kid[0]->at + t->kid[0]->len;
	s.len = end - (size_t)(s.at - ev->e->text);
	if (s.len > SHOWN_MAX)
		s = (struct span){"...", 3};
	return s;
}

static void add_path(struct evaluation *ev, const struct term *t, size_t i)
{
	struct span s = path_text(ev, t, i);

	buf_add(ev->err, s.at, s.len);
}

static void list_keys(struct buf *b, const json_t *map)
{
	const char *between = "; it has ", *key;
	json_t *m = (json_t *)map; /* jansson's iteration changes nothing */
	json_t *v;

	json_object_foreach (m, key, v) {
		buf_addf(b, "%s'%s'", between, key);
		between = ", ";
	}
}

/* What may have been meant by a key that map (NULL: unknown) does not have, or how to allow for that. */
static void add_advice(struct evaluation *ev, const struct term *t, size_t i, const json_t *map, const char *name)
{
	json_t *m = (json_t *)map;
	size_t tries = 0;
	struct spell s;

	spell_init(&s, name);
	for (void *it = json_object_iter(m); it && tries < TRIED_MAX; it = json_object_iter_next(m, it), tries++)
		spell_try(&s, json_object_iter_key(it));
	if (s.best) {
		buf_addf(ev->err, "; did you mean '%s'?", s.best);
		return;
	}
	if (json_object_size(map) && json_object_size(map) <= LISTED_MAX)
		list_keys(ev->err, map);
	buf_puts(ev->err, " (write ");
	add_path(ev, t, i + 1);
	buf_puts(ev->err, "? if it may be absent)");
}

static enum found no_key(struct evaluation *ev, const struct term *t, size_t i, const json_t *map,
			 struct seen key)
{
	add_path(ev, t, i);
	buf_puts(ev->err, " has no ");
	show_value(ev->err, key);
	add_advice(ev, t, i, map, key.secret ? "" : json_string_value(key.v));
	return ABSENT;
}

/* --- one step along a path ----------------------------------------------------------------------------- */

/* The key or index of access i: new reference, NULL and err. */
static json_t *key_of(struct evaluation *ev, const struct access *x)
{
	json_t *v;

	if (!x->index)
		return json_string_nocheck(x->key);
	v = term_eval(ev, x->index);
	if (!v || json_is_string(v) || json_is_integer(v))
		return v;
	eval_error(ev, "a key is text and an index is an integer, not ");
	show_value(ev->err, (struct seen){v, x->index->secret});
	json_decref(v);
	return NULL;
}

static enum found element(struct evaluation *ev, const struct term *t, size_t i, const json_t *list,
			  json_int_t index, json_t **ret)
{
	size_t n = json_array_size(list);

	if (index >= 0 && (uint64_t)index < n) {
		*ret = json_incref(json_array_get(list, (size_t)index));
		return FOUND;
	}
	add_path(ev, t, i);
	eval_error(ev, " has no [%lld]: ", (long long)index);
	if (n)
		eval_error(ev, "it has %zu element%s, from [0] on", n, n == 1 ? "" : "s");
	else
		eval_error(ev, "it is an empty list");
	return ABSENT;
}

/* A key or index where that kind of value has none; null has nothing at all, so there it is absent. */
static enum found misfit(struct evaluation *ev, const struct term *t, size_t i, const json_t *v, struct seen key)
{
	add_path(ev, t, i);
	buf_puts(ev->err, " is ");
	kinds_words(ev->err, kind_of(v));
	if (json_is_array(v))
		buf_puts(ev->err, ", whose elements are [0], [1], ..., and has no ");
	else if (json_is_object(v))
		buf_puts(ev->err, ", whose keys are text, and has no ");
	else
		buf_puts(ev->err, ", which has no ");
	show_value(ev->err, key);
	return json_is_null(v) ? ABSENT : FAULTY;
}

static enum found step(struct evaluation *ev, const struct term *t, size_t i, const json_t *v, json_t **ret)
{
	const struct access *x = &t->access[i];
	json_t *key = key_of(ev, x), *part;
	struct seen seen = {key, x->index && x->index->secret};
	enum found found = FOUND;

	if (!key)
		return FAULTY;
	if (json_is_array(v) && json_is_integer(key)) {
		found = element(ev, t, i, v, json_integer_value(key), ret);
	} else if (json_is_object(v) && json_is_string(key)) {
		part = json_object_get(v, json_string_value(key));
		*ret = json_incref(part);
		if (!part)
			found = no_key(ev, t, i, v, seen);
	} else {
		found = misfit(ev, t, i, v, seen);
	}
	json_decref(key);
	return found;
}

/* --- roots ------------------------------------------------------------------------------------------------ */

static const json_t *ask(struct evaluation *ev, const struct term *t, const char *key)
{
	return ev->w->get(ev->w->ctx, t->root, key);
}

/* The root as a whole. */
static enum found whole_root(struct evaluation *ev, const struct term *t, json_t **ret)
{
	const json_t *v = ask(ev, t, "");

	*ret = json_incref((json_t *)v);
	if (v)
		return FOUND;
	eval_error(ev, "'%s' has no value here", expr_root_word(t->root));
	return ABSENT;
}

/* The world may know more than that there is nothing: that a step has failed, say. */
static bool said_why(struct evaluation *ev, const struct term *t, const char *key)
{
	size_t before = ev->err->len;

	if (ev->w->why_absent)
		ev->w->why_absent(ev->w->ctx, t->root, key, ev->err);
	return ev->err->len > before;
}

static enum found not_in_root(struct evaluation *ev, const struct term *t, const json_t *key, bool secret)
{
	if (said_why(ev, t, json_string_value(key)))
		return ABSENT;
	return no_key(ev, t, 0, ask(ev, t, ""), (struct seen){key, secret});
}

/* The longest id with dots that the first n keys make and that exists; *ret_used of them.  NULL: none does. */
static const json_t *longest_id(struct evaluation *ev, const struct term *t, size_t n, size_t *ret_used)
{
	struct buf id = BUF_INIT;
	const json_t *v = NULL;

	for (size_t i = 0; i < n; i++)
		buf_addf(&id, "%s%s", i ? "." : "", t->access[i].key);
	for (; n; n--) {
		v = ask(ev, t, id.data);
		if (v || n == 1)
			break;
		buf_cut(&id, id.len - strlen(t->access[n - 1].key) - 1);
	}
	buf_release(&id);
	*ret_used = n;
	return v;
}

/* The same of an id with dots, which may be any of the first n keys together. */
static bool said_why_dotted(struct evaluation *ev, const struct term *t, size_t n)
{
	struct buf id = BUF_INIT;
	bool said = false;

	for (size_t i = 0; i < n && !said; i++) {
		buf_addf(&id, "%s%s", i ? "." : "", t->access[i].key);
		said = said_why(ev, t, id.data);
	}
	buf_release(&id);
	return said;
}

static enum found dotted(struct evaluation *ev, const struct term *t, size_t n, size_t *ret_used, json_t **ret)
{
	const json_t *v;
	json_t *first;
	enum found found;

	if (!eval_spend(ev, n * OP_COST))
		return FAULTY;
	v = longest_id(ev, t, n, ret_used);
	*ret = json_incref((json_t *)v);
	if (v)
		return FOUND;
	if (said_why_dotted(ev, t, n))
		return ABSENT;
	first = json_string_nocheck(t->access[0].key);
	found = not_in_root(ev, t, first, false);
	json_decref(first);
	return found;
}

/* By its first key alone, constant or computed. */
static enum found by_key(struct evaluation *ev, const struct term *t, size_t *ret_used, json_t **ret)
{
	const struct access *x = &t->access[0];
	json_t *key = key_of(ev, x);
	const json_t *v;
	enum found found = FOUND;

	if (!key)
		return FAULTY;
	if (!json_is_string(key)) { /* an index: of the root as a whole */
		json_decref(key);
		return whole_root(ev, t, ret);
	}
	v = ask(ev, t, json_string_value(key));
	*ret = json_incref((json_t *)v);
	*ret_used = 1;
	if (!v)
		found = not_in_root(ev, t, key, x->index && x->index->secret);
	json_decref(key);
	return found;
}

/* What the path starts from; *ret_used is how many of its accesses that takes. */
static enum found start(struct evaluation *ev, const struct term *t, size_t *ret_used, json_t **ret)
{
	size_t constant = 0;

	*ret_used = 0;
	if (t->root == ROOT_COUNT)
		return term_eval_maybe(ev, t->kid[0], ret);
	if (!ev->w || !ev->w->get) {
		eval_error(ev, "'%s' cannot be used here", expr_root_word(t->root));
		return FAULTY;
	}
	if (!t->n_access)
		return whole_root(ev, t, ret);
	while (constant < t->n_access && constant < DOTTED_MAX && t->access[constant].key)
		constant++;
	if (constant > 1 && expr_root_is_dotted(t->root))
		return dotted(ev, t, constant, ret_used, ret);
	return by_key(ev, t, ret_used, ret);
}

/* --- paths -------------------------------------------------------------------------------------------------- */

/* Whether a `?` stands behind access i or later, or (i is 0) behind the base. */
static bool may_be_absent(const struct term *t, size_t i)
{
	if (!i && t->maybe)
		return true;
	for (; i < t->n_access; i++)
		if (t->access[i].maybe)
			return true;
	return false;
}

/* Whether what comes before access i ends the path if it is null. */
static bool ends_if_null(const struct term *t, size_t i)
{
	return i ? t->access[i - 1].maybe : t->maybe;
}

enum found path_eval(struct evaluation *ev, const struct term *t, json_t **ret)
{
	size_t before = ev->err->len, i;
	json_t *v = NULL, *part;
	enum found found = start(ev, t, &i, &v);

	if (found == ABSENT)
		i = 0;
	while (found == FOUND && i < t->n_access && !(json_is_null(v) && ends_if_null(t, i))) {
		part = NULL;
		found = step(ev, t, i, v, &part);
		json_decref(v);
		v = part;
		i += found == FOUND;
	}
	if (found == ABSENT && may_be_absent(t, i)) {
		buf_cut(ev->err, before);
		v = json_null();
		found = FOUND;
	}
	*ret = v;
	return found;
}
