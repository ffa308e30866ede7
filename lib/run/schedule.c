/*
 * One unit's life, as phases (schedule_impl.h) and, in brackets, what makes it move:
 *
 *	NEEDS --(its needs have ended)--> what they say:
 *	  |        stand-in, and no primary failed          -> skipped
 *	  |        finally, and its group never began       -> as the group's BEGIN
 *	  |        a need did not hold                      -> blocked, unless ALWAYS or ASKS_STATUS
 *	  |        it has conditions                        -> ASK --> ASKED --(answer)--> READY or settled
 *	  |        else                                     -> READY; gates and instant ones: succeeded
 *	  |
 *	  |     READY --(best, and all slots are taken)--> HELD --(begun)--> RUNNING
 *	  |       '<------------(returned)------------------'
 *	  |     READY --(best, and slots and pool suffice)--> RUNNING --(ended)--> settled
 *	  |       ^ ^                                          |  |
 *	  |       | '----------(wake)---- PARKED <--(not now)--'  | (a failure, and an attempt is left)
 *	  |       '---------------(due)------------- PAUSED <-----'
 *	  |
 *	  '--(no group wants it any more)--> aborted, canceled, blocked, skipped: as the group was shut;
 *	        from READY, PARKED, PAUSED after a first attempt: as that ended, or canceled;
 *	        HELD: when it is returned; RUNNING: its end comes, and is the last; FINAL and `finally`: untouched
 *
 * With needs_rule k, a unit that may go on without its last needs does not wait for them, and
 * is blocked as soon as fewer than k can hold; without one, as soon as one did not hold.  Gates
 * that close a stage or group, stand-ins, `finally` and units that ask for a status wait for all.
 *
 * A unit that settles goes, in this order,
 *
 *	to its groups:   count it; a hard one (schedule.h) may shut them (abort, stop at once, limit)
 *	to shut groups:  BEGIN and members that nobody else wants settle, sub-groups are shut in turn
 *	to its users:    their needs are weighed, they may settle, ask or become ready
 *	to its primaries (if it stands in): now they too go to their groups and `ok` users
 *
 * and what settles on the way waits in a queue for the same.  A need ends once for each edge, a
 * group is shut once, a unit settles once: a run is linear in the graph, plus heaps.
 */
#include "run/schedule.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"
#include "run/schedule_impl.h"

/* --- queues --------------------------------------------------------------------------------------- */

void queue_push(struct queue *q, uint32_t item)
{
	if (q->head == q->n) {
		q->head = q->n = 0;
	} else if (q->n == q->room && q->head >= q->n / 2) {
		memmove(q->at, q->at + q->head, (q->n - q->head) * sizeof(*q->at));
		q->n -= q->head;
		q->head = 0;
	}
	VEC_PUSH(q->at, q->n, q->room, item);
}

bool queue_pop(struct queue *q, uint32_t *ret)
{
	if (q->head == q->n)
		return false;
	*ret = q->at[q->head++];
	return true;
}

/* --- actions -------------------------------------------------------------------------------------- */

static void begin(struct schedule *s)
{
	s->begun = true;
	ahead_begin(s);
	schedule_propagate(s); /* presets, or a cancel before anything began */
	for (uint32_t u = 0; u < s->n_units; u++)
		schedule_try(s, u);
	schedule_propagate(s);
}

static void fill(const struct schedule *s, uint32_t unit, enum action_kind kind, struct action *ret)
{
	const struct note *n = &s->note[unit];

	*ret = (struct action){.kind = kind, .unit = unit, .attempt = n->attempts, .state = n->state,
			       .reason = n->reason, .cause = n->cause};
}

static bool next_stop(struct schedule *s, struct action *ret)
{
	uint32_t unit;

	while (queue_pop(&s->stops, &unit)) {
		if (s->note[unit].phase != PHASE_RUNNING)
			continue; /* it was quicker */
		fill(s, unit, ACTION_STOP, ret);
		ret->reason = s->note[unit].flags & NOTE_EXPIRED ? s->note[unit].stop_reason : s->cancel_reason;
		return true;
	}
	return false;
}

