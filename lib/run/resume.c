#include "run/resume.h"

#include <inttypes.h>
#include <string.h>

/* --- marks as text ------------------------------------------------------------------------------------ */

static const char MARK[] = "start 1 ";

void resume_mark_format(struct buf *out, const struct fresh_mark *m)
{
	buf_addf(out, "%s%016" PRIx64 " %016" PRIx64, MARK, m->command, m->values);
}

bool resume_mark_parse(struct fresh_mark *ret, const char *text)
{
	*ret = (struct fresh_mark){0};
	if (!text || strncmp(text, MARK, strlen(MARK)))
		return false;
	text += strlen(MARK);
	return fresh_take_hash(&text, ' ', &ret->command) && fresh_take_hash(&text, 0, &ret->values);
}

/* --- rows ----------------------------------------------------------------------------------------------- */

bool resume_row_refers(const struct resume_row *r)
{
	return r->state == STATE_CACHED && r->reason == REASON_RESUMED;
}

bool resume_row_decides(const struct resume_row *r)
{
	if (r->attempts || r->state == STATE_RUNNING)
		return true;
	/* One that was not run because it had been lost is still that. */
	return r->state == STATE_SUCCEEDED || (state_is_failure(r->state) && r->reason != REASON_LOST_BEFORE) ||
	       (r->state == STATE_CACHED && !resume_row_refers(r));
}

/* --- the decision ------------------------------------------------------------------------------------- */

static struct resume_verdict say(enum resume_answer a, enum reason why, const char *cause)
{
	return (struct resume_verdict){a, why, cause};
}

static struct resume_verdict run(enum reason why, const char *cause)
{
	return say(RESUME_RUN, why, cause);
}

/* Nobody saw how it ended: what that means is the step's to say. */
static struct resume_verdict judge_lost(const struct resume_facts *f)
{
	switch (f->on_lost) {
	case ON_LOST_RETRY:
		break;
	case ON_LOST_FAIL:
		return say(RESUME_FAIL, REASON_LOST_BEFORE, NULL);
	case ON_LOST_ASK:
		return say(RESUME_ASK, REASON_LOST_BEFORE, NULL);
	}
	return run(REASON_UNFINISHED, NULL);
}

/* A success: does it still stand? */
static struct resume_verdict judge_success(const struct resume_facts *f)
{
	if (!f->marked)
		return run(REASON_NO_RECORD, NULL);
	if (f->needs_age > f->row.run) /* what it would be now may depend on that, and was not asked */
		return run(REASON_NEED_RAN, NULL);
	if (f->then.command != f->now.command)
		return run(REASON_COMMAND_CHANGED, NULL);
	if (f->then.values != f->now.values)
		return run(REASON_VALUE_CHANGED, NULL);
	if (f->missing)
		return run(REASON_OUTPUT_MISSING, f->missing);
	if (f->newer)
		return run(REASON_INPUT_NEWER, f->newer);
	if (!f->has_values)
		return run(REASON_VALUES_GONE, NULL);
	return say(RESUME_REUSE, REASON_RESUMED, NULL);
}

struct resume_verdict resume_judge(const struct resume_facts *f)
{
	if (f->again)
		return run(REASON_RETRIED, NULL);
	if (f->always)
		return run(REASON_ALWAYS_MAKE, NULL);
	if (f->what_if)
		return run(REASON_WHAT_IF, f->what_if);
	if (!f->known)
		return run(f->renamed ? REASON_COMMAND_CHANGED : REASON_NEW_STEP, NULL);
	if (f->row.state == STATE_LOST)
		return judge_lost(f);
	if (f->row.state == STATE_SUCCEEDED || resume_row_refers(&f->row))
		return judge_success(f);
	return run(REASON_UNFINISHED, NULL);
}
