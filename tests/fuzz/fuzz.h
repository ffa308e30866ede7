/*
 * Readers of what others wrote, each as a function of some bytes: whatever they are, it comes back with an answer or
 * a complaint, in bounded time and memory.  `fuzz` looks for bytes, `replay` tries those that were kept.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

struct fuzz_target {
	const char *name; /* and of its corpus */
	void (*try)(const uint8_t *data, size_t len);
};

extern const struct fuzz_target fuzz_targets[];
extern const size_t fuzz_n_targets;

void try_request(const uint8_t *data, size_t len);

#endif
