/* What waited for what in a run that is in the ledger, and what it waited for in the end. */
#ifndef SRC_REPORT_GRAPH_H
#define SRC_REPORT_GRAPH_H

#include <jansson.h>
#include <stddef.h>

#include "base/span.h"

/*
 * From the run's definition: units, edges and an order of them into doc, as the page draws them, if they are not
 * too many; and `critical_path` into those steps, by unit, that the run's end waited for.  Nothing if the
 * definition does not make the run's units any more.
 */
void report_graph(json_t *doc, struct span definition, json_t *const *by_unit, size_t n);

#endif
