/* apply: a run of what a document of `plan` says, of nothing else, or none. */
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
#include "report/moved.h"
#include "report/tty.h"
#include "resuming.h"
#include "running.h"

enum { DOCUMENT_MAX = 1 << 30, TRIES = 50, SHOWN = 40 /* things that have moved */ };

/* --- the document ------------------------------------------------------------------------------------------------- */

static bool read_text(const char *path, struct buf *text)
{
	int failed = strcmp(path, "-") ? file_read(path, text, DOCUMENT_MAX) : fd_read_all(STDIN_FILENO, text, DOCUMENT_MAX);

	if (failed)
		cli_error("apply: cannot read '%s': %s", path, strerror(errno));
	return !failed;
}

/* NULL after a message. */
static json_t *read_document(const char *path)
{
	struct buf text = BUF_INIT, err = BUF_INIT, clean = BUF_INIT;
	json_t *doc = NULL;

	if (read_text(path, &text)) {
		doc = review_read(text.data, text.len, &err);
		if (!doc) {
			tty_clean(&clean, (struct span){err.data, err.len});
			cli_error("%s:%s", path, clean.data);
			cli_hint("nothing was run; `orchmake plan --out %s` makes it anew", path);
		}
	}
	buf_release(&text);
	buf_release(&err);
	buf_release(&clean);
	return doc;
}

/* Somebody who reviewed it gave the hash of what they saw. */
static bool has_hash(const struct cli *c, const json_t *doc)
{
	if (!c->plan_hash || !strcmp(c->plan_hash, json_str(doc, "hash")))
		return true;
	cli_error("%s is not the plan that is meant: its hash is %s", c->words.at[0], json_str(doc, "hash"));
	cli_hint("nothing was run");
	return false;
}

/* What to run is in the document; only how may be said. */
static bool says_only_how(const struct cli *c)
{
	static const char *const how[] = {
		"jobs", "jobserver-style", "silent", "verbose", "shuffle", "wait", "no-wait", "on-overlap", "timeout",
		"ledger", "no-ledger", "log-dir", "result", "events", "format", "color", "progress", "heartbeat",
		"exit-code", "hash", "dry-run", "question", "trace", "debug", "deadline",
		"load-average",
	};

	for (size_t i = 0; i < c->given.n; i++) {
		const char *name = c->given.at[i] + 2;
		bool known = false;

		for (size_t k = 0; k < ARRAY_LEN(how) && !strncmp(c->given.at[i], "--", 2); k++)
			known |= strcspn(name, "=") == strlen(how[k]) && !strncmp(name, how[k], strlen(how[k]));
		if (known)
			continue;
		cli_error("apply: '%s' says what to run, and that is in the plan", c->given.at[i]);
		cli_hint("give it to `orchmake plan`");
		return false;
	}
	return true;
}

/* --- what has moved -------------------------------------------------------------------------------------------------- */

static void add_moved(void *ctx, const char *what, const char *text)
{
	json_array_append_new(ctx, json_pack("{s:s, s:o}", "what", what, "text", review_string(text)));
}

static void print_moved(const struct cli *c, const json_t *moved)
{
	struct buf clean = BUF_INIT;
	size_t n = json_array_size(moved);

	cli_error("%s does not hold any more; nothing was run:", c->plan_file);
	for (size_t i = 0; i < n && i < SHOWN; i++) {
		buf_reset(&clean);
		tty_clean(&clean, span_of(json_str(json_array_get(moved, i), "text")));
		fprintf(stderr, "  %s\n", clean.data);
	}
	if (n > SHOWN)
		fprintf(stderr, "  and %zu more: --format=json has them all\n", n - SHOWN);
	cli_hint("plan again, and look at it again");
	buf_release(&clean);
}

/* Whether the world is as the document has it. */
static bool holds(struct cli *c, const json_t *doc, const json_t *now)
{
	json_t *moved = json_array(), *result;
	bool same = !moved_list(doc, now, add_moved, moved);

	if (!same)
		print_moved(c, moved);
	if (c->format == FORMAT_JSON && (!same || c->dry_run)) {
		result = json_pack("{s:b, s:O}", "holds", (int)same, "moved", moved);
		cli_print_json(result);
		json_decref(result);
	}
	json_decref(moved);
	return same;
}

/* --- applying ---------------------------------------------------------------------------------------------------------- */

/* The world as it is now. */
struct now {
	struct review review;
	bool work; /* there is anything to do */
	bool asks; /* somebody has to say first that it may be done, and that has been said */
};

