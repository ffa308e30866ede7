/*
 * The request to start one step, as one block of memory without pointers: the driver builds it, the warden reads
 * it where it lies, without allocating anything.  A small one travels inside its datagram, a great one as a sealed
 * memfd; the block is the same.
 *
 *	head | descriptor numbers | texts, arguments, environment: strings, each with its NUL
 *
 * Whatever the block holds, reading it stays inside it.
 */
#ifndef WARDEN_REQUEST_H
#define WARDEN_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "sys/calls.h"
#include "sys/limits.h"

enum {
	REQUEST_MAX = 16 * 1024 * 1024, /* bytes; execve takes 6 MiB */
	REQUEST_STRINGS = 1024 * 1024,	 /* arguments and variables; execve takes fewer */
	REQUEST_INLINE = 16 * 1024,	/* up to here it travels in the datagram */
	REQUEST_FDS = 250,		/* one message carries 253 descriptors */
	REQUEST_TEXTS = 5,
};

enum stage {
#define STAGE(id, word) STAGE_##id,
#include "warden/stage.def"
#undef STAGE
	STAGE_COUNT,
};

/* Constant text; "start" for a number that is no stage. */
const char *stage_word(uint32_t stage);

enum request_flags {
	REQUEST_TTY = 1,	   /* a process group in the warden's session instead of a session */
	REQUEST_FOREGROUND = 2,	   /* and the terminal on its standard input is handed to it */
	REQUEST_STDOUT_APPEND = 4, /* instead of truncating */
	REQUEST_STDERR_APPEND = 8,
};

/* What to start.  The driver fills one in for request_build; request_open fills in one that points into the block. */
struct request {
	uint32_t serial;
	uint32_t flags;
	int64_t timeout_ms; /* 0: none */
	int64_t grace_ms;
	int32_t umask; /* -1: the warden's, which is the driver's */
	struct limits limits;
	const char *const *argv, *const *envp;
	union { /* NULL: none */
		struct {
			const char *cwd, *stdin_path, *stdout_path, *stderr_path, *log_path;
		};
		const char *text[REQUEST_TEXTS];
	};
	const uint32_t *number; /* the step's numbers for the descriptors that come along, in their order */
	uint32_t n_numbers;
};

/* Append the block for r to b, which is empty; `extra` (or NULL) is one more variable, `NAME=value`, that
 * replaces the one of its name.  0, or -1 and errno (E2BIG, EINVAL: no argv[0], too many descriptors). */
int request_build(struct buf *b, const struct request *r, const char *extra);

/* A sealed memfd with the block, close-on-exec; -1 and errno.  Whoever gets it reads a copy. */
int request_seal(const struct calls *c, const struct buf *b);

/*
 * Read the block, which is aligned to 8, into r, which points into block and table and is valid as long as they are.
 * table has room for REQUEST_STRINGS + 2.  False if anything in the block does not hold.
 */
bool request_open(struct request *r, const void *block, size_t size, const char **table);

#endif
