/* What a run is made of, before anything is started. */
#include "engine/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/stamp.h"
#include "base/vec.h"
#include "engine/debug.h"
#include "engine/engine_impl.h"
#include "engine/fresh.h"
#include "engine/resume.h"
#include "job/namespace.h"

/* --- plain vars -------------------------------------------------------------------------------------------- */

/* The namespace of a job that var is in, or NULL. */
static const char *ns_of_var(const struct jobfile *jf, const struct var *v)
{
	for (size_t i = 0; i < jf->n_jobs; i++)
		if (jf->job[i]->ns && namespace_short(jf->job[i]->ns, v->name) != v->name)
			return jf->job[i]->ns;
	return NULL;
}

bool engine_has_namespace(const struct engine *e, const char *ns)
{
	for (uint32_t s = 0; s < e->x->n_scopes; s++)
		if (namespace_sees(e->x->scope[s].job->ns, ns))
			return true;
	return false;
}

/* What a namespace lacks is no matter to a run that has none of its jobs: before that is known, nothing is said. */
static bool say_failed_var(const struct engine *e, const struct var *v)
{
	const char *ns = ns_of_var(e->jf, v);

	return !ns || (e->x && engine_has_namespace(e, ns));
}

static bool make_vars(struct engine *e, struct diags *d)
{
	struct buf err = BUF_INIT;
	size_t errors = diags_errors(d);

	for (size_t i = 0; i < e->jf->n_vars; i++) {
		const struct var *v = &e->jf->var[i];
		const json_t *value;

		if (v->late || json_object_get(e->vars, v->name))
			continue;
		buf_reset(&err);
		values_begin(e->values);
		value = values_var(e->values, v->name);
		if (value)
			json_object_set(e->vars, v->name, (json_t *)value);
		else if (values_found(e->values, &err) == VALUES_FAILED && say_failed_var(e, v))
			diag_error(d, v->mark, "%s", err.data);
	}
	buf_release(&err);
	return diags_errors(d) == errors;
}

/* --- expansion ------------------------------------------------------------------------------------------------ */

static void loops_of(void *world, const struct job *j)
{
	((struct unit_world *)world)->looping = j;
}

static bool expand(struct engine *e, struct diags *d)
{
	struct unit_world w;
	struct expr_world xw;
	struct expand_options o = {
		.target = e->o->targets.at, .n_targets = e->o->targets.n, .keep_going = e->o->keep_going,
		.fail_limit = e->o->fail_limit, .loops_of = loops_of, .ask_steps = e->o->resumes != NULL,
	};

	scope_world_init(&w, e, SCOPE_NONE);
	xw = unit_world_expr(&w);
	o.world = &xw;
	e->x = expansion_build(e->jf, &o, d);
	unit_world_release(&w);
	return e->x != NULL;
}

/* --- restrictions: --only, --from, --until, --skip, and targets that are steps ------------------------------------ */

struct choice {
	bool *keep, *drop;
	uint32_t n;
};

static bool mark_named(struct engine *e, const struct text_span *names, const char *option, bool *mark,
		       struct diags *d)
{
	for (size_t i = 0; i < names->n; i++) {
		uint32_t *unit;
		size_t n = expansion_match(e->x, names->at[i], &unit);

		if (!n) {
			diag_error(d, MARK_NONE, "%s: no step of this run is called '%s'", option, names->at[i]);
			diag_hint(d, "`orchmake -n` lists them");
		}
		for (size_t k = 0; k < n; k++)
			mark[unit[k]] = true;
		free(unit);
	}
	return !diags_errors(d);
}

/* A worklist, no recursion. */
void engine_mark_reachable(const struct graph *g, bool *mark, bool up)
{
	uint32_t *list = NULL;
	size_t n = 0, room = 0;

	for (uint32_t u = 0; u < g->n_units; u++)
		if (mark[u])
			VEC_PUSH(list, n, room, u);
	while (n) {
		uint32_t u = list[--n];
		uint32_t from = up ? g->user_at[u] : g->need_at[u], to = up ? g->user_at[u + 1] : g->need_at[u + 1];

		for (uint32_t i = from; i < to; i++) {
			uint32_t other = up ? g->user[i] : g->need[i].unit;

			if (mark[other])
				continue;
			mark[other] = true;
			VEC_PUSH(list, n, room, other);
		}
	}
	free(list);
}

