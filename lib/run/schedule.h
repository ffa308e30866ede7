/*
 * What happens next: a pure state machine.  Events and the time go in, actions come
 * out; there is no I/O, no clock and no process here.  The cost of an event does not
 * grow with the number of units (a heap's logarithm aside), and nothing recurses.
 *
 *	pending --needs hold--> (asked) --> ready --slot, pool--> running --> final
 *	                           |                               |  ^
 *	                           +-> skipped, cached, failed      v  | due
 *	                                                         waiting (retry)
 *
 * The graph is borrowed and constant; the schedule keeps its notes beside it, so two runs
 * can share one graph.  What needs, policies and groups mean is said at the top of
 * schedule.c and in doc/design/run.md.  The rule of what a failure counts for:
 *
 * A unit that has settled is clean, soft or hard for the groups that want it.
 * - hard: it failed (state.def) and is critical.  The group fails.
 * - soft: it failed and is not critical.  The group is degraded.
 * - clean: it ended well, was cached or skipped; or it failed and its stand-in succeeded.
 * - blocked: as the need that did not hold.  An `ok` need on something hard is hard, on
 *   something soft is soft; a `failed` or `skipped` need whose case did not come is clean;
 *   an aborted or canceled unit is hard for those who need it, because it is no evidence.
 *   A unit that is not critical is at most soft.  Only a failure counts for fail_limit and
 *   starts the policy `abort`; what is hard without having failed makes the group fail,
 *   stops the next stage, and stops a group that stops at once (fail_fast).
 * - aborted, canceled: the group's own end says it (below).
 * A critical failure under `continue` is hard and yet releases its dependents.
 *
 * A group's END is, in this order: what its BEGIN is, unless that succeeded; what
 * schedule_answer says (asks_end; not asked after a cancel or an abort from outside);
 * failed if a member was hard; canceled if one was canceled; if one was aborted, failed if
 * anything of the group ran, else aborted; else succeeded.
 */
#ifndef RUN_SCHEDULE_H
#define RUN_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "job/graph.h"

enum state {
#define STATE(id, word, final, ok, failure, sentence) STATE_##id,
#include "run/state.def"
#undef STATE
	STATE_COUNT,
};

const char *state_word(enum state s);
bool state_is_final(enum state s);
bool state_is_ok(enum state s);
bool state_is_failure(enum state s);

enum reason {
#define REASON(id, word, sentence) REASON_##id,
#include "run/reason.def"
#undef REASON
	REASON_COUNT,
};

const char *reason_word(enum reason r);
const char *reason_sentence(enum reason r); /* with %s for the cause, if it has one */
/* The same with its cause, appended; ? for one that is not known. */
void reason_say(struct buf *out, enum reason r, const char *cause);

struct schedule;

struct schedule_options {
	uint32_t slots;	      /* -j; at least 1 */
	bool shuffle;	      /* random order among what is ready */
	uint64_t seed;	      /* for shuffle and jitter */
	bool ignore_failures; /* -i: every failure counts as continue + not critical */
	bool ahead;	      /* ACTION_HOLD is understood */
};

struct schedule *schedule_new(const struct graph *g, const struct schedule_options *o);
/* The graph's costs have become known, before anything has begun: what goes first is settled anew. */
void schedule_rank(struct schedule *s);
void schedule_free(struct schedule *s);

/* --- actions ------------------------------------------------------------------------------------ */

enum action_kind {
	ACTION_ASK,	/* decide for unit (conditions, freshness; for an END: the group's success): schedule_answer */
	ACTION_START,	/* start attempt number `attempt` of unit: schedule_ended (or schedule_not_now) */
	ACTION_STOP,	/* stop the attempt that runs; its end still comes by schedule_ended */
	ACTION_SETTLED, /* unit has reached the final state `state`, because of `reason` and `cause` */
	ACTION_WAITS,	/* unit pauses for pause_ms before attempt `attempt` */
	ACTION_HOLD,	/* get attempt `attempt` of unit ready, to begin by itself in the place of a plain one that ends:
			 * schedule_begun or schedule_returned */
	ACTION_RECALL,	/* none that is held may begin by itself any more: each comes by one of the two */
};

struct action {
	enum action_kind kind;
	uint32_t unit;
	uint32_t attempt; /* from 1 */
	enum state state;
	enum reason reason;
	uint32_t cause;	  /* a unit, or UNIT_NONE */
	bool needs_held;  /* ACTION_ASK: false for a unit that asks status although a need did not hold */
	bool plain;	  /* START, HOLD: if it exits with 0, the oldest that is held may begin in its place at once */
	int64_t pause_ms; /* ACTION_WAITS */
};

/*
 * The next thing to carry out; false when there is nothing until the next event or
 * schedule_due().  Stops come first, then what has settled (every unit once, gates too), pauses,
 * questions, and starts last.
 */
bool schedule_next(struct schedule *s, int64_t now_ms, struct action *ret);

/* The same, but only what has come of what happened: stops, what has settled, pauses. */
bool schedule_news(struct schedule *s, struct action *ret);

/* When a pause ends next: monotonic milliseconds, INT64_MAX if never. */
int64_t schedule_due(const struct schedule *s);

/* Up to max units that will be started next if slots were free, best first: for intents committed ahead.
 * Costs max log max, whatever is ready.  Pools count: what its pool would hold back is not named. */
size_t schedule_peek(struct schedule *s, uint32_t *ret_units, size_t max);

