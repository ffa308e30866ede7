/*
 * Shared by the files that make a model from documents: the loader (which documents
 * there are), the native reader (read_*.c), inheritance and the checks.  Nothing
 * here is seen outside of job/.
 */
#ifndef JOB_READ_H
#define JOB_READ_H

#include "base/map.h"
#include "base/vec.h"
#include "doc/cursor.h"
#include "doc/node.h"
#include "job/jobfile.h"
#include "job/schema.h"

/* What has a name that is unique over all files. */
enum name_kind {
	NAME_JOB,
	NAME_TEMPLATE,
	NAME_VAR,
	NAME_PARAM,
	NAME_CALLABLE,
	NAME_STORE,
	NAME_POOL,
	NAME_LOCK,
	NAME_SECRET,
	NAME_KINDS,
};

struct template {
	const char *name;
	struct mark mark;
	struct traits t;
};

/* A document that no key tells the format of: good only as what another one includes. */
struct unmarked {
	const struct source *source;
	const char *path;
	bool has_steps; /* as a plan has them */
};

/* A document to read. */
struct pending {
	char *path; /* owned */
	const char *ns;
	const char *identity; /* NULL: not known yet */
	struct file *included_by;
	struct mark mark; /* of the entry in `include` */
	const char *sha256; /* what its content must have; NULL: anything */
};

/* Policies that are sealed, each once; and room for the next, from what turned out to be there already. */
struct policy_table {
	const struct policy **slot;
	size_t n, n_slots;
	struct policy **spare;
	size_t n_spare, room_spare;
	struct act_spec **spare_act;
	size_t n_spare_acts, room_spare_acts;
};

/* Whoever has taken a name. */
struct taken {
	struct mark mark;
	const char *name; /* that it stands for; of what the whole host shares not the one in full */
};

/* What an `include` with `as` gives the parameters of its files. */
struct given_params {
	const char *ns;
	struct value_map params;
};

struct loader {
	const struct jobfile_where *where;
	struct jobfile *jf;
	struct arena *a;       /* the jobfile's */
	struct arena *scratch; /* trees of what is being read; emptied between jobs */
	struct diags *d;
	struct sources sources;
	size_t errors_before;	     /* in d, when this began */
	struct map names[NAME_KINDS]; /* name -> struct taken */
	struct map seen;	     /* "device:inode namespace" of the files that have been read */
	struct map blamed;	     /* "source:line:col" of references that have been complained about */
	struct map configs;	     /* paths that a lorchestra job has included */
	struct unmarked *unmarked;   /* documents that nothing tells the format of */
	size_t n_unmarked, room_unmarked;
	struct map instances;	     /* name of a job -> struct cells, once some need asked for one of them */

	struct file *file; /* that is being read */
	bool cut_short;	   /* some document could not be read to its end */
	struct pending *pending;
	size_t n_pending, room_pending;
	struct template *template;
	size_t n_templates, room_templates;
	/* Rooms of the arrays of jf, which are malloc'ed until loading is over. */
	size_t room_files, room_jobs, room_vars, room_callables, room_stores, room_pools, room_params,
		room_secrets, room_locks;
	struct policy_table policies;
	bool has_scopes; /* there are names that may be said in several ways */
	struct map ns_of; /* texts of documents in a namespace -> that namespace */
	struct given_params *given;
	size_t n_given, room_given;
	struct map once; /* keys of the file that only one of the documents may say -> struct mark */
};

/* --- values (read_value.c) -------------------------------------------------------------------- */

/* So many bytes of text are shown in messages: all, or as many whole characters as are not too much. */
size_t shown_length(const char *text);
/* A value as messages show it: 'its text', "a list", "a map", "nothing"; valid until the next call with b. */
const char *node_shown(const struct node *n, struct buf *b);
/* "'KEY' must be WHAT, not ..." */
void bad_value(struct loader *l, const char *key, const char *what, const struct node *n);

/*
 * Each reads the value of `key` into *ret; false after an error, with *ret untouched.  Texts are copied
 * into the jobfile's arena.
 */
bool read_text(struct loader *l, const char *key, const struct node *n, const char **ret);
bool read_bool(struct loader *l, const char *key, const struct node *n, bool *ret);
bool read_int(struct loader *l, const char *key, const struct node *n, int64_t min, int64_t max,
	      int64_t *ret);
