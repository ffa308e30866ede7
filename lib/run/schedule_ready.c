/*
 * Slots, pools and pauses.
 *
 * Each pool has a lane: the heap of its ready units.  Above them is a heap of the lanes
 * whose best unit fits into its pool now.  So an event costs the logarithm of what is ready
 * and of the pools that have something to start; full and idle pools cost nothing.
 *
 * Nobody starves: the best ready unit whose pool has room is the next to start.  If the slots
 * that are free do not suffice for it, everything behind it waits until they do; in a
 * pool likewise.  What runs ends some time, so a heavy unit waits at most for that.
 */
#include "base/bug.h"
#include "run/schedule_impl.h"

/* --- order ---------------------------------------------------------------------------------------- */

/* Shuffling ignores priorities as well: it is there to show needs that nobody wrote down. */
bool ready_before(const struct schedule *s, uint32_t a, uint32_t b)
{
	const struct unit *x = &s->g->unit[a], *y = &s->g->unit[b];

	if (!s->shuffle && x->priority != y->priority)
		return x->priority > y->priority;
	if (s->note[a].rank < s->note[b].rank || s->note[a].rank > s->note[b].rank)
		return s->note[a].rank > s->note[b].rank;
	return a < b;
}

static bool unit_before(const void *owner, uint32_t a, uint32_t b)
{
	return ready_before(owner, a, b);
}

static bool lane_before(const void *owner, uint32_t a, uint32_t b)
{
	const struct schedule *s = owner;

	return ready_before(s, s->lane[a].ready.at[0], s->lane[b].ready.at[0]);
}

static bool due_before(const void *owner, uint32_t a, uint32_t b)
{
	const struct schedule *s = owner;

	return s->pause[a].due_ms < s->pause[b].due_ms;
}

static void unit_moved(void *owner, uint32_t item, uint32_t place)
{
	((struct schedule *)owner)->note[item].place = place;
}

static void lane_moved(void *owner, uint32_t item, uint32_t place)
{
	((struct schedule *)owner)->lane[item].place = place;
}

static const struct heap_rule by_rank = {unit_before, unit_moved};
static const struct heap_rule by_best = {lane_before, lane_moved};
static const struct heap_rule by_due = {due_before, unit_moved};

/* --- lanes ---------------------------------------------------------------------------------------- */

uint32_t lane_of(const struct schedule *s, uint32_t unit)
{
	uint16_t pool = s->g->unit[unit].pool;

	return pool == POOL_NONE ? 0 : pool + 1u;
}

/* What does not fit into the pool at all takes the whole of it. */
uint32_t pool_weight_of(const struct schedule *s, uint32_t unit)
{
	const struct unit *u = &s->g->unit[unit];
	uint32_t weight = u->pool_weight ? u->pool_weight : 1, capacity = s->lane[lane_of(s, unit)].capacity;

	return weight < capacity ? weight : capacity;
}

static bool lane_fits(const struct schedule *s, const struct lane *l)
{
	return l->ready.n && pool_weight_of(s, l->ready.at[0]) <= l->capacity - l->used;
}

/* Its best unit, or what its pool has left, has changed. */
static void lane_refresh(struct schedule *s, uint32_t lane)
{
	struct lane *l = &s->lane[lane];

	if (!lane_fits(s, l)) {
		if (l->place != HEAP_NOWHERE)
			heap_remove(&s->lanes, &by_best, s, l->place);
	} else if (l->place == HEAP_NOWHERE) {
		heap_push(&s->lanes, &by_best, s, lane);
	} else {
		heap_fix(&s->lanes, &by_best, s, l->place);
	}
}

void ready_push(struct schedule *s, uint32_t unit)
{
	uint32_t lane = lane_of(s, unit);

	heap_push(&s->lane[lane].ready, &by_rank, s, unit);
	s->n_ready++;
	if (s->note[unit].place == 0)
		lane_refresh(s, lane);
}

void ready_remove(struct schedule *s, uint32_t unit)
{
	uint32_t lane = lane_of(s, unit), place = s->note[unit].place;

	heap_remove(&s->lane[lane].ready, &by_rank, s, place);
	s->n_ready--;
	if (place == 0)
		lane_refresh(s, lane);
}

/* --- slots ---------------------------------------------------------------------------------------- */

static uint32_t slots_of(const struct schedule *s, uint32_t unit)
{
	uint32_t weight = s->g->unit[unit].slots;

	if (!weight)
		weight = 1;
	return weight == SLOTS_ALL || weight > s->slots ? s->slots : weight;
}

