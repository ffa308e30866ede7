/* What a successful attempt leaves for others: the values it provides, a callable's answer. */
#ifndef ENGINE_OUTPUTS_H
#define ENGINE_OUTPUTS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "job/jobfile.h"

/*
 * out: file with what it wrote to stdout; output: file named by $ORCHMAKE_OUTPUT; either may be NULL or
 * absent, which is fine for a step that promises nothing from it.  *ret: a map, or NULL if there is nothing.  False and why if something promised is not there or is
 * not what it should be: then the step has failed.
 */
bool outputs_collect(const struct step *st, const char *out, const char *output, const char *root,
		     json_t **ret, struct buf *why);


#endif
