#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"

uint32_t map_hash(const char *s, size_t len)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)s[i]) * 16777619u;
	return h;
}

void map_release(struct map *m)
{
	for (size_t i = 0; i < m->n; i++)
		free((char *)m->entry[i].key);
	free(m->entry);
	free(m->slot);
	*m = (struct map)MAP_INIT;
}

static uint32_t *slot_for(const struct map *m, const char *key, size_t len, uint32_t hash)
{
	for (size_t i = hash & (m->n_slots - 1);; i = (i + 1) & (m->n_slots - 1)) {
		const struct map_entry *e;

		if (!m->slot[i])
			return &m->slot[i];
		e = &m->entry[m->slot[i] - 1];
		if (e->hash == hash && !strncmp(e->key, key, len) && !e->key[len])
			return &m->slot[i];
	}
}

static void grow(struct map *m)
{
	free(m->slot);
	m->n_slots = m->n_slots ? m->n_slots * 2 : 16;
	m->slot = xcalloc(m->n_slots, sizeof(*m->slot));
	for (size_t i = 0; i < m->n; i++) {
		const struct map_entry *e = &m->entry[i];

		*slot_for(m, e->key, strlen(e->key), e->hash) = (uint32_t)i + 1;
	}
}

static struct map_entry *find_hashed(const struct map *m, const char *key, size_t len, uint32_t hash)
{
	uint32_t slot;

	if (!m->n)
		return NULL;
	slot = *slot_for(m, key, len, hash);
	return slot ? &m->entry[slot - 1] : NULL;
}

static struct map_entry *find(const struct map *m, const char *key, size_t len)
{
	return m->n ? find_hashed(m, key, len, map_hash(key, len)) : NULL;
}

void *map_get_n(const struct map *m, const char *key, size_t len)
{
	const struct map_entry *e = find(m, key, len);

	return e ? e->value : NULL;
}

void *map_get(const struct map *m, const char *key)
{
	return map_get_n(m, key, strlen(key));
}

bool map_has(const struct map *m, const char *key)
{
	return find(m, key, strlen(key)) != NULL;
}

bool map_has_same(const struct map *m, const struct map_entry *e)
{
	return m->n && find_hashed(m, e->key, strlen(e->key), e->hash);
}

static struct map_entry *find_or_add(struct map *m, const char *key)
{
	size_t len = strlen(key);
	uint32_t hash = map_hash(key, len);
	struct map_entry *e = find_hashed(m, key, len, hash);
	struct map_entry fresh;

	if (e)
		return e;
	if ((m->n + 1) * 4 > m->n_slots * 3)
		grow(m);
	fresh = (struct map_entry){.key = xstrdup(key), .hash = hash};
	*slot_for(m, key, len, fresh.hash) = (uint32_t)m->n + 1;
	VEC_PUSH(m->entry, m->n, m->room, fresh);
	return &m->entry[m->n - 1];
}

void *map_put(struct map *m, const char *key, void *value)
{
	struct map_entry *e = find_or_add(m, key);
	void *old = e->value;

	e->value = value;
	return old;
}

const char *map_intern(struct map *m, const char *key)
{
	return find_or_add(m, key)->key;
}
