/*
 * Where the right to run one more step comes from.  A plain counter for -jN here; GNU make's job server, both
 * sides, is another source behind the same functions:
 *
 * - Tokens have no identity for the caller.  A source that reads bytes gives back the very bytes it read, and
 *   keeps the slot that needs no byte (make's implicit one) to the last: so it passes on to whoever still runs.
 * - take() never blocks.  After a 0, wait for watch_fd() to be readable, and expect 0 again: somebody else may
 *   have been quicker.
 * - Take only when a step is ready, give back at once when none is; whatever way out is taken, give_all() first.
 */
#ifndef SYS_TOKENS_H
#define SYS_TOKENS_H

#include <stdint.h>

struct tokens;

struct tokens_ops {
	int (*take)(struct tokens *t);		 /* 1, 0 none now, -1 and errno: the source broke */
	int (*give)(struct tokens *t);		 /* 0, or -1 and errno; the token counts as given */
	int (*watch_fd)(const struct tokens *t); /* -1: only a give() of our own can help */
	void (*free)(struct tokens *t);		 /* gives back what is held */
};

struct tokens {
	const struct tokens_ops *ops;
	uint32_t held; /* taken and not given back; kept by the source */
};

static inline int tokens_take(struct tokens *t)
{
	return t->ops->take(t);
}

static inline int tokens_give(struct tokens *t)
{
	return t->ops->give(t);
}

static inline int tokens_watch_fd(const struct tokens *t)
{
	return t->ops->watch_fd(t);
}

/* Every token back; the first error is returned, the others are tried nevertheless. */
int tokens_give_all(struct tokens *t);

void tokens_free(struct tokens *t); /* NULL is fine */

/* n tokens of our own; n is at least 1. */
struct tokens *tokens_local(uint32_t n);

#endif
