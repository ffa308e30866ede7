/*
 * Queries in files: NAME.sql in `queries/` beside the Jobfile, or shipped with the program.  A file begins with comments:
 *
 *	-- What it answers, in one line
 *	-- store: canonical		of this store instead of the ledger
 *	-- days = 7: how far back	a parameter :days, what it is if nobody says, and what it means
 */
#ifndef SRC_NAMED_QUERY_H
#define SRC_NAMED_QUERY_H

#include "cmd.h"

struct query_param {
	char *name, *value, *sentence; /* value NULL: it has to be given */
};

struct named_query {
	char *name, *path, *text, *description, *store; /* store NULL: the ledger */
	struct query_param *param;
	size_t n_params, room_params;
};

struct named_queries {
	struct named_query *at; /* by name */
	size_t n, room;
};

/* All of them; one of the project hides one that is shipped.  False after a message. */
bool named_queries_find(struct named_queries *l, struct cli *c);
const struct named_query *named_query_get(const struct named_queries *l, const char *name);
void named_queries_release(struct named_queries *l);

/* Arguments: what the file says, then what the command line says.  The caller frees *ret. */
size_t named_query_args(const struct named_query *q, const struct cli *c, struct ledger_arg **ret);

#endif
