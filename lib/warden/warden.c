#include "warden/warden.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clip.h"
#include "base/stamp.h"
#include "sys/closed.h"
#include "sys/kept.h"
#include "sys/message.h"
#include "sys/proctree.h"
#include "warden/journal.h"
#include "warden/request.h"
#include "warden/spawn.h"
#include "warden/wire.h"

enum {
	PIDS = 4 * 1024 * 1024, /* the kernel's limit of pid_max */
	TELL_LATER_MS = 20,	/* what the driver need not act on may wait this long for company on its way there */
	HELD_ENOUGH = 4,	/* for each that runs: the driver need not act yet */
	KILL_AGAIN_MS = 50,
};

#define NEVER INT64_MAX

enum phase { PHASE_FREE, PHASE_RUNS, PHASE_ASKED, PHASE_KILLED };

struct step {
	enum phase phase;
	bool tty;
	pid_t leader; /* 0 once it has been reaped */
	pid_t session;
	uint32_t strays;    /* children of ours that belong to it, by the last count */
	uint32_t leftovers; /* that were killed */
	enum journal_why why;
	int64_t due_ns;	    /* deadline, end of the grace, or the next try to kill */
	int64_t give_up_ns; /* when killing has not helped */
	int64_t grace_ns;
	bool plain;
	struct wire_event event;
};

/* Mapped as one; what is not used is never touched. */
struct warden {
	const struct warden_options *o;
	int signals, children; /* children: /proc's list of ours, or -1 */
	bool driver_gone, quitting;
	struct journal_writer journal;
	struct spawn spawn;
	struct proc_room room;
	pid_t session;
	uint32_t high, n_active; /* steps from high on have never been used */
	int64_t now_ns, tell_ns; /* tell_ns: when what is to be told is due */
	size_t n_out, n_fds;
	int fd[MESSAGE_FDS]; /* that came with the last message */
	struct wire_ask ask;
	uint32_t age;	  /* so many ends were such that nothing may begin without the driver */
	struct kept held; /* asks, each with its block */

	pid_t child[PROC_WALK];
	bool given_up[PIDS];
	uint32_t owner[PIDS]; /* by leader or its session: the step it last was of, if that says so too */
	_Alignas(8) char block[REQUEST_MAX];
	const char *table[REQUEST_STRINGS + 2];
	struct step step[1 + WARDEN_STEPS];	 /* the first has what nobody can be blamed for */
	struct wire_event out[3 * WARDEN_STEPS + 2 * KEPT_MOST]; /* a step that runs, or is held, may add two */
};

/* --- what happened -------------------------------------------------------------------------------- */

/* Into the journal first, then on its way to the driver. */
static void tell_later(struct warden *w, struct step *s, enum journal_type type)
{
	struct wire_event *e = &s->event;

	e->record.type = (uint8_t)type;
	e->age = w->age;
	e->unrecorded = journal_append(&w->journal, &e->record) < 0 ? (uint32_t)errno : 0;
	if (w->driver_gone)
		return;
	if (type != JOURNAL_PROCESS && !(e->next && w->held.n > HELD_ENOUGH * w->n_active))
		w->tell_ns = w->now_ns;
	else if (!w->n_out) /* more will go with it: a short step's end, and what begins in its place */
		w->tell_ns = w->now_ns + (int64_t)TELL_LATER_MS * NS_PER_MS;
	w->out[w->n_out++] = *e;
}

/* --- what is held --------------------------------------------------------------------------------- */

static const struct wire_ask *ask_of(const struct kept_message *m)
{
	return (const void *)m->data;
}

static void drop_held(struct warden *w)
{
	while (w->held.n) {
		const struct kept_message *m = kept_take(&w->held);

		message_close(m->fd, m->n_fds);
		w->out[w->n_out++] = (struct wire_event){
			.place = ask_of(m)->place, .record = {.type = WIRE_DROPPED, .serial = ask_of(m)->serial}};
		w->tell_ns = w->now_ns;
	}
}

/* False if there is no room for it. */
static bool hold(struct warden *w, size_t size)
{
	const struct iovec part[] = {{&w->ask, sizeof(w->ask)}, {w->block, size}};

	if (!kept_add(&w->held, part, 2, w->fd, w->n_fds))
		return false;
	w->n_fds = 0;
	if (w->ask.age != w->age)
		drop_held(w);
	return true;
}