/* --- events ------------------------------------------------------------------------------------- */

enum answer { ANSWER_RUN, ANSWER_SKIP, ANSWER_CACHED, ANSWER_FAIL };

/*
 * Answers an ACTION_ASK.  For an END gate: RUN = judged a success, FAIL = a failure, nothing else.  For a
 * BEGIN: SKIP and CACHED settle the whole group so, FAIL fails the END and blocks the members.  A member
 * that another group still wants goes on.  An answer that comes after the unit has settled (abort, cancel)
 * is ignored.
 */
void schedule_answer(struct schedule *s, uint32_t unit, enum answer a, enum reason why);

/*
 * The attempt that ran has ended.  state: SUCCEEDED, FAILED, TIMED_OUT, SKIPPED, CANCELED, LOST or
 * INTERRUPTED.  again: the step's own rules allow another attempt after such an end; whether one is left
 * is decided here.
 */
void schedule_ended(struct schedule *s, int64_t now_ms, uint32_t unit, enum state state, bool again,
		    enum reason why);

/* The start of ACTION_START cannot be made now (a lock, a token): it goes back to the ready ones, until
 * schedule_wake() for that unit. */
void schedule_not_now(struct schedule *s, uint32_t unit, enum reason why);
void schedule_wake(struct schedule *s, uint32_t unit);

/*
 * Held ahead.  While all slots are taken by steps of weight 1, and all that their ends can do is to let go of a slot, the
 * next to start are given out as ACTION_HOLD.  Whoever holds them begins the oldest by himself when a plain one
 * exits with 0 (schedule_ended of that one, then at once schedule_begun), and returns all of them at any other end:
 * so nothing begins that would not have begun next, whatever the end means.  What else may happen meanwhile
 * calls them back.  One that is returned is ready again, as if it had not been held; unfit: it is not to be held again.
 */
void schedule_begun(struct schedule *s, uint32_t unit);
void schedule_returned(struct schedule *s, uint32_t unit, bool unfit);

/*
 * Stop: nothing new starts (but `finally` of groups that have begun), what runs is stopped, but `finally`
 * again.  Pauses end at once.  Idempotent.
 */
void schedule_cancel(struct schedule *s, enum reason why);

/*
 * The time of unit is up, whatever it waits for: it settles as TIMED_OUT, or, if it runs, is stopped and not
 * tried again.  An END stands for its group: nothing new of it starts, what runs is stopped, `finally` apart, and
 * the END is TIMED_OUT when all have ended.  One that has settled stays as it is.  Idempotent.
 */
void schedule_expire(struct schedule *s, uint32_t unit, enum reason why);

/* 0: nothing new starts for now.  Fewer than are taken: nothing new starts until enough are free. */
void schedule_set_slots(struct schedule *s, uint32_t slots);

/* So many of the slots are at hand: others have to be had from somebody else first (a job server). */
void schedule_allow(struct schedule *s, uint32_t slots);
/* With how many at hand the next unit could start; 0: none is ready, or it waits for what runs here. */
uint32_t schedule_wants(const struct schedule *s);

/*
 * Before the first schedule_next: leave unit out; it is settled as given (SKIPPED for --only..., CACHED for
 * a resumed success) without being asked.  A gate, BEGIN or END, stands for its whole group, and the
 * state must then be an ok one.
 */
void schedule_preset(struct schedule *s, uint32_t unit, enum state state, enum reason why);

/*
 * Append what graph g has beyond the units and groups the schedule knows: a dynamic loop's fragment.
 * g is the same graph, extended (graph_extend); what was there is unchanged, but END gates of known,
 * unsettled groups may have got new members.  Nothing else may be called between graph_seal() and this.
 * New members of a group that has been stopped meanwhile settle as its other members did; its `finally`
 * waits for new members unless it was ready before.
 */
void schedule_extend(struct schedule *s, const struct graph *g);

/* --- looking ------------------------------------------------------------------------------------ */

enum state schedule_state(const struct schedule *s, uint32_t unit);
/* Of a unit that has not settled: why not yet (for POOL_FULL the cause is the unit's pool, not a unit). */
enum reason schedule_reason(const struct schedule *s, uint32_t unit, uint32_t *ret_cause);
uint32_t schedule_attempt(const struct schedule *s, uint32_t unit); /* attempts begun */
/* An END: a member failed that was not critical, or `success` excused it; else: it failed, but was excused. */
bool schedule_is_degraded(const struct schedule *s, uint32_t unit);

struct tally {
	/* Of direct members that have settled, but total.  Succeeded: also a failed one whose stand-in succeeded.
	 * Skipped = never ran. */
	uint32_t total, succeeded, failed, skipped;
	uint32_t degraded;			    /* failed but not critical (counted in failed too) */
};
void schedule_tally(const struct schedule *s, uint32_t group, struct tally *ret);
/* Count one settled unit into t, as a group that has it would. */
void schedule_tally_add(const struct schedule *s, uint32_t unit, struct tally *t);

struct schedule_counts {
	uint32_t by_state[STATE_COUNT]; /* of steps, gates not counted */
	uint32_t slots, slots_used;
	uint32_t ready;
};
void schedule_counts(const struct schedule *s, struct schedule_counts *ret);

/* Everything has settled and been told. */
bool schedule_done(const struct schedule *s);

/* Stops the program if an invariant does not hold; tests call it after every event. */
void schedule_check(const struct schedule *s);

#endif
