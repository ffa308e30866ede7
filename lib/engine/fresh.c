/* When files are looked at: as a question of the schedule, before a start, after an end. */
#include "engine/fresh.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/stamp.h"
#include "base/vec.h"
#include "engine/engine_impl.h"

enum {
	SLICE_NS = 3 * NS_PER_MS,   /* reading keeps the loop waiting for no longer */
	RIPEN_NS = 12 * NS_PER_MS,  /* until the stamp of a file that was just written is behind the clock */
};

/* --- making and ending --------------------------------------------------------------------------------- */

/* A run's graph may grow while it is under way. */
static void keep(struct engine *e, struct fresh_unit *f)
{
	struct fresh *fr = e->fresh;
	uint32_t n = e->x->graph->n_units;

	if (f->unit >= fr->n_units) {
		fr->unit = xreallocarray(fr->unit, n, sizeof(*fr->unit));
		memset(fr->unit + fr->n_units, 0, (n - fr->n_units) * sizeof(*fr->unit));
		fr->n_units = n;
	}
	fr->unit[f->unit] = f;
}

struct fresh_unit *fresh_kept(const struct engine *e, uint32_t unit)
{
	return unit < e->fresh->n_units ? e->fresh->unit[unit] : NULL;
}

const char *fresh_what_if(const struct engine *e, uint32_t unit)
{
	return unit < e->fresh->n_what_if ? e->fresh->what_if[unit] : NULL;
}

static bool reads(struct engine *e, uint32_t unit, bool inputs, const char *path)
{
	struct map names = MAP_INIT;
	struct buf ignored = BUF_INIT;
	bool hit = false;

	if (e->x->graph->unit[unit].kind == UNIT_STEP && fresh_names(e, unit, inputs, &names, &ignored))
		for (size_t i = 0; !hit && i < names.n; i++)
			hit = file_means(names.entry[i].key, path);
	map_release(&names);
	buf_release(&ignored);
	return hit;
}

/* Steps that name stands for, else those that read (or, -o, make) the file; how many. */
static size_t mark_steps_or_files(struct engine *e, const char *name, bool inputs, bool *mark)
{
	struct buf path = BUF_INIT;
	uint32_t *unit;
	size_t n = expansion_match(e->x, name, &unit);

	for (size_t i = 0; i < n; i++)
		mark[unit[i]] = true;
	free(unit);
	path_clean(&path, e->root, name);
	for (uint32_t u = 0; !n && u < e->x->graph->n_units; u++)
		mark[u] = reads(e, u, inputs, path.data);
	for (uint32_t u = 0; !n && u < e->x->graph->n_units; u++)
		n = mark[u];
	buf_release(&path);
	return n;
}

/* -W: it and all that comes behind it. */
static bool apply_what_if(struct engine *e, const char *name, struct diags *d)
{
	const struct graph *g = e->x->graph;
	bool *mark = xcalloc(g->n_units, sizeof(*mark));

	if (!mark_steps_or_files(e, name, true, mark)) {
		diag_error(d, MARK_NONE, "-W: no step of this run is called '%s', and none reads a file of that name",
			   name);
		free(mark);
		return false;
	}
	engine_mark_reachable(g, mark, true);
	if (!e->fresh->what_if) {
		e->fresh->what_if = xcalloc(g->n_units, sizeof(*e->fresh->what_if));
		e->fresh->n_what_if = g->n_units;
	}
	for (uint32_t u = 0; u < g->n_units; u++)
		if (mark[u] && !e->fresh->what_if[u])
			e->fresh->what_if[u] = name;
	free(mark);
	return true;
}

/* -o: a step is as good as done; a file is what it was when it was last seen, and is not made. */
static bool apply_old(struct engine *e, const char *name, struct diags *d)
{
	const struct graph *g = e->x->graph;
	bool *mark = xcalloc(g->n_units, sizeof(*mark)), *reader = xcalloc(g->n_units, sizeof(*mark));
	size_t n = mark_steps_or_files(e, name, false, mark) + mark_steps_or_files(e, name, true, reader);
	struct buf path = BUF_INIT;

	path_clean(&path, e->root, name);
	for (uint32_t u = 0; u < g->n_units; u++)
		if (mark[u])
			schedule_preset(e->s, u, STATE_CACHED, REASON_ASSUMED_OLD);
	map_put(&e->fresh->old, path.data, NULL);
	if (!n)
		diag_error(d, MARK_NONE, "-o: no step of this run is called '%s', and none makes or reads a file of "
			   "that name", name);
	buf_release(&path);
	free(mark);
	free(reader);
	return n > 0;
}

