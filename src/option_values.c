/* What each kind of option does with its value. */
#include "options.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/moment.h"
#include "base/stamp.h"
#include "base/vec.h"
#include "doc/json.h"
#include "engine/debug.h"

enum { PAYLOAD_MAX = 64 << 20 };

static void *field_of(struct cli *c, const struct option_entry *o)
{
	return (char *)c + o->field;
}

static bool bad_value(const struct option_entry *o, const char *value, const char *want)
{
	cli_error("--%s: '%s' is not %s", o->name, value, want);
	return false;
}

static bool read_number(const struct option_entry *o, const char *value, int64_t min, int64_t *ret)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(value, &end, 10);
	if (end == value || *end || errno || n < min)
		return bad_value(o, value, min ? "a whole number above 0" : "a whole number");
	*ret = n;
	return true;
}

static bool set_flag(struct cli *c, const struct option_entry *o, const char *value)
{
	(void)value;
	*(bool *)field_of(c, o) = o->kind == FLAG;
	return true;
}

static bool set_text(struct cli *c, const struct option_entry *o, const char *value)
{
	*(const char **)field_of(c, o) = value;
	return true;
}

static bool add_word(struct cli *c, const struct option_entry *o, const char *value)
{
	struct words *words = field_of(c, o);

	VEC_PUSH(words->at, words->n, words->room, value);
	return true;
}

static bool set_count(struct cli *c, const struct option_entry *o, const char *value)
{
	return read_number(o, value, 1, field_of(c, o));
}

static bool set_duration(struct cli *c, const struct option_entry *o, const char *value)
{
	return duration_parse(value, field_of(c, o)) || bad_value(o, value, "a time such as 500ms, 30s or 1h30m");
}

static bool set_debug(struct cli *c, const struct option_entry *o, const char *value)
{
	unsigned *field = field_of(c, o);
	const char *bad;
	struct buf want = BUF_INIT;
	char *word;
	int n;

	if (debug_parse(value, field, &bad, &n))
		return true;
	for (enum debug_topic t = 0; t < DEBUG_TOPIC_COUNT; t++)
		buf_addf(&want, "%s%s", t ? ", " : "one of ", debug_word(t));
	word = xstrndup(bad, (size_t)n);
	bad_value(o, word, want.data);
	free(word);
	buf_release(&want);
	return false;
}

static bool set_moment(struct cli *c, const struct option_entry *o, const char *value)
{
	int64_t *field = field_of(c, o);
	const int64_t now = stamp_wall_ms();

	if (!moment_parse(value, now, field))
		return bad_value(o, value, "a time such as 06:30, 2026-01-31T06:30 or 90m");
	if (*field <= now)
		return bad_value(o, value, "in the future");
	return true;
}

static bool set_json(struct cli *c, const struct option_entry *o, const char *value)
{
	json_t **field = field_of(c, o);
	struct buf text = BUF_INIT, err = BUF_INIT;
	json_t *v = NULL;

	if (value[0] == '@' && file_read(value + 1, &text, PAYLOAD_MAX) < 0)
		cli_error("--%s: cannot read '%s': %s", o->name, value + 1, strerror(errno));
	else if (value[0] != '@')
		buf_puts(&text, value);
	if (text.len) {
		v = json_parse(text.data, text.len, &err);
		if (!v)
			cli_error("--%s is not JSON: %s", o->name, err.data);
		else if (!json_is_object(v))
			cli_error("--%s has to be a JSON map, such as {\"name\": \"value\"}", o->name);
	}
	buf_release(&text);
	buf_release(&err);
	json_decref(*field);
	*field = v;
	return json_is_object(v);
}

/* Bytes, or so many K, M, G, T of 1024. */
static bool set_size(struct cli *c, const struct option_entry *o, const char *value)
{
	int64_t *field = field_of(c, o);
	static const char units[] = "KMGT";
	char *end;
	long long n = strtoll(value, &end, 10);
	const char *unit = *end ? strchr(units, *end) : NULL;
	int shift = unit ? 10 * (int)(unit - units + 1) : 0;

	if (end == value || n < 1 || (*end && (!unit || end[1])) || n > INT64_MAX >> shift)
		return bad_value(o, value, "a size such as 500M or 2G");
	*field = (int64_t)n << shift;
	return true;
}

static int64_t processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? n : 1;
}

static bool set_slots(struct cli *c, const struct option_entry *o, const char *value)
{
	c->slots = processors();
	return !value || read_number(o, value, 1, &c->slots);
}

/* As make takes it: 4, 3.5, also 0, with which one step runs at a time. */
static bool set_load(struct cli *c, const struct option_entry *o, const char *value)
{
	char *end;
	double n;

	c->load_limited = value != NULL;
	if (!value)
		return true;
	n = strtod(value, &end);
	if (end == value || *end || !isfinite(n) || n < 0)
		return bad_value(o, value, "a number of tasks such as 4 or 2.5");
	c->load = n;
	return true;
}

