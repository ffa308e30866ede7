/*
 * The embedded executor with a real warden and real processes.  This program is all of them: as
 * `orchmake-warden` it is the warden, as `escapee` or `hygiene` a step.
 *
 * Who is left?  A step gets the write end of a pipe as descriptor 9 and everybody it makes keeps that: the
 * pipe's end of file says that the last of them is dead.
 */
#include "engine/exec_local.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bug.h"
#include "base/fdio.h"
#include "base/stamp.h"
#include "check.h"
#include "sys/calls.h"
#include "sys/proctree.h"
#include "warden/journal.h"
#include "warden/warden.h"

#define ESCAPEE_NO_MAIN
#include "../progs/escapee.c"
#define HYGIENE_NO_MAIN
#include "../progs/hygiene.c"

enum { PATIENCE_MS = 30000 };

/* Of this process: the sweep of another one that runs these tests shall not find ours. */
static uint64_t nonce;

/* Not /proc/self/exe, which under valgrind is valgrind. */
static char self[4096];

/* --- the stage ------------------------------------------------------------------------------------ */

struct stage {
	char dir[64];
	struct executor *x;
	uint32_t serial;
	int alive; /* read end of the pipe that every process of the last step holds */
};

static const char *in_dir(const struct stage *s, const char *name)
{
	static char path[8][128];
	static unsigned turn;
	char *p = path[turn++ % 8];

	snprintf(p, sizeof(path[0]), "%s/%s", s->dir, name);
	return p;
}

static struct exec_local_options options_for(const struct stage *s)
{
	return (struct exec_local_options){
		.warden_path = self,
		.journal_path = in_dir(s, "journal"),
		.nonce = nonce,
		.slots = 8,
	};
}

static char last_dir[64];

static void stage_dir(struct stage *s)
{
	*s = (struct stage){.dir = "/tmp/orchmake-exec-XXXXXX", .alive = -1};
	CHECK(mkdtemp(s->dir));
	strcpy(last_dir, s->dir);
}

static void remove_dir(const char *dir)
{
	char *rm = xasprintf("rm -rf %s", dir);

	CHECK_INT(system(rm), 0);
	free(rm);
}

static bool everybody(void *arg, pid_t pid)
{
	(void)arg;
	return pid > 0;
}

/* After a test that failed half way: the next one finds an empty house. */
static int clean_up(void **state)
{
	struct proc_room room;
	pid_t alive;

	(void)state;
	if (last_dir[0])
		remove_dir(last_dir);
	last_dir[0] = 0;
	if (proc_room_init(&room, &calls_real) < 0)
		return -1;
	for (int i = 0; i < PATIENCE_MS && proc_children_end(&calls_real, &room, everybody, NULL, &alive); i++)
		poll(NULL, 0, 1);
	proc_room_release(&room);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 0);
	return 0;
}

static void stage_open(struct stage *s)
{
	struct exec_local_options o;

	stage_dir(s);
	o = options_for(s);
	s->x = exec_local_open(&o);
	CHECK(s->x);
}

static void stage_close(struct stage *s)
{
	if (s->x)
		s->x->ops->close(s->x);
	if (s->alive >= 0)
		close(s->alive);
	remove_dir(s->dir);
	last_dir[0] = 0;
	/* Nothing of it is our child any more. */
	CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
	CHECK_INT(errno, ECHILD);
}

static void wait_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	CHECK_INT(poll(&p, 1, PATIENCE_MS), 1);
}

static struct attempt_ended await_end(struct stage *s)
{
	struct attempt_ended e;
	int rc;

	while ((rc = s->x->ops->collect(s->x, &e)) == 0)
		wait_readable(s->x->ops->watch_fd(s->x));
	CHECK_INT(rc, 1);
	return e;
}

static pid_t await_start(struct stage *s)
{
	uint32_t serial;
	pid_t pid;

	while (!s->x->ops->collect_started(s->x, &serial, &pid))
		wait_readable(s->x->ops->watch_fd(s->x));
	CHECK_INT(serial, s->serial);
	return pid;
}

/* `words` are the arguments, split at blanks; argv[0] is the first. */
struct order {
	char *text;
	const char *argv[32];
	struct start_request r;
};

static const char *const plain_env[] = {"PATH=/usr/bin:/bin", "ORCHMAKE_TAG=old:1", "A=b", NULL};

static void order_words(struct order *o, const char *words)
{
	size_t n = 0;

	*o = (struct order){.text = xstrdup(words)};
	for (char *w = strtok(o->text, " "); w; w = strtok(NULL, " "))
		o->argv[n++] = w;
	o->r = (struct start_request){.argv = o->argv, .envp = plain_env, .cwd = "/", .umask = -1, .grace_ms = 200};
}

static void order_start(struct stage *s, struct order *o)
{
	o->r.serial = ++s->serial;
	CHECK_INT(s->x->ops->start(s->x, &o->r), 0);
	free(o->text);
}

static struct attempt_ended run(struct stage *s, const char *words)
{
	struct order o;

	order_words(&o, words);
	order_start(s, &o);
	return await_end(s);
}

/* This program under another name. */
static void order_escapee(struct stage *s, struct order *o, const char *words, struct start_fd *fd)
{
	int p[2];

	CHECK_INT(pipe2(p, O_CLOEXEC), 0);
	if (s->alive >= 0)
		close(s->alive);
	s->alive = p[0];
	*fd = (struct start_fd){.fd = p[1], .number = 9};
	order_words(o, words);
	memmove(o->argv + 2, o->argv, sizeof(o->argv) - 2 * sizeof(*o->argv));
	o->argv[0] = self;
	o->argv[1] = "escapee";
	o->r.fds = fd;
	o->r.n_fds = 1;
}

/* Start one; with `ready` among its words, come back when it has said so. */
static void start_escapee(struct stage *s, const char *words, int64_t timeout_ms)
{
	struct start_fd fd;
	struct order o;
	char byte = 0;

	order_escapee(s, &o, words, &fd);
	o.r.timeout_ms = timeout_ms;
	order_start(s, &o);
	close(fd.fd);
	while (strstr(words, "ready") && byte != 'R') {
		struct pollfd p[2] = {{.fd = s->alive, .events = POLLIN},
				      {.fd = s->x->ops->watch_fd(s->x), .events = POLLIN}};
		uint32_t serial;
		pid_t pid;

		CHECK(poll(p, 2, PATIENCE_MS) > 0);
		/* On a busy machine its deadline may come before it is ready. */
		if (p[0].revents && read(s->alive, &byte, 1) != 1) {
			CHECK(timeout_ms);
			return;
		}
		(void)s->x->ops->collect_started(s->x, &serial, &pid);
	}
}

static void await_byte(int fd, char want)
{
	char got = 0;

	while (got != want) {
		wait_readable(fd);
		CHECK_INT(read(fd, &got, 1), 1);
	}
}

static bool all_dead(const struct stage *s, int wait_ms)
{
	struct pollfd p = {.fd = s->alive, .events = POLLIN};
	char bytes[64];

	for (;;) {
		if (poll(&p, 1, wait_ms) <= 0)
			return false;
		if (read(s->alive, bytes, sizeof(bytes)) == 0)
			return true;
	}
}

static char *content(const char *path)
{
	struct buf b = BUF_INIT;

	CHECK_INT(file_read(path, &b, 1 << 20), 0);
	return buf_detach(&b);
}

static void check_content(const char *path, const char *want)
{
	char *got = content(path);

	CHECK_STR(got, want);
	free(got);
}

/* --- how steps end -------------------------------------------------------------------------------- */

static void an_exit_code_is_reported(void **state)
{
	struct stage s;
	struct attempt_ended e;

	(void)state;
	stage_open(&s);
	e = run(&s, "sh -c exit\t7");
	CHECK_INT(e.end, END_EXITED);
	CHECK_INT(WEXITSTATUS(e.status), 7);
	CHECK_INT(e.serial, 1);
	CHECK(e.pid > 0 && e.start_mono_ns > 0 && e.end_mono_ns >= e.start_mono_ns && e.max_rss_kib > 0);
	CHECK_INT(e.leftovers, 0);
	e = run(&s, "true");
	CHECK_INT(e.end, END_EXITED);
	CHECK_INT(e.status, 0);
	stage_close(&s);
}

