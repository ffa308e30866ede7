#include "base/mask.h"

#include <string.h>

static const char SHOWN[] = "***";

static const char *next_of(const struct mask *m, const char *at)
{
	at = at ? at + strlen(at) + 1 : m->text.data;
	return at < m->text.data + m->text.len ? at : NULL;
}

void mask_add(struct mask *m, const char *text)
{
	size_t len = strlen(text);

	if (!len)
		return;
	for (const char *p = next_of(m, NULL); p; p = next_of(m, p))
		if (!strcmp(p, text))
			return;
	buf_add(&m->text, text, len + 1);
	m->begins[(unsigned char)text[0]] = true;
	m->longest = len > m->longest ? len : m->longest;
}

void mask_release(struct mask *m)
{
	if (m->text.room)
		explicit_bzero(m->text.data, m->text.room);
	buf_release(&m->text);
	*m = (struct mask)MASK_INIT;
}

enum fit { FITS_NOT, FITS_SO_FAR, FITS };

static enum fit fit_of(const char *hidden, size_t len, struct span at)
{
	size_t n = len < at.len ? len : at.len;

	if (memcmp(hidden, at.at, n))
		return FITS_NOT;
	return n == len ? FITS : FITS_SO_FAR;
}

/* The length of the longest that stands at the beginning of at; *ret_open: a longer one may, with what follows. */
static size_t hidden_at(const struct mask *m, struct span at, bool *ret_open)
{
	size_t longest = 0;

	*ret_open = false;
	if (!m->begins[(unsigned char)at.at[0]])
		return 0;
	for (const char *p = next_of(m, NULL); p; p = next_of(m, p)) {
		size_t len = strlen(p);
		enum fit fit = fit_of(p, len, at);

		*ret_open |= fit == FITS_SO_FAR;
		if (fit == FITS && len > longest)
			longest = len;
	}
	return longest;
}

bool mask_finds(const struct mask *m, struct span text)
{
	bool open;

	for (; text.len; text.at++, text.len--)
		if (hidden_at(m, text, &open))
			return true;
	return false;
}

size_t mask_filter(const struct mask *m, struct span text, bool last, struct buf *out)
{
	size_t at = 0, from = 0;

	while (at < text.len) {
		bool open;
		size_t len = hidden_at(m, (struct span){text.at + at, text.len - at}, &open);

		if (open && !last)
			break;
		if (!len) {
			at++;
			continue;
		}
		buf_add(out, text.at + from, at - from);
		buf_puts(out, SHOWN);
		from = at += len;
	}
	buf_add(out, text.at + from, at - from);
	return at;
}
