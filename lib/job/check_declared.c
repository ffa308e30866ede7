/* What is wrong with names that a job, a step or a template has written itself: pools, locks, callables, jobs. */
#include "job/check.h"

#include <string.h>

#include "base/spell.h"
#include "job/builtin.h"
#include "job/namespace.h"

static void check_pool(struct loader *l, const struct pool_use *use)
{
	const struct pool_spec *p = pool_find(l->jf, use->name);
	struct spell s;

	if (p && use->weight <= p->slots)
		return;
	if (p) {
		diag_error(l->d, use->mark, "pool '%s' has %u slots, so a weight of %u never fits",
			   p->name,
			   p->slots, use->weight);
		diag_note(l->d, p->mark, "the pool is declared here");
		return;
	}
	spell_init(&s, use->name);
	for (size_t i = 0; i < l->jf->n_pools; i++)
		spell_try(&s, namespace_short(ns_at(l, use->mark), l->jf->pool[i].name));
	diag_error(l->d, use->mark, "no pool '%s'", use->name);
	if (!diag_suggest(l->d, s.best))
		diag_hint(l->d, "declare it in the file: pools: {%s: 1}", use->name);
}

static void check_lock(struct loader *l, const struct lock_use *use)
{
	struct spell s;

	if (lock_find(l->jf, use->name))
		return;
	spell_init(&s, use->name);
	for (size_t i = 0; i < l->jf->n_locks; i++)
		spell_try(&s, namespace_short(ns_at(l, use->mark), l->jf->lock[i].name));
	diag_error(l->d, use->mark, "no lock '%s'", use->name);
	if (!diag_suggest(l->d, s.best))
		diag_hint(l->d, "declare it in the file: locks: {%s: {scope: host}}", use->name);
}

static const struct file *file_of(const struct jobfile *jf, struct mark m)
{
	for (size_t i = 0; i < jf->n_files; i++)
		if (jf->file[i]->source == m.source)
			return jf->file[i];
	return NULL;
}

/* The older formats have no place for it: a key `callables` of theirs would be data. */
static void hint_callable(struct loader *l, const struct act_spec *act, const char *name)
{
	const struct file *f = file_of(l->jf, act->mark);

	if (f && strcmp(f->format, "native") != 0)
		diag_hint(l->d, "declare it in a Jobfile, which -f can name beside this one: "
			  "callables: {%s: {argv: [program]}}", name);
	else
		diag_hint(l->d, "declare it in the file: callables: {%s: {argv: [program]}}", name);
}

static void check_callable(struct loader *l, const struct act_spec *act)
{
	const char *name;
	struct spell s;

	if (!strcmp(act->call, "compute.llm") && !callable_behind(l->jf, ns_at(l, act->mark), act->call)) {
		diag_error(l->d, act->mark, "'compute.llm' needs a callable that asks the model, and none is declared");
		hint_callable(l, act, "inferometer");
		return;
	}
	if (callable_find(l->jf, act->call) || builtin_find(act->call))
		return;
	spell_init(&s, act->call);
	for (size_t i = 0; i < l->jf->n_callables; i++)
		spell_try(&s, namespace_short(ns_at(l, act->mark), l->jf->callable[i].name));
	for (size_t i = 0; (name = builtin_name(i)); i++)
		spell_try(&s, name);
	diag_error(l->d, act->mark, "no callable '%s'", act->call);
	if (!diag_suggest(l->d, s.best))
		hint_callable(l, act, act->call);
}

static const struct param *find_param(const struct jobfile *jf, const struct job *j, const char *name)
{
	const struct param *p = param_find(&j->params, name);

	return p ? p : param_find(&jf->params, name);
}

void check_called_params(struct loader *l, const struct act_spec *act, const struct job *j)
{
	for (size_t i = 0; i < act->params.n; i++) {
		const char *name = act->params.name[i];
		const json_t *constant = value_const(act->params.value[i]);
		const struct param *p = find_param(l->jf, j, name);
		struct buf err = BUF_INIT;
		json_t *own;
		struct spell s;

		if (!p) {
			spell_init(&s, name);
			for (size_t k = 0; k < j->params.n; k++)
				spell_try(&s, j->params.at[k].name);
			for (size_t k = 0; j->ns && k < l->jf->params.n; k++)
				spell_try(&s, namespace_short(j->ns, l->jf->params.at[k].name));
			diag_error(l->d, act->params.mark[i], "job '%s' has no parameter '%s'",
				   j->name, name);
			diag_suggest(l->d, s.best);
		} else if (constant) {
			own = param_from_json(p, constant, &err);
			if (!own)
				diag_error(l->d, act->params.mark[i], "%s", err.data);
			json_decref(own);
		}
		buf_release(&err);
	}
	for (size_t i = 0; i < j->params.n; i++) {
		const struct param *p = &j->params.at[i];
		bool given = false;

		for (size_t k = 0; k < act->params.n && !given; k++)
			given = !strcmp(act->params.name[k], p->name);
		if (p->required && !given && !act->payload && first_blame(l, act->mark)) {
			diag_error(l->d, act->mark, "job '%s' requires the parameter '%s'", j->name,
				   p->name);
			diag_hint(l->d, "write params: {%s: ...}", p->name);
		}
	}
}

const struct job *called_job(const struct jobfile *jf, const struct act_spec *act)
{
	return act->kind == ACT_JOB && act->job ? job_find(jf, act->job) : NULL;
}

static void check_called_job(struct loader *l, const struct act_spec *act)
{
	if (job_find(l->jf, act->job))
		return;
	diag_error(l->d, act->mark, "no job '%s'", act->job);
	check_hint_job(l, act->job, act->mark);
}

/* Before inheritance: a wrong name in a template is said once, and also if nobody uses it. */
static void check_written(struct loader *l, const struct traits *t)
{
	for (size_t i = 0; i < t->policy->n_locks; i++)
		check_lock(l, &t->policy->lock[i]);
	if (t->policy->pool.name)
		check_pool(l, &t->policy->pool);
	if (t->act->kind == ACT_CALL && t->act->call)
		check_callable(l, t->act);
	if (t->act->kind == ACT_JOB && t->act->job)
		check_called_job(l, t->act);
}

void check_declared(struct loader *l)
{
	const struct jobfile *jf = l->jf;

	for (size_t i = 0; i < jf->n_callables; i++)
		if (builtin_find(jf->callable[i].name) && !builtin_yields(jf->callable[i].name))
			diag_error(l->d, jf->callable[i].mark, "'%s' is a built-in operation already",
				   jf->callable[i].name);
	for (size_t i = 0; i < jf->n_files; i++)
		check_written(l, &jf->file[i]->defaults);
	for (size_t i = 0; i < l->n_templates; i++)
		check_written(l, &l->template[i].t);
	for (size_t i = 0; i < jf->n_jobs; i++) {
		check_written(l, &jf->job[i]->t);
		for (size_t k = 0; k < jf->job[i]->n_steps; k++)
			check_written(l, &jf->job[i]->step[k].t);
	}
}
