/* The values of keys that jobs and steps have, as a native document says them. */
#include "job/write_impl.h"

#include <stdio.h>
#include <string.h>

#include "base/stamp.h"
#include "job/files.h"
#include "job/read.h"

json_t *duration_json(int64_t ms)
{
	struct buf b = BUF_INIT;
	json_t *v;

	duration_format(&b, ms);
	v = json_string(b.data);
	buf_release(&b);
	return v;
}

json_t *names_json(const struct name_decl *name, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(name[i].name));
	return list;
}

json_t *values_json(const struct value_list *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->n; i++)
		json_array_append_new(list, value_source(v->value[i]));
	return list;
}

json_t *value_map_json(const struct value_map *m, const struct value_map *base)
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
		put(map, need->name, json_string(cond_words[need->cond]));
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
	put_text(map, "type", value_type_words[p->type]);
	return map;
}

static json_t *provides_json(const struct flow *f)
{
	json_t *list = json_array(), *map = json_object();
	bool plain = true;

	for (size_t i = 0; i < f->n_provides; i++) {
		const struct provide_decl *p = &f->provide[i];

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

static json_t *on_failure_json(const struct policy *p)
{
	const char *word = on_failure_words[p->on_failure];

	return p->on_failure == ON_FAILURE_FALLBACK ? json_pack("{s:s}", word, p->fallback) : json_string(word);
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

json_t *breaker_json(const struct breaker_rule *b)
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

static json_t *lock_uses_json(const struct policy *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n_locks; i++) {
		const struct lock_use *u = &p->lock[i];

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
	json_t *map = json_pack("{s:s}", "scope", idempotency_words[i->scope]);

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

/* Keys of an action. */
static json_t *act_json(const struct act_spec *act, enum key k)
{
	switch (k) {
	case KEY_run:
		return json_string(act->run);
	case KEY_argv:
		return values_json(&act->argv);
	case KEY_call:
		return json_string(act->call);
	case KEY_with:
		return value_source(act->with);
	case KEY_job:
		return json_string(act->job);
	case KEY_job_params:
		return value_map_json(&act->params, NULL);
	case KEY_job_payload:
		return value_source(act->payload);
	case KEY_idempotency:
		return idempotency_json(act->idempotency);
	case KEY_approve:
		return approve_json(act->approve);
	case KEY_until:
		return until_json(act);
	case KEY_noop:
		return json_true();
	default:
		BUG("no writer for key '%s'", key_word(k));
	}
}

/* Keys of a policy whose value is something of its own. */
static json_t *policy_json(const struct policy *p, enum key k)
{
	switch (k) {
	case KEY_matrix:
		return matrix_json(p->matrix);
	case KEY_foreach:
		return foreach_json(p->foreach);
	case KEY_retry:
		return retry_json(p->retry);
	case KEY_on_failure:
		return on_failure_json(p);
	case KEY_fail_if:
		return fail_if_json(&p->fail_if);
	case KEY_pool:
		return pool_json(&p->pool);
	case KEY_lock_uses:
		return lock_uses_json(p);
	case KEY_slow:
		return slow_json(&p->slow);
	case KEY_priority:
		return json_integer(p->priority);
	case KEY_resources:
		return json_deep_copy(p->resources);
	case KEY_limits:
		return limits_json(&p->limits);
	case KEY_umask:
		return umask_json(p->umask);
	case KEY_breaker:
		return breaker_json(&p->breaker);
	case KEY_on_lost:
		return json_string(on_lost_words[p->on_lost]);
	case KEY_on_driver_death:
		return json_string(p->finish ? "finish" : "kill");
	case KEY_jobserver:
		return json_string(offer_words[p->jobserver]);
	case KEY_overlap:
		return json_string(overlap_words[p->overlap]);
	case KEY_slots:
		return p->slots == SLOTS_ALL ? json_string("all") : json_integer(p->slots);
	default:
		BUG("no writer for key '%s'", key_word(k));
	}
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
		return provides_json(t->flow);
	case KEY_consumes:
		return names_json(t->flow->consume, t->flow->n_consumes);
	case KEY_executor:
		return json_string("local");
	default:
		return is_action_key(k) ? act_json(t->act, k) : policy_json(t->policy, k);
	}
}

json_t *trait_json(const struct traits *t, enum key k)
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
		return text_list_json(field);
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
