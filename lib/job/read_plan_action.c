/* What a step of a plan does: its command, or its step_def. */
#include "job/read_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"
#include "doc/json.h"

/* PowerShell is not on every machine; what fails then is to say so. */
static const char powershell[] =
	"command -v pwsh >/dev/null || { echo 'this step is a PowerShell script, and pwsh is not installed: "
	"see https://aka.ms/powershell' >&2; exit 127; }; exec pwsh -NoProfile -NonInteractive -File \"$@\"";

struct words {
	const char **at;
	size_t n, room;
};

static void add_word(struct words *w, const char *word)
{
	VEC_PUSH(w->at, w->n, w->room, word);
}

static void add_words(struct words *w, const struct text_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		add_word(w, l->text[i]);
}

/* The words become the step's argument vector. */
static void set_argv(struct plan *p, struct plan_step *r, struct words *w)
{
	struct act_spec *act = traits_act(p->l, &r->st->t);

	act->kind = ACT_ARGV;
	act->mark = r->node->mark;
	act->argv = (struct value_list){arena_array(p->l->a, w->n, sizeof(*act->argv.value)), w->n};
	for (size_t i = 0; i < w->n; i++)
		act->argv.value[i] = plan_value(p, w->at[i]);
	free(w->at);
	plan_mark(p, r, KEY_argv);
}

static void set_command_line(struct plan *p, struct plan_step *r, const char *line)
{
	struct words w = {0};

	add_word(&w, "sh");
	add_word(&w, "-c");
	add_word(&w, line);
	set_argv(p, r, &w);
}

/* `command` and `args`. */
static void set_command(struct plan *p, struct plan_step *r)
{
	struct buf line = BUF_INIT;
	struct words w = {0};

	if (!r->shell) {
		add_word(&w, r->command);
		add_words(&w, &r->args);
		set_argv(p, r, &w);
		return;
	}
	buf_puts(&line, r->command);
	for (size_t i = 0; i < r->args.n; i++)
		buf_addf(&line, " %s", r->args.text[i]);
	set_command_line(p, r, line.data);
	buf_release(&line);
}

/* --- step_def --------------------------------------------------------------------------------- */

enum def_type { DEF_EXEC, DEF_SHELL, DEF_SCRIPT, DEF_POWERSHELL };
static const char *const def_types[] = {"exec", "shell", "script", "powershell"};

struct step_def {
	size_t type;
	bool good;
	const char *command, *interpreter, *path, *script;
	struct text_list args;
};

/* {-Name: value}: the flag and its value; true is the flag alone, false is nothing. */
static void read_flags(struct plan *p, const struct node *n, struct text_list *ret)
{
	struct text_list list = {arena_array(p->l->a, 2 * n->n, sizeof(*list.text)), 0};
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < n->n; i++) {
		json_t *v = n->item[i]->kind == NODE_SCALAR ? node_to_json(n->item[i], p->l->d) : NULL;

		if (!v && n->item[i]->kind != NODE_SCALAR)
			plan_bad(p, n->item[i]);
		if (v && !json_is_false(v))
			list.text[list.n++] = arena_strdup(p->l->a, n->key[i]->text);
		if (v && !json_is_boolean(v) && !json_is_null(v)) {
			buf_reset(&text);
			json_as_text(&text, v);
			list.text[list.n++] = arena_strdup(p->l->a, text.data);
		}
		json_decref(v);
	}
	buf_release(&text);
	*ret = list;
}

static void use_def_key(struct plan *p, void *ctx, const struct node *n)
{
	struct step_def *d = ctx;

	switch (p->key) {
	case PLAN_def_type:
		d->good = plan_word(p, n, def_types, ARRAY_LEN(def_types), &d->type);
		break;
	case PLAN_def_command:
		plan_text(p, n, &d->command);
		break;
	case PLAN_def_interpreter:
		plan_text(p, n, &d->interpreter);
		break;
	case PLAN_def_path:
		plan_text(p, n, &d->path);
		break;
	case PLAN_def_script:
		plan_text(p, n, &d->script);
		break;
	case PLAN_def_args:
		if (n->kind == NODE_MAP)
			read_flags(p, n, &d->args);
		else
			plan_texts(p, n, &d->args);
		break;
	default:
		BUG("key '%s' is not one of 'step_def'", plan_key_word(p->key));
	}
}

/* What a body of that type cannot do without, or NULL. */
static const char *missing_of(const struct step_def *d)
{
	switch ((enum def_type)d->type) {
	case DEF_EXEC:
	case DEF_SHELL:
		return d->command ? NULL : "command";
	case DEF_SCRIPT:
		return d->path ? NULL : "path";
	case DEF_POWERSHELL:
		return d->script ? NULL : "script";
	}
	return NULL;
}

static void set_def_action(struct plan *p, struct plan_step *r, const struct step_def *d)
{
	struct words w = {0};

	switch ((enum def_type)d->type) {
	case DEF_SHELL:
		set_command_line(p, r, d->command);
		return;
	case DEF_EXEC:
		add_word(&w, d->command);
		break;
	case DEF_SCRIPT:
		if (d->interpreter)
			add_word(&w, d->interpreter);
		add_word(&w, d->path);
		break;
	case DEF_POWERSHELL:
		add_word(&w, "sh");
		add_word(&w, "-c");
		add_word(&w, powershell);
		add_word(&w, "sh");
		add_word(&w, d->script);
		break;
	}
	add_words(&w, &d->args);
	set_argv(p, r, &w);
}

static void read_step_def(struct plan *p, struct plan_step *r)
{
	struct step_def d = {0};
	size_t before = diags_errors(p->l->d);
	const char *step = p->where;

	p->key = PLAN_step_def;
	if (r->step_def->kind == NODE_MAP)
		p->where = arena_printf(p->l->scratch, "%s: 'step_def'", step);
	plan_map(p, r->step_def, IN_STEP_DEF_MAP, use_def_key, &d);
	p->where = step;
	if (!d.good || diags_errors(p->l->d) > before)
		return;
	if (missing_of(&d))
		diag_error(p->l->d, r->step_def->mark, "%s: 'step_def' of type %s has no '%s'", p->where,
			   def_types[d.type], missing_of(&d));
	else
		set_def_action(p, r, &d);
}

void plan_action(struct plan *p, struct plan_step *r)
{
	const struct node *n = r->node;

	if (r->step_def && node_get(n, "command")) {
		diag_error(p->l->d, r->step_def->mark, "%s has both 'command' and 'step_def'", p->where);
		diag_hint(p->l->d, "one of them says what it does");
	} else if (r->step_def) {
		read_step_def(p, r);
	} else if (r->command) {
		set_command(p, r);
	} else if (!node_get(n, "command")) {
		diag_error(p->l->d, n->mark, "%s has no 'command'", p->where);
		diag_hint(p->l->d, "or a 'step_def', such as {type: shell, command: ...}");
	}
}
