#include "each.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bug.h"
#include "base/span.h"

enum { DAY_S = 24 * 60 * 60, TOO_MANY = 100000 };

/* A date as it is always written, and one that there is. */
static bool read_date(const char *text, int64_t *ret)
{
	struct tm t = {0}, back;
	char again[16];
	time_t s;

	if (strlen(text) != 10 || !strptime(text, "%Y-%m-%d", &t))
		return false;
	s = timegm(&t);
	gmtime_r(&s, &back);
	strftime(again, sizeof(again), "%Y-%m-%d", &back);
	*ret = s / DAY_S;
	return !strcmp(text, again);
}

static bool read_integer(const char *text, int64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoll(text, &end, 10);
	return end != text && !*end && !errno;
}

static bool read_bounds(struct each *e, const char *from, const char *to)
{
	e->dates = read_date(from, &e->from);
	return e->dates ? read_date(to, &e->to) : read_integer(from, &e->from) && read_integer(to, &e->to);
}

bool each_parse(struct each *e, const char *text, struct buf *why)
{
	const char *eq = strchr(text, '='), *dots = eq ? strstr(eq, "..") : NULL;
	char *from;
	bool good;

	*e = (struct each){0};
	if (!dots || eq == text) {
		buf_addf(why, "'%s' is not NAME=FROM..TO", text);
		return false;
	}
	from = xstrndup(eq + 1, (size_t)(dots - eq - 1));
	good = read_bounds(e, from, dots + 2);
	free(from);
	if (!good)
		buf_addf(why, "'%s' is neither two dates (2026-01-01..2026-01-31) nor two whole numbers", eq + 1);
	else if (e->from > e->to)
		buf_addf(why, "'%s' ends before it begins", eq + 1);
	else if (e->to - e->from >= TOO_MANY)
		buf_addf(why, "'%s' is more than %d runs", eq + 1, TOO_MANY);
	if (!why->len)
		e->name = xstrndup(text, (size_t)(eq - text));
	return !why->len;
}

void each_text(const struct each *e, int64_t at, struct buf *out)
{
	time_t s = (time_t)at * DAY_S;
	char date[16];
	struct tm t;

	if (e->dates) {
		gmtime_r(&s, &t);
		strftime(date, sizeof(date), "%Y-%m-%d", &t);
		buf_puts(out, date);
	} else {
		buf_addf(out, "%lld", (long long)at);
	}
}

void each_release(struct each *e)
{
	free(e->name);
	*e = (struct each){0};
}
