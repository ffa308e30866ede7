/* What the ledger's tests share: a folder that goes away, and runs as an engine would write them. */
#ifndef TESTS_UNIT_LEDGER_KIT_H
#define TESTS_UNIT_LEDGER_KIT_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#include "base/bug.h"
#include "base/fdio.h"
#include "base/ulid.h"
#include "ledger/ledger_impl.h"
#include "ledger/ledger_repair.h"

struct kit {
	char dir[64], *path;
	struct ledger *l;
	struct ledger_error err;
	uint64_t seq;
};

static const int64_t KIT_TIME = 1767323045678; /* 2026-01-02T03:04:05.678Z */

static int kit_setup(void **state)
{
	struct kit *k = xcalloc(1, sizeof(*k));

	k->err = (struct ledger_error)LEDGER_ERROR_INIT;
	snprintf(k->dir, sizeof(k->dir), "%s/orchmake-ledger-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	if (!mkdtemp(k->dir))
		return -1;
	k->path = path_join(k->dir, "ledger.db");
	*state = k;
	return 0;
}

static void kit_empty(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d))) {
		char *name = path_join(dir, e->d_name);

		if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") && unlink(name))
			(void)rmdir(name);
		free(name);
	}
	closedir(d);
}

static int kit_teardown(void **state)
{
	struct kit *k = *state;

	ledger_close(k->l);
	ledger_error_release(&k->err);
	kit_empty(k->dir);
	if (rmdir(k->dir))
		return -1;
	free(k->path);
	free(k);
	return 0;
}

/* NULL where it is refused: then k->err says why. */
static inline struct ledger *kit_try(struct kit *k, enum ledger_mode mode)
{
	const struct ledger_options o = {.mode = mode, .busy_ms = 20000};

	return ledger_open(k->path, &o, &k->err);
}

static inline struct ledger *kit_open(struct kit *k, enum ledger_mode mode)
{
	ledger_close(k->l);
	k->l = kit_try(k, mode);
	if (!k->l)
		fail_msg("%s", k->err.text.data);
	return k->l;
}

static inline void kit_commit(struct kit *k)
{
	if (!ledger_commit(k->l))
		fail_msg("%s", ledger_error(k->l)->text.data);
}

static inline void kit_shut(struct kit *k)
{
	ledger_close(k->l);
	k->l = NULL;
}

/* --- a run ------------------------------------------------------------------------------------------ */

/* The n-th id of a test: `01KTRXN...`, ascending. */
static inline const char *kit_id(unsigned n, char id[ULID_LEN + 1])
{
	snprintf(id, ULID_LEN + 1, "01KTRXN%019u", n % 1000000000);
	return id;
}

static inline int64_t kit_run(struct kit *k, unsigned n, const char *target)
{
	char id[ULID_LEN + 1];
	const struct ledger_run r = {
		.id = kit_id(n, id),
		.target = target,
		.definition = "{\"jobs\":{}}",
		.format = "native",
		.source = "Jobfile.yaml",
		.command = "orchmake all",
		.root = "/work",
		.journal = "journal",
		.nonce = UINT64_MAX - 1,
		.boot_id = "b00t",
		.pid = 4711,
		.pid_start = 99,
		.slots = 2,
		.params = "{\"day\":\"monday\"}",
		.wall_ms = KIT_TIME + (int64_t)n * 1000,
		.mono_ns = 5,
	};
	int64_t run = ledger_run_begin(k->l, &r);

	if (run < 0)
		fail_msg("%s", ledger_error(k->l)->text.data);
	k->seq = 0;
	return run;
}

/* Steps all/s0, all/s1, ... */
static inline void kit_steps(struct kit *k, int64_t run, uint32_t n)
{
	ledger_run_started(k->l, run);
	for (uint32_t i = 0; i < n; i++) {
		char name[32], key[48];

		snprintf(name, sizeof(name), "all/s%u", i);
		snprintf(key, sizeof(key), "all||s%u", i);
		ledger_step(k->l, run,
			    &(struct ledger_step){.unit = i, .group = 0, .key = key, .name = name,
						  .job = "all", .step = name + 4, .critical = true});
	}
}

