/*
 * A message as RFC 5322 has it: CRLF, headers in ASCII (RFC 2047), the text as UTF-8 in quoted-printable where
 * that is needed.  No value can become a header: control characters in one are refused.
 */
#ifndef STORE_MAIL_H
#define STORE_MAIL_H

#include <stdbool.h>

#include "base/buf.h"
#include "store/fault.h"

struct mail {
	const char *from, *to; /* `a@example.org`, `Name <a@example.org>`; to: several with commas between */
	const char *subject, *body;
	bool is_html;
	const char *id;	  /* the part of the message id before the @ */
	const char *date; /* as stamp_format has it */
};

/* Append the whole message.  False with a complaint about the mail's values. */
bool mail_write(struct buf *out, const struct mail *m, struct fault *f);

/* The bare addresses of a list such as `to`, each followed by a NUL; their number, 0 with a complaint. */
size_t mail_addresses(struct buf *out, const char *list, const char *what, struct fault *f);

#endif
