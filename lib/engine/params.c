/* Params of each job's instance: command line, then payload, then the environment a param allows, then its default. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "engine/engine_impl.h"

static const char *environ_get(const char *const *environ, const char *name)
{
	size_t n = strlen(name);

	for (; environ && *environ; environ++)
		if (!strncmp(*environ, name, n) && (*environ)[n] == '=')
			return *environ + n + 1;
	return NULL;
}

/* The last NAME=VALUE wins; for a `multiple` param all of them, as a list. */
static json_t *from_command_line(struct engine *e, const struct param *p, struct buf *err, bool *ret_given)
{
	json_t *got = NULL;

	*ret_given = false;
	for (size_t i = 0; i < e->o->n_params; i++) {
		json_t *v;

		if (strcmp(e->o->param[i].name, p->name))
			continue;
		*ret_given = true;
		v = param_from_text(p, e->o->param[i].text, err);
		if (!v)
			break;
		if (p->multiple && got && json_is_array(got) && json_is_array(v)) {
			json_array_extend(got, v);
			json_decref(v);
			continue;
		}
		json_decref(got);
		got = v;
		continue;
	}
	if (err->len) {
		json_decref(got);
		return NULL;
	}
	return got;
}

static json_t *from_default(struct engine *e, uint32_t scope, const struct param *p, struct buf *err)
{
	struct unit_world w;
	struct expr_world xw;
	json_t *raw, *v = NULL;

	if (!p->dflt)
		return json_null();
	scope_world_init(&w, e, scope);
	xw = unit_world_expr(&w);
	raw = value_eval(p->dflt, &xw, err);
	if (raw)
		v = param_from_json(p, raw, err);
	json_decref(raw);
	unit_world_release(&w);
	return v;
}

/* One param's value in a scope; given: from the step that calls it, or NULL.  NULL and err on failure. */
static json_t *param_value(struct engine *e, uint32_t scope, const struct param *p, const json_t *given,
			   bool from_outside, struct buf *err)
{
	const char *text;
	const json_t *v;
	bool found;
	json_t *got;

	if (given)
		return param_from_json(p, given, err);
	if (from_outside) {
		got = from_command_line(e, p, err, &found);
		if (found)
			return got;
		v = json_object_get(e->payload, p->name);
		if (v)
			return param_from_json(p, v, err);
	}
	text = p->from_env ? environ_get(e->o->environ, p->from_env) : NULL;
	if (text)
		return param_from_text(p, text, err);
	if (p->required) {
		buf_addf(err, "param '%s' is required and was not given", p->name);
		return NULL;
	}
	return from_default(e, scope, p, err);
}

static const struct param *find_anywhere(const struct jobfile *jf, const char *name)
{
	const struct param *p = param_find(&jf->params, name);

	for (size_t i = 0; !p && i < jf->n_jobs; i++)
		p = param_find(&jf->job[i]->params, name);
	return p;
}

json_t *engine_loose_param(struct engine *e, const char *name)
{
	const struct param *p = find_anywhere(e->jf, name);
	struct buf err = BUF_INIT;
	json_t *v = p ? param_value(e, SCOPE_NONE, p, NULL, true, &err) : NULL;

	buf_release(&err);
	return v;
}

static bool fill(struct engine *e, uint32_t scope, const struct param_list *l, json_t *into,
		 const json_t *given, bool from_outside, struct buf *err)
{
	for (size_t i = 0; i < l->n; i++) {
		json_t *v;

		if (json_object_get(into, l->at[i].name))
			continue;
		v = param_value(e, scope, &l->at[i], json_object_get(given, l->at[i].name), from_outside, err);
		if (!v)
			return false;
		json_object_set_new(into, l->at[i].name, v);
	}
	return true;
}

/* The job's own params shadow those of the file.  Defaults may use params that come before them. */
static bool make_params(struct engine *e, uint32_t scope, const json_t *given, bool from_outside,
			struct buf *err)
{
	json_t *into = json_object();

	e->params[scope] = into;
	return fill(e, scope, &e->jf->params, into, given, from_outside, err) &&
	       fill(e, scope, &e->x->scope[scope].job->params, into, given, from_outside, err);
}

