/* Instants on a command line, in a zone with summer time. */
#include "base/moment.h"

#include <stdlib.h>
#include <time.h>

#include "base/stamp.h"
#include "check.h"

static int64_t at(const char *text)
{
	int64_t ms = 0;

	CHECK(stamp_parse(text, &ms));
	return ms;
}

static void is(const char *text, const char *now, const char *want)
{
	char got[STAMP_TEXT];
	int64_t ms;

	if (!moment_parse(text, at(now), &ms))
		fail_msg("'%s' is refused", text);
	CHECK_STR(stamp_format(ms, got), want);
}

static int in_a_zone(void **state)
{
	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return 0;
}

static void a_clock_is_the_next_time_it_shows_that(void **state)
{
	(void)state;
	is("06:30", "2026-01-31T04:00:00Z", "2026-01-31T05:30:00.000Z");
	is("06:30", "2026-01-31T05:30:00Z", "2026-02-01T05:30:00.000Z");
	is("06:30:15", "2026-01-31T05:30:00Z", "2026-01-31T05:30:15.000Z");
	is("0:05", "2026-12-31T23:00:00Z", "2026-12-31T23:05:00.000Z");
	is("0:05", "2026-12-31T22:00:00Z", "2026-12-31T23:05:00.000Z");
}

static void the_night_of_a_change_is_as_long_as_it_is(void **state)
{
	(void)state;
	is("06:30", "2026-03-28T22:00:00Z", "2026-03-29T04:30:00.000Z");
	is("06:30", "2026-10-24T20:00:00Z", "2026-10-25T05:30:00.000Z");
}

static void a_date_is_here_or_in_utc(void **state)
{
	(void)state;
	is("2026-07-01T06:30", "2026-01-01T00:00:00Z", "2026-07-01T04:30:00.000Z");
	is("2026-07-01 06:30:01", "2026-01-01T00:00:00Z", "2026-07-01T04:30:01.000Z");
	is("2026-07-01T06:30:00Z", "2026-01-01T00:00:00Z", "2026-07-01T06:30:00.000Z");
}

static void a_duration_is_from_now(void **state)
{
	(void)state;
	is("1h30m", "2026-01-01T00:00:00Z", "2026-01-01T01:30:00.000Z");
}

static void the_rest_is_refused(void **state)
{
	static const char *const bad[] = {"", "6", "24:60", "6:30pm", "tomorrow", "2026-13-01T00:00", "2026-01-01", "06:30Z", "-5m"};
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (moment_parse(bad[i], 0, &ms))
			fail_msg("'%s' is taken", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clock_is_the_next_time_it_shows_that),
		cmocka_unit_test(the_night_of_a_change_is_as_long_as_it_is),
		cmocka_unit_test(a_date_is_here_or_in_utc),
		cmocka_unit_test(a_duration_is_from_now),
		cmocka_unit_test(the_rest_is_refused),
	};

	return cmocka_run_group_tests(tests, in_a_zone, NULL);
}
