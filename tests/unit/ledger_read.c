#include "ledger_kit.h"
#include "ledger/look.h"

#include "base/stamp.h"

/* What a reading function gave, one row a line. */
struct seen {
	struct buf b;
	int left; /* rows until it says stop; 0: never */
};

static bool go_on(struct seen *s)
{
	return !s->left || --s->left;
}

#define SAW(s, want)                                                                               \
	do {                                                                                       \
		CHECK_STR((s).b.data, want);                                                       \
		buf_release(&(s).b);                                                               \
	} while (0)

/* --- runs --------------------------------------------------------------------------------------------- */

static bool see_run(void *ctx, const struct ledger_run_row *r)
{
	struct seen *s = ctx;

	buf_addf(&s->b, "%lld %s %s\n", (long long)r->no, r->target, state_word(r->state));
	return go_on(s);
}

static void runs_are(struct kit *k, const struct ledger_run_filter *f, const char *want)
{
	struct seen s = {.b = BUF_INIT};

	if (!ledger_runs(k->l, f, see_run, &s))
		fail_msg("%s", ledger_error(k->l)->text.data);
	SAW(s, want);
}

/* 1 build succeeded, 2 build failed, 3 test.unit succeeded, 4 build under way */
static void four_runs(struct kit *k)
{
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	kit_whole_run(k, 1, "build", 1);
	run = kit_run(k, 2, "build");
	kit_steps(k, run, 1);
	kit_do(k, run, 0, 1, STATE_FAILED, 5);
	kit_finish(k, run, STATE_FAILED, 0, 1);
	kit_commit(k);
	kit_whole_run(k, 3, "test.unit", 1);
	run = kit_run(k, 4, "build");
	ledger_run_started(k->l, run);
	kit_commit(k);
}

static void runs_are_listed_newest_first_and_filtered(void **state)
{
	struct kit *k = *state;
	struct seen s = {.b = BUF_INIT, .left = 2};

	four_runs(k);
	runs_are(k, &(struct ledger_run_filter){0},
		 "4 build running\n3 test.unit succeeded\n2 build failed\n1 build succeeded\n");
	runs_are(k, &(struct ledger_run_filter){.target = "build"},
		 "4 build running\n2 build failed\n1 build succeeded\n");
	runs_are(k, &(struct ledger_run_filter){.target = "test.*"}, "3 test.unit succeeded\n");
	runs_are(k, &(struct ledger_run_filter){.target = "none"}, "");
	runs_are(k, &(struct ledger_run_filter){.states = 1 << STATE_FAILED | 1 << STATE_RUNNING},
		 "4 build running\n2 build failed\n");
	runs_are(k, &(struct ledger_run_filter){.target = "build", .states = 1 << STATE_FAILED}, "2 build failed\n");
	runs_are(k, &(struct ledger_run_filter){.since_ms = KIT_TIME + 3000, .before_ms = KIT_TIME + 4000},
		 "3 test.unit succeeded\n");
	runs_are(k, &(struct ledger_run_filter){.limit = 1}, "4 build running\n");
	CHECK(ledger_runs(k->l, &(struct ledger_run_filter){0}, see_run, &s));
	SAW(s, "4 build running\n3 test.unit succeeded\n");
}

static bool see_whole_run(void *ctx, const struct ledger_run_row *r)
{
	struct seen *s = ctx;

	CHECK_STR(r->id, "01KTRXN0000000000000000002");
	CHECK_STR(r->title, "build");
	CHECK_STR(r->command, "orchmake all");
	CHECK_STR(r->params, "{\"day\":\"monday\"}");
	CHECK_STR(r->boot_id, "b00t");
	CHECK_STR(r->journal, "journal");
	CHECK_STR(r->format, "native");
	CHECK_INT(strlen(r->definition_sha), 64);
	CHECK(r->nonce == UINT64_MAX - 1);
	CHECK_INT(r->pid, 4711);
	CHECK_INT(r->pid_start, 99);
	CHECK_INT(r->exit_code, 1);
	CHECK_INT(r->start_wall_ms, KIT_TIME + 2000);
	CHECK_INT(r->duration_ms, 2000);
	CHECK_INT(r->n.failed, 1);
	CHECK(!r->payload && !r->resumes && !r->error);
	s->left++;
	return true;
}

static bool see_title(void *ctx, const struct ledger_run_row *r)
{
	buf_puts(ctx, r->title);
	return true;
}

static void a_run_is_read_as_it_was_written(void **state)
{
	char id[ULID_LEN + 1];
	struct kit *k = *state;
	struct seen s = {0};
	struct buf b = BUF_INIT;

	four_runs(k);
	CHECK(ledger_run_get(k->l, 2, see_whole_run, &s));
	CHECK_INT(s.left, 1);
	CHECK(ledger_run_get(k->l, 99, see_whole_run, &s));
	CHECK_INT(s.left, 1);
	CHECK_INT(ledger_run_begin(k->l, &(struct ledger_run){.id = kit_id(5, id), .target = "all", .title = "All of it",
							     .definition = "{}", .wall_ms = KIT_TIME}), 5);
	CHECK(ledger_run_get(k->l, 5, see_title, &b));
	CHECK_STR(b.data, "All of it");
	buf_reset(&b);
	CHECK(ledger_run_result(k->l, 1, &b));
	CHECK_STR(b.data, "{\"success\":true}");
	buf_reset(&b);
	CHECK(ledger_run_result(k->l, 4, &b));
	CHECK_STR(b.data, "");
	CHECK(ledger_run_definition(k->l, 4, &b));
	CHECK_STR(b.data, "{\"jobs\":{}}");
	buf_release(&b);
}

static void found_is(struct kit *k, const char *text, const char *target, const char *want)
{
	struct buf b = BUF_INIT, err = BUF_INIT;
	int64_t run;

	if (ledger_run_find(k->l, text, target, &run, &err) == LEDGER_FOUND)
		buf_addf(&b, "%lld", (long long)run);
	else
		buf_puts(&b, err.data);
	CHECK_STR(b.data, want);
	buf_release(&b);
	buf_release(&err);
}

static void runs_are_found_by_what_people_call_them(void **state)
{
	struct kit *k = *state;

	kit_open(k, LEDGER_WRITE);
	found_is(k, "last", NULL, "there is no run yet");
	found_is(k, "last-failed", NULL, "no run has failed");
	four_runs(k);
	found_is(k, "last", NULL, "4");
	found_is(k, "last", "test.unit", "3");
	found_is(k, "last", "nothing", "there is no run yet of 'nothing'");
	found_is(k, "@-1", NULL, "4");
	found_is(k, "@-2", NULL, "3");
	found_is(k, "@-2", "build", "2");
	found_is(k, "@-9", NULL, "there are not 9 runs yet");
	found_is(k, "last-failed", NULL, "2");
	found_is(k, "last-failed", "test.unit", "no run has failed of 'test.unit'");
	found_is(k, "01KTRXN0000000000000000003", NULL, "3");
	found_is(k, "01ktrxn0000000000000000003", NULL, "3");
	found_is(k, "02", NULL, "no run begins with '02'");
	found_is(k, "01", "test.unit", "3");
	found_is(k, "01K", NULL,
		 "several runs begin with '01K':\n  01KTRXN0000000000000000001 build\n"
		 "  01KTRXN0000000000000000002 build\n  01KTRXN0000000000000000003 test.unit\n"
		 "  01KTRXN0000000000000000004 build");
	for (unsigned i = 5; i < 12; i++)
		kit_run(k, i, "build");
	found_is(k, "01K", "build",
		 "several runs begin with '01K':\n  01KTRXN0000000000000000001 build\n"
		 "  01KTRXN0000000000000000002 build\n  01KTRXN0000000000000000004 build\n"
		 "  01KTRXN0000000000000000005 build\n  01KTRXN0000000000000000006 build\n"
		 "  01KTRXN0000000000000000007 build\n  01KTRXN0000000000000000008 build\n"
		 "  01KTRXN0000000000000000009 build\n  ...");
	for (size_t i = 0; i < 6; i++) {
		static const char *const none[] = {"", "@-", "@-0", "@-x", "lasst", "01KTRXN00000000000000000011"};
		char *want = xasprintf("'%s' is no run: an id or the beginning of one, last, last-failed, @-N",
				       none[i]);

		found_is(k, none[i], NULL, want);
		free(want);
	}
}

