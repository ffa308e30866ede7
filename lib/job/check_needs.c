/* Needs: that there is what a job or a step waits for, and that it can. */
#include "job/check.h"

#include <string.h>

#include "base/spell.h"
#include "job/cells.h"

static void unknown_need(struct loader *l, const struct job *j, const struct need_decl *need)
{
	bool in_steps = j->kind == JOB_STEPS;
	struct spell s;

	if (!first_blame(l, need->mark))
		return;
	spell_init(&s, need->name);
	for (size_t i = 0; in_steps && i < j->n_steps; i++)
		spell_try(&s, j->step[i].id);
	diag_error(l->d, need->mark, "no %s '%s' to need", in_steps ? "step or job" : "job",
		   need->name);
	if (strpbrk(need->name, "*?"))
		diag_hint(l->d, "needs takes names; a pattern may stand in `stages: [{jobs: [...]}]`");
	else if (!diag_suggest(l->d, s.best))
		check_hint_job(l, need->name, need->mark);
}

static void check_need_of_step(struct loader *l, const struct step *st, const struct step *on,
			       const struct need_decl *need)
{
	const char *why = on == st			? "itself"
			  : on->t.policy->fallback_only		? "it is fallback_only"
			  : on->finally && !st->finally ? "it is one of 'finally', which comes later"
			  : !on->finally && st->finally ? "it has ended when 'finally' begins"
							: NULL;

	if (!why || !first_blame(l, need->mark))
		return;
	if (on == st)
		diag_error(l->d, need->mark, "step '%s' needs itself", st->id);
	else
		diag_error(l->d, need->mark, "step '%s' cannot need '%s': %s", st->id, on->id, why);
	if (on != st && on->t.policy->fallback_only)
		diag_hint(l->d, "need the step it stands in for");
}

/* Made once for each job: they know their labels, and 1,000 needs may ask. */
static const struct cells *instances_of(struct loader *l, const struct job *j)
{
	const struct cells *cells = map_get(&l->instances, j->name);

	if (cells || map_has(&l->instances, j->name))
		return cells;
	cells = cells_of_matrix(l->scratch, j->t.policy->matrix, j->mark, l->d);
	map_put(&l->instances, j->name, (void *)cells);
	return cells;
}

/* `[label]` behind a job's name must be one of its instances. */
static void check_label(struct loader *l, const struct job *on, const struct need_decl *need,
			const char *label)
{
	const struct cells *cells;

	if (on->t.policy->foreach)
		return; /* known only when the run is planned */
	if (!on->t.policy->matrix) {
		diag_error(l->d, need->mark, "job '%s' has no instances", on->name);
		diag_hint(l->d, "need '%s'", on->name);
		return;
	}
	cells = instances_of(l, on);
	if (cells && cells_find(cells, label) == CELL_NONE) {
		struct buf some = BUF_INIT;

		for (uint32_t i = 0; i < cells_count(cells) && i < 4; i++) {
			buf_puts(&some, i ? ", '" : "'");
			cells_label(cells, i, &some);
			buf_putc(&some, '\'');
		}
		diag_error(l->d, need->mark, "job '%s' has no instance '%s'", on->name, label);
		diag_hint(l->d, "its instances are %s%s", some.data,
			  cells_count(cells) > 4 ? ", ..." : "");
		buf_release(&some);
	}
}

/* `job`, `job/step`, `job[a]`, `job[a]/step`. */
static void check_need_of_job(struct loader *l, const struct job *j, const struct need_decl *need)
{
	const char *name = need->name;
	size_t n = strcspn(name, "/[");
	const char *label = name[n] == '[' ? name + n + 1 : NULL;
	const char *close = label ? strchr(label, ']') : NULL;
	const char *slash = close ? close + 1 : name + n;
	const struct job *on = map_get_n(&l->jf->job_by_name, name, n);

	if (!on || (label && (!close || (close[1] && close[1] != '/')))) {
		unknown_need(l, j, need);
	} else if (on == j) {
		if (first_blame(l, need->mark))
			diag_error(l->d, need->mark, "job '%s' needs itself", j->name);
	} else if (label) {
		char *text = arena_strndup(l->scratch, label, (size_t)(close - label));

		if (first_blame(l, need->mark))
			check_label(l, on, need, text);
	}
	if (on && on != j && *slash == '/' && !step_find(on, slash + 1) && first_blame(l, need->mark)) {
		struct spell s;

		spell_init(&s, slash + 1);
		for (size_t i = 0; i < on->n_steps; i++)
			spell_try(&s, on->step[i].id);
		diag_error(l->d, need->mark, "job '%s' has no step '%s'", on->name, slash + 1);
		if (s.best && *s.best)
			diag_hint(l->d, "did you mean '%.*s/%s'?", (int)(slash - name), name, s.best);
	}
}

/* st: NULL for the needs of the job itself. */
void check_needs(struct loader *l, const struct job *j, const struct step *st,
			const struct traits *t)
{
	size_t counted = 0;

	for (size_t i = 0; i < t->n_needs; i++) {
		const struct step *on = st && j->kind == JOB_STEPS ? step_find(j,
									       t->need[i].name) : NULL;

		counted += !t->need[i].order_only;
		if (on)
			check_need_of_step(l, st, on, &t->need[i]);
		else
			check_need_of_job(l, j, &t->need[i]);
	}
	if (t->needs_rule > 1 && t->needs_rule > counted) {
		diag_error(l->d, st ? step_mark(st) : j->mark, "%u needs must hold, but there are only %zu",
			   t->needs_rule, counted);
	}
}
