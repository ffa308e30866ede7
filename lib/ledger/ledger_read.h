/*
 * Reading a ledger.  Works on any handle; what is queued and not committed is not seen.
 *
 * Rows are given to a function one after the other; every text in them is borrowed and
 * valid until that function returns.  It returns false to stop.  The reading functions
 * return false when the ledger could not be read (ledger_error), not when there is
 * nothing to read.  A function that is given rows must not write to the same handle.
 */
#ifndef LEDGER_LEDGER_READ_H
#define LEDGER_LEDGER_READ_H

#include <signal.h>

#include "base/map.h"
#include "ledger/ledger.h"

/* --- runs ---------------------------------------------------------------------------------------- */

struct ledger_run_row {
	int64_t no;
	const char *id, *target, *title, *source, *command, *root, *journal, *log_dir, *boot_id;
	const char *host, *user, *version, *format, *definition_sha, *resumes, *parent, *error;
	const char *params, *payload, *ctx, *options; /* JSON */
	const char *plan; /* hash of the plan that it applied; NULL: none */
	enum state state;
	bool degraded, quarantined;
	int exit_code;	  /* -1: it has not ended */
	uint64_t nonce, pid_start;
	pid_t pid;
	uint32_t slots;
	int64_t start_wall_ms, start_mono_ns, end_wall_ms, duration_ms; /* ends: -1 while it goes on */
	struct ledger_counts n;
};

struct ledger_run_filter {
	const char *target; /* the target, or a glob over targets and titles; NULL: any */
	uint32_t states;    /* 1 << enum state, or-ed; 0: any */
	int64_t since_ms;   /* started at or after; 0: ever */
	int64_t before_ms;  /* started before; 0: now */
	uint32_t limit;	    /* 0: all */
};

/* Newest first. */
bool ledger_runs(struct ledger *l, const struct ledger_run_filter *f,
		 bool (*row)(void *ctx, const struct ledger_run_row *r), void *ctx);

/* No row is given if there is no such run. */
bool ledger_run_get(struct ledger *l, int64_t run,
		    bool (*row)(void *ctx, const struct ledger_run_row *r), void *ctx);

enum ledger_found { LEDGER_FOUND, LEDGER_NONE, LEDGER_AMBIGUOUS, LEDGER_UNREADABLE };

/*
 * What people call a run: its id or a unique prefix of it, `last`, `last-failed`, `@-2`
 * (the one before last).  Of those with this target, unless it is NULL.  Unless it is found, err says
 * what is wrong, with the candidates if there are several.
 */
enum ledger_found ledger_run_find(struct ledger *l, const char *text, const char *target,
				  int64_t *ret_run, struct buf *err);

/* The last run of the target that ended well; *ret_run 0 if there is none. */
bool ledger_last_success(struct ledger *l, const char *target, int64_t *ret_run);

/* The newest run that resumes the one with this id; *ret_run 0 if there is none. */
bool ledger_run_resumer(struct ledger *l, const char *id, int64_t *ret_run);

/* Appended: the result document, the definition; nothing if there is none. */
bool ledger_run_result(struct ledger *l, int64_t run, struct buf *ret_json);
bool ledger_run_definition(struct ledger *l, int64_t run, struct buf *ret_json);

bool ledger_vars(struct ledger *l, int64_t run,
		 bool (*row)(void *ctx, const char *name, const char *value), void *ctx);
bool ledger_fragments(struct ledger *l, int64_t run,
		      bool (*row)(void *ctx, uint32_t no, const char *json), void *ctx);

/* --- what a run consists of ---------------------------------------------------------------------- */

struct ledger_job_row {
	uint32_t group, parent; /* GROUP_NONE */
	const char *name, *job, *kind, *params, *result, *cause, *error;
	enum state state;
	enum reason reason;
	bool degraded;
	int64_t end_wall_ms, duration_ms; /* -1 */
	uint32_t total, succeeded, failed, skipped;
};
bool ledger_jobs(struct ledger *l, int64_t run,
		 bool (*row)(void *ctx, const struct ledger_job_row *r), void *ctx);

struct ledger_step_row {
	int64_t run;
	const char *run_id;
	uint32_t unit, group; /* GROUP_NONE */
	const char *key, *name, *job, *step, *cell, *cause, *error, *fingerprint;
	const char *result; /* JSON, or NULL */
	enum state state;
	enum reason reason;
	bool critical, degraded;
	int exit_code, signal; /* -1, 0 */
	uint32_t attempts;
	int64_t end_wall_ms, duration_ms; /* -1 */
};

/* In the order of their units.  name: one step, or a glob over names and job names; NULL: all. */
bool ledger_steps(struct ledger *l, int64_t run, const char *name,
		  bool (*row)(void *ctx, const struct ledger_step_row *r), void *ctx);

/* The same thing in earlier runs, newest first: by its key. */
bool ledger_step_past(struct ledger *l, const char *key, uint32_t limit,
		      bool (*row)(void *ctx, const struct ledger_step_row *r), void *ctx);

enum ledger_attempt_phase { ATTEMPT_INTENT, ATTEMPT_RUNNING, ATTEMPT_ENDED, ATTEMPT_UNUSED };

struct ledger_attempt_row {
	uint32_t serial, unit, number;
	const char *name; /* of the step */
	enum ledger_attempt_phase phase;
	enum state state; /* RUNNING while it has not ended, PENDING for an intent */
	enum reason reason;
	const char *error, *stage, *command, *log, *out, *policy, *provides, *consumes;
	int exit_code, signal, start_errno; /* -1, 0, 0 */
	pid_t pid;
	int64_t log_offset, log_bytes;	/* bytes: -1 */
	int64_t start_wall_ms, start_mono_ns, end_wall_ms, duration_us; /* -1 */
	int64_t user_us, system_us, max_rss_kib, timeout_ms, grace_ms;
	uint32_t leftovers;
};

