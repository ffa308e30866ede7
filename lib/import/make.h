/*
 * A Makefile as it is read: variables and rules with their places, then the targets that the rules come to.
 * Nothing is looked up twice in two ways: a variable that would have another value at another line is refused when it is
 * read, so that afterwards the order of lines counts no more.
 */
#ifndef IMPORT_MAKE_H
#define IMPORT_MAKE_H

#include "base/arena.h"
#include "base/map.h"
#include "import/import.h"
#include "import/shell.h"

/* A part of the document, without what continues a line and without comments; each byte knows where it is from. */
struct mk_text {
	const char *s; /* NUL-terminated */
	const uint32_t *at;
	size_t n;
};

struct mk_var {
	const char *name;
	struct mk_text value;
	struct mark mark;      /* of its definition; of its first use, if there is none */
	bool from_environment; /* ?=, or not set at all: the environment goes before it */
	bool is_builtin;
	bool set;
	bool exported;
	bool used; /* the Jobfile names it */
	bool read_early; /* its value has been needed while reading */
	struct mark early;
	bool written_out; /* its value stands in the Jobfile; else it is a param or a var of it */
	enum { MK_UNKNOWN, MK_LOOKED_AT, MK_STAYS } stays;
	int late; /* as in mk_is_late; 0: not known yet, -1: no */
	const char *shell; /* its whole value is $(shell THIS) */
};

struct mk_word {
	const char *name;
	struct mark mark;
};

struct mk_words {
	struct mk_word *at;
	size_t n, room;
};

struct mk_rule {
	struct mark mark;
	struct mk_words target, need, order;
	struct mk_text *line;
	size_t n_lines, room_lines;
	bool grouped, is_pattern, is_builtin, has_recipe;
	bool refused; /* what is wrong with its recipe has been said */
	const char *of; /* static pattern: what the targets look like */
};

struct mk_target {
	const char *name;
	struct mark mark;
	struct mk_words need, order;
	struct mk_rule *recipe; /* NULL: none, and no implicit rule either */
	const char *stem;	      /* of a pattern rule; NULL */
	bool phony;
	bool done; /* an implicit rule has been looked for */
	const struct mk_target *leader; /* of a grouped rule: the one whose job makes it; else itself */
	const char *job;
	/* what it comes to */
	bool acts;  /* there is something to run */
	bool is_dir;
	struct map before; /* jobs that go first where both run, because make would */
	int word; /* something that is done and is no file is in it; 0: not known yet, -1: no */
};

/* What $@ and its like are while a recipe is written; false after an error. */
struct mk_automatic {
	bool (*put)(void *ctx, char which, char part, struct mark mark, struct buf *out);
	void *ctx;
};

struct mk {
	const struct source *source;
	const struct import_where *where;
	struct arena *a;
	struct diags *d;
	struct map var;	   /* name -> struct mk_var */
	struct mk_rule **rule;
	size_t n_rules, room_rules;
	struct map target; /* name -> struct mk_target, in order of the document */
	const char *first; /* the default goal */
	struct mk_words depfile; /* that are included: names, or globs */
	bool has_depfile;	 /* of a target */
	bool no_builtins, alone, posix;
	bool reads_builtins;
	struct map told; /* that a warning has been given of */
	struct mk_automatic automatic; /* put NULL: no recipe is being written */
	unsigned deep;	 /* values inside values */
	size_t steps;	 /* characters of values looked at so far, and patterns tried */
};

/* make_read.c: the lines.  What is refused there is refused for good. */
void mk_read(struct mk *m);
struct mark mk_mark(const struct mk *m, const struct mk_text *t, size_t i, size_t len);
struct mk_text mk_part(const struct mk_text *t, size_t from, size_t to); /* trimmed */
bool mk_is(const struct mk_text *t, const char *word);

/* make_expand.c */
struct mk_var *mk_var(struct mk *m, const char *name, size_t len, struct mark mark);
enum mk_how {
	MK_EARLY, /* make does it while it reads: what has been used must not change any more */
	MK_NAMES, /* the same, and what it comes to stands in the Jobfile */
	MK_LATE,  /* stands in the Jobfile */
};
/* The text with everything in it worked out. */
void mk_expand(struct mk *m, const struct mk_text *t, enum mk_how how, struct buf *out);

/* More than a value that has an end comes to?  Said once; whoever writes into out stops then. */
bool mk_too_much(struct mk *m, struct mark mark, const struct buf *out);
/*
 * A reference that begins at t->s[i], which is a $: what is between the parentheses, or the one character; *ret_next is
 * behind it.  False after an error.
 */
bool mk_reference(struct mk *m, const struct mk_text *t, size_t i, struct mk_text *ret, size_t *ret_next);
/* The variable that inside names, and nothing else; NULL: it is no name, or one that make alone knows. */
struct mk_var *mk_plain_reference(struct mk *m, const struct mk_text *inside);
/* The value of a variable in a Jobfile: ${{ }} where it is made of others. */
void mk_value(struct mk *m, const struct mk_var *v, struct buf *out);
/* The variable that v is made of at the $ at *i, which then is the last character of the reference; NULL: none. */
struct mk_var *mk_made_of(struct mk *m, const struct mk_var *v, size_t *i);
/* A reference to it in a Jobfile. */
void mk_value_of(struct mk *m, struct mk_var *v, struct buf *out);
/* It is, or is made of, what a command prints. */
bool mk_is_late(struct mk *m, struct mk_var *v);
/* Look closer at v: can it be a value of its own in the Jobfile? */
bool mk_stays(struct mk *m, struct mk_var *v);
/* FUNCTION ARGS; false: that is none. */
bool mk_call(struct mk *m, const struct mk_text *inside, enum mk_how how, struct buf *out);
void mk_words_of(struct mk *m, const struct mk_text *t, struct mk_words *ret);
void mk_words_add(struct mk_words *w, const char *name, struct mark mark);
bool mk_is_there(const struct mk *m, const char *name);
bool mk_is_folder(const struct mk *m, const char *name);

/* make_text.c: words and patterns, as make's functions have them. */
bool mk_match(const char *pattern, const char *name, struct span *ret_stem);
void mk_fill(struct buf *out, const char *pattern, struct span stem);
void mk_glob(const struct mk *m, const char *pattern, struct mk_words *ret, struct mark mark);

bool mk_is_automatic(const struct mk_text *inside);

/* make_rules.c: which target has which rule. */
void mk_resolve(struct mk *m);
/* make_order.c: which jobs go first only because make takes one after the other. */
void mk_order(struct mk *m);
/* make_depfile.c: take what -include names for depfiles; false: they are no such thing. */
bool mk_take_depfiles(struct mk *m, const struct mk_text *names);
/* Those that nobody writes as a depfile would be lost in silence: an error. */
void mk_check_depfiles(struct mk *m);
/* What t's compiler says that it has read, and the document includes; false: nothing. */
bool mk_depfile(struct mk *m, const struct mk_target *t, struct buf *out);
/* make_recipe.c: the commands of t as the text of `run`, and the variables that it reads into env (name -> value). */
void mk_recipe(struct mk *m, const struct mk_target *t, struct buf *out, json_t *env);
/* Which variables have to be written out because of how recipes use them. */
void mk_look_at_recipes(struct mk *m);
/* The folder that is made and nothing else: `mkdir` of the target. */
bool mk_makes_folder(struct mk *m, const struct mk_target *t);
/* make_write.c */
json_t *mk_write(struct mk *m);

/* A target that is made whenever it is asked for, and so are those that need it. */
bool mk_is_always(const struct mk *m, const struct mk_target *t);

#endif
