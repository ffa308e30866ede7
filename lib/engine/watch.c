#include "engine/watch.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "base/vec.h"
#include "engine/debug.h"
#include "engine/engine_impl.h"
#include "engine/rights.h"
#include "ledger/ledger_read.h"

enum watch_kind { WATCH_DEADLINE, WATCH_UNTIL, WATCH_LOCK, WATCH_STALL, WATCH_SLOW };

struct watch {
	int64_t due_ns;
	enum watch_kind kind;
	uint32_t no;	/* DEADLINE, UNTIL, LOCK: a unit; STALL, SLOW: a serial */
	int64_t seen;	/* STALL: bytes of output at the last look */
};

/* --- a heap, the next one first ------------------------------------------------------------------------ */

static void swap(struct watch *a, struct watch *b)
{
	struct watch t = *a;

	*a = *b;
	*b = t;
}

static void add(struct engine *e, struct watch w)
{
	size_t at = e->n_watches;

	VEC_PUSH(e->watch, e->n_watches, e->room_watches, w);
	for (; at && e->watch[at].due_ns < e->watch[(at - 1) / 2].due_ns; at = (at - 1) / 2)
		swap(&e->watch[at], &e->watch[(at - 1) / 2]);
}

static struct watch take(struct engine *e)
{
	struct watch first = e->watch[0];
	size_t at = 0, kid;

	e->watch[0] = e->watch[--e->n_watches];
	for (; (kid = 2 * at + 1) < e->n_watches; at = kid) {
		if (kid + 1 < e->n_watches && e->watch[kid + 1].due_ns < e->watch[kid].due_ns)
			kid++;
		if (e->watch[at].due_ns <= e->watch[kid].due_ns)
			break;
		swap(&e->watch[at], &e->watch[kid]);
	}
	return first;
}

/* --- deadlines ------------------------------------------------------------------------------------------ */

static void add_deadline(struct engine *e, uint32_t unit, int64_t ms)
{
	if (ms)
		add(e, (struct watch){.due_ns = e->start_mono_ns + ms * NS_PER_MS, .kind = WATCH_DEADLINE, .no = unit});
}

static int64_t deadline_of_group(const struct bundle *b)
{
	if (b->kind == BUNDLE_JOB || b->kind == BUNDLE_COMPOSITE)
		return b->job->t.policy->deadline_ms;
	return b->kind == BUNDLE_CALL ? b->step->t.policy->deadline_ms : 0;
}

void watch_deadlines(struct engine *e, uint32_t first_unit, uint32_t first_group)
{
	const struct graph *g = e->x->graph;

	for (uint32_t u = first_unit; u < g->n_units; u++)
		if (g->unit[u].kind == UNIT_STEP)
			add_deadline(e, u, e->x->place[u].step->t.policy->deadline_ms);
	for (uint32_t i = first_group; i < g->n_groups; i++)
		add_deadline(e, g->group[i].end, deadline_of_group(&e->x->bundle[i]));
}

static void expire(struct engine *e, uint32_t unit, enum reason why)
{
	struct note *n = &e->note[unit];

	if (state_is_final(schedule_state(e->s, unit)))
		return;
	if (e->x->graph->unit[unit].kind == UNIT_STEP && schedule_state(e->s, unit) != STATE_RUNNING) {
		free(n->error); /* of an attempt before */
		n->error = xstrdup(reason_sentence(why));
	}
	schedule_expire(e->s, unit, why);
}

/* --- silence --------------------------------------------------------------------------------------------- */

/* Bytes at path, and how long ago the last of them came. */
static void look(const char *path, int64_t *bytes, int64_t *age_ns)
{
	struct stat st;
	int64_t age;

	if (!path || stat(path, &st) < 0)
		return;
	*bytes += st.st_size;
	age = (stamp_wall_ms() - (int64_t)st.st_mtim.tv_sec * MS_PER_S) * NS_PER_MS - st.st_mtim.tv_nsec;
	if (age < *age_ns)
		*age_ns = age;
}

/*
 * One look each time the silence might have lasted long enough.  Whether there was output is asked of the sizes:
 * the wall clock, which may jump, only says when to look again.
 */
