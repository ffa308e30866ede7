#include "base/stamp.h"
#include "base/file_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/bug.h"

enum {
	PIECE_BYTES = 256 * 1024,
	COARSE_NS = 2 * NS_PER_S, /* FAT counts in two seconds, others in one */
};

/* --- identity --------------------------------------------------------------------------------------- */

static int64_t ns_of(struct timespec t)
{
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

bool file_id_same(const struct file_id *a, const struct file_id *b)
{
	return a->inode == b->inode && a->size_bytes == b->size_bytes && a->mtime_ns == b->mtime_ns &&
	       a->ctime_ns == b->ctime_ns && a->device == b->device;
}

void file_id_of(const struct stat *st, struct file_id *ret)
{
	*ret = (struct file_id){.device = st->st_dev, .inode = st->st_ino, .size_bytes = st->st_size,
				.mtime_ns = ns_of(st->st_mtim), .ctime_ns = ns_of(st->st_ctim)};
}

/*
 * The kernel stamps files with its coarse clock, which moves a few times in a hundredth of a second.  A stamp
 * of whole seconds is taken for that of a file system that has no finer ones.
 */
bool file_id_settled(const struct file_id *id)
{
	struct timespec now;
	int64_t margin = id->ctime_ns % NS_PER_S ? 0 : COARSE_NS;

	if (clock_gettime(CLOCK_REALTIME_COARSE, &now) < 0)
		return false;
	return id->ctime_ns + margin < ns_of(now);
}

/* --- content ------------------------------------------------------------------------------------------ */

uint64_t hash_of(const void *data, size_t len)
{
	return XXH3_64bits(data, len);
}

uint64_t hash_join(uint64_t a, uint64_t b)
{
	return XXH3_64bits_withSeed(&b, sizeof(b), a);
}

uint64_t hash_text(uint64_t seed, const char *text)
{
	return XXH3_64bits_withSeed(text, strlen(text), seed);
}

struct hasher {
	XXH3_state_t *state;
};

struct hasher *hasher_new(void)
{
	struct hasher *h = xmalloc(sizeof(*h));

	h->state = XXH3_createState();
	if (!h->state)
		BUG("out of memory");
	(void)XXH3_64bits_reset(h->state);
	return h;
}

void hasher_add(struct hasher *h, const void *data, size_t len)
{
	(void)XXH3_64bits_update(h->state, data, len);
}

uint64_t hasher_end(struct hasher *h)
{
	uint64_t hash = XXH3_64bits_digest(h->state);

	XXH3_freeState(h->state);
	free(h);
	return hash;
}

struct file_hasher {
	int fd;
	struct hasher *of;
	char piece[PIECE_BYTES];
};

struct file_hasher *file_hasher_open(int dir, const char *path)
{
	/* Not a pipe that someone has put there since: opening it would wait for a writer. */
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct file_hasher *h;

	if (fd < 0)
		return NULL;
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	h = xmalloc(sizeof(*h));
	h->fd = fd;
	h->of = hasher_new();
	return h;
}

enum hashing file_hasher_go(struct file_hasher *h, uint64_t *ret)
{
	ssize_t n;

	do
		n = read(h->fd, h->piece, sizeof(h->piece));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return HASHING_FAILED;
	if (n) {
		hasher_add(h->of, h->piece, (size_t)n);
		return HASHING_MORE;
	}
	*ret = hasher_end(h->of);
	h->of = NULL;
	return HASHING_DONE;
}

void file_hasher_free(struct file_hasher *h)
{
	if (!h)
		return;
	close(h->fd);
	if (h->of)
		(void)hasher_end(h->of);
	free(h);
}
