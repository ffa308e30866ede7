/* An order in which each thing comes after what it waits for, or the circle that makes it impossible. */
#include "job/read.h"

#include <stdlib.h>
#include <string.h>

enum color { WHITE, GREY, BLACK };

struct walk {
	const struct link *links;
	uint32_t *at;	 /* n + 1: where the links of each begin in by_from */
	uint32_t *by_from; /* numbers of links, grouped by from */
	uint8_t *color;
	uint32_t *stack; /* the path from the start to here; GREY are those on it */
	uint32_t *next;	 /* of each: its next link to look at */
	size_t depth;
	uint32_t *order;
	size_t n_done;
};

static void group_links(struct walk *w, size_t n, size_t n_links)
{
	for (size_t i = 0; i < n_links; i++)
		w->at[w->links[i].from + 1]++;
	for (size_t i = 0; i < n; i++) {
		w->at[i + 1] += w->at[i];
		w->next[i] = w->at[i];
	}
	for (size_t i = 0; i < n_links; i++)
		w->by_from[w->next[w->links[i].from]++] = (uint32_t)i;
	memcpy(w->next, w->at, n * sizeof(*w->next));
}

/* What is on the path from `first` to the top waits in a circle. */
static void take_cycle(const struct walk *w, uint32_t first, uint32_t **ret, size_t *ret_len)
{
	size_t from = w->depth;

	while (w->stack[--from] != first)
		;
	*ret_len = w->depth - from;
	*ret = xreallocarray(NULL, *ret_len, sizeof(**ret));
	memcpy(*ret, w->stack + from, *ret_len * sizeof(**ret));
}

static void enter(struct walk *w, uint32_t i)
{
	w->color[i] = GREY;
	w->stack[w->depth++] = i;
}

/* Everything that start waits for, then start; false if it waits for itself. */
static bool visit(struct walk *w, uint32_t start, uint32_t **ret_cycle, size_t *ret_len)
{
	enter(w, start);
	while (w->depth) {
		uint32_t top = w->stack[w->depth - 1], to;

		if (w->next[top] == w->at[top + 1]) {
			w->color[top] = BLACK;
			w->depth--;
			if (w->order)
				w->order[w->n_done++] = top;
			continue;
		}
		to = w->links[w->by_from[w->next[top]++]].to;
		if (w->color[to] == GREY) {
			take_cycle(w, to, ret_cycle, ret_len);
			return false;
		}
		if (w->color[to] == WHITE)
			enter(w, to);
	}
	return true;
}

bool links_order(size_t n, const struct link *links, size_t n_links, uint32_t *order,
		 uint32_t **ret_cycle, size_t *ret_len)
{
	struct walk w = {
		.links = links,
		.at = xcalloc(n + 1, sizeof(*w.at)),
		.by_from = xcalloc(n_links + 1, sizeof(*w.by_from)),
		.color = xcalloc(n + 1, sizeof(*w.color)),
		.stack = xcalloc(n + 1, sizeof(*w.stack)),
		.next = xcalloc(n + 1, sizeof(*w.next)),
		.order = order,
	};
	bool ok = true;

	group_links(&w, n, n_links);
	for (uint32_t i = 0; ok && i < n; i++)
		if (w.color[i] == WHITE)
			ok = visit(&w, i, ret_cycle, ret_len);
	free(w.at);
	free(w.by_from);
	free(w.color);
	free(w.stack);
	free(w.next);
	return ok;
}
