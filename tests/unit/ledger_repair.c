#include "ledger_kit.h"

static void remember_fault(void *ctx, const char *text)
{
	struct buf *b = ctx;

	buf_puts(b, text);
	buf_putc(b, '\n');
}

static void faults_are(struct kit *k, const char *want)
{
	struct buf b = BUF_INIT;
	size_t n, lines = 0;

	CHECK(ledger_fsck(k->l, remember_fault, &b, &n));
	CHECK_STR(b.data, want);
	for (const char *p = b.data; *p; p++)
		lines += *p == '\n';
	CHECK_INT(n, lines);
	buf_release(&b);
}

/* --- repair --------------------------------------------------------------------------------------------- */

static bool see_run(void *ctx, const struct ledger_run_row *r)
{
	buf_addf(ctx, "%lld %s %s %d\n", (long long)r->no, r->journal, r->boot_id, (int)r->pid);
	return true;
}

static void open_runs_are(struct kit *k, const char *want)
{
	struct buf b = BUF_INIT;

	CHECK(ledger_open_runs(k->l, see_run, &b));
	CHECK_STR(b.data, want);
	buf_release(&b);
}

static bool repair(struct kit *k, int64_t run, const struct ledger_outcome *o, size_t n)
{
	bool applied;

	if (!ledger_repair_run(k->l, run, o, n, KIT_TIME + 9000, &applied))
		fail_msg("%s", ledger_error(k->l)->text.data);
	return applied;
}

/* step 0 succeeded, 1 runs, 2 runs (second attempt), 3 has an intent, 4 nothing, 5 runs, 6 ended but was not settled */
static int64_t a_dead_run(struct kit *k, unsigned id)
{
	const struct ledger_attempt_end bad = kit_end(STATE_FAILED, 70), good = kit_end(STATE_SUCCEEDED, 80);
	int64_t run = kit_run(k, id, "all");

	kit_steps(k, run, 7);
	ledger_job(k->l, run, &(struct ledger_job){.group = 0, .parent = GROUP_NONE, .name = "all", .kind = "job"});
	kit_do(k, run, 0, 1, STATE_SUCCEEDED, 50);
	kit_start(k, run, 1, 2, 1);
	kit_start(k, run, 2, 3, 1);
	ledger_attempt_ended(k->l, run, 3, &bad);
	kit_start(k, run, 2, 4, 2);
	ledger_attempt_intent(k->l, run, 5, 3, 1, NULL);
	kit_start(k, run, 5, 6, 1);
	kit_start(k, run, 6, 7, 1);
	ledger_attempt_ended(k->l, run, 7, &good);
	kit_commit(k);
	return run;
}

static const struct ledger_outcome *the_journal_says(size_t *ret_n)
{
	static struct ledger_outcome o[3];

	/* Not in order: nobody promised that. */
	o[0] = (struct ledger_outcome){.serial = 6, .end = kit_end(STATE_INTERRUPTED, 60)};
	o[0].end.signal = 9;
	o[0].end.exit_code = -1;
	o[0].end.error = "killed with orchmake";
	o[1] = (struct ledger_outcome){.serial = 2, .end = kit_end(STATE_SUCCEEDED, 4000), .settles = true,
				       .result = "{\"x\":1}", .fingerprint = "f"};
	o[2] = (struct ledger_outcome){.serial = 4, .end = kit_end(STATE_FAILED, 90), .settles = true};
	o[2].end.error = "exit code 3";
	*ret_n = ARRAY_LEN(o);
	return o;
}

