/*
 * What the files of the schedule share.  schedule.c has the events and actions,
 * schedule_settle.c what follows from a unit's end for its dependents, schedule_group.c what
 * follows for its groups, schedule_ready.c slots, pools and pauses, schedule_grow.c the
 * notes and their counters, schedule_cost.c how long things take, schedule_ahead.c what is held, schedule_look.c the
 * questions, schedule_check.c the invariants.
 */
#ifndef RUN_SCHEDULE_IMPL_H
#define RUN_SCHEDULE_IMPL_H

#include "run/heap.h"
#include "run/schedule.h"

enum phase {
	PHASE_NEEDS,   /* waits for its needs */
	PHASE_ASK,     /* in the queue of questions */
	PHASE_ASKED,   /* the question is out */
	PHASE_READY,   /* in its lane */
	PHASE_PARKED,  /* not now: until schedule_wake */
	PHASE_HELD,    /* given out ahead: begins in the place of another */
	PHASE_RUNNING,
	PHASE_PAUSED,  /* until due_ms */
	PHASE_FINAL,
};

/* What a settled unit counts for: schedule.h. */
enum grade { GRADE_CLEAN, GRADE_SOFT, GRADE_HARD };

enum note_flag {
	NOTE_OK = 1 << 0,	 /* it satisfies an `ok` need; meaningful once concluded */
	NOTE_CONCLUDED = 1 << 1, /* its groups have counted it */
	NOTE_EXPIRED = 1 << 3,	 /* its time is up: stop_reason says which; it is not tried again */
	NOTE_LATE = 1 << 2,	 /* it failed, and whether that counts its stand-in will show */
	NOTE_LOUD = 1 << 4,	 /* more may come of its success than units that are ready: questions */
	NOTE_UNFIT = 1 << 5,	 /* not to be held */
};

/* How far a unit is with its needs; meaningful in PHASE_NEEDS. */
struct wait {
	uint32_t firm;	/* needs (and holds of `finally`) whose end is awaited in any case */
	uint32_t want;	/* so many more must hold */
	uint32_t slack; /* so many may fail to hold */
	uint32_t cause; /* the worst need that did not hold */
	uint8_t grade;	/* of that */
	bool unmet;	/* more failed to hold than may */
};

struct note {
	uint8_t phase, state, reason;
	uint8_t last, last_reason; /* how the latest attempt ended */
	uint8_t flags, grade, stop_reason;
	uint32_t cause;
	struct wait wait;
	uint32_t wanted;   /* groups that want it and are not shut */
	uint32_t attempts; /* begun */
	uint32_t place;	   /* READY, PAUSED: in the heap; RUNNING, HELD: among the busy */
	float rank;	   /* along the longest path to the end, in ms; under shuffle a random number */
};

/* Beside a group. */
struct crowd {
	struct tally tally;
	uint32_t adopted;  /* members that are in the books, the first so many */
	uint32_t others;   /* members but ALWAYS ones that have not been counted yet */
	uint32_t n_failed; /* hard failures */
	uint32_t first_hard;
	uint32_t cause;	   /* of being shut */
	uint8_t state;	   /* shut: what members that no group wants any more become; PENDING: not shut */
	uint8_t reason, grade;
	bool expired;	   /* its time is up: the END is TIMED_OUT */
	bool by_own;	   /* shut because of a failure of its own member */
	bool given_up;	   /* its members know that it is shut */
	bool hard, degraded, ran, aborted, canceled;
};

/* The ready units of one pool; lane 0 is for those without one. */
struct lane {
	struct heap ready;
	uint32_t capacity, used;
	uint32_t place;	 /* in the heap of lanes, or HEAP_NOWHERE */
	uint32_t peeked; /* schedule_peek's, 0 otherwise */
};

struct queue {
	uint32_t *at;
	uint32_t head, n, room;
};

