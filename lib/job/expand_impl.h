/* Shared by expand.c (which instances there are), expand_link.c (what they wait for) and expand_name.c. */
#ifndef JOB_EXPAND_IMPL_H
#define JOB_EXPAND_IMPL_H

#include "job/cells.h"
#include "job/expand.h"
#include "job/files.h"

/* A job that a frame's job needs before its own units can be made. */
struct child {
	const struct job *job;
	uint32_t cell;		 /* of the job, when one instance is wanted; else CELL_NONE */
	const struct step *call; /* the step that calls it, or NULL */
	uint32_t call_cell;
	const struct stage *loop; /* the loop that runs it, or NULL */
	uint32_t element;
	uint32_t caller;	 /* of a loop: the scope of its composite */
	bool member;		 /* a child of a composite, or an instance of a family */
	bool shared;		 /* one instance for everybody: not a call */
};

/* A job being expanded.  Frames form a stack of our own: needs may chain 200,000 deep. */
struct frame {
	const struct job *job;
	uint32_t cell;
	uint32_t scope;	 /* SCOPE_NONE for a family */
	bool of_family;	 /* its needs hang on the family's gate */
	bool inner;	 /* below a composite */
	bool wanted;	 /* by a group; otherwise only needed, which is what support is for */
	const struct step *call;
	uint32_t call_cell;
	const struct stage *loop;
	uint32_t element;
	uint32_t caller; /* the scope of the calling step, or of the loop's composite */
	struct child *child;
	size_t n_children, room_children;
	size_t at;	 /* the child to look at next */
	uint32_t *got;	 /* the unit of each child */
	size_t call_at;	 /* where the next call is looked for among the children */
	struct waiter *waiter; /* instances of steps that each wait for the step's needs */
	size_t n_waiters, room_waiters;
};

struct waiter {
	const struct step *step;
	uint32_t unit;
};

/* A need of `after`: only when everything has been made is it known whether the other is part of the run. */
struct late_need {
	const struct job *self;
	uint32_t scope, unit;
	const struct need_decl *need;
};

/* An instance of a step that has outputs. */
struct maker {
	const struct step *step;
	uint32_t cell, step_cell;
};

struct expander {
	const struct jobfile *jf;
	const struct expand_options *o;
	struct diags *d;
	struct expansion *x;
	struct graph_builder *b;
	struct arena *a;

	struct frame *frame;
	size_t n_frames, room_frames;

	struct place *place;
	size_t n_places, room_places;
	struct bundle *bundle;
	size_t n_bundles, room_bundles;
	size_t room_scopes;
	uint32_t **step_unit;	    /* by scope: by step->no (in the arena); NULL for one-action jobs */
	uint32_t n_limits;	    /* pools that stand for a max_parallel */
	struct map provided;	    /* what the steps of provided_by provide -> step */
	const struct job *provided_by;
	struct late_need *late;
	size_t n_late, room_late;
	uint32_t *found;	    /* units that the name last looked up stands for */
	size_t n_found, room_found;
	struct maker *maker;	    /* of the whole Jobfile, once they are needed */
	size_t n_makers, room_makers;
	struct file_index made;	    /* output -> number in maker */
	bool knows_makers;
	uint32_t *open_frames;	    /* by job->no: how many of the frames are its */
	uint32_t support[2];	    /* groups: needed by targets; needed below composites */
	uint32_t root;
};

/* expand.c */
uint32_t expander_add_unit(struct expander *e, const struct unit *u, const struct place *p);
uint32_t expander_add_scope(struct expander *e, const struct scope *s);
uint32_t expander_add_group(struct expander *e, const struct group *g, const struct bundle *b);
/* The unit that must be held back so that unit does not begin: itself, or its group's BEGIN. */
uint32_t expander_opening(struct expander *e, uint32_t unit);
/* The unit of job[cell], or UNIT_NONE. */
uint32_t expander_instance(struct expander *e, const struct job *j, uint32_t cell);
void expander_note_instance(struct expander *e, const struct job *j, uint32_t cell, uint32_t unit);

/* expand_cells.c: NULL where there is no matrix and no loop */
const struct cells *expander_job_cells(struct expander *e, const struct job *j);
const struct cells *expander_step_cells(struct expander *e, const struct step *st);
/* The cells of a late loop in one instance of its job. */
const struct cells *expander_late_cells(struct expander *e, const struct step *st, uint32_t scope, json_t *list);

/* expand_frames.c */
/* One job and everything it needs; the unit that stands for it. */
uint32_t expander_expand(struct expander *e, const struct child *first);
void expander_add_child(struct frame *f, const struct child *c);
/* Made for one call or one element of a loop: not the instance that a name stands for. */
bool frame_is_own(const struct frame *f);

/* expand_files.c */
/* The jobs that make what f's job reads.  family: f stands for all of the job's instances. */
void expander_children_of_files(struct expander *e, struct frame *f, const struct cells *family);
/* When all units are there: whoever reads a file waits for its maker.  Units before `first` stay as they are. */
void expander_link_files(struct expander *e, uint32_t first);
/* The first step that makes that file, or something below that folder; NULL: none. */
const struct maker *expander_maker_of(struct expander *e, const char *name);

/* expand_link.c */
/* One instance of a step; of a call, its job's instance is the child of f. */
uint32_t expander_make_instance_of_step(struct expander *e, struct frame *f, const struct step *st, uint32_t cell);
/* Hold back unit until gate is open, and count it as a member of group. */
void expander_add_member(struct expander *e, uint32_t group, uint32_t gate, uint32_t unit);

/* The parts of a name in `needs`: `job`, `job/step`, `job[a]`, `job[a]/step`. */
struct need_name {
	char *job, *label, *step; /* label, step: NULL if not given */
	bool has_more;		  /* behind the label stands something else */
};
void need_name_split(struct need_name *n, const char *text);
void need_name_release(struct need_name *n);
/* The step of j that provides artifact name, or NULL. */
const struct step *inside_provider(const struct job *j, const char *name);
/* The same while one job after the other is looked at: quick also where it has 10,000 steps. */
const struct step *expander_provider(struct expander *e, const struct job *j, const char *name);

/* The units of step id of job j, of which `unit` is an instance or all of them, into e->found. */
void expander_find_step(struct expander *e, const struct job *j, uint32_t unit, const char *id);

/* Make the units of f's job now that all its children have theirs; the unit that stands for it. */
uint32_t expander_make_family(struct expander *e, struct frame *f);
uint32_t expander_make_instance(struct expander *e, struct frame *f);
/* Needs of `after`, when all targets have been expanded. */
void expander_link_late(struct expander *e);

/* expand_name.c */
void place_name(const struct expansion *x, const struct place *p, struct buf *out);

#endif
