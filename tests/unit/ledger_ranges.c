/* A row that stands for many steps reads as the rows of those steps would. */
#include "ledger_kit.h"

#include "base/bug.h"

enum { INSTANCES = 2600, RUNS = 3 };

/* --- the same runs, written once with ranges and once without ----------------------------------------------- */

struct pair {
	struct kit *with, *without;
	uint64_t seq;
};

static void key_of(uint32_t instance, char key[48])
{
	snprintf(key, 48, "all||s%u", instance);
}

static struct run_event event_of(const struct ledger_range *r, uint32_t i)
{
	return (struct run_event){.seq = r->seq + i, .wall_ms = r->wall_ms, .mono_ns = r->mono_ns, .kind = r->kind,
				  .unit = r->unit + i, .state = r->state, .reason = r->reason, .exit_code = -1,
				  .duration_ms = -1, .due_ms = -1};
}

/* One of them by itself; name: its own, or NULL. */
static void write_single(struct kit *k, int64_t run, const struct ledger_range *r, uint32_t i, const char *name)
{
	const struct ledger_step_end end = {.state = r->state, .reason = r->reason, .exit_code = -1, .wall_ms = r->wall_ms,
					    .duration_ms = -1};
	const struct run_event ev = event_of(r, i);
	char key[48], called[32];

	key_of((uint32_t)(r->instance + i - 1), key);
	snprintf(called, sizeof(called), "all/s%u", (uint32_t)(r->instance + i - 1));
	ledger_step(k->l, run, &(struct ledger_step){.unit = r->unit + i, .group = r->group, .key = key,
						     .name = name ? name : called, .job = "all", .step = called + 4,
						     .critical = r->critical, .end = &end});
	ledger_event(k->l, run, &ev);
}

static void write_range(struct pair *p, int64_t run, const struct ledger_range *r)
{
	ledger_range(p->with->l, run, r);
	for (uint32_t i = 0; i < r->n; i++)
		write_single(p->without, run, r, i, NULL);
}

static void write_alone(struct pair *p, int64_t run, const struct ledger_range *r, const char *name)
{
	write_single(p->with, run, r, 0, name);
	write_single(p->without, run, r, 0, name);
}

static uint32_t up_to(uint32_t most)
{
	return 1 + (uint32_t)rand() % most;
}

/* Units in order, each instance at most once; some by the hundred, some alone, some under another name. */
static uint32_t write_steps(struct pair *p, int64_t run)
{
	static const enum reason why[] = {REASON_FRESH, REASON_ASSUMED_OLD};
	uint32_t unit = up_to(10) - 1, instance = up_to(20), n_steps = 0;

	while (instance < INSTANCES - 1410) {
		bool noop = rand() % 8 == 0;
		struct ledger_range r = {.unit = unit, .n = rand() % 3 ? up_to(1400) : 1, .instance = instance,
					 .group = rand() % 2 ? 3 : GROUP_NONE, .critical = rand() % 2,
					 .state = noop ? STATE_SUCCEEDED : STATE_CACHED,
					 .reason = noop ? REASON_NONE : why[rand() % 2], .kind = EVENT_STEP_SUCCEEDED,
					 .seq = p->seq + 1, .wall_ms = KIT_TIME + rand() % 5000, .mono_ns = rand()};

		if (r.n == 1)
			write_alone(p, run, &r, rand() % 2 ? "another name" : NULL);
		else
			write_range(p, run, &r);
		p->seq += r.n;
		n_steps += r.n;
		unit += r.n + up_to(3) - 1;
		instance += r.n + (rand() % 2 ? up_to(200) : 0);
	}
	return n_steps;
}

static void tell(struct pair *p, int64_t run, enum event_kind kind)
{
	p->with->seq = p->without->seq = p->seq++;
	kit_event(p->with, run, kind, UNIT_NONE, STATE_RUNNING);
	kit_event(p->without, run, kind, UNIT_NONE, STATE_RUNNING);
}

static void both_commit(struct pair *p)
{
	kit_commit(p->with);
	kit_commit(p->without);
}

