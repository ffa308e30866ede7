/* What the ledger has to do with a reviewed run: what has been run since, what the last success was. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "doc/json.h"
#include "engine/engine_impl.h"
#include "engine/review.h"
#include "ledger/ledger_read.h"
#include "report/changes.h"

/* --- runs ------------------------------------------------------------------------------------------------- */

static bool keep_run(void *ctx, const struct ledger_run_row *r)
{
	*(json_t **)ctx = json_pack("{s:o, s:s}", "id", review_string(r->id), "state", state_word(r->state));
	return true;
}

static json_t *run_json(struct ledger *l, int64_t no)
{
	json_t *run = NULL;

	if (no > 0)
		(void)ledger_run_get(l, no, keep_run, &run);
	return run ? run : json_null();
}

static int64_t last_run(struct ledger *l, const char *target)
{
	struct buf ignored = BUF_INIT;
	int64_t no = 0;

	if (ledger_run_find(l, "last", target, &no, &ignored) != LEDGER_FOUND)
		no = 0;
	buf_release(&ignored);
	return no;
}

static int64_t last_success(struct engine *e, char **ret_target)
{
	int64_t no = 0;

	*ret_target = engine_target_text(e);
	if (e->o->past && !ledger_last_success(e->o->past, *ret_target, &no))
		no = 0;
	return no;
}

json_t *review_ledger(struct review *r, struct engine *e)
{
	struct ledger *l = e->o->past;
	char *target;
	int64_t success = last_success(e, &target);
	json_t *doc = json_object();

	r->newest = l ? last_run(l, NULL) : 0;
	review_put(doc, "last", l ? run_json(l, last_run(l, target)) : json_null());
	review_put(doc, "success", l ? run_json(l, success) : json_null());
	review_put(doc, "resumes", e->o->resumes ? review_string(e->o->resumes) : json_null());
	free(target);
	return doc;
}

/* --- a step ------------------------------------------------------------------------------------------------- */

static bool keep_last(void *ctx, const struct ledger_step_row *r)
{
	*(json_t **)ctx = json_pack("{s:o, s:s}", "run", review_string(r->run_id ? r->run_id : "?"), "state",
				    state_word(r->state));
	return false;
}

json_t *review_last(struct engine *e, uint32_t unit)
{
	struct buf key = BUF_INIT;
	json_t *last = NULL;

	engine_unit_key(e, unit, &key);
	if (e->o->past)
		(void)ledger_step_past(e->o->past, key.data, 1, keep_last, &last);
	buf_release(&key);
	return last ? last : json_null();
}

/* --- the difference to the last success ---------------------------------------------------------------------- */

struct difference {
	struct engine *e;
	struct map now; /* names of steps -> their key, owned; "": a call makes it */
	json_t *added, *removed, *changed;
};

static void note_change(struct difference *d, const char *name, const char *what)
{
	json_t *key = review_string(name), *list = json_object_get(d->changed, json_string_value(key));

	if (!list) {
		list = json_array();
		json_object_set_new(d->changed, json_string_value(key), list);
	}
	json_array_append_new(list, review_string(what));
	json_decref(key);
}

static void keep_change(void *ctx, enum change_kind kind, const char *part, const char *what)
{
	if (kind == CHANGE_OTHER)
		note_change(ctx, part, what);
}

/* What a loop over a result makes is not known before it begins, so it is not gone. */
static bool comes_with_a_loop(const struct expansion *x, const struct ledger_step_row *row)
{
	const struct job *j = row->job ? job_find(x->jf, row->job) : NULL;

	for (size_t i = 0; j && i < j->n_steps; i++)
		if (row->step && !strcmp(j->step[i].id, row->step) && step_is_late(&j->step[i]))
			return true;
	for (uint32_t g = 0; j && g < x->graph->n_groups; g++)
		if (x->bundle[g].kind == BUNDLE_LOOP)
			for (size_t k = 0; k < x->bundle[g].stage->n_jobs; k++)
				if (x->bundle[g].stage->job[k] == j)
					return true;
	return false;
}

static bool compare_step(void *ctx, const struct ledger_step_row *row)
{
	struct difference *d = ctx;
	char *key = map_get(&d->now, row->name);

	if (key && *key && strcmp(key, row->key))
		note_change(d, row->name, "parameters");
	else if (!key && !comes_with_a_loop(d->e->x, row))
		json_array_append_new(d->removed, review_string(row->name));
	free(key);
	(void)map_put(&d->now, row->name, NULL);
	return true;
}

static void name_steps(struct difference *d)
{
	const struct graph *g = d->e->x->graph;
	struct buf name = BUF_INIT, key = BUF_INIT;

	for (uint32_t u = 0; u < g->n_units; u++) {
		if (g->unit[u].kind != UNIT_STEP)
			continue;
		buf_reset(&name);
		buf_reset(&key);
		expansion_unit_name(d->e->x, u, &name);
		if (d->e->params[d->e->x->place[u].scope])
			engine_unit_key(d->e, u, &key);
		free(map_put(&d->now, name.data, xstrdup(key.data)));
	}
	buf_release(&name);
	buf_release(&key);
}

/* What is left has no row there. */
static void add_new(struct difference *d)
{
	for (size_t i = 0; i < d->now.n; i++) {
		if (d->now.entry[i].value)
			json_array_append_new(d->added, review_string(d->now.entry[i].key));
		free(d->now.entry[i].value);
	}
	map_release(&d->now);
}

static void compare_definitions(struct difference *d, int64_t run, const json_t *definition)
{
	struct buf text = BUF_INIT, ignored = BUF_INIT;
	json_t *then;

	(void)ledger_run_definition(d->e->o->past, run, &text);
	then = json_parse(text.data, text.len, &ignored);
	if (json_object_get(then, "jobfile"))
		changes_of_definition(json_object_get(then, "jobfile"), definition, keep_change, d);
	json_decref(then);
	buf_release(&text);
	buf_release(&ignored);
}

json_t *review_difference(struct engine *e, const json_t *definition)
{
	struct difference d = {.e = e, .now = MAP_INIT, .added = json_array(), .removed = json_array(),
			       .changed = json_object()};
	char *target;
	int64_t run = last_success(e, &target);

	name_steps(&d);
	if (run) {
		(void)ledger_steps(e->o->past, run, NULL, compare_step, &d);
		compare_definitions(&d, run, definition);
	}
	add_new(&d);
	free(target);
	return json_pack("{s:o, s:o, s:o, s:o}", "to", run ? run_json(e->o->past, run) : json_null(), "added", d.added,
			 "removed", d.removed, "changed", d.changed);
}
