/*
 * Regular expressions (PCRE2), the only file that knows the library.  Always with
 * match, depth and heap limits: a limit hit is an error, never "no match".
 *
 * All of a search, whatever it tries and wherever it starts, costs at most a
 * fixed number of steps and a few for each byte of the subject, which has at most 1 MB.
 * Text that is not UTF-8 is fine: a bad byte is a character that no pattern names.
 */
#ifndef JOB_PATTERN_H
#define JOB_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/span.h"

struct pattern;

/* The version of the library that is in use, without its date. */
void pattern_library(struct buf *out);

enum {
	PATTERN_TEXT_MAX = 4096,	/* bytes of a pattern */
	PATTERN_SUBJECT_MAX = 1 << 20,	/* bytes searched; more is PATTERN_LIMIT */
};

/* `/text/flags` (flags: i m s x) or, without slashes, the text itself.  NULL and a message with the
 * offset in err.  At most 4 kB. */
struct pattern *pattern_new(const char *text, struct buf *err);
void pattern_free(struct pattern *p); /* NULL is fine */
const char *pattern_text(const struct pattern *p); /* as written */

/*
 * The offset of the slash that closes the `/...` at the start of text; 0 if there is none.  A slash
 * inside is written `\/` or stands in a class.
 */
size_t pattern_close(struct span text);

enum pattern_result { PATTERN_NO, PATTERN_YES, PATTERN_LIMIT };

/* Search in subject. */
enum pattern_result pattern_match(const struct pattern *p, struct span subject);

/*
 * The last match in subject: *ret is its first group (the whole match if it has none, or if the group
 * took no part) and points into subject.  For `error:`.
 */
enum pattern_result pattern_last(const struct pattern *p, struct span subject, struct span *ret);

/* How many spans pattern_first writes: one for the whole match, one for each group. */
size_t pattern_spans(const struct pattern *p);

/* The first match: ret[0] the whole, then each group, at == NULL if it took no part; into subject. */
enum pattern_result pattern_first(const struct pattern *p, struct span subject, struct span *ret);

/* Whether the groups that `with` names exist; false and a message. */
bool pattern_check_with(const struct pattern *p, const char *with, struct buf *err);

/*
 * Replace every match; $1 and ${name} in with stand for groups, $0 for the whole match, $$ for a
 * dollar.  `with` has passed pattern_check_with.  What out gets has at most max bytes: if there would be
 * more the answer is PATTERN_LIMIT, and out has grown by more than max.  Otherwise PATTERN_LIMIT
 * leaves out as it was.
 */
enum pattern_result pattern_replace(const struct pattern *p, struct span subject, const char *with,
				    size_t max, struct buf *out);

/* Shell-style names with * ? [..]: for job selection; fnmatch without slashes being special. */
bool glob_match(const char *glob, const char *text);

#endif
