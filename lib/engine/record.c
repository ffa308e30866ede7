/* The ledger first, then tell: everything that happens passes through here. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/stamp.h"
#include "base/vec.h"
#include "doc/json.h"
#include "engine/definition.h"
#include "engine/debug.h"
#include "engine/driver.h"
#include "engine/engine_impl.h"
#include "engine/fresh.h"
#include "engine/recover.h"
#include "engine/resume.h"
#include "engine/review.h"

enum {
	COMMIT_MS = 20,	    /* an outcome waits for no longer */
	COMMIT_ROWS = 1000, /* nor in larger company */
	AHEAD = 256,	    /* intents committed in one transaction */
	LONG_RESULT = 1024 * 1024, /* goes at once, so that no other waits beside it */
};

/* An event that waits for the ledger to know it. */
struct told {
	struct run_event e;
	uint32_t n; /* so many that differ in their unit and number only, from this on */
	char *cause, *error, *log, *command, *name; /* name: of what is no unit */
};

/* --- opening ------------------------------------------------------------------------------------------- */

struct ledger *record_ledger(const char *path, const char *state_dir, bool synced, const struct run_options *ro,
			     struct buf *err)
{
	struct ledger_error why = LEDGER_ERROR_INIT;
	const struct ledger_options o = {.mode = LEDGER_WRITE, .durability = synced ? LEDGER_SYNCED : LEDGER_NORMAL};
	struct ledger *l = ledger_open(path, &o, &why);

	if (!l)
		buf_puts(err, why.text.data);
	ledger_error_release(&why);
	if (!l || recover_runs(l, ro->say, ro->say_ctx, err)) {
		if (l)
			recover_litter(l, state_dir);
		return l;
	}
	ledger_close(l);
	return NULL;
}

bool record_open(struct engine *e)
{
	if (!e->o->no_ledger)
		e->ledger = record_ledger(e->paths.ledger, e->paths.state_dir, e->jf->ledger.synced, e->o, e->err);
	return e->ledger || e->o->no_ledger;
}

bool record_commit(struct engine *e)
{
	if (e->ledger)
		rows_close(e);
	if (!e->ledger || ledger_commit(e->ledger))
		return true;
	engine_break(e, EXIT_LEDGER, "the ledger cannot be written: %s", ledger_error(e->ledger)->text.data);
	return false;
}

/* --- the run -------------------------------------------------------------------------------------------- */

static void text_of_json(const json_t *v, struct buf *out)
{
	buf_reset(out);
	json_text(out, v, JSON_TIGHT);
}

struct identity {
	struct digest origin;
	struct buf params, payload, ctx, options;
	struct driver driver;
};

static void put_names(json_t *map, const char *key, const struct text_span *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(list, json_string(l->at[i]));
	if (l->n)
		json_object_set(map, key, list);
	json_decref(list);
}

/* Whole paths, but for what was read from standard input. */
static void put_files(json_t *map, const struct text_span *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++) {
		char *path = realpath(l->at[i], NULL);

		json_array_append_new(list, json_string(path ? path : l->at[i]));
		free(path);
	}
	if (l->n)
		json_object_set(map, "files", list);
	json_decref(list);
}

/* What stored_run_options() reads again. */
static json_t *options_json(const struct engine *e)
{
	const struct run_options *o = e->o;
	json_t *map = json_pack("{s:i, s:b, s:b, s:b, s:i, s:I, s:b}", "slots", (int)e->slots, "slots_above", e->above, "keep_going", o->keep_going,
				"ignore_failures", o->ignore_failures, "fail_limit", (int)o->fail_limit, "now_ms",
				(json_int_t)e->now_wall_ms, "finish", e->finish);

	put_names(map, "only", &o->only);
	put_names(map, "from", &o->from);
	put_names(map, "until", &o->until);
	put_names(map, "skip", &o->skip);
	put_files(map, &o->files);
	return map;
}

static void identify(struct engine *e, struct identity *id)
{
	json_t *options = options_json(e);
	json_t *params = engine_given_params(e);

	*id = (struct identity){.params = BUF_INIT, .payload = BUF_INIT, .ctx = BUF_INIT, .options = BUF_INIT};
	definition_origin(e, &id->origin);
	text_of_json(params, &id->params);
	text_of_json(e->payload, &id->payload);
	text_of_json(e->ctx, &id->ctx);
	text_of_json(options, &id->options);
	json_decref(params);
	json_decref(options);
}

