/*
 * Result documents: of jobs, of composites (seed 004's contract), of the run.  All that they say stands in the schedule
 * and the notes, so they are made when somebody wants them, and what they list while it is written.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "doc/json.h"
#include "engine/engine_impl.h"

static json_t *name_of(struct engine *e, uint32_t unit)
{
	struct buf name = BUF_INIT;
	json_t *v;

	expansion_unit_name(e->x, unit, &name);
	v = json_string(name.data);
	buf_release(&name);
	return v;
}

static bool never_ran(enum state s)
{
	return s == STATE_SKIPPED || s == STATE_BLOCKED || s == STATE_ABORTED || s == STATE_PENDING;
}

/* The failure's text; for what never ran, why it did not. */
static json_t *error_of(struct engine *e, uint32_t unit)
{
	struct buf text = BUF_INIT;
	json_t *v;

	if (e->note[unit].error)
		return json_string(e->note[unit].error);
	reason_format(e, unit, &text);
	v = json_string(text.len ? text.data : state_word(schedule_state(e->s, unit)));
	buf_release(&text);
	return v;
}

static int64_t duration_ms(const struct engine *e, uint32_t end)
{
	int64_t from = e->note[end].start_mono_ns, to = e->note[end].end_mono_ns;

	return from && to > from ? (to - from) / NS_PER_MS : 0;
}

/* --- a job with steps --------------------------------------------------------------------------------- */

static json_t *step_outcome(struct engine *e, uint32_t unit)
{
	const struct place *p = &e->x->place[unit];
	enum state s = schedule_state(e->s, unit);
	json_t *o = json_object();

	json_object_set_new_nocheck(o, "step_id", json_string(p->step && p->step->id[0] ? p->step->id
									: p->step ? p->step->job->name : ""));
	json_object_set_new_nocheck(o, "status", json_string_nocheck(state_word(s)));
	if (!state_is_ok(s))
		json_object_set_new(o, "error", error_of(e, unit));
	return o;
}

/* The last of the job's steps (cleaning up aside) that left a result. */
static const json_t *last_result(struct engine *e, uint32_t group)
{
	const struct graph *g = e->x->graph;

	for (uint32_t i = g->member_at[group + 1]; i-- > g->member_at[group];) {
		const struct step *st = e->x->place[g->member[i]].step;

		if (st && !st->finally && unit_outcome(e, g->member[i]))
			return unit_outcome(e, g->member[i]);
	}
	return NULL;
}

static void add_fields(json_t *doc, const json_t *result)
{
	if (json_is_object(result))
		json_object_update_missing(doc, (json_t *)result);
}

static json_t *doc_new(struct engine *e, json_t *name, bool success, bool degraded)
{
	json_t *doc = json_object();

	json_object_set_new(doc, "job_id", name);
	json_object_set_new(doc, "run_id", json_string(e->id.text));
	json_object_set_new(doc, "success", json_boolean(success));
	json_object_set_new(doc, "degraded", json_boolean(degraded));
	return doc;
}

static json_t *make_outcome(const struct json_late *l, uint32_t i, const char **ret_key, struct json_late *ret_inner)
{
	struct engine *e = l->ctx;
	const struct graph *g = e->x->graph;

	(void)ret_key;
	(void)ret_inner;
	return step_outcome(e, g->member[g->member_at[l->of] + i]);
}

static struct json_late members_late(struct engine *e, uint32_t group, const json_t *in, json_late_fn *make)
{
	const struct graph *g = e->x->graph;

	return (struct json_late){.in = in, .n = g->member_at[group + 1] - g->member_at[group], .ctx = e, .of = group,
				  .make = make};
}

static json_t *job_doc(struct engine *e, uint32_t group, bool success, struct json_late *ret_late)
{
	const struct graph *g = e->x->graph;
	uint32_t end = g->group[group].end;
	json_t *doc = doc_new(e, name_of(e, end), success, schedule_is_degraded(e->s, end));
	json_t *outcomes = json_array();

	json_object_set_new(doc, "outcomes", outcomes);
	json_object_set_new(doc, "duration_ms", json_integer(duration_ms(e, end)));
	add_fields(doc, last_result(e, group));
	*ret_late = members_late(e, group, outcomes, make_outcome);
	return doc;
}

/* --- composites ------------------------------------------------------------------------------------------ */

