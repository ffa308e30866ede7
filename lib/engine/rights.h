/*
 * What an attempt must have besides slots and pools of the run before it starts: its locks in name order, slots of
 * a pool that the machine shares, and its turn by a pool's rate.
 *
 * Each of these is a gate with a queue.  A unit passes its gates one after the other and keeps what it has while it
 * waits at the next; all go through them in one order, so nobody waits in a circle.  Whoever came first passes first.
 * What is shared by the machine is held by locks of the kernel on files of the user's, with descriptors that the
 * warden holds as well: they are given up when the last of both is gone, and so after the last step.
 */
#ifndef ENGINE_RIGHTS_H
#define ENGINE_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct engine;

/* Open what the machine shares; false and why. */
bool rights_open(struct engine *e, struct buf *err);
/* Descriptors for the warden; borrowed. */
const int *rights_fds(const struct engine *e, size_t *ret_n);

/*
 * Before an attempt of unit starts.  True: it has all it needs.  False: the schedule has been told that it is not
 * now, and will be told when.
 */
bool rights_take(struct engine *e, uint32_t unit);
/* The attempt has ended, or unit will not start any more. */
void rights_release(struct engine *e, uint32_t unit);

/* It has waited long enough for a lock: it has failed.  Nothing if it does not wait for one. */
void rights_give_up(struct engine *e, uint32_t unit);

/* What the machine shares, and rates, are asked again. */
void rights_turn(struct engine *e);
/* Milliseconds until then; -1: nobody waits for those. */
int64_t rights_due_ms(const struct engine *e);
void rights_close(struct engine *e);

#endif
