/*
 * Forms and instruments.  A form (FORMS/<form>.json) says which question asks which item of
 * which instrument; an instrument (INSTRUMENTS/<name>.json) says what its answers count, how
 * they are summed up and what a sum means.
 */
#ifndef CALLABLES_FORMS_H
#define CALLABLES_FORMS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"

struct instrument {
	json_t *doc;		/* owned */
	const char *name, *version;
	const json_t *items;	/* [{code, text, reverse?, scales?}] */
	const json_t *choices;	/* answer -> number */
	int least, most;	/* of the choices */
};

struct form {
	json_t *doc; /* owned */
	const json_t *questions; /* [{question_id, title, item?}] */
	struct instrument *instrument;
	size_t n;
};

/* All of it is read and checked; on failure nothing needs to be released. */
bool form_open(struct form *f, const char *forms, const char *instruments, const char *name, struct buf *err);
void form_release(struct form *f);

/* The question that asks this item, NULL if none does. */
const char *form_question(const struct form *f, const char *code);
/* The instrument that has the item, NULL if none of the form has. */
const struct instrument *form_instrument_of(const struct form *f, const char *code);

/* What an answer's text counts, whatever its case and the blanks around it; false if it is no choice. */
bool answer_value(const struct instrument *in, const char *text, int *ret);

#endif
