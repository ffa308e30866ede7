#include "base/moment.h"

#include <string.h>
#include <time.h>

#include "base/bug.h"
#include "base/stamp.h"

/* All of text in that format, on top of what tm has; what it does not say is left. */
static bool reads(const char *text, const char *format, struct tm *tm)
{
	const char *end = strptime(text, format, tm);

	return end && !*end;
}

/* mktime() takes a day of 25 hours and a 32nd of January as it finds them. */
static int64_t local_ms(struct tm tm)
{
	tm.tm_isdst = -1;
	return (int64_t)mktime(&tm) * MS_PER_S;
}

static bool clock_parse(const char *text, int64_t now_ms, int64_t *ret_ms)
{
	const time_t now = now_ms / MS_PER_S;
	struct tm tm;

	localtime_r(&now, &tm);
	tm.tm_sec = 0;
	if (!reads(text, "%H:%M", &tm) && !reads(text, "%H:%M:%S", &tm))
		return false;
	*ret_ms = local_ms(tm);
	if (*ret_ms <= now_ms) {
		tm.tm_mday++;
		*ret_ms = local_ms(tm);
	}
	return true;
}

static bool date_parse(const char *text, int64_t *ret_ms)
{
	static const char *const formats[] = {"%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"};

	if (*text && text[strlen(text) - 1] == 'Z')
		return stamp_parse(text, ret_ms);
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		struct tm tm = {0};

		if (reads(text, formats[i], &tm)) {
			*ret_ms = local_ms(tm);
			return true;
		}
	}
	return false;
}

bool moment_parse(const char *text, int64_t now_ms, int64_t *ret_ms)
{
	int64_t ms;

	if (duration_parse(text, &ms)) {
		*ret_ms = now_ms + ms;
		return true;
	}
	return clock_parse(text, now_ms, ret_ms) || date_parse(text, ret_ms);
}
