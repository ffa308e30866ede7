/*
 * What the warden does where the kernel or the driver lets it down: each fault comes through the one table of
 * system calls.  What it does for steps that run is in exec_local.c.
 */
#include "warden/warden.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/bug.h"
#include "base/stamp.h"
#include "sys/kept.h"
#include "warden_case.h"

/* --- the faults ----------------------------------------------------------------------------------- */

/* How many calls still go well before one fails; -1: all do.  Counted in the process of the warden. */
static int before_mmap, before_prctl, before_null;

static bool is_it(int *left)
{
	return *left >= 0 && (*left)-- == 0;
}

static void *failing_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	if (!is_it(&before_mmap))
		return mmap(at, len, prot, flags, fd, offset);
	errno = ENOMEM;
	return MAP_FAILED;
}

static int failing_prctl(int option, unsigned long value)
{
	if (!is_it(&before_prctl))
		return calls_real.prctl(option, value);
	errno = EPERM;
	return -1;
}

static int failing_open(int dir, const char *path, int flags, mode_t mode)
{
	if (strcmp(path, "/dev/null") != 0 || !is_it(&before_null))
		return calls_real.openat(dir, path, flags, mode);
	errno = EMFILE;
	return -1;
}

static int no_signalfd(int fd, const sigset_t *set, int flags)
{
	(void)fd, (void)set, (void)flags;
	errno = EMFILE;
	return -1;
}

static pid_t somebody_elses(void)
{
	return 1;
}

static int dies(void *arg)
{
	(void)arg;
	raise(SIGKILL);
	_exit(0);
}

static int clone_of_one_who_dies(int (*fn)(void *), void *stack_end, int flags, void *arg)
{
	(void)fn;
	return calls_real.clone(dies, stack_end, flags, arg);
}

static pid_t immense_usage(pid_t pid, int *status, int flags, struct rusage *u)
{
	pid_t got = wait4(pid, status, flags, u);

	if (got > 0 && u) {
		u->ru_maxrss = INT64_MAX;
		u->ru_utime.tv_sec = INT64_MAX / 2000000;
	}
	return got;
}

static pid_t nothing_at_first(pid_t pid, int *status, int flags, struct rusage *u)
{
	static int calls;

	return calls++ ? wait4(pid, status, flags, u) : 0;
}

static ssize_t mute(int fd, const struct msghdr *m, int flags)
{
	(void)fd, (void)m, (void)flags;
	errno = EAGAIN;
	return -1;
}

static ssize_t nobody_listens(int fd, const struct msghdr *m, int flags)
{
	(void)fd, (void)m, (void)flags;
	errno = EPIPE;
	return -1;
}

static ssize_t hesitant(int fd, const struct msghdr *m, int flags)
{
	static int calls;

	return calls++ < 20 ? mute(fd, m, flags) : sendmsg(fd, m, flags);
}

static ssize_t no_signal_at_first(int fd, void *data, size_t len)
{
	static int calls;

	if (len != sizeof(struct signalfd_siginfo) || calls++)
		return read(fd, data, len);
	errno = EAGAIN;
	return -1;
}

static struct calls faulty;

/* The real ones; the test changes what it wants. */
static struct calls *calls_anew(void)
{
	faulty = calls_real;
	before_mmap = before_prctl = before_null = -1;
	return &faulty;
}

/* --- a step ---------------------------------------------------------------------------------------- */

static struct request shell(const char *script)
{
	static const char *argv[4] = {"/bin/sh", "-c"}, *const env[] = {"PATH=/usr/bin:/bin", NULL};

	argv[2] = script;
	return (struct request){.serial = 7, .argv = argv, .envp = env, .umask = -1, .grace_ms = 60000};
}

