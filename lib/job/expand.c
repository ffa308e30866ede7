#include "job/expand.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "base/vec.h"
#include "job/expand_impl.h"

/* --- what is being built ------------------------------------------------------------------------- */

static void note_place(struct expander *e, uint32_t unit, const struct place *p)
{
	while (e->n_places <= unit)
		VEC_PUSH(e->place, e->n_places, e->room_places,
			 ((struct place){.scope = SCOPE_NONE, .cell = CELL_NONE}));
	e->place[unit] = *p;
}

uint32_t expander_add_unit(struct expander *e, const struct unit *u, const struct place *p)
{
	uint32_t unit = graph_add_unit(e->b, u);

	note_place(e, unit, p);
	return unit;
}

uint32_t expander_add_group(struct expander *e, const struct group *g, const struct bundle *b)
{
	uint32_t group = graph_add_group(e->b, g);
	struct place p = {.step = b->step, .scope = b->scope, .cell = b->cell};

	BUG_UNLESS(group == e->n_bundles);
	VEC_PUSH(e->bundle, e->n_bundles, e->room_bundles, *b);
	note_place(e, graph_group(e->b, group)->begin, &p);
	note_place(e, graph_group(e->b, group)->end, &p);
	return group;
}

uint32_t expander_opening(struct expander *e, uint32_t unit)
{
	const struct unit *u = graph_unit(e->b, unit);

	return u->kind == UNIT_END ? graph_group(e->b, u->group)->begin : unit;
}

/* --- instances ------------------------------------------------------------------------------------ */

uint32_t expander_instance(struct expander *e, const struct job *j, uint32_t cell)
{
	if (cell == CELL_NONE)
		return e->x->job_unit[j->no];
	return e->x->instance[j->no] ? e->x->instance[j->no][cell] : UNIT_NONE;
}

void expander_note_instance(struct expander *e, const struct job *j, uint32_t cell, uint32_t unit)
{
	size_t n;

	if (cell == CELL_NONE) {
		e->x->job_unit[j->no] = unit;
		return;
	}
	if (!e->x->instance[j->no]) {
		n = cells_count(expander_job_cells(e, j));
		e->x->instance[j->no] = arena_array(e->a, n, sizeof(**e->x->instance));
		for (size_t i = 0; i < n; i++)
			e->x->instance[j->no][i] = UNIT_NONE;
	}
	e->x->instance[j->no][cell] = unit;
}

uint32_t expander_add_scope(struct expander *e, const struct scope *s)
{
	struct expansion *x = e->x;
	size_t room = e->room_scopes;

	VEC_PUSH(x->scope, x->n_scopes, e->room_scopes, *s);
	if (e->room_scopes > room)
		e->step_unit = xreallocarray(e->step_unit, e->room_scopes, sizeof(*e->step_unit));
	e->step_unit[x->n_scopes - 1] = NULL;
	return x->n_scopes - 1;
}

/* --- targets --------------------------------------------------------------------------------------- */

static void unknown_target(struct expander *e, const char *name)
{
	const char *near = target_suggest(e->jf, name);

	diag_error(e->d, MARK_NONE, "there is no job '%s'", name);
	if (!diag_suggest(e->d, near))
		diag_hint(e->d, "no step makes a file of that name either; `orchmake list` shows what there is");
}

static void add_target(struct expander *e, uint32_t unit)
{
	struct expansion *x = e->x;

	x->target_unit = xreallocarray(x->target_unit, x->n_targets + 1, sizeof(*x->target_unit));
	x->target_unit[x->n_targets++] = unit;
	graph_add_member(e->b, e->root, unit);
}

static void suggest_step(struct expander *e, const struct job *j, const char *step)
{
	struct spell s;

	spell_init(&s, step);
	for (size_t i = 0; i < j->n_steps; i++)
		spell_try(&s, j->step[i].id);
	if (s.best && *s.best)
		diag_hint(e->d, "did you mean '%s/%s'?", j->name, s.best);
}

