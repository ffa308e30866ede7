/* Parts of plan.build that stand alone. */
#ifndef STORE_BUILD_H
#define STORE_BUILD_H

#include <jansson.h>

#include "base/buf.h"

/*
 * The key under which an item is appended when it brings none of its own:
 * "sha256:" and the hash of the method and of what identifies the item, or of all
 * of it if nothing does.
 */
void build_item_key(struct buf *out, const char *method, const json_t *item);

/* An item as JSON text: spaced, ASCII only, keys in their order. */
void build_wrap_text(struct buf *out, const json_t *item);

#endif
