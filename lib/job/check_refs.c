/* Names in expressions: do they exist, and have they a value by then. */
#include "job/read.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "job/namespace.h"

enum ref_place {
	AT_FILE,    /* env, stores, callables */
	AT_DEFAULT, /* of a parameter */
	AT_VAR,
	AT_LOOP,    /* foreach: known before anything has run */
	AT_JOB,
	AT_STEP,
	AT_SUCCESS,
	AT_STAGE_LOOP, /* what earlier stages returned is known, and foreach.item */
};

struct refs {
	struct loader *l;
	enum ref_place place;
	const struct job *j;
	const struct step *st;
	const struct traits *t; /* whose needs, consumes and matrix count: of st or j */
	const struct param_list *params; /* AT_DEFAULT: those of the list */
	const struct stage *stage; /* AT_STAGE_LOOP: the loop's */
	bool names_files; /* inputs and outputs, which are edges */
	bool hides; /* env and a callable's input: what a secret may be put into */
	const uint32_t *run_start; /* by step->no: first of the list's steps that lead there one by one */
};

static void unknown(const struct refs *r, struct mark m, const char *what, const char *name,
		    const struct spell *s)
{
	diag_error(r->l->d, m, "no %s '%s'", what, name);
	if (s && s->best && *s->best)
		diag_hint(r->l->d, "did you mean '%s'?", s->best);
}

static bool is_namespace(const struct refs *r, const char *name, struct mark m)
{
	for (size_t i = 0; i < r->l->jf->n_files; i++) {
		const char *ns = r->l->jf->file[i]->ns;

		if (ns && namespace_means(ns_at(r->l, m), name, ns))
			return true;
	}
	return false;
}

/* What is not there, for messages: the namespaces that path begins with, and one more. */
static const char *name_meant(const struct refs *r, const char *const *path, size_t n, struct mark m)
{
	const char *name = path[0];

	for (size_t i = 1; i < n && is_namespace(r, name, m); i++)
		name = arena_printf(r->l->scratch, "%s.%s", name, path[i]);
	return name;
}

/* --- params, vars, matrix --------------------------------------------------------------------- */

static void check_param_ref(const struct refs *r, const char *name, struct mark m)
{
	const struct param_list *file = &r->l->jf->params;
	struct spell s;

	if ((r->j && param_find(&r->j->params, name)) ||
	    (r->place != AT_DEFAULT && param_find(file, name)))
		return;
	if (r->place == AT_DEFAULT && (param_find(r->params, name) || param_find(file, name)))
		return;
	if (!first_blame(r->l, m))
		return;
	spell_init(&s, name);
	for (size_t i = 0; r->j && i < r->j->params.n; i++)
		spell_try(&s, r->j->params.at[i].name);
	for (size_t i = 0; i < file->n; i++)
		spell_try(&s, namespace_short(ns_at(r->l, m), file->at[i].name));
	unknown(r, m, "parameter", name, &s);
	if (!s.best)
		diag_hint(r->l->d, "declare it: params: {%s: {type: string}}", name);
}

/* Which instances there are, and their params, has to be known before anything has run. */
static void refuse_late_var(const struct refs *r, const char *name, struct mark m)
{
	if (!first_blame(r->l, m))
		return;
	diag_error(r->l->d, m, "variable '%s' is known only once a step that runs wants it, too late for %s", name,
		   r->names_files ? "the name of a file" : r->place == AT_DEFAULT ? "the default of a parameter" : "a loop");
	diag_hint(r->l->d, "use vars.%s in the step itself, or give the value with NAME=VALUE", name);
}

static void check_var_ref(const struct refs *r, const char *name, struct mark m)
{
	const struct var *v = var_find(r->l->jf, name);
	struct spell s;

	if (v && v->late && (r->names_files || r->place == AT_LOOP || r->place == AT_STAGE_LOOP || r->place == AT_DEFAULT)) {
		refuse_late_var(r, name, m);
		return;
	}
	if (v || !first_blame(r->l, m))
		return;
	spell_init(&s, name);
	for (size_t i = 0; i < r->l->jf->n_vars; i++)
		spell_try(&s, namespace_short(ns_at(r->l, m), r->l->jf->var[i].name));
	unknown(r, m, "variable", name, &s);
}

