/*
 * What a unit's end means for the groups that want it, and what a group's for its members.
 *
 * A group is shut at most once: by a policy (aborted), by a cancel, or because one of its
 * gates did not open.  Then it wants none of its members any more, and a member that no
 * group wants becomes what the shutting says.  What runs goes on to its end, and `finally` is
 * not touched.
 */
#include <stdlib.h>

#include "base/bug.h"
#include "run/schedule_impl.h"

/* --- members -------------------------------------------------------------------------------------- */

void schedule_adopt(struct schedule *s, uint32_t group, uint32_t unit)
{
	struct crowd *c = &s->crowd[group];

	c->adopted++;
	c->tally.total++;
	if (!graph_is_always(s->g, unit))
		c->others++;
	if (!c->given_up)
		s->note[unit].wanted++;
	if (s->note[unit].flags & NOTE_CONCLUDED)
		schedule_count_in(s, group, unit);
}

static bool has_run(const struct schedule *s, uint32_t unit)
{
	const struct note *n = &s->note[unit];

	if (s->g->unit[unit].kind == UNIT_END)
		return s->crowd[s->g->unit[unit].group].ran;
	return n->attempts || n->state == STATE_SUCCEEDED;
}

void schedule_tally_add(const struct schedule *s, uint32_t unit, struct tally *t)
{
	const struct note *n = &s->note[unit];
	bool failure = state_is_failure(n->state);

	if (n->state == STATE_SUCCEEDED || n->state == STATE_CACHED || (failure && n->grade == GRADE_CLEAN))
		t->succeeded++;
	else if (failure || (n->state == STATE_CANCELED && has_run(s, unit)))
		t->failed++;
	else
		t->skipped++;
	if (failure && n->grade == GRADE_SOFT)
		t->degraded++;
}

/* The failure of unit lets nothing new of group start. */
static bool stops(const struct schedule *s, uint32_t group, uint32_t unit)
{
	const struct group *g = &s->g->group[group];

	return g->stop_at_once || (g->heeds_abort && policy_of(s, unit) == ON_FAILURE_ABORT &&
				   state_is_failure(s->note[unit].state));
}

static void abort_group(struct schedule *s, uint32_t group, enum reason why, uint32_t cause)
{
	schedule_shut(s, group, &(struct crowd){.state = STATE_ABORTED, .reason = (uint8_t)why, .cause = cause},
		      true);
}

static void count_hard(struct schedule *s, uint32_t group, uint32_t unit)
{
	struct crowd *c = &s->crowd[group];
	uint32_t limit = s->g->group[group].fail_limit;

	if (!c->hard)
		c->first_hard = unit;
	c->hard = true;
	if (state_is_failure(s->note[unit].state))
		c->n_failed++;
	if (stops(s, group, unit))
		abort_group(s, group, REASON_POLICY_ABORT, unit);
	else if (limit && c->n_failed >= limit)
		abort_group(s, group, REASON_FAIL_LIMIT, unit);
}

/* All others have ended: one hold less on each `finally`. */
static void release_finally(struct schedule *s, uint32_t group)
{
	const struct graph *g = s->g;

	for (uint32_t i = g->member_at[group]; i < g->member_at[group] + s->crowd[group].adopted; i++) {
		uint32_t unit = graph_opening(g, g->member[i]);

		if (!graph_is_always(g, unit))
			continue;
		s->note[unit].wait.firm--;
		schedule_try(s, unit);
	}
}

void schedule_count_in(struct schedule *s, uint32_t group, uint32_t unit)
{
	struct crowd *c = &s->crowd[group];
	const struct note *n = &s->note[unit];

	schedule_tally_add(s, unit, &c->tally);
	c->ran |= has_run(s, unit);
	if (n->state == STATE_ABORTED)
		c->aborted = true;
	else if (n->state == STATE_CANCELED)
		c->canceled = true;
	else if (n->grade == GRADE_HARD)
		count_hard(s, group, unit);
	c->degraded |= n->grade == GRADE_SOFT ||
		       (s->g->unit[unit].kind == UNIT_END && s->crowd[s->g->unit[unit].group].degraded);
	if (!graph_is_always(s->g, unit) && !--c->others)
		release_finally(s, group);
}

