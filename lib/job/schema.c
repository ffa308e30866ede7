#include "job/schema.h"

#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "job/json_schema.h"

#define NO_FIELD HOME_TRAITS, 0, 0
#define SPAN_IN(type, first, last)                                                                 \
	offsetof(struct type, first), offsetof(struct type, last) +                                \
		sizeof(((struct type *)0)->last) - offsetof(struct type, first)
#define IN(member)		 HOME_TRAITS, SPAN_IN(traits, member, member)
#define POLICY(member)		 HOME_POLICY, SPAN_IN(policy, member, member)
#define POLICY_SPAN(first, last) HOME_POLICY, SPAN_IN(policy, first, last)
#define FLOW(member)		 HOME_FLOW, SPAN_IN(flow, member, member)
#define FLOW_SPAN(first, last)	 HOME_FLOW, SPAN_IN(flow, first, last)

static const struct key_info infos[] = {
#define KEY(id, word, scopes, reach, type, field, sentence)                                        \
	[KEY_##id] = {word, scopes, reach, TYPE_##type, field, sentence},
#include "job/keys.def"
#undef KEY
};

static const char *const wheres[] = {
#define SCOPE(id, where) where,
	KEY_SCOPES(SCOPE)
#undef SCOPE
};

static const struct {
	const char *word, *schema;
} types[] = {
#define TYPE(id, word, schema) {word, schema},
	KEY_TYPES(TYPE)
#undef TYPE
};

static const char *const scope_ids[] = {
#define SCOPE(id, where) #id,
	KEY_SCOPES(SCOPE)
#undef SCOPE
};

const struct key_info *key_info(enum key key)
{
	BUG_UNLESS(key < KEY_COUNT);
	return &infos[key];
}

const char *key_word(enum key key)
{
	return key_info(key)->word;
}

const char *key_scope_where(enum key_scope_no scope)
{
	return wheres[scope];
}

const char *key_type_word(enum key_type type)
{
	return types[type].word;
}

bool key_find(enum key_scope scope, const char *word, enum key *ret)
{
	for (enum key k = 0; k < KEY_COUNT; k++) {
		if (infos[k].word[0] != word[0] || !(infos[k].scopes & (unsigned)scope) ||
		    strcmp(infos[k].word, word))
			continue;
		*ret = k;
		return true;
	}
	return false;
}

/* What other programs call it. */
static const char *key_elsewhere(enum key_scope scope, const char *word)
{
	static const struct {
		const char *word, *ours;
	} known[] = {
#define FOREIGN(word, ours) {word, ours},
#include "job/foreign.def"
#undef FOREIGN
	};
	enum key k;

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (!strcmp(known[i].word, word) && key_find(scope, known[i].ours, &k))
			return known[i].ours;
	return NULL;
}

const char *key_suggest(enum key_scope scope, const char *word)
{
	const char *ours = key_elsewhere(scope, word);
	struct spell s;

	if (ours)
		return ours;
	spell_init(&s, word);
	for (enum key k = 0; k < KEY_COUNT; k++)
		if (infos[k].scopes & (unsigned)scope)
			spell_try(&s, infos[k].word);
	return s.best;
}

unsigned key_scopes_of(const char *word)
{
	unsigned scopes = 0;

	for (enum key k = 0; k < KEY_COUNT; k++)
		if (!strcmp(infos[k].word, word))
			scopes |= infos[k].scopes;
	return scopes;
}

/* --- JSON Schema ------------------------------------------------------------------------------ */

/* Whether a map of that kind may have names of the user's besides the keys. */
static bool has_free_names(enum key_scope_no scope)
{
	return scope == SCOPE_MATRIX || scope == SCOPE_FOREACH;
}

static json_t *schema_of_scope(enum key_scope_no scope)
{
	json_t *properties = json_object();

	for (enum key k = 0; k < KEY_COUNT; k++)
		if (infos[k].scopes & 1u << scope)
			json_schema_add_key(properties, infos[k].word, types[infos[k].type].schema, infos[k].sentence);
	return json_pack("{s:s, s:b, s:o}", "type", "object", "additionalProperties",
			 has_free_names(scope), "properties", properties);
}

json_t *schema_json(void)
{
	json_t *schema = schema_of_scope(SCOPE_FILE), *defs = json_object();

	for (enum key_scope_no s = SCOPE_JOB; s < SCOPE_COUNT; s++)
		json_schema_add_def(defs, scope_ids[s], schema_of_scope(s));
	json_schema_head(schema, "Jobfile");
	json_object_set_new(schema, "required", json_pack("[s]", "jobfile"));
	json_object_set_new(schema, "$defs", defs);
	return schema;
}
