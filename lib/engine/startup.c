#include "engine/startup.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/auxv.h>

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

bool startup_check(struct makeflags *above)
{
	struct inherited in;
	bool good = !inherited_check(&in) && !getauxval(AT_SECURE);

	look_above(above, &in);
	inherited_release(&in);
	ledger_prepare();
	return good;
}
