/* jobs list, jobs show JOB: what `list` and `show` do, under the names that lorchestra's users know. */
#include <string.h>

#include "cmd.h"

static void drop_first(struct words *w)
{
	memmove(w->at, w->at + 1, (w->n - 1) * sizeof(*w->at));
	w->n--;
}

static int show_named(struct cli *c)
{
	struct jobfile *jf;
	const char *near;
	bool found;

	if (c->words.n != 1) {
		cli_error("jobs show: which job?");
		cli_hint("usage: orchmake jobs show JOB");
		return EXIT_USAGE_ERROR;
	}
	jf = cli_load(c);
	if (!jf)
		return EXIT_USAGE_ERROR;
	found = job_find(jf, c->words.at[0]) != NULL;
	if (!found) {
		near = job_suggest(jf, NULL, c->words.at[0]);
		cli_error("no job is called '%s'", c->words.at[0]);
		cli_hint(near ? "did you mean '%s'?" : "`orchmake jobs list` lists them", near);
	}
	jobfile_free(jf);
	return found ? cmd_show(c) : EXIT_USAGE_ERROR;
}

int cmd_jobs(struct cli *c)
{
	const char *what = c->words.n ? c->words.at[0] : "";

	if (!strcmp(what, "list")) {
		drop_first(&c->words);
		return cmd_list(c);
	}
	if (!strcmp(what, "show")) {
		drop_first(&c->words);
		return show_named(c);
	}
	cli_error(*what ? "jobs: there is no 'jobs %s'" : "jobs: list them, or show one?", what);
	cli_hint("usage: orchmake jobs list [GLOB], orchmake jobs show JOB");
	return EXIT_USAGE_ERROR;
}
