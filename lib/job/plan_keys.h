/*
 * What the list of a plan's keys (plan_keys.def) knows: which key a word is, which one
 * may have been meant, and the JSON Schema of plans.
 */
#ifndef JOB_PLAN_KEYS_H
#define JOB_PLAN_KEYS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "job/graph.h"

/* The kinds of maps that have keys: SCOPE(id, where it is, for messages). */
#define PLAN_SCOPES(SCOPE)                                                                         \
	SCOPE(PLAN, "the plan")                                                                    \
	SCOPE(GLOBALS, "'globals'")                                                                \
	SCOPE(STEP, "a step")                                                                      \
	SCOPE(UI_HINTS, "'ui_hints'")                                                              \
	SCOPE(STEP_DEF, "'step_def'")                                                              \
	SCOPE(BREAKER, "'breaker'")

enum plan_scope {
#define SCOPE(id, where) IN_##id##_MAP,
	PLAN_SCOPES(SCOPE)
#undef SCOPE
	PLAN_SCOPE_COUNT,
};

/*
 * What a value is: TYPE(id, for messages, JSON Schema with ' for ").  A variable may stand for any text, so
 * where a number is wanted, a text that is a variable will do.
 */
#define PLAN_VARIABLE "{'type': 'string', 'pattern': '^[$]([A-Za-z_]|[{][A-Za-z_])'}"
#define PLAN_TYPES(TYPE)                                                                           \
	TYPE(NAME, "text that is not empty", "{'type': 'string', 'minLength': 1}")                 \
	TYPE(TEXT, "text", "{'type': ['string', 'null']}")                                         \
	TYPE(TEXTS, "a list of texts", "{'type': 'array', 'items': {'type': 'string'}}")           \
	TYPE(BOOL, "true or false", "{'anyOf': [{'type': 'boolean'}, " PLAN_VARIABLE "]}")         \
	TYPE(COUNT, "a whole number from 0", "{'anyOf': [{'type': 'integer', 'minimum': 0}, " PLAN_VARIABLE "]}") \
	TYPE(POSITIVE, "a whole number from 1", "{'anyOf': [{'type': 'integer', 'minimum': 1}, " PLAN_VARIABLE "]}") \
	TYPE(NUMBER, "a number", "{'anyOf': [{'type': 'number'}, " PLAN_VARIABLE "]}")             \
	TYPE(SECONDS, "a number of seconds from 0", "{'anyOf': [{'type': ['number', 'null'], 'minimum': 0}, " PLAN_VARIABLE "]}") \
	TYPE(JITTER, "true, false or a number from 0 to 1", "{'anyOf': [{'type': 'boolean'}, {'type': 'number', 'minimum': 0, 'maximum': 1}]}") \
	TYPE(EXITS, "a list of exit codes", "{'type': 'array', 'items': {'type': 'integer', 'minimum': 1, 'maximum': 255}}") \
	TYPE(ENV, "a map of names and texts", "{'type': 'object', 'additionalProperties': {'type': 'string'}}") \
	TYPE(MAP, "a map", "{'type': 'object'}")                                                   \
	TYPE(CONDITION, "a condition", "{'type': ['string', 'null']}")                             \
	TYPE(CONDITIONS, "a list of conditions", "{'type': 'array', 'items': {'type': 'string'}}") \
	TYPE(FLAGS, "a list of texts, or a map of flags and values", "{'type': ['array', 'object']}") \
	TYPE(POLICY, "abort, skip_dependents, continue or fallback_step", "{'enum': ['abort', 'skip_dependents', 'continue', 'fallback_step']}") \
	TYPE(BACKOFF, "fixed or exponential", "{'enum': ['fixed', 'exponential']}")                \
	TYPE(DEF_TYPE, "exec, shell, script or powershell", "{'enum': ['exec', 'shell', 'script', 'powershell']}") \
	TYPE(GLOBALS, "a map", "{'$ref': '#/$defs/globals'}")                                      \
	TYPE(UI_HINTS, "a map", "{'$ref': '#/$defs/ui_hints'}")                                    \
	TYPE(STEP_DEF, "a map", "{'$ref': '#/$defs/step_def'}")                                    \
	TYPE(BREAKER, "a map", "{'anyOf': [{'type': 'null'}, {'$ref': '#/$defs/breaker'}]}")       \
	TYPE(STEPS, "a list of steps", "{'type': 'array', 'items': {'$ref': '#/$defs/step'}}")

enum plan_type {
#define TYPE(id, what, schema) PLAN_TYPE_##id,
	PLAN_TYPES(TYPE)
#undef TYPE
};

enum plan_key {
#define PLAN_KEY(id, word, scope, type, required, sentence) PLAN_##id,
#include "job/plan_keys.def"
#undef PLAN_KEY
	PLAN_KEY_COUNT,
};

struct plan_key_info {
	const char *word;
	enum plan_scope scope;
	enum plan_type type;
	bool required;
	const char *sentence;
};

const struct plan_key_info *plan_key_info(enum plan_key key);
const char *plan_key_word(enum plan_key key);
/* What the value of key has to be, for messages. */
const char *plan_key_wants(enum plan_key key);

/* False if word is no key of that scope. */
bool plan_key_find(enum plan_scope scope, const char *word, enum plan_key *ret);
/* The nearest key's word of that scope, or NULL. */
const char *plan_key_suggest(enum plan_scope scope, const char *word);

/* What a plan calls each policy of failure. */
extern const char *const plan_policy_words[ON_FAILURE_FALLBACK + 1];

/* JSON Schema (2020-12) of a plan.  New reference. */
json_t *plan_schema_json(void);

#endif
