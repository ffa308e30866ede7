/*
 * The loop of a run: actions of the schedule are carried out, ends of attempts go back
 * into it.  Order is always: ledger, then act, then tell.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/stamp.h"
#include "base/vec.h"
#include "engine/approval.h"
#include "engine/artifacts.h"
#include "engine/control.h"
#include "engine/debug.h"
#include "engine/engine_impl.h"
#include "engine/exec_local.h"
#include "engine/program.h"
#include "engine/fresh.h"
#include "engine/recover.h"
#include "engine/resume.h"
#include "engine/review.h"
#include "engine/rights.h"
#include "engine/watch.h"

static int64_t now_ms(void)
{
	return stamp_mono_ns() / NS_PER_MS;
}

void engine_break(struct engine *e, int exit_code, const char *fmt, ...)
{
	va_list ap;

	if (e->broken)
		return;
	e->broken = true;
	e->broken_exit = exit_code;
	va_start(ap, fmt);
	buf_vaddf(e->err, fmt, ap);
	va_end(ap);
	if (e->s)
		schedule_cancel(e->s, REASON_CANCELED);
	if (e->exec)
		(void)e->exec->ops->stop(e->exec, 0, STOP_TERM);
}

static void ended(struct engine *e, const struct attempt_ended *end);

static void stop(struct engine *e, uint32_t serial, enum stop_how how)
{
	debug(e, DEBUG_KILL, "%s to %s", how == STOP_KILL ? "KILL" : "TERM, and KILL after its grace,",
	      serial ? debug_unit(e, attempt_of(e, serial)->unit) : "all that runs");
	(void)e->exec->ops->stop(e->exec, serial, how);
}

/* --- starting ------------------------------------------------------------------------------------------- */

static void drop_running(struct engine *e, struct attempt *a)
{
	uint32_t last = e->running[--e->n_running];

	e->n_starting -= !a->pid;
	e->running[a->place] = last;
	attempt_of(e, last)->place = a->place;
	slots_returned(e, a);
}

static const char *stage_of(enum reason r)
{
	return r == REASON_BREAKER_OPEN ? "breaker" : r == REASON_NOT_REVIEWED ? "review" : "compose";
}

/* An attempt that never became a process: its command could not be composed, or nobody is there to start it. */
static void not_startable(struct engine *e, const struct action *act, enum reason reason, const char *why)
{
	struct note *n = &e->note[act->unit];
	struct verdict v = {.state = STATE_FAILED, .reason = reason, .exit_code = -1, .error = BUF_INIT};
	struct attempt_ended ended = {.serial = n->serial, .end = END_NOT_STARTED, .stage = stage_of(reason),
				      .end_mono_ns = stamp_mono_ns()};

	buf_puts(&v.error, why);
	values_hide(e->values, &v.error);
	free(n->error);
	n->error = xstrdup(v.error.data);
	record_ended(e, n->serial, &ended, &v, -1);
	verdict_release(&v);
	rights_release(e, act->unit);
	schedule_ended(e->s, now_ms(), act->unit, STATE_FAILED, false, reason);
	attempt_over(&e->attempts, n->serial);
}

/*
 * What is certain not to start is not given to the warden: its failure is known before anything else is started,
 * so that an abort holds back the rest.
 */
static bool refuse_missing(struct engine *e, const struct attempt *a, uint32_t serial, const struct composed *c)
{
	const char *stage;
	int error = program_missing(c->r.argv + c->n_own, c->r.envp, c->r.cwd, &stage), log;

	if (!error)
		return false;
	log = open(a->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log >= 0)
		close(log);
	ended(e, &(struct attempt_ended){.serial = serial, .end = END_NOT_STARTED, .error = error, .stage = stage,
					 .missing = strcmp(stage, "chdir") ? c->r.argv[c->n_own] : c->r.cwd,
					 .end_mono_ns = stamp_mono_ns()});
	return true;
}

/* Its command could not be composed: for want of a value that is on its way, or for good. */
static void not_composed(struct engine *e, const struct action *act, struct buf *why)
{
	if (values_found(e->values, why) == VALUES_AWAITED) {
		e->note[act->unit].has_intent = true;
		schedule_not_now(e->s, act->unit, REASON_VALUE_COMES);
		values_hold_start(e->values, act->unit);
		return;
	}
	not_startable(e, act, REASON_BAD_EXPR, why->data);
}

