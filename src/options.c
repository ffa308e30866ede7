/* The command line, by the table in options.def. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/moment.h"
#include "base/spell.h"
#include "base/stamp.h"
#include "base/vec.h"
#include "cmd.h"
#include "doc/json.h"
#include "engine/debug.h"
#include "shortcut.h"

enum kind { HEADING, FLAG, UNFLAG, TEXT, WORDS, DEBUGGING, DURATION, MOMENT, COUNT, SIZE, SLOTS, LOAD, KEEP_GOING, SEED, PARAM, VARIABLE, JSON, COLOUR, PROGRESS, OUTPUT, FORMAT, OFFER, OVERLAP,
	    RESUME };

struct option_entry {
	int letter; /* 0: none */
	const char *name, *arg, *sentence;
	enum kind kind;
	size_t field;
	const char *verbs; /* that it is for alone; NULL: all */
};

#define HEAD(text) {.kind = HEADING, .sentence = text},
#define OPTION(letter, name, kind, field, arg, sentence) OF(NULL, letter, name, kind, field, arg, sentence)
#define OF(verbs, letter, name, kind, field, arg, sentence)                                        \
	{letter, name, arg, sentence, kind, offsetof(struct cli, field), verbs},
static const struct option_entry options[] = {
#include "options.def"
};
#undef HEAD
#undef OPTION
#undef OF

enum { LONG_BASE = 256, PAYLOAD_MAX = 64 << 20 };

/* --- values ---------------------------------------------------------------------------------------------- */

static bool bad_value(const struct option_entry *o, const char *value, const char *want)
{
	cli_error("--%s: '%s' is not %s", o->name, value, want);
	return false;
}

static bool set_number(const struct option_entry *o, const char *value, int64_t min, int64_t *ret)
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

static bool set_debug(const struct option_entry *o, const char *value, unsigned *ret)
{
	const char *bad;
	struct buf want = BUF_INIT;
	char *word;
	int n;

	if (debug_parse(value, ret, &bad, &n))
		return true;
	for (enum debug_topic t = 0; t < DEBUG_TOPIC_COUNT; t++)
		buf_addf(&want, "%s%s", t ? ", " : "one of ", debug_word(t));
	word = xstrndup(bad, (size_t)n);
	bad_value(o, word, want.data);
	free(word);
	buf_release(&want);
	return false;
}

static bool set_moment(const struct option_entry *o, const char *value, int64_t *ret)
{
	const int64_t now = stamp_wall_ms();

	if (!moment_parse(value, now, ret))
		return bad_value(o, value, "a time such as 06:30, 2026-01-31T06:30 or 90m");
	if (*ret <= now)
		return bad_value(o, value, "in the future");
	return true;
}

/* As make takes it: 4, 3.5, also 0, with which one step runs at a time. */
static bool set_load(const struct option_entry *o, const char *value, double *ret)
{
	char *end;
	double n = strtod(value, &end);

	if (end == value || *end || !isfinite(n) || n < 0)
		return bad_value(o, value, "a number of tasks such as 4 or 2.5");
	*ret = n;
	return true;
}

static bool set_json(const struct option_entry *o, const char *value, json_t **ret)
{
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
	json_decref(*ret);
	*ret = v;
	return json_is_object(v);
}

/* Bytes, or so many K, M, G, T of 1024. */
static bool set_size(const struct option_entry *o, const char *value, int64_t *ret)
{
	static const char units[] = "KMGT";
	char *end;
	long long n = strtoll(value, &end, 10);
	const char *unit = *end ? strchr(units, *end) : NULL;
	int shift = unit ? 10 * (int)(unit - units + 1) : 0;

	if (end == value || n < 1 || (*end && (!unit || end[1])) || n > INT64_MAX >> shift)
		return bad_value(o, value, "a size such as 500M or 2G");
	*ret = (int64_t)n << shift;
	return true;
}

static bool add_param(struct cli *c, const char *option, const char *text)
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

/* The position of value in words, which end with NULL. */
static bool set_word(const struct option_entry *o, const char *value, const char *const *words, int *ret)
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

static int64_t processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? n : 1;
}

