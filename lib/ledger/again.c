/* A run that found what an earlier one had found: its rows are those of the earlier one, under its own number. */
#include "base/bug.h"
#include "ledger/ledger_impl.h"

int64_t ledger_freshness(struct ledger *l)
{
	return stmt_number(l, STMT_FRESHNESS, NULL);
}

static bool is_there(struct ledger *l, const struct ledger_found_all *f)
{
	sqlite3_stmt *st = stmt_use(l, STMT_AGAIN_MAY);

	if (!st)
		return false;
	sqlite3_bind_int64(st, 1, f->run);
	sqlite3_bind_text(st, 2, f->id, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 3, l->words.state[STATE_SUCCEEDED]);
	return stmt_done(l, STMT_AGAIN_MAY, st, stmt_row(l, st) > 0);
}

bool ledger_still_finds(struct ledger *l, const struct ledger_found_all *f)
{
	int64_t freshness = ledger_freshness(l);

	if (freshness < 0)
		return false;
	if (freshness != f->freshness)
		return ledger_fail_text(l, LEDGER_MOVED, "a success has been recorded since, or taken back");
	return is_there(l, f) || ledger_fail_text(l, LEDGER_MOVED, "run %s is not in it any more", f->id);
}

static bool may_begin(struct ledger *l, void *ctx)
{
	return ledger_still_finds(l, ctx);
}

static void queue_copy(struct ledger *l, enum stmt id, const char *run, int64_t earlier)
{
	queue_op(l, id);
	queue_text(l, run);
	queue_int(l, earlier);
}

int64_t ledger_run_again(struct ledger *l, const struct ledger_found_all *f, const struct ledger_run *r, int64_t duration_ms)
{
	struct queue_mark before = queue_mark(l);

	queue_copy(l, STMT_AGAIN_RUN, r->id, f->run);
	queue_int(l, r->wall_ms);
	queue_int(l, r->mono_ns);
	queue_int(l, r->wall_ms + duration_ms);
	queue_int(l, duration_ms);
	queue_copy(l, STMT_AGAIN_TEXTS, r->id, f->run);
	queue_text(l, r->command);
	queue_text(l, r->journal);
	queue_int(l, (int64_t)r->nonce);
	queue_text(l, r->log_dir);
	queue_text(l, r->boot_id);
	queue_int(l, r->pid);
	queue_int(l, (int64_t)r->pid_start);
	queue_text(l, r->host);
	queue_text(l, r->user);
	queue_text(l, r->version);
	queue_copy(l, STMT_AGAIN_JOBS, r->id, f->run);
	queue_copy(l, STMT_AGAIN_STEPS, r->id, f->run);
	queue_copy(l, STMT_AGAIN_EVENTS, r->id, f->run);
	queue_int(l, l->words.event[EVENT_RUN_COMPLETED]);
	queue_int(l, l->words.event[EVENT_RUN_CREATED]);
	queue_int(l, l->words.event[EVENT_RUN_STARTED]);
	if (queue_commit_if(l, may_begin, (void *)f))
		return stmt_number(l, STMT_RUN_NO, r->id);
	queue_cut(l, before);
	return -1;
}
