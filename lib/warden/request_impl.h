/* The block of a start request as it lies in memory: what builds it and what opens it agree on this. */
#ifndef WARDEN_REQUEST_IMPL_H
#define WARDEN_REQUEST_IMPL_H

#include <stdint.h>

#include "base/stamp.h"
#include "sys/limits.h"

/* Longer than any run, and still far from overflowing once it is nanoseconds since some start. */
#define REQUEST_MS_MAX (INT64_MAX / NS_PER_MS / 4)

enum { REQUEST_MAGIC = 0x51524d50 };

struct request_head {
	uint32_t magic;
	uint32_t serial, flags;
	int32_t umask;
	int64_t timeout_ms, grace_ms;
	struct limits limits;
	uint32_t n_argv, n_envp, n_numbers;
	uint32_t texts; /* bit i: text i of the request is there */
};

_Static_assert(sizeof(struct request_head) % sizeof(uint32_t) == 0, "the numbers behind it are aligned");

#endif
