/*
 * What a unit's end means for those who need it.
 *
 * Settling only notes the state and queues the unit; schedule_propagate() works the queues
 * off, so that a chain of a million blocked steps needs no stack.  A unit that failed and has a
 * stand-in is "late": those to whom only its end matters go on at once, its groups and its
 * `ok` users when the stand-in has shown what it counts for.
 */
#include "base/bug.h"
#include "run/schedule_impl.h"

/* --- states --------------------------------------------------------------------------------------- */

static void set_state(struct schedule *s, uint32_t unit, enum state state)
{
	if (s->g->unit[unit].kind == UNIT_STEP) {
		s->by_state[s->note[unit].state]--;
		s->by_state[state]++;
	}
	s->note[unit].state = (uint8_t)state;
}

static bool is_unsure(enum phase p)
{
	return p == PHASE_ASK || p == PHASE_ASKED || p == PHASE_PARKED || p == PHASE_PAUSED;
}

void schedule_set_phase(struct schedule *s, uint32_t unit, enum phase phase)
{
	s->n_unsure -= is_unsure((enum phase)s->note[unit].phase);
	s->n_unsure += is_unsure(phase);
	s->note[unit].phase = (uint8_t)phase;
	set_state(s, unit, phase == PHASE_RUNNING ? STATE_RUNNING : STATE_WAITING);
}

void schedule_settle(struct schedule *s, uint32_t unit, enum state state, enum reason why, uint32_t cause)
{
	struct note *n = &s->note[unit];

	BUG_UNLESS(n->phase != PHASE_FINAL && state_is_final(state));
	if (n->phase == PHASE_READY)
		ready_remove(s, unit);
	else if (n->phase == PHASE_PAUSED)
		pause_end(s, unit);
	set_state(s, unit, state);
	s->marred |= !state_is_ok(state);
	s->n_unsure -= is_unsure((enum phase)n->phase);
	n->phase = PHASE_FINAL;
	n->reason = (uint8_t)why;
	n->cause = cause;
	s->n_final++;
	queue_push(&s->spread, unit);
	queue_push(&s->tell, unit);
}

void schedule_leave_out(struct schedule *s, uint32_t unit, enum state state, enum reason why, uint32_t cause)
{
	struct crowd how = {.state = (uint8_t)state, .reason = (uint8_t)why, .cause = cause,
			    .grade = s->note[unit].grade};

	schedule_settle(s, unit, state, why, cause);
	if (s->g->unit[unit].kind == UNIT_BEGIN)
		schedule_shut(s, s->g->unit[unit].group, &how, false);
}

/* --- stand-ins ------------------------------------------------------------------------------------ */

static bool failed_with_stand_in(const struct schedule *s, uint32_t unit)
{
	return state_is_failure(s->note[unit].state) && policy_of(s, unit) == ON_FAILURE_FALLBACK &&
	       s->g->unit[unit].stand_in != UNIT_NONE;
}

static bool is_late(const struct schedule *s, uint32_t unit)
{
	return failed_with_stand_in(s, unit) &&
	       !(s->note[s->g->unit[unit].stand_in].flags & NOTE_CONCLUDED);
}

/* Its stand-in did the work.  One that was skipped did none. */
static bool is_covered(const struct schedule *s, uint32_t unit)
{
	uint32_t by = s->g->unit[unit].stand_in;

	return failed_with_stand_in(s, unit) && (s->note[by].flags & NOTE_OK) &&
	       s->note[by].state != STATE_SKIPPED;
}

/*
 * A need whose end, if the needed unit is late, is that of the stand-in.  To the stand-in
 * itself, or the stand-in's, the primary has just failed.
 */
static bool asks_verdict(const struct schedule *s, uint32_t user, const struct need *n)
{
	const struct graph *g = s->g;

	for (uint32_t by = g->unit[n->unit].stand_in; by != UNIT_NONE; by = g->unit[by].stand_in)
		if (user == graph_opening(g, by))
			return false;
	return n->cond == COND_OK || g->unit[user].kind == UNIT_END || g->unit[user].kind == UNIT_STAGE;
}

/* The first unit that the opening `unit` stands in for and that failed; else, any, or UNIT_NONE. */
static uint32_t primary_of(const struct schedule *s, uint32_t unit)
{
	const struct graph *g = s->g;
	uint32_t found = UNIT_NONE;

	for (uint32_t i = g->need_at[unit]; i < g->need_at[unit + 1]; i++) {
		uint32_t p = g->need[i].unit;

		if (g->unit[p].stand_in != graph_subject(g, unit))
			continue;
		if (failed_with_stand_in(s, p))
			return p;
		if (found == UNIT_NONE)
			found = p;
	}
	return found;
}

/* Now it is known what the late units count for that `unit` stands in for. */
static void give_verdicts(struct schedule *s, uint32_t unit)
{
	const struct graph *g = s->g;
	uint32_t opening = graph_opening(g, unit);

	if (!(g->unit[opening].flags & UNIT_STAND_IN))
		return;
	for (uint32_t i = g->need_at[opening]; i < g->need_at[opening + 1]; i++) {
		uint32_t p = g->need[i].unit;

		if (g->unit[p].stand_in == unit && (s->note[p].flags & NOTE_LATE))
			queue_push(&s->verdicts, p);
	}
}

