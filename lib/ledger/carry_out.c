/* The queue, carried out in a transaction. */
#include <string.h>

#include "base/bug.h"
#include "ledger/ledger_impl.h"
#include "ledger/queue_format.h"

/*
 * Bind the parameters at `at`; returns what follows their end mark.  Half of them are NULL and were so the time before:
 * a statement of the queue is bound here only, so l->is_bound tells.
 */
static const char *bind_all(struct ledger *l, enum stmt id, sqlite3_stmt *st, const char *at, const char *end, int *rc)
{
	uint64_t was_bound = l->is_bound[id], is_bound = 0;
	int n = 0;

	*rc = SQLITE_OK;
	while (at < end && *at != OP_END && !*rc) {
		const char *lent;
		int64_t v;
		size_t len;

		n++;
		is_bound |= (uint64_t)(*at != OP_NULL) << n;
		switch ((enum tag)*at++) {
		case OP_NULL:
			if (was_bound & (uint64_t)1 << n)
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
		case OP_LENT:
			memcpy(&lent, at, sizeof(lent));
			*rc = sqlite3_bind_text64(st, n, lent, strlen(lent), SQLITE_STATIC, SQLITE_UTF8);
			at += sizeof(lent);
			break;
		case OP_INSTANCE:
			*rc = sqlite3_bind_int64(st, n, l->instance.no);
			break;
		case OP_OWN_NAME:
			*rc = sqlite3_bind_text64(st, n, l->instance.own_name, l->instance.len, SQLITE_STATIC,
						  SQLITE_UTF8);
			break;
		}
	}
	BUG_UNLESS(*rc || n == sqlite3_bind_parameter_count(st));
	l->is_bound[id] = *rc ? was_bound | is_bound : is_bound;
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
	at = bind_all(l, id, st, at, end, &rc);
	if (rc) {
		(void)ledger_fail(l, rc, "cannot write");
		return NULL;
	}
	return stmt_write(l, id, st) ? at : NULL;
}

/* What follows an operation that was taken away. */
static const char *skip_gone(const char *op)
{
	size_t rest;

	memcpy(&rest, op + 1, sizeof(rest));
	return op + 1 + sizeof(rest) + rest + 1;
}

/* The TEXT at `at`; returns what follows it. */
static const char *take_text(const char *at, const char **ret, size_t *ret_len)
{
	BUG_UNLESS(*at == OP_TEXT);
	memcpy(ret_len, at + 1, sizeof(*ret_len));
	*ret = at + 1 + sizeof(*ret_len);
	return *ret + *ret_len;
}

/*
 * What follows the end mark of the parameters from `at` on, which are texts or NULL.  There is one: whoever adds an
 * instance refers to it next.
 */
static const char *skip_texts(const char *at)
{
	const char *text;
	size_t len;

	while (*at != OP_END)
		at = *at == OP_NULL ? at + 1 : take_text(at, &text, &len);
	return at + 1;
}

/* 1 found, 0 not, -1 after a failure. */
static int find_instance(struct ledger *l, const char *key, size_t key_len, const char *name, size_t name_len)
{
	sqlite3_stmt *st = stmt_use(l, STMT_INSTANCE_FIND);
	struct known_instance *i = &l->instance;
	int rc;

	if (!st)
		return -1;
	sqlite3_bind_text64(st, 1, key, key_len, SQLITE_STATIC, SQLITE_UTF8);
	rc = stmt_row(l, st);
	if (rc > 0) {
		bool same = (size_t)sqlite3_column_bytes(st, 1) == name_len && !memcmp(col_name(st, 1), name, name_len);

		*i = (struct known_instance){sqlite3_column_int64(st, 0), same ? NULL : name, same ? 0 : name_len};
	}
	stmt_done(l, STMT_INSTANCE_FIND, st, true);
	return rc;
}

/* NULL: it has failed; l->instances_are_new: there was none of that key. */
static const char *insert_instance(struct ledger *l, const char *op, const char *end)
{
	const char *after = run_op(l, op, end);

	l->instances_are_new = after && sqlite3_changes(l->db) > 0;
	if (l->instances_are_new)
		l->instance = (struct known_instance){.no = sqlite3_last_insert_rowid(l->db)};
	return after;
}

/*
 * Nearly all instances are there from an earlier run, or none is; so what became of the one before says whether to look
 * first.  What follows refers to it.
 */
static const char *run_instance_add(struct ledger *l, const char *op, const char *end)
{
	const char *key, *name, *after;
	size_t key_len, name_len;
	int found;

	if (l->instances_are_new) {
		after = insert_instance(l, op, end);
		if (!after || l->instances_are_new)
			return after;
	}
	after = take_text(take_text(op + 1, &key, &key_len), &name, &name_len);
	found = find_instance(l, key, key_len, name, name_len);
	if (found < 0)
		return NULL;
	return found ? skip_texts(after) : insert_instance(l, op, end);
}

static bool is_about_freshness(uint8_t id)
{
	return id == STMT_FINGERPRINT_OF_STEP || id == STMT_FINGERPRINT_SET || id == STMT_FINGERPRINT_CLEAR;
}

/* ledger_freshness() moves on, once a transaction. */
static bool move_freshness(struct ledger *l)
{
	sqlite3_stmt *st = stmt_use(l, STMT_FRESHNESS_MOVE);

	return st && stmt_write(l, STMT_FRESHNESS_MOVE, st);
}

bool queue_run(struct ledger *l)
{
	const char *at = l->queue.data, *end = at + l->queue.len;
	bool moves = false;

	while (at && at < end) {
		uint8_t id = (uint8_t)*at;

		moves |= is_about_freshness(id);
		at = id == OP_GONE ? skip_gone(at) : id == STMT_INSTANCE_ADD ? run_instance_add(l, at, end) : run_op(l, at, end);
	}
	return at && (!moves || move_freshness(l));
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

	(void)sqlite3_file_control(l->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
	if (moved)
		return ledger_fail_text(l, LEDGER_GONE, "it has been deleted or replaced while a run wrote to it");
	return true;
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