static void order(const struct post *p, const struct request *r)
{
	const struct wire_ask ask = {.kind = WIRE_START, .place = 3, .serial = r->serial};
	struct buf b = BUF_INIT;

	CHECK_INT(request_build(&b, r, NULL), 0);
	CHECK(post_send(p, &ask, b.data, b.len, NULL, 0));
	buf_release(&b);
}

/* The next event of that type; others are passed over. */
static struct wire_event await(const struct post *p, enum journal_type type)
{
	struct pollfd f = {.fd = p->socket, .events = POLLIN};

	for (;;) {
		struct wire_event e[WIRE_EVENTS];
		ssize_t n;

		CHECK_INT(poll(&f, 1, POST_PATIENCE_MS), 1);
		n = recv(p->socket, e, sizeof(e), 0);
		CHECK(n > 0);
		for (ssize_t i = 0; i < n / (ssize_t)sizeof(*e); i++)
			if (e[i].record.type == type)
				return e[i];
	}
}

static void ask_stop(const struct post *p, uint32_t kind, bool kill_now)
{
	const struct wire_ask ask = {.kind = kind, .flags = kill_now ? WIRE_KILL_NOW : 0};

	CHECK(post_send(p, &ask, NULL, 0, NULL, 0));
}

static void check_failed(struct wire_event e, enum stage stage, int error)
{
	CHECK_INT(e.record.type, JOURNAL_FAILED);
	CHECK_INT(e.record.failed.stage, stage);
	CHECK_INT(e.record.failed.error, error);
	CHECK_INT(e.place, 3);
	CHECK_INT(e.start_ns, 0);
}

/* --- it cannot begin ------------------------------------------------------------------------------- */

static void a_warden_that_lacks_something_does_not_begin(void **state)
{
	enum { MAPS = 4, CASES = MAPS + 2 };

	(void)state;
	for (int i = 0; i < CASES; i++) {
		struct calls *c = calls_anew();
		struct post p;
		char byte;

		c->mmap = failing_mmap;
		c->openat = failing_open;
		if (i < MAPS)
			before_mmap = i;
		else if (i == MAPS)
			before_null = 0;
		else
			c->signalfd = no_signalfd;
		post_open_with(&p, 1, c);
		CHECK_INT(recv(p.socket, &byte, 1, 0), 0);
		post_close_as(&p, 1);
	}
}

/* As the program is run: what exit code it has for this first message, with this journal. */
static int run_program(const struct calls *c, const struct wire_hello *h, size_t len, bool journal_is_pipe)
{
	int pair[2], journal[2], status;
	pid_t pid;

	CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	CHECK_INT(pipe2(journal, O_CLOEXEC), 0);
	if (len)
		CHECK_INT(send(pair[0], h, len, 0), len);
	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		int high = fcntl(pair[1], F_DUPFD, 50), file = journal_is_pipe ? journal[1] : memfd_create("j", 0);

		file = fcntl(file, F_DUPFD, 50);
		close(pair[0]);
		dup2(high, WIRE_FD_SOCKET);
		dup2(file, WIRE_FD_JOURNAL);
		close_range(WIRE_FD_HELD, ~0u, 0);
		exit(warden_main(c));
	}
	close(pair[0]);
	close(pair[1]);
	close(journal[0]);
	close(journal[1]);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void the_program_refuses_what_no_driver_of_its_build_says(void **state)
{
	enum { USE = 64, SYSTEM = 71 };
	const struct wire_hello good = {.version = WIRE_VERSION, .slots = 1, .nonce = 1};
	struct wire_hello older = good, none = good, many = good;
	struct calls *c = calls_anew();

	(void)state;
	older.version--;
	none.slots = 0;
	many.slots = WARDEN_STEPS + 1;
	CHECK_INT(run_program(c, &good, 0, false), USE);
	CHECK_INT(run_program(c, &good, 3, false), USE);
	CHECK_INT(run_program(c, &older, sizeof(older), false), USE);
	CHECK_INT(run_program(c, &none, sizeof(none), false), USE);
	CHECK_INT(run_program(c, &many, sizeof(many), false), USE);
	CHECK_INT(run_program(c, &good, sizeof(good), true), SYSTEM); /* a pipe is no journal */
	c->prctl = failing_prctl;
	before_prctl = 0;
	CHECK_INT(run_program(c, &good, sizeof(good), false), SYSTEM);
	before_prctl = -1;
	CHECK_INT(run_program(c, &good, sizeof(good), false), 0); /* and its driver has gone */
}

