#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/quote.h"
#include "base/stamp.h"
#include "report/frame.h"
#include "report/screen.h"
#include "report/tty.h"

enum {
	TAIL_LINES = 10,
	TAIL_BYTES = 16 * 1024,
	LIVE_MS = 100,
	PLAIN_MS = 1000, /* how often the heartbeat's time is looked at */
	LOOK_MS = 200,	 /* at logs that grow, where nobody tells that they do */
	LIVE_SHARE = 3,	 /* the running steps take a third of the terminal's rows */
	LOW = 6,	 /* with fewer rows there is one line for them all */
	CACHED_LINES = 20, /* a run with more steps counts those that had nothing to do, and tells none of them */
};

struct screen {
	struct sink base;
	struct sink_ops ops;
	struct screen_options o;
	struct frame frame;
	struct output *output;
	struct buf line;	/* being made */
	bool lent;		/* to a step that has the terminal to itself */
	const struct expansion *x;
	int64_t now_mono_ns;	/* of what is being told */
	int64_t beat_mono_ns;	/* when something was last said */
	int64_t start_mono_ns;
	char *run, *root;
	uint32_t settled; /* steps that have been told */
};

/* --- writing ------------------------------------------------------------------------------------------ */

/* The line goes where the moving part stood, and that below it. */
static void say_line(struct screen *s)
{
	buf_putc(&s->line, '\n');
	frame_say(&s->frame, (struct span){s->line.data, s->line.len});
	buf_reset(&s->line);
	s->beat_mono_ns = s->now_mono_ns;
}

static void say_output(void *ctx, struct span text)
{
	struct screen *s = ctx;

	if (s->o.output == OUTPUT_NONE)
		frame_stream(&s->frame, text);
	else
		frame_say(&s->frame, text);
	s->beat_mono_ns = s->now_mono_ns;
}

static void add_clean(struct buf *b, const char *text)
{
	tty_clean(b, span_of(text));
}

/* --- events ----------------------------------------------------------------------------------------------- */

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
	tty_tone(&s->line, s->o.colour, state_tone(e->state), word);
	buf_putc(&s->line, ' ');
	add_clean(&s->line, e->step);
	if (e->duration_ms >= 0) {
		buf_puts(&s->line, "  ");
		duration_human(&s->line, e->duration_ms);
	}
}

static void add_reason(struct screen *s, const struct run_event *e)
{
	const char *sentence = reason_sentence(e->reason), *hole = strstr(sentence, "%s");

	if (e->reason == REASON_NONE || e->reason == REASON_EXIT || e->reason == REASON_NEEDS_ENDED)
		return;
	buf_puts(&s->line, "  (");
	buf_add(&s->line, sentence, hole ? (size_t)(hole - sentence) : strlen(sentence));
	if (hole) {
		add_clean(&s->line, e->cause ? e->cause : "?");
		buf_puts(&s->line, hole + 2);
	}
	buf_putc(&s->line, ')');
}

static void failure_lines(struct screen *s, const struct run_event *e)
{
	size_t n = e->error ? output_news(s->output, e->unit, e->error) : 0;

	settled_line(s, e);
	if (n && !e->error[n]) {
		buf_puts(&s->line, "\n    ");
		add_clean(&s->line, e->error);
	} else if (n) { /* the rest follows as the step said it */
		buf_puts(&s->line, "  (");
		tty_clean(&s->line, (struct span){e->error, n});
		buf_putc(&s->line, ')');
	}
	say_line(s);
}

/* Line by line, each made harmless and behind indent. */
static void add_lines(struct buf *out, struct span text, const char *indent)
{
	const char *end = text.at + text.len;

	for (const char *from = text.at; from < end;) {
		const char *stop = memchr(from, '\n', (size_t)(end - from));
		size_t len = stop ? (size_t)(stop - from) : (size_t)(end - from);

		buf_puts(out, indent);
		tty_clean_line(out, (struct span){from, len});
		buf_putc(out, '\n');
		from += len + 1;
	}
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
	add_clean(&s->line, e->step);
	if (e->command) {
		buf_puts(&s->line, "\n$ ");
		add_command(&s->line, e->command);
	}
	say_line(s);
}

