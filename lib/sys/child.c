#include "sys/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"

char *child_stack(const struct calls *c)
{
	enum { BYTES = 128 * 1024 };
	char *stack = c->mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	return stack == MAP_FAILED ? NULL : stack + BYTES;
}

IN_CHILD int child_enter(const char *folder, int mask)
{
	if (mask >= 0)
		(void)umask((mode_t)mask);
	return folder ? chdir(folder) : 0;
}

IN_CHILD int child_open(const struct calls *c, const char *path, int flags, mode_t mode)
{
	int fd = c->openat(AT_FDCWD, path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode);

	if (fd >= 0)
		(void)fcntl(fd, F_SETFL, flags & O_APPEND); /* of one that is open this cannot fail */
	return fd;
}

IN_CHILD int child_open_log(const struct calls *c, const char *path)
{
	int fd = child_open(c, path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0600);
	struct stat st = {0};

	if (fd < 0)
		return -1;
	errno = EINVAL;
	(void)fstat(fd, &st);
	return S_ISREG(st.st_mode) ? fd : -1; /* what it is goes with the process */
}

IN_CHILD int child_follow(const struct calls *c, pid_t parent)
{
	if (c->prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || c->prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return -1;
	errno = ECHILD;
	return c->getppid() == parent ? 0 : -1; /* it died before we had asked to follow it */
}

IN_CHILD void child_yield_memory(const struct calls *c)
{
	int fd = c->openat(AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC, 0);

	(void)!c->write(fd, "500", 3);
	(void)close(fd);
}

IN_CHILD int child_standard(const struct calls *c, const char *const path[3], const int flags[3], const int otherwise[3],
			    int *at)
{
	for (*at = 0; *at < 3; ++*at) {
		int i = *at, fd = otherwise[i];

		if (i == STDERR_FILENO && path[1] && path[2] && !strcmp(path[1], path[2]))
			fd = STDOUT_FILENO; /* or they would write over each other */
		else if (path[i])
			fd = child_open(c, path[i], flags[i], 0666);
		if (fd < 0)
			return -1;
		(void)dup2(fd, i); /* of one that is open this cannot fail */
	}
	return 0;
}

IN_CHILD int child_place(const int *fd, const uint32_t *number, uint32_t n)
{
	int above = STDERR_FILENO + 1, high[CHILD_FDS];

	(void)close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC); /* all are, by birth; an old kernel cannot */
	for (uint32_t i = 0; i < n; i++)
		if (number[i] >= (uint32_t)above)
			above = (int)(number[i] % INT_MAX) + 1; /* too great a number fails below */
	/* First out of each other's way. */
	for (uint32_t i = 0; i < n; i++) {
		high[i] = fcntl(fd[i], F_DUPFD_CLOEXEC, above);
		if (high[i] < 0)
			return -1;
	}
	for (uint32_t i = 0; i < n; i++)
		if (dup2(high[i], (int)number[i]) < 0)
			return -1;
	return 0;
}

/* The value of PATH, or what execvp takes without one. */
static IN_CHILD const char *search_path(const char *const *envp)
{
	for (; *envp; envp++)
		if (!strncmp(*envp, "PATH=", 5))
			return *envp + 5;
	return "/bin:/usr/bin";
}

/* The next folder of path (empty: here) and name, into full[PATH_MAX]; false if that is too long. */
static IN_CHILD bool next_name(const char **path, const char *name, char *full)
{
	const char *end = strchrnul(*path, ':');
	size_t dir = (size_t)(end - *path), len = strlen(name);
	bool fits = dir + 1 + len + 1 <= PATH_MAX;

	if (fits) {
		memcpy(full, *path, dir);
		if (dir)
			full[dir++] = '/';
		memcpy(full + dir, name, len + 1);
	}
	*path = *end ? end + 1 : NULL;
	return fits;
}

/* Whether another folder may still have the program. */
static IN_CHILD bool goes_on(int error)
{
	static const int passing[] = {ENOENT, EACCES, ENOTDIR, ESTALE, ENODEV, ETIMEDOUT};
	size_t i = 0;

	while (i < ARRAY_LEN(passing) && passing[i] != error)
		i++;
	return i < ARRAY_LEN(passing);
}

IN_CHILD int child_exec(const char *const *argv_c, const char *const *envp_c)
{
	char *const *argv = (char *const *)(uintptr_t)argv_c, *const *envp = (char *const *)(uintptr_t)envp_c;
	const char *path = search_path(envp_c);
	bool denied = false;
	char full[PATH_MAX];
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (strchr(argv[0], '/'))
		return execve(argv[0], argv, envp);
	errno = ENOENT;
	while (argv[0][0] && path) {
		if (!next_name(&path, argv[0], full))
			continue;
		(void)execve(full, argv, envp);
		if (!goes_on(errno))
			return -1;
		denied |= errno == EACCES;
	}
	if (denied)
		errno = EACCES;
	return -1;
}