/* --- a start fails --------------------------------------------------------------------------------- */

static void a_step_that_would_outlive_us_is_not_started(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		const struct request r = shell("exit 0");
		struct calls *c = calls_anew();
		struct post p;

		c->prctl = failing_prctl;
		if (i < 2)
			before_prctl = i;
		else
			c->getppid = somebody_elses;
		post_open_with(&p, 1, c);
		order(&p, &r);
		check_failed(await(&p, JOURNAL_FAILED), STAGE_SESSION, i < 2 ? EPERM : ECHILD);
		post_close(&p);
	}
}

static void one_that_is_killed_on_its_way_has_not_started(void **state)
{
	const struct request r = shell("exit 0");
	struct calls *c = calls_anew();
	struct post p;

	(void)state;
	c->clone = clone_of_one_who_dies;
	post_open_with(&p, 1, c);
	order(&p, &r);
	check_failed(await(&p, JOURNAL_FAILED), STAGE_SESSION, EINTR);
	post_close(&p);
}

static void a_log_that_is_a_device_is_refused(void **state)
{
	struct request r = shell("exit 0");
	struct post p;

	(void)state;
	r.log_path = "/dev/null";
	post_open_with(&p, 1, calls_anew());
	order(&p, &r);
	check_failed(await(&p, JOURNAL_FAILED), STAGE_LOG, EINVAL);
	post_close(&p);
}

static void an_output_is_appended_if_that_is_wanted(void **state)
{
	struct request r = shell("echo twice");
	struct post p;
	struct stat st;
	char out[128];

	(void)state;
	post_open_with(&p, 1, calls_anew());
	snprintf(out, sizeof(out), "%s/out", p.dir);
	r.stdout_path = out;
	r.flags = REQUEST_STDOUT_APPEND;
	for (int i = 0; i < 2; i++) {
		order(&p, &r);
		CHECK_INT(await(&p, JOURNAL_END).record.end.status, 0);
	}
	CHECK_INT(stat(out, &st), 0);
	CHECK_INT(st.st_size, 2 * strlen("twice\n"));
	CHECK_INT(unlink(out), 0);
	post_close(&p);
}

/* --- ends ------------------------------------------------------------------------------------------ */

static void numbers_too_great_for_the_journal_are_its_greatest(void **state)
{
	const struct request r = shell("exit 0");
	struct calls *c = calls_anew();
	struct wire_event e;
	struct post p;

	(void)state;
	c->wait4 = immense_usage;
	post_open_with(&p, 1, c);
	order(&p, &r);
	e = await(&p, JOURNAL_END);
	CHECK_INT(e.record.end.user_ms, UINT32_MAX);
	CHECK_INT(e.record.end.max_rss_kib, UINT32_MAX);
	CHECK(e.record.end.elapsed_ms < UINT32_MAX);
	CHECK(e.user_us > UINT32_MAX);
	post_close(&p);
}

static void an_end_that_slips_away_is_found_again(void **state)
{
	const struct request r = shell("exit 5");
	struct calls *c = calls_anew();
	struct post p;

	(void)state;
	c->wait4 = nothing_at_first;
	c->read = no_signal_at_first;
	post_open_with(&p, 1, c);
	order(&p, &r);
	CHECK_INT(WEXITSTATUS((int)await(&p, JOURNAL_END).record.end.status), 5);
	post_close(&p);
}