/* -t: what has no rule is done by saying so. */
static void touch_ruleless(struct engine *e)
{
	const struct graph *g = e->x->graph;

	for (uint32_t u = 0; u < g->n_units; u++)
		if (g->unit[u].kind == UNIT_STEP && fresh_kind_of(&e->x->place[u].step->t) == FRESH_ALWAYS)
			schedule_preset(e->s, u, STATE_CACHED, REASON_TOUCHED);
}

bool fresh_new(struct engine *e, struct diags *d)
{
	bool good = true;

	e->fresh = xcalloc(1, sizeof(*e->fresh));
	file_table_init(&e->fresh->files, e->root);
	e->fresh->files.sights = draft_files(e);
	for (size_t i = 0; i < e->o->what_if.n; i++)
		good &= apply_what_if(e, e->o->what_if.at[i], d);
	for (size_t i = 0; i < e->o->old.n; i++)
		good &= apply_old(e, e->o->old.at[i], d);
	if (e->o->touch)
		touch_ruleless(e);
	return good;
}

void fresh_free(struct engine *e)
{
	struct fresh *fr = e->fresh;

	if (!fr)
		return;
	for (uint32_t u = 0; u < fr->n_units; u++)
		fresh_unit_free(fr->unit[u]);
	for (uint32_t u = 0; fr->outlook && u < e->x->graph->n_units; u++)
		free(fr->outlook[u].cause);
	free(fr->outlook);
	free(fr->unit);
	free(fr->what_if);
	free(fr->asked);
	free(fr->to_probe);
	free(fr->probe);
	free(fr->recording);
	map_release(&fr->record);
	map_release(&fr->old);
	file_table_release(&fr->files);
	free(fr);
	e->fresh = NULL;
}

static void forget(struct engine *e, struct fresh_unit *f)
{
	e->fresh->unit[f->unit] = NULL;
	fresh_unit_free(f);
}

/* --- answering -------------------------------------------------------------------------------------------- */

static void note_cause(struct engine *e, uint32_t unit, const char *text)
{
	free(e->note[unit].error);
	e->note[unit].error = text ? xstrdup(text) : NULL;
}

static void fail(struct engine *e, uint32_t unit, enum reason why, const char *text)
{
	note_cause(e, unit, text);
	schedule_answer(e->s, unit, ANSWER_FAIL, why);
}

static void refuse(struct engine *e, uint32_t unit, const char *text)
{
	fail(e, unit, REASON_INPUT_MISSING, text);
}

static void settle_cached(struct engine *e, struct fresh_unit *f, enum reason why)
{
	uint32_t unit = f->unit;

	note_cause(e, unit, NULL);
	schedule_answer(e->s, unit, ANSWER_CACHED, why);
	if (f->phase != FRESH_RECORDS)
		forget(e, f);
}

static void let_run(struct engine *e, struct fresh_unit *f)
{
	/* From now on there is no success to go by until the next one. */
	if (e->ledger && f->facts.rule.kind != FRESH_ALWAYS)
		ledger_fingerprint(e->ledger, f->key, fresh_begun, stamp_wall_ms());
	f->phase = FRESH_RUNS;
	note_cause(e, f->unit, f->cause);
	schedule_answer(e->s, f->unit, ANSWER_RUN, f->why);
}

static void queue_recording(struct engine *e, struct fresh_unit *f)
{
	struct fresh *fr = e->fresh;

	f->phase = FRESH_RECORDS;
	f->ended_mono_ns = stamp_mono_ns();
	file_cursor_release(&f->in);
	file_cursor_release(&f->out);
	f->in = f->out = (struct file_cursor){0};
	VEC_PUSH(fr->recording, fr->n_recording, fr->room_recording, f->unit);
}

/* make's -t gives files a new time, which is what it goes by. */
static void touch_files(struct engine *e, struct fresh_unit *f)
{
	for (size_t i = 0; i < f->output.n; i++)
		(void)utimensat(e->fresh->files.root_fd, f->output.at[i].file->path, NULL, 0);
	file_list_release(&f->output);
	file_list_look(&e->fresh->files, &f->output, &f->out_names, NULL);
}