static void want_step(struct expander *e, const char *text, const char *step, const struct job *j,
		      uint32_t unit)
{
	struct expansion *x = e->x;

	if (j->kind != JOB_STEPS || !step_find(j, step)) {
		diag_error(e->d, MARK_NONE, "'%s': job '%s' has no step '%s'", text, j->name, step);
		suggest_step(e, j, step);
		return;
	}
	expander_find_step(e, j, unit, step);
	x->asked_step = xreallocarray(x->asked_step, x->n_asked_steps + e->n_found + 1, sizeof(*x->asked_step));
	memcpy(x->asked_step + x->n_asked_steps, e->found, e->n_found * sizeof(*x->asked_step));
	x->n_asked_steps += e->n_found;
	x->n_step_targets++;
	add_target(e, unit);
}

/* A file: the step that makes it, of the instance that does. */
static bool expand_file(struct expander *e, const char *text)
{
	const struct maker *m = expander_maker_of(e, text);
	struct child c = {.cell = CELL_NONE, .call_cell = CELL_NONE, .caller = SCOPE_NONE, .shared = true};

	if (!m)
		return false;
	c.job = m->step->job;
	c.cell = m->cell;
	if (c.job->kind == JOB_STEPS)
		want_step(e, text, m->step->id, c.job, expander_expand(e, &c));
	else
		add_target(e, expander_expand(e, &c));
	return true;
}

static void expand_named(struct expander *e, const char *text)
{
	struct need_name n;
	struct child c = {.cell = CELL_NONE, .call_cell = CELL_NONE, .caller = SCOPE_NONE, .shared = true};

	need_name_split(&n, text);
	c.job = job_find(e->jf, n.job);
	if ((!c.job || (n.step && !step_find(c.job, n.step))) && expand_file(e, text))
		goto done;
	if (!c.job || n.has_more) {
		unknown_target(e, text);
		goto done;
	}
	if (n.label) {
		const struct cells *cells = expander_job_cells(e, c.job);

		c.cell = cells ? cells_find(cells, n.label) : CELL_NONE;
		if (c.cell == CELL_NONE) {
			diag_error(e->d, MARK_NONE, "job '%s' has no instance [%s]", c.job->name, n.label);
			diag_hint(e->d, "`orchmake show %s` lists them", c.job->name);
			goto done;
		}
	}
	if (n.step)
		want_step(e, text, n.step, c.job, expander_expand(e, &c));
	else
		add_target(e, expander_expand(e, &c));
done:
	need_name_release(&n);
}

static void expand_target(struct expander *e, const char *text)
{
	const struct job **job;
	bool any = false;
	size_t n;

	if (!strpbrk(text, "*?") || job_find(e->jf, text)) {
		expand_named(e, text);
		return;
	}
	n = job_select(e->jf, NULL, text, &job);
	for (size_t i = 0; i < n; i++) {
		if (job[i]->t.policy->private) /* is for other jobs */
			continue;
		expand_named(e, job[i]->name);
		any = true;
	}
	if (!any)
		unknown_target(e, text);
	free(job);
}

static void expand_targets(struct expander *e)
{
	if (e->o->n_targets) {
		for (size_t i = 0; i < e->o->n_targets; i++)
			expand_target(e, e->o->target[i]);
	} else if (e->jf->default_target) {
		expand_target(e, e->jf->default_target);
	} else if (e->jf->n_jobs) {
		expand_target(e, e->jf->job[0]->name);
	} else {
		diag_error(e->d, MARK_NONE, "the Jobfile has no jobs");
	}
}

/* --- the whole -------------------------------------------------------------------------------------- */

