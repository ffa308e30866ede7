/*
 * Which unit waits for which: flat arrays with indices, constant once sealed.
 *
 * A unit is one instance of a step, or a gate.  A group is a job that has members: a
 * job with steps, a composite, the instances of a matrix, and the root (what the
 * command line asks for).  Each group has a BEGIN gate, before which none of its
 * members starts, and an END gate, which settles when all members have; stages add a
 * STAGE gate each.  Gates keep barriers linear: 100 x 100 jobs are 200 edges and a
 * gate, not 10,000 edges.
 *
 * The graph knows nothing of Jobfiles: what a unit does lies in the expansion beside
 * it (expand.h), under the same number.
 *
 * graph_seal() adds what must hold of every graph, so that no builder can forget it:
 *
 * - a member that waits for no gate of a group that wants it waits for that group's BEGIN
 *   (for a member that is an END: its own BEGIN does);
 * - a stand-in is marked UNIT_STAND_IN and waits for the end of what it stands in for
 *   (again: if it is an END, its BEGIN does), and whoever needs the primary to be `ok`
 *   also waits for the stand-in, as do the STAGE and END that the primary counts for, and
 *   the ALWAYS members beside it (so a `finally` cannot stand in for what it comes after);
 * - the same need, member or retry pace given twice is one.
 */
#ifndef JOB_GRAPH_H
#define JOB_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UNIT_NONE = UINT32_MAX, GROUP_NONE = UINT32_MAX, POOL_NONE = UINT16_MAX };
enum { SLOTS_ALL = UINT16_MAX }; /* weight: runs alone */

enum unit_kind {
	UNIT_STEP,
	UNIT_BEGIN,
	UNIT_STAGE, /* opens a stage: settles when the stage before has */
	UNIT_END,
};

/* What a need asks of the other end.  One list for the reader, the ledger and messages. */
#define CONDS(COND)                                                                                \
	COND(OK, "ok", "it succeeded, was cached, was skipped, or failed under `continue`")        \
	COND(DONE, "done", "it ended, however")                                                    \
	COND(FAILED, "failed", "it failed, timed out, was interrupted or lost")                    \
	COND(SKIPPED, "skipped", "it was skipped")                                                 \
	COND(ANY, "any", "it ended, or will never run")
enum cond {
#define COND(id, word, sentence) COND_##id,
	CONDS(COND)
#undef COND
	/* On a gate: open unless the gate was blocked or failed.  To a member that another
	 * group still wants it is open even then, and an aborted gate always is: what a shut
	 * group means for its members reaches them by the group (schedule.h). */
	COND_OPEN,
};

enum on_failure { ON_FAILURE_ABORT, ON_FAILURE_SKIP_DEPENDENTS, ON_FAILURE_CONTINUE, ON_FAILURE_FALLBACK };

enum unit_flag {
	UNIT_ASKS = 1 << 0,	     /* the engine decides before each first start: when, skip_if, require, freshness */
	UNIT_CRITICAL = 1 << 1,	     /* its failure is its group's failure */
	UNIT_ALWAYS = 1 << 2,	     /* finally: runs after the other members of its groups, whatever became of them, also
				      * after abort and cancel; on an END: the whole group does */
	UNIT_STAND_IN = 1 << 3,	     /* fallback_only: runs only when one it stands in for failed */
	UNIT_INSTANT = 1 << 4,	     /* nothing to start (noop): the schedule settles it as succeeded itself */
	UNIT_ASKS_STATUS = 1 << 5,   /* its condition calls ok() failed() ...: it is asked even when a need did not hold */
	UNIT_PLAIN = 1 << 6,	     /* whether it ended well its exit alone says, and to start it takes nothing but a slot */
};

struct unit {
	uint8_t kind;
	uint8_t on_failure;
	uint8_t flags;
	uint16_t slots;	       /* weight against -j; 0 counts as 1 for steps; gates take none */
	uint16_t pool;	       /* POOL_NONE */
	uint16_t pool_weight;
	int16_t priority;      /* higher first */
	uint16_t retry;	       /* index into graph's retry table; 0 = the policy "none" */
	uint32_t rule;	       /* needs_rule: 0 = all, else so many must hold (order_only, OPEN apart) */
	uint32_t group;	       /* STEP: the group that its policy `abort` stops, if that heeds_abort;
				* gates: the group they belong to */
	uint32_t stand_in;     /* ON_FAILURE_FALLBACK: what stands in, a group by its END; else UNIT_NONE */
	float cost_ms;	       /* expected duration; 0 = unknown */
};

/* How often and when a step is tried again. */
struct retry_pace {
	uint32_t max;	    /* further attempts; 0 = none */
	int64_t delay_ms;
	double backoff;	    /* factor per further attempt, >= 1 */
	int64_t max_delay_ms; /* 0 = no cap */
	double jitter;	    /* 0..1: the pause is drawn from delay*(1-j) to delay*(1+j), then capped */
};

