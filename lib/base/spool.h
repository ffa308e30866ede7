/*
 * Bytes that are put down now and read once, later.  What is long lies in a file without a name and costs no memory;
 * where none can be made, it stays in memory.
 */
#ifndef BASE_SPOOL_H
#define BASE_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { SPOOL_TAIL = 1024 * 1024 };

struct spool {
	struct buf tail; /* append to it, then call spool_pass() */
	char *dir;	 /* where the file is made */
	int fd;		 /* -1: none */
	uint64_t filed;	 /* bytes in it */
	bool no_file;	 /* none could be made */
	bool lost;	 /* the file could not be written: what was put down is gone */
};

void spool_init(struct spool *s, const char *dir);
void spool_release(struct spool *s);

void spool_file(struct spool *s);
/* What has been appended may go to the file. */
static inline void spool_pass(struct spool *s)
{
	if (s->tail.len >= SPOOL_TAIL)
		spool_file(s);
}

uint64_t spool_len(const struct spool *s);

/* All of it in order, piece by piece; false if take says so, or (errno) it cannot be read any more. */
bool spool_each(const struct spool *s, bool (*take)(void *ctx, const void *data, size_t len), void *ctx);

#endif
