/* Rules of the file that hold for the whole run: env_policy, ledger, hooks. */
#include "job/read.h"

#include <string.h>

#include "base/bug.h"

enum { DAYS_MAX = 36500 };

bool say_once(struct loader *l, const char *key, struct mark m)
{
	const char *in_full = full_name(l, key);
	const struct mark *first = map_get(&l->once, in_full);
	struct mark *mine;

	if (first) {
		diag_error(l->d, m, "'%s' is said twice", key);
		diag_note(l->d, *first, "the first is here");
		return false;
	}
	mine = ARENA_NEW(l->a, struct mark);
	*mine = m;
	map_put(&l->once, in_full, mine);
	return true;
}

/* What holds for the whole run, the outermost documents say, and of those one: false after an error. */
static bool say_for_all(struct loader *l, const char *key, struct mark m)
{
	if (!l->file->ns)
		return say_once(l, key, m);
	diag_error(l->d, m, "'%s' is about the whole run, so a document that is included `as: %s` cannot say it", key,
		   l->file->ns);
	diag_hint(l->d, "say it in the Jobfile itself; jobs that are run both ways go into a document that both include");
	return false;
}

static void use_env_key(struct loader *l, void *ctx, enum key key, const struct node *name,
			const struct node *n)
{
	(void)key;
	(void)ctx;
	read_texts(l, name->text, n, &l->jf->env_rule.keep);
}

void read_env_policy(struct loader *l, const struct node *n)
{
	static const char *const words[] = {"inherit", "clean"};
	size_t word;

	if (!say_for_all(l, "env_policy", n->mark))
		return;
	if (n->kind != NODE_MAP) {
		if (read_word(l, "env_policy", n, words, ARRAY_LEN(words), &word))
			l->jf->env_rule.policy = word ? ENV_CLEAN : ENV_INHERIT;
		return;
	}
	l->jf->env_rule.policy = ENV_KEEP;
	read_map(l, n, IN_ENV_POLICY, "'env_policy'", use_env_key, NULL);
	if (!node_get(n, "keep"))
		diag_error(l->d, n->mark, "'env_policy' has no 'keep'");
}

static void use_ledger_key(struct loader *l, void *ctx, enum key key, const struct node *name,
			   const struct node *n)
{
	static const char *const words[] = {"normal", "full"};
	struct ledger_rule *rule = ctx;
	int64_t number;
	size_t word;

	if (key == KEY_ledger_durability) {
		if (read_word(l, name->text, n, words, ARRAY_LEN(words), &word))
			rule->synced = word == 1;
		return;
	}
	if (!read_int(l, name->text, n, 1, key == KEY_ledger_keep_days ? DAYS_MAX : INT32_MAX, &number))
		return;
	if (key == KEY_ledger_keep_days)
		rule->keep_days = (uint32_t)number;
	else
		rule->keep_runs = (uint32_t)number;
}

void read_ledger(struct loader *l, const struct node *n)
{
	if (say_for_all(l, "ledger", n->mark))
		read_map(l, n, IN_LEDGER, "'ledger'", use_ledger_key, &l->jf->ledger);
}

/* --- hooks ------------------------------------------------------------------------------------ */

bool hook_has_key(enum key key)
{
	static const enum key keys[] = {KEY_description, KEY_extends, KEY_run, KEY_argv, KEY_shell, KEY_timeout, KEY_grace,
					KEY_cwd, KEY_env, KEY_dotenv};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (keys[i] == key)
			return true;
	return false;
}

/* It stands beside the graph: nothing waits for it, and its end means nothing. */
static void check_hook(struct loader *l, const struct step *st)
{
	if (!first_blame(l, step_mark(st)))
		return;
	for (enum key k = 0; k < KEY_COUNT; k++)
		if (traits_has(&st->t, k) && !hook_has_key(k)) {
			diag_error(l->d, step_mark(st), "'%s' means nothing in a hook", key_word(k));
			diag_hint(l->d, "a hook has run or argv, and shell, timeout, grace, cwd, env, dotenv");
			return;
		}
	if (st->t.act->kind == ACT_NONE) {
		diag_error(l->d, step_mark(st), "the hook does nothing");
		diag_hint(l->d, "write run: \"...\" or argv: [...]");
	}
}

static enum hook hook_of(const char *word)
{
	for (int i = 0; i < HOOK_COUNT; i++)
		if (!strcmp(hook_words[i], word))
			return (enum hook)i;
	BUG("no hook '%s'", word);
}

static void use_hook(struct loader *l, void *ctx, enum key key, const struct node *name, const struct node *n)
{
	struct job *j = ARENA_NEW(l->a, struct job);

	(void)key;
	(void)ctx;
	*j = (struct job){.name = arena_printf(l->a, "hooks.%s", name->text), .mark = name->mark, .file = l->file,
			  .kind = JOB_STEPS, .in_order = true};
	traits_init(&j->t);
	read_hook_steps(l, j, n);
	for (size_t i = 0; i < j->n_steps; i++)
		check_hook(l, &j->step[i]);
	l->jf->hook[hook_of(name->text)] = j;
}

void read_hooks(struct loader *l, const struct node *n)
{
	if (say_for_all(l, "hooks", n->mark))
		read_map(l, n, IN_HOOKS, "'hooks'", use_hook, NULL);
}
