/* Keys that a job, a step, a template and `defaults` share. */
#include "job/read.h"

#include "base/bug.h"

static void read_consumes(struct loader *l, struct traits *t, const struct node *n)
{
	read_names(l, "consumes", n, false, &traits_flow(l, t)->consume, &traits_flow(l, t)->n_consumes);
}

static void read_extends(struct loader *l, struct traits *t, const struct node *n)
{
	read_names(l, "extends", n, true, &traits_policy(l, t)->extends, &traits_policy(l, t)->n_extends);
}

static void read_own_breaker(struct loader *l, struct traits *t, const struct node *n)
{
	read_breaker(l, &traits_policy(l, t)->breaker, n);
}

static void read_env(struct loader *l, const char *key, const struct node *n, struct value_map *ret)
{
	read_value_map(l, key, n, true, ret);
}

/* Keys whose value is something of its own. */
static void read_special(struct loader *l, struct traits *t, enum key key, const struct node *n)
{
	static void (*const readers[KEY_COUNT])(struct loader *, struct traits *, const struct node *) = {
		[KEY_after] = read_after,
		[KEY_breaker] = read_own_breaker,
		[KEY_consumes] = read_consumes,
		[KEY_executor] = read_executor,
		[KEY_extends] = read_extends,
		[KEY_fail_if] = read_fail_if,
		[KEY_foreach] = read_foreach,
		[KEY_fresh] = read_fresh,
		[KEY_jobserver] = read_offer,
		[KEY_limits] = read_limit_map,
		[KEY_lock_uses] = read_lock_uses,
		[KEY_matrix] = read_matrix,
		[KEY_needs] = read_needs,
		[KEY_needs_rule] = read_needs_rule,
		[KEY_on_driver_death] = read_on_death,
		[KEY_on_failure] = read_on_failure,
		[KEY_on_lost] = read_on_lost,
		[KEY_overlap] = read_overlap,
		[KEY_pool] = read_pool_use,
		[KEY_priority] = read_priority,
		[KEY_provides] = read_provides,
		[KEY_resources] = read_resources,
		[KEY_retry] = read_retry,
		[KEY_schedule] = read_schedule,
		[KEY_slots] = read_slots,
		[KEY_slow] = read_slow,
		[KEY_timezone] = read_zone,
		[KEY_umask] = read_umask,
	};

	BUG_UNLESS(readers[key]);
	readers[key](l, t, n);
}

/* Types that say how the keys which have them are read, into a field of their own: PLAIN(type, reader). */
#define PLAIN_TYPES(PLAIN)                                                                         \
	PLAIN(TEXT, read_text)                                                                     \
	PLAIN(BOOL, read_bool)                                                                     \
	PLAIN(TEXTS, read_texts)                                                                   \
	PLAIN(DURATION, read_duration)                                                             \
	PLAIN(VALUE, read_value)                                                                   \
	PLAIN(VALUES, read_value_list)                                                             \
	PLAIN(ENV, read_env)                                                                       \
	PLAIN(EXPR, read_expr)                                                                     \
	PLAIN(PATTERN, read_pattern)                                                               \
	PLAIN(EXITS, read_exits)                                                                   \
	PLAIN(MAP, read_map_text)                                                                  \
	PLAIN(FILES, read_files)

static void read_by_type(struct loader *l, struct traits *t, enum key key, const char *word,
			 const struct node *n)
{
	switch (key_info(key)->type) {
#define PLAIN(type, reader)                                                                        \
	case TYPE_##type:                                                                          \
		reader(l, word, n, traits_own_field(l, t, key));                                   \
		break;
		PLAIN_TYPES(PLAIN)
#undef PLAIN
	case TYPE_CONDITIONS:
		read_conditions(l, word, n, key == KEY_require, traits_own_field(l, t, key));
		break;
	default:
		read_special(l, t, key, n);
	}
}

bool read_trait(struct loader *l, struct traits *t, const char *where, enum key key,
		const struct node *name, const struct node *value, bool keep_nodes)
{
	if (key_info(key)->reach == REACH_NONE)
		return false;
	traits_note(l, t, key);
	if (is_action_key(key))
		read_action(l, t, where, key, name, value, keep_nodes);
	else
		read_by_type(l, t, key, name->text, value);
	return true;
}

/* --- templates and defaults ------------------------------------------------------------------- */

struct traits_of {
	struct traits *t;
	const char *where;
};

static void use_trait(struct loader *l, void *ctx, enum key key, const struct node *name,
		      const struct node *value)
{
	struct traits_of *of = ctx;

	if (!read_trait(l, of->t, of->where, key, name, value, true))
		BUG("key '%s' is not one of traits", name->text);
}

void read_traits(struct loader *l, struct traits *t, const struct node *n, enum key_scope scope,
		 const char *where)
{
	struct traits_of of = {t, where};

	read_map(l, n, scope, where, use_trait, &of);
}

void read_template(struct loader *l, const struct node *name, const struct node *value)
{
	struct template t = {.name = full_name(l, name->text), .mark = name->mark};
	char *where;

	if (!check_name(l, "a template", name) || !take_name(l, NAME_TEMPLATE, t.name, t.mark))
		return;
	traits_init(&t.t);
	where = arena_printf(l->scratch, "template '%s'", name->text);
	read_traits(l, &t.t, value, IN_TEMPLATE, where);
	traits_seal(l, &t.t);
	VEC_PUSH(l->template, l->n_templates, l->room_templates, t);
}