/* --- starting a step ------------------------------------------------------------------------------ */

static int record_start(struct warden *w, uint32_t serial)
{
	struct journal_record r = {.type = JOURNAL_START, .serial = serial};

	journal_put64(r.begun.wall_ms, (uint64_t)stamp_wall_ms());
	/* This one's three and the ends of all others. */
	return records_promise(&w->journal.records, 3 + w->n_active) < 0 ? -1 : journal_append(&w->journal, &r);
}

static void could_not(struct warden *w, struct step *s, uint32_t stage, int error)
{
	w->age++;
	s->event.start_ns = 0;
	s->event.record.failed.error = (uint32_t)error;
	s->event.record.failed.stage = stage;
	tell_later(w, s, JOURNAL_FAILED);
	drop_held(w);
}

/* It runs: nothing that follows may fail.  A missing P costs recovery a pid, no more. */
static void runs(struct warden *w, struct step *s, const struct request *q, pid_t pid, uint64_t ticks)
{
	s->phase = PHASE_RUNS;
	s->leader = pid;
	s->tty = q->flags & REQUEST_TTY;
	s->session = s->tty ? w->session : pid;
	w->owner[pid] = w->owner[s->session] = (uint32_t)(s - w->step);
	s->grace_ns = q->grace_ms * NS_PER_MS;
	if (q->timeout_ms)
		s->due_ns = s->event.start_ns + q->timeout_ms * NS_PER_MS;
	w->n_active++;
	s->event.record.process.pid = (uint32_t)pid;
	journal_put64(s->event.record.process.ticks, ticks);
	s->event.record.process.span = (uint32_t)(w->spawn.report->ticks - ticks);
	tell_later(w, s, JOURNAL_PROCESS);
}

static void start(struct warden *w, struct step *s, const struct request *q, const int *fd)
{
	const struct spawn_report *report = w->spawn.report;
	uint64_t ticks = proc_ticks_now();
	pid_t pid;

	if (record_start(w, q->serial) < 0) {
		could_not(w, s, STAGE_JOURNAL, errno);
		return;
	}
	w->spawn.request = q;
	w->spawn.fd = fd;
	s->event.start_ns = stamp_mono_ns();
	pid = spawn_start(&w->spawn);
	if (pid < 0) {
		could_not(w, s, STAGE_FORK, errno);
	} else if (!report->error && report->stage == STAGE_EXEC) {
		runs(w, s, q, pid, ticks);
	} else {
		(void)w->o->calls->wait4(pid, NULL, __WALL, NULL);
		could_not(w, s, report->stage, report->error ? report->error : EINTR); /* killed on its way */
	}
}

/* Whoever it comes from, it takes s. */
static void begin(struct warden *w, struct step *s, const struct wire_ask *ask, const void *block, ssize_t size,
		  const int *fd, size_t n_fds)
{
	struct request q;

	*s = (struct step){.due_ns = NEVER, .plain = ask->flags & WIRE_PLAIN,
			   .event = {.place = ask->place, .record.serial = ask->serial}};
	if (size < 0)
		could_not(w, s, STAGE_REQUEST, errno);
	else if (!request_open(&q, block, (size_t)size, w->table) || q.serial != ask->serial)
		could_not(w, s, STAGE_REQUEST, EBADMSG);
	else if (q.n_numbers != n_fds)
		could_not(w, s, STAGE_DESCRIPTORS, EMFILE);
	else
		start(w, s, &q, fd);
}

static void start_held(struct warden *w, struct step *s)
{
	const struct kept_message *m = kept_take(&w->held);

	begin(w, s, ask_of(m), ask_of(m) + 1, (ssize_t)(m->size - sizeof(struct wire_ask)), m->fd, m->n_fds);
	message_close(m->fd, m->n_fds);
}

/* --- ending a step -------------------------------------------------------------------------------- */

/*
 * Whose is pid, a child of ours, dead or alive?  A leader, or of a leader's session; else it goes with a step that
 * is just ending; else nobody knows.  A tty step shares our session, and there is one of those at a time.
 */