bool read_number(struct loader *l, const char *key, const struct node *n, double min, double max,
		 double *ret);
bool read_duration(struct loader *l, const char *key, const struct node *n, int64_t *ret_ms);
bool read_pattern(struct loader *l, const char *key, const struct node *n,
		  const struct pattern **ret);
/* The pattern in text, which stands at m. */
const struct pattern *make_pattern(struct loader *l, const char *text, struct mark m);
bool read_expr(struct loader *l, const char *key, const struct node *n, struct expr **ret);
/* One of words[n_words]; *ret is its index. */
bool read_word(struct loader *l, const char *key, const struct node *n, const char *const *words,
	       size_t n_words, size_t *ret);
bool read_texts(struct loader *l, const char *key, const struct node *n, struct text_list *ret);
/* A list of names with places; a single one may stand without brackets if one_will_do. */
bool read_names(struct loader *l, const char *key, const struct node *n, bool one_will_do,
		struct name_decl **ret, size_t *ret_n);
/* A scalar that may hold ${{ }}. */
bool read_value(struct loader *l, const char *key, const struct node *n, struct value **ret);
bool read_value_list(struct loader *l, const char *key, const struct node *n, struct value_list *ret);
/* null_unsets: null gives a NULL value, and the others must be scalars (env). */
bool read_value_map(struct loader *l, const char *key, const struct node *n, bool null_unsets,
		    struct value_map *ret);
/* A list of JSON values without expressions. */
bool read_json_list(struct loader *l, const char *key, const struct node *n, const json_t **ret);
/* The same for a map. */
bool read_json_map(struct loader *l, const char *key, const struct node *n, const json_t **ret);
/* The same as its text. */
void read_map_text(struct loader *l, const char *key, const struct node *n, const char **ret);
/* v lives as long as the jobfile. */
const json_t *keep_json(struct loader *l, json_t *v);
/* Its text does, v is given up. */
const char *keep_json_text(struct loader *l, json_t *v);
bool is_null(const struct node *n);
struct node *node_copy(struct arena *a, const struct node *n);

/* --- maps with keys of the language ----------------------------------------------------------- */

typedef void key_fn(struct loader *l, void *ctx, enum key key, const struct node *name,
		    const struct node *value);
/*
 * Call use for each pair of map whose key belongs to scope; complain about the others.  where: what the
 * map is, for messages ("step 'pull'").  False if n is no map.
 */
bool read_map(struct loader *l, const struct node *n, enum key_scope scope, const char *where,
	      key_fn *use, void *ctx);
/* The key of name in scope; false after an error (unknown). */
bool read_key(struct loader *l, const struct node *name, enum key_scope scope, const char *where,
	      enum key *ret);
/* What the document that is being read calls so, in full. */
const char *full_name(struct loader *l, const char *name);
/* Complain if name, in full, is taken, with the place of the first; else it is taken now. */
bool take_name(struct loader *l, enum name_kind kind, const char *name, struct mark m);
/* In the document that is being read, name stands for the global one, unless it is taken. */
void take_global_name(struct loader *l, enum name_kind kind, const char *name, struct mark m);
/* [A-Za-z0-9._-], beginning with a letter, a digit or _; complains. */
bool check_name(struct loader *l, const char *what, const struct node *name);
/* True the first time it is called for that place. */
bool first_blame(struct loader *l, struct mark m);

/* --- parts (read_traits.c and those it calls, read_steps.c, read_params.c) ----------------------- */

void traits_init(struct traits *t); /* built-in defaults */
/* Where the value of key is, which has one. */
const void *traits_field(const struct traits *t, enum key key);
void *traits_own_field(struct loader *l, struct traits *t, enum key key);
/* The policy of t alone, to write to; until it is sealed. */
struct policy *traits_policy(struct loader *l, struct traits *t);
/* That t says k, or does not say it. */
void traits_note(struct loader *l, struct traits *t, enum key k);
void traits_unnote(struct loader *l, struct traits *t, enum key k);
struct act_spec *traits_act(struct loader *l, struct traits *t);
struct flow *traits_flow(struct loader *l, struct traits *t);
extern const struct act_spec act_none;
/* t has been read, or has inherited: whoever says the same shares one policy. */
void traits_seal(struct loader *l, struct traits *t);
void policy_table_release(struct policy_table *p);
/*
 * Read one key of a job, step, template or defaults into t; false if it is none of those (id, steps, ...).
 * keep_nodes: `with` may still be merged with a template's.
 */