static void retry_line(struct screen *s, const struct run_event *e)
{
	if (s->o.silent)
		return;
	tty_tone(&s->line, s->o.colour, TONE_WARN, "retry");
	buf_puts(&s->line, "  ");
	add_clean(&s->line, e->step);
	buf_addf(&s->line, "  attempt %" PRIu32 " failed", e->attempt);
	if (e->error) {
		buf_puts(&s->line, ": ");
		tty_clean(&s->line, (struct span){e->error, output_news(s->output, e->unit, e->error)});
	}
	if (e->due_ms > 0) {
		buf_puts(&s->line, "; again in ");
		duration_human(&s->line, e->due_ms);
	}
	say_line(s);
}

/* Of `until`, the first time: that something is not there yet is no failure. */
static void until_line(struct screen *s, const struct run_event *e)
{
	if (s->o.silent || (e->attempt > 1 && !s->o.verbose))
		return;
	buf_puts(&s->line, "waits  ");
	add_clean(&s->line, e->step);
	buf_puts(&s->line, "  not yet");
	if (e->error) {
		buf_puts(&s->line, ": ");
		add_clean(&s->line, e->error);
	}
	buf_puts(&s->line, "; again every ");
	duration_human(&s->line, s->x->place[e->unit].step->t.act->until->every_ms);
	say_line(s);
}

/* RUN/STEP as one can paste it. */
static void add_name(struct screen *s, const char *step)
{
	char *name = xasprintf("%.10s/%s", s->run, step);
	struct buf word = BUF_INIT;

	quote_word(&word, name);
	add_clean(&s->line, word.data);
	buf_release(&word);
	free(name);
}

static void question_lines(struct screen *s, const struct run_event *e)
{
	const char *text = e->cause ? e->cause : "";

	tty_tone(&s->line, s->o.colour, TONE_WARN, "asks");
	buf_puts(&s->line, "   ");
	add_clean(&s->line, e->step);
	buf_puts(&s->line, "  ");
	for (const char *end; *text; text = *end ? end + 1 : end) {
		end = strchrnul(text, '\n');
		tty_clean(&s->line, (struct span){text, (size_t)(end - text)});
		buf_puts(&s->line, "\n    ");
	}
	buf_puts(&s->line, "orchmake approve ");
	add_name(s, e->step);
	say_line(s);
}

/* Paths below the project's folder are shown from there. */
static const char *shorter(const struct screen *s, const char *path)
{
	size_t n = strlen(s->root);

	return !strncmp(path, s->root, n) && path[n] == '/' ? path + n + 1 : path;
}

/* It changes nothing, but nobody else would say it. */
static void hook_lines(struct screen *s, const struct run_event *e)
{
	if (e->state != STATE_FAILED)
		return;
	tty_tone(&s->line, s->o.colour, TONE_WARN, "failed");
	buf_putc(&s->line, ' ');
	add_clean(&s->line, e->step);
	buf_puts(&s->line, ": ");
	add_clean(&s->line, e->error ? e->error : "?");
	if (e->log) {
		buf_putc(&s->line, '\n');
		screen_tail(&s->line, e->log, TAIL_LINES, "    ");
		buf_puts(&s->line, "    log: ");
		add_clean(&s->line, shorter(s, e->log));
	}
	say_line(s);
}

static void slow_line(struct screen *s, const struct run_event *e)
{
	if (s->o.silent)
		return;
	tty_tone(&s->line, s->o.colour, TONE_WARN, "slow");
	buf_puts(&s->line, "   ");
	add_clean(&s->line, e->step);
	buf_puts(&s->line, "  runs for more than ");
	duration_human(&s->line, e->due_ms);
	say_line(s);
}

/* Where nothing moves that says so. */
static void load_line(struct screen *s, const struct run_event *e)
{
	if (s->o.silent || (s->o.style != SCREEN_PLAIN && !s->o.verbose))
		return;
	tty_tone(&s->line, s->o.colour, TONE_WARN, e->kind == EVENT_LOAD_HIGH ? "held" : "goes on");
	buf_puts(&s->line, "  ");
	add_clean(&s->line, e->cause);
	say_line(s);
}

static void slots_line(struct screen *s, const struct run_event *e)
{
	if (s->o.silent)
		return;
	tty_tone(&s->line, s->o.colour, TONE_WARN, "slots");
	buf_puts(&s->line, "  ");
	add_clean(&s->line, e->cause);
	say_line(s);
}

