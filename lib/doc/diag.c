#include "doc/diag.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/bug.h"
#include "base/vec.h"
#include "doc/json.h"
#include "doc/utf8.h"

enum {
	SHOWN_MAX = 120, /* columns of a quoted line */
	SHOWN_BEFORE = 60, /* of them before the caret, in a line that is cut */
	TAB_COLUMNS = 8,
};

#define CUT "..."

struct diags {
	struct arena *arena; /* the texts */
	struct diag *diag;
	size_t n, room;
	size_t n_errors, n_warnings;
};

struct diags *diags_new(void)
{
	struct diags *d = xcalloc(1, sizeof(*d));

	d->arena = arena_new();
	return d;
}

void diags_free(struct diags *d)
{
	if (!d)
		return;
	arena_free(d->arena);
	free(d->diag);
	free(d);
}

__attribute__((format(printf, 4, 0)))
static void add(struct diags *d, enum diag_kind kind, struct mark m, const char *fmt, va_list ap)
{
	struct buf text = BUF_INIT;
	struct diag new = {.kind = kind, .mark = m};

	buf_vaddf(&text, fmt, ap);
	new.text = arena_strndup(d->arena, text.data, text.len);
	buf_release(&text);
	VEC_PUSH(d->diag, d->n, d->room, new);
	d->n_errors += kind == DIAG_ERROR;
	d->n_warnings += kind == DIAG_WARNING;
}

void diag_error(struct diags *d, struct mark m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, DIAG_ERROR, m, fmt, ap);
	va_end(ap);
}

void diag_warn(struct diags *d, struct mark m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, DIAG_WARNING, m, fmt, ap);
	va_end(ap);
}

void diag_note(struct diags *d, struct mark m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, DIAG_NOTE, m, fmt, ap);
	va_end(ap);
}

void diag_hint(struct diags *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, DIAG_HINT, MARK_NONE, fmt, ap);
	va_end(ap);
}

bool diag_suggest(struct diags *d, const char *near)
{
	if (!near || !*near)
		return false;
	diag_hint(d, "did you mean '%s'?", near);
	return true;
}

size_t diags_errors(const struct diags *d)
{
	return d->n_errors;
}

size_t diags_warnings(const struct diags *d)
{
	return d->n_warnings;
}

size_t diags_count(const struct diags *d)
{
	return d->n;
}

const struct diag *diags_at(const struct diags *d, size_t i)
{
	BUG_UNLESS(i < d->n);
	return &d->diag[i];
}

/* One character of a line as it is shown: its bytes, columns, and what replaces it if it must not be. */
struct glyph {
	size_t len;
	unsigned width;
	char instead[16]; /* empty: shown as it is */
};

static struct glyph glyph_at(const char *s, size_t len)
{
	struct glyph g = {0};
	int32_t code = utf8_decode(s, len, &g.len);

	if (code == '\t') {
		g.width = TAB_COLUMNS;
		return g;
	}
	if (code == UTF8_BAD || code < 0x20 || code == 0x7f)
		g.width = (unsigned)snprintf(g.instead, sizeof(g.instead), "\\x%02x",
					     (unsigned char)s[0]);
	else if (utf8_is_control((uint32_t)code))
		g.width = (unsigned)snprintf(g.instead, sizeof(g.instead), "<U+%04X>",
					     (unsigned)code);
	else
		g.width = utf8_width((uint32_t)code);
	return g;
}

static void add_glyph(struct buf *out, const char *s, const struct glyph *g)
{
	if (g->instead[0])
		buf_puts(out, g->instead);
	else
		buf_add(out, s, g->len);
}

/* A text of one line, fit for a terminal. */
static void add_shown(struct buf *out, const char *s)
{
	size_t len = strlen(s), i = 0;

	while (i < len) {
		struct glyph g = glyph_at(s + i, len - i);

		if (s[i] == '\n')
			buf_puts(out, "\\n");
		else if (s[i] == '\t')
			buf_puts(out, "\\t");
		else
			add_glyph(out, s + i, &g);
		i += g.len;
	}
}

/* Columns from s on, not counting beyond enough. */
static size_t columns(const char *s, size_t len, size_t enough)
{
	size_t n = 0, i = 0;

	while (i < len && n <= enough) {
		struct glyph g = glyph_at(s + i, len - i);

		n += g.width;
		i += g.len;
	}
	return n;
}

