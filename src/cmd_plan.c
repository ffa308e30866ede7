/* plan: what a run would do and what that depends on, as a document that `apply` holds a run to. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "cmd.h"
#include "doc/json.h"
#include "engine/review.h"
#include "planning.h"
#include "report/tty.h"
#include "resuming.h"
#include "running.h"

/* --- for people ----------------------------------------------------------------------------------------------- */

static void print_clean(const struct buf *line)
{
	struct buf clean = BUF_INIT;

	tty_clean(&clean, (struct span){line->data, line->len});
	puts(clean.data);
	buf_release(&clean);
}

static void print_names(const json_t *names, const char *head, const char *tail)
{
	for (size_t i = 0; i < json_array_size(names); i++) {
		struct buf line = BUF_INIT;

		buf_addf(&line, "%s%s%s", head, json_string_value(json_array_get(names, i)), tail);
		print_clean(&line);
		buf_release(&line);
	}
}

static void print_changed(const json_t *changed)
{
	const char *name;
	json_t *what;

	json_object_foreach ((json_t *)changed, name, what) {
		struct buf line = BUF_INIT;

		buf_addf(&line, "~ %s  changed: ", *name ? name : "the Jobfile");
		for (size_t i = 0; i < json_array_size(what); i++)
			buf_addf(&line, "%s%s", i ? ", " : "", json_string_value(json_array_get(what, i)));
		print_clean(&line);
		buf_release(&line);
	}
}

static void print_difference(const json_t *d)
{
	const char *run = json_str(json_object_get(d, "to"), "id");
	const json_t *added = json_object_get(d, "added"), *removed = json_object_get(d, "removed");
	const json_t *changed = json_object_get(d, "changed");

	if (!run) {
		puts("there is no run yet that succeeded");
		return;
	}
	if (!json_array_size(added) && !json_array_size(removed) && !json_object_size(changed)) {
		printf("the Jobfile says what it said in run %s, the last that succeeded\n", run);
		return;
	}
	printf("since run %s, the last that succeeded:\n", run);
	print_names(added, "+ ", "  is new");
	print_names(removed, "- ", "  is gone");
	print_changed(changed);
}

/* What was asked and answered in the run that is gone on with. */
static void print_answers(const json_t *steps)
{
	const char *name;
	json_t *step;

	json_object_foreach ((json_t *)steps, name, step) {
		const json_t *a = json_object_get(step, "answer"), *prompt = json_object_get(json_object_get(step, "do"), "prompt");
		struct buf line = BUF_INIT;

		if (!a)
			continue;
		buf_addf(&line, "%s was %s by %s at %s%s%s", name, json_is_true(json_object_get(a, "approved")) ? "approved" : "rejected",
			 json_str(a, "by"), json_str(a, "at"), json_str(a, "note") ? ": " : "",
			 json_str(a, "note") ? json_str(a, "note") : "");
		if (json_is_string(prompt))
			buf_addf(&line, " (it asked: %s)", json_string_value(prompt));
		print_clean(&line);
		buf_release(&line);
	}
}

static void print_summary(struct cli *c, struct engine *e, const struct review *r)
{
	const enum format format = c->format;

	c->format = FORMAT_TEXT;
	(void)running_list(c, e);
	c->format = format;
	print_difference(json_object_get(r->doc, "difference"));
	print_answers(json_object_get(r->doc, "steps"));
	printf("plan %s\n", r->hash.hex);
}

/* --- the document ------------------------------------------------------------------------------------------------ */

static bool says_format(const struct cli *c)
{
	for (size_t i = 0; i < c->given.n; i++)
		if (!strncmp(c->given.at[i], "--format=", strlen("--format=")))
			return true;
	return false;
}

/* It is the result, unless it goes into a file or somebody sits there. */
static bool wants_document(const struct cli *c)
{
	return c->format == FORMAT_JSON || (!c->out_file && !says_format(c) && !isatty(STDOUT_FILENO));
}

static bool write_document(const struct cli *c, const struct buf *text)
{
	if (!c->out_file || file_write_to(c->out_file, text->data, text->len, 0666) == 0)
		return true;
	cli_error("--out: cannot write '%s': %s", c->out_file, strerror(errno));
	return false;
}

static int print_plan(struct cli *c, struct engine *e, const struct review *r)
{
	struct buf text = BUF_INIT;
	int code = review_has_work(e) ? EXIT_RUN_FAILED : EXIT_DONE;

	review_text(r, &text);
	if (!write_document(c, &text))
		code = EXIT_USAGE_ERROR;
	else if (c->question)
		; /* the exit code says it */
	else if (wants_document(c))
		fwrite(text.data, 1, text.len, stdout);
	else
		print_summary(c, e, r);
	buf_release(&text);
	return code;
}

/* --- making it ------------------------------------------------------------------------------------------------------ */

static int look(struct cli *c, const struct jobfile *jf, struct run_options *o, json_t *given)
{
	struct diags *d = diags_new();
	struct engine *e = engine_new(jf, o, d);
	struct buf err = BUF_INIT;
	struct review r = {0};
	int code = EXIT_USAGE_ERROR;

	cli_diags(c, d);
	if (e && review_make(&r, e, given, &err)) {
		code = print_plan(c, e, &r);
	} else if (e) {
		cli_error("%s", err.data);
		code = EXIT_LEDGER;
	}
	review_release(&r);
	buf_release(&err);
	engine_free(e);
	diags_free(d);
	return code;
}

static int look_at_resumption(struct cli *c, const struct jobfile *jf, struct run_options *o, void *ctx)
{
	json_object_set_new(ctx, "resume", json_string(o->resumes));
	return look(c, jf, o, ctx);
}

static int plan_resumption(struct cli *c, json_t *given)
{
	char *here = realpath(".", NULL), *out = c->out_file && here ? path_join(here, c->out_file) : NULL;
	int code;
	const struct resuming r = {.run = c->resume_run, .targets = {c->words.at, c->words.n}, .instead = look_at_resumption,
				   .ctx = given};

	c->dry_run = true; /* look at the ledger as -n does */
	c->out_file = out ? out : c->out_file; /* it goes on in the folder of that run */
	code = resuming_go(c, &r);
	c->out_file = NULL;
	free(out);
	free(here);
	return code;
}

static int plan_run(struct cli *c, json_t *given)
{
	struct jobfile *jf = cli_load(c);
	struct run_options o;
	int code = EXIT_USAGE_ERROR;

	if (!jf)
		return code;
	cli_name_jobs(c, jf);
	if (cli_may_ask(c, jf)) {
		o = cli_run_options(c, jf);
		code = planning_ledger(c, jf, &o, &o.past) ? look(c, jf, &o, given) : EXIT_LEDGER;
		ledger_close(o.past);
	}
	jobfile_free(jf);
	return code;
}

int cmd_plan(struct cli *c)
{
	json_t *given;
	int code;

	if (c->each) {
		cli_error("plan: one plan is for one run, and --each makes several");
		return EXIT_USAGE_ERROR;
	}
	given = planning_given(c);
	code = c->wants_resume ? plan_resumption(c, given) : plan_run(c, given);
	json_decref(given);
	return code;
}
