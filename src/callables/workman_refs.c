/* @ref:N, anywhere in a payload: the id of the aggregate that operation N is about. */
#include "callables/workman.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char MARK[] = "@ref:";

struct refs {
	char *const *ids;
	size_t index, n_ops;
	struct wm_errors *errors;
	const char *field; /* of the payload, for messages */
};

/* The index that is meant; n_ops or more is out of range, however many digits. */
static bool read_index(const char *digits, size_t n_ops, size_t *ret)
{
	size_t n = 0;

	if (!*digits)
		return false;
	for (; isdigit((unsigned char)*digits); digits++)
		if (n < n_ops)
			n = n * 10 + (size_t)(*digits - '0');
	*ret = n;
	return !*digits;
}

/* The id that text refers to; NULL after a complaint, or if that operation has failed itself. */
static const char *meant(struct refs *r, const char *text)
{
	int op = (int)r->index;
	size_t n;

	if (!read_index(text + strlen(MARK), r->n_ops, &n))
		wm_error(r->errors, WM_COMPILE, op, r->field,
			 "Invalid %s in op %d - expected @ref:N with the index of an earlier op", text, op);
	else if (n >= r->n_ops)
		wm_error(r->errors, WM_COMPILE, op, r->field, "Invalid %s in op %d - only %zu ops available", text,
			 op, r->n_ops);
	else if (n >= r->index)
		wm_error(r->errors, WM_COMPILE, op, r->field, "Forward reference %s not allowed in op %d", text,
			 op);
	else
		return r->ids[n];
	return NULL;
}

static bool is_ref(const json_t *v)
{
	return json_is_string(v) && !strncmp(json_string_value(v), MARK, strlen(MARK));
}

static void resolve(struct refs *r, json_t *v);

/* In place: the string is the payload's own copy. */
static void resolve_value(struct refs *r, json_t *v)
{
	const char *id;

	if (!is_ref(v))
		resolve(r, v);
	else if ((id = meant(r, json_string_value(v))))
		json_string_set(v, id);
}

static void resolve(struct refs *r, json_t *v)
{
	const char *key;
	json_t *inner;
	size_t i;

	json_object_foreach(v, key, inner)
		resolve_value(r, inner);
	json_array_foreach(v, i, inner)
		resolve_value(r, inner);
}

void wm_resolve(json_t *payload, char *const *ids, size_t index, size_t n_ops, struct wm_errors *e)
{
	struct refs r = {.ids = ids, .index = index, .n_ops = n_ops, .errors = e};
	json_t *v;

	json_object_foreach(payload, r.field, v)
		resolve_value(&r, v);
}
