/* events: what happened in a run, one JSON object a line; -f follows until it has ended. */
#include "cmd.h"
#include "doc/json.h"
#include "follow.h"

struct stream {
	uint64_t next;
};

static bool print_event(void *ctx, const struct run_event *e)
{
	struct stream *s = ctx;
	struct buf line = BUF_INIT;
	json_t *o = event_to_json(e);

	json_text(&line, o, JSON_TIGHT);
	puts(line.data);
	json_decref(o);
	buf_release(&line);
	s->next = e->seq + 1;
	return !ferror(stdout);
}

/* What there is from s->next on.  An exit code. */
static int print_new(struct ledger *l, int64_t run, struct stream *s)
{
	if (!ledger_events(l, run, s->next, 0, print_event, s)) {
		cli_error("%s", ledger_error(l)->text.data);
		return EXIT_LEDGER;
	}
	fflush(stdout);
	return EXIT_DONE;
}

/* Where the run stands is asked before its events are read: what ended it is among them then. */
static int follow(struct ledger *l, int64_t run, struct stream *s)
{
	for (;;) {
		int64_t seen = ledger_data_version(l);
		enum follow is = follow_look(l, run);
		int code = print_new(l, run, s);

		if (code != EXIT_DONE || ferror(stdout))
			return code;
		if (is != FOLLOW_GOES_ON)
			return is == FOLLOW_DEAD ? follow_dead() : EXIT_DONE;
		follow_wait(l, seen);
	}
}

int cmd_events(struct cli *c)
{
	struct ledger *l = c->follow ? cli_ledger_live(c) : cli_ledger(c);
	int64_t run = l ? cli_run(l, c->words.n ? c->words.at[0] : NULL) : -1;
	struct stream s = {.next = 1};
	int code = EXIT_USAGE_ERROR;

	if (run >= 0)
		code = c->follow ? follow(l, run, &s) : print_new(l, run, &s);
	ledger_close(l);
	return code;
}
