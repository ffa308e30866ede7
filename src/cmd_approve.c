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
#include "run_name.h"

struct gate {
	uint32_t unit;
	bool found;	  /* the step is there */
	bool lost;	  /* nobody saw it end: `resume` wants to know */
	bool asked, told; /* its question; an answer */
	bool approved;
	char *by, *question;
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
	bool *lives = ctx;

	*lives = (r->state == STATE_RUNNING || r->state == STATE_PENDING) &&
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
	bool lives = false;

	(void)ledger_run_get(l, n->run, keep_state, &lives);
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
	if (!lives)
		puts(g->lost ? "`orchmake resume` finishes the run"
			     : "the run has ended to wait for this: `orchmake resume` finishes it");
	return EXIT_DONE;
}

static int decide(struct cli *c, bool yes)
{
	struct ledger *l;
	struct run_name n = {.run = -1};
	struct gate g = {0};
	int code = EXIT_USAGE_ERROR;

	if (!c->words.n) {
		cli_error("%s: which RUN/STEP?", yes ? "approve" : "reject");
		cli_hint("`orchmake ps` and `orchmake history` show the runs that wait");
		return code;
	}
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