static void suggest_param(struct engine *e, struct diags *d, const char *name)
{
	struct spell sp;

	spell_init(&sp, name);
	for (size_t i = 0; i < e->jf->params.n; i++)
		spell_try(&sp, e->jf->params.at[i].name);
	for (uint32_t s = 0; s < e->x->n_scopes; s++)
		for (size_t i = 0; i < e->x->scope[s].job->params.n; i++)
			spell_try(&sp, e->x->scope[s].job->params.at[i].name);
	if (sp.best)
		diag_hint(d, "did you mean '%s'?", sp.best);
	else
		diag_hint(d, "`orchmake show JOB` lists the params a job declares");
}

static bool is_declared(struct engine *e, const char *name)
{
	const struct job *last = NULL;

	if (param_find(&e->jf->params, name))
		return true;
	for (uint32_t s = 0; s < e->x->n_scopes; s++) {
		if (e->x->scope[s].job != last && param_find(&e->x->scope[s].job->params, name))
			return true;
		last = e->x->scope[s].job;
	}
	return false;
}

bool engine_static_params(struct engine *e, struct diags *d)
{
	struct buf err = BUF_INIT, name = BUF_INIT;
	size_t errors = diags_errors(d);
	json_t *shared = NULL;

	for (size_t i = 0; i < e->o->n_params; i++) {
		if (is_declared(e, e->o->param[i].name))
			continue;
		diag_error(d, MARK_NONE, "no job of this run declares the param '%s'", e->o->param[i].name);
		suggest_param(e, d, e->o->param[i].name);
	}
	e->params = xcalloc(e->x->n_scopes, sizeof(*e->params));
	for (uint32_t s = 0; s < e->x->n_scopes; s++) {
		const struct scope *sc = &e->x->scope[s];

		/* Instances of one matrix agree in their params unless a default looks at the cell. */
		if (s && sc->job == sc[-1].job && sc->caller == SCOPE_NONE && sc[-1].caller == SCOPE_NONE &&
		    !sc->job->params.n && shared) {
			e->params[s] = json_incref(shared);
			continue;
		}
		if (sc->caller != SCOPE_NONE)
			continue;
		buf_reset(&err);
		if (!make_params(e, s, NULL, true, &err)) {
			buf_reset(&name);
			expansion_scope_name(e->x, s, &name);
			diag_error(d, MARK_NONE, "%s: %s", name.data, err.data);
		}
		shared = e->params[s];
	}
	buf_release(&err);
	buf_release(&name);
	return diags_errors(d) == errors;
}

/* `params` of the calling step, evaluated in the caller's scope. */
static json_t *call_arguments(struct engine *e, const struct step *st, uint32_t unit, struct buf *err)
{
	const struct value_map *m = &st->t.act.params;
	json_t *given = json_object();
	struct unit_world w;
	struct expr_world xw;

	unit_world_init(&w, e, unit);
	xw = unit_world_expr(&w);
	for (size_t i = 0; given && i < m->n; i++) {
		json_t *v = value_eval(m->value[i], &xw, err);

		if (!v) {
			buf_addf(err, " (in params.%s)", m->name[i]);
			json_decref(given);
			given = NULL;
		} else {
			json_object_set_new(given, m->name[i], v);
		}
	}
	unit_world_release(&w);
	return given;
}

bool engine_call_params(struct engine *e, uint32_t unit, struct buf *err)
{
	const struct place *p = &e->x->place[unit];
	json_t *given = call_arguments(e, p->step, unit, err);
	bool good = given != NULL;

	/* Scopes are numbered callers first, so nested calls come later and are not touched here. */
	for (uint32_t s = p->scope + 1; good && s < e->x->n_scopes; s++) {
		const struct scope *sc = &e->x->scope[s];

		if (sc->caller == p->scope && sc->call == p->step && sc->call_cell == p->cell &&
		    !e->params[s])
			good = make_params(e, s, given, false, err);
	}
	json_decref(given);
	return good;
}

json_t *engine_given_params(const struct engine *e)
{
	json_t *map = json_object();

	for (size_t i = 0; i < e->o->n_params; i++)
		json_object_set_new(map, e->o->param[i].name, json_string(e->o->param[i].text));
	return map;
}