/* Anywhere else it would stand in a process list, the ledger or a message. */
static void check_secret_ref(const struct refs *r, const char *const *path, size_t n, struct mark m)
{
	const struct jobfile *jf = r->l->jf;
	const char *name = n ? name_meant(r, path, n, m) : "";
	struct spell s;

	if (r->hides && n == 1 && secret_find(jf, name))
		return;
	if (!first_blame(r->l, m))
		return;
	if (!n) {
		diag_error(r->l->d, m, "'secrets' wants the name of one behind it");
		return;
	}
	if (secret_find(jf, name) && r->hides) {
		diag_error(r->l->d, m, "secret '%s' is text, which has no keys or elements", name);
		return;
	}
	if (secret_find(jf, name)) {
		diag_error(r->l->d, m, "a secret can be used in 'env' and in the 'with' of a call only");
		diag_hint(r->l->d, "write env: {NAME: \"${{ secrets.%s }}\"} and let the program read $NAME", name);
		return;
	}
	spell_init(&s, name);
	for (size_t i = 0; i < jf->n_secrets; i++)
		spell_try(&s, namespace_short(ns_at(r->l, m), jf->secret[i].name));
	unknown(r, m, "secret", name, &s);
	if (!s.best)
		diag_hint(r->l->d, "declare it in the file: secrets: {%s: {env: %s}}", name, name);
}

static bool try_axes(const struct traits *t, const char *name, struct spell *s)
{
	for (size_t i = 0; t && t->policy->matrix && i < t->policy->matrix->n_axes; i++) {
		if (!strcmp(t->policy->matrix->axis[i].name, name))
			return true;
		spell_try(s, t->policy->matrix->axis[i].name);
	}
	return false;
}

/* Names that only some of the combinations of `include` have. */
static bool in_include(const struct traits *t, const char *name)
{
	size_t i;
	json_t *cell;

	if (!t || !t->policy->matrix || !t->policy->matrix->include)
		return false;
	json_array_foreach (t->policy->matrix->include, i, cell)
		if (json_object_get(cell, name))
			return true;
	return false;
}

static void check_matrix_ref(const struct refs *r, const char *name, struct mark m)
{
	const struct traits *own = r->st ? &r->st->t : NULL, *job = r->j ? &r->j->t : NULL;
	struct spell s;

	spell_init(&s, name);
	if (try_axes(own, name, &s) || try_axes(job, name, &s) || in_include(own, name) ||
	    in_include(job, name))
		return;
	if (!first_blame(r->l, m))
		return;
	unknown(r, m, "axis", name, &s);
	if (!s.best && !(own && own->policy->matrix) && !(job && job->policy->matrix))
		diag_hint(r->l->d, "there is no 'matrix' here");
}

static bool is_loop_name(const struct traits *t, const char *name)
{
	return t && t->policy->foreach && t->policy->foreach->name && !strcmp(t->policy->foreach->name, name);
}

static void check_foreach_ref(const struct refs *r, const char *name, struct mark m)
{
	const struct traits *own = r->st ? &r->st->t : NULL, *job = r->j ? &r->j->t : NULL;
	const struct foreach_decl *f = own && own->policy->foreach ? own->policy->foreach : job ? job->policy->foreach : NULL;

	if (is_loop_name(own, name) || is_loop_name(job, name) || !first_blame(r->l, m))
		return;
	unknown(r, m, "value of a loop", name, NULL);
	if (f && f->name)
		diag_hint(r->l->d, "the loop's value is 'foreach.%s'", f->name);
	else
		diag_hint(r->l->d, "there is no 'foreach' here");
}

static void check_item_ref(const struct refs *r, const char *name, struct mark m)
{
	if (!strcmp(name, "item") || !first_blame(r->l, m))
		return;
	unknown(r, m, "value of a loop", name, NULL);
	diag_hint(r->l->d, "the element of a stage's loop is 'foreach.item'");
}

/* --- steps, needs, consumes ------------------------------------------------------------------- */

