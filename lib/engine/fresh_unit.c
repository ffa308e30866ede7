/* One step's files, command and record; what they come to. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "doc/json.h"
#include "engine/engine_impl.h"
#include "engine/fresh.h"
#include "engine/resume.h"

/* --- the record of an earlier success ------------------------------------------------------------------- */

struct kept_record {
	char *text;
	int64_t wall_ms;
};

static bool keep_record(void *ctx, const struct ledger_fingerprint_row *r)
{
	struct fresh *fr = ctx;
	struct kept_record *k = arena_alloc(fr->files.arena, sizeof(*k));

	*k = (struct kept_record){arena_strdup(fr->files.arena, r->fingerprint), r->wall_ms};
	(void)map_put(&fr->record, r->key, k);
	return true;
}

static const struct kept_record *find_record(struct fresh *fr, const char *key)
{
	if (!fr->has_all && fr->files.ledger)
		(void)ledger_fingerprints(fr->files.ledger, key, keep_record, fr);
	return map_get(&fr->record, key);
}

/* Many are read at once. */
static void read_all(struct fresh *fr)
{
	if (fr->files.ledger)
		(void)ledger_fingerprints(fr->files.ledger, NULL, keep_record, fr);
	fr->has_all = true;
	file_table_read_all(&fr->files);
}

void fresh_open(struct engine *e, struct ledger *l, bool may_write)
{
	enum { FEW = 64 };
	const struct graph *g = e->x->graph;
	uint32_t n = 0;

	e->fresh->files.ledger = l;
	e->fresh->files.may_write = may_write;
	for (uint32_t u = 0; u < g->n_units && n <= FEW; u++)
		n += g->unit[u].kind == UNIT_STEP && asks_fresh(&e->x->place[u].step->t);
	if (n > FEW)
		read_all(e->fresh);
	for (uint32_t u = 0; u < g->n_units; u++) /* -o, -t: what they gave before they still give */
		if (g->unit[u].kind == UNIT_STEP && schedule_state(e->s, u) == STATE_CACHED)
			(void)fresh_reuse_result(e, u);
}

/* --- results ----------------------------------------------------------------------------------------------- */

static bool take_result(void *ctx, const struct ledger_step_row *r)
{
	json_t **ret = ctx;
	struct buf err = BUF_INIT;

	if (state_is_ok(r->state) && r->result)
		*ret = json_parse(r->result, strlen(r->result), &err);
	buf_release(&err);
	return !*ret;
}

bool fresh_reuse_result(struct engine *e, uint32_t unit)
{
	enum { BACK = 100 };
	const struct traits *t = &e->x->place[unit].step->t;
	struct buf key = BUF_INIT;
	json_t *result = NULL;

	if (!t->flow->n_provides && t->act->kind != ACT_CALL)
		return true;
	engine_unit_key(e, unit, &key);
	if (e->fresh->files.ledger)
		(void)ledger_step_past(e->fresh->files.ledger, key.data, BACK, take_result, &result);
	buf_release(&key);
	if (!result)
		return false;
	json_decref(e->note[unit].result);
	e->note[unit].result = result;
	return true;
}

/* --- facts --------------------------------------------------------------------------------------------------- */

static void note_hit(void *ctx, uint32_t number)
{
	(void)number;
	*(bool *)ctx = true;
}

static bool is_coming(const struct file_index *coming, const char *name)
{
	bool hit = false;

	file_index_find(coming, name, note_hit, &hit);
	return hit;
}

static void say_missing(const struct file_list *l, struct buf *err)
{
	if (l->error)
		buf_addf(err, "its input '%s' cannot be read: %s", l->missing, strerror(l->error));
	else
		buf_addf(err, "its input '%s' does not exist, and no step has made it", l->missing);
}

/* Those that a step makes first are looked at when it has. */
static void look_at_inputs(struct engine *e, struct fresh_unit *f, const struct file_index *coming)
{
	struct map there = MAP_INIT;

	if (!coming) {
		file_list_look(&e->fresh->files, &f->input, &f->in_names, &f->out_names);
		return;
	}
	for (size_t i = 0; i < f->in_names.n; i++)
		if (!is_coming(coming, f->in_names.entry[i].key))
			(void)map_put(&there, f->in_names.entry[i].key, f->in_names.entry[i].value);
	file_list_look(&e->fresh->files, &f->input, &there, &f->out_names);
	map_release(&there);
}

