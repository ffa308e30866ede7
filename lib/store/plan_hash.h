/*
 * What plans say, as one hash, without what the clock and the generator of ids
 * put into them: the same intent has the same hash whenever it is compiled, and
 * in one plan or in several.
 *
 * Left out: the ids of plans and operations, meta, occurred_at and correlation_id.
 * A generated id (PREFIX_ULID of an aggregate that the plans themselves create,
 * without asserting that it is new) counts as the how many-th it is.  Everything
 * else counts, also the order.
 */
#ifndef STORE_PLAN_HASH_H
#define STORE_PLAN_HASH_H

#include <jansson.h>

#include "base/digest.h"

/* plans: a plan or a list of plans; what is no plan counts as nothing. */
void plan_hash(struct digest *d, const json_t *plans);

#endif
