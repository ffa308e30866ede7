#include "engine/approval.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/span.h"
#include "base/stamp.h"
#include "base/vec.h"
#include "doc/json.h"
#include "engine/engine_impl.h"
#include "engine/resume.h"
#include "ledger/ledger_read.h"

enum { LOOK_MS = 200 };

struct questions {
	uint32_t *unit; /* not answered yet */
	size_t n, room;
	int64_t look_ns;
	int64_t version; /* of the ledger at the last look */
	bool asking, later; /* the person at the terminal; he will not answer now */
	uint32_t asked;	    /* asking: the unit */
};

struct answer_to {
	uint32_t unit;
	bool found, approved;
	char *by, *note;
};

static int64_t now_ms(void)
{
	return stamp_mono_ns() / NS_PER_MS;
}

static bool keep_answer(void *ctx, const struct ledger_approval_row *r)
{
	struct answer_to *a = ctx;

	if (r->unit != a->unit)
		return true;
	a->found = true;
	a->approved = r->approved;
	a->by = r->by ? xstrdup(r->by) : NULL;
	a->note = r->note ? xstrdup(r->note) : NULL;
	return false;
}

/* --- the question ---------------------------------------------------------------------------------------- */

static bool add_value(const struct value *v, const struct expr_world *w, struct buf *out, struct buf *err)
{
	json_t *got = v ? value_eval(v, w, err) : NULL;

	if (got)
		json_as_text(out, got);
	json_decref(got);
	return got || !v;
}

/* The text that a person is shown: the prompt, and below it what is to be looked at. */
static bool question_text(struct engine *e, uint32_t unit, struct buf *out, struct buf *err)
{
	const struct approve_spec *a = e->x->place[unit].step->t.act->approve;
	struct unit_world w;
	struct expr_world xw;
	bool good;

	unit_world_init(&w, e, unit);
	xw = unit_world_expr(&w);
	good = add_value(a->prompt, &xw, out, err);
	if (good && a->show) {
		buf_putc(out, '\n');
		good = add_value(a->show, &xw, out, err);
	}
	unit_world_release(&w);
	return good;
}

/* --- the answer -------------------------------------------------------------------------------------------- */

/* The gate counts as having run: settle it.  text becomes the failure's text, or what the reason names. */
static void settle_gate(struct engine *e, uint32_t unit, bool approved, char *text)
{
	struct note *n = &e->note[unit];

	free(n->error);
	n->error = text;
	schedule_ended(e->s, now_ms(), unit, approved ? STATE_SUCCEEDED : STATE_FAILED, false,
		       approved ? REASON_APPROVED : REASON_REJECTED);
}

static char *who_said(const char *by, const char *note)
{
	return xasprintf("%s%s%s", by ? by : "somebody", note ? ": " : "", note ? note : "");
}

static bool is_answered(struct engine *e, struct answer_to *a)
{
	return e->ledger && ledger_approvals(e->ledger, e->run_no, keep_answer, a) && a->found;
}

static void ask(struct engine *e, uint32_t unit)
{
	struct note *n = &e->note[unit];
	struct buf text = BUF_INIT, err = BUF_INIT;

	if (!question_text(e, unit, &text, &err)) {
		settle_gate(e, unit, false, xstrdup(err.data));
	} else if (e->o->yes && e->x->place[unit].step->t.act->approve->automatic) {
		if (e->ledger)
			ledger_approval(e->ledger, e->run_no, unit, true, "-y", NULL, stamp_wall_ms());
		settle_gate(e, unit, true, xstrdup("-y"));
	} else if (!e->ledger) {
		settle_gate(e, unit, false, xstrdup("nobody can be asked without a ledger"));
	} else {
		if (!e->questions)
			e->questions = xcalloc(1, sizeof(*e->questions));
		VEC_PUSH(e->questions->unit, e->questions->n, e->questions->room, unit);
		free(n->error);
		n->error = buf_detach(&text);
		ledger_step_state(e->ledger, e->run_no, unit, STATE_WAITING, REASON_APPROVAL, n->error);
		record_event(e, EVENT_APPROVAL_ASKED, unit, NULL);
		schedule_not_now(e->s, unit, REASON_APPROVAL);
	}
	buf_release(&text);
	buf_release(&err);
}

/* The same question was answered in the run that this one goes on with: the answer, with who and when, is this run's too. */
static bool take_over(struct engine *e, uint32_t unit)
{
	const struct past_step *s = e->ledger ? resume_approval(e, unit) : NULL;

	if (!s)
		return false;
	ledger_approval(e->ledger, e->run_no, unit, s->approved, s->by, s->note, s->answered_ms);
	settle_gate(e, unit, s->approved, who_said(s->by, s->note));
	return true;
}

