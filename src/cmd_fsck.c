/* fsck: whether a ledger says nothing that cannot be. */
#include "cmd.h"
#include "ledger/ledger_repair.h"

static void fault(void *ctx, const char *text)
{
	(void)ctx;
	printf("%s\n", text);
}

int cmd_fsck(struct cli *c)
{
	struct ledger *l = cli_ledger_live(c); /* what is seen half would be a false alarm */
	size_t faults = 0;
	bool whole;

	if (!l)
		return EXIT_USAGE_ERROR;
	whole = ledger_fsck(l, fault, NULL, &faults);
	if (!whole)
		cli_error("%s", ledger_error(l)->text.data);
	else
		printf("%s: %zu problem%s\n", ledger_path(l), faults, faults == 1 ? "" : "s");
	ledger_close(l);
	return whole ? faults ? EXIT_RUN_FAILED : EXIT_DONE : EXIT_LEDGER;
}
