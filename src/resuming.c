#include "resuming.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/stamp.h"
#include "base/vec.h"
#include "engine/control.h"
#include "engine/recover.h"
#include "engine/review.h"
#include "engine/stored.h"
#include "job/expand.h"
#include "report/listing.h"
#include "running.h"

/* --- which run ------------------------------------------------------------------------------------------------ */

/* A run as the ledger has it. */
struct earlier {
	int64_t no;
	char *id, *target, *root, *source, *options, *boot_id;
	pid_t pid;
	uint64_t pid_start;
	enum state state;
	bool ended, alive;
};

static void earlier_release(struct earlier *x)
{
	free(x->id);
	free(x->target);
	free(x->root);
	free(x->source);
	free(x->options);
	free(x->boot_id);
	*x = (struct earlier){0};
}

static char *dup_or_null(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static bool keep_earlier(void *ctx, const struct ledger_run_row *r)
{
	struct earlier *x = ctx;

	earlier_release(x);
	*x = (struct earlier){
		.no = r->no, .id = xstrdup(r->id), .target = xstrdup(r->target), .root = dup_or_null(r->root),
		.source = dup_or_null(r->source), .options = dup_or_null(r->options), .state = r->state,
		.boot_id = dup_or_null(r->boot_id), .pid = r->pid, .pid_start = r->pid_start,
		.ended = r->end_wall_ms >= 0,
		.alive = r->end_wall_ms < 0 && control_driver_lives(r->boot_id, r->pid, r->pid_start),
	};
	return true;
}

/* Its newest resumption goes on for it. */
static bool follow(struct ledger *l, struct earlier *x)
{
	int64_t next, no = x->no;

	for (;;) {
		if (!ledger_run_get(l, no, keep_earlier, x) || !x->id || !ledger_run_resumer(l, x->id, &next))
			return false;
		if (next <= no)
			return true;
		no = next;
	}
}

struct search {
	const char *target; /* NULL: any */
	struct map seen;    /* targets whose last run has been looked at */
	int64_t found;
};

/* Newest first: only the last run of a target can be one to go on with. */
static bool try_run(void *ctx, const struct ledger_run_row *r)
{
	struct search *s = ctx;

	if (map_has(&s->seen, r->target) || (s->target && strcmp(s->target, r->target)))
		return true;
	(void)map_intern(&s->seen, r->target);
	if (r->state == STATE_SUCCEEDED)
		return true;
	s->found = r->no;
	return false;
}

static char *joined(const struct text_span *l)
{
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < l->n; i++)
		buf_addf(&text, "%s%s", i ? " " : "", l->at[i]);
	return buf_detach(&text);
}

static bool find_last(struct ledger *l, const struct text_span *targets, int64_t *ret_no)
{
	const struct ledger_run_filter all = {0};
	char *target = targets->n ? joined(targets) : NULL;
	struct search s = {.target = target, .seen = MAP_INIT};
	bool good = ledger_runs(l, &all, try_run, &s);

	map_release(&s.seen);
	free(target);
	*ret_no = s.found;
	return good;
}

/* -1: go on; else the exit code. */
static int find(struct ledger *l, const struct resuming *r, struct earlier *x)
{
	if (r->run) {
		x->no = cli_run(l, r->run);
		if (x->no < 0)
			return EXIT_USAGE_ERROR;
	} else if (!find_last(l, &r->targets, &x->no)) {
		cli_error("%s", ledger_error(l)->text.data);
		return EXIT_LEDGER;
	} else if (!x->no) {
		puts("nothing to do: the last run of each target ended well");
		return EXIT_DONE;
	}
	if (!follow(l, x)) {
		cli_error("%s", ledger_error(l)->text.data);
		return EXIT_LEDGER;
	}
	return -1;
}

/* --wait: until whoever goes on with it has ended, and whoever goes on with that.  False after a message. */
static bool await(const struct cli *c, struct ledger *l, struct earlier *x)
{
	const int64_t until = stamp_mono_ns() / NS_PER_MS + c->wait_ms;
	int64_t left = c->wait_ms;

	while (x->alive && left > 0) {
		cli_error("run %s of '%s' is under way: this one waits", x->id, x->target);
		(void)control_await_driver(x->boot_id, x->pid, x->pid_start, left);
		if (!follow(l, x)) {
			cli_error("%s", ledger_error(l)->text.data);
			return false;
		}
		left = until - stamp_mono_ns() / NS_PER_MS;
	}
	return true;
}