void approval_begin(struct engine *e, const struct action *act)
{
	struct answer_to a = {.unit = act->unit};

	record_mark(e, act->unit); /* what is asked: an answer is one to that alone */
	if (is_answered(e, &a))
		settle_gate(e, act->unit, a.approved, who_said(a.by, a.note));
	else if (!take_over(e, act->unit))
		ask(e, act->unit);
	free(a.by);
	free(a.note);
}

/* --- a person at the terminal ------------------------------------------------------------------------------ */

/* typed: he has ended the line himself. */
static void stop_asking(struct engine *e, bool typed)
{
	struct questions *q = e->questions;

	if (!q->asking)
		return;
	q->asking = false;
	loop_fd_drop(e->loop, STDIN_FILENO);
	sinks_ask(e->sinks, typed ? NULL : "");
}

static void answer(struct engine *e, bool yes)
{
	ledger_approval(e->ledger, e->run_no, e->questions->asked, yes, e->o->person, NULL, stamp_wall_ms());
	stop_asking(e, true);
	(void)record_flush(e);
}

static void ask_again(struct engine *e)
{
	struct buf name = BUF_INIT;

	expansion_unit_name(e->x, e->questions->asked, &name);
	sinks_ask(e->sinks, name.data);
	buf_release(&name);
}

/* A line; nothing in it, or the end of what is typed, is no answer. */
static void on_typed(void *arg, uint32_t ready)
{
	enum { LINE = 256 };
	struct engine *e = arg;
	char line[LINE];
	ssize_t n = read(STDIN_FILENO, line, sizeof(line) - 1);
	struct span word;

	(void)ready;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	word = span_trim((struct span){line, n > 0 ? (size_t)n : 0});
	if (span_is(word, "y") || span_is(word, "yes")) {
		answer(e, true);
	} else if (span_is(word, "n") || span_is(word, "no")) {
		answer(e, false);
	} else if (word.len) {
		ask_again(e);
	} else {
		e->questions->later = true;
		stop_asking(e, n > 0);
	}
}

/* What was typed before the question is no answer to it. */
bool approval_ask_person(struct engine *e)
{
	struct questions *q = e->questions;

	if (!e->o->person || q->later || !q->n)
		return false;
	if (q->asking)
		return true;
	if (!record_flush(e)) /* what is asked has been told before the answer is asked for */
		return false;
	(void)tcflush(STDIN_FILENO, TCIFLUSH);
	if (loop_fd(e->loop, STDIN_FILENO, EPOLLIN, on_typed, e) < 0)
		return false;
	q->asking = true;
	q->asked = q->unit[0];
	ask_again(e);
	return true;
}

/* --- waiting ------------------------------------------------------------------------------------------------- */

bool approval_look(struct engine *e)
{
	struct questions *q = e->questions;
	size_t left = 0, before = q->n;

	for (size_t i = 0; i < q->n; i++) {
		struct answer_to a = {.unit = q->unit[i]};

		if (is_answered(e, &a) || state_is_final(schedule_state(e->s, q->unit[i]))) {
			if (q->asking && q->asked == q->unit[i])
				stop_asking(e, false);
			schedule_wake(e->s, q->unit[i]); /* its turn comes again, and there is the answer */
		} else {
			q->unit[left++] = q->unit[i];
		}
		free(a.by);
		free(a.note);
	}
	q->n = left;
	return left < before;
}

void approval_turn(struct engine *e)
{
	struct questions *q = e->questions;
	int64_t version;

	if (!q || !q->n || q->look_ns > stamp_mono_ns())
		return;
	q->look_ns = stamp_mono_ns() + LOOK_MS * NS_PER_MS;
	version = ledger_data_version(e->ledger);
	if (version < 0 || version != q->version)
		(void)approval_look(e);
	q->version = version;
}

int64_t approval_due_ms(const struct engine *e)
{
	int64_t left;

	if (!e->questions || !e->questions->n)
		return -1;
	left = e->questions->look_ns - stamp_mono_ns();
	return left > 0 ? (left + NS_PER_MS - 1) / NS_PER_MS : 0;
}

bool approval_only(const struct engine *e)
{
	struct schedule_counts c;
	size_t open = 0;

	if (!e->questions || !e->questions->n || e->n_running || e->broken)
		return false;
	for (size_t i = 0; i < e->questions->n; i++)
		open += schedule_state(e->s, e->questions->unit[i]) == STATE_WAITING;
	schedule_counts(e->s, &c);
	return open && c.by_state[STATE_WAITING] == open;
}

void approval_hush(struct engine *e)
{
	if (e->questions)
		stop_asking(e, false);
}

void approval_close(struct engine *e)
{
	if (!e->questions)
		return;
	free(e->questions->unit);
	free(e->questions);
	e->questions = NULL;
}
