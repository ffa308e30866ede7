/* Watching a run that another process drives. */
#ifndef SRC_FOLLOW_H
#define SRC_FOLLOW_H

#include "cmd.h"

enum follow { FOLLOW_GOES_ON, FOLLOW_ENDED, FOLLOW_DEAD };

/* Where the run stands: its driver may have gone without ending it. */
enum follow follow_look(struct ledger *l, int64_t run);
/* Until somebody has committed since ledger_data_version() was `seen`, or a while has passed. */
void follow_wait(struct ledger *l, int64_t seen);
/* Say of a dead run what it is; the exit code. */
int follow_dead(void);

#endif