bool read_trait(struct loader *l, struct traits *t, const char *where, enum key key,
		const struct node *name, const struct node *value, bool keep_nodes);
void read_template(struct loader *l, const struct node *name, const struct node *value);
void read_traits(struct loader *l, struct traits *t, const struct node *n, enum key_scope scope,
		 const char *where);

void read_needs(struct loader *l, struct traits *t, const struct node *n);
void read_after(struct loader *l, struct traits *t, const struct node *n);
void read_needs_rule(struct loader *l, struct traits *t, const struct node *n);
void read_provides(struct loader *l, struct traits *t, const struct node *n);
void read_conditions(struct loader *l, const char *key, const struct node *n, bool with_msg,
		     struct condition_list *ret);
void read_matrix(struct loader *l, struct traits *t, const struct node *n);
void read_foreach(struct loader *l, struct traits *t, const struct node *n);
void read_retry(struct loader *l, struct traits *t, const struct node *n);
void read_on_failure(struct loader *l, struct traits *t, const struct node *n);
void read_exits(struct loader *l, const char *key, const struct node *n, struct exit_set *ret);
void read_fail_if(struct loader *l, struct traits *t, const struct node *n);
void read_pool_use(struct loader *l, struct traits *t, const struct node *n);
void read_slots(struct loader *l, struct traits *t, const struct node *n);
void read_offer(struct loader *l, struct traits *t, const struct node *n);
void read_breaker(struct loader *l, struct breaker_rule *b, const struct node *n);
void read_on_lost(struct loader *l, struct traits *t, const struct node *n);
void read_on_death(struct loader *l, struct traits *t, const struct node *n);
void read_files(struct loader *l, const char *key, const struct node *n, struct value_list *ret);
void read_fresh(struct loader *l, struct traits *t, const struct node *n);
void read_priority(struct loader *l, struct traits *t, const struct node *n);
void read_limit_map(struct loader *l, struct traits *t, const struct node *n);
void read_resources(struct loader *l, struct traits *t, const struct node *n);
void read_executor(struct loader *l, struct traits *t, const struct node *n);
void read_slow(struct loader *l, struct traits *t, const struct node *n);
void read_approve(struct loader *l, struct traits *t, const struct node *n);
void read_until(struct loader *l, struct traits *t, const struct node *n);
void read_umask(struct loader *l, struct traits *t, const struct node *n);
void read_action_run(struct loader *l, struct traits *t, const struct node *n);
void read_action_argv(struct loader *l, struct traits *t, const struct node *n);
/* Complain if text holds a ${{ }}: key is shell text, or nothing is known yet that could stand there. */
void refuse_expression(struct loader *l, const char *key, const char *text, struct mark m);
void read_schedule(struct loader *l, struct traits *t, const struct node *n);
void read_zone(struct loader *l, struct traits *t, const struct node *n);
void read_overlap(struct loader *l, struct traits *t, const struct node *n);
bool is_action_key(enum key key);
void read_action(struct loader *l, struct traits *t, const char *where, enum key key,
		 const struct node *name, const struct node *n, bool keep_nodes);
/* What act kinds are called: the key that says them. */
const char *act_word(enum act kind);

/* A name that a job may bear is taken, in full; false after an error. */
bool take_job_name(struct loader *l, const struct node *name);
void add_job(struct loader *l, struct job *j);
/* Steps of j from a list, or from one map that is one step. */
void read_hook_steps(struct loader *l, struct job *j, const struct node *n);
void read_job(struct loader *l, const struct node *name, const struct node *value);
/* The same while the job's value comes from c, so that its steps are never one tree; false once the document is
 * bad. */
