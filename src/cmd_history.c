/* history: the runs there were. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/quote.h"
#include "base/stamp.h"
#include "cmd.h"
#include "doc/json.h"
#include "report/table.h"
#include "run_name.h"

enum { SHORT_ID = 10, VALUE_MAX = 40, DEFAULT_LIMIT = 20, DAY_MS = 24 * 60 * 60 * 1000 };

struct shown {
	struct table table;
	json_t *list;
};

static void counts_text(const struct ledger_run_row *r, struct buf *out)
{
	buf_addf(out, "%" PRIu32 "/%" PRIu32, r->n.succeeded, r->n.total);
	if (r->n.failed)
		buf_addf(out, ", %" PRIu32 " failed", r->n.failed);
	if (r->n.skipped)
		buf_addf(out, ", %" PRIu32 " not run", r->n.skipped);
}

/* What the run was given, not what its Jobfile says without.  New reference. */
static json_t *params_of(const struct ledger_run_row *r)
{
	struct buf err = BUF_INIT;
	json_t *params = r->params ? json_parse(r->params, strlen(r->params), &err) : NULL;

	buf_release(&err);
	return params ? params : json_object();
}

static void add_value(struct buf *out, const json_t *value, size_t max)
{
	struct buf text = BUF_INIT;

	if (json_is_string(value))
		quote_word(&text, json_string_value(value));
	else
		json_text(&text, value, JSON_TIGHT);
	for (; text.len > max && (text.data[max] & 0xC0) == 0x80; max--)
		; /* no part of a character */
	buf_addf(out, "%.*s%s", (int)(text.len > max ? max : text.len), text.data, text.len > max ? "..." : "");
	buf_release(&text);
}

void run_params_text(const struct ledger_run_row *r, size_t max, struct buf *out)
{
	json_t *params = params_of(r), *value;
	const char *name;

	json_object_foreach(params, name, value) {
		buf_addf(out, " %s=", name);
		add_value(out, value, max);
	}
	json_decref(params);
}

json_t *run_row_json(const struct ledger_run_row *r)
{
	char start[STAMP_TEXT], end[STAMP_TEXT];

	return json_pack("{s:s, s:s, s:s, s:b, s:s, s:s*, s:I, s:i, s:{s:i, s:i, s:i, s:i, s:i}, s:s*, s:s*, s:o}", "run", r->id,
			 "target", r->target, "state", state_word(r->state), "degraded", r->degraded, "start",
			 stamp_format(r->start_wall_ms, start), "end",
			 r->end_wall_ms >= 0 ? stamp_format(r->end_wall_ms, end) : NULL, "duration_ms",
			 (json_int_t)r->duration_ms, "exit_code", r->exit_code, "steps", "total", (int)r->n.total,
			 "settled", (int)r->n.settled, "succeeded", (int)r->n.succeeded, "failed", (int)r->n.failed,
			 "skipped", (int)r->n.skipped, "error", r->error, "plan", r->plan, "params", params_of(r));
}

static bool show_run(void *ctx, const struct ledger_run_row *r)
{
	struct shown *s = ctx;
	char start[STAMP_TEXT], id[SHORT_ID + 1];
	struct buf text = BUF_INIT;

	json_array_append_new(s->list, run_row_json(r));
	snprintf(id, sizeof(id), "%s", r->id);
	stamp_format(r->start_wall_ms, start);
	start[19] = 0; /* to the second */
	start[10] = ' ';
	table_cell(&s->table, id);
	table_cell(&s->table, start);
	buf_puts(&text, state_word(r->state));
	if (r->degraded && r->state == STATE_SUCCEEDED)
		buf_puts(&text, " (degraded)");
	table_cell(&s->table, text.data);
	buf_reset(&text);
	if (r->duration_ms >= 0)
		duration_human(&text, r->duration_ms);
	table_cell(&s->table, text.data);
	buf_reset(&text);
	counts_text(r, &text);
	table_cell(&s->table, text.data);
	buf_reset(&text);
	buf_puts(&text, r->target);
	run_params_text(r, VALUE_MAX, &text);
	table_cell(&s->table, text.data);
	buf_release(&text);
	return true;
}

/* `7d` is so long ago; else a date or an instant. */
static bool moment_of(const char *text, int64_t *ret_ms)
{
	int64_t ms;

	if (duration_parse(text, &ms)) {
		*ret_ms = stamp_wall_ms() - ms;
		return true;
	}
	if (stamp_parse(text, ret_ms))
		return true;
	cli_error("--since: '%s' is neither a time such as 7d nor a date", text);
	return false;
}

/* A day that ends a range belongs to it. */
static bool end_of(const char *text, int64_t *ret_ms)
{
	static const char day[] = "2026-01-31";

	if (!moment_of(text, ret_ms))
		return false;
	if (strlen(text) == strlen(day) && strchr(text, '-'))
		*ret_ms += DAY_MS;
	return true;
}

/* FROM or FROM..TO. */
static bool since_of(const char *text, struct ledger_run_filter *f)
{
	const char *dots = text ? strstr(text, "..") : NULL;
	char *from = dots ? xstrndup(text, (size_t)(dots - text)) : text ? xstrdup(text) : NULL;
	bool good = !from || (moment_of(from, &f->since_ms) && (!dots || end_of(dots + 2, &f->before_ms)));

	free(from);
	if (good && dots && f->before_ms <= f->since_ms) {
		cli_error("--since: '%s' ends before it begins", text);
		good = false;
	}
	return good;
}

int cmd_history(struct cli *c)
{
	struct ledger_run_filter f = {
		.target = c->words.n ? c->words.at[0] : NULL,
		.limit = c->limit ? (uint32_t)c->limit : DEFAULT_LIMIT,
		.states = c->failed ? 1u << STATE_FAILED | 1u << STATE_TIMED_OUT | 1u << STATE_CANCELED |
					      1u << STATE_INTERRUPTED | 1u << STATE_LOST : 0,
	};
	struct shown s = {.list = json_array()};
	struct ledger *l = since_of(c->since, &f) ? cli_ledger(c) : NULL;
	int code = EXIT_USAGE_ERROR;

	if (l) {
		table_init(&s.table, (const char *const[]){"run", "start (UTC)", "state", "took", "steps", "target"}, 6);
		code = ledger_runs(l, &f, show_run, &s) ? EXIT_DONE : EXIT_LEDGER;
		if (code)
			cli_error("%s", ledger_error(l)->text.data);
		else if (c->format == FORMAT_JSON)
			cli_print_json(s.list);
		else
			table_print(&s.table, stdout);
		table_release(&s.table);
	}
	json_decref(s.list);
	ledger_close(l);
	return code;
}
