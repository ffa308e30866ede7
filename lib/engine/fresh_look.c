/* What a run would do, found out without one: for -n and -q.  Reads files and the ledger, writes nothing. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "engine/engine_impl.h"
#include "engine/fresh.h"
#include "engine/resume.h"

struct looker {
	struct engine *e;
	struct outlook *at;
	struct file_index coming; /* outputs of steps that would run -> unit */
};

static void set(struct outlook *o, enum outlook_kind kind, enum reason why, const char *cause)
{
	*o = (struct outlook){.kind = (uint8_t)kind, .why = (uint8_t)why, .cause = cause ? xstrdup(cause) : NULL};
}

/* --- values of steps that would run ----------------------------------------------------------------------- */

struct wanting {
	const struct looker *l;
	uint32_t scope, from; /* from: a unit that would run and whose value is wanted */
};

static void want_value(void *ctx, enum expr_root root, const char *const *path, size_t n, struct mark m)
{
	struct wanting *w = ctx;
	uint32_t unit = UNIT_NONE;

	(void)m;
	if (root == ROOT_STEPS || root == ROOT_NEEDS || root == ROOT_CONSUMES)
		unit = engine_unit_meant(w->l->e, w->scope, root, path, n);
	if (unit != UNIT_NONE && outlook_would_run(&w->l->at[unit]))
		w->from = unit;
}

static void want_list(struct wanting *w, struct value *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i])
			value_names(v[i], want_value, w);
}

/* A unit that would run and whose values unit's command needs; UNIT_NONE: none. */
static uint32_t waits_for_value(const struct looker *l, uint32_t unit)
{
	const struct traits *t = &l->e->x->place[unit].step->t;
	struct wanting w = {l, l->e->x->place[unit].scope, UNIT_NONE};
	struct value *const single[] = {t->act->with, t->policy->cwd, t->policy->stdout_to, t->policy->stderr_to};

	want_list(&w, t->act->argv.value, t->act->argv.n);
	want_list(&w, t->policy->env.value, t->policy->env.n);
	want_list(&w, single, ARRAY_LEN(single));
	for (size_t i = 0; i < t->flow->n_consumes; i++)
		want_value(&w, ROOT_CONSUMES, &t->flow->consume[i].name, 1, MARK_NONE);
	return w.from;
}

/* --- one step ----------------------------------------------------------------------------------------------- */

static void note_hit(void *ctx, uint32_t number)
{
	(void)number;
	*(bool *)ctx = true;
}

/* An input that a step would make anew; NULL: none. */
static const char *coming_input(const struct looker *l, const struct map *names)
{
	for (size_t i = 0; i < names->n; i++) {
		bool hit = false;

		file_index_find(&l->coming, names->entry[i].key, note_hit, &hit);
		if (hit)
			return names->entry[i].key;
	}
	return NULL;
}

static void set_verdict(struct outlook *o, const struct fresh_unit *f, const struct fresh_verdict *v)
{
	struct buf ttl = BUF_INIT;
	const char *cause = v->cause;

	if (v->why == REASON_TTL_OVER) {
		duration_format(&ttl, f->facts.rule.ttl_ms);
		cause = ttl.data;
	}
	set(o, v->answer == FRESH_SAYS_DONE ? OUTLOOK_DONE : OUTLOOK_RUN, v->why, cause);
	buf_release(&ttl);
}

/* What is there now decides; what is still to come may. */
static void judge_unit(struct looker *l, struct fresh_unit *f, struct outlook *o)
{
	const char *coming = f->facts.rule.kind == FRESH_HASH || f->facts.rule.kind == FRESH_MTIME
				     ? coming_input(l, &f->in_names) : NULL;
	struct fresh_verdict v = fresh_judge(&f->facts);

	if (v.answer == FRESH_SAYS_LOOK && f->facts.rule.kind == FRESH_PROBE) {
		set(o, OUTLOOK_MAYBE, REASON_PROBE_COMES, NULL); /* nothing is started here */
		return;
	}
	if (v.answer == FRESH_SAYS_LOOK) {
		(void)fresh_unit_compare(l->e, f, INT64_MAX);
		if (coming && !f->facts.changed_input)
			f->facts.now.inputs = f->facts.then.mark.inputs;
		v = fresh_judge(&f->facts);
	}
	if (v.answer == FRESH_SAYS_DONE && !fresh_reuse_result(l->e, f->unit))
		v = (struct fresh_verdict){FRESH_SAYS_RUN, REASON_VALUES_GONE, NULL};
	if (v.answer == FRESH_SAYS_DONE && coming && v.why == REASON_FRESH)
		set(o, OUTLOOK_MAYBE, REASON_INPUT_CHANGED, coming);
	else
		set_verdict(o, f, &v);
}

/* Its command has a value in it that is not known yet. */
static void judge_unknown(struct looker *l, uint32_t unit, uint32_t from, struct outlook *o)
{
	struct buf name = BUF_INIT;

	expansion_unit_name(l->e->x, from, &name);
	if (l->e->o->always)
		set(o, OUTLOOK_RUN, REASON_ALWAYS_MAKE, NULL);
	else if (fresh_what_if(l->e, unit))
		set(o, OUTLOOK_RUN, REASON_WHAT_IF, fresh_what_if(l->e, unit));
	else
		set(o, OUTLOOK_MAYBE, REASON_VALUE_CHANGED, name.data);
	buf_release(&name);
}