static void a_second_stop_does_not_shorten_the_grace(void **state)
{
	const struct request r = shell("trap 'sleep 0.1; exit 4' TERM; echo up; while :; do sleep 0.01; done");
	struct wire_event e;
	struct post p;

	(void)state;
	post_open_with(&p, 1, calls_anew());
	order(&p, &r);
	(void)await(&p, JOURNAL_PROCESS);
	ask_stop(&p, WIRE_STOP, false);
	ask_stop(&p, WIRE_STOP, false);
	e = await(&p, JOURNAL_END);
	CHECK_INT(e.record.why, WHY_STOPPED);
	CHECK(WIFEXITED((int)e.record.end.status) || WTERMSIG((int)e.record.end.status) == SIGTERM);
	post_close(&p);
}

static void without_a_grace_to_ask_is_to_kill(void **state)
{
	struct request r = shell("trap '' TERM; while :; do sleep 0.01; done");
	struct wire_event e;
	struct post p;

	(void)state;
	r.grace_ms = 0;
	post_open_with(&p, 1, calls_anew());
	order(&p, &r);
	(void)await(&p, JOURNAL_PROCESS);
	ask_stop(&p, WIRE_STOP, false);
	e = await(&p, JOURNAL_END);
	CHECK_INT(e.record.why, WHY_STOPPED);
	CHECK_INT(WTERMSIG((int)e.record.end.status), SIGKILL);
	post_close(&p);
}

static void await_state(pid_t pid, char want)
{
	struct proc_stat st = {.state = 0};

	while (st.state != want) {
		CHECK_INT(proc_stat(&calls_real, pid, &st), 0);
		poll(NULL, 0, 1);
	}
}

/* Only Ctrl-Z is undone, and only for a leader that has the terminal. */
static void a_step_that_stops_itself_stays_stopped(void **state)
{
	struct request r = shell("kill -STOP $$; exit 6");
	struct post p;

	(void)state;
	post_open_with(&p, 1, calls_anew());
	for (int i = 0; i < 2; i++) {
		pid_t pid;

		r.flags = i ? REQUEST_TTY : 0;
		order(&p, &r);
		pid = (pid_t)await(&p, JOURNAL_PROCESS).record.process.pid;
		await_state(pid, 'T');
		CHECK_INT(kill(pid, SIGCONT), 0);
		CHECK_INT(WEXITSTATUS((int)await(&p, JOURNAL_END).record.end.status), 6);
	}
	post_close(&p);
}

/* The leader goes at once; what it leaves stops when it is asked to end, and the grace ends that. */
static void a_leftover_that_stops_is_killed_after_the_grace(void **state)
{
	struct request r = shell("sh -c 'trap \"kill -STOP \\$\\$\" TERM; : >up; while :; do sleep 0.01; done' & wait");
	struct wire_event e;
	struct post p;
	char up[128];

	(void)state;
	post_open_with(&p, 1, calls_anew());
	snprintf(up, sizeof(up), "%s/up", p.dir);
	r.cwd = p.dir;
	r.grace_ms = 300;
	order(&p, &r);
	while (access(up, F_OK) < 0)
		poll(NULL, 0, 1);
	ask_stop(&p, WIRE_STOP, false);
	e = await(&p, JOURNAL_END);
	CHECK_INT(e.record.why, WHY_STOPPED);
	CHECK(e.record.leftovers > 0);
	CHECK_INT(unlink(up), 0);
	post_close(&p);
}

/* --- the driver ------------------------------------------------------------------------------------ */

static void more_steps_than_slots_come_from_no_driver(void **state)
{
	const struct request r = shell("sleep 60");
	struct wire_event e;

	(void)state;
	for (uint32_t slots = 1; slots <= 3; slots++) {
		struct post p;

		post_open_with(&p, slots, calls_anew());
		for (uint32_t i = 0; i < slots; i++) {
			order(&p, &r);
			(void)await(&p, JOURNAL_PROCESS);
		}
		order(&p, &r);
		while (post_answer(&p, &e)) /* it hangs up, after it has killed what ran */
			CHECK_INT(e.record.type, JOURNAL_PROCESS);
		post_close(&p);
	}
}

