/* show: one job as it stands, or one run or step as it was. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "cmd.h"
#include "gates.h"
#include "report/table.h"
#include "report/tty.h"
#include "run_name.h"

/* --- a job --------------------------------------------------------------------------------------------- */

static const char *const param_words[] = {
#define TYPE(id, word, sentence) word,
	PARAM_TYPES(TYPE)
#undef TYPE
};

static void add_params(struct buf *out, const struct param_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct param *p = &l->at[i];

		buf_addf(out, "  param %s: %s%s%s%s\n", p->name, param_words[p->type], p->required ? ", required" : "",
			 p->description ? ": " : "", p->description ? p->description : "");
	}
}

static void print_job(const struct job *j)
{
	struct buf text = BUF_INIT;

	buf_addf(&text, "%s  (%s:%" PRIu32 ")\n", j->name, source_name(j->file->source), j->mark.line);
	if (j->t.description)
		buf_addf(&text, "  %s\n", j->t.description);
	if (j->n_aliases)
		buf_puts(&text, "  also called");
	for (size_t i = 0; i < j->n_aliases; i++)
		buf_addf(&text, "%s %s%s", i ? "," : "", j->alias[i].name, i + 1 == j->n_aliases ? "\n" : "");
	add_params(&text, &j->params);
	for (size_t i = 0; i < j->n_stages; i++) {
		buf_addf(&text, "  stage %s:", j->stage[i].name);
		for (size_t k = 0; k < j->stage[i].n_jobs; k++)
			buf_addf(&text, " %s", j->stage[i].job[k]->name);
		buf_putc(&text, '\n');
	}
	cli_print_clean(text.data);
	buf_release(&text);
}

static int show_job(struct cli *c, const struct jobfile *jf, const struct job *j)
{
	json_t *model = jobfile_to_json(jf, &j, 1), *one;

	one = json_object_get(json_object_get(model, "jobs"), j->name);
	if (c->format == FORMAT_JSON) {
		cli_print_json(one ? one : model);
	} else {
		print_job(j);
		cli_print_json(one ? one : model);
	}
	json_decref(model);
	return EXIT_DONE;
}

/* --- a run ------------------------------------------------------------------------------------------------ */

struct run_view {
	struct table table;
	json_t *steps, *jobs;
	json_t *run;
	struct buf head;
};

static bool head_row(void *ctx, const struct ledger_run_row *r)
{
	struct run_view *v = ctx;
	struct buf given = BUF_INIT;
	char start[STAMP_TEXT];

	v->run = run_row_json(r);
	buf_addf(&v->head, "run      %s\ntarget   %s\nstate    %s%s\nstart    %s\n", r->id, r->target,
		 state_word(r->state), r->degraded && r->state == STATE_SUCCEEDED ? " (degraded)" : "", stamp_format(r->start_wall_ms, start));
	if (r->duration_ms >= 0) {
		buf_puts(&v->head, "took     ");
		duration_human(&v->head, r->duration_ms);
		buf_putc(&v->head, '\n');
	}
	buf_addf(&v->head, "steps    %" PRIu32 ": %" PRIu32 " succeeded, %" PRIu32 " failed, %" PRIu32 " not run\n",
		 r->n.total, r->n.succeeded, r->n.failed, r->n.skipped);
	run_params_text(r, SIZE_MAX, &given);
	if (given.len)
		buf_addf(&v->head, "params  %s\n", given.data);
	buf_release(&given);
	if (r->command)
		buf_addf(&v->head, "command  %s\n", r->command);
	if (r->plan)
		buf_addf(&v->head, "plan     %s\n", r->plan);
	if (r->log_dir)
		buf_addf(&v->head, "logs     %s\n", r->log_dir);
	if (r->error)
		buf_addf(&v->head, "error    %s\n", r->error);
	return true;
}

/* The reason's sentence with what caused it; for a failure its own words. */
static void why_text(const struct ledger_step_row *r, struct buf *out)
{
	if (r->error)
		buf_puts(out, r->error);
	else if (r->reason != REASON_NONE)
		reason_say(out, r->reason, r->cause);
}

