/*
 * The model: what the documents say, whatever their format, as structs.  Made by
 * jobfile_load, checked, and constant from then on; it lives in one arena.
 *
 * Everything a job or a step may say is `struct traits` (one field per key of
 * keys.def), because templates, defaults, jobs and steps share those keys and
 * inherit from each other: nearest wins: step, template, job, file, built in.  After
 * loading, inheritance is done: every step's traits are complete.
 */
#ifndef JOB_JOBFILE_H
#define JOB_JOBFILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "doc/diag.h"
#include "doc/json.h"
#include "job/expr.h"
#include "job/graph.h"
#include "job/pattern.h"

/* Ids of all keys (enum key) and the set of those that a document gave. */
enum key {
#define KEY(id, word, scopes, reach, type, field, sentence) KEY_##id,
#include "job/keys.def"
#undef KEY
	KEY_COUNT,
};

struct key_set {
	uint64_t bits[(KEY_COUNT + 63) / 64];
};
static inline bool key_set_has(const struct key_set *s, enum key k)
{
	return s->bits[k / 64] >> (k % 64) & 1;
}
static inline void key_set_add(struct key_set *s, enum key k)
{
	s->bits[k / 64] |= (uint64_t)1 << (k % 64);
}
static inline void key_set_drop(struct key_set *s, enum key k)
{
	s->bits[k / 64] &= ~((uint64_t)1 << (k % 64));
}
static inline void key_set_join(struct key_set *s, const struct key_set *other)
{
	for (size_t i = 0; i < sizeof(s->bits) / sizeof(s->bits[0]); i++)
		s->bits[i] |= other->bits[i];
}
/* The first key of s from k on; KEY_COUNT: there is none. */
static inline enum key key_set_next(const struct key_set *s, unsigned k)
{
	for (uint64_t rest; k < KEY_COUNT; k = (k / 64 + 1) * 64) {
		rest = s->bits[k / 64] >> (k % 64);
		if (rest)
			return (enum key)(k + (unsigned)__builtin_ctzll(rest));
	}
	return KEY_COUNT;
}
#define key_set_each(k, s) for (enum key k = key_set_next(s, 0); k < KEY_COUNT; k = key_set_next(s, k + 1))

struct text_list {
	const char **text;
	size_t n;
};
/* New reference. */
json_t *text_list_json(const struct text_list *l);

/* name -> value, in the order written.  A NULL value unsets (env). */
struct value_map {
	const char **name;
	struct value **value;
	struct mark *mark;
	size_t n;
};

struct value_list {
	struct value **value;
	size_t n;
};

/* --- what a step does --------------------------------------------------------------------------- */

enum act {
	ACT_NONE, /* not said; only before the checks */
	ACT_RUN,
	ACT_ARGV,
	ACT_CALL,
	ACT_JOB,
	ACT_APPROVE,
	ACT_UNTIL,
	ACT_NOOP,
};

/* What makes two calls the same one. */
struct idempotency {
	enum idempotency_scope { IDEMPOTENT_RUN, IDEMPOTENT_SEMANTIC, IDEMPOTENT_EXPLICIT } scope;
	const char *key;   /* SEMANTIC: path into `with` */
	bool payload_hash; /* a hash of `with` is part of it */
};
extern const char *const idempotency_words[IDEMPOTENT_EXPLICIT + 1];

/* A command that is tried again until it succeeds; it stands in `run` or `argv`. */
struct until_spec {
	int64_t every_ms;
	int64_t timeout_ms; /* from the first try; 0: none */
};

/* A question to a person. */
struct approve_spec {
	struct value *prompt, *show; /* show: NULL: nothing */
	bool automatic;		     /* -y answers it */
};

struct act_spec {
	enum act kind;
	bool open; /* the loader may still write to it */
	struct mark mark;
	const char *run;	  /* ACT_RUN: text for the shell, or a script if it starts with #! */
	struct value_list argv;	  /* ACT_ARGV: a list value spreads */
	const char *call;	  /* ACT_CALL: name of a callable or of a built-in operation */
	struct value *with;	  /* ACT_CALL: its input; NULL = {} */
	const struct node *with_node; /* the reader's: what `with` is made of while maps may still merge */
	const char *job;	  /* ACT_JOB: name of the job */
	struct value_map params;  /* ACT_JOB */
	struct value *payload;	  /* ACT_JOB: of the called job; NULL: that of the caller */
	struct approve_spec *approve; /* ACT_APPROVE */
	struct until_spec *until; /* ACT_UNTIL */
	const struct idempotency *idempotency; /* ACT_CALL; NULL: not said */
};

