#include "sys/closed.h"

#include <linux/close_range.h>
#include <signal.h>
#include <stdint.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The C library's signal() will not touch the two that it uses among threads, yet its posix_spawn() leaves just
 * those ignored in what it starts, so the kernel is asked itself: an action of zeros is the default.
 */
void closed_to_signals(void)
{
	enum { SET_BYTES = NSIG / 8 };
	const uint64_t by_default[8] = {0};
	sigset_t all;

	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	for (int sig = 1; sig < NSIG; sig++)
		(void)syscall(SYS_rt_sigaction, sig, by_default, NULL, SET_BYTES); /* KILL and STOP are so anyway */
}

void closed_on_exec(int first)
{
	(void)close_range((unsigned)first, ~0u, CLOSE_RANGE_CLOEXEC);
}

int closed_children(const struct calls *c)
{
	sigset_t chld;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	return c->signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
}