static void look_for_output(struct engine *e, struct watch w)
{
	struct attempt *a = attempt_of(e, w.no);
	int64_t limit = e->x->place[a->unit].step->t.policy->stall_ms * NS_PER_MS, bytes = 0, age = limit;

	look(a->log, &bytes, &age);
	look(a->out, &bytes, &age);
	look(a->err, &bytes, &age);
	if (bytes == w.seen) {
		a->stopped = STOPPED_STALL;
		debug(e, DEBUG_KILL, "TERM, and KILL after its grace, to %s", debug_unit(e, a->unit));
		(void)e->exec->ops->stop(e->exec, w.no, STOP_TERM);
		return;
	}
	w.seen = bytes;
	w.due_ns = stamp_mono_ns() + limit - (age > 0 && age < limit ? age : 0);
	add(e, w);
}

/* --- slowness --------------------------------------------------------------------------------------------- */

static int64_t slow_ms(struct engine *e, uint32_t unit, const struct slow_spec *slow)
{
	struct buf name = BUF_INIT;
	double ms;

	if (slow->share <= 0 || !e->ledger)
		return slow->ms;
	expansion_unit_name(e->x, unit, &name);
	ms = ledger_duration_p95_ms(e->ledger, name.data) * slow->share;
	buf_release(&name);
	return ms > 0 && ms < 1 ? 1 : (int64_t)ms;
}

static void watch_slow(struct engine *e, uint32_t serial, const struct step *st)
{
	struct attempt *a = attempt_of(e, serial);

	a->slow_ms = slow_ms(e, a->unit, &st->t.policy->slow);
	if (a->slow_ms)
		add(e, (struct watch){.due_ns = a->start_mono_ns + a->slow_ms * NS_PER_MS, .kind = WATCH_SLOW,
				      .no = serial});
}

/* Once a step, whatever number of attempts. */
static void say_slow(struct engine *e, uint32_t serial)
{
	struct attempt *a = attempt_of(e, serial);

	if (e->note[a->unit].said_slow)
		return;
	e->note[a->unit].said_slow = true;
	record_event(e, EVENT_STEP_SLOW, a->unit, NULL);
	hooks_fire(e, HOOK_SLOW, a->unit);
}

void watch_lock(struct engine *e, uint32_t unit, int64_t ms)
{
	add(e, (struct watch){.due_ns = stamp_mono_ns() + ms * NS_PER_MS, .kind = WATCH_LOCK, .no = unit});
}

/* --- all --------------------------------------------------------------------------------------------------- */

void watch_started(struct engine *e, uint32_t serial)
{
	const struct attempt *a = attempt_of(e, serial);
	const struct step *st = e->x->place[a->unit].step;
	const struct until_spec *until = st->t.act->kind == ACT_UNTIL ? st->t.act->until : NULL;

	if (until && until->timeout_ms && a->number == 1)
		add(e, (struct watch){.due_ns = a->start_mono_ns + until->timeout_ms * NS_PER_MS, .kind = WATCH_UNTIL,
				      .no = a->unit});
	if (st->t.policy->stall_ms)
		add(e, (struct watch){.due_ns = a->start_mono_ns + st->t.policy->stall_ms * NS_PER_MS, .kind = WATCH_STALL,
				      .no = serial});
	if ((st->t.policy->slow.ms || st->t.policy->slow.share > 0) && !e->note[a->unit].said_slow)
		watch_slow(e, serial, st);
}

static void carry_out(struct engine *e, struct watch w)
{
	if (w.kind == WATCH_DEADLINE)
		expire(e, w.no, REASON_DEADLINE);
	else if (w.kind == WATCH_UNTIL)
		expire(e, w.no, REASON_UNTIL_TIMEOUT);
	else if (w.kind == WATCH_LOCK)
		rights_give_up(e, w.no);
	else if (!attempt_of(e, w.no) || !attempt_of(e, w.no)->running)
		return;
	else if (w.kind == WATCH_STALL)
		look_for_output(e, w);
	else
		say_slow(e, w.no);
}

void watch_turn(struct engine *e)
{
	while (e->n_watches && e->watch[0].due_ns <= stamp_mono_ns())
		carry_out(e, take(e));
}

int64_t watch_due_ms(const struct engine *e)
{
	int64_t left;

	if (!e->n_watches)
		return -1;
	left = e->watch[0].due_ns - stamp_mono_ns();
	return left > 0 ? (left + NS_PER_MS - 1) / NS_PER_MS : 0;
}

void watch_close(struct engine *e)
{
	free(e->watch);
	e->watch = NULL;
	e->n_watches = 0;
}
