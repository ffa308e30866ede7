/*
 * Times that the warden does not know of: deadlines, the patience of `until`, silence, slowness.  The one file that
 * says when each is due; what follows is decided by the schedule, or said as an event.
 */
#ifndef ENGINE_WATCH_H
#define ENGINE_WATCH_H

#include <stdint.h>

struct engine;

/* Units and groups from these numbers on: their deadlines count from the start of the run. */
void watch_deadlines(struct engine *e, uint32_t first_unit, uint32_t first_group);
/* So long may unit wait for a lock. */
void watch_lock(struct engine *e, uint32_t unit, int64_t ms);
/* An attempt has been started. */
void watch_started(struct engine *e, uint32_t serial);
/* Carry out what is due. */
void watch_turn(struct engine *e);
/* Milliseconds until then; -1: nothing is watched. */
int64_t watch_due_ms(const struct engine *e);
void watch_close(struct engine *e);

#endif
