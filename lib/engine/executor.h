/*
 * What starts attempts and tells how they ended.  The schedule does not know
 * which executor runs a step.  `local` (exec_local.h) is the embedded one: it
 * speaks with a warden process; others follow the same contract:
 *
 * - start() takes everything it needs out of the request before it returns.
 * - Every started attempt is reported by collect() exactly once, whatever happens,
 *   also if it could not be started and if the executor itself broke (LOST).
 * - An attempt is over when its process is, never at the end of a pipe.
 * - One that is held comes out of collect() as BACK, and is as if it had never been given to start(), or it begins:
 *   the end of the one whose place it has taken says so (`next`).  All come back when an attempt ends in another
 *   way than a plain one that exits with 0, and before anybody knows what that means.
 */
#ifndef ENGINE_EXECUTOR_H
#define ENGINE_EXECUTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sys/limits.h"

/* A descriptor the step inherits under a number of its own (>= 3). */
struct start_fd {
	int fd;	    /* ours, borrowed */
	int number; /* the step's */
	bool lasts; /* it stays open as long as the executor; else until start() has returned */
};

struct start_request {
	uint32_t serial;	 /* names the attempt within the run; never reused, from 1 */
	const char *const *argv; /* NULL-terminated; argv[0] without '/' is looked up in the PATH of envp */
	const char *const *envp; /* NULL-terminated, the whole environment */
	const char *cwd;
	const char *stdin_path;	 /* NULL: /dev/null */
	const char *stdout_path; /* NULL: the log; truncated unless stdout_append */
	const char *stderr_path; /* NULL: the log */
	const char *log_path;	 /* appended; made 0600; NULL: /dev/null */
	bool stdout_append, stderr_append;
	bool plain;		/* if it exits with 0, the oldest that is held may take its place */
	bool held;		/* it does not start until it takes the place of a plain one */
	bool tty;		/* keeps stdin, stdout, stderr of the driver and gets the foreground */
	int64_t timeout_ms;	/* 0: none */
	int64_t grace_ms;	/* from TERM to KILL */
	int umask;		/* -1: the driver's */
	struct limits limits;
	const struct start_fd *fds;
	size_t n_fds;
};

enum attempt_end {
	END_EXITED,	 /* by itself: status holds its exit code or signal */
	END_NOT_STARTED, /* error holds the errno, stage what failed ("exec", "chdir", "open log", ...);
			  * ECANCELED at "queue": stopped before it was its turn */
	END_TIMED_OUT,	 /* killed at its deadline; status is what it left with */
	END_STOPPED,	 /* killed because stop() asked */
	END_ORPHANED,	 /* killed by the warden because the driver died (only in recovery) */
	END_LOST,	 /* nobody saw it end */
	END_BACK,	 /* it was held, and has not been started */
};

struct attempt_ended {
	uint32_t serial;
	enum attempt_end end;
	int status;		    /* as of wait(2); meaningful unless NOT_STARTED and LOST */
	int error;		    /* errno, if NOT_STARTED; if BACK: why it cannot be held, 0: it can */
	const char *stage;	    /* constant text, if NOT_STARTED */
	const char *missing;	    /* the program or folder that was found not to be there, borrowed; NULL: unknown */
	pid_t pid;
	int64_t start_mono_ns, end_mono_ns; /* start 0 if not started */
	int64_t user_us, system_us; /* of the leader and what it waited for */
	int64_t max_rss_kib;
	uint32_t leftovers; /* processes killed after the leader had gone */
	uint32_t next;	    /* serial of the one that was held and has its place; 0: none */
	int journal_error;  /* errno, if the end could not be recorded outside this process; 0: it is */
};

struct executor;

enum stop_how { STOP_TERM, STOP_KILL }; /* TERM (+CONT), then KILL after the request's grace; KILL at once */

struct executor_ops {
	/* 0, or -1 and errno when the executor itself cannot take more (then it is the run's failure). */
	int (*start)(struct executor *x, const struct start_request *r);
	/* serial 0: every attempt. */
	int (*stop)(struct executor *x, uint32_t serial, enum stop_how how);
	/* What is held comes back, unless it has begun. */
	int (*recall)(struct executor *x);
	/* What was started to be held is handed on, several at once; before one waits. */
	void (*hand_on)(struct executor *x);
	/* Readable (POLLIN) when one of the two below has something.  Whoever has begun to ask goes on until collect()
	 * answers 0: it need not be so in between. */
	int (*watch_fd)(const struct executor *x);
	/* One ended attempt; 1, 0 if there is none now, -1 and errno when the executor broke: every attempt
	 * in flight then comes out as LOST from further calls, after which it answers 0. */
	int (*collect)(struct executor *x, struct attempt_ended *ret);
	/* Also when an attempt has been started (pid known): same order of calls, before its end. */
	int (*collect_started)(struct executor *x, uint32_t *ret_serial, pid_t *ret_pid);
	/* Ends it; whatever still runs is killed first. */
	void (*close)(struct executor *x);
};

struct executor {
	const struct executor_ops *ops;
};

#endif
