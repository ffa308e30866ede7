/* The functions of expressions; functions.def says what each takes and gives. */
#include "job/expr_func.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "base/vec.h"
#include "doc/json.h"

static json_t *not_here(const struct call *c)
{
	return eval_error(c->ev, "%s() cannot be used here", expr_functions[c->t->fn].word);
}

/* --- about the run -------------------------------------------------------------------------------------- */

static json_t *status(const struct call *c, enum expr_status what)
{
	const struct expr_world *w = c->ev->w;

	return w && w->status ? json_boolean(w->status(w->ctx, what)) : not_here(c);
}

json_t *call_ok(const struct call *c)
{
	return status(c, STATUS_OK);
}

json_t *call_failed(const struct call *c)
{
	return status(c, STATUS_FAILED);
}

json_t *call_done(const struct call *c)
{
	return status(c, STATUS_DONE);
}

json_t *call_canceled(const struct call *c)
{
	return status(c, STATUS_CANCELED);
}

json_t *call_always(const struct call *c)
{
	(void)c;
	return json_true();
}

json_t *call_today(const struct call *c)
{
	const struct expr_world *w = c->ev->w;
	char text[STAMP_TEXT];

	if (!w || !w->now)
		return not_here(c);
	stamp_format(w->now(w->ctx), text);
	return string_of((struct span){text, strcspn(text, "T")});
}

json_t *call_now(const struct call *c)
{
	const struct expr_world *w = c->ev->w;
	char text[STAMP_TEXT];

	return w && w->now ? json_string(stamp_format(w->now(w->ctx), text)) : not_here(c);
}

json_t *call_glob(const struct call *c)
{
	const struct expr_world *w = c->ev->w;
	json_t *list;

	if (!w || !w->glob)
		return not_here(c);
	list = w->glob(w->ctx, text_arg(c, 0));
	if (!list)
		return call_fault(c, "failed", 0);
	if (eval_spend_elements(c->ev, json_array_size(list)))
		return list;
	json_decref(list);
	return NULL;
}

json_t *call_exists(const struct call *c)
{
	const struct expr_world *w = c->ev->w;

	return w && w->exists ? json_boolean(w->exists(w->ctx, text_arg(c, 0))) : not_here(c);
}

json_t *call_hash(const struct call *c)
{
	const struct expr_world *w = c->ev->w;
	json_t *v;

	if (!w || !w->hash)
		return not_here(c);
	v = w->hash(w->ctx, text_arg(c, 0));
	return v ? v : json_null();
}

/* --- names ------------------------------------------------------------------------------------------------ */

json_t *call_defined(const struct call *c)
{
	return json_boolean(c->arg[0] != NULL);
}

json_t *call_default(const struct call *c)
{
	return json_incref(c->arg[0] && !json_is_null(c->arg[0]) ? c->arg[0] : c->arg[1]);
}

json_t *call_same(const struct call *c)
{
	int yes = op_same(c->ev, c->arg[0], c->arg[1]);

	return yes < 0 ? NULL : json_boolean(yes);
}

/* --- lists and maps ---------------------------------------------------------------------------------------- */

static size_t characters(struct span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += (s.at[i] & 0xc0) != 0x80; /* all but what continues one */
	return n;
}

json_t *call_len(const struct call *c)
{
	const json_t *v = c->arg[0];
	struct span s;

	if (json_is_array(v))
		return json_integer((json_int_t)json_array_size(v));
	if (json_is_object(v))
		return json_integer((json_int_t)json_object_size(v));
	s = span_arg(c, 0);
	return eval_spend(c->ev, s.len) ? json_integer((json_int_t)characters(s)) : NULL;
}

json_t *call_keys(const struct call *c)
{
	const char *key;
	json_t *v, *list;

	if (!eval_spend_elements(c->ev, json_object_size(c->arg[0])))
		return NULL;
	list = json_array();
	json_object_foreach (c->arg[0], key, v)
		json_array_append_new(list, json_string_nocheck(key));
	return list;
}

json_t *call_values(const struct call *c)
{
	const char *key;
	json_t *v, *list;

	if (!eval_spend_elements(c->ev, json_object_size(c->arg[0])))
		return NULL;
	list = json_array();
	json_object_foreach (c->arg[0], key, v)
		json_array_append(list, v);
	return list;
}

json_t *call_join(const struct call *c)
{
	struct buf text = BUF_INIT;
	json_t *v = NULL, *item;
	bool good = eval_spend_elements(c->ev, json_array_size(c->arg[0]));
	size_t i;

	json_array_foreach (c->arg[0], i, item) {
		good = good && (!i || eval_add_text(c->ev, &text, c->arg[1], false)) &&
		       eval_add_text(c->ev, &text, item, false);
		if (!good)
			break;
	}
	if (good)
		v = eval_string(c->ev, &text);
	buf_release(&text);
	return v;
}

