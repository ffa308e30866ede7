/* What libyaml says, as ours: places in bytes and lines, tags applied, anchored values recorded on the tape. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"
#include "doc/utf8.h"
#include "doc/yaml_impl.h"

static bool continues(char ch)
{
	return ((unsigned char)ch & 0xc0) == 0x80;
}

/* The byte offset of the character that libyaml calls number chars.  It asks for near ones. */
static size_t byte_offset(const struct cursor *c, struct yaml *y, size_t chars)
{
	const char *text = c->text.at;
	size_t at = y->known_bytes;

	if (y->ascii)
		return chars < c->text.len ? chars : c->text.len;
	for (; y->known_chars < chars && at < c->text.len; y->known_chars++) {
		for (at++; at < c->text.len && continues(text[at]);)
			at++;
	}
	for (; y->known_chars > chars && at; y->known_chars--) {
		for (at--; at && continues(text[at]);)
			at--;
	}
	return y->known_bytes = at;
}

/* Bytes of what libyaml's event covers, which begins at byte `at`, within the line and a mark. */
static size_t marked_len(const struct cursor *c, const struct yaml *y, size_t at)
{
	const yaml_mark_t *from = &y->event.start_mark, *to = &y->event.end_mark;
	const char *p = c->text.at + at;
	size_t room = c->text.len - at, n = 0, chars = to->index - from->index;

	if (room > MARK_LEN_MAX)
		room = MARK_LEN_MAX;
	if (y->ascii && from->line == to->line)
		return chars < room ? chars : room;
	for (; chars && n < room && p[n] != '\n' && p[n] != '\r'; chars--) {
		for (n++; n < room && continues(p[n]);)
			n++;
	}
	return n;
}

static struct mark mark_at(const struct cursor *c, struct yaml *y, size_t at, size_t len)
{
	const char *text = c->text.at, *end;

	if (at < y->line_start)
		return source_mark(c->source, at, len);
	while (y->counted < at && (end = memchr(text + y->counted, '\n', at - y->counted))) {
		y->line++;
		y->line_start = y->counted = (size_t)(end - text) + 1;
	}
	if (y->counted < at)
		y->counted = at;
	return mark_of(c->source, y->line, at - y->line_start + 1, len);
}

static enum node_style style_of(yaml_scalar_style_t style)
{
	switch (style) {
	case YAML_SINGLE_QUOTED_SCALAR_STYLE:
	case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
		return STYLE_QUOTED;
	case YAML_LITERAL_SCALAR_STYLE:
	case YAML_FOLDED_SCALAR_STYLE:
		return STYLE_BLOCK;
	case YAML_ANY_SCALAR_STYLE:
	case YAML_PLAIN_SCALAR_STYLE:
		break;
	}
	return STYLE_PLAIN;
}

static bool bad(struct raw *r)
{
	r->kind = RAW_BAD;
	return false;
}

/* ---- tags ---- */

enum tag { TAG_NONE, TAG_STR, TAG_INT, TAG_FLOAT, TAG_BOOL, TAG_NULL, TAG_SEQ, TAG_MAP, TAG_OTHER };

static const struct {
	const char *name;
	enum raw_kind of;
	enum scalar_type type;
} core_tag[] = {
	[TAG_STR] = {"str", RAW_SCALAR, SCALAR_TEXT},	 [TAG_INT] = {"int", RAW_SCALAR, SCALAR_INT},
	[TAG_FLOAT] = {"float", RAW_SCALAR, SCALAR_FLOAT}, [TAG_BOOL] = {"bool", RAW_SCALAR, SCALAR_BOOL},
	[TAG_NULL] = {"null", RAW_SCALAR, SCALAR_NULL},	 [TAG_SEQ] = {"seq", RAW_LIST, SCALAR_BAD},
	[TAG_MAP] = {"map", RAW_MAP, SCALAR_BAD},
};

static const char CORE[] = "tag:yaml.org,2002:";

static enum tag tag_of(const char *tag)
{
	if (!tag)
		return TAG_NONE;
	if (strncmp(tag, CORE, strlen(CORE)))
		return TAG_OTHER;
	for (size_t i = TAG_STR; i < ARRAY_LEN(core_tag); i++) {
		if (!strcmp(tag + strlen(CORE), core_tag[i].name))
			return (enum tag)i;
	}
	return TAG_OTHER;
}

/* `!canceled() && x`: not a tag but a text that wants quotes.  Go on as if it had them. */
static bool unknown_tag(struct cursor *c, struct yaml *y, struct raw *r, const char *tag)
{
	bool core = !strncmp(tag, CORE, strlen(CORE));
	const char *name = core ? tag + strlen(CORE) : tag;

	diag_error(c->diags, r->mark, "unknown tag '%s%s'", core ? "!!" : "", name);
	yaml_hint_quote(c, r->place, y->parser.flow_level > 0);
	if (!cursor_recover(c, r->mark))
		return bad(r);
	if (r->kind != RAW_SCALAR)
		return true;
	buf_reset(&y->remade);
	buf_puts(&y->remade, core ? "!!" : "");
	buf_puts(&y->remade, name);
	if (r->text.len)
		buf_putc(&y->remade, ' ');
	buf_add(&y->remade, r->text.at, r->text.len);
	r->text = (struct span){y->remade.data, y->remade.len};
	r->style = STYLE_QUOTED;
	return true;
}