static json_t *step_json(const struct ledger_step_row *r)
{
	struct buf why = BUF_INIT;
	json_t *o;

	why_text(r, &why);
	o = json_pack("{s:s, s:s, s:s, s:s*, s:i, s:o, s:I, s:s}", "name", r->name, "state", state_word(r->state),
		      "reason", reason_word(r->reason), "error", r->error, "attempts", (int)r->attempts, "exit",
		      r->exit_code < 0 ? json_null() : json_integer(r->exit_code), "duration_ms",
		      (json_int_t)r->duration_ms, "why", why.data);
	buf_release(&why);
	return o;
}

static bool step_row(void *ctx, const struct ledger_step_row *r)
{
	struct run_view *v = ctx;
	struct buf text = BUF_INIT;

	json_array_append_new(v->steps, step_json(r));
	table_cell(&v->table, r->name);
	table_cell(&v->table, state_word(r->state));
	if (r->duration_ms >= 0)
		duration_human(&text, r->duration_ms);
	table_cell(&v->table, text.data);
	buf_reset(&text);
	if (r->attempts)
		buf_addf(&text, "%" PRIu32, r->attempts);
	table_cell(&v->table, text.data);
	buf_reset(&text);
	why_text(r, &text);
	table_cell(&v->table, text.data);
	buf_release(&text);
	return true;
}

/* A loop over nothing has no step to stand for it. */
static bool job_row(void *ctx, const struct ledger_job_row *r)
{
	struct run_view *v = ctx;
	struct buf why = BUF_INIT;

	if (r->reason != REASON_NO_INSTANCES)
		return true;
	reason_say(&why, r->reason, r->cause);
	json_array_append_new(v->jobs, json_pack("{s:s, s:s, s:s, s:s}", "name", r->name, "state", state_word(r->state),
						 "reason", reason_word(r->reason), "why", why.data));
	table_cell(&v->table, r->name);
	table_cell(&v->table, state_word(r->state));
	table_cell(&v->table, "");
	table_cell(&v->table, "");
	table_cell(&v->table, why.data);
	buf_release(&why);
	return true;
}

/* What a person has to do for it to go on. */
static bool print_gates(struct ledger *l, const struct run_name *n)
{
	struct buf text = BUF_INIT;
	bool good = gates_text(l, n->run, n->step, &text);

	if (good && text.len) {
		putchar('\n');
		cli_print_clean(text.data);
	}
	if (!good)
		cli_error("%s", ledger_error(l)->text.data);
	buf_release(&text);
	return good;
}

static int show_run(struct cli *c, struct ledger *l, const struct run_name *n)
{
	struct run_view v = {.steps = json_array(), .jobs = json_array(), .head = BUF_INIT};
	bool good;

	table_init(&v.table, (const char *const[]){"step", "state", "took", "tries", "why"}, 5);
	good = ledger_run_get(l, n->run, head_row, &v) && ledger_steps(l, n->run, n->step, step_row, &v) &&
	       (n->step || ledger_jobs(l, n->run, job_row, &v));
	if (!good) {
		cli_error("%s", ledger_error(l)->text.data);
	} else if (c->format == FORMAT_JSON) {
		json_object_set(v.run, "step_list", v.steps);
		json_object_set(v.run, "empty_loops", v.jobs);
		cli_print_json(v.run);
	} else {
		cli_print_clean(v.head.data);
		putchar('\n');
		table_print(&v.table, stdout);
		good = print_gates(l, n);
	}
	table_release(&v.table);
	json_decref(v.steps);
	json_decref(v.jobs);
	json_decref(v.run);
	buf_release(&v.head);
	return good ? EXIT_DONE : EXIT_LEDGER;
}

/* --- attempts of one step ------------------------------------------------------------------------------------ */

