/*
 * What the list of keys (keys.def) knows: which key a word is in a map of a certain
 * kind, which one may have been meant, and the JSON Schema of the language.
 */
#ifndef JOB_SCHEMA_H
#define JOB_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "job/jobfile.h"

/* The kinds of maps that have keys of the language: SCOPE(id, where it is, for messages). */
#define KEY_SCOPES(SCOPE)                                                                          \
	SCOPE(FILE, "the file")                                                                    \
	SCOPE(JOB, "a job")                                                                        \
	SCOPE(STEP, "a step")                                                                      \
	SCOPE(TEMPLATE, "a template")                                                              \
	SCOPE(DEFAULTS, "'defaults'")                                                              \
	SCOPE(CALLABLE, "a callable")                                                              \
	SCOPE(INCLUDE, "'include'")                                                                \
	SCOPE(PARAM, "a parameter")                                                                \
	SCOPE(VAR, "a variable's command")                                                         \
	SCOPE(SECRET, "a secret")                                                                  \
	SCOPE(HOOKS, "'hooks'")                                                                    \
	SCOPE(ENV_POLICY, "'env_policy'")                                                          \
	SCOPE(LEDGER, "'ledger'")                                                                  \
	SCOPE(POOL, "a pool")                                                                      \
	SCOPE(STAGE, "a stage")                                                                    \
	SCOPE(LOOP, "'loop'")                                                                      \
	SCOPE(PROVIDE, "'provides'")                                                               \
	SCOPE(REQUIRE, "'require'")                                                                \
	SCOPE(MATRIX, "'matrix'")                                                                  \
	SCOPE(FOREACH, "'foreach'")                                                                \
	SCOPE(RETRY, "'retry'")                                                                    \
	SCOPE(LOCK, "a lock")                                                                      \
	SCOPE(LOCK_USE, "'locks'")                                                                 \
	SCOPE(APPROVE, "'approve'")                                                                \
	SCOPE(UNTIL, "'until'")                                                                    \
	SCOPE(LIMITS, "'limits'")                                                                  \
	SCOPE(ON_FAILURE, "'on_failure'")                                                          \
	SCOPE(IDEMPOTENCY, "'idempotency'")                                                        \
	SCOPE(FAIL_IF, "'fail_if'")                                                                \
	SCOPE(POOL_USE, "'pool'")                                                                  \
	SCOPE(BREAKER, "'breaker'")                                                                \
	SCOPE(FRESH, "'fresh'")

enum key_scope_no {
#define SCOPE(id, where) SCOPE_##id,
	KEY_SCOPES(SCOPE)
#undef SCOPE
	SCOPE_COUNT,
};

/* The same as bits. */
enum key_scope {
#define SCOPE(id, where) IN_##id = 1 << SCOPE_##id,
	KEY_SCOPES(SCOPE)
#undef SCOPE
	IN_NODE = IN_JOB | IN_STEP | IN_TEMPLATE,
};

enum key_reach { REACH_NONE, REACH_OWN, REACH_STEPS, REACH_ACT };