/* durability full: what came before is on the disk before anything that may depend on it starts. */
static bool sync_all(struct engine *e)
{
	if (!record_flush(e))
		return false;
	if (exec_local_sync(e->exec) == 0)
		return true;
	engine_break(e, EXIT_LEDGER, "the journal cannot be written: %s", strerror(errno));
	return false;
}

/* It would not be what was reviewed. */
static void not_as_reviewed(struct engine *e, const struct action *act, const char *why)
{
	if (!e->note[act->unit].has_intent)
		(void)record_intents(e, act->unit);
	e->note[act->unit].has_intent = false;
	not_startable(e, act, REASON_NOT_REVIEWED, why);
}

void engine_prepare_attempt(struct engine *e, uint32_t unit, struct attempt *a, struct composed *c)
{
	a->log = log_begin(e, unit, e->note[unit].serial);
	a->out = c->stdout_path ? xstrdup(c->stdout_path) : NULL;
	a->err = c->stderr_path ? xstrdup(c->stderr_path) : NULL;
	a->output = xstrdup(env_get(&c->env, "ORCHMAKE_OUTPUT"));
	a->timeout_ms = c->r.timeout_ms;
	a->grace_ms = c->r.grace_ms;
	a->masked = c->n_own > 0;
	c->r.log_path = a->log;
	debug(e, DEBUG_IO, "output of %s goes to %s", debug_unit(e, unit), a->log);
	slots_lent(e, a, c->offered);
}

void engine_attempt_begins(struct engine *e, uint32_t unit, struct attempt *a, const struct composed *c)
{
	struct note *n = &e->note[unit];

	if (!n->start_mono_ns)
		n->start_mono_ns = a->start_mono_ns;
	a->running = true;
	a->place = (uint32_t)e->n_running;
	VEC_PUSH(e->running, e->n_running, e->room_running, n->serial);
	e->n_starting += !a->pid; /* of one that was held that may have come already */
	record_started(e, a, n->serial, c);
}

static void launch(struct engine *e, const struct action *act, struct attempt *a, struct composed *c)
{
	uint32_t serial = e->note[act->unit].serial;

	if (c->r.tty)
		record_flush(e); /* the screen makes room before the step draws on it */
	if (refuse_missing(e, a, serial, c))
		return;
	if (e->exec->ops->start(e->exec, &c->r) >= 0) {
		watch_started(e, serial);
		return;
	}
	engine_break(e, EXIT_RUN_FAILED, "cannot start steps any more: %s", strerror(errno));
	a->running = false;
	drop_running(e, a);
	not_startable(e, act, REASON_BAD_EXPR, "orchmake cannot start steps any more");
}

static void start(struct engine *e, const struct action *act)
{
	struct note *n = &e->note[act->unit];
	struct composed c;
	struct buf why = BUF_INIT;
	struct attempt *a;

	if (!hold_lets(e, act->unit, &why)) {
		not_as_reviewed(e, act, why.data);
		buf_release(&why);
		return;
	}
	if (e->x->place[act->unit].step->t.act->kind == ACT_APPROVE) {
		approval_begin(e, act);
		return;
	}
	if (!rights_take(e, act->unit))
		return;
	if (!n->has_intent)
		(void)record_intents(e, act->unit); /* if it fails, we are broken */
	n->has_intent = false;
	a = attempt_of(e, n->serial);
	if (e->broken) {
		not_startable(e, act, REASON_BAD_EXPR, "orchmake cannot start steps any more");
		return;
	}
	if (e->jf->ledger.synced && !sync_all(e)) {
		not_startable(e, act, REASON_BAD_EXPR, "what has happened so far cannot be written");
		return;
	}
	if (!engine_compose(e, act->unit, n->serial, act->attempt, &c, &why)) {
		not_composed(e, act, &why);
		goto done;
	}
	if (!breaker_lets(e, act->unit, &why)) { /* asked last: whoever is let through is the one who tries */
		not_startable(e, act, REASON_BREAKER_OPEN, why.data);
		goto done;
	}
	record_mark(e, act->unit);
	a->start_mono_ns = stamp_mono_ns();
	a->start_wall_ms = stamp_wall_ms();
	c.r.plain = act->plain;
	engine_prepare_attempt(e, act->unit, a, &c);
	fresh_started(e, act->unit, n->serial);
	engine_attempt_begins(e, act->unit, a, &c);
	launch(e, act, a, &c);
done:
	composed_release(&c);
	buf_release(&why);
}

