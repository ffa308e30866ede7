/* Questions of a run to people: which wait for an answer, who can give it, and what to type. */
#ifndef SRC_GATES_H
#define SRC_GATES_H

#include "cmd.h"

/*
 * Lines about the gates of run, appended; step: of this one or of what a glob names, NULL: of all.  Nothing of a run
 * that another one has gone on with.  False: the ledger cannot be read.
 */
bool gates_text(struct ledger *l, int64_t run, const char *step, struct buf *out);

#endif
