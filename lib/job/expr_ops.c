/* What the operators do, and between what they may stand. */
#include "job/expr_impl.h"

#include <math.h>
#include <string.h>

#include "base/bug.h"

bool op_fits(enum operator op, unsigned left, unsigned right)
{
	unsigned both = left & right;

	switch (op) {
	case OP_EQ:
	case OP_NE:
		return both || ((left | right) & KIND_NULL);
	case OP_LT:
	case OP_LE:
	case OP_GT:
	case OP_GE:
		return both & (KIND_NUMBER | KIND_TEXT);
	case OP_IN:
		return (right & KIND_LIST) || ((right & (KIND_MAP | KIND_TEXT)) && (left & KIND_TEXT));
	case OP_MATCHES:
	case OP_DIFFERS:
		return both & KIND_TEXT;
	case OP_ADD:
		return both & (KIND_NUMBER | KIND_TEXT | KIND_LIST);
	case OP_SUB:
	case OP_MUL:
	case OP_DIV:
	case OP_MOD:
		return both & KIND_NUMBER;
	case OP_IF:
	case OP_ELSE:
	case OP_OR:
	case OP_AND:
	case OP_NOT:
	case OP_NEG:
	case OP_FIELD:
	case OP_INDEX:
	case OP_MAYBE:
	case OP_COUNT:
		break;
	}
	return true;
}

/* What it takes, before ", not"; NULL: it compares whatever is alike. */
static const char *needs(enum operator op)
{
	switch (op) {
	case OP_LT:
	case OP_LE:
	case OP_GT:
	case OP_GE:
		return "compares two numbers or two texts";
	case OP_IN:
		return "looks for a value in a list, or for text in a map or text";
	case OP_MATCHES:
	case OP_DIFFERS:
		return "needs text and a pattern";
	case OP_ADD:
		return "joins two numbers, two texts or two lists";
	case OP_SUB:
	case OP_MUL:
	case OP_DIV:
	case OP_MOD:
		return "needs two numbers";
	default:
		return NULL;
	}
}

void op_mismatch(struct buf *b, enum operator op, unsigned left, unsigned right)
{
	const char *what = needs(op);

	/* The commonest mistake is said alike for all comparisons. */
	if (!what || (operator_level(op) == LEVEL_COMPARE && op < OP_IN &&
		      (left | right) == (KIND_NUMBER | KIND_TEXT)))
		buf_puts(b, "cannot compare ");
	else
		buf_addf(b, "'%s' %s, not ", operator_text(op), what);
	if (left == KIND_ANY || right == KIND_ANY) { /* only one side can be to blame */
		kinds_words(b, left & right);
		return;
	}
	kinds_words(b, left);
	buf_puts(b, op == OP_IN ? " in " : operator_level(op) == LEVEL_COMPARE ? " with " : " and ");
	kinds_words(b, right);
}

/* The two values with their operator, as the end of a message. */
static void *fault(struct evaluation *ev, enum operator op, struct seen a, struct seen b)
{
	buf_puts(ev->err, ": ");
	show_value(ev->err, a);
	buf_addf(ev->err, " %s ", operator_text(op));
	show_value(ev->err, b);
	return NULL;
}

bool op_agree(struct evaluation *ev, enum operator op, struct seen a, struct seen b)
{
	if (op_fits(op, kind_of(a.v), kind_of(b.v)))
		return true;
	op_mismatch(ev->err, op, kind_of(a.v), kind_of(b.v));
	fault(ev, op, a, b);
	if (op == OP_ADD)
		buf_puts(ev->err, " (json(x) makes text of a number)");
	return false;
}

/* --- numbers ----------------------------------------------------------------------------------------- */

/* *ret is the result; false if there is none in 64 bits. */
static bool int_result(enum operator op, json_int_t a, json_int_t b, json_int_t *ret)
{
	switch (op) {
	case OP_ADD:
		return !__builtin_add_overflow(a, b, ret);
	case OP_SUB:
		return !__builtin_sub_overflow(a, b, ret);
	case OP_MUL:
		return !__builtin_mul_overflow(a, b, ret);
	case OP_DIV:
		if (b == -1)
			return !__builtin_sub_overflow((json_int_t)0, a, ret);
		*ret = a / b;
		return true;
	default:
		*ret = b == -1 ? 0 : a % b;
		return true;
	}
}

