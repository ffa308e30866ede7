/* export cron: one line of a crontab.  What cron cannot do is said in comments above it. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "export.h"
#include "export_timer.h"

/* As one word of sh, in a crontab: there a % ends the command. */
static void put_word(struct buf *out, const char *text)
{
	buf_putc(out, '\'');
	for (; *text; text++)
		if (*text == '\'')
			buf_puts(out, "'\\''");
		else if (*text == '%')
			buf_puts(out, "\\%");
		else
			buf_putc(out, *text);
	buf_putc(out, '\'');
}

bool export_cron(const struct jobfile *jf, const struct job *j, struct buf *out, struct diags *d)
{
	char *root = timer_root(jf), *program = timer_program();
	struct cron c;
	bool good = timer_schedule(j, "cron", &c, d);

	if (good && j->t.description)
		buf_addf(out, "# %s: %.*s\n", j->name, (int)strcspn(j->t.description, "\n"), j->t.description);
	if (good && j->t.policy->catchup)
		diag_warn(d, j->mark, "cron does not make up for missed starts; `export systemd` does");
	if (good && j->t.policy->timezone)
		diag_warn(d, j->mark, "cronie knows CRON_TZ, but Debian's cron goes by the zone of the machine whatever it says;"
				      " `export systemd` keeps to the zone");
	if (good && j->t.policy->timezone)
		buf_addf(out, "CRON_TZ=%s\n", j->t.policy->timezone);
	if (good) {
		buf_puts(out, j->t.policy->schedule);
		buf_puts(out, " cd ");
		put_word(out, root);
		buf_puts(out, " && ");
		put_word(out, program);
		buf_puts(out, " -s run "); /* what it prints is mailed: nothing, unless something failed */
		put_word(out, j->name);
		buf_putc(out, '\n');
	}
	free(root);
	free(program);
	return good;
}
