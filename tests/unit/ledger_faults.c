/*
 * Everything that is done with a ledger, again and again, each time with another one of the calls failing that
 * SQLite makes, of memory and of the system, or that the ledger makes itself, of the system and of SQLite.  What then
 * says that it went well has given the same rows as ever, what says that it did not says why, and the ledger is sound
 * and can be used.
 */
#include <dlfcn.h>
#include <sys/syscall.h>

#include "ledger_kit.h"
#include "ledger_image.c" /* as the program has it */

/* --- calls that fail ---------------------------------------------------------------------------------- */

/* The at-th call from now on fails; 0: none. */
struct trap {
	uint64_t at, calls;
	int error; /* the system's, or SQLite's */
};

static struct trap memory, files, own, library;
static sqlite3_mem_methods heap;

static bool is_caught(struct trap *t)
{
	return t->at && ++t->calls == t->at;
}

static void *heap_malloc(int size)
{
	return is_caught(&memory) ? NULL : heap.xMalloc(size);
}

static void *heap_realloc(void *p, int size)
{
	return is_caught(&memory) ? NULL : heap.xRealloc(p, size);
}

static bool fails(void)
{
	if (!is_caught(&files))
		return false;
	errno = files.error;
	return true;
}

/* Past the traps of our own calls below. */
static int real_open(const char *path, int flags, mode_t mode)
{
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static ssize_t real_pwrite(int fd, const void *from, size_t n, off_t at)
{
	return syscall(SYS_pwrite64, fd, from, n, at);
}

static int sys_open(const char *path, int flags, int mode)
{
	return fails() ? -1 : real_open(path, flags, (mode_t)mode);
}

static ssize_t sys_pread(int fd, void *to, size_t n, off_t at)
{
	return fails() ? -1 : pread(fd, to, n, at);
}

static ssize_t sys_pwrite(int fd, const void *from, size_t n, off_t at)
{
	return fails() ? -1 : real_pwrite(fd, from, n, at);
}

static int sys_ftruncate(int fd, off_t size)
{
	return fails() ? -1 : ftruncate(fd, size);
}

static int sys_fstat(int fd, struct stat *st)
{
	return fails() ? -1 : fstat(fd, st);
}

/* --- and our own, in place of the C library's: SQLite syncs by them too ---------------------------------- */

static bool own_fails(void)
{
	if (!is_caught(&own))
		return false;
	errno = own.error;
	return true;
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return own_fails() ? -1 : real_open(path, flags, mode);
}

int link(const char *from, const char *to)
{
	return own_fails() ? -1 : (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	return own_fails() ? -1 : (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	return own_fails() ? -1 : (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int fsync(int fd)
{
	return own_fails() ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return own_fails() ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int mkostemp(char *path, int flags)
{
	return own_fails() ? -1 : mkostemps(path, 0, flags);
}

int posix_fallocate(int fd, off_t at, off_t n)
{
	return own_fails() ? own.error : syscall(SYS_fallocate, fd, 0, at, n) ? errno : 0;
}

ssize_t pwrite(int fd, const void *from, size_t n, off_t at)
{
	return own_fails() ? -1 : real_pwrite(fd, from, n, at);
}

ssize_t write(int fd, const void *from, size_t n)
{
	return own_fails() ? -1 : syscall(SYS_write, fd, from, n);
}

/* --- and what we ask of SQLite, in its place ------------------------------------------------------------- */

static unsigned inside; /* it asks itself by the same names */

static bool library_fails(void)
{
	return !inside && is_caught(&library);
}

/* What the library has under the name of f, for one call of it. */
#define REALLY(f, ...)                                                                             \
	({                                                                                         \
		static __typeof__(&f) real;                                                        \
		int rc_;                                                                           \
                                                                                                   \
		if (!real)                                                                         \
			*(void **)&real = dlsym(RTLD_NEXT, #f);                                    \
		inside++;                                                                          \
		rc_ = real(__VA_ARGS__);                                                           \
		inside--;                                                                          \
		rc_;                                                                               \
	})

int sqlite3_open_v2(const char *path, sqlite3 **ret, int flags, const char *vfs)
{
	*ret = NULL;
	return library_fails() ? library.error : REALLY(sqlite3_open_v2, path, ret, flags, vfs);
}

int sqlite3_db_config(sqlite3 *db, int option, ...)
{
	va_list ap;
	int value;

	va_start(ap, option);
	value = va_arg(ap, int);
	va_end(ap);
	return library_fails() ? SQLITE_ERROR : REALLY(sqlite3_db_config, db, option, value, NULL);
}

int sqlite3_prepare_v2(sqlite3 *db, const char *sql, int n, sqlite3_stmt **ret, const char **tail)
{
	*ret = NULL;
	return library_fails() ? library.error : REALLY(sqlite3_prepare_v2, db, sql, n, ret, tail);
}

int sqlite3_prepare_v3(sqlite3 *db, const char *sql, int n, unsigned flags, sqlite3_stmt **ret, const char **tail)
{
	*ret = NULL;
	return library_fails() ? library.error : REALLY(sqlite3_prepare_v3, db, sql, n, flags, ret, tail);
}

int sqlite3_exec(sqlite3 *db, const char *sql, int (*row)(void *, int, char **, char **), void *ctx, char **text)
{
	return library_fails() ? library.error : REALLY(sqlite3_exec, db, sql, row, ctx, text);
}

static int stop_at_once(void *ctx)
{
	(void)ctx;
	return 1;
}

/* It fails in truth: a statement remembers its failure, and may have ended its transaction. */
int sqlite3_step(sqlite3_stmt *st)
{
	bool fail = library_fails();
	int rc;

	if (fail)
		sqlite3_progress_handler(sqlite3_db_handle(st), 1, stop_at_once, NULL);
	rc = REALLY(sqlite3_step, st);
	if (fail)
		sqlite3_progress_handler(sqlite3_db_handle(st), 0, NULL, NULL);
	return rc;
}

/* Once, before SQLite is used. */
static void set_traps(void)
{
	static const struct {
		const char *name;
		sqlite3_syscall_ptr f;
	} calls[] = {
		{"open", (sqlite3_syscall_ptr)sys_open},	   {"fstat", (sqlite3_syscall_ptr)sys_fstat},
		{"pread", (sqlite3_syscall_ptr)sys_pread},	   {"pread64", (sqlite3_syscall_ptr)sys_pread},
		{"pwrite", (sqlite3_syscall_ptr)sys_pwrite},	   {"pwrite64", (sqlite3_syscall_ptr)sys_pwrite},
		{"ftruncate", (sqlite3_syscall_ptr)sys_ftruncate},
	};
	sqlite3_mem_methods trapped;
	sqlite3_vfs *vfs;

	assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &heap), SQLITE_OK);
	trapped = heap;
	trapped.xMalloc = heap_malloc;
	trapped.xRealloc = heap_realloc;
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &trapped), SQLITE_OK);
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0), SQLITE_OK); /* or few calls would be seen */
	vfs = sqlite3_vfs_find(NULL);
	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		(void)vfs->xSetSystemCall(vfs, calls[i].name, calls[i].f); /* not every build has both of a pair */
}

/* --- a ledger with something of everything --------------------------------------------------------------- */

static void queue_of_all(struct kit *k, int64_t run)
{
	const struct ledger_breaker_rule rule = {1, 1000, 1000};
	const struct ledger_attempt_end bad = kit_end(STATE_FAILED, 70);

	kit_steps(k, run, 2);
	ledger_job(k->l, run, &(struct ledger_job){.group = 0, .parent = GROUP_NONE, .name = "all", .kind = "job"});
	ledger_job_params(k->l, run, 0, "{}");
	ledger_var(k->l, run, "v", "1");
	ledger_fragment(k->l, run, 0, "{}");
	ledger_step_state(k->l, run, 0, STATE_WAITING, REASON_NO_SLOT, NULL);
	ledger_step_mark(k->l, run, 0, "mark");
	kit_do(k, run, 0, 1, STATE_SUCCEEDED, 1000);
	ledger_step_fingerprint(k->l, run, 0, "1 fingerprint", KIT_TIME);
	ledger_fingerprint(k->l, "all||s0", "1 other", KIT_TIME);
	ledger_file(k->l, &(struct ledger_file){.path = "in.txt", .hash = 5, .since_wall_ms = KIT_TIME});
	kit_start(k, run, 1, 2, 1);
	ledger_attempt_pid(k->l, run, 2, 43);
	ledger_attempt_ended(k->l, run, 2, &bad);
	ledger_attempt_intent(k->l, run, 3, 1, 2, NULL);
	ledger_attempt_unused(k->l, run, 3);
	kit_settle(k, run, 1, 1, STATE_FAILED);
	ledger_artifact(k->l, run, 0, &(struct ledger_artifact){.name = "a", .kind = "file", .path = "a", .size_bytes = 1});
	ledger_approval(k->l, run, 1, true, "me", "fine", KIT_TIME);
	ledger_breaker_failed(k->l, "mail", &rule, KIT_TIME);
	ledger_breaker_failed(k->l, "web", &rule, KIT_TIME);
	ledger_breaker_succeeded(k->l, "web", KIT_TIME);
	ledger_job_finished(k->l, run, 0, &(struct ledger_job_end){.state = STATE_FAILED, .reason = REASON_EXIT,
								     .wall_ms = KIT_TIME, .duration_ms = 9, .total = 2,
								     .succeeded = 1, .failed = 1});
	kit_finish(k, run, STATE_FAILED, 1, 1);
}

static const char origin_text[] = "6bb4d7bfc9a81b4d1b1ccbb3b94fdfd5b4bd2d12fd0a1b9b07d4f7cd0b0e0b34";

static void fill(struct kit *k)
{
	char id[ULID_LEN + 1];

	kit_open(k, LEDGER_WRITE);
	kit_whole_run(k, 1, "all", 2);
	queue_of_all(k, kit_run(k, 2, "all"));
	kit_commit(k);
	CHECK_INT(ledger_run_begin(k->l, &(struct ledger_run){.id = kit_id(3, id), .target = "all", .definition = "{}",
							     .origin = origin_text, .wall_ms = KIT_TIME}), 3);
}

/* --- what is done with it --------------------------------------------------------------------------------- */

#define SAY(name, type, ...)                                                                       \
	static bool name(void *ctx, const struct type *r)                                          \
	{                                                                                          \
		buf_addf(ctx, __VA_ARGS__);                                                        \
		return true;                                                                       \
	}
#define TEXT(s) ((s) ? (s) : "-")

SAY(say_run, ledger_run_row, "%s %s %s %s %d|", r->id, r->target, TEXT(r->params), TEXT(r->command), (int)r->state)
SAY(say_job, ledger_job_row, "%s %s %s|", r->name, r->kind, TEXT(r->params))
SAY(say_step, ledger_step_row, "%s %s %s %s %d|", r->key, r->name, r->job, TEXT(r->fingerprint), (int)r->state)
SAY(say_attempt, ledger_attempt_row, "%u %s %s %s %d|", r->serial, r->name, TEXT(r->command), TEXT(r->log), (int)r->state)
SAY(say_event, run_event, "%llu %s %s|", (unsigned long long)r->seq, event_word(r->kind), TEXT(r->step))
SAY(say_artifact, ledger_artifact_row, "%s %s %s|", r->step, r->artifact.name, TEXT(r->artifact.path))
SAY(say_approval, ledger_approval_row, "%u %s %s|", r->unit, r->by, TEXT(r->note))
SAY(say_fingerprint, ledger_fingerprint_row, "%s %s|", r->key, r->fingerprint)
SAY(say_file, ledger_file, "%s %llu|", r->path, (unsigned long long)r->hash)
SAY(say_breaker, ledger_breaker_row, "%s %d %u|", r->name, r->open, r->failures)

static bool say_var(void *ctx, const char *name, const char *value)
{
	buf_addf(ctx, "%s %s|", name, value);
	return true;
}

static bool say_fragment(void *ctx, uint32_t no, const char *json)
{
	buf_addf(ctx, "%u %s|", no, json);
	return true;
}

static bool say_head(void *ctx, size_t n, const char *const *name)
{
	for (size_t i = 0; i < n; i++)
		buf_addf(ctx, "%s,", TEXT(name[i]));
	return true;
}

static bool say_row(void *ctx, size_t n, const struct ledger_value *v)
{
	for (size_t i = 0; i < n; i++)
		buf_addf(ctx, "%s %lld|", v[i].type == LEDGER_TEXT ? v[i].text : "", (long long)v[i].integer);
	return true;
}

static void say_fault(void *ctx, const char *text)
{
	buf_addf(ctx, "%s|", text);
}

static bool find(struct kit *k, const char *text, struct buf *b)
{
	struct buf err = BUF_INIT;
	int64_t run = 0;
	enum ledger_found found = ledger_run_find(k->l, text, NULL, &run, &err);

	buf_addf(b, "%s: %d %lld|", text, (int)found, (long long)run);
	CHECK((found == LEDGER_FOUND) == !err.len);
	buf_release(&err);
	return found != LEDGER_UNREADABLE;
}

static bool number(bool ok, int64_t *n, struct buf *b)
{
	buf_addf(b, "%lld|", (long long)*n);
	return ok;
}

/* What is given by value says 0 both for nothing and for a failure: here there is something. */
static bool value(double v, struct buf *b)
{
	buf_addf(b, "%.3f|", v);
	return v > 0;
}

/* No origin is known where it cannot be read: then there is one definition more. */
static bool origin(struct kit *k, struct buf *b)
{
	struct digest sha;
	bool ok = ledger_definition_of(k->l, origin_text, &sha);

	buf_puts(b, ok ? sha.hex : "");
	return ok;
}

static bool durations(struct kit *k, enum ledger_by by, const char *text, struct buf *b)
{
	struct ledger_durations d;
	bool ok = ledger_durations(k->l, by, &d);

	buf_addf(b, "%.3f|", ok ? ledger_durations_ms(&d, text) : 0);
	ledger_durations_release(&d);
	return ok;
}

static bool sql(struct kit *k, const char *text, struct buf *b)
{
	const struct ledger_query q = {.sql = text, .arg = (const char *[]){"2"}, .n_args = 1,
				       .named = &(struct ledger_arg){"name", "all/s0"}, .n_named = 1};

	return ledger_sql(k->l, &q, say_head, say_row, b);
}

static bool fsck(struct kit *k)
{
	struct buf told = BUF_INIT;
	size_t n;
	bool ok = ledger_fsck(k->l, say_fault, &told, &n);

	CHECK((n > 0) == (told.len > 0));
	CHECK(ok || n); /* that it could not be read to the end is told as well */
	buf_release(&told);
	return ok;
}

/* Reads number `which`; *ret_more is false when there are not so many. */
static bool read_something(struct kit *k, int which, struct buf *b, bool *ret_more)
{
	struct ledger *l = k->l;
	int64_t n = 0;

	*ret_more = true;
	switch (which) {
	case 0: return ledger_runs(l, &(struct ledger_run_filter){.target = "a*", .states = UINT32_MAX, .limit = 5}, say_run, b);
	case 1: return ledger_run_get(l, 2, say_run, b);
	case 2: return find(k, "last", b);
	case 3: return find(k, "last-failed", b);
	case 4: return find(k, "@-2", b);
	case 5: return find(k, "01KTRXN", b);
	case 6: return find(k, "none", b);
	case 7: return number(ledger_last_success(l, "all", &n), &n, b);
	case 8: return value(ledger_data_version(l) >= 0, b);
	case 9: return number(ledger_run_resumer(l, "nobody", &n), &n, b);
	case 10: return ledger_run_result(l, 2, b);
	case 11: return ledger_run_definition(l, 2, b);
	case 12: return ledger_vars(l, 2, say_var, b);
	case 13: return ledger_fragments(l, 2, say_fragment, b);
	case 14: return ledger_jobs(l, 2, say_job, b);
	case 15: return ledger_steps(l, 2, NULL, say_step, b);
	case 16: return ledger_steps(l, 2, "all/s0", say_step, b);
	case 17: return ledger_steps(l, 2, "*", say_step, b);
	case 18: return ledger_step_past(l, "all||s0", 3, say_step, b);
	case 19: return ledger_attempts(l, 2, LEDGER_ANY, say_attempt, b);
	case 20: return ledger_attempts(l, 2, 1, say_attempt, b);
	case 21: return ledger_events(l, 2, 1, 0, say_event, b);
	case 22: return ledger_artifacts(l, 2, say_artifact, b);
	case 23: return ledger_approvals(l, 2, say_approval, b);
	case 24: return durations(k, LEDGER_BY_KEY, "all||s0", b);
	case 25: return durations(k, LEDGER_BY_NAME, "all/s0", b);
	case 26: return value(ledger_duration_ms(l, LEDGER_BY_KEY, "all||s0"), b);
	case 27: return value(ledger_duration_p95_ms(l, "all/s0"), b);
	case 28: return ledger_fingerprints(l, "all||s0", say_fingerprint, b);
	case 29: return ledger_fingerprints(l, NULL, say_fingerprint, b);
	case 30: return ledger_files(l, "in.txt", say_file, b);
	case 31: return ledger_files(l, NULL, say_file, b);
	case 32: return ledger_breakers(l, say_breaker, b);
	case 33: return sql(k, "SELECT word, ?1 FROM states WHERE word <> :name ORDER BY 1 -- and no more", b);
	case 34: return ledger_open_runs(l, say_run, b);
	case 35: return fsck(k);
	case 36: return origin(k, b);
	}
	*ret_more = false;
	return true;
}

/* --- one call after the other fails ------------------------------------------------------------------------ */

/* As if nothing had been asked yet. */
static void forget(struct ledger *l)
{
	for (size_t i = 0; i < STMT_COUNT; i++) {
		sqlite3_finalize(l->stmt[i]);
		l->stmt[i] = NULL;
	}
	l->error.fault = LEDGER_FINE;
	buf_reset(&l->error.text);
}

static void check_said(const struct ledger_error *e)
{
	CHECK(e->fault != LEDGER_FINE);
	CHECK(e->text.len > 0);
}

enum { OF_THE_FIRST = 24, OF_THE_LAST = 12 };

/* Each of the first and of the last, between them fewer and fewer: some things ask for memory thousands of times. */
static uint64_t next_call(uint64_t at, uint64_t all)
{
	uint64_t next = at > OF_THE_FIRST ? at + at / 2 : at + 1, late = all > OF_THE_LAST ? all - OF_THE_LAST : 0;

	if (at >= late)
		return at + 1;
	return next < late ? next : late;
}

/* It counts, and nothing fails. */
static struct trap counting(void)
{
	return (struct trap){.at = UINT64_MAX};
}

/* How many calls there were. */
static uint64_t take_away(struct trap *t)
{
	t->at = 0;
	return t->calls;
}

static void reads_are_whole_or_fail(struct kit *k, struct trap *t, int error)
{
	bool more = true, ok;
	uint64_t all;

	for (int which = 0; more; which++) {
		struct buf want = BUF_INIT, got = BUF_INIT;

		forget(k->l);
		*t = counting();
		if (!read_something(k, which, &want, &more))
			fail_msg("read %d: %s", which, k->l->error.text.data);
		all = take_away(t);
		for (uint64_t at = 1; at <= all; at = next_call(at, all)) {
			forget(k->l);
			buf_reset(&got);
			*t = (struct trap){.at = at, .error = error};
			ok = read_something(k, which, &got, &more);
			(void)take_away(t);
			if (ok && strcmp(got.data, want.data))
				fail_msg("read %d, call %d: it gave '%s', not '%s'", which, (int)at, got.data, want.data);
			if (!ok)
				check_said(&k->l->error);
		}
		buf_release(&want);
		buf_release(&got);
	}
	kit_shut(k);
	kit_open(k, LEDGER_WRITE);
	kit_sound(k);
}

static void a_read_without_memory_gives_all_rows_or_fails(void **state)
{
	struct kit *k = *state;

	fill(k);
	reads_are_whole_or_fail(k, &memory, 0);
}

static void a_read_that_the_disk_refuses_gives_all_rows_or_fails(void **state)
{
	struct kit *k = *state;

	fill(k);
	sqlite3_exec(k->l->db, "PRAGMA cache_size = 0", NULL, NULL, NULL); /* or nothing would be read twice */
	reads_are_whole_or_fail(k, &files, EIO);
}

/* SQLite remembers the last error of the system for as long as it has the ledger. */
static void an_error_of_the_system_is_told_once(void **state)
{
	struct kit *k = *state;
	const struct ledger_run again = {.id = "01KTRXN0000000000000000001", .target = "all", .definition = "{}"};
	struct buf b = BUF_INIT;

	fill(k);
	sqlite3_exec(k->l->db, "PRAGMA cache_size = 0", NULL, NULL, NULL);
	files = (struct trap){.at = 1, .error = ESTALE}; /* EIO counts as damage */
	CHECK(!ledger_run_get(k->l, 2, say_run, &b));
	(void)take_away(&files);
	CHECK(strstr(k->l->error.text.data, strerror(ESTALE)) != NULL);
	CHECK_INT(ledger_run_begin(k->l, &again), -1);
	CHECK(strstr(k->l->error.text.data, "UNIQUE") != NULL);
	CHECK(strstr(k->l->error.text.data, strerror(ESTALE)) == NULL);
	buf_release(&b);
}

static void a_read_that_sqlite_refuses_gives_all_rows_or_fails(void **state)
{
	struct kit *k = *state;

	fill(k);
	reads_are_whole_or_fail(k, &library, SQLITE_IOERR);
}

/* --- writing ------------------------------------------------------------------------------------------------ */

/* One thing that is written, with what it needs beforehand; n is new for each time. */
struct deed {
	const char *name;
	void (*before)(struct kit *k, unsigned n);
	bool (*act)(struct kit *k);
	void (*after)(struct kit *k); /* what it did is there */
};

static int64_t deed_run; /* that `before` made */

static void before_commit(struct kit *k, unsigned n)
{
	deed_run = kit_run(k, n, "all");
	queue_of_all(k, deed_run);
}

static bool act_commit(struct kit *k)
{
	size_t waiting = ledger_pending(k->l);
	bool ok = ledger_commit(k->l);

	CHECK_INT(ledger_pending(k->l), ok ? 0 : waiting);
	return ok;
}

static void after_commit(struct kit *k)
{
	struct buf b = BUF_INIT;

	CHECK(ledger_run_get(k->l, deed_run, say_run, &b));
	CHECK(strstr(b.data, " all ") != NULL);
	buf_release(&b);
}

static void before_ask(struct kit *k, unsigned n)
{
	(void)n;
	ledger_breaker_reset(k->l, "mail");
	ledger_breaker_failed(k->l, "mail", &(struct ledger_breaker_rule){1, 1000, 1000}, KIT_TIME);
	kit_commit(k);
}

static bool act_ask(struct kit *k)
{
	bool may = true;

	if (!ledger_breaker_ask(k->l, "mail", KIT_TIME + 1, &may))
		return false;
	CHECK(!may);
	return ledger_breaker_ask(k->l, "mail", KIT_TIME + 5000, &may);
}

static void after_ask(struct kit *k)
{
	bool may = true;

	CHECK(ledger_breaker_ask(k->l, "mail", KIT_TIME + 5001, &may));
	CHECK(!may); /* somebody has been let through already */
}

static void before_repair(struct kit *k, unsigned n)
{
	const struct ledger_attempt_end bad = kit_end(STATE_FAILED, 70);

	deed_run = kit_run(k, n, "all");
	kit_steps(k, deed_run, 4);
	ledger_job(k->l, deed_run, &(struct ledger_job){.group = 0, .parent = GROUP_NONE, .name = "all", .kind = "job"});
	kit_start(k, deed_run, 0, 1, 1);
	kit_start(k, deed_run, 1, 2, 1);
	ledger_attempt_ended(k->l, deed_run, 2, &bad);
	ledger_attempt_intent(k->l, deed_run, 3, 1, 2, NULL);
	ledger_attempt_intent(k->l, deed_run, 4, 2, 1, NULL);
	kit_commit(k);
}

static bool act_repair(struct kit *k)
{
	const struct ledger_outcome o = {.serial = 1, .end = kit_end(STATE_SUCCEEDED, 9), .settles = true, .result = "{}"};
	bool applied;

	return ledger_repair_run(k->l, deed_run, &o, 1, KIT_TIME + 9000, &applied);
}

static void after_repair(struct kit *k)
{
	bool applied = true;

	CHECK(ledger_repair_run(k->l, deed_run, NULL, 0, KIT_TIME + 9000, &applied));
	CHECK(!applied); /* it was */
}

static void before_gc(struct kit *k, unsigned n)
{
	kit_whole_run(k, n, "old", 1);
	kit_whole_run(k, n + 1, "old", 1);
}

static bool act_gc(struct kit *k)
{
	size_t n;

	return kit_gc(k, &(struct ledger_keep){.runs = 1}, &n);
}

static void after_gc(struct kit *k)
{
	struct buf b = BUF_INIT;

	CHECK(ledger_runs(k->l, &(struct ledger_run_filter){.target = "old"}, say_run, &b));
	CHECK(strchr(b.data, '|') && !strchr(b.data, '|')[1]); /* one is left */
	buf_release(&b);
}

static void before_begin(struct kit *k, unsigned n)
{
	(void)k;
	deed_run = n;
}

static bool act_begin(struct kit *k)
{
	int64_t newest = atoll(kit_ask(k, "SELECT max(no) FROM runs"));
	char id[ULID_LEN + 1];

	return ledger_run_begin(k->l, &(struct ledger_run){.id = kit_id((unsigned)deed_run++, id), .target = "all",
							   .definition = "{}", .wall_ms = KIT_TIME,
							   .on_newest = true, .newest = newest}) >= 0;
}

static void after_begin(struct kit *k)
{
	CHECK_INT(ledger_pending(k->l), 0);
}

static const struct deed deeds[] = {
	{"commit", before_commit, act_commit, after_commit}, {"ask", before_ask, act_ask, after_ask},
	{"repair", before_repair, act_repair, after_repair}, {"gc", before_gc, act_gc, after_gc},
	{"begin", before_begin, act_begin, after_begin},
};

/* What fails says so, and is done when it is tried again; either way it is then there, once.  How many calls it took. */
static uint64_t do_with_trap(struct kit *k, const struct deed *d, struct trap *t, struct trap set)
{
	static unsigned n = 1000; /* of runs that nobody has had */
	uint64_t calls;
	bool ok;

	d->before(k, n += 2);
	forget(k->l);
	*t = set;
	ok = d->act(k);
	calls = take_away(t);
	if (!ok) {
		check_said(&k->l->error);
		if (!d->act(k))
			fail_msg("%s again after call %d: %s", d->name, (int)set.at, k->l->error.text.data);
	}
	d->after(k);
	return calls;
}

static void writes_are_done_or_fail(struct kit *k, struct trap *t, int error)
{
	for (size_t i = 0; i < ARRAY_LEN(deeds); i++) {
		uint64_t all = do_with_trap(k, &deeds[i], t, counting());

		for (uint64_t at = 1; at <= all; at = next_call(at, all))
			(void)do_with_trap(k, &deeds[i], t, (struct trap){.at = at, .error = error});
	}
	kit_sound(k);
}

static void a_write_without_memory_is_done_or_fails(void **state)
{
	struct kit *k = *state;

	kit_open(k, LEDGER_WRITE);
	writes_are_done_or_fail(k, &memory, 0);
}

static void a_write_that_the_disk_refuses_is_done_or_fails(void **state)
{
	struct kit *k = *state;

	kit_open(k, LEDGER_WRITE);
	writes_are_done_or_fail(k, &files, EIO);
	writes_are_done_or_fail(k, &files, EDQUOT);
}

static void a_write_that_sqlite_refuses_is_done_or_fails(void **state)
{
	struct kit *k = *state;

	kit_open(k, LEDGER_WRITE);
	writes_are_done_or_fail(k, &library, SQLITE_IOERR);
}

/* --- opening ------------------------------------------------------------------------------------------------ */

/* How it is opened, and what is there. */
static const struct opening {
	enum ledger_mode mode;
	enum { NOTHING, AN_OLDER_ONE, ONE, ONE_THAT_LACKS_A_WORD } there;
	enum { BY_IMAGE, BY_SCHEMA, AS_STORE } how;
} openings[] = {{LEDGER_WRITE, NOTHING, BY_IMAGE}, {LEDGER_WRITE, NOTHING, BY_SCHEMA},
		{LEDGER_WRITE, AN_OLDER_ONE, BY_SCHEMA}, {LEDGER_WRITE, ONE, BY_SCHEMA},
		{LEDGER_WRITE, ONE_THAT_LACKS_A_WORD, BY_SCHEMA}, {LEDGER_READ, ONE, BY_SCHEMA},
		{LEDGER_LOOK, ONE, BY_SCHEMA}, {LEDGER_READ, AN_OLDER_ONE, BY_SCHEMA},
		{LEDGER_LOOK, ONE, AS_STORE}};

static void put_there(struct kit *k, const struct opening *o, const struct buf *older, const struct buf *newest)
{
	const struct buf *file = o->there == AN_OLDER_ONE ? older : newest;
	FILE *f;

	kit_empty(k->dir);
	if (o->there == NOTHING)
		return;
	f = fopen(k->path, "w");
	CHECK(f && fwrite(file->data, 1, file->len, f) == file->len && !fclose(f));
	if (o->there == ONE_THAT_LACKS_A_WORD)
		kit_exec(k, "DELETE FROM reasons WHERE word = 'approved'");
}

/* The image is of all upgrades, and for those that it was made of. */
static struct ledger *open_by_schema(struct kit *k, enum ledger_mode mode, size_t n)
{
	const struct ledger_options o = {.mode = mode};
	struct schema_upgrade up[32];

	CHECK(n <= ARRAY_LEN(up));
	memcpy(up, schema_upgrades, n * sizeof(*up));
	return ledger_open_as(k->path, &o, up, n, &k->err);
}

static struct ledger *open_as(struct kit *k, const struct opening *o)
{
	const struct ledger_options lo = {.mode = o->mode};

	switch (o->how) {
	case BY_IMAGE:
		return kit_try(k, o->mode);
	case BY_SCHEMA:
		return open_by_schema(k, o->mode, schema_n_upgrades);
	case AS_STORE:
		return ledger_open_store(k->path, &lo, &k->err);
	}
	return NULL;
}

static struct buf made_by_version(struct kit *k, size_t n)
{
	struct buf b = BUF_INIT;

	kit_empty(k->dir);
	ledger_close(open_by_schema(k, LEDGER_WRITE, n));
	assert_int_equal(file_read(k->path, &b, 1 << 24), 0);
	return b;
}

/* It works or says why not, and then it works.  How many calls it took. */
static uint64_t open_with_trap(struct kit *k, const struct opening *o, struct trap *t, struct trap set)
{
	uint64_t calls;

	*t = set;
	k->l = open_as(k, o);
	calls = take_away(t);
	if (!k->l) {
		check_said(&k->err);
		k->l = open_as(k, o);
	}
	if (!k->l)
		fail_msg("opening %d after call %d: %s", (int)(o - openings), (int)set.at, k->err.text.data);
	CHECK(o->mode != LEDGER_WRITE || k->l->words.complete);
	kit_shut(k);
	return calls;
}

static void an_opening_works_or_fails(struct kit *k, struct trap *t, int error)
{
	struct buf older = made_by_version(k, schema_n_upgrades - 1), newest = made_by_version(k, schema_n_upgrades);

	for (size_t i = 0; i < ARRAY_LEN(openings); i++) {
		uint64_t all;

		put_there(k, &openings[i], &older, &newest);
		all = open_with_trap(k, &openings[i], t, counting());
		for (uint64_t at = 1; at <= all; at = next_call(at, all)) {
			put_there(k, &openings[i], &older, &newest);
			(void)open_with_trap(k, &openings[i], t, (struct trap){.at = at, .error = error});
		}
	}
	buf_release(&older);
	buf_release(&newest);
}

static void an_opening_without_memory_works_or_fails(void **state)
{
	an_opening_works_or_fails(*state, &memory, 0);
}

static void an_opening_that_the_disk_refuses_works_or_fails(void **state)
{
	an_opening_works_or_fails(*state, &files, ENOSPC);
}

static void an_opening_whose_own_calls_fail_works_or_fails(void **state)
{
	static const int errors[] = {EIO, ENOSPC, EEXIST, EINTR};

	for (size_t i = 0; i < ARRAY_LEN(errors); i++)
		an_opening_works_or_fails(*state, &own, errors[i]);
}

static void an_opening_that_sqlite_refuses_works_or_fails(void **state)
{
	an_opening_works_or_fails(*state, &library, SQLITE_IOERR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(a_read_without_memory_gives_all_rows_or_fails),
		KIT_TEST(a_read_that_the_disk_refuses_gives_all_rows_or_fails),
		KIT_TEST(an_error_of_the_system_is_told_once),
		KIT_TEST(a_read_that_sqlite_refuses_gives_all_rows_or_fails),
		KIT_TEST(a_write_without_memory_is_done_or_fails),
		KIT_TEST(a_write_that_the_disk_refuses_is_done_or_fails),
		KIT_TEST(a_write_that_sqlite_refuses_is_done_or_fails),
		KIT_TEST(an_opening_without_memory_works_or_fails),
		KIT_TEST(an_opening_that_the_disk_refuses_works_or_fails),
		KIT_TEST(an_opening_whose_own_calls_fail_works_or_fails),
		KIT_TEST(an_opening_that_sqlite_refuses_works_or_fails),
	};

	set_traps();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
