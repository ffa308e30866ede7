/*
 * Files by a pattern.  Wild cards are those of glob(7), none of which stands for a dot that begins a name.  `**` between
 * slashes stands for any folders, none included, but for hidden ones; at the end for all files below.  A pattern with
 * `**` finds files, no folders, and goes through no link to a folder, so that a circle of links is none.
 */
#ifndef BASE_FILE_GLOB_H
#define BASE_FILE_GLOB_H

#include <stdbool.h>
#include <stddef.h>

struct file_matches {
	char **at; /* owned; as the pattern has them: relative to the folder, or absolute; in the order of bytes */
	size_t n, room;
};

/* Whether a pattern has `**` as one of its parts. */
bool file_glob_is_deep(const char *pattern);
/* Whether name matches, by the text alone. */
bool file_glob_match(const char *pattern, const char *name);
/* All that match from folder dir on, else the file that is called so itself; 0, or the errno of a folder that could not be read. */
int file_glob(const char *dir, const char *pattern, struct file_matches *ret);
void file_matches_release(struct file_matches *m);

#endif
