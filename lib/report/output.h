/*
 * What steps print, shown while the run goes on.  Steps write into their logs themselves; here the logs are read:
 * as they grow, or when an attempt or a whole job has ended.  What is shown is harmless (tty.h) and, but for NONE,
 * whole lines of one step at a time; the logs stay as they are.
 */
#ifndef REPORT_OUTPUT_H
#define REPORT_OUTPUT_H

#include <stdbool.h>

#include "base/span.h"
#include "job/expand.h"
#include "run/event.h"

enum output_mode {
#define OUTPUT(id, word, sentence) OUTPUT_##id,
#include "report/output.def"
#undef OUTPUT
	OUTPUT_COUNT,
};

struct output_options {
	enum output_mode mode;
	bool colour;
	/* To be shown now: whole lines, but of NONE. */
	void (*write)(void *ctx, struct span text);
	void *ctx;
};

struct output;

struct output *output_new(const struct output_options *o);
void output_free(struct output *o); /* NULL is fine */

/* The run's instances and the folder of its logs, both borrowed. */
void output_begin(struct output *o, const struct expansion *x, const char *log_dir);

/*
 * A descriptor that is readable when a log that is followed may have grown; -1: none, and then output_follow is to be
 * called now and then, if output_follows().
 */
int output_fd(const struct output *o);
bool output_follows(const struct output *o);
/* Show what has come; true: there is more. */
bool output_follow(struct output *o);

/* Before an event is told: an attempt has begun, or what one that has ended has written last is shown. */
void output_before(struct output *o, const struct run_event *e);
/* Whether output_after will show something of that step. */
bool output_has(const struct output *o, uint32_t unit);
/* So many bytes of a failure's text as do not repeat the last line of what output_after will show. */
size_t output_news(const struct output *o, uint32_t unit, const char *error);
/* After it has been told: what is kept together is shown. */
void output_after(struct output *o, const struct run_event *e);

/* Or what was to be kept together is left in the log. */
void output_forget(struct output *o, uint32_t unit);

/* The run has ended: whatever has not been shown yet. */
void output_end(struct output *o);

#endif
