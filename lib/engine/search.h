/* A pattern in what a step wrote. */
#ifndef ENGINE_SEARCH_H
#define ENGINE_SEARCH_H

#include "job/pattern.h"

enum { SEARCH_MAX = 64 << 20 }; /* bytes: of a longer file its end is searched */

/* PATTERN_NO also for a file that is not there; PATTERN_LIMIT if no answer could be found at its cost. */
enum pattern_result file_search(const char *path, const struct pattern *p);

#endif