static void pin(struct engine *e, struct file_list *l)
{
	for (size_t i = 0; e->fresh->old.n && i < l->n; i++)
		l->at[i].file->pinned = map_has(&e->fresh->old, l->at[i].file->path);
}

static void newest(struct fresh_file *ret, const struct file_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->at[i].file->pinned && (!ret->name || l->at[i].id.mtime_ns > ret->mtime_ns))
			*ret = (struct fresh_file){l->at[i].file->path, l->at[i].id.mtime_ns};
}

static void oldest(struct fresh_file *ret, const struct file_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!ret->name || l->at[i].id.mtime_ns < ret->mtime_ns)
			*ret = (struct fresh_file){l->at[i].file->path, l->at[i].id.mtime_ns};
}

static void recall(struct engine *e, struct fresh_unit *f)
{
	struct buf key = BUF_INIT;
	const struct kept_record *k;

	engine_unit_key(e, f->unit, &key);
	f->key = buf_detach(&key);
	k = find_record(e->fresh, f->key);
	if (k)
		fresh_record_parse(&f->facts.then, k->text, k->wall_ms);
}

static void gather(struct engine *e, struct fresh_unit *f)
{
	const struct traits *t = &e->x->place[f->unit].step->t;

	f->facts.rule = t->policy->fresh;
	f->facts.rule.kind = fresh_kind_of(t);
	f->facts.always = e->o->always || resume_forces(e, f->unit);
	f->facts.what_if = fresh_what_if(e, f->unit);
	f->facts.missing = f->output.missing;
	f->facts.now_wall_ms = stamp_wall_ms();
	newest(&f->facts.newest_input, &f->input);
	oldest(&f->facts.oldest_output, &f->output);
}

struct fresh_unit *fresh_unit_new(struct engine *e, uint32_t unit, const struct file_index *coming,
				  struct buf *err)
{
	struct fresh_unit *f = xcalloc(1, sizeof(*f));

	f->unit = unit;
	if (!fresh_names(e, unit, true, &f->in_names, err) || !fresh_names(e, unit, false, &f->out_names, err) ||
	    !fresh_command(e, unit, &f->facts.now, err) || values_missing(e->values))
		goto fail;
	look_at_inputs(e, f, coming);
	if (f->input.missing) {
		say_missing(&f->input, err);
		goto fail;
	}
	file_list_look(&e->fresh->files, &f->output, &f->out_names, NULL);
	pin(e, &f->input);
	pin(e, &f->output);
	recall(e, f);
	gather(e, f);
	return f;

fail:
	fresh_unit_free(f);
	return NULL;
}

void fresh_unit_free(struct fresh_unit *f)
{
	if (!f)
		return;
	map_release(&f->in_names);
	map_release(&f->out_names);
	file_list_release(&f->input);
	file_list_release(&f->output);
	file_list_release(&f->found);
	file_cursor_release(&f->in);
	file_cursor_release(&f->out);
	free(f->key);
	free(f->cause);
	free(f->probe_end);
	free(f);
}

bool fresh_unit_compare(struct engine *e, struct fresh_unit *f, int64_t until_mono_ns)
{
	struct file_table *t = &e->fresh->files;
	int64_t since = f->facts.then.wall_ms;

	if (!file_cursor_go(&f->in, t, &f->input, since, until_mono_ns) ||
	    !file_cursor_go(&f->out, t, &f->output, since, until_mono_ns))
		return false;
	f->facts.now.inputs = f->in.hash;
	f->facts.now.outputs = f->out.error ? ~f->facts.then.mark.outputs : f->out.hash; /* whatever it is, it is not that */
	f->facts.changed_input = f->in.changed;
	f->facts.changed_output = f->out.error ? f->out.failed : f->out.changed;
	f->facts.looked = true;
	return true;
}
