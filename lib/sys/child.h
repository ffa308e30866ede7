/*
 * What a child does between vfork and exec: its memory is its parent's, so nothing is allocated and nothing kept.
 */
#ifndef SYS_CHILD_H
#define SYS_CHILD_H

#include <stdint.h>
#include <sys/types.h>

#include "sys/calls.h"

/* Such a function runs on a borrowed stack that a sanitizer does not know. */
#define IN_CHILD __attribute__((no_sanitize("address")))

enum { CHILD_FDS = 256 };

/* The end of a stack for one, or NULL and errno.  It goes with the process. */
char *child_stack(const struct calls *c);

/* A folder (or NULL) and a umask (or -1) of its own.  0, or -1 and errno. */
int child_enter(const char *folder, int mask);

/*
 * Open path without waiting for whoever might be at the other end of a FIFO; reading and writing then wait as ever.
 * Close-on-exec; -1 and errno.
 */
int child_open(const struct calls *c, const char *path, int flags, mode_t mode);

/* A log, which is a plain file, to append to; made 0600 if it is not there.  Close-on-exec; -1 and errno. */
int child_open_log(const struct calls *c, const char *path);

/* Die with parent, and have what is left behind below come here.  0, or -1 and errno: ECHILD, parent has gone already. */
int child_follow(const struct calls *c, pid_t parent);

/* When memory runs out, this one goes before others.  Not worth a failure. */
void child_yield_memory(const struct calls *c);

/*
 * Standard input, output and error: the file at path, opened with flags, else the descriptor `otherwise`.  One path for
 * output and error is one open file.  0, or -1 and errno; *at is which it came to.
 */
int child_standard(const struct calls *c, const char *const path[3], const int flags[3], const int otherwise[3], int *at);

/*
 * The n (at most CHILD_FDS) descriptors under the numbers beside them, whatever they are called now; besides these
 * and the standard three nothing stays open beyond exec.  0, or -1 and errno.
 */
int child_place(const int *fd, const uint32_t *number, uint32_t n);

/*
 * Become the program: a name with '/' as it is, another is looked for in the PATH of envp (execvpe looks in one's
 * own).  As execvp looks: a name that is not there or may not be run does not end the search, and "permission
 * denied" is said if that was met anywhere.  A file that is no program is an error, not a script for a shell
 * nobody named.  No signal is blocked in it.  Comes back only to say why not: -1 and errno.
 */
int child_exec(const char *const *argv, const char *const *envp);

#endif
