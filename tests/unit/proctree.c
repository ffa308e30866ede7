#include "sys/proctree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "check.h"

enum { PATIENCE_MS = 30000 };

/* A child that waits for ever; `below` more hang under it, each under the one before. */
static pid_t make_chain(int below, int told)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid)
		return pid;
	if (below)
		(void)make_chain(below - 1, told);
	else
		(void)!write(told, "R", 1);
	for (;;)
		pause();
}

static pid_t make_standing_chain(int below)
{
	int p[2];
	char byte;
	pid_t pid;

	CHECK_INT(pipe2(p, O_CLOEXEC), 0);
	pid = make_chain(below, p[1]);
	CHECK_INT(read(p[0], &byte, 1), 1);
	close(p[0]);
	close(p[1]);
	return pid;
}

static int no_children_file(int dir, const char *path, int flags, mode_t mode)
{
	if (!strstr(path, "/children"))
		return openat(dir, path, flags, mode);
	errno = ENOENT;
	return -1;
}

static int nothing_opens(int dir, const char *path, int flags, mode_t mode)
{
	(void)dir, (void)path, (void)flags, (void)mode;
	errno = EMFILE;
	return -1;
}

static void a_process_is_described_whatever_its_name(void **state)
{
	struct proc_stat st;

	(void)state;
	CHECK_INT(prctl(PR_SET_NAME, "a) R 1 (b"), 0);
	CHECK_INT(proc_stat(&calls_real, getpid(), &st), 0);
	CHECK_INT(st.parent, getppid());
	CHECK_INT(st.session, getsid(0));
	CHECK_INT(st.state, 'R');
	CHECK(st.start_ticks > 0 && st.start_ticks <= proc_ticks_now());
	CHECK_INT(prctl(PR_SET_NAME, "proctree"), 0);
	CHECK_INT(proc_stat(&calls_real, 4194304, &st), -1);
	CHECK_INT(errno, ENOENT);
}

static void the_boot_has_an_id(void **state)
{
	uint8_t a[BOOT_ID_BYTES] = {0}, b[BOOT_ID_BYTES] = {0}, zero[BOOT_ID_BYTES] = {0};

	(void)state;
	CHECK_INT(proc_boot_id(&calls_real, a), 0);
	CHECK_INT(proc_boot_id(&calls_real, b), 0);
	CHECK(!memcmp(a, b, sizeof(a)));
	CHECK(memcmp(a, zero, sizeof(a)));
}

static void end_chain(pid_t pid)
{
	CHECK_INT(kill(pid, SIGKILL), 0);
	CHECK_INT(waitpid(pid, NULL, 0), pid);
}

/* More than one page of /proc holds. */
static void all_of_many_children_are_listed(void **state)
{
	enum { N = 1200 };
	static pid_t made[N], got[N + 100];
	struct calls c = calls_real;
	int again = proc_children_open(&calls_real);
	ssize_t n;

	(void)state;
	for (int i = 0; i < N; i++) {
		made[i] = fork();
		CHECK(made[i] >= 0);
		if (!made[i])
			for (;;)
				pause();
	}
	n = proc_children(&calls_real, getpid(), got, ARRAY_LEN(got));
	CHECK_INT(n, N);
	for (int i = 0; i < N; i++)
		CHECK_INT(got[i], made[i]);
	for (int i = 0; i < 2; i++)
		CHECK_INT(proc_children_again(&calls_real, again, got, ARRAY_LEN(got)), N);
	CHECK_INT(proc_children(&calls_real, getpid(), got, 10), 10);
	c.openat = no_children_file;
	CHECK_INT(proc_children(&c, getpid(), got, ARRAY_LEN(got)), N);
	CHECK_INT(proc_children_again(&c, -1, got, ARRAY_LEN(got)), N);
	for (int i = 0; i < N; i++)
		CHECK_INT(kill(made[i], SIGKILL), 0);
	for (int i = 0; i < N; i++)
		CHECK_INT(waitpid(made[i], NULL, 0), made[i]);
	CHECK_INT(proc_children(&calls_real, getpid(), got, ARRAY_LEN(got)), 0);
	close(again);
}

