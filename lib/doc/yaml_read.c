/*
 * The YAML side of the cursor: libyaml's events, with aliases and `<<` carried out.
 *
 *	libyaml -> live() -> struct raw -> raw_next() -> step() -> c->event
 *	             |                        ^
 *	             +------ tape ---- frames-+
 *
 * While an anchored value is being read its events are also put on the tape; an
 * alias plays that stretch again (a frame).  Aliases on the tape stay aliases, so
 * the tape never grows beyond the text; what they are worth is counted as it is
 * played, against a bound.
 *
 * The pairs of `<<` are played at the end of the map, when its own keys are known.
 */
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/bug.h"
#include "base/map.h"
#include "base/vec.h"
#include "doc/cursor_impl.h"
#include "doc/utf8.h"

enum {
	/* So many events may come from aliases, and in a long document more. */
	REPLAY_MAX = 1000000,
	REPLAY_PER_EVENT = 10,
	NOT_OPEN = -1,
};

enum raw_kind {
	RAW_SCALAR,
	RAW_LIST,
	RAW_MAP,
	RAW_END,
	RAW_ALIAS,
	RAW_DONE,   /* of the document */
	RAW_MERGED, /* the pairs of one `<<` source are over */
	RAW_BAD,    /* the event is DOC_BAD */
};

struct raw {
	enum raw_kind kind;
	enum node_style style;
	bool tagged;
	struct mark mark;
	size_t place;
	struct span text;
	size_t anchor; /* of an alias: its number */
};

/* An anchored value: where it is on the tape. */
struct anchor {
	size_t start, end;
	bool open; /* not read to its end yet */
};

/* A stretch of the tape that is being played. */
struct frame {
	size_t at, end;
	bool merge; /* pairs of a `<<` source; its end is told */
};

struct range {
	size_t start, end;
};

/* A list or map that is open. */
struct level {
	bool is_map, want_key, merging;
	size_t place; /* where it begins */
	ptrdiff_t anchor;     /* that ends with it; NOT_OPEN if none */
	struct mark merge_mark; /* of `<<`; line 0 if there was none */
	size_t merge_place;
	struct mark end_mark;
	struct range *source; /* maps whose pairs `<<` brings; a stack, the next one is last */
	size_t n_sources, room_sources;
};

struct yaml {
	yaml_parser_t parser;
	yaml_event_t event; /* the last from libyaml; raw.text may point into it */
	bool has_event, started;
	bool ascii;	    /* then characters, which libyaml counts, are bytes */

	/* Characters to bytes: a place whose both numbers are known. */
	size_t known_chars, known_bytes;
	/* Bytes to lines: lines are counted up to `counted`. */
	size_t counted, line_start;
	uint32_t line;

	struct arena *arena; /* texts on the tape */
	struct raw *tape;
	size_t n_tape, room_tape;
	unsigned taping; /* how many stretches are being recorded */
	struct map anchor_of; /* name -> number + 1 */
	struct anchor *anchor;
	size_t n_anchors, room_anchors;

	struct frame *frame;
	size_t n_frames, room_frames;
	size_t n_live, n_played;
	struct mark alias_mark; /* of the outermost alias or `<<` that is being played */

	struct level level[DEPTH_MAX];
	size_t depth;
	bool root_done;
	struct mark end_mark; /* of the document, once it has ended */
	struct buf remade; /* a text that is not quite what libyaml said */
};

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

static void *yaml_open(struct cursor *c)
{
	struct yaml *y = xcalloc(1, sizeof(*y));

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
	return y;
}

static void yaml_free(void *state)
{
	struct yaml *y = state;

	if (y->has_event)
		yaml_event_delete(&y->event);
	yaml_parser_delete(&y->parser);
	arena_free(y->arena);
	map_release(&y->anchor_of);
	for (size_t i = 0; i < DEPTH_MAX; i++)
		free(y->level[i].source);
	free(y->tape);
	free(y->anchor);
	free(y->frame);
	buf_release(&y->remade);
	free(y);
}

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

static void close_anchor(struct yaml *y, size_t number)
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

