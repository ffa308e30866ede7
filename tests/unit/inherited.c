#include "sys/inherited.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

/* Each case spoils its descriptors, so it runs in a child; its exit code is the line that does not hold. */
#define HOLDS(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			_exit(__LINE__ & 255 ? __LINE__ & 255 : 1);                                \
	} while (0)

static void in_a_child(void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (!pid) {
		fn();
		_exit(0);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 0);
}

static void close_some(void)
{
	struct inherited in;
	struct stat st, null;

	close(0);
	close(2);
	HOLDS(inherited_check(&in) == 0);
	HOLDS(in.was_closed == (1u << 0 | 1u << 2));
	HOLDS(stat("/dev/null", &null) == 0 && fstat(0, &st) == 0 && st.st_rdev == null.st_rdev);
	HOLDS((fcntl(0, F_GETFL) & O_ACCMODE) == O_RDONLY);
	HOLDS((fcntl(2, F_GETFL) & O_ACCMODE) == O_WRONLY);
	HOLDS(!(fcntl(2, F_GETFD) & FD_CLOEXEC)); /* children want them too */
	inherited_release(&in);
}

static void what_was_closed_of_the_standard_three_is_dev_null(void **state)
{
	(void)state;
	in_a_child(close_some);
}

static void look_at_some(void)
{
	struct inherited in;
	int p[2], file, late[2];

	for (int fd = 3; fd < 256; fd++)
		close(fd);
	HOLDS(pipe(p) == 0);
	file = open("/dev/null", O_RDWR);
	HOLDS(dup2(p[1], 200) == 200);
	HOLDS(inherited_check(&in) == 0);
	HOLDS(!in.was_closed);
	HOLDS(in.n >= 4 && in.fd[0] == p[0] && in.fd[1] == p[1] && in.fd[2] == file && in.fd[3] == 200);
	HOLDS(in.n == 4 || in.fd[4] > 900); /* a debugger's own */
	for (size_t i = 0; i < 4; i++)
		HOLDS(fcntl(in.fd[i], F_GETFD) & FD_CLOEXEC);
	HOLDS(pipe2(late, O_CLOEXEC) == 0);
	HOLDS(inherited_fifo(&in, p[0], O_RDONLY) && inherited_fifo(&in, p[1], O_WRONLY));
	HOLDS(inherited_fifo(&in, 200, O_WRONLY));
	HOLDS(!inherited_fifo(&in, p[0], O_WRONLY));   /* the wrong end */
	HOLDS(!inherited_fifo(&in, file, O_RDONLY));   /* no pipe */
	HOLDS(!inherited_fifo(&in, late[0], O_RDONLY)); /* not there when we came */
	HOLDS(!inherited_fifo(&in, 77, O_RDONLY) && !inherited_fifo(&in, -2, O_RDONLY));
	close(p[0]);
	HOLDS(!inherited_fifo(&in, p[0], O_RDONLY)); /* gone since */
	inherited_release(&in);
}

static void the_others_are_listed_and_not_passed_on_and_a_pipe_is_known(void **state)
{
	(void)state;
	in_a_child(look_at_some);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_closed_of_the_standard_three_is_dev_null),
		cmocka_unit_test(the_others_are_listed_and_not_passed_on_and_a_pipe_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