/* -1: it can be gone on with. */
static int check(const struct resuming *r, const struct earlier *x, bool looks)
{
	if (x->alive) {
		cli_error("run %s of '%s' is still under way", x->id, x->target);
		cli_hint("`orchmake ps` shows it, `orchmake kill %s` stops it, --wait=TIME waits for it", x->id);
		return EXIT_BUSY;
	}
	if (!x->ended && !looks) {
		cli_error("run %s of '%s' has processes that cannot be ended", x->id, x->target);
		cli_hint("`orchmake doctor` says when they are gone");
		return EXIT_BUSY;
	}
	if (x->state == STATE_SUCCEEDED && !r->retry) {
		printf("nothing to do: run %s of '%s' succeeded\n", x->id, x->target);
		return EXIT_DONE;
	}
	return -1;
}

/* --- the ledger -------------------------------------------------------------------------------------------------- */

static void say(void *ctx, const char *text)
{
	(void)ctx;
	cli_error("%s", text);
}

/* To write: what died is repaired first.  NULL after a message. */
static struct ledger *open_to_write(struct cli *c)
{
	const struct ledger_options o = {.mode = LEDGER_WRITE};
	struct ledger_error err = LEDGER_ERROR_INIT;
	char *path = cli_ledger_path(c);
	struct ledger *l = path ? ledger_open(path, &o, &err) : NULL;
	struct buf why = BUF_INIT;

	if (!path)
		cli_error("there is no ledger here: nothing has been run in this folder yet");
	else if (!l)
		cli_error("%s", err.text.data);
	else if (!recover_runs(l, say, NULL, &why))
		cli_error("%s", why.data);
	if (why.len) {
		ledger_close(l);
		l = NULL;
	}
	buf_release(&why);
	ledger_error_release(&err);
	free(path);
	return l;
}

/* Steps that may finish without a driver are waited for: then all is known of them. */
static bool adopt(struct ledger *l, struct earlier *x)
{
	struct buf why = BUF_INIT;
	bool good = x->ended || x->alive || (recover_adopted(l, x->no, say, NULL, &why) && follow(l, x));

	if (!good)
		cli_error("%s", why.len ? why.data : ledger_error(l)->text.data);
	buf_release(&why);
	return good;
}

/* --- the definition ------------------------------------------------------------------------------------------------- */

/* What it was given, for the readers that put it into the text. */
static void give_again(struct cli *c, const struct stored_run *s)
{
	for (size_t i = 0; i < s->o.n_params; i++)
		VEC_PUSH(c->param, c->n_params, c->room_params,
			 ((struct given_param){xstrdup(s->o.param[i].name), s->o.param[i].text}));
	c->payload = json_incref(s->o.payload);
	c->ctx = json_incref(s->o.ctx);
	for (size_t i = 0; !c->files.n && i < s->o.files.n; i++)
		VEC_PUSH(c->files.at, c->files.n, c->files.room, s->o.files.at[i]);
}

/* The documents as they are now; NULL: they cannot be used. */
static struct jobfile *load_now(struct cli *c)
{
	struct diags *d = diags_new();
	struct jobfile *jf = NULL;

	if (!c->files.n || strcmp(c->files.at[0], "-"))
		jf = cli_load_into(c, d);
	if (!jf)
		cli_error("the Jobfile cannot be used as it is now, so the definition that the run had is gone on with");
	cli_diags(c, d);
	diags_free(d);
	return jf;
}

/* --- looking, then doing ------------------------------------------------------------------------------------------------ */

/* What nobody saw end, and may only run again if somebody says so. */
bool resuming_asks(struct engine *e)
{
	const struct expansion *x = engine_expansion(e);
	const struct outlook *o = engine_outlook(e);
	bool any = false;

	for (uint32_t u = 0; u < x->graph->n_units; u++) {
		struct buf name = BUF_INIT;

		if (x->graph->unit[u].kind != UNIT_STEP || o[u].why != REASON_LOST_BEFORE ||
		    x->place[u].step->t.policy->on_lost != ON_LOST_ASK)
			continue;
		any = true;
		expansion_unit_name(x, u, &name);
		cli_error("%s: %s", name.data, o[u].cause);
		buf_release(&name);
	}
	return any;
}

static int say_done(const struct earlier *x)
{
	printf("nothing to do: all of run %s of '%s' is done\n", x->id, x->target);
	return EXIT_DONE;
}

