/*
 * Looking at files for steps that may have nothing to do.  lib/run/fresh.h decides; here is what it
 * is told: what files are and were, what a command comes to, what the ledger remembers.
 *
 * A file is looked at once a check (one stat); its content is read only where no hash is known for what the
 * stat says.  Reading goes in pieces of a few milliseconds between the turns of the event loop.
 */
#ifndef ENGINE_FRESH_H
#define ENGINE_FRESH_H

#include "base/arena.h"
#include "base/file_state.h"
#include "base/map.h"
#include "base/sights.h"
#include "job/files.h"
#include "ledger/ledger_read.h"
#include "run/fresh.h"

struct engine;
struct verdict;
struct attempt;
struct attempt_ended;
struct fresh_unit;

/* --- file_table.c: contents known by name ------------------------------------------------------------ */

struct known_file {
	const char *path; /* clean: relative to the root, if it is below it */
	struct file_id id; /* of the content that was hashed */
	uint64_t hash;
	int64_t since_wall_ms; /* when this content was first seen */
	bool known;	       /* the three above say something */
	bool settled;	       /* the hash may be reused while the id stands */
	bool asked;	       /* of the ledger */
	bool pinned;	       /* -o: it counts as it was last seen */
};

struct file_table {
	const char *root;
	int root_fd;
	struct arena *arena;
	struct map file; /* path -> struct known_file */
	struct ledger *ledger; /* where contents are remembered; NULL: nowhere */
	bool may_write;	       /* to it */
	bool has_all;	       /* of the ledger */
	struct sights *sights; /* where what is looked at is put down; may be NULL */
};

void file_table_init(struct file_table *t, const char *root);
void file_table_release(struct file_table *t);
void file_table_read_all(struct file_table *t);
struct known_file *file_table_get(struct file_table *t, const char *path);
/* A content has been read: keep it, here and in the ledger. */
void file_table_learn(struct file_table *t, struct known_file *k, const struct file_id *id, uint64_t hash,
		      bool settled);

/* --- file_list.c: what inputs or outputs come to --------------------------------------------------------- */

/* A file as a stat found it. */
struct seen_file {
	struct known_file *file;
	struct file_id id;
	uint64_t hash;
	mode_t mode;
	bool settled; /* when it was looked at */
	bool hashed;  /* hash is of what it was then */
};

struct file_list {
	struct seen_file *at;
	size_t n, room;
	char *missing; /* the first name that stands for nothing, and is no glob; owned */
	int error;     /* errno of it, if it is not that there is none */
};
void file_list_release(struct file_list *l);

/* The value of a name that a depfile has: it is one file, whatever it looks like, and may be missing. */
extern const char file_of_depfile[];

/*
 * Look at everything that names (clean) stand for: files, what matches globs, what lies below folders.
 * What `without` means (a step's own outputs) is left out of globs and folders.
 */
void file_list_look(struct file_table *t, struct file_list *l, const struct map *names, const struct map *without);

/* Going through a list, hashing what is not known. */
struct file_cursor {
	size_t at;
	uint64_t hash; /* of all so far, in order, with their names */
	struct file_hasher *hasher;
	struct file_id id; /* of what the hasher reads */
	bool settled;
	const char *changed; /* the first that has another content than at since_ms; NULL: none */
	bool only_unsettled; /* the others need not be read now */
	int error;	     /* errno: one could not be read; failed says which */
	const char *failed;
};
/* True when it is through (or failed); false when the time is up. */
bool file_cursor_go(struct file_cursor *c, struct file_table *t, struct file_list *l, int64_t since_ms,
		    int64_t until_mono_ns);
void file_cursor_release(struct file_cursor *c);
/* The first file of l that is not what it was when it was looked at; NULL: none. */
const char *file_list_moved(struct file_table *t, const struct file_list *l);

/* --- fresh_command.c -------------------------------------------------------------------------------------- */

/* What unit would do, as two hashes.  False and err: a value does not exist. */
bool fresh_command(struct engine *e, uint32_t unit, struct fresh_mark *ret, struct buf *err);
/*
 * Clean names of its inputs or outputs, as keys of ret.  Among the inputs are those that its depfile names as it is now;
 * the depfile itself is an output.
 */
bool fresh_names(struct engine *e, uint32_t unit, bool inputs, struct map *ret, struct buf *err);

/* --- fresh_found.c ------------------------------------------------------------------------------------------ */

/* Clean names that unit's depfile has, as keys of ret with file_of_depfile.  False and err: it is not there, or no rule of make. */
bool fresh_found(struct engine *e, uint32_t unit, struct map *ret, struct buf *err);
/* An attempt with a depfile has ended well: look at what it has read.  A depfile that is none is a failure. */
void fresh_look_found(struct engine *e, struct fresh_unit *f, const struct attempt *a, struct verdict *v);
/* From now on that is f's input; whether it changed while the attempt ran is found out first. */
void fresh_take_found(struct engine *e, struct fresh_unit *f);

