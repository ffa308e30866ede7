/* A value as Python's repr() shows it, which diff lines and messages are made of. */
#include "callables/workman.h"

#include <ctype.h>
#include <string.h>

#include "base/bug.h"
#include "doc/json.h"
#include "doc/utf8.h"

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
