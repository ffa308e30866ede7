/*
 * validator: rules about the objects of a source; one result for each rule and field.
 *
 *	job		whose rules these are: the first part of a result's key
 *	rows		rows {idem_key, connection_name, payload}
 *	rules		list of {rule, ...}, see `kinds` in validator_rules.c
 *	others		name -> rows, for `reference`
 *	events		rows {aggregate_id, payload} of the log of exports, for `ingested`
 *
 * A value that is absent or null breaks no rule but `required`.  `unless: {field: value}`
 * exempts the rows that have that value.  Broken rules are no failure here: what was found is
 * recorded first, and `verdict` then fails.
 */
#include "callables/callable.h"

#include <stdlib.h>
#include <string.h>

#include "callables/convert.h"
#include "callables/forms.h"
#include "callables/validator_impl.h"
#include "doc/json.h"

enum { SAMPLE_MAX = 3 };

/* --- a rule as it is written -------------------------------------------------------------------------- */

static const struct kind *kind_of(const json_t *rule)
{
	const char *name = json_str(rule, "rule");

	return name ? kind_find(name) : NULL;
}

static bool word_in(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = words; (p = strstr(p, word)); p += len)
		if ((p == words || strchr(" !", p[-1])) && (!p[len] || p[len] == ' '))
			return true;
	return false;
}

static bool good_words(const struct kind *k, const json_t *rule, struct buf *err)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)rule, key, value)
		if (!word_in("rule fields unless", key) && !word_in(k->params, key)) {
			buf_addf(err, "a rule '%s' has no '%s'", k->name, key);
			return false;
		}
	for (const char *p = k->params; (p = strchr(p, '!')); p++) {
		size_t len = strcspn(p + 1, " ");

		if (!json_object_getn(rule, p + 1, len)) {
			buf_addf(err, "a rule '%s' needs '%.*s'", k->name, (int)len, p + 1);
			return false;
		}
	}
	if (!json_array_size(json_object_get(rule, "fields"))) {
		buf_addf(err, "a rule '%s' needs 'fields'", k->name);
		return false;
	}
	return true;
}

static bool good_type(const json_t *rule, struct buf *err)
{
	const char *is = json_str(rule, "is"), *as = json_str(rule, "as");

	if (json_object_get(rule, "is") && (!is || !word_in("text texts int digits number bool list map time", is)))
		buf_addf(err, "no type is called '%s'", is ? is : "");
	else if (json_object_get(rule, "as") && (!as || !word_in("time_s time_ms", as)))
		buf_addf(err, "'as' is '%s', not time_s or time_ms", as ? as : "");
	else
		return true;
	return false;
}

/* --- what a rule compares with ------------------------------------------------------------------------ */

static bool open_pattern(struct check *c)
{
	const char *pattern = json_str(c->rule, "pattern");

	if (!pattern)
		return true;
	c->has_pattern = regcomp(&c->pattern, pattern, REG_EXTENDED | REG_NOSUB) == 0;
	if (!c->has_pattern)
		buf_addf(c->err, "'%s' is no regular expression", pattern);
	return c->has_pattern;
}

static bool open_dates(struct check *c)
{
	const char *from = json_str(c->rule, "from"), *before = json_str(c->rule, "before");

	if (!from)
		return true;
	if (time_parse(from, &c->from_us) && before && time_parse(before, &c->before_us))
		return true;
	buf_addf(c->err, "'from' or 'before' of a rule 'dates' is no date");
	return false;
}

static bool was_ingested(const struct check *c, const char *export)
{
	json_t *event;
	size_t i;

	json_array_foreach(json_object_get(c->in, "events"), i, event) {
		const char *id = json_str(event, "aggregate_id");

		if (id && !strcmp(id, export))
			return true;
	}
	return false;
}

/*
 * The keys that a reference may name.  Where the other export has never been read, its own job
 * has failed and says so; nothing can be told about references then.
 */
