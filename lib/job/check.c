/* What is wrong with jobs and steps once all documents have been read. */
#include "job/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

/* Looking for the nearest of 100,000 names takes milliseconds: not for every one of as many errors. */
enum { SUGGEST_MAX = 50 };

void check_hint_job(struct loader *l, const char *name, struct mark m)
{
	bool few = diags_errors(l->d) < SUGGEST_MAX + l->errors_before;
	const char *near = few ? job_suggest(l->jf, ns_at(l, m), name) : NULL;

	diag_suggest(l->d, near);
}

const struct step *job_main(const struct job *j)
{
	const struct step *first = &j->step[0];

	return j->kind == JOB_STEPS && j->n_steps && j->in_order && !strcmp(first->id, "main") &&
			       first->spot.line == j->mark.line && first->spot.col == j->mark.col
		       ? first
		       : NULL;
}

/* --- keys of the wrong kind of job ------------------------------------------------------------ */

static void refuse_key(struct loader *l, const struct job *j, enum key k)
{
	if (j->kind == JOB_COMPOSITE) {
		diag_error(l->d, j->mark, "job '%s' has stages, where '%s' means nothing", j->name,
			   key_word(k));
		diag_hint(l->d, "say it at the jobs of the stages");
	} else if (key_info(k)->reach == REACH_ACT) {
		diag_error(l->d, j->mark, "job '%s' has steps, so '%s' belongs to one of them",
			   j->name, key_word(k));
	} else {
		diag_error(l->d, j->mark, "job '%s' has no stages, so '%s' means nothing", j->name,
			   key_word(k));
	}
}

/* What the run does as a whole: a target may say it, whatever it is made of. */
static bool composite_may_have(enum key k)
{
	return key_info(k)->reach == REACH_OWN || k == KEY_on_driver_death;
}

void check_job_keys(struct loader *l, const struct job *j, const struct key_set *written)
{
	bool acts = j->kind == JOB_ACTION || job_main(j);

	for (enum key k = 0; k < KEY_COUNT; k++) {
		enum key_reach reach = key_info(k)->reach;
		bool wrong;

		if (!traits_has(&j->t, k))
			continue;
		wrong = j->kind == JOB_COMPOSITE ? !composite_may_have(k) : !acts && reach == REACH_ACT;
		wrong |= j->kind != JOB_COMPOSITE && (k == KEY_stop_on_failure || k == KEY_success);
		/* What is written beside steps or stages the reader has complained about. */
		if (wrong && !(is_action_key(k) && k != KEY_with && k != KEY_job_params && k != KEY_job_payload &&
			       k != KEY_idempotency &&
			       key_set_has(written, k)))
			refuse_key(l, j, k);
	}
}

/* --- actions --------------------------------------------------------------------- */

static const char *first_word_of_composites(const struct traits *t)
{
	return traits_has(t, KEY_stop_on_failure) ? "stop_on_failure"
	       : traits_has(t, KEY_success)	 ? "success"
							 : NULL;
}

static void blame_idle(struct loader *l, const struct job *j, const struct step *st)
{
	bool whole = j->kind == JOB_ACTION;

	if (!first_blame(l, step_mark(st)))
		return;
	if (whole)
		diag_error(l->d, step_mark(st), "job '%s' does not say what to do", j->name);
	else
		diag_error(l->d, step_mark(st), "step '%s' of job '%s' does not say what to do", st->id, j->name);
	diag_hint(l->d, st->t.n_needs ? "write noop: true if its needs are all there is to it"
			: whole       ? "it needs one of run, argv, call, job, approve, until, noop, or steps, or stages"
				      : "it needs one of run, argv, call, job, approve, until, noop");
}

static void check_action(struct loader *l, const struct job *j, const struct step *st)
{
	const struct traits *t = &st->t;

	if (t->act->kind == ACT_NONE) {
		blame_idle(l, j, st);
		return;
	}
	if (traits_has(t, KEY_with) && t->act->kind != ACT_CALL && first_blame(l, step_mark(st))) {
		diag_error(l->d, step_mark(st), "'with' is the input of 'call', and this is '%s'",
			   act_word(t->act->kind));
		if (t->act->kind == ACT_JOB)
			diag_hint(l->d, "write params: for the job");
	}
	if (traits_has(t, KEY_job_params) && t->act->kind != ACT_JOB && first_blame(l, step_mark(st)))
		diag_error(l->d, step_mark(st), "'params' of a step are for 'job', and this is '%s'",
			   act_word(t->act->kind));
	if (traits_has(t, KEY_job_payload) && t->act->kind != ACT_JOB && first_blame(l, step_mark(st)))
		diag_error(l->d, step_mark(st), "'payload' is for 'job', and this is '%s'", act_word(t->act->kind));
	if (traits_has(t, KEY_idempotency) && t->act->kind != ACT_CALL && first_blame(l, step_mark(st)))
		diag_error(l->d, step_mark(st), "'idempotency' is for 'call', and this is '%s'", act_word(t->act->kind));
	if (t->policy->stdin_from && t->act->kind == ACT_CALL && first_blame(l, step_mark(st))) {
		diag_error(l->d, step_mark(st), "'stdin' cannot be had with 'call', whose standard input is 'with'");
		diag_hint(l->d, "name the file in `with`, or start the program with argv");
	}
	if (t->policy->tty && t->policy->stall_ms && first_blame(l, step_mark(st)))
		diag_error(l->d, step_mark(st), "'stall' watches the log, and what has a 'tty' writes none");
	if (t->policy->tty && t->act->kind == ACT_CALL && first_blame(l, step_mark(st)))
		diag_error(l->d, step_mark(st), "'tty' is for 'run' and 'argv': a 'call' talks JSON");
	if (j->kind == JOB_STEPS && first_word_of_composites(t) && first_blame(l, step_mark(st)))
		diag_error(l->d, step_mark(st),
			   "step '%s' takes '%s' from a template; that is for jobs with stages",
			   st->id, first_word_of_composites(t));
	if (called_job(l->jf, t->act))
		check_called_params(l, t->act, called_job(l->jf, t->act));
	if (t->policy->matrix && t->policy->foreach && first_blame(l, step_mark(st)))
		diag_error(l->d, step_mark(st), "both 'matrix' and 'foreach'");
}

