/* The words that may stand somewhere on the command line: for the shells' completion and for our own. */
#ifndef SRC_WORDS_H
#define SRC_WORDS_H

#include "cmd.h"

/* jobs, runs, steps, queries, stores, params, one a line; quietly nothing where there are none.  False: no such kind. */
bool words_of(struct cli *c, const char *kind, struct buf *out);

/*
 * What the arguments of a verb may be, by its line in verbs.def: words in capitals are kinds, the others stand for
 * themselves.  Each is given once, with a kind of words_of() or NULL.
 */
void words_of_args(const char *args, void (*one)(void *ctx, const char *word, const char *kind), void *ctx);

#endif
