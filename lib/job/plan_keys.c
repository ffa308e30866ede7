#include "job/plan_keys.h"

#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "job/json_schema.h"

static const struct plan_key_info infos[] = {
#define PLAN_KEY(id, word, scope, type, required, sentence)                                        \
	[PLAN_##id] = {word, IN_##scope##_MAP, PLAN_TYPE_##type, required, sentence},
#include "job/plan_keys.def"
#undef PLAN_KEY
};

static const struct {
	const char *what, *schema;
} types[] = {
#define TYPE(id, what, schema) {what, schema},
	PLAN_TYPES(TYPE)
#undef TYPE
};

static const char *const scope_ids[] = {
#define SCOPE(id, where) #id,
	PLAN_SCOPES(SCOPE)
#undef SCOPE
};

const char *const plan_policy_words[] = {"abort", "skip_dependents", "continue", "fallback_step"};

const struct plan_key_info *plan_key_info(enum plan_key key)
{
	BUG_UNLESS(key < PLAN_KEY_COUNT);
	return &infos[key];
}

const char *plan_key_word(enum plan_key key)
{
	return plan_key_info(key)->word;
}

const char *plan_key_wants(enum plan_key key)
{
	return types[plan_key_info(key)->type].what;
}

bool plan_key_find(enum plan_scope scope, const char *word, enum plan_key *ret)
{
	for (enum plan_key k = 0; k < PLAN_KEY_COUNT; k++) {
		if (infos[k].scope != scope || infos[k].word[0] != word[0] || strcmp(infos[k].word, word))
			continue;
		*ret = k;
		return true;
	}
	return false;
}

const char *plan_key_suggest(enum plan_scope scope, const char *word)
{
	struct spell s;

	spell_init(&s, word);
	for (enum plan_key k = 0; k < PLAN_KEY_COUNT; k++)
		if (infos[k].scope == scope)
			spell_try(&s, infos[k].word);
	return s.best;
}

/* --- JSON Schema ------------------------------------------------------------------------------ */

static json_t *schema_of_scope(enum plan_scope scope)
{
	json_t *properties = json_object(), *required = json_array();

	for (enum plan_key k = 0; k < PLAN_KEY_COUNT; k++) {
		if (infos[k].scope != scope)
			continue;
		json_schema_add_key(properties, infos[k].word, types[infos[k].type].schema, infos[k].sentence);
		if (infos[k].required)
			json_array_append_new(required, json_string(infos[k].word));
	}
	return json_pack("{s:s, s:o, s:o}", "type", "object", "required", required, "properties", properties);
}

/* A step has a command or a typed body, and not both. */
static void add_one_action(json_t *step)
{
	json_object_set_new(step, "oneOf",
			    json_schema_fragment("[{'required': ['command']}, {'required': ['step_def']}]"));
}

json_t *plan_schema_json(void)
{
	json_t *schema = schema_of_scope(IN_PLAN_MAP), *defs = json_object();

	for (enum plan_scope s = IN_GLOBALS_MAP; s < PLAN_SCOPE_COUNT; s++)
		json_schema_add_def(defs, scope_ids[s], schema_of_scope(s));
	add_one_action(json_object_get(defs, "step"));
	json_schema_head(schema, "plan");
	json_object_set_new(schema, "$defs", defs);
	return schema;
}