/* The longest known step id that path begins with: ids may hold dots. */
static const struct step *step_of_path(const struct job *j, const char *const *path, size_t n)
{
	const struct step *found = NULL;
	struct buf id = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		const struct step *st;

		buf_addf(&id, "%s%s", i ? "." : "", path[i]);
		st = step_find(j, id.data);
		found = st ? st : found;
	}
	buf_release(&id);
	return found;
}

struct search {
	uint32_t *queue;
	size_t n;
	bool *seen;
};

static void look_at_step(struct search *s, const struct step *on)
{
	if (!on || s->seen[on->no])
		return;
	s->seen[on->no] = true;
	s->queue[s->n++] = on->no;
}

/* What st waits for by itself; a step that stands in for another comes after that. */
static void look_behind(struct search *s, const struct step *st)
{
	const struct job *j = st->job;

	look_at_step(s, step_before(st));
	for (size_t i = 0; i < st->t.n_needs; i++)
		look_at_step(s, step_find(j, st->t.need[i].name));
	for (size_t i = 0; st->t.flow->n_consumes && i < j->n_steps; i++)
		for (size_t k = 0; k < st->t.flow->n_consumes; k++)
			for (size_t p = 0; p < j->step[i].t.flow->n_provides; p++)
				if (!strcmp(j->step[i].t.flow->provide[p].name, st->t.flow->consume[k].name))
					look_at_step(s, &j->step[i]);
	for (size_t i = 0; st->t.policy->fallback_only && i < j->n_steps; i++)
		if (j->step[i].t.policy->fallback && !strcmp(j->step[i].t.policy->fallback, st->id))
			look_at_step(s, &j->step[i]);
}

static bool needs_directly(const struct step *st, const struct step *on)
{
	for (size_t i = 0; i < st->t.n_needs; i++)
		if (!strcmp(st->t.need[i].name, on->id))
			return true;
	return false;
}

static bool is_upstream(const struct refs *r, const struct step *on)
{
	const struct step *st = r->st;
	struct search s;

	/* The two common cases, without a search: what lies before in a list, what it names itself. */
	if (on->no < st->no && on->no >= r->run_start[st->no] && !on->t.policy->fallback_only)
		return true;
	if (needs_directly(st, on) || (st->finally && !on->finally))
		return true;
	s = (struct search){
		.queue = xcalloc(st->job->n_steps, sizeof(*s.queue)),
		.seen = xcalloc(st->job->n_steps, sizeof(*s.seen)),
	};
	look_behind(&s, st);
	for (size_t i = 0; i < s.n && !s.seen[on->no]; i++)
		look_behind(&s, &st->job->step[s.queue[i]]);
	free(s.queue);
	on = s.seen[on->no] ? on : NULL;
	free(s.seen);
	return on != NULL;
}

static void unknown_step(const struct refs *r, const char *name, struct mark m)
{
	struct spell s;

	if (r->j->kind != JOB_STEPS) {
		diag_error(r->l->d, m, "job '%s' has no steps that 'steps' could mean", r->j->name);
		return;
	}
	spell_init(&s, name);
	for (size_t i = 0; i < r->j->n_steps; i++)
		spell_try(&s, r->j->step[i].id);
	unknown(r, m, "step", name, &s);
}

/* By a name of it, or as one of what a pattern selects. */
static bool has_job(const struct refs *r, const struct stage *st, const char *name)
{
	const struct job *j = job_seen(r->l->jf, r->j->ns, name);

	for (size_t i = 0; i < st->n_selects; i++)
		if (!strcmp(st->select[i].name, name))
			return true;
	for (size_t i = 0; i < st->n_jobs; i++)
		if (st->job[i] == j)
			return true;
	return false;
}

/* A job of an earlier stage: its name is the longest that path begins with. */
static void check_job_ref(const struct refs *r, const char *const *path, size_t n, struct mark m)
{
	const struct stage *found = NULL;
	struct buf name = BUF_INIT;
	struct spell s;

	spell_init(&s, path[0]);
	for (size_t i = 0; i < n; i++) {
		buf_addf(&name, "%s%s", i ? "." : "", path[i]);
		for (const struct stage *st = r->j->stage; st < r->j->stage + r->j->n_stages; st++) {
			found = has_job(r, st, name.data) ? st : found;
			for (size_t k = 0; k < st->n_selects; k++)
				spell_try(&s, st->select[k].name);
		}
	}
	buf_release(&name);
	if ((found && found < r->stage) || !first_blame(r->l, m))
		return;
	if (found) {
		diag_error(r->l->d, m, "'%s' is not a job of an earlier stage", path[0]);
		return;
	}
	diag_error(r->l->d, m, "no job '%s' in an earlier stage", path[0]);
	if (s.best)
		diag_hint(r->l->d, "did you mean '%s'?", s.best);
}

