/* why: what decided about a step in a run, what was behind that, and what would change it; or what would decide now. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/map.h"
#include "base/stamp.h"
#include "base/vec.h"
#include "cmd.h"
#include "doc/json.h"
#include "gates.h"
#include "report/listing.h"
#include "report/tty.h"
#include "run_name.h"
#include "why_open.h"

enum { SHORT_ID = 10, CHAIN_MAX = 16 };

static void puts_clean(const char *text)
{
	struct buf clean = BUF_INIT;

	tty_clean(&clean, span_of(text));
	puts(clean.data);
	buf_release(&clean);
}

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	puts_clean(text.data);
	buf_release(&text);
}

static const char *state_sentence(enum state s)
{
	static const char *const sentence[] = {
#define STATE(id, word, final, ok, failure, text) text,
#include "run/state.def"
#undef STATE
	};

	return sentence[s];
}

/* --- in a run that was ------------------------------------------------------------------------------------ */

/* What would have it otherwise, where that is not what the reason says already. */
static const char *way_out(enum reason r)
{
	static const char *const ways[] = {
		[REASON_WHEN_FALSE] = "it runs where that is true",
		[REASON_SKIP_IF_TRUE] = "it runs where that is false",
		[REASON_REQUIRE_FALSE] = "it runs where that is true",
		[REASON_NO_INSTANCES] = "its matrix or foreach has to have an element",
		[REASON_POLICY_ABORT] = "with -k, or with on_failure: skip_dependents at what failed, it would have run",
		[REASON_STAGE_STOP] = "with stop_on_failure: false at the composite it would have run",
		[REASON_FAIL_LIMIT] = "a greater number behind -k allows more failures",
		[REASON_STAND_IN_IDLE] = "it runs only when that fails",
		[REASON_RUN_TIMEOUT] = "a longer --timeout gives it time",
		[REASON_RESTRICTED] = "leave out the option that leaves it out: --only, --from, --until or --skip",
		[REASON_FRESH] = "-B runs it all the same",
		[REASON_DRIVER_DIED] = "run it again; it was stopped, and nothing of it is left running",
		[REASON_NOBODY_SAW] = "look whether it did its work, then run it again",
	};

	return (size_t)r < ARRAY_LEN(ways) ? ways[r] : NULL;
}

struct why {
	struct ledger *l;
	int64_t run;
	bool goes_on;
	struct map names; /* what was told, and behind it, in order, what was behind that */
	struct buf gates; /* what of the run waits for a person */
	bool unsettled;	  /* something that was told */
	size_t n_not_run;
};

static bool tell_attempt(void *ctx, const struct ledger_attempt_row *r)
{
	(void)ctx;
	if (r->phase == ATTEMPT_ENDED)
		say("  attempt %" PRIu32 ": %s%s%s", r->number, state_word(r->state), r->error ? ": " : "",
		    r->error ? r->error : "");
	return true;
}

static bool keep_policy(void *ctx, const struct ledger_attempt_row *r)
{
	char **policy = ctx;

	free(*policy);
	*policy = r->policy ? xstrdup(r->policy) : NULL;
	return true;
}

/* Of a failure: what its steps' policy did, and where to read on. */
static void tell_failure(struct why *w, const struct ledger_step_row *r)
{
	char *policy = NULL;

	(void)ledger_attempts(w->l, r->run, r->unit, keep_policy, &policy);
	if (policy)
		say("  its on_failure is %s", policy);
	if (r->attempts)
		say("  what it printed: orchmake logs %.*s/%s", SHORT_ID, r->run_id, r->name);
	free(policy);
}

static void follow(struct why *w, const char *name)
{
	if (w->names.n < CHAIN_MAX)
		map_intern(&w->names, name);
}

static void tell_reason(struct why *w, enum state state, const char *name, enum reason reason, const char *cause,
			const char *error)
{
	struct buf text = BUF_INIT;

	say("%s is %s: %s", name, state_word(state), state_sentence(state));
	if (reason != REASON_NONE) {
		reason_say(&text, reason, cause);
		say("  because %s", text.data);
	}
	if (error && (reason == REASON_NONE || !cause || strcmp(error, cause)))
		say("  it said: %s", error);
	if (way_out(reason))
		say("  %s", way_out(reason));
	if (cause)
		follow(w, cause); /* if it is the name of something */
	buf_release(&text);
}

