#include "sys/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"

IN_CHILD int child_open(const struct calls *c, const char *path, int flags, mode_t mode)
{
	int fd = c->openat(AT_FDCWD, path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode);

	if (fd >= 0)
		(void)fcntl(fd, F_SETFL, flags & O_APPEND); /* of one that is open this cannot fail */
	return fd;
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