static bool is_failed_member(struct engine *e, uint32_t unit)
{
	return state_is_failure(schedule_state(e->s, unit)) || schedule_state(e->s, unit) == STATE_CANCELED;
}

/* Jobs that others need and nobody asked for, held together. */
static bool is_support(const struct engine *e, uint32_t unit)
{
	const struct unit *u = &e->x->graph->unit[unit];

	return u->kind == UNIT_END && e->x->bundle[u->group].kind == BUNDLE_SUPPORT;
}

/* The group of a loop whose members count instead of it; GROUP_NONE: unit counts itself. */
static uint32_t loop_of(const struct engine *e, uint32_t unit)
{
	const struct graph *g = e->x->graph;
	uint32_t group = g->unit[unit].kind == UNIT_END ? g->unit[unit].group : GROUP_NONE;

	if (group == GROUP_NONE || e->x->bundle[group].kind != BUNDLE_LOOP)
		return GROUP_NONE;
	return g->member_at[group] < g->member_at[group + 1] || schedule_state(e->s, unit) == STATE_SKIPPED
		       ? group : GROUP_NONE;
}

static void replace_in_tally(const struct engine *e, uint32_t loop, struct tally *t)
{
	enum state s = schedule_state(e->s, e->x->graph->group[loop].end);
	struct tally own;

	schedule_tally(e->s, loop, &own);
	t->total += own.total - 1;
	t->succeeded += own.succeeded - (s == STATE_SUCCEEDED);
	t->failed += own.failed - state_is_failure(s);
	t->skipped += own.skipped - never_ran(s);
	t->degraded += own.degraded;
}

void outcome_tally(const struct engine *e, uint32_t group, struct tally *ret)
{
	const struct graph *g = e->x->graph;

	schedule_tally(e->s, group, ret);
	for (uint32_t i = g->member_at[group]; i < g->member_at[group + 1]; i++)
		if (loop_of(e, g->member[i]) != GROUP_NONE)
			replace_in_tally(e, loop_of(e, g->member[i]), ret);
}

static void add_failures(struct engine *e, uint32_t group, json_t *list)
{
	const struct graph *g = e->x->graph;

	for (uint32_t i = g->member_at[group]; i < g->member_at[group + 1]; i++) {
		uint32_t unit = g->member[i];

		if (loop_of(e, unit) != GROUP_NONE)
			add_failures(e, loop_of(e, unit), list); /* loops hold no loops */
		else if (is_failed_member(e, unit) && !is_support(e, unit))
			json_array_append_new(list, json_pack("{s:o, s:o}", "job_id", name_of(e, unit), "error",
							      error_of(e, unit)));
	}
}

static json_t *failures(struct engine *e, uint32_t group)
{
	json_t *list = json_array();

	add_failures(e, group, list);
	return list;
}

static bool is_phase(const struct engine *e, uint32_t unit)
{
	const struct unit *u = &e->x->graph->unit[unit];

	return u->kind == UNIT_END && e->x->bundle[u->group].kind == BUNDLE_COMPOSITE;
}

static bool has_phases(const struct engine *e, uint32_t group)
{
	const struct graph *g = e->x->graph;

	for (uint32_t i = g->member_at[group]; i < g->member_at[group + 1]; i++)
		if (is_phase(e, g->member[i]))
			return true;
	return false;
}

static json_t *unit_doc(struct engine *e, uint32_t unit, struct json_late *ret_late);

static json_t *make_phase_result(const struct json_late *l, uint32_t i, const char **ret_key,
				 struct json_late *ret_inner)
{
	struct engine *e = l->ctx;
	const struct graph *g = e->x->graph;
	uint32_t unit = g->member[g->member_at[l->of] + i];

	if (never_ran(schedule_state(e->s, unit)))
		return NULL;
	buf_reset(&e->outcome_name);
	expansion_unit_name(e->x, unit, &e->outcome_name);
	*ret_key = e->outcome_name.data;
	return unit_doc(e, unit, ret_inner);
}