static void touch(struct engine *e, struct fresh_unit *f)
{
	struct buf text = BUF_INIT;

	if (f->output.missing || !fresh_reuse_result(e, f->unit)) {
		if (f->output.missing)
			buf_addf(&text, "it cannot be recorded as done: its output '%s' does not exist",
				 f->output.missing);
		else
			buf_puts(&text, "it cannot be recorded as done: what it provides is not in the ledger");
		refuse(e, f->unit, text.data);
		forget(e, f);
	} else {
		if (f->facts.rule.kind == FRESH_MTIME)
			touch_files(e, f);
		queue_recording(e, f);
		settle_cached(e, f, REASON_TOUCHED);
	}
	buf_release(&text);
}

static void set_reason(struct fresh_unit *f, const struct fresh_verdict *v)
{
	struct buf text = BUF_INIT;

	f->why = v->why;
	if (v->why == REASON_TTL_OVER)
		duration_format(&text, f->facts.rule.ttl_ms);
	else if (v->cause)
		buf_puts(&text, v->cause);
	free(f->cause);
	f->cause = text.len ? buf_detach(&text) : NULL;
}

/* An input that has changed within the clock's last tick may change again and look the same: so it is read now. */
static bool is_secured(const struct fresh_unit *f)
{
	return f->facts.rule.kind == FRESH_HASH;
}

/* True when there is no more to read before the start. */
static bool secure(struct engine *e, struct fresh_unit *f, int64_t until)
{
	if (!is_secured(f))
		return true;
	if (!file_cursor_go(&f->in, &e->fresh->files, &f->input, 0, until))
		return false;
	f->before = f->in.hash;
	return true;
}

static bool refuse_unreadable(struct engine *e, struct fresh_unit *f)
{
	struct buf text = BUF_INIT;

	if (!f->in.error)
		return false;
	buf_addf(&text, "its input '%s' cannot be read: %s", f->in.failed, strerror(f->in.error));
	refuse(e, f->unit, text.data);
	forget(e, f);
	buf_release(&text);
	return true;
}

static void begin_securing(struct fresh_unit *f)
{
	file_cursor_release(&f->in);
	f->in = (struct file_cursor){.only_unsettled = true};
	f->phase = FRESH_SECURES;
}

/* -t records without running anything; else the probe is on its way, and goes on with f when it has ended. */
static void ask_probe(struct engine *e, struct fresh_unit *f)
{
	if (e->o->touch) {
		touch(e, f);
		return;
	}
	f->phase = FRESH_PROBES;
	fresh_probe(e, f);
}

/* True when unit has its answer, or waits for another process to give it. */
static bool go(struct engine *e, struct fresh_unit *f, int64_t until)
{
	struct fresh_verdict v = fresh_judge(&f->facts);

	if (f->phase == FRESH_COMPARES) {
		if (v.answer == FRESH_SAYS_LOOK && f->facts.rule.kind == FRESH_PROBE) {
			ask_probe(e, f);
			return true;
		}
		if (v.answer == FRESH_SAYS_LOOK) {
			if (!fresh_unit_compare(e, f, until))
				return false;
			if (refuse_unreadable(e, f))
				return true;
			v = fresh_judge(&f->facts);
		}
		if (v.answer == FRESH_SAYS_DONE && !fresh_reuse_result(e, f->unit))
			v = (struct fresh_verdict){FRESH_SAYS_RUN, REASON_VALUES_GONE, NULL};
		if (v.answer == FRESH_SAYS_DONE) {
			settle_cached(e, f, v.why);
			return true;
		}
		if (e->o->touch) {
			touch(e, f);
			return true;
		}
		set_reason(f, &v);
		begin_securing(f);
	}
	if (!secure(e, f, until))
		return false;
	if (!refuse_unreadable(e, f))
		let_run(e, f);
	return true;
}

static void queue_question(struct engine *e, uint32_t unit)
{
	struct fresh *fr = e->fresh;

	VEC_PUSH(fr->asked, fr->n_asked, fr->room_asked, unit);
}

static void go_or_queue(struct engine *e, struct fresh_unit *f)
{
	if (!go(e, f, stamp_mono_ns() + SLICE_NS))
		queue_question(e, f->unit);
}

void fresh_ask(struct engine *e, const struct action *question)
{
	struct buf err = BUF_INIT;
	struct fresh_unit *f;
	uint32_t unit = question->unit;

	values_begin(e->values);
	f = fresh_unit_new(e, unit, NULL, &err);
	if (!f) {
		if (values_found(e->values, &err) == VALUES_AWAITED)
			values_hold_question(e->values, question);
		else
			refuse(e, unit, err.data);
		buf_release(&err);
		return;
	}
	keep(e, f);
	f->question = *question;
	if (e->fresh->at_asked < e->fresh->n_asked)
		queue_question(e, unit);
	else
		go_or_queue(e, f);
	buf_release(&err);
}

