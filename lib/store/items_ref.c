/*
 * Items that lie in a file: where an operation takes `items`, `items_ref` may name them instead.  They are read
 * here, in the step's own process, however many they are.
 */
#include <string.h>

#include "base/fdio.h"
#include "doc/json.h"
#include "store/base_files.h"
#include "store/op.h"
#include "store/params.h"

enum { ITEMS_MAX = 1 << 30 };

/* Lines, unless the name says or the first letter shows that it is one list. */
static json_t *parse(const char *path, const struct buf *text, struct fault *f)
{
	size_t blanks = strspn(text->data, " \t\r\n"), n = strlen(path);
	bool list = text->data[blanks] == '[' && !(n > 6 && !strcmp(path + n - 6, ".jsonl"));
	struct buf err = BUF_INIT;
	json_t *items = list ? json_parse(text->data, text->len, &err) : json_parse_lines(text->data, text->len, &err);

	if (!items)
		fault_set(f, CODE_STORAGE, "parameter 'items_ref': %s:%s", path, err.data);
	buf_release(&err);
	return items;
}

static bool load(struct op_world *w, json_t *with, struct fault *f)
{
	const json_t *ref = json_object_get(with, "items_ref"), *items = json_object_get(with, "items");
	const char *path = json_string_value(ref);
	struct buf text = BUF_INIT;
	json_t *loaded = NULL;

	if (items && !json_is_null(items))
		return fault_usage(f, "'items' and 'items_ref' exclude each other");
	if (!path || !*path)
		return fault_usage(f, "parameter 'items_ref' has to be the name of a file, not %s", json_kind(ref));
	if (base_read(w->base, path, &text, ITEMS_MAX, f))
		loaded = parse(path, &text, f);
	else
		fault_within(f, "parameter 'items_ref'");
	buf_release(&text);
	if (!loaded)
		return false;
	json_object_set_new(with, "items", loaded);
	json_object_del(with, "items_ref");
	return true;
}

json_t *op_given(struct op_world *w, const struct op_words *words, const json_t *with, struct fault *f)
{
	bool takes_items = word_in(words->required, "items") || word_in(words->optional, "items");
	bool takes_key = word_in(words->optional, "idempotency_key");
	const json_t *ref = json_object_get(with, "items_ref");
	json_t *copy = json_copy((json_t *)with);

	if (!takes_key) /* the step's, which the engine has made a key of already */
		json_object_del(copy, "idempotency_key");
	if (ref && json_is_null(ref))
		json_object_del(copy, "items_ref");
	else if (ref && takes_items && !load(w, copy, f)) {
		json_decref(copy);
		return NULL;
	}
	return copy;
}
