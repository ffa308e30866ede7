#include "report/tty.h"

#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/bug.h"

/* One code point of text; 0 length at the end, -1 in *ret for a broken byte. */
static size_t decode(struct span text, int32_t *ret)
{
	static const int32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char c;
	size_t n;
	int32_t v;

	if (!text.len)
		return 0;
	c = (unsigned char)text.at[0];
	n = c < 0x80 ? 1 : (c & 0xe0) == 0xc0 ? 2 : (c & 0xf0) == 0xe0 ? 3 : (c & 0xf8) == 0xf0 ? 4 : 0;
	*ret = -1;
	if (!n || n > text.len)
		return 1;
	v = n == 1 ? c : c & (0x7f >> n);
	for (size_t i = 1; i < n; i++) {
		if ((text.at[i] & 0xc0) != 0x80)
			return 1;
		v = v << 6 | (text.at[i] & 0x3f);
	}
	if (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
		return 1;
	*ret = v;
	return n;
}

/* Characters that turn the order of others around, or hide. */
static bool is_unruly(int32_t c)
{
	return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x200e || c == 0x200f ||
	       c == 0xfeff || (c >= 0x80 && c < 0xa0);
}

/* Length of the escape sequence at text (CSI, OSC and others), so that it goes as a whole. */
static size_t escape_length(struct span text)
{
	size_t i = 2;

	if (text.len < 2)
		return 1;
	if (text.at[1] == '[') {
		while (i < text.len && (text.at[i] < 0x40 || text.at[i] > 0x7e))
			i++;
		return i < text.len ? i + 1 : i;
	}
	if (!strchr("]PX^_", text.at[1]))
		return 2;
	for (; i < text.len; i++) {
		if (text.at[i] == 7)
			return i + 1;
		if (text.at[i] == 0x1b && i + 1 < text.len && text.at[i + 1] == '\\')
			return i + 2;
	}
	return i;
}

void tty_clean(struct buf *out, struct span text)
{
	while (text.len) {
		int32_t c;
		size_t n = decode(text, &c);

		if (c == 0x1b) {
			n = escape_length(text);
		} else if (c == '\t') {
			buf_putc(out, ' ');
		} else if (c < 0 || is_unruly(c)) {
			buf_puts(out, "\xef\xbf\xbd");
		} else if (c >= 0x20 && c != 0x7f) {
			buf_add(out, text.at, n);
		}
		text.at += n;
		text.len -= n;
	}
}

static bool in_ranges(int32_t c, const int32_t (*range)[2], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c >= range[i][0] && c <= range[i][1])
			return true;
	return false;
}

/* Independent of the locale, which a job at five in the morning does not have. */
static size_t columns_of(int32_t c)
{
	static const int32_t none[][2] = {{0x300, 0x36f}, {0x483, 0x489}, {0x591, 0x5bd}, {0x610, 0x61a},
		{0x64b, 0x65f}, {0x200b, 0x200f}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}};
	static const int32_t wide[][2] = {{0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0x33ff}, {0x3400, 0x4dbf},
		{0x4e00, 0x9fff}, {0xa000, 0xa4cf}, {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe30, 0xfe6f},
		{0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};

	if (c < 0x300)
		return 1;
	if (in_ranges(c, none, ARRAY_LEN(none)))
		return 0;
	return in_ranges(c, wide, ARRAY_LEN(wide)) ? 2 : 1;
}

size_t tty_width(const char *text)
{
	struct span s = span_of(text);
	size_t width = 0, n;
	int32_t c;

	while ((n = decode(s, &c))) {
		width += columns_of(c);
		s.at += n;
		s.len -= n;
	}
	return width;
}

void tty_cut(struct buf *out, const char *text, size_t columns)
{
	struct span s = span_of(text);
	size_t width = 0, n;
	int32_t c;

	if (tty_width(text) <= columns) {
		buf_puts(out, text);
		return;
	}
	while (columns && (n = decode(s, &c)) && width + columns_of(c) <= columns - 1) {
		buf_add(out, s.at, n);
		width += columns_of(c);
		s.at += n;
		s.len -= n;
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
