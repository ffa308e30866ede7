/*
 * The checks of names in expressions: where expressions stand (check_refs.c), which names there are (check_names.c), and
 * what has run by then, so that it has a value (check_upstream.c).  Each check complains once for a place, of what does
 * not exist or has no value there.
 */
#ifndef JOB_CHECK_REFS_H
#define JOB_CHECK_REFS_H

#include "job/read.h"

enum ref_place {
	AT_FILE,    /* env, stores, callables */
	AT_DEFAULT, /* of a parameter */
	AT_VAR,
	AT_LOOP,    /* foreach: known before anything has run */
	AT_JOB,
	AT_STEP,
	AT_SUCCESS,
	AT_STAGE_LOOP, /* what earlier stages returned is known, and foreach.item */
};

/* Where an expression stands. */
struct refs {
	struct loader *l;
	enum ref_place place;
	const struct job *j;
	const struct step *st;
	const struct traits *t; /* whose needs, consumes and matrix count: of st or j */
	const struct param_list *params; /* AT_DEFAULT: those of the list */
	const struct stage *stage; /* AT_STAGE_LOOP: the loop's */
	bool names_files; /* inputs and outputs, which are edges */
	bool hides; /* env and a callable's input: what a secret may be put into */
	const uint32_t *run_start; /* by step->no: first of the list's steps that lead there one by one */
};

/* Any name of an expression; ctx is the struct refs.  For value_names() and expr_names(). */
void check_name_ref(void *ctx, enum expr_root root, const char *const *path, size_t n, struct mark m);

/* "no WHAT 'NAME'", and what may have been meant, if something was. */
void ref_unknown(const struct refs *r, struct mark m, const char *what, const char *name, const char *near);
/* What is not there, for messages: the namespaces that path begins with, and one more. */
const char *ref_meant(const struct refs *r, const char *const *path, size_t n, struct mark m);

/* Of a step, an earlier stage's job, a need, an artifact that is consumed; path is not empty. */
void check_step_ref(const struct refs *r, const char *const *path, size_t n, struct mark m);
void check_job_ref(const struct refs *r, const char *const *path, size_t n, struct mark m);
void check_need_ref(const struct refs *r, const char *const *path, size_t n, struct mark m);
void check_consume_ref(const struct refs *r, const char *const *path, size_t n, struct mark m);

#endif
