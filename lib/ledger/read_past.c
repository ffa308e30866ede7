/* What is known across runs: durations, fingerprints, breakers. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "ledger/ledger_impl.h"

enum { SUCCESSES_KEPT = 5, US_PER_MS = 1000 };

/* Their mean, without the shortest and the longest if there are three or more; as v_durations has it. */
static double expected_us(sqlite3_stmt *st, int first)
{
	double sum = 0, least = 0, most = 0;
	int n = 0;

	while (n < SUCCESSES_KEPT && sqlite3_column_type(st, first + n) != SQLITE_NULL) {
		double us = (double)sqlite3_column_int64(st, first + n);

		sum += us;
		least = !n || us < least ? us : least;
		most = !n || us > most ? us : most;
		n++;
	}
	if (n >= 3)
		return (sum - least - most) / (n - 2);
	return n ? sum / n : 0;
}

struct collecting {
	struct map *us;
	int column; /* the key's, or the name's */
};

static enum rows collect_duration(struct ledger *l, sqlite3_stmt *st, void *ctx)
{
	const struct collecting *c = ctx;
	double us = expected_us(st, 2);

	(void)l;
	/* A damaged ledger may say anything. */
	if (us < 0 || us > (double)(INTPTR_MAX / 2))
		return ROWS_MORE;
	(void)map_put(c->us, col_name(st, c->column), (void *)((uintptr_t)us + 1));
	return ROWS_MORE;
}

bool ledger_durations(struct ledger *l, enum ledger_by by, struct ledger_durations *ret)
{
	sqlite3_stmt *st = stmt_use(l, STMT_DURATIONS);

	*ret = (struct ledger_durations){.us = MAP_INIT};
	if (!st)
		return false;
	return stmt_each(l, STMT_DURATIONS, st, collect_duration,
			 &(struct collecting){&ret->us, by == LEDGER_BY_NAME});
}

double ledger_durations_ms(const struct ledger_durations *d, const char *text)
{
	uintptr_t us = (uintptr_t)map_get(&d->us, text);

	return us ? (double)(us - 1) / US_PER_MS : 0;
}

void ledger_durations_release(struct ledger_durations *d)
{
	map_release(&d->us);
}

double ledger_duration_ms(struct ledger *l, enum ledger_by by, const char *text)
{
	enum stmt id = by == LEDGER_BY_KEY ? STMT_DURATION_BY_KEY : STMT_DURATION_BY_NAME;
	sqlite3_stmt *st = stmt_use(l, id);
	double us = 0;

	if (!st)
		return 0;
	sqlite3_bind_text(st, 1, text, -1, SQLITE_STATIC);
	if (stmt_row(l, st) > 0)
		us = expected_us(st, 2);
	stmt_done(l, id, st, true);
	return us > 0 ? us / US_PER_MS : 0;
}

double ledger_duration_p95_ms(struct ledger *l, const char *name)
{
	sqlite3_stmt *st = stmt_use(l, STMT_DURATION_P95);
	double us = 0;

	if (!st)
		return 0;
	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, l->words.state[STATE_SUCCEEDED]);
	if (stmt_row(l, st) > 0)
		us = sqlite3_column_double(st, 0);
	stmt_done(l, STMT_DURATION_P95, st, true);
	return us / US_PER_MS;
}

/* --- instances ----------------------------------------------------------------------------------- */

struct instance_rows {
	bool (*row)(void *ctx, const struct ledger_instance_row *r);
	void *ctx;
};

static enum rows instance_row(struct ledger *l, sqlite3_stmt *st, void *ctx)
{
	const struct instance_rows *to = ctx;
	const struct ledger_instance_row r = {.no = sqlite3_column_int64(st, 0), .key = col_name(st, 1),
					      .name = col_name(st, 2)};

	(void)l;
	return rows_go(to->row(to->ctx, &r));
}

bool ledger_instances(struct ledger *l, int64_t first, uint32_t n,
		      bool (*row)(void *ctx, const struct ledger_instance_row *r), void *ctx)
{
	sqlite3_stmt *st = stmt_use(l, STMT_INSTANCES);

	if (!st)
		return false;
	sqlite3_bind_int64(st, 1, first);
	sqlite3_bind_int64(st, 2, n);
	return stmt_each(l, STMT_INSTANCES, st, instance_row, &(struct instance_rows){row, ctx});
}

