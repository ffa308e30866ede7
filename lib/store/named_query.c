/*
 * view_creator and molt_projector: a view or table from a named query, which is the
 * file NAME.sql in the folder `sql` (or `folder`) below the base folder.  In its text
 *
 *	${DATASET}		the store that the view or table goes to
 *	${DATASET_RAW}		the store `raw`, and so for every other
 *
 * stand for names.  Inside a view SQLite wants no name for its own store, so there
 * `${DATASET}.` and its like become nothing.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bug.h"
#include "doc/utf8.h"
#include "store/base_files.h"
#include "store/ops.h"
#include "store/params.h"
#include "store/table.h"

enum { QUERY_MAX = 1024 * 1024 };

struct named_query {
	struct op_world *world;
	struct fault *fault;
	const struct store *into;
	bool for_view;
	const char *path;
};

static bool is_plain_name(const char *name)
{
	return *name && !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")] &&
	       name[0] != '.';
}

/* The store that a variable means, or NULL after a complaint. */
static const struct store *variable_store(const struct named_query *q, const char *name)
{
	static const char prefix[] = "DATASET_";
	const struct store *s;

	if (!strcmp(name, "DATASET"))
		return q->into;
	s = strncmp(name, prefix, strlen(prefix)) ? NULL : stores_find(&q->world->stores, name + strlen(prefix));
	if (!s)
		fault_set(q->fault, CODE_STORAGE,
			  "'%s' wants ${%s}; known are ${DATASET} and ${DATASET_NAME} for each store NAME", q->path, name);
	return s;
}

static bool add_variable(const struct named_query *q, const char *name, const char **rest, struct buf *out)
{
	const struct store *s = variable_store(q, name);

	if (!s)
		return false;
	if (q->for_view && s != q->into)
		return fault_set(q->fault, CODE_STORAGE,
				 "'%s' reads store '%s', but a view in '%s' sees only its own store: make a table of it with "
				 "molt_projector", q->path, s->name, q->into->name);
	if (q->for_view && **rest == '.')
		(*rest)++;
	else
		sql_ident(out, s->name);
	return true;
}

static bool expand(const struct named_query *q, const char *text, struct buf *out)
{
	for (const char *p = text; *p;) {
		const char *end = p[0] == '$' && p[1] == '{' ? strchr(p, '}') : NULL;
		char *name;
		bool good;

		if (!end) {
			buf_putc(out, *p++);
			continue;
		}
		name = xstrndup(p + 2, (size_t)(end - p - 2));
		p = end + 1;
		good = add_variable(q, name, &p, out);
		free(name);
		if (!good)
			return false;
	}
	return true;
}

/* Without the blanks and the semicolon at its end. */
static void trim_end(struct buf *sql)
{
	while (sql->len && (isspace((unsigned char)sql->data[sql->len - 1]) || sql->data[sql->len - 1] == ';'))
		buf_cut(sql, sql->len - 1);
}

static json_t *statement_of(const struct named_query *q, const char *table, const struct buf *text)
{
	struct buf sql = BUF_INIT;
	json_t *answer = NULL;

	buf_puts(&sql, q->for_view ? "CREATE OR REPLACE VIEW " : "CREATE OR REPLACE TABLE ");
	sql_table(&sql, q->into->name, table);
	buf_puts(&sql, " AS\n");
	if (expand(q, text->data, &sql)) {
		trim_end(&sql);
		answer = op_answer(json_pack("[{ssss}]", "sql", sql.data, "dataset", q->into->name),
				   json_pack("{sisi}", "input", 1, "output", 1));
	}
	buf_release(&sql);
	return answer;
}

/* The statement that makes table in q->into from the query called name. */
static json_t *make(struct named_query *q, const char *folder, const char *name, const char *table)
{
	char *path = xasprintf("%s/%s.sql", folder ? folder : "sql", name);
	struct buf text = BUF_INIT;
	json_t *answer = NULL;

	q->path = path;
	if (base_read(q->world->base, path, &text, QUERY_MAX, q->fault)) {
		if (utf8_check(text.data, text.len) != text.len || memchr(text.data, 0, text.len))
			fault_set(q->fault, CODE_STORAGE, "'%s' is not UTF-8 text", path);
		else
			answer = statement_of(q, table, &text);
	}
	buf_release(&text);
	free(path);
	return answer;
}

static void check_name(const struct params *p, const char *key, const char *name)
{
	if (name && !is_plain_name(name))
		fault_usage(p->fault, "parameter '%s' is the name of a file without its .sql, not '%.80s'", key, name);
}

json_t *op_make_view(struct op_world *w, const json_t *with, struct fault *f)
{
	struct params p = {with, "", f};
	const char *name = param_text(&p, "projection_name"), *dataset = param_text(&p, "dataset");
	const char *folder = param_text(&p, "folder");
	struct named_query q = {.world = w, .fault = f, .for_view = true};

	check_name(&p, "projection_name", name);
	q.into = stores_need(&w->stores, dataset ? dataset : "derived", "parameter 'dataset'", f);
	return f->kind == FAULT_NONE ? make(&q, folder, name, name) : NULL;
}

json_t *op_make_table(struct op_world *w, const json_t *with, struct fault *f)
{
	struct params p = {with, "", f};
	const char *name = param_text(&p, "query_name"), *dataset = param_text(&p, "sink_dataset");
	const char *table = param_text(&p, "sink_table"), *folder = param_text(&p, "folder");
	struct named_query q = {.world = w, .fault = f};

	/* A project is a thing of BigQuery; files have it, and a store has none. */
	(void)param_text(&p, "sink_project");
	check_name(&p, "query_name", name);
	if (table && !ident_good(table))
		fault_usage(f, "parameter 'sink_table' cannot be the name of a table");
	if (dataset)
		q.into = stores_need(&w->stores, dataset, "parameter 'sink_dataset'", f);
	return f->kind == FAULT_NONE ? make(&q, folder, name, table) : NULL;
}
