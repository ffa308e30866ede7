#include "base/digest.h"

#include <nettle/sha2.h>
#include <nettle/version.h>
#include <stdint.h>

void digest_library(struct buf *out)
{
	buf_addf(out, "%d.%d", nettle_version_major(), nettle_version_minor());
}

void digest_of(struct digest *d, const void *data, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	struct sha256_ctx ctx;
	uint8_t sum[SHA256_DIGEST_SIZE];

	sha256_init(&ctx);
	sha256_update(&ctx, len, data);
	sha256_digest(&ctx, sizeof(sum), sum);
	for (size_t i = 0; i < sizeof(sum); i++) {
		d->hex[2 * i] = hex[sum[i] >> 4];
		d->hex[2 * i + 1] = hex[sum[i] & 15];
	}
	d->hex[DIGEST_HEX] = 0;
}
