/* A line, or some, for each event that a person wants to hear of. */
#include "report/screen_impl.h"

#include <inttypes.h>
#include <string.h>

#include "base/stamp.h"

/* Of a run: lines about steps that had nothing to do. */
enum { CACHED_LINES = 20 }; /* a run with more steps counts those that had nothing to do, and tells none of them */

enum tone state_tone(enum state st)
{
	switch (st) {
	case STATE_SUCCEEDED:
	case STATE_CACHED:
		return TONE_GOOD;
	case STATE_FAILED:
	case STATE_TIMED_OUT:
	case STATE_INTERRUPTED:
	case STATE_LOST:
		return TONE_BAD;
	case STATE_CANCELED:
	case STATE_BLOCKED:
	case STATE_ABORTED:
		return TONE_WARN;
	case STATE_PENDING:
	case STATE_WAITING:
	case STATE_RUNNING:
	case STATE_SKIPPED:
	case STATE_COUNT:
		break;
	}
	return TONE_DIM;
}

/* `[12/51] succeeded  ingest_gmail_acct1  0.34s` */
static void settled_line(struct screen *s, const struct run_event *e)
{
	char word[32];
	int width = snprintf(word, sizeof(word), "%" PRIu32, e->n_total);

	buf_addf(&s->line, "[%*" PRIu32 "/%" PRIu32 "] ", width, s->settled, e->n_total);
	snprintf(word, sizeof(word), "%-10s", state_word(e->state));
	screen_add_tone(s, state_tone(e->state), word);
	buf_putc(&s->line, ' ');
	screen_add(s, e->step);
	if (e->duration_ms >= 0) {
		buf_puts(&s->line, "  ");
		duration_human(&s->line, e->duration_ms);
	}
}

static void add_reason(struct screen *s, const struct run_event *e)
{
	struct buf text = BUF_INIT;

	if (e->reason == REASON_NONE || e->reason == REASON_EXIT || e->reason == REASON_NEEDS_ENDED)
		return;
	reason_say(&text, e->reason, e->cause);
	buf_puts(&s->line, "  (");
	screen_add(s, text.data);
	buf_putc(&s->line, ')');
	buf_release(&text);
}

static void failure_lines(struct screen *s, const struct run_event *e)
{
	size_t n = e->error ? output_news(s->output, e->unit, e->error) : 0;

	settled_line(s, e);
	if (n && !e->error[n]) {
		buf_puts(&s->line, "\n    ");
		screen_add(s, e->error);
	} else if (n) { /* the rest follows as the step said it */
		buf_puts(&s->line, "  (");
		tty_clean(&s->line, (struct span){e->error, n});
		buf_putc(&s->line, ')');
	}
	screen_say(s);
}

/* From its second line on it stands at the margin, where blanks might count, and its tabs are tabs. */
static void add_command(struct buf *out, const char *command)
{
	for (const char *at = command; *at;) {
		size_t n = strcspn(at, "\n\t");

		tty_clean(out, (struct span){at, n});
		at += n;
		if (*at)
			buf_putc(out, *at++);
	}
}

static void start_lines(struct screen *s, const struct run_event *e)
{
	if (!s->o.verbose)
		return;
	buf_puts(&s->line, "start  ");
	screen_add(s, e->step);
	if (e->command) {
		buf_puts(&s->line, "\n$ ");
		add_command(&s->line, e->command);
	}
	screen_say(s);
}

static void retry_line(struct screen *s, const struct run_event *e)
{
	if (s->o.silent)
		return;
	screen_add_tone(s, TONE_WARN, "retry");
	buf_puts(&s->line, "  ");
	screen_add(s, e->step);
	buf_addf(&s->line, "  attempt %" PRIu32 " failed", e->attempt);
	if (e->error) {
		buf_puts(&s->line, ": ");
		tty_clean(&s->line, (struct span){e->error, output_news(s->output, e->unit, e->error)});
	}
	if (e->due_ms > 0) {
		buf_puts(&s->line, "; again in ");
		duration_human(&s->line, e->due_ms);
	}
	screen_say(s);
}

/* Of `until`, the first time: that something is not there yet is no failure. */
static void until_line(struct screen *s, const struct run_event *e)
{
	if (s->o.silent || (e->attempt > 1 && !s->o.verbose))
		return;
	buf_puts(&s->line, "waits  ");
	screen_add(s, e->step);
	buf_puts(&s->line, "  not yet");
	if (e->error) {
		buf_puts(&s->line, ": ");
		screen_add(s, e->error);
	}
	buf_puts(&s->line, "; again every ");
	duration_human(&s->line, s->x->place[e->unit].step->t.act->until->every_ms);
	screen_say(s);
}

static void question_lines(struct screen *s, const struct run_event *e)
{
	const char *text = e->cause ? e->cause : "";

	screen_add_tone(s, TONE_WARN, "asks");
	buf_puts(&s->line, "   ");
	screen_add(s, e->step);
	buf_puts(&s->line, "  ");
	for (const char *end; *text; text = *end ? end + 1 : end) {
		end = strchrnul(text, '\n');
		tty_clean(&s->line, (struct span){text, (size_t)(end - text)});
		buf_puts(&s->line, "\n    ");
	}
	buf_puts(&s->line, "orchmake approve ");
	screen_add_name(s, e->step);
	screen_say(s);
}

