/*
 * The embedded executor: steps run on this machine, started by a warden process that this one starts.
 *
 * What the contract in executor.h means here:
 * - A name without '/' is looked up in the PATH of envp.  log_path is relative to the folder this process was in at
 *   exec_local_open(); stdin_path, stdout_path and stderr_path to the step's cwd, as in a shell that has gone there.
 *   A FIFO among them is not waited for: to read one without a writer is an empty input, to write to one without
 *   a reader is a failed start (ENXIO).  Where both are the same text, stdout and stderr share one open file.
 * - More than `slots` attempts may be given to start(): the others wait here, in order.
 * - A fork that fails for want of processes or memory is tried again, ever more slowly, for spawn_retry_ms.
 * - Every step finds ORCHMAKE_TAG=NONCE:SERIAL in its environment.
 * - If the warden dies, collect() answers -1 (EPIPE) once; what the journal still says is believed, so an attempt
 *   whose end is recorded comes out with it; what was never started as NOT_STARTED, the rest as LOST.
 *
 * While it is open this process is a subreaper.  Its other children may run, but should the warden die, those
 * of them in another session count as a step's and are killed.
 */
#ifndef ENGINE_EXEC_LOCAL_H
#define ENGINE_EXEC_LOCAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/executor.h"

struct calls;
struct journal;

enum { EXEC_LOCAL_MOST = 65536 }; /* for who sees to it himself how many run */

struct exec_local_options {
	const struct calls *calls;  /* NULL: the real ones */
	const char *warden_path;    /* the orchmake-warden program */
	const char *journal_path;   /* made; must not exist */
	uint64_t nonce;		    /* of the run: random, not 0 */
	uint32_t slots;		    /* attempts at once, at least 1 */
	bool finish;		    /* when this process dies, steps that run may end; otherwise they are killed */
	const int *held;	    /* descriptors (locks) that live as long as the warden; borrowed */
	size_t n_held;
	int64_t spawn_retry_ms;	    /* 0: 30 seconds */
};

/* NULL and errno (EEXIST: the journal; ENOENT: the warden's program). */
struct executor *exec_local_open(const struct exec_local_options *o);

/*
 * The journal goes to path, in the same folder: it is made under another name if the warden is to get ready while the
 * run itself may still come to nothing.  0, or -1 and errno.
 */
int exec_local_name_journal(struct executor *x, const char *path);

/* Nothing runs, and nothing more will: the warden goes while the caller has other things to end; close() waits for it. */
void exec_local_dismiss(struct executor *x);

/* What the warden has recorded is on the disk afterwards.  0, or -1 and errno. */
int exec_local_sync(struct executor *x);

/*
 * For recovery when driver and warden have both died: find what is left of the run whose journal this is, by the
 * variable above or as a leader that the journal names, and kill it with all below it.  Only processes of this
 * boot that started after the run did.  0 when nothing is left (*ret_killed: how many were signalled), or -1 and
 * errno: ETIMEDOUT if something still is after wait_ms.
 */
int exec_local_sweep(const struct calls *c, const struct journal *j, int64_t wait_ms, size_t *ret_killed);

#endif