static void identity_release(struct identity *id)
{
	buf_release(&id->params);
	buf_release(&id->payload);
	buf_release(&id->ctx);
	buf_release(&id->options);
}

static bool keep_id(void *ctx, const struct ledger_run_row *r)
{
	buf_puts(ctx, r->id);
	return true;
}

static void say_late(struct engine *e)
{
	struct buf other = BUF_INIT;
	int64_t no = 0;

	if (ledger_run_resumer(e->ledger, e->o->resumes, &no) && no)
		(void)ledger_run_get(e->ledger, no, keep_id, &other);
	buf_addf(e->err, "run %s is gone on with already, by run %s: this one has not begun", e->o->resumes, other.data);
	buf_release(&other);
}

/* A definition that the ledger has is not made again, which for a large graph is an eighth of a run without work. */
static int64_t begin_run(struct engine *e, struct ledger_run *r)
{
	struct buf text = BUF_INIT;
	struct digest sha;
	int64_t no = -1;

	if (ledger_definition_of(e->ledger, r->origin, &sha)) {
		r->definition_sha = sha.hex;
		no = ledger_run_begin(e->ledger, r);
		if (no >= 0 || ledger_error(e->ledger)->fault != LEDGER_BROKEN) /* which is: removed meanwhile */
			return no;
	}
	definition_text(e, &text);
	r->definition = text.data;
	no = ledger_run_begin(e->ledger, r);
	buf_release(&text);
	return no;
}

static bool insert_run(struct engine *e)
{
	struct identity id;
	struct ledger_run r;

	identify(e, &id);
	r = (struct ledger_run){
		.id = e->id.text, .target = e->target_text, .origin = id.origin.hex,
		.format = e->jf->n_files ? e->jf->file[0]->format : "native",
		.source = e->jf->n_files ? source_name(e->jf->file[0]->source) : NULL,
		.command = e->o->command, .root = e->root, .journal = e->paths.journal,
		.nonce = e->nonce, .log_dir = e->paths.logs, .version = e->o->version, .params = id.params.data, .payload = id.payload.data,
		.ctx = id.ctx.data, .options = id.options.data, .resumes = e->o->resumes, .slots = e->slots,
		.plan = e->o->hold ? e->o->hold->hash.hex : NULL, .on_newest = e->o->hold != NULL,
		.newest = e->o->hold ? e->o->hold->newest : 0,
		.wall_ms = e->start_wall_ms, .mono_ns = e->start_mono_ns,
	};
	driver_put(&id.driver, &r);
	e->run_no = begin_run(e, &r);
	identity_release(&id);
	e->late = e->run_no < 0 && ledger_error(e->ledger)->fault == LEDGER_MOVED;
	if (e->late && e->o->hold)
		e->o->hold->late = true;
	else if (e->late)
		say_late(e);
	else if (e->run_no < 0)
		buf_addf(e->err, "the ledger cannot be written: %s", ledger_error(e->ledger)->text.data);
	return e->run_no >= 0;
}

static const char *bundle_word(enum bundle_kind k)
{
	switch (k) {
	case BUNDLE_ROOT:
		return "root";
	case BUNDLE_SUPPORT:
		return "support";
	case BUNDLE_JOB:
		return "job";
	case BUNDLE_COMPOSITE:
		return "composite";
	case BUNDLE_FAMILY:
		return "family";
	case BUNDLE_STEPS:
		return "steps";
	case BUNDLE_CALL:
		return "call";
	case BUNDLE_LOOP:
		return "loop";
	}
	BUG("unknown kind of group %d", (int)k);
}

static uint32_t parent_of(const struct graph *g, uint32_t group)
{
	uint32_t end = g->group[group].end;

	return g->want_at[end] < g->want_at[end + 1] ? g->want[g->want_at[end]] : GROUP_NONE;
}