static int no_pidfd(pid_t pid, unsigned flags)
{
	(void)pid;
	(void)flags;
	errno = ENOSYS;
	return -1;
}

static void a_pid_with_another_start_time_is_not_signalled(void **state)
{
	pid_t pid = make_standing_chain(0);
	struct proc_stat st;

	(void)state;
	CHECK_INT(proc_stat(&calls_real, pid, &st), 0);
	CHECK(!proc_signal(&calls_real, pid, st.start_ticks + 1, SIGKILL));
	CHECK_INT(waitpid(pid, NULL, WNOHANG), 0);
	CHECK(proc_signal(&calls_real, pid, st.start_ticks, SIGKILL));
	CHECK_INT(waitpid(pid, NULL, 0), pid);
	CHECK(!proc_signal(&calls_real, pid, 0, SIGKILL));
}

/* Ends with the number that the signal carries. */
static pid_t make_listener(void)
{
	sigset_t set;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	CHECK_INT(sigprocmask(SIG_BLOCK, &set, NULL), 0); /* so that it is there before the child asks */
	pid = fork();
	if (!pid) {
		siginfo_t info;

		_exit(sigwaitinfo(&set, &info) == SIGRTMIN && info.si_code == SI_QUEUE ? info.si_value.sival_int : 99);
	}
	CHECK_INT(sigprocmask(SIG_UNBLOCK, &set, NULL), 0);
	return pid;
}

static void a_number_reaches_the_right_process_only(void **state)
{
	struct calls no_pidfds = calls_real;
	struct proc_stat st;
	int status;

	(void)state;
	no_pidfds.pidfd_open = no_pidfd;
	for (int i = 0; i < 2; i++) {
		const struct calls *c = i ? &no_pidfds : &calls_real;
		pid_t pid = make_listener();

		CHECK_INT(proc_stat(&calls_real, pid, &st), 0);
		CHECK(!proc_signal_number(c, pid, st.start_ticks + 1, SIGRTMIN, 7));
		CHECK_INT(waitpid(pid, NULL, WNOHANG), 0);
		CHECK(proc_signal_number(c, pid, st.start_ticks, SIGRTMIN, 42));
		CHECK_INT(waitpid(pid, &status, 0), pid);
		CHECK(WIFEXITED(status));
		CHECK_INT(WEXITSTATUS(status), 42);
		CHECK(!proc_signal_number(c, pid, st.start_ticks, SIGRTMIN, 42));
	}
}

static void a_stopped_process_acts_on_term(void **state)
{
	pid_t pid = make_standing_chain(0);
	int status;

	(void)state;
	CHECK_INT(kill(pid, SIGSTOP), 0);
	CHECK_INT(waitpid(pid, &status, WUNTRACED), pid);
	CHECK(proc_signal(&calls_real, pid, 0, SIGTERM));
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(WTERMSIG(status), SIGTERM);
}

static void one_pass_reaches_the_whole_tree_and_no_other(void **state)
{
	struct proc_room room;
	pid_t mine, other, below;
	int n = 0;

	(void)state;
	CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	CHECK_INT(proc_room_init(&room, &calls_real), 0);
	other = make_standing_chain(1);
	mine = make_standing_chain(20);
	CHECK_INT(proc_tree_signal(&calls_real, &room, mine, getpid(), SIGKILL), 21);
	while (n < 21) {
		CHECK(waitpid(-1, NULL, 0) != other);
		n++;
	}
	CHECK_INT(waitpid(other, NULL, WNOHANG), 0);
	CHECK_INT(proc_children(&calls_real, other, &below, 1), 1);
	CHECK_INT(proc_tree_signal(&calls_real, &room, below, mine, SIGKILL), 0); /* not a child of that one */
	end_chain(other);
	end_chain(below); /* ours now, and it was alive */
	proc_room_release(&room);
	CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}

static bool not_spared(void *arg, pid_t pid)
{
	return pid != *(pid_t *)arg;
}

