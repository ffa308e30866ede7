/* What a child may use at most; set between vfork and exec. */
#ifndef SYS_LIMITS_H
#define SYS_LIMITS_H

#include <stdint.h>

enum limit_kind { LIMIT_MEM, LIMIT_CPU, LIMIT_NOFILE, LIMIT_FSIZE, LIMIT_KINDS };

/* 0: as its parent. */
struct limits {
	int64_t most[LIMIT_KINDS]; /* bytes of address space, seconds, descriptors, bytes of a file */
	int64_t nicer;		   /* by so much than its parent */
};

/* Whoever reaches `cpu` gets SIGXCPU, and a second later KILL.  Between vfork and exec; 0, or -1 and errno. */
int limits_set(const struct limits *l);

#endif
