/* Nodes of a native document, made of those of an older one. */
#include "job/lorchestra.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "job/value_impl.h"

static struct node *scalar(struct loader *l, struct mark m, enum node_style style, const char *text, size_t len)
{
	struct node *n = ARENA_NEW(l->scratch, struct node);

	*n = (struct node){.kind = NODE_SCALAR, .style = style, .mark = m,
			   .text = arena_strndup(l->scratch, text, len), .n = len};
	return n;
}

struct node *lorch_text(struct loader *l, struct mark m, const char *text, size_t len)
{
	const char *end = text + len, *found;
	struct buf kept = BUF_INIT;
	struct node *n;

	while ((found = memmem(text, (size_t)(end - text), VALUE_OPENING, OPENING_LEN))) {
		buf_add(&kept, text, (size_t)(found - text));
		buf_puts(&kept, "$" VALUE_OPENING);
		text = found + OPENING_LEN;
	}
	buf_add(&kept, text, (size_t)(end - text));
	n = scalar(l, m, STYLE_QUOTED, kept.data, kept.len);
	buf_release(&kept);
	return n;
}

struct node *lorch_plain(struct loader *l, struct mark m, const char *text)
{
	return scalar(l, m, STYLE_PLAIN, text, strlen(text));
}

struct node *lorch_source(struct loader *l, const struct node *from, const char *expression)
{
	return scalar(l, from->mark, STYLE_BLOCK, expression, strlen(expression));
}

struct node *lorch_expr(struct loader *l, const struct node *from, const char *expression)
{
	struct buf text = BUF_INIT;
	struct node *n;

	buf_addf(&text, VALUE_OPENING " %s " VALUE_CLOSING, expression);
	n = scalar(l, from->mark, STYLE_BLOCK, text.data, text.len);
	buf_release(&text);
	return n;
}

struct node *lorch_parts(struct loader *l, enum node_kind kind, struct mark m, size_t n)
{
	struct node *parts = ARENA_NEW(l->scratch, struct node);

	*parts = (struct node){.kind = kind, .mark = m};
	parts->item = arena_array(l->scratch, n, sizeof(*parts->item));
	if (kind == NODE_MAP)
		parts->key = arena_array(l->scratch, n, sizeof(*parts->key));
	return parts;
}

void lorch_add(struct node *parts, struct node *key, struct node *value)
{
	if (key)
		parts->key[parts->n] = key;
	parts->item[parts->n++] = value;
}

void lorch_put(struct loader *l, struct node *map, struct mark m, const char *key, struct node *value)
{
	lorch_add(map, lorch_plain(l, m, key), value);
}

struct node *lorch_document(struct loader *l, struct cursor *c)
{
	struct node **pair = NULL, *map;
	size_t n = 0, room = 0;
	struct mark m = cursor_mark(c);

	while (cursor_peek(c) == DOC_SCALAR) {
		struct node *key = cursor_tree(c, l->scratch);
		struct node *value = key ? cursor_tree(c, l->scratch) : NULL;

		if (!value)
			break;
		VEC_PUSH(pair, n, room, key);
		VEC_PUSH(pair, n, room, value);
	}
	map = lorch_parts(l, NODE_MAP, m, n / 2);
	for (size_t i = 0; i < n; i += 2)
		lorch_add(map, pair[i], pair[i + 1]);
	free(pair);
	return map;
}

/* --- keys ------------------------------------------------------------------------------------------------- */

static const struct {
	enum lorch_map map;
	const char *word;
} keys[LORCH_KEYS] = {
#define LORCH(map, id, word, sentence) [LORCH_KEY_##id] = {LORCH_IN_##map, word},
#include "job/lorchestra.def"
#undef LORCH
};

enum lorch_key lorch_key_find(enum lorch_map map, const char *word)
{
	for (enum lorch_key k = 0; k < LORCH_KEYS; k++)
		if (keys[k].map == map && !strcmp(keys[k].word, word))
			return k;
	return LORCH_KEYS;
}

static const char *near_key(enum lorch_map map, const char *word)
{
	struct spell s;

	spell_init(&s, word);
	for (enum lorch_key k = 0; k < LORCH_KEYS; k++)
		if (keys[k].map == map)
			spell_try(&s, keys[k].word);
	return s.best;
}

static void unknown_key(struct loader *l, const struct node *key, enum lorch_map map, const char *what, bool open)
{
	const char *near = near_key(map, key->text);

	if (open && !near)
		return;
	if (open)
		diag_warn(l->d, key->mark, "'%s' is no key of %s: it only gives '@self.%s' a value", key->text, what,
			  key->text);
	else
		diag_error(l->d, key->mark, "unknown key '%s' in %s", key->text, what);
	diag_suggest(l->d, near);
}

bool lorch_keys(struct loader *l, const struct node *n, enum lorch_map map, const char *what,
		bool open, const struct node **value)
{
	struct buf shown = BUF_INIT;

	for (enum lorch_key k = 0; k < LORCH_KEYS; k++)
		value[k] = NULL;
	if (n->kind != NODE_MAP) {
		diag_error(l->d, n->mark, "%s must be a map, not %s", what, node_shown(n, &shown));
		buf_release(&shown);
		return false;
	}
	for (size_t i = 0; i < n->n; i++) {
		enum lorch_key k = lorch_key_find(map, n->key[i]->text);

		if (k == LORCH_KEYS)
			unknown_key(l, n->key[i], map, what, open);
		else
			value[k] = n->item[i];
	}
	return true;
}

bool lorch_among(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = words; *p; p += strcspn(p, " "), p += *p == ' ')
		if (strcspn(p, " ") == len && !memcmp(p, word, len))
			return true;
	return false;
}

const char *lorch_near(struct loader *l, const char *words, const char *word)
{
	struct spell s;

	spell_init(&s, word);
	for (const char *p = words; *p; p += strcspn(p, " "), p += *p == ' ')
		spell_try(&s, arena_strndup(l->scratch, p, strcspn(p, " ")));
	return s.best;
}

/* --- names ------------------------------------------------------------------------------------------------ */

/* The name of the file without folder and ending; NULL if it has none that counts. */
static const char *stem(struct loader *l, const char *path)
{
	static const char *const ends[] = {".yaml", ".yml", ".json"};
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	size_t n = strlen(base);

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		size_t end = strlen(ends[i]);

		if (n > end && !strcmp(base + n - end, ends[i]))
			return arena_strndup(l->scratch, base, n - end);
	}
	return NULL;
}

const struct node *lorch_name(struct loader *l, const struct node *n, const char *key)
{
	const char *file = stem(l, l->file->path);

	if (!n) /* the text broke off before it, and that has been said */
		return NULL;
	if (n->kind != NODE_SCALAR || is_null(n)) {
		bad_value(l, key, "text", n);
		return NULL;
	}
	if (file && strcmp(file, n->text)) {
		diag_error(l->d, n->mark, "%s is '%s' but the file is called '%s'", key, n->text, file);
		diag_hint(l->d, "the two must agree: rename the file, or write %s: %s", key, file);
		return NULL;
	}
	return n;
}