/* --- discard.c ----------------------------------------------------------------------------------------------- */

/* Remove what has been written under these names since start_wall_ms: it is half-made. */
void discard_outputs(const char *root, const struct map *names, int64_t start_wall_ms);
/* The names of a step's outputs as far as they are known without a run, and those in the file at list. */
void discard_names(const struct step *st, const char *root, const char *list, struct map *ret);

/* --- fresh.c: asking, answering, recording -------------------------------------------------------------------- */

enum fresh_phase { FRESH_COMPARES, FRESH_PROBES, FRESH_SECURES, FRESH_RUNS, FRESH_RECORDS };

/* A step that has been asked about, until its success is recorded. */
struct fresh_unit {
	uint32_t unit;
	enum fresh_phase phase;
	struct fresh_facts facts;
	char *key;
	struct map in_names, out_names;
	struct file_list input, output;
	struct file_list found;	 /* after a success with a depfile: what has been read, by its account */
	bool finds;
	int64_t start_wall_ms;	 /* of that success */
	struct file_cursor in, out;
	struct action question; /* asked again if the probe waits for a value */
	char *probe_end;       /* how the probe ended, in words */
	enum reason why;
	char *cause;
	uint64_t before;       /* of the inputs that had been read before the start */
	bool rechecked;	       /* those again */
	const char *moved;     /* an input that changed while it ran */
	int64_t ended_mono_ns; /* when its outputs were looked at */
};

/* A command that says whether a step has anything to do. */
struct probe {
	uint32_t unit, serial;
};

struct fresh {
	struct file_table files;
	struct fresh_unit **unit; /* by unit, as far as n_units; NULL: none */
	uint32_t n_units;
	const char **what_if;	  /* by unit of the graph as it began: what -W named; NULL: nothing */
	uint32_t n_what_if;
	struct map old;		  /* files that -o named */
	struct map record;	  /* key -> struct kept_record, once all have been read */
	bool has_all;
	uint32_t *asked; /* units whose answer takes reading; first come first served */
	size_t n_asked, at_asked, room_asked;
	uint32_t *to_probe; /* units whose probe has not been started yet */
	size_t n_to_probe, at_to_probe, room_to_probe;
	struct probe *probe; /* those that run */
	size_t n_probes, room_probes;
	uint32_t *recording;
	size_t n_recording, at_recording, room_recording;
	struct outlook *outlook;
};

bool fresh_new(struct engine *e, struct diags *d);
void fresh_free(struct engine *e);
/* The ledger is open: it may be asked. */
void fresh_open(struct engine *e, struct ledger *l, bool may_write);

/* Everything about unit but contents; NULL and err: its files or its command cannot be known.  coming: names
 * that may be missing, because a step makes them first. */
struct fresh_unit *fresh_unit_new(struct engine *e, uint32_t unit, const struct file_index *coming,
				  struct buf *err);
void fresh_unit_free(struct fresh_unit *f);
/* Compare contents; true when it is known. */
bool fresh_unit_compare(struct engine *e, struct fresh_unit *f, int64_t until_mono_ns);
/* What an earlier success gave to others becomes unit's result; false: it is not known any more. */
bool fresh_reuse_result(struct engine *e, uint32_t unit);

/* Answer the schedule's question, now or in a later turn. */
void fresh_ask(struct engine *e, const struct action *question);
/* Milliseconds until there is something to record; -1: there is nothing. */
int64_t fresh_due_ms(const struct engine *e);
/* What -W named and unit comes behind; NULL: nothing. */
const char *fresh_what_if(const struct engine *e, uint32_t unit);
/* fresh_probe.c: have f's probe run, as soon as no more than the slots run; fresh_probed() goes on with f, or lets go of it. */
void fresh_probe(struct engine *e, struct fresh_unit *f);
/* True: it was a probe's end and no step's. */
bool fresh_probe_ended(struct engine *e, const struct attempt_ended *end);
bool fresh_probing(const struct engine *e);
enum probed { PROBED, PROBE_REFUSED, PROBE_AGAIN };
void fresh_probed(struct engine *e, struct fresh_unit *f, enum probed how, const char *text);
struct fresh_unit *fresh_kept(const struct engine *e, uint32_t unit);
/* A piece of what there is to read; true if more is left. */
bool fresh_turn(struct engine *e);
/* Nothing is left to record. */
bool fresh_idle(const struct engine *e);
/* An attempt starts: the folders of its outputs are there, and it is noted where they are, for whoever has to
 * remove them. */
void fresh_started(struct engine *e, uint32_t unit, uint32_t serial);
/* An attempt has been judged: a success must have made its outputs, a failure leaves none that are half-made. */
void fresh_ended(struct engine *e, const struct attempt *a, struct verdict *v);
/* Why unit ran, and what the reason's %s stands for (NULL: nothing). */
enum reason fresh_why(const struct engine *e, uint32_t unit, const char **ret_cause);

#endif
