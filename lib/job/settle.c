/*
 * Names in full.  What a document in a namespace names is what it would name by itself, if that is there, and else
 * what the documents around it have; with all of them read, each name is replaced by the one that it stands for.
 * A name means what it means where it is written, whoever inherits it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "job/namespace.h"
#include "job/read.h"

/* --- include ----------------------------------------------------------------------------------- */

static struct param *find_given(struct loader *l, const struct given_params *g, const char *name)
{
	const char *full = namespace_full(l->a, g->ns, name);

	return (struct param *)param_find(&l->jf->params, full);
}

static void unknown_given(struct loader *l, const struct given_params *g, size_t i)
{
	const struct param_list *all = &l->jf->params;
	struct spell s;

	spell_init(&s, g->params.name[i]);
	for (size_t k = 0; k < all->n; k++)
		if (all->at[k].ns && !strcmp(all->at[k].ns, g->ns))
			spell_try(&s, namespace_short(g->ns, all->at[k].name));
	diag_error(l->d, g->params.mark[i], "'%s' has no parameter '%s'", g->ns, g->params.name[i]);
	if (!diag_suggest(l->d, s.best))
		diag_hint(l->d, "what a file takes it declares: params: {%s: {type: string}}", g->params.name[i]);
}

/* What is given is the default from now on: the command line and the payload may still say something else. */
static void give_param(struct loader *l, struct param *p, struct value *v, struct mark m)
{
	const json_t *constant = value_const(v);
	struct buf err = BUF_INIT;
	json_t *own = constant ? param_from_json(p, constant, &err) : NULL;

	if (constant && !own)
		diag_error(l->d, m, "%s", err.data);
	json_decref(own);
	buf_release(&err);
	p->dflt = v;
	p->required = false;
}

static void give_params(struct loader *l, const struct given_params *g)
{
	for (size_t i = 0; i < g->params.n; i++) {
		struct param *p = find_given(l, g, g->params.name[i]);

		if (p)
			give_param(l, p, g->params.value[i], g->params.mark[i]);
		else
			unknown_given(l, g, i);
	}
}

static void add_alias(struct loader *l, struct job *j, const char *name, struct mark m)
{
	struct name_decl *all = arena_array(l->a, j->n_aliases + 1, sizeof(*all));

	if (j->n_aliases)
		memcpy(all, j->alias, j->n_aliases * sizeof(*all));
	all[j->n_aliases++] = (struct name_decl){name, m};
	j->alias = all;
	map_put(&l->jf->job_by_name, name, j);
}

/* A namespace as a target is what its document has for a default, unless a job is called so. */
static void name_default(struct loader *l, const struct file *f)
{
	struct job *j = f->default_target ? (struct job *)job_seen(l->jf, f->ns, f->default_target) : NULL;

	if (j && f->ns && !job_find(l->jf, f->ns))
		add_alias(l, j, f->ns, f->default_mark);
}

void settle_includes(struct loader *l)
{
	for (size_t i = 0; i < l->n_given; i++)
		give_params(l, &l->given[i]);
	for (size_t i = 0; i < l->jf->n_files; i++)
		name_default(l, l->jf->file[i]);
}

/* --- names of things ---------------------------------------------------------------------------- */

/* What name stands for, said at m; itself if it stands for nothing. */
static const char *settled(struct loader *l, enum name_kind kind, const char *name, struct mark m)
{
	struct buf full = BUF_INIT;
	const struct taken *t = namespace_get(&l->names[kind], ns_at(l, m), name, strlen(name), &full);

	buf_release(&full);
	return t ? t->name : name;
}

/* The same of a job, and what stands behind the first n bytes of its name. */
static const char *settled_job(struct loader *l, const char *name, size_t n, struct mark m)
{
	struct buf full = BUF_INIT;

	if (namespace_get(&l->jf->job_by_name, ns_at(l, m), name, n, &full) && full.len > n)
		name = arena_printf(l->a, "%s%s", full.data, name + n);
	buf_release(&full);
	return name;
}

static void settle_locks(struct loader *l, struct traits *t)
{
	struct policy *p = traits_policy(l, t);
	struct lock_use *use = arena_array(l->a, p->n_locks, sizeof(*use));

	for (size_t i = 0; i < p->n_locks; i++) {
		use[i] = p->lock[i];
		use[i].name = settled(l, NAME_LOCK, use[i].name, use[i].mark);
	}
	sort_lock_uses(l, use, p->n_locks);
	p->lock = use;
}

static void settle_extends(struct loader *l, struct traits *t)
{
	struct policy *p = traits_policy(l, t);
	struct name_decl *all = arena_array(l->a, p->n_extends, sizeof(*all));

	for (size_t i = 0; i < p->n_extends; i++)
		all[i] = (struct name_decl){settled(l, NAME_TEMPLATE, p->extends[i].name, p->extends[i].mark),
					    p->extends[i].mark};
	p->extends = all;
}

