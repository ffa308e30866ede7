/*
 * Texts for sh, as the programs that are imported write them: where in one a place is, whether a value means the same
 * when it comes by a variable, and several commands as one text.
 */
#ifndef IMPORT_SHELL_H
#define IMPORT_SHELL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* How a character would be read at this place. */
enum sh_at {
	SH_PLAIN,
	SH_DOUBLE, /* between " */
	SH_SINGLE, /* between ': nothing is expanded */
	SH_COMMENT,
	SH_UNKNOWN, /* past what is understood: here-documents, an escape, very deep nesting */
};

enum { SH_DEEP = 32 };

/* Goes along a text.  { 0 } is its start. */
struct sh_scan {
	struct {
		enum sh_at at;
		bool ticks;    /* it ends with `, not with ) */
		unsigned open; /* parentheses of its own */
	} level[SH_DEEP];
	unsigned deep; /* command substitutions around this place; past SH_DEEP nothing is known */
	bool escaped, dollar, here, in_word;
	char last;
};

void sh_scan(struct sh_scan *s, const char *text, size_t len);
enum sh_at sh_where(const struct sh_scan *s);

/* Whether $NAME with this value does what the value itself does, written in the text of a command. */
bool sh_value_is_plain(const char *value);
bool sh_is_name(const char *text, size_t len);

struct sh_command {
	const char *text;
	bool may_fail; /* goes on whatever it ends with */
};

/*
 * The commands one after the other, each as if in a shell of its own, as one text for `sh -c`: the first that fails
 * is the end, with its status.
 */
void sh_join(struct buf *out, const char *shell, const struct sh_command *c, size_t n);

#endif
