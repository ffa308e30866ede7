/* The two shapes of an intent: an envelope, or operations with who asks for them. */
#include "callables/workman.h"

#include <string.h>

#include "base/bug.h"
#include "callables/convert.h"
#include "doc/json.h"
#include "store/params.h"

enum { OPS_MAX = 100, US_PER_MS = 1000 };

static bool complain(struct wm_errors *e, const char *what)
{
	return wm_error(e, WM_COMPILE, WM_NO_OP, NULL, "%s", what);
}

static bool is_text(const json_t *v)
{
	return json_is_string(v) && json_string_length(v);
}

/* ---- the envelope ---- */

static void check_present(const json_t *intent, struct wm_errors *e)
{
	static const char *const required[] = {"intent_id", "ops", "source", "actor", "issued_at"};

	for (size_t i = 0; i < ARRAY_LEN(required); i++)
		if (!json_object_get(intent, required[i]))
			wm_error(e, WM_COMPILE, WM_NO_OP, required[i], "PMIntent missing required field: %s", required[i]);
}

static void check_texts(const json_t *intent, struct wm_errors *e)
{
	static const char *const texts[] = {"intent_id", "source", "issued_at"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (json_object_get(intent, texts[i]) && !is_text(json_object_get(intent, texts[i])))
			wm_error(e, WM_COMPILE, WM_NO_OP, texts[i], "PMIntent.%s must be a non-empty text", texts[i]);
}

static void check_words(const json_t *intent, struct wm_errors *e)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)intent, key, v)
		if (!word_in("intent_id ops source actor issued_at description", key))
			wm_error(e, WM_COMPILE, WM_NO_OP, key, "PMIntent has an unknown field: %s", key);
}

static void check_count(const json_t *ops, const char *name, struct wm_errors *e)
{
	if (!json_is_array(ops) || !json_array_size(ops))
		wm_error(e, WM_COMPILE, WM_NO_OP, "ops", "%s must be a non-empty list", name);
	else if (json_array_size(ops) > OPS_MAX)
		wm_error(e, WM_COMPILE, WM_NO_OP, "ops", "%s has %zu operations, and at most %d are allowed", name,
			 json_array_size(ops), OPS_MAX);
}

static void check_envelope(const json_t *intent, struct wm_errors *e)
{
	const json_t *actor = json_object_get(intent, "actor"), *ops = json_object_get(intent, "ops");

	check_present(intent, e);
	check_texts(intent, e);
	check_words(intent, e);
	if (actor && (!json_object_get(actor, "actor_type") || !json_object_get(actor, "actor_id")))
		wm_error(e, WM_COMPILE, WM_NO_OP, "actor", "PMIntent.actor must have actor_type and actor_id");
	if (ops)
		check_count(ops, "PMIntent.ops", e);
}

/* ---- operations and who asks ---- */

static bool is_actor_type(const char *type)
{
	return type && *type && word_in("human system ai", type);
}

static bool check_actor(const json_t *actor, struct wm_errors *e)
{
	const json_t *type = json_object_get(actor, "actor_type");
	struct buf got = BUF_INIT;

	if (!json_is_object(actor))
		return complain(e, "actor must be a dict");
	if (!type)
		return complain(e, "actor must have actor_type field");
	if (!json_object_get(actor, "actor_id"))
		return complain(e, "actor must have actor_id field");
	if (is_actor_type(json_string_value(type)))
		return true;
	wm_repr(&got, type);
	wm_error(e, WM_COMPILE, WM_NO_OP, "actor", "actor_type must be one of ('human', 'system', 'ai'), got %s", got.data);
	buf_release(&got);
	return false;
}

/* {op_name, payload} is the list of that one. */
static json_t *single_op(const json_t *in)
{
	return json_pack("[{sO sO}]", "op", json_object_get(in, "op_name"), "payload", json_object_get(in, "payload"));
}

