#include "store/program.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fdio.h"

enum { ANSWER_MAX = 512 << 20 };

extern char **environ;

int program_input(const struct buf *text)
{
	int fd = memfd_create("input", MFD_CLOEXEC);

	if (fd < 0 || (!fd_write_all(fd, text->data, text->len) && !lseek(fd, 0, SEEK_SET)))
		return fd;
	fd_close(fd);
	return -1;
}

/* out: -1 for where the log goes. */
static int start(const char *const *argv, int in, int out, pid_t *ret)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t defaults;
	int rc;

	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE); /* ignored here, and that would be inherited */
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, out >= 0 ? out : STDERR_FILENO, STDOUT_FILENO);
	rc = posix_spawnp(ret, argv[0], &files, &attr, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return rc;
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

bool program_run(const char *const *argv, const struct buf *in, struct buf *out, int *ret_status, struct fault *f)
{
	int from = program_input(in), to = out ? memfd_create("output", MFD_CLOEXEC) : -1;
	bool good = from >= 0 && (!out || to >= 0);
	pid_t pid;

	if (!good)
		fault_errno(f, "cannot start '%s'", argv[0]);
	if (good) {
		errno = start(argv, from, to, &pid);
		good = !errno || fault_errno(f, "cannot start '%s'", argv[0]);
	}
	if (good)
		*ret_status = wait_for(pid);
	if (good && out && (lseek(to, 0, SEEK_SET) || fd_read_all(to, out, ANSWER_MAX) < 0))
		good = fault_errno(f, "cannot read the output of '%s'", argv[0]);
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	return good;
}
