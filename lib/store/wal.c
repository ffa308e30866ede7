#include "store/wal.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "doc/json.h"
#include "store/params.h"
#include "store/pm.h"
#include "store/pm_views.h"

const char WAL_TABLE[] = "wal_domain_events", WAL_FILE[] = "var/wal.db";

/* "%s" is the store, as an identifier.  What a statement inside a trigger names lies in the same store. */
static const char *const wal_schema[] = {
	"CREATE TABLE IF NOT EXISTS %s.wal_domain_events ("
	" seq INTEGER PRIMARY KEY AUTOINCREMENT,"
	" event_id TEXT NOT NULL UNIQUE,"
	" idempotency_key TEXT NOT NULL UNIQUE,"
	" subject_id TEXT,"
	" occurred_at TEXT NOT NULL,"
	" ingested_at TEXT NOT NULL,"
	" event_type TEXT,"
	" aggregate_type TEXT,"
	" aggregate_id TEXT,"
	" producer_service TEXT,"
	" producer_component TEXT,"
	" correlation_id TEXT,"
	" actor TEXT,"
	" payload TEXT NOT NULL,"
	" payload_sha256 TEXT NOT NULL,"
	" schema_version TEXT NOT NULL)",
	"CREATE INDEX IF NOT EXISTS %s.wal_domain_events_aggregate"
	" ON wal_domain_events (aggregate_type, aggregate_id)",
	"CREATE TRIGGER IF NOT EXISTS %s.wal_domain_events_no_update BEFORE UPDATE ON wal_domain_events"
	" BEGIN SELECT RAISE(ABORT, 'wal_domain_events is append-only'); END",
	"CREATE TRIGGER IF NOT EXISTS %s.wal_domain_events_no_delete BEFORE DELETE ON wal_domain_events"
	" BEGIN SELECT RAISE(ABORT, 'wal_domain_events is append-only'); END",
	/* INSERT OR REPLACE removes rows without telling the trigger above. */
	"CREATE TRIGGER IF NOT EXISTS %s.wal_domain_events_no_replace BEFORE INSERT ON wal_domain_events"
	" WHEN EXISTS (SELECT 1 FROM wal_domain_events WHERE event_id = NEW.event_id"
	" OR idempotency_key = NEW.idempotency_key OR seq = NEW.seq)"
	" BEGIN SELECT RAISE(ABORT, 'wal_domain_events is append-only'); END",
};

static const char WAL_INSERT[] =
	".wal_domain_events (event_id, idempotency_key, subject_id, occurred_at, ingested_at, event_type,"
	" aggregate_type, aggregate_id, producer_service, producer_component, correlation_id, actor, payload,"
	" payload_sha256, schema_version)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";

static const char WAL_FIND[] = ".wal_domain_events WHERE idempotency_key = ?1";
static const char WAL_EVENTS[] =
	".wal_domain_events WHERE aggregate_type = ?1 AND aggregate_id = ?2 ORDER BY seq";
static const char WAL_HAS[] = ".wal_domain_events WHERE aggregate_type = ?1 AND aggregate_id = ?2 LIMIT 1";

/* What makes a map an event; without any of it the map is the payload of one. */
static const char EVENT_WORDS[] =
	"event_type aggregate_type aggregate_id subject_id occurred_at actor producer producer_service"
	" producer_component payload";

/* A statement about the table of c's store: before, the store, behind. */
static sqlite3_stmt *wal_prepare(const struct wal_context *c, const char *before, const char *behind,
				 struct fault *f)
{
	struct buf sql = BUF_INIT;
	sqlite3_stmt *st;

	buf_puts(&sql, before);
	sql_ident(&sql, c->store);
	buf_puts(&sql, behind);
	st = session_prepare(c->session, sql.data, f);
	buf_release(&sql);
	return st;
}

