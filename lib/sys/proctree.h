/*
 * Trees of processes as /proc shows them.  Nothing here allocates, so the warden can use it; the caller
 * lends the room for pids.
 *
 * A process is named by pid and start time together: pids come back within seconds.  A signal goes through a
 * pidfd whose process has been looked at after it was opened, so never to a newcomer that got a dead one's pid.
 */
#ifndef SYS_PROCTREE_H
#define SYS_PROCTREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sys/calls.h"

enum { BOOT_ID_BYTES = 16 };

struct proc_stat {
	pid_t parent, session;
	char state;	      /* R S D T Z ... */
	uint64_t start_ticks; /* since boot; sysconf(_SC_CLK_TCK) to the second */
};

/* 0, or -1 and errno (ESRCH, ENOENT: there is no such process; EPROTO: not the text that /proc has). */
int proc_stat(const struct calls *c, pid_t pid, struct proc_stat *ret);

/* Ticks since boot now, comparable with start_ticks. */
uint64_t proc_ticks_now(void);

/* This boot's id; 0, or -1 and errno. */
int proc_boot_id(const struct calls *c, uint8_t id[BOOT_ID_BYTES]);

/*
 * The children of every thread of pid, dead ones that wait to be reaped included: at most max of them into
 * child.  The number found, or -1 and errno.
 */
ssize_t proc_children(const struct calls *c, pid_t pid, pid_t *child, size_t max);

/*
 * For one's own children again and again: a descriptor for proc_children_again, or -1 (the kernel has no such
 * file), which it takes as well and then looks through all of /proc.  Only right with a single thread.
 */
int proc_children_open(const struct calls *c);
ssize_t proc_children_again(const struct calls *c, int fd, pid_t *child, size_t max);

/* Whether a variable of the environment that pid was started with begins with text; false if that cannot be read. */
bool proc_environ_has(const struct calls *c, pid_t pid, const char *text);

/* Every process of /proc: fn is asked for each until it answers false.  0, or -1 and errno. */
int proc_each(const struct calls *c, bool (*fn)(void *arg, pid_t pid), void *arg);

/*
 * Send pid one signal, if it started at start_ticks (0: whenever).  SIGTERM is followed by SIGCONT, as a
 * stopped process would not act on it.  False if it is not there, is dead already, or may not be signalled.
 */
bool proc_signal(const struct calls *c, pid_t pid, uint64_t start_ticks, int sig);
/* The same with a number for whoever waits for it with signalfd or siginfo. */
bool proc_signal_number(const struct calls *c, pid_t pid, uint64_t start_ticks, int sig, int number);

/* Room for walking a tree: what a walk cannot hold, it leaves to the next. */
struct proc_room {
	struct proc_at {
		pid_t pid, parent;
	} *at;
	size_t max;
	pid_t *child;
	size_t max_child;
};

enum { PROC_WALK = 32768 };

/* Mapped, untouched until used; 0, or -1 and errno. */
int proc_room_init(struct proc_room *r, const struct calls *c);
void proc_room_release(struct proc_room *r);

/*
 * One pass: signal root (a child of parent) and all below it, from the top down, so that nobody up there can
 * answer a death below with a new start.  What forks meanwhile is found by the next pass.  Returns how many
 * were signalled.
 */
size_t proc_tree_signal(const struct calls *c, struct proc_room *r, pid_t root, pid_t parent, int sig);

/*
 * One step of "until nothing is left": of this process's children, those that mine() names are reaped if they
 * are dead and killed, trees and all, if not.  Returns how many it found, dead or alive; 0 means done.  After any
 * other answer call it again, as the children of a dead one come to a subreaper only when it dies: best when
 * *ret_alive, one that was alive, has ended, or at once if that is 0.
 */
size_t proc_children_end(const struct calls *c, struct proc_room *r, bool (*mine)(void *arg, pid_t pid),
			 void *arg, pid_t *ret_alive);

#endif
