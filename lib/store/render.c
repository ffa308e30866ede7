/*
 * bq_reader and file_renderer: rows of a store on their way to another file.
 *
 * A template holds `{column}`, `{_projected_at}`, `{{` and `}}`.  What is put in is
 * data: a brace in it means nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "doc/json.h"
#include "doc/utf8.h"
#include "store/base_files.h"
#include "store/ops.h"
#include "store/params.h"
#include "store/table.h"

/* ---- bq_reader ---- */

static json_t *text_value(const json_t *v)
{
	struct buf text = BUF_INIT;
	json_t *s;

	if (json_is_null(v))
		return json_null();
	json_as_text(&text, v);
	s = json_stringn_nocheck(text.data, text.len);
	buf_release(&text);
	return s;
}

static void to_texts(json_t *rows, const char *now)
{
	const char *key;
	json_t *row, *v;
	size_t i;

	json_array_foreach(rows, i, row) {
		json_object_foreach(row, key, v)
			json_object_set_new_nocheck(row, key, text_value(v));
		json_object_set_new(row, "projected_at", json_string(now));
	}
}

static json_t *columns_of(const json_t *rows)
{
	json_t *columns = json_array(), *v;
	const char *key;

	json_object_foreach(json_array_get(rows, 0), key, v)
		json_array_append_new(columns, json_string(key));
	return columns;
}

static json_t *read_table(struct session *s, const struct store *from, const char *name, struct fault *f)
{
	struct store_table t;
	struct buf sql = BUF_INIT;
	sqlite3_stmt *st = NULL;
	json_t *rows = NULL;

	if (store_table_look(&t, s, from->name, name, f) && store_table_need(&t, s, f)) {
		buf_puts(&sql, "SELECT * FROM ");
		sql_table(&sql, t.store, t.name);
		st = session_prepare(s, sql.data, f);
	}
	if (st)
		rows = rows_read(s, st, f);
	sqlite3_finalize(st);
	buf_release(&sql);
	store_table_release(&t);
	return rows;
}

static json_t *sync_item(const struct params *p, json_t *rows)
{
	static const char *const forwarded[] = {"sqlite_path", "table"};
	json_t *item = json_object();

	for (size_t i = 0; i < ARRAY_LEN(forwarded); i++)
		if (param(p, forwarded[i]))
			json_object_set(item, forwarded[i], (json_t *)param(p, forwarded[i]));
	if (param(p, "sync_dataset"))
		json_object_set(item, "dataset", (json_t *)param(p, "sync_dataset"));
	json_object_set_new(item, "columns", columns_of(rows));
	json_object_set_new(item, "rows", rows);
	return item;
}

json_t *op_read_rows(struct op_world *w, const json_t *with, struct fault *f)
{
	struct params p = {with, "", f};
	const char *name = param_text(&p, "projection"), *dataset = param_text(&p, "dataset");
	const struct store *from = stores_need(&w->stores, dataset ? dataset : "canonical", "parameter 'dataset'", f);
	struct store_set set = {0};
	struct session s = {0};
	json_t *rows = NULL;
	size_t n;

	(void)param_text(&p, "table");
	if (!param_text(&p, "sqlite_path") == !param_text(&p, "sync_dataset"))
		fault_usage(f, "either 'sqlite_path' or 'sync_dataset' has to say where the rows go");
	if (f->kind == FAULT_NONE && store_set_add(&set, from, f) &&
	    session_begin(&s, &set, SESSION_READ, w->busy_ms, f))
		rows = read_table(&s, from, name, f);
	session_end(&s);
	if (!rows)
		return NULL;
	to_texts(rows, w->now);
	n = json_array_size(rows);
	return op_answer(json_pack("[o]", sync_item(&p, rows)), json_pack("{sI}", "rows_read", (json_int_t)n));
}

/* ---- templates ---- */

static bool add_field(struct buf *out, const char *field, const json_t *row, const char *now, struct fault *f)
{
	const json_t *v = json_object_get(row, field);
	struct buf hint = BUF_INIT;
	struct spell near;
	const char *key;
	json_t *other;

	if (!strcmp(field, "_projected_at")) {
		buf_puts(out, now);
		return true;
	}
	if (v) {
		json_as_text(out, v);
		return true;
	}
	spell_init(&near, field);
	json_object_foreach((json_t *)row, key, other)
		spell_try(&near, key);
	fault_set(f, CODE_STORAGE, "the query has no column '%s'%s", field, did_you_mean(&near, &hint));
	buf_release(&hint);
	return false;
}