/* What the text is when it is read as a plain scalar. */
static enum scalar_type type_of(struct span text)
{
	char *copy = xstrndup(text.at, text.len);
	struct node n = {.kind = NODE_SCALAR, .text = copy, .n = text.len};
	enum scalar_type t = scalar_resolve(&n, NULL, NULL);

	free(copy);
	return t;
}

static bool apply_tag(struct cursor *c, struct yaml *y, struct raw *r, const char *name)
{
	enum tag tag = tag_of(name);
	enum scalar_type type;

	if (tag == TAG_NONE)
		return true;
	r->tagged = true;
	if (tag == TAG_OTHER)
		return unknown_tag(c, y, r, name);
	if (core_tag[tag].of != r->kind) {
		diag_error(c->diags, r->mark, "'!!%s' does not fit what follows it",
			   core_tag[tag].name);
		return cursor_recover(c, r->mark) || bad(r);
	}
	if (r->kind != RAW_SCALAR)
		return true;
	if (tag == TAG_STR) {
		r->style = r->style == STYLE_PLAIN ? STYLE_QUOTED : r->style;
		return true;
	}
	type = type_of(r->text);
	if (type == SCALAR_INT && tag == TAG_FLOAT && !memchr(r->text.at, 'x', r->text.len)) {
		buf_reset(&y->remade);
		buf_add(&y->remade, r->text.at, r->text.len);
		buf_puts(&y->remade, ".0");
		r->text = (struct span){y->remade.data, y->remade.len};
		type = SCALAR_FLOAT;
	}
	if (type != core_tag[tag].type) {
		diag_error(c->diags, r->mark, "'%.*s' is no value of '!!%s'", (int)r->text.len,
			   r->text.at, core_tag[tag].name);
		return cursor_recover(c, r->mark) || bad(r);
	}
	r->style = STYLE_PLAIN;
	return true;
}

/* ---- what libyaml says ---- */

static bool syntax_error(struct cursor *c, struct yaml *y, struct raw *r)
{
	const yaml_parser_t *p = &y->parser;
	size_t at, context;

	if (p->error == YAML_MEMORY_ERROR)
		bug_no_memory(0);
	at = p->error == YAML_READER_ERROR ? p->problem_offset :
					     byte_offset(c, y, p->problem_mark.index);
	context = p->context ? byte_offset(c, y, p->context_mark.index) : at;
	yaml_explain(c, p, at, context, y->depth ? y->level[y->depth - 1].place : 0);
	return bad(r);
}

/* Text and tag of a scalar.  libyaml's event stays until the next, and the text with it. */
static bool live_scalar(struct cursor *c, struct yaml *y, struct raw *r)
{
	const yaml_event_t *e = &y->event;

	r->kind = RAW_SCALAR;
	r->style = style_of(e->data.scalar.style);
	r->text = (struct span){(const char *)e->data.scalar.value, e->data.scalar.length};
	if (r->style == STYLE_QUOTED && memchr(r->text.at, 0, r->text.len)) {
		diag_error(c->diags, r->mark, "a text cannot hold NUL");
		cursor_bad(c, r->mark);
		return bad(r);
	}
	return apply_tag(c, y, r, (const char *)e->data.scalar.tag);
}

static bool live_alias(struct cursor *c, struct yaml *y, struct raw *r)
{
	const char *name = (const char *)y->event.data.alias.anchor;
	void *number = map_get(&y->anchor_of, name);

	if (!number) {
		diag_error(c->diags, r->mark, "unknown alias '*%s'", name);
		yaml_hint_quote(c, r->place, y->parser.flow_level > 0);
		buf_reset(&y->remade);
		buf_addf(&y->remade, "*%s", name);
		r->kind = RAW_SCALAR;
		r->style = STYLE_QUOTED;
		r->text = (struct span){y->remade.data, y->remade.len};
		return cursor_recover(c, r->mark) || bad(r);
	}
	r->kind = RAW_ALIAS;
	r->anchor = (size_t)(uintptr_t)number - 1;
	if (!y->anchor[r->anchor].open)
		return true;
	diag_error(c->diags, r->mark, "alias '*%s' inside of what it stands for", name);
	cursor_bad(c, r->mark);
	return bad(r);
}

static void to_tape(struct yaml *y, const struct raw *r)
{
	struct raw copy = *r;

	if (r->kind == RAW_SCALAR)
		copy.text.at = arena_strndup(y->arena, r->text.at, r->text.len);
	VEC_PUSH(y->tape, y->n_tape, y->room_tape, copy);
}

/* A value with an anchor begins: it goes to the tape, until its end. */
static size_t open_anchor(struct yaml *y, const char *name)
{
	struct anchor a = {.start = y->n_tape, .open = true};

	VEC_PUSH(y->anchor, y->n_anchors, y->room_anchors, a);
	map_put(&y->anchor_of, name, (void *)(uintptr_t)y->n_anchors);
	y->taping++;
	return y->n_anchors - 1;
}

