/*
 * Whole files and folders.  Every descriptor is born close-on-exec.  Functions
 * return 0 or a value on success, -1 and errno on failure.
 */
#ifndef BASE_FDIO_H
#define BASE_FDIO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"

/* All of it, appended to b; EFBIG if there is more than max bytes. */
int file_read(const char *path, struct buf *b, size_t max);
/* The same of a regular file only (EISDIR, EINVAL), without ever waiting for a FIFO. */
int file_read_regular(const char *path, struct buf *b, size_t max);
/* Only what nobody else can have written: EPERM. */
int file_read_own(const char *path, struct buf *b, size_t max);
/* Closes it, and errno stays what it was: behind what failed, or did not. */
void fd_close(int fd);
int fd_read_all(int fd, struct buf *b, size_t max);

/*
 * For reading, the file at path below the folder: ELOOP if a symbolic link is on the way, EXDEV if path would leave
 * the folder.  Never waits for a pipe's other end.
 */
int file_open_beneath(const char *folder, const char *path);

/* All of len, through short writes and EINTR. */
int fd_write_all(int fd, const void *data, size_t len);

/* Into a temporary name beside path, then renamed over it; mode before umask. */
int file_write_atomic(const char *path, const void *data, size_t len, mode_t mode);
/* The same of what put(ctx, fd) writes; it returns -1 and errno if it cannot. */
int file_make_atomic(const char *path, mode_t mode, int (*put)(void *ctx, int fd), void *ctx);
/* The same to where a user pointed: behind a link; and a device or a pipe is written into, not replaced. */
int file_write_to(const char *path, const void *data, size_t len, mode_t mode);

/* What was made, renamed or removed in the folder is on the disk; where folders cannot be synced nothing can be done. */
int folder_sync(const char *path);

/* Make path and what is missing above it.  An existing folder is fine. */
int dirs_make(const char *path, mode_t mode);

bool file_exists(const char *path);

/* dir + "/" + name, or name itself if it is absolute or dir is "." or empty; the caller frees. */
char *path_join(const char *dir, const char *name);

/* The folder part (".", if there is none); the caller frees. */
char *path_dir(const char *path);

/* The last part, inside path. */
const char *path_base(const char *path);

/*
 * path as a name to compare by, appended: relative to root if it lies below it, without `.`, `..`, `//`
 * and a slash at the end; root itself is ".".  Looks at the text alone.
 */
void path_clean(struct buf *out, const char *root, const char *path);

#endif
