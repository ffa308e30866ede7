/*
 * Steps that are with the warden before there is a slot for them: each begins in the place of one that ends well, so that
 * the slot does not stand empty for the way to the driver and back.  What may be held is the schedule's to say
 * (schedule_ahead.c), and here what its command was made of.  The intent is in the ledger before it is handed over,
 * as of any other; that it has started is not said before that is known.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "base/vec.h"
#include "engine/engine_impl.h"
#include "engine/program.h"
#include "sys/makeflags.h"

struct ahead {
	uint32_t serial;
	struct composed c;
};

/*
 * Not where every start is asked of somebody again: of the disk, the machine's load, a make above, a review, an earlier
 * run.
 */
bool engine_holds_ahead(const struct engine *e)
{
	const struct makeflags *m = e->o->above;
	bool above = m && (m->auth == AUTH_PAIR || m->auth == AUTH_FIFO);

	return !e->jf->ledger.synced && !e->o->load_limited && !above && !e->o->hold && !e->o->resumes;
}

/* What other steps may change meanwhile is none of what it is made of. */
static bool is_settled(const struct composed *c)
{
	const char *stage;

	return !c->looks && !c->n_own && c->input_fd < 0 && !program_missing(c->r.argv, c->r.envp, c->r.cwd, &stage);
}

static void hand_over(struct engine *e, const struct action *act, struct composed *c)
{
	uint32_t serial = e->note[act->unit].serial;
	struct attempt *a = attempt_of(e, serial);

	c->r.held = true;
	c->r.plain = act->plain;
	engine_prepare_attempt(e, act->unit, a, c);
	VEC_PUSH(e->ahead, e->n_ahead, e->room_ahead, ((struct ahead){serial, *c}));
	/* Its descriptors lie in the composition, which has moved. */
	e->ahead[e->n_ahead - 1].c.r.fds = e->ahead[e->n_ahead - 1].c.fds;
	if (e->exec->ops->start(e->exec, &e->ahead[e->n_ahead - 1].c.r) < 0)
		engine_held_back(e, serial, true);
}

/* What cannot be held says so when it is its turn. */
void engine_hold(struct engine *e, const struct action *act)
{
	const struct note *n = &e->note[act->unit];
	struct buf why = BUF_INIT;
	struct composed c;

	if (!n->has_intent)
		(void)record_intents(e, act->unit);
	if (e->broken || (e->ledger && !n->marked)) {
		schedule_returned(e->s, act->unit, true);
	} else if (engine_compose(e, act->unit, n->serial, act->attempt, &c, &why) && is_settled(&c)) {
		hand_over(e, act, &c);
	} else {
		composed_release(&c);
		schedule_returned(e->s, act->unit, true);
	}
	buf_release(&why);
}

void engine_recall(struct engine *e)
{
	(void)e->exec->ops->recall(e->exec);
}

static struct ahead *find(const struct engine *e, uint32_t serial)
{
	for (size_t i = 0; i < e->n_ahead; i++)
		if (e->ahead[i].serial == serial)
			return &e->ahead[i];
	return NULL;
}

bool engine_is_held(const struct engine *e, uint32_t serial)
{
	return find(e, serial) != NULL;
}

static void forget(struct engine *e, struct ahead *h)
{
	size_t behind = (size_t)(e->ahead + --e->n_ahead - h);

	composed_release(&h->c);
	memmove(h, h + 1, behind * sizeof(*h));
}

void engine_held_begins(struct engine *e, uint32_t serial, int64_t start_mono_ns)
{
	struct ahead *h = find(e, serial);
	struct attempt *a = attempt_of(e, serial);

	BUG_UNLESS(h);
	schedule_begun(e->s, a->unit);
	engine_news(e); /* what has become of the other is told first */
	e->note[a->unit].has_intent = false;
	a->start_mono_ns = start_mono_ns;
	a->start_wall_ms = stamp_wall_ms() - (stamp_mono_ns() - start_mono_ns) / NS_PER_MS;
	engine_attempt_begins(e, a->unit, a, &h->c);
	forget(e, h);
}

static void drop_path(char **path)
{
	free(*path);
	*path = NULL;
}

void engine_held_back(struct engine *e, uint32_t serial, bool unfit)
{
	struct ahead *h = find(e, serial);
	struct attempt *a = attempt_of(e, serial);

	BUG_UNLESS(h);
	forget(e, h);
	slots_returned(e, a);
	log_end(e, a, 0, STATE_SUCCEEDED); /* nobody has written to it */
	drop_path(&a->log);
	drop_path(&a->out);
	drop_path(&a->err);
	drop_path(&a->output);
	schedule_returned(e->s, a->unit, unfit);
}

void engine_ahead_close(struct engine *e)
{
	while (e->n_ahead)
		forget(e, &e->ahead[e->n_ahead - 1]);
	free(e->ahead);
	e->ahead = NULL;
}
