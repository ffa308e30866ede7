/*
 * Scalars by YAML 1.1, as the original reads them: `no` is false, 017 is 15 and 1:30 is 90.  Only dates differ: they
 * are text, because a date object has no place in JSON.
 */
#include "job/lorchestra.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "doc/json.h"

static const char TOO_LARGE[] = "is too large a number: quote it if it is text";

static bool is_any(const char *text, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(text, words[i]))
			return true;
	return false;
}

static bool is_null_word(const char *t)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL"};

	return is_any(t, words, ARRAY_LEN(words));
}

static bool is_true_word(const char *t)
{
	static const char *const words[] = {"yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"};

	return is_any(t, words, ARRAY_LEN(words));
}

static bool is_false_word(const char *t)
{
	static const char *const words[] = {"no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"};

	return is_any(t, words, ARRAY_LEN(words));
}

/* Whether all of t is made of these, and it is not empty. */
static bool made_of(const char *t, const char *these)
{
	return *t && !t[strspn(t, these)];
}

static char *without_underscores(const char *t)
{
	char *copy = xstrdup(t), *to = copy;

	for (; *t; t++)
		if (*t != '_')
			*to++ = *t;
	*to = '\0';
	return copy;
}

/* The base an integer is written in, its digits in *ret_digits; 0: it is none. */
static int base_of(const char *t, const char **ret_digits)
{
	static const char decimal[] = "0123456789_";

	*ret_digits = t;
	if (t[0] == '0' && (t[1] == 'b' || t[1] == 'x')) {
		*ret_digits = t + 2;
		return made_of(t + 2, t[1] == 'b' ? "01_" : "0123456789abcdefABCDEF_") ? t[1] == 'b' ? 2 : 16 : 0;
	}
	if (t[0] == '0' && t[1])
		return made_of(t, "01234567_") ? 8 : 0;
	return *t >= '0' && *t <= '9' && made_of(t, decimal) ? 10 : 0;
}

/* Digits of a base without their sign; NULL and why if that is too large. */
static json_t *whole_number(const char *digits, int base, bool negative, const char **ret_why)
{
	char *plain = without_underscores(digits);
	long long v;

	errno = 0;
	v = strtoll(plain, NULL, base);
	free(plain);
	if (!errno)
		return json_integer(negative ? -v : v);
	*ret_why = TOO_LARGE;
	return NULL;
}

/* 1:30 and 1:30:05.5: parts of sixty; *ret_fraction if the last has a point.  False if it is none. */
static bool sexagesimal(const char *t, double *ret, bool *ret_fraction)
{
	const char *p = t;
	double sum = 0;

	if (!strchr(t, ':') || *t < '0' || *t > '9')
		return false;
	for (;;) {
		size_t n = strspn(p, "0123456789_");
		char *part;

		if (!n || (p > t && (n > 2 || (n == 2 && *p > '5'))))
			return false;
		part = without_underscores(p);
		sum = sum * 60 + (double)strtol(part, NULL, 10);
		free(part);
		p += n;
		if (*p != ':')
			break;
		p++;
	}
	*ret_fraction = *p == '.';
	if (*p == '.') {
		if (p[1] && !made_of(p + 1, "0123456789_"))
			return false;
		sum += strtod(p, NULL);
	} else if (*p || *t == '0') {
		return false;
	}
	*ret = sum;
	return true;
}

/* 1.5, 1., .5, 1.0e+3: with a point, and an exponent with a sign. */
static bool is_float(const char *t, bool has_sign)
{
	size_t whole = strspn(t, "0123456789_"), part;

	if ((!whole && has_sign) || (whole && t[0] == '_') || t[whole] != '.')
		return false;
	t += whole + 1;
	part = strspn(t, "0123456789_");
	if (!whole && (!part || *t == '_'))
		return false;
	t += part;
	if (!*t)
		return true;
	return (*t | 32) == 'e' && (t[1] == '-' || t[1] == '+') && made_of(t + 2, "0123456789");
}

static json_t *real_number(const char *t, const char **ret_why)
{
	char *plain = without_underscores(t);
	double v = strtod(plain, NULL);

	free(plain);
	if (v - v == 0)
		return json_real(v);
	*ret_why = TOO_LARGE;
	return NULL;
}

/* A number, or NULL: without a reason it is none. */
static json_t *number(const char *text, const char **ret_why)
{
	bool has_sign = *text == '-' || *text == '+', fraction;
	const char *t = text + has_sign, *digits;
	int base = base_of(t, &digits);
	double sum;

	if (base)
		return whole_number(digits, base, *text == '-', ret_why);
	if (is_float(t, has_sign))
		return real_number(text, ret_why);
	if (!sexagesimal(t, &sum, &fraction))
		return NULL;
	if (*text == '-')
		sum = -sum;
	if (sum < -9e15 || sum > 9e15) {
		*ret_why = TOO_LARGE;
		return NULL;
	}
	return fraction ? json_real(sum) : json_integer((json_int_t)sum);
}

json_t *lorch_scalar(const struct node *n, const char **ret_why)
{
	json_t *v;

	*ret_why = NULL;
	if (n->style != STYLE_PLAIN)
		return json_stringn_nocheck(n->text, n->n);
	if (is_null_word(n->text))
		return json_null();
	if (is_true_word(n->text) || is_false_word(n->text))
		return json_boolean(is_true_word(n->text));
	if (scalar_is_endless(n->text)) {
		*ret_why = "has no value in JSON: quote it if it is text";
		return NULL;
	}
	v = number(n->text, ret_why);
	return v || *ret_why ? v : json_stringn_nocheck(n->text, n->n);
}

bool lorch_bool(struct loader *l, const char *key, const struct node *n, bool *ret)
{
	const char *why;
	json_t *v = n->kind == NODE_SCALAR ? lorch_scalar(n, &why) : NULL;
	bool good = json_is_boolean(v);

	if (good)
		*ret = json_is_true(v);
	else
		bad_value(l, key, "true or false", n);
	json_decref(v);
	return good;
}