static bool open_reference(struct check *c)
{
	const char *to = json_str(c->rule, "to"), *key = json_str(c->rule, "key");
	const json_t *rows, *other;
	struct buf text = BUF_INIT;
	size_t i;

	if (!to || !key)
		return true;
	rows = json_object_get(json_object_get(c->in, "others"), to);
	if (!json_is_array(rows)) {
		buf_addf(c->err, "parameter 'others' has no rows '%s'", to);
		return false;
	}
	json_array_foreach((json_t *)rows, i, other) {
		buf_reset(&text);
		if (scalar_text(&text, value_at(payload_of(other), key)))
			map_put(&c->seen, text.data, NULL);
	}
	c->cannot_tell = !json_array_size(rows) && !was_ingested(c, to);
	buf_release(&text);
	return true;
}

static void check_close(struct check *c)
{
	if (c->has_pattern)
		regfree(&c->pattern);
	map_release(&c->seen);
	for (size_t i = 0; i < c->forms.n; i++) {
		form_release(c->forms.entry[i].value);
		free(c->forms.entry[i].value);
	}
	map_release(&c->forms);
	buf_release(&c->sample);
}

/* --- looking ------------------------------------------------------------------------------------------ */

static bool exempt(const json_t *rule, const json_t *payload)
{
	const char *field;
	json_t *value;

	json_object_foreach(json_object_get(rule, "unless"), field, value)
		if (json_equal(json_object_get(payload, field), value))
			return true;
	return false;
}

static void add_broken(struct check *c, const char *key)
{
	c->n_broken++;
	if (c->n_samples == SAMPLE_MAX)
		return;
	buf_addf(&c->sample, "%s%s", c->n_samples++ ? ", " : "", key);
}

static bool look_at_rows(struct check *c, const struct kind *k)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(c->in, "rows"), i, row) {
		const json_t *v = value_at(payload_of(row), c->field);
		const char *key = json_str(row, "idem_key");

		if ((!v && !k->of_absent) || exempt(c->rule, payload_of(row)))
			continue;
		c->n_checked++;
		if (!k->keeps(c, row, v))
			add_broken(c, key ? key : "?");
		if (c->err->len)
			return false;
	}
	return true;
}

static size_t rows_of(const struct check *c, const char *export)
{
	size_t len = strlen(export), n = 0, i;
	json_t *row;

	json_array_foreach(json_object_get(c->in, "rows"), i, row) {
		const char *key = json_str(row, "idem_key");

		n += key && !strncmp(key, export, len) && key[len] == ':';
	}
	return n;
}

/* The most objects that any export of it had: the store forgets none. */
static json_int_t objects_of(const struct check *c, const char *export)
{
	json_int_t most = 0;
	json_t *event;
	size_t i;

	json_array_foreach(json_object_get(c->in, "events"), i, event) {
		const char *id = json_str(event, "aggregate_id");
		json_int_t n = json_integer_value(value_at(event, "payload.objects"));

		if (id && !strcmp(id, export) && n > most)
			most = n;
	}
	return most;
}

/* An export was read at least once, and the store has all its objects. */
static void look_at_export(struct check *c)
{
	c->n_checked = 1;
	if (!was_ingested(c, c->field))
		add_broken(c, "no export of it was ever read");
	else if ((json_int_t)rows_of(c, c->field) < objects_of(c, c->field))
		add_broken(c, "the store has fewer objects than an export of it had");
}

static json_t *result_of(const struct check *c, const struct kind *k)
{
	const char *job = json_str(c->in, "job");

	return json_pack("{s:o, s:s, s:s, s:s, s:I, s:I, s:s}", "check_key",
			 json_sprintf("%s/%s/%s", job, k->name, c->field), "job", job,
			 "rule", k->name, "field", c->field, "checked", (json_int_t)c->n_checked, "broken",
			 (json_int_t)c->n_broken, "sample", c->sample.data);
}

static bool check_field(const json_t *in, const json_t *rule, const struct kind *k, const char *field,
			json_t *results, struct buf *err)
{
	struct check c = {.in = in, .rule = rule, .field = field, .err = err, .sample = BUF_INIT};
	bool good = open_pattern(&c) && (strcmp(k->name, "dates") || open_dates(&c)) && open_reference(&c);

	if (good && k->keeps)
		good = look_at_rows(&c, k);
	else if (good)
		look_at_export(&c);
	if (good)
		json_array_append_new(results, result_of(&c, k));
	check_close(&c);
	return good;
}

