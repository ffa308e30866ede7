/* Values of keys: texts, numbers, durations, lists, maps; each complains in the same words. */
#include "job/read.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "base/stamp.h"
#include "job/namespace.h"

enum { SHOWN_MAX = 60 }; /* bytes of a value that a message shows */

bool is_null(const struct node *n)
{
	return n->kind == NODE_SCALAR && scalar_resolve(n, NULL, NULL) == SCALAR_NULL;
}

size_t shown_length(const char *text)
{
	size_t n = strnlen(text, SHOWN_MAX + 1);

	if (n <= SHOWN_MAX)
		return n;
	for (n = SHOWN_MAX; n && ((unsigned char)text[n] & 0xc0) == 0x80; n--)
		; /* not within a character */
	return n;
}

const char *node_shown(const struct node *n, struct buf *b)
{
	buf_reset(b);
	if (n->kind != NODE_SCALAR && !n->n)
		return n->kind == NODE_LIST ? "an empty list" : "an empty map";
	if (n->kind != NODE_SCALAR || is_null(n))
		return node_kind_word(n);
	buf_addf(b, "'%.*s%s'", (int)shown_length(n->text), n->text, n->n > SHOWN_MAX ? "..." : "");
	return b->data;
}

void bad_value(struct loader *l, const char *key, const char *what, const struct node *n)
{
	struct buf b = BUF_INIT;

	diag_error(l->d, n->mark, "'%s' must be %s, not %s", key, what, node_shown(n, &b));
	buf_release(&b);
}

static void drop_json(void *v)
{
	json_decref(v);
}

const json_t *keep_json(struct loader *l, json_t *v)
{
	arena_on_free(l->a, drop_json, v);
	return v;
}

const char *keep_json_text(struct loader *l, json_t *v)
{
	struct buf text = BUF_INIT;
	const char *kept;

	json_text(&text, v, JSON_TIGHT);
	kept = arena_strndup(l->a, text.data, text.len);
	buf_release(&text);
	json_decref(v);
	return kept;
}

struct node *node_copy(struct arena *a, const struct node *n)
{
	struct node *copy = ARENA_NEW(a, struct node);

	*copy = *n;
	if (n->kind == NODE_SCALAR) {
		copy->text = arena_strndup(a, n->text, n->n);
		return copy;
	}
	/* The depth of a document is bounded, so this recursion is. */
	copy->item = arena_array(a, n->n, sizeof(*copy->item));
	for (size_t i = 0; i < n->n; i++)
		copy->item[i] = node_copy(a, n->item[i]);
	if (n->kind == NODE_LIST)
		return copy;
	copy->key = arena_array(a, n->n, sizeof(*copy->key));
	for (size_t i = 0; i < n->n; i++)
		copy->key[i] = node_copy(a, n->key[i]);
	return copy;
}

/* --- scalars ---------------------------------------------------------------------------------- */

bool read_text(struct loader *l, const char *key, const struct node *n, const char **ret)
{
	if (n->kind != NODE_SCALAR || is_null(n)) {
		bad_value(l, key, "text", n);
		return false;
	}
	*ret = arena_strndup(l->a, n->text, n->n);
	return true;
}

/* A resolved scalar, or NULL; complains about a bad one. */
static json_t *resolve(struct loader *l, const struct node *n, bool *ret_said)
{
	const char *why;
	json_t *v = NULL;

	*ret_said = false;
	if (n->kind != NODE_SCALAR)
		return NULL;
	if (scalar_resolve(n, &v, &why) == SCALAR_BAD) {
		diag_error(l->d, n->mark, "'%s' %s", n->text, why);
		*ret_said = true;
		return NULL;
	}
	return v;
}

bool read_bool(struct loader *l, const char *key, const struct node *n, bool *ret)
{
	bool said, ok;
	json_t *v = resolve(l, n, &said);

	if (said)
		return false;
	ok = json_is_boolean(v);
	if (ok)
		*ret = json_is_true(v);
	else
		bad_value(l, key, "true or false", n);
	json_decref(v);
	return ok;
}

bool read_int(struct loader *l, const char *key, const struct node *n, int64_t min, int64_t max,
	      int64_t *ret)
{
	bool said, ok;
	json_t *v = resolve(l, n, &said);
	char what[96];

	if (said)
		return false;
	ok = json_is_integer(v) && json_integer_value(v) >= min && json_integer_value(v) <= max;
	if (ok) {
		*ret = json_integer_value(v);
	} else {
		snprintf(what, sizeof(what), "a whole number from %lld to %lld", (long long)min,
			 (long long)max);
		bad_value(l, key, what, n);
	}
	json_decref(v);
	return ok;
}

