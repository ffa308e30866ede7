/* Parameters of callables, and the small things all of them do with JSON. */
#include "callables/callable.h"

#include <errno.h>
#include <string.h>

#include "base/fdio.h"
#include "doc/json.h"

enum { DEFINITION_MAX = 16 * 1024 * 1024 };

static const char *type_word(const json_t *v)
{
	if (!v)
		return "missing";
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return "a map";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "a text";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_NULL:
		return "null";
	case JSON_TRUE:
	case JSON_FALSE:
		return "true or false";
	}
	return "something else";
}

static void wrong_type(const json_t *in, const char *key, const char *wanted, struct buf *err)
{
	buf_addf(err, "parameter '%s' is %s, not %s", key, type_word(json_object_get(in, key)), wanted);
}

const char *input_text(const json_t *in, const char *key, struct buf *err)
{
	const char *text = json_string_value(json_object_get(in, key));

	if (text && *text)
		return text;
	wrong_type(in, key, "a text", err);
	return NULL;
}

const json_t *input_list(const json_t *in, const char *key, struct buf *err)
{
	const json_t *v = json_object_get(in, key);

	if (json_is_array(v))
		return v;
	wrong_type(in, key, "a list", err);
	return NULL;
}

const json_t *input_map(const json_t *in, const char *key, struct buf *err)
{
	const json_t *v = json_object_get(in, key);

	if (json_is_object(v))
		return v;
	wrong_type(in, key, "a map", err);
	return NULL;
}

bool inputs_known(const json_t *in, const char *const words[], struct buf *err)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)in, key, value) {
		size_t i = 0;

		while (words[i] && strcmp(words[i], key))
			i++;
		if (!words[i]) {
			buf_addf(err, "unknown parameter '%s'", key);
			return false;
		}
	}
	return true;
}

json_t *definition_read(const char *path, struct buf *err)
{
	struct buf text = BUF_INIT, why = BUF_INIT;
	json_t *v = NULL;

	if (file_read(path, &text, DEFINITION_MAX) < 0)
		buf_addf(err, "cannot read '%s': %s", path, strerror(errno));
	else if (!(v = json_parse(text.data, text.len, &why)))
		buf_addf(err, "%s:%s", path, why.data);
	else if (!json_is_object(v))
		buf_addf(err, "%s: not a map", path);
	if (v && !json_is_object(v)) {
		json_decref(v);
		v = NULL;
	}
	buf_release(&text);
	buf_release(&why);
	return v;
}

const json_t *value_at(const json_t *map, const char *path)
{
	const json_t *v = map, *whole = json_object_get(map, path);

	if (whole) /* OData has dots in its keys */
		return json_is_null(whole) ? NULL : whole;
	while (v && *path) {
		size_t len = strcspn(path, ".");

		v = json_object_getn(v, path, len);
		path += len + (path[len] == '.');
	}
	return json_is_null(v) ? NULL : v;
}

bool scalar_text(struct buf *out, const json_t *v)
{
	if (json_is_object(v) || json_is_array(v))
		return false;
	if (v)
		json_as_text(out, v);
	return true;
}

json_t *string_of(const struct buf *b)
{
	return json_stringn(b->data, b->len);
}

json_t *json_text_of(const json_t *v)
{
	struct buf text = BUF_INIT;
	json_t *s;

	if (!v || json_is_null(v))
		return json_null();
	json_text(&text, v, JSON_TIGHT);
	s = string_of(&text);
	buf_release(&text);
	return s;
}

void stats_rows(json_t *stats, size_t n_read, size_t n_written)
{
	json_object_set_new(stats, "rows_read", json_integer((json_int_t)n_read));
	json_object_set_new(stats, "rows_written", json_integer((json_int_t)n_written));
}