static bool next_settled(struct schedule *s, struct action *ret)
{
	uint32_t unit;

	if (!queue_pop(&s->tell, &unit))
		return false;
	fill(s, unit, ACTION_SETTLED, ret);
	return true;
}

static bool next_wait(struct schedule *s, struct action *ret)
{
	uint32_t unit;

	while (queue_pop(&s->waits, &unit)) {
		if (s->note[unit].phase != PHASE_PAUSED)
			continue;
		fill(s, unit, ACTION_WAITS, ret);
		ret->attempt++;
		ret->pause_ms = s->pause[unit].length_ms;
		return true;
	}
	return false;
}

static bool next_ask(struct schedule *s, struct action *ret)
{
	uint32_t unit;

	while (queue_pop(&s->asks, &unit)) {
		if (s->note[unit].phase != PHASE_ASK)
			continue;
		schedule_set_phase(s, unit, PHASE_ASKED);
		fill(s, unit, ACTION_ASK, ret);
		ret->needs_held = !s->note[unit].wait.unmet;
		ret->cause = s->note[unit].wait.unmet ? s->note[unit].wait.cause : UNIT_NONE;
		return true;
	}
	return false;
}

static void give_out(struct schedule *s, uint32_t unit, enum action_kind kind, struct action *ret)
{
	ready_remove(s, unit);
	busy_add(s, unit);
	s->note[unit].attempts++;
	if (kind == ACTION_START)
		slots_take(s, unit);
	schedule_set_phase(s, unit, kind == ACTION_START ? PHASE_RUNNING : PHASE_HELD);
	fill(s, unit, kind, ret);
	ret->plain = ahead_is_plain(s, unit);
}

/* Not before those that are held, which come first. */
static bool next_start(struct schedule *s, struct action *ret)
{
	uint32_t unit = s->n_held ? UNIT_NONE : ready_best(s);

	if (unit != UNIT_NONE)
		give_out(s, unit, ACTION_START, ret);
	return unit != UNIT_NONE;
}

static bool next_hold(struct schedule *s, struct action *ret)
{
	uint32_t unit = ahead_best(s);

	if (unit == UNIT_NONE)
		return false;
	give_out(s, unit, ACTION_HOLD, ret);
	s->last_held = unit;
	s->n_held++;
	return true;
}

static bool next_recall(struct schedule *s, struct action *ret)
{
	if (!ahead_must_recall(s))
		return false;
	s->recalled = true;
	*ret = (struct action){.kind = ACTION_RECALL, .unit = UNIT_NONE, .cause = UNIT_NONE};
	return true;
}

bool schedule_news(struct schedule *s, struct action *ret)
{
	return next_stop(s, ret) || next_settled(s, ret) || next_wait(s, ret);
}

bool schedule_next(struct schedule *s, int64_t now_ms, struct action *ret)
{
	if (!s->begun)
		begin(s);
	if (next_recall(s, ret) || schedule_news(s, ret))
		return true;
	pauses_wake(s, now_ms);
	return next_ask(s, ret) || next_start(s, ret) || next_hold(s, ret);
}

/* --- events --------------------------------------------------------------------------------------- */

static void answer_end(struct schedule *s, uint32_t unit, enum answer a, enum reason why)
{
	struct crowd *c = &s->crowd[s->g->unit[unit].group];

	BUG_UNLESS(a == ANSWER_RUN || a == ANSWER_FAIL);
	if (a == ANSWER_FAIL) {
		schedule_settle(s, unit, STATE_FAILED, why, c->hard ? c->first_hard : UNIT_NONE);
		return;
	}
	c->degraded |= c->tally.failed > 0;
	schedule_settle(s, unit, STATE_SUCCEEDED, why == REASON_NONE ? REASON_NEEDS_ENDED : why, UNIT_NONE);
}

