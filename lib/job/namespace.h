/*
 * Namespaces.  What a document that is included `as: NAME` declares is called NAME.what from outside; the text
 * of that is the namespace, within others with dots ("a.b"), and NULL is the outermost.  In a namespace a name is
 * looked for there first, then in the one around it, and so on outward.
 */
#ifndef JOB_NAMESPACE_H
#define JOB_NAMESPACE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"

/* name, declared in ns, as it is called from outside. */
const char *namespace_full(struct arena *a, const char *ns, const char *name);

/* What the first n bytes of name mean in ns among the full names that map has, and in full that name; NULL: nothing. */
void *namespace_get(const struct map *map, const char *ns, const char *name, size_t n, struct buf *full);

/* The length of the namespace around the first n bytes of ns; 0: the outermost. */
size_t namespace_outward(const char *ns, size_t n);

/* Whether name, said in ns, can mean full. */
bool namespace_means(const char *ns, const char *name, const char *full);

/* Whether what is declared in `outer` is seen from ns without saying where. */
bool namespace_sees(const char *ns, const char *outer);

/* The shortest that can be said for full in ns; points into full. */
const char *namespace_short(const char *ns, const char *full);

#endif
