/*
 * What the steps of a plan say of each other, once all of them are there.  Every edge is looked at a
 * bounded number of times, whatever the plan looks like.
 */
#include "job/read_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "base/vec.h"

enum {
	SUGGEST_MAX = 50,	   /* so many unknown names get a suggestion: each costs a look at every step */
	SEARCH_MAX = 4 * 1000 * 1000, /* steps looked at to say which edges are new to the author */
	NOT_THERE = UINT32_MAX,
};

/* Who provides something: the links that say so, as a chain. */
struct provider {
	uint32_t link, next; /* next + 1 in providers; 0: the last */
};

/* An edge that only a condition makes. */
struct extra_edge {
	uint32_t from, to;
	struct mark mark;
};

struct linking {
	struct plan *p;
	struct need_decl *need; /* of the step at hand */
	size_t n_needs, room_needs;
	uint32_t *place;	/* by step: where the step at hand has it in need, and ... */
	uint32_t *owner;	/* ... whether that is true: its number + 1 */
	struct map by_name;	/* provided name -> first in provider, + 1 */
	struct provider *provider;
	size_t n_providers, room_providers;
	struct extra_edge *extra;
	size_t n_extras, room_extras;
	size_t at_link;
};

void plan_add_link(struct plan *p, enum plan_link_kind kind, const char *name, struct mark m)
{
	VEC_PUSH(p->link, p->n_links, p->room_links,
		 ((struct plan_link){kind, (uint32_t)p->n_steps, name, m}));
}

static uint32_t step_no(const struct plan *p, const char *id)
{
	const struct step *st = step_index_find(&p->by_id, p->step, id);

	return st ? st->no : NOT_THERE;
}

static void unknown_step(struct plan *p, struct mark m, const char *who, const char *what, const char *name)
{
	struct spell s;

	diag_error(p->l->d, m, "step '%s' %s unknown step '%s'", who, what, name);
	spell_init(&s, name);
	for (size_t i = 0; i < p->n_steps && diags_errors(p->l->d) - p->l->errors_before < SUGGEST_MAX; i++)
		spell_try(&s, p->step[i].id);
	diag_suggest(p->l->d, s.best);
}

/* --- needs of one step ------------------------------------------------------------------------ */

static struct need_decl *find_need(const struct linking *g, const struct step *st, uint32_t on)
{
	return g->owner[on] == st->no + 1 ? &g->need[g->place[on]] : NULL;
}

static void add_need(struct linking *g, const struct step *st, uint32_t on, enum cond cond, struct mark m)
{
	struct need_decl need = {g->p->step[on].id, m, cond, false};

	g->owner[on] = st->no + 1;
	g->place[on] = (uint32_t)g->n_needs;
	VEC_PUSH(g->need, g->n_needs, g->room_needs, need);
}

/* One that stands in for another starts when that has failed, so it cannot need it to have gone well. */
static bool stands_in_for(const struct plan *p, const struct step *st, uint32_t primary)
{
	const struct traits *t = &p->step[primary].t;

	return t->policy->on_failure == ON_FAILURE_FALLBACK && t->policy->fallback && !strcmp(t->policy->fallback, st->id);
}

static void link_dependency(struct linking *g, const struct step *st, const struct need_decl *dep)
{
	uint32_t on = step_no(g->p, dep->name);

	if (on == NOT_THERE)
		unknown_step(g->p, dep->mark, st->id, "depends on", dep->name);
	else if (on == st->no)
		diag_error(g->p->l->d, dep->mark, "circular dependency: step '%s' depends on itself: %s -> %s",
			   st->id, st->id, st->id);
	else if (!find_need(g, st, on) && !stands_in_for(g->p, st, on))
		add_need(g, st, on, COND_OK, dep->mark);
}

/* It has been complained about, so it is not looked at again. */
static void drop_conditions(struct loader *l, struct step *st)
{
	struct policy *p = traits_policy(l, &st->t);

	p->when.n = p->skip_if.n = 0;
}

/* A condition that asks how a step ended is asked when it has, however that was. */
static void link_prev(struct linking *g, struct step *st, const struct plan_link *link)
{
	uint32_t on = step_no(g->p, link->name);
	struct need_decl *need;

	if (on == NOT_THERE) {
		unknown_step(g->p, link->mark, st->id, "has a condition on the", link->name);
		drop_conditions(g->p->l, st);
		return;
	}
	if (on == st->no) {
		diag_error(g->p->l->d, link->mark, "step '%s' has a condition on itself", st->id);
		drop_conditions(g->p->l, st);
		return;
	}
	if (stands_in_for(g->p, st, on))
		return;
	need = find_need(g, st, on);
	if (need) {
		need->cond = COND_DONE;
		return;
	}
	add_need(g, st, on, COND_DONE, link->mark);
	VEC_PUSH(g->extra, g->n_extras, g->room_extras, ((struct extra_edge){st->no, on, link->mark}));
}

