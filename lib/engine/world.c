/* What the expressions of a unit see. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/digest.h"
#include "base/fdio.h"
#include "base/file_glob.h"
#include "base/stamp.h"
#include "engine/engine_impl.h"

enum { HASH_MAX = 1 << 30 };

void scope_world_init(struct unit_world *w, struct engine *e, uint32_t scope)
{
	*w = (struct unit_world){.e = e, .unit = UNIT_NONE, .scope = scope, .step_cell = CELL_NONE,
				 .needs_held = true};
}

void unit_world_init(struct unit_world *w, struct engine *e, uint32_t unit)
{
	const struct place *p = &e->x->place[unit];

	scope_world_init(w, e, p->scope);
	w->unit = unit;
	w->step_cell = p->cell;
	w->step = p->step;
}

void unit_world_release(struct unit_world *w)
{
	json_decref(w->made);
	env_release(&w->own_env);
}

/* What an expression of scope means by it. */
static const struct job *job_of_name(const struct engine *e, uint32_t scope, const char *name)
{
	return job_seen(e->jf, e->x->scope[scope].job->ns, name);
}

static uint32_t unit_named(const struct engine *e, uint32_t scope, enum expr_root root, const char *id)
{
	const char *field;
	uint32_t unit = root == ROOT_CONSUMES ? expansion_find_artifact(e->x, scope, id, &field)
					      : expansion_find_step(e->x, scope, id);
	const struct job *j = unit == UNIT_NONE && root == ROOT_NEEDS ? job_of_name(e, scope, id) : NULL;

	return j ? e->x->job_unit[j->no] : unit;
}

uint32_t engine_unit_meant(const struct engine *e, uint32_t scope, enum expr_root root, const char *const *path, size_t n)
{
	uint32_t unit = UNIT_NONE;

	for (size_t take = n; take && unit == UNIT_NONE; take--) {
		struct buf id = BUF_INIT;

		for (size_t i = 0; i < take; i++)
			buf_addf(&id, "%s%s", i ? "." : "", path[i]);
		unit = unit_named(e, scope, root, id.data);
		buf_release(&id);
	}
	return unit;
}

static const json_t *keep(struct unit_world *w, json_t *v)
{
	if (v && !w->made)
		w->made = json_array();
	if (v)
		json_array_append_new(w->made, v);
	return v;
}

/* --- steps, needs, consumes ----------------------------------------------------------------------- */

/* state, exit, attempts, duration_ms of a unit, and whatever it left as its result. */
static json_t *unit_fields(struct engine *e, uint32_t unit)
{
	const struct note *n = &e->note[unit];
	json_t *result = (json_t *)unit_outcome(e, unit); /* a copy changes nothing, but jansson wants it so */
	json_t *o = json_is_object(result) ? json_copy(result) : json_object();

	if (result && !json_is_object(result))
		json_object_set(o, "value", result);
	json_object_set_new(o, "state", json_string(state_word(schedule_state(e->s, unit))));
	json_object_set_new(o, "exit", note_exit(n) < 0 ? json_null() : json_integer(note_exit(n)));
	json_object_set_new(o, "attempts", json_integer(schedule_attempt(e->s, unit)));
	json_object_set_new(o, "duration_ms",
			    json_integer(n->start_mono_ns ? (n->end_mono_ns - n->start_mono_ns) / NS_PER_MS : 0));
	if (n->error && state_is_failure(schedule_state(e->s, unit)))
		json_object_set_new(o, "error", json_string(n->error));
	return o;
}

static const json_t *get_step(struct unit_world *w, const char *id)
{
	uint32_t unit;

	if (!w->e->s || w->scope == SCOPE_NONE)
		return NULL;
	unit = expansion_find_step(w->e->x, w->scope, id);
	return unit == UNIT_NONE ? NULL : keep(w, unit_fields(w->e, unit));
}

/* The unit of a step; where there are none, of a job that the run has. */
static uint32_t unit_of_result(const struct unit_world *w, const char *id)
{
	const struct engine *e = w->e;
	const struct job *j;

	if (!e->s || w->scope == SCOPE_NONE)
		return UNIT_NONE;
	if (e->x->scope[w->scope].job->kind != JOB_COMPOSITE)
		return expansion_find_step(e->x, w->scope, id);
	j = job_of_name(e, w->scope, id);
	return j ? e->x->job_unit[j->no] : UNIT_NONE;
}

