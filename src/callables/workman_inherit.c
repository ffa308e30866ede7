/*
 * What holds an item decides where it belongs: a deliverable its project, a project its stream.
 * A parent of which only changes are known, not its creation, decides only what these said.
 */
#include "callables/workman.h"

#include <string.h>

#include "doc/json.h"

/* A field that says something. */
static const char *said(const json_t *fields, const char *field)
{
	const char *text = json_str(fields, field);

	return text && *text ? text : NULL;
}

/* payload's field becomes the parent's, or goes if the parent has none; what the item had of it goes as well. */
static void take_over(json_t *payload, const char *field, const struct wm_known *parent, const struct wm_known *item)
{
	json_t *v = json_object_get(parent->now, field);

	if (v && !json_is_null(v))
		json_object_set(payload, field, v);
	else if ((v || parent->made) && said(item->now, field))
		json_object_set_new(payload, field, json_null());
	else if (v || parent->made)
		json_object_del(payload, field);
}

static bool anchored(struct wm_errors *e, size_t index, const char *what, const char *item, const char *to,
		     const char *anchor)
{
	char field[32];

	snprintf(field, sizeof(field), "%s_id", what);
	return wm_error(e, WM_COMPILE, (int)index, field,
			"Cannot reassign %s: work_item %s is anchored to %s %s. Change %s instead, or detach first.", what,
			item, to, anchor, to);
}

/* A move may not contradict what holds the item, unless it names another holder. */
static bool check_move(const struct wm_action *a, const struct wm_known *k, size_t index, struct wm_errors *e)
{
	const char *item = said(a->payload, "work_item_id");
	const char *deliverable = said(k->now, "deliverable_id"), *project = said(k->now, "project_id");

	if (json_object_get(a->payload, "deliverable_id"))
		return true;
	if (deliverable && said(a->payload, "project_id"))
		return anchored(e, index, "project", item, "deliverable", deliverable);
	if (deliverable && said(a->payload, "opsstream_id"))
		return anchored(e, index, "opsstream", item, "deliverable", deliverable);
	if (project && !json_object_get(a->payload, "project_id") && said(a->payload, "opsstream_id"))
		return anchored(e, index, "opsstream", item, "project", project);
	return true;
}

void wm_inherit(struct wm_state *s, struct wm_action *a, size_t index, struct wm_errors *e)
{
	bool moves = !strcmp(a->op->event, "moved");
	bool is_item = !strcmp(a->op->aggregate, "work_item") && (a->creates || moves);
	const struct wm_known *item = wm_know(s, "work_item", is_item ? said(a->payload, "work_item_id") : NULL);

	if (!is_item && !(a->creates && !strcmp(a->op->aggregate, "deliverable")))
		return;
	if (moves && !check_move(a, item, index, e))
		return;
	if (is_item && said(a->payload, "deliverable_id"))
		take_over(a->payload, "project_id", wm_know(s, "deliverable", said(a->payload, "deliverable_id")), item);
	if (said(a->payload, "project_id"))
		take_over(a->payload, "opsstream_id", wm_know(s, "project", said(a->payload, "project_id")), item);
}
