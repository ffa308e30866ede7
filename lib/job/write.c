/*
 * The model as a native document: templates and defaults are in the jobs that took
 * them over.  What a step has from its job is written at the job, once.
 */
#include "job/write_impl.h"

#include <stdlib.h>
#include <string.h>

#include "job/read.h"

/* --- jobs and steps --------------------------------------------------------------------------- */

static bool same_field(const struct traits *a, const struct traits *b, enum key k)
{
	return !memcmp(traits_field(a, k), traits_field(b, k), key_info(k)->size);
}

/* The keys of t that reach so far; without those that base passes on anyway (NULL: none). */
static void put_traits(json_t *map, const struct traits *t, unsigned reaches, const struct traits *base)
{
	struct key_set all = t->policy->set;

	if (base)
		key_set_join(&all, &base->policy->set);
	key_set_each(k, &all) {
		bool mine = traits_has(t, k);
		bool passed = base && key_info(k)->reach == REACH_STEPS && traits_has(base, k);

		if (!(reaches >> key_info(k)->reach & 1) || k == KEY_extends || (!mine && !passed))
			continue;
		if (passed && k == KEY_env) {
			json_t *env = value_map_json(&t->policy->env, &base->policy->env);

			if (json_object_size(env))
				put(map, "env", env);
			else
				json_decref(env);
		} else if (!passed || !same_field(t, base, k)) {
			put(map, key_word(k), trait_json(t, k));
		}
	}
}

enum {
	ALL = 1 << REACH_OWN | 1 << REACH_STEPS | 1 << REACH_ACT,
	FOR_STEPS = 1 << REACH_STEPS,
	OWN = 1 << REACH_OWN,
};

static json_t *step_json(const struct step *st, bool with_id)
{
	json_t *map = json_object();

	if (with_id)
		put_text(map, "id", st->id);
	put_traits(map, &st->t, ALL, &st->job->t);
	return map;
}

static int by_id(const void *a, const void *b)
{
	return strcmp((*(const struct step *const *)a)->id, (*(const struct step *const *)b)->id);
}

static json_t *make_step(const struct json_late *l, uint32_t i, const char **ret_key, struct json_late *ret_inner)
{
	const struct jobfile_doc *d = l->ctx;
	const struct step *st = d->step[i];

	(void)ret_inner;
	*ret_key = st->id;
	return step_json(st, st->job->in_order);
}

/* Its steps are late, but for those of `finally`. */
static void put_steps(struct jobfile_doc *d, json_t *map, const struct job *j, struct json_late *ret_late)
{
	json_t *steps = j->in_order ? json_array() : json_object(), *finally;
	uint32_t n = 0;

	d->step = xreallocarray(d->step, j->n_steps + 1, sizeof(*d->step));
	for (; n < j->n_steps && !j->step[n].finally; n++)
		d->step[n] = &j->step[n];
	if (d->sorted && !j->in_order)
		qsort(d->step, n, sizeof(*d->step), by_id);
	put(map, "steps", steps);
	*ret_late = (struct json_late){.in = steps, .n = n, .ctx = d, .make = make_step};
	if (n == j->n_steps)
		return;
	finally = json_array();
	for (uint32_t i = n; i < j->n_steps; i++)
		json_array_append_new(finally, step_json(&j->step[i], true));
	put(map, "finally", finally);
}

static json_t *loop_json(const struct stage_loop *loop)
{
	json_t *map = json_pack("{s:o}", "over", value_source(loop->over));

	if (loop->payload)
		put(map, "payload", value_source(loop->payload));
	if (loop->max_parallel)
		put(map, "max_parallel", json_integer(loop->max_parallel));
	return map;
}

static json_t *stages_json(const struct job *j)
{
	json_t *list = json_array();

	for (size_t i = 0; i < j->n_stages; i++) {
		const struct stage *s = &j->stage[i];
		json_t *jobs = json_array(), *stage;

		for (size_t k = 0; k < s->n_jobs; k++)
			json_array_append_new(jobs, json_string(s->job[k]->name));
		stage = json_pack("{s:s, s:o, s:s}", "name", s->name, "jobs", jobs, "opens",
				  opens_words[s->opens]);
		if (s->loop)
			put(stage, "loop", loop_json(s->loop));
		json_array_append_new(list, stage);
	}
	return list;
}

/* A bound of a type as its author may write it. */
static json_t *bound_json(const struct param *p, const json_t *v)
{
	return p->type == PARAM_DURATION ? duration_json(json_integer_value(v)) : json_deep_copy(v);
}