/* One of a few words, of which each kind has its own. */
static bool apply_word(struct cli *c, const struct option_entry *o, const char *value)
{
	static const char *const *const words[] = {
		[COLOUR] = colour_words, [PROGRESS] = progress_words, [OUTPUT] = output_words, [FORMAT] = format_words,
		[OFFER] = offer_words, [OVERLAP] = overlap_words,
	};
	int word;

	if (!value) /* -O alone, as make has it */
		value = words[o->kind][0];
	if (!set_word(o, value, words[o->kind], &word))
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

static bool apply(struct cli *c, const struct option_entry *o, const char *value)
{
	void *field = (char *)c + o->field;
	struct words *words = field;
	int64_t n = 0;

	switch (o->kind) {
	case FLAG:
		*(bool *)field = true;
		return true;
	case UNFLAG:
		*(bool *)field = false;
		return true;
	case TEXT:
		*(const char **)field = value;
		return true;
	case WORDS:
		VEC_PUSH(words->at, words->n, words->room, value);
		return true;
	case DURATION:
		return duration_parse(value, field) || bad_value(o, value, "a time such as 500ms, 30s or 1h30m");
	case DEBUGGING:
		return set_debug(o, value, field);
	case MOMENT:
		return set_moment(o, value, field);
	case COUNT:
		return set_number(o, value, 1, field);
	case SIZE:
		return set_size(o, value, field);
	case SLOTS:
		c->slots = processors();
		return !value || set_number(o, value, 1, &c->slots);
	case LOAD:
		c->load_limited = value != NULL;
		return !value || set_load(o, value, &c->load);
	case KEEP_GOING:
		c->keep_going = true;
		if (value && !set_number(o, value, 1, &n))
			return false;
		c->fail_limit = (uint32_t)n;
		return true;
	case SEED:
		c->shuffle = true;
		c->seed = (uint64_t)stamp_mono_ns();
		if (value && !set_number(o, value, 0, &n))
			return false;
		c->seed = value ? (uint64_t)n : c->seed % 1000000;
		return true;
	case PARAM:
		return add_param(c, "-P", value);
	case VARIABLE:
		VEC_PUSH(words->at, words->n, words->room, value);
		return add_param(c, "--var", value);
	case JSON:
		return set_json(o, value, field);
	case COLOUR:
	case PROGRESS:
	case OUTPUT:
	case FORMAT:
	case OFFER:
	case OVERLAP:
		return apply_word(c, o, value);
	case RESUME:
		c->wants_resume = true;
		c->resume_run = value;
		return true;
	case HEADING:
		break;
	}
	BUG("unknown kind of option %d", (int)o->kind);
}

/* --- parsing ----------------------------------------------------------------------------------------------- */

static int has_arg(const struct option_entry *o)
{
	if (!o->arg)
		return no_argument;
	return o->arg[0] == '[' ? optional_argument : required_argument;
}

static bool is_of(const struct option_entry *o, const char *verb)
{
	size_t n = strlen(verb);

	for (const char *p = o->verbs; p; p = strchr(p, ' ') ? strchr(p, ' ') + 1 : NULL)
		if (!strncmp(p, verb, n) && (!p[n] || p[n] == ' '))
			return true;
	return !o->verbs;
}

/* What a letter means behind this verb (NULL: none yet): the verb's own option goes before everybody's. */
static const struct option_entry *letter_entry(int letter, const struct verb *v)
{
	const struct option_entry *found = NULL;

	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		const struct option_entry *o = &options[i];

		if (o->letter == letter && (!o->verbs || (v && is_of(o, v->name))) && (!found || o->verbs))
			found = o;
	}
	return found;
}

/* In order, and with `:` for what lacks its value. */
static void letters_of(struct buf *out, const struct verb *v)
{
	buf_reset(out);
	buf_puts(out, "-:");
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		int letter = options[i].letter;
		const struct option_entry *o = letter ? letter_entry(letter, v) : NULL;

		if (!o || strchr(out->data + 2, letter))
			continue;
		buf_putc(out, (char)letter);
		buf_puts(out, has_arg(o) == no_argument ? "" : has_arg(o) == required_argument ? ":" : "::");
	}
}

