/* Doing what a run's options ask for, with what the command line wants to see of it. */
#ifndef SRC_RUNNING_H
#define SRC_RUNNING_H

#include "cmd.h"

/* -n: what would run. */
int running_list(struct cli *c, struct engine *e);
/* Make it and run it, or -q, -n.  The exit code. */
/* A target that does not exist may have been meant for a verb or an option.  jf NULL: there is no Jobfile. */
void running_suggest(const struct cli *c, const struct jobfile *jf);
int running_do(struct cli *c, const struct jobfile *jf, struct run_options *o);

/* What of it is done also where there is no engine. */
struct sinks;
bool running_add_sinks(struct cli *c, struct sinks *sinks);
bool running_wants_result(const struct cli *c);
/* The result document, as text, to where it is wanted, with a newline behind it; false after a message. */
bool running_pass_on(struct cli *c, struct buf *text);
/* The caller frees. */
char *running_command_line(const struct cli *c);
/* what: Entering or Leaving it. */
void running_say_folder(const struct cli *c, const char *root, const char *what);

#endif