static void keep_only(struct choice *c, const bool *mark)
{
	for (uint32_t u = 0; u < c->n; u++)
		c->keep[u] = c->keep[u] && mark[u];
}

static bool restrict_by(struct engine *e, struct choice *c, const struct text_span *names, const char *option,
			int reach, struct diags *d)
{
	bool *mark;
	bool good;

	if (!names->n)
		return true;
	mark = xcalloc(c->n, sizeof(*mark));
	good = mark_named(e, names, option, mark, d);
	if (reach)
		engine_mark_reachable(e->x->graph, mark, reach > 0);
	if (good)
		keep_only(c, mark);
	free(mark);
	return good;
}

/* `job/step` as a target: of that job, these steps and what they need. */
static void restrict_to_asked(struct engine *e, struct choice *c)
{
	bool *mark;

	if (!e->x->n_step_targets || e->x->n_step_targets != e->x->n_targets)
		return;
	mark = xcalloc(c->n, sizeof(*mark));
	for (size_t i = 0; i < e->x->n_asked_steps; i++)
		mark[e->x->asked_step[i]] = true;
	engine_mark_reachable(e->x->graph, mark, false);
	keep_only(c, mark);
	free(mark);
}

static bool restrict_units(struct engine *e, struct diags *d)
{
	const struct graph *g = e->x->graph;
	struct choice c = {.keep = xcalloc(g->n_units, sizeof(bool)), .drop = xcalloc(g->n_units, sizeof(bool)),
			   .n = g->n_units};
	bool good;

	memset(c.keep, true, g->n_units * sizeof(bool));
	restrict_to_asked(e, &c);
	good = restrict_by(e, &c, &e->o->only, "--only", 0, d) && restrict_by(e, &c, &e->o->from, "--from", 1, d) &&
	       restrict_by(e, &c, &e->o->until, "--until", -1, d) && mark_named(e, &e->o->skip, "--skip", c.drop, d);
	for (uint32_t u = 0; good && u < g->n_units; u++)
		if (g->unit[u].kind == UNIT_STEP && (!c.keep[u] || c.drop[u]))
			schedule_preset(e->s, u, STATE_SKIPPED, REASON_RESTRICTED);
	free(c.keep);
	free(c.drop);
	return good;
}

/* --- making and ending ------------------------------------------------------------------------------------------------ */

static void init(struct engine *e)
{
	e->debug_name = (struct buf)BUF_INIT;
	e->root = realpath(e->jf->root, NULL);
	if (!e->root)
		e->root = xstrdup(e->jf->root);
	rows_init(e);
	buf_init(&e->outcome_name);
	e->vars = json_object();
	e->values = values_new(e);
	e->payload = e->o->payload ? json_incref(e->o->payload) : json_object();
	e->ctx = e->o->ctx ? json_incref(e->o->ctx) : json_object();
	draft_begin(e);
	e->now_wall_ms = e->o->now_ms ? e->o->now_ms : stamp_wall_ms();
	e->run_info = json_object();
	{
		char text[STAMP_TEXT];

		json_object_set_new(e->run_info, "start", json_string(stamp_format(e->now_wall_ms, text)));
	}
	json_object_set_new(e->run_info, "resumed", json_boolean(e->o->resumes != NULL));
}

static char *emptiness(const struct engine *e, uint32_t group)
{
	struct buf text = BUF_INIT;

	expansion_emptiness(e->x, group, &text);
	return buf_detach(&text);
}

/* A loop over nothing has nothing to do: it is skipped, and says so. */
static void skip_empty_loops(struct engine *e)
{
	const struct graph *g = e->x->graph;

	for (uint32_t i = 0; i < g->n_groups; i++) {
		if (expansion_is_empty(e->x, i)) {
			schedule_preset(e->s, g->group[i].end, STATE_SKIPPED, REASON_NO_INSTANCES);
			e->note[g->group[i].end].error = emptiness(e, i);
		}
	}
}

