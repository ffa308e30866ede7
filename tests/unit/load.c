#include "sys/load.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "check.h"
#include "sys/calls.h"

static const char *says; /* what the kernel's file has; NULL: there is none */
static bool unreadable;

static int open_fake(int dir, const char *path, int flags, mode_t mode)
{
	(void)dir;
	(void)mode;
	CHECK_STR(path, "/proc/loadavg");
	CHECK(flags & O_CLOEXEC);
	errno = ENOENT;
	return says ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
}

static ssize_t read_fake(int fd, void *data, size_t len)
{
	size_t n = strlen(says);

	(void)fd;
	CHECK(n <= len);
	memcpy(data, says, n);
	errno = EIO;
	return unreadable ? -1 : (ssize_t)n;
}

static struct calls fake(const char *text)
{
	struct calls c = calls_real;

	says = text;
	unreadable = false;
	c.openat = open_fake;
	c.read = read_fake;
	return c;
}

static void who_looks_is_not_counted(void **state)
{
	struct calls c = fake("0.20 0.18 0.12 3/1025 11206\n");
	uint32_t n;

	(void)state;
	CHECK_INT(load_runnable(&c, &n), 0);
	CHECK_INT(n, 2);
	says = "0.00 0.00 0.00 0/80 7\n"; /* as in some containers */
	CHECK_INT(load_runnable(&c, &n), 0);
	CHECK_INT(n, 0);
}

static void what_is_no_number_of_tasks_is_an_error(void **state)
{
	static const char *const wrong[] = {
		"", "0.20", "0.20 0.18", "0.20 0.18 0.12", "0.20 0.18 0.12 ", "0.20 0.18 0.12 x/7 1", "0.20 0.18 0.12 7",
		"0.20 0.18 0.12 99999999999/7 1",
	};
	struct calls c = fake("");
	uint32_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		says = wrong[i];
		errno = 0;
		CHECK_INT(load_runnable(&c, &n), -1);
		CHECK_INT(errno, EINVAL);
	}
	says = NULL;
	CHECK_INT(load_runnable(&c, &n), -1);
	CHECK_INT(errno, ENOENT);
	says = "0.20 0.18 0.12 3/1025 11206\n";
	unreadable = true;
	CHECK_INT(load_runnable(&c, &n), -1);
	CHECK_INT(errno, EIO);
}

static void the_kernel_of_this_machine_says_it(void **state)
{
	uint32_t n = UINT32_MAX;

	(void)state;
	if (access("/proc/loadavg", R_OK) < 0)
		SKIP_HERE();
	CHECK_INT(load_runnable(&calls_real, &n), 0);
	CHECK(n < 1u << 22); /* there cannot be more */
}

static void nothing_more_starts_from_so_many_on(void **state)
{
	struct calls c = fake("0.20 0.18 0.12 5/1025 11206\n");
	struct load_limit l = {.most = 5, .calls = &c};

	(void)state;
	CHECK(load_lets(&l, 0));
	CHECK_INT(l.runnable, 4);
	CHECK(!load_lets(&l, 1)); /* who is on his way counts */
	CHECK_INT(l.runnable, 5);
	says = "0.20 0.18 0.12 6/1025 11206\n";
	CHECK(!load_lets(&l, 0));
	l.most = 5.5;
	CHECK(load_lets(&l, 0));
	l.most = 0;
	says = "0.20 0.18 0.12 1/1025 11206\n";
	CHECK(!load_lets(&l, 0));
}

static void without_a_limit_nobody_looks(void **state)
{
	struct calls c = fake(NULL);
	struct load_limit l = {.most = -1, .calls = &c};

	(void)state;
	c.openat = NULL;
	CHECK(load_lets(&l, 1000));
}

static void what_cannot_be_read_holds_nobody_back(void **state)
{
	struct calls c = fake(NULL);
	struct load_limit l = {.most = 1, .calls = &c};

	(void)state;
	CHECK(load_lets(&l, 7));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_looks_is_not_counted),
		cmocka_unit_test(what_is_no_number_of_tasks_is_an_error),
		cmocka_unit_test(the_kernel_of_this_machine_says_it),
		cmocka_unit_test(nothing_more_starts_from_so_many_on),
		cmocka_unit_test(without_a_limit_nobody_looks),
		cmocka_unit_test(what_cannot_be_read_holds_nobody_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
