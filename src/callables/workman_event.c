/* An action as an event of the log, with the assertions that have to hold before, in a plan. */
#include "callables/workman.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "doc/json.h"

static const char PLAN_VERSION[] = "storacle.plan/1.0.0";

void wm_action_release(struct wm_action *a)
{
	json_decref(a->payload);
	free(a->id);
	free(a->key);
}

void wm_settle_id(struct wm_action *a, struct wm_ids *ids)
{
	char *field = xasprintf("%s_id", a->op->aggregate), *prefix = xasprintf("%s_", a->of->prefix);
	const char *given = json_str(a->payload, field);

	a->id_given = given && *given;
	if (!a->id_given)
		json_object_set_new(a->payload, field, wm_id_json(ids, prefix));
	a->id = xstrdup(json_str(a->payload, field));
	free(field);
	free(prefix);
}

/* ---- what has to exist ---- */

static const char *text_at(const struct wm_action *a, struct span field)
{
	const char *text = json_string_value(json_object_getn(a->payload, field.at, field.len));

	return text && *text ? text : NULL;
}

static json_t *aggregate(struct span type, const char *id)
{
	return json_pack("{ss%ss}", "aggregate_type", type.at, type.len, "aggregate_id", id);
}

/* What the payload refers to, in the order of the catalogue; only_ids leaves out what another field types. */
static json_t *referred(const struct wm_action *a, bool only_ids)
{
	const char *refs = a->op->refs;
	json_t *list = json_array();
	struct pm_ref ref;

	while (pm_ref_next(&refs, &ref)) {
		const char *id = text_at(a, ref.field), *type = ref.by_field.len ? text_at(a, ref.by_field) : NULL;

		if (id && ref.aggregate.len)
			json_array_append_new(list, aggregate(ref.aggregate, id));
		else if (id && type && !only_ids)
			json_array_append_new(list, aggregate(span_of(type), id));
	}
	return list;
}

/* ---- the event ---- */

static char *event_type(const struct wm_action *a)
{
	return xasprintf("%s.%s", a->op->aggregate, a->op->event);
}

/* A part of the key that the context may lack. */
static const char *part(const json_t *context, const char *key)
{
	const char *text = json_str(context, key);

	return text && *text ? text : "unknown";
}

char *wm_key(const struct wm_action *a, const json_t *context)
{
	return xasprintf("%s:%s:%s:%s:%s", part(context, "producer"), a->op->name, a->op->aggregate, a->id,
			 part(context, "correlation_id"));
}

json_t *wm_event(const struct wm_action *a)
{
	char *type = event_type(a);
	json_t *event = json_pack("{ssssss sO ss sb sb so}", "event_type", type, "aggregate_type", a->op->aggregate,
				  "aggregate_id", a->id, "payload", a->payload, "idempotency_key", a->key, "is_create",
				  a->creates, "caller_supplied_id", a->id_given, "fk_refs", referred(a, true));

	free(type);
	return event;
}

/* What the context says of the event, where it says something. */
static void add_context(json_t *params, const json_t *context)
{
	static const char *const keys[] = {"occurred_at", "actor", "correlation_id", "producer"};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		json_t *v = json_object_get(context, keys[i]);

		if (v && !json_is_null(v))
			json_object_set(params, keys[i], v);
	}
}

static json_t *append_params(const struct wm_action *a, const json_t *context)
{
	char *type = event_type(a);
	json_t *params = json_pack("{ssssssss}", "idempotency_key", a->key, "event_type", type, "aggregate_type",
				   a->op->aggregate, "aggregate_id", a->id);

	add_context(params, context);
	json_object_set(params, "payload", a->payload);
	free(type);
	return params;
}

/* ---- plans ---- */

/* Takes over params.  Assertions are a1, a2, ..., writes w1, w2, ... */
static void add_op(json_t *ops, char kind, size_t number, const char *method, json_t *params)
{
	char *id = xasprintf("%c%zu", kind, number);

	json_array_append_new(ops, json_pack("{sssssssO}", "jsonrpc", "2.0", "id", id, "method", method, "params", params));
	json_decref(params);
	free(id);
}

static json_t *make_plan(json_t *ops, const char *op, const char *correlation, struct wm_ids *ids)
{
	return json_pack("{ss so ss s{ss ss ss} so}", "plan_version", PLAN_VERSION, "plan_id", wm_id_json(ids, "ulid:"),
			 "jsonrpc", "2.0", "meta", "source", "workman", "op", op, "correlation_id", correlation, "ops", ops);
}

json_t *wm_plan(const struct wm_action *a, const json_t *context, struct wm_ids *ids)
{
	json_t *ops = json_array(), *refs = referred(a, false), *ref;
	size_t n = 0, i;

	if (!a->creates || a->id_given)
		add_op(ops, 'a', ++n, a->creates ? "assert.not_exists" : "assert.exists",
		       aggregate(span_of(a->op->aggregate), a->id));
	json_array_foreach(refs, i, ref)
		add_op(ops, 'a', ++n, "assert.exists", json_incref(ref));
	json_decref(refs);
	add_op(ops, 'w', 1, "wal.append", append_params(a, context));
	return make_plan(ops, a->op->name, part(context, "correlation_id"), ids);
}

json_t *wm_merge(const json_t *plans, const char *intent_id, struct wm_ids *ids)
{
	json_t *ops = json_array(), *plan, *op;
	size_t asserts = 0, writes = 0, i, k;

	json_array_foreach(plans, i, plan)
		json_array_foreach(json_object_get(plan, "ops"), k, op) {
			const char *method = json_str(op, "method");
			bool is_write = !strcmp(method, "wal.append");

			add_op(ops, is_write ? 'w' : 'a', is_write ? ++writes : ++asserts, method,
			       json_incref(json_object_get(op, "params")));
		}
	return make_plan(ops, "pm.compile_intent", intent_id, ids);
}
