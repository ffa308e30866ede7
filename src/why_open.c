#include "why_open.h"

#include <jansson.h>
#include <string.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "doc/json.h"
#include "rows.h"

/* The first row of a documented view, with these arguments.  New reference, NULL: there is none. */
static json_t *first_row(struct ledger *l, const char *sql, const char *const *arg, size_t n_args)
{
	const struct ledger_query q = {.sql = sql, .arg = arg, .n_args = n_args};
	struct rows_json j;
	json_t *rows, *row;

	rows_json_begin(&j);
	(void)ledger_sql(l, &q, rows_json_head, rows_json_row, &j);
	rows = rows_json_end(&j);
	row = json_incref(json_array_get(rows, 0));
	json_decref(rows);
	return row;
}

static json_t *of_step(struct ledger *l, const struct ledger_step_row *r, const char *sql)
{
	return first_row(l, sql, (const char *const[]){r->run_id, r->name}, 2);
}

static bool says_that_it_runs(struct ledger *l, const struct ledger_step_row *r, struct buf *out)
{
	json_t *now = of_step(l, r, "SELECT attempt, elapsed_ms FROM v_current_steps WHERE run = ?1 AND step = ?2");

	if (now) {
		buf_addf(out, "%s is running: attempt %" JSON_INTEGER_FORMAT ", for ", r->name,
			 json_integer_value(json_object_get(now, "attempt")));
		duration_human(out, json_integer_value(json_object_get(now, "elapsed_ms")));
	}
	json_decref(now);
	return now != NULL;
}

/* By the last thing that happened to it. */
static const char *waits_for(const char *event)
{
	static const struct {
		const char *event, *text;
	} known[] = {
		{"step_ready", "its needs have ended; it waits for a slot, a pool or a lock"},
		{"step_retry", "it pauses before its next attempt"},
		{"approval_asked", "it waits for an approval"},
	};

	for (size_t i = 0; event && i < ARRAY_LEN(known); i++)
		if (!strcmp(known[i].event, event))
			return known[i].text;
	return "what it needs has not ended, or so much is ready that its turn is far";
}

bool why_held(struct ledger *l, const char *run_id, struct buf *out)
{
	json_t *last = first_row(l, "SELECT event, cause FROM v_events WHERE run = ?1 AND event IN ('load_high',"
				    " 'load_fine') ORDER BY seq DESC LIMIT 1", &run_id, 1);
	const char *event = last ? json_str(last, "event") : NULL;
	bool held = event && !strcmp(event, "load_high");

	if (held)
		buf_puts(out, json_str(last, "cause"));
	json_decref(last);
	return held;
}

static void say_waits(struct ledger *l, const struct ledger_step_row *r, struct buf *out)
{
	json_t *last = of_step(l, r, "SELECT event FROM v_events WHERE run = ?1 AND step = ?2 ORDER BY seq DESC LIMIT 1");
	struct buf held = BUF_INIT;

	buf_addf(out, "%s waits: %s", r->name, waits_for(last ? json_str(last, "event") : NULL));
	if (why_held(l, r->run_id, &held))
		buf_addf(out, "\n  nothing more starts for now: %s", held.data);
	json_decref(last);
	buf_release(&held);
}

void why_open(struct ledger *l, const struct ledger_step_row *r, struct buf *out)
{
	if (!says_that_it_runs(l, r, out))
		say_waits(l, r, out);
}