/* A long option of this verb's own goes before everybody's of that name, too. */
static const struct option_entry *long_entry(const char *name, const struct verb *v)
{
	const struct option_entry *found = NULL;

	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		const struct option_entry *o = &options[i];

		if (o->name && *o->name == *name && !strcmp(o->name, name) && (!found || (o->verbs && v && is_of(o, v->name))))
			found = o;
	}
	return found;
}

static void longs_of(struct option *longs)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (options[i].name && long_entry(options[i].name, NULL) == &options[i])
			longs[n++] = (struct option){options[i].name, has_arg(&options[i]), NULL, LONG_BASE + (int)i};
	longs[n] = (struct option){0};
}

static const struct option_entry *entry_of(int got, const struct verb *v)
{
	return got >= LONG_BASE ? long_entry(options[got - LONG_BASE].name, v) : letter_entry(got, v);
}

static bool unknown_option(const char *text)
{
	struct spell sp;
	char *name = xstrdup(text);

	name[strcspn(name, "=")] = 0;
	if (!strncmp(name, "--", 2) && long_entry(name + 2, NULL)) {
		cli_error("option '%s' takes no value", name);
		free(name);
		return false;
	}
	cli_error("unknown option '%s'", name);
	spell_init(&sp, name + strspn(name, "-"));
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (options[i].name)
			spell_try(&sp, options[i].name);
	if (!strncmp(name, "--", 2) && sp.best)
		cli_hint("did you mean '--%s'?", sp.best);
	else
		cli_hint("`orchmake --help` lists them");
	free(name);
	return false;
}

static bool is_param(const char *word)
{
	size_t n = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");

	return n && word[n] == '=';
}

/* For whoever hands it on: in the folder we are in already. */
static void keep_given(struct cli *c, const struct option_entry *o, const char *value)
{
	char *text;

	if (o->field == offsetof(struct cli, dir))
		return;
	text = value ? xasprintf("--%s=%s", o->name, value) : xasprintf("--%s", o->name);
	VEC_PUSH(c->given.at, c->given.n, c->given.room, text);
}

static bool take_word(struct cli *c, const char *word)
{
	if (is_param(word)) {
		VEC_PUSH(c->given.at, c->given.n, c->given.room, xstrdup(word));
		return add_param(c, "-P", word);
	}
	if (!c->verb && !c->words.n && verb_find(word))
		c->verb = verb_find(word);
	else
		VEC_PUSH(c->words.at, c->words.n, c->words.room, word);
	return true;
}

static bool refuse_option(int got, char **argv)
{
	char one[3] = {'-', (char)optopt, 0};

	if (got == '?')
		return unknown_option(optopt && optopt < LONG_BASE ? one : argv[optind - 1]);
	cli_error("option '%s' needs a value", argv[optind - 1]);
	return false;
}

/* Options that are for some verbs alone. */
struct said {
	const struct option_entry **at;
	size_t n, room;
};

/* What was said that only other verbs take would be left unheard. */
static bool is_for_verb(const struct cli *c, const struct said *said)
{
	for (size_t i = 0; i < said->n; i++) {
		const struct option_entry *o = said->at[i];

		if (is_of(o, c->verb->name))
			continue;
		cli_error("%s takes no --%s", c->verb->name, o->name);
		cli_hint("it belongs to: %s", o->verbs);
		return false;
	}
	return true;
}

/* The forms of output that only some verbs have. */
static bool has_format(const struct cli *c)
{
	static const struct {
		enum format format;
		struct option_entry of; /* its name, and whose it is */
	} rare[] = {
		{FORMAT_CSV, {.name = "csv", .verbs = "query sql stats"}},
		{FORMAT_DOT, {.name = "dot", .verbs = "graph"}},
		{FORMAT_MERMAID, {.name = "mermaid", .verbs = "graph"}},
		{FORMAT_SVG, {.name = "svg", .verbs = "graph"}},
	};

	for (size_t i = 0; i < ARRAY_LEN(rare); i++) {
		if (c->format != rare[i].format || is_of(&rare[i].of, c->verb->name))
			continue;
		cli_error("%s has no --format=%s", c->verb->name, rare[i].of.name);
		cli_hint("it is for: %s", rare[i].of.verbs);
		return false;
	}
	return true;
}

