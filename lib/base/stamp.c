#include "base/stamp.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bug.h"

int64_t stamp_wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * MS_PER_S + t.tv_nsec / NS_PER_MS;
}

int64_t stamp_mono_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * MS_PER_S * NS_PER_MS + t.tv_nsec;
}

int64_t stamp_us(struct timeval t)
{
	return (int64_t)t.tv_sec * 1000000 + t.tv_usec;
}

char *stamp_format(int64_t wall_ms, char *text)
{
	int64_t ms = wall_ms % MS_PER_S;
	time_t s;
	struct tm tm;

	if (ms < 0)
		ms += MS_PER_S;
	s = (time_t)((wall_ms - ms) / MS_PER_S);
	gmtime_r(&s, &tm);
	snprintf(text, STAMP_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
		 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)ms);
	return text;
}

bool stamp_parse(const char *text, int64_t *ret_wall_ms)
{
	struct tm tm = {0};
	int64_t ms = 0;
	const char *p = strptime(text, "%Y-%m-%d", &tm);
	long zone = 0;

	if (!p)
		return false;
	if (*p == 'T' || *p == ' ') {
		p = strptime(p + 1, "%H:%M:%S", &tm);
		if (!p)
			return false;
	}
	if (*p == '.') {
		int64_t unit = 100;

		for (p++; isdigit((unsigned char)*p); p++, unit /= 10)
			ms += (*p - '0') * unit;
	}
	if (*p == 'Z') {
		p++;
	} else if (*p == '+' || *p == '-') {
		int sign = *p == '-' ? -1 : 1, h, m, used;

		if (sscanf(p + 1, "%2d:%2d%n", &h, &m, &used) != 2)
			return false;
		zone = sign * (h * 3600L + m * 60L);
		p += 1 + used;
	}
	if (*p)
		return false;
	*ret_wall_ms = ((int64_t)timegm(&tm) - zone) * MS_PER_S + ms;
	return true;
}

static const struct {
	const char *word;
	int64_t ms;
} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

static int64_t unit_ms(const char *p, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (strlen(units[i].word) == len && !memcmp(units[i].word, p, len))
			return units[i].ms;
	return 0;
}

/* One `12.5s`; moves *p behind it. */
static bool part_parse(const char **p, int64_t *ret_ms)
{
	char *end;
	size_t len;
	int64_t ms;
	double value;

	if (!isdigit((unsigned char)**p))
		return false;
	value = strtod(*p, &end);
	len = strspn(end, "dhms");
	/* `1m30s`: the unit ends where the next digit starts, so len is exact. */
	ms = unit_ms(end, len);
	if (!ms || value * (double)ms > 1e15)
		return false;
	*p = end + len;
	*ret_ms = (int64_t)(value * (double)ms + 0.5);
	return true;
}

bool duration_parse(const char *text, int64_t *ret_ms)
{
	int64_t sum = 0, part;

	if (!*text || text[strspn(text, "0123456789.dhms")])
		return false;
	for (const char *p = text; *p; sum += part)
		if (!part_parse(&p, &part))
			return false;
	*ret_ms = sum;
	return true;
}

void duration_format(struct buf *b, int64_t ms)
{
	if (ms < 0)
		buf_putc(b, '-'), ms = -ms;
	if (!ms)
		buf_puts(b, "0s");
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (ms >= units[i].ms)
			buf_addf(b, "%" PRId64 "%s", ms / units[i].ms, units[i].word);
		ms %= units[i].ms;
	}
}

void duration_human(struct buf *b, int64_t ms)
{
	int64_t s = ms / MS_PER_S;

	if (ms < 10 * MS_PER_S)
		buf_addf(b, "%.2fs", (double)ms / MS_PER_S);
	else if (s < 60)
		buf_addf(b, "%.1fs", (double)ms / MS_PER_S);
	else if (s < 3600)
		buf_addf(b, "%" PRId64 "m%02" PRId64 "s", s / 60, s % 60);
	else
		buf_addf(b, "%" PRId64 "h%02" PRId64 "m", s / 3600, s / 60 % 60);
}

bool size_parse(const char *text, int64_t *ret_bytes)
{
	static const char letters[] = "kmgt";
	char *end;
	double value, unit = 1;

	if (!isdigit((unsigned char)*text))
		return false;
	value = strtod(text, &end);
	if (*end) {
		const char *at = strchr(letters, tolower((unsigned char)*end));

		if (!at)
			return false;
		for (const char *p = letters; p <= at; p++)
			unit *= 1024;
		end++;
		if (*end == 'i')
			end++;
		if (*end == 'B' || *end == 'b')
			end++;
	}
	if (*end || value * unit > 9e18)
		return false;
	*ret_bytes = (int64_t)(value * unit);
	return true;
}
