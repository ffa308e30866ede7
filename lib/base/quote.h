/* Texts as words of a shell, so that a person can paste what is shown. */
#ifndef BASE_QUOTE_H
#define BASE_QUOTE_H

#include <stddef.h>

#include "base/buf.h"

/*
 * One word that says text, appended: as it is where nothing in it means something to a shell, else in '...'; with
 * control characters (lines and tabs apart) as $'...', which sh knows by POSIX 2024 and bash and zsh ever since.
 */
void quote_word(struct buf *out, const char *text);

/* In '...' whatever it is, which every sh takes as it stands. */
void quote_text(struct buf *out, const char *text);

/* A command and its arguments: a first word with a = in it would be taken for an assignment, and is quoted. */
void quote_command(struct buf *out, const char *const *argv, size_t n);

#endif