bool ledger_instance_find(struct ledger *l, const char *key, const char *name, int64_t *ret)
{
	sqlite3_stmt *st = stmt_use(l, STMT_INSTANCE_FIND);
	int rc;

	*ret = 0;
	if (!st)
		return false;
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	rc = stmt_row(l, st);
	if (rc > 0 && !strcmp(col_name(st, 1), name))
		*ret = sqlite3_column_int64(st, 0);
	return stmt_done(l, STMT_INSTANCE_FIND, st, rc >= 0);
}

/* --- fingerprints -------------------------------------------------------------------------------- */

struct fingerprint_rows {
	bool (*row)(void *ctx, const struct ledger_fingerprint_row *r);
	void *ctx;
};

static enum rows fingerprint_row(struct ledger *l, sqlite3_stmt *st, void *ctx)
{
	const struct fingerprint_rows *to = ctx;
	const struct ledger_fingerprint_row r = {.key = col_name(st, 0), .fingerprint = col_name(st, 1),
						 .wall_ms = col_int(st, 2, 0)};

	(void)l;
	return rows_go(to->row(to->ctx, &r));
}

bool ledger_fingerprints(struct ledger *l, const char *key,
			 bool (*row)(void *ctx, const struct ledger_fingerprint_row *r), void *ctx)
{
	enum stmt id = key ? STMT_FINGERPRINT_GET : STMT_FINGERPRINTS;
	sqlite3_stmt *st = stmt_use(l, id);

	if (st && key)
		sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	return st && stmt_each(l, id, st, fingerprint_row, &(struct fingerprint_rows){row, ctx});
}

/* --- files ---------------------------------------------------------------------------------------- */

struct file_rows {
	bool (*row)(void *ctx, const struct ledger_file *f);
	void *ctx;
};

static enum rows file_row(struct ledger *l, sqlite3_stmt *st, void *ctx)
{
	const struct file_rows *to = ctx;
	const struct ledger_file f = {
		.path = col_name(st, 0),
		.id = {.device = (uint64_t)col_int(st, 1, 0), .inode = (uint64_t)col_int(st, 2, 0),
		       .size_bytes = col_int(st, 3, 0), .mtime_ns = col_int(st, 4, 0),
		       .ctime_ns = col_int(st, 5, 0)},
		.hash = (uint64_t)col_int(st, 6, 0),
		.since_wall_ms = col_int(st, 7, 0),
	};

	(void)l;
	return rows_go(to->row(to->ctx, &f));
}

bool ledger_files(struct ledger *l, const char *path, bool (*row)(void *ctx, const struct ledger_file *f),
		  void *ctx)
{
	enum stmt id = path ? STMT_FILE_GET : STMT_FILES;
	sqlite3_stmt *st = stmt_use(l, id);

	if (st && path)
		sqlite3_bind_text(st, 1, path, -1, SQLITE_STATIC);
	return st && stmt_each(l, id, st, file_row, &(struct file_rows){row, ctx});
}

/* --- breakers ------------------------------------------------------------------------------------ */

struct breaker_rows {
	bool (*row)(void *ctx, const struct ledger_breaker_row *r);
	void *ctx;
};

static enum rows breaker_row(struct ledger *l, sqlite3_stmt *st, void *ctx)
{
	const struct breaker_rows *to = ctx;
	struct ledger_breaker_row r = {
		.name = col_name(st, 0),
		.open = sqlite3_column_type(st, 4) != SQLITE_NULL,
		.failures = col_u32(st, 1),
		.first_failure_ms = col_int(st, 2, -1),
		.last_failure_ms = col_int(st, 3, -1),
		.open_until_ms = col_int(st, 4, -1),
	};

	(void)l;
	return rows_go(to->row(to->ctx, &r));
}

bool ledger_breakers(struct ledger *l, bool (*row)(void *ctx, const struct ledger_breaker_row *r),
		     void *ctx)
{
	sqlite3_stmt *st = stmt_use(l, STMT_BREAKERS);

	return st && stmt_each(l, STMT_BREAKERS, st, breaker_row, &(struct breaker_rows){row, ctx});
}

int64_t ledger_data_version(struct ledger *l)
{
	sqlite3_stmt *st = stmt_use(l, STMT_DATA_VERSION);
	int64_t version = -1;

	if (!st)
		return -1;
	if (stmt_row(l, st) > 0)
		version = sqlite3_column_int64(st, 0);
	stmt_done(l, STMT_DATA_VERSION, st, true);
	return version;
}
