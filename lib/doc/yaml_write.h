/*
 * A JSON value as YAML for people: block style, plain text where that reads back as the same text, short
 * lists on one line.  What is written here reads back as the same value.
 */
#ifndef DOC_YAML_WRITE_H
#define DOC_YAML_WRITE_H

#include <jansson.h>

#include "base/buf.h"

/* Appends; keys stay in their order.  v is valid UTF-8 without NUL. */
void yaml_text(struct buf *out, const json_t *v);

#endif
