/* What resume, retry and run -r have in common: an earlier run is gone on with by a new one. */
#ifndef SRC_RESUMING_H
#define SRC_RESUMING_H

#include "cmd.h"

struct resuming {
	const char *run;	/* as people call it; NULL: the last that did not end well */
	struct text_span targets; /* then of these alone */
	bool retry;
	struct text_span steps; /* retry: these; none: those that failed */
	/* What is done instead of looking and running; NULL: nothing.  The exit code. */
	int (*instead)(struct cli *c, const struct jobfile *jf, struct run_options *o, void *ctx);
	void *ctx;
};

/* Something of it may only run again if somebody says so, and that has been said. */
bool resuming_asks(struct engine *e);
/* The exit code. */
int resuming_go(struct cli *c, const struct resuming *r);

#endif
