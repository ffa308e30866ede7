/*
 * How busy the machine is: the number of tasks that run or could at this instant, which is the fourth word of
 * /proc/loadavg.  The averages before it learn of what was started when it is too late.
 */
#ifndef SYS_LOAD_H
#define SYS_LOAD_H

#include <stdbool.h>
#include <stdint.h>

struct calls;

/* Whoever reads it runs while it does, and is not counted.  0, or -1 and errno (EINVAL: no such word). */
int load_runnable(const struct calls *c, uint32_t *ret);

struct load_limit {
	double most; /* below 0: none */
	const struct calls *calls;
	uint32_t runnable; /* by the last look; those that were coming then are in it */
};

/* May one more start?  coming: so many have been started that the kernel may not know yet. */
bool load_lets(struct load_limit *l, uint32_t coming);

#endif
