/* auto_since: since when a source has to be asked, known from what is in the store. */
#include <stdlib.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "store/op.h"
#include "store/params.h"
#include "store/table.h"

static const char OBJECTS[] = "raw_objects", SEEN[] = "last_seen";
static const char *const identity[] = {"source_system", "connection_name", "object_type"};

static bool add_conditions(struct buf *sql, const struct store_table *t, struct fault *f)
{
	for (size_t i = 0; i < ARRAY_LEN(identity); i++) {
		if (!store_table_need_column(t, identity[i], "parameter 'auto_since'", f))
			return false;
		buf_puts(sql, i ? " AND " : " WHERE ");
		sql_ident(sql, identity[i]);
		buf_addf(sql, " = ?%zu", i + 1);
	}
	return true;
}

/* The newest last_seen of these objects: a new reference, or NULL: there are none, or f. */
static json_t *newest(struct session *s, const struct store_table *t, const struct params *p, struct fault *f)
{
	struct buf sql = BUF_INIT;
	sqlite3_stmt *st = NULL;
	json_t *v = NULL;

	buf_addf(&sql, "SELECT max(%s) FROM ", SEEN);
	sql_table(&sql, t->store, t->name);
	if (store_table_need_column(t, SEEN, "parameter 'auto_since'", f) && add_conditions(&sql, t, f))
		st = session_prepare(s, sql.data, f);
	for (size_t i = 0; st && i < ARRAY_LEN(identity); i++)
		(void)value_bind(st, (int)i + 1, param(p, identity[i]));
	if (st && sqlite3_step(st) == SQLITE_ROW)
		v = value_read(st, 0, f);
	else if (st)
		fault_sqlite(f, s->db, "cannot read %s.%s", t->store, t->name);
	sqlite3_finalize(st);
	buf_release(&sql);
	return v;
}

/* A store or table that is not there yet holds nothing yet. */
static json_t *look(struct op_world *w, const struct params *p, const struct store *from, struct fault *f)
{
	struct store_set set = {0};
	struct session s = {0};
	struct store_table t = {0};
	json_t *v = NULL;

	if (!file_exists(from->path))
		return NULL;
	if (store_set_add(&set, from, f) && session_begin(&s, &set, SESSION_READ, w->busy_ms, f) &&
	    store_table_look(&t, &s, from->name, OBJECTS, f) && t.exists)
		v = newest(&s, &t, p, f);
	store_table_release(&t);
	session_end(&s);
	return v;
}

static bool says_something(const json_t *v)
{
	return v && !json_is_null(v) && !(json_is_string(v) && !json_string_length(v));
}

static json_t *with_since(const json_t *with, json_t *since)
{
	json_t *more = json_copy((json_t *)with), *config = json_object_get(with, "config");

	json_object_del(more, "auto_since");
	if (!says_something(since))
		return more;
	config = json_is_object(config) ? json_copy(config) : json_object();
	json_object_set(config, "since", since);
	json_object_set_new(more, "config", config);
	return more;
}

json_t *op_since(struct op_world *w, const json_t *with, struct fault *f)
{
	const json_t *given = json_object_get(with, "auto_since"), *config = json_object_get(with, "config");
	struct params p = {given, "auto_since.", f};
	const struct store *from = NULL;
	const char *dataset;
	json_t *since = NULL, *more;

	if (config && !json_is_object(config) && !json_is_null(config))
		fault_usage(f, "parameter 'config' has to be a map, not %s", json_kind(config));
	if (!json_is_object(given)) {
		fault_usage(f, "parameter 'auto_since' has to be a map, not %s", json_kind(given));
	} else if (params_check(&p, "source_system connection_name object_type", "dataset")) {
		for (size_t i = 0; i < ARRAY_LEN(identity); i++)
			(void)param_text(&p, identity[i]);
		dataset = param_text(&p, "dataset");
		from = stores_need(&w->stores, dataset ? dataset : "raw", "parameter 'auto_since.dataset'", f);
	}
	if (f->kind == FAULT_NONE)
		since = look(w, &p, from, f);
	more = f->kind == FAULT_NONE ? with_since(with, since) : NULL;
	json_decref(since);
	return more;
}
