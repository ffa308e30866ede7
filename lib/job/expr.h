/*
 * Expressions: total (no loops, no effects but the reading functions that the
 * world supplies), parsed and type-checked once at load, evaluated over JSON
 * values.  Names and functions: jobfile.md, "Expressions".  A value is data: the
 * result of an evaluation is never parsed again.
 */
#ifndef JOB_EXPR_H
#define JOB_EXPR_H

#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "doc/diag.h"
#include "doc/node.h"

struct expr;  /* one expression */
struct value; /* a JSON value with expressions in it: `with`, `argv`, `env`, ... */

/* What an expression may cost.  Beyond it is an error, at load or in the evaluation. */
enum {
	EXPR_TEXT_MAX = 64 * 1024,    /* bytes of its text */
	EXPR_DEPTH_MAX = 64,	      /* parentheses, lists, calls, ... within each other */
	EXPR_OPS_MAX = 10000,	      /* operations; going through much data counts as several */
	EXPR_RESULT_MAX = 1024 * 1024, /* bytes of a text that it makes */
};

/* The namespaces an expression may start from; one list for parser, messages and the manual. */
#define EXPR_ROOTS(ROOT)                                                                           \
	ROOT(PARAMS, "params", "parameters of the job")                                            \
	ROOT(VARS, "vars", "variables of the file")                                                \
	ROOT(ENV, "env", "the environment the step gets")                                          \
	ROOT(SECRETS, "secrets", "declared secrets")                                               \
	ROOT(STEPS, "steps", "other steps of the job: state, exit, attempts, duration_ms, and what they provide") \
	ROOT(RESULTS, "results", "what earlier steps of the job returned, whole: of a callable its answer") \
	ROOT(NEEDS, "needs", "what the step needs, the same fields")                               \
	ROOT(CONSUMES, "consumes", "values of the artifacts the step consumes")                    \
	ROOT(MATRIX, "matrix", "the values of this instance")                                      \
	ROOT(FOREACH, "foreach", "the value of this instance")                                     \
	ROOT(PAYLOAD, "payload", "the payload of the run")                                         \
	ROOT(CTX, "ctx", "the context of the run")                                                 \
	ROOT(RUN, "run", "id, target, start, dir, attempt, resumed")                               \
	ROOT(JOB, "job", "name and description of the job")                                        \
	ROOT(TALLY, "total", "members of the composite (in `success`)")                            \
	ROOT(SUCCEEDED, "succeeded", "members that succeeded (in `success`)")                      \
	ROOT(FAILED, "failed", "members that failed (in `success`)")                               \
	ROOT(SKIPPED, "skipped", "members that never ran (in `success`)")

enum expr_root {
#define ROOT(id, word, sentence) ROOT_##id,
	EXPR_ROOTS(ROOT)
#undef ROOT
	ROOT_COUNT,
};

const char *expr_root_word(enum expr_root root);

/* The keys of `run`, as many as the sentence above names. */
enum { RUN_FIELDS = 6 };
extern const char *const run_fields[RUN_FIELDS];

/* ok() failed() done() canceled(): about the needs of the step and the run. */
enum expr_status { STATUS_OK, STATUS_FAILED, STATUS_DONE, STATUS_CANCELED };

/* What an evaluation sees.  Any function may be NULL: then the name is an error. */
struct expr_world {
	void *ctx;
	/* Root `name`'s value, borrowed; NULL if it does not exist (then `?` and `??` apply).  key is the
	 * first key after the root ("" if none), so that a root need not be built whole: the answer is
	 * then the value of root.key.
	 *
	 * Ids of steps, needs and artifacts may have dots.  So under STEPS, RESULTS, NEEDS and CONSUMES key is
	 * first all the constant keys that follow, joined with dots (of steps.plan.compile.items
	 * `plan.compile.items`), then one less, and so on until there is a value; the rest are keys
	 * in it.  After NULL for a key, "" is asked for too, to name a key that was perhaps meant. */
	const json_t *(*get)(void *ctx, enum expr_root root, const char *key);
	/* Why there is no value under a key of a root, appended to out; nothing if it is simply not there.  May be
	 * NULL. */
	void (*why_absent)(void *ctx, enum expr_root root, const char *key, struct buf *out);
	bool (*status)(void *ctx, enum expr_status what);
	json_t *(*glob)(void *ctx, const char *pattern);   /* a new list of names, sorted; NULL: a folder cannot be read */
	bool (*exists)(void *ctx, const char *path);
	json_t *(*hash)(void *ctx, const char *path);      /* SHA-256 of a file as text, null if absent */
	int64_t (*now)(void *ctx);		     /* today() and now(): wall ms, fixed at the start of the run */
};