/* --- settling --------------------------------------------------------------------------------------------- */

/* --fail-fast: what would let nothing new start stops what runs as well; `finally` still has its turn. */
static void fail_fast(struct engine *e, const struct action *act)
{
	const struct traits *t = &e->x->place[act->unit].step->t;

	if (e->failed_fast || !state_is_failure(act->state) || !t->policy->critical || t->policy->on_failure != ON_FAILURE_ABORT)
		return;
	e->failed_fast = act->unit + 1;
	schedule_cancel(e->s, REASON_FAIL_FAST);
}

/* What people are told of first, where a run has failed.  A stand-in that fails as well counts for what it stood in for. */
static void note_failure(struct engine *e, const struct action *act)
{
	const struct traits *t = &e->x->place[act->unit].step->t;

	if (!e->first_failed && state_is_failure(act->state) && t->policy->critical &&
	    t->policy->on_failure != ON_FAILURE_FALLBACK)
		e->first_failed = act->unit + 1;
}

/* What it took to find that there is nothing to do is the run's time, and no job's. */
static bool has_run(const struct engine *e, uint32_t group)
{
	const struct graph *g = e->x->graph;

	for (uint32_t i = g->member_at[group]; i < g->member_at[group + 1]; i++) {
		const struct note *n = &e->note[g->member[i]];

		if (n->start_mono_ns && n->start_mono_ns != n->end_mono_ns)
			return true;
	}
	return false;
}

static void settle(struct engine *e, const struct action *act)
{
	const struct unit *u = &e->x->graph->unit[act->unit];
	struct note *n = &e->note[act->unit];

	if (u->kind != UNIT_STEP || n->start_mono_ns) /* when what never ran was settled is of no use */
		n->end_mono_ns = stamp_mono_ns();
	rights_release(e, act->unit);
	expect_settled(e, act->unit);
	resume_settled(e, act->unit, act->state, act->reason);
	if (u->kind == UNIT_END) {
		n->start_mono_ns = has_run(e, u->group) ? e->note[e->x->graph->group[u->group].begin].end_mono_ns
							: n->end_mono_ns;
		outcome_group(e, u->group, act->state);
	}
	record_settled(e, act);
	if (n->has_intent)
		attempt_over(&e->attempts, n->serial);
	if (u->kind == UNIT_STEP)
		note_failure(e, act);
	if (u->kind == UNIT_STEP && e->o->fail_fast)
		fail_fast(e, act);
	if (u->kind == UNIT_STEP && act->state == STATE_SKIPPED)
		hooks_fire(e, HOOK_SKIP, act->unit);
}

static void stop_attempt(struct engine *e, const struct action *act)
{
	struct attempt *a = attempt_of(e, e->note[act->unit].serial);

	if (act->reason == REASON_DEADLINE)
		a->stopped = STOPPED_DEADLINE;
	else if (act->reason == REASON_UNTIL_TIMEOUT)
		a->stopped = STOPPED_UNTIL;
	stop(e, e->note[act->unit].serial, STOP_TERM);
}

static void carry_out(struct engine *e, const struct action *act)
{
	if (e->o->debug)
		debug_action(e, act);
	if (act->kind != ACTION_ASK && act->kind != ACTION_SETTLED)
		(void)rows_put(e); /* if it fails, we are broken */
	switch (act->kind) {
	case ACTION_ASK:
		engine_decide(e, act);
		break;
	case ACTION_START:
		start(e, act);
		break;
	case ACTION_STOP:
		stop_attempt(e, act);
		break;
	case ACTION_SETTLED:
		settle(e, act);
		break;
	case ACTION_WAITS:
		record_event(e, EVENT_STEP_RETRY, act->unit, act);
		hooks_fire(e, HOOK_RETRY, act->unit);
		break;
	case ACTION_HOLD:
		engine_hold(e, act);
		break;
	case ACTION_RECALL:
		engine_recall(e);
		break;
	}
}