bool read_number(struct loader *l, const char *key, const struct node *n, double min, double max,
		 double *ret)
{
	bool said, ok;
	json_t *v = resolve(l, n, &said);
	char what[96];

	if (said)
		return false;
	ok = json_is_number(v) && json_number_value(v) >= min && json_number_value(v) <= max;
	if (ok) {
		*ret = json_number_value(v);
	} else {
		snprintf(what, sizeof(what), "a number from %g to %g", min, max);
		bad_value(l, key, what, n);
	}
	json_decref(v);
	return ok;
}

bool read_duration(struct loader *l, const char *key, const struct node *n, int64_t *ret_ms)
{
	if (n->kind == NODE_SCALAR && duration_parse(n->text, ret_ms))
		return true;
	bad_value(l, key, "a duration such as 500ms, 30s, 10m, 1h30m", n);
	if (n->kind == NODE_SCALAR && n->text[0] >= '1' && n->text[0] <= '9' &&
	    !n->text[strspn(n->text, "0123456789.")])
		diag_hint(l->d, "say the unit: %ss", n->text);
	return false;
}

static void drop_pattern(void *p)
{
	pattern_free(p);
}

const struct pattern *make_pattern(struct loader *l, const char *text, struct mark m)
{
	struct buf err = BUF_INIT;
	struct pattern *p = pattern_new(text, &err);

	if (p)
		arena_on_free(l->a, drop_pattern, p);
	else
		diag_error(l->d, m, "'%s' is no pattern: %s", text, err.data);
	buf_release(&err);
	return p;
}

bool read_pattern(struct loader *l, const char *key, const struct node *n,
		  const struct pattern **ret)
{
	const struct pattern *p;

	if (n->kind != NODE_SCALAR || is_null(n)) {
		bad_value(l, key, "a regular expression", n);
		return false;
	}
	p = make_pattern(l, n->text, n->mark);
	if (p)
		*ret = p;
	return p != NULL;
}

/* The text inside, when all of it is one ${{ }}: conditions may be written with or without. */
static struct span unwrapped(const char *text)
{
	struct span s = span_trim(span_of(text));

	if (s.len >= 5 && !memcmp(s.at, "${{", 3) && !memcmp(s.at + s.len - 2, "}}", 2) &&
	    !memmem(s.at + 3, s.len - 5, "${{", 3))
		return (struct span){s.at + 3, s.len - 5};
	return span_of(text);
}

bool read_expr(struct loader *l, const char *key, const struct node *n, struct expr **ret)
{
	struct span inner;
	struct mark m = n->mark;
	struct expr *e;

	if (n->kind != NODE_SCALAR || is_null(n)) {
		bad_value(l, key, "an expression", n);
		return false;
	}
	inner = unwrapped(n->text);
	if (n->style != STYLE_BLOCK) /* whose text is not where its mark is */
		m = mark_of(m.source, m.line, m.col + (size_t)(inner.at - n->text) + (n->style == STYLE_QUOTED),
			    inner.len);
	e = expr_parse(l->a, arena_strndup(l->a, inner.at, inner.len), m, l->d);
	if (e)
		*ret = e;
	return e != NULL;
}

bool read_word(struct loader *l, const char *key, const struct node *n, const char *const *words,
	       size_t n_words, size_t *ret)
{
	struct buf b = BUF_INIT, shown = BUF_INIT;
	struct spell s;

	spell_init(&s, n->kind == NODE_SCALAR ? n->text : "");
	for (size_t i = 0; i < n_words; i++) {
		if (n->kind == NODE_SCALAR && !strcmp(n->text, words[i])) {
			*ret = i;
			buf_release(&b);
			return true;
		}
		spell_try(&s, words[i]);
		buf_addf(&b, "%s%s", !i ? "" : i + 1 < n_words ? ", " : " or ", words[i]);
	}
	diag_error(l->d, n->mark, "'%s' must be %s, not %s", key, b.data, node_shown(n, &shown));
	if (n->kind == NODE_SCALAR && n->n)
		diag_suggest(l->d, s.best);
	buf_release(&b);
	buf_release(&shown);
	return false;
}

/* --- lists and maps --------------------------------------------------------------------------- */

/* Complains unless n is a list; shows how one text is written as a list. */
static bool want_list(struct loader *l, const char *key, const struct node *n)
{
	if (n->kind == NODE_LIST)
		return true;
	bad_value(l, key, "a list", n);
	if (n->kind == NODE_SCALAR && !is_null(n) && n->n <= SHOWN_MAX && !strpbrk(n->text, "\n\""))
		diag_hint(l->d, "write %s: [\"%s\"]", key, n->text);
	return false;
}

