/*
 * The row of each step in the ledger.  All of them are there before anything is started or waited for; a step that
 * settles before that, as one does that is up to date, is written once, as what it came to, and many that came to the
 * same are written as one.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "doc/json.h"
#include "engine/engine_impl.h"

enum { BULK_ROWS = 5000 };

/* The instance's identity: what it is called, and the params it works with. */
static void make_key(struct engine *e, uint32_t unit, const char *name, struct buf *key)
{
	const json_t *params = e->params[e->x->place[unit].scope];
	struct digest d;

	buf_reset(key);
	buf_puts(key, name);
	if (!params || !json_object_size(params))
		return;
	json_digest(&d, params);
	buf_addf(key, "#%.16s", d.hex);
}

void engine_unit_key(struct engine *e, uint32_t unit, struct buf *key)
{
	struct buf name = BUF_INIT;

	expansion_unit_name(e->x, unit, &name);
	make_key(e, unit, name.data, key);
	buf_release(&name);
}

static void add_row(struct engine *e, uint32_t unit, const struct ledger_step_end *end)
{
	const struct place *p = &e->x->place[unit];
	const struct scope *s = &e->x->scope[p->scope];
	struct buf *name = &e->rows.name, *key = &e->rows.key, *cell = &e->rows.cell;

	buf_reset(name);
	buf_reset(cell);
	expansion_unit_name(e->x, unit, name);
	make_key(e, unit, name->data, key);
	if (p->cell != CELL_NONE)
		cells_label(expansion_step_cells(e->x, p->scope, p->step), p->cell, cell);
	else if (s->cell != CELL_NONE)
		cells_label(e->x->job_cells[s->job->no], s->cell, cell);
	ledger_step(e->ledger, e->run_no, &(struct ledger_step){
		.unit = unit, .group = e->x->graph->unit[unit].group, .key = key->data, .name = name->data,
		.job = s->job->name, .step = p->step->id, .cell = cell->len ? cell->data : NULL,
		.critical = p->step->t.policy->critical, .end = end});
	e->rows.has[unit] = true;
	e->rows.n_missing--;
}

void rows_expect(struct engine *e, uint32_t first)
{
	const struct graph *g = e->x->graph;

	e->rows.has = xreallocarray(e->rows.has, g->n_units, sizeof(*e->rows.has));
	memset(e->rows.has + first, 0, g->n_units - first);
	e->rows.n = g->n_units;
	for (uint32_t u = first; u < g->n_units; u++)
		e->rows.n_missing += g->unit[u].kind == UNIT_STEP;
}

bool rows_has(const struct engine *e, uint32_t unit)
{
	return unit < e->rows.n && e->rows.has[unit];
}

bool rows_put(struct engine *e)
{
	const struct graph *g = e->x->graph;
	bool good = true;

	for (uint32_t u = 0; good && e->rows.n_missing && u < g->n_units; u++) {
		if (g->unit[u].kind == UNIT_STEP && !e->rows.has[u])
			add_row(e, u, NULL);
		if (ledger_pending(e->ledger) >= BULK_ROWS)
			good = record_commit(e);
	}
	return good;
}

void rows_need(struct engine *e, uint32_t unit)
{
	if (!rows_has(e, unit))
		add_row(e, unit, NULL);
}

void rows_settle(struct engine *e, uint32_t unit, const struct ledger_step_end *end)
{
	if (rows_has(e, unit))
		ledger_step_settled(e->ledger, e->run_no, unit, end);
	else
		add_row(e, unit, end);
}

/* 0: it is not known, or may yet become another when its job is called. */
static int64_t instance_of(struct engine *e, uint32_t unit)
{
	struct buf *name = &e->rows.name, *key = &e->rows.key;

	if (!e->params[e->x->place[unit].scope])
		return 0;
	buf_reset(name);
	expansion_unit_name(e->x, unit, name);
	make_key(e, unit, name->data, key);
	return instances_find(e, key->data, name->data);
}

static bool goes_on(const struct ledger_range *r, const struct ledger_range *step)
{
	return r->n && step->unit == r->unit + r->n && step->instance == r->instance + r->n && step->seq == r->seq + r->n &&
	       step->group == r->group && step->critical == r->critical && step->state == r->state &&
	       step->reason == r->reason && step->kind == r->kind && step->wall_ms == r->wall_ms;
}

bool rows_join(struct engine *e, const struct ledger_range *step)
{
	struct ledger_range *r = &e->rows.range, s = *step;

	if (rows_has(e, s.unit))
		return false;
	s.instance = instance_of(e, s.unit);
	if (!s.instance)
		return false;
	if (!goes_on(r, &s)) {
		rows_close(e);
		*r = s;
		r->n = 0;
	}
	r->n++;
	e->rows.has[s.unit] = true;
	e->rows.n_missing--;
	return true;
}

void rows_close(struct engine *e)
{
	if (e->rows.range.n)
		ledger_range(e->ledger, e->run_no, &e->rows.range);
	e->rows.range.n = 0;
}

void rows_init(struct engine *e)
{
	buf_init(&e->rows.name);
	buf_init(&e->rows.key);
	buf_init(&e->rows.cell);
	buf_init(&e->rows.instances.text);
}

void rows_release(struct engine *e)
{
	buf_release(&e->rows.name);
	buf_release(&e->rows.key);
	buf_release(&e->rows.cell);
	instances_release(&e->rows.instances);
	free(e->rows.has);
}
