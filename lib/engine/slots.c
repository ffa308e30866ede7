/*
 * Slots that are shared with others: with the makes, cargos and compilers that
 * steps run (then this is the job server), and with the make that runs us (then
 * it is).  A slot is in hand before a step starts, and is given back when no
 * step is ready for it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/stamp.h"
#include "engine/control.h"
#include "engine/debug.h"
#include "engine/engine_impl.h"
#include "sys/calls.h"
#include "sys/makeflags.h"
#include "sys/tokens.h"

enum {
	CHILD_READ = 3, /* low numbers: make waits with select */
	CHILD_WRITE = 4,
	AGAIN_MS = 20,
	LOOK_MS = 100,	/* how often the load is looked at while it holds a step back */
	TELL_MS = 1000, /* it is worth a word after so long */
};

static void say(const struct engine *e, const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	if (e->o->say)
		e->o->say(e->o->say_ctx, text.data);
	buf_release(&text);
}

static void tell(const struct engine *e)
{
	if (!e->tokens)
		debug(e, DEBUG_JOBSERVER, "%" PRIu32 " slots, shared with nobody", e->slots);
	else if (e->fifo)
		debug(e, DEBUG_JOBSERVER, "%" PRIu32 " slots, through %s", e->slots, e->fifo);
	else
		debug(e, DEBUG_JOBSERVER, "%" PRIu32 " slots of the make above", e->slots);
}

static void nothing(void *arg)
{
	(void)arg; /* the turn of the loop is enough: balance follows */
}

/* Of a pool above: what it has to get back however this process ends. */
static void keep_debt(const struct engine *e)
{
	struct slots_debt *d = e->o->debt;
	int fd = -1;

	if (!d || !e->above)
		return;
	d->tokens = 0;
	if (!e->tokens)
		return;
	(void)tokens_debt(e->tokens, &fd);
	d->fd = fd;
	d->tokens = tokens_debt(e->tokens, &fd);
}

/* --- where they come from ----------------------------------------------------------------------------- */

static uint32_t processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? (uint32_t)n : 1;
}

/* Never more than the make above has, and never more than -j says. */
static void join_above(struct engine *e, const struct makeflags *m)
{
	uint32_t most = m->jobs ? m->jobs : processors();

	if (e->o->slots && (e->o->slots < most || !m->jobs))
		most = e->o->slots;
	e->tokens = m->auth == AUTH_FIFO ? tokens_from_fifo(m->path, most)
					 : tokens_from_pair(m->read_fd, m->write_fd, most);
	if (!e->tokens) {
		say(e, "the job server that MAKEFLAGS names cannot be used: %s", strerror(errno));
		return;
	}
	e->slots = most;
	e->above = true;
	e->fifo = m->path ? xstrdup(m->path) : NULL;
}

static void serve(struct engine *e)
{
	e->fifo = path_join(e->paths.work, "jobserver");
	e->tokens = tokens_serve(e->fifo, e->slots);
	e->serves = e->tokens != NULL;
	if (e->serves)
		return;
	say(e, "no job server for what the steps run: cannot make '%s': %s", e->fifo, strerror(errno));
	free(e->fifo);
	e->fifo = NULL;
}

static void watch_load(struct engine *e)
{
	uint32_t ignored;

	e->load = (struct load_limit){.most = e->o->load_limited ? e->o->load : -1, .calls = &calls_real};
	if (!e->o->load_limited || load_runnable(e->load.calls, &ignored) == 0)
		return;
	say(e, "-l holds nothing back, as /proc/loadavg cannot be read: %s", strerror(errno));
	e->load.most = -1;
}

void slots_open(struct engine *e)
{
	const struct makeflags *m = e->o->above;

	e->slots = e->o->slots ? e->o->slots : 1;
	if (m && m->auth == AUTH_BAD)
		say(e, "MAKEFLAGS names a job server whose descriptors are not here: put a + before the command in "
		       "the Makefile");
	if (m && (m->auth == AUTH_PAIR || m->auth == AUTH_FIFO))
		join_above(e, m);
	if (!e->tokens)
		serve(e);
	tell(e);
	e->again = e->load_timer = (struct loop_timer){.fn = nothing};
	watch_load(e);
	schedule_set_slots(e->s, e->slots);
	if (e->tokens && tokens_take(e->tokens) == 1)
		schedule_allow(e->s, tokens_held(e->tokens));
}

