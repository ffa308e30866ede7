/*
 * workman: project work.  An intent (operations of the catalogue store/pm.def) becomes plans of
 * writes to the log, lines that say what would change, and a hash of what the plans say.
 *
 *	workman.c	 what may be asked, the answers
 *	workman_intent.c the two shapes of an intent
 *	workman_compile.c one operation after the other
 *	workman_refs.c	 @ref:N
 *	workman_check.c	 fields, types, enums
 *	workman_inherit.c projects and streams that an item has from what holds it
 *	workman_state.c	 what the log and the operations before say about an aggregate
 *	workman_event.c	 the event, its assertions, the plan
 *	workman_diff.c	 lines for people
 *	workman_repr.c	 how they show a value
 *	workman_suggest.c did you mean
 *	workman_errors.c all that is wrong, at once
 *	workman_ids.c	 ids and the clock
 *
 * Nothing here writes to a store.
 */
#ifndef CALLABLES_WORKMAN_H
#define CALLABLES_WORKMAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/ulid.h"
#include "store/pm.h"
#include "store/wal.h"

/* ---- errors ---- */

enum wm_class { WM_COMPILE, WM_VALIDATION };

enum { WM_NO_OP = -1 };

struct wm_errors {
	json_t *list; /* of {class, message, op, field, hint} */
	bool compile; /* one of them is a CompileError */
};

void wm_errors_init(struct wm_errors *e);
void wm_errors_release(struct wm_errors *e);
size_t wm_errors_n(const struct wm_errors *e);
/* op: its index from 0, or WM_NO_OP; field may be NULL.  Returns false. */
bool wm_error(struct wm_errors *e, enum wm_class class, int op, const char *field, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* What to do about the last one. */
void wm_hint(struct wm_errors *e, const char *hint);
/* All of them as the failure's text; n_ops are in the intent. */
void wm_errors_text(struct buf *out, const struct wm_errors *e, size_t n_ops);

/* ---- ids and the clock ---- */

/*
 * Ids follow from the id of the intent and the order in which they are needed: the same intent
 * compiled again, in another process too, makes the same ones.
 */
struct wm_ids {
	bool counted;	/* as the test vectors have them: 01J and a number */
	uint64_t n;	/* the last one's number */
	const char *of; /* the intent's id, once there is one */
	int64_t wall_ms;
};

/* Microseconds since 1970 as `2026-01-02T03:04:05.678901+00:00`. */
void wm_time_text(struct buf *out, int64_t us);
/* The same as a new JSON string with a prefix. */
json_t *wm_id_json(struct wm_ids *ids, const char *prefix);

/* ---- state ---- */

/* What is known of one aggregate. */
struct wm_known {
	json_t *before; /* fields as the log has them; empty if it has none */
	json_t *now;	/* the same, with the operations before applied */
	bool made;	/* its creation is known: what `now` lacks, it has not */
};

struct wm_state {
	struct session session;
	struct wal_context wal;
	struct store_set set;
	struct stores stores;
	const char *correlation; /* events of this intent itself do not count: it may be compiled again */
	struct map known;	 /* "type\nid" -> struct wm_known */
	struct fault fault;	 /* why the log could not be read */
	bool has_log;
};

/* Open the log of ORCHMAKE_STORES, if there is one; false with the reason in fault. */
bool wm_state_open(struct wm_state *s, const char *correlation);
void wm_state_close(struct wm_state *s);
/* Never NULL; id may be NULL or "", of which nothing is known. */
const struct wm_known *wm_know(struct wm_state *s, const char *type, const char *id);
/* The operation is carried out as far as the following ones are concerned. */
void wm_apply(struct wm_state *s, const struct pm_op *op, const char *id, const json_t *payload);

/* ---- the intent ---- */

struct wm_intent {
	bool enveloped;	 /* {intent}: plans, one for each operation; else one merged plan */
	bool event_only; /* {op, payload}: the event alone */
	json_t *whole;	/* the envelope; owned */
	const json_t *ops;
	const char *id;
	json_t *context; /* correlation_id, producer, actor, occurred_at; owned */
};

/* False with errors. */
bool wm_intent_read(struct wm_intent *it, const json_t *in, struct wm_ids *ids, const char *now,
		    struct wm_errors *e);
void wm_intent_release(struct wm_intent *it);

/* ---- one operation ---- */

struct wm_action {
	const struct pm_op *op;
	const struct pm_aggregate *of;
	json_t *payload; /* owned: references resolved, inherited fields set */
	char *id;	 /* of the aggregate; owned */
	char *key;	 /* of the event; owned */
	bool creates, id_given;
};

void wm_action_release(struct wm_action *a);

/* References to earlier operations, whose aggregates are ids[0..index-1] (NULL: it failed). */
void wm_resolve(json_t *payload, char *const *ids, size_t index, size_t n_ops, struct wm_errors *e);
void wm_inherit(struct wm_state *s, struct wm_action *a, size_t index, struct wm_errors *e);
void wm_check(const struct wm_action *a, int index, struct wm_errors *e);
/* Settle the aggregate's id; a new one goes into the payload. */
void wm_settle_id(struct wm_action *a, struct wm_ids *ids);

/* `<producer>:<op>:<aggregate>:<id>:<correlation_id>`, the caller frees. */
char *wm_key(const struct wm_action *a, const json_t *context);
json_t *wm_plan(const struct wm_action *a, const json_t *context, struct wm_ids *ids);
/* The event alone, for plan.build. */
json_t *wm_event(const struct wm_action *a);
json_t *wm_merge(const json_t *plans, const char *intent_id, struct wm_ids *ids);
json_t *wm_diff(const struct wm_action *a, const struct wm_known *k);

/* A value as Python shows it: the diff lines' format. */
void wm_repr(struct buf *out, const json_t *v);

/* The nearest operation's name, or NULL. */
const char *wm_suggest_op(const char *name);
/* The names of the operations on the aggregate of that name; false if there is no such aggregate. */
bool wm_list_verbs(struct buf *out, const char *name);
/* The nearest field; the caller frees; NULL if none is near. */
char *wm_suggest_field(const struct pm_op *op, const char *name);

/* Every operation of the intent; false with errors.  The lists are new references. */
bool wm_compile(const struct wm_intent *it, struct wm_state *s, struct wm_ids *ids, struct wm_errors *e,
		json_t **ret_plans, json_t **ret_diff);

#endif