void engine_news(struct engine *e)
{
	struct action act;

	while (schedule_news(e->s, &act))
		carry_out(e, &act);
}

/* For as long as a turn of the loop may wait: a hundred thousand questions about files take longer. */
static void pump(struct engine *e)
{
	enum { TURN_NS = 20 * NS_PER_MS };
	int64_t until = stamp_mono_ns() + TURN_NS;
	struct action act;

	e->paused = fresh_turn(e);
	if (e->paused) /* contents are read, which takes its time */
		(void)rows_put(e);
	slots_turn(e);
	do {
		while (schedule_next(e->s, now_ms(), &act)) {
			carry_out(e, &act);
			if (stamp_mono_ns() < until)
				continue;
			e->paused = true;
			return;
		}
	} while (slots_balance(e));
}

/* --- ends ---------------------------------------------------------------------------------------------------- */

/* What a success is remembered for is why it ran. */
static void keep_reason(struct engine *e, uint32_t unit, struct verdict *v)
{
	const char *cause;

	v->reason = engine_why(e, unit, &cause);
	e->note[unit].error = cause ? xstrdup(cause) : NULL;
}

static void keep_outcome(struct engine *e, uint32_t unit, struct verdict *v)
{
	struct note *n = &e->note[unit];

	note_set_exit(n, v->exit_code);
	n->signal = (uint8_t)v->signal;
	free(n->error);
	n->error = v->error.len ? xstrdup(v->error.data) : NULL;
	if (v->state == STATE_SUCCEEDED)
		keep_reason(e, unit, v);
	if (v->result) {
		json_decref(n->result);
		n->result = json_incref(v->result);
	}
}

/* Inputs and answers of a call that went well have served. */
static void drop_files(const struct engine *e, const struct attempt *a, const struct verdict *v)
{
	size_t ours = strlen(e->paths.work);

	if (state_is_failure(v->state))
		return;
	if (a->out && !strncmp(a->out, e->paths.work, ours) && a->out[ours] == '/') /* and not the user's own file */
		(void)unlink(a->out);
	if (a->output && v->result)
		(void)unlink(a->output);
}

/* Of what ran.  A success whose artifacts are lost is none; a failure has its own words already. */
static void keep_artifacts(struct engine *e, const struct attempt *a, const struct attempt_ended *end,
			   struct verdict *v)
{
	struct buf why = BUF_INIT;

	if (end->end != END_NOT_STARTED && !artifacts_keep(e, a->unit, &why) && v->state == STATE_SUCCEEDED) {
		v->state = STATE_FAILED;
		v->reason = REASON_EXIT;
		buf_puts(&v->error, why.data);
	}
	buf_release(&why);
}

/* What the program between a step and its log has not seen: files of its own that it provides values from. */
static void hide_verdict(struct engine *e, struct verdict *v)
{
	values_hide(e->values, &v->error);
	v->result = values_hide_json(e->values, v->result);
}

static enum reason why_stopped(const struct engine *e)
{
	if (e->signals || e->broken)
		return REASON_CANCELED;
	return e->timed_out ? REASON_RUN_TIMEOUT : e->failed_fast ? REASON_FAIL_FAST : REASON_CANCELED;
}

