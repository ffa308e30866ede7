/*
 * The command line's verbs: one file and one table entry each.  To add one: write
 * cmd_NAME.c with `int cmd_NAME(struct cli *c)` and its options, and add its line to verbs.def.
 */
#ifndef SRC_CMD_H
#define SRC_CMD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "doc/diag.h"
#include "engine/engine.h"
#include "engine/image.h"
#include "engine/options.h"
#include "job/jobfile.h"
#include "ledger/ledger_read.h"
#include "report/output.h"

/* A list of texts that grows; the texts are borrowed from argv. */
struct words {
	const char **at;
	size_t n, room;
};

enum colour_when { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };
enum progress_mode { PROGRESS_AUTO, PROGRESS_PLAIN, PROGRESS_LINE, PROGRESS_NONE };
enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_CSV, FORMAT_DOT, FORMAT_MERMAID, FORMAT_SVG };

/* Everything the command line said: one field per option of options.def. */
struct cli {
	const char *program;
	char **argv; /* as it came, for the record */
	int argc;
	const struct verb *verb;
	bool verb_given;
	struct words letters; /* behind a -k without a number, as words of their own; the texts are ours */
	struct words given; /* options and NAME=VALUE for everybody, as one word each, but -C; the texts are ours */
	struct words words; /* what is no option, behind the verb: targets, run ids, ... */

	struct words files, include_dirs, sets, vars;
	const char *dir;
	char *here; /* the folder before that; -v */
	struct given_param *param;
	size_t n_params, room_params;
	json_t *payload, *ctx;
	int64_t slots; /* 0: not given */
	double load; /* if load_limited */
	bool load_limited;
	enum slot_offer jobserver;
	const struct makeflags *above;
	bool env_wins, fail_fast, keep_going, ignore_failures, dry_run, question, always, silent, verbose, print_model, touch;
	struct words what_if, old;
	uint32_t fail_limit;
	bool shuffle;
	uint64_t seed;
	struct words only, from, until, skip;
	unsigned debug; /* topics of engine/debug.h */
	int64_t timeout_ms, deadline_ms, wait_ms;
	bool no_wait, yes;
	const char *each;
	enum overlap overlap;
	bool overlap_given;
	const char *ledger, *log_dir;
	bool no_ledger;
	enum colour_when colour;
	enum progress_mode progress;
	enum output_mode output;
	bool output_given, print_folder;
	int64_t heartbeat_ms;
	const char *result_file, *events_file;
	enum format format;
	bool exit_code_of_step;

	/* of single verbs */
	const char *type, *group, *target, *since, *store, *run, *out_file, *plan_hash;
	const char *plan_file; /* apply: what it reads */
	int64_t set_slots, limit, attempt, days, keep, older_ms, max_size;
	bool all, failed, follow, downstream, strict, force, trace;
	bool open_vars; /* a plan's variables stay open: see struct jobfile_where */
	bool thorough; /* the verb looks closely: warn of what it would not bother a run with */

	bool wants_resume;
	const char *resume_run, *from_run;

	bool wants_help, wants_version;
	bool ledger_unusable; /* it is there and could not be opened: EXIT_LEDGER whatever else */

	struct image_request image; /* what: NULL where none is wanted */
	char *image_name;
	struct sights sights;	    /* what was looked at to find the documents */

	struct sources sources; /* what places in messages point into */
};

/* One verb.  run returns the exit code. */
struct verb {
	const char *name;
	const char *args;    /* of the usage line */
	const char *summary; /* one sentence, for --help and the manual */
	const char *detail;  /* a paragraph for `orchmake VERB --help`, or NULL */
	int (*run)(struct cli *c);
};

extern const struct verb verbs[];
extern const size_t n_verbs;
const struct verb *verb_find(const char *name);

#define VERB(name, args, summary, detail) int cmd_##name(struct cli *c);
#include "verbs.def"
#undef VERB

/* --- options.c, help.c ----------------------------------------------------------------------------- */

/* Fill c from argv; false after a message on stderr (exit code 2). */
bool cli_parse(struct cli *c, int argc, char **argv);
void cli_release(struct cli *c);
/* --help, for the program or one verb. */
void cli_help(const struct cli *c, FILE *out);

/* --version: what it is made of; version.c. */
void cli_version(FILE *out);

/* One option as others are to know it; false: there is no such number.  Headings are none. */
struct option_info {
	int letter; /* 0: none */
	const char *name, *arg, *sentence;
	const char *verbs; /* the only ones that take it, with blanks between; NULL: all */
	bool is_file;	   /* its value is a path */
};
bool option_get(size_t i, struct option_info *ret);
bool option_is_of(const struct option_info *o, const char *verb);

/* --- common.c: what several verbs do ---------------------------------------------------------------- */

/* The Jobfile that the options name, or the one that is found; NULL after messages on stderr. */
struct jobfile *cli_load(struct cli *c);
/* The same without printing: what is wrong is in d. */
struct jobfile *cli_load_into(struct cli *c, struct diags *d);
/* What is said about jobs of jf is about what they are called there, and not about an alias. */
void cli_name_jobs(struct cli *c, const struct jobfile *jf);
/* False after saying which of the targets is none, for it is private. */
bool cli_may_ask(const struct cli *c, const struct jobfile *jf);
/* A text that is to be a Jobfile, such as one that was made here. */
struct jobfile *cli_load_text(const char *name, const struct buf *text, const char *root, struct diags *d);
/* The names of verbs, which no job may bear; the caller frees the array. */
const char **verb_names(void);
/* Print what is in d on stderr. */
void cli_diags(const struct cli *c, const struct diags *d);
/* `orchmake: TEXT` on stderr. */
void cli_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void cli_hint(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The options of a run, from the command line. */
struct run_options cli_run_options(struct cli *c, const struct jobfile *jf);
/* Where that ledger is; NULL: there is none.  The caller frees. */
char *cli_ledger_path(struct cli *c);
/*
 * The ledger that goes with the Jobfile found (or --ledger), for reading, without a trace where that is possible; NULL
 * after a message.  Live: for longer than a moment, so that what others commit meanwhile is seen.
 */
struct ledger *cli_ledger(struct cli *c);
struct ledger *cli_ledger_live(struct cli *c);
/* To write to it; one that is not there is not made. */
struct ledger *cli_ledger_write(struct cli *c);
/* The run that text names (NULL: last); -1 after a message. */
int64_t cli_run(struct ledger *l, const char *text);
/* Who runs this, as the ledger knows people; the caller frees. */
char *cli_user(void);
bool cli_colour(const struct cli *c, FILE *out);
/* The whole path of a file that is shipped with the program, such as queries/recent-jobs.sql, or of a folder of them. */
char *cli_shipped(const char *name); /* the caller frees */
/* Print v as JSON on stdout, with a newline. */
void cli_print_json(const json_t *v);
/* Line by line; what a step or a command line said is not to move the cursor. */
void cli_print_clean(const char *text);
/* The folder with orchmake-warden and orchmake-op. */
const char *cli_libexec(void);

#endif
