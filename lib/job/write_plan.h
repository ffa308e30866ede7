/* A job as a plan, as far as a plan has words for it. */
#ifndef JOB_WRITE_PLAN_H
#define JOB_WRITE_PLAN_H

#include "job/jobfile.h"

/*
 * New reference.  What cannot be said is an error in d (all of them), and what the plan then has in its
 * place is not to be used; what is only said differently is a warning.
 */
json_t *job_to_plan(const struct job *j, struct diags *d);

#endif
