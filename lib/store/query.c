/* storacle.query: rows of one table, perhaps only those that another table does not have yet. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/span.h"
#include "base/vec.h"
#include "doc/json.h"
#include "store/ops.h"
#include "store/params.h"
#include "store/table.h"

enum query_mode { MODE_ALL, MODE_LEFT_ANTI, MODE_NOT_EXISTS };

struct query {
	struct op_world *world;
	struct params top, inc; /* inc.map is NULL without `incremental` */
	struct fault *fault;
	struct session session;
	struct store_table source, target; /* `s` and `t` in the statement; target need not exist */
	enum query_mode mode;
	const char *source_key, *target_key, *suffix, *source_ts, *target_ts;
	const struct store *source_store, *target_store;
	json_int_t limit;
	struct buf sql;
	const json_t **bound; /* what the statement's parameters are; borrowed */
	size_t n_bound, room_bound;
};

/* ---- parameters ---- */

static void read_limit(struct query *q)
{
	const json_t *v = param(&q->top, "limit");
	long long n = -1;
	char *end;

	if (!v)
		return;
	if (json_is_integer(v)) {
		n = json_integer_value(v);
	} else if (json_is_string(v) && json_string_length(v)) {
		errno = 0;
		n = strtoll(json_string_value(v), &end, 10);
		if (*end || errno)
			n = -1;
	}
	if (n < 0)
		fault_usage(q->fault, "parameter 'limit' has to be a whole number from 0 (no limit) on");
	else
		q->limit = n;
}

static const char *text_or(const struct params *p, const char *key, const char *instead)
{
	const char *text = param_text(p, key);

	return text ? text : instead;
}

static void read_mode(struct query *q)
{
	const char *mode = text_or(&q->inc, "mode", "left_anti");

	if (!strcmp(mode, "left_anti"))
		q->mode = MODE_LEFT_ANTI;
	else if (!strcmp(mode, "not_exists"))
		q->mode = MODE_NOT_EXISTS;
	else
		fault_usage(q->fault, "parameter 'incremental.mode' is left_anti or not_exists, not '%s'", mode);
}

static const struct store *read_store(struct query *q, const struct params *p, const char *key)
{
	const char *name = param_text(p, key);
	char *where;
	const struct store *found;

	if (!name)
		return NULL;
	where = xasprintf("parameter '%s%s'", p->path, key);
	found = stores_need(&q->world->stores, name, where, q->fault);
	free(where);
	return found;
}

static void read_incremental(struct query *q)
{
	const json_t *map = param_map(&q->top, "incremental");

	if (!map)
		return;
	q->inc = (struct params){map, "incremental.", q->fault};
	if (!params_check(&q->inc, "target_dataset target_table source_key target_key",
			  "mode join_key_suffix source_ts target_ts"))
		return;
	read_mode(q);
	q->target_store = read_store(q, &q->inc, "target_dataset");
	(void)param_text(&q->inc, "target_table");
	q->source_key = param_text(&q->inc, "source_key");
	q->target_key = param_text(&q->inc, "target_key");
	q->suffix = param_text(&q->inc, "join_key_suffix");
	q->source_ts = text_or(&q->inc, "source_ts", "last_seen");
	q->target_ts = text_or(&q->inc, "target_ts", "canonicalized_at");
}

/* ---- the tables ---- */

static bool open_tables(struct query *q)
{
	struct store_set set = {0};
	bool with_target = q->target_store && file_exists(q->target_store->path);

	if (!store_set_add(&set, q->source_store, q->fault))
		return false;
	if (with_target && !store_set_add(&set, q->target_store, q->fault))
		return false;
	if (!session_begin(&q->session, &set, SESSION_READ, q->world->busy_ms, q->fault))
		return false;
	if (!store_table_look(&q->source, &q->session, q->source_store->name, param_text(&q->top, "table"), q->fault) ||
	    !store_table_need(&q->source, &q->session, q->fault))
		return false;
	return !with_target || store_table_look(&q->target, &q->session, q->target_store->name,
					  param_text(&q->inc, "target_table"), q->fault);
}

/* ---- the statement ---- */

static void add_column(struct query *q, const char *table, const char *name, const char *where)
{
	const struct column *c = store_table_need_column(*table == 's' ? &q->source : &q->target, name, where, q->fault);

	buf_puts(&q->sql, table);
	buf_putc(&q->sql, '.');
	sql_ident(&q->sql, c ? c->name : name);
}

static void add_value(struct query *q, const json_t *v)
{
	VEC_PUSH(q->bound, q->n_bound, q->room_bound, v);
	buf_addf(&q->sql, "?%zu", q->n_bound);
}

static void add_columns(struct query *q)
{
	const json_t *columns = param_texts(&q->top, "columns"), *v;
	size_t i;

	if (columns && !json_array_size(columns))
		fault_usage(q->fault, "parameter 'columns' is empty: leave it out for all columns");
	if (!columns)
		buf_puts(&q->sql, "s.*");
	json_array_foreach(columns, i, v) {
		if (i)
			buf_puts(&q->sql, ", ");
		if (!strcmp(json_string_value(v), "*"))
			buf_puts(&q->sql, "s.*");
		else
			add_column(q, "s", json_string_value(v), "parameter 'columns'");
	}
}

