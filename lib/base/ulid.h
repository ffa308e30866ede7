/*
 * ULIDs: 48 bits of milliseconds, 80 random bits, written as 26 Crockford
 * characters that sort by time.
 */
#ifndef BASE_ULID_H
#define BASE_ULID_H

#include <stdbool.h>
#include <stdint.h>

enum { ULID_LEN = 26 };

struct ulid {
	char text[ULID_LEN + 1];
};

/* A new one for wall_ms from 10 random bytes. */
void ulid_make(struct ulid *u, int64_t wall_ms, const uint8_t entropy[10]);

/* The same with the kernel's randomness; 0, or -1 and errno. */
int ulid_new(struct ulid *u, int64_t wall_ms);

bool ulid_valid(const char *text);

#endif
