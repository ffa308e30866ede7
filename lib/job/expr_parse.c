/*
 * From words to a tree: the operators.  What stands between them is in
 * expr_atom.c, what it all means is checked in expr_check.c.
 */
#include "job/expr_impl.h"

#include <string.h>

#include "doc/utf8.h"

enum { SHOWN_MAX = 40 }; /* bytes of a word in a message */

/* --- terms ----------------------------------------------------------------------------------------- */

void term_own(struct parser *p, struct term *t)
{
	t->next_owned = p->e->owned;
	p->e->owned = t;
}

struct term *term_new(struct parser *p, enum term_kind kind, size_t at)
{
	struct term *t = ARENA_NEW(p->a, struct term);

	t->kind = (uint8_t)kind;
	t->kinds = KIND_ANY;
	t->at = (uint32_t)at;
	return t;
}

struct term *term_const(struct parser *p, json_t *v, size_t at, size_t len)
{
	struct term *t = term_new(p, TERM_CONST, at);

	t->constant = v;
	t->kinds = (uint8_t)kind_of(v);
	t->len = (uint32_t)len;
	term_own(p, t);
	return t;
}

void *parser_grown(struct parser *p, void *array, size_t n, size_t size)
{
	void *more;

	if (n & (n - 1))
		return array;
	more = arena_array(p->a, n ? n * 2 : 1, size);
	if (n)
		memcpy(more, array, n * size);
	return more;
}

void term_add(struct parser *p, struct term *t, struct term *kid)
{
	t->kid = parser_grown(p, t->kid, t->n, sizeof(struct term *));
	t->kid[t->n++] = kid;
	t->secret |= kid->secret;
	if (kid->at + kid->len > t->at + t->len)
		t->len = kid->at + kid->len - t->at;
}

/* --- words ----------------------------------------------------------------------------------------- */

struct span parser_word(const struct parser *p)
{
	return (struct span){p->e->text + p->now.at, p->now.len};
}

void parser_advance(struct parser *p)
{
	p->now = lexer_next(&p->lex);
}

bool parser_at(const struct parser *p, char ch)
{
	return p->now.kind == TOK_MARK && p->e->text[p->now.at] == ch;
}

size_t parser_end_before(const struct parser *p)
{
	size_t end = p->now.at;

	while (end && strchr(" \t\r\n", p->e->text[end - 1]))
		end--;
	return end;
}

int parser_shown(struct span s)
{
	size_t n = s.len < SHOWN_MAX ? s.len : SHOWN_MAX;

	return (int)utf8_check(s.at, n);
}

bool parser_refuse(struct parser *p, const char *wanted)
{
	struct span word = parser_word(p);
	struct mark m = parser_mark(p, p->now.at, p->now.len);

	if (p->now.kind == TOK_BAD) {
		diag_error(p->d, m, "'%.*s' %s", parser_shown(word), word.at, p->now.why);
		if (p->now.hint)
			diag_hint(p->d, "%s", p->now.hint);
	} else if (p->now.kind == TOK_END) {
		diag_error(p->d, m, "the expression ends where %s is missing", wanted);
	} else {
		diag_error(p->d, m, "expected %s, not '%.*s'", wanted, parser_shown(word), word.at);
	}
	return false;
}

bool parser_expect(struct parser *p, char ch, const char *wanted)
{
	if (!parser_at(p, ch))
		return parser_refuse(p, wanted);
	parser_advance(p);
	return true;
}

bool parser_take(struct parser *p, char ch)
{
	bool there = parser_at(p, ch);

	if (there)
		parser_advance(p);
	return there;
}

/* One deeper, or an error; the caller counts p->depth down. */
static bool deeper(struct parser *p)
{
	if (p->depth == EXPR_DEPTH_MAX) {
		diag_error(p->d, parser_mark(p, p->now.at, p->now.len),
			   "the expression is nested more than %d deep", (int)EXPR_DEPTH_MAX);
		return false;
	}
	p->depth++;
	return true;
}

/* --- operators ------------------------------------------------------------------------------------- */

static struct term *parse_unary(struct parser *p)
{
	size_t at = p->now.at;
	enum operator op = p->now.op;
	struct term *t, *kid;

	if (p->now.kind != TOK_OPERATOR || (op != OP_NOT && op != OP_SUB))
		return parser_operand(p);
	if (!deeper(p))
		return NULL;
	parser_advance(p);
	if (op == OP_SUB && p->now.kind == TOK_NUMBER) {
		p->depth--;
		return parser_number(p, at, true); /* together, for the least of all integers */
	}
	kid = parse_unary(p);
	p->depth--;
	if (!kid)
		return NULL;
	t = term_new(p, TERM_UNARY, at);
	t->op = op == OP_NOT ? OP_NOT : OP_NEG;
	term_add(p, t, kid);
	return term_check(p, t);
}

