/* The built-in operations and callables that `call` may name: one list, ops.def. */
#ifndef JOB_BUILTIN_H
#define JOB_BUILTIN_H

#include <stdbool.h>
#include <stddef.h>

bool builtin_find(const char *name);
/* The helper program that carries it out; NULL if there is none of that name. */
const char *builtin_program(const char *name);
/* Whether it is a callable of ours that a Jobfile may replace by one of its own. */
bool builtin_yields(const char *name);
/* The words of its params, with blanks between them; false if there is no such operation. */
bool builtin_params(const char *name, const char **ret_required, const char **ret_optional);
/* Number i of the names, NULL behind the last. */
const char *builtin_name(size_t i);

#endif
