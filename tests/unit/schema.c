/* What the list of keys knows. */
#include "check.h"
#include "job/schema.h"

static void a_word_is_a_key_only_where_it_belongs(void **state)
{
	enum key k;

	(void)state;
	CHECK(key_find(IN_STEP, "timeout", &k));
	CHECK_INT(k, KEY_timeout);
	CHECK(!key_find(IN_FILE, "timeout", &k));
	CHECK(key_find(IN_JOB, "params", &k));
	CHECK_INT(k, KEY_params);
	CHECK(key_find(IN_STEP, "params", &k));
	CHECK_INT(k, KEY_job_params);
	CHECK(key_scopes_of("timeout") & IN_CALLABLE);
	CHECK_INT(key_scopes_of("nothing like it"), 0);
}

static void the_nearest_key_is_suggested(void **state)
{
	(void)state;
	CHECK_STR(key_suggest(IN_STEP, "tmeout"), "timeout");
	CHECK_STR(key_suggest(IN_FILE, "tempaltes"), "templates");
	CHECK(!key_suggest(IN_FAIL_IF, "entirely else"));
}

static void no_scope_has_two_keys_of_one_word(void **state)
{
	(void)state;
	for (enum key a = 0; a < KEY_COUNT; a++)
		for (enum key b = (enum key)(a + 1); b < KEY_COUNT; b++)
			if (!strcmp(key_word(a), key_word(b)) &&
			    key_info(a)->scopes & key_info(b)->scopes)
				fail_msg("'%s' is two keys in one scope", key_word(a));
}

static void every_key_has_a_sentence_and_every_trait_a_place(void **state)
{
	static const size_t sizes[] = {[HOME_TRAITS] = sizeof(struct traits), [HOME_POLICY] = sizeof(struct policy),
				       [HOME_FLOW] = sizeof(struct flow)};

	(void)state;
	for (enum key k = 0; k < KEY_COUNT; k++) {
		const struct key_info *info = key_info(k);

		CHECK(info->scopes && strlen(info->sentence) > 5);
		CHECK(info->offset + info->size <= sizes[info->home]);
		if (info->size)
			CHECK(info->reach != REACH_NONE);
		CHECK(*key_type_word(info->type));
	}
}

static void defaults_take_only_what_steps_inherit(void **state)
{
	(void)state;
	for (enum key k = 0; k < KEY_COUNT; k++)
		if (key_info(k)->scopes & IN_DEFAULTS)
			CHECK_INT(key_info(k)->reach, REACH_STEPS);
}

/* Every $ref of v points into defs. */
static void check_references_of(const json_t *v, const json_t *defs)
{
	static const char prefix[] = "#/$defs/";
	const char *key;
	json_t *item;
	size_t i;

	json_array_foreach (v, i, item)
		check_references_of(item, defs);
	json_object_foreach ((json_t *)v, key, item) {
		if (!strcmp(key, "$ref")) {
			CHECK(!strncmp(json_string_value(item), prefix, strlen(prefix)));
			CHECK(json_object_get(defs, json_string_value(item) + strlen(prefix)));
		} else {
			check_references_of(item, defs);
		}
	}
}

static void the_json_schema_holds_together(void **state)
{
	json_t *schema = schema_json();
	const json_t *step = json_object_get(json_object_get(schema, "$defs"), "step");
	const json_t *keys = json_object_get(step, "properties");

	(void)state;
	check_references_of(schema, json_object_get(schema, "$defs"));
	CHECK(json_object_get(keys, "timeout"));
	CHECK(json_object_get(keys, "executor"));
	keys = json_object_get(json_object_get(json_object_get(schema, "$defs"), "hooks"), "properties");
	CHECK(json_object_get(keys, "always"));
	CHECK(json_object_get(keys, "on_slow"));
	CHECK(!json_object_get(keys, "jobs"));
	CHECK(json_is_false(json_object_get(step, "additionalProperties")));
	json_decref(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_word_is_a_key_only_where_it_belongs),
		cmocka_unit_test(the_nearest_key_is_suggested),
		cmocka_unit_test(no_scope_has_two_keys_of_one_word),
		cmocka_unit_test(every_key_has_a_sentence_and_every_trait_a_place),
		cmocka_unit_test(defaults_take_only_what_steps_inherit),
		cmocka_unit_test(the_json_schema_holds_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
