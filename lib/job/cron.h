/* Times of a crontab's five fields (or @daily and the like), and the same for systemd. */
#ifndef JOB_CRON_H
#define JOB_CRON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct cron {
	uint64_t minute, hour, day, month, weekday; /* bit i: at i; weekday 0 is Sunday */
	bool star_day, star_weekday; /* the field began with a `*`: then both have to hold, else either */
};

/* False and what is wrong with text, appended. */
bool cron_parse(struct cron *c, const char *text, struct buf *why);

/*
 * For OnCalendar= of systemd.timer(5), without a zone.  Where days and weekdays are said, neither with a `*`, cron
 * means either: that is two lines, of which number 0 is the days'.  False: there is no line of that number.
 */
bool cron_calendar(const struct cron *c, int number, struct buf *out);

#endif
