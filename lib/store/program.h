/* Another program, started without a shell: its input given, its output taken, whole. */
#ifndef STORE_PROGRAM_H
#define STORE_PROGRAM_H

#include "base/buf.h"
#include "store/fault.h"

/*
 * Run argv (NULL at its end) with in as its standard input; what it writes is appended to out, or goes to the log
 * if out is NULL.  *ret_status is that of wait(2).  False with a complaint if it could not be started.
 */
bool program_run(const char *const *argv, const struct buf *in, struct buf *out, int *ret_status, struct fault *f);

/* A file without a name that holds text, to be read from its beginning; -1 and errno. */
int program_input(const struct buf *text);

#endif
