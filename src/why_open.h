/* why, of a step that has not settled: whether it runs, and else what it waits for. */
#ifndef SRC_WHY_OPEN_H
#define SRC_WHY_OPEN_H

#include "ledger/ledger_read.h"

/* Append it in lines, without the last one's end. */
void why_open(struct ledger *l, const struct ledger_step_row *r, struct buf *out);

/* What the machine holds a run back with now, appended; false: nothing. */
bool why_held(struct ledger *l, const char *run_id, struct buf *out);

#endif
