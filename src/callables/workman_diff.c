/*
 * What an action changes, for people: `UPDATE project proj_1 (name='A' -> 'B', owner='x')`.
 * Values are written as Python shows them; what the log had before stands in front of an arrow.
 */
#include "callables/workman.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "doc/json.h"
#include "doc/utf8.h"

enum {
	SHOWN_FIELDS = 6,
	SHOWN_TEXT = 50, /* characters; a longer text is cut to CUT_TEXT and `...` */
	CUT_TEXT = 47,
};

/* ---- values ---- */

/* Whether Python would show the character as it is; what it does not print is escaped. */
static bool is_printable(int32_t c)
{
	static const struct {
		int32_t from, to;
	} hidden[] = {
		{0x00, 0x1f},	  {0x7f, 0xa0},	    {0xad, 0xad},     {0x600, 0x605},	{0x61c, 0x61c},
		{0x6dd, 0x6dd},	  {0x70f, 0x70f},   {0x1680, 0x1680}, {0x180e, 0x180e}, {0x2000, 0x200f},
		{0x2028, 0x202f}, {0x205f, 0x206f}, {0x3000, 0x3000}, {0xd800, 0xf8ff}, {0xfeff, 0xfeff},
		{0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0x10ffff},
	};

	for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
		if (c >= hidden[i].from && c <= hidden[i].to)
			return false;
	return true;
}

static void add_escaped(struct buf *out, int32_t c)
{
	if (c < 0x100)
		buf_addf(out, "\\x%02x", (unsigned)c);
	else if (c < 0x10000)
		buf_addf(out, "\\u%04x", (unsigned)c);
	else
		buf_addf(out, "\\U%08x", (unsigned)c);
}

static void add_character(struct buf *out, const char *at, size_t len, int32_t c, char quote)
{
	static const char named[] = "n\nt\tr\r";
	const char *name = c < 0x80 && c ? strchr(named, (int)c) : NULL;

	if (c == quote || c == '\\')
		buf_addf(out, "\\%c", (char)c);
	else if (name && iscntrl((int)c))
		buf_addf(out, "\\%c", name[-1]);
	else if (is_printable(c))
		buf_add(out, at, len);
	else
		add_escaped(out, c);
}

static void repr_text(struct buf *out, const char *text, size_t len)
{
	char quote = memchr(text, '\'', len) && !memchr(text, '"', len) ? '"' : '\'';

	buf_putc(out, quote);
	for (size_t i = 0, n; i < len; i += n) {
		int32_t c = utf8_decode(text + i, len - i, &n);

		add_character(out, text + i, n, c, quote);
	}
	buf_putc(out, quote);
}

static void repr_map(struct buf *out, const json_t *map)
{
	const char *key, *between = "";
	json_t *v;

	buf_putc(out, '{');
	json_object_foreach((json_t *)map, key, v) {
		buf_puts(out, between);
		repr_text(out, key, strlen(key));
		buf_puts(out, ": ");
		wm_repr(out, v);
		between = ", ";
	}
	buf_putc(out, '}');
}

static void repr_list(struct buf *out, const json_t *list)
{
	json_t *v;
	size_t i;

	buf_putc(out, '[');
	json_array_foreach(list, i, v) {
		buf_puts(out, i ? ", " : "");
		wm_repr(out, v);
	}
	buf_putc(out, ']');
}

void wm_repr(struct buf *out, const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_NULL:
		buf_puts(out, "None");
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		buf_puts(out, json_is_true(v) ? "True" : "False");
		break;
	case JSON_INTEGER:
	case JSON_REAL:
		json_text(out, v, JSON_TIGHT);
		break;
	case JSON_STRING:
		repr_text(out, json_string_value(v), json_string_length(v));
		break;
	case JSON_OBJECT:
		repr_map(out, v);
		break;
	case JSON_ARRAY:
		repr_list(out, v);
		break;
	}
}

/* ---- lines ---- */

/* The bytes of the first n characters; len if there are no more. */
static size_t bytes_of(const char *text, size_t len, size_t n)
{
	size_t at = 0, step;

	for (; at < len && n; n--, at += step)
		(void)utf8_decode(text + at, len - at, &step);
	return at;
}

static void show(struct buf *out, const json_t *v)
{
	const char *text = json_string_value(v);
	size_t len = text ? json_string_length(v) : 0;
	struct buf cut = BUF_INIT;

	if (!text || bytes_of(text, len, SHOWN_TEXT) == len) {
		wm_repr(out, v);
		return;
	}
	buf_add(&cut, text, bytes_of(text, len, CUT_TEXT));
	buf_puts(&cut, "...");
	repr_text(out, cut.data, cut.len);
	buf_release(&cut);
}

static void add_change(struct buf *line, const char *field, const json_t *before, const json_t *after)
{
	buf_addf(line, "%s=", field);
	if (before && !json_is_null(before) && !json_equal(before, after)) {
		show(line, before);
		buf_puts(line, " -> ");
	}
	show(line, after);
	if (before && json_equal(before, after))
		buf_puts(line, " as before");
}

/* What the verb itself does to the status, where the log says what it was. */
static bool add_status(struct buf *line, const struct wm_action *a, const struct wm_known *k, bool first)
{
	const json_t *before = json_object_get(k->before, a->of->status);
	json_t *after = json_object_get(a->payload, "resolution");

	if (!before || a->creates || !*a->op->becomes || json_object_get(a->payload, a->of->status))
		return false;
	after = after ? json_incref(after) : json_string(a->op->becomes);
	buf_puts(line, first ? "" : ", ");
	add_change(line, a->of->status, before, after);
	json_decref(after);
	return true;
}

static void add_fields(struct buf *line, const struct wm_action *a, const struct wm_known *k)
{
	char *own_id = xasprintf("%s_id", a->op->aggregate);
	const char *field;
	size_t n = 0;
	json_t *v;

	n += add_status(line, a, k, true);
	json_object_foreach(a->payload, field, v) {
		if (!strcmp(field, own_id) || n == SHOWN_FIELDS)
			continue;
		buf_puts(line, n++ ? ", " : "");
		add_change(line, field, json_object_get(k->before, field), v);
	}
	free(own_id);
}

json_t *wm_diff(const struct wm_action *a, const struct wm_known *k)
{
	struct buf line = BUF_INIT;
	json_t *v;

	for (const char *p = strrchr(a->op->name, '.') + 1; *p; p++)
		buf_putc(&line, (char)toupper((unsigned char)*p));
	buf_addf(&line, " %s %s (", a->op->aggregate, a->id);
	add_fields(&line, a, k);
	buf_putc(&line, ')');
	v = json_stringn(line.data, line.len);
	buf_release(&line);
	return v;
}