/* Put right behind left: into the same term where that is one of the same operators. */
static struct term *combine(struct parser *p, struct term *left, enum operator op, struct term *right)
{
	enum level level = operator_level(op);
	enum term_kind kind = level == LEVEL_COMPARE ? TERM_COMPARE
			      : level <= LEVEL_AND   ? TERM_LOGIC
						     : TERM_CHAIN;
	bool same = left->kind == kind && ((kind == TERM_LOGIC && left->op == op) ||
					   (kind == TERM_CHAIN && operator_level(left->ops[0]) == level));
	struct term *t = left;

	if (!same) {
		t = term_new(p, kind, left->at);
		t->op = (uint8_t)op;
		term_add(p, t, left);
		t->kinds = left->kinds;
	}
	if (kind == TERM_CHAIN) {
		t->ops = parser_grown(p, t->ops, t->n - 1, sizeof(*t->ops));
		t->ops[t->n - 1] = (uint8_t)op;
	}
	term_add(p, t, right);
	return term_check(p, t);
}

static void refuse_second(struct parser *p, const struct term *first)
{
	diag_error(p->d, parser_mark(p, p->now.at, p->now.len), "comparisons cannot be chained");
	if (first->kind == TERM_COMPARE && first->len <= SHOWN_MAX)
		diag_hint(p->d, "write %.*s && %.*s %.*s ...", (int)first->len, p->e->text + first->at,
			  (int)first->kid[1]->len, p->e->text + first->kid[1]->at, (int)p->now.len,
			  p->e->text + p->now.at);
	else
		diag_hint(p->d, "write a < b && b < c");
}

static struct term *parse_level(struct parser *p, enum level level)
{
	struct term *left, *right;
	enum operator op;

	if (level == LEVEL_NONE)
		return parse_unary(p);
	left = parse_level(p, level + 1);
	for (bool first = true; left; first = false) {
		if (p->now.kind != TOK_OPERATOR || operator_level(p->now.op) != level)
			return left;
		if (level == LEVEL_COMPARE && !first) {
			refuse_second(p, left);
			return NULL;
		}
		op = p->now.op;
		parser_advance(p);
		right = parse_level(p, level + 1);
		left = right ? combine(p, left, op, right) : NULL;
	}
	return NULL;
}

static struct term *parse_choice(struct parser *p, struct term *condition)
{
	struct term *t = term_new(p, TERM_IF, condition->at), *yes, *no;

	parser_advance(p);
	yes = parser_value(p);
	if (!yes)
		return NULL;
	if (!parser_expect(p, ':', "':'")) {
		diag_hint(p->d, "a choice is `a ? b : c`; a name that may be absent has its '?' right before "
			  "an operator or the end");
		return NULL;
	}
	no = parser_value(p);
	if (!no)
		return NULL;
	term_add(p, t, condition);
	term_add(p, t, yes);
	term_add(p, t, no);
	return term_check(p, t);
}

struct term *parser_value(struct parser *p)
{
	struct term *t;

	if (!deeper(p))
		return NULL;
	t = parse_level(p, LEVEL_ELSE);
	if (t && parser_at(p, '?'))
		t = parse_choice(p, t);
	p->depth--;
	return t;
}

/* --- the whole --------------------------------------------------------------------------------------- */

static void refuse_rest(struct parser *p)
{
	struct span word = parser_word(p);
	const char *ours = p->now.kind == TOK_NAME ? parser_other_word(word) : NULL;

	parser_refuse(p, "an operator or the end");
	if (ours)
		diag_hint(p->d, "'%.*s' is written %s", parser_shown(word), word.at, ours);
}

static bool check_text(struct parser *p)
{
	struct expr *e = p->e;
	size_t good;

	if (e->len > EXPR_TEXT_MAX) {
		diag_error(p->d, e->mark, "the expression is longer than %d bytes", (int)EXPR_TEXT_MAX);
		return false;
	}
	good = utf8_check(e->text, e->len);
	if (good < e->len) {
		diag_error(p->d, parser_mark(p, good, 1), "the expression is not valid UTF-8");
		return false;
	}
	if (e->text[strspn(e->text, " \t\r\n")])
		return true;
	diag_error(p->d, e->mark, "the expression is empty");
	return false;
}

static void drop_owned(void *thing)
{
	struct expr *e = thing;

	for (struct term *t = e->owned; t; t = t->next_owned) {
		json_decref(t->constant);
		pattern_free(t->pattern);
	}
}

struct expr *expr_parse(struct arena *a, const char *text, struct mark m, struct diags *d)
{
	size_t len = strlen(text);
	struct expr *e = ARENA_NEW(a, struct expr);
	struct parser p = {.a = a, .d = d, .e = e, .lex = {.text = {NULL, len}}};

	e->mark = m;
	e->len = len > EXPR_TEXT_MAX ? EXPR_TEXT_MAX + 1 : (uint32_t)len;
	e->text = p.lex.text.at = arena_strndup(a, text, e->len);
	if (!check_text(&p))
		return NULL;
	arena_on_free(a, drop_owned, e);
	parser_advance(&p);
	e->top = parser_value(&p);
	if (!e->top)
		return NULL;
	if (p.now.kind != TOK_END) {
		refuse_rest(&p);
		return NULL;
	}
	return p.bad ? NULL : e;
}
