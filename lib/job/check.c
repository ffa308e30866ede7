/* What is wrong with jobs and steps once all documents have been read. */
#include "job/read.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "job/builtin.h"
#include "job/cells.h"
#include "job/namespace.h"

/* Looking for the nearest of 100,000 names takes milliseconds: not for every one of as many errors. */
enum { SUGGEST_MAX = 50 };

static void hint_job(struct loader *l, const char *name, struct mark m)
{
	bool few = diags_errors(l->d) < SUGGEST_MAX + l->errors_before;
	const char *near = few ? job_suggest(l->jf, ns_at(l, m), name) : NULL;

	diag_suggest(l->d, near);
}

const struct step *job_main(const struct job *j)
{
	const struct mark *m = &j->step[0].mark;

	return j->kind == JOB_STEPS && j->n_steps && j->in_order && !strcmp(j->step[0].id, "main") &&
			       m->source == j->mark.source && m->line == j->mark.line &&
			       m->col == j->mark.col
		       ? &j->step[0]
		       : NULL;
}

/* --- keys of the wrong kind of job ------------------------------------------------------------ */

static void refuse_key(struct loader *l, const struct job *j, enum key k)
{
	if (j->kind == JOB_COMPOSITE) {
		diag_error(l->d, j->mark, "job '%s' has stages, where '%s' means nothing", j->name,
			   key_word(k));
		diag_hint(l->d, "say it at the jobs of the stages");
	} else if (key_info(k)->reach == REACH_ACT) {
		diag_error(l->d, j->mark, "job '%s' has steps, so '%s' belongs to one of them",
			   j->name, key_word(k));
	} else {
		diag_error(l->d, j->mark, "job '%s' has no stages, so '%s' means nothing", j->name,
			   key_word(k));
	}
}

/* What the run does as a whole: a target may say it, whatever it is made of. */
static bool composite_may_have(enum key k)
{
	return key_info(k)->reach == REACH_OWN || k == KEY_on_driver_death;
}

void check_job_keys(struct loader *l, const struct job *j, const struct key_set *written)
{
	bool acts = j->kind == JOB_ACTION || job_main(j);

	for (enum key k = 0; k < KEY_COUNT; k++) {
		enum key_reach reach = key_info(k)->reach;
		bool wrong;

		if (!key_set_has(&j->t.set, k))
			continue;
		wrong = j->kind == JOB_COMPOSITE ? !composite_may_have(k) : !acts && reach == REACH_ACT;
		wrong |= j->kind != JOB_COMPOSITE && (k == KEY_stop_on_failure || k == KEY_success);
		/* What is written beside steps or stages the reader has complained about. */
		if (wrong && !(is_action_key(k) && k != KEY_with && k != KEY_job_params && k != KEY_job_payload &&
			       k != KEY_idempotency &&
			       key_set_has(written, k)))
			refuse_key(l, j, k);
	}
}

/* --- names, where they are written ------------------------------------------------------------ */

static void check_pool(struct loader *l, const struct pool_use *use)
{
	const struct pool_spec *p = pool_find(l->jf, use->name);
	struct spell s;

	if (p && use->weight <= p->slots)
		return;
	if (p) {
		diag_error(l->d, use->mark, "pool '%s' has %u slots, so a weight of %u never fits",
			   p->name,
			   p->slots, use->weight);
		diag_note(l->d, p->mark, "the pool is declared here");
		return;
	}
	spell_init(&s, use->name);
	for (size_t i = 0; i < l->jf->n_pools; i++)
		spell_try(&s, namespace_short(ns_at(l, use->mark), l->jf->pool[i].name));
	diag_error(l->d, use->mark, "no pool '%s'", use->name);
	if (!diag_suggest(l->d, s.best))
		diag_hint(l->d, "declare it in the file: pools: {%s: 1}", use->name);
}

