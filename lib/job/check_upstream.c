/* Names in expressions of what has to have run by then: steps, jobs of earlier stages, needs, artifacts. */
#include "job/check_refs.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "job/namespace.h"

/* The longest known step id that path begins with: ids may hold dots. */
static const struct step *step_of_path(const struct job *j, const char *const *path, size_t n)
{
	const struct step *found = NULL;
	struct buf id = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		const struct step *st;

		buf_addf(&id, "%s%s", i ? "." : "", path[i]);
		st = step_find(j, id.data);
		found = st ? st : found;
	}
	buf_release(&id);
	return found;
}

struct search {
	uint32_t *queue;
	size_t n;
	bool *seen;
};

static void look_at_step(struct search *s, const struct step *on)
{
	if (!on || s->seen[on->no])
		return;
	s->seen[on->no] = true;
	s->queue[s->n++] = on->no;
}

/* What st waits for by itself; a step that stands in for another comes after that. */
static void look_behind(struct search *s, const struct step *st)
{
	const struct job *j = st->job;

	look_at_step(s, step_before(st));
	for (size_t i = 0; i < st->t.n_needs; i++)
		look_at_step(s, step_find(j, st->t.need[i].name));
	for (size_t i = 0; st->t.flow->n_consumes && i < j->n_steps; i++)
		for (size_t k = 0; k < st->t.flow->n_consumes; k++)
			for (size_t p = 0; p < j->step[i].t.flow->n_provides; p++)
				if (!strcmp(j->step[i].t.flow->provide[p].name, st->t.flow->consume[k].name))
					look_at_step(s, &j->step[i]);
	for (size_t i = 0; st->t.policy->fallback_only && i < j->n_steps; i++)
		if (j->step[i].t.policy->fallback && !strcmp(j->step[i].t.policy->fallback, st->id))
			look_at_step(s, &j->step[i]);
}

static bool needs_directly(const struct step *st, const struct step *on)
{
	for (size_t i = 0; i < st->t.n_needs; i++)
		if (!strcmp(st->t.need[i].name, on->id))
			return true;
	return false;
}

static bool is_upstream(const struct refs *r, const struct step *on)
{
	const struct step *st = r->st;
	struct search s;

	/* The two common cases, without a search: what lies before in a list, what it names itself. */
	if (on->no < st->no && on->no >= r->run_start[st->no] && !on->t.policy->fallback_only)
		return true;
	if (needs_directly(st, on) || (st->finally && !on->finally))
		return true;
	s = (struct search){
		.queue = xcalloc(st->job->n_steps, sizeof(*s.queue)),
		.seen = xcalloc(st->job->n_steps, sizeof(*s.seen)),
	};
	look_behind(&s, st);
	for (size_t i = 0; i < s.n && !s.seen[on->no]; i++)
		look_behind(&s, &st->job->step[s.queue[i]]);
	free(s.queue);
	on = s.seen[on->no] ? on : NULL;
	free(s.seen);
	return on != NULL;
}

static void unknown_step(const struct refs *r, const char *name, struct mark m)
{
	struct spell s;

	if (r->j->kind != JOB_STEPS) {
		diag_error(r->l->d, m, "job '%s' has no steps that 'steps' could mean", r->j->name);
		return;
	}
	spell_init(&s, name);
	for (size_t i = 0; i < r->j->n_steps; i++)
		spell_try(&s, r->j->step[i].id);
	ref_unknown(r, m, "step", name, s.best);
}

/* By a name of it, or as one of what a pattern selects. */
static bool has_job(const struct refs *r, const struct stage *st, const char *name)
{
	const struct job *j = job_seen(r->l->jf, r->j->ns, name);

	for (size_t i = 0; i < st->n_selects; i++)
		if (!strcmp(st->select[i].name, name))
			return true;
	for (size_t i = 0; i < st->n_jobs; i++)
		if (st->job[i] == j)
			return true;
	return false;
}