static inline void kit_event(struct kit *k, int64_t run, enum event_kind kind, uint32_t unit,
			     enum state state)
{
	ledger_event(k->l, run,
		     &(struct run_event){.seq = ++k->seq, .wall_ms = KIT_TIME, .mono_ns = 7, .kind = kind,
					 .unit = unit, .step = unit == UNIT_NONE ? NULL : "told name",
					 .attempt = kind == EVENT_STEP_STARTED, .state = state,
					 .exit_code = -1, .duration_ms = -1, .due_ms = -1});
}

static inline void kit_start(struct kit *k, int64_t run, uint32_t unit, uint32_t serial, uint32_t number)
{
	ledger_attempt_intent(k->l, run, serial, unit, number, NULL);
	ledger_attempt_started(k->l, run, serial,
			       &(struct ledger_attempt_start){.wall_ms = KIT_TIME, .mono_ns = 9, .pid = 42,
							      .command = "echo hi", .log = "logs/s.log",
							      .timeout_ms = 60000, .grace_ms = 10000,
							      .policy = "abort", .provides = "[\"x\"]"});
	kit_event(k, run, EVENT_STEP_STARTED, unit, STATE_RUNNING);
}

static inline struct ledger_attempt_end kit_end(enum state state, int64_t duration_us)
{
	return (struct ledger_attempt_end){.state = state,
					   .reason = REASON_EXIT,
					   .exit_code = state == STATE_SUCCEEDED ? 0 : 3,
					   .wall_ms = KIT_TIME + 1000,
					   .duration_us = duration_us,
					   .user_us = 300,
					   .log_bytes = 12};
}

static inline void kit_settle(struct kit *k, int64_t run, uint32_t unit, uint32_t attempts, enum state state)
{
	ledger_step_settled(k->l, run, unit,
			    &(struct ledger_step_end){.state = state, .reason = REASON_EXIT,
						      .exit_code = state == STATE_SUCCEEDED ? 0 : 3,
						      .attempts = attempts, .wall_ms = KIT_TIME + 1000,
						      .duration_ms = 1000});
	kit_event(k, run, state_is_failure(state) ? EVENT_STEP_FAILED : EVENT_STEP_SUCCEEDED, unit, state);
}

/* Start it and end it. */
static inline void kit_do(struct kit *k, int64_t run, uint32_t unit, uint32_t serial, enum state state,
			  int64_t duration_us)
{
	const struct ledger_attempt_end e = kit_end(state, duration_us);

	kit_start(k, run, unit, serial, 1);
	ledger_attempt_ended(k->l, run, serial, &e);
	kit_settle(k, run, unit, 1, state);
}

static inline void kit_finish(struct kit *k, int64_t run, enum state state, uint32_t good, uint32_t bad)
{
	kit_event(k, run, EVENT_RUN_COMPLETED, UNIT_NONE, state);
	ledger_run_ended(k->l, run,
			 &(struct ledger_run_end){.state = state, .exit_code = state != STATE_SUCCEEDED,
						  .wall_ms = KIT_TIME + 2000, .duration_ms = 2000,
						  .result = xstrdup("{\"success\":true}"),
						  .n = {good + bad, good + bad, 0, good, bad, 0}});
}

/* A run of n good steps, committed. */
static inline int64_t kit_whole_run(struct kit *k, unsigned id, const char *target, uint32_t n)
{
	int64_t run = kit_run(k, id, target);

	kit_steps(k, run, n);
	for (uint32_t i = 0; i < n; i++)
		kit_do(k, run, i, i + 1, STATE_SUCCEEDED, 1000);
	kit_finish(k, run, STATE_SUCCEEDED, n, 0);
	kit_commit(k);
	return run;
}