enum { LEDGER_ANY = UINT32_MAX };

/* By serial.  Of the whole run, or of one step (unit). */
bool ledger_attempts(struct ledger *l, int64_t run, uint32_t unit,
		     bool (*row)(void *ctx, const struct ledger_attempt_row *r), void *ctx);

/* From seq on (1: all), at most limit of them (0: no limit): following is asking again with the next one.
 * result is always NULL: the documents are in jobs and runs.  n_... are 0. */
bool ledger_events(struct ledger *l, int64_t run, uint64_t from_seq, uint32_t limit,
		   bool (*row)(void *ctx, const struct run_event *e), void *ctx);

struct ledger_artifact_row {
	uint32_t unit;
	const char *step;
	struct ledger_artifact artifact;
};
bool ledger_artifacts(struct ledger *l, int64_t run,
		      bool (*row)(void *ctx, const struct ledger_artifact_row *r), void *ctx);

struct ledger_approval_row {
	uint32_t unit;
	bool approved;
	const char *by, *note;
	int64_t wall_ms;
};
bool ledger_approvals(struct ledger *l, int64_t run,
		      bool (*row)(void *ctx, const struct ledger_approval_row *r), void *ctx);

/* --- across runs ---------------------------------------------------------------------------------- */

enum ledger_by { LEDGER_BY_KEY, LEDGER_BY_NAME };

/* Expected durations, all of them in one read.  ledger_durations_release() in any case. */
struct ledger_durations {
	struct map us; /* value: microseconds + 1 as an integer */
};
bool ledger_durations(struct ledger *l, enum ledger_by by, struct ledger_durations *ret);
/* Milliseconds; 0: unknown. */
double ledger_durations_ms(const struct ledger_durations *d, const char *text);
void ledger_durations_release(struct ledger_durations *d);

/* One of them, when few are wanted; 0: unknown, or unreadable. */
double ledger_duration_ms(struct ledger *l, enum ledger_by by, const char *text);

/* What steps of all runs have been, by its number: what ledger_range() is made of. */
struct ledger_instance_row {
	int64_t no; /* from 1 */
	const char *key, *name;
};
/* In the order of their numbers, at most n from first on. */
bool ledger_instances(struct ledger *l, int64_t first, uint32_t n,
		      bool (*row)(void *ctx, const struct ledger_instance_row *r), void *ctx);
/* The number of what has that key and is called that; *ret 0 if there is none. */
bool ledger_instance_find(struct ledger *l, const char *key, const char *name, int64_t *ret);

/* What the last success of a key was made from. */
struct ledger_fingerprint_row {
	const char *key, *fingerprint;
	int64_t wall_ms;
};
/* Of one key (no row: none), or key NULL: of all. */
bool ledger_fingerprints(struct ledger *l, const char *key,
			 bool (*row)(void *ctx, const struct ledger_fingerprint_row *r), void *ctx);

/* Of one path (no row: it has not been seen), or path NULL: of all. */
bool ledger_files(struct ledger *l, const char *path, bool (*row)(void *ctx, const struct ledger_file *f),
		  void *ctx);

/* What 95 of 100 of its latest successes by that name took at most; 0: none, or unreadable. */
double ledger_duration_p95_ms(struct ledger *l, const char *name);

struct ledger_breaker_row {
	const char *name;
	bool open;
	uint32_t failures;
	int64_t first_failure_ms, last_failure_ms, open_until_ms; /* -1: none */
};
bool ledger_breakers(struct ledger *l, bool (*row)(void *ctx, const struct ledger_breaker_row *r),
		     void *ctx);

/* Changes whenever somebody has committed: poll this instead of reading again.  -1 on failure. */
int64_t ledger_data_version(struct ledger *l);

/* --- the user's own SQL --------------------------------------------------------------------------- */

struct ledger_value {
	enum { LEDGER_NULL, LEDGER_INTEGER, LEDGER_REAL, LEDGER_TEXT, LEDGER_BLOB } type;
	int64_t integer;
	double real;
	const char *text; /* NUL-terminated for TEXT */
	size_t len;
};

/* For `:name`, `@name` or `$name`; what is written as a number is one. */
struct ledger_arg {
	const char *name, *text;
};

struct ledger_query {
	const char *sql;	/* one statement that only reads */
	const char *const *arg; /* bound as text to ?1, ?2, ... */
	size_t n_args;
	const struct ledger_arg *named; /* of two with one name the later counts */
	size_t n_named;
	int64_t limit_ms;	/* 0: as long as it takes */
	uint64_t limit_rows;	/* 0: all of them */
	const volatile sig_atomic_t *stop; /* set by a signal: end it now; NULL: never */
};

/*
 * Run one statement that only reads: guarded by an authorizer and by query_only, not
 * by looking at the text.  head is told the columns first, also when no row follows.
 */
bool ledger_sql(struct ledger *l, const struct ledger_query *q,
		bool (*head)(void *ctx, size_t n, const char *const *name),
		bool (*row)(void *ctx, size_t n, const struct ledger_value *value), void *ctx);

/* Whether text ends where a statement does: behind a semicolon that is in no literal and no comment. */
bool ledger_sql_complete(const char *text);

/* Any SQLite file of the user's, to be read with ledger_sql() and nothing else; o->mode is LEDGER_READ or LEDGER_LOOK. */
struct ledger *ledger_open_store(const char *path, const struct ledger_options *o, struct ledger_error *ret_error);

#endif
