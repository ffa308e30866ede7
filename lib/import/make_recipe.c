/* Recipes: what make writes into a command stays where it stood, and variables become those of the shell. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"
#include "import/make.h"

struct recipe {
	struct mk *m;
	const struct mk_target *t;
	json_t *env;
	struct sh_scan scan;
	struct buf *out;
	bool makes; /* starts a make */
	size_t comment; /* where one begins in out; SIZE_MAX: there is none */
};

static void put(struct recipe *r, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		bool blank = text[i] == '\t' && sh_where(&r->scan) == SH_PLAIN;

		sh_scan(&r->scan, &text[i], 1);
		if (sh_where(&r->scan) != SH_COMMENT)
			r->comment = SIZE_MAX;
		else if (r->comment == SIZE_MAX)
			r->comment = r->out->len;
		buf_putc(r->out, blank ? ' ' : text[i]);
	}
}

/* A comment at the end of a command says nothing to the shell. */
static void drop_comment(struct recipe *r)
{
	if (r->comment == SIZE_MAX || r->scan.deep)
		return;
	buf_cut(r->out, r->comment);
	while (r->out->len && strchr(" \t", r->out->data[r->out->len - 1]))
		buf_cut(r->out, r->out->len - 1);
}

/* --- automatic variables ----------------------------------------------------------------------------------- */

static void add_part(struct buf *out, const char *name, char part)
{
	const char *slash = strrchr(name, '/');

	if (part == 'F')
		buf_puts(out, slash ? slash + 1 : name);
	else if (part == 'D')
		buf_add(out, slash ? name : ".", slash ? (size_t)(slash - name) : 1);
	else
		buf_puts(out, name);
}

/* Names with a glob in them are the files that match now. */
static void add_names(struct recipe *r, const struct mk_words *list, char part, struct buf *out)
{
	for (size_t i = 0; i < list->n; i++) {
		struct mk_words files = {0};

		if (list->at[i].name[strcspn(list->at[i].name, "*?[")] && !map_has(&r->m->target, list->at[i].name))
			mk_glob(r->m, list->at[i].name, &files, list->at[i].mark);
		if (!files.n)
			mk_words_add(&files, list->at[i].name, list->at[i].mark);
		for (size_t k = 0; k < files.n; k++) {
			if (i || k)
				buf_putc(out, ' ');
			add_part(out, files.at[k].name, part);
		}
		free(files.at);
	}
}

/* False: it has no value that can be known here. */
static bool automatic(void *ctx, char which, char part, struct mark mark, struct buf *out)
{
	struct recipe *r = ctx;
	const struct mk_words *need = &r->t->need;
	struct mk_words first = {need->at, need->n != 0, 0};

	switch (which) {
	case '@':
		add_part(out, r->t->name, part);
		return true;
	case '<':
		add_names(r, &first, part, out);
		return true;
	case '^':
	case '+':
		add_names(r, need, part, out);
		return true;
	case '|':
		add_names(r, &r->t->order, part, out);
		return true;
	case '*':
		if (r->t->stem)
			add_part(out, r->t->stem, part);
		else
			break;
		return true;
	}
	diag_error(r->m->d, mark, "'$%c' cannot be carried over%s", which, which == '*' ? ": this rule is no pattern" : "");
	diag_hint(r->m->d, which == '?' ? "write $^: a job runs for all its inputs" : "write the name that is meant");
	return false;
}

bool mk_is_automatic(const struct mk_text *inside)
{
	bool two = inside->n == 2 && strchr("DF", inside->s[1]);

	return inside->n && (inside->n == 1 || two) && strchr("@<^+?*%|", inside->s[0]);
}

/* --- variables ------------------------------------------------------------------------------------------------ */

static void give(struct recipe *r, struct mk_var *v)
{
	struct buf value = BUF_INIT;

	v->used = true;
	mk_value_of(r->m, v, &value);
	(void)json_object_set_new(r->env, v->name, json_string(value.data));
	buf_release(&value);
}

/* Between ' it is put between " in its place. */
static void put_variable(struct recipe *r, struct mk_var *v, char next)
{
	bool single = sh_where(&r->scan) == SH_SINGLE, braces = isalnum((unsigned char)next) || next == '_';
	struct buf text = BUF_INIT;

	give(r, v);
	buf_addf(&text, single ? "'\"$%s\"'" : braces ? "${%s}" : "$%s", v->name);
	put(r, text.data, text.len);
	buf_release(&text);
}

/* What is worked out here: names of make's own, functions, and variables that cannot stand for themselves. */
static void put_value(struct recipe *r, const struct mk_text *whole)
{
	struct buf text = BUF_INIT;

	mk_expand(r->m, whole, MK_LATE, &text);
	put(r, text.data, text.len);
	buf_release(&text);
}

