#include "engine/image.h"

#include <stddef.h>
#include <string.h>

#include "base/bug.h"
#include "base/file_state.h"
#include "engine/engine_impl.h"
#include "engine/image_impl.h"
#include "engine/veil.h"

static struct image_header header_of(const char *body, size_t len)
{
	return (struct image_header){.magic = "orchimg", .by = hash_text(sizeof(struct image_head), ORCHMAKE_VERSION),
				     .len = len, .hash = hash_of(body, len)};
}

void image_seal(const struct buf *body, struct buf *out)
{
	struct image_header h = header_of(body->data, body->len);

	buf_add(out, &h, sizeof(h));
	buf_add(out, body->data, body->len);
}

bool image_is_sealed(const struct buf *file)
{
	struct image_header should;

	if (file->len < sizeof(should))
		return false;
	should = header_of(file->data + sizeof(should), file->len - sizeof(should));
	return !memcmp(file->data, &should, sizeof(should));
}

void image_digest(const char *ledger, bool touch_nothing, const json_t *what, struct digest *ret)
{
	struct veil v = {0};

	veil_put(&v, ledger, touch_nothing, what, ret);
	explicit_bzero(&v, sizeof(v));
}

json_t *image_environ(const char *const *environ, const char *names)
{
	json_t *all = json_object();

	for (; *names; names += strlen(names) + 1) {
		const char *value = environ_get(environ, names);

		json_object_set_new(all, names, value ? json_stringn_nocheck(value, strlen(value)) : json_null());
	}
	return all;
}

char *image_path(const char *dir, const char *name)
{
	return xasprintf("%s/.orchmake/images/%s", dir, name);
}