static void the_last_success_is_found(void **state)
{
	struct kit *k = *state;
	int64_t run = -1;

	four_runs(k);
	CHECK(ledger_last_success(k->l, "build", &run));
	CHECK_INT(run, 1);
	CHECK(ledger_last_success(k->l, "nothing", &run));
	CHECK_INT(run, 0);
}

/* --- parts of a run -------------------------------------------------------------------------------------- */

static bool see_step(void *ctx, const struct ledger_step_row *r)
{
	struct seen *s = ctx;

	buf_addf(&s->b, "%u %s %s %s %s %d %u\n", r->unit, r->name, r->key, state_word(r->state),
		 reason_word(r->reason), r->exit_code, r->attempts);
	return go_on(s);
}

static bool see_attempt(void *ctx, const struct ledger_attempt_row *r)
{
	struct seen *s = ctx;

	buf_addf(&s->b, "%u %s#%u phase %d %s %d %lld %s\n", r->serial, r->name, r->number, (int)r->phase,
		 state_word(r->state), r->exit_code, (long long)r->duration_us, r->log ? r->log : "-");
	return go_on(s);
}

static bool see_event(void *ctx, const struct run_event *e)
{
	struct seen *s = ctx;

	buf_addf(&s->b, "%d %s %s %u %s %s\n", (int)e->seq, event_word(e->kind), e->step ? e->step : "-",
		 e->attempt, state_word(e->state), e->log ? e->log : "-");
	CHECK(e->run && e->wall_ms == KIT_TIME && e->mono_ns == 7 && e->exit_code == -1);
	return go_on(s);
}

static void steps_are_found_by_name_and_pattern(void **state)
{
	struct kit *k = *state;
	struct seen s = {.b = BUF_INIT};
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	kit_whole_run(k, 1, "all", 1);
	run = kit_run(k, 2, "all");
	kit_steps(k, run, 3);
	ledger_step(k->l, run, &(struct ledger_step){.unit = 9, .group = GROUP_NONE, .key = "odd", .name = "odd[a]", .job = "odd"});
	kit_do(k, run, 0, 1, STATE_FAILED, 5);
	ledger_step_state(k->l, run, 1, STATE_WAITING, REASON_POOL_FULL, "net");
	kit_commit(k);
	CHECK(ledger_steps(k->l, run, NULL, see_step, &s));
	SAW(s, "0 all/s0 all||s0 failed exit 3 1\n1 all/s1 all||s1 waiting pool-full -1 0\n"
	       "2 all/s2 all||s2 pending none -1 0\n9 odd[a] odd pending none -1 0\n");
	CHECK(ledger_steps(k->l, run, "all/s2", see_step, &s));
	SAW(s, "2 all/s2 all||s2 pending none -1 0\n");
	CHECK(ledger_steps(k->l, run, "odd[a]", see_step, &s)); /* a name before it is a pattern */
	SAW(s, "9 odd[a] odd pending none -1 0\n");
	CHECK(ledger_steps(k->l, run, "odd", see_step, &s));
	SAW(s, "9 odd[a] odd pending none -1 0\n");
	CHECK(ledger_steps(k->l, run, "*s[01]", see_step, &s));
	SAW(s, "0 all/s0 all||s0 failed exit 3 1\n1 all/s1 all||s1 waiting pool-full -1 0\n");
	CHECK(ledger_step_past(k->l, "all||s0", 0, see_step, &s));
	SAW(s, "0 all/s0 all||s0 failed exit 3 1\n0 all/s0 all||s0 succeeded exit 0 1\n");
	CHECK(ledger_step_past(k->l, "all||s0", 1, see_step, &s));
	SAW(s, "0 all/s0 all||s0 failed exit 3 1\n");
}

static void attempts_and_events_are_read_in_order(void **state)
{
	struct kit *k = *state;
	struct ledger_attempt_end bad = kit_end(STATE_FAILED, 5);
	struct seen s = {.b = BUF_INIT};
	int64_t run;

	kit_open(k, LEDGER_WRITE);
	run = kit_run(k, 1, "all");
	kit_steps(k, run, 2);
	kit_start(k, run, 0, 1, 1);
	ledger_attempt_ended(k->l, run, 1, &bad);
	kit_start(k, run, 0, 2, 2);
	ledger_attempt_pid(k->l, run, 2, 43);
	ledger_attempt_intent(k->l, run, 3, 1, 1, NULL);
	ledger_attempt_unused(k->l, run, 3);
	ledger_attempt_intent(k->l, run, 4, 1, 1, NULL);
	kit_event(k, run, EVENT_JOB_FINISHED, 7, STATE_FAILED); /* of a unit that is no step */
	kit_commit(k);
	CHECK(ledger_attempts(k->l, run, LEDGER_ANY, see_attempt, &s));
	SAW(s, "1 all/s0#1 phase 2 failed 3 5 logs/s.log\n2 all/s0#2 phase 1 running -1 -1 logs/s.log\n"
	       "3 all/s1#1 phase 3 pending -1 -1 -\n4 all/s1#1 phase 0 pending -1 -1 -\n");
	CHECK(ledger_attempts(k->l, run, 1, see_attempt, &s));
	SAW(s, "3 all/s1#1 phase 3 pending -1 -1 -\n4 all/s1#1 phase 0 pending -1 -1 -\n");
	CHECK(ledger_events(k->l, run, 1, 0, see_event, &s));
	SAW(s, "1 step_started all/s0 1 running logs/s.log\n2 step_started all/s0 1 running logs/s.log\n"
	       "3 job_finished told name 0 failed -\n");
	CHECK(ledger_events(k->l, run, 2, 1, see_event, &s));
	SAW(s, "2 step_started all/s0 1 running logs/s.log\n");
	CHECK(ledger_events(k->l, run, 4, 0, see_event, &s));
	SAW(s, "");
	CHECK(ledger_events(k->l, run, UINT64_MAX, 0, see_event, &s));
	SAW(s, "");
}

static bool see_job(void *ctx, const struct ledger_job_row *r)
{
	struct seen *s = ctx;

	buf_addf(&s->b, "%u<%d %s %s %s %s %u/%u %s\n", r->group, (int)r->parent, r->name, r->kind,
		 state_word(r->state), r->cause ? r->cause : "-", r->succeeded, r->total,
		 r->result ? r->result : "-");
	return go_on(s);
}

static bool see_var(void *ctx, const char *name, const char *value)
{
	struct seen *s = ctx;

	buf_addf(&s->b, "%s=%s\n", name, value);
	return go_on(s);
}

static bool see_fragment(void *ctx, uint32_t no, const char *json)
{
	struct seen *s = ctx;

	buf_addf(&s->b, "%u %s\n", no, json);
	return go_on(s);
}

static bool see_artifact(void *ctx, const struct ledger_artifact_row *r)
{
	struct seen *s = ctx;

	buf_addf(&s->b, "%s %s %s %lld\n", r->step, r->artifact.name,
		 r->artifact.path ? r->artifact.path : r->artifact.value, (long long)r->artifact.size_bytes);
	return go_on(s);
}

static bool see_approval(void *ctx, const struct ledger_approval_row *r)
{
	struct seen *s = ctx;

	buf_addf(&s->b, "%u %d %s\n", r->unit, r->approved, r->by);
	return go_on(s);
}

