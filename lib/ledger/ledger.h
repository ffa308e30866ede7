/*
 * What happened: a SQLite file that outlives every process.  This header is opening
 * and writing; reading is ledger_read.h, what an earlier crash left is ledger_repair.h.
 *
 * Writing is queued.  Every function that writes copies what it is given and returns
 * at once; ledger_commit() carries the whole queue into the file in one transaction
 * (BEGIN IMMEDIATE), so nothing is ever written outside of one, the file is locked
 * for no longer than the writing takes, and what could not be written (busy, disk
 * full) is still there to try again.  The caller commits before it acts on or tells
 * what it queued; ledger_pending() says how much waits.
 *
 * A run is known by its number (small, of this file) and by its ULID.  A step has the
 * number of its unit, a job that of its group, an attempt its serial within the run.
 * Steps of different runs that do the same thing share an identity: its key.
 *
 * One handle belongs to one thread and is not carried over a fork.
 */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/file_state.h"
#include "run/event.h"
#include "run/schedule.h"

struct ledger;

/* The version of SQLite that is in use; static text. */
const char *ledger_library(void);
/* The format that this program writes; it upgrades older ones and refuses newer ones. */
int ledger_format(void);

enum { LEDGER_BUSY_MS = 30000 }; /* how long a locked ledger is waited for, if nothing else is said */

/* What can be wrong with a ledger, by what has to be done about it. */
enum ledger_fault {
	LEDGER_FINE,
	LEDGER_MISSING,	  /* there is none (only if it is not to be made) */
	LEDGER_BUSY,	  /* others kept it locked for the whole time given: try again */
	LEDGER_FULL,	  /* no room on the disk */
	LEDGER_READ_ONLY, /* no right to write, or to read, it */
	LEDGER_DAMAGED,
	LEDGER_FOREIGN,	  /* a file, but not a ledger */
	LEDGER_NEWER,	  /* of a newer version of this program */
	LEDGER_OLDER,	  /* of an older one, and it was opened only for reading */
	LEDGER_GONE,	  /* deleted or replaced while we wrote to it */
	LEDGER_MOVED,	  /* a run was to begin on what is no longer so */
	LEDGER_BAD_SQL,	  /* the user's statement is wrong, refused, or took too long */
	LEDGER_BROKEN,	  /* input or output failed, or a row was not there that had to be */
};

/* What went wrong: where, what SQLite said, and the way out. */
struct ledger_error {
	enum ledger_fault fault;
	struct buf text;
};
#define LEDGER_ERROR_INIT {.fault = LEDGER_FINE, .text = BUF_INIT}
void ledger_error_release(struct ledger_error *e);

enum ledger_mode {
	LEDGER_WRITE,	  /* made if it is missing, upgraded if it is older */
	LEDGER_READ, /* each time it is asked, as it is then */
	/*
	 * As it is when it is opened, whatever is committed meanwhile; without leaving a file behind or changing one
	 * if that can be.
	 */
	LEDGER_LOOK,
};

enum ledger_durability {
	LEDGER_NORMAL, /* a killed process loses nothing */
	LEDGER_SYNCED, /* nor does a power cut lose what was committed (durability: full) */
};

struct ledger_options {
	enum ledger_mode mode;
	enum ledger_durability durability;
	int64_t busy_ms; /* 0: LEDGER_BUSY_MS */
};

/* Once per process, before anything else of this header, by a program with a single thread: SQLite then keeps
 * neither locks nor statistics of its own, which is an eighth of the time of a step's rows. */
void ledger_prepare(void);

/* Folders above path must exist.  NULL and ret_error on failure. */
struct ledger *ledger_open(const char *path, const struct ledger_options *o,
			   struct ledger_error *ret_error);

/* What is still queued is dropped: commit first.  NULL is fine. */
void ledger_close(struct ledger *l);

const char *ledger_path(const struct ledger *l);

/* Of the last call that failed; borrowed. */
const struct ledger_error *ledger_error(const struct ledger *l);

/* --- the queue ---------------------------------------------------------------------------------- */

/* Rows waiting for ledger_commit(). */
size_t ledger_pending(const struct ledger *l);

/* When the oldest of them was queued: monotonic nanoseconds, 0 if none waits. */
int64_t ledger_pending_since(const struct ledger *l);

