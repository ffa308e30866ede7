#include "store/template.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/span.h"
#include "base/spell.h"
#include "doc/json.h"
#include "doc/utf8.h"
#include "store/params.h"

enum { NESTED_MAX = 32, WORD_MAX = 64 };

/* A name of a loop, which hides what has that name outside. */
struct frame {
	const char *name;
	const json_t *value;
	const struct frame *outer;
};

struct filling {
	const char *text, *p;
	struct buf *out;
	const json_t *vars;
	const struct frame *frame;
	struct fault *fault;
	const char *missing; /* where a variable that does not exist begins; NULL: all are there */
	bool muted;	     /* inside what is left out: everything is read, nothing evaluated or written */
	unsigned depth, brackets;
};

/* ---- complaints and words ---- */

static bool bad(struct filling *t, const char *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static bool bad(struct filling *t, const char *at, const char *fmt, ...)
{
	const char *line = t->text;
	struct buf said = BUF_INIT;
	size_t number = 1;
	va_list ap;

	for (const char *p = t->text; p < at; p++)
		if (*p == '\n') {
			number++;
			line = p + 1;
		}
	va_start(ap, fmt);
	buf_vaddf(&said, fmt, ap);
	va_end(ap);
	if (t->fault->kind == FAULT_NONE) /* what follows the first is often only its consequence */
		fault_usage(t->fault, "%zu:%td: %s", number, at - line + 1, said.data);
	buf_release(&said);
	return false;
}

static bool failed(const struct filling *t)
{
	return t->fault->kind != FAULT_NONE;
}

static void skip_blanks(struct filling *t)
{
	t->p += strspn(t->p, " \t\r\n");
}

/* The sign, after blanks. */
static bool takes(struct filling *t, const char *sign)
{
	skip_blanks(t);
	if (strncmp(t->p, sign, strlen(sign)) != 0)
		return false;
	t->p += strlen(sign);
	return true;
}

static size_t word_length(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) || p[n] == '_')
		n++;
	return isdigit((unsigned char)*p) ? 0 : n;
}

static bool takes_word(struct filling *t, const char *word)
{
	skip_blanks(t);
	if (word_length(t->p) != strlen(word) || strncmp(t->p, word, strlen(word)) != 0)
		return false;
	t->p += strlen(word);
	return true;
}

/* A name into word, which has room for WORD_MAX. */
static bool read_word(struct filling *t, char *word, const char *wanted)
{
	size_t n;

	skip_blanks(t);
	n = word_length(t->p);
	if (!n || n >= WORD_MAX)
		return bad(t, t->p, "%s is missing here", wanted);
	memcpy(word, t->p, n);
	word[n] = 0;
	t->p += n;
	return true;
}

/* ---- values: a new reference; NULL is a variable that does not exist, or a failure ---- */

static json_t *read_string(struct filling *t)
{
	const char *start = t->p, quote = *t->p++;
	struct buf text = BUF_INIT;
	json_t *v = NULL;

	for (; *t->p && *t->p != quote; t->p++) {
		if (*t->p == '\\' && t->p[1]) {
			t->p++;
			buf_putc(&text, *t->p == 'n' ? '\n' : *t->p == 't' ? '\t' : *t->p);
		} else {
			buf_putc(&text, *t->p);
		}
	}
	if (*t->p) {
		t->p++;
		v = json_stringn(text.data, text.len);
	} else {
		bad(t, start, "the text that begins here is not closed");
	}
	buf_release(&text);
	return v;
}

static json_t *read_number(struct filling *t)
{
	size_t n = strspn(t->p, "-0123456789.");
	char *text = xstrndup(t->p, n);
	struct buf err = BUF_INIT;
	json_t *v = json_parse(text, n, &err);

	if (!v)
		bad(t, t->p, "'%s' is no number", text);
	t->p += n;
	buf_release(&err);
	free(text);
	return v;
}