static void a_fatal_signal_is_reported(void **state)
{
	struct stage s;
	struct attempt_ended e;
	struct order o;

	(void)state;
	stage_open(&s);
	order_words(&o, "sh -c");
	o.argv[2] = "kill -USR1 $$";
	order_start(&s, &o);
	e = await_end(&s);
	CHECK_INT(e.end, END_EXITED);
	CHECK(WIFSIGNALED(e.status));
	CHECK_INT(WTERMSIG(e.status), SIGUSR1);
	stage_close(&s);
}

static void a_start_is_told_before_its_end_and_in_order(void **state)
{
	struct stage s;
	struct order o;
	pid_t first, second;

	(void)state;
	stage_open(&s);
	order_words(&o, "sleep 30");
	order_start(&s, &o);
	first = await_start(&s);
	order_words(&o, "sleep 30");
	order_start(&s, &o);
	second = await_start(&s);
	CHECK(first > 0 && second > 0 && first != second);
	CHECK_INT(kill(first, 0), 0);
	CHECK_INT(s.x->ops->stop(s.x, 0, STOP_KILL), 0);
	CHECK_INT(await_end(&s).end, END_STOPPED);
	CHECK_INT(await_end(&s).end, END_STOPPED);
	stage_close(&s);
}

/* --- what could not be started -------------------------------------------------------------------- */

static void check_not_started(struct attempt_ended e, const char *stage, int error)
{
	CHECK_INT(e.end, END_NOT_STARTED);
	CHECK_STR(e.stage, stage);
	CHECK_INT(e.error, error);
	CHECK_INT(e.start_mono_ns, 0);
}

static void what_cannot_be_started_says_at_which_stage_and_why(void **state)
{
	struct stage s;
	struct order o;

	(void)state;
	stage_open(&s);
	check_not_started(run(&s, "no-such-program"), "exec", ENOENT);
	check_not_started(run(&s, "/no/such/program"), "exec", ENOENT);
	check_not_started(run(&s, "/etc/passwd"), "exec", EACCES);
	order_words(&o, "true");
	o.r.cwd = "/no/such/folder";
	order_start(&s, &o);
	check_not_started(await_end(&s), "chdir", ENOENT);
	order_words(&o, "true");
	o.r.log_path = "/no/such/log";
	order_start(&s, &o);
	check_not_started(await_end(&s), "open log", ENOENT);
	order_words(&o, "true");
	o.r.stdin_path = "no-such-input";
	order_start(&s, &o);
	check_not_started(await_end(&s), "open stdin", ENOENT);
	order_words(&o, "true");
	o.r.stdout_path = "/";
	order_start(&s, &o);
	check_not_started(await_end(&s), "open stdout", EISDIR);
	order_words(&o, "true");
	o.r.stderr_path = "/no/such/file";
	order_start(&s, &o);
	check_not_started(await_end(&s), "open stderr", ENOENT);
	CHECK_INT(run(&s, "true").end, END_EXITED);
	stage_close(&s);
}

static void a_file_that_is_no_program_is_an_error_and_no_shell_is_asked(void **state)
{
	struct stage s;
	struct order o;

	(void)state;
	stage_open(&s);
	CHECK_INT(file_write_atomic(in_dir(&s, "text"), "echo hello\n", 11, 0755), 0);
	order_words(&o, "text");
	o.argv[0] = in_dir(&s, "text");
	order_start(&s, &o);
	check_not_started(await_end(&s), "exec", ENOEXEC);
	stage_close(&s);
}

static void the_path_searched_is_the_one_of_the_step(void **state)
{
	static const char *const denied_then_none[] = {"PATH=/etc:/nowhere", NULL};
	struct stage s;
	struct order o;
	const char *env[2] = {NULL};
	char *path;

	(void)state;
	stage_open(&s);
	path = xasprintf("PATH=/nowhere:%s", s.dir);
	env[0] = path;
	CHECK_INT(file_write_atomic(in_dir(&s, "mine"), "#!/bin/sh\nexit 9\n", 17, 0755), 0);
	order_words(&o, "mine");
	o.r.envp = env;
	order_start(&s, &o);
	CHECK_INT(WEXITSTATUS(await_end(&s).status), 9);
	order_words(&o, "passwd"); /* in /etc, but no program: that is the better answer than "not there" */
	o.r.envp = denied_then_none;
	order_start(&s, &o);
	check_not_started(await_end(&s), "exec", EACCES);
	free(path);
	stage_close(&s);
}

static void a_log_that_is_a_link_or_a_fifo_is_refused(void **state)
{
	struct stage s;
	struct order o;

	(void)state;
	stage_open(&s);
	CHECK_INT(symlink("/etc/motd", in_dir(&s, "link")), 0);
	CHECK_INT(mkfifo(in_dir(&s, "fifo"), 0600), 0);
	order_words(&o, "true");
	o.r.log_path = in_dir(&s, "link");
	order_start(&s, &o);
	check_not_started(await_end(&s), "open log", ELOOP);
	order_words(&o, "true");
	o.r.log_path = in_dir(&s, "fifo");
	order_start(&s, &o);
	check_not_started(await_end(&s), "open log", ENXIO);
	stage_close(&s);
}

/* --- what a step finds ---------------------------------------------------------------------------- */

static void a_step_finds_a_clean_world(void **state)
{
	struct stage s;
	struct order o;
	struct start_fd fd;
	int stray = open("/dev/null", O_RDONLY); /* not close-on-exec */

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	stage_open(&s);
	fd = (struct start_fd){.fd = STDERR_FILENO, .number = 9};
	order_words(&o, "");
	o.argv[0] = self;
	o.argv[1] = "hygiene";
	o.r.log_path = in_dir(&s, "log");
	o.r.cwd = s.dir;
	o.r.umask = 027;
	o.r.fds = &fd;
	o.r.n_fds = 1;
	order_start(&s, &o);
	CHECK_INT(WEXITSTATUS(await_end(&s).status), 0);
	char *want = xasprintf("fds 0 1 2 9\nignored 0\nblocked 0\nleader yes\nstdin empty\numask 027\n"
			       "cwd %s\ndeath 9\nsubreaper 1\n",
			       s.dir);

	check_content(in_dir(&s, "log"), want);
	free(want);
	signal(SIGPIPE, SIG_DFL);
	close(stray);
	stage_close(&s);
}

static void a_step_has_its_environment_and_the_name_of_its_attempt(void **state)
{
	struct stage s;
	struct order o;

	(void)state;
	stage_open(&s);
	order_words(&o, "env");
	o.r.log_path = in_dir(&s, "log");
	order_start(&s, &o);
	CHECK_INT(await_end(&s).status, 0);
	char *want = xasprintf("PATH=/usr/bin:/bin\nA=b\nORCHMAKE_TAG=%016llx:1\n", (unsigned long long)nonce);

	check_content(in_dir(&s, "log"), want);
	free(want);
	stage_close(&s);
}

static void output_goes_where_it_is_wanted(void **state)
{
	struct stage s;
	struct order o;
	struct stat st;

	(void)state;
	stage_open(&s);
	for (int i = 0; i < 2; i++) { /* the log is appended, out truncated, err appended */
		order_words(&o, "sh -c");
		o.argv[2] = "cat; echo err >&2";
		o.r.cwd = s.dir;
		o.r.stdin_path = in_dir(&s, "in");
		o.r.stdout_path = "out";
		o.r.stderr_path = "err";
		o.r.stderr_append = true;
		CHECK_INT(file_write_atomic(in_dir(&s, "in"), "text\n", 5, 0600), 0);
		order_start(&s, &o);
		CHECK_INT(await_end(&s).status, 0);
		order_words(&o, "sh -c");
		o.argv[2] = "echo one; echo two >&2";
		o.r.log_path = in_dir(&s, "log");
		order_start(&s, &o);
		CHECK_INT(await_end(&s).status, 0);
	}
	check_content(in_dir(&s, "out"), "text\n");
	check_content(in_dir(&s, "err"), "err\nerr\n");
	check_content(in_dir(&s, "log"), "one\ntwo\none\ntwo\n");
	CHECK_INT(stat(in_dir(&s, "log"), &st), 0);
	CHECK_INT(st.st_mode & 07777, 0600);
	stage_close(&s);
}

