/* The checks of a model, once all documents have been read: what its files have to do with each other. */
#ifndef JOB_CHECK_H
#define JOB_CHECK_H

#include "job/read.h"

/* The job that may have been meant, as a hint; for the first errors only. */
void check_hint_job(struct loader *l, const char *name, struct mark m);

/* The parameters that act gives j, the job it calls (check_declared.c). */
void check_called_params(struct loader *l, const struct act_spec *act, const struct job *j);

/* What t, of a step of j or (st NULL) of j itself, waits for (check_needs.c). */
void check_needs(struct loader *l, const struct job *j, const struct step *st, const struct traits *t);

/* The step that st falls back to; then of all steps of j: no circle, and none that stands in for nobody (check_fallback.c). */
void check_fallback(struct loader *l, const struct job *j, const struct step *st);
void check_fallbacks(struct loader *l, const struct job *j);

#endif