static void a_dead_run_ends_as_its_journal_says(void **state)
{
	struct kit *k = *state;
	const struct ledger_outcome *o;
	size_t n;
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	run = a_dead_run(k, 1);
	open_runs_are(k, "1 journal b00t 4711\n");
	o = the_journal_says(&n);
	CHECK(repair(k, run, o, n));
	CHECK_STR(kit_ask(k, "SELECT group_concat(number || ' ' || state || ' ' || reason, ', ') FROM v_steps"),
		  "0 succeeded exit, 1 succeeded exit, 2 failed exit, 3 aborted driver-died, 4 aborted driver-died,"
		  " 5 interrupted driver-died, 6 succeeded none");
	CHECK_STR(kit_ask(k, "SELECT group_concat(serial || ' ' || phase || ' ' || coalesce(state, '-'), ', ')"
			     " FROM v_attempts"),
		  "1 ended succeeded, 2 ended succeeded, 3 ended failed, 4 ended failed, 5 unused -,"
		  " 6 ended interrupted, 7 ended succeeded");
	CHECK_STR(kit_ask(k, "SELECT state || exit_code || ' ' || total || settled || succeeded || failed || skipped"
			     " FROM v_runs"), "interrupted137 77322");
	CHECK_STR(kit_ask(k, "SELECT result || fingerprint || duration_ms FROM v_steps WHERE number = 1"), "{\"x\":1}f4");
	CHECK_STR(kit_ask(k, "SELECT error FROM v_steps WHERE number = 2"), "exit code 3");
	CHECK_STR(kit_ask(k, "SELECT state || reason FROM v_jobs"), "interrupteddriver-died");
	CHECK_STR(kit_ask(k, "SELECT group_concat(seq || event || coalesce(step, ''), ' ') FROM v_events WHERE seq > 7"),
		  "8step_succeededall/s1 9step_failedall/s2 10step_blockedall/s3 11step_blockedall/s4"
		  " 12step_failedall/s5 13step_succeededall/s6 14run_interrupted");
	CHECK_STR(kit_ask(k, "SELECT last_ms FROM v_durations WHERE key = 'all||s1'"), "4.0");
	CHECK_STR(kit_ask(k, "SELECT fingerprint FROM fingerprints WHERE key = 'all||s1'"), "f");
	open_runs_are(k, "");
	kit_sound(k);
}

static char *dump(struct kit *k)
{
	struct buf b = BUF_INIT;
	static const char *const asks[] = {
		"SELECT group_concat(quote(id) || state || reason || quote(end_wall_ms)) FROM steps",
		"SELECT group_concat(id || phase || quote(state) || quote(end_wall_ms)) FROM attempts",
		"SELECT max(id) || count(*) FROM events", "SELECT sum(n) FROM durations",
		"SELECT group_concat(no || state || quote(end_wall_ms)) FROM runs",
	};

	for (size_t i = 0; i < ARRAY_LEN(asks); i++)
		buf_addf(&b, "%s\n", kit_ask(k, asks[i]));
	return buf_detach(&b);
}

static void repairing_twice_is_the_same_as_once(void **state)
{
	struct kit *k = *state;
	const struct ledger_outcome *o;
	char *once, *twice;
	size_t n;
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	run = a_dead_run(k, 1);
	o = the_journal_says(&n);
	CHECK(repair(k, run, o, n));
	once = dump(k);
	CHECK(!repair(k, run, o, n));
	CHECK(!repair(k, run, NULL, 0));
	CHECK(!repair(k, 99, NULL, 0));
	twice = dump(k);
	CHECK_STR(twice, once);
	free(once);
	free(twice);
}

static void what_nobody_saw_is_lost_and_the_others_are_left_alone(void **state)
{
	struct kit *k = *state;
	int64_t run, other;
	char *before, *after;

	kit_open(k, LEDGER_WRITE);
	run = a_dead_run(k, 1);
	other = kit_whole_run(k, 2, "all", 3);
	CHECK_INT(other, run + 1);
	before = xstrdup(kit_ask(k, "SELECT group_concat(id || state) FROM steps WHERE id >> 32 = 2"));
	CHECK(repair(k, run, NULL, 0));
	CHECK_STR(kit_ask(k, "SELECT group_concat(number || ' ' || state || ' ' || reason, ', ') FROM v_steps"
			     " WHERE run LIKE '%1'"),
		  "0 succeeded exit, 1 lost nobody-saw, 2 lost nobody-saw, 3 aborted driver-died,"
		  " 4 aborted driver-died, 5 lost nobody-saw, 6 succeeded none");
	after = xstrdup(kit_ask(k, "SELECT group_concat(id || state) FROM steps WHERE id >> 32 = 2"));
	CHECK_STR(after, before);
	kit_sound(k);
	free(before);
	free(after);
}