/*
 * Write everything queued in one transaction.  All or nothing: on failure the queue is
 * as before, and it can be tried again after LEDGER_BUSY and LEDGER_FULL (the reserve
 * that was put aside for the latter has been given up and tried already).
 */
bool ledger_commit(struct ledger *l);

/* Forget what is queued. */
void ledger_drop(struct ledger *l);

/* --- runs ---------------------------------------------------------------------------------------- */

/* Texts may be NULL unless said otherwise; JSON is text. */
struct ledger_run {
	const char *id;		/* its ULID; required */
	const char *target;	/* as asked, joined with blanks; required */
	const char *title;	/* for people: a plan's plan_id; NULL: target */
	const char *definition; /* canonical JSON of all that is needed to go on with the run */
	const char *origin;	/* SHA-256 of what definition was made from */
	const char *definition_sha; /* with definition NULL: of one that is there, ledger_definition_of() */
	const char *format;	/* of the definition: native, plan, lorchestra, ... */
	const char *source;	/* path of the Jobfile */
	const char *command;	/* the command line */
	const char *root;	/* the project's folder */
	const char *journal;	/* the warden's */
	uint64_t nonce;		/* of the journal */
	const char *log_dir;
	const char *boot_id;
	pid_t pid;
	uint64_t pid_start;	/* ticks since boot: tells the process from a later one of that number */
	const char *host, *user, *version;
	const char *params, *payload, *ctx; /* JSON */
	const char *options;	/* JSON: slots, seed, restrictions */
	const char *resumes;	/* id of the run this one goes on with: no other may do so already */
	const char *plan;	/* hash of the plan that it applies */
	bool on_newest;		/* it was decided on a ledger whose newest run was this (0: none), and begins on no other */
	int64_t newest;
	const char *parent;	/* id of the run whose step started this one */
	uint32_t slots;
	int64_t wall_ms, mono_ns;
};

/* SHA-256 of the definition that was made from that; false: none is known. */
bool ledger_definition_of(struct ledger *l, const char *origin, struct digest *ret);

/*
 * Make the run known, as pending: written and committed at once, with whatever was
 * queued, because everything else needs its number.  -1 on failure: LEDGER_MOVED if others
 * were quicker, which is seen in the same transaction; LEDGER_BROKEN if the definition with
 * that definition_sha is not there (any more).
 */
int64_t ledger_run_begin(struct ledger *l, const struct ledger_run *r);

/* A number that is another one after every commit that changed what is known of successes; -1 on failure. */
int64_t ledger_freshness(struct ledger *l);

/* A run that ended well and found everything up to date, on a ledger of that freshness. */
struct ledger_found_all {
	int64_t run;
	const char *id;
	int64_t freshness;
};
/* False, LEDGER_MOVED: one that asks the same may find something else. */
bool ledger_still_finds(struct ledger *l, const struct ledger_found_all *f);
/*
 * Record a run that did ask the same: from its beginning to its end in one transaction, in which it is seen that
 * ledger_still_finds(): -1, and its number otherwise.  Of r id, command, journal and its nonce, log_dir, process, host, user, version and times count;
 * the rest is that of the earlier one.
 */
int64_t ledger_run_again(struct ledger *l, const struct ledger_found_all *f, const struct ledger_run *r, int64_t duration_ms);

/* It is under way: the first decision follows. */
void ledger_run_started(struct ledger *l, int64_t run);

struct ledger_counts {
	uint32_t total, settled, running, succeeded, failed, skipped; /* of steps; skipped: never ran */
};

/* Where it stands, so that progress is one row; cheap, as often as there is a commit. */
/* It goes on with another number of slots. */
void ledger_run_slots(struct ledger *l, int64_t run, uint32_t slots);
void ledger_run_progress(struct ledger *l, int64_t run, const struct ledger_counts *n);

struct ledger_run_end {
	enum state state; /* SUCCEEDED, FAILED, CANCELED, TIMED_OUT, INTERRUPTED; WAITING (an approval) */
	bool degraded;
	bool quarantined; /* FAILED because a breaker is open */
	int exit_code;
	const char *error;
	char *result; /* JSON; taken over, as it may be long */
	int64_t wall_ms, duration_ms;
	struct ledger_counts n;
};
void ledger_run_ended(struct ledger *l, int64_t run, const struct ledger_run_end *e);

/* A lazy variable's value, once it is known; JSON.  Secrets never come here. */
void ledger_var(struct ledger *l, int64_t run, const char *name, const char *value);

