#include "store/plan_hash.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/map.h"
#include "base/ulid.h"
#include "doc/json.h"
#include "store/plan.h"

struct hashing {
	struct map made;       /* a generated id -> how it is called instead */
	struct map claimed;    /* ids that are asserted to be new: somebody chose them */
	const char *correlation; /* of the operation at hand; a part of its key */
	json_t *said;
};

static bool is_generated(const char *id)
{
	const char *ulid = strrchr(id, '_');

	return ulid && ulid_valid(ulid + 1);
}

static void note_made(struct hashing *h, const json_t *op)
{
	const json_t *params = json_object_get(op, "params");
	const char *method = json_str(op, "method"), *id = json_str(params, "aggregate_id");
	const char *event = json_str(params, "event_type"), *verb = event ? strrchr(event, '.') : NULL;

	if (!method || !id)
		return;
	if (!strcmp(method, "assert.not_exists"))
		map_put(&h->claimed, id, NULL);
	if (!strcmp(method, "wal.append") && verb && !strcmp(verb, ".created") && is_generated(id) &&
	    !map_has(&h->claimed, id) && !map_has(&h->made, id))
		map_put(&h->made, id, xasprintf("#%zu", h->made.n));
}

static json_t *replaced(const struct hashing *h, const json_t *v);

static json_t *replaced_list(const struct hashing *h, const json_t *list)
{
	json_t *out = json_array(), *v;
	size_t i;

	json_array_foreach(list, i, v)
		json_array_append_new(out, replaced(h, v));
	return out;
}

static json_t *replaced_map(const struct hashing *h, const json_t *map)
{
	json_t *out = json_object(), *v;
	const char *key;

	json_object_foreach((json_t *)map, key, v)
		json_object_set_new(out, key, replaced(h, v));
	return out;
}

/* A new reference to the value with generated ids replaced. */
static json_t *replaced(const struct hashing *h, const json_t *v)
{
	const char *name = json_is_string(v) ? map_get(&h->made, json_string_value(v)) : NULL;

	if (json_is_array(v))
		return replaced_list(h, v);
	if (json_is_object(v))
		return replaced_map(h, v);
	return name ? json_string(name) : json_incref((json_t *)v);
}

/* A key is made of parts with colons between them; those that are generated are replaced. */
static json_t *replaced_key(const struct hashing *h, const char *key)
{
	struct buf out = BUF_INIT;
	json_t *v;

	for (const char *p = key;; p++) {
		size_t len = strcspn(p, ":");
		char *part = xstrndup(p, len);
		const char *name = map_get(&h->made, part);
		bool is_correlation = h->correlation && !strcmp(part, h->correlation);

		buf_puts(&out, is_correlation ? "#" : name ? name : part);
		free(part);
		p += len;
		if (!*p)
			break;
		buf_putc(&out, ':');
	}
	v = json_stringn(out.data, out.len);
	buf_release(&out);
	return v;
}

static json_t *said_by(struct hashing *h, const json_t *op)
{
	const json_t *params = json_object_get(op, "params");
	const char *key = json_str(params, "idempotency_key"), *method = json_str(op, "method");
	json_t *said = json_is_object(params) ? replaced_map(h, params) : json_object();

	h->correlation = json_str(params, "correlation_id");
	if (method && !strcmp(method, "wal.append")) {
		json_object_del(said, "occurred_at");
		json_object_del(said, "correlation_id");
		if (key)
			json_object_set_new(said, "idempotency_key", replaced_key(h, key));
	}
	return json_pack("[so]", method ? method : "", said);
}

static void each_op(struct hashing *h, const json_t *plan, bool says)
{
	json_t *op;
	size_t i;

	json_array_foreach(json_object_get(plan_inside(plan), "ops"), i, op) {
		if (says)
			json_array_append_new(h->said, said_by(h, op));
		else
			note_made(h, op);
	}
}

static void each_plan(struct hashing *h, const json_t *plans, bool says)
{
	json_t *plan;
	size_t i;

	if (json_is_object(plans))
		each_op(h, plans, says);
	json_array_foreach(plans, i, plan)
		each_op(h, plan, says);
}

void plan_hash(struct digest *d, const json_t *plans)
{
	struct hashing h = {.said = json_array()};

	each_plan(&h, plans, false);
	each_plan(&h, plans, true);
	json_digest(d, h.said);
	json_decref(h.said);
	for (size_t i = 0; i < h.made.n; i++)
		free(h.made.entry[i].value);
	map_release(&h.made);
	map_release(&h.claimed);
}