/* Its BEGIN said no by failing: the members are blocked by it, the END fails. */
static void fail_opening(struct schedule *s, uint32_t unit, enum reason why)
{
	struct crowd how = {.state = STATE_BLOCKED, .reason = REASON_NEED_FAILED, .cause = unit,
			    .grade = GRADE_HARD};

	schedule_settle(s, unit, STATE_FAILED, why, UNIT_NONE);
	if (s->g->unit[unit].kind == UNIT_BEGIN)
		schedule_shut(s, s->g->unit[unit].group, &how, false);
}

void schedule_answer(struct schedule *s, uint32_t unit, enum answer a, enum reason why)
{
	BUG_UNLESS(unit < s->n_units);
	if (s->note[unit].phase != PHASE_ASKED)
		return;
	if (s->g->unit[unit].kind == UNIT_END) {
		answer_end(s, unit, a, why);
		schedule_propagate(s);
		return;
	}
	switch (a) {
	case ANSWER_RUN:
		schedule_proceed(s, unit, why);
		break;
	case ANSWER_SKIP:
		schedule_leave_out(s, unit, STATE_SKIPPED, why, UNIT_NONE);
		break;
	case ANSWER_CACHED:
		schedule_leave_out(s, unit, STATE_CACHED, why, UNIT_NONE);
		break;
	case ANSWER_FAIL:
		fail_opening(s, unit, why);
		break;
	}
	schedule_propagate(s);
}

static bool may_try_again(const struct schedule *s, uint32_t unit)
{
	return !(s->note[unit].flags & NOTE_EXPIRED) && s->note[unit].attempts <= s->g->retry[s->g->unit[unit].retry].max && !is_dropped(s, unit);
}

void schedule_ended(struct schedule *s, int64_t now_ms, uint32_t unit, enum state state, bool again,
		    enum reason why)
{
	struct note *n = &s->note[unit];

	BUG_UNLESS(unit < s->n_units && n->phase == PHASE_RUNNING);
	BUG_UNLESS(state_is_failure(state) || state == STATE_SUCCEEDED || state == STATE_SKIPPED ||
		   state == STATE_CANCELED);
	slots_give(s, unit);
	n->last = (uint8_t)state;
	n->last_reason = (uint8_t)why;
	if (again && state_is_failure(state) && may_try_again(s, unit)) {
		n->reason = (uint8_t)why;
		pause_begin(s, now_ms, unit);
	} else {
		schedule_settle(s, unit, state, why, UNIT_NONE);
	}
	schedule_propagate(s);
}

/* As if the start had not been asked for.  A unit dropped between the two stays dropped. */
void schedule_not_now(struct schedule *s, uint32_t unit, enum reason why)
{
	struct note *n = &s->note[unit];

	BUG_UNLESS(unit < s->n_units && n->phase == PHASE_RUNNING);
	slots_give(s, unit);
	n->attempts--;
	n->reason = (uint8_t)why;
	schedule_set_phase(s, unit, PHASE_PARKED);
	if (n->flags & NOTE_EXPIRED)
		schedule_settle(s, unit, STATE_TIMED_OUT, n->stop_reason, UNIT_NONE);
	else
		schedule_drop_if_unwanted(s, unit);
	schedule_propagate(s);
}

void schedule_wake(struct schedule *s, uint32_t unit)
{
	BUG_UNLESS(unit < s->n_units);
	if (s->note[unit].phase != PHASE_PARKED)
		return;
	schedule_set_phase(s, unit, PHASE_READY);
	ready_push(s, unit);
}

static void no_longer_held(struct schedule *s)
{
	if (!--s->n_held)
		s->recalled = s->call_back = false;
}

void schedule_begun(struct schedule *s, uint32_t unit)
{
	const struct note *n = &s->note[unit];

	BUG_UNLESS(unit < s->n_units && n->phase == PHASE_HELD);
	no_longer_held(s);
	slots_take(s, unit);
	schedule_set_phase(s, unit, PHASE_RUNNING);
	if ((n->flags & NOTE_EXPIRED) || (s->canceled && is_dropped(s, unit)))
		queue_push(&s->stops, unit);
}

