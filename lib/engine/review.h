/*
 * What was reviewed is what runs.  `plan` writes a document of what a run would do and of what that depends on;
 * `apply` makes it once more, compares (report/moved.h), and gives it to the run, which then starts nothing that is
 * not in it.  The document is canonical JSON: the same world gives the same one.  doc/design/plan.md has its fields.
 */
#ifndef ENGINE_REVIEW_H
#define ENGINE_REVIEW_H

#include <jansson.h>
#include <stdbool.h>

#include "base/digest.h"
#include "base/file_state.h"
#include "base/map.h"
#include "engine/engine.h"

enum { REVIEW_FORMAT = 1 };

/* An input's content, and the file that it was read from: while that is the same, it need not be read again. */
struct review_pin {
	struct file_id id;
	bool settled;
	struct digest digest;
};

struct file_index;

struct review {
	json_t *doc;
	struct digest hash; /* of doc without its `hash` */
	struct map pin;	    /* path -> struct review_pin */
	int64_t newest;	    /* number of the newest run that the ledger had; 0: none */
	bool late;	    /* a run that was held to it has not begun, because the ledger has moved since */
};

/*
 * Of an engine that was made for it and is not to be run.  options.past is the ledger; given is what the command line
 * said of what to run, as `apply` says it again.  False and err: what it depends on cannot be read.
 */
bool review_make(struct review *r, struct engine *e, json_t *given, struct buf *err);
void review_release(struct review *r);
/* Anything would run, or may. */
bool review_has_work(struct engine *e);

/* The document's text: canonical, with its hash, and a newline. */
void review_text(const struct review *r, struct buf *out);
/*
 * The document of a text, checked against its own hash.  NULL and err (which begins with the place, where there is
 * one).  New reference.
 */
json_t *review_read(const char *text, size_t len, struct buf *err);
/* When today() and now() are, by the document; 0: it does not matter. */
int64_t review_clock_ms(const json_t *doc);

/* --- inside -------------------------------------------------------------------------------------------- */

/* review_action.c: what unit would do, what its conditions come to, what these names are, as far as that is known; with
 * an outlook, what depends on others that would run is not.  What is not known is {"later": SOURCE}; of a condition,
 * null. */
json_t *review_action(struct engine *e, uint32_t unit, const struct outlook *outlook);
json_t *review_conditions(struct engine *e, uint32_t unit, const struct outlook *outlook);
json_t *review_names(struct engine *e, uint32_t unit, const struct outlook *outlook, const struct value_list *l);
/* review_step.c: all of one step.  coming: outputs of steps that would run. */
json_t *review_step(struct review *r, struct engine *e, uint32_t unit, const struct outlook *outlook,
		    const struct file_index *coming);
/* A name or a text that may be no UTF-8. */
json_t *review_string(const char *text);
void review_put(json_t *map, const char *key, json_t *v); /* takes over v */
/* The digest of a file, or JSON null: there is none, or it cannot be read. */
json_t *review_content(struct review *r, struct engine *e, const char *path);
/* What a run would make. */
void review_coming(struct engine *e, const struct outlook *outlook, struct file_index *coming);

/* review.c: what of a document does not depend on what was run before is as it is in doc. */
bool review_is_same(struct engine *e, const json_t *doc);

/* review_past.c: the ledger's part. */
json_t *review_ledger(struct review *r, struct engine *e);
json_t *review_difference(struct engine *e, const json_t *definition);
json_t *review_last(struct engine *e, uint32_t unit);

/* review_hold.c: a run that is held to options.hold. */
/* Before it begins: is it the one that was looked at? */
bool hold_open(struct engine *e);
/* The moment before unit starts: false and why, if what would run now is not what was looked at. */
bool hold_lets(struct engine *e, uint32_t unit, struct buf *why);
/* So many steps were not let. */
uint32_t hold_refusals(const struct engine *e);
void hold_close(struct engine *e);

#endif
