/*
 * What MAKEFLAGS says to a program below a make: the letters, -jN, and where the job
 * server is.  GNU make's manual, node "POSIX Jobserver", and what make 4.3 and 4.4 write.
 */
#ifndef SYS_MAKEFLAGS_H
#define SYS_MAKEFLAGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum auth_kind {
	AUTH_NONE, /* nothing about a job server, or "not for you" (negative numbers) */
	AUTH_PAIR, /* --jobserver-auth=R,W: descriptors that were inherited */
	AUTH_FIFO, /* --jobserver-auth=fifo:PATH */
	AUTH_BAD,  /* there is a word for it, but it cannot be read */
};

struct makeflags {
	bool dry_run;  /* n among the letters: nothing is to be done */
	uint32_t jobs; /* of -jN, for information; 0: not said */
	bool load_limited; /* -lN */
	double load;
	enum auth_kind auth; /* the last word about it counts */
	int read_fd, write_fd; /* AUTH_PAIR */
	char *path;	       /* AUTH_FIFO; owned */
};

/* text: the value of MAKEFLAGS, NULL if it is not set. */
void makeflags_parse(struct makeflags *m, const char *text);
void makeflags_release(struct makeflags *m);

/* The value for a program that may use a pool, appended: by descriptors (path NULL), or by the path of a FIFO. */
void makeflags_write(struct buf *out, uint32_t jobs, int read_fd, int write_fd, const char *path);

#endif
