/*
 * A map of parameters whose words are a closed list.  Every complaint names its
 * path (`plan.ops[2].params.table`); all of a map's are gathered in the fault, so
 * look at it once they are all read.
 */
#ifndef STORE_PARAMS_H
#define STORE_PARAMS_H

#include <jansson.h>
#include <stdbool.h>

#include "store/fault.h"

struct params {
	const json_t *map; /* borrowed */
	const char *path;  /* what messages put in front of a key; "" at the top */
	struct fault *fault;
};

/* `a list`, `the text "x"`: for messages. */
const char *json_kind(const json_t *v);

/* Whether word is one of those in words, which have a blank between them. */
bool word_in(const char *words, const char *word);

/* Every key is known, and every required one is there and not null. */
bool params_check(const struct params *p, const char *required, const char *optional);

/* The value, NULL if it is absent or null. */
const json_t *param(const struct params *p, const char *key);

/* NULL if absent or (with a complaint) of another kind.  Valid as long as the map. */
const char *param_text(const struct params *p, const char *key);
const json_t *param_map(const struct params *p, const char *key);
const json_t *param_list(const struct params *p, const char *key);
/* A list of texts that are not empty. */
const json_t *param_texts(const struct params *p, const char *key);
bool param_flag(const struct params *p, const char *key);

/* Near: a hint ` (did you mean 'x'?)` or "", in memory of b. */
struct spell;
const char *did_you_mean(const struct spell *s, struct buf *b);

#endif