/*
 * On a terminal the moving part shows the steps; lines are for what a person asked for: jobs.  In a log every
 * step has its line.
 */
static bool has_line(const struct screen *s, const struct run_event *e)
{
	if (s->o.style == SCREEN_PLAIN || s->o.verbose)
		return e->kind != EVENT_JOB_FINISHED;
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
	say_line(s);
}

static bool is_settled(enum event_kind k)
{
	return k == EVENT_STEP_SUCCEEDED || k == EVENT_STEP_FAILED || k == EVENT_STEP_TIMEOUT ||
	       k == EVENT_STEP_SKIPPED || k == EVENT_STEP_BLOCKED || k == EVENT_STEP_CANCELED;
}

/* A step that has the terminal to itself has all of it until its attempt has ended. */
static void lend_terminal(struct screen *s, const struct run_event *e)
{
	if (e->unit == UNIT_NONE || !s->x || s->x->graph->unit[e->unit].kind != UNIT_STEP || !s->x->place[e->unit].step->t.policy->tty)
		return;
	s->lent = e->kind == EVENT_STEP_STARTED;
	if (s->lent)
		frame_clear(&s->frame);
}

static void tell(struct screen *s, const struct run_event *e)
{
	switch (e->kind) {
	case EVENT_JOB_FINISHED:
		if (!state_is_failure(e->state))
			quiet_line(s, e);
		else if (e->reason == REASON_BAD_EXPR || e->reason == REASON_REQUIRE_FALSE)
			failure_lines(s, e); /* it could not begin; of what could, the step that failed has told */
		break;
	case EVENT_STEP_SUCCEEDED:
	case EVENT_STEP_SKIPPED:
	case EVENT_STEP_BLOCKED:
	case EVENT_STEP_CANCELED:
		quiet_line(s, e);
		break;
	case EVENT_STEP_FAILED:
	case EVENT_STEP_TIMEOUT:
		failure_lines(s, e);
		break;
	case EVENT_STEP_RETRY:
		if (s->x->place[e->unit].step->t.act->kind == ACT_UNTIL)
			until_line(s, e);
		else
			retry_line(s, e);
		break;
	case EVENT_APPROVAL_ASKED:
		question_lines(s, e);
		break;
	case EVENT_STEP_SLOW:
		slow_line(s, e);
		break;
	case EVENT_HOOK_ENDED:
		hook_lines(s, e);
		break;
	case EVENT_STEP_STARTED:
		start_lines(s, e);
		break;
	case EVENT_PLAN_ABORTED:
		if (!s->o.silent && e->state == STATE_ABORTED) { /* else there was nothing left to start */
			tty_tone(&s->line, s->o.colour, TONE_WARN, "nothing new starts");
			add_reason(s, e);
			say_line(s);
		}
		break;
	case EVENT_LOAD_HIGH:
	case EVENT_LOAD_FINE:
		load_line(s, e);
		break;
	case EVENT_SLOTS_CHANGED:
		slots_line(s, e);
		break;
	case EVENT_RUN_CREATED:
	case EVENT_RUN_STARTED:
	case EVENT_STEP_READY:
	case EVENT_STEP_OUTPUT:
	case EVENT_RUN_COMPLETED:
	case EVENT_RUN_CANCELED:
	case EVENT_RUN_WAITING:
	case EVENT_RUN_QUARANTINED:
	case EVENT_RUN_INTERRUPTED:
	case EVENT_RUN_RESUMED:
	case EVENT_COUNT:
		break;
	}
}

/* Of `until` each look but the first and the last: it would say the same as that every time. */
static bool is_repeated(const struct screen *s, const struct run_event *e)
{
	return e->kind == EVENT_STEP_RETRY && s->x->place[e->unit].step->t.act->kind == ACT_UNTIL && e->attempt > 1 &&
	       !s->o.verbose;
}

static void screen_event(struct sink *base, const struct run_event *e)
{
	struct screen *s = (struct screen *)base;

	s->now_mono_ns = e->mono_ns;
	lend_terminal(s, e);
	s->settled = e->n_settled ? e->n_settled : s->settled + is_settled(e->kind);
	output_before(s->output, e);
	tell(s, e);
	if (is_repeated(s, e))
		output_forget(s->output, e->unit);
	output_after(s->output, e);
}

