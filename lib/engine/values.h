/*
 * Late values: vars from commands, and secrets.  Each is fetched at most once a run, when the first step that
 * runs wants it, by a process of the executor like any other; never under -n, but for secrets that take no process.
 *
 * An expression that meets one that is not there yet gets nothing, and it is noted.  So whoever evaluates says
 * values_begin() before and asks values_found() afterwards: what was missing is on its way then, and the same
 * evaluation is made again when it has come.
 */
#ifndef ENGINE_VALUES_H
#define ENGINE_VALUES_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/mask.h"
#include "engine/executor.h"
#include "run/schedule.h"

struct engine;
struct env_list;
struct values;

struct values *values_new(struct engine *e);
void values_free(struct values *v);

/* --- while expressions are evaluated ------------------------------------------------------------------- */

/* Borrowed; NULL: there is none of that name, or it is wanted from now on. */
const json_t *values_var(struct values *v, const char *name);
const json_t *values_secret(struct values *v, const char *name);
/* The same, as it stands in a fingerprint. */
bool values_veiled(struct values *v, const char *name, struct digest *ret);
/* The variables that secrets come from are taken out of an environment. */
void values_take_env(struct values *v, struct env_list *env);
/* Whether it is one of those. */
bool values_takes(const struct values *v, const char *name);
/* The evaluation cannot be right: a secret would stand where it is seen. */
void values_refuse(struct values *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* --- around an evaluation ------------------------------------------------------------------------------- */

enum values_found {
	VALUES_THERE,
	VALUES_AWAITED, /* evaluate again when told to */
	VALUES_FAILED,	/* *why says which cannot be had; what the evaluation itself complained of does not count */
};

void values_begin(struct values *v);
/* Something was not there: an evaluation that went well is worth nothing. */
bool values_missing(const struct values *v);
/* Since values_begin. */
bool values_used_secret(const struct values *v);
enum values_found values_found(struct values *v, struct buf *why);

/* Whether what the last evaluation missed takes its time. */
bool values_await(const struct values *v);
/* unit starts, or is asked about, again once what is on its way has come. */
void values_hold_start(struct values *v, uint32_t unit);
void values_hold_question(struct values *v, const struct action *question);
/* True: it was the end of a fetch and no step's. */
bool values_ended(struct values *v, const struct attempt_ended *ended);

/* --- what may be seen ----------------------------------------------------------------------------------- */

/* The secrets that have been fetched. */
const struct mask *values_mask(const struct values *v);
/* text, or a copy in its place, without secrets. */
void values_hide(const struct values *v, struct buf *text);
/* Takes over json; what is returned has none. */
json_t *values_hide_json(const struct values *v, json_t *json);

#endif