/* --- parts of traits ----------------------------------------------------------------------------- */

struct need_decl {
	const char *name; /* a step of this job, else a job, `job/step`, `job[a]` */
	struct mark mark;
	enum cond cond;
	bool order_only; /* from `after` */
};

enum provide_from {
	PROVIDE_OUTPUT, /* a name=value line in $ORCHMAKE_OUTPUT */
	PROVIDE_STDOUT,
	PROVIDE_JSON,	/* a path into stdout as JSON */
	PROVIDE_REGEX,	/* first group of the last match in stdout */
	PROVIDE_FILE,	/* the text of a file */
	PROVIDE_LINE,	/* line number n of stdout, negative from the end */
	PROVIDE_PATH,	/* the name of a file, which has to be there */
};

struct provide_decl {
	const char *name;
	struct mark mark;
	enum provide_from from;
	const char *path;	  /* JSON: `.a.b[0]`; FILE, PATH: its name */
	const struct pattern *pattern;
	int line;
	enum value_type { AS_TEXT, AS_INT, AS_FLOAT, AS_BOOL, AS_JSON } type;
};
extern const char *const value_type_words[AS_JSON + 1];

struct name_decl { /* consumes, extends, ... */
	const char *name;
	struct mark mark;
};

struct condition { /* of when, skip_if, require */
	struct expr *expr;
	const char *msg; /* require: {check, msg}; else NULL */
};

struct condition_list {
	struct condition *at;
	size_t n;
};

struct matrix_axis {
	const char *name;
	struct mark mark;
	const json_t *values; /* a list */
};

struct matrix {
	struct matrix_axis *axis;
	size_t n_axes;
	const json_t *include, *exclude; /* lists of maps, or NULL */
};

struct foreach_decl {
	const char *name;
	struct value *over;	    /* a list */
	const char *glob;	    /* or the names that match */
	uint32_t max_parallel;	    /* 0 = no limit */
	bool fail_fast;
	bool late;		    /* at a step: over what an earlier one returned, so known only then */
};

enum retry_on {
	RETRY_TIMEOUT,
	RETRY_SIGNAL,
	RETRY_STALL,
	RETRY_EXIT,
	RETRY_NOT_STARTED,
	RETRY_STDOUT,
	RETRY_STDERR,
	RETRY_ANY,
	RETRY_TRANSIENT, /* a callable called its failure so */
	RETRY_PERMANENT,
};

struct retry_rule {
	enum retry_on on;
	int exit; /* RETRY_EXIT: the code; RETRY_SIGNAL: the signal, 0 = any */
	const struct pattern *pattern;
	const char *text; /* as written */
};

struct retry_spec {
	struct retry_pace pace;
	struct retry_rule *when, *not_when;
	size_t n_when, n_not_when; /* no `when`: every failure */
};

/* Exit codes 0..255. */
struct exit_set {
	uint64_t bits[4];
};
static inline bool exit_set_has(const struct exit_set *s, int code)
{
	return code >= 0 && code < 256 && (s->bits[code / 64] >> (code % 64) & 1);
}

struct fail_if {
	const struct pattern *out, *err; /* stdout, stderr */
};

struct pool_use {
	const char *name; /* NULL: none */
	struct mark mark;
	uint16_t weight;
};

struct lock_use {
	const char *name;
	struct mark mark;
	int64_t wait_ms; /* -1: as long as it takes */
};

/* Stops calling what keeps failing. */
struct breaker_rule {
	uint32_t failures; /* 0: there is none */
	int64_t window_ms, cooldown_ms;
};
#define BREAKER_NO_WINDOW_MS (365 * INT64_C(86400000)) /* so long that it counts failures in a row */

