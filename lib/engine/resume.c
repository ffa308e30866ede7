/* Whether what a step did in the run that is resumed still stands. */
#include "engine/resume.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "doc/json.h"
#include "engine/engine_impl.h"
#include "engine/fresh.h"

/* --- what is kept by unit --------------------------------------------------------------------------------------- */

/* The members of a loop are known by the names that they had; what comes after them runs again too. */
static void choose_new(struct engine *e, uint32_t from)
{
	struct resume *r = e->resume;
	const struct graph *g = e->x->graph;

	r->again = xreallocarray(r->again, g->n_units, sizeof(*r->again));
	for (uint32_t u = from; u < g->n_units; u++) {
		struct buf name = BUF_INIT;

		expansion_unit_name(e->x, u, &name);
		r->again[u] = g->unit[u].kind == UNIT_STEP && map_has(&r->named, name.data);
		buf_release(&name);
	}
	r->n_again = g->n_units;
	if (e->o->downstream)
		engine_mark_reachable(g, r->again, true);
}

/* A run's graph may grow while it is under way. */
static void make_room(struct engine *e)
{
	struct resume *r = e->resume;
	uint32_t n = e->x->graph->n_units, more = n - r->n_units;

	if (!more)
		return;
	r->age = xreallocarray(r->age, n, sizeof(*r->age));
	r->why = xreallocarray(r->why, n, sizeof(*r->why));
	r->cause = xreallocarray(r->cause, n, sizeof(*r->cause));
	memset(r->age + r->n_units, 0, more * sizeof(*r->age));
	memset(r->why + r->n_units, 0, more * sizeof(*r->why));
	memset(r->cause + r->n_units, 0, more * sizeof(*r->cause));
	r->n_units = n;
	if (r->again && r->n_again < n)
		choose_new(e, r->n_again);
}

/* Of this run: everything else in the chain is older. */
static uint32_t age_now(const struct engine *e)
{
	return e->resume->past.n_runs + 1;
}

struct youngest {
	uint32_t age, unit;
};

static void try_age(const struct engine *e, uint32_t unit, struct youngest *y)
{
	uint32_t age = unit < e->resume->n_units ? e->resume->age[unit] : 0;

	if (age > y->age)
		*y = (struct youngest){age, unit};
}

/* `finally` comes after everything beside it. */
static void try_members(const struct engine *e, uint32_t unit, struct youngest *y)
{
	const struct graph *g = e->x->graph;

	for (uint32_t w = g->want_at[unit]; w < g->want_at[unit + 1]; w++)
		for (uint32_t i = g->member_at[g->want[w]]; i < g->member_at[g->want[w] + 1]; i++)
			if (!graph_is_always(g, g->member[i]))
				try_age(e, g->member[i], y);
}

/* Of all that unit comes after, and not only in order. */
static struct youngest needs_age(const struct engine *e, uint32_t unit)
{
	const struct graph *g = e->x->graph;
	struct youngest y = {0, UNIT_NONE};

	for (uint32_t i = g->need_at[unit]; i < g->need_at[unit + 1]; i++)
		if (!g->need[i].order_only)
			try_age(e, g->need[i].unit, &y);
	if (g->unit[unit].kind == UNIT_STEP && graph_is_always(g, unit))
		try_members(e, unit, &y);
	return y;
}

/* A gate is as young as what it waits for; people know it by that. */
static uint32_t behind_gate(const struct engine *e, struct youngest gate)
{
	const struct graph *g = e->x->graph;
	const struct unit *u = &g->unit[gate.unit];
	struct youngest y = {0, UNIT_NONE};

	for (uint32_t i = g->need_at[gate.unit]; i < g->need_at[gate.unit + 1]; i++)
		try_age(e, g->need[i].unit, &y);
	if (u->kind == UNIT_END)
		for (uint32_t i = g->member_at[u->group]; i < g->member_at[u->group + 1]; i++)
			try_age(e, g->member[i], &y);
	return y.age == gate.age ? y.unit : UNIT_NONE;
}

