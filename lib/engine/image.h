/*
 * An image of a run that found everything up to date: what was asked, what was looked at and how it was found, and which
 * run of the ledger it was.  A later run that asks the same, and to which all of it looks the same, need read no
 * document, build no graph and decide nothing: it has found what that one found, and is recorded as having found it.
 *
 * It is a file below .orchmake/, one for each thing to be asked, of one version of this program.  What is damaged,
 * somebody else's, of another version or request, or about anything that has changed since is as good as nothing:
 * the run goes the usual way.  An image is made only by a run whose decisions depend on nothing that is not in it.
 */
#ifndef ENGINE_IMAGE_H
#define ENGINE_IMAGE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/sights.h"
#include "engine/options.h"
#include "report/sink.h"

/* What somebody asks, as far as it makes a difference. */
struct image_request {
	const char *name;	  /* of the file: whatever is asked under it takes the place of what was asked before */
	const json_t *what;	  /* all that makes a difference */
	struct sights *documents; /* that were looked at for it, from the current folder on */
};

struct image;

/*
 * The image of what o->request asks, if there is one that holds as far as files and environment go; the ledger is asked
 * later.  NULL and why.
 */
struct image *image_find(const struct run_options *o, struct buf *why);
void image_free(struct image *im); /* NULL is fine */

/* The folder of the Jobfile. */
const char *image_root(const struct image *im);
/* The target, and how many steps have nothing to do; false: to say what would run takes more than that. */
bool image_all_cached(const struct image *im, const char **ret_target, uint32_t *ret_n);

/* It holds for the ledger as well; which is only looked at.  False and why. */
bool image_stands(const struct image *im, struct buf *why);

struct image_run;

/* Be that run: it is on record, from its beginning to its end.  NULL and why: it is not, and has to go the usual way. */
struct image_run *image_record(const struct image *im, const struct run_options *o, struct buf *why);
/* Then tell. */
void image_tell(const struct image_run *a, const struct sinks *sinks);
/* The result document; NULL: it cannot be read. */
json_t *image_result(const struct image_run *a);
void image_run_free(struct image_run *a); /* NULL is fine */

#endif
