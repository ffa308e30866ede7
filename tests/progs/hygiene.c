/*
 * What a step finds when it starts, one line each, for a test to compare:
 *
 *	fds 0 1 2 9		what is open
 *	ignored 0		signals ignored (mask)
 *	blocked 0		signals blocked (mask)
 *	leader yes		it leads a session of its own
 *	stdin empty		nothing to read there
 *	umask 027
 *	cwd /tmp
 *	death 9			the signal for its parent's death
 *	subreaper 1
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static void hygiene_fds(void)
{
	printf("fds");
	for (int fd = 0; fd < 1024; fd++) {
		char path[64], to[16];

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (readlink(path, to, sizeof(to)) >= 0)
			printf(" %d", fd);
	}
	printf("\n");
}

static void hygiene_mask(const char *field, const char *name)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, field, strlen(field)))
			printf("%s %llx\n", name, strtoull(line + strlen(field), NULL, 16));
	if (f)
		fclose(f);
}

static int hygiene_main(void)
{
	char byte, cwd[4096];
	mode_t mask = umask(0);
	int death = -1, subreaper = -1;

	hygiene_fds();
	hygiene_mask("SigIgn:", "ignored");
	hygiene_mask("SigBlk:", "blocked");
	printf("leader %s\n", getsid(0) == getpid() ? "yes" : "no");
	printf("stdin %s\n", read(STDIN_FILENO, &byte, 1) == 0 ? "empty" : "not empty");
	printf("umask %03o\n", (unsigned)mask);
	printf("cwd %s\n", getcwd(cwd, sizeof(cwd)) ? cwd : "?");
	prctl(PR_GET_PDEATHSIG, &death);
	prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
	printf("death %d\nsubreaper %d\n", death, subreaper);
	return 0;
}

#ifndef HYGIENE_NO_MAIN
int main(void)
{
	return hygiene_main();
}
#endif
