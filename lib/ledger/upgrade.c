#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "ledger/image.h"
#include "ledger/ledger_impl.h"

/* --- a new ledger: built under another name, complete before it appears ------------------------- */

enum { FORMAT_VERSION_AT = 18 }; /* in SQLite's file header: write version, read version; 2 is WAL */

static int build(sqlite3 *db, const struct schema_upgrade *up, size_t n_up)
{
	/* Nobody else can see it, and what a crash leaves of it is never looked at. */
	int rc = sqlite3_exec(db, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN", NULL, NULL,
			      NULL);

	if (!rc)
		rc = schema_apply(db, 0, up, n_up);
	if (!rc)
		rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	return rc;
}

static bool build_file(const char *tmp, const char *path, const struct schema_upgrade *up, size_t n_up,
		       struct ledger_error *e)
{
	sqlite3 *db = NULL;
	int rc = sqlite3_open_v2(tmp, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (!rc)
		rc = build(db, up, n_up);
	if (rc)
		error_say(e, fault_of(rc), path, "cannot make it: %s", sqlite3_errmsg(db));
	sqlite3_close(db);
	return !rc;
}

static bool cannot_make(const char *path, struct ledger_error *e)
{
	error_say(e, errno == ENOSPC ? LEDGER_FULL : LEDGER_READ_ONLY, path, "cannot make it: %s", strerror(errno));
	return false;
}

static bool write_image(int fd, const char *path, struct ledger_error *e)
{
	const struct ledger_image *m = &ledger_image;

	for (size_t done = 0; done < m->n;) {
		ssize_t n = write(fd, m->bytes + done, m->n - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cannot_make(path, e);
		done += (size_t)n;
	}
	return true;
}

/* SQLite itself would write the two bytes through a journal of their own. */
static int mark_wal(int fd)
{
	static const unsigned char wal[2] = {2, 2};

	return pwrite(fd, wal, sizeof(wal), FORMAT_VERSION_AT) == (ssize_t)sizeof(wal) && fdatasync(fd) == 0 ? 0 : -1;
}

/* A ledger in the making.  Whoever dies meanwhile leaves nothing behind if it has no name yet (tmp is NULL). */
struct draft {
	int fd;
	char *tmp;
};

static int draft_open_nameless(struct draft *d, const char *path)
{
	char *dir = path_dir(path);

	*d = (struct draft){.fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
	free(dir);
	return d->fd;
}

/* SQLite needs a name, and some file systems know nothing else. */
static int draft_open_named(struct draft *d, const char *path)
{
	*d = (struct draft){.tmp = xasprintf("%s.XXXXXX", path)};
	d->fd = mkostemp(d->tmp, O_CLOEXEC); /* 0600, O_EXCL */
	return d->fd;
}

/* Where a file system knows no links, a rename that replaces nothing does the same. */
static int draft_appear(const struct draft *d, const char *path)
{
	char own[64];

	if (!d->tmp) {
		snprintf(own, sizeof(own), "/proc/self/fd/%d", d->fd);
		return linkat(AT_FDCWD, own, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
	}
	if (!link(d->tmp, path))
		return 0;
	if (errno == EEXIST)
		return -1;
	return renameat2(AT_FDCWD, d->tmp, AT_FDCWD, path, RENAME_NOREPLACE);
}

static void draft_close(struct draft *d)
{
	if (d->fd >= 0 && d->tmp)
		(void)unlink(d->tmp);
	if (d->fd >= 0)
		close(d->fd);
	free(d->tmp);
}

/* Somebody else may have been quicker: then theirs is the ledger. */
static bool publish(const struct draft *d, const char *path, struct ledger_error *e)
{
	if (mark_wal(d->fd) < 0 || (draft_appear(d, path) < 0 && errno != EEXIST))
		return cannot_make(path, e);
	return true;
}

bool ledger_make(const char *path, const struct schema_upgrade *up, size_t n_up,
		 struct ledger_error *ret_error)
{
	bool has_image = up == schema_upgrades && &ledger_image, made;
	struct draft d = {.fd = -1};

	if ((!has_image || draft_open_nameless(&d, path) < 0) && draft_open_named(&d, path) < 0) {
		(void)cannot_make(path, ret_error);
		draft_close(&d);
		return false;
	}
	made = has_image ? write_image(d.fd, path, ret_error) : build_file(d.tmp, path, up, n_up, ret_error);
	made = made && publish(&d, path, ret_error);
	draft_close(&d);
	return made;
}

bool ledger_image_make(const char *path, struct ledger_error *ret_error)
{
	return ledger_make(path, schema_upgrades, schema_n_upgrades, ret_error);
}

/* --- an older one ---------------------------------------------------------------------------------- */

/* A name beside it that nobody has, made and empty; NULL after ledger_fail. */
static char *backup_file(struct ledger *l, long long version)
{
	for (int i = 1; i < 1000; i++) {
		char *name = i == 1 ? xasprintf("%s.v%lld", l->path, version)
				    : xasprintf("%s.v%lld.%d", l->path, version, i);
		int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

		if (fd >= 0) {
			close(fd);
			return name;
		}
		free(name);
		if (errno != EEXIST)
			break;
	}
	ledger_fail_text(l, errno == ENOSPC ? LEDGER_FULL : LEDGER_READ_ONLY,
			 "cannot make a copy before upgrading it: %s", strerror(errno));
	return NULL;
}

static int vacuum_into(sqlite3 *db, const char *name)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(db, "VACUUM INTO ?1", -1, &st, NULL);

	if (rc)
		return rc;
	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	sqlite3_step(st);
	return sqlite3_finalize(st);
}

/* The copy, and that there is one. */
static int sync_file(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), rc;
	char *dir;

	if (fd < 0)
		return -1;
	rc = fsync(fd);
	close(fd);
	dir = path_dir(name);
	if (!rc)
		rc = folder_sync(dir);
	free(dir);
	return rc;
}

/*
 * Through a connection of its own, while ours holds the right to write: the copy is
 * exactly what is about to be upgraded.
 */
static bool back_up(struct ledger *l, long long version)
{
	char *name = backup_file(l, version);
	sqlite3 *db = NULL;
	int rc;

	if (!name)
		return false;
	rc = sqlite3_open_v2(l->path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
	if (!rc)
		rc = vacuum_into(db, name);
	if (!rc && sync_file(name) < 0)
		rc = SQLITE_IOERR_FSYNC;
	if (rc) {
		ledger_fail_text(l, fault_of(rc), "cannot make a copy before upgrading it: %s",
				 sqlite3_errstr(rc));
		(void)unlink(name);
	}
	sqlite3_close(db);
	free(name);
	return !rc;
}

struct upgrading {
	const struct schema_upgrade *up;
	size_t n_up;
};

static bool upgrade(struct ledger *l, void *ctx)
{
	const struct upgrading *u = ctx;
	long long version;
	int rc = schema_integer(l->db, "PRAGMA user_version", &version);

	/* Now that nobody else can write: somebody may have upgraded it meanwhile. */
	if (rc)
		return ledger_fail(l, rc, "cannot read its version");
	if (version >= u->up[u->n_up - 1].version)
		return true;
	if (version > 0 && !back_up(l, version))
		return false;
	rc = schema_apply(l->db, (int)version, u->up, u->n_up);
	if (rc)
		return ledger_fail(l, rc, "cannot upgrade");
	return true;
}

bool ledger_upgrade(struct ledger *l, const struct schema_upgrade *up, size_t n_up)
{
	return ledger_transact(l, upgrade, &(struct upgrading){up, n_up});
}
