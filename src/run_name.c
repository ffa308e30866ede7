#include "run_name.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "job/expand.h"

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

/* The slash that ends the run, or a job: none in the label of an instance, which may be a file's name. */
static const char *first_slash(const char *text)
{
	const char *p = text + strcspn(text, "/[");

	if (*p == '[' && label_end(p))
		p = strchr(label_end(p), '/');
	return p && *p == '/' ? p : NULL;
}

static void say_no_such(const char *text, bool has_last, const char *why)
{
	cli_error("%s", why);
	if (has_last && strncmp(text, "last", 4) && *text != '@')
		cli_hint("it is no step of the last run either: `orchmake show last` lists those, RUN/STEP means one of another run");
}

bool run_name_find(struct run_name *n, struct ledger *l, const char *text)
{
	const char *slash = first_slash(text);
	char *run = slash ? xstrndup(text, (size_t)(slash - text)) : xstrdup(text);
	struct buf err = BUF_INIT, ignored = BUF_INIT;
	bool good = true, has_last;

	*n = (struct run_name){.run = -1};
	if (ledger_run_find(l, run, NULL, &n->run, &err) == LEDGER_FOUND) {
		n->step = slash ? xstrdup(slash + 1) : NULL;
	} else {
		has_last = ledger_run_find(l, "last", NULL, &n->run, &ignored) == LEDGER_FOUND;
		good = has_last && has_step(l, n->run, text);
		if (good)
			n->step = xstrdup(text); /* a step of the last run */
		else
			say_no_such(text, has_last, err.data);
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
