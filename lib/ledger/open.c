#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "ledger/ledger_impl.h"
#include "ledger/look.h"

enum {
	RESERVE_BYTES = 64 * 1024,
	/*
	 * A longer one is brought home when the ledger is closed: some 1.5 ms, nearly all of it waiting for the
	 * disk.  Whoever opens it next has to read what is left there, 0.5 ms a MiB; a small run adds 115 KiB.
	 */
	WAL_KEPT_BYTES = 1024 * 1024,
	LOOKS = 5, /* at a file that is being written to */
};

/* --- the reserve: room that a full disk still has for the last outcomes ----------------------- */

char *reserve_path(const struct ledger *l)
{
	return xasprintf("%s-reserve", l->path);
}

/* Without it, a full disk is only met sooner. */
static void reserve_put_aside(const struct ledger *l)
{
	char *path = reserve_path(l);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd >= 0) {
		if (posix_fallocate(fd, 0, RESERVE_BYTES))
			(void)unlink(path);
		close(fd);
	}
	free(path);
}

bool reserve_give_up(struct ledger *l)
{
	char *path = reserve_path(l);
	bool there = unlink(path) == 0;

	free(path);
	return there;
}

/* --- how it is opened -------------------------------------------------------------------------- */

/* path as a URI's, with what SQLite would take for something else written as %XX. */
static char *uri_of(const char *path, const char *query)
{
	struct buf b = BUF_INIT;

	buf_puts(&b, path[0] == '/' ? "file://" : "file:");
	for (const char *p = path; *p; p++) {
		if (strchr("%?#", *p))
			buf_addf(&b, "%%%02X", (unsigned char)*p);
		else
			buf_putc(&b, *p);
	}
	buf_addf(&b, "?%s", query);
	return buf_detach(&b);
}

static int open_db(struct ledger *l, const char *name, int flags, const char *vfs)
{
	int rc = sqlite3_open_v2(name, &l->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs);

	/* SQLite is content with reading where it may not write. */
	if (!rc && flags & SQLITE_OPEN_READWRITE && sqlite3_db_readonly(l->db, "main"))
		rc = SQLITE_READONLY;
	if (rc) {
		ledger_fail(l, rc, "cannot open");
		sqlite3_close(l->db);
		l->db = NULL;
	}
	return rc;
}

/* Without a log everything is in the file itself, and immutable reads just that.  Otherwise its index is mapped read-only. */
static int open_traceless(struct ledger *l)
{
	char *uri = uri_of(l->path, alone_begin(l) ? "immutable=1" : "mode=ro&readonly_shm=1");
	int rc = open_db(l, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, look_vfs());

	free(uri);
	return rc;
}

