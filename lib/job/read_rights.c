/* Rights to start: pools with their rates, locks, and what a step takes of them. */
#include "job/read.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/stamp.h"

static void read_scope(struct loader *l, const struct node *n, bool *ret_host)
{
	static const char *const scopes[] = {"run", "host"};
	size_t word;

	if (read_word(l, "scope", n, scopes, ARRAY_LEN(scopes), &word))
		*ret_host = word == 1;
}

/*
 * What the host shares has one name for all who ask, whatever namespace declares it; the others are their
 * namespace's own.  False after an error.
 */
static bool take_right(struct loader *l, enum name_kind kind, bool host, const char **name, struct mark m)
{
	if (host && l->file->ns)
		take_global_name(l, kind, *name, m);
	if (!host)
		*name = full_name(l, *name);
	return take_name(l, kind, *name, m);
}

/* --- pools ------------------------------------------------------------------------------------ */

/* COUNT/UNIT, with a unit of time or a duration: 100/min, 5/10s. */
static bool parse_rate(const char *text, struct rate_spec *ret)
{
	static const struct {
		const char *word;
		int64_t ms;
	} units[] = {{"s", 1000}, {"sec", 1000}, {"min", 60000}, {"m", 60000}, {"h", 3600000}, {"hour", 3600000},
		     {"d", 86400000}, {"day", 86400000}};
	enum { COUNT_MAX = 1000000 };
	char *end;
	long count = strtol(text, &end, 10);

	if (*text < '1' || *text > '9' || count > COUNT_MAX || *end++ != '/')
		return false;
	*ret = (struct rate_spec){.count = (uint32_t)count, .burst = 1, .text = text};
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (!strcmp(end, units[i].word))
			ret->per_ms = units[i].ms;
	return ret->per_ms || (duration_parse(end, &ret->per_ms) && ret->per_ms > 0);
}

static void use_pool_key(struct loader *l, void *ctx, enum key key, const struct node *name,
			 const struct node *n)
{
	struct pool_spec *p = ctx;
	int64_t number;

	switch (key) {
	case KEY_pool_slots:
		if (read_int(l, name->text, n, 1, UINT16_MAX - 1, &number))
			p->slots = (uint32_t)number;
		break;
	case KEY_pool_rate:
		if (n->kind != NODE_SCALAR || !parse_rate(arena_strdup(l->a, n->text), &p->rate))
			bad_value(l, "rate", "a number of starts in a time, such as 100/min or 5/10s", n);
		break;
	case KEY_pool_burst:
		if (read_int(l, "burst", n, 1, UINT16_MAX, &number))
			p->burst = (uint32_t)number;
		break;
	case KEY_pool_scope:
		read_scope(l, n, &p->host);
		break;
	default:
		BUG("key '%s' is not one of a pool", name->text);
	}
}

static void read_pool_map(struct loader *l, const struct node *n, struct pool_spec *p)
{
	if (!read_map(l, n, IN_POOL, arena_printf(l->scratch, "pool '%s'", p->name), use_pool_key, p))
		return;
	if (!node_get(n, "slots") && !node_get(n, "rate"))
		diag_error(l->d, n->mark, "pool '%s' has no 'slots'", p->name);
	else if (!node_get(n, "slots"))
		p->slots = UINT16_MAX - 1; /* the rate alone limits it */
	if (node_get(n, "burst") && !node_get(n, "rate"))
		diag_error(l->d, n->mark, "pool '%s' has a 'burst', but no 'rate' to exceed with it", p->name);
	if (p->burst)
		p->rate.burst = p->burst;
}

bool read_pool(struct loader *l, const struct node *n, struct pool_spec *p)
{
	size_t before = diags_errors(l->d);
	int64_t slots;

	if (n->kind == NODE_MAP)
		read_pool_map(l, n, p);
	else if (read_int(l, p->name, n, 1, UINT16_MAX - 1, &slots))
		p->slots = (uint32_t)slots;
	return diags_errors(l->d) == before;
}

/* Another document has declared just that pool of the host. */
static bool is_shared_pool(struct loader *l, const struct pool_spec *p)
{
	const struct pool_spec *known = p->host ? pool_find(l->jf, p->name) : NULL;

	if (!l->file->ns || !known || !known->host)
		return false;
	if (known->slots != p->slots || known->rate.count != p->rate.count || known->rate.per_ms != p->rate.per_ms ||
	    known->rate.burst != p->rate.burst) {
		diag_error(l->d, p->mark, "the pool '%s' of the host has other slots or another rate elsewhere", p->name);
		diag_note(l->d, known->mark, "here");
	}
	take_global_name(l, NAME_POOL, p->name, p->mark);
	return true;
}

