#include "base/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/hmac.h>
#include <nettle/sha2.h>
#include <nettle/version.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/file_state.h"

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

static void finish(struct digest *d, struct sha256_ctx *ctx)
{
	uint8_t sum[SHA256_DIGEST_SIZE];

	sha256_digest(ctx, sizeof(sum), sum);
	to_hex(d, sum);
}

void digest_of(struct digest *d, const void *data, size_t len)
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, len, data);
	finish(d, &ctx);
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

static int read_into(struct sha256_ctx *ctx, int fd)
{
	enum { PIECE_BYTES = 256 * 1024 };
	uint8_t *piece = xmalloc(PIECE_BYTES);
	ssize_t n;

	do {
		n = read(fd, piece, PIECE_BYTES);
		if (n > 0)
			sha256_update(ctx, (size_t)n, piece);
	} while (n > 0 || (n < 0 && errno == EINTR));
	free(piece);
	return n < 0 ? -1 : 0;
}

int digest_file(struct digest *d, int dir, const char *path, struct file_id *ret_id)
{
	/* Not a pipe: opening it would wait for a writer. */
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), failed = -1;
	struct sha256_ctx ctx;
	struct stat st;

	if (fd < 0)
		return -1;
	sha256_init(&ctx);
	errno = EINVAL;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode)) {
		file_id_of(&st, ret_id);
		failed = read_into(&ctx, fd);
	}
	fd_close(fd);
	if (!failed)
		finish(d, &ctx);
	return failed;
}
