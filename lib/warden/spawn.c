#include "warden/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/proctree.h"

enum { STACK_BYTES = 128 * 1024, COULD_NOT = 127 };

int spawn_init(struct spawn *s, const struct calls *c)
{
	enum { PROT = PROT_READ | PROT_WRITE };
	char *stack = c->mmap(NULL, STACK_BYTES, PROT, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	*s = (struct spawn){.calls = c, .null_fd = -1, .warden = getpid()};
	if (stack == MAP_FAILED)
		return -1;
	s->stack_end = stack + STACK_BYTES;
	s->report = c->mmap(NULL, sizeof(*s->report), PROT, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s->report == MAP_FAILED)
		return -1;
	s->null_fd = c->openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
	return s->null_fd < 0 ? -1 : 0;
}

/*
 * From here to the end everything runs in the child: its parent sleeps, their memory is one, and only calls
 * that are safe after vfork are made.  Every function answers 0, or -1 and errno, and says before what it does.
 */
#define IN_CHILD __attribute__((no_sanitize("address")))

/* A session of its own, unless it is to have the terminal; and when the warden dies, it dies. */
static IN_CHILD int own_session(const struct spawn *s)
{
	int oom;

	s->report->stage = STAGE_SESSION;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return -1;
	if (getppid() != s->warden) {
		errno = ECHILD; /* it died before we had asked to follow it */
		return -1;
	}
	/* When memory runs out, a step goes before what keeps its record.  Not worth a failure. */
	oom = s->calls->openat(AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC, 0);
	if (oom >= 0) {
		(void)!s->calls->write(oom, "500", 3);
		close(oom);
	}
	if (s->request->flags & REQUEST_TTY)
		return setpgid(0, 0);
	return setsid() < 0 ? -1 : 0;
}

/*
 * Without waiting for whoever might be at the other end of a FIFO; the step then gets it in the normal mode.
 */
static IN_CHILD int open_quick(const struct spawn *s, const char *path, int flags, mode_t mode)
{
	int fd = s->calls->openat(AT_FDCWD, path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode);
	int now = fd < 0 ? -1 : fcntl(fd, F_GETFL);

	if (now >= 0 && fcntl(fd, F_SETFL, now & ~O_NONBLOCK) == 0)
		return fd;
	return -1;
}

static IN_CHILD int open_log(const struct spawn *s, int *ret_fd)
{
	struct stat st;
	int fd = s->null_fd;

	s->report->stage = STAGE_LOG;
	if (s->request->log_path) {
		fd = open_quick(s, s->request->log_path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0600);
		if (fd < 0 || fstat(fd, &st) < 0)
			return -1;
		if (!S_ISREG(st.st_mode)) {
			errno = EINVAL;
			return -1;
		}
	}
	*ret_fd = fd;
	return 0;
}

static IN_CHILD int place(int fd, int number)
{
	return dup2(fd, number) < 0 ? -1 : 0;
}

/* One of the standard three: the file named, or what the step has without one (-1: it comes along). */
static IN_CHILD int standard(const struct spawn *s, int number, const char *path, int flags, int otherwise)
{
	int fd = otherwise;

	s->report->stage = STAGE_STDIN + (uint32_t)number;
	if (path)
		fd = open_quick(s, path, flags, 0666);
	else if (s->request->flags & REQUEST_TTY)
		return 0;
	return fd < 0 ? -1 : place(fd, number);
}

static IN_CHILD int standard_three(const struct spawn *s, int log)
{
	enum { WRITE = O_WRONLY | O_CREAT };
	const struct request *r = s->request;
	int out = WRITE | (r->flags & REQUEST_STDOUT_APPEND ? O_APPEND : O_TRUNC);
	int err = WRITE | (r->flags & REQUEST_STDERR_APPEND ? O_APPEND : O_TRUNC);

	if (standard(s, STDIN_FILENO, r->stdin_path, O_RDONLY, s->null_fd) < 0 ||
	    standard(s, STDOUT_FILENO, r->stdout_path, out, log) < 0)
		return -1;
	/* One file for both is one open file, or they would write over each other. */
	if (r->stdout_path && r->stderr_path && !strcmp(r->stdout_path, r->stderr_path))
		return place(STDOUT_FILENO, STDERR_FILENO);
	return standard(s, STDERR_FILENO, r->stderr_path, err, log);
}

/* Nothing stays open but the standard three and what was declared, under the numbers that were declared. */
static IN_CHILD int declared(const struct spawn *s)
{
	const struct request *r = s->request;
	int above = STDERR_FILENO + 1, high[REQUEST_FDS];

	s->report->stage = STAGE_DESCRIPTORS;
	(void)close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC); /* all are, by birth; an old kernel cannot */
	for (uint32_t i = 0; i < r->n_numbers; i++)
		if (r->number[i] >= (uint32_t)above)
			above = r->number[i] < INT_MAX ? (int)r->number[i] + 1 : INT_MAX;
	/* First out of each other's way. */
	for (uint32_t i = 0; i < r->n_numbers; i++) {
		high[i] = fcntl(s->fd[i], F_DUPFD_CLOEXEC, above);
		if (high[i] < 0)
			return -1;
	}
	for (uint32_t i = 0; i < r->n_numbers; i++)
		if (place(high[i], (int)r->number[i]) < 0)
			return -1;
	return 0;
}

