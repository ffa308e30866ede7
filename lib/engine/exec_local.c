#include "engine/exec_local.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "base/vec.h"
#include "engine/exec_impl.h"
#include "sys/kept.h"
#include "sys/turns.h"
#include "warden/journal.h"
#include "warden/request.h"
#include "warden/warden.h"

enum {
	RETRY_MS = 30000, /* a fork that fails is tried again for so long in all */
	CLOSE_MS = 10000, /* for a warden that has been told to go */
	LOOK_AGAIN_MS = 50,
};

/* Readable when there is something: either the kernel knows why, or `ready` has to be raised. */
static void raise_ready(struct exec_local *x)
{
	bool due = x->done.first != NONE || x->at_note < x->n_notes || (x->broken && !x->break_told);
	uint64_t n = 1;

	if (due == x->is_ready)
		return;
	if (due)
		(void)!write(x->ready, &n, sizeof(n));
	else
		(void)!read(x->ready, &n, sizeof(n));
	x->is_ready = due;
}

/* --- start and stop ------------------------------------------------------------------------------- */

/* As its own until the step runs. */
static int take_fd(struct attempt *a, int fd, int number, uint32_t *numbers)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (own < 0)
		return -1;
	numbers[a->n_fds] = (uint32_t)number;
	a->fd[a->n_fds++] = own;
	a->n_own = a->n_fds;
	return 0;
}

/*
 * The driver's own three for a tty step, unless a path says otherwise; then what the request declares, what
 * lasts anyway at the end.
 */
static int gather_fds(const struct start_request *r, struct attempt *a, uint32_t *number)
{
	const char *const path[] = {r->stdin_path, r->stdout_path, r->stderr_path};

	a->fd = xcalloc(r->n_fds + 3, sizeof(*a->fd));
	for (int i = 0; r->tty && i < 3; i++)
		if (!path[i] && take_fd(a, i, i, number) < 0)
			return -1;
	for (size_t i = 0; i < r->n_fds; i++)
		if (!r->fds[i].lasts && take_fd(a, r->fds[i].fd, r->fds[i].number, number) < 0)
			return -1;
	for (size_t i = 0; i < r->n_fds; i++)
		if (r->fds[i].lasts) {
			number[a->n_fds] = (uint32_t)r->fds[i].number;
			a->fd[a->n_fds++] = r->fds[i].fd;
		}
	return 0;
}

