/*
 * Schedules that a person can read.  Units have names; EXPECT drains the actions at an
 * instant and compares them with one line:
 *
 *	start a#1		attempt 1 of a is to be started
 *	a succeeded		settled; other states with their reason: b blocked (need-failed a)
 *	ask a, ask a!		a question; ! = a need did not hold
 *	a waits #2 +100		a pause of 100 ms before attempt 2
 *	stop a (deadline)	and why
 *	hold a#1, recall	attempt 1 of a is to be held; none may begin any more
 *
 * What a group does is told by its END, which has the group's name; BEGIN and STAGE gates are
 * told only if they have a name.
 */
#ifndef TESTS_UNIT_SCHEDULE_CASE_H
#define TESTS_UNIT_SCHEDULE_CASE_H

#include "base/buf.h"
#include "check.h"
#include "job/graph.h"
#include "run/schedule.h"

enum { CASE_UNITS = 256, CASE_ROOT = 0 };

struct test_case {
	struct graph_builder *b;
	struct graph *g;
	struct schedule *s;
	const char *name[CASE_UNITS];
};

static inline struct graph *case_seal(struct test_case *t)
{
	uint32_t *cycle;
	size_t n;

	t->g = graph_seal(t->b, &cycle, &n);
	CHECK(t->g != NULL);
	t->b = NULL;
	/* Exactly as many as there are: a sanitizer then sees who looks behind the last. */
	t->g->unit = realloc(t->g->unit, t->g->n_units * sizeof(*t->g->unit));
	t->g->group = realloc(t->g->group, t->g->n_groups * sizeof(*t->g->group));
	return t->g;
}

/* Group 0 is the root, named "run". */
static inline struct test_case *case_new_with(struct group root)
{
	struct test_case *t = calloc(1, sizeof(*t));

	t->b = graph_builder_new();
	graph_add_group(t->b, &root);
	graph_set_root(t->b, CASE_ROOT);
	t->name[graph_group(t->b, CASE_ROOT)->end] = "run";
	return t;
}

static inline struct test_case *case_new(void)
{
	return case_new_with((struct group){0});
}

static inline void case_free(struct test_case *t)
{
	graph_builder_free(t->b);
	schedule_free(t->s);
	graph_free(t->g);
	free(t);
}

/* A critical step under `abort`, wanted by group. */
static inline uint32_t step(struct test_case *t, uint32_t group, const char *name)
{
	uint32_t u = graph_add_unit(t->b, &(struct unit){
		.kind = UNIT_STEP, .flags = UNIT_CRITICAL, .pool = POOL_NONE, .group = group, .stand_in = UNIT_NONE});

	t->name[u] = name;
	graph_add_member(t->b, group, u);
	return u;
}

static inline struct unit *unit(struct test_case *t, uint32_t u)
{
	return graph_unit(t->b, u);
}

static inline uint32_t end_of(struct test_case *t, uint32_t group)
{
	return t->b ? graph_group(t->b, group)->end : t->g->group[group].end;
}

static inline uint32_t begin_of(struct test_case *t, uint32_t group)
{
	return t->b ? graph_group(t->b, group)->begin : t->g->group[group].begin;
}

/* A critical group that `outer` wants. */
static inline uint32_t group_in(struct test_case *t, uint32_t outer, const char *name, struct group like)
{
	uint32_t g = graph_add_group(t->b, &like);

	unit(t, end_of(t, g))->flags |= UNIT_CRITICAL;
	t->name[end_of(t, g)] = name;
	graph_add_member(t->b, outer, end_of(t, g));
	return g;
}

static inline uint32_t job(struct test_case *t, const char *name)
{
	return group_in(t, CASE_ROOT, name, (struct group){.heeds_abort = true});
}

static inline void need(struct test_case *t, uint32_t u, uint32_t on, enum cond cond)
{
	graph_add_need(t->b, u, on, cond, false);
}

static inline void policy(struct test_case *t, uint32_t u, enum on_failure p)
{
	unit(t, u)->on_failure = (uint8_t)p;
}