/* What a step that ended well returned, and nothing beside it. */
static const json_t *get_result(struct unit_world *w, const char *id)
{
	uint32_t unit = unit_of_result(w, id);

	return unit != UNIT_NONE && state_is_ok(schedule_state(w->e->s, unit)) ? unit_outcome(w->e, unit) : NULL;
}

/* A step without a result has failed, was left out, or had nothing to say: three different things. */
static void why_no_result(struct unit_world *w, const char *id, struct buf *out)
{
	uint32_t unit = unit_of_result(w, id);
	const char *what = unit != UNIT_NONE && w->e->x->scope[w->scope].job->kind == JOB_COMPOSITE ? "job" : "step";
	enum state s;

	if (unit == UNIT_NONE)
		return;
	s = schedule_state(w->e->s, unit);
	if (state_is_failure(s))
		buf_addf(out, "%s '%s' failed, so it has no result%s%s", what, id, w->e->note[unit].error ? ": " : "",
			 w->e->note[unit].error ? w->e->note[unit].error : "");
	else if (s == STATE_SKIPPED)
		buf_addf(out, "%s '%s' was skipped, so it has no result", what, id);
	else if (state_is_ok(s))
		buf_addf(out, "%s '%s' returned nothing", what, id);
	else
		buf_addf(out, "%s '%s' has no result: it is %s", what, id, state_word(s));
}

static void world_why_absent(void *ctx, enum expr_root root, const char *key, struct buf *out)
{
	struct unit_world *w = ctx;

	if (root == ROOT_RESULTS)
		why_no_result(w, key, out);
	else if (root == ROOT_PARAMS && (w->scope == SCOPE_NONE || strchr(key, '.')))
		json_decref(engine_loose_param(w->e, w->looping, key, out));
}

static const json_t *get_need(struct unit_world *w, const char *id)
{
	const json_t *v = get_step(w, id);
	const struct job *j;

	if (v || !w->e->s || w->scope == SCOPE_NONE)
		return v;
	j = job_of_name(w->e, w->scope, id);
	if (!j || w->e->x->job_unit[j->no] == UNIT_NONE)
		return NULL;
	return keep(w, unit_fields(w->e, w->e->x->job_unit[j->no]));
}

static const json_t *get_artifact(struct unit_world *w, const char *name)
{
	const char *field;
	uint32_t unit;

	if (!w->e->s || w->scope == SCOPE_NONE)
		return NULL;
	unit = expansion_find_artifact(w->e->x, w->scope, name, &field);
	return unit == UNIT_NONE ? NULL : json_object_get(unit_outcome(w->e, unit), field);
}

/* --- the other roots --------------------------------------------------------------------------------- */

static const json_t *get_cell(struct unit_world *w, const char *key)
{
	const struct expansion *x = w->e->x;
	const struct cells *c;
	json_t *all = json_object(), *one;

	if (w->scope != SCOPE_NONE && x->scope[w->scope].cell != CELL_NONE) {
		c = x->job_cells[x->scope[w->scope].job->no];
		one = cells_at(c, x->scope[w->scope].cell);
		json_object_update(all, one);
		json_decref(one);
	}
	if (w->step && w->step_cell != CELL_NONE) {
		one = cells_at(expansion_step_cells(x, w->scope, w->step), w->step_cell);
		json_object_update(all, one);
		json_decref(one);
	}
	keep(w, all);
	return key[0] ? json_object_get(all, key) : all;
}

/* The element of a loop, while the payload of its members is made. */
static const json_t *get_item(struct unit_world *w, const char *key)
{
	json_t *all = json_pack("{s:O}", "item", (json_t *)w->item);

	keep(w, all);
	return key[0] ? json_object_get(all, key) : all;
}

