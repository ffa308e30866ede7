#include "ledger_kit.h"

#include <sched.h>
#include <sys/mount.h>

#include "base/stamp.h"

/* "FORMAT" with the number of this version's ledger, which is not the same in every release, and more. */
static const char *version_text(const char *fmt, int more)
{
	static char text[64];

	snprintf(text, sizeof(text), fmt, (int)schema_n_upgrades + more);
	return text;
}

/* --- making and opening ------------------------------------------------------------------------------ */

static void a_new_ledger_is_private_and_complete(void **state)
{
	struct kit *k = *state;
	struct stat st;

	kit_open(k, LEDGER_WRITE);
	assert_int_equal(stat(k->path, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0600);
	CHECK_STR(kit_ask(k, "PRAGMA application_id"), "1869767528");
	CHECK_STR(kit_ask(k, "PRAGMA user_version"), version_text("%d", 0));
	CHECK_STR(kit_ask(k, "PRAGMA journal_mode"), "wal");
	CHECK_STR(kit_ask(k, "SELECT word FROM states WHERE no = 1"), "pending");
	kit_sound(k);
}

static void a_missing_ledger_is_not_made_by_reading(void **state)
{
	struct kit *k = *state;

	assert_null(kit_try(k, LEDGER_READ));
	CHECK_INT(k->err.fault, LEDGER_MISSING);
	assert_null(kit_try(k, LEDGER_LOOK));
	CHECK_INT(k->err.fault, LEDGER_MISSING);
	CHECK_INT(access(k->path, F_OK), -1);
}

static void an_empty_file_becomes_a_ledger(void **state)
{
	struct kit *k = *state;

	close(open(k->path, O_CREAT | O_WRONLY, 0600));
	assert_null(kit_try(k, LEDGER_READ));
	CHECK_INT(k->err.fault, LEDGER_MISSING);
	kit_open(k, LEDGER_WRITE);
	kit_whole_run(k, 1, "all", 2);
	kit_sound(k);
}

static void refuse(struct kit *k, enum ledger_fault fault, const char *part)
{
	for (int mode = LEDGER_WRITE; mode <= LEDGER_LOOK; mode++) {
		assert_null(kit_try(k, (enum ledger_mode)mode));
		CHECK_INT(k->err.fault, fault);
		if (!strstr(k->err.text.data, part) || !strstr(k->err.text.data, k->path))
			fail_msg("no '%s' in: %s", part, k->err.text.data);
	}
}

static void what_is_no_ledger_is_refused(void **state)
{
	struct kit *k = *state;
	const char text[] = "These are my notes, and they are long enough to be read as the header of a"
			    " database file, which takes a hundred bytes and a few more.";

	assert_int_equal(file_write_atomic(k->path, text, sizeof(text), 0600), 0);
	refuse(k, LEDGER_FOREIGN, "no SQLite file");
	unlink(k->path);

	close(open(k->path, O_CREAT | O_WRONLY, 0600));
	kit_exec(k, "CREATE TABLE t (x)");
	refuse(k, LEDGER_FOREIGN, "another program's");
	unlink(k->path);

	assert_int_equal(mkdir(k->path, 0700), 0);
	refuse(k, LEDGER_FOREIGN, "not even a file");
}

static void a_link_to_nowhere_is_not_followed(void **state)
{
	struct kit *k = *state;
	char *victim = path_join(k->dir, "victim");

	assert_int_equal(symlink(victim, k->path), 0);
	assert_null(kit_try(k, LEDGER_WRITE));
	CHECK_INT(access(victim, F_OK), -1);
	free(victim);
}

static void a_newer_ledger_is_refused(void **state)
{
	struct kit *k = *state;

	kit_open(k, LEDGER_WRITE);
	kit_shut(k);
	kit_exec(k, "PRAGMA user_version = 700");
	refuse(k, LEDGER_NEWER, version_text("has version 700, this program knows %d", 0));
}

/* What a later version would bring along. */
static struct ledger *open_with(struct kit *k, const char *third, enum ledger_mode mode)
{
	enum { ROOM = 100 };
	struct schema_upgrade up[ROOM];
	const struct ledger_options o = {.mode = mode};
	size_t n = schema_n_upgrades;

	CHECK(n < ROOM);
	memcpy(up, schema_upgrades, n * sizeof(*up));
	up[n] = (struct schema_upgrade){(int)n + 1, third, NULL};
	return ledger_open_as(k->path, &o, up, n + 1, &k->err);
}

static void an_older_ledger_is_copied_and_upgraded(void **state)
{
	struct kit *k = *state;
	struct kit copy = {0};
	struct stat st;

	kit_open(k, LEDGER_WRITE);
	kit_whole_run(k, 1, "all", 3);
	kit_shut(k);

	assert_null(open_with(k, "ALTER TABLE runs ADD COLUMN mood TEXT", LEDGER_READ));
	CHECK_INT(k->err.fault, LEDGER_OLDER);

	k->l = open_with(k, "ALTER TABLE runs ADD COLUMN mood TEXT", LEDGER_WRITE);
	assert_non_null(k->l);
	CHECK_STR(kit_ask(k, "SELECT count(mood) FROM runs"), "0");
	CHECK_STR(kit_ask(k, "PRAGMA user_version"), version_text("%d", 1));
	kit_whole_run(k, 2, "all", 1);
	kit_sound(k);

	copy.path = xasprintf("%s.v%d", k->path, (int)schema_n_upgrades);
	assert_int_equal(stat(copy.path, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0600);
	CHECK_STR(kit_ask(&copy, "PRAGMA user_version"), version_text("%d", 0));
	CHECK_STR(kit_ask(&copy, "SELECT count(*) FROM runs"), "1");
	CHECK_STR(kit_ask(&copy, "SELECT count(*) FROM v_steps"), "3");
	free(copy.path);
}

static void a_failed_upgrade_changes_nothing_and_can_be_tried_again(void **state)
{
	struct kit *k = *state;
	char *second = xasprintf("%s.v%d.2", k->path, (int)schema_n_upgrades);

	kit_open(k, LEDGER_WRITE);
	kit_whole_run(k, 1, "all", 3);
	kit_shut(k);
	assert_null(open_with(k, "CREATE TABLE mood (x); ALTER TABLE nothing ADD COLUMN x", LEDGER_WRITE));
	CHECK_STR(kit_ask(k, "PRAGMA user_version"), version_text("%d", 0));
	CHECK_STR(kit_ask(k, "SELECT count(*) FROM sqlite_schema WHERE name = 'mood'"), "0");

	k->l = open_with(k, "CREATE TABLE mood (x)", LEDGER_WRITE);
	assert_non_null(k->l);
	CHECK_STR(kit_ask(k, "PRAGMA user_version"), version_text("%d", 1));
	CHECK_INT(access(second, F_OK), 0); /* the first copy was not written over */
	free(second);
}

/* A ledger as version n made it, with a run in it that goes on. */
static void made_by_version(struct kit *k, size_t n)
{
	kit_open(k, LEDGER_WRITE);
	kit_whole_run(k, 1, "all", 2);
	kit_steps(k, kit_run(k, 2, "all"), 2);
	kit_commit(k);
	kit_shut(k);
	kit_as_version(k, n);
	CHECK_STR(kit_ask(k, "PRAGMA user_version"), n > 1 ? "2" : "1");
	CHECK_STR(kit_ask(k, "SELECT count(*) FROM sqlite_schema WHERE name = 'v_remaining'"), "0");
}

static bool keep_number(void *ctx, size_t n, const struct ledger_value *v)
{
	CHECK_INT(n, 1);
	*(int64_t *)ctx = v[0].integer;
	return true;
}

static void a_reader_has_the_new_views_of_an_older_ledger(void **state)
{
	static const enum ledger_mode modes[] = {LEDGER_READ, LEDGER_LOOK};
	struct kit *k = *state;

	made_by_version(k, 2);
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		int64_t n = 0;

		kit_open(k, modes[i]);
		CHECK(ledger_sql(k->l, &(struct ledger_query){.sql = "SELECT steps FROM v_remaining"}, NULL,
				 keep_number, &n));
		CHECK_INT(n, 2);
		CHECK(ledger_sql(k->l, &(struct ledger_query){.sql = "SELECT weighted_percent FROM v_progress LIMIT 1"},
				 NULL, keep_number, &n));
		CHECK_INT(n, 100);
		CHECK(!ledger_sql(k->l, &(struct ledger_query){.sql = "DELETE FROM runs"}, NULL, keep_number, &n));
	}
	CHECK_STR(kit_ask(k, "PRAGMA user_version"), "2");
	CHECK_STR(kit_ask(k, "SELECT count(*) FROM sqlite_schema WHERE name = 'v_remaining'"), "0");
}

static void a_reader_cannot_make_up_for_missing_columns(void **state)
{
	struct kit *k = *state;

	made_by_version(k, 1);
	assert_null(kit_try(k, LEDGER_READ));
	CHECK_INT(k->err.fault, LEDGER_OLDER);
}

static void a_ledger_of_the_first_version_is_upgraded_by_writing(void **state)
{
	struct kit *k = *state;

	made_by_version(k, 1);
	kit_open(k, LEDGER_WRITE);
	k->seq = 0;
	kit_whole_run(k, 3, "all", 2);
	CHECK_STR(kit_ask(k, "PRAGMA user_version"), version_text("%d", 0));
	CHECK_STR(kit_ask(k, "SELECT group_concat(weighted_percent, ' ') FROM v_progress"), "100 0 100");
	kit_sound(k);
}

static bool keep_fingerprint(void *ctx, const struct ledger_step_row *r)
{
	buf_addf(ctx, "%s=%s ", r->name, r->fingerprint ? r->fingerprint : "-");
	return true;
}

static void fingerprints_are(struct kit *k, const char *want)
{
	struct buf text = BUF_INIT;

	CHECK(ledger_steps(k->l, 1, NULL, keep_fingerprint, &text));
	CHECK_STR(text.data, want);
	buf_release(&text);
}

#define FINGERPRINTS "SELECT group_concat(coalesce(fingerprint, '-'), ', ') FROM (SELECT * FROM v_steps ORDER BY number)"

/* What a step was made from: a success on record, else what its last attempt of which that is known was to start from. */
static void a_mark_is_the_step_s_fingerprint_until_a_success_has_one(void **state)
{
	struct kit *k = *state;
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	run = kit_run(k, 1, "all");
	kit_steps(k, run, 4);
	ledger_attempt_intent(k->l, run, 1, 0, 1, "first");
	ledger_attempt_intent(k->l, run, 2, 0, 2, NULL);
	ledger_attempt_intent(k->l, run, 3, 1, 1, NULL);
	ledger_attempt_mark(k->l, run, 3, "late");
	ledger_step_mark(k->l, run, 2, "asked");
	kit_commit(k);
	CHECK_STR(kit_ask(k, FINGERPRINTS), "first, late, asked, -");
	fingerprints_are(k, "all/s0=first all/s1=late all/s2=asked all/s3=- ");
	ledger_attempt_intent(k->l, run, 4, 0, 3, "third");
	ledger_step_fingerprint(k->l, run, 1, "record", KIT_TIME);
	kit_commit(k);
	CHECK_STR(kit_ask(k, FINGERPRINTS), "third, record, asked, -");
	fingerprints_are(k, "all/s0=third all/s1=record all/s2=asked all/s3=- ");
}

static void a_mark_is_known_before_the_start_or_not_at_all(void **state)
{
	struct kit *k = *state;
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	run = kit_run(k, 1, "all");
	kit_steps(k, run, 1);
	kit_start(k, run, 0, 1, 1);
	kit_commit(k);
	ledger_attempt_mark(k->l, run, 1, "late");
	CHECK(!ledger_commit(k->l));
	CHECK_INT(ledger_error(k->l)->fault, LEDGER_BROKEN);
}

static void a_ledger_with_its_marks_in_steps_is_read_and_upgraded(void **state)
{
	static const enum ledger_mode modes[] = {LEDGER_READ, LEDGER_LOOK, LEDGER_WRITE};
	struct kit *k = *state;
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	run = kit_run(k, 1, "all");
	kit_steps(k, run, 2);
	ledger_step_mark(k->l, run, 0, "old");
	ledger_attempt_intent(k->l, run, 1, 0, 1, NULL);
	kit_commit(k);
	kit_shut(k);
	kit_as_version(k, 8);
	CHECK_STR(kit_ask(k, "SELECT count(*) FROM pragma_table_info('attempts') WHERE name = 'mark'"), "0");
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		kit_open(k, modes[i]);
		fingerprints_are(k, "all/s0=old all/s1=- ");
	}
	CHECK_STR(kit_ask(k, "PRAGMA user_version"), version_text("%d", 0));
	ledger_attempt_intent(k->l, run, 2, 1, 1, "new");
	kit_commit(k);
	CHECK_STR(kit_ask(k, FINGERPRINTS), "old, new");
}

