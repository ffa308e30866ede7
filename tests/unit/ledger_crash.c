/*
 * A writer is killed at random instants.  Whatever it had been told is committed is
 * there, nothing is half there, and the next one goes on.
 */
#include "ledger_kit.h"

#include <signal.h>
#include <time.h>

enum { KILLS = 50, STEPS = 200, LONGEST_US = 30000 };

/* What the writer says after each commit: the number of events that are now in the ledger. */
struct report {
	int64_t run;
	uint64_t events;
};

static void tell(int fd, int64_t run, uint64_t events)
{
	const struct report r = {run, events};

	if (write(fd, &r, sizeof(r)) != (ssize_t)sizeof(r))
		_exit(3);
}

static void write_until_killed(const char *path, unsigned id, int fd)
{
	struct kit k = {.path = xstrdup(path), .err = LEDGER_ERROR_INIT};
	int64_t run;

	k.l = kit_try(&k, LEDGER_WRITE);
	if (!k.l)
		_exit(1);
	run = kit_run(&k, id, "all");
	tell(fd, run, 0);
	kit_steps(&k, run, STEPS);
	for (uint32_t i = 0; i < STEPS; i++) {
		kit_start(&k, run, i, i + 1, 1);
		if (i % 3 == 0 && !ledger_commit(k.l))
			_exit(2);
		tell(fd, run, ledger_pending(k.l) ? 0 : k.seq);
		ledger_attempt_ended(k.l, run, i + 1, &(struct ledger_attempt_end){.state = STATE_SUCCEEDED, .wall_ms = KIT_TIME, .duration_us = 5});
		kit_settle(&k, run, i, 1, STATE_SUCCEEDED);
		if (i % 7 == 0) {
			if (!ledger_commit(k.l))
				_exit(2);
			tell(fd, run, k.seq);
		}
	}
	for (;;)
		pause();
}

/* The last word of the writer, which lives for some time and no longer. */
static struct report killed_writer(const char *path, unsigned id)
{
	struct timespec t = {.tv_nsec = rand() % LONGEST_US * 1000L};
	struct report r = {0}, got;
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		close(fds[0]);
		write_until_killed(path, id, fds[1]);
	}
	close(fds[1]);
	/* Every other one is let come as far as a run; the others may die while they open the ledger. */
	if (id % 2 && read(fds[0], &r, sizeof(r)) != (ssize_t)sizeof(r))
		r = (struct report){0};
	nanosleep(&t, NULL); /* the instant is what the test is about */
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	while (read(fds[0], &got, sizeof(got)) == (ssize_t)sizeof(got)) {
		r.run = got.run;
		if (got.events > r.events)
			r.events = got.events;
	}
	close(fds[0]);
	return r;
}

static bool count_event(void *ctx, const struct run_event *e)
{
	uint64_t *n = ctx;

	CHECK_INT(e->seq, *n + 1);
	++*n;
	return true;
}

static bool repair_it(void *ctx, const struct ledger_run_row *r)
{
	int64_t *run = ctx;

	*run = r->no;
	return false;
}

static void check_after(struct kit *k, const struct report *told)
{
	uint64_t events = 0;
	int64_t open = 0;
	bool applied = true;

	kit_open(k, LEDGER_WRITE);
	kit_sound(k);
	if (told->run) {
		CHECK(ledger_events(k->l, told->run, 1, 0, count_event, &events));
		if (events < told->events)
			fail_msg("%llu events were committed, %llu are there", (unsigned long long)told->events,
				 (unsigned long long)events);
	}
	CHECK(ledger_open_runs(k->l, repair_it, &open));
	if (open)
		CHECK(ledger_repair_run(k->l, open, NULL, 0, KIT_TIME + 50000, &applied));
	CHECK(applied);
	kit_sound(k);
	kit_shut(k);
}

static void nothing_that_was_committed_is_lost_to_a_kill(void **state)
{
	struct kit *k = *state;
	size_t begun = 0;

	srand(check_seed());
	for (unsigned i = 1; i <= KILLS; i++) {
		struct report told = killed_writer(k->path, i);

		begun += told.run > 0;
		if (access(k->path, F_OK)) /* it died before it had made one */
			continue;
		check_after(k, &told);
	}
	print_message("%zu of %d writers had begun a run\n", begun, KILLS);
	CHECK(begun >= KILLS / 2);
	kit_open(k, LEDGER_WRITE);
	kit_whole_run(k, KILLS + 1, "all", 3);
	kit_sound(k);
	CHECK_STR(kit_ask(k, "PRAGMA integrity_check"), "ok");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(nothing_that_was_committed_is_lost_to_a_kill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