static void insert_job(struct engine *e, uint32_t group, struct buf *name, struct buf *params)
{
	const struct bundle *b = &e->x->bundle[group];
	const json_t *given = b->scope != SCOPE_NONE ? e->params[b->scope] : NULL;

	buf_reset(name);
	expansion_group_name(e->x, group, name);
	text_of_json(given ? given : json_null(), params);
	ledger_job(e->ledger, e->run_no, &(struct ledger_job){
		.group = group, .parent = parent_of(e->x->graph, group), .name = name->data,
		.job = b->job ? b->job->name : b->step ? b->step->job->name : NULL,
		.kind = bundle_word(b->kind), .params = given ? params->data : NULL});
}

static void rename_step(struct engine *e, uint32_t unit)
{
	struct buf key = BUF_INIT;

	if (!rows_has(e, unit))
		return;
	engine_unit_key(e, unit, &key);
	ledger_step_key(e->ledger, e->run_no, unit, key.data);
	buf_release(&key);
}

/* A step's unit, or the units of its instances. */
static void rename_units(struct engine *e, uint32_t unit)
{
	const struct graph *g = e->x->graph;
	uint32_t group = g->unit[unit].group;

	if (g->unit[unit].kind == UNIT_STEP)
		rename_step(e, unit);
	else if (e->x->bundle[group].kind == BUNDLE_STEPS)
		for (uint32_t i = g->member_at[group]; i < g->member_at[group + 1]; i++)
			if (g->unit[g->member[i]].kind == UNIT_STEP)
				rename_step(e, g->member[i]);
}

void record_call(struct engine *e, uint32_t scope)
{
	const struct scope *s = &e->x->scope[scope];
	struct buf params = BUF_INIT;

	if (!e->ledger || !json_object_size(e->params[scope]))
		return;
	if (s->group == GROUP_NONE) {
		rename_units(e, s->unit);
		return;
	}
	text_of_json(e->params[scope], &params);
	ledger_job_params(e->ledger, e->run_no, s->group, params.data);
	buf_release(&params);
	for (size_t i = 0; i < s->job->n_steps; i++)
		rename_units(e, e->x->step_unit[scope][i]);
}

/* From this on. */
static void insert_jobs(struct engine *e, uint32_t group)
{
	struct buf name = BUF_INIT, params = BUF_INIT;

	for (uint32_t i = group; i < e->x->graph->n_groups; i++)
		insert_job(e, i, &name, &params);
	buf_release(&name);
	buf_release(&params);
}

bool record_run_begin(struct engine *e)
{
	if (e->ledger) {
		if (!insert_run(e))
			return false;
		insert_jobs(e, 0);
		rows_expect(e, 0);
	}
	record_event(e, EVENT_RUN_CREATED, UNIT_NONE, NULL);
	if (e->ledger)
		ledger_run_started(e->ledger, e->run_no);
	record_event(e, EVENT_RUN_STARTED, UNIT_NONE, NULL);
	if (e->o->resumes)
		record_event(e, EVENT_RUN_RESUMED, UNIT_NONE, NULL);
	return true; /* the run itself is committed; the rest goes with the first intents */
}

bool record_growth(struct engine *e, uint32_t unit, uint32_t group)
{
	if (!e->ledger)
		return true;
	insert_jobs(e, group);
	rows_expect(e, unit);
	return rows_put(e);
}

static struct ledger_counts ledger_counts_of(const struct engine *e)
{
	struct schedule_counts c;
	struct ledger_counts n = {0};

	schedule_counts(e->s, &c);
	for (int s = 0; s < STATE_COUNT; s++) {
		n.total += c.by_state[s];
		n.settled += state_is_final((enum state)s) ? c.by_state[s] : 0;
		n.failed += state_is_failure((enum state)s) ? c.by_state[s] : 0;
	}
	n.running = c.by_state[STATE_RUNNING];
	n.succeeded = c.by_state[STATE_SUCCEEDED] + c.by_state[STATE_CACHED];
	n.skipped = n.settled - n.failed - n.succeeded; /* canceled ones as well: they came to nothing */
	return n;
}

