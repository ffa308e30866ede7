/* The cells of jobs and steps: their matrix, or their loop over what is known before anything has run. */
#include "job/expand_impl.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/bug.h"

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

	check_labels(e, c, step_mark(st));
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
		c = cells_make(e, &st->t, st->job, step_mark(st));
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
