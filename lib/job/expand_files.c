/* Edges by files: an output that is another step's input, and files as targets. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/vec.h"
#include "doc/json.h"
#include "job/expand_impl.h"

/* --- names of files ------------------------------------------------------------------------------- */

/* What the names of an instance's files may use: the world of loops, and the instance's own values. */
struct cell_world {
	const struct expr_world *base;
	json_t *cell, *job;
};

static const json_t *cell_get(void *ctx, enum expr_root root, const char *key)
{
	const struct cell_world *w = ctx;
	const json_t *map;

	if (root != ROOT_MATRIX && root != ROOT_FOREACH && root != ROOT_JOB)
		return w->base->get ? w->base->get(w->base->ctx, root, key) : NULL;
	map = root == ROOT_JOB ? w->job : w->cell;
	return key[0] ? json_object_get(map, key) : map;
}

static void add_cell(json_t *all, const struct cells *c, uint32_t cell)
{
	json_t *one;

	if (!c || cell == CELL_NONE)
		return;
	one = cells_at(c, cell);
	json_object_update(all, one);
	json_decref(one);
}

/* One instance of a step, called or not. */
struct instance {
	const struct step *step;
	uint32_t cell, step_cell;
	bool called; /* its params are the caller's, and known only when it begins */
	bool maybe;  /* perhaps not part of the run: then what it lacks is no error */
};

typedef void name_fn(void *ctx, const char *name, struct mark m);

static void use_name(struct expander *e, const json_t *v, struct mark m, name_fn *use, void *ctx)
{
	struct buf text = BUF_INIT, path = BUF_INIT;

	json_as_text(&text, v);
	if (text.len && strlen(text.data) == text.len) {
		file_name_clean(&path, e->jf->root, text.data);
		use(ctx, path.data, m);
	}
	buf_release(&text);
	buf_release(&path);
}

static void use_names(struct expander *e, const json_t *v, struct mark m, name_fn *use, void *ctx)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(v)) {
		use_name(e, v, m, use, ctx);
		return;
	}
	json_array_foreach (v, i, item)
		use_name(e, item, m, use, ctx);
}

static void note_params(void *ctx, enum expr_root root, const char *const *path, size_t n, struct mark m)
{
	(void)path;
	(void)n;
	(void)m;
	*(bool *)ctx |= root == ROOT_PARAMS;
}

static int64_t cell_now(void *ctx)
{
	const struct cell_world *w = ctx;

	return w->base->now(w->base->ctx);
}

static bool is_known(const struct instance *in, const struct value *v)
{
	bool params = false;

	if (in->called)
		value_names(v, note_params, &params);
	return !params;
}

static void evaluate(struct expander *e, const struct instance *in, const struct value *v,
		     const struct expr_world *w, name_fn *use, void *ctx)
{
	const json_t *constant = value_const(v);
	struct buf err = BUF_INIT;
	json_t *got;

	if (constant) {
		use_names(e, constant, value_mark(v), use, ctx);
		return;
	}
	if (!is_known(in, v))
		return;
	got = value_eval(v, w, &err);
	if (got)
		use_names(e, got, value_mark(v), use, ctx);
	else if (!in->maybe)
		diag_error(e->d, value_mark(v), "the name of a file: %s", err.data);
	json_decref(got);
	buf_release(&err);
}

static bool all_constant(const struct value_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (!value_const(list->value[i]))
			return false;
	return true;
}

static void each_of(struct expander *e, const struct instance *in, const struct value_list *list, const struct value *more,
		    name_fn *use, void *ctx)
{
	static const struct expr_world nothing;
	const struct job *j = in->step->job;
	struct cell_world cw = {.base = e->o->world ? e->o->world : &nothing};
	struct expr_world w = *cw.base;

	if (!all_constant(list) || (more && !value_const(more))) {
		if (e->o->loops_of)
			e->o->loops_of(w.ctx, j);
		cw.cell = json_object();
		cw.job = json_pack("{s:s, s:s}", "name", j->name, "description",
				   j->t.description ? j->t.description : "");
		add_cell(cw.cell, expander_job_cells(e, j), in->cell);
		add_cell(cw.cell, expander_step_cells(e, in->step), in->step_cell);
		w.ctx = &cw;
		w.get = cell_get;
		w.now = cw.base->now ? cell_now : NULL;
		w.status = NULL;
		w.glob = NULL;
		w.exists = NULL;
		w.hash = NULL;
	}
	for (size_t i = 0; i < list->n; i++)
		evaluate(e, in, list->value[i], &w, use, ctx);
	if (more)
		evaluate(e, in, more, &w, use, ctx);
	json_decref(cw.cell);
	json_decref(cw.job);
}

