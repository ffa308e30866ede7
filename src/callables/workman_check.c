/* Fields, types and enums of a payload, as the catalogue has them. */
#include "callables/workman.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "doc/json.h"
#include "store/params.h"

struct checking {
	const struct wm_action *action;
	struct wm_errors *errors;
	int index;
};

static bool wrong(struct checking *c, const char *field, const char *expected, const json_t *got)
{
	struct buf text = BUF_INIT;

	wm_repr(&text, got);
	wm_error(c->errors, WM_VALIDATION, c->index, field, "Field '%s' in %s: expected %s, got %s", field,
		 c->action->op->name, expected, text.data);
	buf_release(&text);
	return false;
}

static bool check_list(struct checking *c, const char *field, const json_t *list)
{
	json_t *v;
	size_t i;

	if (!json_is_array(list))
		return wrong(c, field, "list", list);
	json_array_foreach(list, i, v)
		if (!json_is_string(v)) {
			char *place = xasprintf("%s[%zu]", field, i);

			wrong(c, place, "text", v);
			free(place);
			return false;
		}
	return true;
}

static bool check_enum(struct checking *c, const char *field, const char *words, const json_t *v)
{
	char *hint;

	if (json_is_string(v) && json_string_length(v) && word_in(words, json_string_value(v)))
		return true;
	hint = xasprintf("%s is one of %s", field, words);
	wrong(c, field, "enum value", v);
	wm_hint(c->errors, hint);
	free(hint);
	return false;
}

static bool check_type(struct checking *c, const char *field, struct span type, const json_t *v)
{
	const char *words = pm_enum_find(type);

	if (words)
		return check_enum(c, field, words, v);
	if (span_is(type, "list"))
		return check_list(c, field, v);
	if (span_is(type, "number"))
		return json_is_number(v) || wrong(c, field, "number", v);
	if (span_is(type, "map"))
		return json_is_object(v) || wrong(c, field, "map", v);
	return json_is_string(v) || wrong(c, field, "text", v);
}

static void unknown(struct checking *c, const char *field)
{
	const struct pm_op *op = c->action->op;
	char *near = wm_suggest_field(op, field);
	const char *fields = op->fields;
	struct buf way_out = BUF_INIT;
	struct pm_field known;

	if (near)
		buf_addf(&way_out, " - did you mean '%s'?", near);
	else
		buf_addf(&way_out, ", it takes %s_id", op->aggregate);
	while (!near && pm_field_next(&fields, &known))
		buf_addf(&way_out, ", %.*s", (int)known.name.len, known.name.at);
	wm_error(c->errors, WM_VALIDATION, c->index, field, "Field '%s' in %s: no such field%s", field, op->name,
		 way_out.data);
	buf_release(&way_out);
	free(near);
}

/* null takes a value back, where something is changed and nothing required. */
static bool may_be_null(const struct wm_action *a, const struct pm_field *field)
{
	return !field->required && (!strcmp(a->op->event, "updated") || !strcmp(a->op->event, "moved"));
}

static void check_field(struct checking *c, const char *name, const json_t *v)
{
	const struct wm_action *a = c->action;
	struct pm_field field;
	size_t len = strlen(a->op->aggregate);

	if (!strncmp(name, a->op->aggregate, len) && !strcmp(name + len, "_id"))
		(void)check_type(c, name, (struct span){"", 0}, v);
	else if (!pm_field_find(a->op->fields, name, &field))
		unknown(c, name);
	else if (!json_is_null(v) || !may_be_null(a, &field))
		(void)check_type(c, name, field.type, v);
}

static bool says(const json_t *payload, const char *field)
{
	const json_t *v = json_object_get(payload, field);

	return v && !(json_is_string(v) && !json_string_length(v));
}

static void missing(struct checking *c, const char *field)
{
	wm_error(c->errors, WM_VALIDATION, c->index, field, "Field '%s' in %s: required, but %s", field,
		 c->action->op->name, json_object_get(c->action->payload, field) ? "empty" : "missing");
}

static void check_required(struct checking *c)
{
	const struct wm_action *a = c->action;
	const char *fields = a->op->fields;
	struct pm_field field;
	char *name = xasprintf("%s_id", a->op->aggregate);

	if (!a->creates && !says(a->payload, name))
		missing(c, name);
	free(name);
	while (pm_field_next(&fields, &field)) {
		name = xstrndup(field.name.at, field.name.len);
		if (field.required && !says(a->payload, name))
			missing(c, name);
		free(name);
	}
}

/* An artifact belongs somewhere. */
static void check_container(struct checking *c)
{
	static const char *const containers[] = {"work_item_id", "deliverable_id", "project_id", "opsstream_id"};

	if (strcmp(c->action->op->name, "pm.artifact.create"))
		return;
	for (size_t i = 0; i < ARRAY_LEN(containers); i++)
		if (says(c->action->payload, containers[i]))
			return;
	wm_error(c->errors, WM_VALIDATION, c->index, NULL,
		 "pm.artifact.create requires at least one container FK (work_item_id, deliverable_id, project_id, or"
		 " opsstream_id)");
}

void wm_check(const struct wm_action *a, int index, struct wm_errors *e)
{
	struct checking c = {a, e, index};
	const char *name;
	json_t *v;

	json_object_foreach(a->payload, name, v)
		check_field(&c, name, v);
	check_required(&c);
	check_container(&c);
}
