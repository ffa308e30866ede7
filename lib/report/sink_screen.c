/* The sink that shows a run to a person. */
#include "report/screen_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/quote.h"

enum {
	LIVE_MS = 100,
	PLAIN_MS = 1000, /* how often the heartbeat's time is looked at */
	LOOK_MS = 200,	 /* at logs that grow, where nobody tells that they do */
};

/* --- writing ------------------------------------------------------------------------------------------ */

void screen_say(struct screen *s)
{
	buf_putc(&s->line, '\n');
	frame_say(&s->frame, (struct span){s->line.data, s->line.len});
	buf_reset(&s->line);
	s->beat_mono_ns = s->now_mono_ns;
}

void screen_add(struct screen *s, const char *text)
{
	tty_clean(&s->line, span_of(text));
}

void screen_add_name(struct screen *s, const char *step)
{
	char *name = xasprintf("%.10s/%s", s->run, step);
	struct buf word = BUF_INIT;

	quote_word(&word, name);
	screen_add(s, word.data);
	buf_release(&word);
	free(name);
}

void screen_add_path(struct screen *s, const char *path)
{
	size_t n = strlen(s->root);

	screen_add(s, !strncmp(path, s->root, n) && path[n] == '/' ? path + n + 1 : path);
}

void screen_add_tone(struct screen *s, enum tone tone, const char *word)
{
	tty_tone(&s->line, s->o.colour, tone, word);
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

/* --- events ----------------------------------------------------------------------------------------------- */

/* A step that has the terminal to itself has all of it until its attempt has ended. */
static void lend_terminal(struct screen *s, const struct run_event *e)
{
	if (e->unit == UNIT_NONE || !s->x || s->x->graph->unit[e->unit].kind != UNIT_STEP || !s->x->place[e->unit].step->t.policy->tty)
		return;
	s->lent = e->kind == EVENT_STEP_STARTED;
	if (s->lent)
		frame_clear(&s->frame);
}

static void screen_event(struct sink *base, const struct run_event *e)
{
	struct screen *s = (struct screen *)base;

	s->now_mono_ns = e->mono_ns;
	lend_terminal(s, e);
	s->settled = e->n_settled ? e->n_settled : s->settled + screen_settles(e->kind);
	output_before(s->output, e);
	screen_tell(s, e);
	if (screen_repeats(s, e))
		output_forget(s->output, e->unit);
	output_after(s->output, e);
}

/* --- ticks ------------------------------------------------------------------------------------------------- */

static void screen_tick(struct sink *base, const struct run_status *st)
{
	struct screen *s = (struct screen *)base;

	s->now_mono_ns = st->mono_ns;
	if (s->lent)
		return;
	if (output_follows(s->output) && output_fd(s->output) < 0)
		(void)output_follow(s->output);
	if (s->o.style == SCREEN_PLAIN)
		screen_heartbeat(s, st);
	else
		screen_draw(s, st);
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
	screen_add(s, step);
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
	screen_add_tone(s, TONE_BOLD, i->run);
	buf_puts(&s->line, "  ");
	screen_add(s, i->target);
	screen_say(s);
}

static void screen_end(struct sink *base, const struct run_summary *sum)
{
	struct screen *s = (struct screen *)base;

	output_end(s->output);
	frame_clear(&s->frame);
	screen_summarise(s, sum);
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
