#include "ledger/schema.h"

#include <stdbool.h>
#include <stdio.h>

#include "base/bug.h"
#include "run/event.h"

int schema_integer(sqlite3 *db, const char *sql, long long *ret)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);

	if (rc)
		return rc;
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* PRAGMAs take no parameters; the number is ours. */
static int set_version(sqlite3 *db, int version)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", version);
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static int set_application(sqlite3 *db)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d", SCHEMA_APPLICATION_ID);
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int schema_apply(sqlite3 *db, int from_version, const struct schema_upgrade *up, size_t n)
{
	int rc = set_application(db);

	for (size_t i = 0; !rc && i < n; i++) {
		if (up[i].version <= from_version)
			continue;
		rc = sqlite3_exec(db, up[i].sql, NULL, NULL, NULL);
		if (!rc)
			rc = set_version(db, up[i].version);
	}
	return rc ? rc : schema_fill_words(db);
}

int schema_apply_temp(sqlite3 *db, int from_version, const struct schema_upgrade *up, size_t n)
{
	int rc = SQLITE_OK;

	for (size_t i = 0; i < n; i++)
		if (up[i].version > from_version && !up[i].temp_sql)
			return SQLITE_MISMATCH;
	for (size_t i = 0; !rc && i < n; i++)
		if (up[i].version > from_version)
			rc = sqlite3_exec(db, up[i].temp_sql, NULL, NULL, NULL);
	return rc;
}

/* Words keep the number they got first: whoever wrote the ledger may have had another list. */
#define ADD_WORD(table, columns, values)                                                           \
	"INSERT INTO " table " (no, word, " columns ") SELECT 1 + coalesce(max(no), 0), ?1, " values \
	" FROM " table " HAVING NOT EXISTS (SELECT 1 FROM " table " WHERE word = ?1)"
/* The same into an empty table. */
#define FIRST_WORD(table, columns, values)                                                         \
	"INSERT INTO " table " (word, " columns ") VALUES (?1, " values ")"

struct word {
	const char *word, *sentence;
	bool final, ok, failure; /* of states */
};

static int fill(sqlite3 *db, const char *sql, const struct word *w, size_t n)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);

	for (size_t i = 0; !rc && i < n; i++) {
		sqlite3_bind_text(st, 1, w[i].word, -1, SQLITE_STATIC);
		sqlite3_bind_text(st, 2, w[i].sentence, -1, SQLITE_STATIC);
		if (sqlite3_bind_parameter_count(st) > 2) {
			sqlite3_bind_int(st, 3, w[i].final);
			sqlite3_bind_int(st, 4, w[i].ok);
			sqlite3_bind_int(st, 5, w[i].failure);
		}
		sqlite3_step(st);
		rc = sqlite3_reset(st);
	}
	sqlite3_finalize(st);
	return rc;
}

int schema_fill_words(sqlite3 *db)
{
	static const struct word states[] = {
#define STATE(id, word, final, ok, failure, sentence) {word, sentence, final, ok, failure},
#include "run/state.def"
#undef STATE
	};
	static const struct word reasons[] = {
#define REASON(id, word, sentence) {word, sentence, false, false, false},
#include "run/reason.def"
#undef REASON
	};
	static const struct word kinds[] = {
#define EVENT(id, word, sentence) {word, sentence, false, false, false},
#include "run/event.def"
#undef EVENT
	};
	const struct {
		const char *count, *first, *add;
		const struct word *word;
		size_t n;
	} table[] = {
#define WORDS(name, columns, values, list)                                                         \
	{"SELECT count(*) FROM " name, FIRST_WORD(name, columns, values),                          \
	 ADD_WORD(name, columns, values), list, ARRAY_LEN(list)}
		WORDS("states", "sentence, final, ok, failure", "?2, ?3, ?4, ?5", states),
		WORDS("reasons", "sentence", "?2", reasons),
		WORDS("event_kinds", "sentence", "?2", kinds),
#undef WORDS
	};
	int rc = SQLITE_OK;

	for (size_t i = 0; !rc && i < ARRAY_LEN(table); i++) {
		long long there;

		rc = schema_integer(db, table[i].count, &there);
		if (!rc)
			rc = fill(db, there ? table[i].add : table[i].first, table[i].word, table[i].n);
	}
	return rc;
}
