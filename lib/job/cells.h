/* The instances of a matrix or a foreach, numbered; values are made when asked for. */
#ifndef JOB_CELLS_H
#define JOB_CELLS_H

#include "base/arena.h"
#include "job/expand.h"

enum { CELLS_MAX = 4 * 1000 * 1000 };

/* NULL after a diagnostic.  Lives in a. */
struct cells *cells_of_matrix(struct arena *a, const struct matrix *m, struct mark at, struct diags *d);
/* Takes over a reference to list. */
struct cells *cells_of_list(struct arena *a, const char *name, json_t *list);

/* The cell whose label is text, or CELL_NONE.  The first call costs a look at all of them. */
uint32_t cells_find(const struct cells *c, const char *text);

/* The first cell that has the label of one before it, or CELL_NONE: an instance is known by its label. */
uint32_t cells_repeated(const struct cells *c);

#endif
