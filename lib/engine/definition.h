/*
 * The stored definition of a run: everything that is needed to go on with it, as
 * canonical JSON.  `jobfile` in it is a native document that loads back into a model.
 */
#ifndef ENGINE_DEFINITION_H
#define ENGINE_DEFINITION_H

#include "doc/diag.h"
#include "engine/engine_impl.h"

/* Of all that definition_text() goes by: what has the same origin has the same text. */
void definition_origin(struct engine *e, struct digest *ret);
/* The jobs that take part, params, payload, targets; appended. */
void definition_text(struct engine *e, struct buf *out);

/* The native document in it.  New reference. */
json_t *definition_jobfile(const struct engine *e);

/* The model of a stored definition; NULL after diagnostics. */
struct jobfile *definition_load(const char *text, size_t len, struct diags *d);

#endif
