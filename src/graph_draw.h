/*
 * What waits for what, drawn: steps and jobs as nodes, needs as edges.  Gates between them are walked through, and
 * an edge that two others say already is left out, so that what is drawn is what a person thinks of.  A job with steps
 * comes after its steps.
 */
#ifndef SRC_GRAPH_DRAW_H
#define SRC_GRAPH_DRAW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/map.h"
#include "job/expand.h"
#include "run/schedule.h"

struct drawn_edge {
	uint32_t from, to; /* units */
	bool order_only;
	bool said; /* by two others; gone once the drawing is ready */
};

struct drawing {
	const struct expansion *x;
	char **name;	    /* by unit; NULL: it is not drawn */
	enum state *state;  /* by unit, of a run that was; STATE_COUNT: not known */
	struct map by_name; /* to the place in state */
	struct drawn_edge *edge;
	size_t n_edges, room_edges;
};

/* Borrows x. */
void drawing_init(struct drawing *g, const struct expansion *x);
void drawing_release(struct drawing *g);
/* What became of the step or job of that name. */
void drawing_tell(struct drawing *g, const char *name, enum state state);

void draw_tree(const struct drawing *g, struct buf *out, bool colour);
void draw_dot(const struct drawing *g, struct buf *out);
void draw_mermaid(const struct drawing *g, struct buf *out);
json_t *draw_json(const struct drawing *g); /* new reference */

#endif