void schedule_returned(struct schedule *s, uint32_t unit, bool unfit)
{
	struct note *n = &s->note[unit];

	BUG_UNLESS(unit < s->n_units && n->phase == PHASE_HELD);
	no_longer_held(s);
	busy_drop(s, unit);
	n->attempts--;
	if (unfit)
		n->flags |= NOTE_UNFIT;
	schedule_set_phase(s, unit, PHASE_READY);
	ready_push(s, unit);
	schedule_drop_if_unwanted(s, unit);
	if (n->phase != PHASE_FINAL && (n->flags & NOTE_EXPIRED)) /* its own time, not its group's */
		schedule_settle(s, unit, STATE_TIMED_OUT, n->stop_reason, UNIT_NONE);
	schedule_propagate(s);
}

/*
 * Every group that no other wants is shut, which reaches all but `finally`.  A group that an
 * abort had shut before is not reached again, so what runs is looked up one by one.
 */
void schedule_cancel(struct schedule *s, enum reason why)
{
	const struct graph *g = s->g;
	struct crowd how = {.state = STATE_CANCELED, .reason = (uint8_t)why, .cause = UNIT_NONE};

	if (s->canceled)
		return;
	s->canceled = true;
	s->cancel_reason = (uint8_t)why;
	for (uint32_t j = 0; j < s->n_groups; j++)
		if (g->want_at[g->group[j].end] == g->want_at[g->group[j].end + 1])
			schedule_shut(s, j, &how, false);
	for (uint32_t u = 0; u < s->n_units; u++)
		if (g->unit[u].kind == UNIT_STEP && g->want_at[u] == g->want_at[u + 1])
			schedule_drop(s, u, &how);
	schedule_drain_shut(s);
	for (uint32_t u = 0; u < s->n_units; u++)
		if (s->note[u].phase == PHASE_RUNNING && is_dropped(s, u))
			queue_push(&s->stops, u);
	schedule_propagate(s);
}

void schedule_stop(struct schedule *s, uint32_t unit, enum reason why)
{
	struct note *n = &s->note[unit];

	if (n->flags & NOTE_EXPIRED)
		return;
	n->flags |= NOTE_EXPIRED;
	n->stop_reason = (uint8_t)why;
	s->call_back |= n->phase == PHASE_HELD;
	queue_push(&s->stops, unit);
}

void schedule_expire(struct schedule *s, uint32_t unit, enum reason why)
{
	struct note *n = &s->note[unit];

	BUG_UNLESS(unit < s->n_units);
	if (n->phase == PHASE_FINAL || (n->flags & NOTE_EXPIRED))
		return;
	if (s->g->unit[unit].kind == UNIT_END)
		schedule_expire_group(s, s->g->unit[unit].group, why);
	else if (n->phase == PHASE_RUNNING || n->phase == PHASE_HELD)
		schedule_stop(s, unit, why);
	else
		schedule_settle(s, unit, STATE_TIMED_OUT, why, UNIT_NONE);
	schedule_propagate(s);
}

void schedule_set_slots(struct schedule *s, uint32_t slots)
{
	s->slots = s->allowed = slots;
}

void schedule_allow(struct schedule *s, uint32_t slots)
{
	s->allowed = slots;
}

void schedule_preset(struct schedule *s, uint32_t unit, enum state state, enum reason why)
{
	bool is_gate;

	BUG_UNLESS(!s->begun && unit < s->n_units && state_is_final(state));
	is_gate = s->g->unit[unit].kind != UNIT_STEP;
	BUG_UNLESS(!is_gate || state_is_ok(state));
	unit = graph_opening(s->g, unit);
	if (s->note[unit].phase == PHASE_FINAL)
		return;
	schedule_leave_out(s, unit, is_gate && state == STATE_SUCCEEDED ? STATE_CACHED : state, why, UNIT_NONE);
}
