#include "callables/decode.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/bug.h"
#include "doc/utf8.h"

enum {
	REPLACEMENT = 0xfffd,
	HIGH_FIRST = 0xd800,
	LOW_FIRST = 0xdc00,
	SURROGATE_END = 0xe000,
	C1_FIRST = 0x80,
	C1_END = 0xa0,
};

static void add_code(struct buf *out, uint32_t code)
{
	char bytes[UTF8_MAX];

	buf_add(out, bytes, utf8_put(bytes, code));
}

/* --- encodings ---------------------------------------------------------------------------------------- */

/* 0x80 to 0x9f of Windows-1252; the five holes are what browsers take them for, controls. */
static const uint16_t windows_1252[C1_END - C1_FIRST] = {
	0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
	0x2039, 0x0152, 0x008d, 0x017d, 0x008f, 0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
	0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178,
};

static void decode_1252(struct buf *out, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint32_t code = (unsigned char)bytes[i];

		if (code < C1_FIRST)
			buf_putc(out, bytes[i]);
		else
			add_code(out, code < C1_END ? windows_1252[code - C1_FIRST] : code);
	}
}

static uint32_t unit_at(const char *bytes, size_t i, bool big)
{
	unsigned char a = (unsigned char)bytes[2 * i], b = (unsigned char)bytes[2 * i + 1];

	return big ? (uint32_t)a << 8 | b : (uint32_t)b << 8 | a;
}

static bool is_low(uint32_t unit)
{
	return unit >= LOW_FIRST && unit < SURROGATE_END;
}

static bool decode_utf16(struct buf *out, const char *bytes, size_t len, bool big, struct buf *err)
{
	size_t n = len / 2;

	if (len % 2) {
		buf_puts(err, "ends within a character of UTF-16");
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		uint32_t unit = unit_at(bytes, i, big);

		if (unit >= HIGH_FIRST && unit < LOW_FIRST && i + 1 < n && is_low(unit_at(bytes, i + 1, big)))
			unit = 0x10000 + ((unit - HIGH_FIRST) << 10) + (unit_at(bytes, ++i, big) - LOW_FIRST);
		else if (unit >= HIGH_FIRST && unit < SURROGATE_END)
			unit = REPLACEMENT;
		add_code(out, unit);
	}
	return true;
}

static bool begins(const char *bytes, size_t len, const char *with, size_t n)
{
	return len >= n && !memcmp(bytes, with, n);
}

const char *text_decode(struct buf *out, const char *bytes, size_t len, struct buf *err)
{
	if (begins(bytes, len, "\xff\xfe\0\0", 4) || begins(bytes, len, "\0\0\xfe\xff", 4)) {
		buf_puts(err, "is UTF-32, which is not supported");
		return NULL;
	}
	if (begins(bytes, len, "\xff\xfe", 2))
		return decode_utf16(out, bytes + 2, len - 2, false, err) ? "UTF-16LE" : NULL;
	if (begins(bytes, len, "\xfe\xff", 2))
		return decode_utf16(out, bytes + 2, len - 2, true, err) ? "UTF-16BE" : NULL;
	if (len >= 2 && bytes[0] && !bytes[1])
		return decode_utf16(out, bytes, len, false, err) ? "UTF-16LE" : NULL;
	if (len >= 2 && !bytes[0] && bytes[1])
		return decode_utf16(out, bytes, len, true, err) ? "UTF-16BE" : NULL;
	if (begins(bytes, len, "\xef\xbb\xbf", 3))
		bytes += 3, len -= 3;
	if (utf8_check(bytes, len) == len) {
		buf_add(out, bytes, len);
		return "UTF-8";
	}
	decode_1252(out, bytes, len);
	return "Windows-1252";
}

