/* retry: steps of a run once more, and nothing else of it. */
#include "resuming.h"

int cmd_retry(struct cli *c)
{
	size_t n = c->words.n;

	return resuming_go(c, &(struct resuming){
		.run = n ? c->words.at[0] : NULL, .retry = true,
		.steps = {n ? c->words.at + 1 : NULL, n ? n - 1 : 0}});
}
