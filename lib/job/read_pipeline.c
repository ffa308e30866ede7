/*
 * lorchestra pipelines: stages of jobs, each a barrier; a stage may run its jobs for each element of a list
 * that a job of an earlier stage returned.
 */
#include "job/lorchestra.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

struct pipeline {
	struct lorch x; /* its steps: the jobs of the stages, of which `at` come earlier */
	size_t room;
};

static void note_jobs(struct pipeline *p, const struct node *jobs)
{
	for (size_t i = 0; jobs && jobs->kind == NODE_LIST && i < jobs->n; i++)
		if (jobs->item[i]->kind == NODE_SCALAR)
			VEC_PUSH(p->x.step, p->x.n_steps, p->room, jobs->item[i]->text);
}

/* The names of all jobs in the order of the stages; how many a stage has is counted again when it is read. */
static void note_all_jobs(struct pipeline *p, const struct node *stages)
{
	for (size_t i = 0; i < stages->n; i++) {
		const struct node *stage = stages->item[i], *loop;

		if (stage->kind != NODE_MAP)
			continue;
		note_jobs(p, node_get(stage, "jobs"));
		loop = node_get(stage, "loop");
		if (loop && loop->kind == NODE_MAP)
			note_jobs(p, node_get(loop, "jobs"));
	}
}

static struct node *translate_jobs(struct pipeline *p, const struct node *jobs, const char *what, struct mark m)
{
	struct loader *l = p->x.l;
	struct node *list;

	if (!jobs || jobs->kind != NODE_LIST || !jobs->n) {
		diag_error(l->d, jobs ? jobs->mark : m, "%s needs 'jobs': a list of jobs and pipelines", what);
		return NULL;
	}
	list = lorch_parts(l, NODE_LIST, jobs->mark, jobs->n);
	for (size_t i = 0; i < jobs->n; i++) {
		const struct node *job = jobs->item[i];

		if (job->kind != NODE_SCALAR || is_null(job))
			bad_value(l, "jobs", "a list of names", job);
		else
			lorch_add(list, NULL, lorch_text(l, job->mark, job->text, job->n));
	}
	return list;
}

/* What a loop goes over is known when the stages before it have ended. */
static void translate_loop(struct pipeline *p, const struct node *n, const char *what, struct node *stage)
{
	struct loader *l = p->x.l;
	const struct node *value[LORCH_KEYS], *over;
	struct node *loop = lorch_parts(l, NODE_MAP, n->mark, 2), *jobs;

	if (!lorch_keys(l, n, LORCH_IN_LOOP, "'loop'", false, value))
		return;
	over = value[LORCH_KEY_OVER];
	jobs = translate_jobs(p, value[LORCH_KEY_LOOP_JOBS], what, n->mark);
	if (jobs)
		lorch_put(l, stage, n->mark, "jobs", jobs);
	if (!over || over->kind != NODE_SCALAR || !lorch_is_reference(&p->x, NULL, over->text)) {
		diag_error(l->d, over ? over->mark : n->mark, "'over' must be a reference such as '@run.JOB.items'");
		return;
	}
	lorch_put(l, loop, over->mark, "over", lorch_value(&p->x, over));
	p->x.absent_is_null = true;
	if (value[LORCH_KEY_PAYLOAD])
		lorch_put(l, loop, value[LORCH_KEY_PAYLOAD]->mark, "payload",
			  lorch_value(&p->x, value[LORCH_KEY_PAYLOAD]));
	p->x.absent_is_null = false;
	lorch_put(l, stage, n->mark, "loop", loop);
}

static size_t count_jobs(const struct node *jobs)
{
	return jobs && jobs->kind == NODE_LIST ? jobs->n : 0;
}

static struct node *translate_stage(struct pipeline *p, const struct node *n, size_t no)
{
	struct loader *l = p->x.l;
	const struct node *value[LORCH_KEYS], *name;
	struct node *stage = lorch_parts(l, NODE_MAP, n->mark, 3), *jobs;
	char *what = arena_printf(l->scratch, "stage %zu", no + 1);

	if (!lorch_keys(l, n, LORCH_IN_STAGE, what, false, value))
		return NULL;
	name = value[LORCH_KEY_NAME];
	if (name && (name->kind != NODE_SCALAR || is_null(name)))
		bad_value(l, "name", "text", name);
	else if (name)
		lorch_put(l, stage, name->mark, "name", lorch_text(l, name->mark, name->text, name->n));
	if (value[LORCH_KEY_LOOP] && value[LORCH_KEY_JOBS]) {
		diag_error(l->d, n->mark, "%s has both 'jobs' and 'loop'", what);
		diag_hint(l->d, "the jobs that are run for each element stand in the loop");
	} else if (value[LORCH_KEY_LOOP]) {
		translate_loop(p, value[LORCH_KEY_LOOP], what, stage);
		p->x.at += value[LORCH_KEY_LOOP]->kind == NODE_MAP ? count_jobs(node_get(value[LORCH_KEY_LOOP], "jobs")) : 0;
	} else {
		jobs = translate_jobs(p, value[LORCH_KEY_JOBS], what, n->mark);
		if (jobs)
			lorch_put(l, stage, value[LORCH_KEY_JOBS]->mark, "jobs", jobs);
		p->x.at += count_jobs(value[LORCH_KEY_JOBS]);
	}
	return stage;
}

static void put_stages(struct pipeline *p, const struct node *stages, struct node *job)
{
	struct loader *l = p->x.l;
	struct node *list;

	if (stages && stages->kind != NODE_LIST) {
		bad_value(l, "stages", "a list", stages);
		return;
	}
	if (!stages || !stages->n) {
		lorch_put(l, job, job->mark, "noop", lorch_plain(l, job->mark, "true"));
		return;
	}
	note_all_jobs(p, stages);
	list = lorch_parts(l, NODE_LIST, stages->mark, stages->n);
	for (size_t i = 0; i < stages->n; i++) {
		struct node *stage = translate_stage(p, stages->item[i], i);

		if (stage)
			lorch_add(list, NULL, stage);
	}
	lorch_put(l, job, stages->mark, "stages", list);
}

void read_pipeline(struct loader *l, struct cursor *c)
{
	const struct node *doc = lorch_document(l, c), *value[LORCH_KEYS], *name, *description;
	struct pipeline p = {.x = {.l = l, .place = LORCH_LOOP}};
	struct node *job = lorch_parts(l, NODE_MAP, doc->mark, 3);
	size_t before = diags_errors(l->d);
	bool stop = false;

	l->file->format = "pipeline";
	lorch_keys(l, doc, LORCH_IN_PIPELINE, "the pipeline", false, value);
	name = lorch_name(l, value[LORCH_KEY_PIPELINE_ID], "pipeline_id");
	p.x.id = name ? name->text : "";
	description = value[LORCH_KEY_PIPELINE_DESCRIPTION];
	if (description && description->kind == NODE_SCALAR)
		lorch_put(l, job, description->mark, "description",
			  lorch_text(l, description->mark, description->text, description->n));
	put_stages(&p, value[LORCH_KEY_STAGES], job);
	if (value[LORCH_KEY_STOP] && lorch_bool(l, "stop_on_failure", value[LORCH_KEY_STOP], &stop) && stop &&
	    node_get(job, "stages"))
		lorch_put(l, job, value[LORCH_KEY_STOP]->mark, "stop_on_failure",
			  lorch_plain(l, value[LORCH_KEY_STOP]->mark, "true"));
	if (!name || diags_errors(l->d) > before)
		l->cut_short = true;
	else
		read_job(l, name, job);
	free(p.x.step);
}
