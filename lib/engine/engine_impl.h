/* The inside of an engine, shared by the files of this folder. */
#ifndef ENGINE_ENGINE_IMPL_H
#define ENGINE_ENGINE_IMPL_H

#include "base/arena.h"
#include "base/map.h"
#include "base/sights.h"
#include "base/ulid.h"
#include "doc/json.h"
#include "engine/answer.h"
#include "engine/engine.h"
#include "engine/executor.h"
#include "engine/values.h"
#include "job/expand.h"
#include "ledger/ledger.h"
#include "run/event.h"
#include "run/schedule.h"
#include "sys/load.h"
#include "sys/loop.h"

/*
 * What is kept of a unit beside the schedule's notes.  All of it is 0 where nothing is known: memory that nobody writes
 * to costs nothing, and of a million units -n writes to none.
 */
struct note {
	json_t *result;	       /* what `steps.ID` shows and what its job returns; NULL: nothing yet, or unit_outcome() is it */
	char *error;	       /* the failure's text; for other ends what the reason's %s stands for */
	int64_t start_mono_ns; /* of the first attempt; 0: none */
	int64_t end_mono_ns;
	struct pass *pass;     /* what it has, or waits for, to start; rights.c */
	uint32_t serial;       /* of the latest attempt */
	uint16_t exit_known;   /* its exit code + 1: note_exit() */
	uint8_t signal;
	bool said_slow : 1;
	bool has_intent : 1;   /* an attempt row for the next start is committed */
	bool marked : 1;       /* the ledger knows what its start is made from */
};

/* -1: none. */
static inline int note_exit(const struct note *n)
{
	return n->exit_known - 1;
}

static inline void note_set_exit(struct note *n, int exit_code)
{
	n->exit_known = (uint16_t)(exit_code + 1);
}

/* What the driver stopped an attempt for, apart from a cancel. */
enum stopped_for { STOPPED_NOT, STOPPED_STALL, STOPPED_DEADLINE, STOPPED_UNTIL };

/* An attempt under way, by serial. */
struct attempt {
	uint32_t unit, number;
	int64_t start_mono_ns, start_wall_ms;
	int64_t timeout_ms, grace_ms;
	int64_t slow_ms; /* when it is to be called slow; 0: never */
	enum stopped_for stopped;
	char *log, *out, *err, *output; /* paths; NULL: none */
	pid_t pid;
	uint32_t place; /* in the engine's list of running ones */
	bool running, pid_known; /* to the ledger */
	bool masked; /* it was given secrets */
	bool offered; /* it knows of the job server */
};

struct attempts {
	struct attempt_page **page; /* NULL: those of it are over */
	uint32_t n, n_pages, room_pages; /* n: made so far */
};

/* Where a run keeps its files. */
struct run_paths {
	char *state_dir; /* .orchmake */
	char *ledger;
	char *logs;	 /* of this run */
	char *work;	 /* of this run: journal, inputs and answers of calls, scripts */
	char *tmp;	 /* $ORCHMAKE_TMP */
	char *journal;
	int work_fd;	 /* holds the work folder for as long as the driver lives */
};

/* What steps of earlier runs have been, as far as it was wanted: those that lie together there mostly do here. */
struct instances {
	int64_t last;	 /* that was found */
	int64_t first;	 /* of n that are known */
	uint32_t n;
	uint32_t *at;	 /* where in text each has its key, and behind it its name */
	struct buf text;
	uint32_t n_missed; /* in vain, one after the other */
};

/* The rows of steps on their way into the ledger. */
struct rows {
	bool *has; /* by unit, of n that are expected: rows_has() */
	uint32_t n;
	uint32_t n_missing;
	struct buf name, key, cell; /* of the one that is being made */
	struct instances instances;
	struct ledger_range range;  /* n 0: none is under way */
};

/* An environment under construction: later settings of a name win, and any of them over base. */
struct env_list {
	const struct env_list *base; /* borrowed; NULL: none.  It has no base of its own */
	struct map index; /* name -> position + 1 */
	char **text;	  /* NAME=VALUE; NULL: unset */
	size_t n, room;
};

