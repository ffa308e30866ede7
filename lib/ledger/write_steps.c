/* What is queued of steps, and of what they were made from. */
#include <string.h>

#include "base/bug.h"
#include "ledger/ledger_impl.h"

enum { KNOWN_BITS = 64 };

/* Remember that unit of run has a row. */
static void know(struct ledger *l, int64_t run, uint32_t unit)
{
	size_t word = unit / KNOWN_BITS;

	if (l->known_run != run) {
		l->known_run = run;
		l->n_known = 0;
	}
	if (word >= l->n_known) {
		size_t n = word < 64 ? 128 : 2 * word;

		l->known = xreallocarray(l->known, n, sizeof(*l->known));
		memset(l->known + l->n_known, 0, (n - l->n_known) * sizeof(*l->known));
		l->n_known = n;
	}
	l->known[word] |= (uint64_t)1 << unit % KNOWN_BITS;
}

bool step_is_known(const struct ledger *l, int64_t run, uint32_t unit)
{
	size_t word = unit / KNOWN_BITS;

	return run == l->known_run && word < l->n_known &&
	       (l->known[word] & (uint64_t)1 << unit % KNOWN_BITS);
}

static void queue_step_end(struct ledger *l, const struct ledger_step_end *e)
{
	queue_state(l, e->state);
	queue_reason(l, e->reason);
	queue_text(l, e->cause);
	queue_text(l, e->error);
	queue_int(l, e->degraded);
	queue_int_or(l, e->exit_code, -1);
	queue_int_or(l, e->signal, 0);
	queue_int(l, e->attempts);
	queue_int_or(l, e->wall_ms, -1);
	queue_int_or(l, e->duration_ms, -1);
	queue_text(l, e->result);
	queue_text(l, e->fingerprint);
}

static void keep_fingerprint(struct ledger *l, int64_t run, uint32_t unit, const struct ledger_step_end *e)
{
	if (!e->fingerprint || e->state != STATE_SUCCEEDED)
		return;
	queue_op(l, STMT_FINGERPRINT_OF_STEP);
	queue_int(l, id_of(run, unit));
	queue_text(l, e->fingerprint);
	queue_int(l, e->wall_ms);
}

void ledger_step(struct ledger *l, int64_t run, const struct ledger_step *s)
{
	static const struct ledger_step_end pending = {.state = STATE_PENDING, .reason = REASON_NONE, .exit_code = -1,
						       .wall_ms = -1, .duration_ms = -1};
	const struct ledger_step_end *end = s->end ? s->end : &pending;

	/* Only for a step that no run had before: queue_run(). */
	queue_op(l, STMT_INSTANCE_ADD);
	queue_text(l, s->key);
	queue_text(l, s->name);
	queue_text(l, s->job);
	queue_text(l, s->step);
	queue_text(l, s->cell);

	queue_op(l, STMT_STEP_ADD);
	queue_int(l, id_of(run, s->unit));
	queue_int_or(l, s->group, GROUP_NONE);
	queue_int(l, s->critical);
	queue_instance(l);
	queue_step_end(l, end);
	keep_fingerprint(l, run, s->unit, end);
	know(l, run, s->unit);
}

static void queue_range(struct ledger *l, int64_t run, const struct ledger_range *r, uint32_t at, uint32_t n)
{
	queue_op(l, STMT_STEPS_ADD);
	queue_int(l, id_of(run, r->unit + at));
	queue_int(l, n);
	queue_int_or(l, r->group, GROUP_NONE);
	queue_int(l, r->critical);
	queue_int(l, r->instance + at);
	queue_state(l, r->state);
	queue_reason(l, r->reason);
	queue_int(l, r->wall_ms);

	queue_op(l, STMT_EVENTS_ADD);
	queue_int(l, id_of(run, r->seq + at));
	queue_int(l, n);
	queue_int(l, l->words.event[r->kind]);
	queue_int(l, r->wall_ms);
	queue_int(l, r->mono_ns);
	queue_int(l, r->unit + at);
	queue_state(l, r->state);
	queue_reason(l, r->reason);
}

void ledger_range(struct ledger *l, int64_t run, const struct ledger_range *r)
{
	uint32_t n;

	BUG_UNLESS(r->state < STATE_COUNT && state_is_final(r->state) && state_is_ok(r->state) && r->kind < EVENT_COUNT);
	for (uint32_t at = 0; at < r->n; at += n) {
		n = RANGE_MOST - (uint32_t)((r->instance + at) % RANGE_MOST);
		n = n < r->n - at ? n : r->n - at;
		queue_range(l, run, r, at, n);
	}
}

void ledger_step_key(struct ledger *l, int64_t run, uint32_t unit, const char *key)
{
	queue_op(l, STMT_INSTANCE_RENAME);
	queue_int(l, id_of(run, unit));
	queue_text(l, key);
	queue_op(l, STMT_STEP_KEY);
	queue_int(l, id_of(run, unit));
	queue_text(l, key);
}

void ledger_step_state(struct ledger *l, int64_t run, uint32_t unit, enum state state,
		       enum reason reason, const char *cause)
{
	BUG_UNLESS(state < STATE_COUNT && !state_is_final(state));
	queue_op(l, STMT_STEP_STATE);
	queue_int(l, id_of(run, unit));
	queue_state(l, state);
	queue_reason(l, reason);
	queue_text(l, cause);
}

void ledger_step_settled(struct ledger *l, int64_t run, uint32_t unit, const struct ledger_step_end *e)
{
	BUG_UNLESS(e->state < STATE_COUNT && state_is_final(e->state));
	queue_op(l, STMT_STEP_END);
	queue_int(l, id_of(run, unit));
	queue_step_end(l, e);
	keep_fingerprint(l, run, unit, e);
}

void ledger_fingerprint(struct ledger *l, const char *key, const char *fingerprint, int64_t wall_ms)
{
	if (!fingerprint) {
		queue_op(l, STMT_FINGERPRINT_CLEAR);
		queue_text(l, key);
		return;
	}
	queue_op(l, STMT_FINGERPRINT_SET);
	queue_text(l, key);
	queue_text(l, fingerprint);
	queue_int(l, wall_ms);
}

void ledger_step_fingerprint(struct ledger *l, int64_t run, uint32_t unit, const char *fingerprint,
			     int64_t wall_ms)
{
	queue_op(l, STMT_FINGERPRINT_STEP);
	queue_int(l, id_of(run, unit));
	queue_text(l, fingerprint);
	queue_op(l, STMT_FINGERPRINT_OF_STEP);
	queue_int(l, id_of(run, unit));
	queue_text(l, fingerprint);
	queue_int(l, wall_ms);
}

void ledger_step_mark(struct ledger *l, int64_t run, uint32_t unit, const char *mark)
{
	queue_op(l, STMT_STEP_MARK);
	queue_int(l, id_of(run, unit));
	queue_text(l, mark);
}

void ledger_file(struct ledger *l, const struct ledger_file *f)
{
	queue_op(l, STMT_FILE_SET);
	queue_text(l, f->path);
	queue_int(l, (int64_t)f->id.device);
	queue_int(l, (int64_t)f->id.inode);
	queue_int(l, f->id.size_bytes);
	queue_int(l, f->id.mtime_ns);
	queue_int(l, f->id.ctime_ns);
	queue_int(l, (int64_t)f->hash);
	queue_int(l, f->since_wall_ms);
}