/* How the children of a step are offered slots: GNU make's job server. */
enum slot_offer { OFFER_PAIR, OFFER_FIFO, OFFER_OFF, OFFER_COUNT };
extern const char *const offer_words[OFFER_COUNT + 1]; /* "pipe", "fifo", "off", NULL */

/* How it is found out whether a step has something to do: FRESH(id, word, sentence). */
#define FRESH_KINDS(FRESH)                                                                         \
	FRESH(DEFAULT, "", "hash for a step with inputs or outputs, else always")                  \
	FRESH(HASH, "hash", "it runs when a content, its command, a value or an output changed")   \
	FRESH(MTIME, "mtime", "it runs when an input is newer than an output, or its command changed") \
	FRESH(TTL, "ttl", "written `ttl:6h`: it runs when its last success is older than that, or its command changed") \
	FRESH(ONCE, "once", "it runs until it has succeeded once with this command")                \
	FRESH(PROBE, "probe", "written `{run: TEXT}`: it runs when this command ends with anything but 0, or an output is missing") \
	FRESH(ALWAYS, "always", "it always runs")                                                  \
	FRESH(NEVER, "never", "it runs only with -B or -W")

enum fresh_kind {
#define FRESH(id, word, sentence) FRESH_##id,
	FRESH_KINDS(FRESH)
#undef FRESH
};

struct fresh_spec {
	enum fresh_kind kind;
	int64_t ttl_ms; /* FRESH_TTL */
	const char *probe; /* FRESH_PROBE: text for the shell of the step */
};
/* When an attempt takes long; both 0: never. */
struct slow_spec {
	int64_t ms;
	double share; /* of what 95 of 100 earlier successes took at most */
};

/* What each process of a step may use at most; -1: not said. */
struct limit_spec {
	int64_t mem, cpu_s, nofile, fsize;
	int64_t nice; /* beside the driver's; NICE_UNSAID */
};
enum { NICE_UNSAID = 100, UMASK_UNSAID = -1 };

/* When the same target already runs. */
enum overlap { OVERLAP_ALLOW, OVERLAP_SKIP, OVERLAP_QUEUE, OVERLAP_CANCEL, OVERLAP_COUNT };
extern const char *const overlap_words[OVERLAP_COUNT + 1];

/* What it means for a run that goes on with another that nobody saw how a step of that ended. */
enum on_lost { ON_LOST_FAIL, ON_LOST_RETRY, ON_LOST_ASK };
extern const char *const on_lost_words[ON_LOST_ASK + 1];

/* What a need asks: graph.h. */
extern const char *const cond_words[COND_ANY + 1];

/* What `on_failure` says: its own word, or the key of the map that names the step to run instead. */
extern const char *const on_failure_words[ON_FAILURE_FALLBACK + 1];

enum opens { OPENS_DONE, OPENS_OK };
extern const char *const opens_words[OPENS_OK + 1];

/* --- everything a job or a step may say ---------------------------------------------------------- */

/*
 * What is mostly alike in a file's many steps.  All that say the same share one, so that a step of a million
 * costs what is its own (read.h: traits_policy() to write, traits_seal() to share).
 */
struct policy {
	struct key_set set; /* the keys given here or inherited: traits_has() */

	/* for `list` */
	const char *group;
	struct text_list labels;

	struct text_list shell; /* default sh -eu -c */
	struct condition_list when, skip_if, require;
	struct fresh_spec fresh;
	struct matrix *matrix;	      /* NULL: none */
	struct foreach_decl *foreach; /* NULL: none */

	struct retry_spec *retry; /* NULL: none */
	struct breaker_rule breaker;
	int64_t timeout_ms;	  /* 0: none */
	int64_t grace_ms;	  /* default 10 s */
	int64_t stall_ms;	  /* 0: none */
	int64_t deadline_ms;	  /* from the start of the run; 0: none */
	struct slow_spec slow;
	enum on_failure on_failure;
	const char *fallback; /* ON_FAILURE_FALLBACK: a step of the same job */
	struct mark fallback_mark;
	bool critical;	    /* default true */
	bool fallback_only;
	bool private;
	bool open; /* the loader may still write to it */
	struct exit_set ok_exit; /* default {0} */
	struct exit_set skip_exit;
	struct fail_if fail_if;
	const struct pattern *error;

