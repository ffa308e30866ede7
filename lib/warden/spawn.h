/*
 * The start of one step: a child that shares the warden's memory until it has become the program (a copy of the
 * page tables would cost as much as the rest), on a stack of its own.
 */
#ifndef WARDEN_SPAWN_H
#define WARDEN_SPAWN_H

#include <stdint.h>
#include <sys/types.h>

#include "sys/calls.h"
#include "warden/request.h"

/* What the child says; in memory that stays shared even where CLONE_VM is emulated by a fork. */
struct spawn_report {
	uint32_t stage; /* what it was about to do; STAGE_EXEC in the end */
	int error;	/* errno of that; 0 if it is running */
	uint64_t ticks; /* when it began, as proc_ticks_now() */
};

struct spawn {
	const struct calls *calls;
	char *stack_end;
	struct spawn_report *report;
	int null_fd;  /* /dev/null, read and write */
	pid_t warden; /* the only right parent */
	/* For one start: */
	const struct request *request;
	const int *fd; /* one for each of request->number */
	int log;       /* the child's own: where what it prints goes */
};

/* 0, or -1 and errno.  What it takes goes with the process. */
int spawn_init(struct spawn *s, const struct calls *c);

/*
 * Start s->request.  The child's pid, whether or not it got as far as its program: s->report tells, and if it did
 * not, it is about to exit.  -1 and errno if there is no child.
 */
pid_t spawn_start(struct spawn *s);

#endif
