/* The value of a tree, and what the header promises of a whole expression. */
#include "job/expr_impl.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/bug.h"

/* --- limits and messages ----------------------------------------------------------------------------- */

json_t *eval_error(struct evaluation *ev, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(ev->err, fmt, ap);
	va_end(ap);
	return NULL;
}

bool eval_spend(struct evaluation *ev, uint64_t cost)
{
	const uint64_t all = (uint64_t)EXPR_OPS_MAX * OP_COST;

	if (cost > all - ev->spent) {
		eval_error(ev, "the expression needs more than %d operations", (int)EXPR_OPS_MAX);
		return false;
	}
	ev->spent += cost;
	return true;
}

bool eval_spend_elements(struct evaluation *ev, size_t n)
{
	return eval_spend(ev, (uint64_t)n * ELEMENT_COST);
}

static json_t *text_too_long(struct evaluation *ev)
{
	return eval_error(ev, "the text would be longer than %d bytes", (int)EXPR_RESULT_MAX);
}

json_t *eval_string(struct evaluation *ev, const struct buf *b)
{
	if (b->len <= EXPR_RESULT_MAX)
		return json_stringn_nocheck(b->data, b->len);
	return text_too_long(ev);
}

bool eval_add_text(struct evaluation *ev, struct buf *out, const json_t *v, bool as_json)
{
	size_t before = out->len, room = before < EXPR_RESULT_MAX ? EXPR_RESULT_MAX - before : 0;

	if (as_json ? json_text_within(out, v, room) : json_as_text_within(out, v, room))
		return eval_spend(ev, out->len - before);
	text_too_long(ev);
	return false;
}

static bool is_truthy(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return json_object_size(v) != 0;
	case JSON_ARRAY:
		return json_array_size(v) != 0;
	case JSON_STRING:
		return json_string_length(v) != 0;
	case JSON_INTEGER:
		return json_integer_value(v) != 0;
	case JSON_REAL:
		return json_real_value(v) != 0;
	case JSON_TRUE:
		return true;
	case JSON_FALSE:
	case JSON_NULL:
		break;
	}
	return false;
}

/* --- operators ---------------------------------------------------------------------------------------- */

/* 1 or 0; -1 and err. */
static int test(struct evaluation *ev, const struct term *t)
{
	json_t *v = term_eval(ev, t);
	int yes = v ? is_truthy(v) : -1;

	json_decref(v);
	return yes;
}

static json_t *eval_unary(struct evaluation *ev, const struct term *t)
{
	json_t *v = term_eval(ev, t->kid[0]), *result;

	if (!v)
		return NULL;
	if (t->op == OP_NOT)
		result = json_boolean(!is_truthy(v));
	else
		result = op_negate(ev, (struct seen){v, t->secret});
	json_decref(v);
	return result;
}

static json_t *eval_chain(struct evaluation *ev, const struct term *t)
{
	json_t *sum = term_eval(ev, t->kid[0]);
	bool secret = t->kid[0]->secret;

	for (uint32_t i = 1; sum && i < t->n; i++) {
		json_t *v = term_eval(ev, t->kid[i]), *left = sum;

		sum = NULL;
		if (v && eval_spend(ev, OP_COST))
			sum = op_arithmetic(ev, t->ops[i - 1], (struct seen){left, secret},
					    (struct seen){v, t->kid[i]->secret});
		secret |= t->kid[i]->secret;
		json_decref(left);
		json_decref(v);
	}
	return sum;
}

/* The first that is there and not null; the last one must be there. */
static json_t *eval_else(struct evaluation *ev, const struct term *t)
{
	size_t before = ev->err->len;

	for (uint32_t i = 0; i + 1 < t->n; i++) {
		json_t *v;

		switch (term_eval_maybe(ev, t->kid[i], &v)) {
		case FOUND:
			if (!json_is_null(v))
				return v;
			json_decref(v);
			break;
		case ABSENT:
			buf_cut(ev->err, before);
			break;
		case FAULTY:
			return NULL;
		}
	}
	return term_eval(ev, t->kid[t->n - 1]);
}

static json_t *eval_logic(struct evaluation *ev, const struct term *t)
{
	int yes = 0;

	if (t->op == OP_ELSE)
		return eval_else(ev, t);
	for (uint32_t i = 0; i < t->n; i++) {
		yes = test(ev, t->kid[i]);
		if (yes < 0)
			return NULL;
		if (yes == (t->op == OP_OR))
			break;
	}
	return json_boolean(yes);
}

