/* A world of stores in a folder of its own, for the tests of lib/store. */
#ifndef TESTS_UNIT_STORE_WORLD_H
#define TESTS_UNIT_STORE_WORLD_H

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "check.h"
#include "doc/json.h"
#include "store/op.h"

static const struct op_words op_words[] = {
#define OP(name, required, optional, sentence) {name, required, optional},
#include "job/ops.def"
#undef OP
};

struct world {
	char folder[64];
	struct op_world op;
};

static inline char *world_path(const struct world *w, const char *name)
{
	return path_join(w->folder, name);
}

/* With stores of these names, which are words with a blank between them. */
static inline void world_open(struct world *w, const char *names)
{
	const char *tmp = getenv("TMPDIR");

	*w = (struct world){0};
	snprintf(w->folder, sizeof(w->folder), "%.40s/store-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	CHECK(mkdtemp(w->folder) != NULL);
	w->op = (struct op_world){.base = w->folder, .run = "RUN", .job = "job", .step = "step",
				  .now = "2026-01-02T03:04:05.000Z", .busy_ms = 30000, .log_fd = STDERR_FILENO};
	for (char *all = xstrdup(names), *save = NULL, *name = strtok_r(all, " ", &save);;
	     name = strtok_r(NULL, " ", &save)) {
		char *file, *path;

		if (!name) {
			free(all);
			break;
		}
		file = xasprintf("%s.db", name);
		path = world_path(w, file);
		stores_add(&w->op.stores, name, path);
		free(path);
		free(file);
	}
}

static inline int world_remove(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static inline void world_close(struct world *w)
{
	stores_release(&w->op.stores);
	CHECK_INT(nftw(w->folder, world_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* With ' for ": JSON is easier to read so in C. */
static inline json_t *json_of(const char *text)
{
	char *copy = xstrdup(text);
	struct buf err = BUF_INIT;
	json_t *v;

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	v = json_parse(copy, strlen(copy), &err);
	if (!v)
		fail_msg("%s in %s", err.data, copy);
	buf_release(&err);
	free(copy);
	return v;
}

static inline json_t *world_try(struct world *w, const char *name, const json_t *with, struct fault *f)
{
	return op_perform(&w->op, op_words, ARRAY_LEN(op_words), name, with, f);
}

/* The answer; it has to succeed. */
static inline json_t *world_do(struct world *w, const char *name, const char *with)
{
	struct fault f = FAULT_INIT;
	json_t *params = json_of(with), *answer = world_try(w, name, params, &f);

	if (!answer)
		fail_msg("%s: %s", name, f.text.data);
	json_decref(params);
	fault_release(&f);
	return answer;
}

/* It has to fail, and to say so. */
static inline void world_fails(struct world *w, const char *name, const char *with, const char *says)
{
	struct fault f = FAULT_INIT;
	json_t *params = json_of(with), *answer = world_try(w, name, params, &f);

	if (answer)
		fail_msg("%s should have failed: %s", name, says);
	CHECK_STR(f.text.data, says);
	json_decref(params);
	fault_release(&f);
}

/* One value from a store's file, as text; looked up without any code of lib/store. */
static inline char *world_sql(struct world *w, const char *file, const char *sql)
{
	char *path = world_path(w, file), *text;
	sqlite3 *db = NULL;
	sqlite3_stmt *st = NULL;

	CHECK_INT(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	text = sqlite3_step(st) == SQLITE_ROW && sqlite3_column_text(st, 0)
		       ? xstrdup((const char *)sqlite3_column_text(st, 0))
		       : xstrdup(sqlite3_errcode(db) == SQLITE_DONE ? "" : sqlite3_errmsg(db));
	sqlite3_finalize(st);
	sqlite3_close(db);
	free(path);
	return text;
}

#define CHECK_SQL(w, file, sql, want)                                                              \
	do {                                                                                       \
		char *got_ = world_sql((w), (file), (sql));                                        \
		CHECK_STR(got_, (want));                                                           \
		free(got_);                                                                        \
	} while (0)

#endif
