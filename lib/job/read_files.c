/* inputs, outputs and fresh: reading, and what can be said of them before a run. */
#include <string.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/stamp.h"
#include "job/files.h"
#include "job/read.h"

/* --- reading ---------------------------------------------------------------------------------------- */

void read_files(struct loader *l, const char *key, const struct node *n, struct value_list *ret)
{
	struct value_list one;

	if (n->kind == NODE_LIST) {
		(void)read_value_list(l, key, n, ret);
		return;
	}
	if (n->kind != NODE_SCALAR) {
		bad_value(l, key, "a name or a list of names", n);
		return;
	}
	one = (struct value_list){arena_array(l->a, 1, sizeof(*one.value)), 1};
	if (read_value(l, key, n, &one.value[0]))
		*ret = one;
}

static void use_probe(struct loader *l, void *ctx, enum key key, const struct node *name, const struct node *value)
{
	struct fresh_spec *fresh = ctx;
	const char *text;

	(void)key;
	if (!read_text(l, name->text, value, &text))
		return;
	refuse_expression(l, "fresh", text, value->mark);
	if (!text[strspn(text, " \t\r\n")])
		bad_value(l, "run", "a command", value);
	*fresh = (struct fresh_spec){.kind = FRESH_PROBE, .probe = text};
}

static void read_probe(struct loader *l, struct traits *t, const struct node *n)
{
	read_map(l, n, IN_FRESH, "'fresh'", use_probe, &traits_policy(l, t)->fresh);
	if (!n->n)
		bad_value(l, "fresh", "a word, or {run: COMMAND}", n);
}

static void read_ttl(struct loader *l, struct traits *t, const struct node *n)
{
	int64_t ms;

	if (!duration_parse(n->text + strlen("ttl:"), &ms) || ms <= 0) {
		bad_value(l, "fresh", "ttl: and a duration, such as ttl:6h", n);
		return;
	}
	traits_policy(l, t)->fresh = (struct fresh_spec){.kind = FRESH_TTL, .ttl_ms = ms};
}

void read_fresh(struct loader *l, struct traits *t, const struct node *n)
{
	static const char *const words[] = {"hash", "mtime", "once", "always", "never", "ttl:6h"};
	static const enum fresh_kind kinds[] = {FRESH_HASH, FRESH_MTIME, FRESH_ONCE, FRESH_ALWAYS, FRESH_NEVER};
	size_t word;

	if (n->kind == NODE_MAP)
		read_probe(l, t, n);
	else if (n->kind == NODE_SCALAR && !strncmp(n->text, "ttl:", 4))
		read_ttl(l, t, n);
	else if (read_word(l, "fresh", n, words, ARRAY_LEN(words), &word))
		traits_policy(l, t)->fresh = (struct fresh_spec){.kind = kinds[word]};
}

/* --- checks ------------------------------------------------------------------------------------------ */

struct late_names {
	struct loader *l;
	const char *key;
};

static void refuse_late_name(void *ctx, enum expr_root root, const char *const *path, size_t n, struct mark m)
{
	static const struct {
		enum expr_root root;
		const char *word;
	} late[] = {{ROOT_STEPS, "steps"}, {ROOT_NEEDS, "needs"}, {ROOT_CONSUMES, "consumes"}, {ROOT_RUN, "run"},
		    {ROOT_ENV, "env"}, {ROOT_SECRETS, "secrets"}};
	const struct late_names *names = ctx;

	(void)path;
	(void)n;
	for (size_t i = 0; i < ARRAY_LEN(late); i++) {
		if (late[i].root != root || !first_blame(names->l, m))
			continue;
		diag_error(names->l->d, m, "'%s' cannot use '%s': the name of a file must be known before the run",
			   names->key, late[i].word);
		diag_hint(names->l->d, "names may use params, vars, matrix, foreach, payload, ctx and job");
	}
}

static void check_file_name(struct loader *l, const char *key, const struct value *name)
{
	struct late_names names = {l, key};
	const json_t *v = value_const(name);

	value_names(name, refuse_late_name, &names);
	if (v && json_is_string(v) && !json_string_value(v)[0])
		diag_error(l->d, value_mark(name), "'%s' has an empty name", key);
}

static void check_file_names(struct loader *l, const char *key, const struct value_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		check_file_name(l, key, list->value[i]);
}