void read_pools(struct loader *l, const struct node *n)
{
	if (n->kind != NODE_MAP) {
		bad_value(l, "pools", "a map of names and slots", n);
		return;
	}
	for (size_t i = 0; i < n->n; i++) {
		struct pool_spec p = {.mark = n->key[i]->mark, .slots = 1};

		p.name = arena_strdup(l->a, n->key[i]->text);
		if (!check_name(l, "a pool", n->key[i]))
			continue;
		(void)read_pool(l, n->item[i], &p); /* it exists, however wrong */
		if (!is_shared_pool(l, &p) && take_right(l, NAME_POOL, p.host, &p.name, p.mark))
			VEC_PUSH(l->jf->pool, l->jf->n_pools, l->room_pools, p);
	}
}

/* --- locks ------------------------------------------------------------------------------------ */

static void use_lock_key(struct loader *l, void *ctx, enum key key, const struct node *name,
			 const struct node *n)
{
	(void)name;
	BUG_UNLESS(key == KEY_lock_scope);
	read_scope(l, n, &((struct lock_spec *)ctx)->host);
}

/* Another document has declared that lock of the host. */
static bool is_shared_lock(struct loader *l, const struct lock_spec *k)
{
	const struct lock_spec *known = k->host && l->file->ns ? lock_find(l->jf, k->name) : NULL;

	if (!known || !known->host)
		return false;
	take_global_name(l, NAME_LOCK, k->name, k->mark);
	return true;
}

void read_locks(struct loader *l, const struct node *n)
{
	if (n->kind != NODE_MAP) {
		bad_value(l, "locks", "a map of names, such as {warehouse: {scope: host}}", n);
		return;
	}
	for (size_t i = 0; i < n->n; i++) {
		struct lock_spec k = {.mark = n->key[i]->mark};

		k.name = arena_strdup(l->a, n->key[i]->text);
		if (!check_name(l, "a lock", n->key[i]))
			continue;
		if (!is_null(n->item[i]))
			read_map(l, n->item[i], IN_LOCK, arena_printf(l->scratch, "lock '%s'", k.name), use_lock_key, &k);
		if (!is_shared_lock(l, &k) && take_right(l, NAME_LOCK, k.host, &k.name, k.mark))
			VEC_PUSH(l->jf->lock, l->jf->n_locks, l->room_locks, k);
	}
}

static void use_lock_use(struct loader *l, void *ctx, enum key key, const struct node *name,
			 const struct node *n)
{
	struct lock_use *u = ctx;

	(void)name;
	if (key == KEY_lock_use_wait)
		read_duration(l, "wait", n, &u->wait_ms);
	else if (read_text(l, "name", n, &u->name))
		u->mark = n->mark;
}

/* A name, or {name, wait}. */
static bool read_lock_use(struct loader *l, const struct node *n, struct lock_use *u)
{
	*u = (struct lock_use){.mark = n->mark, .wait_ms = -1};
	if (n->kind != NODE_MAP)
		return read_text(l, "locks", n, &u->name);
	if (!read_map(l, n, IN_LOCK_USE, "'locks'", use_lock_use, u))
		return false;
	if (!node_get(n, "name"))
		diag_error(l->d, n->mark, "'locks' has an entry without 'name'");
	return u->name != NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct lock_use *)a)->name, ((const struct lock_use *)b)->name);
}

void sort_lock_uses(struct loader *l, struct lock_use *use, size_t n)
{
	if (n)
		qsort(use, n, sizeof(*use), by_name);
	for (size_t i = 1; i < n; i++)
		if (!strcmp(use[i - 1].name, use[i].name))
			diag_error(l->d, use[i].mark, "lock '%s' stands twice in 'locks'", use[i].name);
}

void read_lock_uses(struct loader *l, struct traits *t, const struct node *n)
{
	struct lock_use *use;
	size_t count = 0;

	if (n->kind != NODE_LIST) {
		bad_value(l, "locks", "a list of names, or of {name, wait}", n);
		return;
	}
	use = arena_array(l->a, n->n, sizeof(*use));
	for (size_t i = 0; i < n->n; i++)
		count += read_lock_use(l, n->item[i], &use[count]);
	sort_lock_uses(l, use, count);
	traits_policy(l, t)->lock = use;
	traits_policy(l, t)->n_locks = count;
}
