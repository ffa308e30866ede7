/*
 * The model as a native document: templates and defaults are in the jobs that took
 * them over.  What a step has from its job is written at the job, once.
 */
#include "job/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "job/files.h"

static void put(json_t *map, const char *name, json_t *v)
{
	BUG_UNLESS(v);
	json_object_set_new(map, name, v);
}

static void put_text(json_t *map, const char *name, const char *text)
{
	if (text)
		put(map, name, json_string(text));
}

static json_t *duration_json(int64_t ms)
{
	struct buf b = BUF_INIT;
	json_t *v;

	duration_format(&b, ms);
	v = json_string(b.data);
	buf_release(&b);
	return v;
}

static json_t *texts_json(const struct text_list *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->n; i++)
		json_array_append_new(list, json_string(t->text[i]));
	return list;
}

static json_t *names_json(const struct name_decl *name, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(name[i].name));
	return list;
}

static json_t *values_json(const struct value_list *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->n; i++)
		json_array_append_new(list, value_source(v->value[i]));
	return list;
}

/* The entries of m that base does not have just so (base may be NULL). */
static json_t *value_map_json(const struct value_map *m, const struct value_map *base)
{
	json_t *map = json_object();

	for (size_t i = 0; i < m->n; i++) {
		bool same = false;

		for (size_t k = 0; base && k < base->n && !same; k++)
			same = base->value[k] == m->value[i] && !strcmp(base->name[k], m->name[i]);
		if (!same)
			put(map, m->name[i], m->value[i] ? value_source(m->value[i]) : json_null());
	}
	return map;
}

/* --- parts of traits -------------------------------------------------------------------------- */

static const char *cond_word(enum cond c)
{
	static const char *const words[] = {
#define COND(id, word, sentence) [COND_##id] = word,
		CONDS(COND)
#undef COND
	};

	return words[c];
}

static json_t *needs_json(const struct traits *t)
{
	json_t *list = json_array(), *map = json_object();
	bool all_ok = true;

	for (size_t i = 0; i < t->n_needs; i++) {
		const struct need_decl *need = &t->need[i];

		if (need->order_only)
			continue;
		all_ok &= need->cond == COND_OK;
		json_array_append_new(list, json_string(need->name));
		put(map, need->name, json_string(cond_word(need->cond)));
	}
	json_decref(all_ok ? map : list);
	return all_ok ? list : map;
}

static json_t *after_json(const struct traits *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->n_needs; i++)
		if (t->need[i].order_only)
			json_array_append_new(list, json_string(t->need[i].name));
	return list;
}

static json_t *provide_json(const struct provide_decl *p)
{
	static const char *const types[] = {"text", "int", "float", "bool", "json"};
	json_t *map = json_object();

	switch (p->from) {
	case PROVIDE_OUTPUT:
		break;
	case PROVIDE_STDOUT:
		put(map, "stdout", json_true());
		break;
	case PROVIDE_JSON:
		put_text(map, "json", p->path);
		break;
	case PROVIDE_REGEX:
		put_text(map, "regex", pattern_text(p->pattern));
		break;
	case PROVIDE_FILE:
		put_text(map, "file", p->path);
		break;
	case PROVIDE_PATH:
		put_text(map, "path", p->path);
		break;
	case PROVIDE_LINE:
		put(map, "line", json_integer(p->line));
		break;
	}
	put_text(map, "type", types[p->type]);
	return map;
}

static json_t *provides_json(const struct traits *t)
{
	json_t *list = json_array(), *map = json_object();
	bool plain = true;

	for (size_t i = 0; i < t->flow->n_provides; i++) {
		const struct provide_decl *p = &t->flow->provide[i];

		plain &= p->from == PROVIDE_OUTPUT && p->type == AS_TEXT;
		json_array_append_new(list, json_string(p->name));
		put(map, p->name, provide_json(p));
	}
	json_decref(plain ? map : list);
	return plain ? list : map;
}

