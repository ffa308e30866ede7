/*
 * canonizer: objects of a source as rows of a canonical table, by a transform that is
 * data: TRANSFORMS/<transform_id>.json.
 *
 *	transform_id	such as email/gmail_to_jmap_lite@1.0.0
 *	transforms	folder of the transforms
 *	items		rows {idem_key, source_system, connection_name, payload, last_seen}
 *
 * A transform is {transform, columns, key_suffix?}; a column is a path into the payload (its
 * text), or {from: path or paths (the first that is there), row: column of the item instead,
 * as: conversion, map: {text: text}, of, then}.  Each item becomes one row; its idem_key is the
 * item's, with `#key_suffix` if there is one, and its source_seen says which state of the item
 * it was made of: an item that was seen later is due again.
 */
#include "callables/callable.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "callables/convert.h"
#include "doc/json.h"

struct transform {
	json_t *doc;
	const json_t *columns;
	const char *id, *suffix;
};

/* --- the transform ------------------------------------------------------------------------------------ */

static bool good_column(const char *name, const json_t *column, struct buf *err)
{
	static const char *const words[] = {"from", "row", "as", "map", "of", "then", NULL};
	const char *as = json_str(column, "as"), *then = json_str(column, "then");

	if (json_is_string(column))
		return true;
	if (!json_is_object(column) || !inputs_known(column, words, err) ||
	    !json_object_get(column, "from") == !json_object_get(column, "row")) {
		buf_addf(err, "%scolumn '%s' needs 'from' or 'row'", err->len ? ": " : "", name);
		return false;
	}
	if ((as && !convert_find(as)) || (then && !convert_find(then))) {
		buf_addf(err, "column '%s': no conversion is called '%s'", name, as && !convert_find(as) ? as : then);
		return false;
	}
	return true;
}

/* An id names a file below the folder, and nothing else. */
static bool good_id(const char *id)
{
	return *id && *id != '/' && !strstr(id, "..");
}

static bool transform_check(struct transform *t, struct buf *err)
{
	const char *name, *said = json_str(t->doc, "transform");
	json_t *column;

	t->columns = input_map(t->doc, "columns", err);
	t->suffix = json_str(t->doc, "key_suffix");
	if (!t->columns)
		return false;
	if (!said || strcmp(said, t->id)) {
		buf_addf(err, "the file says it is '%s'", said ? said : "nothing");
		return false;
	}
	json_object_foreach((json_t *)t->columns, name, column)
		if (!good_column(name, column, err))
			return false;
	return true;
}

static bool transform_open(struct transform *t, const char *folder, const char *id, struct buf *err)
{
	struct buf why = BUF_INIT;
	char *name, *path;
	bool good = false;

	*t = (struct transform){.id = id};
	if (!good_id(id)) {
		buf_addf(err, "parameter 'transform_id': '%s' is no name of a transform", id);
		return false;
	}
	name = xasprintf("%s.json", id);
	path = path_join(folder, name);
	t->doc = definition_read(path, err);
	if (t->doc && !(good = transform_check(t, &why)))
		buf_addf(err, "%s: %s", path, why.data);
	free(name);
	free(path);
	buf_release(&why);
	return good;
}

/* --- a row -------------------------------------------------------------------------------------------- */

static const json_t *column_value(const json_t *column, const json_t *item, const json_t *payload)
{
	const json_t *from = json_object_get(column, "from"), *path;
	size_t i;

	if (json_is_string(column))
		return value_at(payload, json_string_value(column));
	if (!from)
		return value_at(item, json_str(column, "row"));
	if (json_is_string(from))
		return value_at(payload, json_string_value(from));
	json_array_foreach((json_t *)from, i, path) {
		const json_t *v = value_at(payload, json_string_value(path));

		if (v)
			return v;
	}
	return NULL;
}

/* The text that the column's map has for a value; "*" stands for any other. */
static json_t *mapped(const json_t *map, json_t *v)
{
	struct buf text = BUF_INIT;
	json_t *to = NULL;

	if (!map || json_is_null(v))
		return v;
	if (scalar_text(&text, v)) {
		to = json_object_get(map, text.data);
		if (!to)
			to = json_object_get(map, "*");
	}
	buf_release(&text);
	json_decref(v);
	return to ? json_incref(to) : json_null();
}

static json_t *cell(const json_t *column, const json_t *item, const json_t *payload)
{
	const char *as = json_str(column, "as");
	convert_fn *convert = convert_find(as ? as : "text");
	json_t *v = convert(column_value(column, item, payload), column);

	return mapped(json_object_get(column, "map"), v);
}

static json_t *key_of(const struct transform *t, const char *key)
{
	return t->suffix ? json_sprintf("%s#%s", key, t->suffix) : json_string(key);
}

static json_t *row_of(const struct transform *t, const json_t *item, size_t i, struct buf *err)
{
	const char *key = json_str(item, "idem_key"), *name;
	const json_t *payload = json_object_get(item, "payload");
	json_t *row, *column;

	if (!key || !json_is_object(payload)) {
		buf_addf(err, "items[%zu] ('%s') has no %s", i, key ? key : "", key ? "payload that is a map" : "idem_key");
		return NULL;
	}
	row = json_object();
	json_object_set_new(row, "idem_key", key_of(t, key));
	json_object_set(row, "source_system", json_object_get(item, "source_system"));
	json_object_set(row, "connection_name", json_object_get(item, "connection_name"));
	json_object_foreach((json_t *)t->columns, name, column)
		json_object_set_new(row, name, cell(column, item, payload));
	json_object_set_new(row, "transform_ref", json_string(t->id));
	json_object_set(row, "source_seen", json_object_get(item, "last_seen"));
	return row;
}

static bool transform_all(const struct transform *t, const json_t *items, json_t *ret, struct buf *err)
{
	json_t *rows = json_array(), *stats = json_object();
	const json_t *item;
	bool good = true;
	size_t i;

	json_array_foreach(items, i, item) {
		json_t *row = row_of(t, item, i, err);

		if (!row) {
			good = false;
			break;
		}
		json_array_append_new(rows, row);
	}
	stats_rows(stats, json_array_size(items), json_array_size(rows));
	json_object_set_new(ret, "items", rows);
	json_object_set_new(ret, "stats", stats);
	return good;
}

bool canonizer(const json_t *in, json_t *ret, struct buf *err)
{
	static const char *const words[] = {"transform_id", "transforms", "items", NULL};
	const char *id = input_text(in, "transform_id", err), *folder;
	const json_t *items;
	struct transform t;
	bool good;

	if (!id || !(folder = input_text(in, "transforms", err)) || !(items = input_list(in, "items", err)) ||
	    !inputs_known(in, words, err))
		return false;
	good = transform_open(&t, folder, id, err) && transform_all(&t, items, ret, err);
	json_decref(t.doc);
	return good;
}