static bool make_schedule(struct engine *e, struct diags *d)
{
	const struct schedule_options so = {
		.slots = e->o->slots ? e->o->slots : 1, .shuffle = e->o->shuffle, .seed = e->o->seed,
		.ignore_failures = e->o->ignore_failures, .ahead = engine_holds_ahead(e),
	};

	e->s = schedule_new(e->x->graph, &so);
	e->note = xcalloc(e->x->graph->n_units, sizeof(*e->note));
	skip_empty_loops(e);
	return restrict_units(e, d) && fresh_new(e, d) && resume_new(e, d);
}

struct engine *engine_new(const struct jobfile *jf, const struct run_options *o, struct diags *d)
{
	struct engine *e = xcalloc(1, sizeof(*e));

	e->jf = jf;
	e->o = o;
	init(e);
	if (make_vars(e, d) && expand(e, d) && make_vars(e, d) && engine_static_params(e, d) && engine_check_payload(e, d) && engine_file_envs(e, d) &&
	    make_schedule(e, d)) {
		debug_graph(e);
		return e;
	}
	engine_free(e);
	return NULL;
}

char *engine_store_path(const struct jobfile *jf, const struct run_options *o, const struct store_decl *store,
			struct diags *d)
{
	struct engine *e = xcalloc(1, sizeof(*e));
	struct buf path = BUF_INIT, err = BUF_INIT;
	struct unit_world w;
	struct expr_world xw;
	char *whole = NULL;

	e->jf = jf;
	e->o = o;
	init(e);
	scope_world_init(&w, e, SCOPE_NONE);
	xw = unit_world_expr(&w);
	if (make_vars(e, d) && value_text(store->path, &xw, &path, &err))
		whole = path_join(e->root, path.data);
	else if (err.len)
		diag_error(d, store->mark, "store '%s': %s", store->name, err.data);
	unit_world_release(&w);
	buf_release(&path);
	buf_release(&err);
	engine_free(e);
	return whole;
}

static void free_notes(struct engine *e)
{
	for (uint32_t u = 0; e->note && u < e->x->graph->n_units; u++) {
		json_decref(e->note[u].result);
		free(e->note[u].error);
	}
	free(e->note);
	attempts_release(&e->attempts);
	free(e->running);
	free(e->told);
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	resume_free(e);
	fresh_free(e);
	draft_free(e);
	free_notes(e);
	rows_release(e);
	for (uint32_t s = 0; e->params && s < e->x->n_scopes; s++)
		json_decref(e->params[s]);
	for (uint32_t s = 0; e->scope_payload && s < e->x->n_scopes; s++)
		json_decref(e->scope_payload[s]);
	free(e->params);
	free(e->scope_payload);
	for (size_t i = 0; e->file_env && i < e->jf->n_files; i++)
		env_release(&e->file_env[i]);
	free(e->file_env);
	buf_release(&e->debug_name);
	schedule_free(e->s);
	expansion_free(e->x);
	json_decref(e->vars);
	values_free(e->values);
	hooks_free(e->hooks);
	json_decref(e->payload);
	json_decref(e->ctx);
	json_decref(e->run_info);
	json_decref(e->result);
	buf_release(&e->outcome_name);
	run_paths_release(&e->paths);
	free(e->target_text);
	free(e->root);
	free(e);
}

const struct expansion *engine_expansion(const struct engine *e)
{
	return e->x;
}

const struct schedule *engine_schedule(const struct engine *e)
{
	return e->s;
}

const json_t *engine_result(const struct engine *e)
{
	return e->result;
}

int engine_failed_exit(const struct engine *e)
{
	const struct note *n = e->first_failed ? &e->note[e->first_failed - 1] : NULL;

	return !n ? 0 : note_exit(n) > 0 ? note_exit(n) : n->signal ? EXIT_SIGNAL + n->signal : 1;
}
