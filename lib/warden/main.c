#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bug.h"
#include "warden/warden.h"
#include "warden/wire.h"

/*
 * The program's arguments: version, slots, policy, nonce.  The nonce is no secret: /proc shows it.
 */

static const char *const policy_word[] = {"kill", "finish"};

static char *put_hex(char *to, uint64_t value)
{
	static const char digit[] = "0123456789abcdef";

	for (int shift = 60; shift >= 0; shift -= 4)
		*to++ = digit[value >> shift & 15];
	*to = 0;
	return to;
}

void warden_arguments(char text[WARDEN_ARGC][WARDEN_ARG_ROOM], const struct warden_options *o)
{
	strcpy(text[0], "orchmake-warden");
	put_hex(text[1], WIRE_VERSION);
	put_hex(text[2], o->slots);
	strcpy(text[3], policy_word[o->finish]);
	put_hex(text[4], o->nonce);
}

static bool parse(int argc, char **argv, struct warden_options *o)
{
	if (argc != WARDEN_ARGC || strtoull(argv[1], NULL, 16) != WIRE_VERSION)
		return false;
	o->slots = (uint32_t)strtoul(argv[2], NULL, 16);
	o->finish = !strcmp(argv[3], policy_word[true]);
	o->nonce = strtoull(argv[4], NULL, 16);
	return o->slots > 0 && o->slots <= WARDEN_STEPS && fcntl(WIRE_FD_SOCKET, F_GETFD) >= 0 &&
	       fcntl(WIRE_FD_JOURNAL, F_GETFD) >= 0;
}

/*
 * Every signal blocked and at its default: nothing that a user does to the driver's group or session reaches
 * the warden, and a step inherits nothing.  SIGTERM does not end it either: the end of the driver does.
 *
 * The C library's signal() will not touch the two that it uses among threads, yet its posix_spawn() leaves just
 * those ignored in what it starts, so the kernel is asked itself: an action of zeros is the default.
 */
static void settle_signals(void)
{
	enum { SET_BYTES = NSIG / 8 };
	const uint64_t by_default[8] = {0};
	sigset_t all;

	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	for (int sig = 1; sig < NSIG; sig++)
		(void)syscall(SYS_rt_sigaction, sig, by_default, NULL, SET_BYTES); /* KILL and STOP are so anyway */
}

int warden_main(int argc, char **argv, const struct calls *c)
{
	enum { EXIT_USE = 64, EXIT_SYSTEM = 71 };
	struct warden_options o = {.calls = c, .socket = WIRE_FD_SOCKET, .journal = WIRE_FD_JOURNAL};

	settle_signals();
	if (!parse(argc, argv, &o))
		return EXIT_USE;
	/* What the driver handed over is held until the end and seen by no step. */
	(void)close_range(WIRE_FD_SOCKET, ~0u, CLOSE_RANGE_CLOEXEC);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || warden_run(&o) < 0)
		return EXIT_SYSTEM;
	return 0;
}