static void jobs_variables_fragments_artifacts_and_approvals_are_kept(void **state)
{
	struct kit *k = *state;
	struct seen s = {.b = BUF_INIT};
	int64_t run, other;

	kit_open(k, LEDGER_WRITE);
	run = kit_run(k, 1, "all");
	other = kit_run(k, 2, "all");
	for (int64_t r = run; r <= other; r++) {
		kit_steps(k, r, 2);
		ledger_job(k->l, r, &(struct ledger_job){.group = 0, .parent = GROUP_NONE, .name = "all", .kind = "composite"});
		ledger_job(k->l, r, &(struct ledger_job){.group = 4, .parent = 0, .name = "all/x", .kind = "job"});
	}
	ledger_job_finished(k->l, run, 4,
			    &(struct ledger_job_end){.state = STATE_BLOCKED, .reason = REASON_NEED_FAILED,
						     .cause = "y", .wall_ms = 1, .duration_ms = -1, .total = 3,
						     .succeeded = 2, .result = xstrdup("{}")});
	ledger_var(k->l, run, "REV", "\"abc\"");
	ledger_var(k->l, run, "REV", "\"abd\"");
	ledger_var(k->l, other, "ELSE", "1");
	ledger_fragment(k->l, run, 1, "[2]");
	ledger_fragment(k->l, run, 0, "[1]");
	ledger_artifact(k->l, run, 1, &(struct ledger_artifact){.name = "bin", .kind = "file", .path = "out/bin", .size_bytes = 7});
	ledger_artifact(k->l, run, 0, &(struct ledger_artifact){.name = "n", .kind = "value", .value = "42", .size_bytes = -1});
	ledger_approval(k->l, run, 1, true, "ann", NULL, 3);
	kit_commit(k);

	CHECK(ledger_jobs(k->l, run, see_job, &s));
	SAW(s, "0<-1 all composite pending - 0/0 -\n4<0 all/x job blocked y 2/3 {}\n");
	CHECK(ledger_vars(k->l, run, see_var, &s));
	SAW(s, "REV=\"abd\"\n");
	CHECK(ledger_fragments(k->l, run, see_fragment, &s));
	SAW(s, "0 [1]\n1 [2]\n");
	CHECK(ledger_artifacts(k->l, run, see_artifact, &s));
	SAW(s, "all/s0 n 42 -1\nall/s1 bin out/bin 7\n");
	CHECK(ledger_approvals(k->l, run, see_approval, &s));
	SAW(s, "1 1 ann\n");
	CHECK(ledger_approvals(k->l, other, see_approval, &s));
	SAW(s, "");
}

static bool ask_again(void *ctx, const struct ledger_run_row *r)
{
	struct kit *k = ctx;
	struct seen s = {.b = BUF_INIT};

	(void)r;
	runs_are(k, &(struct ledger_run_filter){.states = 1 << STATE_FAILED}, "2 build failed\n");
	CHECK(ledger_steps(k->l, 1, NULL, see_step, &s));
	SAW(s, "0 all/s0 all||s0 succeeded exit 0 1\n");
	k->seq++;
	return true;
}

static void who_is_given_rows_may_ask_for_others(void **state)
{
	struct kit *k = *state;

	four_runs(k);
	k->seq = 0;
	CHECK(ledger_runs(k->l, &(struct ledger_run_filter){0}, ask_again, k));
	CHECK_INT(k->seq, 4);
}

/* --- across runs ------------------------------------------------------------------------------------------ */

static void about(double got, double want)
{
	if (got < want - 0.001 || got > want + 0.001)
		fail_msg("%f is not %f", got, want);
}

/* One run after the other of one step, each this long. */
static void durations_of(struct kit *k, const int *ms, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int64_t run = kit_run(k, 100 + (unsigned)i, "all");

		kit_steps(k, run, 1);
		kit_do(k, run, 0, 1, ms[i] < 0 ? STATE_FAILED : STATE_SUCCEEDED, (int64_t)abs(ms[i]) * 1000);
		kit_commit(k);
	}
}

static void expected_is(struct kit *k, double ms)
{
	struct ledger_durations d;

	CHECK(ledger_durations(k->l, LEDGER_BY_KEY, &d));
	about(ledger_durations_ms(&d, "all||s0"), ms);
	about(ledger_durations_ms(&d, "nothing"), 0);
	ledger_durations_release(&d);
	CHECK(ledger_durations(k->l, LEDGER_BY_NAME, &d));
	about(ledger_durations_ms(&d, "all/s0"), ms);
	ledger_durations_release(&d);
	about(ledger_duration_ms(k->l, LEDGER_BY_KEY, "all||s0"), ms);
	about(ledger_duration_ms(k->l, LEDGER_BY_NAME, "all/s0"), ms);
	about(ledger_duration_ms(k->l, LEDGER_BY_NAME, "nothing"), 0);
	/* v_durations says the same */
	about(atof(kit_ask(k, "SELECT expected_ms FROM v_durations")), ms);
}

static void an_expected_duration_shrugs_off_one_odd_run(void **state)
{
	static const int ms[] = {100, 200, 5000, -1, 300, 400, 110};
	static const double expected[] = {100, 150, 200, 200, 250, 300, (200 + 300 + 400) / 3.0};
	struct kit *k = *state;

	for (size_t n = 1; n <= ARRAY_LEN(ms); n++) {
		kit_open(k, LEDGER_WRITE);
		durations_of(k, ms, n);
		expected_is(k, expected[n - 1]);
		kit_shut(k);
		kit_empty(k->dir);
	}
}

static bool see_fingerprint(void *ctx, const struct ledger_fingerprint_row *r)
{
	buf_addf(ctx, "%s %s %lld\n", r->key, r->fingerprint, (long long)r->wall_ms);
	return true;
}

static bool see_file(void *ctx, const struct ledger_file *f)
{
	buf_addf(ctx, "%s %llx %lld %llu %lld %lld %lld\n", f->path, (unsigned long long)f->hash,
		 (long long)f->since_wall_ms, (unsigned long long)f->id.inode, (long long)f->id.size_bytes,
		 (long long)f->id.mtime_ns, (long long)f->id.ctime_ns);
	return true;
}

static void files_are_kept_by_their_name(void **state)
{
	struct ledger_file f = {.path = "a/b", .id = {1, UINT64_MAX, 3, -4, INT64_MAX}, .hash = UINT64_MAX,
				.since_wall_ms = 6};
	struct buf got = BUF_INIT;
	struct kit *k = *state;

	kit_open(k, LEDGER_WRITE);
	ledger_file(k->l, &f);
	f.path = "c";
	f.hash = 7;
	ledger_file(k->l, &f);
	f.hash = 8;
	ledger_file(k->l, &f);
	kit_commit(k);
	CHECK(ledger_files(k->l, NULL, see_file, &got));
	CHECK_STR(got.data, "a/b ffffffffffffffff 6 18446744073709551615 3 -4 9223372036854775807\n"
			    "c 8 6 18446744073709551615 3 -4 9223372036854775807\n");
	buf_reset(&got);
	CHECK(ledger_files(k->l, "c", see_file, &got));
	CHECK_STR(got.data, "c 8 6 18446744073709551615 3 -4 9223372036854775807\n");
	buf_reset(&got);
	CHECK(ledger_files(k->l, "nothing", see_file, &got));
	CHECK_STR(got.data, "");
	CHECK_STR(kit_ask(k, "SELECT hash FROM v_files WHERE path = 'a/b'"), "ffffffffffffffff");
	buf_release(&got);
}

static void fingerprints_are_read_at_once(void **state)
{
	struct buf got = BUF_INIT;
	struct kit *k = *state;

	kit_open(k, LEDGER_WRITE);
	ledger_fingerprint(k->l, "a", "1", 5);
	ledger_fingerprint(k->l, "b", "2", 5);
	ledger_fingerprint(k->l, "b", "3", 6);
	kit_commit(k);
	CHECK(ledger_fingerprints(k->l, NULL, see_fingerprint, &got));
	CHECK_STR(got.data, "a 1 5\nb 3 6\n");
	buf_reset(&got);
	CHECK(ledger_fingerprints(k->l, "b", see_fingerprint, &got));
	CHECK_STR(got.data, "b 3 6\n");
	buf_release(&got);
}

