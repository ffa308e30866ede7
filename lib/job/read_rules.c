/* Rules of the file that hold for the whole run: env_policy, ledger. */
#include "job/read.h"

#include <string.h>

#include "base/bug.h"

enum { DAYS_MAX = 36500 };

/* Of several documents one says it: false after an error. */
static bool say_once(struct loader *l, const char *key, struct mark m)
{
	const struct mark *first = map_get(&l->once, key);
	struct mark *mine;

	if (first) {
		diag_error(l->d, m, "'%s' is said twice", key);
		diag_note(l->d, *first, "the first is here");
		return false;
	}
	mine = ARENA_NEW(l->a, struct mark);
	*mine = m;
	map_put(&l->once, key, mine);
	return true;
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

	if (!say_once(l, "env_policy", n->mark))
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
	if (say_once(l, "ledger", n->mark))
		read_map(l, n, IN_LEDGER, "'ledger'", use_ledger_key, &l->jf->ledger);
}
