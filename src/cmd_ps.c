/* ps: the runs that are under way, and what of them runs. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "cmd.h"
#include "engine/control.h"
#include "report/table.h"
#include "run_name.h"

struct ps {
	struct ledger *l;
	struct table table;
	json_t *list, *steps;
	const char *run;
	size_t n;
};

static bool running_step(void *ctx, const struct ledger_attempt_row *r)
{
	struct ps *p = ctx;
	struct buf text = BUF_INIT;
	char id[11];

	if (r->phase != ATTEMPT_RUNNING)
		return true;
	json_array_append_new(p->steps, json_pack("{s:s, s:i, s:I, s:I, s:I}", "step", r->name, "attempt",
						  (int)r->number, "elapsed_ms",
						  (json_int_t)(stamp_wall_ms() - r->start_wall_ms), "timeout_ms",
						  (json_int_t)r->timeout_ms, "pid", (json_int_t)r->pid));
	snprintf(id, sizeof(id), "%s", p->run);
	table_cell(&p->table, id);
	table_cell(&p->table, r->name);
	duration_human(&text, stamp_wall_ms() - r->start_wall_ms);
	table_cell(&p->table, text.data);
	buf_reset(&text);
	if (r->pid)
		buf_addf(&text, "%d", (int)r->pid);
	table_cell(&p->table, text.data);
	table_cell(&p->table, r->command ? r->command : "");
	buf_release(&text);
	return true;
}

static bool open_run(void *ctx, const struct ledger_run_row *r)
{
	struct ps *p = ctx;
	bool lives = control_driver_lives(r->boot_id, r->pid, r->pid_start);
	json_t *o = run_row_json(r);

	p->n++;
	p->run = r->id;
	p->steps = json_array();
	json_object_set_new(o, "alive", json_boolean(lives));
	json_object_set_new(o, "pid", json_integer(r->pid));
	(void)ledger_attempts(p->l, r->no, LEDGER_ANY, running_step, p);
	json_object_set_new(o, "running", p->steps);
	json_array_append_new(p->list, o);
	if (!lives)
		cli_error("run %s of '%s' was found dead; the next run or `orchmake doctor` records it as interrupted",
			  r->id, r->target);
	return true;
}

int cmd_ps(struct cli *c)
{
	const struct ledger_run_filter f = {.states = 1u << STATE_RUNNING | 1u << STATE_PENDING};
	struct ps p = {.list = json_array(), .l = cli_ledger(c)};
	int code = EXIT_USAGE_ERROR;

	if (p.l) {
		table_init(&p.table, (const char *const[]){"run", "step", "for", "pid", "command"}, 5);
		code = ledger_runs(p.l, &f, open_run, &p) ? EXIT_DONE : EXIT_LEDGER;
		if (code)
			cli_error("%s", ledger_error(p.l)->text.data);
		else if (c->format == FORMAT_JSON)
			cli_print_json(p.list);
		else if (p.n)
			table_print(&p.table, stdout);
		table_release(&p.table);
	}
	json_decref(p.list);
	ledger_close(p.l);
	return code;
}
