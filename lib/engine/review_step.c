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
	json_t *names = review_names(e, unit, outlook, &t->flow->input);

	if ((t->flow->input.n || t->flow->depfile) && is_all_known(names))
		review_put(o, "inputs", inputs_json(r, e, unit, coming));
	else if (t->flow->input.n)
		json_object_set(o, "inputs", names);
	json_decref(names);
	if (t->flow->output.n)
		review_put(o, "outputs", review_names(e, unit, outlook, &t->flow->output));
}

void review_coming(struct engine *e, const struct outlook *outlook, struct file_index *coming)
{
	const struct graph *g = e->x->graph;
	struct buf ignored = BUF_INIT;

	for (uint32_t u = 0; u < g->n_units; u++) {
		struct map names = MAP_INIT;

		if (g->unit[u].kind == UNIT_STEP && outlook_would_run(&outlook[u]) && fresh_names(e, u, false, &names, &ignored))
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
	else if (outlook_would_run(o))
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
	json_t *conditions = review_conditions(e, unit, outlook);

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
	if (e->x->place[unit].step->t.act->kind == ACT_APPROVE)
		put_approval(e, o, unit);
	if (outlook_would_run(own))
		put_work(r, e, o, unit, outlook, coming);
	else
		put_record(e, o, unit);
	return o;
}
