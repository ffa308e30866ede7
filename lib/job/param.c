/* Parameters: a text or a JSON value as a value of the parameter's type, or what is wrong with it. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "base/stamp.h"
#include "doc/json.h"
#include "job/read.h"

const struct param *param_find(const struct param_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->at[i].name, name))
			return &l->at[i];
	return NULL;
}

static const char *sentence(enum param_type t)
{
	static const char *const sentences[] = {
#define TYPE(id, word, sentence) sentence,
		PARAM_TYPES(TYPE)
#undef TYPE
	};

	return sentences[t];
}

static void add_shown(struct buf *b, const json_t *v)
{
	struct buf text = BUF_INIT;

	json_as_text(&text, v);
	if (json_is_null(v))
		buf_puts(b, "null");
	else
		buf_addf(b, "'%.*s%s'", (int)shown_length(text.data), text.data,
			 shown_length(text.data) < text.len ? "..." : "");
	buf_release(&text);
}

/* "NAME must be WHAT, not 'VALUE'"; NULL. */
static json_t *refuse(struct buf *err, const struct param *p, const char *what, const json_t *v)
{
	buf_addf(err, "'%s' must be %s, not ", p->name, what);
	add_shown(err, v);
	return NULL;
}

/* What a type is, without what else its sentence says behind a semicolon. */
static void add_wanted(struct buf *b, enum param_type t)
{
	buf_add(b, sentence(t), strcspn(sentence(t), ";"));
}

static json_t *wrong_type(struct buf *err, const struct param *p, const json_t *v)
{
	struct buf what = BUF_INIT;

	add_wanted(&what, p->type);
	refuse(err, p, what.data, v);
	buf_release(&what);
	return NULL;
}

/* --- one value of a type ---------------------------------------------------------------------- */