static bool check_rule(const json_t *in, const json_t *rule, size_t i, json_t *results, struct buf *err)
{
	const struct kind *k = kind_of(rule);
	json_t *field;
	size_t n;

	if (!k) {
		buf_addf(err, "rules[%zu]: no rule is called '%s'", i, json_str(rule, "rule") ? json_str(rule, "rule") : "");
		return false;
	}
	if (!good_words(k, rule, err) || !good_type(rule, err))
		return false;
	json_array_foreach(json_object_get(rule, "fields"), n, field) {
		if (!json_is_string(field)) {
			buf_addf(err, "rules[%zu].fields[%zu] is not a text", i, n);
			return false;
		}
		if (!check_field(in, rule, k, json_string_value(field), results, err))
			return false;
	}
	return true;
}

bool validator(const json_t *in, json_t *ret, struct buf *err)
{
	static const char *const words[] = {"job", "rows", "rules", "others", "events", NULL};
	const json_t *rules = input_list(in, "rules", err), *rule;
	json_t *results, *stats;
	bool good = true;
	size_t i;

	if (!rules || !input_text(in, "job", err) || !input_list(in, "rows", err) || !inputs_known(in, words, err))
		return false;
	results = json_array();
	json_array_foreach(rules, i, rule)
		good = good && check_rule(in, rule, i, results, err);
	stats = json_object();
	stats_rows(stats, json_array_size(json_object_get(in, "rows")), json_array_size(results));
	json_object_set_new(ret, "items", results);
	json_object_set_new(ret, "stats", stats);
	return good;
}

/* --- verdict ------------------------------------------------------------------------------------------ */

enum {
	WITH_SAMPLES_MAX = 2, /* so many broken rules are told at length, more of them by their names */
	NAMED_MAX = 12,
};

static json_int_t broken_of(const json_t *item)
{
	return json_integer_value(json_object_get(item, "broken"));
}

static const char *text_or_blank(const json_t *item, const char *key)
{
	const char *text = json_str(item, key);

	return text ? text : "";
}

/* What is broken, number `before` from 0. */
static void say_broken(struct buf *text, const json_t *item, size_t before, bool at_length)
{
	const char *rule = text_or_blank(item, "rule"), *field = text_or_blank(item, "field");
	long long checked = (long long)json_integer_value(json_object_get(item, "checked"));

	if (at_length)
		buf_addf(text, "%s%s %s: %lld of %lld (%s)", before ? "; " : "", rule, field, (long long)broken_of(item),
			 checked, text_or_blank(item, "sample"));
	else
		buf_addf(text, "%s%s %s: %lld", before ? ", " : "", rule, field, (long long)broken_of(item));
}

static void say_all_broken(struct buf *text, const json_t *items, size_t n_broken)
{
	const json_t *item;
	size_t said = 0, i;

	json_array_foreach(items, i, item)
		if (broken_of(item) && said < NAMED_MAX)
			say_broken(text, item, said++, n_broken <= WITH_SAMPLES_MAX);
	if (n_broken > said)
		buf_addf(text, " and %zu more", n_broken - said);
	if (n_broken > WITH_SAMPLES_MAX)
		buf_puts(text, " (the log and raw.validations have them all)");
}

/*
 * verdict: fails if a result of validator has broken rows, and says which.
 *
 *	items	what validator answered
 */
bool verdict(const json_t *in, json_t *ret, struct buf *err)
{
	static const char *const words[] = {"items", NULL};
	const json_t *items = input_list(in, "items", err), *item;
	size_t n_broken = 0, i;
	json_t *stats;

	if (!items || !inputs_known(in, words, err))
		return false;
	json_array_foreach(items, i, item)
		n_broken += broken_of(item) != 0;
	if (n_broken) {
		buf_addf(err, "%zu of %zu rules broken: ", n_broken, json_array_size(items));
		say_all_broken(err, items, n_broken);
		return false;
	}
	stats = json_object();
	stats_rows(stats, json_array_size(items), 0);
	json_object_set_new(ret, "items", json_array());
	json_object_set_new(ret, "stats", stats);
	return true;
}