/* The graph is not there yet, so names are asked for by what they are made of. */
static void add_cycle_name(struct expander *e, uint32_t unit, struct buf *path)
{
	const struct unit *u = graph_unit(e->b, unit);
	struct buf name = BUF_INIT;
	size_t before;

	if (u->kind == UNIT_STEP)
		place_name(e->x, &e->place[unit], &name);
	else
		expansion_group_name(e->x, u->group, &name);
	before = path->len >= name.len ? path->len - name.len : 0;
	if (!path->len || strcmp(path->data + before, name.data)) /* not each gate of one group */
		buf_addf(path, "%s%s", path->len ? " -> " : "", name.data);
	buf_release(&name);
}

static void report_cycle(struct expander *e, uint32_t *cycle, size_t n)
{
	struct buf path = BUF_INIT;

	e->x->bundle = e->bundle;
	for (size_t i = 0; i <= n; i++)
		add_cycle_name(e, cycle[i % n], &path);
	diag_error(e->d, MARK_NONE, "the jobs wait for each other: %s", path.data);
	diag_hint(e->d, "a job that several composites have starts when all of them let it; who reads a file waits for who makes it");
	e->x->bundle = NULL;
	buf_release(&path);
	free(cycle);
}

static void expander_init(struct expander *e)
{
	e->b = graph_builder_new();
	e->x = xcalloc(1, sizeof(*e->x));
	e->x->jf = e->jf;
	e->x->arena = e->a = arena_new();
	e->x->job_cells = xcalloc(e->jf->n_jobs, sizeof(*e->x->job_cells));
	e->x->job_unit = xcalloc(e->jf->n_jobs, sizeof(*e->x->job_unit));
	for (size_t i = 0; i < e->jf->n_jobs; i++)
		e->x->job_unit[i] = UNIT_NONE;
	e->x->instance = xcalloc(e->jf->n_jobs, sizeof(*e->x->instance));
	e->open_frames = xcalloc(e->jf->n_jobs, sizeof(*e->open_frames));
	e->support[0] = e->support[1] = GROUP_NONE;
	e->root = expander_add_group(e, &(struct group){.heeds_abort = !e->o->keep_going,
							.fail_limit = e->o->fail_limit},
				     &(struct bundle){.kind = BUNDLE_ROOT, .scope = SCOPE_NONE,
						      .cell = CELL_NONE});
	graph_set_root(e->b, e->root);
}

static void expander_release(struct expander *e)
{
	graph_builder_free(e->b);
	map_release(&e->provided);
	free(e->open_frames);
	free(e->maker);
	file_index_release(&e->made);
	free(e->step_unit);
	free(e->late);
	free(e->found);
	free(e->frame);
	free(e->place);
	free(e->bundle);
}

struct expansion *expansion_build(const struct jobfile *jf, const struct expand_options *o,
				  struct diags *d)
{
	struct expander e = {.jf = jf, .o = o, .d = d};
	size_t errors = diags_errors(d), n;
	uint32_t *cycle;
	struct expansion *x;

	expander_init(&e);
	expand_targets(&e);
	expander_link_late(&e);
	expander_link_files(&e, 0);
	if (diags_errors(d) == errors) {
		e.x->graph = graph_seal(e.b, &cycle, &n);
		if (!e.x->graph)
			report_cycle(&e, cycle, n);
		else
			e.b = NULL;
	}
	x = e.x;
	if (x->graph) {
		x->place = e.place;
		x->bundle = e.bundle;
		x->step_unit = e.step_unit;
		e.place = NULL;
		e.bundle = NULL;
		e.step_unit = NULL;
	}
	expander_release(&e);
	if (x->graph)
		return x;
	expansion_free(x);
	return NULL;
}

void expansion_free(struct expansion *x)
{
	if (!x)
		return;
	graph_free(x->graph);
	free(x->place);
	free(x->bundle);
	free(x->scope);
	free(x->step_unit);
	free(x->target_unit);
	free(x->asked_step);
	free(x->job_cells);
	free(x->job_unit);
	map_release(&x->step_cells);
	map_release(&x->pool);
	free(x->instance);
	arena_free(x->arena);
	free(x);
}
