#include "base/digest.h"

#include <nettle/hmac.h>
#include <nettle/sha2.h>
#include <nettle/version.h>
#include <stdint.h>

void digest_library(struct buf *out)
{
	buf_addf(out, "%d.%d", nettle_version_major(), nettle_version_minor());
}

static void to_hex(struct digest *d, const uint8_t sum[SHA256_DIGEST_SIZE])
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < SHA256_DIGEST_SIZE; i++) {
		d->hex[2 * i] = hex[sum[i] >> 4];
		d->hex[2 * i + 1] = hex[sum[i] & 15];
	}
	d->hex[DIGEST_HEX] = 0;
}

void digest_of(struct digest *d, const void *data, size_t len)
{
	struct sha256_ctx ctx;
	uint8_t sum[SHA256_DIGEST_SIZE];

	sha256_init(&ctx);
	sha256_update(&ctx, len, data);
	sha256_digest(&ctx, sizeof(sum), sum);
	to_hex(d, sum);
}

void digest_keyed(struct digest *d, const void *key, size_t key_len, const void *data, size_t len)
{
	struct hmac_sha256_ctx ctx;
	uint8_t sum[SHA256_DIGEST_SIZE];

	hmac_sha256_set_key(&ctx, key_len, key);
	hmac_sha256_update(&ctx, len, data);
	hmac_sha256_digest(&ctx, sizeof(sum), sum);
	to_hex(d, sum);
}
