/*
 * The built-in operations: one JSON map in, one JSON map out, as the small
 * program orchmake-op does it for a step.  An operation has its world from
 * struct op_world, so a test can be it; it prints nothing but what log.dump is
 * for.
 */
#ifndef STORE_OP_H
#define STORE_OP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/fault.h"
#include "store/stores.h"

struct op_world {
	struct stores stores;
	const char *base;	    /* the folder that files may not leave */
	const char *home;	    /* what ~ means, or NULL */
	const char *run, *job, *step; /* for correlation ids; NULL: by hand */
	const char *now;	    /* this moment as text */
	bool test_ids;		    /* ids of operations as in the test vectors */
	int busy_ms;		    /* how long to wait for a store that others write */
	int log_fd;		    /* where log.dump writes */
	const char *key;	    /* the step's idempotency key, or NULL */
	const char *spool, *sendmail, *mail_from; /* of egret.submit where its parameters are silent; or NULL */
	const char *const *command; /* of the callable behind the operation, NULL at its end; or NULL */
};

/* One row of ops.def: the words an operation's map may have. */
struct op_words {
	const char *name, *required, *optional;
};

/*
 * Carry out an operation; a new reference, or NULL and f.  words holds n rows,
 * one for every operation.
 */
json_t *op_perform(struct op_world *w, const struct op_words *words, size_t n, const char *name,
		   const json_t *with, struct fault *f);

/*
 * What the operation gets: with, without a step's idempotency key that is none of its parameters, and with the items
 * that items_ref names.  A new reference, or NULL and f.
 */
json_t *op_given(struct op_world *w, const struct op_words *words, const json_t *with, struct fault *f);

/* Whether there is an operation of that name behind its row of words. */
bool op_exists(const char *name);

/*
 * What a callable is to be given: with without `auto_since` {source_system, connection_name, object_type, dataset},
 * and with the newest last_seen of these objects as config.since, if there is one.  A new reference, or NULL and f.
 */
json_t *op_since(struct op_world *w, const json_t *with, struct fault *f);

/* `<run>:<job>/<step>`, the caller frees; NULL without a run. */
char *op_correlation(const struct op_world *w);

/* {items, stats, schema_version}; takes over both. */
json_t *op_answer(json_t *items, json_t *stats);

#endif