static void settle_action(struct loader *l, struct traits *t)
{
	struct act_spec *act = traits_act(l, t);

	if (act->kind == ACT_CALL && act->call)
		act->call = settled(l, NAME_CALLABLE, act->call, act->mark);
	if (act->kind != ACT_JOB || !act->job)
		return;
	act->job = settled_job(l, act->job, strlen(act->job), act->mark);
}

static void settle_traits(struct loader *l, struct traits *t)
{
	const struct policy *p = t->policy;

	if (p->pool.name)
		traits_policy(l, t)->pool.name = settled(l, NAME_POOL, p->pool.name, p->pool.mark);
	if (p->n_locks)
		settle_locks(l, t);
	if (p->n_extends)
		settle_extends(l, t);
	if (t->act->kind == ACT_CALL || t->act->kind == ACT_JOB)
		settle_action(l, t);
}

static void settle_job(struct loader *l, struct job *j)
{
	settle_traits(l, &j->t);
	for (size_t i = 0; j->kind != JOB_ACTION && i < j->n_steps; i++)
		settle_traits(l, &j->step[i].t);
}

void settle_names(struct loader *l)
{
	const struct jobfile *jf = l->jf;

	if (!l->has_scopes)
		return;
	for (size_t i = 0; i < jf->n_files; i++)
		settle_traits(l, &jf->file[i]->defaults);
	for (size_t i = 0; i < l->n_templates; i++) {
		settle_traits(l, &l->template[i].t);
		traits_seal(l, &l->template[i].t);
	}
	for (size_t i = 0; i < jf->n_jobs; i++)
		settle_job(l, jf->job[i]);
	for (int i = 0; i < HOOK_COUNT; i++)
		if (jf->hook[i])
			settle_job(l, jf->hook[i]);
}

/* --- needs --------------------------------------------------------------------------------------- */

/* st: NULL for the needs of the job itself. */
static void settle_needs_of(struct loader *l, const struct job *j, const struct step *st, struct traits *t)
{
	for (size_t i = 0; i < t->n_needs; i++) {
		struct need_decl *need = &t->need[i];

		if (!st || !step_find(j, need->name))
			need->name = settled_job(l, need->name, strcspn(need->name, "/["), need->mark);
	}
}

/* What a called job takes may be its file's: it has that by its short name, too. */
static void settle_given(struct loader *l, const struct act_spec *act)
{
	const struct job *j = called_job(l->jf, act);
	struct buf full = BUF_INIT;

	for (size_t i = 0; j && i < act->params.n; i++) {
		const char *name = act->params.name[i];

		if (!param_find(&j->params, name) &&
		    namespace_get(&l->names[NAME_PARAM], j->ns, name, strlen(name), &full))
			act->params.name[i] = arena_strdup(l->a, full.data);
	}
	buf_release(&full);
}

void settle_needs(struct loader *l)
{
	for (size_t i = 0; l->ns_of.n && i < l->jf->n_jobs; i++) {
		struct job *j = l->jf->job[i];

		/* The step of a one-action job has the job's needs. */
		settle_needs_of(l, j, NULL, &j->t);
		for (size_t k = 0; k < j->n_steps; k++) {
			if (j->kind == JOB_STEPS)
				settle_needs_of(l, j, &j->step[k], &j->step[k].t);
			settle_given(l, j->step[k].t.act);
		}
	}
}

/* --- expressions ---------------------------------------------------------------------------------- */

static const char *key_in_full(void *ctx, enum expr_root root, const char *const *path, size_t n, struct mark m,
			       size_t *ret_taken)
{
	struct loader *l = ctx;
	enum name_kind kind = root == ROOT_PARAMS ? NAME_PARAM : root == ROOT_VARS ? NAME_VAR : NAME_SECRET;
	struct buf name = BUF_INIT, full = BUF_INIT;
	const char *key = NULL;

	if (root != ROOT_PARAMS && root != ROOT_VARS && root != ROOT_SECRETS)
		return NULL;
	for (size_t i = 0; i < n; i++)
		buf_addf(&name, "%s%s", i ? "." : "", path[i]);
	for (; n; n--) {
		if (namespace_get(&l->names[kind], ns_at(l, m), name.data, name.len, &full))
			break;
		buf_cut(&name, name.len - strlen(path[n - 1]) - (n > 1));
	}
	if (n && strcmp(full.data, path[0]) != 0) {
		key = arena_strdup(l->a, full.data);
		*ret_taken = n;
	}
	buf_release(&name);
	buf_release(&full);
	return key;
}

void settle_value(struct loader *l, struct value *v)
{
	if (l->has_scopes)
		value_fill(l->a, v, key_in_full, l);
}

void settle_expr(struct loader *l, struct expr *e)
{
	if (l->has_scopes)
		(void)expr_fill(l->a, e, key_in_full, l);
}