/* --- runs that begin only on what they were decided on ---------------------------------------------------- */

static struct ledger_run another(unsigned n, char *id)
{
	return (struct ledger_run){.id = kit_id(n, id), .target = "all", .boot_id = "b00t", .wall_ms = KIT_TIME};
}

static void one_run_goes_on_with_another_and_no_second(void **state)
{
	char first[ULID_LEN + 1], id[ULID_LEN + 1];
	struct kit *k = *state;
	struct ledger_run r;

	kit_open(k, LEDGER_WRITE);
	kit_whole_run(k, 1, "all", 1);
	kit_id(1, first);
	r = another(2, id);
	r.resumes = first;
	CHECK_INT(ledger_run_begin(k->l, &r), 2);
	r = another(3, id);
	r.resumes = first;
	CHECK_INT(ledger_run_begin(k->l, &r), -1);
	CHECK_INT(ledger_error(k->l)->fault, LEDGER_MOVED);
	CHECK_INT(ledger_pending(k->l), 0);
	CHECK_STR(kit_ask(k, "SELECT count(*) FROM runs"), "2");
	kit_id(2, first);
	CHECK_INT(ledger_run_begin(k->l, &r), 3);
	kit_sound(k);
}

static void a_run_begins_only_on_the_newest_that_was_seen(void **state)
{
	char id[ULID_LEN + 1];
	struct kit *k = *state;
	struct ledger_run r = another(1, id);

	kit_open(k, LEDGER_WRITE);
	r.on_newest = true;
	r.plan = "beef";
	CHECK_INT(ledger_run_begin(k->l, &r), 1);
	CHECK_STR(kit_ask(k, "SELECT plan FROM v_applied"), "beef");
	r = another(2, id);
	r.on_newest = true;
	r.plan = "cafe";
	CHECK_INT(ledger_run_begin(k->l, &r), -1);
	CHECK_INT(ledger_error(k->l)->fault, LEDGER_MOVED);
	CHECK_STR(kit_ask(k, "SELECT group_concat(plan) FROM v_applied"), "beef");
	r.newest = 1;
	CHECK_INT(ledger_run_begin(k->l, &r), 2);
	CHECK_STR(kit_ask(k, "SELECT group_concat(plan) FROM v_applied"), "beef,cafe");
	kit_sound(k);
}