/* Seed 004's field table: phases_completed are those that ran, the failed one included. */
static void add_phases(struct engine *e, uint32_t group, json_t *doc, struct json_late *ret_late)
{
	const struct graph *g = e->x->graph;
	json_t *ran = json_array(), *results = json_object(), *failed = json_null();

	for (uint32_t i = g->member_at[group]; i < g->member_at[group + 1]; i++) {
		uint32_t unit = g->member[i];

		if (never_ran(schedule_state(e->s, unit)))
			continue;
		json_array_append_new(ran, name_of(e, unit));
		if (json_is_null(failed) && is_failed_member(e, unit))
			failed = name_of(e, unit);
	}
	json_object_set_new(doc, "phases_completed", ran);
	json_object_set_new(doc, "failed_phase", failed);
	json_object_set_new(doc, "phase_results", results);
	*ret_late = members_late(e, group, results, make_phase_result);
}

static json_t *counted_doc(struct engine *e, uint32_t group, json_t *name, bool success, const struct tally *t,
			   json_t *failed, struct json_late *ret_late)
{
	const struct group *gr = &e->x->graph->group[group];
	json_t *doc = doc_new(e, name, success, schedule_is_degraded(e->s, gr->end));

	json_object_set_new(doc, "total", json_integer(t->total));
	json_object_set_new(doc, "succeeded", json_integer(t->succeeded));
	json_object_set_new(doc, "failed", json_integer(t->failed));
	json_object_set_new(doc, "skipped", json_integer(t->skipped));
	json_object_set_new(doc, "failures", failed);
	json_object_set_new(doc, "duration_ms", json_integer(duration_ms(e, gr->end)));
	if (has_phases(e, group))
		add_phases(e, group, doc, ret_late);
	return doc;
}

static json_t *composite_doc(struct engine *e, uint32_t group, bool success, struct json_late *ret_late)
{
	struct tally t;

	outcome_tally(e, group, &t);
	return counted_doc(e, group, name_of(e, e->x->graph->group[group].end), success, &t, failures(e, group), ret_late);
}

/* --- of any unit ------------------------------------------------------------------------------------------- */

static json_t *group_doc(struct engine *e, uint32_t group, struct json_late *ret_late)
{
	const struct graph *g = e->x->graph;
	enum state s = schedule_state(e->s, g->group[group].end);
	bool success = s == STATE_SUCCEEDED || s == STATE_CACHED || s == STATE_SKIPPED;

	switch (e->x->bundle[group].kind) {
	case BUNDLE_JOB:
		return job_doc(e, group, success, ret_late);
	case BUNDLE_COMPOSITE:
	case BUNDLE_FAMILY:
	case BUNDLE_STEPS:
	case BUNDLE_LOOP:
		return composite_doc(e, group, success, ret_late);
	case BUNDLE_CALL:
		return unit_doc(e, g->member[g->member_at[group]], ret_late);
	case BUNDLE_ROOT:
	case BUNDLE_SUPPORT:
		break;
	}
	return NULL;
}

/* A new reference, or NULL; what is late of it in *ret_late. */
static json_t *unit_doc(struct engine *e, uint32_t unit, struct json_late *ret_late)
{
	const struct unit *u = &e->x->graph->unit[unit];
	const struct note *n = &e->note[unit];

	if (n->result)
		return json_incref(n->result);
	return u->kind == UNIT_END && n->end_mono_ns ? group_doc(e, u->group, ret_late) : NULL;
}

const json_t *unit_outcome(struct engine *e, uint32_t unit)
{
	struct json_late late = {0};

	if (!e->note[unit].result) {
		e->note[unit].result = unit_doc(e, unit, &late);
		json_complete(&late);
	}
	return e->note[unit].result;
}

bool outcome_text(struct engine *e, uint32_t unit, struct buf *out)
{
	struct json_late late = {0};
	json_t *doc = unit_doc(e, unit, &late);

	if (doc)
		json_text_late(out, doc, JSON_TIGHT, &late);
	json_decref(doc);
	return doc != NULL;
}

/* --- errors of groups, as their parents quote them --------------------------------------------------------- */

static uint32_t first_failed(struct engine *e, uint32_t group)
{
	const struct graph *g = e->x->graph;

	for (uint32_t i = g->member_at[group]; i < g->member_at[group + 1]; i++)
		if (is_failed_member(e, g->member[i]))
			return g->member[i];
	return UNIT_NONE;
}

