/*
 * Conditions (`if:`) as expressions:
 *
 *	either   = both { "or" both }
 *	both     = opposite { "and" opposite }
 *	opposite = "not" opposite | compared
 *	compared = operand [ ("==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in") operand ]
 *	operand  = "(" either ")" | "[" operand {"," operand} "]" | reference | 'text' | word
 *
 * What has no quotes and is no number, true, false, none or null is text, blanks inside included, as it always was.
 * Values of different types are unequal; which of them is larger is an error of the run.
 */
#include "job/lorchestra.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bug.h"
#include "doc/json.h"

enum { DEPTH_MAX = 40 };

struct clause {
	struct lorch *x;
	const struct node *from;
	const char *p;
	unsigned depth;
	bool is_text; /* the last operand was a text that stands for itself */
	bool bad;
};

static bool either(struct clause *c, struct buf *out);

static bool fail(struct clause *c, const char *what)
{
	if (!c->bad)
		diag_error(c->x->l->d, c->from->mark, "the condition '%.*s' %s", (int)shown_length(c->from->text),
			   c->from->text, what);
	c->bad = true;
	return false;
}

static void skip_blanks(struct clause *c)
{
	c->p += strspn(c->p, " \t\r\n");
}

/* --- words -------------------------------------------------------------------------------------------------- */

static bool ends_word(char c)
{
	return !c || strchr(" \t\r\n()[],=!<>", c);
}

/* A word of the grammar, which is taken. */
static bool take_word(struct clause *c, const char *word)
{
	size_t n = strlen(word);

	skip_blanks(c);
	if (strncmp(c->p, word, n) || !ends_word(c->p[n]))
		return false;
	c->p += n;
	return true;
}

static bool take_sign(struct clause *c, const char *sign)
{
	size_t n = strlen(sign);

	skip_blanks(c);
	if (strncmp(c->p, sign, n))
		return false;
	c->p += n;
	return true;
}

static bool is_grammar(struct span word)
{
	return span_is(word, "and") || span_is(word, "or") || span_is(word, "not") || span_is(word, "in");
}

/* Words up to a sign or a word of the grammar: one text. */
static struct span take_words(struct clause *c)
{
	const char *from = c->p, *end = c->p;

	for (;;) {
		const char *word = c->p;

		while (!ends_word(*c->p))
			c->p++;
		if (c->p == word || is_grammar((struct span){word, (size_t)(c->p - word)})) {
			c->p = word;
			break;
		}
		end = c->p;
		skip_blanks(c);
	}
	return (struct span){from, (size_t)(end - from)};
}

/* --- literals ----------------------------------------------------------------------------------------------- */

static bool is_any_case(struct span s, const char *word)
{
	return strlen(word) == s.len && !strncasecmp(s.at, word, s.len);
}

/* Without a plus and leading zeros. */
static void add_whole(struct buf *number, const char *text)
{
	const char *digits = text + (*text == '-' || *text == '+');

	digits += strspn(digits, "0");
	buf_addf(number, "%s%s", *text == '-' ? "-" : "", *digits ? digits : "0");
}

/* 7, -7, 1.5, .5, 1e3: as JSON has it, in number. */
static bool is_number(struct span s, struct buf *number)
{
	char *text = xstrndup(s.at, s.len), *end;
	bool good = s.len && !text[strspn(text, "0123456789+-.eE")] && strpbrk(text, "0123456789");
	bool whole = !text[strspn(text, "0123456789+-")];
	double v = good ? strtod(text, &end) : 0;

	good = good && !*end && v - v == 0;
	if (good && whole)
		add_whole(number, text);
	else if (good)
		json_real_text(number, v);
	free(text);
	return good;
}

/* What stands for itself, appended; whether it is a text. */
static bool add_literal(struct buf *out, struct span s)
{
	struct buf number = BUF_INIT;
	bool is_text = false;

	if (is_any_case(s, "true") || is_any_case(s, "false"))
		buf_puts(out, is_any_case(s, "true") ? "true" : "false");
	else if (is_any_case(s, "none") || is_any_case(s, "null"))
		buf_puts(out, "null");
	else if (is_number(s, &number))
		buf_puts(out, number.data);
	else
		is_text = true;
	if (is_text && s.len > 1 && (s.at[0] == '\'' || s.at[0] == '"') && s.at[s.len - 1] == s.at[0])
		s = (struct span){s.at + 1, s.len - 2};
	if (is_text)
		lorch_quote(out, s);
	buf_release(&number);
	return is_text;
}

void lorch_literal(struct buf *out, struct span word)
{
	(void)add_literal(out, word);
}

/* --- operands ------------------------------------------------------------------------------------------------ */

static bool quoted(struct clause *c, struct buf *out)
{
	const char *end = strchr(c->p + 1, *c->p);
	struct span s;

	if (!end)
		return false;
	s = (struct span){c->p, (size_t)(end - c->p) + 1};
	c->p = end + 1;
	c->is_text = add_literal(out, s);
	return true;
}

static bool enclosed(struct clause *c, struct buf *out)
{
	buf_putc(out, '(');
	if (++c->depth > DEPTH_MAX)
		return fail(c, "is nested too deep");
	if (!either(c, out))
		return false;
	c->depth--;
	buf_putc(out, ')');
	c->is_text = false;
	return take_sign(c, ")") || fail(c, "has a '(' that is never closed");
}

static bool operand(struct clause *c, struct buf *out);

