/* The lists of the language as tables, and the words for values in messages. */
#include "job/expr_impl.h"

#include <string.h>

#include "base/bug.h"
#include "doc/json.h"
#include "doc/utf8.h"

enum { SHOWN_MAX = 60 }; /* bytes of a value in a message */

#define PURE NATURE_PURE
#define WORLD NATURE_WORLD
#define STATUS NATURE_STATUS

const struct function_info expr_functions[FN_COUNT] = {
#define FUNCTION(word, signature, least, most, first, second, third, result, nature, sentence)             \
	[FN_##word] = {#word, signature, sentence, least, most, {first, second, third}, result, nature},
#include "job/functions.def"
#undef FUNCTION
};

#undef PURE
#undef WORLD
#undef STATUS

const char *const run_fields[] = {"id", "target", "start", "dir", "attempt", "resumed"};

static const char *const roots[] = {
#define ROOT(id, word, sentence) [ROOT_##id] = word,
	EXPR_ROOTS(ROOT)
#undef ROOT
};

enum function expr_function_find(struct span word)
{
	for (enum function fn = 0; fn < FN_COUNT; fn++)
		if (span_is(word, expr_functions[fn].word))
			return fn;
	return FN_COUNT;
}

uint8_t expr_function_arg(enum function fn, size_t i)
{
	const struct function_info *f = &expr_functions[fn];

	if (i >= ARGS_TYPED)
		i = ARGS_TYPED - 1;
	while (i && !f->arg[i])
		i--;
	return f->arg[i];
}

enum expr_root expr_root_find(struct span word)
{
	for (enum expr_root r = 0; r < ROOT_COUNT; r++)
		if (span_is(word, roots[r]))
			return r;
	return ROOT_COUNT;
}

const char *expr_root_word(enum expr_root root)
{
	return roots[root];
}

bool expr_root_is_dotted(enum expr_root root)
{
	return root == ROOT_STEPS || root == ROOT_RESULTS || root == ROOT_NEEDS || root == ROOT_CONSUMES;
}

/* --- kinds ------------------------------------------------------------------------------------------ */

enum kind kind_of(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return KIND_MAP;
	case JSON_ARRAY:
		return KIND_LIST;
	case JSON_STRING:
		return KIND_TEXT;
	case JSON_INTEGER:
	case JSON_REAL:
		return KIND_NUMBER;
	case JSON_TRUE:
	case JSON_FALSE:
		return KIND_BOOL;
	case JSON_NULL:
		break;
	}
	return KIND_NULL;
}

void kinds_words(struct buf *b, unsigned kinds)
{
	static const struct {
		enum kind kind;
		const char *word;
	} words[] = {
		{KIND_BOOL, "true or false"}, {KIND_NUMBER, "a number"}, {KIND_TEXT, "text"},
		{KIND_LIST, "a list"},	      {KIND_MAP, "a map"},	 {KIND_NULL, "null"},
	};
	size_t left = (size_t)__builtin_popcount(kinds & KIND_ANY);

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!(kinds & words[i].kind))
			continue;
		left--;
		buf_addf(b, "%s%s", words[i].word, !left ? "" : left > 1 ? ", " : " or ");
	}
}

/* --- values in messages ----------------------------------------------------------------------------- */

/* Lower *left by at least the length of v's JSON text; false once it is more. */
static bool measure(const json_t *v, size_t *left, unsigned depth)
{
	json_t *m = (json_t *)v; /* jansson's iteration changes nothing */
	size_t need = json_is_string(v) ? json_string_length(v) + 2 : 1, i;
	const char *key;
	json_t *part;

	if (need > *left || depth > JSON_DEPTH_MAX)
		return false;
	*left -= need;
	json_array_foreach (m, i, part)
		if (!measure(part, left, depth + 1))
			return false;
	json_object_foreach (m, key, part) {
		if (strlen(key) + 3 > *left)
			return false;
		*left -= strlen(key) + 3;
		if (!measure(part, left, depth + 1))
			return false;
	}
	return true;
}

bool json_text_within(struct buf *out, const json_t *v, size_t max)
{
	size_t before = out->len, left = max;

	/* One value may stand in many places: its text could be longer than any memory. */
	if (!measure(v, &left, 0))
		return false;
	json_text(out, v, JSON_TIGHT);
	if (out->len - before <= max)
		return true;
	buf_cut(out, before);
	return false;
}

bool json_as_text_within(struct buf *out, const json_t *v, size_t max)
{
	if (json_is_array(v) || json_is_object(v))
		return json_text_within(out, v, max);
	if (json_is_string(v) && json_string_length(v) > max)
		return false;
	json_as_text(out, v);
	return true;
}

static void show_text(struct buf *b, const json_t *v)
{
	struct span s = {json_string_value(v), json_string_length(v)};
	size_t shown = s.len <= SHOWN_MAX ? s.len : utf8_check(s.at, SHOWN_MAX);

	buf_putc(b, '\'');
	for (size_t i = 0; i < shown; i++) {
		if (s.at[i] == '\'')
			buf_putc(b, '\'');
		buf_putc(b, s.at[i]);
	}
	buf_puts(b, shown < s.len ? "...'" : "'");
}

void show_value(struct buf *b, struct seen v)
{
	if (v.secret)
		buf_puts(b, "(a secret)");
	else if (json_is_string(v.v))
		show_text(b, v.v);
	else if (json_text_within(b, v.v, SHOWN_MAX))
		return;
	else if (json_is_array(v.v))
		buf_addf(b, "[a list of %zu]", json_array_size(v.v));
	else
		buf_addf(b, "{a map of %zu keys}", json_object_size(v.v));
}
