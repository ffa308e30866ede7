/* Params of each job's instance: command line, then payload, then the environment a param allows, then its default. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "engine/engine_impl.h"
#include "job/namespace.h"

const char *environ_get(const char *const *env, const char *name)
{
	size_t n = strlen(name);

	for (; env && *env; env++)
		if (!strncmp(*env, name, n) && (*env)[n] == '=')
			return *env + n + 1;
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
	}
	if (err->len) {
		json_decref(got);
		return NULL;
	}
	return got;
}

/* Where the params of a scope are being made; scope SCOPE_NONE: before there are any, for the loops of job. */
struct here {
	uint32_t scope;
	const struct job *job;
	const json_t *given; /* by the step that calls it; NULL: the command line and the payload say */
};

static json_t *from_default(struct engine *e, const struct here *h, const struct param *p, struct buf *err)
{
	struct unit_world w;
	struct expr_world xw;
	json_t *raw, *v = NULL;

	if (!p->dflt)
		return json_null();
	scope_world_init(&w, e, h->scope);
	w.looping = h->job;
	xw = unit_world_expr(&w);
	raw = value_eval(p->dflt, &xw, err);
	if (raw)
		v = param_from_json(p, raw, err);
	json_decref(raw);
	unit_world_release(&w);
	return v;
}

/* One param's value.  NULL and err on failure. */
static json_t *param_value(struct engine *e, const struct here *h, const struct param *p, struct buf *err)
{
	const json_t *v = json_object_get(h->given, p->name);
	const char *text;
	bool found;
	json_t *got;

	if (v)
		return param_from_json(p, v, err);
	if (!h->given) {
		got = from_command_line(e, p, err, &found);
		if (found)
			return got;
		v = json_object_get(e->payload, p->name);
		if (v)
			return param_from_json(p, v, err);
	}
	if (p->from_env)
		draft_env(e, p->from_env);
	text = p->from_env ? environ_get(e->o->environ, p->from_env) : NULL;
	if (text)
		return param_from_text(p, text, err);
	if (p->required) {
		buf_addf(err, "param '%s' is required and was not given", p->name);
		return NULL;
	}
	return from_default(e, h, p, err);
}

static const struct param *find_anywhere(const struct jobfile *jf, const char *name)
{
	const struct param *p = param_find(&jf->params, name);

	for (size_t i = 0; !p && i < jf->n_jobs; i++)
		p = param_find(&jf->job[i]->params, name);
	return p;
}

json_t *engine_loose_param(struct engine *e, const struct job *j, const char *name, struct buf *err)
{
	const struct param *p = j ? param_find(&j->params, name) : NULL;

	if (!p)
		p = j ? param_find(&e->jf->params, name) : find_anywhere(e->jf, name);
	return p ? param_value(e, &(struct here){.scope = SCOPE_NONE, .job = j}, p, err) : NULL;
}

static bool fill(struct engine *e, const struct here *h, const struct param_list *l, struct buf *err)
{
	json_t *into = e->params[h->scope];

	for (size_t i = 0; i < l->n; i++) {
		json_t *v;

		if (json_object_get(into, l->at[i].name) || !namespace_sees(h->job->ns, l->at[i].ns))
			continue;
		v = param_value(e, h, &l->at[i], err);
		if (!v)
			return false;
		json_object_set_new(into, l->at[i].name, v);
	}
	return true;
}

/* A job's own param hides those of its files that can be called so; expressions have these by their full names. */
static void shadow(struct engine *e, const struct here *h)
{
	json_t *into = e->params[h->scope];

	for (size_t i = 0; h->job->ns && i < e->jf->params.n; i++) {
		const struct param *p = &e->jf->params.at[i];

		if (p->ns && namespace_sees(h->job->ns, p->ns) && param_find(&h->job->params, namespace_short(p->ns, p->name)))
			json_object_set(into, p->name, json_object_get(into, namespace_short(p->ns, p->name)));
	}
}