static void write_run(struct pair *p, unsigned no)
{
	int64_t run = kit_run(p->with, no, "all");
	uint32_t n;

	CHECK_INT(kit_run(p->without, no, "all"), run);
	p->seq = 0;
	tell(p, run, EVENT_RUN_CREATED);
	tell(p, run, EVENT_RUN_STARTED);
	n = write_steps(p, run);
	p->with->seq = p->without->seq = p->seq;
	kit_finish(p->with, run, STATE_SUCCEEDED, n, 0);
	kit_finish(p->without, run, STATE_SUCCEEDED, n, 0);
	both_commit(p);
}

/* In which all of them are met; a few have attempts. */
static void first_run(struct kit *k)
{
	enum { ATTEMPTED = 50 };
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	run = kit_run(k, 1, "all");
	kit_steps(k, run, INSTANCES);
	for (uint32_t i = 0; i < INSTANCES; i++)
		if (i < ATTEMPTED)
			kit_do(k, run, i, i + 1, STATE_SUCCEEDED, 1000);
		else
			kit_settle(k, run, i, 0, STATE_SUCCEEDED);
	kit_finish(k, run, STATE_SUCCEEDED, INSTANCES, 0);
	kit_commit(k);
}

static int pair_setup(void **state)
{
	struct pair *p = xcalloc(1, sizeof(*p));

	if (kit_setup((void **)&p->with) || kit_setup((void **)&p->without))
		return -1;
	first_run(p->with);
	first_run(p->without);
	*state = p;
	return 0;
}

static int pair_teardown(void **state)
{
	struct pair *p = *state;
	int failed = kit_teardown((void **)&p->with) | kit_teardown((void **)&p->without);

	free(p);
	return failed;
}

/* --- reading them ----------------------------------------------------------------------------------------------- */

static bool add_values(void *ctx, size_t n, const struct ledger_value *v)
{
	for (size_t i = 0; i < n; i++) {
		if (v[i].type == LEDGER_INTEGER)
			buf_addf(ctx, "%lld|", (long long)v[i].integer);
		else if (v[i].type == LEDGER_REAL)
			buf_addf(ctx, "%.9g|", v[i].real);
		else
			buf_addf(ctx, "%s|", v[i].type == LEDGER_TEXT ? v[i].text : "-");
	}
	buf_putc(ctx, '\n');
	return true;
}

static bool add_step(void *ctx, const struct ledger_step_row *r)
{
	buf_addf(ctx, "%lld %s %u %u %s %s %s %s %s %s %d%d %d %d %d %u %lld %lld %s %s\n", (long long)r->run, r->run_id,
		 r->unit, r->group, r->key, r->name, r->job, r->step, r->cause ? r->cause : "-", r->error ? r->error : "-",
		 r->critical, r->degraded, r->exit_code, (int)r->state, (int)r->reason, r->attempts,
		 (long long)r->end_wall_ms, (long long)r->duration_ms, r->fingerprint ? r->fingerprint : "-",
		 r->result ? r->result : "-");
	return true;
}

static bool add_event(void *ctx, const struct run_event *e)
{
	json_t *j = event_to_json(e);
	char *text = json_dumps(j, JSON_SORT_KEYS);

	buf_addf(ctx, "%lld %u %s\n", (long long)e->mono_ns, e->unit, text);
	free(text);
	json_decref(j);
	return true;
}

struct question {
	const char *sql;
	enum { SQL, STEPS, PAST, EVENTS } what;
	int64_t run;
	char text[48];
	uint64_t from;
	uint32_t limit;
};

static void ask(struct ledger *l, const struct question *q, struct buf *ret)
{
	bool good = false;

	buf_reset(ret);
	buf_puts(ret, "");
	switch (q->what) {
	case SQL:
		good = ledger_sql(l, &(struct ledger_query){.sql = q->sql}, NULL, add_values, ret);
		break;
	case STEPS:
		good = ledger_steps(l, q->run, q->text[0] ? q->text : NULL, add_step, ret);
		break;
	case PAST:
		good = ledger_step_past(l, q->text, q->limit, add_step, ret);
		break;
	case EVENTS:
		good = ledger_events(l, q->run, q->from, q->limit, add_event, ret);
		break;
	}
	if (!good)
		fail_msg("%s", ledger_error(l)->text.data);
}

