/*
 * Probes: commands of the Jobfile that say whether a step has anything to do.  They hold no slot, but never more of
 * them run than there are slots; what they print is in a file of the run's folder while it lasts.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/bug.h"
#include "base/vec.h"
#include "engine/engine_impl.h"
#include "engine/fresh.h"

bool fresh_probing(const struct engine *e)
{
	return e->fresh->n_probes || e->fresh->at_to_probe < e->fresh->n_to_probe;
}

/* False: it could not be started, and its step has been told so or asks again. */
static bool start(struct engine *e, struct fresh_unit *f)
{
	struct fresh *fr = e->fresh;
	struct buf why = BUF_INIT;
	struct composed c;
	uint32_t serial;
	bool good;

	serial = attempt_new(&e->attempts, UNIT_NONE, 0);
	good = engine_compose(e, f->unit, serial, 0, &c, &why);
	if (good) {
		char *log = xasprintf("%s/probe-%" PRIu32, e->paths.work, serial);

		c.r.log_path = log;
		good = e->exec->ops->start(e->exec, &c.r) == 0;
		if (!good)
			buf_addf(&why, "cannot be started: %s", strerror(errno));
		free(log);
		if (good)
			VEC_PUSH(fr->probe, fr->n_probes, fr->room_probes, ((struct probe){f->unit, serial}));
		else
			fresh_probed(e, f, PROBE_REFUSED, why.data);
	} else if (values_found(e->values, &why) == VALUES_AWAITED) {
		fresh_probed(e, f, PROBE_AGAIN, NULL);
	} else {
		fresh_probed(e, f, PROBE_REFUSED, why.data);
	}
	composed_release(&c);
	buf_release(&why);
	return good;
}

static void pump(struct engine *e)
{
	struct fresh *fr = e->fresh;

	while (fr->at_to_probe < fr->n_to_probe && fr->n_probes < e->slots && !e->broken) {
		struct fresh_unit *f = fresh_kept(e, fr->to_probe[fr->at_to_probe++]);

		if (f && f->phase == FRESH_PROBES && !state_is_final(schedule_state(e->s, f->unit)))
			(void)start(e, f);
	}
	if (fr->at_to_probe == fr->n_to_probe)
		fr->at_to_probe = fr->n_to_probe = 0;
}

void fresh_probe(struct engine *e, struct fresh_unit *f)
{
	struct fresh *fr = e->fresh;

	VEC_PUSH(fr->to_probe, fr->n_to_probe, fr->room_to_probe, f->unit);
	pump(e);
}

/* An exit is an answer; anything else is none. */
static enum probed answer_of(const struct attempt_ended *end, struct fresh_unit *f, struct buf *text)
{
	if (end->end == END_EXITED && WIFEXITED(end->status)) {
		buf_addf(text, "exit %d", WEXITSTATUS(end->status));
		f->facts.probe = WEXITSTATUS(end->status) ? PROBE_TODO : PROBE_DONE;
		return PROBED;
	}
	if (end->end == END_NOT_STARTED)
		buf_addf(text, "cannot be started: %s: %s", end->stage ? end->stage : "?", strerror(end->error));
	else if (end->end == END_TIMED_OUT)
		buf_puts(text, "timed out");
	else if (end->end == END_EXITED && WIFSIGNALED(end->status))
		buf_addf(text, "was ended by signal %d", WTERMSIG(end->status));
	else
		buf_puts(text, "was stopped");
	return PROBE_REFUSED;
}

bool fresh_probe_ended(struct engine *e, const struct attempt_ended *end)
{
	struct fresh *fr = e->fresh;
	struct buf text = BUF_INIT;
	struct fresh_unit *f;
	size_t i = 0;

	while (i < fr->n_probes && fr->probe[i].serial != end->serial)
		i++;
	if (i == fr->n_probes)
		return false;
	f = fresh_kept(e, fr->probe[i].unit);
	fr->probe[i] = fr->probe[--fr->n_probes];
	if (f && f->phase == FRESH_PROBES) {
		enum probed how = answer_of(end, f, &text);

		free(f->probe_end);
		f->probe_end = buf_detach(&text);
		f->facts.probe_end = f->probe_end;
		buf_puts(&text, f->probe_end);
		fresh_probed(e, f, how, text.data);
	}
	buf_release(&text);
	pump(e);
	return true;
}
