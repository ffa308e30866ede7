/* kill: stop a run as Ctrl-C would, or one step of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "cmd.h"
#include "engine/control.h"
#include "run_name.h"

struct victim {
	pid_t pid;
	uint64_t start;
	bool lives;
	char *id;
};

static bool keep_driver(void *ctx, const struct ledger_run_row *r)
{
	struct victim *v = ctx;

	*v = (struct victim){.pid = r->pid, .start = r->pid_start, .id = xstrdup(r->id)};
	v->lives = (r->state == STATE_RUNNING || r->state == STATE_PENDING) &&
		   control_driver_lives(r->boot_id, r->pid, r->pid_start);
	return true;
}

static bool keep_leader(void *ctx, const struct ledger_attempt_row *r)
{
	if (r->phase == ATTEMPT_RUNNING && r->pid)
		((struct victim *)ctx)->pid = r->pid;
	return true;
}

static bool of_step(void *ctx, const struct ledger_step_row *r)
{
	*(uint32_t *)ctx = r->unit;
	return false;
}

static int stop_step(struct ledger *l, const struct run_name *n)
{
	struct victim v = {0};
	uint32_t unit = UINT32_MAX;

	(void)ledger_steps(l, n->run, n->step, of_step, &unit);
	(void)ledger_attempts(l, n->run, unit, keep_leader, &v);
	if (!v.pid || !control_stop_step(v.pid)) {
		cli_error("'%s' does not run", n->step);
		return EXIT_RUN_FAILED;
	}
	printf("told %s to stop\n", n->step);
	return EXIT_DONE;
}

static int stop_run(struct ledger *l, const struct run_name *n)
{
	struct victim v = {0};
	int code = EXIT_RUN_FAILED;

	(void)ledger_run_get(l, n->run, keep_driver, &v);
	if (!v.lives || !control_stop_run(v.pid, v.start)) {
		cli_error("run %s is not under way", v.id ? v.id : "?");
	} else {
		printf("told run %s to stop\n", v.id);
		code = EXIT_DONE;
	}
	free(v.id);
	return code;
}

int cmd_kill(struct cli *c)
{
	struct ledger *l;
	struct run_name n = {.run = -1};
	int code = EXIT_USAGE_ERROR;

	if (!c->words.n) {
		cli_error("kill: which run, or RUN/STEP?");
		cli_hint("`orchmake ps` shows what is under way");
		return code;
	}
	l = cli_ledger(c);
	if (l && run_name_find(&n, l, c->words.at[0]))
		code = n.step ? stop_step(l, &n) : stop_run(l, &n);
	run_name_release(&n);
	ledger_close(l);
	return code;
}
