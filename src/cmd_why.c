/* why: the reason of a step, as it is stored. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "cmd.h"
#include "report/tty.h"
#include "run_name.h"

static void puts_clean(const char *text)
{
	struct buf clean = BUF_INIT;

	tty_clean(&clean, span_of(text));
	puts(clean.data);
	buf_release(&clean);
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

struct why {
	struct cli *c;
	struct ledger *l;
	size_t n;
};

static bool tell_attempt(void *ctx, const struct ledger_attempt_row *r)
{
	struct buf text = BUF_INIT;

	(void)ctx;
	if (r->phase != ATTEMPT_ENDED)
		return true;
	buf_addf(&text, "  attempt %" PRIu32 ": %s", r->number, state_word(r->state));
	if (r->error)
		buf_addf(&text, ": %s", r->error);
	puts_clean(text.data);
	buf_release(&text);
	return true;
}

static bool tell_step(void *ctx, const struct ledger_step_row *r)
{
	struct why *w = ctx;
	struct buf text = BUF_INIT;

	w->n++;
	buf_addf(&text, "%s is %s: %s", r->name, state_word(r->state), state_sentence(r->state));
	puts_clean(text.data);
	buf_reset(&text);
	if (r->reason != REASON_NONE) {
		buf_puts(&text, "  because ");
		reason_say(&text, r->reason, r->cause);
		puts_clean(text.data);
	}
	if (r->error && (r->reason == REASON_NONE || !r->cause || strcmp(r->error, r->cause))) {
		buf_reset(&text);
		buf_addf(&text, "  it said: %s", r->error);
		puts_clean(text.data);
	}
	if (r->attempts > 1)
		(void)ledger_attempts(w->l, r->run, r->unit, tell_attempt, NULL);
	buf_release(&text);
	return true;
}

int cmd_why(struct cli *c)
{
	struct ledger *l;
	struct why w = {.c = c};
	struct run_name n = {.run = -1};
	char *text;
	int code = EXIT_USAGE_ERROR;

	if (!c->words.n) {
		cli_error("why: which step?");
		cli_hint("usage: orchmake why STEP [RUN]");
		return code;
	}
	l = w.l = cli_ledger(c);
	if (!l)
		return code;
	text = c->words.n > 1 ? xasprintf("%s/%s", c->words.at[1], c->words.at[0]) : xstrdup(c->words.at[0]);
	if (run_name_find(&n, l, text)) {
		code = EXIT_DONE;
		if (!ledger_steps(l, n.run, n.step, tell_step, &w)) {
			cli_error("%s", ledger_error(l)->text.data);
			code = EXIT_LEDGER;
		}
	}
	free(text);
	run_name_release(&n);
	ledger_close(l);
	return code;
}
