/*
 * Short turns on a processor, for a program that works for some microseconds each time and on which others wait.
 *
 * Linux shares a processor out by turns (sched(7), EEVDF).  Who is woken on one that is busy waits until the turn of
 * what runs there is over, 1.4 ms by default, even when the other processor has become idle in the meantime; between
 * two steps of a millisecond that is the dearest thing there is.  Who asks for a shorter turn comes first, and gets
 * no more of the processor for it.
 */
#ifndef SYS_TURNS_H
#define SYS_TURNS_H

#include <sys/types.h>

/*
 * For process pid, 0: the calling one; what it starts has the usual turns again.  Does nothing where that cannot be
 * had (a kernel before 6.12), or where somebody has chosen another policy or a priority above the usual, as what is
 * started then would not keep it.
 */
void turns_short(pid_t pid);

#endif
