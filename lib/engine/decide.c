/* Answers what the schedule asks: conditions before a start, a composite's own idea of success. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "engine/engine_impl.h"
#include "engine/fresh.h"
#include "engine/resume.h"

/* Takes over text. */
static void note_text(struct engine *e, uint32_t unit, char *text)
{
	free(e->note[unit].error);
	e->note[unit].error = text;
}

static enum answer say(struct engine *e, uint32_t unit, enum answer a, enum reason why, char *text,
		       enum reason *ret_why)
{
	note_text(e, unit, text);
	*ret_why = why;
	return a;
}

/* One condition: 1, 0, or -1 and the answer in *ret because it could not be evaluated. */
static int test(struct engine *e, uint32_t unit, const struct condition *c, const struct expr_world *xw,
		enum answer *ret, enum reason *ret_why)
{
	struct buf err = BUF_INIT;
	int yes = expr_test(c->expr, xw, &err);

	if (yes < 0)
		*ret = say(e, unit, ANSWER_FAIL, REASON_BAD_EXPR,
			   xasprintf("`%s`: %s", expr_text(c->expr), err.data), ret_why);
	buf_release(&err);
	return yes;
}

/* `TEXT`, where NAME is VALUE: what somebody who asks why has to know. */
static char *seen_text(const char *head, const struct expr *e, const struct expr_world *xw)
{
	struct buf saw = BUF_INIT, text = BUF_INIT;

	expr_saw(e, xw, &saw);
	buf_addf(&text, "%s`%s`", head, expr_text(e));
	if (saw.len)
		buf_addf(&text, ", where %s", saw.data);
	buf_release(&saw);
	return buf_detach(&text);
}

static enum answer conditions(struct engine *e, uint32_t unit, const struct traits *t,
			      const struct expr_world *xw, enum reason *why)
{
	enum answer bad;
	int yes;

	for (size_t i = 0; i < t->policy->when.n; i++) {
		yes = test(e, unit, &t->policy->when.at[i], xw, &bad, why);
		if (yes < 0)
			return bad;
		if (!yes)
			return say(e, unit, ANSWER_SKIP, REASON_WHEN_FALSE,
				   seen_text("", t->policy->when.at[i].expr, xw), why);
	}
	for (size_t i = 0; i < t->policy->skip_if.n; i++) {
		yes = test(e, unit, &t->policy->skip_if.at[i], xw, &bad, why);
		if (yes < 0)
			return bad;
		if (yes)
			return say(e, unit, ANSWER_SKIP, REASON_SKIP_IF_TRUE,
				   seen_text("", t->policy->skip_if.at[i].expr, xw), why);
	}
	for (size_t i = 0; i < t->policy->require.n; i++) {
		const struct condition *c = &t->policy->require.at[i];

		yes = test(e, unit, c, xw, &bad, why);
		if (yes < 0)
			return bad;
		if (!yes)
			return say(e, unit, ANSWER_FAIL, REASON_REQUIRE_FALSE,
				   c->msg ? xstrdup(c->msg) : seen_text("it requires ", c->expr, xw), why);
	}
	*why = REASON_NONE;
	return ANSWER_RUN;
}

static enum answer success(struct engine *e, uint32_t unit, enum reason *why)
{
	uint32_t group = e->x->graph->unit[unit].group;
	const struct condition c = {.expr = e->x->bundle[group].job->t.policy->success};
	enum answer bad = ANSWER_FAIL;
	struct unit_world w;
	struct expr_world xw;
	struct tally t;
	int yes;

	outcome_tally(e, group, &t);
	unit_world_init(&w, e, unit);
	w.tally = &t;
	xw = unit_world_expr(&w);
	yes = test(e, unit, &c, &xw, &bad, why);
	unit_world_release(&w);
	if (yes < 0)
		return bad;
	*why = yes ? REASON_NONE : REASON_SUCCESS_FALSE;
	return yes ? ANSWER_RUN : ANSWER_FAIL;
}

/* A call begins: what its params are is known now. */
static enum answer begin_call(struct engine *e, uint32_t unit, enum reason *why)
{
	struct buf err = BUF_INIT;
	enum answer a = ANSWER_RUN;

	if (!engine_call_params(e, unit, &err))
		a = say(e, unit, ANSWER_FAIL, REASON_BAD_EXPR, xstrdup(err.data), why);
	buf_release(&err);
	return a;
}

static enum answer begin_loop(struct engine *e, uint32_t unit, enum reason *why)
{
	char *text;
	enum answer a = engine_begin_loop(e, unit, why, &text);

	return text ? say(e, unit, a, *why, text, why) : a;
}

static const struct traits *traits_of(const struct engine *e, uint32_t unit)
{
	const struct unit *u = &e->x->graph->unit[unit];
	const struct bundle *b;

	if (u->kind == UNIT_STEP)
		return &e->x->place[unit].step->t;
	b = &e->x->bundle[u->group];
	return b->kind == BUNDLE_CALL ? &b->step->t : &b->job->t;
}