static void both_answer(struct pair *p, const struct question *q)
{
	struct buf with = BUF_INIT, without = BUF_INIT;

	ask(p->with->l, q, &with);
	ask(p->without->l, q, &without);
	if (strcmp(with.data, without.data)) {
		size_t at = 0;

		while (with.data[at] == without.data[at])
			at++;
		at = at > 200 ? at - 200 : 0;
		fail_msg("%d '%s' of run %lld, from %llu, limit %u:\n%.400s\n--- without:\n%.400s", (int)q->what,
			 q->sql ? q->sql : q->text, (long long)q->run, (unsigned long long)q->from, q->limit, with.data + at,
			 without.data + at);
	}
	buf_release(&with);
	buf_release(&without);
}

static void every_view_says_the_same(struct pair *p)
{
	static const char *const sql[] = {
		"SELECT * FROM v_runs", "SELECT * FROM v_steps", "SELECT * FROM v_events", "SELECT * FROM v_progress",
		"SELECT * FROM v_expected", "SELECT * FROM v_attempts", "SELECT * FROM v_failures", "SELECT * FROM v_durations",
		"SELECT * FROM v_remaining", "SELECT * FROM v_timeline",
		"SELECT step, count(*), max(number) FROM v_steps WHERE state = 'cached' GROUP BY step ORDER BY 1",
		"SELECT run, number FROM v_steps WHERE key = 'all||s1500' ORDER BY run",
		"SELECT e.seq, s.number FROM v_events AS e JOIN v_steps AS s ON s.run = e.run AND s.step = e.step"
		" WHERE e.run LIKE '%3' AND e.step = 'all/s700'",
	};

	for (size_t i = 0; i < ARRAY_LEN(sql); i++)
		both_answer(p, &(struct question){.sql = sql[i], .what = SQL});
}

static void random_name(char text[48])
{
	static const char *const form[] = {"all/s%u", "all/s%u", "all/s*%u", "al?", "another name", "nothing"};

	snprintf(text, 48, form[rand() % (int)ARRAY_LEN(form)], (unsigned)rand() % (INSTANCES + 10)); /* NOLINT */
}

static void every_reader_reads_the_same(struct pair *p)
{
	for (int64_t run = 1; run <= RUNS + 1; run++) {
		both_answer(p, &(struct question){.what = STEPS, .run = run});
		both_answer(p, &(struct question){.what = EVENTS, .run = run, .from = 1});
	}
	for (int i = 0; i < 40; i++) {
		struct question q = {.run = 1 + rand() % (RUNS + 1), .from = (uint64_t)up_to(4000),
				     .limit = rand() % 2 ? up_to(5) : rand() % 2 ? up_to(2000) : 0};

		q.what = EVENTS;
		both_answer(p, &q);
		random_name(q.text);
		q.what = STEPS;
		both_answer(p, &q);
		key_of(up_to(INSTANCES) - 1, q.text);
		q.what = PAST;
		both_answer(p, &q);
	}
}

static void both_are_sound(struct pair *p)
{
	kit_sound(p->with);
	kit_sound(p->without);
}

static void ranges_read_as_the_steps_they_stand_for(void **state)
{
	struct pair *p = *state;

	srand(check_seed());
	for (unsigned no = 2; no < 2 + RUNS; no++)
		write_run(p, no);
	CHECK(atoi(kit_ask(p->with, "SELECT count(*) FROM steps WHERE n > 1")) > RUNS);
	CHECK(atoi(kit_ask(p->with, "SELECT sum(n) FROM steps")) == atoi(kit_ask(p->without, "SELECT count(*) FROM steps")));
	every_view_says_the_same(p);
	every_reader_reads_the_same(p);
	both_are_sound(p);
}

/* The plan of a statement, one line for each part. */
static void plan_of(struct kit *k, const char *sql, struct buf *ret)
{
	char *explain = xasprintf("EXPLAIN QUERY PLAN %s", sql);
	sqlite3_stmt *st;

	buf_reset(ret);
	assert_int_equal(sqlite3_prepare_v2(k->l->db, explain, -1, &st, NULL), SQLITE_OK);
	while (sqlite3_step(st) == SQLITE_ROW)
		buf_addf(ret, "%s\n", (const char *)sqlite3_column_text(st, 3));
	sqlite3_finalize(st);
	free(explain);
}