void schedule_abort_job(struct schedule *s, uint32_t unit)
{
	const struct unit *u = &s->g->unit[unit];

	if (u->kind == UNIT_STEP && u->group != GROUP_NONE && s->g->group[u->group].heeds_abort &&
	    policy_of(s, unit) == ON_FAILURE_ABORT && state_is_failure(s->note[unit].state))
		abort_group(s, u->group, REASON_POLICY_ABORT, unit);
}

/* --- shutting ------------------------------------------------------------------------------------- */

void schedule_shut(struct schedule *s, uint32_t group, const struct crowd *how, bool by_own)
{
	struct crowd *c = &s->crowd[group];

	if (state_is_shut(c->state))
		return;
	c->state = how->state;
	c->reason = how->reason;
	c->cause = how->cause;
	c->grade = how->grade;
	c->by_own = by_own;
	queue_push(&s->shut, group);
}

void schedule_drop(struct schedule *s, uint32_t unit, const struct crowd *how)
{
	struct note *n = &s->note[unit];
	enum state state = how->state;

	if (graph_is_always(s->g, unit))
		return;
	if (s->g->unit[unit].kind == UNIT_END)
		schedule_shut(s, s->g->unit[unit].group, how, false);
	else if (n->phase == PHASE_RUNNING || n->phase == PHASE_FINAL)
		return; /* its end will come, and it is not tried again */
	else if (n->phase == PHASE_HELD)
		s->call_back = true; /* and when it has come, it is dropped */
	else if (n->attempts && state != STATE_CANCELED)
		schedule_settle(s, unit, n->last, n->last_reason, UNIT_NONE); /* between two attempts */
	else {
		n->grade = how->grade;
		schedule_settle(s, unit, state, how->reason, how->cause);
	}
}

void schedule_drop_if_unwanted(struct schedule *s, uint32_t unit)
{
	const struct unit *u = &s->g->unit[unit];
	uint32_t n = s->g->want_at[unit + 1], reason = s->cancel_reason;

	if ((u->kind != UNIT_STEP && u->kind != UNIT_END) || !is_dropped(s, unit))
		return;
	if (s->canceled)
		schedule_drop(s, unit, &(struct crowd){.state = STATE_CANCELED, .reason = (uint8_t)reason,
						       .cause = UNIT_NONE});
	else
		schedule_drop(s, unit, &s->crowd[s->g->want[n - 1]]);
}

/*
 * A group that stopped because of its own member is going to fail: the groups that
 * would stop for that need not wait for its running members.
 */
static void stop_above(struct schedule *s, uint32_t group)
{
	const struct graph *g = s->g;
	uint32_t end = g->group[group].end;
	bool aborts = policy_of(s, end) == ON_FAILURE_ABORT || g->group[group].passes_abort;

	if (g->group[group].asks_end || !(g->unit[end].flags & UNIT_CRITICAL) ||
	    policy_of(s, end) == ON_FAILURE_FALLBACK)
		return;
	for (uint32_t i = g->want_at[end]; i < g->want_at[end + 1]; i++) {
		const struct group *above = &g->group[g->want[i]];

		if (above->stop_at_once || (above->heeds_abort && aborts))
			abort_group(s, g->want[i], REASON_POLICY_ABORT, s->crowd[group].cause);
	}
}

static void shut_now(struct schedule *s, uint32_t group)
{
	const struct graph *g = s->g;
	const struct crowd how = s->crowd[group];
	uint32_t begin = g->group[group].begin;

	s->crowd[group].given_up = true;
	if (how.by_own)
		stop_above(s, group);
	if (s->note[begin].phase != PHASE_FINAL) {
		s->note[begin].grade = how.grade;
		schedule_settle(s, begin, how.state, how.reason, how.cause);
	}
	for (uint32_t i = g->member_at[group]; i < g->member_at[group] + how.adopted; i++)
		if (!--s->note[g->member[i]].wanted)
			schedule_drop(s, g->member[i], &how);
}

void schedule_drain_shut(struct schedule *s)
{
	uint32_t group;

	while (queue_pop(&s->shut, &group))
		shut_now(s, group);
}