/* The operations, a new reference; NULL after a complaint. */
static json_t *given_ops(const json_t *in, struct wm_errors *e)
{
	json_t *ops = json_object_get(in, "ops"), *name = json_object_get(in, "op_name");
	const json_t *payload = json_object_get(in, "payload");
	size_t before = wm_errors_n(e);

	if (ops && (name || payload))
		complain(e, "Pass either (op_name, payload) or ops, not both");
	else if (!name)
		check_count(ops, "ops", e);
	else if (!is_text(name))
		complain(e, "op_name must be a non-empty string");
	else if (!json_is_object(payload))
		complain(e, "payload must be a dict");
	if (wm_errors_n(e) > before)
		return NULL;
	return name ? single_op(in) : json_incref(ops);
}

static json_t *make_envelope(const json_t *in, struct wm_ids *ids, const char *now, struct wm_errors *e)
{
	json_t *source = json_object_get(in, "source"), *actor = json_object_get(in, "actor"), *ops;
	size_t before = wm_errors_n(e);

	if (!is_text(source))
		complain(e, "source must be a non-empty string");
	check_actor(actor, e);
	ops = given_ops(in, e);
	if (wm_errors_n(e) > before) {
		json_decref(ops);
		return NULL;
	}
	return json_pack("{so so sO sO ss}", "intent_id", wm_id_json(ids, "pmi_"), "ops", ops, "source", source, "actor",
			 actor, "issued_at", now);
}

/* ---- both ---- */

/* What the events say of the intent; what ctx gives wins. */
static json_t *context_of(const json_t *whole, const json_t *ctx)
{
	json_t *context = json_pack("{sO sO sO sO}", "correlation_id", json_object_get(whole, "intent_id"), "producer",
				    json_object_get(whole, "source"), "actor", json_object_get(whole, "actor"),
				    "occurred_at", json_object_get(whole, "issued_at"));

	if (json_is_object(ctx))
		json_object_update(context, (json_t *)ctx);
	return context;
}

/* From here on ids follow from the intent's. */
static void seed_ids(struct wm_ids *ids, const struct wm_intent *it)
{
	int64_t us;

	ids->of = it->id;
	ids->wall_ms = 0;
	if (time_parse(json_str(it->whole, "issued_at"), &us) && us > 0)
		ids->wall_ms = us / US_PER_MS;
}

static bool check_ctx(const json_t *ctx, struct wm_errors *e)
{
	return !ctx || json_is_object(ctx) || complain(e, "ctx must be a map");
}

static bool says_nothing(const json_t *in)
{
	return !json_object_get(in, "ops") && !json_object_get(in, "op_name") && !json_object_get(in, "source") &&
	       !json_object_get(in, "actor");
}

bool wm_intent_read(struct wm_intent *it, const json_t *in, struct wm_ids *ids, const char *now,
		    struct wm_errors *e)
{
	json_t *intent = json_object_get(in, "intent");

	*it = (struct wm_intent){.enveloped = intent != NULL};
	check_ctx(json_object_get(in, "ctx"), e);
	if (intent && (json_object_get(in, "ops") || json_object_get(in, "op_name")))
		complain(e, "Pass either intent or ops, not both");
	else if (!intent && says_nothing(in))
		complain(e, "there is no intent: give {intent: {intent_id, ops, source, actor, issued_at}}, or {ops, source,"
			    " actor}");
	else if (!intent)
		it->whole = make_envelope(in, ids, now, e);
	else if (!json_is_object(intent))
		complain(e, "intent must be a map: {intent_id, ops, source, actor, issued_at}");
	else
		check_envelope(intent, e);
	if (wm_errors_n(e))
		return false;
	if (intent)
		it->whole = json_incref(intent);
	it->ops = json_object_get(it->whole, "ops");
	it->id = json_str(it->whole, "intent_id");
	it->context = context_of(it->whole, json_object_get(in, "ctx"));
	seed_ids(ids, it);
	return true;
}

void wm_intent_release(struct wm_intent *it)
{
	json_decref(it->whole);
	json_decref(it->context);
}
