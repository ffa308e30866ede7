/* Texts of a Taskfile: what go-task's {{ }} in them comes to. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "import/task.h"

enum form { COMMAND, VALUE, LITERAL };

struct writing {
	struct tf *t;
	const struct node *n;
	enum form form;
	struct buf *out;
	struct sh_scan scan;
	json_t *env;
};

static void put(struct writing *w, const char *text, size_t len)
{
	buf_add(w->out, text, len);
	if (w->form == COMMAND)
		sh_scan(&w->scan, text, len);
}

/* The place of a part of a scalar's text. */
static struct mark mark_in(const struct tf *t, const struct node *n, const char *part, size_t len)
{
	struct span text = source_text(t->source);
	size_t from = source_offset(t->source, n->mark);
	char *copy = xstrndup(part, len);
	const char *at = strstr(text.at + from, copy); /* escapes may hide it */

	free(copy);
	return at && (size_t)(at - text.at) < from + n->n * 2 + 256 ? source_mark(t->source, (size_t)(at - text.at), len) : n->mark;
}

/* --- what stands in {{ }} -------------------------------------------------------------------------------------- */

struct reference {
	struct span name;
	char *dflt; /* NULL: none; the caller frees */
};

static size_t name_length(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && sh_is_name(text, n + 1))
		n++;
	return n;
}

/* "TEXT" or 'TEXT' or `TEXT`, and nothing behind it. */
static char *quoted(struct span s)
{
	s = span_trim(s);
	if (s.len < 2 || !strchr("\"'`", s.at[0]) || s.at[s.len - 1] != s.at[0] || memchr(s.at + 1, s.at[0], s.len - 2) ||
	    memchr(s.at, '\\', s.len))
		return NULL;
	return xstrndup(s.at + 1, s.len - 2);
}

static bool begins(struct span *s, const char *word)
{
	size_t n = strlen(word);

	if (s->len < n || memcmp(s->at, word, n))
		return false;
	*s = span_trim((struct span){s->at + n, s->len - n});
	return true;
}

/* .NAME, .NAME | default "x", default "x" .NAME */
static bool parse(struct span s, struct reference *r)
{
	size_t dot;

	*r = (struct reference){0};
	s = span_trim(s);
	if (begins(&s, "default ")) {
		for (dot = s.len; dot && s.at[dot - 1] != '.'; dot--)
			;
		if (!dot)
			return false;
		r->dflt = quoted((struct span){s.at, dot - 1});
		r->name = span_trim((struct span){s.at + dot, s.len - dot});
		return r->dflt && sh_is_name(r->name.at, r->name.len);
	}
	if (!begins(&s, "."))
		return false;
	r->name = (struct span){s.at, name_length(s.at, s.len)};
	s = span_trim((struct span){s.at + r->name.len, s.len - r->name.len});
	if (!r->name.len || !s.len)
		return r->name.len;
	if (!begins(&s, "|") || !begins(&s, "default "))
		return false;
	r->dflt = quoted(s);
	return r->dflt;
}

static const struct {
	const char *word, *instead;
} refusals[] = {
	{"ROOT_DIR", "names are relative to the folder of the Jobfile: leave it out"},
	{"TASKFILE_DIR", "names are relative to the folder of the Jobfile: leave it out"},
	{"USER_WORKING_DIR", "ask for a folder with a parameter"},
	{"CHECKSUM", "let the command look at the files itself"},
	{"TIMESTAMP", "let the command look at the files itself"},
	{"TASK_VERSION", "leave it out"},
	{"TASKFILE", "write the name"},
	{"OS", "call `uname -s` in the command"},
	{"ARCH", "call `uname -m` in the command"},
	{"exeExt", "leave it out: there is none here"},
};

/* What to do instead of what go-task alone knows; NULL: it is not that. */
static const char *known_to_task(struct span inner)
{
	struct span s = span_trim(inner);

	(void)begins(&s, ".");
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
		if (span_is((struct span){s.at, name_length(s.at, s.len)}, refusals[i].word))
			return refusals[i].instead;
	return NULL;
}

static void refuse(struct writing *w, struct span inner, const char *from, size_t len)
{
	const char *instead = known_to_task(inner);

	diag_error(w->t->d, mark_in(w->t, w->n, from, len), "'%.*s' cannot be carried over", (int)len, from);
	diag_hint(w->t->d, "%s", instead ? instead : "{{.NAME}} and {{.NAME | default \"text\"}} can; let the shell do the rest");
}

/* --- variables ---------------------------------------------------------------------------------------------------- */

static struct tf_var *find(struct tf *t, struct span name)
{
	struct tf_var *v = t->now ? map_get_n(&t->now->var, name.at, name.len) : NULL;

