#include "sys/loop.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "base/vec.h"

enum {
	AT_ONCE = 64, /* events taken from the kernel in one go */
};

struct watch {
	loop_fd_fn *fn; /* NULL: not watched */
	void *arg;
	uint32_t age; /* counts who has had this number, so that a late event finds nobody */
};

struct loop {
	int epoll, timerfd, signalfd;
	int64_t now_ns, armed_ns; /* armed_ns: what timerfd is set to; 0: off */
	struct watch *watch;	  /* by descriptor */
	size_t n_watches, room_watches;
	struct loop_timer **heap; /* earliest first, from 0 */
	size_t n_heap, room_heap;
	loop_signal_fn *on_signal;
	void *signal_arg;
	sigset_t old_mask;
	int called; /* in this turn */
};

int64_t loop_now(const struct loop *l)
{
	return l->now_ns;
}

/* --- descriptors -------------------------------------------------------------------------------- */

int loop_fd(struct loop *l, int fd, uint32_t events, loop_fd_fn *fn, void *arg)
{
	struct epoll_event e = {.events = events};
	struct watch *w;
	bool known;

	if (fd < 0) {
		errno = EBADF;
		return -1;
	}
	while ((size_t)fd >= l->n_watches)
		VEC_PUSH(l->watch, l->n_watches, l->room_watches, (struct watch){0});
	w = &l->watch[fd];
	known = w->fn;
	if (!known)
		w->age++;
	e.data.u64 = (uint64_t)w->age << 32 | (uint32_t)fd;
	if (epoll_ctl(l->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e) < 0)
		return -1;
	w->fn = fn;
	w->arg = arg;
	return 0;
}

void loop_fd_drop(struct loop *l, int fd)
{
	if (fd < 0 || (size_t)fd >= l->n_watches || !l->watch[fd].fn)
		return;
	l->watch[fd].fn = NULL;
	/* It fails only if fd has been closed too early, and then there is nothing to drop. */
	(void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL);
}

/* --- timers ------------------------------------------------------------------------------------- */

static void heap_put(struct loop *l, size_t at, struct loop_timer *t)
{
	l->heap[at] = t;
	t->place = at + 1;
}

static void heap_up(struct loop *l, size_t at, struct loop_timer *t)
{
	while (at) {
		size_t above = (at - 1) / 2;

		if (l->heap[above]->due_ns <= t->due_ns)
			break;
		heap_put(l, at, l->heap[above]);
		at = above;
	}
	heap_put(l, at, t);
}

static void heap_down(struct loop *l, size_t at, struct loop_timer *t)
{
	for (;;) {
		size_t below = 2 * at + 1;

		if (below >= l->n_heap)
			break;
		if (below + 1 < l->n_heap && l->heap[below + 1]->due_ns < l->heap[below]->due_ns)
			below++;
		if (t->due_ns <= l->heap[below]->due_ns)
			break;
		heap_put(l, at, l->heap[below]);
		at = below;
	}
	heap_put(l, at, t);
}

void loop_timer_clear(struct loop *l, struct loop_timer *t)
{
	size_t at = t->place;
	struct loop_timer *last;

	if (!at)
		return;
	at--;
	t->place = 0;
	last = l->heap[--l->n_heap];
	if (last == t)
		return;
	if (at && last->due_ns < l->heap[(at - 1) / 2]->due_ns)
		heap_up(l, at, last);
	else
		heap_down(l, at, last);
}

void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t due_ns)
{
	loop_timer_clear(l, t);
	t->due_ns = due_ns > 0 ? due_ns : 1;
	VEC_PUSH(l->heap, l->n_heap, l->room_heap, t);
	heap_up(l, l->n_heap - 1, t);
}

/* The clock is set only when the earliest has moved forward; one that fires too early does no harm. */
static int arm(struct loop *l)
{
	int64_t due = l->n_heap ? l->heap[0]->due_ns : 0;
	struct itimerspec at = {.it_value = {due / NS_PER_S, due % NS_PER_S}};

	if (!due || (l->armed_ns && l->armed_ns <= due))
		return 0;
	if (timerfd_settime(l->timerfd, TFD_TIMER_ABSTIME, &at, NULL) < 0)
		return -1;
	l->armed_ns = due;
	return 0;
}