bool record_run_end(struct engine *e, enum state state, bool degraded, int exit_code)
{
	enum event_kind kind = state == STATE_WAITING ? EVENT_RUN_WAITING
			       : state == STATE_CANCELED || state == STATE_TIMED_OUT ? EVENT_RUN_CANCELED
										    : EVENT_RUN_COMPLETED;

	e->run_state = state;
	(void)rows_put(e);
	if (e->quarantined && state == STATE_FAILED)
		record_event(e, EVENT_RUN_QUARANTINED, UNIT_NONE, NULL);
	record_event(e, kind, UNIT_NONE, NULL);
	e->run_ended = true;
	if (e->ledger) {
		struct buf result = BUF_INIT;

		if (e->result)
			engine_result_text(e, &result, JSON_TIGHT);
		ledger_run_ended(e->ledger, e->run_no, &(struct ledger_run_end){
			.state = state, .degraded = degraded, .quarantined = e->quarantined && state == STATE_FAILED,
			.exit_code = exit_code,
			.error = e->err->len ? e->err->data : NULL, .result = result.len ? buf_detach(&result) : NULL,
			.wall_ms = stamp_wall_ms(),
			.duration_ms = (stamp_mono_ns() - e->start_mono_ns) / NS_PER_MS,
			.n = ledger_counts_of(e)});
	}
	return record_flush(e);
}

/* --- attempts -------------------------------------------------------------------------------------------------- */

/* Whoever goes on with this run compares it with what the step would be then.  Empty: it cannot be said yet. */
static void make_mark(struct engine *e, uint32_t unit, struct buf *text)
{
	struct buf ignored = BUF_INIT;
	struct fresh_mark m;

	values_begin(e->values);
	e->note[unit].marked = fresh_command(e, unit, &m, &ignored) && !values_missing(e->values);
	if (e->note[unit].marked)
		resume_mark_format(text, &m);
	buf_release(&ignored);
}

void record_mark(struct engine *e, uint32_t unit)
{
	const struct note *n = &e->note[unit];
	struct buf mark = BUF_INIT;

	if (!e->ledger || n->marked)
		return;
	make_mark(e, unit, &mark);
	if (n->marked && n->serial)
		ledger_attempt_mark(e->ledger, e->run_no, n->serial, mark.data);
	else if (n->marked)
		ledger_step_mark(e->ledger, e->run_no, unit, mark.data);
	buf_release(&mark);
	(void)record_flush(e);
}

static void intend(struct engine *e, uint32_t unit, uint32_t number)
{
	struct note *n = &e->note[unit];
	struct buf mark = BUF_INIT;

	sights_spoil(draft_files(e), "something ran");
	n->serial = attempt_new(&e->attempts, unit, number);
	n->has_intent = true;
	make_mark(e, unit, &mark);
	if (e->ledger)
		ledger_attempt_intent(e->ledger, e->run_no, n->serial, unit, number, mark.len ? mark.data : NULL);
	buf_release(&mark);
	if (number == 1) {
		const char *cause;
		const struct action why = {.kind = ACTION_START, .unit = unit, .state = schedule_state(e->s, unit),
					   .reason = engine_why(e, unit, &cause)};

		record_event(e, EVENT_STEP_READY, unit, &why);
	}
}

/* For unit, which starts now, and for those that will be next. */
bool record_intents(struct engine *e, uint32_t unit)
{
	uint32_t ahead[AHEAD];
	size_t n = schedule_peek(e->s, ahead, AHEAD);

	intend(e, unit, schedule_attempt(e->s, unit));
	for (size_t i = 0; i < n; i++)
		if (!e->note[ahead[i]].has_intent)
			intend(e, ahead[i], schedule_attempt(e->s, ahead[i]) + 1);
	return record_flush(e);
}

static const char *policy_word(enum on_failure p)
{
	static const char *const word[] = {
		[ON_FAILURE_ABORT] = "abort", [ON_FAILURE_SKIP_DEPENDENTS] = "skip_dependents",
		[ON_FAILURE_CONTINUE] = "continue", [ON_FAILURE_FALLBACK] = "fallback",
	};

	return word[p];
}

/* As the step says them; or as a plan did, where they are names that carry no value. */
static json_t *names_of(const struct step *st, bool provides)
{
	size_t n = provides ? st->t.flow->n_provides : st->t.flow->n_consumes;
	json_t *metadata = traits_metadata(&st->t);
	json_t *list = json_incref(json_object_get(metadata, provides ? "provides" : "consumes"));

	json_decref(metadata);
	if (json_is_array(list))
		return list;
	json_decref(list);
	list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(provides ? st->t.flow->provide[i].name : st->t.flow->consume[i].name));
	return list;
}

