/* The inside of a ledger, shared by the files of this folder. */
#ifndef LEDGER_LEDGER_IMPL_H
#define LEDGER_LEDGER_IMPL_H

#include <sqlite3.h>

#include "base/file_state.h"
#include "ledger/ledger.h"
#include "ledger/ledger_read.h"
#include "ledger/schema.h"

/* Every statement there is; prepared when it is first used. */
enum stmt {
#define STMT(id, changes, sql) STMT_##id,
#include "ledger/stmt.def"
#undef STMT
	STMT_COUNT,
};

enum { CHANGES_ANY = -1 };

/* Numbers that this ledger has for our words: number = table[enum value]. */
struct words {
	int64_t state[STATE_COUNT], reason[REASON_COUNT], event[EVENT_COUNT];
	bool complete; /* none is missing */
};

/* The one that the row of a step refers to. */
struct known_instance {
	int64_t no;
	const char *own_name; /* of the step, where the instance is called something else; NULL: as the instance */
	size_t len;
};

/* A START that waits in the queue. */
struct queued_start {
	int64_t id;    /* of the attempt; 0: none */
	size_t at, len; /* where it begins, and how much it binds */
};

enum { STARTS_KNOWN = 64 }; /* by serial; of those that share a place the last one */

struct ledger {
	sqlite3 *db;
	char *path;
	bool is_store; /* opened with ledger_open_store */
	struct ledger_options o;
	struct file_id *alone; /* it is read without a lock: the file, as it was then; else NULL */
	struct ledger_error error;
	sqlite3_stmt *stmt[STMT_COUNT];
	struct words words;

	struct buf queue; /* see queue_format.h */
	size_t n_queued, op_at; /* op_at: where the last operation begins */
	char **taken; /* texts that the queue refers to and owns */
	size_t n_taken, room_taken;
	int64_t queued_since_ns;
	struct queued_start start[STARTS_KNOWN];
	struct known_instance instance; /* while the queue is carried out: that of the last INSTANCE_ADD */
	bool instances_are_new;		/* so was the last one that was added */
	uint64_t is_bound[STMT_COUNT];	/* a bit a parameter: it may be bound to something else than NULL */

	/* Units of one run that have a row in steps: their events need not carry a name. */
	int64_t known_run;
	uint64_t *known;
	size_t n_known;
};

/* --- ids: run and number within it, see 001_initial.sql -------------------------------------- */

enum { ID_SHIFT = 32 };

/* The most that one row of steps or events stands for, all of its instances having the same number / RANGE_MOST. */
enum { RANGE_MOST = 1024 };

static inline int64_t id_of(int64_t run, uint64_t number)
{
	return run << ID_SHIFT | (int64_t)(number & UINT32_MAX);
}

static inline uint32_t id_number(int64_t id)
{
	return (uint32_t)(id & UINT32_MAX);
}

static inline int64_t id_run(int64_t id)
{
	return id >> ID_SHIFT;
}

/* --- alone.c: a file that is read without a lock -------------------------------------------------- */

/* Whether nothing but the file has to be read; then it is remembered. */
bool alone_begin(struct ledger *l);
/* False once it has been written to: what was read of it since is of no one moment. */
bool alone_holds(const struct ledger *l);
/* ok, if it still holds; else false after saying so. */
bool alone_so_far(struct ledger *l, bool ok);
void alone_end(struct ledger *l);
/* The bytes in the file beside it; -1 if there is none. */
int64_t size_beside(const struct ledger *l, const char *suffix);

/* --- error.c ------------------------------------------------------------------------------------ */

