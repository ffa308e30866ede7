/* What each name of a target's parameters, variables, environment and secrets stands for, and who said so. */
#ifndef ENGINE_ORIGIN_H
#define ENGINE_ORIGIN_H

#include "engine/engine.h"

struct origin {
	const char *kind;  /* param, var, env, secret */
	const char *name;
	const json_t *value; /* NULL: not known before a step that runs wants it, or not to be shown */
	const char *instead; /* then what is shown: `<of a command>`, `***` */
	const char *from;    /* `command line`, `payload`, `$NAME`, `Jobfile:12`, ... */
};

typedef void origin_fn(void *ctx, const struct origin *o);

/* Of the first target.  Starts nothing. */
void engine_origins(struct engine *e, origin_fn *use, void *ctx);

#endif