static void check_lock(struct loader *l, const struct lock_use *use)
{
	struct spell s;

	if (lock_find(l->jf, use->name))
		return;
	spell_init(&s, use->name);
	for (size_t i = 0; i < l->jf->n_locks; i++)
		spell_try(&s, namespace_short(ns_at(l, use->mark), l->jf->lock[i].name));
	diag_error(l->d, use->mark, "no lock '%s'", use->name);
	if (!diag_suggest(l->d, s.best))
		diag_hint(l->d, "declare it in the file: locks: {%s: {scope: host}}", use->name);
}

static const struct file *file_of(const struct jobfile *jf, struct mark m)
{
	for (size_t i = 0; i < jf->n_files; i++)
		if (jf->file[i]->source == m.source)
			return jf->file[i];
	return NULL;
}

/* The older formats have no place for it: a key `callables` of theirs would be data. */
static void hint_callable(struct loader *l, const struct act_spec *act, const char *name)
{
	const struct file *f = file_of(l->jf, act->mark);

	if (f && strcmp(f->format, "native") != 0)
		diag_hint(l->d, "declare it in a Jobfile, which -f can name beside this one: "
			  "callables: {%s: {argv: [program]}}", name);
	else
		diag_hint(l->d, "declare it in the file: callables: {%s: {argv: [program]}}", name);
}

static void check_callable(struct loader *l, const struct act_spec *act)
{
	const char *name;
	struct spell s;

	if (!strcmp(act->call, "compute.llm") && !callable_behind(l->jf, ns_at(l, act->mark), act->call)) {
		diag_error(l->d, act->mark, "'compute.llm' needs a callable that asks the model, and none is declared");
		hint_callable(l, act, "inferometer");
		return;
	}
	if (callable_find(l->jf, act->call) || builtin_find(act->call))
		return;
	spell_init(&s, act->call);
	for (size_t i = 0; i < l->jf->n_callables; i++)
		spell_try(&s, namespace_short(ns_at(l, act->mark), l->jf->callable[i].name));
	for (size_t i = 0; (name = builtin_name(i)); i++)
		spell_try(&s, name);
	diag_error(l->d, act->mark, "no callable '%s'", act->call);
	if (!diag_suggest(l->d, s.best))
		hint_callable(l, act, act->call);
}

static const struct param *find_param(const struct jobfile *jf, const struct job *j, const char *name)
{
	const struct param *p = param_find(&j->params, name);

	return p ? p : param_find(&jf->params, name);
}

static void check_called_params(struct loader *l, const struct act_spec *act, const struct job *j)
{
	for (size_t i = 0; i < act->params.n; i++) {
		const char *name = act->params.name[i];
		const json_t *constant = value_const(act->params.value[i]);
		const struct param *p = find_param(l->jf, j, name);
		struct buf err = BUF_INIT;
		json_t *own;
		struct spell s;

		if (!p) {
			spell_init(&s, name);
			for (size_t k = 0; k < j->params.n; k++)
				spell_try(&s, j->params.at[k].name);
			for (size_t k = 0; j->ns && k < l->jf->params.n; k++)
				spell_try(&s, namespace_short(j->ns, l->jf->params.at[k].name));
			diag_error(l->d, act->params.mark[i], "job '%s' has no parameter '%s'",
				   j->name, name);
			diag_suggest(l->d, s.best);
		} else if (constant) {
			own = param_from_json(p, constant, &err);
			if (!own)
				diag_error(l->d, act->params.mark[i], "%s", err.data);
			json_decref(own);
		}
		buf_release(&err);
	}
	for (size_t i = 0; i < j->params.n; i++) {
		const struct param *p = &j->params.at[i];
		bool given = false;

		for (size_t k = 0; k < act->params.n && !given; k++)
			given = !strcmp(act->params.name[k], p->name);
		if (p->required && !given && !act->payload && first_blame(l, act->mark)) {
			diag_error(l->d, act->mark, "job '%s' requires the parameter '%s'", j->name,
				   p->name);
			diag_hint(l->d, "write params: {%s: ...}", p->name);
		}
	}
}