static void children_are_ended_step_by_step_until_none_is_left(void **state)
{
	struct calls broken = calls_real;
	struct proc_room room;
	pid_t spared, alive;
	int64_t until = stamp_mono_ns() + (int64_t)PATIENCE_MS * NS_PER_MS;

	(void)state;
	CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	CHECK_INT(proc_room_init(&room, &calls_real), 0);
	spared = make_standing_chain(0);
	for (int i = 0; i < 300; i++) /* more than one step takes */
		(void)make_standing_chain(i % 3);
	CHECK(proc_children_end(&calls_real, &room, not_spared, &spared, &alive) > 256);
	while (proc_children_end(&calls_real, &room, not_spared, &spared, &alive)) {
		struct pollfd p = {.fd = alive ? pidfd_open(alive, 0) : -1, .events = POLLIN};

		CHECK(stamp_mono_ns() < until);
		(void)poll(&p, 1, alive ? 100 : 0);
		if (p.fd >= 0)
			close(p.fd);
	}
	CHECK_INT(waitpid(-1, NULL, WNOHANG), 0); /* one is left */
	broken.openat = nothing_opens;
	CHECK(proc_children_end(&broken, &room, not_spared, &spared, &alive) > 0); /* "cannot look" is not "none" */
	end_chain(spared);
	CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
	proc_room_release(&room);
	CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}

/* The environment a program was started with: a child becomes one that has what we want. */
static void a_variable_is_found_by_its_beginning_anywhere_in_the_environment(void **state)
{
	char *big = xmalloc(8193), *env[4] = {big, (char *)"XTAG=run:9", (char *)"TAG=run:12", NULL};
	int told[2];
	char byte;
	pid_t pid;

	(void)state;
	memset(big, 'T', 8192);
	big[8192] = 0;
	CHECK_INT(pipe(told), 0);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		dup2(told[1], STDOUT_FILENO);
		execle("/bin/sh", "sh", "-c", "echo; kill -STOP $$", NULL, env);
		_exit(1);
	}
	CHECK_INT(read(told[0], &byte, 1), 1);
	CHECK(proc_environ_has(&calls_real, pid, "TAG=run:"));
	CHECK(proc_environ_has(&calls_real, pid, "TAG=run:12"));
	CHECK(proc_environ_has(&calls_real, pid, "TTTT"));
	CHECK(!proc_environ_has(&calls_real, pid, "TAG=run:123"));
	CHECK(!proc_environ_has(&calls_real, pid, "AG=run:"));
	CHECK(!proc_environ_has(&calls_real, pid, "TAG=run:9"));
	CHECK(!proc_environ_has(&calls_real, 4194304, "TAG"));
	end_chain(pid);
	close(told[0]);
	close(told[1]);
	free(big);
}

static bool dies_while_we_look(void *arg, pid_t pid)
{
	siginfo_t info;

	if (pid != *(pid_t *)arg)
		return true;
	/* After the list was made: what hangs below it comes to us only now. */
	CHECK_INT(kill(pid, SIGKILL), 0);
	CHECK_INT(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	return true;
}

static void one_that_dies_during_a_step_does_not_hide_what_it_leaves(void **state)
{
	struct proc_room room;
	pid_t top, alive;
	int64_t until = stamp_mono_ns() + (int64_t)PATIENCE_MS * NS_PER_MS;

	(void)state;
	CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	CHECK_INT(proc_room_init(&room, &calls_real), 0);
	top = make_standing_chain(1);
	while (proc_children_end(&calls_real, &room, dies_while_we_look, &top, &alive))
		CHECK(stamp_mono_ns() < until);
	CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
	proc_room_release(&room);
	CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_is_described_whatever_its_name),
		cmocka_unit_test(the_boot_has_an_id),
		cmocka_unit_test(all_of_many_children_are_listed),
		cmocka_unit_test(a_pid_with_another_start_time_is_not_signalled),
		cmocka_unit_test(a_number_reaches_the_right_process_only),
		cmocka_unit_test(a_stopped_process_acts_on_term),
		cmocka_unit_test(one_pass_reaches_the_whole_tree_and_no_other),
		cmocka_unit_test(children_are_ended_step_by_step_until_none_is_left),
		cmocka_unit_test(one_that_dies_during_a_step_does_not_hide_what_it_leaves),
		cmocka_unit_test(a_variable_is_found_by_its_beginning_anywhere_in_the_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
