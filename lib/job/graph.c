#include "job/graph_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"

/* --- adding ------------------------------------------------------------------------------------- */

struct graph_builder *graph_builder_new(void)
{
	struct graph_builder *b = xcalloc(1, sizeof(*b));

	b->root = GROUP_NONE;
	VEC_PUSH(b->retry, b->n_retries, b->room_retries, (struct retry_pace){0});
	VEC_RESERVE(b->member, b->n_members, b->room_members, 1);
	return b;
}

void graph_builder_free(struct graph_builder *b)
{
	if (!b)
		return;
	free(b->unit);
	free(b->group);
	free(b->link);
	free(b->member);
	free(b->retry);
	free(b->pool);
	free(b);
}

#define COPY_IN(b, g, array, count, room)                                                          \
	do {                                                                                       \
		(b)->array = xreallocarray(NULL, (g)->count + 1, sizeof(*(b)->array));             \
		if ((g)->count)                                                                    \
			memcpy((b)->array, (g)->array, (g)->count * sizeof(*(b)->array));          \
		(b)->count = (g)->count;                                                           \
		(b)->room = (g)->count + 1;                                                        \
	} while (0)

struct graph_builder *graph_extend(struct graph *g)
{
	struct graph_builder *b = xcalloc(1, sizeof(*b));

	COPY_IN(b, g, unit, n_units, room_units);
	COPY_IN(b, g, group, n_groups, room_groups);
	COPY_IN(b, g, retry, n_retries, room_retries);
	COPY_IN(b, g, pool, n_pools, room_pools);
	VEC_RESERVE(b->link, b->n_links, b->room_links, (size_t)g->n_needs + 1);
	for (uint32_t u = 0; u < g->n_units; u++)
		for (uint32_t i = g->need_at[u]; i < g->need_at[u + 1]; i++)
			b->link[b->n_links++] = (struct graph_link){u, g->need[i]};
	VEC_RESERVE(b->member, b->n_members, b->room_members, (size_t)g->n_members + 1);
	for (uint32_t j = 0; j < g->n_groups; j++)
		for (uint32_t i = g->member_at[j]; i < g->member_at[j + 1]; i++)
			b->member[b->n_members++] = (struct membership){j, g->member[i]};
	b->root = g->root;
	b->old = g;
	b->old_units = g->n_units;
	b->old_groups = g->n_groups;
	return b;
}

uint32_t graph_add_unit(struct graph_builder *b, const struct unit *u)
{
	BUG_UNLESS(b->n_units < UNIT_NONE);
	VEC_PUSH(b->unit, b->n_units, b->room_units, *u);
	return (uint32_t)b->n_units - 1;
}

struct unit *graph_unit(struct graph_builder *b, uint32_t unit)
{
	BUG_UNLESS(unit < b->n_units);
	return &b->unit[unit];
}

void graph_push_need(struct graph_builder *b, uint32_t unit, uint32_t on, enum cond cond, bool order_only)
{
	struct graph_link l = {unit, {.unit = on, .cond = (uint8_t)cond, .order_only = order_only}};

	BUG_UNLESS(b->n_links < UINT32_MAX);
	VEC_PUSH(b->link, b->n_links, b->room_links, l);
}

uint32_t graph_add_group(struct graph_builder *b, const struct group *g)
{
	struct unit gate = {.kind = UNIT_BEGIN, .pool = POOL_NONE, .stand_in = UNIT_NONE};
	struct group made = *g;

	gate.group = (uint32_t)b->n_groups;
	made.begin = graph_add_unit(b, &gate);
	gate.kind = UNIT_END;
	made.end = graph_add_unit(b, &gate);
	VEC_PUSH(b->group, b->n_groups, b->room_groups, made);
	graph_push_need(b, made.end, made.begin, COND_ANY, false);
	return gate.group;
}

struct group *graph_group(struct graph_builder *b, uint32_t group)
{
	BUG_UNLESS(group < b->n_groups);
	return &b->group[group];
}

void graph_add_member(struct graph_builder *b, uint32_t group, uint32_t unit)
{
	BUG_UNLESS(group < b->n_groups && unit < b->n_units);
	BUG_UNLESS(b->unit[unit].kind == UNIT_STEP || b->unit[unit].kind == UNIT_END);
	VEC_PUSH(b->member, b->n_members, b->room_members, ((struct membership){group, unit}));
	graph_push_need(b, b->group[group].end, unit, COND_ANY, false);
}

void graph_add_need(struct graph_builder *b, uint32_t unit, uint32_t on, enum cond cond, bool order_only)
{
	BUG_UNLESS(unit < b->n_units && on < b->n_units);
	BUG_UNLESS(unit >= b->old_units); /* what is there never changes */
	graph_push_need(b, unit, on, cond, order_only);
}

static bool same_pace(const struct retry_pace *a, const struct retry_pace *b)
{
	return a->max == b->max && a->delay_ms == b->delay_ms && a->max_delay_ms == b->max_delay_ms &&
	       a->backoff <= b->backoff && a->backoff >= b->backoff && a->jitter <= b->jitter &&
	       a->jitter >= b->jitter;
}

