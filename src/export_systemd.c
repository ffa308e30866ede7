/*
 * export systemd: a service and its timer, one text.  The warden outlives orchmake by the time it takes to stop the
 * steps, so only orchmake is told to end (KillMode=mixed), and what is left after that time is killed.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "export.h"
#include "export_timer.h"

/* As one argument of ExecStart=: in quotes, with % and \ doubled. */
static void put_argument(struct buf *out, const char *text)
{
	buf_putc(out, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_putc(out, '\\');
		else if (*text == '%' || *text == '$')
			buf_putc(out, *text);
		buf_putc(out, *text);
	}
	buf_putc(out, '"');
}

/* A path as the whole of a line. */
static void put_path(struct buf *out, const char *path)
{
	for (; *path; path++) {
		if (*path == '%')
			buf_putc(out, '%');
		buf_putc(out, *path);
	}
}

static void put_description(struct buf *out, const struct job *j)
{
	const char *text = j->t.description ? j->t.description : j->name;

	buf_puts(out, "[Unit]\nDescription=");
	for (size_t i = 0, n = strcspn(text, "\n"); i < n; i++) {
		if (text[i] == '%')
			buf_putc(out, '%');
		buf_putc(out, text[i]);
	}
	buf_putc(out, '\n');
}

/* The longest grace of its steps, and a little for the ledger. */
static int64_t stop_seconds(const struct jobfile *jf)
{
	enum { MORE_S = 10, MS = 1000 };
	int64_t longest = 0;

	for (size_t i = 0; i < jf->n_jobs; i++)
		for (size_t k = 0; k < jf->job[i]->n_steps; k++)
			if (jf->job[i]->step[k].t.policy->grace_ms > longest)
				longest = jf->job[i]->step[k].t.policy->grace_ms;
	return (longest + MS - 1) / MS + MORE_S;
}

static void put_service(struct buf *out, const struct jobfile *jf, const struct job *j)
{
	char *root = timer_root(jf), *program = timer_program();

	buf_addf(out, "# orchmake-%s.service\n", j->name);
	put_description(out, j);
	buf_puts(out, "\n[Service]\nType=oneshot\nWorkingDirectory=");
	put_path(out, root);
	buf_puts(out, "\nExecStart=");
	put_argument(out, program);
	buf_puts(out, " run ");
	put_argument(out, j->name);
	/* 75: it runs already, and its overlap says to leave it at that */
	buf_addf(out, "\nSuccessExitStatus=75\nKillMode=mixed\nTimeoutStopSec=%lld\n",
		 (long long)stop_seconds(jf));
	free(root);
	free(program);
}

static void put_timer(struct buf *out, const struct job *j, const struct cron *c)
{
	struct buf when = BUF_INIT;

	buf_addf(out, "\n# orchmake-%s.timer\n", j->name);
	put_description(out, j);
	buf_puts(out, "\n[Timer]\n");
	for (int i = 0; buf_reset(&when), cron_calendar(c, i, &when); i++)
		buf_addf(out, "OnCalendar=%s%s%s\n", when.data, j->t.policy->timezone ? " " : "",
			 j->t.policy->timezone ? j->t.policy->timezone : "");
	buf_addf(out, "Persistent=%s\n\n[Install]\nWantedBy=timers.target\n", j->t.policy->catchup ? "true" : "false");
	buf_release(&when);
}

bool export_systemd(const struct jobfile *jf, const struct job *j, struct buf *out, struct diags *d)
{
	struct cron c;

	if (!timer_schedule(j, "systemd", &c, d))
		return false;
	put_service(out, jf, j);
	put_timer(out, j, &c);
	return true;
}