static const json_t *variable(const struct filling *t, const char *name)
{
	for (const struct frame *f = t->frame; f; f = f->outer)
		if (!strcmp(f->name, name))
			return f->value;
	return json_object_get(t->vars, name);
}

/* One more part of a path: a key, or a position in a list. */
static const json_t *part_of(const json_t *v, const char *part)
{
	if (json_is_array(v) && isdigit((unsigned char)*part))
		return json_array_get(v, strtoul(part, NULL, 10));
	return json_object_get(v, part);
}

static json_t *read_path(struct filling *t)
{
	const char *start = t->p;
	char part[WORD_MAX];
	const json_t *v;

	if (!read_word(t, part, "a variable"))
		return NULL;
	v = variable(t, part);
	while (*t->p == '.') {
		size_t n = strspn(++t->p, "0123456789");

		if (!n)
			n = word_length(t->p);
		if (!n || n >= WORD_MAX) {
			bad(t, t->p, "a name is missing behind the dot");
			return NULL;
		}
		memcpy(part, t->p, n);
		part[n] = 0;
		t->p += n;
		v = part_of(v, part);
	}
	if (!v)
		t->missing = start;
	return json_incref((json_t *)v);
}

static json_t *read_condition(struct filling *t);

static json_t *read_operand(struct filling *t)
{
	json_t *v;

	skip_blanks(t);
	if (*t->p == '"' || *t->p == '\'')
		return read_string(t);
	if (isdigit((unsigned char)*t->p) || *t->p == '-')
		return read_number(t);
	if (takes(t, "(")) {
		v = read_condition(t);
		if (!takes(t, ")"))
			bad(t, t->p, "')' is missing here");
		return v;
	}
	if (takes_word(t, "true") || takes_word(t, "True"))
		return json_true();
	if (takes_word(t, "false") || takes_word(t, "False"))
		return json_false();
	if (takes_word(t, "none") || takes_word(t, "None"))
		return json_null();
	return read_path(t);
}

/* ---- filters ---- */

static void as_text(struct buf *out, const json_t *v)
{
	if (!v)
		return;
	if (json_is_boolean(v))
		buf_puts(out, json_is_true(v) ? "True" : "False");
	else
		json_as_text(out, v);
}

enum letters { LOWER, UPPER, TITLE };

/* ASCII letters; others stay as they are. */
static json_t *change_letters(const json_t *v, enum letters to)
{
	struct buf text = BUF_INIT;
	bool within = false;
	json_t *changed;

	as_text(&text, v);
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		bool up = to == UPPER || (to == TITLE && !within);

		if (isascii(c))
			text.data[i] = (char)(up ? toupper(c) : tolower(c));
		within = isalnum(c) || c >= 0x80 || c == '\'';
	}
	changed = json_stringn(text.data, text.len);
	buf_release(&text);
	return changed;
}

static json_t *trimmed(const json_t *v)
{
	struct buf text = BUF_INIT;
	struct span s;
	json_t *got;

	as_text(&text, v);
	s = span_trim((struct span){text.data, text.len});
	got = json_stringn(s.at, s.len);
	buf_release(&text);
	return got;
}

static json_t *joined(const json_t *list, const json_t *between)
{
	struct buf text = BUF_INIT;
	json_t *v, *got;
	size_t i;

	json_array_foreach(list, i, v) {
		if (i)
			as_text(&text, between);
		as_text(&text, v);
	}
	got = json_stringn(text.data, text.len);
	buf_release(&text);
	return got;
}

static json_t *length_of(const json_t *v)
{
	size_t n = json_is_object(v) ? json_object_size(v) : json_array_size(v);

	if (json_is_string(v))
		for (size_t i = 0, used; i < json_string_length(v); i += used, n++)
			(void)utf8_decode(json_string_value(v) + i, json_string_length(v) - i, &used);
	return json_integer((json_int_t)n);
}

