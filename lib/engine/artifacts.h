/* Files that an attempt made, kept with the logs of its run. */
#ifndef ENGINE_ARTIFACTS_H
#define ENGINE_ARTIFACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct engine;

/*
 * Keep what the globs of unit's step match now: in a folder of the step's own below the run's logs, with a row for
 * each in the ledger; those of an earlier attempt are replaced.  A glob that matches nothing is none.  False and
 * why if something that is there could not be kept.
 */
bool artifacts_keep(struct engine *e, uint32_t unit, struct buf *err);

#endif
