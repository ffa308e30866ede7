/*
 * What was looked at on the way to a decision, and how it was found.  As long as all of it would be found so again, the
 * decision would be the same.
 *
 * Names are relative to one folder, which whoever keeps the list knows.  What might change unseen (file_state.h:
 * not settled), or cannot be told by a stat, spoils the list: from then on it is empty, and says why.
 */
#ifndef BASE_SIGHTS_H
#define BASE_SIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/file_state.h"

enum sight_kind {
	SIGHT_FILE,    /* or a folder that was listed: this very one, unchanged */
	SIGHT_LINK,    /* the link itself */
	SIGHT_FOLDER,  /* a folder, whichever and whatever is in it */
	SIGHT_NOTHING, /* there was nothing */
	SIGHT_KINDS,
};

struct sight {
	struct file_id id; /* of a FILE or LINK */
	uint32_t name;	   /* where it begins in the names */
	uint32_t kind;
};

struct sights {
	struct sight *at;
	size_t n, room;
	struct buf names;	   /* each with its NUL */
	const char *spoilt;	   /* why; a constant; NULL: it is not */
};
#define SIGHTS_INIT {.names = BUF_INIT}

void sights_release(struct sights *l);

/* Below, l may be NULL: nobody wants to know. */
void sights_spoil(struct sights *l, const char *why);
/* A stat has just been made of it. */
void sights_add(struct sights *l, enum sight_kind kind, const char *name, const struct stat *st);
/* Look at it now, below folder: whether it is there, and whether it is a folder, was asked. */
void sights_look(struct sights *l, const char *folder, const char *name);
/* The entries of a folder were read, after this call. */
void sights_list(struct sights *l, const char *folder, const char *name);
/* What matches pattern from folder on was looked for, after this call. */
void sights_match(struct sights *l, const char *folder, const char *pattern);

/* In order, and each once. */
void sights_sort(struct sights *l);
/* The first that is not found so again, from the folder dir on; NULL: none. */
const char *sights_differ(const struct sight *at, size_t n, const char *names, int dir);

#endif