static bool wal_is_there(const struct wal_context *c, bool *ret, struct fault *f)
{
	struct store_table t;
	bool good = store_table_look(&t, c->session, c->store, WAL_TABLE, f);

	*ret = t.exists;
	if (good && t.exists && !store_table_column(&t, "payload_sha256"))
		good = fault_set(f, CODE_STORAGE, "table %s.%s is not one that orchmake made", c->store, WAL_TABLE);
	store_table_release(&t);
	return good;
}

/* Also when the table is there: somebody may have taken the triggers away. */
static bool wal_make(struct wal_context *c, struct fault *f)
{
	struct buf store = BUF_INIT;
	bool there, good;

	if (c->ready_store == c->store)
		return true;
	good = wal_is_there(c, &there, f);
	sql_ident(&store, c->store);
	for (size_t i = 0; good && i < ARRAY_LEN(wal_schema); i++) {
		struct buf sql = BUF_INIT;
		const char *at = strstr(wal_schema[i], "%s");

		buf_add(&sql, wal_schema[i], (size_t)(at - wal_schema[i]));
		buf_add(&sql, store.data, store.len);
		buf_puts(&sql, at + 2);
		good = session_run(c->session, sql.data, f);
		buf_release(&sql);
	}
	buf_release(&store);
	if (good)
		c->ready_store = c->store;
	return good;
}

/* Project work has views on its log, from its first event on. */
static bool wal_make_views(struct wal_context *c, const json_t *params, struct fault *f)
{
	const char *type = json_str(params, "aggregate_type");

	if (c->viewed_store == c->store || !type || !pm_aggregate_find(type))
		return true;
	c->viewed_store = c->store;
	return pm_views_make(c->session, c->store, f);
}

const struct store *wal_store(struct stores *s, const char *base)
{
	const struct store *wal = stores_find(s, "wal");
	char *path;

	if (wal || s->n > 1)
		return wal;
	if (s->n == 1)
		return s->store[0];
	path = path_join(base, WAL_FILE);
	wal = stores_add(s, "wal", path);
	free(path);
	return wal;
}

/* ---- an event ---- */

struct event {
	const json_t *params;
	json_t *payload; /* owned */
	struct buf payload_text;
	struct digest payload_digest, digest;
};

/* A map with none of an event's words is all payload. */
static json_t *bare_payload(const json_t *params)
{
	json_t *payload = json_copy((json_t *)params);

	json_object_del(payload, "idempotency_key");
	json_object_del(payload, "dataset");
	json_object_del(payload, "correlation_id");
	json_object_del(payload, "schema_version");
	return payload;
}

bool wal_is_bare(const json_t *params)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)params, key, v)
		if (word_in(EVENT_WORDS, key))
			return false;
	return true;
}

/* What the event says, without where it is put. */
static void event_read(struct event *e, const json_t *params)
{
	json_t *said = json_copy((json_t *)params), *given = json_object_get(params, "payload");

	json_object_del(said, "dataset");
	json_digest(&e->digest, said);
	json_decref(said);
	e->params = params;
	if (wal_is_bare(params))
		e->payload = bare_payload(params);
	else
		e->payload = given ? json_incref(given) : json_object();
	json_canonical(&e->payload_text, e->payload, JSON_TIGHT);
	digest_of(&e->payload_digest, e->payload_text.data, e->payload_text.len);
}

static void event_release(struct event *e)
{
	json_decref(e->payload);
	buf_release(&e->payload_text);
}

static void bind_text(sqlite3_stmt *st, int i, const char *text)
{
	sqlite3_bind_text(st, i, text, -1, SQLITE_TRANSIENT); /* NULL: null */
}

/* The first of the two that the event says, or instead. */
static void bind_said(sqlite3_stmt *st, int i, const json_t *params, const char *const keys[2], const char *instead)
{
	struct buf text = BUF_INIT;

	for (int k = 0; k < 2 && keys[k]; k++) {
		const json_t *v = json_object_get(params, keys[k]);

		if (!v || json_is_null(v))
			continue;
		json_as_text(&text, v);
		bind_text(st, i, text.data);
		buf_release(&text);
		return;
	}
	bind_text(st, i, instead);
}

