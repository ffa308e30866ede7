/*
 * The system calls whose failure has a path of its own, as a table, so that a test can hand in one that
 * fails when it likes.  Everything else passes &calls_real; the price is an indirect call beside a system
 * call.  Each member behaves as the function of its name: -1 (or MAP_FAILED) and errno on failure.
 */
#ifndef SYS_CALLS_H
#define SYS_CALLS_H

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>

struct calls {
	int (*openat)(int dir, const char *path, int flags, mode_t mode);
	ssize_t (*read)(int fd, void *data, size_t len);
	ssize_t (*write)(int fd, const void *data, size_t len);
	int (*fallocate)(int fd, int mode, off_t at, off_t len);
	int (*memfd_create)(const char *name, unsigned flags);
	void *(*mmap)(void *at, size_t len, int prot, int flags, int fd, off_t offset);
	ssize_t (*sendmsg)(int fd, const struct msghdr *m, int flags);
	ssize_t (*recvmsg)(int fd, struct msghdr *m, int flags);
	int (*ppoll)(struct pollfd *p, nfds_t n, const struct timespec *timeout, const sigset_t *mask);
	int (*clone)(int (*fn)(void *), void *stack_end, int flags, void *arg);
	pid_t (*wait4)(pid_t pid, int *status, int flags, struct rusage *usage);
	int (*pidfd_open)(pid_t pid, unsigned flags);
	int (*prctl)(int option, unsigned long value);
	pid_t (*getppid)(void);
	int (*signalfd)(int fd, const sigset_t *set, int flags);
};

extern const struct calls calls_real;

#endif