/* Blocked signals let the new group take the terminal from the background. */
static IN_CHILD int foreground(const struct spawn *s)
{
	s->report->stage = STAGE_TERMINAL;
	if (!(s->request->flags & REQUEST_FOREGROUND))
		return 0;
	return tcsetpgrp(STDIN_FILENO, getpid());
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

/*
 * As execvp looks: a name that is not there or may not be run does not end the search, and "permission denied" is
 * said if that was met anywhere.  A file that is no program is an error, not a script for a shell nobody named.
 */
static IN_CHILD void become(const struct spawn *s)
{
	const struct request *r = s->request;
	char *const *argv = (char *const *)(uintptr_t)r->argv, *const *envp = (char *const *)(uintptr_t)r->envp;
	const char *path = search_path(r->envp);
	bool denied = false;
	char full[PATH_MAX];

	s->report->stage = STAGE_EXEC;
	if (strchr(argv[0], '/')) {
		execve(argv[0], argv, envp);
		return;
	}
	errno = ENOENT;
	while (argv[0][0] && path) {
		if (!next_name(&path, argv[0], full))
			continue;
		execve(full, argv, envp);
		if (errno == EACCES)
			denied = true;
		else if (errno != ENOENT && errno != ENOTDIR && errno != ESTALE && errno != ENODEV &&
			 errno != ETIMEDOUT)
			return;
	}
	if (denied)
		errno = EACCES;
}

static IN_CHILD int prepare(const struct spawn *s)
{
	const struct request *r = s->request;
	int log;

	if (own_session(s) < 0 || open_log(s, &log) < 0)
		return -1;
	s->report->stage = STAGE_CWD;
	if (r->cwd && chdir(r->cwd) < 0)
		return -1;
	if (r->umask >= 0)
		(void)umask((mode_t)r->umask);
	if (standard_three(s, log) < 0 || declared(s) < 0)
		return -1;
	return foreground(s);
}

static IN_CHILD int child(void *arg)
{
	const struct spawn *s = arg;
	sigset_t none;

	s->report->ticks = proc_ticks_now();
	if (prepare(s) == 0) {
		sigemptyset(&none); /* handlers there are none: the warden keeps every signal at its default */
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
		become(s);
	}
	s->report->error = errno;
	_exit(COULD_NOT);
}

pid_t spawn_start(struct spawn *s)
{
	*s->report = (struct spawn_report){.stage = STAGE_SESSION};
	return s->calls->clone(child, s->stack_end, CLONE_VM | CLONE_VFORK | SIGCHLD, s);
}
