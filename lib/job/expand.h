/*
 * From targets to units: which instances a run consists of, and how they hang
 * together.  The graph beside it says what waits for what; this says what each unit
 * and group is.  Constant once built; borrows the Jobfile.
 *
 * A scope is one instance of a job: its matrix cell, and the step that called it if
 * there is one.  The steps of a scope see the same params.
 */
#ifndef JOB_EXPAND_H
#define JOB_EXPAND_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "job/graph.h"
#include "job/jobfile.h"

enum { SCOPE_NONE = UINT32_MAX, CELL_NONE = UINT32_MAX };

/* What unit u is, under the same number. */
struct place {
	const struct step *step; /* UNIT_STEP; a call's gates: the calling step; else NULL */
	uint32_t scope;		 /* SCOPE_NONE for the gates of the root, of support and of a job's family */
	uint32_t cell;		 /* of the step's own matrix, or CELL_NONE */
};

enum bundle_kind {
	BUNDLE_ROOT,	 /* the run */
	BUNDLE_SUPPORT,	 /* jobs that others need and nobody asked for */
	BUNDLE_JOB,	 /* an instance of a job with steps */
	BUNDLE_COMPOSITE,
	BUNDLE_FAMILY,	 /* the instances of a job */
	BUNDLE_STEPS,	 /* the instances of a step */
	BUNDLE_CALL,	 /* a step that runs a job */
	BUNDLE_LOOP,	 /* a stage whose jobs are run for each element of a list: its members come when it begins */
};

/* What group g is, under the same number. */
struct bundle {
	enum bundle_kind kind;
	uint32_t scope;		 /* JOB, COMPOSITE: its own; STEPS, CALL: of the step; LOOP: of the composite; else
				  * SCOPE_NONE */
	const struct job *job;	 /* JOB, COMPOSITE, FAMILY; LOOP: the composite */
	const struct stage *stage; /* LOOP */
	const struct step *step; /* STEPS, CALL */
	uint32_t cell;		 /* CALL in a step's matrix */
};

struct scope {
	const struct job *job;
	uint32_t cell;		 /* of the job's matrix, or CELL_NONE */
	uint32_t group;		 /* GROUP_NONE: a one-action job */
	uint32_t caller;	 /* the scope of the step or the loop that runs this instance, or SCOPE_NONE */
	const struct step *call; /* that step, whose params are evaluated when it begins */
	uint32_t call_cell;
	const struct stage *loop; /* or the stage whose loop runs it, for element number `element` */
	uint32_t element;
	uint32_t unit;		 /* the unit of a one-action job, or UNIT_NONE */
};

/* The values of a matrix or foreach: cell number -> {axis: value}. */
struct cells;
size_t cells_count(const struct cells *c);
/* {axis: value, ...}; for foreach {name: value}.  New reference. */
json_t *cells_at(const struct cells *c, uint32_t cell);
/* `a,b`, appended. */
void cells_label(const struct cells *c, uint32_t cell, struct buf *out);

struct expansion {
	const struct jobfile *jf;
	struct graph *graph;
	struct place *place;
	struct bundle *bundle;
	struct scope *scope;
	uint32_t n_scopes;
	uint32_t *job_unit;    /* by job->no: the unit that stands for it (uncalled), or UNIT_NONE */
	uint32_t **step_unit;  /* by scope: the unit of each step (by step->no); NULL for one-action jobs */
	uint32_t *target_unit; /* the unit of each target, in the order asked */
	size_t n_targets;
	uint32_t *asked_step;  /* targets of the form job/step: these and what they need, and no other step */
	size_t n_asked_steps;  /* a job with instances has the step in each of them */
	size_t n_step_targets; /* so many targets were of that form */
	const struct cells **job_cells;	 /* by job->no; NULL: no matrix */
	struct map step_cells;		 /* "job/step" -> struct cells */
	uint32_t **instance;		 /* by job->no, by cell: the unit; NULL: none has been made */
	struct map pool;		 /* name of a declared pool -> number in the graph + 1 */
	struct arena *arena;
};

struct expand_options {
	const char *const *target; /* names: job, job[a,b], job/step, globs */
	size_t n_targets;	   /* 0 = the default target */
	bool keep_going;
	uint32_t fail_limit;	   /* 0 = none */
	bool ask_steps;		   /* the engine decides about every step before it starts */
	/* For foreach and matrix expressions: params, vars, env, payload, and globbing. */
	const struct expr_world *world;
	/* Called with world->ctx before the loops of a job are worked out: params are those of that job.  May be
	 * NULL. */
	void (*loops_of)(void *world_ctx, const struct job *j);
};

/* NULL after diagnostics (unknown target with a suggestion, a loop over no list, ...). */
struct expansion *expansion_build(const struct jobfile *jf, const struct expand_options *o,
				  struct diags *d);
void expansion_free(struct expansion *x);

/*
 * The members of a loop that begins: its stage's jobs, or the instances of its step, for each element of list.  Units, groups and
 * scopes are appended; what was there keeps its number and the graph its address.  False after diagnostics, and
 * then nothing has changed.  o: its world is the one for loops of the jobs themselves.
 */
bool expansion_grow(struct expansion *x, uint32_t group, json_t *list, const struct expand_options *o,
		    struct diags *d);

/* As people see it, appended: `job`, `job[a]`, `job/step`, `outer/call/step`. */
void expansion_unit_name(const struct expansion *x, uint32_t unit, struct buf *out);
void expansion_scope_name(const struct expansion *x, uint32_t scope, struct buf *out);
void expansion_group_name(const struct expansion *x, uint32_t group, struct buf *out);
/* A matrix or a loop that is known to have no element; and what it was to go over. */
bool expansion_is_empty(const struct expansion *x, uint32_t group);
void expansion_emptiness(const struct expansion *x, uint32_t group, struct buf *out);

/* The cells a scope's job or a unit's step has; NULL: none. */
const struct cells *expansion_step_cells(const struct expansion *x, uint32_t scope, const struct step *st);
/* Its instances are known only when it begins. */
bool step_is_late(const struct step *st);

/* Of a step in a scope: its unit (the END of its family or call); UNIT_NONE if it has none. */
uint32_t expansion_find_step(const struct expansion *x, uint32_t scope, const char *id);

/* The unit that provides artifact name to a step of scope: a step of the same job, else another job's; *ret_field is
 * what it calls it.  UNIT_NONE if none is part of this run. */
uint32_t expansion_find_artifact(const struct expansion *x, uint32_t scope, const char *name, const char **ret_field);

/* In a name, the ] of the label that begins at open: labels are values, which may hold brackets.  NULL: it has no end. */
const char *label_end(const char *open);

/* Units that a name of the command line (--only, --skip, kill, retry) stands for; appended to *ret
 * (free it); returns how many. */
size_t expansion_match(const struct expansion *x, const char *name, uint32_t **ret);

#endif