struct engine {
	const struct jobfile *jf;
	const struct run_options *o;
	struct expansion *x;
	struct schedule *s;
	char *root; /* the project's folder, absolute */

	struct note *note;	 /* by unit */
	json_t **params;	 /* by scope; NULL: not evaluated yet */
	json_t **scope_payload;	 /* by scope; NULL: that of the caller, or of the run */
	json_t *vars;		 /* values of the plain vars */
	struct values *values;	 /* vars from commands, secrets */
	struct buf debug_name;	 /* of debug_unit() */
	int *held;		 /* locks of the targets */
	size_t n_held, room_held;
	struct hooks *hooks;	 /* NULL: none has been fired */
	json_t *payload, *ctx;	 /* never NULL */
	json_t *run_info;	 /* ROOT_RUN */
	struct env_list *file_env; /* by number of the file: process, dotenv, file */
	int64_t now_wall_ms;	 /* today() and now() */

	/* --- while it runs --- */
	struct ulid id;
	char *target_text;
	struct run_paths paths;
	struct ledger *ledger;	 /* NULL: --no-ledger */
	int64_t run_no;
	struct rows rows;
	struct executor *exec;
	int exec_error; /* errno of why there is none */
	struct loop *loop;
	uint32_t slots;		 /* at once, at most */
	struct tokens *tokens;	 /* of a job server, ours or above; NULL: all slots are ours alone */
	char *fifo;		 /* its path for children; NULL: they are offered descriptors only */
	bool above;		 /* it is somebody else's pool */
	bool serves;		 /* it is ours */
	uint32_t n_offered;	 /* processes that run and know of it, hooks among them */
	bool awaits_token;
	struct loop_timer again; /* when to try once more to have several tokens at once */
	struct load_limit load;
	struct loop_timer load_timer;
	int64_t held_since_ns;	 /* by the load, while a step is ready; 0: not held */
	bool held_told;
	uint32_t n_starting;	 /* of those that run: so many whose process nobody has told us of */
	const struct sinks *sinks;
	struct attempts attempts;
	char **spare_log;	 /* paths of empty ones, to be handed on */
	size_t n_spare_logs, room_spare_logs;
	bool no_leases;		 /* the file system does not say who else has a file open */
	struct ahead *ahead;	 /* what is held, in the order in which it begins */
	size_t n_ahead, room_ahead;
	uint32_t *running;	 /* serials */
	size_t n_running, room_running;
	uint64_t seq;
	int64_t start_wall_ms, start_mono_ns;
	struct buf *err;
	struct fresh *fresh;
	struct draft *draft;	 /* of an image; NULL: none is wanted */
	double left_ms;		 /* expected of all steps that have not settled */
	uint32_t n_left_unknown; /* how many of them nothing is known of */
	struct resume *resume;	 /* NULL: the run goes on with none */
	bool paused;		 /* the schedule has more to do, after a turn of the loop */
	struct questions *questions; /* that wait for a person; NULL: none */
	bool waiting;		 /* ended because nothing else was left to do */
	struct hold *hold;	 /* NULL: the run is free */
	struct rights *rights;	 /* NULL: no locks, rates or shared pools */
	uint32_t n_busy;	 /* steps that gave up waiting for a lock */
	struct watch *watch;	 /* a heap */
	size_t n_watches, room_watches;
	struct told *told;	 /* events not told yet: the ledger has to know them first */
	size_t n_told, room_told;
	json_t *result;		 /* of the run, but for what is late of it */
	struct json_late result_late;
	struct buf outcome_name; /* of the phase whose result is made */
	enum state run_state;
	uint64_t nonce;		 /* of the journal */
	bool finish;		 /* what runs when this process dies may end */
	bool abort_told, abort_due, run_ended;
	bool unjudged;		 /* steps may have run whose end the ledger does not know */
	uint32_t first_failed;	 /* the first step whose failure counts, as its unit + 1; 0: none has */
	uint32_t failed_fast;	 /* unit whose failure has stopped the run, + 1; 0: none has */
	int signals;		 /* how many of INT, TERM, HUP have come */
	int signal;		 /* the first of them */
	bool timed_out, broken, quarantined;
	bool late;		 /* it has not begun: another run was quicker */
	int broken_exit;
};