static struct step *step_of(struct warden *w, pid_t pid)
{
	struct step *s = &w->step[w->owner[pid]];
	pid_t session = s->leader == pid ? s->session : getsid(pid);

	s = &w->step[w->owner[(uint32_t)session % PIDS]];
	if (s->phase != PHASE_FREE && s->session == session)
		return s;
	s = &w->step[0];
	for (uint32_t i = w->high; --i > 0;)
		if (w->step[i].phase != PHASE_FREE && !w->step[i].leader)
			s = &w->step[i];
	return s;
}

/* To all of it, and what is below. */
static void signal_step(struct warden *w, const struct step *s, int sig)
{
	ssize_t n = proc_children_again(w->o->calls, w->children, w->child, PROC_WALK);

	for (ssize_t i = 0; i < n; i++)
		if (step_of(w, w->child[i]) == s)
			(void)proc_tree_signal(w->o->calls, &w->room, w->child[i], getpid(), sig);
}

static void kill_step(struct warden *w, struct step *s)
{
	if (s->phase != PHASE_KILLED)
		s->give_up_ns = w->now_ns + w->o->give_up_ms * NS_PER_MS;
	s->phase = PHASE_KILLED;
	s->due_ns = w->now_ns + (int64_t)KILL_AGAIN_MS * NS_PER_MS;
	signal_step(w, s, SIGKILL);
}

static void end_step(struct warden *w, struct step *s, enum journal_why why, bool kill_now)
{
	if (s->phase == PHASE_RUNS)
		s->why = why;
	if (kill_now || !s->grace_ns) {
		kill_step(w, s);
	} else if (s->phase == PHASE_RUNS) {
		s->phase = PHASE_ASKED;
		s->due_ns = w->now_ns + s->grace_ns;
		signal_step(w, s, SIGTERM);
	}
}

/* serial 0: all of them. */
static void end_steps(struct warden *w, uint32_t serial, enum journal_why why, bool kill_now)
{
	for (uint32_t i = 1; i < w->high; i++)
		if (w->step[i].phase != PHASE_FREE && (!serial || w->step[i].event.record.serial == serial))
			end_step(w, &w->step[i], why, kill_now);
}

static void driver_is_gone(struct warden *w)
{
	drop_held(w);
	w->driver_gone = true;
	w->n_out = 0;
	if (!w->o->finish)
		end_steps(w, 0, WHY_DRIVER_GONE, true);
}

/* Over, or still to be cleaned up?  What a stopped leader leaves has the rest of the grace. */
static void settle(struct warden *w, struct step *s)
{
	bool nobodys = s == &w->step[0], clean;

	if (s->leader || (s->phase == PHASE_FREE && !nobodys))
		return;
	if (s->strays) {
		if (nobodys ? !w->n_active : s->phase != PHASE_ASKED)
			kill_step(w, s);
		return;
	}
	s->phase = PHASE_FREE;
	s->due_ns = NEVER;
	if (nobodys)
		return;
	s->event.record.why = (uint8_t)s->why;
	s->event.record.leftovers = (uint16_t)clip(s->leftovers, UINT16_MAX);
	clean = s->plain && s->why == WHY_EXITED && !s->event.record.end.status;
	w->age += !clean;
	s->event.next = clean && w->held.n ? ask_of(kept_oldest(&w->held))->serial : 0;
	if (!s->event.next)
		drop_held(w); /* told before the end: whoever hears of it finds them ready, as if they had not been held */
	tell_later(w, s, JOURNAL_END);
	w->n_active--;
	if (s->event.next)
		start_held(w, s);
}

/* --- children ------------------------------------------------------------------------------------- */

static void leader_ended(struct warden *w, struct step *s, int status, const struct rusage *u)
{
	struct wire_event *e = &s->event;

	s->leader = 0;
	e->end_ns = w->now_ns;
	e->user_us = stamp_us(u->ru_utime);
	e->system_us = stamp_us(u->ru_stime);
	e->record.end.status = (uint32_t)status;
	e->record.end.user_ms = clip(e->user_us / 1000, UINT32_MAX);
	e->record.end.system_ms = clip(e->system_us / 1000, UINT32_MAX);
	e->record.end.max_rss_kib = clip(u->ru_maxrss, UINT32_MAX);
	e->record.end.elapsed_ms = clip((e->end_ns - e->start_ns) / NS_PER_MS, UINT32_MAX);
}

