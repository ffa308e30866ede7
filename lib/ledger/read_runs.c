#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/ulid.h"
#include "ledger/ledger_impl.h"

/* --- rows ---------------------------------------------------------------------------------------- */

/* Columns of RUN_COLUMNS, in order. */
enum {
	RUN_COL_NO, RUN_COL_ID, RUN_COL_TARGET, RUN_COL_TITLE, RUN_COL_STATE, RUN_COL_DEGRADED,
	RUN_COL_QUARANTINED, RUN_COL_EXIT, RUN_COL_START_WALL, RUN_COL_START_MONO, RUN_COL_END_WALL,
	RUN_COL_DURATION, RUN_COL_TOTAL, RUN_COL_SETTLED, RUN_COL_RUNNING, RUN_COL_SUCCEEDED,
	RUN_COL_FAILED, RUN_COL_SKIPPED, RUN_COL_SLOTS, RUN_COL_RESUMES, RUN_COL_PARENT, RUN_COL_ERROR,
	RUN_COL_FORMAT, RUN_COL_SOURCE, RUN_COL_COMMAND, RUN_COL_ROOT, RUN_COL_JOURNAL, RUN_COL_NONCE,
	RUN_COL_LOG_DIR, RUN_COL_BOOT, RUN_COL_PID, RUN_COL_PID_START, RUN_COL_HOST, RUN_COL_USER,
	RUN_COL_VERSION, RUN_COL_PARAMS, RUN_COL_PAYLOAD, RUN_COL_CTX, RUN_COL_OPTIONS, RUN_COL_SHA,
	RUN_COL_PLAN,
};

static void read_numbers(sqlite3_stmt *st, struct ledger_run_row *r)
{
	r->no = sqlite3_column_int64(st, RUN_COL_NO);
	r->degraded = sqlite3_column_int(st, RUN_COL_DEGRADED);
	r->quarantined = sqlite3_column_int(st, RUN_COL_QUARANTINED);
	r->exit_code = (int)col_int(st, RUN_COL_EXIT, -1);
	r->nonce = (uint64_t)sqlite3_column_int64(st, RUN_COL_NONCE);
	r->pid_start = (uint64_t)sqlite3_column_int64(st, RUN_COL_PID_START);
	r->pid = (pid_t)sqlite3_column_int64(st, RUN_COL_PID);
	r->slots = col_u32(st, RUN_COL_SLOTS);
	r->start_wall_ms = sqlite3_column_int64(st, RUN_COL_START_WALL);
	r->start_mono_ns = sqlite3_column_int64(st, RUN_COL_START_MONO);
	r->end_wall_ms = col_int(st, RUN_COL_END_WALL, -1);
	r->duration_ms = col_int(st, RUN_COL_DURATION, -1);
	r->n = (struct ledger_counts){
		.total = col_u32(st, RUN_COL_TOTAL),
		.settled = col_u32(st, RUN_COL_SETTLED),
		.running = col_u32(st, RUN_COL_RUNNING),
		.succeeded = col_u32(st, RUN_COL_SUCCEEDED),
		.failed = col_u32(st, RUN_COL_FAILED),
		.skipped = col_u32(st, RUN_COL_SKIPPED),
	};
}

static void read_texts(sqlite3_stmt *st, struct ledger_run_row *r)
{
	r->id = col_name(st, RUN_COL_ID);
	r->target = col_name(st, RUN_COL_TARGET);
	r->title = col_text(st, RUN_COL_TITLE);
	r->title = r->title ? r->title : r->target;
	r->source = col_text(st, RUN_COL_SOURCE);
	r->command = col_text(st, RUN_COL_COMMAND);
	r->root = col_text(st, RUN_COL_ROOT);
	r->journal = col_text(st, RUN_COL_JOURNAL);
	r->log_dir = col_text(st, RUN_COL_LOG_DIR);
	r->boot_id = col_text(st, RUN_COL_BOOT);
	r->host = col_text(st, RUN_COL_HOST);
	r->user = col_text(st, RUN_COL_USER);
	r->version = col_text(st, RUN_COL_VERSION);
	r->format = col_text(st, RUN_COL_FORMAT);
	r->definition_sha = col_text(st, RUN_COL_SHA);
	r->resumes = col_text(st, RUN_COL_RESUMES);
	r->parent = col_text(st, RUN_COL_PARENT);
	r->error = col_text(st, RUN_COL_ERROR);
	r->params = col_text(st, RUN_COL_PARAMS);
	r->payload = col_text(st, RUN_COL_PAYLOAD);
	r->ctx = col_text(st, RUN_COL_CTX);
	r->options = col_text(st, RUN_COL_OPTIONS);
	r->plan = col_text(st, RUN_COL_PLAN);
}

