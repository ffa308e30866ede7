#include "doc/keyset.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"

enum {
	FEW = 12,	  /* keys that are compared one by one */
	FIRST_SLOTS = 64, /* a power of two, as every table is */
};

void keyset_init(struct keyset *k, uint64_t seed)
{
	*k = (struct keyset){.copies = BUF_INIT, .seed = seed};
}

void keyset_release(struct keyset *k)
{
	for (size_t i = 0; i < k->room_levels; i++)
		free(k->level[i].slot);
	free(k->level);
	free(k->entry);
	buf_release(&k->copies);
}

void keyset_open(struct keyset *k)
{
	struct key_level *l;

	if (k->depth == k->room_levels) {
		size_t room = k->room_levels ? k->room_levels * 2 : 8;

		k->level = xreallocarray(k->level, room, sizeof(*k->level));
		memset(k->level + k->room_levels, 0, (room - k->room_levels) * sizeof(*k->level));
		k->room_levels = room;
	}
	l = &k->level[k->depth++];
	l->base = k->n;
	l->copies_base = k->copies.len;
	l->n_slots = 0;
}

void keyset_close(struct keyset *k)
{
	struct key_level *l = &k->level[--k->depth];

	k->n = l->base;
	buf_cut(&k->copies, l->copies_base);
}

static uint32_t hash_of(uint64_t seed, struct span s)
{
	const uint64_t odd = 0x9e3779b97f4a7c15u;
	uint64_t h = seed ^ s.len * odd, w;

	for (; s.len >= sizeof(w); s.at += sizeof(w), s.len -= sizeof(w)) {
		memcpy(&w, s.at, sizeof(w));
		h = (h ^ w) * odd;
		h ^= h >> 29;
	}
	w = 0;
	memcpy(&w, s.at, s.len);
	h = (h ^ w) * odd;
	return (uint32_t)(h >> 32);
}

static const char *text_of(const struct keyset *k, const struct key_entry *e)
{
	return e->stable ? e->stable : k->copies.data + e->copy;
}

static bool same(const struct keyset *k, const struct key_entry *e, struct span text, uint32_t hash)
{
	return e->hash == hash && e->len == text.len && !memcmp(text_of(k, e), text.at, text.len);
}

/* The innermost map's entries; nothing may be added to NULL, not even nothing. */
static struct key_entry *own_entries(const struct keyset *k, const struct key_level *l)
{
	return k->entry ? k->entry + l->base : NULL;
}

/* Build the table, or one of twice the size, for the keys that there are. */
static void build(struct keyset *k, struct key_level *l)
{
	const struct key_entry *own = own_entries(k, l);
	size_t n = k->n - l->base;

	l->n_slots = l->n_slots ? l->n_slots * 2 : FIRST_SLOTS;
	if (l->n_slots > l->room_slots) {
		l->slot = xreallocarray(l->slot, l->n_slots, sizeof(*l->slot));
		l->room_slots = l->n_slots;
	}
	/* Only what is used is cleared: one large map must not make the small ones after it slow. */
	memset(l->slot, 0, l->n_slots * sizeof(*l->slot));
	for (size_t i = 0; i < n; i++) {
		size_t at = own[i].hash & (l->n_slots - 1);

		while (l->slot[at])
			at = (at + 1) & (l->n_slots - 1);
		l->slot[at] = (uint32_t)i + 1;
	}
}

/* The entry of that key; NULL and, if there is a table, its free slot. */
static const struct key_entry *find(const struct keyset *k, const struct key_level *l,
				    struct span text, uint32_t hash, uint32_t **ret_slot)
{
	const struct key_entry *own = own_entries(k, l);

	if (!l->n_slots) {
		for (size_t i = 0, n = k->n - l->base; i < n; i++) {
			if (same(k, &own[i], text, hash))
				return &own[i];
		}
		return NULL;
	}
	for (size_t at = hash & (l->n_slots - 1);; at = (at + 1) & (l->n_slots - 1)) {
		*ret_slot = &l->slot[at];
		if (!l->slot[at])
			return NULL;
		if (same(k, &own[l->slot[at] - 1], text, hash))
			return &own[l->slot[at] - 1];
	}
}

bool keyset_add(struct keyset *k, struct span text, bool stable, size_t place, size_t *ret_first)
{
	struct key_level *l = &k->level[k->depth - 1];
	struct key_entry new = {.hash = hash_of(k->seed, text),
				.len = (uint32_t)text.len,
				.place = (uint32_t)place};
	const struct key_entry *old;
	uint32_t *slot = NULL;
	size_t n = k->n - l->base;

	if (l->n_slots ? n * 2 >= l->n_slots : n >= FEW)
		build(k, l);
	old = find(k, l, text, new.hash, &slot);
	if (old) {
		*ret_first = old->place;
		return false;
	}
	if (slot)
		*slot = (uint32_t)n + 1;
	if (stable) {
		new.stable = text.at;
	} else {
		BUG_UNLESS(k->copies.len <= UINT32_MAX);
		new.copy = (uint32_t)k->copies.len;
		buf_add(&k->copies, text.at, text.len);
	}
	VEC_PUSH(k->entry, k->n, k->room, new);
	return true;
}