static char *names_json(const struct step *st, bool provides)
{
	json_t *list = names_of(st, provides);
	struct buf text = BUF_INIT;

	if (json_array_size(list))
		json_text(&text, list, JSON_TIGHT);
	json_decref(list);
	return text.len ? buf_detach(&text) : NULL;
}

static void tell_command(struct engine *e, struct told *t, const struct composed *c)
{
	struct buf text = BUF_INIT;

	if (!e->o->echo_from)
		return;
	engine_echo(e, c, &text);
	t->e.command = t->command = buf_detach(&text);
}

bool record_started(struct engine *e, struct attempt *a, uint32_t serial, const struct composed *c)
{
	const struct step *st = e->x->place[a->unit].step;
	char *provides, *consumes;

	if (e->ledger) {
		provides = names_json(st, true);
		consumes = names_json(st, false);
		ledger_attempt_started(e->ledger, e->run_no, serial, &(struct ledger_attempt_start){
			.wall_ms = a->start_wall_ms, .mono_ns = a->start_mono_ns, .command = c->command,
			.log = a->log, .out = a->out, .timeout_ms = a->timeout_ms, .grace_ms = a->grace_ms,
			.policy = policy_word(st->t.policy->on_failure), .provides = provides, .consumes = consumes,
			.idempotency_key = env_get(&c->env, "ORCHMAKE_IDEMPOTENCY_KEY")});
		free(provides);
		free(consumes);
	}
	record_event(e, EVENT_STEP_STARTED, a->unit, NULL);
	tell_command(e, &e->told[e->n_told - 1], c);
	return true;
}

bool record_ended(struct engine *e, uint32_t serial, const struct attempt_ended *end, const struct verdict *v,
		  int64_t log_bytes)
{
	int64_t us = end->start_mono_ns ? (end->end_mono_ns - end->start_mono_ns) / 1000 : -1;

	if (!e->ledger)
		return true;
	ledger_attempt_ended(e->ledger, e->run_no, serial, &(struct ledger_attempt_end){
		.state = v->state, .reason = v->reason, .error = v->error.len ? v->error.data : NULL,
		.exit_code = v->exit_code, .signal = v->signal,
		.start_errno = end->end == END_NOT_STARTED ? end->error : 0,
		.stage = end->end == END_NOT_STARTED ? end->stage : NULL, .wall_ms = stamp_wall_ms(),
		.duration_us = us, .user_us = end->user_us, .system_us = end->system_us,
		.max_rss_kib = end->max_rss_kib, .leftovers = end->leftovers, .log_bytes = log_bytes,
		.class = failure_class_word(v->class)});
	return true;
}

/* --- settled ------------------------------------------------------------------------------------------------------- */

static int64_t span_ms(const struct note *n)
{
	return n->start_mono_ns ? (n->end_mono_ns - n->start_mono_ns) / NS_PER_MS : -1;
}

static void settle_step(struct engine *e, const struct action *a, const char *cause)
{
	const struct note *n = &e->note[a->unit];
	bool failed = state_is_failure(a->state);
	struct buf result = BUF_INIT;

	if (n->result)
		text_of_json(n->result, &result);
	if (n->has_intent)
		ledger_attempt_unused(e->ledger, e->run_no, n->serial);
	rows_settle(e, a->unit, &(struct ledger_step_end){
		.state = a->state, .reason = a->reason, .cause = cause, .error = failed ? n->error : NULL,
		.degraded = schedule_is_degraded(e->s, a->unit), .exit_code = note_exit(n), .signal = n->signal,
		.attempts = schedule_attempt(e->s, a->unit), .wall_ms = stamp_wall_ms(),
		.duration_ms = span_ms(n), .result = n->result ? result.data : NULL});
	buf_release(&result);
}

