/*
 * A ledger that nobody writes to is one file, and may lie where no lock can be taken: without an index of its WAL
 * there is nothing to lock.  Whoever begins to write makes one, and later brings the WAL home into this very file; what
 * is read then could be half of the one and half of the other.  So the file is compared with what it was.
 */
#include <stdlib.h>
#include <sys/stat.h>

#include "base/bug.h"
#include "ledger/ledger_impl.h"

enum { WAL_HEADER_BYTES = 32 };

int64_t size_beside(const struct ledger *l, const char *suffix)
{
	char *name = xasprintf("%s%s", l->path, suffix);
	struct stat st;
	int64_t size = stat(name, &st) < 0 ? -1 : (int64_t)st.st_size;

	free(name);
	return size;
}

/*
 * An empty WAL has an index that can be locked, if there is one; of a header alone SQLite would wait for the rest.
 * A store may have a journal instead.
 */
static bool has_no_log(const struct ledger *l)
{
	int64_t bytes = size_beside(l, "-wal");

	if (size_beside(l, "-journal") > 0)
		return false;
	return bytes < 0 || bytes == WAL_HEADER_BYTES || (!bytes && size_beside(l, "-shm") < 0);
}

static bool identify(const struct ledger *l, struct file_id *ret)
{
	struct stat st;

	if (stat(l->path, &st) < 0)
		return false;
	file_id_of(&st, ret);
	return true;
}

/* First the file, then what is beside it: what is brought home between the two is noticed. */
bool alone_begin(struct ledger *l)
{
	struct file_id id;

	if (!identify(l, &id) || !has_no_log(l))
		return false;
	l->alone = xmalloc(sizeof(id));
	*l->alone = id;
	return true;
}

bool alone_holds(const struct ledger *l)
{
	struct file_id now;

	return !l->alone || (identify(l, &now) && file_id_same(&now, l->alone));
}

bool alone_so_far(struct ledger *l, bool ok)
{
	if (alone_holds(l))
		return ok;
	return ledger_fail_text(l, LEDGER_BUSY, "it has been written to while it was read");
}

void alone_end(struct ledger *l)
{
	free(l->alone);
	l->alone = NULL;
}
