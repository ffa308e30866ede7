/*
 * Which of many outputs an input means, by their names alone.  Names are clean (path_clean).
 * An input may name an output, a folder that an output lies in or that is an output, or
 * be a glob that outputs match; an output may be a glob too.
 */
#ifndef JOB_FILES_H
#define JOB_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/map.h"
#include "job/jobfile.h"

enum { FILE_NONE = UINT32_MAX };

struct file_index {
	struct map literal; /* name -> number + 1 */
	struct map below;   /* folder -> struct file_list *: outputs in it, however deep */
	struct file_glob *glob;
	size_t n_globs, room_globs;
};

/* The clean name of a file in a Jobfile whose folder is root, also if it is said from / on. */
void file_name_clean(struct buf *out, const char *root, const char *name);
bool is_file_glob(const char *name);
/* Whether there are files that it makes: outputs, or a depfile. */
bool makes_files(const struct traits *t);
/* Whether a step's files decide whether it runs: false for those that always do. */
bool asks_fresh(const struct traits *t);
/* The kind in effect: never FRESH_DEFAULT. */
enum fresh_kind fresh_kind_of(const struct traits *t);
const char *fresh_word(enum fresh_kind k);

/* The number that has that output already, or FILE_NONE and it is number's now. */
uint32_t file_index_add(struct file_index *x, const char *name, uint32_t number);
/* Every number with an output that input means, some perhaps twice. */
void file_index_find(const struct file_index *x, const char *input, void (*found)(void *ctx, uint32_t number),
		     void *ctx);
/* Whether input means something that has this output. */
bool file_means(const char *input, const char *output);
void file_index_release(struct file_index *x);

#endif