static uint32_t youngest_step(const struct engine *e, struct youngest y)
{
	while (e->x->graph->unit[y.unit].kind != UNIT_STEP) {
		uint32_t behind = behind_gate(e, y);

		if (behind == UNIT_NONE)
			break;
		y.unit = behind;
	}
	return y.unit;
}

/* --- what the chain has of it --------------------------------------------------------------------------------- */

static struct past_step *past_of(struct engine *e, uint32_t unit, bool by_name)
{
	const struct past *p = &e->resume->past;
	struct buf text = BUF_INIT;
	struct past_step *s;

	if (by_name)
		expansion_unit_name(e->x, unit, &text);
	else
		engine_unit_key(e, unit, &text);
	s = map_get(by_name ? &p->by_name : &p->by_key, text.data);
	buf_release(&text);
	return s;
}

static json_t *result_of(const struct past_step *s)
{
	struct buf ignored = BUF_INIT;
	json_t *result = s->result ? json_parse(s->result, strlen(s->result), &ignored) : NULL;

	buf_release(&ignored);
	return result;
}

static bool gives_nothing(const struct traits *t)
{
	return !t->flow->n_provides && t->act->kind != ACT_CALL;
}

static bool keep_start(void *ctx, const struct ledger_attempt_row *r)
{
	*(int64_t *)ctx = r->start_wall_ms;
	return true;
}

/* When the attempt that counts began; 0: nobody knows. */
static int64_t start_of(struct engine *e, const struct past_step *s)
{
	struct ledger *l = e->ledger ? e->ledger : e->o->past;
	int64_t start = 0;

	if (l)
		(void)ledger_attempts(l, s->run_no, s->unit, keep_start, &start);
	return start > 0 ? start : 0;
}

/* --- facts --------------------------------------------------------------------------------------------------------- */

/* What is told of one unit, and what has to live as long. */
struct inquiry {
	struct resume_facts facts;
	struct past_step *past; /* NULL: none */
	struct youngest youngest;
	struct fresh_unit *files;
	json_t *result; /* of its success, if it has one */
};

static void inquiry_release(struct inquiry *q)
{
	fresh_unit_free(q->files);
	json_decref(q->result);
}

static void ask_files(struct engine *e, uint32_t unit, struct inquiry *q)
{
	struct buf ignored = BUF_INIT;
	int64_t start = start_of(e, q->past);

	q->files = fresh_unit_new(e, unit, NULL, &ignored);
	buf_release(&ignored);
	if (!q->files) { /* an input that is missing: the step itself says so */
		q->facts.missing = "?";
		return;
	}
	q->facts.now = q->files->facts.now;
	q->facts.missing = q->files->facts.missing;
	if (q->files->facts.newest_input.name && q->files->facts.newest_input.mtime_ns >= start * NS_PER_MS)
		q->facts.newer = q->files->facts.newest_input.name;
}

/* What it would be now, unless that depends on what is yet to come. */
static void ask_command(struct engine *e, uint32_t unit, struct inquiry *q)
{
	struct buf ignored = BUF_INIT;

	if (!q->facts.marked || q->facts.needs_age > q->facts.row.run)
		return;
	if (asks_fresh(&e->x->place[unit].step->t))
		ask_files(e, unit, q);
	else if (!fresh_command(e, unit, &q->facts.now, &ignored))
		q->facts.marked = false;
	buf_release(&ignored);
}

static bool asked_again(const struct engine *e, uint32_t unit)
{
	return unit < e->resume->n_again && e->resume->again[unit];
}

/* What a person has said of this one goes before what is said of all. */
static enum on_lost on_lost_of(const struct engine *e, uint32_t unit, const struct past_step *s)
{
	if (s->approved < 0)
		return e->x->place[unit].step->t.policy->on_lost;
	return s->approved ? ON_LOST_RETRY : ON_LOST_FAIL;
}