static void an_intent_that_had_begun_gets_its_start_from_the_journal(void **state)
{
	struct ledger_outcome o = {.serial = 1, .start_wall_ms = KIT_TIME + 5, .pid = 77, .settles = true};
	struct kit *k = *state;
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	run = kit_run(k, 1, "all");
	kit_steps(k, run, 1);
	ledger_attempt_intent(k->l, run, 1, 0, 1, NULL);
	kit_commit(k);
	o.end = kit_end(STATE_SUCCEEDED, 10);
	CHECK(repair(k, run, &o, 1));
	CHECK_STR(kit_ask(k, "SELECT state || pid || start_time FROM v_attempts"), "succeeded772026-01-02T03:04:05.683Z");
	kit_sound(k);
}

static void an_outcome_without_a_start_has_no_duration(void **state)
{
	struct ledger_outcome o = {.serial = 1, .settles = true};
	struct kit *k = *state;
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	run = kit_run(k, 1, "all");
	kit_steps(k, run, 1);
	ledger_attempt_intent(k->l, run, 1, 0, 1, NULL);
	kit_commit(k);
	o.end = kit_end(STATE_FAILED, -1);
	CHECK(repair(k, run, &o, 1));
	CHECK_STR(kit_ask(k, "SELECT state || ' ' || coalesce(duration_ms, 'unknown') FROM v_steps"), "failed unknown");
	kit_sound(k);
}

static void a_retry_that_was_due_is_interrupted(void **state)
{
	const struct ledger_attempt_end bad = kit_end(STATE_FAILED, 1);
	struct ledger_outcome o = {.serial = 2, .end = bad};
	struct kit *k = *state;
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	run = kit_run(k, 1, "all");
	kit_steps(k, run, 2);
	kit_start(k, run, 0, 1, 1);
	ledger_attempt_ended(k->l, run, 1, &bad);
	kit_start(k, run, 1, 2, 1);
	kit_commit(k);
	CHECK(repair(k, run, &o, 1));
	CHECK_STR(kit_ask(k, "SELECT group_concat(state || ' ' || exit_code) FROM v_steps"),
		  "interrupted 3,interrupted 3");
	kit_sound(k);
}

static void a_large_run_is_repaired_in_one_transaction(void **state)
{
	struct kit *k = *state;
	bool applied;
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	run = kit_run(k, 1, "all");
	kit_steps(k, run, 15000);
	kit_start(k, run, 14000, 1, 1);
	kit_commit(k);
	kit_exec(k, "CREATE UNIQUE INDEX in_the_way ON steps (end_wall_ms)");
	CHECK(!ledger_repair_run(k->l, run, NULL, 0, KIT_TIME + 9000, &applied));
	CHECK_STR(kit_ask(k, "SELECT count(*) FROM steps WHERE end_wall_ms IS NULL"), "15000");
	kit_exec(k, "DROP INDEX in_the_way");
	CHECK(repair(k, run, NULL, 0));
	CHECK_STR(kit_ask(k, "SELECT settled || ' ' || failed || ' ' || skipped FROM runs"), "15000 1 14999");
	kit_sound(k);
}

/* --- fsck ------------------------------------------------------------------------------------------------- */

struct mischief {
	const char *sql, *told;
};

