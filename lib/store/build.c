/*
 * plan.build: a plan of writes from items.
 *
 * With dataset, table and key_columns all items become the rows of one bq.upsert
 * (a batch); without them each item becomes an operation of its own.  The plan's
 * id is a hash of its operations without what the clock or the run made
 * (meta.generated lists those columns), so the same intent has the same id.
 */
#include "store/build.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "doc/json.h"
#include "doc/utf8.h"
#include "store/method.h"
#include "store/ops.h"
#include "store/params.h"
#include "store/table.h"

static const char BATCH_WORDS[] =
	"dataset table key_columns skip_update_columns auto_timestamp_columns payload_wrap id_field"
	" auto_external_id idem_key_suffix source_system connection_name object_type";

struct build {
	struct op_world *world;
	struct params p;
	struct fault *fault;
	enum method method;
	const json_t *items;
	const json_t *defaults, *renames, *fields; /* for every item */
	const char *dataset, *table, *id_field, *suffix; /* of a batch */
	const json_t *keys, *skips, *stamps;
	bool wraps, finds_id;
	char *correlation; /* of this step, or NULL */
	json_t *ops;
	json_t *generated; /* names of the columns that say nothing of the intent */
};

/* ---- texts ---- */

void build_wrap_text(struct buf *out, const json_t *item)
{
	enum { PLANE = 0x10000, HIGH = 0xd800, LOW = 0xdc00 };
	struct buf text = BUF_INIT;

	json_text(&text, item, JSON_SPACED);
	for (size_t i = 0, n; i < text.len; i += n) {
		int32_t code = utf8_decode(text.data + i, text.len - i, &n);

		if (code < 0x7f && code >= 0)
			buf_putc(out, (char)code);
		else if (code < PLANE)
			buf_addf(out, "\\u%04x", (unsigned)code);
		else
			buf_addf(out, "\\u%04x\\u%04x", (unsigned)(HIGH + ((code - PLANE) >> 10)),
				 (unsigned)(LOW + ((code - PLANE) & 0x3ff)));
	}
	buf_release(&text);
}

void build_item_key(struct buf *out, const char *method, const json_t *item)
{
	static const char *const identity[] = {"idem_key",  "idempotency_key", "stream_id", "event_id",
					       "entity_id", "version",	       "id"};
	json_t *said = json_object();
	struct digest d;

	json_object_set_new(said, "method", json_string(method));
	for (size_t i = 0; i < ARRAY_LEN(identity); i++) {
		json_t *v = json_object_get(item, identity[i]);

		if (v)
			json_object_set(said, identity[i], v);
	}
	if (json_object_size(said) == 1)
		json_object_update(said, (json_t *)item);
	json_digest(&d, said);
	json_decref(said);
	buf_addf(out, "sha256:%s", d.hex);
}

/* The keys that a map has, for messages. */
static void add_keys(struct buf *b, const json_t *map)
{
	const char *key, *between = "";
	json_t *v;

	json_object_foreach((json_t *)map, key, v) {
		buf_addf(b, "%s%s", between, key);
		between = ", ";
	}
}

static bool lacks(struct build *b, const json_t *item, const char *fmt, const char *field)
{
	struct buf keys = BUF_INIT;

	add_keys(&keys, item);
	fault_usage(b->fault, fmt, field, keys.len ? keys.data : "nothing");
	buf_release(&keys);
	return false;
}

/* ---- one item or row ---- */

static void add_defaults(json_t *row, const json_t *defaults)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)defaults, key, v)
		if (!json_object_get(row, key))
			json_object_set(row, key, v);
}

/* field_map: {new: old}. */
static bool rename_fields(struct build *b, json_t *row)
{
	const char *name;
	json_t *old;

	json_object_foreach((json_t *)b->renames, name, old) {
		json_t *v = json_object_get(row, json_string_value(old));

		if (!v)
			return lacks(b, row, "field_map wants its field '%s', but it has only: %s",
				     json_string_value(old));
		if (!strcmp(name, json_string_value(old)))
			continue;
		json_object_set(row, name, v);
		json_object_del(row, json_string_value(old));
	}
	return true;
}

