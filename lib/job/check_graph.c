/* Artifacts that have no provider or two, and everything that would wait for itself. */
#include "job/read.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "job/namespace.h"

/* --- artifacts -------------------------------------------------------------------------------- */

static const struct provide_decl *provided_by(const struct traits *t, const char *name)
{
	for (size_t i = 0; i < t->flow->n_provides; i++)
		if (!strcmp(t->flow->provide[i].name, name))
			return &t->flow->provide[i];
	return NULL;
}

/* An artifact as other jobs see it: who provides it, and who else. */
struct offer {
	const struct job *job[2]; /* the second: NULL if there is but one */
	struct mark mark[2];
};

static void add_offer(struct loader *l, struct map *offers, const struct job *j,
		      const struct provide_decl *p)
{
	const char *full = namespace_full(l->scratch, j->ns, p->name);
	struct offer *o = map_get(offers, full);

	if (!o) {
		o = ARENA_NEW(l->scratch, struct offer);
		*o = (struct offer){{j}, {p->mark}};
		map_put(offers, full, o);
		map_put(&l->jf->job_by_artifact, full, (void *)j);
	} else if (o->job[0] != j && !o->job[1]) {
		o->job[1] = j;
		o->mark[1] = p->mark;
	}
}

/* Within a job a name stands for one artifact, whether anybody consumes it or not. */
static void check_own(struct loader *l, const struct job *j, struct map *own)
{
	for (size_t i = 0; i < j->n_steps; i++) {
		const struct traits *t = &j->step[i].t;

		for (size_t k = 0; k < t->flow->n_provides; k++) {
			const struct step *first = map_get(own, t->flow->provide[k].name);

			if (!first) {
				map_put(own, t->flow->provide[k].name, (void *)&j->step[i]);
				continue;
			}
			diag_error(l->d, t->flow->provide[k].mark, "'%s' is provided twice in job '%s'",
				   t->flow->provide[k].name, j->name);
			diag_note(l->d, provided_by(&first->t, t->flow->provide[k].name)->mark,
				  "the first is here, in step '%s'", first->id);
		}
	}
}

static void no_provider(struct loader *l, const char *ns, const struct name_decl *c, const struct map *own,
			const struct map *offers)
{
	struct spell s;

	if (!first_blame(l, c->mark))
		return;
	spell_init(&s, c->name);
	for (size_t i = 0; i < own->n; i++)
		spell_try(&s, own->entry[i].key);
	for (size_t i = 0; i < offers->n; i++)
		spell_try(&s, namespace_short(ns, offers->entry[i].key));
	diag_error(l->d, c->mark, "nothing provides '%s'", c->name);
	if (!diag_suggest(l->d, s.best))
		diag_hint(l->d, "write provides: [%s] at the step that makes it", c->name);
}

static const struct offer *offer_seen(const struct map *offers, const char *ns, const char *name)
{
	struct buf full = BUF_INIT;
	const struct offer *o = namespace_get(offers, ns, name, strlen(name), &full);

	buf_release(&full);
	return o;
}

static void check_consumed(struct loader *l, const struct step *st, const struct name_decl *c,
			   const struct map *own, const struct map *offers)
{
	const struct step *from = map_get(own, c->name);
	const struct offer *o = offer_seen(offers, st->job->ns, c->name);

	if (from == st) {
		if (first_blame(l, c->mark))
			diag_error(l->d, c->mark, "'%s' is consumed by the step that provides it",
				   c->name);
	} else if (from && from->finally && !st->finally) {
		if (first_blame(l, c->mark))
			diag_error(l->d, c->mark,
				   "'%s' is provided by '%s' of 'finally', which comes later",
				   c->name, from->id);
	} else if (!from && !o) {
		no_provider(l, st->job->ns, c, own, offers);
	} else if (!from && o->job[1] && first_blame(l, c->mark)) {
		diag_error(l->d, c->mark, "'%s' is provided by two jobs, '%s' and '%s'", c->name,
			   o->job[0]->name, o->job[1]->name);
		diag_note(l->d, o->mark[0], "here");
		diag_note(l->d, o->mark[1], "and here");
		diag_hint(l->d, "give one of them another name");
	}
}

