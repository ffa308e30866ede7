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

/* A child that does one thing, says so, and lives until it is killed. */
static pid_t holder(bool (*take)(void))
{
	int told[2];
	char byte;
	pid_t pid;

	CHECK_INT(pipe2(told, O_CLOEXEC), 0);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		byte = take() ? 'y' : 'n';
		(void)!write(told[1], &byte, 1);
		for (;;)
			pause();
	}
	CHECK_INT(read(told[0], &byte, 1), 1);
	CHECK_INT(byte, 'y');
	close(told[0]);
	close(told[1]);
	return pid;
}

static void end(pid_t pid)
{
	CHECK_INT(kill(pid, SIGKILL), 0);
	CHECK_INT(waitpid(pid, NULL, 0), pid);
}

static bool take_lock(void)
{
	static struct lock l;
	pid_t other;

	return lock_take(&l, path, &other) == 0;
}

static void a_lock_names_its_holder_and_dies_with_him(void **state)
{
	struct lock l = LOCK_INIT;
	struct stat st;
	pid_t who = -1, pid;

	(void)state;
	CHECK_INT(lock_holder(path), 0);
	CHECK(access(path, F_OK) < 0); /* asking makes nothing */
	pid = holder(take_lock);
	CHECK_INT(lock_take(&l, path, &who), -1);
	CHECK_INT(errno, EAGAIN);
	CHECK_INT(who, pid);
	CHECK_INT(lock_holder(path), pid);
	end(pid);
	CHECK_INT(lock_holder(path), 0);
	CHECK_INT(lock_take(&l, path, &who), 0);
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0600);
	lock_drop(&l);
	lock_drop(&l);
}

static bool do_nothing(void)
{
	return true;
}

static void a_child_does_not_keep_its_parents_lock(void **state)
{
	struct lock l = LOCK_INIT;
	pid_t who, pid;

	(void)state;
	CHECK_INT(lock_take(&l, path, &who), 0);
	pid = holder(do_nothing); /* has the descriptor open */
	lock_drop(&l);
	CHECK_INT(lock_holder(path), 0);
	CHECK_INT(lock_take(&l, path, &who), 0);
	lock_drop(&l);
	end(pid);
}

static void a_handle_lives_as_long_as_anybody_has_it(void **state)
{
	int fd = handle_take(path, HANDLE_ALONE);
	pid_t pid;

	(void)state;
	CHECK(fd >= 0);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CHECK_INT(handle_held(path), 1);
	CHECK_INT(handle_take(path, HANDLE_SHARED), -1);
	CHECK_INT(errno, EWOULDBLOCK);
	pid = holder(do_nothing);
	close(fd);
	CHECK_INT(handle_held(path), 1);
	end(pid);
	CHECK_INT(handle_held(path), 0);
}

static void shared_handles_keep_out_only_who_wants_to_be_alone(void **state)
{
	int a = handle_take(path, HANDLE_SHARED), b = handle_take(path, HANDLE_SHARED);

	(void)state;
	CHECK(a >= 0 && b >= 0);
	CHECK_INT(handle_take(path, HANDLE_ALONE), -1);
	CHECK_INT(handle_held(path), 0);
	close(a);
	close(b);
	a = handle_take(path, HANDLE_ALONE);
	CHECK(a >= 0);
	close(a);
}

static void a_link_or_a_missing_folder_is_an_error(void **state)
{
	struct lock l = LOCK_INIT;
	pid_t who;

	(void)state;
	CHECK_INT(handle_held(path), 0);
	CHECK_INT(symlink("/etc/passwd", path), 0);
	CHECK_INT(lock_take(&l, path, &who), -1);
	CHECK_INT(errno, ELOOP);
	CHECK_INT(handle_take(path, HANDLE_ALONE), -1);
	CHECK_INT(errno, ELOOP);
	CHECK_INT(lock_holder(path), -1);
	CHECK_INT(handle_held(path), -1);
	CHECK_INT(lock_take(&l, "/no/such/lock", &who), -1);
	CHECK_INT(errno, ENOENT);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIR(a_lock_names_its_holder_and_dies_with_him),
		IN_DIR(a_child_does_not_keep_its_parents_lock),
		IN_DIR(a_handle_lives_as_long_as_anybody_has_it),
		IN_DIR(shared_handles_keep_out_only_who_wants_to_be_alone),
		IN_DIR(a_link_or_a_missing_folder_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