/* --- the moving part --------------------------------------------------------------------------------------------- */

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
		add_clean(&plain, st->running[0].name);
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
	add_clean(&name, r->name);
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
static void draw(struct screen *s, const struct run_status *st)
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
static void heartbeat(struct screen *s, const struct run_status *st)
{
	enum { NAMED = 4 };

	if (!st->n_running || !s->o.heartbeat_ms || st->mono_ns - s->beat_mono_ns < s->o.heartbeat_ms * NS_PER_MS)
		return;
	buf_addf(&s->line, "[%" PRIu32 "/%" PRIu32 "] still running:", st->n_settled, st->n_total);
	for (uint32_t i = 0; i < st->n_running && i < NAMED; i++) {
		buf_puts(&s->line, i ? ", " : " ");
		add_clean(&s->line, st->running[i].name);
		buf_puts(&s->line, " (");
		duration_human(&s->line, (st->mono_ns - st->running[i].start_mono_ns) / NS_PER_MS);
		buf_putc(&s->line, ')');
	}
	if (st->n_running > NAMED)
		buf_addf(&s->line, ", %" PRIu32 " more", st->n_running - NAMED);
	if (st->held)
		buf_addf(&s->line, "; nothing more starts: %s", st->held);
	say_line(s);
}

static void screen_tick(struct sink *base, const struct run_status *st)
{
	struct screen *s = (struct screen *)base;

	s->now_mono_ns = st->mono_ns;
	if (s->lent)
		return;
	if (output_follows(s->output) && output_fd(s->output) < 0)
		(void)output_follow(s->output);
	if (s->o.style == SCREEN_PLAIN)
		heartbeat(s, st);
	else
		draw(s, st);
}

static int screen_fd(const struct sink *base)
{
	return output_fd(((const struct screen *)base)->output);
}

static bool screen_ready(struct sink *base)
{
	return output_follow(((struct screen *)base)->output);
}

/* What is typed stands behind the question until it is answered. */
static void screen_ask(struct sink *base, const char *step)
{
	struct screen *s = (struct screen *)base;

	s->lent = step && *step;
	if (step && !*step)
		fputc('\n', s->o.out); /* nobody has ended that line */
	if (!s->lent)
		return;
	frame_clear(&s->frame);
	buf_puts(&s->line, "approve ");
	add_clean(&s->line, step);
	buf_puts(&s->line, "? y or n; Enter: later: ");
	fwrite(s->line.data, 1, s->line.len, s->o.out);
	fflush(s->o.out);
	buf_reset(&s->line);
}

/* --- beginning and end --------------------------------------------------------------------------------------------- */

static int64_t interval_ms(const struct screen *s)
{
	int64_t plain = s->o.heartbeat_ms && s->o.heartbeat_ms < PLAIN_MS ? s->o.heartbeat_ms : PLAIN_MS;
	int64_t ms = s->o.style != SCREEN_PLAIN ? LIVE_MS : plain;

	return output_follows(s->output) && output_fd(s->output) < 0 && ms > LOOK_MS ? LOOK_MS : ms;
}

static void screen_begin(struct sink *base, const struct run_info *i)
{
	struct screen *s = (struct screen *)base;

	s->start_mono_ns = s->now_mono_ns = s->beat_mono_ns = i->start_mono_ns;
	s->run = xstrdup(i->run);
	s->root = xstrdup(i->root);
	s->x = i->expansion;
	output_begin(s->output, i->expansion, i->log_dir);
	s->ops.interval_ms = interval_ms(s);
	if (s->o.silent)
		return;
	buf_puts(&s->line, "run ");
	tty_tone(&s->line, s->o.colour, TONE_BOLD, i->run);
	buf_puts(&s->line, "  ");
	add_clean(&s->line, i->target);
	say_line(s);
}

void screen_tail(struct buf *out, const char *path, size_t n, const char *indent)
{
	struct buf text = BUF_INIT;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	const char *from;
	struct span whole;

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode)) {
		if (st.st_size > TAIL_BYTES)
			(void)lseek(fd, st.st_size - TAIL_BYTES, SEEK_SET);
		(void)fd_read_all(fd, &text, TAIL_BYTES);
	}
	close(fd);
	whole = span_trim((struct span){text.data, text.len});
	from = whole.at + whole.len;
	for (size_t lines = 0; from > whole.at; from--)
		if (from[-1] == '\n' && ++lines == n)
			break;
	add_lines(out, (struct span){from, (size_t)(whole.at + whole.len - from)}, indent);
	buf_release(&text);
}