/* --- engine.c ------------------------------------------------------------------------------------- */
/* Everything that the marked units need (or, up: that needs them), marked as well. */
void engine_mark_reachable(const struct graph *g, bool *mark, bool up);

/* --- run.c ---------------------------------------------------------------------------------------- */
/* SIGPIPE is blocked, and whoever does not read any more what we say ends nothing. */
void forget_broken_pipes(void);
/* What the run is called by what was asked for; the caller frees. */
char *engine_target_text(const struct engine *e);

/* --- attempts.c ------------------------------------------------------------------------------------ */
/* Its serial, from 1.  unit: UNIT_NONE for what is no step's; number: of the step's attempts. */
uint32_t attempt_new(struct attempts *l, uint32_t unit, uint32_t number);
/* Valid until it is over; NULL, perhaps, afterwards. */
struct attempt *attempt_of(const struct engine *e, uint32_t serial);
/* Once; nobody asks for more of it than whether it runs. */
void attempt_over(struct attempts *l, uint32_t serial);
void attempts_release(struct attempts *l);

/* --- params.c ----------------------------------------------------------------------------------- */
/* The value of name among NAME=VALUE, or NULL. */
const char *environ_get(const char *const *env, const char *name);
bool engine_static_params(struct engine *e, struct diags *d);
/* Of a called instance, when its step begins; false and err on failure. */
bool engine_call_params(struct engine *e, uint32_t unit, struct buf *err);
/* Of an instance that a loop has made, filled from given. */
bool engine_make_params(struct engine *e, uint32_t scope, const json_t *given, struct buf *err);
/* References to payload and context that an older format wants looked up before anything runs. */
bool engine_check_payload(struct engine *e, struct diags *d);
/* What `payload` is in a scope (SCOPE_NONE: in the run).  Borrowed, never NULL. */
const json_t *engine_payload(const struct engine *e, uint32_t scope);
/* The param of that name of whichever job declares it, where there is no instance yet: loops over params are
 * worked out before there are instances.  New reference, or NULL and why, if there is such a param. */
json_t *engine_loose_param(struct engine *e, const struct job *j, const char *name, struct buf *err);
/* The params of a scope as its job's file calls them.  New reference. */
json_t *engine_params_seen(const struct engine *e, uint32_t scope);
/* Whether a job of the run is in it; NULL: the outermost. */
bool engine_has_namespace(const struct engine *e, const char *ns);
/* What the command line gave, as a map. */
json_t *engine_given_params(const struct engine *e);

/* --- slots.c -------------------------------------------------------------------------------------- */
/* Where the slots come from is settled: -j, the make above, both. */
void slots_open(struct engine *e);
/* There are to be n of them from now on. */
void slots_change(struct engine *e, int64_t n);
/* Of a limit by load each start is asked anew: none that was allowed before is still. */
void slots_turn(struct engine *e);
/* What the machine holds the run back with, appended; nothing if it does not. */
void slots_held(const struct engine *e, struct buf *out);
/* Take what a ready step waits for, give back what none needs; true if more may start now. */
bool slots_balance(struct engine *e);
/* An attempt, or a hook, has started with what was composed for it. */
void slots_lent(struct engine *e, struct attempt *a, bool offered);
/* It has ended: when nobody else can have our pool in hand, what killed children kept is put back. */
void slots_returned(struct engine *e, struct attempt *a);
/* MAKEFLAGS and descriptors for a step; fds has room for two.  How many descriptors; *ret: whether it hears of slots. */
size_t slots_offer(const struct engine *e, const struct step *st, struct env_list *env, struct start_fd *fds, bool *ret);
void slots_close(struct engine *e);

/* --- world.c -------------------------------------------------------------------------------------- */