static void one_file_for_both_outputs_is_one_open_file(void **state)
{
	struct stage s;
	struct order o;

	(void)state;
	stage_open(&s);
	order_words(&o, "sh -c");
	o.argv[2] = "echo one; echo two >&2; echo three";
	o.r.stdout_path = o.r.stderr_path = in_dir(&s, "both");
	order_start(&s, &o);
	CHECK_INT(await_end(&s).status, 0);
	check_content(in_dir(&s, "both"), "one\ntwo\nthree\n");
	stage_close(&s);
}

static void a_large_request_is_started_too(void **state)
{
	enum { BIG = 100 * 1024, MANY = 20 };
	const char *env[MANY + 2] = {"PATH=/bin"};
	struct stage s;
	struct order o;
	char *value = xcalloc(1, BIG);

	(void)state;
	stage_open(&s);
	memset(value, 'x', BIG - 1);
	value[1] = '=';
	for (int i = 1; i <= MANY; i++)
		env[i] = value;
	order_words(&o, "sh -c");
	o.argv[2] = "env -0 | wc -c";
	o.r.envp = env;
	o.r.log_path = in_dir(&s, "log");
	order_start(&s, &o);
	CHECK_INT(await_end(&s).status, 0);
	char *got = content(in_dir(&s, "log"));

	CHECK(atoi(got) > BIG);
	free(got);
	free(value);
	stage_close(&s);
}

static void a_background_child_that_holds_stdout_does_not_delay_the_end(void **state)
{
	struct stage s;
	struct attempt_ended e;

	(void)state;
	stage_open(&s);
	start_escapee(&s, "bg exit=3", 0);
	e = await_end(&s);
	CHECK_INT(e.end, END_EXITED);
	CHECK_INT(WEXITSTATUS(e.status), 3);
	CHECK_INT(e.leftovers, 1);
	CHECK(all_dead(&s, 0));
	stage_close(&s);
}

static void a_step_that_closes_its_outputs_has_not_ended(void **state)
{
	struct stage s;
	struct attempt_ended e;

	(void)state;
	stage_open(&s);
	start_escapee(&s, "close ready hold", 0);
	CHECK_INT(s.x->ops->collect(s.x, &e), 0);
	CHECK_INT(s.x->ops->stop(s.x, s.serial, STOP_TERM), 0);
	CHECK_INT(await_end(&s).end, END_STOPPED);
	stage_close(&s);
}

/* --- deadlines and stops -------------------------------------------------------------------------- */

static int64_t took_ms(const struct attempt_ended *e)
{
	return (e->end_mono_ns - e->start_mono_ns) / NS_PER_MS;
}

static void a_step_is_asked_to_end_at_its_deadline(void **state)
{
	struct stage s;
	struct attempt_ended e;

	(void)state;
	stage_open(&s);
	start_escapee(&s, "hold", 100);
	e = await_end(&s);
	CHECK_INT(e.end, END_TIMED_OUT);
	CHECK_INT(WTERMSIG(e.status), SIGTERM);
	CHECK(took_ms(&e) >= 100 && took_ms(&e) < PATIENCE_MS);
	stage_close(&s);
}

static void one_that_does_not_listen_is_killed_after_the_grace(void **state)
{
	struct stage s;
	struct attempt_ended e;
	int64_t ms = 100;

	(void)state;
	stage_open(&s);
	do { /* with a deadline that leaves it the time to close its ears */
		start_escapee(&s, "ignore ready hold", ms);
		e = await_end(&s);
		CHECK_INT(e.end, END_TIMED_OUT);
	} while (WTERMSIG(e.status) == SIGTERM && (ms *= 4) < PATIENCE_MS);
	CHECK_INT(WTERMSIG(e.status), SIGKILL);
	CHECK(took_ms(&e) >= ms + 200);
	stage_close(&s);
}

static void a_stop_with_kill_does_not_wait_for_the_grace(void **state)
{
	struct stage s;
	struct attempt_ended e;
	struct order o;
	struct start_fd fd;

	(void)state;
	stage_open(&s);
	order_escapee(&s, &o, "ignore ready hold", &fd);
	o.r.grace_ms = (int64_t)10 * PATIENCE_MS;
	order_start(&s, &o);
	close(fd.fd);
	(void)await_start(&s);
	await_byte(s.alive, 'R'); /* it has begun to ignore TERM */
	CHECK_INT(s.x->ops->stop(s.x, s.serial, STOP_TERM), 0);
	CHECK_INT(s.x->ops->stop(s.x, s.serial, STOP_KILL), 0);
	e = await_end(&s);
	CHECK_INT(e.end, END_STOPPED);
	CHECK_INT(WTERMSIG(e.status), SIGKILL);
	stage_close(&s);
}

static void what_a_stopped_leader_leaves_has_the_rest_of_the_grace(void **state)
{
	struct stage s;
	struct order o;

	(void)state;
	stage_open(&s);
	/* The shell dies of TERM at once; its child tidies up. */
	order_words(&o, "sh -c");
	o.argv[2] = "(trap 'sleep 0.05; echo tidy >tidy; exit' TERM; echo up >up; while :; do sleep 0.01; done) & wait";
	o.r.cwd = s.dir;
	o.r.grace_ms = PATIENCE_MS;
	order_start(&s, &o);
	while (!file_exists(in_dir(&s, "up")))
		poll(NULL, 0, 1);
	CHECK_INT(s.x->ops->stop(s.x, s.serial, STOP_TERM), 0);
	CHECK_INT(await_end(&s).end, END_STOPPED);
	check_content(in_dir(&s, "tidy"), "tidy\n");
	stage_close(&s);
}

static void a_step_that_has_stopped_hears_that_it_shall_end(void **state)
{
	struct stage s;
	struct attempt_ended e;
	struct order o;
	struct start_fd fd;
	struct proc_stat st = {0};
	pid_t pid;

	(void)state;
	stage_open(&s);
	order_escapee(&s, &o, "self-stop hold", &fd);
	o.r.grace_ms = (int64_t)10 * PATIENCE_MS;
	order_start(&s, &o);
	close(fd.fd);
	pid = await_start(&s);
	while (st.state != 'T') {
		CHECK_INT(proc_stat(&calls_real, pid, &st), 0);
		poll(NULL, 0, 1);
	}
	CHECK_INT(s.x->ops->stop(s.x, 0, STOP_TERM), 0);
	e = await_end(&s);
	CHECK_INT(e.end, END_STOPPED);
	CHECK_INT(WTERMSIG(e.status), SIGTERM);
	stage_close(&s);
}

static void one_that_ended_by_itself_was_not_stopped(void **state)
{
	struct stage s;
	struct attempt_ended e;

	(void)state;
	stage_open(&s);
	e = run(&s, "true");
	CHECK_INT(s.x->ops->stop(s.x, s.serial, STOP_KILL), 0);
	CHECK_INT(s.x->ops->stop(s.x, 99, STOP_TERM), 0);
	CHECK_INT(e.end, END_EXITED);
	CHECK_INT(run(&s, "true").end, END_EXITED);
	stage_close(&s);
}

