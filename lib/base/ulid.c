#include "base/ulid.h"

#include <string.h>
#include <sys/random.h>

static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

enum { TIME_LEN = 10 };

void ulid_make(struct ulid *u, int64_t wall_ms, const uint8_t entropy[10])
{
	uint64_t hi = 0, lo = 0; /* 40 bits each, eight characters of five bits */

	for (int i = TIME_LEN - 1; i >= 0; i--, wall_ms >>= 5)
		u->text[i] = digits[wall_ms & 31];
	for (int i = 0; i < 5; i++) {
		hi = hi << 8 | entropy[i];
		lo = lo << 8 | entropy[i + 5];
	}
	for (int i = 7; i >= 0; i--, hi >>= 5, lo >>= 5) {
		u->text[TIME_LEN + i] = digits[hi & 31];
		u->text[TIME_LEN + 8 + i] = digits[lo & 31];
	}
	u->text[ULID_LEN] = 0;
}

int ulid_new(struct ulid *u, int64_t wall_ms)
{
	uint8_t entropy[10];

	if (getrandom(entropy, sizeof(entropy), 0) != (ssize_t)sizeof(entropy))
		return -1;
	ulid_make(u, wall_ms, entropy);
	return 0;
}

static int digit_of(char c)
{
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

bool ulid_valid(const char *text)
{
	if (strlen(text) != ULID_LEN || text[0] > '7')
		return false;
	for (int i = 0; i < ULID_LEN; i++)
		if (digit_of(text[i]) < 0)
			return false;
	return true;
}