static void check_step_ref(const struct refs *r, const char *const *path, size_t n, struct mark m)
{
	const struct step *on = step_of_path(r->j, path, n);

	if (on && r->j->kind == JOB_STEPS && r->st && on != r->st && is_upstream(r, on))
		return;
	if (!first_blame(r->l, m))
		return;
	if (!on || r->j->kind != JOB_STEPS) {
		unknown_step(r, path[0], m);
	} else if (!r->st) {
		diag_error(r->l->d, m, "no step has run when job '%s' begins", r->j->name);
		diag_hint(r->l->d, "say it at the step");
	} else if (on == r->st) {
		diag_error(r->l->d, m, "step '%s' speaks of itself", on->id);
	} else {
		diag_error(r->l->d, m, "step '%s' may not have run before '%s'", on->id, r->st->id);
		diag_hint(r->l->d, "write needs: [%s] at '%s'", on->id, r->st->id);
	}
}

static void check_need_ref(const struct refs *r, const char *const *path, size_t n, struct mark m)
{
	struct buf name = BUF_INIT;
	struct spell s;
	bool found = false;

	for (size_t i = 0; i < n && !found; i++) {
		buf_addf(&name, "%s%s", i ? "." : "", path[i]);
		for (size_t k = 0; k < r->t->n_needs && !found; k++)
			found = namespace_means(r->j->ns, name.data, r->t->need[k].name);
	}
	buf_release(&name);
	if (found || !first_blame(r->l, m))
		return;
	spell_init(&s, path[0]);
	for (size_t k = 0; k < r->t->n_needs; k++)
		spell_try(&s, namespace_short(r->j->ns, r->t->need[k].name));
	diag_error(r->l->d, m, "'%s' is not among the needs", path[0]);
	if (s.best)
		diag_hint(r->l->d, "did you mean '%s'?", s.best);
}

static void check_consume_ref(const struct refs *r, const char *const *path, size_t n, struct mark m)
{
	const struct flow *flow = r->t->flow;
	struct buf name = BUF_INIT;
	bool found = false;
	const char *meant;
	struct spell s;

	for (size_t i = 0; i < n && !found; i++) {
		buf_addf(&name, "%s%s", i ? "." : "", path[i]);
		for (size_t k = 0; k < flow->n_consumes && !found; k++)
			found = !strcmp(flow->consume[k].name, name.data);
	}
	buf_release(&name);
	if (found || !first_blame(r->l, m))
		return;
	meant = name_meant(r, path, n, m);
	spell_init(&s, meant);
	for (size_t k = 0; k < flow->n_consumes; k++)
		spell_try(&s, flow->consume[k].name);
	diag_error(r->l->d, m, "'%s' is not among what it consumes", meant);
	if (s.best)
		diag_hint(r->l->d, "did you mean '%s'?", s.best);
	else
		diag_hint(r->l->d, "write consumes: [%s]", meant);
}

/* --- any name --------------------------------------------------------------------------------- */

static void check_field(const struct refs *r, const char *root, const char *name, struct mark m,
			const char *const *fields, size_t n)
{
	struct spell s;

	spell_init(&s, name);
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(fields[i], name))
			return;
		spell_try(&s, fields[i]);
	}
	if (!first_blame(r->l, m))
		return;
	diag_error(r->l->d, m, "'%s' has no '%s'", root, name);
	if (s.best)
		diag_hint(r->l->d, "did you mean '%s'?", s.best);
}

