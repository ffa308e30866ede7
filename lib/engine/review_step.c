/* One step of a reviewed run: what it would do, why, and what that rests on. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "engine/engine_impl.h"
#include "engine/fresh.h"
#include "engine/resume.h"
#include "engine/review.h"

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

static bool would_run(const struct outlook *o)
{
	return o->kind == OUTLOOK_RUN || o->kind == OUTLOOK_MAYBE;
}

static uint32_t unit_named(const struct knowing *k, enum expr_root root, const char *id)
{
	const struct expansion *x = k->e->x;
	uint32_t scope = x->place[k->unit].scope;
	uint32_t unit = root == ROOT_CONSUMES ? expansion_find_artifact(x, scope, id) : expansion_find_step(x, scope, id);
	const struct job *j = unit == UNIT_NONE && root == ROOT_NEEDS ? job_find(x->jf, id) : NULL;

	return j ? x->job_unit[j->no] : unit;
}

/* Ids may have dots: the longest that is one counts. */
static bool comes_of_a_run(const struct knowing *k, enum expr_root root, const char *const *path, size_t n)
{
	uint32_t unit = UNIT_NONE;

	if (!k->outlook)
		return false;
	for (size_t take = n; take && unit == UNIT_NONE; take--) {
		struct buf id = BUF_INIT;

		for (size_t i = 0; i < take; i++)
			buf_addf(&id, "%s%s", i ? "." : "", path[i]);
		unit = unit_named(k, root, id.data);
		buf_release(&id);
	}
	return unit == UNIT_NONE || would_run(&k->outlook[unit]);
}

static void see_name(void *ctx, enum expr_root root, const char *const *path, size_t n, struct mark m);

/* As the step's environment has it: a value that is made of what comes later comes later too. */
static void see_env(struct knowing *k, const char *name)
{
	const struct value_map *env = &k->e->x->place[k->unit].step->t.env;
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
	is = is_later(k, k->e->x->place[k->unit].step->t.env.value[i]);
	k->n_env = k->e->x->place[k->unit].step->t.env.n;
	return is;
}

static void seeing_open(struct seeing *s, struct engine *e, uint32_t unit, const struct outlook *outlook)
{
	*s = (struct seeing){.k = {.e = e, .outlook = outlook, .unit = unit}};
	s->k.n_env = e->x->place[unit].step->t.env.n;
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
	if (t->act.run)
		review_put(o, "run", review_string(t->act.run));
	if (t->act.argv.n)
		review_put(o, "argv", known_list(&s, &t->act.argv));
	if (t->act.call)
		review_put(o, "call", review_string(t->act.call));
	put_known(&s, o, "with", t->act.with);
	if (t->act.approve) {
		put_known(&s, o, "prompt", t->act.approve->prompt);
		put_known(&s, o, "show", t->act.approve->show);
	}
	put_known(&s, o, "cwd", t->cwd);
	put_known(&s, o, "stdout", t->stdout_to);
	put_known(&s, o, "stderr", t->stderr_to);
	if (t->env.n)
		review_put(o, "env", env_json(&s, &t->env));
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

static json_t *conditions_json(struct engine *e, uint32_t unit, const struct outlook *outlook)
{
	const struct traits *t = &e->x->place[unit].step->t;
	json_t *map = json_object();
	struct seeing s;

	seeing_open(&s, e, unit, outlook);
	put_conditions(map, &s, "when", &t->when);
	put_conditions(map, &s, "skip_if", &t->skip_if);
	put_conditions(map, &s, "require", &t->require);
	seeing_close(&s);
	return map;
}

/* --- files ------------------------------------------------------------------------------------------------------- */

json_t *review_content(struct review *r, struct engine *e, const char *path)
{
	struct review_pin *pin = map_get(&r->pin, path);

	if (!pin) {
		pin = xcalloc(1, sizeof(*pin));
		if (digest_file(&pin->digest, e->fresh->files.root_fd, path, &pin->id) < 0) {
			free(pin);
			return json_null();
		}
		pin->settled = file_id_settled(&pin->id);
		(void)map_put(&r->pin, path, pin);
	}
	return json_string(pin->digest.hex);
}

static void note_hit(void *ctx, uint32_t number)
{
	*(uint32_t *)ctx = number;
}

/* {"by": STEP} of what a step of the run makes first; NULL: none does. */
static json_t *made_by(struct engine *e, const struct file_index *coming, const char *name)
{
	uint32_t unit = UNIT_NONE;
	struct buf by = BUF_INIT;
	json_t *v;

	file_index_find(coming, name, note_hit, &unit);
	if (unit == UNIT_NONE)
		return NULL;
	expansion_unit_name(e->x, unit, &by);
	v = json_pack("{s:o}", "by", review_string(by.data));
	buf_release(&by);
	return v;
}

static void put_file(struct review *r, struct engine *e, json_t *map, const struct file_index *coming, const char *path)
{
	json_t *by = made_by(e, coming, path);

	review_put(map, path, by ? by : review_content(r, e, path));
}

/* What is named and not there: a step makes it first, or its own step will say that it is missing. */
static void put_missing(struct engine *e, json_t *map, const struct file_index *coming, const char *name)
{
	bool there = is_file_glob(name) || !faccessat(e->fresh->files.root_fd, name, F_OK, 0);
	json_t *by = there ? NULL : made_by(e, coming, name);

	if (!there)
		review_put(map, name, by ? by : json_null());
}

static json_t *inputs_json(struct review *r, struct engine *e, uint32_t unit, const struct file_index *coming)
{
	struct map names = MAP_INIT, made = MAP_INIT;
	struct file_list found = {0};
	struct buf ignored = BUF_INIT;
	json_t *map = json_object();

	if (fresh_names(e, unit, true, &names, &ignored) && fresh_names(e, unit, false, &made, &ignored)) {
		file_list_look(&e->fresh->files, &found, &names, &made);
		for (size_t i = 0; i < found.n; i++)
			put_file(r, e, map, coming, found.at[i].file->path);
		for (size_t i = 0; i < names.n; i++)
			put_missing(e, map, coming, names.entry[i].key);
	}
	file_list_release(&found);
	map_release(&names);
	map_release(&made);
	buf_release(&ignored);
	return map;
}

/* Names, where they are known; else what they are made from. */
static json_t *names_json(struct engine *e, uint32_t unit, const struct outlook *outlook, const struct value_list *l)
{
	struct seeing s;
	json_t *list;

	seeing_open(&s, e, unit, outlook);
	list = known_list(&s, l);
	seeing_close(&s);
	return list;
}

static bool is_all_known(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_is_object(json_array_get(list, i)))
			return false;
	return true;
}