static void settle_job(struct engine *e, const struct action *a, const char *cause)
{
	const struct note *n = &e->note[a->unit];
	uint32_t group = e->x->graph->unit[a->unit].group;
	struct buf result = BUF_INIT;
	struct tally t;
	bool is_long;

	schedule_tally(e->s, group, &t);
	(void)outcome_text(e, a->unit, &result);
	is_long = result.len > LONG_RESULT;
	ledger_job_finished(e->ledger, e->run_no, group, &(struct ledger_job_end){
		.state = a->state, .reason = a->reason, .cause = cause,
		.error = state_is_failure(a->state) ? n->error : NULL,
		.degraded = schedule_is_degraded(e->s, a->unit), .result = result.len ? buf_detach(&result) : NULL,
		.wall_ms = stamp_wall_ms(), .duration_ms = span_ms(n), .total = t.total, .succeeded = t.succeeded, .failed = t.failed,
		.skipped = t.skipped});
	if (is_long)
		(void)record_commit(e);
}

static enum event_kind settled_event(enum state s)
{
	switch (s) {
	case STATE_SUCCEEDED:
	case STATE_CACHED:
		return EVENT_STEP_SUCCEEDED;
	case STATE_TIMED_OUT:
		return EVENT_STEP_TIMEOUT;
	case STATE_SKIPPED:
		return EVENT_STEP_SKIPPED;
	case STATE_BLOCKED:
	case STATE_ABORTED:
		return EVENT_STEP_BLOCKED;
	case STATE_CANCELED:
		return EVENT_STEP_CANCELED;
	case STATE_FAILED:
	case STATE_INTERRUPTED:
	case STATE_LOST:
	case STATE_PENDING:
	case STATE_WAITING:
	case STATE_RUNNING:
	case STATE_COUNT:
		break;
	}
	return EVENT_STEP_FAILED;
}

/* A step whose failure lets nothing new start in its job, were there anything. */
static bool aborts(const struct engine *e, const struct action *a)
{
	const struct unit *u = &e->x->graph->unit[a->unit];
	const struct step *st = u->kind == UNIT_STEP ? e->x->place[a->unit].step : NULL;

	return st && st->job->kind == JOB_STEPS && !st->finally && state_is_failure(a->state) && st->t.policy->critical &&
	       st->t.policy->on_failure == ON_FAILURE_ABORT && !e->o->keep_going && !e->o->ignore_failures;
}

/* The first time that a failure keeps something from starting; at the end of the job if nothing was left to start. */
static void tell_abort(struct engine *e, const struct action *a)
{
	bool kept = a->state == STATE_ABORTED && (a->reason == REASON_POLICY_ABORT || a->reason == REASON_STAGE_STOP ||
						  a->reason == REASON_FAIL_LIMIT);
	bool job_ends = e->x->graph->unit[a->unit].kind == UNIT_END;

	e->abort_due |= aborts(e, a);
	if (e->abort_told || !(kept || (job_ends && e->abort_due)))
		return;
	e->abort_told = true;
	record_event(e, EVENT_PLAN_ABORTED, a->unit, a);
}

/* Nothing is known of it but that it ended well without doing anything, and nothing will be. */
static bool is_plain(const struct engine *e, const struct action *a)
{
	const struct note *n = &e->note[a->unit];

	return state_is_ok(a->state) && !rows_has(e, a->unit) && !n->serial && !n->start_mono_ns && !n->error && !n->result &&
	       note_exit(n) < 0 && !n->signal && !strstr(reason_sentence(a->reason), "%s") &&
	       !schedule_attempt(e->s, a->unit) && !schedule_is_degraded(e->s, a->unit) && !fresh_kept(e, a->unit);
}

static void tell_range(struct engine *e, const struct ledger_range *r)
{
	if (r->n == 1)
		VEC_PUSH(e->told, e->n_told, e->room_told,
			 ((struct told){.e = {.seq = r->seq, .wall_ms = r->wall_ms, .mono_ns = r->mono_ns, .kind = r->kind,
					      .run = e->id.text, .unit = r->unit, .state = r->state, .reason = r->reason,
					      .exit_code = -1, .duration_ms = -1, .due_ms = -1,
					      .n_total = ledger_counts_of(e).total}}));
	e->told[e->n_told - 1].n = r->n;
}

