/*
 * Documents of other programs as native Jobfiles.  An importer reads a text and answers a Jobfile in JSON
 * that does what the other program would have done.  What a Jobfile has no word for is an error with its place and what to
 * write instead; what comes out a little different, or loses something, is a warning, which `import`
 * writes above the Jobfile.  Nothing of the document is run.  To add a format: its line in formats.def, its function here.
 */
#ifndef IMPORT_IMPORT_H
#define IMPORT_IMPORT_H

#include <jansson.h>

#include "doc/diag.h"
#include "doc/source.h"

struct import_where {
	const char *dir;	 /* the folder that names in the document are relative to */
	const char *const *verb; /* names a job may not bear */
	size_t n_verbs;
};

/* New reference; NULL after errors in d. */
typedef json_t *import_fn(const struct source *s, const struct import_where *w, struct diags *d);

#define IMPORT(name, files, sentence) import_fn import_##name;
#include "import/formats.def"
#undef IMPORT

struct import_format {
	const char *name, *files, *sentence;
	import_fn *read;
};

extern const struct import_format import_formats[];
extern const size_t n_import_formats;

/* By its word, or NULL. */
const struct import_format *import_find(const char *name);
/* What the document is by its name, or by its keys; NULL: none of these. */
const struct import_format *import_recognise(const struct source *s, const char *path);

#endif