void slots_close(struct engine *e)
{
	if (e->loop && e->awaits_token)
		loop_fd_drop(e->loop, tokens_watch_fd(e->tokens));
	if (e->loop)
		loop_timer_clear(e->loop, &e->again);
	if (e->loop)
		loop_timer_clear(e->loop, &e->load_timer);
	tokens_free(e->tokens);
	e->tokens = NULL;
	keep_debt(e);
	free(e->fifo);
	e->fifo = NULL;
}

/* --- as long as the machine is not too busy ------------------------------------------------------------- */

static void load_text(const struct engine *e, struct buf *out)
{
	buf_addf(out, "%u runnable task%s, and -l says %g", e->load.runnable, e->load.runnable == 1 ? "" : "s",
		 e->load.most);
}

static void tell_high(struct engine *e)
{
	struct buf text = BUF_INIT;

	load_text(e, &text);
	record_about_run(e, EVENT_LOAD_HIGH, REASON_LOAD, text.data);
	e->held_told = true;
	buf_release(&text);
}

static void tell_fine(struct engine *e, bool waits)
{
	struct buf text = BUF_INIT;

	if (waits)
		load_text(e, &text);
	else
		buf_puts(&text, "nothing waits any more");
	record_about_run(e, EVENT_LOAD_FINE, REASON_NONE, text.data);
	e->held_told = false;
	buf_release(&text);
}

static void held(struct engine *e)
{
	int64_t now = stamp_mono_ns();

	debug(e, DEBUG_SCHED, "what is ready waits: %u runnable, -l %g", e->load.runnable, e->load.most);
	loop_timer_set(e->loop, &e->load_timer, now + LOOK_MS * NS_PER_MS);
	if (!e->held_since_ns)
		e->held_since_ns = now;
	if (!e->held_told && now - e->held_since_ns >= TELL_MS * NS_PER_MS)
		tell_high(e);
}

static void not_held(struct engine *e, bool waits)
{
	loop_timer_clear(e->loop, &e->load_timer);
	e->held_since_ns = 0;
	if (e->held_told)
		tell_fine(e, waits);
}

/* A step that is ready.  One may always run: else a machine that is busy for itself would do nothing here. */
static bool held_back(struct engine *e, uint32_t want, uint32_t used)
{
	bool busy = want && !load_lets(&e->load, e->n_starting);

	if (busy)
		held(e);
	else
		not_held(e, want);
	return busy && used;
}

void slots_turn(struct engine *e)
{
	struct schedule_counts c;

	if (e->load.most < 0)
		return;
	schedule_counts(e->s, &c);
	schedule_allow(e->s, c.slots_used);
}

void slots_held(const struct engine *e, struct buf *out)
{
	if (e->held_since_ns)
		load_text(e, out);
}

/* --- having them -------------------------------------------------------------------------------------- */

static void nothing_ready(void *arg, uint32_t ready)
{
	(void)ready;
	nothing(arg);
}

static void await(struct engine *e, bool yes)
{
	int fd = tokens_watch_fd(e->tokens);

	if (yes == e->awaits_token)
		return;
	if (!yes)
		loop_fd_drop(e->loop, fd);
	else if (loop_fd(e->loop, fd, EPOLLIN, nothing_ready, e) < 0)
		return;
	e->awaits_token = yes;
}

/* The implicit one stays: it costs nobody anything. */
static void give_back(struct engine *e, uint32_t keep)
{
	while (tokens_held(e->tokens) > (keep ? keep : 1))
		if (tokens_give(e->tokens) < 0)
			engine_break(e, EXIT_RUN_FAILED, "the job server broke: %s", strerror(errno));
}

void slots_lent(struct engine *e, struct attempt *a, bool offered)
{
	a->offered = offered;
	e->n_offered += offered;
}

static void mend(struct engine *e)
{
	int missing = e->tokens && !e->n_offered ? tokens_mend(e->tokens) : 0;

	if (missing == TOKENS_BROKEN)
		engine_break(e, EXIT_RUN_FAILED, "the job server broke: %s", strerror(errno));
	else if (missing > 0)
		say(e, "%d slot%s that a step did not give back %s there again", missing, missing == 1 ? "" : "s",
		    missing == 1 ? "is" : "are");
}

void slots_returned(struct engine *e, struct attempt *a)
{
	if (!a->offered)
		return;
	a->offered = false;
	e->n_offered--;
	mend(e);
}

/*
 * Who serves the pool keeps what it has got until it suffices, and so gets it some time however many want the rest.
 * Below a server a step that needs several takes all of them or none: two that waited for each other's would wait for
 * ever.
 */