/* What a dynamic loop appended to the run, as JSON, in the order of `no`; resume replays it. */
void ledger_fragment(struct ledger *l, int64_t run, uint32_t no, const char *json);

/* --- jobs of a run: its groups ---------------------------------------------------------------- */

struct ledger_job {
	uint32_t group;
	uint32_t parent; /* a group, or GROUP_NONE */
	const char *name; /* as people see it; required */
	const char *job;  /* its name in the Jobfile */
	const char *kind; /* job, composite, family, steps, call, root, support; required */
	const char *params; /* JSON */
};
void ledger_job(struct ledger *l, int64_t run, const struct ledger_job *j);

struct ledger_job_end {
	enum state state;
	enum reason reason;
	const char *cause, *error;
	bool degraded;
	char *result; /* JSON; taken over, as it may be long */
	int64_t wall_ms, duration_ms; /* -1: it never began */
	uint32_t total, succeeded, failed, skipped;
};
void ledger_job_finished(struct ledger *l, int64_t run, uint32_t group, const struct ledger_job_end *e);

/* --- steps ---------------------------------------------------------------------------------------- */

struct ledger_step_end {
	enum state state; /* final */
	enum reason reason;
	const char *cause, *error;
	bool degraded;	   /* failed, but it does not count */
	int exit_code;	   /* -1: none */
	int signal;	   /* 0: none */
	uint32_t attempts; /* begun */
	int64_t wall_ms, duration_ms; /* -1: it never began */
	const char *result;	 /* JSON: what `steps.ID` shows */
	const char *fingerprint; /* of a success that can be fresh: kept by key as well */
};

/*
 * Every step of the run, once, before anything is done about it (a fragment's later).  A
 * million is fine: commit every few thousand.  The key says what the step does, the
 * same in every run: job, params, cell, step.
 */
struct ledger_step {
	uint32_t unit;
	uint32_t group;	  /* that it belongs to, or GROUP_NONE */
	const char *key;  /* required */
	const char *name; /* as people see it; required */
	const char *job, *step, *cell;
	bool critical;
	const struct ledger_step_end *end; /* of one that has settled by now; NULL: it is pending */
};
void ledger_step(struct ledger *l, int64_t run, const struct ledger_step *s);

/* The params of a called instance, as JSON, which are known only when its call begins. */
void ledger_job_params(struct ledger *l, int64_t run, uint32_t group, const char *params);
/* Its key, where the params came to be known only when it began. */
void ledger_step_key(struct ledger *l, int64_t run, uint32_t unit, const char *key);

/* It waits, or has become ready, or an attempt has begun: every decision has a reason. */
void ledger_step_state(struct ledger *l, int64_t run, uint32_t unit, enum state state,
		       enum reason reason, const char *cause);

void ledger_step_settled(struct ledger *l, int64_t run, uint32_t unit, const struct ledger_step_end *e);

/*
 * n steps that have settled one after the other, told by as many events, in one row for many of them: units, instances
 * and events are numbered consecutively from the first on.  Each ended well without an attempt, and there is nothing to
 * say of one that is not said of all: no name other than its instance's, no cause, result or fingerprint.  They have no
 * row before, and nothing can be added to them.
 */
struct ledger_range {
	uint32_t unit, n;
	int64_t instance; /* its number in this ledger, which never changes: ledger_instance_find() */
	uint32_t group;	  /* or GROUP_NONE */
	bool critical;
	enum state state; /* final, and well */
	enum reason reason;
	enum event_kind kind;
	uint64_t seq;
	int64_t wall_ms, mono_ns;
};
void ledger_range(struct ledger *l, int64_t run, const struct ledger_range *r);

/* What is fresh for a key without a run of it (-t), or is no longer: fingerprint NULL. */
void ledger_fingerprint(struct ledger *l, const char *key, const char *fingerprint, int64_t wall_ms);

/* What the success of a step was made from: kept with the step, and by its key for the next run. */
void ledger_step_fingerprint(struct ledger *l, int64_t run, uint32_t unit, const char *fingerprint,
			     int64_t wall_ms);

/* What a step without an attempt is made from: what is asked, or what its success before was made from. */
void ledger_step_mark(struct ledger *l, int64_t run, uint32_t unit, const char *mark);