static void check_depfile(struct loader *l, const struct value *name)
{
	const json_t *v = value_const(name);

	check_file_name(l, "depfile", name);
	if (v && json_is_string(v) && is_file_glob(json_string_value(v)))
		diag_error(l->d, value_mark(name), "'depfile' must be the name of one file, not a glob");
}

struct made {
	struct mark mark;
	const struct step *step;
};

static void add_step_name(struct buf *out, const struct step *st)
{
	buf_addf(out, "%s%s%s", st->job->name, st->id[0] ? "/" : "", st->id);
}

static void say_twice(struct loader *l, const char *path, const struct made *first, const struct step *st,
		      struct mark m)
{
	struct buf a = BUF_INIT, b = BUF_INIT;

	add_step_name(&a, first->step);
	add_step_name(&b, st);
	if (first->step == st)
		diag_error(l->d, m, "'%s' names '%s' twice among its outputs", b.data, path);
	else
		diag_error(l->d, m, "'%s' is made by '%s' and by '%s'; a file has one maker", path, a.data, b.data);
	diag_note(l->d, first->mark, "the first is here");
	if (st->job->ns && first->mark.source != m.source && first->mark.line == m.line && first->mark.col == m.col)
		diag_hint(l->d, "it is that of one document under two names: put a parameter of it into the file's name");
	buf_release(&a);
	buf_release(&b);
}

static bool is_outside(const char *path)
{
	return !strcmp(path, ".") || !strcmp(path, "/") || !strcmp(path, "..") || !strncmp(path, "../..", 5);
}

/* A step that stands in for another may make what that one makes. */
static void check_output(struct loader *l, struct map *made, const struct step *st, const struct value *v)
{
	const json_t *name = value_const(v);
	struct buf path = BUF_INIT;
	struct made *first, *mine;

	if (!name || !json_is_string(name) || !json_string_value(name)[0] || st->t.policy->fallback_only)
		return;
	file_name_clean(&path, l->jf->root, json_string_value(name));
	first = map_get(made, path.data);
	if (is_outside(path.data)) {
		diag_error(l->d, value_mark(v), "'%s' cannot be an output: it is a folder with more in it than the "
			   "step makes", json_string_value(name));
	} else if (first) {
		say_twice(l, path.data, first, st, value_mark(v));
	} else if (st->t.policy->matrix || st->t.policy->foreach || st->job->t.policy->matrix || st->job->t.policy->foreach) {
		diag_error(l->d, value_mark(v), "every instance would make '%s'; a file has one maker", path.data);
		diag_hint(l->d, "put the instance's value into the name: ${{ matrix.NAME }}");
	} else {
		mine = ARENA_NEW(l->a, struct made);
		*mine = (struct made){value_mark(v), st};
		(void)map_put(made, path.data, mine);
	}
	buf_release(&path);
}

/* What runs a job reads and makes nothing itself. */
static void refuse_files(struct loader *l, const struct step *st)
{
	const struct flow *f = st->t.flow;
	const struct value *first = f->input.n ? f->input.value[0] : f->output.n ? f->output.value[0] : f->depfile;

	if (first)
		diag_error(l->d, value_mark(first), "step '%s' runs a job, so '%s' belongs to that job's steps", st->id,
			   f->input.n ? "inputs" : f->output.n ? "outputs" : "depfile");
}

static void check_step_files(struct loader *l, struct map *made, const struct step *st)
{
	const struct traits *t = &st->t;

	check_file_names(l, "inputs", &t->flow->input);
	check_file_names(l, "outputs", &t->flow->output);
	for (size_t i = 0; i < t->flow->output.n; i++)
		check_output(l, made, st, t->flow->output.value[i]);
	if (t->flow->depfile) {
		check_depfile(l, t->flow->depfile);
		check_output(l, made, st, t->flow->depfile);
	}
	if (t->act->kind == ACT_JOB)
		refuse_files(l, st);
}

void check_files(struct loader *l)
{
	struct map made = MAP_INIT;

	for (size_t i = 0; i < l->jf->n_jobs; i++)
		for (size_t s = 0; s < l->jf->job[i]->n_steps; s++)
			check_step_files(l, &made, &l->jf->job[i]->step[s]);
	map_release(&made);
}