static void those_beyond_the_slots_wait_and_a_stop_takes_them_from_the_queue(void **state)
{
	struct stage s;
	struct exec_local_options o;
	struct attempt_ended e;

	(void)state;
	stage_dir(&s);
	o = options_for(&s);
	o.slots = 1;
	s.x = exec_local_open(&o);
	CHECK(s.x);
	start_escapee(&s, "ready hold", 0);
	start_escapee(&s, "hold", 0);
	start_escapee(&s, "exit=5", 0);
	CHECK_INT(s.x->ops->stop(s.x, 2, STOP_TERM), 0);
	e = await_end(&s);
	CHECK_INT(e.serial, 2);
	check_not_started(e, "queue", ECANCELED);
	CHECK_INT(s.x->ops->stop(s.x, 1, STOP_TERM), 0);
	CHECK_INT(await_end(&s).serial, 1);
	e = await_end(&s);
	CHECK_INT(e.serial, 3);
	CHECK_INT(WEXITSTATUS(e.status), 5);
	stage_close(&s);
}

static void many_quick_steps_all_come_back_once(void **state)
{
	enum { N = 300 };
	static bool seen[N + 1];
	struct stage s;

	(void)state;
	stage_open(&s);
	memset(seen, 0, sizeof(seen));
	for (int i = 0; i < N; i++) {
		struct order o;

		order_words(&o, "/bin/true");
		order_start(&s, &o);
	}
	for (int i = 0; i < N; i++) {
		struct attempt_ended e = await_end(&s);

		CHECK_INT(e.end, END_EXITED);
		CHECK(e.serial >= 1 && e.serial <= N && !seen[e.serial]);
		seen[e.serial] = true;
	}
	stage_close(&s);
}

/* --- nobody gets away ----------------------------------------------------------------------------- */

static const char *const escapes[] = {
	"ready", "bg ready", "setsid ready", "daemon ready", "scrub daemon setsid bg ready", "stopped ready",
	"ignore bg setsid daemon ready", "sibling ready", "hop ready", "clear bg daemon ready",
	"ignore bg self-stop",
};

static char *and_then(const char *escape, const char *last)
{
	return xasprintf("%s %s", escape, last);
}

static void check_gone(struct stage *s, const char *escape, const char *when)
{
	if (!all_dead(s, 0))
		fail_msg("after '%s', at %s, somebody lives", escape, when);
}

static void nothing_survives_the_end_of_a_step(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	for (size_t i = 0; i + 1 < ARRAY_LEN(escapes); i++) {
		char *words = and_then(escapes[i], "exit=4");
		struct attempt_ended e;

		start_escapee(&s, words, 0);
		e = await_end(&s);
		CHECK_INT(e.end, END_EXITED);
		CHECK_INT(WEXITSTATUS(e.status), 4);
		check_gone(&s, words, "its end");
		CHECK((e.leftovers > 0) == (i > 0));
		free(words);
	}
	stage_close(&s);
}

static void nothing_survives_a_timeout(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	for (size_t i = 0; i < ARRAY_LEN(escapes); i++) {
		char *words = and_then(escapes[i], "hold");

		start_escapee(&s, words, 100);
		CHECK_INT(await_end(&s).end, END_TIMED_OUT);
		check_gone(&s, words, "its deadline");
		free(words);
	}
	stage_close(&s);
}

static void nothing_survives_a_stop(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	for (size_t i = 0; i < 2 * ARRAY_LEN(escapes); i++) {
		char *words = and_then(escapes[i / 2], "hold");

		start_escapee(&s, words, 0);
		CHECK_INT(s.x->ops->stop(s.x, s.serial, i % 2 ? STOP_KILL : STOP_TERM), 0);
		CHECK_INT(await_end(&s).end, END_STOPPED);
		check_gone(&s, words, "a stop");
		free(words);
	}
	stage_close(&s);
}

static void nothing_survives_the_executor(void **state)
{
	struct stage s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(escapes); i++) {
		char *words = and_then(escapes[i], "hold");

		stage_open(&s);
		start_escapee(&s, words, 0);
		s.x->ops->close(s.x);
		s.x = NULL;
		check_gone(&s, words, "close()");
		free(words);
		stage_close(&s);
	}
}

static void a_thousand_processes_are_killed_like_one(void **state)
{
	static const char *const last[] = {"ready exit=0", "ready hold"};
	struct stage s;

	(void)state;
	stage_open(&s);
	for (size_t i = 0; i < ARRAY_LEN(last); i++) {
		char *words = and_then("ignore many=1000", last[i]);

		start_escapee(&s, words, 0);
		CHECK_INT(s.x->ops->stop(s.x, s.serial, STOP_KILL), 0);
		CHECK(await_end(&s).leftovers >= 990); /* some are reaped by parents that die with them */
		check_gone(&s, words, "a kill");
		free(words);
	}
	stage_close(&s);
}

static void what_nobody_can_be_blamed_for_is_killed_when_no_step_runs(void **state)
{
	struct stage s;
	struct pollfd p = {.events = POLLIN};

	(void)state;
	stage_open(&s);
	start_escapee(&s, "lone ready hold", 0);
	p.fd = s.alive;
	CHECK_INT(poll(&p, 1, 50), 0); /* as long as one runs, it may */
	CHECK_INT(s.x->ops->stop(s.x, 0, STOP_KILL), 0);
	(void)await_end(&s);
	CHECK(all_dead(&s, PATIENCE_MS));
	stage_close(&s);
}

static void two_steps_that_end_together_keep_their_leftovers_apart_from_a_third(void **state)
{
	struct stage s;
	struct start_fd fd;
	struct order o;

	(void)state;
	stage_open(&s);
	start_escapee(&s, "bg setsid daemon ready hold", 0);
	int third = dup(s.alive);

	for (int i = 0; i < 20; i++) {
		order_escapee(&s, &o, "setsid daemon exit=0", &fd);
		order_start(&s, &o);
		order_words(&o, "");
		close(fd.fd);
		free(o.text);
	}
	for (int i = 0; i < 20; i++)
		CHECK_INT(await_end(&s).end, END_EXITED);
	struct pollfd p = {.fd = third, .events = POLLIN};

	CHECK_INT(poll(&p, 1, 0), 0); /* it lives, with all it has made */
	CHECK_INT(s.x->ops->stop(s.x, 1, STOP_KILL), 0);
	CHECK(await_end(&s).leftovers >= 3);
	close(third);
	stage_close(&s);
}

/* --- the driver dies ------------------------------------------------------------------------------ */

/*
 * Fork a driver that starts one step and waits; returns its pid.  The write end is known to the step and its
 * driver only; the driver writes a D once everything stands.
 */
static pid_t fork_driver(struct stage *s, const char *words, bool finish, int *ret_told)
{
	int told[2], alive[2];
	pid_t pid;

	CHECK_INT(pipe2(told, O_CLOEXEC), 0);
	CHECK_INT(pipe2(alive, O_CLOEXEC), 0);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		struct start_fd fd = {.fd = alive[1], .number = 9};
		struct exec_local_options opt = options_for(s);
		struct order o;

		close(alive[0]);
		opt.finish = finish;
		s->x = exec_local_open(&opt);
		if (!s->x)
			_exit(1);
		order_words(&o, words);
		memmove(o.argv + 2, o.argv, sizeof(o.argv) - 2 * sizeof(*o.argv));
		o.argv[0] = self;
		o.argv[1] = "escapee";
		o.r.fds = &fd;
		o.r.n_fds = 1;
		order_start(s, &o);
		(void)await_start(s);
		close(alive[1]);
		(void)!write(told[1], "D", 1);
		escapee_hold();
	}
	close(told[1]);
	close(alive[1]);
	s->alive = alive[0];
	*ret_told = told[0];
	return pid;
}

static void await_journal_end(const struct stage *s)
{
	int64_t until = stamp_mono_ns() + (int64_t)PATIENCE_MS * NS_PER_MS;
	enum journal_state is = JOURNAL_ALIVE;

	while (is == JOURNAL_ALIVE) {
		CHECK(stamp_mono_ns() < until);
		CHECK_INT(journal_state(in_dir(s, "journal"), &is), 0);
		poll(NULL, 0, 1);
	}
	CHECK_INT(is, JOURNAL_DEAD);
}

