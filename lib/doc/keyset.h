/*
 * The keys of every map that is open, to find the one that comes twice.  Maps
 * nest, so their keys lie on one stack; a map with many keys gets a hash table.
 * Costs memory by the keys of the open maps only.
 */
#ifndef DOC_KEYSET_H
#define DOC_KEYSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

struct key_entry {
	const char *stable; /* the key's text, if that outlives the set; else it is copied */
	uint32_t copy;	    /* then: its offset in copies */
	uint32_t hash, len;
	uint32_t place; /* where it stands in the document */
};

struct key_level {
	size_t base;	    /* of its entries */
	size_t copies_base; /* of their texts */
	uint32_t *slot;	    /* index + 1 into the map's entries, 0 = free */
	size_t n_slots;	    /* 0: few keys, looked through one by one */
	size_t room_slots;
};

struct keyset {
	struct key_level *level;
	size_t depth, room_levels;
	struct key_entry *entry;
	size_t n, room;
	struct buf copies;
	/*
	 * Mixed into the hashes, so that a document cannot be made to collide with itself.
	 * Changes nothing but the time it takes.
	 */
	uint64_t seed;
};

void keyset_init(struct keyset *k, uint64_t seed);
void keyset_release(struct keyset *k);

void keyset_open(struct keyset *k);  /* a map begins */
void keyset_close(struct keyset *k); /* the innermost map ends */

/*
 * Add a key to the innermost map.  stable: text outlives the set and need not be copied.  False if it is
 * there already; *ret_first is then the place of the first.
 */
bool keyset_add(struct keyset *k, struct span text, bool stable, size_t place, size_t *ret_first);

#endif
