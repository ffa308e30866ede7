#include "doc/yaml_write.h"

#include <string.h>
#include <yaml.h>

#include "base/bug.h"
#include "doc/json.h"
#include "doc/node.h"

enum { ONE_LINE_MAX = 72 }; /* characters of a list that is written on one line */

static int append(void *out, unsigned char *data, size_t len)
{
	buf_add(out, data, len);
	return 1;
}

/* The emitter fails only for want of memory, or if it is called wrongly. */
static void emit(yaml_emitter_t *e, yaml_event_t *event)
{
	BUG_UNLESS(yaml_emitter_emit(e, event));
}

/* --- texts ------------------------------------------------------------------------------------ */

/* Whether text without quotes would be something else, or look as if it were. */
static bool wants_quotes(const char *text)
{
	const struct node plain = {.kind = NODE_SCALAR, .style = STYLE_PLAIN, .text = text, .n = strlen(text)};

	return scalar_resolve(&plain, NULL, NULL) != SCALAR_TEXT || strstr(text, "${{") || text[0] == '=' ||
	       text[0] == '<' || text[0] == '~';
}

/* A text of several lines stands as it is, unless it would not come back so. */
static bool is_block(const char *text)
{
	const char *last = strrchr(text, '\n');

	return last && last != text && text[0] != ' ' && text[0] != '\n' && !strstr(text, " \n") &&
	       !strpbrk(text, "\r\t");
}

static yaml_scalar_style_t style_of(const char *text)
{
	if (is_block(text))
		return YAML_LITERAL_SCALAR_STYLE;
	return wants_quotes(text) ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE;
}

static void put_text(yaml_emitter_t *e, const char *text, yaml_scalar_style_t style)
{
	yaml_event_t event;

	BUG_UNLESS(yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text, (int)strlen(text), 1,
						1, style));
	emit(e, &event);
}

static void put_scalar(yaml_emitter_t *e, const json_t *v)
{
	struct buf text = BUF_INIT;

	if (json_is_string(v)) {
		put_text(e, json_string_value(v), style_of(json_string_value(v)));
		return;
	}
	json_text(&text, v, JSON_TIGHT);
	put_text(e, text.data, YAML_PLAIN_SCALAR_STYLE);
	buf_release(&text);
}

/* --- lists and maps --------------------------------------------------------------------------- */

/* Nothing but short scalars of one line. */
static bool fits_one_line(const json_t *v)
{
	struct buf text = BUF_INIT;
	const char *key;
	bool fits;
	json_t *one;
	size_t i;

	json_array_foreach ((json_t *)v, i, one)
		if (json_is_object(one) || json_is_array(one))
			return false;
	json_object_foreach ((json_t *)v, key, one)
		return false;
	json_text(&text, v, JSON_SPACED);
	fits = text.len <= ONE_LINE_MAX && !strstr(text.data, "\\n");
	buf_release(&text);
	return fits;
}

static void put_value(yaml_emitter_t *e, const json_t *v);

static void put_list(yaml_emitter_t *e, const json_t *v)
{
	yaml_event_t event;
	json_t *one;
	size_t i;

	BUG_UNLESS(yaml_sequence_start_event_initialize(
		&event, NULL, NULL, 1, fits_one_line(v) ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE));
	emit(e, &event);
	json_array_foreach ((json_t *)v, i, one)
		put_value(e, one);
	yaml_sequence_end_event_initialize(&event);
	emit(e, &event);
}

static void put_map(yaml_emitter_t *e, const json_t *v)
{
	yaml_event_t event;
	const char *key;
	json_t *one;

	BUG_UNLESS(yaml_mapping_start_event_initialize(
		&event, NULL, NULL, 1, fits_one_line(v) ? YAML_FLOW_MAPPING_STYLE : YAML_BLOCK_MAPPING_STYLE));
	emit(e, &event);
	json_object_foreach ((json_t *)v, key, one) {
		put_text(e, key, wants_quotes(key) || strchr(key, '\n') ? YAML_DOUBLE_QUOTED_SCALAR_STYLE
									: YAML_PLAIN_SCALAR_STYLE);
		put_value(e, one);
	}
	yaml_mapping_end_event_initialize(&event);
	emit(e, &event);
}

/* The depth of a value is bounded where it was read, so this recursion is. */
static void put_value(yaml_emitter_t *e, const json_t *v)
{
	if (json_is_array(v))
		put_list(e, v);
	else if (json_is_object(v))
		put_map(e, v);
	else
		put_scalar(e, v);
}

void yaml_text(struct buf *out, const json_t *v)
{
	yaml_emitter_t e;
	yaml_event_t event;

	BUG_UNLESS(yaml_emitter_initialize(&e));
	yaml_emitter_set_output(&e, append, out);
	yaml_emitter_set_unicode(&e, 1);
	yaml_emitter_set_width(&e, -1);
	BUG_UNLESS(yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
	emit(&e, &event);
	BUG_UNLESS(yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
	emit(&e, &event);
	put_value(&e, v);
	BUG_UNLESS(yaml_document_end_event_initialize(&event, 1));
	emit(&e, &event);
	BUG_UNLESS(yaml_stream_end_event_initialize(&event));
	emit(&e, &event);
	yaml_emitter_delete(&e);
}