/* Go back from `from` over about so many columns, never into the middle of a character. */
static size_t step_back(struct span line, size_t from, size_t room)
{
	size_t at = from;

	for (size_t used = 0; at;) {
		size_t prev = at - 1;
		struct glyph g;

		while (prev && at - prev < UTF8_MAX && ((unsigned char)line.at[prev] & 0xc0) == 0x80)
			prev--;
		g = glyph_at(line.at + prev, at - prev);
		if (g.len != at - prev) { /* stray bytes: one of them at a time */
			prev = at - 1;
			g = glyph_at(line.at + prev, 1);
		}
		if (used + g.width > room)
			break;
		used += g.width;
		at = prev;
	}
	return at;
}

/* Where to begin showing the line so that the caret at byte `caret` is seen. */
static size_t shown_from(struct span line, size_t caret)
{
	enum { SURELY = SHOWN_MAX * 2 };
	size_t ahead;

	if (caret <= SURELY && columns(line.at, line.len, SHOWN_MAX) <= SHOWN_MAX)
		return 0;
	if (caret <= SURELY && columns(line.at, caret, SHOWN_BEFORE) <= SHOWN_BEFORE)
		return 0;
	ahead = columns(line.at + caret, line.len - caret, SHOWN_MAX);
	if (ahead + SHOWN_BEFORE < SHOWN_MAX)
		return step_back(line, caret, SHOWN_MAX - strlen(CUT) - ahead);
	return step_back(line, caret, SHOWN_BEFORE);
}

/*
 * The line into `shown`, and into `under` what stands below it up to the end of the underlined
 * part.  Tabs stay tabs in both, so that the two lines align whatever a tab is worth.
 */
static void show_line(struct span line, size_t caret, size_t len, struct buf *shown,
		      struct buf *under)
{
	size_t i = shown_from(line, caret), used = 0, room = SHOWN_MAX;

	if (i) {
		buf_puts(shown, CUT);
		buf_pad(under, ' ', strlen(CUT));
		used = strlen(CUT);
	}
	if (columns(line.at + i, line.len - i, SHOWN_MAX) + used > SHOWN_MAX)
		room -= strlen(CUT);
	while (i < line.len) {
		struct glyph g = glyph_at(line.at + i, line.len - i);
		bool marked = i >= caret && i < caret + len;

		if (used + g.width > room) {
			buf_puts(shown, CUT);
			return;
		}
		add_glyph(shown, line.at + i, &g);
		if (i < caret && line.at[i] == '\t')
			buf_putc(under, '\t');
		else if (i < caret)
			buf_pad(under, ' ', g.width);
		else if (marked)
			buf_pad(under, '~', line.at[i] == '\t' ? 1 : g.width);
		used += g.width;
		i += g.len;
	}
}

static const char *paint(bool colour, const char *code)
{
	return colour ? code : "";
}

#define BOLD "\033[1m"
#define RED "\033[1;31m"
#define MAGENTA "\033[1;35m"
#define CYAN "\033[1;36m"
#define GREEN "\033[1;32m"
#define PLAIN "\033[0m"

static void quote_line(const struct mark *m, struct buf *out, bool colour)
{
	struct span line = source_line(m->source, (uint32_t)m->line);
	size_t caret = m->col ? m->col - 1 : 0;
	struct buf shown = BUF_INIT, under = BUF_INIT;
	size_t indent;
	int gutter;

	if (caret > line.len)
		caret = line.len;
	show_line(line, caret, m->len ? m->len : 1, &shown, &under);
	/* Below the end of the line there is nothing to underline: the caret alone. */
	indent = under.len;
	while (indent && under.data[indent - 1] == '~')
		indent--;
	if (indent == under.len)
		buf_putc(&under, '~');
	under.data[indent] = '^';
	gutter = snprintf(NULL, 0, "%5u", (unsigned)m->line);
	buf_addf(out, "%5u | %s\n", (unsigned)m->line, shown.data);
	buf_addf(out, "%*s | %.*s%s%s%s\n", gutter, "", (int)indent, under.data,
		 paint(colour, GREEN), under.data + indent, paint(colour, PLAIN));
	buf_release(&shown);
	buf_release(&under);
}