void fresh_probed(struct engine *e, struct fresh_unit *f, enum probed how, const char *text)
{
	struct action question = f->question;

	f->phase = FRESH_COMPARES;
	if (how == PROBED) {
		go_or_queue(e, f);
		return;
	}
	if (how == PROBE_REFUSED)
		fail(e, f->unit, REASON_PROBE_FAILED, text);
	forget(e, f);
	if (how == PROBE_AGAIN)
		values_hold_question(e->values, &question);
}

/* --- recording ------------------------------------------------------------------------------------------------ */

static void write_record(struct engine *e, const struct fresh_unit *f)
{
	struct buf text = BUF_INIT;

	if (!e->ledger)
		return;
	if (f->moved)
		fresh_moved_format(&text, f->moved);
	else
		fresh_mark_format(&text, &f->facts.now);
	rows_need(e, f->unit);
	ledger_step_fingerprint(e->ledger, e->run_no, f->unit, text.data, stamp_wall_ms());
	buf_release(&text);
}

/* Those that were read before the start are read again: is it the same? */
static bool recheck_unsettled(struct engine *e, struct fresh_unit *f, int64_t until)
{
	if (f->rechecked || !is_secured(f))
		return true;
	if (!f->in.only_unsettled) {
		f->in = (struct file_cursor){.only_unsettled = true};
		for (size_t i = 0; i < f->input.n; i++)
			f->input.at[i].hashed &= f->input.at[i].settled;
	}
	if (!file_cursor_go(&f->in, &e->fresh->files, &f->input, 0, until))
		return false;
	f->rechecked = true;
	for (size_t i = 0; f->why != REASON_NONE && f->in.hash != f->before && !f->moved && i < f->input.n; i++)
		if (!f->input.at[i].settled)
			f->moved = f->input.at[i].file->path;
	f->in = (struct file_cursor){0};
	return true;
}

static bool hash_all(struct engine *e, struct fresh_unit *f, int64_t until)
{
	struct file_table *t = &e->fresh->files;

	if (f->facts.rule.kind != FRESH_HASH)
		return true;
	return file_cursor_go(&f->in, t, &f->input, 0, until) && file_cursor_go(&f->out, t, &f->output, 0, until);
}

/* True when it has been recorded. */
static bool record_go(struct engine *e, struct fresh_unit *f, int64_t until)
{
	struct file_table *t = &e->fresh->files;
	bool hashes = f->facts.rule.kind == FRESH_HASH;

	if (!recheck_unsettled(e, f, until))
		return false;
	fresh_take_found(e, f);
	if (!hash_all(e, f, until))
		return false;
	if (!f->moved)
		f->moved = file_list_moved(t, &f->input);
	if (f->in.error || f->out.error) {
		forget(e, f); /* what cannot be read is no record: it runs again */
		return true;
	}
	f->facts.now.inputs = hashes ? f->in.hash : 0;
	/* What somebody else has written over since is not what it left. */
	f->facts.now.outputs = hashes && !file_list_moved(t, &f->output) ? f->out.hash : 0;
	write_record(e, f);
	forget(e, f);
	return true;
}

bool fresh_idle(const struct engine *e)
{
	const struct fresh *fr = e->fresh;

	return fr->at_asked == fr->n_asked && (fr->at_recording == fr->n_recording || e->signals > 1 || e->broken);
}

static bool answer_some(struct engine *e, int64_t until)
{
	struct fresh *fr = e->fresh;

	for (; fr->at_asked < fr->n_asked; fr->at_asked++) {
		struct fresh_unit *f = fr->unit[fr->asked[fr->at_asked]];

		if (!go(e, f, until))
			return true;
		if (stamp_mono_ns() >= until) {
			fr->at_asked++;
			return true;
		}
	}
	fr->at_asked = fr->n_asked = 0;
	return false;
}

static bool record_some(struct engine *e, int64_t until)
{
	struct fresh *fr = e->fresh;

	for (; fr->at_recording < fr->n_recording; fr->at_recording++) {
		struct fresh_unit *f = fr->unit[fr->recording[fr->at_recording]];
		int64_t now = stamp_mono_ns();

		if (now >= until)
			return true;
		if (now < f->ended_mono_ns + RIPEN_NS && !schedule_done(e->s))
			return false; /* those behind it are younger still */
		if (!record_go(e, f, until))
			return true;
	}
	fr->at_recording = fr->n_recording = 0;
	return false;
}