static struct journal_attempt journal_of(const struct stage *s, uint32_t serial)
{
	struct journal j;
	struct journal_attempt a = {0};

	CHECK_INT(journal_read(&j, in_dir(s, "journal"), nonce), 0);
	CHECK(j.same_boot);
	CHECK_INT(j.bad_bytes, 0);
	if (journal_find(&j, serial))
		a = *journal_find(&j, serial);
	journal_release(&j);
	return a;
}

static void kill_driver_with(const char *words)
{
	struct stage s;
	enum journal_state is;
	pid_t driver;
	int told;

	stage_dir(&s);
	driver = fork_driver(&s, words, false, &told);
	await_byte(told, 'D');
	if (strstr(words, "ready"))
		await_byte(s.alive, 'R');
	CHECK_INT(journal_state(in_dir(&s, "journal"), &is), 0);
	CHECK_INT(is, JOURNAL_ALIVE);
	CHECK_INT(kill(driver, SIGKILL), 0);
	CHECK_INT(waitpid(driver, NULL, 0), driver);
	if (!all_dead(&s, PATIENCE_MS))
		fail_msg("after '%s' and the driver's death, somebody lives", words);
	await_journal_end(&s);
	CHECK_INT(journal_of(&s, 1).last, JOURNAL_END);
	CHECK_INT(journal_of(&s, 1).why, WHY_DRIVER_GONE);
	close(told);
	stage_close(&s);
}

static void nothing_survives_the_driver_and_the_journal_says_why(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(escapes); i++) {
		char *words = and_then(escapes[i], "hold");

		kill_driver_with(words);
		free(words);
	}
	kill_driver_with("ignore many=1000 ready hold");
}

static void with_finish_a_step_ends_by_itself_after_the_driver(void **state)
{
	struct stage s;
	pid_t driver;
	int told;

	(void)state;
	stage_dir(&s);
	driver = fork_driver(&s, "ms=200 exit=6", true, &told);
	await_byte(told, 'D');
	CHECK_INT(kill(driver, SIGKILL), 0);
	CHECK_INT(waitpid(driver, NULL, 0), driver);
	await_journal_end(&s);
	CHECK_INT(journal_of(&s, 1).last, JOURNAL_END);
	CHECK_INT(journal_of(&s, 1).why, WHY_EXITED);
	CHECK_INT(WEXITSTATUS(journal_of(&s, 1).status), 6);
	CHECK(journal_of(&s, 1).elapsed_ms >= 200);
	close(told);
	stage_close(&s);
}

/* --- the warden dies ------------------------------------------------------------------------------ */

static pid_t parent_of(pid_t pid)
{
	struct proc_stat st;

	CHECK_INT(proc_stat(&calls_real, pid, &st), 0);
	return st.parent;
}

static void when_the_warden_dies_steps_are_lost_and_nothing_survives(void **state)
{
	struct stage s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(escapes); i++) {
		char *words = and_then(escapes[i], "hold");
		struct attempt_ended e;
		struct order o;
		uint32_t serial;
		pid_t pid;

		stage_open(&s);
		start_escapee(&s, words, 0);
		s.serial++; /* one that has ended, and has been told */
		order_words(&o, "true");
		order_start(&s, &o);
		e = await_end(&s);
		CHECK_INT(e.end, END_EXITED);
		while (s.x->ops->collect_started(s.x, &serial, &pid))
			;
		CHECK_INT(kill(parent_of(journal_of(&s, 1).pid), SIGKILL), 0);
		while (s.x->ops->collect(s.x, &e) == 0)
			wait_readable(s.x->ops->watch_fd(s.x));
		CHECK_INT(errno, EPIPE);
		wait_readable(s.x->ops->watch_fd(s.x));
		e = await_end(&s);
		CHECK_INT(e.serial, 1);
		CHECK_INT(e.end, END_LOST);
		check_gone(&s, words, "the warden's death");
		CHECK_INT(s.x->ops->collect(s.x, &e), 0);
		struct pollfd p = {.fd = s.x->ops->watch_fd(s.x), .events = POLLIN};
		CHECK_INT(poll(&p, 1, 0), 0); /* and it is quiet */
		order_words(&o, "true");
		o.r.serial = 9;
		CHECK_INT(s.x->ops->start(s.x, &o.r), -1);
		CHECK_INT(errno, EPIPE);
		free(o.text);
		free(words);
		stage_close(&s);
	}
}

static void after_a_double_fault_the_sweep_finds_what_is_left(void **state)
{
	struct stage s;
	struct journal j;
	size_t killed;
	pid_t driver, warden;
	int told, status;

	(void)state;
	stage_dir(&s);
	/* Their subreaper would be us, who reap; nobody kills them but the sweep. */
	CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	driver = fork_driver(&s, "bg setsid daemon ready hold", false, &told);
	await_byte(told, 'D');
	await_byte(s.alive, 'R');
	warden = parent_of(journal_of(&s, 1).pid);
	CHECK_INT(kill(driver, SIGSTOP), 0); /* or it would do its own cleaning */
	CHECK_INT(kill(warden, SIGSTOP), 0);
	CHECK_INT(kill(driver, SIGKILL), 0);
	CHECK_INT(kill(warden, SIGKILL), 0);
	CHECK_INT(waitpid(driver, NULL, 0), driver);
	await_journal_end(&s);
	CHECK_INT(journal_read(&j, in_dir(&s, "journal"), nonce), 0);
	CHECK_INT(journal_find(&j, 1)->last, JOURNAL_PROCESS);
	CHECK_INT(waitpid(journal_find(&j, 1)->pid, &status, 0), journal_find(&j, 1)->pid);
	CHECK_INT(WTERMSIG(status), SIGKILL); /* the leader goes with the warden, at once */
	CHECK(!all_dead(&s, 0));
	j.nonce++; /* another run's */
	j.attempt[0].last = JOURNAL_END;
	CHECK_INT(exec_local_sweep(&calls_real, &j, 1000, &killed), 0);
	CHECK_INT(killed, 0);
	j.nonce--;
	j.same_boot = false;
	CHECK_INT(exec_local_sweep(&calls_real, &j, 1000, &killed), 0);
	CHECK_INT(killed, 0);
	CHECK(!all_dead(&s, 0));
	j.same_boot = true;
	CHECK_INT(exec_local_sweep(&calls_real, &j, PATIENCE_MS, &killed), 0);
	CHECK(killed >= 3);
	CHECK(all_dead(&s, PATIENCE_MS));
	journal_release(&j);
	while (waitpid(-1, NULL, 0) > 0)
		;
	CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
	close(told);
	stage_close(&s);
}

/* A step of a run that ends, and leaves a child, in the instant in which it is looked at. */
static struct {
	pid_t pid;
	int tell;
} fleeting;

static int gone_when_looked_at(int dir, const char *path, int flags, mode_t mode)
{
	char stat[64];

	snprintf(stat, sizeof(stat), "/proc/%d/stat", (int)fleeting.pid);
	if (fleeting.pid && !strcmp(path, stat)) {
		CHECK_INT(write(fleeting.tell, "\n", 1), 1);
		CHECK_INT(waitpid(fleeting.pid, NULL, 0), fleeting.pid);
		fleeting.pid = 0;
	}
	return openat(dir, path, flags, mode);
}

static pid_t spawn_fleeting(const char *tag, int *ret_tell)
{
	char *const argv[] = {(char *)"sh", (char *)"-c", (char *)"read go; sleep 100 >&- & :", NULL};
	char *const envp[] = {(char *)(uintptr_t)tag, (char *)"PATH=/bin:/usr/bin", NULL};
	posix_spawn_file_actions_t act;
	pid_t pid;
	int p[2];

	CHECK_INT(pipe2(p, O_CLOEXEC), 0);
	posix_spawn_file_actions_init(&act);
	posix_spawn_file_actions_adddup2(&act, p[0], STDIN_FILENO);
	CHECK_INT(posix_spawn(&pid, "/bin/sh", &act, NULL, argv, envp), 0);
	posix_spawn_file_actions_destroy(&act);
	close(p[0]);
	*ret_tell = p[1];
	return pid;
}

