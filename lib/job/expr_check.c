/* What can be known of a term at load: whether its operands can be right, and what constants make. */
#include "job/expr_impl.h"

#include <stdarg.h>

#include "base/bug.h"

/* --- places ----------------------------------------------------------------------------------------- */

size_t expr_places(struct mark m, struct span text)
{
	struct span source;
	size_t at, n = 0;

	if (!m.source || !m.line)
		return 0;
	source = source_text(m.source);
	at = source_offset(m.source, m);
	while (n < text.len && at + n < source.len && source.at[at + n] == text.at[n] && text.at[n] != '\n')
		n++;
	return n;
}

struct mark expr_place(struct mark m, size_t places, size_t at, size_t len)
{
	if (!m.source || at > places)
		return m;
	return mark_of(m.source, m.line, m.col + at, len < places - at ? len : places - at);
}

struct mark parser_mark(const struct parser *p, size_t at, size_t len)
{
	const struct expr *e = p->e;

	return expr_place(e->mark, expr_places(e->mark, (struct span){e->text, e->len}), at, len);
}

static struct mark term_mark(const struct parser *p, const struct term *t)
{
	return parser_mark(p, t->at, t->len);
}

void term_error(struct parser *p, const struct term *t, const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	diag_error(p->d, term_mark(p, t), "%s", text.data);
	buf_release(&text);
	p->bad = true;
}

/* --- operands --------------------------------------------------------------------------------------- */

static bool is_env(const struct term *t)
{
	return t->kind == TERM_PATH && t->root == ROOT_ENV;
}

/* left and right: what op stands between, as sets of kinds. */
static bool check_operands(struct parser *p, const struct term *t, enum operator op, unsigned left,
			   const struct term *right)
{
	struct buf why = BUF_INIT;

	if (op_fits(op, left, right->kinds))
		return true;
	op_mismatch(&why, op, left, right->kinds);
	term_error(p, t, "%s%s", operator_level(op) == LEVEL_COMPARE ? "impossible condition: " : "", why.data);
	buf_release(&why);
	if (op == OP_SUB && right->at && p->e->text[right->at - 1] == '-')
		diag_hint(p->d, PARSER_DASH_HINT);
	else if (op == OP_ADD)
		diag_hint(p->d, "json(x) makes text of a number");
	else if (is_env(right) || is_env(t->kid[0]))
		diag_hint(p->d, "what the environment has is text: compare with '1', or use int(...)");
	return false;
}

/* The pattern of a term whose kid is constant text. */
static void prepare_pattern(struct parser *p, struct term *t, const struct term *kid)
{
	struct buf err = BUF_INIT;

	if (kid->kind == TERM_CONST && json_is_string(kid->constant)) {
		t->pattern = pattern_new(json_string_value(kid->constant), &err);
		if (t->pattern)
			term_own(p, t);
		else
			term_error(p, kid, "'%s' is no pattern: %s", json_string_value(kid->constant), err.data);
	}
	buf_release(&err);
}

static void check_compare(struct parser *p, struct term *t)
{
	t->kinds = KIND_BOOL;
	if (check_operands(p, t, t->op, t->kid[0]->kinds, t->kid[1]) &&
	    (t->op == OP_MATCHES || t->op == OP_DIFFERS))
		prepare_pattern(p, t, t->kid[1]);
}

/* The last operand, which is new. */
static void check_chain(struct parser *p, struct term *t)
{
	enum operator op = t->ops[t->n - 2];
	const struct term *right = t->kid[t->n - 1];

	if (!check_operands(p, t, op, t->kinds, right))
		return;
	t->kinds &= right->kinds;
	t->kinds &= op == OP_ADD ? KIND_NUMBER | KIND_TEXT | KIND_LIST : KIND_NUMBER;
}

