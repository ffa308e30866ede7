/* The order of a graph, and why there may be none: units taken away one after the other. */
#include "job/graph_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

/*
 * Taking units away whose needs have been taken away.  Besides needs there is one thing more to
 * wait for: an ALWAYS member waits for the others of its group.
 */
struct unwinding {
	const struct graph *g;
	uint32_t *left;	  /* what still keeps each unit; all 0 in the end if there is no cycle */
	uint32_t *others; /* members of each group but ALWAYS ones that are left */
	uint32_t *ripe;
	uint32_t head, n;
	bool lowest_first; /* ripe is a heap, not a queue */
};

static void lowest_push(uint32_t *heap, uint32_t *n, uint32_t u)
{
	uint32_t i = (*n)++;

	for (; i && heap[(i - 1) / 2] > u; i = (i - 1) / 2)
		heap[i] = heap[(i - 1) / 2];
	heap[i] = u;
}

static uint32_t lowest_pop(uint32_t *heap, uint32_t *n)
{
	uint32_t top = heap[0], u = heap[--*n], i = 0;

	for (;;) {
		uint32_t kid = 2 * i + 1;

		if (kid + 1 < *n && heap[kid + 1] < heap[kid])
			kid++;
		if (kid >= *n || heap[kid] >= u)
			break;
		heap[i] = heap[kid];
		i = kid;
	}
	heap[i] = u;
	return top;
}

static void ripen(struct unwinding *w, uint32_t u)
{
	if (w->lowest_first)
		lowest_push(w->ripe, &w->n, u);
	else
		w->ripe[w->n++] = u;
}

static void unwinding_init(struct unwinding *w, const struct graph *g, bool lowest_first)
{
	*w = (struct unwinding){.g = g, .lowest_first = lowest_first};
	w->left = xreallocarray(NULL, (size_t)g->n_units + 1, sizeof(*w->left));
	w->ripe = xreallocarray(NULL, (size_t)g->n_units + 1, sizeof(*w->ripe));
	w->others = xcalloc((size_t)g->n_groups + 1, sizeof(*w->others));
	for (uint32_t j = 0; j < g->n_groups; j++)
		for (uint32_t i = g->member_at[j]; i < g->member_at[j + 1]; i++)
			w->others[j] += !graph_is_always(g, g->member[i]);
	for (uint32_t u = 0; u < g->n_units; u++)
		w->left[u] = g->need_at[u + 1] - g->need_at[u];
	for (uint32_t j = 0; j < g->n_groups; j++)
		for (uint32_t i = g->member_at[j]; i < g->member_at[j + 1] && w->others[j]; i++)
			w->left[graph_opening(g, g->member[i])] += graph_is_always(g, g->member[i]);
	for (uint32_t u = 0; u < g->n_units; u++)
		if (!w->left[u])
			ripen(w, u);
}

static void unwinding_release(struct unwinding *w)
{
	free(w->left);
	free(w->others);
	free(w->ripe);
}

static void free_from(struct unwinding *w, uint32_t unit)
{
	if (!--w->left[unit])
		ripen(w, unit);
}

/* One unit whose needs are gone, or UNIT_NONE. */
static uint32_t take_away(struct unwinding *w)
{
	const struct graph *g = w->g;
	uint32_t u;

	if (w->head == w->n)
		return UNIT_NONE;
	u = w->lowest_first ? lowest_pop(w->ripe, &w->n) : w->ripe[w->head++];
	for (uint32_t i = g->user_at[u]; i < g->user_at[u + 1]; i++)
		free_from(w, g->user[i]);
	for (uint32_t i = g->want_at[u]; i < g->want_at[u + 1] && !graph_is_always(g, u); i++) {
		uint32_t j = g->want[i];

		if (--w->others[j])
			continue;
		for (uint32_t k = g->member_at[j]; k < g->member_at[j + 1]; k++)
			if (graph_is_always(g, g->member[k]))
				free_from(w, graph_opening(g, g->member[k]));
	}
	return u;
}

/* Something that keeps u from being taken away: there is one. */
static uint32_t what_keeps(const struct unwinding *w, uint32_t u)
{
	const struct graph *g = w->g;
	uint32_t who = graph_subject(g, u);

	for (uint32_t i = g->need_at[u]; i < g->need_at[u + 1]; i++)
		if (w->left[g->need[i].unit])
			return g->need[i].unit;
	for (uint32_t i = g->want_at[who]; i < g->want_at[who + 1]; i++) {
		uint32_t j = g->want[i];

		for (uint32_t k = g->member_at[j]; k < g->member_at[j + 1]; k++)
			if (w->left[g->member[k]] && !graph_is_always(g, g->member[k]))
				return g->member[k];
	}
	BUG("nothing keeps unit %u", u);
}

void graph_rotate(uint32_t *at, size_t n)
{
	uint32_t *turned = xreallocarray(NULL, n, sizeof(*turned));
	size_t low = 0;

	for (size_t i = 1; i < n; i++)
		if (at[i] < at[low])
			low = i;
	for (size_t i = 0; i < n; i++)
		turned[i] = at[(low + i) % n];
	memcpy(at, turned, n * sizeof(*at));
	free(turned);
}

/* Walk from unit to what keeps it, until one comes again. */
static void find_cycle(const struct unwinding *w, uint32_t **ret_cycle, size_t *ret_n)
{
	const struct graph *g = w->g;
	uint32_t *walk = xreallocarray(NULL, g->n_units, sizeof(*walk));
	uint32_t *step = xcalloc(g->n_units, sizeof(*step)); /* when it came by, from 1 */
	uint32_t u = 0, n = 0;

	while (!w->left[u])
		u++;
	for (; !step[u]; u = what_keeps(w, u)) {
		walk[n++] = u;
		step[u] = n;
	}
	*ret_n = n - (step[u] - 1);
	memmove(walk, walk + step[u] - 1, *ret_n * sizeof(*walk));
	*ret_cycle = walk;
	free(step);
}

bool graph_need_cycle(const struct graph *g, uint32_t **ret_cycle, size_t *ret_n)
{
	struct unwinding w;
	uint32_t n = 0;

	unwinding_init(&w, g, false);
	while (take_away(&w) != UNIT_NONE)
		n++;
	if (n < g->n_units)
		find_cycle(&w, ret_cycle, ret_n);
	unwinding_release(&w);
	return n < g->n_units;
}

void graph_order(const struct graph *g, uint32_t *ret_order)
{
	struct unwinding w;
	uint32_t n = 0;

	unwinding_init(&w, g, true);
	for (uint32_t u; (u = take_away(&w)) != UNIT_NONE;)
		ret_order[n++] = u;
	BUG_UNLESS(n == g->n_units);
	unwinding_release(&w);
}
