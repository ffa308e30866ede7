#include "engine/debug.h"

#include <inttypes.h>

#include "base/stamp.h"
#include "engine/engine_impl.h"

void debug_say(const struct engine *e, enum debug_topic topic, const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	va_list ap;

	if (!e->o->debug_line)
		return;
	buf_addf(&text, "%-9s ", debug_word(topic));
	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	values_hide(e->values, &text);
	e->o->debug_line(e->o->say_ctx, text.data);
	buf_release(&text);
}

const char *debug_unit(struct engine *e, uint32_t unit)
{
	buf_reset(&e->debug_name);
	expansion_unit_name(e->x, unit, &e->debug_name);
	return e->debug_name.data;
}

static void debug_settled(struct engine *e, const struct action *act)
{
	struct buf why = BUF_INIT;

	reason_format(e, act->unit, &why);
	debug(e, DEBUG_WHY, "%s is %s: %s", debug_unit(e, act->unit), state_word(act->state), why.data);
	buf_release(&why);
}

void debug_action(struct engine *e, const struct action *act)
{
	switch (act->kind) {
	case ACTION_ASK:
		debug(e, DEBUG_SCHED, "ready    %s", debug_unit(e, act->unit));
		break;
	case ACTION_START:
		debug(e, DEBUG_SCHED, "start    %s, attempt %" PRIu32, debug_unit(e, act->unit), act->attempt);
		break;
	case ACTION_HOLD:
		debug(e, DEBUG_SCHED, "hold     %s, attempt %" PRIu32, debug_unit(e, act->unit), act->attempt);
		break;
	case ACTION_RECALL:
		debug(e, DEBUG_SCHED, "recall   what is held");
		break;
	case ACTION_STOP:
		debug(e, DEBUG_SCHED, "stop     %s: %s", debug_unit(e, act->unit), reason_word(act->reason));
		break;
	case ACTION_WAITS:
		debug(e, DEBUG_SCHED, "waits    %s, %" PRId64 " ms before attempt %" PRIu32, debug_unit(e, act->unit),
		      act->pause_ms, act->attempt);
		break;
	case ACTION_SETTLED:
		debug(e, DEBUG_SCHED, "settled  %s: %s", debug_unit(e, act->unit), state_word(act->state));
		if (e->o->debug & 1u << DEBUG_WHY)
			debug_settled(e, act);
		break;
	}
}

static void debug_documents(struct engine *e)
{
	for (size_t i = 0; i < e->jf->n_files; i++)
		debug(e, DEBUG_PARSE, "read %s", e->jf->file[i]->path);
}

void debug_graph(struct engine *e)
{
	const struct graph *g = e->x->graph;

	if (!(e->o->debug & 1u << DEBUG_PARSE))
		return;
	debug_documents(e);
	debug(e, DEBUG_PARSE, "%zu jobs in the documents; %" PRIu32 " units and %zu edges in the graph", e->jf->n_jobs, g->n_units,
	      (size_t)g->need_at[g->n_units]);
}