static void each_input(struct expander *e, const struct instance *in, name_fn *use, void *ctx)
{
	each_of(e, in, &in->step->t.flow->input, NULL, use, ctx);
}

static void each_output(struct expander *e, const struct instance *in, name_fn *use, void *ctx)
{
	each_of(e, in, &in->step->t.flow->output, in->step->t.flow->depfile, use, ctx);
}

/* --- who makes what, of the whole Jobfile ------------------------------------------------------------ */

struct making {
	struct expander *e;
	uint32_t number;
};

static void note_output(void *ctx, const char *name, struct mark m)
{
	struct making *mk = ctx;

	(void)m;
	(void)file_index_add(&mk->e->made, name, mk->number);
}

static void note_maker(struct expander *e, const struct instance *in)
{
	struct making mk = {e, (uint32_t)e->n_makers};

	VEC_PUSH(e->maker, e->n_makers, e->room_makers,
		 ((struct maker){in->step, in->cell, in->step_cell}));
	each_output(e, in, note_output, &mk);
}

/* fn for every instance of st. */
static void each_instance(struct expander *e, const struct step *st,
			  void (*fn)(struct expander *e, const struct instance *in))
{
	const struct cells *job = expander_job_cells(e, st->job), *own = expander_step_cells(e, st);
	size_t n = job ? cells_count(job) : 1, m = own ? cells_count(own) : 1;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < m; k++)
			fn(e, &(struct instance){st, job ? (uint32_t)i : CELL_NONE, own ? (uint32_t)k : CELL_NONE,
						 false, true});
}

/* Looked up only where somebody has inputs, or asks for a file. */
static void know_makers(struct expander *e)
{
	if (e->knows_makers)
		return;
	e->knows_makers = true;
	for (size_t i = 0; i < e->jf->n_jobs; i++)
		for (size_t s = 0; s < e->jf->job[i]->n_steps; s++) {
			const struct step *st = &e->jf->job[i]->step[s];

			if (makes_files(&st->t) && !st->t.policy->fallback_only)
				each_instance(e, st, note_maker);
		}
}

/* --- children: jobs that make what a frame's job reads --------------------------------------------------- */

struct pulling {
	struct expander *e;
	struct frame *f;
	bool family;
	uint32_t cell;
};

/* A job that is being expanded further up will have its units when edges are made. */
static bool is_open(const struct expander *e, const struct job *j, uint32_t cell)
{
	if (!e->open_frames[j->no])
		return false;
	for (size_t i = 0; i < e->n_frames; i++)
		if (e->frame[i].job == j && (e->frame[i].cell == cell || e->frame[i].cell == CELL_NONE))
			return true;
	return false;
}

static void pull(void *ctx, uint32_t number)
{
	const struct pulling *p = ctx;
	const struct maker *m = &p->e->maker[number];
	const struct job *j = m->step->job;

	if (j == p->f->job && (p->family || p->f->of_family || m->cell == p->cell))
		return;
	if (!is_open(p->e, j, m->cell))
		expander_add_child(p->f, &(struct child){.job = j, .cell = m->cell, .call_cell = CELL_NONE,
							 .shared = true});
}

static void pull_input(void *ctx, const char *name, struct mark m)
{
	struct pulling *p = ctx;

	(void)m;
	file_index_find(&p->e->made, name, pull, p);
}

