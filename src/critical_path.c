#include "critical_path.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/span.h"
#include "base/stamp.h"
#include "base/vec.h"
#include "doc/json.h"
#include "report_graph.h"

struct ran {
	json_t **by_unit; /* {name, tries: [{start, duration}]}, as report_graph() takes them; NULL: no step */
	size_t n, room;
	int64_t start_mono_ns;
};

static bool take_run(void *ctx, const struct ledger_run_row *r)
{
	((struct ran *)ctx)->start_mono_ns = r->start_mono_ns;
	return true;
}

static bool take_step(void *ctx, const struct ledger_step_row *r)
{
	struct ran *ran = ctx;

	while (ran->n <= r->unit)
		VEC_PUSH(ran->by_unit, ran->n, ran->room, NULL);
	ran->by_unit[r->unit] = json_pack("{s:s, s:[]}", "name", r->name, "tries");
	return true;
}

static bool take_attempt(void *ctx, const struct ledger_attempt_row *r)
{
	struct ran *ran = ctx;

	if (r->phase == ATTEMPT_ENDED && r->unit < ran->n && ran->by_unit[r->unit] && r->duration_us >= 0)
		json_array_append_new(json_object_get(ran->by_unit[r->unit], "tries"),
				      json_pack("{s:I, s:I}", "start",
						(json_int_t)((r->start_mono_ns - ran->start_mono_ns) / NS_PER_MS),
						"duration", (json_int_t)(r->duration_us / 1000)));
	return true;
}

static int64_t number(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

static json_t *entry(const json_t *step)
{
	const json_t *tries = json_object_get(step, "tries");
	const json_t *first = json_array_get(tries, 0), *last = json_array_get(tries, json_array_size(tries) - 1);

	return json_pack("{s:s, s:I, s:I}", "step", json_str(step, "name"), "start_ms", (json_int_t)number(first, "start"),
			 "took_ms", (json_int_t)(number(last, "start") + number(last, "duration") - number(first, "start")));
}

static int by_start(const void *a, const void *b)
{
	int64_t x = number(*(json_t *const *)a, "start_ms"), y = number(*(json_t *const *)b, "start_ms");

	return (x > y) - (x < y);
}

static json_t *listed(const struct ran *ran)
{
	json_t **entries = NULL, *list = json_array();
	size_t n = 0, room = 0;

	for (size_t u = 0; u < ran->n; u++)
		if (ran->by_unit[u] && json_is_true(json_object_get(ran->by_unit[u], "critical_path")))
			VEC_PUSH(entries, n, room, entry(ran->by_unit[u]));
	if (n)
		qsort(entries, n, sizeof(*entries), by_start);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, entries[i]);
	free(entries);
	return list;
}

json_t *critical_path(struct ledger *l, int64_t run)
{
	struct ran ran = {0};
	struct buf definition = BUF_INIT;
	json_t *list = NULL, *drawn = json_object();

	if (ledger_run_get(l, run, take_run, &ran) && ledger_steps(l, run, NULL, take_step, &ran) &&
	    ledger_attempts(l, run, LEDGER_ANY, take_attempt, &ran) && ledger_run_definition(l, run, &definition)) {
		if (definition.len)
			report_graph(drawn, (struct span){definition.data, definition.len}, ran.by_unit, ran.n);
		list = listed(&ran);
	}
	for (size_t u = 0; u < ran.n; u++)
		json_decref(ran.by_unit[u]);
	free(ran.by_unit);
	json_decref(drawn);
	buf_release(&definition);
	return list;
}
