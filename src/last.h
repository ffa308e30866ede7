/* The last thing that a program does that cannot go on: what others lent it goes back. */
#ifndef SRC_LAST_H
#define SRC_LAST_H

struct slots_debt;

/* From now on: before a signal that ends the program at once does so, and at its exit, the debt is paid. */
void last_prepare(void);
struct slots_debt *last_debt(void);

#endif