json_t *call_sum(const struct call *c)
{
	json_t *sum = json_integer(0), *item, *before;
	size_t i;

	if (!eval_spend_elements(c->ev, json_array_size(c->arg[0]))) {
		json_decref(sum);
		return NULL;
	}
	json_array_foreach (c->arg[0], i, item) {
		before = sum;
		sum = NULL;
		if (json_is_number(item))
			sum = op_arithmetic(c->ev, OP_ADD, (struct seen){before, seen_arg(c, 0).secret},
					    (struct seen){item, seen_arg(c, 0).secret});
		else
			call_fault(c, "takes a list of numbers, not", 0);
		json_decref(before);
		if (!sum)
			break;
	}
	return sum;
}

/* The one of n values that comes first by sign * op_order. */
static json_t *extreme(const struct call *c, json_t *const *item, size_t n, int sign)
{
	json_t *best = n ? item[0] : NULL;

	if (!n)
		return call_fault(c, "needs at least one value", 0);
	for (size_t i = 0; i < n; i++) {
		unsigned kind = kind_of(item[i]);

		if (!(kind & (KIND_NUMBER | KIND_TEXT)) || kind != kind_of(best))
			return eval_error(c->ev, "%s() takes numbers, or texts, but not both or others",
					  expr_functions[c->t->fn].word);
		if (sign * op_order(item[i], best) < 0)
			best = item[i];
	}
	return json_incref(best);
}

static json_t *least(const struct call *c, int sign)
{
	json_t **item = NULL, *v, *best;
	size_t n = 0, room = 0, i;

	if (c->t->n > 1)
		return extreme(c, c->arg, c->t->n, sign);
	if (!json_is_array(c->arg[0]))
		return call_fault(c, "of one value needs a list, not", 0);
	if (!eval_spend_elements(c->ev, json_array_size(c->arg[0])))
		return NULL;
	json_array_foreach (c->arg[0], i, v)
		VEC_PUSH(item, n, room, v);
	best = extreme(c, item, n, sign);
	free(item);
	return best;
}

json_t *call_min(const struct call *c)
{
	return least(c, 1);
}

json_t *call_max(const struct call *c)
{
	return least(c, -1);
}

/* --- from one kind to another ---------------------------------------------------------------------------------- */

json_t *call_json(const struct call *c)
{
	struct buf text = BUF_INIT;
	json_t *v = NULL;

	if (eval_add_text(c->ev, &text, c->arg[0], true))
		v = eval_string(c->ev, &text);
	buf_release(&text);
	return v;
}

json_t *call_from_json(const struct call *c)
{
	struct span s = span_arg(c, 0);
	struct buf why = BUF_INIT;
	json_t *v;

	if (!eval_spend(c->ev, s.len))
		return NULL;
	v = json_parse(s.at, s.len, &why);
	if (!v && seen_arg(c, 0).secret)
		call_fault(c, "cannot read this as JSON", 0);
	else if (!v)
		eval_error(c->ev, "from_json() at %s", why.data);
	buf_release(&why);
	return v;
}

static json_t *int_of_real(const struct call *c, double value)
{
	const double edge = 9223372036854775808.0;

	if (value >= edge || value < -edge)
		return call_fault(c, "has only 64 bits", 0);
	return json_integer((json_int_t)value);
}

json_t *call_int(const struct call *c)
{
	const char *text = text_arg(c, 0), *p;
	long long value;

	if (json_is_real(c->arg[0]))
		return int_of_real(c, json_real_value(c->arg[0]));
	if (json_is_boolean(c->arg[0]))
		return json_integer(json_is_true(c->arg[0]));
	if (!text)
		return json_incref(c->arg[0]);
	p = text + (*text == '-' || *text == '+');
	if (!*p || p[strspn(p, "0123456789")])
		return call_fault(c, "needs text that is an integer, not", 0);
	errno = 0;
	value = strtoll(text, NULL, 10);
	return errno ? call_fault(c, "has only 64 bits", 0) : json_integer(value);
}

json_t *call_float(const struct call *c)
{
	const char *text = text_arg(c, 0);
	double value;

	if (!text)
		return json_real(json_number_value(c->arg[0]));
	if (text[strspn(text, "0123456789+-.eE")] || !json_real_parse(text, &value))
		return call_fault(c, "needs text that is a number, not", 0);
	return json_real(value);
}

json_t *call_date_add(const struct call *c)
{
	return date_later(c->ev, seen_arg(c, 0), seen_arg(c, 1));
}

/* --- the table ---------------------------------------------------------------------------------------------------- */

static json_t *(*const calls[FN_COUNT])(const struct call *c) = {
#define FUNCTION(word, signature, least, most, first, second, third, result, nature, sentence)             \
	[FN_##word] = call_##word,
#include "job/functions.def"
#undef FUNCTION
};

json_t *call_fault(const struct call *c, const char *what, size_t i)
{
	eval_error(c->ev, "%s() %s: ", expr_functions[c->t->fn].word, what);
	show_value(c->ev->err, seen_arg(c, i));
	return NULL;
}

json_t *function_call(struct evaluation *ev, const struct term *t, json_t **arg)
{
	const struct call c = {.ev = ev, .t = t, .arg = arg};

	return calls[t->fn](&c);
}