	struct pool_use pool;
	struct lock_use *lock; /* in name order */
	size_t n_locks;
	uint16_t slots; /* default 1; SLOTS_ALL */
	int16_t priority;
	struct limit_spec limits;
	const json_t *resources; /* a map, or NULL: hints to an executor, of which the local one needs none */
	enum slot_offer jobserver; /* if the key is set; else the run's */
	enum on_lost on_lost;
	bool finish; /* on_driver_death: finish; of a job that is a target it is its run's */
	struct value *cwd;
	struct value_map env;
	struct text_list dotenv; /* "name?" may be absent */
	int umask; /* UMASK_UNSAID: the driver's */
	struct value *stdin_from, *stdout_to, *stderr_to;
	bool tty;
	struct value_list artifact; /* globs */

	/* from outside: who starts it, and beside whom */
	const char *schedule, *timezone; /* NULL: none; the machine's */
	enum overlap overlap;
	bool catchup;

	/* composites */
	bool stop_on_failure;
	struct expr *success; /* NULL: failed == 0 */
	struct name_decl *extends;
	size_t n_extends;
};

/* What takes the text of `run` as its last argument: *ret_n words.  p NULL: where nobody can say `shell`. */
const char *const *policy_shell(const struct policy *p, size_t *ret_n);

/* What goes in and out.  All for whom nothing does share one. */
struct flow {
	struct provide_decl *provide;
	size_t n_provides;
	struct name_decl *consume;
	size_t n_consumes;
	struct value_list input, output; /* names of files; may be globs */
	struct value *depfile; /* the file that says what else was read; it is made as outputs are; NULL: none */
	bool open; /* the loader may still write to it */
};

struct traits {
	const struct policy *policy; /* never NULL */
	const char *description;
	const char *metadata; /* a map, as JSON text: it is kept, and hardly ever looked at; or NULL */

	const struct act_spec *act; /* never NULL; all that do nothing share one, which has no place */
	const struct flow *flow; /* never NULL */
	struct need_decl *need; /* needs and after; not what `consumes` and a list imply */
	uint32_t n_needs;
	uint32_t needs_rule; /* 0 = all; 1 = any; k */
};

/* Whether the key was given here or inherited. */
static inline bool traits_has(const struct traits *t, enum key k)
{
	return key_set_has(&t->policy->set, k);
}

/* --- params --------------------------------------------------------------------------------------- */

#define PARAM_TYPES(TYPE)                                                                          \
	TYPE(STRING, "string", "text")                                                             \
	TYPE(INT, "int", "a whole number")                                                         \
	TYPE(FLOAT, "float", "a number")                                                           \
	TYPE(BOOL, "bool", "true or false")                                                        \
	TYPE(DATE, "date", "a date, YYYY-MM-DD")                                                   \
	TYPE(DURATION, "duration", "a duration such as 90s or 1h30m; its value is milliseconds")   \
	TYPE(SIZE, "size", "a size such as 512M; its value is bytes")                              \
	TYPE(PATH, "path", "the name of a file; relative to the project's folder")                 \
	TYPE(ENUM, "enum", "one of `of`")                                                          \
	TYPE(LIST, "list", "a list; NAME=a,b on the command line, or JSON")                        \
	TYPE(JSON, "json", "any JSON value")

enum param_type {
#define TYPE(id, word, sentence) PARAM_##id,
	PARAM_TYPES(TYPE)
#undef TYPE
};

struct param {
	const char *name;
	const char *ns; /* of a file: the namespace that it is declared in; NULL: the outermost */
	struct mark mark;
	enum param_type type;
	struct value *dflt;	       /* NULL: none */
	bool required;
	const json_t *of;	       /* PARAM_ENUM: list of allowed values */
	const struct pattern *match;
	const json_t *min, *max;       /* numbers, dates, durations, sizes: in the type's own value */
	bool multiple;		       /* may be given several times: a list of its type */
	const char *description;
	const char *from_env;	       /* NULL: the environment cannot touch it */
};

struct param_list {
	struct param *at;
	size_t n;
};

/*
 * A text given for p (command line, environment) as its JSON value; or a JSON value
 * checked and brought to p's type.  New reference; NULL and what is wrong in err.
 */