/* Only the fields that are wanted, in that order; takes over row. */
static json_t *pick_fields(struct build *b, json_t *row)
{
	json_t *picked, *name;
	size_t i;

	if (!b->fields)
		return row;
	picked = json_object();
	json_array_foreach(b->fields, i, name) {
		json_t *v = json_object_get(row, json_string_value(name));

		if (v)
			json_object_set(picked, json_string_value(name), v);
		else
			lacks(b, row, "it has no field '%s' as 'fields' wants, but: %s", json_string_value(name));
	}
	json_decref(row);
	return picked;
}

/* Takes over row; NULL after a complaint. */
static json_t *finish_item(struct build *b, json_t *row)
{
	if (rename_fields(b, row))
		row = pick_fields(b, row);
	if (b->fault->kind == FAULT_NONE)
		return row;
	json_decref(row);
	return NULL;
}

/* Whether an id says something; those of Python's truth. */
static bool is_truthy(const json_t *v)
{
	if (json_is_string(v))
		return json_string_length(v) > 0;
	if (json_is_number(v))
		return json_number_value(v) != 0;
	return json_is_true(v) || json_array_size(v) || json_object_size(v);
}

static void add_external_id(json_t *row, const json_t *item)
{
	static const char *const names[] = {"id",	  "message_id", "external_id",		  "uuid",
					    "responseId", "contactid",	"cre92_clientsessionid", "cre92_clientreportid"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const json_t *v = json_object_get(item, names[i]);
		struct buf text = BUF_INIT;

		if (!is_truthy(v))
			continue;
		json_as_text(&text, v);
		json_object_set_new(row, "external_id", json_stringn(text.data, text.len));
		buf_release(&text);
		return;
	}
}

/* Under the name that field_map gives it. */
static void add_generated(struct build *b, const char *column)
{
	const char *name;
	json_t *v;
	size_t i;

	json_object_foreach((json_t *)b->renames, name, v)
		if (!strcmp(json_string_value(v), column))
			column = name;
	json_array_foreach(b->generated, i, v)
		if (!strcmp(json_string_value(v), column))
			return;
	json_array_append_new(b->generated, json_string(column));
}

static void add_stamps(struct build *b, json_t *row)
{
	json_t *column;
	size_t i;

	json_array_foreach(b->stamps, i, column) {
		json_object_set_new(row, json_string_value(column), json_string(b->world->now));
		add_generated(b, json_string_value(column));
	}
	if (!b->correlation || json_object_get(row, "correlation_id"))
		return;
	json_object_set_new(row, "correlation_id", json_string(b->correlation));
	if (!param(&b->p, "correlation_id"))
		add_generated(b, "correlation_id");
}

/* A part of a key: text or a whole number that says something. */
static bool add_key_part(struct build *b, struct buf *key, const json_t *v, const char *field)
{
	if (!(json_is_string(v) && json_string_length(v)) && !json_is_integer(v))
		return fault_usage(b->fault, "its '%s' has to be text or a whole number to make an idem_key, not %s",
				   field, json_is_string(v) ? "empty" : json_kind(v));
	json_as_text(key, v);
	return true;
}

/* <source_system>:<connection_name>:<object_type>:<id>; the first three from the row or else from the parameters. */
static bool add_idem_key(struct build *b, json_t *row, const json_t *item)
{
	static const char *const origin[] = {"source_system", "connection_name", "object_type"};
	const json_t *id = json_object_get(item, b->id_field);
	struct buf key = BUF_INIT;
	bool good = true;

	if (!id)
		return lacks(b, item, "it has no field '%s' as 'id_field' wants, but: %s", b->id_field);
	for (size_t i = 0; good && i < ARRAY_LEN(origin); i++) {
		const json_t *v = json_object_get(row, origin[i]);

		if (!v)
			v = param(&b->p, origin[i]);
		if (!v)
			good = fault_usage(b->fault, "its idem_key needs '%s': add it to 'field_defaults'", origin[i]);
		else
			good = add_key_part(b, &key, v, origin[i]);
		buf_putc(&key, ':');
	}
	if (good && add_key_part(b, &key, id, b->id_field))
		json_object_set_new(row, "idem_key", json_stringn(key.data, key.len));
	buf_release(&key);
	return b->fault->kind == FAULT_NONE;
}

