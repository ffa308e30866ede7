#include "engine/driver.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "sys/calls.h"

static void boot_text(char *text)
{
	uint8_t id[BOOT_ID_BYTES] = {0};

	(void)proc_boot_id(&calls_real, id);
	for (size_t i = 0; i < sizeof(id); i++)
		snprintf(text + 2 * i, 3, "%02x", id[i]);
}

static const char *user_name(void)
{
	const struct passwd *pw = getpwuid(getuid());

	return pw ? pw->pw_name : NULL;
}

void driver_put(struct driver *d, struct ledger_run *r)
{
	*d = (struct driver){0};
	boot_text(d->boot);
	(void)gethostname(d->host, sizeof(d->host) - 1);
	(void)proc_stat(&calls_real, getpid(), &d->self);
	r->boot_id = d->boot;
	r->pid = getpid();
	r->pid_start = d->self.start_ticks;
	r->host = d->host;
	r->user = user_name();
}
