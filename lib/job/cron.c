#include "job/cron.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bug.h"
#include "base/span.h"

enum { EVERY_WEEKDAY = 0x7f };

static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov",
				     "dec", NULL};
static const char *const weekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

static const struct field {
	const char *name;
	unsigned min, max;
	const char *const *words;
} fields[] = {
	{"minute", 0, 59, NULL},   {"hour", 0, 23, NULL},	  {"day of the month", 1, 31, NULL},
	{"month", 1, 12, months}, {"day of the week", 0, 7, weekdays},
};

static const struct {
	const char *word, *fields;
} nicknames[] = {
	{"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"}, {"@weekly", "0 0 * * 0"},
	{"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@hourly", "0 * * * *"},
};

/* A number or a word of the field; *at moves behind it. */
static bool read_number(const struct field *f, const char **at, unsigned *ret)
{
	char *end;
	unsigned long n;

	for (unsigned i = 0; f->words && f->words[i]; i++)
		if (!strncasecmp(*at, f->words[i], 3)) {
			*at += 3;
			*ret = i + f->min;
			return true;
		}
	if (!isdigit((unsigned char)**at))
		return false;
	n = strtoul(*at, &end, 10);
	*at = end;
	*ret = (unsigned)n;
	return n >= f->min && n <= f->max;
}

/* `*`, `5`, `1-5`, the first and the last also with `/2`. */
static bool read_range(const struct field *f, const char **at, uint64_t *bits)
{
	unsigned from = f->min, to = f->max, step = 1;
	bool one = false;
	char *end;

	if (**at == '*') {
		++*at;
	} else {
		if (!read_number(f, at, &from))
			return false;
		one = **at != '-';
		if (!one && (++*at, !read_number(f, at, &to) || to < from))
			return false;
	}
	if (**at == '/') {
		step = (unsigned)strtoul(*at + 1, &end, 10);
		if (one || end == *at + 1 || !step || step > f->max)
			return false;
		*at = end;
	}
	for (unsigned i = from; i <= (one ? from : to); i += step)
		*bits |= (uint64_t)1 << i;
	return true;
}

static bool read_field(const struct field *f, struct span text, uint64_t *bits)
{
	char *copy = xstrndup(text.at, text.len);
	const char *at = copy;
	bool good = read_range(f, &at, bits);

	while (good && *at == ',' && at++)
		good = read_range(f, &at, bits);
	good = good && !*at;
	free(copy);
	return good;
}

static const char *plain_fields(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(nicknames); i++)
		if (!strcmp(text, nicknames[i].word))
			return nicknames[i].fields;
	return text;
}

bool cron_parse(struct cron *c, const char *text, struct buf *why)
{
	uint64_t *const bits[] = {&c->minute, &c->hour, &c->day, &c->month, &c->weekday};
	const char *at = plain_fields(text);

	*c = (struct cron){0};
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		struct span field;

		at += strspn(at, " \t");
		field = (struct span){at, strcspn(at, " \t")};
		if (!field.len || !read_field(&fields[i], field, bits[i])) {
			if (field.len)
				buf_addf(why, "'%.*s' is no %s", (int)field.len, field.at, fields[i].name);
			else
				buf_addf(why, "it has no %s", fields[i].name);
			return false;
		}
		c->star_day |= i == 2 && *field.at == '*';
		c->star_weekday |= i == 4 && *field.at == '*';
		at += field.len;
	}
	c->weekday = (c->weekday | c->weekday >> 7) & EVERY_WEEKDAY; /* 7 is Sunday too */
	at += strspn(at, " \t");
	if (*at)
		buf_addf(why, "there is more behind the five fields: '%s'", at);
	return !*at;
}

/* --- as text ---------------------------------------------------------------------------------- */

static bool has(uint64_t bits, unsigned i)
{
	return bits >> i & 1;
}

static void put_one(struct buf *out, const char *const *words, unsigned i)
{
	if (words)
		buf_addf(out, "%c%s", toupper((unsigned char)words[i][0]), words[i] + 1);
	else
		buf_addf(out, "%02u", i);
}

/* `*` for all of them; else numbers and ranges. */
static void put_bits(struct buf *out, uint64_t bits, unsigned min, unsigned max, const char *const *words)
{
	bool all = true, first = true;

	for (unsigned i = min; i <= max; i++)
		all &= has(bits, i);
	if (all) {
		buf_putc(out, '*');
		return;
	}
	for (unsigned i = min, to; i <= max; i = to + 1) {
		to = i;
		if (!has(bits, i))
			continue;
		while (to < max && has(bits, to + 1))
			to++;
		if (!first)
			buf_putc(out, ',');
		first = false;
		put_one(out, words, i);
		if (to > i) {
			buf_puts(out, to == i + 1 ? "," : "..");
			put_one(out, words, to);
		}
	}
}

bool cron_calendar(const struct cron *c, int number, struct buf *out)
{
	bool either = !c->star_day && !c->star_weekday;

	if (number > (either ? 1 : 0))
		return false;
	if (c->weekday != EVERY_WEEKDAY && (!either || number == 1)) {
		put_bits(out, c->weekday, 0, 6, weekdays);
		buf_putc(out, ' ');
	}
	buf_puts(out, "*-");
	put_bits(out, c->month, 1, 12, NULL);
	buf_putc(out, '-');
	put_bits(out, either && number == 1 ? ~(uint64_t)0 : c->day, 1, 31, NULL);
	buf_putc(out, ' ');
	put_bits(out, c->hour, 0, 23, NULL);
	buf_putc(out, ':');
	put_bits(out, c->minute, 0, 59, NULL);
	buf_puts(out, ":00");
	return true;
}
