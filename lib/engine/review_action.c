/* What a step of a reviewed run would do, as far as that is known before. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "engine/engine_impl.h"
#include "engine/review.h"
#include "run/fresh.h"

/* --- texts --------------------------------------------------------------------------------------------- */

/* Bytes that are no text are told apart by their hexadecimal digits. */
static void hex_name(struct buf *out, const char *text)
{
	buf_puts(out, "bytes ");
	for (; *text; text++)
		buf_addf(out, "%02x", (unsigned char)*text);
}

json_t *review_string(const char *text)
{
	struct buf hex = BUF_INIT;
	json_t *v = json_string(text);

	if (v)
		return v;
	hex_name(&hex, text);
	v = json_string(hex.data);
	buf_release(&hex);
	return v;
}

void review_put(json_t *map, const char *key, json_t *v)
{
	json_t *name = review_string(key);

	BUG_UNLESS(v);
	json_object_set_new(map, json_string_value(name), v);
	json_decref(name);
}

/* --- what is not known yet -------------------------------------------------------------------------------- */

struct knowing {
	struct engine *e;
	const struct outlook *outlook; /* NULL: everything before it has run */
	uint32_t unit;
	size_t n_env; /* of the step's environment so many may be asked for: a value sees those before it */
	bool later;
};

static bool comes_of_a_run(const struct knowing *k, enum expr_root root, const char *const *path, size_t n)
{
	uint32_t unit = k->outlook ? engine_unit_meant(k->e, k->e->x->place[k->unit].scope, root, path, n) : UNIT_NONE;

	return k->outlook && (unit == UNIT_NONE || outlook_would_run(&k->outlook[unit]));
}

static void see_name(void *ctx, enum expr_root root, const char *const *path, size_t n, struct mark m);

/* As the step's environment has it: a value that is made of what comes later comes later too. */
static void see_env(struct knowing *k, const char *name)
{
	const struct value_map *env = &k->e->x->place[k->unit].step->t.policy->env;
	size_t before = k->n_env;

	for (size_t i = 0; i < before; i++) {
		if (!name || strcmp(env->name[i], name) || !env->value[i])
			continue;
		k->n_env = i; /* so it ends */
		value_names(env->value[i], see_name, k);
	}
	k->n_env = before;
}

static void see_name(void *ctx, enum expr_root root, const char *const *path, size_t n, struct mark m)
{
	struct knowing *k = ctx;
	const struct engine *e = k->e;
	const struct var *var;

	(void)m;
	switch (root) {
	case ROOT_RUN:
		k->later = true;
		break;
	case ROOT_VARS:
		var = n ? var_find(e->jf, path[0]) : NULL;
		k->later |= var && var->late;
		break;
	case ROOT_ENV:
		see_env(k, n ? path[0] : NULL);
		break;
	case ROOT_STEPS:
	case ROOT_RESULTS:
	case ROOT_NEEDS:
	case ROOT_CONSUMES:
		k->later |= comes_of_a_run(k, root, path, n);
		break;
	case ROOT_PARAMS:
	case ROOT_PAYLOAD: /* of a called job: its call makes them */
		k->later |= !e->params[e->x->place[k->unit].scope];
		break;
	default:
		break;
	}
}

static bool is_later(struct knowing *k, const struct value *v)
{
	k->later = false;
	value_names(v, see_name, k);
	return k->later;
}

static json_t *later(const struct value *v)
{
	return json_pack("{s:o}", "later", value_source(v));
}

/* --- values ------------------------------------------------------------------------------------------------ */

/* What a step's values are made of. */
struct seeing {
	struct knowing k;
	struct unit_world w;
	struct expr_world xw;
	struct env_list env;
};

static bool env_is_later(void *ctx, size_t i)
{
	struct knowing *k = ctx;
	bool is;

	k->n_env = i;
	is = is_later(k, k->e->x->place[k->unit].step->t.policy->env.value[i]);
	k->n_env = k->e->x->place[k->unit].step->t.policy->env.n;
	return is;
}

static void seeing_open(struct seeing *s, struct engine *e, uint32_t unit, const struct outlook *outlook)
{
	*s = (struct seeing){.k = {.e = e, .outlook = outlook, .unit = unit}};
	s->k.n_env = e->x->place[unit].step->t.policy->env.n;
	values_begin(e->values);
	unit_world_init(&s->w, e, unit);
	s->w.marks = true;
	engine_known_env(e, &s->w, &s->env, env_is_later, &s->k);
	s->xw = unit_world_expr(&s->w);
}

