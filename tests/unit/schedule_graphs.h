/* Random graphs: groups in groups, stages, stand-ins, pools, needs of every kind. */
#ifndef TESTS_UNIT_SCHEDULE_GRAPHS_H
#define TESTS_UNIT_SCHEDULE_GRAPHS_H

#include <stdlib.h>

#include "base/bug.h"
#include "job/graph.h"

enum { MAX_UNITS = 400 };

/* --- chance ------------------------------------------------------------------------------------------- */

static inline uint32_t draw(uint64_t *r, uint32_t below)
{
	*r ^= *r << 13;
	*r ^= *r >> 7;
	*r ^= *r << 17;
	return (uint32_t)((*r >> 11) % below);
}

static inline bool one_in(uint64_t *r, uint32_t n)
{
	return !draw(r, n);
}

/* --- graphs ------------------------------------------------------------------------------------------- */

struct shape {
	struct graph_builder *b;
	uint64_t *r;
	uint32_t group[16], n_groups;
	uint32_t member[MAX_UNITS], n_members; /* steps and ENDs, in the order made */
	uint32_t n_pools, always; /* one in so many is ALWAYS */
	uint16_t retry;
};

static inline void add_needs(struct shape *h, uint32_t unit)
{
	for (uint32_t n = h->n_members ? draw(h->r, 4) : 0; n; n--) {
		uint32_t on = h->member[draw(h->r, h->n_members)];

		/* Mostly what makes no cycle, or there would be few graphs left. */
		if ((graph_unit(h->b, on)->kind == UNIT_END || (graph_unit(h->b, on)->flags & UNIT_ALWAYS)) &&
		    !one_in(h->r, 8))
			continue;
		graph_add_need(h->b, unit, on, (enum cond)(one_in(h->r, 2) ? COND_OK : draw(h->r, COND_OPEN)),
			       one_in(h->r, 6));
	}
	if (one_in(h->r, 8))
		graph_unit(h->b, unit)->rule = 1 + draw(h->r, 3);
}

static inline void join_groups(struct shape *h, uint32_t unit, uint32_t among)
{
	graph_add_member(h->b, h->group[draw(h->r, among)], unit);
	if (one_in(h->r, 6))
		graph_add_member(h->b, h->group[draw(h->r, among)], unit);
}

static inline void add_random_step(struct shape *h)
{
	struct unit u = {.kind = UNIT_STEP, .pool = POOL_NONE, .stand_in = UNIT_NONE,
			 .on_failure = (uint8_t)draw(h->r, ON_FAILURE_FALLBACK)};
	uint32_t unit;

	u.flags = (uint8_t)((one_in(h->r, 6) ? 0 : UNIT_CRITICAL) | (one_in(h->r, 8) ? UNIT_ASKS : 0) |
			    (one_in(h->r, h->always) ? UNIT_ALWAYS : 0) | (one_in(h->r, 12) ? UNIT_INSTANT : 0) |
			    (one_in(h->r, 12) ? UNIT_ASKS_STATUS : 0));
	u.slots = (uint16_t)(one_in(h->r, 5) ? draw(h->r, 4) : 1);
	if (one_in(h->r, 20))
		u.slots = SLOTS_ALL;
	u.priority = (int16_t)(one_in(h->r, 5) ? (int)draw(h->r, 3) - 1 : 0);
	u.cost_ms = (float)draw(h->r, 50);
	if (one_in(h->r, 4))
		u.retry = h->retry;
	if (h->n_pools && one_in(h->r, 3)) {
		u.pool = (uint16_t)draw(h->r, h->n_pools);
		u.pool_weight = (uint16_t)draw(h->r, 4);
	}
	u.group = h->group[draw(h->r, h->n_groups)];
	unit = graph_add_unit(h->b, &u);
	/* A stand-in is the last step before it, if that is free. */
	if (h->n_members && one_in(h->r, 8)) {
		uint32_t p = h->member[h->n_members - 1];

		if (graph_unit(h->b, p)->stand_in == UNIT_NONE) {
			graph_unit(h->b, unit)->flags &= (uint8_t)~UNIT_ALWAYS;
			graph_unit(h->b, p)->on_failure = ON_FAILURE_FALLBACK;
			graph_unit(h->b, p)->stand_in = unit;
		}
	}
	add_needs(h, unit);
	join_groups(h, unit, h->n_groups);
	h->member[h->n_members++] = unit;
}

