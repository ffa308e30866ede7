/*
 * Plans as storacle.submit takes them, checked: every operation has a known
 * method, known and complete parameters, and the stores it needs.
 */
#ifndef STORE_PLAN_H
#define STORE_PLAN_H

#include "store/method.h"
#include "store/op.h"

struct plan_op {
	enum method method;
	const char *id;	      /* as the plan says; "" if it does not */
	const json_t *raw_id; /* the same as JSON, or NULL */
	const json_t *params;
	const struct store *store; /* NULL: file.write; bq.execute without a dataset */
	size_t plan, index;	   /* from 0 */
};

struct plans {
	const json_t **plan; /* borrowed */
	size_t n_plans, room_plans;
	struct plan_op *op; /* of all plans, in order */
	size_t n, room;
	struct store_set set; /* what they write to */
};

/* What a compiler of intents answers holds its plan inside, as {plan, diff, plan_hash}: that, or given itself. */
const json_t *plan_inside(const json_t *given);

/*
 * Read one plan or a list of plans; releases nothing on failure.  The plans and the world
 * have to outlive p.  A file that sqlite.sync names by path becomes a store of the world.
 */
bool plans_read(struct plans *p, struct op_world *w, const json_t *given, struct fault *f);
void plans_release(struct plans *p);

/* `plan 2, operation 3 (bq.upsert 'w3')`; the caller frees.  One plan alone is not counted. */
char *plan_op_place(const struct plans *p, const struct plan_op *op);

#endif
