/*
 * Inside of the reader for plans (formats: JSON and YAML).  A plan becomes one job of the name of its
 * plan_id, its steps that job's steps.  Steps are read one at a time; what refers to other steps, and
 * what `globals` say, is put in when all of them are there.
 */
#ifndef JOB_READ_PLAN_H
#define JOB_READ_PLAN_H

#include "job/plan_keys.h"
#include "job/read.h"

/* What a step says of others, for the end. */
struct plan_link {
	enum plan_link_kind { LINK_PREV, LINK_PROVIDES, LINK_CONSUMES } kind;
	uint32_t step;	  /* that says it */
	const char *name; /* of a step, or of what is provided */
	struct mark mark;
};

struct plan_variable {
	struct mark mark; /* where it occurs first */
	bool given;
	size_t left; /* places where it stays as it is written */
};

enum { PLAN_RECENT = 256 };

struct plan {
	struct loader *l;
	struct job *j;
	struct mark seen[PLAN_KEY_COUNT]; /* keys of the plan that were given: where */
	const char *where;		  /* what is being read, for messages: "step 'a'" */
	enum plan_key key;		  /* and the key whose value it is */

	struct step *step; /* on the heap while it grows */
	size_t n_steps, room_steps;
	struct step_index by_id;
	struct plan_link *link;
	size_t n_links, room_links;
	bool has_fallbacks;

	uint32_t width; /* max_concurrency */
	uint32_t retries;
	int64_t timeout_ms, max_ms; /* 0: no cap */
	json_t *metadata;
	struct map variables; /* names that occur -> struct plan_variable */
	struct value *recent[PLAN_RECENT]; /* texts of late, by hash: what many steps say is kept once */
};

/* A step while it is read. */
struct plan_step {
	struct step *st;
	const struct node *node;
	const char *name, *description;
	const char *command;
	struct text_list args;
	bool shell;
	const struct node *step_def;
	int64_t retries; /* -1: not said */
	bool retries_said; /* something about retries */
	struct retry_spec retry;
	struct text_list provides, consumes;
	json_t *metadata;
};

static inline void plan_mark(struct plan *p, struct plan_step *r, enum key key)
{
	traits_note(p->l, &r->st->t, key);
}

/* --- values (read_plan_value.c): each false after an error, with *ret untouched ---------------- */

/* "step 'a': 'retries' must be a whole number from 0, not '-1'" */
void plan_bad(struct plan *p, const struct node *n);
bool plan_text(struct plan *p, const struct node *n, const char **ret);
bool plan_bool(struct plan *p, const struct node *n, bool *ret);
bool plan_int(struct plan *p, const struct node *n, int64_t min, int64_t max, int64_t *ret);
bool plan_number(struct plan *p, const struct node *n, double min, double max, double *ret);
/* null counts as 0. */
bool plan_seconds(struct plan *p, const struct node *n, int64_t *ret_ms);
bool plan_word(struct plan *p, const struct node *n, const char *const *words, size_t n_words, size_t *ret);
bool plan_texts(struct plan *p, const struct node *n, struct text_list *ret);
bool plan_env(struct plan *p, const struct node *n, struct value_map *ret);
/* A constant, whatever it looks like. */
struct value *plan_constant(struct plan *p, const char *text);
/* The same, but for variables that are still open. */
struct value *plan_value(struct plan *p, const char *text);

/*
 * Call use for each pair of n whose key belongs to scope, with p->key set; warn about the others; complain if
 * something required is missing.
 */
typedef void plan_key_fn(struct plan *p, void *ctx, const struct node *n);
void plan_map(struct plan *p, const struct node *n, enum plan_scope scope, plan_key_fn *use, void *ctx);
void plan_unknown_key(struct plan *p, const struct node *name, enum plan_scope scope);

/* --- variables (read_plan_vars.c) ------------------------------------------------------------- */

/* Put the values of variables into every text of n, conditions left out. */
void plan_fill(struct plan *p, struct node *n);
/* The same with one text, appended; m is its place. */
void plan_fill_text(struct plan *p, struct span text, struct mark m, struct buf *out);
/* A condition names it. */
void plan_name_variable(struct plan *p, const char *name, struct mark m);
/* Variables are params of the job. */
void plan_finish_variables(struct plan *p);

/* --- steps (read_plan_step.c, read_plan_action.c, read_plan_cond.c, read_plan_link.c) ------------------------------- */

void plan_read_step(struct plan *p, struct node *n);
/* After its keys have been read. */
void plan_action(struct plan *p, struct plan_step *r);
/* The condition in n as an expression of the native language; NULL after an error. */
struct expr *plan_condition(struct plan *p, const struct node *n);
void plan_add_link(struct plan *p, enum plan_link_kind kind, const char *name, struct mark m);
/* Needs, fallbacks, and the edges that artifacts and conditions make. */
void plan_link_steps(struct plan *p);

#endif