/* --- artifacts -------------------------------------------------------------------------------- */

/* `name=path`: the name. */
static char *artifact_name(struct plan *p, const char *text)
{
	return arena_strndup(p->l->a, text, strcspn(text, "="));
}

static void index_providers(struct linking *g)
{
	for (size_t i = 0; i < g->p->n_links; i++) {
		const struct plan_link *link = &g->p->link[i];
		const char *name;
		uintptr_t first;

		if (link->kind != LINK_PROVIDES)
			continue;
		name = artifact_name(g->p, link->name);
		first = (uintptr_t)map_get(&g->by_name, name);
		VEC_PUSH(g->provider, g->n_providers, g->room_providers,
			 ((struct provider){(uint32_t)i, (uint32_t)first}));
		map_put(&g->by_name, name, (void *)(uintptr_t)g->n_providers);
	}
}

static void link_consumed(struct linking *g, const struct step *st, const struct plan_link *link)
{
	uintptr_t at = (uintptr_t)map_get(&g->by_name, link->name);
	size_t n = 0;

	for (; at; at = g->provider[at - 1].next, n++) {
		uint32_t on = g->p->link[g->provider[at - 1].link].step;

		if (on != st->no && !find_need(g, st, on) && !stands_in_for(g->p, st, on))
			add_need(g, st, on, COND_OK, link->mark);
	}
	if (!n)
		diag_warn(g->p->l->d, link->mark, "step '%s' consumes '%s', which no step provides: it has to be "
			  "there already", st->id, link->name);
	else if (n > 1)
		diag_warn(g->p->l->d, link->mark, "%zu steps provide '%s': step '%s' waits for all of them", n,
			  link->name, st->id);
}

/* Within a job a name stands for one artifact; what several promise is told apart by who does. */
static const char *promised_name(struct linking *g, const struct step *st, const char *text)
{
	const char *name = artifact_name(g->p, text);
	uintptr_t at = (uintptr_t)map_get(&g->by_name, name);

	return g->provider[at - 1].next ? arena_printf(g->p->l->a, "%s.%s", name, st->id) : name;
}

/* `name=path` promises a file. */
static void promise_file(struct linking *g, struct step *st, const struct plan_link *link)
{
	const char *equals = strchr(link->name, '=');
	struct traits *t = &st->t;
	const struct node name = {.text = artifact_name(g->p, link->name), .mark = link->mark};
	struct provide_decl *all;

	if (!equals)
		return;
	if (!equals[1] || equals == link->name) {
		diag_error(g->p->l->d, link->mark, "step '%s': '%s' is not name=path", st->id, link->name);
		return;
	}
	if (!check_name(g->p->l, "an artifact that is a file", &name))
		return;
	all = arena_array(g->p->l->a, t->flow->n_provides + 1, sizeof(*all));
	if (t->flow->n_provides)
		memcpy(all, t->flow->provide, t->flow->n_provides * sizeof(*all));
	all[traits_flow(g->p->l, t)->n_provides++] = (struct provide_decl){
		.name = promised_name(g, st, link->name), .mark = link->mark, .from = PROVIDE_PATH,
		.path = arena_strdup(g->p->l->a, equals + 1),
	};
	traits_flow(g->p->l, t)->provide = all;
	traits_note(g->p->l, t, KEY_provides);
}

static void link_one(struct linking *g, struct step *st, const struct plan_link *link)
{
	switch (link->kind) {
	case LINK_PREV:
		link_prev(g, st, link);
		break;
	case LINK_CONSUMES:
		link_consumed(g, st, link);
		break;
	case LINK_PROVIDES:
		promise_file(g, st, link);
		break;
	}
}

/* Links are in the order of the steps that say them. */
static void link_step(struct linking *g, struct step *st)
{
	struct plan *p = g->p;
	struct traits *t = &st->t;

	g->n_needs = 0;
	for (size_t i = 0; i < t->n_needs; i++)
		link_dependency(g, st, &t->need[i]);
	for (; g->at_link < p->n_links && p->link[g->at_link].step == st->no; g->at_link++)
		link_one(g, st, &p->link[g->at_link]);
	if (g->n_needs > t->n_needs)
		t->need = arena_array(p->l->a, g->n_needs, sizeof(*t->need));
	if (g->n_needs)
		memcpy(t->need, g->need, g->n_needs * sizeof(*t->need));
	t->n_needs = (uint32_t)g->n_needs;
	if (t->n_needs)
		traits_note(p->l, t, KEY_needs);
	traits_seal(p->l, t);
}

/* --- fallbacks -------------------------------------------------------------------------------- */

