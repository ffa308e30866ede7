/* Values of a plan's keys.  Stricter than the native language: text is text, a number is a number. */
#include "job/read_plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"

static void bad(struct plan *p, const char *what, const struct node *n)
{
	struct buf b = BUF_INIT;

	diag_error(p->l->d, n->mark, "%s: '%s' must be %s, not %s", p->where, plan_key_word(p->key), what,
		   node_shown(n, &b));
	buf_release(&b);
}

void plan_bad(struct plan *p, const struct node *n)
{
	bad(p, plan_key_wants(p->key), n);
}

static bool is_text(const struct node *n)
{
	return n->kind == NODE_SCALAR && scalar_resolve(n, NULL, NULL) == SCALAR_TEXT;
}

/* A number, say, that would be text in quotes. */
static void hint_quotes(struct plan *p, const struct node *n)
{
	if (n->kind == NODE_SCALAR && n->style == STYLE_PLAIN && !is_null(n))
		diag_hint(p->l->d, "put it in quotes: \"%s\"", n->text);
}

bool plan_text(struct plan *p, const struct node *n, const char **ret)
{
	if (!is_text(n) || (!n->n && plan_key_info(p->key)->type == PLAN_TYPE_NAME)) {
		plan_bad(p, n);
		hint_quotes(p, n);
		return false;
	}
	*ret = arena_strndup(p->l->a, n->text, n->n);
	return true;
}

/* Where a number is wanted, a text that was a variable in the document counts by what it became. */
static bool was_variable(const struct node *n)
{
	struct span text = source_text(n->mark.source);
	size_t at = source_offset(n->mark.source, n->mark);

	at += at < text.len && (text.at[at] == '"' || text.at[at] == '\'');
	return at < text.len && text.at[at] == '$';
}

/* A scalar's value, NULL if it is none or a bad one. */
static json_t *resolve(const struct node *n)
{
	struct node plain = *n;
	json_t *v = NULL;

	if (n->kind != NODE_SCALAR)
		return NULL;
	if (n->style == STYLE_QUOTED && was_variable(n))
		plain.style = STYLE_PLAIN;
	return scalar_resolve(&plain, &v, NULL) == SCALAR_BAD ? NULL : v;
}

bool plan_bool(struct plan *p, const struct node *n, bool *ret)
{
	json_t *v = resolve(n);
	bool good = json_is_boolean(v);

	if (good)
		*ret = json_is_true(v);
	else
		plan_bad(p, n);
	json_decref(v);
	return good;
}

bool plan_int(struct plan *p, const struct node *n, int64_t min, int64_t max, int64_t *ret)
{
	json_t *v = resolve(n);
	bool good = json_is_integer(v) && json_integer_value(v) >= min && json_integer_value(v) <= max;
	char what[96];

	if (good) {
		*ret = json_integer_value(v);
	} else {
		snprintf(what, sizeof(what), "a whole number from %lld to %lld", (long long)min, (long long)max);
		bad(p, what, n);
	}
	json_decref(v);
	return good;
}

bool plan_number(struct plan *p, const struct node *n, double min, double max, double *ret)
{
	json_t *v = resolve(n);
	bool good = json_is_number(v) && json_number_value(v) >= min && json_number_value(v) <= max;

	if (good)
		*ret = json_number_value(v);
	else
		plan_bad(p, n);
	json_decref(v);
	return good;
}

bool plan_seconds(struct plan *p, const struct node *n, int64_t *ret_ms)
{
	const double longest = 1e9; /* thirty years */
	double seconds = 0;

	if (!is_null(n) && !plan_number(p, n, 0, longest, &seconds))
		return false;
	*ret_ms = (int64_t)ceil(seconds * 1000 - 1e-6); /* a timeout is never cut to none at all */
	return true;
}