static void format_place(const struct mark *m, struct buf *out)
{
	if (!m->source) {
		buf_puts(out, "orchmake: ");
		return;
	}
	add_shown(out, source_name(m->source));
	if (m->line)
		buf_addf(out, ":%u:%u", (unsigned)m->line, (unsigned)m->col);
	buf_puts(out, ": ");
}

static const char *kind_word(enum diag_kind kind)
{
	switch (kind) {
	case DIAG_ERROR:
		return "error";
	case DIAG_WARNING:
		return "warning";
	case DIAG_NOTE:
		return "note";
	case DIAG_HINT:
		return "hint";
	}
	BUG("diag kind %d", kind);
}

static const char *kind_colour(enum diag_kind kind)
{
	switch (kind) {
	case DIAG_ERROR:
		return RED;
	case DIAG_WARNING:
		return MAGENTA;
	case DIAG_NOTE:
	case DIAG_HINT:
		return CYAN;
	}
	BUG("diag kind %d", kind);
}

static void format_hint(const struct diag *g, struct buf *out, bool colour)
{
	buf_addf(out, "      %s=%s ", paint(colour, CYAN), paint(colour, PLAIN));
	add_shown(out, g->text);
	buf_putc(out, '\n');
}

static void format_diag(const struct diag *g, struct buf *out, bool colour)
{
	buf_puts(out, paint(colour, BOLD));
	format_place(&g->mark, out);
	buf_addf(out, "%s%s:%s ", paint(colour, kind_colour(g->kind)), kind_word(g->kind),
		 paint(colour, PLAIN));
	add_shown(out, g->text);
	buf_putc(out, '\n');
	if (g->mark.source && g->mark.line)
		quote_line(&g->mark, out, colour);
}

void diags_format(const struct diags *d, struct buf *out, bool colour)
{
	for (size_t i = 0; i < d->n; i++) {
		if (d->diag[i].kind == DIAG_HINT)
			format_hint(&d->diag[i], out, colour);
		else
			format_diag(&d->diag[i], out, colour);
	}
}

static void json_place_and_text(const struct diag *g, struct buf *out)
{
	const struct mark *m = &g->mark;

	buf_puts(out, "\"file\":");
	if (m->source)
		json_quote(out, source_name(m->source), strlen(source_name(m->source)));
	else
		buf_puts(out, "null");
	buf_addf(out, ",\"line\":%u,\"col\":%u,\"text\":", (unsigned)m->line, (unsigned)m->col);
	json_quote(out, g->text, strlen(g->text));
}

static bool is_head(const struct diag *g)
{
	return g->kind == DIAG_ERROR || g->kind == DIAG_WARNING;
}

/* What follows the head at i and is of one kind, as the elements of a list. */
static void json_followers(const struct diags *d, size_t i, enum diag_kind kind, struct buf *out)
{
	const char *comma = "";

	for (i++; i < d->n && !is_head(&d->diag[i]); i++) {
		const struct diag *g = &d->diag[i];

		if (g->kind != kind)
			continue;
		buf_puts(out, comma);
		comma = ",";
		if (kind == DIAG_HINT) {
			json_quote(out, g->text, strlen(g->text));
			continue;
		}
		buf_putc(out, '{');
		json_place_and_text(g, out);
		buf_putc(out, '}');
	}
}

void diags_format_json(const struct diags *d, struct buf *out)
{
	const char *comma = "";

	buf_putc(out, '[');
	for (size_t i = 0; i < d->n; i++) {
		/* A note or hint that follows nothing stands for itself. */
		if (i && !is_head(&d->diag[i]))
			continue;
		buf_addf(out, "%s\n{\"kind\":\"%s\",", comma, kind_word(d->diag[i].kind));
		comma = ",";
		json_place_and_text(&d->diag[i], out);
		buf_puts(out, ",\"hints\":[");
		json_followers(d, i, DIAG_HINT, out);
		buf_puts(out, "],\"notes\":[");
		json_followers(d, i, DIAG_NOTE, out);
		buf_puts(out, "]}");
	}
	buf_puts(out, d->n ? "\n]\n" : "]\n");
}

