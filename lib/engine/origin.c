#include "engine/origin.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "engine/engine_impl.h"
#include "job/namespace.h"

static const char LATE[] = "<of a command>", HIDDEN[] = "***";

struct telling {
	struct engine *e;
	origin_fn *use;
	void *ctx;
	uint32_t scope; /* SCOPE_NONE: the target is over several jobs */
	const struct job *job;
};

static void tell(const struct telling *t, const char *kind, const char *name, const json_t *value,
		 const char *instead, const char *from)
{
	t->use(t->ctx, &(struct origin){kind, name, value, instead, from});
}

static char *place_of(struct mark m)
{
	return m.source && m.line ? xasprintf("%s:%u", source_name(m.source), (unsigned)m.line) : xstrdup("Jobfile");
}

/* --- params ------------------------------------------------------------------------------------------------- */

static bool is_given(const struct engine *e, const char *name)
{
	for (size_t i = 0; i < e->o->n_params; i++)
		if (!strcmp(e->o->param[i].name, name))
			return true;
	return false;
}

/* In the order in which they go before each other. */
static char *param_from(const struct engine *e, const struct param *p)
{
	if (is_given(e, p->name))
		return xstrdup("command line");
	if (json_object_get(e->payload, p->name))
		return xstrdup("payload");
	if (p->from_env && environ_get(e->o->environ, p->from_env))
		return xasprintf("$%s", p->from_env);
	if (p->dflt) {
		char *place = place_of(value_mark(p->dflt)), *from = xasprintf("default, %s", place);

		free(place);
		return from;
	}
	return xstrdup("not given");
}

static void tell_params(const struct telling *t, const struct param_list *l, const struct param_list *nearer)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct param *p = &l->at[i];
		struct buf err = BUF_INIT;
		json_t *value;
		char *from;

		if ((nearer && param_find(nearer, p->name)) || (t->job && !namespace_sees(t->job->ns, p->ns)))
			continue;
		value = t->scope != SCOPE_NONE && t->e->params[t->scope]
				? json_incref(json_object_get(t->e->params[t->scope], p->name))
				: engine_loose_param(t->e, t->job, p->name, &err);
		from = param_from(t->e, p);
		tell(t, "param", p->name, value, "", from);
		json_decref(value);
		buf_release(&err);
		free(from);
	}
}

/* --- vars, secrets -------------------------------------------------------------------------------------------- */

static void tell_vars(const struct telling *t)
{
	for (size_t i = 0; i < t->e->jf->n_vars; i++) {
		const struct var *v = &t->e->jf->var[i];
		char *from = place_of(v->mark);

		tell(t, "var", v->name, json_object_get(t->e->vars, v->name), LATE, from);
		free(from);
	}
}

static void tell_secrets(const struct telling *t)
{
	for (size_t i = 0; i < t->e->jf->n_secrets; i++) {
		const struct secret *s = &t->e->jf->secret[i];
		char *from = s->kind == SECRET_ARGV  ? xasprintf("output of %s", s->argv.n ? s->argv.text[0] : "?")
			     : s->kind == SECRET_ENV ? xasprintf("$%s", s->from)
						     : xstrdup(s->from);

		tell(t, "secret", s->name, NULL, HIDDEN, from);
		free(from);
	}
}

/* --- env ------------------------------------------------------------------------------------------------------- */

static void tell_text(const struct telling *t, const char *name, const char *value, const char *from)
{
	json_t *text = json_string(value);

	tell(t, "env", name, text, "", from);
	json_decref(text);
}

static void tell_dotenv(const struct telling *t, const struct traits *traits, const char *file)
{
	char *name = xstrndup(file, strcspn(file, "?")), *path = path_join(t->e->root, name);
	struct env_list l = {0};
	struct buf err = BUF_INIT;

	(void)env_read_dotenv(&l, path, true, &err);
	values_take_env(t->e->values, &l);
	for (size_t i = 0; i < l.n; i++) {
		const char *key = l.index.entry[i].key;
		bool nearer = false;

		for (size_t k = 0; k < traits->policy->env.n; k++)
			nearer |= !strcmp(traits->policy->env.name[k], key);
		if (!nearer && l.text[i] && env_is_fixed(t->e, key))
			tell_text(t, key, environ_get(t->e->o->environ, key), "environment (-e)");
		else if (!nearer && l.text[i])
			tell_text(t, key, env_get(&l, key), name);
	}
	env_release(&l);
	buf_release(&err);
	free(name);
	free(path);
}

static void tell_env(const struct telling *t, const struct traits *traits)
{
	struct buf text = BUF_INIT, err = BUF_INIT;
	struct unit_world w;
	struct expr_world xw;

	for (size_t i = 0; i < traits->policy->dotenv.n; i++)
		tell_dotenv(t, traits, traits->policy->dotenv.text[i]);
	scope_world_init(&w, t->e, t->scope);
	xw = unit_world_expr(&w);
	for (size_t i = 0; i < traits->policy->env.n; i++) {
		const struct value *v = traits->policy->env.value[i];
		char *from = place_of(traits->policy->env.mark[i]);

		buf_reset(&text);
		buf_reset(&err);
		if (env_is_fixed(t->e, traits->policy->env.name[i]))
			tell_text(t, traits->policy->env.name[i], environ_get(t->e->o->environ, traits->policy->env.name[i]), "environment (-e)");
		else if (!v)
			tell(t, "env", traits->policy->env.name[i], NULL, "<unset>", from);
		else if (env_is_late(t->e->jf, v))
			tell(t, "env", traits->policy->env.name[i], NULL, "<known when it runs>", from);
		else if (value_text(v, &xw, &text, &err))
			tell_text(t, traits->policy->env.name[i], text.data, from);
		else
			tell(t, "env", traits->policy->env.name[i], NULL, "<of a step>", from);
		free(from);
	}
	unit_world_release(&w);
	buf_release(&text);
	buf_release(&err);
}

/* --- all --------------------------------------------------------------------------------------------------------- */

void engine_origins(struct engine *e, origin_fn *use, void *ctx)
{
	struct telling t = {.e = e, .use = use, .ctx = ctx, .scope = SCOPE_NONE};
	const struct unit *u = &e->x->graph->unit[e->x->target_unit[0]];

	t.scope = u->kind == UNIT_STEP ? e->x->place[e->x->target_unit[0]].scope : e->x->bundle[u->group].scope;
	t.job = u->kind == UNIT_STEP ? e->x->place[e->x->target_unit[0]].step->job : e->x->bundle[u->group].job;
	tell_params(&t, &e->jf->params, t.job ? &t.job->params : NULL);
	if (t.job)
		tell_params(&t, &t.job->params, NULL);
	tell_vars(&t);
	if (t.job)
		tell_env(&t, &t.job->t);
	tell_secrets(&t);
}