const struct job *called_job(const struct jobfile *jf, const struct act_spec *act)
{
	return act->kind == ACT_JOB && act->job ? job_find(jf, act->job) : NULL;
}

static void check_called_job(struct loader *l, const struct act_spec *act)
{
	if (job_find(l->jf, act->job))
		return;
	diag_error(l->d, act->mark, "no job '%s'", act->job);
	hint_job(l, act->job, act->mark);
}

/* Before inheritance: a wrong name in a template is said once, and also if nobody uses it. */
static void check_written(struct loader *l, const struct traits *t)
{
	for (size_t i = 0; i < t->policy->n_locks; i++)
		check_lock(l, &t->policy->lock[i]);
	if (t->policy->pool.name)
		check_pool(l, &t->policy->pool);
	if (t->act->kind == ACT_CALL && t->act->call)
		check_callable(l, t->act);
	if (t->act->kind == ACT_JOB && t->act->job)
		check_called_job(l, t->act);
}

void check_declared(struct loader *l)
{
	const struct jobfile *jf = l->jf;

	for (size_t i = 0; i < jf->n_callables; i++)
		if (builtin_find(jf->callable[i].name) && !builtin_yields(jf->callable[i].name))
			diag_error(l->d, jf->callable[i].mark, "'%s' is a built-in operation already",
				   jf->callable[i].name);
	for (size_t i = 0; i < jf->n_files; i++)
		check_written(l, &jf->file[i]->defaults);
	for (size_t i = 0; i < l->n_templates; i++)
		check_written(l, &l->template[i].t);
	for (size_t i = 0; i < jf->n_jobs; i++) {
		check_written(l, &jf->job[i]->t);
		for (size_t k = 0; k < jf->job[i]->n_steps; k++)
			check_written(l, &jf->job[i]->step[k].t);
	}
}

/* --- needs ------------------------------------------------------------------------------------ */

static void unknown_need(struct loader *l, const struct job *j, const struct need_decl *need)
{
	bool in_steps = j->kind == JOB_STEPS;
	struct spell s;

	if (!first_blame(l, need->mark))
		return;
	spell_init(&s, need->name);
	for (size_t i = 0; in_steps && i < j->n_steps; i++)
		spell_try(&s, j->step[i].id);
	diag_error(l->d, need->mark, "no %s '%s' to need", in_steps ? "step or job" : "job",
		   need->name);
	if (strpbrk(need->name, "*?"))
		diag_hint(l->d, "needs takes names; a pattern may stand in `stages: [{jobs: [...]}]`");
	else if (!diag_suggest(l->d, s.best))
		hint_job(l, need->name, need->mark);
}

static void check_need_of_step(struct loader *l, const struct step *st, const struct step *on,
			       const struct need_decl *need)
{
	const char *why = on == st			? "itself"
			  : on->t.policy->fallback_only		? "it is fallback_only"
			  : on->finally && !st->finally ? "it is one of 'finally', which comes later"
			  : !on->finally && st->finally ? "it has ended when 'finally' begins"
							: NULL;

	if (!why || !first_blame(l, need->mark))
		return;
	if (on == st)
		diag_error(l->d, need->mark, "step '%s' needs itself", st->id);
	else
		diag_error(l->d, need->mark, "step '%s' cannot need '%s': %s", st->id, on->id, why);
	if (on != st && on->t.policy->fallback_only)
		diag_hint(l->d, "need the step it stands in for");
}

/* Made once for each job: they know their labels, and 1,000 needs may ask. */
static const struct cells *instances_of(struct loader *l, const struct job *j)
{
	const struct cells *cells = map_get(&l->instances, j->name);

	if (cells || map_has(&l->instances, j->name))
		return cells;
	cells = cells_of_matrix(l->scratch, j->t.policy->matrix, j->mark, l->d);
	map_put(&l->instances, j->name, (void *)cells);
	return cells;
}

