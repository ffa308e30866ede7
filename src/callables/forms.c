#include "callables/forms.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "callables/callable.h"
#include "doc/json.h"

/* A name that is a file of the folder and nothing else. */
static char *file_of(const char *folder, const char *name)
{
	char *file = xasprintf("%s.json", name), *path = path_join(folder, file);

	free(file);
	return path;
}

static bool good_name(const char *name)
{
	return name && *name && *name != '.' && !strchr(name, '/');
}

/* --- instruments -------------------------------------------------------------------------------------- */

static bool read_choices(struct instrument *in, struct buf *err)
{
	const char *text;
	json_t *value;
	bool first = true;

	if (!(in->choices = input_map(in->doc, "choices", err)))
		return false;
	json_object_foreach((json_t *)in->choices, text, value) {
		int n = (int)json_integer_value(value);

		if (!json_is_integer(value)) {
			buf_addf(err, "choice '%s' is not a whole number", text);
			return false;
		}
		in->least = first || n < in->least ? n : in->least;
		in->most = first || n > in->most ? n : in->most;
		first = false;
	}
	return true;
}

static bool read_items(struct instrument *in, struct buf *err)
{
	json_t *item;
	size_t i;

	if (!(in->items = input_list(in->doc, "items", err)))
		return false;
	json_array_foreach((json_t *)in->items, i, item)
		if (!json_str(item, "code")) {
			buf_addf(err, "items[%zu] has no 'code'", i);
			return false;
		}
	return true;
}

static bool instrument_open(struct instrument *in, const char *folder, const char *name, struct buf *err)
{
	char *path = file_of(folder, name);
	struct buf why = BUF_INIT;
	bool good = false;

	*in = (struct instrument){.doc = definition_read(path, err)};
	if (in->doc) {
		good = (in->name = input_text(in->doc, "instrument", &why)) &&
		       (in->version = input_text(in->doc, "version", &why)) && read_choices(in, &why) &&
		       read_items(in, &why);
		if (!good)
			buf_addf(err, "%s: %s", path, why.data);
	}
	buf_release(&why);
	free(path);
	return good;
}

static const json_t *instrument_item(const struct instrument *in, const char *code)
{
	json_t *item;
	size_t i;

	json_array_foreach((json_t *)in->items, i, item)
		if (!strcmp(json_str(item, "code"), code))
			return item;
	return NULL;
}

static const char *trimmed(const char *s, size_t *ret_len)
{
	size_t len;

	s += strspn(s, " \t\r\n");
	len = strlen(s);
	while (len && strchr(" \t\r\n", s[len - 1]))
		len--;
	*ret_len = len;
	return s;
}

bool answer_value(const struct instrument *in, const char *text, int *ret)
{
	const char *choice;
	json_t *value;
	size_t len;
	char *end;
	long n;

	text = trimmed(text, &len);
	json_object_foreach((json_t *)in->choices, choice, value)
		if (strlen(choice) == len && !strncasecmp(choice, text, len)) {
			*ret = (int)json_integer_value(value);
			return true;
		}
	n = strtol(text, &end, 10);
	if (!len || end != text + len || n < in->least || n > in->most)
		return false;
	*ret = (int)n;
	return true;
}

/* --- forms -------------------------------------------------------------------------------------------- */

static bool good_questions(const struct form *f, struct buf *err)
{
	json_t *q;
	size_t i;

	json_array_foreach((json_t *)f->questions, i, q) {
		const char *item = json_str(q, "item");

		if (!json_str(q, "question_id"))
			buf_addf(err, "questions[%zu] has no 'question_id'", i);
		else if (item && !form_instrument_of(f, item))
			buf_addf(err, "questions[%zu]: no instrument of the form has an item '%s'", i, item);
		else
			continue;
		return false;
	}
	return true;
}

static bool read_instruments(struct form *f, const char *folder, struct buf *err)
{
	const json_t *names = input_list(f->doc, "instruments", err);
	json_t *name;
	size_t i;

	if (!names)
		return false;
	f->instrument = xcalloc(json_array_size(names) + 1, sizeof(*f->instrument));
	json_array_foreach((json_t *)names, i, name) {
		if (!good_name(json_string_value(name))) {
			buf_addf(err, "instruments[%zu] is no name", i);
			return false;
		}
		f->n++; /* counted before it is read: what there is of it is released with the rest */
		if (!instrument_open(&f->instrument[i], folder, json_string_value(name), err))
			return false;
	}
	return true;
}

bool form_open(struct form *f, const char *forms, const char *instruments, const char *name, struct buf *err)
{
	struct buf why = BUF_INIT;
	char *path;
	bool good = false;

	*f = (struct form){0};
	if (!good_name(name)) {
		buf_addf(err, "'%s' is no name of a form", name ? name : "");
		return false;
	}
	path = file_of(forms, name);
	f->doc = definition_read(path, err);
	if (f->doc) {
		good = (f->questions = input_list(f->doc, "questions", &why)) &&
		       read_instruments(f, instruments, &why) && good_questions(f, &why);
		if (!good)
			buf_addf(err, "%s: %s", path, why.data);
	}
	if (!good)
		form_release(f);
	free(path);
	buf_release(&why);
	return good;
}

void form_release(struct form *f)
{
	for (size_t i = 0; i < f->n; i++)
		json_decref(f->instrument[i].doc);
	free(f->instrument);
	json_decref(f->doc);
	*f = (struct form){0};
}

const char *form_question(const struct form *f, const char *code)
{
	json_t *q;
	size_t i;

	json_array_foreach((json_t *)f->questions, i, q) {
		const char *item = json_str(q, "item");

		if (item && !strcmp(item, code))
			return json_str(q, "question_id");
	}
	return NULL;
}

const struct instrument *form_instrument_of(const struct form *f, const char *code)
{
	for (size_t i = 0; i < f->n; i++)
		if (instrument_item(&f->instrument[i], code))
			return &f->instrument[i];
	return NULL;
}
