/* What an attempt's end means, by the step's own rules. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/stamp.h"
#include "doc/utf8.h"
#include "engine/engine_impl.h"
#include "engine/outputs.h"
#include "engine/search.h"
#include "report/tty.h"

enum {
	TAIL_MAX = 256 * 1024, /* how much of a log is looked at for the failure's text */
	LINE_MAX_BYTES = 500,  /* how much of a line becomes the failure's text */
};

/* --- looking at the log -------------------------------------------------------------------------------- */

/* The last max bytes of the file at path; empty if there is none. */
static void read_tail(const char *path, size_t max, struct buf *out)
{
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
	struct stat st;

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode)) {
		if (st.st_size > (off_t)max)
			(void)lseek(fd, st.st_size - (off_t)max, SEEK_SET);
		(void)fd_read_all(fd, out, max + 1);
	}
	close(fd);
}

/* The last line that says something. */
static struct span last_line(struct span text)
{
	text = span_trim(text);
	for (size_t i = text.len; i-- > 0;)
		if (text.at[i] == '\n' || text.at[i] == '\r')
			return span_trim((struct span){text.at + i + 1, text.len - i - 1});
	return text;
}

/* On one line, and in UTF-8 whatever the step wrote: it goes into JSON. */
static void add_line(struct buf *out, struct span line)
{
	struct buf clean = BUF_INIT;
	size_t len = 0, n;

	tty_clean(&clean, line);
	while (len < clean.len) {
		(void)utf8_decode(clean.data + len, clean.len - len, &n);
		if (len + n > LINE_MAX_BYTES)
			break;
		len += n;
	}
	buf_add(out, clean.data, len);
	buf_release(&clean);
}

/* What the step itself says went wrong: its pattern, a callable's error (told), or its `error: ` in the last line. */
static bool own_words(const struct step *st, struct span log, struct span told, struct buf *out)
{
	struct span got;

	if (st->t.policy->error && pattern_last(st->t.policy->error, log, &got) == PATTERN_YES && span_trim(got).len) {
		add_line(out, span_trim(got));
		return true;
	}
	if (span_trim(told).len) {
		add_line(out, span_trim(told));
		return true;
	}
	got = last_line(log);
	if (st->t.act->kind == ACT_CALL && got.len > 7 && !memcmp(got.at, "error: ", 7)) {
		add_line(out, (struct span){got.at + 7, got.len - 7});
		return true;
	}
	return false;
}

static void add_signal(struct buf *out, int number, bool dumped)
{
	const char *name = sigabbrev_np(number);

	if (name)
		buf_addf(out, "killed by SIG%s", name);
	else /* a real-time signal */
		buf_addf(out, "killed by signal %d", number);
	if (dumped)
		buf_puts(out, " (core dumped)");
}

static void exit_text(const struct step *st, int status, struct span log, struct span told, struct buf *out)
{
	struct span line = last_line(log);

	if (own_words(st, log, told, out))
		return;
	if (WIFSIGNALED(status))
		add_signal(out, WTERMSIG(status), WCOREDUMP(status));
	else
		buf_addf(out, "exit %d", WEXITSTATUS(status));
	if (line.len) {
		buf_puts(out, ": ");
		add_line(out, line);
	}
}

/* --- success ----------------------------------------------------------------------------------------------- */

static bool pattern_hits(const struct pattern *p, const char *path, const char *what, struct buf *why)
{
	enum pattern_result r;

	if (!p)
		return false;
	if (!path) {
		buf_addf(why, "its %s is not known (fail_if)", what);
		return true;
	}
	r = file_search(path, p);
	if (r == PATTERN_YES)
		buf_addf(why, "its %s matches %s (fail_if)", what, pattern_text(p));
	else if (r == PATTERN_LIMIT)
		buf_addf(why, "its %s could not be searched for %s (fail_if)", what, pattern_text(p));
	return r != PATTERN_NO;
}

static void judge_success(const struct step *st, const struct attempt *a, const char *root, struct verdict *v)
{
	const char *out = a->out ? a->out : a->log;

	if (pattern_hits(st->t.policy->fail_if.out, out, "output", &v->error) ||
	    pattern_hits(st->t.policy->fail_if.err, a->log, "error output", &v->error) ||
	    !outputs_collect(st, a->out, a->output, root, &v->result, &v->error)) {
		v->state = STATE_FAILED;
		v->reason = REASON_EXIT;
		return;
	}
	v->state = STATE_SUCCEEDED;
	v->reason = REASON_NONE;
}

