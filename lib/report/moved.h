/*
 * Two documents of `plan` (engine/review.h): what the world of the second has otherwise than that of the first, each in
 * a sentence.  Looks at the documents alone.  Whatever is different is told, except for what only explains: the hash, the order,
 * the documents' own texts, and the difference to an earlier run.
 */
#ifndef REPORT_MOVED_H
#define REPORT_MOVED_H

#include <jansson.h>
#include <stdbool.h>

/* what: jobfile, parameter, variable, secret, dotenv, step, command, environment, condition, input, approval, ledger,
 * plan; text may hold what a terminal should not see. */
typedef void moved_fn(void *ctx, const char *what, const char *text);

/* False: nothing has. */
bool moved_list(const json_t *was, const json_t *is, moved_fn *use, void *ctx);

#endif
