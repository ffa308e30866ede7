/*
 * UTF-8: is it valid, what does it say, how wide is it on a terminal.  Nothing
 * here depends on the locale.
 */
#ifndef DOC_UTF8_H
#define DOC_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	UTF8_MAX = 4,	 /* bytes of the longest character */
	UTF8_BAD = -1,	 /* no character begins here */
	CODE_MAX = 0x10ffff,
};

/* The offset of the first byte that does not belong to a valid character; len if there is none. */
size_t utf8_check(const char *s, size_t len);

/* Whether every byte is below 0x80. */
bool utf8_is_ascii(const char *s, size_t len);

/* The character at s (len > 0) and its length; UTF8_BAD and 1 if there is none. */
int32_t utf8_decode(const char *s, size_t len, size_t *ret_len);

/* Write the character; returns its length. */
size_t utf8_put(char out[UTF8_MAX], uint32_t code);

/* Columns it takes: 0 (combining), 1 or 2. */
unsigned utf8_width(uint32_t code);

/* Whether it could do something to a terminal but show itself: controls, bidirectional overrides. */
bool utf8_is_control(uint32_t code);

#endif