static void words_are_found_whatever_their_numbers(void **state)
{
	struct kit *k = *state;

	kit_open(k, LEDGER_WRITE);
	kit_shut(k);
	/* As a version with other lists would have made it: one word less, the others moved. */
	kit_exec(k, "DELETE FROM states WHERE word = 'lost'; UPDATE states SET no = no + 100;"
		    "UPDATE reasons SET no = 1000 - no; DELETE FROM event_kinds WHERE no > 3");
	kit_open(k, LEDGER_WRITE);
	kit_whole_run(k, 1, "all", 1);
	CHECK_STR(kit_ask(k, "SELECT state || reason FROM v_steps"), "succeededexit");
	CHECK_STR(kit_ask(k, "SELECT event FROM v_events WHERE seq = 2"), "step_succeeded");
	CHECK_STR(kit_ask(k, "SELECT no > 100 FROM states WHERE word = 'lost'"), "1");
	kit_sound(k);
}

/* --- the queue -------------------------------------------------------------------------------------- */

static void nothing_is_written_before_the_commit(void **state)
{
	struct kit *k = *state;
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	run = kit_run(k, 1, "all");
	CHECK_INT(ledger_pending(k->l), 0);
	CHECK_INT(ledger_pending_since(k->l), 0);
	kit_steps(k, run, 10);
	CHECK(ledger_pending(k->l) > 10);
	CHECK(ledger_pending_since(k->l) > 0);
	CHECK_STR(kit_ask(k, "SELECT count(*) FROM steps"), "0");
	kit_commit(k);
	CHECK_INT(ledger_pending(k->l), 0);
	CHECK_STR(kit_ask(k, "SELECT count(*) FROM steps"), "10");
	ledger_run_progress(k->l, run, &(struct ledger_counts){.total = 10});
	ledger_drop(k->l);
	CHECK_INT(ledger_pending(k->l), 0);
	kit_commit(k);
	CHECK_STR(kit_ask(k, "SELECT total FROM runs"), "0");
}

static void slots_may_change_while_a_run_goes_on(void **state)
{
	struct kit *k = *state;
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	run = kit_run(k, 1, "all");
	ledger_run_slots(k->l, run, 7);
	kit_commit(k);
	CHECK_STR(kit_ask(k, "SELECT slots FROM v_runs"), "7");
	ledger_run_slots(k->l, run, 1);
	kit_commit(k);
	CHECK_STR(kit_ask(k, "SELECT slots FROM v_runs"), "1");
}

static void a_whole_run_is_there(void **state)
{
	struct kit *k = *state;
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	run = kit_run(k, 1, "all");
	kit_steps(k, run, 2);
	ledger_job(k->l, run, &(struct ledger_job){.group = 0, .parent = GROUP_NONE, .name = "all", .kind = "job"});
	kit_do(k, run, 0, 1, STATE_SUCCEEDED, 1500);
	kit_do(k, run, 1, 2, STATE_FAILED, 2500);
	ledger_job_finished(k->l, run, 0,
			    &(struct ledger_job_end){.state = STATE_FAILED, .reason = REASON_NEED_FAILED,
						     .cause = "s1", .wall_ms = KIT_TIME, .duration_ms = 9,
						     .total = 2, .succeeded = 1, .failed = 1});
	kit_finish(k, run, STATE_FAILED, 1, 1);
	kit_commit(k);

	CHECK_STR(kit_ask(k, "SELECT run || state || exit_code || total || start_time FROM v_runs"),
		  "01KTRXN0000000000000000001failed122026-01-02T03:04:06.678Z");
	CHECK_STR(kit_ask(k, "SELECT group_concat(step || ' ' || state || ' ' || exit_code) FROM v_steps"),
		  "all/s0 succeeded 0,all/s1 failed 3");
	CHECK_STR(kit_ask(k, "SELECT duration_ms || command || timeout_ms || policy || provides FROM v_attempts"),
		  "1.5echo hi60000abort[\"x\"]");
	CHECK_STR(kit_ask(k, "SELECT group_concat(seq || event || coalesce(step, '-')) FROM v_events"),
		  "1step_startedall/s0,2step_succeededall/s0,3step_startedall/s1,4step_failedall/s1,5run_completed-");
	CHECK_STR(kit_ask(k, "SELECT job || state || cause || failed FROM v_jobs"), "allfaileds11");
	CHECK_STR(kit_ask(k, "SELECT step || log FROM v_failures"), "all/s1logs/s.log");
	CHECK_STR(kit_ask(k, "SELECT plan || format || runs || json FROM v_plans"), "allnative1{\"jobs\":{}}");
	CHECK_STR(kit_ask(k, "SELECT percent || state FROM v_progress"), "100failed");
	CHECK_STR(kit_ask(k, "SELECT count(*) FROM v_active_runs"), "0");
	kit_sound(k);
}