/* The best ready unit, and how many slots would be in use with it; UNIT_NONE if it has to wait for others of ours. */
static uint32_t best_with(const struct schedule *s, uint64_t *ret_used)
{
	uint32_t best;

	if (!s->lanes.n || !s->slots || s->alone)
		return UNIT_NONE;
	best = s->lane[s->lanes.at[0]].ready.at[0];
	*ret_used = s->slots_used + (uint64_t)slots_of(s, best);
	return *ret_used <= s->slots ? best : UNIT_NONE;
}

uint32_t ready_best(const struct schedule *s)
{
	uint64_t used;
	uint32_t best = best_with(s, &used);

	return best != UNIT_NONE && used <= s->allowed ? best : UNIT_NONE;
}

uint32_t schedule_wants(const struct schedule *s)
{
	uint64_t used;

	return best_with(s, &used) == UNIT_NONE ? 0 : (uint32_t)used;
}

static bool is_special(const struct schedule *s, uint32_t unit)
{
	const struct unit *u = &s->g->unit[unit];

	return u->slots > 1 || u->pool != POOL_NONE;
}

void slots_take(struct schedule *s, uint32_t unit)
{
	uint32_t lane = lane_of(s, unit);
	struct busy *b = &s->busy[s->note[unit].place];

	s->alone = s->g->unit[unit].slots == SLOTS_ALL;
	b->slots = s->slots ? slots_of(s, unit) : 1; /* what was held may begin when there are none any more */
	s->slots_used += b->slots;
	s->n_plain += b->plain;
	s->n_special += is_special(s, unit);
	s->lane[lane].used += pool_weight_of(s, unit);
	lane_refresh(s, lane);
}

void slots_give(struct schedule *s, uint32_t unit)
{
	uint32_t lane = lane_of(s, unit);
	const struct busy *b = &s->busy[s->note[unit].place];

	if (s->g->unit[unit].slots == SLOTS_ALL)
		s->alone = false;
	s->slots_used -= b->slots;
	s->n_plain -= b->plain;
	s->n_special -= is_special(s, unit);
	s->lane[lane].used -= pool_weight_of(s, unit);
	busy_drop(s, unit);
	lane_refresh(s, lane);
}

/* --- pauses --------------------------------------------------------------------------------------- */

/* splitmix64 */
uint64_t schedule_draw(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* factor to the n-th, which may be infinite. */
static double power(double factor, uint32_t n)
{
	double all = 1;

	for (; n; n >>= 1, factor *= factor)
		if (n & 1)
			all *= factor;
	return all;
}

static const double PAUSE_MAX_MS = 1e15; /* for ever, and far from where int64_t ends */

/* The n-th pause, from 0. */
static int64_t pause_of(struct schedule *s, const struct retry_pace *r, uint32_t n)
{
	double ms = (double)r->delay_ms, cap = r->max_delay_ms ? (double)r->max_delay_ms : PAUSE_MAX_MS;

	if (r->delay_ms <= 0)
		return 0;
	if (r->backoff > 1)
		ms *= power(r->backoff, n);
	if (ms > cap)
		ms = cap;
	if (r->jitter > 0) {
		double draw = (double)(schedule_draw(&s->random) >> 11) / (double)(UINT64_C(1) << 53);

		ms *= 1 + r->jitter * (2 * draw - 1);
	}
	return (int64_t)(ms > cap ? cap : ms);
}

void pause_begin(struct schedule *s, int64_t now_ms, uint32_t unit)
{
	int64_t length = pause_of(s, &s->g->retry[s->g->unit[unit].retry], s->note[unit].attempts - 1);

	s->pause[unit] = (struct pause){.due_ms = now_ms + length, .length_ms = length};
	schedule_set_phase(s, unit, PHASE_PAUSED);
	heap_push(&s->pauses, &by_due, s, unit);
	queue_push(&s->waits, unit);
}

void pause_end(struct schedule *s, uint32_t unit)
{
	heap_remove(&s->pauses, &by_due, s, s->note[unit].place);
}

void pauses_wake(struct schedule *s, int64_t now_ms)
{
	while (s->pauses.n && s->pause[s->pauses.at[0]].due_ms <= now_ms) {
		uint32_t unit = s->pauses.at[0];

		pause_end(s, unit);
		schedule_set_phase(s, unit, PHASE_READY);
		ready_push(s, unit);
	}
}

int64_t schedule_due(const struct schedule *s)
{
	return s->pauses.n ? s->pause[s->pauses.at[0]].due_ms : INT64_MAX;
}
