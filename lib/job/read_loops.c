/* Whether a step runs, and as how many instances: when, skip_if, require, matrix, foreach. */
#include "job/read.h"

#include <string.h>

#include "base/spell.h"

static void use_require(struct loader *l, void *ctx, enum key key, const struct node *name,
			const struct node *n)
{
	struct condition *c = ctx;

	(void)name;
	if (key == KEY_require_check)
		read_expr(l, "check", n, &c->expr);
	else
		read_text(l, "msg", n, &c->msg);
}

/* {check, msg}; false after an error. */
static bool read_require(struct loader *l, const struct node *n, struct condition *c)
{
	if (!read_map(l, n, IN_REQUIRE, "'require'", use_require, c))
		return false;
	if (!node_get(n, "check")) {
		diag_error(l->d, n->mark, "'require' has no 'check'");
		diag_hint(l->d, "write require: {check: \"...\", msg: \"...\"}");
	}
	return c->expr != NULL;
}

void read_conditions(struct loader *l, const char *key, const struct node *n, bool with_msg,
		     struct condition_list *ret)
{
	const struct node *const one[] = {n};
	bool is_list = n->kind == NODE_LIST;
	size_t count = is_list ? n->n : 1;
	struct condition_list list = {.at = arena_array(l->a, count, sizeof(*list.at))};

	for (size_t i = 0; i < count; i++) {
		const struct node *item = is_list ? n->item[i] : one[i];
		struct condition *c = &list.at[list.n];

		if (item->kind == NODE_MAP && with_msg ? read_require(l, item, c)
						       : read_expr(l, key, item, &c->expr))
			list.n++;
	}
	*ret = list;
}

/* A list of maps whose keys are axes. */
static void read_cells(struct loader *l, const struct matrix *m, const char *key, const struct node *n,
		       bool all_axes, const json_t **ret)
{
	if (!read_json_list(l, key, n, ret))
		return;
	for (size_t i = 0; i < n->n; i++) {
		const struct node *cell = n->item[i];

		if (cell->kind != NODE_MAP) {
			bad_value(l, key, "a list of maps", cell);
			continue;
		}
		for (size_t k = 0; k < cell->n; k++) {
			struct spell s;
			bool known = false;

			spell_init(&s, cell->key[k]->text);
			for (size_t a = 0; a < m->n_axes && !known; a++) {
				known = !strcmp(m->axis[a].name, cell->key[k]->text);
				spell_try(&s, m->axis[a].name);
			}
			if (known || !m->n_axes)
				continue;
			diag_error(l->d, cell->key[k]->mark, "'%s' is no axis of this matrix",
				   cell->key[k]->text);
			diag_suggest(l->d, s.best);
		}
		for (size_t a = 0; all_axes && a < m->n_axes; a++)
			if (!node_get(cell, m->axis[a].name))
				diag_error(l->d, cell->mark, "axis '%s' has no value here",
					   m->axis[a].name);
	}
}

/* Whether some text below n holds ${{. */
static bool holds_expression(const struct node *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->item[i]->kind == NODE_SCALAR && strstr(list->item[i]->text, "${{"))
			return true;
	return false;
}

static void read_axis(struct loader *l, struct matrix *m, const struct node *name, const struct node *n)
{
	struct matrix_axis *axis = &m->axis[m->n_axes];

	if (n->kind == NODE_SCALAR && strstr(n->text, "${{")) {
		bad_value(l, name->text, "a list", n);
		diag_hint(l->d, "an expression goes into foreach: {%s: \"...\"}", name->text);
		return;
	}
	if (!check_name(l, "an axis", name) || !read_json_list(l, name->text, n, &axis->values))
		return;
	if (!n->n) {
		diag_error(l->d, n->mark, "axis '%s' has no values", name->text);
		return;
	}
	if (holds_expression(n)) {
		diag_error(l->d, n->mark, "the values of an axis are constants");
		diag_hint(l->d, "an expression goes into foreach: {%s: \"...\"}", name->text);
		return;
	}
	axis->name = arena_strdup(l->a, name->text);
	axis->mark = name->mark;
	m->n_axes++;
}

void read_matrix(struct loader *l, struct traits *t, const struct node *n)
{
	struct matrix *m = ARENA_NEW(l->a, struct matrix);
	const struct node *include = NULL, *exclude = NULL;
	enum key key;

	if (n->kind != NODE_MAP || !n->n) {
		bad_value(l, "matrix", "a map of axes and their values", n);
		return;
	}
	m->axis = arena_array(l->a, n->n, sizeof(*m->axis));
	for (size_t i = 0; i < n->n; i++) {
		if (!key_find(IN_MATRIX, n->key[i]->text, &key))
			read_axis(l, m, n->key[i], n->item[i]);
		else if (key == KEY_matrix_include)
			include = n->item[i];
		else
			exclude = n->item[i];
	}
	if (include)
		read_cells(l, m, "include", include, true, &m->include);
	if (exclude)
		read_cells(l, m, "exclude", exclude, false, &m->exclude);
	traits_policy(l, t)->matrix = m;
}

static void read_over(struct loader *l, struct foreach_decl *f, const struct node *name,
		      const struct node *n)
{
	if (f->name) {
		diag_error(l->d, name->mark, "foreach has two names: '%s' and '%s'", f->name,
			   name->text);
		diag_hint(l->d, "use matrix for combinations");
		return;
	}
	if (!check_name(l, "a loop's value", name))
		return;
	f->name = arena_strdup(l->a, name->text);
	if (n->kind == NODE_SCALAR && !is_null(n) && !strstr(n->text, "${{"))
		f->glob = arena_strdup(l->a, n->text);
	else if (n->kind == NODE_MAP || is_null(n))
		bad_value(l, name->text, "a list, a glob or an expression", n);
	else
		f->over = value_from_node(l->a, n, l->d);
}

static void note_late(void *ctx, enum expr_root root, const char *const *path, size_t n, struct mark m)
{
	(void)path;
	(void)n;
	(void)m;
	*(bool *)ctx |= root == ROOT_STEPS || root == ROOT_RESULTS || root == ROOT_CONSUMES || root == ROOT_NEEDS;
}

void read_foreach(struct loader *l, struct traits *t, const struct node *n)
{
	struct foreach_decl *f = ARENA_NEW(l->a, struct foreach_decl);
	int64_t max;
	enum key key;

	if (n->kind != NODE_MAP) {
		bad_value(l, "foreach", "a map such as {file: \"*.csv\"}", n);
		return;
	}
	for (size_t i = 0; i < n->n; i++) {
		if (!key_find(IN_FOREACH, n->key[i]->text, &key))
			read_over(l, f, n->key[i], n->item[i]);
		else if (key == KEY_foreach_fail_fast)
			read_bool(l, "fail_fast", n->item[i], &f->fail_fast);
		else if (read_int(l, "max_parallel", n->item[i], 1, UINT32_MAX, &max))
			f->max_parallel = (uint32_t)max;
	}
	if (!f->name)
		diag_error(l->d, n->mark, "foreach does not say over what");
	if (f->over)
		value_names(f->over, note_late, &f->late);
	traits_policy(l, t)->foreach = f;
}