/* `[label]` behind a job's name must be one of its instances. */
static void check_label(struct loader *l, const struct job *on, const struct need_decl *need,
			const char *label)
{
	const struct cells *cells;

	if (on->t.policy->foreach)
		return; /* known only when the run is planned */
	if (!on->t.policy->matrix) {
		diag_error(l->d, need->mark, "job '%s' has no instances", on->name);
		diag_hint(l->d, "need '%s'", on->name);
		return;
	}
	cells = instances_of(l, on);
	if (cells && cells_find(cells, label) == CELL_NONE) {
		struct buf some = BUF_INIT;

		for (uint32_t i = 0; i < cells_count(cells) && i < 4; i++) {
			buf_puts(&some, i ? ", '" : "'");
			cells_label(cells, i, &some);
			buf_putc(&some, '\'');
		}
		diag_error(l->d, need->mark, "job '%s' has no instance '%s'", on->name, label);
		diag_hint(l->d, "its instances are %s%s", some.data,
			  cells_count(cells) > 4 ? ", ..." : "");
		buf_release(&some);
	}
}

/* `job`, `job/step`, `job[a]`, `job[a]/step`. */
static void check_need_of_job(struct loader *l, const struct job *j, const struct need_decl *need)
{
	const char *name = need->name;
	size_t n = strcspn(name, "/[");
	const char *label = name[n] == '[' ? name + n + 1 : NULL;
	const char *close = label ? strchr(label, ']') : NULL;
	const char *slash = close ? close + 1 : name + n;
	const struct job *on = map_get_n(&l->jf->job_by_name, name, n);

	if (!on || (label && (!close || (close[1] && close[1] != '/')))) {
		unknown_need(l, j, need);
	} else if (on == j) {
		if (first_blame(l, need->mark))
			diag_error(l->d, need->mark, "job '%s' needs itself", j->name);
	} else if (label) {
		char *text = arena_strndup(l->scratch, label, (size_t)(close - label));

		if (first_blame(l, need->mark))
			check_label(l, on, need, text);
	}
	if (on && on != j && *slash == '/' && !step_find(on, slash + 1) && first_blame(l, need->mark)) {
		struct spell s;

		spell_init(&s, slash + 1);
		for (size_t i = 0; i < on->n_steps; i++)
			spell_try(&s, on->step[i].id);
		diag_error(l->d, need->mark, "job '%s' has no step '%s'", on->name, slash + 1);
		if (s.best && *s.best)
			diag_hint(l->d, "did you mean '%.*s/%s'?", (int)(slash - name), name, s.best);
	}
}

/* st: NULL for the needs of the job itself. */
static void check_needs(struct loader *l, const struct job *j, const struct step *st,
			const struct traits *t)
{
	size_t counted = 0;

	for (size_t i = 0; i < t->n_needs; i++) {
		const struct step *on = st && j->kind == JOB_STEPS ? step_find(j,
									       t->need[i].name) : NULL;

		counted += !t->need[i].order_only;
		if (on)
			check_need_of_step(l, st, on, &t->need[i]);
		else
			check_need_of_job(l, j, &t->need[i]);
	}
	if (t->needs_rule > 1 && t->needs_rule > counted) {
		diag_error(l->d, st ? st->mark : j->mark, "%u needs must hold, but there are only %zu",
			   t->needs_rule, counted);
	}
}

/* --- actions and policies --------------------------------------------------------------------- */

static const char *first_word_of_composites(const struct traits *t)
{
	return key_set_has(&t->set, KEY_stop_on_failure) ? "stop_on_failure"
	       : key_set_has(&t->set, KEY_success)	 ? "success"
							 : NULL;
}

