/*
 * A heap of numbers, best first.  What is better, and where each number's place is
 * kept so that it can be taken out from the middle, the owner says.
 */
#ifndef RUN_HEAP_H
#define RUN_HEAP_H

#include <stdbool.h>
#include <stdint.h>

enum { HEAP_WAYS = 4, HEAP_NOWHERE = UINT32_MAX };

struct heap {
	uint32_t *at; /* the kids of place i are HEAP_WAYS * i + 1 and on */
	uint32_t n, room;
};

struct heap_rule {
	bool (*before)(const void *owner, uint32_t a, uint32_t b); /* a strict total order */
	void (*moved)(void *owner, uint32_t item, uint32_t place); /* HEAP_NOWHERE: taken out */
};

void heap_push(struct heap *h, const struct heap_rule *r, void *owner, uint32_t item);
void heap_remove(struct heap *h, const struct heap_rule *r, void *owner, uint32_t place);
/* The item at place has become better or worse. */
void heap_fix(struct heap *h, const struct heap_rule *r, void *owner, uint32_t place);
void heap_release(struct heap *h);

#endif
