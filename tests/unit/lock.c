#include "sys/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static char dir[64], path[96];

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/orchmake-lock-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/lock", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(dir);
}

/* A child that has what is open here, and lives until it is killed. */
static pid_t holder(void)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	while (!pid)
		pause();
	return pid;
}

static void end(pid_t pid)
{
	CHECK_INT(kill(pid, SIGKILL), 0);
	CHECK_INT(waitpid(pid, NULL, 0), pid);
}

static void a_lock_lives_as_long_as_anybody_has_it(void **state)
{
	int fd = lock_take(path, LOCK_ALONE);
	struct stat st;
	pid_t pid;

	(void)state;
	CHECK(fd >= 0);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0600);
	CHECK_INT(lock_take(path, LOCK_SHARED), -1);
	CHECK_INT(errno, EWOULDBLOCK);
	pid = holder();
	close(fd);
	CHECK_INT(lock_take(path, LOCK_SHARED), -1);
	CHECK_INT(errno, EWOULDBLOCK);
	end(pid);
	fd = lock_take(path, LOCK_SHARED);
	CHECK(fd >= 0);
	close(fd);
}

static void shared_locks_keep_out_only_who_wants_to_be_alone(void **state)
{
	int a = lock_take(path, LOCK_SHARED), b = lock_take(path, LOCK_SHARED);

	(void)state;
	CHECK(a >= 0 && b >= 0);
	CHECK_INT(lock_take(path, LOCK_ALONE), -1);
	close(a);
	close(b);
	a = lock_take(path, LOCK_ALONE);
	CHECK(a >= 0);
	close(a);
}

static void a_link_or_a_missing_folder_is_an_error(void **state)
{
	(void)state;
	CHECK_INT(symlink("/etc/passwd", path), 0);
	CHECK_INT(lock_take(path, LOCK_ALONE), -1);
	CHECK_INT(errno, ELOOP);
	CHECK_INT(lock_take("/no/such/lock", LOCK_ALONE), -1);
	CHECK_INT(errno, ENOENT);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIR(a_lock_lives_as_long_as_anybody_has_it),
		IN_DIR(shared_locks_keep_out_only_who_wants_to_be_alone),
		IN_DIR(a_link_or_a_missing_folder_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
