/* What the end of a run waited for: of all that ran, the steps that a shorter run would have to do without. */
#ifndef SRC_CRITICAL_PATH_H
#define SRC_CRITICAL_PATH_H

#include <jansson.h>

#include "ledger/ledger_read.h"

/*
 * [{step, start_ms, took_ms}, ...] in the order they ran; empty if the definition of the run does not make its steps any
 * more.  New reference; NULL if the ledger cannot be read.
 */
json_t *critical_path(struct ledger *l, int64_t run);

#endif