static void blame_idle(struct loader *l, const struct job *j, const struct step *st)
{
	bool whole = j->kind == JOB_ACTION;

	if (!first_blame(l, st->mark))
		return;
	if (whole)
		diag_error(l->d, st->mark, "job '%s' does not say what to do", j->name);
	else
		diag_error(l->d, st->mark, "step '%s' of job '%s' does not say what to do", st->id, j->name);
	diag_hint(l->d, st->t.n_needs ? "write noop: true if its needs are all there is to it"
			: whole       ? "it needs one of run, argv, call, job, approve, until, noop, or steps, or stages"
				      : "it needs one of run, argv, call, job, approve, until, noop");
}

static void check_action(struct loader *l, const struct job *j, const struct step *st)
{
	const struct traits *t = &st->t;

	if (t->act->kind == ACT_NONE) {
		blame_idle(l, j, st);
		return;
	}
	if (key_set_has(&t->set, KEY_with) && t->act->kind != ACT_CALL && first_blame(l, st->mark)) {
		diag_error(l->d, st->mark, "'with' is the input of 'call', and this is '%s'",
			   act_word(t->act->kind));
		if (t->act->kind == ACT_JOB)
			diag_hint(l->d, "write params: for the job");
	}
	if (key_set_has(&t->set, KEY_job_params) && t->act->kind != ACT_JOB && first_blame(l, st->mark))
		diag_error(l->d, st->mark, "'params' of a step are for 'job', and this is '%s'",
			   act_word(t->act->kind));
	if (key_set_has(&t->set, KEY_job_payload) && t->act->kind != ACT_JOB && first_blame(l, st->mark))
		diag_error(l->d, st->mark, "'payload' is for 'job', and this is '%s'", act_word(t->act->kind));
	if (key_set_has(&t->set, KEY_idempotency) && t->act->kind != ACT_CALL && first_blame(l, st->mark))
		diag_error(l->d, st->mark, "'idempotency' is for 'call', and this is '%s'", act_word(t->act->kind));
	if (t->policy->stdin_from && t->act->kind == ACT_CALL && first_blame(l, st->mark)) {
		diag_error(l->d, st->mark, "'stdin' cannot be had with 'call', whose standard input is 'with'");
		diag_hint(l->d, "name the file in `with`, or start the program with argv");
	}
	if (t->policy->tty && t->policy->stall_ms && first_blame(l, st->mark))
		diag_error(l->d, st->mark, "'stall' watches the log, and what has a 'tty' writes none");
	if (t->policy->tty && t->act->kind == ACT_CALL && first_blame(l, st->mark))
		diag_error(l->d, st->mark, "'tty' is for 'run' and 'argv': a 'call' talks JSON");
	if (j->kind == JOB_STEPS && first_word_of_composites(t) && first_blame(l, st->mark))
		diag_error(l->d, st->mark,
			   "step '%s' takes '%s' from a template; that is for jobs with stages",
			   st->id, first_word_of_composites(t));
	if (called_job(l->jf, t->act))
		check_called_params(l, t->act, called_job(l->jf, t->act));
	if (t->policy->matrix && t->policy->foreach && first_blame(l, st->mark))
		diag_error(l->d, st->mark, "both 'matrix' and 'foreach'");
}

/* The step that stands in for one with traits t, or NULL. */
static const struct step *fallback_of(const struct job *j, const struct traits *t)
{
	return t->policy->on_failure == ON_FAILURE_FALLBACK ? step_find(j, t->policy->fallback) : NULL;
}

static void unknown_fallback(struct loader *l, const struct job *j, const struct traits *t)
{
	struct spell s;

	spell_init(&s, t->policy->fallback);
	for (size_t i = 0; i < j->n_steps; i++)
		spell_try(&s, j->step[i].id);
	if (j->kind == JOB_ACTION) {
		diag_error(l->d, t->policy->fallback_mark, "job '%s' has no steps that could be a fallback",
			   j->name);
		diag_hint(l->d, "give it steps, of which one is fallback_only");
		return;
	}
	diag_error(l->d, t->policy->fallback_mark, "no step '%s' in job '%s' to fall back to", t->policy->fallback,
		   j->name);
	diag_suggest(l->d, s.best);
}