void yaml_close_anchor(struct yaml *y, size_t number)
{
	y->anchor[number].end = y->n_tape;
	y->anchor[number].open = false;
	y->taping--;
}

static const char *anchor_name(const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return (const char *)e->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return (const char *)e->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT:
		return (const char *)e->data.mapping_start.anchor;
	default:
		return NULL;
	}
}

/* Record the event where that is wanted; the number of the anchor that it opens, or ANCHOR_NONE. */
static ptrdiff_t record(struct yaml *y, const struct raw *r)
{
	const char *name = anchor_name(&y->event);
	size_t number;

	if (!name) {
		if (y->taping)
			to_tape(y, r);
		return ANCHOR_NONE;
	}
	number = open_anchor(y, name);
	to_tape(y, r);
	if (r->kind != RAW_SCALAR)
		return (ptrdiff_t)number;
	yaml_close_anchor(y, number);
	return ANCHOR_NONE;
}

static bool second_document(struct cursor *c, struct raw *r)
{
	diag_error(c->diags, r->mark, "a second document begins here");
	diag_hint(c->diags, "a file holds one document: remove the '---' or '...' before it, "
			    "or make it a file of its own");
	cursor_bad(c, r->mark);
	return bad(r);
}

/* libyaml's event as ours; RAW_BAD after a diagnostic.  False also if it says nothing to us. */
static bool translate(struct cursor *c, struct yaml *y, struct raw *r)
{
	const yaml_event_t *e = &y->event;

	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return live_scalar(c, y, r);
	case YAML_ALIAS_EVENT:
		return live_alias(c, y, r);
	case YAML_SEQUENCE_START_EVENT:
		r->kind = RAW_LIST;
		return apply_tag(c, y, r, (const char *)e->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		r->kind = RAW_MAP;
		return apply_tag(c, y, r, (const char *)e->data.mapping_start.tag);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		r->kind = RAW_END;
		return true;
	case YAML_STREAM_END_EVENT:
		y->end_mark = r->mark;
		r->kind = RAW_DONE;
		return true;
	case YAML_NO_EVENT: /* what libyaml says after the end */
		r->kind = RAW_DONE;
		return true;
	case YAML_DOCUMENT_START_EVENT:
		if (y->started)
			return second_document(c, r);
		y->started = true;
		return false;
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		break;
	}
	return false;
}

/* The next event of the text itself.  *ret_anchor: the anchor that it opens, or ANCHOR_NONE. */
void yaml_live(struct cursor *c, struct yaml *y, struct raw *r, ptrdiff_t *ret_anchor)
{
	bool told;

	*ret_anchor = ANCHOR_NONE;
	do {
		const yaml_event_t *e = &y->event;
		size_t len;

		if (y->has_event)
			yaml_event_delete(&y->event);
		y->has_event = false;
		*r = (struct raw){.kind = RAW_DONE};
		if (!yaml_parser_parse(&y->parser, &y->event)) {
			(void)syntax_error(c, y, r);
			return;
		}
		y->has_event = true;
		r->place = byte_offset(c, y, e->start_mark.index);
		len = marked_len(c, y, r->place);
		r->mark = mark_at(c, y, r->place, len);
		told = translate(c, y, r);
	} while (!told && r->kind != RAW_BAD);
	y->n_live++;
	if (r->kind != RAW_BAD && r->kind != RAW_DONE)
		*ret_anchor = record(y, r);
}

/* ---- beginning, end ---- */

/*
 * %TAG would give other tags the core names, and libyaml looks through all of them for each.
 * Directives stand before everything else.
 */
static void refuse_tag_directives(struct cursor *c)
{
	const char *p = c->text.at, *end = p + c->text.len, *eol;

	for (; p < end && strchr("%# \t\r\n", *p); p = eol + 1) {
		eol = memchr(p, '\n', (size_t)(end - p));
		if (!strncmp(p, "%TAG", strlen("%TAG"))) {
			struct mark m = source_mark(c->source, (size_t)(p - c->text.at),
						    strlen("%TAG"));

			diag_error(c->diags, m, "%%TAG is not supported: there are only the core tags");
			cursor_bad(c, m);
			return;
		}
		if (!eol)
			return;
	}
}

void yaml_live_begin(struct cursor *c, struct yaml *y)
{
	if (!yaml_parser_initialize(&y->parser))
		bug_no_memory(0);
	yaml_parser_set_encoding(&y->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&y->parser, (const unsigned char *)c->text.at, c->text.len);
	y->ascii = utf8_is_ascii(c->text.at, c->text.len);
	y->line = 1;
	if (c->event.kind != DOC_BAD)
		refuse_tag_directives(c);
	y->arena = arena_new();
	buf_init(&y->remade);
}

void yaml_live_end(struct yaml *y)
{
	if (y->has_event)
		yaml_event_delete(&y->event);
	yaml_parser_delete(&y->parser);
	arena_free(y->arena);
	map_release(&y->anchor_of);
	free(y->tape);
	free(y->anchor);
	buf_release(&y->remade);
}