static void ended(struct engine *e, const struct attempt_ended *end)
{
	struct attempt *a = attempt_of(e, end->serial);
	const struct step *st;
	struct verdict v;
	int64_t bytes;

	if (end->end == END_BACK) {
		engine_held_back(e, end->serial, end->error != 0);
		return;
	}
	if (engine_is_held(e, end->serial)) /* and so is whoever could have said that it began */
		engine_held_begins(e, end->serial, end->start_mono_ns ? end->start_mono_ns : stamp_mono_ns());
	if (values_ended(e->values, end) || hooks_ended(e, end) || fresh_probe_ended(e, end)) {
		attempt_over(&e->attempts, end->serial);
		return;
	}
	st = e->x->place[a->unit].step;
	if (end->leftovers)
		debug(e, DEBUG_KILL, "%s left %" PRIu32 " process%s behind: killed", debug_unit(e, a->unit), end->leftovers,
		      end->leftovers == 1 ? "" : "es");
	judge_attempt(st, end, a, e->root, &v);
	bytes = log_bytes(a->log);
	if (v.reason == REASON_CANCELED)
		v.reason = why_stopped(e);
	keep_artifacts(e, a, end, &v);
	hide_verdict(e, &v);
	fresh_ended(e, a, &v);
	breaker_ended(e, a->unit, v.state);
	a->running = false;
	drop_running(e, a);
	keep_outcome(e, a->unit, &v);
	record_ended(e, end->serial, end, &v, bytes);
	rights_release(e, a->unit);
	schedule_ended(e->s, now_ms(), a->unit, v.state, v.again, v.reason);
	drop_files(e, a, &v);
	log_end(e, a, bytes, v.state);
	attempt_over(&e->attempts, end->serial);
	verdict_release(&v);
	if (end->next)
		engine_held_begins(e, end->next, end->end_mono_ns);
}

/* Hooks and commands that make values are among them.  Its end may have been quicker than the news of its start. */
static void started(struct engine *e, uint32_t serial, pid_t pid)
{
	struct attempt *a = attempt_of(e, serial);

	if (!a)
		return;
	e->n_starting -= a->running && !a->pid && pid;
	a->pid = pid;
}

static void on_executor(void *arg, uint32_t ready)
{
	struct engine *e = arg;
	struct attempt_ended end;
	uint32_t serial;
	pid_t pid;
	int got;

	(void)ready;
	while (e->exec->ops->collect_started(e->exec, &serial, &pid) > 0)
		started(e, serial, pid);
	while ((got = e->exec->ops->collect(e->exec, &end)) != 0) {
		if (got < 0) {
			engine_break(e, EXIT_RUN_FAILED, "the warden that starts the steps is gone: %s",
				     strerror(errno));
			continue;
		}
		ended(e, &end);
	}
}

/* --- signals and time -------------------------------------------------------------------------------------------- */

static bool asks_for_slots(struct engine *e, const struct signalfd_siginfo *info)
{
	int sig = (int)info->ssi_signo;

	if (sig == SIGUSR1)
		slots_change(e, (int64_t)e->slots + 1);
	else if (sig == SIGUSR2)
		slots_change(e, (int64_t)e->slots - 1);
	else if (sig == control_signal() && info->ssi_code == SI_QUEUE)
		slots_change(e, info->ssi_int);
	return sig == SIGUSR1 || sig == SIGUSR2 || sig == control_signal();
}

/* Once: cancel, with grace.  Twice: kill now. */
static void on_signal(void *arg, const struct signalfd_siginfo *info)
{
	struct engine *e = arg;

	if (asks_for_slots(e, info) || info->ssi_signo == SIGPIPE)
		return;
	e->signals++;
	if (e->signals == 1) {
		e->signal = (int)info->ssi_signo;
		schedule_cancel(e->s, REASON_CANCELED);
		if (e->run_ended) /* then it is for the hooks */
			stop(e, 0, STOP_TERM);
	} else {
		stop(e, 0, STOP_KILL);
	}
}

static void on_run_timeout(void *arg)
{
	struct engine *e = arg;

	e->timed_out = true;
	schedule_cancel(e->s, REASON_RUN_TIMEOUT);
}

static int wait_ms(const struct engine *e)
{
	int64_t due = schedule_due(e->s), pending = record_due_ms(e), unrecorded = fresh_due_ms(e);
	int64_t watched = watch_due_ms(e), asked = rights_due_ms(e), question = approval_due_ms(e), wait = -1;

	if (e->paused || (schedule_done(e->s) && !fresh_idle(e)))
		return 0;
	if (due != INT64_MAX)
		wait = due > now_ms() ? due - now_ms() : 0;
	if (pending >= 0 && (wait < 0 || pending < wait))
		wait = pending;
	if (unrecorded >= 0 && (wait < 0 || unrecorded < wait))
		wait = unrecorded;
	if (watched >= 0 && (wait < 0 || watched < wait))
		wait = watched;
	if (asked >= 0 && (wait < 0 || asked < wait))
		wait = asked;
	if (question >= 0 && (wait < 0 || question < wait))
		wait = question;
	return wait > INT32_MAX ? INT32_MAX : (int)wait;
}