static json_t *conditions_json(const struct condition_list *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++) {
		json_t *check = json_string(expr_source(l->at[i].expr));

		json_array_append_new(list, l->at[i].msg ? json_pack("{s:o, s:s}", "check", check,
								     "msg",
								    l->at[i].msg)
							 : check);
	}
	return list;
}

static json_t *matrix_json(const struct matrix *m)
{
	json_t *map = json_object();

	for (size_t i = 0; i < m->n_axes; i++)
		put(map, m->axis[i].name, json_deep_copy(m->axis[i].values));
	if (m->include)
		put(map, "include", json_deep_copy(m->include));
	if (m->exclude)
		put(map, "exclude", json_deep_copy(m->exclude));
	return map;
}

static json_t *foreach_json(const struct foreach_decl *f)
{
	json_t *map = json_object();

	put(map, f->name, f->glob ? json_string(f->glob) : value_source(f->over));
	if (f->max_parallel)
		put(map, "max_parallel", json_integer(f->max_parallel));
	if (f->fail_fast)
		put(map, "fail_fast", json_true());
	return map;
}

static json_t *rules_json(const struct retry_rule *rule, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(rule[i].text));
	return list;
}

static json_t *retry_json(const struct retry_spec *r)
{
	json_t *map = json_pack("{s:I}", "max", (json_int_t)r->pace.max);

	if (r->pace.delay_ms)
		put(map, "delay", duration_json(r->pace.delay_ms));
	if (r->pace.backoff != 1)
		put(map, "backoff", json_real(r->pace.backoff));
	if (r->pace.max_delay_ms)
		put(map, "max_delay", duration_json(r->pace.max_delay_ms));
	if (r->pace.jitter != 0)
		put(map, "jitter", json_real(r->pace.jitter));
	if (r->when)
		put(map, "when", rules_json(r->when, r->n_when));
	if (r->not_when)
		put(map, "not_when", rules_json(r->not_when, r->n_not_when));
	return map;
}

static json_t *on_failure_json(const struct traits *t)
{
	switch (t->policy->on_failure) {
	case ON_FAILURE_ABORT:
		return json_string("abort");
	case ON_FAILURE_SKIP_DEPENDENTS:
		return json_string("skip_dependents");
	case ON_FAILURE_CONTINUE:
		return json_string("continue");
	case ON_FAILURE_FALLBACK:
		break;
	}
	return json_pack("{s:s}", "fallback", t->policy->fallback);
}

static json_t *exits_json(const struct exit_set *s)
{
	json_t *list = json_array();

	for (int code = 0; code < 256; code++)
		if (exit_set_has(s, code))
			json_array_append_new(list, json_integer(code));
	return list;
}

static json_t *fail_if_json(const struct fail_if *f)
{
	json_t *map = json_object();

	put_text(map, "stdout", f->out ? pattern_text(f->out) : NULL);
	put_text(map, "stderr", f->err ? pattern_text(f->err) : NULL);
	return map;
}

static json_t *breaker_json(const struct breaker_rule *b)
{
	json_t *map;

	if (!b->failures)
		return json_null();
	map = json_pack("{s:I}", "failures", (json_int_t)b->failures);
	put(map, "window", duration_json(b->window_ms));
	put(map, "cooldown", duration_json(b->cooldown_ms));
	return map;
}

static json_t *pool_json(const struct pool_use *p)
{
	if (!p->name)
		return json_null();
	return p->weight == 1 ? json_string(p->name)
			      : json_pack("{s:s, s:i}", "name", p->name, "weight", (int)p->weight);
}

static json_t *lock_uses_json(const struct traits *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->policy->n_locks; i++) {
		const struct lock_use *u = &t->policy->lock[i];

		json_array_append_new(list, u->wait_ms < 0 ? json_string(u->name)
							   : json_pack("{s:s, s:o}", "name", u->name, "wait",
								       duration_json(u->wait_ms)));
	}
	return list;
}

