/*
 * Diagnostics: errors, warnings and notes with a place, collected so that all
 * errors of a document are reported in one go.  Texts: lower case, no full stop,
 * the culprit in quotes, what happened before why.
 *
 *	Jobfile:12:5: error: unknown key 'tmeout' in step 'pull'
 *	   12 |     tmeout: 30s
 *	      |     ^~~~~~
 *	      = did you mean 'timeout'?
 *
 * They come out in the order they were given.  Without a source the place is
 * `orchmake: `, without a line it is `NAME: `.
 */
#ifndef DOC_DIAG_H
#define DOC_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/buf.h"
#include "doc/source.h"

struct diags;

enum diag_kind { DIAG_ERROR, DIAG_WARNING, DIAG_NOTE, DIAG_HINT };

struct diag {
	enum diag_kind kind;
	struct mark mark;
	const char *text; /* as given: may hold what a terminal should not see */
};

struct diags *diags_new(void);
void diags_free(struct diags *d); /* NULL is fine */

void diag_error(struct diags *d, struct mark m, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void diag_warn(struct diags *d, struct mark m, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A second place that belongs to the error or warning before it. */
void diag_note(struct diags *d, struct mark m, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The way out, for the error or warning before it; no place of its own. */
void diag_hint(struct diags *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A hint at the word that may have been meant.  NULL or "": none is near, so nothing is said; false. */
bool diag_suggest(struct diags *d, const char *near);

size_t diags_errors(const struct diags *d);
size_t diags_warnings(const struct diags *d);
size_t diags_count(const struct diags *d);
const struct diag *diags_at(const struct diags *d, size_t i);

/*
 * The text form above; colour only if asked.  Control characters are made visible everywhere, a
 * long line is cut around the caret, and the caret stands right below wide and combining characters.
 */
void diags_format(const struct diags *d, struct buf *out, bool colour);
/*
 * [{kind, file, line, col, text, hints: [], notes: [{file, line, col, text}]}], for programs; file is
 * null without a source, line and col are 0 where there is none.
 */
void diags_format_json(const struct diags *d, struct buf *out);

#endif
