#include "doc/utf8.h"

#include <string.h>

#include "base/bug.h"

static const uint64_t HIGH_BITS = 0x8080808080808080u;

struct range {
	uint32_t first, last;
};

#define ZERO(first, last)
#define WIDE(first, last) {first, last},
static const struct range wide[] = {
#include "doc/utf8_width.def"
};
#undef ZERO
#undef WIDE

#define ZERO(first, last) {first, last},
#define WIDE(first, last)
static const struct range zero[] = {
#include "doc/utf8_width.def"
};
#undef ZERO
#undef WIDE

static const struct range control[] = {
	{0x00, 0x1f},	  {0x7f, 0x9f},	    {0x061c, 0x061c}, {0x200e, 0x200f},
	{0x2028, 0x202e}, {0x2066, 0x2069}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb},
	{0xe0000, 0xe007f},
};

static bool among(const struct range *r, size_t n, uint32_t code)
{
	size_t low = 0;

	while (low < n) {
		size_t mid = low + (n - low) / 2;

		if (code > r[mid].last)
			low = mid + 1;
		else if (code < r[mid].first)
			n = mid;
		else
			return true;
	}
	return false;
}

unsigned utf8_width(uint32_t code)
{
	if (code < 0x300)
		return 1;
	if (among(zero, ARRAY_LEN(zero), code))
		return 0;
	return among(wide, ARRAY_LEN(wide), code) ? 2 : 1;
}

bool utf8_is_control(uint32_t code)
{
	return among(control, ARRAY_LEN(control), code);
}

/* Length of a character and the least it may say, by its first byte; 0 if none begins so. */
static size_t shape(unsigned char first, uint32_t *ret_bits, uint32_t *ret_least)
{
	if (first >= 0xc2 && first <= 0xdf)
		return *ret_bits = first & 0x1f, *ret_least = 0x80, 2;
	if (first >= 0xe0 && first <= 0xef)
		return *ret_bits = first & 0x0f, *ret_least = 0x800, 3;
	if (first >= 0xf0 && first <= 0xf4)
		return *ret_bits = first & 0x07, *ret_least = 0x10000, 4;
	return 0;
}

int32_t utf8_decode(const char *s, size_t len, size_t *ret_len)
{
	unsigned char first = (unsigned char)s[0];
	uint32_t code, least;
	size_t n;

	*ret_len = 1;
	if (first < 0x80)
		return first;
	n = shape(first, &code, &least);
	if (!n || n > len)
		return UTF8_BAD;
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return UTF8_BAD;
		code = code << 6 | ((unsigned char)s[i] & 0x3f);
	}
	if (code < least || code > CODE_MAX || (code >= 0xd800 && code <= 0xdfff))
		return UTF8_BAD;
	*ret_len = n;
	return (int32_t)code;
}

/* How many bytes from s on are plain ASCII, eight at a time; may stop up to seven early. */
static size_t ascii_run(const char *s, size_t len)
{
	size_t i = 0;
	uint64_t w;

	for (; i + sizeof(w) <= len; i += sizeof(w)) {
		memcpy(&w, s + i, sizeof(w));
		if (w & HIGH_BITS)
			break;
	}
	return i;
}

bool utf8_is_ascii(const char *s, size_t len)
{
	for (size_t i = ascii_run(s, len); i < len; i++) {
		if ((unsigned char)s[i] >= 0x80)
			return false;
	}
	return true;
}

size_t utf8_check(const char *s, size_t len)
{
	size_t i = 0, n;

	while (i < len) {
		i += ascii_run(s + i, len - i);
		/* Past what stopped the run: then text that is hardly ASCII does not try in vain. */
		for (int k = 0; k < 8 && i < len; k++) {
			if (utf8_decode(s + i, len - i, &n) == UTF8_BAD)
				return i;
			i += n;
		}
	}
	return len;
}

size_t utf8_put(char out[UTF8_MAX], uint32_t code)
{
	if (code < 0x80)
		return out[0] = (char)code, 1;
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}
