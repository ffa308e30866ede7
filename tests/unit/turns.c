#include "sys/turns.h"

#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { HALF_MS_NS = 500000, OTHER = 3 };

static struct sched_attr attributes(void)
{
	struct sched_attr a = {.size = sizeof(a)};

	CHECK(syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0) == 0);
	return a;
}

/* Each case in a process of its own: what it changes does not come back. */
static int in_a_child(int (*body)(void))
{
	int status;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (!pid)
		_exit(body());
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int has_usual_turns(void)
{
	struct sched_attr a = attributes();

	return a.sched_runtime > HALF_MS_NS && !(a.sched_flags & SCHED_FLAG_RESET_ON_FORK) ? 0 : 1;
}

static int shortens_its_own(void)
{
	struct sched_attr before = attributes(), after;

	if (!before.sched_runtime || syscall(SYS_sched_setattr, 0, &before, 0) < 0)
		return OTHER; /* here they cannot be had */
	turns_short(0);
	after = attributes();
	if (after.sched_runtime > HALF_MS_NS || after.sched_policy != before.sched_policy || after.sched_nice != before.sched_nice)
		return 1;
	return in_a_child(has_usual_turns);
}

static int of_another_policy(void)
{
	struct sched_attr a = attributes();

	a.sched_policy = SCHED_BATCH;
	CHECK(syscall(SYS_sched_setattr, 0, &a, 0) == 0);
	turns_short(0);
	return attributes().sched_flags & SCHED_FLAG_RESET_ON_FORK ? 1 : 0;
}

static int of_a_higher_priority(void)
{
	if (nice(-1) < 0)
		return OTHER; /* is for root */
	turns_short(0);
	return in_a_child(has_usual_turns) == 0 && attributes().sched_nice == -1 ? 0 : 1;
}

static int of_a_lower_priority(void)
{
	struct sched_attr a = attributes();

	a.sched_nice = 7;
	CHECK(syscall(SYS_sched_setattr, 0, &a, 0) == 0);
	turns_short(0);
	return attributes().sched_nice == 7 ? 0 : 1;
}

static void its_own_turns_are_short_and_what_it_starts_has_the_usual(void **state)
{
	int rc = in_a_child(shortens_its_own);

	(void)state;
	if (rc == OTHER)
		SKIP_HERE();
	CHECK_INT(rc, 0);
}

static void what_somebody_chose_stays(void **state)
{
	int rc;

	(void)state;
	CHECK_INT(in_a_child(of_another_policy), 0);
	CHECK_INT(in_a_child(of_a_lower_priority), 0);
	rc = in_a_child(of_a_higher_priority);
	if (rc == OTHER)
		SKIP_HERE();
	CHECK_INT(rc, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_own_turns_are_short_and_what_it_starts_has_the_usual),
		cmocka_unit_test(what_somebody_chose_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
