/* Declarations of the file: params, pools, callables, stores, include. */
#include "job/read.h"

#include <math.h>
#include <string.h>

#include "base/bug.h"
#include "base/stamp.h"

/* --- params ----------------------------------------------------------------------------------- */

static const char *const type_words[] = {
#define TYPE(id, word, sentence) word,
	PARAM_TYPES(TYPE)
#undef TYPE
};

struct param_reading {
	struct param p;
	const struct node *dflt, *of, *min, *max, *match;
};

/* What is looked at once the type is known; NULL: that is none of it. */
static const struct node **for_later(struct param_reading *r, enum key key)
{
	switch (key) {
	case KEY_param_default:
		return &r->dflt;
	case KEY_param_of:
		return &r->of;
	case KEY_param_match:
		return &r->match;
	case KEY_param_min:
		return &r->min;
	case KEY_param_max:
		return &r->max;
	default:
		return NULL;
	}
}

static void use_param_key(struct loader *l, void *ctx, enum key key, const struct node *name,
			  const struct node *n)
{
	struct param_reading *r = ctx;
	const struct node **later = for_later(r, key);
	size_t word;

	if (later) {
		*later = n;
		return;
	}
	switch (key) {
	case KEY_param_type:
		if (read_word(l, "type", n, type_words, ARRAY_LEN(type_words), &word))
			r->p.type = (enum param_type)word;
		break;
	case KEY_param_required:
		read_bool(l, "required", n, &r->p.required);
		break;
	case KEY_param_multiple:
		read_bool(l, "multiple", n, &r->p.multiple);
		break;
	case KEY_param_description:
		read_text(l, "description", n, &r->p.description);
		break;
	case KEY_namespace:
		if (read_text(l, "namespace", n, &r->p.ns))
			r->p.ns = full_name(l, r->p.ns);
		break;
	case KEY_param_from_env:
		read_text(l, "from_env", n, &r->p.from_env);
		break;
	default:
		BUG("key '%s' is not one of a parameter", name->text);
	}
}

static bool has_range(enum param_type t)
{
	return t == PARAM_INT || t == PARAM_FLOAT || t == PARAM_DATE || t == PARAM_DURATION ||
	       t == PARAM_SIZE;
}

/* min or max, brought to the type's own value. */
static void read_bound(struct loader *l, const struct param *p, const char *key, const struct node *n,
		       const json_t **ret)
{
	struct param bare = {.name = key, .type = p->type};
	struct buf err = BUF_INIT;
	json_t *v, *own;

	if (!n)
		return;
	if (!has_range(p->type)) {
		diag_error(l->d, n->mark,
			   "'%s' is for numbers, dates, durations and sizes, not for type %s", key,
			   type_words[p->type]);
		return;
	}
	v = node_to_json(n, l->d);
	own = v ? param_from_json(&bare, v, &err) : NULL;
	if (own)
		*ret = keep_json(l, own);
	else if (v)
		diag_error(l->d, n->mark, "%s", err.data);
	json_decref(v);
	buf_release(&err);
}

static void read_limits(struct loader *l, struct param_reading *r)
{
	struct param *p = &r->p;

	if (r->match && p->type != PARAM_STRING && p->type != PARAM_PATH)
		diag_error(l->d, r->match->mark, "'match' is for texts, not for type %s",
			   type_words[p->type]);
	else if (r->match)
		read_pattern(l, "match", r->match, &p->match);
	read_bound(l, p, "min", r->min, &p->min);
	read_bound(l, p, "max", r->max, &p->max);
	if (p->min && p->max && param_compare(p->min, p->max) > 0)
		diag_error(l->d, r->min->mark, "'min' of parameter '%s' is greater than its 'max'",
			   p->name);
	if (r->of && p->type != PARAM_ENUM) {
		diag_error(l->d, r->of->mark, "'of' is for type enum, not for type %s",
			   type_words[p->type]);
		diag_hint(l->d, "write type: enum");
	} else if (r->of && read_json_list(l, "of", r->of, &p->of) && !r->of->n) {
		diag_error(l->d, r->of->mark, "'of' is empty");
	} else if (!r->of && p->type == PARAM_ENUM) {
		diag_error(l->d, p->mark, "parameter '%s' is an enum without 'of'", p->name);
		diag_hint(l->d, "write of: [...]");
	}
}

static void read_default(struct loader *l, struct param_reading *r)
{
	struct buf err = BUF_INIT;
	const json_t *constant;
	json_t *own;

	if (!r->dflt || is_null(r->dflt))
		return;
	if (r->p.required) {
		diag_error(l->d, r->dflt->mark,
			   "parameter '%s' is required, so its default is never used",
			   r->p.name);
		return;
	}
	r->p.dflt = value_from_node(l->a, r->dflt, l->d);
	constant = r->p.dflt ? value_const(r->p.dflt) : NULL;
	own = constant ? param_from_json(&r->p, constant, &err) : NULL;
	if (constant && !own)
		diag_error(l->d, r->dflt->mark, "%s", err.data);
	json_decref(own);
	buf_release(&err);
}

