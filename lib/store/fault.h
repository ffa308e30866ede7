/*
 * Why an operation failed: what a person reads, and what a program decides by.
 * The first failure stands; only complaints about parameters gather, so that all
 * of them are told at once.  A function that takes one returns false (or NULL)
 * once it has set it.
 */
#ifndef STORE_FAULT_H
#define STORE_FAULT_H

#include <jansson.h>
#include <sqlite3.h>
#include <stdbool.h>

#include "base/buf.h"

enum fault_kind {
	FAULT_NONE,
	FAULT_PERMANENT, /* it would fail again */
	FAULT_TRANSIENT, /* it may work later: somebody held the store too long */
	FAULT_USAGE,	 /* the parameters are wrong: nothing was tried */
};

/* The codes of JSON-RPC and of storacle. */
enum fault_code {
	CODE_ASSERTION = -32001,
	CODE_STORAGE = -32003,
	CODE_PARAMS = -32602, /* wrong parameters, and a known key with other content */
};

struct fault {
	enum fault_kind kind;
	enum fault_code code;
	struct buf text;
	json_t *details; /* further fields for programs, or NULL */
};

#define FAULT_INIT {.text = BUF_INIT}

void fault_release(struct fault *f);

/* Return false, for `return fault_set(...)`. */
bool fault_set(struct fault *f, enum fault_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* About the parameters; gathers. */
bool fault_usage(struct fault *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What SQLite says now about db; busy and locked are transient. */
bool fault_sqlite(struct fault *f, sqlite3 *db, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* What errno says now. */
bool fault_errno(struct fault *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Put where it happened in front: `PLACE: text`. */
void fault_within(struct fault *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Add a field for programs; takes over v. */
void fault_detail(struct fault *f, const char *key, json_t *v);

/* {"error": {type, code, message, ...}}; a new reference. */
json_t *fault_json(const struct fault *f);

#endif