/* What expressions of a unit see.  Valid while the engine does not change. */
struct unit_world {
	struct engine *e;
	uint32_t unit;	/* UNIT_NONE: outside of any unit */
	uint32_t scope; /* SCOPE_NONE */
	uint32_t step_cell;
	const struct step *step;
	bool needs_held;
	const struct env_list *env; /* NULL: composed when asked for */
	struct env_list own_env;
	json_t *made; /* list of values made on the way, kept until release */
	struct tally *tally;
	const json_t *item;	   /* the element of a loop whose payload is made; NULL: none */
	bool hides; /* env, a callable's input: what a secret may be put into */
	bool veils; /* for fingerprints: a secret is worth a hash of it (veil.h) */
	bool marks; /* for people: it is worth its name, and that it is one */
	bool looks; /* it has seen what the end of another step may change */
	const struct job *looping; /* while its loops are worked out there is no scope yet: params are its own */
};
/* The unit that a path behind steps, results, needs or consumes begins with, in a scope; ids may have dots: the longest
 * that is one counts.  UNIT_NONE: none does. */
uint32_t engine_unit_meant(const struct engine *e, uint32_t scope, enum expr_root root, const char *const *path, size_t n);
void unit_world_init(struct unit_world *w, struct engine *e, uint32_t unit);
void scope_world_init(struct unit_world *w, struct engine *e, uint32_t scope);
void unit_world_release(struct unit_world *w);
struct expr_world unit_world_expr(struct unit_world *w);
json_t *world_glob(void *ctx, const char *pattern);

/* --- env.c ------------------------------------------------------------------------------------------ */
void env_set(struct env_list *l, const char *name, const char *value); /* NULL unsets */
const char *env_get(const struct env_list *l, const char *name);
/* All NAME=VALUE with those of the base, borrowed, into ret, which has room for both; how many. */
size_t env_texts(const struct env_list *l, const char **ret);
void env_release(struct env_list *l);
/* Read NAME=VALUE lines of the file at path; false and err (with the line) if it is bad. */
bool env_read_dotenv(struct env_list *l, const char *path, bool may_miss, struct buf *err);
/* Made of a secret or of what a command says: not known before a step that has it runs. */
bool env_is_late(const struct jobfile *jf, const struct value *v);
/* Whether -e keeps the documents from setting it. */
bool env_is_fixed(struct engine *e, const char *name);
bool engine_file_envs(struct engine *e, struct diags *d);
enum env_reach {
	ENV_KNOWN, /* what is known before the step runs: a condition may keep it from running */
	ENV_ALL,
};
/* Everything a step's process gets but ORCHMAKE_*; false and err. */
bool engine_step_env(struct engine *e, struct unit_world *w, struct env_list *l, enum env_reach reach, struct buf *err);
/* The same without what is_later says comes later; what cannot be had is unset. */
void engine_known_env(struct engine *e, struct unit_world *w, struct env_list *l, bool (*is_later)(void *ctx, size_t i),
		      void *ctx);
/* Add what is late under that name, if it is. */
bool engine_late_env(struct engine *e, struct unit_world *w, struct env_list *l, const char *name, struct buf *err);

/* --- grow.c ------------------------------------------------------------------------------------------- */
/* A loop over a result begins, at its group's gate: its members are made.  *ret_text: of a failure; the caller
 * frees. */
enum answer engine_begin_loop(struct engine *e, uint32_t unit, enum reason *ret_why, char **ret_text);

/* --- expect.c ----------------------------------------------------------------------------------------- */
/* How long the steps took before, from the open ledger, into the graph and the order of what starts. */
void expect_begin(struct engine *e);
/* Units from first on have come; unit has settled. */
void expect_grown(struct engine *e, uint32_t first);
void expect_settled(struct engine *e, uint32_t unit);
/* What is left, spread over the slots; -1: unknown, as long as any step is. */
int64_t expect_eta_ms(const struct engine *e, int64_t mono_ns);

/* --- idempotency.c ---------------------------------------------------------------------------------- */
/* The key of a call that is given `with`, appended; false and err. */
bool engine_idempotency_key(struct engine *e, uint32_t unit, const json_t *with, struct buf *out, struct buf *err);

