/* A run that is held to what was reviewed: it begins on nothing else, and no step of it starts on anything else. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "doc/json.h"
#include "engine/engine_impl.h"
#include "engine/fresh.h"
#include "engine/review.h"

struct hold {
	uint32_t n_units;	   /* of the graph as it began: what loops add is not in the document */
	struct file_index coming; /* what steps make that would run */
	uint32_t n_refused;
};

static const json_t *step_of(const struct engine *e, uint32_t unit)
{
	struct buf name = BUF_INIT;
	json_t *key;
	const json_t *step;

	expansion_unit_name(e->x, unit, &name);
	key = review_string(name.data);
	step = json_object_get(json_object_get(e->o->hold->doc, "steps"), json_string_value(key));
	json_decref(key);
	buf_release(&name);
	return step;
}

static bool would_run(const json_t *step)
{
	const char *would = json_str(step, "would");

	return would && (!strcmp(would, "run") || !strcmp(would, "maybe"));
}

/* --- before it begins -------------------------------------------------------------------------------------------- */

static bool has_key(struct engine *e, uint32_t unit, const json_t *step)
{
	struct buf key = BUF_INIT;
	json_t *now;
	bool same;

	engine_unit_key(e, unit, &key);
	now = review_string(key.data);
	same = json_equal(now, json_object_get(step, "key"));
	json_decref(now);
	buf_release(&key);
	return same;
}

static void note_coming(struct engine *e, uint32_t unit)
{
	struct map names = MAP_INIT;
	struct buf ignored = BUF_INIT;

	if (fresh_names(e, unit, false, &names, &ignored))
		for (size_t i = 0; i < names.n; i++)
			(void)file_index_add(&e->hold->coming, names.entry[i].key, unit);
	map_release(&names);
	buf_release(&ignored);
}

/* Each step is in the document, and the document has no other. */
static bool has_same_steps(struct engine *e)
{
	const struct graph *g = e->x->graph;
	size_t n = 0;

	for (uint32_t u = 0; u < g->n_units; u++) {
		const json_t *step = g->unit[u].kind == UNIT_STEP ? step_of(e, u) : NULL;

		if (g->unit[u].kind != UNIT_STEP)
			continue;
		if (!step || !has_key(e, u, step))
			return false;
		if (would_run(step))
			note_coming(e, u);
		n++;
	}
	return n == json_object_size(json_object_get(e->o->hold->doc, "steps"));
}

bool hold_open(struct engine *e)
{
	if (!e->o->hold)
		return true;
	e->hold = xcalloc(1, sizeof(*e->hold));
	e->hold->n_units = e->x->graph->n_units;
	return review_is_same(e, e->o->hold->doc) && has_same_steps(e);
}

void hold_close(struct engine *e)
{
	if (e->hold)
		file_index_release(&e->hold->coming);
	free(e->hold);
	e->hold = NULL;
}

uint32_t hold_refusals(const struct engine *e)
{
	return e->hold ? e->hold->n_refused : 0;
}

/* --- what it would do ---------------------------------------------------------------------------------------------- */

static bool is_later(const json_t *v)
{
	return json_is_object(v) && json_object_size(v) == 1 && json_object_get(v, "later");
}

static bool is_as_known(const json_t *was, const json_t *is);

static bool is_list_as_known(const json_t *was, const json_t *is)
{
	size_t n = json_array_size(was);

	for (size_t i = 0; i < n; i++)
		if (!is_as_known(json_array_get(was, i), json_array_get(is, i)))
			return false;
	return n == json_array_size(is);
}

/* As deep as a document may be; what was not known is whatever it is now. */
static bool is_as_known(const json_t *was, const json_t *is)
{
	const char *key;
	json_t *v;

	if (is_later(was))
		return true;
	if (json_is_array(was))
		return is_list_as_known(was, is);
	if (!json_is_object(was))
		return json_equal((json_t *)was, (json_t *)is);
	json_object_foreach ((json_t *)was, key, v)
		if (!is_as_known(v, json_object_get(is, key)))
			return false;
	return json_object_size(was) == json_object_size(is);
}

static bool check_action(struct engine *e, uint32_t unit, const json_t *step, struct buf *why)
{
	json_t *now = review_action(e, unit, NULL), *v;
	const json_t *was = json_object_get(step, "do");
	const char *key;

	json_object_foreach ((json_t *)was, key, v)
		if (!why->len && !is_as_known(v, json_object_get(now, key)))
			buf_addf(why, "its '%s' is another than was reviewed", key);
	json_decref(now);
	return !why->len;
}

