/*
 * What is given out ahead, to begin in the place of another without a word from here: only what would begin next
 * in any case.  So it is asked of everything that runs, and of what is held before it, what its success may
 * bring about, and of the run as a whole that nothing is under way that may change the order by itself.
 *
 * - A success may make units ready.  None of them has a greater rank than the greatest of its users.
 * - A success may raise a question, whose answer may be a failure that stops all.  Such a unit is loud, and at its
 *   end whoever holds the others returns them.
 * - After a failure each further end may stop something: then nothing is held any more.
 */
#include "base/bug.h"
#include "base/vec.h"
#include "run/schedule_impl.h"

enum {
	HELD_MOST = 64,
	HELD_EACH = 8, /* for each whose place may be taken: as many may end while whoever asks is not running himself */
	BUSY_MOST = 4 * HELD_MOST, /* they are all looked at for each that is held */
};

/* --- the busy ------------------------------------------------------------------------------------- */

static float rank_after(const struct schedule *s, uint32_t unit)
{
	const struct graph *g = s->g;
	float most = 0;

	for (uint32_t i = g->user_at[unit]; i < g->user_at[unit + 1]; i++)
		if (s->note[g->user[i]].rank > most)
			most = s->note[g->user[i]].rank;
	return most;
}

bool ahead_is_plain(const struct schedule *s, uint32_t unit)
{
	return s->ahead && (s->g->unit[unit].flags & UNIT_PLAIN) && !(s->note[unit].flags & NOTE_LOUD);
}

void busy_add(struct schedule *s, uint32_t unit)
{
	struct busy b = {.unit = unit, .plain = ahead_is_plain(s, unit), .after = s->ahead ? rank_after(s, unit) : 0};

	s->note[unit].place = (uint32_t)s->n_busy;
	VEC_PUSH(s->busy, s->n_busy, s->room_busy, b);
}

void busy_drop(struct schedule *s, uint32_t unit)
{
	uint32_t place = s->note[unit].place;

	s->busy[place] = s->busy[--s->n_busy];
	s->note[s->busy[place].unit].place = place;
}

/* --- what may be held ------------------------------------------------------------------------------ */

bool ahead_is_loud(const struct schedule *s, uint32_t user, const struct need *n)
{
	const struct unit *u = &s->g->unit[user];
	bool asks = u->kind == UNIT_END ? s->g->group[u->group].asks_end : u->flags & (UNIT_ASKS | UNIT_ASKS_STATUS);
	bool settles = u->kind != UNIT_STEP || (u->flags & (UNIT_INSTANT | UNIT_STAND_IN)) || n->cond == COND_FAILED ||
		       n->cond == COND_SKIPPED;

	return asks || (settles && (s->note[user].flags & NOTE_LOUD));
}

/* What a `finally` waits for are no needs of it. */
void ahead_begin(struct schedule *s)
{
	s->ahead = s->ahead && !s->shuffle;
	s->top_priority = INT16_MIN;
	for (uint32_t u = 0; s->ahead && u < s->n_units; u++) {
		const struct unit *x = &s->g->unit[u];

		if (x->flags & UNIT_ALWAYS)
			s->ahead = false;
		if (x->kind == UNIT_STEP && x->priority > s->top_priority)
			s->top_priority = x->priority;
	}
}

/* Nothing but the end of what runs changes what is next. */
static bool is_steady(const struct schedule *s)
{
	return s->ahead && !s->marred && !s->canceled && s->slots_used == s->slots && s->slots_used <= s->allowed &&
	       !s->n_special && !s->n_unsure;
}

static uint32_t best_of_all(const struct schedule *s)
{
	return s->lanes.n ? s->lane[s->lanes.at[0]].ready.at[0] : UNIT_NONE;
}

bool ahead_must_recall(const struct schedule *s)
{
	uint32_t best = best_of_all(s);

	if (!s->n_held || s->recalled)
		return false;
	return s->call_back || !is_steady(s) || (best != UNIT_NONE && ready_before(s, best, s->last_held));
}

/* Whatever the busy let begin by their success. */
static bool comes_first(const struct schedule *s, uint32_t unit)
{
	if (s->g->unit[unit].priority < s->top_priority)
		return false;
	for (size_t i = 0; i < s->n_busy; i++)
		if (s->busy[i].after >= s->note[unit].rank)
			return false;
	return true;
}

uint32_t ahead_best(const struct schedule *s)
{
	uint32_t best = best_of_all(s), most = HELD_EACH * (s->n_plain < HELD_MOST ? s->n_plain : HELD_MOST);

	if (best == UNIT_NONE || s->recalled || s->n_held >= most || s->n_held == HELD_MOST || s->n_busy > BUSY_MOST || !is_steady(s))
		return UNIT_NONE;
	if (!(s->g->unit[best].flags & UNIT_PLAIN) || (s->note[best].flags & NOTE_UNFIT) || !comes_first(s, best))
		return UNIT_NONE;
	return best;
}
