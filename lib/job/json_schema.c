#include "job/json_schema.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

json_t *json_schema_fragment(const char *text)
{
	char copy[512];
	json_t *v;

	BUG_UNLESS(strlen(text) < sizeof(copy));
	strcpy(copy, text);
	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	v = json_loads(copy, 0, NULL);
	BUG_UNLESS(v);
	return v;
}

void json_schema_add_key(json_t *properties, const char *word, const char *fragment, const char *sentence)
{
	json_t *property = json_schema_fragment(fragment);

	json_object_set_new(property, "description", json_string(sentence));
	json_object_set_new(properties, word, property);
}

void json_schema_add_def(json_t *defs, const char *id, json_t *map)
{
	char *name = xstrdup(id);

	for (char *p = name; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	json_object_set_new(defs, name, map);
	free(name);
}

void json_schema_head(json_t *schema, const char *title)
{
	json_object_set_new(schema, "$schema", json_string("https://json-schema.org/draft/2020-12/schema"));
	json_object_set_new(schema, "title", json_string(title));
}
