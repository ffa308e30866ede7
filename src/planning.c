#include "planning.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/vec.h"
#include "engine/review.h"

/* What is said of what to run, and how it is called in the document.  How it runs, such as -j, is not part of it. */
struct said_flag {
	const char *name;
	size_t at;
};
struct said_words {
	const char *name;
	size_t at;
};

static const struct said_flag flags[] = {
	{"keep_going", offsetof(struct cli, keep_going)}, {"ignore_errors", offsetof(struct cli, ignore_failures)},
	{"always", offsetof(struct cli, always)},	  {"touch", offsetof(struct cli, touch)},
	{"yes", offsetof(struct cli, yes)},		  {"fail_fast", offsetof(struct cli, fail_fast)},
	{"env_wins", offsetof(struct cli, env_wins)},
};

static const struct said_words lists[] = {
	{"targets", offsetof(struct cli, words)},   {"files", offsetof(struct cli, files)},
	{"include_dirs", offsetof(struct cli, include_dirs)}, {"sets", offsetof(struct cli, sets)},
	{"vars", offsetof(struct cli, vars)},	    {"what_if", offsetof(struct cli, what_if)},
	{"old", offsetof(struct cli, old)},	    {"only", offsetof(struct cli, only)},
	{"from", offsetof(struct cli, from)},	    {"until", offsetof(struct cli, until)},
	{"skip", offsetof(struct cli, skip)},
};

static json_t *words_json(const struct words *w)
{
	json_t *list = json_array();

	for (size_t i = 0; i < w->n; i++)
		json_array_append_new(list, review_string(w->at[i]));
	return list;
}

static json_t *params_json(const struct cli *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->n_params; i++)
		json_array_append_new(list, json_pack("[o, o]", review_string(c->param[i].name),
						      review_string(c->param[i].text)));
	return list;
}

json_t *planning_given(const struct cli *c)
{
	json_t *o = json_object();

	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (*(const bool *)((const char *)c + flags[i].at))
			json_object_set_new(o, flags[i].name, json_true());
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const struct words *w = (const void *)((const char *)c + lists[i].at);

		if (w->n)
			json_object_set_new(o, lists[i].name, words_json(w));
	}
	if (c->n_params)
		json_object_set_new(o, "params", params_json(c));
	if (c->fail_limit)
		json_object_set_new(o, "fail_limit", json_integer(c->fail_limit));
	if (c->payload)
		json_object_set(o, "payload", c->payload);
	if (c->ctx)
		json_object_set(o, "ctx", c->ctx);
	return o;
}

static void take_words(struct words *w, const json_t *list)
{
	w->n = 0;
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_is_string(json_array_get(list, i)))
			VEC_PUSH(w->at, w->n, w->room, json_string_value(json_array_get(list, i)));
}

static void take_param(struct cli *c, const json_t *pair)
{
	const char *name = json_string_value(json_array_get(pair, 0)), *text = json_string_value(json_array_get(pair, 1));

	if (name && text)
		VEC_PUSH(c->param, c->n_params, c->room_params, ((struct given_param){xstrdup(name), text}));
}

static json_t *take_map(const json_t *given, const char *key)
{
	json_t *map = json_object_get(given, key);

	return json_is_object(map) ? json_incref(map) : NULL;
}

void planning_take(struct cli *c, const json_t *given)
{
	const json_t *params = json_object_get(given, "params");
	json_int_t limit = json_integer_value(json_object_get(given, "fail_limit"));

	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		*(bool *)((char *)c + flags[i].at) = json_is_true(json_object_get(given, flags[i].name));
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		take_words((void *)((char *)c + lists[i].at), json_object_get(given, lists[i].name));
	for (size_t i = 0; i < json_array_size(params); i++)
		take_param(c, json_array_get(params, i));
	c->fail_limit = limit > 0 && limit < UINT32_MAX ? (uint32_t)limit : 0;
	c->payload = take_map(given, "payload");
	c->ctx = take_map(given, "ctx");
}

bool planning_ledger(struct cli *c, const struct jobfile *jf, const struct run_options *o, struct ledger **ret)
{
	const struct ledger_options lo = {.mode = LEDGER_LOOK};
	struct ledger_error err = LEDGER_ERROR_INIT;
	char *path = c->no_ledger ? NULL : engine_ledger_path(jf, o);

	*ret = path ? ledger_open(path, &lo, &err) : NULL;
	if (path && !*ret && err.fault != LEDGER_MISSING) {
		cli_error("%s", err.text.data);
		c->ledger_unusable = true;
	}
	ledger_error_release(&err);
	free(path);
	return !c->ledger_unusable;
}