static bool fill(struct buf *out, const char *text, const json_t *row, const char *now, struct fault *f)
{
	for (const char *p = text; *p;) {
		const char *end;
		char *field;
		bool good;

		if ((p[0] == '{' || p[0] == '}') && p[1] == p[0]) {
			buf_putc(out, *p);
			p += 2;
			continue;
		}
		if (*p != '{' && *p != '}') {
			buf_putc(out, *p++);
			continue;
		}
		end = *p == '{' ? strchr(p, '}') : NULL;
		if (!end)
			return fault_usage(f, "a single '%c' has no meaning: write it twice", *p);
		field = xstrndup(p + 1, (size_t)(end - p - 1));
		good = add_field(out, field, row, now, f);
		free(field);
		if (!good)
			return false;
		p = end + 1;
	}
	return true;
}

/* ---- front matter: block YAML ---- */

/* Whether YAML reads the text as itself, without quotes. */
static bool is_plain(const char *s)
{
	static const char *const words[] = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"};

	if (!*s || !strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", s[0]))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (!strcasecmp(words[i], s))
			return false;
	for (const char *p = s; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (c < 0x20 || c >= 0x7f || (c == ':' && (!p[1] || p[1] == ' ')) || (c == '#' && p[-1] == ' '))
			return false;
	}
	return s[strlen(s) - 1] != ' ';
}

/* JSON's texts, numbers and words are YAML's too. */
static void yaml_scalar(struct buf *out, const json_t *v)
{
	if (json_is_string(v) && is_plain(json_string_value(v)))
		buf_puts(out, json_string_value(v));
	else
		json_text(out, v, JSON_SPACED);
}

static void yaml_key(struct buf *out, const char *key)
{
	if (is_plain(key))
		buf_puts(out, key);
	else
		json_quote(out, key, strlen(key));
}

/* Depth is bounded by the reader of the JSON. */
static void yaml_block(struct buf *out, const json_t *v, size_t indent);

static void yaml_entry(struct buf *out, const json_t *v, size_t indent)
{
	bool empty = !json_object_size(v) && !json_array_size(v);

	if (!empty) {
		buf_putc(out, '\n');
		yaml_block(out, v, indent);
		return;
	}
	buf_putc(out, ' ');
	yaml_scalar(out, v);
	buf_putc(out, '\n');
}

static void yaml_block(struct buf *out, const json_t *v, size_t indent)
{
	const char *key;
	json_t *one;
	size_t i;

	json_object_foreach((json_t *)v, key, one) {
		buf_pad(out, ' ', indent);
		yaml_key(out, key);
		buf_putc(out, ':');
		yaml_entry(out, one, indent + 2);
	}
	json_array_foreach(v, i, one) {
		buf_pad(out, ' ', indent);
		buf_putc(out, '-');
		yaml_entry(out, one, indent + 2);
	}
}

/* ---- file_renderer ---- */

struct render {
	struct op_world *world;
	struct fault *fault;
	const char *base_path, *path_template, *content_template, *query;
	const json_t *front;
	struct session session;
};

/* Front matter with its texts filled; others are copied.  A new reference, NULL after a complaint. */
static json_t *fill_front(struct render *r, const json_t *row)
{
	json_t *filled = json_object(), *v;
	const char *key;

	json_object_foreach((json_t *)r->front, key, v) {
		struct buf text = BUF_INIT;
		bool good = true;

		if (json_is_string(v)) {
			good = fill(&text, json_string_value(v), row, r->world->now, r->fault);
			json_object_set_new(filled, key, json_stringn(text.data, text.len));
		} else {
			json_object_set(filled, key, v);
		}
		buf_release(&text);
		if (good)
			continue;
		fault_within(r->fault, "front_matter.%s", key);
		json_decref(filled);
		return NULL;
	}
	return filled;
}

static bool add_front(struct render *r, const json_t *row, struct buf *out)
{
	json_t *filled;

	if (!json_object_size(r->front))
		return true;
	filled = fill_front(r, row);
	if (!filled)
		return false;
	buf_puts(out, "---\n");
	yaml_block(out, filled, 0);
	buf_puts(out, "---\n\n");
	json_decref(filled);
	return true;
}

/* What a row puts into a path is one part of it: a slash there would make folders out of data. */
static json_t *path_row(const json_t *row)
{
	json_t *clean = json_object(), *v;
	const char *key;

	json_object_foreach((json_t *)row, key, v) {
		struct buf text = BUF_INIT;

		json_as_text(&text, v);
		for (size_t i = 0; i < text.len; i++)
			if (text.data[i] == '/')
				text.data[i] = '-';
		json_object_set_new(clean, key, json_stringn(text.data, text.len));
		buf_release(&text);
	}
	return clean;
}

static bool fill_path(struct render *r, const json_t *row, struct buf *path)
{
	json_t *clean = path_row(row);
	bool good;

	if (r->base_path)
		buf_addf(path, "%s%s", r->base_path, r->base_path[strlen(r->base_path) - 1] == '/' ? "" : "/");
	good = fill(path, r->path_template, clean, r->world->now, r->fault);
	if (!good)
		fault_within(r->fault, "path_template");
	json_decref(clean);
	return good;
}

/* {path, content}, or NULL. */
static json_t *render_row(struct render *r, const json_t *row)
{
	struct buf path = BUF_INIT, content = BUF_INIT;
	json_t *item = NULL;
	bool good = fill_path(r, row, &path) && add_front(r, row, &content);

	if (good) {
		good = fill(&content, r->content_template, row, r->world->now, r->fault);
		if (!good)
			fault_within(r->fault, "content_template");
	}
	if (good)
		item = json_pack("{ss%ss%}", "path", path.data, path.len, "content", content.data, content.len);
	buf_release(&path);
	buf_release(&content);
	return item;
}

static json_t *render_rows(struct render *r, const json_t *rows)
{
	json_t *items = json_array(), *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		json_t *item = render_row(r, row);

		if (!item) {
			if (r->fault->kind != FAULT_USAGE) /* a wrong template is no row's fault */
				fault_within(r->fault, "row %zu", i + 1);
			json_decref(items);
			return NULL;
		}
		json_array_append_new(items, item);
	}
	return items;
}