/* A file whose content has been seen. */
struct ledger_file {
	const char *path; /* required */
	struct file_id id;
	uint64_t hash;
	int64_t since_wall_ms; /* when this content was first seen under this name */
};
void ledger_file(struct ledger *l, const struct ledger_file *f);

/* --- attempts: intent, then running, then ended ----------------------------------------------- */

/*
 * Committed ahead of its start; a start without one is a bug.  mark: what it is going to be made from, so that its
 * success, whoever finds it, is told apart by it; until the record of a success takes its place it stands as the step's
 * fingerprint.  NULL: that is not known yet.
 */
void ledger_attempt_intent(struct ledger *l, int64_t run, uint32_t serial, uint32_t unit, uint32_t number,
			   const char *mark);
/* It has come to be known, before the start. */
void ledger_attempt_mark(struct ledger *l, int64_t run, uint32_t serial, const char *mark);

struct ledger_attempt_start {
	int64_t wall_ms, mono_ns;
	pid_t pid;		/* 0: not known yet; ledger_attempt_pid() */
	const char *command;	/* one line, for people */
	const char *log;	/* path; NULL: none */
	int64_t log_offset;	/* where in it this attempt begins */
	const char *out;	/* path of stdout, if it is apart */
	int64_t timeout_ms, grace_ms; /* in effect; 0: none */
	const char *policy;	/* abort, skip_dependents, continue, fallback */
	const char *provides, *consumes; /* JSON lists */
	const char *idempotency_key;	 /* NULL: none */
};
void ledger_attempt_started(struct ledger *l, int64_t run, uint32_t serial,
			    const struct ledger_attempt_start *s);
void ledger_attempt_pid(struct ledger *l, int64_t run, uint32_t serial, pid_t pid);

struct ledger_attempt_end {
	enum state state; /* SUCCEEDED, FAILED, TIMED_OUT, CANCELED, SKIPPED (skip_exit), INTERRUPTED, LOST */
	enum reason reason; /* EXIT, NOT_STARTED, ... */
	const char *error;
	int exit_code;	/* -1: none */
	int signal;	/* 0: none */
	int start_errno; /* 0: it was started */
	const char *stage; /* what failed, if it was not */
	int64_t wall_ms;
	int64_t duration_us; /* -1: not known */
	int64_t user_us, system_us, max_rss_kib;
	uint32_t leftovers;
	int64_t log_bytes; /* -1: not known */
	const char *class; /* transient, permanent; NULL: not known */
};
/* A success also joins what is known about durations of the step's key. */
void ledger_attempt_ended(struct ledger *l, int64_t run, uint32_t serial,
			  const struct ledger_attempt_end *e);

/* An intent that was never used: the run has ended, or its step was settled otherwise. */
void ledger_attempt_unused(struct ledger *l, int64_t run, uint32_t serial);

/* --- events, artifacts, breakers, approvals ----------------------------------------------------- */

/* e->run and e->log are not kept: the ledger knows them.  e->step is kept only of what has no unit row. */
void ledger_event(struct ledger *l, int64_t run, const struct run_event *e);

struct ledger_artifact {
	const char *name;   /* required */
	const char *kind;   /* file, value */
	const char *path, *value; /* value: JSON */
	const char *digest;
	int64_t size_bytes; /* -1: none */
};
void ledger_artifact(struct ledger *l, int64_t run, uint32_t unit, const struct ledger_artifact *a);

/* A failure counted; the breaker opens at `failures` within window_ms, for cooldown_ms. */
struct ledger_breaker_rule {
	uint32_t failures;
	int64_t window_ms, cooldown_ms;
};
void ledger_breaker_failed(struct ledger *l, const char *name, const struct ledger_breaker_rule *r,
			   int64_t wall_ms);
void ledger_breaker_succeeded(struct ledger *l, const char *name, int64_t wall_ms);
void ledger_breaker_reset(struct ledger *l, const char *name);

/*
 * May this one be tried?  Closed: yes.  Open: no.  Cooled down: the first who asks may, and the others
 * wait for another cool-down.  Asked and written at once; false on failure.
 */
bool ledger_breaker_ask(struct ledger *l, const char *name, int64_t wall_ms, bool *ret_may);

/* A decision on the gate `unit` of a run; the first one counts. */
void ledger_approval(struct ledger *l, int64_t run, uint32_t unit, bool approved, const char *by,
		     const char *note, int64_t wall_ms);

#endif