/* As many words as the verb's line has; SIZE_MAX: any number. */
static size_t most_words(const char *args)
{
	size_t most = 0, n = 0;

	if (strstr(args, "..."))
		return SIZE_MAX;
	for (const char *p = args; *p; p += strspn(p, " ")) {
		size_t len = strcspn(p, " ");

		n = len == 1 && *p == '|' ? 0 : n + 1;
		most = n > most ? n : most;
		p += len;
	}
	return most;
}

/* A word that nobody would look at is refused as an option would be. */
static bool is_enough(const struct cli *c)
{
	size_t most = most_words(c->verb->args);

	if (c->words.n <= most)
		return true;
	cli_error("%s: what is '%s' for?", c->verb->name, c->words.at[most]);
	cli_hint("usage: orchmake %s%s%s", c->verb->name, *c->verb->args ? " " : "", c->verb->args);
	return false;
}

/*
 * What make lets people type: `-kj4`, where -k has no number and the rest are letters of their own, and `-j 4` and `-l 2.5`,
 * where the number is a word of its own.
 */
static const char *value_of(struct cli *c, const struct option_entry *o, int got, char **argv)
{
	const char *digits = o->kind == SLOTS ? "0123456789" : o->kind == LOAD ? "0123456789." : NULL;
	const char *next = argv[optind];

	if (o->kind == KEEP_GOING && got < LONG_BASE && optarg && isalpha((unsigned char)*optarg)) {
		argv[--optind] = xasprintf("-%s", optarg);
		VEC_PUSH(c->letters.at, c->letters.n, c->letters.room, argv[optind]);
		return NULL;
	}
	if (!optarg && digits && next && *next && !next[strspn(next, digits)]) {
		optind++;
		return next;
	}
	return optarg;
}

/* argv is changed. */
static bool parse_words(struct cli *c, int argc, char **argv, struct buf *letters, struct said *said)
{
	struct option longs[ARRAY_LEN(options) + 1];
	bool good = true;
	int got;

	longs_of(longs);
	letters_of(letters, NULL);
	while (good && (got = getopt_long(argc, argv, letters->data, longs, NULL)) != -1) {
		if (got == 1) {
			good = take_word(c, optarg);
			letters_of(letters, c->verb);
		} else if (got == ':' || got == '?') {
			good = refuse_option(got, argv);
		} else {
			const struct option_entry *o = entry_of(got, c->verb);
			const char *value = value_of(c, o, got, argv);

			if (o->verbs)
				VEC_PUSH(said->at, said->n, said->room, o);
			else
				keep_given(c, o, value);
			good = apply(c, o, value);
		}
	}
	for (char **word = argv + optind; good && *word; word++)
		good = take_word(c, *word);
	return good;
}

bool cli_parse(struct cli *c, int argc, char **argv)
{
	struct buf letters = BUF_INIT;
	struct said said = {0};
	char **words = xcalloc((size_t)argc + 1, sizeof(*words));
	bool good;

	memcpy(words, argv, (size_t)argc * sizeof(*words));

	c->program = argc ? argv[0] : "orchmake";
	c->argc = argc;
	c->argv = argv;
	c->heartbeat_ms = 60 * MS_PER_S;
	c->ledger = getenv("ORCHMAKE_LEDGER");
	opterr = 0;
	good = parse_words(c, argc, words, &letters, &said);
	c->verb_given = c->verb != NULL;
	if (good && !c->verb)
		c->verb = verb_find("run");
	good = good && (c->wants_help || (is_for_verb(c, &said) && has_format(c) && is_enough(c)));
	buf_release(&letters);
	free(said.at);
	free(words);
	return good;
}

static void release_texts(struct words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free((char *)w->at[i]);
	free(w->at);
}

void cli_release(struct cli *c)
{
	struct words *lists[] = {&c->words, &c->files, &c->include_dirs, &c->sets, &c->vars, &c->only, &c->from,
				 &c->until, &c->skip, &c->what_if, &c->old};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		free(lists[i]->at);
	release_texts(&c->given);
	release_texts(&c->letters);
	shortcut_release(c);
	for (size_t i = 0; i < c->n_params; i++)
		free((char *)c->param[i].name);
	free(c->param);
	free(c->here);
	json_decref(c->payload);
	json_decref(c->ctx);
	sources_release(&c->sources);
}

/* --- help -------------------------------------------------------------------------------------------------- */

