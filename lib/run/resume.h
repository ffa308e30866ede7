/*
 * What of an earlier run stands?  The decision alone: what the chain of runs that is resumed has of a step,
 * what the step would be now, and what its needs have become go in; an answer with its reason comes out.
 *
 * Runs of a chain are counted from its first, 1; the one that resumes is the last.  A unit's age is the number of
 * the run in which it, or what it waits for, was last carried out: what a success came before does not stand on it.
 */
#ifndef RUN_RESUME_H
#define RUN_RESUME_H

#include "base/buf.h"
#include "job/jobfile.h"
#include "run/fresh.h"
#include "run/schedule.h"

/* A start as the ledger keeps it with its step: the hashes of the command and of the values it consumed. */
void resume_mark_format(struct buf *out, const struct fresh_mark *m);
/* False for what is none, such as the record of a step with a rule of freshness. */
bool resume_mark_parse(struct fresh_mark *ret, const char *text);

/* What one run of the chain says of a step. */
struct resume_row {
	uint32_t run; /* in the chain */
	enum state state;
	enum reason reason;
	uint32_t attempts;
};

/* It was tried there, or settled by itself: then that run is the one to go by.  Else an older one may say more. */
bool resume_row_decides(const struct resume_row *r);
/* It stands there for what an older run did. */
bool resume_row_refers(const struct resume_row *r);

struct resume_facts {
	bool always;	     /* -B */
	const char *what_if; /* -W, and what it named; NULL: no */
	bool again;	     /* retry asked for it */
	bool known;	     /* the chain has it */
	bool renamed;	     /* it has one of its name, with other params */
	struct resume_row row;
	bool marked;	     /* then says something */
	struct fresh_mark then, now; /* only command and values count */
	bool has_values;     /* what it gives to others is known, or it gives nothing */
	uint32_t needs_age;  /* of the youngest it waits for; 0: none was carried out */
	const char *missing; /* an output that is not there; NULL: none */
	const char *newer;   /* an input that has changed since; NULL: none */
	enum on_lost on_lost;
};

enum resume_answer { RESUME_REUSE, RESUME_RUN, RESUME_FAIL, RESUME_ASK };

struct resume_verdict {
	enum resume_answer answer;
	enum reason why;
	const char *cause; /* what the reason's %s stands for, borrowed from the facts; NULL: who asks knows it: the run,
			    * the need, the state */
};

struct resume_verdict resume_judge(const struct resume_facts *f);

#endif