/* The job's own params shadow those of the file.  Defaults may use params that come before them. */
static bool make_params(struct engine *e, uint32_t scope, const json_t *given, struct buf *err)
{
	const struct here h = {.scope = scope, .job = e->x->scope[scope].job, .given = given};

	e->params[scope] = json_object();
	if (!fill(e, &h, &e->jf->params, err) || !fill(e, &h, &h.job->params, err))
		return false;
	shadow(e, &h);
	return true;
}

/* It has the name that its file calls it by. */
static void name_shortly(json_t *all, const struct param *p)
{
	json_object_set(all, namespace_short(p->ns, p->name), json_object_get(all, p->name));
	json_object_del(all, p->name);
}

json_t *engine_params_seen(const struct engine *e, uint32_t scope)
{
	const struct job *j = e->x->scope[scope].job;
	json_t *all = json_copy(e->params[scope]);

	/* A file's params come after those of the file around it. */
	for (size_t i = 0; j->ns && i < e->jf->params.n; i++) {
		const struct param *p = &e->jf->params.at[i];

		if (p->ns && namespace_sees(j->ns, p->ns))
			name_shortly(all, p);
	}
	for (size_t i = 0; j->ns && i < j->params.n; i++)
		json_object_set(all, j->params.at[i].name, json_object_get(e->params[scope], j->params.at[i].name));
	return all;
}