static bool see_breaker(void *ctx, const struct ledger_breaker_row *r)
{
	struct seen *s = ctx;

	buf_addf(&s->b, "%s %d %u %lld\n", r->name, r->open, r->failures, (long long)r->open_until_ms);
	return go_on(s);
}

static void breakers_are_listed(void **state)
{
	const struct ledger_breaker_rule rule = {.failures = 2, .window_ms = 100, .cooldown_ms = 50};
	struct kit *k = *state;
	struct seen s = {.b = BUF_INIT};

	kit_open(k, LEDGER_WRITE);
	ledger_breaker_failed(k->l, "b", &rule, 10);
	ledger_breaker_failed(k->l, "a", &rule, 10);
	ledger_breaker_failed(k->l, "b", &rule, 20);
	kit_commit(k);
	CHECK(ledger_breakers(k->l, see_breaker, &s));
	SAW(s, "a 0 1 -1\nb 1 2 70\n");
}

static void a_commit_of_somebody_else_is_noticed(void **state)
{
	struct kit *k = *state;
	struct kit other = {.path = k->path, .err = LEDGER_ERROR_INIT};
	int64_t before;

	kit_open(k, LEDGER_WRITE);
	other.l = kit_try(&other, LEDGER_READ);
	before = ledger_data_version(other.l);
	CHECK_INT(ledger_data_version(other.l), before);
	kit_run(k, 1, "all");
	CHECK(ledger_data_version(other.l) != before);
	ledger_close(other.l);
}

/* --- the user's own SQL ------------------------------------------------------------------------------------ */

static bool see_head(void *ctx, size_t n, const char *const *name)
{
	struct seen *s = ctx;

	for (size_t i = 0; i < n; i++)
		buf_addf(&s->b, "[%s]", name[i]);
	return true;
}

static bool see_values(void *ctx, size_t n, const struct ledger_value *v)
{
	struct seen *s = ctx;

	for (size_t i = 0; i < n; i++) {
		switch (v[i].type) {
		case LEDGER_NULL:
			buf_puts(&s->b, " null");
			break;
		case LEDGER_INTEGER:
			buf_addf(&s->b, " %lld", (long long)v[i].integer);
			break;
		case LEDGER_REAL:
			buf_addf(&s->b, " %g", v[i].real);
			break;
		case LEDGER_TEXT:
			buf_addf(&s->b, " '%s'", v[i].text);
			break;
		case LEDGER_BLOB:
			buf_addf(&s->b, " blob%zu", v[i].len);
			break;
		}
	}
	return go_on(s);
}

static void answers(struct kit *k, const struct ledger_query *q, const char *want)
{
	struct seen s = {.b = BUF_INIT};

	if (!ledger_sql(k->l, q, see_head, see_values, &s)) {
		if (ledger_error(k->l)->fault != LEDGER_BAD_SQL)
			buf_puts(&s.b, "fault: ");
		buf_puts(&s.b, ledger_error(k->l)->text.data);
	}
	SAW(s, want);
}

#define SQL(text) (&(struct ledger_query){.sql = (text)})

static void one_statement_that_reads_is_answered(void **state)
{
	struct kit *k = *state;
	const char *args[] = {"build", "2"};

	four_runs(k);
	answers(k, SQL("SELECT 1 AS a, 2.5 AS b, 'x' AS c, NULL AS d, x'00ff' AS e; ; -- done\n ; /* quite */"),
		"[a][b][c][d][e] 1 2.5 'x' null blob2");
	answers(k, SQL("SELECT target, state FROM v_runs WHERE 0"), "[target][state]");
	answers(k, SQL("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n"),
		"[i] 1 2 3");
	answers(k, SQL("SELECT name FROM pragma_table_info('fragments')"), "[name] 'id' 'json'");
	answers(k, SQL("PRAGMA page_size"), "[page_size] 4096");
	answers(k, SQL("PRAGMA table_info(fragments)"), "[cid][name][type][notnull][dflt_value][pk]"
							" 0 'id' 'INTEGER' 0 null 1 1 'json' 'TEXT' 1 null 0");
	answers(k, SQL("SELECT length(zeroblob(2000000000)) AS n"), "[n]string or blob too big");
	answers(k, &(struct ledger_query){.sql = "SELECT state FROM v_runs WHERE target = ?1 AND no = ?2",
					  .arg = args, .n_args = 2},
		"[state] 'failed'");
	answers(k, &(struct ledger_query){.sql = "SELECT no FROM v_runs", .limit_rows = 2}, "[no] 1 2");
}

#define NAMED(text, ...)                                                                                      \
	(&(struct ledger_query){.sql = (text), .named = (const struct ledger_arg[]){__VA_ARGS__},             \
				.n_named = sizeof((const struct ledger_arg[]){__VA_ARGS__}) / sizeof(struct ledger_arg)})

static void parameters_have_names(void **state)
{
	struct kit *k = *state;

	four_runs(k);
	answers(k, NAMED("SELECT :a AS a, @b AS b, $c AS c, :a AS d", {"a", "x"}, {"b", "7"}, {"c", "2.5"}),
		"[a][b][c][d] 'x' 7 2.5 'x'");
	answers(k, NAMED("SELECT typeof(:a) AS a", {"a", "5"}, {"a", "007"}), "[a] 'text'");
	answers(k, NAMED("SELECT typeof(:a) AS a", {"a", "1e3"}), "[a] 'text'");
	answers(k, NAMED("SELECT no FROM v_runs ORDER BY no LIMIT :n", {"n", "2"}), "[no] 1 2");
	answers(k, NAMED("SELECT ':a' AS a WHERE :a", {"a", "-1"}), "[a] ':a'");
	answers(k, NAMED("SELECT :days", {"dayz", "7"}), "the statement has no parameter 'dayz'; did you mean 'days'?");
	answers(k, &(struct ledger_query){.sql = "SELECT :a AS a, ?2 AS b", .arg = (const char *[]){"", "2"}, .n_args = 2,
					  .named = &(struct ledger_arg){"a", "x"}, .n_named = 1},
		"[a][b] 'x' '2'");
	answers(k, &(struct ledger_query){.sql = "SELECT ? AS b, :a AS a", .arg = (const char *[]){"2"}, .n_args = 1,
					  .named = &(struct ledger_arg){"a", "x"}, .n_named = 1},
		"[b][a] '2' 'x'");
	answers(k, SQL("SELECT :days"), "the parameter 'days' has no value: give it as days=VALUE");
	answers(k, NAMED("SELECT no FROM v_runs LIMIT :n", {"n", "many"}), "[no]datatype mismatch");
}

static void a_signal_ends_a_statement(void **state)
{
	struct kit *k = *state;
	volatile sig_atomic_t stop = 1;

	kit_open(k, LEDGER_WRITE);
	answers(k, &(struct ledger_query){.sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
						 " SELECT max(i) AS m FROM n",
					  .stop = &stop},
		"[m]interrupted");
	stop = 0;
	answers(k, &(struct ledger_query){.sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000)"
						 " SELECT max(i) AS m FROM n",
					  .stop = &stop},
		"[m] 5000");
}

