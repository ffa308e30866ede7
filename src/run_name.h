/* RUN, RUN/STEP, or STEP alone (of the last run): how verbs are told what is meant. */
#ifndef SRC_RUN_NAME_H
#define SRC_RUN_NAME_H

#include "cmd.h"

struct run_name {
	int64_t run;
	char *step; /* NULL: the whole run */
};

/* False after a message.  run_name_release() in any case. */
bool run_name_find(struct run_name *n, struct ledger *l, const char *text);
/* A job that is no step and has none, such as a composite, will do as well. */
bool run_name_find_job(struct run_name *n, struct ledger *l, const char *text);
void run_name_release(struct run_name *n);

/* One row of history as JSON (cmd_history.c). */
json_t *run_row_json(const struct ledger_run_row *r);
/* ` NAME=VALUE` for each parameter that the run was given; of a long value no more than max bytes. */
void run_params_text(const struct ledger_run_row *r, size_t max, struct buf *out);

#endif
