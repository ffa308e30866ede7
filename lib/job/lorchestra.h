/*
 * Shared by the readers of the older YAML format: jobs (read_lorchestra.c) and pipelines
 * (read_pipeline.c).  They translate a document into the nodes of a native one, at the places of what was
 * written, and leave the rest to its reader: so there is one model, one evaluator and one
 * set of checks.
 *
 * Scalars are typed as YAML 1.1 says (lorchestra_scalar.c), references and conditions become expressions
 * (lorchestra_ref.c, lorchestra_cond.c).  Text is data: a `${{` in it stays text.
 */
#ifndef JOB_LORCHESTRA_H
#define JOB_LORCHESTRA_H

#include "job/read.h"

/* Where a reference stands: which roots it may begin with. */
enum lorch_place {
	LORCH_PARAMS, /* of a step */
	LORCH_IF,     /* no @run: known before anything runs */
	LORCH_LOOP,   /* of a stage: @item, and jobs where a step has steps */
};

struct lorch {
	struct loader *l;
	const char *id;		     /* of the job or pipeline */
	enum lorch_place place;
	bool absent_is_null;	     /* what a reference does not find is null, as in a loop's payload */
	const struct node *self;     /* map of what stands beside job_id, version and steps; NULL: nothing */
	const struct node *defaults; /* map below the payload, or NULL */
	/* The steps' ids in order, and the step that is being read.  In a pipeline: the jobs of its stages, and how
	 * many of them come earlier. */
	const char **step;
	size_t n_steps, at;
};

/* --- nodes (lorchestra_node.c); all live in l->scratch --------------------------------------------------- */

struct node *lorch_text(struct loader *l, struct mark m, const char *text, size_t len);
/* A word that resolves to what it says: true, 90, null. */
struct node *lorch_plain(struct loader *l, struct mark m, const char *text);
/* An expression where one is expected, and as a value: `${{ expression }}`.  Both at the place of from. */
struct node *lorch_source(struct loader *l, const struct node *from, const char *expression);
struct node *lorch_expr(struct loader *l, const struct node *from, const char *expression);
/* A list or map of room for n parts; parts are added with lorch_add (key NULL: of a list). */
struct node *lorch_parts(struct loader *l, enum node_kind kind, struct mark m, size_t n);
void lorch_add(struct node *parts, struct node *key, struct node *value);
/* The same with a key that is a word of the native language. */
void lorch_put(struct loader *l, struct node *map, struct mark m, const char *key, struct node *value);

/* All pairs of the document's map, which c has entered. */
struct node *lorch_document(struct loader *l, struct cursor *c);

/* --- keys ------------------------------------------------------------------------------------------------- */

enum lorch_map {
	LORCH_IN_JOB,
	LORCH_IN_STEP,
	LORCH_IN_IDEMPOTENCY,
	LORCH_IN_PIPELINE,
	LORCH_IN_STAGE,
	LORCH_IN_LOOP,
};

enum lorch_key {
#define LORCH(map, id, word, sentence) LORCH_KEY_##id,
#include "job/lorchestra.def"
#undef LORCH
	LORCH_KEYS,
};

/* The key of a word in a map of that kind; LORCH_KEYS: there is none. */
enum lorch_key lorch_key_find(enum lorch_map map, const char *word);
/* The value of every key that n gives into value[LORCH_KEYS]; complains about words that are none (what: "step 'a'"),
 * unless open.  False if n is no map. */
bool lorch_keys(struct loader *l, const struct node *n, enum lorch_map map, const char *what,
		bool open, const struct node **value);
/* The nearest of a list of words with blanks between them; NULL: none is near. */
const char *lorch_near(struct loader *l, const char *words, const char *word);
/* Whether word is one of them. */
bool lorch_among(const char *words, const char *word);

/* The name under a key, checked against that of the file; NULL after a diagnostic. */
const struct node *lorch_name(struct loader *l, const struct node *n, const char *key);

/* --- scalars ---------------------------------------------------------------------------------------------- */

/* What YAML 1.1 says a scalar is (dates: text).  New reference; NULL and what is wrong, as scalar_resolve. */
json_t *lorch_scalar(const struct node *n, const char **ret_why);
bool lorch_bool(struct loader *l, const char *key, const struct node *n, bool *ret);

/* --- values ----------------------------------------------------------------------------------------------- */

/* What a node means where references count; never NULL: after a diagnostic it is null. */
struct node *lorch_value(struct lorch *x, const struct node *n);

/* An `if`; NULL after a diagnostic. */
struct node *lorch_condition(struct lorch *x, const struct node *n);

/*
 * The reference at *p, as an expression, appended; *p is then behind it.  False after a diagnostic.  from: what it
 * stands in.
 */
bool lorch_reference(struct lorch *x, const struct node *from, const char **p, struct buf *out);
/* Whether text begins like a reference; one that only looks like it gets a warning if from is given. */
bool lorch_is_reference(struct lorch *x, const struct node *from, const char *text);
/* A word as conditions and defaults have it: quoted text, true, null, a number, else text; appended as an expression. */
void lorch_literal(struct buf *out, struct span word);
/* A text as an expression. */
void lorch_quote(struct buf *out, struct span text);

#endif