/* What was allowed, and what was said of it beforehand. */
static void terms_text(const struct ledger_attempt_row *r, struct buf *out)
{
	if (r->timeout_ms > 0) {
		buf_puts(out, "  timeout  ");
		duration_human(out, r->timeout_ms);
		buf_puts(out, ", then TERM, and KILL ");
		duration_human(out, r->grace_ms);
		buf_puts(out, " later\n");
	}
	if (r->policy)
		buf_addf(out, "  failure  would mean: %s\n", r->policy);
	if (r->consumes)
		buf_addf(out, "  consumes %s\n", r->consumes);
	if (r->provides)
		buf_addf(out, "  provides %s\n", r->provides);
}

static bool attempt_row(void *ctx, const struct ledger_attempt_row *r)
{
	struct buf text = BUF_INIT;
	char start[STAMP_TEXT];

	(void)ctx;
	if (r->phase == ATTEMPT_INTENT || r->phase == ATTEMPT_UNUSED)
		return true;
	buf_addf(&text, "\nattempt %" PRIu32 "  %s\n", r->number, state_word(r->state));
	buf_addf(&text, "  start    %s\n", stamp_format(r->start_wall_ms, start));
	if (r->duration_us >= 0) {
		buf_puts(&text, "  took     ");
		duration_human(&text, r->duration_us / 1000);
		buf_addf(&text, ", %.2fs of processor, %" PRId64 " MiB at most\n",
			 (double)(r->user_us + r->system_us) / 1e6, r->max_rss_kib / 1024);
	}
	if (r->exit_code >= 0)
		buf_addf(&text, "  exit     %d\n", r->exit_code);
	if (r->signal)
		buf_addf(&text, "  signal   SIG%s\n", sigabbrev_np(r->signal));
	if (r->error)
		buf_addf(&text, "  error    %s\n", r->error);
	if (r->leftovers)
		buf_addf(&text, "  left     %" PRIu32 " processes behind, which were killed\n", r->leftovers);
	terms_text(r, &text);
	if (r->command)
		buf_addf(&text, "  command  %s\n", r->command);
	if (!r->log_bytes)
		buf_puts(&text, "  log      empty\n");
	else if (r->log)
		buf_addf(&text, "  log      %s\n", r->log);
	cli_print_clean(text.data);
	buf_release(&text);
	return true;
}

struct units {
	uint32_t unit;
	bool found;
};

static bool keep_unit(void *ctx, const struct ledger_step_row *r)
{
	*(struct units *)ctx = (struct units){r->unit, true};
	return false;
}

static bool artifact_row(void *ctx, const struct ledger_artifact_row *r)
{
	const struct units *u = ctx;
	struct buf line = BUF_INIT;

	if (r->unit != u->unit || !r->artifact.path)
		return true;
	buf_puts(&line, "artifact ");
	tty_clean(&line, span_of(r->artifact.name));
	buf_puts(&line, "  ");
	tty_clean(&line, span_of(r->artifact.path));
	puts(line.data);
	buf_release(&line);
	return true;
}

/* What the table has no room for. */
static void show_step(struct ledger *l, const struct run_name *n)
{
	struct units u = {0};

	if (!ledger_steps(l, n->run, n->step, keep_unit, &u) || !u.found)
		return;
	(void)ledger_attempts(l, n->run, u.unit, attempt_row, NULL);
	(void)ledger_artifacts(l, n->run, artifact_row, &u);
}

static int show_recorded(struct cli *c, const char *text)
{
	struct ledger *l = cli_ledger(c);
	struct run_name n = {.run = -1};
	int code = EXIT_USAGE_ERROR;

	if (l && run_name_find(&n, l, text)) {
		code = show_run(c, l, &n);
		if (n.step && code == EXIT_DONE && c->format != FORMAT_JSON)
			show_step(l, &n);
	}
	run_name_release(&n);
	ledger_close(l);
	return code;
}

/* A job if there is one of that name, else a run. */
int cmd_show(struct cli *c)
{
	const char *text = c->words.n ? c->words.at[0] : "last";
	struct diags *d = diags_new(); /* a Jobfile that does not load hides no run */
	struct jobfile *jf = cli_load_into(c, d);
	const struct job *j = jf ? job_find(jf, text) : NULL;
	int code = j ? show_job(c, jf, j) : show_recorded(c, text);

	jobfile_free(jf);
	diags_free(d);
	return code;
}
