/* run: the default verb; also -n, -q and -p, and what goes on with an earlier run. */
#include <stdlib.h>

#include "base/bug.h"
#include "base/vec.h"
#include "each.h"
#include "engine/stored.h"
#include "resuming.h"
#include "running.h"
#include "shortcut.h"

static int print_model(const struct jobfile *jf)
{
	json_t *model = jobfile_to_json(jf, NULL, 0);

	cli_print_json(model);
	json_decref(model);
	return EXIT_DONE;
}

static int run_once(struct cli *c, const struct jobfile *jf)
{
	struct run_options o = cli_run_options(c, jf);

	return running_do(c, jf, &o);
}

/* One run for each value; the exit code is that of the first that did not end well. */
static int run_each(struct cli *c, const struct jobfile *jf)
{
	struct buf text = BUF_INIT;
	int code = EXIT_DONE;
	struct each e;

	if (!each_parse(&e, c->each, &text)) {
		cli_error("--each: %s", text.data);
		buf_release(&text);
		return EXIT_USAGE_ERROR;
	}
	VEC_PUSH(c->param, c->n_params, c->room_params, ((struct given_param){.name = e.name}));
	for (int64_t at = e.from; at <= e.to && (!code || c->keep_going) && code != EXIT_USAGE_ERROR; at++) {
		int one;

		buf_reset(&text);
		each_text(&e, at, &text);
		c->param[c->n_params - 1].text = text.data;
		one = run_once(c, jf);
		code = code ? code : one;
		if (one > EXIT_SIGNAL)
			break; /* whoever stops one means all */
	}
	c->n_params--;
	each_release(&e);
	buf_release(&text);
	return code;
}

static int run_now(struct cli *c)
{
	struct jobfile *jf;
	int code;

	if (!c->print_model && !c->each) {
		shortcut_ask(c);
		if (shortcut_take(c, &code))
			return code;
	}
	jf = cli_load(c);
	if (!jf) {
		running_suggest(c, NULL);
		return EXIT_USAGE_ERROR;
	}
	cli_name_jobs(c, jf);
	if (!cli_may_ask(c, jf))
		code = EXIT_USAGE_ERROR;
	else
		code = c->print_model ? print_model(jf) : c->each ? run_each(c, jf) : run_once(c, jf);
	jobfile_free(jf);
	return code;
}

/* The ledger is looked at for the job; with a Jobfile that does not load, for what was typed. */
static int resume_named(struct cli *c)
{
	struct diags *d = diags_new();
	struct jobfile *jf = c->words.n ? cli_load_into(c, d) : NULL;
	int code;

	if (jf)
		cli_name_jobs(c, jf);
	code = resuming_go(c, &(struct resuming){.run = c->resume_run, .targets = {c->words.at, c->words.n}});
	jobfile_free(jf);
	diags_free(d);
	return code;
}

/* --- an old definition as it was ---------------------------------------------------------------------------------- */

struct stored_texts {
	struct buf definition, options;
};

static bool keep_options(void *ctx, const struct ledger_run_row *r)
{
	struct stored_texts *t = ctx;

	buf_puts(&t->options, r->options ? r->options : "");
	return true;
}

static bool read_stored(struct cli *c, struct stored_texts *t)
{
	struct ledger *l = cli_ledger(c);
	int64_t run = l ? cli_run(l, c->from_run) : -1;
	bool good = run >= 0;

	if (good && (!ledger_run_definition(l, run, &t->definition) || !ledger_run_get(l, run, keep_options, t))) {
		cli_error("%s", ledger_error(l)->text.data);
		good = false;
	}
	ledger_close(l);
	return good;
}

/* What the command line says of its own wins; params and payload are the old ones. */
static int run_stored(struct cli *c, const struct stored_run *s)
{
	struct run_options o = cli_run_options(c, s->jf);

	o.targets = s->o.targets;
	o.param = s->o.param;
	o.n_params = s->o.n_params;
	o.payload = s->o.payload;
	o.ctx = s->o.ctx;
	o.slots = c->slots ? (uint32_t)c->slots : s->o.slots;
	o.keep_going |= s->o.keep_going;
	return running_do(c, s->jf, &o);
}

static int from_run(struct cli *c)
{
	struct stored_texts t = {BUF_INIT, BUF_INIT};
	struct diags *d = diags_new();
	struct stored_run s = {0};
	int code = EXIT_USAGE_ERROR;

	if (c->n_params || c->payload || c->ctx || c->words.n) {
		cli_error("--from-run: targets, params, payload and context are those of that run");
	} else if (read_stored(c, &t)) {
		if (stored_run_open(&s, t.definition.data, t.definition.len, d)) {
			stored_run_options(&s, t.options.data);
			code = run_stored(c, &s);
		}
		cli_diags(c, d);
	}
	stored_run_release(&s);
	diags_free(d);
	buf_release(&t.definition);
	buf_release(&t.options);
	return code;
}

int cmd_run(struct cli *c)
{
	if (c->from_run)
		return from_run(c);
	if (c->wants_resume)
		return resume_named(c);
	return run_now(c);
}
