/* The warden process as the driver sees it: how it begins, and what its death means. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "engine/evidence.h"
#include "engine/exec_impl.h"
#include "sys/message.h"
#include "sys/proctree.h"
#include "warden/journal.h"
#include "warden/request.h"

enum { SURVIVORS_MS = 5000 /* to end what a dead warden left */ };

/* --- its birth ------------------------------------------------------------------------------------- */

/* Every descriptor the warden gets, out of the way of the numbers it gets them under. */
static int *lift_fds(const int *fd, size_t n)
{
	int *high = xcalloc(n, sizeof(*high));
	size_t i;
	int saved;

	for (i = 0; i < n; i++) {
		high[i] = fcntl(fd[i], F_DUPFD_CLOEXEC, WIRE_FD_SOCKET + (int)n);
		if (high[i] < 0)
			break;
	}
	if (i == n)
		return high;
	saved = errno;
	exec_close_fds(high, i);
	errno = saved;
	return NULL;
}

static int spawn_with(const char *path, char *const *argv, const int *fd, size_t n, pid_t *ret)
{
	enum { FLAGS = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK };
	char *const no_environment[] = {NULL};
	posix_spawn_file_actions_t act;
	posix_spawnattr_t attr;
	sigset_t all;
	int rc;

	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, FLAGS);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigmask(&attr, &all);
	posix_spawn_file_actions_init(&act);
	rc = 0;
	for (int i = 0; i < 3 && !rc; i++) /* nobody's pipe is held open by the warden */
		rc = posix_spawn_file_actions_addopen(&act, i, "/dev/null", O_RDWR, 0);
	for (size_t i = 0; i < n && !rc; i++)
		rc = posix_spawn_file_actions_adddup2(&act, fd[i], WIRE_FD_SOCKET + (int)i);
	if (!rc)
		rc = posix_spawn(ret, path, &act, &attr, argv, no_environment);
	posix_spawn_file_actions_destroy(&act);
	posix_spawnattr_destroy(&attr);
	return rc;
}

/* It is there before the warden looks for it. */
static int say_hello(const struct exec_local *x, const struct exec_local_options *o)
{
	const struct wire_hello h = {.version = WIRE_VERSION, .slots = x->slots, .finish = o->finish, .nonce = o->nonce};
	const struct iovec part = {(void *)(uintptr_t)&h, sizeof(h)};

	return message_send(&calls_real, x->socket, &part, 1, NULL, 0) < 0 ? -1 : 0;
}

int exec_start_warden(struct exec_local *x, const struct exec_local_options *o, int socket, int journal)
{
	char name[] = "orchmake-warden", *argv[] = {name, NULL};
	size_t n = o->n_held + 2;
	int *fd = xcalloc(n, sizeof(*fd)), *high, rc;

	fd[0] = socket;
	fd[1] = journal;
	if (o->n_held)
		memcpy(fd + 2, o->held, o->n_held * sizeof(*fd));
	high = say_hello(x, o) < 0 ? NULL : lift_fds(fd, n);
	free(fd);
	if (!high)
		return -1;
	rc = spawn_with(o->warden_path, argv, high, n, &x->warden);
	exec_close_fds(high, n);
	if (!rc)
		return 0;
	x->warden = 0;
	errno = rc;
	return -1;
}

/* --- its death ------------------------------------------------------------------------------------- */

struct whose {
	const struct exec_local *x;
	char tag[EXEC_TAG_ROOM];
};

/* A step has a session of its own; what a tty step left has the tag. */
static bool is_survivor(void *arg, pid_t pid)
{
	const struct whose *w = arg;
	pid_t session = getsid(pid);

	return (session >= 0 && session != getsid(0)) || proc_environ_has(w->x->calls, pid, w->tag);
}