static bool set_keep_going(struct cli *c, const struct option_entry *o, const char *value)
{
	int64_t n = 0;

	c->keep_going = true;
	if (value && !read_number(o, value, 1, &n))
		return false;
	c->fail_limit = (uint32_t)n;
	return true;
}

static bool set_seed(struct cli *c, const struct option_entry *o, const char *value)
{
	enum { SHORT = 1000000 }; /* one that is not given is short enough to be typed again */
	int64_t n = stamp_mono_ns() % SHORT;

	c->shuffle = true;
	if (value && !read_number(o, value, 0, &n))
		return false;
	c->seed = (uint64_t)n;
	return true;
}

static bool set_resume(struct cli *c, const struct option_entry *o, const char *value)
{
	(void)o;
	c->wants_resume = true;
	c->resume_run = value;
	return true;
}

bool option_add_param(struct cli *c, const char *option, const char *text)
{
	const char *eq = strchr(text, '=');
	struct given_param p;

	if (!eq || eq == text) {
		cli_error("%s: '%s' is not %s", option, text, strcmp(option, "-P") ? "KEY=VALUE" : "NAME=VALUE");
		return false;
	}
	p = (struct given_param){.name = xstrndup(text, (size_t)(eq - text)), .text = eq + 1};
	VEC_PUSH(c->param, c->n_params, c->room_params, p);
	return true;
}

static bool add_param(struct cli *c, const struct option_entry *o, const char *value)
{
	(void)o;
	return option_add_param(c, "-P", value);
}

static bool add_variable(struct cli *c, const struct option_entry *o, const char *value)
{
	return add_word(c, o, value) && option_add_param(c, "--var", value);
}

/* The position of value in words, which end with NULL. */
static bool read_word(const struct option_entry *o, const char *value, const char *const *words, int *ret)
{
	size_t maybe = o->arg[0] == '['; /* then a bracket on either side */
	char *want;

	for (int i = 0; words[i]; i++) {
		if (!strcmp(words[i], value)) {
			*ret = i;
			return true;
		}
	}
	want = xstrndup(o->arg + maybe, strlen(o->arg) - 2 * maybe);
	(void)bad_value(o, value, want);
	free(want);
	return false;
}

static const char *const colour_words[] = {"auto", "always", "never", NULL};
static const char *const progress_words[] = {"auto", "plain", "line", "none", NULL};
static const char *const output_words[] = {
#define OUTPUT(id, word, sentence) word,
#include "report/output.def"
#undef OUTPUT
	NULL,
};
static const char *const format_words[] = {"text", "json", "csv", "dot", "mermaid", "svg", NULL};

/* One of a few words, of which each kind has its own. */
static bool set_word(struct cli *c, const struct option_entry *o, const char *value)
{
	static const char *const *const words[] = {
		[COLOUR] = colour_words, [PROGRESS] = progress_words, [OUTPUT] = output_words, [FORMAT] = format_words,
		[OFFER] = offer_words, [OVERLAP] = overlap_words,
	};
	int word;

	if (!value) /* -O alone, as make has it */
		value = words[o->kind][0];
	if (!read_word(o, value, words[o->kind], &word))
		return false;
	if (o->kind == COLOUR)
		c->colour = (enum colour_when)word;
	else if (o->kind == PROGRESS)
		c->progress = (enum progress_mode)word;
	else if (o->kind == OUTPUT)
		c->output = (enum output_mode)word;
	else if (o->kind == FORMAT)
		c->format = (enum format)word;
	else if (o->kind == OFFER)
		c->jobserver = (enum slot_offer)word;
	else
		c->overlap = (enum overlap)word;
	c->overlap_given |= o->kind == OVERLAP;
	c->output_given |= o->kind == OUTPUT;
	return true;
}

bool option_apply(struct cli *c, const struct option_entry *o, const char *value)
{
	static bool (*const setters[KIND_COUNT])(struct cli *, const struct option_entry *, const char *) = {
		[FLAG] = set_flag,	   [UNFLAG] = set_flag,	    [TEXT] = set_text,
		[WORDS] = add_word,	   [DEBUGGING] = set_debug, [DURATION] = set_duration,
		[MOMENT] = set_moment,	   [COUNT] = set_count,	    [SIZE] = set_size,
		[SLOTS] = set_slots,	   [LOAD] = set_load,	    [KEEP_GOING] = set_keep_going,
		[SEED] = set_seed,	   [PARAM] = add_param,	    [VARIABLE] = add_variable,
		[JSON] = set_json,	   [COLOUR] = set_word,	    [PROGRESS] = set_word,
		[OUTPUT] = set_word,	   [FORMAT] = set_word,	    [OFFER] = set_word,
		[OVERLAP] = set_word,	   [RESUME] = set_resume,
	};

	BUG_UNLESS(setters[o->kind]);
	return setters[o->kind](c, o, value);
}
