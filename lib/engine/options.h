/* What a run is asked to be: the command line's wishes, once they are understood. */
#ifndef ENGINE_OPTIONS_H
#define ENGINE_OPTIONS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "job/jobfile.h"

/* NAME=VALUE or -P, in the order given. */
struct given_param {
	const char *name, *text;
};

struct text_span {
	const char *const *at;
	size_t n;
};

struct makeflags;
struct ledger;
struct review;
struct image_request;

/* What a job server above is owed at this instant: for whoever has to pay it from a signal handler. */
struct slots_debt {
	volatile int fd;
	volatile uint32_t tokens;
};

struct run_options {
	struct text_span targets; /* none: the default */
	const struct given_param *param;
	size_t n_params;
	json_t *payload, *ctx; /* borrowed; NULL: {} */
	uint32_t slots;	       /* -j; 0: not said */
	bool load_limited;     /* -l */
	double load;
	enum slot_offer jobserver;  /* how children are offered slots, where their step does not say */
	const struct makeflags *above; /* of the make that started us; NULL: none did */
	struct slots_debt *debt;       /* kept up to date while it runs; NULL: nobody wants to know */
	bool keep_going;
	uint32_t fail_limit;   /* -k N */
	bool fail_fast;	       /* the first failure stops what runs */
	bool ignore_failures;  /* -i */
	bool always;	       /* -B */
	bool yes;	       /* -y: approvals declared `auto` */
	const char *person;    /* sits at standard input and can be asked to approve; NULL: nobody does */
	bool no_wait;	       /* --no-wait: a lock that is held is a failure */
	int64_t wait_ms;       /* --wait: so long, where the step does not say; 0: as long as it takes */
	bool touch;	       /* -t */
	struct text_span what_if, old; /* -W, -o */
	bool shuffle;
	uint64_t seed;
	struct text_span only, from, until, skip;
	int64_t timeout_ms;    /* of the whole run; 0 = none */
	int64_t deadline_ms;   /* wall time at which it has to have ended; 0 = none */
	bool overlap_given;    /* --on-overlap: instead of what the target's job says */
	enum overlap overlap;
	const char *ledger;    /* NULL: .orchmake/ledger.db below the Jobfile's folder */
	bool no_ledger;
	const char *log_dir;   /* NULL: .orchmake/logs */
	const char *command;   /* the command line, for history */
	const char *echo_from; /* commands are told as somebody in that folder could paste them; NULL: not at all */
	const char *version;
	unsigned debug;	       /* -d: topics of engine/debug.h, as bits */
	void (*debug_line)(void *ctx, const char *text);
	void (*say)(void *ctx, const char *text); /* a sentence for the user that is nobody's event; may be NULL */
	void *say_ctx;
	const char *resumes;   /* id of the run this one goes on with; NULL: none */
	struct ledger *past;   /* where that is read from, in engine_new and engine_outlook; borrowed; may be there without it */
	struct review *hold;   /* the run is held to it: engine/review.h; NULL: it is free */
	bool chosen_only;      /* of it, only these are run again (none: those that failed) and, downstream, what comes behind */
	struct text_span again;
	bool downstream;
	int64_t now_ms;	       /* what today() and now() say; 0: the start */
	const struct image_request *image; /* an image of the run may be made, and used: engine/image.h; NULL: not */
	struct text_span files; /* -f, for whoever goes on with the run */
	const char *libexec;   /* where orchmake-warden, -op and -data are */
	bool env_wins;		    /* -e: environ wins over what the documents set */
	const char *const *environ; /* NULL-terminated: what the process got */
};

/* Exit codes: design.md section 4. */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_RUN_FAILED = 1,
	EXIT_USAGE_ERROR = 2,
	EXIT_STALE_PLAN = 3,
	EXIT_WAITING = 4,
	EXIT_LEDGER = 5,
	EXIT_BUSY = 75,
	EXIT_TIMED_OUT = 124,
	EXIT_SIGNAL = 128,
};

#endif