struct ticker {
	struct engine *e;
	struct loop_timer timer;
	int64_t interval_ns;
};

static void on_tick(void *arg)
{
	struct ticker *t = arg;

	engine_tick(t->e);
	loop_timer_set(t->e->loop, &t->timer, loop_now(t->e->loop) + t->interval_ns);
}

static void turn_until_done(struct engine *e)
{
	watch_deadlines(e, 0, 0);
	pump(e);
	while ((!schedule_done(e->s) || !fresh_idle(e)) && !(e->broken && !e->n_running && !e->n_ahead)) {
		if (approval_only(e) && fresh_idle(e) && !fresh_probing(e)) {
			if (approval_look(e)) {
				pump(e);
				continue;
			}
			e->waiting = !approval_ask_person(e);
			if (e->waiting)
				break;
		}
		if (record_due_ms(e) == 0)
			record_flush(e);
		if (!e->paused)
			(void)rows_put(e);
		e->exec->ops->hand_on(e->exec);
		if (loop_turn(e->loop, wait_ms(e)) < 0 && errno != EINTR)
			engine_break(e, EXIT_RUN_FAILED, "waiting failed: %s", strerror(errno));
		watch_turn(e);
		rights_turn(e);
		approval_turn(e);
		pump(e);
	}
	approval_hush(e);
}

static int listen(struct engine *e)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGPIPE); /* whoever does not read any more what we say ends nothing */
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, control_signal());
	if (loop_signals(e->loop, &set, on_signal, e) < 0)
		return -1;
	return loop_fd(e->loop, e->exec->ops->watch_fd(e->exec), EPOLLIN, on_executor, e);
}

/* When the run has taken too long, on the monotonic clock; -1: never.  A clock that is set does not move it. */
static int64_t limit_ns(const struct engine *e)
{
	int64_t due = -1, deadline;

	if (e->o->timeout_ms)
		due = e->start_mono_ns + e->o->timeout_ms * NS_PER_MS;
	if (e->o->deadline_ms) {
		deadline = e->start_mono_ns + (e->o->deadline_ms - e->start_wall_ms) * NS_PER_MS;
		deadline = deadline > 0 ? deadline : 0;
		due = due < 0 || deadline < due ? deadline : due;
	}
	return due;
}

static void work(struct engine *e)
{
	struct ticker ticker = {.e = e, .timer = {.fn = on_tick, .arg = &ticker},
				.interval_ns = sinks_interval_ms(e->sinks) * NS_PER_MS};
	struct loop_timer limit = {.fn = on_run_timeout, .arg = e};
	const int64_t due = limit_ns(e);
	struct follow *follow = follow_begin(e);

	if (ticker.interval_ns)
		loop_timer_set(e->loop, &ticker.timer, e->start_mono_ns + ticker.interval_ns);
	if (due >= 0 && due <= stamp_mono_ns())
		on_run_timeout(e); /* nothing starts */
	else if (due >= 0)
		loop_timer_set(e->loop, &limit, due);
	turn_until_done(e);
	loop_timer_clear(e->loop, &ticker.timer);
	loop_timer_clear(e->loop, &limit);
	follow_end(follow);
}

/* --- from the first to the last ------------------------------------------------------------------------------------- */

char *engine_target_text(const struct engine *e)
{
	struct buf text = BUF_INIT;

	if (!e->o->targets.n)
		expansion_unit_name(e->x, e->x->target_unit[0], &text);
	for (size_t i = 0; i < e->o->targets.n; i++)
		buf_addf(&text, "%s%s", i ? " " : "", e->o->targets.at[i]);
	return buf_detach(&text);
}

