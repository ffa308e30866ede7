/*
 * A file of records of one size, each one write at its end: there are only whole ones, and room for those that must
 * not fail is asked for before.  Nothing is allocated.
 */
#ifndef SYS_RECORDS_H
#define SYS_RECORDS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sys/calls.h"

struct records {
	const struct calls *calls;
	int fd; /* O_APPEND, borrowed */
	off_t record;	  /* bytes of one */
	off_t size, room; /* whole records written; what the disk has promised */
};

/* Behind what is there.  0, or -1 and errno. */
int records_init(struct records *r, const struct calls *c, int fd, size_t record);

/* Have the disk promise room for n more.  0, or -1 and errno. */
int records_promise(struct records *r, uint32_t n);

/* 0, or -1 and errno, and then there is no trace of it. */
int records_append(struct records *r, const void *data);

#endif