/* One step of a run, and what a step did in all runs, whatever else the ledger holds. */
static void nothing_is_searched_through_for_one_step(void **state)
{
	static const struct {
		const char *sql;
		bool by_instance;
	} row[] = {
		{"SELECT number FROM v_steps WHERE key = 'all||s9'", true},
		{NULL, true}, /* what ledger_step_past() asks */
		{NULL, true}, /* ledger_steps() by name */
		{"SELECT number FROM v_steps WHERE run = 'x'", false},
		{"SELECT seq FROM v_events WHERE run = 'x'", false},
	};
	struct pair *p = *state;
	struct buf plan = BUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		plan_of(p->with, row[i].sql ? row[i].sql : stmt_sql(i == 1 ? STMT_STEP_PAST : STMT_STEPS_EXACT), &plan);
		if (strstr(plan.data, "SCAN s") || strstr(plan.data, "SCAN o") || strstr(plan.data, "SCAN e") ||
		    strstr(plan.data, "SCAN i") || strstr(plan.data, "TEMP B-TREE") ||
		    (row[i].by_instance && (!strstr(plan.data, "steps_instance (instance=?") ||
					    !strstr(plan.data, "steps_ranges (<expr>=?"))))
			fail_msg("%zu:\n%s", i, plan.data);
	}
	buf_release(&plan);
}

/* --- what is done to them later ---------------------------------------------------------------------------------- */

static bool repaired(struct kit *k, int64_t run)
{
	bool applied = false;

	CHECK(ledger_repair_run(k->l, run, NULL, 0, KIT_TIME + 9000, &applied));
	return applied;
}

static void an_interrupted_run_is_repaired_behind_its_ranges(void **state)
{
	struct pair *p = *state;
	int64_t run;
	struct ledger_range r = {.unit = 4, .n = 1200, .instance = 100, .group = 1, .critical = true, .state = STATE_CACHED,
				 .reason = REASON_FRESH, .kind = EVENT_STEP_SUCCEEDED, .seq = 2, .wall_ms = KIT_TIME,
				 .mono_ns = 5};

	run = kit_run(p->with, 2, "all");
	CHECK_INT(kit_run(p->without, 2, "all"), run);
	p->seq = 0;
	tell(p, run, EVENT_RUN_CREATED);
	write_range(p, run, &r);
	for (int i = 0; i < 2; i++) { /* one that was still to come */
		struct kit *k = i ? p->with : p->without;

		ledger_step(k->l, run, &(struct ledger_step){.unit = 2000, .group = 1, .key = "all||s0", .name = "all/s0",
							     .critical = true});
	}
	both_commit(p);
	CHECK(repaired(p->with, run));
	CHECK(repaired(p->without, run));
	CHECK_STR(kit_ask(p->with, "SELECT total || ' ' || settled || ' ' || succeeded || ' ' || failed || ' ' || skipped"
				   " FROM runs WHERE no = 2"), "1201 1201 1200 0 1");
	CHECK_STR(kit_ask(p->with, "SELECT group_concat(seq) FROM (SELECT seq FROM v_events WHERE run LIKE '%2'"
				   " ORDER BY seq DESC LIMIT 3)"), "1203,1202,1201");
	every_view_says_the_same(p);
	both_are_sound(p);
}

static void what_is_removed_takes_nothing_along(void **state)
{
	const struct ledger_keep keep = {.runs = 2};
	struct pair *p = *state;
	size_t n;

	srand(check_seed());
	for (unsigned no = 2; no < 6; no++)
		write_run(p, no);
	CHECK(kit_gc(p->with, &keep, &n));
	CHECK_INT(n, 3); /* the one whose steps ran among them */
	CHECK(kit_gc(p->without, &keep, &n));
	every_view_says_the_same(p);
	every_reader_reads_the_same(p);
	both_are_sound(p);
}

struct numbered {
	int64_t last;
	uint32_t n;
};

static bool count_instance(void *ctx, const struct ledger_instance_row *r)
{
	struct numbered *c = ctx;
	char key[48];

	key_of(c->n++, key);
	CHECK_STR(r->key, key);
	CHECK_STR(r->name + strlen("all/"), key + strlen("all||"));
	CHECK_INT(r->no, ++c->last);
	return true;
}

