/* The kinds of rules: what a value has to be to keep one. */
#include "callables/validator_impl.h"

#include <string.h>

#include "base/bug.h"
#include "callables/callable.h"
#include "callables/convert.h"
#include "callables/forms.h"
#include "doc/json.h"

const json_t *payload_of(const json_t *row)
{
	return json_object_get(row, "payload");
}

static bool keeps_required(struct check *c, const json_t *row, const json_t *v)
{
	const char *s = json_string_value(v);

	(void)c;
	(void)row;
	return v && (!s || s[strspn(s, " \t\r\n")]);
}

static bool is_text_list(const json_t *v)
{
	json_t *one;
	size_t i;

	json_array_foreach((json_t *)v, i, one)
		if (!json_is_string(one))
			return false;
	return json_is_array(v);
}

static bool is_whole(const json_t *v)
{
	const char *s = json_string_value(v);

	if (json_is_integer(v))
		return true;
	s += s && *s == '-';
	return s && *s && !s[strspn(s, "0123456789")];
}

static bool is_time(const json_t *v)
{
	int64_t us;

	return json_is_string(v) && time_parse(json_string_value(v), &us);
}

static bool is_a(const json_t *v, const char *type)
{
	if (!strcmp(type, "text"))
		return json_is_string(v);
	if (!strcmp(type, "texts"))
		return is_text_list(v);
	if (!strcmp(type, "int"))
		return json_is_integer(v);
	if (!strcmp(type, "digits"))
		return is_whole(v);
	if (!strcmp(type, "number"))
		return json_is_number(v);
	if (!strcmp(type, "bool"))
		return json_is_boolean(v);
	if (!strcmp(type, "list"))
		return json_is_array(v);
	return !strcmp(type, "map") ? json_is_object(v) : is_time(v);
}

static bool keeps_type(struct check *c, const json_t *row, const json_t *v)
{
	(void)row;
	return is_a(v, json_str(c->rule, "is"));
}

static bool keeps_enum(struct check *c, const json_t *row, const json_t *v)
{
	json_t *one;
	size_t i;

	(void)row;
	json_array_foreach(json_object_get(c->rule, "of"), i, one)
		if (json_equal(one, (json_t *)v))
			return true;
	return false;
}

static bool keeps_match(struct check *c, const json_t *row, const json_t *v)
{
	(void)row;
	return json_is_string(v) && regexec(&c->pattern, json_string_value(v), 0, NULL, 0) == 0;
}

static bool keeps_range(struct check *c, const json_t *row, const json_t *v)
{
	const json_t *min = json_object_get(c->rule, "min"), *max = json_object_get(c->rule, "max");

	(void)row;
	return json_is_number(v) && (!min || json_number_value(v) >= json_number_value(min)) &&
	       (!max || json_number_value(v) <= json_number_value(max));
}

/* A time as the rule says it is written: text (default), seconds or milliseconds since 1970. */
static bool time_of(const struct check *c, const json_t *v, int64_t *ret_us)
{
	const char *as = json_str(c->rule, "as");
	json_t *text;
	bool good;

	if (!as)
		return json_is_string(v) && time_parse(json_string_value(v), ret_us);
	text = convert_find(as)(v, NULL);
	good = json_is_string(text) && time_parse(json_string_value(text), ret_us);
	json_decref(text);
	return good;
}

static bool keeps_dates(struct check *c, const json_t *row, const json_t *v)
{
	int64_t us;

	(void)row;
	return time_of(c, v, &us) && us >= c->from_us && us < c->before_us;
}

/* The field is not after the one that `before` names. */
static bool keeps_order(struct check *c, const json_t *row, const json_t *v)
{
	const json_t *later = value_at(payload_of(row), json_str(c->rule, "before"));
	int64_t a, b;

	return !time_of(c, v, &a) || !later || !time_of(c, later, &b) || a <= b;
}

static bool keeps_unique(struct check *c, const json_t *row, const json_t *v)
{
	const char *connection = json_str(row, "connection_name");
	struct buf key = BUF_INIT;
	bool first;

	buf_addf(&key, "%s\n", connection ? connection : "");
	scalar_text(&key, v);
	first = !map_has(&c->seen, key.data);
	map_put(&c->seen, key.data, NULL);
	buf_release(&key);
	return first;
}

static bool keeps_reference(struct check *c, const json_t *row, const json_t *v)
{
	struct buf key = BUF_INIT;
	bool found;

	(void)row;
	scalar_text(&key, json_is_object(v) ? json_object_get(v, "id") : v); /* Stripe can expand it */
	found = c->cannot_tell || map_has(&c->seen, key.data);
	buf_release(&key);
	return found;
}

static struct form *form_of(struct check *c, const char *name)
{
	struct form *f = map_get(&c->forms, name);

	if (f)
		return f;
	f = xcalloc(1, sizeof(*f));
	if (!form_open(f, json_str(c->rule, "forms"), json_str(c->rule, "instruments"), name, c->err)) {
		free(f);
		return NULL;
	}
	map_put(&c->forms, name, f);
	return f;
}

/* Every answer to a question that counts is one of the instrument's choices, and a single one. */
static bool keeps_answers(struct check *c, const json_t *row, const json_t *v)
{
	const char *form = json_str(row, "connection_name");
	struct form *f = form ? form_of(c, form) : NULL;
	json_t *q;
	size_t i;

	if (!f)
		return false;
	json_array_foreach((json_t *)f->questions, i, q) {
		const char *item = json_str(q, "item");
		const json_t *given = item ? json_object_get(v, json_str(q, "question_id")) : NULL;
		const json_t *list = given ? value_at(given, "textAnswers.answers") : NULL;
		const char *text = json_str(json_array_get(list, 0), "value");
		int value;

		if (!json_array_size(list))
			continue;
		if (json_array_size(list) > 1 || !text ||
		    (*text && !answer_value(form_instrument_of(f, item), text, &value)))
			return false;
	}
	return true;
}

static const struct kind kinds[] = {
	{"required", "", keeps_required, true},
	{"type", "!is", keeps_type, false},
	{"enum", "!of", keeps_enum, false},
	{"match", "!pattern", keeps_match, false},
	{"range", "min max", keeps_range, false},
	{"dates", "!from !before as", keeps_dates, false},
	{"order", "!before as", keeps_order, false},
	{"unique", "", keeps_unique, false},
	{"reference", "!to !key", keeps_reference, false},
	{"answers", "!forms !instruments", keeps_answers, false},
	{"ingested", "", NULL, false},
};

const struct kind *kind_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}
