/* SHA-256 (nettle): of definitions, fingerprints, documents. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>

#include "base/buf.h"

enum { DIGEST_HEX = 64 };

struct digest {
	char hex[DIGEST_HEX + 1];
};

/* The version of the library that is in use. */
void digest_library(struct buf *out);

void digest_of(struct digest *d, const void *data, size_t len);
/* HMAC: who has not the key can neither make it nor try guesses against it. */
void digest_keyed(struct digest *d, const void *key, size_t key_len, const void *data, size_t len);

struct file_id;
/* Of the content of a regular file (relative to the folder dir), and what the file was before it was read; -1 and
 * errno. */
int digest_file(struct digest *d, int dir, const char *path, struct file_id *ret_id);

#endif
