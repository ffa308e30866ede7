#include "callables/workman.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "doc/json.h"

struct compiling {
	const struct wm_intent *intent;
	struct wm_state *state;
	struct wm_ids *ids;
	struct wm_errors *errors;
	size_t n;
	char **made;	  /* the aggregate of each operation; NULL: it failed */
	struct map times; /* key -> how often it was said, as a number in the pointer */
	json_t *plans, *diff;
};

/* How messages call an operation: as the intent's author sees it. */
static const char *list_of(const struct compiling *c)
{
	return c->intent->enveloped ? "PMIntent.ops" : "ops";
}

static bool complain(struct compiling *c, size_t i, const char *what)
{
	return wm_error(c->errors, WM_COMPILE, (int)i, NULL, "%s[%zu] %s", list_of(c), i, what);
}

/* The operation by its name, or NULL after a complaint. */
static const struct pm_op *find_op(struct compiling *c, size_t i, const char *name)
{
	const struct pm_op *op = pm_op_find(name);
	const char *near = op ? NULL : wm_suggest_op(name);
	struct buf verbs = BUF_INIT;

	if (near)
		wm_error(c->errors, WM_COMPILE, (int)i, NULL, "Invalid operation '%s' in intent - did you mean '%s'?", name,
			 near);
	else if (!op && wm_list_verbs(&verbs, name))
		wm_error(c->errors, WM_COMPILE, (int)i, NULL, "Unknown operation: %s - it can be %s", name, verbs.data);
	else if (!op)
		wm_error(c->errors, WM_COMPILE, (int)i, NULL, "Unknown operation: %s", name);
	buf_release(&verbs);
	return op;
}

/* The payload as it was given, a new reference; NULL after a complaint. */
static json_t *payload_of(struct compiling *c, size_t i, const json_t *given)
{
	const json_t *payload = json_object_get(given, "payload");

	if (!payload && !c->intent->enveloped)
		return json_object();
	if (json_is_object(payload))
		return json_deep_copy(payload);
	if (!payload)
		complain(c, i, "missing 'payload' field");
	else
		complain(c, i, json_is_null(payload) ? "payload has to be a map, not null" : "payload has to be a map");
	return NULL;
}

static bool known_words(struct compiling *c, size_t i, const json_t *given)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)given, key, v)
		if (strcmp(key, "op") != 0 && strcmp(key, "payload") != 0)
			return wm_error(c->errors, WM_COMPILE, (int)i, key,
					"%s[%zu] has an unknown field '%s': it takes op and payload", list_of(c), i, key);
	return true;
}

/* What the operation is and has; false after a complaint. */
static bool read_action(struct compiling *c, size_t i, struct wm_action *a)
{
	const json_t *given = json_array_get(c->intent->ops, i);
	const json_t *name = json_object_get(given, "op");

	if (!json_is_object(given))
		return complain(c, i, "has to be a map with op and payload");
	if (!name)
		return complain(c, i, "missing 'op' field");
	if (!json_is_string(name))
		return complain(c, i, "op has to be text");
	if (!known_words(c, i, given))
		return false;
	a->op = find_op(c, i, json_string_value(name));
	a->payload = payload_of(c, i, given);
	if (!a->op || !a->payload)
		return false;
	a->of = pm_aggregate_find(a->op->aggregate);
	a->creates = !strcmp(a->op->event, "created");
	return true;
}

/*
 * The same operation on the same thing twice in one intent: two events, of which the later holds.
 * Their keys have to differ, or the log would take the second for another event under a known key.
 */
static void settle_key(struct compiling *c, struct wm_action *a)
{
	char *key = wm_key(a, c->intent->context);
	uintptr_t times = (uintptr_t)map_get(&c->times, key) + 1;

	map_put(&c->times, key, (void *)times);
	a->key = times > 1 ? xasprintf("%s:%zu", key, (size_t)times) : xstrdup(key);
	free(key);
}

static void write_plan(struct compiling *c, struct wm_action *a)
{
	wm_settle_id(a, c->ids);
	settle_key(c, a);
	json_array_append_new(c->plans, c->intent->event_only ? wm_event(a) : wm_plan(a, c->intent->context, c->ids));
	json_array_append_new(c->diff, wm_diff(a, wm_know(c->state, a->op->aggregate, a->id)));
	wm_apply(c->state, a->op, a->id, a->payload);
}

static void compile_one(struct compiling *c, size_t i)
{
	size_t before = wm_errors_n(c->errors);
	struct wm_action a = {0};

	bool known = read_action(c, i, &a);

	wm_resolve(a.payload, c->made, i, c->n, c->errors);
	if (known) {
		wm_inherit(c->state, &a, i, c->errors);
		wm_check(&a, (int)i, c->errors);
	}
	if (wm_errors_n(c->errors) == before) {
		write_plan(c, &a);
		c->made[i] = xstrdup(a.id);
	}
	wm_action_release(&a);
}

bool wm_compile(const struct wm_intent *it, struct wm_state *s, struct wm_ids *ids, struct wm_errors *e,
		json_t **ret_plans, json_t **ret_diff)
{
	struct compiling c = {.intent = it, .state = s, .ids = ids, .errors = e, .n = json_array_size(it->ops),
			      .plans = json_array(), .diff = json_array()};
	bool good;

	c.made = xcalloc(c.n ? c.n : 1, sizeof(*c.made));
	for (size_t i = 0; i < c.n; i++)
		compile_one(&c, i);
	good = !wm_errors_n(e);
	for (size_t i = 0; i < c.n; i++)
		free(c.made[i]);
	free(c.made);
	map_release(&c.times);
	*ret_plans = good ? c.plans : NULL;
	*ret_diff = good ? c.diff : NULL;
	if (!good) {
		json_decref(c.plans);
		json_decref(c.diff);
	}
	return good;
}
