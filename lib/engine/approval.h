/*
 * Gates that a person opens.  The question is an event of the run; the answer a row that `approve` and `reject`
 * write into the ledger while the run goes on, or after it has ended because nothing else was left to do.
 */
#ifndef ENGINE_APPROVAL_H
#define ENGINE_APPROVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "run/schedule.h"

struct engine;

/* The gate's turn has come: it is answered, or it waits without a slot. */
void approval_begin(struct engine *e, const struct action *act);
/* Look for answers: now and then, or now; true if there was one. */
bool approval_look(struct engine *e);
void approval_turn(struct engine *e);
/*
 * Nothing else is left to do: ask the person at the terminal, one question at a time, until there is an answer here or
 * from elsewhere.  False: nobody is there, or has said `later`.
 */
bool approval_ask_person(struct engine *e);
/* Milliseconds until then; -1: no question is open. */
int64_t approval_due_ms(const struct engine *e);
/* Questions are open, and nothing of the run moves any more before one is answered. */
bool approval_only(const struct engine *e);
/* Nobody is asked any more: the run is over. */
void approval_hush(struct engine *e);
void approval_close(struct engine *e);

#endif
