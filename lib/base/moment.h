/* An instant as people write it on a command line. */
#ifndef BASE_MOMENT_H
#define BASE_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * `06:30` is the next time a clock here shows that; `2026-01-31T06:30` (or with a blank) a date here, with Z at its end
 * in UTC; `90m` so long from now.  now and *ret are wall time in milliseconds.
 */
bool moment_parse(const char *text, int64_t now_ms, int64_t *ret_ms);

#endif
