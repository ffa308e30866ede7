/* What a run gets while it is under way: the members of a loop over a result. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"
#include "job/expand_impl.h"

/* What was there, so that a loop that cannot be made leaves nothing behind. */
struct before {
	uint32_t units, scopes;
};

static void expander_reopen(struct expander *e)
{
	struct expansion *x = e->x;

	e->b = graph_extend(x->graph);
	e->a = x->arena;
	e->place = x->place;
	e->n_places = e->room_places = x->graph->n_units;
	e->bundle = x->bundle;
	e->n_bundles = e->room_bundles = x->graph->n_groups;
	e->step_unit = x->step_unit;
	e->room_scopes = x->n_scopes;
	e->support[0] = e->support[1] = GROUP_NONE;
	e->root = x->graph->root;
	e->open_frames = xcalloc(x->jf->n_jobs, sizeof(*e->open_frames));
}

static void expander_settle(struct expander *e)
{
	e->x->place = e->place;
	e->x->bundle = e->bundle;
	e->x->step_unit = e->step_unit;
	map_release(&e->provided);
	free(e->open_frames);
	free(e->maker);
	file_index_release(&e->made);
	free(e->late);
	free(e->found);
	free(e->frame);
}

/* At most so many at a time: each waits for the one so many places before it. */
static void limit(struct expander *e, const uint32_t *unit, size_t i, uint32_t max)
{
	if (max && i >= max)
		graph_add_need(e->b, expander_opening(e, unit[i]), unit[i - max], COND_ANY, true);
}

static void add_elements(struct expander *e, uint32_t group, uint32_t n)
{
	const struct bundle b = e->bundle[group];
	size_t count = 0;
	uint32_t *unit = xcalloc((size_t)n * b.stage->n_jobs + 1, sizeof(*unit));

	for (uint32_t i = 0; i < n; i++)
		for (size_t k = 0; k < b.stage->n_jobs; k++) {
			const struct child c = {.job = b.stage->job[k], .cell = CELL_NONE, .call_cell = CELL_NONE,
						.loop = b.stage, .element = i, .caller = b.scope};

			unit[count] = expander_expand(e, &c);
			expander_add_member(e, group, graph_group(e->b, group)->begin, unit[count]);
			limit(e, unit, count++, b.stage->loop->max_parallel);
		}
	free(unit);
	expander_link_late(e);
}

/* One instance of a late step; if it calls a job, with that job's instance. */
static uint32_t late_instance(struct expander *e, const struct bundle *b, uint32_t cell)
{
	const struct scope sc = e->x->scope[b->scope];
	struct frame f = {.job = sc.job, .cell = sc.cell, .scope = b->scope, .caller = sc.caller, .call = sc.call,
			  .call_cell = sc.call_cell, .loop = sc.loop, .element = sc.element};
	struct child c = {.cell = CELL_NONE, .call = b->step, .call_cell = cell, .caller = b->scope};
	uint32_t called;

	if (b->step->t.act->kind == ACT_JOB) {
		c.job = job_find(e->jf, b->step->t.act->job);
		called = expander_expand(e, &c);
		f.child = &c;
		f.n_children = 1;
		f.got = &called;
	}
	return expander_make_instance_of_step(e, &f, b->step, cell);
}

static void add_instances(struct expander *e, uint32_t group, json_t *list)
{
	const struct bundle b = e->bundle[group];
	uint32_t n = (uint32_t)json_array_size(list), *unit = xcalloc((size_t)n + 1, sizeof(*unit));

	(void)expander_late_cells(e, b.step, b.scope, list);
	for (uint32_t i = 0; i < n; i++) {
		unit[i] = late_instance(e, &b, i);
		expander_add_member(e, group, graph_group(e->b, group)->begin, unit[i]);
		limit(e, unit, i, b.step->t.policy->foreach->max_parallel);
	}
	free(unit);
	expander_link_late(e);
}

/* Names that stand for units which are not there after all. */
static void forget(struct expansion *x, const struct before *was)
{
	x->n_scopes = was->scopes;
	for (size_t j = 0; j < x->jf->n_jobs; j++) {
		if (x->job_unit[j] != UNIT_NONE && x->job_unit[j] >= was->units)
			x->job_unit[j] = UNIT_NONE;
		for (size_t i = 0; x->instance[j] && i < cells_count(x->job_cells[j]); i++)
			if (x->instance[j][i] != UNIT_NONE && x->instance[j][i] >= was->units)
				x->instance[j][i] = UNIT_NONE;
	}
}

static void refuse_cycle(struct expander *e, uint32_t *cycle)
{
	diag_error(e->d, MARK_NONE, "the jobs of the loop wait for each other");
	free(cycle);
}

bool expansion_grow(struct expansion *x, uint32_t group, json_t *list, const struct expand_options *o,
		    struct diags *d)
{
	struct expander e = {.jf = x->jf, .o = o, .d = d, .x = x};
	const struct before was = {x->graph->n_units, x->n_scopes};
	size_t errors = diags_errors(d), len;
	uint32_t *cycle;
	bool good;

	expander_reopen(&e);
	if (x->bundle[group].kind == BUNDLE_LOOP)
		add_elements(&e, group, (uint32_t)json_array_size(list));
	else
		add_instances(&e, group, list);
	expander_link_files(&e, was.units);
	good = diags_errors(d) == errors;
	if (good && !graph_seal(e.b, &cycle, &len)) {
		refuse_cycle(&e, cycle);
		good = false;
	}
	if (!good) {
		graph_builder_free(e.b);
		forget(x, &was);
	}
	expander_settle(&e);
	return good;
}
