#include "engine/idempotency.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "doc/json.h"

enum { HASH_SHOWN = 16 };

/* A first part `@payload` and the like says where the author got the value from; it is in `with` now. */
static const char *within(const char *ref)
{
	const char *dot = *ref == '@' ? strchr(ref, '.') : NULL;

	return dot ? dot + 1 : ref;
}

static const json_t *at_path(const json_t *v, const char *path)
{
	while (v && *path) {
		size_t n = strcspn(path, ".");
		char *key = xstrndup(path, n);

		v = json_object_get(v, key);
		free(key);
		path += n + (path[n] == '.');
	}
	return v;
}

/* Only what says something can be told apart from others. */
static bool add_value(struct buf *out, const json_t *v)
{
	size_t before = out->len;

	if (v && (json_is_string(v) || json_is_number(v)))
		json_as_text(out, v);
	return out->len > before;
}

static bool add_semantic(const char *ref, const json_t *with, struct buf *out, struct buf *why)
{
	buf_puts(out, "semantic:");
	if (add_value(out, at_path(with, within(ref))))
		return true;
	buf_addf(why, "Semantic key not found in params: %s", ref);
	return false;
}

static bool add_explicit(const char *key, const json_t *with, struct buf *out, struct buf *why)
{
	buf_puts(out, "explicit:");
	if (key && *key) {
		buf_puts(out, key);
		return true;
	}
	if (!key && add_value(out, json_object_get(with, "idempotency_key")))
		return true;
	buf_puts(why, key ? "the idempotency key is empty" : "explicit scope requires 'idempotency_key' in params");
	return false;
}

bool idempotency_text(const struct idempotency *i, const char *run, const char *step, const json_t *with,
		      const char *key, struct buf *out, struct buf *why)
{
	struct digest d;
	bool good = true;

	switch (i->scope) {
	case IDEMPOTENCY_RUN:
		buf_addf(out, "%s:%s", run, step);
		break;
	case IDEMPOTENCY_SEMANTIC:
		good = add_semantic(i->ref, with, out, why);
		break;
	case IDEMPOTENCY_EXPLICIT:
		good = add_explicit(key, with, out, why);
		break;
	}
	if (!good || !i->payload_hash)
		return good;
	json_digest(&d, with);
	buf_addf(out, ":%.*s", HASH_SHOWN, d.hex);
	return true;
}