/* From the newest back: a Jobfile has few that differ, and neighbours mostly share theirs. */
uint16_t graph_add_retry(struct graph_builder *b, const struct retry_pace *r)
{
	if (!r->max)
		return 0;
	for (size_t i = b->n_retries; i-- > 1;)
		if (same_pace(&b->retry[i], r))
			return (uint16_t)i;
	BUG_UNLESS(b->n_retries <= UINT16_MAX);
	VEC_PUSH(b->retry, b->n_retries, b->room_retries, *r);
	return (uint16_t)(b->n_retries - 1);
}

uint16_t graph_add_pool(struct graph_builder *b, const char *name, uint32_t slots)
{
	BUG_UNLESS(b->n_pools < POOL_NONE);
	VEC_PUSH(b->pool, b->n_pools, b->room_pools, ((struct pool_decl){name, slots ? slots : 1}));
	return (uint16_t)(b->n_pools - 1);
}

void graph_set_root(struct graph_builder *b, uint32_t group)
{
	BUG_UNLESS(group < b->n_groups);
	b->root = group;
}

/* --- sealing ------------------------------------------------------------------------------------------ */

/* The needs by waiting unit, in the order in which they were added, each once. */
static void seal_needs(struct graph *g, const struct graph_builder *b)
{
	uint32_t *at = graph_runs_of(&b->link[0].user, sizeof(struct graph_link), b->n_links, b->n_units);
	struct need *need = xreallocarray(NULL, b->n_links + 1, sizeof(*need));
	uint32_t *last = xcalloc(b->n_units + 1, sizeof(*last)); /* latest need on each unit, + 1 */
	uint32_t n = 0;

	for (size_t i = 0; i < b->n_links; i++)
		need[at[b->link[i].user]++] = b->link[i].need;
	g->need_at = xcalloc(b->n_units + 1, sizeof(*g->need_at));
	for (uint32_t u = 0, i = 0; u < b->n_units; u++) {
		for (; i < at[u]; i++) {
			uint32_t had = last[need[i].unit];

			if (had > g->need_at[u] && need[had - 1].cond == need[i].cond &&
			    need[had - 1].order_only == need[i].order_only)
				continue;
			need[n++] = need[i];
			last[need[i].unit] = n;
		}
		g->need_at[u + 1] = n;
	}
	g->need = xreallocarray(need, n + 1, sizeof(*need));
	g->n_needs = n;
	free(at);
	free(last);
}

static void seal_users(struct graph *g)
{
	uint32_t *put;

	g->user_at = graph_runs_of(&g->need[0].unit, sizeof(struct need), g->n_needs, g->n_units);
	g->user = xreallocarray(NULL, g->n_needs + 1, sizeof(*g->user));
	g->user_need = xreallocarray(NULL, g->n_needs + 1, sizeof(*g->user_need));
	put = xreallocarray(NULL, g->n_units + 1, sizeof(*put));
	memcpy(put, g->user_at, (g->n_units + 1) * sizeof(*put));
	for (uint32_t u = 0; u < g->n_units; u++) {
		for (uint32_t i = g->need_at[u]; i < g->need_at[u + 1]; i++) {
			uint32_t to = put[g->need[i].unit]++;

			g->user[to] = u;
			g->user_need[to] = i;
		}
	}
	free(put);
}

/* Members by group in the order in which they were added, each once; and the reverse. */
static void seal_members(struct graph *g, const struct graph_builder *b)
{
	uint32_t *at = graph_runs_of(&b->member[0].group, sizeof(struct membership), b->n_members, b->n_groups);
	uint32_t *member = xreallocarray(NULL, b->n_members + 1, sizeof(*member));
	uint32_t *last = xcalloc(b->n_units + 1, sizeof(*last)); /* latest group that took it, + 1 */
	uint32_t n = 0;

	for (size_t i = 0; i < b->n_members; i++)
		member[at[b->member[i].group]++] = b->member[i].unit;
	g->member_at = xcalloc(b->n_groups + 1, sizeof(*g->member_at));
	for (uint32_t j = 0, i = 0; j < b->n_groups; j++) {
		for (; i < at[j]; i++) {
			if (last[member[i]] == j + 1)
				continue;
			last[member[i]] = j + 1;
			member[n++] = member[i];
		}
		g->member_at[j + 1] = n;
	}
	g->member = member;
	g->n_members = n;
	free(at);

	g->want_at = graph_runs_of(member, sizeof(*member), n, b->n_units);
	g->want = xreallocarray(NULL, (size_t)n + 1, sizeof(*g->want));
	memcpy(last, g->want_at, (b->n_units + 1) * sizeof(*last));
	for (uint32_t j = 0; j < b->n_groups; j++)
		for (uint32_t i = g->member_at[j]; i < g->member_at[j + 1]; i++)
			g->want[last[member[i]]++] = j;
	free(last);
}

/* --- the arrays of a graph ------------------------------------------------------------------------------ */

