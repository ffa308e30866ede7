/* A run that is known to find everything up to date, without the long way there: engine/image.h. */
#ifndef SRC_SHORTCUT_H
#define SRC_SHORTCUT_H

#include "cmd.h"

/* What is asked is put down in c, for this run and for images of it. */
void shortcut_ask(struct cli *c);
/* True: the run is done, or what would run is said; *ret_code is the exit code. */
bool shortcut_take(struct cli *c, int *ret_code);
void shortcut_release(struct cli *c);

#endif