static void every_fault_is_found(void **state)
{
	static const struct mischief mischief[] = {
		{"INSERT INTO definition_origins VALUES ('6bb4d7bfc9a81b4d1b1ccbb3b94fdfd5b4bd2d12fd0a1b9b07d4f7cd0b0e0b34', 'x')",
		 "the origin 6bb4d7bfc9a81b4d1b1ccbb3b94fdfd5b4bd2d12fd0a1b9b07d4f7cd0b0e0b34 is of a definition that is missing\n"},
		{"DELETE FROM run_texts", "run 01KTRXN0000000000000000001 has no texts\n"},
		{"UPDATE attempts SET phase = 1, state = NULL WHERE id & 4294967295 = 2",
		 "run 01KTRXN0000000000000000001 has ended, but attempt 2 has not\n"
		 "run 01KTRXN0000000000000000001: step number 1 succeeded, but no attempt of it did\n"
		 "run 01KTRXN0000000000000000001: step number 1 has settled, but an attempt of it runs\n"},
		{"UPDATE attempts SET state = (SELECT no FROM states WHERE word = 'waiting') WHERE id & 4294967295 = 1",
		 "run 01KTRXN0000000000000000001: attempt 1 has ended without a final state\n"
		 "run 01KTRXN0000000000000000001: step number 0 succeeded, but no attempt of it did\n"},
		{"UPDATE attempts SET step = step + 1 WHERE id & 4294967295 = 3",
		 "run 01KTRXN0000000000000000001: attempt 3 has no step\n"
		 "run 01KTRXN0000000000000000001: step number 2 succeeded, but no attempt of it did\n"},
		{"UPDATE attempts SET step = step - 1 WHERE id & 4294967295 = 2",
		 "run 01KTRXN0000000000000000001: step number 0 has attempt 1 twice\n"
		 "run 01KTRXN0000000000000000001: step number 1 succeeded, but no attempt of it did\n"},
		{"UPDATE attempts SET state = 99 WHERE id & 4294967295 = 1",
		 "run 01KTRXN0000000000000000001: attempt 1 has an unknown state or reason\n"
		 "run 01KTRXN0000000000000000001: attempt 1 has ended without a final state\n"
		 "run 01KTRXN0000000000000000001: step number 0 succeeded, but no attempt of it did\n"},
		{"UPDATE steps SET end_wall_ms = NULL WHERE id & 4294967295 = 1",
		 "run 01KTRXN0000000000000000001 has ended, but step all/s1 has not\n"
		 "run 01KTRXN0000000000000000001: step number 1 is succeeded without an end\n"
		 "run 01KTRXN0000000000000000001 counts 3 settled steps and has 2\n"},
		{"UPDATE steps SET state = (SELECT no FROM states WHERE word = 'pending') WHERE id & 4294967295 = 1",
		 "run 01KTRXN0000000000000000001: step number 1 has settled as pending\n"},
		{"UPDATE steps SET state = (SELECT no FROM states WHERE word = 'failed') WHERE id & 4294967295 = 1",
		 "run 01KTRXN0000000000000000001 succeeded, but critical step number 1 did not\n"},
		{"UPDATE steps SET instance = 77 WHERE id & 4294967295 = 1",
		 "run 01KTRXN0000000000000000001: step number 1 has no identity\n"},
		{"UPDATE runs SET total = 4", "run 01KTRXN0000000000000000001 counts 4 steps and has 3\n"},
		{"UPDATE runs SET skipped = 1",
		 "run 01KTRXN0000000000000000001 settled 3 steps, but 3 + 0 + 1 succeeded, failed and were skipped\n"},
		{"UPDATE runs SET end_wall_ms = NULL, exit_code = NULL",
		 "run 01KTRXN0000000000000000001 is succeeded without an end\n"},
		{"UPDATE runs SET state = 77", "run 01KTRXN0000000000000000001 has an unknown state: 77\n"},
		{"DELETE FROM events WHERE id & 4294967295 = 3",
		 "run 01KTRXN0000000000000000001 has 6 events numbered up to 7\n"},
		{"UPDATE events SET kind = 77 WHERE id & 4294967295 = 3",
		 "run 01KTRXN0000000000000000001: event 3 has an unknown word\n"},
		{"INSERT INTO states SELECT 50, word, final, ok, failure, '' FROM states WHERE no = 1",
		 "a word is there twice: pending\n"},
		{"INSERT INTO events SELECT 9 << 32 | 1, kind, wall_ms, mono_ns, NULL, NULL, state, reason, NULL, NULL,"
		 " NULL, NULL, NULL, NULL, NULL, 1 FROM events LIMIT 1", "events have no run: number 9\n"},
		{"UPDATE definitions SET json = '{}'",
		 "definition 6bb4d7bfc9a81b4d1b1ccbb3b94fdfd5b4bd2d12fd0a1b9b07d4f7cd0b0e0b34 is not"},
		{"DELETE FROM definitions", "a definition is missing for run number 1\n"},
		{"INSERT INTO durations (instance, n, d1) VALUES (99, 1, 1)",
		 "a duration has no identity: number 99\n"},
		{"INSERT INTO artifacts (step, name) VALUES (5, 'x')", "an artifact has no step: x\n"},
		{"ALTER TABLE artifacts RENAME TO ours; CREATE TABLE artifacts AS SELECT * FROM ours;"
		 "INSERT INTO artifacts (step) VALUES (5)", "a row that cannot be told\n"},
		{"UPDATE jobs SET end_wall_ms = NULL", "run 01KTRXN0000000000000000001 has ended, but job all has not\n"},
	};
	struct kit *k = *state;

	for (size_t i = 0; i < ARRAY_LEN(mischief); i++) {
		struct buf b = BUF_INIT;
		size_t n;
		int64_t run;

		kit_open(k, LEDGER_WRITE);
		run = kit_run(k, 1, "all");
		kit_steps(k, run, 3);
		ledger_job(k->l, run, &(struct ledger_job){.group = 0, .parent = GROUP_NONE, .name = "all", .kind = "job"});
		for (uint32_t s = 0; s < 3; s++)
			kit_do(k, run, s, s + 1, STATE_SUCCEEDED, 10);
		ledger_job_finished(k->l, run, 0, &(struct ledger_job_end){.state = STATE_SUCCEEDED, .wall_ms = 5});
		kit_finish(k, run, STATE_SUCCEEDED, 3, 0);
		kit_commit(k);
		kit_sound(k);
		kit_exec(k, mischief[i].sql);
		if (strstr(mischief[i].sql, "SET json")) {
			CHECK(ledger_fsck(k->l, remember_fault, &b, &n));
			CHECK_INT(n, 1);
			CHECK(strstr(b.data, "is not what its digest says\n") != NULL);
		} else {
			faults_are(k, mischief[i].told);
		}
		buf_release(&b);
		kit_shut(k);
		kit_empty(k->dir);
	}
}

