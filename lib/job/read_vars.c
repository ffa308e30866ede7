/* Values of the file: vars and secrets. */
#include "job/read.h"

#include <string.h>

#include "base/bug.h"

/* --- vars ------------------------------------------------------------------------------------- */

/* A map of one of the keys sh, argv, file is a command, not a value. */
static enum var_kind kind_of_var(const struct node *n)
{
	enum key key;

	if (n->kind != NODE_MAP || n->n != 1 || !key_find(IN_VAR, n->key[0]->text, &key))
		return VAR_VALUE;
	return key == KEY_var_sh ? VAR_SH : key == KEY_var_argv ? VAR_ARGV : VAR_FILE;
}

/* What a command needs beyond being a value. */
static bool check_command(struct loader *l, const struct var *v, const struct node *n)
{
	static const char *const key[] = {[VAR_SH] = "sh", [VAR_ARGV] = "argv", [VAR_FILE] = "file"};
	size_t before = diags_errors(l->d);

	if (v->kind == VAR_VALUE)
		return true;
	if (v->kind == VAR_ARGV ? n->kind != NODE_LIST || !n->n : n->kind != NODE_SCALAR || !n->n)
		bad_value(l, key[v->kind], v->kind == VAR_ARGV ? "a list: the program and its arguments"
							       : "a text", n);
	else if (v->kind == VAR_SH && strstr(n->text, "${{"))
		diag_error(l->d, n->mark, "'sh' holds a ${{ }}: no value is ever pasted into shell text"),
		diag_hint(l->d, "write it as argv: [program, \"${{ ... }}\"]");
	return diags_errors(l->d) == before;
}

static void read_var(struct loader *l, const struct node *name, const struct node *item)
{
	struct var v = {.mark = name->mark, .kind = kind_of_var(item)};
	const struct node *n = v.kind == VAR_VALUE ? item : item->item[0];

	v.name = full_name(l, name->text);
	if (!check_name(l, "a variable", name) || !take_name(l, NAME_VAR, v.name, v.mark) ||
	    !check_command(l, &v, n))
		return;
	v.value = value_from_node(l->a, n, l->d);
	if (v.value)
		VEC_PUSH(l->jf->var, l->jf->n_vars, l->room_vars, v);
}

void read_vars(struct loader *l, const struct node *n)
{
	if (n->kind != NODE_MAP) {
		bad_value(l, "vars", "a map of names and values", n);
		return;
	}
	for (size_t i = 0; i < n->n; i++)
		read_var(l, n->key[i], n->item[i]);
}

/* --- secrets ---------------------------------------------------------------------------------- */

struct secret_reading {
	struct secret s;
	int n_sources;
};

static void use_secret_key(struct loader *l, void *ctx, enum key key, const struct node *name,
			   const struct node *n)
{
	struct secret_reading *r = ctx;

	r->n_sources++;
	if (key == KEY_secret_argv) {
		r->s.kind = SECRET_ARGV;
		if (read_texts(l, name->text, n, &r->s.argv) && !r->s.argv.n)
			bad_value(l, "argv", "the program and its arguments", n);
		return;
	}
	r->s.kind = key == KEY_secret_env ? SECRET_ENV : SECRET_FILE;
	if (read_text(l, name->text, n, &r->s.from) && !r->s.from[0])
		bad_value(l, name->text, r->s.kind == SECRET_ENV ? "the name of a variable" : "a path", n);
}

static void read_secret(struct loader *l, const struct node *name, const struct node *n)
{
	struct secret_reading r = {.s = {.name = full_name(l, name->text), .mark = name->mark}};

	if (!check_name(l, "a secret", name) || !take_name(l, NAME_SECRET, r.s.name, r.s.mark))
		return;
	if (n->kind != NODE_MAP) {
		/* Without its place, because that would quote the line. */
		diag_error(l->d, MARK_NONE, "%s:%u: secret '%s' has to say where it is, and not what it is",
			   source_name(name->mark.source), (unsigned)name->mark.line, name->text);
		diag_hint(l->d, "write where it comes from: {env: NAME}, {file: PATH} or {argv: [program]}");
		return;
	}
	if (!read_map(l, n, IN_SECRET, arena_printf(l->scratch, "secret '%s'", name->text), use_secret_key, &r))
		return;
	if (r.n_sources != 1) {
		diag_error(l->d, name->mark, "secret '%s' %s", name->text,
			   r.n_sources ? "comes from several places" : "comes from nowhere");
		diag_hint(l->d, "one of {env: NAME}, {file: PATH}, {argv: [program]}");
	}
	VEC_PUSH(l->jf->secret, l->jf->n_secrets, l->room_secrets, r.s);
}

void read_secrets(struct loader *l, const struct node *n)
{
	if (n->kind != NODE_MAP) {
		bad_value(l, "secrets", "a map of names and places", n);
		return;
	}
	for (size_t i = 0; i < n->n; i++)
		read_secret(l, n->key[i], n->item[i]);
}
