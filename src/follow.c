#include "follow.h"

#include <time.h>

#include "base/stamp.h"
#include "engine/control.h"

enum { LOOK_NS = 50 * NS_PER_MS, LOOKS = 10 };

static bool look_at_run(void *ctx, const struct ledger_run_row *r)
{
	enum follow *is = ctx;

	if (r->end_wall_ms >= 0)
		*is = FOLLOW_ENDED;
	else
		*is = control_driver_lives(r->boot_id, r->pid, r->pid_start) ? FOLLOW_GOES_ON : FOLLOW_DEAD;
	return false;
}

enum follow follow_look(struct ledger *l, int64_t run)
{
	enum follow is = FOLLOW_ENDED;

	(void)ledger_run_get(l, run, look_at_run, &is);
	return is;
}

/* Another process writes: SQLite tells only who asks, so ask whether anything was committed, and only then read. */
void follow_wait(struct ledger *l, int64_t seen)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};

	for (int i = 0; i < LOOKS && ledger_data_version(l) == seen; i++)
		(void)nanosleep(&pause, NULL);
}

int follow_dead(void)
{
	cli_error("the run was cut short: nobody drives it any more");
	cli_hint("the next run or `orchmake doctor` records it as interrupted");
	return EXIT_RUN_FAILED;
}