static void summarise_failure(struct screen *s, const struct run_summary *sum, const struct run_failure *f)
{
	buf_putc(&s->line, '\n');
	tty_tone(&s->line, s->o.colour, TONE_BAD, state_word(f->state));
	buf_putc(&s->line, ' ');
	add_clean(&s->line, f->name);
	if (f->error) {
		buf_puts(&s->line, ": ");
		add_clean(&s->line, f->error);
	}
	buf_putc(&s->line, '\n');
	if (!f->log)
		return;
	if (s->o.output == OUTPUT_TAIL || s->o.output == OUTPUT_JSON) /* else it has been shown */
		screen_tail(&s->line, f->log, TAIL_LINES, "    ");
	buf_puts(&s->line, "    log: ");
	add_clean(&s->line, shorter(s, f->log));
	if (sum->has_ledger) {
		buf_puts(&s->line, "\n    more: orchmake logs ");
		add_name(s, f->name);
	}
	buf_putc(&s->line, '\n');
}

static void summarise_counts(struct screen *s, const struct run_summary *sum)
{
	const char *comma = "";

	for (int st = 0; st < STATE_COUNT; st++) {
		char word[48];

		if (!sum->by_state[st])
			continue;
		snprintf(word, sizeof(word), "%" PRIu32 " %s", sum->by_state[st], state_word((enum state)st));
		buf_puts(&s->line, comma);
		tty_tone(&s->line, s->o.colour, state_tone((enum state)st), word);
		comma = ", ";
	}
}

static void screen_end(struct sink *base, const struct run_summary *sum)
{
	enum { SHOWN = 20 };
	struct screen *s = (struct screen *)base;

	output_end(s->output);
	frame_clear(&s->frame);
	for (uint32_t i = 0; i < sum->n_failures && i < SHOWN; i++)
		summarise_failure(s, sum, &sum->failure[i]);
	if (sum->n_failures > SHOWN)
		buf_addf(&s->line, "\nand %" PRIu32 " more failures\n", sum->n_failures - SHOWN);
	if (!s->o.silent || sum->state != STATE_SUCCEEDED) {
		if (sum->n_failures)
			buf_putc(&s->line, '\n');
		tty_tone(&s->line, s->o.colour, state_tone(sum->state), state_word(sum->state));
		if (sum->degraded)
			tty_tone(&s->line, s->o.colour, TONE_WARN, " (degraded)");
		buf_puts(&s->line, ": ");
		add_clean(&s->line, sum->target);
		buf_puts(&s->line, " in ");
		duration_human(&s->line, sum->duration_ms);
		buf_puts(&s->line, ": ");
		summarise_counts(s, sum);
		if (sum->has_ledger)
			buf_addf(&s->line, "\n`orchmake show %.10s` tells more", sum->run);
	}
	if (s->line.len)
		say_line(s);
}

static void screen_free(struct sink *base)
{
	struct screen *s = (struct screen *)base;

	frame_clear(&s->frame);
	frame_release(&s->frame);
	output_free(s->output);
	buf_release(&s->line);
	free(s->run);
	free(s->root);
	free(s);
}

struct sink *sink_screen(const struct screen_options *o)
{
	struct screen *s = xcalloc(1, sizeof(*s));
	const struct output_options shown = {.mode = o->output, .colour = o->colour, .write = say_output, .ctx = s};

	s->ops = (struct sink_ops){.begin = screen_begin, .event = screen_event, .tick = screen_tick, .ask = screen_ask,
				   .end = screen_end, .free = screen_free, .fd = screen_fd, .ready = screen_ready};
	s->ops.wants = o->silent ? SINK_WANTS_END : o->style == SCREEN_PLAIN || o->verbose ? SINK_WANTS_ALL : SINK_WANTS_JOBS;
	s->base.ops = &s->ops;
	s->o = *o;
	if (o->output == OUTPUT_NONE)
		s->o.style = SCREEN_PLAIN;
	s->output = output_new(&shown);
	frame_init(&s->frame, o->out);
	s->frame.size = o->size;
	s->frame.size_ctx = o->size_ctx;
	buf_init(&s->line);
	return &s->base;
}
