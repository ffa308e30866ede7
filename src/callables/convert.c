#include "callables/convert_impl.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "callables/callable.h"
#include "doc/json.h"

enum { US_PER_S = 1000000, US_PER_MS = 1000 };

/* --- scalars ------------------------------------------------------------------------------------------ */

static json_t *to_text(const json_t *v, const json_t *column)
{
	struct buf text = BUF_INIT;
	json_t *s = json_null();

	(void)column;
	if (v && scalar_text(&text, v))
		s = string_of(&text);
	buf_release(&text);
	return s;
}

bool is_blank(const char *s)
{
	return !s[strspn(s, " \t\r\n")];
}

/* Text that says something. */
json_t *to_words(const json_t *v, const json_t *column)
{
	json_t *s = to_text(v, column);

	if (json_is_string(s) && is_blank(json_string_value(s))) {
		json_decref(s);
		s = json_null();
	}
	return s;
}

json_t *to_lower(const json_t *v, const json_t *column)
{
	json_t *s = to_words(v, column), *lower;
	char *copy;

	if (!json_is_string(s))
		return s;
	copy = xstrdup(json_string_value(s));
	for (char *p = copy; *p; p++)
		*p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 'a' - 'A' : *p);
	lower = json_string(copy);
	free(copy);
	json_decref(s);
	return lower;
}

static json_t *to_int(const json_t *v, const json_t *column)
{
	struct buf text = BUF_INIT;
	json_t *n = json_null();
	char *end;
	long long value;

	(void)column;
	if (json_is_boolean(v)) {
		n = json_integer(json_is_true(v));
	} else if (v && scalar_text(&text, v) && text.len) {
		value = strtoll(text.data, &end, 10);
		if (!*end || !strcmp(end, ".0"))
			n = json_integer(value);
	}
	buf_release(&text);
	return n;
}

static json_t *to_real(const json_t *v, const json_t *column)
{
	struct buf text = BUF_INIT;
	json_t *n = json_null();
	double value;

	(void)column;
	if (v && !json_is_boolean(v) && scalar_text(&text, v) && json_real_parse(text.data, &value))
		n = json_real(value);
	buf_release(&text);
	return n;
}

static json_t *to_flag(const json_t *v, const json_t *column)
{
	(void)column;
	return json_is_boolean(v) ? json_integer(json_is_true(v)) : json_null();
}

static json_t *to_json(const json_t *v, const json_t *column)
{
	(void)column;
	return json_text_of(v);
}

/* Whether a list has, or lacks, the text `of`. */
static bool list_has(const json_t *list, const json_t *text)
{
	json_t *v;
	size_t i;

	json_array_foreach((json_t *)list, i, v)
		if (json_equal(v, (json_t *)text))
			return true;
	return false;
}

static json_t *to_has(const json_t *v, const json_t *column)
{
	return json_is_array(v) ? json_integer(list_has(v, json_object_get(column, "of"))) : json_null();
}

static json_t *to_lacks(const json_t *v, const json_t *column)
{
	return json_is_array(v) ? json_integer(!list_has(v, json_object_get(column, "of"))) : json_null();
}

/* --- times -------------------------------------------------------------------------------------------- */

static json_t *time_json(int64_t us)
{
	struct buf text = BUF_INIT;
	json_t *s;

	time_text(&text, us);
	s = text.len ? string_of(&text) : json_null();
	buf_release(&text);
	return s;
}

static json_t *to_time(const json_t *v, const json_t *column)
{
	int64_t us;

	(void)column;
	return json_is_string(v) && time_parse(json_string_value(v), &us) ? time_json(us) : json_null();
}

/* The day that the text itself names, whatever its zone. */
static json_t *to_day(const json_t *v, const json_t *column)
{
	enum { DAY_LEN = 10 };
	int64_t us;

	(void)column;
	if (!json_is_string(v) || !time_parse(json_string_value(v), &us) ||
	    !isdigit((unsigned char)json_string_value(v)[0]))
		return json_null();
	return json_stringn(json_string_value(v), DAY_LEN);
}

static json_t *to_time_of(const json_t *v, int64_t unit)
{
	static const int64_t most_s = 253402300799; /* the last second of 9999 */
	json_t *n = to_int(v, NULL), *s = json_null();
	int64_t value = json_integer_value(n);

	if (json_is_integer(n) && value > -most_s * (US_PER_S / unit) && value < most_s * (US_PER_S / unit)) {
		json_decref(s);
		s = time_json(value * unit);
	}
	json_decref(n);
	return s;
}

static json_t *to_time_s(const json_t *v, const json_t *column)
{
	(void)column;
	return to_time_of(v, US_PER_S);
}

static json_t *to_time_ms(const json_t *v, const json_t *column)
{
	(void)column;
	return to_time_of(v, US_PER_MS);
}

/* --- forms -------------------------------------------------------------------------------------------- */

/* The values of one answer: a text, or a list if several were chosen. */
static json_t *answer_values(const json_t *answer)
{
	json_t *list = json_array(), *one, *v;
	size_t i;

	json_array_foreach((json_t *)value_at(answer, "textAnswers.answers"), i, v)
		if (json_is_string(json_object_get(v, "value")))
			json_array_append(list, json_object_get(v, "value"));
	json_array_foreach((json_t *)value_at(answer, "fileUploadAnswers.answers"), i, v)
		if (json_is_string(json_object_get(v, "fileName")))
			json_array_append(list, json_object_get(v, "fileName"));
	if (json_array_size(list) > 1)
		return list;
	one = json_array_size(list) ? json_incref(json_array_get(list, 0)) : json_null();
	json_decref(list);
	return one;
}

/* {question: {textAnswers}} as JSON text of {question: value}. */
static json_t *to_form_answers(const json_t *v, const json_t *column)
{
	json_t *map = json_object(), *answer, *text;
	const char *question;

	(void)column;
	json_object_foreach((json_t *)v, question, answer)
		json_object_set_new(map, question, answer_values(answer));
	text = json_text_of(map);
	json_decref(map);
	return text;
}

/* --- by name ------------------------------------------------------------------------------------------ */

convert_fn *convert_find(const char *name)
{
	static const struct {
		const char *name;
		convert_fn *fn;
	} all[] = {
		{"text", to_text},	   {"words", to_words},		{"lower", to_lower},
		{"int", to_int},	   {"real", to_real},		{"flag", to_flag},
		{"json", to_json},	   {"has", to_has},		{"lacks", to_lacks},
		{"time", to_time},	   {"day", to_day},		{"time_s", to_time_s},
		{"time_ms", to_time_ms},   {"address", to_address},	{"name", to_name},
		{"addresses", to_addresses}, {"header", to_header},	{"gmail_body", to_gmail_body},
		{"gmail_attached", to_gmail_attached}, {"graph_body", to_graph_body},
		{"form_answers", to_form_answers},
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (!strcmp(all[i].name, name))
			return all[i].fn;
	return NULL;
}
