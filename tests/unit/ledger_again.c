/* A run that found what an earlier one had found: on record as that, and only while nothing has changed. */
#include "ledger_kit.h"

enum { STEPS = 3 };

/* A run of which every step is found up to date. */
static struct ledger_found_all earlier(struct kit *k, char id[ULID_LEN + 1])
{
	int64_t run = kit_run(k, 1, "all");
	struct ledger_found_all f = {.run = run, .id = kit_id(1, id)};

	kit_steps(k, run, STEPS);
	kit_event(k, run, EVENT_RUN_CREATED, UNIT_NONE, STATE_PENDING);
	for (uint32_t u = 0; u < STEPS; u++) {
		ledger_step_settled(k->l, run, u, &(struct ledger_step_end){
			.state = STATE_CACHED, .reason = REASON_FRESH, .exit_code = -1, .wall_ms = KIT_TIME, .duration_ms = -1});
		kit_event(k, run, EVENT_STEP_SUCCEEDED, u, STATE_CACHED);
	}
	ledger_job(k->l, run, &(struct ledger_job){.group = 0, .parent = GROUP_NONE, .name = "all", .job = "all", .kind = "job"});
	ledger_job_finished(k->l, run, 0, &(struct ledger_job_end){
		.state = STATE_SUCCEEDED, .reason = REASON_NONE, .result = xstrdup("{\"run_id\":\"01KTRXN0000000000000000001\"}"),
		.wall_ms = KIT_TIME, .total = STEPS, .succeeded = STEPS});
	kit_event(k, run, EVENT_RUN_COMPLETED, UNIT_NONE, STATE_SUCCEEDED);
	ledger_run_ended(k->l, run, &(struct ledger_run_end){
		.state = STATE_SUCCEEDED, .result = xstrdup("{\"run_id\":\"01KTRXN0000000000000000001\"}"), .wall_ms = KIT_TIME + 9,
		.duration_ms = 9, .n = {.total = STEPS, .settled = STEPS, .succeeded = STEPS}});
	kit_commit(k);
	f.freshness = ledger_freshness(k->l);
	return f;
}

static int64_t again(struct kit *k, const struct ledger_found_all *f, unsigned n)
{
	char id[ULID_LEN + 1];
	const struct ledger_run r = {
		.id = kit_id(n, id), .command = "orchmake", .journal = "journal 2", .nonce = 7, .log_dir = "logs 2",
		.boot_id = "b00t", .pid = 12, .pid_start = 13, .host = "h", .user = "u", .version = "v",
		.wall_ms = KIT_TIME + 5000, .mono_ns = 50,
	};

	return ledger_run_again(k->l, f, &r, 4);
}

static void it_has_all_rows_of_the_earlier_one(void **state)
{
	struct kit *k = *state;
	char id[ULID_LEN + 1];
	struct ledger_found_all f;

	kit_open(k, LEDGER_WRITE);
	f = earlier(k, id);
	CHECK_INT(again(k, &f, 2), f.run + 1);
	CHECK_INT(ledger_pending(k->l), 0);
	CHECK_STR(kit_ask(k, "SELECT target || ' ' || state || ' ' || duration_ms || ' ' || total || ' ' || succeeded || ' ' ||"
			     " command || ' ' || log_dir || ' ' || result || ' ' || start_time FROM v_runs WHERE no = 2"),
		  "all succeeded 4 3 3 orchmake logs 2 {\"run_id\":\"01KTRXN0000000000000000002\"} 2026-01-02T03:04:10.678Z");
	CHECK_STR(kit_ask(k, "SELECT group_concat(step || ' ' || state || ' ' || reason || ' ' || end_time, ', ') FROM v_steps"
			     " WHERE run = '01KTRXN0000000000000000002' AND number = 2"),
		  "all/s2 cached fresh 2026-01-02T03:04:10.682Z");
	CHECK_STR(kit_ask(k, "SELECT group_concat(event || ' ' || coalesce(step, '-') || ' ' || coalesce(duration_ms, '-'), ', ')"
			     " FROM (SELECT * FROM v_events WHERE run = '01KTRXN0000000000000000002' ORDER BY seq)"),
		  "run_created - -, step_succeeded all/s0 -, step_succeeded all/s1 -, step_succeeded all/s2 -, run_completed - 4");
	CHECK_STR(kit_ask(k, "SELECT job || ' ' || state || ' ' || result FROM v_jobs WHERE run = '01KTRXN0000000000000000002'"),
		  "all succeeded {\"run_id\":\"01KTRXN0000000000000000002\"}");
}

/* So often is it another number. */
static int64_t moves(struct kit *k)
{
	int64_t before = ledger_freshness(k->l);

	kit_commit(k);
	return ledger_freshness(k->l) - before;
}

static void freshness_moves_with_what_is_known_of_successes_alone(void **state)
{
	struct kit *k = *state;
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	run = kit_run(k, 1, "all");
	kit_steps(k, run, STEPS);
	CHECK_INT(moves(k), 0);
	ledger_fingerprint(k->l, "all||s0", "1 begun", KIT_TIME);
	ledger_fingerprint(k->l, "all||s1", "1 begun", KIT_TIME);
	CHECK_INT(moves(k), 1);
	ledger_step_fingerprint(k->l, run, 0, "1 a b c d", KIT_TIME);
	CHECK_INT(moves(k), 1);
	ledger_fingerprint(k->l, "all||s0", NULL, KIT_TIME);
	CHECK_INT(moves(k), 1);
	ledger_step_mark(k->l, run, 1, "mark");
	ledger_file(k->l, &(struct ledger_file){.path = "f"});
	CHECK_INT(moves(k), 0);
}

static void refused(struct kit *k, const struct ledger_found_all *f, const char *why)
{
	CHECK_INT(again(k, f, 3), -1);
	CHECK_INT(ledger_error(k->l)->fault, LEDGER_MOVED);
	if (!strstr(ledger_error(k->l)->text.data, why))
		fail_msg("%s", ledger_error(k->l)->text.data);
	CHECK(!ledger_still_finds(k->l, f));
	CHECK_INT(ledger_pending(k->l), 0);
	CHECK_STR(kit_ask(k, "SELECT count(*) FROM runs WHERE id = '01KTRXN0000000000000000003'"), "0");
}

static void it_is_refused_when_something_has_changed(void **state)
{
	struct kit *k = *state;
	char id[ULID_LEN + 1], other[ULID_LEN + 1];
	struct ledger_found_all f, wrong;

	kit_open(k, LEDGER_WRITE);
	f = earlier(k, id);
	CHECK(ledger_still_finds(k->l, &f));
	wrong = f;
	wrong.id = kit_id(9, other);
	refused(k, &wrong, "is not in it any more");
	wrong = f;
	wrong.run = 77;
	refused(k, &wrong, "is not in it any more");
	ledger_fingerprint(k->l, "all||s0", "1 begun", KIT_TIME);
	kit_commit(k);
	refused(k, &f, "a success has been recorded since");
	f.freshness = ledger_freshness(k->l);
	CHECK(ledger_still_finds(k->l, &f));
	CHECK(ledger_forget(k->l, f.run));
	refused(k, &f, "is not in it any more");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_has_all_rows_of_the_earlier_one),
		TEST(freshness_moves_with_what_is_known_of_successes_alone),
		TEST(it_is_refused_when_something_has_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