static void pull_for(struct expander *e, struct pulling *p, const struct step *st, uint32_t cell)
{
	const struct cells *own = expander_step_cells(e, st);

	p->cell = cell;
	for (size_t k = 0; k < (own ? cells_count(own) : 1); k++)
		each_input(e, &(struct instance){st, cell, own ? (uint32_t)k : CELL_NONE, p->f->call != NULL, true}, pull_input, p);
}

void expander_children_of_files(struct expander *e, struct frame *f, const struct cells *family)
{
	struct pulling p = {.e = e, .f = f, .family = family != NULL};

	for (size_t i = 0; i < f->job->n_steps; i++) {
		const struct step *st = &f->job->step[i];

		if (!st->t.flow->input.n)
			continue;
		know_makers(e);
		if (!family)
			pull_for(e, &p, st, f->cell);
		for (uint32_t cell = 0; family && f->job->kind == JOB_ACTION && cell < cells_count(family); cell++)
			pull_for(e, &p, st, cell);
	}
}

/* --- edges -------------------------------------------------------------------------------------------------- */

struct linking {
	struct expander *e;
	struct file_index made; /* name -> unit */
	uint32_t unit;
};

static struct instance instance_of_unit(const struct expander *e, uint32_t unit)
{
	const struct place *p = &e->place[unit];
	const struct scope *s = &e->x->scope[p->scope];

	return (struct instance){p->step, s->cell, p->cell, s->caller != SCOPE_NONE, false};
}

static void say_both_make(struct linking *l, const char *name, uint32_t first, struct mark m)
{
	struct buf a = BUF_INIT, b = BUF_INIT;

	place_name(l->e->x, &l->e->place[first], &a);
	place_name(l->e->x, &l->e->place[l->unit], &b);
	diag_error(l->e->d, m, "'%s' is made by '%s' and by '%s'; a file has one maker", name, a.data, b.data);
	buf_release(&a);
	buf_release(&b);
}

static void link_output(void *ctx, const char *name, struct mark m)
{
	struct linking *l = ctx;
	uint32_t first = file_index_add(&l->made, name, l->unit);

	if (first != FILE_NONE && first != l->unit)
		say_both_make(l, name, first, m);
}

static void link_maker(void *ctx, uint32_t maker)
{
	struct linking *l = ctx;

	if (maker != l->unit)
		graph_add_need(l->e->b, l->unit, maker, COND_OK, false);
}

static void link_input(void *ctx, const char *name, struct mark m)
{
	struct linking *l = ctx;

	(void)m;
	file_index_find(&l->made, name, link_maker, l);
}

static bool has_files(const struct expander *e, uint32_t unit, bool inputs)
{
	const struct step *st = e->place[unit].step;

	return st && graph_unit(e->b, unit)->kind == UNIT_STEP &&
	       (inputs ? st->t.flow->input.n > 0 : makes_files(&st->t) && !st->t.policy->fallback_only);
}

void expander_link_files(struct expander *e, uint32_t first)
{
	struct linking l = {.e = e};
	struct instance in;

	e->x->bundle = e->bundle;
	for (l.unit = 0; l.unit < e->n_places; l.unit++)
		if (has_files(e, l.unit, false)) {
			in = instance_of_unit(e, l.unit);
			each_output(e, &in, link_output, &l);
		}
	for (l.unit = first; l.made.literal.n && l.unit < e->n_places; l.unit++)
		if (has_files(e, l.unit, true)) {
			in = instance_of_unit(e, l.unit);
			each_input(e, &in, link_input, &l);
		}
	e->x->bundle = NULL;
	file_index_release(&l.made);
}

/* --- targets ----------------------------------------------------------------------------------------------------- */

static void note_found(void *ctx, uint32_t number)
{
	uint32_t *first = ctx;

	if (number < *first)
		*first = number;
}

const struct maker *expander_maker_of(struct expander *e, const char *name)
{
	struct buf path = BUF_INIT;
	uint32_t first = FILE_NONE;

	know_makers(e);
	file_name_clean(&path, e->jf->root, name);
	file_index_find(&e->made, path.data, note_found, &first);
	buf_release(&path);
	return first == FILE_NONE ? NULL : &e->maker[first];
}
