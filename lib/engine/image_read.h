/* An image that has been read. */
#ifndef ENGINE_IMAGE_READ_H
#define ENGINE_IMAGE_READ_H

#include "engine/image_impl.h"

struct image {
	struct buf file; /* what the rest points into */
	const struct image_head *head;
	const struct sight *sight; /* documents, then files */
	const struct image_told *told;
	const char *names;
	size_t len_names;
	char *ledger;
	int64_t start_wall_ms, start_mono_ns; /* of looking for it, which is the start of the run */
};

#endif
