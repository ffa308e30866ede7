#include "engine/recover.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/stamp.h"
#include "base/vec.h"
#include "doc/diag.h"
#include "doc/json.h"
#include "engine/control.h"
#include "engine/definition.h"
#include "engine/engine_impl.h"
#include "engine/evidence.h"
#include "engine/exec_local.h"
#include "engine/fresh.h"
#include "engine/stored.h"
#include "ledger/ledger_read.h"
#include "ledger/ledger_repair.h"
#include "warden/journal.h"

enum {
	/*
	 * A warden whose driver died kills at once, without a grace: milliseconds, and a second for a loaded machine.
	 * What takes longer cannot be killed, and no start is to wait for that.
	 */
	WARDEN_WAIT_MS = 2000,
	SWEEP_WAIT_MS = 2000, /* likewise */
};

/* A run that has not ended, by the ledger. */
struct open_run {
	int64_t no;
	char *id, *target, *root, *journal, *logs;
	uint64_t nonce, pid_start;
	pid_t pid;
	bool finish; /* its warden lets what runs end */
	char boot[2 * BOOT_ID_BYTES + 1];
};

struct open_runs {
	struct open_run *at;
	size_t n, room;
};

static char *dup_or_empty(const char *s)
{
	return xstrdup(s ? s : "");
}

static bool keep_open_run(void *ctx, const struct ledger_run_row *r)
{
	struct open_runs *l = ctx;
	struct open_run o = {
		.no = r->no, .id = dup_or_empty(r->id), .target = dup_or_empty(r->target),
		.root = dup_or_empty(r->root), .journal = dup_or_empty(r->journal),
		.logs = dup_or_empty(r->log_dir), .nonce = r->nonce,
		.pid_start = r->pid_start, .pid = r->pid, .finish = stored_option(r->options, "finish"),
	};

	snprintf(o.boot, sizeof(o.boot), "%s", r->boot_id ? r->boot_id : "");
	VEC_PUSH(l->at, l->n, l->room, o);
	return true;
}

static bool read_open_runs(struct ledger *l, struct open_runs *ret, struct buf *err)
{
	if (ledger_open_runs(l, keep_open_run, ret))
		return true;
	buf_puts(err, ledger_error(l)->text.data);
	return false;
}

static void open_runs_release(struct open_runs *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->at[i].id);
		free(l->at[i].target);
		free(l->at[i].root);
		free(l->at[i].journal);
		free(l->at[i].logs);
	}
	free(l->at);
}

/* --- does it live? ---------------------------------------------------------------------------------- */

/* The warden outlives its driver for as long as its killing takes; its lock on the journal goes with it. */
static bool wait_for_warden(const char *journal, int64_t until)
{
	enum journal_state state = JOURNAL_NONE;

	while (!journal_state(journal, &state) && state == JOURNAL_ALIVE) {
		const struct timespec pause = {.tv_nsec = 2 * NS_PER_MS};

		if (stamp_mono_ns() > until)
			return false;
		(void)nanosleep(&pause, NULL);
	}
	return true;
}

/* --- judging ------------------------------------------------------------------------------------------- */

struct step_names {
	uint32_t unit;
	char *job, *step;
};

struct names {
	struct step_names *at;
	size_t n, room;
};

static bool keep_names(void *ctx, const struct ledger_step_row *r)
{
	struct names *l = ctx;

	if (!state_is_final(r->state))
		VEC_PUSH(l->at, l->n, l->room,
			 ((struct step_names){r->unit, dup_or_empty(r->job), dup_or_empty(r->step)}));
	return true;
}

struct attempt_rows {
	struct ledger_attempt_row *at; /* texts: log and out are ours */
	size_t n, room;
};

static bool keep_attempt(void *ctx, const struct ledger_attempt_row *r)
{
	struct attempt_rows *l = ctx;
	struct ledger_attempt_row copy = *r;

	if (r->phase != ATTEMPT_INTENT && r->phase != ATTEMPT_RUNNING)
		return true;
	copy.log = r->log ? xstrdup(r->log) : NULL;
	copy.out = r->out ? xstrdup(r->out) : NULL;
	VEC_PUSH(l->at, l->n, l->room, copy);
	return true;
}

static const struct step *step_of(const struct jobfile *jf, const struct names *names, uint32_t unit)
{
	for (size_t i = 0; jf && i < names->n; i++) {
		const struct job *j;

		if (names->at[i].unit != unit)
			continue;
		j = job_find(jf, names->at[i].job);
		return j ? step_find(j, names->at[i].step) : NULL;
	}
	return NULL;
}

