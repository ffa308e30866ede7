/*
 * String keys to pointers; remembers the order of insertion.  Keys are copied,
 * values are borrowed.  A NULL value is allowed.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_entry {
	const char *key;
	void *value;
	uint32_t hash;
};

struct map {
	struct map_entry *entry; /* in order of insertion; read it with map_each or by index */
	size_t n, room;
	uint32_t *slot; /* index + 1 into entry, 0 = free */
	size_t n_slots; /* a power of two */
};

#define MAP_INIT {0}

void map_release(struct map *m); /* keys and table; values are the caller's */

/* The value, or NULL. */
void *map_get(const struct map *m, const char *key);
void *map_get_n(const struct map *m, const char *key, size_t len);
bool map_has(const struct map *m, const char *key);
/* Whether it has the key of an entry of another map. */
bool map_has_same(const struct map *m, const struct map_entry *e);

/* Put value under key; returns the old value (and keeps the place in the order), or NULL. */
void *map_put(struct map *m, const char *key, void *value);

/* The stored copy of the key, adding it with a NULL value if it is new. */
const char *map_intern(struct map *m, const char *key);

/* By which a key is found; for tables of other things. */
uint32_t map_hash(const char *key, size_t len);

#endif