/* Those of the run and those of its steps; the caller frees. */
static int *all_held(const struct engine *e, size_t *ret_n)
{
	size_t n;
	const int *shared = rights_fds(e, &n);
	int *all = xcalloc(e->n_held + n + 1, sizeof(*all));

	if (e->n_held)
		memcpy(all, e->held, e->n_held * sizeof(*all));
	if (n)
		memcpy(all + e->n_held, shared, n * sizeof(*all));
	*ret_n = e->n_held + n;
	return all;
}

/* `on_driver_death: finish` of something that was asked for. */
static bool may_finish(const struct engine *e)
{
	for (size_t i = 0; i < e->x->n_targets; i++) {
		uint32_t unit = e->x->target_unit[i];
		const struct bundle *b = &e->x->bundle[e->x->graph->unit[unit].group];

		if (e->x->graph->unit[unit].kind == UNIT_STEP ? e->x->place[unit].step->t.policy->finish
							      : b->job && b->job->t.policy->finish)
			return true;
	}
	return false;
}

/*
 * The warden gets ready while the ledger is opened.  Its journal has not the name yet by which whoever sweeps knows a
 * run that has begun.
 */
static void ready_executor(struct engine *e)
{
	char *warden = path_join(e->o->libexec, "orchmake-warden"), *journal = xasprintf("%s.new", e->paths.journal);
	struct exec_local_options o = {.warden_path = warden, .journal_path = journal,
				       .nonce = e->nonce, .slots = EXEC_LOCAL_MOST, .finish = e->finish};
	int *held = all_held(e, &o.n_held);

	o.held = held;
	e->exec = exec_local_open(&o);
	e->exec_error = e->exec ? 0 : errno;
	free(held);
	free(journal);
	free(warden);
}

static bool open_executor(struct engine *e)
{
	if (e->exec && exec_local_name_journal(e->exec, e->paths.journal) < 0)
		e->exec_error = errno;
	if (e->exec_error) {
		buf_addf(e->err, "cannot start '%s/orchmake-warden', which starts the steps: %s", e->o->libexec,
			 strerror(e->exec_error));
		return false;
	}
	if (e->jf->ledger.synced && run_paths_sync(&e->paths) < 0)
		engine_break(e, EXIT_LEDGER, "cannot bring '%s' to the disk: %s", e->paths.work, strerror(errno));
	e->loop = loop_new();
	if (e->loop && listen(e) == 0)
		return true;
	buf_addf(e->err, "cannot wait for signals and steps: %s", strerror(errno));
	return false;
}

/* Success needs evidence: what was asked for and never ran is none, whatever excuse it has. */
static bool targets_ran(const struct engine *e)
{
	for (size_t i = 0; i < e->x->n_targets; i++) {
		enum state s = schedule_state(e->s, e->x->target_unit[i]);

		if (s == STATE_BLOCKED || s == STATE_ABORTED)
			return false;
	}
	return true;
}

static enum state final_state(struct engine *e)
{
	const struct graph *g = e->x->graph;
	enum state s = schedule_state(e->s, g->group[g->root].end);

	if (e->broken)
		return STATE_FAILED;
	if (e->waiting)
		return STATE_WAITING;
	/* A signal that comes when everything has ended well changes nothing. */
	if (state_is_ok(s) && targets_ran(e))
		return STATE_SUCCEEDED;
	if (e->timed_out)
		return STATE_TIMED_OUT;
	return e->signals || (s == STATE_CANCELED && !e->failed_fast) ? STATE_CANCELED : STATE_FAILED;
}

/* Nothing failed but these n. */
static bool failed_only(const struct engine *e, uint32_t n)
{
	struct schedule_counts c;
	uint32_t failed = 0;

	schedule_counts(e->s, &c);
	for (int s = 0; s < STATE_COUNT; s++)
		failed += state_is_failure((enum state)s) ? c.by_state[s] : 0;
	return n && failed == n && !e->signal;
}

static int exit_code_of(const struct engine *e, enum state s)
{
	if (e->broken)
		return e->broken_exit;
	if (s == STATE_WAITING)
		return EXIT_WAITING;
	if (s == STATE_SUCCEEDED)
		return EXIT_DONE;
	if (e->timed_out)
		return EXIT_TIMED_OUT;
	if (failed_only(e, e->n_busy)) /* for want of a lock */
		return EXIT_BUSY;
	if (failed_only(e, hold_refusals(e)))
		return EXIT_STALE_PLAN;
	if (e->signal)
		return EXIT_SIGNAL + e->signal;
	return EXIT_RUN_FAILED;
}