static bool event_insert(const struct wal_context *c, const struct event *e, struct fault *f)
{
	const struct {
		int i;
		const char *keys[2], *instead;
	} said[] = {
		{2, {"idempotency_key"}, NULL},	   {3, {"subject_id"}, NULL},	  {4, {"occurred_at"}, c->now},
		{6, {"event_type"}, NULL},	   {7, {"aggregate_type"}, NULL}, {8, {"aggregate_id"}, NULL},
		{9, {"producer_service", "producer"}, NULL}, {10, {"producer_component"}, NULL},
		{11, {"correlation_id"}, c->correlation}, {12, {"actor"}, NULL},  {15, {"schema_version"}, "1"},
	};
	sqlite3_stmt *st = wal_prepare(c, "INSERT INTO ", WAL_INSERT, f);
	bool good;

	if (!st)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(said); i++)
		bind_said(st, said[i].i, e->params, said[i].keys, said[i].instead);
	bind_text(st, 1, e->digest.hex);
	bind_text(st, 5, c->now);
	sqlite3_bind_text64(st, 13, e->payload_text.data, e->payload_text.len, SQLITE_STATIC, SQLITE_UTF8);
	bind_text(st, 14, e->payload_digest.hex);
	good = sqlite3_step(st) == SQLITE_DONE;
	if (!good)
		fault_sqlite(f, c->session->db, "cannot append to %s.%s", c->store, WAL_TABLE);
	sqlite3_finalize(st);
	return good;
}

/* The event that has the key, if any: its id into hex. */
static bool find_key(const struct wal_context *c, const char *key, struct digest *ret, bool *ret_found,
		     struct fault *f)
{
	sqlite3_stmt *st = wal_prepare(c, "SELECT event_id FROM ", WAL_FIND, f);
	int rc;