/* The file is somebody's: no triggers, no tricks in its schema, no writing into its insides. */
static int harden(sqlite3 *db)
{
	static const struct {
		int option, value;
	} set[] = {
		{SQLITE_DBCONFIG_DEFENSIVE, 1},
		{SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
		{SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
		{SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
		{SQLITE_DBCONFIG_DQS_DML, 0},
		{SQLITE_DBCONFIG_DQS_DDL, 0},
		/* A short run must not pay for bringing its WAL home: ledger_close(). */
		{SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1},
	};
	int rc = SQLITE_OK;

	for (size_t i = 0; i < ARRAY_LEN(set); i++)
		rc |= sqlite3_db_config(db, set[i].option, set[i].value, NULL);
	return rc;
}

/* Nothing here looks at the file; what looks first says of which moment all the rest is. */
static int configure(struct ledger *l)
{
	int64_t busy_ms = l->o.busy_ms > 0 ? l->o.busy_ms : LEDGER_BUSY_MS;
	const char *pragmas = l->o.mode == LEDGER_LOOK
		? "PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON; BEGIN"
		: "PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON";
	int rc = harden(l->db);

	sqlite3_busy_timeout(l->db, busy_ms > INT32_MAX ? INT32_MAX : (int)busy_ms);
	return rc ? rc : sqlite3_exec(l->db, pragmas, NULL, NULL, NULL);
}

struct header {
	long long application, version, tables;
};

static int read_header(struct ledger *l, struct header *h)
{
	int rc = schema_integer(l->db, "PRAGMA application_id", &h->application);

	if (!rc)
		rc = schema_integer(l->db, "PRAGMA user_version", &h->version);
	if (!rc && h->application != SCHEMA_APPLICATION_ID)
		rc = schema_integer(l->db, "SELECT count(*) FROM sqlite_schema", &h->tables);
	return rc;
}

static bool look_at_header(struct ledger *l, struct header *h)
{
	int rc = read_header(l, h);

	if (rc == SQLITE_NOTADB)
		return ledger_fail_text(l, LEDGER_FOREIGN, "is not a ledger: no SQLite file");
	if (rc)
		return ledger_fail(l, rc, "cannot read");
	if (h->application == SCHEMA_APPLICATION_ID)
		return true;
	if (h->application || h->version || h->tables)
		return ledger_fail_text(l, LEDGER_FOREIGN, "is not a ledger, but another program's SQLite file");
	/* A file without anything in it is as good as none. */
	if (l->o.mode != LEDGER_WRITE)
		return ledger_fail_text(l, LEDGER_MISSING, "there is nothing in it yet");
	return true;
}

/*
 * The log is brought home when it has 4,096 pages, which is 16 MiB: a quarter as often as SQLite would on its own.  That
 * waits twice for the disk, and nothing starts meanwhile.  Whoever comes after a crash reads as much, in 8 ms.
 */
static bool use_wal(struct ledger *l)
{
	const char *pragmas = l->o.durability == LEDGER_SYNCED
		? "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 4096; PRAGMA synchronous = FULL"
		: "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 4096; PRAGMA synchronous = NORMAL";
	int rc = sqlite3_exec(l->db, pragmas, NULL, NULL, NULL);

	if (rc)
		return ledger_fail(l, rc, "cannot keep a write-ahead log");
	return true;
}

/* An older one can be read as long as what it lacks can be made for this connection, and nowhere else (schema.h). */
static bool read_older(struct ledger *l, int version, const struct schema_upgrade *up, size_t n_up)
{
	int rc = version > 0 ? schema_apply_temp(l->db, version, up, n_up) : SQLITE_MISMATCH;

	if (rc == SQLITE_MISMATCH)
		return ledger_fail_text(l, LEDGER_OLDER, "has version %d, this program reads %d", version,
					up[n_up - 1].version);
	if (rc)
		return ledger_fail(l, rc, "cannot make its views");
	return true;
}

static bool settle_version(struct ledger *l, const struct schema_upgrade *up, size_t n_up)
{
	struct header h = {0};
	int newest = up[n_up - 1].version;

	if (!look_at_header(l, &h))
		return false;
	if (h.version > newest)
		return ledger_fail_text(l, LEDGER_NEWER, "has version %lld, this program knows %d", h.version,
					newest);
	if (l->o.mode != LEDGER_WRITE)
		return h.version == newest || read_older(l, (int)h.version, up, n_up);
	return use_wal(l) && (h.version == newest || ledger_upgrade(l, up, n_up));
}

static bool fill_words(struct ledger *l, void *ctx)
{
	int rc = schema_fill_words(l->db);

	(void)ctx;
	if (rc)
		return ledger_fail(l, rc, "cannot add new words");
	return true;
}

/* As it is: it has neither our version nor our words. */
static bool make_store_ready(struct ledger *l)
{
	long long n;
	int rc = schema_integer(l->db, "SELECT count(*) FROM sqlite_schema", &n);

	return rc ? ledger_fail(l, rc, "cannot read") : only_reads(l, true);
}

static bool make_ready(struct ledger *l, const struct schema_upgrade *up, size_t n_up)
{
	int rc = configure(l);

	if (rc)
		return ledger_fail(l, rc, "cannot set it up");
	if (l->is_store)
		return make_store_ready(l);
	if (!settle_version(l, up, n_up) || !words_load(l))
		return false;
	if (l->o.mode != LEDGER_WRITE)
		return only_reads(l, true);
	reserve_put_aside(l);
	if (l->words.complete)
		return true;
	return ledger_transact(l, fill_words, NULL) && words_load(l);
}

/* Prepared statements of another handle's life, and the handle. */
static void shut(struct ledger *l)
{
	for (size_t i = 0; i < STMT_COUNT; i++) {
		sqlite3_finalize(l->stmt[i]);
		l->stmt[i] = NULL;
	}
	sqlite3_close(l->db);
	l->db = NULL;
	alone_end(l);
}

static bool read_plainly(struct ledger *l, const struct schema_upgrade *up, size_t n_up)
{
	if (!open_db(l, l->path, SQLITE_OPEN_READONLY, NULL) && make_ready(l, up, n_up))
		return true;
	shut(l);
	return false;
}

static bool read_without_trace(struct ledger *l, const struct schema_upgrade *up, size_t n_up)
{
	bool moved = true;

	for (int i = 0; moved && i < LOOKS; i++) {
		bool open = !open_traceless(l) && make_ready(l, up, n_up);

		moved = !alone_holds(l);
		if (open && !moved)
			return true;
		shut(l);
	}
	return moved ? ledger_fail_text(l, LEDGER_BUSY, "it is being written to all the time") : false;
}

/* What cannot be read in the one way may be in the other: in a folder where no WAL can be made, or while somebody begins. */
static bool open_for_reading(struct ledger *l, const struct schema_upgrade *up, size_t n_up)
{
	if (l->o.mode == LEDGER_READ)
		return read_plainly(l, up, n_up) ||
		       (l->error.fault == LEDGER_READ_ONLY && read_without_trace(l, up, n_up));
	return read_without_trace(l, up, n_up) || (l->error.fault == LEDGER_READ_ONLY && read_plainly(l, up, n_up));
}

static bool open_as_asked(struct ledger *l, const struct schema_upgrade *up, size_t n_up)
{
	struct stat st;

	if (stat(l->path, &st) < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			return ledger_fail_text(l, LEDGER_READ_ONLY, "cannot look at it: %s",
						strerror(errno));
		if (l->o.mode != LEDGER_WRITE)
			return ledger_fail_text(l, LEDGER_MISSING, "there is none");
		if (!ledger_make(l->path, up, n_up, &l->error))
			return false;
	} else if (!S_ISREG(st.st_mode)) {
		return ledger_fail_text(l, LEDGER_FOREIGN, "is not a ledger, not even a file");
	}
	if (l->o.mode != LEDGER_WRITE)
		return open_for_reading(l, up, n_up);
	return !open_db(l, l->path, SQLITE_OPEN_READWRITE, NULL) && make_ready(l, up, n_up);
}

const char *ledger_library(void)
{
	return sqlite3_libversion();
}

int ledger_format(void)
{
	return schema_upgrades[schema_n_upgrades - 1].version;
}

static struct ledger *new_handle(const char *path, const struct ledger_options *o)
{
	struct ledger *l = xcalloc(1, sizeof(*l));

	l->path = xstrdup(path);
	l->o = *o;
	buf_init(&l->queue);
	buf_init(&l->error.text);
	return l;
}

/* l, if it is open; NULL and the reason if not. */
static struct ledger *hand_out(struct ledger *l, bool open, struct ledger_error *ret_error)
{
	if (open) {
		buf_reset(&l->error.text); /* of a way that was tried first */
		l->error.fault = LEDGER_FINE;
		return l;
	}
	ledger_error_release(ret_error);
	*ret_error = l->error;
	buf_init(&l->error.text);
	ledger_close(l);
	return NULL;
}

struct ledger *ledger_open_as(const char *path, const struct ledger_options *o,
			      const struct schema_upgrade *up, size_t n_up,
			      struct ledger_error *ret_error)
{
	struct ledger *l = new_handle(path, o);

	return hand_out(l, open_as_asked(l, up, n_up), ret_error);
}

struct ledger *ledger_open_store(const char *path, const struct ledger_options *o, struct ledger_error *ret_error)
{
	struct ledger *l = new_handle(path, o);

	l->is_store = true;
	if (access(path, F_OK))
		ledger_fail_text(l, LEDGER_MISSING, "there is none yet: what fills it has not been run");
	return hand_out(l, l->error.fault == LEDGER_FINE && open_for_reading(l, NULL, 0), ret_error);
}

void ledger_prepare(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

struct ledger *ledger_open(const char *path, const struct ledger_options *o,
			   struct ledger_error *ret_error)
{
	return ledger_open_as(path, o, schema_upgrades, schema_n_upgrades, ret_error);
}

void ledger_close(struct ledger *l)
{
	if (!l)
		return;
	/* If others are at it, they will. */
	if (l->db && l->o.mode == LEDGER_WRITE && size_beside(l, "-wal") > WAL_KEPT_BYTES) {
		sqlite3_busy_timeout(l->db, 0);
		(void)sqlite3_wal_checkpoint_v2(l->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	}
	shut(l);
	ledger_drop(l);
	buf_release(&l->queue);
	free(l->taken);
	ledger_error_release(&l->error);
	free(l->known);
	free(l->path);
	free(l);
}

const char *ledger_path(const struct ledger *l)
{
	return l->path;
}
