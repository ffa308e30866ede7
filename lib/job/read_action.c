/* What a step does: run, argv, call, job, approve, until, noop. */
#include "job/read.h"

#include <string.h>

#include "base/bug.h"

bool is_action_key(enum key key)
{
	return key == KEY_run || key == KEY_argv || key == KEY_call || key == KEY_with ||
	       key == KEY_job || key == KEY_job_params || key == KEY_job_payload || key == KEY_idempotency ||
	       key == KEY_approve || key == KEY_until || key == KEY_noop;
}

const char *act_word(enum act kind)
{
	static const char *const words[] = {
		[ACT_NONE] = "nothing", [ACT_RUN] = "run",	   [ACT_ARGV] = "argv",
		[ACT_CALL] = "call",	[ACT_JOB] = "job",	   [ACT_APPROVE] = "approve",
		[ACT_UNTIL] = "until",	[ACT_NOOP] = "noop",
	};

	return words[kind];
}

/* The act that a key says, ACT_NONE for those that only add to one. */
static enum act act_of(enum key key)
{
	switch (key) {
	case KEY_run:
		return ACT_RUN;
	case KEY_argv:
		return ACT_ARGV;
	case KEY_call:
		return ACT_CALL;
	case KEY_job:
		return ACT_JOB;
	case KEY_approve:
		return ACT_APPROVE;
	case KEY_until:
		return ACT_UNTIL;
	case KEY_noop:
		return ACT_NOOP;
	default:
		return ACT_NONE;
	}
}

/* A ${{ }} in shell text would be code; show how to pass it as data. */
void refuse_expression(struct loader *l, const char *key, const char *text, struct mark m)
{
	const char *open = strstr(text, "${{"), *close;

	if (!open)
		return;
	close = strstr(open, "}}");
	diag_error(l->d, m, "'%s' holds a ${{ }}: no value is ever pasted into shell text", key);
	if (close && close - open < 200 && !memchr(open, '\n', (size_t)(close - open)) &&
	    !memchr(open, '"', (size_t)(close - open)))
		diag_hint(l->d, "write env: {NAME: \"%.*s\"} and \"$NAME\" in '%s'",
			  (int)(close - open) + 2, open, key);
	else
		diag_hint(l->d, "write env: {NAME: \"${{ ... }}\"} and \"$NAME\" in '%s'", key);
}

/* Behind a text without quotes YAML takes ` #` for a comment; people mean it as text. */
static void warn_of_comment(struct loader *l, const struct node *n)
{
	struct span line = source_line(n->mark.source, n->mark.line);
	size_t from = n->mark.col - 1, quotes = 0, blanks;
	const char *hash;

	if (n->style != STYLE_PLAIN || from + n->n > line.len || memcmp(line.at + from, n->text, n->n))
		return; /* of several lines, which YAML does not take comments between */
	blanks = from + n->n;
	while (blanks < line.len && line.at[blanks] == ' ')
		blanks++;
	hash = line.at + blanks;
	if (blanks == line.len || blanks == from + n->n || *hash != '#')
		return;
	for (size_t i = 0; i < n->n; i++)
		quotes += n->text[i] == '"' || n->text[i] == '\'';
	/* What looks like a comment is one: set apart, `# ` and a word. */
	if (quotes % 2 == 0 && blanks - from - n->n > 1 && blanks + 1 < line.len && hash[1] == ' ')
		return;
	diag_warn(l->d, mark_of(n->mark.source, n->mark.line, blanks + 1, line.len - blanks),
		  "to YAML this is a comment, not part of 'run'");
	diag_hint(l->d, "put the whole text in quotes, or write it below `run: |`");
}

void read_action_run(struct loader *l, struct traits *t, const struct node *n)
{
	if (!read_text(l, "run", n, &traits_act(l, t)->run))
		return;
	if (!n->text[strspn(n->text, " \t\n")])
		diag_error(l->d, n->mark, "'run' is empty");
	refuse_expression(l, "run", n->text, n->mark);
	warn_of_comment(l, n);
}

void read_action_argv(struct loader *l, struct traits *t, const struct node *n)
{
	if (read_value_list(l, "argv", n, &traits_act(l, t)->argv) && !n->n) {
		diag_error(l->d, n->mark, "'argv' is empty");
		diag_hint(l->d, "its first element is the program");
	}
}

static void read_with(struct loader *l, struct traits *t, const struct node *n, bool keep_nodes)
{
	if (keep_nodes)
		traits_act(l, t)->with_node = node_copy(l->a, n);
	traits_act(l, t)->with = value_from_node(l->a, n, l->d);
}

static void use_idempotency_key(struct loader *l, void *ctx, enum key key, const struct node *name,
				const struct node *n)
{
	struct idempotency *i = ctx;
	size_t word;

	if (key == KEY_idempotency_key)
		read_text(l, name->text, n, &i->key);
	else if (key == KEY_idempotency_hash)
		read_bool(l, name->text, n, &i->payload_hash);
	else if (read_word(l, name->text, n, idempotency_words, ARRAY_LEN(idempotency_words), &word))
		i->scope = (enum idempotency_scope)word;
}

static void read_idempotency(struct loader *l, struct traits *t, const struct node *n)
{
	struct idempotency *i = ARENA_NEW(l->a, struct idempotency);

	if (!read_map(l, n, IN_IDEMPOTENCY, "'idempotency'", use_idempotency_key, i))
		return;
	if ((i->scope == IDEMPOTENT_SEMANTIC) != (i->key != NULL))
		diag_error(l->d, n->mark, i->key ? "'key' belongs to the scope 'semantic'"
						 : "the scope 'semantic' needs a 'key': a path into 'with'");
	traits_act(l, t)->idempotency = i;
}

static void read_noop(struct loader *l, const struct node *n)
{
	bool yes = true;

	if (read_bool(l, "noop", n, &yes) && !yes)
		bad_value(l, "noop", "true", n);
}

void read_action(struct loader *l, struct traits *t, const char *where, enum key key,
		 const struct node *name, const struct node *n, bool keep_nodes)
{
	enum act kind = act_of(key);

	if (kind != ACT_NONE && t->act->kind != ACT_NONE) {
		diag_error(l->d, name->mark, "%s has both '%s' and '%s'", where, act_word(t->act->kind),
			   name->text);
		diag_note(l->d, t->act->mark, "'%s' is here", act_word(t->act->kind));
		diag_hint(l->d, "one action each: make them two steps");
		return;
	}
	if (kind != ACT_NONE) {
		traits_act(l, t)->kind = kind;
		traits_act(l, t)->mark = name->mark;
	}
	if (key == KEY_run)
		read_action_run(l, t, n);
	else if (key == KEY_argv)
		read_action_argv(l, t, n);
	else if (key == KEY_call)
		read_text(l, "call", n, &traits_act(l, t)->call);
	else if (key == KEY_with)
		read_with(l, t, n, keep_nodes);
	else if (key == KEY_job)
		read_text(l, "job", n, &traits_act(l, t)->job);
	else if (key == KEY_job_params)
		read_value_map(l, "params", n, false, &traits_act(l, t)->params);
	else if (key == KEY_job_payload)
		traits_act(l, t)->payload = value_from_node(l->a, n, l->d);
	else if (key == KEY_approve)
		read_approve(l, t, n);
	else if (key == KEY_until)
		read_until(l, t, n);
	else if (key == KEY_idempotency)
		read_idempotency(l, t, n);
	else
		read_noop(l, n);
}