static void a_store_is_read_and_nothing_else(void **state)
{
	struct kit *k = *state;
	const struct ledger_options look = {.mode = LEDGER_LOOK}, live = {.mode = LEDGER_READ};
	char *path = path_join(k->dir, "store.db");

	k->l = ledger_open_store(path, &look, &k->err);
	assert_null(k->l);
	CHECK_INT(k->err.fault, LEDGER_MISSING);
	CHECK_INT(access(path, F_OK), -1);
	free(k->path);
	k->path = path;
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	kit_exec(k, "CREATE TABLE t (x); INSERT INTO t VALUES (5)");
	k->l = ledger_open_store(path, &look, &k->err);
	assert_non_null(k->l);
	answers(k, SQL("SELECT x FROM t"), "[x] 5");
	answers(k, SQL("DELETE FROM t"), "only what reads is allowed here");
	kit_shut(k);
	k->l = ledger_open_store(path, &live, &k->err);
	assert_non_null(k->l);
	answers(k, SQL("SELECT x FROM t"), "[x] 5");
	kit_exec(k, "UPDATE t SET x = 6");
	answers(k, SQL("SELECT x FROM t"), "[x] 6");
	answers(k, SQL("DELETE FROM t"), "only what reads is allowed here");
	kit_shut(k);
	assert_int_equal(truncate(path, 4), 0);
	assert_int_equal(file_write_atomic(path, "no database, but something else", 31, 0600), 0);
	assert_null(ledger_open_store(path, &look, &k->err));
	assert_non_null(strstr(k->err.text.data, "store '"));
}

static void write_bytes(const char *path, const struct buf *b)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, b->data, b->len), 0);
	close(fd);
}