static void check_fallback(struct loader *l, const struct job *j, const struct step *st)
{
	const struct traits *t = &st->t;
	const struct step *to = fallback_of(j, t);

	if (t->policy->on_failure != ON_FAILURE_FALLBACK)
		return;
	if (!to) {
		if (first_blame(l, t->policy->fallback_mark))
			unknown_fallback(l, j, t);
	} else if (to == st) {
		diag_error(l->d, t->policy->fallback_mark, "step '%s' is its own fallback", st->id);
	} else if (to->finally != st->finally && first_blame(l, t->policy->fallback_mark)) {
		diag_error(l->d, t->policy->fallback_mark,
			   "'%s' cannot be a fallback: it is one of 'finally'", to->id);
	} else if (!to->t.policy->fallback_only && first_blame(l, t->policy->fallback_mark)) {
		diag_error(l->d, t->policy->fallback_mark, "step '%s' is a fallback, but runs in any case",
			   to->id);
		diag_note(l->d, to->mark, "it is here");
		diag_hint(l->d, "write fallback_only: true there");
	}
}

/* fallback of a fallback of ... may not come back. */
static void check_fallback_cycle(struct loader *l, const struct job *j)
{
	struct link *links = NULL;
	size_t n = 0, room = 0, len;
	uint32_t *cycle;

	for (size_t i = 0; i < j->n_steps; i++) {
		const struct traits *t = &j->step[i].t;
		const struct step *to = fallback_of(j, t);

		if (to && to->no != i)
			VEC_PUSH(links, n, room, ((struct link){(uint32_t)i, to->no}));
	}
	if (n && !links_order(j->n_steps, links, n, NULL, &cycle, &len)) {
		struct buf path = BUF_INIT;

		for (size_t i = 0; i < len; i++)
			buf_addf(&path, "%s -> ", j->step[cycle[i]].id);
		diag_error(l->d, j->step[cycle[0]].t.policy->fallback_mark,
			   "fallbacks go in a circle: %s%s", path.data,
			   j->step[cycle[0]].id);
		buf_release(&path);
		free(cycle);
	}
	free(links);
}

/* A step that stands in for nobody never runs. */
static void check_stand_ins(struct loader *l, const struct job *j)
{
	bool *used = xcalloc(j->n_steps + 1, sizeof(*used));

	for (size_t i = 0; i < j->n_steps; i++) {
		const struct traits *t = &j->step[i].t;
		const struct step *to = fallback_of(j, t);

		if (to)
			used[to->no] = true;
	}
	for (size_t i = 0; i < j->n_steps; i++) {
		const struct step *st = &j->step[i];

		if (!st->t.policy->fallback_only || used[i] || !first_blame(l, st->mark))
			continue;
		diag_error(l->d, st->mark,
			   "step '%s' is fallback_only, but no step falls back to it", st->id);
		diag_hint(l->d, "write on_failure: {fallback: %s} at the step it stands in for",
			  st->id);
	}
	free(used);
}

/* --- stages ----------------------------------------------------------------------------------- */

static bool is_plain_name(const char *text)
{
	return text[0] != '/' && !strpbrk(text, "*?[");
}

static void nothing_selected(struct loader *l, const struct name_decl *sel)
{
	if (is_plain_name(sel->name)) {
		diag_error(l->d, sel->mark, "no job '%s'", sel->name);
		hint_job(l, sel->name, sel->mark);
	} else if (sel->name[0] == '/' && !make_pattern(l, sel->name, sel->mark)) {
		return; /* said */
	} else {
		diag_error(l->d, sel->mark, "'%s' selects no job", sel->name);
	}
}

struct members {
	const struct job **at;
	size_t n, room;
	const struct name_decl **by; /* by job->no: what selected it for an earlier stage or entry */
};

/*
 * A pattern leaves out the composite itself and what an earlier entry has; a plain name that
 * was there already is a mistake.
 */
