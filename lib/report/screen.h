/*
 * How a run looks to a person: lines for what happened, and on a terminal a moving
 * part below them.  Talk goes to one stream (standard error).
 */
#ifndef REPORT_SCREEN_H
#define REPORT_SCREEN_H

#include <stdio.h>

#include "report/output.h"
#include "report/sink.h"
#include "report/tty.h"

enum screen_style {
	SCREEN_PLAIN, /* lines only, and a heartbeat */
	SCREEN_LIVE,  /* several moving lines */
	SCREEN_LINE,  /* one moving line */
};

struct screen_options {
	FILE *out;	/* borrowed */
	enum screen_style style;
	bool colour;
	bool silent;	/* failures only */
	bool verbose;	/* starts with their commands, reasons of what did not run */
	enum output_mode output; /* NONE: nothing moves, as it ends anywhere */
	int64_t heartbeat_ms; /* PLAIN: 0 = never */
	void (*size)(void *ctx, unsigned *ret_columns, unsigned *ret_rows); /* NULL: of the terminal */
	void *size_ctx;
};

struct sink *sink_screen(const struct screen_options *o);

/* Every event as one JSON line to out, flushed at once; close: close it at the end. */
struct sink *sink_events(FILE *out, bool close);

/* How a state looks, wherever it is coloured. */
enum tone state_tone(enum state st);

/* The last lines of the file at path, cleaned, each behind indent; at most n. */
void screen_tail(struct buf *out, const char *path, size_t n, const char *indent);

#endif