/* A copy of one that somebody writes has the log, and may not have its index. */
static void a_store_with_a_log_and_no_index_can_be_read(void **state)
{
	struct kit *k = *state;
	struct buf file = BUF_INIT, log = BUF_INIT;
	sqlite3 *db;
	char *wal = xasprintf("%s-wal", k->path);

	assert_int_equal(sqlite3_open(k->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (7)", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(file_read(k->path, &file, 1 << 20), 0);
	assert_int_equal(file_read(wal, &log, 1 << 20), 0);
	sqlite3_close(db); /* it takes both with it */
	write_bytes(k->path, &file);
	write_bytes(wal, &log);
	k->l = ledger_open_store(k->path, &(struct ledger_options){.mode = LEDGER_LOOK}, &k->err);
	if (!k->l)
		fail_msg("%s", k->err.text.data);
	answers(k, SQL("SELECT x FROM t"), "[x] 7");
	buf_release(&file);
	buf_release(&log);
	free(wal);
}

static void whatever_writes_or_is_wrong_is_refused(void **state)
{
	static const char *const writes[] = {
		"DELETE FROM runs", "INSERT INTO states VALUES (99, 'x', 1, 1, 1, '')", "DROP VIEW v_runs",
		"UPDATE runs SET state = 1", "CREATE TEMP TABLE t (x)", "ATTACH ':memory:' AS other",
		"PRAGMA journal_mode = DELETE", "PRAGMA query_only = OFF", "PRAGMA user_version = 5", "BEGIN",
		"VACUUM", "VACUUM INTO 'copy'", "REINDEX", "ANALYZE", "DETACH main", "SAVEPOINT s",
		"SELECT load_extension('x')", "PRAGMA wal_checkpoint", "UPDATE runs SET state = 1 WHERE 0",
	};
	struct kit *k = *state;
	const char *args[] = {"1", "2"};

	four_runs(k);
	for (int mode = LEDGER_WRITE; mode <= LEDGER_READ; mode++) {
		kit_open(k, (enum ledger_mode)mode);
		for (size_t i = 0; i < ARRAY_LEN(writes); i++)
			answers(k, SQL(writes[i]), "only what reads is allowed here");
		answers(k, SQL("UPDATE sqlite_master SET sql = ''"), "table sqlite_master may not be modified");
		answers(k, SQL("DELETE FROM sqlite_master"), "table sqlite_master may not be modified");
		if (sqlite3_compileoption_used("ENABLE_FTS3"))
			answers(k, SQL("SELECT fts3_tokenizer('simple')"), "only what reads is allowed here");
		answers(k, SQL("SELECT 1; SELECT 2"), "one statement at a time");
		answers(k, SQL("SELECT 1; DELETE FROM runs"), "one statement at a time");
		answers(k, SQL("SELECT 1;; -- and\n ; SELECT 2"), "one statement at a time");
		answers(k, SQL("SELECT 1; SELEC 2"), "one statement at a time");
		answers(k, SQL("  -- nothing\n"), "there is no statement");
		answers(k, SQL("SELECT x FROM nowhere"), "no such table: nowhere");
		answers(k, SQL("SELEC 1"), "near \"SELEC\": syntax error (at character 1)");
		answers(k, &(struct ledger_query){.sql = "SELECT ?1", .arg = args, .n_args = 2},
			"there are more arguments than ?s for them");
		answers(k, SQL("SELECT abs(-9223372036854775808)"),
			"[abs(-9223372036854775808)]integer overflow");
	}
	kit_open(k, LEDGER_WRITE);
	kit_whole_run(k, 77, "after", 1); /* writing goes on as before */
	kit_sound(k);
}

static void a_statement_that_takes_too_long_is_stopped(void **state)
{
	struct kit *k = *state;

	kit_open(k, LEDGER_WRITE);
	answers(k, &(struct ledger_query){.sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
						 " SELECT max(i) AS m FROM n",
					  .limit_ms = 20},
		"[m]it took longer than it may");
	answers(k, &(struct ledger_query){.sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000)"
						 " SELECT max(i) AS m FROM n",
					  .limit_ms = 3600000},
		"[m] 5000");
}

static void every_view_can_be_read(void **state)
{
	struct kit *k = *state;
	struct seen s = {.b = BUF_INIT};
	char *views;
	int n = 0;

	four_runs(k);
	CHECK(ledger_sql(k->l, SQL("SELECT group_concat(name, ' ') FROM sqlite_schema WHERE type = 'view'"), NULL,
			 see_values, &s));
	views = buf_detach(&s.b);
	for (char *name = strtok(views, " '"); name; name = strtok(NULL, " '")) {
		char *sql = xasprintf("SELECT * FROM %s", name);
		struct seen rows = {.b = BUF_INIT};

		if (!ledger_sql(k->l, SQL(sql), see_head, see_values, &rows))
			fail_msg("%s: %s", name, ledger_error(k->l)->text.data);
		buf_release(&rows.b);
		free(sql);
		n++;
	}
	CHECK_INT(n, 16);
	free(views);
}

/* --- without a trace ---------------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
 * Names, sizes, times of change and bytes of everything in the folder.  (Not the inodes' times: as
 * root, SQLite hands the files beside a database to its owner, also if they are his already.)
 */
static char *listing(const struct kit *k)
{
	struct buf b = BUF_INIT;
	DIR *d = opendir(k->dir);
	struct dirent *e;
	char *line[16];
	size_t n = 0;

	while ((e = readdir(d))) {
		char *name = path_join(k->dir, e->d_name);
		struct buf bytes = BUF_INIT;
		struct digest sum;
		struct stat st;

		assert_int_equal(stat(name, &st), 0);
		if (S_ISREG(st.st_mode)) {
			assert_int_equal(file_read(name, &bytes, 1 << 24), 0);
			digest_of(&sum, bytes.data, bytes.len);
			line[n++] = xasprintf("%s %lld %ld.%09ld %s\n", e->d_name, (long long)st.st_size,
					      (long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, sum.hex);
		} else {
			line[n++] = xasprintf("%s %ld.%09ld\n", e->d_name, (long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
		}
		buf_release(&bytes);
		free(name);
		/* The folder above is others' too. */
		if (!strcmp(e->d_name, ".."))
			free(line[--n]);
	}
	closedir(d);
	qsort(line, n, sizeof(*line), by_text);
	for (size_t i = 0; i < n; i++) {
		buf_puts(&b, line[i]);
		free(line[i]);
	}
	return buf_detach(&b);
}

/*
 * In a process of its own, begun anew: SQLite shares what it has open within a process, and
 * closing a file that a listing read would drop its locks.
 */
static int look_main(const char *dir, const char *path, const char *want)
{
	struct kit k = {.err = LEDGER_ERROR_INIT, .path = xstrdup(path)};
	struct seen s = {.b = BUF_INIT};
	char *before, *after;
	int rc = 2;

	snprintf(k.dir, sizeof(k.dir), "%s", dir);
	before = listing(&k);
	k.l = kit_try(&k, LEDGER_LOOK);
	if (k.l && ledger_runs(k.l, &(struct ledger_run_filter){0}, see_run, &s) && !strcmp(s.b.data, want))
		rc = 0;
	ledger_close(k.l);
	after = listing(&k);
	if (!rc && strcmp(before, after))
		rc = 1;
	if (rc)
		fprintf(stderr, "%sbefore:\n%safter:\n%s", k.err.text.data, before, after);
	ledger_error_release(&k.err);
	buf_release(&s.b);
	free(k.path);
	free(before);
	free(after);
	return rc;
}

static const char *program; /* how this one was started */

/* This program again, with these words; its exit status. */
static int in_a_process(const char *what, const struct kit *k, const char *arg)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		execl(program, program, what, k->dir, k->path, arg, NULL);
		_exit(4);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Read it all; false if that left a trace. */
static bool reads_without_trace(struct kit *k, const char *want)
{
	int code = in_a_process("look", k, want);

	CHECK(code < 2);
	return code == 0;
}

static void drop_beside(const struct kit *k, const char *suffix)
{
	char *name = xasprintf("%s%s", k->path, suffix);

	(void)unlink(name);
	free(name);
}

static void a_dry_run_reads_without_a_trace(void **state)
{
	static const char two[] = "2 all succeeded\n1 all succeeded\n";
	struct kit *k = *state;

	kit_open(k, LEDGER_WRITE);
	kit_whole_run(k, 1, "all", 1);
	CHECK(reads_without_trace(k, "1 all succeeded\n")); /* while somebody has it open */
	kit_whole_run(k, 2, "all", 1);
	kit_shut(k);
	CHECK(reads_without_trace(k, two)); /* a log and its index are beside it */

	kit_exec(k, "PRAGMA wal_checkpoint(TRUNCATE)"); /* closing brings all of it home */
	CHECK(reads_without_trace(k, two));

	kit_open(k, LEDGER_WRITE);
	kit_whole_run(k, 3, "all", 1);
	kit_shut(k);
	drop_beside(k, "-shm"); /* a copy without the index: it cannot be read without making one */
	CHECK(!reads_without_trace(k, "3 all succeeded\n2 all succeeded\n1 all succeeded\n"));
}

/* --- who looks while others write ---------------------------------------------------------------------------- */

enum { MORE_RUNS = 4 };

/* In a process of its own: many runs more, and then this statement; who makes it brings the log home if nobody else is there. */
static int writer_main(const char *path, const char *then)
{
	struct kit k = {.err = LEDGER_ERROR_INIT, .path = xstrdup(path)};

	kit_open(&k, LEDGER_WRITE);
	for (unsigned i = 0; i < MORE_RUNS; i++)
		kit_whole_run(&k, 100 + i, "later", 3);
	kit_shut(&k);
	if (*then)
		kit_exec(&k, then);
	free(k.path);
	return 0;
}

/* What a reader that has one row in hand, and the rest before it, comes to when others write. */
struct meanwhile {
	struct kit *k;
	const char *then;
	struct buf seen;
};

static bool write_meanwhile(void *ctx, const struct ledger_run_row *r)
{
	struct meanwhile *m = ctx;

	buf_addf(&m->seen, "%s ", r->target);
	if (m->then)
		CHECK_INT(in_a_process("write", m->k, m->then), 0);
	m->then = NULL;
	return true;
}

static bool add_step_name(void *ctx, const struct ledger_step_row *r)
{
	buf_addf(ctx, "%s ", r->name);
	return true;
}

/* True, and what was there at the opening; or false. */
static bool looks_while_others_write(struct kit *k, const char *then)
{
	struct meanwhile m = {k, then, BUF_INIT};
	bool ok;

	kit_open(k, LEDGER_LOOK);
	ok = ledger_runs(k->l, &(struct ledger_run_filter){0}, write_meanwhile, &m) &&
	     ledger_steps(k->l, 1, NULL, add_step_name, &m.seen) &&
	     ledger_runs(k->l, &(struct ledger_run_filter){0}, write_meanwhile, &m);
	if (ok)
		CHECK_STR(m.seen.data, "first first all/s0 all/s1 first first ");
	buf_release(&m.seen);
	return ok;
}

static void later_everything_is_seen(struct kit *k)
{
	char text[16];

	snprintf(text, sizeof(text), "[n] %d", MORE_RUNS + 2);
	kit_open(k, LEDGER_LOOK);
	answers(k, SQL("SELECT count(*) AS n FROM v_runs"), text);
}

static void two_first_runs(struct kit *k)
{
	kit_open(k, LEDGER_WRITE);
	kit_whole_run(k, 1, "first", 2);
	kit_whole_run(k, 2, "first", 2);
	kit_shut(k);
}

static void who_looks_sees_one_moment(void **state)
{
		static const char *const then[] = {"", "SELECT 1", "PRAGMA wal_checkpoint(PASSIVE)", "PRAGMA wal_checkpoint(RESTART)"};
	struct kit *k = *state;

	for (size_t i = 0; i < ARRAY_LEN(then); i++) {
		kit_shut(k);
		kit_empty(k->dir);
		two_first_runs(k);
		CHECK(looks_while_others_write(k, then[i]));
		later_everything_is_seen(k);
	}
}

static void a_file_alone_that_is_written_to_meanwhile_gives_no_half_answer(void **state)
{
	struct kit *k = *state;

	two_first_runs(k);
	kit_exec(k, "PRAGMA wal_checkpoint(TRUNCATE)");
	drop_beside(k, "-wal");
	drop_beside(k, "-shm");
	CHECK(!looks_while_others_write(k, "PRAGMA wal_checkpoint(TRUNCATE)"));
	CHECK_INT(ledger_error(k->l)->fault, LEDGER_BUSY);
	later_everything_is_seen(k);
}

static void a_file_alone_stays_as_it_was_while_others_only_log(void **state)
{
	struct kit *k = *state;

	two_first_runs(k);
	kit_exec(k, "PRAGMA wal_checkpoint(TRUNCATE)");
	drop_beside(k, "-wal");
	drop_beside(k, "-shm");
	CHECK(looks_while_others_write(k, ""));
	later_everything_is_seen(k);
}

static void a_name_is_a_name_also_as_a_uri(void **state)
{
	struct kit *k = *state;

	free(k->path);
	k->path = path_join(k->dir, "100%41 ?mode=x#y;&.db");
	kit_open(k, LEDGER_WRITE);
	kit_whole_run(k, 1, "all", 1);
	kit_shut(k);
	CHECK(reads_without_trace(k, "1 all succeeded\n"));
}

static void read_in_a_folder_without_rights(struct kit *k, const char *want)
{
	if (!geteuid() && setresuid(65534, 65534, 65534))
		_exit(77);
	k->l = kit_try(k, LEDGER_READ);
	if (!k->l)
		fail_msg("%s", k->err.text.data);
	runs_are(k, &(struct ledger_run_filter){0}, want);
	_exit(0);
}

static void a_read_only_folder_can_be_read(void **state)
{
	struct kit *k = *state;
	int status;
	pid_t pid;

	kit_open(k, LEDGER_WRITE);
	kit_whole_run(k, 1, "all", 1);
	kit_shut(k);
	kit_exec(k, "PRAGMA wal_checkpoint(TRUNCATE)");
	chmod(k->path, 0444);
	chmod(k->dir, 0555);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		read_in_a_folder_without_rights(k, "1 all succeeded\n");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	chmod(k->dir, 0700);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		SKIP_HERE();
	CHECK_INT(status, 0);
}

/* --- damage --------------------------------------------------------------------------------------------------- */

static bool swallow_run(void *ctx, const struct ledger_run_row *r)
{
	struct buf b = BUF_INIT;

	(void)ctx;
	buf_addf(&b, "%s%s%s", r->id, r->target, r->command ? r->command : "");
	buf_release(&b);
	return true;
}

static bool swallow_step(void *ctx, const struct ledger_step_row *r)
{
	(void)ctx;
	return strlen(r->name) + strlen(r->key) < SIZE_MAX;
}

static bool swallow_attempt(void *ctx, const struct ledger_attempt_row *r)
{
	(void)ctx;
	return strlen(r->name) < SIZE_MAX;
}

static bool swallow_event(void *ctx, const struct run_event *e)
{
	json_t *j = event_to_json(e);

	(void)ctx;
	json_decref(j);
	return true;
}

static void swallow_fault(void *ctx, const char *text)
{
	(void)ctx;
	CHECK(strlen(text) > 0);
}

static void read_everything(struct ledger *l)
{
	struct buf b = BUF_INIT;
	struct ledger_durations d;
	size_t faults;
	int64_t run;

	(void)ledger_runs(l, &(struct ledger_run_filter){0}, swallow_run, NULL);
	for (run = 1; run < 4; run++) {
		(void)ledger_steps(l, run, NULL, swallow_step, NULL);
		(void)ledger_attempts(l, run, LEDGER_ANY, swallow_attempt, NULL);
		(void)ledger_events(l, run, 1, 0, swallow_event, NULL);
		(void)ledger_run_definition(l, run, &b);
		(void)ledger_run_result(l, run, &b);
	}
	(void)ledger_durations(l, LEDGER_BY_NAME, &d);
	ledger_durations_release(&d);
	(void)ledger_fingerprints(l, NULL, see_fingerprint, &b);
	(void)ledger_files(l, NULL, see_file, &b);
	(void)ledger_run_find(l, "last", NULL, &run, &b);
	(void)ledger_fsck(l, swallow_fault, NULL, &faults);
	buf_release(&b);
}

/* Whatever the bytes say: an answer or an error, and the process lives. */
static void damaged_bytes_never_crash_anything(void **state)
{
	enum { ROUNDS = 300 };
	struct kit *k = *state;
	struct buf good = BUF_INIT, bad = BUF_INIT;

	srand(check_seed());
	four_runs(k);
	kit_shut(k);
	kit_exec(k, "PRAGMA wal_checkpoint(TRUNCATE)");
	assert_int_equal(file_read(k->path, &good, 1 << 24), 0);
	for (int i = 0; i < ROUNDS; i++) {
		buf_reset(&bad);
		buf_add(&bad, good.data, good.len);
		for (int n = 1 + rand() % 20; n; n--)
			bad.data[(size_t)rand() % (rand() % 3 ? bad.len : 8192)] ^= (char)(1 << rand() % 8);
		if (rand() % 10 == 0)
			buf_cut(&bad, (size_t)rand() % bad.len);
		drop_beside(k, "-wal");
		drop_beside(k, "-shm");
		write_bytes(k->path, &bad);
		k->l = kit_try(k, i % 2 ? LEDGER_LOOK : LEDGER_WRITE);
		if (k->l)
			read_everything(k->l);
		kit_shut(k);
	}
	buf_release(&good);
	buf_release(&bad);
}

/* --- rows that cannot be -------------------------------------------------------------------------------- */

static bool see_job_row(void *ctx, const struct ledger_job_row *r)
{
	return !ctx && r;
}

static bool see_event_row(void *ctx, const struct run_event *e)
{
	return !ctx && e;
}

static bool see_step_row(void *ctx, const struct ledger_step_row *r)
{
	return !ctx && r;
}

static bool see_attempt_row(void *ctx, const struct ledger_attempt_row *r)
{
	return !ctx && r;
}

static bool see_run_row(void *ctx, const struct ledger_run_row *r)
{
	return !ctx && r;
}

static bool read_table(struct ledger *l, char table)
{
	switch (table) {
	case 'r': return ledger_run_get(l, 1, see_run_row, NULL);
	case 'j': return ledger_jobs(l, 1, see_job_row, NULL);
	case 's': return ledger_steps(l, 1, NULL, see_step_row, NULL);
	case 'a': return ledger_attempts(l, 1, LEDGER_ANY, see_attempt_row, NULL);
	}
	return ledger_events(l, 1, 1, 0, see_event_row, NULL);
}

static void a_number_that_no_word_has_is_said(void **state)
{
	static const struct {
		char table;
		const char *sql, *said;
	} row[] = {
		{'r', "UPDATE runs SET state = 999", "state number 999 is not known"},
		{'r', "UPDATE runs SET state = 0", "state number 0 is not known"},
		{'j', "UPDATE jobs SET state = 999", "state number 999 is not known"},
		{'j', "UPDATE jobs SET reason = 998", "reason number 998 is not known"},
		{'s', "UPDATE steps SET state = 999", "state number 999 is not known"},
		{'s', "UPDATE steps SET reason = 998", "reason number 998 is not known"},
		{'a', "UPDATE attempts SET state = 999", "state number 999 is not known"},
		{'a', "UPDATE attempts SET reason = 998", "reason number 998 is not known"},
		{'a', "PRAGMA ignore_check_constraints = ON; UPDATE attempts SET phase = 7", "has the phase 7, which there is not"},
		{'a', "PRAGMA ignore_check_constraints = ON; UPDATE attempts SET phase = -1", "has the phase -1, which there is not"},
		{'e', "UPDATE events SET kind = 997", "event number 997 is not known"},
		{'e', "UPDATE events SET state = 999", "state number 999 is not known"},
		{'e', "UPDATE events SET reason = 998", "reason number 998 is not known"},
	};
	struct kit *k = *state;

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		int64_t run;

		kit_empty(k->dir);
		kit_open(k, LEDGER_WRITE);
		run = kit_run(k, 1, "all");
		kit_steps(k, run, 1);
		ledger_job(k->l, run, &(struct ledger_job){.group = 0, .parent = GROUP_NONE, .name = "all", .kind = "job"});
		kit_do(k, run, 0, 1, STATE_SUCCEEDED, 1000);
		kit_commit(k);
		CHECK(read_table(k->l, row[i].table));
		kit_exec(k, row[i].sql);
		if (read_table(k->l, row[i].table))
			fail_msg("%s: it is read", row[i].sql);
		CHECK_INT(ledger_error(k->l)->fault, LEDGER_DAMAGED);
		if (!strstr(ledger_error(k->l)->text.data, row[i].said))
			fail_msg("'%s' is said, not '%s'", ledger_error(k->l)->text.data, row[i].said);
		kit_shut(k);
	}
}

/* Another version may have numbered its words otherwise. */
static void words_are_found_whatever_their_numbers_are(void **state)
{
	struct kit *k = *state;

	kit_open(k, LEDGER_WRITE);
	kit_shut(k);
	kit_exec(k, "UPDATE states SET no = no + 100; UPDATE reasons SET no = -no; UPDATE event_kinds SET no = no + 1000");
	kit_open(k, LEDGER_WRITE);
	CHECK(k->l->words.complete);
	kit_whole_run(k, 1, "all", 2);
	CHECK(read_table(k->l, 'r') && read_table(k->l, 's') && read_table(k->l, 'a') && read_table(k->l, 'e'));
	kit_sound(k);
}

/* Its shape is as it was, its numbers are not. */
static void durations_that_cannot_be_are_as_good_as_unknown(void **state)
{
	static const char *const changes[] = {"-5", "9223372036854775807", "NULL"};
	struct kit *k = *state;

	kit_open(k, LEDGER_WRITE);
	kit_whole_run(k, 1, "all", 1);
	CHECK(ledger_duration_ms(k->l, LEDGER_BY_KEY, "all||s0") > 0);
	kit_exec(k, "ALTER TABLE durations RENAME TO ours; CREATE TABLE durations AS SELECT * FROM ours"); /* without NOT NULL */
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		char *sql = xasprintf("UPDATE durations SET d1 = %s", changes[i]);
		struct ledger_durations d;

		kit_exec(k, sql);
		CHECK(ledger_durations(k->l, LEDGER_BY_KEY, &d));
		if (ledger_durations_ms(&d, "all||s0") > 0)
			fail_msg("%s: %f", changes[i], ledger_durations_ms(&d, "all||s0"));
		ledger_durations_release(&d);
		free(sql);
	}
}

static bool no_more(void *ctx, size_t n, const char *const *name)
{
	(void)n;
	(void)name;
	++*(int *)ctx;
	return false;
}

static bool never_a_row(void *ctx, size_t n, const struct ledger_value *v)
{
	(void)ctx;
	(void)n;
	(void)v;
	fail_msg("a row, although the columns were enough");
	return false;
}

static void whoever_has_seen_the_columns_may_stop(void **state)
{
	struct kit *k = *state;
	int heads = 0;

	kit_open(k, LEDGER_WRITE);
	CHECK(ledger_sql(k->l, &(struct ledger_query){.sql = "SELECT 1"}, no_more, never_a_row, &heads));
	CHECK_INT(heads, 1);
}

static bool one_row(void *ctx, size_t n, const struct ledger_value *v)
{
	(void)n;
	*(int64_t *)ctx += v[0].integer;
	return false;
}

static void whoever_has_seen_a_row_may_stop(void **state)
{
	struct kit *k = *state;
	int64_t sum = 0;

	kit_open(k, LEDGER_WRITE);
	CHECK(ledger_sql(k->l, &(struct ledger_query){.sql = "SELECT 3 UNION ALL SELECT 4"}, NULL, one_row, &sum));
	CHECK_INT(sum, 3);
}

static void what_is_typed_is_whole_where_its_statement_ends(void **state)
{
	(void)state;
	CHECK(!ledger_sql_complete("SELECT 1"));
	CHECK(!ledger_sql_complete("SELECT ';"));
	CHECK(ledger_sql_complete("SELECT\n1; -- so"));
}

/* SQLite calls these for a journal that a crash left; whoever only looks must not roll it back. */
static void whoever_looks_makes_and_deletes_nothing(void **state)
{
	struct kit *k = *state;
	sqlite3_vfs *vfs = sqlite3_vfs_find(look_vfs());
	sqlite3_file *file = xcalloc(1, (size_t)vfs->szOsFile);
	int flags = 0;

	CHECK(vfs->xOpen(vfs, k->path, file, SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &flags));
	CHECK_INT(access(k->path, F_OK), -1);
	kit_open(k, LEDGER_WRITE);
	CHECK(!vfs->xOpen(vfs, k->path, file, SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_READWRITE, &flags));
	CHECK(flags & SQLITE_OPEN_READONLY);
	file->pMethods->xClose(file);
	CHECK_INT(vfs->xDelete(vfs, k->path, 0), SQLITE_READONLY);
	CHECK_INT(access(k->path, F_OK), 0);
	free(file);
}

/* As after an upgrade that was undone: the next statement has to read the schema, and the disk refuses. */
static void a_schema_that_cannot_be_read_is_no_fault_of_the_statement(void **state)
{
	struct kit *k = *state;

	kit_open(k, LEDGER_WRITE);
	assert_int_equal(sqlite3_exec(k->l->db, "BEGIN; CREATE TABLE x (y); ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	kit_exec(k, "PRAGMA wal_checkpoint(TRUNCATE)");
	assert_int_equal(truncate(k->path, 4096), 0);
	CHECK(!ledger_sql(k->l, &(struct ledger_query){.sql = "SELECT * FROM v_runs"}, NULL, never_a_row, NULL));
	CHECK_INT(ledger_error(k->l)->fault, LEDGER_DAMAGED);
}

static void a_parameter_that_nobody_has_is_said_with_one_that_is_like_it(void **state)
{
	static const struct {
		const char *sql, *name, *said;
	} row[] = {
		{"SELECT ?1, :name", "nam", "the statement has no parameter 'nam'; did you mean 'name'?"},
		{"SELECT ?1, ?", "name", "the statement has no parameter 'name'"},
		{"SELECT ?1, :name, :other", "name", "the parameter 'other' has no value: give it as other=VALUE"},
	};
	struct kit *k = *state;

	kit_open(k, LEDGER_WRITE);
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		const struct ledger_arg arg = {row[i].name, "1.5x"};

		CHECK(!ledger_sql(k->l, &(struct ledger_query){.sql = row[i].sql, .named = &arg, .n_named = 1}, NULL,
				  never_a_row, NULL));
		CHECK_STR(ledger_error(k->l)->text.data, row[i].said);
	}
}

static void a_number_of_runs_back_is_written_as_one(void **state)
{
	static const char *const odd[] = {"@-0", "@-1x", "@-", "@-x"};
	struct kit *k = *state;

	four_runs(k);
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		struct buf err = BUF_INIT;
		int64_t run;

		CHECK_INT(ledger_run_find(k->l, odd[i], NULL, &run, &err), LEDGER_NONE);
		CHECK(strstr(err.data, "is no run") != NULL);
		buf_release(&err);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(durations_that_cannot_be_are_as_good_as_unknown),
		KIT_TEST(whoever_has_seen_the_columns_may_stop),
		KIT_TEST(whoever_has_seen_a_row_may_stop),
		KIT_TEST(what_is_typed_is_whole_where_its_statement_ends),
		KIT_TEST(whoever_looks_makes_and_deletes_nothing),
		KIT_TEST(a_schema_that_cannot_be_read_is_no_fault_of_the_statement),
		KIT_TEST(a_parameter_that_nobody_has_is_said_with_one_that_is_like_it),
		KIT_TEST(a_number_of_runs_back_is_written_as_one),
		KIT_TEST(a_number_that_no_word_has_is_said),
		KIT_TEST(words_are_found_whatever_their_numbers_are),
		KIT_TEST(runs_are_listed_newest_first_and_filtered),
		KIT_TEST(a_run_is_read_as_it_was_written),
		KIT_TEST(runs_are_found_by_what_people_call_them),
		KIT_TEST(the_last_success_is_found),
		KIT_TEST(steps_are_found_by_name_and_pattern),
		KIT_TEST(attempts_and_events_are_read_in_order),
		KIT_TEST(jobs_variables_fragments_artifacts_and_approvals_are_kept),
		KIT_TEST(who_is_given_rows_may_ask_for_others),
		KIT_TEST(an_expected_duration_shrugs_off_one_odd_run),
		KIT_TEST(fingerprints_are_read_at_once),
		KIT_TEST(files_are_kept_by_their_name),
		KIT_TEST(breakers_are_listed),
		KIT_TEST(a_commit_of_somebody_else_is_noticed),
		KIT_TEST(one_statement_that_reads_is_answered),
		KIT_TEST(parameters_have_names),
		KIT_TEST(a_signal_ends_a_statement),
		KIT_TEST(a_store_is_read_and_nothing_else),
		KIT_TEST(a_store_with_a_log_and_no_index_can_be_read),
		KIT_TEST(whatever_writes_or_is_wrong_is_refused),
		KIT_TEST(a_statement_that_takes_too_long_is_stopped),
		KIT_TEST(every_view_can_be_read),
		KIT_TEST(a_dry_run_reads_without_a_trace),
		KIT_TEST(who_looks_sees_one_moment),
		KIT_TEST(a_file_alone_that_is_written_to_meanwhile_gives_no_half_answer),
		KIT_TEST(a_file_alone_stays_as_it_was_while_others_only_log),
		KIT_TEST(a_name_is_a_name_also_as_a_uri),
		KIT_TEST(a_read_only_folder_can_be_read),
		KIT_TEST(damaged_bytes_never_crash_anything),
	};

	if (argc == 5 && !strcmp(argv[1], "look"))
		return look_main(argv[2], argv[3], argv[4]);
	if (argc == 5)
		return writer_main(argv[3], argv[4]);
	program = argv[0];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
