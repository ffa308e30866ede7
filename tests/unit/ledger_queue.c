/* What the queue makes of operations before they are carried out: the ledger tells the same as if it had not. */
#include <stdlib.h>
#include <string.h>

#include "ledger/ledger_impl.h"
#include "ledger_kit.h"

#define ENDED "SELECT group_concat(attempt || ' ' || phase || ' ' || coalesce(state, '-') || ' ' || coalesce(pid, '-') || ' '" \
	      " || coalesce(command, '-') || ' ' || coalesce(log, '-') || ' ' || coalesce(error, '-') || ' '"                \
	      " || coalesce(exit_code, '-') || ' ' || coalesce(log_bytes, '-') || ' ' || (start_time IS NOT NULL), ', ')"  \
	      " FROM (SELECT * FROM v_attempts ORDER BY run, serial)"

static void start(struct kit *k, int64_t run, uint32_t serial, const char *command)
{
	ledger_attempt_intent(k->l, run, serial, 0, serial, NULL);
	ledger_attempt_started(k->l, run, serial, &(struct ledger_attempt_start){
		.wall_ms = KIT_TIME, .mono_ns = 1, .command = command, .log = "a.log", .policy = "abort"});
}

static void end(struct kit *k, int64_t run, uint32_t serial, enum state state, const char *error)
{
	struct ledger_attempt_end e = kit_end(state, 5);

	e.error = error;
	e.log_bytes = serial;
	ledger_attempt_ended(k->l, run, serial, &e);
}

static int64_t begin(struct kit *k)
{
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	run = kit_run(k, 1, "all");
	kit_steps(k, run, 1);
	kit_commit(k);
	return run;
}

static void start_and_end_in_one_transaction_are_one_row_change(void **state)
{
	struct kit *k = *state;
	int64_t run = begin(k), before;
	char *apart;

	start(k, run, 1, "one");
	start(k, run, 2, "two");
	kit_commit(k);
	before = sqlite3_total_changes64(k->l->db);
	end(k, run, 2, STATE_FAILED, "no");
	end(k, run, 1, STATE_SUCCEEDED, NULL);
	CHECK_INT(ledger_pending(k->l), 3); /* and a duration */
	kit_commit(k);
	CHECK_INT(sqlite3_total_changes64(k->l->db) - before, 3);
	apart = strdup(kit_ask(k, ENDED));
	kit_exec(k, "DELETE FROM attempts");

	start(k, run, 1, "one");
	start(k, run, 2, "two");
	before = sqlite3_total_changes64(k->l->db);
	end(k, run, 2, STATE_FAILED, "no");
	end(k, run, 1, STATE_SUCCEEDED, NULL);
	CHECK_INT(ledger_pending(k->l), 5);
	kit_commit(k);
	CHECK_INT(sqlite3_total_changes64(k->l->db) - before, 5);
	CHECK_STR(kit_ask(k, ENDED), apart);
	free(apart);
}

static void one_that_does_not_end_yet_stays_as_it_is(void **state)
{
	struct kit *k = *state;
	int64_t run = begin(k);

	start(k, run, 1, "one");
	start(k, run, 2, "two");
	end(k, run, 2, STATE_FAILED, NULL);
	kit_commit(k);
	CHECK_STR(kit_ask(k, ENDED), "1 running - - one a.log - - - 1, 2 ended failed - two a.log - 3 2 1");
	end(k, run, 1, STATE_FAILED, "late");
	kit_commit(k);
	CHECK_STR(kit_ask(k, ENDED), "1 ended failed - one a.log late 3 1 1, 2 ended failed - two a.log - 3 2 1");
}

/* Both have the same place in the table of those that are known. */
static void of_two_in_one_place_none_is_taken_for_the_other(void **state)
{
	struct kit *k = *state;
	int64_t run = begin(k);

	start(k, run, 1, "one");
	start(k, run, 1 + STARTS_KNOWN, "other");
	end(k, run, 1, STATE_FAILED, NULL);
	end(k, run, 1 + STARTS_KNOWN, STATE_FAILED, NULL);
	CHECK_INT(ledger_pending(k->l), 5);
	kit_commit(k);
	CHECK_STR(kit_ask(k, ENDED), "1 ended failed - one a.log - 3 1 1, 65 ended failed - other a.log - 3 65 1");
}

