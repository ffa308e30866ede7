/*
 * finalform: answers to forms scored by published rules.
 *
 *	mode		measure: form responses to measurement events, one for each instrument of the form
 *			observe: measurement events to observations, one for each item and scale and the total
 *	form, forms, instruments	the form's name, the folders of the definitions
 *	items		rows of canonical form_responses, or of measurement_events (answers, scales as JSON)
 *
 * source_seen of a row is the time stamp of what it was made of: what was made later is due again.
 *
 * A score stands only if every item is answered: nothing is imputed.  status is complete,
 * incomplete (an item without an answer) or invalid (an answer that is no choice).
 */
#include "callables/callable.h"

#include <string.h>

#include "base/bug.h"
#include "callables/forms.h"
#include "doc/json.h"

struct scoring {
	const struct form *form;
	const struct instrument *in;
	const json_t *answers;	/* question -> text, list or null */
	json_t *values;		/* code -> number or null */
	int n_answered, n_invalid, total;
};

/* --- one response, one instrument --------------------------------------------------------------------- */

static json_t *item_value(struct scoring *s, const json_t *item)
{
	const char *question = form_question(s->form, json_str(item, "code"));
	const json_t *answer = question ? json_object_get(s->answers, question) : NULL;
	int value;

	if (!answer || json_is_null(answer) || (json_is_string(answer) && !json_string_length(answer)))
		return json_null();
	if (!json_is_string(answer) || !answer_value(s->in, json_string_value(answer), &value)) {
		s->n_invalid++;
		return json_null();
	}
	if (json_is_true(json_object_get(item, "reverse")))
		value = s->in->least + s->in->most - value;
	s->n_answered++;
	s->total += value;
	return json_integer(value);
}

static bool on_scale(const json_t *item, const char *scale)
{
	json_t *name;
	size_t i;

	json_array_foreach(json_object_get(item, "scales"), i, name)
		if (json_is_string(name) && !strcmp(json_string_value(name), scale))
			return true;
	return false;
}

/* Null as soon as an item of it has no value. */
static json_t *scale_sum(const struct scoring *s, const char *scale)
{
	json_int_t sum = 0;
	json_t *item;
	size_t i;

	json_array_foreach((json_t *)s->in->items, i, item) {
		json_t *value = json_object_get(s->values, json_str(item, "code"));

		if (!on_scale(item, scale))
			continue;
		if (!json_is_integer(value))
			return json_null();
		sum += json_integer_value(value);
	}
	return json_integer(sum);
}

static json_t *scale_sums(const struct scoring *s)
{
	json_t *sums = json_object(), *name;
	size_t i;

	json_array_foreach(json_object_get(s->in->doc, "scales"), i, name)
		if (json_is_string(name))
			json_object_set_new(sums, json_string_value(name), scale_sum(s, json_string_value(name)));
	return sums;
}

/* The last step of the ladder that the total reaches. */
static json_t *severity(const struct scoring *s)
{
	json_t *step, *found = NULL;
	size_t i;

	json_array_foreach(json_object_get(s->in->doc, "severity"), i, step)
		if (s->total >= json_integer_value(json_object_get(step, "min")))
			found = json_object_get(step, "label");
	return found ? json_incref(found) : json_null();
}

/* Answers that ask for attention by themselves. */
static json_t *flags(const struct scoring *s)
{
	json_t *found = json_array(), *rule;
	size_t i;

	json_array_foreach(json_object_get(s->in->doc, "flags"), i, rule) {
		const char *code = json_str(rule, "item");
		json_t *value = code ? json_object_get(s->values, code) : NULL;

		if (json_is_integer(value) &&
		    json_integer_value(value) >= json_integer_value(json_object_get(rule, "min")))
			json_array_append(found, json_object_get(rule, "flag"));
	}
	return found;
}

static void set_text(json_t *row, const char *key, json_t *v)
{
	json_object_set_new(row, key, json_text_of(v));
	json_decref(v);
}

static const char *status_of(const struct scoring *s)
{
	if (s->n_invalid)
		return "invalid";
	return s->n_answered == (int)json_array_size(s->in->items) ? "complete" : "incomplete";
}

static void copy(json_t *row, const char *to, const json_t *item, const char *from)
{
	json_t *v = json_object_get(item, from);

	json_object_set_new(row, to, v ? json_incref(v) : json_null());
}