/* With those before it that came to the same, where that is possible. */
static bool settle_together(struct engine *e, const struct action *a)
{
	if (!e->ledger || e->x->graph->unit[a->unit].kind != UNIT_STEP || !is_plain(e, a) ||
	    !rows_join(e, &(struct ledger_range){
		.unit = a->unit, .n = 1, .group = e->x->graph->unit[a->unit].group,
		.critical = e->x->place[a->unit].step->t.policy->critical, .state = a->state, .reason = a->reason,
		.kind = settled_event(a->state), .seq = e->seq + 1, .wall_ms = stamp_wall_ms(),
		.mono_ns = e->note[a->unit].end_mono_ns}))
		return false;
	e->seq++;
	tell_range(e, &e->rows.range);
	return true;
}

bool record_settled(struct engine *e, const struct action *a)
{
	const struct unit *u = &e->x->graph->unit[a->unit];
	struct buf cause = BUF_INIT;

	if (u->kind != UNIT_STEP && u->kind != UNIT_END)
		return true;
	if (settle_together(e, a))
		return true;
	if (e->ledger) {
		if (strstr(reason_sentence(a->reason), "%s"))
			reason_cause(e, a->unit, &cause);
		(u->kind == UNIT_STEP ? settle_step : settle_job)(e, a, cause.len ? cause.data : NULL);
	}
	buf_release(&cause);
	tell_abort(e, a);
	if (u->kind == UNIT_END && !e->x->bundle[u->group].job && !e->x->bundle[u->group].step)
		return true; /* the root and what supports it are no jobs of anybody's */
	return record_event(e, u->kind == UNIT_STEP ? settled_event(a->state) : EVENT_JOB_FINISHED, a->unit, a);
}

/* --- events ------------------------------------------------------------------------------------------------------------- */

static void fill_unit(struct engine *e, struct told *t, const struct action *a)
{
	const struct note *n = &e->note[t->e.unit];
	struct run_event *ev = &t->e;

	ev->attempt = schedule_attempt(e->s, ev->unit);
	ev->exit_code = note_exit(n);
	ev->signal = n->signal;
	ev->state = a ? a->state : schedule_state(e->s, ev->unit);
	ev->reason = a ? a->reason : REASON_NONE;
	if (a && a->kind == ACTION_SETTLED && n->start_mono_ns)
		ev->duration_ms = span_ms(n);
	if (a && a->kind == ACTION_WAITS) {
		ev->due_ms = a->pause_ms;
		ev->attempt = a->attempt - 1;
	}
	if (ev->kind == EVENT_APPROVAL_ASKED) {
		ev->reason = REASON_APPROVAL;
		t->cause = xstrdup(n->error);
	}
	if (ev->kind == EVENT_STEP_SLOW) {
		const struct attempt *slow = attempt_of(e, n->serial);

		ev->duration_ms = (stamp_mono_ns() - slow->start_mono_ns) / NS_PER_MS;
		ev->due_ms = slow->slow_ms;
	}
	if (n->error && (state_is_failure(ev->state) || ev->kind == EVENT_STEP_RETRY))
		t->error = xstrdup(n->error);
	if (a && strstr(reason_sentence(a->reason), "%s")) {
		struct buf cause = BUF_INIT;

		reason_cause(e, ev->unit, &cause);
		t->cause = buf_detach(&cause);
	}
	if (n->serial && attempt_of(e, n->serial) && attempt_of(e, n->serial)->log)
		t->log = xstrdup(attempt_of(e, n->serial)->log);
}

/* The ledger knows the steps by their names; what a job is called stands with its event. */
static void keep_event(struct engine *e, struct run_event ev)
{
	struct buf name = BUF_INIT;

	if (ev.unit != UNIT_NONE && e->x->graph->unit[ev.unit].kind != UNIT_STEP) {
		expansion_unit_name(e->x, ev.unit, &name);
		ev.step = name.data;
	}
	ledger_event(e->ledger, e->run_no, &ev);
	buf_release(&name);
}

static struct told told_of(struct engine *e, enum event_kind kind, uint32_t unit)
{
	return (struct told){.n = 1, .e = {.seq = ++e->seq, .wall_ms = stamp_wall_ms(), .mono_ns = stamp_mono_ns(),
				   .kind = kind, .run = e->id.text, .unit = unit, .exit_code = -1,
				   .duration_ms = -1, .due_ms = -1}};
}