static void tell_open(struct why *w, const struct ledger_step_row *r)
{
	struct buf text = BUF_INIT;

	why_open(w->l, r, &text);
	for (char *line = text.data, *end; line; line = end) {
		end = strchr(line, '\n');
		if (end)
			*end++ = 0;
		puts_clean(line);
	}
	buf_release(&text);
}

static bool tell_step(void *ctx, const struct ledger_step_row *r)
{
	struct why *w = ctx;

	w->unsettled |= !state_is_final(r->state);
	if (r->state == STATE_WAITING && r->reason == REASON_APPROVAL && w->gates.len)
		return true; /* it is told there, with what to type */
	if (!state_is_final(r->state) && w->goes_on) {
		tell_open(w, r);
		return true;
	}
	tell_reason(w, r->state, r->name, r->reason, r->cause, r->error);
	if (r->state == STATE_SUCCEEDED && r->reason == REASON_NONE && r->attempts)
		say("  it ran because it was wanted: with no inputs, outputs or fresh, nothing says when it need not");
	if (r->attempts > 1)
		(void)ledger_attempts(w->l, r->run, r->unit, tell_attempt, NULL);
	if (state_is_failure(r->state))
		tell_failure(w, r);
	return true;
}

struct exact {
	struct why *w;
	const char *name;
	bool found;
};

static bool tell_that_step(void *ctx, const struct ledger_step_row *r)
{
	struct exact *x = ctx;

	if (strcmp(r->name, x->name))
		return true;
	x->found = true;
	return tell_step(x->w, r);
}

static bool tell_that_job(void *ctx, const struct ledger_job_row *r)
{
	struct exact *x = ctx;

	if (!strcmp(r->name, x->name))
		tell_reason(x->w, r->state, r->name, r->reason, r->cause, r->error);
	return true;
}

/* What is behind the first: a cause may be a step, a job, or no name at all. */
static bool tell_behind(struct why *w)
{
	for (size_t i = 1; i < w->names.n; i++) {
		struct exact x = {.w = w, .name = w->names.entry[i].key};

		if (!ledger_steps(w->l, w->run, NULL, tell_that_step, &x) ||
		    (!x.found && !ledger_jobs(w->l, w->run, tell_that_job, &x)))
			return false;
	}
	return true;
}

static bool count(void *ctx, const struct ledger_step_row *r)
{
	(void)r;
	return ++*(size_t *)ctx < 2;
}

static bool see_run(void *ctx, const struct ledger_run_row *r)
{
	*(bool *)ctx = r->end_wall_ms < 0;
	return true;
}

static bool tell_run(void *ctx, const struct ledger_run_row *r)
{
	char start[STAMP_TEXT];

	(void)ctx;
	say("run %.*s of '%s', begun %s, is %s", SHORT_ID, r->id, r->target, stamp_format(r->start_wall_ms, start),
	    state_word(r->state));
	if (r->error)
		say("  because %s", r->error);
	return true;
}

static bool tell_failed_step(void *ctx, const struct ledger_step_row *r)
{
	struct why *w = ctx;

	w->n_not_run += r->state == STATE_BLOCKED || r->state == STATE_ABORTED;
	w->unsettled |= !state_is_final(r->state);
	return !state_is_failure(r->state) || tell_step(w, r);
}

/* What failed in it; what did not run because of that is only counted. */
static bool tell_whole(struct why *w)
{
	bool good = ledger_run_get(w->l, w->run, tell_run, NULL) && ledger_steps(w->l, w->run, NULL, tell_failed_step, w);

	if (w->n_not_run)
		say("%zu step%s did not run because of that", w->n_not_run, w->n_not_run == 1 ? "" : "s");
	return good;
}

/* One step, or a job without steps, with all that was behind it; of several each for itself. */
static bool tell_named(struct why *w, const char *name)
{
	size_t n = 0;

	if (!ledger_steps(w->l, w->run, name, count, &n))
		return false;
	if (n > 1)
		return ledger_steps(w->l, w->run, name, tell_step, w);
	follow(w, name);
	return (n ? ledger_steps(w->l, w->run, name, tell_step, w)
		  : ledger_jobs(w->l, w->run, tell_that_job, &(struct exact){.w = w, .name = name})) && tell_behind(w);
}

