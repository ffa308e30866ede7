/*
 * What `export` can write.  To add a format: write export_NAME.c with the function that exports.def
 * then declares, and add its line there.
 */
#ifndef SRC_EXPORT_H
#define SRC_EXPORT_H

#include "cmd.h"

/* Append jobs to out; false after diagnostics in d. */
typedef bool export_fn(const struct jobfile *jf, const struct job *j, struct buf *out, struct diags *d);

#define EXPORT(name, sentence) export_fn export_##name;
#include "exports.def"
#undef EXPORT

#endif