static void inquire(struct engine *e, uint32_t unit, struct inquiry *q)
{
	struct resume_facts *f = &q->facts;

	make_room(e);
	*q = (struct inquiry){.past = past_of(e, unit, false), .youngest = needs_age(e, unit)};
	f->always = e->o->always;
	f->what_if = fresh_what_if(e, unit);
	f->again = asked_again(e, unit);
	f->known = q->past != NULL;
	f->needs_age = q->youngest.age;
	if (!q->past) {
		f->renamed = past_of(e, unit, true) != NULL;
		return;
	}
	f->row = q->past->row;
	f->on_lost = on_lost_of(e, unit, q->past);
	f->marked = resume_mark_parse(&f->then, q->past->mark);
	q->result = result_of(q->past);
	f->has_values = q->result || gives_nothing(&e->x->place[unit].step->t);
	ask_command(e, unit, q);
}

const struct past_step *resume_approval(struct engine *e, uint32_t unit)
{
	struct past_step *s = e->resume ? past_of(e, unit, false) : NULL;
	struct buf ignored = BUF_INIT;
	struct fresh_mark then, now;
	bool same;

	if (!s || s->approved < 0 || s->row.reason == REASON_REJECTED)
		return NULL;
	same = resume_mark_parse(&then, s->mark) && fresh_command(e, unit, &now, &ignored) &&
	       then.command == now.command && then.values == now.values;
	buf_release(&ignored);
	return same ? s : NULL;
}

/* --- saying why ---------------------------------------------------------------------------------------------------- */

static const char *word_of(enum state s)
{
	switch (s) {
	case STATE_FAILED:
		return "failed";
	case STATE_TIMED_OUT:
		return "timed out";
	case STATE_INTERRUPTED:
		return "was killed with orchmake";
	case STATE_LOST:
		return "was lost: nobody saw it end";
	case STATE_RUNNING:
		return "was under way when orchmake died";
	case STATE_SKIPPED:
		return "was skipped";
	case STATE_CANCELED:
		return "was canceled";
	case STATE_SUCCEEDED:
	case STATE_CACHED:
		return "was done";
	case STATE_PENDING:
	case STATE_WAITING:
	case STATE_BLOCKED:
	case STATE_ABORTED:
	case STATE_COUNT:
		break;
	}
	return "was not reached";
}

/* A question that was asked has a mark. */
static const char *unfinished_word(const struct engine *e, uint32_t unit, const struct inquiry *q)
{
	bool asked = e->x->place[unit].step->t.act->kind == ACT_APPROVE && q->past->mark;

	return asked && !state_is_final(q->facts.row.state) ? "waited for an approval" : word_of(q->facts.row.state);
}

static void lost_text(struct engine *e, uint32_t unit, const struct past_step *past, const char *run, struct buf *out)
{
	enum on_lost on = e->x->place[unit].step->t.policy->on_lost;
	struct buf name = BUF_INIT;

	expansion_unit_name(e->x, unit, &name);
	buf_addf(out, "nobody saw how it ended in run %s, and ", run);
	if (past->approved >= 0)
		buf_puts(out, "running it again was rejected");
	else
		buf_addf(out, "its on_lost is '%s'", on_lost_words[on]);
	if (past->approved < 0 && on == ON_LOST_ASK)
		buf_addf(out, "; `orchmake approve %s/%s` lets `resume` run it again, `orchmake reject` lets it fail", run, name.data);
	else
		buf_addf(out, "; `orchmake retry %s %s` runs it again", run, name.data);
	buf_release(&name);
}

