/* What must hold of every graph, and is added to what its makers say. */
#include "job/graph_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

/* The unit that opens what `unit` stands for: itself, or the BEGIN of the group that it ends. */
static uint32_t opening_of(const struct graph_builder *b, uint32_t unit)
{
	return b->unit[unit].kind == UNIT_END ? b->group[b->unit[unit].group].begin : unit;
}

/* Start of each key's run after a stable counting sort of n keys; at[n_keys] is n.  The caller frees. */
uint32_t *graph_runs_of(const void *first_key, size_t stride, size_t n, size_t n_keys)
{
	uint32_t *at = xcalloc(n_keys + 1, sizeof(*at));

	for (size_t i = 0; i < n; i++)
		at[*(const uint32_t *)(const void *)((const char *)first_key + i * stride) + 1]++;
	for (size_t k = 0; k < n_keys; k++)
		at[k + 1] += at[k];
	return at;
}

/* A member that waits for no gate of the group that wants it: one need more, on BEGIN. */
static void hold_back_members(struct graph_builder *b)
{
	size_t n_links = b->n_links;
	uint32_t *at = graph_runs_of(&b->link[0].user, sizeof(struct graph_link), n_links, b->n_units);
	uint32_t *on = xreallocarray(NULL, n_links + 1, sizeof(*on)), *put;

	put = xreallocarray(NULL, b->n_units + 1, sizeof(*put));
	memcpy(put, at, (b->n_units + 1) * sizeof(*put));
	for (size_t i = 0; i < n_links; i++)
		on[put[b->link[i].user]++] = b->link[i].need.unit;
	for (size_t i = 0; i < b->n_members; i++) {
		uint32_t group = b->member[i].group, opening = opening_of(b, b->member[i].unit);
		bool held = opening < b->old_units;

		for (uint32_t k = at[opening]; k < at[opening + 1] && !held; k++)
			held = (b->unit[on[k]].kind == UNIT_BEGIN || b->unit[on[k]].kind == UNIT_STAGE) &&
			       b->unit[on[k]].group == group;
		if (!held)
			graph_push_need(b, opening, b->group[group].begin, COND_OPEN, false);
	}
	free(at);
	free(on);
	free(put);
}

/* Units whose stand-ins stand in for each other, which no walk along them would survive. */
bool graph_stand_in_cycle(const struct graph_builder *b, uint32_t **ret_cycle, size_t *ret_n)
{
	uint32_t *seen = xcalloc(b->n_units + 1, sizeof(*seen)); /* the walk that came by, from 1 */
	bool found = false;

	for (uint32_t u = 0; u < b->n_units && !found; u++) {
		uint32_t at = u, n = 0;

		while (at != UNIT_NONE && !seen[at]) {
			seen[at] = u + 1;
			at = b->unit[at].stand_in;
		}
		if (at == UNIT_NONE || seen[at] != u + 1)
			continue;
		found = true;
		*ret_cycle = xreallocarray(NULL, b->n_units, sizeof(**ret_cycle));
		for (uint32_t x = at; !n || x != at; x = b->unit[x].stand_in)
			(*ret_cycle)[n++] = x;
		*ret_n = n;
	}
	free(seen);
	return found;
}

/* Members of one group: its `finally` waits for the stand-ins of the others, whose verdict is theirs. */
static void hold_back_finally_of(struct graph_builder *b, const uint32_t *member, uint32_t n)
{
	for (uint32_t f = 0; f < n; f++) {
		uint32_t opening = opening_of(b, member[f]);

		if (!(b->unit[member[f]].flags & UNIT_ALWAYS) || opening < b->old_units)
			continue;
		for (uint32_t i = 0; i < n; i++) {
			uint32_t s = b->unit[member[i]].stand_in;

			if (b->unit[member[i]].flags & UNIT_ALWAYS)
				continue;
			for (; s != UNIT_NONE; s = b->unit[s].stand_in)
				graph_push_need(b, opening, s, COND_ANY, true);
		}
	}
}

static void hold_back_finally(struct graph_builder *b)
{
	uint32_t *at = graph_runs_of(&b->member[0].group, sizeof(struct membership), b->n_members, b->n_groups);
	uint32_t *member = xreallocarray(NULL, b->n_members + 1, sizeof(*member));

	for (size_t i = 0; i < b->n_members; i++)
		member[at[b->member[i].group]++] = b->member[i].unit;
	for (uint32_t j = 0, from = 0; j < b->n_groups; from = at[j++])
		hold_back_finally_of(b, member + from, at[j] - from);
	free(at);
	free(member);
}

/*
 * A stand-in waits for its primary; whoever wants to know whether the primary is ok
 * in the end waits for the stand-in too.  The needs that are added are looked at in their
 * turn, because a stand-in may have a stand-in.
 */
static void hold_back_stand_ins(struct graph_builder *b)
{
	bool any = false;

	for (uint32_t p = 0; p < b->n_units; p++) {
		uint32_t s = b->unit[p].stand_in;

		if (s == UNIT_NONE)
			continue;
		any = true;
		if (opening_of(b, s) < b->old_units)
			continue;
		b->unit[opening_of(b, s)].flags |= UNIT_STAND_IN;
		graph_push_need(b, opening_of(b, s), p, COND_DONE, true);
	}
	if (!any)
		return;
	hold_back_finally(b);
	for (size_t i = 0; i < b->n_links; i++) {
		struct graph_link l = b->link[i];
		uint32_t s = b->unit[l.need.unit].stand_in;
		bool judges = b->unit[l.user].kind == UNIT_END || b->unit[l.user].kind == UNIT_STAGE;

		if (s == UNIT_NONE || l.user < b->old_units || l.user == opening_of(b, s) || l.user == s)
			continue;
		if (l.need.cond == COND_OK || judges)
			graph_push_need(b, l.user, s, judges ? COND_ANY : COND_OK, true);
	}
}

void graph_hold_back(struct graph_builder *b)
{
	hold_back_members(b);
	hold_back_stand_ins(b);
}
