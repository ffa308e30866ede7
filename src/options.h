/*
 * The options of the command line, from options.def: the table, and what one does with the value that it was given.
 * Only options.c (reading), option_values.c (values) and help.c know it; verbs see struct cli.
 */
#ifndef SRC_OPTIONS_H
#define SRC_OPTIONS_H

#include "cmd.h"

/* What an option does with its value; HEADING begins a section of --help. */
enum kind { HEADING, FLAG, UNFLAG, TEXT, WORDS, DEBUGGING, DURATION, MOMENT, COUNT, SIZE, SLOTS, LOAD, KEEP_GOING, SEED,
	    PARAM, VARIABLE, JSON, COLOUR, PROGRESS, OUTPUT, FORMAT, OFFER, OVERLAP, RESUME, KIND_COUNT };

struct option_entry {
	int letter; /* 0: none */
	const char *name, *arg, *sentence;
	enum kind kind;
	size_t field; /* of struct cli */
	const char *verbs; /* that it is for alone; NULL: all */
};

extern const struct option_entry options[];
extern const size_t n_options;

/* It is for every verb, or for this one among others. */
bool option_is_for(const struct option_entry *o, const char *verb);

/* Put value, NULL for none, where o wants it; false after a message. */
bool option_apply(struct cli *c, const struct option_entry *o, const char *value);

/* A parameter, NAME=VALUE, by that option; false after a message. */
bool option_add_param(struct cli *c, const char *option, const char *text);

#endif