static bool add_suffix(struct build *b, json_t *row)
{
	struct buf key = BUF_INIT;

	if (!json_object_get(row, "idem_key"))
		return lacks(b, row, "it has no '%s' to put the 'idem_key_suffix' behind, but: %s", "idem_key");
	if (!add_key_part(b, &key, json_object_get(row, "idem_key"), "idem_key"))
		return false;
	buf_addf(&key, "#%s", b->suffix);
	json_object_set_new(row, "idem_key", json_stringn(key.data, key.len));
	buf_release(&key);
	return true;
}

static json_t *start_row(const struct build *b, const json_t *item)
{
	struct buf text = BUF_INIT;
	json_t *row;

	if (!b->wraps)
		return json_copy((json_t *)item);
	build_wrap_text(&text, item);
	row = json_object();
	json_object_set_new(row, "payload", json_stringn(text.data, text.len));
	buf_release(&text);
	return row;
}

/* NULL after a complaint. */
static json_t *make_row(struct build *b, const json_t *item)
{
	json_t *row = start_row(b, item);
	bool good;

	if (b->finds_id)
		add_external_id(row, item);
	add_defaults(row, b->defaults);
	add_stamps(b, row);
	good = (!b->id_field || add_idem_key(b, row, item)) && (!b->suffix || add_suffix(b, row));
	if (good)
		return finish_item(b, row);
	json_decref(row);
	return NULL;
}

/* ---- operations ---- */

/* Takes over params. */
static void add_op(struct build *b, const char *method, json_t *params)
{
	size_t number = json_array_size(b->ops) + 1;
	char *id = xasprintf(b->world->test_ids ? "00000000-0000-4000-8000-%012zu" : "op%zu", number);
	json_t *op = json_object();

	json_object_set_new(op, "jsonrpc", json_string("2.0"));
	json_object_set_new(op, "id", json_string(id));
	json_object_set_new(op, "method", json_string(method));
	json_object_set_new(op, "params", params);
	json_array_append_new(b->ops, op);
	free(id);
}

/* aggregate has aggregate_type and aggregate_id. */
static bool add_assertion(struct build *b, const char *method, const json_t *aggregate)
{
	static const char *const fields[] = {"aggregate_type", "aggregate_id"};
	json_t *params = json_object();

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		json_t *v = json_object_get(aggregate, fields[i]);

		if (!json_is_string(v)) {
			json_decref(params);
			return fault_usage(b->fault, "it cannot be checked without its '%s'", fields[i]);
		}
		json_object_set(params, fields[i], v);
	}
	add_op(b, method, params);
	return true;
}

/*
 * What an event as workman makes it says about others: assertions before the write.
 * Takes these fields out of the event.
 */
static bool add_assertions(struct build *b, json_t *event)
{
	const json_t *refs = json_object_get(event, "fk_refs"), *creates = json_object_get(event, "is_create"), *v;
	bool good = true;
	size_t i;

	if (json_is_false(creates))
		good = add_assertion(b, "assert.exists", event);
	else if (json_is_true(creates) && json_is_true(json_object_get(event, "caller_supplied_id")))
		good = add_assertion(b, "assert.not_exists", event);
	if (refs && !json_is_array(refs))
		good = fault_usage(b->fault, "its 'fk_refs' has to be a list, not %s", json_kind(refs));
	json_array_foreach(refs, i, v)
		good = good && add_assertion(b, "assert.exists", v);
	json_object_del(event, "fk_refs");
	json_object_del(event, "is_create");
	json_object_del(event, "caller_supplied_id");
	return good;
}

