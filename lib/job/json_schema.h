/* What the JSON Schemas of the formats are put together from: maps whose keys stand in a list of ours. */
#ifndef JOB_JSON_SCHEMA_H
#define JOB_JSON_SCHEMA_H

#include <jansson.h>

/* A part of a schema from its text, which is written with ' for ", which none of them holds.  New reference. */
json_t *json_schema_fragment(const char *text);

/* A key whose value is as this fragment says. */
void json_schema_add_key(json_t *properties, const char *word, const char *fragment, const char *sentence);

/* The map that a scope of this id describes, which fragments name in small letters; takes over map. */
void json_schema_add_def(json_t *defs, const char *id, json_t *map);

/* It is the schema of documents called so. */
void json_schema_head(json_t *schema, const char *title);

#endif