/* One that runs or is held. */
struct busy {
	uint32_t unit;
	uint32_t slots; /* taken; 0: held */
	float after;	/* nothing that its success lets begin has a greater rank */
	bool plain;
};

/* Between two attempts. */
struct pause {
	int64_t due_ms, length_ms;
};

struct schedule {
	const struct graph *g;
	uint32_t n_units, n_groups, n_lanes; /* known; the graph's own may be ahead until schedule_extend */
	struct note *note;
	struct pause *pause; /* by unit, of those that are PAUSED: apart, as memory nobody writes to costs nothing */
	struct crowd *crowd;
	struct lane *lane;
	struct heap lanes;  /* of lanes whose best unit fits into its pool */
	struct heap pauses; /* of units, by when they are due */
	struct busy *busy;
	size_t n_busy, room_busy;
	uint32_t n_held, last_held;
	uint32_t n_plain;   /* of those that run: what is held may begin when they end */
	uint32_t n_special; /* of those that run: of another weight than 1, or in a pool */
	uint32_t n_unsure;  /* units that may become ready by no end of another: asked, parked, paused */
	bool ahead, recalled, call_back;
	bool marred; /* a unit did not come to a good end */
	int16_t top_priority;
	struct queue spread, verdicts, shut;	/* work inside an event */
	struct queue tell, asks, waits, stops;	/* actions to hand out */
	bool begun, canceled, alone;
	bool shuffle, ignore_failures;
	uint8_t cancel_reason;
	uint64_t seed, random;
	uint32_t slots, allowed, slots_used, n_ready, n_final;
	uint32_t by_state[STATE_COUNT];
	float typical_ms; /* the median of all costs that are known */
};

void queue_push(struct queue *q, uint32_t item);
bool queue_pop(struct queue *q, uint32_t *ret);

/* --- the graph, seen from here -------------------------------------------------------------------- */

static inline bool state_is_shut(uint8_t state)
{
	return state != STATE_PENDING;
}

/* It cannot be decided before the last need has ended, even if that one cannot help any more. */
static inline bool waits_for_all(const struct graph *g, uint32_t unit)
{
	const struct unit *u = &g->unit[unit];

	return u->kind == UNIT_STAGE || u->kind == UNIT_END || (u->flags & (UNIT_ASKS_STATUS | UNIT_STAND_IN)) ||
	       graph_is_always(g, unit);
}

static inline bool counts_for_rule(const struct need *n)
{
	return !n->order_only && n->cond != COND_OPEN;
}

/* A failure's policy, but for -i. */
static inline enum on_failure policy_of(const struct schedule *s, uint32_t unit)
{
	return s->ignore_failures ? ON_FAILURE_CONTINUE : (enum on_failure)s->g->unit[unit].on_failure;
}

/* No group wants it any more (or the run was canceled): nothing of it starts. */
static inline bool is_dropped(const struct schedule *s, uint32_t unit)
{
	const struct graph *g = s->g;
	uint32_t who = graph_subject(g, unit);

	if (graph_is_always(g, unit))
		return false;
	return g->want_at[who] == g->want_at[who + 1] ? s->canceled : !s->note[who].wanted;
}

/* What runs is to be stopped because its time is up. */
void schedule_stop(struct schedule *s, uint32_t unit, enum reason why);

/* --- schedule_settle.c ------------------------------------------------------------------------------ */

/* Give unit its final state; what follows is carried out by schedule_propagate. */
void schedule_settle(struct schedule *s, uint32_t unit, enum state state, enum reason why, uint32_t cause);
/* The same for a unit that may be a BEGIN, whose group is then shut with it. */
void schedule_leave_out(struct schedule *s, uint32_t unit, enum state state, enum reason why, uint32_t cause);
void schedule_set_phase(struct schedule *s, uint32_t unit, enum phase phase);
/* Its question, if any, was answered by yes: open, ready or, if there is nothing to start, done. */
void schedule_proceed(struct schedule *s, uint32_t unit, enum reason why);
/* Decide unit if its needs allow it. */
void schedule_try(struct schedule *s, uint32_t unit);
void schedule_propagate(struct schedule *s);
/* Weigh one need of unit that has ended. */
void schedule_weigh(const struct schedule *s, uint32_t unit, const struct need *n, struct wait *w);
/* Whether a need of unit has ended as far as unit is concerned. */
bool schedule_need_ended(const struct schedule *s, uint32_t unit, const struct need *n);
bool schedule_need_awaited(const struct schedule *s, uint32_t unit, const struct need *n);

