/*
 * Text for a terminal: steps' words made harmless, widths in columns, colours by
 * meaning.  What a step printed must never move the cursor or set the title.
 */
#ifndef REPORT_TTY_H
#define REPORT_TTY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/span.h"

/*
 * Made harmless: escape sequences, colours among them, go; tabs and ends of lines become blanks; other control
 * characters, broken UTF-8 and what turns the direction of writing become U+FFFD.
 */
void tty_clean(struct buf *out, struct span text);

/*
 * One line of what a step printed, without its end: as above, but tabs reach their stops, and of what was written over
 * and over behind a carriage return, as a bar of progress is, the last stays.
 */
void tty_clean_line(struct buf *out, struct span line);

/* Columns that clean text takes (wide characters two, combining ones none). */
size_t tty_width(const char *text);

/* text cut to at most columns, with … if something was cut; appended. */
void tty_cut(struct buf *out, const char *text, size_t columns);

enum tone { TONE_PLAIN, TONE_GOOD, TONE_BAD, TONE_WARN, TONE_DIM, TONE_BOLD };
/* text in that tone if colour is wanted, else as it is. */
void tty_tone(struct buf *out, bool colour, enum tone t, const char *text);

/* Columns and rows of the terminal behind fd; 80 x 24 if it does not say. */
void tty_size(int fd, unsigned *ret_columns, unsigned *ret_rows);

#endif
