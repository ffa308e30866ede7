/* A sink that shows what is written elsewhere: woken when there is something, and not for each byte of it. */
#include <stdlib.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "engine/engine_impl.h"

enum { PAUSE_NS = 30 * NS_PER_MS }; /* what comes within it is looked at once */

struct follow {
	struct engine *e;
	struct sink *sink;
	int fd;
	struct loop_timer timer;
};

/* Until it has been looked at nothing new is heard. */
static void on_news(void *arg, uint32_t ready)
{
	struct follow *f = arg;

	(void)ready;
	loop_fd_drop(f->e->loop, f->fd);
	loop_timer_set(f->e->loop, &f->timer, loop_now(f->e->loop) + PAUSE_NS);
}

static void look(void *arg)
{
	struct follow *f = arg;

	if (f->sink->ops->ready(f->sink))
		loop_timer_set(f->e->loop, &f->timer, stamp_mono_ns());
	else
		(void)loop_fd(f->e->loop, f->fd, EPOLLIN, on_news, f);
}

struct follow *follow_begin(struct engine *e)
{
	int fd = -1;
	struct sink *s = sinks_watched(e->sinks, &fd);
	struct follow *f;

	if (!s)
		return NULL;
	f = xcalloc(1, sizeof(*f));
	*f = (struct follow){.e = e, .sink = s, .fd = fd, .timer = {.fn = look, .arg = f}};
	look(f);
	return f;
}

void follow_end(struct follow *f)
{
	if (!f)
		return;
	loop_fd_drop(f->e->loop, f->fd);
	loop_timer_clear(f->e->loop, &f->timer);
	free(f);
}
