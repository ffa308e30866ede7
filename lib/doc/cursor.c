#include "doc/cursor.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"
#include "doc/compiled_impl.h"
#include "doc/cursor_impl.h"
#include "doc/utf8.h"

static const char *skip_blank(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

/* `{ "key" : ` and a character that a JSON value begins with; or `{ }`. */
static bool starts_like_json(const char *p, const char *end)
{
	if (p == end || *p != '{')
		return false;
	p = skip_blank(p + 1, end);
	if (p < end && *p == '}')
		return true;
	if (p == end || *p != '"')
		return false;
	for (p++; p < end && *p != '"'; p++) {
		if (*p == '\n')
			return false;
		p += *p == '\\';
	}
	p = p < end ? skip_blank(p + 1, end) : end;
	if (p == end || *p != ':')
		return false;
	p = skip_blank(p + 1, end);
	return p < end && strchr("\"{[-0123456789tfn", *p);
}

enum doc_format doc_format_of(const struct source *s)
{
	struct span text = source_text(s);
	const char *end = text.at + text.len, *p = skip_blank(text.at, end);

	if (ends_with(source_name(s), ".json") && p < end && *p && strchr("{[/", *p))
		return DOC_JSON;
	return starts_like_json(p, end) ? DOC_JSON : DOC_YAML;
}

void cursor_bad(struct cursor *c, struct mark m)
{
	c->event = (struct event){.kind = DOC_BAD, .mark = m};
}

bool cursor_recover(struct cursor *c, struct mark m)
{
	if (++c->recovered <= RECOVER_MAX)
		return true;
	diag_error(c->diags, m, "too many errors: the rest of the document is not read");
	cursor_bad(c, m);
	return false;
}

bool cursor_duplicate(struct cursor *c, struct span key, struct mark m, size_t first)
{
	diag_error(c->diags, m, "duplicate key '%.*s'", (int)key.len, key.at);
	diag_note(c->diags, source_mark(c->source, first, m.len), "the first is here");
	return cursor_recover(c, m);
}

void cursor_too_deep(struct cursor *c, struct mark m)
{
	diag_error(c->diags, m, "nested deeper than %d levels", DEPTH_MAX);
	cursor_bad(c, m);
}

/* What no document may hold, whatever its format: checked once, at the start. */
static void check_bytes(struct cursor *c)
{
	struct span t = c->text;
	const char *nul = t.len ? memchr(t.at, 0, t.len) : NULL;
	size_t at = utf8_check(t.at, t.len);
	struct mark m;

	if (t.len >= 2 && (!memcmp(t.at, "\xff\xfe", 2) || !memcmp(t.at, "\xfe\xff", 2))) {
		m = source_mark(c->source, 0, 1);
		diag_error(c->diags, m, "the text is UTF-16");
		diag_hint(c->diags, "save it as UTF-8");
		cursor_bad(c, m);
		return;
	}
	if (nul && (size_t)(nul - t.at) < at) {
		m = source_mark(c->source, (size_t)(nul - t.at), 1);
		diag_error(c->diags, m, "a NUL byte in the text");
		cursor_bad(c, m);
	} else if (at < t.len) {
		m = source_mark(c->source, at, 1);
		diag_error(c->diags, m, "byte 0x%02x is not UTF-8", (unsigned char)t.at[at]);
		cursor_bad(c, m);
	}
}

/* Whatever was wrong with its bytes, it would not have been compiled. */
static void open_compiled(struct cursor *c)
{
	c->reader = &compiled_reader;
	c->state = c->reader->open(c);
}

static void open_text(struct cursor *c)
{
	check_bytes(c);
	c->state = c->reader->open(c);
	c->peeked = c->event.kind == DOC_BAD;
}

struct cursor *cursor_open_compiled(const struct source *s, enum doc_format format, struct diags *d, struct compiled *k)
{
	struct cursor *c = xcalloc(1, sizeof(*c));

	c->source = s;
	c->compiled = format == DOC_YAML ? k : NULL;
	c->text = source_text(s);
	c->diags = d;
	c->reader = format == DOC_JSON ? &json_reader : &yaml_reader;
	c->event.mark = (struct mark){.source = s, .line = 1, .col = 1};
	buf_init(&c->shown);
	/* The address is as good as random here, and a document cannot know it. */
	keyset_init(&c->keys, (uint64_t)(uintptr_t)c * 0xff51afd7ed558ccdu);
	if (c->compiled && compiled_is_known(c->compiled))
		open_compiled(c);
	else
		open_text(c);
	return c;
}

struct cursor *cursor_open(const struct source *s, enum doc_format format, struct diags *d)
{
	return cursor_open_compiled(s, format, d, NULL);
}

void cursor_free(struct cursor *c)
{
	if (!c)
		return;
	c->reader->free(c->state);
	keyset_release(&c->keys);
	buf_release(&c->shown);
	free(c);
}

static bool over(enum doc_event kind)
{
	return kind == DOC_FINISHED || kind == DOC_BAD;
}

enum doc_event cursor_peek(struct cursor *c)
{
	if (!c->peeked) {
		c->reader->read(c);
		c->peeked = true;
		if (c->compiled && c->reader != &compiled_reader && !c->recovered)
			compiled_put(c->compiled, &c->event);
	}
	return c->event.kind;
}

struct mark cursor_mark(const struct cursor *c)
{
	return c->event.mark;
}

/* Take the event without showing it as a node. */
static enum doc_event take(struct cursor *c)
{
	enum doc_event kind = cursor_peek(c);

	c->peeked = over(kind);
	return kind;
}

enum doc_event cursor_next(struct cursor *c, const struct node **ret)
{
	enum doc_event kind = take(c);

	if (!ret || kind != DOC_SCALAR)
		return kind;
	buf_reset(&c->shown);
	buf_add(&c->shown, c->event.text.at, c->event.text.len);
	c->node = (struct node){
		.kind = NODE_SCALAR,
		.style = c->event.style,
		.mark = c->event.mark,
		.text = c->shown.data,
		.n = c->event.text.len,
	};
	*ret = &c->node;
	return kind;
}

/* A tree that is being built: the open lists and maps, and the children they have so far. */
struct building {
	struct arena *arena;
	struct {
		struct node *node;
		size_t base; /* of its children */
	} open[DEPTH_MAX];
	size_t depth;
	struct node **child; /* of all that are open; of a map: key, value, key, value */
	size_t n, room;
};

static struct node *new_node(struct arena *a, const struct event *e)
{
	struct node *n = ARENA_NEW(a, struct node);

	n->mark = e->mark;
	switch (e->kind) {
	case DOC_LIST:
		n->kind = NODE_LIST;
		break;
	case DOC_MAP:
		n->kind = NODE_MAP;
		break;
	default:
		n->kind = NODE_SCALAR;
		n->style = e->style;
		n->text = arena_strndup(a, e->text.at, e->text.len);
		n->n = e->text.len;
	}
	return n;
}

/* The innermost list or map has all its children. */
static struct node *close_innermost(struct building *b)
{
	struct node *n = b->open[--b->depth].node;
	struct node **child = b->child + b->open[b->depth].base;
	size_t count = b->n - b->open[b->depth].base;

	b->n = b->open[b->depth].base;
	if (!count)
		return n;
	if (n->kind == NODE_LIST) {
		n->n = count;
		n->item = arena_array(b->arena, count, sizeof(*n->item));
		memcpy(n->item, child, count * sizeof(*child));
		return n;
	}
	n->n = count / 2;
	n->key = arena_array(b->arena, count, sizeof(*n->key));
	n->item = n->key + n->n;
	for (size_t i = 0; i < n->n; i++) {
		n->key[i] = child[2 * i];
		n->item[i] = child[2 * i + 1];
	}
	return n;
}

/* Add the event to the tree; the node that it completes, or NULL. */
static struct node *grow(struct building *b, const struct event *e)
{
	struct node *n;

	if (e->kind == DOC_END)
		return close_innermost(b);
	n = new_node(b->arena, e);
	if (e->kind == DOC_SCALAR)
		return n;
	b->open[b->depth].node = n;
	b->open[b->depth++].base = b->n;
	return NULL;
}

struct node *cursor_tree(struct cursor *c, struct arena *a)
{
	struct building b = {.arena = a};
	struct node *root = NULL;

	for (;;) {
		enum doc_event kind = take(c);
		struct node *done;

		if (kind == DOC_BAD)
			break;
		BUG_UNLESS(kind != DOC_FINISHED && (kind != DOC_END || b.depth));
		done = grow(&b, &c->event);
		if (done && !b.depth) {
			root = done;
			break;
		}
		if (done)
			VEC_PUSH(b.child, b.n, b.room, done);
	}
	free(b.child);
	return root;
}

bool cursor_skip(struct cursor *c)
{
	size_t depth = 0;

	do {
		switch (take(c)) {
		case DOC_LIST:
		case DOC_MAP:
			depth++;
			break;
		case DOC_END:
			BUG_UNLESS(depth);
			depth--;
			break;
		case DOC_SCALAR:
			break;
		case DOC_BAD:
			return false;
		case DOC_FINISHED:
			BUG("no value to skip");
		}
	} while (depth);
	return true;
}

struct node *doc_read(const struct source *s, enum doc_format format, struct arena *a,
		      struct diags *d)
{
	size_t before = diags_errors(d);
	struct cursor *c = cursor_open(s, format, d);
	struct node *n = cursor_tree(c, a);

	if (n && cursor_next(c, NULL) == DOC_BAD)
		n = NULL;
	cursor_free(c);
	return diags_errors(d) == before ? n : NULL;
}