bool engine_make_params(struct engine *e, uint32_t scope, const json_t *given, struct buf *err)
{
	return make_params(e, scope, given, err);
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
	if (!diag_suggest(d, sp.best))
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

static void refuse_undeclared(struct engine *e, struct diags *d)
{
	for (size_t i = 0; i < e->o->n_params; i++) {
		if (is_declared(e, e->o->param[i].name))
			continue;
		diag_error(d, MARK_NONE, "no job of this run declares the param '%s'", e->o->param[i].name);
		suggest_param(e, d, e->o->param[i].name);
	}
}

/* Instances of one matrix agree in their params unless a default looks at the cell. */
static bool agrees_with_last(const struct engine *e, uint32_t s)
{
	const struct scope *sc = &e->x->scope[s];

	return s && sc->job == sc[-1].job && sc[-1].caller == SCOPE_NONE && !sc->job->params.n;
}

bool engine_static_params(struct engine *e, struct diags *d)
{
	struct buf err = BUF_INIT, said = BUF_INIT, name = BUF_INIT;
	size_t errors = diags_errors(d);

	refuse_undeclared(e, d);
	e->params = xcalloc(e->x->n_scopes, sizeof(*e->params));
	e->scope_payload = xcalloc(e->x->n_scopes, sizeof(*e->scope_payload));
	for (uint32_t s = 0; s < e->x->n_scopes; s++) {
		if (e->x->scope[s].caller != SCOPE_NONE)
			continue;
		if (agrees_with_last(e, s)) {
			e->params[s] = json_incref(e->params[s - 1]);
			continue;
		}
		buf_reset(&err);
		if (make_params(e, s, NULL, &err) || (said.len && !strcmp(said.data, err.data)))
			continue; /* what many jobs lack is said for the first */
		buf_reset(&said);
		buf_add(&said, err.data, err.len);
		buf_reset(&name);
		expansion_scope_name(e->x, s, &name);
		diag_error(d, MARK_NONE, "%s: %s", name.data, err.data);
	}
	buf_release(&err);
	buf_release(&said);
	buf_release(&name);
	return diags_errors(d) == errors;
}

const json_t *engine_payload(const struct engine *e, uint32_t scope)
{
	for (; scope != SCOPE_NONE && e->scope_payload; scope = e->x->scope[scope].caller)
		if (e->scope_payload[scope])
			return e->scope_payload[scope];
	return e->payload;
}

/* `payload` of the calling step, in *ret: NULL if it gives none. */
static bool call_payload(const struct step *st, const struct expr_world *xw, json_t **ret, struct buf *err)
{
	*ret = st->t.act->payload ? value_eval(st->t.act->payload, xw, err) : NULL;
	if (!st->t.act->payload || json_is_object(*ret))
		return true;
	if (*ret)
		buf_puts(err, "a payload is a map");
	buf_puts(err, " (in payload)");
	json_decref(*ret);
	*ret = NULL;
	return false;
}

/* `params` of the calling step, evaluated in the caller's scope. */
static json_t *call_arguments(const struct step *st, const struct expr_world *xw, struct buf *err)
{
	const struct value_map *m = &st->t.act->params;
	json_t *given = json_object();

	for (size_t i = 0; given && i < m->n; i++) {
		json_t *v = value_eval(m->value[i], xw, err);

		if (!v) {
			buf_addf(err, " (in params.%s)", m->name[i]);
			json_decref(given);
			given = NULL;
		} else {
			json_object_set_new(given, m->name[i], v);
		}
	}
	return given;
}

struct call_given {
	json_t *params, *payload; /* payload: NULL if the call gives none */
};

/* What the calling step gives, evaluated in its own scope. */
static bool call_given(struct engine *e, uint32_t unit, struct call_given *ret, struct buf *err)
{
	const struct step *st = e->x->place[unit].step;
	struct unit_world w;
	struct expr_world xw;
	bool good;

	unit_world_init(&w, e, unit);
	xw = unit_world_expr(&w);
	*ret = (struct call_given){.params = call_arguments(st, &xw, err)};
	good = ret->params && call_payload(st, &xw, &ret->payload, err);
	unit_world_release(&w);
	if (good && ret->payload) /* it fills params, as that of a run does */
		json_object_update_missing(ret->params, ret->payload);
	return good;
}

/* The instance that unit, a member of a call, stands for. */
static uint32_t scope_of_member(const struct engine *e, uint32_t unit)
{
	const struct unit *u = &e->x->graph->unit[unit];

	return u->kind == UNIT_END ? e->x->bundle[u->group].scope : e->x->place[unit].scope;
}

static bool fill_members(struct engine *e, uint32_t group, const struct call_given *given, struct buf *err)
{
	const struct graph *g = e->x->graph;
	bool good = true;

	for (uint32_t i = g->member_at[group]; good && i < g->member_at[group + 1]; i++) {
		uint32_t scope = scope_of_member(e, g->member[i]);

		if (scope == SCOPE_NONE || e->params[scope])
			continue;
		e->scope_payload[scope] = json_incref(given->payload);
		good = make_params(e, scope, given->params, err);
		if (good)
			record_call(e, scope);
	}
	return good;
}

/* What a call's group holds: the instance, or the family of instances. */
bool engine_call_params(struct engine *e, uint32_t unit, struct buf *err)
{
	const struct graph *g = e->x->graph;
	uint32_t group = g->unit[unit].group;
	struct call_given given;
	bool good = call_given(e, unit, &given, err) && !values_missing(e->values) && fill_members(e, group, &given, err);

	for (uint32_t i = g->member_at[group]; good && i < g->member_at[group + 1]; i++) {
		const struct unit *u = &g->unit[g->member[i]];

		if (u->kind == UNIT_END && e->x->bundle[u->group].kind == BUNDLE_FAMILY)
			good = fill_members(e, u->group, &given, err);
	}
	json_decref(given.params);
	json_decref(given.payload);
	return good;
}

/* As they were typed; those of a `multiple` param as a list. */
json_t *engine_given_params(const struct engine *e)
{
	json_t *map = json_object();

	for (size_t i = 0; i < e->o->n_params; i++) {
		const char *name = e->o->param[i].name;
		const struct param *p = find_anywhere(e->jf, name);
		json_t *text = json_string(e->o->param[i].text), *all = json_object_get(map, name);

		if (!p || !p->multiple) {
			json_object_set_new(map, name, text);
			continue;
		}
		if (!all)
			json_object_set_new(map, name, all = json_array());
		json_array_append_new(all, text);
	}
	return map;
}
