/* Inside of the functions of expressions: one call, and its arguments. */
#ifndef JOB_EXPR_FUNC_H
#define JOB_EXPR_FUNC_H

#include "job/expr_impl.h"

/* One call; its arguments are of the kinds that functions.def says. */
struct call {
	struct evaluation *ev;
	const struct term *t;
	json_t **arg;
};

static inline const char *text_arg(const struct call *c, size_t i)
{
	return json_string_value(c->arg[i]);
}

static inline struct span span_arg(const struct call *c, size_t i)
{
	return (struct span){json_string_value(c->arg[i]), json_string_length(c->arg[i])};
}

static inline struct seen seen_arg(const struct call *c, size_t i)
{
	return (struct seen){c->arg[i], c->t->kid[i]->secret};
}

static inline json_t *string_of(struct span s)
{
	return json_stringn_nocheck(s.at, s.len);
}

/* NULL, and err says: FUNCTION() what: argument i. */
json_t *call_fault(const struct call *c, const char *what, size_t i);

/* The functions themselves: new reference, or NULL and err. */
#define FUNCTION(word, signature, least, most, first, second, third, result, nature, sentence)             \
	json_t *call_##word(const struct call *c);
#include "job/functions.def"
#undef FUNCTION

#endif
