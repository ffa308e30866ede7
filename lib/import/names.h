/* Names of jobs, made of what others call their targets. */
#ifndef IMPORT_NAMES_H
#define IMPORT_NAMES_H

#include "base/map.h"
#include "import/import.h"

struct job_names {
	struct map taken;
};

/*
 * A name that a job may bear and no other bears, from name; prefix goes in front of what is a verb.  The text is
 * owned by n.
 */
const char *job_name(struct job_names *n, const struct import_where *w, const char *name, const char *prefix);
void job_names_release(struct job_names *n);

#endif