/* One condition; null is a value like others. */
static void add_condition(struct query *q, const char *column, const char *op, const json_t *value,
			  const char *where)
{
	bool equal = !strcmp(op, "="), unequal = !strcmp(op, "!=");

	buf_puts(&q->sql, " AND ");
	add_column(q, "s", column, where);
	if (json_is_object(value) || json_is_array(value)) {
		fault_usage(q->fault, "%s: column '%s' cannot be compared with %s", where, column, json_kind(value));
	} else if (!json_is_null(value)) {
		buf_addf(&q->sql, " %s ", op);
		add_value(q, value);
	} else if (equal || unequal) {
		buf_puts(&q->sql, equal ? " IS NULL" : " IS NOT NULL");
	} else {
		fault_usage(q->fault, "%s: null is neither less nor more than column '%s'", where, column);
	}
}

static void add_list_filter(struct query *q, const json_t *one, size_t i)
{
	char path[64], where[64];
	struct params p = {one, path, q->fault};
	const char *column, *op;

	snprintf(path, sizeof(path), "filters[%zu].", i);
	snprintf(where, sizeof(where), "parameter 'filters[%zu]'", i);
	if (!json_is_object(one)) {
		fault_usage(q->fault, "%s has to be a map, not %s", where, json_kind(one));
		return;
	}
	if (!params_check(&p, "column", "op value"))
		return;
	column = param_text(&p, "column");
	op = text_or(&p, "op", "=");
	if (!word_in("= != < > <= >=", op))
		fault_usage(q->fault, "parameter 'filters[%zu].op' is '%s'; known are: = != < > <= >=", i, op);
	else if (!json_object_get(one, "value"))
		fault_usage(q->fault, "parameter 'filters[%zu].value' is missing", i);
	else if (column)
		add_condition(q, column, op, json_object_get(one, "value"), where);
}

static void add_filters(struct query *q)
{
	const json_t *filters = param(&q->top, "filters");
	const char *column;
	json_t *v;
	size_t i;

	if (json_is_object(filters)) {
		json_object_foreach((json_t *)filters, column, v)
			add_condition(q, column, "=", v, "parameter 'filters'");
	} else if (json_is_array(filters)) {
		json_array_foreach(filters, i, v)
			add_list_filter(q, v, i);
	} else if (filters) {
		fault_usage(q->fault, "parameter 'filters' has to be a map or a list, not %s", json_kind(filters));
	}
}

/* `t.key = s.key`, or with a suffix `t.key = s.key || '#' || suffix`. */
static void add_join(struct query *q)
{
	add_column(q, "t", q->target_key, "parameter 'incremental.target_key'");
	buf_puts(&q->sql, " = ");
	add_column(q, "s", q->source_key, "parameter 'incremental.source_key'");
	if (q->suffix) {
		buf_puts(&q->sql, " || '#' || ");
		add_value(q, json_object_get(q->inc.map, "join_key_suffix"));
	}
}

static void add_target(struct query *q)
{
	sql_table(&q->sql, q->target.store, q->target.name);
	buf_puts(&q->sql, " AS t ");
}

static void add_is_newer(struct query *q)
{
	buf_puts(&q->sql, " AND (");
	add_column(q, "t", q->target_key, "parameter 'incremental.target_key'");
	buf_puts(&q->sql, " IS NULL OR ");
	add_column(q, "s", q->source_ts, "parameter 'incremental.source_ts'");
	buf_puts(&q->sql, " > ");
	add_column(q, "t", q->target_ts, "parameter 'incremental.target_ts'");
	buf_putc(&q->sql, ')');
}

/* One part of an order: a name, perhaps followed by ASC or DESC. */
static void add_order_part(struct query *q, struct span part, bool first)
{
	static const char *const ways[] = {" DESC", " ASC"};
	const char *way = "";
	char *name;

	part = span_trim(part);
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		size_t n = strlen(ways[i]);

		if (part.len > n && !strncasecmp(part.at + part.len - n, ways[i], n)) {
			way = ways[i];
			part.len -= n;
			part = span_trim(part);
			break;
		}
	}
	name = xstrndup(part.at, part.len);
	buf_puts(&q->sql, first ? " ORDER BY " : ", ");
	add_column(q, "s", name, "parameter 'order_by'");
	buf_puts(&q->sql, way);
	free(name);
}

static void add_given_order(struct query *q, const json_t *order)
{
	const json_t *texts = json_is_array(order) ? param_texts(&q->top, "order_by") : NULL;
	const char *rest = json_is_array(order) ? NULL : param_text(&q->top, "order_by");
	bool first = true;
	const json_t *v;
	size_t i;

	json_array_foreach(texts, i, v)
		add_order_part(q, span_of(json_string_value(v)), i == 0);
	for (; rest; first = false) {
		const char *comma = strchrnul(rest, ',');

		add_order_part(q, (struct span){rest, (size_t)(comma - rest)}, first);
		rest = *comma ? comma + 1 : NULL;
	}
}

