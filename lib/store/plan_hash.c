#include "store/plan_hash.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/map.h"
#include "base/ulid.h"
#include "doc/json.h"
#include "store/plan.h"

struct hashing {
	struct map made;    /* a generated id -> how it is called instead */
	struct map claimed; /* ids that are asserted to be new: somebody chose them */
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

/* Parts of a key with colons between them; those that are generated are replaced. */
static void add_parts(struct buf *out, const struct hashing *h, const char *parts, size_t len)
{
	for (const char *p = parts, *end = parts + len;;) {
		const char *colon = memchr(p, ':', (size_t)(end - p));
		size_t n = (size_t)((colon ? colon : end) - p);
		const char *name = map_get_n(&h->made, p, n);

		if (name)
			buf_puts(out, name);
		else
			buf_add(out, p, n);
		if (!colon)
			return;
		buf_putc(out, ':');
		p = colon + 1;
	}
}

/* Where the correlation begins in a key, which is a part of it or several; NULL if it is not there. */
static const char *find_correlation(const char *key, const char *correlation)
{
	size_t n = correlation ? strlen(correlation) : 0;

	for (const char *p = key; n && (p = strstr(p, correlation)); p++)
		if ((p == key || p[-1] == ':') && (!p[n] || p[n] == ':'))
			return p;
	return NULL;
}

/* The key without what was generated: ids, and the run or intent that it is of. */
static json_t *replaced_key(const struct hashing *h, const char *key, const char *correlation)
{
	const char *at = find_correlation(key, correlation), *rest = at ? at + strlen(correlation) : key;
	struct buf out = BUF_INIT;
	json_t *v;

	if (at) {
		add_parts(&out, h, key, (size_t)(at - key));
		buf_putc(&out, '#');
	}
	add_parts(&out, h, rest, strlen(rest));
	v = json_stringn(out.data, out.len);
	buf_release(&out);
	return v;
}

static json_t *said_by(const struct hashing *h, const json_t *op)
{
	const json_t *params = json_object_get(op, "params");
	const char *key = json_str(params, "idempotency_key"), *method = json_str(op, "method");
	json_t *said = json_is_object(params) ? replaced_map(h, params) : json_object();

	if (method && !strcmp(method, "wal.append")) {
		json_object_del(said, "occurred_at");
		json_object_del(said, "correlation_id");
		if (key)
			json_object_set_new(said, "idempotency_key", replaced_key(h, key, json_str(params, "correlation_id")));
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
