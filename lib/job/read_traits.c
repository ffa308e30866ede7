/* Keys that a job, a step, a template and `defaults` share. */
#include "job/read.h"

#include "base/bug.h"

/* Keys whose value is something of its own. */
static void read_special(struct loader *l, struct traits *t, enum key key, const struct node *n)
{
	switch (key) {
	case KEY_needs:
		read_needs(l, t, n);
		break;
	case KEY_after:
		read_after(l, t, n);
		break;
	case KEY_needs_rule:
		read_needs_rule(l, t, n);
		break;
	case KEY_provides:
		read_provides(l, t, n);
		break;
	case KEY_consumes:
		read_names(l, "consumes", n, false, &traits_flow(l, t)->consume, &traits_flow(l, t)->n_consumes);
		break;
	case KEY_extends:
		read_names(l, "extends", n, true, &traits_policy(l, t)->extends, &traits_policy(l, t)->n_extends);
		break;
	case KEY_matrix:
		read_matrix(l, t, n);
		break;
	case KEY_foreach:
		read_foreach(l, t, n);
		break;
	case KEY_retry:
		read_retry(l, t, n);
		break;
	case KEY_on_failure:
		read_on_failure(l, t, n);
		break;
	case KEY_fail_if:
		read_fail_if(l, t, n);
		break;
	case KEY_pool:
		read_pool_use(l, t, n);
		break;
	case KEY_slots:
		read_slots(l, t, n);
		break;
	case KEY_lock_uses:
		read_lock_uses(l, t, n);
		break;
	case KEY_slow:
		read_slow(l, t, n);
		break;
	case KEY_priority:
		read_priority(l, t, n);
		break;
	case KEY_resources:
		read_resources(l, n, &traits_policy(l, t)->resources);
		break;
	case KEY_executor:
		read_executor(l, n);
		break;
	case KEY_limits:
		read_limit_map(l, t, n);
		break;
	case KEY_umask:
		read_umask(l, t, n);
		break;
	case KEY_breaker:
		read_breaker(l, &traits_policy(l, t)->breaker, n);
		break;
	case KEY_on_lost:
		read_on_lost(l, t, n);
		break;
	case KEY_on_driver_death:
		read_on_death(l, t, n);
		break;
	case KEY_jobserver:
		read_offer(l, t, n);
		break;
	case KEY_schedule:
		read_schedule(l, t, n);
		break;
	case KEY_timezone:
		read_zone(l, t, n);
		break;
	case KEY_overlap:
		read_overlap(l, t, n);
		break;
	default:
		BUG("no reader for key '%s'", key_word(key));
	}
}

/* By the type of the key where that is all there is to know. */
static void read_by_type(struct loader *l, struct traits *t, enum key key, const char *word,
			 const struct node *n)
{
	switch (key_info(key)->type) {
	case TYPE_TEXT:
		read_text(l, word, n, traits_own_field(l, t, key));
		break;
	case TYPE_BOOL:
		read_bool(l, word, n, traits_own_field(l, t, key));
		break;
	case TYPE_TEXTS:
		read_texts(l, word, n, traits_own_field(l, t, key));
		break;
	case TYPE_DURATION:
		read_duration(l, word, n, traits_own_field(l, t, key));
		break;
	case TYPE_VALUE:
		read_value(l, word, n, traits_own_field(l, t, key));
		break;
	case TYPE_VALUES:
		read_value_list(l, word, n, traits_own_field(l, t, key));
		break;
	case TYPE_ENV:
		read_value_map(l, word, n, true, traits_own_field(l, t, key));
		break;
	case TYPE_EXPR:
		read_expr(l, word, n, traits_own_field(l, t, key));
		break;
	case TYPE_PATTERN:
		read_pattern(l, word, n, traits_own_field(l, t, key));
		break;
	case TYPE_EXITS:
		read_exits(l, word, n, traits_own_field(l, t, key));
		break;
	case TYPE_MAP:
		read_map_text(l, word, n, traits_own_field(l, t, key));
		break;
	case TYPE_FILES:
		read_files(l, word, n, traits_own_field(l, t, key));
		break;
	case TYPE_FRESH:
		read_fresh(l, t, n);
		break;
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
	key_set_add(&t->set, key);
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
