#include "export_timer.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/bug.h"

bool timer_schedule(const struct job *j, const char *format, struct cron *ret, struct diags *d)
{
	struct buf why = BUF_INIT;

	if (j->t.policy->schedule) {
		BUG_UNLESS(cron_parse(ret, j->t.policy->schedule, &why)); /* the reader has */
		return true;
	}
	diag_error(d, j->mark, "job '%s' has no 'schedule', so nothing would start it", j->name);
	diag_hint(d, "write schedule: \"15 5 * * *\" at the job, and export %s again", format);
	return false;
}

char *timer_root(const struct jobfile *jf)
{
	char *root = realpath(jf->root, NULL);

	return root ? root : xstrdup(jf->root);
}

char *timer_program(void)
{
	char *program = realpath("/proc/self/exe", NULL);

	return program ? program : xstrdup("orchmake");
}