static void a_child_that_is_born_while_the_sweep_looks_is_found(void **state)
{
	const struct journal j = {.nonce = nonce, .same_boot = true, .begun_ticks = proc_ticks_now()};
	struct calls c = calls_real;
	char tag[64];
	size_t killed;
	int status;

	(void)state;
	c.openat = gone_when_looked_at;
	CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	snprintf(tag, sizeof(tag), "ORCHMAKE_TAG=%016llx:1", (unsigned long long)nonce);
	fleeting.pid = spawn_fleeting(tag, &fleeting.tell);
	CHECK_INT(exec_local_sweep(&c, &j, PATIENCE_MS, &killed), 0);
	CHECK_INT(killed, 1);
	CHECK(waitpid(-1, &status, 0) > 0); /* the child, which has become ours */
	CHECK_INT(WTERMSIG(status), SIGKILL);
	CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
	close(fleeting.tell);
}

/* --- faults --------------------------------------------------------------------------------------- */

static void an_executor_that_cannot_open_says_why_and_leaves_nothing(void **state)
{
	struct stage s;
	struct exec_local_options o;

	(void)state;
	stage_dir(&s);
	o = options_for(&s);
	if (!strstr(getenv("LD_PRELOAD") ? getenv("LD_PRELOAD") : "", "vgpreload")) { /* where it cannot tell */
		o.warden_path = "/no/such/warden";
		CHECK(!exec_local_open(&o));
		CHECK_INT(errno, ENOENT);
		CHECK(!file_exists(o.journal_path));
	}
	o.warden_path = self;
	CHECK_INT(file_write_atomic(o.journal_path, "", 0, 0600), 0);
	CHECK(!exec_local_open(&o));
	CHECK_INT(errno, EEXIST);
	CHECK(file_exists(o.journal_path));
	stage_close(&s);
}

static int sends_left, memfds_left;

static ssize_t full_sometimes(int fd, const struct msghdr *m, int flags)
{
	static const int errors[] = {EAGAIN, EINTR, ENOBUFS, ETOOMANYREFS};

	if (sends_left-- % 2 == 0)
		return sendmsg(fd, m, flags);
	errno = errors[(unsigned)sends_left / 2 % ARRAY_LEN(errors)];
	return -1;
}

static int no_memfd_at_first(const char *name, unsigned flags)
{
	if (memfds_left-- <= 0)
		return memfd_create(name, flags);
	errno = EMFILE;
	return -1;
}

static void a_socket_that_is_full_and_a_lack_of_descriptors_only_delay(void **state)
{
	struct calls flaky = calls_real;
	struct stage s;
	struct exec_local_options opt;
	struct order o;
	char *value = xcalloc(1, 100000);

	(void)state;
	flaky.sendmsg = full_sometimes;
	flaky.memfd_create = no_memfd_at_first;
	sends_left = 101;
	memfds_left = 3;
	stage_dir(&s);
	opt = options_for(&s);
	opt.calls = &flaky;
	s.x = exec_local_open(&opt);
	CHECK(s.x);
	memset(value, 'y', 99999);
	for (int i = 0; i < 20; i++) {
		order_words(&o, "true");
		if (i % 5 == 0)
			o.argv[1] = value;
		order_start(&s, &o);
	}
	for (int i = 0; i < 20; i++)
		CHECK_INT(await_end(&s).status, 0);
	free(value);
	stage_close(&s);
}

static void held_descriptors_live_as_long_as_the_warden_and_no_step_sees_them(void **state)
{
	struct stage s;
	struct exec_local_options opt;
	int lock, other;

	(void)state;
	stage_dir(&s);
	lock = open(in_dir(&s, "lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK_INT(flock(lock, LOCK_EX | LOCK_NB), 0);
	opt = options_for(&s);
	opt.held = &lock;
	opt.n_held = 1;
	s.x = exec_local_open(&opt);
	CHECK(s.x);
	close(lock);
	start_escapee(&s, "ready hold", 0);
	other = open(in_dir(&s, "lock"), O_RDWR | O_CLOEXEC);
	CHECK_INT(flock(other, LOCK_EX | LOCK_NB), -1);
	s.x->ops->close(s.x);
	s.x = NULL;
	CHECK_INT(flock(other, LOCK_EX | LOCK_NB), 0);
	close(other);
	stage_close(&s);
}

static void the_journal_tells_the_same_story(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	(void)run(&s, "sh -c exit\t3");
	(void)run(&s, "no-such-program");
	start_escapee(&s, "bg ready exit=0", 0);
	(void)await_end(&s);
	CHECK_INT(exec_local_sync(s.x), 0);
	CHECK_INT(journal_of(&s, 1).last, JOURNAL_END);
	CHECK_INT(WEXITSTATUS(journal_of(&s, 1).status), 3);
	CHECK(journal_of(&s, 1).pid > 0 && journal_of(&s, 1).start_ticks > 0);
	CHECK_INT(journal_of(&s, 2).last, JOURNAL_FAILED);
	CHECK_INT(journal_of(&s, 2).error, ENOENT);
	CHECK_INT(journal_of(&s, 3).leftovers, 1);
	CHECK_INT(journal_of(&s, 4).serial, 0);
	stage_close(&s);
}

static void the_recorded_start_time_is_the_kernels(void **state)
{
	struct stage s;
	struct order o;
	struct start_fd fd;
	struct proc_stat st;
	struct journal_attempt a;

	(void)state;
	stage_open(&s);
	order_escapee(&s, &o, "hold", &fd);
	order_start(&s, &o);
	close(fd.fd);
	CHECK_INT(await_start(&s), (a = journal_of(&s, 1)).pid); /* recorded before it is told */
	CHECK_INT(proc_stat(&calls_real, a.pid, &st), 0);
	CHECK(st.start_ticks >= a.start_ticks && st.start_ticks <= a.start_ticks + a.start_span);
	stage_close(&s);
}

/*
 * The warden with a fault: the name it is run under (a link to this program) says which.
 */
static int forks_to_fail, writes_to_go, sends_to_fail;

static int failing_clone(int (*fn)(void *), void *stack_end, int flags, void *arg)
{
	if (forks_to_fail <= 0)
		return calls_real.clone(fn, stack_end, flags, arg);
	forks_to_fail--;
	errno = EAGAIN;
	return -1;
}

static int full_disk(int fd, int mode, off_t at, off_t len)
{
	(void)fd, (void)mode, (void)at, (void)len;
	errno = ENOSPC;
	return -1;
}

static int nothing_to_promise(int fd, int mode, off_t at, off_t len)
{
	(void)fd, (void)mode, (void)at, (void)len;
	errno = EOPNOTSUPP;
	return -1;
}

/* The third record, an end, is torn: half of it arrives. */
static ssize_t torn_end(int fd, const void *data, size_t len)
{
	if (len == sizeof(struct journal_record) && --writes_to_go == 0)
		len /= 2;
	return write(fd, data, len);
}

static int no_children_file(int dir, const char *path, int flags, mode_t mode)
{
	if (!strstr(path, "/children"))
		return openat(dir, path, flags, mode);
	errno = ENOENT;
	return -1;
}

/* Also for the driver: neither side has pidfds. */
static int no_pidfd(pid_t pid, unsigned flags)
{
	(void)pid, (void)flags;
	errno = ENOSYS;
	return -1;
}

static ssize_t no_room_to_send(int fd, const struct msghdr *m, int flags)
{
	(void)fd, (void)m, (void)flags;
	errno = EAGAIN;
	return -1;
}

static ssize_t reluctant_send(int fd, const struct msghdr *m, int flags)
{
	if (sends_to_fail++ % 3 == 2)
		return sendmsg(fd, m, flags);
	errno = sends_to_fail % 3 ? EAGAIN : EINTR;
	return -1;
}

static ssize_t interrupted_recv(int fd, struct msghdr *m, int flags)
{
	static int n;
	static const int errors[] = {EINTR, EAGAIN, ENOMEM};

	if (n++ % 4 == 3)
		return recvmsg(fd, m, flags);
	errno = errors[n % 3];
	return -1;
}

static int interrupted_poll(struct pollfd *p, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	static int turn;

	if (turn++ % 2)
		return ppoll(p, n, timeout, mask);
	errno = EINTR;
	return -1;
}

static struct calls faulty(const char *name)
{
	struct calls c = calls_real;

	if (!strcmp(name, "fork-fails-three-times"))
		c.clone = failing_clone, forks_to_fail = 3;
	else if (!strcmp(name, "fork-fails"))
		c.clone = failing_clone, forks_to_fail = INT32_MAX;
	else if (!strcmp(name, "disk-full"))
		c.fallocate = full_disk;
	else if (!strcmp(name, "no-promise"))
		c.fallocate = nothing_to_promise;
	else if (!strcmp(name, "torn-end"))
		c.write = torn_end, writes_to_go = 3;
	else if (!strcmp(name, "no-children"))
		c.openat = no_children_file;
	else if (!strcmp(name, "no-pidfd"))
		c.pidfd_open = no_pidfd;
	else if (!strcmp(name, "mute"))
		c.sendmsg = no_room_to_send;
	else if (!strcmp(name, "reluctant"))
		c.sendmsg = reluctant_send, c.recvmsg = interrupted_recv, c.ppoll = interrupted_poll;
	return c;
}

static void stage_open_faulty(struct stage *s, const char *fault)
{
	static struct calls mine;
	struct exec_local_options o;

	stage_dir(s);
	CHECK_INT(symlink(self, in_dir(s, fault)), 0);
	o = options_for(s);
	o.warden_path = in_dir(s, fault);
	o.spawn_retry_ms = 100;
	mine = calls_real;
	if (!strcmp(fault, "no-pidfd"))
		mine.pidfd_open = no_pidfd;
	o.calls = &mine;
	s->x = exec_local_open(&o);
	CHECK(s->x);
}

static void a_fork_that_fails_is_tried_again_for_a_while(void **state)
{
	struct stage s;
	struct attempt_ended e;

	(void)state;
	stage_open_faulty(&s, "fork-fails-three-times");
	e = run(&s, "sh -c exit\t8");
	CHECK_INT(e.end, END_EXITED);
	CHECK_INT(WEXITSTATUS(e.status), 8);
	CHECK_INT(journal_of(&s, 1).last, JOURNAL_END);
	stage_close(&s);
	stage_open_faulty(&s, "fork-fails");
	check_not_started(run(&s, "true"), "fork", EAGAIN);
	CHECK_INT(journal_of(&s, 1).last, JOURNAL_FAILED);
	stage_close(&s);
}

static void without_room_for_its_end_a_step_is_not_started(void **state)
{
	struct stage s;

	(void)state;
	stage_open_faulty(&s, "disk-full");
	check_not_started(run(&s, "true"), "write the journal", ENOSPC);
	stage_close(&s);
	stage_open_faulty(&s, "no-promise"); /* a file system that knows no such thing */
	CHECK_INT(run(&s, "true").end, END_EXITED);
	stage_close(&s);
}

static void an_end_that_cannot_be_recorded_is_told_with_the_reason(void **state)
{
	struct stage s;
	struct attempt_ended e;

	(void)state;
	stage_open_faulty(&s, "torn-end");
	e = run(&s, "true");
	CHECK_INT(e.end, END_EXITED);
	CHECK_INT(e.journal_error, ENOSPC);
	e = run(&s, "true");
	CHECK_INT(e.journal_error, 0);
	CHECK_INT(journal_of(&s, 1).last, JOURNAL_PROCESS); /* the piece is gone, and what follows is whole */
	CHECK_INT(journal_of(&s, 2).last, JOURNAL_END);
	stage_close(&s);
}

static void an_older_kernel_is_no_way_out(void **state)
{
	static const char *const lacks[] = {"no-children", "no-pidfd"};
	struct stage s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lacks); i++) {
		stage_open_faulty(&s, lacks[i]);
		start_escapee(&s, "ignore bg setsid daemon ready exit=0", 0);
		CHECK_INT(await_end(&s).leftovers, 3);
		check_gone(&s, lacks[i], "its end");
		start_escapee(&s, "ignore bg setsid daemon ready hold", 0);
		CHECK_INT(s.x->ops->stop(s.x, 0, STOP_TERM), 0);
		CHECK_INT(await_end(&s).end, END_STOPPED);
		check_gone(&s, lacks[i], "a stop");
		stage_close(&s);
	}
}