bool pull_job(struct loader *l, struct cursor *c, const struct node *name);
void read_params(struct loader *l, const struct node *n, bool file_level, struct param_list *ret);
/* Two values of one type that has an order: <0, 0, >0. */
int param_compare(const json_t *a, const json_t *b);
void read_vars(struct loader *l, const struct node *n);
void read_secrets(struct loader *l, const struct node *n);
void read_hooks(struct loader *l, const struct node *n);
/* Whether a step of a hook may say it. */
bool hook_has_key(enum key key);
/* Of the documents of a namespace one says it: false after an error. */
bool say_once(struct loader *l, const char *key, struct mark m);
void read_env_policy(struct loader *l, const struct node *n);
void read_ledger(struct loader *l, const struct node *n);
void read_pools(struct loader *l, const struct node *n);
/* Into p, whose name is known; false after an error. */
bool read_pool(struct loader *l, const struct node *n, struct pool_spec *p);
void read_locks(struct loader *l, const struct node *n);
/* In name order, in which they are taken; complains of one that is there twice. */
void sort_lock_uses(struct loader *l, struct lock_use *use, size_t n);
void read_lock_uses(struct loader *l, struct traits *t, const struct node *n);
void read_callables(struct loader *l, const struct node *n);
void read_stores(struct loader *l, const struct node *n);
void read_includes(struct loader *l, const struct node *n);

/* --- documents (read_document.c, read_native.c, find.c, load.c, settings.c) ------------------------------------ */

/* Any document, by the reader of its format. */
void read_document(struct loader *l, const struct source *s);
/* "a plan", say, for a sentence; NULL if nothing in it tells what it is. */
const char *document_kind(const char *path);
/* One reader a format: the pairs of the document's map, which c has entered. */
void read_native(struct loader *l, struct cursor *c);
void read_plan(struct loader *l, struct cursor *c);
/* Drop the trees of what has been read, once that is worth it. */
void scratch_tidy(struct loader *l);
void read_lorchestra(struct loader *l, struct cursor *c);
void read_pipeline(struct loader *l, struct cursor *c);
/* When all documents have been read: those that are none. */
void refuse_unmarked(struct loader *l);

/* The files that w asks for, or that are found from the current folder up; *ret_root too.  False after an
 * error. */
bool find_documents(struct loader *l, bool *ret_none);
void loader_add_document(struct loader *l, const char *path, struct file *included_by, struct mark m);

/* --set, after reading and before inheritance. */
void apply_settings(struct loader *l);

/* --- names that are said in a namespace (settle.c) ------------------------------------------------ */

/* The namespace of the document that m is in; NULL: the outermost. */
const char *ns_at(struct loader *l, struct mark m);
/* Once all is read: what `include` gives, the default of a namespace as its alias. */
void settle_includes(struct loader *l);
/* Before inheritance: pools, locks, templates, callables, called jobs. */
void settle_names(struct loader *l);
/* After it: needs, and the params that called jobs are given. */
void settle_needs(struct loader *l);
/* Parameters, variables and secrets in expressions. */
void settle_value(struct loader *l, struct value *v);
void settle_expr(struct loader *l, struct expr *e);

/* --- afterwards (inherit.c, check*.c) --------------------------------------------------------- */

void inherit_all(struct loader *l);
/* What near does not say it takes from far: keys of these reaches only. */
void traits_inherit(struct loader *l, struct traits *near, const struct traits *far, unsigned reaches);

/* The step that a one-action job with `finally` has for its action, or NULL. */
const struct step *job_main(const struct job *j);
/* The job that is its action; NULL if it is another kind, or there is no such job. */
const struct job *called_job(const struct jobfile *jf, const struct act_spec *act);
/* Keys that mean nothing at a job of its kind.  written: those that it says itself, not a template. */
void check_job_keys(struct loader *l, const struct job *j, const struct key_set *written);
void check_declared(struct loader *l); /* before inheritance: what is wrong at one place is said once */
void check_model(struct loader *l);    /* after it */
void check_references(struct loader *l);
void check_cycles(struct loader *l);
void check_artifacts(struct loader *l);
void check_files(struct loader *l); /* of inputs, outputs, fresh */

/* --- order (order.c) -------------------------------------------------------------------------- */

struct link {
	uint32_t from, to; /* from waits for to */
};
/*
 * Things 0..n-1 so that each comes after what it waits for, into order[n] (NULL: not wanted).  If they
 * go in a circle: false, and *ret_cycle (free it) has one circle of *ret_len in the order of waiting.
 */
bool links_order(size_t n, const struct link *links, size_t n_links, uint32_t *order,
		 uint32_t **ret_cycle, size_t *ret_len);

#endif