/* --- its inputs -------------------------------------------------------------------------------------------------------- */

/* Contents are read again only where somebody may have written to them. */
static bool is_unchanged(struct engine *e, const struct seen_file *s, const json_t *was)
{
	const struct review_pin *pin = map_get(&e->o->hold->pin, s->file->path);
	struct digest d = {""};
	struct file_id id;

	if (pin && pin->settled && file_id_same(&pin->id, &s->id))
		return !strcmp(pin->digest.hex, json_string_value(was));
	return !digest_file(&d, e->fresh->files.root_fd, s->file->path, &id) && !strcmp(d.hex, json_string_value(was));
}

static void note_hit(void *ctx, uint32_t number)
{
	(void)number;
	*(bool *)ctx = true;
}

static bool is_coming(const struct engine *e, const char *path)
{
	bool hit = false;

	file_index_find(&e->hold->coming, path, note_hit, &hit);
	return hit;
}

static bool check_input(struct engine *e, const struct seen_file *s, const json_t *inputs, struct buf *why)
{
	const char *path = s->file->path;
	json_t *key = review_string(path);
	const json_t *was = json_object_get(inputs, json_string_value(key));

	json_decref(key);
	if (is_coming(e, path) || json_is_object(was))
		return true;
	if (!was)
		buf_addf(why, "its input '%s' was not there when the plan was reviewed", path);
	else if (json_is_string(was) && !is_unchanged(e, s, was))
		buf_addf(why, "its input '%s' is not what was reviewed; if a step of this run writes it, let that step say so "
			 "under `outputs`", path);
	return !why->len;
}

static bool is_among(const struct file_list *l, const char *name)
{
	bool found = false;

	for (size_t i = 0; i < l->n && !found; i++) {
		json_t *key = review_string(l->at[i].file->path);

		found = !strcmp(json_string_value(key), name);
		json_decref(key);
	}
	return found;
}

static bool check_files(struct engine *e, const struct file_list *l, const json_t *inputs, struct buf *why)
{
	const char *name;
	json_t *was;

	for (size_t i = 0; i < l->n; i++)
		if (!check_input(e, &l->at[i], inputs, why))
			return false;
	if (json_object_size(inputs) == l->n)
		return true;
	json_object_foreach ((json_t *)inputs, name, was)
		if (json_is_string(was) && !is_among(l, name)) {
			buf_addf(why, "its input '%s' is gone", name);
			return false;
		}
	return true;
}

static bool check_inputs(struct engine *e, uint32_t unit, const json_t *step, struct buf *why)
{
	const json_t *inputs = json_object_get(step, "inputs");
	struct map names = MAP_INIT, made = MAP_INIT;
	struct file_list l = {0};

	if (!json_is_object(inputs))
		return true;
	if (fresh_names(e, unit, true, &names, why) && fresh_names(e, unit, false, &made, why)) {
		file_list_look(&e->fresh->files, &l, &names, &made);
		(void)check_files(e, &l, inputs, why);
	}
	file_list_release(&l);
	map_release(&names);
	map_release(&made);
	return !why->len;
}

/* --- the moment before it starts ------------------------------------------------------------------------------------------ */

static void say_unplanned(struct engine *e, uint32_t unit, struct buf *why)
{
	const char *cause;
	enum reason r = engine_why(e, unit, &cause);

	buf_puts(why, "by the plan there was nothing to do for it");
	if (r == REASON_NONE)
		return;
	buf_puts(why, ", and now: ");
	reason_say(why, r, cause);
}

static bool check_step(struct engine *e, uint32_t unit, struct buf *why)
{
	const json_t *step = step_of(e, unit);

	if (!step)
		buf_puts(why, "the plan does not have it");
	else if (!would_run(step))
		say_unplanned(e, unit, why);
	return !why->len && check_action(e, unit, step, why) && check_inputs(e, unit, step, why);
}

bool hold_lets(struct engine *e, uint32_t unit, struct buf *why)
{
	if (!e->hold || unit >= e->hold->n_units || check_step(e, unit, why))
		return true;
	e->hold->n_refused++;
	return false;
}