bool read_texts(struct loader *l, const char *key, const struct node *n, struct text_list *ret)
{
	struct text_list list;

	if (!want_list(l, key, n))
		return false;
	list = (struct text_list){arena_array(l->a, n->n, sizeof(*list.text)), n->n};
	for (size_t i = 0; i < n->n; i++)
		if (!read_text(l, key, n->item[i], &list.text[i]))
			return false;
	*ret = list;
	return true;
}

bool read_names(struct loader *l, const char *key, const struct node *n, bool one_will_do,
		struct name_decl **ret, size_t *ret_n)
{
	const struct node *const one[] = {n};
	const struct node *const *item = one;
	size_t count = 1;
	struct name_decl *names;

	if (n->kind != NODE_SCALAR || !one_will_do) {
		if (!want_list(l, key, n))
			return false;
		item = (const struct node *const *)n->item;
		count = n->n;
	}
	names = arena_array(l->a, count, sizeof(*names));
	for (size_t i = 0; i < count; i++) {
		if (!read_text(l, key, item[i], &names[i].name))
			return false;
		names[i].mark = item[i]->mark;
		for (size_t k = 0; k < i && count <= SHOWN_MAX; k++)
			if (!strcmp(names[k].name, names[i].name)) {
				diag_error(l->d, names[i].mark, "'%s' stands twice in '%s'",
					   names[i].name, key);
				diag_note(l->d, names[k].mark, "the first is here");
			}
	}
	*ret = names;
	*ret_n = count;
	return true;
}

bool read_value(struct loader *l, const char *key, const struct node *n, struct value **ret)
{
	struct value *v;

	if (n->kind != NODE_SCALAR || is_null(n)) {
		bad_value(l, key, "text", n);
		return false;
	}
	v = value_from_node(l->a, n, l->d);
	if (v)
		*ret = v;
	return v != NULL;
}

bool read_value_list(struct loader *l, const char *key, const struct node *n, struct value_list *ret)
{
	struct value_list list;

	if (!want_list(l, key, n))
		return false;
	list = (struct value_list){arena_array(l->a, n->n, sizeof(*list.value)), n->n};
	for (size_t i = 0; i < n->n; i++)
		if (!read_value(l, key, n->item[i], &list.value[i]))
			return false;
	*ret = list;
	return true;
}

bool read_value_map(struct loader *l, const char *key, const struct node *n, bool null_unsets,
		    struct value_map *ret)
{
	struct value_map map;

	if (n->kind != NODE_MAP) {
		bad_value(l, key, "a map of names and values", n);
		return false;
	}
	map = (struct value_map){
		.name = arena_array(l->a, n->n, sizeof(*map.name)),
		.value = arena_array(l->a, n->n, sizeof(*map.value)),
		.mark = arena_array(l->a, n->n, sizeof(*map.mark)),
	};
	for (size_t i = 0; i < n->n; i++) {
		struct value **v = &map.value[map.n];

		if (null_unsets && is_null(n->item[i]))
			*v = NULL;
		else if (null_unsets ? !read_value(l, n->key[i]->text, n->item[i], v)
				     : !(*v = value_from_node(l->a, n->item[i], l->d)))
			continue;
		map.name[map.n] = arena_strdup(l->a, n->key[i]->text);
		map.mark[map.n++] = n->key[i]->mark;
	}
	*ret = map;
	return true;
}

bool read_json_list(struct loader *l, const char *key, const struct node *n, const json_t **ret)
{
	json_t *v;

	if (!want_list(l, key, n))
		return false;
	v = node_to_json(n, l->d);
	if (v)
		*ret = keep_json(l, v);
	return v != NULL;
}

static json_t *json_map(struct loader *l, const char *key, const struct node *n)
{
	if (n->kind == NODE_MAP)
		return node_to_json(n, l->d);
	bad_value(l, key, "a map", n);
	return NULL;
}

bool read_json_map(struct loader *l, const char *key, const struct node *n, const json_t **ret)
{
	json_t *v = json_map(l, key, n);

	if (v)
		*ret = keep_json(l, v);
	return v != NULL;
}

void read_map_text(struct loader *l, const char *key, const struct node *n, const char **ret)
{
	json_t *v = json_map(l, key, n);

	if (v)
		*ret = keep_json_text(l, v);
}

/* --- maps with keys of the language ----------------------------------------------------------- */

