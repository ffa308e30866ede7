/*
 * Rules of make that say what was read, as compilers write them: `out.o: in.c in.h \`.  What stands behind the colon of any
 * rule counts; the targets do not, so those without anything behind them (gcc -MP) say nothing.
 *
 * A backslash before a blank, a # or a colon, and $ before $, take their meaning away; # begins a comment.
 */
#ifndef ENGINE_DEPFILE_H
#define ENGINE_DEPFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/map.h"

/* The names, in order and each once, as keys of ret.  False: line *ret_line is no such rule. */
bool depfile_parse(const char *text, size_t len, struct map *ret, size_t *ret_line);

#endif