static json_t *event_of(struct scoring *s, const json_t *item)
{
	bool whole = !strcmp(status_of(s), "complete");
	bool has_total = !json_is_false(json_object_get(s->in->doc, "total"));
	json_t *row = json_object();

	json_object_set_new(row, "idem_key", json_sprintf("%s#%s", json_str(item, "idem_key"), s->in->name));
	copy(row, "response_key", item, "idem_key");
	copy(row, "response_id", item, "response_id");
	copy(row, "form_id", item, "form_id");
	copy(row, "respondent_email", item, "respondent_email");
	copy(row, "submitted_at", item, "submitted_at");
	copy(row, "source_seen", item, "canonicalized_at");
	json_object_set_new(row, "instrument", json_string(s->in->name));
	json_object_set_new(row, "instrument_version", json_string(s->in->version));
	json_object_set_new(row, "status", json_string(status_of(s)));
	json_object_set_new(row, "items_total", json_integer((json_int_t)json_array_size(s->in->items)));
	json_object_set_new(row, "items_answered", json_integer(s->n_answered));
	json_object_set_new(row, "score", whole && has_total ? json_integer(s->total) : json_null());
	json_object_set_new(row, "severity", whole && has_total ? severity(s) : json_null());
	set_text(row, "flags", flags(s));
	set_text(row, "scales", scale_sums(s));
	json_object_set_new(row, "answers", json_text_of(s->values));
	return row;
}

static json_t *measure_one(const struct form *f, const struct instrument *in, const json_t *item)
{
	struct scoring s = {.form = f, .in = in, .answers = json_object_get(item, "answers"), .values = json_object()};
	json_t *row, *q;
	size_t i;

	json_array_foreach((json_t *)in->items, i, q)
		json_object_set_new(s.values, json_str(q, "code"), item_value(&s, q));
	row = event_of(&s, item);
	json_decref(s.values);
	return row;
}

static bool measure(const struct form *f, const json_t *item, size_t i, json_t *rows, struct buf *err)
{
	if (!json_str(item, "idem_key") || !json_is_object(json_object_get(item, "answers"))) {
		buf_addf(err, "items[%zu] has no 'idem_key' or its 'answers' are not a map", i);
		return false;
	}
	for (size_t k = 0; k < f->n; k++)
		json_array_append_new(rows, measure_one(f, &f->instrument[k], item));
	return true;
}

/* --- observations ------------------------------------------------------------------------------------- */

static void observe_value(json_t *rows, const json_t *event, const char *kind, const char *code, json_t *value,
			  const json_t *label)
{
	json_t *row = json_object();

	json_object_set_new(row, "idem_key", json_sprintf("%s#%s", json_str(event, "idem_key"), code));
	copy(row, "measurement_key", event, "idem_key");
	copy(row, "form_id", event, "form_id");
	copy(row, "instrument", event, "instrument");
	copy(row, "respondent_email", event, "respondent_email");
	copy(row, "observed_at", event, "submitted_at");
	copy(row, "source_seen", event, "measured_at");
	json_object_set_new(row, "kind", json_string(kind));
	json_object_set_new(row, "code", json_string(code));
	json_object_set(row, "value", value);
	json_object_set_new(row, "label", label ? json_incref((json_t *)label) : json_null());
	json_array_append_new(rows, row);
}

static bool observe(const struct form *f, const json_t *event, size_t i, json_t *rows, struct buf *err)
{
	json_t *answers = json_object_get(event, "answers"), *scales = json_object_get(event, "scales"), *value;
	const char *code;

	(void)f;
	if (!json_str(event, "idem_key") || !json_is_object(answers)) {
		buf_addf(err, "items[%zu] has no 'idem_key' or its 'answers' are not a map", i);
		return false;
	}
	json_object_foreach(answers, code, value)
		observe_value(rows, event, "item", code, value, NULL);
	json_object_foreach(scales, code, value)
		observe_value(rows, event, "scale", code, value, NULL);
	value = json_object_get(event, "score");
	observe_value(rows, event, "total", "total", value ? value : json_null(), json_object_get(event, "severity"));
	return true;
}

/* --- */

static bool each(const struct form *f, const json_t *in, json_t *ret, struct buf *err)
{
	bool measures = !strcmp(json_str(in, "mode"), "measure");
	json_t *items = json_object_get(in, "items"), *rows = json_array(), *stats = json_object(), *item;
	bool good = true;
	size_t i;

	json_array_foreach(items, i, item)
		good = good && (measures ? measure : observe)(f, item, i, rows, err);
	stats_rows(stats, json_array_size(items), json_array_size(rows));
	json_object_set_new(ret, "items", rows);
	json_object_set_new(ret, "stats", stats);
	return good;
}

bool finalform(const json_t *in, json_t *ret, struct buf *err)
{
	static const char *const words[] = {"mode", "form", "forms", "instruments", "items", NULL};
	const char *mode = input_text(in, "mode", err), *name, *forms, *instruments;
	struct form f;
	bool good;

	if (!mode || !(name = input_text(in, "form", err)) || !(forms = input_text(in, "forms", err)) ||
	    !(instruments = input_text(in, "instruments", err)) || !input_list(in, "items", err) ||
	    !inputs_known(in, words, err))
		return false;
	if (strcmp(mode, "measure") && strcmp(mode, "observe")) {
		buf_addf(err, "parameter 'mode' is '%s', not measure or observe", mode);
		return false;
	}
	if (!form_open(&f, forms, instruments, name, err))
		return false;
	good = each(&f, in, ret, err);
	form_release(&f);
	return good;
}