static json_t *unknown_filter(struct filling *t, const char *at, const char *name)
{
	static const char *const names[] = {"default", "upper", "lower", "title", "trim", "join", "length"};
	struct buf hint = BUF_INIT;
	struct spell near;

	spell_init(&near, name);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		spell_try(&near, names[i]);
	bad(t, at, "there is no filter '%s'%s; known are default, upper, lower, title, trim, join, length", name,
	    did_you_mean(&near, &hint));
	buf_release(&hint);
	return NULL;
}

/* What stands in brackets behind a filter's name, or NULL. */
static json_t *read_argument(struct filling *t)
{
	json_t *v;

	if (!takes(t, "("))
		return NULL;
	v = read_operand(t);
	if (!takes(t, ")"))
		bad(t, t->p, "')' is missing here");
	return v;
}

static json_t *apply(struct filling *t, const char *at, const char *name, const json_t *v, const json_t *argument)
{
	if (!strcmp(name, "upper"))
		return change_letters(v, UPPER);
	if (!strcmp(name, "lower"))
		return change_letters(v, LOWER);
	if (!strcmp(name, "title"))
		return change_letters(v, TITLE);
	if (!strcmp(name, "trim"))
		return trimmed(v);
	if (!strcmp(name, "length"))
		return length_of(v);
	if (strcmp(name, "join") != 0)
		return unknown_filter(t, at, name);
	if (json_is_array(v) || t->muted)
		return joined(v, argument);
	bad(t, at, "'join' wants a list, not %s", json_kind(v));
	return NULL;
}

