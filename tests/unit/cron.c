#include "job/cron.h"

#include <stdlib.h>

#include "check.h"

/* What is wrong with it. */
static char *fault_of(const char *text)
{
	struct buf why = BUF_INIT;
	struct cron c;

	CHECK(!cron_parse(&c, text, &why));
	return buf_detach(&why);
}

/* The lines for systemd, with | between them. */
static char *calendar_of(const char *text)
{
	struct buf out = BUF_INIT, line = BUF_INIT, why = BUF_INIT;
	struct cron c;

	CHECK(cron_parse(&c, text, &why));
	for (int i = 0; buf_reset(&line), cron_calendar(&c, i, &line); i++)
		buf_addf(&out, "%s%s", i ? "|" : "", line.data);
	buf_release(&line);
	return buf_detach(&out);
}

static void check_texts(const char *const (*row)[2], size_t n, char *(*of)(const char *))
{
	for (size_t i = 0; i < n; i++) {
		char *got = of(row[i][0]);

		CHECK_STR(got, row[i][1]);
		free(got);
	}
}

static void what_is_wrong_is_named(void **state)
{
	static const char *const row[][2] = {
		{"", "it has no minute"},
		{"1 2 3", "it has no month"},
		{"60 0 * * *", "'60' is no minute"},
		{"0 24 * * *", "'24' is no hour"},
		{"0 0 0 * *", "'0' is no day of the month"},
		{"0 0 * 13 *", "'13' is no month"},
		{"0 0 * * 8", "'8' is no day of the week"},
		{"0 0 * * monday", "'monday' is no day of the week"},
		{"5-2 * * * *", "'5-2' is no minute"},
		{"*/0 * * * *", "'*/0' is no minute"},
		{"5/2 * * * *", "'5/2' is no minute"},
		{"1,, * * * *", "'1,,' is no minute"},
		{"-1 * * * *", "'-1' is no minute"},
		{"18446744073709551617 * * * *", "'18446744073709551617' is no minute"},
		{"4294967297 * * * *", "'4294967297' is no minute"},
		{"* * * * * *", "there is more behind the five fields: '*'"},
		{"@never", "'@never' is no minute"},
	};

	(void)state;
	check_texts(row, sizeof(row) / sizeof(*row), fault_of);
}

static void systemd_gets_the_same_times(void **state)
{
	static const char *const row[][2] = {
		{"15 5 * * *", "*-*-* 05:15:00"},
		{"  0\t0 1 1 * ", "*-01-01 00:00:00"},
		{"* * * * *", "*-*-* *:*:00"},
		{"0-59 * * * 0-7", "*-*-* *:*:00"},
		{"*/15 8-18 * * mon-fri", "Mon..Fri *-*-* 08..18:00,15,30,45:00"},
		{"0-10/5,30 */12 * jan,DEC *", "*-01,12-* 00,12:00,05,10,30:00"},
		{"0 0 1,15 */6 *", "*-01,07-01,15 00:00:00"},
		{"0 0 * * 7", "Sun *-*-* 00:00:00"},
		{"0 0 * * 5-7", "Sun,Fri,Sat *-*-* 00:00:00"},
		{"@daily", "*-*-* 00:00:00"},
		{"@weekly", "Sun *-*-* 00:00:00"},
		{"@yearly", "*-01-01 00:00:00"},
		{"@hourly", "*-*-* *:00:00"},
		/* Either the day or the weekday; both where a field begins with a star. */
		{"0 0 1 * sun", "*-*-01 00:00:00|Sun *-*-* 00:00:00"},
		{"0 0 */10 * mon", "Mon *-*-01,11,21,31 00:00:00"},
		{"0 0 */10 * *", "*-*-01,11,21,31 00:00:00"},
	};

	(void)state;
	check_texts(row, sizeof(row) / sizeof(*row), calendar_of);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(systemd_gets_the_same_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
