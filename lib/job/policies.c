/* What many steps say alike is kept once. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/file_state.h"
#include "job/read.h"

enum { GRACE_MS = 10000 };

static const struct policy built_in = {
	.grace_ms = GRACE_MS,
	.critical = true,
	.slots = 1,
	.limits = {-1, -1, -1, -1, NICE_UNSAID},
	.umask = UMASK_UNSAID,
	.pool.weight = 1,
	.ok_exit.bits[0] = 1,
};

const struct act_spec act_none;
static const struct act_spec act_noop = {.kind = ACT_NOOP};
static const struct flow no_flow;

void traits_init(struct traits *t)
{
	*t = (struct traits){.policy = &built_in, .act = &act_none, .flow = &no_flow};
}

static const void *home_of(const struct traits *t, enum key_home home)
{
	switch (home) {
	case HOME_TRAITS:
		return t;
	case HOME_POLICY:
		return t->policy;
	case HOME_FLOW:
		return t->flow;
	}
	BUG("no such part of traits");
}

static void *own_home(struct loader *l, struct traits *t, enum key_home home)
{
	switch (home) {
	case HOME_TRAITS:
		return t;
	case HOME_POLICY:
		return traits_policy(l, t);
	case HOME_FLOW:
		return traits_flow(l, t);
	}
	BUG("no such part of traits");
}

const void *traits_field(const struct traits *t, enum key key)
{
	const struct key_info *info = key_info(key);

	BUG_UNLESS(info->size);
	return (const char *)home_of(t, info->home) + info->offset;
}

void *traits_own_field(struct loader *l, struct traits *t, enum key key)
{
	const struct key_info *info = key_info(key);

	BUG_UNLESS(info->size);
	return (char *)own_home(l, t, info->home) + info->offset;
}

/* --- one's own, to write to --------------------------------------------------------------------- */

struct policy *traits_policy(struct loader *l, struct traits *t)
{
	struct policy_table *p = &l->policies;
	struct policy *own;

	if (t->policy->open)
		return (struct policy *)t->policy; /* we made it */
	own = p->n_spare ? p->spare[--p->n_spare] : ARENA_NEW(l->a, struct policy);
	memcpy(own, t->policy, sizeof(*own));
	own->open = true;
	t->policy = own;
	return own;
}

struct act_spec *traits_act(struct loader *l, struct traits *t)
{
	struct policy_table *p = &l->policies;
	struct act_spec *own;

	if (t->act->open)
		return (struct act_spec *)t->act;
	own = p->n_spare_acts ? p->spare_act[--p->n_spare_acts] : ARENA_NEW(l->a, struct act_spec);
	*own = *t->act;
	own->open = true;
	t->act = own;
	return own;
}

void traits_note(struct loader *l, struct traits *t, enum key k)
{
	if (!traits_has(t, k))
		key_set_add(&traits_policy(l, t)->set, k);
}

void traits_unnote(struct loader *l, struct traits *t, enum key k)
{
	if (traits_has(t, k))
		key_set_drop(&traits_policy(l, t)->set, k);
}

/* What goes nowhere is not worth a list of spares: only what has a flow has one of its own. */
struct flow *traits_flow(struct loader *l, struct traits *t)
{
	struct flow *own;

	if (t->flow->open)
		return (struct flow *)t->flow;
	own = ARENA_NEW(l->a, struct flow);
	*own = *t->flow;
	own->open = true;
	t->flow = own;
	return own;
}

/* --- one for all that say the same -------------------------------------------------------------- */

/* Bytes are compared, padding included: two that differ in nothing else are two, which harms nobody. */
static bool is_same(const struct policy *a, const struct policy *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static const struct policy **slot_of(const struct policy_table *p, const struct policy *what)
{
	size_t at = hash_of(what, sizeof(*what));

	for (;; at++) {
		const struct policy **slot = &p->slot[at & (p->n_slots - 1)];

		if (!*slot || is_same(*slot, what))
			return slot;
	}
}

static void grow(struct policy_table *p)
{
	enum { FIRST = 64 }; /* a power of two */
	struct policy_table old = *p;

	p->n_slots = old.n_slots ? 2 * old.n_slots : FIRST;
	p->slot = xcalloc(p->n_slots, sizeof(*p->slot));
	for (size_t i = 0; i < old.n_slots; i++)
		if (old.slot[i])
			*slot_of(p, old.slot[i]) = old.slot[i];
	free(old.slot);
}

static bool says_nothing_but_noop(const struct act_spec *a)
{
	return a->kind == ACT_NOOP && !a->run && !a->argv.n && !a->call && !a->with && !a->job && !a->params.n &&
	       !a->payload && !a->approve && !a->until && !a->idempotency;
}

static void seal_act(struct policy_table *p, struct traits *t)
{
	struct act_spec *own = (struct act_spec *)t->act;

	if (!own->open)
		return;
	own->open = false;
	if (!says_nothing_but_noop(own))
		return;
	t->act = &act_noop;
	VEC_PUSH(p->spare_act, p->n_spare_acts, p->room_spare_acts, own);
}

static void seal_policy(struct policy_table *p, struct traits *t)
{
	struct policy *own = (struct policy *)t->policy;
	const struct policy **slot;

	if (!own->open)
		return;
	own->open = false;
	if (2 * p->n >= p->n_slots)
		grow(p);
	slot = slot_of(p, own);
	if (!*slot) {
		*slot = own;
		p->n++;
		return;
	}
	t->policy = *slot;
	VEC_PUSH(p->spare, p->n_spare, p->room_spare, own);
}

void traits_seal(struct loader *l, struct traits *t)
{
	seal_act(&l->policies, t);
	seal_policy(&l->policies, t);
	if (t->flow->open)
		traits_flow(l, t)->open = false;
}

void policy_table_release(struct policy_table *p)
{
	free(p->slot);
	free(p->spare);
	free(p->spare_act);
}
