/*
 * Locks that the kernel forgets with their holder, so none can be stale.
 *
 * A `lock` (fcntl) belongs to this process alone: a child does not have it, not even between fork and exec,
 * and whoever is refused learns the holder's pid.  It must have a file of its own: closing any descriptor of
 * that file in this process gives it up.
 *
 * A `handle` (flock) belongs to the open file and goes with the descriptor to whoever inherits it: it is held as
 * long as anybody has it open.
 */
#ifndef SYS_LOCK_H
#define SYS_LOCK_H

#include <stdbool.h>
#include <sys/types.h>

struct lock {
	int fd; /* -1: not held */
};

#define LOCK_INIT {.fd = -1}

/*
 * Take the lock on path, which is made (0600, a link is not followed).  0, or -1 and errno; EAGAIN means
 * somebody has it: *ret_holder is his pid, or 0 if he has just gone or is in another pid namespace.
 */
int lock_take(struct lock *l, const char *path, pid_t *ret_holder);
void lock_drop(struct lock *l); /* one not held is fine */

/* Who holds it: his pid, 0 nobody, -1 and errno.  Takes nothing and makes nothing. */
pid_t lock_holder(const char *path);

enum handle_mode { HANDLE_SHARED, HANDLE_ALONE };

/* A close-on-exec descriptor that holds path, or -1 and errno (EWOULDBLOCK: somebody else does). */
int handle_take(const char *path, enum handle_mode mode);

/* The same, once nobody is in the way any more; -1 and errno (EINTR: a signal came first). */
int handle_wait(const char *path, enum handle_mode mode);

/* Whether anybody holds path alone: 1, 0, or -1 and errno.  Makes nothing. */
int handle_held(const char *path);

#endif