/* --- schedule_group.c ------------------------------------------------------------------------------- */

/* Take unit into the books of group, which wants it. */
void schedule_adopt(struct schedule *s, uint32_t group, uint32_t unit);
void schedule_count_in(struct schedule *s, uint32_t group, uint32_t unit);
/* The policy `abort` of a member, beyond the groups that want it. */
void schedule_abort_job(struct schedule *s, uint32_t unit);
/* Nothing new of group starts, unless another group wants it; by_own: because of a member's failure. */
void schedule_shut(struct schedule *s, uint32_t group, const struct crowd *how, bool by_own);
void schedule_drain_shut(struct schedule *s);
/* Unit is wanted no more: it becomes what the group's shutting says. */
void schedule_drop(struct schedule *s, uint32_t unit, const struct crowd *how);
/* The same for a step or END that came to be open after nobody wanted it any more. */
void schedule_drop_if_unwanted(struct schedule *s, uint32_t unit);
void schedule_decide_stage(struct schedule *s, uint32_t unit);
void schedule_decide_end(struct schedule *s, uint32_t unit);

/* The time of group is up. */
void schedule_expire_group(struct schedule *s, uint32_t group, enum reason why);

/* --- schedule_ready.c ------------------------------------------------------------------------------- */

uint64_t schedule_draw(uint64_t *state);
void ready_push(struct schedule *s, uint32_t unit);
void ready_remove(struct schedule *s, uint32_t unit);
/* The unit to start now, or UNIT_NONE. */
uint32_t ready_best(const struct schedule *s);
bool ready_before(const struct schedule *s, uint32_t a, uint32_t b);
uint32_t pool_weight_of(const struct schedule *s, uint32_t unit);
uint32_t lane_of(const struct schedule *s, uint32_t unit);
/* By unit, which is among the busy. */
void slots_take(struct schedule *s, uint32_t unit);
/* And it is busy no more. */
void slots_give(struct schedule *s, uint32_t unit);
void pause_begin(struct schedule *s, int64_t now_ms, uint32_t unit);
void pause_end(struct schedule *s, uint32_t unit);
/* Make ready what is due. */
void pauses_wake(struct schedule *s, int64_t now_ms);

/* --- schedule_ahead.c ------------------------------------------------------------------------------- */

void busy_add(struct schedule *s, uint32_t unit);
void busy_drop(struct schedule *s, uint32_t unit);
/* Before anything begins: whether this graph is one in which units may be held. */
void ahead_begin(struct schedule *s);
/* What is held is not what would begin next, or may not be any more. */
bool ahead_must_recall(const struct schedule *s);
/* The unit to hold now, or UNIT_NONE. */
uint32_t ahead_best(const struct schedule *s);
/* Whether unit is plain to whoever begins what is held. */
bool ahead_is_plain(const struct schedule *s, uint32_t unit);
/* The success of what it has that need on may raise a question, here or further on. */
bool ahead_is_loud(const struct schedule *s, uint32_t user, const struct need *n);

/* --- schedule_grow.c -------------------------------------------------------------------------------- */

/* How long each unit from first on is going to take, known or guessed; the caller frees. */
float *schedule_costs(struct schedule *s, uint32_t first); /* schedule_cost.c */
/* How unit stands with its needs, counted afresh. */
void schedule_recount(const struct schedule *s, uint32_t unit, struct wait *ret);

#endif
