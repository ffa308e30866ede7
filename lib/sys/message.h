/*
 * One datagram of a Unix socket, with descriptors.  Neither side ever waits, and a reader that has gone is an
 * error (EPIPE), not a signal.
 */
#ifndef SYS_MESSAGE_H
#define SYS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "sys/calls.h"

enum { MESSAGE_FDS = 253 }; /* the kernel's limit for one message */

/* Its parts one after the other; the descriptors are borrowed.  What was sent, or -1 and errno. */
ssize_t message_send(const struct calls *c, int socket, const struct iovec *part, size_t n_parts, const int *fd,
		     size_t n_fds);

/*
 * Into the parts, and what descriptors came into fd[MESSAGE_FDS], close-on-exec and the caller's.  What was received (0:
 * the other end is closed), or -1 and errno; EMSGSIZE: it was longer than the parts, and is gone.
 * *ret_n_fds is set in any case.
 */
ssize_t message_receive(const struct calls *c, int socket, const struct iovec *part, size_t n_parts, int *fd,
			size_t *ret_n_fds);

/* Descriptors that came. */
void message_close(const int *fd, size_t n_fds);

/* Whether a call of these that failed so may succeed later. */
bool message_later(int error);

#endif
