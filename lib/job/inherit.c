/*
 * Nearest wins: step, its templates, job, its templates, file, the file that
 * includes it, built in.  Maps (env, params of `job`, with) merge, everything else
 * is replaced as a whole.
 */
#include "job/read.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "job/namespace.h"

enum {
	TO_STEPS = 1 << REACH_STEPS,
	TO_ALL = 1 << REACH_OWN | 1 << REACH_STEPS | 1 << REACH_ACT,
};

static size_t index_of(const struct value_map *m, const char *name)
{
	size_t i = 0;

	while (i < m->n && strcmp(m->name[i], name))
		i++;
	return i;
}

/* far with near's entries over it, in far's order and then near's; shares the values. */
static struct value_map merge_maps(struct arena *a, const struct value_map *near,
				   const struct value_map *far)
{
	struct value_map m;
	size_t room = near->n + far->n;

	if (!near->n || !far->n)
		return near->n ? *near : *far;
	m = (struct value_map){
		.name = arena_array(a, room, sizeof(*m.name)),
		.value = arena_array(a, room, sizeof(*m.value)),
		.mark = arena_array(a, room, sizeof(*m.mark)),
		.n = far->n,
	};
	memcpy(m.name, far->name, far->n * sizeof(*m.name));
	memcpy(m.value, far->value, far->n * sizeof(*m.value));
	memcpy(m.mark, far->mark, far->n * sizeof(*m.mark));
	for (size_t i = 0; i < near->n; i++) {
		size_t at = index_of(far, near->name[i]);

		if (at == far->n)
			at = m.n++;
		m.name[at] = near->name[i];
		m.value[at] = near->value[i];
		m.mark[at] = near->mark[i];
	}
	return m;
}

/* Two maps of `with` as one; nested maps are values like any other. */
static const struct node *merge_nodes(struct arena *a, const struct node *near, const struct node *far)
{
	struct node *m = ARENA_NEW(a, struct node);

	*m = *near;
	m->key = arena_array(a, near->n + far->n, sizeof(*m->key));
	m->item = arena_array(a, near->n + far->n, sizeof(*m->item));
	m->n = 0;
	for (size_t i = 0; i < far->n; i++) {
		struct node *over = node_get(near, far->key[i]->text);

		m->key[m->n] = far->key[i];
		m->item[m->n++] = over ? over : far->item[i];
	}
	for (size_t i = 0; i < near->n; i++) {
		if (node_get(far, near->key[i]->text))
			continue;
		m->key[m->n] = near->key[i];
		m->item[m->n++] = near->item[i];
	}
	return m;
}

/* --- actions ---------------------------------------------------------------------------------- */

static void inherit_with(struct loader *l, struct traits *near, const struct traits *far)
{
	const struct node *a = near->act->with_node, *b = far->act->with_node;

	if (!traits_has(far, KEY_with))
		return;
	if (!traits_has(near, KEY_with)) {
		traits_act(l, near)->with = far->act->with;
		traits_act(l, near)->with_node = b;
		traits_note(l, near, KEY_with);
	} else if (a && b && a->kind == NODE_MAP && b->kind == NODE_MAP) {
		a = merge_nodes(l->a, a, b);
		traits_act(l, near)->with_node = a;
		traits_act(l, near)->with = value_from_node(l->a, a, l->d);
	}
}

/* An action is taken over as a whole; what is given to it, if it is the same kind. */
static void inherit_action(struct loader *l, struct traits *near, const struct traits *far)
{
	const struct act_spec *f = far->act;

	if (near->act->kind == ACT_NONE && f->kind != ACT_NONE) {
		const struct act_spec mine = *near->act;
		struct act_spec *n = traits_act(l, near);

		*n = *f;
		n->open = true;
		n->with = mine.with;
		n->with_node = mine.with_node;
		n->params = mine.params;
		n->payload = mine.payload;
		n->idempotency = mine.idempotency;
	} else if (near->act->kind != f->kind && f->kind != ACT_NONE) {
		return;
	}
	inherit_with(l, near, far);
	if (traits_has(far, KEY_job_payload) && !traits_has(near, KEY_job_payload)) {
		traits_act(l, near)->payload = f->payload;
		traits_note(l, near, KEY_job_payload);
	}
	if (traits_has(far, KEY_idempotency) && !traits_has(near, KEY_idempotency)) {
		traits_act(l, near)->idempotency = f->idempotency;
		traits_note(l, near, KEY_idempotency);
	}
	if (traits_has(far, KEY_job_params)) {
		traits_act(l, near)->params = merge_maps(l->a, &near->act->params, &f->params);
		traits_note(l, near, KEY_job_params);
	}
	for (enum key k = 0; k < KEY_COUNT; k++)
		if (is_action_key(k) && traits_has(far, k))
			traits_note(l, near, k);
}

