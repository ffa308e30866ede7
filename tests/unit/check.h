/* Comparisons that show both sides, on top of cmocka. */
#ifndef TESTS_UNIT_CHECK_H
#define TESTS_UNIT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define CHECK_STR(got, want) assert_string_equal((got), (want))
#define CHECK_INT(got, want)                                                                       \
	do {                                                                                       \
		long long got_ = (long long)(got), want_ = (long long)(want);                      \
		if (got_ != want_)                                                                 \
			fail_msg("%s is %lld, not %lld", #got, got_, want_);                       \
	} while (0)
#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			fail_msg("not true: %s", #cond);                                           \
	} while (0)

/* What cannot be had on this machine: cmocka's own skip() is a failure in TAP, so the test ends here and says so. */
#define SKIP_HERE()                                                                                \
	do {                                                                                       \
		print_message("# left out: not possible here\n");                                  \
		return;                                                                            \
	} while (0)

/* A seed for random tests: TEST_SEED if set, else the clock; printed, so that a failure can be repeated. */
static inline unsigned check_seed(void)
{
	const char *s = getenv("TEST_SEED");
	unsigned seed = s ? (unsigned)strtoul(s, NULL, 0) : (unsigned)(uintptr_t)&s ^ (unsigned)time(NULL);

	print_message("TEST_SEED=%u\n", seed);
	return seed;
}

#endif