static bool wait_for(struct engine *e, uint32_t used, uint32_t want)
{
	bool by_fd = e->serves || want == used + 1;

	if (!e->serves)
		give_back(e, used);
	if (!by_fd)
		loop_timer_set(e->loop, &e->again, loop_now(e->loop) + AGAIN_MS * NS_PER_MS);
	return by_fd;
}

/* So many are at hand then. */
static uint32_t balance_tokens(struct engine *e, uint32_t want, uint32_t used)
{
	bool waits = false;
	int got = 1;

	while (tokens_held(e->tokens) < want && (got = tokens_take(e->tokens)) > 0)
		;
	if (got < 0)
		engine_break(e, EXIT_RUN_FAILED, "the job server broke: %s", strerror(errno));
	if (tokens_held(e->tokens) < want)
		waits = wait_for(e, used, want);
	else
		give_back(e, want > used ? want : used);
	keep_debt(e);
	await(e, tokens_owed(e->tokens) || waits);
	return tokens_held(e->tokens);
}

bool slots_balance(struct engine *e)
{
	uint32_t want = schedule_wants(e->s), had = e->tokens ? tokens_held(e->tokens) : e->slots, have = had;
	bool limited = e->load.most >= 0;
	struct schedule_counts c;

	if (e->broken || (!e->tokens && !limited))
		return false;
	schedule_counts(e->s, &c);
	if (limited && held_back(e, want, c.slots_used))
		want = 0;
	if (e->tokens)
		have = balance_tokens(e, want, c.slots_used);
	schedule_allow(e->s, !limited ? have : want && have >= want ? want : c.slots_used);
	return want && have >= want && (limited || have > had);
}

/* --- another number of them ------------------------------------------------------------------------------- */

/* What runs is not touched: where there are fewer now, nothing starts until enough have ended. */
static void set_number(struct engine *e, uint32_t n)
{
	char *text;

	if (e->tokens)
		(void)tokens_resize(e->tokens, n);
	n = e->tokens ? tokens_size(e->tokens) : n;
	if (n == e->slots)
		return;
	text = xasprintf("%u to %u", e->slots, n);
	debug(e, DEBUG_JOBSERVER, "slots: %s, still owed by those below: %u", text, e->tokens ? tokens_owed(e->tokens) : 0);
	e->slots = n;
	schedule_set_slots(e->s, n);
	if (e->tokens)
		schedule_allow(e->s, tokens_held(e->tokens));
	if (e->ledger)
		ledger_run_slots(e->ledger, e->run_no, n);
	record_about_run(e, EVENT_SLOTS_CHANGED, REASON_NONE, text);
	free(text);
}

void slots_change(struct engine *e, int64_t n)
{
	if (e->run_ended)
		return;
	if (e->above)
		say(e, "the slots are those of the job server above, which says how many there are: they stay %u", e->slots);
	else if (n < 1)
		say(e, "one slot is the fewest there can be");
	else
		set_number(e, n < CONTROL_SLOTS_MOST ? (uint32_t)n : CONTROL_SLOTS_MOST);
}

/* --- handing them on ---------------------------------------------------------------------------------- */

size_t slots_offer(const struct engine *e, const struct step *st, struct env_list *env, struct start_fd *fds, bool *ret)
{
	enum slot_offer how = traits_has(&st->t, KEY_jobserver) ? st->t.policy->jobserver : e->o->jobserver;
	struct buf text = BUF_INIT;
	int in, out;

	*ret = e->tokens && how != OFFER_OFF && !env_get(env, "MAKEFLAGS"); /* else its own env says something else */
	if (!*ret)
		return 0;
	tokens_pair(e->tokens, &in, &out);
	if (in < 0 || (how == OFFER_FIFO && e->fifo)) {
		makeflags_write(&text, e->slots, -1, -1, e->fifo);
		in = -1;
	} else {
		makeflags_write(&text, e->slots, CHILD_READ, CHILD_WRITE, NULL);
		fds[0] = (struct start_fd){.fd = in, .number = CHILD_READ, .lasts = true};
		fds[1] = (struct start_fd){.fd = out, .number = CHILD_WRITE, .lasts = true};
	}
	if (e->load.most >= 0)
		buf_addf(&text, " -l%g", e->load.most);
	env_set(env, "MAKEFLAGS", text.data);
	buf_release(&text);
	return in < 0 ? 0 : 2;
}
