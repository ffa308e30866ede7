#include "doc/utf8.h"

#include <string.h>

#include "base/bug.h"

static const uint64_t HIGH_BITS = 0x8080808080808080u;

struct range {
	uint32_t first, last;
};

/* Unicode 15, East Asian Width W and F, the emoji blocks taken whole. */
static const struct range wide[] = {
	{0x1100, 0x115f},   {0x231a, 0x231b},	{0x2329, 0x232a},   {0x23e9, 0x23ec},
	{0x25fd, 0x25fe},   {0x2614, 0x2615},	{0x2648, 0x2653},   {0x26aa, 0x26ab},
	{0x26bd, 0x26be},   {0x26c4, 0x26c5},	{0x2705, 0x2705},   {0x270a, 0x270b},
	{0x2728, 0x2728},   {0x274c, 0x274c},	{0x2753, 0x2755},   {0x2757, 0x2757},
	{0x2795, 0x2797},   {0x2b1b, 0x2b1c},	{0x2b50, 0x2b50},   {0x2b55, 0x2b55},
	{0x2e80, 0x303e},   {0x3041, 0x33ff},	{0x3400, 0x4dbf},   {0x4e00, 0xa4cf},
	{0xa960, 0xa97c},   {0xac00, 0xd7a3},	{0xf900, 0xfaff},   {0xfe10, 0xfe19},
	{0xfe30, 0xfe6f},   {0xff01, 0xff60},	{0xffe0, 0xffe6},   {0x16fe0, 0x18cff},
	{0x1aff0, 0x1b2ff}, {0x1f004, 0x1f004}, {0x1f0cf, 0x1f0cf}, {0x1f18e, 0x1f18e},
	{0x1f191, 0x1f19a}, {0x1f200, 0x1f320}, {0x1f32d, 0x1f64f}, {0x1f680, 0x1f6ff},
	{0x1f7e0, 0x1f7eb}, {0x1f900, 0x1f9ff}, {0x1fa70, 0x1faff}, {0x20000, 0x3fffd},
};

/* What combines with the character before it, in the scripts that people write Jobfiles in. */
static const struct range zero[] = {
	{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x0610, 0x061a},
	{0x064b, 0x065f}, {0x093c, 0x093c}, {0x094d, 0x094d}, {0x0e31, 0x0e31},
	{0x0e34, 0x0e3a}, {0x0e47, 0x0e4e}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
	{0x200b, 0x200d}, {0x20d0, 0x20ff}, {0x302a, 0x302d}, {0x3099, 0x309a},
	{0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xe0100, 0xe01ef},
};

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

size_t utf8_encode(char out[UTF8_MAX], uint32_t code)
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