/* Roots that have no value at a place, and why. */
static const char *why_not(const struct refs *r, enum expr_root root)
{
	bool in_job = r->place == AT_JOB || r->place == AT_STEP || r->place == AT_LOOP;

	switch (root) {
	case ROOT_RESULTS:
		return in_job || r->place == AT_STAGE_LOOP ? NULL : "has a meaning in jobs and steps only";
	case ROOT_STEPS:
	case ROOT_NEEDS:
	case ROOT_CONSUMES:
		return in_job ? NULL : "has a meaning in jobs and steps only";
	case ROOT_MATRIX:
	case ROOT_FOREACH:
		if (root == ROOT_FOREACH && r->place == AT_STAGE_LOOP)
			return NULL;
		return r->place == AT_LOOP ? "has no value before the loop"
		       : in_job		   ? NULL
					   : "has a meaning in jobs and steps only";
	case ROOT_JOB:
		return in_job || r->place == AT_SUCCESS || r->place == AT_STAGE_LOOP ? NULL : "has a meaning in jobs and steps only";
	case ROOT_TALLY:
	case ROOT_SUCCEEDED:
	case ROOT_FAILED:
	case ROOT_SKIPPED:
		return r->place == AT_SUCCESS ? NULL : "has a meaning in 'success' only";
	default:
		return NULL;
	}
}

static const char *root_word(enum expr_root root)
{
	static const char *const words[] = {
#define ROOT(id, word, sentence) word,
		EXPR_ROOTS(ROOT)
#undef ROOT
	};

	return words[root];
}

static void check_name_ref(void *ctx, enum expr_root root, const char *const *path, size_t n,
			   struct mark m)
{
	static const char *const run_fields[] = {"id", "target", "start", "dir", "attempt", "resumed"};
	static const char *const job_fields[] = {"name", "description"};
	const struct refs *r = ctx;
	const char *why = why_not(r, root);

	if (why) {
		if (first_blame(r->l, m))
			diag_error(r->l->d, m, "'%s' %s", root_word(root), why);
		return;
	}
	if (root == ROOT_SECRETS)
		check_secret_ref(r, path, n, m);
	if (!n)
		return;
	switch (root) {
	case ROOT_PARAMS:
		check_param_ref(r, name_meant(r, path, n, m), m);
		break;
	case ROOT_VARS:
		check_var_ref(r, name_meant(r, path, n, m), m);
		break;
	case ROOT_MATRIX:
		check_matrix_ref(r, path[0], m);
		break;
	case ROOT_FOREACH:
		if (r->place == AT_STAGE_LOOP)
			check_item_ref(r, path[0], m);
		else
			check_foreach_ref(r, path[0], m);
		break;
	case ROOT_STEPS:
	case ROOT_RESULTS:
		if (r->place == AT_STAGE_LOOP)
			check_job_ref(r, path, n, m);
		else
			check_step_ref(r, path, n, m);
		break;
	case ROOT_NEEDS:
		check_need_ref(r, path, n, m);
		break;
	case ROOT_CONSUMES:
		check_consume_ref(r, path, n, m);
		break;
	case ROOT_RUN:
		check_field(r, "run", path[0], m, run_fields, ARRAY_LEN(run_fields));
		break;
	case ROOT_JOB:
		check_field(r, "job", path[0], m, job_fields, ARRAY_LEN(job_fields));
		break;
	default:
		break;
	}
}

/* --- where expressions stand ------------------------------------------------------------------ */

static void check_value(struct refs *r, struct value *v)
{
	if (!v || value_const(v))
		return;
	settle_value(r->l, v);
	value_names(v, check_name_ref, r);
}

static void check_expr(struct refs *r, struct expr *e)
{
	settle_expr(r->l, e);
	expr_names(e, check_name_ref, r);
}

static void check_value_list(struct refs *r, const struct value_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		check_value(r, list->value[i]);
}

static void check_value_map(struct refs *r, const struct value_map *map)
{
	for (size_t i = 0; i < map->n; i++)
		check_value(r, map->value[i]);
}

static void check_conditions(struct refs *r, const struct condition_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		check_expr(r, list->at[i].expr);
}

static void check_own_traits(struct refs *r, const struct traits *t)
{
	struct refs loop = *r;

	loop.place = AT_LOOP;
	check_conditions(r, &t->policy->when);
	check_conditions(r, &t->policy->skip_if);
	check_conditions(r, &t->policy->require);
	if (t->policy->foreach)
		check_value(&loop, t->policy->foreach->over);
}

