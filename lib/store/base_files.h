/*
 * Files below a base folder, which no path of a plan can leave: absolute paths,
 * `..` and symbolic links anywhere on the way are refused, each folder being
 * opened from the one above it.
 *
 * Writing has two steps, so that files can wait for a commit: stage puts the
 * content into a nameless file (nothing stays behind if we are killed), publish
 * gives it its name, replacing what was there at once.
 */
#ifndef STORE_BASE_FILES_H
#define STORE_BASE_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/map.h"
#include "store/fault.h"

struct staged_file {
	char *path;  /* as given, for messages */
	char *name;  /* its last part */
	char *tmp;   /* the temporary name beside it, where nameless files are not to be had; or NULL */
	int dir, fd; /* -1: none */
	bool shares_dir; /* with the file before it */
	size_t size;
	bool unchanged; /* the file has this content already: publish does nothing */
};

struct staged_files {
	struct staged_file *file;
	size_t n, room;
	struct map paths; /* of the files: each is written once */
	int base; /* the folder */
	char **made; /* folders that were not there before, outermost first */
	size_t n_made, room_made;
};

/* False with a complaint if base cannot be opened. */
bool staged_open(struct staged_files *s, const char *base, struct fault *f);
/* The file just staged is the last one. */
bool staged_add(struct staged_files *s, const char *path, const void *data, size_t len, struct fault *f);
/* In the order they were added. */
bool staged_publish(struct staged_files *s, struct fault *f);
/* Drop what was not published, and the folders made for it. */
void staged_release(struct staged_files *s);

/* The content of the file at path below base, at most max bytes. */
bool base_read(const char *base, const char *path, struct buf *out, size_t max, struct fault *f);

/*
 * A path below base for SQLite, which opens by name: the folder is checked as above and the
 * file itself is no symbolic link.  The caller frees; NULL after a complaint.
 */
char *base_sqlite_path(const char *base, const char *path, struct fault *f);

#endif