/* --- needs ---------------------------------------------------------------------------------------- */

bool schedule_need_awaited(const struct schedule *s, uint32_t unit, const struct need *n)
{
	return !s->g->unit[unit].rule || !counts_for_rule(n) || waits_for_all(s->g, unit);
}

/* It failed, and unit does not wait to hear what that counts for: it asks for the end only, or stands in for it. */
static bool has_seen_it_fail(const struct schedule *s, uint32_t unit, const struct need *n)
{
	return (s->note[n->unit].flags & NOTE_LATE) && !asks_verdict(s, unit, n);
}

bool schedule_need_ended(const struct schedule *s, uint32_t unit, const struct need *n)
{
	const struct note *on = &s->note[n->unit];

	return (on->flags & NOTE_CONCLUDED) || has_seen_it_fail(s, unit, n);
}

/* The gate's group reaches unit by shutting; if unit is still open after that, another group wants it. */
static bool is_member_behind(const struct schedule *s, uint32_t unit, uint32_t gate)
{
	const struct graph *g = s->g;
	uint32_t who = graph_subject(g, unit);

	for (uint32_t i = g->want_at[who]; i < g->want_at[who + 1]; i++)
		if (g->want[i] == g->unit[gate].group)
			return true;
	return false;
}

static bool holds(const struct schedule *s, uint32_t unit, const struct need *n)
{
	const struct note *on = &s->note[n->unit];

	switch ((enum cond)n->cond) {
	case COND_OK:
		return (on->flags & NOTE_OK) && !has_seen_it_fail(s, unit, n);
	case COND_FAILED:
		return state_is_failure(on->state);
	case COND_SKIPPED:
		return on->state == STATE_SKIPPED;
	case COND_DONE:
	case COND_ANY:
		return true;
	case COND_OPEN:
		return (on->state != STATE_BLOCKED && on->state != STATE_FAILED) ||
		       is_member_behind(s, unit, n->unit);
	}
	BUG("a need has condition %d", n->cond);
}

void schedule_weigh(const struct schedule *s, uint32_t unit, const struct need *n, struct wait *w)
{
	bool held = holds(s, unit, n);
	bool hears = n->cond == COND_OPEN || (n->cond == COND_OK && !has_seen_it_fail(s, unit, n));
	uint8_t grade = hears ? s->note[n->unit].grade : GRADE_CLEAN;

	if (!held && (counts_for_rule(n) || n->cond == COND_OPEN)) {
		if (w->cause == UNIT_NONE || grade > w->grade) {
			w->cause = n->unit;
			w->grade = grade;
		}
		if (!counts_for_rule(n) || !w->slack)
			w->unmet = true;
		else
			w->slack--;
	} else if (counts_for_rule(n) && w->want) {
		w->want--;
	}
}

static void end_need(struct schedule *s, uint32_t user, const struct need *n)
{
	struct note *u = &s->note[user];

	if (u->phase != PHASE_NEEDS)
		return;
	if (schedule_need_awaited(s, user, n))
		u->wait.firm--;
	schedule_weigh(s, user, n, &u->wait);
	schedule_try(s, user);
}

enum release { RELEASE_ALL, RELEASE_AT_ONCE, RELEASE_LATE };

static void release(struct schedule *s, uint32_t unit, enum release which)
{
	const struct graph *g = s->g;

	for (uint32_t i = g->user_at[unit]; i < g->user_at[unit + 1]; i++) {
		const struct need *n = &g->need[g->user_need[i]];

		if (which == RELEASE_ALL || (which == RELEASE_LATE) == asks_verdict(s, g->user[i], n))
			end_need(s, g->user[i], n);
	}
}

/* --- deciding ------------------------------------------------------------------------------------- */

void schedule_proceed(struct schedule *s, uint32_t unit, enum reason why)
{
	const struct unit *u = &s->g->unit[unit];

	if (u->kind == UNIT_STEP && !(u->flags & UNIT_INSTANT)) {
		s->note[unit].reason = (uint8_t)why;
		schedule_set_phase(s, unit, PHASE_READY);
		ready_push(s, unit);
	} else {
		schedule_settle(s, unit, STATE_SUCCEEDED, why == REASON_NONE ? REASON_NEEDS_ENDED : why,
				UNIT_NONE);
	}
}

/* The BEGIN that kept a `finally` from having anything to clean up, or UNIT_NONE. */
static uint32_t never_begun(const struct schedule *s, uint32_t unit)
{
	const struct graph *g = s->g;
	uint32_t who = graph_subject(g, unit), gate = UNIT_NONE;

	for (uint32_t i = g->want_at[who]; i < g->want_at[who + 1]; i++) {
		gate = g->group[g->want[i]].begin;
		if (s->note[gate].state == STATE_SUCCEEDED || s->note[gate].phase != PHASE_FINAL)
			return UNIT_NONE;
	}
	return gate;
}