	if (!st)
		return false;
	bind_text(st, 1, key);
	rc = sqlite3_step(st);
	*ret_found = rc == SQLITE_ROW;
	if (*ret_found)
		snprintf(ret->hex, sizeof(ret->hex), "%s", (const char *)sqlite3_column_text(st, 0));
	else if (rc != SQLITE_DONE)
		fault_sqlite(f, c->session->db, "cannot read %s.%s", c->store, WAL_TABLE);
	sqlite3_finalize(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

static bool check_words(const json_t *params, struct fault *f)
{
	static const char *const texts[] = {"event_type", "aggregate_type", "aggregate_id", "occurred_at"};
	struct params p = {params, "", f};

	if (!param_text(&p, "idempotency_key"))
		return f->kind != FAULT_NONE ? false : fault_usage(f, "parameter 'idempotency_key' is missing");
	if (wal_is_bare(params))
		return f->kind == FAULT_NONE;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (!param_text(&p, texts[i]) && i < 3 && !param(&p, texts[i]))
			fault_usage(f, "parameter '%s' is missing", texts[i]);
	return f->kind == FAULT_NONE;
}

bool wal_append(struct wal_context *c, const json_t *params, json_t **ret_result, struct fault *f)
{
	struct event e = {.payload_text = BUF_INIT};
	const char *key = json_str(params, "idempotency_key");
	struct digest known;
	bool found = false, good;

	if (!check_words(params, f) || !wal_make(c, f) || !wal_make_views(c, params, f))
		return false;
	event_read(&e, params);
	good = find_key(c, key, &known, &found, f);
	if (good && found && strcmp(known.hex, e.digest.hex) != 0)
		good = fault_set(f, CODE_PARAMS, "key '%s' is in %s.%s already, with another event", key, c->store,
				 WAL_TABLE);
	if (good && !found)
		good = event_insert(c, &e, f);
	if (good)
		*ret_result = json_pack("{ssss}", "status", found ? "duplicate" : "created", "event_id", e.digest.hex);
	event_release(&e);
	return good;
}

/* A statement about one aggregate. */
static sqlite3_stmt *about(const struct wal_context *c, const char *what, const char *behind, const char *type,
			   const char *id, struct fault *f)
{
	sqlite3_stmt *st = wal_prepare(c, what, behind, f);

	if (st) {
		bind_text(st, 1, type);
		bind_text(st, 2, id);
	}
	return st;
}

bool wal_has(const struct wal_context *c, const char *type, const char *id, bool *ret_has, struct fault *f)
{
	sqlite3_stmt *st;
	int rc;

	if (!wal_is_there(c, ret_has, f))
		return false;
	if (!*ret_has)
		return true;
	st = about(c, "SELECT 1 FROM ", WAL_HAS, type, id, f);
	if (!st)
		return false;
	rc = sqlite3_step(st);
	*ret_has = rc == SQLITE_ROW;
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		fault_sqlite(f, c->session->db, "cannot read %s.%s", c->store, WAL_TABLE);
	sqlite3_finalize(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

bool wal_knows(const struct wal_context *c, const json_t *params, bool *ret_known, struct fault *f)
{
	const char *key = json_str(params, "idempotency_key");
	struct event e = {.payload_text = BUF_INIT};
	struct digest known;
	bool found = false, good = wal_is_there(c, ret_known, f);

	if (!good || !*ret_known || !key)
		return good;
	event_read(&e, params);
	good = find_key(c, key, &known, &found, f);
	*ret_known = found && !strcmp(known.hex, e.digest.hex);
	event_release(&e);
	return good;
}

/* The payload was written as JSON; a foreign row that is none is an error and not an empty event. */
static json_t *read_payload(sqlite3_stmt *st, struct fault *f)
{
	struct buf err = BUF_INIT;
	const char *text = (const char *)sqlite3_column_text(st, 2);
	json_t *payload = text ? json_parse(text, (size_t)sqlite3_column_bytes(st, 2), &err) : NULL;

	if (!payload)
		fault_set(f, CODE_STORAGE, "an event in %s has a payload that is no JSON: %s", WAL_TABLE, err.data);
	buf_release(&err);
	return payload;
}

static json_t *read_event(sqlite3_stmt *st, struct fault *f)
{
	const char *type = (const char *)sqlite3_column_text(st, 0), *by = (const char *)sqlite3_column_text(st, 1);
	json_t *event = json_object(), *payload = read_payload(st, f);

	json_object_set_new(event, "event_type", json_string(type ? type : ""));
	json_object_set_new(event, "correlation_id", json_string(by ? by : ""));
	if (payload && !json_object_set_new(event, "payload", payload))
		return event;
	json_decref(event);
	return NULL;
}

/* Takes over st. */
static json_t *read_events(const struct wal_context *c, sqlite3_stmt *st, struct fault *f)
{
	json_t *events = json_array(), *event;
	int rc;

	while ((rc = sqlite3_step(st)) == SQLITE_ROW && (event = read_event(st, f)))
		json_array_append_new(events, event);
	if (rc != SQLITE_DONE) {
		fault_sqlite(f, c->session->db, "cannot read %s.%s", c->store, WAL_TABLE);
		json_decref(events);
		events = NULL;
	}
	sqlite3_finalize(st);
	return events;
}

json_t *wal_events(const struct wal_context *c, const char *type, const char *id, struct fault *f)
{
	sqlite3_stmt *st;
	bool there;

	if (!wal_is_there(c, &there, f))
		return NULL;
	if (!there)
		return json_array();
	st = about(c, "SELECT event_type, correlation_id, payload FROM ", WAL_EVENTS, type, id, f);
	return st ? read_events(c, st, f) : NULL;
}