static void check_job_artifacts(struct loader *l, const struct job *j, const struct map *offers)
{
	struct map own = MAP_INIT;

	check_own(l, j, &own);
	for (size_t i = 0; i < j->n_steps; i++)
		for (size_t k = 0; k < j->step[i].t.flow->n_consumes; k++)
			check_consumed(l, &j->step[i], &j->step[i].t.flow->consume[k], &own, offers);
	map_release(&own);
}

void check_artifacts(struct loader *l)
{
	const struct jobfile *jf = l->jf;
	struct map offers = MAP_INIT;

	for (size_t i = 0; i < jf->n_jobs; i++)
		for (size_t s = 0; s < jf->job[i]->n_steps; s++)
			for (size_t k = 0; k < jf->job[i]->step[s].t.flow->n_provides; k++)
				add_offer(l, &offers, jf->job[i], &jf->job[i]->step[s].t.flow->provide[k]);
	for (size_t i = 0; i < jf->n_jobs; i++)
		check_job_artifacts(l, jf->job[i], &offers);
	map_release(&offers);
}

/* --- circles ---------------------------------------------------------------------------------- */

/* Who waits for whom, and where that is written. */
struct waits {
	struct link *link;
	size_t n, room;
	struct mark *mark;
	size_t n_marks, room_marks;
};

static void add_wait(struct waits *w, uint32_t from, uint32_t to, struct mark m)
{
	VEC_PUSH(w->link, w->n, w->room, ((struct link){from, to}));
	VEC_PUSH(w->mark, w->n_marks, w->room_marks, m);
}

static void waits_release(struct waits *w)
{
	free(w->link);
	free(w->mark);
}

static size_t find_wait(const struct waits *w, uint32_t from, uint32_t to)
{
	size_t i = 0;

	while (w->link[i].from != from || w->link[i].to != to)
		i++;
	return i;
}

/* Begin with the one that the document names first: people read from there. */
static void rotate(uint32_t *cycle, size_t n)
{
	size_t first = 0;
	uint32_t *copy = xreallocarray(NULL, n, sizeof(*copy));

	for (size_t i = 1; i < n; i++)
		if (cycle[i] < cycle[first])
			first = i;
	for (size_t i = 0; i < n; i++)
		copy[i] = cycle[(first + i) % n];
	memcpy(cycle, copy, n * sizeof(*cycle));
	free(copy);
}

/* Say every circle of the first few; each is opened where it was found, so that the next can be. */
static void say_circles(struct loader *l, struct waits *w, size_t n, const char *what,
			const char *(*name)(const void *, uint32_t), const void *of)
{
	enum { CIRCLES_MAX = 10 };
	uint32_t *cycle;
	size_t len;

	for (int said = 0; said < CIRCLES_MAX; said++) {
		struct buf path = BUF_INIT;
		size_t at;

		if (links_order(n, w->link, w->n, NULL, &cycle, &len))
			return;
		rotate(cycle, len);
		at = find_wait(w, cycle[0], cycle[len > 1]);
		for (size_t i = 0; i < len; i++)
			buf_addf(&path, "%s -> ", name(of, cycle[i]));
		/* One that needs itself has been told so. */
		if (len > 1)
			diag_error(l->d, w->mark[at], "circular dependency: the %s wait for each other: %s%s", what, path.data,
				   name(of, cycle[0]));
		w->link[at] = w->link[--w->n];
		w->mark[at] = w->mark[w->n];
		buf_release(&path);
		free(cycle);
	}
}

static const char *step_name(const void *of, uint32_t i)
{
	return ((const struct job *)of)->step[i].id;
}

static const char *job_name(const void *of, uint32_t i)
{
	return ((const struct jobfile *)of)->job[i]->name;
}