/* Looked at before it is reaped, as its session goes with it. */
static void reap_one(struct warden *w, pid_t pid)
{
	struct step *s = step_of(w, pid);
	struct rusage u;
	int status;

	if (w->o->calls->wait4(pid, &status, WNOHANG | WUNTRACED | __WALL, &u) <= 0)
		return; /* it was stopped and goes on already */
	if (WIFSTOPPED(status)) {
		/* Ctrl-Z in a tty step would leave the terminal with nobody who can wake it. */
		if (s->leader == pid && s->tty && WSTOPSIG(status) == SIGTSTP)
			(void)kill(-pid, SIGCONT);
		return;
	}
	w->given_up[pid] = false;
	if (s->leader == pid)
		leader_ended(w, s, status, &u);
	else if (!s->leader && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		s->leftovers++;
}

static void count_stray(struct warden *w, pid_t pid)
{
	struct step *s = step_of(w, pid);

	if (s->leader == pid || w->given_up[pid])
		return;
	/* A leader whose death cannot be had is waited for; strays are let go, or one of them would hold the run. */
	if (s->phase == PHASE_KILLED && w->now_ns >= s->give_up_ns)
		w->given_up[pid] = true;
	else
		s->strays++;
}

static void look_after_children(struct warden *w)
{
	siginfo_t info = {0};
	ssize_t n = 0;
	int none;

	while (!(none = waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL)) && info.si_pid)
		reap_one(w, info.si_pid);
	if (!none)
		n = proc_children_again(w->o->calls, w->children, w->child, PROC_WALK);
	for (uint32_t i = 0; i < w->high; i++)
		w->step[i].strays = n < 0; /* not known is not over */
	for (ssize_t i = 0; i < n; i++)
		count_stray(w, w->child[i]);
	for (uint32_t i = w->high; i-- > 0;) /* what is nobody's last: it is killed when no step runs */
		settle(w, &w->step[i]);
}

/* --- what the driver asks ------------------------------------------------------------------------- */

/* NULL if there are more than there may be. */
static struct step *free_step(struct warden *w)
{
	for (uint32_t i = 1; i <= w->o->slots; i++)
		if (w->step[i].phase == PHASE_FREE) {
			w->high = i < w->high ? w->high : i + 1;
			return &w->step[i];
		}
	return NULL;
}

/* False if there is no place for it: it comes from no driver of ours. */
static bool take_start(struct warden *w, size_t size)
{
	bool big = w->ask.kind == WIRE_START_BIG;
	struct step *s = free_step(w);

	if (!s)
		return false;
	begin(w, s, &w->ask, w->block, big ? pread(w->n_fds ? w->fd[0] : -1, w->block, REQUEST_MAX, 0) : (ssize_t)size,
	      w->fd + big, w->n_fds - big);
	if (big)
		(void)madvise(w->block, REQUEST_MAX, MADV_DONTNEED);
	return true;
}

/* False for something that no driver would say: who hears what is told never has more to be told of than there is room for. */
static bool obey(struct warden *w, size_t size)
{
	if (w->ask.kind == WIRE_START || w->ask.kind == WIRE_START_BIG)
		return w->n_out + 2 * (w->n_active + w->held.n + 1) <= 3 * w->o->slots + 2 * KEPT_MOST &&
		       (w->ask.flags & WIRE_HOLD ? hold(w, size) : take_start(w, size));
	if (w->ask.kind > WIRE_QUIT)
		return false;
	if (!w->ask.serial)
		drop_held(w);
	w->quitting |= w->ask.kind == WIRE_QUIT;
	if (w->ask.kind != WIRE_RECALL)
		end_steps(w, w->ask.serial, WHY_STOPPED, w->ask.flags & WIRE_KILL_NOW);
	return true;
}

static void take_ask(struct warden *w)
{
	struct iovec part[] = {{&w->ask, sizeof(w->ask)}, {w->block, REQUEST_INLINE}};
	ssize_t n = message_receive(w->o->calls, w->o->socket, part, 2, w->fd, &w->n_fds);
	bool later = n < 0 && message_later(errno);

	if (!later && (n < (ssize_t)sizeof(w->ask) || !obey(w, (size_t)n - sizeof(w->ask))))
		driver_is_gone(w);
	message_close(w->fd, w->n_fds);
}

