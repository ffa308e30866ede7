/* Everything that is kept up to date event by event, counted again from the states. */
#include <string.h>

#include "base/bug.h"
#include "run/schedule_impl.h"

static void check_heap(const struct schedule *s, const struct heap *h,
		       bool (*before)(const struct schedule *, uint32_t, uint32_t))
{
	for (uint32_t i = 1; i < h->n; i++)
		BUG_UNLESS(before(s, h->at[(i - 1) / HEAP_WAYS], h->at[i]));
}

static bool due_before(const struct schedule *s, uint32_t a, uint32_t b)
{
	return s->pause[a].due_ms <= s->pause[b].due_ms;
}

static bool lane_before(const struct schedule *s, uint32_t a, uint32_t b)
{
	return ready_before(s, s->lane[a].ready.at[0], s->lane[b].ready.at[0]);
}

static void check_lanes(const struct schedule *s)
{
	uint32_t ready = 0;

	for (uint32_t i = 0; i < s->n_lanes; i++) {
		const struct lane *l = &s->lane[i];
		bool fits = l->ready.n && l->used + (uint64_t)pool_weight_of(s, l->ready.at[0]) <= l->capacity;

		check_heap(s, &l->ready, ready_before);
		ready += l->ready.n;
		BUG_UNLESS(l->used <= l->capacity && !l->peeked);
		BUG_UNLESS(fits == (l->place != HEAP_NOWHERE));
		BUG_UNLESS(!fits || s->lanes.at[l->place] == i);
	}
	check_heap(s, &s->lanes, lane_before);
	check_heap(s, &s->pauses, due_before);
	BUG_UNLESS(ready == s->n_ready);
}

static enum state state_of_phase(enum phase p)
{
	return p == PHASE_NEEDS ? STATE_PENDING : p == PHASE_RUNNING ? STATE_RUNNING : STATE_WAITING;
}

static void check_wait(const struct schedule *s, uint32_t unit)
{
	const struct wait *w = &s->note[unit].wait;
	struct wait again;

	schedule_recount(s, unit, &again);
	BUG_UNLESS(w->firm == again.firm && w->want == again.want && w->slack == again.slack);
	BUG_UNLESS(w->unmet == again.unmet && (w->unmet ? w->cause != UNIT_NONE : true));
	if (!s->begun)
		return;
	BUG_UNLESS(w->firm || (w->want && !w->unmet));
	BUG_UNLESS(!w->unmet || waits_for_all(s->g, unit));
}

static void check_final(const struct schedule *s, uint32_t unit)
{
	const struct note *n = &s->note[unit];

	BUG_UNLESS(state_is_final(n->state) && n->reason < REASON_COUNT);
	BUG_UNLESS(n->state == STATE_SUCCEEDED || n->reason != REASON_NONE);
	if (s->begun && !(n->flags & NOTE_CONCLUDED))
		BUG_UNLESS((n->flags & NOTE_LATE) &&
			   !(s->note[s->g->unit[unit].stand_in].flags & NOTE_CONCLUDED));
}

static void check_unit(const struct schedule *s, uint32_t unit)
{
	const struct graph *g = s->g;
	const struct note *n = &s->note[unit];
	uint32_t wanted = 0;

	for (uint32_t i = g->want_at[unit]; i < g->want_at[unit + 1]; i++)
		wanted += !state_is_shut(s->crowd[g->want[i]].state);
	BUG_UNLESS(!s->begun || n->wanted == wanted);
	BUG_UNLESS(!(n->flags & NOTE_EXPIRED) || n->phase == PHASE_RUNNING || n->phase == PHASE_HELD ||
		   n->phase == PHASE_FINAL);
	if (n->phase == PHASE_FINAL) {
		check_final(s, unit);
		return;
	}
	BUG_UNLESS(n->state == state_of_phase(n->phase));
	if (n->phase == PHASE_NEEDS)
		check_wait(s, unit);
	if (n->phase == PHASE_READY)
		BUG_UNLESS(s->lane[lane_of(s, unit)].ready.at[n->place] == unit);
	if (n->phase == PHASE_PAUSED)
		BUG_UNLESS(s->pauses.at[n->place] == unit && n->attempts);
	if (s->begun && g->unit[unit].kind == UNIT_STEP && is_dropped(s, unit))
		BUG_UNLESS(n->phase == PHASE_RUNNING || /* what nobody wants does not wait for anything, but for its return */
			   (n->phase == PHASE_HELD && (s->call_back || s->recalled || s->canceled)));
}