static bool is_date(const char *s)
{
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year, month, day;

	if (strlen(s) != 10 || s[4] != '-' || s[7] != '-' || strspn(s, "0123456789-") != 10 ||
	    s[0] == '-' || s[5] == '-' || s[8] == '-')
		return false;
	year = (int)strtol(s, NULL, 10);
	month = (int)strtol(s + 5, NULL, 10);
	day = (int)strtol(s + 8, NULL, 10);
	if (month < 1 || month > 12 || day < 1 || day > days[month - 1])
		return false;
	return month != 2 || day < 29 || (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

/* A whole number, also one that is written 3.0; false if it is none. */
static bool whole(const json_t *v, int64_t *ret)
{
	double x;

	if (json_is_integer(v)) {
		*ret = json_integer_value(v);
		return true;
	}
	x = json_real_value(v);
	if (!json_is_real(v) || x != floor(x) || fabs(x) > 9e15)
		return false;
	*ret = (int64_t)x;
	return true;
}

/* A number stands for itself in the type's own unit: that is what params.x of such a type gives. */
static json_t *quantity(const struct param *p, const json_t *v, bool (*parse)(const char *, int64_t *),
			struct buf *err)
{
	int64_t n;

	if (json_is_string(v) ? parse(json_string_value(v), &n) : whole(v, &n) && n >= 0)
		return json_integer(n);
	return wrong_type(err, p, v);
}

static bool same_text(const json_t *a, const json_t *b)
{
	struct buf x = BUF_INIT, y = BUF_INIT;
	bool same;

	json_as_text(&x, a);
	json_as_text(&y, b);
	same = !strcmp(x.data, y.data);
	buf_release(&x);
	buf_release(&y);
	return same;
}

static json_t *one_of(const struct param *p, const json_t *v, struct buf *err)
{
	struct buf words = BUF_INIT, best = BUF_INIT, text = BUF_INIT, one = BUF_INIT;
	size_t i, n = json_array_size(p->of), near = SIZE_MAX;
	json_t *allowed, *found = NULL;
	struct spell s;

	json_as_text(&text, v);
	spell_init(&s, text.data);
	json_array_foreach (p->of, i, allowed) {
		size_t before = s.distance;

		if (!found && same_text(allowed, v))
			found = json_incref(allowed);
		buf_reset(&one);
		json_as_text(&one, allowed);
		buf_addf(&words, "%s%s", !i ? "" : i + 1 < n ? ", " : " or ", one.data);
		spell_try(&s, one.data);
		if (s.distance < before) {
			near = i;
			buf_reset(&best);
			buf_puts(&best, one.data);
		}
	}
	if (!found) {
		refuse(err, p, words.data, v);
		if (near != SIZE_MAX)
			buf_addf(err, "; did you mean '%s'?", best.data);
	}
	buf_release(&words);
	buf_release(&best);
	buf_release(&text);
	buf_release(&one);
	return found;
}

static json_t *of_type(const struct param *p, const json_t *v, struct buf *err)
{
	bool scalar = json_is_string(v) || json_is_number(v) || json_is_boolean(v);
	struct buf text = BUF_INIT;
	json_t *own = NULL;
	int64_t n;

	switch (p->type) {
	case PARAM_STRING:
	case PARAM_PATH:
		if (!scalar)
			return wrong_type(err, p, v);
		json_as_text(&text, v);
		own = json_stringn(text.data, text.len);
		buf_release(&text);
		return own;
	case PARAM_INT:
		return whole(v, &n) ? json_integer(n) : wrong_type(err, p, v);
	case PARAM_FLOAT:
		return json_is_number(v) ? json_real(json_number_value(v)) : wrong_type(err, p, v);
	case PARAM_BOOL:
		return json_is_boolean(v) ? json_boolean(json_is_true(v)) : wrong_type(err, p, v);
	case PARAM_DATE:
		return json_is_string(v) && is_date(json_string_value(v)) ? json_string(json_string_value(v))
									  : wrong_type(err, p, v);
	case PARAM_DURATION:
		return quantity(p, v, duration_parse, err);
	case PARAM_SIZE:
		return quantity(p, v, size_parse, err);
	case PARAM_ENUM:
		return one_of(p, v, err);
	case PARAM_LIST:
		return json_is_array(v) ? json_deep_copy(v) : wrong_type(err, p, v);
	case PARAM_JSON:
		return json_deep_copy(v);
	}
	BUG("no such type: %d", (int)p->type);
}

/* --- limits ----------------------------------------------------------------------------------- */

int param_compare(const json_t *a, const json_t *b)
{
	double x = json_number_value(a), y = json_number_value(b);

	if (json_is_string(a))
		return strcmp(json_string_value(a), json_string_value(b));
	if (json_is_integer(a) && json_is_integer(b)) {
		json_int_t i = json_integer_value(a), k = json_integer_value(b);

		return (i > k) - (i < k);
	}
	return (x > y) - (x < y);
}

/* A bound as its author would write it. */
static void add_bound(struct buf *b, const struct param *p, const json_t *bound)
{
	if (p->type == PARAM_DURATION)
		duration_format(b, json_integer_value(bound));
	else
		json_as_text(b, bound);
}

static bool within_limits(const struct param *p, const json_t *own, const json_t *given,
			  struct buf *err)
{
	const json_t *bound = p->min && param_compare(own, p->min) < 0   ? p->min
			      : p->max && param_compare(own, p->max) > 0 ? p->max
								   : NULL;
	struct buf what = BUF_INIT;

	if (bound) {
		buf_puts(&what, bound == p->min ? "at least " : "at most ");
		add_bound(&what, p, bound);
	} else if (p->match) {
		switch (pattern_match(p->match, span_of(json_string_value(own)))) {
		case PATTERN_YES:
			break;
		case PATTERN_NO:
			buf_addf(&what, "text that matches %s", pattern_text(p->match));
			break;
		case PATTERN_LIMIT:
			buf_addf(&what, "text that %s can be tried on in reasonable time",
				 pattern_text(p->match));
			break;
		}
	}
	if (what.len)
		refuse(err, p, what.data, given);
	bound = what.len ? given : NULL;
	buf_release(&what);
	return !bound;
}

static json_t *one_value(const struct param *p, const json_t *v, struct buf *err)
{
	json_t *own = of_type(p, v, err);

	if (own && !within_limits(p, own, v, err)) {
		json_decref(own);
		return NULL;
	}
	return own;
}

json_t *param_from_json(const struct param *p, const json_t *v, struct buf *err)
{
	json_t *list, *item;
	size_t i;

	if (!p->multiple)
		return one_value(p, v, err);
	list = json_array();
	if (!json_is_array(v)) {
		item = one_value(p, v, err);
		if (item)
			json_array_append_new(list, item);
		v = NULL;
	}
	json_array_foreach (v, i, item) {
		item = one_value(p, item, err);
		if (!item)
			break;
		json_array_append_new(list, item);
	}
	if (json_array_size(list) != (v ? json_array_size(v) : 1)) {
		json_decref(list);
		return NULL;
	}
	return list;
}

/* --- from text -------------------------------------------------------------------------------- */

static json_t *json_of(const struct param *p, const char *text, struct buf *err)
{
	struct buf why = BUF_INIT;
	json_t *v = json_parse(text, strlen(text), &why);

	if (!v) {
		buf_addf(err, "'%s' must be ", p->name);
		add_wanted(err, p->type);
		buf_addf(err, ": %s", why.data);
	}
	buf_release(&why);
	return v;
}

/* a,b,c */
static json_t *list_of(const char *text)
{
	json_t *list = json_array();

	for (const char *p = text; *text;) {
		size_t n = strcspn(p, ",");

		json_array_append_new(list, json_stringn(p, n));
		if (!p[n])
			break;
		p += n + 1;
	}
	return list;
}

static json_t *number_of(const char *text, bool real)
{
	char *end;
	double x;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (end != text && !*end && !errno && !strchr(" \t\n+", *text))
		return json_integer(n);
	if (!real || !*text || text[strspn(text, "0123456789.eE+-")])
		return NULL;
	errno = 0;
	x = strtod(text, &end);
	return *end || errno || !isfinite(x) ? NULL : json_real(x);
}

/* The JSON value that text stands for; what is none of the type stays text, and is refused later. */
static json_t *value_of(const struct param *p, const char *text, struct buf *err)
{
	json_t *number = NULL;

	switch (p->type) {
	case PARAM_JSON:
		return json_of(p, text, err);
	case PARAM_LIST:
		return *text == '[' ? json_of(p, text, err) : list_of(text);
	case PARAM_BOOL:
		if (!strcmp(text, "true") || !strcmp(text, "false"))
			return json_boolean(*text == 't');
		break;
	case PARAM_INT:
	case PARAM_FLOAT:
		number = number_of(text, p->type == PARAM_FLOAT);
		break;
	case PARAM_STRING:
	case PARAM_DATE:
	case PARAM_DURATION:
	case PARAM_SIZE:
	case PARAM_PATH:
	case PARAM_ENUM:
		break;
	}
	return number ? number : json_string(text);
}

json_t *param_from_text(const struct param *p, const char *text, struct buf *err)
{
	bool as_list = p->multiple && *text == '[' && p->type != PARAM_LIST && p->type != PARAM_JSON;
	json_t *v = as_list ? json_of(p, text, err) : value_of(p, text, err), *own;

	if (!v) {
		if (!err->len)
			buf_addf(err, "'%s' is not valid UTF-8", p->name);
		return NULL;
	}
	if (p->multiple && !as_list) {
		json_t *list = json_array();

		json_array_append_new(list, v);
		v = list;
	}
	own = param_from_json(p, v, err);
	json_decref(v);
	return own;
}
