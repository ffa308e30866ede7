#include "job/expand.h"

#include <inttypes.h>
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

/* --- matrices ------------------------------------------------------------------------------------- */

struct loop_names {
	const char *bad;
};

static void refuse_late_name(void *ctx, enum expr_root root, const char *const *path, size_t n,
			     struct mark m)
{
	struct loop_names *l = ctx;

	(void)path;
	(void)n;
	(void)m;
	if (root == ROOT_STEPS || root == ROOT_RESULTS || root == ROOT_NEEDS || root == ROOT_CONSUMES)
		l->bad = root == ROOT_STEPS ? "steps" : root == ROOT_RESULTS ? "results" : root == ROOT_NEEDS ? "needs" : "consumes";
}

static json_t *glob_values(struct expander *e, const char *pattern, struct mark at)
{
	json_t *list;

	if (!e->o->world || !e->o->world->glob)
		return json_array();
	list = e->o->world->glob(e->o->world->ctx, pattern);
	if (!list)
		diag_error(e->d, at, "foreach over '%s': a folder on the way cannot be read", pattern);
	return list;
}

static json_t *foreach_values(struct expander *e, const struct foreach_decl *f, const struct job *j, struct mark at)
{
	struct loop_names names = {0};
	struct buf err = BUF_INIT;
	json_t *list;

	if (e->o->loops_of)
		e->o->loops_of(e->o->world->ctx, j);
	if (f->glob)
		return glob_values(e, f->glob, at);
	value_names(f->over, refuse_late_name, &names);
	if (names.bad) {
		diag_error(e->d, at, "foreach over '%s', which exists only while the run is under way, "
			   "is not supported yet", names.bad);
		return NULL;
	}
	list = value_eval(f->over, e->o->world, &err);
	if (!list)
		diag_error(e->d, at, "%s", err.data);
	else if (!json_is_array(list)) {
		diag_error(e->d, at, "foreach needs a list");
		json_decref(list);
		list = NULL;
	}
	buf_release(&err);
	return list;
}

/* Two instances of one name would be one to everybody who asks for it. */
static void check_labels(struct expander *e, const struct cells *c, struct mark at)
{
	uint32_t again = cells_repeated(c);
	struct buf label = BUF_INIT;

	if (again == CELL_NONE)
		return;
	cells_label(c, again, &label);
	diag_error(e->d, at, "two instances are called '[%s]'", label.data);
	buf_release(&label);
}

/* After an error none: then it is said once, and what else is wrong can be said as well. */
static struct cells *cells_make(struct expander *e, const struct traits *t, const struct job *j, struct mark at)
{
	struct cells *c = t->policy->matrix ? cells_of_matrix(e->a, t->policy->matrix, at, e->d) : NULL;
	json_t *list;

	if (!c) {
		list = t->policy->matrix ? NULL : foreach_values(e, t->policy->foreach, j, at);
		c = cells_of_list(e->a, t->policy->matrix ? "" : t->policy->foreach->name, list ? list : json_array());
	}
	check_labels(e, c, at);
	return c;
}

const struct cells *expander_job_cells(struct expander *e, const struct job *j)
{
	if (!e->x->job_cells[j->no] && (j->t.policy->matrix || j->t.policy->foreach))
		e->x->job_cells[j->no] = cells_make(e, &j->t, j, j->mark);
	return e->x->job_cells[j->no];
}

bool step_is_late(const struct step *st)
{
	return st->job->kind != JOB_ACTION && st->t.policy->foreach && st->t.policy->foreach->late && !st->t.policy->matrix;
}

/* The cells of a late loop are those of one instance of its job. */
static char *cells_key(const struct step *st, uint32_t scope)
{
	return step_is_late(st) ? xasprintf("%s/%s#%" PRIu32, st->job->name, st->id, scope)
				: xasprintf("%s/%s", st->job->name, st->id);
}

const struct cells *expander_late_cells(struct expander *e, const struct step *st, uint32_t scope, json_t *list)
{
	struct cells *c = cells_of_list(e->a, st->t.policy->foreach->name, json_incref(list));
	char *key = cells_key(st, scope);

	check_labels(e, c, st->mark);
	map_put(&e->x->step_cells, key, c);
	free(key);
	return c;
}

const struct cells *expander_step_cells(struct expander *e, const struct step *st)
{
	char *key;
	struct cells *c;

	if (st->job->kind == JOB_ACTION || (!st->t.policy->matrix && !st->t.policy->foreach) || step_is_late(st))
		return NULL;
	key = xasprintf("%s/%s", st->job->name, st->id);
	c = map_get(&e->x->step_cells, key);
	if (!c) {
		c = cells_make(e, &st->t, st->job, st->mark);
		map_put(&e->x->step_cells, key, c);
	}
	free(key);
	return c;
}

