/*
 * Operations waiting for a transaction, one behind the other in one buffer:
 *
 *	stmt u8 | parameters: tag u8 | value ... | OP_END u8
 *
 * INTEGER is 8 bytes; TEXT is a length of 8 and the bytes, which are bound where they lie.
 */
#include <errno.h>
#include <string.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "ledger/ledger_impl.h"

_Static_assert(STMT_COUNT <= UINT8_MAX, "a statement's number is a byte");

enum { QUEUE_BYTES_KEPT = 4 * 1024 * 1024 };

enum tag { OP_END, OP_NULL, OP_INT, OP_TEXT };

void queue_op(struct ledger *l, enum stmt id)
{
	BUG_UNLESS(l->o.mode == LEDGER_WRITE);
	if (!l->n_queued)
		l->queued_since_ns = stamp_mono_ns();
	else
		buf_putc(&l->queue, OP_END); /* the one before ends here; the last one with the queue */
	buf_putc(&l->queue, (char)id);
	l->n_queued++;
}

void queue_int(struct ledger *l, int64_t v)
{
	char *at = buf_reserve(&l->queue, 1 + sizeof(v));

	at[0] = OP_INT;
	memcpy(at + 1, &v, sizeof(v));
	l->queue.len += 1 + sizeof(v);
}

void queue_null(struct ledger *l)
{
	buf_putc(&l->queue, OP_NULL);
}

void queue_int_or(struct ledger *l, int64_t v, int64_t none)
{
	if (v == none)
		queue_null(l);
	else
		queue_int(l, v);
}

void queue_text(struct ledger *l, const char *s)
{
	size_t len = s ? strlen(s) : 0;
	char *at;

	if (!s) {
		queue_null(l);
		return;
	}
	at = buf_reserve(&l->queue, 1 + sizeof(len) + len);
	at[0] = OP_TEXT;
	memcpy(at + 1, &len, sizeof(len));
	memcpy(at + 1 + sizeof(len), s, len);
	l->queue.len += 1 + sizeof(len) + len;
}

size_t ledger_pending(const struct ledger *l)
{
	return l->n_queued;
}

int64_t ledger_pending_since(const struct ledger *l)
{
	return l->n_queued ? l->queued_since_ns : 0;
}

struct queue_mark queue_mark(const struct ledger *l)
{
	return (struct queue_mark){l->queue.len, l->n_queued};
}

void queue_cut(struct ledger *l, struct queue_mark m)
{
	buf_cut(&l->queue, m.len);
	l->n_queued = m.n;
}

void ledger_drop(struct ledger *l)
{
	queue_cut(l, (struct queue_mark){0, 0});
	/* A million steps at the beginning must not be paid for during the whole run. */
	if (l->queue.room > QUEUE_BYTES_KEPT)
		buf_release(&l->queue);
}

/* Bind the parameters at `at`; returns what follows their end mark. */
static const char *bind_all(sqlite3_stmt *st, const char *at, const char *end, int *rc)
{
	int n = 0;

	*rc = SQLITE_OK;
	while (at < end && *at != OP_END && !*rc) {
		int64_t v;
		size_t len;

		n++;
		switch ((enum tag)*at++) {
		case OP_END:
			break;
		case OP_NULL:
			*rc = sqlite3_bind_null(st, n);
			break;
		case OP_INT:
			memcpy(&v, at, sizeof(v));
			*rc = sqlite3_bind_int64(st, n, v);
			at += sizeof(v);
			break;
		case OP_TEXT:
			memcpy(&len, at, sizeof(len));
			at += sizeof(len);
			*rc = sqlite3_bind_text64(st, n, at, len, SQLITE_STATIC, SQLITE_UTF8);
			at += len;
			break;
		}
	}
	BUG_UNLESS(*rc == SQLITE_TOOBIG || n == sqlite3_bind_parameter_count(st));
	return at + 1;
}