static void the_monitor_sees_what_runs(void **state)
{
	struct kit *k = *state;
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	kit_whole_run(k, 1, "all", 2);
	run = kit_run(k, 2, "all");
	kit_steps(k, run, 2);
	kit_start(k, run, 0, 1, 1);
	ledger_run_progress(k->l, run, &(struct ledger_counts){.total = 4, .settled = 3, .running = 1});
	kit_commit(k);
	CHECK_STR(kit_ask(k, "SELECT run || state || percent || pid || (elapsed_ms > 0) FROM v_active_runs"),
		  "01KTRXN0000000000000000002running7547111");
	CHECK_STR(kit_ask(k, "SELECT step || attempt || timeout_ms || expected_ms || command || (elapsed_ms > 0)"
			     " FROM v_current_steps"),
		  "all/s01600001.0echo hi1");
	CHECK_STR(kit_ask(k, "SELECT begin_ms || coalesce(end_ms, '-') || state FROM v_timeline"
			     " ORDER BY run DESC LIMIT 1"),
		  "-2000-running");
}

static void progress_is_weighted_and_the_rest_is_foretold(void **state)
{
	struct kit *k = *state;
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	run = kit_run(k, 1, "all");
	kit_steps(k, run, 3);
	kit_commit(k);
	CHECK_STR(kit_ask(k, "SELECT percent || coalesce(weighted_percent, '?') FROM v_progress"), "0?");
	CHECK_STR(kit_ask(k, "SELECT steps || ' ' || unknown || ' ' || coalesce(eta_ms, '?') FROM v_remaining"), "3 3 ?");
	kit_do(k, run, 0, 1, STATE_SUCCEEDED, 60000000); /* s0 takes a minute, s1 three, of s2 nobody knows */
	kit_do(k, run, 1, 2, STATE_SUCCEEDED, 180000000);
	kit_do(k, run, 2, 3, STATE_FAILED, 1000000);
	kit_finish(k, run, STATE_FAILED, 2, 1);
	kit_commit(k);
	CHECK_STR(kit_ask(k, "SELECT weighted_percent FROM v_progress"), "100");
	CHECK_STR(kit_ask(k, "SELECT count(*) FROM v_remaining"), "0");

	run = kit_run(k, 2, "all");
	kit_steps(k, run, 2);
	kit_do(k, run, 0, 1, STATE_SUCCEEDED, 60000000);
	ledger_run_progress(k->l, run, &(struct ledger_counts){.total = 2, .settled = 1});
	kit_commit(k);
	CHECK_STR(kit_ask(k, "SELECT percent || ' ' || weighted_percent FROM v_progress WHERE state = 'running'"), "50 25");
	/* Two slots, but one step cannot be in both. */
	CHECK_STR(kit_ask(k, "SELECT work_ms || ' ' || longest_ms || ' ' || eta_ms FROM v_remaining"),
		  "180000 180000 180000");

	run = kit_run(k, 3, "all");
	kit_steps(k, run, 3);
	kit_commit(k);
	CHECK_STR(kit_ask(k, "SELECT work_ms || ' ' || unknown || ' ' || coalesce(eta_ms, '?') FROM v_remaining"
			     " ORDER BY run DESC LIMIT 1"),
		  "240000 1 ?");
}

static struct ledger_run run_of(unsigned n, char id[ULID_LEN + 1])
{
	return (struct ledger_run){.id = kit_id(n, id), .target = "all", .origin = "6bb4d7bfc9a81b4d1b1ccbb3b94fdfd5b4bd2d12fd0a1b9b07d4f7cd0b0e0b34",
				   .nonce = 1, .pid = 1, .slots = 1, .wall_ms = KIT_TIME, .mono_ns = 1};
}

static void a_definition_is_known_by_its_origin(void **state)
{
	struct kit *k = *state;
	char id[ULID_LEN + 1];
	struct ledger_run r = run_of(1, id);
	struct ledger_keep keep = {.since_ms = INT64_MAX};
	struct digest sha;
	size_t gone;

	kit_open(k, LEDGER_WRITE);
	CHECK(!ledger_definition_of(k->l, r.origin, &sha));
	r.definition = "{\"jobs\":{}}";
	CHECK(ledger_run_begin(k->l, &r) > 0);
	CHECK(ledger_definition_of(k->l, r.origin, &sha));
	CHECK_STR(kit_ask(k, "SELECT sha FROM definitions"), sha.hex);
	CHECK(!ledger_definition_of(k->l, sha.hex, &sha));
	kit_exec(k, "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;"
		    "INSERT INTO definition_origins (origin, sha) VALUES ('short', 'abc');"
		    "INSERT INTO definitions (sha, json) VALUES ('abc', '{}')");
	CHECK(!ledger_definition_of(k->l, "short", &sha));
	kit_exec(k, "DELETE FROM definition_origins WHERE origin = 'short'; DELETE FROM definitions WHERE sha = 'abc'");

	r = run_of(2, id);
	r.definition_sha = sha.hex;
	CHECK(ledger_run_begin(k->l, &r) > 0);
	CHECK_STR(kit_ask(k, "SELECT count(*) || ' ' || count(DISTINCT definition) FROM v_runs WHERE definition IS NOT NULL"), "2 1");

	/* The same origin with another text: the newest counts, as one of two versions has it. */
	r = run_of(3, id);
	r.definition = "{}";
	CHECK(ledger_run_begin(k->l, &r) > 0);
	CHECK(ledger_definition_of(k->l, r.origin, &sha));
	CHECK_STR(kit_ask(k, "SELECT json FROM definitions JOIN definition_origins USING (sha)"), "{}");
	kit_exec(k, "UPDATE runs SET end_wall_ms = 1, exit_code = 0, state = (SELECT no FROM states WHERE word = 'succeeded')");
	CHECK(kit_gc(k, &keep, &gone));
	CHECK_INT(gone, 3);
	CHECK(!ledger_definition_of(k->l, r.origin, &sha));
	CHECK_STR(kit_ask(k, "SELECT count(*) FROM definition_origins"), "0");
	kit_sound(k);
}

/* Removed by gc in the instant after it was found. */
static void a_definition_that_is_gone_is_no_run_s(void **state)
{
	struct kit *k = *state;
	char id[ULID_LEN + 1];
	struct ledger_run r = run_of(1, id);

	kit_open(k, LEDGER_WRITE);
	r.definition_sha = "6bb4d7bfc9a81b4d1b1ccbb3b94fdfd5b4bd2d12fd0a1b9b07d4f7cd0b0e0b34";
	CHECK_INT(ledger_run_begin(k->l, &r), -1);
	CHECK_INT(ledger_error(k->l)->fault, LEDGER_BROKEN);
	CHECK_INT(ledger_pending(k->l), 0);
	r.definition = "{}";
	CHECK(ledger_run_begin(k->l, &r) > 0);
	CHECK_STR(kit_ask(k, "SELECT count(*) FROM v_runs WHERE definition IS NOT NULL"), "1");
	kit_sound(k);
}