/* --- stages ----------------------------------------------------------------------------------- */

static bool is_plain_name(const char *text)
{
	return text[0] != '/' && !strpbrk(text, "*?[");
}

static void nothing_selected(struct loader *l, const struct name_decl *sel)
{
	if (is_plain_name(sel->name)) {
		diag_error(l->d, sel->mark, "no job '%s'", sel->name);
		check_hint_job(l, sel->name, sel->mark);
	} else if (sel->name[0] == '/' && !make_pattern(l, sel->name, sel->mark)) {
		return; /* said */
	} else {
		diag_error(l->d, sel->mark, "'%s' selects no job", sel->name);
	}
}

struct members {
	const struct job **at;
	size_t n, room;
	const struct name_decl **by; /* by job->no: what selected it for an earlier stage or entry */
};

/*
 * A pattern leaves out the composite itself and what an earlier entry has; a plain name that
 * was there already is a mistake.
 */
static void add_selected(struct loader *l, const struct job *j, struct members *m,
			 const struct name_decl *sel)
{
	const struct job **found;
	size_t n = job_select(l->jf, j->file->ns, sel->name, &found), before = m->n;
	bool plain = is_plain_name(sel->name);

	for (size_t i = 0; i < n; i++) {
		const struct name_decl *first = m->by[found[i]->no];

		if (first && plain) {
			diag_error(l->d, sel->mark, "job '%s' is in a stage already", sel->name);
			diag_note(l->d, first->mark, "'%s' selects it here", first->name);
		} else if (!first && (plain || found[i] != j)) {
			m->by[found[i]->no] = sel;
			VEC_PUSH(m->at, m->n, m->room, found[i]);
		}
	}
	free(found);
	if (!n || (!plain && m->n == before))
		nothing_selected(l, sel);
}

/* The jobs of a composite are there once, for whoever has them in a stage. */
static void refuse_composites(struct loader *l, const struct stage *s)
{
	for (size_t i = 0; s->loop && i < s->n_jobs; i++)
		if (s->job[i]->kind == JOB_COMPOSITE) {
			diag_error(l->d, s->mark, "a loop cannot run '%s', which has stages: its jobs would run once for all "
				   "elements", s->job[i]->name);
			diag_hint(l->d, "name its jobs in the loop");
		}
}

static void fill_stages(struct loader *l, struct job *j, const struct name_decl **by)
{
	for (size_t i = 0; i < j->n_stages; i++) {
		struct stage *s = &j->stage[i];
		struct members m = {.by = by};

		for (size_t k = 0; k < s->n_selects; k++)
			add_selected(l, j, &m, &s->select[k]);
		s->job = arena_array(l->a, m.n, sizeof(*s->job));
		s->n_jobs = m.n;
		if (m.n)
			memcpy(s->job, m.at, m.n * sizeof(*s->job));
		refuse_composites(l, s);
		for (size_t k = 0; m.n && k < i; k++)
			if (!strcmp(j->stage[k].name, s->name)) {
				diag_error(l->d, s->mark, "job '%s' has two stages '%s'", j->name,
					   s->name);
				diag_note(l->d, j->stage[k].mark, "the first is here");
			}
		free(m.at);
	}
	/* `by` serves the next composite too. */
	for (size_t i = 0; i < j->n_stages; i++)
		for (size_t k = 0; k < j->stage[i].n_jobs; k++)
			by[j->stage[i].job[k]->no] = NULL;
}

/* --- all -------------------------------------------------------------------------------------- */

static void check_job(struct loader *l, struct job *j)
{
	if (j->t.policy->fallback_only)
		diag_error(l->d, j->mark,
			   "job '%s' takes 'fallback_only' from a template; that is for steps", j->name);
	if (j->t.policy->matrix && j->t.policy->foreach && first_blame(l, j->mark))
		diag_error(l->d, j->mark, "both 'matrix' and 'foreach'");
	check_needs(l, j, NULL, &j->t);
	for (size_t i = 0; i < j->n_steps; i++) {
		if (j->kind == JOB_STEPS)
			check_needs(l, j, &j->step[i], &j->step[i].t);
		check_action(l, j, &j->step[i]);
		check_fallback(l, j, &j->step[i]);
	}
	if (j->kind != JOB_STEPS)
		return;
	check_fallbacks(l, j);
}

void check_model(struct loader *l)
{
	struct jobfile *jf = l->jf;
	const struct name_decl **by = xcalloc(jf->n_jobs + 1, sizeof(*by));

	for (size_t i = 0; i < jf->n_jobs; i++) {
		fill_stages(l, jf->job[i], by);
		check_job(l, jf->job[i]);
	}
	free(by);
	if (!jf->n_jobs && diags_errors(l->d) == l->errors_before)
		diag_error(l->d, jf->n_files ? source_mark(jf->file[0]->source, 0, 0) : MARK_NONE,
			   "no jobs");
}
