#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/bug.h"
#include "ledger/ledger_impl.h"

void ledger_error_release(struct ledger_error *e)
{
	buf_release(&e->text);
	e->fault = LEDGER_FINE;
}

enum ledger_fault fault_of(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return LEDGER_BUSY;
	case SQLITE_FULL:
		return LEDGER_FULL;
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_PROTOCOL: /* of a WAL without its index, which who only reads may not make */
		return LEDGER_READ_ONLY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_SCHEMA:
	case SQLITE_ERROR: /* every statement is ours: a table it wants is not there */
	case SQLITE_CONSTRAINT:
		return LEDGER_DAMAGED;
	}
	return LEDGER_BROKEN;
}

/* What somebody at the keyboard can do about it. */
static const char *way_out(enum ledger_fault fault)
{
	switch (fault) {
	case LEDGER_FINE:
	case LEDGER_BAD_SQL: /* who asked is told by fail_sql() */
		break;
	case LEDGER_MISSING:
		return "it is made by the first run";
	case LEDGER_BUSY:
		return "another run keeps it locked: try again, or see who does with `orchmake ps`";
	case LEDGER_FULL:
		return "make room on the disk, then `orchmake resume`";
	case LEDGER_READ_ONLY:
		return "check the rights of the file and of its folder, or name another one with --ledger";
	case LEDGER_DAMAGED:
		return "look with `orchmake fsck`, restore a copy, or move it away to begin a new one";
	case LEDGER_FOREIGN:
		return "name another file with --ledger";
	case LEDGER_NEWER:
		return "use that version of orchmake, or another file with --ledger";
	case LEDGER_OLDER:
		return "the next run upgrades it";
	case LEDGER_GONE:
		return "leave it alone while something runs; what was recorded in it is lost";
	case LEDGER_MOVED:
		return "look at what there is now, then decide again";
	case LEDGER_BROKEN:
		return "look with `orchmake fsck`";
	}
	BUG("no fault of a ledger: %d", (int)fault);
}

static void say(struct ledger_error *e, enum ledger_fault fault, const char *path, bool is_store,
		const char *fmt, va_list ap)
{
	const char *way = is_store ? NULL : way_out(fault);

	e->fault = fault;
	buf_reset(&e->text);
	buf_addf(&e->text, "%s '%s': ", is_store ? "store" : "ledger", path);
	buf_vaddf(&e->text, fmt, ap);
	if (way)
		buf_addf(&e->text, " (%s)", way);
}

void error_say(struct ledger_error *e, enum ledger_fault fault, const char *path, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(e, fault, path, false, fmt, ap);
	va_end(ap);
}

bool ledger_fail_text(struct ledger *l, enum ledger_fault fault, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(&l->error, fault, l->path, l->is_store, fmt, ap);
	va_end(ap);
	return false;
}

/* The system's error behind rc, 0 if there is none.  SQLite remembers the last one, whatever has failed since. */
static int errno_of(const struct ledger *l, int rc)
{
	bool is_of_the_system = (rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN;

	return l->db && is_of_the_system ? sqlite3_system_errno(l->db) : 0;
}

bool ledger_fail(struct ledger *l, int rc, const char *doing)
{
	/* SQLite's text is of the last call on the handle, which may have gone well since. */
	const char *text = l->db && (sqlite3_errcode(l->db) & 0xff) == (rc & 0xff)
		? sqlite3_errmsg(l->db) : sqlite3_errstr(rc);
	int error = errno_of(l, rc);

	if (error == ENOSPC || error == EDQUOT)
		return ledger_fail_text(l, LEDGER_FULL, "%s: %s", doing, strerror(error));
	if (error)
		return ledger_fail_text(l, fault_of(rc), "%s: %s: %s", doing, text, strerror(error));
	return ledger_fail_text(l, fault_of(rc), "%s: %s", doing, text);
}

const struct ledger_error *ledger_error(const struct ledger *l)
{
	return &l->error;
}
