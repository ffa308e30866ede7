/* What a step takes while it runs, and what becomes of it without its driver. */
#include "job/read.h"

#include <string.h>

#include "base/bug.h"

enum { WEIGHT_MAX = UINT16_MAX - 1 };

static void use_pool(struct loader *l, void *ctx, enum key key, const struct node *name,
		     const struct node *n)
{
	struct pool_use *p = ctx;
	int64_t weight;

	(void)name;
	if (key == KEY_pool_use_name) {
		if (read_text(l, "name", n, &p->name))
			p->mark = n->mark;
	} else if (read_int(l, "weight", n, 1, WEIGHT_MAX, &weight)) {
		p->weight = (uint16_t)weight;
	}
}

void read_pool_use(struct loader *l, struct traits *t, const struct node *n)
{
	traits_policy(l, t)->pool = (struct pool_use){.weight = 1};
	if (is_null(n))
		return; /* none, whatever template or defaults say */
	if (n->kind != NODE_MAP) {
		if (read_text(l, "pool", n, &traits_policy(l, t)->pool.name))
			traits_policy(l, t)->pool.mark = n->mark;
		return;
	}
	read_map(l, n, IN_POOL_USE, "'pool'", use_pool, &traits_policy(l, t)->pool);
	if (!node_get(n, "name"))
		diag_error(l->d, n->mark, "'pool' has no 'name'");
}

void read_slots(struct loader *l, struct traits *t, const struct node *n)
{
	int64_t weight;

	if (n->kind == NODE_SCALAR && !strcmp(n->text, "all"))
		traits_policy(l, t)->slots = SLOTS_ALL;
	else if (read_int(l, "slots", n, 1, WEIGHT_MAX, &weight))
		traits_policy(l, t)->slots = (uint16_t)weight;
}

void read_offer(struct loader *l, struct traits *t, const struct node *n)
{
	size_t word;

	if (read_word(l, "jobserver", n, offer_words, OFFER_COUNT, &word))
		traits_policy(l, t)->jobserver = (enum slot_offer)word;
}

void read_on_lost(struct loader *l, struct traits *t, const struct node *n)
{
	size_t word;

	if (read_word(l, "on_lost", n, on_lost_words, ARRAY_LEN(on_lost_words), &word))
		traits_policy(l, t)->on_lost = (enum on_lost)word;
}

void read_on_death(struct loader *l, struct traits *t, const struct node *n)
{
	static const char *const words[] = {"kill", "finish"};
	size_t word;

	if (read_word(l, "on_driver_death", n, words, ARRAY_LEN(words), &word))
		traits_policy(l, t)->finish = word;
}