static void seeing_close(struct seeing *s)
{
	s->w.env = NULL;
	env_release(&s->env);
	unit_world_release(&s->w);
}

static json_t *known(struct seeing *s, const struct value *v)
{
	struct buf ignored = BUF_INIT;
	json_t *got;

	if (is_later(&s->k, v))
		return later(v);
	values_begin(s->k.e->values);
	got = value_eval(v, &s->xw, &ignored);
	buf_release(&ignored);
	if (got && !values_missing(s->k.e->values))
		return got;
	json_decref(got);
	return later(v);
}

static json_t *known_list(struct seeing *s, const struct value_list *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(list, known(s, l->value[i]));
	return list;
}

static void put_known(struct seeing *s, json_t *map, const char *key, const struct value *v)
{
	if (v)
		review_put(map, key, known(s, v));
}

/* --- what it would do ---------------------------------------------------------------------------------------- */

static json_t *env_json(struct seeing *s, const struct value_map *m)
{
	json_t *map = json_object();

	for (size_t i = 0; i < m->n; i++) {
		bool fixed = env_is_fixed(s->k.e, m->name[i]);
		bool comes = !fixed && m->value[i] && env_is_later(&s->k, i);
		const char *text = comes ? NULL : env_get(&s->env, m->name[i]);

		review_put(map, m->name[i], comes ? later(m->value[i]) : text ? review_string(text) : json_null());
	}
	return map;
}

/* What nothing can be made of in advance stands as it is in the definition. */
json_t *review_action(struct engine *e, uint32_t unit, const struct outlook *outlook)
{
	const struct traits *t = &e->x->place[unit].step->t;
	json_t *o = json_object();
	struct seeing s;

	seeing_open(&s, e, unit, outlook);
	if (t->act->run)
		review_put(o, "run", review_string(t->act->run));
	if (t->act->argv.n)
		review_put(o, "argv", known_list(&s, &t->act->argv));
	if (t->act->call)
		review_put(o, "call", review_string(t->act->call));
	put_known(&s, o, "with", t->act->with);
	if (t->act->approve) {
		put_known(&s, o, "prompt", t->act->approve->prompt);
		put_known(&s, o, "show", t->act->approve->show);
	}
	put_known(&s, o, "cwd", t->policy->cwd);
	put_known(&s, o, "stdout", t->policy->stdout_to);
	put_known(&s, o, "stderr", t->policy->stderr_to);
	if (t->policy->env.n)
		review_put(o, "env", env_json(&s, &t->policy->env));
	seeing_close(&s);
	return values_hide_json(e->values, o);
}

/* --- conditions ------------------------------------------------------------------------------------------------- */

/* What they come to now; null: that is seen when it runs. */
static json_t *condition_json(struct seeing *s, const struct condition *c)
{
	struct buf ignored = BUF_INIT;
	int yes = -1;

	s->k.later = expr_asks_status(c->expr);
	expr_names(c->expr, see_name, &s->k);
	values_begin(s->k.e->values);
	if (!s->k.later)
		yes = expr_test(c->expr, &s->xw, &ignored);
	if (values_missing(s->k.e->values))
		yes = -1;
	buf_release(&ignored);
	return yes < 0 ? json_null() : json_boolean(yes);
}

static void put_conditions(json_t *map, struct seeing *s, const char *key, const struct condition_list *l)
{
	json_t *list = json_object();

	for (size_t i = 0; i < l->n; i++)
		review_put(list, expr_text(l->at[i].expr), condition_json(s, &l->at[i]));
	if (l->n)
		json_object_set(map, key, list);
	json_decref(list);
}

json_t *review_conditions(struct engine *e, uint32_t unit, const struct outlook *outlook)
{
	const struct traits *t = &e->x->place[unit].step->t;
	json_t *map = json_object();
	struct seeing s;

	seeing_open(&s, e, unit, outlook);
	put_conditions(map, &s, "when", &t->policy->when);
	put_conditions(map, &s, "skip_if", &t->policy->skip_if);
	put_conditions(map, &s, "require", &t->policy->require);
	seeing_close(&s);
	return map;
}

/* --- names of files ------------------------------------------------------------------------------------------ */

json_t *review_names(struct engine *e, uint32_t unit, const struct outlook *outlook, const struct value_list *l)
{
	struct seeing s;
	json_t *list;

	seeing_open(&s, e, unit, outlook);
	list = known_list(&s, l);
	seeing_close(&s);
	return list;
}