static void judge_by_files(struct looker *l, uint32_t unit, struct outlook *o)
{
	struct buf err = BUF_INIT;
	struct fresh_unit *f;

	values_begin(l->e->values);
	f = fresh_unit_new(l->e, unit, &l->coming, &err);
	if (f)
		judge_unit(l, f, o);
	else if (values_missing(l->e->values)) /* nobody asks its command now */
		set(o, OUTLOOK_MAYBE, REASON_VALUE_COMES, NULL);
	else
		set(o, OUTLOOK_RUN, REASON_INPUT_MISSING, err.data); /* it would be tried, and fail */
	fresh_unit_free(f);
	buf_release(&err);
}

static void note_coming(struct looker *l, uint32_t unit)
{
	struct map names = MAP_INIT;
	struct buf ignored = BUF_INIT;

	if (fresh_names(l->e, unit, false, &names, &ignored))
		for (size_t i = 0; i < names.n; i++)
			(void)file_index_add(&l->coming, names.entry[i].key, unit);
	map_release(&names);
	buf_release(&ignored);
}

/* A step that does nothing is worth its needs; without any it stands for itself. */
static enum outlook_kind worth_of_needs(const struct looker *l, uint32_t unit)
{
	const struct graph *g = l->e->x->graph;
	enum outlook_kind kind = OUTLOOK_OUT;

	for (uint32_t i = g->need_at[unit]; i < g->need_at[unit + 1]; i++) {
		uint32_t need = g->need[i].unit;

		if ((g->unit[need].kind == UNIT_STEP || g->unit[need].kind == UNIT_END) && l->at[need].kind < kind)
			kind = l->at[need].kind;
	}
	return kind == OUTLOOK_OUT ? OUTLOOK_RUN : kind;
}

static void look_at_step(struct looker *l, uint32_t unit)
{
	struct outlook *o = &l->at[unit];
	enum state s = schedule_state(l->e->s, unit);
	enum reason why = schedule_reason(l->e->s, unit, NULL);
	uint32_t from;

	if (why == REASON_RESTRICTED) {
		set(o, OUTLOOK_OUT, why, NULL);
	} else if (state_is_final(s)) {
		set(o, OUTLOOK_DONE, why, NULL);
	} else if (resume_outlook(l->e, unit, o)) {
		;
	} else if (!asks_fresh(&l->e->x->place[unit].step->t)) {
		set(o, l->e->x->graph->unit[unit].flags & UNIT_INSTANT ? worth_of_needs(l, unit) : OUTLOOK_RUN,
		    REASON_NONE, NULL);
	} else {
		from = waits_for_value(l, unit);
		if (from != UNIT_NONE)
			judge_unknown(l, unit, from, o);
		else
			judge_by_files(l, unit, o);
	}
	if (outlook_would_run(o) && makes_files(&l->e->x->place[unit].step->t))
		note_coming(l, unit);
}

/* --- all of them ------------------------------------------------------------------------------------------------ */

/* A group runs if something in it does; a stand-in does only if another fails. */
static void look_at_end(struct looker *l, uint32_t unit)
{
	const struct graph *g = l->e->x->graph;
	uint32_t group = g->unit[unit].group;
	enum outlook_kind kind = OUTLOOK_OUT;

	for (uint32_t i = g->member_at[group]; i < g->member_at[group + 1]; i++)
		if (l->at[g->member[i]].kind < kind && !(g->unit[g->member[i]].flags & UNIT_STAND_IN))
			kind = l->at[g->member[i]].kind;
	set(&l->at[unit], kind, REASON_NONE, NULL);
}

static void say_blind(const struct engine *e, const char *why)
{
	char *text = xasprintf("nothing is known of earlier runs: %s", why);

	if (e->o->say)
		e->o->say(e->o->say_ctx, text);
	free(text);
}

static struct ledger *open_ledger(struct engine *e)
{
	const struct ledger_options lo = {.mode = LEDGER_LOOK};
	struct ledger_error err = LEDGER_ERROR_INIT;
	char *path = e->o->no_ledger ? NULL : engine_ledger_path(e->jf, e->o);
	struct ledger *ledger = path ? ledger_open(path, &lo, &err) : NULL;

	if (path && !ledger && err.fault != LEDGER_MISSING)
		say_blind(e, err.text.data);
	ledger_error_release(&err);
	free(path);
	return ledger;
}

const struct outlook *engine_outlook(struct engine *e)
{
	const struct graph *g = e->x->graph;
	struct looker l = {.e = e};
	struct ledger *ledger;
	uint32_t *order;

	if (e->fresh->outlook)
		return e->fresh->outlook;
	order = xcalloc(g->n_units, sizeof(*order));
	e->fresh->outlook = l.at = xcalloc(g->n_units, sizeof(*l.at));
	ledger = e->o->past ? e->o->past : open_ledger(e);
	fresh_open(e, ledger, false);
	graph_order(g, order);
	for (uint32_t i = 0; i < g->n_units; i++) {
		if (g->unit[order[i]].kind == UNIT_STEP)
			look_at_step(&l, order[i]);
		else if (g->unit[order[i]].kind == UNIT_END)
			look_at_end(&l, order[i]);
		else
			l.at[order[i]].kind = OUTLOOK_DONE;
		resume_outlook_age(e, order[i], &l.at[order[i]]);
	}
	e->fresh->files.ledger = NULL;
	if (ledger != e->o->past)
		ledger_close(ledger);
	file_index_release(&l.coming);
	free(order);
	return e->fresh->outlook;
}
