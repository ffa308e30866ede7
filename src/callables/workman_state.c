#include "callables/workman.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "doc/json.h"

enum { BUSY_MS = 30 * 1000 };

bool wm_state_open(struct wm_state *s, const char *correlation)
{
	const char *base = getenv("ORCHMAKE_BASE");
	const struct store *log;

	*s = (struct wm_state){.correlation = correlation, .fault = FAULT_INIT};
	if (!stores_read(&s->stores, getenv("ORCHMAKE_STORES"), &s->fault))
		return false;
	log = wal_store(&s->stores, base && *base ? base : ".");
	if (!log || !file_exists(log->path))
		return true; /* nothing has been written yet */
	if (!store_set_add(&s->set, log, &s->fault) ||
	    !session_begin(&s->session, &s->set, SESSION_READ, BUSY_MS, &s->fault))
		return false;
	s->wal = (struct wal_context){.session = &s->session, .store = log->name};
	s->has_log = true;
	return true;
}

void wm_state_close(struct wm_state *s)
{
	for (size_t i = 0; i < s->known.n; i++) {
		struct wm_known *k = s->known.entry[i].value;

		json_decref(k->before);
		json_decref(k->now);
		free(k);
	}
	map_release(&s->known);
	session_end(&s->session);
	stores_release(&s->stores);
	fault_release(&s->fault);
}

/* Where the aggregate stands after an event, unless the payload says so itself. */
static void become(json_t *fields, const struct pm_op *op, const json_t *payload)
{
	const struct pm_aggregate *a = pm_aggregate_find(op->aggregate);
	json_t *said = json_object_get(payload, "resolution");

	if (!*op->becomes || json_object_get(payload, a->status))
		return;
	json_object_set_new(fields, a->status, said ? json_incref(said) : json_string(op->becomes));
}

/* The operation that an event is of, or NULL. */
static const struct pm_op *op_of_event(const char *event)
{
	size_t n;
	const struct pm_op *op = pm_ops(&n);

	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(op[i].aggregate);

		if (!strncmp(event, op[i].aggregate, len) && event[len] == '.' && !strcmp(event + len + 1, op[i].event))
			return &op[i];
	}
	return NULL;
}

static bool creates(const struct pm_op *op)
{
	return !strcmp(op->event, "created");
}

static void fold(struct wm_known *k, const json_t *event)
{
	const struct pm_op *op = op_of_event(json_str(event, "event_type"));
	const json_t *payload = json_object_get(event, "payload");

	if (!json_is_object(payload))
		return;
	json_object_update(k->before, (json_t *)payload);
	if (op) {
		become(k->before, op, payload);
		k->made = k->made || creates(op);
	}
}

static void read_log(struct wm_state *s, struct wm_known *k, const char *type, const char *id)
{
	json_t *events = wal_events(&s->wal, type, id, &s->fault), *event;
	size_t i;

	json_array_foreach(events, i, event)
		if (!s->correlation || strcmp(json_str(event, "correlation_id"), s->correlation) != 0)
			fold(k, event);
	json_decref(events);
}

static struct wm_known *look(struct wm_state *s, const char *type, const char *id)
{
	char *name = xasprintf("%s\n%s", type, id ? id : "");
	struct wm_known *k = map_get(&s->known, name);

	if (!k) {
		k = xcalloc(1, sizeof(*k));
		k->before = json_object();
		if (s->has_log && id && *id)
			read_log(s, k, type, id);
		k->now = json_copy(k->before);
		map_put(&s->known, name, k);
	}
	free(name);
	return k;
}

const struct wm_known *wm_know(struct wm_state *s, const char *type, const char *id)
{
	return look(s, type, id);
}

void wm_apply(struct wm_state *s, const struct pm_op *op, const char *id, const json_t *payload)
{
	struct wm_known *k = look(s, op->aggregate, id);

	json_object_update(k->now, (json_t *)payload);
	become(k->now, op, payload);
	k->made = k->made || creates(op);
}