static json_t *eval_if(struct evaluation *ev, const struct term *t)
{
	int yes = test(ev, t->kid[0]);

	return yes < 0 ? NULL : term_eval(ev, t->kid[yes ? 1 : 2]);
}

const struct pattern *eval_pattern(struct evaluation *ev, const struct term *t, struct seen v,
				   struct pattern **ret_made)
{
	struct buf why = BUF_INIT;

	*ret_made = NULL;
	if (!eval_spend(ev, PATTERN_COST))
		return NULL;
	if (t->pattern)
		return t->pattern;
	*ret_made = pattern_new(json_string_value(v.v), &why);
	if (!*ret_made) {
		show_value(ev->err, v);
		buf_addf(ev->err, " is no pattern: %s", why.data);
	}
	buf_release(&why);
	return *ret_made;
}

static int search(struct evaluation *ev, const struct term *t, struct seen text, struct seen pattern)
{
	struct pattern *made;
	const struct pattern *p;
	enum pattern_result r;

	if (!op_agree(ev, t->op, text, pattern))
		return -1;
	p = eval_pattern(ev, t, pattern, &made);
	if (!p)
		return -1;
	r = pattern_match(p, (struct span){json_string_value(text.v), json_string_length(text.v)});
	if (r == PATTERN_LIMIT) {
		eval_error(ev, "the pattern %s is too costly, or the text too long: ",
			   pattern.secret ? "(a secret)" : pattern_text(p));
		show_value(ev->err, text);
	}
	pattern_free(made);
	return r == PATTERN_LIMIT ? -1 : r == PATTERN_YES;
}

static json_t *eval_compare(struct evaluation *ev, const struct term *t)
{
	json_t *left = term_eval(ev, t->kid[0]), *right = left ? term_eval(ev, t->kid[1]) : NULL;
	struct seen a = {left, t->kid[0]->secret}, b = {right, t->kid[1]->secret};
	int yes = -1;

	if (right && (t->op == OP_MATCHES || t->op == OP_DIFFERS))
		yes = search(ev, t, a, b);
	else if (right)
		yes = op_compare(ev, t->op, a, b);
	json_decref(left);
	json_decref(right);
	return yes < 0 ? NULL : json_boolean(yes != (t->op == OP_DIFFERS));
}

/* --- lists, maps, calls -------------------------------------------------------------------------------- */

static json_t *eval_list(struct evaluation *ev, const struct term *t)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < t->n; i++) {
		json_t *v = term_eval(ev, t->kid[i]);

		if (!v) {
			json_decref(list);
			return NULL;
		}
		json_array_append_new(list, v);
	}
	return list;
}

static json_t *eval_map(struct evaluation *ev, const struct term *t)
{
	json_t *map = json_object();

	for (uint32_t i = 0; i < t->n; i++) {
		json_t *v = term_eval(ev, t->kid[i]);

		if (!v) {
			json_decref(map);
			return NULL;
		}
		json_object_set_new_nocheck(map, t->key[i], v);
	}
	return map;
}

/* One argument of the kind that is wanted; *ret is NULL for a name that is absent. */
static bool eval_arg(struct evaluation *ev, const struct term *t, uint32_t i, json_t **ret)
{
	unsigned wants = expr_function_arg(t->fn, i);
	size_t before = ev->err->len;

	if (wants & KIND_NAME) {
		enum found found = term_eval_maybe(ev, t->kid[i], ret);

		if (found == ABSENT)
			buf_cut(ev->err, before);
		return found != FAULTY;
	}
	*ret = term_eval(ev, t->kid[i]);
	if (!*ret)
		return false;
	wants |= wants & KIND_PATTERN ? KIND_TEXT : 0;
	if (wants & kind_of(*ret))
		return true;
	eval_error(ev, "%s() takes ", expr_functions[t->fn].word);
	kinds_words(ev->err, wants);
	buf_puts(ev->err, ", not ");
	kinds_words(ev->err, kind_of(*ret));
	buf_puts(ev->err, ": ");
	show_value(ev->err, (struct seen){*ret, t->kid[i]->secret});
	return false;
}

