/* Looking at a schedule, and ahead. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"
#include "run/schedule_impl.h"

enum state schedule_state(const struct schedule *s, uint32_t unit)
{
	BUG_UNLESS(unit < s->n_units);
	return s->note[unit].state;
}

uint32_t schedule_attempt(const struct schedule *s, uint32_t unit)
{
	BUG_UNLESS(unit < s->n_units);
	return s->note[unit].attempts;
}

/* --- why ------------------------------------------------------------------------------------------ */

/* What a `finally` waits for besides its needs: a member of a group that wants it. */
static uint32_t open_other(const struct schedule *s, uint32_t unit)
{
	const struct graph *g = s->g;
	uint32_t who = graph_subject(g, unit);

	for (uint32_t i = g->want_at[who]; i < g->want_at[who + 1]; i++) {
		const uint32_t *member = &g->member[g->member_at[g->want[i]]];

		for (uint32_t k = 0; k < s->crowd[g->want[i]].adopted; k++)
			if (!graph_is_always(g, member[k]) && !(s->note[member[k]].flags & NOTE_CONCLUDED))
				return member[k];
	}
	return UNIT_NONE;
}

static uint32_t open_need(const struct schedule *s, uint32_t unit)
{
	const struct graph *g = s->g;

	for (uint32_t i = g->need_at[unit]; i < g->need_at[unit + 1]; i++)
		if (!schedule_need_ended(s, unit, &g->need[i]))
			return g->need[i].unit;
	return open_other(s, unit);
}

static bool pool_is_full(const struct schedule *s, uint32_t unit)
{
	const struct lane *l = &s->lane[lane_of(s, unit)];

	return pool_weight_of(s, unit) > l->capacity - l->used;
}

static enum reason reason_now(const struct schedule *s, uint32_t unit)
{
	const struct note *n = &s->note[unit];

	switch ((enum phase)n->phase) {
	case PHASE_NEEDS:
		return REASON_NEEDS_OPEN;
	case PHASE_READY:
		return pool_is_full(s, unit) ? REASON_POOL_FULL : REASON_NO_SLOT;
	case PHASE_HELD:
		return REASON_NO_SLOT;
	case PHASE_PAUSED:
		return REASON_RETRY_PAUSE;
	case PHASE_ASK:
	case PHASE_ASKED:
	case PHASE_PARKED:
	case PHASE_RUNNING:
	case PHASE_FINAL:
		break;
	}
	return n->reason;
}

enum reason schedule_reason(const struct schedule *s, uint32_t unit, uint32_t *ret_cause)
{
	uint32_t cause = UNIT_NONE;

	BUG_UNLESS(unit < s->n_units);
	if (s->note[unit].phase == PHASE_NEEDS)
		cause = open_need(s, unit);
	else if (s->note[unit].phase == PHASE_FINAL)
		cause = s->note[unit].cause;
	if (ret_cause)
		*ret_cause = cause;
	return reason_now(s, unit);
}

bool schedule_is_degraded(const struct schedule *s, uint32_t unit)
{
	const struct note *n = &s->note[unit];

	BUG_UNLESS(unit < s->n_units);
	if (s->g->unit[unit].kind == UNIT_END)
		return s->crowd[s->g->unit[unit].group].degraded;
	return state_is_failure(n->state) && (n->flags & NOTE_CONCLUDED) && n->grade != GRADE_HARD;
}

void schedule_tally(const struct schedule *s, uint32_t group, struct tally *ret)
{
	BUG_UNLESS(group < s->n_groups);
	*ret = s->crowd[group].tally;
}

void schedule_counts(const struct schedule *s, struct schedule_counts *ret)
{
	*ret = (struct schedule_counts){.slots = s->slots, .slots_used = s->slots_used, .ready = s->n_ready};
	memcpy(ret->by_state, s->by_state, sizeof(ret->by_state));
}

bool schedule_done(const struct schedule *s)
{
	return s->n_final == s->n_units && s->tell.head == s->tell.n;
}

/* --- ahead ---------------------------------------------------------------------------------------- */

/*
 * A place in one of two kinds of heap: a lane among the lanes, or a unit in its lane.  Whoever is taken
 * brings its kids in; the best of those who are in is the next.
 */
struct spot {
	uint32_t lane, place;
	uint32_t lane_place; /* HEAP_NOWHERE: a unit inside its lane */
};

struct peek {
	const struct schedule *s;
	struct spot *spot;
	size_t n_spots, room_spots;
	struct heap open; /* of spots */
};

static uint32_t spot_unit(const struct peek *p, uint32_t spot)
{
	const struct spot *at = &p->spot[spot];

	return p->s->lane[at->lane].ready.at[at->place];
}

static bool spot_before(const void *owner, uint32_t a, uint32_t b)
{
	const struct peek *p = owner;

	return ready_before(p->s, spot_unit(p, a), spot_unit(p, b));
}

static void spot_moved(void *owner, uint32_t item, uint32_t place)
{
	(void)owner;
	(void)item;
	(void)place;
}

static const struct heap_rule by_unit = {spot_before, spot_moved};

static void open_lane(struct peek *p, uint64_t lane_place)
{
	const struct heap *lanes = &p->s->lanes;

	if (lane_place >= lanes->n)
		return;
	VEC_PUSH(p->spot, p->n_spots, p->room_spots,
		 ((struct spot){lanes->at[lane_place], 0, (uint32_t)lane_place}));
	heap_push(&p->open, &by_unit, p, (uint32_t)p->n_spots - 1);
}

static void open_unit(struct peek *p, uint32_t lane, uint64_t place)
{
	if (place >= p->s->lane[lane].ready.n)
		return;
	VEC_PUSH(p->spot, p->n_spots, p->room_spots, ((struct spot){lane, (uint32_t)place, HEAP_NOWHERE}));
	heap_push(&p->open, &by_unit, p, (uint32_t)p->n_spots - 1);
}

/* Whether the pool has room for it behind those named before it; if not, the lane ends here. */
static bool peek_fits(struct schedule *s, uint32_t lane, uint32_t unit)
{
	struct lane *l = &s->lane[lane];
	uint64_t weight = pool_weight_of(s, unit);

	if ((uint64_t)l->used + l->peeked + weight > l->capacity) {
		l->peeked = l->capacity;
		return false;
	}
	l->peeked += (uint32_t)weight;
	return true;
}

size_t schedule_peek(struct schedule *s, uint32_t *ret_units, size_t max)
{
	struct peek p = {.s = s};
	size_t n = 0;

	open_lane(&p, 0);
	while (n < max && p.open.n) {
		struct spot at = p.spot[p.open.at[0]];
		uint32_t unit = spot_unit(&p, p.open.at[0]);

		heap_remove(&p.open, &by_unit, &p, 0);
		for (uint64_t k = 1; k <= HEAP_WAYS && at.lane_place != HEAP_NOWHERE; k++)
			open_lane(&p, (uint64_t)at.lane_place * HEAP_WAYS + k);
		if (!peek_fits(s, at.lane, unit))
			continue;
		ret_units[n++] = unit;
		for (uint64_t k = 1; k <= HEAP_WAYS; k++)
			open_unit(&p, at.lane, (uint64_t)at.place * HEAP_WAYS + k);
	}
	for (size_t i = 0; i < p.n_spots; i++)
		s->lane[p.spot[i].lane].peeked = 0;
	heap_release(&p.open);
	free(p.spot);
	return n;
}
