/* pending, running, succeeded, failed, skipped, canceled: what a state comes down to. */
#ifndef JOB_OUTCOME_H
#define JOB_OUTCOME_H

/* The outcome of a state's word, or NULL if there is no such state. */
const char *outcome_of(const char *state);

#endif
