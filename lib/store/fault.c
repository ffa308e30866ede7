#include "store/fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "doc/utf8.h"

void fault_release(struct fault *f)
{
	buf_release(&f->text);
	json_decref(f->details);
	*f = (struct fault)FAULT_INIT;
}

static bool set(struct fault *f, enum fault_kind kind, enum fault_code code, const char *fmt, va_list ap)
{
	if (f->kind == FAULT_NONE) {
		f->kind = kind;
		f->code = code;
		buf_vaddf(&f->text, fmt, ap);
	}
	return false;
}

bool fault_set(struct fault *f, enum fault_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set(f, FAULT_PERMANENT, code, fmt, ap);
	va_end(ap);
	return false;
}

bool fault_usage(struct fault *f, const char *fmt, ...)
{
	struct buf one = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	if (f->kind == FAULT_USAGE) {
		buf_vaddf(&one, fmt, ap);
		if (!strstr(f->text.data, one.data)) /* once is enough */
			buf_addf(&f->text, "; %s", one.data);
		buf_release(&one);
	} else {
		set(f, FAULT_USAGE, CODE_PARAMS, fmt, ap);
	}
	va_end(ap);
	return false;
}

static bool may_pass(int rc)
{
	rc &= 0xff; /* the extended codes say which kind of busy */
	return rc == SQLITE_BUSY || rc == SQLITE_LOCKED || rc == SQLITE_PROTOCOL || rc == SQLITE_INTERRUPT;
}

bool fault_sqlite(struct fault *f, sqlite3 *db, const char *fmt, ...)
{
	bool first = f->kind == FAULT_NONE;
	int rc = sqlite3_extended_errcode(db);
	va_list ap;

	va_start(ap, fmt);
	set(f, may_pass(rc) ? FAULT_TRANSIENT : FAULT_PERMANENT, CODE_STORAGE, fmt, ap);
	va_end(ap);
	if (first) {
		buf_addf(&f->text, ": %s%s", sqlite3_errmsg(db),
			 may_pass(rc) ? " (somebody else held it too long; a retry may do)" : "");
		fault_detail(f, "sqlite_code", json_integer(rc));
	}
	return false;
}

bool fault_errno(struct fault *f, const char *fmt, ...)
{
	bool first = f->kind == FAULT_NONE;
	int number = errno;
	va_list ap;

	va_start(ap, fmt);
	set(f, FAULT_PERMANENT, CODE_STORAGE, fmt, ap);
	va_end(ap);
	if (first)
		buf_addf(&f->text, ": %s", strerror(number));
	return false;
}

void fault_within(struct fault *f, const char *fmt, ...)
{
	struct buf whole = BUF_INIT;
	va_list ap;

	if (f->kind == FAULT_NONE)
		return;
	va_start(ap, fmt);
	buf_vaddf(&whole, fmt, ap);
	va_end(ap);
	buf_puts(&whole, ": ");
	buf_add(&whole, f->text.data, f->text.len);
	buf_release(&f->text);
	f->text = whole;
}

void fault_detail(struct fault *f, const char *key, json_t *v)
{
	if (!f->details)
		f->details = json_object();
	json_object_set_new(f->details, key, v);
}

static const char *kind_word(enum fault_kind kind)
{
	switch (kind) {
	case FAULT_PERMANENT:
		return "permanent";
	case FAULT_TRANSIENT:
		return "transient";
	case FAULT_USAGE:
		return "usage";
	case FAULT_NONE:
		break;
	}
	BUG("no failure has no word");
}

/* A message may hold bytes of a name that is no UTF-8: JSON cannot. */
static json_t *message_of(const struct fault *f)
{
	struct buf clean = BUF_INIT;
	json_t *v;

	for (size_t i = 0, n; i < f->text.len; i += n) {
		bool bad = utf8_decode(f->text.data + i, f->text.len - i, &n) == UTF8_BAD;

		buf_add(&clean, bad ? "?" : f->text.data + i, n);
	}
	v = json_stringn(clean.data, clean.len);
	buf_release(&clean);
	return v;
}

json_t *fault_json(const struct fault *f)
{
	json_t *e = json_object(), *whole = json_object();

	json_object_set_new(e, "type", json_string(kind_word(f->kind)));
	json_object_set_new(e, "code", json_integer(f->code));
	json_object_set_new(e, "message", message_of(f));
	if (f->details)
		json_object_update_missing(e, f->details);
	json_object_set_new(whole, "error", e);
	return whole;
}