static void a_pid_finds_the_attempt_running(void **state)
{
	struct kit *k = *state;
	int64_t run = begin(k);

	start(k, run, 1, "one");
	ledger_attempt_pid(k->l, run, 1, 42);
	end(k, run, 1, STATE_FAILED, NULL);
	kit_commit(k);
	CHECK_STR(kit_ask(k, ENDED), "1 ended failed 42 one a.log - 3 1 1");
}

static void an_end_joins_a_start_whose_commit_failed(void **state)
{
	struct kit *k = *state;
	int64_t run = begin(k);
	sqlite3 *other;

	start(k, run, 1, "one");
	CHECK_INT(sqlite3_open(ledger_path(k->l), &other), SQLITE_OK);
	CHECK_INT(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_busy_timeout(k->l->db, 0);
	CHECK(!ledger_commit(k->l));
	end(k, run, 1, STATE_FAILED, NULL);
	CHECK(!ledger_commit(k->l)); /* neither does what was taken away harm a second try */
	CHECK_INT(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	CHECK_INT(sqlite3_close(other), SQLITE_OK);
	kit_commit(k);
	CHECK_STR(kit_ask(k, ENDED), "1 ended failed - one a.log - 3 1 1");
}

static void a_start_that_was_dropped_is_not_joined(void **state)
{
	struct kit *k = *state;
	int64_t run = begin(k);

	start(k, run, 1, "dropped");
	ledger_drop(k->l);
	ledger_attempt_intent(k->l, run, 1, 0, 1, NULL);
	end(k, run, 1, STATE_FAILED, NULL);
	kit_commit(k);
	CHECK_STR(kit_ask(k, ENDED), "1 ended failed - - - - 3 1 0");
}

/* A parameter that is NULL is not bound again, unless it was something else. */
static void nothing_is_left_of_the_row_before(void **state)
{
	struct kit *k = *state;
	int64_t run = begin(k);

	start(k, run, 1, "one");
	end(k, run, 1, STATE_FAILED, "first");
	start(k, run, 2, NULL);
	end(k, run, 2, STATE_FAILED, NULL);
	start(k, run, 3, "three");
	end(k, run, 3, STATE_FAILED, "third");
	kit_commit(k);
	CHECK_STR(kit_ask(k, ENDED), "1 ended failed - one a.log first 3 1 1, 2 ended failed - - a.log - 3 2 1, "
				     "3 ended failed - three a.log third 3 3 1");
}

static void step(struct kit *k, int64_t run, uint32_t unit, const char *key)
{
	ledger_step(k->l, run, &(struct ledger_step){.unit = unit, .group = GROUP_NONE, .key = key, .name = key});
}

static void steps_find_their_instances_whatever_the_one_before_was(void **state)
{
	struct kit *k = *state;
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	run = kit_run(k, 1, "all");
	step(k, run, 0, "b");
	step(k, run, 1, "d");
	kit_commit(k);
	run = kit_run(k, 2, "all");
	step(k, run, 0, "a");
	step(k, run, 1, "b");
	step(k, run, 2, "c");
	step(k, run, 3, "e");
	step(k, run, 4, "d");
	kit_commit(k);
	CHECK_STR(kit_ask(k, "SELECT group_concat(number || step, ' ') FROM (SELECT * FROM v_steps WHERE run LIKE '%2' ORDER BY number)"),
		  "0a 1b 2c 3e 4d");
	CHECK_STR(kit_ask(k, "SELECT group_concat(no || key, ' ') FROM (SELECT * FROM instances ORDER BY no)"), "1b 2d 3a 4c 5e");
	kit_sound(k);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(start_and_end_in_one_transaction_are_one_row_change),
		TEST(one_that_does_not_end_yet_stays_as_it_is),
		TEST(of_two_in_one_place_none_is_taken_for_the_other),
		TEST(a_pid_finds_the_attempt_running),
		TEST(an_end_joins_a_start_whose_commit_failed),
		TEST(a_start_that_was_dropped_is_not_joined),
		TEST(nothing_is_left_of_the_row_before),
		TEST(steps_find_their_instances_whatever_the_one_before_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