/* --- looking ---------------------------------------------------------------------------------------- */

/* The first column of the first row as text, by a connection of its own; static, valid until the next. */
static inline const char *kit_ask(const struct kit *k, const char *sql)
{
	static char answer[512];
	sqlite3 *db;
	sqlite3_stmt *st = NULL;

	answer[0] = 0;
	if (sqlite3_open_v2(k->path, &db, SQLITE_OPEN_READWRITE, NULL) ||
	    sqlite3_prepare_v2(db, sql, -1, &st, NULL)) {
		snprintf(answer, sizeof(answer), "%s", sqlite3_errmsg(db));
	} else if (sqlite3_step(st) == SQLITE_ROW && sqlite3_column_text(st, 0)) {
		snprintf(answer, sizeof(answer), "%s", (const char *)sqlite3_column_text(st, 0));
	}
	sqlite3_finalize(st);
	sqlite3_close(db);
	return answer;
}

static inline void kit_exec(const struct kit *k, const char *sql)
{
	sqlite3 *db;
	char *text = NULL;

	assert_int_equal(sqlite3_open_v2(k->path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &text))
		fail_msg("%s: %s", sql, text);
	sqlite3_close(db);
}

/* What is in the ledger now, which is shut, as the first n upgrades would have it. */
static inline void kit_as_version(struct kit *k, size_t n)
{
	char *newer = xasprintf("%s.newer", k->path), *attach = xasprintf("ATTACH '%s' AS newer", newer);
	sqlite3 *db;
	sqlite3_stmt *st;
	char *text = NULL;

	kit_exec(k, "PRAGMA wal_checkpoint(TRUNCATE)");
	assert_int_equal(rename(k->path, newer), 0);
	assert_true(ledger_make(k->path, schema_upgrades, n, &k->err));
	assert_int_equal(sqlite3_open_v2(k->path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, attach, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT 'INSERT OR REPLACE INTO main.' || name || ' (' || c || ') SELECT ' || c ||"
		" ' FROM newer.' || name FROM (SELECT name, (SELECT group_concat(name) FROM pragma_table_info(t.name, 'main')) AS c"
		" FROM main.sqlite_schema AS t WHERE type = 'table' AND name NOT LIKE 'sqlite_%')", -1, &st, NULL), SQLITE_OK);
	while (sqlite3_step(st) == SQLITE_ROW)
		if (sqlite3_exec(db, (const char *)sqlite3_column_text(st, 0), NULL, NULL, &text))
			fail_msg("%s: %s", sqlite3_column_text(st, 0), text);
	sqlite3_finalize(st);
	sqlite3_close(db);
	assert_int_equal(unlink(newer), 0);
	free(attach);
	free(newer);
}

static inline void kit_print_fault(void *ctx, const char *text)
{
	(void)ctx;
	print_message("  fsck: %s\n", text);
}

struct kit_old {
	int64_t no[4096];
	size_t n;
};

static inline bool kit_note_old(void *ctx, const struct ledger_run_row *r)
{
	struct kit_old *o = ctx;

	CHECK(o->n < sizeof(o->no) / sizeof(*o->no));
	o->no[o->n++] = r->no;
	return true;
}

/* What `gc` does to the ledger; false with ledger_error(). */
static inline bool kit_gc(struct kit *k, const struct ledger_keep *keep, size_t *ret_runs)
{
	struct kit_old o = {.n = 0};
	bool good = ledger_old_runs(k->l, keep, kit_note_old, &o);

	for (size_t i = 0; good && i < o.n; i++)
		good = ledger_forget(k->l, o.no[i]);
	*ret_runs = o.n;
	return good && ledger_forget_definitions(k->l);
}

static inline void kit_sound(struct kit *k)
{
	size_t faults;

	CHECK(ledger_fsck(k->l, kit_print_fault, NULL, &faults));
	CHECK_INT(faults, 0);
}

#define KIT_TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

#endif
