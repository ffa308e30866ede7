/* Many processes on the same stores, and processes that are killed. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/stamp.h"
#include "store_world.h"

enum { WRITERS = 8, ROUNDS = 12, KILLS = 60, WIDE = 3 * 1024 * 1024 / 2 };

/* A submission that puts number n into both stores and the log, or into none. */
static json_t *paired_plan(int n)
{
	char *text = xasprintf(
		"{'plan': {'ops': ["
		" {'method': 'bq.upsert', 'params': {'dataset': 'a', 'table': 't', 'key_columns': ['n'], 'rows': [{'n': %d}]}},"
		" {'method': 'wal.append', 'params': {'idempotency_key': 'k%d', 'dataset': 'a', 'n': %d}},"
		" {'method': 'sqlite.sync', 'params': {'dataset': 'b', 'table': 'last', 'rows': [{'n': %d}]}},"
		" {'method': 'bq.upsert', 'params': {'dataset': 'b', 'table': 't', 'key_columns': ['n'], 'rows': [{'n': %d}]}}"
		"]}}",
		n, n, n, n, n);
	json_t *plan = json_of(text);

	free(text);
	return plan;
}

static bool submit(struct world *w, json_t *plan)
{
	struct fault f = FAULT_INIT;
	json_t *answer = world_try(w, "storacle.submit", plan, &f);
	bool good = answer != NULL;

	if (!good)
		fprintf(stderr, "%s\n", f.text.data);
	json_decref(answer);
	json_decref(plan);
	fault_release(&f);
	return good;
}

/* Read both stores in one query, as a step beside the writers would. */
static bool look(struct world *w)
{
	struct fault f = FAULT_INIT;
	json_t *with = json_of("{'dataset': 'b', 'table': 't', 'incremental': {'mode': 'not_exists', 'target_dataset': 'a',"
			       " 'target_table': 't', 'source_key': 'n', 'target_key': 'n'}}");
	json_t *answer = world_try(w, "storacle.query", with, &f);
	bool good = answer && json_array_size(json_object_get(answer, "items")) == 0;

	if (!good)
		fprintf(stderr, "%s\n", f.text.data);
	json_decref(answer);
	json_decref(with);
	fault_release(&f);
	return good;
}

static pid_t start(struct world *w, int first, int n, bool reads)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid)
		return pid;
	for (int i = 0; i < n; i++)
		if (!submit(w, paired_plan(first + i)) || (reads && !look(w)))
			_exit(1);
	_exit(0);
}

static void eight_processes_write_two_stores_at_once(void **state)
{
	pid_t pid[WRITERS];
	struct world w;

	(void)state;
	world_open(&w, "b a");
	CHECK(submit(&w, paired_plan(0)));
	for (int i = 0; i < WRITERS; i++)
		pid[i] = start(&w, i * 1000 + 1, ROUNDS, true);
	for (int i = 0; i < WRITERS; i++) {
		int status;

		CHECK(waitpid(pid[i], &status, 0) == pid[i]);
		CHECK_INT(status, 0);
	}
	CHECK_SQL(&w, "a.db", "SELECT count(*) = 1 + 8 * 12 FROM t", "1");
	CHECK_SQL(&w, "b.db", "SELECT count(*) = 1 + 8 * 12 FROM t", "1");
	CHECK_SQL(&w, "a.db", "SELECT count(*) = 1 + 8 * 12 FROM wal_domain_events", "1");
	world_close(&w);
}

