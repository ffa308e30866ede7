/* gc: forget old runs, their rows and their logs; never one that runs. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "base/vec.h"
#include "cmd.h"
#include "engine/control.h"
#include "ledger/ledger_repair.h"

enum { KIB = 1024, SHORT_ID = 10 };

struct old_run {
	int64_t no, bytes;
	char *id, *logs;
};

struct sweep {
	struct old_run *run; /* oldest first */
	size_t n, room;
	size_t n_gone; /* so many of them go */
};

static bool collect(void *ctx, const struct ledger_run_row *r)
{
	struct sweep *s = ctx;

	if (control_is_at_work(r->journal, r->id))
		return true;
	VEC_PUSH(s->run, s->n, s->room,
		 ((struct old_run){.no = r->no, .id = xstrdup(r->id), .logs = r->log_dir ? xstrdup(r->log_dir) : NULL,
				   .bytes = control_logs_bytes(r->log_dir, r->id)}));
	return true;
}

/* By size: the newest stay as long as their logs together are not too much. */
static void cut_by_size(struct sweep *s, int64_t most)
{
	int64_t sum = 0;

	s->n_gone = s->n;
	while (s->n_gone && (sum += s->run[s->n_gone - 1].bytes) <= most)
		s->n_gone--;
}

static void report(const struct sweep *s, bool dry)
{
	int64_t bytes = 0;

	for (size_t i = 0; i < s->n_gone; i++) {
		bytes += s->run[i].bytes;
		if (dry)
			printf("%.*s  %" PRId64 " KiB of logs\n", SHORT_ID, s->run[i].id,
			       (s->run[i].bytes + KIB - 1) / KIB);
	}
	printf("%s %zu run%s and %" PRId64 " KiB of logs\n", dry ? "would forget" : "forgot", s->n_gone,
	       s->n_gone == 1 ? "" : "s", (bytes + KIB - 1) / KIB);
}

/*
 * Run by run, the logs first: whatever it dies at, every log has the row by which the next gc finds it, and at most
 * one row, which goes then, is without its logs.
 */
static bool forget(struct ledger *l, const struct sweep *s)
{
	bool good = true;

	for (size_t i = 0; good && i < s->n_gone; i++) {
		control_logs_remove(s->run[i].logs, s->run[i].id);
		good = ledger_forget(l, s->run[i].no);
	}
	return good && ledger_forget_definitions(l) && ledger_optimize(l);
}

static void release(struct sweep *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->run[i].id);
		free(s->run[i].logs);
	}
	free(s->run);
}

static int sweep_out(struct cli *c, struct ledger *l, const struct ledger_keep *keep)
{
	struct sweep s = {0};
	bool good = ledger_old_runs(l, keep, collect, &s);

	s.n_gone = s.n;
	if (good && c->max_size)
		cut_by_size(&s, c->max_size);
	if (good && !c->dry_run)
		good = forget(l, &s);
	if (good && !c->dry_run) /* of documents that are there no more, too */
		control_kept_remove(ledger_path(l));
	if (good)
		report(&s, c->dry_run);
	else
		cli_error("%s", ledger_error(l)->text.data);
	release(&s);
	return good ? EXIT_DONE : EXIT_LEDGER;
}

/* Without an option the Jobfile says it, if there is one. */
static void take_rule(struct cli *c)
{
	enum { DAY_MS = 24 * 60 * 60 * 1000 };
	struct diags *d = diags_new();
	struct jobfile *jf = cli_load_into(c, d);

	if (jf) {
		c->keep = jf->ledger.keep_runs;
		c->older_ms = (int64_t)jf->ledger.keep_days * DAY_MS;
	}
	jobfile_free(jf);
	diags_free(d);
}

int cmd_gc(struct cli *c)
{
	const struct ledger_options o = {.mode = c->dry_run ? LEDGER_LOOK : LEDGER_WRITE};
	struct ledger_keep keep = {0};
	struct ledger_error err = LEDGER_ERROR_INIT;
	char *path = cli_ledger_path(c);
	struct ledger *l;
	int code;

	if (!c->keep && !c->older_ms && !c->max_size)
		take_rule(c);
	keep.runs = (uint32_t)c->keep;
	if (!c->keep && !c->older_ms && !c->max_size) {
		cli_error("gc: nothing says what may go");
		cli_hint("--keep N, --older TIME or --max-size SIZE; or ledger: {keep_runs: N, keep_days: N} in the "
			 "Jobfile; -n shows what would go");
		free(path);
		return EXIT_USAGE_ERROR;
	}
	if (!path) {
		printf("there is no ledger here: nothing to forget\n");
		return EXIT_DONE;
	}
	/* With a size alone every run that has ended may go. */
	keep.since_ms = stamp_wall_ms() - c->older_ms + !c->older_ms;
	l = ledger_open(path, &o, &err);
	if (!l)
		cli_error("%s", err.text.data);
	code = l ? sweep_out(c, l, &keep) : EXIT_LEDGER;
	ledger_close(l);
	ledger_error_release(&err);
	free(path);
	return code;
}