static void await_record(const struct stage *s, uint32_t serial, enum journal_type type)
{
	int64_t until = stamp_mono_ns() + (int64_t)PATIENCE_MS * NS_PER_MS;

	while (journal_of(s, serial).last != type) {
		CHECK(stamp_mono_ns() < until);
		poll(NULL, 0, 1);
	}
}

static struct attempt_ended await_break(struct stage *s)
{
	struct attempt_ended e;

	while (s->x->ops->collect(s->x, &e) == 0)
		wait_readable(s->x->ops->watch_fd(s->x));
	CHECK_INT(errno, EPIPE);
	return await_end(s);
}

static void after_the_wardens_death_the_journal_is_believed(void **state)
{
	struct stage s;
	struct attempt_ended e;
	struct order o;

	(void)state;
	stage_open_faulty(&s, "mute");
	start_escapee(&s, "bg exit=6", 0);
	order_words(&o, "no-such-program");
	order_start(&s, &o);
	order_words(&o, "sleep 60");
	order_start(&s, &o);
	await_record(&s, 1, JOURNAL_END);
	await_record(&s, 3, JOURNAL_PROCESS);
	CHECK_INT(kill(parent_of(journal_of(&s, 3).pid), SIGKILL), 0);
	e = await_break(&s);
	CHECK_INT(e.serial, 1);
	CHECK_INT(e.end, END_EXITED);
	CHECK_INT(WEXITSTATUS(e.status), 6);
	CHECK_INT(e.leftovers, 1);
	CHECK(e.start_mono_ns > 0 && e.end_mono_ns >= e.start_mono_ns);
	check_not_started(await_end(&s), "exec", ENOENT);
	e = await_end(&s);
	CHECK_INT(e.serial, 3);
	CHECK_INT(e.end, END_LOST);
	stage_close(&s);
}

static void the_journal_may_get_its_name_later(void **state)
{
	struct stage s;
	struct exec_local_options o;
	struct attempt_ended e;
	struct order last;

	(void)state;
	stage_dir(&s);
	CHECK_INT(symlink(self, in_dir(&s, "mute")), 0);
	o = options_for(&s);
	o.warden_path = in_dir(&s, "mute");
	o.journal_path = in_dir(&s, "journal.new");
	s.x = exec_local_open(&o);
	CHECK(s.x);
	CHECK_INT(exec_local_name_journal(s.x, in_dir(&s, "none/journal")), -1);
	CHECK_INT(errno, ENOENT);
	CHECK(file_exists(in_dir(&s, "journal.new")));
	CHECK_INT(exec_local_name_journal(s.x, in_dir(&s, "journal")), 0);
	CHECK(!file_exists(in_dir(&s, "journal.new")));
	start_escapee(&s, "exit=6", 0);
	order_words(&last, "sleep 60");
	order_start(&s, &last);
	await_record(&s, 1, JOURNAL_END);
	await_record(&s, 2, JOURNAL_PROCESS);
	CHECK_INT(kill(parent_of(journal_of(&s, 2).pid), SIGKILL), 0);
	e = await_break(&s); /* what nobody told is read where the journal is now */
	CHECK_INT(e.serial, 1);
	CHECK_INT(e.end, END_EXITED);
	CHECK_INT(WEXITSTATUS(e.status), 6);
	CHECK_INT(await_end(&s).end, END_LOST);
	stage_close(&s);
}