static json_t *param_json(const struct param *p)
{
	static const char *const types[] = {
#define TYPE(id, word, sentence) word,
		PARAM_TYPES(TYPE)
#undef TYPE
	};
	json_t *map = json_pack("{s:s}", "type", types[p->type]);

	if (p->dflt)
		put(map, "default", value_source(p->dflt));
	if (p->required)
		put(map, "required", json_true());
	if (p->of)
		put(map, "of", json_deep_copy(p->of));
	if (p->match)
		put_text(map, "match", pattern_text(p->match));
	if (p->min)
		put(map, "min", bound_json(p, p->min));
	if (p->max)
		put(map, "max", bound_json(p, p->max));
	if (p->multiple)
		put(map, "multiple", json_true());
	put_text(map, "description", p->description);
	put_text(map, "from_env", p->from_env);
	put_text(map, "namespace", p->ns);
	return map;
}

static void put_params(json_t *map, const struct param_list *l)
{
	json_t *params;

	if (!l->n)
		return;
	params = json_object();
	for (size_t i = 0; i < l->n; i++)
		put(params, l->at[i].name, param_json(&l->at[i]));
	put(map, "params", params);
}

static json_t *job_json(struct jobfile_doc *d, const struct job *j, struct json_late *ret_late)
{
	json_t *map = json_object();

	put_text(map, "namespace", j->ns);
	if (j->n_aliases)
		put(map, "aliases", names_json(j->alias, j->n_aliases));
	put_params(map, &j->params);
	switch (j->kind) {
	case JOB_ACTION:
		put_traits(map, &j->t, ALL, NULL);
		break;
	case JOB_STEPS:
		put_traits(map, &j->t, OWN | FOR_STEPS, NULL);
		put_steps(d, map, j, ret_late);
		break;
	case JOB_COMPOSITE:
		put_traits(map, &j->t, OWN, NULL);
		if (traits_has(&j->t, KEY_on_driver_death)) /* of the run, where the composite is its target */
			put(map, key_word(KEY_on_driver_death), trait_json(&j->t, KEY_on_driver_death));
		put(map, "stages", stages_json(j));
		break;
	}
	return map;
}

/* --- the file --------------------------------------------------------------------------------- */

static void put_vars(json_t *doc, const struct jobfile *jf)
{
	static const char *const words[] = {[VAR_SH] = "sh", [VAR_ARGV] = "argv", [VAR_FILE] = "file"};
	json_t *map = json_object();

	for (size_t i = 0; i < jf->n_vars; i++) {
		const struct var *v = &jf->var[i];
		json_t *value = value_source(v->value);

		put(map, v->name, v->kind == VAR_VALUE ? value : json_pack("{s:o}", words[v->kind],
									   value));
	}
	put(doc, "vars", map);
}

/* Only what a hook may say; what it inherits besides means nothing there. */
static json_t *hook_json(const struct step *st)
{
	json_t *map = json_pack("{s:s}", "id", st->id);

	for (enum key k = 0; k < KEY_COUNT; k++)
		if (traits_has(&st->t, k) && hook_has_key(k))
			put(map, key_word(k), trait_json(&st->t, k));
	return map;
}

static json_t *secret_json(const struct secret *s)
{
	if (s->kind == SECRET_ARGV)
		return json_pack("{s:o}", "argv", text_list_json(&s->argv));
	return json_pack("{s:s}", s->kind == SECRET_ENV ? "env" : "file", s->from);
}

static void put_secrets(json_t *doc, const struct jobfile *jf)
{
	json_t *map = json_object();

	for (size_t i = 0; i < jf->n_secrets; i++)
		put(map, jf->secret[i].name, secret_json(&jf->secret[i]));
	put(doc, "secrets", map);
}

static void put_env_rule(json_t *doc, const struct env_rule *rule)
{
	if (rule->policy == ENV_CLEAN)
		put_text(doc, "env_policy", "clean");
	else if (rule->policy == ENV_KEEP)
		put(doc, "env_policy", json_pack("{s:o}", "keep", text_list_json(&rule->keep)));
}

static void put_hooks(json_t *doc, const struct jobfile *jf)
{
	json_t *map = json_object();

	for (int i = 0; i < HOOK_COUNT; i++) {
		json_t *list = json_array();

		for (size_t k = 0; jf->hook[i] && k < jf->hook[i]->n_steps; k++)
			json_array_append_new(list, hook_json(&jf->hook[i]->step[k]));
		if (json_array_size(list))
			put(map, hook_words[i], json_incref(list));
		json_decref(list);
	}
	if (json_object_size(map))
		put(doc, "hooks", json_incref(map));
	json_decref(map);
}

static void put_ledger_rule(json_t *doc, const struct ledger_rule *rule)
{
	json_t *map = json_object();

	if (rule->keep_runs)
		put(map, "keep_runs", json_integer(rule->keep_runs));
	if (rule->keep_days)
		put(map, "keep_days", json_integer(rule->keep_days));
	if (rule->synced)
		put_text(map, "durability", "full");
	if (json_object_size(map))
		put(doc, "ledger", json_incref(map));
	json_decref(map);
}

