/* What is queued of attempts, of events, and of what steps leave. */
#include "base/bug.h"
#include "ledger/ledger_impl.h"

void ledger_attempt_intent(struct ledger *l, int64_t run, uint32_t serial, uint32_t unit, uint32_t number,
			   const char *mark)
{
	queue_op(l, STMT_ATTEMPT_ADD);
	queue_int(l, id_of(run, serial));
	queue_int(l, id_of(run, unit));
	queue_int(l, number);
	queue_text(l, mark);
}

void ledger_attempt_mark(struct ledger *l, int64_t run, uint32_t serial, const char *mark)
{
	queue_op(l, STMT_ATTEMPT_MARK);
	queue_int(l, id_of(run, serial));
	queue_text(l, mark);
}

void ledger_attempt_started(struct ledger *l, int64_t run, uint32_t serial,
			    const struct ledger_attempt_start *s)
{
	queue_op(l, STMT_ATTEMPT_START);
	queue_int(l, id_of(run, serial));
	queue_int(l, s->wall_ms);
	queue_int(l, s->mono_ns);
	queue_int_or(l, s->pid, 0);
	queue_text(l, s->command);
	queue_text(l, s->log);
	queue_int_or(l, s->log_offset, 0);
	queue_text(l, s->out);
	queue_int_or(l, s->timeout_ms, 0);
	queue_int_or(l, s->grace_ms, 0);
	queue_text(l, s->policy);
	queue_text(l, s->provides);
	queue_text(l, s->consumes);
	queue_text(l, s->idempotency_key);
	queue_start_known(l, id_of(run, serial));
}

void ledger_attempt_pid(struct ledger *l, int64_t run, uint32_t serial, pid_t pid)
{
	queue_start_forget(l, id_of(run, serial));
	queue_op(l, STMT_ATTEMPT_PID);
	queue_int(l, id_of(run, serial));
	queue_int(l, pid);
}

void queue_attempt_end(struct ledger *l, const struct ledger_attempt_end *e)
{
	BUG_UNLESS(e->state < STATE_COUNT && state_is_final(e->state));
	queue_state(l, e->state);
	queue_reason(l, e->reason);
	queue_text(l, e->error);
	queue_int_or(l, e->exit_code, -1);
	queue_int_or(l, e->signal, 0);
	queue_int_or(l, e->start_errno, 0);
	queue_text(l, e->stage);
	queue_int(l, e->wall_ms);
	queue_int_or(l, e->duration_us, -1);
	queue_int(l, e->user_us);
	queue_int(l, e->system_us);
	queue_int(l, e->max_rss_kib);
	queue_int(l, e->leftovers);
	queue_int_or(l, e->log_bytes, -1);
	queue_text(l, e->class);
}

void queue_duration(struct ledger *l, int64_t run, uint32_t serial, const struct ledger_attempt_end *e)
{
	if (e->state != STATE_SUCCEEDED || e->duration_us < 0)
		return;
	queue_op(l, STMT_DURATION_ADD);
	queue_int(l, id_of(run, serial));
	queue_int(l, e->duration_us);
}

void ledger_attempt_ended(struct ledger *l, int64_t run, uint32_t serial,
			  const struct ledger_attempt_end *e)
{
	int64_t id = id_of(run, serial);

	if (!queue_start_join(l, id, STMT_ATTEMPT_RAN)) {
		queue_op(l, STMT_ATTEMPT_END);
		queue_int(l, id);
	}
	queue_attempt_end(l, e);
	queue_duration(l, run, serial, e);
}

void ledger_attempt_unused(struct ledger *l, int64_t run, uint32_t serial)
{
	queue_op(l, STMT_ATTEMPT_UNUSED);
	queue_int(l, id_of(run, serial));
}

/* --- events, artifacts, approvals ------------------------------------------------------------------ */

void ledger_event(struct ledger *l, int64_t run, const struct run_event *e)
{
	BUG_UNLESS(e->kind < EVENT_COUNT);
	queue_op(l, STMT_EVENT_ADD);
	queue_int(l, id_of(run, e->seq));
	queue_int(l, l->words.event[e->kind]);
	queue_int(l, e->wall_ms);
	queue_int(l, e->mono_ns);
	queue_int_or(l, e->unit, UNIT_NONE);
	queue_int_or(l, e->attempt, 0);
	queue_state(l, e->state);
	queue_reason(l, e->reason);
	queue_int_or(l, e->exit_code, -1);
	queue_int_or(l, e->signal, 0);
	queue_int_or(l, e->duration_ms, -1);
	queue_int_or(l, e->due_ms, -1);
	queue_text(l, e->cause);
	queue_text(l, e->error);
	queue_text(l, step_is_known(l, run, e->unit) ? NULL : e->step);
}

void ledger_artifact(struct ledger *l, int64_t run, uint32_t unit, const struct ledger_artifact *a)
{
	queue_op(l, STMT_ARTIFACT_ADD);
	queue_int(l, id_of(run, unit));
	queue_text(l, a->name);
	queue_text(l, a->kind);
	queue_text(l, a->path);
	queue_text(l, a->value);
	queue_text(l, a->digest);
	queue_int_or(l, a->size_bytes, -1);
}

void ledger_approval(struct ledger *l, int64_t run, uint32_t unit, bool approved, const char *by,
		     const char *note, int64_t wall_ms)
{
	queue_op(l, STMT_APPROVAL_ADD);
	queue_int(l, id_of(run, unit));
	queue_int(l, approved);
	queue_text(l, by);
	queue_text(l, note);
	queue_int(l, wall_ms);
}
