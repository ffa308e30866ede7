/* schema: the JSON Schema of a document's format, for editors and other programs. */
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "cmd.h"
#include "job/plan_keys.h"
#include "job/schema.h"

static const struct {
	const char *name;
	json_t *(*schema)(void);
} formats[] = {
	{"jobfile", schema_json},
	{"plan", plan_schema_json},
};

static int unknown(const char *name)
{
	struct spell s;

	spell_init(&s, name);
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		spell_try(&s, formats[i].name);
	cli_error("schema: there is none of '%s'", name);
	if (s.best)
		cli_hint("did you mean '%s'?", s.best);
	else
		cli_hint("orchmake schema jobfile, orchmake schema plan");
	return EXIT_USAGE_ERROR;
}

int cmd_schema(struct cli *c)
{
	const char *name = c->words.n ? c->words.at[0] : formats[0].name;

	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		json_t *schema;

		if (strcmp(formats[i].name, name))
			continue;
		schema = formats[i].schema();
		cli_print_json(schema);
		json_decref(schema);
		return EXIT_DONE;
	}
	return unknown(name);
}
