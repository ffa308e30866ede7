/*
 * What tells one version of a file from another: who it is to the kernel (cheap, one stat) and
 * what is in it (XXH3, 64 bits).  A content's hash may be reused as long as the identity stands and was
 * `settled` when the content was read: then nothing can have changed it since and look the same.
 */
#ifndef BASE_FILE_STATE_H
#define BASE_FILE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct file_id {
	uint64_t device, inode;
	int64_t size_bytes, mtime_ns, ctime_ns;
};

bool file_id_same(const struct file_id *a, const struct file_id *b);
void file_id_of(const struct stat *st, struct file_id *ret);

/*
 * Whether a change from now on must show in the identity.  Not so while the clock of the file system is where
 * it was at the last change, nor for a file from the future (a clock was set back).
 */
bool file_id_settled(const struct file_id *id);

uint64_t hash_of(const void *data, size_t len);
/* The same piece by piece; hasher_end() frees it. */
struct hasher;
struct hasher *hasher_new(void);
void hasher_add(struct hasher *h, const void *data, size_t len);
uint64_t hasher_end(struct hasher *h);
/* Of two in order: for lists and trees. */
uint64_t hash_join(uint64_t a, uint64_t b);
uint64_t hash_text(uint64_t seed, const char *text);

/* A file that is being hashed, a piece at a time. */
struct file_hasher;

/* path relative to the folder dir (AT_FDCWD: the current one).  NULL and errno. */
struct file_hasher *file_hasher_open(int dir, const char *path);
enum hashing { HASHING_FAILED = -1, HASHING_MORE, HASHING_DONE };
/* Read one more piece (256 KiB at most); when it is done *ret is set.  FAILED: errno. */
enum hashing file_hasher_go(struct file_hasher *h, uint64_t *ret);
void file_hasher_free(struct file_hasher *h); /* NULL is fine */

#endif