/* EX_TEMPFAIL: how a program says without words that a later attempt may do. */
static enum failure_class class_of_exit(int exit_code)
{
	return exit_code == EX_TEMPFAIL ? CLASS_TRANSIENT : CLASS_UNKNOWN;
}

/* What a step would have said of it is not in its log then. */
static void add_full_disk(const char *log, struct buf *error)
{
	enum { NEXT_TO_NOTHING = 16 * 1024 };
	struct statvfs fs;

	if (log && statvfs(log, &fs) == 0 && fs.f_blocks && fs.f_bavail * fs.f_frsize < NEXT_TO_NOTHING)
		buf_puts(error, " (the disk of its log is full)");
}

static void judge_failure(const struct step *st, int status, const struct attempt *a, struct verdict *v)
{
	struct buf log = BUF_INIT, told = BUF_INIT;

	v->state = STATE_FAILED;
	v->reason = REASON_EXIT;
	if (st->t.act->kind == ACT_CALL) {
		v->class = answer_failure(a->out, &told);
		if (v->class == CLASS_UNKNOWN)
			v->class = class_of_exit(v->exit_code);
	}
	read_tail(a->log, TAIL_MAX, &log);
	exit_text(st, status, (struct span){log.data, log.len}, (struct span){told.data, told.len}, &v->error);
	add_full_disk(a->log, &v->error);
	buf_release(&log);
	buf_release(&told);
}

static void add_exit(struct verdict *v, int status)
{
	if (WIFSIGNALED(status))
		v->signal = WTERMSIG(status);
	else
		v->exit_code = WEXITSTATUS(status);
}

static void judge_exit(const struct step *st, const struct attempt_ended *ended, const struct attempt *a,
		       const char *root, struct verdict *v)
{
	add_exit(v, ended->status);
	if (exit_set_has(&st->t.policy->skip_exit, v->exit_code)) {
		v->state = STATE_SKIPPED;
		v->reason = REASON_SKIP_EXIT;
		buf_addf(&v->error, "%d", v->exit_code);
		return;
	}
	if (exit_set_has(&st->t.policy->ok_exit, v->exit_code)) {
		judge_success(st, a, root, v);
		return;
	}
	judge_failure(st, ended->status, a, v);
}

/* --- retry ---------------------------------------------------------------------------------------------------- */

static bool rule_holds(const struct retry_rule *r, const struct attempt_ended *ended, const struct verdict *v,
		       const struct attempt *a)
{
	switch (r->on) {
	case RETRY_ANY:
		return true;
	case RETRY_TIMEOUT:
		return v->state == STATE_TIMED_OUT && !a->stopped;
	case RETRY_STALL:
		return v->state == STATE_TIMED_OUT && a->stopped == STOPPED_STALL;
	case RETRY_NOT_STARTED:
		return ended->end == END_NOT_STARTED;
	case RETRY_SIGNAL:
		return v->signal && (!r->exit || r->exit == v->signal) && v->state != STATE_TIMED_OUT;
	case RETRY_EXIT:
		return v->exit_code == r->exit;
	case RETRY_TRANSIENT:
		return v->class == CLASS_TRANSIENT;
	case RETRY_PERMANENT:
		return v->class == CLASS_PERMANENT;
	case RETRY_STDOUT:
	case RETRY_STDERR:
		return file_search(r->on == RETRY_STDOUT && a->out ? a->out : a->log, r->pattern) == PATTERN_YES;
	}
	BUG("unknown retry rule %d", (int)r->on);
}

static bool any_holds(const struct retry_rule *r, size_t n, const struct attempt_ended *ended,
		      const struct verdict *v, const struct attempt *a)
{
	for (size_t i = 0; i < n; i++)
		if (rule_holds(&r[i], ended, v, a))
			return true;
	return false;
}

static bool may_try_again(const struct step *st, const struct attempt_ended *ended, const struct verdict *v,
			  const struct attempt *a)
{
	const struct retry_spec *r = st->t.policy->retry;

	if (a->stopped > STOPPED_STALL)
		return false; /* its time is up */
	if (st->t.act->kind == ACT_UNTIL) /* not yet; but what cannot be started is no answer */
		return state_is_failure(v->state) && v->state != STATE_LOST && v->state != STATE_INTERRUPTED &&
		       ended->end != END_NOT_STARTED;
	if (!r || !state_is_failure(v->state) || v->state == STATE_LOST || v->state == STATE_INTERRUPTED)
		return false;
	if (any_holds(r->not_when, r->n_not_when, ended, v, a))
		return false;
	if (!r->n_when) /* what its callable calls permanent would fail again */
		return v->class != CLASS_PERMANENT;
	return any_holds(r->when, r->n_when, ended, v, a);
}

