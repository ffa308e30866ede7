#include "sys/records.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { PROMISE_BYTES = 256 * 1024 };

int records_init(struct records *r, const struct calls *c, int fd, size_t record)
{
	off_t size = lseek(fd, 0, SEEK_END);

	if (size < 0)
		return -1;
	*r = (struct records){.calls = c, .fd = fd, .record = (off_t)record, .size = size, .room = size};
	return 0;
}

/*
 * A short write leaves a piece of a record, and all that follow would be off by that: cut it away.  The disk
 * forgets its promise with that, so it has to be asked again.
 */
static void take_back(struct records *r)
{
	(void)ftruncate(r->fd, r->size);
	r->room = r->size;
}

int records_append(struct records *r, const void *data)
{
	ssize_t n;

	do
		n = r->calls->write(r->fd, data, (size_t)r->record);
	while (n < 0 && errno == EINTR);
	if (n == r->record) {
		r->size += r->record;
		return 0;
	}
	if (n > 0)
		take_back(r);
	if (n >= 0)
		errno = ENOSPC;
	return -1;
}

int records_promise(struct records *r, uint32_t n)
{
	off_t need = r->size + (off_t)n * r->record, len;

	if (need <= r->room)
		return 0;
	len = need - r->size + PROMISE_BYTES;
	/* A file system that cannot promise has no room to lose; a full one says so now, not at the end. */
	if (r->calls->fallocate(r->fd, FALLOC_FL_KEEP_SIZE, r->size, len) < 0 && errno != EOPNOTSUPP &&
	    errno != ENOSYS && errno != EINTR)
		return -1;
	r->room = r->size + len;
	return 0;
}