/* -1: there is something to do, and it may be done. */
static int look(struct cli *c, const struct jobfile *jf, const struct run_options *o, const struct earlier *x)
{
	struct diags *d = diags_new();
	struct engine *e = engine_new(jf, o, d);
	int code = -1;

	cli_diags(c, d);
	if (!e)
		code = EXIT_USAGE_ERROR;
	else if (c->question)
		code = review_has_work(e) ? EXIT_RUN_FAILED : EXIT_DONE;
	else if (c->dry_run)
		code = running_list(c, e);
	else if (!review_has_work(e))
		code = say_done(x);
	else if (resuming_asks(e))
		code = EXIT_WAITING;
	engine_free(e);
	diags_free(d);
	return code;
}

static struct run_options options_of(struct cli *c, const struct jobfile *jf, const struct resuming *r,
				     const struct stored_run *s, const struct earlier *x, struct ledger *l)
{
	struct run_options o = cli_run_options(c, jf);

	o.targets = s->o.targets;
	o.slots = c->slots ? (uint32_t)c->slots : s->o.slots;
	o.keep_going |= s->o.keep_going;
	o.ignore_failures |= s->o.ignore_failures;
	o.fail_limit = c->keep_going ? c->fail_limit : s->o.fail_limit;
	o.now_ms = s->o.now_ms;
	o.only = s->o.only;
	o.from = s->o.from;
	o.until = s->o.until;
	o.skip = s->o.skip;
	o.resumes = x->id;
	o.past = l;
	o.chosen_only = r->retry;
	o.again = r->steps;
	o.downstream = c->downstream;
	return o;
}

static int go(struct cli *c, const struct resuming *r, const struct earlier *x, struct ledger *l,
	      struct stored_run *s)
{
	struct jobfile *now = load_now(c);
	const struct jobfile *jf = now ? now : s->jf;
	struct run_options o = options_of(c, jf, r, s, x, l);
	int code = r->instead ? r->instead(c, jf, &o, r->ctx) : look(c, jf, &o, x);

	if (code < 0)
		code = running_do(c, jf, &o);
	jobfile_free(now);
	return code;
}

static bool open_stored(struct cli *c, struct stored_run *s, struct ledger *l, const struct earlier *x)
{
	struct diags *d = diags_new();
	struct buf text = BUF_INIT;
	bool good = ledger_run_definition(l, x->no, &text) && stored_run_open(s, text.data, text.len, d);

	if (good)
		stored_run_options(s, x->options);
	else
		cli_error("run %s cannot be gone on with: its definition cannot be read", x->id);
	cli_diags(c, d);
	diags_free(d);
	buf_release(&text);
	return good;
}

/* Everything of it is relative to its folder. */
static bool enter(struct cli *c, struct ledger *l, const struct earlier *x, char **ret_ledger)
{
	*ret_ledger = realpath(ledger_path(l), NULL);
	c->ledger = *ret_ledger;
	if (c->files.n || !x->root || !chdir(x->root))
		return true;
	cli_error("cannot go to the folder '%s' of run %s: %s", x->root, x->id, strerror(errno));
	return false;
}

static int with_ledger(struct cli *c, const struct resuming *r, struct ledger *l)
{
	struct earlier x = {0};
	struct stored_run s = {0};
	char *path = NULL;
	int code = find(l, r, &x);

	if (code < 0 && !c->dry_run && !c->question && (!await(c, l, &x) || !adopt(l, &x)))
		code = EXIT_LEDGER;
	if (code < 0)
		code = check(r, &x, c->dry_run || c->question);
	if (code < 0 && (!open_stored(c, &s, l, &x) || !enter(c, l, &x, &path)))
		code = EXIT_USAGE_ERROR;
	if (code < 0) {
		give_again(c, &s);
		code = go(c, r, &x, l, &s);
	}
	stored_run_release(&s);
	earlier_release(&x);
	free(path);
	c->ledger = NULL;
	return code;
}

int resuming_go(struct cli *c, const struct resuming *r)
{
	struct ledger *l;
	int code;

	if (c->n_params || c->payload || c->ctx) {
		cli_error("a run is gone on with as it was given: params, payload and context stay");
		cli_hint("`orchmake run` begins one with others");
		return EXIT_USAGE_ERROR;
	}
	l = c->dry_run || c->question ? cli_ledger(c) : open_to_write(c);
	if (!l)
		return EXIT_USAGE_ERROR;
	code = with_ledger(c, r, l);
	ledger_close(l);
	return code;
}
