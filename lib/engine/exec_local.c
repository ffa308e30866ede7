#include "engine/exec_local.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/buf.h"
#include "base/stamp.h"
#include "base/vec.h"
#include "sys/calls.h"
#include "sys/proctree.h"
#include "warden/journal.h"
#include "warden/request.h"
#include "warden/warden.h"
#include "warden/wire.h"

enum {
	RETRY_MS = 30000,	  /* a fork that fails: this long in all, */
	RETRY_FIRST_MS = 10,	  /* first after this, */
	RETRY_LAST_MS = 1000,	  /* then twice as long each time, up to this */
	SURVIVORS_MS = 5000,	  /* to end what a dead warden left */
	CLOSE_MS = 10000,	  /* for a warden that has been told to go */
	LOOK_AGAIN_MS = 50,
	TAG_ROOM = 64,
	NS_PER_S = 1000000000,
};

#define NONE UINT32_MAX

enum attempt_state {
	ATTEMPT_FREE,
	ATTEMPT_QUEUED,	 /* not with the warden */
	ATTEMPT_SENT,	 /* with the warden: it may run */
	ATTEMPT_STARTED,
	ATTEMPT_DONE,	 /* to be collected */
};

struct attempt {
	enum attempt_state state;
	uint32_t serial;
	uint32_t next;		/* in the list it is in: free, queued or done */
	bool foreground;	/* it has the terminal from us */
	bool start_untold;	/* for collect_started */
	pid_t pid;
	struct buf block;	/* kept until it has started, as it may have to be sent again */
	int *fd;		/* copies of what the request lent */
	size_t n_fds;
	int64_t retry_since_ns; /* first failed fork; 0: none */
	struct attempt_ended ended;
};

struct list {
	uint32_t first, last;
};

struct start_note {
	uint32_t place, serial;
};

struct exec_local {
	struct executor base;
	const struct calls *calls;
	uint64_t nonce;
	uint32_t slots, n_sent; /* n_sent: with the warden */
	char *journal_path;
	int journal, socket, warden_fd, epoll, timer, ready;
	pid_t warden;
	bool was_subreaper, became_subreaper;

	struct attempt *attempt;
	size_t n_attempts, room_attempts;
	struct list free, queue, done;
	struct start_note *note; /* started, not told; those below at_note have been */
	size_t n_notes, room_notes, at_note;
	struct wire_ask *ask; /* what is to be sent before the next start */
	size_t n_asks, room_asks;

	int64_t paused_until_ns, pause_ms, retry_ns; /* after a failed fork; 0: not paused */
	bool wants_out;				     /* the socket was full */
	bool is_ready;				     /* `ready` has been raised */
	bool broken, break_told;
};

/* --- lists of places ------------------------------------------------------------------------------ */

static void list_add(struct exec_local *x, struct list *l, uint32_t place)
{
	x->attempt[place].next = NONE;
	if (l->first == NONE)
		l->first = place;
	else
		x->attempt[l->last].next = place;
	l->last = place;
}

static void list_add_first(struct exec_local *x, struct list *l, uint32_t place)
{
	x->attempt[place].next = l->first;
	if (l->first == NONE)
		l->last = place;
	l->first = place;
}

static uint32_t list_take(struct exec_local *x, struct list *l)
{
	uint32_t place = l->first;

	if (place != NONE)
		l->first = x->attempt[place].next;
	return place;
}

/* --- attempts ------------------------------------------------------------------------------------- */

static void close_all(int *fd, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fd[i]);
	free(fd);
}

static void forget_request(struct attempt *a)
{
	buf_reset(&a->block); /* its memory serves the next one in this place */
	close_all(a->fd, a->n_fds);
	a->fd = NULL;
	a->n_fds = 0;
}

static uint32_t new_place(struct exec_local *x)
{
	uint32_t place = list_take(x, &x->free);

	if (place != NONE)
		return place;
	VEC_PUSH(x->attempt, x->n_attempts, x->room_attempts, (struct attempt){.block = BUF_INIT});
	return (uint32_t)x->n_attempts - 1;
}

