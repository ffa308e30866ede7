/*
 * status: one run and its steps, in the few words of a plan (succeeded, failed, skipped, canceled), for
 * programs above all; `show` has all the details.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "base/vec.h"
#include "cmd.h"
#include "doc/json.h"
#include "job/outcome.h"
#include "report/table.h"

struct status {
	struct ledger *l;
	int64_t run;
	json_t *doc, *steps, *attempts, *exit_codes, *attempt_states, *events;
	struct buf errors;
	char *job; /* of all steps, if it is the same; then their ids will do */
	bool several_jobs;
	char **id; /* by unit */
	size_t n_ids, room_ids;
	struct table table;
};

/* --- the run ------------------------------------------------------------------------------------------ */

/* A run that was cut off or has not ended keeps its own word. */
static const char *run_word(enum state s)
{
	return s == STATE_TIMED_OUT ? outcome_of(state_word(s)) : state_word(s);
}

static bool take_run(void *ctx, const struct ledger_run_row *r)
{
	struct status *s = ctx;

	json_object_set_new(s->doc, "run", json_string(r->id));
	json_object_set_new(s->doc, "target", json_string(r->target));
	json_object_set_new(s->doc, "run_state", json_string(run_word(r->state)));
	json_object_set_new(s->doc, "degraded", json_boolean(r->degraded));
	json_object_set_new(s->doc, "exit_code", r->exit_code < 0 ? json_null() : json_integer(r->exit_code));
	json_object_set_new(s->doc, "duration_ms",
			    r->duration_ms < 0 ? json_null() : json_integer(r->duration_ms));
	if (r->error)
		buf_addf(&s->errors, "%s\n", r->error);
	return true;
}

/* What the plan's metadata say of who it belongs to, with the defaults that its readers know. */
static void take_metadata(struct status *s)
{
	struct buf text = BUF_INIT, err = BUF_INIT;
	json_t *definition = NULL, *metadata;

	if (s->job && ledger_run_definition(s->l, s->run, &text) && text.len)
		definition = json_parse(text.data, text.len, &err);
	metadata = json_object_get(json_object_get(json_object_get(json_object_get(definition, "jobfile"), "jobs"),
						   s->job), "metadata");
	if (json_object_get(metadata, "plan_version")) {
		const char *project = json_str(metadata, "project"), *phase = json_str(metadata, "phase_id");

		json_object_set_new(s->doc, "project_id", json_string(project ? project : "unknown"));
		json_object_set_new(s->doc, "phase_id", json_string(phase ? phase : "ORCHESTRATED"));
	}
	json_decref(definition);
	buf_release(&text);
	buf_release(&err);
}

/* --- steps ---------------------------------------------------------------------------------------------- */

static bool see_job(void *ctx, const struct ledger_step_row *r)
{
	struct status *s = ctx;

	if (!s->job)
		s->job = xstrdup(r->job);
	s->several_jobs |= strcmp(s->job, r->job) != 0;
	return !s->several_jobs;
}

/* The step's id where that is enough, else its whole name. */
static const char *id_of(const struct status *s, const struct ledger_step_row *r)
{
	size_t n = strlen(r->job);

	return !s->several_jobs && !strncmp(r->name, r->job, n) && r->name[n] == '/' ? r->name + n + 1 : r->name;
}

/* -n: killed by signal n; -1: it never started, or was stopped at its timeout. */
static json_t *exit_json(const struct ledger_step_row *r)
{
	if (r->state == STATE_TIMED_OUT || (r->exit_code < 0 && !r->signal))
		return json_integer(-1);
	return json_integer(r->signal ? -r->signal : r->exit_code);
}

struct longest {
	int64_t timeout_ms;
};

static bool see_timeout(void *ctx, const struct ledger_attempt_row *r)
{
	((struct longest *)ctx)->timeout_ms = r->timeout_ms;
	return true;
}

static void add_error(struct status *s, const char *id, const struct ledger_step_row *r, struct buf *text)
{
	struct longest last = {0};

	if (r->state == STATE_TIMED_OUT && ledger_attempts(s->l, s->run, r->unit, see_timeout, &last)) {
		buf_puts(text, "timeout after ");
		duration_format(text, last.timeout_ms);
	} else if (r->error) {
		buf_puts(text, r->error);
	}
	if (text->len)
		buf_addf(&s->errors, "%s: %s\n", id, text->data);
}

static void add_row(struct status *s, const char *id, const struct ledger_step_row *r, const char *error)
{
	struct buf text = BUF_INIT;

	table_cell(&s->table, id);
	table_cell(&s->table, outcome_of(state_word(r->state)));
	if (r->attempts)
		buf_addf(&text, "%" PRIu32, r->attempts);
	table_cell(&s->table, text.data);
	buf_reset(&text);
	if (r->duration_ms >= 0 && r->attempts)
		duration_human(&text, r->duration_ms);
	table_cell(&s->table, text.data);
	table_cell(&s->table, error);
	buf_release(&text);
}

