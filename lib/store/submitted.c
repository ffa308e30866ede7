#include "store/submitted.h"

#include <string.h>

#include "base/buf.h"
#include "doc/json.h"
#include "store/params.h"
#include "store/table.h"

enum { ANSWER_KEPT = 64 * 1024 }; /* bytes; a longer answer is not repeated */

static const char TABLE[] = "orchmake_submissions";

static void drop_generated(json_t *params, const json_t *generated)
{
	json_t *row, *column;
	size_t i, j;

	json_array_foreach(json_object_get(params, "rows"), i, row)
		json_array_foreach(generated, j, column)
			if (json_is_string(column))
				json_object_del(row, json_string_value(column));
}

/* What an operation does; its id is only a name. */
static json_t *content_of(const struct plans *plans, const struct plan_op *op)
{
	const json_t *meta = json_object_get(plans->plan[op->plan], "meta");
	json_t *params = json_deep_copy(op->params), *content = json_object();

	drop_generated(params, json_object_get(meta, "generated"));
	json_object_set_new(content, "method", json_string(method_words(op->method)->name));
	json_object_set_new(content, "params", params);
	return content;
}

void submitted_init(struct submitted *s, const char *key, const struct plans *plans)
{
	json_t *all = json_array();

	*s = (struct submitted){.key = key};
	for (size_t i = 0; i < plans->n; i++)
		json_array_append_new(all, content_of(plans, &plans->op[i]));
	json_digest(&s->content, all);
	json_decref(all);
}

static bool make_table(struct session *in, const char *store, struct fault *f)
{
	struct buf sql = BUF_INIT;
	bool good;

	buf_puts(&sql, "CREATE TABLE IF NOT EXISTS ");
	sql_table(&sql, store, TABLE);
	buf_puts(&sql, " (key TEXT PRIMARY KEY, content TEXT NOT NULL, submitted_at TEXT NOT NULL, run TEXT, answer TEXT)"
		       " WITHOUT ROWID");
	good = session_run(in, sql.data, f);
	buf_release(&sql);
	return good;
}

static json_t *answer_from(sqlite3_stmt *st)
{
	struct buf err = BUF_INIT;
	const char *text = (const char *)sqlite3_column_text(st, 1);
	json_t *answer = text ? json_parse(text, strlen(text), &err) : NULL;

	buf_release(&err);
	return answer;
}

/* The row of the key in one store. */
static bool read_row(const struct submitted *s, sqlite3_stmt *st, const char *store, bool *ret_known,
		     json_t **ret_answer, struct fault *f)
{
	int rc = sqlite3_step(st);

	if (rc == SQLITE_DONE)
		return true;
	if (rc != SQLITE_ROW)
		return fault_sqlite(f, sqlite3_db_handle(st), "cannot look the idempotency key up in store '%s'", store);
	if (strcmp((const char *)sqlite3_column_text(st, 0), s->content.hex) != 0)
		return fault_set(f, CODE_PARAMS,
				 "the idempotency key '%s' was used for another plan already (store '%s', %s): what writes something"
				 " else needs another key", s->key, store, (const char *)sqlite3_column_text(st, 2));
	*ret_known = true;
	if (!*ret_answer)
		*ret_answer = answer_from(st);
	return true;
}

static bool look_in(const struct submitted *s, struct session *in, const char *store, bool *ret_known,
		    json_t **ret_answer, struct fault *f)
{
	struct buf sql = BUF_INIT;
	struct store_table t;
	sqlite3_stmt *st = NULL;
	bool good = store_table_look(&t, in, store, TABLE, f);

	if (good && t.exists) {
		buf_puts(&sql, "SELECT content, answer, submitted_at FROM ");
		sql_table(&sql, store, TABLE);
		buf_puts(&sql, " WHERE key = ?1");
		st = session_prepare(in, sql.data, f);
		good = st && sqlite3_bind_text(st, 1, s->key, -1, SQLITE_STATIC) == SQLITE_OK &&
		       read_row(s, st, store, ret_known, ret_answer, f);
	}
	sqlite3_finalize(st);
	buf_release(&sql);
	store_table_release(&t);
	return good;
}

bool submitted_look(const struct submitted *s, struct session *in, json_t **ret_answer, struct fault *f)
{
	bool known = false, good = true;

	*ret_answer = NULL;
	for (size_t i = 0; good && i < in->n; i++)
		good = look_in(s, in, in->name[i], &known, ret_answer, f);
	if (good && known && !*ret_answer)
		*ret_answer = json_object();
	if (!good) {
		json_decref(*ret_answer);
		*ret_answer = NULL;
	}
	return good;
}

static bool note_in(const struct submitted *s, struct session *in, const char *store, const struct op_world *w,
		    const char *answer, struct fault *f)
{
	const char *values[] = {s->key, s->content.hex, w->now, w->run, answer};
	struct buf sql = BUF_INIT;
	sqlite3_stmt *st = NULL;
	bool good = make_table(in, store, f);

	buf_puts(&sql, "INSERT INTO ");
	sql_table(&sql, store, TABLE);
	buf_puts(&sql, " (key, content, submitted_at, run, answer) VALUES (?1, ?2, ?3, ?4, ?5)");
	if (good)
		st = session_prepare(in, sql.data, f);
	good = st != NULL;
	for (int i = 0; good && i < 5; i++)
		good = sqlite3_bind_text(st, i + 1, values[i], -1, SQLITE_STATIC) == SQLITE_OK;
	if (good && sqlite3_step(st) != SQLITE_DONE)
		good = fault_sqlite(f, in->db, "cannot note the idempotency key in store '%s'", store);
	sqlite3_finalize(st);
	buf_release(&sql);
	return good;
}

bool submitted_note(const struct submitted *s, struct session *in, const struct op_world *w, const json_t *answer,
		    struct fault *f)
{
	struct buf text = BUF_INIT;
	bool good = true;

	json_text(&text, answer, JSON_TIGHT);
	for (size_t i = 0; good && i < in->n; i++) /* the answer itself once */
		good = note_in(s, in, in->name[i], w, i || text.len > ANSWER_KEPT ? NULL : text.data, f);
	buf_release(&text);
	return good;
}