static void add_selected(struct loader *l, const struct job *j, struct members *m,
			 const struct name_decl *sel)
{
	const struct job **found;
	size_t n = job_select(l->jf, j->file->ns, sel->name, &found), before = m->n;
	bool plain = is_plain_name(sel->name);

	for (size_t i = 0; i < n; i++) {
		const struct name_decl *first = m->by[found[i]->no];

		if (first && plain) {
			diag_error(l->d, sel->mark, "job '%s' is in a stage already", sel->name);
			diag_note(l->d, first->mark, "'%s' selects it here", first->name);
		} else if (!first && (plain || found[i] != j)) {
			m->by[found[i]->no] = sel;
			VEC_PUSH(m->at, m->n, m->room, found[i]);
		}
	}
	free(found);
	if (!n || (!plain && m->n == before))
		nothing_selected(l, sel);
}

/* The jobs of a composite are there once, for whoever has them in a stage. */
static void refuse_composites(struct loader *l, const struct stage *s)
{
	for (size_t i = 0; s->loop && i < s->n_jobs; i++)
		if (s->job[i]->kind == JOB_COMPOSITE) {
			diag_error(l->d, s->mark, "a loop cannot run '%s', which has stages: its jobs would run once for all "
				   "elements", s->job[i]->name);
			diag_hint(l->d, "name its jobs in the loop");
		}
}

static void fill_stages(struct loader *l, struct job *j, const struct name_decl **by)
{
	for (size_t i = 0; i < j->n_stages; i++) {
		struct stage *s = &j->stage[i];
		struct members m = {.by = by};

		for (size_t k = 0; k < s->n_selects; k++)
			add_selected(l, j, &m, &s->select[k]);
		s->job = arena_array(l->a, m.n, sizeof(*s->job));
		s->n_jobs = m.n;
		if (m.n)
			memcpy(s->job, m.at, m.n * sizeof(*s->job));
		refuse_composites(l, s);
		for (size_t k = 0; m.n && k < i; k++)
			if (!strcmp(j->stage[k].name, s->name)) {
				diag_error(l->d, s->mark, "job '%s' has two stages '%s'", j->name,
					   s->name);
				diag_note(l->d, j->stage[k].mark, "the first is here");
			}
		free(m.at);
	}
	/* `by` serves the next composite too. */
	for (size_t i = 0; i < j->n_stages; i++)
		for (size_t k = 0; k < j->stage[i].n_jobs; k++)
			by[j->stage[i].job[k]->no] = NULL;
}

/* --- all -------------------------------------------------------------------------------------- */

static void check_job(struct loader *l, struct job *j)
{
	if (j->t.policy->fallback_only)
		diag_error(l->d, j->mark,
			   "job '%s' takes 'fallback_only' from a template; that is for steps", j->name);
	if (j->t.policy->matrix && j->t.policy->foreach && first_blame(l, j->mark))
		diag_error(l->d, j->mark, "both 'matrix' and 'foreach'");
	check_needs(l, j, NULL, &j->t);
	for (size_t i = 0; i < j->n_steps; i++) {
		if (j->kind == JOB_STEPS)
			check_needs(l, j, &j->step[i], &j->step[i].t);
		check_action(l, j, &j->step[i]);
		check_fallback(l, j, &j->step[i]);
	}
	if (j->kind != JOB_STEPS)
		return;
	check_fallback_cycle(l, j);
	check_stand_ins(l, j);
}

void check_model(struct loader *l)
{
	struct jobfile *jf = l->jf;
	const struct name_decl **by = xcalloc(jf->n_jobs + 1, sizeof(*by));

	for (size_t i = 0; i < jf->n_jobs; i++) {
		fill_stages(l, jf->job[i], by);
		check_job(l, jf->job[i]);
	}
	free(by);
	if (!jf->n_jobs && diags_errors(l->d) == l->errors_before)
		diag_error(l->d, jf->n_files ? source_mark(jf->file[0]->source, 0, 0) : MARK_NONE,
			   "no jobs");
}
