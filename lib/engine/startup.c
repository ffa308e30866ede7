#include "engine/startup.h"

#include <sys/auxv.h>

#include "ledger/ledger.h"
#include "sys/inherited.h"

bool startup_check(void)
{
	struct inherited in;
	bool good = !inherited_check(&in) && !getauxval(AT_SECURE);

	inherited_release(&in);
	ledger_prepare();
	return good;
}
