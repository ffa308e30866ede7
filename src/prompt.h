/*
 * Lines from whoever types them.  On a terminal a program of its own asks for them (orchmake-prompt: editing, history,
 * completion); otherwise they are read from standard input.
 */
#ifndef SRC_PROMPT_H
#define SRC_PROMPT_H

#include <signal.h>

#include "cmd.h"

struct prompt;

struct prompt_options {
	const char *libexec;
	const char *history; /* name of its file, such as `sql` */
	const char *breaks;  /* what ends a word, for completion */
	/* Words that may stand where `line` ends, one a line; its last word begins at `word`. */
	void (*complete)(void *ctx, const char *line, size_t word, struct buf *out);
	void *ctx;
};

struct prompt *prompt_open(const struct prompt_options *o);
void prompt_close(struct prompt *p);

/* The next line, without its end, which the caller frees; NULL: there are no more.  broken: Ctrl-C, the line is empty. */
char *prompt_line(struct prompt *p, const char *text, bool *ret_broken);
bool prompt_is_terminal(const struct prompt *p);

/* Set by Ctrl-C; cleared when prompt_line() begins to ask. */
const volatile sig_atomic_t *prompt_interrupted(void);

#endif