enum rows run_row(struct ledger *l, sqlite3_stmt *st, void *run_rows)
{
	const struct run_rows *to = run_rows;
	struct ledger_run_row r;

	if (!word_state(l, sqlite3_column_int64(st, RUN_COL_STATE), &r.state))
		return ROWS_FAILED;
	read_numbers(st, &r);
	read_texts(st, &r);
	return rows_go(to->row(to->ctx, &r));
}

/* --- lists --------------------------------------------------------------------------------------- */

/* The ledger's numbers of some states, as a JSON list. */
static void states_json(const struct ledger *l, uint32_t states, struct buf *b)
{
	const char *comma = "[";

	for (int s = 0; s < STATE_COUNT; s++) {
		if (states & UINT32_C(1) << s) {
			buf_addf(b, "%s%lld", comma, (long long)l->words.state[s]);
			comma = ",";
		}
	}
	buf_putc(b, ']');
}

bool ledger_runs(struct ledger *l, const struct ledger_run_filter *f,
		 bool (*row)(void *ctx, const struct ledger_run_row *r), void *ctx)
{
	/* A plain name is found by its index. */
	enum stmt id = f->target && !strpbrk(f->target, "*?[") ? STMT_RUNS_OF_TARGET : STMT_RUNS;
	sqlite3_stmt *st = stmt_use(l, id);
	struct buf states = BUF_INIT;
	bool ok;

	if (!st)
		return false;
	if (f->states)
		states_json(l, f->states, &states);
	sqlite3_bind_text(st, 1, f->target, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, f->since_ms);
	sqlite3_bind_int64(st, 3, f->before_ms);
	sqlite3_bind_text(st, 4, f->states ? states.data : NULL, -1, SQLITE_STATIC);
	bind_limit(st, 5, f->limit);
	ok = stmt_each(l, id, st, run_row, &(struct run_rows){row, ctx});
	buf_release(&states);
	return ok;
}

bool ledger_run_get(struct ledger *l, int64_t run,
		    bool (*row)(void *ctx, const struct ledger_run_row *r), void *ctx)
{
	sqlite3_stmt *st = stmt_use(l, STMT_RUN_GET);

	if (!st)
		return false;
	sqlite3_bind_int64(st, 1, run);
	return stmt_each(l, STMT_RUN_GET, st, run_row, &(struct run_rows){row, ctx});
}

/* --- by what people call it -------------------------------------------------------------------- */

static enum ledger_found unreadable(struct ledger *l, struct buf *err)
{
	buf_puts(err, l->error.text.data);
	return LEDGER_UNREADABLE;
}

/* The first column of the only row wanted; *ret untouched if there is none. */
static bool one_number(struct ledger *l, enum stmt id, sqlite3_stmt *st, int64_t *ret)
{
	int rc = stmt_row(l, st);

	if (rc > 0)
		*ret = sqlite3_column_int64(st, 0);
	return stmt_done(l, id, st, rc >= 0);
}

static void of_target(const char *target, struct buf *err)
{
	if (target)
		buf_addf(err, " of '%s'", target);
}

static enum ledger_found find_last(struct ledger *l, int64_t back, const char *target, int64_t *ret_run,
				   struct buf *err)
{
	sqlite3_stmt *st = stmt_use(l, STMT_RUN_NTH_LAST);
	int64_t no = 0;

