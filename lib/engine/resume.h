/*
 * Going on with an earlier run.  lib/run/resume.h decides; here is what it is told: what the chain of runs has of
 * each step, what the step would be now, what has become of its needs.
 */
#ifndef ENGINE_RESUME_H
#define ENGINE_RESUME_H

#include "base/arena.h"
#include "base/map.h"
#include "ledger/ledger_read.h"
#include "run/resume.h"

struct engine;
struct outlook;

/* --- resume_past.c: what the ledger has of the chain ------------------------------------------------------- */

/* A step of the chain, by its key. */
struct past_step {
	struct resume_row row;
	int64_t run_no; /* in the ledger */
	uint32_t unit;	/* there */
	const char *mark, *result; /* NULL: none */
	int exit_code;
	int8_t approved; /* the gate, or that it may run again although it was lost: 1 yes, 0 no, -1 nobody said */
	const char *by, *note; /* who, and what they said to it; NULL: nothing */
	int64_t answered_ms;
};

struct past {
	struct arena *arena;
	struct map by_key, by_name;
	struct map fragment; /* name of a loop -> struct past_fragment */
	const char **run_id; /* by number in the chain - 1 */
	uint32_t n_runs;
};

struct past_fragment {
	uint32_t run;
	const char *json;
};

/* From the run with that id back to the first of its chain; false after diagnostics. */
bool past_read(struct past *p, struct ledger *l, const char *id, struct diags *d);
void past_release(struct past *p);

/* --- resume.c: asking -------------------------------------------------------------------------------------- */

struct resume {
	struct past past;
	bool *again;	 /* by unit: retry asked for it, or for what it comes after */
	uint32_t n_again;
	struct map named; /* names that retry asked for and that come only when a loop begins */
	uint32_t *age;	 /* by unit, as far as n_units: see run/resume.h */
	enum reason *why; /* it ran; NONE: not by what is said here */
	char **cause;
	uint32_t n_units;
};

/* After the schedule is there.  False after diagnostics; without a run to resume there is nothing to do. */
bool resume_new(struct engine *e, struct diags *d);
void resume_free(struct engine *e);

/* Before its conditions: a step that retry does not mean has its answer at once; true: it has been given. */
bool resume_leaves_out(struct engine *e, uint32_t unit);
/* After them: true if it has been answered, because its success stands or because it may not run again; or if it is
 * asked again when late values have come. */
bool resume_answers(struct engine *e, const struct action *question);
/* A unit has settled. */
void resume_settled(struct engine *e, uint32_t unit, enum state state, enum reason reason);
/* Why unit runs, and what the reason's %s stands for; NONE: it is not said here. */
enum reason resume_why(const struct engine *e, uint32_t unit, const char **ret_cause);
/* The answer that the gate unit was given in an earlier run, if it asks what was asked there and the answer has not
 * been carried out; NULL: none.  The one that a success stands on is such too. */
const struct past_step *resume_approval(struct engine *e, uint32_t unit);
/* Whatever its files say, it runs. */
bool resume_forces(const struct engine *e, uint32_t unit);
/* What the loop of that group went over, if that stands; NULL: it has to be worked out.  New reference. */
json_t *resume_fragment(struct engine *e, uint32_t group);
/* For -n: false if it is not said here, because its files decide. */
bool resume_outlook(struct engine *e, uint32_t unit, struct outlook *o);
void resume_outlook_age(struct engine *e, uint32_t unit, const struct outlook *o);

#endif