json_t *param_from_text(const struct param *p, const char *text, struct buf *err);
json_t *param_from_json(const struct param *p, const json_t *v, struct buf *err);
const struct param *param_find(const struct param_list *l, const char *name);

/* --- jobs and steps -------------------------------------------------------------------------------- */

struct step {
	const char *id; /* "" for the one step of a one-action job, "main" if that job has `finally` */
	struct spot spot; /* in its job's file: step_mark() */
	const struct job *job;
	uint32_t no;	   /* in job->step, `finally` steps last */
	bool finally;
	struct traits t;
};
struct mark step_mark(const struct step *st);

/* Numbers of steps in an array, by their ids: the array may move, and the ids stay where they are. */
struct step_index {
	uint32_t *slot; /* number + 1; 0 = free */
	size_t n, n_slots; /* a power of two */
};
/* Number no is found from now on.  If another has its id that is returned, and stays. */
const struct step *step_index_add(struct step_index *x, const struct step *step, uint32_t no);
const struct step *step_index_find(const struct step_index *x, const struct step *step, const char *id);
void step_index_release(struct step_index *x);

enum job_kind { JOB_ACTION, JOB_STEPS, JOB_COMPOSITE };

/* The jobs of a stage are run for each element of a list that is known only then. */
struct stage_loop {
	struct value *over;
	struct value *payload; /* of each; NULL: that of the composite */
	uint32_t max_parallel; /* 0 = no limit */
};

struct stage {
	const char *name; /* never NULL: given, or the job's own */
	struct mark mark;
	struct name_decl *select; /* as written: names, globs, /regex/ */
	size_t n_selects;
	const struct job **job; /* what they select, in order, each once */
	size_t n_jobs;
	enum opens opens;
	const struct stage_loop *loop; /* NULL: the jobs are run once */
};

struct job {
	const char *name;
	const char *ns; /* the namespace it is in (namespace.h); NULL: the outermost */
	struct name_decl *alias; /* other names of it, in full */
	size_t n_aliases;
	struct mark mark;
	uint32_t no; /* in jobfile->job */
	uint32_t width; /* slots a run of it takes unless -j says how many; 0: it does not say */
	const struct file *file;
	enum job_kind kind;
	bool in_order; /* steps written as a list */
	/*
	 * All that the job says and inherits.  needs, when, matrix and the like (REACH_OWN in keys.def)
	 * are about the job; the others are what its steps have taken over.  The one step of a one-action
	 * job has the same traits, its own included: look at one of the two, not at both.
	 */
	struct traits t;
	struct param_list params; /* its own; file-level params are visible too */
	struct step *step;	  /* ACTION: exactly one */
	size_t n_steps;		  /* `finally` included */
	struct step_index by_id;  /* filled where there are many; step_find() knows */
	struct stage *stage;
	size_t n_stages;
};

enum var_kind { VAR_VALUE, VAR_SH, VAR_ARGV, VAR_FILE };

struct var {
	const char *name;
	struct mark mark;
	enum var_kind kind;
	struct value *value; /* VALUE; ARGV: a list; SH, FILE: a text */
	bool late; /* it, or one that it is made of, is known only once a step that runs wants it */
};

enum secret_kind { SECRET_ENV, SECRET_FILE, SECRET_ARGV };

struct secret {
	const char *name;
	struct mark mark;
	enum secret_kind kind;
	const char *from;	/* ENV: a variable; FILE: a path */
	struct text_list argv;	/* ARGV */
};

/* What of the environment orchmake got steps inherit. */
enum env_policy { ENV_INHERIT, ENV_CLEAN, ENV_KEEP };

struct env_rule {
	enum env_policy policy;
	struct text_list keep; /* KEEP: globs */
};

/* Events of a run on which steps run; the last four when it has ended. */
enum hook { HOOK_START, HOOK_RETRY, HOOK_SKIP, HOOK_SLOW, HOOK_SUCCESS, HOOK_FAILURE, HOOK_CANCEL, HOOK_ALWAYS, HOOK_COUNT };
extern const char *const hook_words[HOOK_COUNT + 1]; /* "on_start", ..., NULL */

struct ledger_rule {
	uint32_t keep_runs, keep_days; /* 0: no rule */
	bool synced;		       /* durability: full */
};