/* What has settled by the time it is known is one row, as if it had been added and then settled. */
static void a_step_may_come_settled(void **state)
{
	struct kit *k = *state;
	const struct ledger_step_end end = {.state = STATE_SUCCEEDED, .reason = REASON_FRESH, .exit_code = -1, .wall_ms = KIT_TIME,
					    .duration_ms = -1, .cause = "why", .result = "{}", .fingerprint = "f1"};
	const char *const all = "SELECT group_concat(quote(job) || critical || state || quote(reason) || quote(cause) || quote(error) ||"
				" quote(degraded) || quote(exit_code) || quote(signal) || quote(attempts) || quote(end_wall_ms) ||"
				" quote(duration_ms) || quote(result) || quote(fingerprint), '\n') FROM steps WHERE id & 1 = ";
	struct buf one = BUF_INIT, two = BUF_INIT;
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	run = kit_run(k, 1, "all");
	ledger_step(k->l, run, &(struct ledger_step){.unit = 0, .group = 1, .key = "a", .name = "a", .critical = true});
	ledger_step_settled(k->l, run, 0, &end);
	ledger_step(k->l, run, &(struct ledger_step){.unit = 1, .group = 1, .key = "b", .name = "b", .critical = true, .end = &end});
	kit_commit(k);
	buf_addf(&one, "%s0", all);
	buf_addf(&two, "%s1", all);
	{
		char *first = xstrdup(kit_ask(k, one.data));

		CHECK(strlen(first) > 20);
		CHECK_STR(kit_ask(k, two.data), first);
		free(first);
	}
	CHECK_STR(kit_ask(k, "SELECT group_concat(key || fingerprint || wall_ms) FROM fingerprints"),
		  "af11767323045678,bf11767323045678");
	buf_release(&one);
	buf_release(&two);
}

static void definitions_are_shared(void **state)
{
	struct kit *k = *state;

	kit_open(k, LEDGER_WRITE);
	kit_whole_run(k, 1, "all", 1);
	kit_whole_run(k, 2, "other", 1);
	CHECK_STR(kit_ask(k, "SELECT count(*) || max(runs) FROM v_plans"), "12");
}

static void a_step_is_the_same_thing_in_every_run(void **state)
{
	struct kit *k = *state;
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	kit_whole_run(k, 1, "all", 3);
	kit_whole_run(k, 2, "all", 3);
	CHECK_STR(kit_ask(k, "SELECT count(*) FROM instances"), "3");

	/* Called from elsewhere it has another name, and the same key. */
	run = kit_run(k, 3, "outer");
	ledger_step(k->l, run, &(struct ledger_step){.unit = 0, .group = GROUP_NONE, .key = "all||s0", .name = "outer/all/s0"});
	ledger_step(k->l, run, &(struct ledger_step){.unit = 1, .group = GROUP_NONE, .key = "open", .name = "outer/x"});
	ledger_step_key(k->l, run, 1, "all||s1");
	ledger_step(k->l, run, &(struct ledger_step){.unit = 2, .group = GROUP_NONE, .key = "all||s2", .name = "two/s2"});
	kit_commit(k);
	CHECK_STR(kit_ask(k, "SELECT group_concat(step || ' ' || key, ', ') FROM v_steps WHERE run LIKE '%3'"),
		  "outer/all/s0 all||s0, outer/x all||s1, two/s2 all||s2");

	/* A key nobody had before. */
	ledger_step_key(k->l, run, 1, "new");
	kit_commit(k);
	CHECK_STR(kit_ask(k, "SELECT step || ' ' || key FROM v_steps WHERE key = 'new'"), "outer/x new");
}

/* --- what must not be ---------------------------------------------------------------------------------- */

static void refuse_commit(struct kit *k)
{
	CHECK(!ledger_commit(k->l));
	CHECK_INT(ledger_error(k->l)->fault, LEDGER_BROKEN);
	CHECK(ledger_pending(k->l) > 0);
	ledger_drop(k->l);
}

static void what_changes_no_row_is_an_error_and_undoes_its_commit(void **state)
{
	struct kit *k = *state;
	const struct ledger_attempt_end end = kit_end(STATE_SUCCEEDED, 1);
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	run = kit_run(k, 1, "all");
	kit_steps(k, run, 1);
	kit_commit(k);

	kit_event(k, run, EVENT_RUN_STARTED, UNIT_NONE, STATE_RUNNING);
	kit_settle(k, run, 77, 0, STATE_BLOCKED); /* no such step */
	refuse_commit(k);
	CHECK_STR(kit_ask(k, "SELECT count(*) FROM events"), "0");

	ledger_attempt_started(k->l, run, 1, &(struct ledger_attempt_start){.wall_ms = 1}); /* no intent */
	refuse_commit(k);

	k->seq = 0;
	kit_do(k, run, 0, 1, STATE_SUCCEEDED, 1);
	kit_commit(k);
	ledger_attempt_ended(k->l, run, 1, &end); /* a second end */
	refuse_commit(k);
	kit_settle(k, run, 0, 1, STATE_FAILED); /* it has settled */
	refuse_commit(k);
	ledger_attempt_unused(k->l, run, 1);
	refuse_commit(k);
	ledger_step_state(k->l, run, 0, STATE_WAITING, REASON_NO_SLOT, NULL);
	refuse_commit(k);

	k->seq = 2;
	kit_finish(k, run, STATE_SUCCEEDED, 1, 0);
	kit_commit(k);
	ledger_run_started(k->l, run);
	refuse_commit(k);
	kit_sound(k);
}

static void a_run_needs_an_id_of_its_own(void **state)
{
	struct kit *k = *state;
	char id[ULID_LEN + 1];
	const struct ledger_run again = {.id = kit_id(1, id), .target = "x"}, short_id = {.id = "01", .target = "x"};

	kit_open(k, LEDGER_WRITE);
	kit_run(k, 1, "all");
	CHECK_INT(ledger_run_begin(k->l, &again), -1);
	CHECK_INT(ledger_run_begin(k->l, &short_id), -1);
	CHECK_INT(ledger_pending(k->l), 0);
	kit_run(k, 2, "all");
}

/* --- busy, full, read-only ------------------------------------------------------------------------------ */