/* -1: n has it; else the exit code, after a message. */
static int look_again(struct cli *c, const struct jobfile *jf, const struct run_options *o, json_t *given, struct now *n)
{
	struct diags *d = diags_new();
	struct engine *e = engine_new(jf, o, d);
	struct buf err = BUF_INIT;
	int code = e ? -1 : EXIT_USAGE_ERROR;

	cli_diags(c, d);
	if (e && !review_make(&n->review, e, given, &err)) {
		cli_error("%s", err.data);
		code = EXIT_LEDGER;
	} else if (e) {
		n->work = review_has_work(e);
		n->asks = o->resumes && resuming_asks(e);
	}
	buf_release(&err);
	engine_free(e);
	diags_free(d);
	return code;
}

/* With the ledger that the run would have. */
static int look_with_ledger(struct cli *c, const struct jobfile *jf, struct run_options o, json_t *given, struct now *n)
{
	struct ledger *own = NULL;
	int code;

	if (!o.past && !planning_ledger(c, jf, &o, &own))
		return EXIT_LEDGER;
	o.past = own ? own : o.past;
	code = look_again(c, jf, &o, given, n);
	ledger_close(own);
	return code;
}

static int say_that_it_holds(const struct cli *c, bool work)
{
	if (!c->question && c->format != FORMAT_JSON)
		puts(work ? "it holds" : "nothing to do");
	return c->question && work ? EXIT_RUN_FAILED : EXIT_DONE;
}

/* -1: the document holds, and there is something to do. */
static int judge(struct cli *c, const json_t *doc, const struct now *n)
{
	if (!holds(c, doc, n->review.doc))
		return EXIT_STALE_PLAN;
	if (!n->work || c->dry_run || c->question)
		return say_that_it_holds(c, n->work);
	return n->asks ? EXIT_WAITING : -1;
}

/* One look, and a run that is held to what was seen.  *ret_again: the world has moved between the two. */
static int try_once(struct cli *c, const struct jobfile *jf, struct run_options o, const json_t *doc, bool *ret_again)
{
	struct now now = {0};
	int code;

	o.now_ms = o.resumes ? o.now_ms : review_clock_ms(doc);
	code = look_with_ledger(c, jf, o, json_object_get(doc, "given"), &now);
	if (code < 0)
		code = judge(c, doc, &now);
	if (code < 0) {
		/* The hash of what was reviewed: a comment may have changed since. */
		snprintf(now.review.hash.hex, sizeof(now.review.hash.hex), "%s", json_str(doc, "hash"));
		o.hold = &now.review;
		code = running_do(c, jf, &o);
	}
	*ret_again = now.review.late;
	review_release(&now.review);
	return code;
}

static int apply_run(struct cli *c, const struct jobfile *jf, struct run_options *o, void *ctx)
{
	bool again = true;
	int code = EXIT_BUSY;

	for (int i = 0; again && i < TRIES; i++)
		code = try_once(c, jf, *o, ctx, &again);
	if (!again)
		return code;
	cli_error("others begin runs so often that %s cannot be held to the ledger; nothing was run", c->plan_file);
	return EXIT_BUSY;
}

static int apply(struct cli *c, json_t *doc)
{
	const char *resume = json_str(json_object_get(doc, "given"), "resume");
	struct jobfile *jf;
	struct run_options o;
	int code;

	c->plan_file = c->words.at[0];
	planning_take(c, json_object_get(doc, "given"));
	if (resume)
		return resuming_go(c, &(struct resuming){.run = resume, .instead = apply_run, .ctx = doc});
	jf = cli_load(c);
	if (!jf)
		return EXIT_USAGE_ERROR;
	o = cli_run_options(c, jf);
	code = apply_run(c, jf, &o, doc);
	jobfile_free(jf);
	return code;
}

int cmd_apply(struct cli *c)
{
	json_t *doc;
	int code;

	if (!c->words.n) {
		cli_error("apply: which file?");
		cli_hint("`orchmake plan TARGET --out FILE` writes one");
		return EXIT_USAGE_ERROR;
	}
	if (!says_only_how(c))
		return EXIT_USAGE_ERROR;
	doc = read_document(c->words.at[0]);
	if (!doc)
		return EXIT_USAGE_ERROR;
	code = has_hash(c, doc) ? apply(c, doc) : EXIT_STALE_PLAN;
	c->words.n = 0; /* they are the document's */
	json_decref(doc);
	return code;
}
