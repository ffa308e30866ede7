/* The first thing in main(): descriptors that were inherited are looked at before anything else gets their numbers. */
#ifndef ENGINE_STARTUP_H
#define ENGINE_STARTUP_H

#include <stdbool.h>

#include "sys/makeflags.h"

/*
 * False when not even standard input, output and error can be had, or when set-user-id: then nothing may run.
 * above: what a make that started us said, with AUTH_BAD where its descriptors are none of a job server.
 */
bool startup_check(struct makeflags *above);

#endif