static double real_result(enum operator op, double a, double b)
{
	switch (op) {
	case OP_ADD:
		return a + b;
	case OP_SUB:
		return a - b;
	case OP_MUL:
		return a * b;
	default:
		return a / b;
	}
}

static json_t *calculate(struct evaluation *ev, enum operator op, struct seen a, struct seen b)
{
	json_int_t whole;
	double real;

	if ((op == OP_DIV || op == OP_MOD) && json_number_value(b.v) == 0) {
		buf_puts(ev->err, "division by zero");
		return fault(ev, op, a, b);
	}
	if (json_is_integer(a.v) && json_is_integer(b.v)) {
		if (int_result(op, json_integer_value(a.v), json_integer_value(b.v), &whole))
			return json_integer(whole);
		buf_puts(ev->err, "the result is beyond 64 bits");
		return fault(ev, op, a, b);
	}
	if (op == OP_MOD) {
		buf_puts(ev->err, "'%' needs two integers");
		return fault(ev, op, a, b);
	}
	real = real_result(op, json_number_value(a.v), json_number_value(b.v));
	if (isfinite(real))
		return json_real(real);
	buf_puts(ev->err, "the result is too large");
	return fault(ev, op, a, b);
}

json_t *op_negate(struct evaluation *ev, struct seen a)
{
	json_t *zero, *v;

	if (json_is_real(a.v))
		return json_real(-json_real_value(a.v));
	if (!json_is_integer(a.v)) {
		buf_puts(ev->err, "'-' needs a number, not ");
		kinds_words(ev->err, kind_of(a.v));
		buf_puts(ev->err, ": ");
		show_value(ev->err, a);
		return NULL;
	}
	zero = json_integer(0);
	v = calculate(ev, OP_SUB, (struct seen){zero, false}, a);
	json_decref(zero);
	return v;
}

/* --- texts and lists ---------------------------------------------------------------------------------- */

static json_t *join_texts(struct evaluation *ev, const json_t *a, const json_t *b)
{
	struct buf text = BUF_INIT;
	json_t *v = NULL;

	if (eval_spend(ev, json_string_length(a) + json_string_length(b))) {
		buf_add(&text, json_string_value(a), json_string_length(a));
		buf_add(&text, json_string_value(b), json_string_length(b));
		v = eval_string(ev, &text);
	}
	buf_release(&text);
	return v;
}

static json_t *join_lists(struct evaluation *ev, const json_t *a, const json_t *b)
{
	json_t *list;

	if (!eval_spend_elements(ev, json_array_size(a) + json_array_size(b)))
		return NULL;
	list = json_array();
	json_array_extend(list, (json_t *)a);
	json_array_extend(list, (json_t *)b);
	return list;
}

json_t *op_arithmetic(struct evaluation *ev, enum operator op, struct seen a, struct seen b)
{
	if (!op_agree(ev, op, a, b))
		return NULL;
	if (json_is_string(a.v))
		return join_texts(ev, a.v, b.v);
	if (json_is_array(a.v))
		return join_lists(ev, a.v, b.v);
	return calculate(ev, op, a, b);
}

/* --- comparison --------------------------------------------------------------------------------------- */

/* By value, exactly: not every integer is a double. */
static int order_int_real(json_int_t a, double b)
{
	const double edge = 9223372036854775808.0;
	json_int_t whole;

	if (b >= edge)
		return -1;
	if (b < -edge)
		return 1;
	whole = (json_int_t)b;
	if (a != whole)
		return a < whole ? -1 : 1;
	return (b < (double)whole) - (b > (double)whole);
}

static int order_numbers(const json_t *a, const json_t *b)
{
	if (json_is_integer(a) && json_is_integer(b))
		return (json_integer_value(a) > json_integer_value(b)) -
		       (json_integer_value(a) < json_integer_value(b));
	if (json_is_integer(a))
		return order_int_real(json_integer_value(a), json_real_value(b));
	if (json_is_integer(b))
		return -order_int_real(json_integer_value(b), json_real_value(a));
	return (json_real_value(a) > json_real_value(b)) - (json_real_value(a) < json_real_value(b));
}

static int order_texts(const json_t *a, const json_t *b)
{
	size_t la = json_string_length(a), lb = json_string_length(b);
	int order = memcmp(json_string_value(a), json_string_value(b), la < lb ? la : lb);

	return order ? order : (la > lb) - (la < lb);
}

int op_order(const json_t *a, const json_t *b)
{
	return json_is_string(a) ? order_texts(a, b) : order_numbers(a, b);
}

