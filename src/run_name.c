#include "run_name.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

static bool stop_at_first(void *ctx, const struct ledger_step_row *r)
{
	(void)r;
	*(bool *)ctx = true;
	return false;
}

static bool has_step(struct ledger *l, int64_t run, const char *name)
{
	bool found = false;

	(void)ledger_steps(l, run, name, stop_at_first, &found);
	return found;
}

bool run_name_find(struct run_name *n, struct ledger *l, const char *text)
{
	const char *slash = strchr(text, '/');
	char *run = slash ? xstrndup(text, (size_t)(slash - text)) : xstrdup(text);
	struct buf err = BUF_INIT, ignored = BUF_INIT;
	bool good = true;

	*n = (struct run_name){.run = -1};
	if (ledger_run_find(l, run, NULL, &n->run, &err) == LEDGER_FOUND) {
		n->step = slash ? xstrdup(slash + 1) : NULL;
	} else if (ledger_run_find(l, "last", NULL, &n->run, &ignored) == LEDGER_FOUND && has_step(l, n->run, text)) {
		n->step = xstrdup(text); /* a step of the last run */
	} else {
		cli_error("%s", err.data);
		good = false;
	}
	if (good && n->step && !has_step(l, n->run, n->step)) {
		cli_error("that run has no step '%s'", n->step);
		cli_hint("`orchmake show %s` lists them", slash ? run : "last");
		good = false;
	}
	buf_release(&err);
	buf_release(&ignored);
	free(run);
	return good;
}

void run_name_release(struct run_name *n)
{
	free(n->step);
}
