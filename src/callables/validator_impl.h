/* A rule that is being checked, and what kinds of rules there are (validator_rules.c). */
#ifndef CALLABLES_VALIDATOR_IMPL_H
#define CALLABLES_VALIDATOR_IMPL_H

#include <jansson.h>
#include <regex.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/map.h"

struct check {
	const json_t *in, *rule;
	const char *field;
	regex_t pattern;
	bool has_pattern;
	struct map seen;	/* unique: connection and value -> idem_key; reference: the keys there are */
	bool cannot_tell;	/* reference: nothing to compare with was ever ingested */
	struct map forms;	/* answers: connection -> struct form */
	int64_t from_us, before_us;
	struct buf *err;
	size_t n_checked, n_broken, n_samples;
	struct buf sample;
};

/* Whether the value keeps the rule; the row is there for what a value alone does not tell. */
typedef bool keeps_fn(struct check *c, const json_t *row, const json_t *v);

struct kind {
	const char *name, *params; /* besides rule, fields, unless; `!` marks those that must be there */
	keeps_fn *keeps; /* NULL: it is about the export, not about rows */
	bool of_absent;	 /* also where there is no value */
};

/* NULL: there is none of that name. */
const struct kind *kind_find(const char *name);

const json_t *payload_of(const json_t *row);

#endif