static void put_files(struct review *r, struct engine *e, json_t *o, uint32_t unit, const struct outlook *outlook,
		      const struct file_index *coming)
{
	const struct traits *t = &e->x->place[unit].step->t;
	json_t *names = names_json(e, unit, outlook, &t->input);

	if (t->input.n && is_all_known(names))
		review_put(o, "inputs", inputs_json(r, e, unit, coming));
	else if (t->input.n)
		json_object_set(o, "inputs", names);
	json_decref(names);
	if (t->output.n)
		review_put(o, "outputs", names_json(e, unit, outlook, &t->output));
}

void review_coming(struct engine *e, const struct outlook *outlook, struct file_index *coming)
{
	const struct graph *g = e->x->graph;
	struct buf ignored = BUF_INIT;

	for (uint32_t u = 0; u < g->n_units; u++) {
		struct map names = MAP_INIT;

		if (g->unit[u].kind == UNIT_STEP && would_run(&outlook[u]) && fresh_names(e, u, false, &names, &ignored))
			for (size_t i = 0; i < names.n; i++)
				(void)file_index_add(coming, names.entry[i].key, u);
		map_release(&names);
	}
	buf_release(&ignored);
}

/* --- all of it --------------------------------------------------------------------------------------------------- */

static const char *would_word(const struct outlook *o)
{
	static const char *const words[] = {
		[OUTLOOK_RUN] = "run", [OUTLOOK_MAYBE] = "maybe", [OUTLOOK_DONE] = "nothing", [OUTLOOK_OUT] = "left out",
	};

	return words[o->kind];
}

static void put_reason(json_t *map, const struct outlook *o)
{
	struct buf why = BUF_INIT;

	review_put(map, "would", json_string(would_word(o)));
	review_put(map, "reason", json_string(reason_word((enum reason)o->why)));
	if (o->why != REASON_NONE)
		reason_say(&why, (enum reason)o->why, o->cause);
	else if (would_run(o))
		buf_puts(&why, "it runs every time");
	review_put(map, "why", review_string(why.data));
	buf_release(&why);
}

static bool keep_record(void *ctx, const struct ledger_fingerprint_row *r)
{
	*(json_t **)ctx = review_string(r->fingerprint);
	return false;
}

/* What a success that is not repeated is known by. */
static void put_record(struct engine *e, json_t *map, uint32_t unit)
{
	struct buf key = BUF_INIT;
	json_t *record = NULL;

	engine_unit_key(e, unit, &key);
	if (e->o->past && asks_fresh(&e->x->place[unit].step->t))
		(void)ledger_fingerprints(e->o->past, key.data, keep_record, &record);
	if (record)
		review_put(map, "record", record);
	buf_release(&key);
}

static void put_approval(struct engine *e, json_t *map, uint32_t unit)
{
	const struct past_step *s = resume_approval(e, unit);
	char at[STAMP_TEXT];
	json_t *o;

	if (!s)
		return;
	o = json_pack("{s:b, s:o, s:s}", "approved", (int)s->approved, "by", review_string(s->by ? s->by : "somebody"), "at",
		      stamp_format(s->answered_ms, at));
	if (s->note)
		review_put(o, "note", review_string(s->note));
	review_put(map, "answer", o);
}

static void put_work(struct review *r, struct engine *e, json_t *o, uint32_t unit, const struct outlook *outlook,
		     const struct file_index *coming)
{
	json_t *conditions = conditions_json(e, unit, outlook);

	put_files(r, e, o, unit, outlook, coming);
	if (json_object_size(conditions))
		json_object_set(o, "conditions", conditions);
	json_decref(conditions);
	review_put(o, "last", review_last(e, unit));
}

json_t *review_step(struct review *r, struct engine *e, uint32_t unit, const struct outlook *outlook,
		    const struct file_index *coming)
{
	const struct outlook *own = &outlook[unit];
	struct buf key = BUF_INIT;
	json_t *o = json_object();

	put_reason(o, own);
	engine_unit_key(e, unit, &key);
	review_put(o, "key", review_string(key.data));
	buf_release(&key);
	if (own->kind == OUTLOOK_OUT)
		return o;
	review_put(o, "do", review_action(e, unit, outlook));
	if (e->x->place[unit].step->t.act.kind == ACT_APPROVE)
		put_approval(e, o, unit);
	if (would_run(own))
		put_work(r, e, o, unit, outlook, coming);
	else
		put_record(e, o, unit);
	return o;
}
