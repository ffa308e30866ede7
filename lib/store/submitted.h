/*
 * What has been submitted under which key: a table beside what was written, in every store that the plans write
 * to, filled in the transaction of the writes.  So a key is known if, and only if, its writes are there.
 */
#ifndef STORE_SUBMITTED_H
#define STORE_SUBMITTED_H

#include "base/digest.h"
#include "store/plan.h"

struct submitted {
	const char *key;
	struct digest content; /* of what the plans want, without what the clock or the run put into them */
};

void submitted_init(struct submitted *s, const char *key, const struct plans *plans);

/*
 * Whether the key is known: *ret_answer is then what was answered, a new reference, else NULL.  The same key with
 * other content is a failure.
 */
bool submitted_look(const struct submitted *s, struct session *in, json_t **ret_answer, struct fault *f);

/* Remember it, and the answer, in the session's transaction. */
bool submitted_note(const struct submitted *s, struct session *in, const struct op_world *w, const json_t *answer,
		    struct fault *f);

#endif
