/* What plan and apply have in common: what the command line said of what to run, as a part of the document. */
#ifndef SRC_PLANNING_H
#define SRC_PLANNING_H

#include "cmd.h"

/* New reference. */
json_t *planning_given(const struct cli *c);
/* The same back, as if it had been said; given has to outlive c's use of it. */
void planning_take(struct cli *c, const json_t *given);
/*
 * The ledger of a run, to be looked at; NULL and true: there is none, or none is wanted.  False after a message.
 */
bool planning_ledger(struct cli *c, const struct jobfile *jf, const struct run_options *o, struct ledger **ret);

#endif
