/*
 * What a program finds open when it starts, looked at first thing in main(), before anything else can get
 * one of those numbers.  Two accidents are prevented: a file of ours that lands on a closed 0, 1 or 2 and
 * receives somebody's printing, and a file of ours that is taken for the job server that MAKEFLAGS names by
 * number.
 */
#ifndef SYS_INHERITED_H
#define SYS_INHERITED_H

#include <stdbool.h>
#include <stddef.h>

struct inherited {
	int *fd; /* those above 2 that were open, ascending; all are close-on-exec now */
	size_t n;
	unsigned was_closed; /* bit i: descriptor i of 0, 1, 2 was closed and is /dev/null now */
};

/* 0, or -1 and errno, when 0, 1 and 2 cannot be had.  inherited_release() either way. */
int inherited_check(struct inherited *in);
void inherited_release(struct inherited *in);

/* Whether fd came with us and is a FIFO or pipe open for mode (O_RDONLY or O_WRONLY; O_RDWR serves both). */
bool inherited_fifo(const struct inherited *in, int fd, int mode);

#endif