bool fresh_turn(struct engine *e)
{
	int64_t until = stamp_mono_ns() + SLICE_NS;
	bool records = e->fresh->n_recording > 0;

	if (answer_some(e, until) || record_some(e, until))
		return true;
	if (records && !e->fresh->n_recording)
		record_flush(e);
	return false;
}

int64_t fresh_due_ms(const struct engine *e)
{
	const struct fresh *fr = e->fresh;
	int64_t due;

	if (fr->at_recording == fr->n_recording)
		return -1;
	due = fr->unit[fr->recording[fr->at_recording]]->ended_mono_ns + RIPEN_NS - stamp_mono_ns();
	return due > 0 ? due / NS_PER_MS + 1 : 0;
}

/* --- starts and ends -------------------------------------------------------------------------------------------- */

static bool all_constant(const struct value_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!value_const(l->value[i]))
			return false;
	return true;
}

/* Who repairs the run of a driver that died has the Jobfile, and cannot work out params. */
static void list_outputs(const struct engine *e, const struct map *names, uint32_t serial)
{
	char *path = xasprintf("%s/makes-%" PRIu32, e->paths.work, serial);
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < names->n; i++)
		buf_add(&text, names->entry[i].key, strlen(names->entry[i].key) + 1);
	(void)file_write_atomic(path, text.data, text.len, 0600);
	buf_release(&text);
	free(path);
}

/* The step itself says why, if its folder could not be made. */
static void make_folder(const struct engine *e, const char *name)
{
	char *dir = path_dir(name), *path = path_join(e->root, dir);

	if (!is_file_glob(dir))
		(void)dirs_make(path, 0777);
	free(dir);
	free(path);
}

void fresh_started(struct engine *e, uint32_t unit, uint32_t serial)
{
	const struct step *st = e->x->place[unit].step;
	struct map names = MAP_INIT;
	struct buf ignored = BUF_INIT;

	if (makes_files(&st->t) && fresh_names(e, unit, false, &names, &ignored)) {
		for (size_t i = 0; i < names.n; i++)
			make_folder(e, names.entry[i].key);
		if (!all_constant(&st->t.flow->output) || (st->t.flow->depfile && !value_const(st->t.flow->depfile)))
			list_outputs(e, &names, serial);
	}
	map_release(&names);
	buf_release(&ignored);
}

static void fail_without(struct verdict *v, const struct file_list *l)
{
	v->state = STATE_FAILED;
	v->reason = REASON_EXIT;
	buf_reset(&v->error);
	buf_addf(&v->error, "it ended well and did not make its output '%s'", l->missing);
	if (l->error)
		buf_addf(&v->error, ": %s", strerror(l->error));
}

static void check_made(struct engine *e, const struct map *names, struct file_list *ret, struct verdict *v)
{
	file_list_look(&e->fresh->files, ret, names, NULL);
	if (ret->missing)
		fail_without(v, ret);
}

static void end_success(struct engine *e, struct fresh_unit *f, const struct attempt *a, const struct map *names, struct verdict *v)
{
	struct file_list made = {0};

	check_made(e, names, &made, v);
	if (f && v->state == STATE_SUCCEEDED && e->x->place[f->unit].step->t.flow->depfile)
		fresh_look_found(e, f, a, v);
	if (f && v->state == STATE_SUCCEEDED && f->facts.rule.kind != FRESH_ALWAYS) {
		file_list_release(&f->output);
		f->output = made;
		queue_recording(e, f);
	} else {
		file_list_release(&made);
	}
}

void fresh_ended(struct engine *e, const struct attempt *a, struct verdict *v)
{
	struct fresh_unit *f = fresh_kept(e, a->unit);
	struct map names = MAP_INIT;
	struct buf ignored = BUF_INIT;

	if ((f || makes_files(&e->x->place[a->unit].step->t)) && fresh_names(e, a->unit, false, &names, &ignored)) {
		if (v->state == STATE_SUCCEEDED)
			end_success(e, f, a, &names, v);
		if ((state_is_failure(v->state) || v->state == STATE_CANCELED) && a->start_wall_ms)
			discard_outputs(e->root, &names, a->start_wall_ms);
	}
	map_release(&names);
	buf_release(&ignored);
}

enum reason fresh_why(const struct engine *e, uint32_t unit, const char **ret_cause)
{
	const struct fresh_unit *f = fresh_kept(e, unit);

	*ret_cause = f ? f->cause : NULL;
	return f ? f->why : REASON_NONE;
}