void record_about_run(struct engine *e, enum event_kind kind, enum reason why, const char *cause)
{
	struct told t = told_of(e, kind, UNIT_NONE);

	t.e.state = STATE_RUNNING;
	t.e.reason = why;
	t.e.cause = t.cause = xstrdup(cause);
	if (e->ledger)
		ledger_event(e->ledger, e->run_no, &t.e);
	VEC_PUSH(e->told, e->n_told, e->room_told, t);
}

bool record_event(struct engine *e, enum event_kind kind, uint32_t unit, const struct action *a)
{
	struct told t = told_of(e, kind, unit);

	if (unit != UNIT_NONE)
		fill_unit(e, &t, a);
	else
		t.e.state = kind == EVENT_RUN_CREATED ? STATE_PENDING
			    : kind == EVENT_RUN_STARTED || kind == EVENT_RUN_RESUMED ? STATE_RUNNING : e->run_state;
	if (kind == EVENT_RUN_COMPLETED || kind == EVENT_RUN_CANCELED)
		t.e.duration_ms = (stamp_mono_ns() - e->start_mono_ns) / NS_PER_MS;
	t.e.cause = t.cause;
	t.e.error = t.error;
	t.e.log = t.log;
	t.e.n_total = ledger_counts_of(e).total;
	if (e->ledger)
		keep_event(e, t.e);
	VEC_PUSH(e->told, e->n_told, e->room_told, t);
	return true;
}

void record_hook(struct engine *e, const char *name, int exit_code, const char *error, const char *log)
{
	struct told t = told_of(e, EVENT_HOOK_ENDED, UNIT_NONE);

	t.e.exit_code = exit_code;
	t.e.state = error ? STATE_FAILED : STATE_SUCCEEDED;
	t.e.step = t.name = xstrdup(name);
	t.e.error = t.error = error ? xstrdup(error) : NULL;
	t.e.log = t.log = log ? xstrdup(log) : NULL;
	if (e->ledger)
		ledger_event(e->ledger, e->run_no, &t.e);
	VEC_PUSH(e->told, e->n_told, e->room_told, t);
}

static void tell_one(struct engine *e, const struct told *t, uint32_t i, struct buf *name)
{
	struct run_event ev = t->e;

	ev.seq += i;
	if (ev.unit != UNIT_NONE) {
		ev.unit += i;
		buf_reset(name);
		expansion_unit_name(e->x, ev.unit, name);
		ev.step = name->data;
	}
	draft_tell(e, &ev);
	sinks_event(e->sinks, &ev);
}

static void told_release(struct told *t)
{
	free(t->cause);
	free(t->error);
	free(t->log);
	free(t->command);
	free(t->name);
}

static size_t n_events(const struct engine *e)
{
	return e->n_told ? e->seq + 1 - e->told[0].e.seq : 0;
}

bool record_flush(struct engine *e)
{
	struct buf name = BUF_INIT;
	bool good;

	if (e->ledger)
		rows_close(e);
	if (e->ledger && ledger_pending(e->ledger))
		debug(e, DEBUG_LEDGER, "commit of %zu events and what they tell", n_events(e));
	if (e->ledger && !e->run_ended && ledger_pending(e->ledger)) {
		struct ledger_counts n = ledger_counts_of(e);

		ledger_run_progress(e->ledger, e->run_no, &n);
	}
	good = record_commit(e);
	for (size_t i = 0; i < e->n_told; i++) {
		/* What the ledger could not take is told to nobody. */
		for (uint32_t k = 0; good && e->sinks->n && k < e->told[i].n; k++)
			tell_one(e, &e->told[i], k, &name);
		told_release(&e->told[i]);
	}
	e->n_told = 0;
	buf_release(&name);
	return good;
}

int64_t record_due_ms(const struct engine *e)
{
	int64_t since = e->n_told ? e->told[0].e.mono_ns : 0, left;

	if (!since)
		return -1;
	if (e->n_told >= COMMIT_ROWS)
		return 0;
	left = COMMIT_MS - (stamp_mono_ns() - since) / NS_PER_MS;
	return left > 0 ? left : 0;
}