/* What both stores hold, once the killed writer's remains are undone. */
static void check_pairs(struct world *w)
{
	char *path = world_path(w, "b.db"), *sql = xasprintf("ATTACH '%s' AS b", path), *got;
	sqlite3 *db;
	sqlite3_stmt *st;
	char *main_path = world_path(w, "a.db");

	CHECK_INT(sqlite3_open_v2(main_path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	CHECK_INT(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	CHECK_INT(sqlite3_prepare_v2(db,
				     "SELECT (SELECT count(*) FROM (SELECT n FROM main.t EXCEPT SELECT n FROM b.t))"
				     " || ' ' || (SELECT count(*) FROM (SELECT n FROM b.t EXCEPT SELECT n FROM main.t))"
				     " || ' ' || ((SELECT n FROM b.last) = (SELECT max(n) FROM main.t))"
				     " || ' ' || ((SELECT count(*) FROM main.wal_domain_events) = (SELECT count(*) FROM main.t))",
				     -1, &st, NULL), SQLITE_OK);
	CHECK_INT(sqlite3_step(st), SQLITE_ROW);
	got = xstrdup((const char *)sqlite3_column_text(st, 0));
	CHECK_STR(got, "0 0 1 1");
	sqlite3_finalize(st);
	sqlite3_close(db);
	CHECK_SQL(w, "a.db", "PRAGMA integrity_check", "ok");
	CHECK_SQL(w, "b.db", "PRAGMA integrity_check", "ok");
	free(got);
	free(sql);
	free(path);
	free(main_path);
}

static void a_kill_at_any_instant_leaves_the_whole_plan_or_nothing(void **state)
{
	unsigned seed = check_seed();
	struct world w;
	int next = 1;

	(void)state;
	world_open(&w, "a b");
	CHECK(submit(&w, paired_plan(0)));
	for (int i = 0; i < KILLS; i++) {
		struct timespec wait = {0, 100000 + rand_r(&seed) % 25000000};
		pid_t pid = start(&w, next, 1000, false);
		int status;

		nanosleep(&wait, NULL); /* the instant is what the test is about */
		CHECK_INT(kill(pid, SIGKILL), 0);
		CHECK(waitpid(pid, &status, 0) == pid);
		if (i % 2)
			CHECK(look(&w)); /* a step's own query undoes what the killed one left */
		check_pairs(&w);
		next += 1000;
	}
	world_close(&w);
}

static void a_store_held_too_long_is_a_transient_failure(void **state)
{
	struct fault f = FAULT_INIT;
	json_t *plan = paired_plan(1);
	struct world w;
	sqlite3 *db;
	char *path;

	(void)state;
	world_open(&w, "a b");
	CHECK(submit(&w, paired_plan(0)));
	path = world_path(&w, "b.db");
	CHECK_INT(sqlite3_open(path, &db), SQLITE_OK);
	CHECK_INT(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	w.op.busy_ms = 20;
	CHECK(world_try(&w, "storacle.submit", plan, &f) == NULL);
	CHECK_INT(f.kind, FAULT_TRANSIENT);
	CHECK_STR(f.text.data, "cannot write to the plan's 2 stores at once ('a' ...): database is locked"
			       " (somebody else held it too long; a retry may do)");
	sqlite3_close(db);
	fault_release(&f);
	json_decref(plan);
	free(path);
	world_close(&w);
}

static void a_store_in_wal_mode_is_written_alone_only(void **state)
{
	json_t *answer;
	struct world w;

	(void)state;
	world_open(&w, "a b");
	answer = world_do(&w, "storacle.submit",
			  "{'plan': {'ops': [{'method': 'wal.append', 'params': {'dataset': 'a', 'idempotency_key': '1'}}]}}");
	json_decref(answer);
	CHECK_SQL(&w, "a.db", "PRAGMA journal_mode = wal", "wal");
	answer = world_do(&w, "storacle.submit",
			  "{'plan': {'ops': [{'method': 'wal.append', 'params': {'dataset': 'a', 'idempotency_key': '2'}}]}}");
	json_decref(answer);
	CHECK(!submit(&w, paired_plan(1)));
	CHECK_SQL(&w, "a.db", "SELECT count(*) FROM wal_domain_events", "2");
	world_close(&w);
}

static void a_wide_text_comes_back_as_it_was(void **state)
{
	char *wide = xmalloc(WIDE + 1), *text;
	json_t *answer;
	struct world w;

	(void)state;
	memset(wide, 'w', WIDE);
	wide[WIDE] = 0;
	memcpy(wide + WIDE / 2, "\xc3\xa9\xf0\x9f\x98\x80", 6);
	world_open(&w, "a");
	text = xasprintf("{'plan': {'ops': [{'method': 'bq.upsert', 'params': {'dataset': 'a', 'table': 't',"
			 " 'key_columns': ['k'], 'rows': [{'k': 1, 'wide': '%s'}]}}]}}", wide);
	json_decref(world_do(&w, "storacle.submit", text));
	answer = world_do(&w, "storacle.query", "{'dataset': 'a', 'table': 't'}");
	CHECK_STR(json_str(json_array_get(json_object_get(answer, "items"), 0), "wide"), wide);
	json_decref(answer);
	free(text);
	free(wide);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eight_processes_write_two_stores_at_once),
		cmocka_unit_test(a_kill_at_any_instant_leaves_the_whole_plan_or_nothing),
		cmocka_unit_test(a_store_held_too_long_is_a_transient_failure),
		cmocka_unit_test(a_store_in_wal_mode_is_written_alone_only),
		cmocka_unit_test(a_wide_text_comes_back_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