static char *group_error(struct engine *e, uint32_t group)
{
	uint32_t bad = first_failed(e, group);
	struct tally t;
	const char *text;

	outcome_tally(e, group, &t);
	if (e->x->bundle[group].kind == BUNDLE_COMPOSITE)
		return xasprintf("Phase failed with %" PRIu32 " job errors", t.failed);
	if (bad == UNIT_NONE) { /* it could not even begin */
		text = e->note[e->x->graph->group[group].begin].error;
		return text ? xstrdup(text) : NULL;
	}
	text = e->note[bad].error ? e->note[bad].error : state_word(schedule_state(e->s, bad));
	if (e->x->bundle[group].kind == BUNDLE_FAMILY || e->x->bundle[group].kind == BUNDLE_STEPS ||
	    e->x->bundle[group].kind == BUNDLE_LOOP)
		return xasprintf("%" PRIu32 " of %" PRIu32 " instances failed: %s", t.failed, t.total, text);
	if (e->x->bundle[group].kind == BUNDLE_CALL || e->x->bundle[group].kind == BUNDLE_SUPPORT)
		return xstrdup(text);
	return xasprintf("step '%s': %s", e->x->place[bad].step ? e->x->place[bad].step->id : "", text);
}

void outcome_group(struct engine *e, uint32_t group, enum state state)
{
	struct note *n = &e->note[e->x->graph->group[group].end];

	if (state_is_failure(state) && !n->error)
		n->error = group_error(e, group);
}

/* --- the run ----------------------------------------------------------------------------------------------------- */

static json_t *action_doc(struct engine *e, uint32_t unit)
{
	enum state s = schedule_state(e->s, unit);
	const struct note *n = &e->note[unit];
	json_t *doc = doc_new(e, name_of(e, unit), state_is_ok(s), false), *outcome = json_object();

	json_object_set_new(outcome, "step_id", name_of(e, unit));
	json_object_set_new(outcome, "status", json_string(state_word(s)));
	if (!state_is_ok(s))
		json_object_set_new(outcome, "error", error_of(e, unit));
	json_object_set_new(doc, "outcomes", json_pack("[o]", outcome));
	json_object_set_new(doc, "duration_ms",
			    json_integer(n->start_mono_ns ? (n->end_mono_ns - n->start_mono_ns) / NS_PER_MS : 0));
	add_fields(doc, n->result);
	return doc;
}

/* What was not asked for by name but needed counts one by one. */
static void add_support(struct engine *e, struct tally *t, json_t *failed)
{
	const struct graph *g = e->x->graph;
	uint32_t root = g->root;

	for (uint32_t i = g->member_at[root]; i < g->member_at[root + 1]; i++) {
		uint32_t unit = g->member[i], group = g->unit[unit].group;

		if (!is_support(e, unit)) {
			t->total++;
			schedule_tally_add(e->s, unit, t);
			continue;
		}
		for (uint32_t k = g->member_at[group]; k < g->member_at[group + 1]; k++) {
			t->total++;
			schedule_tally_add(e->s, g->member[k], t);
		}
		add_failures(e, group, failed);
	}
}

/* The run may have failed although its target did not: by a job that the target needs. */
static void mark_failed(json_t *doc, json_t *failed)
{
	json_object_set_new(doc, "success", json_false());
	if (!json_object_get(doc, "failures"))
		json_object_set(doc, "failures", failed);
}

/* One target: its own document.  Several: one over them, like a composite's. */
static json_t *run_doc(struct engine *e, enum state state, struct json_late *ret_late)
{
	const struct graph *g = e->x->graph;
	uint32_t unit = e->x->target_unit[0];
	json_t *doc, *failed = failures(e, g->root);
	struct tally t = {0};

	add_support(e, &t, failed);
	if (e->x->n_targets > 1)
		return counted_doc(e, g->root, json_string(e->target_text), state == STATE_SUCCEEDED, &t, failed, ret_late);
	doc = g->unit[unit].kind == UNIT_END ? unit_doc(e, unit, ret_late) : NULL;
	if (!doc)
		doc = action_doc(e, unit);
	if (state != STATE_SUCCEEDED)
		mark_failed(doc, failed);
	json_decref(failed);
	return doc;
}

void outcome_run(struct engine *e, enum state state)
{
	e->result = run_doc(e, state, &e->result_late);
}

void engine_result_text(const struct engine *e, struct buf *out, enum json_spacing spacing)
{
	json_text_late(out, e->result, spacing, &e->result_late);
}
