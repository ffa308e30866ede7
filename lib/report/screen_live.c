/* What is shown of a run between its events: rows and a bar that move, or a heartbeat in a log. */
#include "report/screen_impl.h"

#include <inttypes.h>

#include "base/stamp.h"

enum {
	LIVE_SHARE = 3, /* the running steps take a third of the terminal's rows */
	LOW = 6,	/* with fewer rows there is one line for them all */
};

/* In the moving part seconds will do: what changes ten times a second is written ten times a second. */
static void add_time(struct buf *out, int64_t ms)
{
	if (ms < 60 * MS_PER_S)
		buf_addf(out, "%" PRId64 "s", ms / MS_PER_S);
	else
		duration_human(out, ms);
}

static void bar(struct screen *s, const struct run_status *st, unsigned columns, bool alone)
{
	enum { BAR = 24 };
	struct buf plain = BUF_INIT;
	uint32_t full = st->n_total ? st->n_settled * BAR / st->n_total : 0;

	for (uint32_t i = 0; i < BAR; i++)
		buf_puts(&plain, i < full ? "█" : "░");
	buf_addf(&plain, " %" PRIu32 "/%" PRIu32, st->n_settled, st->n_total);
	if (st->n_failed)
		buf_addf(&plain, "  %" PRIu32 " failed", st->n_failed);
	buf_addf(&plain, "  %" PRIu32 " running  ", st->n_running);
	add_time(&plain, (st->mono_ns - s->start_mono_ns) / NS_PER_MS);
	if (st->eta_ms > 0) {
		buf_puts(&plain, "  about ");
		add_time(&plain, st->eta_ms + MS_PER_S - 1);
		buf_puts(&plain, " left");
	}
	if (st->held)
		buf_addf(&plain, "  held: %s", st->held);
	if (alone && st->n_running) {
		buf_puts(&plain, "  ");
		tty_clean(&plain, span_of(st->running[0].name));
	}
	tty_cut(&s->line, plain.data, columns);
	buf_release(&plain);
}

static void running_row(struct screen *s, const struct running *r, int64_t now, unsigned columns)
{
	struct buf row = BUF_INIT, time = BUF_INIT, name = BUF_INIT;
	size_t room;

	add_time(&time, (now - r->start_mono_ns) / NS_PER_MS);
	if (r->expected_ms > 0) {
		buf_puts(&time, " of about ");
		add_time(&time, r->expected_ms + MS_PER_S - 1);
	}
	if (r->attempt > 1)
		buf_addf(&time, "  attempt %" PRIu32, r->attempt);
	room = columns > time.len + 4 ? columns - time.len - 4 : 1;
	tty_clean(&name, span_of(r->name));
	buf_puts(&row, "  ");
	tty_cut(&row, name.data, room);
	buf_addf(&row, "  %s", time.data);
	tty_cut(&s->line, row.data, columns);
	buf_release(&row);
	buf_release(&time);
	buf_release(&name);
}

static void running_rows(struct screen *s, const struct run_status *st, unsigned columns, unsigned most)
{
	unsigned shown = 0;

	for (; shown < st->n_running && shown < most; shown++) {
		running_row(s, &st->running[shown], st->mono_ns, columns);
		buf_putc(&s->line, '\n');
	}
	if (st->n_running > shown)
		buf_addf(&s->line, "  and %" PRIu32 " more\n", st->n_running - shown);
}

/*
 * Each row is cut to be narrower than the terminal is now.  That is asked each time: SIGWINCH comes only to whom the
 * terminal belongs just then, and that may be a step with tty, or the shell that has us in the background.
 */
void screen_draw(struct screen *s, const struct run_status *st)
{
	unsigned columns, rows;
	bool low;

	frame_size(&s->frame, &columns, &rows);
	low = s->o.style == SCREEN_LINE || rows < LOW;
	columns = columns > 1 ? columns - 1 : 1;
	if (!low)
		running_rows(s, st, columns, rows / LIVE_SHARE);
	bar(s, st, columns, low);
	frame_draw(&s->frame, (struct span){s->line.data, s->line.len});
	buf_reset(&s->line);
}

/* `still running after 2m00s: ingest_gmail_acct1 (1m58s), 3 more` */
void screen_heartbeat(struct screen *s, const struct run_status *st)
{
	enum { NAMED = 4 };

	if (!st->n_running || !s->o.heartbeat_ms || st->mono_ns - s->beat_mono_ns < s->o.heartbeat_ms * NS_PER_MS)
		return;
	buf_addf(&s->line, "[%" PRIu32 "/%" PRIu32 "] still running:", st->n_settled, st->n_total);
	for (uint32_t i = 0; i < st->n_running && i < NAMED; i++) {
		buf_puts(&s->line, i ? ", " : " ");
		screen_add(s, st->running[i].name);
		buf_puts(&s->line, " (");
		duration_human(&s->line, (st->mono_ns - st->running[i].start_mono_ns) / NS_PER_MS);
		buf_putc(&s->line, ')');
	}
	if (st->n_running > NAMED)
		buf_addf(&s->line, ", %" PRIu32 " more", st->n_running - NAMED);
	if (st->held)
		buf_addf(&s->line, "; nothing more starts: %s", st->held);
	screen_say(s);
}