static void check_busy(const struct schedule *s, uint32_t unit)
{
	const struct busy *b = &s->busy[s->note[unit].place];

	BUG_UNLESS(b->unit == unit && (s->note[unit].phase == PHASE_HELD) == !b->slots);
	for (uint32_t i = s->g->user_at[unit]; s->ahead && i < s->g->user_at[unit + 1]; i++)
		BUG_UNLESS(s->note[s->g->user[i]].rank <= b->after);
}

/* What runs is what is taken; and something moves until all has settled. */
static void check_totals(const struct schedule *s)
{
	uint32_t by_state[STATE_COUNT] = {0}, slots = 0, final = 0, moving = 0, alone = 0, held = 0, unsure = 0, busy = 0;
	uint64_t used = 0, pools = 0;

	for (uint32_t u = 0; u < s->n_units; u++) {
		const struct note *n = &s->note[u];

		final += n->phase == PHASE_FINAL;
		moving += n->phase != PHASE_FINAL && n->phase != PHASE_NEEDS;
		by_state[n->state] += s->g->unit[u].kind == UNIT_STEP;
		held += n->phase == PHASE_HELD;
		unsure += n->phase == PHASE_ASK || n->phase == PHASE_ASKED || n->phase == PHASE_PARKED ||
			  n->phase == PHASE_PAUSED;
		busy += n->phase == PHASE_RUNNING || n->phase == PHASE_HELD;
		if (n->phase == PHASE_RUNNING || n->phase == PHASE_HELD)
			check_busy(s, u);
		if (n->phase != PHASE_RUNNING)
			continue;
		slots += s->busy[n->place].slots;
		used += pool_weight_of(s, u);
		alone += s->g->unit[u].slots == SLOTS_ALL;
		BUG_UNLESS(n->attempts);
	}
	for (uint32_t i = 0; i < s->n_lanes; i++)
		pools += s->lane[i].used;
	BUG_UNLESS(slots == s->slots_used && used == pools && final == s->n_final);
	BUG_UNLESS(held == s->n_held && unsure == s->n_unsure && busy == s->n_busy && (held || !s->recalled));
	BUG_UNLESS(s->alone == (alone == 1) && alone <= 1);
	BUG_UNLESS(!s->alone || by_state[STATE_RUNNING] == 1);
	BUG_UNLESS(!memcmp(by_state, s->by_state, sizeof(by_state)));
	BUG_UNLESS(!s->begun || moving || final == s->n_units);
}

static void check_crowd(const struct schedule *s, uint32_t group)
{
	const struct graph *g = s->g;
	const struct crowd *c = &s->crowd[group];
	uint32_t others = 0, open = 0, failed = 0, hard = 0, aborted = 0;

	for (uint32_t i = g->member_at[group]; i < g->member_at[group] + c->adopted; i++) {
		const struct note *n = &s->note[g->member[i]];
		bool counted = n->flags & NOTE_CONCLUDED;

		open += !counted;
		others += !counted && !graph_is_always(g, g->member[i]);
		aborted += counted && n->state == STATE_ABORTED;
		if (!counted || n->grade != GRADE_HARD || n->state == STATE_ABORTED || n->state == STATE_CANCELED)
			continue;
		hard++;
		failed += state_is_failure(n->state);
	}
	BUG_UNLESS(others == c->others && failed == c->n_failed && (hard > 0) == c->hard);
	BUG_UNLESS((aborted > 0) == c->aborted);
	BUG_UNLESS(c->tally.total == c->adopted);
	BUG_UNLESS(c->tally.succeeded + c->tally.failed + c->tally.skipped + open == c->tally.total);
	BUG_UNLESS(!g->group[group].stop_at_once || !c->hard || state_is_shut(c->state));
	BUG_UNLESS(!g->group[group].fail_limit || c->n_failed < g->group[group].fail_limit ||
		   state_is_shut(c->state));
	BUG_UNLESS(!c->expired || state_is_shut(c->state));
	if (s->note[g->group[group].end].phase == PHASE_FINAL)
		BUG_UNLESS(!open && s->note[g->group[group].begin].phase == PHASE_FINAL);
}

void schedule_check(const struct schedule *s)
{
	if (s->begun)
		BUG_UNLESS(s->spread.head == s->spread.n && s->shut.head == s->shut.n &&
			   s->verdicts.head == s->verdicts.n);
	for (uint32_t u = 0; u < s->n_units; u++)
		check_unit(s, u);
	for (uint32_t j = 0; j < s->n_groups; j++)
		check_crowd(s, j);
	check_lanes(s);
	check_totals(s);
}