static void instances_are_told_in_order_by_their_numbers(void **state)
{
	struct pair *p = *state;
	struct numbered c = {0};

	CHECK(ledger_instances(p->with->l, 0, INSTANCES + 1, count_instance, &c));
	CHECK_INT(c.n, INSTANCES);
	c = (struct numbered){.n = 20, .last = 20};
	CHECK(ledger_instances(p->with->l, 21, 7, count_instance, &c));
	CHECK_INT(c.n, 27);
}

static void an_instance_is_found_by_its_key_and_its_name(void **state)
{
	struct pair *p = *state;
	int64_t no;

	CHECK(ledger_instance_find(p->with->l, "all||s9", "all/s9", &no));
	CHECK_INT(no, 10);
	CHECK(ledger_instance_find(p->with->l, "all||s9", "all/s8", &no));
	CHECK_INT(no, 0);
	CHECK(ledger_instance_find(p->with->l, "all||nine", "all/s9", &no));
	CHECK_INT(no, 0);
}

/* --- what cannot be --------------------------------------------------------------------------------------------- */

static void a_range_of_instances_that_are_not_there_is_refused(void **state)
{
	static const int64_t first[] = {0, -5, INSTANCES - 8, INT64_MAX - 20};
	struct pair *p = *state;
	int64_t run = kit_run(p->with, 2, "all");

	for (size_t i = 0; i < ARRAY_LEN(first); i++) {
		ledger_range(p->with->l, run, &(struct ledger_range){
			.unit = 1, .n = 10, .instance = first[i], .state = STATE_CACHED, .reason = REASON_FRESH,
			.kind = EVENT_STEP_SUCCEEDED, .seq = 1});
		CHECK(!ledger_commit(p->with->l));
		CHECK_INT(ledger_error(p->with->l)->fault, LEDGER_DAMAGED);
		ledger_drop(p->with->l);
	}
	CHECK_STR(kit_ask(p->with, "SELECT count(*) FROM steps WHERE id >> 32 = 2"), "0");
}

static void note_fault(void *ctx, const char *text)
{
	buf_addf(ctx, "%s\n", text);
}

static void fault_is_told(struct kit *k, const char *sql, const char *told)
{
	struct buf text = BUF_INIT;
	struct kit bad = {.path = path_join(k->dir, "bad.db"), .err = LEDGER_ERROR_INIT};
	char *copy = xasprintf("VACUUM INTO '%s'", bad.path);
	size_t n;

	CHECK(!unlink(bad.path) || errno == ENOENT);
	kit_exec(k, copy);
	kit_exec(&bad, sql);
	kit_open(&bad, LEDGER_READ);
	CHECK(ledger_fsck(bad.l, note_fault, &text, &n));
	if (!text.len || !strstr(text.data, told))
		fail_msg("after `%s`:\n%s\n--- and not: %s", sql, text.len ? text.data : "nothing is told", told);
	kit_shut(&bad);
	free(copy);
	free(bad.path);
	buf_release(&text);
}

