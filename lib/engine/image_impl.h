/* The file of an image, between who writes it and who reads it. */
#ifndef ENGINE_IMAGE_IMPL_H
#define ENGINE_IMAGE_IMPL_H

#include "base/digest.h"
#include "base/ulid.h"
#include "engine/image.h"
#include "run/schedule.h"

/*
 *	header | body: image_head | documents | files | told | names
 *
 * documents and files are struct sight; their names, and those of the environment and the texts of the head, are
 * positions among the names, each of which ends with a NUL.
 */
struct image_header {
	char magic[8];
	uint64_t by;	    /* who wrote it: this version of the program */
	uint64_t len, hash; /* of the body */
};

/* An event of the run that is about a job. */
struct image_told {
	uint32_t seq, n_settled; /* so many steps by then */
};

struct image_head {
	struct ulid run;
	char request[DIGEST_HEX + 1], env[DIGEST_HEX + 1]; /* keyed: there may be secrets among what was asked */
	char synced;  /* durability: full */
	char native;  /* so are all documents: looking closer finds nothing more to say */
	int64_t run_no, freshness;
	uint64_t n_documents, n_files, n_told;
	uint32_t by_state[STATE_COUNT];	     /* steps */
	uint32_t root, asked, target, names_of_env; /* asked: as it was; target: what that comes to; env: one name behind the other, to an empty one */
};

/* The bytes of the file with this body, appended; whether it is such a file. */
void image_seal(const struct buf *body, struct buf *out);
bool image_is_sealed(const struct buf *file);

/* Of request and environment, under the key of that ledger. */
void image_digest(const char *ledger, bool touch_nothing, const json_t *what, struct digest *ret);
/* The named variables and their values. */
json_t *image_environ(const char *const *environ, const char *names);

/* `.orchmake/images/NAME` below dir; the caller frees. */
char *image_path(const char *dir, const char *name);

#endif