/*
 * Parse text (an expression without its ${{ }}; it is copied).  m is the place of text[0]; messages point
 * into the text as far as it stands at m just as it is (not so in blocks and behind escapes), else at m.
 * NULL after diagnostics.  Lives in a.
 */
struct expr *expr_parse(struct arena *a, const char *text, struct mark m, struct diags *d);

/*
 * New reference, or NULL and a message (what, then the value it saw) in err.  The value may be part of
 * the world's or the expression's own: it is not to be changed.
 */
json_t *expr_eval(const struct expr *e, const struct expr_world *w, struct buf *err);

/* False, null, 0, "", [] and {} are false; everything else is true.  -1 and err on failure. */
int expr_test(const struct expr *e, const struct expr_world *w, struct buf *err);

/*
 * What each name in it is in w, as `params.mode is 'test', steps.a.rows is not there`, appended; nothing if it has
 * none.  Of the environment it says only what is set, of secrets nothing.
 */
void expr_saw(const struct expr *e, const struct expr_world *w, struct buf *out);

/* The text it was parsed from. */
const char *expr_text(const struct expr *e);
struct mark expr_mark(const struct expr *e);

/*
 * Call use(ctx, root, path, n, mark) for every name in it; path holds the constant keys behind the root
 * (up to the first computed or numeric index), all of them: where an id with dots ends is for the
 * caller to find out, longest first.  It is valid during the call.  For checks and for edges.
 */
typedef void expr_name_fn(void *ctx, enum expr_root root, const char *const *path, size_t n,
			  struct mark m);
void expr_names(const struct expr *e, expr_name_fn *use, void *ctx);

/*
 * Give the names of e that are short for others in full: full answers with the key that stands for the first
 * *ret_taken of path, or with NULL for a name that stays.  It goes on saying so: another time does nothing.  False
 * if nothing changed.
 */
typedef const char *expr_full_fn(void *ctx, enum expr_root root, const char *const *path, size_t n, struct mark m,
				 size_t *ret_taken);
bool expr_fill(struct arena *a, struct expr *e, expr_full_fn *full, void *ctx);
/* Its text, in which the names are in full. */
const char *expr_source(const struct expr *e);

/* True if it calls a function of status (ok, failed, done, canceled, always), which replaces the implied ok(). */
bool expr_asks_status(const struct expr *e);

/* --- values ------------------------------------------------------------------------------------- */

/*
 * A value from a node: scalars by scalar_resolve; text with ${{ }} becomes an expression (exactly one
 * ${{ }}: keeps its JSON type) or a text with expressions in it.  `$${{` stands for a literal `${{`.
 * Keys of maps are text: a `${{` in one is an error.  NULL after diagnostics, all of them.
 */
struct value *value_from_node(struct arena *a, const struct node *n, struct diags *d);
struct value *value_from_json(struct arena *a, json_t *v); /* a constant; takes a reference of its own */

/* New reference, not to be changed; NULL and err on failure. */
json_t *value_eval(const struct value *v, const struct expr_world *w, struct buf *err);
/* The same as text (json_as_text); false and err on failure. */
bool value_text(const struct value *v, const struct expr_world *w, struct buf *out, struct buf *err);

/* Its constant, borrowed, if it has no expression that depends on names; else NULL. */
const json_t *value_const(const struct value *v);
struct mark value_mark(const struct value *v);
void value_names(const struct value *v, expr_name_fn *use, void *ctx);
/* Call use for every part of v that is no list and no map and depends on names. */
void value_leaves(const struct value *v, void (*use)(void *ctx, const struct value *leaf), void *ctx);
/* expr_fill for every expression in it. */
void value_fill(struct arena *a, struct value *v, expr_full_fn *full, void *ctx);
/*
 * As written but for names in full, for -p and the stored definition: ${{ }} and all.  What a constant has that looks like an
 * expression comes with the `$` that keeps it text, so reading it again gives the same value.  New
 * reference.
 */
json_t *value_source(const struct value *v);

#endif
