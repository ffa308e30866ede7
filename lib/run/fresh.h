/*
 * Has a step anything to do?  The decision alone: what was, what is, and the rule go in; an answer
 * with its reason comes out.  Who reads files and ledgers is not told here.
 *
 * A mark is what a success was made from: one hash for the command (with its parameters and its declared
 * environment), one for the values it consumed, one for the contents it read, one for those it left.
 */
#ifndef RUN_FRESH_H
#define RUN_FRESH_H

#include "base/buf.h"
#include "job/jobfile.h"
#include "run/schedule.h"

struct fresh_mark {
	uint64_t command, values, inputs, outputs;
};

/* As the ledger keeps it. */
void fresh_mark_format(struct buf *out, const struct fresh_mark *m);
/* The record of a step from its start until it has succeeded. */
extern const char fresh_begun[];
/* The record of a success that does not count, because the input `path` changed meanwhile. */
void fresh_moved_format(struct buf *out, const char *path);

struct fresh_record {
	bool known; /* there is one, and this program can read it */
	struct fresh_mark mark;
	bool begun;	   /* it was started, and did not succeed */
	const char *moved; /* an input that changed while it ran: the mark says nothing.  Inside the text. */
	int64_t wall_ms;
};
void fresh_record_parse(struct fresh_record *ret, const char *text, int64_t wall_ms);

/* Sixteen digits as a mark has them, and what has to be behind them; *at is then behind that. */
bool fresh_take_hash(const char **at, char behind, uint64_t *ret);

/* A file that stands out, and when it was changed. */
struct fresh_file {
	const char *name; /* NULL: none */
	int64_t mtime_ns;
};

struct fresh_facts {
	struct fresh_spec rule; /* kind never DEFAULT */
	bool always;		/* -B */
	const char *what_if;	/* -W, and what it named; NULL: no */
	struct fresh_record then;
	struct fresh_mark now;	/* inputs and outputs once `looked` */
	bool looked;		/* contents have been compared */
	enum probe_says { PROBE_SILENT, PROBE_DONE, PROBE_TODO } probe; /* SILENT: it has not been asked */
	const char *probe_end; /* TODO: how it ended */
	const char *missing;	/* an output that is not there; NULL: none */
	const char *changed_input, *changed_output; /* once looked: one whose content is another; NULL: unknown */
	struct fresh_file newest_input, oldest_output;
	int64_t now_wall_ms;
};

enum fresh_answer {
	FRESH_SAYS_RUN,
	FRESH_SAYS_DONE,
	FRESH_SAYS_LOOK, /* the contents decide, or the probe */
};

struct fresh_verdict {
	enum fresh_answer answer;
	enum reason why;
	const char *cause; /* what the reason's %s stands for, borrowed from the facts; NULL: none, or the rule's */
};

struct fresh_verdict fresh_judge(const struct fresh_facts *f);

/* --- what a run would do, for those who only ask ---------------------------------------------------- */

enum outlook_kind {
	OUTLOOK_RUN,
	OUTLOOK_MAYBE, /* runs if what it reads comes out different */
	OUTLOOK_DONE,
	OUTLOOK_OUT,   /* left out by the command line */
};

struct outlook {
	uint8_t kind;
	uint8_t why;  /* enum reason; NONE: it always runs */
	bool asks;    /* it was lost, and somebody has to say whether it may run again */
	char *cause;  /* owned; MAYBE: the file, or the step whose values count */
};

static inline bool outlook_would_run(const struct outlook *o)
{
	return o->kind == OUTLOOK_RUN || o->kind == OUTLOOK_MAYBE;
}

#endif
