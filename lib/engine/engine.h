/*
 * Carries out what the schedule decides: always the ledger first, then act, then
 * tell.  One thread, one event loop.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "doc/diag.h"
#include "engine/options.h"
#include "job/jobfile.h"
#include "report/sink.h"
#include "run/schedule.h"

struct engine;
struct outlook;

/*
 * Work out what o asks for: instances, params, restrictions.  Starts nothing and writes
 * nothing.  NULL after diagnostics.  Borrows jf and o.
 */
struct engine *engine_new(const struct jobfile *jf, const struct run_options *o, struct diags *d);
void engine_free(struct engine *e);

const struct expansion *engine_expansion(const struct engine *e);
/* Before engine_run: what the command line leaves out is settled in it already. */
const struct schedule *engine_schedule(const struct engine *e);

/*
 * What engine_run would do with each unit, by number; valid until engine_free.  Leaves no trace.  Not to be
 * followed by engine_run.
 */
const struct outlook *engine_outlook(struct engine *e);

/*
 * Run it: make the run known to the ledger, do it, and tell the sinks.  Returns an exit code; an error
 * that is nobody's step (no warden, no ledger) has been put into err, with the way out.
 */
int engine_run(struct engine *e, const struct sinks *sinks, struct buf *err);

/*
 * The result document of the run just done, its `outcomes` and `phase_results` left empty: they may be long, and are in
 * its text.  Borrowed, valid until engine_free.
 */
const json_t *engine_result(const struct engine *e);
void engine_result_text(const struct engine *e, struct buf *out, enum json_spacing spacing);
/* The file of a store, with the params that o gives; the caller frees; NULL after diagnostics. */
char *engine_store_path(const struct jobfile *jf, const struct run_options *o, const struct store_decl *store,
			struct diags *d);
/* Where the ledger is; the caller frees. */
char *engine_ledger_path(const struct jobfile *jf, const struct run_options *o);
/* The exit code of the first failed step, for -x; 0 if none failed. */
int engine_failed_exit(const struct engine *e);

#endif