static void a_thousand_faults_of_a_kind_are_counted_and_not_all_told(void **state)
{
	struct kit *k = *state;
	struct buf b = BUF_INIT;
	size_t n, lines = 0;
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	run = kit_run(k, 1, "all");
	kit_steps(k, run, 1000);
	kit_commit(k);
	kit_exec(k, "UPDATE steps SET instance = 0");
	CHECK(ledger_fsck(k->l, remember_fault, &b, &n));
	CHECK_INT(n, 1000);
	for (const char *p = b.data; *p; p++)
		lines += *p == '\n';
	CHECK_INT(lines, 21);
	buf_release(&b);
}

static void a_damaged_index_is_found(void **state)
{
	struct kit *k = *state;
	struct buf b = BUF_INIT;
	size_t n;

	kit_open(k, LEDGER_WRITE);
	kit_whole_run(k, 1, "all", 3);
	kit_shut(k);
	kit_exec(k, "PRAGMA writable_schema = ON;"
		    "UPDATE sqlite_schema SET sql = 'CREATE INDEX attempts_step ON attempts (number)'"
		    " WHERE name = 'attempts_step'");
	kit_open(k, LEDGER_WRITE);
	(void)ledger_fsck(k->l, remember_fault, &b, &n);
	CHECK(n > 0);
	CHECK(strstr(b.data, "attempts_step") != NULL);
	buf_release(&b);
}

