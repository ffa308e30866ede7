/*
 * The append-only log of events, table wal_domain_events of a store.  Triggers
 * keep everyone, other programs too, from changing or removing a row.
 *
 * event_id is the SHA-256 of the event as it was given.  A key that is there
 * with the same event is a duplicate, which is fine; with another it is a
 * conflict.
 */
#ifndef STORE_WAL_H
#define STORE_WAL_H

#include "store/op.h"
#include "store/table.h"

extern const char WAL_TABLE[], WAL_FILE[];

struct wal_context {
	struct session *session;
	const char *store;
	const char *now;
	const char *correlation; /* of the plan, for events without one; or NULL */
	const char *ready_store; /* the last store whose table was seen to be as it should; begins as NULL */
	const char *viewed_store; /* the same of the views on project work */
};

/* Whether params has none of an event's words: then all of it is the payload of one. */
bool wal_is_bare(const json_t *params);

/* Append the event that params describes; *ret_result is {status, event_id}. */
bool wal_append(struct wal_context *c, const json_t *params, json_t **ret_result, struct fault *f);

/* Whether an event of that aggregate has been appended. */
bool wal_has(const struct wal_context *c, const char *type, const char *id, bool *ret_has, struct fault *f);

/* Whether the very event that params describes is in the log already. */
bool wal_knows(const struct wal_context *c, const json_t *params, bool *ret_known, struct fault *f);

/*
 * The store that has the log: the one called `wal`, or the only one, or where there is none at all
 * WAL_FILE below base, which is added to s.  NULL if there are several and none is called so.
 */
const struct store *wal_store(struct stores *s, const char *base);

/*
 * The events of an aggregate in their order, {event_type, correlation_id, payload} each; a new
 * reference, NULL and f.  A store without a log has none.
 */
json_t *wal_events(const struct wal_context *c, const char *type, const char *id, struct fault *f);

#endif
