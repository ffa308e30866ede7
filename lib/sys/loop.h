/*
 * One loop that waits: descriptors (epoll), timers (one timerfd and a heap), signals (one signalfd).
 * Monotonic time in nanoseconds throughout.  Whatever is called back may add, change and drop anything, itself
 * included: what has been dropped is not called any more, not even for an event that was already there.
 * One thread; nothing is called but from loop_turn().
 */
#ifndef SYS_LOOP_H
#define SYS_LOOP_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

struct loop;

/* NULL and errno. */
struct loop *loop_new(void);
void loop_free(struct loop *l); /* NULL is fine; gives back the signal mask that loop_signals changed */

/*
 * Call fn(arg, ready) when fd is ready: events and ready are EPOLLIN, EPOLLOUT and so on, by level.  The same fd
 * again changes what it waits for and who is called.  fd is borrowed: drop it before it is closed.
 * 0, or -1 and errno (EPERM: an ordinary file, which is always ready).
 */
typedef void loop_fd_fn(void *arg, uint32_t ready);
int loop_fd(struct loop *l, int fd, uint32_t events, loop_fd_fn *fn, void *arg);
void loop_fd_drop(struct loop *l, int fd); /* one that is not there is fine */

/* A timer lives inside its owner, who fills in fn and arg once and leaves the rest to the loop; zero is unset. */
struct loop_timer {
	void (*fn)(void *arg);
	void *arg;
	int64_t due_ns;
	size_t place; /* in the heap, from 1; 0: not set */
};

/* Call t->fn once at due_ns (at once, if that has passed).  Setting it again moves it. */
void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t due_ns);
void loop_timer_clear(struct loop *l, struct loop_timer *t); /* an unset one is fine */

/*
 * Take these signals out of the air (they are blocked from now on; children must undo that) and call fn for
 * each.  Once per loop.  0, or -1 and errno.
 */
typedef void loop_signal_fn(void *arg, const struct signalfd_siginfo *info);
int loop_signals(struct loop *l, const sigset_t *set, loop_signal_fn *fn, void *arg);

/* The time at which this turn began. */
int64_t loop_now(const struct loop *l);

/*
 * Wait until something is ready (wait_ms: -1 as long as it takes, 0 only look) and call whom it concerns.
 * Returns how many were called, 0 if the wait ended first, -1 and errno if waiting itself is broken.
 */
int loop_turn(struct loop *l, int wait_ms);

#endif