static const json_t *get_env(struct unit_world *w, const char *key)
{
	const struct env_list *l = w->env;
	struct buf err = BUF_INIT;
	const char *value;

	draft_env(w->e, key);
	if (!l && (w->step || w->scope != SCOPE_NONE) && w->e->file_env) {
		(void)engine_step_env(w->e, w, &w->own_env, ENV_KNOWN, &err);
		l = w->env;
	}
	if (l && l == &w->own_env && !map_has(&l->index, key))
		(void)engine_late_env(w->e, w, &w->own_env, key, &err);
	buf_release(&err);
	if (!l && w->e->file_env && w->e->jf->n_files)
		l = &w->e->file_env[0];
	if (!key[0])
		return NULL;
	/* What is not set is null and no error: the environment is open, and `env.CI != '1'` is a fair question. */
	value = l ? env_get(l, key) : NULL;
	if (value && !w->hides && mask_finds(values_mask(w->e->values), span_of(value))) {
		values_refuse(w->e->values,
			      "env.%s holds a secret, which can be used in `env` and in the `with` of a call only; "
			      "let the program read $%s", key, key);
		return NULL;
	}
	return keep(w, value ? json_string(value) : json_null());
}

static const json_t *member(const json_t *map, const char *key)
{
	return key[0] ? json_object_get(map, key) : map;
}

static json_t *loose_param(const struct unit_world *w, const char *key)
{
	struct buf err = BUF_INIT; /* world_why_absent says it */
	json_t *v = engine_loose_param(w->e, w->looping, key, &err);

	buf_release(&err);
	return v;
}

/* That of a namespace inside has a value too, if somebody asks. */
static const json_t *get_param(struct unit_world *w, const char *key)
{
	const json_t *all = w->e->params[w->scope], *v;

	if (!all)
		return NULL;
	if (!key[0])
		return keep(w, engine_params_seen(w->e, w->scope));
	v = json_object_get(all, key);
	return v || !strchr(key, '.') ? v : keep(w, loose_param(w, key));
}

static const json_t *get_var(struct unit_world *w, const char *key)
{
	const json_t *v = member(w->e->vars, key);
	const struct var *var = var_find(w->e->jf, key);

	if (var && var->late)
		sights_spoil(draft_files(w->e), "a command gives a variable its value");
	return v ? v : values_var(w->e->values, key);
}

static const json_t *get_job(struct unit_world *w, const char *key)
{
	const struct job *j;
	json_t *o;

	if (w->scope == SCOPE_NONE)
		return NULL;
	j = w->e->x->scope[w->scope].job;
	o = json_pack("{s:s, s:s}", "name", j->name, "description", j->t.description ? j->t.description : "");
	keep(w, o);
	return member(o, key);
}

static const json_t *get_run(struct unit_world *w, const char *key)
{
	json_t *o = json_copy(w->e->run_info);

	sights_spoil(draft_files(w->e), "something depends on the run itself");
	if (w->unit != UNIT_NONE && w->e->s)
		json_object_set_new(o, "attempt", json_integer(schedule_attempt(w->e->s, w->unit)));
	keep(w, o);
	return member(o, key);
}

static const json_t *get_tally(struct unit_world *w, uint32_t n)
{
	return w->tally ? keep(w, json_integer(n)) : NULL;
}

static const json_t *get_veiled(struct unit_world *w, const char *name)
{
	struct digest digest;

	return values_veiled(w->e->values, name, &digest) ? keep(w, json_string(digest.hex)) : NULL;
}

/* What other steps have left, and what a command says that may look at it. */
static bool may_change(const struct unit_world *w, enum expr_root root, const char *key)
{
	return root == ROOT_STEPS || root == ROOT_RESULTS || root == ROOT_NEEDS || root == ROOT_CONSUMES ||
	       root == ROOT_SECRETS || (root == ROOT_VARS && !json_object_get(w->e->vars, key));
}