/* The gate before the next stage of group, behind `units`; what is behind it gets a need on it. */
static inline uint32_t stage(struct test_case *t, uint32_t group, enum cond opens, const uint32_t *units, size_t n)
{
	uint32_t gate = graph_add_unit(t->b, &(struct unit){
		.kind = UNIT_STAGE, .group = group, .pool = POOL_NONE, .stand_in = UNIT_NONE});

	graph_add_need(t->b, gate, begin_of(t, group), COND_OPEN, false);
	for (size_t i = 0; i < n; i++)
		graph_add_need(t->b, gate, units[i], opens, false);
	return gate;
}

static inline void run_with(struct test_case *t, struct schedule_options o)
{
	case_seal(t);
	t->s = schedule_new(t->g, &o);
}

static inline void run(struct test_case *t, uint32_t slots)
{
	run_with(t, (struct schedule_options){.slots = slots});
}

static inline void case_add_settled(struct test_case *t, const struct action *a, struct buf *out)
{
	buf_addf(out, "%s %s", t->name[a->unit], state_word(a->state));
	if (a->reason == REASON_EXIT || a->reason == REASON_NEEDS_ENDED) {
		CHECK_INT(a->cause, UNIT_NONE);
		return;
	}
	buf_addf(out, " (%s", reason_word(a->reason));
	if (a->cause != UNIT_NONE)
		buf_addf(out, " %s", t->name[a->cause] ? t->name[a->cause] : "?");
	buf_puts(out, ")");
}

static inline void case_add_action(struct test_case *t, const struct action *a, struct buf *out)
{
	if (a->kind == ACTION_SETTLED && !t->name[a->unit])
		return;
	if (out->len)
		buf_puts(out, ", ");
	switch (a->kind) {
	case ACTION_ASK:
		buf_addf(out, "ask %s%s", t->name[a->unit], a->needs_held ? "" : "!");
		CHECK(a->needs_held == (a->cause == UNIT_NONE));
		break;
	case ACTION_START:
		CHECK_INT(a->cause, UNIT_NONE);
		buf_addf(out, "start %s#%u", t->name[a->unit], a->attempt);
		break;
	case ACTION_STOP:
		buf_addf(out, "stop %s (%s)", t->name[a->unit], reason_word(a->reason));
		break;
	case ACTION_SETTLED:
		case_add_settled(t, a, out);
		break;
	case ACTION_WAITS:
		CHECK_INT(a->reason, REASON_EXIT); /* as ended() gave it */
		buf_addf(out, "%s waits #%u +%lld", t->name[a->unit], a->attempt, (long long)a->pause_ms);
		break;
	case ACTION_HOLD:
		CHECK_INT(a->cause, UNIT_NONE);
		buf_addf(out, "hold %s#%u", t->name[a->unit], a->attempt);
		break;
	case ACTION_RECALL:
		buf_puts(out, "recall");
		break;
	}
}

static inline void case_expect(struct test_case *t, int64_t now_ms, const char *want, const char *file, int line)
{
	struct buf got = BUF_INIT;
	struct action a;

	schedule_check(t->s);
	while (schedule_next(t->s, now_ms, &a)) {
		schedule_check(t->s);
		case_add_action(t, &a, &got);
	}
	if (strcmp(got.data, want)) {
		print_message("wanted: %s\n   got: %s\n", want, got.data);
		_fail(file, line);
	}
	buf_release(&got);
}
#define EXPECT(t, now_ms, want) case_expect((t), (now_ms), (want), __FILE__, __LINE__)

static inline void ended_as(struct test_case *t, int64_t now_ms, uint32_t u, enum state state)
{
	schedule_ended(t->s, now_ms, u, state, true, REASON_EXIT);
	schedule_check(t->s);
}

static inline void ended(struct test_case *t, int64_t now_ms, uint32_t u, bool well)
{
	ended_as(t, now_ms, u, well ? STATE_SUCCEEDED : STATE_FAILED);
}

static inline void answer(struct test_case *t, uint32_t u, enum answer a, enum reason why)
{
	schedule_answer(t->s, u, a, why);
	schedule_check(t->s);
}

#endif
