#include <stdlib.h>

#include "base/bug.h"
#include "doc/json.h"
#include "report/screen.h"

struct events {
	struct sink base;
	FILE *out;
	bool close;
};

static void on_event(struct sink *s, const struct run_event *e)
{
	struct events *v = (struct events *)s;
	struct buf line = BUF_INIT;
	json_t *o = event_to_json(e);

	json_text(&line, o, JSON_TIGHT);
	buf_putc(&line, '\n');
	fwrite(line.data, 1, line.len, v->out);
	fflush(v->out);
	json_decref(o);
	buf_release(&line);
}

static void events_free(struct sink *s)
{
	struct events *v = (struct events *)s;

	if (v->close)
		fclose(v->out);
	free(v);
}

struct sink *sink_events(FILE *out, bool close)
{
	static const struct sink_ops ops = {.event = on_event, .free = events_free};
	struct events *v = xcalloc(1, sizeof(*v));

	*v = (struct events){.base = {&ops}, .out = out, .close = close};
	return &v->base;
}