/* A key that the item brings is kept: the same event is then known however it comes. */
static void add_event_key(json_t *event)
{
	struct buf key = BUF_INIT;

	if (is_truthy(json_object_get(event, "idempotency_key")))
		return;
	build_item_key(&key, "wal.append", event);
	json_object_set_new(event, "idempotency_key", json_string(key.data));
	buf_release(&key);
}

static bool add_item_op(struct build *b, const json_t *item)
{
	json_t *params = json_copy((json_t *)item);

	add_defaults(params, b->defaults);
	if (b->method == METHOD_APPEND && !add_assertions(b, params)) {
		json_decref(params);
		return false;
	}
	params = finish_item(b, params);
	if (!params)
		return false;
	if (b->method == METHOD_APPEND)
		add_event_key(params);
	add_op(b, method_words(b->method)->name, params);
	return true;
}

/* Takes over rows. */
static void add_batch_op(struct build *b, json_t *rows)
{
	json_t *params = json_object();

	json_object_set_new(params, "dataset", json_string(b->dataset));
	json_object_set_new(params, "table", json_string(b->table));
	json_object_set(params, "key_columns", (json_t *)b->keys);
	json_object_set_new(params, "rows", rows);
	if (b->skips)
		json_object_set(params, "skip_update_columns", (json_t *)b->skips);
	add_op(b, method_words(b->method)->name, params);
}

static bool build_ops(struct build *b)
{
	json_t *rows = b->keys ? json_array() : NULL, *item;
	bool good = true;
	size_t i;

	json_array_foreach(b->items, i, item) {
		if (!json_is_object(item)) {
			good = fault_usage(b->fault, "it has to be a map, not %s", json_kind(item));
		} else if (rows) {
			json_t *row = make_row(b, item);

			good = row != NULL;
			if (good)
				json_array_append_new(rows, row);
		} else {
			good = add_item_op(b, item);
		}
		if (!good) {
			fault_within(b->fault, "items[%zu]", i);
			break;
		}
	}
	if (good && rows)
		add_batch_op(b, rows);
	else
		json_decref(rows);
	return good;
}

/* ---- parameters ---- */

/* A batch is said by three words together; a part of it alone would change what is written. */
static void check_batch(struct build *b)
{
	bool whole = b->dataset && b->table && b->keys;
	const char *key;
	json_t *v;

	if (whole) {
		if (b->method != METHOD_UPSERT)
			fault_usage(b->fault, "a batch (dataset, table, key_columns) is for the method bq.upsert, not %s",
				    method_words(b->method)->name);
		return;
	}
	json_object_foreach((json_t *)b->p.map, key, v) {
		if (!word_in(BATCH_WORDS, key) || json_is_null(v))
			continue;
		fault_usage(b->fault,
			    "parameter '%s' is for a batch, which needs dataset, table and key_columns; missing:%s%s%s", key,
			    b->dataset ? "" : " dataset", b->table ? "" : " table", b->keys ? "" : " key_columns");
		return; /* the others would say the same */
	}
}

static void read_batch(struct build *b)
{
	b->dataset = param_text(&b->p, "dataset");
	b->table = param_text(&b->p, "table");
	b->keys = param_texts(&b->p, "key_columns");
	b->skips = param_texts(&b->p, "skip_update_columns");
	b->stamps = param_texts(&b->p, "auto_timestamp_columns");
	b->wraps = param_flag(&b->p, "payload_wrap");
	b->id_field = param_text(&b->p, "id_field");
	b->finds_id = param_flag(&b->p, "auto_external_id");
	b->suffix = param_text(&b->p, "idem_key_suffix");
	(void)param_text(&b->p, "source_system");
	(void)param_text(&b->p, "connection_name");
	(void)param_text(&b->p, "object_type");
	if (b->keys && !json_array_size(b->keys))
		fault_usage(b->fault, "parameter 'key_columns' is empty: rows could not be told apart");
}