static void check_logic(struct term *t)
{
	if (t->op == OP_ELSE)
		t->kinds = (uint8_t)((t->kinds & ~KIND_NULL) | t->kid[t->n - 1]->kinds);
	else
		t->kinds = KIND_BOOL;
}

static void check_unary(struct parser *p, struct term *t)
{
	struct buf what = BUF_INIT;

	t->kinds = t->op == OP_NOT ? KIND_BOOL : KIND_NUMBER;
	if (t->op == OP_NOT || (t->kid[0]->kinds & KIND_NUMBER))
		return;
	kinds_words(&what, t->kid[0]->kinds);
	term_error(p, t, "'-' needs a number, not %s", what.data);
	buf_release(&what);
}

/* --- names ------------------------------------------------------------------------------------------- */

static unsigned base_kinds(const struct term *t)
{
	switch ((enum expr_root)t->root) {
	case ROOT_TALLY:
	case ROOT_SUCCEEDED:
	case ROOT_FAILED:
	case ROOT_SKIPPED:
		return KIND_NUMBER;
	case ROOT_FOREACH:
	case ROOT_PAYLOAD:
	case ROOT_CTX:
		return KIND_ANY;
	case ROOT_COUNT:
		return t->kid[0]->kinds;
	case ROOT_PARAMS:
	case ROOT_VARS:
	case ROOT_ENV:
	case ROOT_SECRETS:
	case ROOT_STEPS:
	case ROOT_RESULTS:
	case ROOT_NEEDS:
	case ROOT_CONSUMES:
	case ROOT_MATRIX:
	case ROOT_RUN:
	case ROOT_JOB:
		break;
	}
	return KIND_MAP;
}

/* What there is under one more key, given what is there now. */
static unsigned kinds_under(const struct term *t, size_t i)
{
	if (!i && t->root == ROOT_ENV)
		return KIND_TEXT; /* so is a secret, but that may have a namespace before its name */
	return KIND_ANY;
}

static void check_path(struct parser *p, struct term *t)
{
	unsigned kinds = base_kinds(t);
	bool maybe = t->maybe;
	struct buf what = BUF_INIT;

	for (size_t i = 0; i < t->n_access; i++) {
		const struct access *x = &t->access[i];

		if (!(kinds & (KIND_LIST | KIND_MAP | KIND_NULL))) {
			kinds_words(&what, kinds);
			term_error(p, t, "%s has no keys or elements", what.data);
			break;
		}
		if (x->index && !(x->index->kinds & (KIND_NUMBER | KIND_TEXT))) {
			kinds_words(&what, x->index->kinds);
			term_error(p, x->index, "a key is text and an index is an integer, not %s", what.data);
			break;
		}
		kinds = kinds_under(t, i);
		maybe |= x->maybe;
	}
	t->kinds = (uint8_t)(kinds | (maybe ? KIND_NULL : 0));
	buf_release(&what);
}

/* --- calls ------------------------------------------------------------------------------------------- */

static bool has_maybe(const struct term *t)
{
	for (size_t i = 0; i < t->n_access; i++)
		if (t->access[i].maybe)
			return true;
	return t->maybe;
}

static void check_name_arg(struct parser *p, const struct term *t, const struct term *arg)
{
	const char *word = expr_functions[t->fn].word;

	if (arg->kind != TERM_PATH)
		term_error(p, arg, "%s() asks about a name, such as params.x", word);
	else if (t->fn == FN_defined && has_maybe(arg))
		term_error(p, arg, "%s() asks about a name without '?'", word);
}

static void check_arg(struct parser *p, struct term *t, size_t i)
{
	unsigned wants = expr_function_arg(t->fn, i);
	const struct term *arg = t->kid[i];
	struct buf takes = BUF_INIT, got = BUF_INIT;

	if (wants & KIND_NAME) {
		check_name_arg(p, t, arg);
		return;
	}
	if (wants & KIND_PATTERN)
		wants |= KIND_TEXT;
	if (!(arg->kinds & wants)) {
		kinds_words(&takes, wants);
		kinds_words(&got, arg->kinds);
		term_error(p, arg, "%s() takes %s, not %s", expr_functions[t->fn].word, takes.data, got.data);
	} else if (wants & KIND_PATTERN) {
		prepare_pattern(p, t, arg);
	}
	buf_release(&takes);
	buf_release(&got);
}