static json_t *eval_call(struct evaluation *ev, const struct term *t)
{
	json_t **arg = xcalloc(t->n + 1, sizeof(*arg)), *v = NULL;
	bool good = true;

	for (uint32_t i = 0; good && i < t->n; i++) {
		if (i && t->fn == FN_default && arg[0] && !json_is_null(arg[0]))
			break; /* not asked for, so it cannot be wrong */
		good = eval_arg(ev, t, i, &arg[i]);
	}
	if (good)
		v = function_call(ev, t, arg);
	for (uint32_t i = 0; i < t->n; i++)
		json_decref(arg[i]);
	free(arg);
	return v;
}

/* --- terms --------------------------------------------------------------------------------------------- */

static json_t *eval_other(struct evaluation *ev, const struct term *t)
{
	switch ((enum term_kind)t->kind) {
	case TERM_CONST:
		return json_incref(t->constant);
	case TERM_UNARY:
		return eval_unary(ev, t);
	case TERM_CHAIN:
		return eval_chain(ev, t);
	case TERM_LOGIC:
		return eval_logic(ev, t);
	case TERM_COMPARE:
		return eval_compare(ev, t);
	case TERM_IF:
		return eval_if(ev, t);
	case TERM_CALL:
		return eval_call(ev, t);
	case TERM_LIST:
		return eval_list(ev, t);
	case TERM_MAP:
		return eval_map(ev, t);
	case TERM_PATH:
		break;
	}
	BUG("no such term");
}

enum found term_eval_maybe(struct evaluation *ev, const struct term *t, json_t **ret)
{
	*ret = NULL;
	if (!eval_spend(ev, OP_COST))
		return FAULTY;
	if (t->kind == TERM_PATH)
		return path_eval(ev, t, ret);
	*ret = eval_other(ev, t);
	return *ret ? FOUND : FAULTY;
}

json_t *term_eval(struct evaluation *ev, const struct term *t)
{
	json_t *v;

	return term_eval_maybe(ev, t, &v) == FOUND ? v : NULL;
}

/* --- the whole --------------------------------------------------------------------------------------------- */

json_t *expr_eval(const struct expr *e, const struct expr_world *w, struct buf *err)
{
	struct evaluation ev = {.e = e, .w = w, .err = err};

	return term_eval(&ev, e->top);
}

int expr_test(const struct expr *e, const struct expr_world *w, struct buf *err)
{
	struct evaluation ev = {.e = e, .w = w, .err = err};

	return test(&ev, e->top);
}

const json_t *expr_const(const struct expr *e)
{
	return e->top->kind == TERM_CONST ? e->top->constant : NULL;
}

const char *expr_text(const struct expr *e)
{
	return e->text;
}

struct mark expr_mark(const struct expr *e)
{
	return e->mark;
}

bool expr_asks_status(const struct expr *e)
{
	return e->asks_status;
}

/* --- names --------------------------------------------------------------------------------------------------- */

struct names {
	const struct expr *e;
	size_t places;
	bool placed; /* places is known */
	expr_name_fn *use;
	void *ctx;
};

static void tell_name(struct names *n, const struct term *t)
{
	const char **path = xcalloc(t->n_access + 1, sizeof(*path));
	size_t len = 0;

	if (!n->placed)
		n->places = expr_places(n->e->mark, (struct span){n->e->text, n->e->len});
	n->placed = true;
	while (len < t->n_access && t->access[len].key) {
		path[len] = t->access[len].key;
		len++;
	}
	n->use(n->ctx, t->root, path, len, expr_place(n->e->mark, n->places, t->at, t->len));
	free(path);
}

/* Recursion goes as deep as the tree, which is bounded. */
static void tell_names(struct names *n, const struct term *t)
{
	if (t->kind == TERM_PATH && t->root != ROOT_COUNT)
		tell_name(n, t);
	for (uint32_t i = 0; i < t->n; i++)
		tell_names(n, t->kid[i]);
	for (uint32_t i = 0; t->kind == TERM_PATH && i < t->n_access; i++)
		if (t->access[i].index)
			tell_names(n, t->access[i].index);
}

void expr_names(const struct expr *e, expr_name_fn *use, void *ctx)
{
	struct names n = {.e = e, .use = use, .ctx = ctx};

	tell_names(&n, e->top);
}
