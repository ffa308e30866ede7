/* Every place where an expression may stand, and what its names are checked for there. */
#include "job/check_refs.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

static void check_value(struct refs *r, struct value *v)
{
	if (!v || value_const(v))
		return;
	settle_value(r->l, v);
	value_names(v, check_name_ref, r);
}

static void check_expr(struct refs *r, struct expr *e)
{
	settle_expr(r->l, e);
	expr_names(e, check_name_ref, r);
}

static void check_value_list(struct refs *r, const struct value_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		check_value(r, list->value[i]);
}

static void check_value_map(struct refs *r, const struct value_map *map)
{
	for (size_t i = 0; i < map->n; i++)
		check_value(r, map->value[i]);
}

static void check_conditions(struct refs *r, const struct condition_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		check_expr(r, list->at[i].expr);
}

static void check_own_traits(struct refs *r, const struct traits *t)
{
	struct refs loop = *r;

	loop.place = AT_LOOP;
	check_conditions(r, &t->policy->when);
	check_conditions(r, &t->policy->skip_if);
	check_conditions(r, &t->policy->require);
	if (t->policy->foreach)
		check_value(&loop, t->policy->foreach->over);
}

static void check_step_traits(struct refs *r, const struct traits *t)
{
	struct refs hidden = *r, early = *r;

	hidden.hides = true;
	check_own_traits(r, t);
	check_value_list(r, &t->act->argv);
	if (t->act->approve) {
		check_value(r, t->act->approve->prompt);
		check_value(r, t->act->approve->show);
	}
	check_value(&hidden, t->act->with);
	check_value_map(r, &t->act->params);
	check_value(r, t->act->payload);
	check_value_map(&hidden, &t->policy->env);
	early.names_files = true;
	check_value_list(&early, &t->flow->input);
	check_value_list(&early, &t->flow->output);
	check_value(&early, t->flow->depfile);
	check_value(r, t->policy->cwd);
	check_value_list(r, &t->policy->artifact);
	check_value(r, t->policy->stdin_from);
	check_value(r, t->policy->stdout_to);
	check_value(r, t->policy->stderr_to);
}

/* For each step the first of those that lead to it one by one. */
static uint32_t *runs_of(const struct job *j)
{
	uint32_t *start = xcalloc(j->n_steps + 1, sizeof(*start));

	for (uint32_t i = 0; i < j->n_steps; i++) {
		const struct step *before = step_before(&j->step[i]);

		start[i] = before ? start[before->no] : i;
	}
	return start;
}

struct param_links {
	const struct param_list *list;
	uint32_t from;
	struct link *link;
	size_t n, room;
};

static void add_param_link(void *ctx, enum expr_root root, const char *const *path, size_t n, struct mark m)
{
	struct param_links *p = ctx;
	const struct param *to = root == ROOT_PARAMS && n ? param_find(p->list, path[0]) : NULL;

	(void)m;
	if (to)
		VEC_PUSH(p->link, p->n, p->room, ((struct link){p->from, (uint32_t)(to - p->list->at)}));
}

static void say_param_circle(struct loader *l, const struct param_list *list, const uint32_t *cycle, size_t n)
{
	struct buf path = BUF_INIT;

	for (size_t i = 0; i < n; i++)
		buf_addf(&path, "%s -> ", list->at[cycle[i]].name);
	diag_error(l->d, list->at[cycle[0]].mark, "the defaults of parameters are made of each other: %s%s", path.data,
		   list->at[cycle[0]].name);
	buf_release(&path);
}

/* Each behind those that its default is made of; they are worked out in this order. */
static void order_params(struct loader *l, const struct param_list *list, const struct param_links *p)
{
	uint32_t *order = xcalloc(list->n, sizeof(*order)), *cycle;
	struct param *copy = xcalloc(list->n, sizeof(*copy));
	size_t len;

	memcpy(copy, list->at, list->n * sizeof(*copy));
	if (links_order(list->n, p->link, p->n, order, &cycle, &len)) {
		for (size_t i = 0; i < list->n; i++)
			list->at[i] = copy[order[i]];
	} else {
		say_param_circle(l, list, cycle, len);
		free(cycle);
	}
	free(copy);
	free(order);
}

static void check_params(struct loader *l, const struct param_list *list)
{
	struct refs r = {.l = l, .place = AT_DEFAULT, .params = list};
	struct param_links p = {.list = list};

	for (; p.from < list->n; p.from++) {
		struct value *dflt = list->at[p.from].dflt;

		check_value(&r, dflt);
		if (dflt && !value_const(dflt))
			value_names(dflt, add_param_link, &p);
	}
	if (p.n)
		order_params(l, list, &p);
	free(p.link);
}

