#include "engine/stored.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "doc/json.h"
#include "engine/definition.h"

static void take_targets(struct stored_run *s)
{
	const json_t *list = json_object_get(s->doc, "targets");
	size_t n = json_array_size(list);

	s->target = xcalloc(n + 1, sizeof(*s->target));
	for (size_t i = 0; i < n; i++)
		s->target[i] = json_string_value(json_array_get(list, i));
	s->o.targets = (struct text_span){s->target, n};
}

static size_t count_params(json_t *map)
{
	const char *name;
	json_t *v;
	size_t n = 0;

	json_object_foreach (map, name, v)
		n += json_is_array(v) ? json_array_size(v) : 1;
	return n;
}

static void add_param(struct stored_run *s, const char *name, const json_t *text)
{
	if (json_is_string(text))
		s->param[s->o.n_params++] = (struct given_param){name, json_string_value(text)};
}

/* One that may be given several times is kept as a list. */
static void take_params(struct stored_run *s)
{
	json_t *map = json_object_get(s->doc, "params"), *v;
	const char *name;

	s->param = xcalloc(count_params(map) + 1, sizeof(*s->param));
	json_object_foreach (map, name, v) {
		if (!json_is_array(v))
			add_param(s, name, v);
		for (size_t i = 0; i < json_array_size(v); i++)
			add_param(s, name, json_array_get(v, i));
	}
	s->o.param = s->param;
}

bool stored_run_open(struct stored_run *s, const char *text, size_t len, struct diags *d)
{
	struct buf err = BUF_INIT;

	*s = (struct stored_run){.doc = json_parse(text, len, &err)};
	s->jf = definition_load(text, len, d); /* says what is wrong with the text, too */
	buf_release(&err);
	if (!s->jf)
		return false;
	take_targets(s);
	take_params(s);
	s->o.payload = json_object_get(s->doc, "payload");
	s->o.ctx = json_object_get(s->doc, "ctx");
	s->o.slots = 1;
	return true;
}

static size_t count_names(const json_t *map)
{
	const char *key;
	const json_t *v;
	size_t n = 0;

	json_object_foreach ((json_t *)map, key, v)
		n += json_array_size(v);
	return n;
}

/* The texts under key, behind the *n that are there. */
static struct text_span names_at(struct stored_run *s, const char *key, size_t *n)
{
	const json_t *list = json_object_get(s->options, key);
	size_t from = *n;

	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_is_string(json_array_get(list, i)))
			s->name[(*n)++] = json_string_value(json_array_get(list, i));
	return (struct text_span){s->name + from, *n - from};
}

static int64_t number_at(const struct stored_run *s, const char *key)
{
	int64_t n = json_integer_value(json_object_get(s->options, key));

	return n > 0 ? n : 0;
}

void stored_run_options(struct stored_run *s, const char *json)
{
	struct buf ignored = BUF_INIT;
	int64_t slots;
	size_t n = 0;

	s->options = json ? json_parse(json, strlen(json), &ignored) : NULL;
	buf_release(&ignored);
	s->name = xcalloc(count_names(s->options) + 1, sizeof(*s->name));
	slots = number_at(s, "slots");
	s->o.slots = slots > 0 && slots < UINT32_MAX ? (uint32_t)slots : 1;
	s->o.keep_going = json_is_true(json_object_get(s->options, "keep_going"));
	s->o.ignore_failures = json_is_true(json_object_get(s->options, "ignore_failures"));
	s->o.fail_limit = (uint32_t)number_at(s, "fail_limit");
	s->o.now_ms = number_at(s, "now_ms");
	s->o.only = names_at(s, "only", &n);
	s->o.from = names_at(s, "from", &n);
	s->o.until = names_at(s, "until", &n);
	s->o.skip = names_at(s, "skip", &n);
	s->o.files = names_at(s, "files", &n);
}

void stored_run_release(struct stored_run *s)
{
	jobfile_free(s->jf);
	json_decref(s->doc);
	free(s->target);
	free(s->param);
	json_decref(s->options);
	free(s->name);
	*s = (struct stored_run){0};
}

bool stored_option(const char *json, const char *name)
{
	struct buf ignored = BUF_INIT;
	json_t *map = json ? json_parse(json, strlen(json), &ignored) : NULL;
	bool set = json_is_true(json_object_get(map, name));

	json_decref(map);
	buf_release(&ignored);
	return set;
}
