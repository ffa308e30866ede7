#include "running.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/spell.h"
#include "doc/json.h"
#include "report/listing.h"
#include "report/screen.h"
#include "report/tty.h"

/* --- looking only ------------------------------------------------------------------------------------- */

static void print_on(void *ctx, struct buf *text)
{
	fwrite(text->data, 1, text->len, ctx);
	buf_reset(text);
}

int running_list(struct cli *c, struct engine *e)
{
	const struct expansion *x = engine_expansion(e);
	struct buf text = BUF_INIT, target = BUF_INIT;
	struct listing_options o = {.steps = c->verbose, .outlook = engine_outlook(e),
				    .pass_on = print_on, .ctx = stdout};
	json_t *doc;

	expansion_unit_name(x, x->target_unit[0], &target);
	for (size_t i = 1; i < x->n_targets; i++) {
		buf_putc(&target, ' ');
		expansion_unit_name(x, x->target_unit[i], &target);
	}
	o.target = target.data;
	if (c->format == FORMAT_JSON) {
		doc = listing_json(x, engine_schedule(e), &o);
		cli_print_json(doc);
		json_decref(doc);
	} else {
		listing_text(&text, x, engine_schedule(e), &o);
		print_on(stdout, &text);
	}
	buf_release(&text);
	buf_release(&target);
	return EXIT_DONE;
}

/* --- what is told ---------------------------------------------------------------------------------------- */

/* What steps print: as it was asked for; or, where only failures are wanted, only of those. */
static enum output_mode output_of(const struct cli *c)
{
	return !c->output_given && c->silent ? OUTPUT_TAIL : c->output;
}

static bool may_move(void)
{
	const char *term = getenv("TERM");

	return isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb");
}

/* With events on standard output it is a program that looks, or a terminal that has them. */
static enum screen_style style_of(const struct cli *c)
{
	if (c->debug)
		return SCREEN_PLAIN; /* one stream of lines */
	switch (c->progress) {
	case PROGRESS_PLAIN:
	case PROGRESS_NONE:
		return SCREEN_PLAIN;
	case PROGRESS_LINE:
		return may_move() ? SCREEN_LINE : SCREEN_PLAIN;
	case PROGRESS_AUTO:
		break;
	}
	return may_move() && !c->silent && c->output != OUTPUT_JSON ? SCREEN_LIVE : SCREEN_PLAIN;
}

/* Standard output is for one thing at a time. */
static bool is_stdout_shared(const struct cli *c)
{
	bool events = c->output == OUTPUT_JSON || (c->events_file && !strcmp(c->events_file, "-"));

	if (!events || c->format != FORMAT_JSON)
		return false;
	cli_error("--format=json and %s both write to standard output",
		  c->output == OUTPUT_JSON ? "-Ojson" : "--events=-");
	cli_hint("--result=FILE writes the result document to a file");
	return true;
}

static bool add_events(struct cli *c, struct sinks *sinks)
{
	bool to_stdout = c->events_file && !strcmp(c->events_file, "-");
	FILE *f;

	if (c->output == OUTPUT_JSON || to_stdout)
		sinks_add(sinks, sink_events(stdout, false));
	if (!c->events_file || to_stdout)
		return true;
	f = fopen(c->events_file, "we");
	if (!f) {
		cli_error("--events: cannot write '%s': %s", c->events_file, strerror(errno));
		return false;
	}
	sinks_add(sinks, sink_events(f, true));
	return true;
}

bool running_add_sinks(struct cli *c, struct sinks *sinks)
{
	const struct screen_options o = {
		.out = stderr, .style = style_of(c), .colour = cli_colour(c, stderr), .silent = c->silent,
		.verbose = c->verbose, .output = output_of(c),
		.heartbeat_ms = c->progress == PROGRESS_NONE ? 0 : c->heartbeat_ms,
	};

	if (is_stdout_shared(c))
		return false;
	sinks_add(sinks, sink_screen(&o));
	return add_events(c, sinks);
}

/* --- running -------------------------------------------------------------------------------------------------- */

bool running_wants_result(const struct cli *c)
{
	return c->result_file || c->format == FORMAT_JSON;
}

bool running_pass_on(struct cli *c, struct buf *text)
{
	bool good = true;

	buf_putc(text, '\n');
	if (c->result_file && file_write_to(c->result_file, text->data, text->len, 0666) < 0) {
		cli_error("--result: cannot write '%s': %s", c->result_file, strerror(errno));
		good = false;
	}
	if (c->format == FORMAT_JSON)
		fwrite(text->data, 1, text->len, stdout);
	return good;
}

static bool pass_on(struct cli *c, const struct engine *e)
{
	struct buf text = BUF_INIT;
	bool good = true;

	if (running_wants_result(c)) {
		engine_result_text(e, &text, JSON_INDENTED);
		good = running_pass_on(c, &text);
	}
	buf_release(&text);
	return good;
}