void charset_decode(struct buf *out, const char *bytes, size_t len, const char *charset)
{
	static const char *const single[] = {"iso-8859-1", "latin1", "windows-1252", "cp1252", "iso8859-1"};

	for (size_t i = 0; charset && i < ARRAY_LEN(single); i++)
		if (!strcasecmp(charset, single[i])) {
			decode_1252(out, bytes, len);
			return;
		}
	if (utf8_check(bytes, len) == len)
		buf_add(out, bytes, len);
	else
		decode_1252(out, bytes, len);
}

/* --- JSON --------------------------------------------------------------------------------------------- */

/* The code behind \u, which p stands at; -1 if there are not four digits. */
static int32_t escape_code(const char *p, const char *end)
{
	int32_t code = 0;

	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		static const char digits[] = "0123456789abcdef";
		const char *d = strchr(digits, tolower((unsigned char)p[i]));

		if (!p[i] || !d)
			return -1;
		code = code * 16 + (int32_t)(d - digits);
	}
	return code;
}

/* One escape; returns its length. */
static size_t soften_escape(struct buf *out, const char *p, const char *end)
{
	int32_t code = escape_code(p, end), next;
	size_t len = code < 0 ? 2 : 6;

	if (code >= HIGH_FIRST && code < LOW_FIRST) {
		next = escape_code(p + 6, end);
		if (next >= LOW_FIRST && next < SURROGATE_END) {
			buf_add(out, p, 12);
			return 12;
		}
	}
	if (code == 0 || (code >= HIGH_FIRST && code < SURROGATE_END)) {
		buf_puts(out, "\\ufffd");
		return len;
	}
	if ((size_t)(end - p) < len)
		len = (size_t)(end - p);
	buf_add(out, p, len);
	return len;
}

/* A string with its quotes, or what there is of it; returns its length. */
static size_t soften_string(struct buf *out, const char *text, const char *end)
{
	const char *p = text + 1, *run = text;

	while (p < end && *p != '"') {
		if (*p != '\\') {
			p++;
			continue;
		}
		buf_add(out, run, (size_t)(p - run));
		p += soften_escape(out, p, end);
		run = p;
	}
	p += p < end;
	buf_add(out, run, (size_t)(p - run));
	return (size_t)(p - text);
}

static bool is_number_char(char c)
{
	return (c >= '0' && c <= '9') || strchr("+-.eE", c);
}

static size_t soften_number(struct buf *out, const char *text, const char *end)
{
	static const char most[] = "9223372036854775807";
	size_t len = 0, n_digits;
	const char *digits = text + (*text == '-');
	bool whole = true;

	while (text + len < end && text[len] && is_number_char(text[len])) {
		whole &= !strchr(".eE", text[len]);
		len++;
	}
	n_digits = len - (size_t)(digits - text);
	whole &= n_digits > sizeof(most) - 1 ||
		 (n_digits == sizeof(most) - 1 && memcmp(digits, most, n_digits) > 0);
	if (whole && *digits != '0') {
		buf_putc(out, '"');
		buf_add(out, text, len);
		buf_putc(out, '"');
	} else {
		buf_add(out, text, len);
	}
	return len;
}

void json_soften(struct buf *out, const char *text, size_t len)
{
	const char *p = text, *end = text + len;

	buf_reserve(out, len + 1);
	while (p < end) {
		if (*p == '"') {
			p += soften_string(out, p, end);
		} else if (*p == '-' || (*p >= '0' && *p <= '9')) {
			p += soften_number(out, p, end);
		} else {
			buf_putc(out, *p++);
		}
	}
}

/* --- base64 ------------------------------------------------------------------------------------------- */

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

bool base64_decode(struct buf *out, const char *text, size_t len)
{
	uint32_t bits = 0;
	int n = 0;

	for (size_t i = 0; i < len; i++) {
		int v = base64_value(text[i]);

		if (isspace((unsigned char)text[i]))
			continue;
		if (text[i] == '=')
			break;
		if (v < 0)
			return false;
		bits = bits << 6 | (uint32_t)v;
		if ((n += 6) >= 8) {
			n -= 8;
			buf_putc(out, (char)(bits >> n & 0xff));
		}
	}
	return n != 6; /* a single last letter says nothing */
}
