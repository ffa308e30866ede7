/* The command line, by the table in options.def. */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "base/stamp.h"
#include "base/vec.h"
#include "shortcut.h"

#define HEAD(text) {.kind = HEADING, .sentence = text},
#define OPTION(letter, name, kind, field, arg, sentence) OF(NULL, letter, name, kind, field, arg, sentence)
#define OF(verbs, letter, name, kind, field, arg, sentence)                                        \
	{letter, name, arg, sentence, kind, offsetof(struct cli, field), verbs},
const struct option_entry options[] = {
#include "options.def"
};
#undef HEAD
#undef OPTION
#undef OF
const size_t n_options = ARRAY_LEN(options);

enum { LONG_BASE = 256 };

/* --- parsing ----------------------------------------------------------------------------------------------- */

static int has_arg(const struct option_entry *o)
{
	if (!o->arg)
		return no_argument;
	return o->arg[0] == '[' ? optional_argument : required_argument;
}

bool option_is_for(const struct option_entry *o, const char *verb)
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

		if (o->letter == letter && (!o->verbs || (v && option_is_for(o, v->name))) && (!found || o->verbs))
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

		if (o->name && *o->name == *name && !strcmp(o->name, name) && (!found || (o->verbs && v && option_is_for(o, v->name))))
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
		return option_add_param(c, "-P", word);
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

		if (option_is_for(o, c->verb->name))
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
		if (c->format != rare[i].format || option_is_for(&rare[i].of, c->verb->name))
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
			good = option_apply(c, o, value);
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

/* --- for others ---------------------------------------------------------------------------------------------- */

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
	return option_is_for(&(struct option_entry){.verbs = o->verbs}, verb);
}