struct callable {
	const char *name;
	struct mark mark;
	struct value_list argv;
	struct value_map env;
	int64_t timeout_ms; /* 0: the step's */
	struct breaker_rule breaker; /* of all who call it together */
};

struct store_decl {
	const char *name;
	struct mark mark;
	struct value *path;
};

/* So many starts in a time, evenly spaced but for a burst after a rest. */
struct rate_spec {
	uint32_t count; /* 0: no limit */
	uint32_t burst; /* from 1 */
	int64_t per_ms;
	const char *text; /* as written */
};

struct pool_spec {
	const char *name;
	struct mark mark;
	uint32_t slots;
	uint32_t burst; /* as written; 0: not said */
	struct rate_spec rate;
	bool host; /* shared by every run of the user on the machine */
};

struct lock_spec {
	const char *name;
	struct mark mark;
	bool host;
};

/* One document; what applies to the jobs written in it and in the documents it includes. */
struct file {
	const struct source *source;
	const char *path; /* as it was opened; "-" standard input */
	struct mark include_mark; /* of the entry in `include` */
	const struct file *included_by; /* NULL: found or named */
	const char *ns; /* the namespace of what it declares (namespace.h); NULL: the outermost */
	const char *default_target; /* NULL: it says none */
	struct mark default_mark;
	const char *identity; /* of the file; NULL: it has none */
	struct traits defaults;
	struct value_map env;
	struct text_list dotenv;
	const char *format; /* "native", "lorchestra", "pipeline", "plan" */
	struct compiled *compiled; /* NULL: none is kept */
};

struct jobfile {
	struct arena *arena;
	const char *root; /* the folder everything is relative to */
	const char *description;
	const char *default_target; /* NULL: the first job of the first file */
	/* What has made it what it is: two of the same texts and given variables are the same. */
	const struct source **text; /* documents, settings, configs */
	size_t n_texts;
	const char *given;
	struct file **file;
	size_t n_files;
	struct job **job; /* in order of the documents */
	size_t n_jobs;
	struct map job_by_name; /* and by alias */
	struct map job_by_artifact; /* what a job provides, in full -> the first one that does */
	struct param_list params; /* file level */
	struct var *var;
	size_t n_vars;
	struct callable *callable;
	size_t n_callables;
	struct secret *secret;
	size_t n_secrets;
	struct env_rule env_rule;
	struct ledger_rule ledger;
	struct job *hook[HOOK_COUNT]; /* not among the jobs; NULL: none */
	struct store_decl *store;
	size_t n_stores;
	struct pool_spec *pool;
	size_t n_pools;
	struct lock_spec *lock;
	size_t n_locks;
};

/* --- loading --------------------------------------------------------------------------------------- */

/* Texts that marks point into, and so must outlive jobfile and diagnostics. */
struct sources {
	struct source **at;
	size_t n, room;
};
/* They have been read, and what there was to say of them has been said: see source_rest(). */
void sources_rest(struct sources *s);
void sources_release(struct sources *s);

/* What a plan's variable is worth. */
struct jobfile_var {
	const char *name, *value;
	bool declared; /* said to be a variable (--var), so that no plan has to mention it */
};

struct sights;

struct jobfile_where {
	const char *const *path; /* -f: files, folders, "-"; n_paths 0 = search as jobfile.md says */
	size_t n_paths;
	const char *const *include_dir; /* -I */
	size_t n_include_dirs;
	const char *const *set;		/* --set KEY=VALUE */
	size_t n_sets;
	const char *const *verb;	/* names a job may not bear */
	size_t n_verbs;
	const struct jobfile_var *var;	/* of plans; the last of a name wins */
	size_t n_vars;
	bool open_vars; /* a plan's variables without a value become params that can still be given (import) */
	bool compiled;	/* documents may have a compiled form below .orchmake */
	bool compiles;	/* and where they have none, one is made, to be saved */
	bool thorough; /* warn also of what only concerns who looks closely: variables without a value */
	/*
	 * Takes over the texts that were read; release it after the jobfile and d.  NULL: they
	 * live as long as the jobfile, and if nothing comes of it the messages in d have their
	 * place written into the text and quote no line.
	 */
	struct sources *sources;
	struct sights *sights; /* what is looked at to find and read them, relative to the current folder; may be NULL */
};