struct need {
	uint32_t unit; /* the one waited for */
	uint8_t cond;  /* enum cond */
	bool order_only; /* `after`: never blocks and is not counted by a needs_rule */
};

struct pool_decl {
	const char *name; /* borrowed */
	uint32_t slots;
};

struct group {
	uint32_t begin, end;	/* gates */
	/* The policy `abort` of a member that failed stops it: a job with steps, and the root without
	 * -k.  Else a member's failure is judged by the three below alone. */
	bool heeds_abort;
	/* What stops it stops the groups above, whatever the policy of its END: it is no job, it only
	 * holds together what was not asked for by name but is needed. */
	bool passes_abort;
	bool stop_on_failure;	/* after a failed member nothing new of the next stages starts */
	bool stop_at_once;	/* fail_fast: nothing new at all starts, whatever the member's policy */
	uint32_t fail_limit;	/* stop at so many failed members; 0 = no limit (the root under -k N) */
	bool asks_end;		/* the engine judges the end (`success`) */
};

struct graph {
	struct unit *unit;
	uint32_t n_units;
	/* What unit u waits for: need[need_at[u]] .. need[need_at[u + 1] - 1]; and who waits for it. */
	uint32_t *need_at, *user_at;
	struct need *need;
	uint32_t *user; /* the waiting unit of each need, grouped by the waited-for; user_need: its index in need */
	uint32_t *user_need;
	uint32_t n_needs;

	struct group *group;
	uint32_t n_groups;
	uint32_t *member_at, *member; /* units (a sub-group by its END) that each group wants, in order */
	uint32_t *want_at, *want;     /* the reverse: the groups that want each unit */
	uint32_t n_members;
	uint32_t root;		      /* the group that is the run */

	struct retry_pace *retry;
	uint32_t n_retries;
	struct pool_decl *pool;
	uint32_t n_pools;
};

/* --- building ----------------------------------------------------------------------------------- */

struct graph_builder;

struct graph_builder *graph_builder_new(void);
/*
 * Open a builder on g, to append to it.  New units may need old ones; an old unit gets no new need, but
 * that of an END on a new member.  graph_seal() then returns g itself, extended, with every number as it
 * was; nothing may look at g's arrays from before.  Until then, and if the builder is freed instead, g
 * stays as it is.  Extending costs the size of the whole graph: 0.13 s for a million units.
 */
struct graph_builder *graph_extend(struct graph *g);
void graph_builder_free(struct graph_builder *b);

uint32_t graph_add_unit(struct graph_builder *b, const struct unit *u);
struct unit *graph_unit(struct graph_builder *b, uint32_t unit); /* valid until the next add */
/* Its BEGIN and END gates are made with it; END waits for every member (any), and BEGIN.  Both gates have
 * no flags: give END UNIT_CRITICAL where its failure is that of the groups that want it. */
uint32_t graph_add_group(struct graph_builder *b, const struct group *g);
struct group *graph_group(struct graph_builder *b, uint32_t group);
/* group wants unit; if unit is an END, the whole group behind it. */
void graph_add_member(struct graph_builder *b, uint32_t group, uint32_t unit);
void graph_add_need(struct graph_builder *b, uint32_t unit, uint32_t on, enum cond cond, bool order_only);
/* At most 65,535 paces that differ, and as many pools: whoever reads Jobfiles refuses more. */
uint16_t graph_add_retry(struct graph_builder *b, const struct retry_pace *r);
uint16_t graph_add_pool(struct graph_builder *b, const char *name, uint32_t slots); /* 0 slots count as 1 */
void graph_set_root(struct graph_builder *b, uint32_t group);

/*
 * Make it constant and free the builder.  If it has a cycle, returns NULL, leaves the builder alone and
 * gives the units of one cycle, each needing the next and the last the first, from the
 * lowest number on (the caller frees *ret_cycle).
 */
struct graph *graph_seal(struct graph_builder *b, uint32_t **ret_cycle, size_t *ret_n);
void graph_free(struct graph *g);

/* What of unit groups want: unit itself, or for a BEGIN the END. */
static inline uint32_t graph_subject(const struct graph *g, uint32_t unit)
{
	return g->unit[unit].kind == UNIT_BEGIN ? g->group[g->unit[unit].group].end : unit;
}

/* The reverse: what starts when unit, or the group that it ends, starts. */
static inline uint32_t graph_opening(const struct graph *g, uint32_t unit)
{
	return g->unit[unit].kind == UNIT_END ? g->group[g->unit[unit].group].begin : unit;
}

static inline bool graph_is_always(const struct graph *g, uint32_t unit)
{
	return g->unit[graph_subject(g, unit)].flags & UNIT_ALWAYS;
}

/* Units in an order in which every need comes first, file order among equals; n_units of them.
 * This is the order that -n lists. */
void graph_order(const struct graph *g, uint32_t *ret_order);

#endif