/* Keep what SQLite says of the call that just failed with rc; returns false. */
bool ledger_fail(struct ledger *l, int rc, const char *doing);
/* Something that is not SQLite's failure. */
bool ledger_fail_text(struct ledger *l, enum ledger_fault fault, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
enum ledger_fault fault_of(int rc);
void error_say(struct ledger_error *e, enum ledger_fault fault, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* --- queue.c ------------------------------------------------------------------------------------ */

/* Begin an operation; its parameters follow in order. */
void queue_op(struct ledger *l, enum stmt id);
void queue_int(struct ledger *l, int64_t v);
/* NULL if v is `none`. */
void queue_int_or(struct ledger *l, int64_t v, int64_t none);
void queue_text(struct ledger *l, const char *s); /* NULL is NULL */
/* Not copied: it stays where it is until the queue has been carried out. */
void queue_text_lent(struct ledger *l, const char *s);
/* The same, and it is freed then. */
void queue_text_taken(struct ledger *l, char *s);
void queue_null(struct ledger *l);
void queue_state(struct ledger *l, enum state s);
void queue_reason(struct ledger *l, enum reason r);
/* Two parameters: the number of the instance that was added last, and the step's own name if it has one. */
void queue_instance(struct ledger *l);

/* What has been queued since queue_op() is the START of attempt id. */
void queue_start_known(struct ledger *l, int64_t id);
/* Begin operation `join` with what the START of attempt id binds, which is taken away; false: it is not in the queue. */
bool queue_start_join(struct ledger *l, int64_t id, enum stmt join);
/* It has to be carried out as it is. */
void queue_start_forget(struct ledger *l, int64_t id);

/* Where the queue ends, to cut it back to. */
struct queue_mark {
	size_t len, n;
};
struct queue_mark queue_mark(const struct ledger *l);
void queue_cut(struct ledger *l, struct queue_mark m);

/* --- carry_out.c -------------------------------------------------------------------------------- */

/* BEGIN IMMEDIATE, work, COMMIT, with the reserve given up for a full disk. */
bool ledger_transact(struct ledger *l, bool (*work)(struct ledger *l, void *ctx), void *ctx);
/* Carry out the queue inside the transaction that is open. */
bool queue_run(struct ledger *l);
/* ledger_commit(), if `may`, asked inside the transaction, does not fail. */
bool queue_commit_if(struct ledger *l, bool (*may)(struct ledger *l, void *ctx), void *ctx);

/* --- write_steps.c ------------------------------------------------------------------------------- */

/* It has a row, which this handle has queued. */
bool step_is_known(const struct ledger *l, int64_t run, uint32_t unit);

/* --- write_attempts.c ---------------------------------------------------------------------------- */

/* The parameters of ATTEMPT_END behind the id, which REPAIR_ATTEMPT has too. */
void queue_attempt_end(struct ledger *l, const struct ledger_attempt_end *e);
void queue_duration(struct ledger *l, int64_t run, uint32_t serial, const struct ledger_attempt_end *e);

/* --- statement.c --------------------------------------------------------------------------------- */

const char *stmt_sql(enum stmt id);

/* Prepared, reset, for use now; NULL after ledger_fail.  Give it back with stmt_done. */
sqlite3_stmt *stmt_use(struct ledger *l, enum stmt id);
/* Resets it; ok is what the reading came to, passed through. */
bool stmt_done(struct ledger *l, enum stmt id, sqlite3_stmt *st, bool ok);
/* 1 a row, 0 no more, -1 after ledger_fail. */
int stmt_row(struct ledger *l, sqlite3_stmt *st);
/* The number that a statement with this parameter (NULL: none) answers; -1 after ledger_fail, or without an answer. */
int64_t stmt_number(struct ledger *l, enum stmt id, const char *text);
/* Step a statement without rows that must change `expect` rows. */
bool stmt_write(struct ledger *l, enum stmt id, sqlite3_stmt *st);

/* Give every row to `one` until it says ROWS_STOP; false after ledger_fail.  Done with st afterwards. */
enum rows { ROWS_STOP, ROWS_MORE, ROWS_FAILED };
bool stmt_each(struct ledger *l, enum stmt id, sqlite3_stmt *st,
	       enum rows (*one)(struct ledger *l, sqlite3_stmt *st, void *ctx), void *ctx);
static inline enum rows rows_go(bool on)
{
	return on ? ROWS_MORE : ROWS_STOP;
}

/* Bind a run's range of ids to ?1 and ?2. */
void bind_run(sqlite3_stmt *st, int64_t run);
void bind_limit(sqlite3_stmt *st, int i, uint32_t limit); /* 0: none */

const char *col_text(sqlite3_stmt *st, int i); /* NULL is NULL */
const char *col_name(sqlite3_stmt *st, int i); /* never NULL, whatever the file says */
int64_t col_int(sqlite3_stmt *st, int i, int64_t none);
uint32_t col_u32(sqlite3_stmt *st, int i);

/* --- words.c: numbers of this ledger and our enumerators ------------------------------------------ */

bool words_load(struct ledger *l);
/* False after ledger_fail if this program does not know the word. */
bool word_state(struct ledger *l, int64_t no, enum state *ret);
bool word_reason(struct ledger *l, int64_t no, enum reason *ret);
bool word_event(struct ledger *l, int64_t no, enum event_kind *ret);

/* --- open.c --------------------------------------------------------------------------------------- */

char *reserve_path(const struct ledger *l); /* caller frees */
bool reserve_give_up(struct ledger *l);	   /* true if there was one */

/* ledger_open with other upgrades than this version's, for tests of upgrading. */
struct ledger *ledger_open_as(const char *path, const struct ledger_options *o,
			      const struct schema_upgrade *up, size_t n_up,
			      struct ledger_error *ret_error);

/* --- upgrade.c ------------------------------------------------------------------------------------ */

/* Make a complete, empty ledger appear under path at once, unless something is there already. */
bool ledger_make(const char *path, const struct schema_upgrade *up, size_t n_up,
		 struct ledger_error *ret_error);
/* Bring it from `version` to the last upgrade, after a copy beside it. */
bool ledger_upgrade(struct ledger *l, const struct schema_upgrade *up, size_t n_up);

/* --- sql.c ------------------------------------------------------------------------------------------ */

/* Whatever is asked of the handle only reads, or may write again. */
bool only_reads(struct ledger *l, bool on);

/* --- read_runs.c ---------------------------------------------------------------------------------- */

/* Give st's rows, which are of RUN_COLUMNS, to row. */
struct run_rows {
	bool (*row)(void *ctx, const struct ledger_run_row *r);
	void *ctx;
};
enum rows run_row(struct ledger *l, sqlite3_stmt *st, void *run_rows);

#endif
