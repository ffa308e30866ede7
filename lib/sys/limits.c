#include "sys/limits.h"

#include <sys/resource.h>

#include "sys/child.h"

IN_CHILD int limits_set(const struct limits *l)
{
	static const int which[] = {
		[LIMIT_MEM] = RLIMIT_AS, [LIMIT_CPU] = RLIMIT_CPU, [LIMIT_NOFILE] = RLIMIT_NOFILE,
		[LIMIT_FSIZE] = RLIMIT_FSIZE,
	};

	for (int i = 0; i < LIMIT_KINDS; i++) {
		/* At the hard limit of processor time there is no signal that could be told from any other kill. */
		const struct rlimit r = {(rlim_t)l->most[i], (rlim_t)l->most[i] + (i == LIMIT_CPU)};

		if (l->most[i] && setrlimit((__rlimit_resource_t)which[i], &r) < 0)
			return -1;
	}
	return l->nicer ? setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + (int)l->nicer) : 0;
}
