/*
 * What would run (-n): every job in order, with its stage, its needs and the reason.
 * Looks at an expansion and at what is known of each unit; touches nothing.
 */
#ifndef REPORT_LISTING_H
#define REPORT_LISTING_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "job/expand.h"
#include "run/fresh.h"
#include "run/schedule.h"

struct listing_options {
	const char *target;  /* as asked */
	bool steps;	     /* the steps of jobs below composites as well */
	const struct outlook *outlook; /* by unit; NULL: everything runs that the command line does not leave out */
	/* Takes what the text has so far and empties it, now and then: a list of a million is never one text. */
	void (*pass_on)(void *ctx, struct buf *text); /* NULL: nobody does */
	void *ctx;
};

/* As text for people, appended; number of steps that would run. */
size_t listing_text(struct buf *out, const struct expansion *x, const struct schedule *s,
		    const struct listing_options *o);

/* The result document with what would run in it.  New reference. */
json_t *listing_json(const struct expansion *x, const struct schedule *s, const struct listing_options *o);

/* Steps that would run, or may: not fresh, and not left out by the command line. */
size_t listing_count(const struct expansion *x, const struct schedule *s, const struct outlook *outlook);

#endif
