/*
 * The YAML side of the cursor: libyaml's events, with aliases and `<<` carried out.
 *
 *	libyaml -> yaml_live() -> struct raw -> raw_next() -> step() -> c->event
 *	                  |                        ^
 *	                  +------ tape ---- frames-+
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

#include "base/bug.h"
#include "base/vec.h"
#include "doc/yaml_impl.h"

enum {
	/* So many events may come from aliases, and in a long document more. */
	REPLAY_MAX = 1000000,
	REPLAY_PER_EVENT = 10,
};

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

	*ret_anchor = ANCHOR_NONE;
	if (!f) {
		yaml_live(c, y, r, ret_anchor);
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
	if (l->anchor != ANCHOR_NONE && !l->merging)
		yaml_close_anchor(y, (size_t)l->anchor);
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
	yaml_live(c, y, &r, &anchor);
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
		if (l->anchor != ANCHOR_NONE)
			yaml_close_anchor(y, (size_t)l->anchor);
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

/* Where the document itself has the text of r, as it has that of nearly all keys, so that no copy is needed; else NULL. */
static const char *in_document(const struct cursor *c, const struct raw *r)
{
	const char *at = c->text.at + r->place + (r->style == STYLE_QUOTED);
	size_t before = (size_t)(at - c->text.at);

	if (before > c->text.len || c->text.len - before < r->text.len)
		return NULL;
	return memcmp(at, r->text.at, r->text.len) ? NULL : at;
}

/* False: no event comes of it. */
static bool on_key(struct cursor *c, struct yaml *y, struct level *l, const struct raw *r)
{
	const char *stable;
	struct span key;
	size_t first;

	if (r->kind == RAW_END || r->kind == RAW_MERGED)
		return end_of_pairs(c, y, l, r);
	if (r->kind != RAW_SCALAR)
		return bad_key(c, r);
	if (r->style == STYLE_PLAIN && !r->tagged && span_is(r->text, "<<"))
		return !read_merge(c, y, r);
	stable = in_document(c, r);
	key = (struct span){stable ? stable : r->text.at, r->text.len};
	if (!keyset_add(&c->keys, key, stable, r->place, &first))
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

static void *yaml_open(struct cursor *c)
{
	struct yaml *y = xcalloc(1, sizeof(*y));

	yaml_live_begin(c, y);
	return y;
}

static void yaml_free(void *state)
{
	struct yaml *y = state;

	yaml_live_end(y);
	for (size_t i = 0; i < DEPTH_MAX; i++)
		free(y->level[i].source);
	free(y->frame);
	free(y);
}

const char *cursor_yaml_library(void)
{
	return yaml_get_version_string();
}

const struct reader yaml_reader = {.open = yaml_open, .read = yaml_read, .free = yaml_free};
