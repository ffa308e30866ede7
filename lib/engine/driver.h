/* Who drives a run, as the ledger names it: by it the next one tells whether it still lives. */
#ifndef ENGINE_DRIVER_H
#define ENGINE_DRIVER_H

#include "ledger/ledger.h"
#include "sys/proctree.h"

struct driver {
	char boot[2 * BOOT_ID_BYTES + 1], host[256];
	struct proc_stat self;
};

/* This process; its part of r, which borrows d. */
void driver_put(struct driver *d, struct ledger_run *r);

#endif
