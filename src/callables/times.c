/* Times as exports write them. */
#include "callables/convert.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/bug.h"

enum { US_PER_S = 1000000, US_PER_MS = 1000, S_PER_MIN = 60, MIN_PER_H = 60, YEAR_BASE = 1900 };

static const char *digits(const char *p, int least, int most, int *ret)
{
	int n = 0, value = 0;

	while (n < most && isdigit((unsigned char)p[n]))
		value = value * 10 + (p[n++] - '0');
	if (n < least)
		return NULL;
	*ret = value;
	return p + n;
}

static bool in_range(const struct tm *tm)
{
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year = tm->tm_year + YEAR_BASE;
	bool leap = (year % 4 == 0 && year % 100) || year % 400 == 0;

	if (tm->tm_mon < 0 || tm->tm_mon > 11 || tm->tm_mday < 1 || tm->tm_mday > days[tm->tm_mon])
		return false;
	if (tm->tm_mon == 1 && tm->tm_mday == 29 && !leap)
		return false;
	return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec <= 60;
}

/* `+02:00`, `-0500`, `Z`; NULL if it is none.  Nothing at all is UTC. */
static const char *offset(const char *p, int *ret_min)
{
	int h, m = 0, sign = *p == '-' ? -1 : 1;

	*ret_min = 0;
	if (*p == 'Z' || *p == 'z')
		return p + 1;
	if (*p != '+' && *p != '-')
		return p;
	if (!(p = digits(p + 1, 2, 2, &h)))
		return NULL;
	p += *p == ':';
	if (isdigit((unsigned char)*p) && !(p = digits(p, 2, 2, &m)))
		return NULL;
	*ret_min = sign * (h * MIN_PER_H + m);
	return p;
}

/* Behind the hour: minutes, seconds, a fraction.  NULL if they are wrong. */
static const char *clock_rest(const char *p, struct tm *tm, int *ret_us)
{
	int unit = US_PER_S / 10;

	*ret_us = 0;
	if (*p != ':' || !(p = digits(p + 1, 2, 2, &tm->tm_min)))
		return NULL;
	if (*p == ':' && !(p = digits(p + 1, 2, 2, &tm->tm_sec)))
		return NULL;
	if (*p != '.' && *p != ',')
		return p;
	for (p++; isdigit((unsigned char)*p); p++, unit /= 10)
		*ret_us += unit * (*p - '0');
	return p;
}

static bool finish(struct tm *tm, int us, int offset_min, int64_t *ret_us)
{
	if (!in_range(tm))
		return false;
	*ret_us = ((int64_t)timegm(tm) - (int64_t)offset_min * S_PER_MIN) * US_PER_S + us;
	return true;
}

static bool iso_parse(const char *p, int64_t *ret_us)
{
	struct tm tm = {0};
	int us = 0, offset_min = 0;

	if (!(p = digits(p, 4, 4, &tm.tm_year)) || *p++ != '-' || !(p = digits(p, 2, 2, &tm.tm_mon)) || *p++ != '-' ||
	    !(p = digits(p, 2, 2, &tm.tm_mday)))
		return false;
	tm.tm_year -= YEAR_BASE;
	tm.tm_mon--;
	if (*p == 'T' || *p == 't' || *p == ' ') {
		if (!(p = digits(p + 1, 2, 2, &tm.tm_hour)) || !(p = clock_rest(p, &tm, &us)) ||
		    !(p = offset(p, &offset_min)))
			return false;
	}
	return !*p && finish(&tm, us, offset_min, ret_us);
}

static const char *month(const char *p, int *ret)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++)
		if (!strncasecmp(p, names + (size_t)i * 3, 3)) {
			*ret = i;
			return p + 3;
		}
	return NULL;
}

static const char *blanks(const char *p)
{
	return p + strspn(p, " \t");
}

/* RFC 5322, with a year of two digits and a zone's name as older mails have. */
static bool mail_parse(const char *p, int64_t *ret_us)
{
	const char *comma = strchr(p, ',');
	struct tm tm = {0};
	int us, offset_min;

	p = blanks(comma ? comma + 1 : p);
	if (!(p = digits(p, 1, 2, &tm.tm_mday)) || !(p = month(blanks(p), &tm.tm_mon)) ||
	    !(p = digits(blanks(p), 2, 4, &tm.tm_year)) || !(p = digits(blanks(p), 1, 2, &tm.tm_hour)))
		return false;
	if (tm.tm_year < 100)
		tm.tm_year += tm.tm_year < 50 ? 2000 : YEAR_BASE;
	tm.tm_year -= YEAR_BASE;
	if (!(p = clock_rest(p, &tm, &us)))
		return false;
	p = blanks(p);
	return offset(p, &offset_min) && finish(&tm, us, offset_min, ret_us);
}

bool time_parse(const char *text, int64_t *ret_us)
{
	text = blanks(text);
	return iso_parse(text, ret_us) || mail_parse(text, ret_us);
}

void time_text(struct buf *out, int64_t us)
{
	int64_t part = us % US_PER_S;
	time_t s = (time_t)(us / US_PER_S);
	struct tm tm;
	int ms;

	if (part < 0)
		part += US_PER_S, s--;
	ms = (int)(part / US_PER_MS);
	if (!gmtime_r(&s, &tm))
		return;
	buf_addf(out, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + YEAR_BASE, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		 tm.tm_min, tm.tm_sec);
	if (ms)
		buf_addf(out, ".%03d", ms);
	buf_putc(out, 'Z');
}
