/* When and beside whom a job is started from outside. */
#include "job/read.h"

#include <string.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/sights.h"
#include "job/cron.h"

#define ZONES "/usr/share/zoneinfo"

void read_schedule(struct loader *l, struct traits *t, const struct node *n)
{
	struct buf why = BUF_INIT;
	const char *text;
	struct cron c;

	if (!read_text(l, "schedule", n, &text))
		return;
	if (cron_parse(&c, text, &why)) {
		traits_policy(l, t)->schedule = text;
	} else {
		diag_error(l->d, n->mark, "'schedule': %s", why.data);
		diag_hint(l->d, "minute, hour, day of the month, month, day of the week, as in a crontab: \"15 5 * * 1-5\"");
	}
	buf_release(&why);
}

/* Where this machine knows its zones, one that it does not know is a mistake. */
void read_zone(struct loader *l, struct traits *t, const struct node *n)
{
	const char *text;
	char *path;

	if (!read_text(l, "timezone", n, &text))
		return;
	path = arena_printf(l->scratch, "%s/%s", ZONES, text);
	sights_look(l->where->sights, ".", path);
	if (!text[0] || text[0] == '/' || strstr(text, "..") || text[strcspn(text, " \t\n")] ||
	    (file_exists(ZONES) && !file_exists(path))) {
		diag_error(l->d, n->mark, "no time zone '%s'", text);
		diag_hint(l->d, "a name such as UTC or Europe/Berlin; `timedatectl list-timezones` has them all");
		return;
	}
	traits_policy(l, t)->timezone = text;
}

void read_overlap(struct loader *l, struct traits *t, const struct node *n)
{
	size_t word;

	if (read_word(l, "overlap", n, overlap_words, OVERLAP_COUNT, &word))
		traits_policy(l, t)->overlap = (enum overlap)word;
}
