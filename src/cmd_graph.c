/* graph: what waits for what, now or in a run that was. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "cmd.h"
#include "engine/stored.h"
#include "graph_draw.h"

/* --- as a picture ------------------------------------------------------------------------------------------- */

static bool has_program(const char *name)
{
	const char *path = getenv("PATH");
	bool found = false;

	for (const char *p = path ? path : ""; *p && !found; p += strspn(p, ":")) {
		size_t n = strcspn(p, ":");
		char *file = xasprintf("%.*s/%s", (int)n, p, name);

		found = !access(file, X_OK);
		free(file);
		p += n;
	}
	return found;
}

/* Graphviz writes where we would. */
static int draw_svg(const struct buf *dot)
{
	FILE *pipe;
	int status;

	if (!has_program("dot")) {
		cli_error("svg is drawn by Graphviz, and there is no program 'dot'");
		cli_hint("apt-get install graphviz, or --format=dot here and `dot -Tsvg` where it is");
		return EXIT_RUN_FAILED;
	}
	fflush(stdout);
	pipe = popen("dot -Tsvg", "we");
	if (!pipe) {
		cli_error("cannot start dot: %s", strerror(errno));
		return EXIT_RUN_FAILED;
	}
	fwrite(dot->data, 1, dot->len, pipe);
	status = pclose(pipe);
	if (!status)
		return EXIT_DONE;
	cli_error("dot failed; --format=dot shows what it was given");
	return EXIT_RUN_FAILED;
}

static int print(const struct cli *c, const struct drawing *g)
{
	struct buf out = BUF_INIT;
	int code = EXIT_DONE;
	json_t *doc;

	switch (c->format) {
	case FORMAT_TEXT:
	case FORMAT_CSV: /* refused with the options */
		draw_tree(g, &out, cli_colour(c, stdout));
		break;
	case FORMAT_JSON:
		doc = draw_json(g);
		cli_print_json(doc);
		json_decref(doc);
		break;
	case FORMAT_MERMAID:
		draw_mermaid(g, &out);
		break;
	case FORMAT_DOT:
	case FORMAT_SVG:
		draw_dot(g, &out);
		break;
	}
	if (c->format == FORMAT_SVG)
		code = draw_svg(&out);
	else
		fwrite(out.data, 1, out.len, stdout);
	buf_release(&out);
	return code;
}

/* --- where it comes from -------------------------------------------------------------------------------------- */

static bool tell_step(void *ctx, const struct ledger_step_row *r)
{
	drawing_tell(ctx, r->name, r->state);
	return true;
}

static bool tell_job(void *ctx, const struct ledger_job_row *r)
{
	drawing_tell(ctx, r->name, r->state);
	return true;
}

/* The run's own states, if it is one. */
static int draw(struct cli *c, const struct jobfile *jf, const struct run_options *o, struct ledger *l, int64_t run)
{
	struct diags *d = diags_new();
	struct engine *e = engine_new(jf, o, d);
	struct drawing g = {0};
	int code = EXIT_USAGE_ERROR;

	cli_diags(c, d);
	if (e) {
		drawing_init(&g, engine_expansion(e));
		code = EXIT_DONE;
		if (l && (!ledger_jobs(l, run, tell_job, &g) || !ledger_steps(l, run, NULL, tell_step, &g))) {
			cli_error("%s", ledger_error(l)->text.data);
			code = EXIT_LEDGER;
		}
	}
	if (code == EXIT_DONE)
		code = print(c, &g);
	drawing_release(&g);
	engine_free(e);
	diags_free(d);
	return code;
}

static int draw_now(struct cli *c)
{
	struct jobfile *jf = cli_load(c);
	struct run_options o;
	int code = EXIT_USAGE_ERROR;

	if (jf) {
		cli_name_jobs(c, jf);
		o = cli_run_options(c, jf);
		code = draw(c, jf, &o, NULL, -1);
	}
	jobfile_free(jf);
	return code;
}

/* From the definition that the ledger has of it, whatever the Jobfile says today. */
static int draw_stored(struct cli *c, struct ledger *l, int64_t run)
{
	struct buf definition = BUF_INIT;
	struct stored_run s = {0};
	struct diags *d = diags_new();
	int code = EXIT_LEDGER;

	if (!ledger_run_definition(l, run, &definition)) {
		cli_error("%s", ledger_error(l)->text.data);
	} else if (!definition.len || !stored_run_open(&s, definition.data, definition.len, d)) {
		cli_diags(c, d);
		cli_error("the ledger has no definition of that run that can be read");
		cli_hint("`orchmake show %s` shows what it has", c->run);
	} else {
		s.o.no_ledger = true; /* today's durations change nothing of what was */
		code = draw(c, s.jf, &s.o, l, run);
	}
	stored_run_release(&s);
	diags_free(d);
	buf_release(&definition);
	return code;
}

static int draw_run(struct cli *c)
{
	struct ledger *l;
	int64_t run;
	int code = EXIT_USAGE_ERROR;

	if (c->words.n) {
		cli_error("graph: a run has targets of its own, so '%s' cannot be one", c->words.at[0]);
		cli_hint("leave it out, or leave out --run");
		return code;
	}
	l = cli_ledger(c);
	run = l ? cli_run(l, c->run) : -1;
	if (run >= 0)
		code = draw_stored(c, l, run);
	ledger_close(l);
	return code;
}

int cmd_graph(struct cli *c)
{
	return c->run ? draw_run(c) : draw_now(c);
}