static void check_call(struct parser *p, struct term *t)
{
	struct buf why = BUF_INIT;

	t->kinds = expr_functions[t->fn].result;
	for (size_t i = 0; i < t->n; i++)
		check_arg(p, t, i);
	if (t->fn == FN_default)
		t->kinds = (uint8_t)((t->kid[0]->kinds & ~KIND_NULL) | t->kid[1]->kinds);
	if (t->fn == FN_replace && t->pattern && t->kid[2]->kind == TERM_CONST &&
	    !pattern_check_with(t->pattern, json_string_value(t->kid[2]->constant), &why))
		term_error(p, t->kid[2], "%s", why.data);
	buf_release(&why);
}

/* --- constants --------------------------------------------------------------------------------------- */

static bool is_constant(const struct term *t)
{
	if (t->kind == TERM_PATH && t->root != ROOT_COUNT)
		return false;
	if (t->kind == TERM_CALL && expr_functions[t->fn].nature != NATURE_PURE)
		return false;
	for (size_t i = 0; i < t->n; i++)
		if (t->kid[i]->kind != TERM_CONST)
			return false;
	for (size_t i = 0; t->kind == TERM_PATH && i < t->n_access; i++)
		if (t->access[i].index && t->access[i].index->kind != TERM_CONST)
			return false;
	return true;
}

static void become(struct parser *p, struct term *t, json_t *v)
{
	if (!t->pattern)
		term_own(p, t);
	if (t->kind == TERM_COMPARE && json_is_false(v))
		diag_warn(p->d, term_mark(p, t), "impossible condition: %.*s is never true",
			  parser_shown((struct span){p->e->text + t->at, t->len}), p->e->text + t->at);
	t->kind = TERM_CONST;
	t->constant = v;
	t->kinds = (uint8_t)kind_of(v);
	t->n = 0;
}

static void fold(struct parser *p, struct term *t)
{
	struct buf err = BUF_INIT;
	struct evaluation ev = {.e = p->e, .err = &err, .spent = p->spent};
	json_t *v;

	switch (term_eval_maybe(&ev, t, &v)) {
	case FOUND:
		become(p, t, v);
		break;
	case FAULTY:
		term_error(p, t, "%s%s", t->kind == TERM_COMPARE ? "impossible condition: " : "", err.data);
		break;
	case ABSENT: /* for ?? to care for */
		break;
	}
	p->spent = ev.spent;
	buf_release(&err);
}

static void check_kind(struct parser *p, struct term *t)
{
	switch ((enum term_kind)t->kind) {
	case TERM_PATH:
		check_path(p, t);
		break;
	case TERM_UNARY:
		check_unary(p, t);
		break;
	case TERM_CHAIN:
		check_chain(p, t);
		break;
	case TERM_LOGIC:
		check_logic(t);
		break;
	case TERM_COMPARE:
		check_compare(p, t);
		break;
	case TERM_IF:
		t->kinds = t->kid[1]->kinds | t->kid[2]->kinds;
		break;
	case TERM_CALL:
		check_call(p, t);
		break;
	case TERM_LIST:
		t->kinds = KIND_LIST;
		break;
	case TERM_MAP:
		t->kinds = KIND_MAP;
		break;
	case TERM_CONST:
		break;
	}
}

struct term *term_check(struct parser *p, struct term *t)
{
	/* After an error the kinds are not what the author meant, and would be blamed for it. */
	if (p->bad)
		return t;
	check_kind(p, t);
	if (!p->bad && is_constant(t))
		fold(p, t);
	return t;
}