static inline void add_random_group(struct shape *h)
{
	uint32_t outer = h->n_groups;
	uint32_t g = graph_add_group(h->b, &(struct group){
		.heeds_abort = one_in(h->r, 2), .stop_on_failure = one_in(h->r, 3), .stop_at_once = one_in(h->r, 5),
		.fail_limit = one_in(h->r, 5) ? 1 + draw(h->r, 3) : 0, .asks_end = one_in(h->r, 5)});
	uint32_t begin = graph_group(h->b, g)->begin, end = graph_group(h->b, g)->end;

	graph_unit(h->b, begin)->flags |= (uint8_t)(one_in(h->r, 5) ? UNIT_ASKS : 0);
	graph_unit(h->b, end)->flags |=
		(uint8_t)((one_in(h->r, 5) ? 0 : UNIT_CRITICAL) | (one_in(h->r, h->always) ? UNIT_ALWAYS : 0));
	graph_unit(h->b, end)->on_failure = (uint8_t)draw(h->r, ON_FAILURE_FALLBACK);
	add_needs(h, begin);
	join_groups(h, end, outer);
	h->member[h->n_members++] = end;
	h->group[h->n_groups++] = g;
}

/* Members so far that group wants, then a gate that later members wait for. */
static inline void add_random_stage(struct shape *h)
{
	uint32_t group = h->group[draw(h->r, h->n_groups)], n = 1 + draw(h->r, 3);
	uint32_t gate = graph_add_unit(h->b, &(struct unit){
		.kind = UNIT_STAGE, .group = group, .pool = POOL_NONE, .stand_in = UNIT_NONE});
	enum cond cond = one_in(h->r, 3) ? COND_OK : COND_DONE;

	graph_add_need(h->b, gate, graph_group(h->b, group)->begin, COND_OPEN, false);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t unit = graph_add_unit(h->b, &(struct unit){
			.kind = UNIT_STEP, .flags = UNIT_CRITICAL, .pool = POOL_NONE, .group = group,
			.stand_in = UNIT_NONE, .on_failure = (uint8_t)draw(h->r, ON_FAILURE_FALLBACK)});

		graph_add_member(h->b, group, unit);
		graph_add_need(h->b, gate, unit, cond, false);
		h->member[h->n_members++] = unit;
	}
	for (uint32_t i = 0; i < n; i++) {
		add_random_step(h);
		graph_add_need(h->b, h->member[h->n_members - 1], gate, COND_OPEN, false);
	}
}

static inline void add_random(struct shape *h)
{
	for (uint32_t n = 3 + draw(h->r, 25); n; n--) {
		if (h->n_groups < ARRAY_LEN(h->group) && one_in(h->r, 5))
			add_random_group(h);
		else if (one_in(h->r, 8))
			add_random_stage(h);
		else
			add_random_step(h);
	}
}

/* NULL if what was drawn has a cycle. */
static inline struct graph *try_random_graph(uint64_t *r)
{
	struct shape h = {.b = graph_builder_new(), .r = r};
	uint32_t *cycle;
	struct graph *g;
	size_t n;

	h.group[h.n_groups++] = graph_add_group(h.b, &(struct group){
		.stop_at_once = one_in(r, 3), .fail_limit = one_in(r, 4) ? 1 + draw(r, 4) : 0});
	graph_set_root(h.b, 0);
	h.n_pools = draw(r, 4);
	h.always = one_in(r, 2) ? 1000 : 6;
	for (uint32_t i = 0; i < h.n_pools; i++)
		graph_add_pool(h.b, "pool", 1 + draw(r, 3));
	h.retry = graph_add_retry(h.b, &(struct retry_pace){
		.max = 1 + draw(r, 3), .delay_ms = draw(r, 20), .backoff = 1.5, .jitter = 0.3});
	add_random(&h);
	g = graph_seal(h.b, &cycle, &n);
	if (!g) {
		free(cycle);
		graph_builder_free(h.b);
	}
	return g;
}

static inline struct graph *random_graph(uint64_t *r, uint32_t *n_cycles)
{
	struct graph *g;

	while (!(g = try_random_graph(r)))
		++*n_cycles;
	return g;
}

#endif
