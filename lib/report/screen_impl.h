/*
 * What the parts of the screen share: the lines of events (screen_lines.c), the moving
 * part (screen_live.c), the summary (screen_end.c), and the sink that calls them
 * (sink_screen.c).  Each makes its text in `line` and hands it on with screen_say().
 */
#ifndef REPORT_SCREEN_IMPL_H
#define REPORT_SCREEN_IMPL_H

#include "report/frame.h"
#include "report/screen.h"

enum { SCREEN_TAIL_LINES = 10 }; /* of a log, below a failure */

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

/* The line goes where the moving part stood, and that below it. */
void screen_say(struct screen *s);

/* text at the end of the line, made harmless. */
void screen_add(struct screen *s, const char *text);
/* RUN/STEP as one can paste it. */
void screen_add_name(struct screen *s, const char *step);
/* The path of a log: below the project's folder from there. */
void screen_add_path(struct screen *s, const char *path);
/* word in that tone. */
void screen_add_tone(struct screen *s, enum tone tone, const char *word);

/* What is to be said of e, if anything. */
void screen_tell(struct screen *s, const struct run_event *e);
/* It ends a step. */
bool screen_settles(enum event_kind k);
/* Of `until` each look but the first and the last: it would say the same as that every time. */
bool screen_repeats(const struct screen *s, const struct run_event *e);

/* The moving part as it is now. */
void screen_draw(struct screen *s, const struct run_status *st);
/* Where nothing moves: what still runs, if nothing has been said for long. */
void screen_heartbeat(struct screen *s, const struct run_status *st);

/* Each failure, and how it went. */
void screen_summarise(struct screen *s, const struct run_summary *sum);

#endif
