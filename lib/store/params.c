#include "store/params.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"

const char *json_kind(const json_t *v)
{
	if (!v)
		return "nothing";
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return "a map";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "text";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a truth value";
	case JSON_NULL:
		return "null";
	}
	BUG("a JSON value of no kind");
}

const char *did_you_mean(const struct spell *s, struct buf *b)
{
	buf_reset(b);
	if (s->best)
		buf_addf(b, " (did you mean '%s'?)", s->best);
	return b->data;
}

/* The next word of *words, which is moved behind it; the caller frees; NULL at the end. */
static char *next_word(const char **words)
{
	const char *start = *words + strspn(*words, " ");
	size_t n = strcspn(start, " ");

	*words = start + n;
	return n ? xstrndup(start, n) : NULL;
}

bool word_in(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = words; *p; p += *p == ' ') {
		size_t len = strcspn(p, " ");

		if (len && len == n && !memcmp(p, word, n))
			return true;
		p += len;
	}
	return false;
}

/* The nearest of both lists; the caller frees. */
static char *nearest(const char *word, const char *required, const char *optional)
{
	const char *lists[] = {required, optional};
	struct spell s;
	char *best = NULL;

	spell_init(&s, word);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		char *candidate;

		for (const char *p = lists[i]; (candidate = next_word(&p));) {
			spell_try(&s, candidate);
			if (s.best == candidate) {
				free(best);
				best = candidate;
			} else {
				free(candidate);
			}
		}
	}
	return best;
}

static void refuse_key(const struct params *p, const char *key, const char *required, const char *optional)
{
	char *best = nearest(key, required, optional);

	if (best)
		fault_usage(p->fault, "unknown parameter '%s%s' (did you mean '%s'?)", p->path, key, best);
	else
		fault_usage(p->fault, "unknown parameter '%s%s'; known are: %s%s%s", p->path, key, required,
			    *required && *optional ? " " : "", optional);
	free(best);
}

bool params_check(const struct params *p, const char *required, const char *optional)
{
	size_t complaints = p->fault->text.len;
	const char *key;
	json_t *value;
	char *word;

	json_object_foreach((json_t *)p->map, key, value)
		if (!word_in(required, key) && !word_in(optional, key))
			refuse_key(p, key, required, optional);
	for (const char *rest = required; (word = next_word(&rest)); free(word)) {
		const json_t *v = json_object_get(p->map, word);

		if (!v)
			fault_usage(p->fault, "parameter '%s%s' is missing", p->path, word);
		else if (json_is_null(v))
			fault_usage(p->fault, "parameter '%s%s' is null", p->path, word);
	}
	return p->fault->text.len == complaints;
}

const json_t *param(const struct params *p, const char *key)
{
	const json_t *v = json_object_get(p->map, key);

	return json_is_null(v) ? NULL : v;
}

static const json_t *param_of(const struct params *p, const char *key, json_type type, const char *wanted)
{
	const json_t *v = param(p, key);

	if (!v || json_typeof(v) == type)
		return v;
	fault_usage(p->fault, "parameter '%s%s' has to be %s, not %s", p->path, key, wanted, json_kind(v));
	return NULL;
}

const char *param_text(const struct params *p, const char *key)
{
	const json_t *v = param_of(p, key, JSON_STRING, "text");

	if (v && !json_string_length(v)) {
		fault_usage(p->fault, "parameter '%s%s' is empty", p->path, key);
		return NULL;
	}
	return v ? json_string_value(v) : NULL;
}

const json_t *param_map(const struct params *p, const char *key)
{
	return param_of(p, key, JSON_OBJECT, "a map");
}

const json_t *param_list(const struct params *p, const char *key)
{
	return param_of(p, key, JSON_ARRAY, "a list");
}

const json_t *param_texts(const struct params *p, const char *key)
{
	const json_t *list = param_list(p, key);
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v) {
		if (json_is_string(v) && json_string_length(v))
			continue;
		fault_usage(p->fault, "parameter '%s%s[%zu]' has to be text, not %s", p->path, key, i,
			    json_is_string(v) ? "empty" : json_kind(v));
		return NULL;
	}
	return list;
}

bool param_flag(const struct params *p, const char *key)
{
	const json_t *v = param(p, key);

	if (v && !json_is_boolean(v))
		fault_usage(p->fault, "parameter '%s%s' has to be true or false, not %s", p->path, key,
			    json_kind(v));
	return json_is_true(v);
}