const struct cells *expansion_step_cells(const struct expansion *x, uint32_t scope, const struct step *st)
{
	char *key = cells_key(st, scope);
	const struct cells *c = map_get(&x->step_cells, key);

	free(key);
	return c;
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

/* --- frames: which jobs a job needs to be there first ---------------------------------------------- */

void expander_add_child(struct frame *f, const struct child *c)
{
	VEC_PUSH(f->child, f->n_children, f->room_children, *c);
}

static void child_of_need(struct expander *e, struct frame *f, const struct need_decl *need)
{
	struct need_name n;
	struct child c = {.cell = CELL_NONE, .call_cell = CELL_NONE, .shared = true};

	need_name_split(&n, need->name);
	c.job = job_find(e->jf, n.job);
	if (c.job && n.label) {
		const struct cells *cells = expander_job_cells(e, c.job);

		c.cell = cells ? cells_find(cells, n.label) : CELL_NONE;
		if (c.cell == CELL_NONE)
			diag_error(e->d, need->mark, "job '%s' has no instance '%s'", c.job->name, n.label);
	}
	if (c.job && c.job != f->job)
		expander_add_child(f, &c);
	need_name_release(&n);
}

/* of_step: of one of the steps, which may need each other. */
static void children_of_traits(struct expander *e, struct frame *f, const struct traits *t, bool of_step)
{
	for (size_t i = 0; i < t->n_needs; i++)
		if (!t->need[i].order_only && !(of_step && step_find(f->job, t->need[i].name)))
			child_of_need(e, f, &t->need[i]);
	for (size_t i = 0; i < t->flow->n_consumes; i++) {
		const char *name = t->flow->consume[i].name;
		const struct job *j = expander_provider(e, f->job, name) ? NULL : artifact_provider(e->jf, f->job->ns, name);

		if (j)
			expander_add_child(f, &(struct child){.job = j, .cell = CELL_NONE,
						     .call_cell = CELL_NONE, .shared = true});
	}
}

static void children_of_call(struct expander *e, struct frame *f, const struct step *st)
{
	const struct cells *cells = expander_step_cells(e, st);
	size_t n = cells ? cells_count(cells) : 1;

	for (size_t i = 0; i < n; i++)
		expander_add_child(f, &(struct child){.job = job_find(e->jf, st->t.act->job), .cell = CELL_NONE,
					     .call = st,
					     .call_cell = cells ? (uint32_t)i : CELL_NONE});
}

static void children_of_steps(struct expander *e, struct frame *f)
{
	for (size_t i = 0; i < f->job->n_steps; i++) {
		const struct step *st = &f->job->step[i];

		if (f->job->kind != JOB_ACTION)
			children_of_traits(e, f, &st->t, true);
		if (st->t.act->kind == ACT_JOB && !step_is_late(st))
			children_of_call(e, f, st);
	}
}

static void children_of_stages(struct frame *f)
{
	for (size_t i = 0; i < f->job->n_stages; i++)
		for (size_t k = 0; k < f->job->stage[i].n_jobs && !f->job->stage[i].loop; k++)
			expander_add_child(f, &(struct child){.job = f->job->stage[i].job[k],
						     .cell = CELL_NONE, .call_cell = CELL_NONE,
						     .member = true, .shared = true});
}

/* An instance without frames of its own: one unit and nothing else. */
static bool is_plain(const struct job *j)
{
	return j->kind == JOB_ACTION && j->step[0].t.act->kind != ACT_JOB;
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

static void children_of(struct expander *e, struct frame *f, const struct cells *family)
{
	if (!f->of_family)
		children_of_traits(e, f, &f->job->t, false);
	expander_children_of_files(e, f, family);
	if (!family) {
		children_of_stages(f);
		children_of_steps(e, f);
		return;
	}
	for (size_t i = 0; !is_plain(f->job) && i < cells_count(family); i++)
		expander_add_child(f, &(struct child){.job = f->job, .cell = (uint32_t)i, .call = f->call,
					     .call_cell = f->call_cell, .loop = f->loop, .element = f->element,
					     .caller = f->caller, .member = true, .shared = !frame_is_own(f)});
}

struct given_names {
	struct expander *e;
	const struct step *call;
	const struct job *job;
};

static void refuse_given(void *ctx, enum expr_root root, const char *const *path, size_t n, struct mark m)
{
	const struct given_names *g = ctx;
	const struct value_map *given = &g->call->t.act->params;

	(void)m;
	for (size_t i = 0; root == ROOT_PARAMS && n && i < given->n; i++)
		if (!strcmp(given->name[i], path[0]))
			diag_error(g->e->d, given->mark[i], "job '%s' loops over '%s', which a call cannot give "
				   "yet", g->job->name, path[0]);
}

/* Loops are worked out before the run, the params of a call when it begins. */
static void refuse_given_loops(struct expander *e, const struct child *c)
{
	struct given_names g = {e, c->call, c->job};

	if (c->call_cell != CELL_NONE && c->call_cell) /* said for the first */
		return;
	if (c->job->t.policy->foreach && c->job->t.policy->foreach->over)
		value_names(c->job->t.policy->foreach->over, refuse_given, &g);
	for (size_t i = 0; c->job->kind == JOB_STEPS && i < c->job->n_steps; i++) {
		const struct foreach_decl *f = c->job->step[i].t.policy->foreach;

		if (f && f->over)
			value_names(f->over, refuse_given, &g);
	}
}

/* parent: the frame that wants it, or NULL for a target. */
static void push(struct expander *e, const struct child *c, const struct frame *parent)
{
	const struct cells *cells = expander_job_cells(e, c->job);
	bool family = cells && c->cell == CELL_NONE;
	struct frame f = {
		.job = c->job, .cell = c->cell, .scope = SCOPE_NONE, .call = c->call,
		.call_cell = c->call_cell, .loop = c->loop, .element = c->element,
		.caller = c->loop || !parent ? c->caller : SCOPE_NONE,
		.of_family = parent && c->member && parent->job == c->job,
		.inner = c->loop || (!parent && c->call) || (parent && (parent->inner || parent->job->kind == JOB_COMPOSITE)),
		.wanted = !parent || c->member || c->call,
	};

	if (c->call && parent) {
		f.caller = f.of_family ? parent->caller : parent->scope;
		if (!f.of_family)
			refuse_given_loops(e, c);
	}
	if (!family)
		f.scope = expander_add_scope(e, &(struct scope){
			.job = c->job, .cell = c->cell, .group = GROUP_NONE, .caller = f.caller,
			.call = c->call, .call_cell = c->call_cell, .loop = c->loop, .element = c->element,
			.unit = UNIT_NONE});
	children_of(e, &f, family ? cells : NULL);
	f.got = xcalloc(f.n_children, sizeof(*f.got));
	e->open_frames[c->job->no]++;
	VEC_PUSH(e->frame, e->n_frames, e->room_frames, f);
}

bool frame_is_own(const struct frame *f)
{
	return f->call || f->loop;
}

static void support_with(struct expander *e, uint32_t unit, bool inner)
{
	uint32_t *group = &e->support[inner];
	struct unit *end;

	if (*group == GROUP_NONE) {
		bool stops = !inner && !e->o->keep_going;

		*group = expander_add_group(e, &(struct group){.heeds_abort = stops, .passes_abort = stops},
					    &(struct bundle){.kind = BUNDLE_SUPPORT, .scope = SCOPE_NONE,
							     .cell = CELL_NONE});
		end = graph_unit(e->b, graph_group(e->b, *group)->end);
		end->flags |= UNIT_CRITICAL;
		end->on_failure = ON_FAILURE_CONTINUE; /* what failed in it has had its say already */
		graph_add_member(e->b, e->root, graph_group(e->b, *group)->end);
	}
	graph_add_member(e->b, *group, unit);
}

/* All children of the top frame are there: make its units; the one that stands for it. */
static uint32_t pop(struct expander *e)
{
	struct frame f = e->frame[e->n_frames - 1];
	uint32_t unit = f.scope == SCOPE_NONE ? expander_make_family(e, &f)
					      : expander_make_instance(e, &f);

	if (!frame_is_own(&f))
		expander_note_instance(e, f.job, f.cell, unit);
	if (!f.wanted)
		support_with(e, unit, f.inner);
	free(f.child);
	free(f.got);
	e->open_frames[f.job->no]--;
	e->n_frames--;
	return unit;
}

uint32_t expander_expand(struct expander *e, const struct child *first)
{
	uint32_t unit = first->shared ? expander_instance(e, first->job, first->cell) : UNIT_NONE;

	if (unit != UNIT_NONE)
		return unit;
	push(e, first, NULL);
	while (e->n_frames) {
		struct frame *f = &e->frame[e->n_frames - 1];

		if (f->at < f->n_children) {
			const struct child c = f->child[f->at];

			unit = c.shared ? expander_instance(e, c.job, c.cell) : UNIT_NONE;
			if (unit == UNIT_NONE)
				push(e, &c, f);
			else
				f->got[f->at++] = unit;
			continue;
		}
		unit = pop(e);
		if (e->n_frames) {
			f = &e->frame[e->n_frames - 1];
			f->got[f->at++] = unit;
		}
	}
	return unit;
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
