/*
 * The stores of a Jobfile: names for SQLite files.  And a session: one connection
 * to some of them, in which each store is a schema of its own name
 * ("raw"."objects").  The first by name is the connection's main file.
 *
 * A session that writes is one transaction: it locks its stores in the order of
 * their names, so that two sessions never wait for each other, and commits them
 * together.  SQLite makes that atomic over several files only with a rollback
 * journal (its super-journal); a file in WAL mode would be committed by itself.
 * So stores that we make keep the rollback journal, and a session that writes
 * several stores refuses one in WAL mode.
 */
#ifndef STORE_STORES_H
#define STORE_STORES_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

#include "store/fault.h"

struct store {
	char *name;
	char *path;
};

struct stores {
	struct store **store; /* each stays where it is */
	size_t n, room;
};

#define STORES_INIT {0}

/* From a JSON map name -> path; NULL or "" is no store. */
bool stores_read(struct stores *s, const char *json, struct fault *f);
void stores_release(struct stores *s);
/* A file that a plan names by its path, as one more store of that name. */
const struct store *stores_add(struct stores *s, const char *name, const char *path);
/* NULL without a complaint if there is none. */
const struct store *stores_find(const struct stores *s, const char *name);
/* The same with a complaint that begins with where (`parameter 'dataset'`). */
const struct store *stores_need(const struct stores *s, const char *name, const char *where,
				struct fault *f);

enum session_mode {
	SESSION_READ,  /* the files have to be there */
	SESSION_WRITE, /* files and the folders above them are made */
};

enum { STORES_MAX = 11 }; /* SQLite's own bound: the main file and ten attached ones */

struct session {
	sqlite3 *db;
	const char *name[STORES_MAX]; /* sorted; borrowed from the stores */
	size_t n;
	enum session_mode mode;
};

/* The stores that a session shall have, each once. */
struct store_set {
	const struct store *store[STORES_MAX];
	size_t n;
};

bool store_set_add(struct store_set *set, const struct store *s, struct fault *f);

/* Open the stores of set, which has at least one, and begin; on failure nothing stays open. */
bool session_begin(struct session *s, struct store_set *set, enum session_mode mode, int busy_ms,
		   struct fault *f);
bool session_commit(struct session *s, struct fault *f);
/* What was not committed is undone.  A session that was not begun is fine. */
void session_end(struct session *s);

/* A statement, or NULL with a complaint.  The caller finalizes. */
sqlite3_stmt *session_prepare(struct session *s, const char *sql, struct fault *f);
/* Carry out a statement that gives no rows. */
bool session_run(struct session *s, const char *sql, struct fault *f);

#endif
