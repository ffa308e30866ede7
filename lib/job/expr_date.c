/* Days, weeks, months and years later. */
#include "job/expr_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	YEAR_MIN = 1,
	YEAR_MAX = 9999,
	AMOUNT_MAX = 4000000, /* days from the first to the last date, roundly */
	AMOUNT_DIGITS = 7,
	DATE_LEN = 10,
};

struct date {
	int year, month, day;
};

static int month_days(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

static int digits(const char *s, size_t n)
{
	int value = 0;

	for (size_t i = 0; i < n; i++)
		value = value * 10 + (s[i] - '0');
	return value;
}

/* YYYY-MM-DD of a day that exists. */
static bool date_read(const char *text, struct date *d)
{
	static const char shape[] = "dddd-dd-dd";

	if (strlen(text) != DATE_LEN)
		return false;
	for (size_t i = 0; i < DATE_LEN; i++)
		if (shape[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
			return false;
	*d = (struct date){digits(text, 4), digits(text + 5, 2), digits(text + 8, 2)};
	return d->year >= YEAR_MIN && d->month >= 1 && d->month <= 12 && d->day >= 1 &&
	       d->day <= month_days(d->year, d->month);
}

/* A whole number and d, w, mo or y: as days or months. */
static bool amount_read(const char *text, long *ret_days, long *ret_months)
{
	static const struct {
		const char *word;
		long days, months;
	} units[] = {{"d", 1, 0}, {"w", 7, 0}, {"mo", 0, 1}, {"y", 0, 12}};
	const char *number = text + (*text == '-' || *text == '+');
	size_t n = strspn(number, "0123456789");
	long value;

	if (!n || n > AMOUNT_DIGITS)
		return false;
	value = strtol(text, NULL, 10);
	if (labs(value) > AMOUNT_MAX)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(number + n, units[i].word))
			continue;
		*ret_days = value * units[i].days;
		*ret_months = value * units[i].months;
		return true;
	}
	return false;
}

/* Days since some day; years begin in March, so that the odd day is at a year's end. */
static long day_number(struct date d)
{
	long year = d.year - (d.month <= 2), month = (d.month + 9) % 12;

	return year * 365 + year / 4 - year / 100 + year / 400 + (month * 306 + 5) / 10 + d.day - 1;
}

static struct date date_of(long number)
{
	long year = (number * 10000 + 14780) / 3652425, month, rest;

	rest = number - (year * 365 + year / 4 - year / 100 + year / 400);
	if (rest < 0) {
		year--;
		rest = number - (year * 365 + year / 4 - year / 100 + year / 400);
	}
	month = (rest * 100 + 52) / 3060;
	return (struct date){
		.year = (int)(year + (month + 2) / 12),
		.month = (int)((month + 2) % 12 + 1),
		.day = (int)(rest - (month * 306 + 5) / 10 + 1),
	};
}

/* False outside of the years that four digits say. */
static bool move(struct date *d, long days, long months)
{
	long month = (long)d->year * 12 + d->month - 1 + months, number;
	int last;

	if (month < YEAR_MIN * 12L || month >= (YEAR_MAX + 1) * 12L)
		return false;
	d->year = (int)(month / 12);
	d->month = (int)(month % 12) + 1;
	last = month_days(d->year, d->month);
	if (d->day > last)
		d->day = last;
	number = day_number(*d) + days;
	if (number < day_number((struct date){YEAR_MIN, 1, 1}) || number > day_number((struct date){YEAR_MAX, 12, 31}))
		return false;
	*d = date_of(number);
	return true;
}

json_t *date_later(struct evaluation *ev, struct seen date, struct seen amount)
{
	long days, months;
	struct date d;

	if (!date_read(json_string_value(date.v), &d)) {
		show_value(ev->err, date);
		return eval_error(ev, " is no date such as 2026-01-31");
	}
	if (!amount_read(json_string_value(amount.v), &days, &months)) {
		show_value(ev->err, amount);
		return eval_error(ev, " is no amount such as 1d, -2w, 1mo or 1y");
	}
	if (move(&d, days, months))
		return json_sprintf("%04d-%02d-%02d", d.year, d.month, d.day);
	eval_error(ev, "the date is outside of the years 1 to 9999: ");
	show_value(ev->err, date);
	eval_error(ev, ", ");
	show_value(ev->err, amount);
	return NULL;
}