void exec_end_survivors(struct exec_local *x)
{
	int64_t until = stamp_mono_ns() + (int64_t)SURVIVORS_MS * NS_PER_MS;
	struct whose w = {.x = x};
	struct proc_room room;
	pid_t alive;

	if (proc_room_init(&room, x->calls) < 0)
		return;
	exec_run_tag(w.tag, x->nonce);
	while (proc_children_end(x->calls, &room, is_survivor, &w, &alive) && stamp_mono_ns() < until)
		exec_wait_for_exit(x->calls, alive);
	proc_room_release(&room);
}

/* What the journal knows of an attempt that the warden had when it died. */
static struct attempt_ended end_from_journal(const struct journal *j, const struct attempt *a)
{
	const struct journal_attempt none = {.last = JOURNAL_PROCESS}, *known = j ? journal_find(j, a->serial) : NULL;
	struct attempt_ended e = evidence_end(known ? known : &none);

	if (j && !known && a->state == ATTEMPT_HELD)
		return (struct attempt_ended){.end = END_BACK};
	if (j && !known && a->state == ATTEMPT_SENT)
		return (struct attempt_ended){
			.end = END_NOT_STARTED, .error = EPIPE, .stage = stage_word(STAGE_WARDEN)};
	if (e.end == END_NOT_STARTED)
		return e;
	e.pid = e.pid ? e.pid : a->pid;
	e.start_mono_ns = a->ended.start_mono_ns;
	e.end_mono_ns = stamp_mono_ns();
	if (e.end == END_LOST)
		return e;
	if (!e.start_mono_ns)
		e.start_mono_ns = e.end_mono_ns - known->elapsed_ms * NS_PER_MS;
	e.end_mono_ns = e.start_mono_ns + known->elapsed_ms * NS_PER_MS;
	return e;
}

static void settle_from_journal(struct exec_local *x)
{
	struct journal j;
	bool have = journal_read(&j, x->journal_path, x->nonce) == 0;

	for (uint32_t place = 0; place < x->n_attempts; place++) {
		const struct attempt *a = &x->attempt[place];

		if (a->state >= ATTEMPT_HELD && a->state <= ATTEMPT_STARTED) {
			struct attempt_ended e = end_from_journal(have ? &j : NULL, a);

			exec_done(x, place, &e);
		}
	}
	if (have)
		journal_release(&j);
}

/*
 * Within wait_ms, or by force.  Its last descriptor goes with it, and so does every leader.  Where there are no
 * pidfds, the end of the socket has to do.
 */
void exec_reap_warden(struct exec_local *x, int64_t wait_ms)
{
	struct timespec t = {wait_ms / MS_PER_S, wait_ms % MS_PER_S * NS_PER_MS};
	struct pollfd p = {.fd = x->warden_fd >= 0 ? x->warden_fd : x->socket, .events = POLLIN};

	if (!x->warden)
		return;
	if (x->calls->ppoll(&p, 1, &t, NULL) <= 0)
		(void)kill(x->warden, SIGKILL); /* our child and not reaped: the pid is still its own */
	while (x->calls->wait4(x->warden, NULL, 0, NULL) < 0 && errno == EINTR)
		;
	x->warden = 0;
}

void exec_break_down(struct exec_local *x)
{
	struct list queued;

	exec_reap_warden(x, 0);
	while (exec_receive(x) > 0) /* it said this while it lived */
		;
	exec_end_survivors(x);
	settle_from_journal(x);
	queued = x->queue;
	x->queue.first = NONE;
	for (uint32_t place; (place = exec_list_take(x, &queued)) != NONE;)
		if (x->attempt[place].flags & WIRE_HOLD)
			exec_back(x, place, 0);
		else
			exec_not_started(x, place, STAGE_WARDEN, EPIPE);
	x->broken = true;
	/* Dead descriptors stay readable for ever: from now on only `ready` speaks. */
	(void)epoll_ctl(x->epoll, EPOLL_CTL_DEL, x->socket, NULL);
	(void)epoll_ctl(x->epoll, EPOLL_CTL_DEL, x->warden_fd, NULL);
	(void)epoll_ctl(x->epoll, EPOLL_CTL_DEL, x->timer, NULL);
}
