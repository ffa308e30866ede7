/* A run that is what an image says: its record, and what is told of it. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "doc/json.h"
#include "engine/driver.h"
#include "engine/engine_impl.h"
#include "engine/image_read.h"
#include "ledger/ledger_read.h"

static struct ledger_found_all found_of(const struct image *im)
{
	return (struct ledger_found_all){.run = im->head->run_no, .id = im->head->run.text,
					 .freshness = im->head->freshness};
}

bool image_stands(const struct image *im, struct buf *why)
{
	const struct ledger_options lo = {.mode = LEDGER_LOOK};
	const struct ledger_found_all f = found_of(im);
	struct ledger_error err = LEDGER_ERROR_INIT;
	struct ledger *l = ledger_open(im->ledger, &lo, &err);
	bool good = l && ledger_still_finds(l, &f);

	if (!good)
		buf_puts(why, l ? ledger_error(l)->text.data : err.text.data);
	ledger_error_release(&err);
	ledger_close(l);
	return good;
}

/* --- recording ------------------------------------------------------------------------------------------------- */

struct image_run {
	const struct image *im;
	struct ledger *ledger;
	struct ulid id;
	struct run_paths paths;
	int64_t no, duration_ms;
};

static bool record(struct image_run *a, const struct run_options *o)
{
	const struct ledger_found_all f = found_of(a->im);
	struct ledger_run r = {
		.id = a->id.text, .command = o->command, .journal = a->paths.journal, .log_dir = a->paths.logs,
		.version = o->version, .wall_ms = a->im->start_wall_ms, .mono_ns = a->im->start_mono_ns,
	};
	struct driver d;

	if (getrandom(&r.nonce, sizeof(r.nonce), 0) != (ssize_t)sizeof(r.nonce) || !r.nonce)
		r.nonce = 1;
	driver_put(&d, &r);
	a->duration_ms = (stamp_mono_ns() - a->im->start_mono_ns) / NS_PER_MS;
	a->no = ledger_run_again(a->ledger, &f, &r, a->duration_ms);
	return a->no >= 0;
}

static bool begin(struct image_run *a, const struct run_options *o, struct buf *why)
{
	if (ulid_new(&a->id, a->im->start_wall_ms) < 0) {
		buf_puts(why, "there is no randomness for the run's id");
		return false;
	}
	run_paths_name(&a->paths, image_root(a->im), o->log_dir, a->id.text);
	if (!private_dir_make(a->paths.state_dir, why))
		return false;
	a->ledger = record_ledger(a->im->ledger, a->paths.state_dir, a->im->head->synced, o, why);
	if (!a->ledger)
		return false;
	if (!record(a, o))
		buf_puts(why, ledger_error(a->ledger)->text.data);
	return !why->len;
}

/* --- telling ---------------------------------------------------------------------------------------------------- */

struct telling {
	const struct sinks *sinks;
	bool all;
	const struct image_told *next, *end; /* else */
	uint32_t n_total;
};

static bool tell_event(void *ctx, const struct run_event *event)
{
	struct telling *t = ctx;
	struct run_event e = *event;

	e.n_total = t->n_total;
	if (!t->all && e.seq != t->next->seq)
		return true;
	if (!t->all)
		e.n_settled = t->next++->n_settled;
	sinks_event(t->sinks, &e);
	return t->all || t->next < t->end;
}

/* As the ledger has them, where that was one by one then. */
static void tell_events(const struct image_run *a, const struct sinks *sinks)
{
	const struct image_head *h = a->im->head;
	struct telling t = {.sinks = sinks, .next = a->im->told, .end = a->im->told + h->n_told,
			    .all = sinks_want(sinks) == SINK_WANTS_ALL};

	for (int s = 0; s < STATE_COUNT; s++)
		t.n_total += h->by_state[s];
	if (t.all || (sinks_want(sinks) == SINK_WANTS_JOBS && t.next < t.end))
		(void)ledger_events(a->ledger, a->no, t.all ? 1 : t.next->seq, 0, tell_event, &t);
}

static void tell(const struct image_run *a, const struct sinks *sinks)
{
	const struct image *im = a->im;
	const char *target = im->names + im->head->asked;
	const struct run_info info = {
		.run = a->id.text, .target = target, .root = image_root(im), .log_dir = a->paths.logs,
		.start_wall_ms = im->start_wall_ms, .start_mono_ns = im->start_mono_ns,
	};
	struct run_summary sum = {.run = a->id.text, .target = target, .state = STATE_SUCCEEDED,
				  .duration_ms = a->duration_ms, .has_ledger = true};

	sinks_begin(sinks, &info);
	tell_events(a, sinks);
	memcpy(sum.by_state, im->head->by_state, sizeof(sum.by_state));
	sinks_end(sinks, &sum);
}

void image_tell(const struct image_run *a, const struct sinks *sinks)
{
	sigset_t pipe, before;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	sigprocmask(SIG_BLOCK, &pipe, &before);
	tell(a, sinks);
	forget_broken_pipes();
	sigprocmask(SIG_SETMASK, &before, NULL);
}

json_t *image_result(const struct image_run *a)
{
	struct buf text = BUF_INIT, ignored = BUF_INIT;
	json_t *result = NULL;

	if (ledger_run_result(a->ledger, a->no, &text))
		result = json_parse(text.data, text.len, &ignored);
	buf_release(&text);
	buf_release(&ignored);
	return result;
}

struct image_run *image_record(const struct image *im, const struct run_options *o, struct buf *why)
{
	struct image_run *a = xcalloc(1, sizeof(*a));

	a->im = im;
	a->paths.work_fd = -1;
	if (begin(a, o, why))
		return a;
	image_run_free(a);
	return NULL;
}

void image_run_free(struct image_run *a)
{
	if (!a)
		return;
	ledger_close(a->ledger);
	run_paths_release(&a->paths);
	free(a);
}
