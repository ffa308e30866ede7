#include "warden/warden.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "sys/proctree.h"
#include "warden/journal.h"
#include "warden/request.h"
#include "warden/spawn.h"
#include "warden/wire.h"

enum {
	PIDS = 4 * 1024 * 1024, /* the kernel's limit of pid_max */
	FDS_ROOM = CMSG_SPACE(253 * sizeof(int)),
	TELL_STARTED_MS = 20, /* a start may wait this long for company on its way to the driver */
	KILL_AGAIN_MS = 50,
	GIVE_UP_MS = 5000,
};

#define NEVER INT64_MAX

enum phase { PHASE_FREE, PHASE_RUNS, PHASE_ASKED, PHASE_KILLED, PHASE_OVER };

struct step {
	enum phase phase;
	bool tty, untold; /* untold: that it started */
	pid_t leader;	  /* 0 once it has been reaped */
	pid_t session;
	uint32_t strays; /* children of ours that belong to it */
	uint32_t next_free;
	int64_t due_ns;	    /* deadline, end of the grace, or the next try to kill */
	int64_t give_up_ns; /* when killing has not helped */
	int64_t grace_ns;
	struct wire_event event;
};

struct warden {
	const struct calls *calls;
	int socket, signals, children; /* children: /proc's list of ours, or -1 */
	bool finish, driver_gone, quitting;
	int64_t give_up_after_ns;
	struct journal_writer journal;
	struct spawn spawn;
	struct proc_room room;
	pid_t self, session;

	struct step *step;  /* slots of them, and one more: whose nobody knows */
	uint32_t slots, high; /* those from high on have never been used */
	uint32_t free_step, n_active, n_untold, n_over;
	int64_t tell_ns; /* when the oldest untold start has to be told */
	int64_t now_ns;

	uint32_t *owner; /* by pid: index + 1 of a stray's step, or IGNORED */
	pid_t *child;	 /* room for one list of our children */
	bool childless;

	struct {
		_Alignas(8) struct wire_ask ask;
		char block[REQUEST_INLINE];
	} in;
	int fd[FDS_ROOM / sizeof(int)]; /* that came with it */
	size_t n_fds;
};

enum { IGNORED = WARDEN_STEPS + 2 };

static struct step *nobody(struct warden *w)
{
	return &w->step[w->slots];
}

static uint32_t index_of(const struct warden *w, const struct step *s)
{
	return (uint32_t)(s - w->step);
}

/* --- ending a step -------------------------------------------------------------------------------- */

/* Every stray of s and what is below it gets sig. */
static void signal_strays(struct warden *w, const struct step *s, int sig)
{
	ssize_t n = s->strays ? proc_children_again(w->calls, w->children, w->child, PROC_WALK) : 0;

	for (ssize_t i = 0; i < n; i++)
		if (w->child[i] < PIDS && w->owner[w->child[i]] == index_of(w, s) + 1)
			(void)proc_tree_signal(w->calls, &w->room, w->child[i], w->self, sig);
}

static void signal_step(struct warden *w, const struct step *s, int sig)
{
	if (s->leader)
		(void)proc_tree_signal(w->calls, &w->room, s->leader, w->self, sig);
	signal_strays(w, s, sig);
}

static void kill_step(struct warden *w, struct step *s)
{
	if (s->phase != PHASE_KILLED)
		s->give_up_ns = w->now_ns + w->give_up_after_ns;
	s->phase = PHASE_KILLED;
	s->due_ns = w->now_ns + (int64_t)KILL_AGAIN_MS * NS_PER_MS;
	signal_step(w, s, SIGKILL);
}

static void end_step(struct warden *w, struct step *s, enum journal_why why, bool kill_now)
{
	if (s->phase == PHASE_RUNS)
		s->event.why = why;
	if (kill_now || !s->grace_ns) {
		kill_step(w, s);
	} else if (s->phase == PHASE_RUNS) {
		s->phase = PHASE_ASKED;
		s->due_ns = w->now_ns + s->grace_ns;
		signal_step(w, s, SIGTERM);
	}
}