/* --- breaker.c ---------------------------------------------------------------------------------------- */
/* False and why: unit must not be started now. */
bool breaker_lets(struct engine *e, uint32_t unit, struct buf *why);
/* An attempt of unit has ended. */
void breaker_ended(struct engine *e, uint32_t unit, enum state state);

/* --- compose.c: from a unit to a start request ----------------------------------------------------- */
struct composed {
	struct start_request r;
	struct env_list env;
	char **argv;
	size_t n_argv, room_argv;
	const char **envp;
	char *cwd, *stdin_path, *stdout_path, *stderr_path;
	struct start_fd fds[4]; /* of the job server; what to hide; the input */
	int hidden_fd, input_fd; /* memory; -1: none */
	bool offered;		 /* slots of the job server */
	size_t n_own;		 /* so many of argv are our own program between the step and its log: it has secrets */
	int64_t callable_timeout_ms; /* 0: none */
	bool looks;    /* it may come out different when another step has ended */
	char *command; /* one line, for people and the ledger */
};
/* One step of a hook, and what it is about. */
struct hook_call {
	enum hook hook;
	const struct step *step;
	const char *state;     /* of the run or step */
	const char *step_name; /* NULL: it is about the run */
	const char *error;     /* NULL: none */
	const char *result;    /* path of the result document; NULL: there is none yet */
};
bool engine_compose_hook(struct engine *e, const struct hook_call *h, uint32_t serial, struct composed *c,
			 struct buf *err);
/* number: of the attempt; 0: it is not the step that is asked for, but its probe (fresh: {run}). */
bool engine_compose(struct engine *e, uint32_t unit, uint32_t serial, uint32_t number, struct composed *c,
		    struct buf *err);
void composed_release(struct composed *c);

/* --- run.c: attempts ------------------------------------------------------------------------------ */
/* What an attempt has: its files, its limits, its part in the job server. */
void engine_prepare_attempt(struct engine *e, uint32_t unit, struct attempt *a, struct composed *c);
/* It runs, or is about to. */
void engine_attempt_begins(struct engine *e, uint32_t unit, struct attempt *a, const struct composed *c);
/* Carry out what has come of what happened, but start nothing. */
void engine_news(struct engine *e);

/* --- ahead.c -------------------------------------------------------------------------------------- */
/* Whether this run is one in which steps may be held ahead. */
bool engine_holds_ahead(const struct engine *e);
/* ACTION_HOLD, ACTION_RECALL. */
void engine_hold(struct engine *e, const struct action *act);
void engine_recall(struct engine *e);
bool engine_is_held(const struct engine *e, uint32_t serial);
/* It has begun at that time, in the place of another. */
void engine_held_begins(struct engine *e, uint32_t serial, int64_t start_mono_ns);
/* It is ready again; unfit: it cannot be held. */
void engine_held_back(struct engine *e, uint32_t serial, bool unfit);
void engine_ahead_close(struct engine *e);

/* --- echo.c: what a person can paste to do the same, without secrets; appended -------------------------- */
void engine_echo(struct engine *e, const struct composed *c, struct buf *out);

/* --- judge.c ----------------------------------------------------------------------------------------- */
struct verdict {
	enum state state;
	enum reason reason;
	bool again; /* the step's rules allow another attempt */
	int exit_code, signal; /* -1, 0: none */
	enum failure_class class; /* as a callable says it */
	struct buf error;
	json_t *result; /* of a success: what it provides, what a callable answered; or NULL */
};
/*
 * What an attempt's end means by the step's own rules: ok_exit, skip_exit, fail_if, error, provides, retry.
 * Reads the files of the attempt; knows nothing of the engine, so that recovery judges alike.
 */
void judge_attempt(const struct step *st, const struct attempt_ended *ended, const struct attempt *a,
		   const char *root, struct verdict *ret);
void verdict_release(struct verdict *v);