/* Without its step (a definition that does not load) only the bare exit is known. */
static void judge_bare(const struct attempt_ended *end, struct verdict *v)
{
	*v = (struct verdict){.exit_code = -1, .error = BUF_INIT, .state = STATE_LOST, .reason = REASON_NOBODY_SAW};
	if (end->end == END_ORPHANED) {
		v->state = STATE_INTERRUPTED;
		v->reason = REASON_DRIVER_DIED;
	}
	buf_puts(&v->error, "its definition could not be read, so its end could not be judged");
}

/* What it was making when it was killed is half-made. */
static void discard(const struct open_run *run, const struct step *st, const struct journal_attempt *a,
		    const struct verdict *v, const char *work)
{
	struct map names = MAP_INIT;
	char *list;

	if (!st || !makes_files(&st->t) || !(state_is_failure(v->state) || v->state == STATE_CANCELED))
		return;
	list = xasprintf("%s/makes-%" PRIu32, work, a->serial);
	discard_names(st, run->root, list, &names);
	discard_outputs(run->root, &names, a->start_wall_ms);
	map_release(&names);
	free(list);
}

/* The row may be older than the start by what waits for a commit; the log's name begins with the serial. */
static char *find_log(const struct open_run *run, uint32_t serial)
{
	DIR *dir = opendir(run->logs);
	char *begin = xasprintf("%06" PRIu32 "-", serial), *log = NULL;
	const struct dirent *d;

	while (dir && !log && (d = readdir(dir)))
		if (!strncmp(d->d_name, begin, strlen(begin)))
			log = path_join(run->logs, d->d_name);
	if (dir)
		closedir(dir);
	free(begin);
	return log;
}

/* Of a success there is no log only if it was empty. */
static int64_t bytes_of(const char *log, enum state state)
{
	int64_t bytes = log ? log_bytes(log) : -1;

	return bytes < 0 && state == STATE_SUCCEEDED ? 0 : bytes;
}

static void outcome_of(const struct open_run *run, const struct step *st, const struct journal_attempt *a,
		       struct ledger_attempt_row *row, struct ledger_outcome *ret, struct verdict *v)
{
	const struct attempt_ended end = evidence_end(a);
	char *work = path_dir(run->journal);
	struct attempt at = {.output = xasprintf("%s/output-%" PRIu32, work, a->serial)};

	if (!row->log)
		row->log = find_log(run, a->serial);
	at.log = (char *)row->log;
	/* The row may be older than the start by what waits for a commit; the name follows from the serial. */
	at.out = row->out ? xstrdup(row->out)
			  : xasprintf("%s/out-%" PRIu32 "%s", work, a->serial,
				      st && st->t.act->kind == ACT_CALL ? ".json" : "");

	if (st)
		judge_attempt(st, &end, &at, run->root, v);
	else
		judge_bare(&end, v);
	discard(run, st, a, v, work);
	*ret = (struct ledger_outcome){
		.serial = a->serial, .start_wall_ms = a->start_wall_ms, .pid = a->pid, .log = row->log,
		.settles = !v->again,
		.end = {.state = v->state, .reason = v->reason, .exit_code = v->exit_code, .signal = v->signal,
			.start_errno = end.end == END_NOT_STARTED ? a->error : 0,
			.stage = end.end == END_NOT_STARTED ? end.stage : NULL,
			.error = v->error.len ? v->error.data : NULL,
			.wall_ms = a->start_wall_ms + a->elapsed_ms, .duration_us = a->elapsed_ms * 1000,
			.user_us = end.user_us, .system_us = end.system_us, .max_rss_kib = a->max_rss_kib,
			.leftovers = a->leftovers, .log_bytes = bytes_of(row->log, v->state), .class = failure_class_word(v->class)},
	};
	free(at.output);
	free(at.out);
	free(work);
}

/* --- repairing one run ------------------------------------------------------------------------------------ */

static struct jobfile *load_definition(struct ledger *l, int64_t run)
{
	struct diags *d = diags_new();
	struct buf text = BUF_INIT;
	struct jobfile *jf = NULL;

	if (ledger_run_definition(l, run, &text) && text.len)
		jf = definition_load(text.data, text.len, d);
	buf_release(&text);
	diags_free(d);
	return jf;
}

struct judged {
	struct ledger_outcome *outcome;
	struct verdict *verdict;
	struct buf *result;
	size_t n;
	size_t by_state[STATE_COUNT];
};