/*
 * Find, read and check.  NULL after diagnostics (all of them); warnings may come with
 * success.  When no document was found, *ret_none (if not NULL) is set and there is one error that
 * says what to do.
 */
struct jobfile *jobfile_load(const struct jobfile_where *w, struct diags *d, bool *ret_none);
/* The names by which it finds a Jobfile in a folder; the first that is there counts. */
enum { JOBFILE_NAMES = 3 };
extern const char *const jobfile_names[JOBFILE_NAMES];
/* Where load looks for compiled forms of documents, below the root. */
#define COMPILED_DIR ".orchmake/compiled"
/* There are such that have been made and not saved yet. */
bool jobfile_compiled_due(const struct jobfile *jf);
/* Save them; the folder is there. */
void jobfile_save_compiled(const struct jobfile *jf);
/* One document from memory (tests, stored definitions). */
struct jobfile *jobfile_load_text(const char *name, const char *text, size_t len, const char *root,
				  struct diags *d);
/* The same with the verbs, settings and `sources` of w, which may not name files. */
struct jobfile *jobfile_load_text_with(const struct jobfile_where *w, const char *name,
				       const char *text, size_t len, const char *root,
				       struct diags *d);
void jobfile_free(struct jobfile *jf);

/* New reference, or NULL. */
json_t *traits_metadata(const struct traits *t);
const struct job *job_find(const struct jobfile *jf, const char *name);
/* What name means in the namespace ns. */
const struct job *job_seen(const struct jobfile *jf, const char *ns, const char *name);
const struct step *step_find(const struct job *j, const char *id);
/* In a list, a step without `needs` of its own waits for the one before it; NULL: for none. */
const struct step *step_before(const struct step *st);
const struct var *var_find(const struct jobfile *jf, const char *name);
const struct secret *secret_find(const struct jobfile *jf, const char *name);
const struct pool_spec *pool_find(const struct jobfile *jf, const char *name);
const struct lock_spec *lock_find(const struct jobfile *jf, const char *name);
const struct store_decl *store_find(const struct jobfile *jf, const char *name);
const struct callable *callable_find(const struct jobfile *jf, const char *name);
/*
 * The program that a `call` of this name starts in the end: the declared callable, or the one that a built-in
 * operation hands its work to (compute.llm: inferometer, or else llm, as ns sees them).  NULL: none.
 */
const struct callable *callable_behind(const struct jobfile *jf, const char *ns, const char *name);
/* The job that provides an artifact to others, as ns sees it, or NULL. */
const struct job *artifact_provider(const struct jobfile *jf, const char *ns, const char *name);
/* The slots that a run of these targets takes unless -j says how many (n 0: of the default target); 0: they do not say. */
uint32_t jobfile_width(const struct jobfile *jf, const char *const *target, size_t n);
/* The nearest job's name for one that is wrong in ns, or NULL. */
const char *job_suggest(const struct jobfile *jf, const char *ns, const char *name);
/* The same of those that can be asked for. */
const char *target_suggest(const struct jobfile *jf, const char *name);
/* Jobs a name, glob or /regex/ selects in ns, in document order; the caller frees *ret; 0 = none. */
size_t job_select(const struct jobfile *jf, const char *ns, const char *pattern, const struct job ***ret);

/*
 * The model back as a native document in JSON (resolved: templates and defaults applied): for -p and for
 * the stored definition; loads back with jobfile_load_text.  jobs: only these (n_jobs 0 = all).
 */
json_t *jobfile_to_json(const struct jobfile *jf, const struct job *const *jobs, size_t n_jobs);

/* The same while it is written, for which no tree of all its steps is made. */
struct jobfile_doc {
	json_t *doc;
	struct json_late late; /* of doc */
	bool sorted;	       /* by their keys, as canonical text wants them; else in the order of the documents */
	const struct job **job;
	const struct step **step; /* of the job at hand */
};
void jobfile_doc_init(struct jobfile_doc *d, const struct jobfile *jf, const struct job *const *jobs, size_t n_jobs,
		      bool sorted);
void jobfile_doc_release(struct jobfile_doc *d);

#endif
