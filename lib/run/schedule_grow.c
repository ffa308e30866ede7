/*
 * The notes beside the graph: made for a new schedule, continued when the graph is
 * extended.  Everything that is counted down later is counted here, in one pass.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "run/schedule_impl.h"

void schedule_recount(const struct schedule *s, uint32_t unit, struct wait *ret)
{
	const struct graph *g = s->g;
	struct wait w = {.cause = UNIT_NONE};
	uint32_t countable = 0, rule = g->unit[unit].rule, who = graph_subject(g, unit);

	for (uint32_t i = g->need_at[unit]; i < g->need_at[unit + 1]; i++)
		countable += counts_for_rule(&g->need[i]);
	w.want = rule && rule < countable ? rule : countable;
	w.slack = countable - w.want;
	for (uint32_t i = g->need_at[unit]; i < g->need_at[unit + 1]; i++) {
		if (schedule_need_ended(s, unit, &g->need[i]))
			schedule_weigh(s, unit, &g->need[i], &w);
		else if (schedule_need_awaited(s, unit, &g->need[i]))
			w.firm++;
	}
	if (graph_is_always(g, unit) && g->unit[unit].kind != UNIT_END)
		for (uint32_t i = g->want_at[who]; i < g->want_at[who + 1]; i++)
			w.firm += s->crowd[g->want[i]].others > 0;
	*ret = w;
}

/* --- ranks ---------------------------------------------------------------------------------------- */

/* unit's rank is at least that of user, and its own cost. */
static void lift(struct schedule *s, uint32_t unit, uint32_t user, const float *cost, uint32_t first)
{
	float rank = s->note[user].rank + cost[unit - first];

	if (rank > s->note[unit].rank)
		s->note[unit].rank = rank;
}

/*
 * Length of the longest path to the end, for the units from `first` on: users before what
 * they need.  Older units keep theirs; it is advice, and to change it would move
 * what is queued by it.
 */
static void rank_by_path(struct schedule *s, uint32_t first)
{
	const struct graph *g = s->g;
	uint32_t n = s->n_units - first, head = 0, tail = 0;
	uint32_t *left = xcalloc(n, sizeof(*left)); /* users that have no rank yet */
	uint32_t *ripe = xreallocarray(NULL, n, sizeof(*ripe));
	float *cost = schedule_costs(s, first);

	for (uint32_t u = first; u < s->n_units; u++) {
		s->note[u].rank = cost[u - first];
		for (uint32_t i = g->user_at[u]; i < g->user_at[u + 1]; i++) {
			if (g->user[i] >= first)
				left[u - first]++;
			else
				lift(s, u, g->user[i], cost, first);
		}
		if (!left[u - first])
			ripe[tail++] = u;
	}
	while (head < tail) {
		uint32_t u = ripe[head++];

		for (uint32_t i = g->need_at[u]; i < g->need_at[u + 1]; i++) {
			uint32_t on = g->need[i].unit;

			if (on < first)
				continue;
			lift(s, on, u, cost, first);
			if (ahead_is_loud(s, u, &g->need[i]))
				s->note[on].flags |= NOTE_LOUD;
			if (!--left[on - first])
				ripe[tail++] = on;
		}
	}
	free(left);
	free(ripe);
	free(cost);
}

/* By number, not by turn: what an extension adds does not change the others. */
static void rank_by_chance(struct schedule *s, uint32_t first)
{
	for (uint32_t u = first; u < s->n_units; u++) {
		uint64_t seed = s->seed + u * UINT64_C(0xd1342543de82ef95);

		s->note[u].rank = (float)(schedule_draw(&seed) >> 40);
	}
}

static void rank_from(struct schedule *s, uint32_t first)
{
	if (s->shuffle)
		rank_by_chance(s, first);
	else
		rank_by_path(s, first);
}

void schedule_rank(struct schedule *s)
{
	BUG_UNLESS(!s->begun); /* what is queued would be out of order */
	rank_from(s, 0);
}

/* --- growing -------------------------------------------------------------------------------------- */

static void grow_lanes(struct schedule *s)
{
	uint32_t n = s->g->n_pools + 1;

	s->lane = xreallocarray(s->lane, n, sizeof(*s->lane));
	for (uint32_t i = s->n_lanes; i < n; i++)
		s->lane[i] = (struct lane){
			.capacity = i ? s->g->pool[i - 1].slots : UINT32_MAX,
			.place = HEAP_NOWHERE,
		};
	s->n_lanes = n;
}