/* NAME: scalar is its default, of the type it has in JSON. */
static void read_short_param(struct loader *l, struct param_reading *r, const struct node *n)
{
	const char *why;

	switch (scalar_resolve(n, NULL, &why)) {
	case SCALAR_BOOL:
		r->p.type = PARAM_BOOL;
		break;
	case SCALAR_INT:
		r->p.type = PARAM_INT;
		break;
	case SCALAR_FLOAT:
		r->p.type = PARAM_FLOAT;
		break;
	case SCALAR_NULL:
	case SCALAR_TEXT:
		/* An expression may give anything. */
		r->p.type = strstr(n->text, "${{") ? PARAM_JSON : PARAM_STRING;
		break;
	case SCALAR_BAD:
		diag_error(l->d, n->mark, "'%s' %s", n->text, why);
		return;
	}
	r->dflt = n;
}

static void read_param(struct loader *l, const struct node *name, const struct node *n,
		       struct param *ret)
{
	struct param_reading r = {.p = {.name = arena_strdup(l->a, name->text), .mark = name->mark}};
	size_t before = diags_errors(l->d);

	check_name(l, "a parameter", name);
	if (n->kind == NODE_SCALAR) {
		read_short_param(l, &r, n);
	} else if (n->kind == NODE_LIST) {
		bad_value(l, name->text, "a scalar or a map such as {type: list, default: [...]}", n);
	} else {
		read_map(l, n, IN_PARAM, arena_printf(l->scratch, "parameter '%s'", name->text),
			 use_param_key,
			 &r);
		read_limits(l, &r);
	}
	if (diags_errors(l->d) == before)
		read_default(l, &r);
	*ret = r.p;
}

/* It may have its namespace written beside it, as -p does. */
static bool take_file_param(struct loader *l, struct param *p)
{
	p->name = full_name(l, p->name);
	if (!p->ns)
		p->ns = l->file->ns;
	return take_name(l, NAME_PARAM, p->name, p->mark);
}

void read_params(struct loader *l, const struct node *n, bool file_level, struct param_list *ret)
{
	if (n->kind != NODE_MAP) {
		bad_value(l, "params", "a map of names and parameters", n);
		return;
	}
	if (!file_level)
		*ret = (struct param_list){arena_array(l->a, n->n, sizeof(*ret->at)), 0};
	for (size_t i = 0; i < n->n; i++) {
		struct param p;

		read_param(l, n->key[i], n->item[i], &p);
		if (!file_level)
			ret->at[ret->n++] = p;
		else if (take_file_param(l, &p))
			VEC_PUSH(ret->at, ret->n, l->room_params, p);
	}
}

/* --- callables and stores --------------------------------------------------------------------- */

static void use_callable_key(struct loader *l, void *ctx, enum key key, const struct node *name,
			     const struct node *n)
{
	struct callable *c = ctx;

	switch (key) {
	case KEY_argv:
		read_value_list(l, "argv", n, &c->argv);
		break;
	case KEY_env:
		read_value_map(l, "env", n, true, &c->env);
		break;
	case KEY_timeout:
		read_duration(l, "timeout", n, &c->timeout_ms);
		break;
	case KEY_breaker:
		read_breaker(l, &c->breaker, n);
		break;
	default:
		BUG("key '%s' is not one of a callable", name->text);
	}
}

void read_callables(struct loader *l, const struct node *n)
{
	if (n->kind != NODE_MAP) {
		bad_value(l, "callables", "a map of names and programs", n);
		return;
	}
	for (size_t i = 0; i < n->n; i++) {
		struct callable c = {.mark = n->key[i]->mark};
		bool good = check_name(l, "a callable", n->key[i]);

		c.name = full_name(l, n->key[i]->text);
		if (!good || !take_name(l, NAME_CALLABLE, c.name, c.mark))
			continue;
		if (read_map(l, n->item[i], IN_CALLABLE, arena_printf(l->scratch, "callable '%s'",
								      c.name),
			     use_callable_key, &c) &&
		    (!node_get(n->item[i], "argv") || !n->item[i]->n)) {
			diag_error(l->d, c.mark, "callable '%s' has no 'argv'", c.name);
			diag_hint(l->d, "write argv: [program, arguments...]");
		}
		VEC_PUSH(l->jf->callable, l->jf->n_callables, l->room_callables, c);
	}
}

/*
 * A data set has the name that data knows it by, in whatever namespace it is declared: that the documents of
 * several say the same of it is no mistake.
 */
static bool is_known_store(struct loader *l, const struct store_decl *s)
{
	const struct store_decl *known = l->file->ns ? store_find(l->jf, s->name) : NULL;
	const json_t *path = value_const(s->path);

	return known && path && value_const(known->path) && json_equal(path, value_const(known->path));
}

void read_stores(struct loader *l, const struct node *n)
{
	if (n->kind != NODE_MAP) {
		bad_value(l, "stores", "a map of names and files", n);
		return;
	}
	for (size_t i = 0; i < n->n; i++) {
		struct store_decl s = {.mark = n->key[i]->mark};
		bool good = check_name(l, "a store", n->key[i]);

		s.name = arena_strdup(l->a, n->key[i]->text);
		if (good && read_value(l, s.name, n->item[i], &s.path) && !is_known_store(l, &s) &&
		    take_name(l, NAME_STORE, s.name, s.mark))
			VEC_PUSH(l->jf->store, l->jf->n_stores, l->room_stores, s);
	}
}
