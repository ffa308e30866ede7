#include "engine/startup.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/auxv.h>

#include "engine/control.h"
#include "ledger/ledger.h"
#include "sys/inherited.h"

/* make keeps the number in MAKEFLAGS where it does not hand the descriptors on: they may be anything by then. */
static void look_above(struct makeflags *above, const struct inherited *in)
{
	makeflags_parse(above, getenv("MAKEFLAGS"));
	if (above->auth == AUTH_PAIR && (!inherited_fifo(in, above->read_fd, O_RDONLY) ||
					 !inherited_fifo(in, above->write_fd, O_WRONLY)))
		above->auth = AUTH_BAD;
}

/*
 * They ask a run for another number of slots.  Blocked from the beginning, so that one that comes before the run
 * listens waits for it, and one that comes to who has no run ends nobody.  Steps begin without this.
 */
static void block_requests(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, control_signal());
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
}

bool startup_check(struct makeflags *above)
{
	struct inherited in;
	bool good = !inherited_check(&in) && !getauxval(AT_SECURE);

	block_requests();
	look_above(above, &in);
	inherited_release(&in);
	ledger_prepare();
	return good;
}