static void done(struct exec_local *x, uint32_t place, const struct attempt_ended *e)
{
	struct attempt *a = &x->attempt[place];

	if (a->state == ATTEMPT_SENT || a->state == ATTEMPT_STARTED)
		x->n_sent--;
	forget_request(a);
	a->ended = *e;
	a->ended.serial = a->serial;
	a->state = ATTEMPT_DONE;
	list_add(x, &x->done, place);
}

static void not_started(struct exec_local *x, uint32_t place, uint32_t stage, int error)
{
	struct attempt_ended e = {.end = END_NOT_STARTED, .error = error, .stage = stage_word(stage)};

	done(x, place, &e);
}

/* --- sending -------------------------------------------------------------------------------------- */

enum sent { SENT_YES, SENT_FULL, SENT_LATER, SENT_NEVER, SENT_BROKEN };

static enum sent send_ask(struct exec_local *x, const struct wire_ask *ask, const struct buf *block,
			  const int *fd, size_t n_fds)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE((REQUEST_FDS + 3) * sizeof(int))];
	struct iovec v[2] = {{(void *)(uintptr_t)ask, sizeof(*ask)}};
	struct msghdr m = {.msg_iov = v, .msg_iovlen = 1};

	if (block)
		v[m.msg_iovlen++] = (struct iovec){block->data, block->len};
	if (n_fds) {
		struct cmsghdr *c;

		m.msg_control = control;
		m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		memset(control, 0, m.msg_controllen);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fd, n_fds * sizeof(int));
	}
	for (;;) {
		if (x->calls->sendmsg(x->socket, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return SENT_YES;
		switch (errno) {
		case EINTR:
			continue;
		case EAGAIN:
			return SENT_FULL;
		case ENOMEM:
		case ENOBUFS:
		case ETOOMANYREFS:
			return SENT_LATER;
		case EPIPE:
		case ECONNRESET:
		case ENOTCONN:
			return SENT_BROKEN;
		default:
			return SENT_NEVER;
		}
	}
}

/* A great block goes as a memfd before the descriptors. */
static enum sent send_big(struct exec_local *x, struct wire_ask *ask, const struct attempt *a)
{
	int fd[REQUEST_FDS + 1];
	enum sent rc;

	fd[0] = request_seal(x->calls, &a->block);
	if (fd[0] < 0)
		return errno == EINVAL ? SENT_NEVER : SENT_LATER;
	if (a->n_fds)
		memcpy(fd + 1, a->fd, a->n_fds * sizeof(int));
	ask->kind = WIRE_START_BIG;
	rc = send_ask(x, ask, NULL, fd, a->n_fds + 1);
	close(fd[0]);
	return rc;
}

static enum sent send_start(struct exec_local *x, uint32_t place)
{
	const struct attempt *a = &x->attempt[place];
	struct wire_ask ask = {.kind = WIRE_START, .place = place, .serial = a->serial};

	if (a->block.len > REQUEST_INLINE)
		return send_big(x, &ask, a);
	return send_ask(x, &ask, &a->block, a->fd, a->n_fds);
}

static void want_out(struct exec_local *x, bool out)
{
	struct epoll_event e = {.events = out ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.fd = x->socket};

	if (x->wants_out != out && !epoll_ctl(x->epoll, EPOLL_CTL_MOD, x->socket, &e))
		x->wants_out = out;
}

static void pause_starts(struct exec_local *x)
{
	int64_t now = stamp_mono_ns(), due;
	struct itimerspec at = {0};

	if (x->paused_until_ns > now)
		return;
	x->pause_ms = x->pause_ms ? x->pause_ms * 2 : RETRY_FIRST_MS;
	if (x->pause_ms > RETRY_LAST_MS)
		x->pause_ms = RETRY_LAST_MS;
	due = x->paused_until_ns = now + x->pause_ms * NS_PER_MS;
	at.it_value = (struct timespec){due / NS_PER_S, due % NS_PER_S};
	(void)timerfd_settime(x->timer, TFD_TIMER_ABSTIME, &at, NULL);
}

/* Another try later, if it has not been tried for too long. */
static bool may_retry(const struct exec_local *x, struct attempt *a)
{
	int64_t now = stamp_mono_ns();

	if (!a->retry_since_ns)
		a->retry_since_ns = now;
	return now - a->retry_since_ns < x->retry_ns;
}

/* False if the socket takes no more now. */
static bool flush_asks(struct exec_local *x)
{
	size_t n = 0;
	enum sent rc = SENT_YES;

	for (; n < x->n_asks; n++) {
		rc = send_ask(x, &x->ask[n], NULL, NULL, 0);
		if (rc == SENT_FULL || rc == SENT_LATER)
			break;
	}
	memmove(x->ask, x->ask + n, (x->n_asks - n) * sizeof(*x->ask));
	x->n_asks -= n;
	if (rc == SENT_LATER)
		pause_starts(x);
	return !x->n_asks;
}

static void retry_or_fail(struct exec_local *x, uint32_t place, uint32_t stage, int error)
{
	if (!may_retry(x, &x->attempt[place])) {
		not_started(x, place, stage, error);
		return;
	}
	x->attempt[place].state = ATTEMPT_QUEUED;
	list_add_first(x, &x->queue, place);
	pause_starts(x);
}

/* Send what may be sent; what is left is sent when the socket, the pause or a slot lets it. */
static void flush(struct exec_local *x)
{
	if (x->broken)
		return;
	if (x->paused_until_ns && stamp_mono_ns() >= x->paused_until_ns)
		x->paused_until_ns = 0;
	if (x->n_asks && !flush_asks(x)) {
		want_out(x, !x->paused_until_ns);
		return;
	}
	while (!x->paused_until_ns && x->n_sent < x->slots && x->queue.first != NONE) {
		uint32_t place = x->queue.first;
		enum sent rc = send_start(x, place);
		int error = errno;

		if (rc == SENT_FULL) {
			want_out(x, true);
			return;
		}
		if (rc == SENT_BROKEN)
			return; /* pump() will find out what that means */
		(void)list_take(x, &x->queue);
		if (rc == SENT_YES) {
			x->attempt[place].state = ATTEMPT_SENT;
			x->n_sent++;
		} else if (rc == SENT_LATER) {
			retry_or_fail(x, place, STAGE_QUEUE, error);
		} else {
			not_started(x, place, STAGE_QUEUE, error);
		}
	}
	want_out(x, false);
}

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

/* The driver's own three for a tty step, unless a path says otherwise; then what the request declares. */
static int gather_fds(const struct start_request *r, struct attempt *a, uint32_t *number)
{
	const char *const path[] = {r->stdin_path, r->stdout_path, r->stderr_path};
	size_t n = 0;

	a->fd = xcalloc(r->n_fds + 3, sizeof(*a->fd));
	for (int i = 0; r->tty && i < 3; i++)
		if (!path[i]) {
			number[n] = (uint32_t)i;
			a->fd[n++] = i;
		}
	for (size_t i = 0; i < r->n_fds; i++) {
		number[n] = (uint32_t)r->fds[i].number;
		a->fd[n++] = r->fds[i].fd;
	}
	for (; a->n_fds < n; a->n_fds++) {
		int fd = fcntl(a->fd[a->n_fds], F_DUPFD_CLOEXEC, 3);

		if (fd < 0)
			return -1;
		a->fd[a->n_fds] = fd;
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

static void make_tag(char tag[TAG_ROOM], uint64_t nonce, uint32_t serial)
{
	snprintf(tag, TAG_ROOM, "ORCHMAKE_TAG=%016llx:%u", (unsigned long long)nonce, serial);
}

static int build(struct exec_local *x, struct attempt *a, const struct start_request *r)
{
	uint32_t number[REQUEST_FDS];
	char tag[TAG_ROOM];
	struct request q = {
		.serial = r->serial,
		.flags = flags_of(r, a->foreground),
		.timeout_ms = r->timeout_ms,
		.grace_ms = r->grace_ms,
		.umask = r->umask,
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
	make_tag(tag, x->nonce, r->serial);
	return request_build(&a->block, &q, tag);
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
	place = new_place(x);
	a = &x->attempt[place];
	*a = (struct attempt){.state = ATTEMPT_QUEUED, .serial = r->serial, .block = a->block};
	a->foreground = owns_terminal(r);
	if (build(x, a, r) < 0) {
		not_started(x, place, errno == EMFILE || errno == EBADF ? STAGE_DESCRIPTORS : STAGE_REQUEST, errno);
	} else {
		list_add(x, &x->queue, place);
		flush(x);
	}
	raise_ready(x);
	return 0;
}

/* Those still here never started; the rest of the queue keeps its order. */
static void cancel_queued(struct exec_local *x, uint32_t serial)
{
	struct list old = x->queue;

	x->queue.first = NONE;
	for (uint32_t place; (place = list_take(x, &old)) != NONE;)
		if (!serial || x->attempt[place].serial == serial)
			not_started(x, place, STAGE_QUEUE, ECANCELED);
		else
			list_add(x, &x->queue, place);
}

static int local_stop(struct executor *base, uint32_t serial, enum stop_how how)
{
	struct exec_local *x = (struct exec_local *)base;
	struct wire_ask ask = {.kind = WIRE_STOP, .serial = serial, .kill_now = how == STOP_KILL};

	if (x->broken)
		return 0; /* all have ended */
	cancel_queued(x, serial);
	VEC_PUSH(x->ask, x->n_asks, x->room_asks, ask);
	flush(x);
	raise_ready(x);
	return 0;
}

/* --- what the warden says ------------------------------------------------------------------------- */

static enum attempt_end end_of(uint32_t why)
{
	switch ((enum journal_why)why) {
	case WHY_EXITED:
		return END_EXITED;
	case WHY_TIMED_OUT:
		return END_TIMED_OUT;
	case WHY_STOPPED:
		return END_STOPPED;
	case WHY_DRIVER_GONE:
		return END_ORPHANED;
	}
	return END_LOST;
}

static void take_started(struct exec_local *x, const struct wire_event *e)
{
	struct attempt *a = &x->attempt[e->place];

	a->state = ATTEMPT_STARTED;
	a->pid = e->pid;
	a->start_untold = true;
	a->ended.start_mono_ns = e->start_ns;
	forget_request(a);
	x->pause_ms = 0;
	VEC_PUSH(x->note, x->n_notes, x->room_notes, ((struct start_note){e->place, e->serial}));
}

static void take_failed(struct exec_local *x, const struct wire_event *e)
{
	if (e->stage == STAGE_FORK && (e->error == EAGAIN || e->error == ENOMEM)) {
		x->n_sent--;
		retry_or_fail(x, e->place, e->stage, e->error);
	} else {
		not_started(x, e->place, e->stage, e->error);
	}
}

static void take_ended(struct exec_local *x, const struct wire_event *e)
{
	struct attempt_ended ended = {
		.end = end_of(e->why),
		.status = e->status,
		.pid = e->pid,
		.start_mono_ns = e->start_ns,
		.end_mono_ns = e->end_ns,
		.user_us = e->user_us,
		.system_us = e->system_us,
		.max_rss_kib = e->max_rss_kib,
		.leftovers = e->leftovers,
		.journal_error = (int)e->unrecorded,
	};

	done(x, e->place, &ended);
}

/* False if it makes no sense: then it is no warden of ours. */
static bool take_event(struct exec_local *x, const struct wire_event *e)
{
	const struct attempt *a = e->place < x->n_attempts ? &x->attempt[e->place] : NULL;

	if (!a || a->serial != e->serial || (a->state != ATTEMPT_SENT && a->state != ATTEMPT_STARTED))
		return false;
	if (e->kind == WIRE_STARTED)
		take_started(x, e);
	else if (e->kind == WIRE_FAILED)
		take_failed(x, e);
	else if (e->kind == WIRE_ENDED)
		take_ended(x, e);
	else
		return false;
	return true;
}

/* One message.  1, 0 there is none, -1 there will be none any more. */
static int receive(struct exec_local *x)
{
	struct wire_event e[WIRE_EVENTS];
	struct iovec v = {e, sizeof(e)};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
	ssize_t n;

	do
		n = x->calls->recvmsg(x->socket, &m, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN || errno == ENOMEM || errno == ENOBUFS ? 0 : -1;
	if (!n || n % (ssize_t)sizeof(*e))
		return -1;
	for (ssize_t i = 0; i < n / (ssize_t)sizeof(*e); i++)
		if (!take_event(x, &e[i]))
			return -1;
	return 1;
}

/* --- the warden's death --------------------------------------------------------------------------- */

struct whose {
	const struct exec_local *x;
	char tag[TAG_ROOM];
};

static void make_run_tag(char tag[TAG_ROOM], uint64_t nonce)
{
	snprintf(tag, TAG_ROOM, "ORCHMAKE_TAG=%016llx:", (unsigned long long)nonce);
}

/* A step has a session of its own; what a tty step left has the tag. */
static bool is_survivor(void *arg, pid_t pid)
{
	const struct whose *w = arg;
	pid_t session = getsid(pid);

	return (session >= 0 && session != getsid(0)) || proc_environ_has(w->x->calls, pid, w->tag);
}

static void wait_for_exit(const struct calls *c, pid_t pid)
{
	struct timespec t = {.tv_nsec = (long)LOOK_AGAIN_MS * NS_PER_MS};
	struct pollfd p = {.fd = pid ? c->pidfd_open(pid, 0) : -1, .events = POLLIN};

	if (p.fd < 0)
		t.tv_nsec = NS_PER_MS;
	(void)c->ppoll(&p, 1, &t, NULL);
	if (p.fd >= 0)
		close(p.fd);
}

static void end_survivors(struct exec_local *x)
{
	int64_t until = stamp_mono_ns() + (int64_t)SURVIVORS_MS * NS_PER_MS;
	struct whose w = {.x = x};
	struct proc_room room;
	pid_t alive;

	if (proc_room_init(&room, x->calls) < 0)
		return;
	make_run_tag(w.tag, x->nonce);
	while (proc_children_end(x->calls, &room, is_survivor, &w, &alive) && stamp_mono_ns() < until)
		wait_for_exit(x->calls, alive);
	proc_room_release(&room);
}

/* What the journal knows of an attempt that the warden had when it died. */
static struct attempt_ended end_from_journal(const struct journal *j, const struct attempt *a)
{
	const struct journal_attempt *k = j ? journal_find(j, a->serial) : NULL;
	struct attempt_ended e = {.end = END_LOST, .pid = a->pid, .start_mono_ns = a->ended.start_mono_ns};

	e.end_mono_ns = stamp_mono_ns();
	if (j && !k && a->state == ATTEMPT_SENT)
		return (struct attempt_ended){
			.end = END_NOT_STARTED, .error = EPIPE, .stage = stage_word(STAGE_WARDEN)};
	if (!k)
		return e;
	if (k->pid)
		e.pid = k->pid;
	if (k->last == JOURNAL_FAILED)
		return (struct attempt_ended){
			.end = END_NOT_STARTED, .error = k->error, .stage = stage_word(k->stage)};
	if (k->last != JOURNAL_END)
		return e;
	if (!e.start_mono_ns)
		e.start_mono_ns = e.end_mono_ns - k->elapsed_ms * NS_PER_MS;
	e.end_mono_ns = e.start_mono_ns + k->elapsed_ms * NS_PER_MS;
	e.end = end_of(k->why);
	e.status = k->status;
	e.user_us = k->user_ms * 1000;
	e.system_us = k->system_ms * 1000;
	e.max_rss_kib = k->max_rss_kib;
	e.leftovers = k->leftovers;
	return e;
}

static void settle_from_journal(struct exec_local *x)
{
	struct journal j;
	bool have = journal_read(&j, x->journal_path, x->nonce) == 0;

	for (uint32_t place = 0; place < x->n_attempts; place++) {
		const struct attempt *a = &x->attempt[place];

		if (a->state == ATTEMPT_SENT || a->state == ATTEMPT_STARTED) {
			struct attempt_ended e = end_from_journal(have ? &j : NULL, a);

			done(x, place, &e);
		}
	}
	if (have)
		journal_release(&j);
}

/*
 * Within wait_ms, or by force.  Its last descriptor goes with it, and so does every leader.  Where there are no
 * pidfds, the end of the socket has to do.
 */
static void reap_warden(struct exec_local *x, int64_t wait_ms)
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

static void break_down(struct exec_local *x)
{
	struct list queued;

	reap_warden(x, 0);
	while (receive(x) > 0) /* it said this while it lived */
		;
	end_survivors(x);
	settle_from_journal(x);
	queued = x->queue;
	x->queue.first = NONE;
	for (uint32_t place; (place = list_take(x, &queued)) != NONE;)
		not_started(x, place, STAGE_WARDEN, EPIPE);
	x->broken = true;
	/* Dead descriptors stay readable for ever: from now on only `ready` speaks. */
	(void)epoll_ctl(x->epoll, EPOLL_CTL_DEL, x->socket, NULL);
	(void)epoll_ctl(x->epoll, EPOLL_CTL_DEL, x->warden_fd, NULL);
	(void)epoll_ctl(x->epoll, EPOLL_CTL_DEL, x->timer, NULL);
}

/* --- collecting ----------------------------------------------------------------------------------- */

static void pump(struct exec_local *x)
{
	struct epoll_event e[4];
	int n = x->broken ? 0 : epoll_wait(x->epoll, e, ARRAY_LEN(e), 0);
	bool gone = false;
	uint64_t times;

	for (int i = 0; i < n; i++) {
		if (e[i].data.fd == x->socket && e[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			gone = receive(x) < 0 || gone;
		else if (e[i].data.fd == x->warden_fd)
			gone = true;
		else if (e[i].data.fd == x->timer)
			(void)!read(x->timer, &times, sizeof(times));
	}
	if (gone)
		break_down(x);
	else if (n > 0)
		flush(x);
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

	if (x->done.first == NONE)
		pump(x);
	if (x->broken && !x->break_told) {
		x->break_told = true;
		errno = EPIPE;
		rc = -1;
	} else if ((place = list_take(x, &x->done)) != NONE) {
		struct attempt *a = &x->attempt[place];

		if (a->foreground)
			take_terminal_back();
		*ret = a->ended;
		a->state = ATTEMPT_FREE;
		a->start_untold = false;
		list_add_first(x, &x->free, place);
		rc = 1;
	}
	saved = errno;
	raise_ready(x);
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
	raise_ready(x);
	return rc;
}

static int local_watch_fd(const struct executor *base)
{
	return ((const struct exec_local *)base)->epoll;
}

/* --- beginning and end ---------------------------------------------------------------------------- */

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void release(struct exec_local *x)
{
	for (size_t i = 0; i < x->n_attempts; i++) {
		forget_request(&x->attempt[i]);
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
	struct wire_ask ask = {.kind = WIRE_QUIT};

	for (;;) {
		struct pollfd p = {.fd = x->socket, .events = POLLIN | POLLOUT};
		struct timespec t = {.tv_nsec = (long)LOOK_AGAIN_MS * NS_PER_MS};
		enum sent rc = send_ask(x, &ask, NULL, NULL, 0);

		if (rc == SENT_YES)
			return true;
		if (rc == SENT_BROKEN || rc == SENT_NEVER || stamp_mono_ns() >= until_ns)
			return false;
		(void)x->calls->ppoll(&p, 1, &t, NULL);
		if (p.revents & POLLIN && receive(x) < 0) /* it waits for us to listen, perhaps */
			return false;
	}
}

static void local_close(struct executor *base)
{
	struct exec_local *x = (struct exec_local *)base;
	int64_t until = stamp_mono_ns() + (int64_t)CLOSE_MS * NS_PER_MS;
	bool foreground = false;

	for (size_t i = 0; i < x->n_attempts; i++)
		foreground |= x->attempt[i].state != ATTEMPT_FREE && x->attempt[i].foreground;
	if (!x->broken) {
		bool asked = send_quit(x, until);
		struct pollfd p = {.fd = x->socket, .events = POLLIN};

		while (asked && stamp_mono_ns() < until) {
			struct timespec t = {.tv_sec = 1};

			if (x->calls->ppoll(&p, 1, &t, NULL) > 0 && receive(x) < 0)
				break;
		}
		reap_warden(x, asked ? MS_PER_S : 0);
		end_survivors(x);
	}
	if (foreground)
		take_terminal_back();
	release(x);
}

int exec_local_sync(struct executor *base)
{
	const struct exec_local *x = (struct exec_local *)base;

	return fdatasync(x->journal);
}

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
	close_all(high, i);
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

/* socket and journal are the warden's ends. */
static int start_warden(struct exec_local *x, const struct exec_local_options *o, int socket, int journal)
{
	struct warden_options w = {.nonce = o->nonce, .slots = o->slots, .finish = o->finish};
	char text[WARDEN_ARGC][WARDEN_ARG_ROOM];
	char *argv[WARDEN_ARGC + 1] = {NULL};
	size_t n = o->n_held + 2;
	int *fd = xcalloc(n, sizeof(*fd)), *high, rc;

	warden_arguments(text, &w);
	for (int i = 0; i < WARDEN_ARGC; i++)
		argv[i] = text[i];
	fd[0] = socket;
	fd[1] = journal;
	if (o->n_held)
		memcpy(fd + 2, o->held, o->n_held * sizeof(*fd));
	high = lift_fds(fd, n);
	free(fd);
	if (!high)
		return -1;
	rc = spawn_with(o->warden_path, argv, high, n, &x->warden);
	close_all(high, n);
	if (rc) {
		x->warden = 0;
		errno = rc;
		return -1;
	}
	return 0;
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
	x->free = x->queue = x->done = empty;
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
	if (x->journal < 0 || start_warden(x, o, other, locked) < 0)
		goto remove;
	close(locked);
	close(other);
	locked = other = -1;
	x->warden_fd = x->calls->pidfd_open(x->warden, 0);
	if (x->warden_fd >= 0 ? watch(x, x->warden_fd) < 0 : errno != ENOSYS)
		goto remove;
	return &x->base;

remove:
	saved = errno;
	if (x->warden)
		reap_warden(x, 0);
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

/* --- after a double fault ------------------------------------------------------------------------- */

struct sweep {
	const struct journal *j;
	struct proc_room room;
	char tag[TAG_ROOM];
	size_t killed;
	pid_t last; /* one that was alive */
};

static bool is_recorded_leader(const struct journal *j, pid_t pid, uint64_t ticks)
{
	for (size_t i = 0; i < j->n_attempts; i++) {
		const struct journal_attempt *a = &j->attempt[i];

		if (a->last == JOURNAL_PROCESS && a->pid == pid && ticks >= a->start_ticks &&
		    ticks <= a->start_ticks + a->start_span)
			return true;
	}
	return false;
}

static bool sweep_one(void *arg, pid_t pid)
{
	struct sweep *s = arg;
	struct proc_stat st;

	/* The cheap question first: nearly all were there before the run, or began long after it. */
	if (pid == getpid() || proc_stat(&calls_real, pid, &st) < 0 || st.state == 'Z' ||
	    st.start_ticks < s->j->begun_ticks)
		return true;
	if (!proc_environ_has(&calls_real, pid, s->tag) && !is_recorded_leader(s->j, pid, st.start_ticks))
		return true;
	s->killed += proc_tree_signal(&calls_real, &s->room, pid, st.parent, SIGKILL);
	s->last = pid;
	return true;
}

int exec_local_sweep(const struct journal *j, int64_t wait_ms, size_t *ret_killed)
{
	int64_t until = stamp_mono_ns() + wait_ms * NS_PER_MS;
	struct sweep s = {.j = j};
	int rc, saved;

	*ret_killed = 0;
	if (!j->same_boot)
		return 0;
	if (proc_room_init(&s.room, &calls_real) < 0)
		return -1;
	make_run_tag(s.tag, j->nonce);
	for (;;) {
		s.last = 0;
		rc = proc_each(&calls_real, sweep_one, &s);
		if (rc < 0 || !s.last)
			break;
		if (stamp_mono_ns() >= until) {
			errno = ETIMEDOUT;
			rc = -1;
			break;
		}
		wait_for_exit(&calls_real, s.last);
	}
	saved = errno;
	proc_room_release(&s.room);
	*ret_killed = s.killed;
	errno = saved;
	return rc;
}