/* The operation at `at`; returns the next one, or NULL after a failure. */
static const char *run_op(struct ledger *l, const char *at, const char *end)
{
	enum stmt id = (enum stmt)(uint8_t)*at++;
	sqlite3_stmt *st = stmt_use(l, id);
	int rc;

	if (!st)
		return NULL;
	at = bind_all(st, at, end, &rc);
	if (rc) {
		(void)ledger_fail(l, rc, "cannot write");
		return NULL;
	}
	return stmt_write(l, id, st) ? at : NULL;
}

static const char *skip_op(const char *at, const char *end)
{
	size_t len;

	for (at++; at < end && *at != OP_END;) {
		enum tag tag = (enum tag)*at++;

		if (tag == OP_INT)
			at += sizeof(int64_t);
		if (tag == OP_TEXT) {
			memcpy(&len, at, sizeof(len));
			at += sizeof(len) + len;
		}
	}
	return at + 1;
}

/*
 * A step's row, and behind it the instance that it refers to: nearly always that is there from an earlier run.
 * If it is not, the instance comes first after all.
 */
static const char *run_step_add(struct ledger *l, const char *step, const char *end)
{
	const char *instance = run_op(l, step, end), *next;

	if (!instance || sqlite3_changes(l->db))
		return instance ? skip_op(instance, end) : NULL;
	next = run_op(l, instance, end);
	if (!next || !run_op(l, step, end))
		return NULL;
	if (sqlite3_changes(l->db))
		return next;
	(void)ledger_fail_text(l, LEDGER_BROKEN, "the row of a step could not be added");
	return NULL;
}

bool queue_run(struct ledger *l)
{
	const char *at = l->queue.data, *end = at + l->queue.len;

	while (at && at < end)
		at = ((enum stmt)(uint8_t)*at == STMT_STEP_ADD ? run_step_add : run_op)(l, at, end);
	return at != NULL;
}

static bool try_transact(struct ledger *l, bool (*work)(struct ledger *l, void *ctx), void *ctx)
{
	int rc = sqlite3_exec(l->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	if (rc)
		return ledger_fail(l, rc, "cannot begin to write");
	if (!work(l, ctx))
		goto rollback;
	rc = sqlite3_exec(l->db, "COMMIT", NULL, NULL, NULL);
	if (!rc)
		return true;
	ledger_fail(l, rc, "cannot commit");

rollback:
	/* A full disk or a failed write may have rolled it back already. */
	if (!sqlite3_get_autocommit(l->db))
		(void)sqlite3_exec(l->db, "ROLLBACK", NULL, NULL, NULL);
	return false;
}

bool ledger_transact(struct ledger *l, bool (*work)(struct ledger *l, void *ctx), void *ctx)
{
	BUG_UNLESS(l->o.mode == LEDGER_WRITE);
	BUG_UNLESS(sqlite3_get_autocommit(l->db)); /* one inside another */
	if (try_transact(l, work, ctx))
		return true;
	return l->error.fault == LEDGER_FULL && reserve_give_up(l) && try_transact(l, work, ctx);
}

struct condition {
	bool (*may)(struct ledger *l, void *ctx); /* NULL: always */
	void *ctx;
};

static bool run_it(struct ledger *l, void *ctx)
{
	const struct condition *c = ctx;

	return (!c->may || c->may(l, c->ctx)) && queue_run(l);
}

/* SQLite goes on writing into a file that has no name any more. */
static bool is_there(struct ledger *l)
{
	int moved = 0;

	if (sqlite3_file_control(l->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) != SQLITE_OK || !moved)
		return true;
	return ledger_fail_text(l, LEDGER_GONE, "it has been deleted or replaced while a run wrote to it");
}

bool queue_commit_if(struct ledger *l, bool (*may)(struct ledger *l, void *ctx), void *ctx)
{
	struct condition c = {may, ctx};

	if (!l->n_queued)
		return true;
	if (!is_there(l))
		return false;
	if (!ledger_transact(l, run_it, &c))
		return false;
	ledger_drop(l);
	return true;
}

bool ledger_commit(struct ledger *l)
{
	return queue_commit_if(l, NULL, NULL);
}