static bool owns_terminal(const struct start_request *r)
{
	return r->tty && !r->stdin_path && isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static uint32_t flags_of(const struct start_request *r, bool foreground)
{
	return (r->tty ? REQUEST_TTY : 0u) | (foreground ? REQUEST_FOREGROUND : 0u) |
	       (r->stdout_append ? REQUEST_STDOUT_APPEND : 0u) | (r->stderr_append ? REQUEST_STDERR_APPEND : 0u);
}

static int build(struct exec_local *x, struct attempt *a, const struct start_request *r)
{
	uint32_t number[REQUEST_FDS];
	char tag[EXEC_TAG_ROOM];
	struct request q = {
		.serial = r->serial,
		.flags = flags_of(r, a->foreground),
		.timeout_ms = r->timeout_ms,
		.grace_ms = r->grace_ms,
		.umask = r->umask,
		.limits = r->limits,
		.argv = r->argv,
		.envp = r->envp,
		.cwd = r->cwd,
		.stdin_path = r->stdin_path,
		.stdout_path = r->stdout_path,
		.stderr_path = r->stderr_path,
		.log_path = r->log_path,
		.number = number,
	};

	if (r->n_fds > REQUEST_FDS - 3) {
		errno = EINVAL;
		return -1;
	}
	if (gather_fds(r, a, number) < 0)
		return -1;
	q.n_numbers = (uint32_t)a->n_fds;
	exec_tag(tag, x->nonce, r->serial);
	return request_build(&a->block, &q, tag);
}

static void pump(struct exec_local *x);

/* A request holds its descriptors until its step runs, as its start may have to be tried again. */
static bool others_hold_descriptors(const struct exec_local *x, const struct attempt *a)
{
	for (uint32_t i = 0; i < x->n_attempts; i++)
		if (&x->attempt[i] != a && x->attempt[i].n_own)
			return true;
	return false;
}

static void wait_for_warden(struct exec_local *x)
{
	struct pollfd p = {.fd = x->epoll, .events = POLLIN};

	(void)poll(&p, 1, LOOK_AGAIN_MS);
	pump(x);
}

/* Where thousands start at once, the later ones wait for the earlier ones' descriptors; errno if it is in vain. */
static bool build_in_time(struct exec_local *x, struct attempt *a, const struct start_request *r)
{
	int64_t until = stamp_mono_ns() + x->retry_ns;

	while (build(x, a, r) < 0) {
		int error = errno;

		exec_forget_request(a);
		if (error != EMFILE || x->broken || !others_hold_descriptors(x, a) || stamp_mono_ns() >= until) {
			errno = error;
			return false;
		}
		wait_for_warden(x);
	}
	return true;
}

static int local_start(struct executor *base, const struct start_request *r)
{
	struct exec_local *x = (struct exec_local *)base;
	uint32_t place;
	struct attempt *a;

	BUG_UNLESS(r->serial && r->argv[0]);
	if (x->broken) {
		errno = EPIPE;
		return -1;
	}
	place = exec_new_place(x);
	a = &x->attempt[place];
	*a = (struct attempt){.state = ATTEMPT_FREE, .serial = r->serial, .block = a->block};
	a->foreground = owns_terminal(r);
	a->flags = (r->plain ? WIRE_PLAIN : 0u) | (r->held ? WIRE_HOLD : 0u);
	a->age = x->age;
	if (!build_in_time(x, a, r)) {
		exec_not_started(x, place, errno == EMFILE || errno == EBADF ? STAGE_DESCRIPTORS : STAGE_REQUEST, errno);
	} else if (x->broken) { /* meanwhile */
		exec_not_started(x, place, STAGE_WARDEN, EPIPE);
	} else if (r->held && (a->n_fds > KEPT_FDS || a->block.len > REQUEST_INLINE)) {
		exec_back(x, place, E2BIG);
	} else {
		a->state = ATTEMPT_QUEUED;
		exec_list_add(x, &x->queue, place);
		if (!r->held)
			exec_flush(x);
	}
	raise_ready(x);
	return 0;
}

/* Those still here never started; the rest of the queue keeps its order. */
static void cancel_queued(struct exec_local *x, uint32_t serial)
{
	struct list old = x->queue;

	x->queue.first = NONE;
	for (uint32_t place; (place = exec_list_take(x, &old)) != NONE;)
		if (serial && x->attempt[place].serial != serial)
			exec_list_add(x, &x->queue, place);
		else if (x->attempt[place].flags & WIRE_HOLD)
			exec_back(x, place, 0);
		else
			exec_not_started(x, place, STAGE_QUEUE, ECANCELED);
}

static void recall_queued(struct exec_local *x)
{
	struct list old = x->queue;

	x->queue.first = NONE;
	for (uint32_t place; (place = exec_list_take(x, &old)) != NONE;)
		if (x->attempt[place].flags & WIRE_HOLD)
			exec_back(x, place, 0);
		else
			exec_list_add(x, &x->queue, place);
}

static void say(struct exec_local *x, struct wire_ask ask)
{
	VEC_PUSH(x->ask, x->n_asks, x->room_asks, ask);
	exec_flush(x);
	raise_ready(x);
}

static int local_stop(struct executor *base, uint32_t serial, enum stop_how how)
{
	struct exec_local *x = (struct exec_local *)base;

	if (x->broken)
		return 0; /* all have ended */
	cancel_queued(x, serial);
	say(x, (struct wire_ask){.kind = WIRE_STOP, .serial = serial, .flags = how == STOP_KILL ? WIRE_KILL_NOW : 0});
	return 0;
}

static int local_recall(struct executor *base)
{
	struct exec_local *x = (struct exec_local *)base;

	if (x->broken)
		return 0;
	recall_queued(x);
	say(x, (struct wire_ask){.kind = WIRE_RECALL});
	return 0;
}

static void local_hand_on(struct executor *base)
{
	struct exec_local *x = (struct exec_local *)base;

	if (x->queue.first == NONE)
		return;
	exec_flush(x);
	raise_ready(x);
}

/* --- collecting ----------------------------------------------------------------------------------- */

static void pump(struct exec_local *x)
{
	struct epoll_event e[4];
	int n = x->broken ? 0 : epoll_wait(x->epoll, e, ARRAY_LEN(e), 0);
	bool gone = false;
	uint64_t times;

	x->has_looked = true;
	for (int i = 0; i < n; i++) {
		if (e[i].data.fd == x->socket && e[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			gone = exec_receive(x) < 0 || gone;
		else if (e[i].data.fd == x->warden_fd)
			gone = true;
		else if (e[i].data.fd == x->timer)
			(void)!read(x->timer, &times, sizeof(times));
	}
	if (gone)
		exec_break_down(x);
	else if (n > 0)
		exec_flush(x);
}

/* Setting it from the background stops whoever has not blocked that. */
static void take_terminal_back(void)
{
	sigset_t ttou, old;

	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	(void)sigprocmask(SIG_BLOCK, &ttou, &old);
	(void)tcsetpgrp(STDIN_FILENO, getpgrp());
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
}

static int local_collect(struct executor *base, struct attempt_ended *ret)
{
	struct exec_local *x = (struct exec_local *)base;
	uint32_t place;
	int rc = 0, saved;

	if (x->done.first == NONE && !x->has_looked)
		pump(x);
	if (x->broken && !x->break_told) {
		x->break_told = true;
		errno = EPIPE;
		rc = -1;
	} else if ((place = exec_list_take(x, &x->done)) != NONE) {
		struct attempt *a = &x->attempt[place];

		if (a->foreground)
			take_terminal_back();
		*ret = a->ended;
		a->state = ATTEMPT_FREE;
		a->start_untold = false;
		exec_list_add_first(x, &x->free, place);
		rc = 1;
	}
	saved = errno;
	if (rc <= 0) {
		x->has_looked = false; /* what has come since makes us readable */
		x->age = x->heard;
		raise_ready(x);
	}
	errno = saved;
	return rc;
}

static int local_collect_started(struct executor *base, uint32_t *ret_serial, pid_t *ret_pid)
{
	struct exec_local *x = (struct exec_local *)base;
	int rc = 0;

	if (x->at_note == x->n_notes && x->done.first == NONE)
		pump(x);
	while (!rc && x->at_note < x->n_notes) {
		struct start_note note = x->note[x->at_note++];
		struct attempt *a = &x->attempt[note.place];

		/* Its end may have been collected already, and its place be another's. */
		if (a->serial != note.serial || !a->start_untold)
			continue;
		a->start_untold = false;
		*ret_serial = note.serial;
		*ret_pid = a->pid;
		rc = 1;
	}
	if (x->at_note == x->n_notes)
		x->at_note = x->n_notes = 0;
	return rc;
}

static int local_watch_fd(const struct executor *base)
{
	return ((const struct exec_local *)base)->epoll;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void release(struct exec_local *x)
{
	for (size_t i = 0; i < x->n_attempts; i++) {
		exec_forget_request(&x->attempt[i]);
		buf_release(&x->attempt[i].block);
	}
	close_fd(x->journal);
	close_fd(x->socket);
	close_fd(x->warden_fd);
	close_fd(x->epoll);
	close_fd(x->timer);
	close_fd(x->ready);
	if (x->became_subreaper && !x->was_subreaper)
		(void)prctl(PR_SET_CHILD_SUBREAPER, 0);
	free(x->attempt);
	free(x->note);
	free(x->ask);
	free(x->journal_path);
	free(x);
}

/* Wait until there is room for one more message, or the warden has gone, or it is too late. */
static bool send_quit(struct exec_local *x, int64_t until_ns)
{
	struct wire_ask ask = {.kind = WIRE_QUIT, .flags = WIRE_KILL_NOW};

	for (;;) {
		struct pollfd p = {.fd = x->socket, .events = POLLIN | POLLOUT};
		struct timespec t = {.tv_nsec = (long)LOOK_AGAIN_MS * NS_PER_MS};
		enum sent rc = exec_send_ask(x, &ask, NULL, NULL, 0);

		if (rc == SENT_YES)
			return true;
		if (rc == SENT_BROKEN || rc == SENT_NEVER || stamp_mono_ns() >= until_ns)
			return false;
		(void)x->calls->ppoll(&p, 1, &t, NULL);
		if (p.revents & POLLIN && exec_receive(x) < 0) /* it waits for us to listen, perhaps */
			return false;
	}
}

void exec_local_dismiss(struct executor *base)
{
	struct exec_local *x = (struct exec_local *)base;

	x->dismissed = !x->broken && send_quit(x, 0);
}

static void local_close(struct executor *base)
{
	struct exec_local *x = (struct exec_local *)base;
	int64_t until = stamp_mono_ns() + (int64_t)CLOSE_MS * NS_PER_MS;
	bool foreground = false;

	for (size_t i = 0; i < x->n_attempts; i++)
		foreground |= x->attempt[i].state != ATTEMPT_FREE && x->attempt[i].foreground;
	if (!x->broken) {
		bool asked = x->dismissed || send_quit(x, until);
		struct pollfd p = {.fd = x->socket, .events = POLLIN};

		while (asked && stamp_mono_ns() < until) {
			struct timespec t = {.tv_sec = 1};

			if (x->calls->ppoll(&p, 1, &t, NULL) > 0 && exec_receive(x) < 0)
				break;
		}
		exec_reap_warden(x, asked ? MS_PER_S : 0);
		exec_end_survivors(x);
	}
	if (foreground)
		take_terminal_back();
	release(x);
}

int exec_local_name_journal(struct executor *base, const char *path)
{
	struct exec_local *x = (struct exec_local *)base;

	if (rename(x->journal_path, path) < 0)
		return -1;
	free(x->journal_path);
	x->journal_path = xstrdup(path);
	return 0;
}

int exec_local_sync(struct executor *base)
{
	const struct exec_local *x = (struct exec_local *)base;

	return fdatasync(x->journal);
}

static int watch(const struct exec_local *x, int fd)
{
	struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};

	return fd < 0 ? -1 : epoll_ctl(x->epoll, EPOLL_CTL_ADD, fd, &e);
}

static int open_descriptors(struct exec_local *x, int *ret_other)
{
	int pair[2], was = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	x->socket = pair[0];
	*ret_other = pair[1];
	x->epoll = epoll_create1(EPOLL_CLOEXEC);
	x->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	x->ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (x->epoll < 0 || watch(x, x->socket) < 0 || watch(x, x->timer) < 0 || watch(x, x->ready) < 0)
		return -1;
	if (prctl(PR_GET_CHILD_SUBREAPER, &was) < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return -1;
	x->was_subreaper = was;
	x->became_subreaper = true;
	return 0;
}

static struct exec_local *new_exec(const struct exec_local_options *o)
{
	static const struct executor_ops ops = {
		.start = local_start,
		.stop = local_stop,
		.recall = local_recall,
		.hand_on = local_hand_on,
		.watch_fd = local_watch_fd,
		.collect = local_collect,
		.collect_started = local_collect_started,
		.close = local_close,
	};
	struct exec_local *x = xcalloc(1, sizeof(*x));
	struct list empty = {NONE, NONE};

	x->base.ops = &ops;
	x->calls = o->calls ? o->calls : &calls_real;
	x->nonce = o->nonce;
	x->slots = o->slots < WARDEN_STEPS ? o->slots : WARDEN_STEPS;
	x->retry_ns = (o->spawn_retry_ms ? o->spawn_retry_ms : RETRY_MS) * NS_PER_MS;
	x->journal_path = xstrdup(o->journal_path);
	x->journal = x->socket = x->warden_fd = x->epoll = x->timer = x->ready = -1;
	x->free = x->queue = x->held = x->done = empty;
	return x;
}

struct executor *exec_local_open(const struct exec_local_options *o)
{
	struct exec_local *x = new_exec(o);
	int other = -1, locked = -1, saved;

	BUG_UNLESS(o->nonce && o->slots);
	if (open_descriptors(x, &other) < 0)
		goto fail;
	locked = journal_create(x->calls, o->journal_path, o->nonce);
	if (locked < 0)
		goto fail;
	/* Opened anew: this one holds no lock, the other is the warden's alone. */
	x->journal = open(o->journal_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (x->journal < 0 || exec_start_warden(x, o, other, locked) < 0)
		goto remove;
	close(locked);
	close(other);
	locked = other = -1;
	turns_short(0);
	turns_short(x->warden);
	x->warden_fd = x->calls->pidfd_open(x->warden, 0);
	if (x->warden_fd >= 0 ? watch(x, x->warden_fd) < 0 : errno != ENOSYS)
		goto remove;
	return &x->base;

remove:
	saved = errno;
	if (x->warden)
		exec_reap_warden(x, 0);
	(void)unlink(o->journal_path);
	errno = saved;
fail:
	saved = errno;
	close_fd(other);
	close_fd(locked);
	release(x);
	errno = saved;
	return NULL;
}
