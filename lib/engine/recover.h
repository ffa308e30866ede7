/*
 * What an earlier driver left when it died: its run is `running` in the ledger, its
 * journal says how far each attempt came.  Judged by the step's own rules from the stored
 * definition, never guessed.
 */
#ifndef ENGINE_RECOVER_H
#define ENGINE_RECOVER_H

#include <stdbool.h>

#include "base/buf.h"
#include "ledger/ledger.h"

/*
 * Repair every run whose driver is gone.  say (may be NULL) is told each, in a sentence.  False and err when
 * the ledger cannot be read or written; a run that cannot be judged (its definition does not load) is still ended.
 */
bool recover_runs(struct ledger *l, void (*say)(void *ctx, const char *text), void *ctx, struct buf *err);

/*
 * The same for one run whose steps may finish without their driver (on_driver_death): they are waited for, however
 * long that is.
 */
bool recover_adopted(struct ledger *l, int64_t run, void (*say)(void *ctx, const char *text), void *ctx, struct buf *err);

/* Remove the work folders below state_dir (`.orchmake`) that nobody holds and whose run has ended, or never began. */
void recover_litter(struct ledger *l, const char *state_dir);

#endif
