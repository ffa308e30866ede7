/* What cursors and the compiled form of a document have to do with each other. */
#ifndef DOC_COMPILED_IMPL_H
#define DOC_COMPILED_IMPL_H

#include "doc/compiled.h"
#include "doc/cursor_impl.h"

/* Events that are being read. */
struct replay {
	const char *at, *end;
	uint64_t line; /* of the last one */
};

struct replay compiled_replay(const struct compiled *k);
/* False: it is over, or what comes is no event. */
bool replay_next(struct replay *r, const struct source *s, struct event *ret);

/* The next event of the text, to be kept. */
void compiled_put(struct compiled *k, const struct event *e);

#endif