static bool is_active(const struct step *s)
{
	return s->phase == PHASE_RUNS || s->phase == PHASE_ASKED || s->phase == PHASE_KILLED;
}

static void end_all(struct warden *w, enum journal_why why, bool kill_now)
{
	for (uint32_t i = 0; i < w->high; i++)
		if (is_active(&w->step[i]))
			end_step(w, &w->step[i], why, kill_now);
}

/* A leader whose death cannot be had is waited for; strays are let go, or one of them would hold the run. */
static void give_up_strays(struct warden *w, struct step *s)
{
	ssize_t n = proc_children_again(w->calls, w->children, w->child, PROC_WALK);

	for (ssize_t i = 0; i < n; i++)
		if (w->child[i] < PIDS && w->owner[w->child[i]] == index_of(w, s) + 1)
			w->owner[w->child[i]] = IGNORED;
	s->strays = 0;
}

static uint32_t clip(int64_t value)
{
	return value < 0 ? 0 : value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static void record_end(struct warden *w, struct wire_event *e)
{
	struct journal_record r = {
		.type = JOURNAL_END,
		.why = (uint8_t)e->why,
		.leftovers = e->leftovers < UINT16_MAX ? (uint16_t)e->leftovers : UINT16_MAX,
		.serial = e->serial,
		.end.status = (uint32_t)e->status,
		.end.user_ms = clip(e->user_us / 1000),
		.end.system_ms = clip(e->system_us / 1000),
		.end.max_rss_kib = clip(e->max_rss_kib),
		.end.elapsed_ms = clip((e->end_ns - e->start_ns) / NS_PER_MS),
	};

	if (journal_append(&w->journal, &r) < 0)
		e->unrecorded = (uint32_t)errno;
}

/* After its leader has been reaped and its strays are known: over, or still to be cleaned up? */
static void settle(struct warden *w, struct step *s)
{
	if (s == nobody(w)) {
		if (!s->strays)
			s->phase = PHASE_RUNS, s->due_ns = NEVER;
		return;
	}
	if (!is_active(s) || s->leader)
		return;
	if (s->strays) {
		if (s->phase == PHASE_RUNS)
			kill_step(w, s);
		return;
	}
	record_end(w, &s->event);
	s->phase = PHASE_OVER;
	s->due_ns = NEVER;
	w->n_active--;
	w->n_over++;
}

static void deadline(struct warden *w, struct step *s)
{
	if (s->phase == PHASE_KILLED && w->now_ns >= s->give_up_ns && !s->leader) {
		give_up_strays(w, s);
		settle(w, s);
	} else {
		end_step(w, s, WHY_TIMED_OUT, s->phase != PHASE_RUNS);
	}
}

/* --- children ------------------------------------------------------------------------------------- */

static struct step *led_by(struct warden *w, pid_t pid)
{
	for (uint32_t i = 0; i < w->high; i++)
		if (w->step[i].leader == pid)
			return &w->step[i];
	return NULL;
}

static struct step *just_ending(struct warden *w)
{
	for (uint32_t i = 0; i < w->high; i++)
		if (is_active(&w->step[i]) && !w->step[i].leader)
			return &w->step[i];
	return nobody(w);
}

static void leader_ended(struct warden *w, struct step *s, int status, const struct rusage *u)
{
	struct wire_event *e = &s->event;

	s->leader = 0;
	e->status = status;
	e->end_ns = w->now_ns;
	e->user_us = (int64_t)u->ru_utime.tv_sec * 1000000 + u->ru_utime.tv_usec;
	e->system_us = (int64_t)u->ru_stime.tv_sec * 1000000 + u->ru_stime.tv_usec;
	e->max_rss_kib = u->ru_maxrss;
}

static void stray_ended(struct warden *w, pid_t pid, int status)
{
	uint32_t *owner = pid < PIDS ? &w->owner[pid] : NULL;
	struct step *s = just_ending(w);

	if (owner && *owner && *owner != IGNORED) {
		s = &w->step[*owner - 1];
		s->strays--;
	}
	if (owner)
		*owner = 0;
	/* Killed together with a parent it may be reaped before it was ever seen: it counts nevertheless. */
	if (!s->leader && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		s->event.leftovers++;
}

/* Its session is its leader's pid; a tty step shares ours, and there is no more than one of those at a time. */
static void adopt(struct warden *w, pid_t pid)
{
	pid_t session = getsid(pid);
	struct step *s = just_ending(w);

	for (uint32_t i = 0; session > 0 && i < w->high; i++)
		if (is_active(&w->step[i]) && w->step[i].session == session)
			s = &w->step[i];
	if (pid < PIDS)
		w->owner[pid] = index_of(w, s) + 1;
	s->strays++;
	if (s->phase == PHASE_KILLED)
		(void)proc_tree_signal(w->calls, &w->room, pid, w->self, SIGKILL);
}

static void find_strays(struct warden *w)
{
	ssize_t n = w->childless ? 0 : proc_children_again(w->calls, w->children, w->child, PROC_WALK);

	for (ssize_t i = 0; i < n; i++)
		if (w->child[i] < PIDS && !w->owner[w->child[i]] && !led_by(w, w->child[i]))
			adopt(w, w->child[i]);
}

/* Ctrl-Z in a tty step would leave the terminal with nobody who can wake it. */
static void stopped(struct warden *w, pid_t pid, int status)
{
	const struct step *s = led_by(w, pid);

	if (s && s->tty && WSTOPSIG(status) == SIGTSTP)
		(void)kill(-pid, SIGCONT);
}

static void reap(struct warden *w)
{
	struct rusage u;
	int status;
	pid_t pid;

	while ((pid = w->calls->wait4(-1, &status, WNOHANG | WUNTRACED | __WALL, &u)) > 0) {
		struct step *s = led_by(w, pid);

		if (WIFSTOPPED(status))
			stopped(w, pid, status);
		else if (s)
			leader_ended(w, s, status, &u);
		else
			stray_ended(w, pid, status);
	}
	w->childless = pid < 0 && errno == ECHILD;
	find_strays(w);
	for (uint32_t i = 0; i < w->high; i++)
		settle(w, &w->step[i]);
	settle(w, nobody(w));
	if (nobody(w)->strays && !w->n_active && nobody(w)->phase == PHASE_RUNS)
		kill_step(w, nobody(w));
}

/* --- telling the driver --------------------------------------------------------------------------- */

static void driver_is_gone(struct warden *w)
{
	if (w->driver_gone)
		return;
	w->driver_gone = true;
	if (!w->finish)
		end_all(w, WHY_DRIVER_GONE, true);
}

static void free_step(struct warden *w, struct step *s)
{
	s->phase = PHASE_FREE;
	s->session = 0;
	s->next_free = w->free_step;
	w->free_step = index_of(w, s);
	w->n_over--;
}

/* 1 sent, 0 not now, -1 nobody listens. */
static int send_events(struct warden *w, struct wire_event *e, size_t n)
{
	struct iovec v = {e, n * sizeof(*e)};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
	ssize_t sent;

	do
		sent = w->calls->sendmsg(w->socket, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return 1;
	return errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM ? 0 : -1;
}

/* What s has to say, into e[2]; how many. */
static size_t events_of(const struct step *s, struct wire_event *e)
{
	size_t n = 0;

	if (s->untold) {
		e[n] = s->event;
		e[n++].kind = WIRE_STARTED;
	}
	if (s->phase == PHASE_OVER) {
		e[n] = s->event;
		e[n++].kind = s->event.start_ns ? WIRE_ENDED : WIRE_FAILED;
	}
	return n;
}

static void told(struct warden *w, struct step *s)
{
	w->n_untold -= s->untold;
	s->untold = false;
	if (s->phase == PHASE_OVER)
		free_step(w, s);
}

/*
 * What is ready goes in one message; a start alone waits a little, as a short step's end will go with it.  What
 * cannot be sent stays where it is: a step's place is free only when its end has been told.
 */
static void tell(struct warden *w)
{
	struct wire_event e[WIRE_EVENTS];
	uint32_t first = 0, i = 0;
	size_t n = 0;

	if (!w->n_over && (!w->n_untold || w->now_ns < w->tell_ns))
		return;
	for (; i < w->high && w->n_over + w->n_untold; i++) {
		n += events_of(&w->step[i], e + n);
		if (n + 2 <= WIRE_EVENTS && i + 1 < w->high)
			continue;
		if (n && !w->driver_gone) {
			int rc = send_events(w, e, n);

			if (rc < 0)
				driver_is_gone(w);
			if (!rc)
				return;
		}
		for (; first <= i; first++)
			told(w, &w->step[first]);
		n = 0;
	}
}

/* --- what the driver asks ------------------------------------------------------------------------- */

static struct step *take_step(struct warden *w, const struct wire_ask *ask)
{
	struct step *s;

	if (w->free_step == w->slots)
		return NULL;
	s = &w->step[w->free_step];
	w->free_step = s->next_free;
	if (w->high <= index_of(w, s))
		w->high = index_of(w, s) + 1;
	*s = (struct step){.phase = PHASE_OVER, .due_ns = NEVER};
	s->event.place = ask->place;
	s->event.serial = ask->serial;
	w->n_over++;
	return s;
}

static void could_not(struct step *s, uint32_t stage, int error)
{
	s->event.stage = stage;
	s->event.error = error;
}

static int record_start(struct warden *w, uint32_t serial)
{
	struct journal_record r = {.type = JOURNAL_START, .serial = serial};

	journal_put64(r.begun.wall_ms, (uint64_t)stamp_wall_ms());
	/* This one's three and the ends of all others. */
	if (journal_promise(&w->journal, 3 + w->n_active) < 0)
		return -1;
	return journal_append(&w->journal, &r);
}

static void record_failure(struct warden *w, const struct step *s)
{
	struct journal_record r = {.type = JOURNAL_FAILED, .serial = s->event.serial};

	r.failed.error = (uint32_t)s->event.error;
	r.failed.stage = s->event.stage;
	(void)journal_append(&w->journal, &r); /* without it recovery says lost, which is true of what it knows */
}

/* It runs: nothing that follows may fail.  A missing P costs recovery a pid, no more. */
static void note_running(struct warden *w, struct step *s, const struct request *q, pid_t pid, uint64_t ticks)
{
	struct journal_record r = {.type = JOURNAL_PROCESS, .serial = q->serial};

	r.process.pid = (uint32_t)pid;
	journal_put64(r.process.ticks, ticks);
	r.process.span = clip((int64_t)(w->spawn.report->ticks - ticks));
	(void)journal_append(&w->journal, &r);
	s->phase = PHASE_RUNS;
	s->leader = s->event.pid = pid;
	s->tty = q->flags & REQUEST_TTY;
	s->session = s->tty ? w->session : pid;
	s->grace_ns = q->grace_ms * NS_PER_MS;
	if (q->timeout_ms)
		s->due_ns = s->event.start_ns + q->timeout_ms * NS_PER_MS;
	if (!w->n_untold++)
		w->tell_ns = s->event.start_ns + (int64_t)TELL_STARTED_MS * NS_PER_MS;
	s->untold = true;
	w->n_over--;
	w->n_active++;
	w->childless = false;
}

static void start(struct warden *w, struct step *s, const struct request *q, const int *fd)
{
	const struct spawn_report *report = w->spawn.report;
	uint64_t ticks = proc_ticks_now();
	pid_t pid;

	if (record_start(w, q->serial) < 0) {
		could_not(s, STAGE_JOURNAL, errno);
		return;
	}
	w->spawn.request = q;
	w->spawn.fd = fd;
	s->event.start_ns = stamp_mono_ns();
	pid = spawn_start(&w->spawn);
	if (pid > 0 && !report->error && report->stage == STAGE_EXEC) {
		note_running(w, s, q, pid, ticks);
		return;
	}
	s->event.start_ns = 0;
	if (pid < 0) {
		could_not(s, STAGE_FORK, errno);
	} else {
		could_not(s, report->stage, report->error ? report->error : EINTR); /* killed on its way */
		while (w->calls->wait4(pid, NULL, __WALL, NULL) < 0 && errno == EINTR)
			;
	}
	record_failure(w, s);
}

static void take_start(struct warden *w, size_t block_size)
{
	struct request q;
	size_t mapped = 0, big = w->in.ask.kind == WIRE_START_BIG;
	void *block = w->in.block;
	struct step *s = take_step(w, &w->in.ask);

	if (!s) { /* the driver knows how many there may be: this is none of ours */
		driver_is_gone(w);
		return;
	}
	if (big) {
		block = w->n_fds ? request_map(w->calls, w->fd[0], &mapped) : NULL;
		block_size = mapped;
	}
	if (!block)
		could_not(s, STAGE_REQUEST, w->n_fds ? errno : EMFILE);
	else if (!request_open(&q, block, block_size) || q.serial != s->event.serial)
		could_not(s, STAGE_REQUEST, EBADMSG);
	else if (q.n_numbers != w->n_fds - big)
		could_not(s, STAGE_DESCRIPTORS, EMFILE);
	else
		start(w, s, &q, w->fd + big);
	if (mapped)
		munmap(block, mapped);
}

static void take_stop(struct warden *w, const struct wire_ask *ask)
{
	if (!ask->serial)
		end_all(w, WHY_STOPPED, ask->kill_now);
	for (uint32_t i = 0; ask->serial && i < w->high; i++)
		if (is_active(&w->step[i]) && w->step[i].event.serial == ask->serial)
			end_step(w, &w->step[i], WHY_STOPPED, ask->kill_now);
}

/* The descriptors that came along. */
static void take_fds(struct warden *w, struct msghdr *m)
{
	w->n_fds = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		w->n_fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(w->fd, CMSG_DATA(c), w->n_fds * sizeof(int));
	}
}

static void take_ask(struct warden *w)
{
	_Alignas(struct cmsghdr) char control[FDS_ROOM];
	struct iovec v = {&w->in, sizeof(w->in)};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = FDS_ROOM};
	ssize_t n = w->calls->recvmsg(w->socket, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOMEM || errno == ENOBUFS))
		return;
	if (n >= 0)
		take_fds(w, &m);
	if (n < (ssize_t)sizeof(w->in.ask) || m.msg_flags & MSG_TRUNC)
		driver_is_gone(w); /* its end, or nothing that it would say */
	else if (w->in.ask.kind == WIRE_START || w->in.ask.kind == WIRE_START_BIG)
		take_start(w, (size_t)n - sizeof(w->in.ask));
	else if (w->in.ask.kind == WIRE_STOP)
		take_stop(w, &w->in.ask);
	else if (w->in.ask.kind == WIRE_QUIT)
		w->quitting = true;
	else
		driver_is_gone(w);
	for (size_t i = 0; n >= 0 && i < w->n_fds; i++)
		close(w->fd[i]);
	if (w->quitting)
		end_all(w, WHY_STOPPED, true);
}