/* Record the event where that is wanted; the number of the anchor that it opens, or NOT_OPEN. */
static ptrdiff_t record(struct yaml *y, const struct raw *r)
{
	const char *name = anchor_name(&y->event);
	size_t number;

	if (!name) {
		if (y->taping)
			to_tape(y, r);
		return NOT_OPEN;
	}
	number = open_anchor(y, name);
	to_tape(y, r);
	if (r->kind != RAW_SCALAR)
		return (ptrdiff_t)number;
	close_anchor(y, number);
	return NOT_OPEN;
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

/* The next event of the text itself.  *ret_anchor: the anchor that it opens, or NOT_OPEN. */
static void live(struct cursor *c, struct yaml *y, struct raw *r, ptrdiff_t *ret_anchor)
{
	bool told;

	*ret_anchor = NOT_OPEN;
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

/* ---- aliases ---- */

static void push_frame(struct yaml *y, size_t start, size_t end, bool merge, struct mark m)
{
	struct frame f = {.at = start, .end = end, .merge = merge};

	if (!y->n_frames)
		y->alias_mark = m;
	VEC_PUSH(y->frame, y->n_frames, y->room_frames, f);
}

/* Count an event that an alias brings; false if there are too many. */
static bool count_played(struct cursor *c, struct yaml *y)
{
	if (++y->n_played <= REPLAY_MAX + REPLAY_PER_EVENT * y->n_live)
		return true;
	diag_error(c->diags, y->alias_mark, "alias expansion too large");
	diag_hint(c->diags, "aliases of aliases multiply: what they stand for is more than %d values",
		  REPLAY_MAX);
	cursor_bad(c, y->alias_mark);
	return false;
}

/* The frame that tells what comes next, or NULL: then the text does. */
static struct frame *playing(struct yaml *y)
{
	while (y->n_frames) {
		struct frame *f = &y->frame[y->n_frames - 1];

		if (f->at < f->end || f->merge)
			return f;
		y->n_frames--;
	}
	return NULL;
}

/* The next event, of the innermost frame or of the text, aliases still unresolved. */
static void raw_next(struct cursor *c, struct yaml *y, struct raw *r, ptrdiff_t *ret_anchor)
{
	struct frame *f = playing(y);

	*ret_anchor = NOT_OPEN;
	if (!f) {
		live(c, y, r, ret_anchor);
		return;
	}
	if (f->at < f->end) {
		*r = y->tape[f->at++];
	} else {
		*r = (struct raw){.kind = RAW_MERGED};
		y->n_frames--;
	}
	if (!count_played(c, y))
		r->kind = RAW_BAD;
}

/* The end of the value on the tape that begins at `at`. */
static size_t tape_skip(const struct yaml *y, size_t at)
{
	size_t depth = 0;

	do {
		enum raw_kind k = y->tape[at++].kind;

		depth += k == RAW_LIST || k == RAW_MAP;
		depth -= k == RAW_END;
	} while (depth);
	return at;
}

/* Skip the value that is to be played next; where it was on the tape. */
static size_t skip_played(struct yaml *y)
{
	struct frame *f = playing(y);
	size_t at;

	BUG_UNLESS(f && f->at < f->end);
	at = f->at;
	f->at = tape_skip(y, at);
	y->n_played += f->at - at;
	return at;
}

/* ---- lists and maps ---- */

static void step(struct cursor *c, struct yaml *y);

static struct level *innermost(struct yaml *y)
{
	return y->depth ? &y->level[y->depth - 1] : NULL;
}

static void open_level(struct cursor *c, struct yaml *y, const struct raw *r, ptrdiff_t anchor)
{
	struct level *l;
	struct range *source;
	size_t room;

	if (y->depth == DEPTH_MAX) {
		cursor_too_deep(c, r->mark);
		return;
	}
	l = &y->level[y->depth++];
	source = l->source;
	room = l->room_sources;
	*l = (struct level){.is_map = r->kind == RAW_MAP,
			    .want_key = r->kind == RAW_MAP,
			    .place = r->place,
			    .anchor = anchor,
			    .source = source,
			    .room_sources = room};
	if (l->is_map)
		keyset_open(&c->keys);
	c->event = (struct event){.kind = l->is_map ? DOC_MAP : DOC_LIST, .mark = r->mark};
}

/* A value is complete: what follows in the map around it is a key. */
static void value_done(struct yaml *y)
{
	struct level *l = innermost(y);

	if (l)
		l->want_key = l->is_map;
	else
		y->root_done = true;
}

static void close_level(struct cursor *c, struct yaml *y, struct mark m)
{
	struct level *l = innermost(y);

	if (l->is_map)
		keyset_close(&c->keys);
	if (l->anchor != NOT_OPEN && !l->merging)
		close_anchor(y, (size_t)l->anchor);
	y->depth--;
	value_done(y);
	c->event = (struct event){.kind = DOC_END, .mark = m};
}

/* Read on until what has been opened beyond depth is closed, or bad. */
static void finish_value(struct cursor *c, struct yaml *y, size_t depth)
{
	while (c->event.kind != DOC_BAD && y->depth > depth)
		step(c, y);
}

static void tell_scalar(struct cursor *c, const struct raw *r)
{
	c->event = (struct event){.kind = DOC_SCALAR,
				  .style = r->style,
				  .mark = r->mark,
				  .text = r->text};
}

static void on_value(struct cursor *c, struct yaml *y, const struct raw *r, ptrdiff_t anchor)
{
	if (r->kind == RAW_LIST || r->kind == RAW_MAP) {
		open_level(c, y, r, anchor);
	} else if (r->kind == RAW_END) {
		close_level(c, y, r->mark);
	} else {
		tell_scalar(c, r);
		value_done(y);
	}
}

/* ---- << ---- */

static bool bad_merge(struct cursor *c, struct level *l)
{
	diag_error(c->diags, l->merge_mark, "'<<' takes a map or a list of maps");
	diag_hint(c->diags, "to have a key of that name, quote it: \"<<\"");
	return cursor_recover(c, l->merge_mark);
}

/* The value at `at` of the tape, through an alias if it is one. */
static struct range tape_value(const struct yaml *y, size_t at)
{
	if (y->tape[at].kind == RAW_ALIAS) {
		const struct anchor *a = &y->anchor[y->tape[at].anchor];

		return (struct range){a->start, a->end};
	}
	return (struct range){at, tape_skip(y, at)};
}

static void reverse(struct range *r, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		struct range t = r[i];

		r[i] = r[n - 1 - i];
		r[n - 1 - i] = t;
	}
}

/*
 * What `<<` brings is at `at` of the tape.  In a list the first map wins, and what a map has by a
 * `<<` of its own comes right after that map: so the sources are a stack.
 */
static bool add_sources(struct cursor *c, struct yaml *y, struct level *l, size_t at)
{
	struct range v = tape_value(y, at);
	size_t before = l->n_sources;

	y->n_played += v.end - v.start;
	if (y->tape[v.start].kind == RAW_MAP) {
		VEC_PUSH(l->source, l->n_sources, l->room_sources, v);
		return true;
	}
	if (y->tape[v.start].kind != RAW_LIST)
		return bad_merge(c, l);
	for (size_t i = v.start + 1; i < v.end - 1; i = tape_skip(y, i)) {
		struct range element = tape_value(y, i);

		if (y->tape[element.start].kind != RAW_MAP)
			return bad_merge(c, l);
		VEC_PUSH(l->source, l->n_sources, l->room_sources, element);
	}
	reverse(l->source + before, l->n_sources - before);
	return true;
}

/* The value of `<<` is on the tape already: it is being played. */
static bool merge_played(struct cursor *c, struct yaml *y, struct level *l)
{
	size_t at = skip_played(y);

	return add_sources(c, y, l, at);
}

/* The value of `<<` is still to be read: record it, checked as any other. */
static bool merge_live(struct cursor *c, struct yaml *y, struct level *l)
{
	size_t start = y->n_tape, depth = y->depth;
	ptrdiff_t anchor;
	struct raw r;

	y->taping++;
	live(c, y, &r, &anchor);
	if (r.kind != RAW_BAD && r.kind != RAW_ALIAS) {
		on_value(c, y, &r, anchor);
		finish_value(c, y, depth);
	}
	y->taping--;
	return c->event.kind != DOC_BAD && add_sources(c, y, l, start);
}

/* False: the event is DOC_BAD. */
static bool read_merge(struct cursor *c, struct yaml *y, const struct raw *key)
{
	struct level *l = innermost(y);
	bool good;

	if (l->merge_mark.line && !l->merging) {
		if (!cursor_duplicate(c, key->text, key->mark, l->merge_place))
			return false;
	} else if (!l->merging) {
		l->merge_mark = key->mark;
		l->merge_place = key->place;
	}
	l->want_key = false;
	good = playing(y) ? merge_played(c, y, l) : merge_live(c, y, l);
	l->want_key = true;
	return good;
}

/* Play the next source of `<<`; false if there is none. */
static bool play_source(struct yaml *y, struct level *l)
{
	struct range r;

	if (!l->n_sources)
		return false;
	r = l->source[--l->n_sources];
	push_frame(y, r.start + 1, r.end - 1, true, l->merge_mark);
	return true;
}

/* ---- the events ---- */

/* The map's own keys are over, or those of one source of its `<<`. */
static bool end_of_pairs(struct cursor *c, struct yaml *y, struct level *l, const struct raw *r)
{
	if (!l->merging) {
		l->end_mark = r->mark;
		/* The anchor ends here: what `<<` brings is not recorded again. */
		if (l->anchor != NOT_OPEN)
			close_anchor(y, (size_t)l->anchor);
		l->merging = true;
	}
	if (play_source(y, l))
		return false;
	close_level(c, y, l->end_mark);
	return true;
}

/* A key that is there already: of a `<<` it gives way, else it is an error.  Its value is dropped. */
static bool repeated_key(struct cursor *c, struct yaml *y, struct level *l, const struct raw *r,
			 size_t first)
{
	size_t depth = y->depth;

	if (l->merging) {
		(void)skip_played(y);
		return false;
	}
	if (!cursor_duplicate(c, r->text, r->mark, first))
		return true;
	l->want_key = false;
	step(c, y);
	finish_value(c, y, depth);
	return c->event.kind == DOC_BAD;
}

static bool bad_key(struct cursor *c, const struct raw *r)
{
	diag_error(c->diags, r->mark, "a key must be text, not %s",
		   r->kind == RAW_MAP ? "a map" : "a list");
	/* `with: {{ x }}` */
	if (r->place && c->text.at[r->place] == '{' && c->text.at[r->place - 1] == '{')
		yaml_hint_quote(c, r->place - 1, false);
	cursor_bad(c, r->mark);
	return true;
}

/* False: no event comes of it. */
static bool on_key(struct cursor *c, struct yaml *y, struct level *l, const struct raw *r)
{
	size_t first;

	if (r->kind == RAW_END || r->kind == RAW_MERGED)
		return end_of_pairs(c, y, l, r);
	if (r->kind != RAW_SCALAR)
		return bad_key(c, r);
	if (r->style == STYLE_PLAIN && !r->tagged && span_is(r->text, "<<"))
		return !read_merge(c, y, r);
	if (!keyset_add(&c->keys, r->text, false, r->place, &first))
		return repeated_key(c, y, l, r, first);
	l->want_key = false;
	tell_scalar(c, r);
	return true;
}

static void on_done(struct cursor *c, struct yaml *y)
{
	if (y->root_done) {
		c->event = (struct event){.kind = DOC_FINISHED, .mark = y->end_mark};
		return;
	}
	/* There was nothing, or only comments: that is null. */
	y->root_done = true;
	c->event = (struct event){.kind = DOC_SCALAR,
				  .style = STYLE_PLAIN,
				  .mark = y->end_mark,
				  .text = {"", 0}};
}

/* Read up to the next event. */
static void step(struct cursor *c, struct yaml *y)
{
	bool told = false;

	while (!told) {
		struct level *l = innermost(y);
		struct raw r;
		ptrdiff_t anchor;

		raw_next(c, y, &r, &anchor);
		if (r.kind == RAW_BAD)
			return;
		if (r.kind == RAW_DONE) {
			on_done(c, y);
			return;
		}
		if (r.kind == RAW_ALIAS) {
			const struct anchor *a = &y->anchor[r.anchor];

			push_frame(y, a->start, a->end, false, r.mark);
			continue;
		}
		if (l && l->is_map && l->want_key) {
			told = on_key(c, y, l, &r);
			continue;
		}
		on_value(c, y, &r, anchor);
		told = true;
	}
}

static void yaml_read(struct cursor *c)
{
	step(c, c->state);
}

const char *cursor_yaml_library(void)
{
	return yaml_get_version_string();
}

const struct reader yaml_reader = {.open = yaml_open, .read = yaml_read, .free = yaml_free};
