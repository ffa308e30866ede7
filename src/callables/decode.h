/* The bytes of an export as text, and its text as JSON that our reader takes. */
#ifndef CALLABLES_DECODE_H
#define CALLABLES_DECODE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/*
 * UTF-8 of bytes: by their byte-order mark (UTF-8, UTF-16), by NULs where UTF-16 without one has
 * them, as UTF-8 if they are valid, else as Windows-1252 (which has all of Latin-1).  Returns the
 * name of the encoding; NULL and err if the bytes end within a character or are UTF-32.
 */
const char *text_decode(struct buf *out, const char *bytes, size_t len, struct buf *err);

/*
 * A code page of a mail's text (us-ascii, utf-8, iso-8859-1, windows-1252) to UTF-8, appended.
 * An unknown name is taken for UTF-8; bytes that are not valid in it become Windows-1252.
 */
void charset_decode(struct buf *out, const char *bytes, size_t len, const char *charset);

/*
 * JSON text with what programs write although other programs cannot hold it made harmless: \u0000
 * and half of a surrogate pair become \ufffd, integers beyond 64 bits become texts.
 */
void json_soften(struct buf *out, const char *text, size_t len);

/* base64 or base64url, padded or not, blanks ignored, appended; false if it is neither. */
bool base64_decode(struct buf *out, const char *text, size_t len);

#endif
