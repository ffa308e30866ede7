/* What a small program does first, so that nothing reaches it and nothing of it leaks. */
#ifndef SYS_CLOSED_H
#define SYS_CLOSED_H

#include "sys/calls.h"

/* Every signal blocked and at its default, which is what a program inherits that it starts with nothing blocked. */
void closed_to_signals(void);

/* Readable when a child has ended or been stopped, for whom SIGCHLD is blocked.  -1 and errno. */
int closed_children(const struct calls *c);

/* Descriptors from first on are close-on-exec. */
void closed_on_exec(int first);

#endif