/* It changes nothing, but nobody else would say it. */
static void hook_lines(struct screen *s, const struct run_event *e)
{
	if (e->state != STATE_FAILED)
		return;
	screen_add_tone(s, TONE_WARN, "failed");
	buf_putc(&s->line, ' ');
	screen_add(s, e->step);
	buf_puts(&s->line, ": ");
	screen_add(s, e->error ? e->error : "?");
	if (e->log) {
		buf_putc(&s->line, '\n');
		screen_tail(&s->line, e->log, SCREEN_TAIL_LINES, "    ");
		buf_puts(&s->line, "    log: ");
		screen_add_path(s, e->log);
	}
	screen_say(s);
}

static void slow_line(struct screen *s, const struct run_event *e)
{
	if (s->o.silent)
		return;
	screen_add_tone(s, TONE_WARN, "slow");
	buf_puts(&s->line, "   ");
	screen_add(s, e->step);
	buf_puts(&s->line, "  runs for more than ");
	duration_human(&s->line, e->due_ms);
	screen_say(s);
}

/* Where nothing moves that says so. */
static void load_line(struct screen *s, const struct run_event *e)
{
	if (s->o.silent || (s->o.style != SCREEN_PLAIN && !s->o.verbose))
		return;
	screen_add_tone(s, TONE_WARN, e->kind == EVENT_LOAD_HIGH ? "held" : "goes on");
	buf_puts(&s->line, "  ");
	screen_add(s, e->cause);
	screen_say(s);
}

static void slots_line(struct screen *s, const struct run_event *e)
{
	if (s->o.silent)
		return;
	screen_add_tone(s, TONE_WARN, "slots");
	buf_puts(&s->line, "  ");
	screen_add(s, e->cause);
	screen_say(s);
}

/*
 * On a terminal the moving part shows the steps; lines are for what a person asked for: jobs.  In a log every
 * step has its line.
 */
static bool has_line(const struct screen *s, const struct run_event *e)
{
	if (s->o.style == SCREEN_PLAIN || s->o.verbose)
		return e->kind != EVENT_JOB_FINISHED || e->reason == REASON_NO_INSTANCES;
	return !s->x || event_is_of_job(s->x, e);
}

/* Who has many steps wants to see the three that had something to do. */
static bool is_counted_only(const struct screen *s, const struct run_event *e)
{
	return e->state == STATE_CACHED && !s->o.verbose && e->n_total > CACHED_LINES;
}

static void quiet_line(struct screen *s, const struct run_event *e)
{
	if (s->o.silent || (e->state == STATE_ABORTED && !s->o.verbose) ||
	    (!has_line(s, e) && !output_has(s->output, e->unit)) || is_counted_only(s, e))
		return;
	settled_line(s, e);
	add_reason(s, e);
	screen_say(s);
}

bool screen_settles(enum event_kind k)
{
	return k == EVENT_STEP_SUCCEEDED || k == EVENT_STEP_FAILED || k == EVENT_STEP_TIMEOUT ||
	       k == EVENT_STEP_SKIPPED || k == EVENT_STEP_BLOCKED || k == EVENT_STEP_CANCELED;
}

bool screen_repeats(const struct screen *s, const struct run_event *e)
{
	return e->kind == EVENT_STEP_RETRY && s->x->place[e->unit].step->t.act->kind == ACT_UNTIL && e->attempt > 1 &&
	       !s->o.verbose;
}

static void job_line(struct screen *s, const struct run_event *e)
{
	if (!state_is_failure(e->state))
		quiet_line(s, e);
	else if (e->reason == REASON_BAD_EXPR || e->reason == REASON_REQUIRE_FALSE)
		failure_lines(s, e); /* it could not begin; of what could, the step that failed has told */
}

static void try_line(struct screen *s, const struct run_event *e)
{
	if (s->x->place[e->unit].step->t.act->kind == ACT_UNTIL)
		until_line(s, e);
	else
		retry_line(s, e);
}

static void abort_line(struct screen *s, const struct run_event *e)
{
	if (s->o.silent || e->state != STATE_ABORTED) /* there was nothing left to start */
		return;
	screen_add_tone(s, TONE_WARN, "nothing new starts");
	add_reason(s, e);
	screen_say(s);
}

void screen_tell(struct screen *s, const struct run_event *e)
{
	static void (*const lines[EVENT_COUNT])(struct screen *, const struct run_event *) = {
		[EVENT_JOB_FINISHED] = job_line,
		[EVENT_STEP_STARTED] = start_lines,
		[EVENT_STEP_SUCCEEDED] = quiet_line,
		[EVENT_STEP_SKIPPED] = quiet_line,
		[EVENT_STEP_BLOCKED] = quiet_line,
		[EVENT_STEP_CANCELED] = quiet_line,
		[EVENT_STEP_FAILED] = failure_lines,
		[EVENT_STEP_TIMEOUT] = failure_lines,
		[EVENT_STEP_RETRY] = try_line,
		[EVENT_STEP_SLOW] = slow_line,
		[EVENT_APPROVAL_ASKED] = question_lines,
		[EVENT_HOOK_ENDED] = hook_lines,
		[EVENT_PLAN_ABORTED] = abort_line,
		[EVENT_LOAD_HIGH] = load_line,
		[EVENT_LOAD_FINE] = load_line,
		[EVENT_SLOTS_CHANGED] = slots_line,
	};

	if (lines[e->kind])
		lines[e->kind](s, e);
}
