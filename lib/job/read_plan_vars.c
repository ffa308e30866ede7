/*
 * Variables of a plan: ${NAME}, $NAME, and $$ for a dollar, in any text, once a variable has been given.
 * The document has been parsed by then, so a value is data, and is not looked through again.
 */
#include "job/read_plan.h"

#include <string.h>

#include "base/bug.h"

static const struct jobfile_var *given_var(const struct jobfile_where *w, struct span name)
{
	for (size_t i = w->n_vars; i-- > 0;) /* the last one wins */
		if (span_is(name, w->var[i].name))
			return &w->var[i];
	return NULL;
}

static size_t name_length(const char *p, const char *end)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
	size_t n = 0;

	while (p + n < end && p[n] && strchr(letters, p[n]))
		n++;
	return n && p[0] >= '0' && p[0] <= '9' ? 0 : n;
}

static void note(struct plan *p, struct span name, const struct jobfile_var *var, struct mark m)
{
	char *text = arena_strndup(p->l->scratch, name.at, name.len);
	struct plan_variable *v = map_get(&p->variables, text);

	if (!v) {
		v = ARENA_NEW(p->l->a, struct plan_variable);
		*v = (struct plan_variable){.mark = m, .given = var != NULL};
		map_put(&p->variables, text, v);
	}
	v->left += !var;
}

void plan_name_variable(struct plan *p, const char *name, struct mark m)
{
	note(p, span_of(name), given_var(p->l->where, span_of(name)), m);
}

/* What stands at a dollar; how many bytes it takes.  Appends what stands for it. */
static size_t fill_one(struct plan *p, const char *at, const char *end, struct mark m, struct buf *out)
{
	const struct jobfile_where *w = p->l->where;
	bool braces = at + 1 < end && at[1] == '{';
	size_t head = braces ? 2 : 1, n = name_length(at + head, end), all = head + n + braces;
	const struct jobfile_var *var;

	if (w->n_vars && at + 1 < end && at[1] == '$') {
		buf_putc(out, '$');
		return 2;
	}
	if (!n || (braces && (at + head + n >= end || at[head + n] != '}'))) {
		buf_putc(out, '$');
		return 1;
	}
	var = given_var(w, (struct span){at + head, n});
	/* A bare $NAME without a value belongs to a shell. */
	if (var || braces)
		note(p, (struct span){at + head, n}, var, m);
	if (var)
		buf_puts(out, var->value);
	else
		buf_add(out, at, all);
	return all;
}

void plan_fill_text(struct plan *p, struct span text, struct mark m, struct buf *out)
{
	const char *at = text.at, *end = text.at + text.len, *dollar;

	while ((dollar = memchr(at, '$', (size_t)(end - at)))) {
		buf_add(out, at, (size_t)(dollar - at));
		at = dollar + fill_one(p, dollar, end, m, out);
	}
	buf_add(out, at, (size_t)(end - at));
}

static void fill_scalar(struct plan *p, struct node *n)
{
	struct buf out = BUF_INIT;

	if (!memchr(n->text, '$', n->n))
		return;
	plan_fill_text(p, (struct span){n->text, n->n}, n->mark, &out);
	if (out.len != n->n || memcmp(out.data, n->text, n->n)) {
		n->text = arena_strndup(p->l->scratch, out.data, out.len);
		n->n = out.len;
		n->style = STYLE_QUOTED;
	}
	buf_release(&out);
}

/* Conditions have a grammar: a value goes into their texts when they are read, and not into what they are. */
static bool is_condition(const char *key)
{
	return !strcmp(key, plan_key_word(PLAN_condition)) || !strcmp(key, plan_key_word(PLAN_skip_if));
}

/* The depth of a document is bounded, so this recursion is. */
void plan_fill(struct plan *p, struct node *n)
{
	if (n->kind == NODE_SCALAR) {
		fill_scalar(p, n);
		return;
	}
	for (size_t i = 0; i < n->n; i++)
		if (n->kind == NODE_LIST || !is_condition(n->key[i]->text))
			plan_fill(p, n->item[i]);
}

/* --- variables that are still open -------------------------------------------------------------- */

/* What stands at a dollar as a text of the native language; how many bytes it takes. */
static size_t open_one(struct plan *p, const char *at, const char *end, struct buf *out)
{
	bool braces = at + 1 < end && at[1] == '{';
	size_t n = braces ? name_length(at + 2, end) : 0;
	char *name = n && at[2 + n] == '}' ? arena_strndup(p->l->scratch, at + 2, n) : NULL;
	struct plan_variable *v = name ? map_get(&p->variables, name) : NULL;

	if (v && !v->given) {
		v->left--;
		buf_addf(out, "${{ params.%s }}", name);
		return n + 3;
	}
	buf_puts(out, braces && at + 2 < end && at[2] == '{' ? "$$" : "$");
	return 1;
}

struct value *plan_value(struct plan *p, const char *text)
{
	const char *at = text, *end = text + strlen(text), *dollar;
	struct node n = {.kind = NODE_SCALAR, .style = STYLE_QUOTED};
	struct buf out = BUF_INIT;
	struct value *v;

	if (!p->l->where->open_vars || !strstr(text, "${"))
		return plan_constant(p, text);
	while ((dollar = memchr(at, '$', (size_t)(end - at)))) {
		buf_add(&out, at, (size_t)(dollar - at));
		at = dollar + open_one(p, dollar, end, &out);
	}
	buf_add(&out, at, (size_t)(end - at));
	n.text = out.data;
	n.n = out.len;
	v = value_from_node(p->l->a, &n, p->l->d);
	buf_release(&out);
	return v;
}

/* --- afterwards ------------------------------------------------------------------------------- */

static void say_unset(struct plan *p, const char *name, struct mark m)
{
	if (!p->l->where->thorough)
		return;
	diag_warn(p->l->d, m, "variable '%s' has no value: it stays as it is written", name);
	diag_hint(p->l->d, "--var %s=VALUE gives it one", name);
}

static void note_declared(struct plan *p)
{
	const struct jobfile_where *w = p->l->where;

	for (size_t i = 0; i < w->n_vars; i++) {
		if (!w->var[i].declared || map_has(&p->variables, w->var[i].name))
			continue;
		diag_warn(p->l->d, p->j->mark, "the plan has no variable '%s'", w->var[i].name);
		note(p, span_of(w->var[i].name), &w->var[i], p->j->mark);
	}
}

/* Its value, so that the model stands alone; an open one stands for itself. */
static struct value *default_of(struct plan *p, const char *name)
{
	const struct jobfile_var *var = given_var(p->l->where, span_of(name));

	if (var)
		return plan_constant(p, var->value);
	return p->l->where->open_vars ? plan_constant(p, arena_printf(p->l->scratch, "${%s}", name)) : NULL;
}

void plan_finish_variables(struct plan *p)
{
	struct param_list *list = &p->j->params;

	note_declared(p);
	list->at = arena_array(p->l->a, p->variables.n, sizeof(*list->at));
	for (size_t i = 0; i < p->variables.n; i++) {
		const char *name = p->variables.entry[i].key;
		const struct plan_variable *v = p->variables.entry[i].value;

		list->at[list->n++] = (struct param){
			.name = arena_strdup(p->l->a, name),
			.mark = v->mark,
			.type = PARAM_STRING,
			.dflt = default_of(p, name),
			.description = "variable of the plan",
		};
		if (v->left)
			say_unset(p, name, v->mark);
	}
}