static void block(struct schedule *s, uint32_t unit)
{
	struct note *n = &s->note[unit];

	n->grade = n->wait.grade;
	schedule_leave_out(s, unit, STATE_BLOCKED, REASON_NEED_FAILED, n->wait.cause);
}

/* A unit that has something to clean up, but the group it belongs to never began. */
static bool leave_out_finally(struct schedule *s, uint32_t unit)
{
	uint32_t gate = graph_is_always(s->g, unit) ? never_begun(s, unit) : UNIT_NONE;
	const struct note *by;

	if (gate == UNIT_NONE)
		return false;
	by = &s->note[gate];
	s->note[unit].grade = by->grade;
	schedule_leave_out(s, unit, by->state == STATE_FAILED ? STATE_BLOCKED : (enum state)by->state, by->reason,
			   by->cause);
	return true;
}

static bool leave_out_idle(struct schedule *s, uint32_t unit)
{
	uint32_t primary;

	if (!(s->g->unit[unit].flags & UNIT_STAND_IN))
		return false;
	primary = primary_of(s, unit);
	if (primary != UNIT_NONE && failed_with_stand_in(s, primary))
		return false;
	schedule_leave_out(s, unit, STATE_SKIPPED, REASON_STAND_IN_IDLE, primary);
	return true;
}

/* A step or BEGIN whose needs have ended. */
static void decide(struct schedule *s, uint32_t unit)
{
	uint8_t flags = s->g->unit[unit].flags;

	if (leave_out_idle(s, unit) || leave_out_finally(s, unit))
		return;
	if (s->note[unit].wait.unmet && !(flags & UNIT_ASKS_STATUS) && !graph_is_always(s->g, unit)) {
		block(s, unit);
	} else if (flags & (UNIT_ASKS | UNIT_ASKS_STATUS)) {
		schedule_set_phase(s, unit, PHASE_ASK);
		queue_push(&s->asks, unit);
	} else {
		schedule_proceed(s, unit, REASON_NONE);
	}
}

void schedule_try(struct schedule *s, uint32_t unit)
{
	const struct note *n = &s->note[unit];
	bool hopeless = n->wait.unmet && !waits_for_all(s->g, unit);

	if (n->phase != PHASE_NEEDS || !s->begun)
		return;
	if (!hopeless && (n->wait.firm || (n->wait.want && !n->wait.unmet)))
		return;
	switch ((enum unit_kind)s->g->unit[unit].kind) {
	case UNIT_STEP:
	case UNIT_BEGIN:
		decide(s, unit);
		break;
	case UNIT_STAGE:
		schedule_decide_stage(s, unit);
		break;
	case UNIT_END:
		schedule_decide_end(s, unit);
		break;
	}
}

/* --- counting ------------------------------------------------------------------------------------- */

static enum grade grade_of(const struct schedule *s, uint32_t unit)
{
	const struct unit *u = &s->g->unit[unit];
	const struct note *n = &s->note[unit];
	bool critical = u->kind == UNIT_BEGIN || u->kind == UNIT_STAGE || (u->flags & UNIT_CRITICAL);
	enum grade most = critical ? GRADE_HARD : GRADE_SOFT;

	if (state_is_ok(n->state) || is_covered(s, unit))
		return GRADE_CLEAN;
	if (state_is_failure(n->state))
		return s->ignore_failures ? GRADE_SOFT : most;
	if (n->state == STATE_BLOCKED)
		return n->grade < most ? (enum grade)n->grade : most;
	return GRADE_HARD; /* aborted or canceled: no evidence for those who need it */
}

/* What unit counts for is known: tell its groups. */
static void conclude(struct schedule *s, uint32_t unit)
{
	const struct graph *g = s->g;
	struct note *n = &s->note[unit];
	bool excused = state_is_failure(n->state) && policy_of(s, unit) == ON_FAILURE_CONTINUE;

	n->grade = (uint8_t)grade_of(s, unit);
	n->flags |= NOTE_CONCLUDED;
	if (state_is_ok(n->state) || excused || is_covered(s, unit))
		n->flags |= NOTE_OK;
	for (uint32_t i = g->want_at[unit]; i < g->want_at[unit + 1]; i++)
		schedule_count_in(s, g->want[i], unit);
	if (n->grade == GRADE_HARD)
		schedule_abort_job(s, unit);
}

/* Groups first: whom an abort reaches is aborted, not blocked. */
static void finish(struct schedule *s, uint32_t unit, enum release which)
{
	conclude(s, unit);
	schedule_drain_shut(s);
	release(s, unit, which);
	give_verdicts(s, unit);
}

void schedule_propagate(struct schedule *s)
{
	uint32_t unit;

	if (!s->begun)
		return;
	schedule_drain_shut(s);
	for (;;) {
		if (queue_pop(&s->verdicts, &unit)) {
			if (!(s->note[unit].flags & NOTE_CONCLUDED))
				finish(s, unit, RELEASE_LATE);
		} else if (!queue_pop(&s->spread, &unit)) {
			return;
		} else if (is_late(s, unit)) {
			s->note[unit].flags |= NOTE_LATE;
			release(s, unit, RELEASE_AT_ONCE);
		} else {
			finish(s, unit, RELEASE_ALL);
		}
	}
}
