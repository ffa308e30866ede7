/*
 * What a YAML document was read as, kept beside the ledger: its events, checked and with aliases carried out, so
 * that the next start has them without the syntax, which is most of what reading costs.
 *
 * It holds for one text, one version of this program and one of libyaml, by hash.  What is stale, damaged, somebody
 * else's or written by others is as good as nothing: the text is read.  The whole of it has been looked through
 * before the first event is believed.
 *
 *	header | event ...
 *	event: kind and style u8 | line, from that before | column | length (varints) | of a scalar: length, bytes
 */
#ifndef DOC_COMPILED_H
#define DOC_COMPILED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "doc/source.h"

struct compiled;

enum { COMPILED_MIN = 64 * 1024 }; /* bytes of a text that it is worth it for */

/*
 * Of s, which outlives it, in the folder dir; read if it is there.  NULL: s is too short.  The name of the file is
 * made from that of the document, so that there is one for each, whatever its content.  may_make: if it is not there,
 * a cursor puts it down.
 */
struct compiled *compiled_open(const char *dir, const struct source *s, bool may_make);
void compiled_free(struct compiled *k); /* NULL is fine */

/* It was there and holds: cursor_open_compiled() reads it. */
bool compiled_is_known(const struct compiled *k);

/* It was not, and a cursor has put it down since, to the end and without an error. */
bool compiled_is_due(const struct compiled *k);
/* Write it; the folder is there, and ours. */
void compiled_save(struct compiled *k);
/* It has been read, if it was known: what is left of it is what is due. */
void compiled_rest(struct compiled *k);

/* The bytes of a file with these events (len of them) for s, appended; and what is made of such a file. */
void compiled_seal(const struct source *s, const void *events, size_t len, struct buf *out);
struct compiled *compiled_from(const struct source *s, const void *file, size_t len);

#endif
