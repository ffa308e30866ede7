/*
 * projectionist: rows of one or several tables as the rows of a projection.
 *
 *	parts		list of {items, columns}: `columns` maps the projection's column to the item's,
 *			or to {value: constant}
 *	order_by	list of columns of the projection; null comes first
 *	have		the rows that the projection has now, in that order
 *
 * Every part has to say the same columns.  Answers items and `changed`: false if they are what
 * there is already, so that nothing has to be written.
 */
#include "callables/callable.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "doc/json.h"

struct ordering {
	const json_t *columns; /* list of texts */
};

static json_t *cell(const json_t *item, const json_t *column)
{
	json_t *v = json_is_string(column) ? json_object_get(item, json_string_value(column))
					   : json_object_get(column, "value");

	return v ? json_incref(v) : json_null();
}

static bool same_columns(const json_t *a, const json_t *b)
{
	const char *name;
	json_t *v;

	if (json_object_size(a) != json_object_size(b))
		return false;
	json_object_foreach((json_t *)a, name, v)
		if (!json_object_get(b, name))
			return false;
	return true;
}

/* A column that no row has is a mistake in the Jobfile, not a null. */
static bool columns_there(const json_t *columns, const json_t *item, struct buf *err)
{
	const char *name;
	json_t *column;

	json_object_foreach((json_t *)columns, name, column)
		if (json_is_string(column) ? !json_object_get(item, json_string_value(column))
					   : !json_object_get(column, "value")) {
			buf_addf(err, "column '%s': the items have no '%s'", name,
				 json_is_string(column) ? json_string_value(column) : "value");
			return false;
		}
	return true;
}

static bool add_part(json_t *rows, const json_t *part, const json_t *columns, struct buf *err)
{
	const json_t *items = input_list(part, "items", err), *item;
	const char *name;
	json_t *column;
	size_t i;

	if (!items)
		return false;
	json_array_foreach(items, i, item) {
		json_t *row;

		if (!columns_there(columns, item, err))
			return false;
		row = json_object();
		json_object_foreach((json_t *)columns, name, column)
			json_object_set_new(row, name, cell(item, column));
		json_array_append_new(rows, row);
	}
	return true;
}

static int compare(const json_t *a, const json_t *b)
{
	struct buf x = BUF_INIT, y = BUF_INIT;
	int way;

	if (json_is_number(a) && json_is_number(b))
		return (json_number_value(a) > json_number_value(b)) - (json_number_value(a) < json_number_value(b));
	if (json_is_null(a) || json_is_null(b))
		return (int)json_is_null(b) - (int)json_is_null(a);
	scalar_text(&x, a);
	scalar_text(&y, b);
	way = strcmp(x.data, y.data);
	buf_release(&x);
	buf_release(&y);
	return way;
}

static int by_columns(const void *a, const void *b, void *ctx)
{
	const struct ordering *o = ctx;
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b, *column;
	size_t i;

	json_array_foreach((json_t *)o->columns, i, column) {
		int way = compare(json_object_get(x, json_string_value(column)),
				  json_object_get(y, json_string_value(column)));

		if (way)
			return way;
	}
	return 0;
}

static json_t *sorted(json_t *rows, const json_t *order)
{
	size_t n = json_array_size(rows);
	json_t **row = xcalloc(n + 1, sizeof(*row)), *out = json_array();
	struct ordering o = {order};

	for (size_t i = 0; i < n; i++)
		row[i] = json_array_get(rows, i);
	qsort_r(row, n, sizeof(*row), by_columns, &o);
	for (size_t i = 0; i < n; i++)
		json_array_append(out, row[i]);
	free(row);
	json_decref(rows);
	return out;
}

static bool good_order(const json_t *order, const json_t *columns, struct buf *err)
{
	const json_t *name;
	size_t i;

	json_array_foreach((json_t *)order, i, name)
		if (!json_is_string(name) || !json_object_get(columns, json_string_value(name))) {
			buf_addf(err, "parameter 'order_by': '%s' is no column",
				 json_is_string(name) ? json_string_value(name) : "");
			return false;
		}
	return true;
}

static bool add_parts(json_t *rows, const json_t *parts, struct buf *err)
{
	const json_t *first = json_object_get(json_array_get(parts, 0), "columns"), *part;
	size_t i;

	json_array_foreach((json_t *)parts, i, part) {
		const json_t *columns = input_map(part, "columns", err);
		struct buf why = BUF_INIT;
		bool good = columns && same_columns(first, columns) && add_part(rows, part, columns, &why);

		if (columns && !good)
			buf_addf(err, "parts[%zu]: %s", i, why.len ? why.data : "has other columns than the first");
		buf_release(&why);
		if (!good)
			return false;
	}
	return true;
}

bool projectionist(const json_t *in, json_t *ret, struct buf *err)
{
	static const char *const words[] = {"parts", "order_by", "have", NULL};
	const json_t *parts = input_list(in, "parts", err), *order = json_object_get(in, "order_by");
	const json_t *columns = json_object_get(json_array_get(parts, 0), "columns");
	json_t *have = json_object_get(in, "have");
	json_t *rows = json_array(), *stats = json_object();

	if (!parts || !inputs_known(in, words, err) || !good_order(order, columns, err) ||
	    !add_parts(rows, parts, err)) {
		json_decref(rows);
		json_decref(stats);
		return false;
	}
	rows = order ? sorted(rows, order) : rows;
	stats_rows(stats, json_array_size(rows), json_array_size(rows));
	json_object_set_new(ret, "changed", json_boolean(!have || !json_equal(have, rows)));
	json_object_set_new(ret, "items", rows);
	json_object_set_new(ret, "stats", stats);
	return true;
}
