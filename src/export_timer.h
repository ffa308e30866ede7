/* What the formats that start a job at its times have in common. */
#ifndef SRC_EXPORT_TIMER_H
#define SRC_EXPORT_TIMER_H

#include "cmd.h"
#include "job/cron.h"

/* The job's times; false after an error in d: it has none. */
bool timer_schedule(const struct job *j, const char *format, struct cron *ret, struct diags *d);
/* Where the Jobfile is, and this program; the caller frees. */
char *timer_root(const struct jobfile *jf);
char *timer_program(void);

#endif
