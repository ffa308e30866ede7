/* What cursors and the compiled form of a document have to do with each other. */
#ifndef DOC_COMPILED_IMPL_H
#define DOC_COMPILED_IMPL_H

#include "doc/compiled.h"
#include "doc/cursor_impl.h"

/* The next event of the text, to be kept. */
void compiled_put(struct compiled *k, const struct event *e);

#endif
