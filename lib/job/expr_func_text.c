/* The functions of expressions that make text of text. */
#include "job/expr_func.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "job/outcome.h"

/* --- text ---------------------------------------------------------------------------------------------------- */

/* The next part of what is left; *rest is then what is behind it, at == NULL if nothing is. */
static struct span next_part(struct span *rest, struct span between)
{
	const char *at = memmem(rest->at, rest->len, between.at, between.len);
	struct span part = *rest;

	if (!at) {
		*rest = (struct span){NULL, 0};
		return part;
	}
	part.len = (size_t)(at - rest->at);
	*rest = (struct span){at + between.len, rest->len - part.len - between.len};
	return part;
}

static json_t *split_at_blanks(struct span s)
{
	static const char blanks[] = " \t\r\n";
	json_t *list = json_array();
	const char *p = s.at;

	while (*(p += strspn(p, blanks))) {
		size_t n = strcspn(p, blanks);

		json_array_append_new(list, string_of((struct span){p, n}));
		p += n;
	}
	return list;
}

json_t *call_split(const struct call *c)
{
	struct span rest = span_arg(c, 0);
	json_t *list;

	/* Each byte could become a part, which is what costs. */
	if (!eval_spend(c->ev, rest.len * (ELEMENT_COST / 2)))
		return NULL;
	if (c->t->n == 1)
		return split_at_blanks(rest);
	if (!span_arg(c, 1).len)
		return call_fault(c, "needs something to split at, not", 1);
	list = json_array();
	while (rest.at && (rest.len || json_array_size(list)))
		json_array_append_new(list, string_of(next_part(&rest, span_arg(c, 1))));
	return list;
}

static json_t *with_case(const struct call *c, char first, char last)
{
	struct span s = span_arg(c, 0);
	struct buf text = BUF_INIT;
	json_t *v = NULL;

	if (eval_spend(c->ev, s.len)) {
		buf_add(&text, s.at, s.len);
		for (size_t i = 0; i < text.len; i++)
			if (text.data[i] >= first && text.data[i] <= last)
				text.data[i] ^= 'a' ^ 'A';
		v = eval_string(c->ev, &text);
	}
	buf_release(&text);
	return v;
}

json_t *call_lower(const struct call *c)
{
	return with_case(c, 'A', 'Z');
}

json_t *call_upper(const struct call *c)
{
	return with_case(c, 'a', 'z');
}

json_t *call_outcome(const struct call *c)
{
	const char *outcome = outcome_of(text_arg(c, 0));

	return outcome ? json_string(outcome) : call_fault(c, "needs a state of a step, not", 0);
}

/* A path without the slashes at its end, unless it is nothing else. */
static struct span trimmed(struct span path)
{
	while (path.len > 1 && path.at[path.len - 1] == '/')
		path.len--;
	return path;
}

json_t *call_basename(const struct call *c)
{
	struct span path = trimmed(span_arg(c, 0));
	const char *slash = path.len > 1 ? memrchr(path.at, '/', path.len) : NULL;

	if (slash)
		path = (struct span){slash + 1, path.len - (size_t)(slash + 1 - path.at)};
	return string_of(path);
}

json_t *call_dirname(const struct call *c)
{
	struct span path = trimmed(span_arg(c, 0));
	const char *slash = memrchr(path.at, '/', path.len);

	if (!slash)
		return json_string(".");
	return string_of(trimmed((struct span){path.at, (size_t)(slash - path.at) + 1}));
}

/* --- patterns ------------------------------------------------------------------------------------------------- */

static json_t *too_costly(const struct call *c, const struct pattern *p)
{
	eval_error(c->ev, "the pattern %s is too costly, or the text too long: ",
		   seen_arg(c, 1).secret ? "(a secret)" : pattern_text(p));
	show_value(c->ev->err, seen_arg(c, 0));
	return NULL;
}

static json_t *groups_of(const struct pattern *p, const struct span *group)
{
	json_t *list = json_array();

	for (size_t i = 0; i < pattern_spans(p); i++)
		json_array_append_new(list, group[i].at ? string_of(group[i]) : json_null());
	return list;
}

json_t *call_match(const struct call *c)
{
	struct pattern *made;
	const struct pattern *p = eval_pattern(c->ev, c->t, seen_arg(c, 1), &made);
	struct span *group;
	json_t *v = NULL;

	if (!p)
		return NULL;
	group = xcalloc(pattern_spans(p), sizeof(*group));
	switch (pattern_first(p, span_arg(c, 0), group)) {
	case PATTERN_YES:
		v = groups_of(p, group);
		break;
	case PATTERN_NO:
		v = json_null();
		break;
	case PATTERN_LIMIT:
		v = too_costly(c, p);
		break;
	}
	free(group);
	pattern_free(made);
	return v;
}

static json_t *replaced(const struct call *c, const struct pattern *p)
{
	struct buf text = BUF_INIT, why = BUF_INIT;
	json_t *v = NULL;

	if (!pattern_check_with(p, text_arg(c, 2), &why))
		eval_error(c->ev, "%s", c->t->secret ? "the pattern does not have the groups of a secret" : why.data);
	else if (pattern_replace(p, span_arg(c, 0), text_arg(c, 2), EXPR_RESULT_MAX, &text) != PATTERN_LIMIT ||
		 text.len > EXPR_RESULT_MAX)
		v = eval_spend(c->ev, text.len) ? eval_string(c->ev, &text) : NULL;
	else
		too_costly(c, p);
	buf_release(&text);
	buf_release(&why);
	return v;
}

json_t *call_replace(const struct call *c)
{
	struct pattern *made;
	const struct pattern *p = eval_pattern(c->ev, c->t, seen_arg(c, 1), &made);
	json_t *v = p ? replaced(c, p) : NULL;

	pattern_free(made);
	return v;
}