/*
 * Those due when the turn began, each once: a timer that sets itself to a time already past waits for the
 * next turn, so that descriptors are not starved.
 */
static void fire_timers(struct loop *l)
{
	uint64_t times;

	if (read(l->timerfd, &times, sizeof(times)) == (ssize_t)sizeof(times))
		l->armed_ns = 0;
	for (size_t left = l->n_heap; left && l->n_heap && l->heap[0]->due_ns <= l->now_ns; left--) {
		struct loop_timer *t = l->heap[0];

		loop_timer_clear(l, t);
		l->called++;
		t->fn(t->arg);
	}
}

/* --- signals ------------------------------------------------------------------------------------ */

static void take_signals(void *arg, uint32_t ready)
{
	struct loop *l = arg;
	struct signalfd_siginfo info;

	(void)ready;
	l->called--; /* counted as the signals it brings */
	while (read(l->signalfd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		l->called++;
		l->on_signal(l->signal_arg, &info);
	}
}

int loop_signals(struct loop *l, const sigset_t *set, loop_signal_fn *fn, void *arg)
{
	BUG_UNLESS(l->signalfd < 0);
	if (sigprocmask(SIG_BLOCK, set, &l->old_mask) < 0)
		return -1;
	l->signalfd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (l->signalfd < 0)
		goto unblock;
	l->on_signal = fn;
	l->signal_arg = arg;
	if (loop_fd(l, l->signalfd, EPOLLIN, take_signals, l) < 0)
		goto close_fd;
	return 0;

close_fd:
	close(l->signalfd);
	l->signalfd = -1;
unblock:
	(void)sigprocmask(SIG_SETMASK, &l->old_mask, NULL);
	return -1;
}

/* --- the loop ----------------------------------------------------------------------------------- */

static void timers_ready(void *arg, uint32_t ready)
{
	struct loop *l = arg;

	(void)ready;
	l->called--;
	fire_timers(l);
}

struct loop *loop_new(void)
{
	struct loop *l = xcalloc(1, sizeof(*l));

	l->signalfd = l->timerfd = -1;
	l->now_ns = stamp_mono_ns();
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0)
		goto fail;
	l->timerfd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (l->timerfd < 0 || loop_fd(l, l->timerfd, EPOLLIN, timers_ready, l) < 0)
		goto fail;
	return l;
fail:
	loop_free(l);
	return NULL;
}

void loop_free(struct loop *l)
{
	int saved = errno;

	if (!l)
		return;
	for (size_t i = 0; i < l->n_heap; i++)
		l->heap[i]->place = 0;
	if (l->signalfd >= 0) {
		close(l->signalfd);
		(void)sigprocmask(SIG_SETMASK, &l->old_mask, NULL);
	}
	if (l->timerfd >= 0)
		close(l->timerfd);
	if (l->epoll >= 0)
		close(l->epoll);
	free(l->watch);
	free(l->heap);
	free(l);
	errno = saved;
}

static void call_watch(struct loop *l, const struct epoll_event *e)
{
	size_t fd = (uint32_t)e->data.u64;
	struct watch w = l->watch[fd];

	if (!w.fn || w.age != e->data.u64 >> 32)
		return;
	l->called++;
	w.fn(w.arg, e->events);
}

int loop_turn(struct loop *l, int wait_ms)
{
	struct epoll_event e[AT_ONCE];
	int n;

	if (arm(l) < 0)
		return -1;
	n = epoll_wait(l->epoll, e, AT_ONCE, wait_ms);
	l->now_ns = stamp_mono_ns();
	if (n < 0)
		return errno == EINTR ? 0 : -1;
	l->called = 0;
	for (int i = 0; i < n; i++)
		call_watch(l, &e[i]);
	return l->called;
}