/* --- record.c: ledger first, then tell -------------------------------------------------------------- */
/* Every function returns false when the ledger cannot be written: then the run stops (engine_break). */
bool record_run_begin(struct engine *e);
/* The params of a called instance are known: they are part of what its steps are. */
void record_call(struct engine *e, uint32_t scope);
/* The rows of the units and groups from these on, which a loop has added. */
bool record_growth(struct engine *e, uint32_t unit, uint32_t group);
bool record_intents(struct engine *e, uint32_t unit);
/* What it is made from is on record before it starts, also where that was not known when its intent was. */
void record_mark(struct engine *e, uint32_t unit);
bool record_started(struct engine *e, struct attempt *a, uint32_t serial, const struct composed *c);
bool record_ended(struct engine *e, uint32_t serial, const struct attempt_ended *ended, const struct verdict *v,
		  int64_t log_bytes);
bool record_settled(struct engine *e, const struct action *a);
bool record_event(struct engine *e, enum event_kind kind, uint32_t unit, const struct action *a);
/* Something that is about no step; cause: what the reason's %s stands for. */
void record_about_run(struct engine *e, enum event_kind kind, enum reason why, const char *cause);
/* A hook's step has ended; error NULL: well. */
void record_hook(struct engine *e, const char *name, int exit_code, const char *error, const char *log);
bool record_run_end(struct engine *e, enum state state, bool degraded, int exit_code);
/* Commit what is pending; whoever waits for it to be told goes on waiting. */
bool record_commit(struct engine *e);
/* Commit what is pending and tell it. */
bool record_flush(struct engine *e);
/* Milliseconds until pending rows must be committed; -1: nothing is pending. */
int64_t record_due_ms(const struct engine *e);
void engine_break(struct engine *e, int exit_code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Open the ledger, and repair in it what earlier drivers left when they died. */
bool record_open(struct engine *e);
struct ledger *record_ledger(const char *path, const char *state_dir, bool synced, const struct run_options *ro,
			     struct buf *err);

/* The instance's identity: what it is called, and the params it works with; appended. */
void engine_unit_key(struct engine *e, uint32_t unit, struct buf *key);

/* --- rows.c: the ledger's rows of steps ----------------------------------------------------------------- */
/* The steps among the units from first on have to have a row. */
void rows_expect(struct engine *e, uint32_t first);
/* All those that have none yet get one, as pending; false when the ledger cannot be written. */
bool rows_put(struct engine *e);
/* This one gets it now, since something is about to be added to it.  There is a ledger. */
void rows_need(struct engine *e, uint32_t unit);
void rows_settle(struct engine *e, uint32_t unit, const struct ledger_step_end *end);
/*
 * One that has settled with nothing to say of it but what is said of those before it is to be in one row with them.
 * step: as if it were alone.  The event that tells it is the next.  False: it has to have a row of its own.
 */
bool rows_join(struct engine *e, const struct ledger_range *step);
/* Nothing joins the row that is under way any more. */
void rows_close(struct engine *e);
void rows_init(struct engine *e);
/* The ledger, or what waits to be written to it, has the row of that step. */
bool rows_has(const struct engine *e, uint32_t unit);
void rows_release(struct engine *e);

/* --- instances.c: numbers of what steps have been before ------------------------------------------------- */
/* 0: it is not known, or it is called something else. */
int64_t instances_find(struct engine *e, const char *key, const char *name);
void instances_release(struct instances *x);

/* --- log_file.c: the file an attempt writes its log into --------------------------------------------------- */
/* Where it lies; the caller frees. */
char *engine_log_path(struct engine *e, uint32_t unit, uint32_t serial);
/* The same for an attempt that starts now: the file may be there, empty. */
char *log_begin(struct engine *e, uint32_t unit, uint32_t serial);
/* How much has been written; -1: there is no such file. */
int64_t log_bytes(const char *path);
/* It has ended, with so much in its log; a file that nobody will ask for goes on to another. */
void log_end(struct engine *e, struct attempt *a, int64_t bytes, enum state state);
void log_close(struct engine *e);

/* --- image_write.c: what might become an image of this run -------------------------------------------------- */
void draft_begin(struct engine *e);
void draft_free(struct engine *e);
/* Where files that are looked at are put down, from the root on; NULL: there is no draft. */
struct sights *draft_files(const struct engine *e);
/* A variable of the process's environment made a difference, or its absence. */
void draft_env(const struct engine *e, const char *name);
/* The ledger is open, and has not been asked about successes yet. */
void draft_open(struct engine *e);
/* In the order in which the sinks are told. */
void draft_tell(const struct engine *e, const struct run_event *event);
/* The run has ended, and that is on record. */
void draft_keep(struct engine *e);

/* --- overlap.c -------------------------------------------------------------------------------------------- */
/* May this run go on beside others of its targets?  False: no, and that has been said; or err. */
bool overlap_enter(struct engine *e, struct buf *err);
/* All of them let others run beside them. */
bool overlap_is_allowed(const struct engine *e);
void overlap_leave(struct engine *e);

/* --- hooks.c: steps that run on events of the run, beside the graph, one after the other ------------------ */
struct hooks;
void hooks_free(struct hooks *h);
/* unit: UNIT_NONE, or the step that it is about. */
void hooks_fire(struct engine *e, enum hook hook, uint32_t unit);
/* What waited for a value tries again. */
void hooks_pump(struct engine *e);
/* True: it was a hook's end and no step's. */
bool hooks_ended(struct engine *e, const struct attempt_ended *end);
/* The run has ended: its hooks run, and it is waited for all of them. */
void hooks_finish(struct engine *e, enum state state);

/* --- decide.c ----------------------------------------------------------------------------------- */
void engine_decide(struct engine *e, const struct action *a);
void reason_format(struct engine *e, uint32_t unit, struct buf *out);
/* What the reason's %s stands for, appended. */
void reason_cause(struct engine *e, uint32_t unit, struct buf *out);

/* Why unit runs, and what the reason's %s stands for (NULL: nothing). */
enum reason engine_why(const struct engine *e, uint32_t unit, const char **ret_cause);

/* --- tell.c: what the sinks are told apart from events ------------------------------------------- */
void engine_begin(struct engine *e);
void engine_tick(struct engine *e);
void engine_summary(struct engine *e, enum state state);

/* --- follow.c: a sink that shows what is written elsewhere ----------------------------------------- */
struct follow *follow_begin(struct engine *e); /* NULL: there is none */
void follow_end(struct follow *f);

/* --- paths.c -------------------------------------------------------------------------------------------- */
/* A folder of our own that nobody else could have prepared: not a link, and not writable by others. */
bool private_dir_make(const char *path, struct buf *err);
/* What they are called: of the run id below root. */
void run_paths_name(struct run_paths *p, const char *root, const char *log_dir, const char *id);
bool run_paths_make(struct engine *e, struct buf *err);
/* Its folders are on the disk, and what is in them by name; -1 and errno. */
int run_paths_sync(const struct run_paths *p);
void run_paths_release(struct run_paths *p);
/* Keep the compiled forms of the documents, where the run keeps its files. */
void compiled_keep(struct engine *e);
/* A descriptor that says that somebody is at work there; -1: somebody else is, or it is gone.  how: as flock(2) has it. */
int work_hold(const char *path, int how);
/* The work folder of a run that has ended. */
void work_done(const struct run_paths *p);
/* Remove a run's work folder, with what is in it. */
void work_remove(const char *path);
/* text with everything but letters, digits, `.`, `_` and `-` replaced, at most 100 bytes. */
void path_safe(struct buf *out, const char *text);

/* --- outcome.c: results of groups and of the run ------------------------------------------------------- */
/* It has settled: its error, if that is not known already. */
void outcome_group(struct engine *e, uint32_t group, enum state state);
/* The result of a unit that has settled; borrowed, NULL: none. */
const json_t *unit_outcome(struct engine *e, uint32_t unit);
/* The same as text, appended, of which no tree is made; false: there is none. */
bool outcome_text(struct engine *e, uint32_t unit, struct buf *out);
/* Of a composite: the members of its loops in place of the loops. */
void outcome_tally(const struct engine *e, uint32_t group, struct tally *ret);
/* Into e->result. */
void outcome_run(struct engine *e, enum state state);

#endif