static void a_damaged_range_is_found(void **state)
{
	static const struct {
		const char *sql, *told;
	} bad[] = {
		{"UPDATE steps SET instance = 2059, n = 700 WHERE n > 1", "and not all of them have an identity"},
		{"UPDATE steps SET instance = 1000 WHERE n > 1", "which cannot be found by what they do"},
		{"INSERT INTO steps (id, instance, critical, state, reason) SELECT id + 5, 2, 1, state, reason FROM steps"
		 " WHERE n > 1", "one of which has a row of its own"},
		{"UPDATE steps SET result = '1' WHERE n > 1", "and says what is true of one only"},
		{"UPDATE steps SET attempts = 1 WHERE n > 1", "and says what is true of one only"},
		{"UPDATE steps SET state = (SELECT no FROM states WHERE word = 'failed') WHERE n > 1",
		 "and says what is true of one only"},
		{"UPDATE steps SET n = n - 1 WHERE n > 1", "and there are no such steps"},
		{"UPDATE steps SET n = n - 1 WHERE n > 1", "counts 500 steps and has 499"},
		{"UPDATE events SET unit = 3 WHERE n > 1", "and no events tell of them"},
		{"UPDATE events SET n = n - 1 WHERE n > 1", "has 501 events numbered up to 502"},
		{"INSERT INTO events (id, kind, wall_ms, mono_ns) SELECT id + 5, kind, 1, 1 FROM events WHERE n > 1",
		 "from 2 on, one of which has a row of its own"},
	};
	struct pair *p = *state;
	int64_t run = kit_run(p->with, 2, "all");

	p->with->seq = 0;
	kit_event(p->with, run, EVENT_RUN_CREATED, UNIT_NONE, STATE_RUNNING);
	ledger_range(p->with->l, run, &(struct ledger_range){
		.unit = 7, .n = 500, .instance = 11, .group = GROUP_NONE, .critical = true, .state = STATE_CACHED,
		.reason = REASON_FRESH, .kind = EVENT_STEP_SUCCEEDED, .seq = 2, .wall_ms = KIT_TIME});
	p->with->seq = 501;
	kit_finish(p->with, run, STATE_SUCCEEDED, 500, 0);
	kit_commit(p->with);
	kit_sound(p->with);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		fault_is_told(p->with, bad[i].sql, bad[i].told);
}

/* --- older ledgers ------------------------------------------------------------------------------------------------ */

static void steps_are(struct kit *k, const char *want)
{
	struct buf text = BUF_INIT;

	ask(k->l, &(struct question){.sql = "SELECT number, step, state FROM v_steps", .what = SQL}, &text);
	CHECK_STR(text.data, want);
	ask(k->l, &(struct question){.sql = "SELECT count(*), max(seq) FROM v_events", .what = SQL}, &text);
	CHECK_STR(text.data, "6|6|\n");
	ask(k->l, &(struct question){.what = PAST, .text = "all||s1"}, &text);
	CHECK(strstr(text.data, "all/s1"));
	ask(k->l, &(struct question){.what = EVENTS, .run = 1, .from = 6}, &text);
	CHECK(strstr(text.data, "run_completed"));
	buf_release(&text);
}

/* Whoever only reads has the columns it lacks; whoever writes has a copy made, and goes on in it. */
static void a_ledger_without_ranges_is_read_and_upgraded(void **state)
{
	static const enum ledger_mode modes[] = {LEDGER_READ, LEDGER_LOOK, LEDGER_WRITE};
	struct kit *k = *state, copy = {0};

	kit_open(k, LEDGER_WRITE);
	kit_whole_run(k, 1, "all", 2);
	k->seq = 5;
	kit_event(k, 1, EVENT_RUN_COMPLETED, UNIT_NONE, STATE_SUCCEEDED);
	kit_commit(k);
	kit_shut(k);
	kit_as_version(k, 6);
	CHECK_STR(kit_ask(k, "SELECT count(*) FROM pragma_table_info('steps') WHERE name = 'n'"), "0");
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		kit_open(k, modes[i]);
		steps_are(k, "0|all/s0|succeeded|\n1|all/s1|succeeded|\n");
		kit_sound(k);
	}
	copy.path = xasprintf("%s.v6", k->path);
	CHECK_STR(kit_ask(&copy, "PRAGMA user_version"), "6");
	CHECK_STR(kit_ask(&copy, "SELECT count(*) FROM v_steps"), "2");
	free(copy.path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define PAIR_TEST(f) cmocka_unit_test_setup_teardown(f, pair_setup, pair_teardown)
		PAIR_TEST(ranges_read_as_the_steps_they_stand_for),
		PAIR_TEST(nothing_is_searched_through_for_one_step),
		PAIR_TEST(an_interrupted_run_is_repaired_behind_its_ranges),
		PAIR_TEST(what_is_removed_takes_nothing_along),
		PAIR_TEST(instances_are_told_in_order_by_their_numbers),
		PAIR_TEST(an_instance_is_found_by_its_key_and_its_name),
		PAIR_TEST(a_range_of_instances_that_are_not_there_is_refused),
		PAIR_TEST(a_damaged_range_is_found),
		KIT_TEST(a_ledger_without_ranges_is_read_and_upgraded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