static void put_callables(json_t *doc, const struct jobfile *jf)
{
	json_t *map = json_object();

	for (size_t i = 0; i < jf->n_callables; i++) {
		const struct callable *c = &jf->callable[i];
		json_t *one = json_pack("{s:o}", "argv", values_json(&c->argv));

		if (c->breaker.failures)
			put(one, "breaker", breaker_json(&c->breaker));

		if (c->env.n)
			put(one, "env", value_map_json(&c->env, NULL));
		if (c->timeout_ms)
			put(one, "timeout", duration_json(c->timeout_ms));
		put(map, c->name, one);
	}
	put(doc, "callables", map);
}

static json_t *pool_spec_json(const struct pool_spec *p)
{
	json_t *map;

	if (!p->host && !p->rate.count)
		return json_integer(p->slots);
	map = json_pack("{s:i}", "slots", (int)p->slots);
	if (p->rate.count) {
		put_text(map, "rate", p->rate.text);
		put(map, "burst", json_integer(p->rate.burst));
	}
	if (p->host)
		put_text(map, "scope", "host");
	return map;
}

static void put_locks(json_t *doc, const struct jobfile *jf)
{
	json_t *map = json_object();

	for (size_t i = 0; i < jf->n_locks; i++)
		put(map, jf->lock[i].name, json_pack("{s:s}", "scope", jf->lock[i].host ? "host" : "run"));
	put(doc, "locks", map);
}

static void put_pools(json_t *doc, const struct jobfile *jf)
{
	json_t *map = json_object();

	for (size_t i = 0; i < jf->n_pools; i++)
		put(map, jf->pool[i].name, pool_spec_json(&jf->pool[i]));
	put(doc, "pools", map);
}

static void put_stores(json_t *doc, const struct jobfile *jf)
{
	json_t *map = json_object();

	for (size_t i = 0; i < jf->n_stores; i++)
		put(map, jf->store[i].name, value_source(jf->store[i].path));
	put(doc, "stores", map);
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct job *const *)a)->name, (*(const struct job *const *)b)->name);
}

static json_t *make_job(const struct json_late *l, uint32_t i, const char **ret_key, struct json_late *ret_inner)
{
	struct jobfile_doc *d = l->ctx;

	*ret_key = d->job[i]->name;
	return job_json(d, d->job[i], ret_inner);
}

static json_t *file_json(const struct jobfile *jf, bool with_default)
{
	json_t *doc = json_pack("{s:i}", "jobfile", 1);

	put_text(doc, "description", jf->description);
	if (with_default)
		put_text(doc, "default", jf->default_target);
	put_params(doc, &jf->params);
	if (jf->n_vars)
		put_vars(doc, jf);
	if (jf->n_locks)
		put_locks(doc, jf);
	if (jf->n_secrets)
		put_secrets(doc, jf);
	put_env_rule(doc, &jf->env_rule);
	put_hooks(doc, jf);
	put_ledger_rule(doc, &jf->ledger);
	if (jf->n_pools)
		put_pools(doc, jf);
	if (jf->n_callables)
		put_callables(doc, jf);
	if (jf->n_stores)
		put_stores(doc, jf);
	return doc;
}

void jobfile_doc_init(struct jobfile_doc *d, const struct jobfile *jf, const struct job *const *jobs, size_t n_jobs,
		      bool sorted)
{
	json_t *map = json_object();
	uint32_t n = (uint32_t)(n_jobs ? n_jobs : jf->n_jobs);

	*d = (struct jobfile_doc){.doc = file_json(jf, !n_jobs), .sorted = sorted,
				  .job = xcalloc(n ? n : 1, sizeof(*d->job))};
	for (uint32_t i = 0; i < n; i++)
		d->job[i] = n_jobs ? jobs[i] : jf->job[i];
	if (sorted)
		qsort(d->job, n, sizeof(*d->job), by_name);
	put(d->doc, "jobs", map);
	d->late = (struct json_late){.in = map, .n = n, .ctx = d, .make = make_job};
}

void jobfile_doc_release(struct jobfile_doc *d)
{
	json_decref(d->doc);
	free(d->job);
	free(d->step);
}

json_t *jobfile_to_json(const struct jobfile *jf, const struct job *const *jobs, size_t n_jobs)
{
	struct jobfile_doc d;
	json_t *doc;

	jobfile_doc_init(&d, jf, jobs, n_jobs, false);
	json_complete(&d.late);
	doc = json_incref(d.doc);
	jobfile_doc_release(&d);
	return doc;
}
