/*
 * Who is told about a run while it goes: progress on a terminal, plain lines, JSON
 * lines.  The engine tells after the ledger knows.  A sink keeps nothing it was given
 * longer than the call.
 */
#ifndef REPORT_SINK_H
#define REPORT_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "job/expand.h"
#include "run/event.h"

struct sink;

struct run_info {
	const char *run;    /* its id */
	const char *target; /* as asked, joined with blanks */
	const char *root;   /* the project's folder */
	const char *log_dir;/* of this run, relative to root where it is below it */
	uint32_t slots;
	int64_t start_wall_ms, start_mono_ns;
	const struct expansion *expansion; /* NULL: the run did not need one; then only what is wanted is told */
};

/* One that runs now, for progress and heartbeat. */
struct running {
	const char *name;
	uint32_t unit, attempt;
	int64_t start_mono_ns;
	int64_t timeout_ms;  /* 0: none */
	int64_t expected_ms; /* 0: unknown */
};

struct run_status {
	int64_t mono_ns;
	uint32_t n_total, n_settled, n_running, n_failed;
	const struct running *running; /* longest first */
	int64_t eta_ms;		       /* -1: unknown */
	const char *held;	       /* why nothing more starts; NULL: it does */
};

/* A failure, for the summary. */
struct run_failure {
	const char *name, *error;
	const char *log; /* path, or NULL */
	enum state state;
};

struct run_summary {
	const char *run, *target;
	enum state state; /* SUCCEEDED, FAILED, CANCELED, TIMED_OUT */
	bool degraded;
	int64_t duration_ms;
	uint32_t by_state[STATE_COUNT]; /* of steps */
	const struct run_failure *failure;
	uint32_t n_failures;
	bool has_ledger;      /* `orchmake show` and `logs` will work */
};

/* Of a run in which nothing is started. */
enum sink_wants {
	SINK_WANTS_ALL,
	SINK_WANTS_JOBS, /* event_is_of_job() */
	SINK_WANTS_END,
};

struct sink_ops {
	void (*begin)(struct sink *s, const struct run_info *i);
	void (*event)(struct sink *s, const struct run_event *e);
	/* Called about every interval_ms while something runs; NULL: never. */
	void (*tick)(struct sink *s, const struct run_status *st);
	/* The person at the terminal is asked to approve this step, and types a line.  step NULL: he has; "": he need not any more. */
	void (*ask)(struct sink *s, const char *step);
	void (*end)(struct sink *s, const struct run_summary *sum);
	void (*free)(struct sink *s);
	int64_t interval_ms; /* 0: no ticks; asked for after begin */
	enum sink_wants wants;
	/* After begin, a descriptor: when it is readable there is more to show, and ready is called soon, and again
	 * for as long as it returns true.  Both NULL: there is none; so does -1 say. */
	int (*fd)(const struct sink *s);
	bool (*ready)(struct sink *s);
};

struct sink {
	const struct sink_ops *ops;
};

struct sinks {
	struct sink **at;
	size_t n, room;
};

void sinks_add(struct sinks *l, struct sink *s); /* takes over; NULL is fine */
void sinks_begin(const struct sinks *l, const struct run_info *i);
void sinks_event(const struct sinks *l, const struct run_event *e);
void sinks_tick(const struct sinks *l, const struct run_status *st);
void sinks_ask(const struct sinks *l, const char *step);
void sinks_end(const struct sinks *l, const struct run_summary *sum);
void sinks_release(struct sinks *l);
enum sink_wants sinks_want(const struct sinks *l); /* the most that one of them does */
/* It is about what a person asks for: a job, or the step that is all of one. */
bool event_is_of_job(const struct expansion *x, const struct run_event *e);
int64_t sinks_interval_ms(const struct sinks *l); /* the shortest; 0: none */
/* Of the first that has one; NULL: none has. */
struct sink *sinks_watched(const struct sinks *l, int *ret_fd);

#endif
