/* doctor: what this machine offers; dead runs are found and recorded; the ledger is looked through. */
#include <stdlib.h>

#include "base/fdio.h"
#include "cmd.h"
#include "engine/control.h"
#include "engine/recover.h"
#include "ledger/ledger_repair.h"

static void say(void *ctx, const char *text)
{
	(void)ctx;
	printf("%-8s %s\n", "note", text);
}

static void fault(void *ctx, const char *text)
{
	(void)ctx;
	printf("%-8s %s\n", "PROBLEM", text);
}

static void sweep(struct ledger *l, const char *path)
{
	char *state_dir = path_dir(path);

	recover_litter(l, state_dir);
	free(state_dir);
}

static int check_ledger(const char *path)
{
	const struct ledger_options o = {.mode = LEDGER_WRITE};
	struct ledger_error err = LEDGER_ERROR_INIT;
	struct ledger *l = ledger_open(path, &o, &err);
	struct buf why = BUF_INIT;
	size_t faults = 0;
	int code = EXIT_LEDGER;

	if (!l) {
		fault(NULL, err.text.data);
	} else if (!recover_runs(l, say, NULL, &why)) {
		fault(NULL, why.data);
	} else if (ledger_fsck(l, fault, NULL, &faults)) {
		printf("%-8s %-22s %s: %zu problem%s\n", faults ? "PROBLEM" : "ok", "ledger", path, faults,
		       faults == 1 ? "" : "s");
		code = faults ? EXIT_RUN_FAILED : EXIT_DONE;
	}
	if (l)
		sweep(l, path);
	ledger_close(l);
	ledger_error_release(&err);
	buf_release(&why);
	return code;
}

int cmd_doctor(struct cli *c)
{
	char *path = cli_ledger_path(c);
	int code = EXIT_DONE;
	bool good;

	printf("orchmake %s\n", ORCHMAKE_VERSION);
	good = control_describe(stdout, cli_libexec());
	if (path)
		code = check_ledger(path);
	else
		printf("%-8s %-22s %s\n", "ok", "ledger", "there is none here yet");
	free(path);
	return code || good ? code : EXIT_RUN_FAILED;
}