static void read_renames(struct build *b)
{
	const char *name;
	json_t *old;

	b->renames = param_map(&b->p, "field_map");
	json_object_foreach((json_t *)b->renames, name, old)
		if (!json_is_string(old))
			fault_usage(b->fault, "parameter 'field_map.%s' has to be the old name, not %s", name,
				    json_kind(old));
}

static void read_params(struct build *b)
{
	const char *method = param_text(&b->p, "method"), *correlation = param_text(&b->p, "correlation_id");

	b->method = method_find(method ? method : "wal.append", "parameter 'method'", b->fault);
	b->items = param_list(&b->p, "items");
	b->defaults = param_map(&b->p, "field_defaults");
	b->fields = param_texts(&b->p, "fields");
	read_renames(b);
	read_batch(b);
	b->correlation = correlation ? xstrdup(correlation) : op_correlation(b->world);
	if (b->method == METHOD_EXISTS || b->method == METHOD_NOT_EXISTS)
		fault_usage(b->fault, "parameter 'method' has to be a write, not %s", method);
	if (b->method != METHOD_NONE)
		check_batch(b);
}

/* ---- the plan ---- */

/* Whether that column of a row was made by us: a row may have brought a correlation id of its own. */
static bool was_made(const struct build *b, const json_t *row, const char *column)
{
	const char *text = json_str(row, column);

	return text && (!strcmp(text, b->world->now) || (b->correlation && !strcmp(text, b->correlation)));
}

/* The operations without what the clock and the run put into their rows. */
static json_t *intent(const struct build *b)
{
	json_t *ops, *row, *column;
	size_t i, j;

	if (!json_array_size(b->generated))
		return json_incref(b->ops);
	ops = json_deep_copy(b->ops);
	json_array_foreach(json_object_get(json_object_get(json_array_get(ops, 0), "params"), "rows"), i, row)
		json_array_foreach(b->generated, j, column)
			if (was_made(b, row, json_string_value(column)))
				json_object_del(row, json_string_value(column));
	return ops;
}

static json_t *plan_id(const struct build *b)
{
	json_t *said = json_object(), *id;
	struct digest d;
	char *text;

	json_object_set_new(said, "ops", intent(b));
	json_digest(&d, said);
	json_decref(said);
	text = xasprintf("sha256:%s", d.hex);
	id = json_string(text);
	free(text);
	return id;
}

static json_t *plan_of(const struct build *b)
{
	json_t *plan = json_object(), *meta = json_object();

	if (b->correlation)
		json_object_set_new(meta, "correlation_id", json_string(b->correlation));
	if (json_array_size(b->generated))
		json_object_set(meta, "generated", b->generated);
	json_object_set_new(plan, "plan_version", json_string("storacle.plan/1.0.0"));
	json_object_set_new(plan, "plan_id", plan_id(b));
	json_object_set_new(plan, "jsonrpc", json_string("2.0"));
	json_object_set_new(plan, "meta", meta);
	json_object_set(plan, "ops", b->ops);
	return plan;
}

static json_t *answer_of(const struct build *b)
{
	json_t *answer = json_object(), *stats = json_object();

	json_object_set_new(stats, "items", json_integer((json_int_t)json_array_size(b->items)));
	json_object_set_new(stats, "ops", json_integer((json_int_t)json_array_size(b->ops)));
	json_object_set_new(answer, "plan", plan_of(b));
	json_object_set_new(answer, "stats", stats);
	return answer;
}

json_t *op_build(struct op_world *w, const json_t *with, struct fault *f)
{
	struct build b = {.world = w, .p = {with, "", f}, .fault = f};
	json_t *answer = NULL;

	read_params(&b);
	if (f->kind == FAULT_NONE) {
		b.ops = json_array();
		b.generated = json_array();
		if (build_ops(&b))
			answer = answer_of(&b);
		json_decref(b.ops);
		json_decref(b.generated);
	}
	free(b.correlation);
	return answer;
}
