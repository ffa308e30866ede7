/* SHA-256 (nettle): of definitions, fingerprints, documents. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>

enum { DIGEST_HEX = 64 };

struct digest {
	char hex[DIGEST_HEX + 1];
};

void digest_of(struct digest *d, const void *data, size_t len);

#endif
