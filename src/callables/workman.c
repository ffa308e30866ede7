/*
 * workman: what may be asked of it, and the answers.
 *
 *	{op: pm.compile_intent, intent: {...}}		items = plans, diff, plan_hash
 *	{op: pm.compile_intent, ops, source, actor}	items[0] = {intent, plan, diff, plan_hash}, diff, plan_hash
 *	{op: <one of the catalogue>, payload}		items[0] = the event, for plan.build
 *
 * ctx overrides what events say of the intent.  compile_intent is the first two without op.
 */
#include "callables/workman.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bug.h"
#include "callables/callable.h"
#include "doc/json.h"
#include "store/plan_hash.h"

static const char COMPILE[] = "pm.compile_intent";

struct request {
	const json_t *in;
	json_t *ret;
	struct wm_errors errors;
	struct wm_ids ids;
	struct buf now;
	struct wm_intent intent;
	struct wm_state state;
};

static void start_clock(struct request *r)
{
	const char *clock = getenv("ORCHMAKE_TEST_CLOCK"), *seq = getenv("ORCHMAKE_TEST_SEQ");
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (clock)
		buf_puts(&r->now, clock);
	else
		wm_time_text(&r->now, (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
	r->ids = (struct wm_ids){.counted = seq != NULL, .n = seq ? strtoull(seq, NULL, 10) : 0,
				 .wall_ms = (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000};
}

static void add_stats(json_t *ret, size_t n)
{
	json_object_set_new(ret, "stats",
			    json_pack("{sI sI si si}", "input", (json_int_t)n, "output", (json_int_t)n, "skipped", 0,
				      "errors", 0));
}

/* ---- answers ---- */

/* Takes over plans and diff. */
static void answer_plans(struct request *r, json_t *plans, json_t *diff)
{
	json_t *merged = r->intent.enveloped ? NULL : wm_merge(plans, r->intent.id, &r->ids), *hash;
	struct digest d;

	plan_hash(&d, plans);
	hash = json_string(d.hex);
	add_stats(r->ret, json_array_size(plans));
	if (merged)
		json_object_set_new(r->ret, "items",
				    json_pack("[{sO so sO sO}]", "intent", r->intent.whole, "plan", merged, "diff", diff,
					      "plan_hash", hash));
	else
		json_object_set(r->ret, "items", plans);
	json_object_set_new(r->ret, "diff", diff);
	json_object_set_new(r->ret, "plan_hash", hash);
	json_decref(plans);
}

static void answer_event(struct request *r, json_t *events, json_t *diff)
{
	add_stats(r->ret, json_array_size(events));
	json_object_set_new(r->ret, "items", events);
	json_decref(diff);
}

/* ---- requests ---- */

static bool compile(struct request *r, struct buf *err)
{
	json_t *plans, *diff;

	if (!wm_compile(&r->intent, &r->state, &r->ids, &r->errors, &plans, &diff))
		return false;
	if (r->state.fault.kind != FAULT_NONE) {
		buf_addf(err, "StoracleError: Failed to read the WAL: %s", r->state.fault.text.data);
		json_decref(plans);
		json_decref(diff);
		return false;
	}
	if (r->intent.event_only)
		answer_event(r, plans, diff);
	else
		answer_plans(r, plans, diff);
	return true;
}

/*
 * The log is read as it was before this intent, so that compiling it again gives the same.  The correlation of
 * a single operation may be that of a whole run, of which the events before do count.
 */
static bool with_state(struct request *r, struct buf *err)
{
	const char *intent = r->intent.event_only ? NULL : json_str(r->intent.context, "correlation_id");
	bool good = wm_state_open(&r->state, intent);

	if (!good)
		buf_addf(err, "StoracleError: Failed to read the WAL: %s", r->state.fault.text.data);
	good = good && compile(r, err);
	wm_state_close(&r->state);
	return good;
}

static void tell_errors(struct request *r, struct buf *err)
{
	const json_t *ops = json_object_get(r->intent.whole, "ops");

	wm_errors_text(err, &r->errors, json_array_size(ops));
	json_object_set_new(r->ret, "error",
			    json_pack("{ss ss ss# sO}", "type", "permanent", "class",
				      r->errors.compile ? "CompileError" : "ValidationError", "message", err->data,
				      err->len, "errors", r->errors.list));
}

/* A single operation is an intent of one, of which only the event is wanted. */
static bool read_single(struct request *r, const char *op)
{
	json_t *payload = json_object_get(r->in, "payload"), *ctx = json_object_get(r->in, "ctx");

	r->intent = (struct wm_intent){.event_only = true};
	r->intent.context = json_is_object(ctx) ? json_incref(ctx) : json_object();
	r->intent.whole = json_pack("{s[{ss}]}", "ops", "op", op);
	r->intent.ops = json_object_get(r->intent.whole, "ops");
	if (payload)
		json_object_set(json_array_get(r->intent.ops, 0), "payload", payload);
	return true;
}

static bool read_request(struct request *r, const char *op)
{
	if (!op)
		return wm_error(&r->errors, WM_COMPILE, WM_NO_OP, "op",
				"parameter 'op' has to be %s or an operation such as pm.project.create", COMPILE);
	if (strcmp(op, COMPILE) != 0)
		return read_single(r, op);
	return wm_intent_read(&r->intent, r->in, &r->ids, r->now.data, &r->errors);
}

/* A Jobfile that hands on what it was given hands on null for what it was not. */
static json_t *without_nulls(const json_t *in)
{
	json_t *said = json_copy((json_t *)in), *v;
	const char *key;
	void *next;

	json_object_foreach_safe(said, next, key, v)
		if (json_is_null(v))
			json_object_del(said, key);
	return said;
}

static bool serve(const json_t *in, const char *op, json_t *ret, struct buf *err)
{
	static const char *const words[] = {"op", "intent", "ctx", "ops", "source", "actor", "op_name", "payload", NULL};
	struct request r = {.ret = ret, .now = BUF_INIT};
	json_t *said;
	bool good;

	if (!inputs_known(in, words, err))
		return false;
	r.in = said = without_nulls(in);
	wm_errors_init(&r.errors);
	start_clock(&r);
	good = read_request(&r, op) && with_state(&r, err);
	if (wm_errors_n(&r.errors))
		tell_errors(&r, err);
	wm_intent_release(&r.intent);
	wm_errors_release(&r.errors);
	buf_release(&r.now);
	json_decref(said);
	return good;
}

bool workman(const json_t *in, json_t *ret, struct buf *err)
{
	return serve(in, json_str(in, "op"), ret, err);
}

bool compile_intent(const json_t *in, json_t *ret, struct buf *err)
{
	return serve(in, COMPILE, ret, err);
}
