/* ps --set-slots: a run that is under way goes on with another number of slots. */
#include "set_slots.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "doc/json.h"
#include "engine/control.h"
#include "engine/stored.h"

enum { ANSWER_MS = 10000, LOOK_MS = 10 };

struct driver {
	int64_t only, run; /* run: -1: none has been found */
	char *id;
	pid_t pid;
	uint64_t start;
	uint32_t slots;
	bool ended, above, several;
};

static bool keep_driver(void *ctx, const struct ledger_run_row *r)
{
	struct driver *d = ctx;

	if ((d->only >= 0 && r->no != d->only) || !control_driver_lives(r->boot_id, r->pid, r->pid_start))
		return true;
	d->several = d->id != NULL;
	if (d->several)
		return false;
	*d = (struct driver){.only = d->only, .run = r->no, .id = xstrdup(r->id), .pid = r->pid,
			     .start = r->pid_start, .above = stored_option(r->options, "slots_above")};
	return true;
}

static bool look_at_slots(void *ctx, const struct ledger_run_row *r)
{
	struct driver *d = ctx;

	d->slots = r->slots;
	d->ended = r->end_wall_ms >= 0;
	return true;
}

/* Whoever was asked writes down what he has made of it. */
static bool has_answered(struct ledger *l, struct driver *d, int64_t n)
{
	const struct timespec moment = {0, LOOK_MS * NS_PER_MS};
	int64_t until = stamp_mono_ns() + (int64_t)ANSWER_MS * NS_PER_MS;

	while (ledger_run_get(l, d->run, look_at_slots, d) && d->slots != n && !d->ended && stamp_mono_ns() < until)
		nanosleep(&moment, NULL);
	return d->slots == n;
}

static bool may_set(const struct driver *d, int64_t n)
{
	if (n > CONTROL_SLOTS_MOST)
		cli_error("--set-slots: there can be no more than %d", CONTROL_SLOTS_MOST);
	else if (d->several)
		cli_error("--set-slots: several runs are under way; say which of those that `orchmake ps` shows");
	else if (!d->id)
		cli_error("%s", d->only >= 0 ? "that run is not under way" : "no run is under way");
	else if (d->above)
		cli_error("run %s has its slots from the job server of the make above, which says how many there are", d->id);
	else
		return true;
	return false;
}

static int ask(struct ledger *l, struct driver *d, int64_t n)
{
	const struct ledger_run_filter f = {.states = 1u << STATE_RUNNING | 1u << STATE_PENDING | 1u << STATE_WAITING};
	int code = EXIT_RUN_FAILED;

	if (!ledger_runs(l, &f, keep_driver, d)) {
		cli_error("%s", ledger_error(l)->text.data);
		return EXIT_LEDGER;
	}
	if (!may_set(d, n))
		return code;
	if (!control_set_slots(d->pid, d->start, (int)n)) {
		cli_error("run %s is not under way any more", d->id);
	} else if (!has_answered(l, d, n)) {
		cli_error("run %s %s", d->id, d->ended ? "has ended" : "was told, and has not answered");
	} else {
		printf("run %s has %u slot%s now\n", d->id, d->slots, d->slots == 1 ? "" : "s");
		code = EXIT_DONE;
	}
	return code;
}

int set_slots(struct cli *c)
{
	struct ledger *l = cli_ledger_live(c);
	struct driver d = {.only = -1, .run = -1};
	int code = EXIT_USAGE_ERROR;

	if (l && c->words.n)
		d.only = cli_run(l, c->words.at[0]);
	if (l && (!c->words.n || d.only >= 0))
		code = ask(l, &d, c->set_slots);
	free(d.id);
	ledger_close(l);
	return code;
}