/* --- gc --------------------------------------------------------------------------------------------------- */

struct old_runs {
	struct buf text;
	int64_t no[8];
	size_t n;
};

static bool note_old(void *ctx, const struct ledger_run_row *r)
{
	struct old_runs *o = ctx;

	buf_addf(&o->text, "%lld ", (long long)r->no);
	o->no[o->n++] = r->no;
	return true;
}

/* All but 3, which somebody wants. */
static size_t collect(struct kit *k, const struct ledger_keep *keep, const char *want)
{
	struct old_runs o = {.text = BUF_INIT};
	size_t n = 0;

	if (!ledger_old_runs(k->l, keep, note_old, &o))
		fail_msg("%s", ledger_error(k->l)->text.data);
	CHECK_STR(o.text.data, want);
	for (size_t i = 0; i < o.n; i++)
		if (o.no[i] != 3) {
			CHECK(ledger_forget(k->l, o.no[i]));
			n++;
		}
	CHECK(ledger_forget_definitions(k->l));
	buf_release(&o.text);
	return n;
}

static void old_runs_go_with_all_that_is_theirs(void **state)
{
	struct kit *k = *state;

	kit_open(k, LEDGER_WRITE);
	for (unsigned i = 1; i <= 6; i++)
		kit_whole_run(k, i, i % 2 ? "odd" : "even", 2);
	kit_run(k, 7, "odd"); /* is under way */
	ledger_var(k->l, 1, "a", "1");
	ledger_fragment(k->l, 1, 0, "[]");
	ledger_artifact(k->l, 1, 0, &(struct ledger_artifact){.name = "x", .size_bytes = -1});
	ledger_approval(k->l, 1, 0, true, NULL, NULL, 1);
	kit_commit(k);

	CHECK_INT(collect(k, &(struct ledger_keep){0}, ""), 0);
	/* 7 counts among the newest; 3 is told and kept. */
	CHECK_INT(collect(k, &(struct ledger_keep){.runs = 2}, "1 2 3 "), 2);
	CHECK_STR(kit_ask(k, "SELECT group_concat(no) FROM (SELECT no FROM runs ORDER BY no)"), "3,4,5,6,7");
	CHECK_STR(kit_ask(k, "SELECT count(*) FROM events WHERE id >> 32 < 3"), "0");
	CHECK_STR(kit_ask(k, "SELECT (SELECT count(*) FROM run_vars) + (SELECT count(*) FROM fragments)"
			     " + (SELECT count(*) FROM artifacts) + (SELECT count(*) FROM approvals)"), "0");
	CHECK_STR(kit_ask(k, "SELECT count(*) FROM durations"), "2");
	kit_sound(k);

	CHECK_INT(collect(k, &(struct ledger_keep){.since_ms = KIT_TIME + 6000}, "3 4 5 "), 2);
	CHECK_STR(kit_ask(k, "SELECT group_concat(no) FROM (SELECT no FROM runs ORDER BY no)"), "3,6,7");
	CHECK_INT(collect(k, &(struct ledger_keep){.runs = 1, .since_ms = KIT_TIME + 100000}, "3 "), 0);
	CHECK_STR(kit_ask(k, "SELECT count(*) FROM definitions"), "1");
	kit_sound(k);
}

