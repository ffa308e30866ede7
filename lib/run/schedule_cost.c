/* How long steps are going to take, where nobody knows: like those beside them. */
#include <stdlib.h>

#include "base/bug.h"
#include "run/schedule_impl.h"

/* A duration that is known, and beside whom. */
struct sample {
	uint32_t family;
	float ms;
};

static const float SOMETHING_MS = 1; /* where nothing at all is known, each step counts as much as any other */

/* Siblings: what the same group wants first. */
static uint32_t family_of(const struct graph *g, uint32_t unit)
{
	return g->want_at[unit] < g->want_at[unit + 1] ? g->want[g->want_at[unit]] : g->n_groups;
}

static bool takes_time(const struct unit *u)
{
	return u->kind == UNIT_STEP && !(u->flags & UNIT_INSTANT);
}

static int by_ms(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	return (x->ms > y->ms) - (x->ms < y->ms);
}

static int by_family(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	return x->family != y->family ? (x->family > y->family) - (x->family < y->family) : by_ms(a, b);
}

/* What is known from first on; the caller frees. */
static struct sample *collect(const struct graph *g, uint32_t first, uint32_t *ret_n)
{
	struct sample *known = xreallocarray(NULL, g->n_units - first, sizeof(*known));
	uint32_t n = 0;

	for (uint32_t u = first; u < g->n_units; u++)
		if (takes_time(&g->unit[u]) && g->unit[u].cost_ms > 0)
			known[n++] = (struct sample){family_of(g, u), g->unit[u].cost_ms};
	*ret_n = n;
	return known;
}

static float middle(const struct sample *sorted, uint32_t n)
{
	return (sorted[(n - 1) / 2].ms + sorted[n / 2].ms) / 2;
}

/* By group, the median of what its members take; 0: unknown. */
static float *medians(struct sample *known, uint32_t n, uint32_t n_groups)
{
	float *ret = xcalloc((size_t)n_groups + 1, sizeof(*ret));

	qsort(known, n, sizeof(*known), by_family);
	for (uint32_t i = 0, end; i < n; i = end) {
		for (end = i; end < n && known[end].family == known[i].family; end++)
			;
		ret[known[i].family] = middle(known + i, end - i);
	}
	return ret;
}

static float guess(const struct schedule *s, const float *median, uint32_t unit)
{
	float ms = median ? median[family_of(s->g, unit)] : 0;

	return ms > 0 ? ms : s->typical_ms > 0 ? s->typical_ms : SOMETHING_MS;
}

float *schedule_costs(struct schedule *s, uint32_t first)
{
	const struct graph *g = s->g;
	float *ret = xcalloc(g->n_units - first, sizeof(*ret)), *median = NULL;
	uint32_t n;
	struct sample *known = collect(g, first, &n);

	if (n) {
		qsort(known, n, sizeof(*known), by_ms);
		s->typical_ms = middle(known, n);
		median = medians(known, n, g->n_groups);
	}
	for (uint32_t u = first; u < g->n_units; u++)
		if (takes_time(&g->unit[u]))
			ret[u - first] = g->unit[u].cost_ms > 0 ? g->unit[u].cost_ms : guess(s, median, u);
	free(known);
	free(median);
	return ret;
}