static void keep_id(struct status *s, uint32_t unit, const char *id)
{
	while (s->n_ids <= unit)
		VEC_PUSH(s->id, s->n_ids, s->room_ids, NULL);
	s->id[unit] = xstrdup(id);
}

static bool take_step(void *ctx, const struct ledger_step_row *r)
{
	struct status *s = ctx;
	const char *id = id_of(s, r);
	struct buf error = BUF_INIT;

	json_object_set_new(s->steps, id, json_string(outcome_of(state_word(r->state))));
	json_object_set_new(s->attempts, id, json_integer(r->attempts));
	if (r->attempts && state_is_final(r->state))
		json_object_set_new(s->exit_codes, id, exit_json(r));
	add_error(s, id, r, &error);
	add_row(s, id, r, error.data);
	keep_id(s, r->unit, id);
	buf_release(&error);
	return true;
}

static bool take_attempt(void *ctx, const struct ledger_attempt_row *r)
{
	struct status *s = ctx;
	json_t *list;

	if (r->phase == ATTEMPT_INTENT || r->phase == ATTEMPT_UNUSED || r->unit >= s->n_ids || !s->id[r->unit])
		return true;
	list = json_object_get(s->attempt_states, s->id[r->unit]);
	if (!list) {
		list = json_array();
		json_object_set_new(s->attempt_states, s->id[r->unit], list);
	}
	json_array_append_new(list, json_string(outcome_of(state_word(r->state))));
	return true;
}

static bool take_event(void *ctx, const struct run_event *e)
{
	json_array_append_new(((struct status *)ctx)->events, json_string(event_word(e->kind)));
	return true;
}

/* --- all --------------------------------------------------------------------------------------------------- */

static bool gather(struct status *s)
{
	if (!ledger_run_get(s->l, s->run, take_run, s) || !ledger_steps(s->l, s->run, NULL, see_job, s) ||
	    !ledger_steps(s->l, s->run, NULL, take_step, s) ||
	    !ledger_attempts(s->l, s->run, LEDGER_ANY, take_attempt, s) ||
	    !ledger_events(s->l, s->run, 1, 0, take_event, s))
		return false;
	if (!s->several_jobs)
		take_metadata(s);
	return true;
}

static void print_text(const struct status *s)
{
	struct buf took = BUF_INIT;
	bool degraded = json_is_true(json_object_get(s->doc, "degraded")) &&
			!strcmp(json_str(s->doc, "run_state"), state_word(STATE_SUCCEEDED));

	duration_human(&took, json_integer_value(json_object_get(s->doc, "duration_ms")));
	printf("%s  %s: %s%s%s%s\n\n", json_str(s->doc, "run"), json_str(s->doc, "target"),
	       json_str(s->doc, "run_state"), degraded ? " (degraded)" : "",
	       json_is_integer(json_object_get(s->doc, "duration_ms")) ? " after " : "",
	       json_is_integer(json_object_get(s->doc, "duration_ms")) ? took.data : "");
	table_print(&s->table, stdout);
	buf_release(&took);
}

static void print_json(struct status *s)
{
	json_object_set(s->doc, "steps", s->steps);
	json_object_set(s->doc, "attempts", s->attempts);
	json_object_set(s->doc, "exit_codes", s->exit_codes);
	json_object_set(s->doc, "attempt_states", s->attempt_states);
	json_object_set(s->doc, "events", s->events);
	json_object_set_new(s->doc, "errors", json_string(s->errors.data));
	cli_print_json(s->doc);
}

static void status_init(struct status *s)
{
	*s = (struct status){.doc = json_object(), .steps = json_object(), .attempts = json_object(),
			     .exit_codes = json_object(), .attempt_states = json_object(),
			     .events = json_array(), .errors = BUF_INIT};
	table_init(&s->table, (const char *const[]){"step", "state", "tries", "took", "error"}, 5);
}

static void status_release(struct status *s)
{
	json_t *values[] = {s->doc, s->steps, s->attempts, s->exit_codes, s->attempt_states, s->events};

	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		json_decref(values[i]);
	for (size_t i = 0; i < s->n_ids; i++)
		free(s->id[i]);
	free(s->id);
	free(s->job);
	buf_release(&s->errors);
	table_release(&s->table);
}

int cmd_status(struct cli *c)
{
	struct ledger *l = cli_ledger(c);
	int64_t run = l ? cli_run(l, c->words.n ? c->words.at[0] : NULL) : -1;
	struct status s;
	int code = EXIT_USAGE_ERROR;

	if (run >= 0) {
		status_init(&s);
		s.l = l;
		s.run = run;
		code = gather(&s) ? EXIT_DONE : EXIT_LEDGER;
		if (code)
			cli_error("%s", ledger_error(l)->text.data);
		else if (c->format == FORMAT_JSON)
			print_json(&s);
		else
			print_text(&s);
		status_release(&s);
	}
	ledger_close(l);
	return code;
}