static bool say_missing(struct filling *t)
{
	size_t n = strspn(t->missing, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");

	return bad(t, t->missing, "there is no variable '%.*s' (give it in template_vars, or write {{ %.*s | default(\"\") }})",
		   (int)n, t->missing, (int)n, t->missing);
}

/* Takes over v. */
static json_t *read_filter(struct filling *t, json_t *v)
{
	const char *at;
	char name[WORD_MAX];
	json_t *argument, *got = NULL;

	skip_blanks(t);
	at = t->p;
	if (!read_word(t, name, "a filter's name")) {
		json_decref(v);
		return NULL;
	}
	argument = read_argument(t);
	if (!strcmp(name, "default")) {
		t->missing = NULL;
		got = v ? json_incref(v) : argument ? json_incref(argument) : json_string("");
	} else if (t->missing && !t->muted) {
		say_missing(t);
	} else if (!failed(t)) {
		got = apply(t, at, name, v, argument);
	}
	json_decref(argument);
	json_decref(v);
	return got;
}

static json_t *read_value(struct filling *t)
{
	json_t *v;

	t->missing = NULL;
	v = read_operand(t);
	while (!failed(t) && takes(t, "|"))
		v = read_filter(t, v);
	return v;
}

/* ---- conditions ---- */

static bool is_true(const json_t *v)
{
	if (json_is_string(v))
		return json_string_length(v) > 0;
	if (json_is_number(v))
		return json_number_value(v) != 0;
	return json_is_true(v) || json_array_size(v) || json_object_size(v);
}

static bool is_equal(const json_t *a, const json_t *b)
{
	if (json_is_number(a) && json_is_number(b))
		return json_number_value(a) == json_number_value(b);
	return a && b && json_equal(a, b);
}

static json_t *read_comparison(struct filling *t)
{
	bool unequal, equal;
	json_t *a, *b;

	a = read_value(t);
	unequal = takes(t, "!=");
	if (!unequal && !takes(t, "=="))
		return a;
	b = read_value(t);
	equal = is_equal(a, b);
	json_decref(a);
	json_decref(b);
	return json_boolean(equal != unequal);
}

/* Each `not` before a comparison turns it. */
static json_t *read_truth(struct filling *t)
{
	bool negated = false, holds;
	json_t *v;

	while (takes_word(t, "not"))
		negated = !negated;
	v = read_comparison(t);
	holds = is_true(v) != negated;
	json_decref(v);
	return json_boolean(holds);
}

static json_t *read_all(struct filling *t)
{
	json_t *v = read_truth(t);

	while (!failed(t) && takes_word(t, "and")) {
		json_t *other = read_truth(t);
		bool both = is_true(v) && is_true(other);

		json_decref(v);
		json_decref(other);
		v = json_boolean(both);
	}
	return v;
}

static json_t *read_condition(struct filling *t)
{
	json_t *v;

	if (++t->brackets > NESTED_MAX) {
		bad(t, t->p, "brackets are nested too deeply");
		return NULL;
	}
	v = read_all(t);
	while (!failed(t) && takes_word(t, "or")) {
		json_t *other = read_all(t);
		bool any = is_true(v) || is_true(other);

		json_decref(v);
		json_decref(other);
		v = json_boolean(any);
	}
	t->brackets--;
	t->missing = NULL;
	return v;
}

/* ---- tags ---- */

/* The end of a tag, with the blanks that `-` takes. */
static bool end_tag(struct filling *t, const char *close)
{
	bool strips;

	if (failed(t))
		return false;
	strips = takes(t, "-");
	if (!takes(t, close))
		return bad(t, t->p, "'%s' is missing here", close);
	if (strips)
		skip_blanks(t);
	return true;
}

static bool do_variable(struct filling *t)
{
	json_t *v = read_value(t);

	if (t->missing && !t->muted && !failed(t))
		say_missing(t);
	if (end_tag(t, "}}") && !t->muted)
		as_text(t->out, v);
	json_decref(v);
	return !failed(t);
}

static bool do_comment(struct filling *t, const char *start)
{
	const char *end = strstr(t->p, "#}");

	if (!end)
		return bad(t, start, "the comment that begins here is not closed with '#}'");
	t->p = end + 2;
	if (end[-1] == '-')
		skip_blanks(t);
	return true;
}

/* What ended a block: the word of its tag, which is read up to there.  Empty: the end of the template. */
static bool fill_block(struct filling *t, char *ret_word);

static bool expect_end(struct filling *t, const char *start, const char *got, const char *wanted)
{
	if (!strcmp(got, wanted))
		return end_tag(t, "%}");
	if (!*got)
		return bad(t, start, "the block that begins here is not closed with {%% %s %%}", wanted);
	return bad(t, t->p - strlen(got), "'%s' has no place here: {%% %s %%} is due", got, wanted);
}

/* Behind `if` or `elif`; the tag itself is what is read. */
static bool read_if(struct filling *t, bool *ret_holds)
{
	json_t *v = read_condition(t);

	*ret_holds = is_true(v);
	json_decref(v);
	return end_tag(t, "%}");
}

static bool do_if(struct filling *t, const char *start)
{
	bool muted = t->muted, done = false, holds;
	char word[WORD_MAX] = "elif";

	while (!strcmp(word, "elif")) {
		if (!read_if(t, &holds))
			return false;
		t->muted = muted || done || !holds;
		done = done || holds;
		if (!fill_block(t, word))
			return false;
	}
	if (!strcmp(word, "else")) {
		t->muted = muted || done;
		if (!end_tag(t, "%}") || !fill_block(t, word))
			return false;
	}
	t->muted = muted;
	return expect_end(t, start, word, "endif");
}

static json_t *loop_of(size_t i, size_t n)
{
	return json_pack("{sI sI sb sb sI}", "index", (json_int_t)i + 1, "index0", (json_int_t)i, "first", i == 0, "last",
			 i + 1 == n, "length", (json_int_t)n);
}

/* The body once; every time from the same place. */
static bool fill_once(struct filling *t, const char *body, const char *name, const json_t *item, json_t *loop,
		      char *ret_word)
{
	const struct frame *outer = t->frame;
	struct frame counter = {"loop", loop, outer}, of_item = {name, item, &counter};
	bool good;

	t->p = body;
	t->frame = &of_item;
	good = fill_block(t, ret_word);
	t->frame = outer;
	json_decref(loop);
	return good;
}

static bool fill_loop(struct filling *t, const char *name, const json_t *list, char *ret_word)
{
	size_t n = t->muted ? 0 : json_array_size(list);
	const char *body = t->p;
	bool muted = t->muted, good = true;

	for (size_t i = 0; good && i < n; i++)
		good = fill_once(t, body, name, json_array_get(list, i), loop_of(i, n), ret_word);
	if (n)
		return good;
	t->muted = true;
	good = fill_once(t, body, name, NULL, NULL, ret_word);
	t->muted = muted;
	return good;
}

static bool do_for(struct filling *t, const char *start)
{
	char name[WORD_MAX], word[WORD_MAX];
	json_t *list;
	bool good;

	if (!read_word(t, name, "the loop's variable"))
		return false;
	if (!takes_word(t, "in"))
		return bad(t, t->p, "'in' is missing here");
	list = read_value(t);
	if (t->missing && !t->muted && !failed(t))
		say_missing(t);
	else if (!failed(t) && !t->muted && !json_is_array(list))
		bad(t, start, "a loop wants a list, not %s", json_kind(list));
	good = end_tag(t, "%}") && fill_loop(t, name, list, word) && expect_end(t, start, word, "endfor");
	json_decref(list);
	return good;
}

static bool do_block(struct filling *t, const char *start, const char *word)
{
	bool good;

	if (t->depth >= NESTED_MAX)
		return bad(t, start, "blocks are nested more than %d deep", NESTED_MAX);
	t->depth++;
	if (!strcmp(word, "if"))
		good = do_if(t, start);
	else if (!strcmp(word, "for"))
		good = do_for(t, start);
	else
		good = bad(t, start, "'%s' is no tag; known are if, elif, else, endif, for, endfor", word);
	t->depth--;
	return good;
}

static bool ends_block(const char *word)
{
	return word_in("elif else endif endfor", word);
}

/* ---- text ---- */

/* The next tag, or the end. */
static const char *find_tag(const char *p)
{
	while ((p = strchr(p, '{')) && !strchr("{%#", p[1] ? p[1] : ' '))
		p++;
	return p;
}

/* What stands before the next tag, without the blanks that the tag takes. */
static void copy_text(struct filling *t, const char *tag)
{
	size_t n = tag ? (size_t)(tag - t->p) : strlen(t->p);

	if (tag && tag[2] == '-')
		while (n && strchr(" \t\r\n", t->p[n - 1]))
			n--;
	if (!t->muted)
		buf_add(t->out, t->p, n);
	t->p = tag ? tag + 2 + (tag[2] == '-') : t->p + strlen(t->p);
}

static bool fill_block(struct filling *t, char *ret_word)
{
	const char *tag;
	bool good = true;

	*ret_word = 0;
	while (good && (tag = find_tag(t->p))) {
		copy_text(t, tag);
		if (tag[1] == '{') {
			good = do_variable(t);
		} else if (tag[1] == '#') {
			good = do_comment(t, tag);
		} else {
			good = read_word(t, ret_word, "a tag's name");
			if (good && ends_block(ret_word))
				return true;
			good = good && do_block(t, tag, ret_word);
			*ret_word = 0;
		}
	}
	if (good)
		copy_text(t, NULL);
	return good;
}

bool template_fill(struct buf *out, const char *text, const json_t *vars, struct fault *f)
{
	size_t n = strlen(text);
	char *whole = xstrndup(text, n && text[n - 1] == '\n' ? n - 1 : n);
	struct filling t = {.text = whole, .p = whole, .out = out, .vars = vars, .fault = f};
	char word[WORD_MAX];
	bool good = fill_block(&t, word);

	if (good && *word)
		good = bad(&t, t.p - strlen(word), "'%s' closes nothing", word);
	free(whole);
	return good;
}