/* The cause of a verdict; the caller frees; NULL: none. */
static char *cause_of(struct engine *e, uint32_t unit, const struct inquiry *q, const struct resume_verdict *v)
{
	const char *run = q->past ? e->resume->past.run_id[q->facts.row.run - 1] : "";
	struct buf text = BUF_INIT;

	if (v->cause)
		buf_puts(&text, v->cause);
	else if (v->why == REASON_RESUMED)
		buf_puts(&text, run);
	else if (v->why == REASON_UNFINISHED)
		buf_addf(&text, "%s in run %s", unfinished_word(e, unit, q), run);
	else if (v->why == REASON_NEED_RAN)
		expansion_unit_name(e->x, youngest_step(e, q->youngest), &text);
	else if (v->why == REASON_LOST_BEFORE)
		lost_text(e, unit, q->past, run, &text);
	return text.len ? buf_detach(&text) : NULL;
}

enum reason resume_why(const struct engine *e, uint32_t unit, const char **ret_cause)
{
	const struct resume *r = e->resume;

	*ret_cause = r && unit < r->n_units ? r->cause[unit] : NULL;
	return r && unit < r->n_units ? r->why[unit] : REASON_NONE;
}

bool resume_forces(const struct engine *e, uint32_t unit)
{
	return e->resume && asked_again(e, unit);
}

static void keep_why(struct engine *e, uint32_t unit, enum reason why, char *cause)
{
	free(e->resume->cause[unit]);
	e->resume->why[unit] = why;
	e->resume->cause[unit] = cause;
}

/* --- answering --------------------------------------------------------------------------------------------------------- */

static void answer(struct engine *e, uint32_t unit, enum answer a, enum reason why, char *cause)
{
	free(e->note[unit].error);
	e->note[unit].error = cause;
	schedule_answer(e->s, unit, a, why);
}

/* What it gave it still gives. */
static void take_over(struct engine *e, uint32_t unit, const struct inquiry *q)
{
	struct note *n = &e->note[unit];

	e->resume->age[unit] = q->facts.row.run;
	note_set_exit(n, q->past->exit_code);
	json_decref(n->result);
	n->result = json_incref(q->result);
}

static void reuse(struct engine *e, uint32_t unit, const struct inquiry *q, char *cause)
{
	take_over(e, unit, q);
	if (e->ledger && q->past->mark) {
		rows_need(e, unit);
		ledger_step_mark(e->ledger, e->run_no, unit, q->past->mark);
	}
	answer(e, unit, ANSWER_CACHED, REASON_RESUMED, cause);
}

static bool stands(const struct inquiry *q)
{
	return q->past && (q->facts.row.state == STATE_SUCCEEDED || q->facts.row.state == STATE_CACHED);
}

/* What is done by being there has nothing to reuse. */
static bool has_say(const struct engine *e, uint32_t unit)
{
	return e->resume && !(e->x->graph->unit[unit].flags & UNIT_INSTANT);
}

bool resume_leaves_out(struct engine *e, uint32_t unit)
{
	struct inquiry q;

	if (!has_say(e, unit) || !e->o->chosen_only)
		return false;
	make_room(e);
	if (asked_again(e, unit))
		return false;
	inquire(e, unit, &q);
	if (stands(&q) && q.facts.has_values)
		reuse(e, unit, &q, xstrdup(e->resume->past.run_id[q.facts.row.run - 1]));
	else
		answer(e, unit, ANSWER_SKIP, REASON_RESTRICTED, NULL);
	inquiry_release(&q);
	return true;
}

/* Its files decide, unless it died before they were recorded. */
static bool files_decide(const struct engine *e, uint32_t unit, const struct inquiry *q)
{
	return fresh_kind_of(&e->x->place[unit].step->t) != FRESH_ALWAYS && !q->facts.marked && !q->facts.again &&
	       q->facts.row.state != STATE_LOST;
}

/* What its command comes to is not known yet: it is asked again when it is. */
static bool awaits(struct engine *e, const struct action *question)
{
	struct buf ignored = BUF_INIT;
	bool later = values_found(e->values, &ignored) == VALUES_AWAITED;

	if (later)
		values_hold_question(e->values, question);
	buf_release(&ignored);
	return later;
}