/* The rows of the user's query, which cannot write. */
static json_t *run_query(struct render *r)
{
	const char *tail = "";
	sqlite3_stmt *st = NULL;
	json_t *rows = NULL;

	if (sqlite3_prepare_v2(r->session.db, r->query, -1, &st, &tail) != SQLITE_OK)
		fault_sqlite(r->fault, r->session.db, "SQLite refuses 'query'");
	else if (!st || !sqlite3_stmt_readonly(st) || !sqlite3_column_count(st))
		fault_usage(r->fault, "parameter 'query' has to be a SELECT");
	else if (tail[strspn(tail, "; \t\r\n")])
		fault_usage(r->fault, "parameter 'query' has to be one statement");
	else
		rows = rows_read(&r->session, st, r->fault);
	sqlite3_finalize(st);
	return rows;
}

/* The store that the query is about: `dataset`, or a file below the base folder or a store's. */
static const struct store *source_of(struct render *r, const struct params *p)
{
	const char *dataset = param_text(p, "dataset"), *path = param_text(p, "sqlite_path");
	const struct store *found = NULL;
	char *whole;

	if (!dataset == !path) {
		fault_usage(r->fault, "either 'dataset' or 'sqlite_path' has to say what to query");
		return NULL;
	}
	if (dataset)
		return stores_need(&r->world->stores, dataset, "parameter 'dataset'", r->fault);
	for (size_t i = 0; !found && i < r->world->stores.n; i++)
		if (!strcmp(r->world->stores.store[i]->path, path))
			found = r->world->stores.store[i];
	if (found)
		return found;
	whole = base_sqlite_path(r->world->base, path, r->fault);
	if (whole)
		found = stores_add(&r->world->stores, path, whole);
	free(whole);
	return found;
}

static json_t *render(struct render *r, const struct params *p)
{
	const struct store *from = source_of(r, p);
	struct store_set set = {0};
	json_t *rows = NULL, *items = NULL;

	if (r->fault->kind == FAULT_NONE && store_set_add(&set, from, r->fault) &&
	    session_begin(&r->session, &set, SESSION_READ, r->world->busy_ms, r->fault))
		rows = run_query(r);
	session_end(&r->session);
	if (rows)
		items = render_rows(r, rows);
	json_decref(rows);
	return items;
}

json_t *op_render_files(struct op_world *w, const json_t *with, struct fault *f)
{
	struct params p = {with, "", f};
	struct render r = {
		.world = w,
		.fault = f,
		.base_path = param_text(&p, "base_path"),
		.path_template = param_text(&p, "path_template"),
		.content_template = param_text(&p, "content_template"),
		.query = param_text(&p, "query"),
		.front = param_map(&p, "front_matter"),
	};
	json_t *items = render(&r, &p);

	if (!items)
		return NULL;
	return op_answer(items, json_pack("{sI}", "output", (json_int_t)json_array_size(items)));
}
