/*
 * Hooks: steps that run on an event of the run.  They stand beside the graph: nothing waits for them while the run
 * goes on, they run one after the other in the order of the events, and how they end is recorded and told, but
 * changes nothing.  The run's end is in the ledger before its hooks run, so one that hangs or dies loses nothing.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/vec.h"
#include "doc/json.h"
#include "engine/engine_impl.h"

enum { TIMEOUT_MS = 60 * 1000 }; /* where a hook says none: it must not hold up the end of a run for ever */

struct fired {
	struct hook_call call;
	char *step_name, *error; /* ours */
};

struct hooks {
	struct fired *queue;
	size_t n, room, next; /* queue[next] is the one that runs, or the first to */
	uint32_t serial;      /* of what runs; 0: nothing */
	char *log, *result;
};

static void fired_release(struct fired *f)
{
	free(f->step_name);
	free(f->error);
}

void hooks_free(struct hooks *h)
{
	if (!h)
		return;
	for (size_t i = h->next; i < h->n; i++)
		fired_release(&h->queue[i]);
	free(h->queue);
	free(h->log);
	free(h->result);
	free(h);
}

static void name_of(const struct fired *f, struct buf *out)
{
	buf_addf(out, "%s/%s", f->call.step->job->name, f->call.step->id);
}

/* It has ended; an empty error: well. */
static void settle(struct engine *e, int exit_code, struct buf *error)
{
	struct hooks *h = e->hooks;
	struct buf name = BUF_INIT;

	name_of(&h->queue[h->next], &name);
	values_hide(e->values, error);
	record_hook(e, name.data, exit_code, error->len ? error->data : NULL, h->log);
	buf_release(&name);
	fired_release(&h->queue[h->next++]);
	h->serial = 0;
}

static char *log_of(const struct engine *e, const struct fired *f, uint32_t serial)
{
	struct buf path = BUF_INIT;

	buf_addf(&path, "%s/%06" PRIu32 "-hook-%s-", e->paths.logs, serial, hook_words[f->call.hook]);
	path_safe(&path, f->call.step->id);
	buf_puts(&path, ".log");
	return buf_detach(&path);
}

/* False: it waits for a value. */
static bool start(struct engine *e)
{
	struct hooks *h = e->hooks;
	struct fired *f = &h->queue[h->next];
	struct buf why = BUF_INIT;
	struct composed c;
	bool waits = false;

	h->serial = attempt_new(&e->attempts, UNIT_NONE, 0);
	free(h->log);
	h->log = NULL;
	if (engine_compose_hook(e, &f->call, h->serial, &c, &why)) {
		h->log = log_of(e, f, h->serial);
		c.r.log_path = h->log;
		if (!c.r.timeout_ms)
			c.r.timeout_ms = TIMEOUT_MS;
		(void)record_flush(e); /* what it is told of is known before */
		if (e->exec->ops->start(e->exec, &c.r) < 0)
			buf_addf(&why, "cannot start it: %s", strerror(errno));
		else
			slots_lent(e, attempt_of(e, h->serial), c.offered);
	} else if (values_found(e->values, &why) == VALUES_AWAITED) {
		h->serial = 0; /* once more when it has come */
		buf_reset(&why);
		waits = true;
	}
	composed_release(&c);
	if (why.len)
		settle(e, -1, &why);
	buf_release(&why);
	return !waits || !values_await(e->values);
}

void hooks_pump(struct engine *e)
{
	struct hooks *h = e->hooks;

	while (h && !h->serial && h->next < h->n && !e->broken && e->exec && start(e))
		;
}

/* What is slow has not failed: the error there may be is of an attempt before. */
static char *error_of(struct engine *e, enum hook hook, uint32_t unit)
{
	return hook != HOOK_SLOW && unit != UNIT_NONE && e->note[unit].error ? xstrdup(e->note[unit].error) : NULL;
}