/* What cannot be sent now stays where it is. */
static void tell(struct warden *w)
{
	while (w->n_out && w->now_ns >= w->tell_ns) {
		size_t n = w->n_out < WIRE_EVENTS ? w->n_out : WIRE_EVENTS;
		struct iovec part = {w->out, n * sizeof(*w->out)};

		if (message_send(w->o->calls, w->o->socket, &part, 1, NULL, 0) < 0) {
			if (!message_later(errno))
				driver_is_gone(w);
			return;
		}
		w->n_out -= n;
		memmove(w->out, w->out + n, w->n_out * sizeof(*w->out));
	}
}

/* --- the loop ------------------------------------------------------------------------------------- */

static int64_t next_due(const struct warden *w)
{
	/* If it has passed, the socket was full. */
	int64_t due = w->n_out && w->tell_ns > w->now_ns ? w->tell_ns : NEVER;

	for (uint32_t i = 0; i < w->high; i++)
		if (w->step[i].due_ns < due)
			due = w->step[i].due_ns;
	return due;
}

static void end_what_is_due(struct warden *w)
{
	for (uint32_t i = 0; i < w->high; i++)
		if (w->step[i].due_ns <= w->now_ns)
			end_step(w, &w->step[i], WHY_TIMED_OUT, w->step[i].phase != PHASE_RUNS);
	look_after_children(w);
}

static void turn(struct warden *w)
{
	/* It is still to come: what was due by then has been dealt with in the turn before. */
	int64_t due = next_due(w), left = due - w->now_ns;
	const struct timespec t = {left / NS_PER_S, left % NS_PER_S};
	struct pollfd p[] = {{.fd = w->signals, .events = POLLIN},
			     {.fd = w->driver_gone ? -1 : w->o->socket, .events = POLLIN}};
	struct signalfd_siginfo info;

	if (w->n_out && w->tell_ns <= w->now_ns)
		p[1].events |= POLLOUT;
	if (w->o->calls->ppoll(p, 2, &t, NULL) < 0)
		p[0].revents = p[1].revents = 0; /* EINTR, or no memory for a moment */
	w->now_ns = stamp_mono_ns();
	if (p[1].revents & (POLLHUP | POLLERR))
		drop_held(w);
	/* What has ended in time is not ended for its time. */
	if (p[0].revents && w->o->calls->read(w->signals, &info, sizeof(info)) > 0)
		look_after_children(w);
	/* The end comes before what is still in the queue: a dead driver's requests are not started. */
	if (p[1].revents & (POLLHUP | POLLERR))
		driver_is_gone(w);
	else if (p[1].revents & POLLIN)
		take_ask(w);
	if (due <= w->now_ns)
		end_what_is_due(w);
	tell(w);
}

static bool is_done(struct warden *w)
{
	if (!(w->driver_gone || w->quitting) || w->n_active || w->n_out)
		return false;
	look_after_children(w); /* the last look: what nobody claimed goes too */
	return !w->step[0].strays;
}

static int prepare(struct warden *w, const struct warden_options *o)
{
	w->o = o;
	w->session = getsid(0);
	w->high = 1;
	w->step[0].due_ns = NEVER;
	w->now_ns = stamp_mono_ns();
	w->children = proc_children_open(w->o->calls);
	w->signals = closed_children(w->o->calls);
	if (w->signals < 0 || proc_room_init(&w->room, w->o->calls) < 0 || spawn_init(&w->spawn, w->o->calls) < 0)
		return -1;
	return journal_writer_init(&w->journal, w->o->calls, o->journal, o->nonce);
}

int warden_run(const struct warden_options *o)
{
	enum { PROT = PROT_READ | PROT_WRITE, FLAGS = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE };
	struct warden *w = o->calls->mmap(NULL, sizeof(*w), PROT, FLAGS, -1, 0);

	if (w == MAP_FAILED || prepare(w, o) < 0)
		return -1; /* the process ends now, and everything goes with it */
	(void)madvise(w, sizeof(*w), MADV_DONTDUMP); /* requests may hold secrets */
	while (!is_done(w))
		turn(w);
	return 0;
}