static void check_step_traits(struct refs *r, const struct traits *t)
{
	struct refs hidden = *r, early = *r;

	hidden.hides = true;
	check_own_traits(r, t);
	check_value_list(r, &t->act->argv);
	if (t->act->approve) {
		check_value(r, t->act->approve->prompt);
		check_value(r, t->act->approve->show);
	}
	check_value(&hidden, t->act->with);
	check_value_map(r, &t->act->params);
	check_value(r, t->act->payload);
	check_value_map(&hidden, &t->policy->env);
	early.names_files = true;
	check_value_list(&early, &t->flow->input);
	check_value_list(&early, &t->flow->output);
	check_value(&early, t->flow->depfile);
	check_value(r, t->policy->cwd);
	check_value_list(r, &t->policy->artifact);
	check_value(r, t->policy->stdin_from);
	check_value(r, t->policy->stdout_to);
	check_value(r, t->policy->stderr_to);
}

/* For each step the first of those that lead to it one by one. */
static uint32_t *runs_of(const struct job *j)
{
	uint32_t *start = xcalloc(j->n_steps + 1, sizeof(*start));

	for (uint32_t i = 0; i < j->n_steps; i++) {
		const struct step *before = step_before(&j->step[i]);

		start[i] = before ? start[before->no] : i;
	}
	return start;
}

struct param_links {
	const struct param_list *list;
	uint32_t from;
	struct link *link;
	size_t n, room;
};

static void add_param_link(void *ctx, enum expr_root root, const char *const *path, size_t n, struct mark m)
{
	struct param_links *p = ctx;
	const struct param *to = root == ROOT_PARAMS && n ? param_find(p->list, path[0]) : NULL;

	(void)m;
	if (to)
		VEC_PUSH(p->link, p->n, p->room, ((struct link){p->from, (uint32_t)(to - p->list->at)}));
}

static void say_param_circle(struct loader *l, const struct param_list *list, const uint32_t *cycle, size_t n)
{
	struct buf path = BUF_INIT;

	for (size_t i = 0; i < n; i++)
		buf_addf(&path, "%s -> ", list->at[cycle[i]].name);
	diag_error(l->d, list->at[cycle[0]].mark, "the defaults of parameters are made of each other: %s%s", path.data,
		   list->at[cycle[0]].name);
	buf_release(&path);
}

/* Each behind those that its default is made of; they are worked out in this order. */
static void order_params(struct loader *l, const struct param_list *list, const struct param_links *p)
{
	uint32_t *order = xcalloc(list->n, sizeof(*order)), *cycle;
	struct param *copy = xcalloc(list->n, sizeof(*copy));
	size_t len;

	memcpy(copy, list->at, list->n * sizeof(*copy));
	if (links_order(list->n, p->link, p->n, order, &cycle, &len)) {
		for (size_t i = 0; i < list->n; i++)
			list->at[i] = copy[order[i]];
	} else {
		say_param_circle(l, list, cycle, len);
		free(cycle);
	}
	free(copy);
	free(order);
}

static void check_params(struct loader *l, const struct param_list *list)
{
	struct refs r = {.l = l, .place = AT_DEFAULT, .params = list};
	struct param_links p = {.list = list};

	for (; p.from < list->n; p.from++) {
		struct value *dflt = list->at[p.from].dflt;

		check_value(&r, dflt);
		if (dflt && !value_const(dflt))
			value_names(dflt, add_param_link, &p);
	}
	if (p.n)
		order_params(l, list, &p);
	free(p.link);
}

static void check_stage_loops(struct refs *r, const struct job *j)
{
	r->place = AT_STAGE_LOOP;
	for (r->stage = j->stage; r->stage < j->stage + j->n_stages; r->stage++) {
		const struct stage_loop *loop = r->stage->loop;

		if (!loop)
			continue;
		check_value(r, loop->over);
		check_value(r, loop->payload);
	}
}