static bool listed(struct clause *c, struct buf *out)
{
	if (++c->depth > DEPTH_MAX)
		return fail(c, "is nested too deep");
	buf_putc(out, '[');
	while (!take_sign(c, "]")) {
		if (!operand(c, out))
			return false;
		if (take_sign(c, ","))
			buf_puts(out, ", ");
		else if (!take_sign(c, "]"))
			return fail(c, "has a '[' that is never closed");
		else
			break;
	}
	c->depth--;
	buf_putc(out, ']');
	c->is_text = false;
	return true;
}

static bool reference(struct clause *c, struct buf *out)
{
	c->is_text = false;
	if (!lorch_reference(c->x, c->from, &c->p, out)) {
		c->bad = true; /* and said */
		return false;
	}
	return ends_word(*c->p) || *c->p == '?' || fail(c, "has text behind a reference");
}

static bool operand(struct clause *c, struct buf *out)
{
	struct span words;

	skip_blanks(c);
	if (take_sign(c, "("))
		return enclosed(c, out);
	if (take_sign(c, "["))
		return listed(c, out);
	if (*c->p == '@' && lorch_is_reference(c->x, c->from, c->p))
		return reference(c, out);
	if ((*c->p == '\'' || *c->p == '"') && quoted(c, out))
		return true;
	words = take_words(c);
	if (!words.len)
		return fail(c, *c->p ? "has no value where one is needed" : "ends where a value is needed");
	c->is_text = add_literal(out, words);
	return true;
}

/* operand [ ?? operand ] */
static bool with_default(struct clause *c, struct buf *out)
{
	size_t before = out->len;
	struct buf first = BUF_INIT;

	if (!operand(c, out))
		return false;
	while (take_sign(c, "??")) {
		buf_reset(&first);
		buf_puts(&first, out->data + before);
		buf_cut(out, before);
		buf_addf(out, "(%s ?? ", first.data);
		if (!operand(c, out)) {
			buf_release(&first);
			return false;
		}
		buf_putc(out, ')');
	}
	buf_release(&first);
	return true;
}

/* --- comparisons ---------------------------------------------------------------------------------------------- */

struct sign {
	const char *text, *before, *between, *behind;
};

static const struct sign signs[] = {
	{"==", "same(", ", ", ")"}, {"!=", "!same(", ", ", ")"}, {">=", "", " >= ", ""},
	{"<=", "", " <= ", ""},	    {">", "", " > ", ""},	 {"<", "", " < ", ""},
};

static const struct sign *take_comparison(struct clause *c)
{
	static const struct sign in = {"in", "", " in ", ""}, not_in = {"not in", "!(", " in ", ")"};
	const char *before;

	for (size_t i = 0; i < ARRAY_LEN(signs); i++)
		if (take_sign(c, signs[i].text))
			return &signs[i];
	if (take_word(c, "in"))
		return &in;
	before = c->p;
	if (take_word(c, "not") && take_word(c, "in"))
		return &not_in;
	c->p = before;
	return NULL;
}

/* What people write instead of a comparison. */
static bool is_mistaken(struct clause *c)
{
	skip_blanks(c);
	if (*c->p != '=' || c->p[1] == '=')
		return false;
	fail(c, c->p[1] == '>' ? "has a '=>'" : "has a single '='");
	diag_hint(c->x->l->d, c->p[1] == '>' ? "write >=" : "equal is written ==");
	return true;
}

static bool compared(struct clause *c, struct buf *out)
{
	struct buf left = BUF_INIT, right = BUF_INIT;
	const struct sign *sign = NULL;
	bool good = with_default(c, &left) && !is_mistaken(c);

	if (good)
		sign = take_comparison(c);
	if (good && !sign && c->is_text)
		good = fail(c, "compares a text with nothing");
	if (good && sign)
		good = with_default(c, &right) && !is_mistaken(c);
	if (good && sign)
		buf_addf(out, "%s%s%s%s%s", sign->before, left.data, sign->between, right.data, sign->behind);
	else if (good)
		buf_puts(out, left.data);
	buf_release(&left);
	buf_release(&right);
	return good;
}

/* --- and, or, not ------------------------------------------------------------------------------------------------ */

static bool opposite(struct clause *c, struct buf *out)
{
	size_t n = 0;

	while (take_word(c, "not"))
		n++;
	if (n % 2)
		buf_puts(out, "!(");
	else if (n)
		buf_puts(out, "!!(");
	if (!compared(c, out))
		return false;
	if (n)
		buf_putc(out, ')');
	return true;
}

static bool chain(struct clause *c, struct buf *out, bool (*part)(struct clause *, struct buf *), const char *word,
		  const char *between)
{
	if (!part(c, out))
		return false;
	while (take_word(c, word)) {
		buf_puts(out, between);
		if (!part(c, out))
			return false;
	}
	return true;
}

static bool both(struct clause *c, struct buf *out)
{
	return chain(c, out, opposite, "and", " && ");
}

static bool either(struct clause *c, struct buf *out)
{
	return chain(c, out, both, "or", " || ");
}

struct node *lorch_condition(struct lorch *x, const struct node *n)
{
	struct clause c = {.x = x, .from = n, .p = n->text};
	struct buf out = BUF_INIT;
	struct node *made = NULL;

	if (n->kind != NODE_SCALAR) {
		bad_value(x->l, "if", "a condition", n);
		return NULL;
	}
	skip_blanks(&c);
	if (!*c.p)
		fail(&c, "is empty: leave 'if' out, or write true");
	else if (either(&c, &out) && *c.p)
		fail(&c, "goes on where nothing can follow");
	if (!c.bad)
		made = lorch_source(x->l, n, out.data);
	buf_release(&out);
	return made;
}