	if (!v)
		v = map_get_n(&t->var, name.at, name.len);
	if (v)
		return v;
	v = ARENA_NEW(t->a, struct tf_var); /* of the environment, or given with the call */
	v->name = arena_strndup(t->a, name.at, name.len);
	(void)map_put(&t->var, v->name, v);
	return v;
}

static bool is_param_of_job(const struct tf *t, const char *name)
{
	return t->now && t->now->params && json_object_get(t->now->params, name);
}

static bool is_everywhere(const char *name)
{
	static const char *const names[] = {"HOME", "PATH", "USER", "PWD", "SHELL", "TMPDIR", "LANG", "LOGNAME", "HOSTNAME", "TERM"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

/* The value of a variable of the task stands where it is used: nobody else can set it. */
static bool stands_here(const struct tf *t, const struct tf_var *v)
{
	return v->task && !v->is_command && !is_param_of_job(t, v->name);
}

static void declare_unset(struct tf *t, const struct tf_var *v)
{
	if (!json_object_get(t->params, v->name))
		(void)json_object_set_new(t->params, v->name,
					  strcmp(v->name, "CLI_ARGS") ? json_pack("{s:s, s:s}", "default", "", "from_env", v->name)
								      : json_pack("{s:s}", "default", ""));
}

void tf_declare(struct tf *t, struct tf_var *v)
{
	const struct tf_task *now = t->now;
	char *value;

	if (!v->node) {
		declare_unset(t, v);
	} else if (v->busy) {
		diag_error(t->d, v->node->mark, "'%s' is made of itself", v->name);
	} else if (!(v->is_command ? json_object_get(t->vars, v->var) : json_object_get(t->params, v->name))) {
		v->busy = true;
		t->now = v->task;
		value = v->is_command ? NULL : tf_value(t, v->node);
		if (v->is_command)
			(void)json_object_set_new(t->vars, v->var, json_pack("{s:s}", "sh", v->node->text));
		else if (strstr(value, "${{ vars."))
			(void)json_object_set_new(t->vars, v->name, json_string(value));
		else
			(void)json_object_set_new(t->params, v->name, json_pack("{s:s}", "default", value));
		free(value);
		t->now = now;
		v->busy = false;
	}
}

static void put_expression(struct writing *w, struct tf_var *v, struct buf *out)
{
	struct tf *t = w->t;

	if (is_param_of_job(t, v->name)) {
		buf_addf(out, "${{ params.%s }}", v->name);
		return;
	}
	tf_declare(t, v);
	if (v->is_command)
		buf_addf(out, "${{ vars.%s }}", v->var);
	else
		buf_addf(out, "${{ %s.%s }}", json_object_get(t->vars, v->name) ? "vars" : "params", v->name);
}

static void put_nested(struct writing *w, struct tf_var *v, enum form form, struct buf *out)
{
	char *text;

	if (v->busy) {
		diag_error(w->t->d, v->node->mark, "'%s' is made of itself", v->name);
		return;
	}
	v->busy = true;
	if (form == LITERAL) {
		tf_literal(w->t, v->node, out);
	} else {
		text = tf_value(w->t, v->node);
		buf_puts(out, text);
		free(text);
	}
	v->busy = false;
}

/* Whether $NAME does what its value, pasted, would do: by what is written in it itself. */
static bool is_plain(struct writing *w, struct tf_var *v)
{
	struct buf own = BUF_INIT;
	const char *at, *open, *close;
	bool plain;

	if (!v->node || !v->node->text || v->is_command || is_param_of_job(w->t, v->name)) /* a map or a list is refused elsewhere */
		return true;
	for (at = v->node->text; (open = strstr(at, "{{")) && (close = strstr(open, "}}")); at = close + 2)
		buf_add(&own, at, (size_t)(open - at));
	buf_puts(&own, at);
	plain = sh_value_is_plain(own.data);
	buf_release(&own);
	return plain;
}

static void put_shell_variable(struct writing *w, struct tf_var *v, const char *next)
{
	bool single = sh_where(&w->scan) == SH_SINGLE;
	bool braces = sh_is_name(next, 1) || (*next >= '0' && *next <= '9');
	struct buf value = BUF_INIT, text = BUF_INIT;

	if (!(!v->node && is_everywhere(v->name))) {
		if (stands_here(w->t, v))
			put_nested(w, v, VALUE, &value);
		else
			put_expression(w, v, &value);
		(void)json_object_set_new(w->env, v->name, json_string(value.data));
	}
	buf_addf(&text, single ? "'\"$%s\"'" : braces ? "${%s}" : "$%s", v->name);
	put(w, text.data, text.len);
	buf_release(&value);
	buf_release(&text);
}

static void put_written_out(struct writing *w, struct tf_var *v)
{
	struct buf text = BUF_INIT;

	if (v->is_command || !v->node) {
		diag_error(w->t->d, w->n->mark, "'%s' is not known here", v->name);
		diag_hint(w->t->d, "write its value out, or use it in a command, outside comments");
	} else {
		put_nested(w, v, LITERAL, &text);
	}
	put(w, text.data, text.len);
	buf_release(&text);
}

static void say_arguments(struct tf *t)
{
	if (map_has(&t->told, "CLI_ARGS"))
		return;
	(void)map_intern(&t->told, "CLI_ARGS");
	diag_warn(t->d, MARK_NONE, "what stands behind -- is a parameter here: orchmake JOB CLI_ARGS=\"...\"");
}

static void put_variable(struct writing *w, struct span name, const char *next)
{
	struct tf *t = w->t;
	struct tf_var *v;

	if (sh_where(&w->scan) == SH_COMMENT)
		return;
	if (t->item_name && span_is(name, t->item_name)) {
		put(w, t->item, strlen(t->item));
		return;
	}
	if (span_is(name, "TASK") && t->now) {
		put(w, t->now->name, strlen(t->now->name));
		return;
	}
	if (span_is(name, "CLI_ARGS"))
		say_arguments(t);
	v = find(t, name);
	if (w->form == LITERAL || (w->form == COMMAND && (sh_where(&w->scan) == SH_UNKNOWN || !is_plain(w, v))))
		put_written_out(w, v);
	else if (w->form == COMMAND)
		put_shell_variable(w, v, next);
	else if (stands_here(t, v))
		put_nested(w, v, VALUE, w->out);
	else
		put_expression(w, v, w->out);
}

/* A variable that has a value needs no default; one that has none gets it as its parameter's. */
static void put_with_default(struct writing *w, const struct reference *r, const char *next)
{
	struct tf_var *v = find(w->t, r->name);

	if (!v->node && !is_param_of_job(w->t, v->name) && !json_object_get(w->t->params, v->name))
		(void)json_object_set_new(w->t->params, v->name, json_pack("{s:s, s:s}", "default", r->dflt, "from_env", v->name));
	put_variable(w, r->name, next);
}

static void write(struct writing *w)
{
	const char *at = w->n->text, *open, *close;

	while ((open = strstr(at, "{{")) && (close = strstr(open, "}}"))) {
		struct span inner = {open + 2, (size_t)(close - open - 2)};
		struct reference r;

		if (inner.len && inner.at[0] == '-')
			inner.at++, inner.len--;
		if (inner.len && inner.at[inner.len - 1] == '-')
			inner.len--;
		put(w, at, (size_t)(open - at));
		at = close + 2;
		if (!parse(inner, &r) || known_to_task(inner))
			refuse(w, inner, open, (size_t)(at - open));
		else if (r.dflt)
			put_with_default(w, &r, at);
		else
			put_variable(w, r.name, at);
		free(r.dflt);
	}
	put(w, at, strlen(at));
}

/* --- the three forms ------------------------------------------------------------------------------------------------- */

static bool is_text(struct tf *t, const struct node *n)
{
	if (n->kind == NODE_SCALAR)
		return true;
	tf_refuse(t, n->mark, "a list or a map here", "write a text");
	return false;
}

void tf_command(struct tf *t, const struct node *n, struct buf *out, json_t *env)
{
	struct writing w = {.t = t, .n = n, .form = COMMAND, .out = out, .env = env};

	if (is_text(t, n))
		write(&w);
}

char *tf_value(struct tf *t, const struct node *n)
{
	struct buf out = BUF_INIT;
	struct writing w = {.t = t, .n = n, .form = VALUE, .out = &out};

	if (is_text(t, n))
		write(&w);
	return buf_detach(&out);
}

void tf_literal(struct tf *t, const struct node *n, struct buf *out)
{
	struct writing w = {.t = t, .n = n, .form = LITERAL, .out = out};

	if (is_text(t, n))
		write(&w);
}

const char *tf_default_of(struct tf *t, const struct node *n, const char *name)
{
	struct reference r = {0};
	const char *ret = NULL;
	size_t len = n->kind == NODE_SCALAR ? n->n : 0;

	if (len < 4 || strncmp(n->text, "{{", 2) || strcmp(n->text + len - 2, "}}") || strstr(n->text + 2, "{{"))
		return NULL;
	if (parse((struct span){n->text + 2, len - 4}, &r) && r.dflt && span_is(r.name, name))
		ret = arena_strdup(t->a, r.dflt);
	free(r.dflt);
	return ret;
}