/* Where else a word is a key, for the hint: "a job, a step or a template". */
static void add_places(struct buf *b, unsigned scopes)
{
	size_t left = 0;

	for (enum key_scope_no s = 0; s < SCOPE_COUNT; s++)
		left += scopes >> s & 1;
	for (enum key_scope_no s = 0; s < SCOPE_COUNT; s++) {
		if (!(scopes >> s & 1))
			continue;
		left--;
		buf_addf(b, "%s%s", key_scope_where(s), !left ? "" : left > 1 ? ", " : " or ");
	}
}

static void unknown_key(struct loader *l, const struct node *name, enum key_scope scope,
			const char *where)
{
	const char *near = key_suggest(scope, name->text);
	unsigned scopes = key_scopes_of(name->text);
	struct buf b = BUF_INIT;

	diag_error(l->d, name->mark, "unknown key '%s' in %s", name->text, where);
	if (near && (!scopes || spell_distance(near, name->text) <= 1))
		diag_suggest(l->d, near);
	if (scopes) {
		add_places(&b, scopes);
		diag_hint(l->d, "'%s' is a key of %s", name->text, b.data);
	}
	buf_release(&b);
}

bool read_key(struct loader *l, const struct node *name, enum key_scope scope, const char *where,
	      enum key *ret)
{
	enum key key;

	if (!key_find(scope, name->text, &key)) {
		unknown_key(l, name, scope, where);
		return false;
	}
	*ret = key;
	return true;
}

bool read_map(struct loader *l, const struct node *n, enum key_scope scope, const char *where,
	      key_fn *use, void *ctx)
{
	if (n->kind != NODE_MAP) {
		struct buf b = BUF_INIT;

		diag_error(l->d, n->mark, "%s must be a map, not %s", where, node_shown(n, &b));
		buf_release(&b);
		return false;
	}
	for (size_t i = 0; i < n->n; i++) {
		enum key key;

		if (read_key(l, n->key[i], scope, where, &key))
			use(l, ctx, key, n->key[i], n->item[i]);
	}
	return true;
}

const char *full_name(struct loader *l, const char *name)
{
	return namespace_full(l->a, l->file ? l->file->ns : NULL, name);
}

static void note_taken(struct loader *l, enum name_kind kind, const char *name, struct mark m, const char *stands_for)
{
	struct taken *t = ARENA_NEW(l->a, struct taken);

	*t = (struct taken){m, stands_for};
	map_put(&l->names[kind], name, t);
	l->has_scopes |= strchr(name, '.') && (kind == NAME_VAR || kind == NAME_PARAM || kind == NAME_SECRET);
}

bool take_name(struct loader *l, enum name_kind kind, const char *name, struct mark m)
{
	static const char *const words[] = {"job", "template", "variable", "parameter",
					    "callable", "store", "pool", "lock", "secret"};
	const struct taken *first = map_get(&l->names[kind], name);

	if (first) {
		diag_error(l->d, m, "%s '%s' is declared twice", words[kind], name);
		diag_note(l->d, first->mark, "the first is here");
		return false;
	}
	note_taken(l, kind, name, m, arena_strdup(l->a, name));
	return true;
}

void take_global_name(struct loader *l, enum name_kind kind, const char *name, struct mark m)
{
	const char *full = full_name(l, name);

	if (!map_has(&l->names[kind], full))
		note_taken(l, kind, full, m, arena_strdup(l->a, name));
}

/* How much of p may stand in a name: letters of any script, of which UTF-8 has been checked, count. */
static size_t name_part(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) || (unsigned char)p[n] >= 0x80 || (p[n] && strchr("._-", p[n])))
		n++;
	return n;
}

bool check_name(struct loader *l, const char *what, const struct node *name)
{
	const char *p = name->text;
	size_t good = name_part(p);

	if (*p && !p[good] && *p != '-' && *p != '.')
		return true;
	if (!*p)
		diag_error(l->d, name->mark, "the name of %s is empty", what);
	else if (p[good])
		diag_error(l->d, name->mark, "'%s' cannot be the name of %s: it holds '%c'", p, what, p[good]);
	else
		diag_error(l->d, name->mark, "'%s' cannot be the name of %s: it begins with '%c'",
			   p, what, *p);
	diag_hint(l->d,
		  "names are made of letters, digits, '_', '-' and '.', and begin with a letter, a digit or '_'");
	return false;
}

bool first_blame(struct loader *l, struct mark m)
{
	char key[64];

	snprintf(key, sizeof(key), "%p:%u:%u", (const void *)m.source, (unsigned)m.line,
		 (unsigned)m.col);
	if (map_has(&l->blamed, key))
		return false;
	map_put(&l->blamed, key, NULL);
	return true;
}
