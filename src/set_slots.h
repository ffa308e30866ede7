#ifndef SRC_SET_SLOTS_H
#define SRC_SET_SLOTS_H

#include "cmd.h"

/* The exit code. */
int set_slots(struct cli *c);

#endif
