/* events: what happened in a run, one JSON object a line; -f follows. */
#include <time.h>

#include "base/stamp.h"
#include "cmd.h"
#include "doc/json.h"

struct stream {
	uint64_t next;
	bool over;
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
	s->over = e->kind == EVENT_RUN_COMPLETED || e->kind == EVENT_RUN_CANCELED || e->kind == EVENT_RUN_INTERRUPTED;
	return true;
}

/* Another process writes: SQLite tells only who asks, so ask whether anything was committed, and only then read. */
static void wait_for_commit(struct ledger *l, int64_t seen)
{
	const struct timespec pause = {.tv_nsec = 50 * NS_PER_MS};

	while (ledger_data_version(l) == seen)
		(void)nanosleep(&pause, NULL);
}

int cmd_events(struct cli *c)
{
	struct ledger *l = cli_ledger(c);
	int64_t run = l ? cli_run(l, c->words.n ? c->words.at[0] : NULL) : -1, seen;
	struct stream s = {.next = 1};
	int code = run < 0 ? EXIT_USAGE_ERROR : EXIT_DONE;

	while (run >= 0 && code == EXIT_DONE) {
		seen = ledger_data_version(l);
		if (!ledger_events(l, run, s.next, 0, print_event, &s)) {
			cli_error("%s", ledger_error(l)->text.data);
			code = EXIT_LEDGER;
		}
		fflush(stdout);
		if (!c->follow || s.over || ferror(stdout))
			break;
		wait_for_commit(l, seen);
	}
	ledger_close(l);
	return code;
}
