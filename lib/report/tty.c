#include "report/tty.h"

#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/bug.h"
#include "doc/utf8.h"

enum { ESC = 0x1b };

/* Length of the escape sequence at text (CSI, OSC and others), so that it goes as a whole. */
static size_t escape_length(struct span text)
{
	size_t i = 1;

	if (i < text.len && text.at[i] == '[') {
		for (i++; i < text.len && text.at[i] >= 0x20 && text.at[i] < 0x40;)
			i++;
		return i < text.len && text.at[i] >= 0x40 && text.at[i] < 0x7f ? i + 1 : i;
	}
	if (i < text.len && text.at[i] && strchr("]PX^_", text.at[i])) {
		for (i++; i < text.len; i++) {
			if (text.at[i] == 7)
				return i + 1;
			if (text.at[i] == ESC && i + 1 < text.len && text.at[i + 1] == '\\')
				return i + 2;
		}
		return i;
	}
	while (i < text.len && text.at[i] >= 0x20 && text.at[i] < 0x30) /* `ESC ( B` and its like */
		i++;
	return i < text.len && text.at[i] >= 0x30 && text.at[i] < 0x7f ? i + 1 : i;
}

enum { TAB_STOP = 8, NO_STOPS = -1 };

/* start: where the line begins in out, so that tabs reach their stops; NO_STOPS: they are blanks. */
static void clean(struct buf *out, struct span text, ptrdiff_t start)
{
	while (text.len) {
		size_t n;
		int32_t c = utf8_decode(text.at, text.len, &n);

		if (c == ESC)
			n = escape_length(text);
		else if (c == '\t' && start != NO_STOPS)
			buf_pad(out, ' ', TAB_STOP - tty_width(out->data + start) % TAB_STOP);
		else if (c >= '\t' && c <= '\r') /* tab, ends of lines */
			buf_putc(out, ' ');
		else if (c == UTF8_BAD || utf8_is_control((uint32_t)c))
			buf_puts(out, "\xef\xbf\xbd");
		else
			buf_add(out, text.at, n);
		text.at += n;
		text.len -= n;
	}
}

void tty_clean(struct buf *out, struct span text)
{
	clean(out, text, NO_STOPS);
}

/* Behind the last carriage return that is not the line's own end. */
static struct span last_written(struct span line)
{
	const char *from;

	while (line.len && line.at[line.len - 1] == '\r')
		line.len--;
	from = memrchr(line.at, '\r', line.len);
	return from ? (struct span){from + 1, line.len - (size_t)(from + 1 - line.at)} : line;
}

void tty_clean_line(struct buf *out, struct span line)
{
	clean(out, last_written(line), (ptrdiff_t)out->len);
}

/* Independent of the locale, which a job at five in the morning does not have. */
static size_t columns_of(int32_t c)
{
	return c == UTF8_BAD ? 1 : utf8_width((uint32_t)c);
}

size_t tty_width(const char *text)
{
	struct span s = span_of(text);
	size_t width = 0, n;

	for (; s.len; s.at += n, s.len -= n)
		width += columns_of(utf8_decode(s.at, s.len, &n));
	return width;
}

void tty_cut(struct buf *out, const char *text, size_t columns)
{
	struct span s = span_of(text);
	size_t width = 0, n;

	if (tty_width(text) <= columns) {
		buf_puts(out, text);
		return;
	}
	for (; columns && s.len; s.at += n, s.len -= n) {
		width += columns_of(utf8_decode(s.at, s.len, &n));
		if (width > columns - 1)
			break;
		buf_add(out, s.at, n);
	}
	if (columns)
		buf_puts(out, "…");
}

void tty_tone(struct buf *out, bool colour, enum tone t, const char *text)
{
	static const char *const code[] = {
		[TONE_PLAIN] = "", [TONE_GOOD] = "\033[32m", [TONE_BAD] = "\033[31m",
		[TONE_WARN] = "\033[33m", [TONE_DIM] = "\033[2m", [TONE_BOLD] = "\033[1m",
	};

	if (!colour || t == TONE_PLAIN) {
		buf_puts(out, text);
		return;
	}
	buf_addf(out, "%s%s\033[0m", code[t], text);
}

void tty_size(int fd, unsigned *ret_columns, unsigned *ret_rows)
{
	struct winsize w;
	bool known = !ioctl(fd, TIOCGWINSZ, &w) && w.ws_col;

	*ret_columns = known ? w.ws_col : 80;
	*ret_rows = known && w.ws_row ? w.ws_row : 24;
}