static int why_then(struct ledger *l, const struct run_name *n)
{
	struct why w = {.l = l, .run = n->run, .gates = BUF_INIT};
	int code = EXIT_DONE;
	bool good = gates_text(l, n->run, NULL, &w.gates);

	(void)ledger_run_get(l, n->run, see_run, &w.goes_on);
	good = good && (n->step ? tell_named(&w, n->step) : tell_whole(&w));
	if (!good) {
		cli_error("%s", ledger_error(l)->text.data);
		code = EXIT_LEDGER;
	}
	if (good && w.unsettled)
		cli_print_clean(w.gates.data);
	buf_release(&w.gates);
	map_release(&w.names);
	return code;
}

/* --- now -------------------------------------------------------------------------------------------------- */

static bool is_called(const json_t *o, const char *name)
{
	const char *job = json_str(o, "job_id"), *step = json_str(o, "step_id");

	return (job && !strcmp(job, name)) || (step && !strcmp(step, name));
}

/* The entry of that name in what -n lists; a worklist over its members. */
static const json_t *find_listed(const json_t *doc, const char *name)
{
	const json_t **todo = NULL, *found = NULL;
	size_t n = 0, room = 0;

	VEC_PUSH(todo, n, room, doc);
	while (n && !found) {
		const json_t *at = todo[--n], *members = json_object_get(at, "members");

		if (at != doc && is_called(at, name))
			found = at;
		for (size_t i = json_array_size(members); i--;)
			VEC_PUSH(todo, n, room, json_array_get(members, i));
	}
	free(todo);
	return found;
}

static int tell_now(struct engine *e, const char *name)
{
	json_t *doc = listing_json(engine_expansion(e), engine_schedule(e),
				   &(struct listing_options){.steps = true, .outlook = engine_outlook(e)});
	const json_t *at = find_listed(doc, name);
	int code = at ? EXIT_DONE : EXIT_USAGE_ERROR;

	if (at)
		say("%s %s now: %s", name, !json_is_true(json_object_get(at, "would_run")) ? "would not run"
					   : json_is_true(json_object_get(at, "maybe")) ? "may run" : "would run",
		    json_str(at, "reason"));
	json_decref(doc);
	return code;
}

/* With what runs by default, or, if that has nothing of it, when it is asked for. */
static int why_now(struct cli *c, const char *name)
{
	struct jobfile *jf = cli_load(c);
	struct diags *d = diags_new(), *quiet = diags_new();
	const struct words said = c->words;
	struct run_options o;
	struct engine *e;
	int code = EXIT_USAGE_ERROR;

	for (int asked = 0; jf && asked < 2 && code != EXIT_DONE; asked++) {
		c->words = (struct words){.at = &name, .n = (size_t)asked};
		o = cli_run_options(c, jf);
		e = engine_new(jf, &o, asked ? d : quiet);
		if (e)
			code = tell_now(e, name);
		engine_free(e);
	}
	c->words = said;
	cli_diags(c, d);
	diags_free(d);
	diags_free(quiet);
	jobfile_free(jf);
	return code;
}

/* --- the verb --------------------------------------------------------------------------------------------- */

static int why_stored(struct cli *c, const char *step, const char *run)
{
	struct ledger *l = cli_ledger(c);
	struct run_name n = {.run = -1};
	char *text = run ? xasprintf("%s/%s", run, step) : xstrdup(step ? step : "last");
	int code = EXIT_USAGE_ERROR;

	if (l && run_name_find_job(&n, l, text))
		code = why_then(l, &n);
	free(text);
	run_name_release(&n);
	ledger_close(l);
	return code;
}

int cmd_why(struct cli *c)
{
	const char *step = c->words.n ? c->words.at[0] : NULL, *run = c->words.n > 1 ? c->words.at[1] : NULL;

	return run && !strcmp(run, "now") ? why_now(c, step) : why_stored(c, step, run);
}