/* --- needs ------------------------------------------------------------------------------------ */

/* `needs` and `after` share an array; each is replaced by itself. */
static void inherit_needs(struct loader *l, struct traits *near, const struct traits *far)
{
	bool needs = traits_has(far, KEY_needs) && !traits_has(near, KEY_needs);
	bool after = traits_has(far, KEY_after) && !traits_has(near, KEY_after);
	struct need_decl *all;
	size_t n = near->n_needs;

	if (!needs && !after)
		return;
	all = arena_array(l->a, n + far->n_needs, sizeof(*all));
	if (n)
		memcpy(all, near->need, n * sizeof(*all));
	for (size_t i = 0; i < far->n_needs; i++)
		if (far->need[i].order_only ? after : needs)
			all[n++] = far->need[i];
	near->need = all;
	near->n_needs = (uint32_t)n;
	if (needs)
		traits_note(l, near, KEY_needs);
	if (after)
		traits_note(l, near, KEY_after);
}

/* --- traits ----------------------------------------------------------------------------------- */

static void inherit_limit(int64_t *near, int64_t far, int64_t unsaid)
{
	if (*near == unsaid)
		*near = far;
}

static void inherit_limits(struct limit_spec *near, const struct limit_spec *far)
{
	inherit_limit(&near->mem, far->mem, -1);
	inherit_limit(&near->cpu_s, far->cpu_s, -1);
	inherit_limit(&near->nofile, far->nofile, -1);
	inherit_limit(&near->fsize, far->fsize, -1);
	inherit_limit(&near->nice, far->nice, NICE_UNSAID);
}

/* Only what differs is written, so that what has nothing of its own goes on sharing. */
static void take_field(struct loader *l, struct traits *near, const struct traits *far, enum key k)
{
	size_t size = key_info(k)->size;

	if (memcmp(traits_field(near, k), traits_field(far, k), size) != 0)
		memcpy(traits_own_field(l, near, k), traits_field(far, k), size);
}

static void inherit_env(struct loader *l, struct traits *near, const struct value_map *far)
{
	if (far->n)
		traits_policy(l, near)->env = merge_maps(l->a, &near->policy->env, far);
}

static void inherit_field(struct loader *l, struct traits *near, const struct traits *far, enum key k)
{
	const struct key_info *info = key_info(k);

	if (!info->size)
		return;
	if (k == KEY_env)
		inherit_env(l, near, &far->policy->env);
	else if (k == KEY_limits)
		inherit_limits(&traits_policy(l, near)->limits, &far->policy->limits);
	else if (!traits_has(near, k))
		take_field(l, near, far, k);
	traits_note(l, near, k);
}

void traits_inherit(struct loader *l, struct traits *near, const struct traits *far, unsigned reaches)
{
	key_set_each(k, &far->policy->set)
		if (k != KEY_extends && reaches >> key_info(k)->reach & 1)
			inherit_field(l, near, far, k);
	if (reaches & 1 << REACH_OWN)
		inherit_needs(l, near, far);
	if (reaches & 1 << REACH_ACT)
		inherit_action(l, near, far);
}

/* --- templates -------------------------------------------------------------------------------- */

static struct template *template_find(const struct map *by_name, const char *name)
{
	return map_get(by_name, name);
}

static void unknown_template(struct loader *l, const struct name_decl *name)
{
	struct spell s;

	if (!first_blame(l, name->mark))
		return;
	spell_init(&s, name->name);
	for (size_t i = 0; i < l->n_templates; i++)
		spell_try(&s, namespace_short(ns_at(l, name->mark), l->template[i].name));
	diag_error(l->d, name->mark, "no template '%s'", name->name);
	diag_suggest(l->d, s.best);
}

/* Later ones win. */
static void inherit_templates(struct loader *l, const struct map *by_name, struct traits *t)
{
	for (size_t i = t->policy->n_extends; i-- > 0;) {
		const struct template *far = template_find(by_name, t->policy->extends[i].name);

		if (far)
			traits_inherit(l, t, &far->t, TO_ALL);
		else
			unknown_template(l, &t->policy->extends[i]);
	}
}

static void say_template_cycle(struct loader *l, const uint32_t *cycle, size_t n)
{
	struct buf path = BUF_INIT;

	for (size_t i = 0; i < n; i++)
		buf_addf(&path, "%s -> ", l->template[cycle[i]].name);
	diag_error(l->d, l->template[cycle[0]].mark, "templates extend each other: %s%s", path.data,
		   l->template[cycle[0]].name);
	buf_release(&path);
}

