/*
 * Inside of the graph: what is collected while it is built (graph.c), what has to hold of every graph and is added
 * before it is sealed (graph_hold.c), its order and its cycles (graph_order.c).
 */
#ifndef JOB_GRAPH_IMPL_H
#define JOB_GRAPH_IMPL_H

#include "job/graph.h"

struct graph_link {
	uint32_t user;
	struct need need;
};

struct membership {
	uint32_t group, unit;
};

struct graph_builder {
	struct unit *unit;
	size_t n_units, room_units;
	struct group *group;
	size_t n_groups, room_groups;
	struct graph_link *link;
	size_t n_links, room_links;
	struct membership *member;
	size_t n_members, room_members;
	struct retry_pace *retry;
	size_t n_retries, room_retries;
	struct pool_decl *pool;
	size_t n_pools, room_pools;
	uint32_t root;
	struct graph *old; /* what is extended, or NULL; the first so many of each are its own: */
	uint32_t old_units, old_groups;
};

void graph_push_need(struct graph_builder *b, uint32_t unit, uint32_t on, enum cond cond, bool order_only);

/* --- graph_hold.c --- */

/* Stand-ins for stand-ins that come back to the first; false if there are none.  The caller frees *ret_cycle. */
bool graph_stand_in_cycle(const struct graph_builder *b, uint32_t **ret_cycle, size_t *ret_n);
/* Members wait for the gates of their groups, `finally` for the others, stand-ins for whom they stand in for. */
void graph_hold_back(struct graph_builder *b);
/* Start of each key's run after a stable counting sort of n keys; at[n_keys] is n.  The caller frees. */
uint32_t *graph_runs_of(const void *first_key, size_t stride, size_t n, size_t n_keys);

/* --- graph_order.c --- */

/* Units that wait for each other in a circle; false if there are none.  The caller frees *ret_cycle. */
bool graph_need_cycle(const struct graph *g, uint32_t **ret_cycle, size_t *ret_n);
/* The same circle, beginning with its lowest number. */
void graph_rotate(uint32_t *cycle, size_t n);

#endif