static void grow_notes(struct schedule *s)
{
	uint32_t first = s->n_units, n = s->g->n_units;

	s->note = xreallocarray(s->note, n, sizeof(*s->note));
	s->pause = xreallocarray(s->pause, n, sizeof(*s->pause));
	memset(s->note + first, 0, (n - first) * sizeof(*s->note));
	for (uint32_t u = first; u < n; u++) {
		s->note[u].cause = UNIT_NONE;
		s->by_state[STATE_PENDING] += s->g->unit[u].kind == UNIT_STEP;
	}
	s->n_units = n;
	rank_from(s, first);
}

/* Members that are new; true if there are any. */
static bool adopt_new(struct schedule *s, uint32_t group)
{
	const struct graph *g = s->g;
	uint32_t from = g->member_at[group] + s->crowd[group].adopted;

	for (uint32_t i = from; i < g->member_at[group + 1]; i++)
		schedule_adopt(s, group, g->member[i]);
	return from < g->member_at[group + 1];
}

/* What is there and waits for a group's members, now that it has new ones. */
static void recount_group(struct schedule *s, uint32_t group)
{
	const struct graph *g = s->g;
	uint32_t end = g->group[group].end;

	BUG_UNLESS(s->note[end].phase == PHASE_NEEDS); /* one that has settled takes no more */
	schedule_recount(s, end, &s->note[end].wait);
	for (uint32_t i = g->member_at[group]; i < g->member_at[group + 1]; i++) {
		uint32_t unit = graph_opening(g, g->member[i]);

		if (graph_is_always(g, unit) && s->note[unit].phase == PHASE_NEEDS)
			schedule_recount(s, unit, &s->note[unit].wait);
	}
}

static void grow(struct schedule *s, const struct graph *g)
{
	uint32_t first = s->n_units, old_groups = s->n_groups, group;
	struct queue changed = {0};

	s->g = g;
	grow_lanes(s);
	grow_notes(s);
	s->crowd = xreallocarray(s->crowd, g->n_groups, sizeof(*s->crowd));
	memset(s->crowd + old_groups, 0, (g->n_groups - old_groups) * sizeof(*s->crowd));
	s->n_groups = g->n_groups;
	for (uint32_t j = 0; j < g->n_groups; j++)
		if (adopt_new(s, j) && old_groups)
			queue_push(&changed, j);
	while (queue_pop(&changed, &group))
		recount_group(s, group);
	free(changed.at);
	for (uint32_t u = first; u < s->n_units; u++)
		schedule_recount(s, u, &s->note[u].wait);
}

struct schedule *schedule_new(const struct graph *g, const struct schedule_options *o)
{
	struct schedule *s = xcalloc(1, sizeof(*s));

	s->slots = s->allowed = o->slots ? o->slots : 1;
	s->shuffle = o->shuffle;
	s->ignore_failures = o->ignore_failures;
	s->ahead = o->ahead;
	s->seed = s->random = o->seed;
	grow(s, g);
	return s;
}

void schedule_extend(struct schedule *s, const struct graph *g)
{
	uint32_t first = s->n_units;
	bool begun = s->begun;

	s->ahead = false; /* ranks of what is there do not know of what has come */
	s->begun = false; /* nothing is decided before everything is counted */
	grow(s, g);
	s->begun = begun;
	for (uint32_t u = first; u < s->n_units; u++)
		schedule_drop_if_unwanted(s, u);
	schedule_propagate(s);
	for (uint32_t u = first; u < s->n_units; u++)
		schedule_try(s, u);
	schedule_propagate(s);
}

void schedule_free(struct schedule *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->n_lanes; i++)
		heap_release(&s->lane[i].ready);
	heap_release(&s->lanes);
	heap_release(&s->pauses);
	free(s->busy);
	free(s->spread.at);
	free(s->verdicts.at);
	free(s->shut.at);
	free(s->tell.at);
	free(s->asks.at);
	free(s->waits.at);
	free(s->stops.at);
	free(s->note);
	free(s->pause);
	free(s->crowd);
	free(s->lane);
	free(s);
}
