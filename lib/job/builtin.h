/* The built-in operations that `call` may name: one list, ops.def. */
#ifndef JOB_BUILTIN_H
#define JOB_BUILTIN_H

#include <stdbool.h>
#include <stddef.h>

bool builtin_find(const char *name);
/* Number i of the names, NULL behind the last. */
const char *builtin_name(size_t i);

#endif