static void add_order(struct query *q)
{
	const json_t *order = param(&q->top, "order_by");

	if (order) {
		add_given_order(q, order);
	} else if (q->mode == MODE_LEFT_ANTI) {
		buf_puts(&q->sql, " ORDER BY ");
		add_column(q, "s", q->source_key, "parameter 'incremental.source_key'");
	} else if (q->mode == MODE_ALL && q->limit && store_table_column(&q->source, "idem_key")) {
		buf_puts(&q->sql, " ORDER BY s.\"idem_key\"");
	}
	if (q->limit)
		buf_addf(&q->sql, " LIMIT %" JSON_INTEGER_FORMAT, q->limit);
}

/* The target as it is when there is no such table: nothing has been put there yet. */
static void add_where(struct query *q)
{
	bool anti = q->target.exists && q->mode == MODE_LEFT_ANTI;

	buf_puts(&q->sql, " FROM ");
	sql_table(&q->sql, q->source.store, q->source.name);
	buf_puts(&q->sql, " AS s");
	if (anti) {
		buf_puts(&q->sql, " LEFT JOIN ");
		add_target(q);
		buf_puts(&q->sql, "ON ");
		add_join(q);
	}
	buf_puts(&q->sql, " WHERE TRUE");
	add_filters(q);
	if (anti)
		add_is_newer(q);
	if (q->target.exists && q->mode == MODE_NOT_EXISTS) {
		buf_puts(&q->sql, " AND NOT EXISTS (SELECT 1 FROM ");
		add_target(q);
		buf_puts(&q->sql, "WHERE ");
		add_join(q);
		buf_putc(&q->sql, ')');
	}
	if (q->source_key)
		(void)store_table_need_column(&q->source, q->source_key, "parameter 'incremental.source_key'", q->fault);
}

/* ---- the rows ---- */

/* The texts of a column that are JSON become what they say; others stay. */
static void parse_cell(json_t *row, const char *column)
{
	json_t *cell = json_object_get(row, column), *v;
	struct buf err = BUF_INIT;

	if (!json_is_string(cell))
		return;
	v = json_parse(json_string_value(cell), json_string_length(cell), &err);
	if (v)
		json_object_set_new(row, column, v);
	buf_release(&err);
}

static void parse_cells(const struct query *q, json_t *rows)
{
	const json_t *columns = json_object_get(q->top.map, "parse_json_columns"), *column;
	json_t *row;
	size_t i, j;

	json_array_foreach(columns, i, column)
		json_array_foreach(rows, j, row)
			parse_cell(row, json_string_value(column));
}

static json_t *run(struct query *q)
{
	sqlite3_stmt *st = session_prepare(&q->session, q->sql.data, q->fault);
	json_t *rows = NULL;
	bool good = st != NULL;

	for (size_t i = 0; good && i < q->n_bound; i++)
		good = value_bind(st, (int)i + 1, q->bound[i]);
	if (good)
		rows = rows_read(&q->session, st, q->fault);
	else if (st)
		fault_sqlite(q->fault, q->session.db, "cannot bind the values of 'filters'");
	sqlite3_finalize(st);
	if (rows)
		parse_cells(q, rows);
	else
		fault_within(q->fault, "%s.%s", q->source.store, q->source.name);
	return rows;
}

static json_t *answer(const struct query *q, json_t *rows)
{
	json_t *stats = json_object();

	json_object_set_new(stats, "rows_read", json_integer((json_int_t)json_array_size(rows)));
	if (q->mode != MODE_ALL && !q->target.exists) /* so that a misspelt name does not stay unseen */
		json_object_set_new(stats, "target_absent", json_true());
	return op_answer(rows, stats);
}

static json_t *query(struct query *q)
{
	json_t *rows;

	q->source_store = read_store(q, &q->top, "dataset");
	(void)param_text(&q->top, "table");
	(void)param_texts(&q->top, "parse_json_columns");
	read_limit(q);
	read_incremental(q);
	if (q->fault->kind != FAULT_NONE || !open_tables(q))
		return NULL;
	buf_puts(&q->sql, "SELECT ");
	add_columns(q);
	add_where(q);
	add_order(q);
	if (q->fault->kind != FAULT_NONE)
		return NULL;
	rows = run(q);
	return rows ? answer(q, rows) : NULL;
}

json_t *op_query(struct op_world *w, const json_t *with, struct fault *f)
{
	struct query q = {.world = w, .top = {with, "", f}, .fault = f, .sql = BUF_INIT};
	json_t *got = query(&q);

	store_table_release(&q.source);
	store_table_release(&q.target);
	session_end(&q.session);
	buf_release(&q.sql);
	free(q.bound);
	return got;
}
