/* The words of an expression. */
#include "job/expr_impl.h"

#include <string.h>

#include "base/bug.h"
#include "doc/utf8.h"

static const struct {
	const char *text;
	enum level level;
} operators[] = {
#define OPERATOR(id, text, level, sentence) [OP_##id] = {text, level},
#include "job/operators.def"
#undef OPERATOR
};

const char *operator_text(enum operator op)
{
	return operators[op].text;
}

enum level operator_level(enum operator op)
{
	return operators[op].level;
}

static bool is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

static bool is_name_char(char ch)
{
	return is_digit(ch) || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_';
}

static char char_at(const struct lexer *l, size_t at)
{
	return at < l->text.len ? l->text.at[at] : 0;
}

static struct token bad(struct lexer *l, size_t len, const char *why, const char *hint)
{
	struct token t = {.kind = TOK_BAD, .at = l->at, .len = len, .why = why, .hint = hint};

	l->at += len;
	return t;
}

static struct token take(struct lexer *l, enum token_kind kind, size_t len)
{
	struct token t = {.kind = kind, .at = l->at, .len = len};

	l->at += len;
	return t;
}

static struct token take_name(struct lexer *l)
{
	size_t end = l->at;
	struct token t;

	while (is_name_char(char_at(l, end)))
		end++;
	t = take(l, TOK_NAME, end - l->at);
	if (t.len == 2 && !memcmp(l->text.at + t.at, "in", 2) && l->after_value && !l->after_dot) {
		t.kind = TOK_OPERATOR;
		t.op = OP_IN;
	}
	return t;
}

static size_t skip_digits(const struct lexer *l, size_t at)
{
	while (is_digit(char_at(l, at)))
		at++;
	return at;
}

/* As JSON has them, but for the sign. */
static struct token take_number(struct lexer *l)
{
	size_t end = skip_digits(l, l->at), exponent;

	if (char_at(l, l->at) == '0' && end > l->at + 1)
		return bad(l, end - l->at, "has a leading zero", "quote it if it is text");
	if (char_at(l, end) == '.' && is_digit(char_at(l, end + 1)))
		end = skip_digits(l, end + 1);
	if ((char_at(l, end) | 0x20) == 'e') {
		exponent = end + 1 + (char_at(l, end + 1) == '+' || char_at(l, end + 1) == '-');
		if (is_digit(char_at(l, exponent)))
			end = skip_digits(l, exponent);
	}
	if (is_name_char(char_at(l, end))) {
		while (is_name_char(char_at(l, end)))
			end++;
		return bad(l, end - l->at, "is no number, and no name can begin with a digit",
			   "quote it if it is text");
	}
	return take(l, TOK_NUMBER, end - l->at);
}

static struct token take_string(struct lexer *l)
{
	char quote = char_at(l, l->at);
	size_t end = l->at + 1;

	for (; end < l->text.len; end++) {
		if (quote == '"' && l->text.at[end] == '\\')
			end++;
		else if (l->text.at[end] != quote)
			continue;
		else if (quote == '\'' && char_at(l, end + 1) == quote)
			end++;
		else
			return take(l, TOK_STRING, end + 1 - l->at);
	}
	return bad(l, l->text.len - l->at, "is a text that has no end",
		   quote == '\'' ? "a quote inside is written twice: ''" : NULL);
}

static struct token take_pattern(struct lexer *l)
{
	size_t end = pattern_close((struct span){l->text.at + l->at, l->text.len - l->at});

	if (!end)
		return bad(l, l->text.len - l->at, "is a pattern that has no end",
			   "a slash inside is written \\/");
	end += l->at + 1;
	while (is_name_char(char_at(l, end)))
		end++;
	return take(l, TOK_PATTERN, end - l->at);
}

/* The longest operator at hand. */
static bool take_operator(struct lexer *l, struct token *ret)
{
	size_t best = 0;

	for (enum operator op = 0; op < OP_COUNT; op++) {
		size_t len = strlen(operators[op].text);

		if (op == OP_IN || (operators[op].level == LEVEL_NONE && op != OP_NOT))
			continue;
		if (len <= best || len > l->text.len - l->at ||
		    memcmp(l->text.at + l->at, operators[op].text, len))
			continue;
		best = len;
		ret->op = op;
	}
	if (!best)
		return false;
	ret->kind = TOK_OPERATOR;
	ret->at = l->at;
	ret->len = best;
	l->at += best;
	return true;
}

static struct token take_unknown(struct lexer *l)
{
	static const struct {
		char ch;
		const char *hint;
	} known[] = {
		{'=', "equal is written =="},
		{'&', "and is written &&"},
		{'|', "or is written ||"},
		{'~', "a match is written =~"},
		{'$', "a variable of the environment is written env.NAME"},
		{'#', "an expression has no comments"},
		{';', "an expression is one value"},
	};
	size_t len;

	if (l->text.len - l->at >= 3 && !memcmp(l->text.at + l->at, "${{", 3))
		return bad(l, 3, "means nothing here", "an expression has no other one in it: leave the ${{ }} out");
	(void)utf8_decode(l->text.at + l->at, l->text.len - l->at, &len);
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i].ch == l->text.at[l->at])
			return bad(l, len, "means nothing here", known[i].hint);
	return bad(l, len, "means nothing here",
		   l->after_dot ? "a key of other characters than letters, digits and _ is written ['key']" : NULL);
}

static struct token take_any(struct lexer *l)
{
	char ch = char_at(l, l->at);
	struct token t = {0};

	if (is_digit(ch) && !l->after_dot)
		return take_number(l);
	if (is_name_char(ch))
		return take_name(l);
	if (ch == '\'' || ch == '"')
		return take_string(l);
	if (ch == '/' && !l->after_value)
		return take_pattern(l);
	if (take_operator(l, &t))
		return t;
	if (ch && strchr("()[]{},:.?", ch))
		return take(l, TOK_MARK, 1);
	return take_unknown(l);
}

/* Whether a value may just have ended with t. */
static bool ends_value(const struct lexer *l, const struct token *t)
{
	switch (t->kind) {
	case TOK_NAME:
	case TOK_NUMBER:
	case TOK_STRING:
	case TOK_PATTERN:
	case TOK_BAD:
		return true;
	case TOK_MARK:
		return strchr(")]}", l->text.at[t->at]) != NULL;
	case TOK_OPERATOR:
	case TOK_END:
		break;
	}
	return false;
}

struct token lexer_next(struct lexer *l)
{
	struct token t;

	while (l->at < l->text.len && strchr(" \t\r\n", l->text.at[l->at]) && l->text.at[l->at])
		l->at++;
	if (l->at == l->text.len)
		return (struct token){.kind = TOK_END, .at = l->at};
	t = take_any(l);
	l->after_value = ends_value(l, &t);
	l->after_dot = t.kind == TOK_MARK && l->text.at[t.at] == '.';
	return t;
}

bool expr_scan(struct span text, size_t at, size_t *ret_end)
{
	struct lexer l = {.text = text, .at = at};
	size_t open = 0;
	struct token t;

	while ((t = lexer_next(&l)).kind != TOK_END) {
		char ch = text.at[t.at];

		if (t.kind == TOK_BAD && l.at == text.len && strchr("'\"/", ch)) {
			*ret_end = t.at;
			return false;
		}
		if (t.kind != TOK_MARK)
			continue;
		if (ch == '{') {
			open++;
		} else if (ch == '}' && open) {
			open--;
		} else if (ch == '}' && char_at(&l, l.at) == '}') {
			*ret_end = t.at;
			return true;
		}
	}
	*ret_end = text.len;
	return false;
}