/* --- the whole --------------------------------------------------------------------------------------------------- */

/* The driver had it stopped, but nobody had canceled it. */
static void judge_stopped(const struct step *st, const struct attempt *a, struct verdict *v)
{
	static const enum reason why[] = {
		[STOPPED_STALL] = REASON_STALLED, [STOPPED_DEADLINE] = REASON_DEADLINE,
		[STOPPED_UNTIL] = REASON_UNTIL_TIMEOUT,
	};

	v->state = STATE_TIMED_OUT;
	v->reason = why[a->stopped];
	buf_reset(&v->error);
	buf_puts(&v->error, reason_sentence(v->reason));
	if (a->stopped == STOPPED_STALL) {
		buf_puts(&v->error, ": ");
		duration_format(&v->error, st->t.policy->stall_ms);
	}
}

/* Of an `until` that was told to stop, and had just seen by itself that it is not so. */
static bool saw_too_late(const struct step *st, const struct attempt *a, const struct verdict *v)
{
	return st->t.act->kind == ACT_UNTIL && a->stopped > STOPPED_STALL && state_is_failure(v->state);
}

/* What is missing is looked for before each start: a program that exec(2) then does not find names another in its #! line. */
static void say_not_started(const struct attempt_ended *ended, struct buf *out)
{
	const char *stage = ended->stage ? ended->stage : "?", *why = strerror(ended->error);

	if (!ended->missing)
		buf_addf(out, "cannot start: %s: %s", stage, why);
	else if (!strcmp(stage, "chdir"))
		buf_addf(out, "cannot start in '%s': %s", ended->missing, why);
	else if (ended->error == ENOENT && !strchr(ended->missing, '/'))
		buf_addf(out, "cannot start '%s': no folder of PATH has it", ended->missing);
	else
		buf_addf(out, "cannot start '%s': %s", ended->missing, why);
	if (!ended->missing && !strcmp(stage, "exec") && ended->error == ENOENT)
		buf_puts(out, "; the program is there, but not what its first line (#!) or its loader asks for");
}

static void judge_not_started(const struct step *st, const struct attempt_ended *ended, const struct attempt *a,
			      struct verdict *v)
{
	if (ended->error == ECANCELED && a->stopped) { /* stopped before it was its turn */
		judge_stopped(st, a, v);
		return;
	}
	if (ended->error == ECANCELED) {
		v->state = STATE_CANCELED;
		v->reason = REASON_CANCELED;
		return;
	}
	v->state = STATE_FAILED;
	v->reason = REASON_NOT_STARTED;
	say_not_started(ended, &v->error);
}

static void judge_timeout(const struct step *st, const struct attempt_ended *ended, const struct attempt *a,
			  struct verdict *v)
{
	v->state = STATE_TIMED_OUT;
	v->reason = REASON_EXIT;
	add_exit(v, ended->status);
	buf_puts(&v->error, "timed out after ");
	duration_format(&v->error, a->timeout_ms ? a->timeout_ms : st->t.policy->timeout_ms);
}

void judge_attempt(const struct step *st, const struct attempt_ended *ended, const struct attempt *a,
		   const char *root, struct verdict *v)
{
	*v = (struct verdict){.exit_code = -1, .error = BUF_INIT};
	switch (ended->end) {
	case END_EXITED:
		judge_exit(st, ended, a, root, v);
		if (saw_too_late(st, a, v))
			judge_stopped(st, a, v);
		break;
	case END_NOT_STARTED:
		judge_not_started(st, ended, a, v);
		break;
	case END_TIMED_OUT:
		judge_timeout(st, ended, a, v);
		break;
	case END_STOPPED:
		if (a->stopped) {
			add_exit(v, ended->status);
			judge_stopped(st, a, v);
			break;
		}
		v->state = STATE_CANCELED;
		v->reason = REASON_CANCELED;
		break;
	case END_ORPHANED:
		v->state = STATE_INTERRUPTED;
		v->reason = REASON_DRIVER_DIED;
		buf_puts(&v->error, "killed because orchmake died");
		break;
	case END_LOST:
		v->state = STATE_LOST;
		v->reason = REASON_NOBODY_SAW;
		buf_puts(&v->error, "nobody saw how it ended");
		break;
	case END_BACK:
		BUG("what has not begun has no end");
	}
	v->again = may_try_again(st, ended, v, a);
}

void verdict_release(struct verdict *v)
{
	buf_release(&v->error);
	json_decref(v->result);
}
