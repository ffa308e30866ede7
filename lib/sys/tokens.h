/*
 * Where the right to run one more step comes from, if it is shared: GNU make's job server, both sides.  (The slots of
 * -jN alone are counted by the schedule.)  A pool is a FIFO with a byte for each token but one: whoever starts a
 * client gives it that one, the implicit token, which costs no byte.  Here it is the first that is taken and the last
 * that is given, so it passes on to whoever still runs.
 *
 * - Tokens have no identity for the caller, but the very bytes that were read are given back.
 * - tokens_take() never blocks.  After a 0, wait for tokens_watch_fd() to be readable, and expect 0 again: somebody
 *   else may have been quicker.
 * - Take only when a step is ready, give back at once when none is; whatever way out is taken, tokens_give_all() first.
 */
#ifndef SYS_TOKENS_H
#define SYS_TOKENS_H

#include <stdint.h>

struct tokens;

/* 1, 0 none now, -1 and errno: the pool broke. */
int tokens_take(struct tokens *t);
/* 0, or -1 and errno; the token counts as given. */
int tokens_give(struct tokens *t);
/* Taken and not given back. */
uint32_t tokens_held(const struct tokens *t);
int tokens_watch_fd(const struct tokens *t);

/* Every token back; the first error is returned, the others are tried nevertheless. */
int tokens_give_all(struct tokens *t);

/* Gives back what is held; NULL is fine. */
void tokens_free(struct tokens *t);

/*
 * A pool of our own is to have n tokens, at least 1, from now on.  What is too many and in hand here or elsewhere is
 * taken out when it is given back: until then it is owed.  0, or -1 and errno (EPERM: the pool is somebody else's).
 */
int tokens_resize(struct tokens *t, uint32_t n);

/*
 * The pool of a job server above us, never more than `most` tokens of it at once.  The descriptors are private
 * ones: the flags of the inherited ones belong to everybody.  NULL and errno (EINVAL: no FIFO).
 */
struct tokens *tokens_from_pair(int read_fd, int write_fd, uint32_t most);
struct tokens *tokens_from_fifo(const char *path, uint32_t most);

/* The pool of n tokens for us and our children: a FIFO made at path (0600), which is there while this is.
 * n is cut to what a FIFO holds.  NULL and errno. */
struct tokens *tokens_serve(const char *path, uint32_t n);

/* Ends of the pool for children, close-on-exec here; borrowed.  -1, -1 where the pool is known by its path. */
void tokens_pair(const struct tokens *t, int *ret_read, int *ret_write);

/* Where a client has to write so many bytes, of any value, if it cannot call tokens_free any more. */
uint32_t tokens_debt(const struct tokens *t, int *ret_fd);

/* What makeflags_write needs, of a pool served here or above. */
uint32_t tokens_size(const struct tokens *t);

/* Takes out of the pool what has come back of what is owed; so many still are, and watch_fd() says when to ask again. */
uint32_t tokens_owed(struct tokens *t);

/*
 * When no child has the pool in hand: put back what killed children kept, take out what they gave too much.
 * How many were missing (negative: too many), 0 for a pool that is not ours; -1 << 30 and errno on failure.
 */
enum { TOKENS_BROKEN = -(1 << 30) };
int tokens_mend(struct tokens *t);

#endif