enum reason engine_why(const struct engine *e, uint32_t unit, const char **ret_cause)
{
	enum reason why = resume_why(e, unit, ret_cause);

	return why != REASON_NONE ? why : fresh_why(e, unit, ret_cause);
}

/* Its conditions let it run: has it anything to do? */
static void decide_start(struct engine *e, const struct action *a)
{
	const char *cause;
	enum reason why;

	if (resume_answers(e, a))
		return;
	if (asks_fresh(&e->x->place[a->unit].step->t)) {
		fresh_ask(e, a);
		return;
	}
	why = resume_why(e, a->unit, &cause);
	note_text(e, a->unit, cause ? xstrdup(cause) : NULL);
	schedule_answer(e->s, a->unit, ANSWER_RUN, why);
}

/* By when, skip_if and require; whether a step is fresh is asked later. */
static enum answer by_conditions(struct engine *e, const struct action *a, enum reason *ret_why)
{
	struct unit_world w;
	struct expr_world xw;
	enum answer answer;

	unit_world_init(&w, e, a->unit);
	w.needs_held = a->needs_held;
	xw = unit_world_expr(&w);
	answer = conditions(e, a->unit, traits_of(e, a->unit), &xw, ret_why);
	unit_world_release(&w);
	return answer;
}

/* As far as the values that it takes are there: values_found(). */
static enum answer answer_of(struct engine *e, const struct action *a, const struct unit *u, enum reason *ret_why)
{
	const struct bundle *begins = u->kind == UNIT_BEGIN ? &e->x->bundle[u->group] : NULL;
	enum answer answer;

	if (u->kind == UNIT_END)
		return success(e, a->unit, ret_why);
	if (begins && (begins->kind == BUNDLE_LOOP || begins->kind == BUNDLE_STEPS))
		return begin_loop(e, a->unit, ret_why);
	answer = by_conditions(e, a, ret_why);
	if (answer == ANSWER_RUN && begins && begins->kind == BUNDLE_CALL)
		return begin_call(e, a->unit, ret_why);
	return answer;
}

void engine_decide(struct engine *e, const struct action *a)
{
	const struct unit u = e->x->graph->unit[a->unit]; /* a copy: a loop adds units, and they move */
	enum reason why = REASON_NONE;
	enum answer answer;
	struct buf missing = BUF_INIT;

	values_begin(e->values);
	if (u.kind == UNIT_STEP && resume_leaves_out(e, a->unit))
		return;
	answer = answer_of(e, a, &u, &why);
	switch (values_found(e->values, &missing)) {
	case VALUES_AWAITED:
		values_hold_question(e->values, a);
		break;
	case VALUES_FAILED:
		answer = say(e, a->unit, ANSWER_FAIL, REASON_BAD_EXPR, xstrdup(missing.data), &why);
		schedule_answer(e->s, a->unit, answer, why);
		break;
	case VALUES_THERE:
		if (answer == ANSWER_RUN && u.kind == UNIT_STEP)
			decide_start(e, a);
		else
			schedule_answer(e->s, a->unit, answer, why);
		break;
	}
	buf_release(&missing);
}

/* The reason of unit as a sentence, with its cause in place. */
void reason_format(struct engine *e, uint32_t unit, struct buf *out)
{
	uint32_t cause;
	enum reason why = schedule_reason(e->s, unit, &cause);
	struct buf name = BUF_INIT;

	if (strstr(reason_sentence(why), "%s"))
		reason_cause(e, unit, &name);
	reason_say(out, why, name.data);
	buf_release(&name);
}

/* What has stopped the whole run. */
static void stop_cause(const struct engine *e, struct buf *out)
{
	const char *name = e->signal ? sigabbrev_np(e->signal) : NULL;

	if (e->broken)
		buf_puts(out, e->err->data);
	else if (name)
		buf_addf(out, "SIG%s", name);
	else
		buf_addf(out, "signal %d", e->signal);
}

/* A group is asked at its beginning, and what it is skipped for holds for all that is in it. */
static const char *text_of_skip(const struct engine *e, uint32_t unit)
{
	const struct graph *g = e->x->graph;
	const char *text = e->note[unit].error;

	while (!text) {
		if (g->unit[unit].kind == UNIT_END)
			text = e->note[g->group[g->unit[unit].group].begin].error;
		if (text || g->want_at[unit] == g->want_at[unit + 1])
			break;
		unit = g->group[g->want[g->want_at[unit]]].end;
	}
	return text;
}

void reason_cause(struct engine *e, uint32_t unit, struct buf *out)
{
	const char *text = schedule_state(e->s, unit) == STATE_SKIPPED ? text_of_skip(e, unit) : e->note[unit].error;
	uint32_t cause;
	enum reason why = schedule_reason(e->s, unit, &cause);

	if (cause != UNIT_NONE)
		expansion_unit_name(e->x, cause, out);
	else if (why == REASON_FAIL_FAST)
		expansion_unit_name(e->x, e->failed_fast - 1, out);
	else if (why == REASON_CANCELED)
		stop_cause(e, out);
	else if (text)
		buf_puts(out, text);
}