static int equal(struct evaluation *ev, const json_t *a, const json_t *b, unsigned depth);

static int equal_lists(struct evaluation *ev, const json_t *a, const json_t *b, unsigned depth)
{
	size_t n = json_array_size(a);
	int yes = n == json_array_size(b);

	for (size_t i = 0; yes == 1 && i < n; i++)
		yes = equal(ev, json_array_get(a, i), json_array_get(b, i), depth + 1);
	return yes;
}

static int equal_maps(struct evaluation *ev, const json_t *a, const json_t *b, unsigned depth)
{
	json_t *m = (json_t *)a; /* jansson's iteration changes nothing */
	int yes = json_object_size(a) == json_object_size(b);

	for (void *it = json_object_iter(m); yes == 1 && it; it = json_object_iter_next(m, it)) {
		const json_t *other = json_object_get(b, json_object_iter_key(it));

		yes = other ? equal(ev, json_object_iter_value(it), other, depth + 1) : 0;
	}
	return yes;
}

/* 1, 0, or -1 and err.  Within lists and maps what is of another kind is only not equal. */
static int equal(struct evaluation *ev, const json_t *a, const json_t *b, unsigned depth)
{
	if (a == b)
		return 1;
	if (kind_of(a) != kind_of(b))
		return 0;
	if (depth > JSON_DEPTH_MAX) {
		eval_error(ev, "the values are nested too deep to be compared");
		return -1;
	}
	if (!eval_spend_elements(ev, 1))
		return -1;
	switch (kind_of(a)) {
	case KIND_LIST:
		return equal_lists(ev, a, b, depth);
	case KIND_MAP:
		return equal_maps(ev, a, b, depth);
	case KIND_TEXT:
		return eval_spend(ev, json_string_length(a)) ? !order_texts(a, b) : -1;
	case KIND_NUMBER:
		return !order_numbers(a, b);
	default: /* true, false and null are one value each */
		return 0;
	}
}

/*
 * Among a list.  A number that is looked for among nothing but texts, or a text among numbers, is
 * the same mistake as comparing them.
 */
static int in_list(struct evaluation *ev, struct seen a, struct seen list)
{
	const unsigned numbers_and_texts = KIND_NUMBER | KIND_TEXT;
	unsigned kinds = 0, own = kind_of(a.v);

	for (size_t i = 0; i < json_array_size(list.v); i++) {
		const json_t *item = json_array_get(list.v, i);
		int yes = equal(ev, a.v, item, 0);

		if (yes)
			return yes;
		kinds |= kind_of(item);
		if (!eval_spend_elements(ev, 1))
			return -1;
	}
	if ((own & numbers_and_texts) && kinds == (numbers_and_texts & ~own)) {
		buf_puts(ev->err, "cannot compare ");
		kinds_words(ev->err, own);
		buf_puts(ev->err, " with ");
		kinds_words(ev->err, kinds);
		fault(ev, OP_IN, a, list);
		return -1;
	}
	return 0;
}

static int is_in(struct evaluation *ev, struct seen a, struct seen b)
{
	if (json_is_array(b.v))
		return in_list(ev, a, b);
	if (json_is_object(b.v))
		return json_object_get(b.v, json_string_value(a.v)) != NULL;
	if (!eval_spend(ev, json_string_length(b.v)))
		return -1;
	return memmem(json_string_value(b.v), json_string_length(b.v), json_string_value(a.v),
		      json_string_length(a.v)) != NULL;
}

int op_same(struct evaluation *ev, const json_t *a, const json_t *b)
{
	return equal(ev, a, b, 0);
}

int op_compare(struct evaluation *ev, enum operator op, struct seen a, struct seen b)
{
	int yes;

	if (!op_agree(ev, op, a, b))
		return -1;
	switch (op) {
	case OP_IN:
		return is_in(ev, a, b);
	case OP_LT:
		return op_order(a.v, b.v) < 0;
	case OP_LE:
		return op_order(a.v, b.v) <= 0;
	case OP_GT:
		return op_order(a.v, b.v) > 0;
	case OP_GE:
		return op_order(a.v, b.v) >= 0;
	default:
		BUG_UNLESS(op == OP_EQ || op == OP_NE);
	}
	yes = equal(ev, a.v, b.v, 0);
	return yes < 0 || op == OP_EQ ? yes : !yes;
}