static void check_stage_loops(struct refs *r, const struct job *j)
{
	r->place = AT_STAGE_LOOP;
	for (r->stage = j->stage; r->stage < j->stage + j->n_stages; r->stage++) {
		const struct stage_loop *loop = r->stage->loop;

		if (!loop)
			continue;
		check_value(r, loop->over);
		check_value(r, loop->payload);
	}
}

static void check_job_refs(struct loader *l, const struct job *j)
{
	struct refs r = {.l = l, .place = AT_JOB, .j = j, .t = &j->t};
	uint32_t *run_start = runs_of(j);

	r.run_start = run_start;
	check_params(l, &j->params);
	if (j->kind != JOB_ACTION)
		check_own_traits(&r, &j->t);
	r.place = AT_SUCCESS;
	if (j->t.policy->success)
		check_expr(&r, j->t.policy->success);
	check_stage_loops(&r, j);
	r.place = AT_STEP;
	for (size_t i = 0; i < j->n_steps; i++) {
		r.st = &j->step[i];
		r.t = &j->step[i].t;
		check_step_traits(&r, r.t);
	}
	free(run_start);
}

/* --- variables -------------------------------------------------------------------------------- */

struct var_links {
	const struct jobfile *jf;
	uint32_t from;
	struct link *link;
	size_t n, room;
};

static void add_var_link(void *ctx, enum expr_root root, const char *const *path, size_t n,
			 struct mark m)
{
	struct var_links *v = ctx;
	const struct var *to = root == ROOT_VARS && n ? var_find(v->jf, path[0]) : NULL;

	(void)m;
	if (to)
		VEC_PUSH(v->link, v->n, v->room, ((struct link){v->from, (uint32_t)(to - v->jf->var)}));
}

/* What is made of something late is late: in an order in which each comes after what it is made of. */
static void spread_lateness(struct jobfile *jf, const struct var_links *v, const uint32_t *order)
{
	for (size_t i = 0; i < jf->n_vars; i++) {
		jf->var[order[i]].late |= jf->var[order[i]].kind != VAR_VALUE;
		for (size_t k = 0; k < v->n; k++)
			if (v->link[k].from == order[i])
				jf->var[order[i]].late |= jf->var[v->link[k].to].late;
	}
}

/* A variable is evaluated when it is wanted, so its order in the file does not matter; a circle does. */
static void check_var_circle(struct loader *l)
{
	struct jobfile *jf = l->jf;
	struct var_links v = {.jf = jf};
	struct buf path = BUF_INIT;
	uint32_t *cycle, *order = xcalloc(jf->n_vars + 1, sizeof(*order));
	size_t len;

	for (; v.from < jf->n_vars; v.from++) {
		struct value *value = jf->var[v.from].value;

		if (value_const(value))
			continue;
		settle_value(l, value);
		value_names(value, add_var_link, &v);
	}
	if (links_order(jf->n_vars, v.link, v.n, order, &cycle, &len)) {
		spread_lateness(jf, &v, order);
	} else {
		for (size_t i = 0; i < len; i++)
			buf_addf(&path, "%s -> ", jf->var[cycle[i]].name);
		diag_error(l->d, jf->var[cycle[0]].mark, "variables are made of each other: %s%s",
			   path.data,
			   jf->var[cycle[0]].name);
		free(cycle);
	}
	buf_release(&path);
	free(order);
	free(v.link);
}

static void check_file_refs(struct loader *l)
{
	const struct jobfile *jf = l->jf;
	struct refs r = {.l = l, .place = AT_VAR};

	check_var_circle(l);
	check_params(l, &jf->params);
	for (size_t i = 0; i < jf->n_vars; i++)
		check_value(&r, jf->var[i].value);
	for (size_t i = 0; i < jf->n_files; i++) /* they are checked where they are inherited */
		for (size_t k = 0; k < jf->file[i]->env.n; k++)
			if (jf->file[i]->env.value[k])
				settle_value(l, jf->file[i]->env.value[k]);
	r.place = AT_FILE;
	for (size_t i = 0; i < jf->n_stores; i++)
		check_value(&r, jf->store[i].path);
	for (size_t i = 0; i < jf->n_callables; i++) {
		check_value_list(&r, &jf->callable[i].argv);
		r.hides = true;
		check_value_map(&r, &jf->callable[i].env);
		r.hides = false;
	}
}

void check_references(struct loader *l)
{
	check_file_refs(l);
	for (size_t i = 0; i < l->jf->n_jobs; i++)
		check_job_refs(l, l->jf->job[i]);
	for (int i = 0; i < HOOK_COUNT; i++)
		if (l->jf->hook[i])
			check_job_refs(l, l->jf->hook[i]);
}
