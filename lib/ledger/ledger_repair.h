/*
 * What an earlier crash left, and whether a ledger is as it must be.
 *
 * A run whose driver has gone is still `running` in the ledger.  Its journal says how far each
 * attempt came; the engine judges that and hands the outcomes over, and they are applied
 * in one transaction.  Doing so twice, or in two processes at once, is the same as once.
 */
#ifndef LEDGER_LEDGER_REPAIR_H
#define LEDGER_LEDGER_REPAIR_H

#include "ledger/ledger_read.h"

/* Runs that have not ended, oldest first: with boot id, pid and journal, to ask whether they live. */
bool ledger_open_runs(struct ledger *l, bool (*row)(void *ctx, const struct ledger_run_row *r),
		      void *ctx);

/*
 * What became of one attempt.  Of those that are not mentioned, intents were never used and
 * running ones are lost.
 */
struct ledger_outcome {
	uint32_t serial;
	int64_t start_wall_ms; /* for an intent that had begun; 0: not known */
	pid_t pid;
	const char *log; /* likewise; NULL: not known */
	struct ledger_attempt_end end;
	bool settles; /* the step stands as its attempt does (no retry was left, or it ended well) */
	const char *result, *fingerprint; /* of a success that settles its step */
};

/*
 * Apply them: attempts, their steps, and the run, which ends `interrupted`.  Steps that are under way
 * without an outcome are `lost` if they had begun and `aborted` if not (DRIVER_DIED); a step whose
 * attempt had ended well is never undone.  Ends of jobs follow their steps.  Events tell it.
 * *ret_applied is false when somebody else has repaired the run already.
 */
bool ledger_repair_run(struct ledger *l, int64_t run, const struct ledger_outcome *outcome, size_t n,
		       int64_t wall_ms, bool *ret_applied);

/*
 * Look for everything that must not be: a damaged file, attempts of an ended run that
 * have none or no final state, counts that do not add up, gaps in the events, unknown
 * words, rows without the row they belong to.  `say` is told each (a sentence with the
 * run); *ret_faults counts them.  False when it could not be read to the end, which is
 * told as well.
 */
bool ledger_fsck(struct ledger *l, void (*say)(void *ctx, const char *text), void *ctx,
		 size_t *ret_faults);

struct ledger_keep {
	uint32_t runs;	  /* the newest of each target stay; 0: however many */
	int64_t since_ms; /* those started at or after stay; 0: none for that */
};

/* Ended runs that are not kept, oldest first.  False on failure; what was told until then need not be all. */
bool ledger_old_runs(struct ledger *l, const struct ledger_keep *keep,
		     bool (*told)(void *ctx, const struct ledger_run_row *r), void *ctx);

/*
 * Delete an ended run with everything that is its own; its logs are the caller's to remove.  Durations and
 * fingerprints stay.  A transaction of its own: others must not wait for a year's runs to go.
 */
bool ledger_forget(struct ledger *l, int64_t run);

/* Delete definitions that no run has any more. */
bool ledger_forget_definitions(struct ledger *l);

/* Let SQLite look at how tables have grown of which it has not seen enough to plan well; at a sample, not at all of it. */
bool ledger_optimize(struct ledger *l);

#endif
