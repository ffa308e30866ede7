/* What is expected of a run: how long each step will take, by the ledger, and from that when the run will end. */
#include "base/bug.h"
#include "base/stamp.h"
#include "engine/engine_impl.h"
#include "ledger/ledger_read.h"

enum { FEW = 64 }; /* so many steps are looked up one by one: what other targets took is nobody's concern here */

/* --- durations ---------------------------------------------------------------------------------------------- */

static uint32_t count_steps(const struct graph *g, uint32_t enough)
{
	uint32_t n = 0;

	for (uint32_t u = 0; u < g->n_units && n < enough; u++)
		n += g->unit[u].kind == UNIT_STEP;
	return n;
}

/* By name, since a key holds what params come to, which a call finds out only when it begins. */
static void put_costs(struct engine *e, const struct ledger_durations *all)
{
	const struct graph *g = e->x->graph;
	struct buf name = BUF_INIT;

	for (uint32_t u = 0; u < g->n_units; u++) {
		if (g->unit[u].kind != UNIT_STEP || g->unit[u].flags & UNIT_INSTANT)
			continue;
		buf_reset(&name);
		expansion_unit_name(e->x, u, &name);
		g->unit[u].cost_ms = (float)(all ? ledger_durations_ms(all, name.data)
						 : ledger_duration_ms(e->ledger, LEDGER_BY_NAME, name.data));
	}
	buf_release(&name);
}

/* What cannot be read is not known, and the run goes on without. */
static void read_costs(struct engine *e)
{
	struct ledger_durations all = {0};

	if (count_steps(e->x->graph, FEW + 1) <= FEW)
		put_costs(e, NULL);
	else if (ledger_durations(e->ledger, LEDGER_BY_NAME, &all) && all.us.n)
		put_costs(e, &all);
	ledger_durations_release(&all);
}

void expect_begin(struct engine *e)
{
	if (e->ledger)
		read_costs(e);
	schedule_rank(e->s);
	expect_grown(e, 0);
}

/* --- what is left ------------------------------------------------------------------------------------------- */

static void add_to_rest(struct engine *e, uint32_t unit, int sign)
{
	const struct unit *u = &e->x->graph->unit[unit];

	if (u->kind != UNIT_STEP || u->flags & UNIT_INSTANT)
		return;
	if (u->cost_ms > 0)
		e->left_ms += sign * (double)u->cost_ms;
	else
		e->n_left_unknown += (uint32_t)sign;
}

void expect_grown(struct engine *e, uint32_t first)
{
	for (uint32_t u = first; u < e->x->graph->n_units; u++)
		add_to_rest(e, u, 1);
}

void expect_settled(struct engine *e, uint32_t unit)
{
	add_to_rest(e, unit, -1);
}

int64_t expect_eta_ms(const struct engine *e, int64_t mono_ns)
{
	double left = e->left_ms, longest = 0;

	if (e->n_left_unknown)
		return -1;
	for (size_t i = 0; i < e->n_running; i++) {
		const struct attempt *a = attempt_of(e, e->running[i]);
		double cost = (double)e->x->graph->unit[a->unit].cost_ms;
		double done = (double)(mono_ns - a->start_mono_ns) / (double)NS_PER_MS;

		left -= done < cost ? done : cost; /* what takes longer than ever takes nothing from the others */
		longest = cost - done > longest ? cost - done : longest;
	}
	left /= (double)e->slots;
	return (int64_t)(left > longest ? left : longest);
}
