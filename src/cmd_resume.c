/* resume: finish a run that did not end well. */
#include "resuming.h"

int cmd_resume(struct cli *c)
{
	if (c->words.n > 1) {
		cli_error("resume: one run at a time");
		cli_hint("usage: orchmake resume [RUN]");
		return EXIT_USAGE_ERROR;
	}
	return resuming_go(c, &(struct resuming){.run = c->words.n ? c->words.at[0] : NULL});
}