static void release_links(struct graph *g)
{
	free(g->need_at);
	free(g->user_at);
	free(g->need);
	free(g->user);
	free(g->user_need);
}

/* Everything but struct graph itself. */
static void release_arrays(struct graph *g)
{
	release_links(g);
	free(g->unit);
	free(g->group);
	free(g->member_at);
	free(g->member);
	free(g->want_at);
	free(g->want);
	free(g->retry);
	free(g->pool);
}

/* No more room than is used: a graph lives as long as the run. */
#define TAKE_OVER(g, b, array, count)                                                              \
	do {                                                                                       \
		(g)->array = xreallocarray((b)->array, (b)->count + 1, sizeof(*(g)->array));       \
		(g)->count = (uint32_t)(b)->count;                                                 \
		(b)->array = NULL;                                                                 \
	} while (0)

/* --- members of groups that follow each other ------------------------------------------------------- */

static bool wants(const struct graph *g, uint32_t group, uint32_t unit)
{
	for (uint32_t i = g->want_at[unit]; i < g->want_at[unit + 1]; i++)
		if (g->want[i] == group)
			return true;
	return false;
}

/* unit waits for the gate only as a member that other groups want too. */
static bool is_shared_hold(const struct graph_builder *b, const struct graph *g, uint32_t unit, uint32_t gate)
{
	uint32_t subject = graph_subject(g, unit);

	return unit >= b->old_units && (g->unit[gate].kind == UNIT_BEGIN || g->unit[gate].kind == UNIT_STAGE) &&
	       g->want_at[subject + 1] - g->want_at[subject] > 1 && wants(g, g->unit[gate].group, subject);
}

/* The circle goes by the end of another group that wants unit: by then it has run. */
static bool runs_before(const struct graph *g, const uint32_t *cycle, size_t n, uint32_t unit, uint32_t gate)
{
	for (size_t i = 0; i < n; i++) {
		const struct unit *u = &g->unit[cycle[i]];

		if (u->kind == UNIT_END && u->group != g->unit[gate].group &&
		    wants(g, u->group, graph_subject(g, unit)))
			return true;
	}
	return false;
}

static void drop_need(struct graph_builder *b, uint32_t user, uint32_t on)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_links; i++)
		if (b->link[i].user != user || b->link[i].need.unit != on || b->link[i].need.cond != COND_OPEN)
			b->link[n++] = b->link[i];
	b->n_links = n;
}

/*
 * A member of two groups of which the second comes after the first runs with the first,
 * and is not held back by the second: it has ended long before that opens.  A circle by two such members
 * is none: there one barrier would have to give way.
 */
static bool let_run_with_first(struct graph_builder *b, const struct graph *g, const uint32_t *cycle, size_t n)
{
	size_t shared = 0, at = 0;

	for (size_t i = 0; i < n; i++) {
		if (!is_shared_hold(b, g, cycle[i], cycle[(i + 1) % n]))
			continue;
		shared++;
		at = i;
	}
	if (shared != 1 || !runs_before(g, cycle, n, cycle[at], cycle[(at + 1) % n]))
		return false;
	drop_need(b, cycle[at], cycle[(at + 1) % n]);
	return true;
}

/* The arrays of links; false if they go in a circle. */
static bool seal_links(struct graph *made, struct graph_builder *b, uint32_t **ret_cycle, size_t *ret_n)
{
	seal_needs(made, b);
	seal_users(made);
	while (graph_need_cycle(made, ret_cycle, ret_n)) {
		if (!let_run_with_first(b, made, *ret_cycle, *ret_n))
			return false;
		free(*ret_cycle);
		release_links(made);
		seal_needs(made, b);
		seal_users(made);
	}
	return true;
}

struct graph *graph_seal(struct graph_builder *b, uint32_t **ret_cycle, size_t *ret_n)
{
	struct graph made = {0}, *g = b->old;

	BUG_UNLESS(b->root != GROUP_NONE);
	if (graph_stand_in_cycle(b, ret_cycle, ret_n)) {
		graph_rotate(*ret_cycle, *ret_n);
		return NULL;
	}
	graph_hold_back(b);
	made.root = b->root;
	made.unit = b->unit; /* lent until it is known that there is no cycle */
	made.n_units = (uint32_t)b->n_units;
	made.group = b->group;
	made.n_groups = (uint32_t)b->n_groups;
	seal_members(&made, b);
	if (!seal_links(&made, b, ret_cycle, ret_n)) {
		graph_rotate(*ret_cycle, *ret_n);
		made.unit = NULL;
		made.group = NULL;
		release_arrays(&made);
		return NULL;
	}
	TAKE_OVER(&made, b, unit, n_units);
	TAKE_OVER(&made, b, group, n_groups);
	TAKE_OVER(&made, b, retry, n_retries);
	TAKE_OVER(&made, b, pool, n_pools);
	if (g)
		release_arrays(g);
	else
		g = xcalloc(1, sizeof(*g));
	*g = made;
	graph_builder_free(b);
	return g;
}

void graph_free(struct graph *g)
{
	if (!g)
		return;
	release_arrays(g);
	free(g);
}
