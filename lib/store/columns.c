#include "store/columns.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bug.h"
#include "store/params.h"

/* Values of several types: a column without a type keeps each as it is. */
static const char MIXED[] = "mixed";

void columns_release(struct columns *c)
{
	map_release(&c->at);
}

/* A name as SQLite compares it: ASCII letters in one case.  The caller frees. */
static char *folded(const char *name)
{
	char *copy = xstrdup(name);

	for (char *p = copy; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return copy;
}

/* Two names that SQLite holds for one would overwrite each other. */
static bool all_differ(const struct columns *c, struct fault *f)
{
	struct map seen = MAP_INIT;
	bool good = true;

	for (size_t i = 0; good && i < c->at.n; i++) {
		char *key = folded(c->at.entry[i].key);
		const char *other = map_put(&seen, key, (void *)c->at.entry[i].key);

		if (other)
			good = fault_set(f, CODE_STORAGE, "columns '%s' and '%s' differ only in their case, which SQLite ignores",
					 other, c->at.entry[i].key);
		free(key);
	}
	map_release(&seen);
	return good;
}

static bool note(struct columns *c, const char *name, const json_t *v, struct fault *f)
{
	const char *type = value_type(v), *before = map_get(&c->at, name);

	if (!before) {
		if (!ident_good(name))
			return fault_set(f, CODE_STORAGE, "'%.80s' cannot be the name of a column", name);
		map_put(&c->at, name, (void *)type);
	} else if (*type && !*before) {
		map_put(&c->at, name, (void *)type);
	} else if (*type && strcmp(before, type) != 0) {
		map_put(&c->at, name, (void *)MIXED);
	}
	return true;
}

static bool note_row(struct columns *c, const json_t *row, struct fault *f)
{
	const char *name;
	json_t *v;

	if (!json_is_object(row))
		return fault_set(f, CODE_STORAGE, "it has to be a map, not %s", json_kind(row));
	json_object_foreach((json_t *)row, name, v)
		if (!note(c, name, v, f))
			return false;
	return true;
}

bool columns_of_rows(struct columns *c, const json_t *rows, struct fault *f)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		if (note_row(c, row, f))
			continue;
		fault_within(f, "row %zu", i + 1);
		return false;
	}
	return all_differ(c, f);
}

static bool note_list(struct columns *c, const json_t *names, const json_t *row, struct fault *f)
{
	json_t *name;
	size_t i;

	if (!json_is_array(row))
		return fault_set(f, CODE_STORAGE, "it has to be a list as the others, not %s", json_kind(row));
	if (json_array_size(row) != json_array_size(names))
		return fault_set(f, CODE_STORAGE, "it has %zu values for %zu columns", json_array_size(row),
				 json_array_size(names));
	json_array_foreach(names, i, name)
		if (!note(c, json_string_value(name), json_array_get(row, i), f))
			return false;
	return true;
}

bool columns_of_lists(struct columns *c, const json_t *names, const json_t *rows, struct fault *f)
{
	json_t *row, *name;
	json_t *nothing = json_null();
	size_t i;

	json_array_foreach(names, i, name) {
		if (map_has(&c->at, json_string_value(name)))
			return fault_set(f, CODE_STORAGE, "column '%s' is named twice", json_string_value(name));
		if (!note(c, json_string_value(name), nothing, f))
			return false;
	}
	json_array_foreach(rows, i, row) {
		if (note_list(c, names, row, f))
			continue;
		fault_within(f, "row %zu", i + 1);
		return false;
	}
	return all_differ(c, f);
}

static const char *declared(const struct columns *c, size_t i)
{
	const char *type = c->at.entry[i].value;

	return type == MIXED ? "" : type;
}

static void add_definition(struct buf *sql, const struct columns *c, size_t i)
{
	const char *type = declared(c, i);

	sql_ident(sql, c->at.entry[i].key);
	if (*type)
		buf_addf(sql, " %s", type);
}

bool columns_make_table(const struct columns *c, struct session *s, struct store_table *t, const json_t *keys,
			struct fault *f)
{
	struct buf sql = BUF_INIT;
	json_t *key;
	size_t i;
	bool good;

	buf_puts(&sql, "CREATE TABLE ");
	sql_table(&sql, t->store, t->name);
	for (i = 0; i < c->at.n; i++) {
		buf_puts(&sql, i ? ", " : " (");
		add_definition(&sql, c, i);
	}
	json_array_foreach(keys, i, key) {
		buf_puts(&sql, i ? ", " : ", PRIMARY KEY (");
		sql_ident(&sql, json_string_value(key));
	}
	buf_puts(&sql, keys ? "))" : ")");
	good = session_run(s, sql.data, f);
	buf_release(&sql);
	for (i = 0; good && i < c->at.n; i++)
		store_table_add_column(t, c->at.entry[i].key, declared(c, i));
	t->exists = t->exists || good;
	return good;
}

bool columns_extend_table(const struct columns *c, struct session *s, struct store_table *t, struct fault *f)
{
	bool good = true;

	for (size_t i = 0; good && i < c->at.n; i++) {
		struct buf sql = BUF_INIT;

		if (store_table_column(t, c->at.entry[i].key))
			continue;
		buf_puts(&sql, "ALTER TABLE ");
		sql_table(&sql, t->store, t->name);
		buf_puts(&sql, " ADD COLUMN ");
		add_definition(&sql, c, i);
		good = session_run(s, sql.data, f);
		buf_release(&sql);
		if (good)
			store_table_add_column(t, c->at.entry[i].key, declared(c, i));
	}
	return good;
}
