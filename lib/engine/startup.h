/* The first thing in main(): descriptors that were inherited are looked at before anything else gets their numbers. */
#ifndef ENGINE_STARTUP_H
#define ENGINE_STARTUP_H

#include <stdbool.h>

/* False when not even standard input, output and error can be had, or when set-user-id: then nothing may run. */
bool startup_check(void);

#endif