static void put_reference(struct recipe *r, const struct mk_text *line, size_t from, size_t next, const struct mk_text *inside)
{
	struct mark mark = mk_mark(r->m, line, from, next - from);
	struct mk_text whole = {line->s + from, line->at + from, next - from};
	struct mk_var *v = mk_plain_reference(r->m, inside);
	struct buf text = BUF_INIT;

	if (sh_where(&r->scan) == SH_COMMENT)
		return;
	r->makes |= mk_is(inside, "MAKE");
	if (mk_is_automatic(inside)) {
		if (automatic(r, inside->s[0], inside->n == 2 ? inside->s[1] : 0, mark, &text))
			put(r, text.data, text.len);
	} else if (v && sh_where(&r->scan) != SH_UNKNOWN && mk_stays(r->m, v)) {
		put_variable(r, v, next < line->n ? line->s[next] : 0);
	} else {
		put_value(r, &whole);
	}
	buf_release(&text);
}

static void put_line(struct recipe *r, const struct mk_text *line)
{
	struct mk_text inside;

	for (size_t i = 0, next; i < line->n; i = next) {
		next = i + 1;
		if (line->s[i] != '$')
			put(r, &line->s[i], 1);
		else if (next < line->n && line->s[next] == '$')
			put(r, &line->s[next++], 1);
		else if (mk_reference(r->m, line, i, &inside, &next))
			put_reference(r, line, i, next, &inside);
		else
			return;
	}
}

/* --- lines ------------------------------------------------------------------------------------------------------ */

/* The marks in front of a command: @ it is not shown, - its failure does not count, + also with -n. */
static struct mk_text without_marks(const struct mk_text *line, bool *ret_may_fail)
{
	size_t i = 0;

	*ret_may_fail = false;
	for (; i < line->n && strchr("@+- \t", line->s[i]); i++)
		*ret_may_fail |= line->s[i] == '-';
	return mk_part(line, i, line->n);
}

static void say_plus(struct mk *m, const struct mk_text *line)
{
	size_t marks = strspn(line->s, "@+- \t");

	if (!memchr(line->s, '+', marks < line->n ? marks : line->n) || map_has(&m->told, "+"))
		return;
	(void)map_intern(&m->told, "+");
	diag_warn(m->d, mk_mark(m, line, 0, 1), "'+' runs a command also under -n; a job never runs then");
}

static void put_lines(struct recipe *r, struct buf *out)
{
	const struct mk_rule *rule = r->t->recipe;
	struct sh_command *c = xcalloc(rule->n_lines + 1, sizeof(*c));
	struct buf *text = xcalloc(rule->n_lines + 1, sizeof(*text));
	size_t n = 0;

	for (size_t i = 0; i < rule->n_lines; i++) {
		struct mk_text line = without_marks(&rule->line[i], &c[n].may_fail);

		say_plus(r->m, &rule->line[i]);
		buf_init(&text[n]);
		r->out = &text[n];
		r->scan = (struct sh_scan){0};
		r->comment = SIZE_MAX;
		put_line(r, &line);
		drop_comment(r);
		c[n].text = text[n].data;
		if (text[n].data[strspn(text[n].data, " \t\n")])
			n++;
		else
			buf_release(&text[n]);
	}
	sh_join(out, "sh", c, n);
	for (size_t i = 0; i < n; i++)
		buf_release(&text[i]);
	free(text);
	free(c);
}

void mk_recipe(struct mk *m, const struct mk_target *t, struct buf *out, json_t *env)
{
	struct recipe r = {.m = m, .t = t, .env = env};

	m->reads_builtins = t->recipe->is_builtin; /* their text has no place in the document */
	m->automatic = (struct mk_automatic){automatic, &r};
	put_lines(&r, out);
	m->automatic.put = NULL;
	m->reads_builtins = false;
	if (r.makes && json_object_size(env) && !map_has(&m->told, t->name)) {
		(void)map_intern(&m->told, t->name);
		diag_warn(m->d, t->recipe->mark, "the make that '%s' starts sees the variables of its `env`, which make keeps to itself",
			  t->name);
	}
}

void mk_look_at_recipes(struct mk *m)
{
	for (size_t i = 0; i < m->target.n; i++) {
		struct mk_target *t = m->target.entry[i].value;
		struct buf gone = BUF_INIT;
		json_t *env = json_object();
		size_t errors = diags_errors(m->d);

		if (t->acts && t->leader == t && !t->recipe->refused)
			mk_recipe(m, t, &gone, env);
		if (t->recipe)
			t->recipe->refused |= diags_errors(m->d) > errors;
		json_decref(env);
		buf_release(&gone);
	}
}

bool mk_makes_folder(struct mk *m, const struct mk_target *t)
{
	struct mk_text line;
	bool may_fail;

	(void)m;
	if (!t->recipe->n_lines || t->need.n)
		return false;
	line = without_marks(&t->recipe->line[0], &may_fail);
	return !strncmp(line.s, "mkdir ", 6) && !memchr(line.s, ';', line.n) && !memchr(line.s, '&', line.n) &&
	       (strstr(line.s, "$@") || strstr(line.s, t->name));
}
