/* Steps that run in the place of one that failed. */
#include "job/check.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/spell.h"

/* The step that stands in for one with traits t, or NULL. */
static const struct step *fallback_of(const struct job *j, const struct traits *t)
{
	return t->policy->on_failure == ON_FAILURE_FALLBACK ? step_find(j, t->policy->fallback) : NULL;
}

static void unknown_fallback(struct loader *l, const struct job *j, const struct traits *t)
{
	struct spell s;

	spell_init(&s, t->policy->fallback);
	for (size_t i = 0; i < j->n_steps; i++)
		spell_try(&s, j->step[i].id);
	if (j->kind == JOB_ACTION) {
		diag_error(l->d, t->policy->fallback_mark, "job '%s' has no steps that could be a fallback",
			   j->name);
		diag_hint(l->d, "give it steps, of which one is fallback_only");
		return;
	}
	diag_error(l->d, t->policy->fallback_mark, "no step '%s' in job '%s' to fall back to", t->policy->fallback,
		   j->name);
	diag_suggest(l->d, s.best);
}

void check_fallback(struct loader *l, const struct job *j, const struct step *st)
{
	const struct traits *t = &st->t;
	const struct step *to = fallback_of(j, t);

	if (t->policy->on_failure != ON_FAILURE_FALLBACK)
		return;
	if (!to) {
		if (first_blame(l, t->policy->fallback_mark))
			unknown_fallback(l, j, t);
	} else if (to == st) {
		diag_error(l->d, t->policy->fallback_mark, "step '%s' is its own fallback", st->id);
	} else if (to->finally != st->finally && first_blame(l, t->policy->fallback_mark)) {
		diag_error(l->d, t->policy->fallback_mark,
			   "'%s' cannot be a fallback: it is one of 'finally'", to->id);
	} else if (!to->t.policy->fallback_only && first_blame(l, t->policy->fallback_mark)) {
		diag_error(l->d, t->policy->fallback_mark, "step '%s' is a fallback, but runs in any case",
			   to->id);
		diag_note(l->d, step_mark(to), "it is here");
		diag_hint(l->d, "write fallback_only: true there");
	}
}

/* fallback of a fallback of ... may not come back. */
static void check_cycle(struct loader *l, const struct job *j)
{
	struct link *links = NULL;
	size_t n = 0, room = 0, len;
	uint32_t *cycle;

	for (size_t i = 0; i < j->n_steps; i++) {
		const struct traits *t = &j->step[i].t;
		const struct step *to = fallback_of(j, t);

		if (to && to->no != i)
			VEC_PUSH(links, n, room, ((struct link){(uint32_t)i, to->no}));
	}
	if (n && !links_order(j->n_steps, links, n, NULL, &cycle, &len)) {
		struct buf path = BUF_INIT;

		for (size_t i = 0; i < len; i++)
			buf_addf(&path, "%s -> ", j->step[cycle[i]].id);
		diag_error(l->d, j->step[cycle[0]].t.policy->fallback_mark,
			   "fallbacks go in a circle: %s%s", path.data,
			   j->step[cycle[0]].id);
		buf_release(&path);
		free(cycle);
	}
	free(links);
}

/* A step that stands in for nobody never runs. */
static void check_stand_ins(struct loader *l, const struct job *j)
{
	bool *used = xcalloc(j->n_steps + 1, sizeof(*used));

	for (size_t i = 0; i < j->n_steps; i++) {
		const struct traits *t = &j->step[i].t;
		const struct step *to = fallback_of(j, t);

		if (to)
			used[to->no] = true;
	}
	for (size_t i = 0; i < j->n_steps; i++) {
		const struct step *st = &j->step[i];

		if (!st->t.policy->fallback_only || used[i] || !first_blame(l, step_mark(st)))
			continue;
		diag_error(l->d, step_mark(st),
			   "step '%s' is fallback_only, but no step falls back to it", st->id);
		diag_hint(l->d, "write on_failure: {fallback: %s} at the step it stands in for",
			  st->id);
	}
	free(used);
}

void check_fallbacks(struct loader *l, const struct job *j)
{
	check_cycle(l, j);
	check_stand_ins(l, j);
}
