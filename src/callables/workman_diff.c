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
	json_t *short_one;

	if (!text || bytes_of(text, len, SHOWN_TEXT) == len) {
		wm_repr(out, v);
		return;
	}
	buf_add(&cut, text, bytes_of(text, len, CUT_TEXT));
	buf_puts(&cut, "...");
	short_one = json_stringn(cut.data, cut.len);
	wm_repr(out, short_one);
	json_decref(short_one);
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