static void link_fallback(struct plan *p, const struct step *st)
{
	uint32_t to;

	if (st->t.policy->on_failure != ON_FAILURE_FALLBACK || !st->t.policy->fallback)
		return;
	to = step_no(p, st->t.policy->fallback);
	if (to == NOT_THERE) {
		unknown_step(p, st->t.policy->fallback_mark, st->id, "has for its fallback the", st->t.policy->fallback);
		first_blame(p->l, st->t.policy->fallback_mark);
	} else if (to != st->no) { /* its own fallback: refused with the rest of the model */
		traits_policy(p->l, &p->step[to].t)->fallback_only = true;
		traits_note(p->l, &p->step[to].t, KEY_fallback_only);
		traits_seal(p->l, &p->step[to].t);
	}
}

/*
 * Who needs a step with a fallback waits for the fallback too, and that waits for the step: whether that
 * goes in a circle.
 */
static void check_fallback_circles(struct plan *p)
{
	struct link *links = NULL;
	size_t n = 0, room = 0, len;
	uint32_t *cycle;

	for (uint32_t i = 0; i < p->n_steps; i++) {
		const struct traits *t = &p->step[i].t;

		for (size_t k = 0; k < t->n_needs; k++) {
			uint32_t on = step_no(p, t->need[k].name);
			const struct traits *primary = &p->step[on].t;

			VEC_PUSH(links, n, room, ((struct link){i, on}));
			if (primary->policy->on_failure == ON_FAILURE_FALLBACK && primary->policy->fallback &&
			    step_no(p, primary->policy->fallback) != NOT_THERE)
				VEC_PUSH(links, n, room, ((struct link){i, step_no(p, primary->policy->fallback)}));
		}
	}
	if (n && !links_order(p->n_steps, links, n, NULL, &cycle, &len)) {
		struct buf path = BUF_INIT;

		for (size_t i = 0; i < len; i++)
			buf_addf(&path, "%s -> ", p->step[cycle[i]].id);
		diag_error(p->l->d, step_mark(&p->step[cycle[0]]), "circular dependency through a fallback: %s%s",
			   path.data, p->step[cycle[0]].id);
		buf_release(&path);
		free(cycle);
	}
	free(links);
}

/* --- edges that their author may not know of -------------------------------------------------- */

struct search {
	uint32_t *queue;
	size_t n;
	uint32_t *seen; /* by step: number of the search that saw it */
	uint32_t no;
	size_t left; /* steps that may still be looked at */
};

static void look_behind(const struct plan *p, struct search *s, uint32_t from, uint32_t but)
{
	const struct traits *t = &p->step[from].t;

	for (size_t i = 0; i < t->n_needs && s->left; i++) {
		uint32_t on = step_no(p, t->need[i].name);

		if (on == but || s->seen[on] == s->no)
			continue;
		s->seen[on] = s->no;
		s->queue[s->n++] = on;
		s->left--;
	}
}

/* Whether the edge's step is waited for anyway.  True too when it has become too dear to know. */
static bool is_known(const struct plan *p, struct search *s, const struct extra_edge *e)
{
	s->no++;
	s->n = 0;
	look_behind(p, s, e->from, e->to);
	for (size_t i = 0; i < s->n && s->seen[e->to] != s->no && s->left; i++)
		look_behind(p, s, s->queue[i], NOT_THERE);
	return s->seen[e->to] == s->no || !s->left;
}

static void say_extra_edges(const struct linking *g)
{
	const struct plan *p = g->p;
	struct search s = {.left = SEARCH_MAX};

	if (!g->n_extras || diags_errors(p->l->d) > p->l->errors_before)
		return;
	s.queue = xcalloc(p->n_steps, sizeof(*s.queue));
	s.seen = xcalloc(p->n_steps, sizeof(*s.seen));
	for (size_t i = 0; i < g->n_extras; i++) {
		const struct extra_edge *e = &g->extra[i];

		if (is_known(p, &s, e))
			continue;
		diag_warn(p->l->d, e->mark, "step '%s' asks how '%s' ended, so it waits for it",
			  p->step[e->from].id, p->step[e->to].id);
		diag_hint(p->l->d, "add it to 'depends_on'");
	}
	free(s.queue);
	free(s.seen);
}

/* --- all -------------------------------------------------------------------------------------- */

static void linking_release(struct linking *g)
{
	free(g->need);
	free(g->place);
	free(g->owner);
	map_release(&g->by_name);
	free(g->provider);
	free(g->extra);
}

void plan_link_steps(struct plan *p)
{
	struct linking g = {
		.p = p,
		.place = xcalloc(p->n_steps + 1, sizeof(*g.place)),
		.owner = xcalloc(p->n_steps + 1, sizeof(*g.owner)),
	};
	size_t before = diags_errors(p->l->d);

	index_providers(&g);
	for (size_t i = 0; p->has_fallbacks && i < p->n_steps; i++)
		link_fallback(p, &p->step[i]);
	for (size_t i = 0; i < p->n_steps; i++)
		link_step(&g, &p->step[i]);
	if (p->has_fallbacks && diags_errors(p->l->d) == before)
		check_fallback_circles(p);
	say_extra_edges(&g);
	linking_release(&g);
}