	if (!st)
		return unreadable(l, err);
	sqlite3_bind_int64(st, 1, back - 1);
	sqlite3_bind_text(st, 2, target, -1, SQLITE_STATIC);
	if (!one_number(l, STMT_RUN_NTH_LAST, st, &no))
		return unreadable(l, err);
	if (no) {
		*ret_run = no;
		return LEDGER_FOUND;
	}
	if (back == 1)
		buf_puts(err, "there is no run yet");
	else
		buf_addf(err, "there are not %lld runs yet", (long long)back);
	of_target(target, err);
	return LEDGER_NONE;
}

static enum ledger_found find_last_failed(struct ledger *l, const char *target, int64_t *ret_run,
					  struct buf *err)
{
	sqlite3_stmt *st = stmt_use(l, STMT_RUN_LAST_FAILED);
	int64_t no = 0;

	if (!st)
		return unreadable(l, err);
	sqlite3_bind_text(st, 1, target, -1, SQLITE_STATIC);
	if (!one_number(l, STMT_RUN_LAST_FAILED, st, &no))
		return unreadable(l, err);
	if (no) {
		*ret_run = no;
		return LEDGER_FOUND;
	}
	buf_puts(err, "no run has failed");
	of_target(target, err);
	return LEDGER_NONE;
}

enum { CANDIDATES_SHOWN = 8 };

struct candidates {
	size_t n;
	int64_t first;
	struct buf list;
};

static enum rows candidate(struct ledger *l, sqlite3_stmt *st, void *ctx)
{
	struct candidates *c = ctx;

	(void)l;
	if (!c->n++)
		c->first = sqlite3_column_int64(st, 0);
	if (c->n > CANDIDATES_SHOWN)
		buf_puts(&c->list, "\n  ...");
	else
		buf_addf(&c->list, "\n  %s %s", col_name(st, 1), col_name(st, 2));
	return ROWS_MORE;
}

/* As ids are written; false if text cannot begin one. */
static bool id_prefix(const char *text, char ret[ULID_LEN + 1])
{
	size_t len = strlen(text);

	if (!len || len > ULID_LEN)
		return false;
	for (size_t i = 0; i <= len; i++) {
		ret[i] = (char)toupper((unsigned char)text[i]);
		if (ret[i] && !strchr("0123456789ABCDEFGHJKMNPQRSTVWXYZ", ret[i]))
			return false;
	}
	return true;
}

static enum ledger_found judge_candidates(const struct candidates *c, const char *text,
					  const char *target, int64_t *ret_run, struct buf *err)
{
	if (c->n == 1) {
		*ret_run = c->first;
		return LEDGER_FOUND;
	}
	if (c->n) {
		buf_addf(err, "several runs begin with '%s':%s", text, c->list.data);
		return LEDGER_AMBIGUOUS;
	}
	buf_puts(err, "no run");
	of_target(target, err);
	buf_addf(err, " begins with '%s'", text);
	return LEDGER_NONE;
}

static enum ledger_found find_by_prefix(struct ledger *l, const char *text, const char *target,
					int64_t *ret_run, struct buf *err)
{
	char prefix[ULID_LEN + 1];
	struct candidates c = {.list = BUF_INIT};
	enum ledger_found found;
	sqlite3_stmt *st;

	if (!id_prefix(text, prefix)) {
		buf_addf(err, "'%s' is no run: an id or the beginning of one, last, last-failed, @-N", text);
		return LEDGER_NONE;
	}
	st = stmt_use(l, STMT_RUNS_BY_PREFIX);
	if (!st)
		return unreadable(l, err);
	sqlite3_bind_text(st, 1, prefix, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, target, -1, SQLITE_STATIC);
	found = stmt_each(l, STMT_RUNS_BY_PREFIX, st, candidate, &c)
			? judge_candidates(&c, text, target, ret_run, err)
			: unreadable(l, err);
	buf_release(&c.list);
	return found;
}

/* N of `@-N`; 0 if text is none. */
static int64_t back_of(const char *text)
{
	char *end;
	long long n;

	if (strncmp(text, "@-", 2) || !isdigit((unsigned char)text[2]))
		return 0;
	n = strtoll(text + 2, &end, 10);
	return *end || n < 1 ? 0 : n;
}