/* A job of an earlier stage: its name is the longest that path begins with. */
void check_job_ref(const struct refs *r, const char *const *path, size_t n, struct mark m)
{
	const struct stage *found = NULL;
	struct buf name = BUF_INIT;
	struct spell s;

	spell_init(&s, path[0]);
	for (size_t i = 0; i < n; i++) {
		buf_addf(&name, "%s%s", i ? "." : "", path[i]);
		for (const struct stage *st = r->j->stage; st < r->j->stage + r->j->n_stages; st++) {
			found = has_job(r, st, name.data) ? st : found;
			for (size_t k = 0; k < st->n_selects; k++)
				spell_try(&s, st->select[k].name);
		}
	}
	buf_release(&name);
	if ((found && found < r->stage) || !first_blame(r->l, m))
		return;
	if (found) {
		diag_error(r->l->d, m, "'%s' is not a job of an earlier stage", path[0]);
		return;
	}
	diag_error(r->l->d, m, "no job '%s' in an earlier stage", path[0]);
	diag_suggest(r->l->d, s.best);
}

void check_step_ref(const struct refs *r, const char *const *path, size_t n, struct mark m)
{
	const struct step *on = step_of_path(r->j, path, n);

	if (on && r->j->kind == JOB_STEPS && r->st && on != r->st && is_upstream(r, on))
		return;
	if (!first_blame(r->l, m))
		return;
	if (!on || r->j->kind != JOB_STEPS) {
		unknown_step(r, path[0], m);
	} else if (!r->st) {
		diag_error(r->l->d, m, "no step has run when job '%s' begins", r->j->name);
		diag_hint(r->l->d, "say it at the step");
	} else if (on == r->st) {
		diag_error(r->l->d, m, "step '%s' speaks of itself", on->id);
	} else {
		diag_error(r->l->d, m, "step '%s' may not have run before '%s'", on->id, r->st->id);
		diag_hint(r->l->d, "write needs: [%s] at '%s'", on->id, r->st->id);
	}
}

void check_need_ref(const struct refs *r, const char *const *path, size_t n, struct mark m)
{
	struct buf name = BUF_INIT;
	struct spell s;
	bool found = false;

	for (size_t i = 0; i < n && !found; i++) {
		buf_addf(&name, "%s%s", i ? "." : "", path[i]);
		for (size_t k = 0; k < r->t->n_needs && !found; k++)
			found = namespace_means(r->j->ns, name.data, r->t->need[k].name);
	}
	buf_release(&name);
	if (found || !first_blame(r->l, m))
		return;
	spell_init(&s, path[0]);
	for (size_t k = 0; k < r->t->n_needs; k++)
		spell_try(&s, namespace_short(r->j->ns, r->t->need[k].name));
	diag_error(r->l->d, m, "'%s' is not among the needs", path[0]);
	diag_suggest(r->l->d, s.best);
}

void check_consume_ref(const struct refs *r, const char *const *path, size_t n, struct mark m)
{
	const struct flow *flow = r->t->flow;
	struct buf name = BUF_INIT;
	bool found = false;
	const char *meant;
	struct spell s;

	for (size_t i = 0; i < n && !found; i++) {
		buf_addf(&name, "%s%s", i ? "." : "", path[i]);
		for (size_t k = 0; k < flow->n_consumes && !found; k++)
			found = !strcmp(flow->consume[k].name, name.data);
	}
	buf_release(&name);
	if (found || !first_blame(r->l, m))
		return;
	meant = ref_meant(r, path, n, m);
	spell_init(&s, meant);
	for (size_t k = 0; k < flow->n_consumes; k++)
		spell_try(&s, flow->consume[k].name);
	diag_error(r->l->d, m, "'%s' is not among what it consumes", meant);
	if (!diag_suggest(r->l->d, s.best))
		diag_hint(r->l->d, "write consumes: [%s]", meant);
}
