#include "base/quote.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:=+,@%-";

static bool is_control(char c)
{
	return iscntrl((unsigned char)c) && c != '\n' && c != '\t';
}

static bool has_control(const char *text)
{
	while (*text && !is_control(*text))
		text++;
	return *text;
}

/* Always three octal digits, so that a digit behind them is none of them. */
static void put_escaped(struct buf *out, const char *text)
{
	buf_puts(out, "$'");
	for (; *text; text++)
		if (*text == '\'' || *text == '\\')
			buf_addf(out, "\\%c", *text);
		else if (is_control(*text))
			buf_addf(out, "\\%03o", (unsigned)(unsigned char)*text);
		else
			buf_putc(out, *text);
	buf_putc(out, '\'');
}

void quote_text(struct buf *out, const char *text)
{
	buf_putc(out, '\'');
	for (; *text; text++)
		if (*text == '\'')
			buf_puts(out, "'\\''");
		else
			buf_putc(out, *text);
	buf_putc(out, '\'');
}

static void put_quoted(struct buf *out, const char *text)
{
	if (has_control(text))
		put_escaped(out, text);
	else
		quote_text(out, text);
}

void quote_word(struct buf *out, const char *text)
{
	if (*text && !text[strspn(text, plain)])
		buf_puts(out, text);
	else
		put_quoted(out, text);
}

void quote_command(struct buf *out, const char *const *argv, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_putc(out, ' ');
		if (!i && strchr(argv[i], '='))
			put_quoted(out, argv[i]);
		else
			quote_word(out, argv[i]);
	}
}
