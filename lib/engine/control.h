/* Other processes' runs: do they live, and stopping them. */
#ifndef ENGINE_CONTROL_H
#define ENGINE_CONTROL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "ledger/ledger_read.h"

/* Asked of the kernel: a process of this boot with that pid and that start time. */
bool control_driver_lives(const char *boot_id, pid_t pid, uint64_t pid_start);

/* Until it has ended, limit_ms at most (0: as long as it takes); whether it has. */
bool control_await_driver(const char *boot_id, pid_t pid, uint64_t pid_start, int64_t limit_ms);

/* Ask the driver to cancel its run.  False and errno (ESRCH: it is gone). */
bool control_stop_run(pid_t pid, uint64_t pid_start);

enum { CONTROL_SLOTS_MOST = 60000 }; /* what a job server's pipe holds, in a round number */

/* Ask the driver to go on with n slots.  False and errno. */
bool control_set_slots(pid_t pid, uint64_t pid_start, int n);
/* By which it is asked: it carries the number, and is queued. */
int control_signal(void);

/* TERM to a step's session: its step fails, or is tried again by its own rules.  False and errno. */
bool control_stop_step(pid_t leader);

/* Whether a driver still works in the run's folder, where its journal is: one that has ended may have hooks left. */
bool control_is_at_work(const char *journal, const char *run);

/* The logs of a run that has ended, in a folder that bears its id: how many bytes; away with them. */
int64_t control_logs_bytes(const char *dir, const char *run);
void control_logs_remove(const char *dir, const char *run);
/* The compiled forms of documents, and images, beside that ledger: the next run makes them again. */
void control_kept_remove(const char *ledger);

/* What this machine offers to process trees, locks and files: one line each.  False: something is missing. */
bool control_describe(FILE *out, const char *libexec);

#endif
