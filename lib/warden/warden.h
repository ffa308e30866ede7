/*
 * The warden: the process that starts the steps of one run and is their only parent.  One thread; nothing is
 * allocated once it runs.  What always holds:
 *
 * - S is in the journal before a step exists, E before anybody is told that it ended.
 * - A step has ended when its leader is dead and nothing it left behind is alive.
 * - When the driver is gone, nothing more is started; what runs is killed, or finished if that is the policy.
 * - It ends only when no process of any step is left (those in the kernel's uninterruptible sleep, or of
 *   another user, are given up after give_up_ms).
 *
 *	       start            deadline, stop          grace over
 *	FREE --------> RUNS ------------------> ASKED ------------> KILLED
 *	 ^              |  leader dead, leftovers --------------------^ |
 *	 |              v                          v                    v
 *	 +--- recorded, and on its way to the driver: nothing of it is left
 *
 * Whose is an orphan?  A leader is a subreaper itself, so what comes to the warden comes from a leader that is
 * dead (or from clone(CLONE_PARENT)): its session says which step, or else it goes with a step that is just
 * ending.  What cannot be attributed is killed as soon as no step runs.
 */
#ifndef WARDEN_WARDEN_H
#define WARDEN_WARDEN_H

#include <stdbool.h>
#include <stdint.h>

#include "sys/calls.h"

enum {
	WARDEN_STEPS = 65536,	  /* at once, at most */
	WARDEN_GIVE_UP_MS = 5000, /* what the program has for give_up_ms */
};

struct warden_options {
	const struct calls *calls;
	int socket;  /* to the driver */
	int journal; /* locked, with its head */
	uint64_t nonce;
	uint32_t slots; /* steps at once */
	bool finish;	/* what runs, when the driver is gone */
	int64_t give_up_ms; /* after so long, with what cannot be killed */
};

/*
 * Serve until the driver is gone or says so and nothing is left.  The process must be a subreaper with all
 * signals blocked and at their defaults.  0, or -1 and errno: it could not begin, and nothing was started.
 */
int warden_run(const struct warden_options *o);

/* The whole program: descriptors as in wire.h.  The exit code: 0, 64 wrong use, 71 it could not begin. */
int warden_main(const struct calls *c);

#endif