enum ledger_found ledger_run_find(struct ledger *l, const char *text, const char *target,
				  int64_t *ret_run, struct buf *err)
{
	int64_t back = back_of(text);

	if (back)
		return find_last(l, back, target, ret_run, err);
	if (!strcmp(text, "last"))
		return find_last(l, 1, target, ret_run, err);
	if (!strcmp(text, "last-failed"))
		return find_last_failed(l, target, ret_run, err);
	return find_by_prefix(l, text, target, ret_run, err);
}

bool ledger_last_success(struct ledger *l, const char *target, int64_t *ret_run)
{
	sqlite3_stmt *st = stmt_use(l, STMT_RUN_LAST_SUCCESS);
	int64_t no = 0;

	if (!st)
		return false;
	sqlite3_bind_text(st, 1, target, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, l->words.state[STATE_SUCCEEDED]);
	if (!one_number(l, STMT_RUN_LAST_SUCCESS, st, &no))
		return false;
	*ret_run = no;
	return true;
}

bool ledger_run_resumer(struct ledger *l, const char *id, int64_t *ret_run)
{
	sqlite3_stmt *st = stmt_use(l, STMT_RUN_RESUMER);
	int64_t no = 0;

	if (!st)
		return false;
	sqlite3_bind_text(st, 1, id, -1, SQLITE_STATIC);
	if (!one_number(l, STMT_RUN_RESUMER, st, &no))
		return false;
	*ret_run = no;
	return true;
}

/* --- documents ----------------------------------------------------------------------------------- */

static enum rows append(struct ledger *l, sqlite3_stmt *st, void *ctx)
{
	(void)l;
	buf_puts(ctx, col_name(st, 0));
	return ROWS_STOP;
}

static bool document(struct ledger *l, enum stmt id, int64_t run, struct buf *ret)
{
	sqlite3_stmt *st = stmt_use(l, id);

	if (!st)
		return false;
	sqlite3_bind_int64(st, 1, run);
	return stmt_each(l, id, st, append, ret);
}

bool ledger_run_result(struct ledger *l, int64_t run, struct buf *ret_json)
{
	return document(l, STMT_RUN_RESULT_GET, run, ret_json);
}

bool ledger_run_definition(struct ledger *l, int64_t run, struct buf *ret_json)
{
	return document(l, STMT_RUN_DEFINITION_GET, run, ret_json);
}

struct var_rows {
	bool (*row)(void *ctx, const char *name, const char *value);
	void *ctx;
};

static enum rows var_row(struct ledger *l, sqlite3_stmt *st, void *ctx)
{
	const struct var_rows *to = ctx;

	(void)l;
	return rows_go(to->row(to->ctx, col_name(st, 0), col_name(st, 1)));
}

bool ledger_vars(struct ledger *l, int64_t run,
		 bool (*row)(void *ctx, const char *name, const char *value), void *ctx)
{
	sqlite3_stmt *st = stmt_use(l, STMT_VARS);

	if (!st)
		return false;
	sqlite3_bind_int64(st, 1, run);
	return stmt_each(l, STMT_VARS, st, var_row, &(struct var_rows){row, ctx});
}

struct fragment_rows {
	bool (*row)(void *ctx, uint32_t no, const char *json);
	void *ctx;
};

static enum rows fragment_row(struct ledger *l, sqlite3_stmt *st, void *ctx)
{
	const struct fragment_rows *to = ctx;

	(void)l;
	return rows_go(to->row(to->ctx, id_number(sqlite3_column_int64(st, 0)), col_name(st, 1)));
}

bool ledger_fragments(struct ledger *l, int64_t run,
		      bool (*row)(void *ctx, uint32_t no, const char *json), void *ctx)
{
	sqlite3_stmt *st = stmt_use(l, STMT_FRAGMENTS);

	if (!st)
		return false;
	bind_run(st, run);
	return stmt_each(l, STMT_FRAGMENTS, st, fragment_row, &(struct fragment_rows){row, ctx});
}
