#include "engine/veil.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/buf.h"
#include "base/bug.h"
#include "base/fdio.h"
#include "doc/json.h"

static bool read_key(struct veil *v, const char *path)
{
	struct buf text = BUF_INIT;
	bool good = file_read_regular(path, &text, VEIL_KEY_SIZE) == 0 && text.len == VEIL_KEY_SIZE;

	if (good)
		memcpy(v->key, text.data, VEIL_KEY_SIZE);
	buf_release(&text);
	return good;
}

/* Of two that make it at once the later one stays, and both take that. */
static void make_key(struct veil *v, const char *path)
{
	if (file_write_atomic(path, v->key, VEIL_KEY_SIZE, 0600) == 0)
		(void)read_key(v, path);
}

static void open_veil(struct veil *v, const char *ledger, bool touch_nothing)
{
	char *path = xasprintf("%s-key", ledger);

	v->ready = true;
	if (!read_key(v, path)) {
		if (getrandom(v->key, VEIL_KEY_SIZE, 0) != VEIL_KEY_SIZE)
			BUG("the kernel has no random bytes");
		if (!touch_nothing)
			make_key(v, path);
	}
	free(path);
}

void veil_put(struct veil *v, const char *ledger, bool touch_nothing, const json_t *value, struct digest *ret)
{
	struct buf text = BUF_INIT;

	if (!v->ready)
		open_veil(v, ledger, touch_nothing);
	json_canonical(&text, value, JSON_TIGHT);
	digest_keyed(ret, v->key, VEIL_KEY_SIZE, text.data, text.len);
	explicit_bzero(text.data, text.len);
	buf_release(&text);
}