/* of_one: in the help of one verb, where it need not be said whose it is. */
static void help_option(FILE *out, const struct option_entry *o, bool of_one)
{
	struct buf left = BUF_INIT;
	bool maybe = o->arg && o->arg[0] == '[';
	enum { COLUMN = 30 };

	if (o->letter)
		buf_addf(&left, "-%c%s%s", o->letter, maybe ? o->arg : "", o->name ? ", " : "");
	else
		buf_puts(&left, "    ");
	if (o->name)
		buf_addf(&left, "--%s", o->name);
	if (maybe)
		buf_addf(&left, "[=%s", o->arg + 1);
	else if (o->arg)
		buf_addf(&left, o->name ? "=%s" : " %s", o->arg);
	fprintf(out, "  %-*s", COLUMN, left.data);
	if (left.len >= COLUMN)
		fprintf(out, "\n  %*s", COLUMN, "");
	if (o->verbs && !of_one)
		fprintf(out, "%s: ", o->verbs);
	fprintf(out, "%s\n", o->sentence);
	buf_release(&left);
}

/* Arguments that do not fit before the sentence put it on a line of its own. */
static void help_verb(FILE *out, const struct verb *v)
{
	enum { NAME = 11, ARGS = 22 };
	bool long_args = strlen(v->args) >= ARGS;

	fprintf(out, "  %-*s%-*s", NAME, v->name, long_args ? 0 : ARGS, v->args);
	if (long_args)
		fprintf(out, "\n  %*s", NAME + ARGS, "");
	fprintf(out, "%s\n", v->summary);
}

static void help_all(FILE *out)
{
	fputs("usage: orchmake [OPTIONS] [NAME=VALUE ...] [TARGET ...]\n"
	      "       orchmake [OPTIONS] VERB [ARGUMENTS ...]\n\nverbs\n", out);
	for (size_t i = 0; i < n_verbs; i++)
		help_verb(out, &verbs[i]);
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		if (options[i].kind == HEADING)
			fprintf(out, "\n%s\n", options[i].sentence);
		else
			help_option(out, &options[i], false);
	}
}

/* In lines of about eighty; an end of line in it stays one. */
static void help_paragraph(FILE *out, const char *text)
{
	enum { WIDTH = 80 };
	size_t used = 0;

	while (*text) {
		size_t n = strcspn(text, " \n");

		if (used && used + 1 + n > WIDTH)
			putc('\n', out), used = 0;
		used += (size_t)fprintf(out, "%s%.*s", used ? " " : "", (int)n, text);
		text += n;
		if (*text == '\n')
			putc('\n', out), used = 0;
		text += strspn(text, " \n");
	}
	putc('\n', out);
}

/* The options that are this verb's own. */
static void help_own(FILE *out, const char *verb)
{
	const char *head = "\noptions of its own\n";

	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		if (!options[i].verbs || !is_of(&options[i], verb))
			continue;
		fputs(head, out);
		head = "";
		help_option(out, &options[i], true);
	}
}

void cli_help(const struct cli *c, FILE *out)
{
	/* `orchmake --help` has no verb; cli_parse made it `run`. */
	bool asked = c->words.n || strcmp(c->verb->name, "run");

	if (!asked) {
		help_all(out);
		return;
	}
	fprintf(out, "usage: orchmake %s [OPTIONS] %s\n\n%s\n", c->verb->name, c->verb->args, c->verb->summary);
	if (c->verb->detail) {
		putc('\n', out);
		help_paragraph(out, c->verb->detail);
	}
	help_own(out, c->verb->name);
}

bool option_get(size_t i, struct option_info *ret)
{
	size_t n = 0;

	for (size_t k = 0; k < ARRAY_LEN(options); k++) {
		const struct option_entry *o = &options[k];

		if (o->kind == HEADING || n++ != i)
			continue;
		*ret = (struct option_info){o->letter, o->name, o->arg, o->sentence, o->verbs,
					    o->arg && (!strcmp(o->arg, "FILE") || !strcmp(o->arg, "DIR"))};
		return true;
	}
	return false;
}

bool option_is_of(const struct option_info *o, const char *verb)
{
	return is_of(&(struct option_entry){.verbs = o->verbs}, verb);
}