bool resume_answers(struct engine *e, const struct action *question)
{
	uint32_t unit = question->unit;
	struct resume_verdict v;
	struct inquiry q;
	char *cause;

	if (!has_say(e, unit))
		return false;
	values_begin(e->values);
	inquire(e, unit, &q);
	if (awaits(e, question)) {
		inquiry_release(&q);
		return true;
	}
	v = resume_judge(&q.facts);
	cause = cause_of(e, unit, &q, &v);
	if (v.answer == RESUME_REUSE)
		reuse(e, unit, &q, cause);
	else if (v.answer != RESUME_RUN)
		answer(e, unit, ANSWER_FAIL, v.why, cause);
	else if (files_decide(e, unit, &q))
		free(cause);
	else
		keep_why(e, unit, v.why, cause);
	inquiry_release(&q);
	return v.answer != RESUME_RUN;
}

void resume_settled(struct engine *e, uint32_t unit, enum state state, enum reason reason)
{
	const struct unit *u = &e->x->graph->unit[unit];
	bool reused = u->kind == UNIT_STEP && state == STATE_CACHED && reason == REASON_RESUMED;

	if (!e->resume)
		return;
	make_room(e);
	if (u->kind == UNIT_STEP && schedule_attempt(e->s, unit))
		e->resume->age[unit] = age_now(e);
	else if (!reused)
		e->resume->age[unit] = needs_age(e, unit).age;
}

json_t *resume_fragment(struct engine *e, uint32_t group)
{
	struct buf name = BUF_INIT, ignored = BUF_INIT;
	struct past_fragment *f;
	json_t *doc = NULL;

	if (!e->resume)
		return NULL;
	make_room(e);
	expansion_group_name(e->x, group, &name);
	f = map_get(&e->resume->past.fragment, name.data);
	if (f && needs_age(e, e->x->graph->group[group].begin).age <= f->run)
		doc = json_parse(f->json, strlen(f->json), &ignored);
	buf_release(&name);
	buf_release(&ignored);
	return doc;
}

/* --- for -n -------------------------------------------------------------------------------------------------------------- */

static struct outlook outlook_of(enum resume_answer a, enum reason why, char *cause)
{
	return (struct outlook){.kind = a == RESUME_REUSE ? OUTLOOK_DONE : OUTLOOK_RUN, .why = (uint8_t)why,
				.asks = a == RESUME_ASK, .cause = cause};
}

bool resume_outlook(struct engine *e, uint32_t unit, struct outlook *o)
{
	struct resume_verdict v;
	struct inquiry q;
	bool known = true;

	if (!has_say(e, unit))
		return false;
	values_begin(e->values);
	inquire(e, unit, &q);
	v = resume_judge(&q.facts);
	if (e->o->chosen_only && !q.facts.again)
		*o = stands(&q) ? outlook_of(RESUME_REUSE, REASON_RESUMED, NULL)
				: (struct outlook){.kind = OUTLOOK_OUT, .why = REASON_RESTRICTED};
	else if (v.answer == RESUME_RUN && files_decide(e, unit, &q))
		known = false;
	else if (values_missing(e->values)) /* nobody asks its command now */
		*o = (struct outlook){.kind = OUTLOOK_MAYBE, .why = REASON_VALUE_COMES};
	else
		*o = outlook_of(v.answer, v.why, cause_of(e, unit, &q, &v));
	if (known && o->kind == OUTLOOK_DONE)
		take_over(e, unit, &q);
	inquiry_release(&q);
	return known;
}

void resume_outlook_age(struct engine *e, uint32_t unit, const struct outlook *o)
{
	const struct unit *u = &e->x->graph->unit[unit];

	if (!e->resume)
		return;
	make_room(e);
	if (u->kind == UNIT_STEP && !(u->flags & UNIT_INSTANT) && (o->kind == OUTLOOK_RUN || o->kind == OUTLOOK_MAYBE))
		e->resume->age[unit] = age_now(e);
	else if (!(u->kind == UNIT_STEP && o->kind == OUTLOOK_DONE && o->why == REASON_RESUMED))
		e->resume->age[unit] = needs_age(e, unit).age;
}