/* --- the loop ------------------------------------------------------------------------------------- */

static int64_t next_due(const struct warden *w)
{
	/* If it has passed, the socket was full. */
	int64_t due = w->n_untold && w->tell_ns > w->now_ns ? w->tell_ns : NEVER;

	for (uint32_t i = 0; i < w->high; i++)
		if (w->step[i].due_ns < due)
			due = w->step[i].due_ns;
	return w->step[w->slots].due_ns < due ? w->step[w->slots].due_ns : due;
}

static void wait_for_event(struct warden *w, struct pollfd p[2])
{
	enum { NS_PER_S = 1000000000 };
	int64_t due = next_due(w), left = due > w->now_ns ? due - w->now_ns : 0;
	struct timespec t = {left / NS_PER_S, left % NS_PER_S};

	p[0] = (struct pollfd){.fd = w->signals, .events = POLLIN};
	p[1] = (struct pollfd){.fd = w->driver_gone ? -1 : w->socket, .events = POLLIN};
	if (w->n_over || (w->n_untold && w->tell_ns <= w->now_ns))
		p[1].events |= POLLOUT;
	if (w->calls->ppoll(p, 2, due == NEVER ? NULL : &t, NULL) < 0)
		p[0].revents = p[1].revents = 0; /* EINTR, or no memory for a moment */
	w->now_ns = stamp_mono_ns();
}

