/* What a small program does first, so that nothing reaches it and nothing of it leaks. */
#ifndef SYS_CLOSED_H
#define SYS_CLOSED_H

/* Every signal blocked and at its default, which is what a program inherits that it starts with nothing blocked. */
void closed_to_signals(void);

/* Descriptors from first on are close-on-exec. */
void closed_on_exec(int first);

#endif
