#include <string.h>

#include "base/bug.h"
#include "ledger/ledger_impl.h"
#include "ledger/ledger_repair.h"

enum { TOLD_OF_EACH = 20 }; /* a damaged ledger can be wrong a million times */

struct fsck {
	void (*say)(void *ctx, const char *text);
	void *ctx;
	size_t faults, of_this;
};

static void tell(struct fsck *f, const char *text)
{
	f->faults++;
	if (f->of_this++ < TOLD_OF_EACH)
		f->say(f->ctx, text);
	else if (f->of_this == TOLD_OF_EACH + 1)
		f->say(f->ctx, "... and more of that kind");
}

/* Tell every answer but `fine` (NULL: every answer). */
static bool answers(struct ledger *l, const char *sql, const char *fine, struct fsck *f)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(l->db, sql, -1, &st, NULL);

	if (rc)
		return ledger_fail(l, rc, "cannot look for faults");
	f->of_this = 0;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		const char *text = col_name(st, 0);

		if (!fine || strcmp(text, fine))
			tell(f, *text ? text : "a row that cannot be told");
	}
	if (rc != SQLITE_DONE)
		ledger_fail(l, rc, "cannot look for faults");
	sqlite3_finalize(st);
	return rc == SQLITE_DONE;
}

/* A definition is found by its digest, so it must be what the digest says. */
static bool check_definitions(struct ledger *l, struct fsck *f)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(l->db, "SELECT sha, json FROM definitions", -1, &st, NULL);

	if (rc)
		return ledger_fail(l, rc, "cannot look for faults");
	f->of_this = 0;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		const char *json = col_name(st, 1), *sha = col_name(st, 0);
		struct digest d;

		digest_of(&d, json, (size_t)sqlite3_column_bytes(st, 1));
		if (strcmp(d.hex, sha)) {
			struct buf b = BUF_INIT;

			buf_addf(&b, "definition %.64s is not what its digest says", sha);
			tell(f, b.data);
			buf_release(&b);
		}
	}
	if (rc != SQLITE_DONE)
		ledger_fail(l, rc, "cannot look for faults");
	sqlite3_finalize(st);
	return rc == SQLITE_DONE;
}

static bool check_all(struct ledger *l, struct fsck *f)
{
	static const char *const checks[] = {
#define FSCK(sql) sql,
#include "ledger/fsck.def"
#undef FSCK
	};

	if (!answers(l, "PRAGMA integrity_check(20)", "ok", f))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(checks); i++)
		if (!answers(l, checks[i], NULL, f))
			return false;
	return check_definitions(l, f);
}

bool ledger_fsck(struct ledger *l, void (*say)(void *ctx, const char *text), void *ctx, size_t *ret_faults)
{
	struct fsck f = {.say = say, .ctx = ctx};
	/* One view of it, while others go on writing; who looks has one already. */
	bool mine = sqlite3_get_autocommit(l->db);
	int rc = mine ? sqlite3_exec(l->db, "BEGIN", NULL, NULL, NULL) : SQLITE_OK;
	bool ok = rc ? ledger_fail(l, rc, "cannot look for faults") : check_all(l, &f);

	if (mine && !sqlite3_get_autocommit(l->db))
		(void)sqlite3_exec(l->db, "ROLLBACK", NULL, NULL, NULL);
	if (!ok) {
		f.of_this = 0;
		tell(&f, l->error.text.data);
	}
	*ret_faults = f.faults;
	return ok;
}