/* Each template after those it extends. */
static void complete_templates(struct loader *l, const struct map *by_name)
{
	struct link *links = NULL;
	size_t n = 0, room = 0, len;
	uint32_t *order = xcalloc(l->n_templates + 1, sizeof(*order)), *cycle;

	for (size_t i = 0; i < l->n_templates; i++)
		for (size_t k = 0; k < l->template[i].t.policy->n_extends; k++) {
			const struct template *far = template_find(by_name,
								   l->template[i].t.policy->extends[k].name);

			if (far)
				VEC_PUSH(links, n, room,
					 ((struct link){(uint32_t)i, (uint32_t)(far - l->template)}));
		}
	if (links_order(l->n_templates, links, n, order, &cycle, &len)) {
		for (size_t i = 0; i < l->n_templates; i++)
			inherit_templates(l, by_name, &l->template[order[i]].t);
	} else {
		say_template_cycle(l, cycle, len);
		free(cycle);
	}
	free(order);
	free(links);
}

/* --- files, jobs, steps ----------------------------------------------------------------------- */

static bool says_dotenv(const struct file *f)
{
	return f->dotenv.text != NULL;
}

/* A file comes after the one that includes it. */
static void complete_file(struct loader *l, struct file *f)
{
	const struct file *up = f->included_by;

	if (!up)
		return;
	traits_inherit(l, &f->defaults, &up->defaults, TO_STEPS);
	f->env = merge_maps(l->a, &f->env, &up->env);
	if (!says_dotenv(f))
		f->dotenv = up->dotenv;
}

/* The file's own env and dotenv are what is farthest from a step, but for the process's environment. */
static void inherit_file(struct loader *l, struct traits *t, const struct file *f)
{
	traits_inherit(l, t, &f->defaults, TO_STEPS);
	inherit_env(l, t, &f->env);
	if (t->policy->env.n)
		traits_note(l, t, KEY_env);
	if (!traits_has(t, KEY_dotenv) && says_dotenv(f)) {
		traits_policy(l, t)->dotenv = f->dotenv;
		traits_note(l, t, KEY_dotenv);
	}
}

/* A policy that a job says for its steps does not hold for those that carry it out. */
static void drop_own_fallback(struct loader *l, struct step *st, bool own)
{
	struct traits *t = &st->t;

	if (own || t->policy->on_failure != ON_FAILURE_FALLBACK ||
	    (!t->policy->fallback_only && !st->finally && strcmp(t->policy->fallback, st->id)))
		return;
	traits_policy(l, t)->on_failure = ON_FAILURE_ABORT;
	traits_policy(l, t)->fallback = NULL;
	traits_unnote(l, t, KEY_on_failure);
}

static void complete_steps(struct loader *l, const struct map *by_name, struct job *j)
{
	for (size_t i = 0; i < j->n_steps; i++) {
		struct step *st = &j->step[i];
		unsigned reaches = TO_STEPS;
		bool own;

		inherit_templates(l, by_name, &st->t);
		own = traits_has(&st->t, KEY_on_failure);
		if (job_main(j) == st)
			reaches |= 1 << REACH_ACT;
		traits_inherit(l, &st->t, &j->t, reaches);
		drop_own_fallback(l, st, own);
		traits_seal(l, &st->t);
	}
}

/* The action has moved to the step `main`. */
static void strip_action(struct loader *l, struct traits *t)
{
	struct flow *f = traits_flow(l, t);

	t->act = &act_none;
	f->n_provides = f->n_consumes = 0;
	for (enum key k = 0; k < KEY_COUNT; k++)
		if (key_info(k)->reach == REACH_ACT)
			traits_unnote(l, t, k);
}

static void complete_job(struct loader *l, const struct map *by_name, struct job *j)
{
	struct key_set written = j->t.policy->set;

	inherit_templates(l, by_name, &j->t);
	check_job_keys(l, j, &written);
	inherit_file(l, &j->t, j->file);
	traits_seal(l, &j->t);
	if (j->kind == JOB_ACTION) {
		j->n_steps = 1;
		j->step[0] = (struct step){.id = "", .spot = spot_of(j->mark), .job = j, .t = j->t};
		return;
	}
	complete_steps(l, by_name, j);
	if (job_main(j))
		strip_action(l, &j->t);
}

void inherit_all(struct loader *l)
{
	struct map by_name = MAP_INIT;

	for (size_t i = 0; i < l->n_templates; i++)
		map_put(&by_name, l->template[i].name, &l->template[i]);
	complete_templates(l, &by_name);
	for (size_t i = 0; i < l->jf->n_files; i++)
		complete_file(l, l->jf->file[i]);
	for (size_t i = 0; i < l->jf->n_jobs; i++)
		complete_job(l, &by_name, l->jf->job[i]);
	for (int i = 0; i < HOOK_COUNT; i++)
		if (l->jf->hook[i])
			complete_job(l, &by_name, l->jf->hook[i]);
	map_release(&by_name);
}