static void a_busy_ledger_says_so_and_nothing_is_lost(void **state)
{
	struct kit *k = *state;
	const struct ledger_options o = {.mode = LEDGER_WRITE, .busy_ms = 1};
	sqlite3 *db;
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	kit_shut(k);
	k->l = ledger_open(k->path, &o, &k->err);
	run = kit_run(k, 1, "all");
	kit_steps(k, run, 5);
	assert_int_equal(sqlite3_open(k->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	CHECK(!ledger_commit(k->l));
	CHECK_INT(ledger_error(k->l)->fault, LEDGER_BUSY);
	CHECK(strstr(ledger_error(k->l)->text.data, "try again") != NULL);
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	kit_commit(k);
	CHECK_STR(kit_ask(k, "SELECT count(*) FROM steps"), "5");
}

enum { WRITERS = 8, RUNS_EACH = 4, STEPS_EACH = 20 };

static void write_runs(const char *path, unsigned writer)
{
	struct kit k = {.err = LEDGER_ERROR_INIT, .path = xstrdup(path)};

	k.l = kit_try(&k, LEDGER_WRITE);
	if (!k.l)
		_exit(1);
	for (unsigned i = 0; i < RUNS_EACH; i++) {
		int64_t run = kit_run(&k, 1 + writer * RUNS_EACH + i, "all");

		kit_steps(&k, run, STEPS_EACH);
		for (uint32_t s = 0; s < STEPS_EACH; s++) {
			kit_do(&k, run, s, s + 1, STATE_SUCCEEDED, 10);
			if (!ledger_commit(k.l))
				_exit(2);
		}
		kit_finish(&k, run, STATE_SUCCEEDED, STEPS_EACH, 0);
		if (!ledger_commit(k.l))
			_exit(3);
	}
	ledger_close(k.l);
	free(k.path);
	_exit(0);
}

/* Also makes it: only one of them can. */
static void eight_processes_write_at_once(void **state)
{
	struct kit *k = *state;
	char want[32];

	for (unsigned i = 0; i < WRITERS; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (!pid)
			write_runs(k->path, i);
	}
	for (int i = 0; i < WRITERS; i++) {
		int status;

		assert_true(wait(&status) > 0);
		CHECK_INT(status, 0);
	}
	kit_open(k, LEDGER_WRITE);
	snprintf(want, sizeof(want), "%d", WRITERS * RUNS_EACH * STEPS_EACH);
	CHECK_STR(kit_ask(k, "SELECT count(*) FROM attempts WHERE phase = 2"), want);
	kit_sound(k);
}

static void a_full_ledger_keeps_what_is_queued(void **state)
{
	struct kit *k = *state;
	long long pages;
	char sql[64];
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	run = kit_run(k, 1, "all");
	assert_int_equal(schema_integer(k->l->db, "PRAGMA page_count", &pages), 0);
	snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %lld", pages + 1);
	sqlite3_exec(k->l->db, sql, NULL, NULL, NULL);
	kit_steps(k, run, 5000);
	CHECK(!ledger_commit(k->l));
	CHECK_INT(ledger_error(k->l)->fault, LEDGER_FULL);
	CHECK(strstr(ledger_error(k->l)->text.data, "room on the disk") != NULL);
	CHECK_STR(kit_ask(k, "SELECT count(*) FROM steps"), "0");
	sqlite3_exec(k->l->db, "PRAGMA max_page_count = 1000000", NULL, NULL, NULL);
	kit_commit(k);
	CHECK_STR(kit_ask(k, "SELECT count(*) FROM steps"), "5000");
}

enum { SKIPPED = 77 };

static bool tell_kernel(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

/* Become the root of a namespace of our own. */
static bool own_namespace(void)
{
	char uid[32], gid[32];

	snprintf(uid, sizeof(uid), "0 %u 1", (unsigned)geteuid());
	snprintf(gid, sizeof(gid), "0 %u 1", (unsigned)getegid());
	if (!geteuid())
		return !unshare(CLONE_NEWNS);
	return !unshare(CLONE_NEWUSER | CLONE_NEWNS) && tell_kernel("/proc/self/setgroups", "deny") &&
	       tell_kernel("/proc/self/uid_map", uid) && tell_kernel("/proc/self/gid_map", gid);
}

/* A disk of 1 MiB that only this process sees. */
static void own_disk(const char *dir)
{
	if (!own_namespace() || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", dir, "tmpfs", 0, "size=1m"))
		_exit(SKIPPED);
}

static void fill_disk(const char *dir)
{
	char *name = path_join(dir, "ballast"), page[4096] = {0};
	int fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	while (write(fd, page, sizeof(page)) > 0)
		;
	close(fd);
	free(name);
}

static void write_on_a_full_disk(struct kit *k)
{
	struct stat st;
	char *reserve;
	int64_t run;

	own_disk(k->dir);
	k->l = kit_try(k, LEDGER_WRITE);
	if (!k->l)
		_exit(1);
	run = kit_run(k, 1, "all");
	kit_steps(k, run, 3);
	if (!ledger_commit(k->l))
		_exit(2);
	reserve = reserve_path(k->l);
	if (stat(reserve, &st) || st.st_size != 64 * 1024)
		_exit(3);
	fill_disk(k->dir);
	/* The outcomes still fit: the reserve is given up for them. */
	kit_do(k, run, 0, 1, STATE_SUCCEEDED, 1);
	if (!ledger_commit(k->l) || !stat(reserve, &st))
		_exit(4);
	/* In the end it is full all the same, and says so; what was written is sound. */
	kit_steps(k, run, 0);
	for (uint32_t i = 0; i < 20000; i++)
		kit_event(k, run, EVENT_STEP_OUTPUT, 1, STATE_RUNNING);
	if (ledger_commit(k->l) || ledger_error(k->l)->fault != LEDGER_FULL)
		_exit(5);
	ledger_close(k->l);
	free(reserve);
	if (strcmp(kit_ask(k, "PRAGMA integrity_check"), "ok") ||
	    strcmp(kit_ask(k, "SELECT count(*) FROM attempts WHERE phase = 2"), "1"))
		_exit(6);
	_exit(0);
}

static int outcome_of_child(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void the_reserve_lets_the_last_outcomes_be_written_to_a_full_disk(void **state)
{
	struct kit *k = *state;
	pid_t pid = fork();
	int rc;

	assert_true(pid >= 0);
	if (!pid)
		write_on_a_full_disk(k);
	rc = outcome_of_child(pid);
	if (rc == SKIPPED)
		SKIP_HERE(); /* no mounting here */
	CHECK_INT(rc, 0);
}

static void try_without_rights(struct kit *k)
{
	if (!geteuid() && setresuid(65534, 65534, 65534))
		_exit(SKIPPED);
	if (kit_try(k, LEDGER_WRITE))
		_exit(1);
	_exit(k->err.fault == LEDGER_READ_ONLY ? 0 : 2);
}

static void without_rights_it_is_said_which(void **state)
{
	struct kit *k = *state;
	pid_t pid;
	int rc;

	kit_open(k, LEDGER_WRITE);
	kit_shut(k);
	chmod(k->path, 0444);
	chmod(k->dir, 0555);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		try_without_rights(k);
	rc = outcome_of_child(pid);
	chmod(k->dir, 0700);
	if (rc == SKIPPED)
		SKIP_HERE();
	CHECK_INT(rc, 0);
}

/* --- closing ------------------------------------------------------------------------------------------ */

static int64_t wal_size(const struct kit *k)
{
	char *name = xasprintf("%s-wal", k->path);
	struct stat st;
	int64_t size = stat(name, &st) ? -1 : (int64_t)st.st_size;

	free(name);
	return size;
}

static void a_short_run_leaves_its_log_and_a_long_one_brings_it_home(void **state)
{
	struct kit *k = *state;
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	kit_whole_run(k, 1, "all", 1);
	kit_shut(k);
	CHECK(wal_size(k) > 0);
	kit_open(k, LEDGER_WRITE);
	run = kit_run(k, 2, "all");
	kit_steps(k, run, 60000);
	kit_commit(k);
	kit_shut(k);
	CHECK_INT(wal_size(k), 0);
	CHECK_STR(kit_ask(k, "SELECT count(*) FROM steps"), "60001");
}

/* --- breakers, approvals, fingerprints ------------------------------------------------------------------ */

static void ask(struct kit *k, int64_t at_ms, bool want)
{
	bool may;

	if (!ledger_breaker_ask(k->l, "api", at_ms, &may))
		fail_msg("%s", ledger_error(k->l)->text.data);
	CHECK_INT(may, want);
}

static void a_breaker_opens_cools_down_and_lets_one_try(void **state)
{
	const struct ledger_breaker_rule rule = {.failures = 3, .window_ms = 1000, .cooldown_ms = 500};
	struct kit *k = *state;

	kit_open(k, LEDGER_WRITE);
	ask(k, 0, true);
	for (int64_t t = 100; t <= 2500; t += 1200) /* too far apart to count together */
		ledger_breaker_failed(k->l, "api", &rule, t);
	kit_commit(k);
	ask(k, 2501, true);
	ledger_breaker_failed(k->l, "api", &rule, 2510);
	kit_commit(k);
	ask(k, 2511, true);
	ledger_breaker_failed(k->l, "api", &rule, 2520);
	kit_commit(k);
	ask(k, 2530, false);
	ask(k, 3019, false);
	ask(k, 3020, true);  /* the one who tries */
	ask(k, 3021, false); /* the others wait for him */
	ledger_breaker_failed(k->l, "api", &rule, 3030);
	kit_commit(k);
	ask(k, 3529, false);
	ask(k, 3530, true);
	ledger_breaker_succeeded(k->l, "api", 3540);
	kit_commit(k);
	ask(k, 3541, true);
	ask(k, 3542, true);
	ledger_breaker_reset(k->l, "api");
	kit_commit(k);
	CHECK_STR(kit_ask(k, "SELECT count(*) FROM breakers"), "0");
}

static void a_breaker_of_one_failure_opens_at_once(void **state)
{
	const struct ledger_breaker_rule rule = {.failures = 1, .window_ms = 1000, .cooldown_ms = 500};
	struct kit *k = *state;

	kit_open(k, LEDGER_WRITE);
	ledger_breaker_failed(k->l, "api", &rule, 100);
	kit_commit(k);
	ask(k, 101, false);
}

static void the_first_approval_counts(void **state)
{
	struct kit *k = *state;
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	run = kit_run(k, 1, "all");
	kit_steps(k, run, 1);
	ledger_approval(k->l, run, 0, true, "ann", "looks good", 5);
	ledger_approval(k->l, run, 0, false, "bob", NULL, 6);
	kit_commit(k);
	CHECK_STR(kit_ask(k, "SELECT approved || by || note FROM approvals"), "1annlooks good");
}

static bool add_fingerprint(void *ctx, const struct ledger_fingerprint_row *r)
{
	buf_puts(ctx, r->fingerprint);
	return true;
}

static void fingerprint_is(struct kit *k, const char *want)
{
	struct buf b = BUF_INIT;

	CHECK(ledger_fingerprints(k->l, "all||s0", add_fingerprint, &b));
	CHECK_STR(b.data, want);
	buf_release(&b);
}

static void only_a_success_leaves_its_fingerprint(void **state)
{
	struct ledger_step_end e = {.state = STATE_FAILED, .exit_code = -1, .wall_ms = 1, .fingerprint = "f1"};
	struct kit *k = *state;
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	run = kit_run(k, 1, "all");
	kit_steps(k, run, 1);
	ledger_step_settled(k->l, run, 0, &e);
	kit_commit(k);
	fingerprint_is(k, "");
	run = kit_run(k, 2, "all");
	kit_steps(k, run, 1);
	e.state = STATE_SUCCEEDED;
	e.fingerprint = "f2";
	ledger_step_settled(k->l, run, 0, &e);
	kit_commit(k);
	fingerprint_is(k, "f2");
	ledger_step_fingerprint(k->l, run, 0, "f4", 8);
	kit_commit(k);
	fingerprint_is(k, "f4");
	CHECK_STR(kit_ask(k, "SELECT group_concat(fingerprint) FROM v_steps"), "f1,f4");
	ledger_fingerprint(k->l, "all||s0", "f3", 9);
	kit_commit(k);
	fingerprint_is(k, "f3");
	ledger_fingerprint(k->l, "all||s0", NULL, 9);
	kit_commit(k);
	fingerprint_is(k, "");
}

/* --- what is no ledger, and what does not fit ---------------------------------------------------------- */

static void what_lies_at_the_path_is_told_apart(void **state)
{
	static const struct {
		const char *sql;
		enum ledger_mode mode;
		enum ledger_fault fault;
	} row[] = {
		{"VACUUM", LEDGER_READ, LEDGER_MISSING},
		{"PRAGMA user_version = 5", LEDGER_READ, LEDGER_FOREIGN},
		{"PRAGMA user_version = 5", LEDGER_WRITE, LEDGER_FOREIGN},
		{"CREATE TABLE t (x)", LEDGER_WRITE, LEDGER_FOREIGN},
		{"PRAGMA application_id = 77", LEDGER_READ, LEDGER_FOREIGN},
		{"PRAGMA application_id = 0x6f726368", LEDGER_READ, LEDGER_OLDER}, /* ours, and nothing in it */
	};
	struct kit *k = *state;

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		FILE *f;

		kit_empty(k->dir);
		f = fopen(k->path, "w");
		CHECK(f && !fclose(f));
		kit_exec(k, row[i].sql);
		k->l = kit_try(k, row[i].mode);
		if (k->l || k->err.fault != row[i].fault)
			fail_msg("row %d: %s", (int)i, k->l ? "it was opened" : k->err.text.data);
	}
}

static void a_path_that_cannot_be_looked_at_is_said(void **state)
{
	struct kit *k = *state;
	const struct ledger_options o = {.mode = LEDGER_READ};
	char name[400];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	CHECK(!ledger_open(name, &o, &k->err)); /* ENAMETOOLONG */
	CHECK_INT(k->err.fault, LEDGER_READ_ONLY);
	CHECK(strstr(k->err.text.data, "cannot look at it") != NULL);
	CHECK(!ledger_open("/dev/null/ledger.db", &o, &k->err)); /* ENOTDIR */
	CHECK_INT(k->err.fault, LEDGER_MISSING);
}

/* SQLite would go on writing into a file that nobody finds again. */
static void a_ledger_that_is_taken_away_says_so(void **state)
{
	struct kit *k = *state;
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	run = kit_run(k, 1, "all");
	ledger_var(k->l, run, "v", "1");
	assert_int_equal(unlink(k->path), 0);
	CHECK(!ledger_commit(k->l));
	CHECK_INT(ledger_error(k->l)->fault, LEDGER_GONE);
	CHECK_INT(ledger_pending(k->l), 1);
}

static void a_wait_longer_than_sqlite_knows_is_its_longest(void **state)
{
	struct kit *k = *state;
	const struct ledger_options o = {.mode = LEDGER_WRITE, .busy_ms = INT64_MAX};
	long long ms;

	k->l = ledger_open(k->path, &o, &k->err);
	assert_non_null(k->l);
	assert_int_equal(schema_integer(k->l->db, "PRAGMA busy_timeout", &ms), SQLITE_OK);
	CHECK_INT(ms, INT32_MAX);
}

/* Two writers have found it too old: the second has nothing to do any more, and no copy to make. */
static void whoever_comes_second_to_an_upgrade_leaves_it(void **state)
{
	struct kit *k = *state;
	char *copy = xasprintf("%s.v%s", k->path, version_text("%d", 0));

	kit_open(k, LEDGER_WRITE);
	CHECK(ledger_upgrade(k->l, schema_upgrades, schema_n_upgrades));
	CHECK_INT(access(copy, F_OK), -1);
	free(copy);
}

static void where_every_name_for_a_copy_is_taken_nothing_is_upgraded(void **state)
{
	struct kit *k = *state;

	kit_open(k, LEDGER_WRITE);
	kit_shut(k);
	for (int i = 1; i < 1000; i++) {
		char *name = xasprintf(i == 1 ? "%s.v%s" : "%s.v%s.%d", k->path, version_text("%d", 0), i);

		close(open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
		free(name);
	}
	assert_null(open_with(k, "ALTER TABLE runs ADD COLUMN mood TEXT", LEDGER_WRITE));
	CHECK_INT(k->err.fault, LEDGER_READ_ONLY);
	CHECK(strstr(k->err.text.data, "cannot make a copy before upgrading it") != NULL);
	CHECK_STR(kit_ask(k, "PRAGMA user_version"), version_text("%d", 0));
}

static void a_text_that_is_too_long_stays_queued(void **state)
{
	struct kit *k = *state;
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	run = kit_run(k, 1, "all");
	sqlite3_limit(k->l->db, SQLITE_LIMIT_LENGTH, 100);
	ledger_var(k->l, run, "0123456789012345678901234567890123456789012345678901234567890123456789"
			      "0123456789012345678901234567890123456789", "v");
	CHECK(!ledger_commit(k->l));
	CHECK_INT(ledger_pending(k->l), 1);
	sqlite3_limit(k->l->db, SQLITE_LIMIT_LENGTH, 1000000);
	kit_commit(k);
	CHECK_STR(kit_ask(k, "SELECT length(name) FROM run_vars"), "110");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(what_lies_at_the_path_is_told_apart),
		KIT_TEST(a_path_that_cannot_be_looked_at_is_said),
		KIT_TEST(a_ledger_that_is_taken_away_says_so),
		KIT_TEST(a_wait_longer_than_sqlite_knows_is_its_longest),
		KIT_TEST(whoever_comes_second_to_an_upgrade_leaves_it),
		KIT_TEST(where_every_name_for_a_copy_is_taken_nothing_is_upgraded),
		KIT_TEST(a_text_that_is_too_long_stays_queued),
		KIT_TEST(a_new_ledger_is_private_and_complete),
		KIT_TEST(a_missing_ledger_is_not_made_by_reading),
		KIT_TEST(an_empty_file_becomes_a_ledger),
		KIT_TEST(what_is_no_ledger_is_refused),
		KIT_TEST(a_link_to_nowhere_is_not_followed),
		KIT_TEST(a_newer_ledger_is_refused),
		KIT_TEST(an_older_ledger_is_copied_and_upgraded),
		KIT_TEST(a_failed_upgrade_changes_nothing_and_can_be_tried_again),
		KIT_TEST(a_reader_has_the_new_views_of_an_older_ledger),
		KIT_TEST(a_reader_cannot_make_up_for_missing_columns),
		KIT_TEST(a_ledger_of_the_first_version_is_upgraded_by_writing),
		KIT_TEST(a_mark_is_the_step_s_fingerprint_until_a_success_has_one),
		KIT_TEST(a_mark_is_known_before_the_start_or_not_at_all),
		KIT_TEST(a_ledger_with_its_marks_in_steps_is_read_and_upgraded),
		KIT_TEST(one_run_goes_on_with_another_and_no_second),
		KIT_TEST(a_run_begins_only_on_the_newest_that_was_seen),
		KIT_TEST(words_are_found_whatever_their_numbers),
		KIT_TEST(nothing_is_written_before_the_commit),
		KIT_TEST(slots_may_change_while_a_run_goes_on),
		KIT_TEST(a_whole_run_is_there),
		KIT_TEST(the_monitor_sees_what_runs),
		KIT_TEST(progress_is_weighted_and_the_rest_is_foretold),
		KIT_TEST(definitions_are_shared),
		KIT_TEST(a_definition_is_known_by_its_origin),
		KIT_TEST(a_definition_that_is_gone_is_no_run_s),
		KIT_TEST(a_step_may_come_settled),
		KIT_TEST(a_step_is_the_same_thing_in_every_run),
		KIT_TEST(what_changes_no_row_is_an_error_and_undoes_its_commit),
		KIT_TEST(a_run_needs_an_id_of_its_own),
		KIT_TEST(a_busy_ledger_says_so_and_nothing_is_lost),
		KIT_TEST(eight_processes_write_at_once),
		KIT_TEST(a_full_ledger_keeps_what_is_queued),
		KIT_TEST(the_reserve_lets_the_last_outcomes_be_written_to_a_full_disk),
		KIT_TEST(without_rights_it_is_said_which),
		KIT_TEST(a_short_run_leaves_its_log_and_a_long_one_brings_it_home),
		KIT_TEST(a_breaker_opens_cools_down_and_lets_one_try),
		KIT_TEST(a_breaker_of_one_failure_opens_at_once),
		KIT_TEST(the_first_approval_counts),
		KIT_TEST(only_a_success_leaves_its_fingerprint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