static char *unit_name(struct engine *e, uint32_t unit)
{
	struct buf name = BUF_INIT;

	if (unit == UNIT_NONE)
		return NULL;
	expansion_unit_name(e->x, unit, &name);
	return buf_detach(&name);
}

static void fire(struct engine *e, enum hook hook, uint32_t unit, enum state state)
{
	const struct job *j = e->jf->hook[hook];

	if (!e->hooks)
		e->hooks = xcalloc(1, sizeof(*e->hooks));
	for (size_t i = 0; i < j->n_steps; i++) {
		struct fired f = {.step_name = unit_name(e, unit), .error = error_of(e, hook, unit)};

		f.call = (struct hook_call){.hook = hook, .step = &j->step[i], .state = state_word(state),
					    .step_name = f.step_name, .error = f.error, .result = e->hooks->result};
		VEC_PUSH(e->hooks->queue, e->hooks->n, e->hooks->room, f);
	}
	hooks_pump(e);
}

void hooks_fire(struct engine *e, enum hook hook, uint32_t unit)
{
	if (e->jf->hook[hook])
		fire(e, hook, unit, unit == UNIT_NONE ? STATE_RUNNING : schedule_state(e->s, unit));
}

static void say_end(const struct attempt_ended *end, struct buf *why)
{
	if (end->end == END_NOT_STARTED)
		buf_addf(why, "cannot start: %s: %s", end->stage ? end->stage : "?", strerror(end->error));
	else if (end->end == END_TIMED_OUT)
		buf_puts(why, "timed out");
	else if (end->end != END_EXITED)
		buf_puts(why, "was stopped");
	else if (WIFSIGNALED(end->status))
		buf_addf(why, "ended by signal %d", WTERMSIG(end->status));
	else if (WEXITSTATUS(end->status))
		buf_addf(why, "exit %d", WEXITSTATUS(end->status));
}

bool hooks_ended(struct engine *e, const struct attempt_ended *end)
{
	struct buf why = BUF_INIT;

	if (!e->hooks || e->hooks->serial != end->serial)
		return false;
	slots_returned(e, attempt_of(e, end->serial));
	say_end(end, &why);
	settle(e, end->end == END_EXITED && WIFEXITED(end->status) ? WEXITSTATUS(end->status) : -1, &why);
	buf_release(&why);
	hooks_pump(e);
	return true;
}

/* --- the end --------------------------------------------------------------------------------------------- */

static enum hook hook_of_end(enum state s)
{
	return s == STATE_SUCCEEDED ? HOOK_SUCCESS : s == STATE_CANCELED ? HOOK_CANCEL : HOOK_FAILURE;
}

/* Where hooks find how it went. */
static char *write_result(const struct engine *e)
{
	char *path = path_join(e->paths.work, "result.json");
	struct buf text = BUF_INIT;

	engine_result_text(e, &text, JSON_INDENTED);
	buf_putc(&text, '\n');
	if (file_write_atomic(path, text.data, text.len, 0600) < 0) {
		free(path);
		path = NULL;
	}
	buf_release(&text);
	return path;
}

/* The first step that failed, where the run has failed of it. */
static uint32_t cause_of(const struct engine *e, enum state state)
{
	return state_is_failure(state) && e->first_failed ? e->first_failed - 1 : UNIT_NONE;
}

void hooks_finish(struct engine *e, enum state state)
{
	enum hook last[] = {hook_of_end(state), HOOK_ALWAYS};
	bool any = e->jf->hook[last[0]] || e->jf->hook[HOOK_ALWAYS];

	if (e->broken)
		return;
	if (any && !e->hooks)
		e->hooks = xcalloc(1, sizeof(*e->hooks));
	if (any)
		e->hooks->result = write_result(e);
	for (size_t i = 0; i < ARRAY_LEN(last); i++)
		if (e->jf->hook[last[i]])
			fire(e, last[i], cause_of(e, state), state);
	while (e->hooks && e->hooks->next < e->hooks->n && !e->broken)
		if (loop_turn(e->loop, -1) < 0 && errno != EINTR)
			break;
	(void)record_flush(e);
}