static void a_warden_that_is_dismissed_goes_before_it_is_waited_for(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	CHECK_INT(run(&s, "true").end, END_EXITED);
	exec_local_dismiss(s.x);
	wait_readable(s.x->ops->watch_fd(s.x));
	stage_close(&s);
	stage_open(&s);
	start_escapee(&s, "ready hold", 0);
	await_record(&s, 1, JOURNAL_PROCESS);
	CHECK_INT(kill(parent_of(journal_of(&s, 1).pid), SIGKILL), 0);
	CHECK_INT(await_break(&s).end, END_LOST);
	exec_local_dismiss(s.x); /* there is none any more */
	stage_close(&s);
}

static void what_a_dead_warden_never_began_has_not_started(void **state)
{
	struct stage s;
	struct exec_local_options opt;
	struct order o;
	pid_t warden;

	(void)state;
	stage_dir(&s);
	opt = options_for(&s);
	opt.slots = 2;
	s.x = exec_local_open(&opt);
	CHECK(s.x);
	order_words(&o, "sleep 60");
	order_start(&s, &o);
	warden = parent_of(await_start(&s));
	CHECK_INT(kill(warden, SIGSTOP), 0);
	for (int i = 0; i < 2; i++) { /* one is with the warden, one still here */
		order_words(&o, "true");
		order_start(&s, &o);
	}
	CHECK_INT(kill(warden, SIGKILL), 0);
	CHECK_INT(await_break(&s).end, END_LOST);
	check_not_started(await_end(&s), "reach the warden", EPIPE);
	check_not_started(await_end(&s), "reach the warden", EPIPE);
	stage_close(&s);
}

static void calls_that_are_interrupted_or_full_are_made_again(void **state)
{
	struct stage s;

	(void)state;
	stage_open_faulty(&s, "reluctant");
	for (int i = 0; i < 30; i++) {
		struct order o;

		order_words(&o, "true");
		order_start(&s, &o);
	}
	for (int i = 0; i < 30; i++)
		CHECK_INT(await_end(&s).status, 0);
	stage_close(&s);
}

/* --- the terminal ---------------------------------------------------------------------------------- */

/* In a session of its own with a terminal: run the step and say what was wrong, 0 if nothing. */
static int with_terminal(struct stage *s, int pts)
{
	struct exec_local_options opt = options_for(s);
	struct attempt_ended e;
	struct order o;

	if (setsid() < 0 || ioctl(pts, TIOCSCTTY, 0) < 0)
		return 1;
	for (int i = 0; i < 3; i++)
		dup2(pts, i);
	s->x = exec_local_open(&opt);
	order_words(&o, "x escapee foreground tstp exit=9");
	o.argv[0] = self;
	o.r.tty = true;
	order_start(s, &o);
	e = await_end(s);
	if (e.end != END_EXITED || !WIFEXITED(e.status) || WEXITSTATUS(e.status) != 9)
		return 2;
	if (tcgetpgrp(STDIN_FILENO) != getpgrp())
		return 3;
	order_words(&o, "no-such-program");
	o.r.tty = true;
	order_start(s, &o);
	e = await_end(s);
	if (e.end != END_NOT_STARTED || tcgetpgrp(STDIN_FILENO) != getpgrp())
		return 4;
	/* What it leaves in the driver's own session is found as well. */
	order_words(&o, "x escapee bg setsid exit=9");
	o.argv[0] = self;
	o.r.tty = true;
	order_start(s, &o);
	e = await_end(s);
	if (e.end != END_EXITED || e.leftovers != 2)
		return 5;
	s->x->ops->close(s->x);
	return 0;
}

static void a_tty_step_has_the_terminal_and_the_driver_gets_it_back(void **state)
{
	struct stage s;
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), status;
	pid_t pid;

	(void)state;
	if (master < 0)
		SKIP_HERE();
	stage_dir(&s);
	CHECK_INT(grantpt(master), 0);
	CHECK_INT(unlockpt(master), 0);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid)
		_exit(with_terminal(&s, open(ptsname(master), O_RDWR | O_NOCTTY)));
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 0);
	close(master);
	stage_close(&s);
}

#define TEST(name) cmocka_unit_test_teardown(name, clean_up)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(an_exit_code_is_reported),
		TEST(a_fatal_signal_is_reported),
		TEST(a_start_is_told_before_its_end_and_in_order),
		TEST(what_cannot_be_started_says_at_which_stage_and_why),
		TEST(a_file_that_is_no_program_is_an_error_and_no_shell_is_asked),
		TEST(the_path_searched_is_the_one_of_the_step),
		TEST(a_log_that_is_a_link_or_a_fifo_is_refused),
		TEST(a_step_finds_a_clean_world),
		TEST(a_step_has_its_environment_and_the_name_of_its_attempt),
		TEST(output_goes_where_it_is_wanted),
		TEST(one_file_for_both_outputs_is_one_open_file),
		TEST(a_large_request_is_started_too),
		TEST(a_background_child_that_holds_stdout_does_not_delay_the_end),
		TEST(a_step_that_closes_its_outputs_has_not_ended),
		TEST(a_step_is_asked_to_end_at_its_deadline),
		TEST(one_that_does_not_listen_is_killed_after_the_grace),
		TEST(a_stop_with_kill_does_not_wait_for_the_grace),
		TEST(what_a_stopped_leader_leaves_has_the_rest_of_the_grace),
		TEST(a_step_that_has_stopped_hears_that_it_shall_end),
		TEST(one_that_ended_by_itself_was_not_stopped),
		TEST(those_beyond_the_slots_wait_and_a_stop_takes_them_from_the_queue),
		TEST(many_quick_steps_all_come_back_once),
		TEST(nothing_survives_the_end_of_a_step),
		TEST(nothing_survives_a_timeout),
		TEST(nothing_survives_a_stop),
		TEST(nothing_survives_the_executor),
		TEST(a_thousand_processes_are_killed_like_one),
		TEST(what_nobody_can_be_blamed_for_is_killed_when_no_step_runs),
		TEST(two_steps_that_end_together_keep_their_leftovers_apart_from_a_third),
		TEST(nothing_survives_the_driver_and_the_journal_says_why),
		TEST(with_finish_a_step_ends_by_itself_after_the_driver),
		TEST(when_the_warden_dies_steps_are_lost_and_nothing_survives),
		TEST(after_a_double_fault_the_sweep_finds_what_is_left),
		TEST(a_child_that_is_born_while_the_sweep_looks_is_found),
		TEST(an_executor_that_cannot_open_says_why_and_leaves_nothing),
		TEST(a_socket_that_is_full_and_a_lack_of_descriptors_only_delay),
		TEST(held_descriptors_live_as_long_as_the_warden_and_no_step_sees_them),
		TEST(a_fork_that_fails_is_tried_again_for_a_while),
		TEST(without_room_for_its_end_a_step_is_not_started),
		TEST(an_end_that_cannot_be_recorded_is_told_with_the_reason),
		TEST(an_older_kernel_is_no_way_out),
		TEST(after_the_wardens_death_the_journal_is_believed),
		TEST(the_journal_may_get_its_name_later),
		TEST(a_warden_that_is_dismissed_goes_before_it_is_waited_for),
		TEST(what_a_dead_warden_never_began_has_not_started),
		TEST(calls_that_are_interrupted_or_full_are_made_again),
		TEST(a_tty_step_has_the_terminal_and_the_driver_gets_it_back),
		TEST(the_journal_tells_the_same_story),
		TEST(the_recorded_start_time_is_the_kernels),
	};

	if (!strcmp(argv[0], "orchmake-warden")) {
		struct calls c = faulty(path_base((const char *)getauxval(AT_EXECFN)));

		return warden_main(&c);
	}
	if (argc > 1 && !strcmp(argv[1], "escapee"))
		return escapee_main(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "hygiene"))
		return hygiene_main();
	/* After `scrub` there is no room for a word of ours. */
	if (!strcmp(argv[0], "escapee"))
		return escapee_main(argc, argv);
	nonce = (uint64_t)getpid() << 32 ^ (uint64_t)stamp_mono_ns();
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