static json_t *slow_json(const struct slow_spec *s)
{
	char text[32];

	if (s->ms)
		return duration_json(s->ms);
	if (s->share <= 0)
		return json_null();
	snprintf(text, sizeof(text), "p95*%g", s->share);
	return json_string(text);
}

static json_t *approve_json(const struct approve_spec *a)
{
	json_t *map = json_pack("{s:o}", "prompt", value_source(a->prompt));

	if (a->show)
		put(map, "show", value_source(a->show));
	if (a->automatic)
		put(map, "auto", json_true());
	return map;
}

static json_t *until_json(const struct act_spec *act)
{
	json_t *map = json_object();

	if (act->run)
		put_text(map, "run", act->run);
	else
		put(map, "argv", values_json(&act->argv));
	put(map, "every", duration_json(act->until->every_ms));
	if (act->until->timeout_ms)
		put(map, "timeout", duration_json(act->until->timeout_ms));
	return map;
}

/* Bytes as a text that reads the same: plain digits. */
static void put_bytes(json_t *map, const char *name, int64_t bytes)
{
	if (bytes >= 0)
		put(map, name, json_integer(bytes));
}

static json_t *limits_json(const struct limit_spec *l)
{
	json_t *map = json_object();

	put_bytes(map, "mem", l->mem);
	if (l->cpu_s >= 0)
		put(map, "cpu", duration_json(l->cpu_s * MS_PER_S));
	put_bytes(map, "nofile", l->nofile);
	put_bytes(map, "fsize", l->fsize);
	if (l->nice != NICE_UNSAID)
		put(map, "nice", json_integer(l->nice));
	return map;
}

static json_t *umask_json(int umask)
{
	char text[8];

	snprintf(text, sizeof(text), "%03o", (unsigned)umask);
	return json_string(text);
}

static json_t *idempotency_json(const struct idempotency *i)
{
	static const char *const scopes[] = {"run", "semantic", "explicit"};
	json_t *map = json_pack("{s:s}", "scope", scopes[i->scope]);

	put_text(map, "key", i->key);
	if (i->payload_hash)
		put(map, "payload_hash", json_true());
	return map;
}

static json_t *fresh_json(const struct fresh_spec *f)
{
	struct buf text = BUF_INIT;
	json_t *v;

	if (f->kind == FRESH_PROBE)
		return json_pack("{s:s}", "run", f->probe);
	buf_puts(&text, fresh_word(f->kind));
	if (f->kind == FRESH_TTL) {
		buf_putc(&text, ':');
		duration_format(&text, f->ttl_ms);
	}
	v = json_string(text.data);
	buf_release(&text);
	return v;
}

/* Keys whose value is something of its own; the others are written by their type. */
static json_t *special_json(const struct traits *t, enum key k)
{
	switch (k) {
	case KEY_needs:
		return needs_json(t);
	case KEY_after:
		return after_json(t);
	case KEY_needs_rule:
		return t->needs_rule ? json_integer(t->needs_rule) : json_string("all");
	case KEY_provides:
		return provides_json(t);
	case KEY_consumes:
		return names_json(t->flow->consume, t->flow->n_consumes);
	case KEY_matrix:
		return matrix_json(t->policy->matrix);
	case KEY_foreach:
		return foreach_json(t->policy->foreach);
	case KEY_retry:
		return retry_json(t->policy->retry);
	case KEY_on_failure:
		return on_failure_json(t);
	case KEY_fail_if:
		return fail_if_json(&t->policy->fail_if);
	case KEY_pool:
		return pool_json(&t->policy->pool);
	case KEY_lock_uses:
		return lock_uses_json(t);
	case KEY_slow:
		return slow_json(&t->policy->slow);
	case KEY_approve:
		return approve_json(t->act->approve);
	case KEY_until:
		return until_json(t->act);
	case KEY_priority:
		return json_integer(t->policy->priority);
	case KEY_resources:
		return json_deep_copy(t->policy->resources);
	case KEY_executor:
		return json_string("local");
	case KEY_limits:
		return limits_json(&t->policy->limits);
	case KEY_umask:
		return umask_json(t->policy->umask);
	case KEY_breaker:
		return breaker_json(&t->policy->breaker);
	case KEY_on_lost:
		return json_string(on_lost_words[t->policy->on_lost]);
	case KEY_on_driver_death:
		return json_string(t->policy->finish ? "finish" : "kill");
	case KEY_jobserver:
		return json_string(offer_words[t->policy->jobserver]);
	case KEY_overlap:
		return json_string(overlap_words[t->policy->overlap]);
	case KEY_slots:
		return t->policy->slots == SLOTS_ALL ? json_string("all") : json_integer(t->policy->slots);
	case KEY_run:
		return json_string(t->act->run);
	case KEY_argv:
		return values_json(&t->act->argv);
	case KEY_call:
		return json_string(t->act->call);
	case KEY_with:
		return value_source(t->act->with);
	case KEY_job:
		return json_string(t->act->job);
	case KEY_job_params:
		return value_map_json(&t->act->params, NULL);
	case KEY_job_payload:
		return value_source(t->act->payload);
	case KEY_idempotency:
		return idempotency_json(t->act->idempotency);
	case KEY_noop:
		return json_true();
	default:
		BUG("no writer for key '%s'", key_word(k));
	}
}

