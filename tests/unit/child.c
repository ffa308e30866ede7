/* Between vfork and exec, on a borrowed stack: each child says by its exit code what came of it. */
#include "sys/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bug.h"
#include "check.h"

static char dir[] = "/tmp/orchmake-child-XXXXXX";

/* The exit code of fn(arg) or of what it became. */
static int child_code(int (*fn)(void *), void *arg)
{
	static _Alignas(64) char stack[128 * 1024];
	pid_t pid = calls_real.clone(fn, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, arg);
	int status;

	CHECK(pid > 0);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	return WEXITSTATUS(status);
}

struct wanted {
	const char *argv[2], *envp[3];
};

static IN_CHILD int look(void *arg)
{
	const struct wanted *w = arg;

	(void)!chdir(dir);
	_exit(child_exec(w->argv, w->envp) < 0 ? 100 + errno : 99);
}

/* The exit code of a program found by that name along that PATH (NULL: none), or 100 + errno. */
static int found(const char *name, const char *path)
{
	char *variable = path ? xasprintf("PATH=%s", path) : NULL;
	struct wanted w = {.argv = {name}, .envp = {"A=b", variable}};
	int code = child_code(look, &w);

	free(variable);
	return code;
}

static void put(const char *name, const char *text, mode_t mode)
{
	char *path = xasprintf("%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);

	CHECK(fd >= 0);
	CHECK_INT(write(fd, text, strlen(text)), strlen(text));
	CHECK_INT(fchmod(fd, mode), 0);
	close(fd);
	free(path);
}

static void a_name_is_looked_for_as_execvp_does(void **state)
{
	static const char *const made[] = {"mine", "text", "locked"};
	char too_long[PATH_MAX + 64];

	(void)state;
	CHECK(mkdtemp(dir));
	put("mine", "#!/bin/sh\nexit 7\n", 0755);
	put("text", "exit 7\n", 0755);
	put("locked", "#!/bin/sh\nexit 7\n", 0600);
	CHECK_INT(found("/bin/true", "/nowhere"), 0);
	CHECK_INT(found("/no/such", "/bin"), 100 + ENOENT);
	CHECK_INT(found("true", NULL), 0); /* as without a PATH */
	CHECK_INT(found("mine", "/nowhere:/etc/passwd:"), 7); /* no folder, no program there, and then here */
	CHECK_INT(found("mine", ":/nowhere"), 7);
	CHECK_INT(found("mine", "/nowhere"), 100 + ENOENT);
	CHECK_INT(found("locked", ":/nowhere"), 100 + EACCES); /* that is the better answer */
	CHECK_INT(found("text", ":/bin"), 100 + ENOEXEC); /* and nothing else is tried */
	CHECK_INT(found("", "/bin"), 100 + ENOENT);
	memset(too_long, 'x', sizeof(too_long));
	too_long[0] = '/';
	strcpy(too_long + sizeof(too_long) - 3, ":.");
	CHECK_INT(found("mine", too_long), 7); /* passed over */
	for (size_t i = 0; i < ARRAY_LEN(made); i++) {
		snprintf(too_long, sizeof(too_long), "%s/%s", dir, made[i]);
		CHECK_INT(unlink(too_long), 0);
	}
	CHECK_INT(rmdir(dir), 0);
}

struct placing {
	const int *fd;
	const uint32_t *number;
	uint32_t n;
};

static IN_CHILD int place(void *arg)
{
	const struct placing *p = arg;
	struct stat a, b;

	if (child_place(p->fd, p->number, p->n) < 0)
		_exit(100 + errno);
	(void)fstat(p->fd[0], &a);
	(void)fstat((int)p->number[0], &b);
	_exit(a.st_ino != b.st_ino || fcntl((int)p->number[0], F_GETFD) != 0);
}

/* 0, or 100 + errno. */
static int placed(const int *fd, const uint32_t *number, uint32_t n)
{
	struct placing p = {fd, number, n};

	return child_code(place, &p);
}

static void descriptors_get_their_numbers_or_an_error(void **state)
{
	const uint32_t near[] = {5, 3}, far[] = {1 << 30, 3}, farthest[] = {UINT32_MAX, 3};
	int fd[2], bad[] = {-1, -1};

	(void)state;
	CHECK_INT(pipe2(fd, O_CLOEXEC), 0);
	CHECK_INT(placed(fd, near, 2), 0);
	CHECK_INT(placed(fd, near, 1), 0);
	CHECK_INT(placed(bad, near, 2), 100 + EBADF);
	CHECK_INT(placed(fd, far, 2), 100 + EINVAL);
	CHECK_INT(placed(fd, farthest, 2), 100 + EBADF);
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_looked_for_as_execvp_does),
		cmocka_unit_test(descriptors_get_their_numbers_or_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