/* What the last attempt of a step that was under way came to, and what the step then is. */
static void a_step_stands_where_its_last_attempt_does(void **state)
{
	static const struct {
		enum state ended;	/* in the ledger; PENDING: it runs, and the journal says the next */
		enum state outcome;
		const char *step, *event;
	} row[] = {
		{STATE_SUCCEEDED, STATE_PENDING, "succeeded", "step_succeeded"},
		{STATE_SKIPPED, STATE_PENDING, "skipped", "step_skipped"},
		{STATE_LOST, STATE_PENDING, "lost", "step_failed"},
		{STATE_FAILED, STATE_PENDING, "interrupted", "step_failed"},
		{STATE_PENDING, STATE_CANCELED, "canceled", "step_canceled"},
		{STATE_PENDING, STATE_SKIPPED, "skipped", "step_skipped"},
		{STATE_PENDING, STATE_FAILED, "failed", "step_failed"},
	};
	struct kit *k = *state;

	kit_open(k, LEDGER_WRITE);
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		const struct ledger_attempt_end e = kit_end(row[i].ended, -1);
		const struct ledger_outcome o = {.serial = 1, .end = kit_end(row[i].outcome, -1), .settles = true};
		int64_t run = kit_run(k, (unsigned)i + 1, "all");
		char sql[200];

		kit_steps(k, run, 1);
		kit_start(k, run, 0, 1, 1);
		if (row[i].ended != STATE_PENDING)
			ledger_attempt_ended(k->l, run, 1, &e);
		kit_commit(k);
		CHECK(repair(k, run, &o, row[i].ended == STATE_PENDING));
		snprintf(sql, sizeof(sql), "SELECT s.word FROM steps JOIN states s ON s.no = steps.state "
			 "WHERE steps.id >> 32 = %lld", (long long)run);
		CHECK_STR(kit_ask(k, sql), row[i].step);
		snprintf(sql, sizeof(sql), "SELECT w.word FROM events JOIN event_kinds w ON w.no = events.kind WHERE events.id >> 32 "
			 "= %lld AND w.word LIKE 'step%%' ORDER BY events.id DESC", (long long)run);
		CHECK_STR(kit_ask(k, sql), row[i].event);
	}
	kit_sound(k);
}

static void a_run_with_a_state_that_no_word_has_is_not_repaired(void **state)
{
	const struct ledger_attempt_end e = kit_end(STATE_FAILED, 5);
	struct kit *k = *state;
	bool applied;
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	run = kit_run(k, 1, "all");
	kit_steps(k, run, 1);
	kit_start(k, run, 0, 1, 1);
	ledger_attempt_ended(k->l, run, 1, &e);
	kit_commit(k);
	kit_exec(k, "UPDATE attempts SET state = 999");
	CHECK(!ledger_repair_run(k->l, run, NULL, 0, KIT_TIME, &applied));
	CHECK_INT(ledger_error(k->l)->fault, LEDGER_DAMAGED);
	CHECK_INT(ledger_pending(k->l), 0);
	CHECK_STR(kit_ask(k, "SELECT count(*) FROM runs WHERE end_wall_ms IS NULL"), "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(a_step_stands_where_its_last_attempt_does),
		KIT_TEST(a_run_with_a_state_that_no_word_has_is_not_repaired),
		KIT_TEST(a_dead_run_ends_as_its_journal_says),
		KIT_TEST(repairing_twice_is_the_same_as_once),
		KIT_TEST(what_nobody_saw_is_lost_and_the_others_are_left_alone),
		KIT_TEST(an_intent_that_had_begun_gets_its_start_from_the_journal),
		KIT_TEST(an_outcome_without_a_start_has_no_duration),
		KIT_TEST(a_retry_that_was_due_is_interrupted),
		KIT_TEST(a_large_run_is_repaired_in_one_transaction),
		KIT_TEST(every_fault_is_found),
		KIT_TEST(a_thousand_faults_of_a_kind_are_counted_and_not_all_told),
		KIT_TEST(a_damaged_index_is_found),
		KIT_TEST(old_runs_go_with_all_that_is_theirs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