/* What runs below group and is wanted by nobody else. */
static void stop_running(struct schedule *s, uint32_t group, enum reason why)
{
	const struct graph *g = s->g;
	struct queue groups = {0};

	queue_push(&groups, group);
	while (queue_pop(&groups, &group))
		for (uint32_t i = g->member_at[group]; i < g->member_at[group] + s->crowd[group].adopted; i++) {
			uint32_t unit = g->member[i];

			if (!is_dropped(s, unit))
				continue;
			if (g->unit[unit].kind == UNIT_END && s->note[unit].phase != PHASE_FINAL)
				queue_push(&groups, g->unit[unit].group);
			else if (s->note[unit].phase == PHASE_RUNNING || s->note[unit].phase == PHASE_HELD)
				schedule_stop(s, unit, why);
		}
	free(groups.at);
}

void schedule_expire_group(struct schedule *s, uint32_t group, enum reason why)
{
	struct crowd *c = &s->crowd[group];

	if (c->expired)
		return;
	c->expired = true;
	if (!state_is_shut(c->state)) {
		schedule_shut(s, group, &(struct crowd){.state = STATE_ABORTED, .reason = (uint8_t)why,
							.cause = UNIT_NONE}, false);
		schedule_drain_shut(s);
	}
	stop_running(s, group, why);
}

/* --- gates ---------------------------------------------------------------------------------------- */

void schedule_decide_stage(struct schedule *s, uint32_t unit)
{
	uint32_t group = s->g->unit[unit].group;
	const struct crowd *c = &s->crowd[group];
	struct note *n = &s->note[unit];
	struct crowd how = {.state = STATE_BLOCKED, .reason = REASON_NEED_FAILED, .cause = n->wait.cause,
			    .grade = n->wait.grade};

	if (state_is_shut(c->state))
		how = *c;
	else if (!n->wait.unmet && c->hard && s->g->group[group].stop_on_failure)
		how = (struct crowd){.state = STATE_ABORTED, .reason = REASON_STAGE_STOP,
				     .cause = c->first_hard};
	else if (!n->wait.unmet)
		how.state = STATE_SUCCEEDED, how.reason = REASON_NEEDS_ENDED, how.cause = UNIT_NONE;
	n->grade = how.grade;
	schedule_settle(s, unit, how.state, how.reason, how.cause);
	if (how.state != STATE_SUCCEEDED)
		schedule_shut(s, group, &how, how.state == STATE_ABORTED);
}

/* The first member that ended so: there is one. */
static const struct note *member_that_is(const struct schedule *s, uint32_t group, enum state state)
{
	const uint32_t *member = &s->g->member[s->g->member_at[group]];

	while (s->note[*member].state != state)
		member++;
	return &s->note[*member];
}

static void settle_end(struct schedule *s, uint32_t unit, uint32_t group)
{
	const struct crowd *c = &s->crowd[group];
	const struct note *by;

	if (c->hard) {
		schedule_settle(s, unit, STATE_FAILED, REASON_MEMBER_FAILED, c->first_hard);
	} else if (c->canceled) {
		by = member_that_is(s, group, STATE_CANCELED);
		schedule_settle(s, unit, STATE_CANCELED, s->canceled ? s->cancel_reason : by->reason, by->cause);
	} else if (c->aborted) {
		by = member_that_is(s, group, STATE_ABORTED);
		schedule_settle(s, unit, c->ran ? STATE_FAILED : STATE_ABORTED, by->reason, by->cause);
	} else {
		schedule_settle(s, unit, STATE_SUCCEEDED, REASON_NEEDS_ENDED, UNIT_NONE);
	}
}

void schedule_decide_end(struct schedule *s, uint32_t unit)
{
	uint32_t group = s->g->unit[unit].group;
	const struct group *gr = &s->g->group[group];
	const struct note *begin = &s->note[gr->begin];
	const struct crowd *c = &s->crowd[group];
	bool from_outside = c->canceled || (c->aborted && !c->by_own);

	if (c->expired) {
		schedule_settle(s, unit, STATE_TIMED_OUT, REASON_DEADLINE, UNIT_NONE);
	} else if (begin->state == STATE_ABORTED && c->hard) {
		settle_end(s, unit, group); /* a member that another group had started failed before this one began */
	} else if (begin->state != STATE_SUCCEEDED) {
		s->note[unit].grade = begin->grade;
		schedule_settle(s, unit, begin->state, begin->reason, begin->cause);
	} else if (gr->asks_end && !from_outside) {
		schedule_set_phase(s, unit, PHASE_ASK);
		queue_push(&s->asks, unit);
	} else {
		settle_end(s, unit, group);
	}
}