static const json_t *world_get(void *ctx, enum expr_root root, const char *key)
{
	struct unit_world *w = ctx;

	w->looks |= may_change(w, root, key);
	switch (root) {
	case ROOT_PARAMS:
		if (w->scope == SCOPE_NONE || !w->e->params)
			return key[0] ? keep(w, loose_param(w, key)) : NULL;
		return get_param(w, key);
	case ROOT_VARS:
		return get_var(w, key);
	case ROOT_ENV:
		return get_env(w, key);
	case ROOT_SECRETS:
		sights_spoil(draft_files(w->e), "something depends on a secret");
		if (w->marks)
			return keep(w, json_sprintf("<secret %s>", key));
		if (w->veils)
			return get_veiled(w, key);
		return w->hides && key[0] ? values_secret(w->e->values, key) : NULL;
	case ROOT_STEPS:
		return get_step(w, key);
	case ROOT_RESULTS:
		return get_result(w, key);
	case ROOT_NEEDS:
		return get_need(w, key);
	case ROOT_CONSUMES:
		return get_artifact(w, key);
	case ROOT_MATRIX:
	case ROOT_FOREACH:
		if (w->item)
			return get_item(w, key);
		return get_cell(w, key);
	case ROOT_PAYLOAD:
		return member(engine_payload(w->e, w->scope), key);
	case ROOT_CTX:
		return member(w->e->ctx, key);
	case ROOT_RUN:
		return get_run(w, key);
	case ROOT_JOB:
		return get_job(w, key);
	case ROOT_TALLY:
		return get_tally(w, w->tally ? w->tally->total : 0);
	case ROOT_SUCCEEDED:
		return get_tally(w, w->tally ? w->tally->succeeded : 0);
	case ROOT_FAILED:
		return get_tally(w, w->tally ? w->tally->failed : 0);
	case ROOT_SKIPPED:
		return get_tally(w, w->tally ? w->tally->skipped : 0);
	case ROOT_COUNT:
		break;
	}
	BUG("unknown root %d", (int)root);
}

/* --- functions ------------------------------------------------------------------------------------------ */

/* ok() failed() done(): about the units this one needs; without any, about nothing, so ok. */
static bool world_status(void *ctx, enum expr_status what)
{
	struct unit_world *w = ctx;
	const struct graph *g = w->e->x->graph;
	bool any_failed = false;

	if (!w->e->s || w->unit == UNIT_NONE)
		return what == STATUS_OK || what == STATUS_DONE;
	if (what == STATUS_CANCELED)
		return w->e->signals > 0 || w->e->timed_out;
	for (uint32_t i = g->need_at[w->unit]; i < g->need_at[w->unit + 1]; i++)
		any_failed |= state_is_failure(schedule_state(w->e->s, g->need[i].unit));
	switch (what) {
	case STATUS_OK:
		return w->needs_held;
	case STATUS_FAILED:
		return any_failed;
	case STATUS_DONE:
	case STATUS_CANCELED:
		break;
	}
	return true;
}

json_t *world_glob(void *ctx, const char *pattern)
{
	struct unit_world *w = ctx;
	struct file_matches found = {0};
	json_t *list;
	int error;

	w->looks = true;
	sights_match(draft_files(w->e), w->e->root, pattern);
	error = file_glob(w->e->root, pattern, &found);
	list = error ? NULL : json_array();

	for (size_t i = 0; list && i < found.n; i++)
		json_array_append_new(list, json_string(found.at[i]));
	file_matches_release(&found);
	errno = error;
	return list;
}

static bool world_exists(void *ctx, const char *name)
{
	struct unit_world *w = ctx;
	char *path = path_join(w->e->root, name);
	bool there;

	w->looks = true;
	sights_look(draft_files(w->e), w->e->root, name);
	there = file_exists(path);
	free(path);
	return there;
}

static json_t *world_hash(void *ctx, const char *name)
{
	struct unit_world *w = ctx;
	char *path = path_join(w->e->root, name);
	struct buf text = BUF_INIT;
	struct digest d;
	json_t *v = json_null();

	w->looks = true;
	sights_look(draft_files(w->e), w->e->root, name);
	if (!file_read(path, &text, HASH_MAX)) {
		digest_of(&d, text.data, text.len);
		v = json_string(d.hex);
	}
	buf_release(&text);
	free(path);
	return v;
}

static int64_t world_now(void *ctx)
{
	struct unit_world *w = ctx;

	sights_spoil(draft_files(w->e), "something depends on the time of the run");
	return w->e->now_wall_ms;
}

struct expr_world unit_world_expr(struct unit_world *w)
{
	return (struct expr_world){
		.ctx = w,
		.get = world_get,
		.why_absent = world_why_absent,
		.status = world_status,
		.glob = world_glob,
		.exists = world_exists,
		.hash = world_hash,
		.now = world_now,
	};
}