static void judge_all(const struct open_run *run, const struct jobfile *jf, const struct names *names,
		      const struct journal *journal, struct attempt_rows *rows, struct judged *j)
{
	j->outcome = xcalloc(rows->n, sizeof(*j->outcome));
	j->verdict = xcalloc(rows->n, sizeof(*j->verdict));
	j->result = xcalloc(rows->n, sizeof(*j->result));
	for (size_t i = 0; i < rows->n; i++) {
		struct ledger_attempt_row *row = &rows->at[i];
		const struct journal_attempt *a = journal ? journal_find(journal, row->serial) : NULL;
		size_t at = j->n;

		if (!a) /* never started: an intent that was not used; what ran without a trace is lost */
			continue;
		outcome_of(run, step_of(jf, names, row->unit), a, row, &j->outcome[at], &j->verdict[at]);
		buf_init(&j->result[at]);
		if (j->verdict[at].result) {
			json_text(&j->result[at], j->verdict[at].result, JSON_TIGHT);
			j->outcome[at].result = j->result[at].data;
		}
		j->by_state[j->verdict[at].state]++;
		j->n++;
	}
}

static void judged_release(struct judged *j)
{
	for (size_t i = 0; i < j->n; i++) {
		verdict_release(&j->verdict[i]);
		buf_release(&j->result[i]);
	}
	free(j->outcome);
	free(j->verdict);
	free(j->result);
}

static void describe(const struct open_run *run, const struct judged *j, struct buf *text)
{
	const char *comma = ": ";

	buf_addf(text, "run %s of '%s' was found dead and is recorded as interrupted", run->id, run->target);
	for (int s = 0; s < STATE_COUNT; s++) {
		if (!j->by_state[s])
			continue;
		buf_addf(text, "%s%zu %s", comma, j->by_state[s], state_word((enum state)s));
		comma = ", ";
	}
	if (j->n)
		buf_puts(text, j->n == 1 ? " attempt in flight" : " attempts in flight");
}

static bool apply(struct ledger *l, const struct open_run *run, const struct judged *j,
		  void (*say)(void *ctx, const char *text), void *ctx)
{
	struct buf text = BUF_INIT;
	bool applied = false;

	if (!ledger_repair_run(l, run->no, j->outcome, j->n, stamp_wall_ms(), &applied))
		return false;
	if (applied && say) {
		describe(run, j, &text);
		say(ctx, text.data);
	}
	buf_release(&text);
	return true;
}

static void names_release(struct names *names, struct attempt_rows *rows)
{
	for (size_t i = 0; i < names->n; i++) {
		free(names->at[i].job);
		free(names->at[i].step);
	}
	free(names->at);
	for (size_t i = 0; i < rows->n; i++) {
		free((char *)rows->at[i].log);
		free((char *)rows->at[i].out);
	}
	free(rows->at);
}

/* A ledger may come from anywhere: only a folder that is named after the run is the run's.  NULL: it has none. */
static char *work_of(const struct open_run *run)
{
	char *work = path_dir(run->journal);

	if (run->id[0] && !strcmp(path_base(work), run->id))
		return work;
	free(work);
	return NULL;
}

static void remove_work(const struct open_run *run)
{
	char *work = work_of(run);

	if (work)
		work_remove(work);
	free(work);
}

static bool keep_open(void *ctx, const struct ledger_run_row *r)
{
	*(bool *)ctx = !state_is_final(r->state);
	return false;
}

enum { BUSY = -2 };

/* In *ret_fd what holds the folder, -1 if there is none, BUSY if somebody else holds it: then false. */
static bool try_turn(const char *work, int *ret_fd)
{
	errno = 0;
	*ret_fd = work ? work_hold(work, LOCK_EX | LOCK_NB) : -1;
	if (*ret_fd < 0 && errno == EWOULDBLOCK)
		*ret_fd = BUSY;
	return *ret_fd != BUSY;
}

static void say_of(const struct open_run *run, const char *what, void (*say)(void *ctx, const char *text), void *ctx)
{
	char *text = xasprintf("run %s of '%s' %s", run->id, run->target, what);

	if (say)
		say(ctx, text);
	free(text);
}

/*
 * One at a time: what a second one took for half-made could be what the first has made since.  Who finds the folder
 * gone has nothing to discard.  False: somebody has been at it for too long.
 */
