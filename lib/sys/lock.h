/*
 * Locks that the kernel forgets with their holder, so none can be stale.  They belong to the open file and go with the
 * descriptor to whoever inherits it: one is held as long as anybody has it open.
 */
#ifndef SYS_LOCK_H
#define SYS_LOCK_H

enum lock_mode { LOCK_SHARED, LOCK_ALONE };

/*
 * A close-on-exec descriptor that holds path, which is made (0600; a link is not followed), or -1 and errno
 * (EWOULDBLOCK: somebody else does).
 */
int lock_take(const char *path, enum lock_mode mode);

/* The same, once nobody is in the way any more; -1 and errno (EINTR: a signal came first). */
int lock_wait(const char *path, enum lock_mode mode);

#endif
