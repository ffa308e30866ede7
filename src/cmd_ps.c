/* ps: the runs that are under way: how far they have come, how long they still take, and what of them runs now. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "cmd.h"
#include "engine/control.h"
#include "report/table.h"
#include "rows.h"
#include "run_name.h"
#include "set_slots.h"
#include "why_open.h"

enum { SHORT_ID = 10 };

struct ps {
	struct ledger *l;
	int64_t only; /* this run; -1: all */
	struct table runs, steps;
	json_t *list; /* what both tables and the JSON are made from */
	bool good;
};

/* --- collecting --------------------------------------------------------------------------------------------------- */

/* The rows of a documented view, of one run.  New reference. */
static json_t *of_run(struct ps *p, const char *sql, const char *run)
{
	const struct ledger_query q = {.sql = sql, .arg = &run, .n_args = 1};
	struct rows_json j;

	rows_json_begin(&j);
	p->good = ledger_sql(p->l, &q, rows_json_head, rows_json_row, &j) && p->good;
	return rows_json_end(&j);
}

static void add_fields(json_t *o, json_t *rows)
{
	json_object_update(o, json_array_get(rows, 0));
	json_decref(rows);
}

static void add_held(struct ps *p, json_t *o, const char *run)
{
	struct buf text = BUF_INIT;

	if (why_held(p->l, run, &text))
		json_object_set_new(o, "held", json_string(text.data));
	buf_release(&text);
}

static bool open_run(void *ctx, const struct ledger_run_row *r)
{
	struct ps *p = ctx;
	bool lives, ended_to_wait = r->end_wall_ms >= 0;
	json_t *o;

	if (ended_to_wait || (p->only >= 0 && p->only != r->no))
		return true;
	lives = control_driver_lives(r->boot_id, r->pid, r->pid_start);
	o = run_row_json(r);
	json_object_set_new(o, "alive", json_boolean(lives));
	json_object_set_new(o, "slots", json_integer(r->slots));
	json_object_set_new(o, "pid", json_integer(r->pid));
	json_object_set_new(o, "elapsed_ms", json_integer(stamp_wall_ms() - r->start_wall_ms));
	add_fields(o, of_run(p, "SELECT percent, weighted_percent FROM v_progress WHERE run = ?1", r->id));
	add_fields(o, of_run(p, "SELECT work_ms, unknown, eta_ms, eta_time FROM v_remaining WHERE run = ?1", r->id));
	add_held(p, o, r->id);
	json_object_set_new(o, "running",
			    of_run(p, "SELECT step, attempt, start_time, elapsed_ms, timeout_ms, expected_ms, pid,"
				      " command, log FROM v_current_steps WHERE run = ?1 ORDER BY start_time", r->id));
	json_array_append_new(p->list, o);
	if (!lives)
		cli_error("run %s of '%s' was found dead; the next run or `orchmake doctor` records it as interrupted",
			  r->id, r->target);
	return p->good;
}

/* --- showing ------------------------------------------------------------------------------------------------------- */

static void duration_cell(struct table *t, const char *before, const json_t *ms)
{
	struct buf text = BUF_INIT;

	if (json_is_number(ms)) {
		buf_puts(&text, before);
		duration_human(&text, (int64_t)json_number_value(ms));
	}
	table_cell(t, text.data);
	buf_release(&text);
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

/* By time where that is known, else by number. */
static int64_t percent_of(const json_t *run)
{
	const json_t *weighted = json_object_get(run, "weighted_percent");

	return json_integer_value(json_is_integer(weighted) ? weighted : json_object_get(run, "percent"));
}

static const char *state_cell(const json_t *run)
{
	if (!json_is_true(json_object_get(run, "alive")))
		return "dead";
	return json_object_get(run, "held") ? "held" : text_of(run, "state");
}

static void run_cells(struct table *t, const json_t *run)
{
	const json_t *steps = json_object_get(run, "steps");
	char *id = xstrndup(text_of(run, "run"), SHORT_ID);
	char *far = xasprintf("%" JSON_INTEGER_FORMAT "/%" JSON_INTEGER_FORMAT " %" PRId64 "%%", json_integer_value(json_object_get(steps, "settled")),
			      json_integer_value(json_object_get(steps, "total")), percent_of(run));
	char *slots = xasprintf("%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(run, "slots")));

	table_cell(t, id);
	table_cell(t, state_cell(run));
	table_cell(t, far);
	table_cell(t, slots);
	duration_cell(t, "", json_object_get(run, "elapsed_ms"));
	duration_cell(t, "", json_object_get(run, "eta_ms"));
	table_cell(t, text_of(run, "target"));
	free(slots);
	free(far);
	free(id);
}

static void step_cells(struct table *t, const json_t *run, const json_t *step)
{
	char *id = xstrndup(text_of(run, "run"), SHORT_ID);
	const json_t *pid = json_object_get(step, "pid");
	char *number = json_is_integer(pid) ? xasprintf("%" JSON_INTEGER_FORMAT, json_integer_value(pid)) : xstrdup("");

	table_cell(t, id);
	table_cell(t, text_of(step, "step"));
	duration_cell(t, "", json_object_get(step, "elapsed_ms"));
	duration_cell(t, "", json_object_get(step, "expected_ms"));
	duration_cell(t, "", json_object_get(step, "timeout_ms"));
	table_cell(t, number);
	table_cell(t, text_of(step, "command"));
	free(number);
	free(id);
}

static void show(struct ps *p)
{
	size_t i, k, running = 0;
	json_t *run, *step;

	json_array_foreach(p->list, i, run) {
		run_cells(&p->runs, run);
		json_array_foreach(json_object_get(run, "running"), k, step) {
			step_cells(&p->steps, run, step);
			running++;
		}
	}
	table_print(&p->runs, stdout);
	if (running) {
		putchar('\n');
		table_print(&p->steps, stdout);
	}
}

static int list(struct cli *c)
{
	const struct ledger_run_filter f = {.states = 1u << STATE_RUNNING | 1u << STATE_PENDING | 1u << STATE_WAITING};
	struct ps p = {.list = json_array(), .l = cli_ledger(c), .only = -1, .good = true};
	int code = EXIT_USAGE_ERROR;

	if (p.l && c->words.n)
		p.only = cli_run(p.l, c->words.at[0]);
	if (p.l && (!c->words.n || p.only >= 0)) {
		table_init(&p.runs, (const char *const[]){"run", "state", "steps", "slots", "for", "left", "target"}, 7);
		table_init(&p.steps, (const char *const[]){"run", "step", "for", "of about", "at most", "pid", "command"}, 7);
		code = ledger_runs(p.l, &f, open_run, &p) && p.good ? EXIT_DONE : EXIT_LEDGER;
		if (code)
			cli_error("%s", ledger_error(p.l)->text.data);
		else if (c->format == FORMAT_JSON)
			cli_print_json(p.list);
		else if (json_array_size(p.list))
			show(&p);
		table_release(&p.runs);
		table_release(&p.steps);
	}
	json_decref(p.list);
	ledger_close(p.l);
	return code;
}

int cmd_ps(struct cli *c)
{
	return c->set_slots ? set_slots(c) : list(c);
}
