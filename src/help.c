/* --help, of the program and of one verb. */
#include "options.h"

#include <string.h>

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
	for (size_t i = 0; i < n_options; i++) {
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

	for (size_t i = 0; i < n_options; i++) {
		if (!options[i].verbs || !option_is_for(&options[i], verb))
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