static void turn(struct warden *w)
{
	struct signalfd_siginfo info;
	struct pollfd p[2];

	wait_for_event(w, p);
	if (p[0].revents && w->calls->read(w->signals, &info, sizeof(info)) > 0)
		reap(w);
	/* The end comes before what is still in the queue: a dead driver's requests are not started. */
	if (p[1].revents & (POLLHUP | POLLERR))
		driver_is_gone(w);
	else if (p[1].revents & POLLIN)
		take_ask(w);
	for (uint32_t i = 0; i < w->high; i++)
		if (w->step[i].due_ns <= w->now_ns)
			deadline(w, &w->step[i]);
	if (nobody(w)->due_ns <= w->now_ns)
		deadline(w, nobody(w));
	tell(w);
}

static bool is_done(struct warden *w)
{
	if (!(w->driver_gone || w->quitting) || w->n_active || (w->n_over && !w->driver_gone))
		return false;
	reap(w); /* the last look: what nobody claimed goes too */
	return !nobody(w)->strays;
}

static int prepare(struct warden *w, const struct warden_options *o)
{
	enum { PROT = PROT_READ | PROT_WRITE, FLAGS = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE };
	const struct calls *c = o->calls;
	sigset_t chld;

	w->step = c->mmap(NULL, (o->slots + 1) * sizeof(*w->step), PROT, FLAGS, -1, 0);
	w->owner = c->mmap(NULL, PIDS * sizeof(*w->owner), PROT, FLAGS, -1, 0);
	w->child = c->mmap(NULL, PROC_WALK * sizeof(*w->child), PROT, FLAGS, -1, 0);
	if (w->step == MAP_FAILED || w->owner == MAP_FAILED || w->child == MAP_FAILED ||
	    proc_room_init(&w->room, c) < 0 || spawn_init(&w->spawn, c) < 0 ||
	    journal_writer_init(&w->journal, c, o->journal, o->nonce) < 0)
		return -1;
	for (uint32_t i = 0; i < o->slots; i++)
		w->step[i].next_free = i + 1;
	*nobody(w) = (struct step){.phase = PHASE_RUNS, .due_ns = NEVER};
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	w->signals = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	w->children = proc_children_open(c);
	w->now_ns = stamp_mono_ns();
	return w->signals < 0 ? -1 : 0;
}

int warden_run(const struct warden_options *o)
{
	struct warden w = {
		.calls = o->calls,
		.socket = o->socket,
		.finish = o->finish,
		.give_up_after_ns = (o->give_up_ms ? o->give_up_ms : GIVE_UP_MS) * NS_PER_MS,
		.slots = o->slots,
		.self = getpid(),
		.session = getsid(0),
	};

	if (prepare(&w, o) < 0)
		return -1; /* the process ends now, and everything goes with it */
	do
		turn(&w);
	while (!is_done(&w));
	return 0;
}
