/* Doing what a run's options ask for, with what the command line wants to see of it. */
#ifndef SRC_RUNNING_H
#define SRC_RUNNING_H

#include "cmd.h"

/* -n: what would run. */
int running_list(struct cli *c, struct engine *e);
/* Make it and run it, or -q, -n.  The exit code. */
int running_do(struct cli *c, const struct jobfile *jf, struct run_options *o);

#endif
