#include "last.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/options.h"

static struct slots_debt debt = {.fd = -1};

struct slots_debt *last_debt(void)
{
	return &debt;
}

/* Nothing but write(2), since a signal may have come anywhere. */
static void pay(void)
{
	while (debt.tokens) {
		ssize_t n = write(debt.fd, "+", 1);

		if (n < 0 && errno != EINTR)
			return;
		debt.tokens -= n == 1;
	}
}

/* SA_RESETHAND: then it ends the program as it would have. */
static void on_end(int sig)
{
	pay();
	(void)raise(sig);
}

void last_prepare(void)
{
	static const int ends[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
	const struct sigaction act = {.sa_handler = on_end, .sa_flags = (int)SA_RESETHAND | SA_NODEFER};

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		(void)sigaction(ends[i], &act, NULL);
	(void)atexit(pay);
}
