/* A run of the past, opened again: its model, and what it was asked to be. */
#ifndef ENGINE_STORED_H
#define ENGINE_STORED_H

#include "doc/diag.h"
#include "engine/options.h"
#include "job/jobfile.h"

struct stored_run {
	struct jobfile *jf;
	struct run_options o; /* targets, params, payload, ctx as they were; what is not kept is as in {0} */

	json_t *doc;		  /* what o borrows from */
	const char **target;
	struct given_param *param;
	json_t *options;
	const char **name; /* of the restrictions and files in it */
};

/* From the definition that the ledger has of it.  False after diagnostics; stored_run_release() in any case. */
bool stored_run_open(struct stored_run *s, const char *text, size_t len, struct diags *d);
/* What it was asked to be beyond its definition, from the options that the ledger has of it (NULL: nothing). */
void stored_run_options(struct stored_run *s, const char *json);
void stored_run_release(struct stored_run *s);

/* Whether one of these options, by its name, was set. */
bool stored_option(const char *json, const char *name);

#endif
