/*
 * approve, reject: the answer to a gate of a run, which goes on with it or is finished with `resume`; and whether a
 * step that nobody saw end may run again.
 */
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "cmd.h"
#include "engine/control.h"
#include "gates.h"
#include "run_name.h"

enum { SHORT_ID = 10 };

struct gate {
	uint32_t unit;
	bool found;	  /* the step is there */
	bool lost;	  /* nobody saw it end: `resume` wants to know */
	bool asked, told; /* its question; an answer */
	bool approved;
	bool lives;	  /* its run is under way */
	char *by, *question;
	char run[SHORT_ID + 1];
};

static bool keep_unit(void *ctx, const struct ledger_step_row *r)
{
	struct gate *g = ctx;

	g->unit = r->unit;
	g->found = true;
	g->lost = r->state == STATE_LOST;
	return false;
}

static bool keep_question(void *ctx, const struct run_event *ev)
{
	struct gate *g = ctx;

	if (ev->kind != EVENT_APPROVAL_ASKED || ev->unit != g->unit)
		return true;
	g->asked = true;
	free(g->question);
	g->question = ev->cause ? xstrdup(ev->cause) : NULL;
	return true;
}

static bool keep_answer(void *ctx, const struct ledger_approval_row *r)
{
	struct gate *g = ctx;

	if (r->unit != g->unit)
		return true;
	g->told = true;
	g->approved = r->approved;
	g->by = r->by ? xstrdup(r->by) : NULL;
	return false;
}

static bool keep_state(void *ctx, const struct ledger_run_row *r)
{
	struct gate *g = ctx;

	snprintf(g->run, sizeof(g->run), "%s", r->id);
	g->lives = (r->state == STATE_RUNNING || r->state == STATE_PENDING) &&
		   control_driver_lives(r->boot_id, r->pid, r->pid_start);
	return true;
}

/* The first answer counts. */
static bool write_answer(struct cli *c, struct ledger *l, const struct run_name *n, const struct gate *g, bool yes)
{
	char *by = cli_user();
	bool good;

	ledger_approval(l, n->run, g->unit, yes, by, c->words.n > 1 ? c->words.at[1] : NULL, stamp_wall_ms());
	good = ledger_commit(l);
	if (!good)
		cli_error("%s", ledger_error(l)->text.data);
	free(by);
	return good;
}

static int answer(struct cli *c, struct ledger *l, const struct run_name *n, struct gate *g, bool yes)
{
	(void)ledger_run_get(l, n->run, keep_state, g);
	if (!g->asked && !g->lost) {
		cli_error("'%s' does not wait for an approval", n->step);
		cli_hint("`orchmake show` tells what its run came to");
		return EXIT_USAGE_ERROR;
	}
	if (g->told) {
		cli_error("'%s' has been %s already, by %s", n->step, g->approved ? "approved" : "rejected",
			  g->by ? g->by : "somebody");
		return EXIT_RUN_FAILED;
	}
	if (!write_answer(c, l, n, g, yes))
		return EXIT_LEDGER;
	printf("%s %s\n", yes ? "approved" : "rejected", n->step);
	if (!g->lives)
		printf(g->lost ? "`orchmake resume %s` finishes the run\n"
			       : "the run has ended to wait for this: `orchmake resume %s` finishes it\n", g->run);
	return EXIT_DONE;
}

/* --- what waits ------------------------------------------------------------------------------------------ */

struct open_gates {
	struct ledger *l;
	struct buf text;
};

static bool add_gates(void *ctx, const struct ledger_run_row *r)
{
	struct open_gates *o = ctx;
	struct buf gates = BUF_INIT;
	bool good = gates_text(o->l, r->no, NULL, &gates);
	char start[STAMP_TEXT];

	if (gates.len) {
		buf_addf(&o->text, "%srun %.*s  %s", o->text.len ? "\n" : "", SHORT_ID, r->id, r->target);
		run_params_text(r, SIZE_MAX, &o->text);
		buf_addf(&o->text, ", begun %s\n%s", stamp_format(r->start_wall_ms, start), gates.data);
	}
	buf_release(&gates);
	return good;
}

/* Each question that has no answer, or whose answer nobody has gone on with. */
static int list_open(struct cli *c)
{
	const struct ledger_run_filter f = {.states = 1u << STATE_RUNNING | 1u << STATE_WAITING};
	struct open_gates o = {.l = cli_ledger(c), .text = BUF_INIT};
	int code = EXIT_USAGE_ERROR;

	if (o.l) {
		code = ledger_runs(o.l, &f, add_gates, &o) ? EXIT_DONE : EXIT_LEDGER;
		if (code)
			cli_error("%s", ledger_error(o.l)->text.data);
		else if (o.text.len)
			cli_print_clean(o.text.data);
		else
			puts("nothing waits for an answer");
	}
	ledger_close(o.l);
	buf_release(&o.text);
	return code;
}

/* --- answering ------------------------------------------------------------------------------------------- */

static int decide(struct cli *c, bool yes)
{
	struct ledger *l;
	struct run_name n = {.run = -1};
	struct gate g = {0};
	int code = EXIT_USAGE_ERROR;

	if (!c->words.n)
		return list_open(c);
	l = cli_ledger_write(c);
	if (l && run_name_find(&n, l, c->words.at[0])) {
		if (n.step)
			(void)ledger_steps(l, n.run, n.step, keep_unit, &g);
		if (!g.found)
			cli_error("%s: name a step of the run, as RUN/STEP", yes ? "approve" : "reject");
		else if (ledger_events(l, n.run, 1, 0, keep_question, &g) && ledger_approvals(l, n.run, keep_answer, &g))
			code = answer(c, l, &n, &g, yes);
	}
	free(g.by);
	free(g.question);
	run_name_release(&n);
	ledger_close(l);
	return code;
}

int cmd_approve(struct cli *c)
{
	return decide(c, true);
}

int cmd_reject(struct cli *c)
{
	return decide(c, false);
}