/* What a key's value is: TYPE(id, for the manual, JSON Schema). */
#define KEY_TYPES(TYPE)                                                                            \
	TYPE(TEXT, "text", "{'type': ['string', 'number', 'boolean']}")                            \
	TYPE(WORD, "word", "{'type': 'string'}")                                                   \
	TYPE(ON_LOST, "fail, retry, ask", "{'enum': ['fail', 'retry', 'ask']}")                      \
	TYPE(ON_DEATH, "kill, finish", "{'enum': ['kill', 'finish']}")                              \
	TYPE(OFFER, "pipe, fifo, off", "{'enum': ['pipe', 'fifo', 'off', false]}")                   \
	TYPE(BOOL, "true or false", "{'type': 'boolean'}")                                         \
	TYPE(ONE, "fixed", "{'enum': [1, true]}")                                                  \
	TYPE(INTEGER, "integer", "{'type': 'integer'}")                                              \
	TYPE(NUMBER, "number", "{'type': 'number'}")                                               \
	TYPE(DURATION, "duration", "{'type': 'string', 'pattern': '^([0-9.]+(ms|s|m|h|d))+$'}")    \
	TYPE(PATTERN, "pattern", "{'type': 'string'}")                                             \
	TYPE(EXPR, "expression", "{'type': ['string', 'boolean', 'number']}")                      \
	TYPE(VALUE, "text", "{'type': ['string', 'number', 'boolean']}")                           \
	TYPE(TEXTS, "list", "{'type': 'array'}")                                                   \
	TYPE(VALUES, "list", "{'type': 'array', 'minItems': 1}")                                   \
	TYPE(LIST, "list", "{'type': 'array'}")                                                    \
	TYPE(ENV, "map", "{'type': 'object'}")                                                     \
	TYPE(MAP, "map", "{'type': 'object'}")                                                     \
	TYPE(ANY, "any", "{}")                                                                     \
	TYPE(NAMES, "name or list", "{'type': ['string', 'array']}")                               \
	TYPE(NEEDS, "list or map", "{'type': ['array', 'object']}")                                \
	TYPE(RULE, "word or number", "{'type': ['string', 'integer']}")                            \
	TYPE(CONDITIONS, "expression or list", "{'type': ['string', 'boolean', 'number', 'array', 'object']}") \
	TYPE(PROVIDES, "list or map", "{'oneOf': [{'type': 'array'}, {'type': 'object', 'additionalProperties': {'oneOf': [{'type': 'null'}, {'$ref': '#/$defs/provide'}]}}]}") \
	TYPE(MATRIX, "map", "{'type': 'object'}")                                                  \
	TYPE(FOREACH, "map", "{'type': 'object'}")                                                 \
	TYPE(RETRY, "number or map", "{'oneOf': [{'type': 'integer'}, {'$ref': '#/$defs/retry'}]}") \
	TYPE(ON_FAILURE, "word or map", "{'oneOf': [{'enum': ['abort', 'skip_dependents', 'continue']}, {'$ref': '#/$defs/on_failure'}]}") \
	TYPE(EXITS, "number or list", "{'type': ['integer', 'array']}")                            \
	TYPE(LOOP, "map", "{'$ref': '#/$defs/loop'}")                                              \
	TYPE(FAIL_IF, "map", "{'$ref': '#/$defs/fail_if'}")                                        \
	TYPE(BREAKER, "map", "{'$ref': '#/$defs/breaker'}")                                         \
	TYPE(POOL_USE, "name or map", "{'oneOf': [{'type': 'string'}, {'$ref': '#/$defs/pool_use'}]}") \
	TYPE(FILES, "name or list", "{'type': ['string', 'array']}")                                \
	TYPE(FRESH, "word or map", "{'oneOf': [{'type': 'string', 'pattern': '^(hash|mtime|once|always|never|ttl:.+)$'}, {'$ref': '#/$defs/fresh'}]}") \
	TYPE(LOCKS, "map", "{'type': 'object', 'additionalProperties': {'oneOf': [{'type': 'null'}, {'$ref': '#/$defs/lock'}]}}") \
	TYPE(LOCK_USES, "list", "{'type': 'array', 'items': {'oneOf': [{'type': 'string'}, {'$ref': '#/$defs/lock_use'}]}}") \
	TYPE(APPROVE, "text or map", "{'oneOf': [{'type': 'string'}, {'$ref': '#/$defs/approve'}]}") \
	TYPE(UNTIL, "map", "{'$ref': '#/$defs/until'}")                                            \
	TYPE(SLOW, "duration or p95*N", "{'type': 'string', 'pattern': '^(p95([*][0-9.]+)?|([0-9.]+(ms|s|m|h|d))+)$'}") \
	TYPE(LIMITS, "map", "{'$ref': '#/$defs/limits'}")                                          \
	TYPE(RESOURCES, "map", "{'type': 'object', 'properties': {'cpus': {'type': 'number'}, 'mem': {'type': ['string', 'integer']}, 'gpus': {'type': 'integer'}, 'time': {'type': 'string'}}, 'additionalProperties': false}") \
	TYPE(EXECUTOR, "local", "{'enum': ['local']}")                                             \
	TYPE(OCTAL, "octal number", "{'type': ['string', 'integer'], 'pattern': '^[0-7]{1,4}$'}")  \
	TYPE(SLOTS, "number or all", "{'type': ['integer', 'string']}")                            \
	TYPE(PARAMS, "map", "{'type': 'object', 'additionalProperties': {'oneOf': [{'type': ['string', 'number', 'boolean', 'null']}, {'$ref': '#/$defs/param'}]}}") \
	TYPE(STEPS, "list or map", "{'oneOf': [{'type': 'array', 'items': {'$ref': '#/$defs/step'}}, {'type': 'object', 'additionalProperties': {'$ref': '#/$defs/step'}}]}") \
	TYPE(STAGES, "list", "{'type': 'array', 'items': {'oneOf': [{'type': 'string'}, {'$ref': '#/$defs/stage'}]}}") \
	TYPE(INCLUDES, "list", "{'type': 'array', 'items': {'oneOf': [{'type': 'string'}, {'$ref': '#/$defs/include'}]}}") \
	TYPE(VARS, "map", "{'type': 'object'}")                                                    \
	TYPE(SECRETS, "map", "{'type': 'object', 'additionalProperties': {'$ref': '#/$defs/secret'}}") \
	TYPE(ENV_POLICY, "word or map", "{'oneOf': [{'enum': ['inherit', 'clean']}, {'$ref': '#/$defs/env_policy'}]}") \
	TYPE(SCHEDULE, "five fields", "{'type': 'string'}")                                        \
	TYPE(ZONE, "time zone", "{'type': 'string'}")                                              \
	TYPE(OVERLAP, "word", "{'enum': ['allow', 'skip', 'queue', 'cancel']}")                    \
	TYPE(HOOKS, "map", "{'$ref': '#/$defs/hooks'}")                                            \
	TYPE(LEDGER, "map", "{'$ref': '#/$defs/ledger'}")                                          \
	TYPE(POOLS, "map", "{'type': 'object', 'additionalProperties': {'oneOf': [{'type': 'integer'}, {'$ref': '#/$defs/pool'}]}}") \
	TYPE(TRAITS, "map", "{'$ref': '#/$defs/defaults'}")                                        \
	TYPE(TEMPLATES, "map", "{'type': 'object', 'additionalProperties': {'$ref': '#/$defs/template'}}") \
	TYPE(CALLABLES, "map", "{'type': 'object', 'additionalProperties': {'$ref': '#/$defs/callable'}}") \
	TYPE(STORES, "map", "{'type': 'object'}")                                                  \
	TYPE(JOBS, "map", "{'type': 'object', 'additionalProperties': {'$ref': '#/$defs/job'}}")

enum key_type {
#define TYPE(id, word, schema) TYPE_##id,
	KEY_TYPES(TYPE)
#undef TYPE
	TYPE_COUNT,
};

/* Which part of a step's traits has its value. */
enum key_home { HOME_TRAITS, HOME_POLICY, HOME_FLOW };

struct key_info {
	const char *word;
	unsigned scopes; /* enum key_scope, or'ed */
	enum key_reach reach;
	enum key_type type;
	enum key_home home;
	size_t offset, size; /* in struct traits, policy or flow; size 0: not a field of its own */
	const char *sentence;
};

const struct key_info *key_info(enum key key);
const char *key_word(enum key key);
const char *key_scope_where(enum key_scope_no scope);
const char *key_type_word(enum key_type type);

/* The key that word is in a map of that scope; false if there is none. */
bool key_find(enum key_scope scope, const char *word, enum key *ret);
/* The nearest key's word of that scope, or NULL. */
const char *key_suggest(enum key_scope scope, const char *word);
/* Every scope in which word is a key. */
unsigned key_scopes_of(const char *word);

/* JSON Schema (2020-12) of a native document.  New reference. */
json_t *schema_json(void);

#endif
