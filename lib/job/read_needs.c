/* What a step waits for and what it hands on: needs, after, provides. */
#include "job/read.h"

#include <string.h>

#include "base/bug.h"

static void add_needs(struct loader *l, struct traits *t, const struct need_decl *more, size_t n)
{
	struct need_decl *all = arena_array(l->a, t->n_needs + n, sizeof(*all));

	if (t->n_needs)
		memcpy(all, t->need, t->n_needs * sizeof(*all));
	memcpy(all + t->n_needs, more, n * sizeof(*all));
	t->need = all;
	t->n_needs += (uint32_t)n;
}

static void add_needs_list(struct loader *l, struct traits *t, const struct node *n, const char *key,
			   bool order_only)
{
	struct name_decl *name;
	size_t count;
	struct need_decl *need;

	if (!read_names(l, key, n, false, &name, &count) || !count)
		return;
	need = arena_array(l->scratch, count, sizeof(*need));
	for (size_t i = 0; i < count; i++)
		need[i] = (struct need_decl){
			.name = name[i].name,
			.mark = name[i].mark,
			.cond = order_only ? COND_ANY : COND_OK,
			.order_only = order_only,
		};
	add_needs(l, t, need, count);
}

static void add_needs_map(struct loader *l, struct traits *t, const struct node *n)
{
	struct need_decl *need = arena_array(l->scratch, n->n, sizeof(*need));
	size_t count = 0, cond;

	for (size_t i = 0; i < n->n; i++) {
		const char *name = n->key[i]->text;

		if (!read_word(l, name, n->item[i], cond_words, ARRAY_LEN(cond_words), &cond))
			continue;
		need[count++] = (struct need_decl){
			.name = arena_strdup(l->a, name),
			.mark = n->key[i]->mark,
			.cond = (enum cond)cond,
		};
	}
	if (count)
		add_needs(l, t, need, count);
}

void read_needs(struct loader *l, struct traits *t, const struct node *n)
{
	if (n->kind == NODE_MAP)
		add_needs_map(l, t, n);
	else
		add_needs_list(l, t, n, "needs", false);
}

void read_after(struct loader *l, struct traits *t, const struct node *n)
{
	add_needs_list(l, t, n, "after", true);
}

void read_needs_rule(struct loader *l, struct traits *t, const struct node *n)
{
	int64_t k;

	if (n->kind == NODE_SCALAR && !strcmp(n->text, "all")) {
		t->needs_rule = 0;
	} else if (n->kind == NODE_SCALAR && !strcmp(n->text, "any")) {
		t->needs_rule = 1;
	} else if (n->kind != NODE_SCALAR || !n->n || n->text[strspn(n->text, "0123456789")]) {
		bad_value(l, "needs_rule", "all, any or a number", n);
	} else if (read_int(l, "needs_rule", n, 1, UINT32_MAX, &k)) {
		t->needs_rule = (uint32_t)k;
	}
}

static void read_line(struct loader *l, const struct node *n, struct provide_decl *p)
{
	enum { LINES_MAX = 1000000 };
	int64_t line;

	if (!read_int(l, "line", n, -LINES_MAX, LINES_MAX, &line))
		return;
	p->line = (int)line;
	if (!line)
		bad_value(l, "line", "a number from 1, or from -1 for the last one", n);
}

/* Where the value comes from; the key is not `type`. */
static enum provide_from read_from(struct loader *l, enum key key, const struct node *n, struct provide_decl *p)
{
	bool yes = true;

	switch (key) {
	case KEY_provide_stdout:
		if (read_bool(l, "stdout", n, &yes) && !yes)
			bad_value(l, "stdout", "true", n);
		return PROVIDE_STDOUT;
	case KEY_provide_json:
		if (read_text(l, "json", n, &p->path) && p->path[0] != '.' && p->path[0] != '[')
			bad_value(l, "json", "a path such as .rows[0].id", n);
		return PROVIDE_JSON;
	case KEY_provide_regex:
		read_pattern(l, "regex", n, &p->pattern);
		return PROVIDE_REGEX;
	case KEY_provide_file:
		read_text(l, "file", n, &p->path);
		return PROVIDE_FILE;
	case KEY_provide_path:
		read_text(l, "path", n, &p->path);
		return PROVIDE_PATH;
	case KEY_provide_line:
		read_line(l, n, p);
		return PROVIDE_LINE;
	default:
		BUG("key '%s' is not one of 'provides'", key_word(key));
	}
}

static void use_provide(struct loader *l, void *ctx, enum key key, const struct node *name,
			const struct node *n)
{
	struct provide_decl *p = ctx;
	enum provide_from from;
	size_t type;

	if (key == KEY_provide_type) {
		if (read_word(l, "type", n, value_type_words, ARRAY_LEN(value_type_words), &type))
			p->type = (enum value_type)type;
		return;
	}
	from = read_from(l, key, n, p);
	if (p->from != PROVIDE_OUTPUT)
		diag_error(l->d, name->mark, "'%s' is provided from two places", p->name);
	p->from = from;
}

static void read_provides_map(struct loader *l, struct traits *t, const struct node *n)
{
	traits_flow(l, t)->provide = arena_array(l->a, n->n, sizeof(*t->flow->provide));
	traits_flow(l, t)->n_provides = n->n;
	for (size_t i = 0; i < n->n; i++) {
		struct provide_decl *p = &t->flow->provide[i];

		*p = (struct provide_decl){.mark = n->key[i]->mark};
		p->name = arena_strdup(l->a, n->key[i]->text);
		check_name(l, "an artifact", n->key[i]);
		if (is_null(n->item[i]))
			continue;
		read_map(l, n->item[i], IN_PROVIDE,
			 arena_printf(l->scratch, "artifact '%s'", p->name), use_provide, p);
		/* A value out of JSON has the type it has there, unless the author wants another. */
		if (p->from == PROVIDE_JSON && !node_get(n->item[i], "type"))
			p->type = AS_JSON;
	}
}

void read_provides(struct loader *l, struct traits *t, const struct node *n)
{
	struct name_decl *name;
	size_t count;

	if (n->kind == NODE_MAP) {
		read_provides_map(l, t, n);
		return;
	}
	if (!read_names(l, "provides", n, false, &name, &count))
		return;
	traits_flow(l, t)->provide = arena_array(l->a, count, sizeof(*t->flow->provide));
	traits_flow(l, t)->n_provides = count;
	for (size_t i = 0; i < count; i++) {
		check_name(l, "an artifact", n->item[i]);
		t->flow->provide[i] = (struct provide_decl){.name = name[i].name, .mark = name[i].mark};
	}
}