static void more_news_than_can_be_kept_come_from_no_driver(void **state)
{
	enum { ROOM = 3 + 2 * KEPT_MOST - 1 }; /* of one slot; each start may have two */
	struct request r = shell("exit 0");
	struct calls *c = calls_anew();
	struct journal j;
	struct post p;
	int status;

	(void)state;
	r.cwd = "/no/such/folder";
	c->sendmsg = mute;
	post_open_with(&p, 1, c);
	for (r.serial = 1; r.serial <= ROOM + 1; r.serial++)
		order(&p, &r);
	CHECK_INT(waitpid(p.warden, &status, 0), p.warden);
	CHECK_INT(status, 0);
	CHECK_INT(journal_read(&j, p.journal, POST_NONCE), 0);
	CHECK_INT(j.n_attempts, ROOM);
	CHECK_INT(j.attempt[0].last, JOURNAL_FAILED);
	journal_release(&j);
	close(p.socket);
	CHECK_INT(unlink(p.journal), 0);
	CHECK_INT(rmdir(p.dir), 0);
}

static void a_driver_that_does_not_listen_is_gone(void **state)
{
	const struct request r = shell("sleep 60");
	struct calls *c = calls_anew();
	struct journal j;
	struct post p;
	int status;

	(void)state;
	c->sendmsg = nobody_listens;
	post_open_with(&p, 1, c);
	order(&p, &r);
	CHECK_INT(waitpid(p.warden, &status, 0), p.warden);
	CHECK_INT(status, 0);
	CHECK_INT(journal_read(&j, p.journal, POST_NONCE), 0);
	CHECK_INT(j.n_attempts, 1);
	CHECK_INT(j.attempt[0].last, JOURNAL_END);
	CHECK_INT(j.attempt[0].why, WHY_DRIVER_GONE);
	journal_release(&j);
	close(p.socket);
	CHECK_INT(unlink(p.journal), 0);
	CHECK_INT(rmdir(p.dir), 0);
}

static void the_last_news_are_told_before_it_goes(void **state)
{
	const struct request r = shell("sleep 60");
	struct calls *c = calls_anew();
	struct post p;

	(void)state;
	c->sendmsg = hesitant;
	post_open_with(&p, 1, c);
	order(&p, &r);
	ask_stop(&p, WIRE_QUIT, true);
	CHECK_INT(await(&p, JOURNAL_END).record.why, WHY_STOPPED);
	post_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_warden_that_lacks_something_does_not_begin),
		cmocka_unit_test(the_program_refuses_what_no_driver_of_its_build_says),
		cmocka_unit_test(a_step_that_would_outlive_us_is_not_started),
		cmocka_unit_test(one_that_is_killed_on_its_way_has_not_started),
		cmocka_unit_test(a_log_that_is_a_device_is_refused),
		cmocka_unit_test(an_output_is_appended_if_that_is_wanted),
		cmocka_unit_test(numbers_too_great_for_the_journal_are_its_greatest),
		cmocka_unit_test(an_end_that_slips_away_is_found_again),
		cmocka_unit_test(a_second_stop_does_not_shorten_the_grace),
		cmocka_unit_test(without_a_grace_to_ask_is_to_kill),
		cmocka_unit_test(a_step_that_stops_itself_stays_stopped),
		cmocka_unit_test(a_leftover_that_stops_is_killed_after_the_grace),
		cmocka_unit_test(more_steps_than_slots_come_from_no_driver),
		cmocka_unit_test(more_news_than_can_be_kept_come_from_no_driver),
		cmocka_unit_test(a_driver_that_does_not_listen_is_gone),
		cmocka_unit_test(the_last_news_are_told_before_it_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
