/*
 * Parts of a native document, from the model: what write.c puts together.  Each function
 * returns a new reference that is never NULL.
 */
#ifndef JOB_WRITE_IMPL_H
#define JOB_WRITE_IMPL_H

#include "base/bug.h"
#include "job/jobfile.h"

/* Takes v over. */
static inline void put(json_t *map, const char *name, json_t *v)
{
	BUG_UNLESS(v);
	json_object_set_new(map, name, v);
}

/* Nothing for NULL. */
static inline void put_text(json_t *map, const char *name, const char *text)
{
	if (text)
		put(map, name, json_string(text));
}

json_t *duration_json(int64_t ms);
json_t *values_json(const struct value_list *v);
json_t *names_json(const struct name_decl *name, size_t n);
/* The entries of m that base does not have just so (base may be NULL). */
json_t *value_map_json(const struct value_map *m, const struct value_map *base);
json_t *breaker_json(const struct breaker_rule *b);

/* The value of one key of a job or a step, which has it. */
json_t *trait_json(const struct traits *t, enum key k);

#endif