/* A job that plans changes and makes none says them to who looks, with the hash that applying them may ask for. */
static void show_plan(const json_t *result)
{
	const json_t *diff = json_object_get(result, "diff");
	const char *hash = json_str(result, "plan_hash");
	struct buf text = BUF_INIT;
	json_t *line;
	size_t i;

	if (!hash || !json_is_array(diff) || !json_is_true(json_object_get(result, "success")))
		return;
	json_array_foreach(diff, i, line) {
		tty_clean(&text, span_of(json_is_string(line) ? json_string_value(line) : ""));
		buf_putc(&text, '\n');
	}
	buf_puts(&text, "plan_hash ");
	tty_clean(&text, span_of(hash));
	puts(text.data);
	buf_release(&text);
}

char *running_command_line(const struct cli *c)
{
	struct buf text = BUF_INIT;

	for (int i = 0; i < c->argc; i++)
		buf_addf(&text, "%s%s", i ? " " : "", i ? c->argv[i] : path_base(c->argv[i]));
	return buf_detach(&text);
}

static int run(struct cli *c, struct engine *e)
{
	struct sinks sinks = {0};
	struct buf err = BUF_INIT;
	int code = EXIT_USAGE_ERROR;

	if (running_add_sinks(c, &sinks)) {
		code = engine_run(e, &sinks, &err);
		if (err.len)
			cli_error("%s", err.data);
		if (engine_result(e) && !pass_on(c, e) && code == EXIT_DONE)
			code = EXIT_RUN_FAILED;
		if (engine_result(e) && c->format != FORMAT_JSON && c->output != OUTPUT_JSON && !c->silent)
			show_plan(engine_result(e));
		if (c->exit_code_of_step && code == EXIT_RUN_FAILED && engine_failed_exit(e))
			code = engine_failed_exit(e);
	}
	sinks_release(&sinks);
	buf_release(&err);
	return code;
}

/* In the words of make, which editors look for: what steps say of files is relative to it. */
void running_say_folder(const struct cli *c, const char *folder, const char *what)
{
	char *root = realpath(folder, NULL);
	struct buf clean = BUF_INIT;

	tty_clean(&clean, span_of(root ? root : folder));
	(void)fflush(stdout);
	if (c->print_folder)
		fprintf(stderr, "orchmake: %s directory '%s'\n", what, clean.data);
	buf_release(&clean);
	free(root);
}

/* In the foreground of a terminal, from which a person can answer; a job in the background would be stopped by asking. */
static bool has_person(const struct cli *c)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO) && !c->silent && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static bool is_option(const char *word)
{
	struct option_info o;

	for (size_t i = 0; option_get(i, &o); i++)
		if (o.name && !o.verbs && !strcmp(o.name, word))
			return true;
	return false;
}

void running_suggest(const struct cli *c, const struct jobfile *jf)
{
	struct spell s;

	if (c->verb_given || !c->words.n || (jf && job_find(jf, c->words.at[0])))
		return;
	if (is_option(c->words.at[0])) {
		cli_hint("or is `orchmake --%s` meant?", c->words.at[0]);
		return;
	}
	if (!jf)
		return;
	spell_init(&s, c->words.at[0]);
	for (size_t i = 0; i < n_verbs; i++)
		spell_try(&s, verbs[i].name);
	if (s.best)
		cli_hint("or is the verb `%s` meant?", s.best);
}

int running_do(struct cli *c, const struct jobfile *jf, struct run_options *o)
{
	struct diags *d = diags_new();
	char *line = running_command_line(c), *person = has_person(c) ? cli_user() : NULL;
	struct engine *e;
	int code = EXIT_USAGE_ERROR;

	if (c->fail_fast && (c->keep_going || c->ignore_failures)) {
		cli_error("--fail-fast and %s contradict each other", c->keep_going ? "-k" : "-i");
		goto done;
	}
	o->command = line;
	o->person = person;
	if (c->dry_run || c->question)
		o->image = NULL; /* it is one of a run */
	e = engine_new(jf, o, d);
	cli_diags(c, d);
	if (!e)
		running_suggest(c, jf);
	if (diags_count(d))
		sights_spoil(&c->sights, "there is something to say of the documents");
	if (e && c->question)
		code = listing_count(engine_expansion(e), engine_schedule(e), engine_outlook(e)) ? EXIT_RUN_FAILED : EXIT_DONE;
	else if (e) {
		running_say_folder(c, jf->root, "Entering");
		code = c->dry_run ? running_list(c, e) : run(c, e);
		running_say_folder(c, jf->root, "Leaving");
	}
	engine_free(e);
done:
	diags_free(d);
	free(line);
	free(person);
	return code;
}