bool plan_word(struct plan *p, const struct node *n, const char *const *words, size_t n_words, size_t *ret)
{
	struct spell s;

	spell_init(&s, n->kind == NODE_SCALAR ? n->text : "");
	for (size_t i = 0; i < n_words; i++) {
		if (n->kind == NODE_SCALAR && !strcmp(n->text, words[i])) {
			*ret = i;
			return true;
		}
		spell_try(&s, words[i]);
	}
	plan_bad(p, n);
	if (n->kind == NODE_SCALAR && n->n)
		diag_suggest(p->l->d, s.best);
	return false;
}

bool plan_texts(struct plan *p, const struct node *n, struct text_list *ret)
{
	struct text_list list;

	if (n->kind != NODE_LIST) {
		plan_bad(p, n);
		return false;
	}
	list = (struct text_list){arena_array(p->l->a, n->n, sizeof(*list.text)), n->n};
	for (size_t i = 0; i < n->n; i++) {
		if (!is_text(n->item[i])) {
			plan_bad(p, n->item[i]);
			hint_quotes(p, n->item[i]);
			return false;
		}
		list.text[i] = arena_strndup(p->l->a, n->item[i]->text, n->item[i]->n);
	}
	*ret = list;
	return true;
}

struct value *plan_constant(struct plan *p, const char *text)
{
	struct value **recent = &p->recent[map_hash(text, strlen(text)) % PLAN_RECENT];
	json_t *v;

	if (*recent && !strcmp(json_string_value(value_const(*recent)), text))
		return *recent;
	v = json_string(text);
	*recent = value_from_json(p->l->a, v);
	json_decref(v);
	return *recent;
}

static bool is_variable_name(const char *name)
{
	return *name && !strchr(name, '=');
}

bool plan_env(struct plan *p, const struct node *n, struct value_map *ret)
{
	struct arena *a = p->l->a;
	struct value_map map;

	if (n->kind != NODE_MAP) {
		plan_bad(p, n);
		return false;
	}
	map = (struct value_map){
		.name = arena_array(a, n->n, sizeof(*map.name)),
		.value = arena_array(a, n->n, sizeof(*map.value)),
		.mark = arena_array(a, n->n, sizeof(*map.mark)),
	};
	for (size_t i = 0; i < n->n; i++) {
		if (!is_text(n->item[i]) || !is_variable_name(n->key[i]->text)) {
			plan_bad(p, is_text(n->item[i]) ? n->key[i] : n->item[i]);
			continue;
		}
		map.name[map.n] = arena_strdup(a, n->key[i]->text);
		map.value[map.n] = plan_value(p, n->item[i]->text);
		map.mark[map.n++] = n->key[i]->mark;
	}
	*ret = map;
	return true;
}

/* --- maps ------------------------------------------------------------------------------------- */

void plan_unknown_key(struct plan *p, const struct node *name, enum plan_scope scope)
{
	const char *near = plan_key_suggest(scope, name->text);

	diag_warn(p->l->d, name->mark, "%s: unknown key '%s' is ignored", p->where, name->text);
	diag_suggest(p->l->d, near);
}

static void say_missing(struct plan *p, const struct node *map, enum plan_scope scope)
{
	for (enum plan_key k = 0; k < PLAN_KEY_COUNT; k++) {
		const struct plan_key_info *info = plan_key_info(k);

		if (info->scope == scope && info->required && !node_get(map, info->word))
			diag_error(p->l->d, map->mark, "%s has no '%s'", p->where, info->word);
	}
}

void plan_map(struct plan *p, const struct node *n, enum plan_scope scope, plan_key_fn *use, void *ctx)
{
	enum plan_key outer = p->key;

	if (n->kind != NODE_MAP) {
		plan_bad(p, n);
		return;
	}
	for (size_t i = 0; i < n->n; i++) {
		if (plan_key_find(scope, n->key[i]->text, &p->key))
			use(p, ctx, n->item[i]);
		else
			plan_unknown_key(p, n->key[i], scope);
	}
	say_missing(p, n, scope);
	p->key = outer;
}
