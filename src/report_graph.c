#include "report_graph.h"

#include <stdlib.h>

#include "base/bug.h"
#include "doc/json.h"
#include "engine/engine.h"
#include "engine/stored.h"
#include "job/expand.h"

enum { DRAWN_MAX = 4000 }; /* units; the page draws jobs instead of steps where these are many */

struct path {
	const struct graph *g;
	json_t *const *by_unit;
	size_t n;
	uint32_t *order, *last; /* by unit: the need that ended last, or UNIT_NONE */
	int64_t *at;		/* when it was over; -1: never */
	bool *on;		/* the path */
};

static json_t *step_of(const struct path *p, uint32_t unit)
{
	return unit < p->n ? p->by_unit[unit] : NULL;
}

/* When the last attempt of a step ended; -1 for what had none. */
static int64_t end_of(const json_t *step)
{
	const json_t *tries = json_object_get(step, "tries"), *last;

	if (!json_array_size(tries))
		return -1;
	last = json_array_get(tries, json_array_size(tries) - 1);
	return json_integer_value(json_object_get(last, "start")) + json_integer_value(json_object_get(last, "duration"));
}

static void settle(struct path *p, uint32_t unit)
{
	const struct graph *g = p->g;
	int64_t own = end_of(step_of(p, unit));

	p->last[unit] = UNIT_NONE;
	p->at[unit] = -1;
	for (uint32_t i = g->need_at[unit]; i < g->need_at[unit + 1]; i++) {
		uint32_t on = g->need[i].unit;

		if (p->at[on] > p->at[unit]) {
			p->at[unit] = p->at[on];
			p->last[unit] = on;
		}
	}
	if (own > p->at[unit])
		p->at[unit] = own;
}

/* From what ended last back along what each waited for longest. */
static void walk(struct path *p)
{
	uint32_t at = p->g->group[p->g->root].end;

	for (; at != UNIT_NONE; at = p->last[at]) {
		json_t *step = step_of(p, at);

		p->on[at] = true;
		if (end_of(step) >= 0)
			json_object_set_new(step, "critical_path", json_true());
	}
}

/* The END of the outermost job with steps that a unit is part of; UNIT_NONE: of none. */
static uint32_t job_of(const struct path *p, const struct expansion *x, uint32_t unit)
{
	const struct unit *u = &p->g->unit[unit];
	uint32_t scope = u->kind == UNIT_STEP ? x->place[unit].scope : x->bundle[u->group].scope, group = GROUP_NONE;

	for (; scope != SCOPE_NONE; scope = x->scope[scope].caller) {
		uint32_t g = x->scope[scope].group;

		if (g != GROUP_NONE && x->bundle[g].kind == BUNDLE_JOB)
			group = g;
	}
	return group == GROUP_NONE ? UNIT_NONE : p->g->group[group].end;
}

static json_t *unit_json(const struct path *p, const struct expansion *x, uint32_t unit)
{
	const json_t *step = step_of(p, unit);
	struct buf name = BUF_INIT;
	uint32_t job = job_of(p, x, unit);
	json_t *o = json_object();

	expansion_unit_name(x, unit, &name);
	json_object_set_new(o, "name", json_string(name.data));
	json_object_set_new(o, "gate", json_boolean(p->g->unit[unit].kind != UNIT_STEP));
	if (job != UNIT_NONE)
		json_object_set_new(o, "job", json_integer(job));
	json_object_set_new(o, "critical_path", json_boolean(p->on[unit]));
	json_object_set_new(o, "state", json_string(step ? json_str(step, "state") : ""));
	buf_release(&name);
	return o;
}

static void draw(const struct path *p, const struct expansion *x, json_t *doc)
{
	json_t *units = json_array(), *edges = json_array();
	const struct graph *g = p->g;

	for (uint32_t u = 0; u < g->n_units; u++) {
		json_array_append_new(units, unit_json(p, x, u));
		for (uint32_t i = g->need_at[u]; i < g->need_at[u + 1]; i++)
			json_array_append_new(edges, json_pack("[i, i]", (int)g->need[i].unit, (int)u));
	}
	json_object_set_new(doc, "units", units);
	json_object_set_new(doc, "edges", edges);
}

/* Every step of the run is a step here, and the other way round. */
static bool agrees(const struct path *p)
{
	for (uint32_t u = 0; u < p->g->n_units; u++)
		if ((p->g->unit[u].kind == UNIT_STEP) != (step_of(p, u) != NULL))
			return false;
	return true;
}

static void find_path(const struct expansion *x, json_t *doc, json_t *const *by_unit, size_t n)
{
	size_t units = x->graph->n_units;
	struct path p = {.g = x->graph, .by_unit = by_unit, .n = n, .order = xcalloc(units, sizeof(*p.order)),
			 .last = xcalloc(units, sizeof(*p.last)), .at = xcalloc(units, sizeof(*p.at)),
			 .on = xcalloc(units, sizeof(*p.on))};

	if (agrees(&p)) {
		graph_order(p.g, p.order);
		for (size_t i = 0; i < units; i++)
			settle(&p, p.order[i]);
		walk(&p);
		if (units <= DRAWN_MAX)
			draw(&p, x, doc);
	}
	free(p.order);
	free(p.last);
	free(p.at);
	free(p.on);
}

void report_graph(json_t *doc, struct span definition, json_t *const *by_unit, size_t n)
{
	struct diags *quiet = diags_new();
	struct stored_run s;
	struct engine *e = NULL;

	if (stored_run_open(&s, definition.at, definition.len, quiet)) {
		s.o.no_ledger = true; /* today's durations change nothing of what was */
		e = engine_new(s.jf, &s.o, quiet);
	}
	if (e)
		find_path(engine_expansion(e), doc, by_unit, n);
	engine_free(e);
	stored_run_release(&s);
	diags_free(quiet);
}