static json_t *trait_json(const struct traits *t, enum key k)
{
	const struct key_info *info = key_info(k);
	const void *field;

	if (!info->size)
		return special_json(t, k);
	field = traits_field(t, k);
	switch (info->type) {
	case TYPE_TEXT:
	case TYPE_SCHEDULE:
	case TYPE_ZONE:
		return json_string(*(const char *const *)field);
	case TYPE_BOOL:
		return json_boolean(*(const bool *)field);
	case TYPE_TEXTS:
		return texts_json(field);
	case TYPE_DURATION:
		return duration_json(*(const int64_t *)field);
	case TYPE_VALUE:
		return value_source(*(const struct value *const *)field);
	case TYPE_VALUES:
		return values_json(field);
	case TYPE_ENV:
		return value_map_json(field, NULL);
	case TYPE_EXPR:
		return json_string(expr_source(*(const struct expr *const *)field));
	case TYPE_PATTERN:
		return json_string(pattern_text(*(const struct pattern *const *)field));
	case TYPE_EXITS:
		return exits_json(field);
	case TYPE_MAP:
		return traits_metadata(t); /* the only one */
	case TYPE_CONDITIONS:
		return conditions_json(field);
	case TYPE_FILES:
		return values_json(field);
	case TYPE_FRESH:
		return fresh_json(field);
	default:
		return special_json(t, k);
	}
}

/* --- jobs and steps --------------------------------------------------------------------------- */

static bool same_field(const struct traits *a, const struct traits *b, enum key k)
{
	return !memcmp(traits_field(a, k), traits_field(b, k), key_info(k)->size);
}

/* The keys of t that reach so far; without those that base passes on anyway (NULL: none). */
static void put_traits(json_t *map, const struct traits *t, unsigned reaches, const struct traits *base)
{
	for (enum key k = 0; k < KEY_COUNT; k++) {
		bool mine = key_set_has(&t->set, k);
		bool passed = base && key_info(k)->reach == REACH_STEPS && key_set_has(&base->set, k);

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
				  s->opens == OPENS_OK ? "ok" : "done");
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
		if (key_set_has(&j->t.set, KEY_on_driver_death)) /* of the run, where the composite is its target */
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
		if (key_set_has(&st->t.set, k) && hook_has_key(k))
			put(map, key_word(k), trait_json(&st->t, k));
	return map;
}

static json_t *secret_json(const struct secret *s)
{
	if (s->kind == SECRET_ARGV)
		return json_pack("{s:o}", "argv", texts_json(&s->argv));
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
		put(doc, "env_policy", json_pack("{s:o}", "keep", texts_json(&rule->keep)));
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
