#include "run/heap.h"

#include <stdlib.h>

#include "base/vec.h"

static void put(struct heap *h, const struct heap_rule *r, void *owner, uint32_t place, uint32_t item)
{
	h->at[place] = item;
	r->moved(owner, item, place);
}

static uint32_t best_kid(const struct heap *h, const struct heap_rule *r, const void *owner, uint32_t place)
{
	uint64_t first = (uint64_t)place * HEAP_WAYS + 1;
	uint32_t best = HEAP_NOWHERE;

	for (uint64_t k = first; k < first + HEAP_WAYS && k < h->n; k++)
		if (best == HEAP_NOWHERE || r->before(owner, h->at[k], h->at[best]))
			best = (uint32_t)k;
	return best;
}

void heap_fix(struct heap *h, const struct heap_rule *r, void *owner, uint32_t place)
{
	uint32_t item = h->at[place], kid;

	while (place && r->before(owner, item, h->at[(place - 1) / HEAP_WAYS])) {
		put(h, r, owner, place, h->at[(place - 1) / HEAP_WAYS]);
		place = (place - 1) / HEAP_WAYS;
	}
	while ((kid = best_kid(h, r, owner, place)) != HEAP_NOWHERE && r->before(owner, h->at[kid], item)) {
		put(h, r, owner, place, h->at[kid]);
		place = kid;
	}
	put(h, r, owner, place, item);
}

void heap_push(struct heap *h, const struct heap_rule *r, void *owner, uint32_t item)
{
	VEC_PUSH(h->at, h->n, h->room, item);
	heap_fix(h, r, owner, h->n - 1);
}

void heap_remove(struct heap *h, const struct heap_rule *r, void *owner, uint32_t place)
{
	uint32_t item = h->at[place], last = h->at[--h->n];

	r->moved(owner, item, HEAP_NOWHERE);
	if (place == h->n)
		return;
	h->at[place] = last;
	heap_fix(h, r, owner, place);
}

void heap_release(struct heap *h)
{
	free(h->at);
}