/* --- beginning and ending ------------------------------------------------------------------------------------------------- */

static bool is_below(const char *step, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(step, name, n) && (step[n] == '[' || step[n] == '/');
}

/* What the graph does not have yet: members of a loop, all of them by its name.  How many. */
static size_t name_past(struct resume *r, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < r->past.by_name.n; i++) {
		const char *step = r->past.by_name.entry[i].key;

		if (!strcmp(step, name) || is_below(step, name)) {
			(void)map_intern(&r->named, step);
			n++;
		}
	}
	return n;
}

static bool names_below(const struct resume *r, const char *loop)
{
	for (size_t i = 0; i < r->named.n; i++)
		if (is_below(r->named.entry[i].key, loop))
			return true;
	return false;
}

/* Loops whose members are still to come: what comes after those that are named comes after their end. */
static void mark_ends(struct engine *e)
{
	struct resume *r = e->resume;
	const struct graph *g = e->x->graph;

	for (uint32_t i = 0; i < g->n_groups; i++) {
		struct buf name = BUF_INIT;

		expansion_group_name(e->x, i, &name);
		if (map_has(&r->past.fragment, name.data) && names_below(r, name.data))
			r->again[g->group[i].end] = true;
		buf_release(&name);
	}
}

static bool name_again(struct engine *e, const char *name, struct diags *d)
{
	struct resume *r = e->resume;
	uint32_t *unit;
	size_t n = expansion_match(e->x, name, &unit);

	for (size_t i = 0; i < n; i++)
		r->again[unit[i]] = true;
	free(unit);
	if (n)
		return true;
	if (!name_past(r, name)) {
		diag_error(d, MARK_NONE, "run %s has no step '%s'", e->o->resumes, name);
		diag_hint(d, "`orchmake show %s` lists its steps", e->o->resumes);
		return false;
	}
	return true;
}

/* Those that came to no good end. */
static void failed_again(struct engine *e)
{
	struct resume *r = e->resume;

	for (uint32_t u = 0; u < r->n_again; u++) {
		const struct past_step *s = e->x->graph->unit[u].kind == UNIT_STEP ? past_of(e, u, true) : NULL;

		r->again[u] = s && (state_is_failure(s->row.state) ||
				    (s->row.state == STATE_CANCELED && s->row.attempts));
	}
	for (size_t i = 0; i < r->past.by_name.n; i++) {
		const struct past_step *s = r->past.by_name.entry[i].value;

		if (state_is_failure(s->row.state))
			(void)map_intern(&r->named, r->past.by_name.entry[i].key);
	}
}

static bool choose(struct engine *e, struct diags *d)
{
	struct resume *r = e->resume;
	bool good = true;

	if (!e->o->chosen_only)
		return true;
	r->n_again = e->x->graph->n_units;
	r->again = xcalloc(r->n_again, sizeof(*r->again));
	for (size_t i = 0; i < e->o->again.n; i++)
		good &= name_again(e, e->o->again.at[i], d);
	if (!e->o->again.n)
		failed_again(e);
	if (e->o->downstream) {
		mark_ends(e);
		engine_mark_reachable(e->x->graph, r->again, true);
	}
	return good;
}

bool resume_new(struct engine *e, struct diags *d)
{
	if (!e->o->resumes)
		return true;
	e->resume = xcalloc(1, sizeof(*e->resume));
	return past_read(&e->resume->past, e->o->past, e->o->resumes, d) && choose(e, d);
}

void resume_free(struct engine *e)
{
	struct resume *r = e->resume;

	if (!r)
		return;
	for (uint32_t u = 0; u < r->n_units; u++)
		free(r->cause[u]);
	past_release(&r->past);
	map_release(&r->named);
	free(r->again);
	free(r->age);
	free(r->why);
	free(r->cause);
	free(r);
	e->resume = NULL;
}