static bool take_turn(const struct open_run *run, void (*say)(void *ctx, const char *text), void *ctx, int *ret_fd)
{
	const int64_t until = stamp_mono_ns() + (int64_t)LEDGER_BUSY_MS * NS_PER_MS;
	const struct timespec pause = {.tv_nsec = 2 * NS_PER_MS};
	char *work = work_of(run);
	bool told = false;

	while (!try_turn(work, ret_fd) && stamp_mono_ns() < until) {
		if (!told)
			say_of(run, "was found dead, and is being recorded by another orchmake: this one waits", say, ctx);
		told = true;
		(void)nanosleep(&pause, NULL);
	}
	free(work);
	return *ret_fd != BUSY;
}

static bool repair(struct ledger *l, const struct open_run *run, void (*say)(void *ctx, const char *text),
		   void *ctx)
{
	struct names names = {0};
	struct attempt_rows rows = {0};
	struct judged j = {0};
	struct journal journal;
	bool has_journal = !journal_read(&journal, run->journal, run->nonce), good;
	struct jobfile *jf;
	size_t killed;

	/* Driver and warden may have died together: what they left is found and ended before anything starts. */
	if (has_journal)
		(void)exec_local_sweep(&calls_real, &journal, SWEEP_WAIT_MS, &killed);
	good = ledger_steps(l, run->no, NULL, keep_names, &names) &&
	       ledger_attempts(l, run->no, LEDGER_ANY, keep_attempt, &rows);
	if (good) {
		jf = rows.n ? load_definition(l, run->no) : NULL;
		judge_all(run, jf, &names, has_journal ? &journal : NULL, &rows, &j);
		good = apply(l, run, &j, say, ctx);
		judged_release(&j);
		jobfile_free(jf);
	}
	if (has_journal)
		journal_release(&journal);
	names_release(&names, &rows);
	if (good)
		remove_work(run);
	return good;
}

static bool repair_alone(struct ledger *l, const struct open_run *run, void (*say)(void *ctx, const char *text),
			 void *ctx, struct buf *err)
{
	bool open = false, good;
	int fd;

	if (!take_turn(run, say, ctx, &fd)) {
		buf_addf(err, "another orchmake has been recording how run %s of '%s' died, for half a minute: stop it, or try "
			 "again later", run->id, run->target);
		return false;
	}
	good = ledger_run_get(l, run->no, keep_open, &open) && (!open || repair(l, run, say, ctx));
	if (!good)
		buf_puts(err, ledger_error(l)->text.data);
	if (fd >= 0)
		close(fd);
	return good;
}

static void stays_open(const struct open_run *run, void (*say)(void *ctx, const char *text), void *ctx)
{
	say_of(run, run->finish
	       ? "has lost its driver, but its warden still waits for its steps, which may finish; it is recorded when they have ended"
	       : "has lost its driver, but its warden still waits for processes that cannot be killed; it is recorded when they "
		 "have ended", say, ctx);
}

bool recover_runs(struct ledger *l, void (*say)(void *ctx, const char *text), void *ctx, struct buf *err)
{
	struct open_runs runs = {0};
	bool good = read_open_runs(l, &runs, err);
	int64_t until = stamp_mono_ns() + (int64_t)WARDEN_WAIT_MS * NS_PER_MS; /* for all of them together */

	for (size_t i = 0; good && i < runs.n; i++) {
		const struct open_run *run = &runs.at[i];

		if (control_driver_lives(run->boot, run->pid, run->pid_start))
			continue;
		if (!wait_for_warden(run->journal, run->finish ? 0 : until)) {
			stays_open(run, say, ctx);
			continue;
		}
		good = repair_alone(l, run, say, ctx, err);
	}
	open_runs_release(&runs);
	return good;
}

bool recover_adopted(struct ledger *l, int64_t no, void (*say)(void *ctx, const char *text), void *ctx, struct buf *err)
{
	struct open_runs runs = {0};
	bool good = read_open_runs(l, &runs, err);

	for (size_t i = 0; good && i < runs.n; i++) {
		const struct open_run *run = &runs.at[i];

		if (run->no != no || !run->finish || control_driver_lives(run->boot, run->pid, run->pid_start))
			continue;
		if (!wait_for_warden(run->journal, 0))
			say_of(run, "has lost its driver, and its steps may finish: waiting for those that still run", say, ctx);
		(void)wait_for_warden(run->journal, INT64_MAX);
		good = repair_alone(l, run, say, ctx, err);
	}
	open_runs_release(&runs);
	return good;
}
