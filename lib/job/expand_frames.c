/* One job and all that it needs: the jobs that have to be there before it, one frame each, without recursion. */
#include "job/expand_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"

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