static void finish(struct engine *e, int *ret_code)
{
	const struct graph *g = e->x->graph;
	enum state s = final_state(e);

	*ret_code = exit_code_of(e, s);
	outcome_run(e, s);
	/* Whatever is not settled by now is for whoever starts next to judge, and the run with it. */
	e->unjudged = (!e->waiting && !schedule_done(e->s)) ||
		      !record_run_end(e, s, schedule_is_degraded(e->s, g->group[g->root].end), *ret_code);
	if (e->unjudged) {
		s = final_state(e);
		*ret_code = exit_code_of(e, s);
	}
	hooks_finish(e, s);
	engine_summary(e, s);
	draft_keep(e);
}

/* What has come by now would end the program when the mask is given back. */
void forget_broken_pipes(void)
{
	const struct timespec at_once = {0};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	while (sigtimedwait(&set, NULL, &at_once) > 0)
		;
}

static void close_down(struct engine *e)
{
	if (e->exec && e->loop)
		loop_fd_drop(e->loop, e->exec->ops->watch_fd(e->exec));
	if (e->exec && !e->n_running)
		exec_local_dismiss(e->exec);
	engine_ahead_close(e);
	log_close(e);
	slots_close(e);
	watch_close(e);
	rights_close(e);
	approval_close(e);
	forget_broken_pipes();
	hold_close(e);
	loop_free(e->loop);
	e->loop = NULL;
	ledger_close(e->ledger);
	e->ledger = NULL;
	if (e->exec)
		e->exec->ops->close(e->exec);
	e->exec = NULL;
	overlap_leave(e);
	if (!e->unjudged) /* else whoever starts next needs the journal */
		work_done(&e->paths);
}

int engine_run(struct engine *e, const struct sinks *sinks, struct buf *err)
{
	int code = EXIT_LEDGER;

	e->err = err;
	e->sinks = sinks;
	e->start_wall_ms = stamp_wall_ms();
	e->start_mono_ns = stamp_mono_ns();
	e->target_text = engine_target_text(e);
	e->finish = may_finish(e);
	if (ulid_new(&e->id, e->start_wall_ms) < 0) {
		buf_addf(err, "no randomness for the run's id: %s", strerror(errno));
		return EXIT_RUN_FAILED;
	}
	if (getrandom(&e->nonce, sizeof(e->nonce), 0) != (ssize_t)sizeof(e->nonce) || !e->nonce)
		e->nonce = 1;
	json_object_set_new(e->run_info, "id", json_string(e->id.text));
	json_object_set_new(e->run_info, "target", json_string(e->target_text));
	if (!overlap_enter(e, err)) {
		overlap_leave(e);
		return err->len ? EXIT_LEDGER : EXIT_BUSY;
	}
	if (!run_paths_make(e, err))
		goto close;
	if (!rights_open(e, err)) {
		code = EXIT_RUN_FAILED;
		goto close;
	}
	ready_executor(e);
	if (!record_open(e))
		goto close;
	if (!hold_open(e)) {
		e->o->hold->late = true;
		code = EXIT_STALE_PLAN;
		goto close;
	}
	compiled_keep(e);
	draft_open(e);
	fresh_open(e, e->ledger, true);
	json_object_set_new(e->run_info, "dir", json_string(e->paths.work));
	slots_open(e);
	expect_begin(e);
	if (!record_run_begin(e)) {
		code = !e->late ? EXIT_LEDGER : e->o->hold ? EXIT_STALE_PLAN : EXIT_BUSY;
		goto close;
	}
	code = EXIT_RUN_FAILED;
	e->unjudged = true;
	if (!open_executor(e))
		engine_break(e, code, "%s", "");
	engine_begin(e);
	if (e->broken) {
		turn_until_done(e); /* only to say of every step why it does not run */
	} else {
		hooks_fire(e, HOOK_START, UNIT_NONE);
		work(e);
	}
	finish(e, &code);
close:
	close_down(e);
	return code;
}