static void add_step_waits(struct waits *w, const struct job *j, const struct map *own)
{
	for (size_t i = 0; i < j->n_steps; i++) {
		const struct step *st = &j->step[i], *on = step_before(st);

		if (on)
			add_wait(w, st->no, on->no, step_mark(st));
		for (size_t k = 0; k < st->t.n_needs; k++)
			if ((on = step_find(j, st->t.need[k].name)))
				add_wait(w, st->no, on->no, st->t.need[k].mark);
		for (size_t k = 0; k < st->t.flow->n_consumes; k++)
			if ((on = map_get(own, st->t.flow->consume[k].name)) && on != st)
				add_wait(w, st->no, on->no, st->t.flow->consume[k].mark);
	}
}

static void index_provides(const struct job *j, struct map *own)
{
	for (size_t i = 0; i < j->n_steps; i++)
		for (size_t k = 0; k < j->step[i].t.flow->n_provides; k++)
			if (!map_has(own, j->step[i].t.flow->provide[k].name))
				map_put(own, j->step[i].t.flow->provide[k].name, (void *)&j->step[i]);
}

static void check_step_circles(struct loader *l, const struct job *j)
{
	struct waits w = {0};
	struct map own = MAP_INIT;

	index_provides(j, &own);
	add_step_waits(&w, j, &own);
	say_circles(l, &w, j->n_steps, "steps", step_name, j);
	waits_release(&w);
	map_release(&own);
}

/* What job j waits for because of traits t. */
static void add_trait_waits(struct loader *l, struct waits *w, const struct job *j,
			    const struct step *st,
			    const struct traits *t)
{
	for (size_t i = 0; i < t->n_needs; i++) {
		const char *name = t->need[i].name;
		const struct job *on = map_get_n(&l->jf->job_by_name, name, strcspn(name, "/["));

		if (on && !(st && j->kind == JOB_STEPS && step_find(j, name)))
			add_wait(w, j->no, on->no, t->need[i].mark);
	}
	if (st && called_job(l->jf, t->act))
		add_wait(w, j->no, called_job(l->jf, t->act)->no, t->act->mark);
}

static void add_job_waits(struct loader *l, struct waits *w, const struct job *j)
{
	add_trait_waits(l, w, j, NULL, &j->t);
	for (size_t i = 0; i < j->n_steps; i++) {
		const struct traits *t = &j->step[i].t;

		/* A one-action job's needs are the job's, which have been added. */
		if (j->kind == JOB_STEPS || t->act->kind == ACT_JOB)
			add_trait_waits(l, w, j, &j->step[i], t);
		for (size_t k = 0; k < t->flow->n_consumes; k++) {
			const struct job *on = artifact_provider(l->jf, j->ns, t->flow->consume[k].name);
			bool inside = false;

			for (size_t s = 0; on && s < j->n_steps && !inside; s++)
				inside = provided_by(&j->step[s].t, t->flow->consume[k].name) != NULL;
			if (on && !inside)
				add_wait(w, j->no, on->no, t->flow->consume[k].mark);
		}
	}
	for (size_t i = 0; i < j->n_stages; i++)
		for (size_t k = 0; k < j->stage[i].n_jobs; k++)
			add_wait(w, j->no, j->stage[i].job[k]->no, j->stage[i].mark);
}

void check_cycles(struct loader *l)
{
	const struct jobfile *jf = l->jf;
	struct waits w = {0};

	for (size_t i = 0; i < jf->n_jobs; i++) {
		if (jf->job[i]->kind == JOB_STEPS)
			check_step_circles(l, jf->job[i]);
		add_job_waits(l, &w, jf->job[i]);
	}
	for (size_t i = 0; i < w.n; i++)
		if (w.link[i].from == w.link[i].to && first_blame(l, w.mark[i]))
			diag_error(l->d, w.mark[i], "job '%s' contains itself",
				   jf->job[w.link[i].from]->name);
	say_circles(l, &w, jf->n_jobs, "jobs", job_name, jf);
	waits_release(&w);
}