static void check_job_refs(struct loader *l, const struct job *j)
{
	struct refs r = {.l = l, .place = AT_JOB, .j = j, .t = &j->t};
	uint32_t *run_start = runs_of(j);

	r.run_start = run_start;
	check_params(l, &j->params);
	if (j->kind != JOB_ACTION)
		check_own_traits(&r, &j->t);
	r.place = AT_SUCCESS;
	if (j->t.policy->success)
		check_expr(&r, j->t.policy->success);
	check_stage_loops(&r, j);
	r.place = AT_STEP;
	for (size_t i = 0; i < j->n_steps; i++) {
		r.st = &j->step[i];
		r.t = &j->step[i].t;
		check_step_traits(&r, r.t);
	}
	free(run_start);
}

/* --- variables -------------------------------------------------------------------------------- */

struct var_links {
	const struct jobfile *jf;
	uint32_t from;
	struct link *link;
	size_t n, room;
};

static void add_var_link(void *ctx, enum expr_root root, const char *const *path, size_t n,
			 struct mark m)
{
	struct var_links *v = ctx;
	const struct var *to = root == ROOT_VARS && n ? var_find(v->jf, path[0]) : NULL;

	(void)m;
	if (to)
		VEC_PUSH(v->link, v->n, v->room, ((struct link){v->from, (uint32_t)(to - v->jf->var)}));
}

/* What is made of something late is late: in an order in which each comes after what it is made of. */
static void spread_lateness(struct jobfile *jf, const struct var_links *v, const uint32_t *order)
{
	for (size_t i = 0; i < jf->n_vars; i++) {
		jf->var[order[i]].late |= jf->var[order[i]].kind != VAR_VALUE;
		for (size_t k = 0; k < v->n; k++)
			if (v->link[k].from == order[i])
				jf->var[order[i]].late |= jf->var[v->link[k].to].late;
	}
}

/* A variable is evaluated when it is wanted, so its order in the file does not matter; a circle does. */
static void check_var_circle(struct loader *l)
{
	struct jobfile *jf = l->jf;
	struct var_links v = {.jf = jf};
	struct buf path = BUF_INIT;
	uint32_t *cycle, *order = xcalloc(jf->n_vars + 1, sizeof(*order));
	size_t len;

	for (; v.from < jf->n_vars; v.from++) {
		struct value *value = jf->var[v.from].value;

		if (value_const(value))
			continue;
		settle_value(l, value);
		value_names(value, add_var_link, &v);
	}
	if (links_order(jf->n_vars, v.link, v.n, order, &cycle, &len)) {
		spread_lateness(jf, &v, order);
	} else {
		for (size_t i = 0; i < len; i++)
			buf_addf(&path, "%s -> ", jf->var[cycle[i]].name);
		diag_error(l->d, jf->var[cycle[0]].mark, "variables are made of each other: %s%s",
			   path.data,
			   jf->var[cycle[0]].name);
		free(cycle);
	}
	buf_release(&path);
	free(order);
	free(v.link);
}

static void check_file_refs(struct loader *l)
{
	const struct jobfile *jf = l->jf;
	struct refs r = {.l = l, .place = AT_VAR};

	check_var_circle(l);
	check_params(l, &jf->params);
	for (size_t i = 0; i < jf->n_vars; i++)
		check_value(&r, jf->var[i].value);
	for (size_t i = 0; i < jf->n_files; i++) /* they are checked where they are inherited */
		for (size_t k = 0; k < jf->file[i]->env.n; k++)
			if (jf->file[i]->env.value[k])
				settle_value(l, jf->file[i]->env.value[k]);
	r.place = AT_FILE;
	for (size_t i = 0; i < jf->n_stores; i++)
		check_value(&r, jf->store[i].path);
	for (size_t i = 0; i < jf->n_callables; i++) {
		check_value_list(&r, &jf->callable[i].argv);
		r.hides = true;
		check_value_map(&r, &jf->callable[i].env);
		r.hides = false;
	}
}

void check_references(struct loader *l)
{
	check_file_refs(l);
	for (size_t i = 0; i < l->jf->n_jobs; i++)
		check_job_refs(l, l->jf->job[i]);
	for (int i = 0; i < HOOK_COUNT; i++)
		if (l->jf->hook[i])
			check_job_refs(l, l->jf->hook[i]);
}
